use std::{error, fmt, io};

use smime_crypto::Refused;
use smime_io::TooLarge;
use smime_store::Want;
use smime_x509::EmailAddress;

use crate::{KeyUnavailable, Layer};

/// Why a message could not be opened or sealed.
#[derive(Debug)]
pub struct Error {
    /// The layers that were taken off before, outermost first; none when sealing.
    pub layers: Vec<Layer>,
    /// What might help: a certificate, its key, or what its issuer is trusted for.
    pub wants: Box<[Want]>,
    /// What went wrong in the next one.
    pub cause: Cause,
}

/// What went wrong.
#[non_exhaustive]
#[derive(Debug)]
pub enum Cause {
    /// Reading the input or writing the output.
    Io(io::Error),
    /// A bound of [`smime_io::Limits`] was crossed.
    TooLarge(TooLarge),
    /// The encoding of content, found while reading it: base64, or ASN.1 segments.
    Malformed(io::Error),
    /// The MIME structure.
    Mime(smime_mime::Error),
    /// The CMS object.
    Cms(smime_cms::Error),
    /// A key or an algorithm.
    Crypto(smime_crypto::Error),
    /// The store.
    Store(smime_store::Error),
    /// None of the recipients is a certificate whose private key is here.
    NoKey,
    /// A recipient's private key is here, and no passphrase opens it.
    KeyLocked,
    /// Wrong key or altered ciphertext; one variant on purpose (RFC 3218).
    DecryptFailed,
    /// Nothing vouches for the plaintext, and policy keeps such plaintext inside; also when there is
    /// none, because the key is wrong or the ciphertext altered: one variant on purpose.
    Withheld,
    /// The message names no single sender whose certificate could sign.
    NoSender,
    /// No certificate of the sender can sign now.
    CannotSign {
        /// The sender.
        address: EmailAddress,
        /// Why the best candidate cannot, as a stable code.
        code: &'static str,
    },
    /// Some recipients cannot be encrypted to; nothing was written.
    CannotEncrypt(Vec<RecipientProblem>),
    /// The message names no recipient to encrypt to.
    NoRecipient,
    /// A recipient's address is none that a certificate could name.
    UnreadableRecipient(String),
    /// Policy refuses an algorithm that was asked for.
    Refused(Refused),
    /// Recipients of Bcc need copies of their own, and there is one output.
    CopiesNeeded,
    /// Nothing was set for the group.
    NoSuchGroup(String),
    /// A certificate was chosen that names neither the sender nor a recipient.
    ChosenForNobody([u8; 32]),
    /// The mail could not be protected as it must be, and such mail is to go nowhere.
    Discarded(Box<Cause>),
}

/// A recipient that cannot be encrypted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientProblem {
    /// The recipient.
    pub address: EmailAddress,
    /// Why the best candidate does not serve, as a stable code.
    pub code: &'static str,
}

impl Error {
    /// Returns the stable code of the cause.
    pub fn code(&self) -> &'static str {
        self.cause.code()
    }
}

impl Cause {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "engine.io",
            Self::TooLarge(_) => "engine.too_large",
            Self::Malformed(_) => "engine.malformed",
            Self::Mime(error) => error.code(),
            Self::Cms(error) => error.code(),
            Self::Crypto(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::NoKey => "engine.no_key",
            Self::KeyLocked => "engine.key_locked",
            Self::DecryptFailed => "engine.decrypt_failed",
            Self::Withheld => "engine.withheld",
            Self::NoSender => "engine.no_sender",
            Self::CannotSign { .. } => "engine.cannot_sign",
            Self::CannotEncrypt(_) => "engine.cannot_encrypt",
            Self::NoRecipient => "engine.no_recipient",
            Self::UnreadableRecipient(_) => "engine.unreadable_recipient",
            Self::Refused(refused) => refused.code(),
            Self::CopiesNeeded => "engine.copies_needed",
            Self::NoSuchGroup(_) => "engine.no_such_group",
            Self::ChosenForNobody(_) => "engine.chosen_for_nobody",
            Self::Discarded(_) => "engine.discarded",
        }
    }

    /// Says whether there is a key, which a passphrase or the store key would open.
    pub fn is_locked(&self) -> bool {
        matches!(
            self,
            Self::KeyLocked | Self::Store(smime_store::Error::Sealed)
        )
    }

    /// Says whether no key at hand decrypts the message.
    pub fn is_undecryptable(&self) -> bool {
        matches!(
            self,
            Self::NoKey
                | Self::KeyLocked
                | Self::Store(smime_store::Error::Sealed)
                | Self::DecryptFailed
                | Self::Withheld
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.layers.len() {
            0 => self.cause.fmt(f),
            layers => write!(f, "inside {layers} layers: {}", self.cause),
        }
    }
}

impl error::Error for Error {}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) | Self::Malformed(error) => error.fmt(f),
            Self::TooLarge(error) => error.fmt(f),
            Self::Mime(error) => error.fmt(f),
            Self::Cms(error) => error.fmt(f),
            Self::Crypto(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::NoKey => f.write_str("no private key for any of the recipients"),
            Self::KeyLocked => f.write_str("private key protected by a passphrase not given"),
            Self::DecryptFailed => f.write_str("wrong key or altered ciphertext"),
            Self::Withheld => {
                f.write_str("content not authenticated, if it can be decrypted at all")
            }
            Self::NoSender => f.write_str("no single sender address"),
            Self::CannotSign { address, code } => {
                write!(f, "no certificate of {address} can sign ({code})")
            }
            Self::CannotEncrypt(problems) => {
                f.write_str("no certificate to encrypt to")?;
                for problem in problems {
                    write!(f, "; {} ({})", problem.address, problem.code)?;
                }
                Ok(())
            }
            Self::NoRecipient => f.write_str("no recipient"),
            Self::UnreadableRecipient(text) => write!(f, "recipient not readable: {text}"),
            Self::Refused(refused) => refused.fmt(f),
            Self::CopiesNeeded => f.write_str("blind recipients need copies of their own"),
            Self::NoSuchGroup(name) => write!(f, "nothing set for group {name}"),
            Self::ChosenForNobody(fingerprint) => {
                f.write_str("neither sender nor recipient named by certificate ")?;
                fingerprint
                    .iter()
                    .try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Discarded(cause) => write!(f, "discarded: {cause}"),
        }
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        match TooLarge::find(&error) {
            Some(crossed) => Self::TooLarge(crossed),
            None if error.kind() == io::ErrorKind::InvalidData => Self::Malformed(error),
            None => Self::Io(error),
        }
    }
}

impl From<smime_mime::Error> for Cause {
    fn from(error: smime_mime::Error) -> Self {
        match error {
            smime_mime::Error::Io(error) => error.into(),
            smime_mime::Error::TooLarge(error) => Self::TooLarge(error),
            other => Self::Mime(other),
        }
    }
}

impl From<smime_cms::Error> for Cause {
    fn from(error: smime_cms::Error) -> Self {
        match error {
            smime_cms::Error::Io(error) => error.into(),
            smime_cms::Error::TooLarge(error) => Self::TooLarge(error),
            smime_cms::Error::DecryptFailed => Self::DecryptFailed,
            smime_cms::Error::NoMatchingRecipient => Self::NoKey,
            smime_cms::Error::Refused(refused) => Self::Refused(refused),
            other => Self::Cms(other),
        }
    }
}

impl From<KeyUnavailable> for Cause {
    fn from(unavailable: KeyUnavailable) -> Self {
        match unavailable {
            KeyUnavailable::Missing => Self::NoKey,
            KeyUnavailable::Locked => Self::KeyLocked,
            KeyUnavailable::Sealed => Self::Store(smime_store::Error::Sealed),
            KeyUnavailable::Unreadable(cause) => cause,
        }
    }
}

impl From<smime_crypto::Error> for Cause {
    fn from(error: smime_crypto::Error) -> Self {
        Self::Crypto(error)
    }
}

impl From<smime_store::Error> for Cause {
    fn from(error: smime_store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<Cause> for Error {
    fn from(cause: Cause) -> Self {
        Self {
            layers: Vec::new(),
            wants: Box::default(),
            cause,
        }
    }
}
