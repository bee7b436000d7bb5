use std::io::{self, Read};

use smime_io::{Replay, Source};

use crate::{Error, Headers, header::lexer};

mod base64;
mod quoted_printable;

pub use self::base64::{Base64Writer, LineLength};
use self::{base64::Base64, quoted_printable::QuotedPrintable};

/// How a body is encoded for transport (RFC 2045 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Base64,
    QuotedPrintable,
}

impl Encoding {
    /// Reads the `Content-Transfer-Encoding`; `7bit` if there is none.
    pub(crate) fn of(headers: &Headers) -> Result<Self, Error> {
        let name = "content-transfer-encoding";
        if headers.count(name) > 1 {
            return Err(Error::malformed("more than one transfer encoding", 0));
        }
        let value = headers
            .first(name)
            .map(|field| field.value())
            .unwrap_or_default();
        let unreadable = || Error::malformed("transfer encoding that cannot be read", 0);
        let text = lexer::skip_blanks_and_comments(&value).ok_or_else(unreadable)?;
        let end = text.find([' ', '\t', '(', ';']).unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        let rest = lexer::skip_blanks_and_comments(rest).ok_or_else(unreadable)?;
        // A stray semicolon after the word is common and means nothing.
        if !rest.trim_end_matches([';', ' ', '\t']).is_empty() {
            return Err(unreadable());
        }
        match word.to_ascii_lowercase().as_str() {
            "" | "7bit" | "8bit" | "binary" => Ok(Self::Identity),
            "base64" => Ok(Self::Base64),
            "quoted-printable" => Ok(Self::QuotedPrintable),
            _ => Err(Error::Unsupported {
                what: "transfer encoding",
            }),
        }
    }

    /// Returns a view of `body` with the encoding undone.
    pub(crate) fn decoded(self, body: Source) -> Source {
        match self {
            Self::Identity => body,
            Self::Base64 => Source::new(View::new(body, Base64::default)),
            Self::QuotedPrintable => Source::new(View::new(body, QuotedPrintable::default)),
        }
    }
}

/// A transformation of a stream that arrives in pieces of any size.
pub(crate) trait Decode {
    /// Takes a piece and appends what it yields.
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> io::Result<()>;
    /// Appends what the end of the input yields.
    fn finish(&mut self, out: &mut Vec<u8>) -> io::Result<()>;
}

/// A source seen through a transformation; every pass starts with a fresh one.
pub(crate) struct View<D> {
    source: Source,
    start: fn() -> D,
}

impl<D> View<D> {
    pub(crate) fn new(source: Source, start: fn() -> D) -> Self {
        Self { source, start }
    }
}

impl<D: Decode + Send + 'static> Replay for View<D> {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(Decoding {
            input: self.source.open()?,
            decode: (self.start)(),
            piece: vec![0; PIECE],
            ready: Vec::new(),
            taken: 0,
            state: State::Open,
        }))
    }
}

struct Decoding<R, D> {
    input: R,
    decode: D,
    piece: Vec<u8>,
    ready: Vec<u8>,
    taken: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Ended,
    Failed,
}

impl<R: Read, D: Decode> Decoding<R, D> {
    fn refill(&mut self) -> io::Result<()> {
        let count = self.input.read(&mut self.piece)?;
        self.ready.clear();
        self.taken = 0;
        let result = match self.piece.get(..count) {
            None | Some([]) => {
                self.state = State::Ended;
                self.decode.finish(&mut self.ready)
            }
            Some(piece) => self.decode.push(piece, &mut self.ready),
        };
        result.inspect_err(|_| {
            self.ready.clear();
            self.state = State::Failed;
        })
    }
}

impl<R: Read, D: Decode> Read for Decoding<R, D> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            let ready = self.ready.get(self.taken..).unwrap_or_default();
            if !ready.is_empty() {
                let count = ready.len().min(out.len());
                if let (Some(to), Some(from)) = (out.get_mut(..count), ready.get(..count)) {
                    to.copy_from_slice(from);
                }
                self.taken += count;
                return Ok(count);
            }
            match self.state {
                State::Open => self.refill()?,
                State::Ended => return Ok(0),
                State::Failed => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    }
}

/// Bytes read from the view below at a time.
const PIECE: usize = 64 << 10;

#[cfg(test)]
mod tests;
