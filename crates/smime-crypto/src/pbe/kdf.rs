use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512, digest::common::BlockSizeUser};
use zeroize::Zeroizing;

use crate::{
    Error, Oid, Secret,
    asn1::{Reader, Tag},
    pbe::Budget,
};

/// A digest under HMAC (RFC 8018 §B.1) and in the derivation of PKCS#12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prf {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Prf {
    /// Reads the AlgorithmIdentifier of an HMAC.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let mut algorithm = reader.sequence("AlgorithmIdentifier")?;
        let identifier = algorithm.oid()?;
        let all = [
            Self::Sha1,
            Self::Sha224,
            Self::Sha256,
            Self::Sha384,
            Self::Sha512,
        ];
        let found = all.into_iter().find(|prf| hmac_oid(*prf) == identifier);
        found.ok_or(Error::UnknownAlgorithm(identifier))
    }

    /// Returns how long its output is, in bytes.
    pub(crate) fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Returns how many outputs a derivation of `length` bytes takes, each with all its iterations.
    pub(crate) fn blocks(self, length: usize) -> u64 {
        u64::try_from(length.div_ceil(self.length())).unwrap_or(u64::MAX)
    }
}

/// The key derivations of PBES2.
pub(crate) enum Kdf<'a> {
    Pbkdf2(Pbkdf2<'a>),
    /// RFC 7914 §7.
    Scrypt {
        salt: &'a [u8],
        /// N, r and p.
        costs: [u64; 3],
        key_length: Option<u64>,
    },
}

/// PBKDF2-params (RFC 8018 §A.2).
pub(crate) struct Pbkdf2<'a> {
    pub(crate) salt: &'a [u8],
    pub(crate) iterations: u64,
    pub(crate) key_length: Option<u64>,
    pub(crate) prf: Prf,
}

impl<'a> Kdf<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let mut algorithm = reader.sequence("keyDerivationFunc")?;
        match algorithm.oid()? {
            PBKDF2 => {
                let mut parameters = algorithm.sequence("PBKDF2-params")?;
                let salt = parameters.octet_string("salt")?;
                let iterations = count(&mut parameters, "iterationCount")?;
                let key_length = optional_count(&mut parameters)?;
                let prf = if parameters.is_empty() {
                    Prf::Sha1
                } else {
                    Prf::read(&mut parameters)?
                };
                parameters.finish("PBKDF2-params")?;
                Ok(Self::Pbkdf2(Pbkdf2 {
                    salt,
                    iterations,
                    key_length,
                    prf,
                }))
            }
            SCRYPT => {
                let mut parameters = algorithm.sequence("scrypt-params")?;
                let salt = parameters.octet_string("salt")?;
                let costs = [
                    count(&mut parameters, "costParameter")?,
                    count(&mut parameters, "blockSize")?,
                    count(&mut parameters, "parallelizationParameter")?,
                ];
                let key_length = optional_count(&mut parameters)?;
                parameters.finish("scrypt-params")?;
                Ok(Self::Scrypt {
                    salt,
                    costs,
                    key_length,
                })
            }
            other => Err(Error::UnknownAlgorithm(other)),
        }
    }

    pub(crate) fn key_length(&self) -> Option<u64> {
        match self {
            Self::Pbkdf2(Pbkdf2 { key_length, .. }) | Self::Scrypt { key_length, .. } => {
                *key_length
            }
        }
    }

    /// Derives a key of `length` bytes, at most 128.
    pub(crate) fn derive(
        &self,
        passphrase: &[u8],
        length: usize,
        budget: &mut Budget,
    ) -> Result<Secret, Error> {
        match self {
            Self::Pbkdf2(parameters) => parameters.derive(passphrase, length, budget),
            Self::Scrypt { salt, costs, .. } => {
                let (log_n, r, p) = budget.scrypt(*costs, salt)?;
                let parameters = scrypt::Params::new(log_n, r, p).map_err(|_| SCRYPT_COSTS)?;
                let mut key = Zeroizing::new(vec![0; length]);
                scrypt::scrypt(passphrase, salt, &parameters, &mut key)
                    .map_err(|_| SCRYPT_COSTS)?;
                Ok(Secret::new(std::mem::take(&mut *key)))
            }
        }
    }
}

impl Pbkdf2<'_> {
    pub(crate) fn derive(
        &self,
        passphrase: &[u8],
        length: usize,
        budget: &mut Budget,
    ) -> Result<Secret, Error> {
        let blocks = self.prf.blocks(length);
        let rounds = budget.iterations(self.iterations, blocks, self.salt)?;
        let mut key = Zeroizing::new(vec![0; length]);
        let derive = match self.prf {
            Prf::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>,
            Prf::Sha224 => pbkdf2::pbkdf2_hmac::<Sha224>,
            Prf::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>,
            Prf::Sha384 => pbkdf2::pbkdf2_hmac::<Sha384>,
            Prf::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>,
        };
        derive(passphrase, self.salt, rounds, &mut key);
        Ok(Secret::new(std::mem::take(&mut *key)))
    }
}

/// The digests of PBES1.
#[derive(Clone, Copy)]
pub(super) enum Pbkdf1Digest {
    Md5,
    Sha1,
}

/// Derives the 16 bytes or more that PBES1 needs (RFC 8018 §5.1).
pub(super) fn pbkdf1(digest: Pbkdf1Digest, passphrase: &[u8], salt: &[u8], rounds: u32) -> Secret {
    match digest {
        Pbkdf1Digest::Md5 => pbkdf1_with::<Md5>(passphrase, salt, rounds),
        Pbkdf1Digest::Sha1 => pbkdf1_with::<Sha1>(passphrase, salt, rounds),
    }
}

fn pbkdf1_with<D: Digest>(passphrase: &[u8], salt: &[u8], rounds: u32) -> Secret {
    let first = D::new().chain_update(passphrase).chain_update(salt);
    let mut derived = first.finalize();
    for _ in 1..rounds {
        derived = D::digest(&derived);
    }
    Secret::from(&*derived)
}

/// Derives `length` bytes as OpenSSL does for its encrypted PEM: MD5, one round, the passphrase
/// and a salt of 8 bytes.
pub(crate) fn bytes_to_key(passphrase: &[u8], salt: &[u8], length: usize) -> Secret {
    let mut derived = Zeroizing::new(Vec::with_capacity(length + 16));
    while derived.len() < length {
        let last = derived.len().saturating_sub(16);
        let block = Md5::new()
            .chain_update(derived.get(last..).unwrap_or_default())
            .chain_update(passphrase)
            .chain_update(salt);
        derived.extend_from_slice(&block.finalize());
    }
    derived.truncate(length);
    Secret::new(std::mem::take(&mut *derived))
}

/// Derives `length` bytes by the function of PKCS#12 (RFC 7292 appendix B.2); `passphrase` is
/// encoded already.
pub(crate) fn pkcs12(
    digest: Prf,
    id: u8,
    passphrase: &[u8],
    salt: &[u8],
    rounds: u32,
    length: usize,
) -> Secret {
    let derive = match digest {
        Prf::Sha1 => pkcs12_with::<Sha1>,
        Prf::Sha224 => pkcs12_with::<Sha224>,
        Prf::Sha256 => pkcs12_with::<Sha256>,
        Prf::Sha384 => pkcs12_with::<Sha384>,
        Prf::Sha512 => pkcs12_with::<Sha512>,
    };
    derive(id, passphrase, salt, rounds, length)
}

fn pkcs12_with<D: Digest + BlockSizeUser>(
    id: u8,
    passphrase: &[u8],
    salt: &[u8],
    rounds: u32,
    length: usize,
) -> Secret {
    let v = D::block_size();
    let diversifier = vec![id; v];
    // I: salt and passphrase, each repeated to fill whole blocks.
    let filled = |bytes: &[u8]| bytes.len().div_ceil(v) * v;
    let mut input = Zeroizing::new(Vec::with_capacity(filled(salt) + filled(passphrase)));
    input.extend(salt.iter().cycle().take(filled(salt)));
    input.extend(passphrase.iter().cycle().take(filled(passphrase)));
    let output = <D as Digest>::output_size();
    let mut derived = Zeroizing::new(Vec::with_capacity(length + output));
    while derived.len() < length {
        let first = D::new().chain_update(&diversifier).chain_update(&*input);
        let mut block = first.finalize();
        for _ in 1..rounds {
            block = D::digest(&block);
        }
        derived.extend_from_slice(&block);
        // Each block of I becomes I + B + 1 modulo 2^(8v), where B repeats the digest.
        let repeated: Zeroizing<Vec<u8>> = block
            .iter()
            .copied()
            .cycle()
            .take(v)
            .collect::<Vec<_>>()
            .into();
        for chunk in input.chunks_mut(v) {
            let mut carry = 1_u16;
            for (byte, add) in chunk.iter_mut().rev().zip(repeated.iter().rev()) {
                let sum = u16::from(*byte) + u16::from(*add) + carry;
                let [high, low] = sum.to_be_bytes();
                *byte = low;
                carry = high.into();
            }
        }
    }
    derived.truncate(length);
    Secret::new(std::mem::take(&mut *derived))
}

/// Returns the HMAC of `message`.
pub(crate) fn hmac(digest: Prf, key: &[u8], message: &[u8]) -> Secret {
    match digest {
        Prf::Sha1 => hmac_with::<Hmac<Sha1>>(key, message),
        Prf::Sha224 => hmac_with::<Hmac<Sha224>>(key, message),
        Prf::Sha256 => hmac_with::<Hmac<Sha256>>(key, message),
        Prf::Sha384 => hmac_with::<Hmac<Sha384>>(key, message),
        Prf::Sha512 => hmac_with::<Hmac<Sha512>>(key, message),
    }
}

fn hmac_with<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Secret {
    let mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    Secret::from(&*mac.chain_update(message).finalize().into_bytes())
}

/// Returns the identifier of the HMAC (RFC 8018 §B.1).
pub(crate) fn hmac_oid(digest: Prf) -> Oid {
    match digest {
        Prf::Sha1 => Oid::new("1.2.840.113549.2.7"),
        Prf::Sha224 => Oid::new("1.2.840.113549.2.8"),
        Prf::Sha256 => Oid::new("1.2.840.113549.2.9"),
        Prf::Sha384 => Oid::new("1.2.840.113549.2.10"),
        Prf::Sha512 => Oid::new("1.2.840.113549.2.11"),
    }
}

/// Reads an INTEGER that counts something; one beyond 2⁶⁴-1 is that, for it is refused anyway.
pub(crate) fn count(reader: &mut Reader<'_>, what: &'static str) -> Result<u64, Error> {
    let magnitude = reader.unsigned(what)?;
    if magnitude.len() > 8 {
        return Ok(u64::MAX);
    }
    Ok(magnitude
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn optional_count(reader: &mut Reader<'_>) -> Result<Option<u64>, Error> {
    if reader.peek() == Some(Tag::INTEGER) {
        count(reader, "keyLength").map(Some)
    } else {
        Ok(None)
    }
}

/// RFC 7292 appendix B.3.
pub(super) const ID_KEY: u8 = 1;
pub(super) const ID_IV: u8 = 2;

/// Tools write 8 to 32 bytes; the largest seen in a test suite is 1024.
pub(crate) const MAX_SALT: usize = 1024;

pub(super) const PBKDF2: Oid = Oid::new("1.2.840.113549.1.5.12");
const SCRYPT: Oid = Oid::new("1.3.6.1.4.1.11591.4.11");
const SCRYPT_COSTS: Error = Error::Unsupported("cost of the key's protection");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_of_pkcs12_gives_the_known_answers() {
        // Bouncy Castle's and OpenSSL's answers for the passphrases "smeg" and "queeg".
        for (id, passphrase, salt, rounds, expected) in [
            (
                ID_KEY,
                "smeg",
                "0a58cf64530d823f",
                1,
                "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3",
            ),
            (ID_IV, "smeg", "0a58cf64530d823f", 1, "79993dfe048d3b76"),
            (
                3,
                "smeg",
                "3d83c0e4546ac140",
                1,
                "8d967d88f6caa9d714800ab3d48051d63f73a312",
            ),
            (
                ID_KEY,
                "queeg",
                "05dec959acff72f7",
                1000,
                "ed2034e36328830ff09df1e1a07dd357185dac0d4f9eb3d4",
            ),
        ] {
            let encoded = crate::pbe::Passphrase::new(Some(&Secret::from(passphrase.as_bytes())));
            let salt: Vec<u8> = (0..8)
                .map(|at| u8::from_str_radix(&salt[2 * at..2 * at + 2], 16).unwrap())
                .collect();
            let length = expected.len() / 2;
            let encoded = encoded.bmp()[0].expose();
            let derived = pkcs12(Prf::Sha1, id, encoded, &salt, rounds, length);
            let hex: String = derived
                .expose()
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            assert_eq!(hex, expected, "{id} {passphrase}");
        }
    }
}
