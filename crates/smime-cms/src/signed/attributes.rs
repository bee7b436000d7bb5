//! Signed attributes (RFC 5652 §5.3 and §11): what is read of them.

use smime_crypto::{
    CryptoProvider, DigestAlgorithm, Error as CryptoError, Oid, SignatureScheme, UnixTime,
    asn1::{Element, Reader, Tag, Writer},
};
use smime_x509::Certificate;

use crate::{
    asn1,
    capabilities::Capabilities,
    signed::{Refusal, SignerId, SignerInfo},
};

/// The signed attributes that mean something here; others are covered by the signature and ignored.
#[derive(Debug)]
pub(crate) struct SignedAttributes<'a> {
    pub(crate) content_type: Oid,
    pub(crate) message_digest: &'a [u8],
    /// Claimed by the signer: shown, never trusted.
    pub(crate) signing_time: Option<UnixTime>,
    pub(crate) capabilities: Option<Capabilities>,
    /// How the signer names the certificate that they want to be encrypted to.
    pub(crate) encryption_key: Option<SignerId>,
    signing_certificates: Vec<EssCertificateId<'a>>,
    algorithm_protection: Option<Element<'a>>,
}

impl<'a> SignedAttributes<'a> {
    /// Reads a SET OF Attribute.
    ///
    /// contentType and messageDigest must be there; an attribute that is read here must be there
    /// once and have one value (RFC 5652 §11.1 to §11.3).
    pub(crate) fn read(set: &'a [u8]) -> Result<Self, Refusal> {
        let all = split(set).map_err(|_| Refusal::Attributes("attribute"))?;
        let content_type = single(&all, asn1::CONTENT_TYPE)?
            .and_then(|value| complete(&value, Reader::oid))
            .ok_or(Refusal::Attributes("contentType"))?;
        let message_digest = single(&all, asn1::MESSAGE_DIGEST)?
            .and_then(|value| complete(&value, |reader| reader.octet_string("messageDigest")))
            .ok_or(Refusal::Attributes("messageDigest"))?;
        let signing_time = single(&all, asn1::SIGNING_TIME)?
            .and_then(|value| complete(&value, |reader| reader.time("signingTime")));
        let capabilities = single(&all, asn1::SMIME_CAPABILITIES)?
            .and_then(|value| Capabilities::from_der(value.raw).ok());
        // It says nothing of the signature: one that is repeated or cannot be read is none.
        let encryption_key = single(&all, asn1::ENCRYPTION_KEY_PREFERENCE)
            .ok()
            .flatten()
            .and_then(|value| key_preference(&value).ok());
        let mut signing_certificates = Vec::new();
        for (attribute, default) in [
            (asn1::SIGNING_CERTIFICATE_V2, DigestAlgorithm::Sha256),
            (asn1::SIGNING_CERTIFICATE, DigestAlgorithm::Sha1),
        ] {
            if let Some(value) = single(&all, attribute)? {
                let id = EssCertificateId::read(&value, attribute, default);
                signing_certificates.push(id.map_err(|_| Refusal::SigningCertificateMismatch)?);
            }
        }
        Ok(Self {
            content_type,
            message_digest,
            signing_time,
            capabilities,
            encryption_key,
            signing_certificates,
            algorithm_protection: single(&all, asn1::ALGORITHM_PROTECTION)?,
        })
    }

    /// Checks that `certificate` is the one the signer named as theirs, if they named one
    /// (RFC 5035 §5).
    pub(crate) fn check_certificate(
        &self,
        certificate: &Certificate,
        provider: &dyn CryptoProvider,
    ) -> Result<(), Refusal> {
        let named = |id: &EssCertificateId<'_>| {
            let mut hasher = provider.hasher(id.digest);
            hasher.update(certificate.der());
            let issuer_serial = id.issuer_serial.as_ref();
            hasher.finish() == id.hash
                && issuer_serial.is_none_or(|(issuer, serial)| {
                    asn1::has_issuer_serial(certificate, issuer, serial)
                })
        };
        if self.signing_certificates.iter().all(named) {
            Ok(())
        } else {
            Err(Refusal::SigningCertificateMismatch)
        }
    }

    /// Checks that the algorithms are the ones the signer named, if they named some (RFC 6211 §2).
    pub(crate) fn check_algorithms(
        &self,
        digest: DigestAlgorithm,
        scheme: SignatureScheme,
    ) -> Result<(), Refusal> {
        let Some(protection) = &self.algorithm_protection else {
            return Ok(());
        };
        match protected_algorithms(protection) {
            Ok(named) if named == (digest, scheme) => Ok(()),
            _ => Err(Refusal::AlgorithmProtection),
        }
    }
}

/// Reads an SMIMEEncryptionKeyPreference, whose alternatives are tagged implicitly (RFC 8551
/// §2.5.3, §A).
fn key_preference(value: &Element<'_>) -> Result<SignerId, CryptoError> {
    let what = "SMIMEEncryptionKeyPreference";
    if value.tag == Tag::context_constructed(0) {
        let (issuer, serial) = asn1::read_issuer_serial(value)?;
        return Ok(SignerId::IssuerSerial { issuer, serial });
    }
    if value.tag == Tag::context_constructed(1) {
        // RecipientKeyIdentifier: a date and another attribute may follow.
        let id = value.reader().octet_string(what)?;
        return Ok(SignerId::SubjectKeyId(id.to_vec()));
    }
    let id = tagged(value, Tag::context(2), what)?;
    Ok(SignerId::SubjectKeyId(id.rest().to_vec()))
}

/// Says whether authenticated attributes are those of content of type `kind`: they name it, or
/// they name none and it is id-data (RFC 5083 §2.1).
///
/// # Errors
/// When `set` is no SET OF Attribute.
pub(crate) fn are_of_content_type(set: &[u8], kind: Oid) -> Result<bool, CryptoError> {
    let mut named = Vec::new();
    for (attribute, values) in split(set)? {
        if attribute == asn1::CONTENT_TYPE {
            named.push(complete_oid(values));
        }
    }
    if named.is_empty() {
        return Ok(kind == asn1::ID_DATA);
    }
    Ok(named.iter().all(|named| *named == Some(kind)))
}

fn complete_oid(mut values: Reader<'_>) -> Option<Oid> {
    let oid = values.oid().ok()?;
    values.is_empty().then_some(oid)
}

/// Checks that nothing stands among the unsigned attributes that must be signed (RFC 5652 §11.1 to
/// §11.3): a reader who looks in both places would believe it.
pub(crate) fn check_unsigned(signer: &SignerInfo) -> Result<(), Refusal> {
    let Some(set) = &signer.unsigned else {
        return Ok(());
    };
    let all = split(set).map_err(|_| Refusal::Attributes("unsigned attribute"))?;
    let must_be_signed = [asn1::CONTENT_TYPE, asn1::MESSAGE_DIGEST, asn1::SIGNING_TIME];
    if all.iter().any(|(kind, _)| must_be_signed.contains(kind)) {
        return Err(Refusal::Attributes("unsigned attribute"));
    }
    Ok(())
}

/// The first ESSCertID or ESSCertIDv2 of a signing-certificate attribute: the signer's own
/// (RFC 5035 §3).
#[derive(Debug)]
struct EssCertificateId<'a> {
    digest: DigestAlgorithm,
    hash: &'a [u8],
    issuer_serial: Option<(Vec<u8>, Vec<u8>)>,
}

impl<'a> EssCertificateId<'a> {
    fn read(
        value: &Element<'a>,
        attribute: Oid,
        default: DigestAlgorithm,
    ) -> Result<Self, CryptoError> {
        let what = "SigningCertificate";
        let mut certificates = tagged(value, Tag::SEQUENCE, what)?.sequence(what)?;
        let mut id = certificates.sequence(what)?;
        let digest = match id.peek() {
            Some(Tag::SEQUENCE) if attribute == asn1::SIGNING_CERTIFICATE_V2 => {
                DigestAlgorithm::from_identifier(id.any(what)?.raw)?
            }
            _ => default,
        };
        let hash = id.octet_string(what)?;
        let issuer_serial = match id.optional(Tag::SEQUENCE, what)? {
            Some(element) => Some(issuer_serial(&element)?),
            None => None,
        };
        id.finish(what)?;
        Ok(Self {
            digest,
            hash,
            issuer_serial,
        })
    }
}

/// IssuerSerial (RFC 5035 §5): one directoryName, and the serial number.
fn issuer_serial(element: &Element<'_>) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
    let what = "IssuerSerial";
    let mut fields = element.reader();
    let mut names = fields.sequence(what)?;
    let mut name = names.read(Tag::context_constructed(4), what)?.reader();
    let issuer = name.read(Tag::SEQUENCE, what)?;
    name.finish(what)?;
    names.finish(what)?;
    let serial = fields.integer(what)?;
    fields.finish(what)?;
    Ok((issuer.raw.to_vec(), serial.to_vec()))
}

/// CMSAlgorithmProtection: both algorithms under implicit tags; the one for a MAC has no place in
/// a signature.
fn protected_algorithms(
    value: &Element<'_>,
) -> Result<(DigestAlgorithm, SignatureScheme), CryptoError> {
    let what = "CMSAlgorithmProtection";
    let mut fields = tagged(value, Tag::SEQUENCE, what)?;
    let digest = fields.read(Tag::SEQUENCE, what)?;
    let signature = fields.read(Tag::context_constructed(1), what)?;
    fields.finish(what)?;
    let digest = DigestAlgorithm::from_identifier(digest.raw)?;
    let identifier = Writer::encode(|w| w.element(Tag::SEQUENCE, signature.content));
    Ok((
        digest,
        SignatureScheme::from_identifier(&identifier, Some(digest))?,
    ))
}

/// Splits a SET OF Attribute into types and values.
fn split(set: &[u8]) -> Result<Vec<(Oid, Reader<'_>)>, CryptoError> {
    let mut outer = Reader::new(set);
    let mut elements = outer.set("SignedAttributes")?;
    outer.finish("SignedAttributes")?;
    let mut all = Vec::new();
    while !elements.is_empty() {
        let mut fields = elements.sequence("Attribute")?;
        let kind = fields.oid()?;
        let values = fields.set("attrValues")?;
        fields.finish("Attribute")?;
        all.push((kind, values));
    }
    Ok(all)
}

/// Returns the one value of an attribute; none if the attribute is not there.
fn single<'a>(all: &[(Oid, Reader<'a>)], kind: Oid) -> Result<Option<Element<'a>>, Refusal> {
    let mut found = all.iter().filter(|(other, _)| *other == kind);
    let Some((_, values)) = found.next() else {
        return Ok(None);
    };
    let mut values = values.clone();
    let value = values
        .any("attrValues")
        .map_err(|_| Refusal::Attributes("attribute value"))?;
    if values.is_empty() && found.next().is_none() {
        Ok(Some(value))
    } else {
        Err(Refusal::Attributes("repeated attribute"))
    }
}

/// Returns a reader of the content of `value`, which must have `tag`.
fn tagged<'a>(
    value: &Element<'a>,
    tag: Tag,
    what: &'static str,
) -> Result<Reader<'a>, CryptoError> {
    if value.tag == tag {
        Ok(value.reader())
    } else {
        Err(CryptoError::Malformed {
            what,
            offset: value.offset,
        })
    }
}

/// Reads a value with `read`, to its last byte.
fn complete<'a, T>(
    value: &Element<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, CryptoError>,
) -> Option<T> {
    let mut reader = Reader::new(value.raw);
    let result = read(&mut reader).ok()?;
    reader.is_empty().then_some(result)
}
