//! Keys and signatures, and what each kind of key is for.

use smime_crypto::{
    DigestAlgorithm, Oid, PublicKey,
    asn1::{Tag, Writer},
};
use smime_testkit::TestKey;
use smime_x509::{BasicConstraints, Certificate, KeyUsageBit, Severity, Validation};

use crate::{builder, codes, found, of_key, sign, sign_with, subject};

/// rsaEncryption with these numbers.
pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> PublicKey {
    let key = Writer::encode(|w| {
        w.sequence(|w| {
            w.unsigned(modulus);
            w.unsigned(exponent);
        });
    });
    let spki = Writer::encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                w.oid(Oid::new("1.2.840.113549.1.1.1"));
                w.null();
            });
            w.bit_string(&key);
        });
    });
    PublicKey::from_spki(&spki).unwrap()
}

/// 2^bits - `minus`; 2^2048 - 23 and 2^1024 - 17 have no factor below 752.
pub(crate) fn below_power_of_two(bits: usize, minus: u8) -> Vec<u8> {
    let mut octets = vec![0xff; bits / 8];
    *octets.last_mut().unwrap() -= minus - 1;
    octets
}

pub(crate) const F4: &[u8] = &[1, 0, 1];

#[test]
fn rsa_keys_are_of_numbers_that_nobody_factors_at_once() {
    let good = below_power_of_two(2048, 23);
    let mut odd_size = vec![0xff; 257];
    odd_size[0] = 1;
    // 2^1024 - 17, squared: 2^2048 - 34 * 2^1024 + 289.
    let mut square = [vec![0xff; 128], vec![0; 128]].concat();
    square[127] -= 33;
    square[254..].copy_from_slice(&[1, 33]);
    let even = below_power_of_two(2048, 24);
    for (modulus, exponent, expected) in [
        (&good, F4, &[][..]),
        (&good, &[0xff; 32], &[]),
        (
            &below_power_of_two(1024, 17),
            F4,
            &["smime_br.key.rsa_size"],
        ),
        (
            &odd_size,
            F4,
            &["smime_br.key.rsa_size", "smime_br.key.rsa_modulus"],
        ),
        (&vec![0xff; 256], F4, &["smime_br.key.rsa_modulus"]),
        (&square, F4, &["smime_br.key.rsa_modulus"]),
        (
            &even,
            F4,
            &["pkix.key.rsa_modulus", "smime_br.key.rsa_modulus"],
        ),
        (
            &good,
            &[1],
            &["pkix.key.rsa_exponent", "smime_br.key.rsa_exponent"],
        ),
        (
            &good,
            &[1, 0, 2],
            &["pkix.key.rsa_exponent", "smime_br.key.rsa_exponent"],
        ),
        (&good, &[3], &["smime_br.key.rsa_exponent_range"]),
        (&good, &[0xff, 0xff], &["smime_br.key.rsa_exponent_range"]),
        (&good, &[1; 33], &["smime_br.key.rsa_exponent_range"]),
    ] {
        let key = rsa(modulus, exponent);
        let certificate = sign(of_key(&key, subject(Validation::Mailbox), 1, 3));
        assert_eq!(codes(&certificate), expected, "{exponent:?}");
    }
}

#[test]
fn what_a_modulus_or_exponent_should_be_is_a_warning_and_what_it_shall_be_an_error() {
    let severities = |modulus: &[u8], exponent: &[u8]| -> Vec<_> {
        let key = rsa(modulus, exponent);
        let made = sign(of_key(&key, subject(Validation::Mailbox), 1, 3));
        found(&made).iter().map(|it| it.severity).collect()
    };
    let good = below_power_of_two(2048, 23);
    assert_eq!(severities(&good, &[3]), [Severity::Warning]);
    assert_eq!(severities(&[0xff; 256], F4), [Severity::Warning]);
    assert_eq!(severities(&good, &[1]), [Severity::Error; 2]);
}

#[test]
fn keys_may_be_used_as_their_algorithm_can() {
    use KeyUsageBit::{
        CrlSign, DataEncipherment, DigitalSignature, KeyAgreement, KeyCertSign, KeyEncipherment,
    };
    let (ec, rsa) = (TestKey::P256A.public(), TestKey::Rsa2048A.public());
    let authority = "pkix.key_usage.rsa_authority";
    for (key, ca, bits, expected) in [
        (&ec, false, &[DigitalSignature, KeyAgreement][..], &[][..]),
        (&ec, false, &[KeyEncipherment], &["pkix.key_usage.ec"]),
        (
            &ec,
            false,
            &[DigitalSignature, DataEncipherment],
            &["pkix.key_usage.ec"],
        ),
        (&rsa, false, &[DigitalSignature, KeyEncipherment], &[]),
        (
            &rsa,
            false,
            &[DigitalSignature, KeyAgreement],
            &["pkix.key_usage.rsa"],
        ),
        (
            &rsa,
            false,
            &[DigitalSignature, CrlSign],
            &["pkix.key_usage.rsa"],
        ),
        (&rsa, true, &[KeyCertSign, CrlSign], &[]),
        (
            &rsa,
            true,
            &[KeyCertSign, KeyAgreement],
            &["pkix.key_usage.rsa"],
        ),
        (&rsa, true, &[KeyCertSign, KeyEncipherment], &[authority]),
    ] {
        let constraints = BasicConstraints {
            ca,
            path_length: None,
        };
        let made = of_key(key, subject(Validation::Mailbox), 1, 3).key_usage(bits);
        let made = made.basic_constraints(constraints);
        let mut found = codes(&sign(made));
        found.retain(|code| code.starts_with("pkix."));
        assert_eq!(found, expected, "{bits:?}");
    }
}

#[test]
fn old_signatures_are_found() {
    let sha1 = sign_with(
        builder(subject(Validation::Mailbox), 1, 3),
        DigestAlgorithm::Sha1,
    );
    assert_eq!(codes(&sha1), ["smime_br.signature.sha1"]);
    // ecdsa-with-SHA224 in the place of ecdsa-with-SHA256.
    let sha224 = altered(
        &sign(builder(subject(Validation::Mailbox), 1, 3)),
        &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2],
        &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 1],
    );
    assert_eq!(codes(&sha224), ["smime_br.signature.algorithm"]);
}

#[test]
fn keys_of_newer_kinds_are_for_one_purpose() {
    let (sign_bit, encrypt) = (KeyUsageBit::DigitalSignature, KeyUsageBit::KeyEncipherment);
    for (algorithm, parameters, usage, expected) in [
        ("2.16.840.1.101.3.4.3.18", false, sign_bit, &[][..]),
        (
            "2.16.840.1.101.3.4.3.18",
            false,
            encrypt,
            &["smime_br.key_usage.ml_dsa"],
        ),
        ("2.16.840.1.101.3.4.4.2", false, encrypt, &[]),
        (
            "2.16.840.1.101.3.4.4.2",
            false,
            sign_bit,
            &["pkix.key_usage.ml_kem"],
        ),
        (
            "2.16.840.1.101.3.4.4.2",
            true,
            encrypt,
            &["smime_br.key.algorithm"],
        ),
        ("1.3.101.113", true, sign_bit, &["smime_br.key.algorithm"]),
        (
            "1.3.101.113",
            false,
            encrypt,
            &["smime_br.key_usage.edwards"],
        ),
    ] {
        let spki = Writer::encode(|w| {
            w.sequence(|w| {
                w.sequence(|w| {
                    w.oid(Oid::new(algorithm));
                    if parameters {
                        w.null();
                    }
                });
                w.bit_string(&[1; 32]);
            });
        });
        let made = builder(subject(Validation::Mailbox), 1, 3).key_usage(&[usage]);
        let made = with_key(&sign(made), &spki);
        assert_eq!(codes(&made), expected, "{algorithm} {usage:?}");
    }
}

/// The same certificate with other bytes of the same length.
fn altered(certificate: &Certificate, from: &[u8], to: &[u8]) -> Certificate {
    let mut der = certificate.der().to_vec();
    for at in 0..=der.len() - from.len() {
        if der[at..].starts_with(from) {
            der[at..at + to.len()].copy_from_slice(to);
        }
    }
    Certificate::from_der(&der).unwrap()
}

/// The same certificate with another key, its signature no longer true.
fn with_key(certificate: &Certificate, spki: &[u8]) -> Certificate {
    let view = certificate.view();
    let (tbs, old) = (view.tbs(), view.spki());
    let at = tbs.windows(old.len()).position(|it| it == old).unwrap();
    let (before, rest) = tbs.split_at(at);
    let content = [&before[4..], spki, &rest[view.spki().len()..]].concat();
    let der = Writer::encode(|w| {
        w.sequence(|w| {
            w.element(Tag::SEQUENCE, &content);
            w.raw(view.signature_algorithm());
            w.bit_string(view.signature());
        });
    });
    Certificate::from_der(&der).unwrap()
}
