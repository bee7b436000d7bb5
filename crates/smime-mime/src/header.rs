use std::{fmt, sync::Arc};

use memchr::{memchr, memchr_iter};

use crate::{Error, Mailbox, address};

pub(crate) mod charset;
pub(crate) mod encoded_word;
pub(crate) mod lexer;

/// A header block: its exact bytes, looked into when asked.
#[derive(Clone)]
pub struct Headers {
    raw: Arc<[u8]>,
}

impl Headers {
    /// Takes the bytes of a header block without the blank line that ends it.
    ///
    /// NUL and a CR without LF are refused, because readers disagree on where such a line ends;
    /// so is a line that is neither a field nor its continuation (RFC 5322 §2.2).
    pub(crate) fn parse(raw: Vec<u8>) -> Result<Self, Error> {
        let malformed = |what, at: usize| Error::malformed(what, offset(at));
        if let Some(at) = memchr(0, &raw) {
            return Err(malformed("NUL in a header", at));
        }
        for at in memchr_iter(b'\r', &raw) {
            if raw.get(at + 1) != Some(&b'\n') {
                return Err(malformed("CR without LF in a header", at));
            }
        }
        let headers = Self { raw: raw.into() };
        let mut start = 0;
        for field in headers.fields() {
            let name = field.name();
            if name.is_empty() || !name.bytes().all(|byte| (33..=126).contains(&byte)) {
                return Err(malformed("header line without a field name", start));
            }
            start += field.raw.len();
        }
        Ok(headers)
    }

    /// Returns the exact bytes, without the blank line that ends the block.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Returns the fields in their order.
    pub fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        Fields(&self.raw)
    }

    /// Returns the first field called `name`, in whatever case.
    pub fn first(&self, name: &str) -> Option<Field<'_>> {
        self.fields().find(|field| field.is(name))
    }

    /// Counts the fields called `name`, in whatever case.
    pub fn count(&self, name: &str) -> usize {
        self.fields().filter(|field| field.is(name)).count()
    }

    /// Returns the text of the first field called `name`: unfolded, encoded words decoded
    /// (RFC 2047).
    ///
    /// Encoded words in other character sets than UTF-8, ISO-8859-1 and US-ASCII stay as they
    /// are. Control characters come out as U+FFFD. The text is for showing, not for deciding.
    pub fn text(&self, name: &str) -> Option<String> {
        Some(encoded_word::decode(&self.first(name)?.value()))
    }

    /// Returns the mailboxes in all fields called `name`, members of groups included
    /// (RFC 5322 §3.4); none if there is no such field.
    ///
    /// # Errors
    /// [`Error::Malformed`] when any of the fields can be read in more than one way, or in none.
    pub fn addresses(&self, name: &str) -> Result<Vec<Mailbox>, Error> {
        let mut mailboxes = Vec::new();
        let mut start = 0;
        for field in self.fields() {
            if field.is(name) {
                let body = std::str::from_utf8(field.body())
                    .map_err(|_| Error::malformed("address field that is not UTF-8", start))?;
                address::parse(&unfold(body), &mut mailboxes)
                    .map_err(|what| Error::malformed(what, start))?;
            }
            start = start.saturating_add(offset(field.raw.len()));
        }
        Ok(mailboxes)
    }
}

impl fmt::Debug for Headers {
    /// Says how many fields there are, not what they hold: a header may be decrypted text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Headers({} fields)", self.fields().count())
    }
}

/// One header field.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    raw: &'a [u8],
}

impl<'a> Field<'a> {
    /// Returns the name as written.
    pub fn name(&self) -> &'a str {
        let end = memchr(b':', self.raw).unwrap_or(0);
        let name = self.raw.get(..end).unwrap_or_default();
        // Blanks before the colon are obsolete but legal (RFC 5322 §4.5).
        std::str::from_utf8(name)
            .unwrap_or_default()
            .trim_end_matches([' ', '\t'])
    }

    /// Returns the exact bytes of the field, with its line ends.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Returns what follows the colon, unfolded, without blanks around it (RFC 5322 §2.2.3).
    ///
    /// Bytes that are not UTF-8 come out as U+FFFD.
    pub fn value(&self) -> String {
        unfold(&String::from_utf8_lossy(self.body()))
    }

    /// Whether the field is called `name`, in whatever case.
    pub fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name)
    }

    fn body(&self) -> &'a [u8] {
        memchr(b':', self.raw)
            .and_then(|at| self.raw.get(at + 1..))
            .unwrap_or_default()
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field({})", self.name())
    }
}

struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let end = memchr_iter(b'\n', self.0)
            .map(|at| at + 1)
            .find(|&next| !matches!(self.0.get(next), Some(b' ' | b'\t')))
            .unwrap_or(self.0.len());
        let (raw, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        Some(Field { raw })
    }
}

/// Removes line ends; the blanks after them stay (RFC 5322 §2.2.3).
fn unfold(text: &str) -> String {
    text.replace(['\r', '\n'], "")
        .trim_matches([' ', '\t'])
        .to_owned()
}

fn offset(at: usize) -> u64 {
    u64::try_from(at).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
