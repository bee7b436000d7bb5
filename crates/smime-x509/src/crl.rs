use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use smime_crypto::{
    Error, Oid, SignatureScheme, UnixTime,
    asn1::{Element, Reader, Tag},
};

use crate::{
    AuthorityKeyId, DistributionPoint, GeneralName, NameRef, ParseError, SequenceOf, span::Span,
};

mod entry;
mod extensions;
mod index;
mod scope;

pub use entry::{CrlEntry, RevocationReason};
pub use scope::IssuingDistributionPoint;

use extensions::CrlExtensions;
use index::SerialIndex;

/// A certificate revocation list that owns its bytes (RFC 5280 §5.1).
///
/// Reading one takes time in proportion to its bytes and no memory beside them; the entries stay
/// where they are. The first look-up sorts their serial numbers once, into sixteen bytes for each.
/// Cheap to clone; two are equal when their bytes are.
///
/// It proves the shape and nothing else: no signature was checked, no time compared.
#[derive(Clone)]
pub struct Crl(Arc<Owned>);

struct Owned {
    der: Box<[u8]>,
    layout: Layout,
    index: OnceLock<SerialIndex>,
}

/// Why a list that can be read must not decide about any certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrlDefect {
    /// A critical extension, of the list or of an entry, that is not known (RFC 5280 §5.2, §5.3).
    UnknownCriticalExtension(Oid),
    /// A version 2 list without a number (RFC 5280 §5.2.3).
    NoNumber,
    /// A number that is critical, which RFC 5280 §5.2.3 forbids.
    CriticalNumber,
    /// Entries of another issuer in a list that does not call itself indirect
    /// (RFC 5280 §5.3.3).
    UnannouncedIssuer,
}

/// Where the fields of a list stand, and what the short ones say.
#[derive(Clone, Copy)]
struct Layout {
    version: u8,
    tbs: Span,
    signature_algorithm: Span,
    signature: Span,
    issuer: Span,
    this_update: UnixTime,
    next_update: Option<UnixTime>,
    /// The content of revokedCertificates.
    entries: Span,
    extensions: CrlExtensions,
    defect: Option<CrlDefect>,
}

impl Crl {
    /// Reads one DER CertificateList; bytes after it are refused.
    ///
    /// # Errors
    /// [`ParseError`]; byte positions count from the first byte of `der`.
    pub fn from_der(der: &[u8]) -> Result<Self, ParseError> {
        let layout = Layout::read(der)?;
        Ok(Self(Arc::new(Owned {
            der: der.into(),
            layout,
            index: OnceLock::new(),
        })))
    }

    /// Returns the bytes, as read.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Returns 1 or 2.
    pub fn version(&self) -> u8 {
        self.0.layout.version
    }

    /// Returns who signed.
    pub fn issuer(&self) -> NameRef<'_> {
        NameRef::of_checked(self.slice(self.0.layout.issuer))
    }

    /// Returns when the list was issued.
    pub fn this_update(&self) -> UnixTime {
        self.0.layout.this_update
    }

    /// Returns until when the next one is issued; RFC 5280 §5.1.2.5 wants it always.
    pub fn next_update(&self) -> Option<UnixTime> {
        self.0.layout.next_update
    }

    /// Says whether this was the list to ask at `at`; one without an end never is.
    pub fn is_current(&self, at: UnixTime) -> bool {
        self.this_update() <= at && self.next_update().is_some_and(|next| at <= next)
    }

    /// Returns since when certificates that expired stay on the list, by the extension
    /// expiredCertsOnCRL of X.509; without it, they go from it when they expire (RFC 5280 §3.3).
    pub fn expired_since(&self) -> Option<UnixTime> {
        self.0.layout.extensions.expired_since
    }

    /// Returns the magnitude of the extension cRLNumber, without leading zeros.
    pub fn number(&self) -> Option<&[u8]> {
        self.0
            .layout
            .extensions
            .number
            .map(|number| self.slice(number))
    }

    /// Returns the magnitude of the extension deltaCRLIndicator, without leading zeros: the number
    /// of the complete list that this one changes. A list without it is complete for its scope.
    pub fn delta_base(&self) -> Option<&[u8]> {
        let base = self.0.layout.extensions.delta_base;
        base.map(|number| self.slice(number))
    }

    /// Returns the extension issuingDistributionPoint: what the list tells of.
    pub fn issuing_distribution_point(&self) -> Option<IssuingDistributionPoint<'_>> {
        let value = self.value(self.0.layout.extensions.issuing_distribution_point)?;
        IssuingDistributionPoint::from_value(&value).ok()
    }

    /// Returns the DER of the extension issuingDistributionPoint.
    pub(crate) fn scope_der(&self) -> Option<&[u8]> {
        let scope = self.0.layout.extensions.issuing_distribution_point;
        scope.map(|scope| self.slice(scope))
    }

    /// Returns the extension authorityKeyIdentifier.
    pub fn authority_key(&self) -> Option<AuthorityKeyId<'_>> {
        let value = self.value(self.0.layout.extensions.authority_key_id)?;
        AuthorityKeyId::from_value(&value).ok()
    }

    /// Returns the DER of the extension authorityKeyIdentifier.
    pub(crate) fn authority_key_der(&self) -> Option<&[u8]> {
        let id = self.0.layout.extensions.authority_key_id;
        id.map(|id| self.slice(id))
    }

    /// Returns the extension freshestCRL: where delta lists are (RFC 5280 §5.2.6).
    pub fn freshest_crl(&self) -> Option<SequenceOf<'_, DistributionPoint<'_>>> {
        let value = self.value(self.0.layout.extensions.freshest_crl)?;
        SequenceOf::from_value(&value, "freshestCRL").ok()
    }

    /// Returns why the list must not be used, if it must not.
    pub fn defect(&self) -> Option<CrlDefect> {
        self.0.layout.defect
    }

    /// Returns the entries, in their order.
    pub fn entries(&self) -> impl Iterator<Item = CrlEntry<'_>> {
        let mut reader = Reader::new(self.slice(self.0.layout.entries));
        std::iter::from_fn(move || CrlEntry::next(&mut reader).ok().flatten())
    }

    /// Returns the entries of the serial number with the content octets `serial`, each with the
    /// names of who issued that certificate; `None` stands for the issuer of the list.
    ///
    /// An entry without certificateIssuer has that of the entry before it (RFC 5280 §5.3.3).
    pub fn with_serial<'a>(
        &'a self,
        serial: &'a [u8],
    ) -> impl Iterator<Item = (CrlEntry<'a>, Option<SequenceOf<'a, GeneralName<'a>>>)> {
        let entries = self.slice(self.0.layout.entries);
        let index = self.0.index.get_or_init(|| SerialIndex::of(entries));
        index.find(entries, serial)
    }

    /// Returns how the list was signed.
    ///
    /// # Errors
    /// [`Error::UnknownAlgorithm`], [`Error::Unsupported`], [`Error::Malformed`].
    pub fn signature_scheme(&self) -> Result<SignatureScheme, Error> {
        SignatureScheme::from_identifier(self.slice(self.0.layout.signature_algorithm), None)
    }

    /// Returns the bytes that are signed.
    pub fn tbs(&self) -> &[u8] {
        self.slice(self.0.layout.tbs)
    }

    /// Returns the signature.
    pub fn signature(&self) -> &[u8] {
        self.slice(self.0.layout.signature)
    }

    fn slice(&self, span: Span) -> &[u8] {
        span.slice(&self.0.der)
    }

    fn value(&self, span: Option<Span>) -> Option<Element<'_>> {
        Some(extensions::value_of(self.slice(span?)))
    }
}

impl PartialEq for Crl {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.der() == other.der()
    }
}

impl Eq for Crl {}

impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crl({}, {})", self.issuer(), self.this_update())
    }
}

impl CrlDefect {
    /// Returns the stable code of this defect.
    pub fn code(self) -> &'static str {
        match self {
            Self::UnknownCriticalExtension(_) => "crl.unknown_critical_extension",
            Self::NoNumber => "crl.no_number",
            Self::CriticalNumber => "crl.critical_number",
            Self::UnannouncedIssuer => "crl.unannounced_issuer",
        }
    }
}

impl Layout {
    fn read(der: &[u8]) -> Result<Self, ParseError> {
        let what = "CertificateList";
        let mut input = Reader::new(der);
        let mut outer = input.sequence(what)?;
        input.finish(what)?;
        let tbs = outer.read(Tag::SEQUENCE, "TBSCertList")?;
        let signature_algorithm = outer.read(Tag::SEQUENCE, "signatureAlgorithm")?;
        let signature = outer.read(Tag::BIT_STRING, "signatureValue")?;
        outer.finish(what)?;
        let signature_octets = signature.bit_string_octets()?;

        let mut fields = tbs.reader();
        let version = version(&mut fields)?;
        if fields.read(Tag::SEQUENCE, "signature")?.raw != signature_algorithm.raw {
            return Err(ParseError::AlgorithmMismatch);
        }
        check_identifier(&signature_algorithm)?;
        let issuer = fields.read(Tag::SEQUENCE, "issuer")?;
        if NameRef::from_element(&issuer)?.is_empty() {
            return Err(ParseError::Malformed {
                what: "issuer",
                offset: issuer.offset,
            });
        }
        let this_update = fields.time("thisUpdate")?;
        let next_update = match fields.peek() {
            Some(Tag::UTC_TIME | Tag::GENERALIZED_TIME) => Some(fields.time("nextUpdate")?),
            _ => None,
        };
        // DEVIATION RFC 5280 §5.1.2.6: an empty list of entries is read as an absent one; because
        // many issuers write it, and it has one meaning.
        let entries = fields.optional(Tag::SEQUENCE, "revokedCertificates")?;
        let found = entries
            .as_ref()
            .map(|entries| entry::check(&mut entries.reader(), version))
            .transpose()?
            .unwrap_or_default();
        let extensions = CrlExtensions::read(&mut fields, version)?;
        fields.finish("TBSCertList")?;
        let unannounced = found.names_issuers && !extensions.indirect;
        let unknown = extensions.unknown_critical.or(found.unknown_critical);
        let defect = if let Some(oid) = unknown {
            Some(CrlDefect::UnknownCriticalExtension(oid))
        } else if unannounced {
            Some(CrlDefect::UnannouncedIssuer)
        } else if extensions.critical_number {
            Some(CrlDefect::CriticalNumber)
        } else if version == 2 && extensions.number.is_none() {
            Some(CrlDefect::NoNumber)
        } else {
            None
        };
        Ok(Self {
            version,
            tbs: Span::of(&tbs),
            signature_algorithm: Span::of(&signature_algorithm),
            signature: Span::of_end(&signature, signature_octets.len()),
            issuer: Span::of(&issuer),
            this_update,
            next_update,
            entries: entries.as_ref().map(Span::of_content).unwrap_or_default(),
            extensions,
            defect,
        })
    }
}

/// Reads `Version OPTIONAL`, which must be v2 when it is there (RFC 5280 §5.1.2.1).
///
/// DEVIATION RFC 5280 §5.2.3: a version 1 list is used although it has no number; because it cannot
/// have one, and private authorities write such lists.
fn version(fields: &mut Reader<'_>) -> Result<u8, ParseError> {
    if fields.peek() != Some(Tag::INTEGER) {
        return Ok(1);
    }
    match fields.small("version")? {
        1 => Ok(2),
        _ => Err(ParseError::Version),
    }
}

/// An AlgorithmIdentifier: an identifier and at most one value (RFC 5280 §4.1.1.2).
pub(crate) fn check_identifier(element: &Element<'_>) -> Result<(), ParseError> {
    let mut fields = element.reader();
    fields.oid()?;
    if !fields.is_empty() {
        fields.any("parameters")?;
    }
    Ok(fields.finish("AlgorithmIdentifier")?)
}
