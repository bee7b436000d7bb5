use std::{error, fmt};

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use smime_crypto::{Secret, asn1::Reader};
use smime_x509::{Certificate, ImportRefusal, ParseError};

use super::{
    der_kind::{DerKind, der_kind},
    split::{Payload, Piece, split},
};

/// One thing that a file holds.
#[derive(Clone, Debug)]
pub struct Item {
    /// Where it begins, in bytes from the start of the file.
    pub position: u64,
    /// What it is.
    pub kind: ItemKind,
    /// The certificate, or why there is none.
    pub content: Result<Certificate, ImportError>,
}

/// The kinds of thing a file can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ItemKind {
    /// A certificate, or what claims to be one.
    Certificate,
    /// A private key.
    Key,
    /// A certificate revocation list.
    Crl,
    /// A certification request.
    Request,
    /// Anything else.
    Other,
}

/// Why an item of a file is not imported.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportError {
    /// The lines around a PEM block do not belong together.
    BadArmour(&'static str),
    /// Between the lines of a PEM block is something else than base64.
    BadBase64,
    /// A certificate that breaks RFC 5280.
    Malformed(ParseError),
    /// Bytes that are no complete DER element.
    Truncated,
    /// Larger than 1 MiB, which no certificate is.
    TooLarge,
    /// A PKCS#7 or PKCS#12 file, which holds certificates this version does not take out.
    UnsupportedContainer(&'static str),
    /// A private key; it is imported by itself, with a passphrase.
    PrivateKey,
    /// A certificate revocation list.
    Crl,
    /// A certification request: not a certificate yet.
    Request,
    /// A PEM block or DER value of another kind.
    UnsupportedKind,
    /// The file holds nothing that could be imported.
    NothingFound,
    /// A certificate that is not for mail.
    Unfit(ImportRefusal),
}

impl ItemKind {
    /// Returns the word for it, such as `certificate`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Key => "key",
            Self::Crl => "crl",
            Self::Request => "request",
            Self::Other => "other",
        }
    }
}

impl ImportError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadArmour(_) => "import.bad_armour",
            Self::BadBase64 => "import.bad_base64",
            Self::Malformed(_) => "import.malformed",
            Self::Truncated => "import.truncated",
            Self::TooLarge => "import.too_large",
            Self::UnsupportedContainer(_) => "import.unsupported_container",
            Self::PrivateKey => "import.private_key",
            Self::Crl => "import.crl",
            Self::Request => "import.request",
            Self::UnsupportedKind => "import.unsupported_kind",
            Self::NothingFound => "import.nothing_found",
            Self::Unfit(refusal) => refusal.code(),
        }
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadArmour(what) => write!(f, "PEM block {what}"),
            Self::BadBase64 => f.write_str("content is not base64"),
            Self::Malformed(error) => write!(f, "certificate malformed: {error}"),
            Self::Truncated => f.write_str("content is not one complete DER value"),
            Self::TooLarge => write!(f, "larger than {MAX_CERTIFICATE} bytes"),
            Self::UnsupportedContainer(what) => write!(f, "{what} container, not read yet"),
            Self::PrivateKey => {
                f.write_str("private key, which a certificate import does not take")
            }
            Self::Crl => f.write_str("certificate revocation list"),
            Self::Request => f.write_str("certification request, not a certificate"),
            Self::UnsupportedKind => f.write_str("neither certificate nor key"),
            Self::NothingFound => f.write_str("no certificate found"),
            Self::Unfit(refusal) => refusal.fmt(f),
        }
    }
}

impl error::Error for ImportError {}

/// Returns everything that a file holds, in its order, and at least one item.
///
/// Reads PEM with any number of blocks and anything between them, DER values one after the other,
/// and base64 without armour. A broken block is one item and never costs its neighbours. What is
/// not a certificate is named by its kind and not looked into.
pub fn items(file: &[u8]) -> Vec<Item> {
    split(file).iter().map(Item::read).collect()
}

impl Item {
    pub(super) fn read(piece: &Piece<'_>) -> Self {
        let (kind, content) = match &piece.payload {
            Payload::Base64 { text, trusted } => match decode(text) {
                Ok(der) => read_der(der.expose(), *trusted),
                Err(error) => (ItemKind::Certificate, Err(error)),
            },
            Payload::Der(der) => read_der(der, false),
            Payload::OwnedDer(der) => read_der(der.expose(), false),
            Payload::Refused(kind, error) => (*kind, Err(error.clone())),
        };
        Self {
            position: piece.position,
            kind,
            content,
        }
    }
}

/// Decodes base64, whatever space is in it; in a [`Secret`], for all kinds of thing stand in files.
pub(super) fn decode(text: &[u8]) -> Result<Secret, ImportError> {
    // 4 characters for 3 bytes, and a line end for every 64.
    if text.len() / 3 > MAX_CERTIFICATE {
        return Err(ImportError::TooLarge);
    }
    let dense: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let dense = Secret::new(dense);
    BASE64
        .decode(dense.expose())
        .map(Secret::new)
        .map_err(|_| ImportError::BadBase64)
}

fn read_der(der: &[u8], trusted: bool) -> (ItemKind, Result<Certificate, ImportError>) {
    if der.len() > MAX_CERTIFICATE {
        return (ItemKind::Certificate, Err(ImportError::TooLarge));
    }
    // In a "trusted certificate" of OpenSSL, its own notes follow the certificate.
    let der = if trusted {
        first_element(der).unwrap_or(der)
    } else {
        der
    };
    let error = match Certificate::from_der(der) {
        Ok(certificate) => return (ItemKind::Certificate, Ok(certificate)),
        Err(error) => error,
    };
    match der_kind(der) {
        DerKind::Certificate => (ItemKind::Certificate, Err(ImportError::Malformed(error))),
        DerKind::Key => (ItemKind::Key, Err(ImportError::PrivateKey)),
        DerKind::Crl => (ItemKind::Crl, Err(ImportError::Crl)),
        DerKind::Request => (ItemKind::Request, Err(ImportError::Request)),
        DerKind::Pkcs7 => (
            ItemKind::Other,
            Err(ImportError::UnsupportedContainer("PKCS#7")),
        ),
        DerKind::Pkcs12 => (
            ItemKind::Other,
            Err(ImportError::UnsupportedContainer("PKCS#12")),
        ),
        DerKind::Other => (ItemKind::Other, Err(ImportError::UnsupportedKind)),
        DerKind::Truncated => (ItemKind::Other, Err(ImportError::Truncated)),
    }
}

fn first_element(der: &[u8]) -> Option<&[u8]> {
    Reader::new(der)
        .any("TrustedCertificate")
        .ok()
        .map(|element| element.raw)
}

/// Bytes of a certificate that is read: several times the largest in use, those with hash-based
/// signatures of 50 kB each.
pub(super) const MAX_CERTIFICATE: usize = 1 << 20;

/// Some tools leave out the padding, some leave bits in it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
