use smime_crypto::Oid;

use crate::{Certificate, EmailAddress};

/// Which rules certificates must keep beyond those of RFC 5280; data, to be shown and compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificatePolicy {
    /// How many certificates may stand between the leaf and the anchor, self-issued ones counted.
    pub max_intermediates: u8,
    /// Whether the leaf must have the extension keyUsage.
    pub key_usage: Presence,
    /// Whether the leaf must have the extension extKeyUsage.
    pub extended_key_usage: Presence,
    /// Whether anyExtendedKeyUsage stands for the extended key usage that a purpose asks for.
    pub any_extended_key_usage: AnyExtendedKeyUsage,
    /// Whether an anchor must be valid at the time of judgement.
    pub anchor_validity: AnchorValidity,
    /// What becomes of a certificate that breaks what RFC 5280 §4 asks of those who issue.
    pub profile: ProfileRules,
    /// Whether the mail addresses in the subject are those of whom it names.
    pub subject_address: SubjectAddress,
}

/// Whether a mail address in the subject (emailAddress) counts beside those of the subject
/// alternative name, where it belongs (RFC 8550 §3, RFC 5280 §4.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectAddress {
    /// It counts, as old certificates need it.
    Counts,
    /// It is part of a name and nobody's address.
    Ignored,
}

/// Whether something must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It must.
    Required,
    /// It may; when it is there, it counts.
    Optional,
}

/// What anyExtendedKeyUsage is worth (RFC 5280 §4.2.1.12 leaves it to the application).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnyExtendedKeyUsage {
    /// It stands for every use that needs not be named.
    Counts,
    /// It stands for nothing.
    Ignored,
}

/// Whether the time of an anchor counts; RFC 5280 §6.1.1 (d) leaves it out of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnchorValidity {
    /// It must be valid, as any certificate of the path.
    Checked,
    /// It may have expired; that is a warning.
    Ignored,
}

/// What becomes of an [`Irregularity`](crate::Irregularity).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileRules {
    /// It is a warning: path validation (RFC 5280 §6) does not ask for it.
    Warn,
    /// It makes the certificate unfit.
    Refuse,
}

/// The inputs of path validation about certificate policies (RFC 5280 §6.1.1 (c), (e), (f), (g)).
///
/// The default asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PolicyInputs {
    /// The user-initial-policy-set; empty for anyPolicy.
    pub acceptable: Vec<Oid>,
    /// initial-explicit-policy: the path must be good for one of the acceptable policies.
    pub explicit_policy: bool,
    /// initial-policy-mapping-inhibit: policies are not mapped.
    pub inhibit_mapping: bool,
    /// initial-any-policy-inhibit: anyPolicy in a certificate stands for nothing.
    pub inhibit_any: bool,
}

impl CertificatePolicy {
    /// What today's mail needs: extensions count where they are.
    ///
    /// Eight intermediates: public hierarchies have one to three, bridges and key rollover make
    /// six (RFC 4158 §2); anything deeper is built to cost time.
    pub const fn standard() -> Self {
        Self {
            max_intermediates: 8,
            key_usage: Presence::Optional,
            extended_key_usage: Presence::Optional,
            any_extended_key_usage: AnyExtendedKeyUsage::Counts,
            anchor_validity: AnchorValidity::Checked,
            profile: ProfileRules::Warn,
            subject_address: SubjectAddress::Counts,
        }
    }

    /// As standard, and the leaf must name its uses and its addresses, as every public issuer of mail
    /// certificates makes it do: anyExtendedKeyUsage names no use (S/MIME Baseline Requirements
    /// §7.1.2.3 f), and the subject no address that the alternative name lacks (§7.1.4.2.1).
    pub const fn strict() -> Self {
        Self {
            key_usage: Presence::Required,
            extended_key_usage: Presence::Required,
            any_extended_key_usage: AnyExtendedKeyUsage::Ignored,
            subject_address: SubjectAddress::Ignored,
            ..Self::standard()
        }
    }

    /// As standard: what makes old mail unreadable is its algorithms, and the time to judge it at
    /// is an argument.
    pub const fn archive() -> Self {
        Self::standard()
    }

    /// Says whether `certificate` is that of somebody with this mail address.
    pub fn names(&self, certificate: &Certificate, address: &EmailAddress) -> bool {
        match self.subject_address {
            SubjectAddress::Counts => certificate.emails().iter().any(|it| it.matches(address)),
            SubjectAddress::Ignored => {
                let view = certificate.view();
                let mut named = view.san_emails().filter_map(EmailAddress::new);
                named.any(|it| it.matches(address))
            }
        }
    }
}
