use smime_crypto::{
    Oid,
    asn1::{Reader, Tag},
};

use crate::{
    lint::{
        LintProfile, ProfileGeneration,
        certificate::Linted,
        rule::{Issued, Rule, Scope, quoted},
    },
    oid,
};

/// S/MIME BR 7.1.2.3 (a) and 7.1.6: under which policies subscribers are, and what is said of them.
pub(super) const RULES: &[Rule] = &[
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
    Rule::smime_br("smime_br.policy.any_policy", "S/MIME BR 7.1.6.4", |it| {
        let any = it.policies().any(|policy| policy == oid::ANY_POLICY);
        any.then(|| "anyPolicy, which no authority defines".to_owned())
    }),
    Rule::smime_br(
        "smime_br.policy.qualifier",
        "S/MIME BR 7.1.2.3 (a)",
        qualifier_fault,
    ),
    Rule::smime_br(
        "smime_br.policy.criticality",
        "S/MIME BR 7.1.2.3 (a)",
        |it| {
            it.is_critical(oid::CERTIFICATE_POLICIES)
                .then(|| "certificatePolicies critical".to_owned())
        },
    )
    .should(),
];

/// A practice statement is on the web; a notice has a text and no reference.
pub(super) fn qualifier_fault(it: &Linted<'_>) -> Option<String> {
    let policies = it.certificate.certificate_policies()?;
    policies
        .iter()
        .filter(|policy| !policy.qualifiers.is_empty())
        .find_map(|policy| fault_in(policy.qualifiers))
}

fn fault_in(qualifiers: &[u8]) -> Option<String> {
    let mut qualifiers = Reader::new(qualifiers).sequence("policyQualifiers").ok()?;
    while !qualifiers.is_empty() {
        let Ok(mut qualifier) = qualifiers.sequence("PolicyQualifierInfo") else {
            return Some("a qualifier that cannot be read".to_owned());
        };
        let fault = match qualifier.oid().ok() {
            Some(CPS) => practice_statement_fault(qualifier),
            Some(USER_NOTICE) => notice_fault(qualifier),
            _ => None,
        };
        if fault.is_some() {
            return fault;
        }
    }
    None
}

fn practice_statement_fault(mut qualifier: Reader<'_>) -> Option<String> {
    let uri = qualifier.read(Tag::IA5_STRING, "CPSuri").ok();
    let Some(uri) = uri.and_then(|uri| std::str::from_utf8(uri.content).ok()) else {
        return Some("a practice statement without a URI".to_owned());
    };
    let scheme = uri.split_once("://").map(|(scheme, _)| scheme);
    let on_the_web = scheme.is_some_and(|scheme| {
        ["http", "https"]
            .iter()
            .any(|it| scheme.eq_ignore_ascii_case(it))
    });
    (!on_the_web).then(|| quoted(uri))
}

fn notice_fault(mut qualifier: Reader<'_>) -> Option<String> {
    let Ok(notice) = qualifier.sequence("UserNotice") else {
        return Some("a notice that cannot be read".to_owned());
    };
    if notice.peek() == Some(Tag::SEQUENCE) {
        Some("a notice with a reference".to_owned())
    } else {
        notice
            .is_empty()
            .then(|| "a notice without a text".to_owned())
    }
}

/// RFC 5280 §4.2.1.4.
pub(super) const CPS: Oid = Oid::new("1.3.6.1.5.5.7.2.1");
pub(super) const USER_NOTICE: Oid = Oid::new("1.3.6.1.5.5.7.2.2");
