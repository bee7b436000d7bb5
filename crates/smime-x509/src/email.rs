use std::{borrow::Cow, fmt, hash};

/// A mail address that was found well-formed: `local@domain` (RFC 5321 §4.1.2, RFC 6531 §3.3).
///
/// Two addresses are equal when [`folded`](Self::folded) gives one text for both.
#[derive(Clone)]
pub struct EmailAddress {
    text: String,
    /// Where the `@` before the domain stands in `text`.
    at: usize,
}

impl EmailAddress {
    /// Reads an address without display name, angle brackets, comments or surrounding blanks.
    ///
    /// The local part is atoms and dots or a quoted string, the domain is labels or an address
    /// literal in brackets. Control characters and blanks are refused everywhere, also quoted.
    pub fn new(text: &str) -> Option<Self> {
        let (local, _) = text.rsplit_once('@')?;
        is_address(text).then(|| Self {
            text: text.to_owned(),
            at: local.len(),
        })
    }

    /// Returns the address as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns what stands before the `@`, as written.
    pub fn local(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// Returns what stands after the `@`, as written.
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }

    /// Returns the form by which addresses are compared and indexed: the local part unquoted and
    /// in ASCII lower case, the domain in lower case with U-labels as A-labels (RFC 9598 §5).
    pub fn folded(&self) -> String {
        // DEVIATION RFC 8550 §3: the local part is compared without regard to ASCII case; because
        // every provider delivers so and people write their addresses so, and a signature refused
        // for the capital in `Alice@` teaches users to ignore refusals.
        let mut folded = unquoted(self.local()).to_ascii_lowercase();
        folded.push('@');
        folded.push_str(&self.folded_domain());
        folded
    }

    /// Returns the domain in lower case with U-labels as A-labels.
    pub(crate) fn folded_domain(&self) -> String {
        if self.domain().is_ascii() {
            return self.domain().to_ascii_lowercase();
        }
        let labels: Vec<_> = self.domain().split('.').map(a_label).collect();
        labels.join(".")
    }

    /// Says whether both are one address; the same as `==`.
    pub fn matches(&self, other: &Self) -> bool {
        self.text == other.text || self.folded() == other.folded()
    }
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other)
    }
}

impl Eq for EmailAddress {}

impl hash::Hash for EmailAddress {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.folded().hash(state);
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// Says whether [`EmailAddress::new`] takes the text; for ASCII it allocates nothing.
pub(crate) fn is_address(text: &str) -> bool {
    text.len() <= MAX_LENGTH && (is_plain(text.as_bytes()) || is_mailbox(text))
}

/// Says yes to ASCII atoms, dots and labels, which nearly all addresses are, in one pass; what it
/// says no to may be an address too.
fn is_plain(text: &[u8]) -> bool {
    let (local, rest) = leading(text, ATOM);
    let Some((b'@', domain)) = rest.split_first() else {
        return false;
    };
    local.iter().any(|byte| *byte != b'.') && is_ascii_domain(domain)
}

fn is_mailbox(text: &str) -> bool {
    !text.bytes().any(|byte| byte <= b' ' || byte == 0x7f)
        && (text.is_ascii() || !text.chars().any(is_forbidden))
        && text
            .rsplit_once('@')
            .is_some_and(|(local, domain)| is_local(local) && is_domain(domain))
}

/// Characters that have no place in an address and deceive the eye or a log: controls, blanks, and
/// the invisible ones that set directions and join (Unicode UAX #9 §2, U+200B..U+200F, U+2060,
/// U+FEFF).
fn is_forbidden(character: char) -> bool {
    character.is_control()
        || character.is_whitespace()
        || matches!(character,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffd}')
}

fn is_local(local: &str) -> bool {
    match local.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').is_some_and(is_quoted_content),
        // Dots in a row and at the ends are not RFC 5322, yet whole mobile networks gave out such
        // addresses; they are compared like any other, so taking them costs nothing.
        None => local.bytes().any(|b| b != b'.') && local.bytes().all(|b| is_atext(b) || b == b'.'),
    }
}

/// Says yes to every byte of a character that is not ASCII (RFC 6531 §3.3).
const fn is_atext(byte: u8) -> bool {
    let is_mark = matches!(byte,
        b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'/' | b'=' | b'?' | b'^'..=b'`' | b'{'..=b'~');
    byte.is_ascii_alphanumeric() || is_mark || !byte.is_ascii()
}

/// Every quote and backslash inside must be escaped; an empty string names no mailbox.
fn is_quoted_content(content: &str) -> bool {
    let mut characters = content.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return false,
            '\\' if characters.next().is_none() => return false,
            _ => {}
        }
    }
    !content.is_empty()
}

fn is_domain(domain: &str) -> bool {
    if let Some(literal) = domain.strip_prefix('[') {
        return literal.strip_suffix(']').is_some_and(|content| {
            !content.is_empty()
                && content
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || ".:-".contains(c))
        });
    }
    if domain.is_ascii() {
        return is_ascii_domain(domain.as_bytes());
    }
    domain.len() <= MAX_DOMAIN && domain.split('.').all(is_label)
}

/// Labels of letters, digits, hyphens inside, and underscores, which are in use.
fn is_ascii_domain(domain: &[u8]) -> bool {
    let mut rest = domain;
    loop {
        let (label, after) = leading(rest, LABEL);
        let hyphen_at_end = label.first() == Some(&b'-') || label.last() == Some(&b'-');
        if !(1..=MAX_LABEL).contains(&label.len()) || hyphen_at_end {
            return false;
        }
        match after {
            [] => return domain.len() <= MAX_DOMAIN,
            [b'.', after @ ..] => rest = after,
            _ => return false,
        }
    }
}

/// Parts `text` after the bytes at its start that are of `class`.
fn leading(text: &[u8], class: u8) -> (&[u8], &[u8]) {
    let is_other = |byte: &u8| {
        CLASSES
            .get(usize::from(*byte))
            .is_none_or(|it| it & class == 0)
    };
    let end = text.iter().position(is_other);
    text.split_at(end.unwrap_or(text.len()))
}

/// ASCII that is atext (RFC 5322 §3.2.3), and dots.
const ATOM: u8 = 1;
/// Letters, digits, hyphen and underscore.
const LABEL: u8 = 2;

/// The classes of each byte: reading an address byte by byte is what import does most often.
#[allow(clippy::indexing_slicing, clippy::as_conversions)] // const: no iterators; every index is in the table
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        let is_label = byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if is_atext(byte) || byte == b'.' {
            classes[byte as usize] |= ATOM;
        }
        if is_label {
            classes[byte as usize] |= LABEL;
        }
        byte += 1;
    }
    classes
};

fn is_label(label: &str) -> bool {
    if label.is_ascii() {
        return !label.contains('.') && is_ascii_domain(label.as_bytes());
    }
    let hyphen_at_end = label.starts_with('-') || label.ends_with('-');
    !hyphen_at_end
        && label.chars().all(|c| {
            if c.is_ascii() {
                c.is_ascii_alphanumeric() || c == '-' || c == '_'
            } else {
                c.is_alphanumeric() || is_mark(c)
            }
        })
        && a_label(label).len() <= MAX_LABEL
}

/// Combining marks of the scripts in use as domain names; full tables are IDNA's, and a character
/// outside makes the address unusable, never equal to another.
fn is_mark(character: char) -> bool {
    matches!(character,
        '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}'
        | '\u{900}'..='\u{dff}' | '\u{e31}'..='\u{e4e}' | '\u{30fb}'..='\u{30fe}')
}

/// Returns a local part without the quoting that it does not need to be told from others.
pub(crate) fn unquoted(local: &str) -> Cow<'_, str> {
    let Some(content) = local
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return Cow::Borrowed(local);
    };
    let mut plain = String::with_capacity(content.len());
    let mut characters = content.chars();
    while let Some(character) = characters.next() {
        plain.extend(if character == '\\' {
            characters.next()
        } else {
            Some(character)
        });
    }
    Cow::Owned(plain)
}

/// Returns a label in lower case, as an A-label when it is not ASCII (RFC 5890 §2.3.2.1).
///
/// Unicode normalisation is left out: labels that need it stay unequal.
fn a_label(label: &str) -> String {
    let lower = label.to_lowercase();
    if lower.is_ascii() {
        return lower;
    }
    match punycode(&lower) {
        Some(encoded) => format!("xn--{encoded}"),
        None => lower,
    }
}

/// The encoding procedure of RFC 3492 §6.3; `None` when a number overflows.
fn punycode(label: &str) -> Option<String> {
    let characters: Vec<u32> = label.chars().map(u32::from).collect();
    let mut output: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(output.len()).ok()?;
    if basic > 0 {
        output.push('-');
    }
    let (mut threshold, mut delta, mut bias, mut handled) = (128_u32, 0_u32, 72_u32, basic);
    while usize::try_from(handled).ok()? < characters.len() {
        let next = characters
            .iter()
            .copied()
            .filter(|c| *c >= threshold)
            .min()?;
        delta = delta.checked_add((next - threshold).checked_mul(handled + 1)?)?;
        threshold = next;
        for character in &characters {
            if *character < threshold {
                delta = delta.checked_add(1)?;
            }
            if *character == threshold {
                push_variable_length(&mut output, delta, bias);
                bias = adapt(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta = delta.checked_add(1)?;
        threshold += 1;
    }
    Some(output)
}

fn push_variable_length(output: &mut String, delta: u32, bias: u32) {
    let mut rest = delta;
    for step in (36..).step_by(36) {
        let limit = u32::saturating_sub(step, bias).clamp(1, 26);
        if rest < limit {
            break;
        }
        output.extend(digit(limit + (rest - limit) % (36 - limit)));
        rest = (rest - limit) / (36 - limit);
    }
    output.extend(digit(rest));
}

fn digit(value: u32) -> Option<char> {
    char::from_digit(value, 36).map(|_| {
        // RFC 3492 §5: letters are 0 to 25, digits 26 to 35.
        let offset = u8::try_from(value).unwrap_or_default();
        char::from(if offset < 26 {
            b'a' + offset
        } else {
            b'0' + offset - 26
        })
    })
}

/// RFC 3492 §6.1.
fn adapt(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}

/// 64 octets of local part and 255 of domain (RFC 5321 §4.5.3.1), with room for quoting.
const MAX_LENGTH: usize = 400;

/// RFC 1035 §2.3.4, as text: without the octet of the first length and that of the root.
const MAX_DOMAIN: usize = 253;
const MAX_LABEL: usize = 63;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn addresses_of_ascii_atoms_are_told_at_a_glance(
            text in "[ !#-~]{0,4}[!#-'*+.-9A-Z^-~]{1,4}@[a-z.-]{0,3}[a-zA-Z0-9_.@-]{0,70}",
        ) {
            let label = |label: &str| {
                let ends = label.starts_with('-') || label.ends_with('-');
                let inside = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
                (1..=63).contains(&label.len()) && !ends && label.chars().all(inside)
            };
            let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
            let wanted = text.rsplit_once('@').is_some_and(|(local, domain)| {
                let all = local.chars().all(atom) && domain.split('.').all(label);
                all && local.chars().any(|c| c != '.')
            });
            prop_assert_eq!(is_plain(text.as_bytes()), wanted);
            prop_assert_eq!(is_mailbox(&text), wanted);
        }
    }

    fn address(text: &str) -> EmailAddress {
        EmailAddress::new(text).unwrap_or_else(|| panic!("{text:?}"))
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for text in [
            "",
            "@",
            "alice",
            "alice@",
            "@example.com",
            ".@example.com",
            "alice@example.com\0",
            "alice\0@example.com",
            "alice@example.com\0.evil.org",
            "alice@example.com\n",
            "alice @example.com",
            " alice@example.com",
            "alice@example..com",
            "alice@example.com.",
            "alice@.example.com",
            "alice@-example.com",
            "alice@example-.com",
            "alice@exa mple.com",
            "alice@exam,ple.com",
            "alice@bob@example.com",
            "<alice@example.com>",
            "alice(comment)@example.com",
            "alice@example.com,bob@example.com",
            "\"alice@example.com",
            "\"\"@example.com",
            "\"a\"b\"@example.com",
            "\"a\\\"@example.com",
            "\"a b\"@example.com",
            "alice@[",
            "alice@[]",
            "alice@[a@b]",
            "al\u{202e}ice@example.com",
            "alice@ex\u{200b}ample.com",
            "alice@ex\u{ff0f}ample.com",
        ] {
            assert!(EmailAddress::new(text).is_none(), "{text:?}");
        }
        let long = format!("{}@example.com", "a".repeat(MAX_LENGTH));
        assert!(EmailAddress::new(&long).is_none());
        assert!(EmailAddress::new(&format!("a@{}.com", "b".repeat(64))).is_none());
    }

    #[test]
    fn case_quoting_and_label_form_do_not_make_another_address() {
        for (one, other) in [
            ("alice@example.com", "Alice@EXAMPLE.com"),
            ("alice@example.com", "\"alice\"@example.com"),
            ("alice@example.com", "\"a\\lice\"@example.com"),
            ("alice@b\u{fc}cher.example", "alice@xn--bcher-kva.example"),
            ("alice@B\u{dc}CHER.example", "alice@XN--BCHER-KVA.example"),
            (
                "a@\u{4ed6}\u{4eec}\u{4e3a}\u{4ec0}\u{4e48}\u{4e0d}\u{8bf4}\u{4e2d}\u{6587}.cn",
                "a@xn--ihqwcrb4cv8a8dqg056pqjye.cn",
            ),
            ("a@[192.0.2.1]", "A@[192.0.2.1]"),
        ] {
            assert_eq!(address(one), address(other));
            assert_eq!(address(one).folded(), address(other).folded());
        }
    }

    #[test]
    fn other_addresses_stay_other() {
        for (one, other) in [
            ("alice@example.com", "alice@example.org"),
            ("alice@example.com", "alicia@example.com"),
            ("alice@example.com", "alice@mail.example.com"),
            ("alice@example.com", "a.lice@example.com"),
            ("alice@example.com", "alice+tag@example.com"),
            ("\"alice@example.com\"@evil.org", "alice@example.com"),
            ("\u{e4}@example.com", "a@example.com"),
            ("\u{e4}@example.com", "\u{c4}@example.com"),
            ("\u{430}lice@example.com", "alice@example.com"),
        ] {
            assert_ne!(address(one), address(other));
        }
    }

    #[test]
    fn the_domain_is_what_follows_the_last_at_sign() {
        let odd = address("\"alice@example.com\"@evil.org");
        assert_eq!(
            (odd.local(), odd.domain()),
            ("\"alice@example.com\"", "evil.org")
        );
        assert_eq!(odd.to_string(), "\"alice@example.com\"@evil.org");
    }
}
