//! Cells of tables for people whose rows come one by one: their widths are given, not found.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::report::printable;

/// Returns a text in exactly so many columns of a terminal: filled with blanks, or cut off with an
/// ellipsis.
pub(crate) fn cell(text: &str, width: usize) -> String {
    let mut cell = printable(text);
    if cell.width() > width {
        let (mut end, mut taken) = (0, 0);
        for (at, character) in cell.char_indices() {
            taken += character.width().unwrap_or_default();
            // One column is for the ellipsis.
            if taken >= width {
                break;
            }
            end = at + character.len_utf8();
        }
        cell.truncate(end);
        cell.push('…');
    }
    let missing = width.saturating_sub(cell.width());
    cell.extend(std::iter::repeat_n(' ', missing));
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_as_wide_as_its_column_whatever_stands_in_it() {
        for (text, shown) in [
            ("", "      "),
            ("abc", "abc   "),
            ("abcdef", "abcdef"),
            ("abcdefg", "abcde…"),
            // Two columns each.
            ("北京", "北京  "),
            ("北京北", "北京北"),
            ("北京北京", "北京… "),
            ("a北京北京", "a北京…"),
            // A combining mark takes none.
            ("cafe\u{301}", "cafe\u{301}  "),
            ("a\u{1b}", "a\\u{1…"),
        ] {
            assert_eq!(cell(text, 6), shown, "{text}");
            assert_eq!(cell(text, 6).width(), 6, "{text}");
        }
    }
}
