use smime_crypto::{
    CryptoProvider as _, DigestAlgorithm, Oid, RustCrypto, SignatureScheme, Signed, UnixTime,
    asn1::{Tag, Writer},
};
use smime_x509::{Certificate, CertificateStatus, OcspResponse};

use crate::{Authority, DAY, NOW, SeededRandom, TestKey, crl::write_extension};

/// Makes OCSP responses for tests; writes what it is told, also what no responder may answer.
#[derive(Clone, Debug)]
#[must_use]
pub struct OcspBuilder {
    key: TestKey,
    scheme: SignatureScheme,
    /// The DER of the responderID.
    responder: Vec<u8>,
    produced_at: UnixTime,
    this_update: UnixTime,
    next_update: Option<UnixTime>,
    digest: DigestAlgorithm,
    /// The DER of each SingleResponse.
    responses: Vec<u8>,
    extensions: Vec<(Oid, bool, Vec<u8>)>,
    single_extensions: Vec<(Oid, bool, Vec<u8>)>,
    certificates: Vec<u8>,
}

impl OcspBuilder {
    /// Starts a response that an authority signs itself, by name, about nothing yet; what follows
    /// is said from a day before [`NOW`] to a week after.
    pub fn by(authority: &Authority) -> Self {
        Self::by_owner(authority.certificate(), authority.key())
    }

    /// The same, signed with the key of another certificate.
    pub fn by_owner(certificate: &Certificate, key: TestKey) -> Self {
        let name = certificate.subject().der();
        Self {
            key,
            scheme: key.scheme(),
            responder: Writer::encode(|w| {
                w.constructed(Tag::context_constructed(1), |w| w.raw(name));
            }),
            produced_at: UnixTime(NOW.0 - DAY),
            this_update: UnixTime(NOW.0 - DAY),
            next_update: Some(UnixTime(NOW.0 + 7 * DAY)),
            digest: DigestAlgorithm::Sha1,
            responses: Vec::new(),
            extensions: Vec::new(),
            single_extensions: Vec::new(),
            certificates: Vec::new(),
        }
    }

    /// Names the responder by the hash of its key.
    pub fn by_key(mut self) -> Self {
        let public = self.key.public();
        let hash = digest(DigestAlgorithm::Sha1, public.key_bytes());
        self.responder = Writer::encode(|w| {
            w.constructed(Tag::context_constructed(2), |w| w.octet_string(&hash));
        });
        self
    }

    /// Sets since when and until when what follows is said.
    pub fn valid(mut self, this_update: UnixTime, next_update: Option<UnixTime>) -> Self {
        (self.this_update, self.next_update) = (this_update, next_update);
        self
    }

    /// Names the certificates that follow by another digest.
    pub fn digest(mut self, digest: DigestAlgorithm) -> Self {
        self.digest = digest;
        self
    }

    /// Says something of a certificate that `issuer` issued.
    pub fn tell(
        self,
        certificate: &Certificate,
        issuer: &Certificate,
        status: CertificateStatus,
    ) -> Self {
        let name = certificate.issuer().der();
        let key = issuer.public_key().key_bytes();
        self.tell_of(name, key, certificate.serial(), status)
    }

    /// Says something of the certificate of an issuer's name, an issuer's key and a serial number.
    pub fn tell_of(
        mut self,
        issuer_name: &[u8],
        issuer_key: &[u8],
        serial: &[u8],
        status: CertificateStatus,
    ) -> Self {
        let single = Writer::encode(|w| {
            w.sequence(|w| {
                w.sequence(|w| {
                    w.raw(&self.digest.identifier());
                    w.octet_string(&digest(self.digest, issuer_name));
                    w.octet_string(&digest(self.digest, issuer_key));
                    w.element(Tag::INTEGER, serial);
                });
                write_status(w, status);
                generalized_time(w, self.this_update);
                if let Some(next) = self.next_update {
                    w.constructed(Tag::context_constructed(0), |w| generalized_time(w, next));
                }
                write_extensions(w, &self.single_extensions);
            });
        });
        self.responses.extend(single);
        self
    }

    /// Adds a certificate to those that come with the response.
    pub fn with_certificate(mut self, certificate: &Certificate) -> Self {
        self.certificates.extend_from_slice(certificate.der());
        self
    }

    /// Sets the nonce.
    pub fn nonce(self, nonce: &[u8]) -> Self {
        let value = Writer::encode(|w| w.octet_string(nonce));
        self.extension(Oid::new("1.3.6.1.5.5.7.48.1.2"), false, &value)
    }

    /// Adds an extension to the response.
    pub fn extension(mut self, oid: Oid, critical: bool, value: &[u8]) -> Self {
        self.extensions.push((oid, critical, value.to_vec()));
        self
    }

    /// Adds an extension to what is said of the certificates that follow.
    pub fn single_extension(mut self, oid: Oid, critical: bool, value: &[u8]) -> Self {
        self.single_extensions.push((oid, critical, value.to_vec()));
        self
    }

    /// Signs.
    pub fn sign(self) -> OcspResponse {
        let der = self.sign_der();
        OcspResponse::from_der(&der).expect("the builder was given a response to make")
    }

    /// Signs, and returns the DER unread.
    pub fn sign_der(self) -> Vec<u8> {
        let tbs = self.tbs();
        let random = SeededRandom::new(1);
        let private = self.key.private();
        let signature = private.sign(self.scheme, Signed::Message(&tbs), &random);
        let signature = signature.expect("the key and the scheme are of one kind");
        let basic = Writer::encode(|w| {
            w.sequence(|w| {
                w.raw(&tbs);
                w.raw(&self.scheme.identifier());
                w.bit_string(&signature);
                if !self.certificates.is_empty() {
                    w.constructed(Tag::context_constructed(0), |w| {
                        w.element(Tag::SEQUENCE, &self.certificates);
                    });
                }
            });
        });
        Writer::encode(|w| {
            w.sequence(|w| {
                w.element(Tag::ENUMERATED, &[0]);
                w.constructed(Tag::context_constructed(0), |w| {
                    w.sequence(|w| {
                        w.oid(Oid::new("1.3.6.1.5.5.7.48.1.1"));
                        w.octet_string(&basic);
                    });
                });
            });
        })
    }

    fn tbs(&self) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.raw(&self.responder);
                generalized_time(w, self.produced_at);
                w.element(Tag::SEQUENCE, &self.responses);
                write_extensions(w, &self.extensions);
            });
        })
    }
}

fn write_status(w: &mut Writer, status: CertificateStatus) {
    match status {
        CertificateStatus::Good => w.element(Tag::context(0), &[]),
        CertificateStatus::Unknown => w.element(Tag::context(2), &[]),
        CertificateStatus::Revoked { at, reason } => {
            w.constructed(Tag::context_constructed(1), |w| {
                generalized_time(w, at);
                if let Some(reason) = reason {
                    w.constructed(Tag::context_constructed(0), |w| {
                        w.element(Tag::ENUMERATED, &[reason.number()]);
                    });
                }
            });
        }
    }
}

fn write_extensions(w: &mut Writer, extensions: &[(Oid, bool, Vec<u8>)]) {
    if !extensions.is_empty() {
        w.constructed(Tag::context_constructed(1), |w| {
            w.sequence(|w| extensions.iter().for_each(|it| write_extension(w, it)));
        });
    }
}

fn generalized_time(w: &mut Writer, time: UnixTime) {
    let (year, month, day, [hour, minute, second]) = time.civil();
    let text = format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    w.element(Tag::GENERALIZED_TIME, text.as_bytes());
}

fn digest(algorithm: DigestAlgorithm, bytes: &[u8]) -> Vec<u8> {
    let mut hasher = RustCrypto.hasher(algorithm);
    hasher.update(bytes);
    hasher.finish()
}
