use std::io::{self, Read};

use memchr::{memchr, memmem::Finder};
use smime_io::{Limits, Source};

use crate::{ContentType, Error};

/// Walks a stream from one boundary delimiter to the next, in one pass and constant memory.
///
/// A delimiter counts only at the start of a line and only if nothing but blanks follows it. The
/// line end before it belongs to it, not to the part (RFC 2046 §5.1.1).
pub(crate) struct Scanner<R> {
    input: R,
    buffer: Vec<u8>,
    position: usize,
    end: usize,
    /// Offset of the first byte of `buffer`.
    base: u64,
    ended: bool,
    /// Length of the line end just before `position`, if it may belong to a delimiter.
    line_end: u64,
    finder: Finder<'static>,
}

/// The `boundary` of a multipart entity.
#[derive(Debug)]
pub(crate) struct Boundary(Vec<u8>);

/// A delimiter line that was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Delimiter {
    /// Which of the boundaries it is.
    pub(crate) level: usize,
    pub(crate) is_close: bool,
    /// Where the content before it ends.
    pub(crate) content_end: u64,
}

/// A header block as it was passed.
pub(crate) struct Block {
    pub(crate) start: u64,
    /// The fields, without the blank line.
    pub(crate) raw: Vec<u8>,
    /// Where the body starts.
    pub(crate) body: u64,
    /// Whether a blank line ends the block.
    pub(crate) ends: bool,
}

/// One part of a multipart entity.
pub(crate) struct Part {
    pub(crate) block: Block,
    pub(crate) end: u64,
}

impl Part {
    /// Makes a part that ends at `end`, where its header may turn out to be shorter than read:
    /// the last line end belongs to the delimiter.
    pub(crate) fn new(mut block: Block, end: u64) -> Self {
        let end = end.max(block.start);
        let length = usize::try_from(end - block.start).unwrap_or(usize::MAX);
        block.raw.truncate(length);
        Self { block, end }
    }
}

/// The parts of one multipart entity.
pub(crate) struct Index {
    pub(crate) parts: Vec<Part>,
    pub(crate) is_closed: bool,
}

/// Finds the parts of the multipart entity whose body starts at `body`.
///
/// Header blocks are kept, all together no more than `limits.structure`.
pub(crate) fn index(
    source: &Source,
    body: u64,
    boundary: Boundary,
    limits: &Limits,
) -> Result<Index, Error> {
    let boundaries = [boundary];
    let mut scanner = Scanner::new(source.open_at(body)?, body);
    let mut parts = Vec::new();
    let mut open: Option<Block> = None;
    let mut budget = limits.structure;
    loop {
        let found = scanner.delimiter(&boundaries)?;
        let end = found
            .as_ref()
            .map_or(scanner.offset(), |found| found.content_end);
        parts.extend(open.take().map(|block| Part::new(block, end)));
        match found {
            Some(found) if !found.is_close => {
                if parts.len() >= limits.parts {
                    return Err(Error::too_large("parts", limits.parts));
                }
                let block = scanner.headers(&boundaries, limits.headers)?;
                budget = budget
                    .checked_sub(block.raw.len())
                    .ok_or(Error::too_large("structure", limits.structure))?;
                open = Some(block);
            }
            found => {
                return Ok(Index {
                    parts,
                    is_closed: found.is_some(),
                });
            }
        }
    }
}

impl Boundary {
    /// Takes the boundary of a multipart content type; `None` if it has no usable one.
    ///
    /// DEVIATION RFC 2046 §5.1.1: up to 200 characters of any kind instead of 70 of a few, because
    /// some producers exceed both; blanks at the end go away, as they would on the line.
    pub(crate) fn of(content_type: &ContentType) -> Option<Self> {
        let boundary = content_type
            .parameter("boundary")?
            .trim_end_matches([' ', '\t']);
        let fits = (1..=LONGEST_BOUNDARY).contains(&boundary.len());
        (fits && !boundary.contains(char::is_control)).then(|| Self(boundary.as_bytes().to_vec()))
    }
}

impl<R: Read> Scanner<R> {
    /// Starts at a line start; `offset` is that of the first byte of `input`.
    pub(crate) fn new(input: R, offset: u64) -> Self {
        Self {
            input,
            buffer: vec![0; BUFFER],
            position: 0,
            end: 0,
            base: offset,
            ended: false,
            line_end: 0,
            finder: Finder::new(b"\n--"),
        }
    }

    pub(crate) fn offset(&self) -> u64 {
        self.base + length(self.position)
    }

    /// Moves past the next delimiter line of any of `boundaries`; of two that fit one line, the
    /// first counts, so that an outer multipart ends an inner one (RFC 2046 §5.1.2).
    pub(crate) fn delimiter(
        &mut self,
        boundaries: &[Boundary],
    ) -> Result<Option<Delimiter>, Error> {
        loop {
            self.fill(LONGEST_LINE)?;
            if let Some((found, length)) = self.at_delimiter(boundaries)? {
                self.position += length;
                self.line_end = 0;
                return Ok(Some(found));
            }
            if !self.next_dashes()? {
                return Ok(None);
            }
        }
    }

    /// Reads a header block up to and with the blank line, or up to a delimiter or the end.
    pub(crate) fn headers(
        &mut self,
        boundaries: &[Boundary],
        limit: usize,
    ) -> Result<Block, Error> {
        let start = self.offset();
        let mut raw = Vec::new();
        loop {
            self.fill(LONGEST_LINE)?;
            let window = self.window();
            if window.is_empty() || self.at_delimiter(boundaries)?.is_some() {
                return Ok(Block {
                    start,
                    raw,
                    body: self.offset(),
                    ends: false,
                });
            }
            let blank = match window {
                [b'\n', ..] => 1,
                [b'\r', b'\n', ..] => 2,
                _ => 0,
            };
            if blank > 0 {
                self.position += blank;
                self.line_end = length(blank);
                return Ok(Block {
                    start,
                    raw,
                    body: self.offset(),
                    ends: true,
                });
            }
            self.line(&mut raw, limit)?;
        }
    }

    /// Appends the rest of the line to `raw`.
    fn line(&mut self, raw: &mut Vec<u8>, limit: usize) -> Result<(), Error> {
        loop {
            let window = self.window();
            let end = memchr(b'\n', window).map(|at| at + 1);
            let taken = end.unwrap_or(window.len());
            if raw.len() + taken > limit {
                return Err(Error::too_large("headers", limit));
            }
            raw.extend_from_slice(window.get(..taken).unwrap_or_default());
            self.position += taken;
            if end.is_some() {
                self.line_end = if raw.ends_with(b"\r\n") { 2 } else { 1 };
                return Ok(());
            }
            self.fill(1)?;
            if self.window().is_empty() {
                self.line_end = 0;
                return Ok(());
            }
        }
    }

    /// Moves to the next line that starts with two dashes; to the end if there is none.
    fn next_dashes(&mut self) -> io::Result<bool> {
        // The tail kept below is too short to start with a match, so the byte before a match is
        // in the window, unless the window is at a line start, where there is no line end before.
        loop {
            let window = self.window();
            if let Some(at) = self.finder.find(window) {
                let before = at.checked_sub(1).and_then(|at| window.get(at));
                self.line_end = if before == Some(&b'\r') { 2 } else { 1 };
                self.position += at + 1;
                return Ok(true);
            }
            if self.ended {
                self.position = self.end;
                self.line_end = 0;
                return Ok(false);
            }
            // Keeps what a match may start with: CR, LF, dash.
            let kept = window.len().min(3);
            self.position = self.end - kept;
            self.fill(kept + 1)?;
        }
    }

    /// Says whether the window starts with a delimiter line, and how long that is.
    fn at_delimiter(&self, boundaries: &[Boundary]) -> Result<Option<(Delimiter, usize)>, Error> {
        // Never looks further than promised, or the answer would depend on how the input is cut.
        let (window, ended) = match self.window().get(..LONGEST_LINE) {
            Some(window) => (window, false),
            None => (self.window(), self.ended),
        };
        let Some(line) = window.strip_prefix(b"--") else {
            return Ok(None);
        };
        for (level, Boundary(boundary)) in boundaries.iter().enumerate() {
            let Some(rest) = line.strip_prefix(boundary.as_slice()) else {
                continue;
            };
            let close = rest.strip_prefix(b"--").map(|rest| (rest, true));
            for (tail, is_close) in [(rest, false)].into_iter().chain(close) {
                match line_end(tail, ended) {
                    Tail::Other => {}
                    Tail::TooLong => {
                        let what = "endless blanks after a boundary";
                        return Err(Error::malformed(what, self.offset()));
                    }
                    Tail::Ends(after) => {
                        let content_end = self.offset().saturating_sub(self.line_end);
                        let length = window.len() - after.len();
                        return Ok(Some((
                            Delimiter {
                                level,
                                is_close,
                                content_end,
                            },
                            length,
                        )));
                    }
                }
            }
        }
        Ok(None)
    }

    fn window(&self) -> &[u8] {
        self.buffer.get(self.position..self.end).unwrap_or_default()
    }

    /// Reads until the window has `wanted` bytes, or the input ends.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        if self.end - self.position >= wanted || self.ended {
            return Ok(());
        }
        self.buffer.copy_within(self.position..self.end, 0);
        self.base += length(self.position);
        self.end -= self.position;
        self.position = 0;
        while self.end < wanted {
            let free = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.input.read(free) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(());
                }
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

enum Tail<'a> {
    /// Nothing but blanks up to the line end; what follows.
    Ends(&'a [u8]),
    Other,
    /// Nothing but blanks as far as one can see.
    TooLong,
}

fn line_end(tail: &[u8], ended: bool) -> Tail<'_> {
    let blanks = tail
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    match tail.get(blanks..).unwrap_or_default() {
        [b'\n', after @ ..] | [b'\r', b'\n', after @ ..] => Tail::Ends(after),
        [] if ended => Tail::Ends(&[]),
        [] | [b'\r'] if !ended => Tail::TooLong,
        _ => Tail::Other,
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Bytes held at a time.
const BUFFER: usize = 64 << 10;

/// Bytes seen at once of a line that may be a delimiter: a boundary, four dashes, and blanks up
/// to the length that a line of mail may have (RFC 5322 §2.1.1).
const LONGEST_LINE: usize = 1000;

/// Characters of a boundary that are read.
const LONGEST_BOUNDARY: usize = 200;

#[cfg(test)]
mod tests;
