use super::text::Scale;

/// Where a DER value stands in the input, to tell at which byte of it a part of the value begins.
pub(super) enum Place<'p, 'a> {
    /// The value came out of armour, or out of a container that had to be opened or rewritten: all
    /// of it is at this byte.
    At(u64),
    /// The value is a part of the input, from this byte on.
    From(u64),
    /// The value stands in base64 without armour.
    Base64(&'p mut Characters<'a>),
}

/// The characters of base64 without armour, counted as far as they were asked for.
pub(super) struct Characters<'a> {
    text: &'a [u8],
    /// Where `text` begins in the text of the input.
    start: usize,
    scale: Scale,
    /// Where the value begins, in bytes of what `text` decodes to.
    value: usize,
    /// How many characters stand before the byte `at` of `text`.
    count: usize,
    at: usize,
}

impl Place<'_, '_> {
    /// Returns where the part that begins at this byte of the value begins in the input.
    ///
    /// Asking for one part after the other costs no more than reading the input once.
    pub(super) fn of(&mut self, part: usize) -> u64 {
        match self {
            Self::At(at) => *at,
            Self::From(at) => at.saturating_add(u64::try_from(part).unwrap_or(u64::MAX)),
            Self::Base64(characters) => characters.position(part),
        }
    }
}

impl<'a> Characters<'a> {
    /// Counts those of `text`, which begins at `start` in the text of the input.
    pub(super) fn new(text: &'a [u8], start: usize, scale: Scale) -> Self {
        Self {
            text,
            start,
            scale,
            value: 0,
            count: 0,
            at: 0,
        }
    }

    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Goes on to the value that begins at this byte of what the text decodes to.
    pub(super) fn begin_value(&mut self, value: usize) {
        self.value = value;
    }

    fn position(&mut self, part: usize) -> u64 {
        let byte = self.value.saturating_add(part);
        // The first bits of the three bytes are in the first, second and third of four characters.
        let wanted = (byte / 3).saturating_mul(4).saturating_add(byte % 3);
        if wanted < self.count {
            (self.count, self.at) = (0, 0);
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut characters = rest
            .iter()
            .enumerate()
            .filter(|(_, byte)| !byte.is_ascii_whitespace());
        if let Some((passed, _)) = characters.nth(wanted - self.count) {
            self.count = wanted;
            self.at += passed;
        }
        let at = self.start.saturating_add(self.at);
        self.scale.position(u64::try_from(at).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::*;

    #[test]
    fn a_byte_is_where_the_character_with_its_first_bits_is() {
        let text = STANDARD.encode([0; 100]);
        for width in [1, 2, 3, 4, 5, 64, 76, 200] {
            let lines: Vec<&[u8]> = text.as_bytes().chunks(width).collect();
            let lines = [&b" \n"[..], &lines.join(&b"\r\n"[..])].concat();
            let mut characters = Characters::new(&lines, 7, Scale::ONE);
            // Of 150 characters, those after the first bits of the part; a line end after each line.
            for part in (0..100).chain([0, 50, 49]) {
                let before = part * 8 / 6;
                let at = 7 + 2 + before + before / width * 2;
                let found = characters.position(part);
                assert_eq!(
                    found,
                    u64::try_from(at).unwrap(),
                    "{part} in lines of {width}"
                );
            }
        }
    }

    #[test]
    fn parts_of_a_value_in_the_input_follow_its_first_byte_and_others_do_not() {
        assert_eq!(Place::From(5).of(9), 14);
        assert_eq!(Place::From(u64::MAX).of(9), u64::MAX);
        assert_eq!(Place::At(5).of(9), 5);
    }
}
