use std::{collections::HashMap, rc::Rc};

use smime_crypto::{SignatureScheme, Signed};

use crate::{
    AnchorConstraints, Certificate, ChainError, ChainErrorKind, ChainRequest, ChainVerifier,
    NameBounds, Purpose, VerifiedChain,
    chain::{
        budget::Budget,
        checks,
        name_constraints::{Hosts, NameChecker},
        validation,
    },
};

/// Searches a path from `leaf`, which was checked, to an anchor.
///
/// Depth first, best candidate first, from the leaf upwards, in two rounds.
///
/// *First round.* What most checks ask of an issuer depends on itself and on two numbers: how many
/// certificates stand below it, and how many of those are not self-issued. So a certificate that
/// was reached once is not looked at again with numbers that are both as high or higher, which
/// keeps the round polynomial, ends every loop and, as far as those checks go, loses no path.
///
/// *Second round.* Name constraints look at the names below, and certificate policies and
/// revocation at the whole path; a path that they refuse may have hidden another through the same
/// certificate. Only where that happened are all paths tried that do not hold one name and key
/// twice; such a path holds a shorter one, whose certificates all stand in it. Signatures, fields,
/// candidates and names that were judged are remembered, so that a round costs little more than
/// its steps.
///
/// What this finds: if there is a path that all checks accept, and that does not hold one name and
/// key twice, it is found, or [`ChainErrorKind::BudgetExhausted`] is returned.
pub(crate) fn search(
    verifier: &ChainVerifier<'_>,
    leaf: &Certificate,
    request: &ChainRequest<'_>,
) -> Result<VerifiedChain, ChainError> {
    Search::new(verifier, request).run(leaf)
}

struct Search<'a> {
    verifier: &'a ChainVerifier<'a>,
    request: &'a ChainRequest<'a>,
    round: Round,
    budget: Budget,
    /// Certificates proven to have signed the one below; the leaf is the first.
    steps: Vec<Step>,
    /// Candidates to look at and the step each may have issued, the next one last.
    pending: Vec<(Candidate, usize)>,
    reached: HashMap<[u8; 32], Vec<Label>>,
    /// Possible issuers, the best one last, by the certificate they may have issued.
    issuers: HashMap<[u8; 32], Rc<[Candidate]>>,
    /// Results of what an issuer's own fields say.
    fields: HashMap<[u8; 32], Result<(), ChainErrorKind>>,
    /// Results by the certificate signed and the key asked.
    signatures: HashMap<([u8; 32], Vec<u8>), bool>,
    names: NameChecker,
    /// Whether a check refused that looks at more than one certificate and its label.
    refused_a_path: bool,
    failure: Option<(Rank, ChainError)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    EachOnce,
    EveryPath,
}

struct Step {
    certificate: Certificate,
    scheme: SignatureScheme,
    below: Option<usize>,
    label: Label,
}

#[derive(Clone)]
struct Candidate {
    certificate: Certificate,
    is_anchor: bool,
    affinity: Affinity,
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

impl<'a> Search<'a> {
    fn new(verifier: &'a ChainVerifier<'a>, request: &'a ChainRequest<'a>) -> Self {
        Self {
            verifier,
            request,
            round: Round::EachOnce,
            budget: Budget::new(),
            steps: Vec::new(),
            pending: Vec::new(),
            reached: HashMap::new(),
            issuers: HashMap::new(),
            fields: HashMap::new(),
            signatures: HashMap::new(),
            names: NameChecker::default(),
            refused_a_path: false,
            failure: None,
        }
    }

    fn run(&mut self, leaf: &Certificate) -> Result<VerifiedChain, ChainError> {
        for round in [Round::EachOnce, Round::EveryPath] {
            self.round = round;
            if let Some(chain) = self.explore(leaf)? {
                return Ok(chain);
            }
            if !self.refused_a_path {
                break;
            }
        }
        let missing = ChainError {
            kind: ChainErrorKind::NoPath,
            certificate: None,
            nearest: None,
        };
        Err(self.failure.take().map_or(missing, |(_, failure)| failure))
    }

    fn explore(&mut self, leaf: &Certificate) -> Result<Option<VerifiedChain>, ChainError> {
        let label = Label {
            depth: 0,
            counted: 0,
        };
        self.steps.clear();
        self.reach(leaf.clone(), None, label)?;
        while let Some((candidate, issued)) = self.pending.pop() {
            if let Some(chain) = self.look_at(candidate, issued)? {
                return Ok(Some(chain));
            }
        }
        Ok(None)
    }

    /// Looks at one candidate for the issuer of a step; returns the path if it is an anchor that
    /// ends a good one.
    fn look_at(
        &mut self,
        candidate: Candidate,
        issued: usize,
    ) -> Result<Option<VerifiedChain>, ChainError> {
        let Some(step) = self.steps.get(issued) else {
            return Ok(None);
        };
        let label = step.label_above(issued == 0);
        let issuer = &candidate.certificate;
        if !candidate.is_anchor && self.is_in_vain(issuer, issued, label) {
            return Ok(None);
        }
        let (lower, scheme) = (step.certificate.clone(), step.scheme);
        if let Err(kind) = self.check_fields(&candidate, label) {
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
        if let Err((kind, broken)) = self.check_names(&candidate, issued)? {
            self.refused_a_path = true;
            self.fail(kind, &broken, Some(issuer), label);
            return Ok(None);
        }
        if candidate.is_anchor {
            return self.judge(self.path_to(issued), candidate.certificate, label);
        }
        self.reach(candidate.certificate, Some(issued), label)?;
        Ok(None)
    }

    /// Judges a complete path by what depends on all of it.
    fn judge(
        &mut self,
        path: Vec<Certificate>,
        anchor: Certificate,
        label: Label,
    ) -> Result<Option<VerifiedChain>, ChainError> {
        let judged = validation::validate(
            self.verifier,
            self.request,
            &path,
            &anchor,
            &mut self.budget,
        );
        match judged {
            Ok(findings) => Ok(Some(VerifiedChain::new(path, anchor, findings))),
            Err(error) if error.kind == ChainErrorKind::BudgetExhausted => Err(error),
            Err(error) => {
                self.refused_a_path = true;
                self.note(error, label);
                Ok(None)
            }
        }
    }

    /// Takes a certificate whose own fields and whose signature on the one below are proven into
    /// the search, and its possible issuers with it.
    fn reach(
        &mut self,
        certificate: Certificate,
        below: Option<usize>,
        label: Label,
    ) -> Result<(), ChainError> {
        if self.round == Round::EachOnce {
            let labels = self.reached.entry(certificate.fingerprint()).or_default();
            labels.push(label);
        }
        let scheme = checks::permitted_scheme(self.verifier, &certificate, self.request.at);
        let scheme = match scheme {
            Ok(scheme) => scheme,
            Err(kind) => {
                self.fail(kind, &certificate, None, label);
                return Ok(());
            }
        };
        let issuers = self.issuers_of(&certificate);
        if certificate.is_self_issued() {
            self.fail(ChainErrorKind::UntrustedRoot, &certificate, None, label);
        } else if issuers.is_empty() {
            self.fail(ChainErrorKind::NoPath, &certificate, None, label);
        }
        let step = self.steps.len();
        for issuer in issuers.iter() {
            self.budget.spend_candidate().map_err(exhausted)?;
            self.pending.push((issuer.clone(), step));
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
    fn issuers_of(&mut self, lower: &Certificate) -> Rc<[Candidate]> {
        if let Some(known) = self.issuers.get(&lower.fingerprint()) {
            return Rc::clone(known);
        }
        let anchors = self.verifier.anchors;
        let mut found = Vec::new();
        let mut add = |certificate: &Certificate, is_anchor| {
            if certificate != lower {
                found.push(Candidate {
                    certificate: certificate.clone(),
                    is_anchor,
                    affinity: affinity(certificate, lower),
                });
            }
        };
        if !lower.issuer().is_empty() {
            for anchor in anchors.with_subject(lower.issuer()) {
                add(anchor, true);
                // Trusted for something else, it may still stand below one that is trusted.
                let is_for_this = anchors.bounds(anchor).permits(self.request.purpose);
                if !is_for_this && !anchor.is_self_issued() {
                    add(anchor, false);
                }
            }
            for pooled in self.request.pool.with_subject(lower.issuer()) {
                if !anchors.contains(pooled) {
                    add(pooled, false);
                }
            }
        }
        // The best one last: matching identifiers, then anchors, then what leads upwards.
        found.sort_by_key(|candidate| {
            let certificate = &candidate.certificate;
            let leads_up = !certificate.is_self_issued();
            (
                candidate.affinity,
                candidate.is_anchor,
                leads_up,
                certificate.not_after(),
            )
        });
        let found: Rc<[Candidate]> = found.into();
        self.issuers.insert(lower.fingerprint(), Rc::clone(&found));
        found
    }

    /// Says whether going on through an intermediate cannot find what was not found before.
    fn is_in_vain(&self, certificate: &Certificate, issued: usize, label: Label) -> bool {
        match self.round {
            Round::EachOnce => {
                let labels = self.reached.get(&certificate.fingerprint());
                labels.is_some_and(|labels| {
                    labels
                        .iter()
                        .any(|known| known.depth <= label.depth && known.counted <= label.counted)
                })
            }
            Round::EveryPath => self.steps_from(issued).any(|step| {
                let known = &step.certificate;
                known.public_key() == certificate.public_key()
                    && known.subject().matches(certificate.subject())
            }),
        }
    }

    fn check_fields(&mut self, candidate: &Candidate, label: Label) -> Result<(), ChainErrorKind> {
        let (verifier, request) = (self.verifier, self.request);
        let issuer = &candidate.certificate;
        let intermediates = label.depth.saturating_add(u8::from(!candidate.is_anchor));
        if intermediates > verifier.policy.max_intermediates {
            return Err(ChainErrorKind::PathTooLong);
        }
        let bounds = bounds(verifier, candidate);
        let key = issuer.fingerprint();
        // An anchor that stands below another is judged as what it is there, and not remembered.
        let remembered = candidate.is_anchor || !verifier.anchors.contains(issuer);
        let check = || checks::check_issuer(verifier, issuer, bounds, request);
        if remembered {
            self.fields.entry(key).or_insert_with(check).clone()?;
        } else {
            check()?;
        }
        checks::check_length(issuer, bounds, label.counted)
    }

    /// Checks the names of every certificate of the path below an issuer by the issuer's
    /// constraints: all but intermediates that are self-issued (RFC 5280 §6.1.3 (b), (c)).
    ///
    /// Doing so for each issuer as it is met gives what intersecting the constraints from the
    /// anchor down would give.
    fn check_names(
        &mut self,
        candidate: &Candidate,
        issued: usize,
    ) -> Result<Result<(), (ChainErrorKind, Certificate)>, ChainError> {
        let issuer = &candidate.certificate;
        let bounds = bounds(self.verifier, candidate);
        let more = bounds.and_then(|bounds| bounds.name_constraints.as_ref());
        let more = more.map(NameBounds::view);
        if more.is_none() && issuer.view().name_constraints().is_none() {
            return Ok(Ok(()));
        }
        let hosts = match self.request.purpose {
            Purpose::TlsServer | Purpose::Any => Hosts::Guessed,
            _ => Hosts::Named,
        };
        let mut next = Some(issued);
        while let Some(step) = next.and_then(|index| self.steps.get(index)) {
            let lower = &step.certificate;
            let hosts = match step.below {
                None => hosts,
                Some(_) => Hosts::Named,
            };
            next = step.below;
            if next.is_some() && lower.is_self_issued() {
                continue;
            }
            let checked = self
                .names
                .check(issuer, more, lower, hosts, &mut self.budget)
                .map_err(exhausted)?;
            if let Err(kind) = checked {
                return Ok(Err((kind, lower.clone())));
            }
        }
        Ok(Ok(()))
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

    /// Returns a step and those below it, the leaf last.
    fn steps_from(&self, top: usize) -> impl Iterator<Item = &Step> {
        let mut next = Some(top);
        std::iter::from_fn(move || {
            let step = self.steps.get(next?)?;
            next = step.below;
            Some(step)
        })
    }

    fn path_to(&self, top: usize) -> Vec<Certificate> {
        let mut path: Vec<_> = self
            .steps_from(top)
            .map(|step| step.certificate.clone())
            .collect();
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
        let error = ChainError {
            kind,
            certificate: Some(broken.fingerprint()),
            nearest: nearest.map(Certificate::fingerprint),
        };
        self.note(error, label);
    }

    fn note(&mut self, error: ChainError, label: Label) {
        let rank = (error.kind.rank(), label.depth);
        if self.failure.as_ref().is_none_or(|(known, _)| *known < rank) {
            self.failure = Some((rank, error));
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

/// Returns what an anchor is bound to; `None` for an intermediate.
fn bounds<'a>(
    verifier: &ChainVerifier<'a>,
    candidate: &Candidate,
) -> Option<&'a AnchorConstraints> {
    let anchor = candidate.is_anchor.then_some(&candidate.certificate)?;
    Some(verifier.anchors.bounds(anchor))
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

#[cfg(test)]
mod tests {
    use smime_crypto::{
        AlgorithmPolicy, Oid,
        asn1::{Tag, Writer},
    };
    use smime_testkit::{AcceptAll, Authority, NOW, Profile, TestKey};

    use super::*;
    use crate::{CertificateBundle, CertificatePolicy, PolicyInputs, Revocation, TrustStore};

    fn own(certificate: &[u8]) -> Certificate {
        Certificate::from_der(certificate).unwrap()
    }

    /// What the search spends below a root that excludes example.org: the leaf's issuer has
    /// `count` certificates that name themselves so, or are issued by nobody at hand.
    fn spent(count: u16, below_root: bool) -> (ChainErrorKind, u32, u32) {
        let excluded = Writer::encode(|w| {
            w.sequence(|w| {
                w.constructed(Tag::context_constructed(1), |w| {
                    w.sequence(|w| w.element(Tag::context(1), b"example.org"));
                });
            });
        });
        let root = Authority::root_with("Root", TestKey::P384A, |b| {
            b.extension(Oid::new("2.5.29.30"), true, &excluded)
        });
        let middle = root.intermediate("Middle", TestKey::P384B);
        let gone = Authority::root("Gone", TestKey::P256A);
        let above = if below_root { &middle } else { &gone };
        let mut pool = CertificateBundle::new();
        pool.add(own(middle.certificate().der()));
        let mut person = None;
        for number in 0..count {
            let issuer = above.intermediate_with("Issuer", TestKey::P256B, |b| {
                b.serial(&number.to_be_bytes()).emails(&["ca@example.org"])
            });
            pool.add(own(issuer.certificate().der()));
            let profile = Profile::of(TestKey::P256A);
            person.get_or_insert_with(|| issuer.person("a@example.com", profile));
        }
        let leaf = own(person.unwrap().certificate.der());
        let anchors: TrustStore = [own(root.certificate().der())].into_iter().collect();
        let verifier = ChainVerifier {
            provider: &AcceptAll,
            algorithms: &AlgorithmPolicy::standard(),
            policy: &CertificatePolicy::standard(),
            anchors: &anchors,
            revocation: &Revocation::off(),
        };
        let request = ChainRequest {
            purpose: Purpose::SignMail,
            pool: &pool,
            at: NOW,
            valid_at: NOW,
            policies: &PolicyInputs::default(),
        };
        let mut search = Search::new(&verifier, &request);
        let kind = search.run(&leaf).unwrap_err().kind;
        let budget = search.budget;
        (kind, budget.candidates_spent(), budget.items_spent())
    }

    /// Attack class 24: cross-certificates, and names that refuse each path through them.
    #[test]
    fn the_cost_of_a_search_grows_with_the_pool_in_both_rounds() {
        let [once, twice, four_times] = [20, 40, 80].map(|count| spent(count, false));
        assert_eq!(once.0, ChainErrorKind::NoPath);
        assert_eq!((once.1, twice.1, four_times.1), (20, 40, 80));
        let [once, twice, four_times] = [20, 40, 80].map(|count| spent(count, true));
        assert_eq!(once.0, ChainErrorKind::NameExcluded);
        assert!(
            twice.1 <= 2 * once.1 && four_times.1 <= 4 * once.1,
            "{once:?} {four_times:?}"
        );
        assert!(
            twice.2 <= 2 * once.2 && four_times.2 <= 4 * once.2,
            "{once:?} {four_times:?}"
        );
    }
}
