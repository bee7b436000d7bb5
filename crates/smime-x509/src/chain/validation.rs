use smime_crypto::Oid;

use crate::{
    AnchorConstraints, Certificate, ChainError, ChainErrorKind, ChainRequest, ChainVerifier,
    Irregularity, PolicyInputs, RevocationPolicy,
    chain::{
        budget::Budget,
        checks,
        policies::{self, InitialLimits},
    },
    oid,
    revocation::check_path,
};

/// What a good path is good for, and what was let pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    pub(crate) policies: Vec<Oid>,
    pub(crate) warnings: Vec<Irregularity>,
    pub(crate) revocation_unknown: bool,
}

/// Judges a complete path, whose certificates, signatures and names were checked, from the anchor
/// down, by what depends on all of it: the certificate policies and revocation (RFC 5280 §6.1,
/// §6.3).
///
/// `path` is the leaf first and does not hold the anchor.
pub(crate) fn validate(
    verifier: &ChainVerifier<'_>,
    request: &ChainRequest<'_>,
    path: &[Certificate],
    anchor: &Certificate,
    budget: &mut Budget,
) -> Result<Findings, ChainError> {
    let bounds = verifier.anchors.bounds(anchor);
    let none = || ChainError {
        kind: ChainErrorKind::NoAcceptablePolicy,
        certificate: Some(anchor.fingerprint()),
        nearest: None,
    };
    let inputs = inputs(request.policies, bounds).ok_or_else(none)?;
    let limits = limits(anchor);
    let policies = policies::process(path, &inputs, limits, budget).map_err(|(kind, at)| {
        let certificate = Some(at.fingerprint());
        let certificate = certificate.filter(|_| kind != ChainErrorKind::BudgetExhausted);
        ChainError {
            kind,
            certificate,
            nearest: None,
        }
    })?;
    let unknown = check_revocation(verifier, request, path, anchor, budget)?;
    Ok(Findings {
        policies,
        warnings: checks::irregularities(path, anchor, request.valid_at),
        revocation_unknown: unknown,
    })
}

/// Judges every certificate below the anchor; says whether nothing is known of one of them.
fn check_revocation(
    verifier: &ChainVerifier<'_>,
    request: &ChainRequest<'_>,
    path: &[Certificate],
    anchor: &Certificate,
    budget: &mut Budget,
) -> Result<bool, ChainError> {
    if verifier.revocation.policy() == RevocationPolicy::Off {
        return Ok(false);
    }
    let mut whole = path.to_vec();
    if path.last() != Some(anchor) {
        whole.push(anchor.clone());
    }
    let status = check_path(verifier, &whole, request.pool, request.at, budget);
    let status = status.map_err(|failure| {
        let broken = whole.get(failure.index);
        let broken = broken.filter(|_| failure.kind != ChainErrorKind::BudgetExhausted);
        ChainError {
            kind: failure.kind,
            certificate: broken.map(Certificate::fingerprint),
            nearest: None,
        }
    })?;
    Ok(!status.unknown.is_empty())
}

/// An anchor that is bound to policies makes one of them necessary (RFC 5937 §3.2); `None` when it
/// is bound to none that is acceptable.
fn inputs(asked: &PolicyInputs, bounds: &AnchorConstraints) -> Option<PolicyInputs> {
    let mut inputs = asked.clone();
    let Some(bound) = &bounds.policies else {
        return Some(inputs);
    };
    inputs.explicit_policy = true;
    let is_any = |set: &[Oid]| set.is_empty() || set.contains(&oid::ANY_POLICY);
    if bound.contains(&oid::ANY_POLICY) {
        return Some(inputs);
    }
    if is_any(&asked.acceptable) {
        inputs.acceptable.clone_from(bound);
    } else {
        inputs.acceptable.retain(|policy| bound.contains(policy));
    }
    // An empty set would mean anyPolicy.
    (!inputs.acceptable.is_empty()).then_some(inputs)
}

/// What the anchor's own extensions say begins below it (RFC 5937 §3.2).
fn limits(anchor: &Certificate) -> InitialLimits {
    let view = anchor.view();
    let constraints = view.policy_constraints().unwrap_or_default();
    InitialLimits {
        explicit_policy: constraints.require_explicit_policy,
        policy_mapping: constraints.inhibit_policy_mapping,
        inhibit_any: view.inhibit_any_policy(),
    }
}
