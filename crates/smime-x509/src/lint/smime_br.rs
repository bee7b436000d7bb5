use smime_crypto::{
    Oid,
    asn1::{Reader, Tag},
};

use crate::{
    GeneralName,
    lint::{
        LintProfile, ProfileGeneration, Validation,
        certificate::Linted,
        organization_id::is_lei,
        rule::{Rule, Scope, quoted},
    },
    oid,
};

/// S/MIME BR 6.3.2, 7.1 and 7.1.2.3: everything but policies, places, the key and the subject.
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
    Rule::smime_br("smime_br.serial.entropy", "S/MIME BR 7.1", |it| {
        let serial = it.certificate.serial();
        let length = serial.iter().skip_while(|octet| **octet == 0).count();
        // 64 random bits begin with 16 zeros once in 65 536 certificates.
        (length < 7)
            .then(|| format!("serial number of {length} octets, too few for 64 random bits"))
    })
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
        let strict = matches!(
            it.profile,
            LintProfile::Subscriber(_, ProfileGeneration::Strict)
        );
        let other = it.san().any(|name| match name {
            GeneralName::Rfc822Name(_)
            | GeneralName::SmtpUtf8Mailbox(_)
            | GeneralName::DirectoryName(_) => false,
            GeneralName::OtherName { .. } => strict,
            _ => true,
        });
        other.then(|| "a name of a kind that must not be there".to_owned())
    }),
    Rule::smime_br("smime_br.san.criticality", "S/MIME BR 7.1.2.3 (h)", |it| {
        let named = !it.certificate.subject().is_empty();
        (named && it.is_critical(oid::SUBJECT_ALT_NAME))
            .then(|| "critical beside a subject".to_owned())
    })
    .should(),
    Rule::smime_br(
        "smime_br.smime_capabilities.criticality",
        "S/MIME BR 7.1.2.3 (i)",
        |it| {
            it.is_critical(oid::SMIME_CAPABILITIES)
                .then(|| "smimeCapabilities critical".to_owned())
        },
    ),
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
        "smime_br.legal_entity.form",
        "S/MIME BR 7.1.2.3 (l)",
        |it| {
            let value = it.extension(LEI_ENTITY)?.value;
            let text = Reader::new(value).read(Tag::PRINTABLE_STRING, "LEI").ok();
            let lei = text.and_then(|it| std::str::from_utf8(it.content).ok());
            (!lei.is_some_and(is_lei)).then(|| "no legal entity identifier".to_owned())
        },
    )
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
];

/// Says whether text that should be one address holds several.
pub(super) fn is_several(text: &str) -> bool {
    let text = text.trim();
    text.matches('@').count() > 1 && text.contains([' ', ',', ';', '\t'])
}

/// Uses that must not stand beside emailProtection.
pub(super) fn foreign_usage(it: &Linted<'_>) -> Option<String> {
    let foreign = it.usages().find(|usage| FOREIGN_USAGES.contains(usage))?;
    Some(format!("{foreign} beside emailProtection"))
}

fn no_email_protection(it: &Linted<'_>) -> Option<String> {
    let absent = !it.usages().any(|usage| usage == oid::EMAIL_PROTECTION);
    absent.then(|| "no emailProtection".to_owned())
}

const DAY: i64 = 86_400;

/// serverAuth, codeSigning, timeStamping and anyExtendedKeyUsage.
const FOREIGN_USAGES: [Oid; 4] = [
    Oid::new("1.3.6.1.5.5.7.3.1"),
    Oid::new("1.3.6.1.5.5.7.3.3"),
    Oid::new("1.3.6.1.5.5.7.3.8"),
    oid::ANY_EXTENDED_KEY_USAGE,
];

/// The legal entity identifier and the role in it (ISO 17442-2).
const LEI: [Oid; 2] = [LEI_ENTITY, LEI_ROLE];
const LEI_ENTITY: Oid = Oid::new("1.3.6.1.4.1.52266.1");
const LEI_ROLE: Oid = Oid::new("1.3.6.1.4.1.52266.2");

/// The time stamp and the archived revocation information of Adobe.
const ADOBE: [Oid; 2] = [
    Oid::new("1.2.840.113583.1.1.9.1"),
    Oid::new("1.2.840.113583.1.1.9.2"),
];

#[cfg(test)]
mod tests {
    use super::*;

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
