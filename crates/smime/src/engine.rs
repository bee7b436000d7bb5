use std::time::{SystemTime, UNIX_EPOCH};

use smime_crypto::{CryptoProvider, Random, UnixTime};
use smime_io::Limits;
use smime_store::{Store, Trust};
use smime_x509::{Certificate, CertificateBundle, ChainVerifier, TrustStore};

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
    /// Returns the anchors of the store.
    pub(crate) fn anchors(&self) -> Result<TrustStore, Cause> {
        let mut anchors = TrustStore::new();
        for certificate in self.store.anchors()? {
            anchors.add(certificate);
        }
        Ok(anchors)
    }

    pub(crate) fn chains<'b>(&'b self, anchors: &'b TrustStore) -> ChainVerifier<'b> {
        ChainVerifier {
            provider: self.provider,
            algorithms: &self.policy.algorithms,
            policy: &self.policy.certificates,
            anchors,
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
            let fingerprint = certificate.fingerprint();
            let stored = self.store.certificate(&fingerprint)?;
            if stored.is_some_and(|stored| stored.trust == Trust::Distrusted) {
                anchors.distrust(fingerprint);
            }
        }
        let mut next = 0;
        while let Some(name) = names.get(next).filter(|_| next < ISSUER_NAMES).cloned() {
            next += 1;
            for stored in self.store.by_subject(&name)? {
                note_issuer(&mut names, &stored.certificate);
                if stored.trust == Trust::Distrusted {
                    anchors.distrust(stored.certificate.fingerprint());
                }
                pool.add(stored.certificate);
            }
        }
        Ok(())
    }
}

fn note_issuer(names: &mut Vec<Vec<u8>>, certificate: &Certificate) {
    let issuer = certificate.issuer().der();
    if !certificate.is_self_issued() && !names.iter().any(|known| known == issuer) {
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
