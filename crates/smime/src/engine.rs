use std::time::{SystemTime, UNIX_EPOCH};

use smime_crypto::{CryptoProvider, Random, UnixTime};
use smime_io::Limits;
use smime_store::{Store, StoredCertificate, Trust};
use smime_x509::{AnchorConstraints, Certificate, CertificateBundle, ChainVerifier, TrustStore};

use crate::{Cause, Keyring, Policy};

/// Everything one call needs, all of it given from outside.
///
/// An engine holds no state of a message: one call, one message, from as many threads as wanted.
#[derive(Debug)]
pub struct Engine<'a> {
    /// Who computes.
    pub provider: &'a dyn CryptoProvider,
    /// Where unpredictable bytes come from.
    pub random: &'a dyn Random,
    /// Where certificates, anchors, keys at rest and the activity log are.
    pub store: &'a dyn Store,
    /// The private keys that can be used now.
    pub keys: &'a Keyring,
    /// What is permitted.
    pub policy: Policy,
    /// The time of judgement.
    pub clock: Clock,
    /// What one message may cost.
    pub limits: Limits,
}

/// The time of judgement, taken once per call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The system's time.
    System,
    /// One time, for judging what was good then and for tests.
    Fixed(UnixTime),
}

impl Clock {
    /// Returns the time.
    pub fn now(self) -> UnixTime {
        match self {
            Self::System => system_time(),
            Self::Fixed(at) => at,
        }
    }
}

impl Engine<'_> {
    /// Returns the anchors of the store, each for the uses that it is trusted for.
    pub(crate) fn anchors(&self) -> Result<TrustStore, Cause> {
        let mut anchors = TrustStore::new();
        for StoredCertificate {
            certificate, trust, ..
        } in self.store.anchors()?
        {
            if trust == Trust::Anchor {
                anchors.add(certificate);
                continue;
            }
            let uses = trust.anchor_uses().iter();
            let bounds = AnchorConstraints {
                purposes: Some(uses.map(|usage| usage.purpose()).collect()),
                ..AnchorConstraints::default()
            };
            anchors.add_constrained(certificate, bounds);
        }
        Ok(anchors)
    }

    pub(crate) fn chains<'b>(&'b self, anchors: &'b TrustStore) -> ChainVerifier<'b> {
        ChainVerifier {
            provider: self.provider,
            algorithms: &self.policy.algorithms,
            policy: &self.policy.certificates,
            anchors,
            revocation: &self.policy.revocation,
        }
    }

    /// Adds to `pool` what the store holds of the issuers of `certificates`, and of theirs; what
    /// the store distrusts among all of them becomes distrusted in `anchors`.
    pub(crate) fn add_issuers<'c>(
        &self,
        certificates: impl IntoIterator<Item = &'c Certificate>,
        pool: &mut CertificateBundle,
        anchors: &mut TrustStore,
    ) -> Result<(), Cause> {
        let mut names: Vec<Vec<u8>> = Vec::new();
        for certificate in certificates {
            note_issuer(&mut names, certificate);
            self.note_distrust(certificate, anchors)?;
        }
        let mut next = 0;
        while let Some(name) = names.get(next).cloned() {
            next += 1;
            for stored in self.store.authorities_by_subject(&name)? {
                note_issuer(&mut names, &stored.certificate);
                self.note_distrust(&stored.certificate, anchors)?;
                pool.add(stored.certificate);
            }
        }
        Ok(())
    }

    /// Distrusts `certificate` in `anchors` if the store distrusts one that says the same.
    ///
    /// The signed bytes decide: whoever holds an ECDSA signature can make another valid one of it
    /// (s and n - s, SEC 1 §4.1.4), and so the same certificate with another SHA-256.
    fn note_distrust(
        &self,
        certificate: &Certificate,
        anchors: &mut TrustStore,
    ) -> Result<(), Cause> {
        let (issuer, serial) = (certificate.issuer().der(), certificate.serial());
        let namesakes = self.store.by_issuer_and_serial(issuer, serial)?;
        let is_same = |stored: &StoredCertificate| {
            stored.trust == Trust::Distrusted && stored.certificate.tbs() == certificate.tbs()
        };
        if namesakes.iter().any(is_same) {
            anchors.distrust(certificate.fingerprint());
        }
        Ok(())
    }
}

fn note_issuer(names: &mut Vec<Vec<u8>>, certificate: &Certificate) {
    let issuer = certificate.issuer().der();
    if names.len() < ISSUER_NAMES
        && !names.iter().any(|known| known == issuer)
        && !certificate.is_self_issued()
    {
        names.push(issuer.to_vec());
    }
}

/// The one place of the workspace that reads the clock for a judgement.
#[allow(clippy::disallowed_methods)] // the engine's default clock, as clippy.toml says
fn system_time() -> UnixTime {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Issuer names followed in the store for one message: eight levels of four cross-certified
/// authorities, for a message with as many signers.
const ISSUER_NAMES: usize = 256;
