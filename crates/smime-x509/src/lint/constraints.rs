use std::collections::HashSet;

use smime_crypto::asn1::{Reader, Tag};

use crate::{
    KeyUsageBit,
    lint::{
        certificate::{Key, Linted},
        keys::is_ml_kem,
        rule::{Rule, Scope},
    },
    oid,
};

/// RFC 5280 §4.2.1: what extensions say about the key, policies and the certificates below.
pub(super) const RULES: &[Rule] = &[
    Rule::pkix("pkix.extension.empty", "RFC 5280 §4.2", |it| {
        let mut extensions = it.certificate.extension_list();
        let empty =
            extensions.find(|it| it.value == EMPTY_SEQUENCE && it.oid != oid::BASIC_CONSTRAINTS)?;
        Some(format!("{} is an empty list", empty.oid))
    }),
    Rule::pkix(
        "pkix.key_usage.encoding",
        "RFC 5280 §4.2.1.3, X.690 §11.2.2",
        |it| {
            let value = it.extension(oid::KEY_USAGE)?.value;
            let bits = Reader::new(value).read(Tag::BIT_STRING, "keyUsage").ok()?;
            let (unused, octets) = bits.content.split_first()?;
            let minimal = match octets.last() {
                None => *unused == 0,
                Some(last) => *last != 0 && last.trailing_zeros() == u32::from(*unused),
            };
            (!minimal).then(|| "trailing zero bits are encoded".to_owned())
        },
    ),
    Rule::pkix("pkix.key_usage.unknown_bit", "RFC 5280 §4.2.1.3", |it| {
        let value = it.extension(oid::KEY_USAGE)?.value;
        let bits = Reader::new(value).read(Tag::BIT_STRING, "keyUsage").ok()?;
        let beyond = match bits.content {
            [_, _, second, rest @ ..] => second & 0x7f != 0 || rest.iter().any(|it| *it != 0),
            _ => false,
        };
        beyond.then(|| "a bit behind decipherOnly, the last that has a name".to_owned())
    }),
    Rule::pkix("pkix.key_usage.empty", "RFC 5280 §4.2.1.3", |it| {
        let usage = it.certificate.key_usage()?;
        (usage.bits().next().is_none()).then(|| "keyUsage without a bit".to_owned())
    }),
    Rule::pkix(
        "pkix.key_usage.cert_sign_without_ca",
        "RFC 5280 §4.2.1.3",
        |it| {
            let wrong = !it.certificate.is_ca() && uses(it, KeyUsageBit::KeyCertSign)?;
            wrong.then(|| "keyCertSign without CA:TRUE".to_owned())
        },
    ),
    Rule::pkix("pkix.key_usage.ca_missing", "RFC 5280 §4.2.1.3", |it| {
        let absent = it.certificate.key_usage().is_none();
        absent.then(|| "an authority without keyUsage".to_owned())
    })
    .of(Scope::Authority),
    Rule::pkix("pkix.key_usage.ca_cert_sign", "RFC 5280 §4.2.1.9", |it| {
        let sign = uses(it, KeyUsageBit::KeyCertSign)?;
        (!sign).then(|| "an authority that may not sign certificates".to_owned())
    })
    .of(Scope::Authority),
    Rule::pkix("pkix.key_usage.ec", "RFC 8813 §3", |it| {
        let elliptic = matches!(it.key, Key::Ec(_));
        elliptic.then(|| forbidden(it, &ENCIPHERMENT))?
    }),
    Rule::pkix("pkix.key_usage.rsa", "RFC 3279 §2.3.1", |it| {
        let beyond: &[_] = if it.certificate.is_ca() {
            &[KeyUsageBit::KeyAgreement]
        } else {
            &[
                KeyUsageBit::KeyAgreement,
                KeyUsageBit::KeyCertSign,
                KeyUsageBit::CrlSign,
            ]
        };
        let rsa = it.key == Key::Rsa;
        rsa.then(|| forbidden(it, beyond))?
    }),
    Rule::pkix("pkix.key_usage.rsa_authority", "RFC 3279 §2.3.1", |it| {
        let usage = it.certificate.key_usage()?;
        let mut signs = [KeyUsageBit::KeyCertSign, KeyUsageBit::CrlSign].into_iter();
        let rsa = it.key == Key::Rsa && signs.any(|bit| usage.contains(bit));
        rsa.then(|| forbidden(it, &ENCIPHERMENT))?
    })
    .should(),
    Rule::pkix("pkix.key_usage.ml_kem", "RFC 9935", |it| {
        let Key::Other(Some(algorithm)) = it.key else {
            return None;
        };
        let mut bits = it.certificate.key_usage()?.bits();
        let other = is_ml_kem(algorithm) && bits.any(|bit| bit != KeyUsageBit::KeyEncipherment);
        other.then(|| "more than keyEncipherment".to_owned())
    }),
    Rule::pkix("pkix.policies.duplicate", "RFC 5280 §4.2.1.4", |it| {
        let mut seen = HashSet::new();
        let again = it.policies().find(|policy| !seen.insert(*policy))?;
        Some(format!("{again} stands there twice"))
    }),
    Rule::pkix(
        "pkix.policy_mappings.any_policy",
        "RFC 5280 §4.2.1.5",
        |it| {
            let mappings = it.certificate.policy_mappings()?;
            let any = mappings
                .iter()
                .any(|it| [it.issuer_domain, it.subject_domain].contains(&oid::ANY_POLICY));
            any.then(|| "anyPolicy is mapped".to_owned())
        },
    ),
    Rule::pkix(
        "pkix.policy_mappings.not_asserted",
        "RFC 5280 §4.2.1.5",
        |it| {
            let mappings = it.certificate.policy_mappings()?;
            let asserted: HashSet<_> = it.policies().collect();
            let missing = mappings
                .iter()
                .map(|it| it.issuer_domain)
                .find(|policy| !asserted.contains(policy))?;
            Some(format!("{missing} is mapped and not asserted"))
        },
    )
    .should(),
    Rule::pkix(
        "pkix.basic_constraints.path_length",
        "RFC 5280 §4.2.1.9",
        |it| {
            it.certificate.basic_constraints()?.path_length?;
            let may_sign = uses(it, KeyUsageBit::KeyCertSign).unwrap_or(false);
            let pointless = !it.certificate.is_ca() || !may_sign;
            pointless.then(|| "a path length where no certificate may be signed".to_owned())
        },
    ),
    Rule::pkix(
        "pkix.name_constraints.not_in_ca",
        "RFC 5280 §4.2.1.10",
        |it| {
            it.certificate.name_constraints()?;
            (!it.certificate.is_ca()).then(|| "name constraints without CA:TRUE".to_owned())
        },
    ),
    Rule::pkix("pkix.name_constraints.empty", "RFC 5280 §4.2.1.10", |it| {
        let constraints = it.certificate.name_constraints()?;
        let empty = constraints.permitted.is_none() && constraints.excluded.is_none();
        empty.then(|| "name constraints that constrain nothing".to_owned())
    }),
    Rule::pkix(
        "pkix.name_constraints.subtree",
        "RFC 5280 §4.2.1.10",
        |it| {
            let constraints = it.certificate.name_constraints()?;
            let subtrees = [constraints.permitted, constraints.excluded];
            let mut subtrees = subtrees.iter().flatten().flat_map(|list| list.iter());
            let odd = subtrees.any(|subtree| !subtree.whole);
            odd.then(|| "a minimum other than 0, or a maximum".to_owned())
        },
    ),
    Rule::pkix(
        "pkix.policy_constraints.empty",
        "RFC 5280 §4.2.1.11",
        |it| {
            let constraints = it.certificate.policy_constraints()?;
            let empty = constraints.require_explicit_policy.is_none()
                && constraints.inhibit_policy_mapping.is_none();
            empty.then(|| "policy constraints that constrain nothing".to_owned())
        },
    ),
    Rule::pkix(
        "pkix.extended_key_usage.inconsistent",
        "RFC 5280 §4.2.1.12",
        |it| {
            let usage = it.certificate.key_usage()?;
            let consistent = [
                KeyUsageBit::DigitalSignature,
                KeyUsageBit::NonRepudiation,
                KeyUsageBit::KeyEncipherment,
                KeyUsageBit::KeyAgreement,
            ];
            let wrong = it.usages().any(|usage| usage == oid::EMAIL_PROTECTION)
                && !consistent.into_iter().any(|bit| usage.contains(bit));
            wrong.then(|| "emailProtection, and a keyUsage that allows none of it".to_owned())
        },
    )
    .of(Scope::Mail),
    Rule::pkix(
        "pkix.crl_distribution_points.incomplete",
        "RFC 5280 §4.2.1.13",
        |it| {
            let points = it.certificate.crl_distribution_points()?;
            let incomplete = points
                .iter()
                .any(|point| point.name.is_none() && point.crl_issuer.is_none());
            incomplete
                .then(|| "a distribution point with neither a name nor a CRL issuer".to_owned())
        },
    ),
];

/// Says whether keyUsage contains a bit; `None` without the extension.
fn uses(it: &Linted<'_>, bit: KeyUsageBit) -> Option<bool> {
    Some(it.certificate.key_usage()?.contains(bit))
}

/// Finds one of these bits in keyUsage.
fn forbidden(it: &Linted<'_>, bits: &[KeyUsageBit]) -> Option<String> {
    let usage = it.certificate.key_usage()?;
    let bit = bits.iter().find(|bit| usage.contains(**bit))?;
    Some(format!("{} must not be set here", bit.name()))
}

const ENCIPHERMENT: [KeyUsageBit; 2] =
    [KeyUsageBit::KeyEncipherment, KeyUsageBit::DataEncipherment];

const EMPTY_SEQUENCE: [u8; 2] = [0x30, 0];
