//! Looks certificates of a store up in every way there is: `found STORE EVERY`, of each EVERYth.
//!
//! Prints how many certificates there are; stops if one is not found, or the log is not whole.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // it may stop

use std::{env, path::Path};

use smime::store::{Embedded, Store as _, StoredCertificate, public_key_id};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [store, every] = arguments.as_slice() else {
        panic!("found STORE EVERY");
    };
    let every: usize = every.parse().unwrap();
    let store = Embedded::open(Path::new(store)).unwrap();
    let all = store.certificates().unwrap();
    for stored in all.iter().step_by(every) {
        let one = &stored.certificate;
        let exact = store.certificate(&one.fingerprint()).unwrap().unwrap();
        assert!(exact.certificate == *one && exact.trust == stored.trust);
        let (issuer, subject) = (one.issuer().der(), one.subject().der());
        assert_has(
            &store.by_issuer_and_serial(issuer, one.serial()).unwrap(),
            stored,
        );
        let key = public_key_id(one.public_key());
        assert_has(&store.by_public_key(&key).unwrap(), stored);
        let last = one.not_after();
        assert_has(&store.expiring(last, last).unwrap(), stored);
        for address in one.emails() {
            assert_has(&store.by_address(address).unwrap(), stored);
        }
        if let Some(id) = one.subject_key_id() {
            assert_has(&store.by_subject_key_id(id).unwrap(), stored);
        }
        if one.is_ca() {
            assert_has(&store.authorities_by_subject(subject).unwrap(), stored);
        }
    }
    store.check_log().unwrap();
    println!("{}", all.len());
}

fn assert_has(found: &[StoredCertificate], wanted: &StoredCertificate) {
    let mut same = found
        .iter()
        .filter(|one| one.certificate == wanted.certificate);
    assert!(same.next().is_some() && same.next().is_none());
}
