//! CompressedData (RFC 3274): content that was made smaller, by whomever and for whatever reason.

use std::{
    fmt,
    io::{self, Read},
};

use miniz_oxide::{
    DataFormat, MZFlush, MZStatus,
    inflate::stream::{InflateState, inflate},
};
use smime_crypto::Oid;
use smime_io::{Limits, Replay, Source, TooLarge};

use crate::Error;

/// Compressed content that nobody has expanded yet.
pub struct Compressed {
    pub(crate) content_type: Oid,
    pub(crate) compressed: Source,
    /// Octets of `compressed`.
    pub(crate) length: u64,
}

impl Compressed {
    /// Returns the type the content claims, id-data for mail.
    pub fn content_type(&self) -> Oid {
        self.content_type
    }

    /// Expands the content once to its end, checks it by its checksum, and returns it as a source
    /// that expands anew with every pass.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when it is larger than a message may be, or than honest content of this
    /// compressed length can be; [`Error::Io`] with [`io::ErrorKind::InvalidData`] when it is no
    /// zlib stream (RFC 1950), one that is cut or altered, or followed by something else; otherwise
    /// what reading returned.
    pub fn expanded(self, limits: &Limits) -> Result<Source, Error> {
        let by_length = self.length.saturating_mul(MOST_EXPANSION);
        let source = Source::new(Expanding {
            compressed: self.compressed,
            limit: by_length
                .saturating_add(ALWAYS)
                .min(MOST)
                .min(limits.message),
        });
        io::copy(&mut source.open()?, &mut io::sink())?;
        Ok(source)
    }
}

impl fmt::Debug for Compressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressed")
            .field("content_type", &self.content_type)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

struct Expanding {
    compressed: Source,
    limit: u64,
}

impl Replay for Expanding {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(Pass {
            compressed: self.compressed.open()?,
            state: InflateState::new_boxed(DataFormat::Zlib),
            buffer: vec![0; BUFFER],
            filled: 0,
            taken: 0,
            is_at_end: false,
            limit: self.limit,
            left: self.limit,
        }))
    }
}

struct Pass<'a> {
    compressed: Box<dyn Read + Send + 'a>,
    state: Box<InflateState>,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that hold input, and how many of them were used.
    filled: usize,
    taken: usize,
    is_at_end: bool,
    limit: u64,
    /// Bytes that may still come out.
    left: u64,
}

impl Pass<'_> {
    /// Reads more input if all was used; says whether there is any.
    fn fill(&mut self) -> io::Result<bool> {
        while self.taken == self.filled {
            match self.compressed.read(&mut self.buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => (self.filled, self.taken) = (count, 0),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

impl Read for Pass<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !self.is_at_end && !out.is_empty() {
            let has_input = self.fill()?;
            let input = self.buffer.get(self.taken..self.filled).unwrap_or_default();
            let result = inflate(&mut self.state, input, out, MZFlush::None);
            self.taken = self.taken.saturating_add(result.bytes_consumed);
            self.is_at_end = match result.status {
                Ok(MZStatus::StreamEnd) => true,
                Ok(MZStatus::Ok) => false,
                // Also where there is no more input and no end.
                Ok(MZStatus::NeedDict) | Err(_) => return Err(malformed()),
            };
            let count = u64::try_from(result.bytes_written).unwrap_or(u64::MAX);
            self.left = self.left.checked_sub(count).ok_or(TooLarge {
                what: "expanded content",
                limit: self.limit,
            })?;
            if self.is_at_end && self.fill()? {
                return Err(malformed());
            }
            if result.bytes_written > 0 {
                return Ok(result.bytes_written);
            }
            if !has_input && result.bytes_consumed == 0 && !self.is_at_end {
                return Err(malformed());
            }
        }
        Ok(0)
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "compressed content malformed")
}

/// Bytes that one compressed byte may become: text becomes three to ten, base64 of an empty image some
/// hundred, and nothing deflated more than 1032.
const MOST_EXPANSION: u64 = 256;

/// Bytes that may come out at the most. Every layer inside and every part that is judged expands
/// them anew, and a mail of ten megabytes must not cost minutes.
const MOST: u64 = 512 << 20;

/// Bytes that may come out whatever the length: a mail of zeros is small and hurts nobody.
const ALWAYS: u64 = 1 << 20;

/// Bytes of input taken at a time.
const BUFFER: usize = 64 << 10;
