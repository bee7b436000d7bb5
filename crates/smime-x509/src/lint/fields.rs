use smime_crypto::{
    Oid,
    asn1::{Element, Reader, Tag},
};

use crate::lint::{
    certificate::{Linted, RSA_ENCRYPTION},
    rsa::{even_modulus, exponent_fault},
    rule::{Rule, Scope},
};

/// RFC 5280 §4.1: the fields that every certificate has. RFC 8017 §3.1: keys that can be keys.
pub(super) const RULES: &[Rule] = &[
    Rule::pkix("pkix.serial.length", "RFC 5280 §4.1.2.2", |it| {
        let length = it.certificate.serial().len();
        (length > 20).then(|| format!("{length} octets, more than 20"))
    }),
    Rule::pkix("pkix.serial.not_positive", "RFC 5280 §4.1.2.2", |it| {
        let serial = it.certificate.serial();
        let negative = serial.first().is_some_and(|first| first & 0x80 != 0);
        let zero = serial.iter().all(|octet| *octet == 0);
        (negative || zero).then(|| if zero { "zero" } else { "negative" }.to_owned())
    }),
    Rule::pkix("pkix.signature.parameters", "RFC 3279 §2.2.1", |it| {
        rsa_parameters(it.certificate.signature_algorithm(), &RSA_SIGNATURES)
    }),
    Rule::pkix("pkix.issuer.empty", "RFC 5280 §4.1.2.4", |it| {
        let empty = it.certificate.issuer().is_empty();
        empty.then(|| "the issuer has no name".to_owned())
    }),
    Rule::pkix("pkix.validity.order", "RFC 5280 §4.1.2.5", |it| {
        let (from, until) = (it.certificate.not_before(), it.certificate.not_after());
        (until < from).then(|| format!("ends {until}, begins {from}"))
    }),
    Rule::pkix("pkix.validity.time_type", "RFC 5280 §4.1.2.5", |it| {
        let (year, ..) = early_generalized_time(it)?;
        Some(format!("GeneralizedTime for the year {year}"))
    }),
    Rule::pkix("pkix.subject.empty", "RFC 5280 §4.1.2.6", |it| {
        let unnamed = it.certificate.subject().is_empty() && it.san().next().is_none();
        unnamed.then(|| "neither a subject nor a subject alternative name".to_owned())
    }),
    Rule::pkix("pkix.subject.ca_empty", "RFC 5280 §4.1.2.6", |it| {
        let empty = it.certificate.subject().is_empty();
        empty.then(|| "an authority without a name".to_owned())
    })
    .of(Scope::Authority),
    Rule::pkix("pkix.key.parameters", "RFC 3279 §2.3.1", |it| {
        let mut spki = Reader::new(it.certificate.spki()).sequence("spki").ok()?;
        let identifier = spki.read(Tag::SEQUENCE, "algorithm").ok()?;
        rsa_parameters(identifier.raw, &[RSA_ENCRYPTION])
    }),
    Rule::pkix("pkix.key.rsa_modulus", "RFC 8017 §3.1", even_modulus),
    Rule::pkix("pkix.key.rsa_exponent", "RFC 8017 §3.1", exponent_fault),
    Rule::pkix("pkix.unique_identifier", "RFC 5280 §4.1.2.8", |it| {
        let mut fields = it.fields()?;
        for _ in 0..FIELDS_BEFORE_IDENTIFIERS {
            fields.any("field").ok()?;
        }
        // Implicitly tagged BIT STRINGs; some writers tag them as constructed.
        let tag = fields.peek()?.primitive();
        let present = tag == Tag::context(1) || tag == Tag::context(2);
        present.then(|| "a unique identifier".to_owned())
    }),
];

/// The algorithms of RSA want NULL as parameters, present.
fn rsa_parameters(identifier: &[u8], of: &[Oid]) -> Option<String> {
    let mut fields = Reader::new(identifier).sequence("identifier").ok()?;
    let algorithm = fields.oid().ok()?;
    let wrong = of.contains(&algorithm) && fields.rest() != [5, 0];
    wrong.then(|| "the parameters are not NULL".to_owned())
}

/// GeneralizedTime is for 2050 and later.
fn early_generalized_time(it: &Linted<'_>) -> Option<(i64, u8, u8, [u8; 3])> {
    let mut fields = it.fields()?;
    for _ in 0..FIELDS_BEFORE_VALIDITY {
        fields.any("field").ok()?;
    }
    let mut validity = fields.sequence("validity").ok()?;
    [it.certificate.not_before(), it.certificate.not_after()]
        .into_iter()
        .filter_map(|time| Some((validity.any("time").ok()?, time.civil())))
        .find(|(element, civil): &(Element<'_>, _)| {
            element.tag == Tag::GENERALIZED_TIME && civil.0 < 2050
        })
        .map(|(_, civil)| civil)
}

/// Serial number, signature, issuer.
const FIELDS_BEFORE_VALIDITY: usize = 3;
/// And validity, subject, key.
const FIELDS_BEFORE_IDENTIFIERS: usize = 6;

/// MD5, SHA-1 and SHA-2 with RSA (RFC 3279 §2.2.1, RFC 4055 §5).
const RSA_SIGNATURES: [Oid; 6] = [
    Oid::new("1.2.840.113549.1.1.4"),
    Oid::new("1.2.840.113549.1.1.5"),
    Oid::new("1.2.840.113549.1.1.11"),
    Oid::new("1.2.840.113549.1.1.12"),
    Oid::new("1.2.840.113549.1.1.13"),
    Oid::new("1.2.840.113549.1.1.14"),
];
