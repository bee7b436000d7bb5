//! The search for a chain ends soon whatever the pool holds, and finds what is there.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::atomic::{AtomicU32, Ordering};

use smime_crypto::{
    AlgorithmPolicy, CryptoProvider, DigestAlgorithm, Error, Hasher, KeyKind, Oid, PrivateKey,
    PublicKey, Random, RustCrypto, Secret, SignatureScheme, Signed, asn1::Writer,
};
use smime_testkit::{AcceptAll, Authority, NOW, Profile, TestKey};
use smime_x509::{
    Certificate, CertificateBundle, CertificatePolicy, ChainError, ChainErrorKind, ChainVerifier,
    Purpose, Revocation, TrustStore,
};

const KEYS: [TestKey; 8] = TestKey::ALL;

fn verify_on(
    provider: &dyn CryptoProvider,
    anchors: &TrustStore,
    leaf: &Certificate,
    pool: impl IntoIterator<Item = Certificate>,
) -> Result<usize, ChainError> {
    let (policy, algorithms) = (CertificatePolicy::standard(), AlgorithmPolicy::standard());
    let pool: CertificateBundle = pool.into_iter().collect();
    ChainVerifier {
        provider,
        algorithms: &algorithms,
        policy: &policy,
        anchors,
        revocation: &Revocation::off(),
    }
    .verify(leaf, Purpose::SignMail, &pool, NOW)
    .map(|chain| chain.path().len())
}

/// An authority's certificate with the name of `like` and a key that nobody has.
fn impostor(like: &Authority, number: usize) -> Certificate {
    let mut spki = TestKey::P256A.public().spki().to_vec();
    let end = spki.len();
    spki[end - 2..].copy_from_slice(&u16::try_from(number).unwrap().to_be_bytes());
    impostor_with(like, &spki)
}

/// As [`impostor`], with an RSA key of so many bytes.
fn rsa_impostor(like: &Authority, bytes: usize, number: u8) -> Certificate {
    let mut modulus = vec![0xff; bytes];
    modulus[1] = number;
    let key = Writer::encode(|w| {
        w.sequence(|w| {
            w.unsigned(&modulus);
            w.unsigned(&[1, 0, 1]);
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
    impostor_with(like, &spki)
}

fn impostor_with(like: &Authority, spki: &[u8]) -> Certificate {
    let key = PublicKey::from_spki(spki).unwrap();
    let id = like.certificate().subject_key_id().unwrap();
    let original = like.certificate();
    let builder = smime_x509::CertificateBuilder::new(
        original.subject().to_name(),
        &key,
        original.not_before(),
        original.not_after(),
    );
    let constraints = smime_x509::BasicConstraints {
        ca: true,
        path_length: None,
    };
    like.sign(builder.basic_constraints(constraints).subject_key_id(id))
}

#[test]
fn impostors_in_the_pool_cost_at_most_the_budget() {
    let root = Authority::root("Root", TestKey::P384A);
    let middle = root.intermediate("Middle", TestKey::P384B);
    let person = middle.person("a@example.com", Profile::of(TestKey::P256B));
    let impostors: Vec<_> = (0..150).map(|number| impostor(&middle, number)).collect();
    let counting = Counting::default();
    let error = verify_on(
        &counting,
        &root.trust(),
        &person.certificate,
        impostors.clone(),
    );
    assert_eq!(error.unwrap_err().kind, ChainErrorKind::BudgetExhausted);
    assert_eq!(counting.0.load(Ordering::Relaxed), 100);
    let mut pool = impostors[..90].to_vec();
    pool.insert(45, middle.certificate().clone());
    let found = verify_on(&RustCrypto, &root.trust(), &person.certificate, pool);
    assert_eq!(found, Ok(3));
}

#[test]
fn large_keys_use_up_the_budget_as_fast_as_they_cost_time() {
    let root = Authority::root("Root", TestKey::Rsa2048A);
    let person = root.person("a@example.com", Profile::of(TestKey::P256B));
    for (bytes, checked) in [(256, 100), (512, 100), (1024, 25), (2048, 6)] {
        let impostors = (0..120).map(|number| rsa_impostor(&root, bytes, number));
        let counting = Counting::default();
        let error = verify_on(
            &counting,
            &TrustStore::new(),
            &person.certificate,
            impostors,
        );
        assert_eq!(error.unwrap_err().kind, ChainErrorKind::BudgetExhausted);
        assert_eq!(counting.0.load(Ordering::Relaxed), checked, "{bytes} bytes");
    }
}

#[test]
fn a_huge_pool_of_one_name_ends_the_search() {
    let root = Authority::root("Root", TestKey::P384A);
    let person = root.person("a@example.com", Profile::of(TestKey::P256B));
    // One key and many certificates: one signature to check, but many candidates on every level.
    let pool: Vec<_> = (0..400_u16)
        .map(|number| {
            Authority::root_with("Root", TestKey::P384B, |b| b.serial(&number.to_be_bytes()))
                .certificate()
                .clone()
        })
        .collect();
    assert_eq!(
        verify_on(
            &RustCrypto,
            &root.trust(),
            &person.certificate,
            pool.clone()
        ),
        Ok(2)
    );
    let error = verify_on(&AcceptAll, &TrustStore::new(), &person.certificate, pool).unwrap_err();
    assert_eq!(error.kind, ChainErrorKind::BudgetExhausted);
}

#[test]
fn authorities_that_all_certify_each_other_are_harmless() {
    let authorities: Vec<_> = KEYS
        .iter()
        .enumerate()
        .map(|(number, key)| Authority::root(&format!("CA {number}"), *key))
        .collect();
    let mut mesh = Vec::new();
    for issuer in &authorities {
        for (number, key) in KEYS.iter().enumerate() {
            mesh.push(
                issuer
                    .intermediate(&format!("CA {number}"), *key)
                    .certificate()
                    .clone(),
            );
        }
    }
    let person = authorities[0].person("a@example.com", Profile::of(TestKey::P256B));
    let error = verify_on(
        &RustCrypto,
        &TrustStore::new(),
        &person.certificate,
        mesh.clone(),
    );
    assert_ne!(error.unwrap_err().kind, ChainErrorKind::BudgetExhausted);
    // A root outside the mesh that certified its last member.
    let root = Authority::root("Outside", TestKey::P256A);
    mesh.push(root.intermediate("CA 7", KEYS[7]).certificate().clone());
    for pool in [mesh.clone(), mesh.into_iter().rev().collect()] {
        let found = verify_on(&RustCrypto, &root.trust(), &person.certificate, pool);
        assert!(found.unwrap() >= 4);
    }
}

#[test]
fn a_loop_of_two_ends() {
    let one = Authority::root("One", TestKey::P384A);
    let two = Authority::root("Two", TestKey::P384B);
    let pool = [
        one.intermediate("Two", TestKey::P384B)
            .certificate()
            .clone(),
        two.intermediate("One", TestKey::P384A)
            .certificate()
            .clone(),
    ];
    let person = one.person("a@example.com", Profile::of(TestKey::P256B));
    let error = verify_on(
        &RustCrypto,
        &TrustStore::new(),
        &person.certificate,
        pool.clone(),
    );
    assert_eq!(error.unwrap_err().kind, ChainErrorKind::NoPath);
    assert_eq!(
        verify_on(&RustCrypto, &two.trust(), &person.certificate, pool),
        Ok(3)
    );
}

#[test]
fn the_longer_way_is_taken_when_the_shorter_one_is_barred() {
    let root = Authority::root("Root", TestKey::P384A);
    let constraints = |path_length| smime_x509::BasicConstraints {
        ca: true,
        path_length,
    };
    // Two certificates of one authority: the first would forbid what stands below it.
    let barred = root.intermediate_with("Top", TestKey::P384B, |b| {
        b.basic_constraints(constraints(Some(0)))
    });
    let open = root.intermediate("Top", TestKey::P384B);
    let middle = open.intermediate("Middle", TestKey::P256A);
    let person = middle.person("a@example.com", Profile::of(TestKey::P256B));
    let all = [
        barred.certificate(),
        open.certificate(),
        middle.certificate(),
    ]
    .map(Clone::clone);
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0], [2, 0, 1]] {
        let pool = order.map(|at: usize| all[at].clone());
        assert_eq!(
            verify_on(&RustCrypto, &root.trust(), &person.certificate, pool),
            Ok(4)
        );
    }
    let pool = [barred.certificate().clone(), middle.certificate().clone()];
    let error = verify_on(&RustCrypto, &root.trust(), &person.certificate, pool).unwrap_err();
    assert_eq!(error.kind, ChainErrorKind::PathTooLong);
}

/// Counts the signatures that are checked.
#[derive(Debug, Default)]
struct Counting(AtomicU32);

impl CryptoProvider for Counting {
    fn hasher(&self, algorithm: DigestAlgorithm) -> Box<dyn Hasher> {
        RustCrypto.hasher(algorithm)
    }

    fn verify(
        &self,
        key: &PublicKey,
        scheme: SignatureScheme,
        signed: Signed<'_>,
        signature: &[u8],
    ) -> Result<(), Error> {
        self.0.fetch_add(1, Ordering::Relaxed);
        RustCrypto.verify(key, scheme, signed, signature)
    }

    fn ephemeral_key(&self, kind: KeyKind, random: &dyn Random) -> Result<PrivateKey, Error> {
        RustCrypto.ephemeral_key(kind, random)
    }

    fn generate_key(&self, kind: KeyKind, random: &dyn Random) -> Result<Secret, Error> {
        RustCrypto.generate_key(kind, random)
    }

    fn load_private_key(&self, pkcs8: &Secret) -> Result<PrivateKey, Error> {
        RustCrypto.load_private_key(pkcs8)
    }
}
