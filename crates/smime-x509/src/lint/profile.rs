use std::fmt;

use smime_crypto::Oid;

use crate::{CertificateRef, oid};

/// Under which rules a certificate was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LintProfile {
    /// A subscriber of the S/MIME Baseline Requirements, by the policy it carries
    /// (S/MIME BR 7.1.6.1).
    Subscriber(Validation, ProfileGeneration),
    /// A certification authority.
    Authority,
    /// A certificate for mail without such a policy.
    Mail,
    /// Anything else: RFC 5280 alone counts.
    Other,
}

/// What was found out about the subject (S/MIME BR 1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validation {
    /// That it controls the mailbox.
    Mailbox,
    /// And which organisation it is.
    Organization,
    /// And which person, by a sponsoring organisation.
    Sponsor,
    /// And which person.
    Individual,
}

/// How narrow the profile is (S/MIME BR 1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileGeneration {
    /// As it was done before; not issued since 2025-07-15.
    Legacy,
    /// Other uses beside mail are allowed.
    Multipurpose,
    /// Mail alone.
    Strict,
}

impl LintProfile {
    /// Tells the profile of a certificate from its constraints, policies and extended key usage.
    pub fn of(certificate: &CertificateRef<'_>) -> Self {
        if certificate.is_ca() {
            return Self::Authority;
        }
        let policies = certificate.certificate_policies();
        let mut policies = policies.iter().flat_map(|policies| policies.iter());
        if let Some(profile) = policies.find_map(|it| Self::of_policy(it.policy)) {
            return profile;
        }
        let usages = certificate.extended_key_usage();
        let mut usages = usages.iter().flat_map(|usages| usages.iter());
        if usages.any(|usage| usage == oid::EMAIL_PROTECTION) {
            Self::Mail
        } else {
            Self::Other
        }
    }

    /// Returns the profile that a certificate policy of the S/MIME BR stands for.
    pub fn of_policy(policy: Oid) -> Option<Self> {
        let [validation, generation] = *policy.as_bytes().strip_prefix(SMIME_BR_ARC)? else {
            return None;
        };
        let validation = match validation {
            1 => Validation::Mailbox,
            2 => Validation::Organization,
            3 => Validation::Sponsor,
            4 => Validation::Individual,
            _ => return None,
        };
        let generation = match generation {
            1 => ProfileGeneration::Legacy,
            2 => ProfileGeneration::Multipurpose,
            3 => ProfileGeneration::Strict,
            _ => return None,
        };
        Some(Self::Subscriber(validation, generation))
    }

    /// Returns the profile of a name, such as `mailbox-strict`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|profile| profile.name() == name)
    }

    /// Returns every profile.
    pub fn all() -> impl Iterator<Item = Self> {
        let subscribers = Validation::ALL.into_iter().flat_map(|validation| {
            let generations = ProfileGeneration::ALL.into_iter();
            generations.map(move |generation| Self::Subscriber(validation, generation))
        });
        subscribers.chain([Self::Authority, Self::Mail, Self::Other])
    }

    /// Returns the name: `mailbox-legacy` to `individual-strict`, `ca`, `mail` or `other`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Subscriber(Validation::Mailbox, ProfileGeneration::Legacy) => "mailbox-legacy",
            Self::Subscriber(Validation::Mailbox, ProfileGeneration::Multipurpose) => {
                "mailbox-multipurpose"
            }
            Self::Subscriber(Validation::Mailbox, ProfileGeneration::Strict) => "mailbox-strict",
            Self::Subscriber(Validation::Organization, ProfileGeneration::Legacy) => {
                "organization-legacy"
            }
            Self::Subscriber(Validation::Organization, ProfileGeneration::Multipurpose) => {
                "organization-multipurpose"
            }
            Self::Subscriber(Validation::Organization, ProfileGeneration::Strict) => {
                "organization-strict"
            }
            Self::Subscriber(Validation::Sponsor, ProfileGeneration::Legacy) => "sponsor-legacy",
            Self::Subscriber(Validation::Sponsor, ProfileGeneration::Multipurpose) => {
                "sponsor-multipurpose"
            }
            Self::Subscriber(Validation::Sponsor, ProfileGeneration::Strict) => "sponsor-strict",
            Self::Subscriber(Validation::Individual, ProfileGeneration::Legacy) => {
                "individual-legacy"
            }
            Self::Subscriber(Validation::Individual, ProfileGeneration::Multipurpose) => {
                "individual-multipurpose"
            }
            Self::Subscriber(Validation::Individual, ProfileGeneration::Strict) => {
                "individual-strict"
            }
            Self::Authority => "ca",
            Self::Mail => "mail",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for LintProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Validation {
    /// Every one of them.
    pub const ALL: [Self; 4] = [
        Self::Mailbox,
        Self::Organization,
        Self::Sponsor,
        Self::Individual,
    ];
}

impl ProfileGeneration {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Legacy, Self::Multipurpose, Self::Strict];
}

/// 2.23.140.1.5.
const SMIME_BR_ARC: &[u8] = &[0x67, 0x81, 0x0c, 1, 5];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_policies_have_profiles_and_their_neighbours_have_none() {
        let mut names = Vec::new();
        for validation in 0..=5 {
            for generation in 0..=4 {
                let policy = Oid::new(&format!("2.23.140.1.5.{validation}.{generation}"));
                let inside = (1..=4).contains(&validation) && (1..=3).contains(&generation);
                let profile = LintProfile::of_policy(policy);
                assert_eq!(profile.is_some(), inside, "{policy}");
                names.extend(profile.map(LintProfile::name));
            }
        }
        assert_eq!(names.len(), 12);
        for policy in [
            "2.23.140.1.5",
            "2.23.140.1.5.1",
            "2.23.140.1.5.1.1.1",
            "2.23.140.1.2.1",
        ] {
            assert_eq!(LintProfile::of_policy(Oid::new(policy)), None, "{policy}");
        }
    }

    #[test]
    fn names_lead_back_to_their_profiles_and_nothing_else_does() {
        assert_eq!(LintProfile::all().count(), 15);
        for profile in LintProfile::all() {
            assert_eq!(LintProfile::from_name(profile.name()), Some(profile));
        }
        for name in ["", "mailbox", "Mailbox-Strict", "mailbox_strict", "strict"] {
            assert_eq!(LintProfile::from_name(name), None);
        }
    }
}
