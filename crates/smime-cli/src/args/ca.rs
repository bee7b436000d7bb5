use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use smime::{
    crypto::{Curve, KeyKind},
    x509::{EmailAddress, Generation, MailUse},
};

use super::address;

#[derive(Debug, Subcommand)]
pub(crate) enum Ca {
    /// Make an authority of one's own: its key and certificate, in the store; trusted, unless
    /// another authority of the store has issued it
    Init(CaInit),
    /// Make a certificate by the authority of the store
    Issue(CaIssue),
}

#[derive(Debug, clap::Args)]
pub(crate) struct CaInit {
    /// What the authority is called; S/MIME CA when absent, S/MIME Issuing CA under another
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Which authority of the store issues it, by the start of its SHA-256; itself when absent
    #[arg(long, value_name = "SHA256")]
    pub(crate) parent: Option<String>,
    /// The kind of its key
    #[arg(long, value_enum, value_name = "KIND", default_value_t = KeyKindWord::P384)]
    pub(crate) key_kind: KeyKindWord,
    /// How long it is valid; 3650 days when absent, 1825 under another
    #[arg(long, value_name = "DAYS")]
    pub(crate) days: Option<u32>,
    /// Where the revocation list of its issuer is, http only
    #[arg(long, value_name = "URL", requires = "parent")]
    pub(crate) crl_url: Option<String>,
    /// Where the certificate of its issuer is, http only
    #[arg(long, value_name = "URL", requires = "parent")]
    pub(crate) ca_url: Option<String>,
    /// Where its certificate goes too, as PEM, and those above it
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Whose certificate is made or asked for, and for what key.
#[derive(Debug, clap::Args)]
pub(crate) struct Person {
    /// Whose certificate it is: one address or several of one person
    #[arg(required = true, value_name = "ADDRESS", value_parser = address)]
    pub(crate) addresses: Vec<EmailAddress>,
    /// The person's name, in place of the address in the subject
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The kind of the key
    #[arg(long, value_enum, value_name = "KIND", default_value_t = KeyKindWord::P256)]
    pub(crate) key_kind: KeyKindWord,
    /// What the key is for
    #[arg(long = "use", value_enum, value_name = "USE", default_value_t = UseWord::Both)]
    pub(crate) uses: UseWord,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CaIssue {
    #[command(flatten)]
    pub(crate) person: Person,
    /// How long it is valid: 825 days at most
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    pub(crate) days: u32,
    /// Which profile of the S/MIME Baseline Requirements
    #[arg(long, value_enum, value_name = "GENERATION", default_value_t = GenerationWord::Multipurpose)]
    pub(crate) generation: GenerationWord,
    /// Which authority, by the start of its SHA-256; when absent, the one that has none below it
    #[arg(long, value_name = "SHA256")]
    pub(crate) ca: Option<String>,
    /// Certify the key of this request (PKCS#10) instead of making one; it must ask for every ADDRESS
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key_kind", "key_out", "p12_out"])]
    pub(crate) csr: Option<PathBuf>,
    /// Where the authority's revocation list is, http only
    #[arg(long, value_name = "URL")]
    pub(crate) crl_url: Option<String>,
    /// Where the authority's certificate is, http only
    #[arg(long, value_name = "URL")]
    pub(crate) ca_url: Option<String>,
    /// Where the certificate and those of the authorities above go too, as PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Where the private key goes too, as PEM under the passphrase; never over another file
    #[arg(long, value_name = "FILE")]
    pub(crate) key_out: Option<PathBuf>,
    /// Where all of them go in one file under the passphrase (PKCS#12), for other mail programs;
    /// never over another file
    #[arg(long, value_name = "FILE")]
    pub(crate) p12_out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Csr {
    #[command(flatten)]
    pub(crate) person: Person,
    /// Where the request goes, as PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Where the private key goes, as PEM under the passphrase, instead of into the store; never
    /// over another file
    #[arg(long, value_name = "FILE")]
    pub(crate) key_out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum KeyKindWord {
    P256,
    P384,
    #[value(name = "rsa-2048")]
    Rsa2048,
    #[value(name = "rsa-3072")]
    Rsa3072,
    #[value(name = "rsa-4096")]
    Rsa4096,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum UseWord {
    /// To sign and to be encrypted to
    Both,
    /// To sign
    Sign,
    /// To be encrypted to
    Encrypt,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum GenerationWord {
    /// For mail and what an address proves elsewhere
    Multipurpose,
    /// For mail alone
    Strict,
}

impl From<KeyKindWord> for KeyKind {
    fn from(word: KeyKindWord) -> Self {
        match word {
            KeyKindWord::P256 => Self::Ec(Curve::P256),
            KeyKindWord::P384 => Self::Ec(Curve::P384),
            KeyKindWord::Rsa2048 => Self::Rsa { bits: 2048 },
            KeyKindWord::Rsa3072 => Self::Rsa { bits: 3072 },
            KeyKindWord::Rsa4096 => Self::Rsa { bits: 4096 },
        }
    }
}

impl From<UseWord> for MailUse {
    fn from(word: UseWord) -> Self {
        match word {
            UseWord::Both => Self::Both,
            UseWord::Sign => Self::Sign,
            UseWord::Encrypt => Self::Encrypt,
        }
    }
}

impl From<GenerationWord> for Generation {
    fn from(word: GenerationWord) -> Self {
        match word {
            GenerationWord::Multipurpose => Self::Multipurpose,
            GenerationWord::Strict => Self::Strict,
        }
    }
}
