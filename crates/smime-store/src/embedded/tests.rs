use std::{
    collections::BTreeSet,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use redb::{StorageBackend, backends::InMemoryBackend};

use super::*;
use crate::{
    Direction, ImportEvent, ImportOptions, KeysOfDeleted, Operation, Outcome, Trust, import,
    import::import_by,
    index,
    making::{NOW, people, public_key},
};

mod beginning;
mod crls;
mod kept;
mod later_tables;
mod sealed;

/// A disk that outlives the store on it, counts what is read, and stops writing after so many
/// writes.
#[derive(Clone, Debug)]
struct Disk {
    bytes: Arc<InMemoryBackend>,
    bytes_read: Arc<AtomicUsize>,
    writes_left: Arc<AtomicUsize>,
}

impl Disk {
    fn new() -> Self {
        let writes_left = Arc::new(AtomicUsize::new(usize::MAX));
        Self {
            bytes: Arc::new(InMemoryBackend::new()),
            bytes_read: Arc::default(),
            writes_left,
        }
    }

    fn spend(&self) -> Result<(), io::Error> {
        let left = |left: usize| left.checked_sub(1);
        match self
            .writes_left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, left)
        {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::other("power is off")),
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, io::Error> {
        self.bytes.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.bytes_read.fetch_add(out.len(), Ordering::SeqCst);
        self.bytes.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.spend()?;
        self.bytes.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.spend()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.spend()?;
        self.bytes.write(offset, data)
    }
}

/// Lets batches of four certificates wait, and no more than two of ten.
const SMALL: Limits = Limits {
    batch: 4,
    entries: 130,
};

fn activity() -> Activity {
    Activity {
        time: NOW,
        direction: Direction::In,
        operation: Operation::Decrypt,
        outcome: Outcome::Ok,
        code: String::new(),
        message_id: Some("<earlier@example.com>".to_owned()),
        from: None,
        to: Vec::new(),
        certificates: Vec::new(),
        algorithms: Vec::new(),
        input_digest: None,
        detail: String::new(),
    }
}

fn entries(certificates: &[Certificate]) -> impl Iterator<Item = Entry> {
    certificates.iter().map(|one| Entry::new(&one.view()))
}

/// Says how many certificates wait in memory.
fn waiting(store: &Embedded) -> usize {
    let waiting = store.waiting();
    let found = |number| {
        waiting
            .entries()
            .iter()
            .any(|entry| index::number(*entry) == number)
    };
    (1..=1000).filter(|number| found(*number)).count()
}

/// Looks each certificate up in three ways.
fn assert_found(store: &Embedded, certificates: &[Certificate]) {
    for one in certificates {
        let stored = store.certificate(&one.fingerprint()).unwrap().unwrap();
        assert_eq!(stored.certificate, *one);
        let found = store
            .by_issuer_and_serial(one.issuer().der(), one.serial())
            .unwrap();
        assert_eq!(found.len(), 1);
        let found = store.by_address(&one.emails()[0]).unwrap();
        assert!(found.iter().any(|found| found.certificate == *one));
    }
}

#[test]
fn certificates_that_wait_for_the_index_are_found() {
    let all = people(40);
    let store = Embedded::with_backend(InMemoryBackend::new(), SMALL).unwrap();
    let (first, rest) = all.split_at(10);
    let (second, third) = rest.split_at(10);
    store.add_certificates(first, NOW).unwrap();
    store.add_certificates(second, NOW).unwrap();
    assert_eq!(waiting(&store), 20);
    assert_found(&store, &all[..20]);
    assert!(store.certificate(&all[20].fingerprint()).unwrap().is_none());
    // Known are those that wait, and those of this batch.
    let again: Vec<Certificate> = [first, &third[..1], &third[..1]].concat();
    let additions = store.add_certificates(&again, NOW).unwrap();
    let there = Addition::AlreadyThere { since: NOW };
    assert_eq!(additions[..10], [there; 10]);
    assert_eq!(additions[10..], [Addition::Added, there]);
    assert_eq!(waiting(&store), 0, "one alone does not wait");
    assert_found(&store, &all[..21]);
}

#[test]
fn certificates_are_deleted_while_they_wait() {
    let all = people(10);
    for gone in [1, 2, 9, 10] {
        let disk = Disk::new();
        let store = Embedded::with_backend(disk.clone(), SMALL).unwrap();
        store.add_certificates(&all, NOW).unwrap();
        assert_eq!(waiting(&store), 10);
        let fingerprints: Vec<_> = all[..gone].iter().map(Certificate::fingerprint).collect();
        store
            .delete_certificates(&fingerprints, KeysOfDeleted::Go)
            .unwrap();
        drop(store);
        let store = Embedded::with_backend(disk, SMALL).unwrap();
        assert_found(&store, &all[gone..]);
        for one in &all[..gone] {
            let found = store.certificate(&one.fingerprint()).unwrap();
            assert!(found.is_none(), "{gone} deleted");
            let address = &one.emails()[0];
            let found = store.by_address(address).unwrap();
            assert!(found.iter().all(|found| found.certificate != *one));
        }
        let ever = store.expiring(UnixTime(i64::MIN), UnixTime(i64::MAX));
        assert_eq!(ever.unwrap().len(), 10 - gone);
    }
}

#[test]
fn a_deletion_that_fails_leaves_what_waits() {
    let all = people(10);
    let store = Embedded::with_backend(InMemoryBackend::new(), SMALL).unwrap();
    store.add_certificates(&all, NOW).unwrap();
    let fingerprints = [all[0].fingerprint(), [7; 32]];
    let result = store.delete_certificates(&fingerprints, KeysOfDeleted::Stay);
    assert!(result.is_err());
    assert_eq!(waiting(&store), 10);
    assert_found(&store, &all);
}

#[test]
fn look_ups_beside_deletions_find_a_certificate_or_nothing() {
    let all = people(40);
    let store = Embedded::with_backend(InMemoryBackend::new(), SMALL).unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            for _ in 0..200 {
                for one in &all {
                    store.by_address(&one.emails()[0]).unwrap();
                }
            }
        });
        while !reader.is_finished() {
            store.add_certificates(&all[..10], NOW).unwrap();
            let fingerprint = all[3].fingerprint();
            store
                .delete_certificates(&[fingerprint], KeysOfDeleted::Stay)
                .unwrap();
            let rest: Vec<_> = all[..10].iter().map(Certificate::fingerprint).collect();
            let rest: Vec<_> = rest.into_iter().filter(|one| *one != fingerprint).collect();
            store
                .delete_certificates(&rest, KeysOfDeleted::Stay)
                .unwrap();
        }
    });
}

#[test]
fn the_log_grows_while_certificates_wait_and_they_go_on_waiting() {
    let store = Embedded::with_backend(InMemoryBackend::new(), SMALL).unwrap();
    store.add_certificates(&people(10), NOW).unwrap();
    store.record(&activity()).unwrap();
    assert_eq!(waiting(&store), 10);
}

#[test]
fn no_more_waits_than_there_is_room_for() {
    let all = people(40);
    let store = Embedded::with_backend(InMemoryBackend::new(), SMALL).unwrap();
    let mut seen = Vec::new();
    for batch in all.chunks(10) {
        store.add_certificates(batch, NOW).unwrap();
        seen.push(waiting(&store));
    }
    assert_eq!(seen, [10, 20, 0, 10]);
    assert_found(&store, &all);
}

#[test]
fn a_certificate_that_waits_can_be_trusted_and_distrusted() {
    let all = people(10);
    let disk = Disk::new();
    let store = Embedded::with_backend(disk.clone(), SMALL).unwrap();
    store.add_certificates(&all, NOW).unwrap();
    let fingerprint = all[3].fingerprint();
    store.set_trust(&fingerprint, Trust::Anchor).unwrap();
    assert_eq!(waiting(&store), 10);
    assert_eq!(store.anchors().unwrap()[0].certificate, all[3]);
    drop(store);
    let store = Embedded::with_backend(disk, SMALL).unwrap();
    assert_eq!(waiting(&store), 0);
    let stored = store.certificate(&fingerprint).unwrap().unwrap();
    assert_eq!(stored.trust, Trust::Anchor);
    assert_found(&store, &all);
}

#[test]
fn a_record_of_a_store_written_before_keeps_its_trust_and_of_an_unknown_one_nothing_is_read() {
    let der = people(1)[0].der().to_vec();
    let record = |trust: u8| [&[trust][..], &NOW.0.to_be_bytes(), &der].concat();
    for (byte, trust) in [Trust::None, Trust::Anchor, Trust::Distrusted]
        .into_iter()
        .enumerate()
    {
        let bytes = record(u8::try_from(byte).unwrap());
        assert_eq!(
            tables::CertificateRecord::read(&bytes).unwrap().trust,
            trust
        );
    }
    for byte in 5..=u8::MAX {
        let refused = tables::CertificateRecord::read(&record(byte)).err();
        assert!(matches!(refused, Some(Error::Damaged(_))), "{byte}");
    }
}

#[test]
fn power_that_fails_while_certificates_wait_loses_none() {
    let all = people(40);
    let mut failures = 0;
    for writes in 0.. {
        let disk = Disk::new();
        let store = Embedded::with_backend(disk.clone(), SMALL).unwrap();
        disk.writes_left.store(writes, Ordering::SeqCst);
        let batches = all.chunks(10);
        let promised = batches
            .take_while(|batch| store.add_certificates(batch, NOW).is_ok())
            .count();
        drop(store);
        let left = disk.writes_left.swap(usize::MAX, Ordering::SeqCst);
        let store = Embedded::with_backend(disk, SMALL).unwrap();
        let stored = store.certificates().unwrap().len();
        assert!(
            stored == promised * 10 || stored == promised * 10 + 10,
            "{stored} of {promised} batches after {writes} writes"
        );
        assert_eq!(waiting(&store), 0);
        assert_found(&store, &all[..stored]);
        failures += usize::from(promised < 4);
        if left > 0 {
            break;
        }
    }
    assert!(failures > 10, "{failures}");
}

#[test]
fn power_that_fails_while_a_store_is_opened_is_made_good_by_opening_it_again() {
    let all = people(40);
    for writes in 0.. {
        let disk = Disk::new();
        let store = Embedded::with_backend(disk.clone(), SMALL).unwrap();
        store.add_certificates(&all[..10], NOW).unwrap();
        // What waits when the power fails is what opening the store has to do.
        disk.writes_left.store(0, Ordering::SeqCst);
        drop(store);
        disk.writes_left.store(writes, Ordering::SeqCst);
        drop(Embedded::with_backend(disk.clone(), SMALL));
        let left = disk.writes_left.swap(usize::MAX, Ordering::SeqCst);
        let store = Embedded::with_backend(disk, SMALL).unwrap();
        assert_found(&store, &all[..10]);
        assert_eq!(store.certificates().unwrap().len(), 10);
        if left > 0 {
            return;
        }
    }
}

#[test]
fn power_that_fails_while_the_index_is_made_anew_is_made_good_by_opening_it_again() {
    let all = people(60);
    let mut failures = 0;
    for writes in 0.. {
        let disk = Disk::new();
        let store = Embedded::with_backend(disk.clone(), SMALL).unwrap();
        store.add_certificates(&all, NOW).unwrap();
        opening::forget_index(&store.database).unwrap();
        drop(store);
        disk.writes_left.store(writes, Ordering::SeqCst);
        failures += usize::from(Embedded::with_backend(disk.clone(), SMALL).is_err());
        let left = disk.writes_left.swap(usize::MAX, Ordering::SeqCst);
        let store = Embedded::with_backend(disk, SMALL).unwrap();
        assert_found(&store, &all);
        if left > 0 {
            break;
        }
    }
    assert!(failures > 10, "{failures}");
}

#[test]
fn power_that_fails_anywhere_in_a_batch_leaves_all_of_it_or_nothing() {
    let all = people(40);
    let (before, batch) = all.split_at(10);
    let mut failures = 0;
    for writes in 0.. {
        let disk = Disk::new();
        let store = Embedded::with_backend(disk.clone(), LIMITS).unwrap();
        store.add_certificates(before, NOW).unwrap();
        disk.writes_left.store(writes, Ordering::SeqCst);
        let result = store.add_certificates(batch, NOW);
        drop(store);
        let left = disk.writes_left.swap(usize::MAX, Ordering::SeqCst);
        let store = Embedded::with_backend(disk, LIMITS).unwrap();
        let stored = store.certificates().unwrap().len();
        match result {
            Ok(_) => assert_eq!(stored, 40, "what was promised, after {writes} writes"),
            Err(error) => {
                assert!(
                    ["store.io", "store.database"].contains(&error.code()),
                    "{error:?}"
                );
                // The last writes can reach the disk although the report of it fails.
                assert!(
                    stored == 10 || stored == 40,
                    "{stored} after {writes} writes"
                );
                failures += 1;
            }
        }
        let by_key = store.by_public_key(&public_key_id(&public_key(1))).unwrap();
        assert_eq!(by_key.len(), stored, "{writes} writes");
        if left > 0 {
            break;
        }
    }
    assert!(failures > 3, "{failures}");
}

#[test]
fn power_that_fails_while_a_mail_is_recorded_leaves_all_of_its_entries_or_none() {
    let entries = [activity(), activity()];
    let mut seen = BTreeSet::new();
    for writes in 0.. {
        let disk = Disk::new();
        let store = Embedded::with_backend(disk.clone(), LIMITS).unwrap();
        disk.writes_left.store(writes, Ordering::SeqCst);
        let promised = store.record_all(&entries).is_ok();
        drop(store);
        let left = disk.writes_left.swap(usize::MAX, Ordering::SeqCst);
        let store = Embedded::with_backend(disk, LIMITS).unwrap();
        store.check_log().unwrap();
        let recorded = store.activities().unwrap().len();
        assert!(recorded == 2 || !promised && recorded == 0, "{recorded}");
        seen.insert(recorded);
        if left > 0 {
            break;
        }
    }
    assert_eq!(seen, BTreeSet::from([0, 2]));
}

#[test]
fn power_that_fails_anywhere_in_an_import_is_made_good_by_importing_again() {
    let all = people(40);
    let file: Vec<u8> = all.iter().flat_map(|one| one.der().to_vec()).collect();
    let mut failures = 0;
    for writes in 0.. {
        let disk = Disk::new();
        let store = Embedded::with_backend(disk.clone(), LIMITS).unwrap();
        disk.writes_left.store(writes, Ordering::SeqCst);
        let options = ImportOptions::new(NOW);
        let result = import(&store, &file[..], &options, &mut |_| ());
        drop(store);
        let left = disk.writes_left.swap(usize::MAX, Ordering::SeqCst);
        let store = Embedded::with_backend(disk, LIMITS).unwrap();
        store.check_log().unwrap();
        let (stored, log) = (
            store.certificates().unwrap().len(),
            store.activities().unwrap(),
        );
        assert!(
            stored == 0 || stored == 40,
            "{stored} after {writes} writes"
        );
        assert!(log.is_empty() || stored == 40, "what is recorded was done");
        if result.is_ok() {
            assert_eq!((stored, log.len()), (40, 1), "what was promised");
        } else {
            failures += 1;
        }
        let summary = import(&store, &file[..], &options, &mut |_| ())
            .unwrap()
            .summary;
        let there = u64::try_from(stored).unwrap();
        assert_eq!((summary.added, summary.already_there), (40 - there, there));
        let by_key = store.by_public_key(&public_key_id(&public_key(1))).unwrap();
        assert_eq!(by_key.len(), 40, "{writes} writes");
        store.check_log().unwrap();
        if left > 0 {
            break;
        }
    }
    assert!(failures > 3, "{failures}");
}

#[test]
fn a_disk_that_fails_stops_the_import_and_what_was_told_is_stored() {
    let all = people(35);
    let file: Vec<u8> = all.iter().flat_map(|one| one.der().to_vec()).collect();
    let options = ImportOptions::new(NOW);
    let mut failures = 0;
    for writes in 0.. {
        let disk = Disk::new();
        let store = Embedded::with_backend(disk.clone(), SMALL).unwrap();
        disk.writes_left.store(writes, Ordering::SeqCst);
        let mut told = 0;
        let result = import_by(10, &store, &file[..], &options, &mut |event| {
            told += usize::from(matches!(event, ImportEvent::Outcome(_)));
        });
        drop(store);
        let left = disk.writes_left.swap(usize::MAX, Ordering::SeqCst);
        let store = Embedded::with_backend(disk, SMALL).unwrap();
        let stored = store.certificates().unwrap().len();
        if let Err(error) = result {
            let codes = ["store.io", "store.database"];
            assert!(codes.contains(&error.code()), "{error:?}");
            assert!(told == 35 || told % 10 == 0, "{told} after {writes} writes");
            let next = (told + 10).min(35);
            assert!(stored == told || stored == next, "{stored} of {told}");
            failures += 1;
        } else {
            assert_eq!((told, stored), (35, 35));
        }
        if left > 0 {
            break;
        }
    }
    assert!(failures > 10, "{failures}");
}

#[test]
fn a_change_that_fails_midway_leaves_nothing() {
    let store = Embedded::with_backend(InMemoryBackend::new(), LIMITS).unwrap();
    let all = people(3);
    let result: Result<(), Error> = store.write(|tables| {
        tables.add_entries(&mut entries(&all), NOW, LIMITS)?;
        tables.set_trust(&all[0].fingerprint(), Trust::Anchor)?;
        Err(Error::Damaged("test"))
    });
    assert!(result.is_err());
    assert!(store.certificates().unwrap().is_empty());
    assert!(store.anchors().unwrap().is_empty());
    assert_eq!(
        store.add_certificates(&all, NOW).unwrap(),
        [Addition::Added; 3]
    );
}
