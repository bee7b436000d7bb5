use redb::{ReadTransaction, ReadableTableMetadata as _, TableDefinition};

use super::{
    Embedded, database_error,
    opening::schema,
    protection::wrapped_store_key,
    tables::{ACTIVITY, ANCHORS, CERTIFICATES, KEYS, crls::CRLS, kept::KEPT},
};
use crate::{Error, StoreKeyKind, store_key};

/// What a store in a file holds, as of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreSummary {
    /// The layout of the file: 3, or 4 if there is a store key.
    pub layout: u64,
    /// How many certificates there are.
    pub certificates: u64,
    /// How many of them are anchors.
    pub anchors: u64,
    /// How many private keys there are.
    pub keys: u64,
    /// How many revocation lists there are.
    pub crls: u64,
    /// How much mail is kept to be judged again.
    pub kept: u64,
    /// How many entries the activity log has.
    pub activities: u64,
    /// What opens the store key; without one, private keys rest under their own passphrases.
    pub store_key: Option<StoreKeyKind>,
}

impl Embedded {
    /// Counts what is in the store.
    ///
    /// # Errors
    /// [`Error`] when the file cannot be read.
    pub fn summary(&self) -> Result<StoreSummary, Error> {
        let transaction = self.begin_read()?;
        let store_key = wrapped_store_key(&transaction)?;
        let store_key = store_key.map(|wrapped| store_key::kind_of(&wrapped));
        Ok(StoreSummary {
            layout: schema(&transaction)?,
            certificates: length(&transaction, CERTIFICATES)?,
            anchors: length(&transaction, ANCHORS)?,
            keys: length(&transaction, KEYS)?,
            crls: length(&transaction, CRLS)?,
            kept: length(&transaction, KEPT)?,
            activities: length(&transaction, ACTIVITY)?,
            store_key: store_key.transpose()?,
        })
    }
}

fn length<K: redb::Key + 'static, V: redb::Value + 'static>(
    transaction: &ReadTransaction,
    table: TableDefinition<'_, K, V>,
) -> Result<u64, Error> {
    let table = transaction.open_table(table).map_err(database_error)?;
    table.len().map_err(database_error)
}
