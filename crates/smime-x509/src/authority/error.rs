use std::{error, fmt};

use smime_crypto::Error;

/// Why a certificate or a request was not made.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueError {
    /// No address was given.
    NoAddress,
    /// An address that no certificate can hold: its domain is an address literal.
    Address,
    /// The name is empty, longer than 64 characters or has characters that cannot be shown
    /// (RFC 5280 appendix A.1).
    Name,
    /// The validity is nothing, longer than allowed, or not on the calendar.
    Days {
        /// The most days allowed.
        most: u32,
    },
    /// The key is of an unknown kind, or RSA with less than 2048 bits (Baseline Requirements
    /// §6.1.5).
    KeyRefused,
    /// The URL is not plain HTTP.
    Url,
    /// The issuer is no authority, or may not sign certificates.
    NotAnAuthority,
    /// The key is not that of the issuer's certificate.
    OtherKey,
    /// The issuer may have no authority below it (RFC 5280 §4.2.1.9).
    PathLength,
    /// It would be called what its issuer is called.
    SameName,
    /// It would be valid when its issuer is not.
    Outlives,
    /// Signing failed.
    Crypto(Error),
}

impl IssueError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoAddress => "issue.no_address",
            Self::Address => "issue.address",
            Self::Name => "issue.name",
            Self::Days { .. } => "issue.days",
            Self::KeyRefused => "issue.key_refused",
            Self::Url => "issue.url",
            Self::NotAnAuthority => "issue.not_an_authority",
            Self::OtherKey => "issue.other_key",
            Self::PathLength => "issue.path_length",
            Self::SameName => "issue.same_name",
            Self::Outlives => "issue.outlives",
            Self::Crypto(error) => error.code(),
        }
    }
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress => f.write_str("no address to certify"),
            Self::Address => f.write_str("address whose domain is not a name"),
            Self::Name => f.write_str("name empty, over 64 characters, or not printable"),
            Self::Days { most } => write!(f, "validity not within 1 to {most} days"),
            Self::KeyRefused => f.write_str("key of a kind or size that is not certified"),
            Self::Url => f.write_str("not a plain http:// URL"),
            Self::NotAnAuthority => f.write_str("issuer is no certification authority"),
            Self::OtherKey => f.write_str("key is not that of the issuer"),
            Self::PathLength => f.write_str("issuer may have no authority below it"),
            Self::SameName => f.write_str("name is that of the issuer"),
            Self::Outlives => f.write_str("validity not within that of the issuer"),
            Self::Crypto(error) => error.fmt(f),
        }
    }
}

impl error::Error for IssueError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Crypto(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for IssueError {
    fn from(error: Error) -> Self {
        Self::Crypto(error)
    }
}
