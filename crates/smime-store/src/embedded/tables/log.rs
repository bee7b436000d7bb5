use redb::ReadableTable as _;
use smime_crypto::UnixTime;

use super::{HEAD, TAIL, Tables, head};
use crate::{Activity, Error, activity::read_entry, embedded::database_error, index::Prefix};

impl Tables<'_> {
    /// Adds an entry to the activity log, by whoever acts.
    pub(in crate::embedded) fn record(
        &mut self,
        activity: &Activity,
        actor: Option<&str>,
    ) -> Result<(), Error> {
        let head = head(self.meta.get(HEAD).map_err(database_error)?)?;
        let (entry, head) = head.append(activity, actor)?;
        self.activity
            .insert(head.id, entry.as_slice())
            .map_err(database_error)?;
        if let Some(id) = &activity.message_id {
            let entry = Prefix::message_id(id).entry(head.id);
            self.message_ids.insert(entry, ()).map_err(database_error)?;
        }
        self.set_meta(HEAD, &head.to_bytes())
    }

    /// Deletes the oldest entries of the activity log; returns how many.
    pub(in crate::embedded) fn forget_activities(
        &mut self,
        before: UnixTime,
    ) -> Result<u64, Error> {
        let mut deleted = 0;
        let mut tail = head(self.meta.get(TAIL).map_err(database_error)?)?;
        loop {
            let first = self.activity.first().map_err(database_error)?;
            let Some((id, stored)) =
                first.map(|(id, stored)| (id.value(), stored.value().to_vec()))
            else {
                break;
            };
            // What was tampered with is not forgotten: it is what the log is checked for.
            let next = tail.follow(id, &stored)?;
            let recorded = read_entry(id, &stored)?;
            if recorded.activity.time >= before {
                break;
            }
            self.activity.remove(id).map_err(database_error)?;
            if let Some(message_id) = &recorded.activity.message_id {
                let entry = Prefix::message_id(message_id).entry(id);
                self.message_ids.remove(entry).map_err(database_error)?;
            }
            tail = next;
            deleted += 1;
        }
        if deleted > 0 {
            self.set_meta(TAIL, &tail.to_bytes())?;
        }
        Ok(deleted)
    }

    /// Makes the table of Message-IDs from the log, for a store that had none.
    pub(in crate::embedded) fn index_message_ids(&mut self) -> Result<(), Error> {
        for entry in self.activity.iter().map_err(database_error)? {
            let (id, stored) = entry.map_err(database_error)?;
            // A broken entry is found by checking the log; it does not keep the store closed.
            let Ok(recorded) = read_entry(id.value(), stored.value()) else {
                continue;
            };
            if let Some(message_id) = &recorded.activity.message_id {
                let entry = Prefix::message_id(message_id).entry(recorded.id);
                self.message_ids.insert(entry, ()).map_err(database_error)?;
            }
        }
        Ok(())
    }
}
