//! Identifiers and small structures that the reading and the writing side share.

use smime_crypto::{
    Error as CryptoError, Oid,
    asn1::{Element, Reader, Tag, Writer},
    sha1_fingerprint,
};
use smime_x509::{Certificate, NameRef};

// RFC 5652 §4, §5.1, §6.1, RFC 5083 §2.1
/// The type of content that is bytes and nothing more; the one of mail (RFC 5652 §4).
pub const ID_DATA: Oid = Oid::new("1.2.840.113549.1.7.1");
/// id-ct-compressedData and id-alg-zlibCompress (RFC 3274 §1.1, §2).
pub(crate) const ID_COMPRESSED_DATA: Oid = Oid::new("1.2.840.113549.1.9.16.1.9");
pub(crate) const ZLIB: Oid = Oid::new("1.2.840.113549.1.9.16.3.8");
pub(crate) const ID_SIGNED_DATA: Oid = Oid::new("1.2.840.113549.1.7.2");
pub(crate) const ID_ENVELOPED_DATA: Oid = Oid::new("1.2.840.113549.1.7.3");
pub(crate) const ID_AUTH_ENVELOPED_DATA: Oid = Oid::new("1.2.840.113549.1.9.16.1.23");
// RFC 5652 §11
pub(crate) const CONTENT_TYPE: Oid = Oid::new("1.2.840.113549.1.9.3");
pub(crate) const MESSAGE_DIGEST: Oid = Oid::new("1.2.840.113549.1.9.4");
pub(crate) const SIGNING_TIME: Oid = Oid::new("1.2.840.113549.1.9.5");
// RFC 8551 §2.5.2 and §2.5.3, RFC 5035 §3 and §5, RFC 6211 §2
pub(crate) const SMIME_CAPABILITIES: Oid = Oid::new("1.2.840.113549.1.9.15");
pub(crate) const ENCRYPTION_KEY_PREFERENCE: Oid = Oid::new("1.2.840.113549.1.9.16.2.11");
pub(crate) const SIGNING_CERTIFICATE: Oid = Oid::new("1.2.840.113549.1.9.16.2.12");
pub(crate) const SIGNING_CERTIFICATE_V2: Oid = Oid::new("1.2.840.113549.1.9.16.2.47");
pub(crate) const ALGORITHM_PROTECTION: Oid = Oid::new("1.2.840.113549.1.9.52");
// RFC 5480 §2.1.1
pub(crate) const EC_PUBLIC_KEY: Oid = Oid::new("1.2.840.10045.2.1");
// RFC 8410 §3
pub(crate) const X25519: Oid = Oid::new("1.3.101.110");

/// Reads IssuerAndSerialNumber (RFC 5652 §10.2.4) and returns the DER issuer and the content
/// octets of the serial number.
pub(crate) fn read_issuer_serial(element: &Element<'_>) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
    let mut fields = element.reader();
    let issuer = fields.read(Tag::SEQUENCE, "issuer")?;
    let serial = fields.integer("serialNumber")?;
    fields.finish("IssuerAndSerialNumber")?;
    Ok((issuer.raw.to_vec(), serial.to_vec()))
}

/// Writes the IssuerAndSerialNumber of a certificate (RFC 5652 §10.2.4).
pub(crate) fn write_issuer_serial(w: &mut Writer, certificate: &Certificate) {
    w.sequence(|w| {
        w.raw(certificate.issuer().der());
        w.element(Tag::INTEGER, certificate.serial());
    });
}

/// Says whether `certificate` is the one of an issuer and serial number.
pub(crate) fn has_issuer_serial(certificate: &Certificate, issuer: &[u8], serial: &[u8]) -> bool {
    certificate.serial() == serial
        && (certificate.issuer().der() == issuer
            || NameRef::from_der(issuer).is_ok_and(|name| name.matches(certificate.issuer())))
}

/// Says whether `certificate` is one of a subject key identifier; where it names none, the SHA-1 of
/// its key stands for it (RFC 5280 §4.2.1.2, method 1).
pub(crate) fn has_key_id(certificate: &Certificate, key_id: &[u8]) -> bool {
    match certificate.subject_key_id() {
        Some(own) => own == key_id,
        None => sha1_fingerprint(certificate.public_key().key_bytes()) == key_id,
    }
}

/// Returns the octets of an implicitly tagged OCTET STRING, whose constructed form the BER reader
/// cannot know from its tag.
pub(crate) fn implicit_octets(
    element: &Element<'_>,
    what: &'static str,
) -> Result<Vec<u8>, CryptoError> {
    if !element.tag.is_constructed() {
        return Ok(element.content.to_vec());
    }
    let mut octets = Vec::new();
    let mut segments = element.reader();
    while !segments.is_empty() {
        octets.extend_from_slice(segments.octet_string(what)?);
    }
    Ok(octets)
}

/// Returns the algorithm of a DER AlgorithmIdentifier.
pub(crate) fn algorithm_of(identifier: &[u8]) -> Result<Oid, CryptoError> {
    let mut outer = Reader::new(identifier);
    let mut fields = outer.sequence("AlgorithmIdentifier")?;
    outer.finish("AlgorithmIdentifier")?;
    fields.oid()
}

/// Puts the elements of a DER SET OF into the order that DER wants (X.690 §11.6), under `tag`.
pub(crate) fn sorted_set(set: &[u8], tag: Tag) -> Result<Vec<u8>, CryptoError> {
    let mut elements = Reader::new(set).any("SET OF")?.reader();
    let mut sorted = Vec::new();
    while !elements.is_empty() {
        sorted.push(elements.any("SET OF")?.raw.to_vec());
    }
    Ok(Writer::encode(|w| w.set_of(tag, sorted)))
}
