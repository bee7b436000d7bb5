//! What a certificate does that its rule books forbid: RFC 5280 for all, the CA/Browser Forum
//! S/MIME Baseline Requirements (S/MIME BR) for those issued under them.
//!
//! A finding is advice to who issues or buys certificates. Nothing here decides whether a
//! certificate may be used: [`Explainer`](crate::Explainer) and [`ChainVerifier`](crate::ChainVerifier)
//! do.

use std::fmt;

use crate::CertificateRef;

mod authority;
mod certificate;
mod constraints;
mod country;
mod extensions;
mod fields;
mod hosts;
mod keys;
mod locations;
mod names;
mod notices;
mod organization_id;
mod policies;
mod profile;
mod rsa;
mod rule;
mod smime_br;
mod subject;

pub use profile::{LintProfile, ProfileGeneration, Validation};

use certificate::Linted;
use rule::Rule;

/// One rule that a certificate breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintFinding {
    /// How bad it is.
    pub severity: Severity,
    /// The stable code of the rule, such as `smime_br.key_usage.presence`.
    pub code: &'static str,
    /// The clause, such as `S/MIME BR 7.1.2.3` or `RFC 5280 §4.1.2.2`.
    pub rule: &'static str,
    /// What was found; text of the certificate in it is quoted and free of control characters.
    pub detail: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something to know.
    Info,
    /// Against a SHOULD, or harmful in practice.
    Warning,
    /// Against a SHALL or MUST.
    Error,
}

/// Returns what a certificate does against the rules of a profile, which
/// [`LintProfile::of`] tells from its policies; in the order of the rule books.
///
/// Each rule binds the certificates issued (notBefore) since it came into force, so the result
/// does not depend on when it is asked for.
pub fn lint(certificate: &CertificateRef<'_>, profile: LintProfile) -> Vec<LintFinding> {
    let linted = Linted::new(certificate, profile);
    rules()
        .filter(|rule| rule.binds(&linted))
        .filter_map(|rule| {
            Some(LintFinding {
                severity: rule.severity,
                code: rule.code,
                rule: rule.clause,
                detail: (rule.broken)(&linted)?,
            })
        })
        .collect()
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    [
        fields::RULES,
        names::RULES,
        extensions::RULES,
        hosts::RULES,
        constraints::RULES,
        notices::RULES,
        policies::RULES,
        locations::RULES,
        smime_br::RULES,
        rsa::RULES,
        keys::RULES,
        subject::RULES,
        authority::RULES,
    ]
    .into_iter()
    .flatten()
}

impl Severity {
    /// Returns `error`, `warning` or `info`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_rules_have_one_code_and_each_cites_its_book() {
        let mut codes = HashSet::new();
        for rule in rules() {
            assert!(codes.insert(rule.code), "{}", rule.code);
            let book = match rule.code.split_once('.') {
                Some(("smime_br", _)) => "S/MIME BR ",
                Some(("pkix", _)) => "RFC ",
                _ => panic!("{}", rule.code),
            };
            assert!(rule.clause.starts_with(book), "{}", rule.code);
        }
    }
}
