use std::{error, fmt};

use crate::Oid;

/// Why a cryptographic operation did not give its result.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The encoding is wrong; `offset` counts bytes from the start of what was parsed.
    Malformed {
        /// What was expected there.
        what: &'static str,
        /// The byte position.
        offset: usize,
    },
    /// An algorithm, curve or key type this crate does not know.
    UnknownAlgorithm(Oid),
    /// A known algorithm with parameters that cannot be used.
    Unsupported(&'static str),
    /// The key is not fit for the operation asked of it.
    WrongKey(&'static str),
    /// The signature does not match the data and the key.
    BadSignature,
    /// Wrong key or altered ciphertext; one variant on purpose, see RFC 3218.
    DecryptFailed,
    /// The private key is protected and the passphrase does not open it.
    WrongPassphrase,
    /// The private key is protected and no passphrase was given.
    PassphraseNeeded,
    /// The source of randomness failed.
    NoRandomness,
}

impl Error {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "crypto.malformed",
            Self::UnknownAlgorithm(_) => "crypto.unknown_algorithm",
            Self::Unsupported(_) => "crypto.unsupported",
            Self::WrongKey(_) => "crypto.wrong_key",
            Self::BadSignature => "crypto.bad_signature",
            Self::DecryptFailed => "crypto.decrypt_failed",
            Self::WrongPassphrase => "crypto.wrong_passphrase",
            Self::PassphraseNeeded => "crypto.passphrase_needed",
            Self::NoRandomness => "crypto.no_randomness",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { what, offset } => write!(f, "{what} malformed at byte {offset}"),
            Self::UnknownAlgorithm(oid) => write!(f, "unknown algorithm {oid}"),
            Self::Unsupported(what) => write!(f, "{what} not supported"),
            Self::WrongKey(what) => write!(f, "key unfit: {what}"),
            Self::BadSignature => f.write_str("signature does not match"),
            Self::DecryptFailed => f.write_str("wrong key or altered ciphertext"),
            Self::WrongPassphrase => f.write_str("passphrase does not open the key"),
            Self::PassphraseNeeded => f.write_str("key protected by a passphrase"),
            Self::NoRandomness => f.write_str("no randomness"),
        }
    }
}

impl error::Error for Error {}
