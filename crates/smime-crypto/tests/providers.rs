//! One suite over every provider, and over pairs of providers against each other.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::as_conversions)] // test code

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use smime_crypto::{
    CryptoProvider, Curve, DigestAlgorithm, Error, KeyKind, KeyTransport, OsRandom, PublicKey,
    Random, RustCrypto, Secret, SignatureScheme, Signed,
    asn1::{Reader, Writer},
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

#[path = "providers/agreement.rs"]
mod agreement;
#[path = "providers/ecdsa.rs"]
mod ecdsa;
#[path = "providers/rfc8410.rs"]
mod rfc8410;
#[path = "providers/rsa_signatures.rs"]
mod rsa_signatures;
#[path = "providers/transport.rs"]
mod transport;

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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}
