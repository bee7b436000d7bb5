use smime_crypto::{DigestAlgorithm, Oid, SignatureScheme, asn1::Reader};

use crate::{
    KeyUsage, KeyUsageBit,
    lint::{
        ProfileGeneration,
        certificate::{ED448, Key, Linted},
        rsa::size_fault,
        rule::{Issued, Rule, Scope},
    },
    oid,
};

/// S/MIME BR 7.1.3 and 7.1.2.3 (e): which keys, and what they may be used for.
pub(super) const RULES: &[Rule] = &[
    Rule::smime_br("smime_br.signature.sha1", "S/MIME BR 7.1.3.2", |it| {
        has_sha1(it)?.then(|| "signed with SHA-1".to_owned())
    }),
    Rule::smime_br("smime_br.signature.algorithm", "S/MIME BR 7.1.3.2", |it| {
        let known = is_known_signature(it.certificate.signature_algorithm());
        (!known && has_sha1(it) != Some(true))
            .then(|| "signed with an algorithm or parameters that are not listed".to_owned())
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
        (it.key == Key::Edwards).then(|| signing_only(it.certificate.key_usage()?))?
    }),
    Rule::smime_br("smime_br.key_usage.ml_dsa", USAGE, |it| {
        let ml_dsa = matches!(it.key, Key::Other(Some(algorithm)) if is_ml_dsa(algorithm));
        ml_dsa.then(|| signing_only(it.certificate.key_usage()?))?
    })
    .issued(Issued::since(POST_QUANTUM)),
];

fn has_sha1(it: &Linted<'_>) -> Option<bool> {
    let algorithm = it.certificate.signature_algorithm();
    let mut identifier = Reader::new(algorithm).sequence("signature").ok()?;
    Some(SHA1_SIGNATURES.contains(&identifier.oid().ok()?))
}

/// Says what is wrong with the kind or the size of a key.
pub(super) fn key_fault(it: &Linted<'_>) -> Option<String> {
    algorithm(it).or_else(|| size_fault(it))
}

/// RSA, ECDSA on three curves and EdDSA; ML-DSA and ML-KEM, which the text names since
/// [`POST_QUANTUM`] and did not exclude before. Of RSA and EC the parameters are judged elsewhere.
fn algorithm(it: &Linted<'_>) -> Option<String> {
    let allowed = match it.key {
        Key::Rsa => return None,
        Key::Ec(Some(curve)) if CURVES.contains(&curve) => return None,
        Key::Ec(Some(curve)) => return Some(format!("key on the curve {curve}")),
        Key::Ec(None) => return Some("key on a curve without a name".to_owned()),
        Key::Edwards => true,
        Key::Other(algorithm) => algorithm.is_some_and(|it| is_ml_dsa(it) || is_ml_kem(it)),
    };
    let spki = Reader::new(it.certificate.spki()).sequence("spki");
    let Ok(mut identifier) = spki.and_then(|mut spki| spki.sequence("algorithm")) else {
        return Some("key without an algorithm".to_owned());
    };
    match identifier.oid() {
        Ok(algorithm) if !allowed => Some(format!("key of the algorithm {algorithm}")),
        Ok(_) => (!identifier.is_empty()).then(|| "parameters where none belong".to_owned()),
        Err(_) => Some("key without an algorithm".to_owned()),
    }
}

/// The identifiers of signatures that may be, byte for byte.
fn is_known_signature(identifier: &[u8]) -> bool {
    let digests = [
        (DigestAlgorithm::Sha256, 32),
        (DigestAlgorithm::Sha384, 48),
        (DigestAlgorithm::Sha512, 64),
    ];
    let schemes = digests.into_iter().flat_map(|(digest, salt)| {
        [
            SignatureScheme::RsaPkcs1(digest),
            SignatureScheme::RsaPss { digest, salt },
            SignatureScheme::Ecdsa(digest),
        ]
    });
    let mut schemes = schemes.chain([SignatureScheme::Ed25519]);
    schemes.any(|scheme| scheme.identifier() == identifier)
        || bare_identifier(identifier).is_some_and(|it| it == ED448 || is_ml_dsa(it))
}

/// Returns the algorithm of an identifier that has no parameters.
fn bare_identifier(identifier: &[u8]) -> Option<Oid> {
    let mut identifier = Reader::new(identifier).sequence("identifier").ok()?;
    let algorithm = identifier.oid().ok()?;
    identifier.is_empty().then_some(algorithm)
}

pub(super) fn is_ml_dsa(algorithm: Oid) -> bool {
    ML_DSA.contains(&algorithm)
}

pub(super) fn is_ml_kem(algorithm: Oid) -> bool {
    ML_KEM.contains(&algorithm)
}

/// Finds a key that may not sign, or may do more.
fn signing_only(usage: KeyUsage) -> Option<String> {
    let sign = KeyUsageBit::DigitalSignature;
    if usage.contains(sign) {
        excess(usage, &[sign, KeyUsageBit::NonRepudiation])
    } else {
        Some(format!("{} without digitalSignature", words(usage)))
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

/// ML-DSA-44, -65, -87 (RFC 9881).
const ML_DSA: [Oid; 3] = [
    Oid::new("2.16.840.1.101.3.4.3.17"),
    Oid::new("2.16.840.1.101.3.4.3.18"),
    Oid::new("2.16.840.1.101.3.4.3.19"),
];

/// ML-KEM-512, -768, -1024 (RFC 9935).
const ML_KEM: [Oid; 3] = [
    Oid::new("2.16.840.1.101.3.4.4.1"),
    Oid::new("2.16.840.1.101.3.4.4.2"),
    Oid::new("2.16.840.1.101.3.4.4.3"),
];

/// sha1WithRSAEncryption and ecdsa-with-SHA1.
const SHA1_SIGNATURES: [Oid; 2] = [
    Oid::new("1.2.840.113549.1.1.5"),
    Oid::new("1.2.840.10045.4.1"),
];
