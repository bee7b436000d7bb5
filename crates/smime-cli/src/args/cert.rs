use std::path::PathBuf;

use clap::{Subcommand, ValueEnum, ValueHint};
use smime::{
    store::{MailUse, Trust},
    x509::{EmailAddress, LintProfile},
};

use super::{Judging, SubjectAddressWord, address};
use crate::{
    failure::{Failure, Kind},
    fingerprint::FingerprintStart,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Cert {
    /// Add certificates from files and folders, any number in each
    ///
    /// Reads PEM with anything between the certificates (so also tables as CSV, and as JSON with the
    /// line ends escaped), DER, base64, PKCS #7 (.p7b), PKCS #12 (.p12, .pfx), vCards (.vcf: KEY) and
    /// LDIF (userCertificate, userSMIMECertificate, cACertificate, userPKCS12). Each file may hold
    /// several of these; a vCard or LDIF stands in text, not after DER. Addresses in them are never
    /// followed.
    ///
    /// Private keys are taken with their certificates where the passphrase is given that opens them; a
    /// passphrase that stands in a table beside a key is not looked at.
    ///
    /// Of a folder, every file below it is read, in the order of names. Hidden files, links that lead
    /// out of the folder, links to folders, and what is no file are passed over and counted.
    Import {
        /// Files and folders; `-` is standard input
        #[arg(required = true, value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
        files: Vec<PathBuf>,
        /// Take the certification authorities among them as anchors of trust
        #[arg(long)]
        trust: bool,
        /// Whether a mail address in the subject does where the alternative name has none; ignored
        /// when absent
        #[arg(long, value_enum, value_name = "WHETHER")]
        subject_address: Option<SubjectAddressWord>,
    },
    /// List the certificates of the store
    List {
        /// Part of a subject or an address, or the start of a SHA-256
        #[arg(value_name = "QUERY")]
        query: Option<String>,
        /// Only those whose last day is from now to so many days ahead, the soonest first, and what
        /// takes over from them
        #[arg(long, value_name = "DAYS")]
        expiring: Option<u32>,
    },
    /// Write certificates of the store into a file
    Export(CertExport),
    /// Delete certificates of the store
    Delete(CertDelete),
    /// Say what certificates of the store are worth: anchors of trust, nothing by themselves, or
    /// distrusted
    ///
    /// A certification authority that is an anchor vouches for all that it has issued. A person's
    /// certificate that is one is good for itself alone.
    Trust(CertTrust),
    /// Encrypt to an address with these certificates alone, in the place of those pinned before
    ///
    /// Certificates that come later are not used by themselves. If none of those pinned can be used, or
    /// all were deleted, nothing is encrypted to the address. A message may still choose another.
    Pin {
        /// Whose
        #[arg(value_name = "ADDRESS", value_parser = address)]
        address: EmailAddress,
        /// Which, by SHA-256, or by its first 8 digits or more
        #[arg(required = true, value_name = "FINGERPRINT", value_parser = FingerprintStart::of_one)]
        fingerprints: Vec<FingerprintStart>,
    },
    /// Encrypt to an address with the best certificate again
    Unpin {
        /// Whose
        #[arg(value_name = "ADDRESS", value_parser = address)]
        address: EmailAddress,
    },
    /// Show every certificate of a file, or those of the store that match
    Show {
        /// A file, `-` for standard input, or what `cert list` takes
        #[arg(value_name = "FILE|QUERY", value_hint = ValueHint::AnyPath)]
        target: String,
    },
    /// Say rule by rule what every certificate of a file may be used for, and why not
    Explain {
        /// PEM, DER or base64; `-` is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Find what every certificate of a file does against RFC 5280 and the CA/Browser Forum
    /// S/MIME Baseline Requirements
    Lint {
        /// PEM, DER or base64; `-` is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Judge as of this profile, such as mailbox-strict; what its policies say when absent
        #[arg(long, value_name = "PROFILE", value_parser = lint_profile)]
        under: Option<LintProfile>,
    },
    /// Judge a certificate, without a store
    Verify {
        #[command(flatten)]
        judging: Judging,
        /// The certificate: the first in the file; any others help to build the chain
        #[arg(value_name = "LEAF")]
        leaf: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct CertExport {
    /// Which, by SHA-256, or by its first 8 digits or more
    #[arg(required = true, value_name = "FINGERPRINT", value_parser = FingerprintStart::of_one)]
    pub(crate) fingerprints: Vec<FingerprintStart>,
    /// Where they go; standard output when absent
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write one certificate as DER instead of PEM
    #[arg(long)]
    pub(crate) der: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CertDelete {
    /// Which, by SHA-256, or by its first 8 digits or more
    #[arg(required = true, value_name = "FINGERPRINT", value_parser = FingerprintStart::of_one)]
    pub(crate) fingerprints: Vec<FingerprintStart>,
    /// Delete each private key, too, of which no certificate is left; mail that was encrypted to it
    /// can never be read again
    #[arg(long)]
    pub(crate) with_key: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CertTrust {
    /// Which, by SHA-256, or by its first 8 digits or more
    #[arg(required = true, value_name = "FINGERPRINT", value_parser = FingerprintStart::of_one)]
    pub(crate) fingerprints: Vec<FingerprintStart>,
    /// What they are to be
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = TrustWord::Anchor)]
    set: TrustWord,
    /// What for, as an anchor; when absent, both
    #[arg(long = "for", value_enum, value_name = "USE")]
    uses: Vec<UseWord>,
}

impl CertTrust {
    /// Returns what is to be thought of the certificates.
    pub(crate) fn trust(&self) -> Result<Trust, Failure> {
        let wants = |usage| self.uses.contains(&usage);
        match self.set {
            TrustWord::Anchor => Ok(match (wants(UseWord::Sign), wants(UseWord::Encrypt)) {
                (true, false) => Trust::AnchorFor(MailUse::Sign),
                (false, true) => Trust::AnchorFor(MailUse::Encrypt),
                _ => Trust::Anchor,
            }),
            _ if !self.uses.is_empty() => {
                let detail = "--for says what an anchor is for";
                Err(Failure::new(Kind::Usage, "usage", detail))
            }
            TrustWord::None => Ok(Trust::None),
            TrustWord::Distrusted => Ok(Trust::Distrusted),
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TrustWord {
    /// Chains may end here
    Anchor,
    /// They must prove themselves by a chain
    None,
    /// Never used, whatever their chains say
    Distrusted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum UseWord {
    /// Signatures
    Sign,
    /// Encryption
    Encrypt,
}

/// Reads the name of a profile of lint.
fn lint_profile(text: &str) -> Result<LintProfile, String> {
    LintProfile::from_name(text).ok_or_else(|| {
        let names: Vec<_> = LintProfile::all().map(LintProfile::name).collect();
        format!("one of {}", names.join(", "))
    })
}
