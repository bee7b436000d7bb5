use std::fmt;

use smime_crypto::{Algorithm, AlgorithmPolicy, Error, UnixTime, Use};

use crate::{
    AnyExtendedKeyUsage, Certificate, CertificatePolicy, KeyUsageBit, Presence, Purpose,
    SequenceOf, extended_key_usage_name, oid,
    purpose::{
        check_email_protection, check_extensions, check_import_address, check_import_key,
        check_import_key_usage, check_key_usage, check_kind, check_validity,
    },
};

/// Says rule by rule why a certificate may or may not be used for mail.
///
/// The rules are those by which [`check_import`](crate::check_import) and
/// [`check_fitness`](crate::check_fitness) judge, and what the policies add. No chain is built and
/// no revocation asked: what is met here can still be refused by
/// [`ChainVerifier`](crate::ChainVerifier).
#[derive(Clone, Copy, Debug)]
pub struct Explainer<'a> {
    /// Which algorithms and key sizes are permitted.
    pub algorithms: &'a AlgorithmPolicy,
    /// Which extensions must be there.
    pub policy: &'a CertificatePolicy,
    /// The time of judgement.
    pub at: UnixTime,
}

/// What a person wants to do with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertificateUse {
    /// Take it into a store of mail certificates.
    Import,
    /// Sign mail with its key.
    Sign,
    /// Encrypt mail to it.
    Encrypt,
    /// Trust the certificates that it issues.
    Anchor,
}

/// How the rules of one use came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The use.
    pub usage: CertificateUse,
    /// Every rule of this use, in the order in which they are judged.
    pub findings: Vec<Finding>,
}

/// How one rule came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The stable code of the rule, such as `mail.key_usage`.
    pub rule: &'static str,
    /// Where the rule stands.
    pub clause: &'static str,
    /// Whether it is met.
    pub met: Met,
}

/// Whether a rule is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Met {
    /// It is.
    Met,
    /// It is not.
    NotMet {
        /// What was found instead; it has no control characters.
        found: String,
    },
    /// It says nothing about this certificate.
    NotApplicable,
}

impl Explainer<'_> {
    /// Judges every rule of a use, also after one is not met.
    pub fn explain(&self, certificate: &Certificate, usage: CertificateUse) -> Explanation {
        let rules = match usage {
            CertificateUse::Import => IMPORT,
            CertificateUse::Sign | CertificateUse::Encrypt => LEAF,
            CertificateUse::Anchor => ANCHOR,
        };
        let judged = Judged {
            explainer: self,
            certificate,
            usage,
        };
        let finding = |rule: &Rule| Finding {
            rule: rule.code,
            clause: rule.clause,
            met: (rule.judge)(&judged),
        };
        Explanation {
            usage,
            findings: rules.iter().map(finding).collect(),
        }
    }
}

impl CertificateUse {
    /// Every use.
    pub const ALL: [Self; 4] = [Self::Import, Self::Sign, Self::Encrypt, Self::Anchor];

    /// Returns `import`, `sign`, `encrypt` or `anchor`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Sign => "sign",
            Self::Encrypt => "encrypt",
            Self::Anchor => "anchor",
        }
    }

    /// Returns the purpose whose fitness it needs.
    fn purpose(self) -> Purpose {
        match self {
            Self::Import => Purpose::Any,
            Self::Sign => Purpose::SignMail,
            Self::Encrypt => Purpose::EncryptMail,
            Self::Anchor => Purpose::SignCertificates,
        }
    }
}

impl Explanation {
    /// Says whether no rule forbids the use.
    pub fn is_met(&self) -> bool {
        let broken = |finding: &Finding| matches!(finding.met, Met::NotMet { .. });
        !self.findings.iter().any(broken)
    }
}

impl fmt::Display for CertificateUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

struct Rule {
    code: &'static str,
    clause: &'static str,
    judge: fn(&Judged<'_>) -> Met,
}

struct Judged<'a> {
    explainer: &'a Explainer<'a>,
    certificate: &'a Certificate,
    usage: CertificateUse,
}

/// The rules of [`check_import`](crate::check_import); authorities are exempt.
const IMPORT: &[Rule] = &[
    Rule {
        code: "mail.address",
        clause: "RFC 8550 §3",
        judge: |it| {
            it.unless_authority(|| {
                let found = || "no mail address in the subject alternative name".to_owned();
                Met::of(check_import_address(&it.certificate.view()), found)
            })
        },
    },
    Rule {
        code: "mail.key_usage",
        clause: "RFC 8550 §4.4.2",
        judge: |it| {
            let absent = it.certificate.key_usage().is_none();
            it.unless_authority(|| match absent {
                true => Met::NotApplicable,
                false => Met::of(check_import_key_usage(&it.certificate.view()), || {
                    it.key_usage()
                }),
            })
        },
    },
    Rule {
        code: "mail.key_algorithm",
        clause: "RFC 8551 §2.2, §2.3",
        judge: |it| {
            it.unless_authority(|| {
                Met::of(check_import_key(&it.certificate.view()), || it.algorithm())
            })
        },
    },
    Rule {
        code: "mail.extended_key_usage",
        clause: "RFC 8550 §4.4.4",
        judge: |it| {
            let absent = it.certificate.extended_key_usage().is_none();
            it.unless_authority(|| match absent {
                true => Met::NotApplicable,
                false => it.email_protection(),
            })
        },
    },
    Rule {
        judge: |it| it.unless_authority(|| it.any_extended_key_usage()),
        ..ANY_EXTENDED_KEY_USAGE
    },
];

/// The rules of [`check_fitness`](crate::check_fitness) for mail, and those of the policies.
const LEAF: &[Rule] = &[
    VALIDITY,
    Rule {
        code: "mail.key_usage",
        clause: "RFC 8550 §4.4.2, RFC 5280 §4.2.1.3",
        judge: |it| {
            if it.certificate.key_usage().is_none() {
                return absent(it.explainer.policy.key_usage);
            }
            let allowed = check_key_usage(it.certificate, it.usage.purpose());
            Met::of(allowed, || it.key_usage())
        },
    },
    Rule {
        code: "mail.extended_key_usage",
        clause: "RFC 8550 §4.4.4, RFC 5280 §4.2.1.12",
        judge: |it| {
            if it.certificate.extended_key_usage().is_none() {
                return absent(it.explainer.policy.extended_key_usage);
            }
            it.email_protection()
        },
    },
    ANY_EXTENDED_KEY_USAGE,
    KEY_ALGORITHM,
    EXTENSIONS,
    Rule {
        code: "mail.key_permitted",
        clause: "RFC 8551 §4",
        judge: |it| {
            it.key_permitted(match it.usage {
                CertificateUse::Encrypt => Use::Encrypt,
                _ => Use::Sign,
            })
        },
    },
    Rule {
        code: "mail.signature_permitted",
        clause: "RFC 8550 §4.3",
        judge: |it| it.signature_permitted(),
    },
    Rule {
        code: "mail.address",
        clause: "RFC 8550 §3",
        judge: |it| {
            let named = !it.certificate.emails().is_empty();
            Met::or(named, || "no mail address".to_owned())
        },
    },
];

/// What makes an authority, and what mail asks of one.
const ANCHOR: &[Rule] = &[
    Rule {
        code: "mail.authority",
        clause: "RFC 5280 §4.2.1.9",
        judge: |it| {
            Met::or(it.certificate.is_ca(), || {
                match it.certificate.basic_constraints() {
                    Some(_) => "basicConstraints without CA:TRUE".to_owned(),
                    None => "no basicConstraints".to_owned(),
                }
            })
        },
    },
    VALIDITY,
    Rule {
        code: "mail.key_usage",
        clause: "RFC 5280 §4.2.1.3",
        judge: |it| {
            if it.certificate.key_usage().is_none() {
                return Met::NotApplicable;
            }
            let allowed = check_key_usage(it.certificate, it.usage.purpose());
            Met::of(allowed, || it.key_usage())
        },
    },
    Rule {
        code: "mail.extended_key_usage",
        clause: "RFC 5280 §4.2.1.12",
        judge: |it| match it.certificate.extended_key_usage() {
            Some(_) => it.email_protection(),
            None => Met::NotApplicable,
        },
    },
    ANY_EXTENDED_KEY_USAGE,
    KEY_ALGORITHM,
    EXTENSIONS,
    Rule {
        code: "mail.key_permitted",
        clause: "RFC 8550 §4.3",
        judge: |it| it.key_permitted(Use::AcceptSignature),
    },
    Rule {
        code: "mail.signature_permitted",
        clause: "RFC 8550 §4.3",
        judge: |it| {
            // Nobody's trust rests on the signature of a root over itself.
            if it.certificate.view().is_self_issued() {
                Met::NotApplicable
            } else {
                it.signature_permitted()
            }
        },
    },
];

const VALIDITY: Rule = Rule {
    code: "mail.validity",
    clause: "RFC 5280 §4.1.2.5",
    judge: |it| {
        let (from, until) = (it.certificate.not_before(), it.certificate.not_after());
        Met::of(check_validity(it.certificate, it.explainer.at), || {
            format!("valid from {from} until {until}")
        })
    },
};

/// Applies where nothing else names the use.
const ANY_EXTENDED_KEY_USAGE: Rule = Rule {
    code: "mail.any_extended_key_usage",
    clause: "RFC 8550 §4.4.4, RFC 5280 §4.2.1.12",
    judge: |it| it.any_extended_key_usage(),
};

const KEY_ALGORITHM: Rule = Rule {
    code: "mail.key_algorithm",
    clause: "RFC 8551 §2.2, §2.3",
    judge: |it| {
        let can = check_kind(it.certificate, it.usage.purpose());
        Met::of(can, || it.algorithm())
    },
};

const EXTENSIONS: Rule = Rule {
    code: "mail.extensions",
    clause: "RFC 5280 §4.2",
    judge: |it| match check_extensions(it.certificate) {
        Ok(()) => Met::Met,
        Err(error) => Met::NotMet {
            found: error.to_string(),
        },
    },
};

impl Judged<'_> {
    fn unless_authority(&self, judge: impl FnOnce() -> Met) -> Met {
        if self.certificate.is_ca() {
            Met::NotApplicable
        } else {
            judge()
        }
    }

    fn email_protection(&self) -> Met {
        let certificate = self.certificate.view();
        let any = self.explainer.policy.any_extended_key_usage;
        Met::of(check_email_protection(&certificate, any), || {
            let usages = certificate.extended_key_usage();
            let usages = usages.iter().flat_map(SequenceOf::iter);
            let names: Vec<_> = usages
                .take(MAX_SHOWN)
                .map(|it| extended_key_usage_name(it).map_or_else(|| it.to_string(), str::to_owned))
                .collect();
            names.join(", ")
        })
    }

    /// Says whether anyExtendedKeyUsage stands for emailProtection, where that is not there.
    fn any_extended_key_usage(&self) -> Met {
        let certificate = self.certificate.view();
        let usages = certificate.extended_key_usage();
        let has = |wanted| usages.is_some_and(|usages| usages.iter().any(|it| it == wanted));
        if !has(oid::ANY_EXTENDED_KEY_USAGE) || has(oid::EMAIL_PROTECTION) {
            return Met::NotApplicable;
        }
        let policy = self.explainer.policy.any_extended_key_usage;
        Met::or(policy == AnyExtendedKeyUsage::Counts, || {
            "anyExtendedKeyUsage, which the policy does not take for emailProtection".to_owned()
        })
    }

    fn key_permitted(&self, usage: Use) -> Met {
        let key = self.certificate.public_key();
        let algorithm = Algorithm::Key(key.kind());
        let permitted = self.explainer.algorithms;
        let permitted = permitted.permits(algorithm, usage, self.explainer.at);
        Met::of(permitted, || match key.bits() {
            0 => self.algorithm(),
            bits => format!("key of {bits} bits"),
        })
    }

    fn signature_permitted(&self) -> Met {
        let scheme = match self.certificate.signature_scheme() {
            Ok(scheme) => scheme,
            Err(error) => {
                let found = match error {
                    Error::UnknownAlgorithm(oid) => format!("signed with {oid}"),
                    _ => "signed in a form that cannot be used".to_owned(),
                };
                return Met::NotMet { found };
            }
        };
        let algorithm = Algorithm::Signature(scheme);
        let permitted = self.explainer.algorithms;
        let permitted = permitted.permits(algorithm, Use::AcceptSignature, self.explainer.at);
        Met::of(permitted, || {
            format!(
                "signed with {} and {}",
                scheme.name(),
                scheme.digest().name()
            )
        })
    }

    fn key_usage(&self) -> String {
        let usage = self.certificate.key_usage();
        let names: Vec<_> = usage
            .iter()
            .flat_map(|usage| usage.bits().map(KeyUsageBit::name))
            .collect();
        if names.is_empty() {
            "no use".to_owned()
        } else {
            names.join(", ")
        }
    }

    fn algorithm(&self) -> String {
        let key = self.certificate.public_key();
        format!("{:?} key of the algorithm {}", key.kind(), key.algorithm())
    }
}

impl Met {
    /// Makes it of a judgement, and what was found when it is bad.
    fn of<E>(judgement: Result<(), E>, found: impl FnOnce() -> String) -> Self {
        Self::or(judgement.is_ok(), found)
    }

    fn or(met: bool, found: impl FnOnce() -> String) -> Self {
        if met {
            Self::Met
        } else {
            Self::NotMet { found: found() }
        }
    }

    /// Returns `met`, `not_met` or `not_applicable`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NotMet { .. } => "not_met",
            Self::NotApplicable => "not_applicable",
        }
    }
}

/// What an extension that is not there means.
fn absent(presence: Presence) -> Met {
    match presence {
        Presence::Required => Met::NotMet {
            found: "absent".to_owned(),
        },
        Presence::Optional => Met::NotApplicable,
    }
}

/// How many extended key usages are listed; the longest lists in use have a dozen.
const MAX_SHOWN: usize = 20;
