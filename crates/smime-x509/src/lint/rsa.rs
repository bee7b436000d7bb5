use smime_crypto::asn1::Reader;

use crate::lint::{
    certificate::{Key, Linted},
    rule::Rule,
};

/// S/MIME BR 6.1.5 and 6.1.6: the two numbers of an RSA key.
pub(super) const RULES: &[Rule] = &[
    Rule::smime_br("smime_br.key.rsa_size", "S/MIME BR 6.1.5", size_fault),
    Rule::smime_br(
        "smime_br.key.rsa_exponent",
        "S/MIME BR 6.1.6",
        exponent_fault,
    ),
    Rule::smime_br(
        "smime_br.key.rsa_exponent_range",
        "S/MIME BR 6.1.6",
        exponent_range,
    )
    .should(),
    Rule::smime_br(
        "smime_br.key.rsa_modulus",
        "S/MIME BR 6.1.6",
        modulus_quality,
    )
    .should(),
];

/// The magnitudes of an RSAPublicKey (RFC 8017 §A.1.1), without leading zeros.
struct RsaKey<'a> {
    modulus: &'a [u8],
    exponent: &'a [u8],
}

impl<'a> RsaKey<'a> {
    fn of(it: &Linted<'a>) -> Option<Self> {
        if it.key != Key::Rsa {
            return None;
        }
        let mut spki = Reader::new(it.certificate.spki()).sequence("spki").ok()?;
        spki.any("algorithm").ok()?;
        let octets = spki.bit_string_octets("subjectPublicKey").ok()?;
        let mut key = Reader::new(octets).sequence("RSAPublicKey").ok()?;
        Some(Self {
            modulus: key.unsigned("n").ok()?,
            exponent: key.unsigned("e").ok()?,
        })
    }
}

/// Finds an RSA key of fewer than 2048 bits or of parts of an octet.
pub(super) fn size_fault(it: &Linted<'_>) -> Option<String> {
    let bits = bits(RsaKey::of(it)?.modulus);
    (bits < 2048 || !bits.is_multiple_of(8)).then(|| format!("RSA key of {bits} bits"))
}

/// Finds a modulus that is no product of odd primes (RFC 8017 §3.1).
pub(super) fn even_modulus(it: &Linted<'_>) -> Option<String> {
    let modulus = RsaKey::of(it)?.modulus;
    (!is_odd(modulus)).then(|| "RSA modulus even".to_owned())
}

/// Finds an exponent that no valid key has: it would share the factor 2 with the number that it
/// must share none with (RFC 8017 §3.1), or change nothing.
pub(super) fn exponent_fault(it: &Linted<'_>) -> Option<String> {
    let exponent = RsaKey::of(it)?.exponent;
    (!is_valid_exponent(exponent)).then(|| "RSA exponent even or less than 3".to_owned())
}

/// Finds a valid exponent outside of 2^16 + 1 to 2^256 - 1.
pub(super) fn exponent_range(it: &Linted<'_>) -> Option<String> {
    let exponent = RsaKey::of(it)?.exponent;
    let bits = bits(exponent);
    // 17 bits and odd: at least 2^16 + 1.
    (is_valid_exponent(exponent) && !(17..=256).contains(&bits))
        .then(|| format!("RSA exponent of {bits} bits"))
}

/// Finds a modulus that is even, has a factor below 752 or is a power.
pub(super) fn modulus_quality(it: &Linted<'_>) -> Option<String> {
    let key = RsaKey::of(it)?;
    if let Some(factor) = small_factor(key.modulus) {
        return Some(format!("RSA modulus with the factor {factor}"));
    }
    let exponent = power(key.modulus)?;
    Some(format!("RSA modulus that is a power of {exponent}"))
}

fn is_odd(magnitude: &[u8]) -> bool {
    magnitude.last().is_some_and(|last| last & 1 == 1)
}

fn is_valid_exponent(exponent: &[u8]) -> bool {
    is_odd(exponent) && exponent != [1]
}

fn bits(magnitude: &[u8]) -> usize {
    let leading = magnitude.first().map_or(8, |first| first.leading_zeros());
    (magnitude.len() * 8).saturating_sub(usize::try_from(leading).unwrap_or(8))
}

/// Returns the smallest prime factor below 752.
fn small_factor(magnitude: &[u8]) -> Option<u64> {
    (2..752)
        .filter(|factor| is_prime(*factor))
        .find(|prime| remainder(magnitude, *prime) == 0)
}

/// Returns a `k` such that a number without factors below 752 is the `k`-th power of another.
///
/// A power is one modulo every prime, and nothing here takes a root: of other numbers one in 2^64
/// would be called a power of `k`. Numbers of over [`MAX_POWER_BITS`] bits are not looked at.
fn power(magnitude: &[u8]) -> Option<u64> {
    let bits = u64::try_from(bits(magnitude)).ok()?;
    if bits > MAX_POWER_BITS {
        return None;
    }
    // The root is over 2^9.
    (2..=bits / 9)
        .filter(|k| is_prime(*k))
        .find(|k| is_power_residue(magnitude, *k))
}

/// Says whether a number is a `k`-th power modulo so many primes that chance explains it once in
/// 2^64 cases; `k` is a prime.
fn is_power_residue(magnitude: &[u8], k: u64) -> bool {
    // One residue in k is a k-th power, modulo a prime that is 1 modulo k.
    let enough = 64_u32.div_ceil(k.ilog2());
    (1..)
        .map(|multiple| multiple * k + 1)
        .filter(|modulus| is_prime(*modulus))
        .map(|modulus| (modulus, remainder(magnitude, modulus)))
        .filter(|(_, residue)| *residue != 0)
        .zip(0..enough)
        .all(|((modulus, residue), _)| raised(residue, (modulus - 1) / k, modulus) == 1)
}

/// Returns `base` to the power of `exponent` modulo `modulus`, which is less than 2^32.
fn raised(mut base: u64, mut exponent: u64, modulus: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result * base % modulus;
        }
        base = base * base % modulus;
        exponent >>= 1;
    }
    result
}

/// Divides by a number less than 2^32.
fn remainder(magnitude: &[u8], by: u64) -> u64 {
    let octets = magnitude.iter();
    octets.fold(0, |rest, octet| (rest * 256 + u64::from(*octet)) % by)
}

/// Says whether a small number is a prime.
fn is_prime(number: u64) -> bool {
    let mut factors = (2..).take_while(|factor| factor * factor <= number);
    number > 1 && factors.all(|factor| !number.is_multiple_of(factor))
}

/// Nobody has larger keys.
const MAX_POWER_BITS: u64 = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    /// The product of the number and a small one, as magnitudes.
    fn times(magnitude: &[u8], by: u64) -> Vec<u8> {
        let mut carry = 0;
        let mut octets = Vec::new();
        for octet in magnitude.iter().rev() {
            carry += u64::from(*octet) * by;
            octets.push(carry.to_be_bytes()[7]);
            carry >>= 8;
        }
        while carry > 0 {
            octets.push(carry.to_be_bytes()[7]);
            carry >>= 8;
        }
        octets.reverse();
        octets
    }

    fn product(factors: &[u64]) -> Vec<u8> {
        let one = vec![1];
        factors
            .iter()
            .fold(one, |product, factor| times(&product, *factor))
    }

    #[test]
    fn powers_are_told_from_their_neighbours() {
        for (factors, expected) in [
            (vec![757; 2], Some(2)),
            (vec![757; 3], Some(3)),
            (vec![1009; 4], Some(2)),
            (vec![65_537; 127], Some(127)),
            (vec![757; 211], Some(211)),
            ([vec![757; 210], vec![761]].concat(), None),
            ([vec![65_537; 126], vec![65_539]].concat(), None),
            (vec![757, 761], None),
            (vec![65_537], None),
        ] {
            assert_eq!(power(&product(&factors)), expected, "{factors:?}");
        }
    }

    #[test]
    fn factors_are_found_up_to_751() {
        for (factors, expected) in [
            (vec![2, 1_000_003], Some(2)),
            (vec![3, 1_000_003], Some(3)),
            (vec![751, 1_000_003], Some(751)),
            (vec![757, 1_000_003], None),
            (vec![1_000_003; 100], None),
        ] {
            assert_eq!(small_factor(&product(&factors)), expected, "{factors:?}");
        }
    }

    #[test]
    fn bits_are_counted_from_the_first_one() {
        for (magnitude, expected) in [
            (&[][..], 0),
            (&[0], 0),
            (&[1], 1),
            (&[1, 0, 1], 17),
            (&[0xff; 32], 256),
        ] {
            assert_eq!(bits(magnitude), expected);
        }
    }
}
