use std::{error, fmt, io, path::Path, process::ExitCode};

use smime::{Cause, cms, crypto, mime, store, x509::IssueError};

/// What a command found out, as the exit code tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Done, and what was judged is good.
    Good,
    /// Done, and something judged is not good.
    NotGood,
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) code: String,
    pub(crate) detail: String,
    /// The code of what it comes from, whose remedy is the better one if it has any.
    pub(crate) because: Option<&'static str>,
    /// Whether the JSON result says it already.
    pub(crate) reported: bool,
}

/// The kinds of failure that scripts tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    NotGood,
    Usage,
    Input,
    Undecryptable,
    Other,
}

impl Judgement {
    pub(crate) fn of(good: bool) -> Self {
        if good { Self::Good } else { Self::NotGood }
    }

    pub(crate) fn exit_code(self) -> ExitCode {
        match self {
            Self::Good => ExitCode::SUCCESS,
            Self::NotGood => ExitCode::from(1),
        }
    }
}

impl Failure {
    pub(crate) fn new(kind: Kind, code: &str, detail: impl ToString) -> Self {
        Self {
            kind,
            code: code.to_owned(),
            detail: detail.to_string(),
            because: None,
            reported: false,
        }
    }

    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::new(
            Kind::Input,
            "input.unreadable",
            format!("{}: {error}", path.display()),
        )
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.kind {
            Kind::NotGood => 1,
            Kind::Usage => 2,
            Kind::Input => 3,
            Kind::Undecryptable => 4,
            Kind::Other => 5,
        })
    }
}

/// What reading an input returned, inside an [`io::Error`], so that it is told from other I/O.
#[derive(Debug)]
pub(crate) struct Unreadable(String);

impl Unreadable {
    pub(crate) fn wrap(path: &Path, error: &io::Error) -> io::Error {
        let detail = format!("{}: {error}", path.display());
        io::Error::new(error.kind(), Self(detail))
    }

    fn is_in(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl error::Error for Unreadable {}

impl From<&Cause> for Failure {
    fn from(cause: &Cause) -> Self {
        let kind = match cause {
            Cause::Io(error) if Unreadable::is_in(error) => {
                return Self::new(Kind::Input, "input.unreadable", error);
            }
            // A transfer encoding that breaks off or is none is read as what it is only here.
            Cause::Io(error) if error.kind() == io::ErrorKind::InvalidData => Kind::Input,
            Cause::Crypto(error) => return Self::from(error),
            Cause::Store(error) => return Self::from(error),
            Cause::NoKey | Cause::KeyLocked | Cause::DecryptFailed => Kind::Undecryptable,
            Cause::Mime(_) | Cause::Cms(_) | Cause::TooLarge(_) => Kind::Input,
            Cause::Withheld
            | Cause::Refused(_)
            | Cause::NoSender
            | Cause::NoRecipient
            | Cause::CannotSign { .. }
            | Cause::CannotEncrypt(_)
            | Cause::UnreadableRecipient(_)
            | Cause::Discarded(_) => Kind::NotGood,
            Cause::NoSuchGroup(_) | Cause::ChosenForNobody(_) => Kind::Usage,
            _ => Kind::Other,
        };
        Self {
            because: match cause {
                Cause::CannotSign { code, .. } => Some(code),
                _ => None,
            },
            ..Self::new(kind, cause.code(), cause)
        }
    }
}

impl From<smime::Error> for Failure {
    fn from(error: smime::Error) -> Self {
        Self {
            detail: error.to_string(),
            ..Self::from(&error.cause)
        }
    }
}

impl From<&store::Error> for Failure {
    fn from(error: &store::Error) -> Self {
        let kind = match error {
            store::Error::Key(error) => return Self::from(error),
            // Refused like a certificate that is imported, not failed.
            store::Error::NoCertificateForKey { .. } => Kind::NotGood,
            store::Error::OtherAddress(_) => Kind::Usage,
            store::Error::Sealed | store::Error::WrongStoreKey => Kind::Undecryptable,
            store::Error::BadKeyFile => Kind::Input,
            _ => Kind::Other,
        };
        Self::new(kind, error.code(), error)
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::from(&error)
    }
}

impl From<cms::Error> for Failure {
    fn from(error: cms::Error) -> Self {
        Self::from(&Cause::from(error))
    }
}

impl From<mime::Error> for Failure {
    fn from(error: mime::Error) -> Self {
        Self::from(&Cause::from(error))
    }
}

impl From<&crypto::Error> for Failure {
    fn from(error: &crypto::Error) -> Self {
        let kind = match error {
            crypto::Error::WrongPassphrase
            | crypto::Error::PassphraseNeeded
            | crypto::Error::DecryptFailed => Kind::Undecryptable,
            crypto::Error::NoRandomness => Kind::Other,
            _ => Kind::Input,
        };
        Self::new(kind, error.code(), error)
    }
}

impl From<crypto::Error> for Failure {
    fn from(error: crypto::Error) -> Self {
        Self::from(&error)
    }
}

impl From<IssueError> for Failure {
    fn from(error: IssueError) -> Self {
        let kind = match error {
            IssueError::Crypto(error) => return Self::from(error),
            // The authority cannot vouch for that: judged, not misspelt.
            IssueError::NotAnAuthority
            | IssueError::PathLength
            | IssueError::Outlives
            | IssueError::KeyRefused => Kind::NotGood,
            _ => Kind::Usage,
        };
        Self::new(kind, error.code(), error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::from(&Cause::from(error))
    }
}
