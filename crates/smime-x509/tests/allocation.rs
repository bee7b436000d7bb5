//! Reading a certificate where it stands takes no memory.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::hint::black_box;

use allocation_counter::measure;
use smime_crypto::{
    AlgorithmPolicy, RustCrypto,
    asn1::{Tag, Writer},
};
use smime_testkit::{
    Authority, CRL_DISTRIBUTION_POINTS, CrlBuilder, CrlScope, NOW, Profile, TestKey,
};
use smime_x509::{
    CertificateBundle, CertificatePolicy, CertificateRef, ChainVerifier, Purpose, Revocation,
    RevocationPolicy, check_import,
};

#[test]
fn reading_and_judging_a_certificate_where_it_stands_allocates_nothing() {
    let root = Authority::root("Root", TestKey::P384A);
    for key in [TestKey::Rsa2048A, TestKey::P256A] {
        let person = root.person("alice@example.com", Profile::of(key));
        let der = person.certificate.der();
        let info = measure(|| {
            let view = CertificateRef::from_der(black_box(der)).unwrap();
            check_import(&view).unwrap();
            assert_eq!(view.san_emails().next(), Some("alice@example.com"));
            assert!(view.key_usage().is_some() && !view.is_ca());
            black_box((view.issuer(), view.subject_key_id(), view.key_kind()));
        });
        assert_eq!(info.count_total, 0, "{key:?}");
        let owned = measure(|| {
            black_box(
                CertificateRef::from_der(der)
                    .unwrap()
                    .to_certificate()
                    .unwrap(),
            );
        });
        assert!(owned.count_total > 0, "the counter counts");
    }
}

/// Attack classes 24 and 29: points named below a long name of the issuer's.
#[test]
fn points_relative_to_a_long_name_do_not_copy_it_each() {
    let cost = |times: usize| {
        let root = Authority::root(&"x".repeat(2_000 * times), TestKey::P256A);
        let rdn = Writer::encode(|w| {
            w.sequence(|w| {
                w.oid(smime_crypto::Oid::new("2.5.4.3"));
                w.element(Tag::UTF8_STRING, b"y");
            });
        });
        let points = Writer::encode(|w| {
            w.sequence(|w| {
                for _ in 0..200 * times {
                    w.sequence(|w| {
                        w.constructed(Tag::context_constructed(0), |w| {
                            w.element(Tag::context_constructed(1), &rdn);
                        });
                    });
                }
            });
        });
        let person = root.person_with(
            "alice@example.com",
            Profile::of(TestKey::P256B),
            |builder| builder.extension(CRL_DISTRIBUTION_POINTS, false, &points),
        );
        let list = |relative_name: &[u8]| {
            let scope = CrlScope {
                relative_name: relative_name.to_vec(),
                ..CrlScope::default()
            };
            CrlBuilder::of(&root).scope(&scope).sign()
        };
        let mut revocation = Revocation::new(RevocationPolicy::Require);
        revocation.add_crl(CrlBuilder::of(&root).sign());
        revocation.add_crl(list(&rdn));
        let verifier = ChainVerifier {
            provider: &RustCrypto,
            algorithms: &AlgorithmPolicy::standard(),
            policy: &CertificatePolicy::standard(),
            anchors: &root.trust(),
            revocation: &revocation,
        };
        let pool = CertificateBundle::new();
        let info = measure(|| {
            let found = verifier.verify(&person.certificate, Purpose::Any, &pool, NOW);
            assert!(black_box(found).is_ok());
        });
        info.bytes_total
    };
    // Twice as many points below a name twice as long: four times the bytes, if each copied it.
    let (one, two) = (cost(1), cost(2));
    assert!(two < one * 5 / 2, "{one} and {two} bytes");
}
