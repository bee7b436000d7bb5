use memchr::memmem;
use smime_crypto::asn1::Reader;

use super::{
    armour::{self, BEGIN, Block},
    der_kind::{DerKind, der_kind},
    item::{ImportError, ItemKind},
    lines::{Found, Lines, extent},
    property::Property,
    text::Scale,
};

/// Finds the items of an input in windows that move over it.
///
/// What it finds does not depend on how the input is cut into windows: when a decision needs
/// bytes that are not there yet, it asks for them.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    phase: Phase,
    /// Whether there was an item.
    found: bool,
    /// Whether bytes were let go before there was an item.
    let_go: bool,
    lines: Lines,
    /// No PEM block begins between where the scan is and this byte of the input.
    no_begin: u64,
}

/// A part of the input.
#[derive(Clone, Copy)]
pub(super) struct Window<'a> {
    pub(super) bytes: &'a [u8],
    /// How many bytes of the input are before it.
    pub(super) base: u64,
    /// Whether the input ends with it.
    pub(super) last: bool,
}

/// What a look at a window gave.
pub(super) enum Step {
    /// An item, and where to look next.
    Item(Piece, usize),
    /// Bytes from here on are needed again, with more after them.
    More(usize),
    /// There is nothing more.
    End,
}

/// A part of a window that is one item, not yet decoded or parsed.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// Where the item begins, in bytes of the input.
    pub(super) position: u64,
    /// What to read, in the window.
    pub(super) content: (usize, usize),
    pub(super) form: Form,
    /// How places in the window are counted in the input.
    pub(super) scale: Scale,
}

/// How an item is written.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// The text inside a PEM block.
    Armoured(armour::Label),
    /// A DER value.
    Der,
    /// The lines of a property of a vCard or an attribute of LDIF.
    Property(Property),
    /// Text that may be base64 and nothing else.
    Bare,
    /// Nothing to read.
    Refused(ItemKind, ImportError),
}

#[derive(Clone, Copy, Debug, Default)]
enum Phase {
    /// DER values stand one after the other at the start of the input.
    #[default]
    Der,
    /// In a value that is too large to be held, until this byte of the input if it has a length.
    Overlong {
        start: u64,
        until: Option<u64>,
    },
    /// In bytes after a value that begin no other, which begin at this byte of the input.
    Astray {
        start: u64,
    },
    /// PEM blocks, with anything between them.
    Text,
    End,
}

impl Scanner {
    /// Looks at what is in `window` from `at` on.
    pub(super) fn step(&mut self, window: Window<'_>, mut at: usize) -> Step {
        loop {
            let step = match self.phase {
                Phase::Der => self.der(window, &mut at),
                Phase::Overlong { start, until } => self.overlong(window, start, until, &mut at),
                Phase::Astray { start } => Some(self.astray(window, start, at)),
                Phase::Text => Some(self.text(window, at)),
                Phase::End => Some(Step::End),
            };
            if let Some(step) = step {
                self.found |= matches!(step, Step::Item(..));
                return step;
            }
        }
    }

    /// Takes one DER value; `None` when something else is there.
    ///
    /// The zero octets that some tools pad with and line ends between values do not count.
    fn der(&mut self, window: Window<'_>, at: &mut usize) -> Option<Step> {
        if self.found {
            let rest = window.from(*at);
            *at += rest.iter().take_while(|byte| is_filler(**byte)).count();
        }
        let start = *at;
        let rest = window.from(start);
        if rest.len() <= DER_START && !window.last {
            return Some(Step::More(start));
        }
        if !begins_der(rest) {
            let start = window.position(start);
            let is_astray = self.found && !rest.is_empty() && !rest.starts_with(BEGIN);
            self.phase = if is_astray {
                Phase::Astray { start }
            } else {
                Phase::Text
            };
            return None;
        }
        let size = declared_size(rest);
        let held = size.and_then(|size| usize::try_from(size).ok());
        let room = size.is_none_or(|size| size <= MAX_HELD);
        let complete = match held {
            Some(size) => rest.len() >= size,
            None => false,
        };
        if room && complete {
            if let Ok(value) = Reader::new(rest).any("value") {
                let end = start + value.raw.len();
                return Some(Step::Item(Piece::der(window, start, end), end));
            }
        } else if room && size.is_some() && !window.last {
            return Some(Step::More(start));
        } else if !room {
            let begin = window.position(start);
            let until = size.map(|size| begin.saturating_add(size));
            self.phase = Phase::Overlong {
                start: begin,
                until,
            };
            return None;
        }
        // Its end is not known, or after the input: what remains is one item, but for PEM blocks.
        let begin = armour::next_begin(window.bytes, start);
        let end = begin.unwrap_or(window.bytes.len());
        if end - start > MAX_HELD_SIZE {
            self.phase = Phase::Overlong {
                start: window.position(start),
                until: None,
            };
            return None;
        }
        if begin.is_none() && !window.last {
            return Some(Step::More(start));
        }
        self.phase = Phase::Text;
        Some(Step::Item(Piece::der(window, start, end), end))
    }

    /// Passes over a value that is not held.
    fn overlong(
        &mut self,
        window: Window<'_>,
        start: u64,
        until: Option<u64>,
        at: &mut usize,
    ) -> Option<Step> {
        let end = until.and_then(|until| usize::try_from(until.checked_sub(window.base)?).ok());
        // No further than its end, so that many of them cost no more than their bytes.
        let limit = end.map(|end| end.saturating_add(BEGIN.len() - 1));
        let before = limit.and_then(|limit| window.bytes.get(..limit));
        let begin = armour::next_begin(before.unwrap_or(window.bytes), *at);
        let begin = begin.filter(|begin| end.is_none_or(|end| *begin < end));
        let piece = |error| Piece::new(start, (0, 0), Form::Refused(ItemKind::Other, error));
        let (next, error) = match (begin, end) {
            (Some(begin), Some(_)) => (begin, ImportError::Truncated),
            (Some(begin), None) => (begin, ImportError::TooLarge),
            (None, Some(end)) if end <= window.bytes.len().saturating_sub(BEGIN.len()) => {
                (end, ImportError::TooLarge)
            }
            (None, Some(end)) if window.last && end <= window.bytes.len() => {
                (end, ImportError::TooLarge)
            }
            (None, Some(_)) if window.last => (window.bytes.len(), ImportError::Truncated),
            (None, None) if window.last => (window.bytes.len(), ImportError::TooLarge),
            (None, _) => return Some(Step::More(window.tail(*at))),
        };
        self.phase = if begin.is_none() {
            Phase::Der
        } else {
            Phase::Text
        };
        Some(Step::Item(piece(error), next))
    }

    /// Passes over bytes that begin nothing, up to the next PEM block or certificate: one item, for
    /// what is lost in them would be missed by nobody otherwise.
    fn astray(&mut self, window: Window<'_>, start: u64, at: usize) -> Step {
        let der = next_certificate(window, at);
        // No further than that certificate, so that many of them cost no more than their bytes.
        let limit = der.as_ref().map_or(window.bytes.len(), |der| {
            window.bytes.len().min(der.at() + BEGIN.len() - 1)
        });
        let before = window.bytes.get(..limit).unwrap_or_default();
        let (phase, end) = match (armour::next_begin(before, at), der) {
            (Some(begin), _) => (Phase::Text, begin),
            (None, Some(Candidate::Certificate(at))) => (Phase::Der, at),
            (None, Some(Candidate::Unknown(at))) => return Step::More(at),
            (None, None) if window.last => (Phase::Text, window.bytes.len()),
            (None, None) => return Step::More(window.tail(at)),
        };
        self.phase = phase;
        let astray = Form::Refused(ItemKind::Other, ImportError::Astray);
        Step::Item(Piece::new(start, (0, 0), astray), end)
    }

    /// Finds the next PEM block (RFC 7468 §2), wherever its line begins, or the next line of a vCard
    /// or LDIF that holds a certificate.
    fn text(&mut self, window: Window<'_>, at: usize) -> Step {
        let begin = self.next_begin(window, at);
        if let Some(begin) = begin
            && begin - at < MIN_PROPERTY
        {
            // Nearly always: no more than a line end is between blocks.
            return self.block(window, begin);
        }
        let limit = begin.unwrap_or(window.bytes.len());
        match (self.lines.next(window, at, limit), begin) {
            (
                Some(Found::At {
                    keep,
                    line,
                    property,
                }),
                _,
            ) => {
                let Some(extent) = extent(window, line, property, begin) else {
                    return Step::More(keep);
                };
                let lines = window.bytes.get(line..extent.end).unwrap_or_default();
                if begin == Some(extent.end) && lines.trim_ascii_end().ends_with(b":") {
                    // Its value is the block.
                    return self.block(window, extent.end);
                }
                let piece = Piece::new(window.position(line), extent.content, extent.form);
                Step::Item(piece, extent.end)
            }
            (Some(Found::Unknown(keep)), Some(_)) => Step::More(keep),
            (Some(Found::Unknown(keep)), None) => self.no_block(window, at, keep),
            (None, Some(begin)) => self.block(window, begin),
            (None, None) => self.no_block(window, at, window.bytes.len()),
        }
    }

    fn block(&mut self, window: Window<'_>, begin: usize) -> Step {
        match armour::block(window, begin) {
            Some(Block { content, end, form }) => {
                let piece = Piece::new(window.position(begin), content, form);
                Step::Item(piece, end)
            }
            None => Step::More(begin),
        }
    }

    /// Returns where the next PEM block begins; however many lines are found before it, it is looked
    /// for once.
    fn next_begin(&mut self, window: Window<'_>, at: usize) -> Option<usize> {
        let looked_at = self.no_begin.saturating_sub(window.base);
        let from = at.max(usize::try_from(looked_at).ok()?);
        let begin = armour::next_begin(window.bytes, from);
        self.no_begin = window.position(begin.unwrap_or_else(|| window.tail(from)));
        begin
    }

    /// No block begins here; if that is so of the whole input, it may be bare base64.
    /// What is from `keep` on may begin something.
    fn no_block(&mut self, window: Window<'_>, at: usize, keep: usize) -> Step {
        let held = !self.found && !self.let_go && window.bytes.len() <= MAX_TEXT;
        if !window.last {
            if held {
                return Step::More(0);
            }
            self.let_go |= !self.found;
            return Step::More(window.tail(at).min(keep));
        }
        self.phase = Phase::End;
        if self.found {
            return Step::End;
        }
        let end = window.bytes.len();
        let form = if held {
            Form::Bare
        } else {
            Form::Refused(ItemKind::Other, ImportError::NothingFound)
        };
        Step::Item(Piece::new(0, (0, end), form), end)
    }
}

impl<'a> Window<'a> {
    pub(super) fn from(&self, at: usize) -> &'a [u8] {
        self.bytes.get(at..).unwrap_or_default()
    }

    pub(super) fn position(&self, at: usize) -> u64 {
        self.base
            .saturating_add(u64::try_from(at).unwrap_or(u64::MAX))
    }

    /// Returns where to look on when more bytes are there: a mark may have begun.
    pub(super) fn tail(&self, at: usize) -> usize {
        self.bytes.len().saturating_sub(BEGIN.len() - 1).max(at)
    }
}

impl Piece {
    fn new(position: u64, content: (usize, usize), form: Form) -> Self {
        Self {
            position,
            content,
            form,
            scale: Scale::ONE,
        }
    }

    fn der(window: Window<'_>, start: usize, end: usize) -> Self {
        Self::new(window.position(start), (start, end), Form::Der)
    }

    /// Returns the piece of an input of which the scanner saw the text.
    pub(super) fn scaled(self, scale: Scale) -> Self {
        Self {
            position: scale.position(self.position),
            scale,
            ..self
        }
    }
}

/// Tells a SEQUENCE from text that begins with its identifier octet, the digit 0.
///
/// A long length is no ASCII, and begins no character of UTF-8 either; after a short one come tags
/// and lengths, which are control characters.
fn begins_der(bytes: &[u8]) -> bool {
    let control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    match bytes {
        [SEQUENCE, 0x80..=0x88, ..] => true,
        [SEQUENCE, rest @ ..] => rest.iter().take(DER_START).any(control),
        _ => false,
    }
}

/// Where a certificate may begin.
#[derive(Clone, Copy)]
enum Candidate {
    Certificate(usize),
    /// The window ends before it is known.
    Unknown(usize),
}

impl Candidate {
    fn at(self) -> usize {
        match self {
            Self::Certificate(at) | Self::Unknown(at) => at,
        }
    }
}

/// Returns the next certificate in the middle of other bytes, told by its outer form.
///
/// Only those of 256 bytes to 64 KiB: each place costs a look at four headers, and never asks for
/// more of the input than that.
fn next_certificate(window: Window<'_>, from: usize) -> Option<Candidate> {
    let finder = memmem::Finder::new(CERTIFICATE_START);
    let mut next = from;
    while let Some(at) = armour::find_by(&finder, window.bytes, next) {
        next = at + CERTIFICATE_START.len();
        let rest = window.from(at);
        let size = declared_size(rest).and_then(|size| usize::try_from(size).ok());
        match size.and_then(|size| rest.get(..size)) {
            Some(value) if rest.len() >= MIN_HEADER && der_kind(value) == DerKind::Certificate => {
                return Some(Candidate::Certificate(at));
            }
            Some(_) if rest.len() >= MIN_HEADER => {}
            _ if window.last => {}
            _ => return Some(Candidate::Unknown(at)),
        }
    }
    None
}

/// Returns the bytes of a value with its header, as far as that says; not if it is indefinite.
fn declared_size(value: &[u8]) -> Option<u64> {
    let [_, first, rest @ ..] = value else {
        return Some(2);
    };
    if *first < 0x80 {
        return Some(2 + u64::from(*first));
    }
    let octets = usize::from(*first & 0x7f);
    if octets == 0 {
        return None;
    }
    let length = rest.iter().take(octets).fold(0_u64, |length, octet| {
        length.saturating_mul(256).saturating_add(u64::from(*octet))
    });
    Some(length.saturating_add(2 + u64::from(*first & 0x7f)))
}

fn is_filler(byte: u8) -> bool {
    byte == 0 || byte.is_ascii_whitespace()
}

/// Bytes of the shortest property, with the line end before it.
const MIN_PROPERTY: usize = b"\nKEY:".len();

/// How many bytes after the first tell DER from text.
const DER_START: usize = 16;

const SEQUENCE: u8 = 0x30;

/// A SEQUENCE whose length takes two bytes, and its header.
const CERTIFICATE_START: &[u8] = &[SEQUENCE, 0x82];
const MIN_HEADER: usize = 4;

/// Bytes of the largest DER value that is looked into: a container of some thousand certificates.
const MAX_HELD: u64 = 16 << 20;
pub(super) const MAX_HELD_SIZE: usize = 16 << 20;

/// Bytes of the same in base64, with line ends.
pub(super) const MAX_TEXT: usize = MAX_HELD_SIZE / 2 * 3;
