use smime_crypto::{
    Oid,
    asn1::{Element, Reader, Tag},
};

use crate::{GeneralName, ParseError, SequenceOf, sequence_of::FromReader};

/// Where the CRL for a certificate is, and who signs it (RFC 5280 §4.2.1.13).
#[derive(Clone, Copy, Debug)]
pub struct DistributionPoint<'a> {
    /// Its name.
    pub name: Option<DistributionPointName<'a>>,
    /// The reasons its CRL tells of; all when absent.
    pub reasons: Option<ReasonFlags>,
    /// Who signs the CRL, when not the certificate's issuer.
    pub crl_issuer: Option<SequenceOf<'a, GeneralName<'a>>>,
}

/// The name of a distribution point.
#[derive(Clone, Copy, Debug)]
pub enum DistributionPointName<'a> {
    /// Names, each of the same point.
    FullName(SequenceOf<'a, GeneralName<'a>>),
    /// An RDN to be appended to the name of the CRL's issuer, by the content octets of its SET.
    RelativeToIssuer(&'a [u8]),
}

/// A set of reasons for revocation (RFC 5280 §4.2.1.13); bit 0 is the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonFlags(u16);

/// Where something about a certificate's issuer or subject is to be had (RFC 5280 §4.2.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessDescription<'a> {
    /// What is there.
    pub method: Oid,
    /// Where.
    pub location: GeneralName<'a>,
}

impl<'a> FromReader<'a> for DistributionPoint<'a> {
    fn from_reader(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let what = "DistributionPoint";
        let mut fields = reader.sequence(what)?;
        let name = DistributionPointName::optional(&mut fields)?;
        let reasons = fields.optional(Tag::context(1), "reasons")?;
        let crl_issuer = fields.optional(Tag::context_constructed(2), "cRLIssuer")?;
        fields.finish(what)?;
        Ok(Self {
            name,
            reasons: reasons.map(|it| ReasonFlags::from_bits(&it)).transpose()?,
            crl_issuer: crl_issuer
                .map(|it| SequenceOf::from_element(&it, "cRLIssuer"))
                .transpose()?,
        })
    }
}

impl<'a> DistributionPointName<'a> {
    /// Reads `[0] DistributionPointName OPTIONAL`, as it stands in a distribution point and in the
    /// issuing distribution point of a CRL.
    pub(crate) fn optional(fields: &mut Reader<'a>) -> Result<Option<Self>, ParseError> {
        let what = "DistributionPointName";
        let Some(field) = fields.optional(Tag::context_constructed(0), what)? else {
            return Ok(None);
        };
        // The field is explicit, because what is inside is a CHOICE.
        let mut inner = field.reader();
        let choice = inner.any(what)?;
        inner.finish(what)?;
        match choice.tag.0 {
            0xa0 => Ok(Some(Self::FullName(SequenceOf::from_element(
                &choice, what,
            )?))),
            0xa1 => {
                check_rdn_content(&choice)?;
                Ok(Some(Self::RelativeToIssuer(choice.content)))
            }
            _ => Err(ParseError::Malformed {
                what,
                offset: choice.offset,
            }),
        }
    }
}

impl ReasonFlags {
    /// Every reason that RFC 5280 defines: bits 1 to 8, bit 0 being unused.
    pub const ALL: Self = Self(0x7f80);

    /// No reason.
    pub const NONE: Self = Self(0);

    pub(crate) fn from_bits(element: &Element<'_>) -> Result<Self, ParseError> {
        let octets = element.named_bits()?;
        let octet = |at: usize| octets.get(at).copied().unwrap_or_default();
        Ok(Self(u16::from_be_bytes([octet(0), octet(1)])).and(Self::ALL))
    }

    /// Returns the reasons in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns the reasons in either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Says whether every reason of `other` is here.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl<'a> FromReader<'a> for AccessDescription<'a> {
    fn from_reader(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let what = "AccessDescription";
        let mut fields = reader.sequence(what)?;
        let method = fields.oid()?;
        let location = GeneralName::from_reader(&mut fields)?;
        fields.finish(what)?;
        Ok(Self { method, location })
    }
}

/// The attributes of one RDN, in the implicitly tagged SET.
fn check_rdn_content(set: &Element<'_>) -> Result<(), ParseError> {
    let mut pairs = set.reader();
    loop {
        let mut pair = pairs.sequence("AttributeTypeAndValue")?;
        pair.oid()?;
        pair.any("AttributeValue")?;
        pair.finish("AttributeTypeAndValue")?;
        if pairs.is_empty() {
            return Ok(());
        }
    }
}
