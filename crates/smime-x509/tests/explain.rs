//! Why a certificate may or may not be used, rule by rule; and that the rules are the verdicts.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;
use smime_crypto::{
    AlgorithmPolicy, DigestAlgorithm, Oid, PublicKey, SignatureScheme, UnixTime, asn1::Writer,
};
use smime_testkit::{DAY, NOW, SeededRandom, TestKey};
use smime_x509::{
    ANY_EXTENDED_KEY_USAGE, AnyExtendedKeyUsage, BasicConstraints, Certificate, CertificateBuilder,
    CertificatePolicy, CertificateUse, EMAIL_PROTECTION, Explainer, Explanation, ImportRefusal,
    ImportRules, KeyUsageBit, Met, Name, NameAttribute, Purpose, check_fitness, check_import,
    check_import_under,
};

use KeyUsageBit::{
    CrlSign, DataEncipherment, DigitalSignature, KeyAgreement, KeyCertSign, KeyEncipherment,
    NonRepudiation,
};

const CLIENT_AUTH: Oid = Oid::new("1.3.6.1.5.5.7.3.2");

/// What a certificate says; `None` for an extension that is not there.
#[derive(Clone, Debug)]
struct Made {
    emails: Option<&'static [&'static str]>,
    usage: Option<Vec<KeyUsageBit>>,
    extended: Option<Vec<Oid>>,
    authority: Option<bool>,
    key: Key,
    valid: (UnixTime, UnixTime),
    critical: bool,
}

#[derive(Clone, Copy, Debug)]
enum Key {
    Rsa,
    Ec,
    Unknown,
}

/// A certificate that keeps every rule of the page and of today's mail.
fn good() -> Made {
    Made {
        emails: Some(&["a@example.com"]),
        usage: Some(vec![DigitalSignature, KeyEncipherment, KeyAgreement]),
        extended: Some(vec![EMAIL_PROTECTION]),
        authority: None,
        key: Key::Rsa,
        valid: (UnixTime(NOW.0 - DAY), UnixTime(NOW.0 + DAY)),
        critical: false,
    }
}

impl Made {
    fn certificate(&self) -> Certificate {
        self.signed(SignatureScheme::Ecdsa(DigestAlgorithm::Sha256))
    }

    fn signed(&self, scheme: SignatureScheme) -> Certificate {
        let name = Name::from_attributes(&[(NameAttribute::CommonName, "A")]);
        let issuer = Name::from_attributes(&[(NameAttribute::CommonName, "CA")]);
        let mut builder =
            CertificateBuilder::new(name, &self.key.public(), self.valid.0, self.valid.1)
                .issuer(issuer);
        if let Some(emails) = self.emails {
            builder = builder.emails(emails);
        }
        if let Some(usage) = &self.usage {
            builder = builder.key_usage(usage);
        }
        if let Some(extended) = &self.extended {
            builder = builder.extended_key_usage(extended);
        }
        if let Some(ca) = self.authority {
            builder = builder.basic_constraints(BasicConstraints {
                ca,
                path_length: None,
            });
        }
        if self.critical {
            builder = builder.extension(Oid::new("1.2.3.4"), true, &[5, 0]);
        }
        let key = TestKey::P256A.private();
        builder.sign(key, scheme, &SeededRandom::new(1)).unwrap()
    }
}

impl Key {
    fn public(self) -> PublicKey {
        match self {
            Self::Rsa => TestKey::Rsa2048A.public(),
            Self::Ec => TestKey::P256B.public(),
            Self::Unknown => {
                let spki = Writer::encode(|w| {
                    w.sequence(|w| {
                        w.sequence(|w| w.oid(Oid::new("1.2.840.10040.4.1")));
                        w.bit_string(&[2, 1, 1]);
                    });
                });
                PublicKey::from_spki(&spki).unwrap()
            }
        }
    }
}

fn explain(certificate: &Certificate, usage: CertificateUse) -> Explanation {
    let explainer = Explainer {
        algorithms: &AlgorithmPolicy::standard(),
        policy: &CertificatePolicy::standard(),
        at: NOW,
    };
    explainer.explain(certificate, usage)
}

/// Returns the rules that are not met, with what was found.
fn broken(explanation: &Explanation) -> Vec<(&'static str, String)> {
    let findings = explanation.findings.iter();
    findings
        .filter_map(|finding| match &finding.met {
            Met::NotMet { found } => Some((finding.rule, found.clone())),
            Met::Met | Met::NotApplicable => None,
        })
        .collect()
}

fn rules(explanation: &Explanation) -> Vec<&'static str> {
    broken(explanation).iter().map(|(rule, _)| *rule).collect()
}

/// The section "Certificate Validation" of the page that the seed's users have.
#[test]
fn the_rows_of_certificate_validation_are_the_rules_of_import() {
    let usage = |bits: &[KeyUsageBit]| Made {
        usage: Some(bits.to_vec()),
        ..good()
    };
    let extended = |usages: &[Oid]| Made {
        extended: Some(usages.to_vec()),
        ..good()
    };
    let emails = |emails| Made { emails, ..good() };
    let bare = |authority| Made {
        emails: None,
        usage: Some(vec![CrlSign]),
        extended: Some(vec![CLIENT_AUTH]),
        key: Key::Unknown,
        authority: Some(authority),
        ..good()
    };
    let everything = [
        "mail.address",
        "mail.key_usage",
        "mail.key_algorithm",
        "mail.extended_key_usage",
    ];
    let rows: &[(&str, Made, &[&str])] = &[
        ("Subject Alternative Name", good(), &[]),
        (
            "at least one email address",
            emails(Some(&["x", "a@example.com"])),
            &[],
        ),
        ("no alternative name", emails(None), &["mail.address"]),
        ("no address in it", emails(Some(&["x"])), &["mail.address"]),
        ("Digital Signature", usage(&[DigitalSignature]), &[]),
        ("Key Encipherment", usage(&[KeyEncipherment]), &[]),
        ("and", usage(&[DigitalSignature, KeyEncipherment]), &[]),
        ("neither", usage(&[]), &["mail.key_usage"]),
        (
            "another",
            usage(&[NonRepudiation, DataEncipherment]),
            &["mail.key_usage"],
        ),
        (
            "agreement with RSA",
            usage(&[KeyAgreement]),
            &["mail.key_usage"],
        ),
        (
            "RSA",
            Made {
                key: Key::Rsa,
                ..good()
            },
            &[],
        ),
        (
            "EC",
            Made {
                key: Key::Ec,
                ..good()
            },
            &[],
        ),
        (
            "DSA",
            Made {
                key: Key::Unknown,
                ..good()
            },
            &["mail.key_algorithm"],
        ),
        (
            "Extended Key Usage is optional",
            Made {
                extended: None,
                ..good()
            },
            &[],
        ),
        (
            "E-mail Protection",
            extended(&[CLIENT_AUTH, EMAIL_PROTECTION]),
            &[],
        ),
        (
            "without it",
            extended(&[CLIENT_AUTH]),
            &["mail.extended_key_usage"],
        ),
        ("CA:TRUE", bare(true), &[]),
        ("CA:FALSE", bare(false), &everything),
        // Beyond the page.
        (
            "key usage absent",
            Made {
                usage: None,
                ..good()
            },
            &[],
        ),
        ("any usage", extended(&[ANY_EXTENDED_KEY_USAGE]), &[]),
        (
            "agreement with EC",
            Made {
                key: Key::Ec,
                ..usage(&[KeyAgreement])
            },
            &[],
        ),
        (
            "expired",
            Made {
                valid: (UnixTime(0), UnixTime(1)),
                ..good()
            },
            &[],
        ),
    ];
    for (row, made, expected) in rows {
        let certificate = made.certificate();
        let explanation = explain(&certificate, CertificateUse::Import);
        assert_eq!(rules(&explanation), *expected, "{row}");
        assert_eq!(explanation.is_met(), expected.is_empty(), "{row}");
        assert_eq!(
            check_import(&certificate.view()).is_ok(),
            expected.is_empty(),
            "{row}"
        );
    }
}

#[test]
fn every_rule_is_judged_and_says_what_was_found() {
    let made = Made {
        emails: None,
        usage: Some(vec![CrlSign, KeyAgreement]),
        extended: Some(vec![CLIENT_AUTH, Oid::new("1.2.3")]),
        key: Key::Unknown,
        valid: (UnixTime(0), UnixTime(86_399)),
        critical: true,
        authority: Some(false),
    };
    let certificate = made.signed(SignatureScheme::Ecdsa(DigestAlgorithm::Sha1));
    let key = "Unknown key of the algorithm 1.2.840.10040.4.1";
    let found = |usage| broken(&explain(&certificate, usage));
    let expected = [
        (
            "mail.validity",
            "valid from 1970-01-01T00:00:00Z until 1970-01-01T23:59:59Z",
        ),
        ("mail.key_usage", "keyAgreement, cRLSign"),
        ("mail.extended_key_usage", "clientAuth, 1.2.3"),
        ("mail.key_algorithm", key),
        ("mail.extensions", "unknown critical extension 1.2.3.4"),
        ("mail.key_permitted", key),
        ("mail.signature_permitted", "signed with ecdsa and sha1"),
        ("mail.address", "no mail address"),
    ];
    let expected = expected.map(|(rule, found)| (rule, found.to_owned()));
    assert_eq!(found(CertificateUse::Sign), expected);
    assert_eq!(found(CertificateUse::Encrypt), expected);
    let anchor = found(CertificateUse::Anchor);
    let authority = "basicConstraints without CA:TRUE".to_owned();
    assert_eq!(anchor[0], ("mail.authority", authority));
    assert_eq!(anchor.len(), 8);
}

#[test]
fn signing_encrypting_and_being_an_anchor_are_told_apart() {
    let made = |usage: &[KeyUsageBit], key| Made {
        usage: Some(usage.to_vec()),
        key,
        ..good()
    };
    let authority = Made {
        authority: Some(true),
        ..made(&[KeyCertSign], Key::Ec)
    };
    for (made, sign, encrypt, anchor) in [
        (good(), true, true, false),
        (made(&[DigitalSignature], Key::Rsa), true, false, false),
        (made(&[NonRepudiation], Key::Rsa), true, false, false),
        (made(&[KeyEncipherment], Key::Rsa), false, true, false),
        (made(&[KeyEncipherment], Key::Ec), false, false, false),
        (made(&[KeyAgreement], Key::Ec), false, true, false),
        (made(&[KeyAgreement], Key::Rsa), false, false, false),
        (
            Made {
                usage: None,
                ..good()
            },
            true,
            true,
            false,
        ),
        (authority.clone(), false, false, true),
        (
            Made {
                usage: Some(vec![CrlSign]),
                ..authority.clone()
            },
            false,
            false,
            false,
        ),
        (
            Made {
                extended: Some(vec![CLIENT_AUTH]),
                ..authority.clone()
            },
            false,
            false,
            false,
        ),
        (
            Made {
                authority: Some(false),
                ..authority
            },
            false,
            false,
            false,
        ),
    ] {
        let certificate = made.certificate();
        let met = |usage| explain(&certificate, usage).is_met();
        assert_eq!(met(CertificateUse::Sign), sign, "{made:?}");
        assert_eq!(met(CertificateUse::Encrypt), encrypt, "{made:?}");
        assert_eq!(met(CertificateUse::Anchor), anchor, "{made:?}");
    }
}

#[test]
fn a_strict_policy_asks_for_the_extensions() {
    let explainer = Explainer {
        algorithms: &AlgorithmPolicy::strict(),
        policy: &CertificatePolicy::strict(),
        at: NOW,
    };
    let bare = Made {
        usage: None,
        extended: None,
        ..good()
    };
    for usage in [CertificateUse::Sign, CertificateUse::Encrypt] {
        let explanation = explainer.explain(&bare.certificate(), usage);
        let expected = ["mail.key_usage", "mail.extended_key_usage"];
        assert_eq!(rules(&explanation), expected);
        assert!(explainer.explain(&good().certificate(), usage).is_met());
        assert!(explain(&bare.certificate(), usage).is_met());
    }
}

#[test]
fn the_policy_decides_whether_any_usage_is_that_of_mail_and_the_explanation_says_which() {
    let rule = |policy: &CertificatePolicy, extended: &[Oid], usage| {
        let explainer = Explainer {
            algorithms: &AlgorithmPolicy::standard(),
            policy,
            at: NOW,
        };
        let certificate = Made {
            extended: Some(extended.to_vec()),
            authority: (usage == CertificateUse::Anchor).then_some(true),
            usage: (usage != CertificateUse::Anchor).then(|| good().usage.unwrap()),
            ..good()
        };
        let explanation = explainer.explain(&certificate.certificate(), usage);
        let mut findings = explanation.findings.iter();
        let any = findings.find(|it| it.rule == "mail.any_extended_key_usage");
        (any.unwrap().met.name(), explanation.is_met())
    };
    let (counts, ignored) = (CertificatePolicy::standard(), CertificatePolicy::strict());
    let ignored = CertificatePolicy {
        key_usage: counts.key_usage,
        ..ignored
    };
    for usage in CertificateUse::ALL {
        let any = &[ANY_EXTENDED_KEY_USAGE, CLIENT_AUTH];
        assert_eq!(rule(&counts, any, usage), ("met", true), "{usage}");
        assert_eq!(rule(&ignored, any, usage), ("not_met", false), "{usage}");
        let both = &[ANY_EXTENDED_KEY_USAGE, EMAIL_PROTECTION];
        for policy in [&counts, &ignored] {
            assert_eq!(rule(policy, both, usage), ("not_applicable", true));
            let other = rule(policy, &[CLIENT_AUTH], usage);
            assert_eq!(other, ("not_applicable", false));
        }
    }
    let any = Made {
        extended: Some(vec![ANY_EXTENDED_KEY_USAGE]),
        ..good()
    };
    let (any, named) = (any.certificate(), good().certificate());
    let ignored = ImportRules {
        any_extended_key_usage: AnyExtendedKeyUsage::Ignored,
        ..ImportRules::STANDARD
    };
    let refused = Err(ImportRefusal::ExtendedKeyUsage);
    assert_eq!(check_import_under(&any.view(), ignored), refused);
    assert_eq!(check_import_under(&named.view(), ignored), Ok(()));
    assert_eq!(check_import(&any.view()), Ok(()));
}

/// The rules that [`check_fitness`] does not know: those of the policies, and of mail alone.
const BEYOND_FITNESS: [&str; 3] = [
    "mail.key_permitted",
    "mail.signature_permitted",
    "mail.address",
];

fn mades() -> impl Strategy<Value = Made> {
    let bits = proptest::sample::subsequence(KeyUsageBit::ALL.to_vec(), 0..=4);
    let usages = [EMAIL_PROTECTION, ANY_EXTENDED_KEY_USAGE, CLIENT_AUTH].to_vec();
    let usages = proptest::sample::subsequence(usages, 1..=3);
    let emails: [&'static [&'static str]; 3] = [&["a@example.com"], &["x"], &["x", "b@a.org"]];
    (
        proptest::option::weighted(0.8, proptest::sample::select(emails.to_vec())),
        proptest::option::weighted(0.8, bits),
        proptest::option::weighted(0.6, usages),
        proptest::option::weighted(0.5, any::<bool>()),
        prop_oneof![Just(Key::Rsa), Just(Key::Ec), Just(Key::Unknown)],
        -2_i64..=2,
        proptest::bool::weighted(0.1),
    )
        .prop_map(
            |(emails, usage, extended, authority, key, days, critical)| Made {
                emails,
                usage,
                extended,
                authority,
                key,
                valid: (
                    UnixTime(NOW.0 + (days - 1) * DAY),
                    UnixTime(NOW.0 + (days + 1) * DAY),
                ),
                critical,
            },
        )
}

proptest! {
    #[test]
    fn explanations_and_verdicts_agree(made in mades()) {
        let certificate = made.certificate();
        let import = explain(&certificate, CertificateUse::Import);
        let refusal = check_import(&certificate.view()).err().map(|refusal| match refusal {
            ImportRefusal::NoEmail => "mail.address",
            ImportRefusal::KeyUsage => "mail.key_usage",
            ImportRefusal::KeyAlgorithm => "mail.key_algorithm",
            ImportRefusal::ExtendedKeyUsage => "mail.extended_key_usage",
        });
        prop_assert_eq!(rules(&import).first().copied(), refusal);
        for (usage, purpose) in [
            (CertificateUse::Sign, Purpose::SignMail),
            (CertificateUse::Encrypt, Purpose::EncryptMail),
            (CertificateUse::Anchor, Purpose::SignCertificates),
        ] {
            let explanation = explain(&certificate, usage);
            let mut broken = rules(&explanation);
            broken.retain(|rule| !BEYOND_FITNESS.contains(rule));
            if usage == CertificateUse::Anchor {
                // What mail asks of an issuer, the chain checks.
                broken.retain(|rule| *rule != "mail.extended_key_usage");
            }
            let fit = check_fitness(&certificate, purpose, NOW).is_ok();
            prop_assert_eq!(broken.is_empty(), fit, "{:?}", explanation);
        }
    }
}
