use std::{
    io::{self, Write},
    path::Path,
};

use serde_json::{Value, json};

use crate::{
    args::Global,
    failure::{Failure, Kind},
    messages,
};

/// Where results, remarks and failures go.
#[derive(Debug)]
pub(crate) struct Report {
    json: bool,
    quiet: bool,
}

impl Report {
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            json: global.json,
            quiet: global.quiet,
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints one result: a JSON object on its line, or the words for people.
    pub(crate) fn result(&self, value: &Value, words: impl FnOnce() -> String) {
        let line = if self.json {
            value.to_string()
        } else {
            words()
        };
        print(&line);
    }

    /// The same, for so many results that none is made in vain.
    pub(crate) fn result_with(
        &self,
        value: impl FnOnce() -> Value,
        words: impl FnOnce() -> String,
    ) {
        let line = if self.json {
            value().to_string()
        } else {
            words()
        };
        print(&line);
    }

    /// Prints a line for people on standard output.
    pub(crate) fn line(&self, words: &str) {
        if !self.json {
            print(words);
        }
    }

    /// Prints a remark on standard error.
    pub(crate) fn remark(&self, words: &str) {
        if !self.quiet {
            warn(words);
        }
    }

    /// Says whether nothing but results and failures is to be shown.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Prints why one thing of a file could not be read, where others of it can.
    pub(crate) fn unreadable(&self, source: &Path, position: u64, code: &str, detail: &str) {
        let name = source.display().to_string();
        if self.json {
            let error =
                json!({"source": name, "position": position, "code": code, "detail": detail});
            print(&json!({"error": error}).to_string());
        }
        warn(&format!(
            "smime: {name}, byte {position}: {} ({code})",
            printable(detail)
        ));
    }

    /// Prints why the command failed, and what to do.
    pub(crate) fn failure(&self, failure: &Failure) {
        if self.json && !failure.reported && failure.kind != Kind::Usage {
            print(&json!({"error": {"code": failure.code, "detail": failure.detail}}).to_string());
        }
        self.explain(failure);
    }

    /// Prints what is a failure elsewhere and here only worth a remark.
    pub(crate) fn remark_on(&self, state: &Failure) {
        if !self.quiet {
            self.explain(state);
        }
    }

    fn explain(&self, failure: &Failure) {
        warn(&format!("smime: {} ({})", failure.detail, failure.code));
        let better = failure.because.and_then(messages::remedy);
        if let Some(remedy) = better.or_else(|| messages::remedy(&failure.code)) {
            self.remark(&format!("  {remedy}"));
        }
    }
}

/// A reader that went away is no failure of ours.
fn print(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

fn warn(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Text from outside as it may stand on a terminal: what moves its cursor, turns the direction of
/// reading or is not seen at all is written as a number.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let deceives = character.is_control()
            || matches!(character,
                '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
                | '\u{feff}');
        if deceives {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_printed_moves_the_cursor_or_turns_the_text() {
        for (text, shown) in [
            ("Zoë, 北京", "Zoë, 北京"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\nb\r", "a\\u{a}b\\u{d}"),
            ("\u{9b}x", "\\u{9b}x"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("\u{feff}", "\\u{feff}"),
            ("\0", "\\u{0}"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }
}
