use super::Inner;
use crate::{
    Change, Changed, Error,
    activity::read_entry,
    index::{Prefix, Query, names_address},
};

impl Inner {
    /// Makes a change, after everything that can fail; returns what it took along.
    pub(super) fn change(&mut self, change: &Change<'_>) -> Result<Changed, Error> {
        let mut changed = Changed::default();
        match *change {
            Change::DeleteCertificates { fingerprints, keys } => {
                let numbers = self.all_of(fingerprints)?.into_iter();
                changed.keys = numbers.filter_map(|one| self.delete(one, keys)).collect();
            }
            Change::DeleteKey(id) => {
                self.keys.remove(id).ok_or(Error::NoSuchKey(*id))?;
            }
            Change::Trust {
                fingerprints,
                trust,
            } => {
                for number in self.all_of(fingerprints)? {
                    if let Some(kept) = self.certificates.get_mut(&number) {
                        kept.trust = trust;
                    }
                }
            }
            Change::Pins {
                address,
                fingerprints,
            } => {
                for fingerprint in fingerprints.unwrap_or_default() {
                    let found = self.find(Query::Fingerprint(fingerprint)).pop();
                    let stored = found.ok_or(Error::NoSuchCertificate(*fingerprint))?;
                    if !names_address(stored.certificate.emails(), address) {
                        return Err(Error::OtherAddress(*fingerprint));
                    }
                }
                match fingerprints {
                    Some(pinned) => self.pins.insert(address.folded(), pinned.to_vec()),
                    None => self.pins.remove(&address.folded()),
                };
            }
            Change::Defaults { scope, defaults } => {
                match defaults {
                    Some(defaults) => self.defaults.insert(scope.clone(), *defaults),
                    None => self.defaults.remove(scope),
                };
            }
            Change::Settings(settings) => self.settings = *settings,
            Change::Forget(before) => {
                let (mut tail, mut deleted) = (self.tail, Vec::new());
                for (id, entry) in &self.log {
                    // What was tampered with is not forgotten: it is what the log is checked for.
                    let next = tail.follow(*id, entry)?;
                    let recorded = read_entry(*id, entry)?;
                    if recorded.activity.time >= before {
                        break;
                    }
                    tail = next;
                    deleted.push(recorded);
                }
                self.tail = tail;
                for recorded in &deleted {
                    self.log.remove(&recorded.id);
                    if let Some(id) = &recorded.activity.message_id {
                        let entry = Prefix::message_id(id).entry(recorded.id);
                        self.message_ids.remove(&entry);
                    }
                }
                changed.forgotten = u64::try_from(deleted.len()).unwrap_or(u64::MAX);
            }
        }
        Ok(changed)
    }
}
