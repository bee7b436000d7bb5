use smime_crypto::{
    Curve, DigestAlgorithm, Error, KeyKind, PrivateKey, PublicKey, Random, SignatureScheme,
    UnixTime,
};

use crate::{
    BasicConstraints, Certificate, CertificateBuilder, EMAIL_PROTECTION, KeyUsageBit, Name, oid,
};

pub use error::IssueError;
pub use subject::{MailSubject, MailUse};

mod error;
mod subject;

/// A certification authority that issues, by the profile of the CA/Browser Forum S/MIME Baseline
/// Requirements §7.1: mailbox-validated, multipurpose or strict.
///
/// Whether somebody owns the address that is certified is for the caller to know.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Issuer<'a> {
    certificate: &'a Certificate,
    key: &'a PrivateKey,
    crl: Option<&'a str>,
    certificate_url: Option<&'a str>,
    generation: Generation,
}

/// How much a certificate for mail may be used for beside mail (Baseline Requirements §7.1.6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Generation {
    /// Mail, and what an address proves elsewhere; valid for 825 days at most.
    #[default]
    Multipurpose,
    /// Mail alone; valid for 825 days at most.
    Strict,
}

/// From when and for how long a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub from: UnixTime,
    /// Days; the last second is the last of the last day.
    pub days: u32,
}

/// Makes a root: an authority that vouches for itself, without limit on what is below it.
///
/// The serial number has 128 random bits; the profile is RFC 5280 §4.2.1 and Baseline Requirements
/// §7.1.2.1.
///
/// # Errors
/// [`IssueError::Name`], [`IssueError::Days`] beyond 25 years, [`IssueError::KeyRefused`];
/// [`IssueError::Crypto`] when the key does not sign or there is no randomness.
pub fn make_root(
    name: &str,
    key: &PrivateKey,
    validity: Validity,
    random: &dyn Random,
) -> Result<Certificate, IssueError> {
    let builder = authority_builder(name, key.public_key(), validity)?.basic_constraints(CA);
    sign(builder, key, random)
}

impl<'a> Issuer<'a> {
    /// Takes an authority's certificate and its key.
    ///
    /// # Errors
    /// [`IssueError::NotAnAuthority`] when the certificate is not one that may sign certificates;
    /// [`IssueError::OtherKey`] when the key is another's.
    pub fn new(certificate: &'a Certificate, key: &'a PrivateKey) -> Result<Self, IssueError> {
        let usage = certificate.key_usage();
        let signs = usage.is_none_or(|usage| usage.contains(KeyUsageBit::KeyCertSign));
        if !certificate.is_ca() || !signs {
            return Err(IssueError::NotAnAuthority);
        }
        if certificate.public_key() != key.public_key() {
            return Err(IssueError::OtherKey);
        }
        Ok(Self {
            certificate,
            key,
            crl: None,
            certificate_url: None,
            generation: Generation::default(),
        })
    }

    /// Names where the issuer's revocation list is; the Baseline Requirements §7.1.2.3 b want it.
    ///
    /// # Errors
    /// [`IssueError::Url`] for anything but a plain `http://` URL.
    pub fn crl_at(mut self, url: &'a str) -> Result<Self, IssueError> {
        self.crl = Some(check_url(url)?);
        Ok(self)
    }

    /// Names where the issuer's certificate is.
    ///
    /// # Errors
    /// [`IssueError::Url`] for anything but a plain `http://` URL.
    pub fn certificate_at(mut self, url: &'a str) -> Result<Self, IssueError> {
        self.certificate_url = Some(check_url(url)?);
        Ok(self)
    }

    /// Sets the generation of the certificates for mail.
    pub fn generation(mut self, generation: Generation) -> Self {
        self.generation = generation;
        self
    }

    /// Issues a certificate to an authority below this one that issues to people alone
    /// (Baseline Requirements §7.1.2.2).
    ///
    /// # Errors
    /// As [`make_root`]; [`IssueError::PathLength`] when this authority may have none below it;
    /// [`IssueError::SameName`] when its name would be the issuer's, as only the issuer's own
    /// certificates of another key have it (RFC 5280 §3.2); [`IssueError::Outlives`] when it would
    /// be valid when the issuer is not.
    pub fn issue_authority(
        &self,
        name: &str,
        key: &PublicKey,
        validity: Validity,
        random: &dyn Random,
    ) -> Result<Certificate, IssueError> {
        let limit = self.certificate.basic_constraints();
        if limit.is_some_and(|limit| limit.path_length == Some(0)) {
            return Err(IssueError::PathLength);
        }
        if subject::named(name)?
            .view()
            .matches(self.certificate.subject())
        {
            return Err(IssueError::SameName);
        }
        let builder = authority_builder(name, key, validity)?
            .basic_constraints(BasicConstraints {
                path_length: Some(0),
                ..CA
            })
            .extended_key_usage(&[EMAIL_PROTECTION])
            .policies(&[oid::ANY_POLICY]);
        self.issue(builder, validity, random)
    }

    /// Issues a certificate for mail.
    ///
    /// The policy of the generation is asserted unless the subject has a name of a person, which a
    /// mailbox-validated certificate must not have (Baseline Requirements §7.1.4.2.3).
    ///
    /// # Errors
    /// [`IssueError::Days`] beyond 825 days, [`IssueError::KeyRefused`], [`IssueError::Outlives`];
    /// [`IssueError::Crypto`] when the key does not sign or there is no randomness.
    pub fn issue_mail(
        &self,
        subject: &MailSubject,
        key: &PublicKey,
        validity: Validity,
        random: &dyn Random,
    ) -> Result<Certificate, IssueError> {
        let until = validity.until(MAX_MAIL_DAYS)?;
        let mut builder = CertificateBuilder::new(subject.name(), key, validity.from, until);
        builder = subject
            .extend(builder, key)?
            .extended_key_usage(&[EMAIL_PROTECTION]);
        if subject.is_mailbox_alone() {
            builder = builder.policies(&[match self.generation {
                Generation::Multipurpose => oid::MAILBOX_MULTIPURPOSE,
                Generation::Strict => oid::MAILBOX_STRICT,
            }]);
        }
        self.issue(builder.identify_key(key), validity, random)
    }

    fn issue(
        &self,
        mut builder: CertificateBuilder,
        validity: Validity,
        random: &dyn Random,
    ) -> Result<Certificate, IssueError> {
        let within = validity.from >= self.certificate.not_before()
            && validity.until(u32::MAX)? <= self.certificate.not_after();
        if !within {
            return Err(IssueError::Outlives);
        }
        if let Some(url) = self.crl {
            builder = builder.crl_at(url);
        }
        if let Some(url) = self.certificate_url {
            builder = builder.issuer_at(url);
        }
        sign(builder.issued_by(self.certificate), self.key, random)
    }
}

impl Validity {
    /// Returns the last second: `days` whole days, both ends inclusive (RFC 5280 §4.1.2.5).
    fn until(self, most: u32) -> Result<UnixTime, IssueError> {
        if self.days == 0 || self.days > most {
            return Err(IssueError::Days { most });
        }
        let length = i64::from(self.days) * 86_400 - 1;
        let until = self.from.0.saturating_add(length);
        // RFC 5280 §4.1.2.5: four digits of a year.
        if (0..=LAST_SECOND).contains(&self.from.0) && until <= LAST_SECOND {
            Ok(UnixTime(until))
        } else {
            Err(IssueError::Days { most })
        }
    }
}

fn authority_builder(
    name: &str,
    key: &PublicKey,
    validity: Validity,
) -> Result<CertificateBuilder, IssueError> {
    let name: Name = subject::named(name)?;
    subject::check_key(key)?;
    let until = validity.until(MAX_AUTHORITY_DAYS)?;
    Ok(CertificateBuilder::new(name, key, validity.from, until)
        .key_usage(&[KeyUsageBit::KeyCertSign, KeyUsageBit::CrlSign])
        .identify_key(key))
}

fn sign(
    builder: CertificateBuilder,
    key: &PrivateKey,
    random: &dyn Random,
) -> Result<Certificate, IssueError> {
    let mut serial = [0; 16];
    random.fill(&mut serial)?;
    // RFC 5280 §4.1.2.2: positive.
    if serial == [0; 16] {
        return Err(Error::NoRandomness.into());
    }
    let scheme = scheme(key.public_key())?;
    Ok(builder.serial(&serial).sign(key, scheme, random)?)
}

/// Returns what suits a key (Baseline Requirements §7.1.3.2).
pub(crate) fn scheme(key: &PublicKey) -> Result<SignatureScheme, IssueError> {
    match key.kind() {
        KeyKind::Rsa { .. } => Ok(SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256)),
        KeyKind::Ec(Curve::P256) => Ok(SignatureScheme::Ecdsa(DigestAlgorithm::Sha256)),
        KeyKind::Ec(Curve::P384) => Ok(SignatureScheme::Ecdsa(DigestAlgorithm::Sha384)),
        KeyKind::Ec(Curve::P521) => Ok(SignatureScheme::Ecdsa(DigestAlgorithm::Sha512)),
        KeyKind::Ed25519 => Ok(SignatureScheme::Ed25519),
        KeyKind::RsaPss { .. } | KeyKind::X25519 | KeyKind::Unknown => Err(IssueError::KeyRefused),
    }
}

/// Plain HTTP (Baseline Requirements §7.1.2.3 b, c): who checks a certificate cannot need another
/// one to be checked before.
fn check_url(url: &str) -> Result<&str, IssueError> {
    let place = url.strip_prefix("http://").unwrap_or_default();
    let printable = url
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
    if place.is_empty() || place.starts_with('/') || !printable {
        return Err(IssueError::Url);
    }
    Ok(url)
}

const CA: BasicConstraints = BasicConstraints {
    ca: true,
    path_length: None,
};
/// Baseline Requirements §6.3.2, multipurpose and strict.
const MAX_MAIL_DAYS: u32 = 825;
/// 25 years, as root programs allow.
const MAX_AUTHORITY_DAYS: u32 = 9132;
/// 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;
