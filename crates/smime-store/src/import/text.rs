use std::io::{self, Read};

use smime_crypto::{CryptoProvider as _, DigestAlgorithm, Hasher, RustCrypto};

/// The bytes of an input, read as they are wanted; of UTF-16, one byte for each code unit.
///
/// What stands in items is ASCII. So every other code unit of UTF-16 becomes a byte that is not,
/// which keeps positions exact.
pub(super) struct Text<R> {
    input: R,
    encoding: Option<Encoding>,
    hasher: Box<dyn Hasher>,
    /// Half of a code unit.
    odd: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Encoding {
    Bytes,
    LittleEndian { mark: u64 },
    BigEndian { mark: u64 },
}

impl<R: Read> Text<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            encoding: None,
            hasher: RustCrypto.hasher(DigestAlgorithm::Sha256),
            odd: Vec::new(),
        }
    }

    /// Appends `wanted` bytes of the input to `out`; returns whether they were the last.
    pub(super) fn fill(&mut self, out: &mut Vec<u8>, wanted: usize) -> io::Result<bool> {
        let start = out.len();
        let limit = u64::try_from(wanted).unwrap_or(u64::MAX);
        out.reserve_exact(wanted);
        let read = self.input.by_ref().take(limit).read_to_end(out)?;
        let new = out.get(start..).unwrap_or_default();
        self.hasher.update(new);
        let encoding = *self.encoding.get_or_insert_with(|| Encoding::of(new));
        if !matches!(encoding, Encoding::Bytes) {
            let mut units = std::mem::take(&mut self.odd);
            units.extend_from_slice(new);
            let is_mark = |unit: &[u8; 2]| start == 0 && encoding.unit(*unit) == 0xfeff;
            out.truncate(start);
            let (pairs, odd) = units.as_chunks();
            let skip = usize::from(encoding.has_mark() && pairs.first().is_some_and(is_mark));
            out.extend(pairs.iter().skip(skip).map(|unit| encoding.byte(*unit)));
            self.odd = odd.to_vec();
        }
        Ok(read < wanted)
    }

    /// Returns where the byte that is number `at` stands in the input.
    pub(super) fn position(&self, at: u64) -> u64 {
        match self.encoding {
            None | Some(Encoding::Bytes) => at,
            Some(Encoding::LittleEndian { mark } | Encoding::BigEndian { mark }) => {
                at.saturating_mul(2).saturating_add(mark)
            }
        }
    }

    /// Returns the SHA-256 of all that was read.
    pub(super) fn digest(self) -> Vec<u8> {
        self.hasher.finish()
    }
}

impl Encoding {
    /// Tells by the byte order mark, or by a zero in every other byte of printable text.
    fn of(start: &[u8]) -> Self {
        match start {
            [0xff, 0xfe, ..] => return Self::LittleEndian { mark: 2 },
            [0xfe, 0xff, ..] => return Self::BigEndian { mark: 2 },
            _ => {}
        }
        let (pairs, _) = start
            .get(..64.min(start.len()))
            .unwrap_or_default()
            .as_chunks();
        let printable = |byte: u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
        if pairs.len() < 8 {
            Self::Bytes
        } else if pairs
            .iter()
            .all(|[low, high]| printable(*low) && *high == 0)
        {
            Self::LittleEndian { mark: 0 }
        } else if pairs
            .iter()
            .all(|[high, low]| printable(*low) && *high == 0)
        {
            Self::BigEndian { mark: 0 }
        } else {
            Self::Bytes
        }
    }

    fn has_mark(self) -> bool {
        matches!(
            self,
            Self::LittleEndian { mark: 2 } | Self::BigEndian { mark: 2 }
        )
    }

    fn unit(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::BigEndian { .. } => u16::from_be_bytes(bytes),
            Self::Bytes | Self::LittleEndian { .. } => u16::from_le_bytes(bytes),
        }
    }

    fn byte(self, bytes: [u8; 2]) -> u8 {
        match u8::try_from(self.unit(bytes)) {
            Ok(byte) if byte.is_ascii() => byte,
            _ => 0xff,
        }
    }
}
