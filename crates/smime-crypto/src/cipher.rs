//! Content ciphers, streaming in constant memory.

use crate::{ContentCipher, Error, Secret};

/// Encrypts content, piece by piece.
#[derive(Debug)]
#[must_use]
pub struct Sealer;

impl Sealer {
    /// Starts.
    ///
    /// # Errors
    /// [`Error::WrongKey`], [`Error::Unsupported`].
    pub fn new(_cipher: ContentCipher, _key: &Secret, _iv: &[u8], _aad: &[u8]) -> Result<Self, Error> {
        Err(Error::Unsupported("content cipher"))
    }

    /// Appends the ciphertext of `plaintext` to `out`, except what does not fill a block.
    pub fn update(&mut self, _plaintext: &[u8], _out: &mut Vec<u8>) {}

    /// Appends what is left and returns the tag, empty for CBC.
    pub fn finish(self, _out: &mut Vec<u8>) -> Vec<u8> {
        Vec::new()
    }
}

/// Checks the tag over ciphertext.
#[derive(Debug)]
#[must_use]
pub struct Checker;

impl Checker {
    /// Starts.
    ///
    /// # Errors
    /// [`Error::WrongKey`], [`Error::Unsupported`].
    pub fn new(_cipher: ContentCipher, _key: &Secret, _iv: &[u8], _aad: &[u8]) -> Result<Self, Error> {
        Err(Error::Unsupported("content cipher"))
    }

    /// Adds ciphertext.
    pub fn update(&mut self, _ciphertext: &[u8]) {}

    /// Compares.
    ///
    /// # Errors
    /// [`Error::DecryptFailed`].
    pub fn finish(self, _tag: &[u8]) -> Result<(), Error> {
        Err(Error::DecryptFailed)
    }
}

/// Decrypts content.
#[derive(Debug)]
#[must_use]
pub struct Opener;

impl Opener {
    /// Starts.
    ///
    /// # Errors
    /// [`Error::WrongKey`], [`Error::Unsupported`].
    pub fn new(_cipher: ContentCipher, _key: &Secret, _iv: &[u8]) -> Result<Self, Error> {
        Err(Error::Unsupported("content cipher"))
    }

    /// Appends plaintext.
    pub fn update(&mut self, _ciphertext: &[u8], _out: &mut Vec<u8>) {}

    /// Appends the last plaintext.
    ///
    /// # Errors
    /// [`Error::DecryptFailed`].
    pub fn finish(self, _out: &mut Vec<u8>) -> Result<(), Error> {
        Err(Error::DecryptFailed)
    }
}
