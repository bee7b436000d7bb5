use smime_crypto::{KeyKind, Oid, UnixTime};

use crate::{
    AnyExtendedKeyUsage, Certificate, CertificateRef, ChainErrorKind, ImportRefusal, KeyUsage,
    KeyUsageBit, NameConstraints, PolicyConstraints, SequenceOf, SubjectAddress, oid,
};

/// What a certificate is to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Signing mail.
    SignMail,
    /// Being encrypted to.
    EncryptMail,
    /// Issuing certificates.
    SignCertificates,
    /// Signing CRLs.
    SignCrl,
    /// Signing OCSP responses that an issuer has delegated (RFC 6960 §4.2.2.2).
    SignOcsp,
    /// Being a TLS server.
    TlsServer,
    /// Being a TLS client.
    TlsClient,
    /// Signing programs.
    SignCode,
    /// Signing time stamps (RFC 3161 §2.3).
    TimeStamp,
    /// Nothing in particular: the chain alone is asked for.
    Any,
}

impl Purpose {
    /// Says whether it is one of mail.
    pub(crate) fn is_mail(self) -> bool {
        matches!(self, Self::SignMail | Self::EncryptMail)
    }

    /// Returns the extended key usage that allows it; `None` where none is asked for.
    fn extended_key_usage(self) -> Option<Oid> {
        match self {
            Self::SignMail | Self::EncryptMail => Some(oid::EMAIL_PROTECTION),
            Self::TlsServer => Some(oid::SERVER_AUTH),
            Self::TlsClient => Some(oid::CLIENT_AUTH),
            Self::SignCode => Some(oid::CODE_SIGNING),
            Self::TimeStamp => Some(oid::TIME_STAMPING),
            Self::SignOcsp => Some(oid::OCSP_SIGNING),
            Self::SignCertificates | Self::SignCrl | Self::Any => None,
        }
    }

    /// Says whether a certificate must name the use itself: the standards of these uses ask for
    /// the extension, and anyExtendedKeyUsage does not stand for it.
    fn must_be_named(self) -> bool {
        matches!(self, Self::SignOcsp | Self::SignCode | Self::TimeStamp)
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
    check_extended_key_usage(&certificate.view(), purpose, AnyExtendedKeyUsage::Counts)?;
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
/// anyExtendedKeyUsage stands for e-mail protection; [`check_import_under`] asks by other rules.
///
/// # Errors
/// [`ImportRefusal`]: the first of these that fails, in that order.
pub fn check_import(certificate: &CertificateRef<'_>) -> Result<(), ImportRefusal> {
    check_import_under(certificate, ImportRules::STANDARD)
}

/// What is left to choose about which certificates are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportRules {
    /// Whether anyExtendedKeyUsage stands for e-mail protection.
    pub any_extended_key_usage: AnyExtendedKeyUsage,
    /// Whether a mail address in the subject does where the alternative name has none.
    pub subject_address: SubjectAddress,
}

impl ImportRules {
    /// anyExtendedKeyUsage counts; an address in the subject does not.
    pub const STANDARD: Self = Self {
        any_extended_key_usage: AnyExtendedKeyUsage::Counts,
        subject_address: SubjectAddress::Ignored,
    };
}

/// Does what [`check_import`] does, by these rules.
///
/// # Errors
/// As [`check_import`].
pub fn check_import_under(
    certificate: &CertificateRef<'_>,
    rules: ImportRules,
) -> Result<(), ImportRefusal> {
    if certificate.is_ca() {
        return Ok(());
    }
    let by_subject = rules.subject_address == SubjectAddress::Counts;
    if !by_subject || certificate.emails().is_empty() {
        check_import_address(certificate)?;
    }
    check_import_key_usage(certificate)?;
    check_import_key(certificate)?;
    check_email_protection(certificate, rules.any_extended_key_usage)
        .map_err(|_| ImportRefusal::ExtendedKeyUsage)
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
        (purpose, _) => has_other_usage(purpose, usage),
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
        Purpose::EncryptMail => kind.can_be_encrypted_to(),
        Purpose::TlsServer | Purpose::TlsClient | Purpose::Any => kind != KeyKind::Unknown,
        Purpose::SignMail
        | Purpose::SignCertificates
        | Purpose::SignCrl
        | Purpose::SignOcsp
        | Purpose::SignCode
        | Purpose::TimeStamp => kind.can_sign(),
    };
    if can {
        Ok(())
    } else {
        Err(ChainErrorKind::UnusableAlgorithm)
    }
}

/// The key usage of the purposes that are not mail's: RFC 5280 §4.2.1.3 and §4.2.1.12, and for
/// signers of programs and of time what the CA/Browser Forum wants, which is that they sign nothing
/// else.
fn has_other_usage(purpose: Purpose, usage: KeyUsage) -> bool {
    use KeyUsageBit::{
        CrlSign, DigitalSignature, KeyAgreement, KeyCertSign, KeyEncipherment, NonRepudiation,
    };
    let has = |bits: &[KeyUsageBit]| bits.iter().any(|bit| usage.contains(*bit));
    match purpose {
        Purpose::SignCrl => has(&[CrlSign]),
        Purpose::TlsServer => has(&[DigitalSignature, KeyEncipherment, KeyAgreement]),
        Purpose::TlsClient => has(&[DigitalSignature, KeyAgreement]),
        Purpose::SignCode => has(&[DigitalSignature]) && !has(&[KeyCertSign, CrlSign]),
        Purpose::TimeStamp => {
            let signs = |bit| matches!(bit, DigitalSignature | NonRepudiation);
            has(&[DigitalSignature, NonRepudiation]) && usage.bits().all(signs)
        }
        _ => has(&[DigitalSignature, NonRepudiation]),
    }
}

/// RFC 8550 §4.4.4; without the extension every use is allowed.
pub(crate) fn check_email_protection(
    certificate: &CertificateRef<'_>,
    any: AnyExtendedKeyUsage,
) -> Result<(), ChainErrorKind> {
    check_nested(certificate, Purpose::SignMail, any)
}

/// The extended key usage of a leaf (RFC 5280 §4.2.1.12); without the extension every use is
/// allowed that needs not be named.
///
/// The certificate of a time-stamping authority has that use alone, and critical
/// (RFC 3161 §2.3); one that signs programs has a critical key usage, and is neither a server's nor
/// anybody's.
pub(crate) fn check_extended_key_usage(
    certificate: &CertificateRef<'_>,
    purpose: Purpose,
    any: AnyExtendedKeyUsage,
) -> Result<(), ChainErrorKind> {
    if !purpose.must_be_named() {
        return check_nested(certificate, purpose, any);
    }
    let is_critical = |wanted| {
        let mut extensions = certificate.extension_list();
        extensions.any(|extension| extension.oid == wanted && extension.critical)
    };
    let mut usages = certificate.extended_key_usage().into_iter();
    let has = |wanted| {
        let mut usages = certificate.extended_key_usage().into_iter();
        usages.any(|usages| usages.iter().any(|usage| usage == wanted))
    };
    let fit = match purpose {
        Purpose::TimeStamp => {
            let alone = usages.all(|usages| usages.iter().all(|it| it == oid::TIME_STAMPING));
            alone && is_critical(oid::EXTENDED_KEY_USAGE)
        }
        Purpose::SignCode => {
            if !is_critical(oid::KEY_USAGE) {
                return Err(ChainErrorKind::KeyUsage);
            }
            !has(oid::SERVER_AUTH) && !has(oid::ANY_EXTENDED_KEY_USAGE)
        }
        _ => true,
    };
    if fit && purpose.extended_key_usage().is_some_and(has) {
        Ok(())
    } else {
        Err(ChainErrorKind::ExtendedKeyUsage)
    }
}

/// The extended key usage of an issuer: when there is one, it limits what is issued.
///
/// An OCSP responder's certificate is issued by the authority it answers for, whatever else that
/// authority may issue (RFC 6960 §4.2.2.2).
pub(crate) fn check_nested(
    certificate: &CertificateRef<'_>,
    purpose: Purpose,
    any: AnyExtendedKeyUsage,
) -> Result<(), ChainErrorKind> {
    let wanted = purpose.extended_key_usage();
    let Some(wanted) = wanted.filter(|_| purpose != Purpose::SignOcsp) else {
        return Ok(());
    };
    let fits = |usages: SequenceOf<'_, Oid>| {
        usages.contains(wanted)
            || (any == AnyExtendedKeyUsage::Counts && usages.contains(oid::ANY_EXTENDED_KEY_USAGE))
    };
    if certificate.extended_key_usage().is_none_or(fits) {
        Ok(())
    } else {
        Err(ChainErrorKind::ExtendedKeyUsage)
    }
}

/// What is not processed here must not be ignored (RFC 5280 §4.2, §6.1.4 (o), §6.1.5 (f)).
///
/// Name constraints mean nothing on a certificate that issues none (RFC 5280 §4.2.1.10), and are
/// refused there, as an empty extension is: whoever wrote them meant something.
pub(crate) fn check_extensions(certificate: &Certificate) -> Result<(), ChainErrorKind> {
    let certificate = certificate.view();
    if let Some(oid) = certificate.unknown_critical_extension() {
        return Err(ChainErrorKind::UnknownCriticalExtension(Box::new(oid)));
    }
    let constraints = certificate.name_constraints();
    let means_nothing = |constraints: &NameConstraints<'_>| {
        !certificate.is_ca() || (constraints.permitted.is_none() && constraints.excluded.is_none())
    };
    if constraints.as_ref().is_some_and(means_nothing) {
        return Err(ChainErrorKind::NameConstraintsUnsupported);
    }
    // RFC 5280 §4.2.1.11 leaves an empty one to the application, too.
    if certificate.policy_constraints() == Some(PolicyConstraints::default()) {
        return Err(ChainErrorKind::PoliciesMalformed);
    }
    Ok(())
}
