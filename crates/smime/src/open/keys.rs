//! Keys that an envelope may be for although it names none of our certificates.

use std::{collections::HashSet, sync::Arc};

use smime_cms::{Envelope, RecipientId};
use smime_crypto::{PrivateKey, PublicKey};
use smime_store::{StoredCertificate, public_key_id};
use smime_x509::{Certificate, EmailAddress};

use crate::{Cause, Engine, KeyUnavailable};

/// One key, and the encrypted content key to try it on.
pub(super) struct Try {
    pub(super) place: usize,
    pub(super) certificate: Certificate,
    pub(super) key: Arc<PrivateKey>,
}

/// What can be tried.
#[derive(Default)]
pub(super) struct Tries {
    pub(super) tries: Vec<Try>,
    /// Why the key of somebody the mail is addressed to cannot be used although it is here.
    pub(super) closed: Option<KeyUnavailable>,
}

impl Engine<'_> {
    /// Returns what can be tried on the encrypted content keys at `places`, which name nobody that
    /// the store knows: first the keys of those the mail is addressed to, then all others at hand.
    ///
    /// The likeliest come first, because there is a bound: of a renewed certificate the issuer is
    /// mostly the same.
    pub(super) fn tries(
        &self,
        envelope: &Envelope,
        places: &[usize],
        addressed: &[EmailAddress],
    ) -> Result<Tries, Cause> {
        let mut found = Tries::default();
        let mut seen = HashSet::new();
        for address in addressed {
            for stored in self.store.by_address(address)? {
                if seen.insert(public_key_id(stored.certificate.public_key())) {
                    let closed = self.add_tries(&mut found.tries, envelope, places, stored);
                    found.closed = found.closed.or(closed);
                }
            }
        }
        let loaded = self.keys.ids().into_iter();
        let mut others = loaded.chain(self.store.key_ids()?);
        let mut looked_at = 0;
        while let (true, Some(id)) = (looked_at < MAX_OTHERS, others.next()) {
            if !seen.insert(id) {
                continue;
            }
            looked_at += 1;
            if let Some(stored) = self.store.by_public_key(&id)?.into_iter().next() {
                self.add_tries(&mut found.tries, envelope, places, stored);
            }
        }
        Ok(found)
    }

    /// Adds the tries with the key of one certificate, or returns why it stays closed.
    fn add_tries(
        &self,
        tries: &mut Vec<Try>,
        envelope: &Envelope,
        places: &[usize],
        stored: StoredCertificate,
    ) -> Option<KeyUnavailable> {
        let certificate = stored.certificate;
        let public_key: &PublicKey = certificate.public_key();
        let mut places = places.to_vec();
        places.retain(|place| envelope.may_be_for(*place, public_key));
        let left = MAX_TRIES.saturating_sub(tries.len());
        let is_ours = stored.has_key || self.keys.holds(public_key);
        if places.is_empty() || left == 0 || !is_ours {
            return None;
        }
        let key = match self.keys.find(public_key, self.store, self.provider) {
            Ok(key) => key,
            Err(KeyUnavailable::Missing | KeyUnavailable::Unreadable(_)) => return None,
            Err(closed @ (KeyUnavailable::Locked | KeyUnavailable::Sealed)) => return Some(closed),
        };
        places.sort_by_key(|place| !is_of_issuer(envelope.recipients().get(*place), &certificate));
        tries.extend(places.into_iter().take(left).map(|place| Try {
            place,
            certificate: certificate.clone(),
            key: Arc::clone(&key),
        }));
        None
    }
}

fn is_of_issuer(id: Option<&RecipientId>, certificate: &Certificate) -> bool {
    matches!(id, Some(RecipientId::IssuerSerial { issuer, .. }) if *issuer == certificate.issuer().der())
}

/// Tries for one envelope: each costs a private-key operation and a pass over the content.
const MAX_TRIES: usize = 16;

/// Keys of people the mail is not addressed to that are looked at: for a blind recipient of a
/// household or an office; opening one that rests in the store is slow on purpose.
const MAX_OTHERS: usize = 16;
