//! Authorities for mail.

use smime_crypto::{Oid, PublicKey, asn1::Writer};
use smime_testkit::TestKey;
use smime_x509::{
    BasicConstraints, CertificateBuilder, EMAIL_PROTECTION, KeyUsageBit, LintProfile,
};

use crate::{
    AIA, AKI, Attributes, BASIC, COMMON_NAME, COUNTRY, CRL, EKU, ORGANIZATION, POLICIES, SAN,
    SERVER_AUTH, SKI, codes,
    keys::{F4, below_power_of_two, rsa},
    of_key, points, policies, sign, statement,
};

#[test]
fn authorities_for_mail_are_judged_by_their_own_rules() {
    let authority = || authority_of(&TestKey::P256A.public());
    type Change = fn(CertificateBuilder) -> CertificateBuilder;
    let changes: &[(Change, &[&str])] = &[
        (|b| b, &[]),
        (
            |b| b.extended_key_usage(&[EMAIL_PROTECTION, SERVER_AUTH]),
            &["smime_br.ca.extended_key_usage"],
        ),
        (|b| b.without_extension(POLICIES), &["smime_br.ca.policies"]),
        (|b| b.without_extension(CRL), &["smime_br.ca.crl"]),
        (
            |b| b.extension(CRL, false, &points(&["ldap://a.org"])),
            &["smime_br.ca.crl_http"],
        ),
        (
            |b| b.extension(CRL, true, &points(&["http://a.org"])),
            &[
                "pkix.crl_distribution_points.criticality",
                "smime_br.ca.crl_criticality",
            ],
        ),
        (
            |b| b.extension(POLICIES, false, &policies(&["1.2.3"])),
            &["smime_br.ca.policy_identifiers"],
        ),
        (
            |b| b.extension(POLICIES, false, &policies(&["2.5.29.32.0"])),
            &[],
        ),
        (
            |b| b.extension(POLICIES, true, &policies(&["2.5.29.32.0"])),
            &["smime_br.ca.policy_criticality"],
        ),
        (
            |b| b.extension(POLICIES, false, &statement("ldap://a.org")),
            &["smime_br.ca.policy_qualifier"],
        ),
        (|b| b.without_extension(AIA), &["smime_br.ca.aia"]),
        (
            |b| b.without_extension(AKI),
            &[
                "pkix.authority_key_id.missing",
                "smime_br.ca.authority_key_id",
            ],
        ),
        (
            |b| b.key_usage(&[KeyUsageBit::KeyCertSign]),
            &["smime_br.ca.key_usage"],
        ),
        (
            |b| b.extension(EKU, true, &USAGE_OF_MAIL),
            &["smime_br.ca.extended_key_usage_criticality"],
        ),
        (|b| b.extended_key_usage(&[SERVER_AUTH]), &[]),
        (
            |b| b.key_usage(&[KeyUsageBit::CrlSign]),
            &[
                "pkix.key_usage.ca_cert_sign",
                "pkix.basic_constraints.path_length",
                "smime_br.ca.key_usage",
            ],
        ),
        (
            |b| b.without_extension(SKI),
            &["pkix.subject_key_id.ca_missing"],
        ),
        (
            |b| b.extension(BASIC, false, &[0x30, 3, 1, 1, 0xff]),
            &["pkix.basic_constraints.criticality"],
        ),
    ];
    for (case, (change, expected)) in changes.iter().enumerate() {
        let certificate = sign(change(authority()));
        assert_eq!(LintProfile::of(&certificate.view()), LintProfile::Authority);
        assert_eq!(codes(&certificate), *expected, "case {case}");
    }
    for (subject, expected) in [
        (&AUTHORITY[..2], "smime_br.ca.subject"),
        (
            &[AUTHORITY[0], AUTHORITY[1], (COUNTRY, "ZZ")],
            "smime_br.ca.country",
        ),
    ] {
        let key = TestKey::P256A.public();
        let usage = [KeyUsageBit::KeyCertSign, KeyUsageBit::CrlSign];
        let ca = BasicConstraints {
            ca: true,
            path_length: None,
        };
        let made = of_key(&key, subject, 1, 3).without_extension(SAN);
        let made = sign(made.basic_constraints(ca).key_usage(&usage));
        assert_eq!(codes(&made), [expected]);
    }
}

#[test]
fn keys_of_authorities_for_mail_are_judged_and_those_of_other_authorities_are_not() {
    let good = below_power_of_two(2048, 23);
    for (key, expected) in [
        (rsa(&good, F4), &[][..]),
        (TestKey::P384A.public(), &[]),
        (rsa(&below_power_of_two(1024, 17), F4), &["smime_br.ca.key"]),
        (other_key("1.3.132.0.10"), &["smime_br.ca.key"]),
        (other_key("1.3.132.0.33"), &["smime_br.ca.key"]),
        (
            rsa(&good, &[1]),
            &["pkix.key.rsa_exponent", "smime_br.ca.rsa_exponent"],
        ),
        (rsa(&good, &[3]), &["smime_br.ca.rsa_exponent_range"]),
        (rsa(&[0xff; 256], F4), &["smime_br.ca.rsa_modulus"]),
    ] {
        let made = authority_of(&key);
        assert_eq!(codes(&sign(made)), expected, "{:?}", key.kind());
        let other = authority_of(&key).extended_key_usage(&[SERVER_AUTH]);
        let others = expected.iter().filter(|code| code.starts_with("pkix."));
        assert!(codes(&sign(other)).iter().eq(others), "{:?}", key.kind());
    }
}

/// An authority for mail that keeps every rule, if its key does.
fn authority_of(key: &PublicKey) -> CertificateBuilder {
    let ca = BasicConstraints {
        ca: true,
        path_length: Some(0),
    };
    of_key(key, AUTHORITY, 1, 3)
        .without_extension(SAN)
        .basic_constraints(ca)
        .key_usage(&[KeyUsageBit::KeyCertSign, KeyUsageBit::CrlSign])
}

/// A key on the curve of this name.
fn other_key(curve: &str) -> PublicKey {
    let spki = Writer::encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                w.oid(Oid::new("1.2.840.10045.2.1"));
                w.oid(Oid::new(curve));
            });
            w.bit_string(&[4; 65]);
        });
    });
    PublicKey::from_spki(&spki).unwrap()
}

const AUTHORITY: Attributes<'static> =
    &[(COMMON_NAME, "Sub"), (ORGANIZATION, "A"), (COUNTRY, "DE")];

/// extKeyUsage of emailProtection.
const USAGE_OF_MAIL: [u8; 12] = [0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 4];
