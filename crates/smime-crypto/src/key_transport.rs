use crate::{Error, KeyTransport, PublicKey, Random, Secret, rustcrypto::rsa};

/// Encrypts a content key to an RSA key (RFC 8017 §7.1.1, §7.2.1).
///
/// # Errors
/// [`Error::WrongKey`] when `key` is not RSA, or too small for `content_key`;
/// [`Error::NoRandomness`].
pub fn transport_key(
    key: &PublicKey,
    transport: KeyTransport,
    content_key: &Secret,
    random: &dyn Random,
) -> Result<Vec<u8>, Error> {
    rsa::transport_key(key, transport, content_key, random)
}
