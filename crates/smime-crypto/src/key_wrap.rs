//! AES key wrap (RFC 3394), with the key's length choosing AES-128 or AES-256.

use aes::cipher::KeyInit;
use aes_kw::AesKw;

use crate::{Error, Secret};

/// Wraps `content_key`, of 16 to 64 bytes, with `key`; the result is 8 bytes longer.
///
/// # Errors
/// [`Error::WrongKey`] when `key` has not 16 or 32 bytes, or `content_key` cannot be wrapped.
pub fn wrap(key: &Secret, content_key: &Secret) -> Result<Vec<u8>, Error> {
    let plain = content_key.expose();
    if !(16..=LONGEST).contains(&plain.len()) || !plain.len().is_multiple_of(8) {
        return Err(CONTENT_KEY);
    }
    let mut wrapped = vec![0; plain.len() + 8];
    let done = if key.expose().len() == 16 {
        let wrapper = AesKw::<aes::Aes128>::new_from_slice(key.expose()).map_err(|_| KEY)?;
        wrapper.wrap_key(plain, &mut wrapped).is_ok()
    } else {
        let wrapper = AesKw::<aes::Aes256>::new_from_slice(key.expose()).map_err(|_| KEY)?;
        wrapper.wrap_key(plain, &mut wrapped).is_ok()
    };
    if done { Ok(wrapped) } else { Err(CONTENT_KEY) }
}

/// Unwraps what [`wrap`] made.
///
/// # Errors
/// [`Error::DecryptFailed`] for every failure of the wrapped key, its length among them;
/// [`Error::WrongKey`] when `key` has not 16 or 32 bytes.
pub fn unwrap(key: &Secret, wrapped: &[u8]) -> Result<Secret, Error> {
    if !(24..=LONGEST + 8).contains(&wrapped.len()) || !wrapped.len().is_multiple_of(8) {
        return Err(Error::DecryptFailed);
    }
    let mut plain = vec![0; wrapped.len() - 8];
    let done = if key.expose().len() == 16 {
        let wrapper = AesKw::<aes::Aes128>::new_from_slice(key.expose()).map_err(|_| KEY)?;
        wrapper.unwrap_key(wrapped, &mut plain).is_ok()
    } else {
        let wrapper = AesKw::<aes::Aes256>::new_from_slice(key.expose()).map_err(|_| KEY)?;
        wrapper.unwrap_key(wrapped, &mut plain).is_ok()
    };
    if done {
        Ok(Secret::new(plain))
    } else {
        Err(Error::DecryptFailed)
    }
}

/// The longest key that travels; content keys have 32 bytes at most, keys of other algorithms may
/// be longer.
const LONGEST: usize = 64;

const KEY: Error = Error::WrongKey("wrapping key of another length");
const CONTENT_KEY: Error = Error::WrongKey("content key of a length that cannot be wrapped");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_standard_hold() {
        // RFC 3394 §4.1, §4.3 and §4.6.
        let key: Vec<u8> = (0..32).collect();
        let data: Vec<u8> = (0..16).map(|n| n * 0x11).chain(0..16).collect();
        for (key, data, wrapped) in [
            (
                &key[..16],
                &data[..16],
                "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5",
            ),
            (
                &key[..],
                &data[..16],
                "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7",
            ),
            (
                &key[..],
                &data[..],
                "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21",
            ),
        ] {
            let (key, data) = (Secret::from(key), Secret::from(data));
            let made = wrap(&key, &data).unwrap();
            assert_eq!(
                made.iter().map(|b| format!("{b:02x}")).collect::<String>(),
                wrapped
            );
            assert_eq!(unwrap(&key, &made), Ok(data));
        }
    }

    #[test]
    fn every_change_is_found() {
        let (key, content_key) = (Secret::new(vec![1; 32]), Secret::new(vec![2; 32]));
        let wrapped = wrap(&key, &content_key).unwrap();
        for bit in 0..8 * wrapped.len() {
            let mut altered = wrapped.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unwrap(&key, &altered), Err(Error::DecryptFailed));
        }
        assert_eq!(
            unwrap(&Secret::new(vec![3; 32]), &wrapped),
            Err(Error::DecryptFailed)
        );
        assert_eq!(
            unwrap(&Secret::new(vec![1; 16]), &wrapped),
            Err(Error::DecryptFailed)
        );
    }

    #[test]
    fn other_lengths_fail_without_a_reason() {
        let key = Secret::new(vec![1; 16]);
        for length in (0..200).filter(|length| ![24, 32, 40, 48, 56, 64, 72].contains(length)) {
            assert_eq!(unwrap(&key, &vec![7; length]), Err(Error::DecryptFailed));
        }
        for length in [0, 8, 15, 17, 72] {
            assert_eq!(wrap(&key, &Secret::new(vec![7; length])), Err(CONTENT_KEY));
        }
        for length in [0, 15, 24, 33] {
            let key = Secret::new(vec![1; length]);
            assert_eq!(wrap(&key, &Secret::new(vec![7; 16])), Err(KEY));
            assert_eq!(unwrap(&key, &[7; 24]), Err(KEY));
        }
    }
}
