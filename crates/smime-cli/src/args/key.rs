use std::path::PathBuf;

use clap::Subcommand;

use crate::fingerprint::FingerprintStart;

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Add one private key for certificates that are in the store
    Import {
        /// PKCS#8, PKCS#1 or SEC1, in PEM or DER; the passphrase opens it, if it is protected, and
        /// protects it in the store; a key that is not protected needs none where there is a store
        /// key
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Write a private key of the store into a file, under the passphrase it has in the store, or a
    /// new one if it has none
    Export(KeyExport),
    /// Delete a private key of the store; mail that was encrypted to it can never be read again
    Delete {
        /// The SHA-256 of a certificate of the key, or its first 8 digits or more
        #[arg(value_name = "FINGERPRINT", value_parser = FingerprintStart::of_one)]
        fingerprint: FingerprintStart,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct KeyExport {
    /// The SHA-256 of a certificate of the key, or its first 8 digits or more
    #[arg(value_name = "FINGERPRINT", value_parser = FingerprintStart::of_one)]
    pub(crate) fingerprint: FingerprintStart,
    /// Says that the private key is meant to leave the store; without it nothing is written
    #[arg(long)]
    pub(crate) private_key: bool,
    /// Where the key goes, as encrypted PEM; never over another file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}
