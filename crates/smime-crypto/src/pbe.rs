//! Encryption under a passphrase: PBES1 and PBES2 (RFC 8018 §6) and the scheme of PKCS#12
//! (RFC 7292 appendix C), as they stand in key files and PKCS#12 files.
//!
//! Old schemes are read and never written. All costs are charged to a [`Budget`] before any work.

mod budget;
mod cipher;
mod kdf;
mod passphrase;

use crate::{
    ContentCipher, Error, Oid, Random, Secret,
    asn1::{Reader, Tag, Writer},
    cipher::Sealer,
    oid,
};

pub use budget::Budget;
pub(crate) use cipher::Cipher;
pub(crate) use kdf::{Kdf, MAX_SALT, Pbkdf2, Prf, bytes_to_key, count, hmac, hmac_oid, pkcs12};
pub(crate) use passphrase::Passphrase;

/// How something is encrypted, out of its AlgorithmIdentifier.
pub(crate) struct Scheme<'a> {
    derivation: Derivation<'a>,
    cipher: Cipher,
    /// Empty where it is derived together with the key.
    iv: &'a [u8],
}

enum Derivation<'a> {
    /// RFC 8018 §6.2.
    Pbes2(Kdf<'a>),
    /// RFC 8018 §6.1: `PBKDF1` gives key and initialisation vector.
    Pbes1 {
        digest: kdf::Pbkdf1Digest,
        salt: &'a [u8],
        iterations: u64,
    },
    /// RFC 7292 appendix C, with SHA-1 always.
    Pkcs12 { salt: &'a [u8], iterations: u64 },
}

impl<'a> Scheme<'a> {
    /// Reads an AlgorithmIdentifier.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let mut algorithm = reader.sequence("AlgorithmIdentifier")?;
        let identifier = algorithm.oid()?;
        if identifier == PBES2 {
            return Self::read_pbes2(&mut algorithm);
        }
        if let Some((digest, cipher)) = pbes1(identifier) {
            let (salt, iterations) = salt_and_count(&mut algorithm)?;
            let derivation = Derivation::Pbes1 {
                digest,
                salt,
                iterations,
            };
            return Ok(Self {
                derivation,
                cipher,
                iv: &[],
            });
        }
        let cipher = pkcs12_pbe(identifier).ok_or(Error::UnknownAlgorithm(identifier))?;
        let (salt, iterations) = salt_and_count(&mut algorithm)?;
        Ok(Self {
            derivation: Derivation::Pkcs12 { salt, iterations },
            cipher,
            iv: &[],
        })
    }

    fn read_pbes2(algorithm: &mut Reader<'a>) -> Result<Self, Error> {
        let mut parameters = algorithm.sequence("PBES2-params")?;
        let kdf = Kdf::read(&mut parameters)?;
        let (cipher, iv) = Cipher::read(&mut parameters, kdf.key_length())?;
        parameters.finish("PBES2-params")?;
        let length = u64::try_from(cipher.key_length()).ok();
        if kdf.key_length().is_some() && kdf.key_length() != length {
            return Err(Error::Unsupported("key length of the protection"));
        }
        Ok(Self {
            derivation: Derivation::Pbes2(kdf),
            cipher,
            iv,
        })
    }

    /// Decrypts; a wrong passphrase and altered bytes are one error.
    ///
    /// # Errors
    /// [`Error::WrongPassphrase`]; [`Error::Unsupported`] when the budget does not suffice.
    pub(crate) fn open(
        &self,
        passphrase: &Passphrase,
        ciphertext: &[u8],
        budget: &mut Budget,
    ) -> Result<Secret, Error> {
        let length = self.cipher.key_length();
        match &self.derivation {
            Derivation::Pbes2(kdf) => {
                let key = kdf.derive(passphrase.utf8(), length, budget)?;
                self.cipher.open(key.expose(), self.iv, ciphertext)
            }
            Derivation::Pbes1 {
                digest,
                salt,
                iterations,
            } => {
                let iterations = budget.iterations(*iterations, 1, salt)?;
                let both = kdf::pbkdf1(*digest, passphrase.utf8(), salt, iterations);
                let (key, iv) = both.expose().split_at_checked(8).unwrap_or_default();
                let iv = iv.get(..8).unwrap_or_default();
                self.cipher.open(key, iv, ciphertext)
            }
            Derivation::Pkcs12 { salt, iterations } => {
                let mut opened = Err(Error::WrongPassphrase);
                let iv_length = self.cipher.block_length();
                let blocks = Prf::Sha1.blocks(length) + Prf::Sha1.blocks(iv_length);
                for encoding in passphrase.bmp() {
                    let rounds = budget.iterations(*iterations, blocks, salt)?;
                    let derive =
                        |id, length| pkcs12(Prf::Sha1, id, encoding.expose(), salt, rounds, length);
                    let (key, iv) = (derive(kdf::ID_KEY, length), derive(kdf::ID_IV, iv_length));
                    opened = self.cipher.open(key.expose(), iv.expose(), ciphertext);
                    if opened.is_ok() {
                        break;
                    }
                }
                opened
            }
        }
    }
}

/// Encrypts by PBES2: AES-256-CBC under PBKDF2 with HMAC-SHA-256, which every peer reads.
///
/// Returns the DER AlgorithmIdentifier and the ciphertext.
pub(crate) fn seal(
    plaintext: &Secret,
    passphrase: &Secret,
    iterations: u32,
    random: &dyn Random,
) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    random.fill(&mut salt)?;
    random.fill(&mut iv)?;
    let kdf = Pbkdf2 {
        salt: &salt,
        iterations: iterations.into(),
        key_length: None,
        prf: Prf::Sha256,
    };
    let key = kdf.derive(passphrase.expose(), 32, &mut Budget::new())?;
    let cipher = ContentCipher::Aes256Cbc;
    let mut sealer = Sealer::new(cipher, &key, &iv, &[])?;
    let mut ciphertext = Vec::new();
    sealer.update(plaintext.expose(), &mut ciphertext);
    let _no_tag = sealer.finish(&mut ciphertext);
    let identifier = Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(PBES2);
            w.sequence(|w| {
                w.sequence(|w| {
                    w.oid(kdf::PBKDF2);
                    w.sequence(|w| {
                        w.octet_string(&salt);
                        w.small(iterations);
                        w.sequence(|w| {
                            w.oid(hmac_oid(Prf::Sha256));
                            w.null();
                        });
                    });
                });
                w.sequence(|w| {
                    w.oid(oid::AES256_CBC);
                    w.octet_string(&iv);
                });
            });
        });
    });
    Ok((identifier, ciphertext))
}

/// Reads PBEParameter (RFC 8018 §A.3) and pkcs-12PbeParams (RFC 7292 appendix C), which are alike.
fn salt_and_count<'a>(algorithm: &mut Reader<'a>) -> Result<(&'a [u8], u64), Error> {
    let mut parameters = algorithm.read(Tag::SEQUENCE, "PBEParameter")?.reader();
    let salt = parameters.octet_string("salt")?;
    let iterations = count(&mut parameters, "iterationCount")?;
    parameters.finish("PBEParameter")?;
    Ok((salt, iterations))
}

/// RFC 8018 §A.3.
fn pbes1(identifier: Oid) -> Option<(kdf::Pbkdf1Digest, Cipher)> {
    let (md5, sha1) = (kdf::Pbkdf1Digest::Md5, kdf::Pbkdf1Digest::Sha1);
    match identifier {
        PBE_MD5_DES => Some((md5, Cipher::Des)),
        PBE_MD5_RC2 => Some((md5, RC2_64)),
        PBE_SHA1_DES => Some((sha1, Cipher::Des)),
        PBE_SHA1_RC2 => Some((sha1, RC2_64)),
        _ => None,
    }
}

/// RFC 7292 appendix C, but for RC4, which is a stream without any check.
fn pkcs12_pbe(identifier: Oid) -> Option<Cipher> {
    match identifier {
        PBE_SHA1_3DES => Some(Cipher::TripleDes),
        PBE_SHA1_2DES => Some(Cipher::TwoKeyTripleDes),
        PBE_SHA1_RC2_128 => Some(Cipher::Rc2 {
            key_length: 16,
            effective_bits: 128,
        }),
        PBE_SHA1_RC2_40 => Some(Cipher::Rc2 {
            key_length: 5,
            effective_bits: 40,
        }),
        _ => None,
    }
}

const RC2_64: Cipher = Cipher::Rc2 {
    key_length: 8,
    effective_bits: 64,
};

// RFC 8018 appendix C
const PBE_MD5_DES: Oid = Oid::new("1.2.840.113549.1.5.3");
const PBE_MD5_RC2: Oid = Oid::new("1.2.840.113549.1.5.6");
const PBE_SHA1_DES: Oid = Oid::new("1.2.840.113549.1.5.10");
const PBE_SHA1_RC2: Oid = Oid::new("1.2.840.113549.1.5.11");
const PBES2: Oid = Oid::new("1.2.840.113549.1.5.13");
// RFC 7292 appendix C
const PBE_SHA1_3DES: Oid = Oid::new("1.2.840.113549.1.12.1.3");
const PBE_SHA1_2DES: Oid = Oid::new("1.2.840.113549.1.12.1.4");
const PBE_SHA1_RC2_128: Oid = Oid::new("1.2.840.113549.1.12.1.5");
const PBE_SHA1_RC2_40: Oid = Oid::new("1.2.840.113549.1.12.1.6");
