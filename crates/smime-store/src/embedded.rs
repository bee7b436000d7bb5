use std::{
    fmt,
    fs::{DirBuilder, File, OpenOptions},
    io::Read as _,
    path::Path,
};

use redb::{
    Database, ReadTransaction, ReadableDatabase as _, ReadableTable, StorageBackend,
    TableHandle as _, backends::FileBackend,
};
use smime_crypto::{ProtectedKey, PublicKey, UnixTime};
use smime_x509::{Certificate, EmailAddress};

use crate::{
    Activity, Addition, Entry, Error, Recorded, Store, StoredCertificate, Trust,
    activity::{Head, read_entry},
    index::{Query, public_key_id},
    record::newest_first,
};
use tables::{ACTIVITY, ANCHORS, CERTIFICATES, FINGERPRINTS, HEAD, INDEX, KEYS, META, SCHEMA};

mod tables;
#[cfg(test)]
mod tests;

/// A store in one file: transactional, durable when a method returns, whole again after a crash.
///
/// One process has it open at a time.
pub struct Embedded {
    database: Database,
}

impl Embedded {
    /// Opens the store in the file at `path`, and makes it, with its folder, where there is none.
    ///
    /// What is made is for its owner alone (mode 0600, folders 0700) where files have modes; what
    /// exists keeps its mode.
    ///
    /// # Errors
    /// [`Error::Locked`] when it is open already, [`Error::ForeignFile`] when the file is something
    /// else, [`Error::SchemaVersion`], [`Error::Io`], [`Error::Damaged`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            make_folder(folder)?;
        }
        let file = open_file(path)?;
        check_is_database(&file)?;
        let backend = FileBackend::new(file).map_err(database_error)?;
        Self::with_backend(backend)
    }

    fn with_backend(backend: impl StorageBackend) -> Result<Self, Error> {
        let database = Database::builder()
            .set_cache_size(CACHE)
            .create_with_backend(backend)
            .map_err(database_error)?;
        let store = Self { database };
        if store.is_new()? {
            store.make_tables()?;
        }
        store.check_schema()?;
        Ok(store)
    }

    /// A database of some other program is not new: it has tables, and none of ours.
    fn is_new(&self) -> Result<bool, Error> {
        let transaction = self.begin_read()?;
        let names: Vec<String> = transaction
            .list_tables()
            .map_err(database_error)?
            .map(|table| table.name().to_owned())
            .collect();
        let multimaps = transaction
            .list_multimap_tables()
            .map_err(database_error)?
            .count();
        if names.is_empty() && multimaps == 0 {
            return Ok(true);
        }
        if names.iter().any(|name| name == META.name()) {
            Ok(false)
        } else {
            Err(Error::ForeignFile)
        }
    }

    fn make_tables(&self) -> Result<(), Error> {
        self.write(|tables| tables.set_meta(SCHEMA, &SCHEMA_VERSION.to_be_bytes()))
    }

    fn check_schema(&self) -> Result<(), Error> {
        let transaction = self.begin_read()?;
        let meta = transaction
            .open_table(META)
            .map_err(|_| Error::ForeignFile)?;
        let value = meta
            .get(SCHEMA)
            .map_err(database_error)?
            .ok_or(Error::ForeignFile)?;
        let found = <[u8; 8]>::try_from(value.value()).map_err(|_| Error::ForeignFile)?;
        match u64::from_be_bytes(found) {
            SCHEMA_VERSION => Ok(()),
            found => Err(Error::SchemaVersion {
                found,
                expected: SCHEMA_VERSION,
            }),
        }
    }

    fn begin_read(&self) -> Result<ReadTransaction, Error> {
        self.database.begin_read().map_err(database_error)
    }

    /// Runs `change` in one transaction: what it did stays if it succeeds, nothing of it if not.
    fn write<T>(
        &self,
        change: impl FnOnce(&mut tables::Tables<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let transaction = self.database.begin_write().map_err(database_error)?;
        // Dropping an uncommitted transaction aborts it.
        let result = change(&mut tables::Tables::open(&transaction)?)?;
        transaction.commit().map_err(database_error)?;
        Ok(result)
    }

    fn find(&self, query: Query<'_>) -> Result<Vec<StoredCertificate>, Error> {
        let reader = Reader::new(&self.begin_read()?)?;
        let (first, last) = tables::index_range(&query.prefix());
        let mut found = Vec::new();
        for entry in reader
            .index
            .range::<&tables::IndexKey>(&first..=&last)
            .map_err(database_error)?
        {
            let (key, _) = entry.map_err(database_error)?;
            let stored = reader.certificate(tables::index_id(key.value()))?;
            if query.matches(&stored.certificate) {
                found.push(stored);
            }
        }
        Ok(newest_first(found))
    }
}

impl Store for Embedded {
    fn add_entries(
        &self,
        entries: &mut dyn Iterator<Item = Entry>,
        at: UnixTime,
    ) -> Result<Vec<Addition>, Error> {
        self.write(|tables| tables.add_entries(entries, at))
    }

    fn certificate(&self, fingerprint: &[u8; 32]) -> Result<Option<StoredCertificate>, Error> {
        let transaction = self.begin_read()?;
        let fingerprints = transaction
            .open_table(FINGERPRINTS)
            .map_err(database_error)?;
        let Some(id) = fingerprints.get(fingerprint).map_err(database_error)? else {
            return Ok(None);
        };
        Reader::new(&transaction)?.certificate(id.value()).map(Some)
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

    fn certificates(&self) -> Result<Vec<StoredCertificate>, Error> {
        let reader = Reader::new(&self.begin_read()?)?;
        let mut all = Vec::new();
        for entry in reader.certificates.iter().map_err(database_error)? {
            let (_, record) = entry.map_err(database_error)?;
            all.push(reader.record(record.value())?);
        }
        Ok(all)
    }

    fn set_trust_of(&self, fingerprints: &[[u8; 32]], trust: Trust) -> Result<(), Error> {
        self.write(|tables| {
            fingerprints
                .iter()
                .try_for_each(|fingerprint| tables.set_trust(fingerprint, trust))
        })
    }

    fn anchors(&self) -> Result<Vec<Certificate>, Error> {
        let transaction = self.begin_read()?;
        let anchors = transaction.open_table(ANCHORS).map_err(database_error)?;
        let reader = Reader::new(&transaction)?;
        let mut found = Vec::new();
        for entry in anchors.iter().map_err(database_error)? {
            let (id, _) = entry.map_err(database_error)?;
            found.push(reader.certificate(id.value())?.certificate);
        }
        Ok(found)
    }

    fn add_key(
        &self,
        public_key: &PublicKey,
        key: &ProtectedKey,
        at: UnixTime,
    ) -> Result<Addition, Error> {
        self.write(|tables| tables.add_key(&public_key_id(public_key), key.der(), at))
    }

    fn key(&self, public_key_id: &[u8; 32]) -> Result<Option<ProtectedKey>, Error> {
        let keys = self
            .begin_read()?
            .open_table(KEYS)
            .map_err(database_error)?;
        let Some(record) = keys.get(public_key_id).map_err(database_error)? else {
            return Ok(None);
        };
        let (_, der) = tables::split_key_record(record.value())?;
        Ok(Some(ProtectedKey::from_der(der)?))
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
        let mut ids = Vec::new();
        for entry in keys.iter().map_err(database_error)? {
            let (id, _) = entry.map_err(database_error)?;
            ids.push(*id.value());
        }
        Ok(ids)
    }

    fn record(&self, activity: &Activity) -> Result<u64, Error> {
        self.write(|tables| tables.record(activity))
    }

    fn activities(&self) -> Result<Vec<Recorded>, Error> {
        let activity = self
            .begin_read()?
            .open_table(ACTIVITY)
            .map_err(database_error)?;
        let mut entries = Vec::new();
        for entry in activity.iter().map_err(database_error)? {
            let (id, stored) = entry.map_err(database_error)?;
            entries.push(read_entry(id.value(), stored.value())?);
        }
        Ok(entries)
    }

    fn check_log(&self) -> Result<(), Error> {
        let transaction = self.begin_read()?;
        let activity = transaction.open_table(ACTIVITY).map_err(database_error)?;
        let meta = transaction.open_table(META).map_err(database_error)?;
        let mut last = Head::default();
        for entry in activity.iter().map_err(database_error)? {
            let (id, stored) = entry.map_err(database_error)?;
            last = last.follow(id.value(), stored.value())?;
        }
        last.check_last(tables::head(meta.get(HEAD).map_err(database_error)?)?)
    }
}

/// Says nothing of what is in it.
impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").finish_non_exhaustive()
    }
}

/// The tables that reading a certificate takes, as of one moment.
struct Reader {
    certificates: redb::ReadOnlyTable<u64, &'static [u8]>,
    index: redb::ReadOnlyTable<&'static tables::IndexKey, ()>,
    keys: redb::ReadOnlyTable<&'static [u8; 32], &'static [u8]>,
}

impl Reader {
    fn new(transaction: &ReadTransaction) -> Result<Self, Error> {
        Ok(Self {
            certificates: transaction
                .open_table(CERTIFICATES)
                .map_err(database_error)?,
            index: transaction.open_table(INDEX).map_err(database_error)?,
            keys: transaction.open_table(KEYS).map_err(database_error)?,
        })
    }

    fn certificate(&self, id: u64) -> Result<StoredCertificate, Error> {
        let record = self.certificates.get(id).map_err(database_error)?;
        self.record(
            record
                .ok_or(Error::Damaged("index names a missing certificate"))?
                .value(),
        )
    }

    fn record(&self, record: &[u8]) -> Result<StoredCertificate, Error> {
        let record = tables::CertificateRecord::read(record)?;
        let certificate =
            Certificate::from_der(record.der).map_err(|_| Error::Damaged("certificate"))?;
        let id = public_key_id(certificate.public_key());
        let has_key = self.keys.get(&id).map_err(database_error)?.is_some();
        Ok(StoredCertificate {
            certificate,
            added: record.added,
            trust: record.trust,
            has_key,
        })
    }
}

fn open_file(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    Ok(options.open(path)?)
}

fn make_folder(folder: &Path) -> Result<(), Error> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    Ok(builder.create(folder)?)
}

/// Tells a file of another kind from a damaged store, which the database cannot.
fn check_is_database(mut file: &File) -> Result<(), Error> {
    let mut start = Vec::with_capacity(MAGIC.len());
    let length = u64::try_from(MAGIC.len()).unwrap_or(u64::MAX);
    file.by_ref().take(length).read_to_end(&mut start)?;
    if start.is_empty() || start == MAGIC {
        Ok(())
    } else {
        Err(Error::ForeignFile)
    }
}

/// Turns what the database says into this crate's errors, so that its types stay inside.
fn database_error(error: impl Into<redb::Error>) -> Error {
    match error.into() {
        redb::Error::Io(error) => Error::Io(error),
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

/// The layout of the tables; another number is another layout.
const SCHEMA_VERSION: u64 = 2;

/// How a file of the database begins.
const MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";
