use std::fmt;

use rsa::{
    BoxedUint, Oaep, Pkcs1v15Encrypt, Pkcs1v15Sign, Pss,
    pkcs1::EncodeRsaPrivateKey,
    traits::{PrivateKeyParts, PublicKeyParts},
};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    DigestAlgorithm, Error, KeyKind, KeyOps, KeyTransport, PublicKey, Random, Secret,
    SignatureScheme, Signed,
    asn1::{Reader, Writer},
    digest::{digest_of, with_digest},
    kdf,
    private_key_info::{rsa_public_key, wrap_rsa},
    random::CoreRandom,
    rustcrypto::{NOT_FOR_AGREEMENT, OTHER_DIGEST, OTHER_KIND},
};

/// An RSA private key of two primes.
pub(crate) struct RsaKey {
    public: PublicKey,
    key: rsa::PrivateKey,
    /// Names the plaintexts of malformed ciphertexts, see [`RsaKey::unwrap_pkcs1`].
    rejection: Secret,
}

impl RsaKey {
    /// Reads a DER RSAPrivateKey (RFC 8017 §A.1.2) and checks that its numbers fit each other.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, Error> {
        let mut outer = Reader::new(der);
        let mut fields = outer.sequence(RSA_PRIVATE_KEY)?;
        outer.finish(RSA_PRIVATE_KEY)?;
        if fields.small("version")? != 0 {
            return Err(Error::Unsupported("RSA key of more than two primes"));
        }
        let modulus = fields.unsigned("modulus")?;
        let exponent = fields.unsigned("publicExponent")?;
        let private = fields.unsigned("privateExponent")?;
        let mut primes = [fields.unsigned("prime1")?, fields.unsigned("prime2")?];
        // The larger first, as CRT implementations expect; which one it is, is no secret worth
        // keeping.
        primes.sort_by(|a, b| (b.len(), b).cmp(&(a.len(), a)));
        // The rest follows from the primes and is computed from them.
        for what in ["exponent1", "exponent2", "coefficient"] {
            fields.unsigned(what)?;
        }
        fields.finish(RSA_PRIVATE_KEY)?;
        let public = rsa_public_key(modulus, exponent)?;
        public_numbers(&public)?;
        if private.len() > modulus.len() || primes.iter().any(|prime| prime.len() > modulus.len()) {
            return Err(MISMATCH);
        }
        let primes = primes
            .iter()
            .map(|prime| number(prime))
            .collect::<Result<Vec<_>, _>>()?;
        let key = rsa::PrivateKey::from_components(
            number(modulus)?,
            number(exponent)?,
            number(private)?,
            primes,
        )
        .map_err(|_| MISMATCH)?;
        let rejection = Secret::new(Sha256::digest(key.d().to_be_bytes()).to_vec());
        Ok(Self {
            public,
            key,
            rejection,
        })
    }

    /// Returns the DER RSAPrivateKey, every number computed from the checked ones.
    #[cfg(all(
        feature = "graviola",
        any(target_arch = "x86_64", target_arch = "aarch64")
    ))]
    pub(crate) fn to_der(&self) -> Result<Secret, Error> {
        let der = self.key.to_pkcs1_der().map_err(|_| MISMATCH)?;
        Ok(Secret::from(der.as_bytes()))
    }

    /// Undoes RSAES-PKCS1-v1_5 without telling whether the padding was right.
    ///
    /// A malformed ciphertext, and a content key of another length, give pseudo-random bytes that
    /// only the holder of the key can compute, and the same ones each time: whoever can submit a
    /// message twice must not see two outcomes (RFC 3218 §2.3.2, with the synthetic plaintext of
    /// the RSA implementation).
    fn unwrap_pkcs1(
        &self,
        wrapped: &[u8],
        length: usize,
        random: &dyn Random,
    ) -> Result<Secret, Error> {
        let mut chosen = kdf::x963(DigestAlgorithm::Sha256, &self.rejection, wrapped, length);
        let random = &mut CoreRandom(random);
        // An error here says the length of the ciphertext or its size as a number is wrong, which
        // everybody can see.
        let decrypted = match self.key.decrypt_blinded(random, Pkcs1v15Encrypt, wrapped) {
            Err(rsa::Error::Rng) => return Err(Error::NoRandomness),
            other => Secret::new(other.unwrap_or_default()),
        };
        let right_length = decrypted.expose().len().ct_eq(&length);
        let mut fitted = decrypted.expose().to_vec();
        fitted.resize(length, 0);
        chosen.assign_if(&Secret::new(fitted), right_length);
        Ok(chosen)
    }
}

impl KeyOps for RsaKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(
        &self,
        scheme: SignatureScheme,
        signed: Signed<'_>,
        random: &dyn Random,
    ) -> Result<Vec<u8>, Error> {
        let digest = digest_of(scheme.digest(), signed).ok_or(OTHER_DIGEST)?;
        let random = &mut CoreRandom(random);
        let signature = match scheme {
            SignatureScheme::RsaPkcs1(algorithm) => {
                let padding = Pkcs1v15Sign {
                    hash_len: Some(algorithm.length()),
                    prefix: digest_info(&with_null(algorithm), algorithm, &[]).into(),
                };
                self.key.sign_with_rng(random, padding, &digest)
            }
            SignatureScheme::RsaPss {
                digest: algorithm,
                salt,
            } => with_digest!(algorithm, D => {
                self.key.sign_with_rng(random, Pss::<D>::new_with_salt(salt.into()), &digest)
            }),
            SignatureScheme::Ecdsa(_) | SignatureScheme::Ed25519 => return Err(OTHER_KIND),
        };
        signature.map_err(|error| match error {
            rsa::Error::Rng => Error::NoRandomness,
            _ => Error::WrongKey("too small for this scheme"),
        })
    }

    fn unwrap_key(
        &self,
        transport: KeyTransport,
        wrapped: &[u8],
        length: usize,
        random: &dyn Random,
    ) -> Result<Secret, Error> {
        let KeyTransport::RsaOaep { digest, mgf } = transport else {
            return self.unwrap_pkcs1(wrapped, length, random);
        };
        let random = &mut CoreRandom(random);
        let decrypted = with_digest!(digest, D => with_digest!(mgf, M => {
            self.key.decrypt_blinded(random, Oaep::<D, M>::new_with_mgf_hash(), wrapped)
        }));
        match decrypted.map(Secret::new) {
            Ok(key) if key.expose().len() == length => Ok(key),
            Err(rsa::Error::Rng) => Err(Error::NoRandomness),
            _ => Err(Error::DecryptFailed),
        }
    }

    fn agree(&self, _peer: &PublicKey) -> Result<Secret, Error> {
        Err(NOT_FOR_AGREEMENT)
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RsaKey").field(&self.public.bits()).finish()
    }
}

/// Checks an RSA signature of either padding.
pub(crate) fn verify(
    key: &PublicKey,
    scheme: SignatureScheme,
    signed: Signed<'_>,
    signature: &[u8],
) -> Result<(), Error> {
    let numbers = public_numbers(key)?;
    let digest = digest_of(scheme.digest(), signed).ok_or(Error::BadSignature)?;
    match scheme {
        SignatureScheme::RsaPkcs1(algorithm) => {
            verify_pkcs1(&numbers, algorithm, &digest, signature)
        }
        SignatureScheme::RsaPss {
            digest: algorithm,
            salt,
        } => with_digest!(algorithm, D => {
            let padding = Pss::<D>::new_with_salt(salt.into());
            numbers.verify(padding, &digest, signature).map_err(|_| Error::BadSignature)
        }),
        SignatureScheme::Ecdsa(_) | SignatureScheme::Ed25519 => Err(OTHER_KIND),
    }
}

/// Encrypts a content key to an RSA key.
pub(crate) fn transport_key(
    key: &PublicKey,
    transport: KeyTransport,
    content_key: &Secret,
    random: &dyn Random,
) -> Result<Vec<u8>, Error> {
    if !matches!(key.kind(), KeyKind::Rsa { .. }) {
        return Err(Error::WrongKey("not an RSA key for encryption"));
    }
    let numbers = public_numbers(key)?;
    let (random, plain) = (&mut CoreRandom(random), content_key.expose());
    let wrapped = match transport {
        KeyTransport::RsaPkcs1 => numbers.encrypt(random, Pkcs1v15Encrypt, plain),
        KeyTransport::RsaOaep { digest, mgf } => with_digest!(digest, D => with_digest!(mgf, M => {
            numbers.encrypt(random, Oaep::<D, M>::new_with_mgf_hash(), plain)
        })),
    };
    wrapped.map_err(|error| match error {
        rsa::Error::Rng => Error::NoRandomness,
        rsa::Error::MessageTooLong => Error::WrongKey("too small for this content key"),
        _ => Error::WrongKey("RSA key that cannot encrypt"),
    })
}

/// Makes an RSA key with the exponent 65537, as PKCS#8.
pub(crate) fn generate(bits: u32, random: &dyn Random) -> Result<Secret, Error> {
    if !(2048..=4096).contains(&bits) || !bits.is_multiple_of(64) {
        return Err(Error::Unsupported("making an RSA key of this size"));
    }
    let size = usize::try_from(bits).unwrap_or_default();
    let key = rsa::PrivateKey::new(&mut CoreRandom(random), size).map_err(|error| match error {
        rsa::Error::Rng => Error::NoRandomness,
        _ => Error::Unsupported("making an RSA key of this size"),
    })?;
    let der = key.to_pkcs1_der().map_err(|_| MISMATCH)?;
    Ok(wrap_rsa(der.as_bytes()))
}

/// Reads the numbers of a public key within what one operation may cost: a modulus of 512 to
/// 16 384 bits, an odd exponent of 3 to 64 bits.
fn public_numbers(key: &PublicKey) -> Result<rsa::PublicKey, Error> {
    let (KeyKind::Rsa { bits: 512..=16_384 } | KeyKind::RsaPss { bits: 512..=16_384 }) = key.kind()
    else {
        return Err(Error::WrongKey("not RSA of 512 to 16384 bits"));
    };
    let mut outer = Reader::new(key.key_bytes());
    let mut fields = outer.sequence("RSAPublicKey")?;
    let modulus = fields.unsigned("modulus")?;
    let exponent = fields.unsigned("publicExponent")?;
    if exponent.len() > 8 {
        return Err(Error::WrongKey("RSA exponent of more than 64 bits"));
    }
    // Odd, and the exponent not 1, by the kind; the exponent is smaller by both lengths.
    Ok(rsa::PublicKey::new_unchecked(
        number(modulus)?,
        number(exponent)?,
    ))
}

/// Encodes what the signature should hold and compares (RFC 8017 §8.2.2), so nothing in it is
/// ever parsed; the two forms differ in the digest's parameters, NULL or absent (RFC 8017 §A.2.4).
fn verify_pkcs1(
    key: &rsa::PublicKey,
    algorithm: DigestAlgorithm,
    digest: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    if signature.len() != key.size() {
        return Err(Error::BadSignature);
    }
    let representative = BoxedUint::from_be_slice(signature, key.n_bits_precision())
        .map_err(|_| Error::BadSignature)?;
    if representative >= *key.n().as_ref() {
        return Err(Error::BadSignature);
    }
    let message =
        rsa::hazmat::rsa_encrypt(key, &representative).map_err(|_| Error::BadSignature)?;
    let bytes = message.to_be_bytes();
    let start = bytes
        .len()
        .checked_sub(key.size())
        .ok_or(Error::BadSignature)?;
    let encoded = bytes.get(start..).ok_or(Error::BadSignature)?;
    let right = [with_null(algorithm), algorithm.identifier()]
        .iter()
        .any(|identifier| {
            let info = digest_info(identifier, algorithm, digest);
            // EMSA-PKCS1-v1_5 wants eight bytes of padding at least (RFC 8017 §9.2).
            let padding = encoded
                .len()
                .checked_sub(info.len() + 3)
                .filter(|padding| *padding >= 8);
            padding.is_some_and(|padding| {
                let padding = vec![0xff; padding];
                encoded == [&[0, 1][..], &padding, &[0], &info].concat()
            })
        });
    if right {
        Ok(())
    } else {
        Err(Error::BadSignature)
    }
}

/// Returns the DER DigestInfo (RFC 8017 §A.2.4); of an empty `digest`, everything before it.
fn digest_info(identifier: &[u8], algorithm: DigestAlgorithm, digest: &[u8]) -> Vec<u8> {
    let mut prefix = Writer::encode(|w| {
        w.sequence(|w| {
            w.raw(identifier);
            w.octet_string(&vec![0; algorithm.length()]);
        });
    });
    prefix.truncate(prefix.len() - algorithm.length());
    prefix.extend_from_slice(digest);
    prefix
}

fn with_null(algorithm: DigestAlgorithm) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(algorithm.oid());
            w.null();
        });
    })
}

/// Makes a number with the precision of its own length, which is public.
fn number(magnitude: &[u8]) -> Result<BoxedUint, Error> {
    let bits = u32::try_from(magnitude.len() * 8).map_err(|_| MISMATCH)?;
    BoxedUint::from_be_slice(magnitude, bits.max(64)).map_err(|_| MISMATCH)
}

const RSA_PRIVATE_KEY: &str = "RSAPrivateKey";
const MISMATCH: Error = Error::WrongKey("RSA numbers that do not belong together");
