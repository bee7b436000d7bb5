use smime_crypto::asn1::{Element, Reader, Tag};

use crate::{GeneralName, ParseError, SequenceOf, extension::sequence_in, sequence_of::FromReader};

/// Which names the certificates below may have (RFC 5280 §4.2.1.10).
#[derive(Clone, Copy, Debug)]
pub struct NameConstraints<'a> {
    /// Names of a form that stands here must lie in one of its subtrees.
    pub permitted: Option<SequenceOf<'a, GeneralSubtree<'a>>>,
    /// Names must not lie in any of these.
    pub excluded: Option<SequenceOf<'a, GeneralSubtree<'a>>>,
}

/// A part of the space of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneralSubtree<'a> {
    /// Its root.
    pub base: GeneralName<'a>,
    /// Whether minimum is 0 and maximum absent, as RFC 5280 wants; otherwise nobody knows what
    /// is meant.
    pub whole: bool,
}

impl<'a> FromReader<'a> for GeneralSubtree<'a> {
    fn from_reader(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let what = "GeneralSubtree";
        let mut fields = reader.sequence(what)?;
        let base = GeneralName::from_reader(&mut fields)?;
        let minimum = fields.optional(Tag::context(0), what)?;
        let maximum = fields.optional(Tag::context(1), what)?;
        fields.finish(what)?;
        let whole = maximum.is_none() && minimum.is_none_or(|minimum| minimum.content == [0]);
        Ok(Self { base, whole })
    }
}

impl<'a> NameConstraints<'a> {
    /// Reads the DER of the extension.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn from_der(der: &'a [u8]) -> Result<Self, ParseError> {
        Self::from_value(&Element {
            tag: Tag::OCTET_STRING,
            raw: der,
            content: der,
            offset: 0,
        })
    }

    /// An empty list of subtrees, which RFC 5280 does not allow, is refused: it could be meant as
    /// "none" or as "all".
    pub(crate) fn from_value(value: &Element<'a>) -> Result<Self, ParseError> {
        let what = "nameConstraints";
        let mut fields = sequence_in(value, what)?;
        let mut subtrees = |tag| -> Result<_, ParseError> {
            let field = fields.optional(Tag::context_constructed(tag), what)?;
            field
                .map(|field| SequenceOf::from_element(&field, what))
                .transpose()
        };
        let constraints = Self {
            permitted: subtrees(0)?,
            excluded: subtrees(1)?,
        };
        fields.finish(what)?;
        Ok(constraints)
    }
}
