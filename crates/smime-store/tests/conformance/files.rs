use std::fs;

use redb::{Database, ReadableDatabase as _, TableDefinition, TableHandle as _};
use smime_crypto::UnixTime;
use smime_store::{Activity, Direction, Embedded, Error, Operation, Outcome, Store, Trust};

use crate::{
    Place,
    making::{NOW, address, person, sign},
};

#[test]
fn a_store_that_is_open_is_locked() {
    let place = Place::file();
    let error = Embedded::open(&place.path().unwrap()).unwrap_err();
    assert!(matches!(error, Error::Locked), "{error:?}");
    assert_eq!(error.code(), "store.locked");
}

#[test]
fn files_of_other_kinds_are_refused_and_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let long = vec![0x55; 100_000];
    let cut: &[u8] = b"redb";
    for content in [
        &b"x"[..],
        b"-----BEGIN CERTIFICATE-----\n",
        &long,
        cut,
        &[0; 4096],
    ] {
        fs::write(&path, content).unwrap();
        let error = Embedded::open(&path).unwrap_err();
        assert!(matches!(error, Error::ForeignFile), "{error:?}");
        assert_eq!(error.code(), "store.foreign_file");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

#[test]
fn a_database_of_another_program_is_refused_and_stays_as_it_is() {
    const THEIRS: TableDefinition<'_, &str, u64> = TableDefinition::new("theirs");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let database = Database::create(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction
        .open_table(THEIRS)
        .unwrap()
        .insert("a", 1)
        .unwrap();
    transaction.commit().unwrap();
    drop(database);
    assert!(matches!(
        Embedded::open(&path).unwrap_err(),
        Error::ForeignFile
    ));
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_read().unwrap();
    assert_eq!(transaction.list_tables().unwrap().count(), 1);
}

#[test]
fn a_store_of_an_unknown_layout_is_refused_by_its_number() {
    const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
    let mut place = Place::file();
    place.store = None;
    let path = place.path().unwrap();
    for (bytes, code) in [
        (&5_u64.to_be_bytes()[..], "store.schema_version"),
        // The layout of a store with a store key, which this one has not.
        (&4_u64.to_be_bytes(), "store.damaged"),
        (&0_u64.to_be_bytes(), "store.schema_version"),
        (b"", "store.foreign_file"),
        (b"one", "store.foreign_file"),
    ] {
        let database = Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction
            .open_table(META)
            .unwrap()
            .insert("schema", bytes)
            .unwrap();
        transaction.commit().unwrap();
        drop(database);
        assert_eq!(Embedded::open(&path).unwrap_err().code(), code);
    }
}

#[test]
fn a_store_of_an_earlier_layout_is_brought_into_todays() {
    const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
    const FINGERPRINTS: TableDefinition<'_, &[u8; 32], u64> = TableDefinition::new("fingerprints");
    const INDEX_OF_1: TableDefinition<'_, &[u8; 25], ()> = TableDefinition::new("index");
    const INDEX_OF_2: TableDefinition<'_, &[u8; 17], ()> = TableDefinition::new("index");
    let certificates: Vec<_> = (1..=5)
        .map(|number| sign(person(number, "a@example.com")))
        .collect();
    let anchor = certificates[1].fingerprint();
    for layout in [1, 2] {
        let mut place = Place::file();
        place.store().add_certificates(&certificates, NOW).unwrap();
        place.store().set_trust(&anchor, Trust::Anchor).unwrap();
        place.store = None;
        let database = Database::open(place.path().unwrap()).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.delete_table(INDEX_OF_2).unwrap();
        if layout == 1 {
            let mut index = transaction.open_table(INDEX_OF_1).unwrap();
            index.insert(&[7; 25], ()).unwrap();
        } else {
            let mut index = transaction.open_table(INDEX_OF_2).unwrap();
            index.insert(&[7; 17], ()).unwrap();
        }
        let mut fingerprints = transaction.open_table(FINGERPRINTS).unwrap();
        fingerprints.insert(&anchor, 2).unwrap();
        drop(fingerprints);
        let mut meta = transaction.open_table(META).unwrap();
        let number = u64::to_be_bytes(layout);
        meta.insert("schema", &number[..]).unwrap();
        drop(meta);
        transaction.commit().unwrap();
        drop(database);
        for _ in 0..2 {
            place.reopen();
            let store = place.store();
            for one in &certificates {
                let stored = store.certificate(&one.fingerprint()).unwrap().unwrap();
                assert_eq!(stored.certificate, *one);
            }
            let found = store.by_address(&address("a@example.com")).unwrap();
            assert_eq!(found.len(), 5, "layout {layout}");
            let anchors = store.anchors().unwrap();
            assert_eq!(anchors.len(), 1);
            assert_eq!(anchors[0].certificate, certificates[1]);
        }
        place.store = None;
        let database = Database::open(place.path().unwrap()).unwrap();
        let tables = database.begin_read().unwrap();
        let mut names = tables.list_tables().unwrap();
        assert!(names.all(|table| table.name() != "fingerprints"));
    }
}

#[test]
fn a_store_whose_end_was_cut_off_is_an_error() {
    let mut place = Place::file();
    place
        .store()
        .add_certificates(&[sign(person(1, "a@example.com"))], NOW)
        .unwrap();
    place.store = None;
    let path = place.path().unwrap();
    let whole = fs::read(&path).unwrap();
    for length in [10, 64, 320, 512, 4096, 8192, whole.len() / 2] {
        fs::write(&path, &whole[..length]).unwrap();
        let error = Embedded::open(&path).unwrap_err();
        assert_eq!(error.code(), "store.damaged", "{length}: {error:?}");
        assert!(fs::read(&path).unwrap() == whole[..length], "{length}");
    }
}

#[test]
fn a_folder_is_not_a_store() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        Embedded::open(folder.path()).unwrap_err().code(),
        "store.io"
    );
}

#[cfg(unix)]
#[test]
fn a_new_store_and_its_folder_are_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("store.redb");
    drop(Embedded::open(&path).unwrap());
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.as_path()), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
}

#[test]
fn an_empty_file_becomes_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty");
    fs::write(&path, b"").unwrap();
    assert!(
        Embedded::open(&path)
            .unwrap()
            .certificates()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_log_that_was_edited_is_broken_where_it_was_edited() {
    const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("activity");
    type Edit = fn(&mut redb::Table<'_, u64, &'static [u8]>);
    fn entry(table: &redb::Table<'_, u64, &'static [u8]>, id: u64) -> Vec<u8> {
        redb::ReadableTable::get(table, id)
            .unwrap()
            .unwrap()
            .value()
            .to_vec()
    }
    let edits: [(u64, Edit); 7] = [
        (2, |table| {
            let changed = String::from_utf8_lossy(&entry(table, 2)[32..]).replace("ok", "failed");
            let changed = [&entry(table, 2)[..32], changed.as_bytes()].concat();
            table.insert(2, &changed[..]).unwrap();
        }),
        (1, |table| drop(table.remove(1).unwrap())),
        (2, |table| drop(table.remove(2).unwrap())),
        (4, |table| drop(table.remove(4).unwrap())),
        (5, |table| {
            let last = entry(table, 4);
            table.insert(5, &last[..]).unwrap();
        }),
        (3, |table| {
            table.insert(3, &b"short"[..]).unwrap();
        }),
        (2, |table| {
            let (second, third) = (entry(table, 2), entry(table, 3));
            table.insert(2, &third[..]).unwrap();
            table.insert(3, &second[..]).unwrap();
        }),
    ];
    for (at, (broken, edit)) in edits.into_iter().enumerate() {
        let mut place = Place::file();
        for number in 1..=4 {
            place.store().record(&activity(number)).unwrap();
        }
        place.store().check_log().unwrap();
        place.store = None;
        let database = Database::open(place.path().unwrap()).unwrap();
        let transaction = database.begin_write().unwrap();
        edit(&mut transaction.open_table(LOG).unwrap());
        transaction.commit().unwrap();
        drop(database);
        place.reopen();
        let error = place.store().check_log().unwrap_err();
        assert!(
            matches!(error, Error::LogBroken { id } if id == broken),
            "edit {at}: {error:?}"
        );
        assert_eq!(error.code(), "store.log_broken");
        // Nor does forgetting make it good.
        let _ = place.store().forget_activities(UnixTime(i64::MAX));
        assert!(place.store().check_log().is_err(), "edit {at}");
    }
}

fn activity(number: u32) -> Activity {
    Activity {
        time: NOW,
        direction: Direction::Store,
        operation: Operation::Encrypt,
        outcome: Outcome::Ok,
        code: "export.done".into(),
        message_id: None,
        from: None,
        to: vec![],
        certificates: vec![],
        algorithms: Vec::new(),
        input_digest: None,
        detail: number.to_string(),
    }
}
