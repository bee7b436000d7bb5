use smime_crypto::{
    Oid,
    asn1::{Element, Reader, Tag},
};

use crate::{ParseError, extension::sequence_in, sequence_of::FromReader};

/// A policy under which a certificate was issued (RFC 5280 §4.2.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyInformation<'a> {
    /// The policy.
    pub policy: Oid,
    /// The DER of the qualifiers, a SEQUENCE; empty when there are none.
    pub qualifiers: &'a [u8],
}

/// One policy that an issuer takes for equal to another (RFC 5280 §4.2.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyMapping {
    /// The policy as the issuer calls it.
    pub issuer_domain: Oid,
    /// The policy as the subject calls it.
    pub subject_domain: Oid,
}

/// How many certificates later an explicit policy is required and mapping ends
/// (RFC 5280 §4.2.1.11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyConstraints {
    /// From which on the path must have an acceptable policy.
    pub require_explicit_policy: Option<u32>,
    /// From which on policies are not mapped any more.
    pub inhibit_policy_mapping: Option<u32>,
}

impl<'a> FromReader<'a> for PolicyInformation<'a> {
    fn from_reader(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let what = "PolicyInformation";
        let mut fields = reader.sequence(what)?;
        let policy = fields.oid()?;
        let qualifiers = fields.optional(Tag::SEQUENCE, "policyQualifiers")?;
        fields.finish(what)?;
        Ok(Self {
            policy,
            qualifiers: qualifiers.map(|it| it.raw).unwrap_or_default(),
        })
    }

    fn check(reader: &mut Reader<'a>) -> Result<(), ParseError> {
        let what = "PolicyInformation";
        let mut fields = reader.sequence(what)?;
        fields.oid_octets()?;
        fields.optional(Tag::SEQUENCE, "policyQualifiers")?;
        Ok(fields.finish(what)?)
    }
}

impl<'a> FromReader<'a> for PolicyMapping {
    fn from_reader(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let mut fields = reader.sequence("PolicyMapping")?;
        let (issuer_domain, subject_domain) = (fields.oid()?, fields.oid()?);
        fields.finish("PolicyMapping")?;
        Ok(Self {
            issuer_domain,
            subject_domain,
        })
    }
}

impl PolicyConstraints {
    pub(crate) fn from_value(value: &Element<'_>) -> Result<Self, ParseError> {
        let what = "policyConstraints";
        let mut fields = sequence_in(value, what)?;
        let mut number = |tag| -> Result<Option<u32>, ParseError> {
            let field = fields.optional(Tag::context(tag), what)?;
            field.map(|field| skip_certs(&field)).transpose()
        };
        let constraints = Self {
            require_explicit_policy: number(0)?,
            inhibit_policy_mapping: number(1)?,
        };
        fields.finish(what)?;
        Ok(constraints)
    }
}

/// inhibitAnyPolicy (RFC 5280 §4.2.1.14): after how many certificates.
pub(crate) fn inhibit_any_policy(value: &Element<'_>) -> Result<u32, ParseError> {
    let mut reader = value.reader();
    let number = reader.read(Tag::INTEGER, "inhibitAnyPolicy")?;
    reader.finish("inhibitAnyPolicy")?;
    skip_certs(&number)
}

/// A number of certificates to skip; one beyond 32 bits is as good as the largest.
fn skip_certs(number: &Element<'_>) -> Result<u32, ParseError> {
    let content = number.integer()?;
    if content.first().is_some_and(|first| first & 0x80 != 0) {
        return Err(ParseError::Malformed {
            what: "SkipCerts",
            offset: number.offset,
        });
    }
    let add = |value: u32, octet: &u8| value.checked_mul(256)?.checked_add(u32::from(*octet));
    Ok(content.iter().try_fold(0, add).unwrap_or(u32::MAX))
}
