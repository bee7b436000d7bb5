use smime_crypto::{CryptoProvider, ProtectedKey, Random, Secret, UnixTime, read_private_key};

use crate::{
    Activity, Addition, Direction, Error, KeyAtRest, Operation, Outcome, Store, public_key_id,
};

/// What came of importing a private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOutcome {
    /// Whether it is new; a key that was there stays as it was.
    pub addition: Addition,
    /// The [`public_key_id`] of the key.
    pub public_key_id: [u8; 32],
    /// SHA-256 fingerprints of the stored certificates that it belongs to: all of its public key.
    pub certificates: Vec<[u8; 32]>,
}

/// Imports the private key of a file.
///
/// `passphrase` opens the file, if it is protected; `at_rest` protects the key in the store, where
/// it rests under the store key alone if there is none. The attempt is recorded in the activity log,
/// also when it fails.
///
/// # Errors
/// [`Error::Key`] when the file holds no key that can be read with `passphrase`;
/// [`Error::NoCertificateForKey`] when no certificate of its public key is stored;
/// [`Error::NoStoreKey`] without `at_rest` where there is no store key; other [`Error`]s when the
/// store is locked or fails.
pub fn import_key(
    store: &dyn Store,
    provider: &dyn CryptoProvider,
    file: &[u8],
    passphrase: Option<&Secret>,
    at_rest: Option<&Secret>,
    random: &dyn Random,
    at: UnixTime,
) -> Result<KeyOutcome, Error> {
    let key = read_private_key(file, passphrase).map_err(Error::from);
    let result = key.and_then(|pkcs8| add(store, provider, &pkcs8, at_rest, random, at));
    let (outcome, code, certificates, detail) = match &result {
        Ok(key) => {
            let code = match key.addition {
                Addition::Added => "import.added",
                Addition::AlreadyThere { .. } => "import.key_taken",
            };
            let detail = format!(
                "private key of stored certificates: {}",
                key.certificates.len()
            );
            (Outcome::Ok, code, key.certificates.clone(), detail)
        }
        Err(error) => (Outcome::Failed, error.code(), Vec::new(), error.to_string()),
    };
    store.record(&Activity {
        outcome,
        certificates,
        detail,
        ..Activity::new(at, Direction::Store, Operation::Import, code)
    })?;
    result
}

/// Stores a key in plain PKCS#8, protected under `at_rest`.
pub(super) fn add(
    store: &dyn Store,
    provider: &dyn CryptoProvider,
    pkcs8: &Secret,
    at_rest: Option<&Secret>,
    random: &dyn Random,
    at: UnixTime,
) -> Result<KeyOutcome, Error> {
    let key = provider.load_private_key(pkcs8)?;
    let public_key = key.public_key();
    let public_key_id = public_key_id(public_key);
    let found = store.by_public_key(&public_key_id)?;
    if found.is_empty() {
        return Err(Error::NoCertificateForKey { public_key_id });
    }
    let key_at_rest = match at_rest {
        Some(passphrase) => KeyAtRest::Protected(ProtectedKey::protect(pkcs8, passphrase, random)?),
        None => KeyAtRest::Plain(Secret::from(pkcs8.expose())),
    };
    let addition = store.add_key(public_key, &key_at_rest, random, at)?;
    let certificates = found
        .iter()
        .map(|stored| stored.certificate.fingerprint())
        .collect();
    Ok(KeyOutcome {
        addition,
        public_key_id,
        certificates,
    })
}
