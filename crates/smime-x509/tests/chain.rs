//! Every rule of a chain has a chain that breaks it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use smime_crypto::{
    AlgorithmPolicy, CryptoProvider, DigestAlgorithm, Oid, PublicKey, RustCrypto, SignatureScheme,
    UnixTime, asn1::Writer, fastest, read_private_key,
};
use smime_testkit::{
    Authority, DAY, Identity, NOW, Profile, SeededRandom, TestKey, Uses, flips, truncations,
};
use smime_x509::{
    ANY_EXTENDED_KEY_USAGE, BasicConstraints, Certificate, CertificateBuilder, CertificateBundle,
    CertificatePolicy, ChainError, ChainErrorKind, ChainVerifier, EMAIL_PROTECTION, KeyUsageBit,
    Name, NameAttribute, Presence, Purpose, Revocation, TrustStore,
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
fn a_path_is_found_whatever_the_order_of_the_pool() {
    let root = Authority::root("Root", TestKey::Rsa2048A);
    let one = root.intermediate("One", TestKey::P384A);
    let two = one.intermediate("Two", TestKey::P256A);
    let person = two.person("alice@example.com", Profile::of(TestKey::Rsa2048B));
    let mut expected = vec![person.certificate.clone()];
    expected.extend_from_slice(&person.chain);
    for pool in permutations(&person.chain) {
        for purpose in [Purpose::SignMail, Purpose::EncryptMail, Purpose::Any] {
            let path = verify(&root.trust(), &person.certificate, purpose, &pool).unwrap();
            assert_eq!(path, expected);
        }
    }
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
fn every_key_and_scheme_of_the_path_issues() {
    use DigestAlgorithm::{Sha256, Sha384, Sha512};
    for key in TestKey::ALL {
        let schemes = match key.scheme() {
            SignatureScheme::RsaPkcs1(_) => vec![
                SignatureScheme::RsaPkcs1(Sha256),
                SignatureScheme::RsaPkcs1(Sha384),
                SignatureScheme::RsaPkcs1(Sha512),
                SignatureScheme::RsaPss {
                    digest: Sha256,
                    salt: 32,
                },
                SignatureScheme::RsaPss {
                    digest: Sha512,
                    salt: 64,
                },
            ],
            _ => [Sha256, Sha384, Sha512]
                .map(SignatureScheme::Ecdsa)
                .to_vec(),
        };
        let root = Authority::root("Root", key);
        for scheme in schemes {
            let subject = Name::from_attributes(&[(NameAttribute::CommonName, "x")]);
            let leaf = CertificateBuilder::new(subject, &TestKey::P256A.public(), NOW, NOW)
                .issued_by(root.certificate())
                .sign(key.private(), scheme, &SeededRandom::new(7))
                .unwrap();
            let path = verify(&root.trust(), &leaf, Purpose::SignMail, &[]);
            assert_eq!(path.map(|path| path.len()), Ok(2), "{scheme:?}");
        }
    }
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
fn an_issuer_must_be_an_authority_with_the_right_to_sign_certificates() {
    let not_ca = BasicConstraints {
        ca: false,
        path_length: None,
    };
    let cases: [(&str, Change, ChainErrorKind); 5] = [
        (
            "no constraints",
            |b| b.without_extension(BASIC_CONSTRAINTS),
            ChainErrorKind::NotACa,
        ),
        (
            "not an authority",
            |b| {
                b.basic_constraints(BasicConstraints {
                    ca: false,
                    path_length: None,
                })
            },
            ChainErrorKind::NotACa,
        ),
        (
            "key usage without keyCertSign",
            |b| b.key_usage(&[KeyUsageBit::DigitalSignature, KeyUsageBit::CrlSign]),
            ChainErrorKind::KeyUsage,
        ),
        (
            "no key usage at all",
            |b| b.key_usage(&[]),
            ChainErrorKind::KeyUsage,
        ),
        (
            "nothing of either",
            |b| {
                b.without_extension(BASIC_CONSTRAINTS)
                    .without_extension(KEY_USAGE)
            },
            ChainErrorKind::NotACa,
        ),
    ];
    for (name, change, expected) in cases {
        for purpose in [Purpose::SignMail, Purpose::EncryptMail, Purpose::Any] {
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
        }
    }
    let (root, _, person) = three(unchanged, unchanged, |b| b.basic_constraints(ca(None)));
    assert!(!not_ca.ca && person.certificate.is_ca());
    let result = verify(
        &root.trust(),
        &person.certificate,
        Purpose::SignMail,
        &person.chain,
    );
    assert!(result.is_ok(), "an authority fit for mail may sign mail");
}

#[test]
fn versions_without_extensions_issue_as_roots_alone() {
    for version in [1, 2] {
        let bare = |builder: CertificateBuilder| {
            [
                BASIC_CONSTRAINTS,
                KEY_USAGE,
                Oid::new("2.5.29.14"),
                Oid::new("2.5.29.35"),
            ]
            .into_iter()
            .fold(builder, CertificateBuilder::without_extension)
            .version(version)
        };
        let root = Authority::root_with("Root", TestKey::P256A, bare);
        let person = root.person("alice@example.com", Profile::of(TestKey::P256B));
        let result = verify(&root.trust(), &person.certificate, Purpose::SignMail, &[]);
        assert_eq!(result.map(|path| path.len()), Ok(2));

        let root = Authority::root("Root", TestKey::P256A);
        let middle = root.intermediate_with("Middle", TestKey::P384A, bare);
        let person = middle.person("alice@example.com", Profile::of(TestKey::P256B));
        let result = verify(
            &root.trust(),
            &person.certificate,
            Purpose::SignMail,
            &person.chain,
        );
        assert_eq!(kind(result), ChainErrorKind::NotACa);
        // Nor as an anchor that another authority has issued.
        let anchors = [middle.certificate().clone()].into_iter().collect();
        let result = verify(&anchors, &person.certificate, Purpose::SignMail, &[]);
        assert_eq!(kind(result), ChainErrorKind::NotACa);
    }
}

#[test]
fn the_leaf_needs_the_key_usage_of_the_purpose() {
    use KeyUsageBit::*;
    let root = Authority::root("Root", TestKey::P384A);
    let cases: [(TestKey, &[KeyUsageBit], bool, bool); 11] = [
        (TestKey::Rsa2048A, &[DigitalSignature], true, false),
        (TestKey::Rsa2048A, &[NonRepudiation], true, false),
        (TestKey::Rsa2048A, &[KeyEncipherment], false, true),
        (TestKey::Rsa2048A, &[DataEncipherment], false, false),
        (TestKey::Rsa2048A, &[KeyAgreement], false, false),
        (TestKey::Rsa2048A, &[KeyCertSign, CrlSign], false, false),
        (TestKey::P256A, &[DigitalSignature], true, false),
        (TestKey::P256A, &[KeyEncipherment], false, false),
        (TestKey::P256A, &[KeyAgreement], false, true),
        (
            TestKey::P256A,
            &[DigitalSignature, KeyAgreement],
            true,
            true,
        ),
        (TestKey::P256A, &[], false, false),
    ];
    for (key, usage, signs, encrypts) in cases {
        let person = root.person_with("a@example.com", Profile::of(key), |b| b.key_usage(usage));
        for (purpose, fit) in [(Purpose::SignMail, signs), (Purpose::EncryptMail, encrypts)] {
            let result = verify(&root.trust(), &person.certificate, purpose, &[]);
            let expected = if fit {
                Ok(2)
            } else {
                Err(ChainErrorKind::KeyUsage)
            };
            assert_eq!(
                result.map(|p| p.len()).map_err(|e| e.kind),
                expected,
                "{key:?} {usage:?}"
            );
        }
    }
    for key in [TestKey::Rsa2048A, TestKey::P256A] {
        let bare = |b: CertificateBuilder| {
            b.without_extension(KEY_USAGE)
                .without_extension(EXTENDED_KEY_USAGE)
        };
        let person = root.person_with("a@example.com", Profile::of(key), bare);
        for purpose in [Purpose::SignMail, Purpose::EncryptMail] {
            assert!(verify(&root.trust(), &person.certificate, purpose, &[]).is_ok());
        }
    }
}

#[test]
fn a_signing_certificate_does_not_encrypt_and_the_other_way_round() {
    let root = Authority::root("Root", TestKey::P384A);
    for key in [TestKey::Rsa2048A, TestKey::P256A] {
        let signer = root.person("a@example.com", Profile::of(key).uses(Uses::Sign));
        let recipient = root.person("a@example.com", Profile::of(key).uses(Uses::Encrypt));
        let refused =
            |leaf: &Identity, purpose| kind(verify(&root.trust(), &leaf.certificate, purpose, &[]));
        assert_eq!(
            refused(&signer, Purpose::EncryptMail),
            ChainErrorKind::KeyUsage
        );
        assert_eq!(
            refused(&recipient, Purpose::SignMail),
            ChainErrorKind::KeyUsage
        );
    }
}

#[test]
fn extended_key_usage_counts_for_mail_alone_and_any_stands_for_all() {
    let any: Change = |b| b.extended_key_usage(&[ANY_EXTENDED_KEY_USAGE]);
    let mixed: Change = |b| b.extended_key_usage(&[SERVER_AUTH, EMAIL_PROTECTION]);
    let server: Change = |b| b.extended_key_usage(&[SERVER_AUTH]);
    assert_eq!(verdict(any, any, any, Purpose::SignMail), Ok(3));
    assert_eq!(verdict(mixed, mixed, mixed, Purpose::SignMail), Ok(3));
    assert_eq!(verdict(server, server, server, Purpose::Any), Ok(3));
    assert_eq!(
        verdict(any, server, any, Purpose::SignMail),
        Err(ChainErrorKind::ExtendedKeyUsage)
    );
}

#[test]
fn strict_policy_wants_the_uses_named() {
    let (policy, algorithms) = (CertificatePolicy::strict(), AlgorithmPolicy::standard());
    assert_eq!(policy.key_usage, Presence::Required);
    let cases: [(Change, ChainErrorKind); 3] = [
        (
            |b| b.extended_key_usage(&[ANY_EXTENDED_KEY_USAGE]),
            ChainErrorKind::ExtendedKeyUsage,
        ),
        (|b| b.without_extension(KEY_USAGE), ChainErrorKind::KeyUsage),
        (
            |b| b.without_extension(EXTENDED_KEY_USAGE),
            ChainErrorKind::ExtendedKeyUsage,
        ),
    ];
    for (change, expected) in cases {
        let (root, _, person) = three(unchanged, unchanged, change);
        let result = verify_with(
            &policy,
            &algorithms,
            &root.trust(),
            &person.certificate,
            Purpose::SignMail,
            &person.chain,
            NOW,
        );
        assert_eq!(kind(result), expected);
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
fn path_length_counts_intermediates_below_that_are_not_self_issued() {
    for (root_length, one_length, expected) in [
        (None, None, Ok(4)),
        (Some(2), Some(1), Ok(4)),
        (Some(1), Some(0), Err(ChainErrorKind::PathTooLong)),
        (Some(2), Some(0), Err(ChainErrorKind::PathTooLong)),
        (Some(1), None, Err(ChainErrorKind::PathTooLong)),
        (Some(0), None, Err(ChainErrorKind::PathTooLong)),
    ] {
        // Anchor, then three intermediates would be needed: two plus the leaf's issuer.
        let root = Authority::root_with("Root", TestKey::P384A, |b| {
            b.basic_constraints(ca(root_length))
        });
        let one = root.intermediate_with("One", TestKey::P256A, |b| {
            b.basic_constraints(ca(one_length))
        });
        let two = one.intermediate("Two", TestKey::P384B);
        let person = two.person("a@example.com", Profile::of(TestKey::P256B));
        let result = verify(
            &root.trust(),
            &person.certificate,
            Purpose::SignMail,
            &person.chain,
        );
        let expected = match (root_length, one_length) {
            (Some(1), Some(0)) => Err(ChainErrorKind::PathTooLong),
            _ => expected,
        };
        assert_eq!(
            result.map(|p| p.len()).map_err(|e| e.kind),
            expected,
            "{root_length:?} {one_length:?}"
        );
    }
    // A key rollover certificate has the issuer's own name and costs nothing.
    let root = Authority::root_with("Root", TestKey::P384A, |b| b.basic_constraints(ca(Some(0))));
    let rolled = root.intermediate("Root", TestKey::P384B);
    assert!(rolled.certificate().is_self_issued());
    let person = rolled.person("a@example.com", Profile::of(TestKey::P256B));
    let result = verify(
        &root.trust(),
        &person.certificate,
        Purpose::SignMail,
        &person.chain,
    );
    assert_eq!(result.unwrap().len(), 3);
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
fn what_is_missing_or_not_trusted_is_told_apart() {
    let (root, middle, person) = three(unchanged, unchanged, unchanged);
    let leaf = &person.certificate;
    let nothing = TrustStore::new();
    let error = verify(&root.trust(), leaf, Purpose::SignMail, &[]).unwrap_err();
    assert_eq!(error.kind, ChainErrorKind::NoPath);
    assert_eq!(
        (error.certificate, error.nearest),
        (Some(leaf.fingerprint()), None)
    );
    let pool = [middle.certificate().clone()];
    let error = verify(&nothing, leaf, Purpose::SignMail, &pool).unwrap_err();
    assert_eq!(error.kind, ChainErrorKind::NoPath);
    assert_eq!(error.certificate, Some(middle.certificate().fingerprint()));
    let error = verify(&nothing, leaf, Purpose::SignMail, &person.chain).unwrap_err();
    assert_eq!(error.kind, ChainErrorKind::UntrustedRoot);
    assert_eq!(error.certificate, Some(root.certificate().fingerprint()));
    let stranger = Authority::root("Stranger", TestKey::Rsa2048A);
    let error = verify(&stranger.trust(), leaf, Purpose::SignMail, &person.chain).unwrap_err();
    assert_eq!(error.kind, ChainErrorKind::UntrustedRoot);
}

#[test]
fn an_impostor_of_the_anchor_proves_nothing() {
    let (root, _, _) = three(unchanged, unchanged, unchanged);
    let impostor = Authority::root("Test Root", TestKey::P256A);
    let person = impostor.person("alice@example.com", Profile::of(TestKey::P256B));
    let error = verify(
        &root.trust(),
        &person.certificate,
        Purpose::SignMail,
        &person.chain,
    )
    .unwrap_err();
    assert_eq!(error.kind, ChainErrorKind::UntrustedRoot);
    let error = verify(&root.trust(), &person.certificate, Purpose::SignMail, &[]).unwrap_err();
    assert_eq!(error.kind, ChainErrorKind::BadSignature);
    assert_eq!(error.certificate, Some(person.certificate.fingerprint()));
    assert_eq!(error.nearest, Some(root.certificate().fingerprint()));
    // Nor with the anchor's key identifier.
    let id = root.certificate().subject_key_id().unwrap();
    let impostor = Authority::root_with("Test Root", TestKey::P256A, |b| b.subject_key_id(id));
    let person = impostor.person("alice@example.com", Profile::of(TestKey::P256B));
    for pool in [&[][..], &person.chain] {
        assert!(verify(&root.trust(), &person.certificate, Purpose::SignMail, pool).is_err());
    }
}

#[test]
fn names_chain_and_key_identifiers_only_hint() {
    let root = Authority::root("Root", TestKey::P384A);
    let issue = |change: &dyn Fn(CertificateBuilder) -> CertificateBuilder| {
        root.person_with("a@example.com", Profile::of(TestKey::P256B), change)
            .certificate
    };
    let name = |text| {
        Name::from_attributes(&[
            (NameAttribute::Organization, "Test"),
            (NameAttribute::CommonName, text),
        ])
    };
    let accepted = |leaf: &Certificate| verify(&root.trust(), leaf, Purpose::SignMail, &[]);
    assert!(
        accepted(&issue(&|b| b.authority_key_id(&[1; 20]))).is_ok(),
        "a wrong hint"
    );
    assert!(
        accepted(&issue(&|b| b.issuer(name(" ROOT ")))).is_ok(),
        "a name in other clothes"
    );
    let other = issue(&|b| b.issuer(name("Other")));
    assert_eq!(
        kind(accepted(&other)),
        ChainErrorKind::NoPath,
        "the right key, another name"
    );
    let nameless = issue(&|b| b.issuer(Name::from_attributes(&[])));
    assert_eq!(kind(accepted(&nameless)), ChainErrorKind::NoPath);
    let empty = Authority::root_with("Root", TestKey::P384A, |_| {
        CertificateBuilder::new(
            Name::from_attributes(&[]),
            &TestKey::P384A.public(),
            UnixTime(0),
            UnixTime(NOW.0 + DAY),
        )
        .basic_constraints(ca(None))
    });
    assert_eq!(
        kind(verify(&empty.trust(), &nameless, Purpose::SignMail, &[])),
        ChainErrorKind::NoPath,
        "an issuer without a name issues nothing"
    );
}

#[test]
fn of_two_authorities_with_one_name_the_one_that_signed_is_found() {
    let old = Authority::root("Root", TestKey::P384A);
    let new = Authority::root("Root", TestKey::P384B);
    for (signer, person_key) in [(&old, TestKey::P256A), (&new, TestKey::P256B)] {
        let person = signer.person_with("a@example.com", Profile::of(person_key), |b| {
            b.without_extension(Oid::new("2.5.29.35"))
        });
        for anchors in [[&old, &new], [&new, &old]] {
            let anchors = anchors
                .map(|anchor| anchor.certificate().clone())
                .into_iter()
                .collect();
            let path = verify(&anchors, &person.certificate, Purpose::SignMail, &[]).unwrap();
            assert_eq!(path[1], *signer.certificate());
        }
    }
}

#[test]
fn a_broken_branch_does_not_hide_a_good_one() {
    let root = Authority::root("Root", TestKey::P384A);
    let good = root.intermediate("Middle", TestKey::P256A);
    let person = good.person("a@example.com", Profile::of(TestKey::P256B));
    let broken = [
        root.intermediate_with("Middle", TestKey::P256A, |b| {
            b.valid(UnixTime(0), UnixTime(1))
        }),
        root.intermediate_with("Middle", TestKey::P256A, |b| {
            b.extension(UNKNOWN, true, &[5, 0])
        }),
        root.intermediate_with("Middle", TestKey::P256A, |b| {
            b.without_extension(BASIC_CONSTRAINTS)
        }),
        root.intermediate("Middle", TestKey::P384B),
        Authority::root("Stranger", TestKey::Rsa2048A).intermediate("Middle", TestKey::P256A),
        Authority::root("Middle", TestKey::P256A),
    ]
    .map(|authority| authority.certificate().clone());
    for at in 0..=broken.len() {
        let mut pool = broken.to_vec();
        pool.insert(at, good.certificate().clone());
        let path = verify(&root.trust(), &person.certificate, Purpose::SignMail, &pool).unwrap();
        assert_eq!(path[1], *good.certificate());
    }
    let error = verify(
        &root.trust(),
        &person.certificate,
        Purpose::SignMail,
        &broken,
    )
    .unwrap_err();
    assert_eq!(
        error.kind,
        ChainErrorKind::Expired,
        "the failure closest to a chain is told"
    );
    assert_eq!(error.certificate, Some(broken[0].fingerprint()));
    assert_eq!(error.nearest, error.certificate);
}

#[test]
fn an_expired_namesake_with_another_key_is_not_taken_for_the_issuer() {
    let root = Authority::root("Root", TestKey::P384A);
    let person = root
        .intermediate("Middle", TestKey::P256A)
        .person("a@example.com", Profile::of(TestKey::P256B));
    let namesake = root.intermediate_with("Middle", TestKey::P384B, |b| {
        b.valid(UnixTime(0), UnixTime(1))
    });
    let pool = [namesake.certificate().clone()];
    let error = verify(&root.trust(), &person.certificate, Purpose::SignMail, &pool).unwrap_err();
    assert_eq!(error.kind, ChainErrorKind::NoPath);
    assert_eq!(error.certificate, Some(person.certificate.fingerprint()));
    assert_eq!(error.nearest, Some(namesake.certificate().fingerprint()));
}

#[test]
fn a_trusted_intermediate_ends_the_path() {
    let (root, middle, person) = three(unchanged, unchanged, unchanged);
    let anchors = [middle.certificate().clone()].into_iter().collect();
    for pool in [&[][..], &person.chain] {
        let path = verify(&anchors, &person.certificate, Purpose::SignMail, pool).unwrap();
        assert_eq!(
            path,
            [person.certificate.clone(), middle.certificate().clone()]
        );
    }
    let sibling = root.person("bob@example.com", Profile::of(TestKey::P256B));
    let result = verify(
        &anchors,
        &sibling.certificate,
        Purpose::SignMail,
        &sibling.chain,
    );
    assert_eq!(
        kind(result),
        ChainErrorKind::UntrustedRoot,
        "trust does not climb"
    );
}

#[test]
fn a_leaf_in_the_trust_store_is_trusted_for_itself_alone() {
    let alone = Authority::root_with("Alone", TestKey::P256A, |b| {
        b.basic_constraints(BasicConstraints {
            ca: false,
            path_length: None,
        })
        .key_usage(&[KeyUsageBit::DigitalSignature])
        .emails(&["alone@example.com"])
    });
    let leaf = alone.certificate();
    let path = verify(&alone.trust(), leaf, Purpose::SignMail, &[]).unwrap();
    assert_eq!(path, std::slice::from_ref(leaf));
    let purpose = Purpose::EncryptMail;
    assert_eq!(
        kind(verify(&alone.trust(), leaf, purpose, &[])),
        ChainErrorKind::KeyUsage
    );
    let untrusted = verify(
        &TrustStore::new(),
        leaf,
        Purpose::SignMail,
        std::slice::from_ref(leaf),
    );
    assert_eq!(kind(untrusted), ChainErrorKind::UntrustedRoot);
    let below = alone.person("mallory@example.com", Profile::of(TestKey::P256B));
    let result = verify(
        &alone.trust(),
        &below.certificate,
        Purpose::SignMail,
        &below.chain,
    );
    assert_eq!(kind(result), ChainErrorKind::NotACa);
    let expired = Authority::root_with("Alone", TestKey::P256A, |b| {
        b.key_usage(&[KeyUsageBit::DigitalSignature])
            .valid(UnixTime(0), UnixTime(NOW.0 - 1))
    });
    let result = verify(
        &expired.trust(),
        expired.certificate(),
        Purpose::SignMail,
        &[],
    );
    assert_eq!(kind(result), ChainErrorKind::Expired);
}

#[test]
fn an_authority_signs_mail_only_when_its_key_usage_says_so() {
    let (root, middle, _) = three(unchanged, unchanged, unchanged);
    let result = verify(&root.trust(), middle.certificate(), Purpose::SignMail, &[]);
    assert_eq!(kind(result), ChainErrorKind::KeyUsage);
    assert!(
        verify(
            &root.trust(),
            middle.certificate(),
            Purpose::SignCertificates,
            &[]
        )
        .is_ok()
    );
    let (root, _, person) = three(unchanged, unchanged, unchanged);
    let result = verify(
        &root.trust(),
        &person.certificate,
        Purpose::SignCertificates,
        &person.chain,
    );
    assert_eq!(kind(result), ChainErrorKind::KeyUsage);
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
