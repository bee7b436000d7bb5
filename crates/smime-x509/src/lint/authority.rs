use crate::{
    KeyUsageBit,
    lint::{
        LintProfile,
        certificate::Linted,
        country::is_country,
        keys::key_fault,
        locations::{is_http, points},
        policies::qualifier_fault,
        rsa::{exponent_fault, exponent_range, modulus_quality},
        rule::{Rule, Scope},
        smime_br::foreign_usage,
    },
    oid,
};

/// S/MIME BR 6.1.5, 6.1.6, 7.1.2.2, 7.1.4.3 and 7.1.6.3: authorities below a root that issue for
/// mail.
///
/// A root does not say whether it is one for mail, so nothing here binds roots.
pub(super) const RULES: &[Rule] = &[
    rule("smime_br.ca.key", "S/MIME BR 6.1.5, 7.1.3.1", key_fault),
    rule(
        "smime_br.ca.rsa_exponent",
        "S/MIME BR 6.1.6",
        exponent_fault,
    ),
    rule(
        "smime_br.ca.rsa_exponent_range",
        "S/MIME BR 6.1.6",
        exponent_range,
    )
    .should(),
    rule(
        "smime_br.ca.rsa_modulus",
        "S/MIME BR 6.1.6",
        modulus_quality,
    )
    .should(),
    rule(
        "smime_br.ca.extended_key_usage",
        "S/MIME BR 7.1.2.2 (g)",
        foreign_usage,
    ),
    rule(
        "smime_br.ca.extended_key_usage_criticality",
        "S/MIME BR 7.1.2.2 (g)",
        |it| {
            it.is_critical(oid::EXTENDED_KEY_USAGE)
                .then(|| "extKeyUsage critical".to_owned())
        },
    )
    .should(),
    rule("smime_br.ca.policies", "S/MIME BR 7.1.2.2 (a)", |it| {
        let absent = it.certificate.certificate_policies().is_none();
        absent.then(|| "no certificatePolicies".to_owned())
    }),
    rule(
        "smime_br.ca.policy_identifiers",
        "S/MIME BR 7.1.6.3",
        |it| {
            it.certificate.certificate_policies()?;
            let mut policies = it.policies();
            let known = policies.any(|policy| {
                policy == oid::ANY_POLICY || LintProfile::of_policy(policy).is_some()
            });
            (!known).then(|| "neither a policy of the S/MIME BR nor anyPolicy".to_owned())
        },
    ),
    rule(
        "smime_br.ca.policy_qualifier",
        "S/MIME BR 7.1.2.2 (a)",
        qualifier_fault,
    ),
    rule(
        "smime_br.ca.policy_criticality",
        "S/MIME BR 7.1.2.2 (a)",
        |it| {
            it.is_critical(oid::CERTIFICATE_POLICIES)
                .then(|| "certificatePolicies critical".to_owned())
        },
    )
    .should(),
    rule("smime_br.ca.crl", "S/MIME BR 7.1.2.2 (b)", |it| {
        let absent = it.certificate.crl_distribution_points().is_none();
        absent.then(|| "no cRLDistributionPoints".to_owned())
    }),
    rule("smime_br.ca.crl_http", "S/MIME BR 7.1.2.2 (b)", |it| {
        it.certificate.crl_distribution_points()?;
        let http = points(it).any(|names| names.iter().any(is_http));
        (!http).then(|| "no CRL is to be had by HTTP".to_owned())
    }),
    rule(
        "smime_br.ca.crl_criticality",
        "S/MIME BR 7.1.2.2 (b)",
        |it| {
            it.is_critical(oid::CRL_DISTRIBUTION_POINTS)
                .then(|| "cRLDistributionPoints critical".to_owned())
        },
    ),
    rule("smime_br.ca.aia", "S/MIME BR 7.1.2.2 (c)", |it| {
        let mut places = it.access();
        let known =
            places.any(|access| access.method == oid::CA_ISSUERS && is_http(&access.location));
        (!known).then(|| "not told where the issuer's certificate is".to_owned())
    })
    .should(),
    rule(
        "smime_br.ca.key_usage_criticality",
        "S/MIME BR 7.1.2.2 (e)",
        |it| {
            (!it.is_critical(oid::KEY_USAGE)).then(|| "keyUsage absent or not critical".to_owned())
        },
    ),
    rule("smime_br.ca.key_usage", "S/MIME BR 7.1.2.2 (e)", |it| {
        let usage = it.certificate.key_usage()?;
        let missing = [KeyUsageBit::KeyCertSign, KeyUsageBit::CrlSign]
            .into_iter()
            .find(|bit| !usage.contains(*bit))?;
        Some(format!("no {}", missing.name()))
    }),
    rule(
        "smime_br.ca.authority_key_id",
        "S/MIME BR 7.1.2.2 (h)",
        |it| {
            let Some(key) = it.certificate.authority_key() else {
                return Some("no authorityKeyIdentifier".to_owned());
            };
            let only_the_key = key.key_id.is_some() && key.issuer.is_none() && key.serial.is_none();
            (!only_the_key).then(|| "not the key identifier alone".to_owned())
        },
    ),
    rule("smime_br.ca.subject", "S/MIME BR 7.1.4.3.1", |it| {
        let missing = [oid::COMMON_NAME, oid::ORGANIZATION, oid::COUNTRY]
            .into_iter()
            .find(|attribute| !it.subject_has(*attribute))?;
        Some(format!("no attribute {missing}"))
    }),
    rule("smime_br.ca.country", "S/MIME BR 7.1.4.3.1 (c)", |it| {
        let subject = it.certificate.subject();
        let odd = subject.values_of(oid::COUNTRY).find(|it| !is_country(it))?;
        Some(format!("{odd:?} is no country"))
    }),
];

const fn rule(
    code: &'static str,
    clause: &'static str,
    broken: fn(&Linted<'_>) -> Option<String>,
) -> Rule {
    Rule::smime_br(code, clause, broken).of(Scope::MailAuthority)
}
