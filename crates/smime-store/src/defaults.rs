use std::fmt;

use serde::{Deserialize, Serialize};
use smime_x509::EmailAddress;

/// How outgoing mail is protected where its message says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defaults {
    /// Whether it is signed.
    pub sign: Level,
    /// Whether it is encrypted.
    pub encrypt: Level,
    /// What becomes of mail for which something must be done and cannot be.
    pub impossible: Impossible,
}

/// How strongly something is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Whether to do it.
    pub mode: Mode,
    /// Whether a message may ask for less.
    pub binding: Binding,
}

/// Whether to do something that may not be possible; from the weakest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Do not.
    Never,
    /// Do if it is possible; the receipt says why it was not.
    IfPossible,
    /// Do or fail.
    Always,
}

/// Whether a message may ask for less than a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binding {
    /// It may ask for anything.
    Default,
    /// It may ask for more, never for less.
    Mandatory,
}

/// What becomes of mail for which something must be done and cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Impossible {
    /// It goes without.
    SendPlain,
    /// It goes nowhere, and the log says so.
    Discard,
    /// It is an error.
    Refuse,
}

/// Whose mail defaults are for.
///
/// Text such as `sales` is a group, `@example.com` a domain and `ada@example.com` an address; letter
/// case does not count in the latter two, as [`EmailAddress::matches`] compares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Mail sent by a group.
    Group(String),
    /// Mail to any address of a domain.
    Domain(String),
    /// Mail to one address.
    Address(String),
}

impl Defaults {
    /// What holds where nothing was set: sign and encrypt if possible.
    pub const STANDARD: Self = Self {
        sign: Level::IF_POSSIBLE,
        encrypt: Level::IF_POSSIBLE,
        impossible: Impossible::Refuse,
    };

    /// Returns these under a rule for fewer: the rule's, but never less than what is mandatory here.
    #[must_use]
    pub fn refined(self, rule: Self) -> Self {
        let refined = |own: Level, rule: Level| match own.binding {
            Binding::Default => rule,
            Binding::Mandatory => own.stronger(rule),
        };
        Self {
            sign: refined(self.sign, rule.sign),
            encrypt: refined(self.encrypt, rule.encrypt),
            impossible: if self.binds() {
                self.impossible.max(rule.impossible)
            } else {
                rule.impossible
            },
        }
    }

    /// Says whether anything of it is mandatory.
    fn binds(self) -> bool {
        [self.sign, self.encrypt]
            .map(|level| level.binding)
            .contains(&Binding::Mandatory)
    }

    /// Returns the stronger of two in each respect.
    #[must_use]
    pub fn stronger(self, other: Self) -> Self {
        Self {
            sign: self.sign.stronger(other.sign),
            encrypt: self.encrypt.stronger(other.encrypt),
            impossible: self.impossible.max(other.impossible),
        }
    }
}

impl Level {
    /// If possible, and a message may say otherwise.
    pub const IF_POSSIBLE: Self = Self {
        mode: Mode::IfPossible,
        binding: Binding::Default,
    };

    /// Returns what to do for a message that asks for `asked`, or for nothing.
    pub fn applied(self, asked: Option<Mode>) -> Mode {
        let asked = asked.unwrap_or(self.mode);
        match self.binding {
            Binding::Default => asked,
            Binding::Mandatory => asked.max(self.mode),
        }
    }

    /// Returns the stronger of two: the stronger mode, and binding if one of them is.
    #[must_use]
    pub fn stronger(self, other: Self) -> Self {
        Self {
            mode: self.mode.max(other.mode),
            binding: self.binding.max(other.binding),
        }
    }
}

impl Mode {
    /// Returns the word for it: `never`, `if-possible` or `always`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::IfPossible => "if-possible",
            Self::Always => "always",
        }
    }
}

impl Impossible {
    /// Returns the word for it: `send-plain`, `discard` or `refuse`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SendPlain => "send-plain",
            Self::Discard => "discard",
            Self::Refuse => "refuse",
        }
    }
}

impl Scope {
    /// Reads a scope; nothing if it is empty, or has an `@` and is neither address nor domain.
    pub fn new(text: &str) -> Option<Self> {
        match text.split_once('@') {
            _ if text.trim() != text || text.is_empty() => None,
            None => Some(Self::Group(text.to_owned())),
            Some(("", domain)) => {
                let address = EmailAddress::new(&format!("any@{domain}"))?;
                Some(Self::domain_of(&address))
            }
            Some(_) => Some(Self::address(&EmailAddress::new(text)?)),
        }
    }

    /// Returns the scope of one address.
    pub fn address(address: &EmailAddress) -> Self {
        Self::Address(address.folded())
    }

    /// Returns the scope of the domain of an address.
    pub fn domain_of(address: &EmailAddress) -> Self {
        let folded = address.folded();
        let domain = folded.rsplit_once('@').map(|(_, domain)| domain);
        Self::Domain(domain.unwrap_or_default().to_owned())
    }
}

impl Scope {
    /// Returns the bytes under which a store keeps it.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let (kind, text) = match self {
            Self::Group(name) => (b'g', name),
            Self::Domain(domain) => (b'd', domain),
            Self::Address(address) => (b'a', address),
        };
        [&[kind], text.as_bytes()].concat()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, text) = bytes.split_first()?;
        let text = String::from_utf8(text.to_vec()).ok()?;
        match kind {
            b'g' => Some(Self::Group(text)),
            b'd' => Some(Self::Domain(text)),
            b'a' => Some(Self::Address(text)),
            _ => None,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(name) => f.write_str(name),
            Self::Domain(domain) => write!(f, "@{domain}"),
            Self::Address(address) => f.write_str(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(mode: Mode, binding: Binding) -> Level {
        Level { mode, binding }
    }

    #[test]
    fn a_message_overrides_a_default_and_never_lowers_what_is_mandatory() {
        use Binding::{Default, Mandatory};
        use Mode::{Always, IfPossible, Never};
        for (mode, binding, asked, applied) in [
            (IfPossible, Default, None, IfPossible),
            (Always, Default, Some(Never), Never),
            (Never, Default, Some(Always), Always),
            (Always, Mandatory, Some(Never), Always),
            (Always, Mandatory, Some(IfPossible), Always),
            (Always, Mandatory, None, Always),
            (IfPossible, Mandatory, Some(Never), IfPossible),
            (IfPossible, Mandatory, Some(Always), Always),
            (Never, Mandatory, Some(Always), Always),
        ] {
            let is = level(mode, binding).applied(asked);
            assert_eq!(is, applied, "{mode:?} {binding:?} {asked:?}");
        }
    }

    #[test]
    fn the_stronger_of_two_levels_is_weaker_than_neither() {
        use Binding::{Default, Mandatory};
        let all = [Mode::Never, Mode::IfPossible, Mode::Always]
            .map(|mode| [level(mode, Default), level(mode, Mandatory)])
            .concat();
        for one in &all {
            for other in &all {
                let both = one.stronger(*other);
                assert_eq!(both, other.stronger(*one));
                for asked in [None, Some(Mode::Never), Some(Mode::Always)] {
                    let weakest = one.applied(asked).min(other.applied(asked));
                    assert!(both.applied(asked) >= weakest, "{one:?} {other:?}");
                }
                assert!(both.applied(None) >= one.applied(None));
            }
        }
    }

    #[test]
    fn a_rule_replaces_what_does_not_bind_and_never_lowers_what_does() {
        use Binding::{Default, Mandatory};
        let with = |encrypt, impossible| Defaults {
            encrypt,
            impossible,
            ..Defaults::STANDARD
        };
        let rule = with(level(Mode::Never, Default), Impossible::SendPlain);
        let open = with(level(Mode::Always, Default), Impossible::SendPlain);
        assert_eq!(open.refined(rule).encrypt, rule.encrypt);
        let bound = with(level(Mode::IfPossible, Mandatory), Impossible::Refuse);
        let refined = bound.refined(rule);
        assert_eq!(refined.encrypt, level(Mode::IfPossible, Mandatory));
        assert_eq!(refined.impossible, Impossible::Refuse);
        let strict = with(level(Mode::Always, Default), Impossible::Discard);
        assert_eq!(
            bound.refined(strict).encrypt,
            level(Mode::Always, Mandatory)
        );
    }

    #[test]
    fn scopes_are_told_by_their_at_sign() {
        for (text, scope) in [
            ("sales", Some(Scope::Group("sales".into()))),
            ("Sales & Co", Some(Scope::Group("Sales & Co".into()))),
            ("@Example.COM", Some(Scope::Domain("example.com".into()))),
            (
                "Ada@Example.com",
                Some(Scope::Address("ada@example.com".into())),
            ),
            ("", None),
            ("@", None),
            (" sales", None),
            ("ada@", None),
            ("@@example.com", None),
            ("ada@example.com ", None),
        ] {
            assert_eq!(Scope::new(text), scope, "{text:?}");
            if let Some(scope) = scope {
                assert_eq!(Scope::new(&scope.to_string()), Some(scope));
            }
        }
    }
}
