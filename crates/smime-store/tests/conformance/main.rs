//! The rules of [`smime_store::Store`] and of the imports, over every implementation of the store
//! and by their public interface alone.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a panic is how a test fails

mod address_books;
mod certificates;
mod containers;
mod crls;
mod defaults;
mod files;
mod import;
mod items;
mod kept;
mod keys;
mod log;
mod making;
mod peers;
mod pins;
mod positions;
mod sealed;

use std::path::PathBuf;

use smime_store::{Embedded, Memory, Store};
use tempfile::TempDir;

/// A fresh store; one in a file can be closed and opened again.
struct Place {
    store: Option<Box<dyn Store>>,
    folder: Option<TempDir>,
}

impl Place {
    fn memory() -> Self {
        Self {
            store: Some(Box::new(Memory::new())),
            folder: None,
        }
    }

    fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut place = Self {
            store: None,
            folder: Some(folder),
        };
        place.reopen();
        place
    }

    fn path(&self) -> Option<PathBuf> {
        self.folder
            .as_ref()
            .map(|folder| folder.path().join("store.redb"))
    }

    fn store(&self) -> &dyn Store {
        &**self.store.as_ref().unwrap()
    }

    fn reopen(&mut self) {
        if let Some(path) = self.path() {
            self.store = None;
            self.store = Some(Box::new(Embedded::open(&path).unwrap()));
        }
    }
}

/// Runs a test on an empty store of every kind.
fn on_every_store(test: impl Fn(&mut Place)) {
    test(&mut Place::memory());
    test(&mut Place::file());
}
