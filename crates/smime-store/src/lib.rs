//! Keeps certificates, keys, anchors, pins, what was learned from mail, revocation lists, the
//! activity log, and mail that is to be judged again.
//!
//! This crate does **not** judge: whether a certificate's chain holds or a key may sign is for the
//! crates beside and above it. It fetches nothing, reads no clock and reads no mail. Records hold
//! codes, fingerprints, times and digests; content only of a [`KeptMail`], as it was received, and
//! a private key under its own passphrase, a store key, or both ([`KeyAtRest`]).
//!
//! Reading order: [`Store`] is the trait with its records, [`Memory`] and [`Embedded`] implement
//! it, [`items`] and [`visit_items`] say what a file holds, [`import`] and [`import_key`] put it into a store.

mod activity;
mod arrivals;
mod change;
mod crl;
mod defaults;
mod embedded;
mod error;
mod import;
mod index;
mod kept;
#[cfg(test)]
#[allow(dead_code)] // shared with the tests of the public interface, which use more of it
#[path = "../tests/conformance/making.rs"]
mod making;
mod memory;
mod peer;
mod record;
mod settings;
mod store;
mod store_key;

pub use activity::{Activity, Direction, Operation, Outcome, Recorded};
pub use arrivals::Arrivals;
pub use change::{Change, Changed};
pub use defaults::{Binding, Defaults, Impossible, Level, Mode, Scope};
pub use embedded::{Embedded, StoreSummary};
pub use error::Error;
pub use import::{
    CrlImport, ImportError, ImportEvent, ImportOptions, ImportOutcome, ImportSummary, Imported,
    Item, ItemKind, ItemOutcome, ItemRef, KeyImport, KeyOutcome, Progress, import, import_key,
    items, visit_items,
};
pub use index::{Entry, public_key_id};
pub use kept::{KeptMail, Want};
pub use memory::Memory;
pub use peer::{Announcement, Peer, Quarantined, Quarantining};
pub use record::{Addition, KeysOfDeleted, MailUse, Pin, StoredCertificate, Trust};
pub use settings::Settings;
pub use store::Store;
pub use store_key::{KeyAtRest, KeyFile, StoreKeyKind, StoreKeySource};
