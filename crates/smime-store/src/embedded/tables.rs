//! The layout of the file.
//!
//! A certificate has a number, given in the order of addition. The bytes of certificates stand in
//! a table by number, which only grows at its end; what is looked up stands in small tables that
//! lead to the number. All integers are big-endian, so that tables are in numeric order.

use std::collections::HashMap;

use redb::{AccessGuard, ReadableTable as _, Table, TableDefinition, WriteTransaction};
use smime_crypto::UnixTime;

use super::database_error;
use crate::{Activity, Addition, Entry, Error, Trust, activity::Head, index::Prefix};

/// Number → [`CertificateRecord`].
pub(super) const CERTIFICATES: TableDefinition<'_, u64, &[u8]> =
    TableDefinition::new("certificates");

/// SHA-256 → number.
pub(super) const FINGERPRINTS: TableDefinition<'_, &[u8; 32], u64> =
    TableDefinition::new("fingerprints");

/// What is looked for, then the number; see [`crate::index`].
pub(super) const INDEX: TableDefinition<'_, &IndexKey, ()> = TableDefinition::new("index");

/// The numbers of the certificates that are anchors.
pub(super) const ANCHORS: TableDefinition<'_, u64, ()> = TableDefinition::new("anchors");

/// Public key id → time of addition, EncryptedPrivateKeyInfo.
pub(super) const KEYS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("keys");

/// Number → hash, entry.
pub(super) const ACTIVITY: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("activity");

/// The schema version, and the last entry of the activity log.
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// In [`META`]: the schema version.
pub(super) const SCHEMA: &str = "schema";

/// In [`META`]: the number and hash of the last entry of the activity log.
pub(super) const HEAD: &str = "activity-head";

/// A prefix and five bytes of a certificate's number.
pub(super) type IndexKey = [u8; 17];

/// Every table, open for one change.
///
/// Opening a table makes it; so the first change of a new file makes all of them.
pub(super) struct Tables<'a> {
    certificates: Table<'a, u64, &'static [u8]>,
    fingerprints: Table<'a, &'static [u8; 32], u64>,
    index: Table<'a, &'static IndexKey, ()>,
    anchors: Table<'a, u64, ()>,
    keys: Table<'a, &'static [u8; 32], &'static [u8]>,
    activity: Table<'a, u64, &'static [u8]>,
    meta: Table<'a, &'static str, &'static [u8]>,
}

impl<'a> Tables<'a> {
    pub(super) fn open(transaction: &'a WriteTransaction) -> Result<Self, Error> {
        Ok(Self {
            certificates: transaction
                .open_table(CERTIFICATES)
                .map_err(database_error)?,
            fingerprints: transaction
                .open_table(FINGERPRINTS)
                .map_err(database_error)?,
            index: transaction.open_table(INDEX).map_err(database_error)?,
            anchors: transaction.open_table(ANCHORS).map_err(database_error)?,
            keys: transaction.open_table(KEYS).map_err(database_error)?,
            activity: transaction.open_table(ACTIVITY).map_err(database_error)?,
            meta: transaction.open_table(META).map_err(database_error)?,
        })
    }

    pub(super) fn set_meta(&mut self, name: &str, value: &[u8]) -> Result<(), Error> {
        self.meta.insert(name, value).map_err(database_error)?;
        Ok(())
    }

    /// Adds the certificates as they come, and the ways to them at the end: in order, so that
    /// neighbours fall on one page while it is at hand.
    pub(super) fn add_entries(
        &mut self,
        entries: &mut dyn Iterator<Item = Entry>,
        at: UnixTime,
    ) -> Result<Vec<Addition>, Error> {
        let last = self
            .certificates
            .last()
            .map_err(database_error)?
            .map(|(id, _)| id.value());
        let was_empty = last.is_none();
        let mut next = last.map_or(1, |id| id.saturating_add(1));
        let mut additions = Vec::new();
        let mut new = HashMap::new();
        let mut index = Vec::new();
        let mut record = Vec::new();
        for entry in entries {
            let fingerprint = entry.fingerprint();
            if new.contains_key(&fingerprint) {
                additions.push(Addition::AlreadyThere { since: at });
                continue;
            }
            if !was_empty && let Some(since) = self.added(&fingerprint)? {
                additions.push(Addition::AlreadyThere { since });
                continue;
            }
            if next > MAX_NUMBER {
                return Err(Error::Damaged("certificate number"));
            }
            CertificateRecord {
                trust: Trust::None,
                added: at,
                der: entry.der(),
            }
            .write(&mut record);
            self.certificates
                .insert(next, record.as_slice())
                .map_err(database_error)?;
            new.insert(fingerprint, next);
            let prefixes = entry.prefixes().iter();
            index.extend(prefixes.map(|prefix| index_key(prefix, next)));
            additions.push(Addition::Added);
            next = next.saturating_add(1);
        }
        let mut new: Vec<_> = new.into_iter().collect();
        new.sort_unstable();
        for (fingerprint, id) in &new {
            self.fingerprints
                .insert(fingerprint, id)
                .map_err(database_error)?;
        }
        index.sort_unstable();
        for key in &index {
            self.index.insert(key, ()).map_err(database_error)?;
        }
        Ok(additions)
    }

    pub(super) fn set_trust(&mut self, fingerprint: &[u8; 32], trust: Trust) -> Result<(), Error> {
        let id = self
            .id(fingerprint)?
            .ok_or(Error::NoSuchCertificate(*fingerprint))?;
        let mut changed = Vec::new();
        {
            let record = self.certificates.get(id).map_err(database_error)?;
            let record = record.ok_or(MISSING)?;
            CertificateRecord {
                trust,
                ..CertificateRecord::read(record.value())?
            }
            .write(&mut changed);
        }
        self.certificates
            .insert(id, changed.as_slice())
            .map_err(database_error)?;
        if trust == Trust::Anchor {
            self.anchors.insert(id, ()).map_err(database_error)?;
        } else {
            self.anchors.remove(id).map_err(database_error)?;
        }
        Ok(())
    }

    pub(super) fn add_key(
        &mut self,
        id: &[u8; 32],
        der: &[u8],
        at: UnixTime,
    ) -> Result<Addition, Error> {
        if let Some(record) = self.keys.get(id).map_err(database_error)? {
            let (since, _) = split_key_record(record.value())?;
            return Ok(Addition::AlreadyThere { since });
        }
        let record = [&at.0.to_be_bytes()[..], der].concat();
        self.keys
            .insert(id, record.as_slice())
            .map_err(database_error)?;
        Ok(Addition::Added)
    }

    pub(super) fn record(&mut self, activity: &Activity) -> Result<u64, Error> {
        let head = head(self.meta.get(HEAD).map_err(database_error)?)?;
        let (entry, head) = head.append(activity)?;
        self.activity
            .insert(head.id, entry.as_slice())
            .map_err(database_error)?;
        self.set_meta(HEAD, &head.to_bytes())?;
        Ok(head.id)
    }

    fn id(&self, fingerprint: &[u8; 32]) -> Result<Option<u64>, Error> {
        Ok(self
            .fingerprints
            .get(fingerprint)
            .map_err(database_error)?
            .map(|id| id.value()))
    }

    fn added(&self, fingerprint: &[u8; 32]) -> Result<Option<UnixTime>, Error> {
        let Some(id) = self.id(fingerprint)? else {
            return Ok(None);
        };
        let record = self.certificates.get(id).map_err(database_error)?;
        Ok(Some(
            CertificateRecord::read(record.ok_or(MISSING)?.value())?.added,
        ))
    }
}

/// One byte of trust, eight of time, the certificate.
pub(super) struct CertificateRecord<'a> {
    pub(super) trust: Trust,
    pub(super) added: UnixTime,
    pub(super) der: &'a [u8],
}

impl<'a> CertificateRecord<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let damaged = Error::Damaged("certificate record");
        let Some((trust, rest)) = bytes.split_first() else {
            return Err(damaged);
        };
        let Some((added, der)) = rest.split_first_chunk() else {
            return Err(damaged);
        };
        let Some(trust) = Trust::from_byte(*trust) else {
            return Err(damaged);
        };
        Ok(Self {
            trust,
            added: UnixTime(i64::from_be_bytes(*added)),
            der,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.clear();
        out.push(self.trust.to_byte());
        out.extend_from_slice(&self.added.0.to_be_bytes());
        out.extend_from_slice(self.der);
    }
}

/// Splits the record of a key into the time of its addition and its EncryptedPrivateKeyInfo.
pub(super) fn split_key_record(record: &[u8]) -> Result<(UnixTime, &[u8]), Error> {
    let (added, der) = record
        .split_first_chunk()
        .ok_or(Error::Damaged("key record"))?;
    Ok((UnixTime(i64::from_be_bytes(*added)), der))
}

/// Reads [`HEAD`]; a log without it is empty.
pub(super) fn head(stored: Option<AccessGuard<'_, &'static [u8]>>) -> Result<Head, Error> {
    let Some(stored) = stored else {
        return Ok(Head::default());
    };
    Head::from_bytes(stored.value()).ok_or(Error::Damaged("activity head"))
}

/// Returns the first and the last key that an index entry of `prefix` can have.
pub(super) fn index_range(prefix: &Prefix) -> (IndexKey, IndexKey) {
    (index_key(prefix, 0), index_key(prefix, u64::MAX))
}

/// Returns the number in an index entry.
pub(super) fn index_id(key: &IndexKey) -> u64 {
    let (_, id) = key.split_at(size_of::<Prefix>());
    id.iter().fold(0, |id, byte| id << 8 | u64::from(*byte))
}

fn index_key(prefix: &Prefix, id: u64) -> IndexKey {
    let mut key = IndexKey::default();
    let id = id.to_be_bytes();
    let (_, id) = id.split_at(3);
    for (to, from) in key.iter_mut().zip(prefix.iter().chain(id)) {
        *to = *from;
    }
    key
}

/// What five bytes hold: a store of a billion certificates has a terabyte.
const MAX_NUMBER: u64 = (1 << 40) - 1;

const MISSING: Error = Error::Damaged("fingerprint names a missing certificate");
