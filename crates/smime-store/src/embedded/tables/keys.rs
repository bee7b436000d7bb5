use redb::ReadableTable;
use smime_crypto::{ProtectedKey, Random, UnixTime};

use super::{STORE_KEY, Tables};
use crate::{
    Addition, Error,
    embedded::database_error,
    store_key::{KeyAtRest, StoreKey},
};

impl Tables<'_> {
    /// Adds a private key; `store_key` is the one that was given, if one was.
    pub(in crate::embedded) fn add_key(
        &mut self,
        id: &[u8; 32],
        key: &KeyAtRest,
        store_key: Option<&StoreKey>,
        random: &dyn Random,
        at: UnixTime,
    ) -> Result<Addition, Error> {
        let body = match (self.wrapped_store_key()?, store_key, key) {
            (Some(_), Some(store_key), _) => store_key.seal(id, at, key, random)?,
            (Some(_), None, _) => return Err(Error::Sealed),
            (None, _, KeyAtRest::Protected(key)) => key.der().to_vec(),
            (None, _, KeyAtRest::Plain(_)) => return Err(Error::NoStoreKey),
        };
        if let Some(record) = self.keys.get(id).map_err(database_error)? {
            let (since, _) = split_key_record(record.value())?;
            return Ok(Addition::AlreadyThere { since });
        }
        self.set_key(id, at, &body)?;
        Ok(Addition::Added)
    }

    /// Deletes a private key; says whether it was there.
    pub(in crate::embedded) fn delete_key(&mut self, id: &[u8; 32]) -> Result<bool, Error> {
        Ok(self.keys.remove(id).map_err(database_error)?.is_some())
    }

    pub(in crate::embedded) fn wrapped_store_key(&self) -> Result<Option<Vec<u8>>, Error> {
        let wrapped = self.meta.get(STORE_KEY).map_err(database_error)?;
        Ok(wrapped.map(|wrapped| wrapped.value().to_vec()))
    }

    /// Seals every private key under `new`, out of the seal of `old` if there is one; returns how
    /// many there are.
    pub(in crate::embedded) fn seal_keys(
        &mut self,
        old: Option<&StoreKey>,
        new: &StoreKey,
        random: &dyn Random,
    ) -> Result<u64, Error> {
        let ids = key_ids(&self.keys)?;
        let mut sealed = 0;
        for id in &ids {
            let record = self.keys.get(id).map_err(database_error)?;
            let record = record.map(|record| record.value().to_vec());
            let record = record.ok_or(Error::DamagedKey(*id))?;
            let (added, key) = read_key(id, &record, old)?;
            self.set_key(id, added, &new.seal(id, added, &key, random)?)?;
            sealed += 1;
        }
        Ok(sealed)
    }

    pub(in crate::embedded) fn set_key(
        &mut self,
        id: &[u8; 32],
        added: UnixTime,
        body: &[u8],
    ) -> Result<(), Error> {
        let record = [&added.0.to_be_bytes()[..], body].concat();
        self.keys
            .insert(id, record.as_slice())
            .map_err(database_error)?;
        Ok(())
    }
}

/// Reads the record of a private key, out of the seal of `store_key` if there is one.
pub(in crate::embedded) fn read_key(
    id: &[u8; 32],
    record: &[u8],
    store_key: Option<&StoreKey>,
) -> Result<(UnixTime, KeyAtRest), Error> {
    let (added, body) = split_key_record(record)?;
    let key = match store_key {
        Some(store_key) => store_key.open(id, added, body)?,
        None => {
            let key = ProtectedKey::from_der(body).map_err(|_| Error::DamagedKey(*id))?;
            KeyAtRest::Protected(key)
        }
    };
    Ok((added, key))
}

/// Returns the ids of all private keys.
pub(in crate::embedded) fn key_ids(
    keys: &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
) -> Result<Vec<[u8; 32]>, Error> {
    let mut ids = Vec::new();
    for entry in keys.iter().map_err(database_error)? {
        let (id, _) = entry.map_err(database_error)?;
        ids.push(*id.value());
    }
    Ok(ids)
}

/// Splits the record of a key into the time of its addition and what it holds.
fn split_key_record(record: &[u8]) -> Result<(UnixTime, &[u8]), Error> {
    let (added, body) = record
        .split_first_chunk()
        .ok_or(Error::Damaged("key record"))?;
    Ok((UnixTime(i64::from_be_bytes(*added)), body))
}
