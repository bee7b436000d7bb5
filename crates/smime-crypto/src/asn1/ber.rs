use zeroize::Zeroizing;

use crate::{
    Error, Secret,
    asn1::{Tag, Writer},
};

/// Turns one BER value (X.690 §8) into the form that [`Reader`](crate::asn1::Reader) takes:
/// lengths become definite and minimal, constructed strings of universal tags become primitive.
///
/// Meant for the shells of PKCS#7 and PKCS#12 files of old tools. Nothing inside a primitive
/// element is touched, so what rests in an OCTET STRING stays byte for byte, and a value that is
/// DER already comes back as it was. A certificate that stands in the shell itself is rewritten
/// like everything else; in the DER that its signature covers there is nothing to rewrite. A
/// string under an implicit tag does not show that it is one, and stays constructed. The order
/// of a SET and the content of numbers and booleans are not looked at.
///
/// The result is wiped when dropped, for files of keys are among these; it is at most 1/512 longer
/// than the input, and the work grows with the input alone.
///
/// # Errors
/// [`Error::Unsupported`] for an input over `limit` bytes; [`Error::Malformed`] for anything but
/// one complete value, for tag numbers over 30, and for elements more than 64 deep.
pub fn der_from_ber(input: &[u8], limit: usize) -> Result<Secret, Error> {
    if input.len() > limit {
        return Err(Error::Unsupported("BER value of this size"));
    }
    // An indefinite form takes 4 bytes, and so does the definite one up to 64 KiB; of larger
    // elements at most MAX_DEPTH lie around each byte, and each gains one or two. The buffer must
    // not grow, for the old one would not be wiped.
    let capacity = input.len() + input.len() / 512 + 16;
    let mut out = Zeroizing::new(Vec::with_capacity(capacity));
    let mut converter = Converter { input, at: 0 };
    converter.element(&mut out, MAX_DEPTH)?;
    if converter.at != input.len() {
        return Err(converter.malformed());
    }
    Ok(Secret::new(std::mem::take(&mut *out)))
}

struct Converter<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Converter<'a> {
    /// Converts the next element, whose children may be `depth` deep.
    fn element(&mut self, out: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
        let (tag, length) = self.header()?;
        let start = out.len();
        if !tag.is_constructed() {
            let content = self.take(length.ok_or(self.malformed())?)?;
            out.extend_from_slice(content);
        } else if is_string(tag.primitive()) {
            self.string(tag, length, out, depth)?;
        } else {
            self.children(length, depth, |converter, depth| {
                converter.element(out, depth)
            })?;
        }
        let tag = if is_string(tag.primitive()) {
            tag.primitive()
        } else {
            tag
        };
        insert_header(out, start, tag);
        Ok(())
    }

    /// Joins the segments of a constructed string (X.690 §8.6.4, §8.7.3).
    fn string(
        &mut self,
        tag: Tag,
        length: Option<usize>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        if tag.primitive() != Tag::BIT_STRING {
            return self.segments(tag, length, depth, &mut |segment| {
                out.extend_from_slice(segment);
                true
            });
        }
        // Only the last segment may have unused bits, and their number comes first.
        let start = out.len();
        out.push(0);
        let mut unused = 0;
        self.segments(tag, length, depth, &mut |segment| {
            let Some((bits, octets)) = segment.split_first() else {
                return false;
            };
            let whole_so_far = unused == 0;
            unused = *bits;
            out.extend_from_slice(octets);
            whole_so_far
        })?;
        if let Some(first) = out.get_mut(start) {
            *first = unused;
        }
        Ok(())
    }

    fn segments(
        &mut self,
        tag: Tag,
        length: Option<usize>,
        depth: usize,
        join: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), Error> {
        self.children(length, depth, |converter, depth| {
            let malformed = converter.malformed();
            let (inner, length) = converter.header()?;
            if inner == tag {
                return converter.segments(tag, length, depth, join);
            }
            if inner != tag.primitive() && inner != Tag::OCTET_STRING {
                return Err(malformed);
            }
            let segment = converter.take(length.ok_or(malformed)?)?;
            if join(segment) {
                Ok(())
            } else {
                Err(malformed)
            }
        })
    }

    /// Walks the elements of a constructed one up to its end, of either form.
    fn children(
        &mut self,
        length: Option<usize>,
        depth: usize,
        mut each: impl FnMut(&mut Self, usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let depth = depth.checked_sub(1).ok_or(self.malformed())?;
        let Some(length) = length else {
            while !self.rest().starts_with(END_OF_CONTENTS) {
                each(self, depth)?;
            }
            self.at += END_OF_CONTENTS.len();
            return Ok(());
        };
        let content_start = self.at;
        let content = self.take(length)?;
        let end = self.at;
        // Inside of a definite length nothing beyond it is seen.
        let mut inner = Self {
            input: self.input.get(..end).unwrap_or(content),
            at: content_start,
        };
        while inner.at < end {
            each(&mut inner, depth)?;
        }
        Ok(())
    }

    /// Reads identifier and length; an indefinite length is `None`.
    fn header(&mut self) -> Result<(Tag, Option<usize>), Error> {
        let malformed = self.malformed();
        let [tag, first, ..] = *self.rest() else {
            return Err(malformed);
        };
        if tag == 0 || tag & 0x1f == 0x1f {
            return Err(malformed);
        }
        let tag = Tag(tag);
        let (octets, length) = match first {
            0..=0x7f => (0, Some(usize::from(first))),
            0x80 if tag.is_constructed() => (0, None),
            0x80 | 0xff => return Err(malformed),
            _ => {
                let count = usize::from(first & 0x7f);
                let octets = self.rest().get(2..2 + count).ok_or(malformed)?;
                let length = octets.iter().try_fold(0_usize, |length, octet| {
                    length.checked_mul(256)?.checked_add(usize::from(*octet))
                });
                (count, Some(length.ok_or(malformed)?))
            }
        };
        self.at += 2 + octets;
        Ok((tag, length))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let taken = self.rest().get(..length).ok_or(self.malformed())?;
        self.at += length;
        Ok(taken)
    }

    fn rest(&self) -> &'a [u8] {
        self.input.get(self.at..).unwrap_or_default()
    }

    fn malformed(&self) -> Error {
        Error::Malformed {
            what: "BER value",
            offset: self.at,
        }
    }
}

/// Puts the header of an element before its content, which begins at `start`.
fn insert_header(out: &mut Vec<u8>, start: usize, tag: Tag) {
    let mut header = Writer::new();
    header.header(tag, out.len() - start);
    let header = header.finish();
    let content_end = out.len();
    out.extend_from_slice(&header);
    if let Some(element) = out.get_mut(start..) {
        element.copy_within(..content_end - start, header.len());
        element
            .iter_mut()
            .zip(header)
            .for_each(|(to, from)| *to = from);
    }
}

/// The universal types that BER lets be constructed of segments (X.690 §8.6, §8.7, §8.23).
fn is_string(tag: Tag) -> bool {
    matches!(tag.0, 0x03 | 0x04 | 0x0c | 0x12..=0x16 | 0x19..=0x1c | 0x1e)
}

const END_OF_CONTENTS: &[u8] = &[0, 0];

/// Files in use are less than 20 deep; 64 keeps the stack small.
const MAX_DEPTH: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn convert(input: &[u8]) -> Result<Vec<u8>, Error> {
        der_from_ber(input, 1 << 20).map(|der| der.expose().to_vec())
    }

    #[test]
    fn forms_of_ber_become_the_one_of_der() {
        for (ber, der) in [
            (&[0x30, 0x80, 2, 1, 7, 0, 0][..], &[0x30, 3, 2, 1, 7][..]),
            (&[0x30, 0x81, 3, 2, 1, 7], &[0x30, 3, 2, 1, 7]),
            (&[0x30, 0x84, 0, 0, 0, 3, 2, 1, 7], &[0x30, 3, 2, 1, 7]),
            (&[0x24, 0x80, 4, 1, 1, 4, 2, 2, 3, 0, 0], &[4, 3, 1, 2, 3]),
            (
                &[0x24, 0x80, 0x24, 3, 4, 1, 1, 4, 1, 2, 0, 0],
                &[4, 2, 1, 2],
            ),
            (&[0x24, 0x80, 0, 0], &[4, 0]),
            (&[0x2c, 3, 4, 1, 65], &[0x0c, 1, 65]),
            (&[0x23, 7, 3, 2, 0, 1, 3, 1, 0], &[3, 2, 0, 1]),
            (&[0x23, 8, 3, 2, 0, 1, 3, 2, 4, 16], &[3, 3, 4, 1, 16]),
            // A string under an implicit tag keeps its segments.
            (&[0xa0, 0x80, 4, 1, 9, 0, 0], &[0xa0, 3, 4, 1, 9]),
            (&[4, 4, 0x30, 0x80, 0, 0], &[4, 4, 0x30, 0x80, 0, 0]),
        ] {
            assert_eq!(convert(ber).unwrap(), der, "{ber:x?}");
        }
    }

    #[test]
    fn what_is_no_ber_value_is_told_with_its_place() {
        for (input, place) in [
            (&[][..], 0),
            (&[0x30], 0),
            (&[0x30, 0x80], 2),
            (&[0x30, 0x80, 2, 1, 7], 5),
            (&[0x30, 0x80, 2, 1, 7, 0], 5),
            (&[0x30, 2, 2, 1], 4),
            (&[0x30, 5, 2, 1], 2),
            (&[0x30, 3, 2, 2, 7, 0], 4),
            (&[0x30, 3, 2, 1, 7, 0], 5),
            (&[0x30, 2, 0, 0], 2),
            (&[4, 0x80, 0, 0], 0),
            (&[4, 0xff, 0], 0),
            (&[4, 0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0], 0),
            (&[4, 0x84, 0xff, 0xff, 0xff, 0xff, 0], 6),
            (&[0x1f, 0x81, 1, 0], 0),
            (&[0x24, 3, 2, 1, 7], 2),
            (&[0x23, 2, 3, 0], 2),
            (&[0x23, 8, 3, 2, 4, 16, 3, 2, 0, 1], 6),
        ] {
            let offset = match convert(input) {
                Err(Error::Malformed { offset, .. }) => offset,
                other => panic!("{input:x?} {other:?}"),
            };
            assert_eq!(offset, place, "{input:x?}");
        }
        let over = der_from_ber(&[4, 0], 1);
        assert_eq!(over, Err(Error::Unsupported("BER value of this size")));
    }

    #[test]
    fn depth_is_bounded_in_both_forms() {
        for depth in [1, 63, 64, 65, 100_000] {
            let indefinite = [[0x30, 0x80].repeat(depth), [0, 0].repeat(depth)].concat();
            assert_eq!(convert(&indefinite).is_ok(), depth <= 64, "{depth}");
            let strings = [[0x24, 0x80].repeat(depth), [0, 0].repeat(depth)].concat();
            assert_eq!(convert(&strings).is_ok(), depth <= 64, "{depth}");
        }
    }

    #[test]
    fn large_elements_stay_in_the_buffer_that_is_wiped() {
        let octets = vec![7; 70_000];
        let mut ber = [0x30, 0x80].repeat(63);
        ber.extend(Writer::encode(|w| w.octet_string(&octets)));
        ber.extend([0, 0].repeat(63));
        let der = convert(&ber).unwrap();
        assert!(der.len() <= ber.len() + ber.len() / 512 + 16);
        assert_eq!(convert(&der).unwrap(), der);
    }

    proptest! {
        #[test]
        fn the_result_is_stable_and_bounded(input in proptest::collection::vec(
            prop_oneof![Just(0x30), Just(0x80), Just(0x24), Just(0), Just(4), Just(2), any::<u8>()],
            0..200,
        )) {
            if let Ok(der) = convert(&input) {
                prop_assert!(der.len() <= input.len() + 16);
                prop_assert_eq!(convert(&der).unwrap(), der);
            }
        }
    }
}
