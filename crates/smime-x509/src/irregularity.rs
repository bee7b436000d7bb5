use std::fmt;

use smime_crypto::Oid;

use crate::{Certificate, KeyUsageBit, oid};

/// What RFC 5280 §4 asks of those who issue certificates and a certificate does not keep, though
/// path validation (RFC 5280 §6) says nothing of it.
///
/// [`ProfileRules`](crate::ProfileRules) says whether it is a warning or a refusal; the last two
/// are warnings always, since a policy permits them by name.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Irregularity {
    /// The serial number is not positive or has more than 20 octets (RFC 5280 §4.1.2.2).
    SerialNumber,
    /// An extension that must not be critical is (RFC 5280 §4.2.1.1, §4.2.1.2, §4.2.2.1).
    Critical,
    /// An extension that must be critical is not: basicConstraints of an authority,
    /// nameConstraints, policyConstraints, inhibitAnyPolicy, or subjectAltName beside an empty
    /// subject (RFC 5280 §4.2.1).
    NotCritical,
    /// No authorityKeyIdentifier in a certificate that is not self-issued (RFC 5280 §4.2.1.1).
    NoAuthorityKeyId,
    /// No subjectKeyIdentifier in the certificate of an authority (RFC 5280 §4.2.1.2).
    NoSubjectKeyId,
    /// A certificate of no authority has keyCertSign, or one has a path length that may not have
    /// one (RFC 5280 §4.2.1.3, §4.2.1.9).
    NotAnAuthority,
    /// An authority without a name (RFC 5280 §4.1.2.6).
    NoSubject,
    /// A root of version 1 or 2, which cannot say that it is an authority.
    OldVersion,
    /// An anchor outside its validity.
    AnchorValidity,
}

impl Irregularity {
    /// Returns the stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::SerialNumber => "profile.serial_number",
            Self::Critical => "profile.critical",
            Self::NotCritical => "profile.not_critical",
            Self::NoAuthorityKeyId => "profile.no_authority_key_id",
            Self::NoSubjectKeyId => "profile.no_subject_key_id",
            Self::NotAnAuthority => "profile.not_an_authority",
            Self::NoSubject => "profile.no_subject",
            Self::OldVersion => "profile.old_version",
            Self::AnchorValidity => "profile.anchor_validity",
        }
    }

    /// Returns those of one certificate, except what depends on a policy.
    pub(crate) fn of(certificate: &Certificate) -> Vec<Self> {
        let mut found = Vec::new();
        let mut note = |holds: bool, what: Self| {
            if holds {
                found.push(what);
            }
        };
        note(is_odd_serial(certificate.serial()), Self::SerialNumber);
        let view = certificate.view();
        let is_ca = view.is_ca();
        let nameless = view.subject().is_empty();
        let mut wrongly_critical = false;
        let mut wrongly_not = false;
        for extension in view.extension_list() {
            if NEVER_CRITICAL.contains(&extension.oid) {
                wrongly_critical |= extension.critical;
            }
            let must = ALWAYS_CRITICAL.contains(&extension.oid)
                || (is_ca && extension.oid == oid::BASIC_CONSTRAINTS)
                || (nameless && extension.oid == oid::SUBJECT_ALT_NAME);
            wrongly_not |= must && !extension.critical;
        }
        note(wrongly_critical, Self::Critical);
        note(wrongly_not, Self::NotCritical);
        let is_self_issued = certificate.is_self_issued();
        let no_key_id = view.authority_key_id().is_none() && !is_self_issued;
        note(no_key_id, Self::NoAuthorityKeyId);
        note(
            is_ca && view.subject_key_id().is_none(),
            Self::NoSubjectKeyId,
        );
        note(is_ca && nameless, Self::NoSubject);
        let usage = certificate.key_usage();
        let signs = usage.is_some_and(|usage| usage.contains(KeyUsageBit::KeyCertSign));
        let has_length = view
            .basic_constraints()
            .is_some_and(|constraints| constraints.path_length.is_some());
        let bad_length = has_length && (!is_ca || (usage.is_some() && !signs));
        note((signs && !is_ca) || bad_length, Self::NotAnAuthority);
        found
    }
}

impl fmt::Display for Irregularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SerialNumber => "serial number not positive or over 20 octets",
            Self::Critical => "an extension is critical that must not be",
            Self::NotCritical => "an extension is not critical that must be",
            Self::NoAuthorityKeyId => "no authority key identifier",
            Self::NoSubjectKeyId => "an authority without subject key identifier",
            Self::NotAnAuthority => "rights of an authority in a certificate that is none's",
            Self::NoSubject => "an authority without a name",
            Self::OldVersion => "a root of version 1 or 2",
            Self::AnchorValidity => "an anchor outside its validity",
        })
    }
}

fn is_odd_serial(serial: &[u8]) -> bool {
    let negative = serial.first().is_some_and(|first| first & 0x80 != 0);
    negative || serial.iter().all(|octet| *octet == 0) || serial.len() > MAX_SERIAL
}

const NEVER_CRITICAL: &[Oid] = &[
    oid::AUTHORITY_KEY_ID,
    oid::SUBJECT_KEY_ID,
    oid::AUTHORITY_INFO_ACCESS,
];

const ALWAYS_CRITICAL: &[Oid] = &[
    oid::NAME_CONSTRAINTS,
    oid::POLICY_CONSTRAINTS,
    oid::INHIBIT_ANY_POLICY,
];

/// RFC 5280 §4.1.2.2; the octet of the sign is one of them.
const MAX_SERIAL: usize = 20;
