use smime_crypto::asn1::{Reader, Tag};

/// What a DER value looks like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DerKind {
    Certificate,
    Key,
    Crl,
    Request,
    Pkcs7,
    Pkcs12,
    Other,
    /// No complete DER value.
    Truncated,
}

/// Tells kinds of DER value apart by the tags of their first elements, to name what is refused.
pub(super) fn der_kind(der: &[u8]) -> DerKind {
    // PKCS#7 is BER, and often of indefinite length.
    if der.starts_with(&[0x30, 0x80, 0x06]) {
        return DerKind::Pkcs7;
    }
    if der.starts_with(&[0x30, 0x80, 0x02, 0x01, 0x03]) {
        return DerKind::Pkcs12;
    }
    let mut outer = Reader::new(der);
    let Ok(value) = outer.any("value") else {
        return DerKind::Truncated;
    };
    if value.tag != Tag::SEQUENCE {
        return DerKind::Other;
    }
    let (tags, first) = tags(value.content);
    match tags {
        // ContentInfo (RFC 5652 §3).
        [Tag::OID, ..] => DerKind::Pkcs7,
        // PFX (RFC 7292 §4): version 3.
        [Tag::INTEGER, Tag::SEQUENCE, ..] if first == [3] => DerKind::Pkcs12,
        // PrivateKeyInfo, RSAPrivateKey, ECPrivateKey (RFC 5958 §2, RFC 8017 A.1.2, RFC 5915 §3).
        [Tag::INTEGER, Tag::SEQUENCE, Tag::OCTET_STRING, ..]
        | [Tag::INTEGER, Tag::OCTET_STRING, ..] => DerKind::Key,
        [Tag::INTEGER, Tag::INTEGER, Tag::INTEGER, Tag::INTEGER] => DerKind::Key,
        // EncryptedPrivateKeyInfo (RFC 5958 §3).
        [Tag::SEQUENCE, Tag::OCTET_STRING, NO_TAG, ..] => DerKind::Key,
        [Tag::SEQUENCE, Tag::SEQUENCE, Tag::BIT_STRING, NO_TAG] => signed_kind(first),
        _ => DerKind::Other,
    }
}

/// Certificate, CertificateList and CertificationRequest have one outer form: something, an
/// algorithm and a signature (RFC 5280 §4.1, §5.1; RFC 2986 §4.2).
fn signed_kind(signed: &[u8]) -> DerKind {
    match tags(signed).0 {
        [EXPLICIT_VERSION, ..] => DerKind::Certificate,
        [Tag::INTEGER, Tag::SEQUENCE, Tag::SEQUENCE, time] if is_time(time) => DerKind::Crl,
        [Tag::SEQUENCE, Tag::SEQUENCE, time, _] if is_time(time) => DerKind::Crl,
        // A certificate of version 1 goes on with its validity.
        [Tag::INTEGER, Tag::SEQUENCE, Tag::SEQUENCE, Tag::SEQUENCE] => DerKind::Certificate,
        [Tag::INTEGER, Tag::SEQUENCE, Tag::SEQUENCE, _] => DerKind::Request,
        _ => DerKind::Certificate,
    }
}

fn is_time(tag: Tag) -> bool {
    tag == Tag::UTC_TIME || tag == Tag::GENERALIZED_TIME
}

/// Returns the tags of the first four elements, and the content of the first.
fn tags(content: &[u8]) -> ([Tag; 4], &[u8]) {
    let mut reader = Reader::new(content);
    let mut first = None;
    let tags = [(); 4].map(|()| match reader.any("element") {
        Ok(element) => {
            first.get_or_insert(element.content);
            element.tag
        }
        Err(_) => NO_TAG,
    });
    (tags, first.unwrap_or_default())
}

/// Stands for an element that is not there; end-of-contents does not occur in DER.
const NO_TAG: Tag = Tag(0);

const EXPLICIT_VERSION: Tag = Tag::context_constructed(0);
