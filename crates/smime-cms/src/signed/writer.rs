use std::{
    fmt,
    io::{self, Read, Write},
    sync::Arc,
};

use smime_crypto::{
    CryptoProvider, Curve, DigestAlgorithm, Hasher, KeyKind, Oid, PrivateKey, Random,
    SignatureScheme, Signed, UnixTime,
    asn1::{Tag, Writer},
};
use smime_io::Source;
use smime_x509::{Certificate, VerifiedSigner};

use crate::{
    Capabilities, Error,
    asn1::{
        CONTENT_TYPE, ID_DATA, ID_SIGNED_DATA, MESSAGE_DIGEST, SIGNING_CERTIFICATE_V2,
        SIGNING_TIME, SMIME_CAPABILITIES, write_issuer_serial,
    },
    ber::{Frame, StringWriter},
};

/// A certificate and its key, ready to sign.
#[derive(Clone, Debug)]
pub struct Signer {
    certificate: Certificate,
    /// Certificates that travel with a signature, the signer's own first.
    included: Vec<Certificate>,
    key: Arc<PrivateKey>,
    scheme: SignatureScheme,
}

impl Signer {
    /// Makes a signer of a proven chain; its intermediates travel with every signature, its anchor
    /// does not.
    ///
    /// # Errors
    /// [`Error::KeyMismatch`] when `key` is not the certificate's; [`Error::Crypto`] when it is of
    /// an unknown kind.
    pub fn new(chain: VerifiedSigner, key: impl Into<Arc<PrivateKey>>) -> Result<Self, Error> {
        let signer = Self::without_chain(chain.certificate().clone(), key)?;
        let below_anchor = chain
            .path()
            .split_last()
            .map(|(_, below)| below)
            .unwrap_or_default();
        Ok(signer.also_include(below_anchor.iter().cloned()))
    }

    /// Makes a signer of a certificate nobody vouched for; only its own certificate travels with a
    /// signature.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn without_chain(
        certificate: Certificate,
        key: impl Into<Arc<PrivateKey>>,
    ) -> Result<Self, Error> {
        let key = key.into();
        let (own, proven) = (key.public_key(), certificate.public_key());
        // Not by the whole SubjectPublicKeyInfo: NULL parameters are absent in some encodings.
        if own.kind() != proven.kind() || own.key_bytes() != proven.key_bytes() {
            return Err(Error::KeyMismatch);
        }
        let scheme = match own.kind() {
            KeyKind::Ec(Curve::P521) => SignatureScheme::Ecdsa(DigestAlgorithm::Sha512),
            KeyKind::Ed25519 => SignatureScheme::Ed25519,
            KeyKind::RsaPss { .. } => SignatureScheme::RsaPss {
                digest: DigestAlgorithm::Sha256,
                salt: 32,
            },
            KeyKind::Rsa { .. } => SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256),
            KeyKind::Ec(Curve::P256) => SignatureScheme::Ecdsa(DigestAlgorithm::Sha256),
            KeyKind::Ec(Curve::P384) => SignatureScheme::Ecdsa(DigestAlgorithm::Sha384),
            KeyKind::X25519 | KeyKind::Unknown => {
                return Err(smime_crypto::Error::WrongKey("cannot sign").into());
            }
        };
        Ok(Self {
            included: vec![certificate.clone()],
            certificate,
            key,
            scheme,
        })
    }

    /// Signs with `scheme` instead of the default: PKCS#1 v1.5 with SHA-256 for RSA, ECDSA with
    /// the digest of the curve's size for EC, Ed25519 for its keys (RFC 8419).
    ///
    /// # Errors
    /// [`Error::Crypto`] when the key is of another kind.
    pub fn scheme(self, scheme: SignatureScheme) -> Result<Self, Error> {
        if !self.certificate.public_key().admits(scheme) {
            return Err(smime_crypto::Error::WrongKey("of another kind than the scheme").into());
        }
        Ok(Self { scheme, ..self })
    }

    /// Lets more certificates travel with the signature; repetitions are left out.
    pub fn also_include(mut self, certificates: impl IntoIterator<Item = Certificate>) -> Self {
        for certificate in certificates {
            if !self.included.contains(&certificate) {
                self.included.push(certificate);
            }
        }
        self
    }

    /// Returns the signer's certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Returns how this signer signs.
    pub fn signature_scheme(&self) -> SignatureScheme {
        self.scheme
    }

    /// Returns the digest of the content, which the `micalg` parameter names.
    pub fn digest(&self) -> DigestAlgorithm {
        self.scheme.digest()
    }

    /// Starts a signature that travels beside its content; `at` becomes the signing time.
    pub fn detached<'a>(
        &'a self,
        provider: &'a dyn CryptoProvider,
        random: &'a dyn Random,
        at: UnixTime,
    ) -> DetachedSigner<'a> {
        DetachedSigner {
            signer: self,
            hasher: provider.hasher(self.digest()),
            random,
            at,
        }
    }

    /// Starts an object that carries its content, in indefinite form, and writes its first bytes
    /// to `out`; `at` becomes the signing time.
    ///
    /// # Errors
    /// [`Error::Io`] from `out`.
    pub fn opaque<'a, W: Write>(
        &'a self,
        out: W,
        provider: &'a dyn CryptoProvider,
        random: &'a dyn Random,
        at: UnixTime,
    ) -> Result<SignedWriter<'a, W>, Error> {
        let content = StringWriter::begin(out, &self.frame(None, &[]), None)?;
        Ok(SignedWriter {
            content,
            detached: self.detached(provider, random, at),
        })
    }

    /// Returns what stands around content of `length` bytes, or of unknown length (RFC 5652 §5.1).
    fn frame(&self, length: Option<u64>, trailer: &[u8]) -> Frame {
        Frame::around(Tag::OCTET_STRING, length)
            .enclosed(Tag::context_constructed(0))
            .preceded_by(&Writer::encode(|w| w.oid(ID_DATA)))
            .enclosed(Tag::SEQUENCE)
            .preceded_by(&self.version_and_digest())
            .followed_by(trailer)
            .enclosed(Tag::SEQUENCE)
            .enclosed(Tag::context_constructed(0))
            .preceded_by(&Writer::encode(|w| w.oid(ID_SIGNED_DATA)))
            .enclosed(Tag::SEQUENCE)
    }

    /// Version 1: the content is id-data and the signer is named by issuer and serial number
    /// (RFC 5652 §5.1).
    fn version_and_digest(&self) -> Vec<u8> {
        Writer::encode(|w| {
            w.small(1);
            w.set_of(Tag::SET, vec![self.digest().identifier()]);
        })
    }

    /// Returns what follows the content: certificates and the one SignerInfo.
    fn trailer(&self, digest: &[u8], random: &dyn Random, at: UnixTime) -> Result<Vec<u8>, Error> {
        let certificates = self.included.iter().map(|it| it.der().to_vec()).collect();
        let info = self.signer_info(digest, random, at)?;
        Ok(Writer::encode(|w| {
            w.set_of(Tag::context_constructed(0), certificates);
            w.set_of(Tag::SET, vec![info]);
        }))
    }

    fn signer_info(
        &self,
        digest: &[u8],
        random: &dyn Random,
        at: UnixTime,
    ) -> Result<Vec<u8>, Error> {
        let attributes = self.attributes(digest, at);
        // Signed under the tag of a SET, sent under [0] (RFC 5652 §5.4).
        let signed = Writer::encode(|w| w.set_of(Tag::SET, attributes.clone()));
        let signature = self
            .key
            .sign(self.scheme, Signed::Message(&signed), random)?;
        Ok(Writer::encode(|w| {
            w.sequence(|w| {
                w.small(1);
                write_issuer_serial(w, &self.certificate);
                w.raw(&self.digest().identifier());
                w.set_of(Tag::context_constructed(0), attributes);
                w.raw(&self.scheme.signer_info_identifier());
                w.octet_string(&signature);
            });
        }))
    }

    fn attributes(&self, digest: &[u8], at: UnixTime) -> Vec<Vec<u8>> {
        vec![
            attribute(CONTENT_TYPE, |w| w.oid(ID_DATA)),
            attribute(MESSAGE_DIGEST, |w| w.octet_string(digest)),
            attribute(SIGNING_TIME, |w| w.time(at)),
            attribute(SMIME_CAPABILITIES, |w| w.raw(&Capabilities::own().to_der())),
            attribute(SIGNING_CERTIFICATE_V2, |w| self.signing_certificate(w)),
        ]
    }

    /// Binds the certificate: without it, another one for the same key could stand in its place
    /// (RFC 5035 §4). SHA-256 is the default and so its identifier absent.
    fn signing_certificate(&self, w: &mut Writer) {
        w.sequence(|w| {
            w.sequence(|w| {
                w.sequence(|w| {
                    w.octet_string(&self.certificate.fingerprint());
                    w.sequence(|w| {
                        w.sequence(|w| {
                            w.constructed(Tag::context_constructed(4), |w| {
                                w.raw(self.certificate.issuer().der());
                            });
                        });
                        w.element(Tag::INTEGER, self.certificate.serial());
                    });
                });
            });
        });
    }
}

/// Makes a detached signature over what is written to it.
#[must_use = "nothing is signed before finish"]
pub struct DetachedSigner<'a> {
    signer: &'a Signer,
    hasher: Box<dyn Hasher>,
    random: &'a dyn Random,
    at: UnixTime,
}

impl DetachedSigner<'_> {
    /// Signs, and returns the DER ContentInfo without content.
    ///
    /// # Errors
    /// [`Error::Crypto`] when the key does not sign.
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        let signer = self.signer;
        let trailer = self.trailer()?;
        Ok(Writer::encode(|w| {
            w.sequence(|w| {
                w.oid(ID_SIGNED_DATA);
                w.constructed(Tag::context_constructed(0), |w| {
                    w.sequence(|w| {
                        w.raw(&signer.version_and_digest());
                        w.sequence(|w| w.oid(ID_DATA));
                        w.raw(&trailer);
                    });
                });
            });
        }))
    }

    fn trailer(self) -> Result<Vec<u8>, Error> {
        self.signer
            .trailer(&self.hasher.finish(), self.random, self.at)
    }
}

impl Write for DetachedSigner<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for DetachedSigner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DetachedSigner")
            .field("signer", &self.signer)
            .finish_non_exhaustive()
    }
}

/// Signs what is written to it and passes it on inside the object.
///
/// Dropped before [`finish`](Self::finish), it leaves a truncated object that no reader takes.
#[must_use = "an object without its end is refused by every reader"]
pub struct SignedWriter<'a, W> {
    content: StringWriter<W>,
    detached: DetachedSigner<'a>,
}

impl<W: Write> SignedWriter<'_, W> {
    /// Signs, writes the end of the object and returns the inner writer.
    ///
    /// # Errors
    /// [`Error::Crypto`] when the key does not sign; [`Error::Io`] from the inner writer, now or
    /// in an earlier write.
    pub fn finish(self) -> Result<W, Error> {
        let signer = self.detached.signer;
        let trailer = self.detached.trailer()?;
        self.content.finish(&signer.frame(None, &trailer))
    }
}

impl<W: Write> Write for SignedWriter<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.content.push(bytes)?;
        self.detached.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.content.flush()
    }
}

impl<W> fmt::Debug for SignedWriter<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedWriter")
            .field("signer", &self.detached.signer)
            .finish_non_exhaustive()
    }
}

/// Signs content into one DER object: a pass to digest and count, a pass to copy.
///
/// # Errors
/// [`Error::Crypto`] when the key does not sign; [`Error::Io`] from `content` or `out`;
/// [`Error::WrongLength`] when the two passes differ.
pub fn sign_der(
    signer: &Signer,
    content: &Source,
    provider: &dyn CryptoProvider,
    random: &dyn Random,
    at: UnixTime,
    out: impl Write,
) -> Result<(), Error> {
    let mut detached = signer.detached(provider, random, at);
    let length = io::copy(&mut content.open()?, &mut detached)?;
    let frame = signer.frame(Some(length), &detached.trailer()?);
    let mut string = StringWriter::begin(out, &frame, Some(length))?;
    let mut pass = content.open()?;
    let mut buffer = vec![0; COPY_BUFFER];
    loop {
        let count = match pass.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        string.push(buffer.get(..count).unwrap_or_default())?;
    }
    string.finish(&frame)?;
    Ok(())
}

fn attribute(oid: Oid, value: impl FnOnce(&mut Writer)) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(oid);
            w.constructed(Tag::SET, value);
        });
    })
}

/// Bytes copied at a time.
const COPY_BUFFER: usize = 64 << 10;
