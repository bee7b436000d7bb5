use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Store {
    /// Say what the store holds, and how its private keys rest
    Show,
    /// Seal the private keys under a store key, that a passphrase or a key file opens; the store is
    /// made when absent
    Protect {
        /// Open the store key by this file instead of a passphrase; 64 hexadecimal digits, made
        /// when absent, for its owner alone
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
    },
    /// Seal the private keys under another store key, that another passphrase or key file opens
    Rotate(NewStoreKey),
}

/// What opens the store key now.
#[derive(Debug, clap::Args)]
pub(crate) struct StoreKeyOptions {
    /// Open the store key by this key file
    #[arg(long, global = true, value_name = "FILE", env = "SMIME_STORE_KEY_FILE")]
    pub(crate) store_key_file: Option<PathBuf>,
    /// Read the passphrase of the store key from the first line of a file
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        conflicts_with_all = ["store_key_file", "store_passphrase_env"]
    )]
    pub(crate) store_passphrase_file: Option<PathBuf>,
    /// Read the passphrase of the store key from this environment variable
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        conflicts_with = "store_key_file"
    )]
    pub(crate) store_passphrase_env: Option<String>,
}

impl StoreKeyOptions {
    /// Returns the files given.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Option<PathBuf>> {
        [&self.store_key_file, &self.store_passphrase_file].into_iter()
    }
}

/// What opens the store key from now on; a passphrase is asked for when nothing is given.
#[derive(Debug, clap::Args)]
pub(crate) struct NewStoreKey {
    /// This key file: 64 hexadecimal digits, made when absent, for its owner alone
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["new_passphrase_file", "new_passphrase_env"]
    )]
    pub(crate) new_key_file: Option<PathBuf>,
    /// The passphrase in the first line of this file
    #[arg(long, value_name = "FILE", conflicts_with = "new_passphrase_env")]
    pub(crate) new_passphrase_file: Option<PathBuf>,
    /// The passphrase in this environment variable
    #[arg(long, value_name = "NAME")]
    pub(crate) new_passphrase_env: Option<String>,
}
