//! A certificate that the store distrusts proves nothing, wherever it comes from.
#![allow(
    clippy::unwrap_used,
    reason = "a test that is wrong about its own input must fail"
)]

mod common;

use common::{ALICE, BOB, address, authority, draft, engine, small_mail, store};
use smime::{
    Cause, Draft, Keyring, Mode, Verdict,
    crypto::fastest,
    store::{Memory, Store as _, Trust},
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
        sign: Mode::Always,
        ..draft(&small_mail())
    };
    let encrypted = Draft {
        encrypt: Mode::Always,
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
