use std::io;

use memchr::memchr2;

use super::Decode;
use crate::header::charset;

/// Reads quoted-printable (RFC 2045 §6.7).
///
/// Blanks before a line end go away, `=` before a line end joins the lines, line ends come out as
/// they are. An `=` that no hexadecimal number follows stays in the text, as the RFC suggests.
#[derive(Default)]
pub(super) struct QuotedPrintable {
    /// The end of the input so far whose meaning depends on what follows.
    held: Vec<u8>,
}

impl Decode for QuotedPrintable {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        if self.held.is_empty() {
            let used = decode(input, out);
            self.held
                .extend_from_slice(input.get(used..).unwrap_or_default());
        } else {
            self.held.extend_from_slice(input);
            let used = decode(&self.held, out);
            self.held.drain(..used);
        }
        if self.held.len() > HELD {
            return Err(io::Error::new(io::ErrorKind::InvalidData, LONG));
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        let held = match held.split_first() {
            // A soft line break, or the start of one, at the very end.
            Some((b'=', rest)) if rest.iter().all(u8::is_ascii_whitespace) => return Ok(()),
            _ => held,
        };
        out.extend_from_slice(trim_blanks(&held));
        Ok(())
    }
}

/// Decodes what is certain and returns how many bytes that used.
fn decode(input: &[u8], out: &mut Vec<u8>) -> usize {
    let mut rest = input;
    while let Some(at) = memchr2(b'=', b'\n', rest) {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, b""));
        if from.first() == Some(&b'\n') {
            let (line, end): (_, &[u8]) = match before.strip_suffix(b"\r") {
                Some(line) => (line, b"\r\n"),
                None => (before, b"\n"),
            };
            out.extend_from_slice(trim_blanks(line));
            out.extend_from_slice(end);
            rest = from.get(1..).unwrap_or_default();
            continue;
        }
        out.extend_from_slice(before);
        match escape(from) {
            Escape::Byte(byte) => {
                out.push(byte);
                rest = from.get(3..).unwrap_or_default();
            }
            Escape::SoftBreak(length) => rest = from.get(length..).unwrap_or_default(),
            Escape::None => {
                out.push(b'=');
                rest = from.get(1..).unwrap_or_default();
            }
            Escape::Unknown => return input.len() - from.len(),
        }
    }
    let certain = rest
        .iter()
        .rposition(|byte| !matches!(byte, b' ' | b'\t' | b'\r'))
        .map_or(0, |last| last + 1);
    out.extend_from_slice(rest.get(..certain).unwrap_or_default());
    input.len() - rest.len() + certain
}

enum Escape {
    Byte(u8),
    /// `=`, blanks and a line end, with their length.
    SoftBreak(usize),
    /// The equals sign means itself.
    None,
    /// More input decides.
    Unknown,
}

/// Says what the `=` is that `from` starts with.
fn escape(from: &[u8]) -> Escape {
    if let [_, high, low, ..] = from
        && let Some(byte) = charset::hex(*high, *low)
    {
        return Escape::Byte(byte);
    }
    match from.get(1..).unwrap_or_default() {
        [] => return Escape::Unknown,
        [digit] if digit.is_ascii_hexdigit() => return Escape::Unknown,
        _ => {}
    }
    let blanks = from
        .iter()
        .skip(1)
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    match from.get(1 + blanks..).unwrap_or_default() {
        [] | [b'\r'] => Escape::Unknown,
        [b'\n', ..] => Escape::SoftBreak(blanks + 2),
        [b'\r', b'\n', ..] => Escape::SoftBreak(blanks + 3),
        _ => Escape::None,
    }
}

fn trim_blanks(line: &[u8]) -> &[u8] {
    let end = line
        .iter()
        .rposition(|byte| !matches!(byte, b' ' | b'\t'))
        .map_or(0, |last| last + 1);
    line.get(..end).unwrap_or_default()
}

/// Bytes whose meaning may stay open: far beyond the 76 that a line may have.
const HELD: usize = 64 << 10;

const LONG: &str = "quoted-printable with an endless run of blanks";
