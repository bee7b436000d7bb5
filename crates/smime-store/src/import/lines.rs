use memchr::memchr;

use super::{
    item::ImportError,
    property::Property,
    scan::{Form, MAX_TEXT, Window},
};

/// Finds the lines of vCards and LDIF that hold certificates or keys, in windows that move over an
/// input.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// How many bytes of the input were looked at: no line that begins in them is looked for again.
    seen: u64,
    /// Whether a vCard goes on there: outside of one, KEY is a word like any other.
    in_card: bool,
}

/// Where a property is.
pub(super) enum Found {
    /// It begins at `line`; what `keep` is before, the search needs to find it again.
    At {
        keep: usize,
        line: usize,
        property: Property,
    },
    /// The window ends before it is known whether one begins behind this byte.
    Unknown(usize),
}

/// The lines of a property, or as much as there is of them.
pub(super) struct Extent {
    pub(super) form: Form,
    pub(super) content: (usize, usize),
    /// Where the search goes on.
    pub(super) end: usize,
}

impl Lines {
    /// Returns the next property whose line begins between `at` and `limit`.
    ///
    /// A line begins at the start of the input or after a line feed; names are not folded.
    pub(super) fn next(&mut self, window: Window<'_>, at: usize, limit: usize) -> Option<Found> {
        let seen = usize::try_from(self.seen.saturating_sub(window.base)).ok()?;
        let mut from = at.max(seen);
        if window.position(from) == 0 {
            let line = match window.bytes.strip_prefix(BOM) {
                Some(_) => BOM.len(),
                None => 0,
            };
            if let Some(found) = self.line(window, 0, line) {
                return Some(found);
            }
        }
        while let Some(before) = window.bytes.get(from..limit)
            && let Some(feed) = memchr(b'\n', before)
        {
            let keep = from + feed;
            if let Some(found) = self.line(window, keep, keep + 1) {
                return Some(found);
            }
            from = keep + 1;
        }
        self.seen = self.seen.max(window.position(limit));
        None
    }

    /// Looks at the start of a line.
    fn line(&mut self, window: Window<'_>, keep: usize, line: usize) -> Option<Found> {
        let rest = window.from(line);
        if rest.len() < MAX_NAME && !window.last {
            return Some(Found::Unknown(keep));
        }
        let start = rest.get(..MAX_NAME).unwrap_or(rest);
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-.".contains(byte);
        let length = start.iter().take_while(|byte| is_name(byte)).count();
        let (name, after) = start.split_at(length);
        if let [b':' | b';', value @ ..] = after {
            if let Some(property) = self.property(name) {
                return Some(Found::At {
                    keep,
                    line,
                    property,
                });
            }
            let value = value.get(..CARD.len()).unwrap_or_default();
            if value.eq_ignore_ascii_case(CARD) {
                self.in_card |= name.eq_ignore_ascii_case(b"BEGIN");
                self.in_card &= !name.eq_ignore_ascii_case(b"END");
            }
        }
        self.seen = window.position(line);
        None
    }

    fn property(&self, name: &[u8]) -> Option<Property> {
        if self.in_card {
            // A group may be before it (RFC 6350 §3.3).
            let last = name.rsplit(|byte| *byte == b'.').next();
            return last
                .is_some_and(|name| name.eq_ignore_ascii_case(b"KEY"))
                .then_some(Property::CardKey);
        }
        let known = |(known, _): &&(&str, Property)| name.eq_ignore_ascii_case(known.as_bytes());
        ATTRIBUTES.iter().find(known).map(|(_, property)| *property)
    }
}

/// Returns the lines of the property that begins at `line`, before the next PEM block at `begin`;
/// `None` when the window ends before they do.
pub(super) fn extent(
    window: Window<'_>,
    line: usize,
    property: Property,
    begin: Option<usize>,
) -> Option<Extent> {
    let end = end(window, line, property);
    // Base64 has no dashes: a block is never a part of the value.
    let end = match (end, begin) {
        (Some(end), Some(begin)) => Some(end.min(begin)),
        (end, begin) => end.or(begin),
    };
    let known = end.unwrap_or(window.bytes.len());
    let is_large = known - line > MAX_TEXT;
    if end.is_none() && !is_large {
        return None;
    }
    let form = if is_large {
        Form::Refused(property.item_kind(), ImportError::TooLarge)
    } else {
        Form::Property(property)
    };
    Some(Extent {
        form,
        content: if is_large {
            (line, line)
        } else {
            (line, known)
        },
        end: end.unwrap_or_else(|| window.tail(line)),
    })
}

/// Returns where the last line of a property ends, as far as the window shows it.
///
/// A line that begins with a space goes on with the one before (RFC 2849, RFC 6350 §3.2), in vCards
/// also one that begins with a tab, and one that is base64 and nothing else, as vCard 2.1 has it.
fn end(window: Window<'_>, line: usize, property: Property) -> Option<usize> {
    let in_card = property == Property::CardKey;
    let mut from = line;
    loop {
        let Some(feed) = memchr(b'\n', window.from(from)).map(|feed| from + feed) else {
            return window.last.then_some(window.bytes.len());
        };
        let next = feed + 1;
        let goes_on = match window.from(next).first() {
            Some(b' ') => true,
            Some(b'\t') => in_card,
            Some(_) if in_card => is_base64(window, next)?,
            Some(_) => false,
            None if window.last => false,
            None => return None,
        };
        if !goes_on {
            return Some(feed);
        }
        from = next;
    }
}

/// Says whether a line is base64 and nothing else; `None` when the window ends before it is known.
fn is_base64(window: Window<'_>, line: usize) -> Option<bool> {
    let rest = window.from(line);
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/= \t\r".contains(byte);
    let length = rest.iter().take_while(|byte| is_allowed(byte)).count();
    let (text, after) = rest.split_at(length);
    match after.first() {
        None if !window.last => None,
        None | Some(b'\n') => Some(!text.trim_ascii().is_empty()),
        Some(_) => Some(false),
    }
}

/// Names of attributes (RFC 4523 §3, RFC 2798 §2.8, §2.9).
const ATTRIBUTES: [(&str, Property); 8] = [
    ("userCertificate", Property::Certificate),
    ("cACertificate", Property::Certificate),
    ("userSMIMECertificate", Property::Container),
    ("userPKCS12", Property::Container),
    ("crossCertificatePair", Property::Container),
    ("certificateRevocationList", Property::Crl),
    ("authorityRevocationList", Property::Crl),
    ("deltaRevocationList", Property::Crl),
];

/// Bytes at the start of a line that tell whether it is one of these: a name, a group before it, and
/// what begins a vCard.
const MAX_NAME: usize = 64;

const CARD: &[u8] = b"VCARD";
const BOM: &[u8] = b"\xef\xbb\xbf";
