use smime_crypto::{Oid, asn1::Reader};

use crate::{
    KeyUsage, KeyUsageBit,
    lint::{
        ProfileGeneration,
        certificate::{Key, Linted},
        rule::{Issued, Rule, Scope},
    },
    oid,
};

/// S/MIME BR 6.1.5, 6.1.6, 7.1.3.1 and 7.1.2.3 (e): which keys, and what they may be used for.
pub(super) const RULES: &[Rule] = &[
    Rule::smime_br("smime_br.key.rsa_size", "S/MIME BR 6.1.5", |it| {
        let modulus = rsa_key(it)?.0;
        let leading = modulus.first().map_or(0, |first| first.leading_zeros());
        let bits = modulus.len() * 8 - usize::try_from(leading).ok()?;
        (bits < 2048 || bits % 8 != 0).then(|| format!("RSA key of {bits} bits"))
    }),
    Rule::smime_br("smime_br.key.rsa_exponent", "S/MIME BR 6.1.6", |it| {
        let exponent = rsa_key(it)?.1;
        let odd = exponent.last().is_some_and(|last| last & 1 == 1);
        (!odd || exponent == [1]).then(|| "RSA exponent even or 1".to_owned())
    }),
    Rule::smime_br(
        "smime_br.key.algorithm_2023",
        "S/MIME BR 7.1.3.1",
        algorithm,
    )
    .issued(Issued::UNDER_BR.before(POST_QUANTUM)),
    Rule::smime_br("smime_br.key.algorithm", "S/MIME BR 7.1.3.1", algorithm)
        .issued(Issued::since(POST_QUANTUM)),
    Rule::smime_br("smime_br.key_usage.presence", USAGE, |it| {
        let absent = it.certificate.key_usage().is_none();
        absent.then(|| "no keyUsage".to_owned())
    }),
    Rule::smime_br("smime_br.key_usage.criticality", USAGE, |it| {
        let usage = it.extension(oid::KEY_USAGE)?;
        (!usage.critical).then(|| "keyUsage not critical".to_owned())
    })
    .should(),
    Rule::smime_br("smime_br.key_usage.rsa", USAGE, |it| {
        let sign = [KeyUsageBit::NonRepudiation];
        beyond(
            rsa_usage(it)?,
            RSA_PURPOSES,
            &sign,
            &[KeyUsageBit::DataEncipherment],
        )
    })
    .of(Scope::generations(&[
        ProfileGeneration::Legacy,
        ProfileGeneration::Multipurpose,
    ])),
    Rule::smime_br("smime_br.key_usage.rsa_strict", USAGE, |it| {
        let sign = [KeyUsageBit::NonRepudiation];
        beyond(rsa_usage(it)?, RSA_PURPOSES, &sign, &[])
    })
    .of(Scope::generations(&[ProfileGeneration::Strict])),
    Rule::smime_br("smime_br.key_usage.rsa_purpose", USAGE, |it| {
        purposeless(rsa_usage(it)?, RSA_PURPOSES)
    }),
    Rule::smime_br("smime_br.key_usage.ec", USAGE, |it| {
        let agree = [KeyUsageBit::EncipherOnly, KeyUsageBit::DecipherOnly];
        let sign = [KeyUsageBit::NonRepudiation];
        beyond(ec_usage(it)?, EC_PURPOSES, &sign, &agree)
    }),
    Rule::smime_br("smime_br.key_usage.ec_purpose", USAGE, |it| {
        purposeless(ec_usage(it)?, EC_PURPOSES)
    }),
    Rule::smime_br("smime_br.key_usage.edwards", USAGE, |it| {
        if it.key != Key::Edwards {
            return None;
        }
        let usage = it.certificate.key_usage()?;
        let sign = KeyUsageBit::DigitalSignature;
        if usage.contains(sign) {
            excess(usage, &[sign, KeyUsageBit::NonRepudiation])
        } else {
            Some(format!("{} without digitalSignature", words(usage)))
        }
    }),
];

/// Returns the magnitudes of modulus and exponent.
fn rsa_key<'a>(it: &Linted<'a>) -> Option<(&'a [u8], &'a [u8])> {
    if it.key != Key::Rsa {
        return None;
    }
    let mut spki = Reader::new(it.certificate.spki()).sequence("spki").ok()?;
    spki.any("algorithm").ok()?;
    let octets = spki.bit_string_octets("subjectPublicKey").ok()?;
    let mut key = Reader::new(octets).sequence("RSAPublicKey").ok()?;
    Some((key.unsigned("n").ok()?, key.unsigned("e").ok()?))
}

/// RSA, ECDSA on three curves and EdDSA; ML-DSA and ML-KEM, which the text names since
/// [`POST_QUANTUM`] and did not exclude before.
fn algorithm(it: &Linted<'_>) -> Option<String> {
    match it.key {
        Key::Rsa | Key::Edwards => None,
        Key::Ec(Some(curve)) if CURVES.contains(&curve) => None,
        Key::Other(Some(algorithm)) if POST_QUANTUM_KEYS.contains(&algorithm) => None,
        Key::Ec(Some(curve)) => Some(format!("key on the curve {curve}")),
        Key::Ec(None) => Some("key on a curve without a name".to_owned()),
        Key::Other(Some(algorithm)) => Some(format!("key of the algorithm {algorithm}")),
        Key::Other(None) => Some("key without an algorithm".to_owned()),
    }
}

fn rsa_usage(it: &Linted<'_>) -> Option<KeyUsage> {
    (it.key == Key::Rsa).then(|| it.certificate.key_usage())?
}

fn ec_usage(it: &Linted<'_>) -> Option<KeyUsage> {
    matches!(it.key, Key::Ec(_)).then(|| it.certificate.key_usage())?
}

/// The bit that makes a key one for signing, and that for encrypting.
type Purposes = (KeyUsageBit, KeyUsageBit);

const RSA_PURPOSES: Purposes = (KeyUsageBit::DigitalSignature, KeyUsageBit::KeyEncipherment);
const EC_PURPOSES: Purposes = (KeyUsageBit::DigitalSignature, KeyUsageBit::KeyAgreement);

/// Finds bits that go with none of the purposes a key has: `sign` may stand beside the first,
/// `encrypt` beside the second. A key without purpose is another rule's.
fn beyond(
    usage: KeyUsage,
    (signing, encrypting): Purposes,
    sign: &[KeyUsageBit],
    encrypt: &[KeyUsageBit],
) -> Option<String> {
    let mut allowed = Vec::new();
    for (purpose, beside) in [(signing, sign), (encrypting, encrypt)] {
        if usage.contains(purpose) {
            allowed.push(purpose);
            allowed.extend(beside);
        }
    }
    if allowed.is_empty() {
        return None;
    }
    excess(usage, &allowed)
}

fn excess(usage: KeyUsage, allowed: &[KeyUsageBit]) -> Option<String> {
    let excess: Vec<_> = usage
        .bits()
        .filter(|bit| !allowed.contains(bit))
        .map(KeyUsageBit::name)
        .collect();
    (!excess.is_empty()).then(|| format!("{} must not be set here", excess.join(", ")))
}

/// Finds a key that may be used for something, but neither to sign nor to encrypt.
fn purposeless(usage: KeyUsage, (signing, encrypting): Purposes) -> Option<String> {
    let purposeless =
        usage.bits().next().is_some() && !usage.contains(signing) && !usage.contains(encrypting);
    purposeless.then(|| {
        let (signing, encrypting) = (signing.name(), encrypting.name());
        format!("{} without {signing} or {encrypting}", words(usage))
    })
}

fn words(usage: KeyUsage) -> String {
    let names: Vec<_> = usage.bits().map(KeyUsageBit::name).collect();
    if names.is_empty() {
        "no bit".to_owned()
    } else {
        names.join(", ")
    }
}

const USAGE: &str = "S/MIME BR 7.1.2.3 (e)";

/// When ML-DSA and ML-KEM came into the S/MIME BR (ballot SMC013).
const POST_QUANTUM: (i64, u8, u8) = (2025, 8, 22);

/// secp256r1, secp384r1, secp521r1.
const CURVES: [Oid; 3] = [
    Oid::new("1.2.840.10045.3.1.7"),
    Oid::new("1.3.132.0.34"),
    Oid::new("1.3.132.0.35"),
];

/// ML-DSA-44, -65, -87; ML-KEM-512, -768, -1024 (RFC 9881, RFC 9935).
const POST_QUANTUM_KEYS: [Oid; 6] = [
    Oid::new("2.16.840.1.101.3.4.3.17"),
    Oid::new("2.16.840.1.101.3.4.3.18"),
    Oid::new("2.16.840.1.101.3.4.3.19"),
    Oid::new("2.16.840.1.101.3.4.4.1"),
    Oid::new("2.16.840.1.101.3.4.4.2"),
    Oid::new("2.16.840.1.101.3.4.4.3"),
];
