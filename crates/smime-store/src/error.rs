use std::{error, fmt, io};

use smime_x509::ParseError;

/// Why the store did not do what was asked.
#[non_exhaustive]
#[derive(Debug)]
pub enum Error {
    /// The file could not be read or written.
    Io(io::Error),
    /// Another process, or another handle of this one, has the store open.
    Locked,
    /// The file is not a store: something else made it.
    ForeignFile,
    /// The store was written in another layout.
    SchemaVersion {
        /// The layout found.
        found: u64,
        /// The latest layout that this version reads.
        expected: u64,
    },
    /// What is stored contradicts itself.
    Damaged(&'static str),
    /// The private key of this [`public_key_id`](crate::public_key_id) was altered, or put in
    /// another's place.
    DamagedKey([u8; 32]),
    /// The private keys are sealed under a store key that was not given.
    Sealed,
    /// The passphrase or key file does not open the store key; also if that was altered.
    WrongStoreKey,
    /// The store has no store key.
    NoStoreKey,
    /// The store has a store key already.
    HasStoreKey,
    /// The file is not a key file.
    BadKeyFile,
    /// The database refused; its own words.
    Database(String),
    /// No certificate of that fingerprint is stored.
    NoSuchCertificate([u8; 32]),
    /// The certificate of that fingerprint does not name the address.
    OtherAddress([u8; 32]),
    /// The certificate of that fingerprint is not quarantined.
    NotQuarantined([u8; 32]),
    /// No private key of that [`public_key_id`](crate::public_key_id) is stored.
    NoSuchKey([u8; 32]),
    /// No mail of that number is kept.
    NoSuchMail(u64),
    /// The mail, with what it wants, is larger than 64 MiB.
    MailTooLarge,
    /// The bytes are not a revocation list.
    UnreadableCrl(ParseError),
    /// The revocation list is larger than 64 MiB.
    CrlTooLarge,
    /// The activity log does not fit together from this entry on.
    LogBroken {
        /// The number of the first entry that does not fit.
        id: u64,
    },
    /// The file holds no private key that can be read, or the passphrase does not open it.
    Key(smime_crypto::Error),
    /// No certificate of the private key's public half is stored.
    NoCertificateForKey {
        /// The [`public_key_id`](crate::public_key_id) of the key.
        public_key_id: [u8; 32],
    },
}

impl Error {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "store.io",
            Self::Locked => "store.locked",
            Self::ForeignFile => "store.foreign_file",
            Self::SchemaVersion { .. } => "store.schema_version",
            Self::Damaged(_) | Self::DamagedKey(_) => "store.damaged",
            Self::Sealed => "store.sealed",
            Self::WrongStoreKey => "store.wrong_key",
            Self::NoStoreKey => "store.no_store_key",
            Self::HasStoreKey => "store.has_store_key",
            Self::BadKeyFile => "store.bad_key_file",
            Self::Database(_) => "store.database",
            Self::NoSuchCertificate(_) => "store.no_certificate",
            Self::OtherAddress(_) => "store.other_address",
            Self::NotQuarantined(_) => "store.not_quarantined",
            Self::NoSuchKey(_) => "store.no_key",
            Self::NoSuchMail(_) => "store.no_mail",
            Self::MailTooLarge => "store.mail_too_large",
            Self::UnreadableCrl(_) => "store.unreadable_crl",
            Self::CrlTooLarge => "store.crl_too_large",
            Self::LogBroken { .. } => "store.log_broken",
            Self::Key(error) => error.code(),
            Self::NoCertificateForKey { .. } => "key.no_certificate",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "store not accessible: {error}"),
            Self::Locked => f.write_str("store open elsewhere"),
            Self::ForeignFile => f.write_str("file is not a store"),
            Self::SchemaVersion { found, expected } => {
                write!(f, "store has layout {found}, not {expected}")
            }
            Self::Damaged(what) => write!(f, "store damaged: {what}"),
            Self::DamagedKey(id) => {
                write!(f, "store damaged: private key of public key {}", Hex(id))
            }
            Self::Sealed => f.write_str("private keys sealed under a store key not given"),
            Self::WrongStoreKey => {
                f.write_str("passphrase or key file does not open the store key")
            }
            Self::NoStoreKey => f.write_str("store without a store key"),
            Self::HasStoreKey => f.write_str("store has a store key already"),
            Self::BadKeyFile => f.write_str("not a key file of 64 hexadecimal digits"),
            Self::Database(what) => write!(f, "database: {what}"),
            Self::NoSuchCertificate(fingerprint) => {
                write!(f, "no certificate of fingerprint {}", Hex(fingerprint))
            }
            Self::OtherAddress(fingerprint) => write!(
                f,
                "certificate of fingerprint {} is of another address",
                Hex(fingerprint)
            ),
            Self::NotQuarantined(fingerprint) => write!(
                f,
                "no certificate of fingerprint {} is quarantined",
                Hex(fingerprint)
            ),
            Self::NoSuchKey(id) => write!(f, "no private key of public key {}", Hex(id)),
            Self::NoSuchMail(id) => write!(f, "no kept mail of number {id}"),
            Self::MailTooLarge => f.write_str("mail larger than 64 MiB"),
            Self::UnreadableCrl(error) => write!(f, "not a revocation list: {error}"),
            Self::CrlTooLarge => f.write_str("revocation list larger than 64 MiB"),
            Self::LogBroken { id } => write!(f, "activity log broken at entry {id}"),
            Self::Key(error) => write!(f, "private key: {error}"),
            Self::NoCertificateForKey { public_key_id } => {
                write!(
                    f,
                    "no certificate stored for the private key of {}",
                    Hex(public_key_id)
                )
            }
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Key(error) => Some(error),
            Self::UnreadableCrl(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<smime_crypto::Error> for Error {
    fn from(error: smime_crypto::Error) -> Self {
        Self::Key(error)
    }
}

/// Prints bytes as lower-case hexadecimal.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
