//! What a signature says of itself in its attributes.

use smime_cms::{Refusal, Verdict};
use smime_crypto::{
    DigestAlgorithm, Oid, SignatureScheme, UnixTime,
    asn1::{Tag, Writer},
};
use smime_testkit::{Identity, NOW, Profile, TestKey, Uses};
use smime_x509::Certificate;

use crate::forge::{
    CONTENT_TYPE, DATA, Forger, MESSAGE_DIGEST, SIGNING_TIME, TIMESTAMP, attribute, attributes,
    hash, signed_data,
};
use crate::{CONTENT, Court, alice, message, reports, root, sent};

#[test]
fn attributes_that_must_be_there_once_are() {
    let digest = || Writer::encode(|w| w.octet_string(&hash(DigestAlgorithm::Sha256, CONTENT)));
    let wrong = || Writer::encode(|w| w.octet_string(&hash(DigestAlgorithm::Sha256, b"")));
    let kind = || attribute(CONTENT_TYPE, &[Writer::encode(|w| w.oid(DATA))]);
    let time = |seconds| Writer::encode(|w| w.time(UnixTime(seconds)));
    for (attributes, name) in [
        (vec![], "none at all"),
        (vec![kind()], "no digest"),
        (
            vec![attribute(MESSAGE_DIGEST, &[digest()])],
            "no content type",
        ),
        (vec![kind(), attribute(MESSAGE_DIGEST, &[])], "no value"),
        (
            vec![kind(), attribute(MESSAGE_DIGEST, &[digest(), wrong()])],
            "two values",
        ),
        (
            vec![kind(), attribute(MESSAGE_DIGEST, &[digest(), digest()])],
            "one value twice",
        ),
        (
            vec![
                kind(),
                attribute(MESSAGE_DIGEST, &[digest()]),
                attribute(MESSAGE_DIGEST, &[wrong()]),
            ],
            "two digests",
        ),
        (
            vec![
                kind(),
                attribute(MESSAGE_DIGEST, &[wrong()]),
                attribute(MESSAGE_DIGEST, &[digest()]),
            ],
            "two digests, the wrong one first",
        ),
        (
            vec![kind(), kind(), attribute(MESSAGE_DIGEST, &[digest()])],
            "two content types",
        ),
        (
            vec![
                kind(),
                attribute(SIGNING_TIME, &[time(0), time(1)]),
                attribute(MESSAGE_DIGEST, &[digest()]),
            ],
            "two times",
        ),
        (
            vec![
                kind(),
                attribute(MESSAGE_DIGEST, &[Writer::encode(Writer::null)]),
            ],
            "a digest that is no string",
        ),
    ] {
        let mut forger = Forger::honest(alice(), CONTENT);
        forger.attributes = Some(attributes);
        let verdict = Court::new().verdict(&sent(forger.sign(CONTENT)));
        assert!(
            matches!(verdict, Verdict::Refused(Refusal::Attributes(_))),
            "{name}: {verdict:?}"
        );
    }
}

#[test]
fn what_must_be_signed_does_not_stand_unsigned() {
    let time = Writer::encode(|w| w.time(NOW));
    let digest = Writer::encode(|w| w.octet_string(&hash(DigestAlgorithm::Sha256, CONTENT)));
    let kind = Writer::encode(|w| w.oid(DATA));
    let countersignature = Oid::new("1.2.840.113549.1.9.6");
    for (unsigned, good) in [
        (vec![attribute(countersignature, &[vec![0x30, 0]])], true),
        (vec![attribute(SIGNING_TIME, &[time])], false),
        (vec![attribute(MESSAGE_DIGEST, &[digest])], false),
        (vec![attribute(CONTENT_TYPE, &[kind])], false),
        (vec![vec![5, 0]], false),
    ] {
        for signed in [true, false] {
            let mut forger = Forger::honest(alice(), CONTENT);
            if !signed {
                forger.attributes = None;
            }
            let set = unsigned.concat();
            forger.unsigned = Writer::encode(|w| w.element(Tag::context_constructed(1), &set));
            let verdict = Court::new().verdict(&sent(forger.sign(CONTENT)));
            match verdict {
                Verdict::Good => assert!(good),
                Verdict::Refused(Refusal::Attributes(_)) => assert!(!good),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn the_signed_content_type_is_the_one_of_the_content() {
    for (signed, written) in [(DATA, TIMESTAMP), (TIMESTAMP, DATA)] {
        let mut forger = Forger::honest(alice(), CONTENT);
        forger.attributes = Some(attributes(signed, DigestAlgorithm::Sha256, CONTENT));
        let info = forger.sign(CONTENT);
        let der = signed_data(written, Some(CONTENT), &[&alice().certificate], &[info]);
        let expected = Verdict::Refused(Refusal::ContentTypeMismatch);
        assert_eq!(Court::new().verdict(&der), expected);
    }
    let mut forger = Forger::honest(alice(), CONTENT);
    forger.attributes = None;
    let info = forger.sign(CONTENT);
    let der = signed_data(TIMESTAMP, Some(CONTENT), &[&alice().certificate], &[info]);
    assert_eq!(
        Court::new().verdict(&der),
        Verdict::Refused(Refusal::NoSignedAttributes)
    );
}

#[test]
fn a_signature_over_attributes_is_none_over_content() {
    // The attack: take the attributes for the content and leave the attributes out.
    let forger = Forger::honest(alice(), CONTENT);
    let set =
        |tag| Writer::encode(|w| w.element(tag, &forger.attributes.clone().unwrap().concat()));
    let content = set(Tag::SET);
    let info = forger.sign(CONTENT);
    let stripped = Forger {
        attributes: None,
        ..forger.clone()
    };
    let mut inner = smime_crypto::asn1::Reader::new(&info);
    let mut fields = inner.sequence("x").unwrap();
    let signature = std::iter::from_fn(|| fields.any("x").ok())
        .last()
        .unwrap()
        .content
        .to_vec();
    let info = stripped.info(&signature);
    let certificates = [&alice().certificate];
    let der = signed_data(
        DATA,
        Some(&content),
        &certificates,
        std::slice::from_ref(&info),
    );
    assert_eq!(
        Court::new().verdict(&der),
        Verdict::Refused(Refusal::AmbiguousContent)
    );
    // With anything around it, it is not what was signed.
    for altered in [
        [&content[..], b"\n"].concat(),
        set(Tag::context_constructed(0)),
    ] {
        let der = signed_data(
            DATA,
            Some(&altered),
            &certificates,
            std::slice::from_ref(&info),
        );
        assert_eq!(Court::new().verdict(&der), Verdict::BadSignature);
    }
    // Text that begins with the same byte is text.
    let text = b"1. Pay 10 to Bob.";
    let info = stripped.sign(text);
    let der = signed_data(DATA, Some(text), &certificates, &[info]);
    assert_eq!(Court::new().verdict(&der), Verdict::Good);
}

#[test]
fn attributes_verify_as_they_stand_and_as_they_should() {
    let honest = Forger::honest(alice(), CONTENT);
    let sorted = honest.attributes.clone().unwrap();
    let reversed: Vec<_> = sorted.iter().rev().cloned().collect();
    let set = |all: &[Vec<u8>]| Writer::encode(|w| w.element(Tag::SET, &all.concat()));
    for (written, signed) in [
        (&sorted, &sorted),
        (&reversed, &reversed),
        (&reversed, &sorted),
    ] {
        let forger = Forger {
            attributes: Some(written.clone()),
            ..honest.clone()
        };
        let der = sent(forger.sign_over(&set(signed)));
        assert_eq!(Court::new().verdict(&der), Verdict::Good);
    }
    // Sorted ones signed in another order, ones under the tag they are sent with, fewer ones.
    for signed in [
        set(&reversed),
        Writer::encode(|w| w.element(Tag::context_constructed(0), &sorted.concat())),
        set(&sorted[1..]),
    ] {
        assert_eq!(
            Court::new().verdict(&sent(honest.sign_over(&signed))),
            Verdict::BadSignature
        );
    }
}

#[test]
fn attributes_in_ber_were_signed_in_der() {
    let honest = Forger::honest(alice(), CONTENT);
    let signature_of = |info: &[u8]| {
        let mut fields = smime_crypto::asn1::Reader::new(info).sequence("x").unwrap();
        std::iter::from_fn(|| fields.any("x").ok())
            .last()
            .unwrap()
            .content
            .to_vec()
    };
    let signature = signature_of(&honest.sign(CONTENT));
    let attributes = honest.attributes.clone().unwrap().concat();
    let ber = [&[0xa0, 0x80][..], &attributes, &[0, 0]].concat();
    let info = Writer::encode(|w| {
        w.sequence(|w| {
            w.small(1);
            w.raw(&honest.id);
            w.raw(&honest.digest_algorithm);
            w.raw(&ber);
            w.raw(&honest.signature_algorithm);
            w.octet_string(&signature);
        });
    });
    assert_eq!(Court::new().verdict(&sent(info)), Verdict::Good);
}

const SIGNING_CERTIFICATE: Oid = Oid::new("1.2.840.113549.1.9.16.2.12");

const SIGNING_CERTIFICATE_V2: Oid = Oid::new("1.2.840.113549.1.9.16.2.47");

/// A signing-certificate value that names one certificate.
fn names(
    w: &mut Writer,
    digest: Option<DigestAlgorithm>,
    hash: &[u8],
    issuer: Option<&Certificate>,
) {
    w.sequence(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                if let Some(digest) = digest {
                    w.raw(&digest.identifier());
                }
                w.octet_string(hash);
                if let Some(issuer) = issuer {
                    w.sequence(|w| {
                        w.sequence(|w| {
                            w.constructed(Tag::context_constructed(4), |w| {
                                w.raw(issuer.issuer().der());
                            });
                        });
                        w.element(Tag::INTEGER, issuer.serial());
                    });
                }
            });
        });
    });
}

#[test]
fn a_signer_who_names_a_certificate_means_that_one() {
    let own = &alice().certificate;
    let other = root()
        .person("bob@example.com", Profile::of(TestKey::P256A))
        .certificate;
    let sha = |digest, certificate: &Certificate| hash(digest, certificate.der());
    let (sha1, sha256) = (DigestAlgorithm::Sha1, DigestAlgorithm::Sha256);
    let sha512 = DigestAlgorithm::Sha512;
    let mismatch = Verdict::Refused(Refusal::SigningCertificateMismatch);
    let v2 = SIGNING_CERTIFICATE_V2;
    for (kind, digest, hash, issuer, expected) in [
        (v2, None, sha(sha256, own), Some(own), Verdict::Good),
        (v2, None, sha(sha256, own), None, Verdict::Good),
        (v2, Some(sha256), sha(sha256, own), Some(own), Verdict::Good),
        (v2, Some(sha512), sha(sha512, own), Some(own), Verdict::Good),
        (
            SIGNING_CERTIFICATE,
            None,
            sha(sha1, own),
            Some(own),
            Verdict::Good,
        ),
        (v2, None, sha(sha256, &other), Some(own), mismatch.clone()),
        (v2, None, sha(sha256, own), Some(&other), mismatch.clone()),
        (v2, None, sha(sha512, own), None, mismatch.clone()),
        (v2, Some(sha512), sha(sha256, own), None, mismatch.clone()),
        (v2, None, vec![], None, mismatch.clone()),
        (
            v2,
            None,
            sha(sha256, own)[..31].to_vec(),
            None,
            mismatch.clone(),
        ),
        (
            SIGNING_CERTIFICATE,
            None,
            sha(sha1, &other),
            None,
            mismatch.clone(),
        ),
        (
            SIGNING_CERTIFICATE,
            None,
            sha(sha256, own),
            None,
            mismatch.clone(),
        ),
    ] {
        let forger =
            Forger::honest(alice(), CONTENT).also(kind, |w| names(w, digest, &hash, issuer));
        assert_eq!(Court::new().verdict(&sent(forger.sign(CONTENT))), expected);
    }
    for value in [
        &[0x30, 0][..],
        &[0x30, 2, 0x30, 0],
        &[0x05, 0],
        &[0x30, 4, 0x30, 2, 0x30, 0],
    ] {
        let forger = Forger::honest(alice(), CONTENT).also(v2, |w| w.raw(value));
        assert_eq!(Court::new().verdict(&sent(forger.sign(CONTENT))), mismatch);
    }
    // Both attributes, of which one is wrong.
    let forger = Forger::honest(alice(), CONTENT)
        .also(v2, |w| names(w, None, &sha(sha256, own), None))
        .also(SIGNING_CERTIFICATE, |w| {
            names(w, None, &sha(sha1, &other), None)
        });
    assert_eq!(Court::new().verdict(&sent(forger.sign(CONTENT))), mismatch);
}

#[test]
fn a_certificate_of_the_same_key_does_not_replace_the_one_named() {
    let own = &alice().certificate;
    let twin = root().person_with(
        "mallory@example.com",
        Profile::of(TestKey::P256A),
        |builder| builder.serial(own.serial()),
    );
    let hash = hash(DigestAlgorithm::Sha256, own.der());
    let forger = Forger::honest(alice(), CONTENT)
        .also(SIGNING_CERTIFICATE_V2, |w| names(w, None, &hash, Some(own)));
    let info = forger.sign(CONTENT);
    let der = signed_data(
        DATA,
        Some(CONTENT),
        &[&twin.certificate],
        std::slice::from_ref(&info),
    );
    let court = Court {
        sender: None,
        ..Court::new()
    };
    assert_eq!(
        court.verdict(&der),
        Verdict::Refused(Refusal::SigningCertificateMismatch)
    );
    let der = signed_data(DATA, Some(CONTENT), &[&twin.certificate, own], &[info]);
    assert_eq!(court.verdict(&der), Verdict::Good);
}

#[test]
fn a_signer_who_names_algorithms_means_those() {
    const PROTECTION: Oid = Oid::new("1.2.840.113549.1.9.52");
    let (sha256, sha512) = (DigestAlgorithm::Sha256, DigestAlgorithm::Sha512);
    let value = |w: &mut Writer, digest: DigestAlgorithm, scheme: SignatureScheme, tag| {
        let identifier = scheme.signer_info_identifier();
        let content = smime_crypto::asn1::Reader::new(&identifier)
            .any("x")
            .unwrap()
            .content;
        w.sequence(|w| {
            w.raw(&digest.identifier());
            w.element(Tag::context_constructed(tag), content);
        });
    };
    let mismatch = Verdict::Refused(Refusal::AlgorithmProtection);
    for (digest, scheme, tag, expected) in [
        (sha256, SignatureScheme::Ecdsa(sha256), 1, Verdict::Good),
        (sha512, SignatureScheme::Ecdsa(sha512), 1, mismatch.clone()),
        (
            sha256,
            SignatureScheme::RsaPkcs1(sha256),
            1,
            mismatch.clone(),
        ),
        (sha512, SignatureScheme::Ecdsa(sha256), 1, mismatch.clone()),
        (sha256, SignatureScheme::Ecdsa(sha256), 2, mismatch.clone()),
    ] {
        let forger =
            Forger::honest(alice(), CONTENT).also(PROTECTION, |w| value(w, digest, scheme, tag));
        assert_eq!(Court::new().verdict(&sent(forger.sign(CONTENT))), expected);
    }
}

/// Returns the certificates that Alice is reported to want to be encrypted to.
fn preferred(forger: &Forger, court: &Court, others: &[&Certificate]) -> Vec<Certificate> {
    let certificates = [&[&alice().certificate], others].concat();
    let der = signed_data(DATA, Some(CONTENT), &certificates, &[forger.sign(CONTENT)]);
    let outcome = court.judge(message(&der)).unwrap();
    reports(&outcome)[0].encryption_certificates.clone()
}

fn alice_encrypts() -> Identity {
    let profile = Profile::of(TestKey::P256B).uses(Uses::Encrypt);
    root().person("alice@example.com", profile)
}

/// The three forms of SMIMEEncryptionKeyPreference that name a certificate.
fn preferences(of: &Certificate) -> [Vec<u8>; 3] {
    let named = Writer::encode(|w| {
        w.raw(of.issuer().der());
        w.element(Tag::INTEGER, of.serial());
    });
    let id = of.subject_key_id().unwrap();
    [
        Writer::encode(|w| w.element(Tag::context_constructed(0), &named)),
        Writer::encode(|w| w.constructed(Tag::context_constructed(1), |w| w.octet_string(id))),
        Writer::encode(|w| w.element(Tag::context(2), id)),
    ]
}

#[test]
fn the_certificate_a_good_signer_wants_to_be_encrypted_to_is_told() {
    let other = alice_encrypts().certificate;
    for preference in preferences(&other) {
        let forger = Forger::honest(alice(), CONTENT).also(PREFERENCE, |w| w.raw(&preference));
        let told = preferred(&forger, &Court::new(), &[&other]);
        assert_eq!(told, std::slice::from_ref(&other));
        let mut court = Court::new();
        court.pool.add(other.clone());
        let told = preferred(&forger, &court, &[]);
        assert_eq!(told, std::slice::from_ref(&other));
        assert!(preferred(&forger, &Court::new(), &[]).is_empty());
    }
}

#[test]
fn what_nobody_good_has_signed_is_no_preference() {
    let other = alice_encrypts().certificate;
    for preference in preferences(&other) {
        let signed = Forger::honest(alice(), CONTENT).also(PREFERENCE, |w| w.raw(&preference));
        let mut court = Court::new();
        court.sender = Some(crate::addresses(&["bob@example.com"]));
        assert!(preferred(&signed, &court, &[&other]).is_empty());
        let mut unsigned = Forger::honest(alice(), CONTENT);
        let set = attribute(PREFERENCE, &[preference]);
        unsigned.unsigned = Writer::encode(|w| w.element(Tag::context_constructed(1), &set));
        assert!(preferred(&unsigned, &Court::new(), &[&other]).is_empty());
    }
}

#[test]
fn a_preference_that_cannot_be_read_or_is_repeated_is_none_and_makes_nothing_bad() {
    let other = alice_encrypts().certificate;
    let [first, second, third] = preferences(&other);
    let other_id = [&[0x82, 1][..], &third[2..3]].concat();
    let issuer_alone = Writer::encode(|w| {
        w.element(Tag::context_constructed(0), other.issuer().der());
    });
    for values in [
        vec![first.clone(), second],
        vec![],
        vec![vec![5, 0]],
        vec![vec![0xa0, 0]],
        vec![vec![0xa1, 2, 5, 0]],
        vec![issuer_alone],
        vec![other_id],
    ] {
        let mut forger = Forger::honest(alice(), CONTENT);
        let attributes = forger.attributes.as_mut().unwrap();
        attributes.push(attribute(PREFERENCE, &values));
        attributes.sort();
        let der = sent(forger.sign(CONTENT));
        assert_eq!(Court::new().verdict(&der), Verdict::Good, "{values:x?}");
        let told = preferred(&forger, &Court::new(), &[&other]);
        assert!(told.is_empty(), "{values:x?}");
    }
}

const PREFERENCE: Oid = Oid::new("1.2.840.113549.1.9.16.2.11");
