use std::collections::{BTreeMap, BTreeSet};

use smime_x509::{Certificate, EmailAddress};

use crate::{
    Announcement, Peer, Quarantined, Quarantining,
    peer::{QuarantineKey, has_room, in_order, rejection_of},
};

/// What was learned from mail.
#[derive(Debug, Default)]
pub(super) struct Peers {
    /// By folded addresses.
    announcements: BTreeMap<String, Announcement>,
    quarantine: BTreeMap<QuarantineKey, Quarantined>,
    /// By what is [remembered](rejection_of) of each.
    rejected: BTreeSet<[u8; 32]>,
}

impl Peers {
    /// Notes an announcement unless a later one is known; says whether it was noted.
    pub(super) fn note(&mut self, address: &EmailAddress, announcement: &Announcement) -> bool {
        let known = self.announcements.get(&address.folded());
        let is_new = known.is_none_or(|known| announcement.replaces(known));
        if is_new {
            let announcement = announcement.clone();
            self.announcements.insert(address.folded(), announcement);
        }
        is_new
    }

    pub(super) fn announcement(&self, address: &EmailAddress) -> Option<Announcement> {
        self.announcements.get(&address.folded()).cloned()
    }

    pub(super) fn all(&self) -> Vec<Peer> {
        let all = self.announcements.iter();
        all.map(|(address, announcement)| Peer {
            address: address.clone(),
            announcement: announcement.clone(),
        })
        .collect()
    }

    /// Lets a certificate wait, if there is room.
    pub(super) fn quarantine(&mut self, one: &Quarantined) -> Quarantining {
        let key = QuarantineKey::of(one);
        if self.waits(key.fingerprint()) {
            return Quarantining::AlreadyThere;
        }
        let (first, last) = key.of_address();
        let count = |count| u64::try_from(count).unwrap_or(u64::MAX);
        let all = count(self.quarantine.len());
        let of_address = count(self.quarantine.range(first..=last).count());
        if !has_room(one, all, of_address) {
            return Quarantining::Full;
        }
        self.quarantine.insert(key, one.clone());
        Quarantining::Added
    }

    pub(super) fn quarantined(&self) -> Vec<Quarantined> {
        in_order(self.quarantine.values().cloned().collect())
    }

    /// Lets a certificate wait no longer; says whether it did.
    pub(super) fn end_quarantine(&mut self, fingerprint: [u8; 32]) -> bool {
        let waited = self.waits(fingerprint);
        self.quarantine
            .retain(|key, _| key.fingerprint() != fingerprint);
        waited
    }

    /// Lets a certificate wait no longer and remembers it; says whether it waited.
    pub(super) fn reject(&mut self, fingerprint: [u8; 32]) -> bool {
        let waiting = self.quarantine.iter();
        let waiting = waiting.filter(|(key, _)| key.fingerprint() == fingerprint);
        self.rejected
            .extend(waiting.map(|(_, one)| rejection_of(&one.certificate)));
        self.end_quarantine(fingerprint)
    }

    pub(super) fn is_rejected(&self, certificate: &Certificate) -> bool {
        self.rejected.contains(&rejection_of(certificate))
    }

    fn waits(&self, fingerprint: [u8; 32]) -> bool {
        let mut keys = self.quarantine.keys();
        keys.any(|key| key.fingerprint() == fingerprint)
    }
}
