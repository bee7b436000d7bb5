use redb::{TableDefinition, TableHandle as _};

use super::*;
use crate::making::name;
use opening::names_of_tables;
use tables::{
    crls::{CRL_RECORDS, CRLS},
    kept::{KEPT, KEPT_INDEX, KEPT_MESSAGES, KEPT_SIZES},
    peers::{PEERS, QUARANTINE, REJECTED},
    pins::PINS,
};

fn tables_of(store: &Embedded) -> Vec<String> {
    names_of_tables(&store.database.begin_read().unwrap()).unwrap()
}

/// Makes a store as it was before it kept revocation lists and mail.
fn earlier(disk: &Disk, certificates: &[Certificate]) {
    let store = Embedded::with_backend(disk.clone(), LIMITS).unwrap();
    store.add_certificates(certificates, NOW).unwrap();
    let fingerprint = certificates[0].fingerprint();
    store.set_trust(&fingerprint, Trust::Anchor).unwrap();
    store.record(&activity()).unwrap();
    let transaction = store.database.begin_write().unwrap();
    for name in [
        CRLS.name(),
        CRL_RECORDS.name(),
        KEPT.name(),
        KEPT_MESSAGES.name(),
        KEPT_INDEX.name(),
        KEPT_SIZES.name(),
        PINS.name(),
        PEERS.name(),
        QUARANTINE.name(),
        REJECTED.name(),
        MESSAGE_IDS.name(),
        DEFAULTS.name(),
    ] {
        let table = TableDefinition::<u64, u64>::new(name);
        assert!(transaction.delete_table(table).unwrap(), "{name}");
    }
    transaction.commit().unwrap();
    assert_eq!(tables_of(&store).len(), 6);
}

/// Reads and changes what came later, in a store that has none of it yet.
fn assert_usable(store: &Embedded, certificates: &[Certificate]) {
    assert!(store.crls(name("Test CA").der()).unwrap().is_empty());
    assert_eq!(store.kept(1).unwrap(), None);
    assert!(store.all_defaults().unwrap().is_empty());
    assert!(store.all_pins().unwrap().is_empty());
    assert!(store.peers().unwrap().is_empty());
    assert!(store.quarantined().unwrap().is_empty());
    assert!(!store.is_rejected(&certificates[0]).unwrap());
    let found = store.activities_of("<earlier@example.com>").unwrap();
    assert_eq!(
        found.len(),
        1,
        "what was recorded before there was an index of it"
    );
    assert!(store.kept_wanting(&certificates[0]).unwrap().is_empty());
    assert!(store.kept_wanting_issuer(&[]).unwrap().is_empty());
    store
        .visit_kept(&mut |id, _| panic!("no mail is kept, yet {id} is"))
        .unwrap();
    let error = store.release(1).unwrap_err();
    assert!(matches!(error, Error::NoSuchMail(1)), "{error:?}");
    assert_eq!(store.expire_kept(NOW).unwrap(), 0);
    assert_found(store, certificates);
    let anchors = store.anchors().unwrap();
    assert_eq!(anchors.len(), 1);
    assert_eq!(anchors[0].certificate, certificates[0]);
}

#[test]
fn the_size_of_mail_is_noted_that_was_kept_before_sizes_were() {
    let disk = Disk::new();
    let store = Embedded::with_backend(disk.clone(), LIMITS).unwrap();
    let mail = |message: &[u8]| KeptMail {
        received: NOW,
        expires: NOW,
        message: message.to_vec(),
        code: String::new(),
        signature: String::new(),
        encryption: String::new(),
        wants: Vec::new(),
    };
    store.keep(&mail(b"one")).unwrap();
    store.keep(&mail(b"another")).unwrap();
    let transaction = store.database.begin_write().unwrap();
    assert!(transaction.delete_table(KEPT_SIZES).unwrap());
    transaction.commit().unwrap();
    drop(store);
    let store = Embedded::with_backend(disk, LIMITS).unwrap();
    assert_eq!(store.kept_sizes().unwrap(), [(1, 3), (2, 7)]);
}

#[test]
fn a_new_store_has_every_table_and_no_other() {
    let store = Embedded::with_backend(InMemoryBackend::new(), LIMITS).unwrap();
    let mut names = tables::names().map(String::from);
    names.sort_unstable();
    assert_eq!(tables_of(&store), names);
}

#[test]
fn a_store_without_the_later_tables_gets_them_when_it_is_opened() {
    let all = people(10);
    let disk = Disk::new();
    earlier(&disk, &all);
    let store = Embedded::with_backend(disk, LIMITS).unwrap();
    assert_eq!(tables_of(&store).len(), tables::names().len());
    assert_usable(&store, &all);
}

#[test]
fn tables_that_are_there_are_not_made_again() {
    let disk = Disk::new();
    let opened = |disk: &Disk| {
        disk.writes_left.store(usize::MAX, Ordering::SeqCst);
        drop(Embedded::with_backend(disk.clone(), LIMITS).unwrap());
        usize::MAX - disk.writes_left.load(Ordering::SeqCst)
    };
    earlier(&disk, &people(1));
    let (first, second, third) = (opened(&disk), opened(&disk), opened(&disk));
    assert!(first > second, "{first} {second}");
    assert_eq!(second, third);
}

#[test]
fn power_that_fails_while_later_tables_are_made_is_made_good_by_opening_it_again() {
    let all = people(10);
    let mut failures = 0;
    for writes in 0.. {
        let disk = Disk::new();
        earlier(&disk, &all);
        disk.writes_left.store(writes, Ordering::SeqCst);
        failures += usize::from(Embedded::with_backend(disk.clone(), LIMITS).is_err());
        let left = disk.writes_left.swap(usize::MAX, Ordering::SeqCst);
        let store = Embedded::with_backend(disk, LIMITS).unwrap();
        assert_eq!(tables_of(&store).len(), tables::names().len());
        assert_usable(&store, &all);
        if left > 0 {
            break;
        }
    }
    assert!(failures > 3, "{failures}");
}
