use std::{
    fmt, io,
    ops::ControlFlow,
    path::Path,
    sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use redb::{
    Database, ReadOnlyTable, ReadTransaction, ReadableDatabase as _, ReadableTable as _,
    StorageBackend, TableDefinition, backends::FileBackend,
};
use smime_crypto::{PublicKey, Random, UnixTime};
use smime_x509::{Certificate, EmailAddress};

use crate::{
    Activity, Addition, Announcement, Change, Changed, Defaults, Entry, Error, KeptMail, KeyAtRest,
    Peer, Pin, Quarantined, Quarantining, Recorded, Scope, Settings, Store, StoredCertificate,
    activity::read_entry,
    crl::{self, CrlKey, CrlRecord},
    index::{Prefix, Query, number, public_key_id},
    kept::{KeptRecord, fulfilled_by, of_issuer},
    record::newest_first,
    store_key::StoreKey,
};
use kept::KeptReader;
use reader::Reader;
use tables::{
    ACTIVITY, ANCHORS, DEFAULTS, HEAD, KEYS, MESSAGE_IDS, META, SETTINGS, TAIL, Tables,
    crls::{CRL_RECORDS, CRLS, crl_records},
    keys::{key_ids, read_key},
    peers::{
        PEERS, QUARANTINE, REJECTED, all_peers, all_quarantined, announcement_of, is_rejected,
    },
    pins::{PINS, all_pins, pins},
};
use waiting::{Limits, Then, Waiting};

mod beginning;
mod kept;
mod opening;
mod protection;
mod reader;
mod summary;
mod tables;
#[cfg(test)]
mod tests;
mod waiting;

pub use summary::StoreSummary;

/// A store in one file: transactional, durable when a method returns, whole again after a crash.
///
/// One process has it open at a time. A store that has a store key is opened locked: all but
/// reading and adding private keys works until [`unlock`](Self::unlock).
pub struct Embedded {
    database: Database,
    /// Held by a change from its beginning until `waiting` is as it left it.
    writing: Mutex<()>,
    /// What is not found in the index. Who reads begins while holding it, so that both are of one
    /// moment.
    waiting: RwLock<Waiting>,
    limits: Limits,
    /// Who acts, for the activity log.
    actor: Option<String>,
    /// Taken before `writing`.
    store_key: RwLock<Option<StoreKey>>,
}

impl Embedded {
    /// Opens the store in the file at `path`, and makes it, with its folder, where there is none.
    ///
    /// What is made is for its owner alone (mode 0600, folders 0700) where files have modes; what
    /// exists keeps its mode. A store of an earlier layout is brought into today's, and one that was
    /// being made when the process was killed is made anew.
    ///
    /// # Errors
    /// [`Error::Locked`] when it is open already, [`Error::ForeignFile`] when the file is something
    /// else, [`Error::SchemaVersion`] when a later version wrote it, [`Error::Io`],
    /// [`Error::Damaged`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = opening::open_file(path)?;
        let backend = FileBackend::new(file).map_err(database_error)?;
        Self::with_backend(backend, LIMITS)
    }

    fn with_backend(backend: impl StorageBackend, limits: Limits) -> Result<Self, Error> {
        beginning::begin(&backend)?;
        let database = Database::builder()
            .set_cache_size(CACHE)
            .create_with_backend(backend)
            .map_err(database_error)?;
        opening::prepare(&database, limits)?;
        Ok(Self {
            database,
            writing: Mutex::default(),
            waiting: RwLock::default(),
            limits,
            actor: None,
            store_key: RwLock::default(),
        })
    }

    /// Says who acts through this handle: every entry of the activity log that it adds names them.
    ///
    /// It is told, not proven: who can write the store can write another name.
    #[must_use]
    pub fn acting_for(mut self, who: &str) -> Self {
        self.actor = Some(who.to_owned());
        self
    }

    fn begin_read(&self) -> Result<ReadTransaction, Error> {
        self.database.begin_read().map_err(database_error)
    }

    fn waiting(&self) -> RwLockReadGuard<'_, Waiting> {
        // It is changed after everything that can fail.
        self.waiting.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting_mut(&self) -> RwLockWriteGuard<'_, Waiting> {
        self.waiting.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `change` in one transaction: what it did stays if it succeeds, nothing of it if not.
    fn write<T>(
        &self,
        change: impl FnOnce(&mut Tables<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = self.database.begin_write().map_err(database_error)?;
        let waiting = self.waiting();
        let mut tables = Tables::open(&transaction, &waiting)?;
        // Dropping an uncommitted transaction aborts it.
        let result = change(&mut tables)?;
        let then = tables.then();
        drop(waiting);
        match then {
            Then::Waits => transaction.commit().map_err(database_error)?,
            Then::WaitsWith(entries) => {
                let mut waiting = self.waiting_mut();
                transaction.commit().map_err(database_error)?;
                waiting.add(&entries);
            }
            Then::Indexed => {
                // A reader between the two finds an entry twice, which does no harm.
                transaction.commit().map_err(database_error)?;
                self.waiting_mut().clear();
            }
            Then::IndexedAndLess => {
                let mut waiting = self.waiting_mut();
                transaction.commit().map_err(database_error)?;
                waiting.clear();
            }
        }
        Ok(result)
    }

    /// Opens a table that is found by folded addresses.
    fn by_folded_address(
        &self,
        name: TableDefinition<'_, &'static [u8], &'static [u8]>,
    ) -> Result<ReadOnlyTable<&'static [u8], &'static [u8]>, Error> {
        self.begin_read()?.open_table(name).map_err(database_error)
    }

    /// Begins to read what stands under the prefixes from one to another; returns also what of it
    /// waits for the index.
    fn reader(&self, first: Prefix, last: Prefix) -> Result<(Reader, Vec<u128>), Error> {
        let waiting = self.waiting();
        let reader = Reader::new(&self.begin_read()?)?;
        Ok((reader, waiting.between(first, last).to_vec()))
    }

    fn find(&self, query: Query<'_>) -> Result<Vec<StoredCertificate>, Error> {
        let (reader, waiting) = self.reader(query.prefix(), query.prefix())?;
        reader.find(query, waiting).map(newest_first)
    }
}

impl Store for Embedded {
    fn add_entries(
        &self,
        entries: &mut dyn Iterator<Item = Entry>,
        at: UnixTime,
    ) -> Result<Vec<Addition>, Error> {
        self.write(|tables| tables.add_entries(entries, at, self.limits))
    }

    fn certificate(&self, fingerprint: &[u8; 32]) -> Result<Option<StoredCertificate>, Error> {
        Ok(self.find(Query::Fingerprint(fingerprint))?.pop())
    }

    fn by_address(&self, address: &EmailAddress) -> Result<Vec<StoredCertificate>, Error> {
        self.find(Query::Address(address))
    }

    fn by_issuer_and_serial(
        &self,
        issuer: &[u8],
        serial: &[u8],
    ) -> Result<Vec<StoredCertificate>, Error> {
        self.find(Query::IssuerAndSerial { issuer, serial })
    }

    fn by_subject_key_id(&self, id: &[u8]) -> Result<Vec<StoredCertificate>, Error> {
        self.find(Query::SubjectKeyId(id))
    }

    fn by_public_key(&self, id: &[u8; 32]) -> Result<Vec<StoredCertificate>, Error> {
        self.find(Query::PublicKey(id))
    }

    fn authorities_by_subject(&self, subject: &[u8]) -> Result<Vec<StoredCertificate>, Error> {
        self.find(Query::Authority(subject))
    }

    fn expiring(&self, first: UnixTime, last: UnixTime) -> Result<Vec<StoredCertificate>, Error> {
        if first > last {
            return Ok(Vec::new());
        }
        let (first, last) = (Prefix::expiry(first), Prefix::expiry(last));
        let (reader, waiting) = self.reader(first, last)?;
        reader.between(first, last, waiting)
    }

    fn visit_certificates(
        &self,
        visit: &mut dyn FnMut(StoredCertificate) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        Reader::new(&self.begin_read()?)?.visit(visit)
    }

    fn anchors(&self) -> Result<Vec<StoredCertificate>, Error> {
        let transaction = self.begin_read()?;
        let anchors = transaction.open_table(ANCHORS).map_err(database_error)?;
        let reader = Reader::new(&transaction)?;
        let mut found = Vec::new();
        for entry in anchors.iter().map_err(database_error)? {
            let (id, _) = entry.map_err(database_error)?;
            found.push(reader.certificate(id.value())?);
        }
        Ok(found)
    }

    fn pins(&self, address: &EmailAddress) -> Result<Option<Vec<[u8; 32]>>, Error> {
        pins(&self.by_folded_address(PINS)?, &address.folded())
    }

    fn all_pins(&self) -> Result<Vec<Pin>, Error> {
        all_pins(&self.by_folded_address(PINS)?)
    }

    fn note_announcement(
        &self,
        address: &EmailAddress,
        announcement: &Announcement,
    ) -> Result<bool, Error> {
        self.write(|tables| tables.note_announcement(address, announcement))
    }

    fn announcement(&self, address: &EmailAddress) -> Result<Option<Announcement>, Error> {
        announcement_of(&self.by_folded_address(PEERS)?, &address.folded())
    }

    fn peers(&self) -> Result<Vec<Peer>, Error> {
        all_peers(&self.by_folded_address(PEERS)?)
    }

    fn quarantine(&self, certificate: &Quarantined) -> Result<Quarantining, Error> {
        self.write(|tables| tables.quarantine(certificate))
    }

    fn quarantined(&self) -> Result<Vec<Quarantined>, Error> {
        let table = self
            .begin_read()?
            .open_table(QUARANTINE)
            .map_err(database_error)?;
        all_quarantined(&table)
    }

    fn end_quarantine(&self, fingerprint: &[u8; 32]) -> Result<(), Error> {
        self.write(|tables| match tables.end_quarantine(*fingerprint)? {
            true => Ok(()),
            false => Err(Error::NotQuarantined(*fingerprint)),
        })
    }

    fn reject(&self, fingerprint: &[u8; 32]) -> Result<(), Error> {
        self.write(|tables| match tables.reject(*fingerprint)? {
            true => Ok(()),
            false => Err(Error::NotQuarantined(*fingerprint)),
        })
    }

    fn is_rejected(&self, certificate: &Certificate) -> Result<bool, Error> {
        let table = self.begin_read()?.open_table(REJECTED);
        is_rejected(&table.map_err(database_error)?, certificate)
    }

    fn add_key(
        &self,
        public_key: &PublicKey,
        key: &KeyAtRest,
        random: &dyn Random,
        at: UnixTime,
    ) -> Result<Addition, Error> {
        let id = public_key_id(public_key);
        let store_key = self.store_key();
        self.write(|tables| tables.add_key(&id, key, store_key.as_ref(), random, at))
    }

    fn key(&self, public_key_id: &[u8; 32]) -> Result<Option<KeyAtRest>, Error> {
        let held = self.store_key();
        let transaction = self.begin_read()?;
        let keys = transaction.open_table(KEYS).map_err(database_error)?;
        let Some(record) = keys.get(public_key_id).map_err(database_error)? else {
            return Ok(None);
        };
        let store_key = match protection::wrapped_store_key(&transaction)? {
            Some(_) => Some(held.as_ref().ok_or(Error::Sealed)?),
            None => None,
        };
        let (_, key) = read_key(public_key_id, record.value(), store_key)?;
        Ok(Some(key))
    }

    fn has_key(&self, public_key_id: &[u8; 32]) -> Result<bool, Error> {
        let keys = self
            .begin_read()?
            .open_table(KEYS)
            .map_err(database_error)?;
        Ok(keys.get(public_key_id).map_err(database_error)?.is_some())
    }

    fn key_ids(&self) -> Result<Vec<[u8; 32]>, Error> {
        let keys = self
            .begin_read()?
            .open_table(KEYS)
            .map_err(database_error)?;
        key_ids(&keys)
    }

    fn add_crl(&self, crl: &[u8], at: UnixTime) -> Result<Addition, Error> {
        let (key, record) = CrlRecord::of(crl, at)?;
        self.write(|tables| tables.add_crl(key, &record, crl))
    }

    fn crls(&self, issuer: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        let transaction = self.begin_read()?;
        let records = transaction
            .open_table(CRL_RECORDS)
            .map_err(database_error)?;
        let lists = transaction.open_table(CRLS).map_err(database_error)?;
        let mut found = Vec::new();
        for (CrlKey(key), record) in crl_records(&records, CrlKey::of_issuer(issuer))? {
            let der = lists.get(&key).map_err(database_error)?;
            let der = der.ok_or(Error::Damaged("crl"))?;
            found.push((record, der.value().to_vec()));
        }
        Ok(crl::newest_first(found))
    }

    fn defaults(&self, scope: &Scope) -> Result<Option<Defaults>, Error> {
        let table = self
            .begin_read()?
            .open_table(DEFAULTS)
            .map_err(database_error)?;
        let scope = scope.to_bytes();
        let record = table.get(scope.as_slice()).map_err(database_error)?;
        record
            .map(|record| read_defaults(record.value()))
            .transpose()
    }

    fn all_defaults(&self) -> Result<Vec<(Scope, Defaults)>, Error> {
        let table = self
            .begin_read()?
            .open_table(DEFAULTS)
            .map_err(database_error)?;
        let mut all = Vec::new();
        for entry in table.iter().map_err(database_error)? {
            let (scope, record) = entry.map_err(database_error)?;
            let scope = Scope::from_bytes(scope.value()).ok_or(Error::Damaged("scope"))?;
            all.push((scope, read_defaults(record.value())?));
        }
        all.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        Ok(all)
    }

    fn settings(&self) -> Result<Settings, Error> {
        let meta = self
            .begin_read()?
            .open_table(META)
            .map_err(database_error)?;
        let Some(record) = meta.get(SETTINGS).map_err(database_error)? else {
            return Ok(Settings::STANDARD);
        };
        serde_json::from_slice(record.value()).map_err(|_| Error::Damaged("settings"))
    }

    fn keep(&self, mail: &KeptMail) -> Result<u64, Error> {
        let record = KeptRecord::of(mail)?;
        self.write(|tables| tables.keep(mail, &record))
    }

    fn kept(&self, id: u64) -> Result<Option<KeptMail>, Error> {
        KeptReader::new(&self.begin_read()?)?.mail(id)
    }

    fn kept_sizes(&self) -> Result<Vec<(u64, u64)>, Error> {
        KeptReader::new(&self.begin_read()?)?.sizes()
    }

    fn visit_kept(
        &self,
        visit: &mut dyn FnMut(u64, KeptMail) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        KeptReader::new(&self.begin_read()?)?.visit(visit)
    }

    fn kept_wanting(&self, certificate: &Certificate) -> Result<Vec<u64>, Error> {
        let reader = KeptReader::new(&self.begin_read()?)?;
        reader.wanting(&fulfilled_by(certificate), |record| {
            record.wants_certificate(certificate)
        })
    }

    fn kept_wanting_issuer(&self, name: &[u8]) -> Result<Vec<u64>, Error> {
        let reader = KeptReader::new(&self.begin_read()?)?;
        reader.wanting(&[of_issuer(name)], |record| record.wants_issuer(name))
    }

    fn release(&self, id: u64) -> Result<(), Error> {
        self.write(|tables| match tables.release(id)? {
            true => Ok(()),
            false => Err(Error::NoSuchMail(id)),
        })
    }

    fn expire_kept(&self, now: UnixTime) -> Result<u64, Error> {
        self.write(|tables| tables.expire_kept(now))
    }

    fn change(
        &self,
        change: &Change<'_>,
        entry: &dyn Fn(&Changed) -> Option<Activity>,
    ) -> Result<Changed, Error> {
        self.write(|tables| {
            let changed = tables.change(change)?;
            if let Some(activity) = entry(&changed) {
                tables.record(&activity, self.actor.as_deref())?;
            }
            Ok(changed)
        })
    }

    fn record_all(&self, activities: &[Activity]) -> Result<(), Error> {
        self.write(|tables| {
            for activity in activities {
                tables.record(activity, self.actor.as_deref())?;
            }
            Ok(())
        })
    }

    fn visit_activities(
        &self,
        after: u64,
        visit: &mut dyn FnMut(Recorded) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let activity = self
            .begin_read()?
            .open_table(ACTIVITY)
            .map_err(database_error)?;
        let first = after.saturating_add(1);
        for entry in activity.range(first..).map_err(database_error)? {
            let (id, stored) = entry.map_err(database_error)?;
            if visit(read_entry(id.value(), stored.value())?).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn activities_of(&self, message_id: &str) -> Result<Vec<Recorded>, Error> {
        let transaction = self.begin_read()?;
        let activity = transaction.open_table(ACTIVITY).map_err(database_error)?;
        let ids = transaction
            .open_table(MESSAGE_IDS)
            .map_err(database_error)?;
        let prefix = Prefix::message_id(message_id);
        let mut found = Vec::new();
        for entry in tables::entries(&ids, prefix, prefix)? {
            let id = number(entry);
            let stored = activity.get(id).map_err(database_error)?;
            let stored = stored.ok_or(Error::LogBroken { id })?;
            found.push(read_entry(id, stored.value())?);
        }
        found.retain(|recorded| recorded.activity.message_id.as_deref() == Some(message_id));
        Ok(found)
    }

    fn check_log(&self) -> Result<(), Error> {
        let transaction = self.begin_read()?;
        let activity = transaction.open_table(ACTIVITY).map_err(database_error)?;
        let meta = transaction.open_table(META).map_err(database_error)?;
        let end = |name| tables::head(meta.get(name).map_err(database_error)?);
        let mut last = end(TAIL)?;
        for entry in activity.iter().map_err(database_error)? {
            let (id, stored) = entry.map_err(database_error)?;
            last = last.follow(id.value(), stored.value())?;
        }
        last.check_last(end(HEAD)?)
    }
}

/// Says nothing of what is in it.
impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").finish_non_exhaustive()
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        let waits = !self.waiting().entries().is_empty();
        if waits {
            // If it fails, opening the store does it.
            let _ = self.write(|tables| tables.index_waiting());
        }
    }
}

fn read_defaults(record: &[u8]) -> Result<Defaults, Error> {
    serde_json::from_slice(record).map_err(|_| Error::Damaged("defaults"))
}

/// Turns what the database says into this crate's errors, so that its types stay inside.
fn database_error(error: impl Into<redb::Error>) -> Error {
    match error.into() {
        // The file is shorter than it says.
        redb::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Error::Damaged("database file")
        }
        redb::Error::Io(error) => Error::Io(error),
        redb::Error::PreviousIo => Error::Io(io::Error::other("an earlier write failed")),
        redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => Error::Locked,
        redb::Error::Corrupted(_) | redb::Error::RepairAborted => Error::Damaged("database file"),
        redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TableIsNotMultimap(_)
        | redb::Error::TableDoesNotExist(_)
        | redb::Error::TypeDefinitionChanged { .. } => Error::Damaged("tables"),
        error => Error::Database(error.to_string()),
    }
}

/// Filled only by what is asked for, so that a mail's memory stays bounded whatever the store's
/// size; with a fourth of it, an import of 300 000 certificates took a seventh longer.
const CACHE: usize = 32 << 20;

/// What waits takes 16 bytes an entry, of which a certificate has six or seven.
const LIMITS: Limits = Limits {
    batch: 256,
    entries: 1_200_000,
};
