use redb::{ReadableTable, TableDefinition};
use smime_x509::EmailAddress;

use super::Tables;
use crate::{Error, Pin, embedded::database_error, index::names_address};

/// Folded address → SHA-256 of its pinned certificates, one after the other.
pub(in crate::embedded) const PINS: TableDefinition<'_, &[u8], &[u8]> =
    TableDefinition::new("pins");

impl Tables<'_> {
    /// Pins certificates of an address, or unpins all.
    pub(in crate::embedded) fn set_pins(
        &mut self,
        address: &EmailAddress,
        fingerprints: Option<&[[u8; 32]]>,
    ) -> Result<(), Error> {
        let folded = address.folded();
        let Some(fingerprints) = fingerprints else {
            self.pins
                .remove(folded.as_bytes())
                .map_err(database_error)?;
            return Ok(());
        };
        for fingerprint in fingerprints {
            let names = self.by_fingerprint(fingerprint, |_, record| {
                let certificate = record.certificate()?;
                Ok::<_, Error>(names_address(&certificate.emails(), address))
            })?;
            if !names.ok_or(Error::NoSuchCertificate(*fingerprint))?? {
                return Err(Error::OtherAddress(*fingerprint));
            }
        }
        self.pins
            .insert(folded.as_bytes(), fingerprints.concat().as_slice())
            .map_err(database_error)?;
        Ok(())
    }

    /// Takes a certificate out of the pins of its addresses; a pin that becomes empty stays.
    pub(in crate::embedded) fn take_from_pins(
        &mut self,
        fingerprint: &[u8; 32],
        addresses: &[EmailAddress],
    ) -> Result<(), Error> {
        for address in addresses {
            let folded = address.folded();
            let pinned = pins(&self.pins, &folded)?.unwrap_or_default();
            if !pinned.contains(fingerprint) {
                continue;
            }
            let pinned: Vec<_> = pinned
                .into_iter()
                .filter(|one| one != fingerprint)
                .collect();
            self.pins
                .insert(folded.as_bytes(), pinned.concat().as_slice())
                .map_err(database_error)?;
        }
        Ok(())
    }
}

/// Returns what is pinned for a folded address.
pub(in crate::embedded) fn pins(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    folded: &str,
) -> Result<Option<Vec<[u8; 32]>>, Error> {
    let record = table.get(folded.as_bytes()).map_err(database_error)?;
    record
        .map(|record| read_fingerprints(record.value()))
        .transpose()
}

/// Returns all pins, in the order of the folded addresses.
pub(in crate::embedded) fn all_pins(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
) -> Result<Vec<Pin>, Error> {
    let mut all = Vec::new();
    for entry in table.iter().map_err(database_error)? {
        let (folded, record) = entry.map_err(database_error)?;
        let address = str::from_utf8(folded.value()).map_err(|_| DAMAGED)?;
        all.push(Pin {
            address: address.to_owned(),
            certificates: read_fingerprints(record.value())?,
        });
    }
    Ok(all)
}

fn read_fingerprints(record: &[u8]) -> Result<Vec<[u8; 32]>, Error> {
    match record.as_chunks() {
        (fingerprints, []) => Ok(fingerprints.to_vec()),
        _ => Err(DAMAGED),
    }
}

const DAMAGED: Error = Error::Damaged("pin");
