use crate::{
    ContentCipher, Error, Random, Secret,
    cipher::{Checker, Opener, Sealer},
};

/// Encrypts a small record under a key of 32 bytes: AES-256-GCM (SP 800-38D) under a nonce that is
/// drawn.
///
/// `context` is authenticated beside it and not kept: what the record belongs to. One key can seal
/// 2³² records (SP 800-38D §8.3).
///
/// # Errors
/// [`Error::NoRandomness`]; [`Error::WrongKey`] for a key of another length.
pub fn seal_record(
    key: &Secret,
    record: &Secret,
    context: &[u8],
    random: &dyn Random,
) -> Result<Vec<u8>, Error> {
    let mut sealed = vec![0; CIPHER.iv_length()];
    random.fill(&mut sealed)?;
    let mut sealer = Sealer::new(CIPHER, key, &sealed, context)?;
    sealer.update(record.expose(), &mut sealed);
    let tag = sealer.finish(&mut sealed);
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// Decrypts what [`seal_record`] made, after checking that nothing of it was altered.
///
/// # Errors
/// [`Error::DecryptFailed`] for another key, another context and altered bytes alike;
/// [`Error::WrongKey`] for a key of another length.
pub fn open_record(key: &Secret, sealed: &[u8], context: &[u8]) -> Result<Secret, Error> {
    let parts = sealed.split_at_checked(CIPHER.iv_length());
    let (nonce, rest) = parts.ok_or(Error::DecryptFailed)?;
    let (ciphertext, tag) = rest.split_last_chunk::<16>().ok_or(Error::DecryptFailed)?;
    let mut checker = Checker::new(CIPHER, key, nonce, context)?;
    checker.update(ciphertext);
    checker.finish(tag)?;
    // Room for all of it: no copy is left behind by growing.
    let mut record = Vec::with_capacity(ciphertext.len());
    let mut opener = Opener::new(CIPHER, key, nonce)?;
    opener.update(ciphertext, &mut record);
    opener.finish(&mut record)?;
    Ok(Secret::new(record))
}

const CIPHER: ContentCipher = ContentCipher::Aes256Gcm;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OsRandom, random::NoRandom};

    fn key(byte: u8) -> Secret {
        Secret::new(vec![byte; 32])
    }

    #[test]
    fn a_record_comes_back_under_its_key_and_context() {
        let random = OsRandom;
        for length in [0, 1, 16, 1000] {
            let record = Secret::new(vec![7; length]);
            let sealed = seal_record(&key(1), &record, b"mine", &random).unwrap();
            assert_eq!(sealed.len(), 12 + length + 16);
            assert_eq!(open_record(&key(1), &sealed, b"mine"), Ok(record));
        }
    }

    #[test]
    fn every_change_is_found() {
        let record = Secret::new(vec![7; 40]);
        let sealed = seal_record(&key(1), &record, b"mine", &OsRandom).unwrap();
        for bit in 0..8 * sealed.len() {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let opened = open_record(&key(1), &altered, b"mine");
            assert_eq!(opened, Err(Error::DecryptFailed), "bit {bit}");
        }
        for length in 0..sealed.len() {
            let opened = open_record(&key(1), &sealed[..length], b"mine");
            assert_eq!(opened, Err(Error::DecryptFailed), "{length} bytes");
        }
        for (other, context) in [(1, &b"yours"[..]), (1, b""), (1, b"mine2"), (2, b"mine")] {
            let opened = open_record(&key(other), &sealed, context);
            assert_eq!(opened, Err(Error::DecryptFailed), "{context:?}");
        }
    }

    #[test]
    fn no_two_records_are_sealed_alike_and_none_without_randomness() {
        let (record, random) = (Secret::new(vec![7; 40]), OsRandom);
        let sealed = || seal_record(&key(1), &record, b"", &random).unwrap();
        assert_ne!(sealed(), sealed());
        let failed = seal_record(&key(1), &record, b"", &NoRandom);
        assert_eq!(failed, Err(Error::NoRandomness));
    }

    #[test]
    fn a_key_of_another_length_seals_and_opens_nothing() {
        let (record, random) = (Secret::new(vec![7; 40]), OsRandom);
        for length in [0, 16, 31, 33] {
            let key = Secret::new(vec![1; length]);
            let sealed = seal_record(&key, &record, b"", &random);
            assert!(matches!(sealed, Err(Error::WrongKey(_))), "{length}");
            let opened = open_record(&key, &[0; 60], b"");
            assert!(matches!(opened, Err(Error::WrongKey(_))), "{length}");
        }
    }
}
