use std::{error, fmt, io};

use smime_io::TooLarge;

/// Why a MIME structure could not be read.
#[non_exhaustive]
#[derive(Debug)]
pub enum Error {
    /// The input could not be read, or a transfer encoding is broken.
    Io(io::Error),
    /// A bound of [`smime_io::Limits`] was crossed.
    TooLarge(TooLarge),
    /// The structure breaks its RFC.
    Malformed {
        /// What is wrong.
        what: &'static str,
        /// Bytes from the start of the entity.
        offset: u64,
    },
    /// The structure is sound, but nothing here reads it.
    Unsupported {
        /// What is not read.
        what: &'static str,
    },
}

impl Error {
    /// Returns a word for this kind of error that is stable across versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "mime.io",
            Self::TooLarge(_) => "mime.too_large",
            Self::Malformed { .. } => "mime.malformed",
            Self::Unsupported { .. } => "mime.unsupported",
        }
    }

    pub(crate) fn malformed(what: &'static str, offset: u64) -> Self {
        Self::Malformed { what, offset }
    }

    pub(crate) fn too_large(what: &'static str, limit: usize) -> Self {
        Self::TooLarge(TooLarge {
            what,
            limit: u64::try_from(limit).unwrap_or(u64::MAX),
        })
    }

    /// Moves an offset within a structure that starts at `start` to one within the entity.
    pub(crate) fn within(self, start: u64) -> Self {
        match self {
            Self::Malformed { what, offset } => Self::Malformed {
                what,
                offset: start.saturating_add(offset),
            },
            other => other,
        }
    }

    /// Whether the bytes themselves are at fault, rather than a limit or the storage.
    pub(crate) fn is_about_content(&self) -> bool {
        match self {
            Self::Io(error) => error.kind() == io::ErrorKind::InvalidData,
            Self::TooLarge(_) => false,
            Self::Malformed { .. } | Self::Unsupported { .. } => true,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match TooLarge::find(&error) {
            Some(crossed) => Self::TooLarge(crossed),
            None => Self::Io(error),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the mail could not be read: {error}"),
            Self::TooLarge(crossed) => crossed.fmt(f),
            Self::Malformed { what, offset } => write!(f, "{what} at byte {offset}"),
            Self::Unsupported { what } => write!(f, "{what} is not supported"),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::TooLarge(crossed) => Some(crossed),
            Self::Malformed { .. } | Self::Unsupported { .. } => None,
        }
    }
}
