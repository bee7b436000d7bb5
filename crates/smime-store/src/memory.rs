use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use smime_crypto::{ProtectedKey, PublicKey, UnixTime};
use smime_x509::{Certificate, EmailAddress};

use crate::{
    Activity, Addition, Entry, Error, Recorded, Store, StoredCertificate, Trust,
    activity::{Head, read_entry},
    index::{Prefix, Query, public_key_id},
    record::newest_first,
};

/// A store that lasts as long as the value: for tests and for work without a file.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// In the order of their addition.
    certificates: Vec<Kept>,
    index: HashMap<Prefix, Vec<usize>>,
    keys: HashMap<[u8; 32], (UnixTime, Vec<u8>)>,
    log: Vec<Vec<u8>>,
    head: Head,
}

struct Kept {
    certificate: Certificate,
    added: UnixTime,
    trust: Trust,
}

impl Memory {
    /// Makes an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every change is made after everything that can fail, so a poisoned lock is still good.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, query: Query<'_>) -> Vec<StoredCertificate> {
        newest_first(self.inner().find(query))
    }
}

impl Store for Memory {
    fn add_entries(
        &self,
        entries: &mut dyn Iterator<Item = Entry>,
        at: UnixTime,
    ) -> Result<Vec<Addition>, Error> {
        let mut additions = Vec::new();
        for entry in entries {
            // Anew for each: what gives the entries may look into the store.
            additions.push(self.inner().add(&entry, at)?);
        }
        Ok(additions)
    }

    fn certificate(&self, fingerprint: &[u8; 32]) -> Result<Option<StoredCertificate>, Error> {
        Ok(self.inner().find(Query::Fingerprint(fingerprint)).pop())
    }

    fn by_address(&self, address: &EmailAddress) -> Result<Vec<StoredCertificate>, Error> {
        Ok(self.find(Query::Address(address)))
    }

    fn by_issuer_and_serial(
        &self,
        issuer: &[u8],
        serial: &[u8],
    ) -> Result<Vec<StoredCertificate>, Error> {
        Ok(self.find(Query::IssuerAndSerial { issuer, serial }))
    }

    fn by_subject_key_id(&self, id: &[u8]) -> Result<Vec<StoredCertificate>, Error> {
        Ok(self.find(Query::SubjectKeyId(id)))
    }

    fn by_public_key(&self, id: &[u8; 32]) -> Result<Vec<StoredCertificate>, Error> {
        Ok(self.find(Query::PublicKey(id)))
    }

    fn authorities_by_subject(&self, subject: &[u8]) -> Result<Vec<StoredCertificate>, Error> {
        Ok(self.find(Query::Authority(subject)))
    }

    fn certificates(&self) -> Result<Vec<StoredCertificate>, Error> {
        let inner = self.inner();
        Ok((0..inner.certificates.len())
            .filter_map(|place| inner.stored(place))
            .collect())
    }

    fn set_trust_of(&self, fingerprints: &[[u8; 32]], trust: Trust) -> Result<(), Error> {
        let mut inner = self.inner();
        let place = |fingerprint: &[u8; 32]| {
            let place = inner.places(Query::Fingerprint(fingerprint)).next();
            place.ok_or(Error::NoSuchCertificate(*fingerprint))
        };
        let places: Vec<usize> = fingerprints.iter().map(place).collect::<Result<_, _>>()?;
        for place in places {
            if let Some(entry) = inner.certificates.get_mut(place) {
                entry.trust = trust;
            }
        }
        Ok(())
    }

    fn anchors(&self) -> Result<Vec<Certificate>, Error> {
        let inner = self.inner();
        let anchors = inner
            .certificates
            .iter()
            .filter(|entry| entry.trust == Trust::Anchor);
        Ok(anchors.map(|entry| entry.certificate.clone()).collect())
    }

    fn add_key(
        &self,
        public_key: &PublicKey,
        key: &ProtectedKey,
        at: UnixTime,
    ) -> Result<Addition, Error> {
        let id = public_key_id(public_key);
        let mut inner = self.inner();
        if let Some((since, _)) = inner.keys.get(&id) {
            return Ok(Addition::AlreadyThere { since: *since });
        }
        inner.keys.insert(id, (at, key.der().to_vec()));
        Ok(Addition::Added)
    }

    fn key(&self, public_key_id: &[u8; 32]) -> Result<Option<ProtectedKey>, Error> {
        let inner = self.inner();
        let Some((_, der)) = inner.keys.get(public_key_id) else {
            return Ok(None);
        };
        Ok(Some(ProtectedKey::from_der(der)?))
    }

    fn has_key(&self, public_key_id: &[u8; 32]) -> Result<bool, Error> {
        Ok(self.inner().keys.contains_key(public_key_id))
    }

    fn key_ids(&self) -> Result<Vec<[u8; 32]>, Error> {
        Ok(self.inner().keys.keys().copied().collect())
    }

    fn record(&self, activity: &Activity) -> Result<u64, Error> {
        let mut inner = self.inner();
        let (entry, head) = inner.head.append(activity)?;
        inner.log.push(entry);
        inner.head = head;
        Ok(head.id)
    }

    fn activities(&self) -> Result<Vec<Recorded>, Error> {
        (1..)
            .zip(&self.inner().log)
            .map(|(id, entry)| read_entry(id, entry))
            .collect()
    }

    fn check_log(&self) -> Result<(), Error> {
        let inner = self.inner();
        let mut entries = (1..).zip(&inner.log);
        let last = entries.try_fold(Head::default(), |head, (id, entry)| head.follow(id, entry))?;
        last.check_last(inner.head)
    }
}

impl Inner {
    fn add(&mut self, entry: &Entry, at: UnixTime) -> Result<Addition, Error> {
        let fingerprint = Query::Fingerprint(&entry.fingerprint());
        if let Some(there) = self.find(fingerprint).pop() {
            return Ok(Addition::AlreadyThere { since: there.added });
        }
        let certificate =
            Certificate::from_der(entry.der()).map_err(|_| Error::Damaged("certificate"))?;
        let place = self.certificates.len();
        for prefix in entry.prefixes() {
            self.index.entry(*prefix).or_default().push(place);
        }
        self.certificates.push(Kept {
            certificate,
            added: at,
            trust: Trust::None,
        });
        Ok(Addition::Added)
    }

    /// Returns what is found, in the order of addition.
    fn find(&self, query: Query<'_>) -> Vec<StoredCertificate> {
        let places = self.places(query);
        places.filter_map(|place| self.stored(place)).collect()
    }

    fn places(&self, query: Query<'_>) -> impl Iterator<Item = usize> {
        let places = self.index.get(&query.prefix());
        let places = places.map(Vec::as_slice).unwrap_or_default();
        places.iter().copied().filter(move |place| {
            let kept = self.certificates.get(*place);
            kept.is_some_and(|kept| query.matches(&kept.certificate))
        })
    }

    fn stored(&self, place: usize) -> Option<StoredCertificate> {
        let entry = self.certificates.get(place)?;
        Some(StoredCertificate {
            certificate: entry.certificate.clone(),
            added: entry.added,
            trust: entry.trust,
            has_key: self
                .keys
                .contains_key(&public_key_id(entry.certificate.public_key())),
        })
    }
}

/// Counts alone: keys at rest are nobody's to print.
impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("certificates", &self.certificates.len())
            .field("keys", &self.keys.len())
            .field("activities", &self.log.len())
            .finish()
    }
}
