//! Time and randomness are arguments: the same ones give the same bytes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is wrong about its own input must fail"
)]

mod common;

use smime::{
    Cipher, Clock, Draft, Engine, Mode, Policy, RsaPadding, SignatureChoice, SignedForm,
    crypto::{ContentCipher, DigestAlgorithm, RustCrypto, UnixTime},
};
use smime_testkit::{DAY, NOW, SeededRandom, TestKey};

use common::{World, draft, entity, expected_entity, small_mail};

#[test]
fn the_same_seed_and_time_seal_to_the_same_bytes() {
    for (world, draft, what) in cases() {
        let first = seal(&world, &draft, 1, NOW);
        assert_eq!(first, seal(&world, &draft, 1, NOW), "{what}");
        // Made anew from the same keys, too.
        let world = World::new(world.alice.test_key, world.bob.test_key, &RustCrypto);
        assert_eq!(first, seal(&world, &draft, 1, NOW), "{what}");
    }
}

#[test]
fn another_seed_seals_to_other_bytes_that_open_to_the_same() {
    for (world, draft, what) in cases() {
        if draft.encrypt == Some(Mode::Never) && draft.form == SignedForm::Opaque {
            continue; // PKCS#1 v1.5 signatures take no randomness, and there is no boundary.
        }
        let (first, second) = (seal(&world, &draft, 1, NOW), seal(&world, &draft, 2, NOW));
        assert_ne!(first, second, "{what}");
        for sealed in [first, second] {
            let opened = world.open(&sealed).unwrap();
            assert_eq!(entity(&opened), expected_entity(&small_mail()), "{what}");
        }
    }
}

#[test]
fn another_time_changes_what_is_signed_and_nothing_else() {
    for (world, draft, what) in cases() {
        let (first, later) = (
            seal(&world, &draft, 1, NOW),
            seal(&world, &draft, 1, UnixTime(NOW.0 + DAY)),
        );
        assert_eq!(first != later, draft.sign != Some(Mode::Never), "{what}");
    }
}

#[test]
fn no_key_vector_or_boundary_is_used_twice() {
    let world = World::new(TestKey::P256A, TestKey::P256A, &RustCrypto);
    let mut draft = draft(&small_mail());
    (draft.sign, draft.encrypt) = (Some(Mode::Always), Some(Mode::Always));
    for cipher in ContentCipher::ALL {
        draft.cipher = Cipher::Only(cipher);
        let (first, second) = (world.seal(&draft), world.seal(&draft));
        let body = |mail: &[u8]| common::cms_of(mail);
        let (first, second) = (body(&first), body(&second));
        let nodes = common::nodes(&first);
        // The ephemeral key, the wrapped content key, the vector and the ciphertext.
        for path in [
            &[1, 0, 1, 0, 1][..],
            &[1, 0, 1, 0, 3],
            &[1, 0, 2, 1, 1],
            &[1, 0, 2, 2],
        ] {
            let range = common::node(&nodes, path).content;
            assert_ne!(
                first[range.clone()],
                second[range],
                "{path:?} of {cipher:?}"
            );
        }
    }
}

#[test]
fn opening_says_the_same_every_time() {
    for (world, draft, what) in cases() {
        let sealed = seal(&world, &draft, 1, NOW);
        let open = |seed| {
            let random = SeededRandom::new(seed);
            let engine = Engine {
                random: &random,
                ..world.receiver(Policy::standard())
            };
            let opened = engine.open(&*sealed).unwrap();
            (format!("{:?}", opened.layers()), entity(&opened))
        };
        assert_eq!(open(1), open(1), "{what}");
        assert_eq!(open(1), open(2), "{what}");
    }
}

fn seal(world: &World, draft: &Draft, seed: u64, at: UnixTime) -> Vec<u8> {
    let random = SeededRandom::new(seed);
    let engine = Engine {
        provider: &RustCrypto,
        random: &random,
        clock: Clock::Fixed(at),
        ..world.sender()
    };
    let mut sealed = Vec::new();
    engine.seal(draft, &mut sealed).unwrap();
    sealed
}

/// Every form and way, by RSA and by elliptic curves.
fn cases() -> Vec<(World, Draft, String)> {
    let mut cases = Vec::new();
    let pkcs1 = SignatureChoice::default();
    let pss = SignatureChoice {
        padding: RsaPadding::Pss,
        ..pkcs1
    };
    let signatures = [
        None,
        Some((SignedForm::Detached, pkcs1)),
        Some((SignedForm::Opaque, pkcs1)),
        Some((SignedForm::Detached, pss)),
    ];
    let encryptions = [
        None,
        Some((ContentCipher::Aes256Cbc, None)),
        Some((ContentCipher::Aes128Gcm, None)),
        Some((ContentCipher::Aes256Gcm, Some(DigestAlgorithm::Sha256))),
    ];
    for (alice, bob) in [
        (TestKey::Rsa2048A, TestKey::Rsa2048B),
        (TestKey::Rsa2048A, TestKey::P384A),
    ] {
        for signature in signatures {
            for encryption in encryptions {
                let mut draft = draft(&small_mail());
                if let Some((form, choice)) = signature {
                    (draft.sign, draft.form, draft.signature) = (Some(Mode::Always), form, choice);
                }
                if let Some((cipher, oaep)) = encryption {
                    draft.encrypt = Some(Mode::Always);
                    (draft.cipher, draft.oaep) = (Cipher::Only(cipher), oaep);
                }
                let what = format!("{signature:?}, {encryption:?}, {bob:?}");
                if signature.is_some() || encryption.is_some() {
                    cases.push((World::new(alice, bob, &RustCrypto), draft, what));
                }
            }
        }
    }
    for form in [SignedForm::Detached, SignedForm::Opaque] {
        for key in [TestKey::P256A, TestKey::P384A] {
            let mut draft = draft(&small_mail());
            (draft.sign, draft.form, draft.encrypt) =
                (Some(Mode::Always), form, Some(Mode::Always));
            let what = format!("{form:?}, {key:?}");
            cases.push((World::new(key, key, &RustCrypto), draft, what));
        }
    }
    cases
}
