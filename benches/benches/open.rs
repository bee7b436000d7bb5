//! Incoming mail: check passes, signature, chain, and the release pass to its end.
#![allow(missing_docs, clippy::unwrap_used)] // criterion's entry points; a bench may stop

use std::{hint::black_box, io};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use smime_bench::{KEYS, PROTECTIONS, People, SIZES, mail, samples};

fn open(criterion: &mut Criterion) {
    for (size_name, size) in SIZES {
        let mail = mail(size);
        let bytes = u64::try_from(size).unwrap();
        let mut group = criterion.benchmark_group(format!("open/{size_name}"));
        group
            .throughput(Throughput::Bytes(bytes))
            .sample_size(samples(size));
        for (key_name, key) in KEYS {
            let people = People::new(key);
            for protection in PROTECTIONS {
                let sealed = people.seal(&mail, protection);
                let name = BenchmarkId::new(protection.name, key_name);
                group.bench_function(name, |bencher| {
                    bencher.iter(|| {
                        let message = people.engine().open(black_box(&*sealed)).unwrap();
                        let mut release = message.entity().source().open().unwrap();
                        io::copy(&mut release, &mut io::sink()).unwrap()
                    });
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, open);
criterion_main!(benches);
