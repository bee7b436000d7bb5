use std::{collections::HashSet, fmt, ops::Range};

use smime_crypto::{
    CryptoProvider, DigestAlgorithm, Error, PrivateKey, PublicKey, Random, SignatureScheme, Signed,
    UnixTime,
    asn1::{Element, Reader, Tag, Writer},
};

use crate::{
    CertificateBuilder, EmailAddress, IssueError, KeyUsage, KeyUsageBit, MailSubject, Name,
    ParseError, authority::scheme, oid,
};

/// A request for a certificate (PKCS#10, RFC 2986 §4): its bytes, and what they ask for.
///
/// What it asks for is a wish: an issuer decides. Its key is had only from
/// [`prove`](Self::prove), which checks that whoever asks holds the private half.
#[derive(Clone)]
pub struct CertificationRequest {
    der: Box<[u8]>,
    /// Where the signed part stands in `der`.
    info: Range<usize>,
    subject: Name,
    public_key: PublicKey,
    emails: Vec<EmailAddress>,
    key_usage: Option<KeyUsage>,
    signature_algorithm: Vec<u8>,
    signature: Vec<u8>,
}

impl CertificationRequest {
    /// Reads one DER CertificationRequest; bytes after it are refused.
    ///
    /// Of its attributes extensionRequest is read, and of the extensions in it the mail addresses
    /// of subjectAltName and keyUsage.
    ///
    /// # Errors
    /// [`ParseError::Malformed`], also for an attribute that stands there twice;
    /// [`ParseError::Version`] for another version than 1; [`ParseError::DuplicateExtension`].
    pub fn from_der(der: &[u8]) -> Result<Self, ParseError> {
        let mut input = Reader::new(der);
        let mut outer = input.sequence(REQUEST)?;
        input.finish(REQUEST)?;
        let info = outer.read(Tag::SEQUENCE, "CertificationRequestInfo")?;
        let signature_algorithm = outer.read(Tag::SEQUENCE, "signatureAlgorithm")?;
        let signature = outer.read(Tag::BIT_STRING, "signature")?;
        outer.finish(REQUEST)?;

        let mut fields = info.reader();
        if fields.small("version")? != 0 {
            return Err(ParseError::Version);
        }
        let subject = fields.read(Tag::SEQUENCE, "subject")?;
        let subject =
            Name::from_der(subject.raw).map_err(|error| error.moved_by(subject.offset))?;
        let spki = fields.read(Tag::SEQUENCE, "subjectPKInfo")?;
        let public_key = PublicKey::from_spki(spki.raw)
            .map_err(|error| ParseError::from(error).moved_by(spki.offset))?;
        let attributes = fields.read(Tag::context_constructed(0), "attributes")?;
        fields.finish("CertificationRequestInfo")?;
        let wishes = Wishes::read(&attributes)?;
        Ok(Self {
            der: der.into(),
            info: info.offset..info.offset + info.raw.len(),
            subject,
            public_key,
            emails: wishes.emails,
            key_usage: wishes.key_usage,
            signature_algorithm: signature_algorithm.raw.to_vec(),
            signature: signature.bit_string_octets()?.to_vec(),
        })
    }

    /// Makes a request for the public half of `key`, signed by it.
    ///
    /// # Errors
    /// [`IssueError::KeyRefused`]; [`IssueError::Crypto`] when the key does not sign.
    pub fn sign(
        subject: &MailSubject,
        key: &PrivateKey,
        random: &dyn Random,
    ) -> Result<Self, IssueError> {
        let (public_key, never) = (key.public_key(), UnixTime(0));
        let scheme = scheme(public_key)?;
        let name = subject.name();
        let builder = CertificateBuilder::new(name.clone(), public_key, never, never);
        let builder = subject.extend(builder, public_key)?;
        let attribute = Writer::encode(|w| {
            w.sequence(|w| {
                w.oid(oid::EXTENSION_REQUEST);
                w.constructed(Tag::SET, |w| builder.write_extensions(w));
            });
        });
        let info = Writer::encode(|w| {
            w.sequence(|w| {
                w.small(0);
                w.raw(name.der());
                w.raw(public_key.spki());
                w.element(Tag::context_constructed(0), &attribute);
            });
        });
        let signature = key.sign(scheme, Signed::Message(&info), random)?;
        let der = Writer::encode(|w| {
            w.sequence(|w| {
                w.raw(&info);
                w.raw(&scheme.identifier());
                w.bit_string(&signature);
            });
        });
        Self::from_der(&der).map_err(|_| {
            IssueError::Crypto(Error::Malformed {
                what: REQUEST,
                offset: 0,
            })
        })
    }

    /// Returns the bytes, as read.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the subject asked for.
    pub fn subject(&self) -> &Name {
        &self.subject
    }

    /// Returns the mail addresses asked for: those of subjectAltName that are usable, without
    /// duplicates.
    pub fn emails(&self) -> &[EmailAddress] {
        &self.emails
    }

    /// Returns the key usage asked for.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.key_usage
    }

    /// Checks the signature, which proves possession of the private key, and returns the key.
    ///
    /// # Errors
    /// [`Error::BadSignature`]; [`Error::Unsupported`] for a signature over SHA-1, which proves
    /// little, and others for algorithms and keys that are not known.
    pub fn prove(&self, provider: &dyn CryptoProvider) -> Result<&PublicKey, Error> {
        let scheme = SignatureScheme::from_identifier(&self.signature_algorithm, None)?;
        if scheme.digest() == DigestAlgorithm::Sha1 {
            return Err(Error::Unsupported("request signed over SHA-1"));
        }
        let info = self.der.get(self.info.clone()).unwrap_or_default();
        provider.verify(
            &self.public_key,
            scheme,
            Signed::Message(info),
            &self.signature,
        )?;
        Ok(&self.public_key)
    }
}

impl fmt::Debug for CertificationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificationRequest({})", self.subject)
    }
}

/// What the attributes ask for.
#[derive(Default)]
struct Wishes {
    emails: Vec<EmailAddress>,
    key_usage: Option<KeyUsage>,
}

impl Wishes {
    /// Reads the content of the field `attributes`.
    fn read(attributes: &Element<'_>) -> Result<Self, ParseError> {
        let mut list = attributes.reader();
        let mut extensions = None;
        while !list.is_empty() {
            let mut attribute = list.sequence("Attribute")?;
            let kind = attribute.oid()?;
            let values = attribute.read(Tag::SET, "AttributeValue")?;
            attribute.finish("Attribute")?;
            if kind == oid::EXTENSION_REQUEST && extensions.replace(values).is_some() {
                return Err(ParseError::Malformed {
                    what: "extensionRequest",
                    offset: values.offset,
                });
            }
        }
        extensions.map_or_else(|| Ok(Self::default()), |values| Self::requested(&values))
    }

    /// Reads the one value of extensionRequest (RFC 2985 §5.4.2).
    fn requested(values: &Element<'_>) -> Result<Self, ParseError> {
        let what = "extensionRequest";
        let mut set = values.reader();
        let mut list = set.sequence(what)?;
        set.finish(what)?;
        let (mut wishes, mut seen) = (Self::default(), Vec::new());
        while !list.is_empty() {
            let mut fields = list.sequence("Extension")?;
            let kind = fields.oid()?;
            if fields.peek() == Some(Tag::BOOLEAN) {
                fields.boolean("critical")?;
            }
            let value = fields.read(Tag::OCTET_STRING, "extnValue")?;
            fields.finish("Extension")?;
            seen.push(kind);
            match kind {
                oid::SUBJECT_ALT_NAME => wishes.emails = mail_addresses(&value)?,
                oid::KEY_USAGE => wishes.key_usage = Some(key_usage(&value)?),
                _ => {}
            }
        }
        seen.sort_unstable();
        let twice = seen.windows(2).find_map(|pair| match pair {
            [one, other] if one == other => Some(*one),
            _ => None,
        });
        match twice {
            Some(kind) => Err(ParseError::DuplicateExtension(kind)),
            None => Ok(wishes),
        }
    }
}

/// Reads GeneralNames; what is no usable mail address is passed over, for a wish grants nothing.
fn mail_addresses(value: &Element<'_>) -> Result<Vec<EmailAddress>, ParseError> {
    let what = "subjectAltName";
    let mut outer = value.reader();
    let mut list = outer.sequence(what)?;
    outer.finish(what)?;
    let mut known = HashSet::new();
    let mut emails = Vec::new();
    while !list.is_empty() {
        let name = list.any(what)?;
        let text = match name.tag.0 {
            0x81 if name.content.is_ascii() => Some(name.content),
            0xa0 => smtp_utf8_mailbox(&name)?,
            _ => None,
        };
        let email = text
            .and_then(|text| std::str::from_utf8(text).ok())
            .and_then(EmailAddress::new);
        if let Some(email) = email.filter(|email| known.insert(email.folded())) {
            emails.push(email);
        }
    }
    Ok(emails)
}

/// RFC 9598 §3.
fn smtp_utf8_mailbox<'a>(name: &Element<'a>) -> Result<Option<&'a [u8]>, ParseError> {
    let what = "otherName";
    let mut fields = name.reader();
    let kind = fields.oid()?;
    let value = fields.read(Tag::context_constructed(0), what)?;
    fields.finish(what)?;
    if kind != oid::SMTP_UTF8_MAILBOX {
        return Ok(None);
    }
    let mut inner = value.reader();
    let mailbox = inner.read(Tag::UTF8_STRING, "SmtpUTF8Mailbox")?;
    inner.finish("SmtpUTF8Mailbox")?;
    Ok(Some(mailbox.content))
}

fn key_usage(value: &Element<'_>) -> Result<KeyUsage, ParseError> {
    let mut reader = value.reader();
    let octets = reader.read(Tag::BIT_STRING, "keyUsage")?.named_bits()?;
    reader.finish("keyUsage")?;
    let bits: Vec<KeyUsageBit> = KeyUsageBit::ALL
        .into_iter()
        .zip(octets.iter().flat_map(|octet| {
            (0..8_u32).map(move |bit| octet.checked_shl(bit).is_some_and(|it| it & 0x80 != 0))
        }))
        .filter_map(|(bit, set)| set.then_some(bit))
        .collect();
    Ok(KeyUsage::of(&bits))
}

const REQUEST: &str = "CertificationRequest";
