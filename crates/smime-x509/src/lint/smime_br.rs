use smime_crypto::{Oid, asn1::Reader};

use crate::{
    DistributionPoint, DistributionPointName, GeneralName,
    lint::{
        LintProfile, ProfileGeneration, Validation,
        certificate::Linted,
        rule::{Issued, Rule, Scope, quoted},
    },
    oid,
};

/// S/MIME BR 6.3.2, 7.1.2.2, 7.1.2.3 and 7.1.6: everything but the key and the subject.
pub(super) const RULES: &[Rule] = &[
    Rule::smime_br("smime_br.validity.length", "S/MIME BR 6.3.2", |it| {
        let longest = match it.profile {
            LintProfile::Subscriber(_, ProfileGeneration::Legacy) => 1185,
            _ => 825,
        };
        let (from, until) = (it.certificate.not_before(), it.certificate.not_after());
        // Both ends are inclusive, so the last second counts.
        let seconds = until.0.saturating_sub(from.0).saturating_add(1);
        (seconds > longest * DAY).then(|| format!("{} days, more than {longest}", seconds / DAY))
    }),
    Rule::smime_br("smime_br.signature.sha1", "S/MIME BR 7.1.3.2", |it| {
        let algorithm = it.certificate.signature_algorithm();
        let mut identifier = Reader::new(algorithm).sequence("signature").ok()?;
        let weak = SHA1_SIGNATURES.contains(&identifier.oid().ok()?);
        weak.then(|| "signed with SHA-1".to_owned())
    }),
    Rule::smime_br("smime_br.policy.exactly_one", "S/MIME BR 7.1.6.1", |it| {
        let policies = it.policies();
        let count = policies
            .filter(|policy| LintProfile::of_policy(*policy).is_some())
            .count();
        (count != 1).then(|| format!("{count} policies of the S/MIME BR, not one"))
    })
    .of(Scope::Mail),
    Rule::smime_br(
        "smime_br.policy.legacy_retired",
        "S/MIME BR 7.1.6.1",
        |it| Some(format!("issued under {}", it.profile)),
    )
    .of(Scope::generations(&[ProfileGeneration::Legacy]))
    .issued(Issued::since((2025, 7, 15))),
    Rule::smime_br("smime_br.crl.presence", "S/MIME BR 7.1.2.3 (b)", |it| {
        let absent = it.certificate.crl_distribution_points().is_none();
        absent.then(|| "no cRLDistributionPoints".to_owned())
    }),
    Rule::smime_br("smime_br.crl.http.some", "S/MIME BR 7.1.2.3 (b)", |it| {
        it.certificate.crl_distribution_points()?;
        let http = points(it).any(|names| names.iter().any(is_http));
        (!http).then(|| "no CRL is to be had by HTTP".to_owned())
    })
    .of(Scope::generations(&[ProfileGeneration::Legacy])),
    Rule::smime_br("smime_br.crl.http.only", "S/MIME BR 7.1.2.3 (b)", |it| {
        points(it)
            .flatten()
            .find(|name| !is_http(name))
            .map(|name| location(&name))
    })
    .of(Scope::generations(&[
        ProfileGeneration::Multipurpose,
        ProfileGeneration::Strict,
    ])),
    Rule::smime_br("smime_br.aia.http.some", "S/MIME BR 7.1.2.3 (c)", |it| {
        let without_http = |method: &Oid| {
            let mut places = it.access().filter(|access| access.method == *method);
            let first = places.next()?;
            let http = is_http(&first.location) || places.any(|it| is_http(&it.location));
            (!http).then(|| location(&first.location))
        };
        [oid::OCSP, oid::CA_ISSUERS].iter().find_map(without_http)
    })
    .of(Scope::generations(&[ProfileGeneration::Legacy])),
    Rule::smime_br("smime_br.aia.http.only", "S/MIME BR 7.1.2.3 (c)", |it| {
        it.access()
            .filter(|access| [oid::OCSP, oid::CA_ISSUERS].contains(&access.method))
            .find(|access| !is_http(&access.location))
            .map(|access| location(&access.location))
    })
    .of(Scope::generations(&[
        ProfileGeneration::Multipurpose,
        ProfileGeneration::Strict,
    ])),
    Rule::smime_br(
        "smime_br.aia.internal_name",
        "S/MIME BR 7.1.2.3 (c)",
        |it| {
            it.access()
                .find(|access| http_host(&access.location).is_some_and(is_internal))
                .map(|access| location(&access.location))
        },
    )
    .should(),
    Rule::smime_br(
        "smime_br.basic_constraints",
        "S/MIME BR 7.1.2.3 (d)",
        |it| {
            let authority = it.certificate.is_ca();
            authority.then(|| "a subscriber that is an authority".to_owned())
        },
    ),
    Rule::smime_br(
        "smime_br.extended_key_usage",
        "S/MIME BR 7.1.2.3 (f)",
        |it| foreign_usage(it).or_else(|| no_email_protection(it)),
    )
    .of(Scope::generations(&[
        ProfileGeneration::Legacy,
        ProfileGeneration::Multipurpose,
    ])),
    Rule::smime_br(
        "smime_br.extended_key_usage.strict",
        "S/MIME BR 7.1.2.3 (f)",
        |it| {
            let other = it.usages().find(|usage| *usage != oid::EMAIL_PROTECTION);
            other
                .map(|usage| format!("{usage} beside emailProtection"))
                .or_else(|| no_email_protection(it))
        },
    )
    .of(Scope::generations(&[ProfileGeneration::Strict])),
    Rule::smime_br(
        "smime_br.authority_key_id.presence",
        "S/MIME BR 7.1.2.3 (g)",
        |it| {
            let absent = it.certificate.authority_key().is_none();
            absent.then(|| "no authorityKeyIdentifier".to_owned())
        },
    ),
    Rule::smime_br(
        "smime_br.authority_key_id.form",
        "S/MIME BR 7.1.2.3 (g)",
        |it| {
            let key = it.certificate.authority_key()?;
            if key.key_id.is_none() {
                Some("no key identifier".to_owned())
            } else if key.issuer.is_some() || key.serial.is_some() {
                Some("issuer and serial number beside the key identifier".to_owned())
            } else {
                None
            }
        },
    ),
    Rule::smime_br("smime_br.san.presence", "S/MIME BR 7.1.2.3 (h)", |it| {
        let absent = it.certificate.subject_alt_name().is_none();
        absent.then(|| "no subjectAltName".to_owned())
    }),
    Rule::smime_br("smime_br.san.no_address", "S/MIME BR 7.1.4.2.1", |it| {
        it.certificate.subject_alt_name()?;
        let absent = it.certificate.san_emails().next().is_none();
        absent.then(|| "subjectAltName without a mail address".to_owned())
    }),
    Rule::smime_br("smime_br.san.single_address", "S/MIME BR 7.1.4.2.1", |it| {
        it.san().find_map(|name| match name {
            GeneralName::Rfc822Name(text) | GeneralName::SmtpUtf8Mailbox(text) => {
                let text = String::from_utf8_lossy(text);
                is_several(&text).then(|| quoted(&text))
            }
            _ => None,
        })
    }),
    Rule::smime_br("smime_br.san.other_name", "S/MIME BR 7.1.4.2.1", |it| {
        let mut names = it.san();
        let other = names.any(|name| {
            !matches!(
                name,
                GeneralName::Rfc822Name(_) | GeneralName::SmtpUtf8Mailbox(_)
            )
        });
        other.then(|| "a name that is no mail address".to_owned())
    })
    .of(Scope::generations(&[ProfileGeneration::Strict])),
    Rule::smime_br("smime_br.san.criticality", "S/MIME BR 7.1.2.3 (h)", |it| {
        let named = !it.certificate.subject().is_empty();
        (named && it.is_critical(oid::SUBJECT_ALT_NAME))
            .then(|| "critical beside a subject".to_owned())
    })
    .should(),
    Rule::smime_br(
        "smime_br.subject_directory_attributes",
        "S/MIME BR 7.1.2.3 (j)",
        |it| {
            it.extension(oid::SUBJECT_DIRECTORY_ATTRIBUTES)?;
            Some("subjectDirectoryAttributes present".to_owned())
        },
    )
    .of(Scope::generations(&[
        ProfileGeneration::Multipurpose,
        ProfileGeneration::Strict,
    ])),
    Rule::smime_br(
        "smime_br.qc_statements.criticality",
        "S/MIME BR 7.1.2.3 (k)",
        |it| {
            it.is_critical(oid::QC_STATEMENTS)
                .then(|| "qcStatements critical".to_owned())
        },
    ),
    Rule::smime_br("smime_br.lei.presence", "S/MIME BR 7.1.2.3 (l)", |it| {
        let present = LEI.iter().find(|id| it.extension(**id).is_some())?;
        Some(format!("{present} names a legal entity"))
    })
    .of(Scope::validations(&[
        Validation::Mailbox,
        Validation::Individual,
    ])),
    Rule::smime_br("smime_br.lei.role", "S/MIME BR 7.1.2.3 (l)", |it| {
        it.extension(LEI_ROLE)?;
        Some("the role of a person, where none is named".to_owned())
    })
    .of(Scope::validations(&[Validation::Organization])),
    Rule::smime_br("smime_br.lei.criticality", "S/MIME BR 7.1.2.3 (l)", |it| {
        let critical = LEI.iter().find(|id| it.is_critical(**id))?;
        Some(format!("{critical} critical"))
    })
    .of(Scope::validations(&[
        Validation::Organization,
        Validation::Sponsor,
    ])),
    Rule::smime_br(
        "smime_br.adobe.criticality",
        "S/MIME BR 7.1.2.3 (m)",
        |it| {
            let critical = ADOBE.iter().find(|id| it.is_critical(**id))?;
            Some(format!("{critical} critical"))
        },
    )
    .of(Scope::generations(&[
        ProfileGeneration::Legacy,
        ProfileGeneration::Multipurpose,
    ])),
    Rule::smime_br("smime_br.adobe.presence", "S/MIME BR 7.1.2.3 (m)", |it| {
        let present = ADOBE.iter().find(|id| it.extension(**id).is_some())?;
        Some(format!("{present} present"))
    })
    .of(Scope::generations(&[ProfileGeneration::Strict])),
    Rule::smime_br(
        "smime_br.ca.extended_key_usage",
        "S/MIME BR 7.1.2.2 (g)",
        |it| is_mail_authority(it).then(|| foreign_usage(it))?,
    )
    .of(Scope::Authority),
    Rule::smime_br("smime_br.ca.policies", "S/MIME BR 7.1.2.2 (a)", |it| {
        let absent = it.certificate.certificate_policies().is_none();
        (is_mail_authority(it) && absent).then(|| "no certificatePolicies".to_owned())
    })
    .of(Scope::Authority),
    Rule::smime_br("smime_br.ca.crl", "S/MIME BR 7.1.2.2 (b)", |it| {
        let absent = it.certificate.crl_distribution_points().is_none();
        (is_mail_authority(it) && absent).then(|| "no cRLDistributionPoints".to_owned())
    })
    .of(Scope::Authority),
    Rule::smime_br(
        "smime_br.ca.key_usage_criticality",
        "S/MIME BR 7.1.2.2 (e)",
        |it| {
            (is_mail_authority(it) && !it.is_critical(oid::KEY_USAGE))
                .then(|| "keyUsage absent or not critical".to_owned())
        },
    )
    .of(Scope::Authority),
];

/// Says whether text that should be one address holds several.
pub(super) fn is_several(text: &str) -> bool {
    let text = text.trim();
    text.matches('@').count() > 1 && text.contains([' ', ',', ';', '\t'])
}

/// An authority below a root that issues for mail.
fn is_mail_authority(it: &Linted<'_>) -> bool {
    !it.is_root() && it.usages().any(|usage| usage == oid::EMAIL_PROTECTION)
}

/// Uses that must not stand beside emailProtection.
fn foreign_usage(it: &Linted<'_>) -> Option<String> {
    let foreign = it.usages().find(|usage| FOREIGN_USAGES.contains(usage))?;
    Some(format!("{foreign} beside emailProtection"))
}

fn no_email_protection(it: &Linted<'_>) -> Option<String> {
    let absent = !it.usages().any(|usage| usage == oid::EMAIL_PROTECTION);
    absent.then(|| "no emailProtection".to_owned())
}

/// Returns the full names of each distribution point.
fn points<'a>(it: &Linted<'a>) -> impl Iterator<Item = Vec<GeneralName<'a>>> + use<'a> {
    let points = it.certificate.crl_distribution_points();
    points
        .into_iter()
        .flat_map(|points| points.iter())
        .map(|point: DistributionPoint<'a>| match point.name {
            Some(DistributionPointName::FullName(names)) => names.iter().collect(),
            _ => Vec::new(),
        })
}

fn uri<'a>(name: &GeneralName<'a>) -> Option<&'a str> {
    match name {
        GeneralName::Uri(text) => std::str::from_utf8(text).ok(),
        _ => None,
    }
}

/// `http:` alone: what fetches revocation evidence must not need some to do so.
fn is_http(name: &GeneralName<'_>) -> bool {
    after_http(name).is_some()
}

fn after_http<'a>(name: &GeneralName<'a>) -> Option<&'a str> {
    let (scheme, rest) = uri(name)?.split_once("://")?;
    scheme.eq_ignore_ascii_case("http").then_some(rest)
}

fn http_host<'a>(name: &GeneralName<'a>) -> Option<&'a str> {
    let authority = after_http(name)?.split(['/', '?', '#']).next()?;
    let (_, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if host.starts_with('[') {
        return Some(host);
    }
    host.split(':').next()
}

/// A host without a dot, or under a top-level domain that is reserved or used at home
/// (RFC 2606 §2, RFC 6762 §3 and appendix G).
///
/// The list of the domains that exist is not at hand, so what is invented may pass.
fn is_internal(host: &str) -> bool {
    if host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok() {
        return false;
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    match host.rsplit_once('.') {
        None => true,
        Some((_, top)) => INTERNAL.iter().any(|it| top.eq_ignore_ascii_case(it)),
    }
}

fn location(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::Uri(text) => quoted(&String::from_utf8_lossy(text)),
        _ => "a name that is no URI".to_owned(),
    }
}

const DAY: i64 = 86_400;

/// sha1WithRSAEncryption and ecdsa-with-SHA1.
const SHA1_SIGNATURES: [Oid; 2] = [
    Oid::new("1.2.840.113549.1.1.5"),
    Oid::new("1.2.840.10045.4.1"),
];

/// serverAuth, codeSigning, timeStamping and anyExtendedKeyUsage.
const FOREIGN_USAGES: [Oid; 4] = [
    Oid::new("1.3.6.1.5.5.7.3.1"),
    Oid::new("1.3.6.1.5.5.7.3.3"),
    Oid::new("1.3.6.1.5.5.7.3.8"),
    oid::ANY_EXTENDED_KEY_USAGE,
];

/// The legal entity identifier and the role in it (ISO 17442-2).
const LEI: [Oid; 2] = [Oid::new("1.3.6.1.4.1.52266.1"), LEI_ROLE];
const LEI_ROLE: Oid = Oid::new("1.3.6.1.4.1.52266.2");

/// The time stamp and the archived revocation information of Adobe.
const ADOBE: [Oid; 2] = [
    Oid::new("1.2.840.113583.1.1.9.1"),
    Oid::new("1.2.840.113583.1.1.9.2"),
];

const INTERNAL: [&str; 12] = [
    "test",
    "example",
    "invalid",
    "localhost",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "localdomain",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn host_of(text: &str) -> Option<&str> {
        http_host(&GeneralName::Uri(text.as_bytes()))
    }

    #[test]
    fn hosts_are_those_of_http_uris() {
        for (uri, host) in [
            ("http://a.example.com/b", Some("a.example.com")),
            ("HTTP://a.com", Some("a.com")),
            ("http://u@a.com:80?x", Some("a.com")),
            ("http://[::1]:80/", Some("[::1]:80")),
            ("https://a.com", None),
            ("ldap://a.com", None),
            ("http:a.com", None),
            ("a.com", None),
            ("", None),
        ] {
            assert_eq!(host_of(uri), host, "{uri}");
        }
    }

    #[test]
    fn internal_hosts_have_no_dot_or_no_public_domain() {
        for (host, internal) in [
            ("internalname", true),
            ("ca.corp", true),
            ("ca.LOCAL.", true),
            ("", true),
            ("ca.example.com", false),
            ("192.0.2.42", false),
            ("[::1]", false),
        ] {
            assert_eq!(is_internal(host), internal, "{host}");
        }
    }

    #[test]
    fn several_addresses_are_told_from_one() {
        for (text, several) in [
            ("a@example.com b@example.com", true),
            ("a@example.com,b@example.com", true),
            ("a@example.com", false),
            (" a@example.com ", false),
            ("\"a@b\"@example.com", false),
            ("no address", false),
        ] {
            assert_eq!(is_several(text), several, "{text}");
        }
    }
}
