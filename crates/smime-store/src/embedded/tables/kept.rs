use std::collections::BTreeSet;

use redb::{ReadableTable as _, TableDefinition};
use smime_crypto::UnixTime;

use super::{Tables, entries};
use crate::{
    Error, KeptMail,
    embedded::database_error,
    index::{MAX_NUMBER, Prefix, number},
    kept::KeptRecord,
};

/// Number → [`KeptRecord`], as JSON.
pub(in crate::embedded) const KEPT: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("kept");

/// Number → message: by itself, so that no look-up loads it.
pub(in crate::embedded) const KEPT_MESSAGES: TableDefinition<'_, u64, &[u8]> =
    TableDefinition::new("kept-messages");

/// What is wanted, the message and the expiry, and the number; see [`Prefix`].
pub(in crate::embedded) const KEPT_INDEX: TableDefinition<'_, u128, ()> =
    TableDefinition::new("kept-index");

/// Number → how many bytes the message has.
pub(in crate::embedded) const KEPT_SIZES: TableDefinition<'_, u64, u64> =
    TableDefinition::new("kept-sizes");

/// In [`META`](super::META): the number that was given last.
const LAST_KEPT: &str = "kept-last";

impl Tables<'_> {
    /// Keeps a mail, or what is said anew of one that is kept; returns its number.
    pub(in crate::embedded) fn keep(
        &mut self,
        mail: &KeptMail,
        record: &KeptRecord,
    ) -> Result<u64, Error> {
        let id = match self.kept_as(record)? {
            Some((id, old)) => {
                self.remove_kept_entries(old.entries(id))?;
                id
            }
            None => {
                let id = self.next_kept()?;
                self.kept_messages
                    .insert(id, mail.message.as_slice())
                    .map_err(database_error)?;
                self.kept_sizes
                    .insert(id, size(&mail.message))
                    .map_err(database_error)?;
                id
            }
        };
        for entry in record.entries(id) {
            self.kept_index.insert(entry, ()).map_err(database_error)?;
        }
        self.kept
            .insert(id, record.to_json()?.as_slice())
            .map_err(database_error)?;
        Ok(id)
    }

    /// Deletes a kept mail; says whether it was there.
    pub(in crate::embedded) fn release(&mut self, id: u64) -> Result<bool, Error> {
        let Some(record) = self.kept.remove(id).map_err(database_error)? else {
            return Ok(false);
        };
        let entries = KeptRecord::from_json(record.value())?.entries(id);
        drop(record);
        self.remove_kept_entries(entries)?;
        self.kept_messages.remove(id).map_err(database_error)?;
        self.kept_sizes.remove(id).map_err(database_error)?;
        Ok(true)
    }

    /// Deletes the kept mail that has expired; returns how many.
    pub(in crate::embedded) fn expire_kept(&mut self, now: UnixTime) -> Result<u64, Error> {
        let first = Prefix::expiry(UnixTime(i64::MIN));
        let expired = entries(&self.kept_index, first, Prefix::expiry(now))?;
        let mut deleted = 0;
        for entry in expired {
            if !self.release(number(entry))? {
                return Err(MISSING);
            }
            deleted += 1;
        }
        Ok(deleted)
    }

    /// Notes how large the messages are that were kept before anybody did.
    pub(in crate::embedded) fn note_kept_sizes(&mut self) -> Result<(), Error> {
        for entry in self.kept_messages.iter().map_err(database_error)? {
            let (id, message) = entry.map_err(database_error)?;
            self.kept_sizes
                .insert(id.value(), size(message.value()))
                .map_err(database_error)?;
        }
        Ok(())
    }

    /// Returns under which number, and how, the message of `record` is kept already.
    fn kept_as(&self, record: &KeptRecord) -> Result<Option<(u64, KeptRecord)>, Error> {
        let prefix = record.same_message();
        for id in entries(&self.kept_index, prefix, prefix)? {
            let id = number(id);
            let stored = self.kept.get(id).map_err(database_error)?;
            let stored = stored.ok_or(MISSING)?;
            let stored = KeptRecord::from_json(stored.value())?;
            if stored.is_of_same_message(record) {
                return Ok(Some((id, stored)));
            }
        }
        Ok(None)
    }

    fn next_kept(&mut self) -> Result<u64, Error> {
        let damaged = Error::Damaged("mail number");
        let last = match self.meta.get(LAST_KEPT).map_err(database_error)? {
            Some(last) => <[u8; 8]>::try_from(last.value()).map(u64::from_be_bytes),
            None => Ok(0),
        };
        let next = last.ok().and_then(|last| last.checked_add(1));
        let next = next.filter(|next| *next <= MAX_NUMBER).ok_or(damaged)?;
        self.set_meta(LAST_KEPT, &next.to_be_bytes())?;
        Ok(next)
    }

    fn remove_kept_entries(&mut self, entries: BTreeSet<u128>) -> Result<(), Error> {
        for entry in entries {
            self.kept_index.remove(entry).map_err(database_error)?;
        }
        Ok(())
    }
}

fn size(message: &[u8]) -> u64 {
    u64::try_from(message.len()).unwrap_or(u64::MAX)
}

pub(in crate::embedded) const MISSING: Error = Error::Damaged("index names a missing mail");
