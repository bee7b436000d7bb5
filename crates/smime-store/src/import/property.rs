//! Properties of vCards (RFC 6350) and attributes of LDIF (RFC 2849) that hold certificates or
//! keys: how such a line is read. Where it is, [`Lines`](super::lines::Lines) finds.

use super::item::{ImportError, ItemKind};

/// What a property or attribute is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Property {
    /// KEY of a vCard (RFC 6350 §6.8.1): of any kind.
    CardKey,
    /// An attribute with a certificate (RFC 4523 §2.1, §2.2).
    Certificate,
    /// An attribute with a revocation list (RFC 4523 §2.4 to §2.6).
    Crl,
    /// An attribute with a container or several certificates (RFC 2798 §2.8, §2.9).
    Container,
}

/// Base64 that a property holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Base64<'a> {
    /// With the line ends and blanks of folding in it.
    pub(super) text: &'a [u8],
    /// Whether the property says that it is base64; else it may be any text.
    pub(super) is_declared: bool,
}

impl Property {
    pub(super) fn item_kind(self) -> ItemKind {
        match self {
            Self::Certificate => ItemKind::Certificate,
            Self::Crl => ItemKind::Crl,
            Self::CardKey | Self::Container => ItemKind::Other,
        }
    }

    /// Returns the base64 of the property whose lines are `lines`, or why there is none to read.
    pub(super) fn base64(self, lines: &[u8]) -> Result<Base64<'_>, ImportError> {
        let Some((head, value)) = before(b':', lines) else {
            return Err(ImportError::BadProperty("has no colon after its name"));
        };
        match self {
            Self::CardKey => card_key(&head, value),
            Self::Certificate | Self::Crl | Self::Container => attribute(value),
        }
    }
}

/// Reads what follows the first colon of an LDIF attribute (RFC 2849, value-spec).
fn attribute(value: &[u8]) -> Result<Base64<'_>, ImportError> {
    match value {
        [b':', text @ ..] => Ok(Base64 {
            text,
            is_declared: true,
        }),
        [b'<', ..] => Err(ImportError::Link),
        _ => Err(ImportError::BadProperty("is text, for want of two colons")),
    }
}

/// Reads what follows name and parameters of a KEY: base64 in line (RFC 2426 §2.4.1, and vCard 2.1),
/// or a data URI (RFC 2397).
fn card_key<'a>(head: &[u8], value: &'a [u8]) -> Result<Base64<'a>, ImportError> {
    if is_pgp(head) {
        return Err(ImportError::UnsupportedKind);
    }
    let Some((scheme, address)) = before(b':', value) else {
        let is_base64 = |parameter: &[u8]| ENCODINGS.contains(&parameter);
        return Ok(Base64 {
            text: value,
            is_declared: head.split(|byte| *byte == b';').any(is_base64),
        });
    };
    let is_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || b"+.-".contains(byte);
    match scheme.trim_ascii() {
        b"data" => data(address),
        scheme if scheme.iter().all(is_scheme) => Err(ImportError::Link),
        _ => Err(ImportError::UnsupportedKind),
    }
}

fn data(address: &[u8]) -> Result<Base64<'_>, ImportError> {
    let Some((media_type, text)) = before(b',', address) else {
        return Err(ImportError::BadProperty("is a data URI without a comma"));
    };
    // Some escape the comma, as in values that are text.
    let media_type = media_type.strip_suffix(b"\\").unwrap_or(&media_type);
    if is_pgp(media_type) {
        return Err(ImportError::UnsupportedKind);
    }
    if !media_type.ends_with(b";base64") {
        return Err(ImportError::BadProperty("is a data URI without base64"));
    }
    Ok(Base64 {
        text,
        is_declared: true,
    })
}

fn is_pgp(words: &[u8]) -> bool {
    words.windows(3).any(|part| part == b"pgp")
}

/// Returns what is before the first `end` outside of quotes, unfolded and in lower case, and what is
/// after it.
fn before(end: u8, lines: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut words = Vec::new();
    let mut is_quoted = false;
    let mut is_folded = false;
    for (at, byte) in lines.iter().enumerate().take(MAX_HEAD) {
        match byte {
            b'\r' => {}
            b'\n' => is_folded = true,
            _ if is_folded => {
                is_folded = false;
                if !matches!(byte, b' ' | b'\t') {
                    // A line that is not folded: base64 of vCard 2.1, where no name is.
                    return None;
                }
            }
            byte if *byte == end && !is_quoted => return Some((words, lines.get(at + 1..)?)),
            byte => {
                is_quoted ^= *byte == b'"';
                words.push(byte.to_ascii_lowercase());
            }
        }
    }
    None
}

/// Parameters that say base64: of vCard 3.0 (RFC 2426 §4), and of 2.1, where the name may be missing.
const ENCODINGS: [&[u8]; 3] = [b"encoding=b", b"encoding=base64", b"base64"];

/// Bytes of name and parameters, or of a media type, several times the longest in use.
const MAX_HEAD: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(property: Property, lines: &str) -> Result<(String, bool), &'static str> {
        let read = property.base64(lines.as_bytes());
        read.map(|it| {
            let text = String::from_utf8(it.text.to_vec()).unwrap();
            (text, it.is_declared)
        })
        .map_err(|error| error.code())
    }

    #[test]
    fn keys_that_are_no_base64_of_a_certificate_are_refused_by_what_they_are() {
        for (code, lines) in [
            ("import.bad_property", "KEY;ENCODING=b"),
            ("import.bad_property", "KEY;ENCODING=b\nMIIB"),
            ("import.bad_property", "KEY;X=\"a:b\"\r\n c"),
            (
                "import.bad_property",
                "KEY:data:application/pkix-cert;base64",
            ),
            ("import.bad_property", "KEY:data:application/pkix-cert,MIIB"),
            ("import.bad_property", "KEY:data:,MIIB"),
            ("import.unsupported_kind", "KEY;TYPE=PGP;ENCODING=b:mQEN"),
            ("import.unsupported_kind", "KEY;PGP;BASE64:mQEN"),
            (
                "import.unsupported_kind",
                "KEY;ENCODING=b;TY\r\n PE=P\r\n GP:mQEN",
            ),
            (
                "import.unsupported_kind",
                "KEY:data:application/pgp-keys;base64,mQEN",
            ),
            (
                "import.unsupported_kind",
                "KEY;MEDIATYPE=application/pgp-keys:https://a.example",
            ),
            ("import.unsupported_kind", "KEY;VALUE=text:call me: maybe"),
            ("import.link", "KEY:https://a.example/key.crt"),
            (
                "import.link",
                "item1.KEY;VALUE=uri:ht\r\n tps://a.example/key.crt",
            ),
            ("import.link", "KEY:ldap://a.example/cn=a?userCertificate"),
            ("import.link", "KEY:cid:1@a.example"),
        ] {
            assert_eq!(text(Property::CardKey, lines), Err(code), "{lines}");
        }
        let long = format!("KEY;X={}:MIIB", "a".repeat(2000));
        assert_eq!(text(Property::CardKey, &long), Err("import.bad_property"));
    }

    #[test]
    fn attributes_that_are_no_base64_are_refused_by_what_they_are() {
        for (code, lines) in [
            ("import.bad_property", "userCertificate;binary MIIB"),
            ("import.bad_property", "userCertificate;binary"),
            ("import.bad_property", "userCertificate;binary: MIIB"),
            ("import.bad_property", "userCertificate:"),
            ("import.link", "userCertificate;binary:< file:///etc/passwd"),
        ] {
            assert_eq!(text(Property::Certificate, lines), Err(code), "{lines}");
            assert_eq!(text(Property::Container, lines), Err(code), "{lines}");
        }
        let list = text(Property::Crl, "certificateRevocationList;binary: MIIB");
        assert_eq!(list, Err("import.bad_property"));
    }

    #[test]
    fn base64_is_what_follows_the_head() {
        for (declared, lines) in [
            (true, "KEY;ENCODING=b:MIIB"),
            (true, "key;type=x509;encoding=B:MIIB"),
            (true, "KEY;X509;BASE64:MIIB"),
            (true, "KEY;ENCODING=BASE64;X=\"a:;,b\":MIIB"),
            (true, "work.KEY;ENCO\r\n DING=BASE\n\t64:MIIB"),
            (true, "KEY:data:application/pkcs7-mime;base64,MIIB"),
            (true, "KEY:DATA:application/pkix-cert;BASE64\\,MIIB"),
            (
                true,
                "KEY;MEDIATYPE=application/pkix-cert:data:applic\r\n ation/x;base64,MIIB",
            ),
            (false, "KEY:MIIB"),
            (false, "KEY;TYPE=X509:MIIB"),
        ] {
            let wanted = Ok(("MIIB".to_owned(), declared));
            assert_eq!(text(Property::CardKey, lines), wanted, "{lines}");
        }
        let folded = text(Property::Certificate, "userCertificate;binary:: MI\n IB");
        assert_eq!(folded, Ok((" MI\n IB".to_owned(), true)));
    }
}
