use std::{
    io::{self, Read},
    mem,
};

use smime_crypto::{Secret, wipe};

use super::{
    armour::Label,
    scan::{Form, Piece, Scanner, Step, Window},
    text::{Text, WholeText},
};

/// An input, cut into parts that hold whole items.
///
/// However large the input is, no more of it is in memory than a window, and the largest item.
pub(super) struct Chunks<R> {
    text: Text<R>,
    scanner: Scanner,
    window: Held,
    /// How many bytes of the input are before the window.
    base: u64,
    /// Where in the window the scan goes on.
    at: usize,
    last: bool,
    /// Bytes that are read at a time.
    size: usize,
}

/// Bytes of the input that nobody has told apart yet: wiped, for they may hold a private key.
#[derive(Default)]
struct Held(Vec<u8>);

impl Drop for Held {
    fn drop(&mut self) {
        drop(Secret::new(mem::take(&mut self.0)));
    }
}

/// A part of an input, and what is in it.
pub(super) struct Chunk {
    bytes: Vec<u8>,
    pub(super) pieces: Vec<Piece>,
    /// How many bytes of the input were read when it ended.
    pub(super) end: u64,
}

impl<R: Read> Chunks<R> {
    pub(super) fn new(input: R) -> Self {
        Self::by(WINDOW, input)
    }

    fn by(size: usize, input: R) -> Self {
        Self {
            size,
            text: Text::new(input),
            scanner: Scanner::default(),
            window: Held::default(),
            base: 0,
            at: 0,
            last: false,
        }
    }

    /// Returns the next part with at least one item; `None` after the last.
    pub(super) fn next(&mut self) -> io::Result<Option<Chunk>> {
        let mut pieces = Vec::new();
        if self.window.0.is_empty() && !self.last {
            self.fill()?;
        }
        loop {
            let window = Window {
                bytes: &self.window.0,
                base: self.base,
                last: self.last,
            };
            match self.scanner.step(window, self.at) {
                Step::Item(piece, next) => {
                    pieces.push(piece.scaled(self.text.scale()));
                    self.at = next;
                    if self.at == self.window.0.len() && !self.last {
                        return Ok(Some(self.cut(self.at, pieces)));
                    }
                }
                Step::More(keep) if pieces.is_empty() => {
                    drop(self.cut(keep, pieces));
                    pieces = Vec::new();
                    self.fill()?;
                }
                Step::More(keep) => {
                    let chunk = self.cut(keep, pieces);
                    self.fill()?;
                    return Ok(Some(chunk));
                }
                Step::End if pieces.is_empty() => return Ok(None),
                Step::End => return Ok(Some(self.cut(self.window.0.len(), pieces))),
            }
        }
    }

    /// Takes the window as a chunk; what is from `keep` on stays for the next.
    fn cut(&mut self, keep: usize, pieces: Vec<Piece>) -> Chunk {
        self.at = 0;
        if keep == 0 && pieces.is_empty() {
            return Chunk {
                bytes: Vec::new(),
                pieces,
                end: self.base,
            };
        }
        let mut rest = Vec::new();
        if !self.last {
            let kept = self.window.0.get(keep..).unwrap_or_default();
            rest.reserve_exact(self.goal(kept.len()));
            rest.extend_from_slice(kept);
        }
        let mut bytes = mem::replace(&mut self.window.0, rest);
        // A copy stays, and what it is will be known only then.
        wipe(bytes.get_mut(keep..).unwrap_or_default());
        let keep = u64::try_from(keep).unwrap_or(u64::MAX);
        self.base = self.base.saturating_add(keep);
        Chunk {
            bytes,
            pieces,
            end: self.text.scale().position(self.base),
        }
    }

    /// Reads on, so that the window is as large as it should be and at least twice what it was;
    /// so the search for the end of a large item looks at each byte a bounded number of times.
    fn fill(&mut self) -> io::Result<()> {
        let window = &self.window.0;
        let wanted = self.goal(window.len()) - window.len();
        if window.capacity() - window.len() < wanted {
            let mut larger = Vec::new();
            larger.reserve_exact(window.len() + wanted);
            larger.extend_from_slice(window);
            self.window = Held(larger);
        }
        self.last = self.text.fill(&mut self.window.0, wanted)?;
        Ok(())
    }

    fn goal(&self, held: usize) -> usize {
        self.size.max(held.saturating_mul(2))
    }
}

impl Chunk {
    /// Returns what `piece` says to read.
    pub(super) fn content(&self, piece: &Piece) -> &[u8] {
        let (start, end) = piece.content;
        self.bytes.get(start..end).unwrap_or_default()
    }
}

impl Drop for Chunk {
    /// Wipes what may hold a private key.
    fn drop(&mut self) {
        if self.pieces.is_empty() || !self.pieces.iter().all(is_harmless) {
            drop(Secret::new(mem::take(&mut self.bytes)));
        }
    }
}

/// Gives every piece of an input that is in memory, with what there is to read of it: the pieces
/// that [`Chunks`] gives, without a copy of anything but UTF-16.
pub(super) fn pieces(input: &[u8], found: &mut dyn FnMut(&Piece, &[u8])) {
    let text = WholeText::new(input);
    let window = Window {
        bytes: text.bytes(),
        base: 0,
        last: true,
    };
    let mut scanner = Scanner::default();
    let mut at = 0;
    // The scanner never asks for more of what is there as a whole.
    while let Step::Item(piece, next) = scanner.step(window, at) {
        at = next;
        let (start, end) = piece.content;
        let content = window.bytes.get(start..end).unwrap_or_default();
        found(&piece.scaled(text.scale), content);
    }
}

/// Says whether a piece holds no private key, by what it is called.
fn is_harmless(piece: &Piece) -> bool {
    matches!(
        piece.form,
        Form::Armoured(Label::Certificate | Label::TrustedCertificate)
    )
}

/// Bytes that are read at a time: some hundred certificates.
const WINDOW: usize = 512 << 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::import::{
        armour::looked_at,
        scan::{MAX_HELD_SIZE, MAX_TEXT},
    };

    /// Returns every item by windows of `size` bytes: position, form, what there is to read.
    fn by(size: usize, file: &[u8]) -> Vec<(u64, String, Vec<u8>)> {
        let mut chunks = Chunks::by(size, file);
        let mut items = Vec::new();
        while let Some(chunk) = chunks.next().unwrap() {
            assert!(!chunk.pieces.is_empty());
            for piece in &chunk.pieces {
                let form = format!("{:?}", piece.form);
                items.push((piece.position, form, chunk.content(piece).to_vec()));
            }
        }
        items
    }

    /// Returns the same of the input as a whole.
    fn of_whole(file: &[u8]) -> Vec<(u64, String, Vec<u8>)> {
        let mut items = Vec::new();
        pieces(file, &mut |piece, content| {
            items.push((
                piece.position,
                format!("{:?}", piece.form),
                content.to_vec(),
            ));
        });
        items
    }

    fn utf16(text: &[u8]) -> Vec<u8> {
        text.iter().flat_map(|byte| [*byte, 0]).collect()
    }

    /// Has the outer form of a certificate, and nothing inside.
    const CERTIFICATE: [u8; 264] = {
        let mut bytes = [0x55; 264];
        let (start, end): ([u8; 7], [u8; 6]) =
            ([0x30, 0x82, 1, 4, 0x30, 0x81, 0xfb], [0x30, 0, 3, 2, 0, 0]);
        let mut at = 0;
        while at < 7 {
            bytes[at] = start[at];
            at += 1;
        }
        at = 0;
        while at < 6 {
            bytes[258 + at] = end[at];
            at += 1;
        }
        bytes
    };

    const PARTS: [&[u8]; 31] = [
        b"-----BEGIN CERTIFICATE-----",
        b"-----END CERTIFICATE-----",
        b"-----BEGIN RSA PRIVATE KEY-----",
        b"-----END RSA PRIVATE KEY-----",
        b"-----BEGIN ",
        b"-----END ",
        b"-----",
        b"------",
        b"----",
        b"\n",
        b"\r\n",
        b"MIIBMIIBMIIBMIIB",
        b"=",
        b"BEGIN:VCARD\r\n",
        b"END:VCARD\n",
        b"\nitem1.KEY;ENCODING=b:",
        b"KEY:data:application/pkix-cert;base64,MIIB\nMIIB\r\n",
        b"\nuserCertificate;binary:: MIIB\n ",
        b"certificateRevocationList;binary:: ",
        b"\n ",
        b"\t",
        b"\\n",
        b"0\x03\x02\x01\x01",
        b"0\x80\x00\x00",
        b"0\x82\x01\x00",
        b"0\x84\xff\xff\xff\xff",
        b"0\x88\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\0",
        &CERTIFICATE,
        b"\x9a0\x82",
        b"words between, longer than a label may be, of which there are eighty at most in a line",
    ];

    proptest! {
        #[test]
        fn items_do_not_depend_on_how_the_input_is_cut(
            parts in proptest::collection::vec(proptest::sample::select(&PARTS[..]), 0..30),
            size in 1_usize..200,
        ) {
            let file = parts.concat();
            prop_assert_eq!(by(size, &file), by(1 << 20, &file));
            prop_assert_eq!(by(size, &file), of_whole(&file));
        }

        #[test]
        fn text_in_utf_16_has_the_items_of_the_same_text_in_ascii(
            parts in proptest::collection::vec(proptest::sample::select(&PARTS[..22]), 1..20),
            size in 1_usize..200,
        ) {
            let text = parts.concat();
            let wanted: Vec<_> = by(1 << 20, &text)
                .into_iter()
                .map(|(at, form, content)| (2 + 2 * at, form, content))
                .collect();
            let file = [&[0xff, 0xfe][..], &utf16(&text)].concat();
            prop_assert_eq!(&by(size.max(2), &file), &wanted);
            let big = [&[0xfe, 0xff][..], &utf16(&text).as_chunks().0.iter()
                .flat_map(|[low, high]: &[u8; 2]| [*high, *low]).collect::<Vec<_>>()].concat();
            prop_assert_eq!(&by(size.max(2), &big), &wanted);
            prop_assert_eq!(&of_whole(&file), &wanted);
            prop_assert_eq!(&of_whole(&big), &wanted);
        }
    }

    #[test]
    fn what_is_too_large_to_be_held_does_not_depend_on_how_the_input_is_cut() {
        let block = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        let base64 = b"MIIBMIIBMIIBMIIB\n";
        for (start, filling, count) in [
            (&b"0\x80"[..], &b"\x01"[..], MAX_HELD_SIZE - 2),
            (b"0\x80", b"\x01", MAX_HELD_SIZE - 1),
            (b"", base64, MAX_TEXT / base64.len()),
            (b"", base64, MAX_TEXT / base64.len() + 1),
        ] {
            let file = [start, &filling.repeat(count)].concat();
            for file in [&file, &[&file, &block[..]].concat()] {
                let wanted = of_whole(file);
                let found = by(WINDOW, file);
                assert!(found == wanted, "{start:?} and {count} of {filling:?}");
            }
        }
    }

    #[test]
    fn values_too_large_to_be_held_cost_no_more_than_their_bytes() {
        let value = [&b"0\x84\x01\0\0\x01"[..], &vec![1; (16 << 20) + 1]].concat();
        let file = value.repeat(8);
        let wanted = of_whole(&file);
        assert_eq!(wanted.len(), 8);
        assert!(
            wanted
                .iter()
                .all(|item| item.1 == "Refused(Other, TooLarge)")
        );
        assert!(by(WINDOW, &file) == wanted);
    }

    #[test]
    fn a_block_without_end_is_one_item_and_costs_no_more_memory_than_is_allowed() {
        let endless = [
            &b"-----BEGIN CERTIFICATE-----\n"[..],
            &b"MIIB".repeat(8 << 20),
            b"\n-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
        ]
        .concat();
        let mut chunks = Chunks::new(&endless[..]);
        let mut forms = Vec::new();
        while let Some(chunk) = chunks.next().unwrap() {
            assert!(chunk.bytes.len() <= 64 << 20);
            forms.extend(chunk.pieces.iter().map(|piece| format!("{:?}", piece.form)));
        }
        assert_eq!(
            forms,
            ["Refused(Certificate, TooLarge)", "Armoured(Certificate)"]
        );
    }

    /// A vCard, or LDIF, with a line that goes on for so many bytes, and a block after it.
    fn with_line_of(size: u64, start: &'static [u8]) -> impl Read {
        let block = &b"\n-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"[..];
        start.chain(io::repeat(b'M').take(size)).chain(block)
    }

    #[test]
    fn a_line_of_a_gigabyte_is_one_refused_item_and_is_not_held() {
        for (kind, start) in [
            ("Other", &b"BEGIN:VCARD\nKEY;ENCODING=b:"[..]),
            ("Certificate", b"dn: cn=a\nuserCertificate:: "),
        ] {
            let mut chunks = Chunks::new(with_line_of(1 << 30, start));
            let mut found = Vec::new();
            while let Some(chunk) = chunks.next().unwrap() {
                assert!(chunk.bytes.len() <= 64 << 20);
                let pieces = chunk.pieces.iter();
                found.extend(pieces.map(|piece| (piece.position, format!("{:?}", piece.form))));
            }
            let line = start.iter().position(|byte| *byte == b'\n').unwrap() + 1;
            let block = start.len() + (1 << 30) + 1;
            let wanted = [
                (line, format!("Refused({kind}, TooLarge)")),
                (block, "Armoured(Certificate)".to_owned()),
            ]
            .map(|(at, form)| (u64::try_from(at).unwrap(), form));
            assert_eq!(found, wanted);
        }
    }

    #[test]
    fn the_largest_line_that_is_held_does_not_depend_on_how_the_input_is_cut() {
        let start = b"dn: cn=a\nuserCertificate:: ";
        let name = start.len() - b"dn: cn=a\n".len();
        for size in [MAX_TEXT - name, MAX_TEXT - name + 1] {
            let mut file = Vec::new();
            let size = u64::try_from(size).unwrap();
            with_line_of(size, start).read_to_end(&mut file).unwrap();
            let wanted = of_whole(&file);
            assert_eq!(wanted.len(), 2);
            assert!(by(WINDOW, &file) == wanted, "{size}");
        }
    }

    #[test]
    fn many_lines_before_one_block_are_looked_at_a_bounded_number_of_times() {
        let line = b"userCertificate;binary:: MIIB\n";
        let block = &b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"[..];
        let file = [&line.repeat(50_000), block].concat();
        for size in [1_000, WINDOW, file.len()] {
            looked_at::take();
            assert_eq!(by(size, &file).len(), 50_001);
            let looked_at = looked_at::take();
            assert!(looked_at <= 2 * file.len(), "{looked_at} bytes");
        }
    }

    #[test]
    fn a_hundred_thousand_beginnings_without_an_end_are_as_many_items() {
        let file = b"-----BEGIN CERTIFICATE-----\nMIIB\n".repeat(100_000);
        let items = by(WINDOW, &file);
        assert_eq!(items.len(), 100_000);
        assert!(items.iter().all(|item| item.1.contains("BadArmour")));
    }

    #[test]
    fn a_key_that_a_window_cuts_is_wiped_from_the_part_before() {
        let certificate = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        let secret = b"MIGEAgEAMBAGByqGSM49AgEG";
        let key = [
            &b"-----BEGIN PRIVATE KEY-----\n"[..],
            secret,
            b"\n-----END PRIVATE KEY-----\n",
        ]
        .concat();
        let file = [&certificate[..], &key].concat();
        for size in certificate.len() + 1..file.len() {
            let mut chunks = Chunks::by(size, &file[..]);
            let mut keys = 0;
            while let Some(chunk) = chunks.next().unwrap() {
                let holds_key = !chunk.pieces.iter().all(is_harmless);
                keys += usize::from(holds_key);
                let start = chunk.bytes.windows(8).any(|bytes| bytes == &secret[..8]);
                assert!(holds_key || !start, "windows of {size} bytes");
            }
            assert_eq!(keys, 1, "windows of {size} bytes");
        }
    }

    #[test]
    fn bytes_astray_are_one_item_up_to_what_can_be_read_again() {
        let long = vec![0x9a; 3 << 20];
        let near = b"\x9a0\x82\x01\x04\x30\x82\0\x01".repeat(50_000);
        for astray in [&b"\x9a"[..], b"words", b"1\x30\x82\xff\xff", &long, &near] {
            let block = &b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"[..];
            let found = |parts: &[&[u8]]| -> Vec<_> {
                let items = by(WINDOW, &parts.concat());
                items.into_iter().map(|item| (item.0, item.1)).collect()
            };
            let lost = CERTIFICATE.len() + 2;
            let at = |place: usize, form: &str| (u64::try_from(place).unwrap(), form.to_owned());
            let mut wanted = vec![at(0, "Der"), at(lost, "Refused(Other, Astray)")];
            assert_eq!(found(&[&CERTIFICATE, b"\0\n", astray]), wanted);
            wanted.push(at(lost + astray.len(), "Armoured(Certificate)"));
            assert_eq!(found(&[&CERTIFICATE, b"\0\n", astray, block]), wanted);
            wanted[2].1 = "Der".to_owned();
            let parts = [&CERTIFICATE, &b"\0\n"[..], astray, &CERTIFICATE, b" \0\r\n"];
            assert_eq!(found(&parts), wanted);
        }
    }

    #[test]
    fn the_search_behind_bytes_astray_looks_at_each_byte_a_bounded_number_of_times() {
        for astray in [
            &b"\x9a"[..],
            b"1\x30\x82\xff\xff",
            b"\x9a0\x82\x01\x04\x30\x82\0\x01",
        ] {
            let item = [&CERTIFICATE, astray].concat();
            for size in [1, WINDOW, usize::MAX / 2] {
                for count in [1_000, 2_000, 4_000] {
                    let file = item.repeat(count);
                    looked_at::take();
                    assert_eq!(by(size.min(file.len()), &file).len(), 2 * count);
                    // Once for the next certificate, once for the next block up to there; a window
                    // that ends in between is looked at again, and is twice as large then.
                    let most = 4 * file.len();
                    let looked_at = looked_at::take();
                    assert!(looked_at <= most, "{count}: {looked_at} of {most} bytes");
                    assert!(looked_at >= count * astray.len(), "nothing was counted");
                }
            }
        }
    }

    #[test]
    fn a_length_that_lies_costs_what_is_before_the_next_block() {
        let good = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        let start = b"0\x84\xff\xff\xff\xff";
        for filling in [0, 100, 40 << 20] {
            let file = [&start[..], &vec![1; filling], good].concat();
            let items = by(WINDOW, &file);
            let found: Vec<_> = items.iter().map(|item| (item.0, item.1.as_str())).collect();
            let second = u64::try_from(start.len() + filling).unwrap();
            assert_eq!(
                found,
                [
                    (0, "Refused(Other, Truncated)"),
                    (second, "Armoured(Certificate)")
                ]
            );
        }
    }
}
