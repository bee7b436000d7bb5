//! The embedded store of a command, and what opens its store key.

use std::{
    env, fs,
    io::{self, IsTerminal as _, Write as _},
    ops::Deref,
    path::Path,
    thread,
    time::Duration,
};

use smime::{
    crypto::{OsRandom, Secret},
    store::{Embedded, Error, KeyFile, Memory, Store, StoreKeyKind, StoreKeySource},
};
use tempfile::NamedTempFile;

use crate::{
    args::Global,
    context::{Asked, ask, ask_twice, given_passphrase, not_empty},
    failure::{Failure, Kind},
    input,
    output::{folder_of, sync_folder},
    report::Report,
};

/// Where a command finds certificates and keys.
#[derive(Debug)]
pub(crate) enum Place {
    Embedded(Box<Embedded>),
    Memory(Box<Memory>),
}

impl Deref for Place {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Embedded(store) => &**store,
            Self::Memory(store) => &**store,
        }
    }
}

impl Place {
    /// Opens the store in a file, and makes it when absent; waits some seconds for another process
    /// that has it open.
    pub(crate) fn open(path: &Path, global: &Global) -> Result<Self, Failure> {
        let mut tries_left = TRIES;
        loop {
            match Embedded::open(path) {
                Ok(store) => {
                    let store = match actor(global) {
                        Some(who) => store.acting_for(&who),
                        None => store,
                    };
                    return Ok(Self::Embedded(Box::new(store)));
                }
                Err(Error::Locked) if tries_left > 0 => {
                    if tries_left == TRIES {
                        Report::new(global)
                            .remark("waiting for another process to leave the store");
                    }
                    tries_left -= 1;
                    thread::sleep(BETWEEN_TRIES);
                }
                Err(error) => {
                    let failure = Failure::from(&error);
                    let detail = format!("{}: {}", path.display(), failure.detail);
                    return Err(Failure { detail, ..failure });
                }
            }
        }
    }

    /// Returns what opens the store key, if this is a store that has one.
    pub(crate) fn store_key_kind(&self) -> Result<Option<StoreKeyKind>, Failure> {
        match self {
            Self::Embedded(store) => Ok(store.store_key_kind()?),
            Self::Memory(_) => Ok(None),
        }
    }

    /// Opens the store key with what the command line gives; says whether it gives anything.
    pub(crate) fn unlock(&self, global: &Global) -> Result<Asked, Failure> {
        match (self, Opener::given(global)?) {
            (Self::Embedded(store), Some(opener)) => {
                store.unlock(opener.source())?;
                Ok(Asked::Yes)
            }
            _ => Ok(Asked::No),
        }
    }

    /// Asks for the passphrase of the store key, if one opens it and there is a terminal.
    pub(crate) fn ask_store_key(&self) -> Result<Asked, Failure> {
        let Self::Embedded(store) = self else {
            return Ok(Asked::No);
        };
        let by_passphrase = store.store_key_kind()? == Some(StoreKeyKind::Passphrase);
        if !by_passphrase || !io::stdin().is_terminal() {
            return Ok(Asked::No);
        }
        let passphrase = ask(STORE_PROMPT)?;
        store.unlock(StoreKeySource::Passphrase(&passphrase))?;
        Ok(Asked::Yes)
    }
}

/// What opens a store key.
pub(crate) enum Opener {
    Passphrase(Secret),
    KeyFile(KeyFile),
}

impl Opener {
    /// Returns what the command line or the environment gives, if anything.
    pub(crate) fn given(global: &Global) -> Result<Option<Self>, Failure> {
        let options = &global.store_key;
        if let Some(path) = &options.store_key_file {
            return Self::of_file(path).map(Some);
        }
        let (file, variable) = (
            &options.store_passphrase_file,
            &options.store_passphrase_env,
        );
        let passphrase = given_passphrase(file.as_deref(), variable.as_deref())?;
        Ok(passphrase.map(Self::Passphrase))
    }

    /// Returns what is given, or asks for the passphrase on a terminal.
    pub(crate) fn given_or_asked(global: &Global) -> Result<Self, Failure> {
        match Self::given(global)? {
            Some(opener) => Ok(opener),
            None if io::stdin().is_terminal() => Ok(Self::Passphrase(ask(STORE_PROMPT)?)),
            None => Err(Error::Sealed.into()),
        }
    }

    /// Returns a new passphrase that is given, or asks for it twice on a terminal.
    pub(crate) fn new_passphrase(
        file: Option<&Path>,
        variable: Option<&str>,
    ) -> Result<Self, Failure> {
        let passphrase = match given_passphrase(file, variable)? {
            Some(passphrase) => not_empty(passphrase)?,
            None => ask_twice("new passphrase of the store: ")?,
        };
        Ok(Self::Passphrase(passphrase))
    }

    /// Reads a key file, and makes it when absent.
    pub(crate) fn of_new_file(path: &Path) -> Result<Self, Failure> {
        if path.exists() {
            return Self::of_file(path);
        }
        let key = KeyFile::new(&OsRandom)?;
        write_new(path, &key.content()).map_err(|error| {
            let detail = format!("{}: {error}", path.display());
            Failure::new(Kind::Other, "output.unwritable", detail)
        })?;
        Ok(Self::KeyFile(key))
    }

    fn of_file(path: &Path) -> Result<Self, Failure> {
        let content = Secret::new(input::bytes(path)?);
        let key = KeyFile::read(content.expose()).map_err(|error| {
            let failure = Failure::from(&error);
            let detail = format!("{}: {}", path.display(), failure.detail);
            Failure { detail, ..failure }
        })?;
        Ok(Self::KeyFile(key))
    }

    pub(crate) fn source(&self) -> StoreKeySource<'_> {
        match self {
            Self::Passphrase(passphrase) => StoreKeySource::Passphrase(passphrase),
            Self::KeyFile(key) => StoreKeySource::KeyFile(key),
        }
    }
}

/// Writes a file for its owner alone, that appears whole or not at all and never over another, and
/// durable with its name: what is sealed next cannot be opened without it.
fn write_new(path: &Path, content: &Secret) -> io::Result<()> {
    // For its owner alone from the beginning.
    let mut temporary = NamedTempFile::new_in(folder_of(path))?;
    temporary.write_all(content.expose())?;
    temporary.as_file().sync_all()?;
    temporary.persist_noclobber(path)?;
    let synced = sync_folder(path);
    if synced.is_err() {
        // Nothing is sealed by it yet.
        let _ = fs::remove_file(path);
    }
    synced
}

/// Returns who acts: whoever the command line or the environment names.
#[allow(clippy::disallowed_methods)] // the program reads the environment, the library does not
fn actor(global: &Global) -> Option<String> {
    let user = || {
        ["USER", "USERNAME"]
            .into_iter()
            .find_map(|it| env::var(it).ok())
    };
    global.actor.clone().or_else(user)
}

const STORE_PROMPT: &str = "passphrase of the store: ";

/// Five seconds in all: most commands are done with the store by then.
const TRIES: u32 = 50;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);
