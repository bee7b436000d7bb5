//! Which path is found, and to which anchor.

use smime_crypto::{Oid, UnixTime};
use smime_testkit::{Authority, DAY, NOW, Profile, TestKey};
use smime_x509::{
    BasicConstraints, Certificate, CertificateBuilder, ChainErrorKind, KeyUsageBit, Name,
    NameAttribute, Purpose, TrustStore,
};

use crate::{BASIC_CONSTRAINTS, UNKNOWN, ca, kind, permutations, three, unchanged, verify};

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
