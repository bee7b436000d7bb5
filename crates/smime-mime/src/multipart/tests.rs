use super::*;

fn boundaries(texts: &[&str]) -> Vec<Boundary> {
    texts
        .iter()
        .map(|text| Boundary(text.as_bytes().to_vec()))
        .collect()
}

/// Lists the delimiters as (level, is close, content end).
fn delimiters(input: &[u8], texts: &[&str]) -> Vec<(usize, bool, u64)> {
    let boundaries = boundaries(texts);
    let mut lists = [1, 2, 3, 1 << 20].map(|cut| {
        let mut scanner = Scanner::new(Cut(input, cut), 0);
        let mut list = Vec::new();
        while let Some(found) = scanner.delimiter(&boundaries).unwrap() {
            list.push((found.level, found.is_close, found.content_end));
        }
        assert_eq!(scanner.offset(), length(input.len()));
        list
    });
    assert!(lists.windows(2).all(|pair| pair[0] == pair[1]), "{lists:?}");
    std::mem::take(&mut lists[0])
}

struct Cut<'a>(&'a [u8], usize);

impl Read for Cut<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = out.len().min(self.1);
        self.0.read(&mut out[..most])
    }
}

#[test]
fn the_line_end_before_a_delimiter_belongs_to_it() {
    for (input, end) in [
        (&b"x\r\n--b\r\n"[..], 1),
        (b"x\n--b\r\n", 1),
        (b"x\r\n\r\n--b\r\n", 3),
        (b"x\n\n--b\n", 2),
        (b"x\r\r\n--b", 2),
        (b"\r\n--b\n", 0),
        (b"\n--b\n", 0),
        (b"--b\n", 0),
    ] {
        assert_eq!(delimiters(input, &["b"]), [(0, false, end)], "{input:?}");
    }
}

#[test]
fn only_blanks_may_follow_a_delimiter_on_its_line() {
    for input in ["--b", "--b\n", "--b\r\n", "--b \t\r\n", "--b\t", "--b  \n"] {
        assert_eq!(
            delimiters(input.as_bytes(), &["b"]),
            [(0, false, 0)],
            "{input:?}"
        );
    }
    for input in ["--b--", "--b--\n", "--b--\r\n", "--b-- \t\r\n"] {
        assert_eq!(
            delimiters(input.as_bytes(), &["b"]),
            [(0, true, 0)],
            "{input:?}"
        );
    }
}

#[test]
fn what_only_resembles_a_delimiter_is_content() {
    for input in [
        "",
        "-",
        "--",
        "b",
        "-b\n",
        "--bb\n",
        "--b-\n",
        "--b---\n",
        "--b--b\n",
        "-- b\n",
        " --b\n",
        "---b\n",
        "x--b\n",
        "--B\n",
        "--b x\n",
        "--b\r",
        "--b\rx\n",
        "\r--b\n",
        "--b--\r",
        "--\nb\n",
        "--b \r \n",
        "--b\0\n",
    ] {
        assert_eq!(delimiters(input.as_bytes(), &["b"]), [], "{input:?}");
    }
}

#[test]
fn a_boundary_that_is_the_start_of_another_does_not_match_it() {
    let input = b"--ab\n--a\n--ab--\n--a--\n";
    assert_eq!(delimiters(input, &["a"]), [(0, false, 4), (0, true, 15)]);
    assert_eq!(delimiters(input, &["ab"]), [(0, false, 0), (0, true, 8)]);
    assert_eq!(
        delimiters(input, &["a", "ab"]),
        [(1, false, 0), (0, false, 5), (1, true, 9), (0, true, 16)]
    );
}

#[test]
fn the_outer_of_two_multiparts_ends_the_inner() {
    assert_eq!(delimiters(b"--x\n", &["x", "x"]), [(0, false, 0)]);
    assert_eq!(delimiters(b"--x--\n", &["x", "x--"]), [(0, true, 0)]);
    assert_eq!(delimiters(b"--x--\n", &["x--", "x"]), [(0, false, 0)]);
    assert_eq!(delimiters(b"--x----\n", &["x", "x--"]), [(1, true, 0)]);
}

#[test]
fn delimiters_are_found_at_every_place_around_the_end_of_the_buffer() {
    for at in (BUFFER - 12..BUFFER + 12).chain(2 * BUFFER - 12..2 * BUFFER + 12) {
        let mut input = vec![b'x'; at];
        input.extend_from_slice(b"\r\n--b\r\n");
        input.resize(3 * BUFFER, b'-');
        let boundaries = boundaries(&["b"]);
        let mut scanner = Scanner::new(&*input, 0);
        let found = scanner.delimiter(&boundaries).unwrap().unwrap();
        assert_eq!(found.content_end, length(at));
        assert_eq!(scanner.offset(), length(at + 7));
        assert_eq!(scanner.delimiter(&boundaries).unwrap(), None);
    }
}

#[test]
fn endless_blanks_after_a_boundary_are_malformed() {
    for ending in ["", "--"] {
        let mut input = format!("--b{ending}").into_bytes();
        input.resize(LONGEST_LINE + 1, b' ');
        input.push(b'\n');
        let found = Scanner::new(&*input, 0).delimiter(&boundaries(&["b"]));
        assert!(
            matches!(found, Err(Error::Malformed { offset: 0, .. })),
            "{found:?}"
        );
    }
}

#[test]
fn a_header_block_ends_at_a_blank_line_a_delimiter_or_the_end() {
    for (input, raw, body, ends) in [
        (&b"A: b\r\n\r\nbody"[..], &b"A: b\r\n"[..], 8, true),
        (b"A: b\n\nbody", b"A: b\n", 6, true),
        (b"A: b\r\n\nbody", b"A: b\r\n", 7, true),
        (b"\r\nbody", b"", 2, true),
        (b"A: b\r\n--b\r\n", b"A: b\r\n", 6, false),
        (b"--b\r\n", b"", 0, false),
        (b"A: b\r\n", b"A: b\r\n", 6, false),
        (b"A: b", b"A: b", 4, false),
        (b"", b"", 0, false),
    ] {
        let block = Scanner::new(input, 0)
            .headers(&boundaries(&["b"]), 100)
            .unwrap();
        assert_eq!(
            (&*block.raw, block.body, block.ends),
            (raw, body, ends),
            "{input:?}"
        );
    }
}

#[test]
fn a_header_block_over_its_limit_is_an_error_and_not_memory() {
    for input in [&b"A: b\r\nC: d\r\n\r\n"[..], b"A: bbbbbbbbbbbbbbbbb"] {
        let block = Scanner::new(input, 0).headers(&[], 11);
        assert!(matches!(block.err(), Some(Error::TooLarge(crossed)) if crossed.limit == 11));
    }
    assert!(
        Scanner::new(&b"A: b\r\nC: d\n\r\n"[..], 0)
            .headers(&[], 11)
            .is_ok()
    );
    let block = Scanner::new(io::repeat(b'x'), 0).headers(&[], 1 << 20);
    assert!(matches!(block.err(), Some(Error::TooLarge(_))));
}

fn indexed(body: &str, limits: &Limits) -> Result<Index, Error> {
    index(
        &Source::from_bytes(body.as_bytes()),
        0,
        Boundary(b"b".to_vec()),
        limits,
    )
}

#[test]
fn parts_are_the_bytes_between_the_delimiters() {
    let body = "preamble\r\n--b\r\n\r\none\r\n--b\r\nA: b\r\n\r\n\r\ntwo\r\n\r\n--b\r\n--b--\r\nepilogue\r\n--b\r\n";
    let index = indexed(body, &Limits::default()).unwrap();
    let parts: Vec<_> = index
        .parts
        .iter()
        .map(|part| {
            &body[usize::try_from(part.block.start).unwrap()..usize::try_from(part.end).unwrap()]
        })
        .collect();
    assert_eq!(parts, ["\r\none", "A: b\r\n\r\n\r\ntwo\r\n", ""]);
    assert!(index.is_closed);
}

#[test]
fn the_line_end_of_a_delimiter_is_not_in_the_header_before_it() {
    for (body, raw) in [
        ("--b\r\nA: b\r\n--b--", "A: b"),
        ("--b\r\nA: b\r\n\r\n--b--", "A: b\r\n"),
    ] {
        let index = indexed(body, &Limits::default()).unwrap();
        assert_eq!(index.parts[0].block.raw, raw.as_bytes());
    }
}

#[test]
fn without_a_closing_delimiter_the_last_part_goes_to_the_end() {
    let index = indexed("--b\n\none\n--b\n\ntwo\n", &Limits::default()).unwrap();
    assert!(!index.is_closed);
    assert_eq!((index.parts[1].block.start, index.parts[1].end), (13, 18));
}

#[test]
fn parts_and_their_headers_are_bounded() {
    let limits = Limits {
        parts: 2,
        ..Limits::default()
    };
    assert_eq!(
        indexed("--b\n\n--b\n\n--b--", &limits).unwrap().parts.len(),
        2
    );
    let error = indexed("--b\n\n--b\n\n--b\n\n--b--", &limits).err();
    assert!(matches!(error, Some(Error::TooLarge(crossed)) if crossed.what == "parts"));
    let limits = Limits {
        structure: 9,
        ..Limits::default()
    };
    let error = indexed("--b\nA: b\n\n--b\nA: b\n\n--b--", &limits).err();
    assert!(matches!(error, Some(Error::TooLarge(crossed)) if crossed.what == "structure"));
}

#[test]
fn unusable_boundaries_are_none() {
    let boundary = |value: &str| {
        let raw = format!("Content-Type: multipart/mixed{value}\r\n").into_bytes();
        let headers = crate::Headers::parse(raw).unwrap();
        Boundary::of(&ContentType::of(&headers, "text/plain").unwrap()).map(|found| found.0)
    };
    assert_eq!(boundary("; boundary=\"a b  \"").unwrap(), b"a b");
    assert!(boundary(&format!("; boundary={}", "x".repeat(200))).is_some());
    for value in [
        "",
        "; boundary=\"\"",
        "; boundary=\"  \"",
        "; boundary*=UTF-8''a%0Ab",
    ] {
        assert_eq!(boundary(value), None, "{value}");
    }
    assert_eq!(boundary(&format!("; boundary={}", "x".repeat(201))), None);
}
