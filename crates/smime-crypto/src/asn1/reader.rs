use crate::{Error, Oid, UnixTime, asn1::Tag};

/// Walks the elements of a DER value from left to right.
///
/// Offsets in errors count from the start of the bytes given to [`Reader::new`], also in the
/// readers of inner elements.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    left: &'a [u8],
    offset: usize,
}

/// One element: its tag, its content, and both with the length between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// The identifier octet.
    pub tag: Tag,
    /// Identifier, length and content, byte for byte.
    pub raw: &'a [u8],
    /// The content octets.
    pub content: &'a [u8],
    /// Where the identifier octet stands.
    pub offset: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `der`.
    pub fn new(der: &'a [u8]) -> Self {
        Self {
            left: der,
            offset: 0,
        }
    }

    /// Returns the position of the next element.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Says whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Returns the bytes not read yet, without moving.
    pub fn rest(&self) -> &'a [u8] {
        self.left
    }

    /// Returns the next tag, without moving.
    pub fn peek(&self) -> Option<Tag> {
        self.left.first().map(|byte| Tag(*byte))
    }

    /// Reads the next element, whatever it is.
    ///
    /// # Errors
    /// [`Error::Malformed`], as for every method of this type.
    #[inline]
    pub fn any(&mut self, what: &'static str) -> Result<Element<'a>, Error> {
        let offset = self.offset;
        self.next().ok_or(Error::Malformed { what, offset })
    }

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        let tag = self.peek()?;
        let (header, length) = header(self.left)?;
        let (raw, left) = self.left.split_at_checked(header.checked_add(length)?)?;
        let element = Element {
            tag,
            raw,
            content: raw.get(header..)?,
            offset: self.offset,
        };
        self.left = left;
        self.offset += raw.len();
        Some(element)
    }

    /// Reads the next element, which must have `tag`.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    #[inline]
    pub fn read(&mut self, tag: Tag, what: &'static str) -> Result<Element<'a>, Error> {
        if self.peek() != Some(tag) {
            return Err(Error::Malformed {
                what,
                offset: self.offset,
            });
        }
        self.any(what)
    }

    /// Reads the next element if it has `tag`.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    #[inline]
    pub fn optional(&mut self, tag: Tag, what: &'static str) -> Result<Option<Element<'a>>, Error> {
        if self.peek() == Some(tag) {
            self.any(what).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Reads a SEQUENCE and returns a reader of its elements.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    #[inline]
    pub fn sequence(&mut self, what: &'static str) -> Result<Self, Error> {
        Ok(self.read(Tag::SEQUENCE, what)?.reader())
    }

    /// Reads a SET and returns a reader of its elements.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    #[inline]
    pub fn set(&mut self, what: &'static str) -> Result<Self, Error> {
        Ok(self.read(Tag::SET, what)?.reader())
    }

    /// Reads an OBJECT IDENTIFIER.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn oid(&mut self) -> Result<Oid, Error> {
        Ok(Oid::of_valid(self.oid_octets()?))
    }

    /// Reads an OBJECT IDENTIFIER and returns its content octets, which [`Oid`] takes.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    #[inline]
    pub fn oid_octets(&mut self) -> Result<&'a [u8], Error> {
        let element = self.read(Tag::OID, OBJECT_IDENTIFIER)?;
        if Oid::is_valid(element.content) {
            Ok(element.content)
        } else {
            Err(Error::Malformed {
                what: OBJECT_IDENTIFIER,
                offset: element.offset,
            })
        }
    }

    /// Reads an OCTET STRING.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    #[inline]
    pub fn octet_string(&mut self, what: &'static str) -> Result<&'a [u8], Error> {
        Ok(self.read(Tag::OCTET_STRING, what)?.content)
    }

    /// Reads a BIT STRING of whole octets.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn bit_string_octets(&mut self, what: &'static str) -> Result<&'a [u8], Error> {
        self.read(Tag::BIT_STRING, what)?.bit_string_octets()
    }

    /// Reads an INTEGER of any size and returns its content octets.
    ///
    /// # Errors
    /// [`Error::Malformed`], also for octets more than the number needs (X.690 §8.3.2).
    pub fn integer(&mut self, what: &'static str) -> Result<&'a [u8], Error> {
        self.read(Tag::INTEGER, what)?.integer()
    }

    /// Reads an INTEGER that is not negative and returns its magnitude without leading zeros.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn unsigned(&mut self, what: &'static str) -> Result<&'a [u8], Error> {
        let offset = self.offset;
        match self.integer(what)? {
            [0, magnitude @ ..] => Ok(magnitude),
            content @ [first, ..] if first & 0x80 == 0 => Ok(content),
            _ => Err(Error::Malformed { what, offset }),
        }
    }

    /// Reads an INTEGER from 0 to 2³²-1.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn small(&mut self, what: &'static str) -> Result<u32, Error> {
        let offset = self.offset;
        let magnitude = self.unsigned(what)?;
        if magnitude.len() > 4 {
            return Err(Error::Malformed { what, offset });
        }
        Ok(magnitude
            .iter()
            .fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    /// Reads a BOOLEAN.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn boolean(&mut self, what: &'static str) -> Result<bool, Error> {
        let element = self.read(Tag::BOOLEAN, what)?;
        match element.content {
            [0] => Ok(false),
            [0xff] => Ok(true),
            _ => Err(Error::Malformed {
                what,
                offset: element.offset,
            }),
        }
    }

    /// Reads a UTCTime or GeneralizedTime in the one form RFC 5280 §4.1.2.5 allows of each.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    #[inline]
    pub fn time(&mut self, what: &'static str) -> Result<UnixTime, Error> {
        let element = self.any(what)?;
        time(&element).ok_or(Error::Malformed {
            what,
            offset: element.offset,
        })
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    #[inline]
    pub fn finish(&self, what: &'static str) -> Result<(), Error> {
        if self.left.is_empty() {
            Ok(())
        } else {
            Err(Error::Malformed {
                what,
                offset: self.offset,
            })
        }
    }
}

impl<'a> Element<'a> {
    /// Returns a reader of the content.
    #[inline]
    pub fn reader(&self) -> Reader<'a> {
        let header = self.raw.len() - self.content.len();
        Reader {
            left: self.content,
            offset: self.offset + header,
        }
    }

    /// Returns the octets of a BIT STRING that has no unused bits.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    #[inline]
    pub fn bit_string_octets(&self) -> Result<&'a [u8], Error> {
        match self.content {
            [0, octets @ ..] => Ok(octets),
            _ => Err(Error::Malformed {
                what: "BIT STRING",
                offset: self.offset,
            }),
        }
    }

    /// Returns the octets of a BIT STRING of named bits; the unused ones must be zero
    /// (X.690 §11.2.1).
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn named_bits(&self) -> Result<&'a [u8], Error> {
        let malformed = Error::Malformed {
            what: "BIT STRING",
            offset: self.offset,
        };
        let (unused, octets) = self.content.split_first().ok_or(malformed)?;
        let last = octets.last().copied().unwrap_or_default();
        let fits = *unused < 8 && (*unused == 0 || !octets.is_empty());
        if fits && u32::from(*unused) <= last.trailing_zeros() {
            Ok(octets)
        } else {
            Err(malformed)
        }
    }

    /// Returns the content octets of an INTEGER.
    ///
    /// # Errors
    /// [`Error::Malformed`], also for octets more than the number needs (X.690 §8.3.2).
    #[inline]
    pub fn integer(&self) -> Result<&'a [u8], Error> {
        match self.content {
            [] | [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => Err(Error::Malformed {
                what: "INTEGER",
                offset: self.offset,
            }),
            content => Ok(content),
        }
    }
}

const OBJECT_IDENTIFIER: &str = "OBJECT IDENTIFIER";

/// Returns the length of the header and of the content that it announces.
///
/// Nearly every length has the first three forms, which is what makes reading fast.
#[inline]
fn header(input: &[u8]) -> Option<(usize, usize)> {
    match *input {
        [tag, ..] if tag & 0x1f == 0x1f => None,
        [_, length @ 0..=0x7f, ..] => Some((2, usize::from(length))),
        [_, 0x81, length @ 0x80..=0xff, ..] => Some((3, usize::from(length))),
        [_, 0x82, high @ 1..=0xff, low, ..] => {
            Some((4, usize::from(u16::from_be_bytes([high, low]))))
        }
        [_, first @ 0x83..=0x84, first_octet @ 1..=0xff, ..] => {
            let header = 2 + usize::from(first & 0x7f);
            let octets = input.get(3..header)?;
            let length = octets
                .iter()
                .try_fold(usize::from(first_octet), |length, octet| {
                    length.checked_mul(256)?.checked_add(usize::from(*octet))
                });
            Some((header, length?))
        }
        _ => None,
    }
}

fn time(element: &Element<'_>) -> Option<UnixTime> {
    let digits = element.content.strip_suffix(b"Z")?;
    let mut pairs = digits.chunks(2).map(|pair| match pair {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + (ones - b'0')),
        _ => None,
    });
    let mut pair = || pairs.next().flatten();
    let year = match (element.tag, digits.len()) {
        (Tag::UTC_TIME, 12) => {
            let year = u16::from(pair()?);
            if year < 50 { 2000 + year } else { 1900 + year }
        }
        (Tag::GENERALIZED_TIME, 14) => u16::from(pair()?) * 100 + u16::from(pair()?),
        _ => return None,
    };
    UnixTime::from_civil(year, pair()?, pair()?, [pair()?, pair()?, pair()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn malformed<T: std::fmt::Debug>(result: Result<T, Error>) -> usize {
        match result {
            Err(Error::Malformed { offset, .. }) => offset,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lengths_that_are_not_minimal_definite_and_present_are_refused() {
        for input in [
            &[][..],
            &[4],
            &[4, 1],
            &[4, 0x80, 0, 0],
            &[4, 0x81, 1, 0],
            &[4, 0x82, 0, 0x80],
            &[4, 0x85, 1, 0, 0, 0, 0],
            &[4, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x1f, 0x81, 1, 0],
        ] {
            assert_eq!(malformed(Reader::new(input).any("x")), 0, "{input:x?}");
        }
    }

    #[test]
    fn offsets_count_from_the_outermost_byte() {
        let mut outer = Reader::new(&[0x30, 5, 2, 1, 7, 4, 9]);
        let mut inner = outer.sequence("x").unwrap();
        assert_eq!(inner.small("x"), Ok(7));
        assert_eq!(malformed(inner.octet_string("x")), 5);
    }

    #[test]
    fn integers_are_minimal() {
        for (input, expected) in [
            (&[2, 1, 0][..], Some(&[0][..])),
            (&[2, 2, 0, 0x80], Some(&[0, 0x80])),
            (&[2, 1, 0x80], Some(&[0x80])),
            (&[2, 0], None),
            (&[2, 2, 0, 0x7f], None),
            (&[2, 2, 0xff, 0x80], None),
        ] {
            assert_eq!(Reader::new(input).integer("x").ok(), expected);
        }
        assert!(Reader::new(&[2, 1, 0xff]).unsigned("x").is_err());
        assert!(Reader::new(&[2, 5, 1, 0, 0, 0, 0]).small("x").is_err());
    }

    #[test]
    fn unused_bits_must_be_zero_and_at_most_seven() {
        for (input, valid) in [
            (&[3, 2, 5, 0xa0][..], true),
            (&[3, 2, 5, 0xa8], false),
            (&[3, 2, 8, 0], false),
            (&[3, 1, 1], false),
            (&[3, 1, 0], true),
            (&[3, 0], false),
        ] {
            let element = Reader::new(input).any("x").unwrap();
            assert_eq!(element.named_bits().is_ok(), valid, "{input:x?}");
        }
    }

    #[test]
    fn times_have_one_form() {
        let read = |tag: u8, text: &[u8]| {
            let length = u8::try_from(text.len()).unwrap();
            Reader::new(&[&[tag, length], text].concat()).time("x")
        };
        assert_eq!(read(0x17, b"700101000000Z"), Ok(UnixTime(0)));
        assert_eq!(read(0x18, b"19700101000001Z"), Ok(UnixTime(1)));
        for (tag, text) in [
            (0x17, &b"7001010000Z"[..]),
            (0x17, b"700101000000"),
            (0x17, b"700101000000+0000"),
            (0x17, b"700132000000Z"),
            (0x17, b"7001010000 0Z"),
            (0x18, b"700101000000Z"),
            (0x18, b"19700101000000.5Z"),
            (0x04, b"700101000000Z"),
        ] {
            assert!(
                read(tag, text).is_err(),
                "{}",
                String::from_utf8_lossy(text)
            );
        }
    }
}
