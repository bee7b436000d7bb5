use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use smime::{
    Choice, Cipher, Mode, PlainAnswer, RsaPadding, Several, SignatureChoice, ToSelf,
    crypto::DigestAlgorithm,
    store::{Binding, Defaults, Impossible, Level, Scope, Store},
    x509::EmailAddress,
};

use super::{CipherWord, DigestWord, Evidence, SubjectAddressWord, address};
use crate::{
    failure::Failure,
    fingerprint::{self, FingerprintStart},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Seal {
    /// The mail; `-` is standard input
    #[arg(value_name = "MAIL", default_value = "-")]
    pub(crate) mail: PathBuf,
    /// Where the sealed mail goes; a Bcc recipient's copy goes beside it
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Who signs; the mail's From when absent
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) from: Option<EmailAddress>,
    /// Who can decrypt; the mail's To, Cc and Bcc when absent
    #[arg(long, value_name = "ADDRESS", value_parser = address, num_args = 1..)]
    pub(crate) to: Vec<EmailAddress>,
    #[command(flatten)]
    pub(crate) choosing: Choosing,
    #[command(flatten)]
    pub(crate) how: How,
    /// Whether a mail address in a certificate's subject counts; when absent, as the profile says:
    /// ignored under strict, counts otherwise
    #[arg(long, value_enum, value_name = "WHETHER")]
    pub(crate) subject_address: Option<SubjectAddressWord>,
    #[command(flatten)]
    pub(crate) evidence: Evidence,
}

/// How to sign and encrypt.
#[derive(Debug, clap::Args)]
pub(crate) struct How {
    /// Put the signature around the content instead of beside it
    #[arg(long)]
    pub(crate) opaque: bool,
    /// Send the root of the signer's chain along, too
    #[arg(long)]
    pub(crate) include_root: bool,
    /// Name the media types x-pkcs7-mime and x-pkcs7-signature, for very old clients
    #[arg(long)]
    pub(crate) old_names: bool,
    #[command(flatten)]
    pub(crate) algorithms: Algorithms,
}

/// By which algorithms.
#[derive(Debug, clap::Args)]
pub(crate) struct Algorithms {
    /// The digest of the signature; what suits the key when absent
    #[arg(long, value_enum, value_name = "DIGEST")]
    digest: Option<DigestWord>,
    /// RSASSA-PSS instead of PKCS#1 v1.5
    #[arg(long)]
    pss: bool,
    /// The content cipher; the best that all recipients are known to read when absent
    #[arg(long, value_enum, value_name = "CIPHER")]
    cipher: Option<CipherWord>,
    /// RSAES-OAEP with SHA-256 instead of PKCS#1 v1.5
    #[arg(long)]
    oaep: bool,
}

impl Algorithms {
    pub(crate) fn signature(&self) -> SignatureChoice {
        SignatureChoice {
            digest: self.digest.map(Into::into),
            padding: if self.pss {
                RsaPadding::Pss
            } else {
                RsaPadding::Pkcs1
            },
        }
    }

    pub(crate) fn cipher(&self) -> Cipher {
        self.cipher
            .map_or(Cipher::Best, |cipher| Cipher::Only(cipher.into()))
    }

    pub(crate) fn oaep(&self) -> Option<DigestAlgorithm> {
        self.oaep.then_some(DigestAlgorithm::Sha256)
    }
}

/// Whether to protect a mail, and with which certificates.
#[derive(Debug, clap::Args)]
pub(crate) struct Choosing {
    /// The group whose defaults hold
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// Whether to sign; as the defaults say when absent
    #[arg(long, value_enum, value_name = "MODE")]
    pub(crate) sign: Option<ModeWord>,
    /// Whether to encrypt; as the defaults say when absent
    #[arg(long, value_enum, value_name = "MODE")]
    pub(crate) encrypt: Option<ModeWord>,
    /// The certificate to sign with in place of the best; asks for a signature
    #[arg(long, value_name = "SHA256", value_parser = FingerprintStart::of_one)]
    signer: Option<FingerprintStart>,
    /// A certificate to encrypt to for its address in place of the best; asks for encryption
    #[arg(long, value_name = "SHA256", value_parser = FingerprintStart::of_one)]
    recipient: Vec<FingerprintStart>,
    /// Encrypt to every certificate of each recipient that can be encrypted to
    #[arg(long)]
    all_certificates: bool,
    /// Let the sender decrypt it too, if there is a certificate to encrypt to
    #[arg(long)]
    to_self: bool,
    /// Let an answer to encrypted mail go in plain
    #[arg(long)]
    plain_answer: bool,
}

impl Choosing {
    /// Finds the certificates named.
    pub(crate) fn choice(&self, store: &dyn Store) -> Result<Choice, Failure> {
        let find = |names: &[FingerprintStart]| {
            let found = fingerprint::find(store, names)?.into_iter();
            let fingerprints = found.map(|stored| stored.certificate.fingerprint());
            Ok::<Vec<_>, Failure>(fingerprints.collect())
        };
        Ok(Choice {
            signer: find(self.signer.as_slice())?.pop(),
            recipients: find(&self.recipient)?,
            several: if self.all_certificates {
                Several::All
            } else {
                Several::Best
            },
            to_self: if self.to_self {
                ToSelf::IfPossible
            } else {
                ToSelf::No
            },
        })
    }

    pub(crate) fn plain_answer(&self) -> PlainAnswer {
        if self.plain_answer {
            PlainAnswer::Allowed
        } else {
            PlainAnswer::Refused
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Who sends
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) from: EmailAddress,
    /// Who gets it, in To, Cc or Bcc
    #[arg(long, value_name = "ADDRESS", value_parser = address, required = true, num_args = 1..)]
    pub(crate) to: Vec<EmailAddress>,
    /// The Message-ID of a mail that it answers
    #[arg(long, value_name = "MESSAGE-ID", value_parser = message_id)]
    pub(crate) in_reply_to: Vec<String>,
    #[command(flatten)]
    pub(crate) choosing: Choosing,
    #[command(flatten)]
    pub(crate) algorithms: Algorithms,
    /// Whether a mail address in a certificate's subject counts; when absent, as the profile says:
    /// ignored under strict, counts otherwise
    #[arg(long, value_enum, value_name = "WHETHER")]
    pub(crate) subject_address: Option<SubjectAddressWord>,
    #[command(flatten)]
    pub(crate) evidence: Evidence,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Group {
    /// Set the defaults of a group, a domain or an address
    Set(GroupSet),
    /// List all defaults
    List,
    /// Delete the defaults of a group, a domain or an address
    Delete {
        /// A group, @DOMAIN, or an address
        #[arg(value_name = "NAME", value_parser = scope)]
        name: Scope,
    },
}

/// What is not given stays as it was set.
#[derive(Debug, clap::Args)]
pub(crate) struct GroupSet {
    /// A group; @DOMAIN or an address for all mail to it
    #[arg(value_name = "NAME", value_parser = scope)]
    pub(crate) name: Scope,
    /// Whether to sign; if-possible at first
    #[arg(long, value_enum, value_name = "MODE")]
    sign: Option<ModeWord>,
    /// Whether to encrypt; if-possible at first
    #[arg(long, value_enum, value_name = "MODE")]
    encrypt: Option<ModeWord>,
    /// What a message may not lower
    #[arg(long, value_enum, value_name = "WHAT")]
    mandatory: Vec<Protection>,
    /// What a message may lower again
    #[arg(long, value_enum, value_name = "WHAT")]
    optional: Vec<Protection>,
    /// What becomes of mail for which something must be done and cannot be; refuse at first
    #[arg(long, value_enum, value_name = "WHAT")]
    impossible: Option<ImpossibleWord>,
}

impl GroupSet {
    /// Returns the defaults after those that were set before.
    pub(crate) fn after(&self, before: Defaults) -> Defaults {
        let level = |before: Level, mode: Option<ModeWord>, of| Level {
            mode: mode.map_or(before.mode, Into::into),
            binding: if self.mandatory.contains(&of) {
                Binding::Mandatory
            } else if self.optional.contains(&of) {
                Binding::Default
            } else {
                before.binding
            },
        };
        Defaults {
            sign: level(before.sign, self.sign, Protection::Sign),
            encrypt: level(before.encrypt, self.encrypt, Protection::Encrypt),
            impossible: match self.impossible {
                Some(ImpossibleWord::Refuse) => Impossible::Refuse,
                Some(ImpossibleWord::SendPlain) => Impossible::SendPlain,
                Some(ImpossibleWord::Discard) => Impossible::Discard,
                None => before.impossible,
            },
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ModeWord {
    /// Do not
    Never,
    /// Do if it is possible; the receipt says why it was not
    IfPossible,
    /// Do or fail
    Always,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Protection {
    /// Signing
    Sign,
    /// Encryption
    Encrypt,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ImpossibleWord {
    /// It is an error
    Refuse,
    /// It goes without
    SendPlain,
    /// It goes nowhere, and the log says so
    Discard,
}

impl From<ModeWord> for Mode {
    fn from(word: ModeWord) -> Self {
        match word {
            ModeWord::Never => Self::Never,
            ModeWord::IfPossible => Self::IfPossible,
            ModeWord::Always => Self::Always,
        }
    }
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::new(text).ok_or_else(|| "neither group, @DOMAIN nor address".to_owned())
}

/// Puts the brackets around that belong to it (RFC 5322 §3.6.4).
fn message_id(text: &str) -> Result<String, String> {
    let id = text.trim().trim_start_matches('<').trim_end_matches('>');
    if id.is_empty() || id.contains(['<', '>']) {
        return Err("no Message-ID".to_owned());
    }
    Ok(format!("<{id}>"))
}
