use std::collections::HashMap;

use smime_crypto::{SignatureScheme, Signed, UnixTime};

use crate::{
    Certificate, CertificateBundle, ChainError, ChainErrorKind, ChainVerifier, Purpose,
    chain::{budget::Budget, checks},
    revocation::check_path,
};

/// Searches a path from `leaf`, which was checked, to an anchor; returns it leaf first.
///
/// Depth first, best candidate first. What the checks ask of an issuer depends on two numbers
/// only: how many certificates stand below it, and how many of those are not self-issued. So a
/// certificate that was reached once is not looked at again with numbers that are both as high or
/// higher, which keeps the search polynomial, ends every loop and loses no path. A check that looks
/// at the names below must become part of [`Label`].
pub(crate) fn search(
    verifier: &ChainVerifier<'_>,
    leaf: &Certificate,
    purpose: Purpose,
    pool: &CertificateBundle,
    at: UnixTime,
) -> Result<Vec<Certificate>, ChainError> {
    let mut search = Search {
        verifier,
        purpose,
        pool,
        at,
        budget: Budget::new(),
        steps: Vec::new(),
        pending: Vec::new(),
        reached: HashMap::new(),
        signatures: HashMap::new(),
        failure: None,
    };
    search.run(leaf)
}

struct Search<'a> {
    verifier: &'a ChainVerifier<'a>,
    purpose: Purpose,
    pool: &'a CertificateBundle,
    at: UnixTime,
    budget: Budget,
    /// Certificates proven to have signed the one below; the leaf is the first.
    steps: Vec<Step>,
    /// Candidates to look at, the next one last.
    pending: Vec<Candidate>,
    reached: HashMap<[u8; 32], Vec<Label>>,
    /// Results by the certificate signed and the key asked.
    signatures: HashMap<([u8; 32], Vec<u8>), bool>,
    failure: Option<(Rank, ChainError)>,
}

struct Step {
    certificate: Certificate,
    scheme: SignatureScheme,
    below: Option<usize>,
    label: Label,
}

struct Candidate {
    certificate: Certificate,
    is_anchor: bool,
    affinity: Affinity,
    /// The step it may have issued.
    issued: usize,
}

/// What stands below a certificate.
#[derive(Clone, Copy)]
struct Label {
    /// Intermediates.
    depth: u8,
    /// Intermediates that are not self-issued (RFC 5280 §4.2.1.9).
    counted: u8,
}

/// Whether key identifiers speak for an issuer; a hint, since anyone can write them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Affinity {
    Against,
    Unknown,
    For,
}

/// How useful a failure is: by its kind, then by how far the path had come.
type Rank = (u8, u8);

impl Search<'_> {
    fn run(&mut self, leaf: &Certificate) -> Result<Vec<Certificate>, ChainError> {
        let label = Label {
            depth: 0,
            counted: 0,
        };
        self.reach(leaf.clone(), None, label)?;
        while let Some(candidate) = self.pending.pop() {
            if let Some(path) = self.look_at(candidate)? {
                return Ok(path);
            }
        }
        let missing = ChainError {
            kind: ChainErrorKind::NoPath,
            certificate: None,
            nearest: None,
        };
        Err(self.failure.take().map_or(missing, |(_, failure)| failure))
    }

    /// Looks at one candidate; returns the path if it is an anchor that ends one.
    fn look_at(&mut self, candidate: Candidate) -> Result<Option<Vec<Certificate>>, ChainError> {
        let Some(issued) = self.steps.get(candidate.issued) else {
            return Ok(None);
        };
        let label = issued.label_above(candidate.issued == 0);
        let issuer = &candidate.certificate;
        if !candidate.is_anchor && self.was_reached(issuer, label) {
            return Ok(None);
        }
        let (lower, scheme) = (issued.certificate.clone(), issued.scheme);
        let intermediates = label.depth.saturating_add(u8::from(!candidate.is_anchor));
        let fields = if intermediates > self.verifier.policy.max_intermediates {
            Err(ChainErrorKind::PathTooLong)
        } else {
            checks::check_issuer(self.verifier, issuer, self.purpose, label.counted, self.at)
        };
        if let Err(kind) = fields {
            if candidate.affinity == Affinity::Against {
                self.fail(ChainErrorKind::NoPath, &lower, Some(issuer), label);
            } else {
                self.fail(kind, issuer, Some(issuer), label);
            }
            return Ok(None);
        }
        if !self.has_signed(issuer, &lower, scheme)? {
            self.fail(ChainErrorKind::BadSignature, &lower, Some(issuer), label);
            return Ok(None);
        }
        if candidate.is_anchor {
            let mut path = self.path_to(candidate.issued);
            path.push(candidate.certificate);
            return self.unless_revoked(path, label);
        }
        self.reach(candidate.certificate, Some(candidate.issued), label)?;
        Ok(None)
    }

    /// Takes a certificate whose own fields and whose signature on the one below are proven into
    /// the search, and its possible issuers with it.
    fn reach(
        &mut self,
        certificate: Certificate,
        below: Option<usize>,
        label: Label,
    ) -> Result<(), ChainError> {
        self.reached
            .entry(certificate.fingerprint())
            .or_default()
            .push(label);
        let scheme = match checks::permitted_scheme(self.verifier, &certificate, self.at) {
            Ok(scheme) => scheme,
            Err(kind) => {
                self.fail(kind, &certificate, None, label);
                return Ok(());
            }
        };
        let issued = self.steps.len();
        let known = self.pending.len();
        self.find_candidates(&certificate, issued)?;
        if certificate.is_self_issued() {
            self.fail(ChainErrorKind::UntrustedRoot, &certificate, None, label);
        } else if self.pending.len() == known {
            self.fail(ChainErrorKind::NoPath, &certificate, None, label);
        }
        if let Some(new) = self.pending.get_mut(known..) {
            // The best one last: matching identifiers, then anchors, then what leads upwards.
            new.sort_by_key(|candidate| {
                let certificate = &candidate.certificate;
                let leads_up = !certificate.is_self_issued();
                (
                    candidate.affinity,
                    candidate.is_anchor,
                    leads_up,
                    certificate.not_after(),
                )
            });
        }
        self.steps.push(Step {
            certificate,
            scheme,
            below,
            label,
        });
        Ok(())
    }

    /// An issuer without a name cannot be told from another (RFC 5280 §4.1.2.4): none is found.
    fn find_candidates(&mut self, lower: &Certificate, issued: usize) -> Result<(), ChainError> {
        if lower.issuer().is_empty() {
            return Ok(());
        }
        let anchors = self.verifier.anchors.with_subject(lower.issuer());
        let pool = self.pool.with_subject(lower.issuer());
        let pool = pool.filter(|certificate| !self.verifier.anchors.contains(certificate));
        for (certificate, is_anchor) in anchors
            .map(|anchor| (anchor, true))
            .chain(pool.map(|pooled| (pooled, false)))
        {
            self.budget.spend_candidate().map_err(exhausted)?;
            if certificate != lower {
                let affinity = affinity(certificate, lower);
                let certificate = certificate.clone();
                self.pending.push(Candidate {
                    certificate,
                    is_anchor,
                    affinity,
                    issued,
                });
            }
        }
        Ok(())
    }

    /// Returns the path, or takes down which of its certificates fails.
    fn unless_revoked(
        &mut self,
        path: Vec<Certificate>,
        label: Label,
    ) -> Result<Option<Vec<Certificate>>, ChainError> {
        let checked = check_path(self.verifier, &path, self.pool, self.at, &mut self.budget);
        match checked {
            Ok(_) => return Ok(Some(path)),
            Err(failure) if failure.kind == ChainErrorKind::BudgetExhausted => {
                return Err(exhausted(failure.kind));
            }
            Err(failure) => {
                if let Some(broken) = path.get(failure.index) {
                    self.fail(failure.kind, broken, None, label);
                }
            }
        }
        Ok(None)
    }

    fn was_reached(&self, certificate: &Certificate, label: Label) -> bool {
        let labels = self.reached.get(&certificate.fingerprint());
        labels.is_some_and(|labels| {
            labels
                .iter()
                .any(|known| known.depth <= label.depth && known.counted <= label.counted)
        })
    }

    fn has_signed(
        &mut self,
        issuer: &Certificate,
        lower: &Certificate,
        scheme: SignatureScheme,
    ) -> Result<bool, ChainError> {
        let question = (lower.fingerprint(), issuer.public_key().spki().to_vec());
        if let Some(known) = self.signatures.get(&question) {
            return Ok(*known);
        }
        let kind = issuer.public_key().kind();
        self.budget.spend_signature(kind).map_err(exhausted)?;
        let signed = Signed::Message(lower.tbs());
        let result =
            self.verifier
                .provider
                .verify(issuer.public_key(), scheme, signed, lower.signature());
        self.signatures.insert(question, result.is_ok());
        Ok(result.is_ok())
    }

    fn path_to(&self, top: usize) -> Vec<Certificate> {
        let mut path = Vec::new();
        let mut next = Some(top);
        while let Some(step) = next.and_then(|index| self.steps.get(index)) {
            path.push(step.certificate.clone());
            next = step.below;
        }
        path.reverse();
        path
    }

    fn fail(
        &mut self,
        kind: ChainErrorKind,
        broken: &Certificate,
        nearest: Option<&Certificate>,
        label: Label,
    ) {
        let rank = (kind.rank(), label.depth);
        if self.failure.as_ref().is_none_or(|(known, _)| *known < rank) {
            let certificate = Some(broken.fingerprint());
            let nearest = nearest.map(Certificate::fingerprint);
            self.failure = Some((
                rank,
                ChainError {
                    kind,
                    certificate,
                    nearest,
                },
            ));
        }
    }
}

impl Step {
    /// Returns the label of an issuer of this step; the leaf is not an intermediate.
    fn label_above(&self, is_leaf: bool) -> Label {
        let counted = !is_leaf && !self.certificate.is_self_issued();
        Label {
            depth: self.label.depth.saturating_add(u8::from(!is_leaf)),
            counted: self.label.counted.saturating_add(u8::from(counted)),
        }
    }
}

fn affinity(issuer: &Certificate, lower: &Certificate) -> Affinity {
    match (lower.authority_key_id(), issuer.subject_key_id()) {
        (Some(wanted), Some(id)) if wanted == id => Affinity::For,
        (Some(_), Some(_)) => Affinity::Against,
        _ => Affinity::Unknown,
    }
}

fn exhausted(kind: ChainErrorKind) -> ChainError {
    ChainError {
        kind,
        certificate: None,
        nearest: None,
    }
}
