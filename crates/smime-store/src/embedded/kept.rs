use std::{collections::BTreeSet, ops::ControlFlow};

use redb::{ReadOnlyTable, ReadTransaction, ReadableTable as _};

use super::{
    database_error,
    tables::{
        entries,
        kept::{KEPT, KEPT_INDEX, KEPT_MESSAGES, KEPT_SIZES, MISSING},
    },
};
use crate::{
    Error, KeptMail,
    index::{Prefix, number},
    kept::KeptRecord,
};

/// The tables that reading kept mail takes, as of one moment.
pub(super) struct KeptReader {
    records: ReadOnlyTable<u64, &'static [u8]>,
    messages: ReadOnlyTable<u64, &'static [u8]>,
    index: ReadOnlyTable<u128, ()>,
    sizes: ReadOnlyTable<u64, u64>,
}

impl KeptReader {
    pub(super) fn new(transaction: &ReadTransaction) -> Result<Self, Error> {
        Ok(Self {
            records: transaction.open_table(KEPT).map_err(database_error)?,
            messages: transaction
                .open_table(KEPT_MESSAGES)
                .map_err(database_error)?,
            index: transaction.open_table(KEPT_INDEX).map_err(database_error)?,
            sizes: transaction.open_table(KEPT_SIZES).map_err(database_error)?,
        })
    }

    pub(super) fn mail(&self, id: u64) -> Result<Option<KeptMail>, Error> {
        let record = self.record(id)?;
        let mail = record.map(|record| self.with_message(id, record));
        mail.transpose()
    }

    /// Calls `visit` with every mail, in the order of their numbers, until it breaks off.
    pub(super) fn visit(
        &self,
        visit: &mut dyn FnMut(u64, KeptMail) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        for entry in self.records.iter().map_err(database_error)? {
            let (id, record) = entry.map_err(database_error)?;
            let record = KeptRecord::from_json(record.value())?;
            let mail = self.with_message(id.value(), record)?;
            if visit(id.value(), mail).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Returns the number of every mail, in ascending order, and how many bytes it has.
    pub(super) fn sizes(&self) -> Result<Vec<(u64, u64)>, Error> {
        let mut sizes = Vec::new();
        for entry in self.sizes.iter().map_err(database_error)? {
            let (id, size) = entry.map_err(database_error)?;
            sizes.push((id.value(), size.value()));
        }
        Ok(sizes)
    }

    /// Returns the numbers of the mails that stand under `prefixes` and that `is_wanted` confirms,
    /// in ascending order; no message is read.
    pub(super) fn wanting(
        &self,
        prefixes: &[Prefix],
        is_wanted: impl Fn(&KeptRecord) -> bool,
    ) -> Result<Vec<u64>, Error> {
        let mut found = BTreeSet::new();
        for prefix in prefixes {
            found.extend(
                entries(&self.index, *prefix, *prefix)?
                    .into_iter()
                    .map(number),
            );
        }
        let mut wanting = Vec::new();
        for id in found {
            let record = self.record(id)?.ok_or(MISSING)?;
            if is_wanted(&record) {
                wanting.push(id);
            }
        }
        Ok(wanting)
    }

    fn record(&self, id: u64) -> Result<Option<KeptRecord>, Error> {
        let record = self.records.get(id).map_err(database_error)?;
        record
            .map(|record| KeptRecord::from_json(record.value()))
            .transpose()
    }

    fn with_message(&self, id: u64, record: KeptRecord) -> Result<KeptMail, Error> {
        let message = self.messages.get(id).map_err(database_error)?;
        let message = message.ok_or(Error::Damaged("kept message"))?;
        Ok(record.with_message(message.value().to_vec()))
    }
}
