use std::collections::{BTreeMap, BTreeSet, HashMap};

use smime_crypto::UnixTime;

use crate::{
    Certificate, CertificateBundle, ChainErrorKind, ChainVerifier, Crl, OcspResponse,
    RevocationReason, chain::budget::Budget,
};

mod crls;
mod proof;
mod responses;
mod scope;
mod signers;

pub use proof::CrlError;

/// How sure one must be that a certificate is not revoked, and what is known about it: CRLs and
/// OCSP responses, which are data from anywhere and prove themselves.
///
/// Judged is what was so at one time. A CRL or response shows that a certificate was not revoked
/// then only if it is the one to ask then: issued before, and its successor not yet due. That it
/// was revoked then, any authentic one shows, however old or new, unless the revocation came later
/// or was a hold that may have ended: a revocation is for ever (RFC 5280 §5.3.1). A list without
/// nextUpdate can only revoke.
#[derive(Clone, Debug, Default)]
pub struct Revocation {
    policy: RevocationPolicy,
    crls: Vec<Crl>,
    /// Places in `crls` by the canonical name of the issuer.
    by_issuer: BTreeMap<Vec<u8>, Vec<usize>>,
    responses: Vec<OcspResponse>,
    /// Places in `responses` by the serial numbers of which each tells.
    by_serial: BTreeMap<Vec<u8>, Vec<usize>>,
    /// Places in `crls` and in `responses` of those that nobody vouches for.
    offered_crls: BTreeSet<usize>,
    offered_responses: BTreeSet<usize>,
}

/// What an unknown status means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RevocationPolicy {
    /// Nothing is asked.
    #[default]
    Off,
    /// A certificate of which nothing is known is taken for not revoked. Evidence that was given
    /// counts: if it is about the certificate and cannot be used, the certificate fails.
    IfAvailable,
    /// Every certificate below the anchor must be proven not to be revoked.
    Require,
}

/// What was found of a path that is not revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RevocationStatus {
    /// The places in the path of the certificates of which nothing is known.
    pub(crate) unknown: Vec<usize>,
}

/// Which certificate of a path fails, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathFailure {
    /// Its place in the path, the leaf's being 0; meaningless when the budget ran out.
    pub(crate) index: usize,
    pub(crate) kind: ChainErrorKind,
}

impl Revocation {
    /// Asks nothing.
    pub const fn off() -> Self {
        Self::new(RevocationPolicy::Off)
    }

    /// Asks what `policy` says, and knows nothing yet.
    pub const fn new(policy: RevocationPolicy) -> Self {
        Self {
            policy,
            crls: Vec::new(),
            by_issuer: BTreeMap::new(),
            responses: Vec::new(),
            by_serial: BTreeMap::new(),
            offered_crls: BTreeSet::new(),
            offered_responses: BTreeSet::new(),
        }
    }

    /// Returns what an unknown status means.
    pub fn policy(&self) -> RevocationPolicy {
        self.policy
    }

    /// Adds a CRL to what is known.
    pub fn add_crl(&mut self, crl: Crl) {
        let places = self.by_issuer.entry(crl.issuer().canonical()).or_default();
        places.push(self.crls.len());
        self.crls.push(crl);
    }

    /// Adds an OCSP response to what is known; one without an answer tells nothing.
    pub fn add_response(&mut self, response: OcspResponse) {
        let place = self.responses.len();
        for single in response.basic().iter().flat_map(|it| it.responses()) {
            let serial = single.certificate.serial.to_vec();
            let places = self.by_serial.entry(serial).or_default();
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
        self.responses.push(response);
    }

    /// Adds a CRL that came with what is judged: it counts where it can be used, and where it
    /// cannot, because its time is over or another than its issuer signed it, nothing is known.
    pub fn offer_crl(&mut self, crl: Crl) {
        self.offered_crls.insert(self.crls.len());
        self.add_crl(crl);
    }

    /// Adds an OCSP response that came with what is judged; it counts as an offered CRL does.
    pub fn offer_response(&mut self, response: OcspResponse) {
        self.offered_responses.insert(self.responses.len());
        self.add_response(response);
    }

    /// Returns the CRLs, in the order they were added.
    pub fn crls(&self) -> &[Crl] {
        &self.crls
    }

    /// Returns the OCSP responses, in the order they were added.
    pub fn responses(&self) -> &[OcspResponse] {
        &self.responses
    }
}

/// Judges every certificate of `path` but the anchor: `path` is leaf first, anchor last, and was
/// found valid otherwise.
///
/// Signers of CRLs are looked for in the path and in `pool`.
pub(crate) fn check_path(
    verifier: &ChainVerifier<'_>,
    path: &[Certificate],
    pool: &CertificateBundle,
    at: UnixTime,
    budget: &mut Budget,
) -> Result<RevocationStatus, PathFailure> {
    let mut status = RevocationStatus::default();
    if verifier.revocation.policy == RevocationPolicy::Off {
        return Ok(status);
    }
    let mut judge = Judge {
        verifier,
        evidence: verifier.revocation,
        pool,
        at,
        budget,
        signatures: HashMap::new(),
        signers: HashMap::new(),
    };
    let mut unknown = None;
    for (index, certificate) in path.iter().enumerate() {
        let above = path.get(index + 1..).unwrap_or_default();
        if above.is_empty() {
            break;
        }
        let failed = |kind| PathFailure { index, kind };
        match judge
            .judge(certificate, above, Level::Path)
            .map_err(failed)?
        {
            Finding::NotRevoked => {}
            Finding::Revoked { at, reason } => {
                return Err(failed(ChainErrorKind::Revoked { at, reason }));
            }
            finding if judge.accepts(finding) => status.unknown.push(index),
            _ => unknown = unknown.or(Some(failed(ChainErrorKind::RevocationUnknown))),
        }
    }
    unknown.map_or(Ok(status), Err)
}

/// What is known of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    NotRevoked,
    Revoked {
        at: UnixTime,
        reason: Option<RevocationReason>,
    },
    /// Nothing was found about it.
    Nothing,
    /// What was found cannot be used.
    Unusable,
}

/// Whose certificate is judged; two levels bound the recursion.
///
/// The certificates of those who sign CRLs and OCSP responses are judged like any other. Whoever
/// signs CRLs about those is taken without being judged: it must end somewhere, and a signer of
/// CRLs may be the one who tells of itself (RFC 5280 §6.3.3 (f) says nothing of it).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Level {
    /// One of the path.
    Path,
    /// One of a signer of evidence about the path.
    Signer,
}

struct Judge<'a> {
    verifier: &'a ChainVerifier<'a>,
    evidence: &'a Revocation,
    pool: &'a CertificateBundle,
    at: UnixTime,
    budget: &'a mut Budget,
    /// Results by the place of the CRL and the certificate asked.
    signatures: HashMap<(usize, [u8; 32]), bool>,
    /// Which certificates were proven to be those of CRL signers, and which not.
    signers: HashMap<([u8; 32], Level), bool>,
}

impl Judge<'_> {
    /// Judges one certificate; `above` are those above it, its issuer first, the anchor last.
    fn judge(
        &mut self,
        certificate: &Certificate,
        above: &[Certificate],
        level: Level,
    ) -> Result<Finding, ChainErrorKind> {
        let answered = self.ask_responses(certificate, above, level)?;
        if matches!(answered, Finding::Revoked { .. }) {
            return Ok(answered);
        }
        let listed = self.ask_crls(certificate, above, level)?;
        Ok(match (answered, listed) {
            (_, Finding::Revoked { .. }) => listed,
            (Finding::NotRevoked, _) | (_, Finding::NotRevoked) => Finding::NotRevoked,
            (Finding::Nothing, Finding::Nothing) => Finding::Nothing,
            _ => Finding::Unusable,
        })
    }

    /// Says whether a certificate of which no more than this is known may be used.
    fn accepts(&self, finding: Finding) -> bool {
        match finding {
            Finding::NotRevoked => true,
            Finding::Nothing => self.evidence.policy != RevocationPolicy::Require,
            Finding::Revoked { .. } | Finding::Unusable => false,
        }
    }

    /// Says whether a revocation with these fields, in evidence that is not the one to ask at the
    /// time of judgement, shows that the certificate was revoked then.
    fn was_revoked(
        &self,
        since: UnixTime,
        reason: Option<RevocationReason>,
        told_at: UnixTime,
    ) -> bool {
        // What was told before and is a hold may have ended.
        let lasts = reason != Some(RevocationReason::CertificateHold) || told_at >= self.at;
        lasts && since <= self.at
    }
}
