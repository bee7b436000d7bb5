use std::ops::ControlFlow;

use smime_crypto::{Oid, UnixTime};
use smime_store::{
    Addition, Error, KeysOfDeleted, MailUse, StoredCertificate, Trust, public_key_id,
};
use smime_x509::{Certificate, Name, NameAttribute};

use crate::{
    making::{
        DAY, NOW, address, authority, name, people, person, person_until, person_with_key,
        public_key, sign,
    },
    on_every_store,
};

fn fingerprints(found: &[StoredCertificate]) -> Vec<[u8; 32]> {
    found
        .iter()
        .map(|stored| stored.certificate.fingerprint())
        .collect()
}

#[test]
fn an_empty_store_finds_nothing() {
    on_every_store(|place| {
        let store = place.store();
        assert!(store.certificate(&[0; 32]).unwrap().is_none());
        assert!(
            store
                .by_address(&address("a@example.com"))
                .unwrap()
                .is_empty()
        );
        assert!(
            store
                .by_issuer_and_serial(name("x").der(), &[1])
                .unwrap()
                .is_empty()
        );
        assert!(store.by_subject_key_id(&[1]).unwrap().is_empty());
        assert!(store.by_public_key(&[0; 32]).unwrap().is_empty());
        assert!(
            store
                .authorities_by_subject(name("x").der())
                .unwrap()
                .is_empty()
        );
        assert!(store.certificates().unwrap().is_empty());
        assert!(store.anchors().unwrap().is_empty());
        assert!(!store.has_key(&[0; 32]).unwrap());
        assert!(store.key(&[0; 32]).unwrap().is_none());
    });
}

#[test]
fn adding_nothing_adds_nothing() {
    on_every_store(|place| {
        assert!(place.store().add_certificates(&[], NOW).unwrap().is_empty());
        assert!(place.store().certificates().unwrap().is_empty());
    });
}

#[test]
fn a_certificate_is_found_by_everything_that_names_it_also_after_reopening() {
    on_every_store(|place| {
        let alice = sign(person(1, "alice@example.com"));
        let bob = sign(person(2, "bob@example.com"));
        let additions = place
            .store()
            .add_certificates(&[alice.clone(), bob], NOW)
            .unwrap();
        assert_eq!(additions, [Addition::Added, Addition::Added]);
        place.reopen();
        let store = place.store();
        let one = [alice.fingerprint()];
        let stored = store.certificate(&alice.fingerprint()).unwrap().unwrap();
        assert_eq!(stored.certificate.der(), alice.der());
        assert_eq!(
            (stored.added, stored.trust, stored.has_key),
            (NOW, Trust::None, false)
        );
        let issuer = alice.issuer().der();
        let key = public_key_id(alice.public_key());
        let key_id = alice.subject_key_id().unwrap();
        for found in [
            store.by_address(&address("alice@example.com")),
            store.by_issuer_and_serial(issuer, alice.serial()),
            store.by_subject_key_id(key_id),
            store.by_public_key(&key),
        ] {
            assert_eq!(fingerprints(&found.unwrap()), one);
        }
        // Nobody looks for the issuer of something and finds a person.
        let people = store.authorities_by_subject(alice.subject().der()).unwrap();
        assert!(people.is_empty());
    });
}

#[test]
fn what_nearly_names_a_certificate_does_not_find_it() {
    on_every_store(|place| {
        let alice = sign(person(1, "alice@example.com"));
        let store = place.store();
        store
            .add_certificates(std::slice::from_ref(&alice), NOW)
            .unwrap();
        for near in [
            "alice@example.co",
            "lice@example.com",
            "alice@example.com.org",
            "bob@example.com",
        ] {
            assert!(
                store.by_address(&address(near)).unwrap().is_empty(),
                "{near}"
            );
        }
        let issuer = alice.issuer().der();
        let serial = alice.serial();
        assert!(
            store
                .by_issuer_and_serial(issuer, &serial[1..])
                .unwrap()
                .is_empty()
        );
        assert!(store.by_issuer_and_serial(issuer, &[]).unwrap().is_empty());
        assert!(
            store
                .by_issuer_and_serial(alice.subject().der(), serial)
                .unwrap()
                .is_empty()
        );
        assert!(
            store
                .by_issuer_and_serial(&issuer[1..], serial)
                .unwrap()
                .is_empty()
        );
        let key_id = alice.subject_key_id().unwrap();
        assert!(store.by_subject_key_id(&key_id[1..]).unwrap().is_empty());
        assert!(store.by_subject_key_id(&[]).unwrap().is_empty());
        assert!(
            store
                .by_public_key(&alice.fingerprint())
                .unwrap()
                .is_empty()
        );
        assert!(store.authorities_by_subject(issuer).unwrap().is_empty());
        assert!(store.authorities_by_subject(b"no name").unwrap().is_empty());
        assert!(
            store
                .certificate(&public_key_id(alice.public_key()))
                .unwrap()
                .is_none()
        );
    });
}

#[test]
fn an_address_is_found_whatever_its_case() {
    on_every_store(|place| {
        let alice = sign(person(1, "Alice@Example.COM"));
        place.store().add_certificates(&[alice], NOW).unwrap();
        for text in [
            "alice@example.com",
            "ALICE@EXAMPLE.COM",
            "Alice@Example.COM",
        ] {
            assert_eq!(
                place.store().by_address(&address(text)).unwrap().len(),
                1,
                "{text}"
            );
        }
    });
}

#[test]
fn every_address_of_a_certificate_finds_it_once() {
    on_every_store(|place| {
        let emails = ["a@example.com", "b@example.com", "A@EXAMPLE.com"];
        place
            .store()
            .add_certificates(&[sign(person(1, "x@example.com").emails(&emails))], NOW)
            .unwrap();
        for text in emails {
            assert_eq!(
                place.store().by_address(&address(text)).unwrap().len(),
                1,
                "{text}"
            );
        }
        assert!(
            place
                .store()
                .by_address(&address("x@example.com"))
                .unwrap()
                .is_empty()
        );
    });
}

#[test]
fn authorities_are_found_by_their_subject_roots_of_version_1_too() {
    on_every_store(|place| {
        let ca = sign(authority(9, "Test CA"));
        let root = sign(authority(10, "Old Root").without_extension(Oid::new("2.5.29.19")));
        let all = [ca, root];
        place.store().add_certificates(&all, NOW).unwrap();
        place.reopen();
        for one in &all {
            let found = place.store().authorities_by_subject(one.subject().der());
            assert_eq!(fingerprints(&found.unwrap()), [one.fingerprint()]);
        }
    });
}

#[test]
fn names_that_differ_in_case_and_blanks_are_one_subject() {
    on_every_store(|place| {
        let found_by = Name::from_attributes(&[
            (NameAttribute::Organization, "EXAMPLE "),
            (NameAttribute::CommonName, "test  ca"),
        ]);
        let ca = sign(authority(9, "Test CA"));
        place
            .store()
            .add_certificates(std::slice::from_ref(&ca), NOW)
            .unwrap();
        let found = place
            .store()
            .authorities_by_subject(found_by.der())
            .unwrap();
        assert_eq!(fingerprints(&found), [ca.fingerprint()]);
        let found = place
            .store()
            .by_issuer_and_serial(found_by.der(), ca.serial())
            .unwrap();
        assert_eq!(fingerprints(&found), [ca.fingerprint()]);
    });
}

#[test]
fn a_fingerprint_is_taken_once_and_its_time_stays() {
    on_every_store(|place| {
        let alice = sign(person(1, "alice@example.com"));
        let later = UnixTime(NOW.0 + DAY);
        let both = [alice.clone(), alice.clone()];
        let there = |since| Addition::AlreadyThere { since };
        assert_eq!(
            place.store().add_certificates(&both, NOW).unwrap(),
            [Addition::Added, there(NOW)]
        );
        place.reopen();
        assert_eq!(
            place.store().add_certificates(&both, later).unwrap(),
            [there(NOW), there(NOW)]
        );
        let stored = place.store().certificates().unwrap();
        assert_eq!(stored.len(), 1);
        assert_eq!(stored[0].added, NOW);
        assert_eq!(
            place
                .store()
                .by_address(&address("alice@example.com"))
                .unwrap()
                .len(),
            1
        );
    });
}

#[test]
fn the_one_valid_from_the_latest_day_comes_first() {
    on_every_store(|place| {
        let from = |number, day| {
            let from = UnixTime(NOW.0 + day * DAY);
            sign(person(number, "alice@example.com").valid(from, UnixTime(NOW.0 + 900 * DAY)))
        };
        let (middle, newest, oldest, newest_too) =
            (from(1, -5), from(2, 3), from(3, -90), from(4, 3));
        let all = [&middle, &newest, &oldest, &newest_too].map(Certificate::clone);
        place.store().add_certificates(&all, NOW).unwrap();
        let found = place
            .store()
            .by_address(&address("alice@example.com"))
            .unwrap();
        let wanted = [&newest_too, &newest, &middle, &oldest].map(Certificate::fingerprint);
        assert_eq!(fingerprints(&found), wanted);
    });
}

#[test]
fn the_list_is_in_the_order_of_addition_across_reopening() {
    on_every_store(|place| {
        let all = people(30);
        for part in all.chunks(7) {
            place.store().add_certificates(part, NOW).unwrap();
            place.reopen();
        }
        let wanted: Vec<_> = all.iter().map(Certificate::fingerprint).collect();
        assert_eq!(fingerprints(&place.store().certificates().unwrap()), wanted);
    });
}

#[test]
fn one_key_leads_to_all_of_its_certificates() {
    on_every_store(|place| {
        place.store().add_certificates(&people(20), NOW).unwrap();
        let id = public_key_id(&public_key(1));
        assert_eq!(place.store().by_public_key(&id).unwrap().len(), 20);
    });
}

#[test]
fn two_authorities_of_one_name_and_serial_are_both_found() {
    on_every_store(|place| {
        let twins =
            [1, 2].map(|number| sign(person_with_key(7, "alice@example.com", &public_key(number))));
        place.store().add_certificates(&twins, NOW).unwrap();
        let (issuer, serial) = (twins[0].issuer().der(), twins[0].serial());
        assert_eq!(
            place
                .store()
                .by_issuer_and_serial(issuer, serial)
                .unwrap()
                .len(),
            2
        );
    });
}

#[test]
fn trust_is_kept_and_anchors_are_those_that_have_it() {
    on_every_store(|place| {
        let roots = [1, 2, 3].map(|number| sign(authority(number, "Root")));
        place.store().add_certificates(&roots, NOW).unwrap();
        let [first, second, third] = roots.each_ref().map(Certificate::fingerprint);
        place
            .store()
            .set_trust_of(&[third, first], Trust::Anchor)
            .unwrap();
        place.store().set_trust(&second, Trust::Distrusted).unwrap();
        place.reopen();
        let anchors = place.store().anchors().unwrap();
        assert_eq!(fingerprints(&anchors), [first, third]);
        let trust = |id| place.store().certificate(id).unwrap().unwrap().trust;
        assert_eq!(trust(&second), Trust::Distrusted);
        for taken in [Trust::None, Trust::Distrusted] {
            place.store().set_trust(&first, Trust::Anchor).unwrap();
            place.store().set_trust(&first, taken).unwrap();
            assert_eq!(place.store().anchors().unwrap().len(), 1);
            assert_eq!(trust(&first), taken);
        }
        let stored = place.store().certificate(&first).unwrap().unwrap();
        assert_eq!(
            (stored.certificate.der(), stored.added),
            (roots[0].der(), NOW)
        );
    });
}

#[test]
fn an_anchor_keeps_the_use_it_is_trusted_for() {
    on_every_store(|place| {
        let root = sign(authority(1, "Root"));
        let fingerprint = root.fingerprint();
        place.store().add_certificates(&[root], NOW).unwrap();
        for (trust, uses) in [
            (Trust::AnchorFor(MailUse::Sign), &[MailUse::Sign][..]),
            (Trust::AnchorFor(MailUse::Encrypt), &[MailUse::Encrypt]),
            (Trust::Anchor, &[MailUse::Sign, MailUse::Encrypt]),
            (Trust::AnchorFor(MailUse::Sign), &[MailUse::Sign]),
            (Trust::Distrusted, &[]),
            (Trust::None, &[]),
        ] {
            place.store().set_trust(&fingerprint, trust).unwrap();
            place.reopen();
            let stored = place.store().certificate(&fingerprint).unwrap().unwrap();
            assert_eq!(stored.trust, trust);
            assert_eq!(stored.trust.anchor_uses(), uses);
            let anchors = place.store().anchors().unwrap();
            assert_eq!(anchors.len(), usize::from(!uses.is_empty()), "{trust:?}");
            assert!(anchors.iter().all(|anchor| anchor.trust == trust));
        }
    });
}

#[test]
fn trust_in_what_is_not_stored_changes_nothing() {
    on_every_store(|place| {
        let root = sign(authority(1, "Root"));
        place
            .store()
            .add_certificates(std::slice::from_ref(&root), NOW)
            .unwrap();
        let unknown = [7; 32];
        for list in [
            vec![root.fingerprint(), unknown],
            vec![unknown, root.fingerprint()],
        ] {
            let error = place
                .store()
                .set_trust_of(&list, Trust::Anchor)
                .unwrap_err();
            assert!(matches!(error, Error::NoSuchCertificate(id) if id == unknown));
            assert_eq!(error.code(), "store.no_certificate");
        }
        assert!(place.store().anchors().unwrap().is_empty());
        let stored = place
            .store()
            .certificate(&root.fingerprint())
            .unwrap()
            .unwrap();
        assert_eq!(stored.trust, Trust::None);
    });
}

#[test]
fn many_threads_share_a_store() {
    on_every_store(|place| {
        let all = people(40);
        let store = place.store();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for certificate in &all {
                        store
                            .add_certificates(std::slice::from_ref(certificate), NOW)
                            .unwrap();
                        let found = store.certificate(&certificate.fingerprint()).unwrap();
                        assert_eq!(found.unwrap().certificate.der(), certificate.der());
                    }
                });
            }
        });
        assert_eq!(store.certificates().unwrap().len(), all.len());
    });
}

#[test]
fn certificates_are_found_by_their_last_day() {
    on_every_store(|place| {
        let store = place.store();
        let days = [300, 5, 40, -2, 40];
        let certificates: Vec<_> = (1..)
            .zip(days)
            .map(|(number, days)| {
                let last = UnixTime(NOW.0 + days * DAY);
                let key = public_key(number);
                sign(person_until(number, "a@example.com", &key, last))
            })
            .collect();
        store.add_certificates(&certificates, NOW).unwrap();
        let expiring = |from: i64, to: i64| {
            let (from, to) = (UnixTime(NOW.0 + from), UnixTime(NOW.0 + to));
            let found = store.expiring(from, to).unwrap();
            let place = |one: StoredCertificate| {
                let same = |other: &Certificate| *other == one.certificate;
                certificates.iter().position(same).unwrap()
            };
            found.into_iter().map(place).collect::<Vec<_>>()
        };
        assert_eq!(expiring(0, 90 * DAY), [1, 2, 4]);
        assert_eq!(expiring(-10 * DAY, 1000 * DAY), [3, 1, 2, 4, 0]);
        assert_eq!(expiring(5 * DAY, 5 * DAY), [1], "both ends are inclusive");
        assert!(expiring(5 * DAY + 1, 40 * DAY - 1).is_empty());
        assert!(expiring(10 * DAY, 0).is_empty(), "the wrong way round");
        let all = store.expiring(UnixTime(i64::MIN), UnixTime(i64::MAX));
        assert_eq!(all.unwrap().len(), 5);
    });
}

#[test]
fn a_deleted_certificate_is_found_in_no_way() {
    on_every_store(|place| {
        let certificates = people(5);
        place.store().add_certificates(&certificates, NOW).unwrap();
        let gone = &certificates[2];
        let fingerprint = gone.fingerprint();
        place
            .store()
            .set_trust(&fingerprint, Trust::Anchor)
            .unwrap();
        let twice = [fingerprint, fingerprint];
        let keys = place
            .store()
            .delete_certificates(&twice, KeysOfDeleted::Go)
            .unwrap();
        assert!(keys.is_empty(), "it had none");
        for _ in 0..2 {
            let store = place.store();
            assert!(store.certificate(&fingerprint).unwrap().is_none());
            assert!(store.anchors().unwrap().is_empty());
            let found = store
                .by_issuer_and_serial(gone.issuer().der(), gone.serial())
                .unwrap();
            assert!(found.is_empty());
            let ever = store.expiring(UnixTime(i64::MIN), UnixTime(i64::MAX));
            assert_eq!(ever.unwrap().len(), 4);
            let left = store.certificates().unwrap();
            let left: Vec<_> = left.into_iter().map(|one| one.certificate).collect();
            assert_eq!(left, [&certificates[..2], &certificates[3..]].concat());
            place.reopen();
        }
        let store = place.store();
        let again = store.add_certificates(&certificates[2..3], NOW).unwrap();
        assert_eq!(again, [Addition::Added]);
        assert!(store.certificate(&fingerprint).unwrap().is_some());
    });
}

#[test]
fn nothing_is_deleted_when_one_certificate_is_not_there() {
    on_every_store(|place| {
        let certificates = people(3);
        let store = place.store();
        store.add_certificates(&certificates[..2], NOW).unwrap();
        let fingerprints: Vec<_> = certificates.iter().map(Certificate::fingerprint).collect();
        let error = store
            .delete_certificates(&fingerprints, KeysOfDeleted::Stay)
            .unwrap_err();
        assert!(matches!(error, Error::NoSuchCertificate(which) if which == fingerprints[2]));
        assert_eq!(store.certificates().unwrap().len(), 2);
        assert!(store.certificate(&fingerprints[0]).unwrap().is_some());
    });
}

#[test]
fn going_through_the_certificates_can_be_broken_off() {
    on_every_store(|place| {
        let store = place.store();
        store.add_certificates(&people(5), NOW).unwrap();
        let mut seen = 0;
        store
            .visit_certificates(&mut |stored| {
                seen += 1;
                let again = store.certificate(&stored.certificate.fingerprint());
                assert!(again.unwrap().is_some(), "others are found meanwhile");
                if seen == 3 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
            .unwrap();
        assert_eq!(seen, 3);
    });
}
