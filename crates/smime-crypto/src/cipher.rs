//! Content ciphers as streams in constant memory: [`Sealer`] encrypts, [`Checker`] authenticates
//! ciphertext without decrypting any of it, [`Opener`] decrypts.
//!
//! Authentication and decryption are apart on purpose: a reader checks the whole ciphertext first
//! and decrypts on a second pass, so nothing leaves before the tag was verified. [`Opener`] does
//! **not** look at a tag.

mod cbc;
mod gcm;

use std::fmt;

use crate::{ContentCipher, Error, Secret};

/// Encrypts one content, piece by piece.
///
/// A key and initialisation vector must never be used twice. Forgetting [`finish`](Self::finish)
/// leaves a ciphertext that every reader refuses.
#[must_use]
pub struct Sealer(Seal);

// One of them lives per message; boxing the state would only add an indirection.
#[allow(clippy::large_enum_variant)]
enum Seal {
    Cbc(cbc::Encryptor),
    Gcm(gcm::Keystream, gcm::Authenticator),
}

impl Sealer {
    /// Starts; `aad` is authenticated beside the content (RFC 5083 §2.2).
    ///
    /// # Errors
    /// [`Error::WrongKey`] for a key of another length, [`Error::Unsupported`] for an
    /// initialisation vector of another length, and for `aad` with a cipher that cannot
    /// authenticate it.
    pub fn new(cipher: ContentCipher, key: &Secret, iv: &[u8], aad: &[u8]) -> Result<Self, Error> {
        check_lengths(cipher, key, iv)?;
        if cipher.is_authenticated() {
            let (keystream, authenticator) = gcm::start(key.expose(), iv, aad)?;
            return Ok(Self(Seal::Gcm(keystream, authenticator)));
        }
        if !aad.is_empty() {
            return Err(Error::Unsupported("authenticated attributes beside CBC"));
        }
        Ok(Self(Seal::Cbc(cbc::Encryptor::new(key.expose(), iv)?)))
    }

    /// Appends the ciphertext of `plaintext` to `out`; up to 15 bytes are kept for the next call.
    ///
    /// Over 64 GiB under one key GCM is no longer secure (SP 800-38D §5.2.1.1): nothing more is
    /// appended then, and [`finish`](Self::finish) returns an empty tag, which no reader accepts.
    pub fn update(&mut self, plaintext: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            Seal::Cbc(encryptor) => encryptor.update(plaintext, out),
            Seal::Gcm(keystream, authenticator) => {
                out.reserve(plaintext.len());
                for piece in plaintext.chunks(STRIDE) {
                    let start = out.len();
                    keystream.update(piece, out);
                    authenticator.update(out.get(start..).unwrap_or_default());
                }
            }
        }
    }

    /// Appends what was kept and, for CBC, the padding (RFC 5652 §6.3); returns the tag of 16
    /// bytes, or an empty one for CBC.
    #[must_use = "without its tag the content cannot be read"]
    pub fn finish(self, out: &mut Vec<u8>) -> Vec<u8> {
        match self.0 {
            Seal::Cbc(encryptor) => {
                encryptor.finish(out);
                Vec::new()
            }
            Seal::Gcm(_, authenticator) => authenticator
                .finish()
                .map(|tag| tag.to_vec())
                .unwrap_or_default(),
        }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

/// Checks the tag over a ciphertext without decrypting it.
#[must_use]
pub struct Checker(gcm::Authenticator);

impl Checker {
    /// Starts; `aad` is authenticated beside the content (RFC 5083 §2.2).
    ///
    /// # Errors
    /// [`Error::WrongKey`] for a key of another length, [`Error::Unsupported`] for an
    /// initialisation vector of another length, and for a cipher without a tag.
    pub fn new(cipher: ContentCipher, key: &Secret, iv: &[u8], aad: &[u8]) -> Result<Self, Error> {
        check_lengths(cipher, key, iv)?;
        if !cipher.is_authenticated() {
            return Err(Error::Unsupported("authentication by CBC"));
        }
        let (_, authenticator) = gcm::start(key.expose(), iv, aad)?;
        Ok(Self(authenticator))
    }

    /// Adds ciphertext.
    pub fn update(&mut self, ciphertext: &[u8]) {
        self.0.update(ciphertext);
    }

    /// Compares the tag, in constant time; tags of 12 to 16 bytes are the first bytes of the full
    /// one (RFC 5084 §3.2).
    ///
    /// # Errors
    /// [`Error::DecryptFailed`], also for a tag of another length and a content over 64 GiB.
    pub fn finish(self, tag: &[u8]) -> Result<(), Error> {
        self.0.check(tag)
    }
}

impl fmt::Debug for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Checker")
    }
}

/// Decrypts one content, piece by piece, without authenticating it: [`Checker`] must have accepted
/// the same bytes before, and CBC has nothing that could.
#[must_use]
pub struct Opener(Open);

#[allow(clippy::large_enum_variant)] // as for Seal
enum Open {
    Cbc(cbc::Decryptor),
    Gcm(gcm::Keystream),
}

impl Opener {
    /// Starts.
    ///
    /// # Errors
    /// [`Error::WrongKey`] for a key of another length, [`Error::Unsupported`] for an
    /// initialisation vector of another length.
    pub fn new(cipher: ContentCipher, key: &Secret, iv: &[u8]) -> Result<Self, Error> {
        check_lengths(cipher, key, iv)?;
        if cipher.is_authenticated() {
            let (keystream, _) = gcm::start(key.expose(), iv, &[])?;
            return Ok(Self(Open::Gcm(keystream)));
        }
        Ok(Self(Open::Cbc(cbc::Decryptor::new(key.expose(), iv)?)))
    }

    /// Appends the plaintext of `ciphertext` to `out`; CBC keeps the last block, which may be
    /// padding.
    pub fn update(&mut self, ciphertext: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            Open::Cbc(decryptor) => decryptor.update(ciphertext, out),
            Open::Gcm(keystream) => keystream.update(ciphertext, out),
        }
    }

    /// Appends the last plaintext, without its padding (RFC 5652 §6.3).
    ///
    /// # Errors
    /// [`Error::DecryptFailed`] when the padding is wrong or the ciphertext not whole blocks;
    /// `out` is then as it was.
    pub fn finish(self, out: &mut Vec<u8>) -> Result<(), Error> {
        match self.0 {
            Open::Cbc(decryptor) => decryptor.finish(out),
            Open::Gcm(keystream) => keystream.finish(),
        }
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

fn check_lengths(cipher: ContentCipher, key: &Secret, iv: &[u8]) -> Result<(), Error> {
    if key.expose().len() != cipher.key_length() {
        return Err(Error::WrongKey("content key of another length"));
    }
    if iv.len() != cipher.iv_length() {
        return Err(Error::Unsupported("initialisation vector of this length"));
    }
    Ok(())
}

/// Encrypting and hashing alternate in pieces that stay in the first-level cache.
const STRIDE: usize = 16 * 1024;

#[cfg(test)]
mod tests;
