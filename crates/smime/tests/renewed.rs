//! Mail to a certificate that is not here, by whose key it can be opened all the same.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is wrong about its own input must fail"
)]

mod common;

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use common::{ALICE, BOB, authority, counting, engine, entity, expected_entity, small_mail, store};
use smime::{
    Cause, Error, Keyring, Layer, Message, Policy,
    cms::{Encryptor, Recipient},
    crypto::{ContentCipher, DigestAlgorithm, ProtectedKey, Secret, fastest},
    mime::{Pkcs7Mime, SmimeType},
    store::{KeyAtRest, Memory, Store as _},
    x509::Certificate,
};
use smime_testkit::{Identity, Profile, SeededRandom, TestKey};

const CAROL: &str = "carol@example.org";

/// Somebody with a key of their own, whose certificate was issued `times` times before.
fn person(email: &str, key: TestKey, times: u8) -> Identity {
    let name = format!("{email}{key:?}");
    let sum = name
        .bytes()
        .fold(7_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    let serial = [1, sum, times];
    authority().person_with(email, Profile::of(key), |it| it.serial(&serial))
}

/// A mail to `to`, encrypted to these certificates by random bytes of `seed`.
fn sealed(to: &str, recipients: Vec<Recipient>, cipher: ContentCipher, seed: u64) -> Vec<u8> {
    let random = SeededRandom::new(seed);
    let kind = if cipher.is_authenticated() {
        SmimeType::AuthEnvelopedData
    } else {
        SmimeType::EnvelopedData
    };
    let fields = format!("From: {ALICE}\r\nTo: {to}\r\nMIME-Version: 1.0\r\n");
    let mail = Pkcs7Mime::begin(fields.into_bytes(), kind).unwrap();
    let encryptor = Encryptor::to(recipients, cipher, fastest(), &random).unwrap();
    let mut envelope = encryptor.wrap(mail).unwrap();
    envelope.write_all(&expected_entity(&small_mail())).unwrap();
    envelope.finish().unwrap().finish().unwrap()
}

fn to(person: &Identity) -> Recipient {
    Recipient::without_chain(person.certificate.clone())
}

/// Opens as somebody who holds these certificates, and the keys of some people.
fn open(
    known: &[&Certificate],
    keys: &[&Identity],
    policy: Policy,
    mail: &[u8],
) -> Result<Message, Error> {
    let known: Vec<_> = known.iter().copied().cloned().collect();
    let (store, random) = (
        store(
            &[&known[..], authority().chain()].concat(),
            authority().root_certificate(),
        ),
        SeededRandom::new(3),
    );
    let ring = Keyring::default();
    for person in keys {
        ring.add(fastest().load_private_key(&person.key).unwrap());
    }
    let mut engine = engine(fastest(), &store, &ring, &random);
    engine.policy = policy;
    engine.open(mail)
}

/// Nothing was found, and nothing else is told.
fn is_closed(opened: Result<Message, Error>) -> bool {
    let error = opened.unwrap_err();
    assert!(error.layers.is_empty());
    matches!(error.cause, Cause::NoKey)
}

#[test]
fn a_mail_to_a_certificate_that_was_renewed_opens_with_the_key_of_both() {
    for key in [
        TestKey::Rsa2048A,
        TestKey::P256A,
        TestKey::P384A,
        TestKey::X25519A,
    ] {
        let (old, new) = (person(BOB, key, 1), person(BOB, key, 2));
        // Keys of the same kind and length that are not the one.
        let other = person(CAROL, TestKey::Rsa2048B, 1);
        for cipher in ContentCipher::ALL {
            for recipient in [to(&old), to(&old).oaep(DigestAlgorithm::Sha256)] {
                for addressee in [BOB, CAROL, "list@example.net"] {
                    let mail = sealed(addressee, vec![recipient.clone()], cipher, 1);
                    let known = [&other.certificate, &new.certificate];
                    let policy = Policy::standard();
                    let opened = open(&known, &[&other, &new], policy, &mail).unwrap();
                    assert_eq!(entity(&opened), expected_entity(&small_mail()));
                    let [
                        Layer::Encrypted {
                            authenticated,
                            recipient,
                            ..
                        },
                    ] = opened.layers()
                    else {
                        panic!("{key:?}");
                    };
                    assert_eq!(*authenticated, cipher.is_authenticated());
                    assert_eq!(*recipient, Some(new.certificate.fingerprint()));
                }
            }
        }
    }
}

#[test]
fn what_a_wrong_key_makes_of_a_mail_is_not_its_content() {
    let (stranger, bob) = (
        person(CAROL, TestKey::Rsa2048B, 1),
        person(BOB, TestKey::Rsa2048A, 1),
    );
    // Of so many, some have a padding by chance.
    for seed in 0..600 {
        let mail = sealed(BOB, vec![to(&stranger)], ContentCipher::Aes128Cbc, seed);
        let opened = open(&[&bob.certificate], &[&bob], Policy::standard(), &mail);
        assert!(is_closed(opened), "{seed}");
    }
}

#[test]
fn a_try_that_gives_rubbish_does_not_hide_the_one_that_gives_the_mail() {
    let (stranger, old, new) = (
        person(CAROL, TestKey::Rsa2048B, 1),
        person(BOB, TestKey::Rsa2048A, 1),
        person(BOB, TestKey::Rsa2048A, 2),
    );
    for seed in 0..1000 {
        let both = vec![to(&stranger), to(&old)];
        let mail = sealed(BOB, both, ContentCipher::Aes128Cbc, seed);
        let opened = open(&[&new.certificate], &[&new], Policy::standard(), &mail).unwrap();
        assert_eq!(entity(&opened), expected_entity(&small_mail()), "{seed}");
    }
}

#[test]
fn altered_content_is_told_from_that_of_a_wrong_key_by_nothing() {
    let (old, new) = (
        person(BOB, TestKey::P256A, 1),
        person(BOB, TestKey::P256A, 2),
    );
    for cipher in [ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm] {
        for policy in [Policy::standard(), Policy::strict()] {
            let intact = sealed(BOB, vec![to(&old)], cipher, 1);
            let mut told = 0;
            let body = intact.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
            let lines = intact.len() - 220..intact.len() - 4;
            assert!(lines.start > body);
            for place in lines {
                let mut mail = intact.clone();
                if !mail[place].is_ascii_alphanumeric() {
                    continue;
                }
                mail[place] = if mail[place] == b'A' { b'B' } else { b'A' };
                let opened = open(&[&new.certificate], &[&new], policy.clone(), &mail);
                match opened {
                    // What CBC lets through with its header in place is reported as it always is.
                    Ok(message) => {
                        assert!(!cipher.is_authenticated() && message.layers().len() == 1);
                        told += 1;
                    }
                    Err(error) => {
                        let is_known = matches!(error.cause, Cause::NoKey)
                            || matches!(error.cause, Cause::Cms(_) | Cause::Malformed(_));
                        assert!(is_known, "{place}: {error}");
                    }
                }
            }
            let is_strict = policy.messages == Policy::strict().messages;
            assert!(told == 0 || !is_strict);
        }
    }
}

#[test]
fn under_strict_what_nothing_vouches_for_stays_inside_as_if_there_were_no_key() {
    let (old, new) = (
        person(BOB, TestKey::P256A, 1),
        person(BOB, TestKey::P256A, 2),
    );
    let open = |cipher| {
        let mail = sealed(BOB, vec![to(&old)], cipher, 1);
        open(&[&new.certificate], &[&new], Policy::strict(), &mail)
    };
    assert!(is_closed(open(ContentCipher::Aes256Cbc)));
    assert!(open(ContentCipher::Aes256Gcm).is_ok());
}

#[test]
fn the_key_of_an_addressee_that_is_locked_is_told_and_that_of_others_is_not() {
    let (old, new) = (
        person(BOB, TestKey::P256A, 1),
        person(BOB, TestKey::P256A, 2),
    );
    let (random, ring) = (SeededRandom::new(3), Keyring::default());
    let known = store(std::slice::from_ref(&new.certificate), &new.certificate);
    let at_rest = Secret::from(&b"at rest"[..]);
    let file = ProtectedKey::protect(&new.key, &at_rest, &random).unwrap();
    let public = new.certificate.public_key();
    let file = KeyAtRest::Protected(file);
    known
        .add_key(public, &file, &random, smime_testkit::NOW)
        .unwrap();
    for (to_whom, code) in [(BOB, "engine.key_locked"), (CAROL, "engine.no_key")] {
        let mail = sealed(to_whom, vec![to(&old)], ContentCipher::Aes256Gcm, 1);
        let error = engine(fastest(), &known, &ring, &random)
            .open(&mail[..])
            .unwrap_err();
        assert_eq!(error.code(), code);
    }
}

/// Opens as Bob, who has a key like that of everybody the mail is to; returns how often it was used.
fn uses(known: &Memory, bob: &Identity, mail: &[u8]) -> usize {
    let (random, ring) = (SeededRandom::new(3), Keyring::default());
    let uses = Arc::new(AtomicUsize::new(0));
    let key = fastest().load_private_key(&bob.key).unwrap();
    ring.add(counting(key, &uses));
    assert!(is_closed(
        engine(fastest(), known, &ring, &random).open(mail)
    ));
    uses.load(Ordering::Relaxed)
}

#[test]
fn keys_are_tried_on_nobody_the_store_knows_and_never_on_many() {
    let bob = person(BOB, TestKey::Rsa2048A, 1);
    let mut people: Vec<_> = (1..=40)
        .map(|number| person(CAROL, TestKey::Rsa2048B, number))
        .collect();
    let mail = |people: &[Identity]| {
        let recipients = people.iter().map(to).collect();
        sealed(BOB, recipients, ContentCipher::Aes256Gcm, 1)
    };
    let certificates = |people: &[Identity]| {
        let all = people.iter().chain([&bob]);
        let all: Vec<_> = all.map(|it| it.certificate.clone()).collect();
        store(&all, &bob.certificate)
    };
    assert_eq!(uses(&certificates(&[]), &bob, &mail(&people)), 16);
    assert_eq!(uses(&certificates(&people), &bob, &mail(&people)), 0);
    // A key of another kind or length is not it, and need not be tried.
    people.truncate(3);
    for other in [TestKey::P256A, TestKey::Rsa4096, TestKey::X25519A] {
        people.push(person(CAROL, other, 50));
    }
    assert_eq!(uses(&certificates(&[]), &bob, &mail(&people)), 3);
}
