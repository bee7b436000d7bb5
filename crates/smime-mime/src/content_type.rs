use std::collections::BTreeMap;

use crate::{Error, Headers, header::charset, header::lexer};

/// A media type and its parameters (RFC 2045 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentType {
    /// Type and subtype in lower case, as `multipart/signed`.
    pub media_type: String,
    parameters: Parameters,
}

impl ContentType {
    /// Reads the `Content-Type` of a header block; `absent` if there is none.
    ///
    /// Two fields are an error, because readers disagree on which one counts.
    pub(crate) fn of(headers: &Headers, absent: &str) -> Result<Self, Error> {
        match headers.count("content-type") {
            0 => Ok(Self {
                media_type: absent.to_owned(),
                parameters: Parameters::default(),
            }),
            1 => {
                let value = headers.first("content-type").map(|field| field.value());
                Self::parse(&value.unwrap_or_default())
                    .ok_or(Error::malformed("content type that cannot be read", 0))
            }
            _ => Err(Error::malformed("more than one content type", 0)),
        }
    }

    /// Returns the value of the parameter called `name`, in whatever case; continuations are
    /// joined and character sets read (RFC 2231 §3, §4).
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.value(name)
    }

    fn parse(value: &str) -> Option<Self> {
        let blank = lexer::skip_blanks_and_comments;
        let (kind, rest) = lexer::run(blank(value)?, is_token_character)?;
        let rest = blank(rest)?.strip_prefix('/')?;
        let (subtype, rest) = lexer::run(blank(rest)?, is_token_character)?;
        let media_type = format!("{kind}/{subtype}").to_ascii_lowercase();
        Some(Self {
            media_type,
            parameters: Parameters::parse(rest)?,
        })
    }
}

/// Returns the file name that the header gives, if any: of the disposition (RFC 2183 §2.3), or of
/// the content type.
pub(crate) fn file_name(headers: &Headers, content_type: &ContentType) -> Option<String> {
    let disposition = headers.first("content-disposition").and_then(|field| {
        let value = field.value();
        let (_, rest) = lexer::run(lexer::skip_blanks_and_comments(&value)?, is_token_character)?;
        Parameters::parse(rest)?
            .value("filename")
            .map(str::to_owned)
    });
    disposition.or_else(|| content_type.parameter("name").map(str::to_owned))
}

/// Parameters by name in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Parameters(BTreeMap<String, String>);

impl Parameters {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// Reads what follows the media type; `None` if it is malformed, or if a parameter has two
    /// different values.
    fn parse(text: &str) -> Option<Self> {
        let blank = lexer::skip_blanks_and_comments;
        let mut plain = BTreeMap::new();
        let mut pieces: BTreeMap<String, BTreeMap<u32, Piece>> = BTreeMap::new();
        let mut rest = blank(text)?;
        while !rest.is_empty() {
            rest = blank(rest.strip_prefix(';')?)?;
            if rest.is_empty() || rest.starts_with(';') {
                continue;
            }
            let (name, after) = lexer::run(rest, is_token_character)?;
            let after = blank(blank(after)?.strip_prefix('=')?)?;
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => lexer::quoted_string(quoted)?,
                None => {
                    let (value, after) = lexer::run(after, is_value_character)?;
                    (value.to_owned(), after)
                }
            };
            rest = blank(after)?;
            match Section::parse(name) {
                None => insert(&mut plain, name.to_ascii_lowercase(), value)?,
                Some(section) => {
                    let piece = Piece {
                        extended: section.extended,
                        value,
                    };
                    let pieces = pieces.entry(section.name.to_ascii_lowercase()).or_default();
                    insert(pieces, section.number, piece)?;
                }
            }
        }
        for (name, pieces) in pieces {
            let value = join(pieces)?;
            // Only names for showing may come in an old and a new spelling (RFC 2231 §3).
            if matches!(name.as_str(), "name" | "filename") {
                plain.insert(name, value);
            } else {
                insert(&mut plain, name, value)?;
            }
        }
        Some(Self(plain))
    }
}

/// Adds an entry; `None` if there is a different one.
fn insert<K: Ord, V: PartialEq>(map: &mut BTreeMap<K, V>, key: K, value: V) -> Option<()> {
    match map.get(&key) {
        Some(held) if *held != value => None,
        Some(_) => Some(()),
        None => {
            map.insert(key, value);
            Some(())
        }
    }
}

/// A name with an asterisk: `name*`, `name*0`, `name*0*` (RFC 2231 §3, §4).
struct Section<'a> {
    name: &'a str,
    number: u32,
    extended: bool,
}

impl<'a> Section<'a> {
    fn parse(written: &'a str) -> Option<Self> {
        let (name, section) = written.split_once('*')?;
        if section.is_empty() {
            return Some(Self {
                name,
                number: 0,
                extended: true,
            });
        }
        let (digits, extended) = match section.strip_suffix('*') {
            Some(digits) => (digits, true),
            None => (section, false),
        };
        let number = digits
            .parse()
            .ok()
            .filter(|number: &u32| number.to_string() == digits)?;
        Some(Self {
            name,
            number,
            extended,
        })
    }
}

#[derive(PartialEq)]
struct Piece {
    extended: bool,
    value: String,
}

/// Joins the pieces of one parameter; `None` if one is missing.
fn join(pieces: BTreeMap<u32, Piece>) -> Option<String> {
    let mut charset = String::new();
    let mut bytes = Vec::new();
    for ((number, piece), expected) in pieces.into_iter().zip(0..) {
        if number != expected {
            return None;
        }
        let mut value = piece.value.as_str();
        if piece.extended && number == 0 {
            let (name, rest) = value.split_once('\'')?;
            (_, value) = rest.split_once('\'')?;
            name.clone_into(&mut charset);
        }
        if piece.extended {
            percent_decode(value, &mut bytes)?;
        } else {
            bytes.extend_from_slice(value.as_bytes());
        }
    }
    charset::decode(&charset, &bytes).or_else(|| Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn percent_decode(value: &str, decoded: &mut Vec<u8>) -> Option<()> {
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => charset::hex(bytes.next()?, bytes.next()?)?,
            other => other,
        });
    }
    Some(())
}

/// Characters of a token (RFC 2045 §5.1).
pub(crate) fn is_token_character(character: char) -> bool {
    character.is_ascii_graphic() && !"()<>@,;:\\\"/[]?=".contains(character)
}

/// Characters of a value without quotes: more than a token has, because `protocol` and `boundary`
/// come with slashes, colons and equals signs from clients that forget the quotes.
fn is_value_character(character: char) -> bool {
    !matches!(character, ';' | '"' | '(' | ' ' | '\t')
}

#[cfg(test)]
mod tests;
