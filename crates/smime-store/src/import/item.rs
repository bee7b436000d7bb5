use std::{error, fmt};

use smime_crypto::Budget;
use smime_x509::{Certificate, CertificateRef, CrlError, ImportRefusal, ParseError};

use super::{
    chunks::pieces,
    found_crls::MAX_CRLS,
    found_keys::MAX_KEYS,
    read::{Content, MAX_CERTIFICATE, Reading, read_pkcs12},
};

/// One thing that a file holds.
#[derive(Clone, Debug)]
pub struct Item {
    /// Where it begins, in bytes from the start of the file; see [`ItemRef::position`].
    pub position: u64,
    /// What it is.
    pub kind: ItemKind,
    /// The certificate, or why there is none.
    pub content: Result<Certificate, ImportError>,
}

/// One thing that a file holds, lent for as long as it is looked at.
#[derive(Clone, Debug)]
pub struct ItemRef<'a> {
    /// Where it begins, in bytes from the start of the file.
    ///
    /// Of a PEM block that is its first line, also for what is in a container inside the block. In
    /// base64 without armour it is the first character with bits of the item. In a vCard or LDIF it
    /// is where the first line of the property begins. What is in a PKCS#7
    /// file that is DER has the place where it stands; in one that is only BER, and in PKCS#12,
    /// which is decrypted, everything has the place of the container.
    pub position: u64,
    /// What it is.
    pub kind: ItemKind,
    /// The certificate, or why there is none.
    pub content: Result<&'a CertificateRef<'a>, ImportError>,
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
    /// A line of a vCard or LDIF that should hold base64, and does not.
    BadProperty(&'static str),
    /// An address where something is instead of it, in a vCard or LDIF; it is not followed.
    Link,
    /// A certificate that breaks RFC 5280.
    Malformed(ParseError),
    /// Bytes that are no complete DER element.
    Truncated,
    /// Larger than 1 MiB, which no certificate is.
    TooLarge,
    /// A PKCS#7 or PKCS#12 container, or a part of it, that could not be opened, or not with the
    /// passphrase.
    Container(smime_crypto::Error),
    /// A private key, where none is wanted.
    PrivateKey,
    /// A private key that could not be read, or not with the passphrase.
    Key(smime_crypto::Error),
    /// A private key whose public half no stored certificate has.
    NoCertificateForKey,
    /// A private key after so many that the file is none of a person's.
    TooManyKeys,
    /// A certificate revocation list, where none is wanted.
    Crl,
    /// A certificate revocation list that breaks RFC 5280.
    UnreadableCrl(ParseError),
    /// A certificate revocation list that is not proven to be its issuer's.
    UnprovenCrl(CrlError),
    /// A certificate revocation list after so many, or so large ones, that no mail needs them.
    TooManyCrls,
    /// A certification request: not a certificate yet.
    Request,
    /// A PEM block or DER value of another kind.
    UnsupportedKind,
    /// Bytes after a DER value that begin no other, and no PEM block.
    Astray,
    /// The file holds nothing that could be imported.
    NothingFound,
    /// A certificate that is not for mail.
    Unfit(ImportRefusal),
}

impl ItemRef<'_> {
    /// Returns the item with bytes of its own.
    pub fn to_item(&self) -> Item {
        let content = self.content.clone();
        Item {
            position: self.position,
            kind: self.kind,
            content: content.and_then(|it| it.to_certificate().map_err(ImportError::Malformed)),
        }
    }
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
            Self::BadProperty(_) => "import.bad_property",
            Self::Link => "import.link",
            Self::Malformed(_) => "import.malformed",
            Self::Truncated => "import.truncated",
            Self::TooLarge => "import.too_large",
            Self::Container(smime_crypto::Error::Malformed { .. }) => "import.malformed",
            Self::Container(error) => error.code(),
            Self::PrivateKey => "import.private_key",
            Self::Key(error) => error.code(),
            Self::NoCertificateForKey => "key.no_certificate",
            Self::TooManyKeys => "import.too_many_keys",
            Self::Crl => "import.crl",
            Self::UnreadableCrl(_) => "import.unreadable_crl",
            Self::UnprovenCrl(error) => error.code(),
            Self::TooManyCrls => "import.too_many_crls",
            Self::Request => "import.request",
            Self::UnsupportedKind => "import.unsupported_kind",
            Self::Astray => "import.astray",
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
            Self::BadProperty(what) => write!(f, "line of a vCard or LDIF {what}"),
            Self::Link => f.write_str("an address, which is not followed, instead of a value"),
            Self::Malformed(error) => write!(f, "certificate malformed: {error}"),
            Self::Truncated => f.write_str("content is not one complete DER value"),
            Self::TooLarge => write!(f, "larger than {MAX_CERTIFICATE} bytes"),
            Self::Container(error) => write!(f, "container: {error}"),
            Self::PrivateKey => f.write_str("private key, not taken without a passphrase"),
            Self::Key(error) => write!(f, "private key: {error}"),
            Self::NoCertificateForKey => f.write_str("no certificate stored for this private key"),
            Self::TooManyKeys => write!(f, "more than {MAX_KEYS} private keys"),
            Self::Crl => f.write_str("certificate revocation list"),
            Self::UnreadableCrl(error) => write!(f, "revocation list malformed: {error}"),
            Self::UnprovenCrl(error) => write!(f, "revocation list not proven: {error}"),
            Self::TooManyCrls => write!(f, "more than {MAX_CRLS} revocation lists, or too large"),
            Self::Request => f.write_str("certification request, not a certificate"),
            Self::UnsupportedKind => f.write_str("neither certificate nor key"),
            Self::Astray => f.write_str("bytes after a value that begin no other"),
            Self::NothingFound => f.write_str("no certificate found"),
            Self::Unfit(refusal) => refusal.fmt(f),
        }
    }
}

impl error::Error for ImportError {}

/// Returns everything that a file holds, in its order, and at least one item, each with bytes of
/// its own; [`visit_items`] says what is read.
pub fn items(file: &[u8]) -> Vec<Item> {
    let mut items = Vec::new();
    visit_items(file, &mut |item| items.push(item.to_item()));
    items
}

/// Lends everything that a file holds to `visit`, in the file's order, and at least one item.
///
/// Reads PEM with any number of blocks and anything between them, DER values one after the other,
/// base64 without armour, KEY properties of vCards (RFC 6350, RFC 2426, vCard 2.1), the attributes of
/// LDIF (RFC 2849) that hold certificates, and each of these in UTF-16; PEM also as a JSON string, with
/// its line ends escaped. A broken block is one item and never costs
/// its neighbours. Of containers that need no passphrase, what is in them are the items. What is
/// not a certificate is named by its kind and not looked into.
///
/// A certificate is lent from where it stands, in the file or in what its base64 was decoded to,
/// and takes no memory of its own.
pub fn visit_items(file: &[u8], visit: &mut dyn FnMut(ItemRef<'_>)) {
    let mut reading = Reading::default();
    let mut budget = Budget::new();
    pieces(file, &mut |piece, bytes| {
        reading.read(piece, bytes, &mut |at, kind, content| match content {
            Content::Pkcs12(der) => {
                let found = &mut |at, kind, content: Content<'_>| visit(item(at, kind, content));
                read_pkcs12(der, at, None, &mut budget, found);
            }
            content => visit(item(at, kind, content)),
        });
    });
}

fn item(position: u64, kind: ItemKind, content: Content<'_>) -> ItemRef<'_> {
    let content = match content {
        Content::Certificate(certificate) => Ok(certificate),
        Content::Key(_) => Err(ImportError::PrivateKey),
        Content::Crl(_) => Err(ImportError::Crl),
        // In another one, which holds no containers.
        Content::Pkcs12(_) => Err(ImportError::UnsupportedKind),
        Content::Refused(error) => Err(error),
    };
    ItemRef {
        position,
        kind,
        content,
    }
}
