//! Certificates of the store as the command line names them: by the beginning of their SHA-256.

use std::ops::ControlFlow;

use smime::store::{Store, StoredCertificate};

use crate::{
    failure::{Failure, Kind},
    json,
};

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

    /// Reads one that names a single certificate: of eight digits at least.
    pub(crate) fn of_one(text: &str) -> Result<Self, String> {
        Self::read(text)
            .filter(|start| start.nibbles.len() >= FEWEST_DIGITS)
            .ok_or_else(|| "not the first 8 to 64 hexadecimal digits of a SHA-256".to_owned())
    }

    pub(crate) fn is_start_of(&self, fingerprint: &[u8; 32]) -> bool {
        let all = fingerprint.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        all.take(self.nibbles.len())
            .eq(self.nibbles.iter().copied())
    }

    /// Returns the fingerprint, if this is all of it.
    fn whole(&self) -> Option<[u8; 32]> {
        let pairs = self.nibbles.chunks_exact(2);
        let bytes = pairs.map(|pair| pair.iter().fold(0, |byte, nibble| byte << 4 | nibble));
        bytes.collect::<Vec<u8>>().try_into().ok()
    }

    pub(crate) fn text(&self) -> String {
        let digits = self.nibbles.iter();
        digits
            .filter_map(|nibble| char::from_digit(u32::from(*nibble), 16))
            .collect()
    }

    /// Says that nothing begins so.
    pub(crate) fn unknown(&self) -> Failure {
        let detail = format!("{} is of no certificate in the store", self.text());
        Failure::new(Kind::Input, "input.unknown_fingerprint", detail)
    }

    /// Says that several begin so.
    pub(crate) fn ambiguous(&self) -> Failure {
        let detail = format!("{} is of several certificates in the store", self.text());
        Failure::new(Kind::Input, "input.ambiguous_fingerprint", detail)
    }
}

/// Returns the certificates named, each once, in the order of the names.
///
/// # Errors
/// `input.unknown_fingerprint`, `input.ambiguous_fingerprint`.
pub(crate) fn find(
    store: &dyn Store,
    names: &[FingerprintStart],
) -> Result<Vec<StoredCertificate>, Failure> {
    let mut all: Vec<StoredCertificate> = Vec::new();
    for (name, mut found) in names.iter().zip(matching(store, names)?) {
        let one = found.pop().ok_or_else(|| name.unknown())?;
        if !found.is_empty() {
            return Err(name.ambiguous());
        }
        let fingerprint = one.certificate.fingerprint();
        if all
            .iter()
            .all(|it| it.certificate.fingerprint() != fingerprint)
        {
            all.push(one);
        }
    }
    Ok(all)
}

/// Returns for each name the certificates whose SHA-256 begins so: two at most, for no third says
/// more.
///
/// Names that are whole are looked up; for the others the store is gone through once.
pub(crate) fn matching(
    store: &dyn Store,
    names: &[FingerprintStart],
) -> Result<Vec<Vec<StoredCertificate>>, Failure> {
    let mut found = Vec::new();
    let mut starts = Vec::new();
    for (at, name) in names.iter().enumerate() {
        found.push(match name.whole() {
            Some(fingerprint) => store.certificate(&fingerprint)?.into_iter().collect(),
            None => {
                starts.push((at, name));
                Vec::new()
            }
        });
    }
    if starts.is_empty() {
        return Ok(found);
    }
    store.visit_certificates(&mut |stored| {
        let fingerprint = stored.certificate.fingerprint();
        for (at, name) in &starts {
            if name.is_start_of(&fingerprint)
                && let Some(found) = found.get_mut(*at).filter(|found| found.len() < 2)
            {
                found.push(stored.clone());
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// The digits of a SHA-256 that tables show, and that name a certificate of any store.
pub(crate) fn short(fingerprint: &[u8; 32]) -> String {
    let mut digits = json::hex(fingerprint);
    digits.truncate(SHOWN_DIGITS);
    digits
}

/// Two certificates that begin alike take 2³² work, or a store of tens of thousands.
const FEWEST_DIGITS: usize = 8;

const SHOWN_DIGITS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_hexadecimal_and_no_longer_than_a_sha_256() {
        for text in ["", ":", "g", "0x12345678", "12 34", "é", &"a".repeat(65)] {
            assert_eq!(FingerprintStart::read(text), None, "{text}");
        }
        for text in ["1234567", "12:34:56:7", "12345678g"] {
            assert!(FingerprintStart::of_one(text).is_err(), "{text}");
        }
        for text in ["12345678", "12:34:56:78", &"aB".repeat(32)] {
            assert!(FingerprintStart::of_one(text).is_ok(), "{text}");
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
            assert_eq!(start.whole(), (digits == 64).then_some(fingerprint));
        }
    }
}
