use std::{
    fmt,
    io::{self, Write},
};

use memchr::{memchr_iter, memchr2_iter};
use smime_io::Source;

use crate::transfer::{Decode, View};

/// Returns a view of `source` in which every line ends in CRLF (RFC 8551 §3.1.1).
///
/// It reads the bytes that [`CrlfWriter`] would write.
pub fn canonical(source: Source) -> Source {
    Source::new(View::new(source, || LineEnds::new(BareCr::Complete)))
}

/// Returns a view of `source` in which every LF has its CR and all else is as it came.
///
/// This is how a signed content is read: the signer's bytes may hold a CR of their own, which is
/// no line end, and a mail that was stored with bare LF had CRLF when it was signed.
pub(crate) fn completed(source: Source) -> Source {
    Source::new(View::new(source, || LineEnds::new(BareCr::Keep)))
}

/// Writes every line end as CRLF: LF without CR becomes CRLF, and so does CR without LF, which
/// mail must not carry (RFC 5322 §2.3).
///
/// `finish` completes a CR at the very end. After an error, how much was written is unknown.
#[must_use = "a CR at the end is completed by `finish`"]
pub struct CrlfWriter<W> {
    out: W,
    ends: LineEnds,
    buffer: Vec<u8>,
}

impl<W: Write> CrlfWriter<W> {
    /// Wraps `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            ends: LineEnds::new(BareCr::Complete),
            buffer: Vec::new(),
        }
    }

    /// Completes the last line end and returns the inner writer.
    ///
    /// # Errors
    /// What writing returned.
    pub fn finish(mut self) -> io::Result<W> {
        self.buffer.clear();
        self.ends.end(&mut self.buffer);
        self.out.write_all(&self.buffer)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for CrlfWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.chunks(PIECE) {
            self.buffer.clear();
            self.ends.push(piece, &mut self.buffer);
            self.out.write_all(&self.buffer)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W> fmt::Debug for CrlfWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CrlfWriter")
    }
}

/// What to do with a CR that no LF follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BareCr {
    Keep,
    Complete,
}

/// The state between two pieces: whether the last byte was CR.
struct LineEnds {
    bare_cr: BareCr,
    after_cr: bool,
}

impl LineEnds {
    fn new(bare_cr: BareCr) -> Self {
        Self {
            bare_cr,
            after_cr: false,
        }
    }

    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let Some(&last) = input.last() else { return };
        let mut rest = input;
        if self.after_cr {
            if let Some(after) = input.strip_prefix(b"\n") {
                out.push(b'\n');
                rest = after;
            } else {
                self.end(out);
            }
        }
        self.after_cr = last == b'\r';
        let before = |at: usize| at.checked_sub(1).and_then(|at| rest.get(at));
        let mut copied = 0;
        let mut copy_until = |end: usize, insert: u8, out: &mut Vec<u8>| {
            out.extend_from_slice(rest.get(copied..end).unwrap_or_default());
            out.push(insert);
            copied = end;
        };
        match self.bare_cr {
            BareCr::Keep => {
                for at in memchr_iter(b'\n', rest) {
                    if before(at) != Some(&b'\r') {
                        copy_until(at, b'\r', out);
                    }
                }
            }
            BareCr::Complete => {
                for at in memchr2_iter(b'\r', b'\n', rest) {
                    if rest.get(at) == Some(&b'\n') {
                        if before(at) != Some(&b'\r') {
                            copy_until(at, b'\r', out);
                        }
                    } else if rest.get(at + 1).is_some_and(|&next| next != b'\n') {
                        copy_until(at + 1, b'\n', out);
                    }
                }
            }
        }
        out.extend_from_slice(rest.get(copied..).unwrap_or_default());
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.after_cr && self.bare_cr == BareCr::Complete {
            out.push(b'\n');
        }
        self.after_cr = false;
    }
}

impl Decode for LineEnds {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        self.push(input, out);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        self.end(out);
        Ok(())
    }
}

/// Bytes worked on at a time: twice this fits the second-level cache of any machine.
const PIECE: usize = 64 << 10;

#[cfg(test)]
mod tests;
