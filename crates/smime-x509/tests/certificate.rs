//! Certificates are read strictly, and what they say of themselves is judged by table.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;
use smime_crypto::{
    Oid, UnixTime,
    asn1::{Tag, Writer},
};
use smime_testkit::{Authority, DAY, NOW, Profile, SeededRandom, TestKey, flips, truncations};
use smime_x509::{
    BasicConstraints, Certificate, CertificateBuilder, CertificateBundle, ChainErrorKind,
    EMAIL_PROTECTION, EmailAddress, ImportRefusal, KeyUsageBit, Name, NameAttribute, ParseError,
    Purpose, SMIME_CAPABILITIES, check_fitness, check_import,
};

const SUBJECT_ALT_NAME: Oid = Oid::new("2.5.29.17");
const KEY_USAGE: Oid = Oid::new("2.5.29.15");
const BASIC_CONSTRAINTS: Oid = Oid::new("2.5.29.19");
const EXTENDED_KEY_USAGE: Oid = Oid::new("2.5.29.37");
const AUTHORITY_KEY_ID: Oid = Oid::new("2.5.29.35");
const SUBJECT_KEY_ID: Oid = Oid::new("2.5.29.14");
const POLICY_CONSTRAINTS: Oid = Oid::new("2.5.29.36");
const SERVER_AUTH: Oid = Oid::new("1.3.6.1.5.5.7.3.1");

fn builder() -> CertificateBuilder {
    let subject = Name::from_attributes(&[
        (NameAttribute::Country, "DE"),
        (NameAttribute::CommonName, "Alice"),
        (NameAttribute::EmailAddress, "Alice@Example.com"),
    ]);
    CertificateBuilder::new(
        subject,
        &TestKey::P256A.public(),
        UnixTime(0),
        UnixTime(NOW.0 + DAY),
    )
}

fn der(builder: CertificateBuilder) -> Vec<u8> {
    let key = TestKey::P256A;
    builder
        .sign_der(key.private(), key.scheme(), &SeededRandom::new(1))
        .unwrap()
}

fn read(builder: CertificateBuilder) -> Result<Certificate, ParseError> {
    Certificate::from_der(&der(builder))
}

fn with_extension(oid: Oid, value: &[u8]) -> Result<Certificate, ParseError> {
    read(builder().extension(oid, false, value))
}

/// A subject alternative name of the given GeneralNames.
fn san(names: &[(u8, &[u8])]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            names
                .iter()
                .for_each(|(tag, value)| w.element(Tag(*tag), value))
        })
    })
}

fn emails(certificate: &Certificate) -> Vec<String> {
    certificate
        .emails()
        .iter()
        .map(EmailAddress::to_string)
        .collect()
}

#[test]
fn what_was_built_is_what_is_read() {
    let certificate = read(
        builder()
            .serial(&[0x80, 0, 1])
            .basic_constraints(BasicConstraints {
                ca: true,
                path_length: Some(300),
            })
            .key_usage(&[KeyUsageBit::KeyCertSign, KeyUsageBit::DecipherOnly])
            .extended_key_usage(&[EMAIL_PROTECTION, SERVER_AUTH])
            .emails(&["a@example.com", "\u{e4}@example.com"])
            .subject_key_id(&[1, 2, 3])
            .authority_key_id(&[4, 5])
            .extension(SMIME_CAPABILITIES, false, &[0x30, 0]),
    )
    .unwrap();
    assert_eq!(
        (certificate.version(), certificate.serial()),
        (3, &[0, 0x80, 0, 1][..])
    );
    assert_eq!(
        certificate.subject().to_string(),
        "emailAddress=Alice@Example.com,CN=Alice,C=DE"
    );
    assert!(certificate.is_self_issued() && certificate.is_ca());
    assert_eq!(
        (certificate.not_before(), certificate.not_after()),
        (UnixTime(0), UnixTime(NOW.0 + DAY))
    );
    assert_eq!(certificate.public_key(), &TestKey::P256A.public());
    let constraints = BasicConstraints {
        ca: true,
        path_length: Some(300),
    };
    assert_eq!(certificate.basic_constraints(), Some(constraints));
    let usage: Vec<_> = certificate.key_usage().unwrap().bits().collect();
    assert_eq!(usage, [KeyUsageBit::KeyCertSign, KeyUsageBit::DecipherOnly]);
    let usages: Vec<_> = certificate.extended_key_usage().unwrap().iter().collect();
    assert_eq!(usages, [EMAIL_PROTECTION, SERVER_AUTH]);
    assert_eq!(certificate.subject_key_id(), Some(&[1, 2, 3][..]));
    assert_eq!(certificate.authority_key_id(), Some(&[4, 5][..]));
    assert_eq!(certificate.smime_capabilities(), Some(&[0x30, 0][..]));
    assert_eq!(certificate.signature_scheme(), Ok(TestKey::P256A.scheme()));
    assert_eq!(
        emails(&certificate),
        ["a@example.com", "\u{e4}@example.com", "Alice@Example.com"]
    );
    assert_eq!(certificate.extension_list().count(), 7);
    assert!(
        certificate
            .extension_list()
            .filter(|extension| extension.critical)
            .count()
            == 2
    );
    let again = Certificate::from_der(certificate.der()).unwrap();
    assert_eq!(again, certificate);
    assert_eq!(again.fingerprint(), certificate.fingerprint());
}

#[test]
fn without_extensions_nothing_is_claimed() {
    for version in [1, 2, 3] {
        let certificate = read(builder().version(version)).unwrap();
        assert_eq!(certificate.version(), version);
        assert!(!certificate.is_ca() && certificate.view().san_emails().next().is_none());
        assert_eq!(certificate.key_usage(), None);
        assert!(certificate.extended_key_usage().is_none());
        assert_eq!(certificate.extension_list().count(), 0);
        assert_eq!(emails(&certificate), ["Alice@Example.com"]);
    }
}

#[test]
fn an_address_is_listed_once() {
    let certificate = read(builder().emails(&["alice@example.com", "ALICE@example.com"])).unwrap();
    assert_eq!(emails(&certificate), ["alice@example.com"]);
}

#[test]
fn names_that_are_not_addresses_are_passed_over() {
    let other = Writer::encode(|w| {
        w.oid(Oid::new("1.3.6.1.4.1.311.20.2.3"));
        w.constructed(Tag(0xa0), |w| {
            w.element(Tag::UTF8_STRING, b"alice@example.org")
        });
    });
    for (tag, value) in [
        (0x81, &b"alice@example.org\0.evil.com"[..]),
        (0x81, b"alice@example.org\r\nTo: x"),
        (0x81, b"alice"),
        (0x81, b""),
        (0x81, "\u{e4}@example.org".as_bytes()),
        (0x81, b"\xff@example.org"),
        (0x82, b"alice@example.org"),
        (0x86, b"mailto:alice@example.org"),
        (0x87, &[127, 0, 0, 1]),
        (0xa0, &other),
        (0xa3, &[]),
        (0xa4, &[0x30, 0]),
    ] {
        let certificate = with_extension(SUBJECT_ALT_NAME, &san(&[(tag, value)])).unwrap();
        assert!(
            certificate.view().san_emails().next().is_none(),
            "{tag:x} {value:x?}"
        );
        assert_eq!(emails(&certificate), ["Alice@Example.com"]);
    }
}

#[test]
fn extensions_of_the_wrong_shape_are_refused() {
    let mailbox = |tag: Tag| {
        Writer::encode(|w| {
            w.oid(Oid::new("1.3.6.1.5.5.7.8.9"));
            w.constructed(Tag(0xa0), |w| w.element(tag, b"a@example.com"));
        })
    };
    assert!(
        with_extension(
            SUBJECT_ALT_NAME,
            &san(&[(0xa0, &mailbox(Tag::UTF8_STRING))])
        )
        .is_ok()
    );
    for (oid, value) in [
        (SUBJECT_ALT_NAME, vec![]),
        (SUBJECT_ALT_NAME, vec![0x30, 0]),
        (SUBJECT_ALT_NAME, san(&[(0xa1, b"a@example.com")])),
        (SUBJECT_ALT_NAME, san(&[(0x83, b"")])),
        (SUBJECT_ALT_NAME, san(&[(0x89, b"")])),
        (SUBJECT_ALT_NAME, san(&[(0x16, b"a@example.com")])),
        (SUBJECT_ALT_NAME, san(&[(0xa0, b"")])),
        (SUBJECT_ALT_NAME, san(&[(0xa0, &mailbox(Tag::IA5_STRING))])),
        (
            SUBJECT_ALT_NAME,
            [san(&[(0x81, b"a@example.com")]), vec![5, 0]].concat(),
        ),
        (BASIC_CONSTRAINTS, vec![]),
        (BASIC_CONSTRAINTS, vec![0x30, 3, 1, 1, 1]),
        (BASIC_CONSTRAINTS, vec![0x30, 6, 1, 1, 0xff, 2, 1, 0xff]),
        (
            BASIC_CONSTRAINTS,
            vec![0x30, 9, 1, 1, 0xff, 2, 1, 0, 2, 1, 0],
        ),
        (
            BASIC_CONSTRAINTS,
            vec![0x30, 10, 1, 1, 0xff, 2, 5, 1, 0, 0, 0, 0],
        ),
        (BASIC_CONSTRAINTS, vec![0x30, 0, 0]),
        (KEY_USAGE, vec![3, 1, 7]),
        (KEY_USAGE, vec![3, 2, 8, 0]),
        (KEY_USAGE, vec![3, 2, 7, 0xc0]),
        (KEY_USAGE, vec![4, 1, 0x80]),
        (EXTENDED_KEY_USAGE, vec![0x30, 0]),
        (EXTENDED_KEY_USAGE, vec![0x30, 2, 5, 0]),
        (AUTHORITY_KEY_ID, vec![0x30, 2, 0xa0, 0]),
        (AUTHORITY_KEY_ID, vec![0x30, 2, 0x83, 0]),
        (SUBJECT_KEY_ID, vec![0x30, 0]),
        (SUBJECT_KEY_ID, vec![4, 1, 1, 0]),
        (POLICY_CONSTRAINTS, vec![0x30, 5, 0xa0, 3, 2, 1, 0]),
    ] {
        let refused = with_extension(oid, &value).expect_err("wrong shape");
        assert!(
            matches!(refused, ParseError::Malformed { .. }),
            "{oid} {value:x?}"
        );
    }
}

#[test]
fn an_explicit_false_says_what_its_absence_says() {
    let explicit = with_extension(BASIC_CONSTRAINTS, &[0x30, 3, 1, 1, 0]).unwrap();
    let absent = with_extension(BASIC_CONSTRAINTS, &[0x30, 0]).unwrap();
    assert_eq!(explicit.basic_constraints(), absent.basic_constraints());
    assert!(!explicit.is_ca());

    let unknown = Oid::new("1.2.3.4");
    let mut certificate = der(builder().extension(unknown, true, &[5, 0]));
    let critical = [unknown.as_bytes(), &[1, 1, 0xff]].concat();
    let place = certificate
        .windows(critical.len())
        .position(|window| window == critical)
        .unwrap();
    let is_critical = |der: &[u8]| {
        let certificate = Certificate::from_der(der).unwrap();
        let mut extensions = certificate.extension_list();
        extensions.any(|it| it.oid == unknown && it.critical)
    };
    assert!(is_critical(&certificate));
    certificate[place + critical.len() - 1] = 0;
    assert!(!is_critical(&certificate));
}

#[test]
fn an_extension_that_stands_there_twice_is_refused() {
    for (oid, value) in [
        (KEY_USAGE, &[3, 2, 7, 0x80][..]),
        (SUBJECT_ALT_NAME, &[0x30, 3, 0x82, 1, b'x']),
        (Oid::new("1.2.3.4"), &[5, 0]),
    ] {
        let twice = builder()
            .repeat_extension(oid, false, value)
            .repeat_extension(Oid::new("1.2.3.5"), false, &[5, 0])
            .repeat_extension(oid, false, value);
        assert_eq!(read(twice), Err(ParseError::DuplicateExtension(oid)));
    }
}

#[test]
fn fields_that_the_version_does_not_have_are_refused() {
    for version in [1, 2] {
        let result = read(builder().version(version).emails(&["a@example.com"]));
        assert_eq!(result, Err(ParseError::Version));
    }
    for version in [0, 4, 255] {
        assert!(read(builder().version(version)).is_err(), "{version}");
    }
}

#[test]
fn two_signature_algorithms_that_differ_are_refused() {
    let other = TestKey::Rsa2048A.scheme().identifier();
    let result = read(builder().inner_algorithm(&other));
    assert_eq!(result, Err(ParseError::AlgorithmMismatch));
    let null = Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(Oid::new("1.2.840.10045.4.3.2"));
            w.null();
        });
    });
    let result = read(builder().inner_algorithm(&null));
    assert_eq!(
        result,
        Err(ParseError::AlgorithmMismatch),
        "not even in their parameters"
    );
}

#[test]
fn serial_numbers_may_be_odd_but_not_endless() {
    for magnitude in [&[0][..], &[1; 20], &[0xff; 32], &[1; 64]] {
        assert!(read(builder().serial(magnitude)).is_ok());
    }
    assert!(read(builder().serial(&[1; 65])).is_err());
}

#[test]
fn bytes_after_a_certificate_and_missing_ones_are_refused() {
    let whole = der(builder().emails(&["a@example.com"]));
    let mut longer = whole.clone();
    longer.push(0);
    let offset = whole.len();
    assert_eq!(
        Certificate::from_der(&longer),
        Err(ParseError::Malformed {
            what: "Certificate",
            offset
        })
    );
    for cut in truncations(&whole) {
        assert!(Certificate::from_der(cut).is_err());
    }
}

#[test]
fn a_flipped_byte_is_an_error_or_another_certificate() {
    let whole = Certificate::from_der(&der(builder().emails(&["a@example.com"]))).unwrap();
    for (at, damaged) in flips(whole.der()) {
        if let Ok(certificate) = Certificate::from_der(&damaged) {
            assert_ne!(certificate, whole, "byte {at}");
            assert_ne!(certificate.fingerprint(), whole.fingerprint(), "byte {at}");
            let _ = (
                certificate.subject().to_string(),
                certificate.extension_list().count(),
            );
        }
    }
}

#[test]
fn fitness_is_validity_usage_and_kind_of_key() {
    use KeyUsageBit::{DigitalSignature, KeyAgreement, KeyCertSign};
    let base = || builder().key_usage(&[DigitalSignature, KeyAgreement]);
    let authority = BasicConstraints {
        ca: true,
        path_length: None,
    };
    let cases = [
        (base(), Purpose::SignMail, None),
        (base(), Purpose::EncryptMail, None),
        (base(), Purpose::Any, None),
        (
            base(),
            Purpose::SignCertificates,
            Some(ChainErrorKind::KeyUsage),
        ),
        (
            builder(),
            Purpose::SignCertificates,
            Some(ChainErrorKind::NotACa),
        ),
        (
            base()
                .key_usage(&[KeyCertSign])
                .basic_constraints(authority),
            Purpose::SignCertificates,
            None,
        ),
        (
            base().key_usage(&[KeyAgreement]),
            Purpose::SignMail,
            Some(ChainErrorKind::KeyUsage),
        ),
        (
            base().key_usage(&[DigitalSignature]),
            Purpose::EncryptMail,
            Some(ChainErrorKind::KeyUsage),
        ),
        (
            base().extended_key_usage(&[SERVER_AUTH]),
            Purpose::SignMail,
            Some(ChainErrorKind::ExtendedKeyUsage),
        ),
        (
            base().valid(UnixTime(0), UnixTime(NOW.0 - 1)),
            Purpose::Any,
            Some(ChainErrorKind::Expired),
        ),
        (
            base().valid(UnixTime(NOW.0 + 1), UnixTime(NOW.0 + 2)),
            Purpose::Any,
            Some(ChainErrorKind::NotYetValid),
        ),
        (
            base().extension(Oid::new("1.2.3.4"), true, &[5, 0]),
            Purpose::Any,
            Some(ChainErrorKind::UnknownCriticalExtension(Box::new(
                Oid::new("1.2.3.4"),
            ))),
        ),
    ];
    for (case, (builder, purpose, expected)) in cases.into_iter().enumerate() {
        let certificate = read(builder).unwrap();
        assert_eq!(
            check_fitness(&certificate, purpose, NOW).err(),
            expected,
            "case {case}"
        );
    }
}

#[test]
fn the_import_rule_is_the_documented_one() {
    use KeyUsageBit::{CrlSign, DigitalSignature, KeyAgreement, KeyEncipherment, NonRepudiation};
    let root = Authority::root("Root", TestKey::P384A);
    let issue = |key, change: &dyn Fn(CertificateBuilder) -> CertificateBuilder| {
        check_import(
            &root
                .person_with("a@example.com", Profile::of(key), change)
                .certificate
                .view(),
        )
    };
    let (rsa, ec) = (TestKey::Rsa2048A, TestKey::P256A);
    for key in [rsa, ec] {
        assert_eq!(issue(key, &|b| b), Ok(()));
        assert_eq!(issue(key, &|b| b.key_usage(&[DigitalSignature])), Ok(()));
        assert_eq!(issue(key, &|b| b.key_usage(&[KeyEncipherment])), Ok(()));
        assert_eq!(issue(key, &|b| b.without_extension(KEY_USAGE)), Ok(()));
        assert_eq!(
            issue(key, &|b| b.without_extension(EXTENDED_KEY_USAGE)),
            Ok(())
        );
        let refusals: [(
            &dyn Fn(CertificateBuilder) -> CertificateBuilder,
            ImportRefusal,
        ); 6] = [
            (
                &|b| b.without_extension(SUBJECT_ALT_NAME),
                ImportRefusal::NoEmail,
            ),
            (&|b| b.emails(&["not an address"]), ImportRefusal::NoEmail),
            (&|b| b.key_usage(&[NonRepudiation]), ImportRefusal::KeyUsage),
            (&|b| b.key_usage(&[CrlSign]), ImportRefusal::KeyUsage),
            (&|b| b.key_usage(&[]), ImportRefusal::KeyUsage),
            (
                &|b| b.extended_key_usage(&[SERVER_AUTH]),
                ImportRefusal::ExtendedKeyUsage,
            ),
        ];
        for (change, expected) in refusals {
            assert_eq!(issue(key, change), Err(expected), "{key:?}");
        }
        // The first address in the subject does not stand in for the alternative name.
        let subject_only = read(builder()).unwrap();
        assert_eq!(
            check_import(&subject_only.view()),
            Err(ImportRefusal::NoEmail)
        );
    }
    assert_eq!(issue(ec, &|b| b.key_usage(&[KeyAgreement])), Ok(()));
    assert_eq!(
        issue(rsa, &|b| b.key_usage(&[KeyAgreement])),
        Err(ImportRefusal::KeyUsage)
    );
    assert_eq!(
        check_import(&root.certificate().view()),
        Ok(()),
        "authorities are exempt"
    );
}

#[test]
fn a_bundle_holds_each_certificate_once_and_finds_it() {
    let root = Authority::root("Root", TestKey::P384A);
    let alice = root
        .person("alice@example.com", Profile::of(TestKey::P256A))
        .certificate;
    let bob = root
        .person("bob@example.com", Profile::of(TestKey::P256A))
        .certificate;
    let mut bundle: CertificateBundle = [alice.clone(), bob.clone()].into_iter().collect();
    assert!(!bundle.add(alice.clone()));
    assert_eq!(bundle.len(), 2);
    assert!(bundle.contains(&alice) && !bundle.contains(root.certificate()));
    assert_eq!(
        bundle.with_subject(bob.subject()).collect::<Vec<_>>(),
        [&bob]
    );
    assert_eq!(
        bundle.with_key_id(alice.subject_key_id().unwrap()).count(),
        2
    );
    let found = bundle.with_issuer_and_serial(root.certificate().subject(), alice.serial());
    assert_eq!(found.collect::<Vec<_>>(), [&alice]);
    assert_eq!(
        bundle
            .with_issuer_and_serial(alice.subject(), alice.serial())
            .count(),
        0
    );
    assert_eq!(bundle.with_subject(root.certificate().subject()).count(), 0);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Certificate::from_der(&bytes);
        let _ = Name::from_der(&bytes);
    }

    #[test]
    fn no_extension_makes_the_reader_panic(
        which in 14_u8..60,
        value in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let oid = Oid::from_bytes(&[0x55, 0x1d, which]).unwrap();
        let _ = with_extension(oid, &value);
    }

    #[test]
    fn a_name_of_any_text_reads_back_and_matches_itself(text in any::<String>()) {
        let name = Name::from_attributes(&[(NameAttribute::CommonName, &text)]);
        let again = Name::from_der(name.der()).unwrap();
        prop_assert!(again.view().matches(name.view()));
        prop_assert_eq!(again.view().common_name(), Some(text.clone()));
        let shown = name.to_string();
        prop_assert!(!shown.contains(|c: char| c.is_control()));
        let shouted = Name::from_attributes(&[(NameAttribute::CommonName, &text.to_ascii_uppercase())]);
        prop_assert!(shouted.view().matches(name.view()));
    }

    #[test]
    fn an_address_read_back_is_the_same_address(text in "[a-zA-Z0-9.\"\\\\@\u{e0}-\u{ff} ]{0,30}@[a-zA-Z0-9.\u{e0}-\u{f6}-]{1,20}") {
        if let Some(address) = EmailAddress::new(&text) {
            prop_assert_eq!(&address.to_string(), &text);
            prop_assert_eq!(format!("{}@{}", address.local(), address.domain()), text);
            let folded = address.folded();
            prop_assert_eq!(folded.rsplit_once('@').unwrap().1.to_lowercase(), folded.rsplit_once('@').unwrap().1);
        }
    }
}
