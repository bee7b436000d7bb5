use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use memchr::memchr2;
use smime_crypto::Secret;

/// Decodes base64, whatever space is in it; room for it is used again and again.
#[derive(Default)]
pub(super) struct Decoder {
    dense: Vec<u8>,
    decoded: Vec<u8>,
}

impl Decoder {
    /// Returns what `text` stands for, or `None` if something else than base64 is in it.
    pub(super) fn decode(&mut self, text: &[u8]) -> Option<&[u8]> {
        self.dense.clear();
        join_lines(text, &mut self.dense);
        if !self.decode_dense() {
            // Only now, for it looks at every byte: blanks elsewhere than at the ends of lines.
            self.dense.retain(|byte| !byte.is_ascii_whitespace());
            if !self.decode_dense() {
                return None;
            }
        }
        Some(&self.decoded)
    }

    fn decode_dense(&mut self) -> bool {
        self.decoded.clear();
        BASE64.decode_vec(&self.dense, &mut self.decoded).is_ok()
    }

    /// Wipes what was decoded last.
    pub(super) fn wipe(&mut self) {
        drop(Secret::new(std::mem::take(&mut self.dense)));
        drop(Secret::new(std::mem::take(&mut self.decoded)));
    }
}

/// Copies `text` without its line ends.
fn join_lines(mut text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len());
    while let Some(end) = memchr2(b'\n', b'\r', text) {
        let (line, rest) = text.split_at(end);
        out.extend_from_slice(line);
        text = rest.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(text);
}

/// Some tools leave out the padding, some leave bits in it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
