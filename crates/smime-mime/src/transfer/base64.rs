use std::{
    fmt,
    io::{self, Write},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use memchr::{memchr, memchr_iter};

use super::Decode;

/// Reads base64 (RFC 2045 §6.8): white space is skipped, padding ends the data, and any other
/// character outside the alphabet is an error.
#[derive(Default)]
pub(super) struct Base64 {
    /// Characters without line ends; between two pieces, an incomplete group of four (and blanks).
    text: Vec<u8>,
    ended: bool,
}

impl Decode for Base64 {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        if self.ended {
            return Ok(());
        }
        let mut start = 0;
        for end in memchr_iter(b'\n', input) {
            self.take(input.get(start..end));
            start = end + 1;
        }
        self.take(input.get(start..));
        let before = out.len();
        if self.decode(out).is_err() {
            // Blanks inside lines are legal but rare: only now is it worth looking for them.
            out.truncate(before);
            self.ended = false;
            self.text.retain(|byte| !byte.is_ascii_whitespace());
            self.decode(out)
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, BROKEN))?;
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<u8>) -> io::Result<()> {
        self.text.retain(|byte| !byte.is_ascii_whitespace());
        if self.ended || self.text.is_empty() {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, CUT))
    }
}

impl Base64 {
    fn take(&mut self, line: Option<&[u8]>) {
        let line = line.unwrap_or_default();
        self.text
            .extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
    }

    /// Decodes the complete groups of four, or everything before the padding.
    fn decode(&mut self, out: &mut Vec<u8>) -> Result<(), base64::DecodeError> {
        let padding = memchr(b'=', &self.text);
        let complete = padding.unwrap_or(self.text.len() / 4 * 4);
        STANDARD_NO_PAD.decode_vec(self.text.get(..complete).unwrap_or_default(), out)?;
        self.ended = padding.is_some();
        self.text.drain(..complete);
        Ok(())
    }
}

/// How long the lines of base64 text are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineLength {
    /// 76 characters, the most that MIME allows (RFC 2045 §6.8).
    Mime,
    /// 64 characters, as PEM has them (RFC 7468 §2).
    Pem,
}

/// Writes bytes as base64 in lines that end in CRLF.
#[must_use = "the last line is written by `finish`"]
pub struct Base64Writer<W> {
    out: W,
    /// Bytes that make one line.
    line: usize,
    /// Bytes that do not fill [`LINES`] lines yet.
    held: Vec<u8>,
    characters: Vec<u8>,
    text: Vec<u8>,
}

impl<W: Write> Base64Writer<W> {
    /// Wraps `out`, with lines of 76 characters.
    pub fn new(out: W) -> Self {
        Self::with_lines(out, LineLength::Mime)
    }

    /// Wraps `out`, with lines of the given length.
    pub fn with_lines(out: W, length: LineLength) -> Self {
        let line = match length {
            LineLength::Mime => 57,
            LineLength::Pem => 48,
        };
        Self {
            out,
            line,
            held: Vec::new(),
            characters: Vec::new(),
            text: Vec::new(),
        }
    }

    /// Writes the last line with its padding and returns the inner writer.
    ///
    /// # Errors
    /// What writing returned.
    pub fn finish(mut self) -> io::Result<W> {
        let held = std::mem::take(&mut self.held);
        self.emit(&held)?;
        Ok(self.out)
    }

    /// Writes `bytes`, which are whole lines unless they are the last.
    fn emit(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.characters.resize(bytes.len().div_ceil(3) * 4, 0);
        STANDARD
            .encode_slice(bytes, &mut self.characters)
            .map_err(io::Error::other)?;
        self.text.clear();
        for line in self.characters.chunks(self.line / 3 * 4) {
            self.text.extend_from_slice(line);
            self.text.extend_from_slice(b"\r\n");
        }
        self.out.write_all(&self.text)
    }
}

impl<W: Write> Write for Base64Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let full = self.line * LINES;
        let taken = bytes.len().min(full - self.held.len());
        let piece = bytes.get(..taken).unwrap_or_default();
        if taken == full {
            self.emit(piece)?;
            return Ok(taken);
        }
        self.held.extend_from_slice(piece);
        if self.held.len() == full {
            let mut held = std::mem::take(&mut self.held);
            self.emit(&held)?;
            held.clear();
            self.held = held;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W> fmt::Debug for Base64Writer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Base64Writer")
    }
}

/// Lines encoded at a time: about 32 KiB.
const LINES: usize = 576;

const BROKEN: &str = "character outside the base64 alphabet, or a broken last group";
const CUT: &str = "base64 that ends within a group of four";
