use std::fmt;

/// An object identifier, by the content octets of its DER encoding.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Oid {
    bytes: [u8; MAX_LENGTH],
    length: u8,
}

impl Oid {
    /// Makes an identifier of its dotted form; meant for constants, where a wrong one fails to
    /// compile.
    ///
    /// # Panics
    /// When `dotted` is not an identifier of at most 63 content octets.
    #[allow(clippy::indexing_slicing, clippy::as_conversions)] // const fn: no iterators, no From
    pub const fn new(dotted: &str) -> Self {
        let text = dotted.as_bytes();
        let mut oid = Self {
            bytes: [0; MAX_LENGTH],
            length: 0,
        };
        let (mut at, mut arcs, mut first) = (0, 0, 0);
        while at < text.len() {
            let mut arc: u64 = 0;
            while at < text.len() && text[at] != b'.' {
                assert!(text[at].is_ascii_digit(), "digits and dots only");
                arc = arc * 10 + (text[at] - b'0') as u64;
                at += 1;
            }
            at += 1;
            match arcs {
                0 => first = arc,
                1 => oid = oid.with_arc(first * 40 + arc),
                _ => oid = oid.with_arc(arc),
            }
            arcs += 1;
        }
        assert!(
            arcs >= 2 && first <= 2,
            "two arcs at least, the first 0, 1 or 2"
        );
        oid
    }

    /// Makes an identifier of DER content octets; `None` when they are not one (X.690 §8.19) or
    /// longer than 63 octets.
    pub fn from_bytes(content: &[u8]) -> Option<Self> {
        Self::is_valid(content).then(|| Self::of_valid(content))
    }

    /// Makes an identifier of content octets that [`is_valid`](Self::is_valid) has seen.
    pub(crate) fn of_valid(content: &[u8]) -> Self {
        let mut oid = Self {
            bytes: [0; MAX_LENGTH],
            length: 0,
        };
        for (place, byte) in oid.bytes.iter_mut().zip(content) {
            *place = *byte;
            oid.length += 1;
        }
        oid
    }

    /// Says whether DER content octets are an identifier that [`from_bytes`](Self::from_bytes)
    /// takes.
    #[inline]
    pub fn is_valid(content: &[u8]) -> bool {
        // Those of names and extensions, of which a certificate is full.
        if let [0..0x80, 0..0x80, 0..0x80] = content {
            return true;
        }
        let mut ended = true;
        for byte in content {
            // An arc must not begin with a zero septet.
            if ended && *byte == 0x80 {
                return false;
            }
            ended = byte & 0x80 == 0;
        }
        ended && (1..=MAX_LENGTH).contains(&content.len())
    }

    /// Reads the dotted form; `None` when it is not an identifier, has an arc over 128 bits, or is
    /// longer than 63 content octets.
    pub fn from_dotted(dotted: &str) -> Option<Self> {
        let number = |text: &str| {
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse::<u128>().ok()).flatten()
        };
        let mut arcs = dotted.split('.').map(number);
        let (root, second) = (arcs.next()??, arcs.next()??);
        if root > 2 || (root < 2 && second >= 40) {
            return None;
        }
        let mut content = Vec::new();
        push_arc(&mut content, second.checked_add(root * 40)?);
        for arc in arcs {
            push_arc(&mut content, arc?);
        }
        Self::from_bytes(&content)
    }

    /// Returns the content octets of the DER encoding.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }

    #[allow(clippy::indexing_slicing, clippy::as_conversions)] // const fn: no iterators, no From
    const fn with_arc(mut self, arc: u64) -> Self {
        let mut septets = 1;
        while arc >> (7 * septets) != 0 {
            septets += 1;
        }
        while septets > 0 {
            septets -= 1;
            let more = if septets > 0 { 0x80 } else { 0 };
            self.bytes[self.length as usize] = ((arc >> (7 * septets)) & 0x7f) as u8 | more;
            self.length += 1;
        }
        self
    }
}

/// Appends an arc in base 128, the highest septet first (X.690 §8.19.2).
fn push_arc(content: &mut Vec<u8>, arc: u128) {
    let septets = (128 - arc.leading_zeros()).div_ceil(7).max(1);
    for place in (0..septets).rev() {
        let septet = u8::try_from(arc >> (7 * place) & 0x7f).unwrap_or_default();
        content.push(if place > 0 { septet | 0x80 } else { septet });
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut arc, mut first) = (0_u128, true);
        for byte in self.as_bytes() {
            if arc >> 121 != 0 {
                return f.write_str(".(arc over 128 bits)");
            }
            arc = arc << 7 | u128::from(byte & 0x7f);
            if byte & 0x80 != 0 {
                continue;
            }
            if first {
                let root = (arc / 40).min(2);
                write!(f, "{root}.{}", arc - root * 40)?;
            } else {
                write!(f, ".{arc}")?;
            }
            (arc, first) = (0, false);
        }
        Ok(())
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// RFC 8017 appendix C
pub(crate) const RSA_ENCRYPTION: Oid = Oid::new("1.2.840.113549.1.1.1");
pub(crate) const SHA1_WITH_RSA: Oid = Oid::new("1.2.840.113549.1.1.5");
pub(crate) const RSAES_OAEP: Oid = Oid::new("1.2.840.113549.1.1.7");
pub(crate) const MGF1: Oid = Oid::new("1.2.840.113549.1.1.8");
pub(crate) const P_SPECIFIED: Oid = Oid::new("1.2.840.113549.1.1.9");
pub(crate) const RSASSA_PSS: Oid = Oid::new("1.2.840.113549.1.1.10");
pub(crate) const SHA256_WITH_RSA: Oid = Oid::new("1.2.840.113549.1.1.11");
pub(crate) const SHA384_WITH_RSA: Oid = Oid::new("1.2.840.113549.1.1.12");
pub(crate) const SHA512_WITH_RSA: Oid = Oid::new("1.2.840.113549.1.1.13");
// RFC 8410 §3
pub(crate) const X25519: Oid = Oid::new("1.3.101.110");
pub(crate) const ED25519: Oid = Oid::new("1.3.101.112");
// RFC 5480 §2.1.1, RFC 5758 §3.2
pub(crate) const EC_PUBLIC_KEY: Oid = Oid::new("1.2.840.10045.2.1");
pub(crate) const SECP256R1: Oid = Oid::new("1.2.840.10045.3.1.7");
pub(crate) const SECP384R1: Oid = Oid::new("1.3.132.0.34");
pub(crate) const SECP521R1: Oid = Oid::new("1.3.132.0.35");
pub(crate) const ECDSA_WITH_SHA1: Oid = Oid::new("1.2.840.10045.4.1");
pub(crate) const ECDSA_WITH_SHA256: Oid = Oid::new("1.2.840.10045.4.3.2");
pub(crate) const ECDSA_WITH_SHA384: Oid = Oid::new("1.2.840.10045.4.3.3");
pub(crate) const ECDSA_WITH_SHA512: Oid = Oid::new("1.2.840.10045.4.3.4");
// RFC 5753 §7.1.4
pub(crate) const ECDH_SHA1: Oid = Oid::new("1.3.133.16.840.63.0.2");
pub(crate) const ECDH_SHA256: Oid = Oid::new("1.3.132.1.11.1");
pub(crate) const ECDH_SHA384: Oid = Oid::new("1.3.132.1.11.2");
pub(crate) const ECDH_SHA512: Oid = Oid::new("1.3.132.1.11.3");
// RFC 8418 §2.2
pub(crate) const ECDH_HKDF_SHA256: Oid = Oid::new("1.2.840.113549.1.9.16.3.19");
pub(crate) const ECDH_HKDF_SHA384: Oid = Oid::new("1.2.840.113549.1.9.16.3.20");
pub(crate) const ECDH_HKDF_SHA512: Oid = Oid::new("1.2.840.113549.1.9.16.3.21");
// RFC 5754 §2, RFC 8017 appendix C
pub(crate) const SHA1: Oid = Oid::new("1.3.14.3.2.26");
pub(crate) const SHA256: Oid = Oid::new("2.16.840.1.101.3.4.2.1");
pub(crate) const SHA384: Oid = Oid::new("2.16.840.1.101.3.4.2.2");
pub(crate) const SHA512: Oid = Oid::new("2.16.840.1.101.3.4.2.3");
// RFC 3565 §4.1, RFC 5084 §3.2
pub(crate) const AES128_CBC: Oid = Oid::new("2.16.840.1.101.3.4.1.2");
pub(crate) const AES128_WRAP: Oid = Oid::new("2.16.840.1.101.3.4.1.5");
pub(crate) const AES128_GCM: Oid = Oid::new("2.16.840.1.101.3.4.1.6");
pub(crate) const AES256_CBC: Oid = Oid::new("2.16.840.1.101.3.4.1.42");
pub(crate) const AES256_WRAP: Oid = Oid::new("2.16.840.1.101.3.4.1.45");
pub(crate) const AES256_GCM: Oid = Oid::new("2.16.840.1.101.3.4.1.46");

/// Content octets kept; the longest identifier in use (a Microsoft template) has 30.
const MAX_LENGTH: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dotted_form_and_the_octets_agree() {
        for (dotted, bytes) in [
            ("1.2.840.113549", &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d][..]),
            ("2.5.4.3", &[0x55, 4, 3]),
            (
                "0.9.2342.19200300.100.1.25",
                &[9, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25],
            ),
            ("2.999.1", &[0x88, 0x37, 1]),
        ] {
            assert_eq!(Oid::new(dotted).as_bytes(), bytes);
            assert_eq!(Oid::from_dotted(dotted), Some(Oid::new(dotted)));
            assert_eq!(Oid::from_bytes(bytes).unwrap().to_string(), dotted);
        }
    }

    #[test]
    fn text_that_is_no_identifier_is_refused() {
        let long = format!("1.2{}", ".1".repeat(64));
        for dotted in [
            "",
            "1",
            "1.",
            ".1",
            "1..2",
            "3.1",
            "1.40",
            "1.2.x",
            "1.2.-3",
            "1.2.+3",
            " 1.2",
            "1.2.",
            "1.2.340282366920938463463374607431768211456",
            "2.340282366920938463463374607431768211455",
            &long,
        ] {
            assert_eq!(Oid::from_dotted(dotted), None, "{dotted:?}");
        }
    }

    #[test]
    fn octets_that_are_no_identifier_are_refused() {
        for bytes in [
            &[][..],
            &[0x2a, 0x86],
            &[0x80, 1],
            &[0x2a, 0x80, 1],
            &[1; 64],
        ] {
            assert_eq!(Oid::from_bytes(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn an_arc_of_any_size_can_be_shown() {
        let oid = Oid::from_bytes(&[&[0x2a][..], &[0xff; 40], &[0x7f]].concat()).unwrap();
        assert!(oid.to_string().starts_with("1.2"));
    }
}
