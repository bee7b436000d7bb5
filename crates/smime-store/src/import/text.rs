use std::{
    io::{self, Read},
    mem,
};

use smime_crypto::Secret;

/// The bytes of an input, read as they are wanted; of UTF-16, one byte for each code unit.
///
/// What stands in items is ASCII. So every other code unit of UTF-16 becomes a byte that is not,
/// which keeps positions exact.
pub(super) struct Text<R> {
    input: R,
    encoding: Option<Encoding>,
    /// Half of a code unit.
    odd: Option<u8>,
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
            odd: None,
        }
    }

    /// Appends `wanted` bytes of the input to `out`; returns whether they were the last.
    pub(super) fn fill(&mut self, out: &mut Vec<u8>, wanted: usize) -> io::Result<bool> {
        if let Some(encoding @ (Encoding::LittleEndian { .. } | Encoding::BigEndian { .. })) =
            self.encoding
        {
            let mut units = Vec::new();
            units.reserve_exact(wanted.saturating_add(1));
            units.extend(self.odd.take());
            let read = self.read(&mut units, wanted);
            let units = Secret::new(units);
            let is_last = read?;
            self.decode(encoding, units.expose(), out);
            return Ok(is_last);
        }
        let start = out.len();
        out.reserve_exact(wanted);
        let is_last = self.read(out, wanted)?;
        let new = out.get(start..).unwrap_or_default();
        if self.encoding.is_none() {
            let encoding = Encoding::of(new);
            self.encoding = Some(encoding);
            if !matches!(encoding, Encoding::Bytes) {
                let units = Secret::new(mem::take(out));
                let units = units.expose();
                out.reserve_exact(wanted);
                let mark = units.get(..2).filter(|_| encoding.has_mark());
                let start = mark.map_or(0, <[u8]>::len);
                self.decode(encoding, units.get(start..).unwrap_or_default(), out);
            }
        }
        Ok(is_last)
    }

    /// Appends at most `wanted` bytes as they stand; returns whether they were the last.
    fn read(&mut self, out: &mut Vec<u8>, wanted: usize) -> io::Result<bool> {
        let limit = u64::try_from(wanted).unwrap_or(u64::MAX);
        let read = self.input.by_ref().take(limit).read_to_end(out)?;
        Ok(read < wanted)
    }

    /// Appends a byte for each code unit of UTF-16; half of one stays for the next time.
    fn decode(&mut self, encoding: Encoding, units: &[u8], out: &mut Vec<u8>) {
        let (pairs, odd) = units.as_chunks();
        out.extend(pairs.iter().map(|unit| encoding.byte(*unit)));
        self.odd = odd.first().copied();
    }

    /// Returns how positions in the text are counted in the input.
    pub(super) fn scale(&self) -> Scale {
        self.encoding.map_or(Scale::ONE, Encoding::scale)
    }
}

/// How positions in a text become positions in the input that it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scale {
    /// Bytes before the text.
    mark: u64,
    /// Bytes of each code unit.
    unit: u64,
}

impl Scale {
    /// The text is the input.
    pub(super) const ONE: Self = Self { mark: 0, unit: 1 };

    /// Returns where the byte that is number `at` of the text stands in the input.
    pub(super) fn position(self, at: u64) -> u64 {
        at.saturating_mul(self.unit).saturating_add(self.mark)
    }
}

/// The bytes of an input that is in memory as a whole; of UTF-16, one byte for each code unit, as
/// in [`Text`].
pub(super) struct WholeText<'a> {
    bytes: Bytes<'a>,
    pub(super) scale: Scale,
}

enum Bytes<'a> {
    Lent(&'a [u8]),
    /// Wiped, for a private key may be in it.
    Decoded(Secret),
}

impl<'a> WholeText<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        let encoding = Encoding::of(input);
        let bytes = match encoding {
            Encoding::Bytes => Bytes::Lent(input),
            Encoding::LittleEndian { .. } | Encoding::BigEndian { .. } => {
                let mark = input.get(..2).filter(|_| encoding.has_mark());
                let units = input.get(mark.map_or(0, <[u8]>::len)..);
                let (pairs, _) = units.unwrap_or_default().as_chunks();
                let text: Vec<u8> = pairs.iter().map(|unit| encoding.byte(*unit)).collect();
                Bytes::Decoded(Secret::new(text))
            }
        };
        Self {
            bytes,
            scale: encoding.scale(),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Lent(bytes) => bytes,
            Bytes::Decoded(text) => text.expose(),
        }
    }
}

impl Encoding {
    fn scale(self) -> Scale {
        match self {
            Self::Bytes => Scale::ONE,
            Self::LittleEndian { mark } | Self::BigEndian { mark } => Scale { mark, unit: 2 },
        }
    }

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
