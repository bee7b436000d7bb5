use crate::index::{MAX_NUMBER, Prefix};

/// The index entries of certificates that are stored and not in the index yet.
///
/// The entries of one batch fall all over the index, so that each batch of an import would write
/// most of it again. They wait here for those of more batches instead. Nothing is lost with them:
/// the store says from which certificate on they are to be computed anew.
#[derive(Default)]
pub(super) struct Waiting {
    /// In ascending order.
    entries: Vec<u128>,
}

/// What becomes of what waits when a change is made.
pub(super) enum Then {
    /// It goes on waiting.
    Waits,
    /// These entries wait too.
    WaitsWith(Vec<u128>),
    /// The change brought all of it into the index.
    Indexed,
    /// The same, and it deleted certificates: their entries lead nowhere when it is made.
    IndexedAndLess,
}

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Certificates in a batch whose entries wait; those of fewer do not.
    pub(super) batch: usize,
    /// Entries of all batches together.
    pub(super) entries: usize,
}

impl Waiting {
    pub(super) fn entries(&self) -> &[u128] {
        &self.entries
    }

    /// Returns the entries that wait from one prefix to another, in ascending order.
    pub(super) fn between(&self, first: Prefix, last: Prefix) -> &[u128] {
        let (first, last) = (first.entry(0), last.entry(MAX_NUMBER));
        let start = self.entries.partition_point(|entry| *entry < first);
        let end = self.entries.partition_point(|entry| *entry <= last);
        self.entries.get(start..end).unwrap_or_default()
    }

    /// Adds entries in ascending order.
    pub(super) fn add(&mut self, entries: &[u128]) {
        self.entries.extend_from_slice(entries);
        // Two ascending sequences, which a stable sort merges.
        self.entries.sort();
    }

    pub(super) fn clear(&mut self) {
        self.entries = Vec::new();
    }
}
