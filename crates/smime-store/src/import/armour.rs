//! The lines around PEM blocks (RFC 7468 §2), read as people and tools write them.

use memchr::{memchr, memmem};

use super::{
    item::{ImportError, ItemKind},
    scan::{Form, MAX_TEXT, Window},
};

/// A PEM block, or as much of one as there is.
pub(super) struct Block {
    /// What to read: the text inside, and of a private key the whole block.
    pub(super) content: (usize, usize),
    /// Where the search goes on.
    pub(super) end: usize,
    pub(super) form: Form,
}

/// What the name of a PEM block says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Certificate,
    TrustedCertificate,
    Pkcs7,
    Pkcs12,
    Key,
    Crl,
    Request,
    Other,
}

impl Label {
    fn of(label: &[u8]) -> Self {
        match label.trim_ascii() {
            b"CERTIFICATE" | b"X509 CERTIFICATE" | b"X.509 CERTIFICATE" => Self::Certificate,
            b"TRUSTED CERTIFICATE" => Self::TrustedCertificate,
            b"PKCS7" | b"PKCS #7 SIGNED DATA" | b"CMS" => Self::Pkcs7,
            b"PKCS12" => Self::Pkcs12,
            b"X509 CRL" | b"CRL" => Self::Crl,
            b"CERTIFICATE REQUEST" | b"NEW CERTIFICATE REQUEST" => Self::Request,
            label if label.ends_with(b"PRIVATE KEY") => Self::Key,
            _ => Self::Other,
        }
    }

    fn item_kind(self) -> ItemKind {
        match self {
            Self::Certificate | Self::TrustedCertificate => ItemKind::Certificate,
            Self::Key => ItemKind::Key,
            Self::Crl => ItemKind::Crl,
            Self::Request => ItemKind::Request,
            Self::Pkcs7 | Self::Pkcs12 | Self::Other => ItemKind::Other,
        }
    }

    fn form(self) -> Form {
        match self {
            Self::Request => Form::Refused(ItemKind::Request, ImportError::Request),
            Self::Other => Form::Refused(ItemKind::Other, ImportError::UnsupportedKind),
            Self::Certificate
            | Self::TrustedCertificate
            | Self::Crl
            | Self::Pkcs7
            | Self::Pkcs12
            | Self::Key => Form::Armoured(self),
        }
    }
}

/// Reads the block that begins at `begin`; `None` when that takes more than is in the window.
pub(super) fn block(window: Window<'_>, begin: usize) -> Option<Block> {
    let after = begin + BEGIN.len();
    let refused = |kind, error, end| Block {
        content: (begin, begin),
        end,
        form: Form::Refused(kind, error),
    };
    let Some((label, content)) = label(window, after)? else {
        let error = ImportError::BadArmour("has no end of its first line");
        return Some(refused(ItemKind::Other, error, after));
    };
    let name = Label::of(label);
    let kind = name.item_kind();
    let broken = |what, end| Some(refused(kind, ImportError::BadArmour(what), end));
    let mark = mark(window, content);
    let found = mark.map_or(window.bytes.len(), |mark| mark.at());
    if found - begin > MAX_TEXT + BEGIN.len() {
        let end = mark.map_or(window.tail(content), |mark| mark.at());
        return Some(refused(kind, ImportError::TooLarge, end));
    }
    let end = match mark {
        None if !window.last => return None,
        None => return broken("has no last line", window.bytes.len()),
        Some(Mark::Begin(at)) => return broken("has no last line", at),
        Some(Mark::End(at)) => at,
    };
    let Some((end_label, end_of_block)) = self::label(window, end + END.len())? else {
        return broken("has no end of its last line", end + END.len());
    };
    if end_label.trim_ascii() != label.trim_ascii() {
        return broken("begins and ends with different names", end_of_block);
    }
    let content = match name {
        Label::Key => (begin, end_of_block),
        _ => (content, end),
    };
    Some(Block {
        content,
        end: end_of_block,
        form: name.form(),
    })
}

/// Returns the label that begins at `start`, if there is one, and where the dashes after it end;
/// `None` when that takes more than is in the window.
#[expect(clippy::option_option, reason = "not there, and not known yet")]
fn label(window: Window<'_>, start: usize) -> Option<Option<(&[u8], usize)>> {
    let rest = window.from(start);
    if rest.len() < MAX_LABEL + BEGIN.len() && !window.last {
        return None;
    }
    let line = rest.get(..MAX_LABEL.min(rest.len())).unwrap_or_default();
    let Some((dashes, _)) = dashes(line, 0) else {
        return Some(None);
    };
    let label = line.get(..dashes).unwrap_or_default();
    let printable = label.iter().all(|byte| (0x20..0x7f).contains(byte));
    // The dashes of the next block are not those of this line.
    let own = !rest.get(dashes..).unwrap_or_default().starts_with(BEGIN);
    Some((printable && own).then_some((label, start + dashes + DASHES.len())))
}

/// Where a line of armour begins.
#[derive(Clone, Copy)]
enum Mark {
    Begin(usize),
    End(usize),
}

impl Mark {
    fn at(self) -> usize {
        match self {
            Self::Begin(at) | Self::End(at) => at,
        }
    }
}

/// Returns the next mark at `from` or later, as far as the window shows one.
fn mark(window: Window<'_>, mut from: usize) -> Option<Mark> {
    loop {
        let (dashes, run) = dashes(window.bytes, from)?;
        let after = window.from(dashes + run);
        // The last five dashes of a run are those of the mark.
        let at = dashes + run - DASHES.len();
        let begin = BEGIN.get(DASHES.len()..).unwrap_or_default();
        let end = END.get(DASHES.len()..).unwrap_or_default();
        if after.starts_with(begin) {
            return Some(Mark::Begin(at));
        }
        if after.starts_with(end) {
            return Some(Mark::End(at));
        }
        if !window.last && (begin.starts_with(after) || end.starts_with(after)) {
            return None;
        }
        from = dashes + run;
    }
}

/// Returns where the next run of five dashes or more begins, at `from` or later, and how many they
/// are.
///
/// One dash is looked for and then the others: base64 has none.
fn dashes(bytes: &[u8], mut from: usize) -> Option<(usize, usize)> {
    loop {
        let rest = bytes.get(from..)?;
        let first = memchr(b'-', rest)?;
        let run = rest.get(first..)?.iter();
        let run = run.take_while(|byte| **byte == b'-').count();
        if run >= DASHES.len() {
            return Some((from + first, run));
        }
        from += first + run;
    }
}

/// Returns where the next block begins, at `from` or later.
///
/// Nearly always that is after a line end.
pub(super) fn next_begin(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    for space in [&b""[..], b"\n", b"\r\n"] {
        let after = rest.strip_prefix(space);
        if after.is_some_and(|after| after.starts_with(BEGIN)) {
            return Some(from + space.len());
        }
    }
    let found = memmem::find(rest, BEGIN).map(|at| from + at);
    #[cfg(test)]
    looked_at::add(from, found.map_or(bytes.len(), |at| at + BEGIN.len()));
    found
}

/// Returns where what is looked for many times begins, at `from` or later.
pub(super) fn find_by(what: &memmem::Finder<'_>, bytes: &[u8], from: usize) -> Option<usize> {
    let found = what.find(bytes.get(from..)?).map(|at| from + at);
    #[cfg(test)]
    looked_at::add(
        from,
        found.map_or(bytes.len(), |at| at + what.needle().len()),
    );
    found
}

pub(super) const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// Bytes of a label with the dashes after it; the longest in use has 23.
const MAX_LABEL: usize = 80;

/// How many bytes the searches of a thread passed over: what they cost, without a clock.
#[cfg(test)]
pub(super) mod looked_at {
    use std::cell::Cell;

    thread_local!(static BYTES: Cell<usize> = const { Cell::new(0) });

    pub(in super::super) fn add(from: usize, to: usize) {
        BYTES.with(|bytes| bytes.set(bytes.get() + to - from));
    }

    /// Returns the count and begins anew.
    pub(in super::super) fn take() -> usize {
        BYTES.take()
    }
}
