use std::ops::ControlFlow;

use smime_crypto::UnixTime;
use smime_store::{Arrivals, Error, KeptMail, Settings, Want};
use smime_x509::Certificate;

use crate::{
    Place,
    making::{DAY, NOW, address, authority, name, person, sign},
    on_every_store,
};

/// A mail that wants what is given, kept for ten days.
fn mail(text: &str, wants: &[Want]) -> KeptMail {
    KeptMail {
        received: NOW,
        expires: UnixTime(NOW.0 + 10 * DAY),
        message: text.as_bytes().to_vec(),
        code: "open.no_key".into(),
        signature: "none".into(),
        encryption: "failed".into(),
        wants: wants.to_vec(),
    }
}

fn keep(place: &Place, text: &str, wants: &[Want]) -> u64 {
    place.store().keep(&mail(text, wants)).unwrap()
}

fn wanting(place: &Place, certificate: &Certificate) -> Vec<u64> {
    place.store().kept_wanting(certificate).unwrap()
}

fn wanting_issuer(place: &Place, common_name: &str) -> Vec<u64> {
    let name = name(common_name);
    place.store().kept_wanting_issuer(name.der()).unwrap()
}

/// Returns the numbers of all that is kept.
fn ids(place: &Place) -> Vec<u64> {
    let mut ids = Vec::new();
    place
        .store()
        .visit_kept(&mut |id, _| {
            ids.push(id);
            ControlFlow::Continue(())
        })
        .unwrap();
    ids
}

fn issuer(common_name: &str) -> Want {
    Want::Issuer(name(common_name).der().to_vec())
}

fn certificate_of(issuer: &str, serial: &[u8]) -> Want {
    Want::Certificate {
        issuer: name(issuer).der().to_vec(),
        serial: serial.to_vec(),
    }
}

fn key_id(certificate: &Certificate) -> Vec<u8> {
    certificate.subject_key_id().unwrap().to_vec()
}

fn ada() -> Certificate {
    sign(person(7, "ada@example.com"))
}

#[test]
fn a_store_that_keeps_no_mail_finds_none() {
    on_every_store(|place| {
        for id in [0, 1, u64::MAX] {
            assert_eq!(place.store().kept(id).unwrap(), None);
            let error = place.store().release(id).unwrap_err();
            assert!(matches!(error, Error::NoSuchMail(which) if which == id));
            assert_eq!(error.code(), "store.no_mail");
        }
        assert!(ids(place).is_empty());
        assert!(wanting(place, &ada()).is_empty());
        assert!(wanting_issuer(place, "Test CA").is_empty());
        let end = UnixTime(i64::MAX);
        assert_eq!(place.store().expire_kept(end).unwrap(), 0);
    });
}

#[test]
fn mail_comes_back_as_it_was_kept() {
    on_every_store(|place| {
        let octets: Vec<u8> = (0..=255).cycle().take(3 << 20).collect();
        let full = KeptMail {
            received: UnixTime(-1),
            expires: UnixTime(i64::MAX),
            message: octets,
            code: "verify.\u{202e}\n\"odd\"".into(),
            signature: "\0".into(),
            encryption: String::new(),
            wants: vec![
                certificate_of("Test CA", &[0, 0x80]),
                Want::SubjectKeyId(vec![]),
                Want::SubjectKeyId(vec![0xff; 20]),
                issuer("Test CA"),
                Want::Issuer(b"no name".to_vec()),
                Want::Address(address("\"AdaÄ\\\"\"@ÄRZTE.example")),
            ],
        };
        let empty = KeptMail {
            message: vec![],
            code: String::new(),
            wants: vec![],
            ..full.clone()
        };
        assert_eq!(place.store().keep(&full).unwrap(), 1);
        assert_eq!(place.store().keep(&empty).unwrap(), 2);
        assert!(place.store().kept(1).unwrap() == Some(full.clone()));
        assert_eq!(place.store().kept(2).unwrap(), Some(empty.clone()));
        let mut all = Vec::new();
        let visited = place.store().visit_kept(&mut |id, mail| {
            all.push((id, mail));
            ControlFlow::Continue(())
        });
        visited.unwrap();
        assert!(all == [(1, full), (2, empty)]);
    });
}

#[test]
fn what_is_printed_of_a_kept_mail_is_not_its_content() {
    let printed = format!("{:?}", mail("TOP SECRET", &[issuer("Test CA")]));
    assert!(printed.contains("open.no_key"));
    assert!(!printed.contains("SECRET") && !printed.contains("84, 79, 80"));
}

#[test]
fn a_message_that_is_kept_keeps_its_number_and_what_is_said_of_it_is_new() {
    on_every_store(|place| {
        let certificate = ada();
        let first = keep(place, "same", &[Want::SubjectKeyId(key_id(&certificate))]);
        let other = keep(place, "same ", &[]);
        assert_ne!(first, other, "one octet more");
        let changed = KeptMail {
            received: UnixTime(NOW.0 + 1),
            expires: UnixTime(NOW.0 + 2),
            code: "verify.no_path".into(),
            ..mail("same", &[issuer("Test CA")])
        };
        assert_eq!(place.store().keep(&changed).unwrap(), first);
        assert_eq!(place.store().kept(first).unwrap(), Some(changed));
        assert_eq!(ids(place), [first, other]);
        assert!(wanting(place, &certificate).is_empty(), "not any more");
        assert_eq!(wanting_issuer(place, "Test CA"), [first]);
        let before = UnixTime(NOW.0 + 5);
        assert_eq!(place.store().expire_kept(before).unwrap(), 1);
        assert_eq!(ids(place), [other]);
    });
}

#[test]
fn no_number_is_given_twice() {
    on_every_store(|place| {
        assert_eq!(keep(place, "a", &[]), 1);
        assert_eq!(keep(place, "b", &[]), 2);
        place.store().release(2).unwrap();
        assert_eq!(keep(place, "b", &[]), 3, "also of the same message");
        let end = UnixTime(i64::MAX);
        assert_eq!(place.store().expire_kept(end).unwrap(), 2);
        assert_eq!(keep(place, "a", &[]), 4);
        assert_eq!(ids(place), [4]);
    });
}

#[test]
fn released_mail_is_gone_and_found_by_nothing() {
    on_every_store(|place| {
        let certificate = ada();
        let wants = [Want::SubjectKeyId(key_id(&certificate)), issuer("Root")];
        let gone = keep(place, "gone", &wants);
        let stays = keep(place, "stays", &wants);
        place.store().release(gone).unwrap();
        for _ in 0..2 {
            let error = place.store().release(gone).unwrap_err();
            assert!(matches!(error, Error::NoSuchMail(which) if which == gone));
            assert_eq!(place.store().kept(gone).unwrap(), None);
            assert_eq!(wanting(place, &certificate), [stays]);
            assert_eq!(wanting_issuer(place, "Root"), [stays]);
        }
    });
}

#[test]
fn a_certificate_fulfils_what_it_is_and_nothing_else() {
    let certificate = ada();
    let serial = certificate.serial().to_vec();
    let id = key_id(&certificate);
    let root = sign(authority(9, "Root"));
    let wants = [
        (certificate_of("Test CA", &serial), true),
        (certificate_of("test  ca", &serial), true),
        (Want::SubjectKeyId(id.clone()), true),
        (Want::Address(address("ADA@Example.com")), true),
        // The name of its subject, whatever issues under it.
        (issuer("ada@example.com"), true),
        (certificate_of("Other CA", &serial), false),
        (certificate_of("ada@example.com", &serial), false),
        (
            certificate_of("Test CA", &[&[0], &serial[..]].concat()),
            false,
        ),
        (certificate_of("Test CA", &serial[1..]), false),
        (certificate_of("Test CA", &[]), false),
        (Want::SubjectKeyId(id[1..].to_vec()), false),
        (Want::SubjectKeyId(key_id(&root)), false),
        (Want::SubjectKeyId(vec![]), false),
        (Want::Address(address("ada@example.org")), false),
        (Want::Address(address("ada+1@example.com")), false),
        (issuer("Test CA"), false),
        (issuer("Root"), false),
        (Want::Issuer(id), false),
        (Want::Issuer(vec![]), false),
    ];
    on_every_store(|place| {
        for (want, is_fulfilled) in &wants {
            let text = format!("{want:?}");
            let id = keep(place, &text, std::slice::from_ref(want));
            assert_eq!(
                wanting(place, &certificate) == [id],
                *is_fulfilled,
                "{text}"
            );
            place.store().release(id).unwrap();
            assert!(wanting(place, &certificate).is_empty(), "{text}");
        }
    });
}

#[test]
fn mail_that_wants_several_things_is_found_by_each_and_once() {
    on_every_store(|place| {
        let (certificate, root) = (ada(), sign(authority(9, "Root")));
        let both = [
            Want::SubjectKeyId(key_id(&certificate)),
            Want::SubjectKeyId(key_id(&certificate)),
            Want::Address(address("ada@example.com")),
            issuer("Root"),
            issuer("ROOT"),
        ];
        let first = keep(place, "1", &both);
        keep(place, "2", &[]);
        let third = keep(place, "3", &[issuer("root")]);
        let fourth = keep(place, "4", &both);
        assert_eq!(wanting(place, &certificate), [first, fourth]);
        assert_eq!(wanting(place, &root), [first, third, fourth]);
        assert_eq!(wanting_issuer(place, " rOOt"), [first, third, fourth]);
    });
}

#[test]
fn an_issuer_fulfils_only_what_wants_an_issuer() {
    on_every_store(|place| {
        keep(place, "1", &[certificate_of("Root", &[9])]);
        keep(
            place,
            "2",
            &[Want::SubjectKeyId(name("Root").der().to_vec())],
        );
        keep(place, "3", &[issuer("Other")]);
        assert!(wanting_issuer(place, "Root").is_empty());
        let nonsense = keep(place, "4", &[Want::Issuer(b"\x30\x05".to_vec())]);
        let find = |name: &[u8]| place.store().kept_wanting_issuer(name).unwrap();
        assert_eq!(find(b"\x30\x05"), [nonsense], "stands for itself");
        assert!(find(b"\x30\x05\x00").is_empty());
        assert!(find(b"").is_empty());
    });
}

#[test]
fn mail_expires_at_its_time_and_not_before() {
    on_every_store(|place| {
        for (text, expires) in [
            ("last", i64::MAX),
            ("now", NOW.0),
            ("next", NOW.0 + 1),
            ("before 1970", -1),
            ("first", i64::MIN),
        ] {
            let mail = KeptMail {
                expires: UnixTime(expires),
                ..mail(text, &[issuer("Root")])
            };
            place.store().keep(&mail).unwrap();
        }
        let expire = |place: &Place, now: i64| place.store().expire_kept(UnixTime(now)).unwrap();
        assert_eq!(expire(place, i64::MIN), 1);
        assert_eq!(expire(place, -2), 0);
        assert_eq!(expire(place, NOW.0 - 1), 1);
        assert_eq!(expire(place, NOW.0), 1);
        assert_eq!(expire(place, NOW.0), 0);
        assert_eq!(ids(place), [1, 3]);
        assert_eq!(wanting_issuer(place, "Root"), [1, 3]);
        assert_eq!(place.store().kept(2).unwrap(), None);
        assert_eq!(expire(place, i64::MAX), 2);
        assert!(ids(place).is_empty());
    });
}

#[test]
fn mail_of_more_than_64_mebibytes_is_refused_and_what_was_kept_stays() {
    const MAX: usize = 64 << 20;
    on_every_store(|place| {
        let mut large = mail("", &[]);
        let words = large.code.len() + large.signature.len() + large.encryption.len();
        large.message = vec![b'x'; MAX - words];
        assert_eq!(place.store().keep(&large).unwrap(), 1);
        for wants in [
            vec![Want::SubjectKeyId(vec![0])],
            vec![Want::Issuer(vec![0; MAX])],
            vec![certificate_of("Root", &[])],
            vec![Want::Address(address("a@b.example"))],
        ] {
            let error = place
                .store()
                .keep(&KeptMail {
                    wants,
                    ..large.clone()
                })
                .unwrap_err();
            assert!(matches!(error, Error::MailTooLarge), "{error:?}");
            assert_eq!(error.code(), "store.mail_too_large");
        }
        large.message.push(b'x');
        let error = place.store().keep(&large).unwrap_err();
        assert!(matches!(error, Error::MailTooLarge), "{error:?}");
        large.message.pop();
        assert!(place.store().kept(1).unwrap() == Some(large));
        assert_eq!(ids(place), [1]);
    });
}

#[test]
fn a_visit_sees_one_moment_and_ends_when_it_is_told_to() {
    on_every_store(|place| {
        for text in ["1", "2", "3"] {
            keep(place, text, &[]);
        }
        let mut seen = Vec::new();
        let visited = place.store().visit_kept(&mut |id, mail| {
            seen.push((id, mail.message));
            // What is judged good is released on the way.
            place.store().release(id).unwrap();
            keep(place, &format!("new {id}"), &[]);
            match id {
                2 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        });
        visited.unwrap();
        assert_eq!(seen, [(1, b"1".to_vec()), (2, b"2".to_vec())]);
        assert_eq!(ids(place), [3, 4, 5]);
    });
}

#[test]
fn sizes_are_those_of_what_is_kept() {
    on_every_store(|place| {
        assert!(place.store().kept_sizes().unwrap().is_empty());
        let [first, second, third] = ["a", "four", ""].map(|text| keep(place, text, &[]));
        let sizes = |place: &Place| place.store().kept_sizes().unwrap();
        assert_eq!(sizes(place), [(first, 1), (second, 4), (third, 0)]);
        assert_eq!(keep(place, "four", &[issuer("Root")]), second);
        assert_eq!(sizes(place).len(), 3, "kept again");
        place.store().release(first).unwrap();
        assert_eq!(sizes(place), [(second, 4), (third, 0)]);
        place.store().expire_kept(UnixTime(i64::MAX)).unwrap();
        assert!(sizes(place).is_empty());
    });
}

#[test]
fn mail_is_found_by_all_that_arrived_and_all_of_it_when_more_arrived_than_is_named() {
    on_every_store(|place| {
        let (certificate, root) = (ada(), sign(authority(9, "Root")));
        place
            .store()
            .add_certificates(&[certificate.clone(), root.clone()], NOW)
            .unwrap();
        let by_key = keep(place, "1", &[Want::SubjectKeyId(key_id(&certificate))]);
        let by_issuer = keep(place, "2", &[issuer("Root")]);
        let by_list = keep(place, "3", &[issuer("Lists")]);
        let nothing = keep(place, "4", &[]);
        let wanting = |arrivals: &Arrivals| place.store().kept_wanting_any(arrivals).unwrap();
        let mut arrivals = Arrivals::default();
        assert!(wanting(&arrivals).is_empty());
        arrivals.add_certificate([7; 32]);
        assert!(wanting(&arrivals).is_empty(), "not stored");
        arrivals.add_certificate(root.fingerprint());
        assert_eq!(wanting(&arrivals), [by_issuer]);
        arrivals.add_certificate(certificate.fingerprint());
        arrivals.add_issuer(name("LISTS").der());
        assert_eq!(wanting(&arrivals), [by_key, by_issuer, by_list]);
        let mut many = Arrivals::default();
        for number in 0..=10_000u32 {
            let mut fingerprint = [0; 32];
            fingerprint[..4].copy_from_slice(&number.to_be_bytes());
            assert!(!many.is_more());
            many.add_certificate(fingerprint);
        }
        assert!(many.is_more());
        assert_eq!(many.certificates().count(), 10_000);
        assert_eq!(wanting(&many), [by_key, by_issuer, by_list, nothing]);
        arrivals.add_all(&many);
        assert!(arrivals.is_more());
    });
}

#[test]
fn settings_stay_as_they_were_set() {
    on_every_store(|place| {
        assert_eq!(place.store().settings().unwrap(), Settings::STANDARD);
        let settings = Settings {
            log_days: Some(u32::MAX),
            keep_days: 0,
            keep_mail_bytes: u64::MAX,
            keep_total_bytes: 0,
            keep_mails: 7,
        };
        place.store().set_settings(&settings).unwrap();
        place.reopen();
        assert_eq!(place.store().settings().unwrap(), settings);
    });
}
