/// Reads `bytes` in the character set called `name`; `None` if it is not one of the three known.
///
/// What is not a character in that set comes out as U+FFFD.
pub(crate) fn decode(name: &str, bytes: &[u8]) -> Option<String> {
    match name.to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" => Some(String::from_utf8_lossy(bytes).into_owned()),
        "us-ascii" | "ascii" => {
            let character = |&byte: &u8| {
                if byte.is_ascii() {
                    char::from(byte)
                } else {
                    char::REPLACEMENT_CHARACTER
                }
            };
            Some(bytes.iter().map(character).collect())
        }
        "iso-8859-1" | "latin1" => Some(bytes.iter().map(|&byte| char::from(byte)).collect()),
        _ => None,
    }
}

/// Reads two hexadecimal digits.
pub(crate) fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    Some(digit(high)? << 4 | digit(low)?)
}
