use super::{
    DATA, ENCRYPTED_DATA,
    bags::{CERT_BAG, FRIENDLY_NAME, LOCAL_KEY_ID, SHROUDED_KEY_BAG, X509_CERTIFICATE},
    mac::mac_key,
};
use crate::{
    Error, Random, Secret,
    asn1::{Tag, Writer},
    oid,
    pbe::{self, Passphrase, Prf, hmac},
    private_key_info::PrivateKeyInfo,
    sha1_fingerprint,
};

/// Writes a PKCS#12 file (RFC 7292) of one private key with its certificate and chain.
///
/// Key and certificates are encrypted by PBES2 (AES-256-CBC under PBKDF2 with HMAC-SHA-256), the
/// whole has a MAC of HMAC-SHA-256 by the derivation of PKCS#12: what OpenSSL 3, NSS and Windows
/// read.
#[derive(Debug)]
#[must_use]
pub struct Pkcs12Builder<'a> {
    key: &'a Secret,
    certificate: &'a [u8],
    chain: Vec<&'a [u8]>,
    friendly_name: Option<&'a str>,
}

impl<'a> Pkcs12Builder<'a> {
    /// Starts with a private key in plain PKCS#8 and the DER of its certificate; nobody checks
    /// here that they belong together.
    pub fn new(key: &'a Secret, certificate: &'a [u8]) -> Self {
        Self {
            key,
            certificate,
            chain: Vec::new(),
            friendly_name: None,
        }
    }

    /// Adds the DER of the certificate of an authority.
    pub fn authority(mut self, certificate: &'a [u8]) -> Self {
        self.chain.push(certificate);
        self
    }

    /// Names the key and its certificate for people.
    pub fn friendly_name(mut self, name: &'a str) -> Self {
        self.friendly_name = Some(name);
        self
    }

    /// Returns the DER of the file; `passphrase` is UTF-8.
    ///
    /// # Errors
    /// [`Error::NoRandomness`]; what
    /// [`CryptoProvider::load_private_key`](crate::CryptoProvider::load_private_key) says of a key
    /// that is none.
    pub fn finish(self, passphrase: &Secret, random: &dyn Random) -> Result<Vec<u8>, Error> {
        PrivateKeyInfo::from_der(self.key.expose())?;
        let sealed = |plain: &Secret| pbe::seal(plain, passphrase, WRITTEN_ITERATIONS, random);
        let (certificates_scheme, certificates) = sealed(&self.certificates())?;
        let (key_scheme, key) = sealed(self.key)?;
        let key = Writer::encode(|w| {
            w.sequence(|w| {
                self.bag(w, |w| {
                    w.oid(SHROUDED_KEY_BAG);
                    w.constructed(Tag::context_constructed(0), |w| {
                        w.sequence(|w| {
                            w.raw(&key_scheme);
                            w.octet_string(&key);
                        });
                    });
                });
            });
        });
        let safe = Writer::encode(|w| {
            w.sequence(|w| {
                content_info(w, ENCRYPTED_DATA, |w| {
                    w.sequence(|w| {
                        w.small(0);
                        w.sequence(|w| {
                            w.oid(DATA);
                            w.raw(&certificates_scheme);
                            w.element(Tag::context(0), &certificates);
                        });
                    });
                });
                content_info(w, DATA, |w| w.octet_string(&key));
            });
        });
        let mut salt = [0; 16];
        random.fill(&mut salt)?;
        let encoded = Passphrase::new(Some(passphrase));
        let encoded = encoded.bmp().first().ok_or(Error::WrongPassphrase)?;
        let mac_key = mac_key(Prf::Sha256, encoded, &salt, WRITTEN_ITERATIONS);
        let mac = hmac(Prf::Sha256, mac_key.expose(), &safe);
        Ok(Writer::encode(|w| {
            w.sequence(|w| {
                w.small(3);
                content_info(w, DATA, |w| w.octet_string(&safe));
                w.sequence(|w| {
                    w.sequence(|w| {
                        w.sequence(|w| {
                            w.oid(oid::SHA256);
                            w.null();
                        });
                        w.octet_string(mac.expose());
                    });
                    w.octet_string(&salt);
                    w.small(WRITTEN_ITERATIONS);
                });
            });
        }))
    }

    fn certificates(&self) -> Secret {
        let certificate = |w: &mut Writer, der: &[u8]| {
            w.oid(CERT_BAG);
            w.constructed(Tag::context_constructed(0), |w| {
                w.sequence(|w| {
                    w.oid(X509_CERTIFICATE);
                    w.constructed(Tag::context_constructed(0), |w| w.octet_string(der));
                });
            });
        };
        Secret::new(Writer::encode(|w| {
            w.sequence(|w| {
                self.bag(w, |w| certificate(w, self.certificate));
                for authority in &self.chain {
                    w.sequence(|w| certificate(w, authority));
                }
            });
        }))
    }

    /// Writes a SafeBag with the attributes that join key and certificate.
    fn bag(&self, w: &mut Writer, write: impl FnOnce(&mut Writer)) {
        let attribute = |kind, tag, content: &[u8]| {
            Writer::encode(|w| {
                w.sequence(|w| {
                    w.oid(kind);
                    w.constructed(Tag::SET, |w| w.element(tag, content));
                });
            })
        };
        // What OpenSSL takes: the fingerprint of the certificate.
        let key_id = sha1_fingerprint(self.certificate);
        let mut attributes = vec![attribute(LOCAL_KEY_ID, Tag::OCTET_STRING, &key_id)];
        if let Some(name) = self.friendly_name {
            let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
            attributes.push(attribute(FRIENDLY_NAME, Tag::BMP_STRING, &units));
        }
        w.sequence(|w| {
            write(w);
            w.set_of(Tag::SET, attributes);
        });
    }
}

fn content_info(w: &mut Writer, kind: crate::Oid, write: impl FnOnce(&mut Writer)) {
    w.sequence(|w| {
        w.oid(kind);
        w.constructed(Tag::context_constructed(0), write);
    });
}

/// Iterations of each of the three derivations; Windows refuses files that ask for more than
/// 600 000 together.
const WRITTEN_ITERATIONS: u32 = 200_000;
