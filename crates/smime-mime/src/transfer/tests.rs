use std::io::Write;

use super::*;

fn encoding(header: &str) -> Result<Encoding, Error> {
    Encoding::of(&Headers::parse(header.as_bytes().to_vec()).unwrap())
}

/// Decodes in one piece and in small ones, and checks that this makes no difference.
fn decode(encoding: Encoding, input: &[u8]) -> io::Result<Vec<u8>> {
    let whole = encoding
        .decoded(Source::from_bytes(input))
        .read_to_vec("test", 1 << 24);
    for cut in [1, 2, 3, 5, 7] {
        let source = Source::new(Cut {
            bytes: input.to_vec(),
            cut,
        });
        let pieces = encoding.decoded(source).read_to_vec("test", 1 << 24);
        match (&whole, &pieces) {
            (Ok(whole), Ok(pieces)) => assert_eq!(whole, pieces, "{input:?} in pieces of {cut}"),
            (Err(_), Err(_)) => {}
            _ => panic!("{input:?} in pieces of {cut}: {whole:?} {pieces:?}"),
        }
    }
    whole
}

struct Cut {
    bytes: Vec<u8>,
    cut: usize,
}

impl Replay for Cut {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(CutPass(&self.bytes, self.cut)))
    }
}

struct CutPass<'a>(&'a [u8], usize);

impl Read for CutPass<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = out.len().min(self.1);
        self.0.read(&mut out[..most])
    }
}

#[test]
fn the_transfer_encoding_is_a_word_in_any_case() {
    for (value, expected) in [
        ("", Encoding::Identity),
        ("Content-Transfer-Encoding: 7bit\r\n", Encoding::Identity),
        ("content-transfer-encoding: 8BIT\r\n", Encoding::Identity),
        (
            "Content-Transfer-Encoding: binary (raw)\r\n",
            Encoding::Identity,
        ),
        (
            "Content-Transfer-Encoding: (x) Base64 (y)\r\n",
            Encoding::Base64,
        ),
        ("Content-Transfer-Encoding: base64;\r\n", Encoding::Base64),
        (
            "Content-Transfer-Encoding:\r\n quoted-printable\r\n",
            Encoding::QuotedPrintable,
        ),
    ] {
        assert_eq!(encoding(value).unwrap(), expected, "{value}");
    }
}

#[test]
fn other_transfer_encodings_are_unsupported_and_two_are_malformed() {
    for value in ["x-uuencode", "base-64", "base64,7bit"] {
        let error = encoding(&format!("Content-Transfer-Encoding: {value}\r\n")).unwrap_err();
        assert!(
            matches!(error, Error::Unsupported { .. }),
            "{value}: {error}"
        );
    }
    for header in [
        "Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: base64\r\n",
        "Content-Transfer-Encoding: base64 7bit\r\n",
        "Content-Transfer-Encoding: (base64\r\n",
    ] {
        let error = encoding(header).unwrap_err();
        assert!(
            matches!(error, Error::Malformed { .. }),
            "{header}: {error}"
        );
    }
}

#[test]
fn base64_is_read_with_white_space_anywhere() {
    for (text, expected) in [
        (&b""[..], &b""[..]),
        (b"\r\n\r\n", b""),
        (b"YQ==", b"a"),
        (b"YWI=\r\n", b"ab"),
        (b"YWJj", b"abc"),
        (b"YWJj\r\nZGVm\r\n", b"abcdef"),
        (b"YWJj\nZGVm\n\n", b"abcdef"),
        (b"Y\r\nW\r\nJ\r\nj", b"abc"),
        (b" YWJj \t\r\n\tZGVm  \r\n", b"abcdef"),
        (b"YW Jj\rZG\x0cVm", b"abcdef"),
        (b"YQ\r\n=\r\n=", b"a"),
        (b"YQ=", b"a"),
    ] {
        assert_eq!(
            decode(Encoding::Base64, text).unwrap(),
            expected,
            "{text:?}"
        );
    }
}

#[test]
fn base64_ends_at_its_padding() {
    assert_eq!(
        decode(Encoding::Base64, b"YQ==\r\n-- \r\na list footer\r\n").unwrap(),
        b"a"
    );
    assert_eq!(decode(Encoding::Base64, b"YWJj=YWJj").unwrap(), b"abc");
}

#[test]
fn broken_base64_is_invalid_data() {
    for text in [
        &b"Y"[..],
        b"YW",
        b"YWJ",
        b"YWJjZ",
        b"Y=",
        b"YWJjZ=",
        b"YW-j",
        b"YW_j",
        b"YWJj!",
        b"\xff\xff\xff\xff",
        b"YWJj\0ZGV",
        b"YR==",
        b"YWK=",
        b"YWJ\r\n",
    ] {
        let error = decode(Encoding::Base64, text).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{text:?}");
    }
}

#[test]
fn a_pass_that_failed_keeps_failing() {
    let view = Encoding::Base64.decoded(Source::from_bytes(*b"!!!!"));
    let mut pass = view.open().unwrap();
    for _ in 0..3 {
        assert_eq!(
            pass.read(&mut [0; 8]).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
    }
}

#[test]
fn base64_is_written_in_lines_of_the_length_asked_for() {
    for (length, columns) in [(LineLength::Mime, 76), (LineLength::Pem, 64)] {
        let mut writer = Base64Writer::with_lines(Vec::new(), length);
        writer.write_all(&[0; 200]).unwrap();
        let text = String::from_utf8(writer.finish().unwrap()).unwrap();
        let lines: Vec<_> = text.split_inclusive("\r\n").collect();
        let (last, full) = lines.split_last().unwrap();
        assert!(full.iter().all(|line| line.len() == columns + 2), "{text}");
        assert!(
            last.len() <= columns + 2 && last.ends_with("\r\n"),
            "{text}"
        );
    }
}

#[test]
fn nothing_written_is_no_line() {
    assert_eq!(Base64Writer::new(Vec::new()).finish().unwrap(), b"");
}

#[test]
fn what_is_written_as_base64_reads_back_however_it_is_cut() {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_003).collect();
    let mut whole = Base64Writer::new(Vec::new());
    whole.write_all(&bytes).unwrap();
    let whole = whole.finish().unwrap();
    for cut in [1, 56, 57, 58, 4096, 32_831, 32_832, 32_833, 65_664] {
        let mut writer = Base64Writer::new(Vec::new());
        for piece in bytes.chunks(cut) {
            writer.write_all(piece).unwrap();
        }
        assert!(writer.finish().unwrap() == whole, "pieces of {cut} bytes");
    }
    assert!(decode(Encoding::Base64, &whole).unwrap() == bytes);
}

#[test]
fn quoted_printable_is_read() {
    for (text, expected) in [
        ("", ""),
        ("plain", "plain"),
        ("Gr=C3=BC=c3=9fe", "Grüße"),
        ("soft=\r\nbreak", "softbreak"),
        ("soft=\nbreak", "softbreak"),
        ("soft= \t\r\nbreak", "softbreak"),
        ("soft =\r\n break", "soft  break"),
        ("end=", "end"),
        ("end=\r\n", "end"),
        ("end= \t", "end"),
        ("blanks \t \r\nare cut  \nhere ", "blanks\r\nare cut\nhere"),
        ("kept=20\r\nkept=20 \r\n", "kept \r\nkept \r\n"),
        ("=3D=3d", "=="),
        ("a\rb \r \r\n", "a\rb \r\r\n"),
        ("\r\n\r\n", "\r\n\r\n"),
    ] {
        let read = decode(Encoding::QuotedPrintable, text.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(read).unwrap(), expected, "{text:?}");
    }
}

#[test]
fn an_equals_sign_without_a_number_stays_in_the_text() {
    for text in ["=ZZ", "a=b", "=4", "=4x", "==", "= x", "=\rx", "=\t=\tx"] {
        let expected = text.strip_suffix("==").map_or(text, |_| "=");
        let read = decode(Encoding::QuotedPrintable, text.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(read).unwrap(), expected, "{text:?}");
    }
}

#[test]
fn an_endless_run_of_blanks_is_invalid_data_and_not_memory() {
    let source = Encoding::QuotedPrintable.decoded(Source::from_bytes(vec![b' '; 1 << 20]));
    let error = source.read_to_vec("test", 1 << 24).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[test]
fn a_view_starts_anywhere() {
    let view = Encoding::Base64.decoded(Source::from_bytes(*b"YWJj\r\nZGVm\r\n"));
    let mut read = String::new();
    view.section(2, 3)
        .open()
        .unwrap()
        .read_to_string(&mut read)
        .unwrap();
    assert_eq!(read, "cde");
}
