use std::fmt;

use smime_crypto::{Argon2id, ProtectedKey, Random, Secret, UnixTime, open_record, seal_record};

use crate::Error;

/// A private key as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyAtRest {
    /// Under a passphrase of its own, and under the store key if there is one.
    Protected(ProtectedKey),
    /// Plain PKCS#8, which rests under the store key alone.
    Plain(Secret),
}

impl KeyAtRest {
    /// Returns the key as plain PKCS#8; a passphrase that is not needed is ignored.
    ///
    /// # Errors
    /// [`PassphraseNeeded`](smime_crypto::Error::PassphraseNeeded), and those of
    /// [`ProtectedKey::open`].
    pub fn open(&self, passphrase: Option<&Secret>) -> Result<Secret, smime_crypto::Error> {
        match (self, passphrase) {
            (Self::Plain(pkcs8), _) => Ok(pkcs8.clone()),
            (Self::Protected(key), Some(passphrase)) => key.open(passphrase),
            (Self::Protected(_), None) => Err(smime_crypto::Error::PassphraseNeeded),
        }
    }
}

/// What opens the store key.
#[derive(Clone, Copy, Debug)]
pub enum StoreKeySource<'a> {
    /// A passphrase, through Argon2id (RFC 9106).
    Passphrase(&'a Secret),
    /// A key file.
    KeyFile(&'a KeyFile),
}

/// What kind of thing opens the store key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKeyKind {
    /// A passphrase.
    Passphrase,
    /// A key file.
    KeyFile,
}

impl StoreKeyKind {
    /// Returns the word for it: `passphrase` or `key_file`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            Self::KeyFile => "key_file",
        }
    }
}

impl StoreKeySource<'_> {
    /// Returns what kind of thing this is.
    pub fn kind(&self) -> StoreKeyKind {
        match self {
            Self::Passphrase(_) => StoreKeyKind::Passphrase,
            Self::KeyFile(_) => StoreKeyKind::KeyFile,
        }
    }
}

/// A key of 32 bytes in a file that opens the store key: 64 hexadecimal digits and a line end.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyFile(Secret);

impl KeyFile {
    /// Draws a key.
    ///
    /// # Errors
    /// [`Error::Key`] when there is no randomness.
    pub fn new(random: &dyn Random) -> Result<Self, Error> {
        Ok(Self(Secret::filled(KEY_LENGTH, random)?))
    }

    /// Reads the content of a key file; the line end may be missing.
    ///
    /// # Errors
    /// [`Error::BadKeyFile`] for anything else, so that no other file is taken for one.
    pub fn read(content: &[u8]) -> Result<Self, Error> {
        let digits = content.strip_suffix(b"\n").unwrap_or(content);
        let digits = digits.strip_suffix(b"\r").unwrap_or(digits);
        if digits.len() != 2 * KEY_LENGTH {
            return Err(Error::BadKeyFile);
        }
        let mut key = Vec::with_capacity(KEY_LENGTH);
        for pair in digits.chunks_exact(2) {
            let byte = pair.iter().try_fold(0_u32, |byte, digit| {
                Some(byte * 16 + char::from(*digit).to_digit(16)?)
            });
            let byte = byte.and_then(|byte| u8::try_from(byte).ok());
            key.push(byte.ok_or(Error::BadKeyFile)?);
        }
        Ok(Self(Secret::new(key)))
    }

    /// Returns the content of the key file.
    pub fn content(&self) -> Secret {
        let mut content = Vec::with_capacity(2 * KEY_LENGTH + 1);
        for byte in self.0.expose() {
            for digit in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(digit), 16);
                content.extend(digit.and_then(|digit| u8::try_from(digit).ok()));
            }
        }
        content.push(b'\n');
        Secret::new(content)
    }
}

/// Says nothing of what is in it.
impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyFile")
    }
}

/// The store key: 32 random bytes under which every private key of a store is sealed.
pub(crate) struct StoreKey(Secret);

impl StoreKey {
    pub(crate) fn new(random: &dyn Random) -> Result<Self, Error> {
        Ok(Self(Secret::filled(KEY_LENGTH, random)?))
    }

    /// Encrypts a private key; what comes out belongs to this public key and time alone.
    pub(crate) fn seal(
        &self,
        id: &[u8; 32],
        added: UnixTime,
        key: &KeyAtRest,
        random: &dyn Random,
    ) -> Result<Vec<u8>, Error> {
        let (kind, der) = match key {
            KeyAtRest::Protected(key) => (PROTECTED, key.der()),
            KeyAtRest::Plain(pkcs8) => (PLAIN, pkcs8.expose()),
        };
        let record = Secret::new([&[kind][..], der].concat());
        Ok(seal_record(&self.0, &record, &context(id, added), random)?)
    }

    /// Decrypts what [`seal`](Self::seal) made.
    pub(crate) fn open(
        &self,
        id: &[u8; 32],
        added: UnixTime,
        sealed: &[u8],
    ) -> Result<KeyAtRest, Error> {
        let damaged = |_| Error::DamagedKey(*id);
        let record = open_record(&self.0, sealed, &context(id, added)).map_err(damaged)?;
        match record.expose().split_first() {
            Some((&PROTECTED, der)) => {
                let key = ProtectedKey::from_der(der).map_err(damaged)?;
                Ok(KeyAtRest::Protected(key))
            }
            Some((&PLAIN, der)) => Ok(KeyAtRest::Plain(Secret::from(der))),
            _ => Err(Error::DamagedKey(*id)),
        }
    }

    /// Encrypts this key under a source, for the store to keep: a version, how the key that it is
    /// under is made, and the ciphertext, to which all before it belongs.
    pub(crate) fn wrap(
        &self,
        source: StoreKeySource<'_>,
        random: &dyn Random,
    ) -> Result<Vec<u8>, Error> {
        let mut wrapped = WRAP_VERSION.to_vec();
        let sealed = match source {
            StoreKeySource::Passphrase(passphrase) => {
                let argon2id = Argon2id::new(random)?;
                wrapped.push(BY_PASSPHRASE);
                wrapped.extend_from_slice(&argon2id.to_bytes());
                seal_record(&argon2id.derive(passphrase)?, &self.0, &wrapped, random)?
            }
            StoreKeySource::KeyFile(KeyFile(key)) => {
                wrapped.push(BY_KEY_FILE);
                seal_record(key, &self.0, &wrapped, random)?
            }
        };
        wrapped.extend_from_slice(&sealed);
        Ok(wrapped)
    }

    /// Decrypts what [`wrap`](Self::wrap) made.
    pub(crate) fn unwrap(wrapped: &[u8], source: StoreKeySource<'_>) -> Result<Self, Error> {
        let Wrapped {
            header,
            argon2id,
            sealed,
        } = Wrapped::read(wrapped)?;
        let opened = match (source, argon2id) {
            (StoreKeySource::Passphrase(passphrase), Some(argon2id)) => {
                open_record(&argon2id.derive(passphrase)?, sealed, header)
            }
            (StoreKeySource::KeyFile(KeyFile(key)), None) => open_record(key, sealed, header),
            _ => return Err(Error::WrongStoreKey),
        };
        opened.map(Self).map_err(|_| Error::WrongStoreKey)
    }
}

/// Returns what kind of thing opens a store key that [`StoreKey::wrap`] wrapped.
pub(crate) fn kind_of(wrapped: &[u8]) -> Result<StoreKeyKind, Error> {
    Ok(match Wrapped::read(wrapped)?.argon2id {
        Some(_) => StoreKeyKind::Passphrase,
        None => StoreKeyKind::KeyFile,
    })
}

struct Wrapped<'a> {
    /// All before the ciphertext.
    header: &'a [u8],
    /// What makes a key of a passphrase, unless a key file is one.
    argon2id: Option<Argon2id>,
    sealed: &'a [u8],
}

impl<'a> Wrapped<'a> {
    fn read(wrapped: &'a [u8]) -> Result<Self, Error> {
        const DAMAGED: Error = Error::Damaged("store key");
        let rest = wrapped.strip_prefix(WRAP_VERSION).ok_or(DAMAGED)?;
        let (argon2id, sealed) = match rest.split_first() {
            Some((&BY_PASSPHRASE, rest)) => {
                let (parameters, sealed) = rest.split_first_chunk().ok_or(DAMAGED)?;
                let argon2id = Argon2id::from_bytes(parameters).map_err(|_| DAMAGED)?;
                (Some(argon2id), sealed)
            }
            Some((&BY_KEY_FILE, sealed)) => (None, sealed),
            _ => return Err(DAMAGED),
        };
        let length = wrapped.len().saturating_sub(sealed.len());
        Ok(Self {
            header: wrapped.get(..length).unwrap_or_default(),
            argon2id,
            sealed,
        })
    }
}

/// What a sealed private key belongs to.
fn context(id: &[u8; 32], added: UnixTime) -> Vec<u8> {
    [RECORD_VERSION, id, &added.0.to_be_bytes()].concat()
}

const KEY_LENGTH: usize = 32;

const WRAP_VERSION: &[u8] = b"smime store key 1";
const BY_PASSPHRASE: u8 = 1;
const BY_KEY_FILE: u8 = 2;

const RECORD_VERSION: &[u8] = b"smime private key 1";
const PROTECTED: u8 = 1;
const PLAIN: u8 = 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use smime_crypto::OsRandom;

    use super::*;

    #[test]
    fn every_change_of_a_wrapped_store_key_is_found() {
        let file = KeyFile::new(&OsRandom).unwrap();
        let source = StoreKeySource::KeyFile(&file);
        let key = StoreKey::new(&OsRandom).unwrap();
        let wrapped = key.wrap(source, &OsRandom).unwrap();
        assert!(StoreKey::unwrap(&wrapped, source).unwrap().0 == key.0);
        for bit in 0..8 * wrapped.len() {
            let mut altered = wrapped.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(StoreKey::unwrap(&altered, source).is_err(), "bit {bit}");
        }
        for length in 0..wrapped.len() {
            let unwrapped = StoreKey::unwrap(&wrapped[..length], source);
            assert!(unwrapped.is_err(), "{length} bytes");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_store_key_or_a_sealed_key(
            header in prop::sample::select(vec![&b""[..], b"smime store key 1", b"smime store key 1\x01"]),
            bytes in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let bytes = [header, &bytes].concat();
            let file = KeyFile(Secret::new(vec![1; KEY_LENGTH]));
            prop_assert!(StoreKey::unwrap(&bytes, StoreKeySource::KeyFile(&file)).is_err());
            let opened = StoreKey(Secret::new(vec![1; KEY_LENGTH])).open(&[0; 32], UnixTime(0), &bytes);
            prop_assert!(matches!(opened, Err(Error::DamagedKey(_))));
        }
    }
}
