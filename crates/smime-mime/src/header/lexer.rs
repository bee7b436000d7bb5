//! What structured fields have in common: blanks, comments and quoted strings (RFC 5322 §3.2).

/// Skips blanks and comments, nested ones included; `None` if a comment does not end.
pub(crate) fn skip_blanks_and_comments(text: &str) -> Option<&str> {
    let mut depth = 0_usize;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            '\\' if depth > 0 => {
                characters.next()?;
            }
            ' ' | '\t' => {}
            _ if depth > 0 => {}
            _ => return text.get(at..),
        }
    }
    (depth == 0).then_some("")
}

/// Reads a quoted string whose opening quote was taken; returns its content with the quoting
/// undone and what follows. `None` if it does not end.
pub(crate) fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut content = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some((content, characters.as_str())),
            '\\' => content.push(characters.next()?),
            other => content.push(other),
        }
    }
}

/// Splits off the longest run of characters that `accept` takes; `None` if it is empty.
pub(crate) fn run(text: &str, accept: impl Fn(char) -> bool) -> Option<(&str, &str)> {
    let end = text
        .find(|character| !accept(character))
        .unwrap_or(text.len());
    text.split_at_checked(end)
        .filter(|(run, _)| !run.is_empty())
}
