use std::{fmt, sync::Arc};

use smime_crypto::{
    Error, Oid, SignatureScheme, UnixTime,
    asn1::{Element, Reader, Tag},
};

use crate::{
    CertificateRef, Extension, NameRef, ParseError,
    crl::check_identifier,
    extension::{RawExtension, Seen},
    oid,
    span::Span,
};

mod single;

pub use single::{CertificateId, CertificateStatus, SingleResponse};

/// An OCSP response that owns its bytes (RFC 6960 §4.2.1).
///
/// It proves the shape and nothing else: no signature was checked, no time compared. Cheap to
/// clone; two are equal when their bytes are.
#[derive(Clone)]
pub struct OcspResponse(Arc<Owned>);

struct Owned {
    der: Box<[u8]>,
    status: OcspStatus,
    basic: Option<Layout>,
}

/// What became of the request (RFC 6960 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspStatus {
    /// There is an answer.
    Successful,
    /// The responder did not understand the request.
    MalformedRequest,
    /// The responder failed.
    InternalError,
    /// Later perhaps.
    TryLater,
    /// The request has to be signed.
    SignatureRequired,
    /// The requester may not ask.
    Unauthorized,
}

/// Who signed a response (RFC 6960 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponderId<'a> {
    /// The one of this name.
    Name(NameRef<'a>),
    /// The one whose key has this SHA-1, taken over the octets of subjectPublicKey.
    KeyHash(&'a [u8]),
}

/// A BasicOCSPResponse inside an [`OcspResponse`]: what the responder says and signs.
#[derive(Clone, Copy)]
pub struct BasicResponse<'a> {
    der: &'a [u8],
    layout: &'a Layout,
}

#[derive(Clone, Copy)]
struct Layout {
    tbs: Span,
    signature_algorithm: Span,
    signature: Span,
    responder: Span,
    by_key: bool,
    produced_at: UnixTime,
    responses: Span,
    extensions: Span,
    certificates: Span,
    unknown_critical: Option<Oid>,
}

impl OcspResponse {
    /// Reads one DER OCSPResponse; bytes after it are refused.
    ///
    /// # Errors
    /// [`ParseError`]; byte positions count from the first byte of `der`.
    pub fn from_der(der: &[u8]) -> Result<Self, ParseError> {
        let what = "OCSPResponse";
        let mut input = Reader::new(der);
        let mut outer = input.sequence(what)?;
        input.finish(what)?;
        let status = status(&outer.read(Tag::ENUMERATED, "responseStatus")?)?;
        let bytes = outer.optional(Tag::context_constructed(0), "responseBytes")?;
        outer.finish(what)?;
        // An answer without content and content without an answer are both none.
        if bytes.is_some() != (status == OcspStatus::Successful) {
            return Err(ParseError::Malformed {
                what: "responseBytes",
                offset: outer.offset(),
            });
        }
        let basic = bytes.as_ref().map(Layout::read).transpose()?;
        Ok(Self(Arc::new(Owned {
            der: der.into(),
            status,
            basic,
        })))
    }

    /// Returns the bytes, as read.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Returns what became of the request.
    pub fn status(&self) -> OcspStatus {
        self.0.status
    }

    /// Returns what the responder says; `None` when it did not answer.
    pub fn basic(&self) -> Option<BasicResponse<'_>> {
        Some(BasicResponse {
            der: &self.0.der,
            layout: self.0.basic.as_ref()?,
        })
    }
}

impl PartialEq for OcspResponse {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.der() == other.der()
    }
}

impl Eq for OcspResponse {}

impl fmt::Debug for OcspResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let produced_at = self.basic().map(|basic| basic.produced_at());
        f.debug_struct("OcspResponse")
            .field("status", &self.status())
            .field("produced_at", &produced_at)
            .finish_non_exhaustive()
    }
}

impl<'a> BasicResponse<'a> {
    /// Returns who signed.
    pub fn responder(&self) -> ResponderId<'a> {
        let id = self.layout.responder.slice(self.der);
        if self.layout.by_key {
            ResponderId::KeyHash(id)
        } else {
            ResponderId::Name(NameRef::of_checked(id))
        }
    }

    /// Returns when the response was signed.
    pub fn produced_at(&self) -> UnixTime {
        self.layout.produced_at
    }

    /// Returns what is said of each certificate.
    pub fn responses(&self) -> impl Iterator<Item = SingleResponse<'a>> + use<'a> {
        let mut reader = Reader::new(self.layout.responses.slice(self.der));
        std::iter::from_fn(move || {
            if reader.is_empty() {
                return None;
            }
            SingleResponse::read(&mut reader).ok()
        })
    }

    /// Returns the octets of the nonce, which a request has chosen (RFC 9654 §2.1).
    pub fn nonce(&self) -> Option<&'a [u8]> {
        let nonce = self
            .extension_list()
            .find(|extension| extension.oid == oid::OCSP_NONCE)?;
        Reader::new(nonce.value).octet_string("nonce").ok()
    }

    /// Returns every extension of the response, in its order.
    pub fn extension_list(&self) -> impl Iterator<Item = Extension<'a>> + use<'a> {
        let mut reader = Reader::new(self.layout.extensions.slice(self.der));
        std::iter::from_fn(move || Some(Extension::read(&mut reader).ok()?.0))
    }

    /// Returns the first critical extension, of the response or of what it says of a certificate,
    /// that is not known: such a response must not be used (RFC 6960 §4.4).
    pub fn unknown_critical_extension(&self) -> Option<Oid> {
        self.layout.unknown_critical
    }

    /// Returns the certificates that came with it and can be read.
    pub fn certificates(&self) -> impl Iterator<Item = CertificateRef<'a>> + use<'a> {
        let mut reader = Reader::new(self.layout.certificates.slice(self.der));
        std::iter::from_fn(move || reader.any("certificate").ok())
            .filter_map(|element| CertificateRef::from_der(element.raw).ok())
    }

    /// Returns how the response was signed.
    ///
    /// # Errors
    /// [`Error::UnknownAlgorithm`], [`Error::Unsupported`], [`Error::Malformed`].
    pub fn signature_scheme(&self) -> Result<SignatureScheme, Error> {
        SignatureScheme::from_identifier(self.layout.signature_algorithm.slice(self.der), None)
    }

    /// Returns the bytes that are signed.
    pub fn tbs(&self) -> &'a [u8] {
        self.layout.tbs.slice(self.der)
    }

    /// Returns the signature.
    pub fn signature(&self) -> &'a [u8] {
        self.layout.signature.slice(self.der)
    }
}

impl Layout {
    fn read(bytes: &Element<'_>) -> Result<Self, ParseError> {
        let what = "responseBytes";
        let mut outer = bytes.reader();
        let mut fields = outer.sequence(what)?;
        outer.finish(what)?;
        let kind_at = fields.offset();
        if fields.oid()? != oid::OCSP_BASIC {
            return Err(ParseError::Malformed {
                what: "responseType",
                offset: kind_at,
            });
        }
        let response = fields.read(Tag::OCTET_STRING, "response")?;
        fields.finish(what)?;

        let what = "BasicOCSPResponse";
        let mut inner = response.reader();
        let mut basic = inner.sequence(what)?;
        inner.finish(what)?;
        let tbs = basic.read(Tag::SEQUENCE, "tbsResponseData")?;
        let signature_algorithm = basic.read(Tag::SEQUENCE, "signatureAlgorithm")?;
        check_identifier(&signature_algorithm)?;
        let signature = basic.read(Tag::BIT_STRING, "signature")?;
        let signature_octets = signature.bit_string_octets()?;
        let certificates = certificates(&mut basic)?;
        basic.finish(what)?;

        let mut data = tbs.reader();
        version(&mut data)?;
        let (responder, by_key) = responder(&mut data)?;
        let produced_at = single::generalized_time(&mut data, "producedAt")?;
        let responses = data.read(Tag::SEQUENCE, "responses")?;
        let mut unknown_critical = check_responses(&responses)?;
        let (extensions, unknown) = extensions(&mut data, &[oid::OCSP_NONCE])?;
        unknown_critical = unknown_critical.or(unknown);
        data.finish("tbsResponseData")?;
        Ok(Self {
            tbs: Span::of(&tbs),
            signature_algorithm: Span::of(&signature_algorithm),
            signature: Span::of_end(&signature, signature_octets.len()),
            responder,
            by_key,
            produced_at,
            responses: Span::of_content(&responses),
            extensions,
            certificates,
            unknown_critical,
        })
    }
}

fn status(number: &Element<'_>) -> Result<OcspStatus, ParseError> {
    Ok(match number.content {
        [0] => OcspStatus::Successful,
        [1] => OcspStatus::MalformedRequest,
        [2] => OcspStatus::InternalError,
        [3] => OcspStatus::TryLater,
        [5] => OcspStatus::SignatureRequired,
        [6] => OcspStatus::Unauthorized,
        _ => {
            return Err(ParseError::Malformed {
                what: "responseStatus",
                offset: number.offset,
            });
        }
    })
}

/// Reads `[0] EXPLICIT Version DEFAULT v1`; there is no other, and DER leaves a default out.
fn version(data: &mut Reader<'_>) -> Result<(), ParseError> {
    match data.optional(Tag::context_constructed(0), "version")? {
        None => Ok(()),
        Some(_) => Err(ParseError::Version),
    }
}

/// Returns where the Name or the hash stands, and whether it is the hash.
fn responder(data: &mut Reader<'_>) -> Result<(Span, bool), ParseError> {
    let what = "responderID";
    let choice = data.any(what)?;
    let mut inner = choice.reader();
    let found = match choice.tag.0 {
        0xa1 => {
            let name = inner.read(Tag::SEQUENCE, what)?;
            NameRef::from_element(&name)?;
            (Span::of(&name), false)
        }
        0xa2 => (
            Span::of_content(&inner.read(Tag::OCTET_STRING, what)?),
            true,
        ),
        _ => {
            return Err(ParseError::Malformed {
                what,
                offset: choice.offset,
            });
        }
    };
    inner.finish(what)?;
    Ok(found)
}

/// Returns where the elements of `certs [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL` stand.
fn certificates(basic: &mut Reader<'_>) -> Result<Span, ParseError> {
    let what = "certs";
    let Some(field) = basic.optional(Tag::context_constructed(0), what)? else {
        return Ok(Span::default());
    };
    let mut inner = field.reader();
    let sequence = inner.read(Tag::SEQUENCE, what)?;
    inner.finish(what)?;
    let mut elements = sequence.reader();
    while !elements.is_empty() {
        elements.read(Tag::SEQUENCE, what)?;
    }
    Ok(Span::of_content(&sequence))
}

/// Checks each SingleResponse; there must be one (RFC 6960 §4.2.1 has no OPTIONAL, and an answer
/// about nothing is none).
fn check_responses(responses: &Element<'_>) -> Result<Option<Oid>, ParseError> {
    let mut unknown_critical = None;
    let mut reader = responses.reader();
    while !reader.is_empty() {
        let single = SingleResponse::read(&mut reader)?;
        unknown_critical = unknown_critical.or(single.unknown_critical);
    }
    Ok(unknown_critical)
}

/// Reads `[1] EXPLICIT Extensions OPTIONAL`: where they stand, and the first critical one that is
/// not `known`.
fn extensions(fields: &mut Reader<'_>, known: &[Oid]) -> Result<(Span, Option<Oid>), ParseError> {
    let what = "extensions";
    let Some(field) = fields.optional(Tag::context_constructed(1), what)? else {
        return Ok((Span::default(), None));
    };
    let mut outer = field.reader();
    let sequence = outer.read(Tag::SEQUENCE, what)?;
    outer.finish(what)?;
    let mut list = sequence.reader();
    let (mut seen, mut unknown) = (Seen::in_list(&list), None);
    while !list.is_empty() {
        let offset = list.offset();
        let extension = RawExtension::read(&mut list)?;
        seen.add(&extension, offset)?;
        let is_known = known
            .iter()
            .any(|known| known.as_bytes() == extension.oid.content);
        if extension.critical && !is_known {
            unknown = unknown.or(Oid::from_bytes(extension.oid.content));
        }
    }
    Ok((Span::of_content(&sequence), unknown))
}
