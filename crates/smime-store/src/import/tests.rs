use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use smime_x509::Certificate;

use super::*;
use crate::{
    Embedded, Memory,
    making::{NOW, people},
};

fn file(count: u32) -> String {
    let block = |certificate: &Certificate| {
        let text = STANDARD.encode(certificate.der());
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    };
    people(count).iter().map(block).collect()
}

#[test]
fn outcomes_do_not_depend_on_the_size_of_batches() {
    let text = file(25) + "-----BEGIN CERTIFICATE-----\n" + &file(3);
    let by = |batch| {
        let mut outcomes = Vec::new();
        let options = ImportOptions::new(NOW);
        let store = Memory::new();
        import_by(batch, &store, text.as_bytes(), &options, &mut |event| {
            if let ImportEvent::Outcome(outcome) = event {
                outcomes.push(outcome);
            }
        })
        .unwrap();
        outcomes
    };
    let wanted = by(1);
    assert_eq!(wanted.len(), 29);
    for batch in [2, 7, 24, 25, 26, 29, 1000] {
        assert_eq!(by(batch), wanted, "batches of {batch}");
    }
}

/// Opens the store again, which must be whole and hold `stored` certificates, and imports the file
/// once more, which must complete it.
fn complete(path: &Path, file: &str, stored: usize) {
    let store = Embedded::open(path).unwrap();
    store.check_log().unwrap();
    let found = store.certificates().unwrap();
    assert_eq!(found.len(), stored);
    for one in &found {
        let again = store.certificate(&one.certificate.fingerprint()).unwrap();
        assert_eq!(again.unwrap().certificate, one.certificate);
    }
    let options = ImportOptions::new(NOW);
    let imported = import_by(10, &store, file.as_bytes(), &options, &mut |_| ()).unwrap();
    let summary = imported.summary;
    let counts = (summary.added, summary.already_there, summary.refused);
    let stored = u64::try_from(stored).unwrap();
    assert_eq!(counts, (35 - stored, stored, 0));
    assert_eq!(store.certificates().unwrap().len(), 35);
    assert_eq!(
        store.activities().unwrap().len(),
        1,
        "of the import that was completed"
    );
    store.check_log().unwrap();
}

#[test]
fn a_file_that_fails_midway_is_completed_by_importing_it_again() {
    let text = file(35);
    for percent in [0, 1, 30, 50, 80, 99] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        let store = Embedded::open(&path).unwrap();
        let start = &text.as_bytes()[..text.len() * percent / 100];
        let mut told = 0;
        let options = ImportOptions::new(NOW);
        let error = import_by(10, &store, start.chain(Fails), &options, &mut |event| {
            told += usize::from(matches!(event, ImportEvent::Outcome(_)));
        })
        .unwrap_err();
        assert_eq!(error.code(), "store.io");
        assert!(store.activities().unwrap().is_empty(), "nothing was done");
        drop(store);
        complete(&path, &text, told);
    }
}

#[test]
fn an_import_that_is_broken_off_is_completed_by_importing_it_again() {
    let text = file(35);
    for last in [1, 9, 10, 11, 25, 35] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        let mut told = 0;
        let broken_off = catch_unwind(AssertUnwindSafe(|| {
            let store = Embedded::open(&path).unwrap();
            let options = ImportOptions::new(NOW);
            import_by(10, &store, text.as_bytes(), &options, &mut |event| {
                told += usize::from(matches!(event, ImportEvent::Outcome(_)));
                assert!(told < last, "broken off");
            })
        }));
        assert!(broken_off.is_err(), "{last}");
        // What is told is stored, with all of its batch.
        complete(&path, &text, (last.div_ceil(10) * 10).min(35));
    }
}

/// A file on a disk that breaks.
struct Fails;

impl Read for Fails {
    fn read(&mut self, _out: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("no medium"))
    }
}
