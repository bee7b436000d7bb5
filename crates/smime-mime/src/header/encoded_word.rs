use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::charset;

/// Decodes the encoded words in `text` (RFC 2047 §5, §6.2).
///
/// Blanks between two encoded words go away, and words of one character set are joined before
/// they are read, because some clients cut in the middle of a character.
pub(crate) fn decode(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    let mut joined: Option<Joined> = None;
    let mut rest = text;
    while let Some(at) = rest.find("=?") {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let Some((word, after)) = word(from) else {
            flush(&mut joined, &mut output);
            let (shown, after) = rest.split_at_checked(at + 2).unwrap_or((rest, ""));
            output.push_str(shown);
            rest = after;
            continue;
        };
        let adjacent = before
            .chars()
            .all(|character| matches!(character, ' ' | '\t'));
        match &mut joined {
            Some(open) if adjacent && open.charset.eq_ignore_ascii_case(&word.charset) => {
                open.bytes.extend_from_slice(&word.bytes);
            }
            _ => {
                let keeps_blanks = joined.is_none() || !adjacent;
                flush(&mut joined, &mut output);
                if keeps_blanks {
                    output.push_str(before);
                }
                joined = Some(word);
            }
        }
        rest = after;
    }
    flush(&mut joined, &mut output);
    output.push_str(rest);
    output.replace(
        |character: char| character.is_control() && character != '\t',
        "\u{fffd}",
    )
}

/// Encoded words of one character set, one after the other.
struct Joined {
    charset: String,
    bytes: Vec<u8>,
}

fn flush(joined: &mut Option<Joined>, output: &mut String) {
    if let Some(open) = joined.take() {
        output.push_str(&charset::decode(&open.charset, &open.bytes).unwrap_or_default());
    }
}

/// Reads the encoded word that `text` starts with, if its character set is known.
fn word(text: &str) -> Option<(Joined, &str)> {
    let (charset, rest) = text.strip_prefix("=?")?.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (encoded, rest) = rest.split_once('?')?;
    let rest = rest.strip_prefix('=')?;
    // A language may follow the character set (RFC 2231 §5).
    let charset = charset
        .split_once('*')
        .map_or(charset, |(charset, _)| charset);
    charset::decode(charset, b"")?;
    if encoded.contains([' ', '\t']) {
        return None;
    }
    let bytes = match encoding {
        "b" | "B" => LENIENT.decode(encoded).ok()?,
        "q" | "Q" => q(encoded)?,
        _ => return None,
    };
    Some((
        Joined {
            charset: charset.to_owned(),
            bytes,
        },
        rest,
    ))
}

/// Undoes the "Q" encoding (RFC 2047 §4.2).
fn q(encoded: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'_' => b' ',
            b'=' => charset::hex(bytes.next()?, bytes.next()?)?,
            other => other,
        });
    }
    Some(decoded)
}

/// Words are for showing: padding may be missing and left-over bits may be set.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn encoded_words_of_the_three_character_sets_are_decoded() {
        for (written, read) in [
            ("=?UTF-8?Q?Angebot_f=C3=BCr_M=C3=A4rz?=", "Angebot für März"),
            ("=?utf-8?B?w5xiZXJzaWNodA==?=", "Übersicht"),
            ("=?utf-8?B?w5xiZXJzaWNodA?=", "Übersicht"),
            ("=?iso-8859-1?q?caf=E9?= au lait", "café au lait"),
            ("=?US-ASCII*en?Q?plain?=", "plain"),
            ("Re: =?UTF-8?Q?=E2=82=AC?= 20", "Re: € 20"),
        ] {
            assert_eq!(decode(written), read);
        }
    }

    #[test]
    fn blanks_between_encoded_words_go_away_and_others_stay() {
        assert_eq!(decode("=?UTF-8?Q?a?=  =?UTF-8?Q?b?= c"), "ab c");
        assert_eq!(decode("=?UTF-8?Q?a?= \t=?ISO-8859-1?Q?b?="), "ab");
        assert_eq!(decode("=?UTF-8?Q?a?= x =?UTF-8?Q?b?="), "a x b");
    }

    #[test]
    fn a_character_cut_between_two_words_is_joined() {
        assert_eq!(decode("=?UTF-8?Q?=C3?= =?utf-8?B?vA==?="), "ü");
    }

    #[test]
    fn what_is_no_encoded_word_stays_as_it_is() {
        for text in [
            "",
            "=?",
            "=?=?",
            "=?x",
            "=?UTF-8?Q?open",
            "=?UTF-8?X?a?=",
            "=?UTF-8?Q?a b?=",
            "=?UTF-8?Q?=ZZ?=",
            "=?UTF-8?Q?=C?=",
            "=?UTF-8?B?!?=",
            "=?koi8-r?Q?a?=",
            "=?UTF-8?Q?a?x",
            "a =?b c?= d",
        ] {
            assert_eq!(decode(text), text);
        }
    }

    #[test]
    fn control_characters_never_come_out() {
        assert_eq!(
            decode("=?UTF-8?Q?a=0D=0AX:_b=00=1B?="),
            "a\u{fffd}\u{fffd}X: b\u{fffd}\u{fffd}"
        );
    }
}
