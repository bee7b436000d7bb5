//! Compressed content: what comes out, and what never does.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is wrong about its own input must fail"
)]

use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
use smime_cms::{Compressed, Error, ID_DATA, Object, read, show};
use smime_crypto::{
    Oid,
    asn1::{Tag, Writer},
};
use smime_io::{Limits, Source};

const COMPRESSED_DATA: Oid = Oid::new("1.2.840.113549.1.9.16.1.9");
const ZLIB: Oid = Oid::new("1.2.840.113549.1.9.16.3.8");

/// Ten times `x`, by the zlib of Python 3.
const TEN: [u8; 11] = [
    0x78, 0xda, 0xab, 0xa8, 0x80, 0x01, 0x00, 0x19, 0xd2, 0x04, 0xb1,
];

/// A CompressedData around these octets.
fn object(algorithm: Oid, octets: &[u8]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(COMPRESSED_DATA);
            w.constructed(Tag::context_constructed(0), |w| {
                w.sequence(|w| {
                    w.small(0);
                    w.sequence(|w| w.oid(algorithm));
                    w.sequence(|w| {
                        w.oid(ID_DATA);
                        w.constructed(Tag::context_constructed(0), |w| w.octet_string(octets));
                    });
                });
            });
        });
    })
}

fn compressed(der: &[u8]) -> Result<Compressed, Error> {
    match read(Source::from_bytes(der), &Limits::default())? {
        Object::Compressed(compressed) => Ok(compressed),
        other => panic!("{other:?}"),
    }
}

fn expanded(octets: &[u8], limits: &Limits) -> Result<Vec<u8>, Error> {
    let source = compressed(&object(ZLIB, octets))?.expanded(limits)?;
    let first = source.read_to_vec("content", 1 << 26)?;
    assert_eq!(
        source.read_to_vec("content", 1 << 26)?,
        first,
        "each pass gives the same"
    );
    Ok(first)
}

fn is_malformed(result: Result<Vec<u8>, Error>) -> bool {
    matches!(result, Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::InvalidData)
}

#[test]
fn what_was_compressed_comes_out_as_it_was() {
    let limits = Limits::default();
    assert_eq!(expanded(&TEN, &limits).unwrap(), b"xxxxxxxxxx");
    let mut noise = 1_u32;
    let mut random = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noise.to_be_bytes()[0]
    };
    let noise: Vec<u8> = (0..300_000).map(|_| random()).collect();
    for content in [&b""[..], b"x", &noise, &b"Zeile\r\n".repeat(100_000)] {
        for level in [0, 1, 9] {
            let octets = compress_to_vec_zlib(content, level);
            assert_eq!(expanded(&octets, &limits).unwrap(), content);
        }
    }
    let shown = show(&Source::from_bytes(object(ZLIB, &TEN)), &limits).unwrap();
    assert_eq!(shown.object_type, COMPRESSED_DATA);
    assert_eq!(
        (shown.content_type, shown.content_length),
        (ID_DATA, Some(11))
    );
}

#[test]
fn what_is_no_whole_stream_is_malformed() {
    let limits = Limits::default();
    for length in 0..TEN.len() {
        assert!(is_malformed(expanded(&TEN[..length], &limits)), "{length}");
    }
    for at in 0..TEN.len() {
        for bit in 0..8 {
            let mut altered = TEN;
            altered[at] ^= 1 << bit;
            // The bits behind the last block of a stream say nothing.
            let result = expanded(&altered, &limits);
            let is_same = result.as_ref().is_ok_and(|it| it == b"xxxxxxxxxx");
            assert!(is_same || is_malformed(result), "{at} {bit}");
        }
    }
    let followed = [&TEN[..], b"x"].concat();
    let twice = [TEN, TEN].concat();
    let raw = compress_to_vec(b"xxxxxxxxxx", 9);
    for octets in [&followed[..], &twice, &raw, b"xxxxxxxxxx"] {
        assert!(is_malformed(expanded(octets, &limits)));
    }
    // One byte at the end of a large content is missed only by who does not read to the end.
    let mut large = compress_to_vec_zlib(&b"Zeile\r\n".repeat(100_000), 9);
    *large.last_mut().unwrap() ^= 1;
    assert!(is_malformed(expanded(&large, &limits)));
}

#[test]
fn content_that_expands_beyond_measure_is_too_large() {
    let bomb = compress_to_vec_zlib(&vec![0; 16 << 20], 9);
    assert!(bomb.len() < 20_000);
    let limits = Limits::default();
    assert!(matches!(expanded(&bomb, &limits), Err(Error::TooLarge(_))));
    let small = compress_to_vec_zlib(&vec![0; 1 << 20], 9);
    assert_eq!(expanded(&small, &limits).unwrap().len(), 1 << 20);
    let tight = Limits {
        message: (1 << 20) - 1,
        ..limits
    };
    assert!(matches!(expanded(&small, &tight), Err(Error::TooLarge(_))));
}

#[test]
fn no_more_than_half_a_gibibyte_comes_out_whatever_the_length() {
    const MEBIBYTE: usize = 1 << 20;
    // What hardly shrinks, and zeros: of an honest length for what comes out.
    let mut noise = 1u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noise.to_be_bytes()[0]
    })
    .take(8192)
    .collect();
    let mut content = vec![0; 513 * MEBIBYTE];
    for part in content.chunks_mut(MEBIBYTE) {
        part[..noise.len()].copy_from_slice(&noise);
    }
    let limits = Limits {
        message: u64::MAX,
        ..Limits::default()
    };
    let long = compress_to_vec_zlib(&content, 1);
    assert!(long.len() * 256 > content.len(), "{}", long.len());
    drop(content);
    assert!(matches!(expanded(&long, &limits), Err(Error::TooLarge(_))));
}

#[test]
fn other_structures_and_algorithms_are_refused() {
    let other = Oid::new("1.2.840.113549.1.9.16.3.9");
    let unknown = compressed(&object(other, &TEN));
    assert!(matches!(unknown, Err(Error::UnknownAlgorithm(oid)) if oid == other));
    let der = object(ZLIB, &TEN);
    for length in 0..der.len() {
        assert!(compressed(&der[..length]).is_err(), "{length}");
    }
}
