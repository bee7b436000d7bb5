//! What must hold for every input, however it is cut.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // A panic is how a test fails.

use std::io::{self, Read, Write};

use proptest::{collection::vec, prelude::*, sample::select};
use smime_io::{Limits, Replay, Source};
use smime_mime::{
    Base64Writer, CrlfWriter, Entity, LineLength, MultipartSigned, Protection, canonical,
};

/// A source that gives at most `cut` bytes at a time.
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

fn cut(bytes: &[u8], cut: usize) -> Source {
    Source::new(Cut {
        bytes: bytes.to_vec(),
        cut,
    })
}

fn bytes(source: &Source) -> Vec<u8> {
    source.read_to_vec("test", 1 << 24).unwrap()
}

/// Bytes in which the characters that matter to MIME are frequent.
fn mimeish() -> impl Strategy<Value = Vec<u8>> {
    let pieces = vec![
        "\r\n",
        "\n",
        "\r",
        " ",
        "\t",
        "-",
        "--",
        "--b",
        "--b--",
        "--bb",
        "--bb--",
        "=",
        "==",
        ":",
        ";",
        "\"",
        "(",
        "\\",
        "\0",
        "x",
        "A: b",
        "ü",
        "=3D",
        "YWJj",
        "=?UTF-8?Q?a?=",
        "@",
        "<",
        ">",
        ",",
        "From: ",
        "To: ",
        "Content-Type: ",
        "multipart/mixed; boundary=b",
        "multipart/signed; boundary=bb; ",
        "protocol=\"application/pkcs7-signature\"",
        "application/pkcs7-mime",
        "message/rfc822",
        "Content-Transfer-Encoding: base64",
        "Content-Transfer-Encoding: quoted-printable",
        "\r\n\r\n",
    ];
    vec(select(pieces), 0..60).prop_map(|pieces| pieces.concat().into_bytes())
}

/// Everything one can ask an entity, as text.
fn answers(source: Source, depth: usize) -> String {
    let limits = Limits {
        depth: 4,
        parts: 20,
        ..Limits::default()
    };
    let entity = match Entity::read(source, &limits) {
        Ok(entity) => entity,
        Err(error) => return error.to_string(),
    };
    let drained = |source: Source| {
        source
            .read_to_vec("test", 1 << 20)
            .map_err(|error| error.kind())
    };
    let whole = |entity: &Entity| drained(entity.source().clone());
    let mut text = format!(
        "{:?} {:?} {:?} {:?} {:?} {:?}",
        entity.headers().raw(),
        entity
            .headers()
            .addresses("from")
            .map_err(|error| error.to_string()),
        entity
            .headers()
            .fields()
            .map(|field| field.value())
            .collect::<Vec<_>>(),
        entity.headers().text("a"),
        entity.content_type().map_err(|error| error.to_string()),
        entity
            .decoded_body()
            .map(drained)
            .map_err(|error| error.to_string()),
    );
    text += &match entity.protection() {
        Ok(Protection::Pkcs7(source)) => format!("{:?}", drained(source)),
        Ok(Protection::MultipartSigned {
            content,
            signature,
            micalg,
        }) => {
            format!("{:?} {:?} {micalg:?}", drained(content), drained(signature))
        }
        Ok(other) => format!("{other:?}"),
        Err(error) => error.to_string(),
    };
    text += &format!(
        "{:?}",
        entity
            .check_complete(&limits)
            .map_err(|error| error.to_string())
    );
    let nested = entity
        .nested_protections(&limits)
        .map_err(|error| error.to_string());
    text += &format!(
        "{:?}",
        nested.map(|finds| finds.iter().map(whole).collect::<Vec<_>>())
    );
    if let Ok(outgoing) = entity.outgoing() {
        text += &format!("{:?} {:?}", outgoing.outer, drained(outgoing.entity));
    }
    match entity.parts(&limits) {
        Ok(parts) if depth > 0 => {
            for part in parts {
                text += &answers(part.source().clone(), depth - 1);
            }
        }
        Ok(_) => {}
        Err(error) => text += &error.to_string(),
    }
    text
}

/// Finds parts the slow and obvious way: all lines in memory, one after the other.
fn naive_parts(body: &[u8], boundary: &str) -> Vec<Vec<u8>> {
    let open = format!("--{boundary}").into_bytes();
    let close = format!("--{boundary}--").into_bytes();
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut is_open = false;
    for line in body.split_inclusive(|&byte| byte == b'\n') {
        let mut text = line;
        if let Some(rest) = text.strip_suffix(b"\n") {
            text = rest.strip_suffix(b"\r").unwrap_or(rest);
        }
        while let [rest @ .., b' ' | b'\t'] = text {
            text = rest;
        }
        if text == open || text == close {
            if let Some(part) = parts.last_mut().filter(|_| is_open)
                && part.pop_if(|last| *last == b'\n').is_some()
            {
                part.pop_if(|last| *last == b'\r');
            }
            if text == close {
                return parts;
            }
            parts.push(Vec::new());
            is_open = true;
        } else if let Some(part) = parts.last_mut() {
            part.extend_from_slice(line);
        }
    }
    parts
}

proptest! {
    #[test]
    fn no_bytes_make_an_entity_panic_and_cutting_makes_no_difference(
        header in mimeish(), mail in mimeish(), size in 1_usize..9
    ) {
        for mail in [mail.clone(), [&b"Content-Type: multipart/mixed; boundary=b\r\n"[..], &header, b"\r\n\r\n--b\r\n", &mail].concat()] {
            let whole = answers(Source::from_bytes(&*mail), 3);
            prop_assert_eq!(answers(cut(&mail, size), 3), whole);
        }
    }

    #[test]
    fn random_bytes_do_not_panic(mail in vec(any::<u8>(), 0..300)) {
        answers(Source::from_bytes(mail), 3);
    }

    #[test]
    fn the_scanner_finds_what_the_obvious_way_finds(body in mimeish(), size in 1_usize..9) {
        // Every part gets an empty header, so that none is refused.
        let body = String::from_utf8(body).unwrap();
        let body = body.replace("--b\n", "--b\n\n").replace("--b\r\n", "--b\r\n\r\n");
        let mail = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{body}");
        let entity = Entity::read(cut(mail.as_bytes(), size), &Limits::default()).unwrap();
        let Ok(parts) = entity.parts(&Limits::default()) else {
            return Ok(());
        };
        let parts: Vec<_> = parts.iter().map(|part| bytes(part.source())).collect();
        prop_assert_eq!(parts, naive_parts(body.as_bytes(), "b"));
    }

    #[test]
    fn a_part_reads_the_same_from_its_bytes_alone(body in mimeish()) {
        let mail = [b"Content-Type: multipart/mixed; boundary=b\n\n", &*body].concat();
        let limits = Limits::default();
        if let Ok(parts) = Entity::read(Source::from_bytes(mail), &limits).unwrap().parts(&limits) {
            for part in parts {
                let again = Entity::read(part.source().clone(), &limits).unwrap();
                prop_assert_eq!(part.headers().raw(), again.headers().raw());
                prop_assert_eq!(bytes(&part.body()), bytes(&again.body()));
            }
        }
    }

    #[test]
    fn base64_that_is_written_reads_back(
        data in vec(any::<u8>(), 0..3000), size in 1_usize..200, is_pem in any::<bool>()
    ) {
        let length = if is_pem { LineLength::Pem } else { LineLength::Mime };
        let mut writer = Base64Writer::with_lines(
            b"Content-Transfer-Encoding: base64\r\n\r\n".to_vec(), length);
        for piece in data.chunks(size) {
            writer.write_all(piece).unwrap();
        }
        let mail = writer.finish().unwrap();
        let entity = Entity::read(cut(&mail, size), &Limits::default()).unwrap();
        prop_assert_eq!(bytes(&entity.decoded_body().unwrap()), data);
    }

    #[test]
    fn canonical_form_is_reached_once_and_however_it_is_cut(text in mimeish(), size in 1_usize..9) {
        let mut whole = CrlfWriter::new(Vec::new());
        whole.write_all(&text).unwrap();
        let whole = whole.finish().unwrap();
        let mut pieces = CrlfWriter::new(Vec::new());
        for piece in text.chunks(size) {
            pieces.write_all(piece).unwrap();
        }
        prop_assert_eq!(&pieces.finish().unwrap(), &whole);
        prop_assert_eq!(&bytes(&canonical(cut(&text, size))), &whole);
        prop_assert_eq!(&bytes(&canonical(Source::from_bytes(&*whole))), &whole);
        for (at, byte) in whole.iter().enumerate() {
            match byte {
                b'\r' => prop_assert_eq!(whole.get(at + 1), Some(&b'\n')),
                b'\n' => prop_assert_eq!(whole[at - 1], b'\r'),
                _ => {}
            }
        }
    }

    #[test]
    fn signed_content_that_is_written_reads_back(text in mimeish(), signature in vec(any::<u8>(), 0..200)) {
        let content = bytes(&canonical(Source::from_bytes(text)));
        let mut writer = MultipartSigned::begin(Vec::new(), "sha-256", "=_outer").unwrap();
        writer.content().write_all(&content).unwrap();
        let mail = writer.finish(&signature).unwrap();
        let entity = Entity::read(Source::from_bytes(mail), &Limits::default()).unwrap();
        match entity.protection().unwrap() {
            Protection::MultipartSigned { content: found, signature: read, .. } => {
                prop_assert_eq!(bytes(&found), content);
                prop_assert_eq!(bytes(&read), signature);
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn a_quoted_display_name_never_becomes_the_address(display in "[ -~]{0,40}") {
        let quoted = display.replace('\\', "\\\\").replace('"', "\\\"");
        let mail = format!("From: \"{quoted}\" <eve@b.example>\r\n\r\n");
        let entity = Entity::read(Source::from_bytes(mail.as_bytes()), &Limits::default()).unwrap();
        let from = entity.headers().addresses("from").unwrap();
        prop_assert_eq!(from.len(), 1);
        prop_assert_eq!(&from[0].address, "eve@b.example");
        prop_assert_eq!(from[0].display.clone().unwrap_or_default(), display);
    }
}
