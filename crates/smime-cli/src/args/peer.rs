use clap::{Subcommand, ValueEnum};
use smime::Learning;

use crate::fingerprint::FingerprintStart;

#[derive(Debug, Subcommand)]
pub(crate) enum Peer {
    /// List the certificates that wait for a decision, what each address announced that it can read,
    /// and which are pinned
    List,
    /// Add certificates that wait to the store
    Accept {
        /// Which, by SHA-256, or by its first 8 digits or more
        #[arg(required = true, value_name = "FINGERPRINT", value_parser = FingerprintStart::of_one)]
        fingerprints: Vec<FingerprintStart>,
    },
    /// Let certificates that wait go, and take them from no other mail; an import still adds them
    Reject {
        /// Which, by SHA-256, or by its first 8 digits or more
        #[arg(required = true, value_name = "FINGERPRINT", value_parser = FingerprintStart::of_one)]
        fingerprints: Vec<FingerprintStart>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LearningWord {
    /// Nothing is kept
    Off,
    /// Certificates wait for `peer accept`
    Quarantine,
    /// Certificates are added to the store, or wait where an address of theirs is pinned
    Accept,
}

impl From<LearningWord> for Learning {
    fn from(word: LearningWord) -> Self {
        match word {
            LearningWord::Off => Self::Off,
            LearningWord::Quarantine => Self::Quarantine,
            LearningWord::Accept => Self::Accept,
        }
    }
}
