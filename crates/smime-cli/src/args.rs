use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use smime::{
    Policy,
    cms::ClaimedTime,
    crypto::{ContentCipher, DigestAlgorithm, Oid, UnixTime},
    x509::{EmailAddress, Purpose, RevocationPolicy, SubjectAddress},
};

mod ca;
mod cert;
mod key;
mod log;
mod outgoing;
mod peer;
mod settings;
mod store;

pub(crate) use ca::{Ca, CaInit, CaIssue, Csr};
pub(crate) use cert::{Cert, CertDelete, CertExport, CertTrust};
pub(crate) use key::{Key, KeyExport};
pub(crate) use log::Log;
pub(crate) use outgoing::{Group, How, Options, Seal};
pub(crate) use peer::{LearningWord, Peer};
pub(crate) use settings::Settings;
pub(crate) use store::{NewStoreKey, Store, StoreKeyOptions};

/// Seal, open and judge S/MIME mail.
#[derive(Debug, Parser)]
#[command(name = "smime", version, disable_help_subcommand = true, after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Print JSON and nothing else on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print no progress and no remarks
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
    /// Judge as of this time (RFC 3339) instead of now
    #[arg(long, global = true, value_name = "RFC3339", value_parser = time)]
    pub(crate) at: Option<UnixTime>,
    /// What is permitted
    #[arg(long, global = true, value_enum, default_value_t = Profile::Standard)]
    pub(crate) profile: Profile,
    /// The embedded store; the platform's data directory when absent
    #[arg(long, global = true, value_name = "PATH", env = "SMIME_STORE")]
    pub(crate) store: Option<PathBuf>,
    /// Read the passphrase from the first line of a file
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        conflicts_with = "passphrase_env"
    )]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Read the passphrase from this environment variable
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) passphrase_env: Option<String>,
    /// Who acts, as the log is to say; the user of the system when absent
    #[arg(long, global = true, value_name = "WHO", env = "SMIME_ACTOR")]
    pub(crate) actor: Option<String>,
    #[command(flatten)]
    pub(crate) store_key: StoreKeyOptions,
}

impl Global {
    /// Returns the files given that every command may read, and that none may write over.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let files = [&self.store, &self.passphrase_file];
        files
            .into_iter()
            .chain(self.store_key.files())
            .filter_map(|file| file.as_deref())
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Do the whole job on a fresh store: make people, seal every sample mail, open it again
    Demo {
        /// Where to leave the store and the mails; a new directory when absent
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        dir: Option<PathBuf>,
    },
    /// Certificates
    #[command(subcommand)]
    Cert(Cert),
    /// Private keys
    #[command(subcommand)]
    Key(Key),
    /// The store itself, and the key that its private keys are sealed under
    #[command(subcommand)]
    Store(Store),
    /// Make certificates
    #[command(subcommand)]
    Ca(Ca),
    /// Make a private key and a request for its certificate, for another authority
    Csr(Csr),
    /// Set how mail is protected that says nothing itself: of a group, or to a domain or an address
    #[command(subcommand)]
    Group(Group),
    /// Say whether a mail can be signed and encrypted, and will be
    Options(Options),
    /// Sign and encrypt an outgoing mail
    Seal(Seal),
    /// Decrypt and verify an incoming mail
    Open(Open),
    /// Judge mail again that was kept because it could not be decrypted or judged good
    Retry(Retry),
    /// Decide about what was learned of others from their mail
    #[command(subcommand)]
    Peer(Peer),
    /// Work on CMS objects without a store
    #[command(subcommand)]
    Cms(Cms),
    /// Show what was done, oldest first
    Log(Log),
    /// Show or set how long the log and unopened mail stay
    Settings(Settings),
    /// Print a script that completes commands and options in a shell
    Completions {
        /// Which shell
        #[arg(value_enum, value_name = "SHELL")]
        shell: Shell,
    },
    /// Write manual pages, one for each command
    Man {
        /// Where to; made when absent
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        dir: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Open {
    /// The mail; `-` is standard input
    #[arg(value_name = "MAIL", default_value = "-")]
    pub(crate) mail: PathBuf,
    /// Where the opened entity goes; standard output when absent, nowhere with --json
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Do not keep what cannot be decrypted or judged good for `retry`
    #[arg(long)]
    pub(crate) no_keep: bool,
    /// Whether to keep the certificates of who signed a good mail, and what they can read
    #[arg(long, value_enum, value_name = "HOW", default_value_t = LearningWord::Off, conflicts_with = "no_store")]
    pub(crate) learn: LearningWord,
    /// Use what is given here instead of a store
    #[arg(long)]
    pub(crate) no_store: bool,
    /// Certificates to trust
    #[arg(long, value_name = "FILE", requires = "no_store")]
    pub(crate) anchor: Vec<PathBuf>,
    /// Certificates that help to build chains
    #[arg(long, value_name = "FILE", requires = "no_store")]
    pub(crate) pool: Vec<PathBuf>,
    /// A certificate of ours
    #[arg(long, value_name = "FILE", requires = "no_store")]
    pub(crate) cert: Vec<PathBuf>,
    /// A private key of ours
    #[arg(long, value_name = "FILE", requires = "no_store")]
    pub(crate) key: Vec<PathBuf>,
    /// Certificates and private keys of ours (PKCS#12)
    #[arg(long, value_name = "FILE", requires = "no_store")]
    pub(crate) p12: Vec<PathBuf>,
    /// When signers' certificates must be valid
    #[arg(long, value_enum, value_name = "TIME", default_value_t = TimeWord::Now)]
    pub(crate) time: TimeWord,
    /// Whether a mail address in a certificate's subject counts; when absent, as the profile says:
    /// ignored under strict, counts otherwise
    #[arg(long, value_enum, value_name = "WHETHER")]
    pub(crate) subject_address: Option<SubjectAddressWord>,
    #[command(flatten)]
    pub(crate) evidence: Evidence,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Retry {
    /// The number of a kept mail, as `open` gave it
    #[arg(
        value_name = "ID",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    pub(crate) id: Vec<u64>,
    /// All that is kept
    #[arg(long)]
    pub(crate) all: bool,
    /// Where the opened entity of the one mail goes, which is then no longer kept
    #[arg(short, long, value_name = "FILE", conflicts_with = "all")]
    pub(crate) output: Option<PathBuf>,
    /// When signers' certificates must be valid
    #[arg(long, value_enum, value_name = "TIME", default_value_t = TimeWord::Now)]
    pub(crate) time: TimeWord,
    /// Whether a mail address in a certificate's subject counts; when absent, as the profile says:
    /// ignored under strict, counts otherwise
    #[arg(long, value_enum, value_name = "WHETHER")]
    pub(crate) subject_address: Option<SubjectAddressWord>,
    #[command(flatten)]
    pub(crate) evidence: Evidence,
}

/// What certificates are judged by where there is no store.
#[derive(Debug, clap::Args)]
pub(crate) struct Judging {
    #[command(flatten)]
    pub(crate) trust: Trust,
    #[command(flatten)]
    pub(crate) evidence: Evidence,
    #[command(flatten)]
    pub(crate) path: CertificatePath,
}

impl Judging {
    /// Returns the files given.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let trust = self.trust.anchor.iter().chain(&self.trust.pool);
        trust.map(PathBuf::as_path).chain(self.evidence.files())
    }
}

/// What is known of revoked certificates, and how much must be.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Evidence {
    /// Lists of revoked certificates, in PEM or DER
    #[arg(long, value_name = "FILE")]
    pub(crate) crl: Vec<PathBuf>,
    /// OCSP responses, in PEM, DER or base64
    #[arg(long, value_name = "FILE")]
    pub(crate) ocsp: Vec<PathBuf>,
    /// Whether certificates must be proven not to be revoked; when absent, as the profile says:
    /// require under strict, if-available otherwise
    #[arg(long, value_enum, value_name = "POLICY")]
    pub(crate) revocation: Option<RevocationWord>,
}

impl Evidence {
    /// Returns the files given.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.crl.iter().chain(&self.ocsp).map(PathBuf::as_path)
    }

    /// Says whether anybody asked about revocation.
    pub(crate) fn is_asked(&self) -> bool {
        self.revocation.is_some() || self.files().next().is_some()
    }
}

/// Certificates given for one judgement.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Trust {
    /// Certificates to trust
    #[arg(long, value_name = "FILE")]
    pub(crate) anchor: Vec<PathBuf>,
    /// Certificates that help to build chains
    #[arg(long, value_name = "FILE")]
    pub(crate) pool: Vec<PathBuf>,
}

/// What is asked about the path of a certificate.
#[derive(Debug, clap::Args)]
pub(crate) struct CertificatePath {
    /// What the certificate must be good for; when absent, sign for that of a signature, any
    /// otherwise
    #[arg(long, value_enum, value_name = "PURPOSE")]
    pub(crate) purpose: Option<PurposeWord>,
    /// An address that the certificate must name
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) email: Option<EmailAddress>,
    /// Whether a mail address in a certificate's subject counts; when absent, as the profile says:
    /// ignored under strict, counts otherwise
    #[arg(long, value_enum, value_name = "WHETHER")]
    pub(crate) subject_address: Option<SubjectAddressWord>,
    /// A certificate policy that is acceptable; every one when absent
    #[arg(long, value_name = "OID", value_parser = policy)]
    pub(crate) initial_policy: Vec<Oid>,
    /// The path must be good for an acceptable policy
    #[arg(long)]
    pub(crate) explicit_policy: bool,
    /// Do not take one policy for another
    #[arg(long)]
    pub(crate) inhibit_mapping: bool,
    /// Do not take anyPolicy for a policy
    #[arg(long)]
    pub(crate) inhibit_any: bool,
    /// Let a trusted certificate end the path that others have issued
    #[arg(long)]
    pub(crate) partial_chain: bool,
    /// How many intermediates may stand in the path, self-issued ones not counted
    #[arg(long, value_name = "N")]
    pub(crate) max_depth: Option<u8>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cms {
    /// Show the structure of a CMS object, without judging it
    Show {
        /// DER, BER, PEM or S/MIME; `-` is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Judge a signature
    Verify {
        /// DER, BER, PEM or S/MIME; `-` is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The content, when the signature is detached
        #[arg(long, value_name = "FILE")]
        content: Option<PathBuf>,
        /// Where the content goes
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        judging: Judging,
        /// When signers' certificates must be valid
        #[arg(long, value_enum, value_name = "TIME", default_value_t = TimeWord::Now)]
        time: TimeWord,
        /// Judge the signatures only, not who made them
        #[arg(long, conflicts_with_all = OF_CHAINS)]
        no_chain: bool,
    },
    /// Decrypt
    Decrypt {
        /// DER, BER, PEM or S/MIME; `-` is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Where the plaintext goes; standard output when absent, nowhere with --json
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        own: Own,
    },
    /// Sign a file, detached unless --opaque
    Sign {
        /// A MIME entity, or any file with --der; `-` is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Where the signed message goes; standard output when absent
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        own: Own,
        /// The digest; what suits the key when absent
        #[arg(long, value_enum, value_name = "DIGEST")]
        digest: Option<DigestWord>,
        /// RSASSA-PSS instead of PKCS#1 v1.5
        #[arg(long)]
        pss: bool,
        /// Put the signature around the content instead of beside it
        #[arg(long)]
        opaque: bool,
        /// Write bare DER over the bytes as they are, instead of S/MIME over CRLF text
        #[arg(long)]
        der: bool,
    },
    /// Encrypt a file
    Encrypt {
        /// A MIME entity, or any file with --der; `-` is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Where the encrypted message goes; standard output when absent
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// The recipients' certificates
        #[arg(long, value_name = "CERT", required = true, num_args = 1..)]
        to: Vec<PathBuf>,
        /// The content cipher
        #[arg(long, value_enum, value_name = "CIPHER", default_value_t = CipherWord::Aes256Gcm)]
        cipher: CipherWord,
        /// RSAES-OAEP with SHA-256 instead of PKCS#1 v1.5
        #[arg(long)]
        oaep: bool,
        /// Write bare DER instead of S/MIME
        #[arg(long)]
        der: bool,
    },
}

/// A certificate of ours and its key.
#[derive(Debug, clap::Args)]
pub(crate) struct Own {
    /// Our certificate, beside others to include in a signature
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "p12",
        requires = "key"
    )]
    pub(crate) cert: Option<PathBuf>,
    /// The private key of our certificate
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Both, and the others, in one file (PKCS#12)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cert", "key"])]
    pub(crate) p12: Option<PathBuf>,
}

impl Own {
    /// Returns the files given.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let files = [&self.cert, &self.key, &self.p12];
        files.into_iter().filter_map(|file| file.as_deref())
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Profile {
    /// What today's mail needs
    Standard,
    /// Authenticated encryption only
    Strict,
    /// Reads what old mail needs
    Archive,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum TimeWord {
    /// Now, or at the time given by --at
    Now,
    /// Then, or else when the signer claims to have signed: nobody's word but the signer's
    Signing,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SubjectAddressWord {
    /// It is the address of whom the certificate names
    Counts,
    /// It is part of a name
    Ignored,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PurposeWord {
    /// Whatever it allows
    Any,
    /// Signing mail
    Sign,
    /// Being encrypted to
    Encrypt,
    /// Issuing certificates
    Ca,
    /// Signing CRLs
    Crl,
    /// Signing OCSP responses for an authority
    Ocsp,
    /// Being a TLS server
    TlsServer,
    /// Being a TLS client
    TlsClient,
    /// Signing programs
    Code,
    /// Signing time stamps
    Timestamp,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RevocationWord {
    /// Nothing is asked
    Off,
    /// What is there counts
    IfAvailable,
    /// What is not known fails
    Require,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DigestWord {
    Sha256,
    Sha384,
    Sha512,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum CipherWord {
    #[value(name = "aes128-cbc")]
    Aes128Cbc,
    #[value(name = "aes256-cbc")]
    Aes256Cbc,
    #[value(name = "aes128-gcm")]
    Aes128Gcm,
    #[value(name = "aes256-gcm")]
    Aes256Gcm,
}

impl From<Profile> for Policy {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Standard => Self::standard(),
            Profile::Strict => Self::strict(),
            Profile::Archive => Self::archive(),
        }
    }
}

impl From<SubjectAddressWord> for SubjectAddress {
    fn from(word: SubjectAddressWord) -> Self {
        match word {
            SubjectAddressWord::Counts => Self::Counts,
            SubjectAddressWord::Ignored => Self::Ignored,
        }
    }
}

impl From<TimeWord> for ClaimedTime {
    fn from(word: TimeWord) -> Self {
        match word {
            TimeWord::Now => Self::Ignored,
            TimeWord::Signing => Self::Validity,
        }
    }
}

impl From<PurposeWord> for Purpose {
    fn from(word: PurposeWord) -> Self {
        match word {
            PurposeWord::Any => Self::Any,
            PurposeWord::Sign => Self::SignMail,
            PurposeWord::Encrypt => Self::EncryptMail,
            PurposeWord::Ca => Self::SignCertificates,
            PurposeWord::Crl => Self::SignCrl,
            PurposeWord::Ocsp => Self::SignOcsp,
            PurposeWord::TlsServer => Self::TlsServer,
            PurposeWord::TlsClient => Self::TlsClient,
            PurposeWord::Code => Self::SignCode,
            PurposeWord::Timestamp => Self::TimeStamp,
        }
    }
}

impl From<RevocationWord> for RevocationPolicy {
    fn from(word: RevocationWord) -> Self {
        match word {
            RevocationWord::Off => Self::Off,
            RevocationWord::IfAvailable => Self::IfAvailable,
            RevocationWord::Require => Self::Require,
        }
    }
}

impl From<DigestWord> for DigestAlgorithm {
    fn from(word: DigestWord) -> Self {
        match word {
            DigestWord::Sha256 => Self::Sha256,
            DigestWord::Sha384 => Self::Sha384,
            DigestWord::Sha512 => Self::Sha512,
        }
    }
}

impl From<CipherWord> for ContentCipher {
    fn from(word: CipherWord) -> Self {
        match word {
            CipherWord::Aes128Cbc => Self::Aes128Cbc,
            CipherWord::Aes256Cbc => Self::Aes256Cbc,
            CipherWord::Aes128Gcm => Self::Aes128Gcm,
            CipherWord::Aes256Gcm => Self::Aes256Gcm,
        }
    }
}

fn time(text: &str) -> Result<UnixTime, String> {
    let timestamp: jiff::Timestamp = text.parse().map_err(|error| format!("{error}"))?;
    Ok(UnixTime(timestamp.as_second()))
}

fn address(text: &str) -> Result<EmailAddress, String> {
    EmailAddress::new(text).ok_or_else(|| "not a mail address".to_owned())
}

fn policy(text: &str) -> Result<Oid, String> {
    Oid::from_dotted(text).ok_or_else(|| "not an object identifier in dotted form".to_owned())
}

/// The options that mean nothing where no chain is judged; certificates given to build chains with
/// may be those of the signers.
const OF_CHAINS: [&str; 14] = [
    "anchor",
    "crl",
    "ocsp",
    "revocation",
    "purpose",
    "email",
    "initial_policy",
    "explicit_policy",
    "inhibit_mapping",
    "inhibit_any",
    "partial_chain",
    "max_depth",
    "time",
    "subject_address",
];

const AFTER_HELP: &str = "\
Exit codes: 0 done, and what was judged is good; 1 judged not good; 2 wrong usage; 3 input
unreadable or malformed; 4 cannot be decrypted with the keys at hand; 5 anything else.";
