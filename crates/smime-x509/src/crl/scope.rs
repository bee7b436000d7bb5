use smime_crypto::asn1::{Element, Reader, Tag};

use crate::{DistributionPointName, ParseError, ReasonFlags, extension::sequence_in};

/// What a CRL tells of, and what it does not (RFC 5280 §5.2.5).
#[derive(Clone, Copy, Debug, Default)]
pub struct IssuingDistributionPoint<'a> {
    /// The name of the distribution point; a list without it serves every one of its issuer.
    pub name: Option<DistributionPointName<'a>>,
    /// Whether it leaves authorities out.
    pub only_user_certificates: bool,
    /// Whether it leaves end entities out.
    pub only_ca_certificates: bool,
    /// Whether it tells of attribute certificates alone.
    pub only_attribute_certificates: bool,
    /// The reasons it tells of; all when absent.
    pub reasons: Option<ReasonFlags>,
    /// Whether it may hold certificates of other issuers.
    pub indirect: bool,
}

impl<'a> IssuingDistributionPoint<'a> {
    pub(crate) fn from_value(value: &Element<'a>) -> Result<Self, ParseError> {
        let what = "issuingDistributionPoint";
        let mut fields = sequence_in(value, what)?;
        let name = DistributionPointName::optional(&mut fields)?;
        let only_user_certificates = flag(&mut fields, 1)?;
        let only_ca_certificates = flag(&mut fields, 2)?;
        let reasons = fields.optional(Tag::context(3), "onlySomeReasons")?;
        let indirect = flag(&mut fields, 4)?;
        let only_attribute_certificates = flag(&mut fields, 5)?;
        fields.finish(what)?;
        let kinds = [
            only_user_certificates,
            only_ca_certificates,
            only_attribute_certificates,
        ];
        if kinds.into_iter().filter(|only| *only).count() > 1 {
            return Err(ParseError::Malformed {
                what,
                offset: value.offset,
            });
        }
        Ok(Self {
            name,
            only_user_certificates,
            only_ca_certificates,
            only_attribute_certificates,
            reasons: reasons.map(|it| ReasonFlags::from_bits(&it)).transpose()?,
            indirect,
        })
    }
}

/// Reads `[number] BOOLEAN DEFAULT FALSE`; as everywhere, an explicit FALSE is accepted.
fn flag(fields: &mut Reader<'_>, number: u8) -> Result<bool, ParseError> {
    let what = "issuingDistributionPoint";
    let Some(field) = fields.optional(Tag::context(number), what)? else {
        return Ok(false);
    };
    match field.content {
        [0] => Ok(false),
        [0xff] => Ok(true),
        _ => Err(ParseError::Malformed {
            what,
            offset: field.offset,
        }),
    }
}
