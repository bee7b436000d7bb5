use std::{
    collections::HashSet,
    fmt, hash,
    sync::{Arc, OnceLock},
};

use smime_crypto::{Error, Oid, PublicKey, SignatureScheme, UnixTime};

use crate::{
    BasicConstraints, EmailAddress, Extension, KeyUsage, NameRef, ParseError, SequenceOf, oid,
};

mod view;

pub use view::CertificateRef;

/// A certificate that owns its bytes (RFC 5280 §4.1); [`view`](Self::view) tells all they say.
///
/// Cheap to clone; two are equal when their bytes are. What costs time to find out is found out
/// once.
#[derive(Clone)]
pub struct Certificate(Arc<Owned>);

struct Owned {
    der: Box<[u8]>,
    layout: view::Layout,
    public_key: PublicKey,
    fingerprint: OnceLock<[u8; 32]>,
    emails: OnceLock<Vec<EmailAddress>>,
    self_issued: OnceLock<bool>,
}

impl Certificate {
    /// Reads one DER certificate; bytes after it are refused.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn from_der(der: &[u8]) -> Result<Self, ParseError> {
        CertificateRef::from_der(der)?.to_certificate()
    }

    /// Returns the certificate as a view.
    pub fn view(&self) -> CertificateRef<'_> {
        CertificateRef::of_layout(&self.0.der, self.0.layout)
    }

    /// Returns the bytes, as read.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Returns the SHA-256 of the bytes.
    pub fn fingerprint(&self) -> [u8; 32] {
        *self.0.fingerprint.get_or_init(|| self.view().fingerprint())
    }

    /// Returns 1, 2 or 3.
    pub fn version(&self) -> u8 {
        self.view().version()
    }

    /// Returns the content octets of the serial number, as encoded.
    pub fn serial(&self) -> &[u8] {
        self.view().serial()
    }

    /// Returns who signed.
    pub fn issuer(&self) -> NameRef<'_> {
        self.view().issuer()
    }

    /// Returns whose key it is.
    pub fn subject(&self) -> NameRef<'_> {
        self.view().subject()
    }

    /// Returns the first second of validity.
    pub fn not_before(&self) -> UnixTime {
        self.view().not_before()
    }

    /// Returns the last second of validity.
    pub fn not_after(&self) -> UnixTime {
        self.view().not_after()
    }

    /// Returns the subject's key.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public_key
    }

    /// Returns the subject's mail addresses without duplicates: those of the subject alternative
    /// name (RFC 5280 §4.2.1.6, RFC 9598), then those of the subject.
    pub fn emails(&self) -> &[EmailAddress] {
        self.0.emails.get_or_init(|| self.view().emails())
    }

    /// Returns the extension basicConstraints.
    pub fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.view().basic_constraints()
    }

    /// Says whether basicConstraints call it a certification authority.
    pub fn is_ca(&self) -> bool {
        self.view().is_ca()
    }

    /// Returns the extension keyUsage; without it every use is allowed.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.view().key_usage()
    }

    /// Returns the extension extKeyUsage; without it every use is allowed.
    pub fn extended_key_usage(&self) -> Option<SequenceOf<'_, Oid>> {
        self.view().extended_key_usage()
    }

    /// Returns the extension subjectKeyIdentifier.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.view().subject_key_id()
    }

    /// Returns the key identifier of the extension authorityKeyIdentifier.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.view().authority_key_id()
    }

    /// Returns the DER SMIMECapabilities of the extension (RFC 4262), unread.
    pub fn smime_capabilities(&self) -> Option<&[u8]> {
        self.view().smime_capabilities()
    }

    /// Returns every extension, in the order of the certificate.
    pub fn extension_list(&self) -> impl Iterator<Item = Extension<'_>> {
        self.view().extension_list()
    }

    /// Says whether issuer and subject are one name (RFC 5280 §6.1); no signature is implied.
    pub fn is_self_issued(&self) -> bool {
        *self
            .0
            .self_issued
            .get_or_init(|| self.view().is_self_issued())
    }

    /// Returns how the certificate was signed.
    ///
    /// # Errors
    /// [`Error::UnknownAlgorithm`], [`Error::Unsupported`], [`Error::Malformed`].
    pub fn signature_scheme(&self) -> Result<SignatureScheme, Error> {
        self.view().signature_scheme()
    }

    /// Returns the DER AlgorithmIdentifier of the signature.
    pub fn signature_algorithm(&self) -> &[u8] {
        self.view().signature_algorithm()
    }

    /// Returns the bytes that are signed.
    pub fn tbs(&self) -> &[u8] {
        self.view().tbs()
    }

    /// Returns the signature.
    pub fn signature(&self) -> &[u8] {
        self.view().signature()
    }
}

impl CertificateRef<'_> {
    /// Returns the certificate with bytes of its own.
    ///
    /// # Errors
    /// [`ParseError`] when the subject's key is not one structure.
    pub fn to_certificate(&self) -> Result<Certificate, ParseError> {
        Ok(Certificate(Arc::new(Owned {
            der: self.der().into(),
            layout: self.layout(),
            public_key: PublicKey::from_spki(self.spki())?,
            fingerprint: OnceLock::new(),
            emails: OnceLock::new(),
            self_issued: OnceLock::new(),
        })))
    }

    /// Returns the subject's mail addresses without duplicates: those of the subject alternative
    /// name (RFC 5280 §4.2.1.6, RFC 9598), then those of the subject.
    pub fn emails(&self) -> Vec<EmailAddress> {
        let named = self.subject().values_of(oid::EMAIL_ADDRESS);
        let mut emails: Vec<_> = self
            .san_emails()
            .filter_map(EmailAddress::new)
            .chain(named.filter_map(|text| EmailAddress::new(&text)))
            .collect();
        if emails.len() > 1 {
            let mut known = HashSet::new();
            emails.retain(|email| known.insert(email.folded()));
        }
        emails
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
        self.view().fmt(f)
    }
}
