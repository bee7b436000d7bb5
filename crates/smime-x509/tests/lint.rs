//! Certificates that keep every rule, and what one change to them is called.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "lint/authority.rs"]
mod authority;
#[path = "lint/encoding.rs"]
mod encoding;
#[path = "lint/keys.rs"]
mod keys;
#[path = "lint/names.rs"]
mod names;
#[path = "lint/profiles.rs"]
mod profiles;

use smime_crypto::{
    DigestAlgorithm, Oid, PublicKey, SignatureScheme, UnixTime,
    asn1::{Tag, Writer},
};
use smime_testkit::{SeededRandom, TestKey, flips};
use smime_x509::{
    Certificate, CertificateBuilder, EMAIL_PROTECTION, KeyUsageBit, LintFinding, LintProfile, Name,
    ProfileGeneration, Severity, Validation, lint,
};

use Validation::{Individual, Mailbox, Organization, Sponsor};

const ADDRESS: &str = "a@example.com";
const COMMON_NAME: &str = "2.5.4.3";
const SURNAME: &str = "2.5.4.4";
const COUNTRY: &str = "2.5.4.6";
const SERIAL: &str = "2.5.4.5";
const LOCALITY: &str = "2.5.4.7";
const STATE: &str = "2.5.4.8";
const STREET: &str = "2.5.4.9";
const ORGANIZATION: &str = "2.5.4.10";
const UNIT: &str = "2.5.4.11";
const TITLE: &str = "2.5.4.12";
const POSTAL_CODE: &str = "2.5.4.17";
const PSEUDONYM: &str = "2.5.4.65";
const ORGANIZATION_ID: &str = "2.5.4.97";
const EMAIL: &str = "1.2.840.113549.1.9.1";

const SAN: Oid = Oid::new("2.5.29.17");
const BASIC: Oid = Oid::new("2.5.29.19");
const CRL: Oid = Oid::new("2.5.29.31");
const POLICIES: Oid = Oid::new("2.5.29.32");
const AKI: Oid = Oid::new("2.5.29.35");
const SKI: Oid = Oid::new("2.5.29.14");
const KU: Oid = Oid::new("2.5.29.15");
const EKU: Oid = Oid::new("2.5.29.37");
const AIA: Oid = Oid::new("1.3.6.1.5.5.7.1.1");
const CAPABILITIES: Oid = Oid::new("1.2.840.113549.1.9.15");
const LEI: Oid = Oid::new("1.3.6.1.4.1.52266.1");
const CA_ISSUERS: Oid = Oid::new("1.3.6.1.5.5.7.48.2");
const CPS: &str = "1.3.6.1.5.5.7.2.1";
const USER_NOTICE: &str = "1.3.6.1.5.5.7.2.2";
const SERVER_AUTH: Oid = Oid::new("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTH: Oid = Oid::new("1.3.6.1.5.5.7.3.2");

/// 2026-01-01.
const START: UnixTime = UnixTime(1_767_225_600);
/// 2024-01-01, when the legacy generation was still issued.
const LEGACY: UnixTime = UnixTime(1_704_067_200);
const DAY: i64 = 86_400;

type Attributes<'a> = &'a [(&'a str, &'a str)];

fn name(attributes: Attributes<'_>) -> Name {
    let der = Writer::encode(|w| {
        w.sequence(|w| {
            for (attribute, value) in attributes {
                let tag = match *attribute {
                    COUNTRY => Tag::PRINTABLE_STRING,
                    EMAIL => Tag::IA5_STRING,
                    _ => Tag::UTF8_STRING,
                };
                w.constructed(Tag::SET, |w| {
                    w.sequence(|w| {
                        w.oid(Oid::new(attribute));
                        w.element(tag, value.as_bytes());
                    });
                });
            }
        });
    });
    Name::from_der(&der).unwrap()
}

fn subject(validation: Validation) -> Attributes<'static> {
    match validation {
        Mailbox => &[(COMMON_NAME, ADDRESS)],
        Organization => &[
            (COUNTRY, "DE"),
            (ORGANIZATION, "A"),
            (ORGANIZATION_ID, "NTRDE-1"),
            (COMMON_NAME, "A"),
        ],
        Sponsor => &[
            (COUNTRY, "DE"),
            (ORGANIZATION, "A"),
            (ORGANIZATION_ID, "NTRDE-1"),
            (SURNAME, "B"),
        ],
        Individual => &[(COUNTRY, "DE"), (SURNAME, "B"), (COMMON_NAME, "C B")],
    }
}

fn policies(of: &[&str]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            for policy in of {
                w.sequence(|w| w.oid(Oid::new(policy)));
            }
        });
    })
}

/// A distribution point for each URI.
fn points(uris: &[&str]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            for uri in uris {
                w.sequence(|w| {
                    w.constructed(Tag::context_constructed(0), |w| {
                        w.constructed(Tag::context_constructed(0), |w| {
                            w.element(Tag(0x86), uri.as_bytes());
                        });
                    });
                });
            }
        });
    })
}

fn access(uris: &[&str]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            for uri in uris {
                w.sequence(|w| {
                    w.oid(CA_ISSUERS);
                    w.element(Tag(0x86), uri.as_bytes());
                });
            }
        });
    })
}

/// A subjectAltName of the address and another name.
fn names_with(other: impl FnOnce(&mut Writer)) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.element(Tag(0x81), ADDRESS.as_bytes());
            other(w);
        });
    })
}

fn directory_name(attributes: Attributes<'_>) -> Vec<u8> {
    names_with(|w| {
        w.constructed(Tag::context_constructed(4), |w| {
            w.raw(name(attributes).der());
        });
    })
}

fn other_name() -> Vec<u8> {
    names_with(|w| {
        w.constructed(Tag::context_constructed(0), |w| {
            w.oid(Oid::new("1.2.3"));
            w.constructed(Tag::context_constructed(0), |w| w.null());
        });
    })
}

/// The policy of strict mailboxes with one qualifier.
fn qualified(kind: &str, qualifier: impl FnOnce(&mut Writer)) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                w.oid(Oid::new("2.23.140.1.5.1.3"));
                w.sequence(|w| {
                    w.sequence(|w| {
                        w.oid(Oid::new(kind));
                        qualifier(w);
                    });
                });
            });
        });
    })
}

fn statement(uri: &str) -> Vec<u8> {
    qualified(CPS, |w| w.element(Tag::IA5_STRING, uri.as_bytes()))
}

fn builder(subject: Attributes<'_>, validation: u8, generation: u8) -> CertificateBuilder {
    of_key(&TestKey::P256A.public(), subject, validation, generation)
}

/// A certificate that keeps every rule of a profile, if its subject does.
fn of_key(
    key: &PublicKey,
    subject: Attributes<'_>,
    validation: u8,
    generation: u8,
) -> CertificateBuilder {
    let policy = format!("2.23.140.1.5.{validation}.{generation}");
    let end = UnixTime(START.0 + 365 * DAY);
    CertificateBuilder::new(name(subject), key, START, end)
        .issuer(name(&[(COMMON_NAME, "CA")]))
        .identify_key(key)
        .authority_key_id(&[1])
        .emails(&[ADDRESS])
        .key_usage(&[KeyUsageBit::DigitalSignature])
        .extended_key_usage(&[EMAIL_PROTECTION])
        .extension(POLICIES, false, &policies(&[&policy]))
        .extension(CRL, false, &points(&["http://example.com/crl"]))
        .extension(AIA, false, &access(&["http://example.com/ca"]))
        .serial(&[1; 16])
}

fn sign(builder: CertificateBuilder) -> Certificate {
    sign_with(builder, DigestAlgorithm::Sha256)
}

fn sign_with(builder: CertificateBuilder, digest: DigestAlgorithm) -> Certificate {
    let (key, random) = (TestKey::P256B.private(), SeededRandom::new(1));
    let scheme = SignatureScheme::Ecdsa(digest);
    builder.sign(key, scheme, &random).unwrap()
}

fn found(certificate: &Certificate) -> Vec<LintFinding> {
    let view = certificate.view();
    lint(&view, LintProfile::of(&view))
}

fn codes(certificate: &Certificate) -> Vec<&'static str> {
    found(certificate).iter().map(|it| it.code).collect()
}

#[test]
fn certificates_that_keep_the_rules_have_no_findings() {
    for (number, validation) in (1..).zip(Validation::ALL) {
        for (generation, named) in [
            (2, ProfileGeneration::Multipurpose),
            (3, ProfileGeneration::Strict),
        ] {
            let certificate = sign(builder(subject(validation), number, generation));
            let profile = LintProfile::of(&certificate.view());
            assert_eq!(profile, LintProfile::Subscriber(validation, named));
            assert_eq!(found(&certificate), [], "{profile}");
        }
    }
}

#[test]
fn one_change_to_a_strict_mailbox_is_one_finding() {
    type Change = fn(CertificateBuilder) -> CertificateBuilder;
    let changes: &[(Change, &[&str])] = &[
        (|b| b.without_extension(CRL), &["smime_br.crl.presence"]),
        (
            |b| b.extension(CRL, false, &points(&["http://a.org", "ldap://a.org"])),
            &["smime_br.crl.http.only"],
        ),
        (
            |b| b.extension(AIA, false, &access(&["https://a.org"])),
            &[
                "pkix.authority_info_access.location",
                "smime_br.aia.http.only",
            ],
        ),
        (
            |b| b.extension(AIA, false, &access(&["http://ca.local/x"])),
            &["smime_br.aia.internal_name"],
        ),
        (|b| b.without_extension(AIA), &["smime_br.aia.presence"]),
        (
            |b| {
                let ocsp = Writer::encode(|w| {
                    w.sequence(|w| {
                        w.sequence(|w| {
                            w.oid(Oid::new("1.3.6.1.5.5.7.48.1"));
                            w.element(Tag(0x86), b"http://a.org");
                        });
                    });
                });
                b.extension(AIA, false, &ocsp)
            },
            &["smime_br.aia.ca_issuers"],
        ),
        (
            |b| {
                // A distribution point that names an issuer of CRLs and no place.
                let issuer = Writer::encode(|w| {
                    w.sequence(|w| {
                        w.sequence(|w| {
                            w.constructed(Tag::context_constructed(2), |w| {
                                w.element(Tag(0x86), b"http://a.org");
                            });
                        });
                    });
                });
                b.extension(CRL, false, &issuer)
            },
            &["smime_br.crl.http.some"],
        ),
        (
            |b| b.without_extension(AKI),
            &[
                "pkix.authority_key_id.missing",
                "smime_br.authority_key_id.presence",
            ],
        ),
        (
            |b| b.without_extension(SKI),
            &["pkix.subject_key_id.missing"],
        ),
        (
            |b| b.extended_key_usage(&[EMAIL_PROTECTION, CLIENT_AUTH]),
            &["smime_br.extended_key_usage.strict"],
        ),
        (
            |b| b.without_extension(EKU),
            &["smime_br.extended_key_usage.strict"],
        ),
        (
            |b| b.without_extension(KU),
            &["smime_br.key_usage.presence"],
        ),
        (
            |b| b.key_usage(&[KeyUsageBit::DigitalSignature, KeyUsageBit::CrlSign]),
            &["smime_br.key_usage.ec"],
        ),
        (
            |b| b.emails(&[ADDRESS, "x"]),
            &["pkix.subject_alt_name.address"],
        ),
        (
            |b| {
                let names = names_with(|w| w.element(Tag(0x82), b"example.com"));
                b.extension(SAN, false, &names)
            },
            &["smime_br.san.other_name"],
        ),
        (
            |b| b.extension(SAN, false, &other_name()),
            &["smime_br.san.other_name"],
        ),
        (
            |b| b.extension(SAN, false, &directory_name(&[(COMMON_NAME, ADDRESS)])),
            &[],
        ),
        (
            |b| b.extension(SAN, false, &directory_name(&[(EMAIL, "b@example.com")])),
            &["smime_br.subject.address_not_in_san"],
        ),
        (
            |b| b.extension(SAN, false, &directory_name(&[(ORGANIZATION, "A")])),
            &["smime_br.subject.mailbox_only"],
        ),
        (
            |b| b.extension(CAPABILITIES, true, &[0x30, 3, 0x30, 1, 5]),
            &["smime_br.smime_capabilities.criticality"],
        ),
        (|b| b.valid(START, UnixTime(START.0 + 825 * DAY - 1)), &[]),
        (
            |b| b.valid(START, UnixTime(START.0 + 825 * DAY)),
            &["smime_br.validity.length"],
        ),
        (
            |b| b.valid(START, UnixTime(START.0 - 1)),
            &["pkix.validity.order"],
        ),
        (
            |b| b.serial(&[0]),
            &["pkix.serial.not_positive", "smime_br.serial.entropy"],
        ),
        (|b| b.serial(&[1; 6]), &["smime_br.serial.entropy"]),
        (|b| b.serial(&[1; 8]), &[]),
        (|b| b.serial(&[1; 21]), &["pkix.serial.length"]),
        (|b| b.serial(&[1; 20]), &[]),
        (
            |b| b.extension(Oid::new("2.5.29.9"), false, &[0x30, 1, 5]),
            &["smime_br.subject_directory_attributes"],
        ),
        (
            |b| b.extension(Oid::new("1.2.840.113583.1.1.9.1"), false, &[5, 0]),
            &["smime_br.adobe.presence"],
        ),
        (
            |b| b.extension(LEI, false, &[5, 0]),
            &["smime_br.lei.presence"],
        ),
        (
            |b| {
                b.extension(
                    POLICIES,
                    false,
                    &policies(&["2.23.140.1.5.1.3", "2.23.140.1.5.2.3"]),
                )
            },
            &["smime_br.policy.exactly_one"],
        ),
        (
            |b| {
                b.extension(
                    POLICIES,
                    false,
                    &policies(&["1.2.3", "2.23.140.1.5.1.3", "1.2.3"]),
                )
            },
            &["pkix.policies.duplicate"],
        ),
        (
            |b| {
                let any = policies(&["2.23.140.1.5.1.3", "2.5.29.32.0"]);
                b.extension(POLICIES, false, &any)
            },
            &["smime_br.policy.any_policy"],
        ),
        (
            |b| b.extension(POLICIES, true, &policies(&["2.23.140.1.5.1.3"])),
            &["smime_br.policy.criticality"],
        ),
        (
            |b| b.extension(POLICIES, false, &statement("https://a.org")),
            &[],
        ),
        (
            |b| b.extension(POLICIES, false, &statement("ldap://a.org")),
            &["smime_br.policy.qualifier"],
        ),
        (
            |b| b.extension(POLICIES, false, &qualified(CPS, |w| w.null())),
            &["smime_br.policy.qualifier"],
        ),
        (
            |b| {
                let text = |w: &mut Writer| {
                    w.sequence(|w| w.element(Tag::UTF8_STRING, b"read this"));
                };
                b.extension(POLICIES, false, &qualified(USER_NOTICE, text))
            },
            &[],
        ),
        (
            |b| {
                let none = |w: &mut Writer| w.sequence(|_| ());
                b.extension(POLICIES, false, &qualified(USER_NOTICE, none))
            },
            &["smime_br.policy.qualifier"],
        ),
        (
            |b| {
                let reference = |w: &mut Writer| {
                    w.sequence(|w| {
                        w.sequence(|_| ());
                        w.element(Tag::UTF8_STRING, b"read this");
                    });
                };
                b.extension(POLICIES, false, &qualified(USER_NOTICE, reference))
            },
            &[
                "pkix.policies.notice_reference",
                "smime_br.policy.qualifier",
            ],
        ),
        (
            |b| b.extension(POLICIES, false, &policies(&["1.2.3"])),
            &["smime_br.policy.exactly_one"],
        ),
    ];
    for (case, (change, expected)) in changes.iter().enumerate() {
        let certificate = sign(change(builder(subject(Mailbox), 1, 3)));
        assert_eq!(codes(&certificate), *expected, "case {case}");
    }
}

#[test]
fn rules_bind_what_was_issued_since_they_are_in_force() {
    let day = |year, month, day| UnixTime::from_civil(year, month, day, [0; 3]).unwrap();
    let bare = |from: UnixTime, generation| {
        let end = UnixTime(from.0 + DAY);
        let made = builder(subject(Mailbox), 1, generation).without_extension(CRL);
        codes(&sign(made.valid(from, end)))
    };
    assert_eq!(bare(day(2023, 8, 31), 3), [""; 0]);
    assert_eq!(bare(day(2023, 9, 1), 3), ["smime_br.crl.presence"]);
    assert_eq!(bare(day(2025, 7, 14), 1), ["smime_br.crl.presence"]);
    let retired = ["smime_br.policy.legacy_retired", "smime_br.crl.presence"];
    assert_eq!(bare(day(2025, 7, 15), 1), retired);
}

#[test]
fn a_should_is_a_warning_and_a_shall_an_error() {
    let usage = Writer::encode(|w| w.element(Tag::BIT_STRING, &[7, 0x80]));
    let certificate = sign(builder(subject(Mailbox), 1, 3).extension(KU, false, &usage));
    let findings = found(&certificate);
    assert_eq!(findings.len(), 2, "of RFC 5280 and of the S/MIME BR");
    assert!(findings.iter().all(|it| it.severity == Severity::Warning));
    let certificate = sign(builder(subject(Mailbox), 1, 3).without_extension(KU));
    assert!(
        found(&certificate)
            .iter()
            .all(|it| it.severity == Severity::Error)
    );
}

#[test]
fn no_damage_makes_a_rule_panic_or_print_a_control_character() {
    let certificate = sign(builder(subject(Sponsor), 3, 2));
    let mut read = 0;
    for (at, damaged) in flips(certificate.der()) {
        let Ok(certificate) = Certificate::from_der(&damaged) else {
            continue;
        };
        read += 1;
        for profile in LintProfile::all() {
            for finding in lint(&certificate.view(), profile) {
                assert!(!finding.detail.chars().any(char::is_control), "byte {at}");
            }
        }
    }
    assert!(read > 100);
}
