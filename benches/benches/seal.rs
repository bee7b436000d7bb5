//! Outgoing mail: certificates found and proven, then written once through the whole stack.
#![allow(missing_docs, clippy::unwrap_used)] // criterion's entry points; a bench may stop

use std::{hint::black_box, io};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use smime_bench::{KEYS, PROTECTIONS, People, SIZES, draft, mail, samples};

fn seal(criterion: &mut Criterion) {
    for (size_name, size) in SIZES {
        let mail = mail(size);
        let bytes = u64::try_from(size).unwrap();
        let mut group = criterion.benchmark_group(format!("seal/{size_name}"));
        group
            .throughput(Throughput::Bytes(bytes))
            .sample_size(samples(size));
        for (key_name, key) in KEYS {
            let people = People::new(key);
            for protection in PROTECTIONS {
                let draft = draft(&mail, protection);
                let name = BenchmarkId::new(protection.name, key_name);
                group.bench_function(name, |bencher| {
                    bencher.iter(|| people.engine().seal(black_box(&draft), io::sink()).unwrap());
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, seal);
criterion_main!(benches);
