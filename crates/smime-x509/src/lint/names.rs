use std::collections::HashSet;

use smime_crypto::{
    Oid,
    asn1::{Reader, Tag},
};

use crate::{
    EmailAddress, NameRef,
    lint::{
        certificate::{Linted, texts},
        rule::{Rule, quoted},
    },
    oid,
};

/// RFC 5280 §4.1.2.4 and appendix A: what names are made of.
pub(super) const RULES: &[Rule] = &[
    error("pkix.issuer.country_string", |it| {
        country_string(it.certificate.issuer())
    }),
    error("pkix.subject.country_string", |it| {
        country_string(it.certificate.subject())
    }),
    error("pkix.subject.length", |it| {
        it.subject_texts().find_map(|(attribute, text)| {
            let (_, most) = UPPER_BOUNDS.iter().find(|(of, _)| *of == attribute)?;
            let length = text.chars().count();
            (length > *most).then(|| format!("{attribute} of {length} characters, at most {most}"))
        })
    }),
    error("pkix.subject.control_characters", |it| {
        let mut texts = it.subject_texts().map(|(_, text)| text);
        texts
            .find(|text| text.chars().any(|it| it.is_control() || it == '\u{fffd}'))
            .map(|text| quoted(&text))
    }),
    Rule::pkix(
        "pkix.subject.rdn_types",
        "RFC 5280 §4.1.2.4, X.501 §9.3",
        |it| repeated_type(it.certificate.subject()),
    ),
    error("pkix.subject.printable_string", |it| {
        let mut attributes = it.certificate.subject().attributes();
        attributes
            .find(|(_, value)| {
                value.tag == Tag::PRINTABLE_STRING && !value.content.iter().all(is_printable)
            })
            .map(|(attribute, _)| format!("{attribute} is no PrintableString"))
    }),
    error("pkix.subject.email_string", |it| {
        let mut attributes = it.certificate.subject().attributes();
        attributes
            .find(|(of, value)| *of == oid::EMAIL_ADDRESS && value.tag != Tag::IA5_STRING)
            .map(|_| "emailAddress is no IA5String".to_owned())
    }),
    Rule::pkix("pkix.subject.email_not_in_san", "RFC 5280 §4.1.2.6", |it| {
        let named = it.san_addresses();
        let mut addresses = it
            .subject_texts()
            .filter(|(of, _)| *of == oid::EMAIL_ADDRESS)
            .map(|(_, text)| text);
        let lost = addresses
            .find(|text| !EmailAddress::new(text).is_some_and(|it| named.contains(&it)))?;
        Some(format!("{} is no name of subjectAltName", quoted(&lost)))
    }),
    error("pkix.issuer.blanks", |it| blanks(it.certificate.issuer())).should(),
    error("pkix.subject.blanks", |it| blanks(it.certificate.subject())).should(),
];

const fn error(code: &'static str, broken: fn(&Linted<'_>) -> Option<String>) -> Rule {
    Rule::pkix(code, "RFC 5280 §4.1.2.4, appendix A.1", broken)
}

fn country_string(name: NameRef<'_>) -> Option<String> {
    let mut attributes = name.attributes();
    attributes
        .find(|(of, value)| *of == oid::COUNTRY && value.tag != Tag::PRINTABLE_STRING)
        .map(|_| "countryName is no PrintableString".to_owned())
}

/// The attributes of one RDN are of different types.
fn repeated_type(name: NameRef<'_>) -> Option<String> {
    let mut sets = Reader::new(name.der()).sequence("Name").ok()?;
    while let Ok(mut set) = sets.set("RelativeDistinguishedName") {
        let mut seen = HashSet::new();
        while let Ok(mut attribute) = set.sequence("AttributeTypeAndValue") {
            let attribute = attribute.oid().ok()?;
            if !seen.insert(attribute) {
                return Some(format!("{attribute} stands twice in one set"));
            }
        }
    }
    None
}

fn blanks(name: NameRef<'_>) -> Option<String> {
    let mut found = texts(name).map(|(_, text)| text);
    found
        .find(|text| text.trim() != text)
        .map(|text| quoted(&text))
}

/// X.680 §41.4.
fn is_printable(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(byte)
}

/// How many characters an attribute may have (RFC 5280 appendix A.1; X.520 annex C for the street
/// and the postal code).
const UPPER_BOUNDS: [(Oid, usize); 13] = [
    (oid::COMMON_NAME, 64),
    (oid::ORGANIZATION, 64),
    (oid::ORGANIZATIONAL_UNIT, 64),
    (oid::LOCALITY, 128),
    (oid::STATE, 128),
    (oid::STREET, 128),
    (oid::POSTAL_CODE, 16),
    (oid::SERIAL_NUMBER, 64),
    (oid::TITLE, 64),
    (oid::PSEUDONYM, 128),
    (oid::EMAIL_ADDRESS, 255),
    (oid::GIVEN_NAME, 32_768),
    (oid::SURNAME, 32_768),
];
