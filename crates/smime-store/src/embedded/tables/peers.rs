use redb::{ReadableTable, ReadableTableMetadata as _, TableDefinition};
use smime_x509::{Certificate, EmailAddress};

use super::Tables;
use crate::{
    Announcement, Error, Peer, Quarantined, Quarantining,
    embedded::database_error,
    peer::{AnnouncementRecord, QuarantineKey, QuarantineRecord, has_room, in_order, rejection_of},
};

/// Folded address → [`AnnouncementRecord`], as JSON.
pub(in crate::embedded) const PEERS: TableDefinition<'_, &[u8], &[u8]> =
    TableDefinition::new("peers");

/// [`QuarantineKey`] → [`QuarantineRecord`], as JSON.
pub(in crate::embedded) const QUARANTINE: TableDefinition<'_, &[u8; 64], &[u8]> =
    TableDefinition::new("quarantine");

/// What is [remembered](rejection_of) of certificates that were rejected.
pub(in crate::embedded) const REJECTED: TableDefinition<'_, &[u8; 32], ()> =
    TableDefinition::new("rejected");

impl Tables<'_> {
    /// Notes an announcement unless a later one is known; says whether it was noted.
    pub(in crate::embedded) fn note_announcement(
        &mut self,
        address: &EmailAddress,
        announcement: &Announcement,
    ) -> Result<bool, Error> {
        let folded = address.folded();
        let known = announcement_of(&self.peers, &folded)?;
        if known.is_some_and(|known| !announcement.replaces(&known)) {
            return Ok(false);
        }
        let record = to_json(&AnnouncementRecord::of(announcement))?;
        self.peers
            .insert(folded.as_bytes(), record.as_slice())
            .map_err(database_error)?;
        Ok(true)
    }

    /// Lets a certificate wait, if there is room.
    pub(in crate::embedded) fn quarantine(
        &mut self,
        one: &Quarantined,
    ) -> Result<Quarantining, Error> {
        let key = QuarantineKey::of(one);
        if !keys_of(&self.quarantine, key.fingerprint())?.is_empty() {
            return Ok(Quarantining::AlreadyThere);
        }
        let all = self.quarantine.len().map_err(database_error)?;
        let (first, last) = key.of_address();
        let of_address = self.quarantine.range::<&[u8; 64]>(&first.0..=&last.0);
        let of_address = of_address.map_err(database_error)?.count();
        if !has_room(one, all, u64::try_from(of_address).unwrap_or(u64::MAX)) {
            return Ok(Quarantining::Full);
        }
        let record = to_json(&QuarantineRecord::of(one))?;
        self.quarantine
            .insert(&key.0, record.as_slice())
            .map_err(database_error)?;
        Ok(Quarantining::Added)
    }

    /// Lets a certificate wait no longer; says whether it did.
    pub(in crate::embedded) fn end_quarantine(
        &mut self,
        fingerprint: [u8; 32],
    ) -> Result<bool, Error> {
        let keys = keys_of(&self.quarantine, fingerprint)?;
        for QuarantineKey(key) in &keys {
            self.quarantine.remove(key).map_err(database_error)?;
        }
        Ok(!keys.is_empty())
    }

    /// Lets a certificate wait no longer and remembers it; says whether it waited.
    pub(in crate::embedded) fn reject(&mut self, fingerprint: [u8; 32]) -> Result<bool, Error> {
        for QuarantineKey(key) in keys_of(&self.quarantine, fingerprint)? {
            let record = self.quarantine.get(&key).map_err(database_error)?;
            let one = read_quarantined(record.ok_or(DAMAGED)?.value())?;
            self.rejected
                .insert(&rejection_of(&one.certificate), ())
                .map_err(database_error)?;
        }
        self.end_quarantine(fingerprint)
    }
}

/// Says whether a certificate was rejected.
pub(in crate::embedded) fn is_rejected(
    table: &impl ReadableTable<&'static [u8; 32], ()>,
    certificate: &Certificate,
) -> Result<bool, Error> {
    let found = table.get(&rejection_of(certificate));
    Ok(found.map_err(database_error)?.is_some())
}

/// Returns what was announced by a folded address.
pub(in crate::embedded) fn announcement_of(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    folded: &str,
) -> Result<Option<Announcement>, Error> {
    let record = table.get(folded.as_bytes()).map_err(database_error)?;
    record
        .map(|record| read_announcement(record.value()))
        .transpose()
}

/// Returns all that was announced, in the order of the folded addresses.
pub(in crate::embedded) fn all_peers(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
) -> Result<Vec<Peer>, Error> {
    let mut all = Vec::new();
    for entry in table.iter().map_err(database_error)? {
        let (folded, record) = entry.map_err(database_error)?;
        let address = str::from_utf8(folded.value()).map_err(|_| DAMAGED)?;
        all.push(Peer {
            address: address.to_owned(),
            announcement: read_announcement(record.value())?,
        });
    }
    Ok(all)
}

/// Returns all that waits, in the order in which it came.
pub(in crate::embedded) fn all_quarantined(
    table: &impl ReadableTable<&'static [u8; 64], &'static [u8]>,
) -> Result<Vec<Quarantined>, Error> {
    let mut all = Vec::new();
    for entry in table.iter().map_err(database_error)? {
        let (_, record) = entry.map_err(database_error)?;
        all.push(read_quarantined(record.value())?);
    }
    Ok(in_order(all))
}

/// Returns where a certificate waits, whatever address it came from.
fn keys_of(
    table: &impl ReadableTable<&'static [u8; 64], &'static [u8]>,
    fingerprint: [u8; 32],
) -> Result<Vec<QuarantineKey>, Error> {
    let mut found = Vec::new();
    for entry in table.iter().map_err(database_error)? {
        let (key, _) = entry.map_err(database_error)?;
        let key = QuarantineKey(*key.value());
        if key.fingerprint() == fingerprint {
            found.push(key);
        }
    }
    Ok(found)
}

fn read_quarantined(record: &[u8]) -> Result<Quarantined, Error> {
    let record: QuarantineRecord = serde_json::from_slice(record).map_err(|_| DAMAGED)?;
    record.read()
}

fn read_announcement(record: &[u8]) -> Result<Announcement, Error> {
    let record: AnnouncementRecord = serde_json::from_slice(record).map_err(|_| DAMAGED)?;
    record.read()
}

fn to_json(record: &impl serde::Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(record).map_err(|error| Error::Database(error.to_string()))
}

const DAMAGED: Error = Error::Damaged("what was learned of a peer");
