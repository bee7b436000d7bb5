use crate::lint::{LintProfile, ProfileGeneration, Severity, Validation, certificate::Linted};

/// One rule of a rule book.
pub(super) struct Rule {
    /// The stable code.
    pub(super) code: &'static str,
    /// The clause.
    pub(super) clause: &'static str,
    /// What breaking it is.
    pub(super) severity: Severity,
    /// Whom it binds.
    pub(super) scope: Scope,
    /// When.
    pub(super) issued: Issued,
    /// Says how a certificate breaks it, or `None`.
    pub(super) broken: fn(&Linted<'_>) -> Option<String>,
}

/// Which certificates a rule binds.
pub(super) enum Scope {
    /// All.
    Every,
    /// Those of certification authorities.
    Authority,
    /// Those of certification authorities below a root that issue for mail.
    MailAuthority,
    /// Those of subscribers: all that are not authorities and are for mail.
    Mail,
    /// Those under the S/MIME BR, of these validations and generations.
    Subscriber(&'static [Validation], &'static [ProfileGeneration]),
}

/// When certificates were issued that a rule binds, as (year, month, day).
pub(super) struct Issued {
    since: Option<(i64, u8, u8)>,
    before: Option<(i64, u8, u8)>,
}

impl Rule {
    /// A rule of RFC 5280 or one beside it, whose breach is an error, for every certificate.
    pub(super) const fn pkix(
        code: &'static str,
        clause: &'static str,
        broken: fn(&Linted<'_>) -> Option<String>,
    ) -> Self {
        Self {
            code,
            clause,
            severity: Severity::Error,
            scope: Scope::Every,
            issued: Issued::EVER,
            broken,
        }
    }

    /// A rule of the S/MIME BR, whose breach is an error, for every subscriber.
    pub(super) const fn smime_br(
        code: &'static str,
        clause: &'static str,
        broken: fn(&Linted<'_>) -> Option<String>,
    ) -> Self {
        Self {
            scope: Scope::SUBSCRIBERS,
            issued: Issued::UNDER_BR,
            ..Self::pkix(code, clause, broken)
        }
    }

    /// The same as a SHOULD.
    pub(super) const fn should(self) -> Self {
        Self {
            severity: Severity::Warning,
            ..self
        }
    }

    /// The same for others.
    pub(super) const fn of(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    /// The same for what was issued at another time.
    pub(super) const fn issued(self, issued: Issued) -> Self {
        Self { issued, ..self }
    }

    /// Says whether the rule binds a certificate.
    pub(super) fn binds(&self, linted: &Linted<'_>) -> bool {
        let in_scope = match (&self.scope, linted.profile) {
            (Scope::Every, _) | (Scope::Authority, LintProfile::Authority) => true,
            (Scope::MailAuthority, LintProfile::Authority) => linted.is_mail_authority(),
            (Scope::Mail, LintProfile::Mail | LintProfile::Subscriber(..)) => true,
            (
                Scope::Subscriber(validations, generations),
                LintProfile::Subscriber(validation, generation),
            ) => validations.contains(&validation) && generations.contains(&generation),
            _ => false,
        };
        let (year, month, day, _) = linted.certificate.not_before().civil();
        let issued = (year, month, day);
        in_scope
            && self.issued.since.is_none_or(|since| issued >= since)
            && self.issued.before.is_none_or(|before| issued < before)
    }
}

impl Scope {
    /// Every subscriber under the S/MIME BR.
    pub(super) const SUBSCRIBERS: Self =
        Self::Subscriber(&Validation::ALL, &ProfileGeneration::ALL);

    /// The subscribers of some generations.
    pub(super) const fn generations(generations: &'static [ProfileGeneration]) -> Self {
        Self::Subscriber(&Validation::ALL, generations)
    }

    /// The subscribers of some validations.
    pub(super) const fn validations(validations: &'static [Validation]) -> Self {
        Self::Subscriber(validations, &ProfileGeneration::ALL)
    }
}

impl Issued {
    /// At any time.
    pub(super) const EVER: Self = Self {
        since: None,
        before: None,
    };

    /// Since the S/MIME BR are in force (S/MIME BR 1.2.1).
    pub(super) const UNDER_BR: Self = Self::since((2023, 9, 1));

    pub(super) const fn since(day: (i64, u8, u8)) -> Self {
        Self {
            since: Some(day),
            before: None,
        }
    }

    pub(super) const fn before(self, day: (i64, u8, u8)) -> Self {
        Self {
            before: Some(day),
            ..self
        }
    }
}

/// Text of a certificate as it may stand in a finding: short, in quotes, nothing in it that moves
/// a cursor or turns the reading direction.
pub(super) fn quoted(text: &str) -> String {
    let mut start: String = text.chars().take(MAX_QUOTED).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    format!("{start:?}")
}

/// A line or so.
const MAX_QUOTED: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_short_and_harmless() {
        for (text, expected) in [
            ("a", "\"a\""),
            ("a\n\u{1b}[2J", "\"a\\n\\u{1b}[2J\""),
            ("\u{202e}x", "\"\\u{202e}x\""),
            ("\"", "\"\\\"\""),
        ] {
            assert_eq!(quoted(text), expected);
        }
        assert_eq!(quoted(&"ä".repeat(101)).chars().count(), 103);
    }
}
