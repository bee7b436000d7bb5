//! Ed25519, X25519 and RSASSA-PSS keys, over every provider.

use smime_crypto::{
    CryptoProvider, DigestAlgorithm, Error, KeyKind, KeyTransport, Oid, OsRandom, PrivateKey,
    PublicKey, RustCrypto, Secret, SignatureScheme, Signed,
    asn1::{Reader, Tag, Writer},
    read_private_key, transport_key,
};

use crate::{NoRandom, hex, pairs, providers, unhex};

const ED25519: Oid = Oid::new("1.3.101.112");
const X25519: Oid = Oid::new("1.3.101.110");
const PSS: Oid = Oid::new("1.2.840.113549.1.1.10");

fn spki(algorithm: Oid, octets: &[u8]) -> PublicKey {
    PublicKey::from_spki(&Writer::encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| w.oid(algorithm));
            w.bit_string(octets);
        });
    }))
    .unwrap()
}

/// A PKCS#8 whose parts can be wrong.
fn pkcs8(algorithm: Oid, parameters: &[u8], key: &[u8], public: Option<&[u8]>) -> Secret {
    Secret::new(Writer::encode(|w| {
        w.sequence(|w| {
            w.small(u32::from(public.is_some()));
            w.sequence(|w| {
                w.oid(algorithm);
                w.raw(parameters);
            });
            w.octet_string(key);
            if let Some(public) = public {
                w.element(Tag::context(1), &[&[0], public].concat());
            }
        });
    }))
}

fn octets(octets: &[u8]) -> Vec<u8> {
    Writer::encode(|w| w.octet_string(octets))
}

fn load(provider: &dyn CryptoProvider, algorithm: Oid, private: &[u8]) -> PrivateKey {
    provider
        .load_private_key(&pkcs8(algorithm, &[], &octets(private), None))
        .unwrap()
}

#[test]
fn ed25519_gives_the_vectors_of_the_standard() {
    // RFC 8032 §7.1, tests 1 to 3.
    for (private, public, message, expected) in [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ] {
        let message = unhex(message);
        for (signer, verifier) in pairs() {
            let key = load(signer, ED25519, &unhex(private));
            assert_eq!(*key.public_key(), spki(ED25519, &unhex(public)));
            let signed = Signed::Message(&message);
            let signature = key
                .sign(SignatureScheme::Ed25519, signed, &NoRandom)
                .unwrap();
            assert_eq!(hex(&signature), expected);
            let verified = verifier.verify(
                key.public_key(),
                SignatureScheme::Ed25519,
                signed,
                &signature,
            );
            assert_eq!(verified, Ok(()), "{verifier:?}");
        }
    }
}

#[test]
fn an_ed25519_signature_verifies_for_nothing_else() {
    let scheme = SignatureScheme::Ed25519;
    for provider in providers() {
        let key = provider.load_private_key(&key!("ed25519-a.pem")).unwrap();
        let other = provider.load_private_key(&key!("ed25519-b.pem")).unwrap();
        let signature = key
            .sign(scheme, Signed::Message(b"yes"), &NoRandom)
            .unwrap();
        let verify = |key: &PublicKey, message: &[u8], signature: &[u8]| {
            provider.verify(key, scheme, Signed::Message(message), signature)
        };
        let (public, bad) = (key.public_key(), Err(Error::BadSignature));
        assert_eq!(verify(public, b"yes", &signature), Ok(()));
        assert_eq!(verify(public, b"no", &signature), bad);
        assert_eq!(verify(public, b"", &signature), bad);
        assert_eq!(verify(other.public_key(), b"yes", &signature), bad);
        assert_eq!(verify(public, b"yes", &[]), bad);
        assert_eq!(verify(public, b"yes", &signature[..63]), bad);
        assert_eq!(
            verify(public, b"yes", &[&signature[..], &[0]].concat()),
            bad
        );
        assert_eq!(verify(public, b"yes", &[0; 64]), bad);
        assert_eq!(verify(public, b"yes", &[0xff; 64]), bad);
        for position in 0..64 {
            for bit in [1, 0x80] {
                let mut altered = signature.clone();
                altered[position] ^= bit;
                assert_eq!(verify(public, b"yes", &altered), bad, "byte {position}");
            }
        }
    }
}

#[test]
fn a_scalar_of_ed25519_that_is_not_reduced_is_refused() {
    // The same signature with the order of the base point added to S: malleable where it is taken
    // (RFC 8032 §5.1.7).
    let order = unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    for provider in providers() {
        let key = provider.load_private_key(&key!("ed25519-a.pem")).unwrap();
        let message = Signed::Message(b"x");
        let mut signature = key
            .sign(SignatureScheme::Ed25519, message, &NoRandom)
            .unwrap();
        let mut carry = 0_u16;
        for (digit, added) in signature[32..].iter_mut().zip(&order) {
            carry += u16::from(*digit) + u16::from(*added);
            *digit = carry as u8;
            carry >>= 8;
        }
        assert_eq!(carry, 0);
        let verified = provider.verify(
            key.public_key(),
            SignatureScheme::Ed25519,
            message,
            &signature,
        );
        assert_eq!(verified, Err(Error::BadSignature), "{provider:?}");
    }
}

#[test]
fn ed25519_keys_of_small_order_and_of_other_encodings_are_refused() {
    let small = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        // The sign of an x that is zero.
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ]
    .map(unhex);
    // Every y from the order of the field on: what is not small there has two encodings.
    let unreduced = (0xed..=0xff_u8)
        .flat_map(|low| [0x7f, 0xff].map(|high| [&[low][..], &[0xff; 30], &[high]].concat()));
    for provider in providers() {
        for point in small.iter().cloned().chain(unreduced.clone()) {
            let key = spki(ED25519, &point);
            assert_eq!(key.kind(), KeyKind::Ed25519);
            // R of small order and S of zero: under such a key, good for half of all messages or
            // more to whoever only checks the equation.
            for r in &small {
                let signature = [&r[..], &[0; 32]].concat();
                for message in [&b"a"[..], b"b", b"c", b"d"] {
                    let verified = provider.verify(
                        &key,
                        SignatureScheme::Ed25519,
                        Signed::Message(message),
                        &signature,
                    );
                    assert!(
                        matches!(verified, Err(Error::WrongKey(_))),
                        "{provider:?} {}",
                        hex(&point)
                    );
                }
            }
        }
        let key = provider.load_private_key(&key!("ed25519-a.pem")).unwrap();
        for r in &small {
            let signature = [&r[..], &[0; 32]].concat();
            let verified = provider.verify(
                key.public_key(),
                SignatureScheme::Ed25519,
                Signed::Message(b"x"),
                &signature,
            );
            assert_eq!(verified, Err(Error::BadSignature));
        }
    }
}

#[test]
fn ed25519_signs_no_digest() {
    for provider in providers() {
        let key = provider.load_private_key(&key!("ed25519-a.pem")).unwrap();
        let signature = key.sign(
            SignatureScheme::Ed25519,
            Signed::Message(&[1; 64]),
            &NoRandom,
        );
        let digest = Signed::Digest(&[1; 64]);
        let verified = provider.verify(
            key.public_key(),
            SignatureScheme::Ed25519,
            digest,
            &signature.unwrap(),
        );
        assert!(matches!(verified, Err(Error::Unsupported(_))));
        let signed = key.sign(SignatureScheme::Ed25519, digest, &NoRandom);
        assert!(matches!(signed, Err(Error::Unsupported(_))));
    }
}

#[test]
fn x25519_gives_the_vector_of_the_standard() {
    // RFC 7748 §6.1.
    let alice = unhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let bob = unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    for (one, other) in pairs() {
        let (alice, bob) = (load(one, X25519, &alice), load(other, X25519, &bob));
        assert_eq!(
            hex(alice.public_key().key_bytes()),
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
        );
        assert_eq!(
            hex(bob.public_key().key_bytes()),
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
        );
        let shared = alice.agree(bob.public_key()).unwrap();
        assert_eq!(
            hex(shared.expose()),
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
        );
        assert_eq!(bob.agree(alice.public_key()), Ok(shared));
        let ephemeral = one.ephemeral_key(KeyKind::X25519, &OsRandom).unwrap();
        assert_eq!(ephemeral.public_key().kind(), KeyKind::X25519);
        assert_eq!(
            ephemeral.agree(bob.public_key()),
            bob.agree(ephemeral.public_key())
        );
        let second = one.ephemeral_key(KeyKind::X25519, &OsRandom).unwrap();
        assert_ne!(second.public_key(), ephemeral.public_key());
    }
}

#[test]
fn a_shared_secret_of_zeros_is_refused() {
    // The points of small order on the curve and its twist, and their other encodings.
    let points = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    for provider in providers() {
        let key = provider.load_private_key(&key!("x25519-a.pem")).unwrap();
        let ephemeral = provider.ephemeral_key(KeyKind::X25519, &OsRandom).unwrap();
        for mut point in points.map(unhex) {
            for _ in 0..2 {
                let peer = spki(X25519, &point);
                for own in [&key, &ephemeral] {
                    let agreed = own.agree(&peer);
                    assert!(matches!(agreed, Err(Error::WrongKey(_))), "{}", hex(&point));
                }
                // The last bit is ignored (RFC 7748 §5).
                point[31] ^= 0x80;
            }
        }
    }
}

#[test]
fn keys_of_32_octets_have_one_form() {
    let private = [7; 32];
    for provider in providers() {
        for algorithm in [ED25519, X25519] {
            let key = load(provider, algorithm, &private);
            let public = key.public_key().key_bytes();
            let with_public = pkcs8(algorithm, &[], &octets(&private), Some(public));
            let again = provider.load_private_key(&with_public).unwrap();
            assert_eq!(again.public_key(), key.public_key());
            assert_eq!(
                read_private_key(with_public.expose(), None),
                Ok(with_public.clone())
            );
            for other in [&[9; 32][..], &public[..31], &[]] {
                let swapped = pkcs8(algorithm, &[], &octets(&private), Some(other));
                let loaded = provider.load_private_key(&swapped);
                assert!(matches!(loaded, Err(Error::WrongKey(_))));
            }
            for parameters in [&[5, 0][..], &[4, 0], &[0x30, 0]] {
                let loaded = provider.load_private_key(&pkcs8(
                    algorithm,
                    parameters,
                    &octets(&private),
                    None,
                ));
                assert!(matches!(loaded, Err(Error::Unsupported(_))));
            }
            for inner in [
                octets(&[]),
                octets(&[7; 31]),
                octets(&[7; 33]),
                octets(&[7; 64]),
                private.to_vec(),
                [&octets(&private)[..], &[0]].concat(),
                Vec::new(),
            ] {
                let loaded = provider.load_private_key(&pkcs8(algorithm, &[], &inner, None));
                assert!(matches!(loaded, Err(Error::Malformed { .. })), "{loaded:?}");
            }
        }
        let of_448 = provider.load_private_key(&pkcs8(
            Oid::new("1.3.101.113"),
            &[],
            &octets(&[7; 57]),
            None,
        ));
        assert!(matches!(of_448, Err(Error::UnknownAlgorithm(_))));
    }
}

#[test]
fn keys_do_only_what_their_kind_does() {
    let schemes = [
        SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256),
        SignatureScheme::RsaPss {
            digest: DigestAlgorithm::Sha256,
            salt: 32,
        },
        SignatureScheme::Ecdsa(DigestAlgorithm::Sha256),
        SignatureScheme::Ed25519,
    ];
    let message = Signed::Message(b"x");
    for provider in providers() {
        let keys = [
            key!("rsa2048-a.pem"),
            key!("p256-a.pem"),
            key!("p521-a.pem"),
            key!("ed25519-a.pem"),
            key!("x25519-a.pem"),
        ]
        .map(|pkcs8| provider.load_private_key(&pkcs8).unwrap());
        for key in &keys {
            let kind = key.public_key().kind();
            for scheme in schemes {
                let signed = key.sign(scheme, message, &OsRandom);
                assert_eq!(signed.is_ok(), kind.signs_by(scheme), "{kind:?} {scheme:?}");
                let verified = provider.verify(key.public_key(), scheme, message, &[1; 64]);
                let expected = match kind.signs_by(scheme) {
                    true => matches!(verified, Err(Error::BadSignature)),
                    false => matches!(verified, Err(Error::WrongKey(_))),
                };
                assert!(expected, "{kind:?} {scheme:?} {verified:?}");
            }
            for other in &keys {
                let agreed = key.agree(other.public_key());
                let fit = kind.can_agree() && kind == other.public_key().kind();
                assert_eq!(agreed.is_ok(), fit, "{kind:?} {other:?}");
            }
            let content_key = Secret::new(vec![1; 32]);
            let transport = KeyTransport::RsaPkcs1;
            let sent = transport_key(key.public_key(), transport, &content_key, &OsRandom);
            let is_rsa = matches!(kind, KeyKind::Rsa { .. });
            assert_eq!(sent.is_ok(), is_rsa, "{kind:?}");
            let unwrapped = key.unwrap_key(transport, &[1; 256], 32, &OsRandom);
            assert_eq!(unwrapped.is_ok(), is_rsa, "{kind:?}");
        }
    }
}

#[test]
fn a_pss_key_verifies_pss_within_its_parameters_alone() {
    let sha256 = DigestAlgorithm::Sha256;
    let pss = |digest, salt| SignatureScheme::RsaPss { digest, salt };
    let identifier = pss(sha256, 32).identifier();
    let mut fields = Reader::new(&identifier).sequence("").unwrap();
    fields.oid().unwrap();
    let key = RustCrypto.load_private_key(&key!("rsa2048-a.pem")).unwrap();
    let restricted = |parameters: &[u8]| {
        PublicKey::from_spki(&Writer::encode(|w| {
            w.sequence(|w| {
                w.sequence(|w| {
                    w.oid(PSS);
                    w.raw(parameters);
                });
                w.bit_string(key.public_key().key_bytes());
            });
        }))
        .unwrap()
    };
    let (free, bound) = (restricted(&[]), restricted(fields.rest()));
    for provider in providers() {
        for (scheme, by_free, by_bound) in [
            (pss(sha256, 32), true, true),
            (pss(sha256, 48), true, true),
            (pss(sha256, 31), true, false),
            (pss(DigestAlgorithm::Sha512, 64), true, false),
            (SignatureScheme::RsaPkcs1(sha256), false, false),
        ] {
            let message = Signed::Message(b"x");
            let signature = key.sign(scheme, message, &OsRandom).unwrap();
            for (public, good) in [(&free, by_free), (&bound, by_bound)] {
                let verified = provider.verify(public, scheme, message, &signature);
                match good {
                    true => assert_eq!(verified, Ok(()), "{scheme:?}"),
                    false => assert!(matches!(verified, Err(Error::WrongKey(_))), "{scheme:?}"),
                }
            }
        }
        let content_key = Secret::new(vec![1; 32]);
        let sent = transport_key(&free, KeyTransport::RsaPkcs1, &content_key, &OsRandom);
        assert!(matches!(sent, Err(Error::WrongKey(_))));
    }
}
