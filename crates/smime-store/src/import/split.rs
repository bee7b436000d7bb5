use memchr::memmem;
use smime_crypto::{Secret, asn1::Reader};

use super::item::{ImportError, ItemKind, decode};

/// A part of a file that is one item, not yet decoded or parsed.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    pub(super) position: u64,
    pub(super) payload: Payload<'a>,
}

#[derive(Debug)]
pub(super) enum Payload<'a> {
    /// The text of a certificate's PEM block; `trusted` is OpenSSL's form with notes.
    Base64 { text: &'a [u8], trusted: bool },
    /// A DER value of the file.
    Der(&'a [u8]),
    /// A DER value of a file that is base64 as a whole.
    OwnedDer(Secret),
    /// An item that needs no reading to be refused.
    Refused(ItemKind, ImportError),
}

/// Finds the items of a file; at least one.
pub(super) fn split(file: &[u8]) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let text = split_der(file, &mut pieces);
    split_pem(file, text, &mut pieces);
    if pieces.is_empty() {
        split_bare_base64(file, &mut pieces);
    }
    if pieces.is_empty() {
        pieces.push(refused(0, ItemKind::Other, ImportError::NothingFound));
    }
    pieces
}

/// Takes DER values off the start of the file; returns where they end.
///
/// The zero octets that some tools pad with and line ends between values do not count.
fn split_der<'a>(file: &'a [u8], pieces: &mut Vec<Piece<'a>>) -> usize {
    let mut at = 0;
    loop {
        let rest = file.get(at..).unwrap_or_default();
        let gap = rest
            .iter()
            .take_while(|byte| at > 0 && is_filler(**byte))
            .count();
        let rest = rest.get(gap..).unwrap_or_default();
        let start = at + gap;
        if !begins_der(rest) {
            return at;
        }
        let Ok(value) = Reader::new(rest).any("value") else {
            // Its length leads past the end: what remains is one item, but for PEM blocks in it.
            let end = next(file, start, BEGIN).unwrap_or(file.len());
            let broken = file.get(start..end).unwrap_or_default();
            pieces.push(Piece {
                position: position(start),
                payload: Payload::Der(broken),
            });
            return end;
        };
        pieces.push(Piece {
            position: position(start),
            payload: Payload::Der(value.raw),
        });
        at = start + value.raw.len();
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
        [SEQUENCE, rest @ ..] => rest.iter().take(16).any(control),
        _ => false,
    }
}

/// Finds the PEM blocks (RFC 7468 §2) from `at` on, wherever their lines begin.
fn split_pem<'a>(file: &'a [u8], mut at: usize, pieces: &mut Vec<Piece<'a>>) {
    while let Some(begin) = next(file, at, BEGIN) {
        let (payload, end) = block(file, begin);
        pieces.push(Piece {
            position: position(begin),
            payload,
        });
        at = end;
    }
}

/// Reads the block that begins at `begin`; returns where the search goes on.
fn block(file: &[u8], begin: usize) -> (Payload<'_>, usize) {
    let after = begin + BEGIN.len();
    let Some((label, content)) = label(file, after) else {
        let error = ImportError::BadArmour("has no end of its first line");
        return (Payload::Refused(ItemKind::Other, error), after);
    };
    let kind = Label::of(label);
    let broken = |what, at| {
        (
            Payload::Refused(kind.item_kind(), ImportError::BadArmour(what)),
            at,
        )
    };
    let next_begin = next(file, content, BEGIN);
    let limit = next_begin.unwrap_or(file.len());
    let Some(end) = next(file.get(..limit).unwrap_or_default(), content, END) else {
        return broken("has no last line", limit);
    };
    let Some((end_label, end_of_block)) = self::label(file, end + END.len()) else {
        return broken("has no end of its last line", end + END.len());
    };
    if end_label.trim_ascii() != label.trim_ascii() {
        return broken("begins and ends with different names", end_of_block);
    }
    let text = file.get(content..end).unwrap_or_default();
    (kind.payload(text), end_of_block)
}

/// Returns the label that begins at `start`, and where the dashes after it end.
fn label(file: &[u8], start: usize) -> Option<(&[u8], usize)> {
    let rest = file.get(start..)?;
    let line = rest.get(..MAX_LABEL.min(rest.len()))?;
    let dashes = memmem::find(line, DASHES)?;
    let label = line.get(..dashes)?;
    let printable = label.iter().all(|byte| (0x20..0x7f).contains(byte));
    // The dashes of the next block are not those of this line.
    let own = !rest.get(dashes..).unwrap_or_default().starts_with(BEGIN);
    (printable && own).then_some((label, start + dashes + DASHES.len()))
}

/// What the name of a PEM block says about it.
#[derive(Clone, Copy)]
enum Label {
    Certificate,
    TrustedCertificate,
    Pkcs7,
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
            Self::Pkcs7 | Self::Other => ItemKind::Other,
        }
    }

    fn payload(self, text: &[u8]) -> Payload<'_> {
        let error = match self {
            Self::Certificate => {
                return Payload::Base64 {
                    text,
                    trusted: false,
                };
            }
            Self::TrustedCertificate => {
                return Payload::Base64 {
                    text,
                    trusted: true,
                };
            }
            Self::Pkcs7 => ImportError::UnsupportedContainer("PKCS#7"),
            Self::Key => ImportError::PrivateKey,
            Self::Crl => ImportError::Crl,
            Self::Request => ImportError::Request,
            Self::Other => ImportError::UnsupportedKind,
        };
        Payload::Refused(self.item_kind(), error)
    }
}

/// Reads a file that is base64 and nothing else: as a whole, or by paragraphs.
fn split_bare_base64<'a>(file: &'a [u8], pieces: &mut Vec<Piece<'a>>) {
    let start = if file.starts_with(BOM) { BOM.len() } else { 0 };
    let text = file.get(start..).unwrap_or_default();
    if push_decoded(text, start, pieces) {
        return;
    }
    for (at, paragraph) in paragraphs(text) {
        push_decoded(paragraph, start + at, pieces);
    }
}

/// Adds the DER values that `text` decodes to, all at the position of the text.
fn push_decoded(text: &[u8], at: usize, pieces: &mut Vec<Piece<'_>>) -> bool {
    let Ok(der) = decode(text) else { return false };
    let mut rest = der.expose();
    if rest.first() != Some(&SEQUENCE) || rest.len() < 2 {
        return false;
    }
    let blank = text
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count();
    while !rest.is_empty() {
        let value = Reader::new(rest)
            .any("value")
            .map_or(rest, |value| value.raw);
        let payload = Payload::OwnedDer(Secret::from(value));
        pieces.push(Piece {
            position: position(at + blank),
            payload,
        });
        rest = rest.get(value.len()..).unwrap_or_default();
    }
    true
}

/// Splits text at empty lines; returns each part with its position.
fn paragraphs(text: &[u8]) -> Vec<(usize, &[u8])> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut at = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let end = at + line.len();
        if line.trim_ascii().is_empty() {
            parts.extend(
                text.get(start..at)
                    .filter(|part| !part.is_empty())
                    .map(|part| (start, part)),
            );
            start = end;
        }
        at = end;
    }
    parts.extend(
        text.get(start..)
            .filter(|part| !part.is_empty())
            .map(|part| (start, part)),
    );
    parts
}

fn refused<'a>(at: usize, kind: ItemKind, error: ImportError) -> Piece<'a> {
    Piece {
        position: position(at),
        payload: Payload::Refused(kind, error),
    }
}

/// Returns where `what` begins, at `from` or later.
fn next(file: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    memmem::find(file.get(from..)?, what).map(|at| from + at)
}

fn position(at: usize) -> u64 {
    u64::try_from(at).unwrap_or(u64::MAX)
}

fn is_filler(byte: u8) -> bool {
    byte == 0 || byte.is_ascii_whitespace()
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
const BOM: &[u8] = b"\xef\xbb\xbf";
const SEQUENCE: u8 = 0x30;

/// Bytes of a label with the dashes after it; the longest in use has 23.
const MAX_LABEL: usize = 80;
