//! What was sealed opens to the same bytes, by every algorithm of the path and on both providers;
//! and what cannot be sealed as asked is not sealed at all.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is wrong about its own input must fail"
)]

#[path = "roundtrip/recipients.rs"]
mod recipients;

mod common;

use smime::{
    Cause, Cipher, Coverage, Draft, Layer, Message, Mode, Policy, RsaPadding, SignatureChoice,
    SignedForm, Verdict,
    crypto::{ContentCipher, CryptoProvider, DigestAlgorithm, RustCrypto, fastest},
    io::{Limits, Source},
    mime::Entity,
    x509::Certificate,
};
use smime_testkit::{Identity, NOW, Profile, TestKey, large_mail, mails};

use common::{
    SECRET, World, authority, contains, draft, entity, expected_entity, providers, small_mail,
};

#[test]
fn every_mail_comes_back_signed_in_every_form() {
    for provider in providers() {
        let rsa = World::new(TestKey::Rsa2048A, TestKey::Rsa2048B, provider);
        let ec = World::new(TestKey::P256A, TestKey::P384A, provider);
        for (name, mail) in mails_of_testdata() {
            for form in FORMS {
                check(&rsa, &mail, &name, Some((form, PSS_SHA256)), None);
                check(
                    &ec,
                    &mail,
                    &name,
                    Some((form, SignatureChoice::default())),
                    None,
                );
            }
        }
    }
}

#[test]
fn every_mail_comes_back_encrypted_by_every_cipher() {
    for provider in providers() {
        let rsa = World::new(TestKey::P256A, TestKey::Rsa2048B, provider);
        let ec = World::new(TestKey::P256A, TestKey::P256B, provider);
        for (name, mail) in mails_of_testdata() {
            for cipher in ContentCipher::ALL {
                check(&rsa, &mail, &name, None, Some((cipher, None)));
                check(&ec, &mail, &name, None, Some((cipher, None)));
            }
        }
    }
}

#[test]
fn every_mail_comes_back_signed_inside_encryption() {
    for provider in providers() {
        let ec_to_rsa = World::new(TestKey::P384A, TestKey::Rsa2048B, provider);
        let rsa_to_ec = World::new(TestKey::Rsa2048A, TestKey::P256A, provider);
        for (name, mail) in mails_of_testdata() {
            for (form, cipher) in [
                (SignedForm::Detached, ContentCipher::Aes256Gcm),
                (SignedForm::Detached, ContentCipher::Aes256Cbc),
                (SignedForm::Opaque, ContentCipher::Aes128Gcm),
                (SignedForm::Opaque, ContentCipher::Aes128Cbc),
            ] {
                let signed = Some((form, SignatureChoice::default()));
                let oaep = Some(DigestAlgorithm::Sha256);
                check(&ec_to_rsa, &mail, &name, signed, Some((cipher, oaep)));
                check(&rsa_to_ec, &mail, &name, signed, Some((cipher, None)));
            }
        }
    }
}

/// The larger RSA keys take one way each here; all their ways are in the tests of the small mail.
#[test]
fn every_mail_comes_back_by_every_algorithm() {
    let ways = |key| match key {
        TestKey::Rsa3072 | TestKey::Rsa4096 => 1,
        _ => usize::MAX,
    };
    for alice in EVERY_KEY {
        let world = World::new(alice, TestKey::P256B, fastest());
        for (name, mail) in mails_of_testdata() {
            for choice in choices(alice).take(ways(alice)) {
                for form in FORMS {
                    check(&world, &mail, &name, Some((form, choice)), None);
                }
            }
        }
    }
    for bob in EVERY_KEY {
        let world = World::new(TestKey::P256A, bob, fastest());
        for (name, mail) in mails_of_testdata() {
            for transport in transports(bob).into_iter().take(ways(bob)) {
                for cipher in ContentCipher::ALL {
                    check(&world, &mail, &name, None, Some((cipher, transport)));
                }
            }
        }
    }
}

#[test]
fn a_large_mail_comes_back_in_every_form() {
    let mail = large_mail(2 << 20);
    for provider in providers() {
        let world = World::new(TestKey::P256A, TestKey::P256A, provider);
        let signed = FORMS.map(|form| Some((form, SignatureChoice::default())));
        for form in signed {
            check(&world, &mail, "large", form, None);
        }
        for cipher in ContentCipher::ALL {
            for form in signed.into_iter().chain([None]) {
                check(&world, &mail, "large", form, Some((cipher, None)));
            }
        }
    }
}

#[test]
fn every_signature_algorithm_comes_back_good() {
    let mail = small_mail();
    for provider in providers() {
        for key in EVERY_KEY {
            let world = World::new(key, TestKey::P256A, provider);
            for choice in choices(key) {
                for form in FORMS {
                    let what = format!("{key:?}");
                    check(&world, &mail, &what, Some((form, choice)), None);
                }
            }
        }
    }
}

#[test]
fn every_key_management_comes_back_with_every_cipher() {
    let mail = small_mail();
    for provider in providers() {
        for key in EVERY_KEY {
            let world = World::new(TestKey::P256A, key, provider);
            for transport in transports(key) {
                for cipher in ContentCipher::ALL {
                    let what = format!("{key:?}");
                    check(&world, &mail, &what, None, Some((cipher, transport)));
                }
            }
        }
    }
}

#[test]
fn every_signature_comes_back_in_every_envelope_on_the_portable_provider() {
    every_signature_in_every_envelope(&RustCrypto);
}

#[test]
fn every_signature_comes_back_in_every_envelope_on_the_fast_provider() {
    every_signature_in_every_envelope(fastest());
}

/// The larger RSA keys differ from the small one in nothing but numbers; they are in the tests
/// of one layer above.
fn every_signature_in_every_envelope(provider: &'static dyn CryptoProvider) {
    let mail = small_mail();
    let keys = [TestKey::Rsa2048A, TestKey::P256A, TestKey::P384A];
    for (alice, bob) in keys.iter().flat_map(|alice| keys.map(|bob| (*alice, bob))) {
        let world = World::new(alice, bob, provider);
        for (choice, form) in choices(alice).flat_map(|it| FORMS.map(|form| (it, form))) {
            for transport in transports(bob) {
                for cipher in ContentCipher::ALL {
                    let what = format!("{alice:?} to {bob:?}");
                    let encrypted = Some((cipher, transport));
                    check(&world, &mail, &what, Some((form, choice)), encrypted);
                }
            }
        }
    }
}

#[test]
fn what_one_provider_seals_the_other_opens() {
    let mail = small_mail();
    let [portable, fast] = providers();
    for (sealing, opening) in [(portable, fast), (fast, portable)] {
        for key in EVERY_KEY {
            let world = World::new(key, key, sealing);
            for form in FORMS {
                let signature = Some((form, SignatureChoice::default()));
                let encryption = Some((ContentCipher::Aes256Gcm, None));
                let sealed = world.seal(&protect(&mail, signature, encryption));
                let other = World::new(key, key, opening);
                let opened = other.open(&sealed).unwrap();
                assert_eq!(opened.signature(), Verdict::Good, "{key:?}");
                assert_eq!(entity(&opened), expected_entity(&mail), "{key:?}");
            }
        }
    }
}

#[test]
fn a_signature_is_bound_to_the_sender_in_every_form() {
    let world = World::new(TestKey::P256A, TestKey::P256A, fastest());
    for form in FORMS {
        for cipher in [
            None,
            Some(ContentCipher::Aes256Gcm),
            Some(ContentCipher::Aes256Cbc),
        ] {
            let signature = Some((form, SignatureChoice::default()));
            let protected = protect(&small_mail(), signature, cipher.map(|it| (it, None)));
            let sealed = world.seal(&protected);
            for from in [
                "From: mallory@example.com\r\n",
                "From: alice@example.com, mallory@example.com\r\n",
                "From: alice@example.com\r\nFrom: alice@example.com\r\n",
                "From: alice@example.com\r\nFrom: mallory@example.com\r\n",
                "From: \"alice@example.com\" <mallory@example.com>\r\n",
                "From: nobody\r\n",
                "Sender: alice@example.com\r\n",
                "",
            ] {
                let forged = replaced(&sealed, "From: alice@example.com\r\n", from);
                let verdict = world.open(&forged).unwrap().signature();
                assert_eq!(
                    verdict,
                    Verdict::NotGood("wrong_sender"),
                    "{from:?} {form:?}"
                );
            }
        }
    }
}

#[test]
fn what_was_not_signed_has_no_verdict_and_what_was_not_encrypted_no_encryption() {
    let world = World::new(TestKey::P256A, TestKey::P256A, fastest());
    let opened = world.open(&small_mail()).unwrap();
    assert_eq!(opened.signature(), Verdict::None);
    assert_eq!(opened.encryption(), None);
    assert!(opened.layers().is_empty());
    assert_eq!(entity(&opened), small_mail());
}

#[test]
fn fields_outside_stay_as_they_are_and_fields_of_the_content_go_inside() {
    let world = World::new(TestKey::P256A, TestKey::P256A, fastest());
    for (name, mail) in mails() {
        let encryption = Some((ContentCipher::Aes256Gcm, None));
        let sealed = world.seal(&protect(&mail, None, encryption));
        let header = |mail: &[u8]| Entity::read(source(mail), &Limits::default()).unwrap();
        let (before, after) = (header(&mail), header(&sealed));
        for field in [
            "From",
            "To",
            "Cc",
            "Subject",
            "Date",
            "Message-ID",
            "References",
        ] {
            let values = |mail: &Entity| -> Vec<String> {
                let fields = mail.headers().fields().filter(|it| it.is(field));
                fields
                    .map(|it| String::from_utf8_lossy(it.raw()).replace("\r\n", "\n"))
                    .collect()
            };
            assert_eq!(values(&before), values(&after), "{field} of {name}");
        }
        for field in ["Content-Type", "MIME-Version"] {
            assert_eq!(after.headers().count(field), 1, "{field} of {name}");
        }
    }
}

/// Seals, opens, and checks everything that is said of the message.
fn check(
    world: &World,
    mail: &[u8],
    name: &str,
    signature: Option<(SignedForm, SignatureChoice)>,
    encryption: Option<(ContentCipher, Option<DigestAlgorithm>)>,
) {
    let what = format!(
        "{name}, {signature:?}, {encryption:?}, {:?}",
        world.provider
    );
    let sealed = world.seal(&protect(mail, signature, encryption));
    if encryption.is_some() {
        assert!(!contains(&sealed, SECRET.as_bytes()), "{what}");
    }
    let opened = world
        .open(&sealed)
        .unwrap_or_else(|error| panic!("{error}: {what}"));
    assert!(
        entity(&opened) == expected_entity(mail),
        "another entity: {what}"
    );
    check_layers(
        world,
        &opened,
        signature,
        encryption.map(|(cipher, _)| cipher),
        &what,
    );

    // Strict takes everything that standard does, but content that nothing vouches for.
    let strict = world.receiver(Policy::strict()).open(&*sealed);
    match encryption {
        Some((cipher, _)) if !cipher.is_authenticated() && signature.is_none() => {
            assert!(
                matches!(strict.unwrap_err().cause, Cause::Withheld),
                "{what}"
            );
        }
        _ => assert_eq!(strict.unwrap().signature(), opened.signature(), "{what}"),
    }
}

fn check_layers(
    world: &World,
    opened: &Message,
    signature: Option<(SignedForm, SignatureChoice)>,
    expected_cipher: Option<ContentCipher>,
    what: &str,
) {
    let verdict = if signature.is_some() {
        Verdict::Good
    } else {
        Verdict::None
    };
    assert_eq!(opened.signature(), verdict, "{what}");
    assert_eq!(
        opened.encryption(),
        expected_cipher.map(|_| Coverage::Whole),
        "{what}"
    );
    let mut layers = opened.layers().iter();
    if let Some(expected) = expected_cipher {
        let Some(Layer::Encrypted {
            coverage,
            cipher,
            authenticated,
            recipient,
        }) = layers.next()
        else {
            panic!("not encrypted: {what}");
        };
        assert_eq!(*coverage, Coverage::Whole, "{what}");
        assert_eq!(*cipher, Some(expected), "{what}");
        assert_eq!(
            *authenticated,
            expected.is_authenticated() || signature.is_some(),
            "{what}"
        );
        assert_eq!(
            *recipient,
            Some(world.bob.certificate.fingerprint()),
            "{what}"
        );
    }
    if let Some((_, choice)) = signature {
        let Some(Layer::Signed {
            coverage,
            signers,
            good: true,
        }) = layers.next()
        else {
            panic!("not signed: {what}");
        };
        assert_eq!(*coverage, Coverage::Whole, "{what}");
        let [signer] = &signers[..] else {
            panic!("not one signer: {what}");
        };
        let alice = &world.alice.certificate;
        assert_eq!(
            signer.certificate.as_ref().map(Certificate::fingerprint),
            Some(alice.fingerprint())
        );
        assert_eq!(
            signer.scheme,
            Some(choice.scheme(alice.public_key()).unwrap()),
            "{what}"
        );
        assert_eq!(signer.signing_time, Some(NOW), "{what}");
    }
    assert!(layers.next().is_none(), "{what}");
}

/// A draft to Bob with exactly this protection.
fn protect(
    mail: &[u8],
    signature: Option<(SignedForm, SignatureChoice)>,
    encryption: Option<(ContentCipher, Option<DigestAlgorithm>)>,
) -> Draft {
    let mut draft = draft(mail);
    if let Some((form, choice)) = signature {
        draft.sign = Some(Mode::Always);
        (draft.form, draft.signature) = (form, choice);
    }
    if let Some((cipher, oaep)) = encryption {
        draft.encrypt = Some(Mode::Always);
        (draft.cipher, draft.oaep) = (Cipher::Only(cipher), oaep);
    }
    draft
}

fn person(email: &str, key: TestKey) -> Identity {
    authority().person(email, Profile::of(key))
}

/// The small mail with other fields in the place of To.
fn small_with(fields: &str) -> Vec<u8> {
    replaced(&small_mail(), "To: bob@example.org\r\n", fields)
}

fn replaced(mail: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = std::str::from_utf8(mail).unwrap();
    assert!(text.contains(from));
    text.replacen(from, to, 1).into_bytes()
}

fn source(bytes: &[u8]) -> Source {
    Source::from_bytes(bytes)
}

/// All but the large mail, which has a test of its own.
fn mails_of_testdata() -> Vec<(String, Vec<u8>)> {
    let mut mails = mails();
    mails.retain(|(_, mail)| mail.len() < 1 << 20);
    mails
}

/// Every way in which a key can sign.
fn choices(key: TestKey) -> impl Iterator<Item = SignatureChoice> {
    let paddings: &[RsaPadding] = match key {
        TestKey::P256A | TestKey::P256B | TestKey::P384A | TestKey::P384B => &[RsaPadding::Pkcs1],
        _ => &[RsaPadding::Pkcs1, RsaPadding::Pss],
    };
    paddings.iter().flat_map(|padding| {
        SHA2.map(|digest| SignatureChoice {
            digest: Some(digest),
            padding: *padding,
        })
    })
}

/// Every way in which a content key can travel to a key.
fn transports(key: TestKey) -> Vec<Option<DigestAlgorithm>> {
    match key {
        TestKey::P256A | TestKey::P256B | TestKey::P384A | TestKey::P384B => vec![None],
        _ => [None].into_iter().chain(SHA2.map(Some)).collect(),
    }
}

const FORMS: [SignedForm; 2] = [SignedForm::Detached, SignedForm::Opaque];

const SHA2: [DigestAlgorithm; 3] = [
    DigestAlgorithm::Sha256,
    DigestAlgorithm::Sha384,
    DigestAlgorithm::Sha512,
];

const EVERY_KEY: [TestKey; 5] = [
    TestKey::Rsa2048A,
    TestKey::Rsa3072,
    TestKey::Rsa4096,
    TestKey::P256A,
    TestKey::P384A,
];

const PKCS1: SignatureChoice = SignatureChoice {
    digest: None,
    padding: RsaPadding::Pkcs1,
};

const PSS_SHA256: SignatureChoice = SignatureChoice {
    digest: Some(DigestAlgorithm::Sha256),
    padding: RsaPadding::Pss,
};
