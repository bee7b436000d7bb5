//! The layout of the file.
//!
//! A certificate has a number, given in the order of addition. The bytes of certificates stand in
//! a table by number, which only grows at its end; what is looked up stands in small tables that
//! lead to the number. All integers are big-endian, so that tables are in numeric order.

use std::collections::HashSet;

use redb::{
    AccessGuard, ReadableTable, Table, TableDefinition, TableHandle as _, WriteTransaction,
};
use smime_crypto::{UnixTime, sha256};
use smime_x509::CertificateRef;

use super::{
    database_error,
    waiting::{Limits, Then, Waiting},
};
use crate::{
    Addition, Defaults, Entry, Error, KeysOfDeleted, Scope, Trust,
    activity::Head,
    index::{MAX_NUMBER, Prefix, Query, number},
};

mod changes;
pub(super) mod crls;
pub(super) mod kept;
pub(super) mod keys;
mod log;
pub(super) mod peers;
pub(super) mod pins;

use crls::{CRL_RECORDS, CRLS};
use kept::{KEPT, KEPT_INDEX, KEPT_MESSAGES, KEPT_SIZES};
use peers::{PEERS, QUARANTINE, REJECTED};
use pins::PINS;

/// Number → [`CertificateRecord`].
pub(super) const CERTIFICATES: TableDefinition<'_, u64, &[u8]> =
    TableDefinition::new("certificates");

/// What is looked for, and the number; see [`Prefix`].
pub(super) const INDEX: TableDefinition<'_, u128, ()> = TableDefinition::new("index");

/// The numbers of the certificates that are anchors.
pub(super) const ANCHORS: TableDefinition<'_, u64, ()> = TableDefinition::new("anchors");

/// Public key id → time of addition, EncryptedPrivateKeyInfo; or sealed, if there is a
/// [`STORE_KEY`].
pub(super) const KEYS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("keys");

/// Number → hash, entry.
pub(super) const ACTIVITY: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("activity");

/// Message-ID, and the number of an entry of the log; see [`Prefix`].
pub(super) const MESSAGE_IDS: TableDefinition<'_, u128, ()> = TableDefinition::new("message-ids");

/// [`Scope`](crate::Scope) → [`Defaults`](crate::Defaults), as JSON.
pub(super) const DEFAULTS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("defaults");

/// The schema version, and the ends of the activity log.
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// In [`META`]: the schema version.
pub(super) const SCHEMA: &str = "schema";

/// In [`META`]: the number and hash of the last entry of the activity log.
pub(super) const HEAD: &str = "activity-head";

/// In [`META`]: the same of the last entry deleted.
pub(super) const TAIL: &str = "activity-tail";

/// In [`META`], while there are such: the number of the first certificate that is not in [`INDEX`];
/// all after it are not either.
pub(super) const WAITING: &str = "waiting";

/// In [`META`]: [`Settings`](crate::Settings), as JSON.
pub(super) const SETTINGS: &str = "settings";

/// In [`META`] of layout 4: the store key, wrapped.
pub(super) const STORE_KEY: &str = "store-key";

/// The names of all tables.
pub(super) fn names() -> [&'static str; 18] {
    [
        CERTIFICATES.name(),
        INDEX.name(),
        ANCHORS.name(),
        PINS.name(),
        PEERS.name(),
        QUARANTINE.name(),
        REJECTED.name(),
        KEYS.name(),
        ACTIVITY.name(),
        MESSAGE_IDS.name(),
        DEFAULTS.name(),
        CRLS.name(),
        CRL_RECORDS.name(),
        KEPT.name(),
        KEPT_MESSAGES.name(),
        KEPT_INDEX.name(),
        KEPT_SIZES.name(),
        META.name(),
    ]
}

/// Every table, open for one change.
///
/// Opening a table makes it; so the first change of a new file makes all of them.
pub(super) struct Tables<'a> {
    waiting: &'a Waiting,
    then: Then,
    certificates: Table<'a, u64, &'static [u8]>,
    index: Table<'a, u128, ()>,
    anchors: Table<'a, u64, ()>,
    pins: Table<'a, &'static [u8], &'static [u8]>,
    peers: Table<'a, &'static [u8], &'static [u8]>,
    quarantine: Table<'a, &'static [u8; 64], &'static [u8]>,
    rejected: Table<'a, &'static [u8; 32], ()>,
    keys: Table<'a, &'static [u8; 32], &'static [u8]>,
    activity: Table<'a, u64, &'static [u8]>,
    message_ids: Table<'a, u128, ()>,
    defaults: Table<'a, &'static [u8], &'static [u8]>,
    crls: Table<'a, &'static [u8; 96], &'static [u8]>,
    crl_records: Table<'a, &'static [u8; 96], &'static [u8]>,
    kept: Table<'a, u64, &'static [u8]>,
    kept_messages: Table<'a, u64, &'static [u8]>,
    kept_index: Table<'a, u128, ()>,
    kept_sizes: Table<'a, u64, u64>,
    meta: Table<'a, &'static str, &'static [u8]>,
}

impl<'a> Tables<'a> {
    pub(super) fn open(
        transaction: &'a WriteTransaction,
        waiting: &'a Waiting,
    ) -> Result<Self, Error> {
        Ok(Self {
            waiting,
            then: Then::Waits,
            certificates: transaction
                .open_table(CERTIFICATES)
                .map_err(database_error)?,
            index: transaction.open_table(INDEX).map_err(database_error)?,
            anchors: transaction.open_table(ANCHORS).map_err(database_error)?,
            pins: transaction.open_table(PINS).map_err(database_error)?,
            peers: transaction.open_table(PEERS).map_err(database_error)?,
            quarantine: transaction.open_table(QUARANTINE).map_err(database_error)?,
            rejected: transaction.open_table(REJECTED).map_err(database_error)?,
            keys: transaction.open_table(KEYS).map_err(database_error)?,
            activity: transaction.open_table(ACTIVITY).map_err(database_error)?,
            message_ids: transaction
                .open_table(MESSAGE_IDS)
                .map_err(database_error)?,
            defaults: transaction.open_table(DEFAULTS).map_err(database_error)?,
            crls: transaction.open_table(CRLS).map_err(database_error)?,
            crl_records: transaction
                .open_table(CRL_RECORDS)
                .map_err(database_error)?,
            kept: transaction.open_table(KEPT).map_err(database_error)?,
            kept_messages: transaction
                .open_table(KEPT_MESSAGES)
                .map_err(database_error)?,
            kept_index: transaction.open_table(KEPT_INDEX).map_err(database_error)?,
            kept_sizes: transaction.open_table(KEPT_SIZES).map_err(database_error)?,
            meta: transaction.open_table(META).map_err(database_error)?,
        })
    }

    /// Returns what becomes of what waits, once the transaction is committed.
    pub(super) fn then(self) -> Then {
        self.then
    }

    pub(super) fn set_meta(&mut self, name: &str, value: &[u8]) -> Result<(), Error> {
        self.meta.insert(name, value).map_err(database_error)?;
        Ok(())
    }

    /// Adds certificates as they come. Their index entries wait, unless they are few or too much
    /// waits already: then all that waits goes into the index.
    pub(super) fn add_entries(
        &mut self,
        entries: &mut dyn Iterator<Item = Entry>,
        at: UnixTime,
        limits: Limits,
    ) -> Result<Vec<Addition>, Error> {
        let last = self
            .certificates
            .last()
            .map_err(database_error)?
            .map(|(id, _)| id.value());
        let was_empty = last.is_none();
        let first = last.map_or(1, |id| id.saturating_add(1));
        let mut next = first;
        let mut additions = Vec::new();
        let mut new = HashSet::new();
        let mut index = Vec::new();
        let mut record = Vec::new();
        for entry in entries {
            let fingerprint = entry.fingerprint();
            if new.contains(&fingerprint) {
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
            new.insert(fingerprint);
            index.extend(entry.prefixes().iter().map(|prefix| prefix.entry(next)));
            additions.push(Addition::Added);
            next = next.saturating_add(1);
        }
        if new.is_empty() {
            return Ok(additions);
        }
        index.sort_unstable();
        let all = self.waiting.entries().len().saturating_add(index.len());
        if new.len() >= limits.batch && all <= limits.entries {
            self.set_waiting(first)?;
            self.then = Then::WaitsWith(index);
        } else {
            self.index_waiting()?;
            self.add_to_index(&index)?;
        }
        Ok(additions)
    }

    /// Adds everything that waits to the index.
    pub(super) fn index_waiting(&mut self) -> Result<(), Error> {
        let waits = matches!(self.then, Then::Waits) && !self.waiting.entries().is_empty();
        if !waits {
            return Ok(());
        }
        self.add_to_index(self.waiting.entries())?;
        self.then = Then::Indexed;
        self.clear_waiting()
    }

    /// Adds entries to the index; in ascending order, neighbours fall on one page while it is at
    /// hand.
    fn add_to_index(&mut self, ascending: &[u128]) -> Result<(), Error> {
        for entry in ascending {
            self.index.insert(*entry, ()).map_err(database_error)?;
        }
        Ok(())
    }

    /// Takes all certificates for such as are not in the index.
    pub(super) fn forget_index(&mut self) -> Result<(), Error> {
        self.set_waiting(1)
    }

    /// Remembers that the certificates from number `first` on are not in the index, if no earlier
    /// one was remembered.
    fn set_waiting(&mut self, first: u64) -> Result<(), Error> {
        if self.first_waiting()?.is_some() {
            return Ok(());
        }
        self.set_meta(WAITING, &first.to_be_bytes())
    }

    /// Remembers that all certificates are in the index.
    fn clear_waiting(&mut self) -> Result<(), Error> {
        self.meta.remove(WAITING).map_err(database_error)?;
        Ok(())
    }

    /// Adds certificates that are not in the index to it, as far as `limits` let so many wait.
    pub(super) fn index_some(&mut self, limits: Limits) -> Result<(), Error> {
        let Some(first) = self.first_waiting()? else {
            return Ok(());
        };
        let mut index = Vec::new();
        let mut next = None;
        for stored in self.certificates.range(first..).map_err(database_error)? {
            let (id, record) = stored.map_err(database_error)?;
            if index.len() >= limits.entries {
                next = Some(id.value());
                break;
            }
            let record = CertificateRecord::read(record.value())?;
            let entry = Entry::new(&record.certificate()?);
            index.extend(
                entry
                    .prefixes()
                    .iter()
                    .map(|prefix| prefix.entry(id.value())),
            );
        }
        index.sort_unstable();
        self.add_to_index(&index)?;
        self.clear_waiting()?;
        next.map_or(Ok(()), |next| self.set_waiting(next))
    }

    fn first_waiting(&self) -> Result<Option<u64>, Error> {
        let Some(first) = self.meta.get(WAITING).map_err(database_error)? else {
            return Ok(None);
        };
        let bytes = <[u8; 8]>::try_from(first.value());
        let bytes = bytes.map_err(|_| Error::Damaged("index mark"))?;
        Ok(Some(u64::from_be_bytes(bytes)))
    }

    pub(super) fn set_trust(&mut self, fingerprint: &[u8; 32], trust: Trust) -> Result<(), Error> {
        let mut changed = Vec::new();
        let id = self
            .by_fingerprint(fingerprint, |id, record| {
                CertificateRecord { trust, ..record }.write(&mut changed);
                id
            })?
            .ok_or(Error::NoSuchCertificate(*fingerprint))?;
        self.certificates
            .insert(id, changed.as_slice())
            .map_err(database_error)?;
        if trust.is_anchor() {
            self.anchors.insert(id, ()).map_err(database_error)?;
        } else {
            self.anchors.remove(id).map_err(database_error)?;
        }
        Ok(())
    }

    /// Deletes a certificate; returns the id of its key if that went with it.
    pub(super) fn delete(
        &mut self,
        fingerprint: &[u8; 32],
        keys: KeysOfDeleted,
    ) -> Result<Option<[u8; 32]>, Error> {
        self.index_waiting()?;
        let found = self.by_fingerprint(fingerprint, |id, record| {
            let certificate = record.certificate()?;
            let key = sha256(&[certificate.spki()]);
            let emails = certificate.emails();
            let entry = Entry::with_emails(&certificate, &emails);
            Ok::<_, Error>((id, key, entry, emails))
        })?;
        let (id, key, entry, emails) = found.ok_or(Error::NoSuchCertificate(*fingerprint))??;
        if matches!(self.then, Then::Indexed) {
            self.then = Then::IndexedAndLess;
        }
        for prefix in entry.prefixes() {
            let entry = prefix.entry(id);
            self.index.remove(entry).map_err(database_error)?;
        }
        self.certificates.remove(id).map_err(database_error)?;
        self.anchors.remove(id).map_err(database_error)?;
        self.take_from_pins(fingerprint, &emails)?;
        if keys == KeysOfDeleted::Stay || self.has_certificate(&key)? {
            return Ok(None);
        }
        Ok(self.delete_key(&key)?.then_some(key))
    }

    pub(super) fn set_defaults(
        &mut self,
        scope: &Scope,
        defaults: Option<&Defaults>,
    ) -> Result<(), Error> {
        let scope = scope.to_bytes();
        match defaults {
            Some(defaults) => {
                let record = serde_json::to_vec(defaults)
                    .map_err(|error| Error::Database(error.to_string()))?;
                self.defaults
                    .insert(scope.as_slice(), record.as_slice())
                    .map_err(database_error)?;
            }
            None => {
                self.defaults
                    .remove(scope.as_slice())
                    .map_err(database_error)?;
            }
        }
        Ok(())
    }

    /// Says whether there is a certificate of a public key.
    fn has_certificate(&self, key: &[u8; 32]) -> Result<bool, Error> {
        for id in self.numbers(Query::PublicKey(key).prefix())? {
            let record = self.certificates.get(id).map_err(database_error)?;
            let record = record.ok_or(MISSING)?;
            let record = CertificateRecord::read(record.value())?;
            if sha256(&[record.certificate()?.spki()]) == *key {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the numbers of the certificates under `prefix`, in the index or waiting.
    fn numbers(&self, prefix: Prefix) -> Result<Vec<u64>, Error> {
        let mut found = entries(&self.index, prefix, prefix)?;
        if matches!(self.then, Then::Waits) {
            found.extend(self.waiting.between(prefix, prefix));
        }
        Ok(found.into_iter().map(number).collect())
    }

    fn added(&self, fingerprint: &[u8; 32]) -> Result<Option<UnixTime>, Error> {
        self.by_fingerprint(fingerprint, |_, record| record.added)
    }

    /// Calls `found` with the number and the record of the certificate of a fingerprint.
    fn by_fingerprint<T>(
        &self,
        fingerprint: &[u8; 32],
        found: impl FnOnce(u64, CertificateRecord<'_>) -> T,
    ) -> Result<Option<T>, Error> {
        for id in self.numbers(Query::Fingerprint(fingerprint).prefix())? {
            let record = self.certificates.get(id).map_err(database_error)?;
            let record = record.ok_or(MISSING)?;
            let record = CertificateRecord::read(record.value())?;
            if sha256(&[record.der]) == *fingerprint {
                return Ok(Some(found(id, record)));
            }
        }
        Ok(None)
    }
}

/// Returns the entries of the index from one prefix to another, in ascending order.
pub(super) fn entries(
    index: &impl ReadableTable<u128, ()>,
    first: Prefix,
    last: Prefix,
) -> Result<Vec<u128>, Error> {
    let range = first.entry(0)..=last.entry(MAX_NUMBER);
    let mut entries = Vec::new();
    for entry in index.range(range).map_err(database_error)? {
        let (entry, _) = entry.map_err(database_error)?;
        entries.push(entry.value());
    }
    Ok(entries)
}

/// Reads [`HEAD`] or [`TAIL`]; a log without it has never been written, or nothing of it deleted.
pub(super) fn head(stored: Option<AccessGuard<'_, &'static [u8]>>) -> Result<Head, Error> {
    let Some(stored) = stored else {
        return Ok(Head::default());
    };
    Head::from_bytes(stored.value()).ok_or(Error::Damaged("activity head"))
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

    /// Reads the certificate, which was read before it was stored.
    pub(super) fn certificate(&self) -> Result<CertificateRef<'a>, Error> {
        CertificateRef::from_der(self.der).map_err(|_| Error::Damaged("certificate"))
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.clear();
        out.push(self.trust.to_byte());
        out.extend_from_slice(&self.added.0.to_be_bytes());
        out.extend_from_slice(self.der);
    }
}

const MISSING: Error = Error::Damaged("index names a missing certificate");
