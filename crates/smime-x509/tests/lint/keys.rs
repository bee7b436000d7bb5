//! Keys and signatures, and what each kind of key is for.

use smime_crypto::{
    DigestAlgorithm, Oid, PublicKey,
    asn1::{Tag, Writer},
};
use smime_x509::{Certificate, KeyUsageBit, Validation};

use crate::{builder, codes, of_key, sign, sign_with, subject};

#[test]
fn weak_keys_and_signatures_are_found() {
    let rsa = |modulus: &[u8], exponent: u32| {
        let key = Writer::encode(|w| {
            w.sequence(|w| {
                w.unsigned(modulus);
                w.small(exponent);
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
    };
    let mut odd = vec![0xff; 257];
    odd[0] = 1;
    for (key, expected) in [
        (rsa(&[0xff; 256], 65_537), &[][..]),
        (rsa(&[0xff; 128], 65_537), &["smime_br.key.rsa_size"]),
        (rsa(&odd, 65_537), &["smime_br.key.rsa_size"]),
        (rsa(&[0xff; 256], 1), &["smime_br.key.rsa_exponent"]),
        (rsa(&[0xff; 256], 4), &["smime_br.key.rsa_exponent"]),
        (rsa(&[0xff; 256], 3), &[]),
    ] {
        let certificate = sign(of_key(&key, subject(Validation::Mailbox), 1, 3));
        assert_eq!(codes(&certificate), expected);
    }
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
