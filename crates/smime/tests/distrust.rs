//! A certificate that the store distrusts proves nothing, wherever it comes from.
#![allow(
    clippy::unwrap_used,
    reason = "a test that is wrong about its own input must fail"
)]

mod common;

use common::{ALICE, BOB, address, authority, draft, engine, small_mail, store};
use smime::{
    Cause, Draft, Keyring, Mode, Verdict,
    crypto::{
        asn1::{Reader, Tag, Writer},
        fastest,
    },
    store::{Memory, Store as _, Trust},
    x509::Certificate,
};
use smime_testkit::{Profile, SeededRandom, TestKey};

/// A store that holds everything there is, and one certificate of it distrusted.
fn distrusting(fingerprint: Option<[u8; 32]>) -> (Memory, Keyring) {
    let authority = authority();
    let alice = authority.person(ALICE, Profile::of(TestKey::P256A));
    let bob = authority.person(BOB, Profile::of(TestKey::P256A));
    let known = [&[alice.certificate, bob.certificate][..], authority.chain()].concat();
    let store = store(&known, authority.root_certificate());
    if let Some(fingerprint) = fingerprint {
        store.set_trust(&fingerprint, Trust::Distrusted).unwrap();
    }
    let keys = Keyring::default();
    keys.add(fastest().load_private_key(&alice.key).unwrap());
    (store, keys)
}

fn fingerprints() -> Vec<[u8; 32]> {
    let (store, _) = distrusting(None);
    store
        .certificates()
        .unwrap()
        .iter()
        .map(|it| it.certificate.fingerprint())
        .collect()
}

#[test]
fn nothing_is_signed_encrypted_or_believed_through_a_distrusted_certificate() {
    let random = SeededRandom::new(3);
    let (good_store, good_keys) = distrusting(None);
    let trusting = engine(fastest(), &good_store, &good_keys, &random);
    let signed = Draft {
        sign: Some(Mode::Always),
        ..draft(&small_mail())
    };
    let encrypted = Draft {
        encrypt: Some(Mode::Always),
        ..draft(&small_mail())
    };
    let mut mail = Vec::new();
    trusting.seal(&signed, &mut mail).unwrap();
    assert_eq!(trusting.open(&*mail).unwrap().signature(), Verdict::Good);
    trusting.seal(&encrypted, Vec::new()).unwrap();

    // Alice, Bob, the issuer of both and the root of that.
    assert_eq!(fingerprints().len(), 4);
    for fingerprint in fingerprints() {
        let (store, keys) = distrusting(Some(fingerprint));
        let engine = engine(fastest(), &store, &keys, &random);
        let subject = store
            .certificate(&fingerprint)
            .unwrap()
            .unwrap()
            .certificate;
        let is_of = |person| {
            subject
                .emails()
                .iter()
                .any(|it| it.matches(&address(person)))
        };
        if !is_of(BOB) {
            assert_eq!(
                engine.open(&*mail).unwrap().signature(),
                Verdict::NotGood("untrusted"),
                "{subject:?}"
            );
            let refused = engine.seal(&signed, Vec::new()).unwrap_err();
            assert!(
                matches!(refused.cause, Cause::CannotSign { .. }),
                "{refused:?}"
            );
        }
        if !is_of(ALICE) {
            let refused = engine.seal(&encrypted, Vec::new()).unwrap_err();
            assert!(
                matches!(refused.cause, Cause::CannotEncrypt(_)),
                "{refused:?}"
            );
        }
    }
}

#[test]
fn another_signature_on_a_distrusted_certificate_does_not_make_it_trusted() {
    let random = SeededRandom::new(3);
    let authority = authority();
    let alice = authority.person(ALICE, Profile::of(TestKey::P256A));
    let issuer = authority.certificate();
    let signed = Draft {
        sign: Some(Mode::Always),
        ..draft(&small_mail())
    };
    for distrusted in [&alice.certificate, issuer] {
        let twin = twin(distrusted);
        assert_ne!(twin.fingerprint(), distrusted.fingerprint());
        let known: Vec<_> = [&alice.certificate, issuer, authority.root_certificate()]
            .map(|it| if it == distrusted { &twin } else { it }.clone())
            .into();
        let sender = store(&known, authority.root_certificate());
        let keys = Keyring::default();
        keys.add(fastest().load_private_key(&alice.key).unwrap());
        let mut mail = Vec::new();
        let sender = engine(fastest(), &sender, &keys, &random);
        sender.seal(&signed, &mut mail).unwrap();

        let receiver = store(&known, authority.root_certificate());
        let trusting = engine(fastest(), &receiver, &keys, &random);
        assert_eq!(trusting.open(&*mail).unwrap().signature(), Verdict::Good);
        receiver
            .add_certificates(std::slice::from_ref(distrusted), smime_testkit::NOW)
            .unwrap();
        receiver
            .set_trust(&distrusted.fingerprint(), Trust::Distrusted)
            .unwrap();
        let distrusting = engine(fastest(), &receiver, &keys, &random);
        assert_eq!(
            distrusting.open(&*mail).unwrap().signature(),
            Verdict::NotGood("untrusted"),
            "{distrusted:?}"
        );
    }
}

/// The same certificate under the other one of the two ECDSA signatures that anybody can make of
/// one: with the order of P-256 minus s in the place of s.
fn twin(certificate: &Certificate) -> Certificate {
    let mut outer = Reader::new(certificate.der()).sequence("x").unwrap();
    let tbs = outer.any("x").unwrap().raw;
    let algorithm = outer.any("x").unwrap().raw;
    let mut numbers = Reader::new(certificate.signature()).sequence("x").unwrap();
    let (r, s) = (
        numbers.unsigned("r").unwrap(),
        numbers.unsigned("s").unwrap(),
    );
    let mut other = ORDER;
    let mut borrow = 0;
    for (place, byte) in other.iter_mut().rev().enumerate() {
        let taken = s.iter().rev().nth(place).copied().unwrap_or_default();
        let left = i16::from(*byte) - i16::from(taken) - borrow;
        borrow = i16::from(left < 0);
        *byte = u8::try_from(left.rem_euclid(0x100)).unwrap();
    }
    let signature = Writer::encode(|w| {
        w.sequence(|w| {
            w.unsigned(r);
            w.unsigned(&other);
        });
    });
    let der = Writer::encode(|w| {
        w.constructed(Tag::SEQUENCE, |w| {
            w.raw(tbs);
            w.raw(algorithm);
            w.bit_string(&signature);
        });
    });
    Certificate::from_der(&der).unwrap()
}

/// The order of P-256 (SEC 2 §2.4.2).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
