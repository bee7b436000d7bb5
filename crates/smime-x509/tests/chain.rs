//! Every rule of a chain has a chain that breaks it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "chain/finding.rs"]
mod finding;
#[path = "chain/issuers.rs"]
mod issuers;
#[path = "chain/purposes.rs"]
mod purposes;

use smime_crypto::{
    AlgorithmPolicy, CryptoProvider, DigestAlgorithm, Oid, PublicKey, RustCrypto, SignatureScheme,
    UnixTime, asn1::Writer, fastest, read_private_key,
};
use smime_testkit::{
    Authority, DAY, Identity, NOW, Profile, SeededRandom, TestKey, flips, truncations,
};
use smime_x509::{
    BasicConstraints, Certificate, CertificateBuilder, CertificateBundle, CertificatePolicy,
    ChainError, ChainErrorKind, ChainVerifier, Name, NameAttribute, Purpose, Revocation,
    TrustStore,
};

const SERVER_AUTH: Oid = Oid::new("1.3.6.1.5.5.7.3.1");
const BASIC_CONSTRAINTS: Oid = Oid::new("2.5.29.19");
const KEY_USAGE: Oid = Oid::new("2.5.29.15");
const EXTENDED_KEY_USAGE: Oid = Oid::new("2.5.29.37");
const NAME_CONSTRAINTS: Oid = Oid::new("2.5.29.30");
const POLICY_CONSTRAINTS: Oid = Oid::new("2.5.29.36");
const CERTIFICATE_POLICIES: Oid = Oid::new("2.5.29.32");
const UNKNOWN: Oid = Oid::new("1.3.6.1.4.1.99999.1");

type Change = fn(CertificateBuilder) -> CertificateBuilder;

/// Verifies on every provider, which must agree.
fn verify_with(
    policy: &CertificatePolicy,
    algorithms: &AlgorithmPolicy,
    anchors: &TrustStore,
    leaf: &Certificate,
    purpose: Purpose,
    pool: &[Certificate],
    at: UnixTime,
) -> Result<Vec<Certificate>, ChainError> {
    let pool: CertificateBundle = pool.iter().cloned().collect();
    let on = |provider: &dyn CryptoProvider| {
        ChainVerifier {
            provider,
            algorithms,
            policy,
            anchors,
            revocation: &Revocation::off(),
        }
        .verify(leaf, purpose, &pool, at)
        .map(|chain| chain.path().to_vec())
    };
    let result = on(&RustCrypto);
    assert_eq!(result, on(fastest()));
    result
}

fn verify(
    anchors: &TrustStore,
    leaf: &Certificate,
    purpose: Purpose,
    pool: &[Certificate],
) -> Result<Vec<Certificate>, ChainError> {
    let (policy, algorithms) = (CertificatePolicy::standard(), AlgorithmPolicy::standard());
    verify_with(&policy, &algorithms, anchors, leaf, purpose, pool, NOW)
}

fn kind(result: Result<Vec<Certificate>, ChainError>) -> ChainErrorKind {
    result
        .map(|path| path.len())
        .expect_err("this chain must be refused")
        .kind
}

fn unchanged(builder: CertificateBuilder) -> CertificateBuilder {
    builder
}

/// Root, intermediate and person, each altered.
fn three(root: Change, middle: Change, leaf: Change) -> (Authority, Authority, Identity) {
    let root = Authority::root_with("Test Root", TestKey::P384A, root);
    let middle = root.intermediate_with("Test CA", TestKey::P256A, middle);
    let profile = Profile::of(TestKey::P256B);
    let person = middle.person_with("alice@example.com", profile, leaf);
    (root, middle, person)
}

fn verdict(
    root: Change,
    middle: Change,
    leaf: Change,
    purpose: Purpose,
) -> Result<usize, ChainErrorKind> {
    let (root, _, person) = three(root, middle, leaf);
    let result = verify(&root.trust(), &person.certificate, purpose, &person.chain);
    result.map(|path| path.len()).map_err(|error| error.kind)
}

fn ca(path_length: Option<u32>) -> BasicConstraints {
    BasicConstraints {
        ca: true,
        path_length,
    }
}

fn permutations(items: &[Certificate]) -> Vec<Vec<Certificate>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for at in 0..items.len() {
        let mut rest = items.to_vec();
        let first = rest.remove(at);
        for mut permutation in permutations(&rest) {
            permutation.insert(0, first.clone());
            all.push(permutation);
        }
    }
    all
}

#[test]
fn the_proofs_name_their_certificate() {
    let (root, _, person) = three(unchanged, unchanged, unchanged);
    let (policy, algorithms) = (CertificatePolicy::strict(), AlgorithmPolicy::strict());
    let anchors = root.trust();
    let verifier = ChainVerifier {
        provider: &RustCrypto,
        algorithms: &algorithms,
        policy: &policy,
        anchors: &anchors,
        revocation: &Revocation::off(),
    };
    let signer = verifier
        .verify_signer(&person.certificate, &person.bundle(), NOW)
        .unwrap();
    let recipient = verifier
        .verify_recipient(&person.certificate, &person.bundle(), NOW)
        .unwrap();
    assert_eq!(signer.certificate(), &person.certificate);
    assert_eq!(recipient.certificate(), &person.certificate);
    assert_eq!(signer.path(), recipient.path());
    assert_eq!(signer.path().last(), Some(root.certificate()));
}

#[test]
fn a_rule_broken_by_any_certificate_of_the_path_breaks_the_chain() {
    let expired: Change = |b| b.valid(UnixTime(0), UnixTime(NOW.0 - 1));
    let early: Change = |b| b.valid(UnixTime(NOW.0 + 1), UnixTime(NOW.0 + DAY));
    let backwards: Change = |b| b.valid(UnixTime(NOW.0 + 1), UnixTime(NOW.0 - 1));
    let unknown: Change = |b| b.extension(UNKNOWN, true, &[5, 0]);
    let constraints: Change = |b| b.extension(NAME_CONSTRAINTS, true, &[0x30, 0]);
    let soft_constraints: Change = |b| b.extension(NAME_CONSTRAINTS, false, &[0x30, 0]);
    let explicit: Change = |b| b.extension(POLICY_CONSTRAINTS, true, &[0x30, 3, 0x80, 1, 0]);
    let no_policy: Change = |b| b.extension(POLICY_CONSTRAINTS, true, &[0x30, 0]);
    let wrong_usage: Change = |b| b.extended_key_usage(&[SERVER_AUTH]);
    let cases = [
        ("expired", expired, ChainErrorKind::Expired),
        ("early", early, ChainErrorKind::NotYetValid),
        ("backwards", backwards, ChainErrorKind::Expired),
        (
            "unknown",
            unknown,
            ChainErrorKind::UnknownCriticalExtension(Box::new(UNKNOWN)),
        ),
        (
            "constraints",
            constraints,
            ChainErrorKind::NameConstraintsUnsupported,
        ),
        (
            "soft constraints",
            soft_constraints,
            ChainErrorKind::NameConstraintsUnsupported,
        ),
        ("explicit", explicit, ChainErrorKind::NoAcceptablePolicy),
        ("no policy", no_policy, ChainErrorKind::PoliciesMalformed),
        (
            "extended key usage",
            wrong_usage,
            ChainErrorKind::ExtendedKeyUsage,
        ),
    ];
    for (name, change, expected) in cases {
        for purpose in [Purpose::SignMail, Purpose::EncryptMail] {
            let expected = Err(expected.clone());
            assert_eq!(
                verdict(change, unchanged, unchanged, purpose),
                expected,
                "{name}, root"
            );
            assert_eq!(
                verdict(unchanged, change, unchanged, purpose),
                expected,
                "{name}, middle"
            );
            assert_eq!(
                verdict(unchanged, unchanged, change, purpose),
                expected,
                "{name}, leaf"
            );
        }
    }
}

#[test]
fn both_ends_of_validity_are_inclusive() {
    let (from, to) = (UnixTime(NOW.0 - 10), UnixTime(NOW.0 + 10));
    for at_level in 0..3 {
        let change = |level: usize| {
            move |b: CertificateBuilder| {
                if level == at_level {
                    b.valid(from, to)
                } else {
                    b
                }
            }
        };
        let root = Authority::root_with("Root", TestKey::P384A, change(0));
        let middle = root.intermediate_with("Middle", TestKey::P256A, change(1));
        let person = middle.person_with("a@example.com", Profile::of(TestKey::P256B), change(2));
        let at = |at| {
            let (policy, algorithms) = (CertificatePolicy::standard(), AlgorithmPolicy::standard());
            let leaf = &person.certificate;
            verify_with(
                &policy,
                &algorithms,
                &root.trust(),
                leaf,
                Purpose::SignMail,
                &person.chain,
                at,
            )
        };
        assert!(at(from).is_ok() && at(to).is_ok());
        assert_eq!(kind(at(UnixTime(from.0 - 1))), ChainErrorKind::NotYetValid);
        assert_eq!(kind(at(UnixTime(to.0 + 1))), ChainErrorKind::Expired);
    }
}

#[test]
fn the_policy_bounds_the_number_of_intermediates() {
    let keys = [TestKey::P256A, TestKey::P384A];
    let root = Authority::root("Root", TestKey::P384B);
    for (count, expected) in [(8, Ok(10)), (9, Err(ChainErrorKind::PathTooLong))] {
        let issuer = (0..count).fold(root.clone(), |issuer, number| {
            issuer.intermediate(&format!("CA {number}"), keys[number % 2])
        });
        let person = issuer.person("a@example.com", Profile::of(TestKey::P256B));
        let result = verify(
            &root.trust(),
            &person.certificate,
            Purpose::SignMail,
            &person.chain,
        );
        assert_eq!(result.map(|p| p.len()).map_err(|e| e.kind), expected);
    }
    let none = CertificatePolicy {
        max_intermediates: 0,
        ..CertificatePolicy::standard()
    };
    let (root, _, person) = three(unchanged, unchanged, unchanged);
    let algorithms = AlgorithmPolicy::standard();
    let anchors = root.trust();
    let leaf = &person.certificate;
    let result = verify_with(
        &none,
        &algorithms,
        &anchors,
        leaf,
        Purpose::SignMail,
        &person.chain,
        NOW,
    );
    assert_eq!(kind(result), ChainErrorKind::PathTooLong);
}

#[test]
fn policies_that_decide_nothing_are_no_obstacle() {
    let policies = Writer::encode(|w| w.sequence(|w| w.sequence(|w| w.oid(UNKNOWN))));
    let root = Authority::root("Root", TestKey::P384A);
    let person = root.person_with("a@example.com", Profile::of(TestKey::P256B), |b| {
        b.extension(CERTIFICATE_POLICIES, true, &policies)
            .extension(POLICY_CONSTRAINTS, true, &[0x30, 3, 0x81, 1, 0])
            .extension(UNKNOWN, false, &[5, 0])
    });
    assert!(verify(&root.trust(), &person.certificate, Purpose::SignMail, &[]).is_ok());
}

#[test]
fn weak_signatures_and_keys_are_refused_by_standard_and_read_by_archive() {
    let sha1 = SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha1);
    let random = SeededRandom::new(1);
    let subject = |text| Name::from_attributes(&[(NameAttribute::CommonName, text)]);
    let (from, to) = (UnixTime(NOW.0 - DAY), UnixTime(NOW.0 + DAY));
    let issue = |issuer: &Certificate, key: &PublicKey, name| {
        CertificateBuilder::new(subject(name), key, from, to).issued_by(issuer)
    };
    let strong = Authority::root("Strong", TestKey::Rsa2048A);
    let weak_pem = include_bytes!("../../../testdata/keys/forms/rsa1024.pem");
    let weak = RustCrypto
        .load_private_key(&read_private_key(weak_pem, None).unwrap())
        .unwrap();
    let weak_root = CertificateBuilder::new(subject("Weak"), weak.public_key(), from, to)
        .basic_constraints(ca(None))
        .sign(
            &weak,
            SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256),
            &random,
        )
        .unwrap();
    let by_sha1 = issue(strong.certificate(), &TestKey::P256A.public(), "by SHA-1")
        .sign(TestKey::Rsa2048A.private(), sha1, &random)
        .unwrap();
    let by_weak = issue(&weak_root, &TestKey::P256A.public(), "by a weak key")
        .sign(
            &weak,
            SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256),
            &random,
        )
        .unwrap();
    let of_weak = strong.sign(issue(
        strong.certificate(),
        weak.public_key(),
        "of a weak key",
    ));
    let anchors: TrustStore = [strong.certificate().clone(), weak_root]
        .into_iter()
        .collect();
    for leaf in [&by_sha1, &by_weak, &of_weak] {
        let with = |algorithms: &AlgorithmPolicy| {
            let policy = CertificatePolicy::standard();
            verify_with(
                &policy,
                algorithms,
                &anchors,
                leaf,
                Purpose::SignMail,
                &[],
                NOW,
            )
        };
        let refused = kind(with(&AlgorithmPolicy::standard()));
        assert!(
            matches!(refused, ChainErrorKind::AlgorithmRefused(_)),
            "{refused:?} {leaf:?}"
        );
        assert_eq!(refused.code(), "chain.algorithm_refused");
        assert!(with(&AlgorithmPolicy::archive()).is_ok(), "{leaf:?}");
    }
    // The anchor's own signature is nobody's proof: SHA-1 there does no harm.
    let old = CertificateBuilder::new(subject("Old"), &TestKey::Rsa2048A.public(), from, to)
        .basic_constraints(ca(None))
        .sign(TestKey::Rsa2048A.private(), sha1, &random)
        .unwrap();
    let leaf = strong.sign(issue(&old, &TestKey::P256A.public(), "below old"));
    let anchors = [old].into_iter().collect();
    assert!(verify(&anchors, &leaf, Purpose::SignMail, &[]).is_ok());
}

#[test]
fn an_unknown_signature_algorithm_is_refused_by_name() {
    let root = Authority::root("Root", TestKey::Rsa2048A);
    let person = root.person("a@example.com", Profile::of(TestKey::P256B));
    let sha256_with_rsa = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0b];
    let mut der = person.certificate.der().to_vec();
    let places: Vec<usize> = (0..der.len() - 9)
        .filter(|at| der[*at..at + 9] == sha256_with_rsa)
        .collect();
    assert_eq!(places.len(), 2);
    for at in places {
        der[at + 8] = 0x0e;
    }
    let leaf = Certificate::from_der(&der).unwrap();
    let sha224_with_rsa = Oid::new("1.2.840.113549.1.1.14");
    assert_eq!(
        kind(verify(&root.trust(), &leaf, Purpose::SignMail, &[])),
        ChainErrorKind::UnknownAlgorithm(Box::new(sha224_with_rsa))
    );
}

#[test]
fn a_damaged_certificate_never_verifies() {
    let root = Authority::root("Root", TestKey::Rsa2048A);
    let middle = root.intermediate("Middle", TestKey::P256A);
    let person = middle.person("a@example.com", Profile::of(TestKey::P256B));
    let (policy, algorithms) = (CertificatePolicy::standard(), AlgorithmPolicy::standard());
    let anchors = root.trust();
    let accepts = |leaf: &Certificate, pool: &CertificateBundle| {
        ChainVerifier {
            provider: fastest(),
            algorithms: &algorithms,
            policy: &policy,
            anchors: &anchors,
            revocation: &Revocation::off(),
        }
        .verify(leaf, Purpose::SignMail, pool, NOW)
        .is_ok()
    };
    assert!(accepts(&person.certificate, &person.bundle()));
    for (at, der) in flips(person.certificate.der()) {
        if let Ok(leaf) = Certificate::from_der(&der) {
            assert!(!accepts(&leaf, &person.bundle()), "leaf, byte {at}");
        }
    }
    for (at, der) in flips(middle.certificate().der()) {
        if let Ok(changed) = Certificate::from_der(&der) {
            let pool = [changed].into_iter().collect();
            assert!(
                !accepts(&person.certificate, &pool),
                "intermediate, byte {at}"
            );
        }
    }
    for der in truncations(person.certificate.der()) {
        assert!(Certificate::from_der(der).is_err());
    }
}
