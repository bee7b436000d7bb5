//! Keeps certificates, keys, anchors and the activity log.
//!
//! This crate does **not** judge: whether a certificate's chain holds or a key may sign is for the
//! crates beside and above it. It fetches nothing, reads no clock and knows no mail. Records hold
//! codes, fingerprints, times and digests; never content, and a private key only as
//! [`ProtectedKey`](smime_crypto::ProtectedKey).
//!
//! Reading order: [`Store`] is the trait with its records, [`Memory`] and [`Embedded`] implement
//! it, [`items`] and [`visit_items`] say what a file holds, [`import`] and [`import_key`] put it into a store.

mod activity;
mod defaults;
mod embedded;
mod error;
mod import;
mod index;
#[cfg(test)]
#[allow(dead_code)] // shared with the tests of the public interface, which use more of it
#[path = "../tests/conformance/making.rs"]
mod making;
mod memory;
mod record;
mod store;

pub use activity::{Activity, Direction, Operation, Outcome, Recorded};
pub use defaults::{Binding, Defaults, Impossible, Level, Mode, Scope};
pub use embedded::Embedded;
pub use error::Error;
pub use import::{
    ImportError, ImportEvent, ImportOptions, ImportOutcome, ImportSummary, Item, ItemKind,
    ItemOutcome, ItemRef, KeyImport, KeyOutcome, Progress, import, import_key, items, visit_items,
};
pub use index::{Entry, public_key_id};
pub use memory::Memory;
pub use record::{Addition, KeysOfDeleted, StoredCertificate, Trust};
pub use store::Store;
