//! Makes of a store one of layout 1 or 2: `earlier_layout STORE 1|2`.
//!
//! Of today's tables they had five as they are now, an index with keys of 25 or 17 bytes, and a table
//! that led from the SHA-256 of a certificate to its number.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // it may stop

use std::{env, path::Path};

use redb::{
    Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, TableHandle as _,
    WriteTransaction,
};
use smime::{store::Embedded, x509::CertificateRef};

const CERTIFICATES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("certificates");
const FINGERPRINTS: TableDefinition<'_, &[u8; 32], u64> = TableDefinition::new("fingerprints");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const TODAY: TableDefinition<'_, u128, ()> = TableDefinition::new("index");
const FIRST: TableDefinition<'_, &[u8; 25], ()> = TableDefinition::new("index");
const SECOND: TableDefinition<'_, &[u8; 17], ()> = TableDefinition::new("index");
const OF_THEN: [&str; 5] = ["certificates", "anchors", "keys", "activity", "meta"];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [store, layout] = arguments.as_slice() else {
        panic!("earlier_layout STORE 1|2");
    };
    let layout: u64 = layout.parse().unwrap();
    // A store with a store key, or with mail, is none of then.
    let summary = Embedded::open(Path::new(store)).unwrap().summary().unwrap();
    assert_eq!((summary.layout, summary.kept, summary.crls), (3, 0, 0));
    let database = Database::open(store).unwrap();
    let names: Vec<String> = {
        let transaction = database.begin_read().unwrap();
        let tables = transaction.list_tables().unwrap();
        tables.map(|table| table.name().to_owned()).collect()
    };
    let transaction = database.begin_write().unwrap();
    let index: Vec<u128> = {
        let table = transaction.open_table(TODAY).unwrap();
        table
            .iter()
            .unwrap()
            .map(|it| it.unwrap().0.value())
            .collect()
    };
    for name in names
        .iter()
        .filter(|name| !OF_THEN.contains(&name.as_str()))
    {
        let table = TableDefinition::<u64, u64>::new(name);
        assert!(transaction.delete_table(table).unwrap(), "{name}");
    }
    fill(&transaction, layout, &index);
    transaction.commit().unwrap();
    let mut tables = OF_THEN.to_vec();
    tables.extend([FINGERPRINTS.name(), TODAY.name()]);
    assert_eq!(
        database
            .begin_read()
            .unwrap()
            .list_tables()
            .unwrap()
            .count(),
        tables.len()
    );
}

fn fill(transaction: &WriteTransaction, layout: u64, index: &[u128]) {
    let mut meta = transaction.open_table(META).unwrap();
    meta.insert("schema", layout.to_be_bytes().as_slice())
        .unwrap();
    let mut fingerprints = transaction.open_table(FINGERPRINTS).unwrap();
    for entry in transaction
        .open_table(CERTIFICATES)
        .unwrap()
        .iter()
        .unwrap()
    {
        let (number, record) = entry.unwrap();
        // After a byte of trust and eight of time.
        let certificate = CertificateRef::from_der(&record.value()[9..]).unwrap();
        let fingerprint = certificate.fingerprint();
        fingerprints.insert(&fingerprint, number.value()).unwrap();
    }
    // Nobody reads what it says; it is as long as it was.
    for entry in index.iter().map(|entry| entry.to_be_bytes()) {
        let (prefix, number) = entry.split_at(11);
        if layout == 1 {
            let key = [prefix, &[0; 9], number].concat();
            let key: [u8; 25] = key.try_into().unwrap();
            let mut table = transaction.open_table(FIRST).unwrap();
            table.insert(&key, ()).unwrap();
        } else {
            let key = [prefix, &[0], number].concat();
            let key: [u8; 17] = key.try_into().unwrap();
            let mut table = transaction.open_table(SECOND).unwrap();
            table.insert(&key, ()).unwrap();
        }
    }
}
