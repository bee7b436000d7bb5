use std::{error, fmt};

use smime_crypto::{Oid, Refused, UnixTime};

use crate::{Irregularity, RevocationReason};

/// Why bytes are not a certificate, CRL or OCSP response, or not one of its parts.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// The encoding breaks X.690 or RFC 5280; `offset` counts bytes from the start of the input.
    Malformed {
        /// What was expected there.
        what: &'static str,
        /// The byte position.
        offset: usize,
    },
    /// One extension stands there twice (RFC 5280 §4.2).
    DuplicateExtension(Oid),
    /// The version is not a known one, or does not have the fields that are there.
    Version,
    /// The signature algorithm inside the signed part is another than the one outside
    /// (RFC 5280 §4.1.1.2).
    AlgorithmMismatch,
}

impl ParseError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "x509.malformed",
            Self::DuplicateExtension(_) => "x509.duplicate_extension",
            Self::Version => "x509.version",
            Self::AlgorithmMismatch => "x509.algorithm_mismatch",
        }
    }

    /// Returns the same error with offsets moved by `base` bytes.
    pub(crate) fn moved_by(self, base: usize) -> Self {
        match self {
            Self::Malformed { what, offset } => Self::Malformed {
                what,
                offset: offset.saturating_add(base),
            },
            other => other,
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { what, offset } => write!(f, "{what} malformed at byte {offset}"),
            Self::DuplicateExtension(oid) => write!(f, "extension {oid} present twice"),
            Self::Version => f.write_str("version and fields do not agree"),
            Self::AlgorithmMismatch => f.write_str("two signature algorithms that differ"),
        }
    }
}

impl error::Error for ParseError {}

impl From<smime_crypto::Error> for ParseError {
    fn from(error: smime_crypto::Error) -> Self {
        match error {
            smime_crypto::Error::Malformed { what, offset } => Self::Malformed { what, offset },
            _ => Self::Malformed {
                what: "certificate",
                offset: 0,
            },
        }
    }
}

/// Why no chain of trust was found; of several reasons the most useful one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainError {
    /// The rule that was broken.
    pub kind: ChainErrorKind,
    /// The fingerprint of the certificate that breaks it; for a missing issuer and for a wrong
    /// signature the certificate that was to be issued.
    pub certificate: Option<[u8; 32]>,
    /// The fingerprint of the candidate issuer that came closest, if there was one.
    pub nearest: Option<[u8; 32]>,
}

/// The rules a chain can break.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainErrorKind {
    /// The certificate's time is over.
    Expired,
    /// The certificate's time has not begun.
    NotYetValid,
    /// An issuer's certificate is not at hand.
    NoPath,
    /// The path ends at a self-issued certificate that is not an anchor.
    UntrustedRoot,
    /// The issuer's key did not make the certificate's signature.
    BadSignature,
    /// An issuer is not a certification authority (RFC 5280 §4.2.1.9).
    NotACa,
    /// More intermediates than an issuer or the policy allows.
    PathTooLong,
    /// The key usage does not contain what the certificate is used for.
    KeyUsage,
    /// The extended key usage does not contain what the certificate is used for.
    ExtendedKeyUsage,
    /// A critical extension that is not known (RFC 5280 §4.2).
    UnknownCriticalExtension(Box<Oid>),
    /// A name that an issuer's name constraints do not permit (RFC 5280 §4.2.1.10).
    NameNotPermitted,
    /// A name that an issuer's name constraints exclude (RFC 5280 §4.2.1.10).
    NameExcluded,
    /// Name constraints that forbid or permit nobody knows what: malformed ones, those on a form of
    /// name that is not judged, or on a name that is malformed itself; and those of a certificate
    /// that is no authority's.
    NameConstraintsUnsupported,
    /// More names and constraints on them than anybody compares.
    TooManyNames,
    /// An explicit policy is required, and the path is good for none that is acceptable
    /// (RFC 5280 §6.1.3 (f), §6.1.5 (g)).
    NoAcceptablePolicy,
    /// A policy that stands there twice, or a mapping from or to anyPolicy
    /// (RFC 5280 §4.2.1.4, §6.1.4 (a)).
    PoliciesMalformed,
    /// An anchor that is not trusted for the purpose.
    PurposeNotTrusted,
    /// What RFC 5280 §4 asks of those who issue, where the policy refuses what does not keep it.
    Nonconforming(Irregularity),
    /// An algorithm or key that the policy does not permit.
    AlgorithmRefused(Refused),
    /// A signature algorithm that is not known.
    UnknownAlgorithm(Box<Oid>),
    /// A signature algorithm or key of known name in a form that cannot be used.
    UnusableAlgorithm,
    /// A certificate that was distrusted by name.
    Distrusted,
    /// A certificate that its issuer revoked.
    Revoked {
        /// When.
        at: UnixTime,
        /// Why, when that is told.
        reason: Option<RevocationReason>,
    },
    /// Nobody knows whether a certificate is revoked: nothing usable tells, and policy asks for it.
    RevocationUnknown,
    /// More work than one chain is worth.
    BudgetExhausted,
}

impl ChainError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }
}

impl ChainErrorKind {
    /// Returns the stable code of this kind.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Expired => "chain.expired",
            Self::NotYetValid => "chain.not_yet_valid",
            Self::NoPath => "chain.no_path",
            Self::UntrustedRoot => "chain.untrusted_root",
            Self::BadSignature => "chain.bad_signature",
            Self::NotACa => "chain.not_a_ca",
            Self::PathTooLong => "chain.path_too_long",
            Self::KeyUsage => "chain.key_usage",
            Self::ExtendedKeyUsage => "chain.extended_key_usage",
            Self::UnknownCriticalExtension(_) => "chain.unknown_critical_extension",
            Self::NameConstraintsUnsupported => "chain.name_constraints_unsupported",
            Self::NameNotPermitted => "chain.name_not_permitted",
            Self::NameExcluded => "chain.name_excluded",
            Self::TooManyNames => "chain.too_many_names",
            Self::NoAcceptablePolicy => "chain.no_acceptable_policy",
            Self::PoliciesMalformed => "chain.policies_malformed",
            Self::PurposeNotTrusted => "chain.purpose_not_trusted",
            Self::Nonconforming(_) => "chain.nonconforming",
            Self::AlgorithmRefused(_) | Self::UnknownAlgorithm(_) | Self::UnusableAlgorithm => {
                "chain.algorithm_refused"
            }
            Self::Distrusted => "chain.distrusted",
            Self::Revoked { .. } => "chain.revoked",
            Self::RevocationUnknown => "chain.revocation_unknown",
            Self::BudgetExhausted => "chain.budget_exhausted",
        }
    }

    /// Returns how much this reason tells a person, more is more: a rule that one certificate
    /// breaks and whose repair would give a chain, over one that many candidates break by being
    /// the wrong ones.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::NoPath => 0,
            Self::BadSignature => 1,
            Self::UntrustedRoot => 2,
            Self::NotACa => 3,
            Self::KeyUsage => 4,
            Self::PathTooLong => 5,
            Self::UnknownAlgorithm(_) | Self::UnusableAlgorithm => 6,
            Self::AlgorithmRefused(_) => 7,
            Self::UnknownCriticalExtension(_) => 8,
            Self::Nonconforming(_) => 9,
            Self::TooManyNames | Self::NameConstraintsUnsupported | Self::PoliciesMalformed => 10,
            Self::NoAcceptablePolicy => 11,
            Self::NameNotPermitted | Self::NameExcluded => 12,
            Self::ExtendedKeyUsage => 13,
            Self::PurposeNotTrusted => 14,
            Self::NotYetValid => 15,
            Self::Expired => 16,
            Self::RevocationUnknown => 17,
            Self::Revoked { .. } => 18,
            Self::Distrusted => 19,
            Self::BudgetExhausted => u8::MAX,
        }
    }
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.kind, f)
    }
}

impl fmt::Display for ChainErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("certificate expired"),
            Self::NotYetValid => f.write_str("certificate not yet valid"),
            Self::NoPath => f.write_str("issuer certificate not at hand"),
            Self::UntrustedRoot => f.write_str("root certificate not trusted"),
            Self::BadSignature => f.write_str("certificate not signed by its issuer's key"),
            Self::NotACa => f.write_str("issuer is not a certification authority"),
            Self::PathTooLong => f.write_str("too many intermediate certificates"),
            Self::KeyUsage => f.write_str("key usage does not allow this use"),
            Self::ExtendedKeyUsage => f.write_str("extended key usage does not allow this use"),
            Self::UnknownCriticalExtension(oid) => write!(f, "unknown critical extension {oid}"),
            Self::NameNotPermitted => f.write_str("a name that an issuer does not permit"),
            Self::NameExcluded => f.write_str("a name that an issuer excludes"),
            Self::NameConstraintsUnsupported => {
                f.write_str("name constraints that cannot be judged")
            }
            Self::TooManyNames => f.write_str("too many names and name constraints"),
            Self::NoAcceptablePolicy => f.write_str("no acceptable certificate policy"),
            Self::PoliciesMalformed => f.write_str("certificate policies malformed"),
            Self::PurposeNotTrusted => f.write_str("anchor not trusted for this purpose"),
            Self::Nonconforming(what) => fmt::Display::fmt(what, f),
            Self::AlgorithmRefused(refused) => fmt::Display::fmt(refused, f),
            Self::UnknownAlgorithm(oid) => write!(f, "unknown signature algorithm {oid}"),
            Self::UnusableAlgorithm => f.write_str("signature algorithm or key cannot be used"),
            Self::Distrusted => f.write_str("certificate distrusted"),
            Self::Revoked { at, reason } => {
                write!(f, "certificate revoked at {at}")?;
                reason.map_or(Ok(()), |reason| write!(f, " ({reason})"))
            }
            Self::RevocationUnknown => f.write_str("not known whether a certificate is revoked"),
            Self::BudgetExhausted => f.write_str("too much work to find a chain"),
        }
    }
}

impl error::Error for ChainError {}

/// Why a certificate is not taken into a store (the rule is [`check_import`](crate::check_import)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportRefusal {
    /// No mail address in the subject alternative name.
    NoEmail,
    /// The key usage allows neither signing nor encrypting mail.
    KeyUsage,
    /// The extended key usage does not contain e-mail protection.
    ExtendedKeyUsage,
    /// The key is neither RSA nor on a known elliptic curve.
    KeyAlgorithm,
}

impl ImportRefusal {
    /// Returns the stable code of this refusal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoEmail => "import.no_email",
            Self::KeyUsage => "import.key_usage",
            Self::ExtendedKeyUsage => "import.extended_key_usage",
            Self::KeyAlgorithm => "import.key_algorithm",
        }
    }
}

impl fmt::Display for ImportRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoEmail => "no mail address in the subject alternative name",
            Self::KeyUsage => "key usage allows neither signing nor encrypting mail",
            Self::ExtendedKeyUsage => "extended key usage does not contain e-mail protection",
            Self::KeyAlgorithm => "key is neither RSA nor on a known elliptic curve",
        })
    }
}

impl error::Error for ImportRefusal {}
