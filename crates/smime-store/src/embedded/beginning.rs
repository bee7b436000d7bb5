use std::{
    io,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redb::{BackendError, Database, StorageBackend};

use super::database_error;
use crate::Error;

/// Tells a file of another kind from a damaged store, which the database cannot; and empties one
/// that the database was making when the process was killed, so that it begins anew.
///
/// Such a file has the length and the bytes of one that the database makes, before it says what it
/// is. Who is making one now holds it, and then this is [`Error::Locked`].
pub(super) fn begin(backend: &impl StorageBackend) -> Result<(), Error> {
    if is_database(backend)? {
        return Ok(());
    }
    let held = match backend.try_lock_range(Bound::Unbounded, Bound::Unbounded) {
        Ok(true) => true,
        Ok(false) => return Err(Error::Locked),
        // There are no locks, so nobody can wait for one.
        Err(BackendError::Unsupported) => false,
        Err(error) => return Err(backend_error(error)),
    };
    let begun = begin_anew(backend);
    if held {
        backend
            .unlock_range(Bound::Unbounded, Bound::Unbounded)
            .map_err(backend_error)?;
    }
    begun
}

fn begin_anew(backend: &impl StorageBackend) -> Result<(), Error> {
    // It may have become a store since.
    if is_database(backend)? {
        return Ok(());
    }
    if !Beginning::of_the_database().is_all_of(backend)? {
        return Err(Error::ForeignFile);
    }
    Ok(backend.set_len(0)?)
}

/// Says whether a file is empty or begins as those of the database do.
fn is_database(backend: &impl StorageBackend) -> Result<bool, Error> {
    let length = backend.len()?;
    let start = usize::try_from(length).map_or(MAGIC.len(), |length| length.min(MAGIC.len()));
    let mut start = vec![0; start];
    backend.read(0, &mut start)?;
    Ok(start.is_empty() || start == MAGIC)
}

/// What the database makes of an empty file before it writes how its files begin.
#[derive(Clone, Debug, Default)]
struct Beginning(Arc<Mutex<Begun>>);

#[derive(Debug, Default)]
struct Begun {
    length: u64,
    /// How the file begins; all that follows is zero.
    header: Vec<u8>,
}

impl Beginning {
    /// Lets the database begin, and stops it there.
    fn of_the_database() -> Self {
        let beginning = Self::default();
        // It fails when it wants to be sure that what it wrote is on the disk.
        let _ = Database::builder().create_with_backend(beginning.clone());
        beginning
    }

    fn begun(&self) -> MutexGuard<'_, Begun> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether a file is this, with the header written or not yet.
    fn is_all_of(&self, backend: &impl StorageBackend) -> Result<bool, Error> {
        let begun = self.begun();
        if begun.header.is_empty() || backend.len()? != begun.length {
            return Ok(false);
        }
        let mut header = vec![0; begun.header.len()];
        backend.read(0, &mut header)?;
        if header != begun.header && !is_zero(&header) {
            return Ok(false);
        }
        let mut at = u64::try_from(header.len()).unwrap_or(u64::MAX);
        let mut piece = vec![0; PIECE];
        while at < begun.length {
            let left = begun.length.saturating_sub(at);
            piece.truncate(usize::try_from(left).unwrap_or(PIECE));
            backend.read(at, &mut piece)?;
            if !is_zero(&piece) {
                return Ok(false);
            }
            at = at.saturating_add(u64::try_from(piece.len()).unwrap_or(left));
        }
        Ok(true)
    }
}

impl StorageBackend for Beginning {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.begun().length)
    }

    fn read(&self, _: u64, _: &mut [u8]) -> Result<(), io::Error> {
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    fn set_len(&self, length: u64) -> Result<(), io::Error> {
        self.begun().length = length;
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        Err(io::ErrorKind::Interrupted.into())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        if offset != 0 || !self.begun().header.is_empty() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        self.begun().header = data.to_vec();
        Ok(())
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn backend_error(error: BackendError) -> Error {
    match error {
        BackendError::Io(error) => Error::Io(error),
        error => database_error(redb::Error::Io(io::Error::other(error.to_string()))),
    }
}

/// How a file of the database begins.
const MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";

/// Bytes that are read at a time.
const PIECE: usize = 64 << 10;
