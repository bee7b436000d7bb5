use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::ControlFlow,
    sync::{Mutex, MutexGuard, PoisonError},
};

use smime_crypto::{ProtectedKey, PublicKey, Random, UnixTime};
use smime_x509::{Certificate, EmailAddress};

use crate::{
    Activity, Addition, Announcement, Change, Changed, Defaults, Entry, Error, KeptMail, KeyAtRest,
    KeysOfDeleted, Peer, Pin, Quarantined, Quarantining, Recorded, Scope, Settings, Store,
    StoredCertificate, Trust,
    activity::{Head, read_entry},
    crl::{self, CrlKey, CrlRecord},
    index::{MAX_NUMBER, Prefix, Query, number, public_key_id},
    kept::{KeptRecord, fulfilled_by, of_issuer},
    record::newest_first,
};
use kept::KeptMails;
use peers::Peers;

mod changes;
mod crls;
mod kept;
mod peers;

/// A store that lasts as long as the value: for tests and for work without a file.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// By numbers in the order of their addition.
    certificates: BTreeMap<u64, Kept>,
    index: BTreeSet<u128>,
    /// By folded addresses.
    pins: BTreeMap<String, Vec<[u8; 32]>>,
    keys: HashMap<[u8; 32], (UnixTime, ProtectedKey)>,
    defaults: BTreeMap<Scope, Defaults>,
    crls: BTreeMap<CrlKey, (CrlRecord, Vec<u8>)>,
    settings: Settings,
    kept: KeptMails,
    peers: Peers,
    log: BTreeMap<u64, Vec<u8>>,
    message_ids: BTreeSet<u128>,
    head: Head,
    /// The last entry deleted.
    tail: Head,
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
        // Before the store is locked: what gives the entries may look into it.
        let read = |entry: Entry| {
            let certificate = Certificate::from_der(entry.der());
            let certificate = certificate.map_err(|_| Error::Damaged("certificate"))?;
            Ok((entry, certificate))
        };
        let read = entries.map(read).collect::<Result<Vec<_>, Error>>()?;
        let mut inner = self.inner();
        let additions = read
            .into_iter()
            .map(|(entry, one)| inner.add(&entry, one, at));
        Ok(additions.collect())
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

    fn expiring(&self, first: UnixTime, last: UnixTime) -> Result<Vec<StoredCertificate>, Error> {
        if first > last {
            return Ok(Vec::new());
        }
        let inner = self.inner();
        let numbers = inner.numbers(Prefix::expiry(first), Prefix::expiry(last));
        Ok(numbers.filter_map(|number| inner.stored(number)).collect())
    }

    fn visit_certificates(
        &self,
        visit: &mut dyn FnMut(StoredCertificate) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let inner = self.inner();
        let numbers = inner.certificates.keys();
        let all: Vec<_> = numbers.filter_map(|number| inner.stored(*number)).collect();
        // `visit` may look into the store.
        drop(inner);
        let _ = all.into_iter().try_for_each(visit);
        Ok(())
    }

    fn anchors(&self) -> Result<Vec<StoredCertificate>, Error> {
        let inner = self.inner();
        let all = inner.certificates.iter();
        let anchors = all.filter(|(_, entry)| entry.trust.is_anchor());
        Ok(anchors
            .filter_map(|(number, _)| inner.stored(*number))
            .collect())
    }

    fn pins(&self, address: &EmailAddress) -> Result<Option<Vec<[u8; 32]>>, Error> {
        Ok(self.inner().pins.get(&address.folded()).cloned())
    }

    fn all_pins(&self) -> Result<Vec<Pin>, Error> {
        let all = self.inner().pins.clone().into_iter();
        let pin = |(address, certificates)| Pin {
            address,
            certificates,
        };
        Ok(all.map(pin).collect())
    }

    fn note_announcement(
        &self,
        address: &EmailAddress,
        announcement: &Announcement,
    ) -> Result<bool, Error> {
        Ok(self.inner().peers.note(address, announcement))
    }

    fn announcement(&self, address: &EmailAddress) -> Result<Option<Announcement>, Error> {
        Ok(self.inner().peers.announcement(address))
    }

    fn peers(&self) -> Result<Vec<Peer>, Error> {
        Ok(self.inner().peers.all())
    }

    fn quarantine(&self, certificate: &Quarantined) -> Result<Quarantining, Error> {
        Ok(self.inner().peers.quarantine(certificate))
    }

    fn quarantined(&self) -> Result<Vec<Quarantined>, Error> {
        Ok(self.inner().peers.quarantined())
    }

    fn end_quarantine(&self, fingerprint: &[u8; 32]) -> Result<(), Error> {
        match self.inner().peers.end_quarantine(*fingerprint) {
            true => Ok(()),
            false => Err(Error::NotQuarantined(*fingerprint)),
        }
    }

    fn reject(&self, fingerprint: &[u8; 32]) -> Result<(), Error> {
        match self.inner().peers.reject(*fingerprint) {
            true => Ok(()),
            false => Err(Error::NotQuarantined(*fingerprint)),
        }
    }

    fn is_rejected(&self, certificate: &Certificate) -> Result<bool, Error> {
        Ok(self.inner().peers.is_rejected(certificate))
    }

    fn add_key(
        &self,
        public_key: &PublicKey,
        key: &KeyAtRest,
        _: &dyn Random,
        at: UnixTime,
    ) -> Result<Addition, Error> {
        let KeyAtRest::Protected(key) = key else {
            return Err(Error::NoStoreKey);
        };
        let id = public_key_id(public_key);
        let mut inner = self.inner();
        if let Some((since, _)) = inner.keys.get(&id) {
            return Ok(Addition::AlreadyThere { since: *since });
        }
        inner.keys.insert(id, (at, key.clone()));
        Ok(Addition::Added)
    }

    fn key(&self, public_key_id: &[u8; 32]) -> Result<Option<KeyAtRest>, Error> {
        let inner = self.inner();
        let key = inner.keys.get(public_key_id);
        Ok(key.map(|(_, key)| KeyAtRest::Protected(key.clone())))
    }

    fn has_key(&self, public_key_id: &[u8; 32]) -> Result<bool, Error> {
        Ok(self.inner().keys.contains_key(public_key_id))
    }

    fn key_ids(&self) -> Result<Vec<[u8; 32]>, Error> {
        Ok(self.inner().keys.keys().copied().collect())
    }

    fn add_crl(&self, crl: &[u8], at: UnixTime) -> Result<Addition, Error> {
        let (key, record) = CrlRecord::of(crl, at)?;
        Ok(self.inner().add_crl(key, record, crl))
    }

    fn crls(&self, issuer: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        let (first, last) = CrlKey::of_issuer(issuer);
        let inner = self.inner();
        let found = inner.crls.range(first..=last);
        Ok(crl::newest_first(
            found.map(|(_, list)| list.clone()).collect(),
        ))
    }

    fn defaults(&self, scope: &Scope) -> Result<Option<Defaults>, Error> {
        Ok(self.inner().defaults.get(scope).copied())
    }

    fn all_defaults(&self) -> Result<Vec<(Scope, Defaults)>, Error> {
        let inner = self.inner();
        let all = inner.defaults.iter();
        Ok(all
            .map(|(scope, defaults)| (scope.clone(), *defaults))
            .collect())
    }

    fn settings(&self) -> Result<Settings, Error> {
        Ok(self.inner().settings)
    }

    fn keep(&self, mail: &KeptMail) -> Result<u64, Error> {
        let record = KeptRecord::of(mail)?;
        Ok(self.inner().kept.keep(record, &mail.message))
    }

    fn kept(&self, id: u64) -> Result<Option<KeptMail>, Error> {
        Ok(self.inner().kept.mail(id))
    }

    fn kept_sizes(&self) -> Result<Vec<(u64, u64)>, Error> {
        Ok(self.inner().kept.sizes())
    }

    fn visit_kept(
        &self,
        visit: &mut dyn FnMut(u64, KeptMail) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        // `visit` may look into the store.
        let kept = self.inner().kept.clone();
        kept.visit(visit);
        Ok(())
    }

    fn kept_wanting(&self, certificate: &Certificate) -> Result<Vec<u64>, Error> {
        let prefixes = fulfilled_by(certificate);
        let is_wanted = |record: &KeptRecord| record.wants_certificate(certificate);
        Ok(self.inner().kept.wanting(&prefixes, is_wanted))
    }

    fn kept_wanting_issuer(&self, name: &[u8]) -> Result<Vec<u64>, Error> {
        let is_wanted = |record: &KeptRecord| record.wants_issuer(name);
        Ok(self.inner().kept.wanting(&[of_issuer(name)], is_wanted))
    }

    fn release(&self, id: u64) -> Result<(), Error> {
        let released = self.inner().kept.release(id);
        released.ok_or(Error::NoSuchMail(id))
    }

    fn expire_kept(&self, now: UnixTime) -> Result<u64, Error> {
        Ok(self.inner().kept.expire(now))
    }

    fn change(
        &self,
        change: &Change<'_>,
        entry: &dyn Fn(&Changed) -> Option<Activity>,
    ) -> Result<Changed, Error> {
        let mut inner = self.inner();
        let changed = inner.change(change)?;
        if let Some(activity) = entry(&changed) {
            inner.record(&activity)?;
        }
        Ok(changed)
    }

    fn record_all(&self, activities: &[Activity]) -> Result<(), Error> {
        let mut inner = self.inner();
        // What fails is one that cannot be written, or a number that there is none after.
        let mut head = inner.head;
        for activity in activities {
            (_, head) = head.append(activity, None)?;
        }
        let mut activities = activities.iter();
        activities.try_for_each(|activity| inner.record(activity))
    }

    fn visit_activities(
        &self,
        after: u64,
        visit: &mut dyn FnMut(Recorded) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let log = self.inner().log.clone();
        for (id, entry) in log.range(after.saturating_add(1)..) {
            if visit(read_entry(*id, entry)?).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn activities_of(&self, message_id: &str) -> Result<Vec<Recorded>, Error> {
        let inner = self.inner();
        let prefix = Prefix::message_id(message_id);
        let range = prefix.entry(0)..=prefix.entry(MAX_NUMBER);
        let mut found = Vec::new();
        for id in inner.message_ids.range(range).map(|entry| number(*entry)) {
            let entry = inner.log.get(&id).ok_or(Error::LogBroken { id })?;
            found.push(read_entry(id, entry)?);
        }
        found.retain(|recorded| recorded.activity.message_id.as_deref() == Some(message_id));
        Ok(found)
    }

    fn check_log(&self) -> Result<(), Error> {
        let inner = self.inner();
        let mut entries = inner.log.iter();
        let last = entries.try_fold(inner.tail, |head, (id, entry)| head.follow(*id, entry))?;
        last.check_last(inner.head)
    }
}

impl Inner {
    /// Adds an entry to the activity log.
    fn record(&mut self, activity: &Activity) -> Result<(), Error> {
        let (entry, head) = self.head.append(activity, None)?;
        self.log.insert(head.id, entry);
        if let Some(id) = &activity.message_id {
            self.message_ids
                .insert(Prefix::message_id(id).entry(head.id));
        }
        self.head = head;
        Ok(())
    }

    fn add(&mut self, entry: &Entry, certificate: Certificate, at: UnixTime) -> Addition {
        let fingerprint = entry.fingerprint();
        if let Some(there) = self.find(Query::Fingerprint(&fingerprint)).pop() {
            return Addition::AlreadyThere { since: there.added };
        }
        let last = self.certificates.last_key_value();
        let number = last.map_or(1, |(number, _)| number.saturating_add(1));
        let prefixes = entry.prefixes().iter();
        self.index
            .extend(prefixes.map(|prefix| prefix.entry(number)));
        let kept = Kept {
            certificate,
            added: at,
            trust: Trust::None,
        };
        self.certificates.insert(number, kept);
        Addition::Added
    }

    /// Deletes a certificate; returns the id of its key if that went with it.
    fn delete(&mut self, number: u64, keys: KeysOfDeleted) -> Option<[u8; 32]> {
        let kept = self.certificates.remove(&number)?;
        let entry = Entry::new(&kept.certificate.view());
        for prefix in entry.prefixes() {
            self.index.remove(&prefix.entry(number));
        }
        let fingerprint = kept.certificate.fingerprint();
        for pinned in self.pins.values_mut() {
            pinned.retain(|one| *one != fingerprint);
        }
        let id = public_key_id(kept.certificate.public_key());
        let goes = keys == KeysOfDeleted::Go && self.find(Query::PublicKey(&id)).is_empty();
        let key = goes.then(|| self.keys.remove(&id)).flatten();
        key.map(|_| id)
    }

    /// Returns what is found, in the order of addition.
    fn find(&self, query: Query<'_>) -> Vec<StoredCertificate> {
        let numbers = self.numbers_of(query);
        numbers.filter_map(|number| self.stored(number)).collect()
    }

    /// Returns the numbers of the certificates of all `fingerprints`, each once.
    fn all_of(&self, fingerprints: &[[u8; 32]]) -> Result<BTreeSet<u64>, Error> {
        let number = |fingerprint: &[u8; 32]| {
            let number = self.numbers_of(Query::Fingerprint(fingerprint)).next();
            number.ok_or(Error::NoSuchCertificate(*fingerprint))
        };
        fingerprints.iter().map(number).collect()
    }

    fn numbers_of(&self, query: Query<'_>) -> impl Iterator<Item = u64> {
        let numbers = self.numbers(query.prefix(), query.prefix());
        numbers.filter(move |number| {
            let kept = self.certificates.get(number);
            kept.is_some_and(|kept| query.matches(&kept.certificate))
        })
    }

    fn numbers(&self, first: Prefix, last: Prefix) -> impl Iterator<Item = u64> {
        let entries = self.index.range(first.entry(0)..=last.entry(MAX_NUMBER));
        entries.map(|entry| number(*entry))
    }

    fn stored(&self, number: u64) -> Option<StoredCertificate> {
        let kept = self.certificates.get(&number)?;
        Some(StoredCertificate {
            certificate: kept.certificate.clone(),
            added: kept.added,
            trust: kept.trust,
            has_key: self
                .keys
                .contains_key(&public_key_id(kept.certificate.public_key())),
        })
    }
}

/// Counts alone: keys at rest are nobody's to print.
impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("certificates", &self.certificates.len())
            .field("keys", &self.keys.len())
            .field("crls", &self.crls.len())
            .field("kept", &self.kept)
            .field("activities", &self.log.len())
            .finish()
    }
}
