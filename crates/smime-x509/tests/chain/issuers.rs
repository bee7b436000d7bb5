//! What makes an issuer one.

use smime_crypto::{DigestAlgorithm, Oid, SignatureScheme};
use smime_testkit::{Authority, NOW, Profile, SeededRandom, TestKey};
use smime_x509::{
    BasicConstraints, CertificateBuilder, ChainErrorKind, KeyUsageBit, Name, NameAttribute, Purpose,
};

use crate::{BASIC_CONSTRAINTS, Change, KEY_USAGE, ca, kind, three, unchanged, verdict, verify};

#[test]
fn every_key_and_scheme_of_the_path_issues() {
    use DigestAlgorithm::{Sha256, Sha384, Sha512};
    for key in TestKey::ALL {
        let schemes = match key.scheme() {
            SignatureScheme::RsaPkcs1(_) => vec![
                SignatureScheme::RsaPkcs1(Sha256),
                SignatureScheme::RsaPkcs1(Sha384),
                SignatureScheme::RsaPkcs1(Sha512),
                SignatureScheme::RsaPss {
                    digest: Sha256,
                    salt: 32,
                },
                SignatureScheme::RsaPss {
                    digest: Sha512,
                    salt: 64,
                },
            ],
            _ => [Sha256, Sha384, Sha512]
                .map(SignatureScheme::Ecdsa)
                .to_vec(),
        };
        let root = Authority::root("Root", key);
        for scheme in schemes {
            let subject = Name::from_attributes(&[(NameAttribute::CommonName, "x")]);
            let leaf = CertificateBuilder::new(subject, &TestKey::P256A.public(), NOW, NOW)
                .issued_by(root.certificate())
                .sign(key.private(), scheme, &SeededRandom::new(7))
                .unwrap();
            let path = verify(&root.trust(), &leaf, Purpose::SignMail, &[]);
            assert_eq!(path.map(|path| path.len()), Ok(2), "{scheme:?}");
        }
    }
}

#[test]
fn an_issuer_must_be_an_authority_with_the_right_to_sign_certificates() {
    let not_ca = BasicConstraints {
        ca: false,
        path_length: None,
    };
    let cases: [(&str, Change, ChainErrorKind); 5] = [
        (
            "no constraints",
            |b| b.without_extension(BASIC_CONSTRAINTS),
            ChainErrorKind::NotACa,
        ),
        (
            "not an authority",
            |b| {
                b.basic_constraints(BasicConstraints {
                    ca: false,
                    path_length: None,
                })
            },
            ChainErrorKind::NotACa,
        ),
        (
            "key usage without keyCertSign",
            |b| b.key_usage(&[KeyUsageBit::DigitalSignature, KeyUsageBit::CrlSign]),
            ChainErrorKind::KeyUsage,
        ),
        (
            "no key usage at all",
            |b| b.key_usage(&[]),
            ChainErrorKind::KeyUsage,
        ),
        (
            "nothing of either",
            |b| {
                b.without_extension(BASIC_CONSTRAINTS)
                    .without_extension(KEY_USAGE)
            },
            ChainErrorKind::NotACa,
        ),
    ];
    for (name, change, expected) in cases {
        for purpose in [Purpose::SignMail, Purpose::EncryptMail, Purpose::Any] {
            let expected = Err(expected.clone());
            assert_eq!(
                verdict(change, unchanged, unchanged, purpose),
                expected,
                "{name}, root"
            );
            assert_eq!(
                verdict(unchanged, change, unchanged, purpose),
                expected,
                "{name}, middle"
            );
        }
    }
    let (root, _, person) = three(unchanged, unchanged, |b| b.basic_constraints(ca(None)));
    assert!(!not_ca.ca && person.certificate.is_ca());
    let result = verify(
        &root.trust(),
        &person.certificate,
        Purpose::SignMail,
        &person.chain,
    );
    assert!(result.is_ok(), "an authority fit for mail may sign mail");
}

#[test]
fn versions_without_extensions_issue_as_roots_alone() {
    for version in [1, 2] {
        let bare = |builder: CertificateBuilder| {
            [
                BASIC_CONSTRAINTS,
                KEY_USAGE,
                Oid::new("2.5.29.14"),
                Oid::new("2.5.29.35"),
            ]
            .into_iter()
            .fold(builder, CertificateBuilder::without_extension)
            .version(version)
        };
        let root = Authority::root_with("Root", TestKey::P256A, bare);
        let person = root.person("alice@example.com", Profile::of(TestKey::P256B));
        let result = verify(&root.trust(), &person.certificate, Purpose::SignMail, &[]);
        assert_eq!(result.map(|path| path.len()), Ok(2));

        let root = Authority::root("Root", TestKey::P256A);
        let middle = root.intermediate_with("Middle", TestKey::P384A, bare);
        let person = middle.person("alice@example.com", Profile::of(TestKey::P256B));
        let result = verify(
            &root.trust(),
            &person.certificate,
            Purpose::SignMail,
            &person.chain,
        );
        assert_eq!(kind(result), ChainErrorKind::NotACa);
        // Nor as an anchor that another authority has issued.
        let anchors = [middle.certificate().clone()].into_iter().collect();
        let result = verify(&anchors, &person.certificate, Purpose::SignMail, &[]);
        assert_eq!(kind(result), ChainErrorKind::NotACa);
    }
}

#[test]
fn path_length_counts_intermediates_below_that_are_not_self_issued() {
    for (root_length, one_length, expected) in [
        (None, None, Ok(4)),
        (Some(2), Some(1), Ok(4)),
        (Some(1), Some(0), Err(ChainErrorKind::PathTooLong)),
        (Some(2), Some(0), Err(ChainErrorKind::PathTooLong)),
        (Some(1), None, Err(ChainErrorKind::PathTooLong)),
        (Some(0), None, Err(ChainErrorKind::PathTooLong)),
    ] {
        // Anchor, then three intermediates would be needed: two plus the leaf's issuer.
        let root = Authority::root_with("Root", TestKey::P384A, |b| {
            b.basic_constraints(ca(root_length))
        });
        let one = root.intermediate_with("One", TestKey::P256A, |b| {
            b.basic_constraints(ca(one_length))
        });
        let two = one.intermediate("Two", TestKey::P384B);
        let person = two.person("a@example.com", Profile::of(TestKey::P256B));
        let result = verify(
            &root.trust(),
            &person.certificate,
            Purpose::SignMail,
            &person.chain,
        );
        let expected = match (root_length, one_length) {
            (Some(1), Some(0)) => Err(ChainErrorKind::PathTooLong),
            _ => expected,
        };
        assert_eq!(
            result.map(|p| p.len()).map_err(|e| e.kind),
            expected,
            "{root_length:?} {one_length:?}"
        );
    }
    // A key rollover certificate has the issuer's own name and costs nothing.
    let root = Authority::root_with("Root", TestKey::P384A, |b| b.basic_constraints(ca(Some(0))));
    let rolled = root.intermediate("Root", TestKey::P384B);
    assert!(rolled.certificate().is_self_issued());
    let person = rolled.person("a@example.com", Profile::of(TestKey::P256B));
    let result = verify(
        &root.trust(),
        &person.certificate,
        Purpose::SignMail,
        &person.chain,
    );
    assert_eq!(result.unwrap().len(), 3);
}

#[test]
fn an_authority_signs_mail_only_when_its_key_usage_says_so() {
    let (root, middle, _) = three(unchanged, unchanged, unchanged);
    let result = verify(&root.trust(), middle.certificate(), Purpose::SignMail, &[]);
    assert_eq!(kind(result), ChainErrorKind::KeyUsage);
    assert!(
        verify(
            &root.trust(),
            middle.certificate(),
            Purpose::SignCertificates,
            &[]
        )
        .is_ok()
    );
    let (root, _, person) = three(unchanged, unchanged, unchanged);
    let result = verify(
        &root.trust(),
        &person.certificate,
        Purpose::SignCertificates,
        &person.chain,
    );
    assert_eq!(kind(result), ChainErrorKind::KeyUsage);
}
