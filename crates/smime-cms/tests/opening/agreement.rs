//! How the key that wraps the content key is agreed upon.

use smime_crypto::{ContentCipher, KeyWrap, Oid, PublicKey, asn1::Writer};
use smime_testkit::TestKey;

use crate::{Agreement, CONTENT, Forge, bob, bytes, code, open};

#[test]
fn every_wrong_agreement_fails_with_one_error() {
    let cipher = ContentCipher::Aes256Gcm;
    let honest = || Agreement::honest(bob(), cipher);
    let good = honest().encrypted;
    let mut wrong = Vec::new();
    for encrypted in [
        vec![],
        vec![0; 8],
        vec![0; 16],
        good[..32].to_vec(),
        good[..39].to_vec(),
        [&good[..], &[0; 8]].concat(),
        vec![0; 40],
        vec![0; 4096],
        good.iter().map(|byte| byte ^ 1).collect(),
    ] {
        wrong.push(Agreement {
            encrypted,
            ..honest()
        });
    }
    // Content keys of another length than the cipher's.
    wrong.push(Agreement::honest(bob(), ContentCipher::Aes128Gcm));
    // A key on another curve, and no point at all.
    for key in [TestKey::P384A, TestKey::Rsa2048A] {
        wrong.push(Agreement {
            originator: key.public(),
            ..honest()
        });
    }
    let spki = honest().originator.spki().to_vec();
    let point = spki.len() - 64;
    for (at, mask) in [(point, 1), (point + 63, 1), (point - 1, 7)] {
        let mut off = spki.clone();
        off[at] ^= mask;
        wrong.push(Agreement {
            originator: PublicKey::from_spki(&off).unwrap(),
            ..honest()
        });
    }
    // Parameters of another curve, and of none.
    for parameters in [
        Writer::encode(|w| w.oid(Oid::new("1.3.132.0.34"))),
        Writer::encode(|w| w.sequence(|_| ())),
    ] {
        wrong.push(Agreement {
            parameters,
            ..honest()
        });
    }
    // What went into the derivation of the key.
    wrong.push(Agreement {
        ukm: Some(vec![1, 2, 3]),
        ..honest()
    });
    let wrap_identifier = Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(Oid::new("2.16.840.1.101.3.4.1.45"));
            w.null();
        })
    });
    wrong.push(Agreement {
        wrap_identifier,
        ..honest()
    });
    for (index, agreement) in wrong.iter().enumerate() {
        let der = Forge::honest(cipher, vec![agreement.der(bob())]).der();
        let code = code(open(&der));
        assert_eq!(code, "cms.decrypt_failed", "number {index}");
    }
}

#[test]
fn what_both_sides_derive_the_key_from_may_be_written_in_several_ways() {
    let cipher = ContentCipher::Aes256Gcm;
    let null = Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(Oid::new("2.16.840.1.101.3.4.1.45"));
            w.null();
        })
    });
    let absent = KeyWrap::Aes256.identifier();
    let curve = Writer::encode(|w| w.oid(Oid::new("1.2.840.10045.3.1.7")));
    for wrap in [&null, &absent] {
        for ukm in [None, Some(&b"ukm"[..])] {
            for parameters in [&[][..], &[5, 0], &curve] {
                let agreement = Agreement {
                    parameters: parameters.to_vec(),
                    ..Agreement::with(bob(), cipher, ukm, wrap)
                };
                let der = Forge::honest(cipher, vec![agreement.der(bob())]).der();
                assert_eq!(bytes(open(&der).unwrap()).0, CONTENT);
            }
        }
    }
}
