use std::io::{self, BufRead, BufReader, Read};

use smime_crypto::asn1::{Tag, Writer};
use smime_io::{Limits, TooLarge};

use crate::Error;

/// Walks a BER value from left to right over a stream; holds what it copies and nothing else.
///
/// Structures are copied and brought into DER ([`BerReader::element`]), strings that hold content
/// are passed over and their place is told ([`BerReader::string`]). Nothing recurses, and nothing
/// is allocated for a length before its bytes are there.
pub(crate) struct BerReader<'a> {
    cursor: Cursor<'a>,
    open: Vec<End>,
    /// Containers that may be open at once.
    depth: usize,
    /// Segments of a string that may be open at once.
    string_depth: usize,
    /// Bytes of structure that may still be copied, and their number at the start.
    left: u64,
    structure: u64,
    der: bool,
}

/// Where the octets of a string lie in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Octets {
    /// The position after the string's own header.
    pub(crate) start: u64,
    /// The octets in all segments together.
    pub(crate) length: u64,
    /// `None` for a primitive string, whose octets lie together.
    pub(crate) segments: Option<End>,
}

/// Where a constructed encoding ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// At this position, by a definite length.
    At(u64),
    /// At end-of-contents octets, by the indefinite length.
    EndOfContents,
}

impl<'a> BerReader<'a> {
    /// Starts at the first byte of `input`.
    pub(crate) fn new(input: Box<dyn Read + Send + 'a>, limits: &Limits) -> Self {
        let structure = u64::try_from(limits.structure).unwrap_or(u64::MAX);
        Self {
            cursor: Cursor::new(input, 0),
            open: Vec::new(),
            depth: limits.depth.saturating_mul(LEVELS_PER_LAYER),
            string_depth: limits.depth,
            left: structure,
            structure,
            der: true,
        }
    }

    /// Returns the position of the next byte.
    pub(crate) fn position(&self) -> u64 {
        self.cursor.position
    }

    /// Says whether everything so far was in definite and minimal lengths, without constructed
    /// strings.
    pub(crate) fn is_der(&self) -> bool {
        self.der
    }

    /// Returns the next tag in the open container; `None` at its end.
    pub(crate) fn peek(&mut self, what: &'static str) -> Result<Option<Tag>, Error> {
        match self.open.last() {
            Some(End::At(end)) if self.cursor.position >= *end => return Ok(None),
            _ => {}
        }
        match (self.cursor.peek()?, self.open.last()) {
            (Some(0), Some(End::EndOfContents)) => Ok(None),
            (Some(byte), _) => Ok(Some(Tag(byte))),
            (None, _) => Err(self.cursor.malformed(what)),
        }
    }

    /// Opens a constructed element, which must have `tag`.
    pub(crate) fn enter(&mut self, tag: Tag, what: &'static str) -> Result<(), Error> {
        let offset = self.cursor.position;
        if self.peek(what)? != Some(tag) {
            return Err(Error::Malformed { what, offset });
        }
        let header = self.header(what)?;
        self.push(header.end)
    }

    /// Closes the container opened last, which must be at its end.
    pub(crate) fn leave(&mut self, what: &'static str) -> Result<(), Error> {
        match self.open.pop() {
            Some(End::At(end)) if end == self.cursor.position => Ok(()),
            Some(End::EndOfContents) => self.cursor.end_of_contents(bound(&self.open), what),
            _ => Err(self.cursor.malformed(what)),
        }
    }

    /// Copies the next element, in DER as far as lengths and constructed OCTET STRINGs go.
    ///
    /// An element that is DER already comes out as it went in.
    pub(crate) fn element(&mut self, what: &'static str) -> Result<Vec<u8>, Error> {
        let outer = self.open.len();
        let mut built: Vec<Built> = Vec::new();
        let mut done = Vec::new();
        loop {
            if self.open.len() == outer || self.peek(what)?.is_some() {
                let header = self.header(what)?;
                if header.tag.primitive() == Tag(0) {
                    return Err(Error::Malformed {
                        what,
                        offset: header.offset,
                    });
                }
                let joining = built.last().is_some_and(|parent| parent.joins);
                if joining && header.tag.primitive() != Tag::OCTET_STRING {
                    return Err(Error::Malformed {
                        what,
                        offset: header.offset,
                    });
                }
                if header.tag.is_constructed() {
                    let joins = header.tag == Tag::OCTET_STRING.constructed();
                    self.der &= !joins;
                    self.push(header.end)?;
                    built.push(Built {
                        tag: header.tag,
                        joins,
                        content: Vec::new(),
                    });
                    continue;
                }
                let content = self.copy(&header, what)?;
                match built.last_mut() {
                    Some(parent) if parent.joins => parent.content.extend_from_slice(&content),
                    Some(parent) => put(&mut parent.content, header.tag, &content),
                    None => put(&mut done, header.tag, &content),
                }
            } else {
                self.leave(what)?;
                let Some(Built {
                    tag,
                    joins,
                    content,
                }) = built.pop()
                else {
                    return Err(self.cursor.malformed(what));
                };
                let tag = if joins { Tag::OCTET_STRING } else { tag };
                match built.last_mut() {
                    Some(parent) if parent.joins => parent.content.extend_from_slice(&content),
                    Some(parent) => put(&mut parent.content, tag, &content),
                    None => put(&mut done, tag, &content),
                }
            }
            if built.is_empty() {
                return Ok(done);
            }
        }
    }

    /// Passes over an OCTET STRING of `tag`, primitive or constructed, to its last byte.
    pub(crate) fn string(&mut self, tag: Tag, what: &'static str) -> Result<Octets, Error> {
        let offset = self.cursor.position;
        if self.peek(what)?.map(Tag::primitive) != Some(tag.primitive()) {
            return Err(Error::Malformed { what, offset });
        }
        let header = self.header(what)?;
        let start = self.cursor.position;
        match header.end {
            End::At(end) if !header.tag.is_constructed() => {
                self.cursor.skip(end.saturating_sub(start), what)?;
                Ok(Octets {
                    start,
                    length: end.saturating_sub(start),
                    segments: None,
                })
            }
            end => {
                self.der = false;
                let mut segments = Segments::new(end, bound(&self.open), self.string_depth);
                let mut length: u64 = 0;
                while let Some(octets) = segments.next(&mut self.cursor, what)? {
                    self.cursor.skip(octets, what)?;
                    length = length.saturating_add(octets);
                }
                Ok(Octets {
                    start,
                    length,
                    segments: Some(end),
                })
            }
        }
    }

    fn push(&mut self, end: End) -> Result<(), Error> {
        if self.open.len() >= self.depth {
            return Err(too_deep(self.depth));
        }
        self.open.push(end);
        Ok(())
    }

    fn header(&mut self, what: &'static str) -> Result<Header, Error> {
        let header = self.cursor.header(bound(&self.open), what)?;
        self.charge(self.cursor.position.saturating_sub(header.offset))?;
        self.der &= header.minimal;
        Ok(header)
    }

    fn copy(&mut self, header: &Header, what: &'static str) -> Result<Vec<u8>, Error> {
        let End::At(end) = header.end else {
            return Err(Error::Malformed {
                what,
                offset: header.offset,
            });
        };
        let length = end.saturating_sub(self.cursor.position);
        self.charge(length)?;
        self.cursor.copy(length, what)
    }

    fn charge(&mut self, bytes: u64) -> Result<(), Error> {
        let limit = self.structure;
        self.left = self.left.checked_sub(bytes).ok_or(TooLarge {
            what: "structure",
            limit,
        })?;
        Ok(())
    }
}

/// Walks the segments of a constructed string, which may themselves be constructed (X.690 §8.7.3).
#[derive(Debug)]
pub(crate) struct Segments {
    open: Vec<End>,
    bound: u64,
    depth: usize,
}

impl Segments {
    /// Starts after the header of a constructed string that ends at `end`, within `bound`.
    pub(crate) fn new(end: End, bound: u64, depth: usize) -> Self {
        Self {
            open: vec![end],
            bound,
            depth,
        }
    }

    /// Moves to the octets of the next segment that has any and returns their number; `None` past
    /// the end of the string. The caller takes the octets from `cursor` before it calls again.
    pub(crate) fn next(
        &mut self,
        cursor: &mut Cursor<'_>,
        what: &'static str,
    ) -> Result<Option<u64>, Error> {
        while let Some(end) = self.open.last().copied() {
            let bound = bound(&self.open).min(self.bound);
            let ended = match end {
                End::At(end) => cursor.position >= end,
                End::EndOfContents => cursor.peek()? == Some(0),
            };
            if ended {
                self.open.pop();
                if end == End::EndOfContents {
                    cursor.end_of_contents(bound, what)?;
                }
                continue;
            }
            let header = cursor.header(bound, what)?;
            match (header.tag, header.end) {
                (Tag::OCTET_STRING, End::At(end)) => {
                    let octets = end.saturating_sub(cursor.position);
                    if octets > 0 {
                        return Ok(Some(octets));
                    }
                }
                (tag, end) if tag == Tag::OCTET_STRING.constructed() => {
                    if self.open.len() >= self.depth {
                        return Err(too_deep(self.depth));
                    }
                    self.open.push(end);
                }
                _ => {
                    return Err(Error::Malformed {
                        what,
                        offset: header.offset,
                    });
                }
            }
        }
        Ok(None)
    }
}

/// A stream and the position in it.
pub(crate) struct Cursor<'a> {
    input: BufReader<Box<dyn Read + Send + 'a>>,
    position: u64,
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte of `input`, which stands at `position` of the object.
    pub(crate) fn new(input: Box<dyn Read + Send + 'a>, position: u64) -> Self {
        Self {
            input: BufReader::with_capacity(BUFFER, input),
            position,
        }
    }

    /// Reads octets of the current segment; none only at the end of the stream.
    pub(crate) fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(out)?;
        self.position = self
            .position
            .saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }

    pub(crate) fn malformed(&self, what: &'static str) -> Error {
        Error::Malformed {
            what,
            offset: self.position,
        }
    }

    fn buffer(&mut self) -> io::Result<&[u8]> {
        loop {
            match self.input.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.input.buffer())
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.buffer()?.first().copied())
    }

    fn byte(&mut self, what: &'static str) -> Result<u8, Error> {
        let byte = self.peek()?.ok_or_else(|| self.malformed(what))?;
        self.input.consume(1);
        self.position = self.position.saturating_add(1);
        Ok(byte)
    }

    /// Reads identifier and length octets; the element must end within `bound`.
    fn header(&mut self, bound: u64, what: &'static str) -> Result<Header, Error> {
        let offset = self.position;
        let malformed = Error::Malformed { what, offset };
        let tag = Tag(self.byte(what)?);
        // Tag numbers above 30 take more octets; no structure of RFC 5652 or RFC 5280 has one.
        if tag.0 & 0x1f == 0x1f {
            return Err(malformed);
        }
        let first = self.byte(what)?;
        let (length, minimal) = match first {
            0x80 if tag.is_constructed() && self.position <= bound => {
                return Ok(Header {
                    tag,
                    end: End::EndOfContents,
                    offset,
                    minimal: false,
                });
            }
            0..0x80 => (u64::from(first), true),
            0x80 | 0xff => return Err(malformed),
            _ => {
                let (mut length, mut minimal) = (0_u64, true);
                for index in 0..first & 0x7f {
                    let octet = self.byte(what)?;
                    minimal &= index > 0 || octet > 0;
                    let shifted = length.checked_mul(0x100);
                    let Some(longer) = shifted.and_then(|it| it.checked_add(octet.into())) else {
                        return Err(malformed);
                    };
                    length = longer;
                }
                (length, minimal && length >= 0x80)
            }
        };
        match self.position.checked_add(length) {
            Some(end) if end <= bound => Ok(Header {
                tag,
                end: End::At(end),
                offset,
                minimal,
            }),
            _ => Err(malformed),
        }
    }

    fn end_of_contents(&mut self, bound: u64, what: &'static str) -> Result<(), Error> {
        let offset = self.position;
        let octets = [self.byte(what)?, self.byte(what)?];
        if octets == [0, 0] && self.position <= bound {
            Ok(())
        } else {
            Err(Error::Malformed { what, offset })
        }
    }

    fn copy(&mut self, length: u64, what: &'static str) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.input.by_ref().take(length).read_to_end(&mut bytes)?;
        let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.position = self.position.saturating_add(count);
        if count == length {
            Ok(bytes)
        } else {
            Err(self.malformed(what))
        }
    }

    fn skip(&mut self, mut length: u64, what: &'static str) -> Result<(), Error> {
        while length > 0 {
            let held = self.buffer()?.len();
            if held == 0 {
                return Err(self.malformed(what));
            }
            let count = held.min(usize::try_from(length).unwrap_or(usize::MAX));
            self.input.consume(count);
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            length = length.saturating_sub(count);
            self.position = self.position.saturating_add(count);
        }
        Ok(())
    }
}

struct Header {
    tag: Tag,
    end: End,
    offset: u64,
    /// Whether the length octets are those of DER.
    minimal: bool,
}

/// A constructed element in the making.
struct Built {
    tag: Tag,
    /// Whether the contents of the children are joined into one primitive string.
    joins: bool,
    content: Vec<u8>,
}

fn put(out: &mut Vec<u8>, tag: Tag, content: &[u8]) {
    let mut header = Writer::new();
    header.header(tag, content.len());
    out.extend_from_slice(&header.finish());
    out.extend_from_slice(content);
}

/// Returns the position no inner element may pass: elements never reach over the end of what holds
/// them, so the innermost definite end is the nearest.
fn bound(open: &[End]) -> u64 {
    open.iter()
        .rev()
        .find_map(|end| match end {
            End::At(end) => Some(*end),
            End::EndOfContents => None,
        })
        .unwrap_or(u64::MAX)
}

fn too_deep(depth: usize) -> Error {
    TooLarge {
        what: "depth",
        limit: u64::try_from(depth).unwrap_or(u64::MAX),
    }
    .into()
}

/// ASN.1 levels one layer of protection may take: a signer with a timestamp, itself a SignedData
/// whose signing-certificate attribute names an issuer, has 22.
const LEVELS_PER_LAYER: usize = 4;

/// Bytes read from the source at a time.
const BUFFER: usize = 32 << 10;

#[cfg(test)]
mod tests;
