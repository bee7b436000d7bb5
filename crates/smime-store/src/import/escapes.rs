use memchr::memchr;
use smime_crypto::Secret;

/// Returns `text` without the escapes of a JSON string (RFC 8259 §7); `None` if it has none.
///
/// What they stand for is ASCII in all that can be imported: other escapes stay as they are.
pub(super) fn unescaped(text: &[u8]) -> Option<Secret> {
    memchr(b'\\', text)?;
    // It never grows, so that no copy of a key stays behind.
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(at);
        out.extend_from_slice(plain);
        let (byte, size) = character(escape).unwrap_or((b'\\', 1));
        out.push(byte);
        rest = escape.get(size..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    Some(Secret::new(out))
}

/// Returns the character that an escape stands for, and how many bytes the escape has.
fn character(escape: &[u8]) -> Option<(u8, usize)> {
    let (first, after) = escape.get(1..)?.split_first()?;
    let byte = match first {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'/' | b'\\' | b'"' => *first,
        b'u' => {
            let digits = after.get(..4)?;
            // The number may have a sign, the escape may not.
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            let digits = std::str::from_utf8(digits).ok()?;
            let byte = u8::from_str_radix(digits, 16).ok()?;
            return byte.is_ascii().then_some((byte, 6));
        }
        _ => return None,
    };
    Some((byte, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_escapes_is_not_copied() {
        for text in [&b""[..], b"MIIB\n", b"n/u000a"] {
            assert!(unescaped(text).is_none());
        }
    }

    #[test]
    fn escapes_become_characters_and_what_is_none_stays() {
        for (text, wanted) in [
            (&br"MII\nB\r\n"[..], &b"MII\nB\r\n"[..]),
            (br"a\/b\t\\n\u000a\u000D\u003d", b"a/b\t\\n\n\r="),
            (br"\", br"\"),
            (br"a\u", br"a\u"),
            (br"\u00", br"\u00"),
            (br"\u00zz", br"\u00zz"),
            (br"\u+00a", br"\u+00a"),
            (br"\u00e4", br"\u00e4"),
            (br"\u1234", br"\u1234"),
            (br"\x41", br"\x41"),
        ] {
            assert_eq!(unescaped(text).unwrap().expose(), wanted);
        }
    }
}
