use std::{
    collections::HashSet,
    fmt, hash,
    ops::Range,
    sync::{Arc, OnceLock},
};

use smime_crypto::{
    CryptoProvider as _, DigestAlgorithm, Error, Oid, PublicKey, RustCrypto, SignatureScheme,
    UnixTime,
    asn1::{Element, Reader, Tag},
};

use crate::{
    BasicConstraints, EmailAddress, Extension, KeyUsage, Name, ParseError,
    extension::{Extensions, read_extension},
};

/// A certificate (RFC 5280 §4.1): its bytes, and what they say.
///
/// Cheap to clone; two are equal when their bytes are. Parsing proves the shape and nothing else:
/// no signature was checked, no time compared.
#[derive(Clone)]
pub struct Certificate(Arc<Parsed>);

impl Certificate {
    /// Reads one DER certificate; bytes after it are refused.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn from_der(der: &[u8]) -> Result<Self, ParseError> {
        Parsed::read(der).map(|parsed| Self(Arc::new(parsed)))
    }

    /// Returns the bytes, as read.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Returns the SHA-256 of the bytes.
    pub fn fingerprint(&self) -> [u8; 32] {
        *self.0.fingerprint.get_or_init(|| {
            let mut hasher = RustCrypto.hasher(DigestAlgorithm::Sha256);
            hasher.update(&self.0.der);
            let mut fingerprint = [0; 32];
            for (to, from) in fingerprint.iter_mut().zip(hasher.finish()) {
                *to = from;
            }
            fingerprint
        })
    }

    /// Returns 1, 2 or 3.
    pub fn version(&self) -> u8 {
        self.0.version
    }

    /// Returns the content octets of the serial number, as encoded.
    pub fn serial(&self) -> &[u8] {
        self.0.slice(&self.0.serial)
    }

    /// Returns who signed.
    pub fn issuer(&self) -> &Name {
        &self.0.issuer
    }

    /// Returns whose key it is.
    pub fn subject(&self) -> &Name {
        &self.0.subject
    }

    /// Returns the first second of validity.
    pub fn not_before(&self) -> UnixTime {
        self.0.not_before
    }

    /// Returns the last second of validity.
    pub fn not_after(&self) -> UnixTime {
        self.0.not_after
    }

    /// Returns the subject's key.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public_key
    }

    /// Returns the subject's mail addresses without duplicates: those of the subject alternative
    /// name (RFC 5280 §4.2.1.6, RFC 9598), then those of the subject.
    pub fn emails(&self) -> &[EmailAddress] {
        &self.0.emails
    }

    /// Says whether the subject alternative name holds a mail address.
    pub fn has_san_email(&self) -> bool {
        !self.0.extensions.san_emails.is_empty()
    }

    /// Returns the extension basicConstraints.
    pub fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.0.extensions.basic_constraints
    }

    /// Says whether basicConstraints call it a certification authority.
    pub fn is_ca(&self) -> bool {
        self.basic_constraints()
            .is_some_and(|constraints| constraints.ca)
    }

    /// Returns the extension keyUsage; without it every use is allowed.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.0.extensions.key_usage
    }

    /// Returns the extension extKeyUsage; without it every use is allowed.
    pub fn extended_key_usage(&self) -> Option<&[Oid]> {
        self.0.extensions.extended_key_usage.as_deref()
    }

    /// Returns the extension subjectKeyIdentifier.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.0.extensions.subject_key_id.as_deref()
    }

    /// Returns the key identifier of the extension authorityKeyIdentifier.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.0.extensions.authority_key_id.as_deref()
    }

    /// Returns the DER SMIMECapabilities of the extension (RFC 4262), unread.
    pub fn smime_capabilities(&self) -> Option<&[u8]> {
        self.0.extensions.smime_capabilities.as_deref()
    }

    /// Returns every extension, in the order of the certificate.
    pub fn extension_list(&self) -> impl Iterator<Item = Extension<'_>> {
        let list = self.0.slice(&self.0.extension_list);
        let mut reader = Reader::new(list).sequence("extensions").ok();
        std::iter::from_fn(move || Some(read_extension(reader.as_mut()?).ok()?.0))
    }

    /// Says whether issuer and subject are one name (RFC 5280 §6.1); no signature is implied.
    pub fn is_self_issued(&self) -> bool {
        *self
            .0
            .self_issued
            .get_or_init(|| self.issuer().matches(self.subject()))
    }

    /// Returns how the certificate was signed.
    ///
    /// # Errors
    /// [`Error::UnknownAlgorithm`], [`Error::Unsupported`], [`Error::Malformed`].
    pub fn signature_scheme(&self) -> Result<SignatureScheme, Error> {
        SignatureScheme::from_identifier(self.0.slice(&self.0.signature_algorithm), None)
    }

    /// Returns the DER AlgorithmIdentifier of the signature.
    pub fn signature_algorithm(&self) -> &[u8] {
        self.0.slice(&self.0.signature_algorithm)
    }

    /// Returns the bytes that are signed.
    pub fn tbs(&self) -> &[u8] {
        self.0.slice(&self.0.tbs)
    }

    /// Returns the signature.
    pub fn signature(&self) -> &[u8] {
        self.0.slice(&self.0.signature)
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        &self.0.extensions
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.der() == other.der()
    }
}

impl Eq for Certificate {}

impl hash::Hash for Certificate {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.der().hash(state);
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({} ", self.subject())?;
        self.fingerprint()
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// The ranges point into `der` and were found there by the reader.
struct Parsed {
    der: Box<[u8]>,
    fingerprint: OnceLock<[u8; 32]>,
    self_issued: OnceLock<bool>,
    tbs: Range<usize>,
    signature_algorithm: Range<usize>,
    signature: Range<usize>,
    serial: Range<usize>,
    extension_list: Range<usize>,
    version: u8,
    issuer: Name,
    subject: Name,
    not_before: UnixTime,
    not_after: UnixTime,
    public_key: PublicKey,
    extensions: Extensions,
    emails: Vec<EmailAddress>,
}

impl Parsed {
    fn read(der: &[u8]) -> Result<Self, ParseError> {
        let mut input = Reader::new(der);
        let mut outer = input.sequence("Certificate")?;
        input.finish("Certificate")?;
        let tbs = outer.read(Tag::SEQUENCE, "TBSCertificate")?;
        let signature_algorithm = outer.read(Tag::SEQUENCE, "signatureAlgorithm")?;
        let signature = outer.read(Tag::BIT_STRING, "signatureValue")?;
        outer.finish("Certificate")?;
        let signature_octets = signature.bit_string_octets()?;

        let mut fields = tbs.reader();
        let version = version(&mut fields)?;
        let serial = fields.read(Tag::INTEGER, "serialNumber")?;
        if serial.integer()?.len() > MAX_SERIAL {
            return Err(ParseError::Malformed {
                what: "serialNumber",
                offset: serial.offset,
            });
        }
        if fields.read(Tag::SEQUENCE, "signature")?.raw != signature_algorithm.raw {
            return Err(ParseError::AlgorithmMismatch);
        }
        check_identifier(&signature_algorithm)?;
        let issuer = Name::from_element(&fields.read(Tag::SEQUENCE, "issuer")?)?;
        let mut validity = fields.sequence("validity")?;
        let (not_before, not_after) = (validity.time("notBefore")?, validity.time("notAfter")?);
        validity.finish("validity")?;
        let subject = Name::from_element(&fields.read(Tag::SEQUENCE, "subject")?)?;
        let spki = fields.read(Tag::SEQUENCE, "subjectPublicKeyInfo")?;
        let public_key = PublicKey::from_spki(spki.raw)
            .map_err(|error| ParseError::from(error).moved_by(spki.offset))?;
        let (extensions, extension_list) = tail(&mut fields, version)?;

        let emails = without_duplicates(&extensions.san_emails, subject.emails());
        Ok(Self {
            der: der.into(),
            fingerprint: OnceLock::new(),
            self_issued: OnceLock::new(),
            tbs: whole(&tbs),
            signature_algorithm: whole(&signature_algorithm),
            signature: end(&signature, signature_octets.len()),
            serial: end(&serial, serial.content.len()),
            extension_list,
            version,
            issuer,
            subject,
            not_before,
            not_after,
            public_key,
            extensions,
            emails,
        })
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.der.get(range.clone()).unwrap_or_default()
    }
}

fn without_duplicates(first: &[EmailAddress], then: Vec<EmailAddress>) -> Vec<EmailAddress> {
    let mut emails: Vec<_> = first.iter().cloned().chain(then).collect();
    if emails.len() > 1 {
        let mut known = HashSet::new();
        emails.retain(|email| known.insert(email.folded()));
    }
    emails
}

/// Reads `[0] EXPLICIT Version DEFAULT v1`.
fn version(fields: &mut Reader<'_>) -> Result<u8, ParseError> {
    let Some(field) = fields.optional(Tag::context_constructed(0), "version")? else {
        return Ok(1);
    };
    let mut inner = field.reader();
    let number = inner.small("version")?;
    inner.finish("version")?;
    match number {
        0 => Ok(1),
        1 => Ok(2),
        2 => Ok(3),
        _ => Err(ParseError::Version),
    }
}

/// Reads what may follow the key: the unique identifiers of version 2, which nothing uses, and the
/// extensions of version 3 (RFC 5280 §4.1.2.8, §4.1.2.9).
fn tail(fields: &mut Reader<'_>, version: u8) -> Result<(Extensions, Range<usize>), ParseError> {
    for number in [1, 2] {
        if fields
            .optional(Tag::context(number), "uniqueIdentifier")?
            .is_some()
            && version < 2
        {
            return Err(ParseError::Version);
        }
    }
    let extensions = match fields.optional(Tag::context_constructed(3), "extensions")? {
        Some(_) if version < 3 => return Err(ParseError::Version),
        Some(field) => (Extensions::read(&field)?, end(&field, field.content.len())),
        None => (Extensions::default(), 0..0),
    };
    fields.finish("TBSCertificate")?;
    Ok(extensions)
}

/// An AlgorithmIdentifier: an identifier and at most one value (RFC 5280 §4.1.1.2).
fn check_identifier(element: &Element<'_>) -> Result<(), ParseError> {
    let mut fields = element.reader();
    fields.oid()?;
    if !fields.is_empty() {
        fields.any("parameters")?;
    }
    Ok(fields.finish("AlgorithmIdentifier")?)
}

fn whole(element: &Element<'_>) -> Range<usize> {
    element.offset..element.offset + element.raw.len()
}

/// Returns where the last `length` bytes of an element stand.
fn end(element: &Element<'_>, length: usize) -> Range<usize> {
    let end = element.offset + element.raw.len();
    end - length..end
}

/// RFC 5280 §4.1.2.2 allows 20 octets; longer ones exist, and 64 leave room for all of them.
const MAX_SERIAL: usize = 64;
