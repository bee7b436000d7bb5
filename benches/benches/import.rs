//! Files of many certificates into each kind of store, and what the bytes alone would cost.
#![allow(missing_docs, clippy::unwrap_used)] // criterion's entry points; a bench may stop

use std::hint::black_box;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use smime::{
    crypto::{sha1_fingerprint, sha256},
    store::{Embedded, Entry, ImportOptions, Memory, Store, import, visit_items},
    x509::{CertificateRef, check_import},
};
use smime_testkit::{NOW, Population};

fn imports(criterion: &mut Criterion) {
    for count in [1_000, 50_000] {
        let mut pem = Vec::new();
        Population::new(count).write_pem(&mut pem).unwrap();
        let der: Vec<u8> = Population::new(count).flatten().collect();
        let mut group = criterion.benchmark_group(format!("import/{count} certificates"));
        group
            .throughput(Throughput::Elements(count))
            .sample_size(10);
        for (form, file) in [("PEM", &pem), ("DER", &der)] {
            group.bench_function(format!("{form} into memory"), |bencher| {
                bencher.iter_batched(
                    Memory::new,
                    |store| {
                        all_added(&store, file, count);
                        store
                    },
                    BatchSize::PerIteration,
                );
            });
            group.bench_function(format!("{form} into embedded"), |bencher| {
                let fresh = || {
                    let folder = tempfile::tempdir().unwrap();
                    let store = Embedded::open(&folder.path().join("store")).unwrap();
                    (store, folder)
                };
                let import = |(store, folder)| {
                    all_added(&store, file, count);
                    (store, folder)
                };
                bencher.iter_batched(fresh, import, BatchSize::PerIteration);
            });
        }
        group.finish();
    }
}

/// What each stage costs, of 1000 certificates; `floor` is two digests and base64 of the bytes.
fn stages(criterion: &mut Criterion) {
    let ders: Vec<Vec<u8>> = Population::new(1000).collect();
    let mut pem = Vec::new();
    Population::new(1000).write_pem(&mut pem).unwrap();
    let mut group = criterion.benchmark_group("import/stages of 1000 certificates");
    group.throughput(Throughput::Elements(1000));
    group.bench_function("split, base64, parse", |bencher| {
        bencher.iter(|| {
            let mut count = 0;
            visit_items(black_box(&pem), &mut |item| {
                black_box(item.content.unwrap());
                count += 1;
            });
            assert_eq!(count, 1000);
        });
    });
    group.bench_function("parse", |bencher| {
        bencher.iter(|| {
            for der in &ders {
                black_box(CertificateRef::from_der(der).unwrap());
            }
        });
    });
    group.bench_function("floor: base64, SHA-256, SHA-1", |bencher| {
        let texts: Vec<String> = ders.iter().map(|der| STANDARD.encode(der)).collect();
        let mut room = vec![0; 4096];
        bencher.iter(|| {
            for text in &texts {
                let length = STANDARD.decode_slice(text, &mut room).unwrap();
                let der = room.get(..length).unwrap();
                black_box((sha256(&[der]), sha1_fingerprint(der)));
            }
        });
    });
    group.bench_function("PEM, extracted, SHA-256, SHA-1", |bencher| {
        bencher.iter(|| {
            let mut count = 0;
            visit_items(black_box(&pem), &mut |item| {
                let view = item.content.unwrap();
                check_import(view).unwrap();
                black_box((view.not_before(), view.not_after(), view.key_usage()));
                black_box(view.san_emails().map(str::len).sum::<usize>());
                black_box((view.fingerprint(), sha1_fingerprint(view.der())));
                count += 1;
            });
            assert_eq!(count, 1000);
        });
    });
    let views: Vec<_> = ders
        .iter()
        .map(|der| CertificateRef::from_der(der).unwrap())
        .collect();
    group.bench_function("fingerprint and index", |bencher| {
        bencher.iter(|| {
            for view in &views {
                black_box(Entry::new(view));
            }
        });
    });
    group.finish();
}

/// Ways to a certificate among 50 000.
fn look_ups(criterion: &mut Criterion) {
    let mut pem = Vec::new();
    Population::new(50_000).write_pem(&mut pem).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(&folder.path().join("store")).unwrap();
    all_added(&store, &pem, 50_000);
    let addresses: Vec<_> = (0..50_000)
        .step_by(499)
        .filter_map(|number| smime::x509::EmailAddress::new(&Population::address(number)))
        .collect();
    let mut next = addresses.iter().cycle();
    criterion.bench_function("look-up by address among 50000", |bencher| {
        bencher.iter(|| {
            let address = next.next().unwrap();
            assert_eq!(store.by_address(address).unwrap().len(), 1);
        });
    });
}

fn all_added(store: &dyn Store, file: &[u8], count: u64) {
    let imported = import(store, file, &ImportOptions::new(NOW), &mut |_| {}).unwrap();
    assert_eq!(imported.summary.added, count);
}

criterion_group!(benches, imports, stages, look_ups);
criterion_main!(benches);
