use base64::{
    Engine as _,
    alphabet::STANDARD,
    decoded_len_estimate,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use memchr::memchr2;
use smime_crypto::Secret;

/// Decodes base64, whatever space is in it; room for it is used again and again.
#[derive(Default)]
pub(super) struct Decoder {
    dense: Vec<u8>,
    /// What was decoded last, and after it what was before.
    decoded: Vec<u8>,
}

impl Decoder {
    /// Returns what `text` stands for, or `None` if something else than base64 is in it.
    pub(super) fn decode(&mut self, text: &[u8]) -> Option<&[u8]> {
        join_lines(text, &mut self.dense);
        let length = match self.decode_dense() {
            Some(length) => length,
            None => {
                // Only now, for it looks at every byte: blanks elsewhere than at the ends of lines.
                self.dense.retain(|byte| !byte.is_ascii_whitespace());
                self.decode_dense()?
            }
        };
        self.decoded.get(..length)
    }

    /// Returns how many bytes were decoded.
    fn decode_dense(&mut self) -> Option<usize> {
        let room = decoded_len_estimate(self.dense.len());
        if self.decoded.len() < room {
            self.decoded.resize(room, 0);
        }
        BASE64.decode_slice(&self.dense, &mut self.decoded).ok()
    }

    /// Wipes what was decoded last.
    pub(super) fn wipe(&mut self) {
        drop(Secret::new(std::mem::take(&mut self.dense)));
        drop(Secret::new(std::mem::take(&mut self.decoded)));
    }
}

/// Makes `out` a copy of `text` without its line ends.
fn join_lines(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len().saturating_sub(out.len()));
    let text = text.trim_ascii_start();
    let mut rest = match text.get(LINE..LINE + 2) {
        Some([b'\n', _]) => join_full_lines::<{ LINE + 1 }>(text, out),
        Some(b"\r\n") => join_full_lines::<{ LINE + 2 }>(text, out),
        _ => {
            out.clear();
            text
        }
    };
    while let Some(end) = memchr2(b'\n', b'\r', rest) {
        let (line, after) = rest.split_at(end);
        out.extend_from_slice(line);
        rest = after.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// Makes `out` a copy of the lines at the start that have the length which nearly all have; returns
/// what comes after them. `SIZE` is that of a line with its end.
///
/// It looks for line ends nowhere else; one inside a line is no base64, which decoding shows.
fn join_full_lines<'a, const SIZE: usize>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let (lines, _) = text.as_chunks::<SIZE>();
    let is_full = |line: &[u8; SIZE]| matches!(line.get(LINE..), Some([b'\n'] | b"\r\n"));
    let full = lines.iter().take_while(|line| is_full(line)).count();
    // What it holds is written over, so that room is cleared once only.
    out.resize(full * LINE, 0);
    let (places, _) = out.as_chunks_mut::<LINE>();
    for (place, line) in places.iter_mut().zip(lines) {
        if let Some(line) = line.first_chunk() {
            *place = *line;
        }
    }
    text.get(full * SIZE..).unwrap_or_default()
}

/// Characters of a full line (RFC 7468 §2).
const LINE: usize = 64;

/// Some tools leave out the padding, some leave bits in it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
