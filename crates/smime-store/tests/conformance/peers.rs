use smime_crypto::{Oid, UnixTime};
use smime_store::{Announcement, Error, Quarantined, Quarantining, public_key_id};
use smime_x509::Certificate;

use crate::{
    making::{DAY, NOW, address, authority, name, person, sign},
    on_every_store,
};

fn announcement(capabilities: u8, signed: Option<i64>) -> Announcement {
    Announcement {
        capabilities: vec![0x30, 1, capabilities],
        signed: signed.map(UnixTime),
        received: NOW,
        certificate: [capabilities; 32],
    }
}

/// A certificate of Ada's that waits, `days` after the first.
fn waiting(number: u32, email: &str, days: i64) -> Quarantined {
    Quarantined {
        certificate: sign(person(number, email)),
        issuers: vec![sign(authority(1, "Test CA"))],
        address: address(email),
        received: UnixTime(NOW.0 + days * DAY),
        message_id: Some("<1@example.com>".to_owned()),
        differs_from: vec![[1; 32], [2; 32]],
        announcement: Some(announcement(7, Some(NOW.0))),
    }
}

#[test]
fn a_later_announcement_takes_the_place_of_an_earlier_one_and_no_other_does() {
    on_every_store(|place| {
        for (next, noted) in [
            (announcement(1, None), true),
            (announcement(2, None), false),
            (announcement(3, Some(NOW.0)), true),
            (announcement(4, Some(NOW.0)), false),
            (announcement(5, Some(NOW.0 - 1)), false),
            (announcement(6, None), false),
            (announcement(7, Some(NOW.0 + 1)), true),
        ] {
            let before = place.store().announcement(&address(ADA)).unwrap();
            let other_case = address("ADA@Example.COM");
            let was_noted = place.store().note_announcement(&other_case, &next);
            assert_eq!(was_noted.unwrap(), noted, "{next:?}");
            place.reopen();
            let now = place.store().announcement(&address(ADA)).unwrap();
            assert_eq!(now, if noted { Some(next) } else { before });
        }
        let peers = place.store().peers().unwrap();
        assert_eq!(peers.len(), 1);
        assert_eq!(peers[0].address, ADA);
        assert_eq!(peers[0].announcement, announcement(7, Some(NOW.0 + 1)));
        let bob = address("bob@example.com");
        assert_eq!(place.store().announcement(&bob).unwrap(), None);
    });
}

#[test]
fn what_waits_comes_back_as_it_was_in_the_order_in_which_it_came() {
    on_every_store(|place| {
        let (late, soon) = (waiting(1, ADA, 2), waiting(2, "bob@example.com", 1));
        let bare = Quarantined {
            issuers: Vec::new(),
            message_id: None,
            differs_from: Vec::new(),
            announcement: None,
            ..waiting(3, ADA, 3)
        };
        for one in [&late, &soon, &bare] {
            let added = place.store().quarantine(one).unwrap();
            assert_eq!(added, Quarantining::Added);
        }
        let again = Quarantined {
            message_id: None,
            address: address("bob@example.com"),
            ..waiting(1, ADA, 9)
        };
        let there = place.store().quarantine(&again).unwrap();
        assert_eq!(there, Quarantining::AlreadyThere);
        place.reopen();
        assert_eq!(place.store().quarantined().unwrap(), [soon, late, bare]);
    });
}

#[test]
fn no_look_up_finds_what_waits() {
    on_every_store(|place| {
        let one = waiting(1, ADA, 0);
        let store = place.store();
        store.quarantine(&one).unwrap();
        let certificate = &one.certificate;
        let issuer = name("Test CA");
        let key = public_key_id(certificate.public_key());
        let serial = certificate.serial();
        let id = certificate.subject_key_id().unwrap();
        assert!(
            store
                .certificate(&certificate.fingerprint())
                .unwrap()
                .is_none()
        );
        assert!(store.certificates().unwrap().is_empty());
        for found in [
            store.by_address(&address(ADA)),
            store.by_issuer_and_serial(issuer.der(), serial),
            store.by_subject_key_id(id),
            store.by_public_key(&key),
            store.authorities_by_subject(issuer.der()),
            store.expiring(NOW, UnixTime(i64::MAX)),
            store.anchors(),
        ] {
            assert!(found.unwrap().is_empty());
        }
        assert!(store.peers().unwrap().is_empty());
    });
}

#[test]
fn what_is_decided_about_waits_no_longer() {
    on_every_store(|place| {
        let (first, second) = (waiting(1, ADA, 0), waiting(2, ADA, 1));
        let store = place.store();
        store.quarantine(&first).unwrap();
        store.quarantine(&second).unwrap();
        let fingerprint = first.certificate.fingerprint();
        store.end_quarantine(&fingerprint).unwrap();
        let error = store.end_quarantine(&fingerprint).unwrap_err();
        assert!(matches!(error, Error::NotQuarantined(id) if id == fingerprint));
        assert_eq!(error.code(), "store.not_quarantined");
        assert_eq!(store.quarantined().unwrap(), [second]);
        assert!(store.certificates().unwrap().is_empty());
    });
}

#[test]
fn what_was_rejected_is_remembered_whoever_signs_it_again() {
    on_every_store(|place| {
        let (first, second) = (waiting(1, ADA, 0), waiting(2, ADA, 1));
        for one in [&first, &second] {
            place.store().quarantine(one).unwrap();
            assert!(!place.store().is_rejected(&one.certificate).unwrap());
        }
        let fingerprint = first.certificate.fingerprint();
        place.store().reject(&fingerprint).unwrap();
        let error = place.store().reject(&fingerprint).unwrap_err();
        assert!(matches!(error, Error::NotQuarantined(id) if id == fingerprint));
        place.reopen();
        let store = place.store();
        assert_eq!(store.quarantined().unwrap().len(), 1);
        let mut twin = first.certificate.der().to_vec();
        *twin.last_mut().unwrap() ^= 1;
        let twin = Certificate::from_der(&twin).unwrap();
        assert!(store.is_rejected(&first.certificate).unwrap());
        assert!(store.is_rejected(&twin).unwrap());
        assert!(!store.is_rejected(&second.certificate).unwrap());
        store
            .end_quarantine(&second.certificate.fingerprint())
            .unwrap();
        assert!(!store.is_rejected(&second.certificate).unwrap());
    });
}

#[test]
fn no_more_wait_than_there_is_room_for() {
    on_every_store(|place| {
        let store = place.store();
        for number in 1..=9 {
            let outcome = store.quarantine(&waiting(number, ADA, 0)).unwrap();
            let is_full = outcome == Quarantining::Full;
            assert_eq!(is_full, number == 9, "{number} of one address");
        }
        // Case makes no other address.
        let shouted = store.quarantine(&waiting(10, "ADA@EXAMPLE.COM", 0));
        assert_eq!(shouted.unwrap(), Quarantining::Full);
        let large = Quarantined {
            certificate: sign(person(11, "large@example.com").extension(
                Oid::new("1.2.3"),
                false,
                &[4, 0].repeat(1 << 15),
            )),
            ..waiting(11, "large@example.com", 0)
        };
        let of_many_words = Quarantined {
            message_id: Some(format!("<{}@example.com>", "1".repeat(64 << 10))),
            ..waiting(11, "large@example.com", 0)
        };
        let announcing_much = Quarantined {
            announcement: Some(Announcement {
                capabilities: vec![0; 64 << 10],
                ..announcement(7, None)
            }),
            ..waiting(11, "large@example.com", 0)
        };
        for one in [large, of_many_words, announcing_much] {
            assert_eq!(store.quarantine(&one).unwrap(), Quarantining::Full);
        }
        for number in 12..1_004 {
            let email = format!("p{number}@example.com");
            let outcome = store.quarantine(&waiting(number, &email, 0)).unwrap();
            assert_eq!(outcome, Quarantining::Added, "{number}");
        }
        let outcome = store.quarantine(&waiting(1_004, "last@example.com", 0));
        assert_eq!(outcome.unwrap(), Quarantining::Full);
        let first = waiting(1, ADA, 0).certificate.fingerprint();
        store.end_quarantine(&first).unwrap();
        let outcome = store.quarantine(&waiting(1_004, "last@example.com", 0));
        assert_eq!(outcome.unwrap(), Quarantining::Added);
        assert_eq!(store.quarantined().unwrap().len(), 1_000);
    });
}

const ADA: &str = "ada@example.com";
