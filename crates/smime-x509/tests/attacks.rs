//! Attacks on readers and verifiers of certificates, one test for each class that other
//! implementations fell to.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use allocation_counter::measure;
use smime_crypto::{
    Algorithm, AlgorithmPolicy, CryptoProvider, Error, KeyKind, Oid, PublicKey, RustCrypto,
    SignatureScheme, Signed, Use,
    asn1::{Tag, Writer},
};
use smime_testkit::{AcceptAll, Authority, FailingRandom, NOW, Profile, TestKey};
use smime_x509::{
    BasicConstraints, Certificate, CertificateBuilder, CertificateBundle, CertificatePolicy,
    ChainErrorKind, ChainVerifier, EmailAddress, ImportRefusal, KeyUsageBit, Name, NameAttribute,
    ParseError, Purpose, Revocation, TrustStore, check_import,
};

/// Addresses in the places where mail programs looked for them and should not have.
#[test]
fn identity_binding_looks_at_whole_addresses_in_their_own_places() {
    let root = Authority::root("Root", TestKey::P256A);
    let wanted = EmailAddress::new("alice@example.com").unwrap();
    let names = |change: fn(CertificateBuilder) -> CertificateBuilder| {
        let profile = Profile::of(TestKey::P256B);
        let person = root.person_with("mallory@evil.example", profile, change);
        person.certificate.emails().contains(&wanted)
    };
    let changes: &[fn(CertificateBuilder) -> CertificateBuilder] = &[
        |it| it.emails(&["alice@example.com.evil.example"]),
        |it| it.emails(&["alice@example.com@evil.example"]),
        |it| it.emails(&["\"alice@example.com\"@evil.example"]),
        |it| it.emails(&["<alice@example.com>"]),
        |it| it.emails(&["alice@example.com\0.evil.example"]),
        |it| it.emails(&["evil\0alice@example.com"]),
        |it| it.emails(&["alice@example.com\n"]),
        |it| it.emails(&[" alice@example.com"]),
        |it| it.emails(&["alice@example.com,mallory@evil.example"]),
        |it| it.emails(&["\u{430}lice@example.com"]),
        |it| it.emails(&["alice@ex\u{430}mple.com"]),
        |it| it.emails(&["alice@xn--exmple-4nf.com"]),
        // Other forms of name whose text is an address.
        |it| it.extension(SUBJECT_ALT_NAME, false, &san(0x82, b"alice@example.com")),
        |it| {
            it.extension(
                SUBJECT_ALT_NAME,
                false,
                &san(0x86, b"mailto:alice@example.com"),
            )
        },
        |it| {
            it.extension(
                SUBJECT_ALT_NAME,
                false,
                &san(0x86, b"email:alice@example.com"),
            )
        },
        |it| it.extension(SUBJECT_ALT_NAME, false, &san(0x87, b"alice@example.com")),
        |it| it.extension(ISSUER_ALT_NAME, false, &san(0x81, b"alice@example.com")),
    ];
    for change in changes {
        assert!(!names(*change));
    }
    for same in [
        "ALICE@EXAMPLE.COM",
        "alice@Example.com",
        "\"alice\"@example.com",
    ] {
        let person = root.person(same, Profile::of(TestKey::P256B));
        assert!(person.certificate.emails().contains(&wanted), "{same}");
    }
}

/// A common name is no address: neither for use nor for import.
#[test]
fn a_common_name_that_is_an_address_names_nobody() {
    let root = Authority::root("Root", TestKey::P256A);
    let key = TestKey::P256B.public();
    let builder = CertificateBuilder::new(common_name("alice@example.com"), &key, NOW, NOW);
    let certificate = root.sign(builder.issued_by(root.certificate()));
    assert!(certificate.emails().is_empty());
    assert_eq!(
        check_import(&certificate.view()),
        Err(ImportRefusal::NoEmail)
    );
}

/// The certificate that a stranger made in an authority's name, with its serial numbers and
/// identifiers, is not the authority's.
#[test]
fn a_copied_issuer_serial_and_identifier_prove_nothing() {
    let genuine = Authority::root("Root", TestKey::P256A);
    let forger = Authority::root_with("Root", TestKey::P256B, |it| {
        it.subject_key_id(genuine.certificate().subject_key_id().unwrap())
    });
    let alice = genuine.person("alice@example.com", Profile::of(TestKey::Rsa2048A));
    let forged = forger.person_with("alice@example.com", Profile::of(TestKey::Rsa2048B), |it| {
        it.serial(alice.certificate.serial())
    });
    assert_eq!(forged.certificate.issuer(), alice.certificate.issuer());
    assert_eq!(forged.certificate.serial(), alice.certificate.serial());
    let error = chain(
        &RustCrypto,
        &forged.certificate,
        &genuine,
        &[forger.certificate()],
    );
    assert!(error.is_some());
    assert_eq!(chain(&RustCrypto, &alice.certificate, &genuine, &[]), None);
}

/// CVE-2021-43527: sizes that a verifier took for granted.
#[test]
fn keys_and_signatures_of_absurd_sizes_are_refused_without_their_cost() {
    let root = Authority::root("Root", TestKey::P256A);
    for bytes in [2049, 4096, 65_536] {
        let key = rsa_key(bytes);
        let kind = key.kind();
        let refused =
            AlgorithmPolicy::standard().permits(Algorithm::Key(kind), Use::AcceptSignature, NOW);
        let refused = Some(ChainErrorKind::AlgorithmRefused(refused.unwrap_err()));
        // As the key of the leaf, and as the one that a signature would be checked with.
        let builder = CertificateBuilder::new(common_name("big"), &key, NOW, NOW);
        let leaf = root.sign(builder.clone().issued_by(root.certificate()));
        assert_eq!(
            chain(&AcceptAll, &leaf, &root, &[]),
            refused,
            "{bytes} bytes"
        );
        let authority = BasicConstraints {
            ca: true,
            path_length: None,
        };
        let builder = builder
            .basic_constraints(authority)
            .key_usage(&[KeyUsageBit::KeyCertSign]);
        let issuer = root.sign(builder.issued_by(root.certificate()));
        let below =
            CertificateBuilder::new(common_name("below"), &TestKey::P256B.public(), NOW, NOW);
        let leaf = root.sign(below.issued_by(&issuer));
        assert_eq!(
            chain(&AcceptAll, &leaf, &root, &[&issuer]),
            refused,
            "{bytes} bytes"
        );
    }
    for length in [0, 1, 8, 71, 73, 255, 257, 4096, 100_000] {
        let signature = vec![0x30; length];
        for key in [TestKey::P256A, TestKey::P384A, TestKey::Rsa2048A] {
            let signed = Signed::Message(b"x");
            let result = RustCrypto.verify(&key.public(), key.scheme(), signed, &signature);
            assert_eq!(result, Err(Error::BadSignature), "{key:?} {length}");
        }
    }
    // ECDSA numbers far beyond the field, in correct DER.
    let huge = Writer::encode(|w| {
        w.sequence(|w| {
            w.unsigned(&[0x7f; 10_000]);
            w.unsigned(&[1]);
        });
    });
    let key = TestKey::P256A;
    let result = RustCrypto.verify(&key.public(), key.scheme(), Signed::Message(b"x"), &huge);
    assert_eq!(result, Err(Error::BadSignature));
    // RSASSA-PSS with a salt longer than any modulus.
    let identifier = pss_identifier(u32::MAX);
    let scheme = SignatureScheme::from_identifier(&identifier, None);
    let key = TestKey::Rsa2048A.public();
    let refused = scheme
        .map(|scheme| RustCrypto.verify(&key, scheme, Signed::Message(b"x"), &[1; 256]))
        .map_or(true, |result| result.is_err());
    assert!(refused);
}

/// CVE-2020-0601: a curve that the certificate brings itself.
#[test]
fn explicit_curve_parameters_are_no_known_key() {
    let explicit = Writer::encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                w.oid(Oid::new("1.2.840.10045.2.1"));
                w.sequence(|w| {
                    w.small(1);
                    w.sequence(|w| {
                        w.oid(Oid::new("1.2.840.10045.1.1"));
                        w.unsigned(&[0xff; 32]);
                    });
                    w.sequence(|w| {
                        w.octet_string(&[0xff; 32]);
                        w.octet_string(&[0x5a; 32]);
                    });
                    w.octet_string(&[4; 65]);
                    w.unsigned(&[0xff; 32]);
                    w.small(1);
                });
            });
            w.bit_string(&[&[4][..], &[7; 64]].concat());
        });
    });
    let key = PublicKey::from_spki(&explicit).unwrap();
    assert_eq!(key.kind(), KeyKind::Unknown);
    let scheme = TestKey::P256A.scheme();
    let result = RustCrypto.verify(&key, scheme, Signed::Message(b"x"), &[0; 64]);
    assert!(matches!(result, Err(Error::WrongKey(_))));
    let root = Authority::root("Root", TestKey::P256A);
    let builder = CertificateBuilder::new(common_name("curve"), &key, NOW, NOW);
    let certificate = root.sign(
        builder
            .issued_by(root.certificate())
            .emails(&["a@b.example"]),
    );
    assert_eq!(
        check_import(&certificate.view()),
        Err(ImportRefusal::KeyAlgorithm)
    );
    assert!(chain(&RustCrypto, &certificate, &root, &[]).is_some());
}

/// A reader that follows nesting with its own stack ends with it.
#[test]
fn deep_nesting_is_refused_or_passed_over_without_recursion() {
    let deep = nested(100_000);
    assert!(Certificate::from_der(&deep).is_err());
    assert!(Name::from_der(&deep).is_err());
    assert!(PublicKey::from_spki(&deep).is_err());
    let root = Authority::root("Root", TestKey::P256A);
    let profile = Profile::of(TestKey::P256B);
    // In an extension that nobody knows the content is not looked at.
    let passed = root.person_with("a@example.com", profile, |it| {
        it.extension(Oid::new("1.2.3.4"), false, &deep)
    });
    assert_eq!(passed.certificate.extension_list().count(), 7);
    for oid in KNOWN {
        let key = TestKey::P256B.public();
        let der = CertificateBuilder::new(common_name("x"), &key, NOW, NOW)
            .extension(Oid::new(oid), false, &deep)
            .sign_der(
                &TestKey::P256A.load(),
                TestKey::P256A.scheme(),
                &FailingRandom,
            )
            .unwrap();
        assert!(Certificate::from_der(&der).is_err(), "{oid}");
    }
}

/// CVE-2016-2109: memory given for what a length announces.
#[test]
fn a_length_of_four_gigabytes_before_ten_bytes_takes_no_memory() {
    for tag in [0x30, 0x31, 0x02, 0x03, 0x04, 0x06, 0x0c, 0xa0, 0xa3] {
        for announced in [[0xff; 4], [0x7f, 0xff, 0xff, 0xff], [0, 0, 0xff, 0xff]] {
            let mut der = vec![0x30, 0x84];
            der.extend([0xff; 4]);
            der.extend([tag, 0x84]);
            der.extend(announced);
            der.extend([0; 10]);
            let info = measure(|| {
                assert!(matches!(
                    Certificate::from_der(&der),
                    Err(ParseError::Malformed { offset: 0, .. })
                ));
                assert!(Name::from_der(&der).is_err());
            });
            assert_eq!(info.bytes_total, 0, "{tag:x}");
        }
    }
    // The same inside a certificate whose outer lengths are right.
    let root = Authority::root("Root", TestKey::P256A);
    let mut der = root.certificate().der().to_vec();
    for at in 4..der.len() - 6 {
        let kept: [u8; 5] = der[at..at + 5].try_into().unwrap();
        der[at..at + 5].copy_from_slice(&[0x84, 0xff, 0xff, 0xff, 0xff]);
        let info = measure(|| {
            let _ = Certificate::from_der(&der);
        });
        assert!(info.bytes_max < 4096, "at {at}: {}", info.bytes_max);
        der[at..at + 5].copy_from_slice(&kept);
    }
}

/// The work of reading grows with the bytes, however many small things are in them.
#[test]
fn a_thousand_times_more_names_take_a_thousand_times_more_steps() {
    let names = |count: usize| {
        let value = Writer::encode(|w| {
            w.sequence(|w| {
                for number in 0..count {
                    w.element(Tag::context(1), format!("p{number}@example.com").as_bytes());
                }
            });
        });
        let key = TestKey::P256B.public();
        let builder = CertificateBuilder::new(common_name("many"), &key, NOW, NOW);
        let root = Authority::root("Root", TestKey::P256A);
        root.sign(builder.extension(SUBJECT_ALT_NAME, false, &value))
    };
    // Memory stands for steps here: what is compared, sorted or copied again shows in it.
    let cost = |count: usize| {
        let certificate = names(count);
        let info = measure(|| assert_eq!(certificate.emails().len(), count));
        info.count_total
    };
    let (small, large) = (cost(1_000), cost(32_000));
    assert!(large < small * 40, "{small} and {large}");
}

/// More extensions than any certificate has are refused, because each is compared with the others.
#[test]
fn a_certificate_of_very_many_extensions_is_refused() {
    let key = TestKey::P256B.public();
    for (count, read) in [(64_u16, true), (65, false), (10_000, false)] {
        let mut builder = CertificateBuilder::new(common_name("many"), &key, NOW, NOW);
        for number in 0..count {
            let [high, low] = [number >> 7 | 0x80, number & 0x7f].map(|it| it.to_be_bytes()[1]);
            let oid = Oid::from_bytes(&[0x2a, 0x81, high, low]);
            builder = builder.repeat_extension(oid.unwrap(), false, &[5, 0]);
        }
        let der = builder
            .sign_der(
                &TestKey::P256A.load(),
                TestKey::P256A.scheme(),
                &FailingRandom,
            )
            .unwrap();
        assert_eq!(Certificate::from_der(&der).is_ok(), read, "{count}");
    }
}

fn chain(
    provider: &dyn CryptoProvider,
    leaf: &Certificate,
    root: &Authority,
    pool: &[&Certificate],
) -> Option<ChainErrorKind> {
    let anchors: TrustStore = [root.certificate().clone()].into_iter().collect();
    let pool: CertificateBundle = pool.iter().map(|it| (*it).clone()).collect();
    let verifier = ChainVerifier {
        provider,
        algorithms: &AlgorithmPolicy::standard(),
        policy: &CertificatePolicy::standard(),
        anchors: &anchors,
        revocation: &Revocation::off(),
    };
    let result = verifier.verify(leaf, Purpose::Any, &pool, NOW);
    result.err().map(|error| error.kind)
}

fn common_name(text: &str) -> Name {
    Name::from_attributes(&[(NameAttribute::CommonName, text)])
}

fn san(tag: u8, text: &[u8]) -> Vec<u8> {
    Writer::encode(|w| w.sequence(|w| w.element(Tag(tag), text)))
}

fn rsa_key(bytes: usize) -> PublicKey {
    let key = Writer::encode(|w| {
        w.sequence(|w| {
            w.unsigned(&vec![0xff; bytes]);
            w.unsigned(&[1, 0, 1]);
        });
    });
    let spki = Writer::encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                w.oid(Oid::new("1.2.840.113549.1.1.1"));
                w.element(Tag::NULL, &[]);
            });
            w.bit_string(&key);
        });
    });
    PublicKey::from_spki(&spki).unwrap()
}

fn pss_identifier(salt: u32) -> Vec<u8> {
    let sha256 = |w: &mut Writer| w.sequence(|w| w.oid(Oid::new("2.16.840.1.101.3.4.2.1")));
    Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(Oid::new("1.2.840.113549.1.1.10"));
            w.sequence(|w| {
                w.constructed(Tag::context_constructed(0), sha256);
                w.constructed(Tag::context_constructed(1), |w| {
                    w.sequence(|w| {
                        w.oid(Oid::new("1.2.840.113549.1.1.8"));
                        sha256(w);
                    });
                });
                w.constructed(Tag::context_constructed(2), |w| w.small(salt));
            });
        });
    })
}

/// SEQUENCEs inside one another, innermost empty.
fn nested(depth: usize) -> Vec<u8> {
    let mut reversed: Vec<u8> = Vec::new();
    for _ in 0..depth {
        let length = reversed.len();
        let mut header = Writer::new();
        header.header(Tag::SEQUENCE, length);
        reversed.extend(header.finish().iter().rev());
    }
    reversed.reverse();
    reversed
}

const SUBJECT_ALT_NAME: Oid = Oid::new("2.5.29.17");
const ISSUER_ALT_NAME: Oid = Oid::new("2.5.29.18");

/// Every extension whose content is read.
const KNOWN: [&str; 14] = [
    "2.5.29.14",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.18",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.31",
    "2.5.29.32",
    "2.5.29.33",
    "2.5.29.35",
    "2.5.29.36",
    "2.5.29.37",
    "2.5.29.46",
    "2.5.29.54",
];
