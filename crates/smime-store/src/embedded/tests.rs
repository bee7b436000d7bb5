use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use redb::{StorageBackend, backends::InMemoryBackend};

use super::*;
use crate::{
    ImportOptions, import,
    making::{NOW, people, public_key},
};

/// A disk that outlives the store on it, and stops writing after so many writes.
#[derive(Clone, Debug)]
struct Disk {
    bytes: Arc<InMemoryBackend>,
    writes_left: Arc<AtomicUsize>,
}

impl Disk {
    fn new() -> Self {
        let writes_left = Arc::new(AtomicUsize::new(usize::MAX));
        Self {
            bytes: Arc::new(InMemoryBackend::new()),
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

#[test]
fn power_that_fails_anywhere_in_a_batch_leaves_all_of_it_or_nothing() {
    let all = people(40);
    let (before, batch) = all.split_at(10);
    let mut failures = 0;
    for writes in 0.. {
        let disk = Disk::new();
        let store = Embedded::with_backend(disk.clone()).unwrap();
        store.add_certificates(before, NOW).unwrap();
        disk.writes_left.store(writes, Ordering::SeqCst);
        let result = store.add_certificates(batch, NOW);
        drop(store);
        let left = disk.writes_left.swap(usize::MAX, Ordering::SeqCst);
        let store = Embedded::with_backend(disk).unwrap();
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
fn power_that_fails_anywhere_in_an_import_is_made_good_by_importing_again() {
    let all = people(40);
    let file: Vec<u8> = all.iter().flat_map(|one| one.der().to_vec()).collect();
    let mut failures = 0;
    for writes in 0.. {
        let disk = Disk::new();
        let store = Embedded::with_backend(disk.clone()).unwrap();
        disk.writes_left.store(writes, Ordering::SeqCst);
        let options = ImportOptions::new(NOW);
        let result = import(&store, &file[..], &options, &mut |_| ());
        drop(store);
        let left = disk.writes_left.swap(usize::MAX, Ordering::SeqCst);
        let store = Embedded::with_backend(disk).unwrap();
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
        let summary = import(&store, &file[..], &options, &mut |_| ()).unwrap();
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
fn a_change_that_fails_midway_leaves_nothing() {
    let store = Embedded::with_backend(InMemoryBackend::new()).unwrap();
    let all = people(3);
    let result: Result<(), Error> = store.write(|tables| {
        tables.add_entries(&mut all.iter().map(|one| Entry::new(&one.view())), NOW)?;
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
