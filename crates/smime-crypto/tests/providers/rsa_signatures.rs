//! What an RSA signature may look like inside.

use smime_crypto::{
    CryptoProvider, DigestAlgorithm, Error, KeyKind, OsRandom, PublicKey, RustCrypto, Secret,
    SignatureScheme, Signed,
    asn1::{Reader, Writer},
    read_private_key,
};

use crate::{digest, hex, providers, rsa_numbers, rsa_public, rsa_schemes};

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
