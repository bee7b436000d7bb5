//! What happens to a signed mail that was cut, changed, or is far larger than memory should be.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // A panic is how a test fails.

use std::io::{self, Read, Write};

use smime_io::{Limits, Replay, Source};
use smime_mime::{Entity, Error, MultipartSigned, Protection, canonical};

fn sealed() -> Vec<u8> {
    let mut writer = MultipartSigned::begin(Vec::new(), "sha-256", "=_b").unwrap();
    writer
        .content()
        .write_all(b"Content-Type: text/plain\r\n\r\nPay 100 EUR.\r\n")
        .unwrap();
    writer.finish(&[0x30, 0x80, 0, 0]).unwrap()
}

fn protection(bytes: &[u8]) -> Result<Protection, Error> {
    Entity::read(Source::from_bytes(bytes), &Limits::default())?.protection()
}

#[test]
fn a_signed_mail_cut_anywhere_is_never_taken_as_signed() {
    let sealed = sealed();
    assert!(matches!(
        protection(&sealed).unwrap(),
        Protection::MultipartSigned { .. }
    ));
    // The line end after the closing boundary may be missing.
    for cut in 0..sealed.len() - 2 {
        let found = protection(&sealed[..cut]);
        assert!(
            !matches!(found, Ok(Protection::MultipartSigned { .. })),
            "cut at {cut}"
        );
    }
}

#[test]
fn a_flip_of_any_bit_gives_a_value_or_an_error() {
    let sealed = sealed();
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1 << bit;
            let Ok(Protection::MultipartSigned {
                content, signature, ..
            }) = protection(&damaged)
            else {
                continue;
            };
            content.read_to_vec("test", 1000).unwrap();
            if let Err(error) = signature.read_to_vec("test", 1000) {
                assert_eq!(
                    error.kind(),
                    io::ErrorKind::InvalidData,
                    "byte {at}, bit {bit}"
                );
            }
        }
    }
}

#[test]
fn an_input_that_fails_is_an_error_and_never_an_end() {
    struct Failing(Vec<u8>);
    impl Replay for Failing {
        fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
            Ok(Box::new((&*self.0).chain(Broken)))
        }
    }
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("disk on fire"))
        }
    }
    let limits = Limits::default();
    let sealed = sealed();
    let header = sealed
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap()
        + 4;
    for cut in 0..sealed.len() {
        let source = Source::new(Failing(sealed[..cut].to_vec()));
        match Entity::read(source.clone(), &limits) {
            Err(error) => assert_eq!(error.code(), "mime.io", "cut at {cut}"),
            Ok(entity) => {
                assert!(cut >= header, "cut at {cut}");
                for result in [
                    entity.protection().map(drop),
                    entity.parts(&limits).map(drop),
                    entity.check_complete(&limits),
                    entity.outgoing().and_then(|outgoing| {
                        Ok(outgoing.entity.read_to_vec("test", 1 << 20).map(drop)?)
                    }),
                ] {
                    // What stands after the closing boundary is not read.
                    if cut < sealed.len() - 2 {
                        assert_eq!(result.unwrap_err().code(), "mime.io", "cut at {cut}");
                    }
                }
            }
        }
    }
}

/// A mail that is made while it is read: head, a filling repeated, tail.
struct Large {
    head: Vec<u8>,
    filling: &'static [u8],
    times: u64,
    tail: Vec<u8>,
}

impl Replay for Large {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let filling = Repeat {
            bytes: self.filling.repeat(1000),
            at: 0,
        };
        let length = self.times * u64::try_from(self.filling.len()).unwrap();
        Ok(Box::new(
            (&*self.head).chain(filling.take(length)).chain(&*self.tail),
        ))
    }
}

struct Repeat {
    bytes: Vec<u8>,
    at: usize,
}

impl Read for Repeat {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = (&self.bytes[self.at..]).read(out)?;
        self.at = (self.at + count) % self.bytes.len();
        Ok(count)
    }
}

#[test]
fn parts_larger_than_any_buffer_keep_their_ends() {
    let sealed = sealed();
    let at = sealed
        .windows(7)
        .position(|window| window == b"Pay 100")
        .unwrap();
    for filling in [
        &b"x"[..],
        b"\r\n",
        b"\n--\n",
        b"--=_b",
        b"\r\n--=_b-",
        b"line of text\r\n",
        b"\r\n ",
    ] {
        let times = 8_000_000 / u64::try_from(filling.len()).unwrap();
        let large = Large {
            head: sealed[..at].to_vec(),
            filling,
            times,
            tail: sealed[at..].to_vec(),
        };
        let entity = Entity::read(Source::new(large), &Limits::default()).unwrap();
        let Protection::MultipartSigned {
            content, signature, ..
        } = entity.protection().unwrap()
        else {
            panic!("{filling:?}")
        };
        assert_eq!(
            signature.read_to_vec("test", 4).unwrap(),
            [0x30, 0x80, 0, 0],
            "{filling:?}"
        );
        let mut pass = content.open().unwrap();
        let mut end = Vec::new();
        let mut piece = vec![0; 1 << 16];
        loop {
            let count = pass.read(&mut piece).unwrap();
            if count == 0 {
                break;
            }
            end.extend_from_slice(&piece[..count]);
            end.drain(..end.len().saturating_sub(100));
        }
        assert!(end.ends_with(b"Pay 100 EUR.\r\n"), "{filling:?}");
        entity.check_complete(&Limits::default()).unwrap();
    }
}

#[test]
fn a_view_of_a_long_line_ends_where_the_line_ends() {
    let large = Large {
        head: Vec::new(),
        filling: b"x",
        times: 5_000_000,
        tail: b"\n".to_vec(),
    };
    let copied = io::copy(
        &mut canonical(Source::new(large)).open().unwrap(),
        &mut io::sink(),
    );
    assert_eq!(copied.unwrap(), 5_000_002);
}
