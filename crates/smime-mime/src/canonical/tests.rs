use super::*;

const CASES: [(&[u8], &[u8], &[u8]); 11] = [
    // Input, with CR completed, with CR kept.
    (b"", b"", b""),
    (b"a", b"a", b"a"),
    (b"a\nb\r\nc\n", b"a\r\nb\r\nc\r\n", b"a\r\nb\r\nc\r\n"),
    (b"\n\n\n", b"\r\n\r\n\r\n", b"\r\n\r\n\r\n"),
    (b"\r\n\r\n", b"\r\n\r\n", b"\r\n\r\n"),
    (b"a\rb", b"a\r\nb", b"a\rb"),
    (b"a\r", b"a\r\n", b"a\r"),
    (b"a\r\r\nb", b"a\r\n\r\nb", b"a\r\r\nb"),
    (b"\r\r\r", b"\r\n\r\n\r\n", b"\r\r\r"),
    (b"\n\r", b"\r\n\r\n", b"\r\n\r"),
    (b"\n\r\n", b"\r\n\r\n", b"\r\n\r\n"),
];

#[test]
fn line_ends_become_crlf_however_the_input_is_cut() {
    for (input, completed, kept) in CASES {
        for cut in 1..=4 {
            for (bare_cr, expected) in [(BareCr::Complete, completed), (BareCr::Keep, kept)] {
                let (mut ends, mut out) = (LineEnds::new(bare_cr), Vec::new());
                for piece in input.chunks(cut) {
                    ends.push(piece, &mut out);
                }
                ends.end(&mut out);
                assert_eq!(out, expected, "{input:?} in pieces of {cut}");
            }
        }
    }
}

#[test]
fn the_writer_and_the_view_agree() {
    for (input, expected, _) in CASES {
        let mut writer = CrlfWriter::new(Vec::new());
        writer.write_all(input).unwrap();
        assert_eq!(writer.finish().unwrap(), expected);
        let view = canonical(Source::from_bytes(input));
        for _ in 0..2 {
            assert_eq!(view.read_to_vec("test", 100).unwrap(), expected);
        }
    }
}

#[test]
fn a_view_of_signed_content_leaves_a_lone_cr_alone() {
    let view = completed(Source::from_bytes(*b"a\rb\nc"));
    assert_eq!(view.read_to_vec("test", 100).unwrap(), b"a\rb\r\nc");
}

#[test]
fn an_input_longer_than_the_pieces_keeps_every_byte() {
    let input: Vec<u8> = b"abc\ndef\r\nghi\r"
        .iter()
        .copied()
        .cycle()
        .take(3 * PIECE + 7)
        .collect();
    let mut writer = CrlfWriter::new(Vec::new());
    writer.write_all(&input).unwrap();
    let written = writer.finish().unwrap();
    let letters = |bytes: &[u8]| bytes.iter().filter(|b| b.is_ascii_lowercase()).count();
    assert_eq!(letters(&written), letters(&input));
    assert_eq!(
        canonical(Source::from_bytes(input))
            .read_to_vec("test", 1 << 20)
            .unwrap(),
        written
    );
}
