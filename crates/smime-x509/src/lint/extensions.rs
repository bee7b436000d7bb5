use smime_crypto::{Oid, asn1::Reader};

use crate::{
    GeneralName,
    email::is_address,
    lint::{
        certificate::Linted,
        rule::{Rule, Scope, quoted},
    },
    oid,
};

/// RFC 5280 §4.2: which extensions stand where, whether they are critical, and what names they
/// give.
pub(super) const RULES: &[Rule] = &[
    Rule::pkix(
        "pkix.extension.critical_encoding",
        "RFC 5280 §4.1, X.690 §11.5",
        |it| {
            let written = extensions_with_false(it).next()?;
            Some(format!(
                "{written} says in so many words that it is not critical"
            ))
        },
    ),
    Rule::pkix("pkix.authority_key_id.missing", "RFC 5280 §4.2.1.1", |it| {
        let absent = !it.is_root() && it.certificate.authority_key_id().is_none();
        absent.then(|| "no key identifier of the issuer".to_owned())
    }),
    Rule::pkix(
        "pkix.authority_key_id.criticality",
        "RFC 5280 §4.2.1.1",
        |it| critical(it, oid::AUTHORITY_KEY_ID),
    ),
    Rule::pkix(
        "pkix.subject_key_id.ca_missing",
        "RFC 5280 §4.2.1.2",
        no_key_id,
    )
    .of(Scope::Authority),
    Rule::pkix("pkix.subject_key_id.missing", "RFC 5280 §4.2.1.2", |it| {
        if it.certificate.is_ca() {
            None
        } else {
            no_key_id(it)
        }
    })
    .should(),
    Rule::pkix(
        "pkix.subject_key_id.criticality",
        "RFC 5280 §4.2.1.2",
        |it| critical(it, oid::SUBJECT_KEY_ID),
    ),
    Rule::pkix("pkix.key_usage.criticality", "RFC 5280 §4.2.1.3", |it| {
        not_critical(it, oid::KEY_USAGE)
    })
    .should(),
    Rule::pkix(
        "pkix.policy_mappings.criticality",
        "RFC 5280 §4.2.1.5",
        |it| not_critical(it, oid::POLICY_MAPPINGS),
    )
    .should(),
    Rule::pkix(
        "pkix.subject_alt_name.not_critical",
        "RFC 5280 §4.2.1.6",
        |it| {
            let subject = it.certificate.subject();
            subject
                .is_empty()
                .then(|| not_critical(it, oid::SUBJECT_ALT_NAME))?
        },
    ),
    Rule::pkix(
        "pkix.subject_alt_name.criticality",
        "RFC 5280 §4.2.1.6",
        |it| {
            let subject = it.certificate.subject();
            (!subject.is_empty()).then(|| critical(it, oid::SUBJECT_ALT_NAME))?
        },
    )
    .should(),
    Rule::pkix(
        "pkix.subject_alt_name.empty_name",
        "RFC 5280 §4.2.1.6",
        |it| any_of(it.san(), is_empty),
    ),
    Rule::pkix("pkix.subject_alt_name.address", "RFC 5280 §4.2.1.6", |it| {
        any_of(it.san(), is_no_address)
    }),
    Rule::pkix(
        "pkix.subject_alt_name.ascii_utf8_mailbox",
        "RFC 9598 §3",
        |it| any_of(it.san(), is_ascii_mailbox),
    ),
    Rule::pkix(
        "pkix.subject_alt_name.dns_string",
        "RFC 5280 §4.2.1.6",
        |it| any_of(it.san(), is_foreign_dns),
    ),
    Rule::pkix(
        "pkix.subject_alt_name.uri_string",
        "RFC 5280 §4.2.1.6",
        |it| any_of(it.san(), is_foreign_uri),
    ),
    Rule::pkix(
        "pkix.subject_alt_name.uri_relative",
        "RFC 5280 §4.2.1.6",
        |it| any_of(it.san(), is_relative_uri),
    ),
    Rule::pkix(
        "pkix.issuer_alt_name.criticality",
        "RFC 5280 §4.2.1.7",
        |it| critical(it, oid::ISSUER_ALT_NAME),
    )
    .should(),
    Rule::pkix(
        "pkix.issuer_alt_name.empty_name",
        "RFC 5280 §4.2.1.7",
        |it| any_of(issuer_names(it), is_empty),
    ),
    Rule::pkix("pkix.issuer_alt_name.address", "RFC 5280 §4.2.1.7", |it| {
        any_of(issuer_names(it), is_no_address)
    }),
    Rule::pkix(
        "pkix.issuer_alt_name.dns_string",
        "RFC 5280 §4.2.1.7",
        |it| any_of(issuer_names(it), is_foreign_dns),
    ),
    Rule::pkix(
        "pkix.issuer_alt_name.uri_string",
        "RFC 5280 §4.2.1.7",
        |it| any_of(issuer_names(it), is_foreign_uri),
    ),
    Rule::pkix(
        "pkix.issuer_alt_name.uri_relative",
        "RFC 5280 §4.2.1.7",
        |it| any_of(issuer_names(it), is_relative_uri),
    ),
    Rule::pkix(
        "pkix.subject_directory_attributes.criticality",
        "RFC 5280 §4.2.1.8",
        |it| critical(it, oid::SUBJECT_DIRECTORY_ATTRIBUTES),
    ),
    Rule::pkix(
        "pkix.basic_constraints.criticality",
        "RFC 5280 §4.2.1.9",
        |it| not_critical(it, oid::BASIC_CONSTRAINTS),
    )
    .of(Scope::Authority),
    Rule::pkix(
        "pkix.basic_constraints.encoding",
        "RFC 5280 §4.2.1.9, X.690 §11.5",
        |it| {
            let value = it.extension(oid::BASIC_CONSTRAINTS)?.value;
            let fields = Reader::new(value).sequence("basicConstraints").ok()?;
            let written = fields.rest().starts_with(&FALSE);
            written.then(|| "cA FALSE is written out".to_owned())
        },
    ),
    Rule::pkix(
        "pkix.name_constraints.criticality",
        "RFC 5280 §4.2.1.10",
        |it| not_critical(it, oid::NAME_CONSTRAINTS),
    ),
    Rule::pkix(
        "pkix.policy_constraints.criticality",
        "RFC 5280 §4.2.1.11",
        |it| not_critical(it, oid::POLICY_CONSTRAINTS),
    ),
    Rule::pkix(
        "pkix.extended_key_usage.criticality",
        "RFC 5280 §4.2.1.12",
        |it| {
            let any = it.usages().any(|it| it == oid::ANY_EXTENDED_KEY_USAGE);
            any.then(|| critical(it, oid::EXTENDED_KEY_USAGE))?
        },
    )
    .should(),
    Rule::pkix(
        "pkix.crl_distribution_points.criticality",
        "RFC 5280 §4.2.1.13",
        |it| critical(it, oid::CRL_DISTRIBUTION_POINTS),
    )
    .should(),
    Rule::pkix(
        "pkix.inhibit_any_policy.criticality",
        "RFC 5280 §4.2.1.14",
        |it| not_critical(it, oid::INHIBIT_ANY_POLICY),
    ),
    Rule::pkix(
        "pkix.freshest_crl.criticality",
        "RFC 5280 §4.2.1.15",
        |it| critical(it, oid::FRESHEST_CRL),
    ),
    Rule::pkix(
        "pkix.authority_info_access.criticality",
        "RFC 5280 §4.2.2.1",
        |it| critical(it, oid::AUTHORITY_INFO_ACCESS),
    ),
    Rule::pkix(
        "pkix.subject_info_access.criticality",
        "RFC 5280 §4.2.2.2",
        |it| critical(it, oid::SUBJECT_INFO_ACCESS),
    ),
];

/// Returns the extensions that write out `critical` though it is FALSE, which is its default.
fn extensions_with_false<'a>(it: &Linted<'a>) -> impl Iterator<Item = Oid> + use<'a> {
    let mut list = it.extension_fields();
    std::iter::from_fn(move || list.as_mut()?.sequence("Extension").ok()).filter_map(
        |mut extension| {
            let oid = extension.oid().ok()?;
            extension.rest().starts_with(&FALSE).then_some(oid)
        },
    )
}

fn critical(it: &Linted<'_>, oid: Oid) -> Option<String> {
    it.is_critical(oid).then(|| "critical".to_owned())
}

fn not_critical(it: &Linted<'_>, oid: Oid) -> Option<String> {
    let extension = it.extension(oid)?;
    (!extension.critical).then(|| "not critical".to_owned())
}

fn no_key_id(it: &Linted<'_>) -> Option<String> {
    let absent = it.certificate.subject_key_id().is_none();
    absent.then(|| "no identifier of the key".to_owned())
}

pub(super) fn issuer_names<'a>(it: &Linted<'a>) -> impl Iterator<Item = GeneralName<'a>> + use<'a> {
    let names = it.certificate.issuer_alt_name();
    names.into_iter().flat_map(|names| names.iter())
}

pub(super) fn any_of<'a>(
    mut names: impl Iterator<Item = GeneralName<'a>>,
    broken: fn(&GeneralName<'_>) -> bool,
) -> Option<String> {
    names.find(broken).map(|name| match text(&name) {
        Some(text) => quoted(&String::from_utf8_lossy(text)),
        None => "a name without text".to_owned(),
    })
}

fn text<'a>(name: &GeneralName<'a>) -> Option<&'a [u8]> {
    match *name {
        GeneralName::Rfc822Name(text)
        | GeneralName::DnsName(text)
        | GeneralName::Uri(text)
        | GeneralName::SmtpUtf8Mailbox(text) => Some(text),
        _ => None,
    }
}

fn is_empty(name: &GeneralName<'_>) -> bool {
    match name {
        GeneralName::DirectoryName(name) => name.is_empty(),
        GeneralName::IpAddress(octets) => octets.is_empty(),
        _ => text(name).is_some_and(<[u8]>::is_empty),
    }
}

fn is_no_address(name: &GeneralName<'_>) -> bool {
    let (text, ascii) = match name {
        GeneralName::Rfc822Name(text) => (text, true),
        GeneralName::SmtpUtf8Mailbox(text) => (text, false),
        _ => return false,
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return true;
    };
    !is_address(text) || (ascii && !text.is_ascii())
}

/// A mailbox whose local part ASCII can write is an rfc822Name.
fn is_ascii_mailbox(name: &GeneralName<'_>) -> bool {
    let GeneralName::SmtpUtf8Mailbox(text) = name else {
        return false;
    };
    let domain = text.iter().rposition(|byte| *byte == b'@');
    let local = domain.and_then(|at| text.get(..at)).unwrap_or(text);
    local.is_ascii()
}

fn is_foreign_dns(name: &GeneralName<'_>) -> bool {
    matches!(name, GeneralName::DnsName(text) if !text.is_ascii())
}

fn is_foreign_uri(name: &GeneralName<'_>) -> bool {
    matches!(name, GeneralName::Uri(text) if !text.is_ascii())
}

/// A URI begins with its scheme (RFC 3986 §3.1).
fn is_relative_uri(name: &GeneralName<'_>) -> bool {
    let GeneralName::Uri(text) = name else {
        return false;
    };
    let scheme = text.split(|byte| *byte == b':').next().unwrap_or_default();
    let is_scheme = scheme.len() < text.len()
        && scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
    !is_scheme
}

/// The DER of a BOOLEAN.
const FALSE: [u8; 3] = [1, 1, 0];
