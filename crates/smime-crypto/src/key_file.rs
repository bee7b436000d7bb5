use std::fmt;

use crate::{Error, Random, Secret};

/// Reads a private key.
///
/// # Errors
/// [`Error::PassphraseNeeded`], [`Error::WrongPassphrase`], [`Error::Malformed`],
/// [`Error::Unsupported`], [`Error::UnknownAlgorithm`].
pub fn read_private_key(_file: &[u8], _passphrase: Option<&Secret>) -> Result<Secret, Error> {
    Err(Error::Unsupported("key file"))
}

/// A private key as it rests: EncryptedPrivateKeyInfo (RFC 5958 §3), PBES2.
#[derive(Clone, PartialEq, Eq)]
pub struct ProtectedKey {
    der: Vec<u8>,
}

impl ProtectedKey {
    /// Encrypts a private key.
    ///
    /// # Errors
    /// [`Error::NoRandomness`].
    pub fn protect(
        _pkcs8: &Secret,
        _passphrase: &Secret,
        _random: &dyn Random,
    ) -> Result<Self, Error> {
        Err(Error::NoRandomness)
    }

    /// Reads.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        Ok(Self { der: der.to_vec() })
    }

    /// Returns the DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Decrypts.
    ///
    /// # Errors
    /// [`Error::WrongPassphrase`].
    pub fn open(&self, _passphrase: &Secret) -> Result<Secret, Error> {
        Err(Error::WrongPassphrase)
    }
}

impl fmt::Debug for ProtectedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProtectedKey")
    }
}
