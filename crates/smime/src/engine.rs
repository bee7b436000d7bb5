use std::{
    collections::HashSet,
    time::{SystemTime, UNIX_EPOCH},
};

use smime_crypto::{CryptoProvider, Random, UnixTime};
use smime_io::{Limits, TooLarge};
use smime_store::{Store, StoredCertificate, Trust};
use smime_x509::{
    AnchorConstraints, Certificate, CertificateBundle, ChainVerifier, Crl, GeneralName, Revocation,
    RevocationPolicy, TrustStore,
};

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

/// What a message is judged on: whom the store trusts, and what is known of revocation.
#[derive(Debug)]
pub(crate) struct Grounds {
    anchors: TrustStore,
    revocation: Revocation,
    /// Of whom the lists of the store are in `revocation`, as DER Names.
    listed: HashSet<Vec<u8>>,
}

impl Grounds {
    /// Says whether a certificate is an anchor.
    pub(crate) fn trusts(&self, certificate: &Certificate) -> bool {
        self.anchors.contains(certificate)
    }
}

impl Engine<'_> {
    /// Returns the anchors of the store and what the policy knows of revocation.
    pub(crate) fn grounds(&self) -> Result<Grounds, Cause> {
        self.grounds_for(self.policy.revocation.clone())
    }

    /// Returns the anchors of the store beside what is known of revocation.
    pub(crate) fn grounds_for(&self, revocation: Revocation) -> Result<Grounds, Cause> {
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
        Ok(Grounds {
            anchors,
            revocation,
            listed: HashSet::new(),
        })
    }

    pub(crate) fn chains<'b>(&'b self, grounds: &'b Grounds) -> ChainVerifier<'b> {
        ChainVerifier {
            provider: self.provider,
            algorithms: &self.policy.algorithms,
            policy: &self.policy.certificates,
            anchors: &grounds.anchors,
            revocation: &grounds.revocation,
        }
    }

    /// Adds to `pool` what the store holds of the issuers of `certificates`, and of theirs; the
    /// revocation lists of all of them, and what the store distrusts among them, become part of
    /// `grounds`.
    pub(crate) fn add_issuers<'c>(
        &self,
        certificates: impl IntoIterator<Item = &'c Certificate>,
        pool: &mut CertificateBundle,
        grounds: &mut Grounds,
    ) -> Result<(), Cause> {
        let mut names: Vec<Vec<u8>> = Vec::new();
        for certificate in certificates {
            note_issuer(&mut names, certificate);
            self.note_distrust(certificate, grounds)?;
            self.add_lists_about(certificate, grounds)?;
        }
        let mut next = 0;
        while let Some(name) = names.get(next).cloned() {
            next += 1;
            for stored in self.store.authorities_by_subject(&name)? {
                note_issuer(&mut names, &stored.certificate);
                self.note_distrust(&stored.certificate, grounds)?;
                self.add_lists_about(&stored.certificate, grounds)?;
                pool.add(stored.certificate);
            }
        }
        Ok(())
    }

    /// Adds the revocation lists that the store has about a certificate: of its issuer, and of those
    /// whom it names as signers of lists (RFC 5280 §4.2.1.13).
    fn add_lists_about(
        &self,
        certificate: &Certificate,
        grounds: &mut Grounds,
    ) -> Result<(), Cause> {
        if grounds.revocation.policy() == RevocationPolicy::Off {
            return Ok(());
        }
        self.add_lists_of(certificate.issuer().der(), grounds)?;
        let points = certificate.view().crl_distribution_points();
        let points = points.iter().flat_map(|points| points.iter());
        for name in points
            .filter_map(|point| point.crl_issuer)
            .flat_map(|names| names.iter())
        {
            if let GeneralName::DirectoryName(name) = name {
                self.add_lists_of(name.der(), grounds)?;
            }
        }
        Ok(())
    }

    /// Adds the revocation lists that the store has of an issuer, once.
    ///
    /// They are offered: one that is no longer current says who was revoked, and otherwise nothing,
    /// as if it had not been imported. Otherwise all mail would turn bad when it is due.
    fn add_lists_of(&self, issuer: &[u8], grounds: &mut Grounds) -> Result<(), Cause> {
        if !grounds.listed.insert(issuer.to_vec()) {
            return Ok(());
        }
        // Passing over the rest would pass over revocations.
        if grounds.listed.len() > LIST_ISSUERS {
            return Err(Cause::TooLarge(TooLarge {
                what: "issuers of revocation lists",
                limit: u64::try_from(LIST_ISSUERS).unwrap_or(u64::MAX),
            }));
        }
        for der in self.store.crls(issuer)? {
            let crl = Crl::from_der(&der);
            let crl = crl.map_err(|_| smime_store::Error::Damaged("crl"))?;
            grounds.revocation.offer_crl(crl);
        }
        Ok(())
    }

    /// Distrusts `certificate` if the store distrusts one that says the same.
    ///
    /// The signed bytes decide: whoever holds an ECDSA signature can make another valid one of it
    /// (s and n - s, SEC 1 §4.1.4), and so the same certificate with another SHA-256.
    fn note_distrust(&self, certificate: &Certificate, grounds: &mut Grounds) -> Result<(), Cause> {
        let (issuer, serial) = (certificate.issuer().der(), certificate.serial());
        let namesakes = self.store.by_issuer_and_serial(issuer, serial)?;
        let is_same = |stored: &StoredCertificate| {
            stored.trust == Trust::Distrusted && stored.certificate.tbs() == certificate.tbs()
        };
        if namesakes.iter().any(is_same) {
            grounds.anchors.distrust(certificate.fingerprint());
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

/// Issuers of revocation lists looked for in the store for one message: sixteen for each of the
/// issuers above.
const LIST_ISSUERS: usize = 4096;
