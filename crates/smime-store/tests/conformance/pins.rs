use smime_store::{Error, KeysOfDeleted, Pin};
use smime_x509::Certificate;

use crate::{
    Place,
    making::{NOW, address, person, sign},
    on_every_store,
};

/// Adds certificates of one address; returns their fingerprints.
fn certificates(place: &Place, count: u32) -> Vec<[u8; 32]> {
    let all: Vec<_> = (1..=count)
        .map(|number| sign(person(number, ADA)))
        .collect();
    place.store().add_certificates(&all, NOW).unwrap();
    all.iter().map(Certificate::fingerprint).collect()
}

#[test]
fn pins_are_kept_by_address_whatever_its_case() {
    on_every_store(|place| {
        let all = certificates(place, 3);
        let store = place.store();
        assert_eq!(store.pins(&address(ADA)).unwrap(), None);
        store.set_pins(&address(ADA), Some(&all[..2])).unwrap();
        place.reopen();
        let store = place.store();
        let other = address("ADA@Example.COM");
        assert_eq!(store.pins(&other).unwrap(), Some(all[..2].to_vec()));
        assert_eq!(store.pins(&address("bob@example.com")).unwrap(), None);
        store.set_pins(&other, Some(&all[2..])).unwrap();
        let pin = Pin {
            address: ADA.to_owned(),
            certificates: all[2..].to_vec(),
        };
        assert_eq!(store.all_pins().unwrap(), [pin]);
        store.set_pins(&address(ADA), None).unwrap();
        place.reopen();
        assert_eq!(place.store().pins(&other).unwrap(), None);
        assert!(place.store().all_pins().unwrap().is_empty());
    });
}

#[test]
fn what_is_not_stored_or_of_somebody_else_is_not_pinned() {
    on_every_store(|place| {
        let all = certificates(place, 2);
        let bob = sign(person(9, "bob@example.com"));
        let bob = std::slice::from_ref(&bob);
        let store = place.store();
        store.add_certificates(bob, NOW).unwrap();
        let bob = bob[0].fingerprint();
        store.set_pins(&address(ADA), Some(&all[..1])).unwrap();
        for list in [[all[1], [7; 32]], [[7; 32], all[1]]] {
            let error = store.set_pins(&address(ADA), Some(&list)).unwrap_err();
            assert!(matches!(error, Error::NoSuchCertificate(id) if id == [7; 32]));
        }
        let error = store.set_pins(&address(ADA), Some(&[all[1], bob]));
        let error = error.unwrap_err();
        assert!(matches!(error, Error::OtherAddress(id) if id == bob));
        assert_eq!(error.code(), "store.other_address");
        assert_eq!(store.pins(&address(ADA)).unwrap(), Some(all[..1].to_vec()));
    });
}

#[test]
fn a_deleted_certificate_is_pinned_no_longer_and_the_address_still_is() {
    on_every_store(|place| {
        let all = certificates(place, 3);
        let store = place.store();
        store.set_pins(&address(ADA), Some(&all[..2])).unwrap();
        let delete = |fingerprint: [u8; 32]| {
            let deleted = store.delete_certificates(&[fingerprint], KeysOfDeleted::Stay);
            deleted.unwrap();
            store.pins(&address(ADA)).unwrap()
        };
        assert_eq!(delete(all[0]), Some(vec![all[1]]));
        assert_eq!(delete(all[2]), Some(vec![all[1]]));
        assert_eq!(delete(all[1]), Some(Vec::new()));
        // Who comes back was not pinned.
        certificates(place, 3);
        place.reopen();
        let store = place.store();
        assert_eq!(store.pins(&address(ADA)).unwrap(), Some(Vec::new()));
        assert!(store.all_pins().unwrap()[0].certificates.is_empty());
    });
}

const ADA: &str = "ada@example.com";
