use std::{collections::BTreeSet, fmt::Debug, ops::ControlFlow};

use smime_crypto::{PublicKey, Random, UnixTime};
use smime_x509::{Certificate, EmailAddress};

use crate::{
    Activity, Addition, Announcement, Arrivals, Change, Changed, Defaults, Entry, Error, KeptMail,
    KeyAtRest, KeysOfDeleted, Peer, Pin, Quarantined, Quarantining, Recorded, Scope, Settings,
    StoredCertificate, Trust,
};

/// Where certificates, keys, anchors, pins, what was learned from mail, revocation lists, the
/// activity log and mail that is to be judged again are kept.
///
/// Every method is one transaction: it happens whole or not at all, and is durable when it
/// returns if the implementation is. Look-ups that can find several certificates return the one
/// that became valid last first, and among equals the one added last.
///
/// # Errors
/// Every method returns [`Error`] when what is kept cannot be read or written; the methods name
/// only what they add to that.
pub trait Store: Debug + Send + Sync {
    /// Adds certificates in one transaction, with one outcome each, in order.
    ///
    /// A certificate whose SHA-256 is there already, also earlier in `certificates`, is not stored
    /// twice.
    ///
    /// # Errors
    /// [`Error`]; then none of them was added.
    fn add_certificates(
        &self,
        certificates: &[Certificate],
        at: UnixTime,
    ) -> Result<Vec<Addition>, Error> {
        let mut entries = certificates.iter().map(|one| Entry::new(&one.view()));
        self.add_entries(&mut entries, at)
    }

    /// Adds certificates in one transaction, with one outcome each, in order, as
    /// [`add_certificates`](Self::add_certificates) does.
    ///
    /// No more than a few hundred bytes are kept in memory of each until the transaction ends.
    ///
    /// # Errors
    /// [`Error`]; then none of them was added.
    fn add_entries(
        &self,
        entries: &mut dyn Iterator<Item = Entry>,
        at: UnixTime,
    ) -> Result<Vec<Addition>, Error>;

    /// Returns the certificate of a SHA-256 fingerprint.
    ///
    /// # Errors
    /// [`Error`].
    fn certificate(&self, fingerprint: &[u8; 32]) -> Result<Option<StoredCertificate>, Error>;

    /// Returns the certificates of a mail address, compared as [`EmailAddress::matches`] does.
    ///
    /// # Errors
    /// [`Error`].
    fn by_address(&self, address: &EmailAddress) -> Result<Vec<StoredCertificate>, Error>;

    /// Returns the certificates of an issuer, a DER Name, and a serial number, its content octets.
    ///
    /// There can be several: nothing stops two authorities of one name.
    ///
    /// # Errors
    /// [`Error`].
    fn by_issuer_and_serial(
        &self,
        issuer: &[u8],
        serial: &[u8],
    ) -> Result<Vec<StoredCertificate>, Error>;

    /// Returns the certificates whose subjectKeyIdentifier is `id`.
    ///
    /// # Errors
    /// [`Error`].
    fn by_subject_key_id(&self, id: &[u8]) -> Result<Vec<StoredCertificate>, Error>;

    /// Returns the certificates of a public key, given by its [`public_key_id`].
    ///
    /// [`public_key_id`]: crate::public_key_id
    ///
    /// # Errors
    /// [`Error`].
    fn by_public_key(&self, id: &[u8; 32]) -> Result<Vec<StoredCertificate>, Error>;

    /// Returns the certificates of authorities and those issued to their own issuer, by their
    /// subject, a DER Name, for building chains.
    ///
    /// Letter case, surplus spaces and the kind of string do not count, so that names that
    /// RFC 5280 §7.1 calls equal are found; who needs more compares again.
    ///
    /// # Errors
    /// [`Error`].
    fn authorities_by_subject(&self, subject: &[u8]) -> Result<Vec<StoredCertificate>, Error>;

    /// Returns the certificates whose last day is from `first` to `last`, the soonest first.
    ///
    /// # Errors
    /// [`Error`].
    fn expiring(&self, first: UnixTime, last: UnixTime) -> Result<Vec<StoredCertificate>, Error>;

    /// Calls `visit` with every certificate, in the order in which they were added, until it
    /// breaks off; all are as of one moment.
    ///
    /// # Errors
    /// [`Error`].
    fn visit_certificates(
        &self,
        visit: &mut dyn FnMut(StoredCertificate) -> ControlFlow<()>,
    ) -> Result<(), Error>;

    /// Returns every certificate in the order in which they were added.
    ///
    /// # Errors
    /// [`Error`].
    fn certificates(&self) -> Result<Vec<StoredCertificate>, Error> {
        let mut all = Vec::new();
        self.visit_certificates(&mut |stored| {
            all.push(stored);
            ControlFlow::Continue(())
        })?;
        Ok(all)
    }

    /// Deletes certificates; returns the [`public_key_id`] of every private key that went with
    /// them.
    ///
    /// [`public_key_id`]: crate::public_key_id
    ///
    /// # Errors
    /// [`Error::NoSuchCertificate`] when one of them is not stored; then nothing changed.
    fn delete_certificates(
        &self,
        fingerprints: &[[u8; 32]],
        keys: KeysOfDeleted,
    ) -> Result<Vec<[u8; 32]>, Error> {
        let change = Change::DeleteCertificates { fingerprints, keys };
        Ok(self.change(&change, &|_| None)?.keys)
    }

    /// Sets what is thought of a certificate.
    ///
    /// # Errors
    /// [`Error::NoSuchCertificate`].
    fn set_trust(&self, fingerprint: &[u8; 32], trust: Trust) -> Result<(), Error> {
        self.set_trust_of(&[*fingerprint], trust)
    }

    /// Sets what is thought of several certificates.
    ///
    /// # Errors
    /// [`Error::NoSuchCertificate`] when one of them is not stored; then nothing changed.
    fn set_trust_of(&self, fingerprints: &[[u8; 32]], trust: Trust) -> Result<(), Error> {
        let change = Change::Trust {
            fingerprints,
            trust,
        };
        self.change(&change, &|_| None).map(|_| ())
    }

    /// Returns the certificates that are anchors, for one use at least, in the order of their
    /// addition.
    ///
    /// # Errors
    /// [`Error`].
    fn anchors(&self) -> Result<Vec<StoredCertificate>, Error>;

    /// Pins certificates of an address in the place of those pinned before, or unpins it.
    ///
    /// Of an address that is pinned, only these certificates are encrypted to. When the last of them
    /// is deleted it stays pinned, and nothing can be encrypted to it until it is pinned anew or
    /// unpinned: what a deletion leaves must not be open to whatever comes next.
    ///
    /// # Errors
    /// [`Error::NoSuchCertificate`], [`Error::OtherAddress`] when one of them does not name the
    /// address; then nothing changed.
    fn set_pins(
        &self,
        address: &EmailAddress,
        fingerprints: Option<&[[u8; 32]]>,
    ) -> Result<(), Error> {
        let change = Change::Pins {
            address,
            fingerprints,
        };
        self.change(&change, &|_| None).map(|_| ())
    }

    /// Returns the certificates that are pinned for an address, compared as
    /// [`EmailAddress::matches`] does; `None` if it is not pinned.
    ///
    /// # Errors
    /// [`Error`].
    fn pins(&self, address: &EmailAddress) -> Result<Option<Vec<[u8; 32]>>, Error>;

    /// Returns all pins, in the order of their addresses.
    ///
    /// # Errors
    /// [`Error`].
    fn all_pins(&self) -> Result<Vec<Pin>, Error>;

    /// Notes what an address announced, unless what is known was signed at the same time or later;
    /// says whether it was noted.
    ///
    /// # Errors
    /// [`Error`].
    fn note_announcement(
        &self,
        address: &EmailAddress,
        announcement: &Announcement,
    ) -> Result<bool, Error>;

    /// Returns what an address announced, compared as [`EmailAddress::matches`] does.
    ///
    /// # Errors
    /// [`Error`].
    fn announcement(&self, address: &EmailAddress) -> Result<Option<Announcement>, Error>;

    /// Returns all that was announced, in the order of the addresses.
    ///
    /// # Errors
    /// [`Error`].
    fn peers(&self) -> Result<Vec<Peer>, Error>;

    /// Lets a certificate wait until somebody decides about it; no other look-up finds it.
    ///
    /// There is room for 1 000 altogether and 8 of one address; each has, with its issuers and
    /// what else is said of it, up to 64 KiB.
    ///
    /// # Errors
    /// [`Error`].
    fn quarantine(&self, certificate: &Quarantined) -> Result<Quarantining, Error>;

    /// Returns the certificates that wait, in the order in which they came.
    ///
    /// # Errors
    /// [`Error`].
    fn quarantined(&self) -> Result<Vec<Quarantined>, Error>;

    /// Lets the certificate of a fingerprint wait no longer; adds it to nothing.
    ///
    /// # Errors
    /// [`Error::NotQuarantined`].
    fn end_quarantine(&self, fingerprint: &[u8; 32]) -> Result<(), Error>;

    /// Lets the certificate of a fingerprint wait no longer, and remembers that it was rejected.
    ///
    /// # Errors
    /// [`Error::NotQuarantined`].
    fn reject(&self, fingerprint: &[u8; 32]) -> Result<(), Error>;

    /// Says whether a certificate, or one that says the same under another signature, was rejected.
    ///
    /// # Errors
    /// [`Error`].
    fn is_rejected(&self, certificate: &Certificate) -> Result<bool, Error>;

    /// Adds a private key; one that is there already stays as it is.
    ///
    /// A store that has a store key seals it under that, for which `random` is needed.
    ///
    /// # Errors
    /// [`Error::NoStoreKey`] for a plain key where there is no store key; [`Error::Sealed`] where
    /// there is one that was not given.
    fn add_key(
        &self,
        public_key: &PublicKey,
        key: &KeyAtRest,
        random: &dyn Random,
        at: UnixTime,
    ) -> Result<Addition, Error>;

    /// Returns the private key of a public key, given by its [`public_key_id`].
    ///
    /// [`public_key_id`]: crate::public_key_id
    ///
    /// # Errors
    /// [`Error::Sealed`] when there is a store key that was not given; [`Error::DamagedKey`].
    fn key(&self, public_key_id: &[u8; 32]) -> Result<Option<KeyAtRest>, Error>;

    /// Says whether there is a private key of a public key.
    ///
    /// # Errors
    /// [`Error`].
    fn has_key(&self, public_key_id: &[u8; 32]) -> Result<bool, Error>;

    /// Deletes the private key of a public key, given by its [`public_key_id`].
    ///
    /// [`public_key_id`]: crate::public_key_id
    ///
    /// # Errors
    /// [`Error::NoSuchKey`].
    fn delete_key(&self, public_key_id: &[u8; 32]) -> Result<(), Error> {
        let change = Change::DeleteKey(public_key_id);
        self.change(&change, &|_| None).map(|_| ())
    }

    /// Returns the [`public_key_id`] of every private key, in no order that means anything.
    ///
    /// [`public_key_id`]: crate::public_key_id
    ///
    /// # Errors
    /// [`Error`].
    fn key_ids(&self) -> Result<Vec<[u8; 32]>, Error>;

    /// Adds a revocation list, a DER CertificateList, and deletes those that it makes superfluous.
    ///
    /// Of the complete lists of one issuer, issuingDistributionPoint and authorityKeyIdentifier the
    /// one of the latest thisUpdate is kept, and among equals that of the greatest cRLNumber, or
    /// the one added last. Of deltas the same, but one of a later base replaces none (RFC 5280
    /// §5.2.4): up to seven are kept, of which the oldest goes. A list in whose place a newer one
    /// is kept counts as there, since that one was added.
    ///
    /// No signature is checked: a list that a stranger made takes the place of a genuine one, so
    /// only those whose signer was verified, or that the owner of the store gives, are to be added.
    ///
    /// # Errors
    /// [`Error::UnreadableCrl`], [`Error::CrlTooLarge`] above 64 MiB.
    fn add_crl(&self, crl: &[u8], at: UnixTime) -> Result<Addition, Error>;

    /// Returns the revocation lists of an issuer, a DER Name, that of the latest thisUpdate first.
    ///
    /// Names are compared as [`authorities_by_subject`](Self::authorities_by_subject) does; an
    /// indirect list is found by who signed it (RFC 5280 §5.2.5).
    ///
    /// # Errors
    /// [`Error`].
    fn crls(&self, issuer: &[u8]) -> Result<Vec<Vec<u8>>, Error>;

    /// Sets the defaults of a scope, or deletes them.
    ///
    /// # Errors
    /// [`Error`].
    fn set_defaults(&self, scope: &Scope, defaults: Option<&Defaults>) -> Result<(), Error> {
        let change = Change::Defaults { scope, defaults };
        self.change(&change, &|_| None).map(|_| ())
    }

    /// Returns the defaults that were set for a scope.
    ///
    /// # Errors
    /// [`Error`].
    fn defaults(&self, scope: &Scope) -> Result<Option<Defaults>, Error>;

    /// Returns all defaults: of groups, domains and addresses, in this order and by name.
    ///
    /// # Errors
    /// [`Error`].
    fn all_defaults(&self) -> Result<Vec<(Scope, Defaults)>, Error>;

    /// Returns the settings; those of [`Settings::STANDARD`] where none were set.
    ///
    /// # Errors
    /// [`Error`].
    fn settings(&self) -> Result<Settings, Error>;

    /// Sets the settings.
    ///
    /// # Errors
    /// [`Error`].
    fn set_settings(&self, settings: &Settings) -> Result<(), Error> {
        let change = Change::Settings(settings);
        self.change(&change, &|_| None).map(|_| ())
    }

    /// Keeps mail until it can be judged again, and returns its number; the first is 1, and none is
    /// given twice.
    ///
    /// If the same message is kept already, that one keeps its number, and all else of it becomes
    /// as `mail` says. How much is kept altogether is for the caller to bound.
    ///
    /// # Errors
    /// [`Error::MailTooLarge`] when the message with its code and wants has more than 64 MiB.
    fn keep(&self, mail: &KeptMail) -> Result<u64, Error>;

    /// Returns the kept mail of a number.
    ///
    /// # Errors
    /// [`Error`].
    fn kept(&self, id: u64) -> Result<Option<KeptMail>, Error>;

    /// Returns the number of every kept mail, in ascending order, and how many bytes its message has.
    ///
    /// No message is loaded.
    ///
    /// # Errors
    /// [`Error`].
    fn kept_sizes(&self) -> Result<Vec<(u64, u64)>, Error>;

    /// Calls `visit` with every kept mail and its number, in the order of the numbers, until it
    /// breaks off; all are as of one moment. One message at a time is loaded.
    ///
    /// # Errors
    /// [`Error`].
    fn visit_kept(
        &self,
        visit: &mut dyn FnMut(u64, KeptMail) -> ControlFlow<()>,
    ) -> Result<(), Error>;

    /// Returns the numbers of the kept mail that a certificate, or the arrival of its key, may help
    /// to judge, in ascending order: of which it fulfils one of the [`Want`]s by issuer and serial
    /// number, subjectKeyIdentifier, address, or its subject as the issuer of others.
    ///
    /// No message is loaded.
    ///
    /// [`Want`]: crate::Want
    ///
    /// # Errors
    /// [`Error`].
    fn kept_wanting(&self, certificate: &Certificate) -> Result<Vec<u64>, Error>;

    /// Returns the numbers of the kept mail that a revocation list or another trust of an issuer, a
    /// DER Name, may help to judge, in ascending order.
    ///
    /// Names are compared as [`authorities_by_subject`](Self::authorities_by_subject) does; no
    /// message is loaded.
    ///
    /// # Errors
    /// [`Error`].
    fn kept_wanting_issuer(&self, name: &[u8]) -> Result<Vec<u64>, Error>;

    /// Returns the numbers of the kept mail that what arrived may help to judge, in ascending order:
    /// certificates as [`kept_wanting`](Self::kept_wanting) says, and lists of issuers as
    /// [`kept_wanting_issuer`](Self::kept_wanting_issuer) does; all, if more arrived than is named.
    ///
    /// # Errors
    /// [`Error`].
    fn kept_wanting_any(&self, arrivals: &Arrivals) -> Result<Vec<u64>, Error> {
        let sizes = self.kept_sizes()?;
        let all = sizes.into_iter().map(|(id, _)| id);
        if arrivals.is_more() || all.len() == 0 {
            return Ok(all.collect());
        }
        let mut found = BTreeSet::new();
        for fingerprint in arrivals.certificates() {
            if let Some(stored) = self.certificate(fingerprint)? {
                found.extend(self.kept_wanting(&stored.certificate)?);
            }
        }
        for name in arrivals.issuers() {
            found.extend(self.kept_wanting_issuer(name)?);
        }
        Ok(found.into_iter().collect())
    }

    /// Deletes a kept mail: it was judged, or is not to be kept any longer.
    ///
    /// # Errors
    /// [`Error::NoSuchMail`].
    fn release(&self, id: u64) -> Result<(), Error>;

    /// Deletes the kept mail that expires at `now` or earlier; returns how many.
    ///
    /// # Errors
    /// [`Error`].
    fn expire_kept(&self, now: UnixTime) -> Result<u64, Error>;

    /// Makes a change and adds what `entry` says of it to the activity log, if anything, in one
    /// transaction: no change is made of which the log says nothing, and none is told of that was
    /// not made.
    ///
    /// `entry` must not use the store.
    ///
    /// # Errors
    /// Those of the method for this change alone; then nothing changed.
    fn change(
        &self,
        change: &Change<'_>,
        entry: &dyn Fn(&Changed) -> Option<Activity>,
    ) -> Result<Changed, Error>;

    /// Adds an entry to the activity log.
    ///
    /// # Errors
    /// [`Error`].
    fn record(&self, activity: &Activity) -> Result<(), Error> {
        self.record_all(std::slice::from_ref(activity))
    }

    /// Adds the entries of what was done at once to the activity log, in their order: all of them or
    /// none. Entries are numbered from 1 on, without gaps.
    ///
    /// # Errors
    /// [`Error`].
    fn record_all(&self, activities: &[Activity]) -> Result<(), Error>;

    /// Calls `visit` with the entries of the activity log that follow number `after`, oldest first,
    /// until it breaks off; all are as of one moment.
    ///
    /// # Errors
    /// [`Error`].
    fn visit_activities(
        &self,
        after: u64,
        visit: &mut dyn FnMut(Recorded) -> ControlFlow<()>,
    ) -> Result<(), Error>;

    /// Returns the activity log, oldest entry first.
    ///
    /// # Errors
    /// [`Error`].
    fn activities(&self) -> Result<Vec<Recorded>, Error> {
        let mut all = Vec::new();
        self.visit_activities(0, &mut |recorded| {
            all.push(recorded);
            ControlFlow::Continue(())
        })?;
        Ok(all)
    }

    /// Returns the entries of the activity log of a mail, oldest first.
    ///
    /// # Errors
    /// [`Error`].
    fn activities_of(&self, message_id: &str) -> Result<Vec<Recorded>, Error>;

    /// Deletes the entries of the activity log from the oldest to the last before the first that is
    /// of `before` or later; returns how many.
    ///
    /// The log stays whole: it begins where these end, and numbers go on.
    ///
    /// # Errors
    /// [`Error::LogBroken`] when one of them does not fit; then none was deleted.
    fn forget_activities(&self, before: UnixTime) -> Result<u64, Error> {
        let change = Change::Forget(before);
        Ok(self.change(&change, &|_| None)?.forgotten)
    }

    /// Checks that the activity log is whole: numbered without gaps, every entry chained to the
    /// one before it, the first one to the last one deleted, the last one being the last one written.
    ///
    /// Finds damage and careless editing. Who can write the store can also write a new chain.
    ///
    /// # Errors
    /// [`Error::LogBroken`] at the first entry that does not fit.
    fn check_log(&self) -> Result<(), Error>;
}
