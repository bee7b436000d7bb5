//! One certificate: read where it stands, read into bytes of its own, and what an import asks.
#![allow(missing_docs, clippy::unwrap_used)] // criterion's entry points; a bench may stop

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use smime::x509::{Certificate, CertificateRef, check_import};
use smime_testkit::{Authority, Profile, TestKey};

fn certificates(criterion: &mut Criterion) {
    let root = Authority::root("Benchmark Authority", TestKey::P384A);
    let people = [TestKey::Rsa2048A, TestKey::P256A]
        .map(|key| root.person("alice@example.com", Profile::of(key)));
    for person in people {
        let der = person.certificate.der();
        let key = person.test_key;
        let mut group = criterion.benchmark_group(format!("certificate/{key:?}"));
        group.bench_function("view", |bencher| {
            bencher.iter(|| CertificateRef::from_der(black_box(der)).unwrap());
        });
        group.bench_function("view and extract", |bencher| {
            bencher.iter(|| extract(black_box(der)));
        });
        group.bench_function("own", |bencher| {
            bencher.iter(|| Certificate::from_der(black_box(der)).unwrap());
        });
        group.finish();
    }
}

/// What is asked of a certificate to be imported, down to the bytes of its addresses.
fn extract(der: &[u8]) -> usize {
    let view = CertificateRef::from_der(der).unwrap();
    check_import(&view).unwrap();
    let usages = view.extended_key_usage().map_or(0, |it| it.iter().count());
    black_box((view.not_before(), view.not_after(), view.key_usage()));
    view.san_emails().map(str::len).sum::<usize>() + usages
}

criterion_group!(benches, certificates);
criterion_main!(benches);
