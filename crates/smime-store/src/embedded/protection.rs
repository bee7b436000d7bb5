use std::sync::{PoisonError, RwLockReadGuard, RwLockWriteGuard};

use redb::ReadTransaction;
use smime_crypto::{Random, UnixTime};

use super::{
    Embedded, database_error,
    opening::SEALED_SCHEMA_VERSION,
    tables::{META, SCHEMA, STORE_KEY, Tables},
};
use crate::{
    Activity, Direction, Error, Operation, StoreKeyKind, StoreKeySource,
    store_key::{self, StoreKey},
};

impl Embedded {
    /// Says what opens the store key, if there is one.
    ///
    /// # Errors
    /// [`Error`] when the file cannot be read.
    pub fn store_key_kind(&self) -> Result<Option<StoreKeyKind>, Error> {
        let wrapped = wrapped_store_key(&self.begin_read()?)?;
        wrapped
            .map(|wrapped| store_key::kind_of(&wrapped))
            .transpose()
    }

    /// Makes a store key that `source` opens, and seals every private key under it, as well as
    /// those that will come; returns how many there are. The store is unlocked then.
    ///
    /// Passphrases of keys stay as they are. All happens in one transaction, with the entry of the
    /// log. What the file held before stays in its unused pages until [`compact`](Self::compact).
    ///
    /// # Errors
    /// [`Error::HasStoreKey`]; [`Error::Key`] when there is no randomness.
    pub fn protect(
        &self,
        source: StoreKeySource<'_>,
        random: &dyn Random,
        at: UnixTime,
    ) -> Result<u64, Error> {
        let mut held = self.store_key_mut();
        if wrapped_store_key(&self.begin_read()?)?.is_some() {
            return Err(Error::HasStoreKey);
        }
        let new = StoreKey::new(random)?;
        let wrapped = new.wrap(source, random)?;
        let keys = self.write(|tables| {
            tables.set_meta(SCHEMA, &SEALED_SCHEMA_VERSION.to_be_bytes())?;
            let keys = tables.seal_keys(None, &new, random)?;
            take_into_use(
                tables,
                &wrapped,
                &activity(Operation::Protect, source, keys, at),
                self.actor.as_deref(),
            )?;
            Ok(keys)
        })?;
        *held = Some(new);
        Ok(keys)
    }

    /// Opens the store key, so that private keys can be read and added.
    ///
    /// # Errors
    /// [`Error::WrongStoreKey`], [`Error::NoStoreKey`].
    pub fn unlock(&self, source: StoreKeySource<'_>) -> Result<(), Error> {
        let mut held = self.store_key_mut();
        let wrapped = wrapped_store_key(&self.begin_read()?)?.ok_or(Error::NoStoreKey)?;
        *held = Some(StoreKey::unwrap(&wrapped, source)?);
        Ok(())
    }

    /// Makes another store key, that `new` opens, and seals every private key under it; returns how
    /// many there are. The store is unlocked then.
    ///
    /// All happens in one transaction, with the entry of the log: wherever it ends, either `old` or
    /// `new` opens the whole store. What the file held before stays in its unused pages until
    /// [`compact`](Self::compact).
    ///
    /// # Errors
    /// [`Error::WrongStoreKey`] when `old` does not open the store key, [`Error::NoStoreKey`],
    /// [`Error::DamagedKey`]; [`Error::Key`] when there is no randomness.
    pub fn rotate(
        &self,
        old: StoreKeySource<'_>,
        new: StoreKeySource<'_>,
        random: &dyn Random,
        at: UnixTime,
    ) -> Result<u64, Error> {
        let mut held = self.store_key_mut();
        let wrapped = wrapped_store_key(&self.begin_read()?)?.ok_or(Error::NoStoreKey)?;
        let old = StoreKey::unwrap(&wrapped, old)?;
        let key = StoreKey::new(random)?;
        let wrapped = key.wrap(new, random)?;
        let keys = self.write(|tables| {
            let keys = tables.seal_keys(Some(&old), &key, random)?;
            let activity = activity(Operation::Rotate, new, keys, at);
            take_into_use(tables, &wrapped, &activity, self.actor.as_deref())?;
            Ok(keys)
        })?;
        *held = Some(key);
        Ok(keys)
    }

    /// Moves what is in the file together, and cuts off the rest: what was deleted or sealed anew
    /// before is then written over or gone, as far as the file goes. Takes as long as copying it.
    ///
    /// # Errors
    /// [`Error`] when the file cannot be written; what is stored is whole all the same.
    pub fn compact(&mut self) -> Result<(), Error> {
        self.database.compact().map_err(database_error)?;
        Ok(())
    }

    /// The store key if it was given. Who reads or adds private keys holds it meanwhile, so that it
    /// is the one they are sealed under.
    pub(super) fn store_key(&self) -> RwLockReadGuard<'_, Option<StoreKey>> {
        // It is changed after everything that can fail.
        self.store_key
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn store_key_mut(&self) -> RwLockWriteGuard<'_, Option<StoreKey>> {
        self.store_key
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the store key as it is stored, if there is one.
pub(super) fn wrapped_store_key(transaction: &ReadTransaction) -> Result<Option<Vec<u8>>, Error> {
    let meta = transaction.open_table(META).map_err(database_error)?;
    let wrapped = meta.get(STORE_KEY).map_err(database_error)?;
    Ok(wrapped.map(|wrapped| wrapped.value().to_vec()))
}

fn take_into_use(
    tables: &mut Tables<'_>,
    wrapped: &[u8],
    activity: &Activity,
    actor: Option<&str>,
) -> Result<(), Error> {
    tables.set_meta(STORE_KEY, wrapped)?;
    tables.record(activity, actor)
}

fn activity(operation: Operation, source: StoreKeySource<'_>, keys: u64, at: UnixTime) -> Activity {
    let kind = source.kind();
    let by = match kind {
        StoreKeyKind::Passphrase => "a passphrase",
        StoreKeyKind::KeyFile => "a key file",
    };
    Activity {
        detail: format!("private keys under a new store key, which {by} opens: {keys}"),
        ..Activity::new(
            at,
            Direction::Store,
            operation,
            &format!("{}.{}", operation.as_str(), kind.as_str()),
        )
    }
}
