use std::collections::BTreeSet;

use super::{SETTINGS, Tables};
use crate::{Change, Changed, Error};

impl Tables<'_> {
    /// Makes a change; returns what it took along.
    pub(in crate::embedded) fn change(&mut self, change: &Change<'_>) -> Result<Changed, Error> {
        let mut changed = Changed::default();
        match *change {
            Change::DeleteCertificates { fingerprints, keys } => {
                let fingerprints: BTreeSet<&[u8; 32]> = fingerprints.iter().collect();
                for fingerprint in fingerprints {
                    changed.keys.extend(self.delete(fingerprint, keys)?);
                }
            }
            Change::DeleteKey(id) => {
                if !self.delete_key(id)? {
                    return Err(Error::NoSuchKey(*id));
                }
            }
            Change::Trust {
                fingerprints,
                trust,
            } => {
                for fingerprint in fingerprints {
                    self.set_trust(fingerprint, trust)?;
                }
            }
            Change::Pins {
                address,
                fingerprints,
            } => self.set_pins(address, fingerprints)?,
            Change::Defaults { scope, defaults } => self.set_defaults(scope, defaults)?,
            Change::Settings(settings) => {
                let record = serde_json::to_vec(settings);
                let record = record.map_err(|error| Error::Database(error.to_string()))?;
                self.set_meta(SETTINGS, &record)?;
            }
            Change::Forget(before) => changed.forgotten = self.forget_activities(before)?,
        }
        Ok(changed)
    }
}
