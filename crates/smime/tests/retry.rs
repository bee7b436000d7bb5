//! Mail that came before what it takes to open or judge it: kept as received, and judged again.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod common;
#[allow(dead_code, reason = "shared with the tests of the crate below")]
#[path = "../../smime-cms/tests/support/forge.rs"]
mod forge;

use common::{ALICE, BOB, Desk, World, authority, draft, mail_around, root, small_mail};
use forge::{DATA, Forger, signed_data};
use smime::{
    Clock, Engine, Keeping, Keyring, Mode, NotKept, Received, Verdict,
    crypto::{ProtectedKey, Secret, UnixTime, fastest},
    mime::SmimeType,
    store::{Arrivals, KeyAtRest, Memory, Operation, Outcome, Store as _, Trust},
};
use smime_testkit::{NOW, Profile, TestKey};

impl Desk {
    fn receive(&self, mail: &[u8]) -> Received {
        self.engine().receive(mail, &Keeping::STANDARD).unwrap()
    }

    fn log(&self) -> Vec<(Operation, Outcome, String)> {
        let entries = self.store.activities().unwrap().into_iter();
        let entries = entries.map(|entry| entry.activity);
        entries
            .map(|it| (it.operation, it.outcome, it.code))
            .collect()
    }
}

fn world() -> World {
    World::new(TestKey::P256A, TestKey::P256B, fastest())
}

fn sealed(world: &World, sign: Mode, encrypt: Mode) -> Vec<u8> {
    let mut draft = draft(&small_mail());
    (draft.sign, draft.encrypt) = (Some(sign), Some(encrypt));
    world.seal(&draft)
}

#[test]
fn mail_that_came_before_the_key_is_opened_when_the_key_is_there() {
    let world = world();
    let desk = Desk::new();
    let mail = sealed(&world, Mode::Never, Mode::Always);
    let received = desk.receive(&mail);
    assert_eq!(received.opened.unwrap_err().code(), "engine.no_key");
    let id = received.kept.unwrap();
    let kept = desk.store.kept(id).unwrap().unwrap();
    assert_eq!(kept.message, mail, "as received");
    assert_eq!(
        (kept.signature.as_str(), kept.encryption.as_str()),
        ("none", "failed")
    );

    let certificate = &world.bob.certificate;
    desk.store
        .add_certificates(std::slice::from_ref(certificate), NOW)
        .unwrap();
    desk.keys
        .add(fastest().load_private_key(&world.bob.key).unwrap());
    assert_eq!(desk.store.kept_wanting(certificate).unwrap(), [id]);
    let retried = desk.engine().retry(id).unwrap();
    assert_eq!(retried.before.encryption, "failed");
    assert_eq!(retried.after.encryption, "whole");
    assert!(retried.after.is_good());
    assert!(retried.opened.is_ok());
    let kept = desk.store.kept(id).unwrap().unwrap();
    assert_eq!(kept.message, mail, "until its content is taken");
    assert!(kept.wants.is_empty(), "nothing more");
    assert!(desk.engine().retry(id).unwrap().before.is_good());
    let last = desk.log().pop().unwrap();
    assert_eq!(
        last,
        (Operation::Retry, Outcome::Ok, "engine.good".to_owned())
    );
}

#[test]
fn mail_that_came_before_the_trust_is_good_when_the_trust_is_there() {
    let world = world();
    let desk = Desk::new();
    let anchor = root().certificate().fingerprint();
    desk.store.set_trust(&anchor, Trust::None).unwrap();
    let received = desk.receive(&sealed(&world, Mode::Always, Mode::Never));
    let message = received.opened.unwrap();
    assert!(matches!(message.signature(), Verdict::NotGood("untrusted")));
    let id = received.kept.unwrap();
    desk.store.set_trust(&anchor, Trust::Anchor).unwrap();
    let name = root().certificate().subject().der().to_vec();
    assert_eq!(desk.store.kept_wanting_issuer(&name).unwrap(), [id]);
    let retried = desk.engine().retry(id).unwrap();
    assert_eq!(retried.before.signature, "untrusted");
    assert_eq!(retried.after.signature, "good");
    assert!(desk.store.kept_wanting_issuer(&name).unwrap().is_empty());
}

#[test]
fn mail_that_is_judged_as_before_stays_and_the_log_does_not_grow() {
    let world = world();
    let desk = Desk::new();
    let id = desk
        .receive(&sealed(&world, Mode::Never, Mode::Always))
        .kept
        .unwrap();
    let before = desk.log();
    for _ in 0..3 {
        let retried = desk.engine().retry(id).unwrap();
        assert_eq!(retried.before, retried.after);
        assert!(!retried.after.is_good());
    }
    assert_eq!(desk.log(), before);
    assert!(desk.store.kept(id).unwrap().is_some());
}

#[test]
fn mail_that_can_be_opened_and_is_still_not_good_stays_with_its_new_judgement() {
    let world = world();
    let desk = Desk::new();
    let anchor = root().certificate().fingerprint();
    desk.store.set_trust(&anchor, Trust::None).unwrap();
    let id = desk
        .receive(&sealed(&world, Mode::Always, Mode::Always))
        .kept
        .unwrap();
    let certificate = std::slice::from_ref(&world.bob.certificate);
    desk.store.add_certificates(certificate, NOW).unwrap();
    desk.keys
        .add(fastest().load_private_key(&world.bob.key).unwrap());
    let retried = desk.engine().retry(id).unwrap();
    assert_eq!(retried.after.encryption, "whole");
    assert_eq!(retried.after.signature, "untrusted");
    let kept = desk.store.kept(id).unwrap().unwrap();
    assert_eq!(kept.signature, "untrusted");
    // What it waits for now is trust in the issuer of its signer.
    let name = root().certificate().subject().der().to_vec();
    assert_eq!(desk.store.kept_wanting_issuer(&name).unwrap(), [id]);
    desk.store.set_trust(&anchor, Trust::Anchor).unwrap();
    assert!(desk.engine().retry(id).unwrap().after.is_good());
}

#[test]
fn what_is_good_unreadable_or_too_large_is_not_kept() {
    let world = world();
    let desk = Desk::new();
    let encrypted = sealed(&world, Mode::Never, Mode::Always);
    let signed = sealed(&world, Mode::Always, Mode::Never);
    let malformed = format!(
        "From: {ALICE}\r\nTo: {BOB}\r\nMIME-Version: 1.0\r\n\
         Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\
         Content-Transfer-Encoding: base64\r\n\r\nMAAA\r\n"
    );
    for mail in [&small_mail()[..], &signed, malformed.as_bytes()] {
        assert_eq!(desk.receive(mail).kept, Err(NotKept::NoNeed));
    }
    for (size, is_kept) in [(encrypted.len() - 1, false), (encrypted.len(), true)] {
        let keeping = Keeping {
            size,
            ..Keeping::STANDARD
        };
        let received = desk.engine().receive(&encrypted[..], &keeping).unwrap();
        assert_eq!(received.kept.is_ok(), is_kept, "{size}");
    }
}

#[test]
fn kept_mail_is_deleted_when_its_time_is_over() {
    let world = world();
    let desk = Desk::new();
    let keeping = Keeping {
        seconds: 100,
        ..Keeping::STANDARD
    };
    let mail = sealed(&world, Mode::Never, Mode::Always);
    let id = desk
        .engine()
        .receive(&mail[..], &keeping)
        .unwrap()
        .kept
        .unwrap();
    let at = |seconds| smime::crypto::UnixTime(NOW.0 + seconds);
    assert_eq!(desk.store.expire_kept(at(99)).unwrap(), 0);
    assert_eq!(desk.store.expire_kept(at(100)).unwrap(), 1);
    assert_eq!(desk.engine().retry(id).unwrap_err().code(), "store.no_mail");
}

#[test]
fn no_more_is_kept_than_may_be_and_what_went_makes_room() {
    let world = world();
    let desk = Desk::new();
    let [first, second] = [0, 1].map(|_| sealed(&world, Mode::Never, Mode::Always));
    assert_ne!(first, second);
    let size = u64::try_from(first.len() + second.len()).unwrap();
    let by_bytes = Keeping {
        total: size - 1,
        ..Keeping::STANDARD
    };
    let by_number = Keeping {
        mails: 1,
        ..Keeping::STANDARD
    };
    for keeping in [by_bytes, by_number] {
        let kept = desk.engine().receive(&first[..], &keeping).unwrap().kept;
        let id = kept.unwrap();
        let full = desk.engine().receive(&second[..], &keeping).unwrap();
        assert_eq!(full.kept, Err(NotKept::Full));
        assert_eq!(full.opened.unwrap_err().code(), "engine.no_key");
        let mut later = desk.engine();
        later.clock = Clock::Fixed(UnixTime(NOW.0 + keeping.seconds));
        later.tidy().unwrap();
        let kept = later.receive(&second[..], &keeping).unwrap().kept;
        assert_eq!(
            desk.store.kept_sizes().unwrap().len(),
            1,
            "the first expired"
        );
        assert_ne!(kept, Ok(id));
        desk.store.release(kept.unwrap()).unwrap();
    }
}

#[test]
fn what_arrives_judges_the_mail_again_that_it_may_help_and_no_other() {
    let world = world();
    let desk = Desk::new();
    let id = desk
        .receive(&sealed(&world, Mode::Never, Mode::Always))
        .kept
        .unwrap();
    let stranger = World::new(TestKey::P256A, TestKey::P384A, fastest());
    let elsewhere = sealed(&stranger, Mode::Never, Mode::Always);
    let elsewhere = String::from_utf8(elsewhere).unwrap().replace(BOB, CAROL);
    desk.receive(elsewhere.as_bytes()).kept.unwrap();
    let certificate = std::slice::from_ref(&world.bob.certificate);
    desk.store.add_certificates(certificate, NOW).unwrap();
    let mut arrivals = Arrivals::default();
    arrivals.add_certificate(world.bob.certificate.fingerprint());
    assert_eq!(
        retried_after(&desk, &arrivals),
        [(id, "engine.no_key".to_owned())]
    );
    desk.keys
        .add(fastest().load_private_key(&world.bob.key).unwrap());
    assert_eq!(
        retried_after(&desk, &arrivals),
        [(id, "engine.good".to_owned())]
    );
    assert_eq!(retried_after(&desk, &Arrivals::default()), []);
}

#[test]
fn mail_to_a_renewed_certificate_is_judged_again_when_another_of_the_address_arrives() {
    let world = world();
    let desk = Desk::new();
    let mail = sealed(&world, Mode::Never, Mode::Always);
    let id = desk.receive(&mail).kept.unwrap();
    let profile = Profile::of(TestKey::P256B);
    let new = authority().person_with(BOB, profile, |it| it.serial(&[7, 2]));
    assert_ne!(new.certificate.serial(), world.bob.certificate.serial());
    assert_eq!(
        new.certificate.public_key(),
        world.bob.certificate.public_key()
    );
    desk.store
        .add_certificates(std::slice::from_ref(&new.certificate), NOW)
        .unwrap();
    desk.keys.add(fastest().load_private_key(&new.key).unwrap());
    let mut arrivals = Arrivals::default();
    arrivals.add_certificate(new.certificate.fingerprint());
    assert_eq!(
        retried_after(&desk, &arrivals),
        [(id, "engine.good".to_owned())]
    );
}

#[test]
fn mail_that_brings_its_signer_alone_is_judged_again_by_every_authority_above_in_any_order() {
    let world = world();
    let (authority, root) = (authority().certificate(), root().certificate());
    let info = Forger::honest(&world.alice, CONTENT).sign(CONTENT);
    let signed = signed_data(DATA, Some(CONTENT), &[&world.alice.certificate], &[info]);
    let mail = mail_around(&signed, SmimeType::SignedData);
    for order in [[authority, root], [root, authority]] {
        for there in [0, 1] {
            let desk = Desk {
                store: Memory::new(),
                ..Desk::new()
            };
            let mut id = Err(NotKept::NoNeed);
            let mut codes = Vec::new();
            for (place, certificate) in order.into_iter().enumerate() {
                if place == there {
                    id = desk.receive(&mail).kept;
                }
                desk.store
                    .add_certificates(std::slice::from_ref(certificate), NOW)
                    .unwrap();
                if certificate == root {
                    desk.store
                        .set_trust(&root.fingerprint(), Trust::Anchor)
                        .unwrap();
                }
                let mut arrivals = Arrivals::default();
                arrivals.add_certificate(certificate.fingerprint());
                codes.extend(retried_after(&desk, &arrivals));
            }
            let good = (id.unwrap(), "engine.good".to_owned());
            assert_eq!(codes.last(), Some(&good), "{there} there before");
        }
    }
}

#[test]
fn what_a_locked_key_does_not_let_judge_stays_as_it_was_judged() {
    let world = world();
    let desk = Desk::new();
    let anchor = root().certificate().fingerprint();
    desk.store.set_trust(&anchor, Trust::None).unwrap();
    let certificate = &world.bob.certificate;
    desk.store
        .add_certificates(std::slice::from_ref(certificate), NOW)
        .unwrap();
    let passphrase = Secret::from(&b"correct horse"[..]);
    let key = ProtectedKey::protect(&world.bob.key, &passphrase, &desk.random).unwrap();
    let public = certificate.public_key();
    desk.store
        .add_key(public, &KeyAtRest::Protected(key), &desk.random, NOW)
        .unwrap();
    let opened = Keyring::new(vec![passphrase]);
    let unlocked = Engine {
        keys: &opened,
        ..desk.engine()
    };
    let mail = sealed(&world, Mode::Always, Mode::Always);
    let id = unlocked.receive(&mail[..], &Keeping::STANDARD).unwrap();
    let id = id.kept.unwrap();
    let before = (desk.store.kept(id).unwrap().unwrap(), desk.log());
    assert_eq!(before.0.code, "untrusted");

    desk.store.set_trust(&anchor, Trust::Anchor).unwrap();
    let mut arrivals = Arrivals::default();
    arrivals.add_certificate(anchor);
    let locked = (id, "engine.key_locked".to_owned());
    assert_eq!(retried_after(&desk, &arrivals), [locked]);
    let after = (desk.store.kept(id).unwrap().unwrap(), desk.log());
    assert_eq!(after, before);
    unlocked
        .retry_after(&arrivals, &mut |kept, retried| {
            assert_eq!((kept, retried.after.is_good()), (id, true));
        })
        .unwrap();
    assert!(desk.store.kept(id).unwrap().unwrap().wants.is_empty());
}

fn retried_after(desk: &Desk, arrivals: &Arrivals) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    desk.engine()
        .retry_after(arrivals, &mut |id, retried| {
            found.push((id, retried.after.code))
        })
        .unwrap();
    found
}

const CAROL: &str = "carol@example.org";
const CONTENT: &[u8] = b"Content-Type: text/plain\r\n\r\nMeet me at noon.\r\n";
