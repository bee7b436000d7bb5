use std::{
    collections::HashSet,
    fmt,
    io::{self, Write},
};

use smime_crypto::{
    ContentCipher, CryptoProvider, Curve, DigestAlgorithm, Error as CryptoError, KeyAgreement,
    KeyKind, KeyTransport, KeyWrap, PrivateKey, Random, Secret,
    asn1::{Tag, Writer},
    cipher::Sealer,
    kdf, key_wrap, transport_key,
};
use smime_io::TooLarge;
use smime_x509::{Certificate, VerifiedRecipient};

use crate::{
    Error,
    asn1::{ID_AUTH_ENVELOPED_DATA, ID_DATA, ID_ENVELOPED_DATA, write_issuer_serial},
    ber::{Frame, SEGMENT, StringWriter},
};

/// Whom to encrypt to.
#[derive(Clone, Debug)]
pub struct Recipient {
    certificate: Certificate,
    transport: KeyTransport,
}

impl Recipient {
    /// Makes a recipient of a certificate nobody vouched for.
    pub fn without_chain(certificate: Certificate) -> Self {
        Self {
            certificate,
            transport: KeyTransport::RsaPkcs1,
        }
    }

    /// Sends the content key so, if the recipient's key is RSA; PKCS#1 v1.5 unless set, which
    /// every peer reads.
    pub fn transport(self, transport: KeyTransport) -> Self {
        Self { transport, ..self }
    }

    /// Sends the content key by OAEP with one digest for label and mask, if the recipient's key is
    /// RSA.
    pub fn oaep(self, digest: DigestAlgorithm) -> Self {
        self.transport(KeyTransport::RsaOaep {
            digest,
            mgf: digest,
        })
    }

    /// Returns the recipient's certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

impl From<VerifiedRecipient> for Recipient {
    fn from(proven: VerifiedRecipient) -> Self {
        Self::without_chain(proven.certificate().clone())
    }
}

/// A content key that every recipient's key was given to, for one message.
#[derive(Debug)]
#[must_use = "nothing is written before wrap"]
pub struct Encryptor {
    cipher: ContentCipher,
    key: Secret,
    iv: Vec<u8>,
    version: u32,
    /// RecipientInfos, in DER.
    recipients: Vec<u8>,
}

impl Encryptor {
    /// Makes a content key and wraps it for all of `recipients`; one certificate counts once.
    ///
    /// All is done here that can fail for a single recipient, before a byte of output exists.
    ///
    /// # Errors
    /// [`Error::NoRecipients`]; [`Error::Crypto`] when a recipient's key cannot be encrypted to or
    /// `random` fails.
    pub fn to(
        recipients: impl IntoIterator<Item = Recipient>,
        cipher: ContentCipher,
        provider: &dyn CryptoProvider,
        random: &dyn Random,
    ) -> Result<Self, Error> {
        let mut seen = HashSet::new();
        let mut recipients = recipients.into_iter().collect::<Vec<_>>();
        recipients.retain(|it| seen.insert(it.certificate.fingerprint()));
        if recipients.is_empty() {
            return Err(Error::NoRecipients);
        }
        let key = Secret::new(random_bytes(cipher.key_length(), random)?);
        let iv = random_bytes(cipher.iv_length(), random)?;
        let mut infos = Vec::new();
        let mut groups = AGREEMENTS.map(|(kind, agreement)| (kind, agreement, Vec::new()));
        for recipient in &recipients {
            let certificate = &recipient.certificate;
            let kind = certificate.public_key().kind();
            if let KeyKind::Rsa { .. } = kind {
                infos.push(key_transport(recipient, &key, random)?);
            } else if let Some((.., group)) = groups.iter_mut().find(|(of, ..)| *of == kind) {
                group.push(certificate);
            } else {
                return Err(CryptoError::WrongKey("cannot be encrypted to").into());
            }
        }
        let all_by_transport = infos.len() == recipients.len();
        for (kind, agreement, group) in &groups {
            if !group.is_empty() {
                let ephemeral = provider.ephemeral_key(*kind, random)?;
                infos.push(key_agreement(*agreement, &ephemeral, group, &key)?);
            }
        }
        // RFC 5652 §6.1: 2 as soon as one RecipientInfo is not of version 0. RFC 5083 §2.1: 0.
        let version = if cipher.is_authenticated() || all_by_transport {
            0
        } else {
            2
        };
        let recipients = Writer::encode(|w| w.set_of(Tag::SET, infos));
        Ok(Self {
            cipher,
            key,
            iv,
            version,
            recipients,
        })
    }

    /// Starts the object in indefinite form and writes its first bytes to `out`.
    ///
    /// # Errors
    /// [`Error::Io`] from `out`.
    pub fn wrap<W: Write>(self, out: W) -> Result<EnvelopeWriter<W>, Error> {
        self.begin(None, out)
    }

    /// Starts the object in DER, for content of exactly `content_length` bytes, and writes its
    /// first bytes to `out`.
    ///
    /// # Errors
    /// [`Error::Io`] from `out`; [`Error::TooLarge`] for more than the cipher may encrypt.
    pub fn wrap_definite<W: Write>(
        self,
        content_length: u64,
        out: W,
    ) -> Result<EnvelopeWriter<W>, Error> {
        self.begin(Some(content_length), out)
    }

    fn begin<W: Write>(self, declared: Option<u64>, out: W) -> Result<EnvelopeWriter<W>, Error> {
        check_length(self.cipher, declared.unwrap_or_default())?;
        let sealer = Sealer::new(self.cipher, &self.key, &self.iv, &[])?;
        // The tag is not known yet, its length is.
        let frame = self.frame(declared, &[0; TAG_LENGTH]);
        let length = declared.map(|length| ciphertext_length(self.cipher, length));
        let content = StringWriter::begin(out, &frame, length)?;
        Ok(EnvelopeWriter {
            encryptor: self,
            sealer,
            content,
            ciphertext: Vec::with_capacity(SEGMENT),
            declared,
            written: 0,
        })
    }

    /// Returns what stands around the ciphertext of so many bytes, or of an unknown number:
    /// EnvelopedData (RFC 5652 §6.1) or AuthEnvelopedData without attributes (RFC 5083 §2.1).
    fn frame(&self, declared: Option<u64>, tag: &[u8]) -> Frame {
        let length = declared.map(|length| ciphertext_length(self.cipher, length));
        let authenticated = self.cipher.is_authenticated();
        let oid = if authenticated {
            ID_AUTH_ENVELOPED_DATA
        } else {
            ID_ENVELOPED_DATA
        };
        let mac = Writer::encode(|w| w.octet_string(tag));
        Frame::around(Tag::context(0), length)
            .preceded_by(&self.cipher.identifier(&self.iv))
            .preceded_by(&Writer::encode(|w| w.oid(ID_DATA)))
            .enclosed(Tag::SEQUENCE)
            .preceded_by(&self.recipients)
            .preceded_by(&Writer::encode(|w| w.small(self.version)))
            .followed_by(if authenticated { &mac } else { &[] })
            .enclosed(Tag::SEQUENCE)
            .enclosed(Tag::context_constructed(0))
            .preceded_by(&Writer::encode(|w| w.oid(oid)))
            .enclosed(Tag::SEQUENCE)
    }
}

/// Encrypts what is written to it.
///
/// Dropped before [`finish`](Self::finish), it leaves a truncated object that no reader takes.
#[must_use = "an object without its end is refused by every reader"]
pub struct EnvelopeWriter<W> {
    encryptor: Encryptor,
    sealer: Sealer,
    content: StringWriter<W>,
    /// Kept for its memory alone.
    ciphertext: Vec<u8>,
    declared: Option<u64>,
    written: u64,
}

impl<W: Write> EnvelopeWriter<W> {
    /// Writes the end of the object and returns the inner writer.
    ///
    /// # Errors
    /// [`Error::Io`] from the inner writer, now or in an earlier write; [`Error::WrongLength`] when
    /// another number of bytes was written than declared.
    pub fn finish(mut self) -> Result<W, Error> {
        if let Some(declared) = self.declared.filter(|declared| *declared != self.written) {
            return Err(Error::WrongLength {
                declared,
                written: self.written,
            });
        }
        check_length(self.encryptor.cipher, self.written)?;
        self.ciphertext.clear();
        let tag = self.sealer.finish(&mut self.ciphertext);
        self.content.push(&self.ciphertext)?;
        self.content
            .finish(&self.encryptor.frame(self.declared, &tag))
    }
}

impl<W: Write> Write for EnvelopeWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let added = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.written = self.written.saturating_add(added);
        if let Some(declared) = self.declared.filter(|declared| *declared < self.written) {
            return Err(Error::WrongLength {
                declared,
                written: self.written,
            }
            .into());
        }
        check_length(self.encryptor.cipher, self.written)?;
        for piece in bytes.chunks(SEGMENT) {
            self.ciphertext.clear();
            self.sealer.update(piece, &mut self.ciphertext);
            self.content.push(&self.ciphertext)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.content.flush()
    }
}

impl<W> fmt::Debug for EnvelopeWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvelopeWriter")
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

/// KeyTransRecipientInfo, version 0: named by issuer and serial number (RFC 5652 §6.2.1).
fn key_transport(
    recipient: &Recipient,
    key: &Secret,
    random: &dyn Random,
) -> Result<Vec<u8>, Error> {
    let public_key = recipient.certificate.public_key();
    let encrypted = transport_key(public_key, recipient.transport, key, random)?;
    Ok(Writer::encode(|w| {
        w.sequence(|w| {
            w.small(0);
            write_issuer_serial(w, &recipient.certificate);
            w.raw(&recipient.transport.identifier());
            w.octet_string(&encrypted);
        });
    }))
}

/// KeyAgreeRecipientInfo, version 3: one ephemeral key for all recipients on one curve (RFC 5652
/// §6.2.2, RFC 5753 §3.1.1, RFC 8418 §3.1).
fn key_agreement(
    agreement: KeyAgreement,
    ephemeral: &PrivateKey,
    recipients: &[&Certificate],
    key: &Secret,
) -> Result<Vec<u8>, Error> {
    let wrap = if key.expose().len() > 16 {
        KeyWrap::Aes256
    } else {
        KeyWrap::Aes128
    };
    let mut keys = Vec::new();
    for certificate in recipients {
        let shared = ephemeral.agree(certificate.public_key())?;
        let wrapping = kdf::wrapping_key(agreement, &shared, &wrap.identifier(), wrap, None);
        let wrapped = key_wrap::wrap(&wrapping, key)?;
        keys.push(Writer::encode(|w| {
            w.sequence(|w| {
                write_issuer_serial(w, certificate);
                w.octet_string(&wrapped);
            });
        }));
    }
    Ok(Writer::encode(|w| {
        w.constructed(Tag::context_constructed(1), |w| {
            w.small(3);
            w.constructed(Tag::context_constructed(0), |w| {
                w.constructed(Tag::context_constructed(1), |w| {
                    // The curve is the recipients'; absent parameters are read by every peer.
                    w.sequence(|w| w.oid(ephemeral.public_key().algorithm()));
                    w.bit_string(ephemeral.public_key().key_bytes());
                });
            });
            w.raw(&agreement.identifier(wrap));
            w.sequence(|w| w.raw(&keys.concat()));
        });
    }))
}

fn random_bytes(length: usize, random: &dyn Random) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; length];
    random.fill(&mut bytes)?;
    Ok(bytes)
}

/// CBC always pads, by 1 to 16 bytes (RFC 5652 §6.3).
fn ciphertext_length(cipher: ContentCipher, length: u64) -> u64 {
    if cipher.is_authenticated() {
        length
    } else {
        (length / 16 * 16).saturating_add(16)
    }
}

/// Beyond 2³⁶ - 32 bytes the counter of GCM would repeat (NIST SP 800-38D §5.2.1.1); two blocks of
/// CBC are likely to collide far later, at 2⁶⁸ bytes.
fn check_length(cipher: ContentCipher, length: u64) -> Result<(), Error> {
    if cipher.is_authenticated() && length > GCM_LIMIT {
        return Err(TooLarge {
            what: "content",
            limit: GCM_LIMIT,
        }
        .into());
    }
    Ok(())
}

/// How a content key is agreed on, by the kind of the recipients' keys: X9.63 with the digest of the
/// curve's size (RFC 5753 §8), HKDF with SHA-256 for X25519 (RFC 8418 §4).
const AGREEMENTS: [(KeyKind, KeyAgreement); 4] = [
    (
        KeyKind::Ec(Curve::P256),
        KeyAgreement::X963(DigestAlgorithm::Sha256),
    ),
    (
        KeyKind::Ec(Curve::P384),
        KeyAgreement::X963(DigestAlgorithm::Sha384),
    ),
    (
        KeyKind::Ec(Curve::P521),
        KeyAgreement::X963(DigestAlgorithm::Sha512),
    ),
    (KeyKind::X25519, KeyAgreement::HkdfSha256),
];

const GCM_LIMIT: u64 = (1 << 36) - 32;
/// Bytes of the tag that [`ContentCipher::identifier`] announces.
const TAG_LENGTH: usize = 16;
