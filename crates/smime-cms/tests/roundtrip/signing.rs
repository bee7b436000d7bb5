//! Signatures by every scheme, in every form.

use std::io::Write;

use smime_cms::{Capabilities, Error, Outcome, Refusal, SignedMessage, Signer, Verdict};
use smime_crypto::{DigestAlgorithm, Error as CryptoError, OsRandom, RustCrypto, SignatureScheme};
use smime_io::{Limits, Source};
use smime_testkit::{NOW, TestKey, flips};

use crate::people::{chained, person, twin};
use crate::{
    CUTS, FORMS, Form, LENGTHS, content, detached, judged, opaque, schemes, signed, signer, text,
    verified,
};

#[test]
fn every_scheme_verifies_in_every_form_however_cut() {
    let content = text(1000);
    for key in [TestKey::Rsa2048A, TestKey::P256A, TestKey::P384A] {
        for scheme in schemes(person(key)) {
            let signer = signer(person(key)).scheme(scheme).unwrap();
            for cut in CUTS {
                let mut outcomes = Vec::new();
                let signature = Source::from_bytes(detached(&signer, &content, cut));
                let source = Source::from_bytes(&content[..]);
                let message =
                    SignedMessage::detached(&signature, source, &Limits::default()).unwrap();
                outcomes.push(judged(message).unwrap());
                for form in FORMS {
                    let object = opaque(&signer, form, &content, cut);
                    outcomes.push(judged(signed(&object).unwrap()).unwrap());
                }
                for outcome in outcomes {
                    let (read, report) = verified(outcome);
                    assert_eq!(read, content, "{scheme:?} {cut}");
                    assert_eq!(report.scheme, Some(scheme));
                    assert_eq!(report.digest, Some(scheme.digest()));
                    assert_eq!(report.signing_time, Some(NOW));
                    assert_eq!(report.capabilities, Some(Capabilities::own()));
                    assert_eq!(report.certificate.as_ref(), Some(signer.certificate()));
                }
            }
        }
    }
}

#[test]
fn signed_content_of_every_length_comes_back() {
    let signer = signer(person(TestKey::P256A));
    for form in FORMS {
        for length in LENGTHS {
            let object = opaque(&signer, form, &text(length), 5000);
            let (content, _) = verified(judged(signed(&object).unwrap()).unwrap());
            assert_eq!(content, text(length), "{form:?} {length}");
        }
    }
}

#[test]
fn other_content_beside_a_signature_is_not_verified() {
    for key in [TestKey::Rsa2048A, TestKey::P256A, TestKey::P384A] {
        let signature = Source::from_bytes(detached(&signer(person(key)), b"content", 7));
        for other in [&b"contenT"[..], b"", b"content\n", b"ontent"] {
            let source = Source::from_bytes(other);
            let message = SignedMessage::detached(&signature, source, &Limits::default()).unwrap();
            let Outcome::Unverified(outcome) = judged(message).unwrap() else {
                panic!("{key:?} {other:?}")
            };
            assert!(matches!(
                outcome.signers()[0].verdict,
                Verdict::BadSignature
            ));
        }
    }
}

#[test]
fn a_signature_that_carries_its_content_is_not_a_detached_one() {
    for form in FORMS {
        let object = opaque(&signer(person(TestKey::P256A)), form, b"content", 7);
        let source = Source::from_bytes(*b"content");
        let refused =
            SignedMessage::detached(&Source::from_bytes(object), source, &Limits::default());
        assert!(matches!(refused, Err(Error::UnexpectedContent)), "{form:?}");
    }
}

#[test]
fn a_key_of_another_certificate_does_not_sign() {
    for (certificate, key) in [
        (TestKey::Rsa2048A, TestKey::Rsa2048B),
        (TestKey::P256A, TestKey::P256B),
        (TestKey::P256A, TestKey::P384A),
        (TestKey::P384A, TestKey::Rsa2048A),
    ] {
        let made = Signer::without_chain(
            person(certificate).certificate.clone(),
            person(key).key.clone(),
        );
        assert!(
            matches!(made, Err(Error::KeyMismatch)),
            "{certificate:?} {key:?}"
        );
    }
}

#[test]
fn a_scheme_of_another_kind_than_the_key_is_refused() {
    for (key, scheme) in [
        (
            TestKey::Rsa2048A,
            SignatureScheme::Ecdsa(DigestAlgorithm::Sha256),
        ),
        (
            TestKey::P256A,
            SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256),
        ),
        (
            TestKey::P384A,
            SignatureScheme::RsaPss {
                digest: DigestAlgorithm::Sha256,
                salt: 32,
            },
        ),
    ] {
        let refused = signer(person(key)).scheme(scheme);
        assert!(
            matches!(refused, Err(Error::Crypto(CryptoError::WrongKey(_)))),
            "{key:?}"
        );
    }
}

#[test]
fn defaults_follow_the_key() {
    for (key, micalg) in [
        (TestKey::Rsa2048A, "sha-256"),
        (TestKey::P256A, "sha-256"),
        (TestKey::P384A, "sha-384"),
    ] {
        assert_eq!(signer(person(key)).digest().micalg(), micalg);
    }
}

#[test]
fn a_proven_signer_sends_its_intermediates_and_not_its_anchor() {
    let (own, proven) = chained();
    let path = proven.path().to_vec();
    assert_eq!(path.len(), 3);
    let signer = Signer::new(proven, own.key).unwrap();
    let object = opaque(&signer, Form::Definite, b"x", 1);
    let message = signed(&object).unwrap();
    let sent: Vec<_> = message.certificates().iter().cloned().collect();
    assert_eq!(sent.len(), 2);
    assert!(
        path[..2]
            .iter()
            .all(|certificate| sent.contains(certificate))
    );
}

#[test]
fn certificates_beside_the_chain_are_sent_once() {
    let (own, other) = (person(TestKey::P256A), person(TestKey::P256B));
    let more = [other, own, other].map(|it| it.certificate.clone());
    let object = opaque(&signer(own).also_include(more), Form::Indefinite, b"x", 1);
    assert_eq!(signed(&object).unwrap().certificates().iter().count(), 2);
}

#[test]
fn an_unfinished_signature_is_refused() {
    let own = signer(person(TestKey::P256A));
    let mut out = Vec::new();
    let mut writer = own.opaque(&mut out, &RustCrypto, &OsRandom, NOW).unwrap();
    writer.write_all(&text(50_000)).unwrap();
    drop(writer);
    assert!(signed(&out).is_err());
}

#[test]
fn a_signed_object_cut_anywhere_is_refused() {
    let own = signer(person(TestKey::P256A));
    let mut objects = FORMS
        .map(|form| opaque(&own, form, b"some content", 7))
        .to_vec();
    objects.push(detached(&own, b"some content", 7));
    for object in objects {
        for end in 0..object.len() {
            assert!(signed(&object[..end]).is_err(), "{end} of {}", object.len());
        }
    }
}

#[test]
fn an_altered_signed_object_is_not_verified_or_says_the_same() {
    let own = signer(person(TestKey::P256A));
    for form in FORMS {
        let object = opaque(&own, form, b"some content", 7);
        let mut unchanged = 0;
        for (at, damaged) in flips(&object) {
            if let Ok(Outcome::Verified(outcome)) = signed(&damaged).and_then(judged) {
                assert_eq!(content(outcome.content()), b"some content", "{form:?} {at}");
                let report = &outcome.signers()[0];
                assert_eq!(
                    report.certificate.as_ref(),
                    Some(own.certificate()),
                    "{form:?} {at}"
                );
                assert_eq!(report.signing_time, Some(NOW), "{form:?} {at}");
                unchanged += 1;
            }
        }
        assert!(
            unchanged < object.len() / 10,
            "{unchanged} of {}",
            2 * object.len()
        );
    }
}

#[test]
fn a_certificate_put_in_the_place_of_the_signers_is_refused() {
    let (own, twin) = (person(TestKey::P256A), twin(TestKey::P256A));
    let object = opaque(&signer(own), Form::Indefinite, b"content", 7);
    let (old, new) = (own.certificate.der(), twin.certificate.der());
    assert_eq!(old.len(), new.len());
    let at = object
        .windows(old.len())
        .position(|window| window == old)
        .unwrap();
    let mut swapped = object.clone();
    swapped[at..at + new.len()].copy_from_slice(new);
    let Outcome::Unverified(outcome) = judged(signed(&swapped).unwrap()).unwrap() else {
        panic!("verified by another certificate")
    };
    let verdict = &outcome.signers()[0].verdict;
    assert!(
        matches!(
            verdict,
            Verdict::Refused(Refusal::SigningCertificateMismatch)
        ),
        "{verdict:?}"
    );
}
