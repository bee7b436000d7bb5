use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use smime_crypto::{CryptoProvider, PrivateKey, PublicKey, Secret};
use smime_store::{KeyAtRest, Store, public_key_id};

/// The private keys that can be used now: those loaded, and those of the store that need no
/// passphrase or that one of the given ones opens.
///
/// A key of the store is opened when first needed and kept, because opening it is slow on purpose.
#[derive(Debug, Default)]
pub struct Keyring {
    loaded: Mutex<HashMap<[u8; 32], Arc<PrivateKey>>>,
    passphrases: Vec<Secret>,
}

/// Why a private key cannot be used.
#[derive(Debug)]
pub enum KeyUnavailable {
    /// There is none for that public key.
    Missing,
    /// There is one, and no given passphrase opens it.
    Locked,
    /// There is one, and the store key that it is sealed under was not given.
    Sealed,
    /// The store or the key itself could not be read.
    Unreadable(crate::Cause),
}

impl Keyring {
    /// Makes a keyring that opens keys of the store with any of `passphrases`.
    pub fn new(passphrases: Vec<Secret>) -> Self {
        Self {
            loaded: Mutex::default(),
            passphrases,
        }
    }

    /// Adds a key that is at hand.
    pub fn add(&self, key: PrivateKey) {
        let id = public_key_id(key.public_key());
        self.lock().insert(id, Arc::new(key));
    }

    /// Says whether a key for `public_key` is loaded.
    pub fn holds(&self, public_key: &PublicKey) -> bool {
        self.lock().contains_key(&public_key_id(public_key))
    }

    /// Returns the public keys of the keys that are loaded, by their identifiers in the store.
    pub(crate) fn ids(&self) -> Vec<[u8; 32]> {
        let mut ids: Vec<_> = self.lock().keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Returns the private key of `public_key`.
    ///
    /// # Errors
    /// [`KeyUnavailable`].
    pub fn find(
        &self,
        public_key: &PublicKey,
        store: &dyn Store,
        provider: &dyn CryptoProvider,
    ) -> Result<Arc<PrivateKey>, KeyUnavailable> {
        let id = public_key_id(public_key);
        if let Some(key) = self.lock().get(&id) {
            return Ok(Arc::clone(key));
        }
        let unreadable = |cause: crate::Cause| KeyUnavailable::Unreadable(cause);
        let stored = store.key(&id).map_err(|error| match error {
            smime_store::Error::Sealed => KeyUnavailable::Sealed,
            error => unreadable(error.into()),
        })?;
        let pkcs8 = match stored.ok_or(KeyUnavailable::Missing)? {
            KeyAtRest::Plain(pkcs8) => pkcs8,
            KeyAtRest::Protected(protected) => {
                let mut passphrases = self.passphrases.iter();
                let opened = passphrases.find_map(|passphrase| protected.open(passphrase).ok());
                opened.ok_or(KeyUnavailable::Locked)?
            }
        };
        let key = provider
            .load_private_key(&pkcs8)
            .map_err(|error| unreadable(error.into()))?;
        let key = Arc::new(key);
        self.lock().insert(id, Arc::clone(&key));
        Ok(key)
    }

    /// A panic elsewhere cannot leave a half-made entry, so a poisoned lock is still good.
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Arc<PrivateKey>>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
