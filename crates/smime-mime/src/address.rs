use crate::header::{encoded_word, lexer};

/// A mailbox: the address, and the name shown beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The display name, encoded words decoded; whatever it says, it is not an address.
    pub display: Option<String>,
    /// The addr-spec as written, without comments and blanks (RFC 5322 §3.4.1).
    pub address: String,
}

/// Reads an address list and appends its mailboxes to `mailboxes` (RFC 5322 §3.4).
///
/// Strict where a reader could be led to another address than the one meant: two addresses without
/// a comma, source routes, and addresses without local part or domain are errors. A display name
/// that is itself an address without quotes is read as a display name, because many programs write
/// one; the address is what stands in the angle brackets and nothing else.
pub(crate) fn parse(text: &str, mailboxes: &mut Vec<Mailbox>) -> Result<(), &'static str> {
    let mut parser = Parser { rest: text };
    let mut in_group = false;
    loop {
        let (words, mut stop) = parser.words()?;
        match stop {
            Some(Token::Special('<')) => {
                let address = parser.angle_address()?;
                mailboxes.push(Mailbox {
                    display: display(&words),
                    address,
                });
                stop = parser.next()?;
            }
            Some(Token::Special('@')) => {
                let (domain, after) = parser.words()?;
                let (shown, address);
                if matches!(after, Some(Token::Special('<'))) {
                    let around = [display(&words), display(&domain)].map(Option::unwrap_or_default);
                    shown = Some(around.join("@"));
                    address = parser.angle_address()?;
                    stop = parser.next()?;
                } else {
                    shown = None;
                    (address, stop) = parser.address(&words, (domain, after))?;
                }
                mailboxes.push(Mailbox {
                    display: shown,
                    address,
                });
            }
            Some(Token::Special(':')) if !in_group && !words.is_empty() => {
                in_group = true;
                continue;
            }
            // An empty element between commas is obsolete but harmless (RFC 5322 §4.4).
            _ if words.is_empty() => {}
            _ => return Err("name without an address"),
        }
        if in_group && matches!(stop, Some(Token::Special(';'))) {
            in_group = false;
            stop = parser.next()?;
        }
        match stop {
            Some(Token::Special(',')) => {}
            None if in_group => return Err("group without an end"),
            None => return Ok(()),
            Some(_) => return Err("address not followed by a comma"),
        }
    }
}

#[derive(Debug)]
enum Token<'a> {
    /// A run of atom characters; `spaced` if blanks or comments stand before it.
    Atom { text: &'a str, spaced: bool },
    /// A quoted string: as written with its quotes, and its content.
    Quoted {
        raw: &'a str,
        content: String,
        spaced: bool,
    },
    /// A domain literal with its brackets.
    Literal(&'a str),
    /// One of `<>@,;:.`
    Special(char),
}

/// The words before a token that ends them, and that token.
type Words<'a> = (Vec<Token<'a>>, Option<Token<'a>>);

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    /// Takes atoms, quoted strings and dots (a phrase, or a local part) and what stops them.
    fn words(&mut self) -> Result<Words<'a>, &'static str> {
        let mut words = Vec::new();
        loop {
            match self.next()? {
                Some(token @ (Token::Atom { .. } | Token::Quoted { .. } | Token::Special('.'))) => {
                    words.push(token);
                }
                stop => return Ok((words, stop)),
            }
        }
    }

    /// Reads what follows `<`, up to and with `>`.
    fn angle_address(&mut self) -> Result<String, &'static str> {
        let (local, Some(Token::Special('@'))) = self.words()? else {
            return Err("angle brackets without an address");
        };
        let domain = self.words()?;
        match self.address(&local, domain)? {
            (address, Some(Token::Special('>'))) => Ok(address),
            _ => Err("angle bracket without an end"),
        }
    }

    /// Joins the words after `@` to `local`, reading on where the domain is a literal; also
    /// returns the token after the address.
    fn address(
        &mut self,
        local: &[Token<'_>],
        (domain, mut stop): Words<'a>,
    ) -> Result<(String, Option<Token<'a>>), &'static str> {
        let mut address = dotted(local).ok_or("address without a proper local part")?;
        address.push('@');
        if domain
            .iter()
            .any(|token| matches!(token, Token::Quoted { .. }))
        {
            return Err("quoted string in a domain");
        }
        match stop {
            Some(Token::Literal(literal)) if domain.is_empty() => {
                address.push_str(literal);
                stop = self.next()?;
            }
            _ => address.push_str(&dotted(&domain).ok_or("address without a proper domain")?),
        }
        Ok((address, stop))
    }

    fn next(&mut self) -> Result<Option<Token<'a>>, &'static str> {
        let from = lexer::skip_blanks_and_comments(self.rest).ok_or("comment without an end")?;
        let spaced = from.len() != self.rest.len();
        let Some(first) = from.chars().next() else {
            self.rest = "";
            return Ok(None);
        };
        let after = from.get(first.len_utf8()..).unwrap_or_default();
        let until = |after: &str| from.get(..from.len() - after.len()).unwrap_or_default();
        let (token, after) = match first {
            '<' | '>' | '@' | ',' | ';' | ':' | '.' => (Token::Special(first), after),
            '"' => {
                let (content, after) =
                    lexer::quoted_string(after).ok_or("quoted string without an end")?;
                if content
                    .chars()
                    .any(|character| character.is_control() && character != '\t')
                {
                    return Err("control character in a quoted string");
                }
                (
                    Token::Quoted {
                        raw: until(after),
                        content,
                        spaced,
                    },
                    after,
                )
            }
            '[' => {
                let is_content = |character: char| {
                    character.is_ascii_graphic() && !matches!(character, '[' | ']' | '\\')
                };
                let (_, after) = lexer::run(after, is_content).ok_or("empty domain literal")?;
                let after = after
                    .strip_prefix(']')
                    .ok_or("domain literal without an end")?;
                (Token::Literal(until(after)), after)
            }
            _ => {
                let (text, after) =
                    lexer::run(from, is_atom_character).ok_or("character outside an atom")?;
                (Token::Atom { text, spaced }, after)
            }
        };
        self.rest = after;
        Ok(Some(token))
    }
}

/// Joins words that single dots separate; `None` if they are not such a sequence.
fn dotted(tokens: &[Token<'_>]) -> Option<String> {
    let mut joined = String::new();
    let mut wants_word = true;
    for token in tokens {
        match token {
            Token::Atom { text, .. } if wants_word => joined.push_str(text),
            Token::Quoted { raw, .. } if wants_word => joined.push_str(raw),
            Token::Special('.') if !wants_word => joined.push('.'),
            _ => return None,
        }
        wants_word = !wants_word;
    }
    (!wants_word).then_some(joined)
}

/// Joins the words of a phrase as they are shown; encoded words count in atoms only
/// (RFC 2047 §5).
fn display(tokens: &[Token<'_>]) -> Option<String> {
    let mut shown = String::new();
    let mut atoms = String::new();
    for token in tokens {
        let (text, spaced, quoted) = match token {
            Token::Atom { text, spaced } => (*text, *spaced, false),
            Token::Quoted {
                content, spaced, ..
            } => (content.as_str(), *spaced, true),
            Token::Literal(_) | Token::Special(_) => (".", false, false),
        };
        if quoted {
            shown.push_str(&encoded_word::decode(&atoms));
            atoms.clear();
            if spaced && !shown.is_empty() {
                shown.push(' ');
            }
            shown.push_str(text);
        } else {
            if spaced && !(shown.is_empty() && atoms.is_empty()) {
                atoms.push(' ');
            }
            atoms.push_str(text);
        }
    }
    shown.push_str(&encoded_word::decode(&atoms));
    (!shown.is_empty()).then_some(shown)
}

/// Atom characters (RFC 5322 §3.2.3), and beyond ASCII what RFC 6532 §3.2 adds, without
/// separators and controls.
fn is_atom_character(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(character)
    } else {
        !character.is_control() && !character.is_whitespace()
    }
}

#[cfg(test)]
mod tests;
