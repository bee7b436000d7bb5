use std::ops::ControlFlow;

use redb::{ReadOnlyTable, ReadTransaction, ReadableTable as _};
use smime_x509::Certificate;

use super::{
    database_error,
    tables::{CERTIFICATES, CertificateRecord, INDEX, KEYS, entries},
};
use crate::{
    Error, StoredCertificate,
    index::{Prefix, Query, number, public_key_id},
};

/// The tables that reading a certificate takes, as of one moment.
pub(super) struct Reader {
    certificates: ReadOnlyTable<u64, &'static [u8]>,
    index: ReadOnlyTable<u128, ()>,
    keys: ReadOnlyTable<&'static [u8; 32], &'static [u8]>,
}

impl Reader {
    pub(super) fn new(transaction: &ReadTransaction) -> Result<Self, Error> {
        Ok(Self {
            certificates: transaction
                .open_table(CERTIFICATES)
                .map_err(database_error)?,
            index: transaction.open_table(INDEX).map_err(database_error)?,
            keys: transaction.open_table(KEYS).map_err(database_error)?,
        })
    }

    /// Returns what is found, in the order of addition; `waiting` are the entries that are not in
    /// the index.
    pub(super) fn find(
        &self,
        query: Query<'_>,
        waiting: Vec<u128>,
    ) -> Result<Vec<StoredCertificate>, Error> {
        let mut found = self.between(query.prefix(), query.prefix(), waiting)?;
        found.retain(|stored| query.matches(&stored.certificate));
        Ok(found)
    }

    /// Returns what stands under the prefixes from one to another, in the order of the index.
    pub(super) fn between(
        &self,
        first: Prefix,
        last: Prefix,
        waiting: Vec<u128>,
    ) -> Result<Vec<StoredCertificate>, Error> {
        let mut entries = entries(&self.index, first, last)?;
        entries.extend(waiting);
        // Both are seen while what waited is brought into the index.
        entries.sort_unstable();
        entries.dedup();
        let stored = |entry| self.certificate(number(entry));
        entries.into_iter().map(stored).collect()
    }

    pub(super) fn certificate(&self, id: u64) -> Result<StoredCertificate, Error> {
        let record = self.certificates.get(id).map_err(database_error)?;
        self.read(
            record
                .ok_or(Error::Damaged("index names a missing certificate"))?
                .value(),
        )
    }

    /// Calls `visit` with every certificate, in the order of addition, until it breaks off.
    pub(super) fn visit(
        &self,
        visit: &mut dyn FnMut(StoredCertificate) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        for entry in self.certificates.iter().map_err(database_error)? {
            let (_, record) = entry.map_err(database_error)?;
            if visit(self.read(record.value())?).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn read(&self, record: &[u8]) -> Result<StoredCertificate, Error> {
        let record = CertificateRecord::read(record)?;
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
