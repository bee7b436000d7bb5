use aes::cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, consts::U16};
use subtle::{Choice, ConstantTimeEq, ConstantTimeGreater};
use zeroize::Zeroizing;

use crate::Error;

/// Encrypts with PKCS#7 padding (RFC 5652 §6.3).
pub(super) struct Encryptor {
    cipher: Encrypt,
    /// Plaintext that does not fill a block yet: 0 to 15 bytes.
    pending: Zeroizing<[u8; 16]>,
    filled: usize,
}

#[allow(clippy::large_enum_variant)] // one per message
enum Encrypt {
    Aes128(cbc::Encryptor<aes::Aes128Enc>),
    Aes256(cbc::Encryptor<aes::Aes256Enc>),
}

impl Encryptor {
    pub(super) fn new(key: &[u8], iv: &[u8]) -> Result<Self, Error> {
        let cipher = if key.len() == 16 {
            Encrypt::Aes128(cbc::Encryptor::new_from_slices(key, iv).map_err(|_| KEY)?)
        } else {
            Encrypt::Aes256(cbc::Encryptor::new_from_slices(key, iv).map_err(|_| KEY)?)
        };
        Ok(Self {
            cipher,
            pending: Zeroizing::new([0; 16]),
            filled: 0,
        })
    }

    pub(super) fn update(&mut self, plaintext: &[u8], out: &mut Vec<u8>) {
        let whole = (self.filled + plaintext.len()) / 16 * 16;
        let start = out.len();
        let taken = whole.saturating_sub(self.filled);
        if whole > 0 {
            out.reserve(whole);
            out.extend_from_slice(self.pending.get(..self.filled).unwrap_or_default());
            out.extend_from_slice(plaintext.get(..taken).unwrap_or_default());
            self.encrypt(out.get_mut(start..).unwrap_or_default());
            self.filled = 0;
        }
        let rest = plaintext.get(taken..).unwrap_or_default();
        if let Some(space) = self.pending.get_mut(self.filled..self.filled + rest.len()) {
            space.copy_from_slice(rest);
        }
        self.filled += rest.len();
    }

    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        let padding = u8::try_from(16 - self.filled).unwrap_or_default();
        let mut last = self.pending.clone();
        last.iter_mut()
            .skip(self.filled)
            .for_each(|byte| *byte = padding);
        self.encrypt(last.as_mut_slice());
        out.extend_from_slice(last.as_slice());
    }

    fn encrypt(&mut self, bytes: &mut [u8]) {
        let (blocks, _) = Array::<u8, U16>::slice_as_chunks_mut(bytes);
        match &mut self.cipher {
            Encrypt::Aes128(cipher) => cipher.encrypt_blocks(blocks),
            Encrypt::Aes256(cipher) => cipher.encrypt_blocks(blocks),
        }
    }
}

/// Decrypts; the last block is kept until the end, for it is the one with the padding.
pub(super) struct Decryptor {
    cipher: Decrypt,
    /// Ciphertext not decrypted yet: nothing before the first byte, then 1 to 16 bytes.
    pending: [u8; 16],
    filled: usize,
}

#[allow(clippy::large_enum_variant)] // one per message
enum Decrypt {
    Aes128(cbc::Decryptor<aes::Aes128Dec>),
    Aes256(cbc::Decryptor<aes::Aes256Dec>),
}

impl Decryptor {
    pub(super) fn new(key: &[u8], iv: &[u8]) -> Result<Self, Error> {
        let cipher = if key.len() == 16 {
            Decrypt::Aes128(cbc::Decryptor::new_from_slices(key, iv).map_err(|_| KEY)?)
        } else {
            Decrypt::Aes256(cbc::Decryptor::new_from_slices(key, iv).map_err(|_| KEY)?)
        };
        Ok(Self {
            cipher,
            pending: [0; 16],
            filled: 0,
        })
    }

    pub(super) fn update(&mut self, ciphertext: &[u8], out: &mut Vec<u8>) {
        let total = self.filled + ciphertext.len();
        let whole = total.saturating_sub(1) / 16 * 16;
        let taken = whole.saturating_sub(self.filled);
        if whole > 0 {
            let start = out.len();
            out.reserve(whole);
            out.extend_from_slice(self.pending.get(..self.filled).unwrap_or_default());
            out.extend_from_slice(ciphertext.get(..taken).unwrap_or_default());
            self.decrypt(out.get_mut(start..).unwrap_or_default());
            self.filled = 0;
        }
        let rest = ciphertext.get(taken..).unwrap_or_default();
        if let Some(space) = self.pending.get_mut(self.filled..self.filled + rest.len()) {
            space.copy_from_slice(rest);
        }
        self.filled += rest.len();
    }

    pub(super) fn finish(mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.filled != 16 {
            return Err(Error::DecryptFailed);
        }
        let mut last = Zeroizing::new(self.pending);
        self.decrypt(last.as_mut_slice());
        let (padding, valid) = padding(&last);
        // What was decided above in constant time becomes public here, as one outcome.
        let content = 16_usize
            .checked_sub(padding.into())
            .and_then(|length| last.get(..length));
        match content {
            Some(content) if bool::from(valid) => {
                out.extend_from_slice(content);
                Ok(())
            }
            _ => Err(Error::DecryptFailed),
        }
    }

    fn decrypt(&mut self, bytes: &mut [u8]) {
        let (blocks, _) = Array::<u8, U16>::slice_as_chunks_mut(bytes);
        match &mut self.cipher {
            Decrypt::Aes128(cipher) => cipher.decrypt_blocks(blocks),
            Decrypt::Aes256(cipher) => cipher.decrypt_blocks(blocks),
        }
    }
}

/// Returns the length of the padding and whether every byte of it is right (RFC 5652 §6.3), in
/// time that does not depend on the block.
fn padding(block: &[u8; 16]) -> (u8, Choice) {
    let [.., length] = *block;
    let mut valid = length.ct_gt(&0) & !length.ct_gt(&16);
    for (from_end, byte) in (0_u8..16).zip(block.iter().rev()) {
        valid &= byte.ct_eq(&length) | !length.ct_gt(&from_end);
    }
    (length, valid)
}

const KEY: Error = Error::WrongKey("content key of another length");
