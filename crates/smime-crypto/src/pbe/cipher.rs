use aes::{Aes128Dec, Aes192Dec, Aes256Dec};
use cbc::{
    Decryptor,
    cipher::{
        BlockCipherDecrypt, BlockModeDecrypt, InnerIvInit, KeyInit, block_padding::Pkcs7,
        common::InnerUser,
    },
};
use des::{Des, TdesEde2, TdesEde3};
use rc2::Rc2;
use zeroize::Zeroizing;

use crate::{
    ContentCipher, Error, Oid, Secret,
    asn1::{Reader, Tag},
    cipher::{Checker, Opener},
    oid,
};

/// A cipher for decryption alone: block ciphers in CBC mode with the padding of RFC 8018 §6.1.1,
/// and AES-GCM, which follows the ciphertext with a tag of 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cipher {
    Aes128,
    Aes192,
    Aes256,
    Gcm128,
    Gcm256,
    TripleDes,
    TwoKeyTripleDes,
    Des,
    Rc2 {
        key_length: usize,
        effective_bits: usize,
    },
}

impl Cipher {
    /// Reads the encryptionScheme of PBES2 (RFC 8018 §B.2) and its initialisation vector.
    pub(super) fn read<'a>(
        reader: &mut Reader<'a>,
        key_length: Option<u64>,
    ) -> Result<(Self, &'a [u8]), Error> {
        let mut algorithm = reader.sequence("encryptionScheme")?;
        let cipher = match algorithm.oid()? {
            oid::AES128_CBC => Self::Aes128,
            AES192_CBC => Self::Aes192,
            oid::AES256_CBC => Self::Aes256,
            oid::AES128_GCM => Self::Gcm128,
            oid::AES256_GCM => Self::Gcm256,
            DES_EDE3_CBC => Self::TripleDes,
            DES_CBC => Self::Des,
            RC2_CBC => return read_rc2(&mut algorithm, key_length),
            other => return Err(Error::UnknownAlgorithm(other)),
        };
        let iv = algorithm.octet_string("initialisation vector")?;
        cipher.check_iv(iv)?;
        Ok((cipher, iv))
    }

    pub(crate) fn key_length(self) -> usize {
        match self {
            Self::Aes128 | Self::Gcm128 | Self::TwoKeyTripleDes => 16,
            Self::Aes192 | Self::TripleDes => 24,
            Self::Aes256 | Self::Gcm256 => 32,
            Self::Des => 8,
            Self::Rc2 { key_length, .. } => key_length,
        }
    }

    /// Returns how long a block and the initialisation vector are, in bytes.
    pub(crate) fn block_length(self) -> usize {
        match self {
            Self::Aes128 | Self::Aes192 | Self::Aes256 => 16,
            Self::TripleDes | Self::TwoKeyTripleDes | Self::Des | Self::Rc2 { .. } => 8,
            Self::Gcm128 | Self::Gcm256 => 12,
        }
    }

    fn check_iv(self, iv: &[u8]) -> Result<(), Error> {
        if iv.len() == self.block_length() {
            Ok(())
        } else {
            Err(Error::Unsupported("initialisation vector of this length"))
        }
    }

    /// Decrypts, and takes the padding off.
    ///
    /// # Errors
    /// [`Error::WrongPassphrase`] when the padding is wrong or the ciphertext not whole blocks.
    pub(crate) fn open(self, key: &[u8], iv: &[u8], ciphertext: &[u8]) -> Result<Secret, Error> {
        match self {
            Self::Aes128 => open(Aes128Dec::new_from_slice(key).ok(), iv, ciphertext),
            Self::Aes192 => open(Aes192Dec::new_from_slice(key).ok(), iv, ciphertext),
            Self::Aes256 => open(Aes256Dec::new_from_slice(key).ok(), iv, ciphertext),
            Self::TripleDes => open(TdesEde3::new_from_slice(key).ok(), iv, ciphertext),
            Self::TwoKeyTripleDes => open(TdesEde2::new_from_slice(key).ok(), iv, ciphertext),
            Self::Des => open(Des::new_from_slice(key).ok(), iv, ciphertext),
            Self::Gcm128 => open_gcm(ContentCipher::Aes128Gcm, key, iv, ciphertext),
            Self::Gcm256 => open_gcm(ContentCipher::Aes256Gcm, key, iv, ciphertext),
            Self::Rc2 {
                key_length,
                effective_bits,
            } => {
                let sound = key.len() == key_length;
                let cipher = sound.then(|| Rc2::new_with_eff_key_len(key, effective_bits));
                open(cipher, iv, ciphertext)
            }
        }
    }
}

fn open<C: BlockCipherDecrypt>(
    cipher: Option<C>,
    iv: &[u8],
    ciphertext: &[u8],
) -> Result<Secret, Error>
where
    Decryptor<C>: InnerIvInit + InnerUser<Inner = C> + BlockModeDecrypt,
{
    let cipher = cipher.ok_or(Error::WrongKey("content key of another length"))?;
    let decryptor = Decryptor::inner_iv_slice_init(cipher, iv)
        .map_err(|_| Error::Unsupported("initialisation vector of this length"))?;
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let plain = decryptor
        .decrypt_padded::<Pkcs7>(&mut buffer)
        .map_err(|_| Error::WrongPassphrase)?;
    Ok(Secret::from(plain))
}

fn open_gcm(
    cipher: ContentCipher,
    key: &[u8],
    iv: &[u8],
    ciphertext: &[u8],
) -> Result<Secret, Error> {
    let length = ciphertext.len().checked_sub(16);
    let (ciphertext, tag) = length
        .and_then(|length| ciphertext.split_at_checked(length))
        .ok_or(Error::WrongPassphrase)?;
    let key = Secret::from(key);
    let mut checker = Checker::new(cipher, &key, iv, &[])?;
    checker.update(ciphertext);
    checker.finish(tag).map_err(|_| Error::WrongPassphrase)?;
    let mut plain = Zeroizing::new(Vec::with_capacity(ciphertext.len()));
    let mut opener = Opener::new(cipher, &key, iv)?;
    opener.update(ciphertext, &mut plain);
    opener.finish(&mut plain)?;
    Ok(Secret::new(std::mem::take(&mut *plain)))
}

/// Reads RC2-CBC-Parameter (RFC 8018 §B.2.3).
fn read_rc2<'a>(
    algorithm: &mut Reader<'a>,
    key_length: Option<u64>,
) -> Result<(Cipher, &'a [u8]), Error> {
    let (version, iv) = if algorithm.peek() == Some(Tag::OCTET_STRING) {
        (None, algorithm.octet_string("initialisation vector")?)
    } else {
        let mut parameters = algorithm.sequence("RC2-CBC-Parameter")?;
        let version = match parameters.peek() {
            Some(Tag::INTEGER) => Some(parameters.small("version")?),
            _ => None,
        };
        let iv = parameters.octet_string("initialisation vector")?;
        (version, iv)
    };
    let effective_bits = match version {
        None => 32,
        Some(160) => 40,
        Some(120) => 64,
        Some(58) => 128,
        Some(_) => return Err(Error::Unsupported("effective key length of RC2")),
    };
    // Peers that leave the length out mean keys of 128 bits.
    let key_length = usize::try_from(key_length.unwrap_or(16)).unwrap_or_default();
    if !(1..=128).contains(&key_length) {
        return Err(Error::Unsupported("key length of the protection"));
    }
    let cipher = Cipher::Rc2 {
        key_length,
        effective_bits,
    };
    cipher.check_iv(iv)?;
    Ok((cipher, iv))
}

const AES192_CBC: Oid = Oid::new("2.16.840.1.101.3.4.1.22");
// RFC 8018 appendix C
const DES_CBC: Oid = Oid::new("1.3.14.3.2.7");
const RC2_CBC: Oid = Oid::new("1.2.840.113549.3.2");
const DES_EDE3_CBC: Oid = Oid::new("1.2.840.113549.3.7");
