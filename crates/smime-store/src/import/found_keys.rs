use smime_crypto::{
    Budget, CryptoProvider, Error as CryptoError, Random, Secret, UnixTime, read_private_key_within,
};

use super::{
    ImportError, ImportOutcome, ItemKind, ItemOutcome,
    key::{KeyOutcome, add},
};
use crate::{Addition, Error, Store};

/// What taking private keys out of a file needs.
#[derive(Clone, Copy, Debug)]
pub struct KeyImport<'a> {
    /// Opens the keys and containers of the file that are protected, and protects the keys in the
    /// store; without one, only keys that are not protected are taken, to rest under the store key that
    /// there must be.
    pub passphrase: Option<&'a Secret>,
    /// What loads keys.
    pub provider: &'a dyn CryptoProvider,
    /// Where salts come from.
    pub random: &'a dyn Random,
}

/// Private keys that wait for the certificates of their file to be stored.
#[derive(Default)]
pub(super) struct FoundKeys(Vec<(u64, Secret)>);

impl FoundKeys {
    /// Takes a key, as it stands in the file; gives the reason if there are too many.
    pub(super) fn push(&mut self, position: u64, key: Secret) -> Result<(), ImportError> {
        if self.0.len() >= MAX_KEYS {
            return Err(ImportError::TooManyKeys);
        }
        self.0.push((position, key));
        Ok(())
    }

    /// Puts the keys into the store, with one outcome each; opening them all costs no more than is
    /// left of `budget`.
    pub(super) fn store(
        self,
        store: &dyn Store,
        import: KeyImport<'_>,
        budget: &mut Budget,
        at: UnixTime,
        outcome: &mut dyn FnMut(ImportOutcome, Vec<[u8; 32]>),
    ) -> Result<(), Error> {
        for (position, key) in self.0 {
            let KeyImport {
                passphrase,
                provider,
                random,
            } = import;
            let added = read_private_key_within(key.expose(), passphrase, budget)
                .map_err(Error::from)
                .and_then(|pkcs8| add(store, provider, &pkcs8, passphrase, random, at));
            let refused =
                |reason: ImportError| ImportOutcome::refused(position, ItemKind::Key, &reason);
            let (one, certificates) = match added {
                Ok(key) => (stored(position, &key), key.certificates),
                Err(Error::Key(CryptoError::NoRandomness)) => {
                    return Err(Error::Key(CryptoError::NoRandomness));
                }
                Err(Error::Key(error)) => (refused(ImportError::Key(error)), Vec::new()),
                Err(Error::NoCertificateForKey { .. }) => {
                    (refused(ImportError::NoCertificateForKey), Vec::new())
                }
                Err(error) => return Err(error),
            };
            outcome(one, certificates);
        }
        Ok(())
    }
}

fn stored(position: u64, key: &KeyOutcome) -> ImportOutcome {
    let (outcome, code, detail) = match key.addition {
        Addition::Added => (
            ItemOutcome::Added,
            "import.added",
            format!("key added, for certificates: {}", key.certificates.len()),
        ),
        Addition::AlreadyThere { since } => (
            ItemOutcome::AlreadyThere { since },
            "import.key_taken",
            format!("key there since {since}, as it came then"),
        ),
    };
    ImportOutcome {
        position,
        kind: ItemKind::Key,
        outcome,
        code,
        detail,
        fingerprint: None,
        emails: Vec::new(),
    }
}

/// More than a person has; each can take a second to open and to protect.
pub(super) const MAX_KEYS: usize = 16;
