//! People with one key of each kind, below one authority.

#![allow(dead_code)] // each test file uses a part

use std::sync::{Arc, OnceLock};

use smime_crypto::{AlgorithmPolicy, KeyKind, PrivateKey, RustCrypto};
use smime_testkit::{Authority, Identity, NOW, Profile, TestKey};
use smime_x509::{
    Certificate, CertificateBuilder, CertificatePolicy, ChainVerifier, Revocation, VerifiedSigner,
};

/// A certificate and its key.
pub(crate) struct Person {
    pub(crate) certificate: Certificate,
    pub(crate) key: Arc<PrivateKey>,
}

impl Person {
    fn new(identity: &Identity) -> Self {
        Self {
            certificate: identity.certificate.clone(),
            key: Arc::new(identity.private_key()),
        }
    }

    pub(crate) fn is_rsa(&self) -> bool {
        matches!(self.key.public_key().kind(), KeyKind::Rsa { .. })
    }
}

/// Returns the person who has this key, the same one each time.
pub(crate) fn person(key: TestKey) -> &'static Person {
    static PEOPLE: [OnceLock<Person>; 8] = [const { OnceLock::new() }; 8];
    let place = TestKey::ALL.iter().position(|it| *it == key).unwrap();
    PEOPLE[place].get_or_init(|| Person::new(&issued("alice@example.com", key)))
}

/// Returns a person with the key, issuer and serial number of another, and another certificate of
/// the same length.
pub(crate) fn twin(key: TestKey) -> Person {
    Person::new(&issued("alicf@example.com", key))
}

/// Returns a person with another key and the issuer and serial number of the one who has `key`.
pub(crate) fn namesake(key: TestKey, other: TestKey) -> Person {
    let root = Authority::root("Root", TestKey::Rsa2048B);
    let serial = person(key).certificate.serial().to_vec();
    let named = |builder: CertificateBuilder| builder.serial(&serial);
    Person::new(&root.person_with("alice@example.com", Profile::of(other), named))
}

/// Returns a person below an intermediate, and the proof of it.
pub(crate) fn chained() -> (Person, VerifiedSigner) {
    let root = Authority::root("Root", TestKey::Rsa2048B);
    let authority = root.intermediate("Intermediate", TestKey::P384A);
    let identity = authority.person("bob@example.com", Profile::of(TestKey::P256B));
    let chains = ChainVerifier {
        provider: &RustCrypto,
        algorithms: &AlgorithmPolicy::standard(),
        policy: &CertificatePolicy::standard(),
        anchors: &root.trust(),
        revocation: &Revocation::off(),
    };
    let proven = chains.verify_signer(&identity.certificate, &identity.bundle(), NOW);
    (Person::new(&identity), proven.unwrap())
}

/// RSA signs: its signatures have one length, so certificates of like fields have too.
fn issued(email: &str, key: TestKey) -> Identity {
    let serial = 1 + TestKey::ALL.iter().position(|it| *it == key).unwrap() as u8;
    let root = Authority::root("Root", TestKey::Rsa2048B);
    root.person_with(email, Profile::of(key), |builder| builder.serial(&[serial]))
}
