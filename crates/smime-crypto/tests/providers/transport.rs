//! Keys transported with RSA.

use smime_crypto::{
    CryptoProvider, DigestAlgorithm, Error, KeyTransport, OsRandom, PrivateKey, RustCrypto, Secret,
    SignatureScheme, Signed, read_private_key, transport_key,
};

use crate::{providers, rsa_public};

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
        include_bytes!("../../../../testdata/keys/forms/rsa1024.pem"),
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
