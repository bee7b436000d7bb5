use smime_crypto::{Algorithm, Error, SignatureScheme, UnixTime, Use};

use crate::{
    AnchorConstraints, AnchorValidity, AnyExtendedKeyUsage, Certificate, ChainErrorKind,
    ChainRequest, ChainVerifier, Irregularity, Presence, ProfileRules, Purpose,
    purpose::{
        check_extended_key_usage, check_extensions, check_fitness, check_key_usage, check_nested,
        check_validity,
    },
};

/// Checks what the leaf says of itself.
pub(crate) fn check_leaf(
    verifier: &ChainVerifier<'_>,
    leaf: &Certificate,
    request: &ChainRequest<'_>,
) -> Result<(), ChainErrorKind> {
    let purpose = request.purpose;
    check_not_distrusted(verifier, leaf)?;
    if purpose.is_mail() {
        let policy = verifier.policy;
        if policy.key_usage == Presence::Required && leaf.key_usage().is_none() {
            return Err(ChainErrorKind::KeyUsage);
        }
        if policy.extended_key_usage == Presence::Required && leaf.extended_key_usage().is_none() {
            return Err(ChainErrorKind::ExtendedKeyUsage);
        }
    }
    check_fitness(leaf, purpose, request.valid_at)?;
    if verifier.policy.any_extended_key_usage == AnyExtendedKeyUsage::Ignored {
        check_extended_key_usage(&leaf.view(), purpose, AnyExtendedKeyUsage::Ignored)?;
    }
    check_profile(verifier, leaf)?;
    check_key(verifier, leaf, leaf_usage(leaf, purpose), request.at)
}

/// Returns what the key of a leaf is used for.
pub(crate) fn leaf_usage(leaf: &Certificate, purpose: Purpose) -> Use {
    match purpose {
        Purpose::EncryptMail => Use::Encrypt,
        // A key that only agrees is judged by what it is for (RFC 8410 §5).
        Purpose::Any if !leaf.public_key().kind().can_sign() => Use::Encrypt,
        _ => Use::AcceptSignature,
    }
}

/// Checks what an issuer says of itself (RFC 5280 §6.1.4 (k) to (o)), but for the length of the
/// path; `bounds` are those of an anchor, `None` for an intermediate.
pub(crate) fn check_issuer(
    verifier: &ChainVerifier<'_>,
    issuer: &Certificate,
    bounds: Option<&AnchorConstraints>,
    request: &ChainRequest<'_>,
) -> Result<(), ChainErrorKind> {
    let purpose = request.purpose;
    check_not_distrusted(verifier, issuer)?;
    if bounds.is_some_and(|bounds| !bounds.permits(purpose)) {
        return Err(ChainErrorKind::PurposeNotTrusted);
    }
    // That goes for anchors too: an end entity that was trusted directly must not issue others.
    let is_authority = issuer.is_ca() || (bounds.is_some() && is_old_root(issuer));
    if !is_authority {
        return Err(ChainErrorKind::NotACa);
    }
    check_key_usage(issuer, Purpose::SignCertificates)?;
    check_extensions(issuer)?;
    // DEVIATION RFC 5280 §4.2.1.12: an issuer's extended key usage limits what is below it;
    // because authorities constrain intermediates so and every mail client obeys.
    check_nested(
        &issuer.view(),
        purpose,
        verifier.policy.any_extended_key_usage,
    )?;
    check_profile(verifier, issuer)?;
    check_key(verifier, issuer, Use::AcceptSignature, request.at)?;
    if bounds.is_some() && verifier.policy.anchor_validity == AnchorValidity::Ignored {
        return Ok(());
    }
    check_validity(issuer, request.valid_at)
}

/// Checks the number of intermediates below an issuer that are not self-issued
/// (RFC 5280 §6.1.4 (l), (m)).
pub(crate) fn check_length(
    issuer: &Certificate,
    bounds: Option<&AnchorConstraints>,
    below: u8,
) -> Result<(), ChainErrorKind> {
    let own = issuer
        .basic_constraints()
        .and_then(|constraints| constraints.path_length);
    let given = bounds.and_then(|bounds| bounds.path_length);
    let length = [own, given].into_iter().flatten().min();
    if length.is_some_and(|length| length < u32::from(below)) {
        return Err(ChainErrorKind::PathTooLong);
    }
    Ok(())
}

/// A root of version 1 or 2: it has no extensions, so that nothing but its place among the anchors
/// says that it is an authority.
pub(crate) fn is_old_root(certificate: &Certificate) -> bool {
    certificate.version() < 3 && certificate.is_self_issued()
}

/// Returns how `certificate` is signed, if that may be believed.
pub(crate) fn permitted_scheme(
    verifier: &ChainVerifier<'_>,
    certificate: &Certificate,
    at: UnixTime,
) -> Result<SignatureScheme, ChainErrorKind> {
    let scheme = certificate
        .signature_scheme()
        .map_err(|error| match error {
            Error::UnknownAlgorithm(oid) => ChainErrorKind::UnknownAlgorithm(Box::new(oid)),
            _ => ChainErrorKind::UnusableAlgorithm,
        })?;
    let algorithm = Algorithm::Signature(scheme);
    let permitted = verifier
        .algorithms
        .permits(algorithm, Use::AcceptSignature, at);
    permitted.map_err(ChainErrorKind::AlgorithmRefused)?;
    Ok(scheme)
}

/// Returns what the certificates of a path break that the policy lets pass, each once.
pub(crate) fn irregularities(
    path: &[Certificate],
    anchor: &Certificate,
    at: UnixTime,
) -> Vec<Irregularity> {
    let mut found: Vec<_> = path.iter().flat_map(Irregularity::of).collect();
    if path.last() != Some(anchor) {
        found.extend(Irregularity::of(anchor));
        if check_validity(anchor, at).is_err() {
            found.push(Irregularity::AnchorValidity);
        }
        if is_old_root(anchor) {
            found.push(Irregularity::OldVersion);
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn check_profile(
    verifier: &ChainVerifier<'_>,
    certificate: &Certificate,
) -> Result<(), ChainErrorKind> {
    if verifier.policy.profile == ProfileRules::Warn {
        return Ok(());
    }
    let first = Irregularity::of(certificate).into_iter().next();
    first.map_or(Ok(()), |first| Err(ChainErrorKind::Nonconforming(first)))
}

fn check_not_distrusted(
    verifier: &ChainVerifier<'_>,
    certificate: &Certificate,
) -> Result<(), ChainErrorKind> {
    if verifier.anchors.distrusts(certificate) {
        Err(ChainErrorKind::Distrusted)
    } else {
        Ok(())
    }
}

pub(crate) fn check_key(
    verifier: &ChainVerifier<'_>,
    certificate: &Certificate,
    usage: Use,
    at: UnixTime,
) -> Result<(), ChainErrorKind> {
    let key = Algorithm::Key(certificate.public_key().kind());
    verifier
        .algorithms
        .permits(key, usage, at)
        .map_err(ChainErrorKind::AlgorithmRefused)
}
