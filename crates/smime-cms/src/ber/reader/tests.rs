use proptest::prelude::*;

use super::*;
use crate::content::content;
use smime_io::Source;

fn limits() -> Limits {
    Limits {
        structure: 1000,
        depth: 4,
        ..Limits::default()
    }
}

fn reader(bytes: &[u8]) -> BerReader<'_> {
    BerReader::new(Box::new(bytes), &limits())
}

fn element(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    reader(bytes).element("x")
}

/// Reads a string of tag 0x04 by both passes: the one that finds it and the one that decodes it.
fn string(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let octets = reader(bytes).string(Tag::OCTET_STRING, "x")?;
    let view = content(&Source::from_bytes(bytes), octets, limits().depth);
    let decoded = view.read_to_vec("test", 1 << 20)?;
    assert_eq!(u64::try_from(decoded.len()).unwrap(), octets.length);
    Ok(decoded)
}

fn malformed<T: std::fmt::Debug>(result: Result<T, Error>) -> u64 {
    match result {
        Err(Error::Malformed { offset, .. }) => offset,
        other => panic!("{other:?}"),
    }
}

fn too_large<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    match result {
        Err(Error::TooLarge(error)) => error.what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn der_comes_out_as_it_went_in() {
    for der in [
        &[0x05, 0][..],
        &[0x30, 0],
        &[0x30, 5, 0x04, 3, 1, 2, 3],
        &[0xa0, 4, 0x31, 2, 0x05, 0],
        &[0x80, 2, 0, 0],
    ] {
        let mut reader = reader(der);
        assert_eq!(reader.element("x").unwrap(), der);
        assert!(reader.is_der());
    }
    let long = [&[0x04, 0x81, 0x80][..], &[7; 128]].concat();
    assert_eq!(element(&long).unwrap(), long);
}

#[test]
fn ber_becomes_der() {
    for (ber, der) in [
        (&[0x30, 0x80, 0, 0][..], &[0x30, 0][..]),
        (&[0x30, 0x81, 2, 0x05, 0], &[0x30, 2, 0x05, 0]),
        (&[0x30, 0x84, 0, 0, 0, 2, 0x05, 0], &[0x30, 2, 0x05, 0]),
        (
            &[0x30, 0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x05, 0],
            &[0x30, 2, 0x05, 0],
        ),
        (
            &[0x30, 0x80, 0x31, 0x80, 0x05, 0, 0, 0, 0, 0],
            &[0x30, 4, 0x31, 2, 0x05, 0],
        ),
        (
            &[0x30, 6, 0x31, 0x80, 0x05, 0, 0, 0],
            &[0x30, 4, 0x31, 2, 0x05, 0],
        ),
        (
            &[0x24, 0x80, 0x04, 1, 1, 0x04, 2, 2, 3, 0, 0],
            &[0x04, 3, 1, 2, 3],
        ),
        (&[0x24, 7, 0x24, 2, 0x04, 0, 0x04, 1, 9], &[0x04, 1, 9]),
        (&[0x24, 0], &[0x04, 0]),
        (&[0xa0, 0x80, 0x04, 1, 1, 0, 0], &[0xa0, 3, 0x04, 1, 1]),
    ] {
        let mut reader = reader(ber);
        assert_eq!(reader.element("x").unwrap(), der, "{ber:x?}");
        assert!(!reader.is_der(), "{ber:x?}");
    }
}

#[test]
fn what_is_no_ber_is_refused_where_it_stands() {
    for (bytes, offset) in [
        (&[][..], 0),
        (&[0x30], 1),
        (&[0x30, 1], 2),
        (&[0x30, 2, 0x05], 3),
        (&[0x04, 2, 1], 3),
        (&[0x04, 0x82, 1], 3),
        // Primitive and indefinite; the reserved length; a length over 64 bits.
        (&[0x04, 0x80, 0, 0], 0),
        (&[0x30, 0xff, 0, 0], 0),
        (&[0x04, 0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0], 0),
        (
            &[0x04, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            0,
        ),
        // Tag numbers above 30, and the tag that ends contents.
        (&[0x1f, 0x81, 1, 0], 0),
        (&[0x00, 0], 0),
        (&[0x20, 0], 0),
        (&[0x30, 2, 0, 0], 2),
        // Ends that are missing, halved, or not empty.
        (&[0x30, 0x80], 2),
        (&[0x30, 0x80, 0], 3),
        (&[0x30, 0x80, 0, 1], 2),
        (&[0x30, 0x80, 0x05, 0], 4),
        // Children that reach over the end of their parent.
        (&[0x30, 2, 0x04, 1, 9], 2),
        (&[0x30, 1, 0x05, 0], 2),
        (&[0x30, 3, 0x30, 0x80, 0, 0], 4),
        (&[0x30, 4, 0x30, 0x80, 0x04, 1, 0, 0, 0], 4),
        // Strings made of something else.
        (&[0x24, 2, 0x05, 0], 2),
        (&[0x24, 2, 0x0c, 0], 2),
        (&[0x24, 4, 0x24, 2, 0x30, 0], 4),
    ] {
        assert_eq!(malformed(element(bytes)), offset, "{bytes:x?}");
    }
}

#[test]
fn a_string_is_found_and_decoded_alike_however_it_is_cut() {
    for bytes in [
        &[0x04, 3, 1, 2, 3][..],
        &[0x04, 0x83, 0, 0, 3, 1, 2, 3],
        &[0x24, 0x80, 0x04, 3, 1, 2, 3, 0, 0],
        &[0x24, 9, 0x04, 1, 1, 0x04, 1, 2, 0x04, 1, 3],
        &[
            0x24, 0x80, 0x04, 0, 0x04, 1, 1, 0x04, 0, 0x04, 2, 2, 3, 0x04, 0, 0, 0,
        ],
        &[
            0x24, 0x80, 0x24, 0x80, 0x04, 1, 1, 0, 0, 0x24, 4, 0x04, 2, 2, 3, 0, 0,
        ],
        &[
            0x24, 13, 0x24, 0x80, 0x04, 1, 1, 0, 0, 0x24, 4, 0x04, 2, 2, 3,
        ],
    ] {
        assert_eq!(string(bytes).unwrap(), [1, 2, 3], "{bytes:x?}");
        // What follows is no part of it.
        assert_eq!(
            string(&[bytes, &[0x04, 1, 4, 0, 0]].concat()).unwrap(),
            [1, 2, 3]
        );
        for end in 0..bytes.len() {
            malformed(string(&bytes[..end]));
        }
    }
    assert_eq!(string(&[0x24, 0x80, 0, 0]).unwrap(), []);
}

#[test]
fn a_string_of_anything_but_strings_is_refused() {
    for bytes in [
        &[0x05, 0][..],
        &[0x04, 0x80, 0, 0],
        &[0x24, 0x80, 0x05, 0, 0, 0],
        &[0x24, 0x80, 0x04, 0x80, 0, 0, 0, 0],
        &[0x24, 0x80, 0x80, 1, 9, 0, 0],
        &[0x24, 0x80, 0, 1],
        &[0x24, 2, 0, 0],
        &[0x24, 3, 0x04, 2, 9, 9],
        &[0x24, 6, 0x24, 2, 0x04, 2, 9, 9],
        &[0x24, 3, 0x24, 0x80, 0, 0],
        &[0x24, 0x80, 0x24, 0x80, 0, 0],
    ] {
        malformed(string(bytes));
    }
}

#[test]
fn nothing_is_taken_for_a_length_alone() {
    // 4 GiB and 2^63 bytes declared, ten there.
    for declared in [
        &[0x04, 0x84, 0xff, 0xff, 0xff, 0xff][..],
        &[0x04, 0x88, 0x7f, 0, 0, 0, 0, 0, 0, 0],
    ] {
        let bytes = [declared, &[0; 10]].concat();
        assert_eq!(too_large(element(&bytes)), "structure");
        let generous = Limits {
            structure: usize::MAX,
            ..limits()
        };
        malformed(BerReader::new(Box::new(&*bytes), &generous).element("x"));
        malformed(string(&bytes));
    }
}

#[test]
fn structures_are_bounded_all_together() {
    let bytes = [&[0x04, 0x82, 1, 0x2c][..], &[0; 300]].concat().repeat(4);
    let mut reader = reader(&bytes);
    for _ in 0..3 {
        reader.element("x").unwrap();
    }
    assert_eq!(too_large(reader.element("x")), "structure");
    assert_eq!(too_large(element(&[0x30, 0x80].repeat(100_000))), "depth");
    assert_eq!(too_large(element(&[0x24, 0x80].repeat(100_000))), "depth");
    assert_eq!(too_large(string(&[0x24, 0x80].repeat(100_000))), "depth");
}

#[test]
fn containers_close_where_they_end_and_nowhere_else() {
    for (bytes, closes) in [
        (&[0x30, 2, 0x05, 0][..], true),
        (&[0x30, 0x80, 0x05, 0, 0, 0], true),
        (&[0x30, 4, 0x05, 0, 0x05, 0], false),
        (&[0x30, 0x80, 0x05, 0, 0x05, 0, 0, 0], false),
        (&[0x30, 0x80, 0x05, 0, 0], false),
    ] {
        let mut reader = reader(bytes);
        reader.enter(Tag::SEQUENCE, "x").unwrap();
        assert_eq!(reader.element("x").unwrap(), [5, 0]);
        assert_eq!(
            reader.peek("x").ok() == Some(None),
            closes || bytes.len() == 5
        );
        assert_eq!(reader.leave("x").is_ok(), closes, "{bytes:x?}");
    }
    assert_eq!(malformed(reader(&[0x31, 0]).enter(Tag::SEQUENCE, "x")), 0);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = element(&bytes);
        let _ = string(&bytes);
    }

    #[test]
    fn what_was_normalised_is_normal(bytes in ber(3)) {
        let der = element(&bytes).unwrap();
        let mut again = reader(&der);
        prop_assert_eq!(&again.element("x").unwrap(), &der);
        prop_assert!(again.is_der());
    }
}

/// Makes trees in a mixture of encodings.
fn ber(depth: u32) -> impl Strategy<Value = Vec<u8>> {
    let leaf = proptest::collection::vec(any::<u8>(), 0..5)
        .prop_map(|octets| [&[0x04, u8::try_from(octets.len()).unwrap()][..], &octets].concat());
    leaf.prop_recursive(depth, 16, 3, |inner| {
        (proptest::collection::vec(inner, 0..3), 0..3_u8).prop_map(|(children, form)| {
            let content = children.concat();
            let length = u8::try_from(content.len()).unwrap();
            match form {
                0 => [&[0x30, 0x81, length][..], &content].concat(),
                1 => [&[0x31, 0x80][..], &content, &[0, 0]].concat(),
                _ => [&[0xa1, 0x82, 0, length][..], &content].concat(),
            }
        })
    })
}
