use std::{
    fs::{DirBuilder, File, OpenOptions},
    path::Path,
};

use redb::{Database, ReadTransaction, ReadableDatabase as _, TableDefinition, TableHandle as _};

use super::{
    database_error,
    protection::wrapped_store_key,
    tables::{self, INDEX, MESSAGE_IDS, META, SCHEMA, Tables, WAITING, kept::KEPT_SIZES},
    waiting::{Limits, Waiting},
};
use crate::Error;

/// Opens a file that may hold a store, and makes it, with its folder, where there is none.
pub(super) fn open_file(path: &Path) -> Result<File, Error> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        make_folder(folder)?;
    }
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

/// Brings a database into today's layout: a new one, one of an earlier layout, one without tables
/// that came later, and one that was left while certificates waited for the index.
pub(super) fn prepare(database: &Database, limits: Limits) -> Result<(), Error> {
    if is_new(database)? {
        change(database, |tables| {
            tables.set_meta(SCHEMA, &SCHEMA_VERSION.to_be_bytes())
        })?;
    }
    let transaction = database.begin_read().map_err(database_error)?;
    match schema(&transaction)? {
        layout @ (SCHEMA_VERSION | SEALED_SCHEMA_VERSION) => {
            let has_store_key = wrapped_store_key(&transaction)?.is_some();
            if has_store_key != (layout == SEALED_SCHEMA_VERSION) {
                return Err(Error::Damaged("store key"));
            }
        }
        1 | 2 => forget_index(database)?,
        found => {
            return Err(Error::SchemaVersion {
                found,
                expected: SEALED_SCHEMA_VERSION,
            });
        }
    }
    let lacking = lacking_tables(database)?;
    if !lacking.is_empty() {
        // Opening a table makes it.
        change(database, |tables| {
            if lacking.contains(&MESSAGE_IDS.name().to_owned()) {
                tables.index_message_ids()?;
            }
            if lacking.contains(&KEPT_SIZES.name().to_owned()) {
                tables.note_kept_sizes()?;
            }
            Ok(())
        })?;
    }
    while has_waiting(database)? {
        change(database, |tables| tables.index_some(limits))?;
    }
    Ok(())
}

/// A database of some other program is not new: it has tables, and none of ours.
fn is_new(database: &Database) -> Result<bool, Error> {
    let transaction = database.begin_read().map_err(database_error)?;
    let names = names_of_tables(&transaction)?;
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

fn lacking_tables(database: &Database) -> Result<Vec<String>, Error> {
    let present = names_of_tables(&database.begin_read().map_err(database_error)?)?;
    let wanted = tables::names().into_iter().map(str::to_owned);
    Ok(wanted.filter(|name| !present.contains(name)).collect())
}

pub(super) fn names_of_tables(transaction: &ReadTransaction) -> Result<Vec<String>, Error> {
    let tables = transaction.list_tables().map_err(database_error)?;
    Ok(tables.map(|table| table.name().to_owned()).collect())
}

pub(super) fn schema(transaction: &ReadTransaction) -> Result<u64, Error> {
    let meta = transaction
        .open_table(META)
        .map_err(|_| Error::ForeignFile)?;
    let value = meta
        .get(SCHEMA)
        .map_err(database_error)?
        .ok_or(Error::ForeignFile)?;
    let bytes = <[u8; 8]>::try_from(value.value()).map_err(|_| Error::ForeignFile)?;
    Ok(u64::from_be_bytes(bytes))
}

fn has_waiting(database: &Database) -> Result<bool, Error> {
    let transaction = database.begin_read().map_err(database_error)?;
    let meta = transaction.open_table(META).map_err(database_error)?;
    Ok(meta.get(WAITING).map_err(database_error)?.is_some())
}

/// Takes away the index of layouts 1 and 2, in which all else is as it is today, and lets every
/// certificate wait for the new one.
pub(super) fn forget_index(database: &Database) -> Result<(), Error> {
    let transaction = database.begin_write().map_err(database_error)?;
    for name in [FINGERPRINTS.name(), INDEX.name()] {
        transaction
            .delete_table(TableDefinition::<u64, u64>::new(name))
            .map_err(database_error)?;
    }
    let waiting = Waiting::default();
    let mut tables = Tables::open(&transaction, &waiting)?;
    tables.forget_index()?;
    tables.index_message_ids()?;
    tables.set_meta(SCHEMA, &SCHEMA_VERSION.to_be_bytes())?;
    drop(tables);
    transaction.commit().map_err(database_error)
}

fn change<T>(
    database: &Database,
    change: impl FnOnce(&mut Tables<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let transaction = database.begin_write().map_err(database_error)?;
    let result = change(&mut Tables::open(&transaction, &Waiting::default())?)?;
    transaction.commit().map_err(database_error)?;
    Ok(result)
}

/// The layout of the tables; another number is another layout.
const SCHEMA_VERSION: u64 = 3;

/// The same with a store key. The number differs so that a program that knows of none refuses the
/// store, instead of taking sealed keys for damaged ones and adding keys without a seal.
pub(super) const SEALED_SCHEMA_VERSION: u64 = 4;

/// In layouts 1 and 2: SHA-256 → number.
const FINGERPRINTS: TableDefinition<'_, &[u8; 32], u64> = TableDefinition::new("fingerprints");
