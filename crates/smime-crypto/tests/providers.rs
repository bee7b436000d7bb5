//! One suite over every provider, and over pairs of providers against each other.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::as_conversions)] // test code

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use smime_crypto::{
    CryptoProvider, Curve, DigestAlgorithm, Error, KeyKind, KeyTransport, OsRandom, PrivateKey,
    PublicKey, Random, RustCrypto, Secret, SignatureScheme, Signed,
    asn1::{Reader, Tag, Writer},
    read_private_key, transport_key,
};

const SHA2: [DigestAlgorithm; 3] = [
    DigestAlgorithm::Sha256,
    DigestAlgorithm::Sha384,
    DigestAlgorithm::Sha512,
];

macro_rules! key {
    ($name:literal) => {
        read_private_key(
            include_bytes!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../testdata/keys/",
                $name
            )),
            None,
        )
        .unwrap()
    };
}

#[path = "providers/rfc8410.rs"]
mod rfc8410;

fn providers() -> Vec<&'static dyn CryptoProvider> {
    #[allow(unused_mut)] // without the feature there is one
    let mut providers: Vec<&'static dyn CryptoProvider> = vec![&RustCrypto];
    #[cfg(all(
        feature = "graviola",
        any(target_arch = "x86_64", target_arch = "aarch64")
    ))]
    if smime_crypto::Graviola::is_supported() {
        providers.push(&smime_crypto::Graviola);
    }
    providers
}

/// Every provider that signs beside every provider that verifies.
fn pairs() -> Vec<(&'static dyn CryptoProvider, &'static dyn CryptoProvider)> {
    let all = providers();
    all.iter()
        .flat_map(|one| all.iter().map(move |other| (*one, *other)))
        .collect()
}

fn rsa_schemes() -> Vec<SignatureScheme> {
    DigestAlgorithm::ALL
        .into_iter()
        .flat_map(|digest| {
            let length = u16::try_from(digest.length()).unwrap();
            let pss = [0, 20, 32, length].map(|salt| SignatureScheme::RsaPss { digest, salt });
            pss.into_iter().chain([SignatureScheme::RsaPkcs1(digest)])
        })
        .collect()
}

fn digest(provider: &dyn CryptoProvider, algorithm: DigestAlgorithm, message: &[u8]) -> Vec<u8> {
    let mut hasher = provider.hasher(algorithm);
    hasher.update(message);
    hasher.finish()
}

#[test]
fn digests_of_abc_are_those_of_the_standard() {
    // FIPS 180-4, the one-block examples.
    for provider in providers() {
        for (algorithm, expected) in [
            (
                DigestAlgorithm::Sha1,
                "a9993e364706816aba3e25717850c26c9cd0d89d",
            ),
            (
                DigestAlgorithm::Sha256,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                DigestAlgorithm::Sha384,
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                DigestAlgorithm::Sha512,
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ] {
            assert_eq!(
                hex(&digest(provider, algorithm, b"abc")),
                expected,
                "{provider:?}"
            );
        }
    }
}

#[test]
fn what_one_provider_signs_every_provider_verifies() {
    let message = b"From: a@example.com\r\n\r\nHello\r\n";
    let cases = [
        (key!("rsa2048-a.pem"), rsa_schemes()),
        (
            key!("p256-a.pem"),
            DigestAlgorithm::ALL.map(SignatureScheme::Ecdsa).to_vec(),
        ),
        (
            key!("p384-a.pem"),
            DigestAlgorithm::ALL.map(SignatureScheme::Ecdsa).to_vec(),
        ),
        (
            key!("p521-a.pem"),
            DigestAlgorithm::ALL.map(SignatureScheme::Ecdsa).to_vec(),
        ),
    ];
    for (signer, verifier) in pairs() {
        for (pkcs8, schemes) in &cases {
            let key = signer.load_private_key(pkcs8).unwrap();
            for &scheme in schemes {
                let value = digest(signer, scheme.digest(), message);
                for signed in [Signed::Message(message), Signed::Digest(&value)] {
                    let signature = key.sign(scheme, signed, &OsRandom).unwrap();
                    for again in [Signed::Message(&message[..]), Signed::Digest(&value)] {
                        let verified = verifier.verify(key.public_key(), scheme, again, &signature);
                        assert_eq!(verified, Ok(()), "{signer:?} {verifier:?} {scheme:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn large_keys_sign_and_verify() {
    for (signer, verifier) in pairs() {
        for pkcs8 in [key!("rsa3072.pem"), key!("rsa4096.pem")] {
            let key = signer.load_private_key(&pkcs8).unwrap();
            let scheme = SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256);
            let signature = key.sign(scheme, Signed::Message(b"x"), &OsRandom).unwrap();
            let verified =
                verifier.verify(key.public_key(), scheme, Signed::Message(b"x"), &signature);
            assert_eq!(verified, Ok(()));
        }
    }
}

#[test]
fn a_signature_verifies_for_nothing_else() {
    for (pkcs8, other, scheme) in [
        (
            key!("rsa2048-a.pem"),
            key!("rsa2048-b.pem"),
            SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256),
        ),
        (
            key!("rsa2048-a.pem"),
            key!("rsa2048-b.pem"),
            SignatureScheme::RsaPss {
                digest: DigestAlgorithm::Sha256,
                salt: 32,
            },
        ),
        (
            key!("p256-a.pem"),
            key!("p256-b.pem"),
            SignatureScheme::Ecdsa(DigestAlgorithm::Sha256),
        ),
        (
            key!("p384-a.pem"),
            key!("p384-b.pem"),
            SignatureScheme::Ecdsa(DigestAlgorithm::Sha384),
        ),
        (
            key!("p521-a.pem"),
            key!("p521-b.pem"),
            SignatureScheme::Ecdsa(DigestAlgorithm::Sha512),
        ),
    ] {
        for provider in providers() {
            let key = provider.load_private_key(&pkcs8).unwrap();
            let public = key.public_key();
            let signature = key
                .sign(scheme, Signed::Message(b"yes"), &OsRandom)
                .unwrap();
            let bad = Err(Error::BadSignature);
            let verify = |key: &PublicKey, scheme, message: &[u8], signature: &[u8]| {
                provider.verify(key, scheme, Signed::Message(message), signature)
            };
            assert_eq!(verify(public, scheme, b"yes", &signature), Ok(()));
            assert_eq!(verify(public, scheme, b"no", &signature), bad);
            assert_eq!(verify(public, scheme, b"", &signature), bad);
            assert_eq!(verify(public, scheme, b"yes", b""), bad);
            assert_eq!(verify(public, scheme, b"yes", &signature[1..]), bad);
            assert_eq!(
                verify(public, scheme, b"yes", &[&signature[..], &[0]].concat()),
                bad
            );
            assert_eq!(
                verify(public, scheme, b"yes", &[&[0], &signature[..]].concat()),
                bad
            );
            let other = provider.load_private_key(&other).unwrap();
            assert_eq!(verify(other.public_key(), scheme, b"yes", &signature), bad);
            for position in (0..signature.len()).step_by(7) {
                let mut altered = signature.clone();
                altered[position] ^= 1;
                assert_eq!(
                    verify(public, scheme, b"yes", &altered),
                    bad,
                    "byte {position}"
                );
            }
            for wrong in [
                Signed::Digest(b""),
                Signed::Digest(b"yes"),
                Signed::Digest(&[0; 64]),
            ] {
                assert_eq!(provider.verify(public, scheme, wrong, &signature), bad);
            }
        }
    }
}

#[test]
fn a_pss_salt_of_another_length_is_refused() {
    for provider in providers() {
        let key = provider.load_private_key(&key!("rsa2048-a.pem")).unwrap();
        let scheme = |salt| SignatureScheme::RsaPss {
            digest: DigestAlgorithm::Sha256,
            salt,
        };
        let signature = key
            .sign(scheme(32), Signed::Message(b"x"), &OsRandom)
            .unwrap();
        for salt in [0, 20, 31, 33, 222, 223, u16::MAX] {
            let verified = provider.verify(
                key.public_key(),
                scheme(salt),
                Signed::Message(b"x"),
                &signature,
            );
            assert_eq!(verified, Err(Error::BadSignature), "{provider:?} {salt}");
        }
        for salt in [223, u16::MAX] {
            let signed = key.sign(scheme(salt), Signed::Message(b"x"), &OsRandom);
            assert!(
                matches!(signed, Err(Error::WrongKey(_))),
                "{provider:?} {salt}"
            );
        }
    }
}

#[test]
fn schemes_of_another_kind_of_key_are_refused() {
    let rsa = SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256);
    let ecdsa = SignatureScheme::Ecdsa(DigestAlgorithm::Sha256);
    for provider in providers() {
        let rsa_key = provider.load_private_key(&key!("rsa2048-a.pem")).unwrap();
        let ec_key = provider.load_private_key(&key!("p256-a.pem")).unwrap();
        for (key, scheme) in [(&rsa_key, ecdsa), (&ec_key, rsa)] {
            let message = Signed::Message(b"x");
            let signed = key.sign(scheme, message, &OsRandom);
            assert!(matches!(signed, Err(Error::WrongKey(_))));
            let verified = provider.verify(key.public_key(), scheme, message, &[0; 256]);
            assert!(matches!(verified, Err(Error::WrongKey(_))));
        }
        let unknown = PublicKey::from_spki(&Writer::encode(|w| {
            w.sequence(|w| {
                w.sequence(|w| w.oid(smime_crypto::Oid::new("1.3.101.113")));
                w.bit_string(&[1; 57]);
            });
        }));
        let verified = provider.verify(&unknown.unwrap(), ecdsa, Signed::Message(b"x"), &[0; 64]);
        assert!(matches!(verified, Err(Error::WrongKey(_))));
        assert!(matches!(
            rsa_key.agree(ec_key.public_key()),
            Err(Error::WrongKey(_))
        ));
        assert!(matches!(
            ec_key.agree(rsa_key.public_key()),
            Err(Error::WrongKey(_))
        ));
        let unwrapped = ec_key.unwrap_key(KeyTransport::RsaPkcs1, &[0; 256], 32, &OsRandom);
        assert!(matches!(unwrapped, Err(Error::WrongKey(_))));
    }
}

#[test]
fn a_forged_encoded_message_under_a_small_exponent_is_refused() {
    // A modulus far larger than the cube of the forgery: the encoded message is written first and
    // its "signature" is a cube root over the integers, so any verifier that stops reading before
    // the last byte accepts.
    let mut modulus = vec![0xff; 1024];
    modulus[1023] = 0x0d;
    let key = rsa_public(&modulus, &[3]);
    let scheme = SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256);
    for provider in providers() {
        let info = digest_info(&digest(provider, DigestAlgorithm::Sha256, b"x"), true);
        for padding in [0, 1, 8, 16] {
            let start = [&[0, 1][..], &vec![0xff; padding], &[0], &info].concat();
            let mut message = start.clone();
            message.resize(1024, 0xff);
            let root = cube_root(&message);
            let verified = provider.verify(&key, scheme, Signed::Message(b"x"), &root);
            assert_eq!(verified, Err(Error::BadSignature), "{provider:?} {padding}");
        }
    }
}

#[test]
fn only_the_two_standard_forms_of_digest_info_verify() {
    // Signed with the bare private operation, so that any encoded message can be made.
    let key = RustCrypto.load_private_key(&key!("rsa2048-a.pem")).unwrap();
    let private = bare_rsa(key!("rsa2048-a.pem"));
    let scheme = SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256);
    for provider in providers() {
        let value = digest(provider, DigestAlgorithm::Sha256, b"x");
        let pad = |info: &[u8], length: usize| {
            let padding = vec![0xff; length - 3 - info.len()];
            [&[0, 1][..], &padding, &[0], info].concat()
        };
        let with_null = digest_info(&value, true);
        let mut block_type = pad(&with_null, 256);
        block_type[1] = 2;
        let mut not_ff = pad(&with_null, 256);
        not_ff[100] = 0xfe;
        let mut long_form = with_null.clone();
        long_form[1] = 0x81;
        long_form.insert(2, 49);
        let mut trailing_inside = with_null.clone();
        trailing_inside[1] += 1;
        trailing_inside.push(0);
        let mut sha384_name = with_null.clone();
        sha384_name[14] = 2;
        let mut parameters = with_null.clone();
        parameters[15] = 4;
        let mut shifted = pad(&with_null, 246);
        shifted.extend([0; 10]);
        for (encoded, good) in [
            (pad(&with_null, 256), true),
            (pad(&digest_info(&value, false), 256), true),
            (block_type, false),
            (not_ff, false),
            (pad(&long_form, 256), false),
            (pad(&trailing_inside, 256), false),
            (pad(&[&with_null[..], &[0]].concat(), 256), false),
            (pad(&sha384_name, 256), false),
            (pad(&parameters, 256), false),
            (pad(&value, 256), false),
            (shifted, false),
            (pad(&[], 256), false),
        ] {
            let signature = private(&encoded);
            let verified =
                provider.verify(key.public_key(), scheme, Signed::Message(b"x"), &signature);
            let expected = if good {
                Ok(())
            } else {
                Err(Error::BadSignature)
            };
            assert_eq!(verified, expected, "{provider:?} {}", hex(&encoded));
        }
    }
}

#[test]
fn representatives_not_below_the_modulus_are_refused() {
    for provider in providers() {
        let key = provider.load_private_key(&key!("rsa2048-a.pem")).unwrap();
        let mut outer = Reader::new(key.public_key().key_bytes());
        let modulus = outer.sequence("").unwrap().unsigned("").unwrap().to_vec();
        for scheme in rsa_schemes() {
            for signature in [modulus.clone(), vec![0xff; 256], vec![0; 256]] {
                let verified =
                    provider.verify(key.public_key(), scheme, Signed::Message(b"x"), &signature);
                assert_eq!(verified, Err(Error::BadSignature));
            }
        }
    }
}

#[test]
fn ecdsa_signatures_have_one_encoding_and_numbers_in_range() {
    for (pkcs8, order, digest) in [
        (
            key!("p256-a.pem"),
            "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
            DigestAlgorithm::Sha256,
        ),
        (
            key!("p384-a.pem"),
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
            DigestAlgorithm::Sha384,
        ),
        (
            key!("p521-a.pem"),
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
            DigestAlgorithm::Sha512,
        ),
    ] {
        check_one_encoding(&pkcs8, &unhex(order), SignatureScheme::Ecdsa(digest));
    }
}

fn check_one_encoding(pkcs8: &Secret, order: &[u8], scheme: SignatureScheme) {
    let signature = |r: &[u8], s: &[u8]| {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.unsigned(r);
                w.unsigned(s);
            });
        })
    };
    for provider in providers() {
        let key = provider.load_private_key(pkcs8).unwrap();
        let good = key.sign(scheme, Signed::Message(b"x"), &OsRandom).unwrap();
        let mut outer = Reader::new(&good);
        let mut fields = outer.sequence("").unwrap();
        let (r, s) = (fields.unsigned("").unwrap(), fields.unsigned("").unwrap());
        let mut other_length = good.clone();
        if good[1] == 0x81 {
            // A length in one octet more than it needs.
            other_length[1] = 0x82;
            other_length.insert(2, 0);
        } else {
            other_length.insert(1, 0x81);
        }
        let padded = Writer::encode(|w| {
            w.sequence(|w| {
                w.element(Tag::INTEGER, &[&[0, 0], r].concat());
                w.unsigned(s);
            });
        });
        let three = Writer::encode(|w| {
            w.sequence(|w| [r, s, s].iter().for_each(|number| w.unsigned(number)));
        });
        let negative = Writer::encode(|w| {
            w.sequence(|w| {
                w.element(Tag::INTEGER, &[0x80]);
                w.unsigned(s);
            });
        });
        for bad in [
            signature(&[], s),
            signature(r, &[]),
            signature(order, s),
            signature(r, order),
            signature(&vec![0xff; order.len()], s),
            signature(&vec![1; order.len() + 1], s),
            signature(s, r),
            [r, s].concat(),
            other_length,
            padded,
            [&good[..], &[0]].concat(),
            three,
            negative,
        ] {
            let verified = provider.verify(key.public_key(), scheme, Signed::Message(b"x"), &bad);
            assert_eq!(
                verified,
                Err(Error::BadSignature),
                "{provider:?} {}",
                hex(&bad)
            );
        }
        assert_eq!(
            provider.verify(key.public_key(), scheme, Signed::Message(b"x"), &good),
            Ok(())
        );
    }
}

#[test]
fn deterministic_ecdsa_gives_the_signatures_of_the_standard() {
    // RFC 6979 §A.2.5 to §A.2.7: the message "sample".
    for (curve, scalar, algorithm, r, s) in [
        (
            Curve::P256,
            "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
            DigestAlgorithm::Sha256,
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ),
        (
            Curve::P256,
            "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
            DigestAlgorithm::Sha384,
            "0eafea039b20e9b42309fb1d89e213057cbf973dc0cfc8f129edddc800ef7719",
            "4861f0491e6998b9455193e34e7b0d284ddd7149a74b95b9261f13abde940954",
        ),
        (
            Curve::P384,
            "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5",
            DigestAlgorithm::Sha384,
            "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46",
            "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8",
        ),
        (
            Curve::P521,
            "00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa896eb32f1f47c70855836a6d16fcc1466f6d8fbec67db89ec0c08b0e996b83538",
            DigestAlgorithm::Sha256,
            "01511bb4d675114fe266fc4372b87682baecc01d3cc62cf2303c92b3526012659d16876e25c7c1e57648f23b73564d67f61c6f14d527d54972810421e7d87589e1a7",
            "004a171143a83163d6df460aaf61522695f207a58b95c0644d87e52aa1a347916e4f7a72930b1bc06dbe22ce3f58264afd23704cbb63b29b931f7de6c9d949a7ecfc",
        ),
        (
            Curve::P521,
            "00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa896eb32f1f47c70855836a6d16fcc1466f6d8fbec67db89ec0c08b0e996b83538",
            DigestAlgorithm::Sha512,
            "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5d450606add152b534931d7d4e8455cc91f9b15bf05ec36e377fa",
            "00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4a67a",
        ),
    ] {
        let expected = Writer::encode(|w| {
            w.sequence(|w| {
                w.unsigned(&unhex(r));
                w.unsigned(&unhex(s));
            });
        });
        let sec1 = Writer::encode(|w| {
            w.sequence(|w| {
                w.small(1);
                w.octet_string(&unhex(scalar));
                w.constructed(Tag::context_constructed(0), |w| w.oid(curve.oid()));
            });
        });
        let pkcs8 = read_private_key(&sec1, None).unwrap();
        for provider in providers() {
            let key = provider.load_private_key(&pkcs8).unwrap();
            let scheme = SignatureScheme::Ecdsa(algorithm);
            let signature = key
                .sign(scheme, Signed::Message(b"sample"), &NoRandom)
                .unwrap();
            assert_eq!(hex(&signature), hex(&expected));
        }
    }
}

#[test]
fn both_sides_agree_whoever_computes() {
    for (one, other) in pairs() {
        for (curve, a, b) in [
            (Curve::P256, key!("p256-a.pem"), key!("p256-b.pem")),
            (Curve::P384, key!("p384-a.pem"), key!("p384-b.pem")),
            (Curve::P521, key!("p521-a.pem"), key!("p521-b.pem")),
        ] {
            let (a, b) = (
                one.load_private_key(&a).unwrap(),
                other.load_private_key(&b).unwrap(),
            );
            let shared = a.agree(b.public_key()).unwrap();
            assert_eq!(shared.expose().len(), curve.field_length());
            assert_eq!(b.agree(a.public_key()), Ok(shared));
            let kind = KeyKind::Ec(curve);
            let ephemeral = one.ephemeral_key(kind, &OsRandom).unwrap();
            assert_eq!(ephemeral.public_key().kind(), kind);
            assert_eq!(
                ephemeral.agree(b.public_key()),
                b.agree(ephemeral.public_key())
            );
            let second = one.ephemeral_key(kind, &OsRandom).unwrap();
            assert_ne!(second.public_key(), ephemeral.public_key());
        }
    }
}

#[test]
fn agreement_is_the_vector_of_the_standard() {
    // RFC 5903 §8.1 and §8.3: the random ECP groups of 256 and 521 bits.
    for (curve, scalar, peer, shared) in [
        (
            Curve::P256,
            "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
            "04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf6356fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
            "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de",
        ),
        (
            Curve::P521,
            "0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a095aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d4a52",
            "0400d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a219b97c356436adc6e95bb0352f6be64a6c2912d4ef2d0433ced2b6171640012d9460f015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87220b6536c5c408a1d2aebb8e86d678ae49cb57091f4732296579ab44fcd17f0fc56a",
            "01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3ddea",
        ),
    ] {
        let sec1 = Writer::encode(|w| {
            w.sequence(|w| {
                w.small(1);
                w.octet_string(&unhex(scalar));
                w.constructed(Tag::context_constructed(0), |w| w.oid(curve.oid()));
            });
        });
        let pkcs8 = read_private_key(&sec1, None).unwrap();
        for provider in providers() {
            let key = provider.load_private_key(&pkcs8).unwrap();
            let agreed = key.agree(&ec_public(curve, &unhex(peer))).unwrap();
            assert_eq!(hex(agreed.expose()), shared);
        }
    }
}

#[test]
fn points_off_the_curve_and_of_another_curve_are_refused() {
    for provider in providers() {
        let key = provider.load_private_key(&key!("p521-a.pem")).unwrap();
        let mut off = key.public_key().key_bytes().to_vec();
        off[132] ^= 1;
        let (zero, large) = ([0; 132], [0xff; 132]);
        for point in [off, [&[4][..], &zero].concat(), [&[4][..], &large].concat()] {
            let peer = ec_public(Curve::P521, &point);
            assert!(matches!(key.agree(&peer), Err(Error::WrongKey(_))));
            let scheme = SignatureScheme::Ecdsa(DigestAlgorithm::Sha512);
            let signature = key.sign(scheme, Signed::Message(b"x"), &OsRandom).unwrap();
            let verified = provider.verify(&peer, scheme, Signed::Message(b"x"), &signature);
            assert!(matches!(verified, Err(Error::WrongKey(_))), "{provider:?}");
        }
        let key = provider.load_private_key(&key!("p256-a.pem")).unwrap();
        let other = provider.load_private_key(&key!("p384-a.pem")).unwrap();
        let mut off = key.public_key().key_bytes().to_vec();
        off[64] ^= 1;
        let zero = [&[4][..], &[0; 64]].concat();
        let large = [&[4][..], &[0xff; 64]].concat();
        for point in [off, zero, large] {
            let peer = ec_public(Curve::P256, &point);
            assert!(matches!(key.agree(&peer), Err(Error::WrongKey(_))));
            let scheme = SignatureScheme::Ecdsa(DigestAlgorithm::Sha256);
            let signature = key.sign(scheme, Signed::Message(b"x"), &OsRandom).unwrap();
            let verified = provider.verify(&peer, scheme, Signed::Message(b"x"), &signature);
            assert!(matches!(verified, Err(Error::WrongKey(_))), "{provider:?}");
        }
        assert!(matches!(
            key.agree(other.public_key()),
            Err(Error::WrongKey(_))
        ));
        // Compressed points are not PKIX keys of ours (RFC 5480 §2.2): such a key is unknown.
        let compressed = [&[2], &key.public_key().key_bytes()[1..33]].concat();
        assert_eq!(ec_public(Curve::P256, &compressed).kind(), KeyKind::Unknown);
    }
}

#[test]
fn a_transported_key_comes_back() {
    let content_key = Secret::new((0..32).collect());
    let mut transports = vec![KeyTransport::RsaPkcs1];
    for digest in DigestAlgorithm::ALL {
        for mgf in DigestAlgorithm::ALL {
            transports.push(KeyTransport::RsaOaep { digest, mgf });
        }
    }
    for provider in providers() {
        let key = provider.load_private_key(&key!("rsa2048-a.pem")).unwrap();
        for &transport in &transports {
            let wrapped =
                transport_key(key.public_key(), transport, &content_key, &OsRandom).unwrap();
            let unwrapped = key.unwrap_key(transport, &wrapped, 32, &OsRandom);
            assert_eq!(unwrapped.as_ref(), Ok(&content_key), "{transport:?}");
        }
    }
}

#[test]
fn pkcs1_transport_never_says_what_was_wrong() {
    let content_key = Secret::new(vec![7; 32]);
    let transport = KeyTransport::RsaPkcs1;
    for provider in providers() {
        let key = provider.load_private_key(&key!("rsa2048-a.pem")).unwrap();
        let other = provider.load_private_key(&key!("rsa2048-b.pem")).unwrap();
        let wrapped = transport_key(key.public_key(), transport, &content_key, &OsRandom).unwrap();
        let mut altered = wrapped.clone();
        altered[200] ^= 1;
        let mut seen = Vec::new();
        for (key, wrapped, length) in [
            (&key, altered, 32),
            (&other, wrapped.clone(), 32),
            (&key, wrapped.clone(), 16),
            (&key, wrapped[1..].to_vec(), 32),
            (&key, [&wrapped[..], &[0]].concat(), 32),
            (&key, Vec::new(), 32),
            (&key, vec![0; 256], 32),
            (&key, vec![0xff; 256], 32),
        ] {
            let unwrapped = key
                .unwrap_key(transport, &wrapped, length, &OsRandom)
                .unwrap();
            assert_eq!(unwrapped.expose().len(), length);
            assert_ne!(unwrapped, content_key);
            assert_ne!(unwrapped.expose(), &vec![7; length][..]);
            assert!(unwrapped.expose().iter().any(|byte| *byte != 0));
            // The same message twice has one outcome.
            let again = key.unwrap_key(transport, &wrapped, length, &OsRandom);
            assert_eq!(again.as_ref(), Ok(&unwrapped));
            assert!(!seen.contains(&unwrapped));
            seen.push(unwrapped);
        }
    }
}

#[test]
fn oaep_has_one_error() {
    let content_key = Secret::new(vec![7; 32]);
    let oaep = |digest, mgf| KeyTransport::RsaOaep { digest, mgf };
    let transport = oaep(DigestAlgorithm::Sha256, DigestAlgorithm::Sha256);
    let failed = Err(Error::DecryptFailed);
    for provider in providers() {
        let key = provider.load_private_key(&key!("rsa2048-a.pem")).unwrap();
        let other = provider.load_private_key(&key!("rsa2048-b.pem")).unwrap();
        let wrapped = transport_key(key.public_key(), transport, &content_key, &OsRandom).unwrap();
        let mut altered = wrapped.clone();
        altered[200] ^= 1;
        let open = |key: &PrivateKey, transport, wrapped: &[u8], length| {
            key.unwrap_key(transport, wrapped, length, &OsRandom)
        };
        assert_eq!(open(&key, transport, &altered, 32), failed);
        assert_eq!(open(&other, transport, &wrapped, 32), failed);
        assert_eq!(open(&key, transport, &wrapped, 16), failed);
        assert_eq!(open(&key, transport, &wrapped[1..], 32), failed);
        assert_eq!(open(&key, transport, &[], 32), failed);
        assert_eq!(open(&key, transport, &[0xff; 256], 32), failed);
        for (digest, mgf) in [
            (DigestAlgorithm::Sha256, DigestAlgorithm::Sha1),
            (DigestAlgorithm::Sha1, DigestAlgorithm::Sha256),
            (DigestAlgorithm::Sha384, DigestAlgorithm::Sha384),
        ] {
            assert_eq!(open(&key, oaep(digest, mgf), &wrapped, 32), failed);
        }
    }
}

#[test]
fn keys_that_cannot_carry_the_content_key_are_refused() {
    let small = read_private_key(
        include_bytes!("../../../testdata/keys/forms/rsa1024.pem"),
        None,
    )
    .unwrap();
    let small = RustCrypto.load_private_key(&small).unwrap();
    let ec = RustCrypto.load_private_key(&key!("p256-a.pem")).unwrap();
    let oaep = KeyTransport::RsaOaep {
        digest: DigestAlgorithm::Sha512,
        mgf: DigestAlgorithm::Sha512,
    };
    let content_key = Secret::new(vec![1; 32]);
    let tiny = rsa_public(&[0xff; 63], &[3]);
    let huge = rsa_public(&[0xff; 2049], &[3]);
    let exponent = rsa_public(&[0xff; 256], &[1, 0, 0, 0, 0, 0, 0, 0, 1]);
    for (key, transport) in [
        (small.public_key(), oaep),
        (ec.public_key(), KeyTransport::RsaPkcs1),
        (&tiny, KeyTransport::RsaPkcs1),
        (&huge, KeyTransport::RsaPkcs1),
        (&exponent, KeyTransport::RsaPkcs1),
    ] {
        let wrapped = transport_key(key, transport, &content_key, &OsRandom);
        assert!(matches!(wrapped, Err(Error::WrongKey(_))), "{wrapped:?}");
        let scheme = SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256);
        for provider in providers() {
            let verified = provider.verify(key, scheme, Signed::Message(b"x"), &[1; 128]);
            assert!(verified.is_err());
        }
    }
}

#[test]
fn a_failing_source_of_randomness_is_an_error_everywhere() {
    let failed = Err(Error::NoRandomness);
    for provider in providers() {
        let key = provider.load_private_key(&key!("rsa2048-a.pem")).unwrap();
        let pss = SignatureScheme::RsaPss {
            digest: DigestAlgorithm::Sha256,
            salt: 32,
        };
        assert_eq!(key.sign(pss, Signed::Message(b"x"), &NoRandom), failed);
        let oaep = KeyTransport::RsaOaep {
            digest: DigestAlgorithm::Sha256,
            mgf: DigestAlgorithm::Sha256,
        };
        for transport in [KeyTransport::RsaPkcs1, oaep] {
            let content_key = Secret::new(vec![1; 32]);
            assert_eq!(
                transport_key(key.public_key(), transport, &content_key, &NoRandom),
                failed
            );
            let wrapped =
                transport_key(key.public_key(), transport, &content_key, &OsRandom).unwrap();
            let unwrapped = key.unwrap_key(transport, &wrapped, 32, &NoRandom);
            assert_eq!(unwrapped.unwrap_err(), Error::NoRandomness);
        }
        for kind in [KeyKind::Ed25519, KeyKind::X25519] {
            let made = provider.generate_key(kind, &NoRandom);
            assert_eq!(made, Err(Error::NoRandomness));
        }
        let ephemeral = provider.ephemeral_key(KeyKind::X25519, &NoRandom);
        assert_eq!(ephemeral.unwrap_err(), Error::NoRandomness);
        for curve in Curve::ALL {
            let kind = KeyKind::Ec(curve);
            assert_eq!(
                provider.ephemeral_key(kind, &NoRandom).unwrap_err(),
                Error::NoRandomness
            );
            // Zeros are no scalar, and drawing them again does not help.
            assert_eq!(
                provider.ephemeral_key(kind, &Zeros).unwrap_err(),
                Error::NoRandomness
            );
            assert!(
                provider
                    .generate_key(KeyKind::Ec(curve), &NoRandom)
                    .is_err()
            );
        }
        assert!(
            provider
                .generate_key(KeyKind::Rsa { bits: 2048 }, &NoRandom)
                .is_err()
        );
    }
}

#[test]
fn generated_keys_load_and_repeat_with_the_randomness() {
    for provider in providers() {
        for kind in [
            KeyKind::Ec(Curve::P256),
            KeyKind::Ec(Curve::P384),
            KeyKind::Ec(Curve::P521),
            KeyKind::Ed25519,
            KeyKind::X25519,
            KeyKind::Rsa { bits: 2048 },
        ] {
            let pkcs8 = provider.generate_key(kind, &Counter::default()).unwrap();
            let key = provider.load_private_key(&pkcs8).unwrap();
            assert_eq!(key.public_key().kind(), kind);
            assert_eq!(
                PublicKey::from_spki(key.public_key().spki()).unwrap(),
                *key.public_key()
            );
            let again = provider.generate_key(kind, &Counter::default()).unwrap();
            assert_eq!(again, pkcs8);
            assert_eq!(read_private_key(pkcs8.expose(), None), Ok(pkcs8));
        }
        for bits in [0, 512, 1024, 2047, 2049, 4160, 16_384, u32::MAX] {
            let made = provider.generate_key(KeyKind::Rsa { bits }, &OsRandom);
            assert!(matches!(made, Err(Error::Unsupported(_))), "{bits}");
        }
        for kind in [KeyKind::Unknown, KeyKind::RsaPss { bits: 2048 }] {
            assert!(provider.generate_key(kind, &OsRandom).is_err());
        }
        for kind in [
            KeyKind::Unknown,
            KeyKind::Ed25519,
            KeyKind::Rsa { bits: 2048 },
        ] {
            assert!(provider.ephemeral_key(kind, &OsRandom).is_err());
        }
    }
}

#[test]
fn halves_that_do_not_belong_together_do_not_load() {
    let (rsa, other) = (
        rsa_numbers(&key!("rsa2048-a.pem")),
        rsa_numbers(&key!("rsa2048-b.pem")),
    );
    let mut wrong = Vec::new();
    for index in 0..5 {
        let mut numbers = rsa.clone();
        numbers[index] = other[index].clone();
        if index != 1 {
            wrong.push(numbers);
        }
        let mut numbers = rsa.clone();
        *numbers[index].last_mut().unwrap() ^= 2;
        wrong.push(numbers);
        for replaced in [vec![], vec![1], vec![2], vec![0xff; 300]] {
            let mut numbers = rsa.clone();
            numbers[index] = replaced;
            wrong.push(numbers);
        }
    }
    for provider in providers() {
        assert!(provider.load_private_key(&rsa_pkcs8(&rsa)).is_ok());
        for numbers in &wrong {
            assert!(provider.load_private_key(&rsa_pkcs8(numbers)).is_err());
        }
        let one = provider.load_private_key(&key!("p256-a.pem")).unwrap();
        let other = provider.load_private_key(&key!("p256-b.pem")).unwrap();
        let pkcs8 = key!("p256-a.pem").expose().to_vec();
        let point = one.public_key().key_bytes();
        let at = pkcs8
            .windows(65)
            .position(|window| window == point)
            .unwrap();
        let mut swapped = pkcs8.clone();
        swapped[at..at + 65].copy_from_slice(other.public_key().key_bytes());
        let loaded = provider.load_private_key(&Secret::new(swapped));
        assert!(matches!(loaded, Err(Error::WrongKey(_))));
        for cut in 0..pkcs8.len() {
            assert!(
                provider
                    .load_private_key(&Secret::from(&pkcs8[..cut]))
                    .is_err()
            );
        }
    }
}

#[test]
fn private_keys_print_no_secret() {
    for provider in providers() {
        for pkcs8 in [
            key!("rsa2048-a.pem"),
            key!("p256-a.pem"),
            key!("ed25519-a.pem"),
            key!("x25519-a.pem"),
        ] {
            let key = provider.load_private_key(&pkcs8).unwrap();
            assert!(format!("{key:?}").len() < 60, "{key:?}");
        }
    }
}

#[test]
fn rsa_exponents_of_every_allowed_size_verify() {
    // Nothing is signed: a good encoded message cannot be had without the private key. What
    // counts is that no exponent up to 64 bits stops the work before the signature is judged.
    let scheme = SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256);
    for provider in providers() {
        for exponent in [&[3][..], &[1, 0, 1], &[1, 0, 0, 0, 1], &[0xff; 8]] {
            let key = rsa_public(&[0xff; 256], exponent);
            let verified = provider.verify(&key, scheme, Signed::Message(b"x"), &[1; 256]);
            assert_eq!(verified, Err(Error::BadSignature));
        }
        for exponent in [&[1][..], &[2], &[1, 0, 0]] {
            assert_eq!(rsa_public(&[0xff; 256], exponent).kind(), KeyKind::Unknown);
        }
    }
}

#[test]
fn an_rsa_key_without_parameters_is_read() {
    let with_null = rsa_public(&[0xff; 256], &[1, 0, 1]);
    let without = PublicKey::from_spki(&Writer::encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| w.oid(smime_crypto::Oid::new("1.2.840.113549.1.1.1")));
            w.bit_string(with_null.key_bytes());
        });
    }))
    .unwrap();
    assert_eq!(without.kind(), KeyKind::Rsa { bits: 2048 });
    assert_eq!(without.kind(), with_null.kind());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_provider_gives_one_verdict(
        message in prop::collection::vec(any::<u8>(), 0..200),
        position in any::<prop::sample::Index>(),
        change in any::<u8>(),
        algorithm in 0_usize..3,
        which in 0_usize..5,
    ) {
        let (pkcs8, scheme) = match which {
            3 => (key!("p521-a.pem"), SignatureScheme::Ecdsa(SHA2[algorithm])),
            4 => (key!("ed25519-a.pem"), SignatureScheme::Ed25519),
            0 => (key!("rsa2048-a.pem"), SignatureScheme::RsaPkcs1(SHA2[algorithm])),
            1 => (key!("p256-a.pem"), SignatureScheme::Ecdsa(SHA2[algorithm])),
            _ => (key!("p384-a.pem"), SignatureScheme::Ecdsa(SHA2[algorithm])),
        };
        let key = RustCrypto.load_private_key(&pkcs8).unwrap();
        let mut signature = key.sign(scheme, Signed::Message(&message), &OsRandom).unwrap();
        let position = position.index(signature.len());
        signature[position] ^= change;
        let expected = if change == 0 { Ok(()) } else { Err(Error::BadSignature) };
        for provider in providers() {
            let verified =
                provider.verify(key.public_key(), scheme, Signed::Message(&message), &signature);
            prop_assert_eq!(verified, expected);
        }
    }

    #[test]
    fn a_digest_does_not_depend_on_the_cuts(
        message in prop::collection::vec(any::<u8>(), 0..1000),
        cut in 1_usize..200,
    ) {
        for algorithm in DigestAlgorithm::ALL {
            let expected = digest(&RustCrypto, algorithm, &message);
            for provider in providers() {
                let mut hasher = provider.hasher(algorithm);
                message.chunks(cut).for_each(|piece| hasher.update(piece));
                prop_assert_eq!(&hasher.finish(), &expected);
            }
        }
    }

    #[test]
    fn altered_private_keys_never_panic(
        position in any::<prop::sample::Index>(),
        value in any::<u8>(),
        which in 0_usize..5,
    ) {
        let pkcs8 = match which {
            0 => key!("rsa2048-a.pem"),
            1 => key!("p256-a.pem"),
            2 => key!("p521-a.pem"),
            3 => key!("ed25519-a.pem"),
            _ => key!("x25519-a.pem"),
        };
        let mut altered = pkcs8.expose().to_vec();
        let position = position.index(altered.len());
        altered[position] = value;
        for provider in providers() {
            let _ = provider.load_private_key(&Secret::from(&altered[..]));
        }
    }
}

#[derive(Debug)]
struct NoRandom;

impl Random for NoRandom {
    fn fill(&self, _out: &mut [u8]) -> Result<(), Error> {
        Err(Error::NoRandomness)
    }
}

#[derive(Debug)]
struct Zeros;

impl Random for Zeros {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        out.fill(0);
        Ok(())
    }
}

/// Bytes that differ and repeat from run to run.
#[derive(Debug, Default)]
struct Counter(AtomicU64);

impl Random for Counter {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        for piece in out.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            let bytes = digest(&RustCrypto, DigestAlgorithm::Sha256, &count.to_be_bytes());
            piece.copy_from_slice(&bytes[..piece.len()]);
        }
        Ok(())
    }
}

fn rsa_public(modulus: &[u8], exponent: &[u8]) -> PublicKey {
    let key = Writer::encode(|w| {
        w.sequence(|w| {
            w.unsigned(modulus);
            w.unsigned(exponent);
        });
    });
    PublicKey::from_spki(&Writer::encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                w.oid(smime_crypto::Oid::new("1.2.840.113549.1.1.1"));
                w.null();
            });
            w.bit_string(&key);
        });
    }))
    .unwrap()
}

fn ec_public(curve: Curve, point: &[u8]) -> PublicKey {
    PublicKey::from_spki(&Writer::encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                w.oid(smime_crypto::Oid::new("1.2.840.10045.2.1"));
                w.oid(curve.oid());
            });
            w.bit_string(point);
        });
    }))
    .unwrap()
}

/// The numbers of an RSA key: n, e, d, p, q, and the three that follow from them.
fn rsa_numbers(pkcs8: &Secret) -> Vec<Vec<u8>> {
    let mut fields = Reader::new(pkcs8.expose()).sequence("").unwrap();
    fields.small("").unwrap();
    fields.sequence("").unwrap();
    let key = fields.octet_string("").unwrap();
    let mut fields = Reader::new(key).sequence("").unwrap();
    fields.small("").unwrap();
    (0..8)
        .map(|_| fields.unsigned("").unwrap().to_vec())
        .collect()
}

fn rsa_pkcs8(numbers: &[Vec<u8>]) -> Secret {
    let key = Writer::encode(|w| {
        w.sequence(|w| {
            w.small(0);
            numbers.iter().for_each(|number| w.unsigned(number));
        });
    });
    read_private_key(&key, None).unwrap()
}

/// The private operation without any padding.
fn bare_rsa(pkcs8: Secret) -> impl Fn(&[u8]) -> Vec<u8> {
    let numbers = rsa_numbers(&pkcs8);
    let number = |bytes: &[u8]| {
        rsa::BoxedUint::from_be_slice(bytes, u32::try_from(bytes.len() * 8).unwrap()).unwrap()
    };
    let key = rsa::PrivateKey::from_components(
        number(&numbers[0]),
        rsa::BoxedUint::from(65_537_u32),
        number(&numbers[2]),
        vec![number(&numbers[3]), number(&numbers[4])],
    )
    .unwrap();
    move |message: &[u8]| {
        let none: Option<&mut NoRng> = None;
        rsa::hazmat::rsa_decrypt(none, &key, &number(message))
            .unwrap()
            .to_be_bytes()
            .to_vec()
    }
}

/// The type of a source of randomness that is not there.
enum NoRng {}

impl rsa::rand_core::TryRng for NoRng {
    type Error = Error;

    fn try_next_u32(&mut self) -> Result<u32, Error> {
        match *self {}
    }

    fn try_next_u64(&mut self) -> Result<u64, Error> {
        match *self {}
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Error> {
        match *self {}
    }
}

impl rsa::rand_core::TryCryptoRng for NoRng {}

/// The largest number whose cube is not larger than `number`.
fn cube_root(number: &[u8]) -> Vec<u8> {
    let target = digits(number);
    let mut root = vec![0_u8; number.len()];
    for bit in number.len() * 8 / 3 * 2 - 8..number.len() * 8 {
        root[bit / 8] |= 0x80 >> (bit % 8);
        let digits = digits(&root);
        if larger(&multiply(&multiply(&digits, &digits), &digits), &target) {
            root[bit / 8] &= !(0x80 >> (bit % 8));
        }
    }
    root
}

/// Digits of 32 bits, the least significant first, without zeros at the end.
fn digits(bytes: &[u8]) -> Vec<u32> {
    let mut digits: Vec<u32> = bytes
        .rchunks(4)
        .map(|piece| {
            piece
                .iter()
                .fold(0, |digit, byte| digit << 8 | u32::from(*byte))
        })
        .collect();
    trim(&mut digits);
    digits
}

fn trim(digits: &mut Vec<u32>) {
    while digits.last() == Some(&0) {
        digits.pop();
    }
}

fn larger(a: &[u32], b: &[u32]) -> bool {
    (a.len(), a.iter().rev().collect::<Vec<_>>()) > (b.len(), b.iter().rev().collect::<Vec<_>>())
}

fn multiply(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut product = vec![0_u32; a.len() + b.len()];
    for (i, x) in a.iter().enumerate() {
        let mut carry = 0_u64;
        for (j, y) in b.iter().enumerate() {
            let sum = u64::from(*x) * u64::from(*y) + u64::from(product[i + j]) + carry;
            product[i + j] = sum as u32;
            carry = sum >> 32;
        }
        product[i + b.len()] = carry as u32;
    }
    trim(&mut product);
    product
}

fn digest_info(value: &[u8], with_null: bool) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                w.oid(DigestAlgorithm::Sha256.oid());
                if with_null {
                    w.null();
                }
            });
            w.octet_string(value);
        });
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}
