use smime_crypto::{
    CryptoProvider as _, DigestAlgorithm, Error, Oid, PrivateKey, PublicKey, Random, RustCrypto,
    SignatureScheme, Signed, UnixTime,
    asn1::{Tag, Writer},
};

use crate::{BasicConstraints, Certificate, KeyUsage, KeyUsageBit, Name, oid};

/// Makes certificates, for demonstrations and tests; it is no authority's policy.
///
/// It writes what it is told, also what no authority may issue.
#[derive(Clone, Debug)]
#[must_use]
pub struct CertificateBuilder {
    version: u8,
    serial: Vec<u8>,
    issuer: Name,
    subject: Name,
    not_before: UnixTime,
    not_after: UnixTime,
    spki: Vec<u8>,
    extensions: Vec<(Oid, bool, Vec<u8>)>,
    inner_algorithm: Option<Vec<u8>>,
}

impl CertificateBuilder {
    /// Starts a version 3 certificate of `key` for `subject`, issued by itself, with serial
    /// number 1 and without extensions.
    pub fn new(subject: Name, key: &PublicKey, not_before: UnixTime, not_after: UnixTime) -> Self {
        Self {
            version: 3,
            serial: vec![1],
            issuer: subject.clone(),
            subject,
            not_before,
            not_after,
            spki: key.spki().to_vec(),
            extensions: Vec::new(),
            inner_algorithm: None,
        }
    }

    /// Sets the issuer's name.
    pub fn issuer(mut self, issuer: Name) -> Self {
        self.issuer = issuer;
        self
    }

    /// Sets the subject's name.
    pub fn subject(mut self, subject: Name) -> Self {
        self.subject = subject;
        self
    }

    /// Sets the issuer's name and the authority key identifier as `issuer` has them.
    pub fn issued_by(self, issuer: &Certificate) -> Self {
        let named = self.issuer(issuer.subject().to_name());
        match issuer.subject_key_id() {
            Some(id) => named.authority_key_id(id),
            None => named,
        }
    }

    /// Sets the serial number, by its magnitude.
    pub fn serial(mut self, magnitude: &[u8]) -> Self {
        self.serial = magnitude.to_vec();
        self
    }

    /// Sets the validity; both ends are inclusive.
    pub fn valid(mut self, not_before: UnixTime, not_after: UnixTime) -> Self {
        (self.not_before, self.not_after) = (not_before, not_after);
        self
    }

    /// Sets the version: 1, 2 or 3.
    pub fn version(mut self, version: u8) -> Self {
        self.version = version;
        self
    }

    /// Sets the AlgorithmIdentifier inside the signed part to another than the signature's.
    pub fn inner_algorithm(mut self, der: &[u8]) -> Self {
        self.inner_algorithm = Some(der.to_vec());
        self
    }

    /// Sets basicConstraints, critical.
    pub fn basic_constraints(self, constraints: BasicConstraints) -> Self {
        let value = Writer::encode(|w| {
            w.sequence(|w| {
                if constraints.ca {
                    w.boolean(true);
                }
                if let Some(length) = constraints.path_length {
                    w.small(length);
                }
            });
        });
        self.extension(oid::BASIC_CONSTRAINTS, true, &value)
    }

    /// Sets keyUsage, critical.
    pub fn key_usage(self, bits: &[KeyUsageBit]) -> Self {
        // Named bits end with the last one that is set (X.690 §11.2.2).
        let [first, second] = KeyUsage::of(bits).octets();
        let octets: &[u8] = match (first, second) {
            (0, 0) => &[],
            (_, 0) => &[first],
            _ => &[first, second],
        };
        let unused = octets.last().map_or(0, |last| last.trailing_zeros());
        let unused = u8::try_from(unused).unwrap_or_default();
        let value = Writer::encode(|w| w.element(Tag::BIT_STRING, &[&[unused], octets].concat()));
        self.extension(oid::KEY_USAGE, true, &value)
    }

    /// Sets extKeyUsage, not critical.
    pub fn extended_key_usage(self, usages: &[Oid]) -> Self {
        let value =
            Writer::encode(|w| w.sequence(|w| usages.iter().for_each(|usage| w.oid(*usage))));
        self.extension(oid::EXTENDED_KEY_USAGE, false, &value)
    }

    /// Sets the subject alternative name to these addresses, not critical: rfc822Name, or
    /// SmtpUTF8Mailbox where one is not ASCII (RFC 9598).
    pub fn emails(self, emails: &[&str]) -> Self {
        self.extension(oid::SUBJECT_ALT_NAME, false, &general_names(emails))
    }

    /// As [`emails`](Self::emails), critical: for a subject without a name (RFC 5280 §4.2.1.6).
    pub fn critical_emails(self, emails: &[&str]) -> Self {
        self.extension(oid::SUBJECT_ALT_NAME, true, &general_names(emails))
    }

    /// Sets the subject key identifier.
    pub fn subject_key_id(self, id: &[u8]) -> Self {
        let value = Writer::encode(|w| w.octet_string(id));
        self.extension(oid::SUBJECT_KEY_ID, false, &value)
    }

    /// Sets the subject key identifier to 160 bits of the key's SHA-256 (RFC 7093 §2 method 1).
    pub fn identify_key(self, key: &PublicKey) -> Self {
        let mut hasher = RustCrypto.hasher(DigestAlgorithm::Sha256);
        hasher.update(key.key_bytes());
        let digest = hasher.finish();
        self.subject_key_id(digest.get(..20).unwrap_or_default())
    }

    /// Sets the authority key identifier.
    pub fn authority_key_id(self, id: &[u8]) -> Self {
        let value = Writer::encode(|w| w.sequence(|w| w.element(Tag::context(0), id)));
        self.extension(oid::AUTHORITY_KEY_ID, false, &value)
    }

    /// Sets certificatePolicies, not critical, without qualifiers (RFC 5280 §4.2.1.4).
    pub fn policies(self, policies: &[Oid]) -> Self {
        let value = Writer::encode(|w| {
            w.sequence(|w| {
                for policy in policies {
                    w.sequence(|w| w.oid(*policy));
                }
            });
        });
        self.extension(oid::CERTIFICATE_POLICIES, false, &value)
    }

    /// Sets cRLDistributionPoints to one point with one URL (RFC 5280 §4.2.1.13).
    pub fn crl_at(self, url: &str) -> Self {
        let value = Writer::encode(|w| {
            w.sequence(|w| {
                w.sequence(|w| {
                    // distributionPoint, and in it fullName: GeneralNames.
                    w.constructed(Tag::context_constructed(0), |w| {
                        w.constructed(Tag::context_constructed(0), |w| {
                            w.element(Tag::context(6), url.as_bytes());
                        });
                    });
                });
            });
        });
        self.extension(oid::CRL_DISTRIBUTION_POINTS, false, &value)
    }

    /// Sets authorityInfoAccess to where the issuer's certificate is (RFC 5280 §4.2.2.1).
    pub fn issuer_at(self, url: &str) -> Self {
        let value = Writer::encode(|w| {
            w.sequence(|w| {
                w.sequence(|w| {
                    w.oid(oid::CA_ISSUERS);
                    w.element(Tag::context(6), url.as_bytes());
                });
            });
        });
        self.extension(oid::AUTHORITY_INFO_ACCESS, false, &value)
    }

    /// Sets an extension to the DER `value`, in place of one of the same kind.
    pub fn extension(self, oid: Oid, critical: bool, value: &[u8]) -> Self {
        self.without_extension(oid)
            .repeat_extension(oid, critical, value)
    }

    /// Adds an extension beside those of the same kind, which readers refuse.
    pub fn repeat_extension(mut self, oid: Oid, critical: bool, value: &[u8]) -> Self {
        self.extensions.push((oid, critical, value.to_vec()));
        self
    }

    /// Takes an extension away.
    pub fn without_extension(mut self, oid: Oid) -> Self {
        self.extensions.retain(|(present, _, _)| *present != oid);
        self
    }

    /// Signs with the issuer's key.
    ///
    /// # Errors
    /// Those of [`KeyOps::sign`](smime_crypto::KeyOps::sign); [`Error::Malformed`] when what was
    /// asked for is not a certificate, which [`sign_der`](Self::sign_der) makes nevertheless.
    pub fn sign(
        self,
        key: &PrivateKey,
        scheme: SignatureScheme,
        random: &dyn Random,
    ) -> Result<Certificate, Error> {
        let der = self.sign_der(key, scheme, random)?;
        Certificate::from_der(&der).map_err(|_| Error::Malformed {
            what: "certificate",
            offset: 0,
        })
    }

    /// Signs with the issuer's key and returns the DER unread.
    ///
    /// # Errors
    /// Those of [`KeyOps::sign`](smime_crypto::KeyOps::sign).
    pub fn sign_der(
        self,
        key: &PrivateKey,
        scheme: SignatureScheme,
        random: &dyn Random,
    ) -> Result<Vec<u8>, Error> {
        let algorithm = scheme.identifier();
        let tbs = self.tbs(&algorithm);
        let signature = key.sign(scheme, Signed::Message(&tbs), random)?;
        Ok(Writer::encode(|w| {
            w.sequence(|w| {
                w.raw(&tbs);
                w.raw(&algorithm);
                w.bit_string(&signature);
            });
        }))
    }

    fn tbs(&self, algorithm: &[u8]) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                if self.version != 1 {
                    let number = u32::from(self.version).wrapping_sub(1);
                    w.constructed(Tag::context_constructed(0), |w| w.small(number));
                }
                w.unsigned(&self.serial);
                w.raw(self.inner_algorithm.as_deref().unwrap_or(algorithm));
                w.raw(self.issuer.der());
                w.sequence(|w| {
                    w.time(self.not_before);
                    w.time(self.not_after);
                });
                w.raw(self.subject.der());
                w.raw(&self.spki);
                if !self.extensions.is_empty() {
                    w.constructed(Tag::context_constructed(3), |w| self.write_extensions(w));
                }
            });
        })
    }

    /// Writes Extensions, which a request can carry too (RFC 2985 §5.4.2).
    pub(crate) fn write_extensions(&self, w: &mut Writer) {
        w.sequence(|w| {
            for extension in &self.extensions {
                write_extension(w, extension);
            }
        });
    }
}

fn write_extension(w: &mut Writer, (oid, critical, value): &(Oid, bool, Vec<u8>)) {
    w.sequence(|w| {
        w.oid(*oid);
        if *critical {
            w.boolean(true);
        }
        w.octet_string(value);
    });
}

fn general_names(emails: &[&str]) -> Vec<u8> {
    Writer::encode(|w| w.sequence(|w| emails.iter().for_each(|email| general_name(w, email))))
}

fn general_name(w: &mut Writer, email: &str) {
    if email.is_ascii() {
        w.element(Tag::context(1), email.as_bytes());
        return;
    }
    w.constructed(Tag::context_constructed(0), |w| {
        w.oid(oid::SMTP_UTF8_MAILBOX);
        w.constructed(Tag::context_constructed(0), |w| {
            w.element(Tag::UTF8_STRING, email.as_bytes());
        });
    });
}
