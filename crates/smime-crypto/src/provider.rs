use std::fmt::Debug;

use sha1::{Digest as _, Sha1};
use sha2::Sha256;

use crate::{
    DigestAlgorithm, Error, KeyKind, KeyTransport, PrivateKey, PublicKey, Random, RustCrypto,
    Secret, SignatureScheme,
};

/// The operations that have two implementations; see the crate's documentation for those that
/// have one.
pub trait CryptoProvider: Debug + Send + Sync {
    /// Starts a digest.
    fn hasher(&self, algorithm: DigestAlgorithm) -> Box<dyn Hasher>;

    /// Checks a signature.
    ///
    /// # Errors
    /// [`Error::BadSignature`] when it does not match; [`Error::WrongKey`] when `key` does not
    /// admit `scheme`; [`Error::Unsupported`] for Ed25519 over a digest.
    fn verify(
        &self,
        key: &PublicKey,
        scheme: SignatureScheme,
        signed: Signed<'_>,
        signature: &[u8],
    ) -> Result<(), Error>;

    /// Makes a key for one message, of the kind of its recipients' (ephemeral-static ECDH,
    /// RFC 5753 §3.1, RFC 8418 §3).
    ///
    /// # Errors
    /// [`Error::NoRandomness`]; [`Error::WrongKey`] for a kind that does not agree.
    fn ephemeral_key(&self, kind: KeyKind, random: &dyn Random) -> Result<PrivateKey, Error>;

    /// Makes a key pair to keep, as unprotected PKCS#8.
    ///
    /// # Errors
    /// [`Error::NoRandomness`]; [`Error::Unsupported`] for a kind or size that cannot be made.
    fn generate_key(&self, kind: KeyKind, random: &dyn Random) -> Result<Secret, Error>;

    /// Reads an unprotected PKCS#8 key (RFC 5958).
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::UnknownAlgorithm`], [`Error::Unsupported`].
    fn load_private_key(&self, pkcs8: &Secret) -> Result<PrivateKey, Error>;
}

/// What a private key can do; software keys implement it, tokens can.
pub trait KeyOps: Debug + Send + Sync {
    /// Returns the public half.
    fn public_key(&self) -> &PublicKey;

    /// Signs.
    ///
    /// # Errors
    /// [`Error::WrongKey`] when `scheme` is not one of this key's kind; [`Error::Unsupported`] for
    /// Ed25519 over a digest.
    fn sign(
        &self,
        scheme: SignatureScheme,
        signed: Signed<'_>,
        random: &dyn Random,
    ) -> Result<Vec<u8>, Error>;

    /// Decrypts a transported content key that must have `length` bytes.
    ///
    /// Never tells bad padding from a wrong length or a wrong key: PKCS#1 v1.5 then returns
    /// `length` pseudo-random bytes, the same ones for the same input (RFC 3218 §2.3.2); OAEP
    /// returns [`Error::DecryptFailed`].
    ///
    /// # Errors
    /// [`Error::DecryptFailed`]; [`Error::WrongKey`] when this is not an RSA key.
    fn unwrap_key(
        &self,
        transport: KeyTransport,
        wrapped: &[u8],
        length: usize,
        random: &dyn Random,
    ) -> Result<Secret, Error>;

    /// Agrees on a shared secret: the x-coordinate, as long as the field (SEC 1 §3.3.1,
    /// RFC 7748 §6.1).
    ///
    /// # Errors
    /// [`Error::WrongKey`] when the keys are not on one curve, when the peer's is no point of it,
    /// and when the secret would be the same whatever this key (RFC 7748 §6.1).
    fn agree(&self, peer: &PublicKey) -> Result<Secret, Error>;
}

/// A digest in the making.
pub trait Hasher: Send {
    /// Adds bytes.
    fn update(&mut self, bytes: &[u8]);

    /// Returns the digest.
    fn finish(self: Box<Self>) -> Vec<u8>;
}

/// What a signature is over: bytes, or a digest that was made elsewhere.
#[derive(Clone, Copy, Debug)]
pub enum Signed<'a> {
    /// The bytes themselves.
    Message(&'a [u8]),
    /// Their digest, by the scheme's algorithm; Ed25519 signs no digest (RFC 8032 §5.1).
    Digest(&'a [u8]),
}

/// Returns the provider that is fastest on this processor.
pub fn fastest() -> &'static dyn CryptoProvider {
    #[cfg(all(
        feature = "graviola",
        any(target_arch = "x86_64", target_arch = "aarch64")
    ))]
    if crate::Graviola::is_supported() {
        return &crate::Graviola;
    }
    &RustCrypto
}

/// Returns the SHA-256 of bytes that come in parts, without a hasher to be kept.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Returns the SHA-1 of a certificate, which people still compare by eye; nothing else uses it.
pub fn sha1_fingerprint(der: &[u8]) -> [u8; 20] {
    Sha1::digest(der).into()
}
