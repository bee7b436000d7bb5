use smime_crypto::{KeyKind, UnixTime};

use crate::{Certificate, CertificateRef, ChainErrorKind, ImportRefusal, KeyUsageBit, oid};

/// What a certificate is to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Signing mail.
    SignMail,
    /// Being encrypted to.
    EncryptMail,
    /// Issuing certificates.
    SignCertificates,
    /// Nothing in particular: the chain alone is asked for.
    Any,
}

impl Purpose {
    /// Says whether the extended key usage must allow e-mail protection, on the leaf and on every
    /// issuer.
    pub(crate) fn is_mail(self) -> bool {
        matches!(self, Self::SignMail | Self::EncryptMail)
    }
}

/// Checks whether a certificate is fit for a purpose by its own fields alone: validity, key usage,
/// extended key usage, kind of key, and extensions that forbid any use.
///
/// No chain and no policy is asked; [`ChainVerifier`](crate::ChainVerifier) makes these checks too.
///
/// # Errors
/// The first rule that is broken, in that order.
pub fn check_fitness(
    certificate: &Certificate,
    purpose: Purpose,
    at: UnixTime,
) -> Result<(), ChainErrorKind> {
    check_validity(certificate, at)?;
    check_key_usage(certificate, purpose)?;
    if purpose.is_mail() {
        check_email_protection(&certificate.view())?;
    }
    check_kind(certificate, purpose)?;
    if purpose == Purpose::SignCertificates && !certificate.is_ca() {
        return Err(ChainErrorKind::NotACa);
    }
    check_extensions(certificate)
}

/// Checks whether a certificate may be taken into a store of mail certificates.
///
/// One of a certification authority always may. Any other needs a mail address in its subject
/// alternative name, a key usage that allows signing or encrypting mail or none at all, an RSA, EC,
/// Ed25519 or X25519 key, and, when it has an extended key usage, e-mail protection in it.
///
/// # Errors
/// [`ImportRefusal`]: the first of these that fails, in that order.
pub fn check_import(certificate: &CertificateRef<'_>) -> Result<(), ImportRefusal> {
    if certificate.is_ca() {
        return Ok(());
    }
    check_import_address(certificate)?;
    check_import_key_usage(certificate)?;
    check_import_key(certificate)?;
    check_email_protection(certificate).map_err(|_| ImportRefusal::ExtendedKeyUsage)
}

/// A certificate that names nobody in its subject alternative name serves nobody's mail.
pub(crate) fn check_import_address(certificate: &CertificateRef<'_>) -> Result<(), ImportRefusal> {
    match certificate.san_emails().next() {
        Some(_) => Ok(()),
        None => Err(ImportRefusal::NoEmail),
    }
}

/// One of the uses must be signing or encrypting mail; without the extension every use is.
pub(crate) fn check_import_key_usage(
    certificate: &CertificateRef<'_>,
) -> Result<(), ImportRefusal> {
    use KeyUsageBit::{DigitalSignature, KeyAgreement, KeyEncipherment};
    let kind = certificate.key_kind();
    if let Some(usage) = certificate.key_usage() {
        let any_of: &[KeyUsageBit] = match kind {
            // On a curve, agreement is what encipherment is for RSA (RFC 8550 §4.4.2).
            KeyKind::Ec(_) => &[DigitalSignature, KeyEncipherment, KeyAgreement],
            // One use each, whatever else the certificate says (RFC 8410 §5).
            KeyKind::Ed25519 => &[DigitalSignature],
            KeyKind::X25519 => &[KeyAgreement],
            KeyKind::Rsa { .. } | KeyKind::RsaPss { .. } | KeyKind::Unknown => {
                &[DigitalSignature, KeyEncipherment]
            }
        };
        if !any_of.iter().any(|bit| usage.contains(*bit)) {
            return Err(ImportRefusal::KeyUsage);
        }
    }
    Ok(())
}

/// The key must be one of those that mail is signed or encrypted with.
pub(crate) fn check_import_key(certificate: &CertificateRef<'_>) -> Result<(), ImportRefusal> {
    if certificate.key_kind() == KeyKind::Unknown {
        Err(ImportRefusal::KeyAlgorithm)
    } else {
        Ok(())
    }
}

/// RFC 5280 §4.1.2.5: both ends are inclusive.
pub(crate) fn check_validity(
    certificate: &Certificate,
    at: UnixTime,
) -> Result<(), ChainErrorKind> {
    if at > certificate.not_after() {
        Err(ChainErrorKind::Expired)
    } else if at < certificate.not_before() {
        Err(ChainErrorKind::NotYetValid)
    } else {
        Ok(())
    }
}

/// RFC 8550 §4.4.2, RFC 5280 §4.2.1.3; without the extension every use is allowed.
pub(crate) fn check_key_usage(
    certificate: &Certificate,
    purpose: Purpose,
) -> Result<(), ChainErrorKind> {
    let Some(usage) = certificate.key_usage() else {
        return Ok(());
    };
    let allowed = match (purpose, certificate.public_key().kind()) {
        (Purpose::SignMail, _) => {
            usage.contains(KeyUsageBit::DigitalSignature)
                || usage.contains(KeyUsageBit::NonRepudiation)
        }
        (Purpose::EncryptMail, kind) if kind.can_agree() => {
            usage.contains(KeyUsageBit::KeyAgreement)
        }
        (Purpose::EncryptMail, _) => usage.contains(KeyUsageBit::KeyEncipherment),
        (Purpose::SignCertificates, _) => usage.contains(KeyUsageBit::KeyCertSign),
        (Purpose::Any, _) => true,
    };
    if allowed {
        Ok(())
    } else {
        Err(ChainErrorKind::KeyUsage)
    }
}

/// Checks that the key can do what the purpose asks, whatever the certificate says of it.
pub(crate) fn check_kind(
    certificate: &Certificate,
    purpose: Purpose,
) -> Result<(), ChainErrorKind> {
    let kind = certificate.public_key().kind();
    let can = match purpose {
        Purpose::SignMail | Purpose::SignCertificates => kind.can_sign(),
        Purpose::EncryptMail => kind.can_be_encrypted_to(),
        Purpose::Any => kind != KeyKind::Unknown,
    };
    if can {
        Ok(())
    } else {
        Err(ChainErrorKind::UnusableAlgorithm)
    }
}

/// RFC 8550 §4.4.4; without the extension every use is allowed.
pub(crate) fn check_email_protection(
    certificate: &CertificateRef<'_>,
) -> Result<(), ChainErrorKind> {
    let allowed = certificate.extended_key_usage().is_none_or(|usages| {
        usages
            .iter()
            .any(|usage| usage == oid::EMAIL_PROTECTION || usage == oid::ANY_EXTENDED_KEY_USAGE)
    });
    if allowed {
        Ok(())
    } else {
        Err(ChainErrorKind::ExtendedKeyUsage)
    }
}

/// What is not processed here must not be ignored (RFC 5280 §4.2, §6.1.4 (g), §6.1.5 (g)).
///
/// Name constraints are refused also where they are not critical and on a leaf, where they mean
/// nothing: a certificate that has them is meant for a reader that obeys them.
pub(crate) fn check_extensions(certificate: &Certificate) -> Result<(), ChainErrorKind> {
    let certificate = certificate.view();
    if let Some(oid) = certificate.unknown_critical_extension() {
        return Err(ChainErrorKind::UnknownCriticalExtension(Box::new(oid)));
    }
    if certificate.name_constraints().is_some() {
        return Err(ChainErrorKind::NameConstraintsUnsupported);
    }
    if certificate
        .policy_constraints()
        .is_some_and(|constraints| constraints.require_explicit_policy.is_some())
    {
        return Err(ChainErrorKind::PolicyConstraintsUnsupported);
    }
    Ok(())
}
