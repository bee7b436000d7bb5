//! Certificates of the store as the command line names them: by the beginning of their SHA-256.

use crate::json;

/// The beginning of a SHA-256, or all of it, as hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FingerprintStart {
    /// One for each digit, from 1 to 64 of them.
    nibbles: Vec<u8>,
}

impl FingerprintStart {
    /// Reads digits in either case; the colons that other programs print between them do not count.
    ///
    /// Returns `None` where there is no digit, anything else or more than a SHA-256 has.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let digits = text.chars().filter(|character| *character != ':');
        let nibbles = digits.map(|digit| u8::try_from(digit.to_digit(16)?).ok());
        let nibbles: Vec<u8> = nibbles.collect::<Option<_>>()?;
        (1..=64)
            .contains(&nibbles.len())
            .then_some(Self { nibbles })
    }

    pub(crate) fn is_start_of(&self, fingerprint: &[u8; 32]) -> bool {
        let all = fingerprint.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        all.take(self.nibbles.len())
            .eq(self.nibbles.iter().copied())
    }
}

/// The digits of a SHA-256 that tables show, and that name a certificate of any store.
pub(crate) fn short(fingerprint: &[u8; 32]) -> String {
    let mut digits = json::hex(fingerprint);
    digits.truncate(SHOWN_DIGITS);
    digits
}

const SHOWN_DIGITS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_hexadecimal_and_no_longer_than_a_sha_256() {
        for text in ["", ":", "g", "0x12345678", "12 34", "é", &"a".repeat(65)] {
            assert_eq!(FingerprintStart::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_beginning_of_any_length_is_found_in_its_fingerprint_alone() {
        let mut fingerprint = [0xab; 32];
        fingerprint[31] = 0xcd;
        let whole = format!("{}cD", "aB".repeat(31));
        for digits in 1..=64 {
            let start = FingerprintStart::read(&whole[..digits]).unwrap();
            assert!(start.is_start_of(&fingerprint), "{digits}");
            assert!(!start.is_start_of(&[0xba; 32]), "{digits}");
        }
    }
}
