use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Add one private key for certificates that are in the store
    Import {
        /// PKCS#8, PKCS#1 or SEC1, in PEM or DER; the passphrase opens it, if it is protected, and
        /// protects it in the store
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}
