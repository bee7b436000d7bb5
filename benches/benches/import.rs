//! A PEM file of many certificates into each kind of store.
#![allow(missing_docs, clippy::unwrap_used)] // criterion's entry points; a bench may stop

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use smime::store::{Embedded, ItemOutcome, Memory, Store, Trust, import};
use smime_bench::certificates;
use smime_testkit::NOW;

const CERTIFICATES: usize = 1000;

fn imports(criterion: &mut Criterion) {
    let file = certificates(CERTIFICATES);
    let mut group = criterion.benchmark_group("import/1000 certificates");
    group.throughput(Throughput::Elements(1000)).sample_size(10);

    group.bench_function("memory", |bencher| {
        bencher.iter_batched(
            Memory::new,
            |store| all_added(&store, &file),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("embedded", |bencher| {
        let fresh = || {
            let folder = tempfile::tempdir().unwrap();
            (
                Embedded::open(&folder.path().join("store")).unwrap(),
                folder,
            )
        };
        let import = |(store, folder)| {
            all_added(&store, &file);
            (store, folder)
        };
        bencher.iter_batched(fresh, import, BatchSize::PerIteration);
    });
    group.bench_function("embedded, all already there", |bencher| {
        let folder = tempfile::tempdir().unwrap();
        let store = Embedded::open(&folder.path().join("store")).unwrap();
        all_added(&store, &file);
        bencher.iter(|| import(&store, &file, Trust::None, NOW).unwrap());
    });
    group.finish();
}

fn all_added(store: &dyn Store, file: &[u8]) {
    let outcomes = import(store, file, Trust::None, NOW).unwrap();
    assert_eq!(outcomes.len(), CERTIFICATES);
    assert!(outcomes.iter().all(|it| it.outcome == ItemOutcome::Added));
}

criterion_group!(benches, imports);
criterion_main!(benches);
