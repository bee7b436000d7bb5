use smime_crypto::{Algorithm, Error, SignatureScheme, UnixTime, Use};

use crate::{
    Certificate, ChainErrorKind, ChainVerifier, Presence, Purpose,
    purpose::{
        check_email_protection, check_extensions, check_fitness, check_key_usage, check_validity,
    },
};

/// Checks what the leaf says of itself.
pub(crate) fn check_leaf(
    verifier: &ChainVerifier<'_>,
    leaf: &Certificate,
    purpose: Purpose,
    at: UnixTime,
) -> Result<(), ChainErrorKind> {
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
    check_fitness(leaf, purpose, at)?;
    let usage = match purpose {
        Purpose::EncryptMail => Use::Encrypt,
        // A key that only agrees is judged by what it is for (RFC 8410 §5).
        Purpose::Any if !leaf.public_key().kind().can_sign() => Use::Encrypt,
        Purpose::SignMail | Purpose::SignCertificates | Purpose::Any => Use::AcceptSignature,
    };
    check_key(verifier, leaf, usage, at)
}

/// Checks what an issuer, anchor or not, says of itself (RFC 5280 §6.1.4 (k) to (o)).
///
/// `below` counts the intermediates between it and the leaf that are not self-issued.
pub(crate) fn check_issuer(
    verifier: &ChainVerifier<'_>,
    issuer: &Certificate,
    purpose: Purpose,
    below: u8,
    at: UnixTime,
) -> Result<(), ChainErrorKind> {
    check_not_distrusted(verifier, issuer)?;
    // Version 1 and 2 have no basicConstraints, and nothing else proves an authority. That goes
    // for anchors too: an end entity that was trusted directly must not issue others.
    let constraints = issuer
        .basic_constraints()
        .filter(|constraints| constraints.ca);
    let constraints = constraints.ok_or(ChainErrorKind::NotACa)?;
    check_key_usage(issuer, Purpose::SignCertificates)?;
    if constraints
        .path_length
        .is_some_and(|length| length < u32::from(below))
    {
        return Err(ChainErrorKind::PathTooLong);
    }
    check_extensions(issuer)?;
    if purpose.is_mail() {
        // DEVIATION RFC 5280 §4.2.1.12: an issuer's extended key usage limits what is below it;
        // because authorities constrain intermediates so and every mail client obeys.
        check_email_protection(&issuer.view())?;
    }
    check_key(verifier, issuer, Use::AcceptSignature, at)?;
    check_validity(issuer, at)
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

fn check_key(
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
