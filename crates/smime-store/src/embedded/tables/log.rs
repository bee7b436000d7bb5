use redb::ReadableTable as _;
use smime_crypto::UnixTime;

use super::{HEAD, TAIL, Tables, head};
use crate::{Activity, Error, activity::read_entry, embedded::database_error, index::Prefix};

impl Tables<'_> {
    /// Adds an entry to the activity log; returns its number.
    pub(in crate::embedded) fn record(&mut self, activity: &Activity) -> Result<u64, Error> {
        let head = head(self.meta.get(HEAD).map_err(database_error)?)?;
        let (entry, head) = head.append(activity)?;
        self.activity
            .insert(head.id, entry.as_slice())
            .map_err(database_error)?;
        if let Some(id) = &activity.message_id {
            let entry = Prefix::message_id(id).entry(head.id);
            self.message_ids.insert(entry, ()).map_err(database_error)?;
        }
        self.set_meta(HEAD, &head.to_bytes())?;
        Ok(head.id)
    }

    /// Deletes the oldest entries of the activity log; returns how many.
    pub(in crate::embedded) fn forget_activities(
        &mut self,
        before: UnixTime,
    ) -> Result<u64, Error> {
        let mut deleted = 0;
        let mut tail = None;
        loop {
            let first = self.activity.first().map_err(database_error)?;
            let Some(recorded) = first
                .map(|(id, entry)| read_entry(id.value(), entry.value()))
                .transpose()?
                .filter(|recorded| recorded.activity.time < before)
            else {
                break;
            };
            self.activity.remove(recorded.id).map_err(database_error)?;
            if let Some(id) = &recorded.activity.message_id {
                let entry = Prefix::message_id(id).entry(recorded.id);
                self.message_ids.remove(entry).map_err(database_error)?;
            }
            tail = Some(recorded.head());
            deleted += 1;
        }
        tail.map_or(Ok(()), |tail| self.set_meta(TAIL, &tail.to_bytes()))?;
        Ok(deleted)
    }
}
