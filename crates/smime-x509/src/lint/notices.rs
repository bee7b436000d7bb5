use smime_crypto::{
    Oid,
    asn1::{Element, Reader, Tag},
};

use crate::{
    lint::{
        certificate::Linted,
        policies::{CPS, USER_NOTICE},
        rule::{Rule, quoted},
    },
    name::text,
    oid,
};

/// RFC 5280 §4.2.1.4 and RFC 6818 §3: what certificates say about their policies.
pub(super) const RULES: &[Rule] = &[
    Rule::pkix(
        "pkix.policies.any_policy_qualifier",
        "RFC 5280 §4.2.1.4",
        |it| {
            let any = it
                .certificate
                .certificate_policies()?
                .iter()
                .find(|policy| policy.policy == oid::ANY_POLICY)?;
            let kinds = qualifiers(any.qualifiers).map(|(kind, _)| kind);
            let other = kinds.filter(|kind| ![CPS, USER_NOTICE].contains(kind));
            other.map(|kind| format!("{kind} beside anyPolicy")).next()
        },
    ),
    Rule::pkix(
        "pkix.policies.notice_reference",
        "RFC 5280 §4.2.1.4",
        |it| {
            let referring = notices(it).any(|notice| notice.peek() == Some(Tag::SEQUENCE));
            referring.then(|| "a notice with a reference".to_owned())
        },
    )
    .should(),
    Rule::pkix("pkix.policies.text_string", "RFC 6818 §3", |it| {
        let ascii = texts(it).any(|text| text.tag == Tag::IA5_STRING);
        ascii.then(|| "the text of a notice is an IA5String".to_owned())
    }),
    Rule::pkix("pkix.policies.text_utf8", "RFC 6818 §3", |it| {
        let known = [Tag::UTF8_STRING, Tag::IA5_STRING];
        let other = texts(it).any(|text| !known.contains(&text.tag));
        other.then(|| "the text of a notice is no UTF8String".to_owned())
    })
    .should(),
    Rule::pkix("pkix.policies.text_length", "RFC 6818 §3", |it| {
        let mut lengths = texts(it).filter_map(|text| Some(characters(&text)?.chars().count()));
        let length = lengths.find(|length| *length > MAX_TEXT)?;
        Some(format!("{length} characters, at most {MAX_TEXT}"))
    }),
    Rule::pkix(
        "pkix.policies.text_control_characters",
        "RFC 6818 §3",
        |it| {
            let mut texts = texts(it).filter_map(|text| characters(&text));
            let odd = texts.find(|text| text.chars().any(char::is_control))?;
            Some(quoted(&odd))
        },
    )
    .should(),
];

/// Returns the kind of each qualifier, and a reader of what follows it.
fn qualifiers(der: &[u8]) -> impl Iterator<Item = (Oid, Reader<'_>)> {
    let mut list = Reader::new(der).sequence("policyQualifiers").ok();
    std::iter::from_fn(move || {
        let mut qualifier = list.as_mut()?.sequence("PolicyQualifierInfo").ok()?;
        Some((qualifier.oid().ok()?, qualifier))
    })
}

/// Returns the fields of each UserNotice.
fn notices<'a>(it: &Linted<'a>) -> impl Iterator<Item = Reader<'a>> + use<'a> {
    let policies = it.certificate.certificate_policies();
    policies
        .into_iter()
        .flat_map(|policies| policies.iter())
        .flat_map(|policy| qualifiers(policy.qualifiers))
        .filter(|(kind, _)| *kind == USER_NOTICE)
        .filter_map(|(_, mut notice)| notice.sequence("UserNotice").ok())
}

/// Returns the explicitText of each notice.
fn texts<'a>(it: &Linted<'a>) -> impl Iterator<Item = Element<'a>> + use<'a> {
    notices(it).filter_map(|mut notice| {
        notice.optional(Tag::SEQUENCE, "noticeRef").ok()?;
        notice.any("explicitText").ok()
    })
}

/// Returns the characters of a DisplayText, whose VisibleString no name knows.
fn characters(value: &Element<'_>) -> Option<String> {
    let visible = value.tag == VISIBLE_STRING;
    let tag = if visible { Tag::IA5_STRING } else { value.tag };
    text(&Element { tag, ..*value }).map(Into::into)
}

const VISIBLE_STRING: Tag = Tag(0x1a);

/// Characters of a DisplayText.
const MAX_TEXT: usize = 200;
