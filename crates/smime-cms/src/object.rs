use smime_crypto::{
    Error as CryptoError, Oid,
    asn1::{Element, Reader, Tag},
};
use smime_io::{Limits, Source, TooLarge};
use smime_x509::{Certificate, CertificateBundle};

use crate::{
    Compressed, Envelope, Error, SignedMessage, asn1,
    ber::BerReader,
    content::content,
    envelope::{
        Container,
        recipient::{self, MAX_RECIPIENTS},
    },
    signed::{Evidence, SignerId, SignerInfo, attributes},
};

/// A CMS object whose structure was read and whose content was not.
#[non_exhaustive]
#[derive(Debug)]
pub enum Object {
    /// SignedData.
    Signed(SignedMessage),
    /// EnvelopedData or AuthEnvelopedData.
    Enveloped(Envelope),
    /// CompressedData.
    Compressed(Compressed),
}

/// Reads the structure of the CMS object at the start of `source`, in BER or DER.
///
/// The content is passed over, its length counted; what follows the object is left alone and never
/// becomes part of the content.
///
/// # Errors
/// [`Error::Malformed`], [`Error::TooLarge`], [`Error::UnknownContentType`], and what reading
/// `source` returned.
pub fn read(source: Source, limits: &Limits) -> Result<Object, Error> {
    Ok(read_structure(&source, limits)?.object)
}

/// An object, and what only [`show`](crate::show) tells of it.
pub(crate) struct Structure {
    pub(crate) object: Object,
    pub(crate) object_type: Oid,
    pub(crate) version: u32,
    pub(crate) is_der: bool,
    /// Octets of the content, if it is inside.
    pub(crate) content_length: Option<u64>,
    /// Octets of the whole object.
    pub(crate) length: u64,
}

pub(crate) fn read_structure(source: &Source, limits: &Limits) -> Result<Structure, Error> {
    let mut ber = BerReader::new(source.open()?, limits);
    ber.enter(Tag::SEQUENCE, "ContentInfo")?;
    let object_type = oid(&mut ber, "contentType")?;
    let read = match object_type {
        asn1::ID_SIGNED_DATA => read_signed,
        asn1::ID_ENVELOPED_DATA => read_enveloped,
        asn1::ID_AUTH_ENVELOPED_DATA => read_auth_enveloped,
        asn1::ID_COMPRESSED_DATA => read_compressed,
        other => return Err(Error::UnknownContentType(other)),
    };
    ber.enter(Tag::context_constructed(0), "ContentInfo")?;
    ber.enter(Tag::SEQUENCE, "content")?;
    let version = version(&mut ber)?;
    let (object, content_length) = read(&mut ber, source, limits)?;
    ber.leave("content")?;
    ber.leave("ContentInfo")?;
    ber.leave("ContentInfo")?;
    let (is_der, length) = (ber.is_der(), ber.position());
    Ok(Structure {
        object,
        object_type,
        version,
        is_der,
        content_length,
        length,
    })
}

/// SignedData (RFC 5652 §5.1), after its version.
fn read_signed(
    ber: &mut BerReader<'_>,
    source: &Source,
    limits: &Limits,
) -> Result<(Object, Option<u64>), Error> {
    checked_set(ber, "digestAlgorithms")?;
    ber.enter(Tag::SEQUENCE, "encapContentInfo")?;
    let content_type = oid(ber, "eContentType")?;
    let mut octets = None;
    if ber.peek("eContent")?.is_some() {
        ber.enter(Tag::context_constructed(0), "eContent")?;
        octets = Some(ber.string(Tag::OCTET_STRING, "eContent")?);
        ber.leave("eContent")?;
    }
    ber.leave("encapContentInfo")?;
    let (mut certificates, mut skipped_certificates) = (CertificateBundle::new(), 0_usize);
    if ber.peek("certificates")? == Some(Tag::context_constructed(0)) {
        let (set, base) = element(ber, "certificates")?;
        let elements = children(&set, "certificates").map_err(Error::within(base))?;
        check_count("certificates", elements.len(), MAX_CERTIFICATES)?;
        for element in elements {
            match Certificate::from_der(element) {
                Ok(certificate) => {
                    certificates.add(certificate);
                }
                Err(_) => skipped_certificates = skipped_certificates.saturating_add(1),
            }
        }
    }
    let mut evidence = Evidence::default();
    if ber.peek("crls")? == Some(Tag::context_constructed(1)) {
        let (set, _) = element(ber, "crls")?;
        // Nothing needs them to read the message, so none of them makes it unreadable.
        let elements = children(&set, "crls").unwrap_or_default();
        for element in elements.into_iter().take(MAX_CRLS) {
            evidence.add(element);
        }
    }
    let (set, base) = element(ber, "signerInfos")?;
    let mut signers = Vec::new();
    if Reader::new(&set).peek() != Some(Tag::SET) {
        return Err(Error::Malformed {
            what: "signerInfos",
            offset: base,
        });
    }
    for element in children(&set, "signerInfos").map_err(Error::within(base))? {
        check_count("signers", signers.len() + 1, MAX_SIGNERS)?;
        signers.push(signer_info(element).map_err(Error::within(base))?);
    }
    let content_length = octets.map(|octets| octets.length);
    let content = octets.map(|octets| content(source, octets, limits.depth));
    let message = SignedMessage {
        content_type,
        content,
        certificates,
        skipped_certificates,
        evidence,
        signers,
    };
    Ok((Object::Signed(message), content_length))
}

/// SignerInfo (RFC 5652 §5.3).
fn signer_info(der: &[u8]) -> Result<SignerInfo, CryptoError> {
    let mut fields = Reader::new(der).sequence("SignerInfo")?;
    fields.small("version")?;
    let id = fields.any("sid")?;
    let id = match id.tag.primitive() {
        _ if id.tag == Tag::SEQUENCE => {
            let (issuer, serial) = asn1::read_issuer_serial(&id)?;
            SignerId::IssuerSerial { issuer, serial }
        }
        tag if tag == Tag::context(0) => {
            SignerId::SubjectKeyId(asn1::implicit_octets(&id, "subjectKeyIdentifier")?)
        }
        _ => {
            return Err(CryptoError::Malformed {
                what: "sid",
                offset: id.offset,
            });
        }
    };
    let digest = fields.read(Tag::SEQUENCE, "digestAlgorithm")?.raw.to_vec();
    let attributes = fields.optional(Tag::context_constructed(0), "signedAttrs")?;
    let scheme = fields
        .read(Tag::SEQUENCE, "signatureAlgorithm")?
        .raw
        .to_vec();
    let signature = fields.octet_string("signature")?.to_vec();
    let unsigned = fields.optional(Tag::context_constructed(1), "unsignedAttrs")?;
    fields.finish("SignerInfo")?;
    Ok(SignerInfo {
        id,
        digest,
        attributes: attributes.as_ref().map(as_set),
        scheme,
        signature,
        unsigned: unsigned.as_ref().map(as_set),
    })
}

/// Returns an implicitly tagged SET OF under its own tag, under which signed attributes are hashed
/// (RFC 5652 §5.4).
fn as_set(element: &Element<'_>) -> Vec<u8> {
    let mut bytes = element.raw.to_vec();
    if let Some(tag) = bytes.first_mut() {
        *tag = Tag::SET.0;
    }
    bytes
}

/// EnvelopedData (RFC 5652 §6.1), after its version.
fn read_enveloped(
    ber: &mut BerReader<'_>,
    source: &Source,
    limits: &Limits,
) -> Result<(Object, Option<u64>), Error> {
    let recipients = recipient_infos(ber)?;
    let encrypted = encrypted_content(ber, source, limits)?;
    if ber.peek("unprotectedAttrs")? == Some(Tag::context_constructed(1)) {
        ber.element("unprotectedAttrs")?;
    }
    let length = encrypted.length;
    let envelope = encrypted.envelope(recipients, Container::Enveloped);
    Ok((Object::Enveloped(envelope), Some(length)))
}

/// AuthEnvelopedData (RFC 5083 §2.1), after its version.
fn read_auth_enveloped(
    ber: &mut BerReader<'_>,
    source: &Source,
    limits: &Limits,
) -> Result<(Object, Option<u64>), Error> {
    let recipients = recipient_infos(ber)?;
    let encrypted = encrypted_content(ber, source, limits)?;
    let mut additional = Vec::new();
    if ber.peek("authAttrs")? == Some(Tag::context_constructed(1)) {
        let (set, base) = element(ber, "authAttrs")?;
        // RFC 5083 §2.2: the DER encoding under the tag of SET OF.
        additional = asn1::sorted_set(&set, Tag::SET).map_err(Error::within(base))?;
        // The type beside the ciphertext is nobody's word; that among the attributes is the sender's.
        if !attributes::are_of_content_type(&additional, encrypted.content_type)
            .map_err(Error::within(base))?
        {
            return Err(Error::Malformed {
                what: "authAttrs",
                offset: base,
            });
        }
    } else if encrypted.content_type != asn1::ID_DATA {
        // Nothing but the attributes binds another content type to the content (RFC 5083 §2.1).
        return Err(Error::Malformed {
            what: "authAttrs",
            offset: ber.position(),
        });
    }
    let (mac, base) = element(ber, "mac")?;
    let mac = Reader::new(&mac)
        .octet_string("mac")
        .map_err(Error::within(base))?
        .to_vec();
    if ber.peek("unauthAttrs")? == Some(Tag::context_constructed(2)) {
        ber.element("unauthAttrs")?;
    }
    let length = encrypted.length;
    let envelope = encrypted.envelope(recipients, Container::Authenticated { additional, mac });
    Ok((Object::Enveloped(envelope), Some(length)))
}

/// CompressedData (RFC 3274 §1.1), after its version.
fn read_compressed(
    ber: &mut BerReader<'_>,
    source: &Source,
    limits: &Limits,
) -> Result<(Object, Option<u64>), Error> {
    let (algorithm, base) = element(ber, "compressionAlgorithm")?;
    let algorithm = asn1::algorithm_of(&algorithm).map_err(Error::within(base))?;
    if algorithm != asn1::ZLIB {
        return Err(Error::UnknownAlgorithm(algorithm));
    }
    ber.enter(Tag::SEQUENCE, "encapContentInfo")?;
    let content_type = oid(ber, "eContentType")?;
    ber.enter(Tag::context_constructed(0), "eContent")?;
    let octets = ber.string(Tag::OCTET_STRING, "eContent")?;
    ber.leave("eContent")?;
    ber.leave("encapContentInfo")?;
    let compressed = Compressed {
        content_type,
        compressed: content(source, octets, limits.depth),
        length: octets.length,
    };
    Ok((Object::Compressed(compressed), Some(octets.length)))
}

/// originatorInfo, whose certificates nothing here needs, and recipientInfos.
fn recipient_infos(ber: &mut BerReader<'_>) -> Result<Vec<recipient::RecipientInfo>, Error> {
    if ber.peek("originatorInfo")? == Some(Tag::context_constructed(0)) {
        ber.element("originatorInfo")?;
    }
    let (set, base) = element(ber, "recipientInfos")?;
    if Reader::new(&set).peek() != Some(Tag::SET) {
        return Err(Error::Malformed {
            what: "recipientInfos",
            offset: base,
        });
    }
    let mut infos = Vec::new();
    for element in children(&set, "recipientInfos").map_err(Error::within(base))? {
        infos.extend(recipient::read(element).map_err(Error::within(base))?);
        check_count("recipients", infos.len(), MAX_RECIPIENTS)?;
    }
    Ok(infos)
}

/// EncryptedContentInfo (RFC 5652 §6.1).
struct EncryptedContent {
    content_type: Oid,
    algorithm: Vec<u8>,
    ciphertext: Source,
    length: u64,
}

impl EncryptedContent {
    fn envelope(self, infos: Vec<recipient::RecipientInfo>, container: Container) -> Envelope {
        Envelope::new(
            self.content_type,
            self.algorithm,
            self.ciphertext,
            infos,
            container,
        )
    }
}

fn encrypted_content(
    ber: &mut BerReader<'_>,
    source: &Source,
    limits: &Limits,
) -> Result<EncryptedContent, Error> {
    ber.enter(Tag::SEQUENCE, "encryptedContentInfo")?;
    let content_type = oid(ber, "contentType")?;
    let (algorithm, base) = element(ber, "contentEncryptionAlgorithm")?;
    asn1::algorithm_of(&algorithm).map_err(Error::within(base))?;
    let octets = ber.string(Tag::context(0), "encryptedContent")?;
    ber.leave("encryptedContentInfo")?;
    let ciphertext = content(source, octets, limits.depth);
    Ok(EncryptedContent {
        content_type,
        algorithm,
        ciphertext,
        length: octets.length,
    })
}

/// Reads a version and holds it to what RFC 5652 knows; nothing else depends on it.
fn version(ber: &mut BerReader<'_>) -> Result<u32, Error> {
    let (der, base) = element(ber, "version")?;
    match Reader::new(&der)
        .small("version")
        .map_err(Error::within(base))?
    {
        version @ 0..=5 => Ok(version),
        _ => Err(Error::Malformed {
            what: "version",
            offset: base,
        }),
    }
}

fn oid(ber: &mut BerReader<'_>, what: &'static str) -> Result<Oid, Error> {
    let (der, base) = element(ber, what)?;
    Reader::new(&der).oid().map_err(Error::within(base))
}

/// Reads a SET OF and forgets it.
fn checked_set(ber: &mut BerReader<'_>, what: &'static str) -> Result<(), Error> {
    let (set, base) = element(ber, what)?;
    Reader::new(&set)
        .set(what)
        .map(|_| ())
        .map_err(Error::within(base))
}

/// Copies the next element of the open container, which must have one, and tells where it began.
fn element(ber: &mut BerReader<'_>, what: &'static str) -> Result<(Vec<u8>, u64), Error> {
    let base = ber.position();
    match ber.peek(what)? {
        Some(_) => Ok((ber.element(what)?, base)),
        None => Err(Error::Malformed { what, offset: base }),
    }
}

fn check_count(what: &'static str, count: usize, most: usize) -> Result<(), Error> {
    if count > most {
        let limit = u64::try_from(most).unwrap_or(u64::MAX);
        return Err(TooLarge { what, limit }.into());
    }
    Ok(())
}

/// Splits a SET OF, whatever its tag, into its encoded elements.
fn children<'a>(set: &'a [u8], what: &'static str) -> Result<Vec<&'a [u8]>, CryptoError> {
    let mut elements = Reader::new(set).any(what)?.reader();
    let mut children = Vec::new();
    while !elements.is_empty() {
        children.push(elements.any(what)?.raw);
    }
    Ok(children)
}

/// Signers of one object: mail has one, seldom two; each may cost a search for a chain.
const MAX_SIGNERS: usize = 32;

/// CRLs and OCSP responses of one object that are looked at: one for each certificate of 32 paths.
const MAX_CRLS: usize = 128;

/// Certificates of one object: twice what fits `Limits::structure` when they are of honest size.
/// One of a few bytes costs hundreds once it is read.
const MAX_CERTIFICATES: usize = 4096;
