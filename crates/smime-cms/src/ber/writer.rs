use std::io::{self, Write};

use smime_crypto::asn1::Tag;

use crate::Error;

/// What stands before and after a content string that is too long to hold, in definite or in
/// indefinite form: built from the string outwards.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    before: Vec<u8>,
    after: Vec<u8>,
    /// Bytes of all there is so far; `None` in indefinite form.
    length: Option<u64>,
}

impl Frame {
    /// Starts with a string of `length` content octets, or of segments when that is not known.
    pub(crate) fn around(tag: Tag, length: Option<u64>) -> Self {
        let tag = if length.is_some() {
            tag.primitive()
        } else {
            tag.constructed()
        };
        Self {
            before: Vec::new(),
            after: Vec::new(),
            length,
        }
        .enclosed(tag)
    }

    /// Puts all there is so far into an element.
    pub(crate) fn enclosed(mut self, tag: Tag) -> Self {
        let mut header = Vec::with_capacity(MAX_HEADER);
        match self.length {
            Some(length) => write_header(&mut header, tag, length),
            None => {
                header.extend([tag.0, INDEFINITE]);
                self.after.extend(END_OF_CONTENTS);
            }
        }
        self.preceded_by(&header)
    }

    /// Puts encoded elements before.
    pub(crate) fn preceded_by(mut self, der: &[u8]) -> Self {
        self.before.splice(0..0, der.iter().copied());
        self.grown(der)
    }

    /// Puts encoded elements after.
    pub(crate) fn followed_by(mut self, der: &[u8]) -> Self {
        self.after.extend_from_slice(der);
        self.grown(der)
    }

    /// Returns what goes out before the string's octets.
    pub(crate) fn before(&self) -> &[u8] {
        &self.before
    }

    /// Returns what goes out after them.
    pub(crate) fn after(&self) -> &[u8] {
        &self.after
    }

    /// A length near 2⁶⁴ saturates: it is wrong then, and nobody lives to write so many bytes.
    fn grown(mut self, der: &[u8]) -> Self {
        let added = u64::try_from(der.len()).unwrap_or(u64::MAX);
        self.length = self.length.map(|length| length.saturating_add(added));
        self
    }
}

/// Writes the octets of the string inside a [`Frame`].
///
/// After an error nothing more goes out: a gap inside would otherwise be closed by a valid end.
#[must_use]
pub(crate) struct StringWriter<W> {
    out: W,
    form: Form,
    failed: bool,
}

enum Form {
    /// Definite.
    Exact { declared: u64, written: u64 },
    /// Indefinite: the octets of the segment that is not full.
    Segments(Vec<u8>),
}

impl<W: Write> StringWriter<W> {
    /// Writes the frame's first part to `out`; `length` as given to [`Frame::around`].
    pub(crate) fn begin(mut out: W, frame: &Frame, length: Option<u64>) -> io::Result<Self> {
        out.write_all(frame.before())?;
        let form = match length {
            Some(declared) => Form::Exact {
                declared,
                written: 0,
            },
            None => Form::Segments(Vec::with_capacity(SEGMENT)),
        };
        Ok(Self {
            out,
            form,
            failed: false,
        })
    }

    /// Writes octets of the string.
    pub(crate) fn push(&mut self, octets: &[u8]) -> io::Result<()> {
        if std::mem::replace(&mut self.failed, true) {
            return Err(failed());
        }
        match &mut self.form {
            Form::Exact { declared, written } => {
                let added = u64::try_from(octets.len()).unwrap_or(u64::MAX);
                *written = written.saturating_add(added);
                if written > declared {
                    let (declared, written) = (*declared, *written);
                    return Err(Error::WrongLength { declared, written }.into());
                }
                self.out.write_all(octets)?;
            }
            Form::Segments(begun) => push_segments(&mut self.out, begun, octets)?,
        }
        self.failed = false;
        Ok(())
    }

    /// Hands on to the inner writer; a segment that is not full stays here.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the string, writes the frame's second part and returns the inner writer.
    pub(crate) fn finish(mut self, frame: &Frame) -> Result<W, Error> {
        if self.failed {
            return Err(failed().into());
        }
        match &self.form {
            &Form::Exact { declared, written } if declared != written => {
                return Err(Error::WrongLength { declared, written });
            }
            Form::Exact { .. } => (),
            Form::Segments(begun) if begun.is_empty() => (),
            Form::Segments(begun) => write_segment(&mut self.out, begun)?,
        }
        self.out.write_all(frame.after())?;
        Ok(self.out)
    }
}

fn failed() -> io::Error {
    io::Error::other("an earlier write failed")
}

/// Every segment but the last is [`SEGMENT`] octets, however the input is cut.
fn push_segments(out: &mut impl Write, begun: &mut Vec<u8>, octets: &[u8]) -> io::Result<()> {
    let room = if begun.is_empty() {
        0
    } else {
        SEGMENT - begun.len()
    };
    let (first, rest) = octets.split_at_checked(room).unwrap_or((octets, &[]));
    begun.extend_from_slice(first);
    if begun.len() == SEGMENT {
        write_segment(out, begun)?;
        begun.clear();
    }
    let mut whole = rest.chunks_exact(SEGMENT);
    for segment in &mut whole {
        write_segment(out, segment)?;
    }
    begun.extend_from_slice(whole.remainder());
    Ok(())
}

fn write_segment(out: &mut impl Write, octets: &[u8]) -> io::Result<()> {
    let mut header = Vec::with_capacity(MAX_HEADER);
    write_header(
        &mut header,
        Tag::OCTET_STRING,
        u64::try_from(octets.len()).unwrap_or(u64::MAX),
    );
    out.write_all(&header)?;
    out.write_all(octets)
}

/// Identifier and minimal length octets (X.690 §10.1), also of content beyond the address space.
fn write_header(out: &mut Vec<u8>, tag: Tag, length: u64) {
    out.push(tag.0);
    if let Ok(short @ 0..=0x7f) = u8::try_from(length) {
        out.push(short);
        return;
    }
    let octets = length.to_be_bytes();
    let skip = octets.iter().take_while(|octet| **octet == 0).count();
    let octets = octets.get(skip..).unwrap_or_default();
    out.push(0x80 | u8::try_from(octets.len()).unwrap_or_default());
    out.extend_from_slice(octets);
}

/// Octets of one segment: large enough to cost nothing, small enough for every peer's buffer.
pub(crate) const SEGMENT: usize = 16 << 10;

const INDEFINITE: u8 = 0x80;
const END_OF_CONTENTS: [u8; 2] = [0, 0];
const MAX_HEADER: usize = 10;

#[cfg(test)]
mod tests {
    use smime_crypto::asn1::Writer;

    use super::*;

    fn frame(length: Option<u64>) -> Frame {
        Frame::around(Tag::OCTET_STRING, length)
            .preceded_by(&[2, 1, 7])
            .followed_by(&[5, 0])
            .enclosed(Tag::SEQUENCE)
    }

    fn written(length: Option<u64>, content: &[u8], cut: usize) -> Vec<u8> {
        let frame = frame(length);
        let mut writer = StringWriter::begin(Vec::new(), &frame, length).unwrap();
        for piece in content.chunks(cut) {
            writer.push(piece).unwrap();
        }
        writer.finish(&frame).unwrap()
    }

    #[test]
    fn both_forms_hold_the_same_elements() {
        assert_eq!(
            written(Some(3), b"abc", 2),
            b"\x30\x0a\x02\x01\x07\x04\x03abc\x05\x00"
        );
        assert_eq!(
            written(None, b"abc", 2),
            b"\x30\x80\x02\x01\x07\x24\x80\x04\x03abc\0\0\x05\x00\0\0"
        );
    }

    #[test]
    fn an_empty_string_has_no_segment() {
        assert_eq!(
            written(Some(0), b"", 1),
            b"\x30\x07\x02\x01\x07\x04\x00\x05\x00"
        );
        assert_eq!(
            written(None, b"", 1),
            b"\x30\x80\x02\x01\x07\x24\x80\0\0\x05\x00\0\0"
        );
    }

    #[test]
    fn segments_do_not_depend_on_how_the_input_is_cut() {
        for length in [
            1,
            SEGMENT - 1,
            SEGMENT,
            SEGMENT + 1,
            3 * SEGMENT,
            3 * SEGMENT + 7,
        ] {
            let content = vec![b'x'; length];
            let whole = written(None, &content, length);
            for cut in [1, 7, 4096, SEGMENT - 1, SEGMENT, SEGMENT + 1] {
                assert_eq!(
                    written(None, &content, cut),
                    whole,
                    "{length} bytes by {cut}"
                );
            }
            let mut expected = frame(None).before().to_vec();
            for segment in content.chunks(SEGMENT) {
                expected.extend(Writer::encode(|w| w.octet_string(segment)));
            }
            expected.extend_from_slice(frame(None).after());
            assert_eq!(whole, expected);
        }
    }

    #[test]
    fn lengths_are_minimal_up_to_the_largest() {
        for (length, expected) in [
            (0x7f, &[4, 0x7f][..]),
            (0x80, &[4, 0x81, 0x80]),
            (0x100, &[4, 0x82, 1, 0]),
            (1 << 32, &[4, 0x85, 1, 0, 0, 0, 0]),
            (u64::MAX, &[4, 0x88, 255, 255, 255, 255, 255, 255, 255, 255]),
        ] {
            let mut header = Vec::new();
            write_header(&mut header, Tag::OCTET_STRING, length);
            assert_eq!(header, expected);
        }
        assert_eq!(frame(Some(u64::MAX)).before().first(), Some(&0x30));
    }

    #[test]
    fn another_number_of_octets_than_announced_never_ends_well() {
        let frame = frame(Some(3));
        let begin = || StringWriter::begin(Vec::new(), &frame, Some(3)).unwrap();
        let mut short = begin();
        short.push(b"ab").unwrap();
        let error = short.finish(&frame).err().unwrap();
        assert!(
            matches!(
                error,
                Error::WrongLength {
                    declared: 3,
                    written: 2
                }
            ),
            "{error:?}"
        );
        let mut long = begin();
        long.push(b"ab").unwrap();
        let error = Error::from(long.push(b"cd").unwrap_err());
        assert!(
            matches!(
                error,
                Error::WrongLength {
                    declared: 3,
                    written: 4
                }
            ),
            "{error:?}"
        );
        assert!(long.push(b"c").is_err());
        assert!(long.finish(&frame).is_err());
    }

    #[test]
    fn nothing_goes_out_after_a_failed_write() {
        struct Failing(usize);
        impl Write for Failing {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let frame = frame(None);
        let mut writer = StringWriter::begin(Failing(2), &frame, None).unwrap();
        let error = writer.push(&[0; 2 * SEGMENT]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        writer.out.0 = 100;
        assert!(writer.push(b"more").is_err());
        assert!(writer.finish(&frame).is_err());
    }
}
