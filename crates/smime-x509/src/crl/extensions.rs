use smime_crypto::{
    Oid, UnixTime,
    asn1::{Element, Reader, Tag},
};

use crate::{
    AuthorityKeyId, DistributionPoint, GeneralName, IssuingDistributionPoint, ParseError,
    SequenceOf,
    extension::{RawExtension, Seen},
    span::Span,
};

/// What the extensions of one list say (RFC 5280 §5.2); each span is that of a value whose shape
/// was checked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CrlExtensions {
    pub(super) number: Option<Span>,
    pub(super) critical_number: bool,
    pub(super) delta_base: Option<Span>,
    pub(super) issuing_distribution_point: Option<Span>,
    pub(super) indirect: bool,
    pub(super) authority_key_id: Option<Span>,
    pub(super) freshest_crl: Option<Span>,
    /// None also where it cannot be read: to forget the expired is the rule.
    pub(super) expired_since: Option<UnixTime>,
    /// The first critical extension that nobody here processes.
    pub(super) unknown_critical: Option<Oid>,
}

impl CrlExtensions {
    /// Reads `[0] EXPLICIT Extensions OPTIONAL`, which version 2 alone has.
    pub(super) fn read(fields: &mut Reader<'_>, version: u8) -> Result<Self, ParseError> {
        let mut extensions = Self::default();
        let what = "crlExtensions";
        let Some(field) = fields.optional(Tag::context_constructed(0), what)? else {
            return Ok(extensions);
        };
        if version < 2 {
            return Err(ParseError::Version);
        }
        let mut outer = field.reader();
        let mut list = outer.sequence(what)?;
        outer.finish(what)?;
        if list.is_empty() {
            return Err(ParseError::Malformed {
                what,
                offset: list.offset(),
            });
        }
        let mut seen = Seen::in_list(&list);
        while !list.is_empty() {
            let offset = list.offset();
            let extension = RawExtension::read(&mut list)?;
            seen.add(&extension, offset)?;
            extensions.take(&extension)?;
        }
        Ok(extensions)
    }

    fn take(&mut self, extension: &RawExtension<'_>) -> Result<(), ParseError> {
        let value = &extension.value;
        let span = Some(Span::of_content(value));
        match extension.oid.content {
            [0x55, 0x1d, 18] => {
                SequenceOf::<GeneralName<'_>>::from_value(value, "issuerAltName")?;
            }
            [0x55, 0x1d, 20] => {
                self.number = Some(number(value, "cRLNumber")?);
                self.critical_number = extension.critical;
            }
            [0x55, 0x1d, 27] => self.delta_base = Some(number(value, "BaseCRLNumber")?),
            [0x55, 0x1d, 28] => {
                self.indirect = IssuingDistributionPoint::from_value(value)?.indirect;
                self.issuing_distribution_point = span;
            }
            [0x55, 0x1d, 35] => {
                AuthorityKeyId::from_value(value)?;
                self.authority_key_id = span;
            }
            [0x55, 0x1d, 46] => {
                SequenceOf::<DistributionPoint<'_>>::from_value(value, "freshestCRL")?;
                self.freshest_crl = span;
            }
            [0x55, 0x1d, 60] if !extension.critical => {
                self.expired_since = value.reader().time("expiredCertsOnCRL").ok();
            }
            content if extension.critical && self.unknown_critical.is_none() => {
                self.unknown_critical = Oid::from_bytes(content);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Makes an extnValue of its content again.
pub(super) fn value_of(content: &[u8]) -> Element<'_> {
    Element {
        tag: Tag::OCTET_STRING,
        raw: content,
        content,
        offset: 0,
    }
}

/// Returns where the magnitude of a CRLNumber stands: it is not negative, and its readers need not
/// go beyond 20 octets (RFC 5280 §5.2.3).
fn number(value: &Element<'_>, what: &'static str) -> Result<Span, ParseError> {
    let mut reader = value.reader();
    let element = reader.clone().read(Tag::INTEGER, what)?;
    let magnitude = reader.unsigned(what)?;
    reader.finish(what)?;
    if magnitude.len() > 20 {
        return Err(ParseError::Malformed {
            what,
            offset: element.offset,
        });
    }
    Ok(Span::of_end(&element, magnitude.len()))
}
