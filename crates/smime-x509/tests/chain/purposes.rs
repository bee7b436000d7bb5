//! What a certificate is for.

use smime_crypto::AlgorithmPolicy;
use smime_testkit::{Authority, Identity, NOW, Profile, TestKey, Uses};
use smime_x509::{
    ANY_EXTENDED_KEY_USAGE, CertificateBuilder, CertificatePolicy, ChainErrorKind,
    EMAIL_PROTECTION, KeyUsageBit, Presence, Purpose,
};

use crate::{
    Change, EXTENDED_KEY_USAGE, KEY_USAGE, SERVER_AUTH, kind, three, unchanged, verdict, verify,
    verify_with,
};

#[test]
fn the_leaf_needs_the_key_usage_of_the_purpose() {
    use KeyUsageBit::*;
    let root = Authority::root("Root", TestKey::P384A);
    let cases: [(TestKey, &[KeyUsageBit], bool, bool); 11] = [
        (TestKey::Rsa2048A, &[DigitalSignature], true, false),
        (TestKey::Rsa2048A, &[NonRepudiation], true, false),
        (TestKey::Rsa2048A, &[KeyEncipherment], false, true),
        (TestKey::Rsa2048A, &[DataEncipherment], false, false),
        (TestKey::Rsa2048A, &[KeyAgreement], false, false),
        (TestKey::Rsa2048A, &[KeyCertSign, CrlSign], false, false),
        (TestKey::P256A, &[DigitalSignature], true, false),
        (TestKey::P256A, &[KeyEncipherment], false, false),
        (TestKey::P256A, &[KeyAgreement], false, true),
        (
            TestKey::P256A,
            &[DigitalSignature, KeyAgreement],
            true,
            true,
        ),
        (TestKey::P256A, &[], false, false),
    ];
    for (key, usage, signs, encrypts) in cases {
        let person = root.person_with("a@example.com", Profile::of(key), |b| b.key_usage(usage));
        for (purpose, fit) in [(Purpose::SignMail, signs), (Purpose::EncryptMail, encrypts)] {
            let result = verify(&root.trust(), &person.certificate, purpose, &[]);
            let expected = if fit {
                Ok(2)
            } else {
                Err(ChainErrorKind::KeyUsage)
            };
            assert_eq!(
                result.map(|p| p.len()).map_err(|e| e.kind),
                expected,
                "{key:?} {usage:?}"
            );
        }
    }
    for key in [TestKey::Rsa2048A, TestKey::P256A] {
        let bare = |b: CertificateBuilder| {
            b.without_extension(KEY_USAGE)
                .without_extension(EXTENDED_KEY_USAGE)
        };
        let person = root.person_with("a@example.com", Profile::of(key), bare);
        for purpose in [Purpose::SignMail, Purpose::EncryptMail] {
            assert!(verify(&root.trust(), &person.certificate, purpose, &[]).is_ok());
        }
    }
}

#[test]
fn a_signing_certificate_does_not_encrypt_and_the_other_way_round() {
    let root = Authority::root("Root", TestKey::P384A);
    for key in [TestKey::Rsa2048A, TestKey::P256A] {
        let signer = root.person("a@example.com", Profile::of(key).uses(Uses::Sign));
        let recipient = root.person("a@example.com", Profile::of(key).uses(Uses::Encrypt));
        let refused =
            |leaf: &Identity, purpose| kind(verify(&root.trust(), &leaf.certificate, purpose, &[]));
        assert_eq!(
            refused(&signer, Purpose::EncryptMail),
            ChainErrorKind::KeyUsage
        );
        assert_eq!(
            refused(&recipient, Purpose::SignMail),
            ChainErrorKind::KeyUsage
        );
    }
}

#[test]
fn extended_key_usage_counts_for_mail_alone_and_any_stands_for_all() {
    let any: Change = |b| b.extended_key_usage(&[ANY_EXTENDED_KEY_USAGE]);
    let mixed: Change = |b| b.extended_key_usage(&[SERVER_AUTH, EMAIL_PROTECTION]);
    let server: Change = |b| b.extended_key_usage(&[SERVER_AUTH]);
    assert_eq!(verdict(any, any, any, Purpose::SignMail), Ok(3));
    assert_eq!(verdict(mixed, mixed, mixed, Purpose::SignMail), Ok(3));
    assert_eq!(verdict(server, server, server, Purpose::Any), Ok(3));
    assert_eq!(
        verdict(any, server, any, Purpose::SignMail),
        Err(ChainErrorKind::ExtendedKeyUsage)
    );
}

#[test]
fn strict_policy_wants_the_uses_named() {
    let (policy, algorithms) = (CertificatePolicy::strict(), AlgorithmPolicy::standard());
    assert_eq!(policy.key_usage, Presence::Required);
    let cases: [(Change, ChainErrorKind); 3] = [
        (
            |b| b.extended_key_usage(&[ANY_EXTENDED_KEY_USAGE]),
            ChainErrorKind::ExtendedKeyUsage,
        ),
        (|b| b.without_extension(KEY_USAGE), ChainErrorKind::KeyUsage),
        (
            |b| b.without_extension(EXTENDED_KEY_USAGE),
            ChainErrorKind::ExtendedKeyUsage,
        ),
    ];
    for (change, expected) in cases {
        let (root, _, person) = three(unchanged, unchanged, change);
        let result = verify_with(
            &policy,
            &algorithms,
            &root.trust(),
            &person.certificate,
            Purpose::SignMail,
            &person.chain,
            NOW,
        );
        assert_eq!(kind(result), expected);
    }
}
