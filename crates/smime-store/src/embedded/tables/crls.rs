use redb::{ReadableTable, TableDefinition};

use super::Tables;
use crate::{
    Addition, Error,
    crl::{CrlKey, CrlRecord, Placement},
    embedded::database_error,
};

/// [`CrlKey`] → DER CertificateList.
pub(in crate::embedded) const CRLS: TableDefinition<'_, &[u8; 96], &[u8]> =
    TableDefinition::new("crls");

/// [`CrlKey`] → [`CrlRecord`], as JSON: lists are compared without loading one.
pub(in crate::embedded) const CRL_RECORDS: TableDefinition<'_, &[u8; 96], &[u8]> =
    TableDefinition::new("crl-records");

impl Tables<'_> {
    /// Adds a revocation list in the place of those that it makes superfluous.
    pub(in crate::embedded) fn add_crl(
        &mut self,
        key: CrlKey,
        record: &CrlRecord,
        der: &[u8],
    ) -> Result<Addition, Error> {
        let there = crl_records(&self.crl_records, key.of_scope())?;
        let without = match record.placement(&there) {
            Placement::Superfluous { since } => return Ok(Addition::AlreadyThere { since }),
            Placement::Kept { without } => without,
        };
        for CrlKey(key) in without {
            self.crl_records.remove(&key).map_err(database_error)?;
            self.crls.remove(&key).map_err(database_error)?;
        }
        let record =
            serde_json::to_vec(record).map_err(|error| Error::Database(error.to_string()))?;
        self.crl_records
            .insert(&key.0, record.as_slice())
            .map_err(database_error)?;
        self.crls.insert(&key.0, der).map_err(database_error)?;
        Ok(Addition::Added)
    }
}

/// Returns the records from one key to another.
pub(in crate::embedded) fn crl_records(
    table: &impl ReadableTable<&'static [u8; 96], &'static [u8]>,
    (first, last): (CrlKey, CrlKey),
) -> Result<Vec<(CrlKey, CrlRecord)>, Error> {
    let mut found = Vec::new();
    let range = table.range::<&[u8; 96]>(&first.0..=&last.0);
    for entry in range.map_err(database_error)? {
        let (key, record) = entry.map_err(database_error)?;
        let record =
            serde_json::from_slice(record.value()).map_err(|_| Error::Damaged("crl record"))?;
        found.push((CrlKey(*key.value()), record));
    }
    Ok(found)
}
