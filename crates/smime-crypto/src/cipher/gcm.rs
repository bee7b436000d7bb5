use aes::cipher::{
    BlockCipherEncrypt, BlockSizeUser, KeyInit, KeyIvInit, StreamCipher, consts::U16,
};
use ghash::{Block, GHash, universal_hash::UniversalHash};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::Error;

/// The keystream from the second counter block on (SP 800-38D §7.1 step 3).
pub(super) struct Keystream {
    cipher: Cipher,
    exhausted: bool,
}

#[allow(clippy::large_enum_variant)] // one per message
enum Cipher {
    Aes128(ctr::Ctr32BE<aes::Aes128Enc>),
    Aes256(ctr::Ctr32BE<aes::Aes256Enc>),
}

/// GHASH over the additional data and the ciphertext, masked into a tag at the end.
pub(super) struct Authenticator {
    hash: GHash,
    mask: Zeroizing<[u8; 16]>,
    /// Ciphertext that does not fill a block yet.
    pending: [u8; 16],
    aad_length: u64,
    length: u64,
}

/// Derives both halves of the mode for a key of 16 or 32 bytes and a nonce of 12.
pub(super) fn start(
    key: &[u8],
    nonce: &[u8],
    aad: &[u8],
) -> Result<(Keystream, Authenticator), Error> {
    let mut first = [0; 16];
    first
        .get_mut(..12)
        .ok_or(NONCE)?
        .copy_from_slice(nonce.get(..12).ok_or(NONCE)?);
    first[15] = 1;
    let (hash, cipher) = if key.len() == 16 {
        let cipher = ctr::Ctr32BE::new_from_slices(key, &first).map_err(|_| KEY)?;
        (hash::<aes::Aes128Enc>(key)?, Cipher::Aes128(cipher))
    } else {
        let cipher = ctr::Ctr32BE::new_from_slices(key, &first).map_err(|_| KEY)?;
        (hash::<aes::Aes256Enc>(key)?, Cipher::Aes256(cipher))
    };
    let mut keystream = Keystream {
        cipher,
        exhausted: false,
    };
    let mut mask = Zeroizing::new([0; 16]);
    keystream.apply(mask.as_mut_slice());
    let mut authenticator = Authenticator {
        hash,
        mask,
        pending: [0; 16],
        aad_length: 0,
        length: 0,
    };
    authenticator.hash.update_padded(aad);
    authenticator.aad_length = bits(aad);
    Ok((keystream, authenticator))
}

impl Keystream {
    /// Appends the other side of `input`; the mode is its own inverse.
    pub(super) fn update(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(input);
        self.apply(out.get_mut(start..).unwrap_or_default());
        if self.exhausted {
            out.truncate(start);
        }
    }

    pub(super) fn finish(self) -> Result<(), Error> {
        if self.exhausted {
            Err(Error::DecryptFailed)
        } else {
            Ok(())
        }
    }

    fn apply(&mut self, bytes: &mut [u8]) {
        let applied = match &mut self.cipher {
            _ if self.exhausted => return,
            Cipher::Aes128(cipher) => cipher.try_apply_keystream(bytes),
            Cipher::Aes256(cipher) => cipher.try_apply_keystream(bytes),
        };
        self.exhausted = applied.is_err();
    }
}

impl Authenticator {
    pub(super) fn update(&mut self, ciphertext: &[u8]) {
        let filled = self.filled();
        self.length = self
            .length
            .saturating_add(u64::try_from(ciphertext.len()).unwrap_or(u64::MAX));
        let mut rest = ciphertext;
        if filled > 0 {
            let (head, tail) = rest.split_at(rest.len().min(16 - filled));
            if let Some(space) = self.pending.get_mut(filled..filled + head.len()) {
                space.copy_from_slice(head);
            }
            if filled + head.len() < 16 {
                return;
            }
            self.hash.update(&[self.pending.into()]);
            rest = tail;
        }
        let (blocks, tail) = Block::slice_as_chunks(rest);
        self.hash.update(blocks);
        if let Some(space) = self.pending.get_mut(..tail.len()) {
            space.copy_from_slice(tail);
        }
    }

    /// Returns the full tag; `None` when the content was longer than the mode allows.
    pub(super) fn finish(mut self) -> Option<[u8; 16]> {
        if self.length > LONGEST {
            return None;
        }
        let filled = self.filled();
        self.hash.update_padded(self.pending.get(..filled)?);
        let lengths = (u128::from(self.aad_length) << 64) | u128::from(self.length * 8);
        self.hash.update(&[lengths.to_be_bytes().into()]);
        let mut tag: [u8; 16] = self.hash.finalize().into();
        tag.iter_mut()
            .zip(self.mask.iter())
            .for_each(|(byte, mask)| *byte ^= mask);
        Some(tag)
    }

    pub(super) fn check(self, tag: &[u8]) -> Result<(), Error> {
        let expected = self.finish().ok_or(Error::DecryptFailed)?;
        let expected = expected.get(..tag.len()).ok_or(Error::DecryptFailed)?;
        let equal = (12..=16).contains(&tag.len()) && bool::from(expected.ct_eq(tag));
        if equal {
            Ok(())
        } else {
            Err(Error::DecryptFailed)
        }
    }

    /// Bytes in `pending`: what the blocks hashed so far do not cover.
    fn filled(&self) -> usize {
        usize::try_from(self.length % 16).unwrap_or_default()
    }
}

/// Keys GHASH with the encryption of the zero block (SP 800-38D §7.1 step 1).
fn hash<C>(key: &[u8]) -> Result<GHash, Error>
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit,
{
    let mut subkey = Zeroizing::new([0; 16]);
    C::new_from_slice(key)
        .map_err(|_| KEY)?
        .encrypt_block((&mut *subkey).into());
    Ok(GHash::new((&*subkey).into()))
}

fn bits(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len())
        .unwrap_or(u64::MAX)
        .saturating_mul(8)
}

/// Bytes of content under one nonce: 2³⁹ - 256 bits (SP 800-38D §5.2.1.1).
const LONGEST: u64 = (1 << 36) - 32;

const KEY: Error = Error::WrongKey("content key of another length");
const NONCE: Error = Error::Unsupported("initialisation vector of this length");
