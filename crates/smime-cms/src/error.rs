use std::{error, fmt, io};

use smime_crypto::{Error as CryptoError, Oid, Refused};
use smime_io::TooLarge;

/// Why a CMS object could not be read, opened or written.
#[non_exhaustive]
#[derive(Debug)]
pub enum Error {
    /// The input could not be read, or the output not be written.
    Io(io::Error),
    /// A bound of [`smime_io::Limits`] was crossed.
    TooLarge(TooLarge),
    /// The encoding breaks RFC 5652; `offset` counts bytes from the start of the CMS object, and is
    /// approximate inside of structures that were not DER.
    Malformed {
        /// What was expected there.
        what: &'static str,
        /// The byte position.
        offset: u64,
    },
    /// The object is neither SignedData nor EnvelopedData nor AuthEnvelopedData, or not the one
    /// that was asked for.
    UnknownContentType(Oid),
    /// An algorithm this engine does not know.
    UnknownAlgorithm(Oid),
    /// A known algorithm or form in a use that is not supported.
    Unsupported(&'static str),
    /// An algorithm that policy does not permit.
    Refused(Refused),
    /// None of the recipients is the given certificate.
    NoMatchingRecipient,
    /// Wrong key or altered ciphertext; one variant on purpose, see RFC 3218.
    DecryptFailed,
    /// A detached signature that carries content of its own (CVE-2018-18509).
    UnexpectedContent,
    /// A signature without its content.
    MissingContent,
    /// An authenticated cipher in EnvelopedData, or one that is not in AuthEnvelopedData.
    CipherMismatch,
    /// An envelope for nobody.
    NoRecipients,
    /// The key is not the one of the certificate.
    KeyMismatch,
    /// Another number of bytes was written than was declared.
    WrongLength {
        /// Bytes declared at the start.
        declared: u64,
        /// Bytes written.
        written: u64,
    },
    /// A cryptographic operation failed.
    Crypto(CryptoError),
}

impl Error {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "cms.io",
            Self::TooLarge(_) => "cms.too_large",
            Self::Malformed { .. } => "cms.malformed",
            Self::UnknownContentType(_) => "cms.unknown_content_type",
            Self::UnknownAlgorithm(_) => "cms.unknown_algorithm",
            Self::Unsupported(_) => "cms.unsupported",
            Self::Refused(refused) => refused.code(),
            Self::NoMatchingRecipient => "cms.no_matching_recipient",
            Self::DecryptFailed => "cms.decrypt_failed",
            Self::UnexpectedContent => "cms.unexpected_content",
            Self::MissingContent => "cms.missing_content",
            Self::CipherMismatch => "cms.cipher_mismatch",
            Self::NoRecipients => "cms.no_recipients",
            Self::KeyMismatch => "cms.key_mismatch",
            Self::WrongLength { .. } => "cms.wrong_length",
            Self::Crypto(error) => error.code(),
        }
    }

    /// Places an error from a structure that starts `base` bytes into the object.
    pub(crate) fn within(base: u64) -> impl Fn(CryptoError) -> Self {
        move |error| match Self::from(error) {
            Self::Malformed { what, offset } => Self::Malformed {
                what,
                offset: base.saturating_add(offset),
            },
            other => other,
        }
    }
}

impl From<io::Error> for Error {
    /// Takes out what this crate or a limit put inside.
    fn from(error: io::Error) -> Self {
        if let Some(too_large) = TooLarge::find(&error) {
            return Self::TooLarge(too_large);
        }
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(error) => Self::Io(error),
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => error,
            Error::TooLarge(error) => error.into(),
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}

impl From<TooLarge> for Error {
    fn from(error: TooLarge) -> Self {
        Self::TooLarge(error)
    }
}

impl From<Refused> for Error {
    fn from(error: Refused) -> Self {
        Self::Refused(error)
    }
}

impl From<CryptoError> for Error {
    fn from(error: CryptoError) -> Self {
        match error {
            CryptoError::Malformed { what, offset } => Self::Malformed {
                what,
                offset: u64::try_from(offset).unwrap_or(u64::MAX),
            },
            CryptoError::UnknownAlgorithm(oid) => Self::UnknownAlgorithm(oid),
            CryptoError::Unsupported(what) => Self::Unsupported(what),
            CryptoError::DecryptFailed => Self::DecryptFailed,
            other => Self::Crypto(other),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::TooLarge(error) => error.fmt(f),
            Self::Malformed { what, offset } => write!(f, "{what} malformed at byte {offset}"),
            Self::UnknownContentType(oid) => write!(f, "content type {oid} not expected"),
            Self::UnknownAlgorithm(oid) => write!(f, "unknown algorithm {oid}"),
            Self::Unsupported(what) => write!(f, "{what} not supported"),
            Self::Refused(error) => error.fmt(f),
            Self::NoMatchingRecipient => f.write_str("not encrypted to this certificate"),
            Self::DecryptFailed => f.write_str("wrong key or altered ciphertext"),
            Self::UnexpectedContent => f.write_str("detached signature with its own content"),
            Self::MissingContent => f.write_str("signature without its content"),
            Self::CipherMismatch => f.write_str("cipher not allowed in this kind of envelope"),
            Self::NoRecipients => f.write_str("no recipients"),
            Self::KeyMismatch => f.write_str("private key of another certificate"),
            Self::WrongLength { declared, written } => {
                write!(f, "{written} bytes written where {declared} were declared")
            }
            Self::Crypto(error) => error.fmt(f),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::TooLarge(error) => Some(error),
            Self::Refused(error) => Some(error),
            Self::Crypto(error) => Some(error),
            _ => None,
        }
    }
}
