use crate::{Error, KeyTransport, PublicKey, Random, Secret};

/// Encrypts a content key to an RSA key.
///
/// # Errors
/// [`Error::WrongKey`], [`Error::NoRandomness`].
pub fn transport_key(
    _key: &PublicKey,
    _transport: KeyTransport,
    _content_key: &Secret,
    _random: &dyn Random,
) -> Result<Vec<u8>, Error> {
    Err(Error::WrongKey("not RSA"))
}
