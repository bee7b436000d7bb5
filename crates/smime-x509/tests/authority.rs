//! Certificates and requests that an authority makes, read back and judged by others.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{fs, process::Command};

use smime_crypto::{
    AlgorithmPolicy, Error, Oid, PublicKey, RustCrypto, UnixTime,
    asn1::{Tag, Writer},
};
use smime_testkit::{DAY, NOW, SeededRandom, TestKey, flips, peer, truncations};
use smime_x509::{
    Certificate, CertificateBundle, CertificatePolicy, CertificationRequest, ChainVerifier,
    EmailAddress, Generation, IssueError, Issuer, KeyUsageBit, MailSubject, MailUse, ParseError,
    Purpose, Revocation, TrustStore, Validity, check_import, make_root,
};

const POLICIES: Oid = Oid::new("2.5.29.32");
const CRL_POINTS: Oid = Oid::new("2.5.29.31");
const ISSUER_ACCESS: Oid = Oid::new("1.3.6.1.5.5.7.1.1");
const SUBJECT_ALT_NAME: Oid = Oid::new("2.5.29.17");

fn random() -> SeededRandom {
    SeededRandom::new(7)
}

fn days(days: u32) -> Validity {
    Validity { from: NOW, days }
}

fn root() -> Certificate {
    make_root("Root", TestKey::P384A.private(), days(3650), &random()).unwrap()
}

fn addresses(texts: &[&str]) -> Vec<EmailAddress> {
    let read = |text: &&str| EmailAddress::new(text).unwrap();
    texts.iter().map(read).collect()
}

fn subject(texts: &[&str]) -> MailSubject {
    MailSubject::new(&addresses(texts)).unwrap()
}

fn issue(subject: &MailSubject, key: TestKey) -> Result<Certificate, IssueError> {
    let root = root();
    let issuer = Issuer::new(&root, TestKey::P384A.private()).unwrap();
    issuer.issue_mail(subject, &key.public(), days(365), &random())
}

fn value(certificate: &Certificate, oid: Oid) -> Option<Vec<u8>> {
    let mut list = certificate.extension_list();
    list.find(|it| it.oid == oid).map(|it| it.value.to_vec())
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[test]
fn a_root_signs_certificates_and_lists_for_ten_years_under_128_random_bits() {
    let root = root();
    assert!(root.is_ca() && root.is_self_issued());
    let usage: Vec<_> = root.key_usage().unwrap().bits().collect();
    assert_eq!(usage, [KeyUsageBit::KeyCertSign, KeyUsageBit::CrlSign]);
    assert_eq!(root.not_after(), UnixTime(NOW.0 + 3650 * DAY - 1));
    assert!(
        (15..=17).contains(&root.serial().len()),
        "{:x?}",
        root.serial()
    );
    assert!(root.serial()[0] < 0x80, "positive");
    assert_eq!(root.subject_key_id().map(<[u8]>::len), Some(20));
    let other = make_root(
        "Root",
        TestKey::P384A.private(),
        days(1),
        &SeededRandom::new(8),
    );
    assert_ne!(root.serial(), other.unwrap().serial());
}

#[test]
fn the_key_usage_is_that_of_the_key_and_its_use() {
    use KeyUsageBit::{DigitalSignature, KeyAgreement, KeyEncipherment};
    for (key, uses, expected) in [
        (
            TestKey::Rsa2048A,
            MailUse::Both,
            &[DigitalSignature, KeyEncipherment][..],
        ),
        (TestKey::Rsa2048A, MailUse::Sign, &[DigitalSignature]),
        (TestKey::Rsa2048A, MailUse::Encrypt, &[KeyEncipherment]),
        (
            TestKey::P256A,
            MailUse::Both,
            &[DigitalSignature, KeyAgreement],
        ),
        (TestKey::P256A, MailUse::Sign, &[DigitalSignature]),
        (TestKey::P256A, MailUse::Encrypt, &[KeyAgreement]),
    ] {
        let subject = subject(&["alice@example.com"]).used_for(uses);
        let certificate = issue(&subject, key).unwrap();
        let usage: Vec<_> = certificate.key_usage().unwrap().bits().collect();
        assert_eq!(usage, expected, "{key:?} {uses:?}");
        assert!(!certificate.is_ca());
    }
}

#[test]
fn what_is_issued_is_imported_and_its_chain_holds_also_below_an_issuing_authority() {
    let root = root();
    let issuer = Issuer::new(&root, TestKey::P384A.private()).unwrap();
    let below = issuer
        .issue_authority("Issuing", &TestKey::P256B.public(), days(1825), &random())
        .unwrap();
    let issuing = Issuer::new(&below, TestKey::P256B.private()).unwrap();
    let refused = issuing.issue_authority("x", &TestKey::P256A.public(), days(1), &random());
    assert_eq!(refused.unwrap_err(), IssueError::PathLength);
    for name in ["Root", "ROOT"] {
        let refused = issuer.issue_authority(name, &TestKey::P256A.public(), days(1), &random());
        assert_eq!(refused.unwrap_err(), IssueError::SameName);
    }
    let (mut anchors, mut pool) = (TrustStore::new(), CertificateBundle::new());
    anchors.add(root.clone());
    pool.add(below.clone());
    let subject = subject(&["alice@example.com"]);
    for issuer in [issuer, issuing] {
        let leaf = issuer
            .issue_mail(&subject, &TestKey::P256A.public(), days(365), &random())
            .unwrap();
        assert_eq!(check_import(&leaf.view()), Ok(()));
        let (algorithms, policy) = (AlgorithmPolicy::standard(), CertificatePolicy::strict());
        let verifier = ChainVerifier {
            anchors: &anchors,
            revocation: &Revocation::off(),
            algorithms: &algorithms,
            policy: &policy,
            provider: &RustCrypto,
        };
        for purpose in [Purpose::SignMail, Purpose::EncryptMail] {
            verifier.verify(&leaf, purpose, &pool, NOW).unwrap();
        }
    }
}

#[test]
fn the_policy_is_that_of_the_generation_and_none_for_a_person_by_name() {
    let root = root();
    let issuer = Issuer::new(&root, TestKey::P384A.private()).unwrap();
    let key = TestKey::P256A.public();
    let alice = subject(&["alice@example.com"]);
    for (generation, last) in [(Generation::Multipurpose, 2), (Generation::Strict, 3)] {
        let issuer = issuer.generation(generation);
        let leaf = issuer
            .issue_mail(&alice, &key, days(825), &random())
            .unwrap();
        assert_eq!(value(&leaf, POLICIES).unwrap().last(), Some(&last));
        assert_eq!(leaf.subject().to_string(), "CN=alice@example.com");
        let named = alice.clone().named("Alice Example").unwrap();
        let leaf = issuer
            .issue_mail(&named, &key, days(825), &random())
            .unwrap();
        assert_eq!(value(&leaf, POLICIES), None);
        assert_eq!(leaf.subject().to_string(), "CN=Alice Example");
    }
}

#[test]
fn urls_stand_where_they_are_looked_for_and_only_if_given() {
    let root = root();
    let issuer = Issuer::new(&root, TestKey::P384A.private()).unwrap();
    let (key, alice) = (TestKey::P256A.public(), subject(&["alice@example.com"]));
    let bare = issuer.issue_mail(&alice, &key, days(1), &random()).unwrap();
    assert_eq!(
        (value(&bare, CRL_POINTS), value(&bare, ISSUER_ACCESS)),
        (None, None)
    );
    let (crl, ca) = ("http://ca.example/a.crl", "http://ca.example/a.cer");
    let issuer = issuer.crl_at(crl).unwrap().certificate_at(ca).unwrap();
    let leaf = issuer.issue_mail(&alice, &key, days(1), &random()).unwrap();
    assert!(contains(&value(&leaf, CRL_POINTS).unwrap(), crl.as_bytes()));
    assert!(contains(
        &value(&leaf, ISSUER_ACCESS).unwrap(),
        ca.as_bytes()
    ));
    for url in [
        "",
        "http://",
        "http:///x",
        "https://a/b",
        "ldap://a/b",
        "http://a/ b",
        "http://ä/",
    ] {
        assert_eq!(issuer.crl_at(url).unwrap_err(), IssueError::Url, "{url}");
        assert_eq!(
            issuer.certificate_at(url).unwrap_err(),
            IssueError::Url,
            "{url}"
        );
    }
}

#[test]
fn addresses_are_written_as_names_and_utf8_mailboxes_and_read_back() {
    let given = [
        "Alice@EXAMPLE.com",
        "alice@b\u{fc}cher.example",
        "j\u{f6}rg@b\u{fc}cher.example",
    ];
    let leaf = issue(&subject(&given), TestKey::P256A).unwrap();
    assert_eq!(leaf.emails(), addresses(&given));
    let written: Vec<_> = leaf.emails().iter().map(ToString::to_string).collect();
    assert_eq!(
        written,
        [
            "Alice@example.com",
            "alice@xn--bcher-kva.example",
            "j\u{f6}rg@xn--bcher-kva.example"
        ]
    );
    let twice = subject(&["alice@example.com", "ALICE@example.com"]);
    assert_eq!(issue(&twice, TestKey::P256A).unwrap().emails().len(), 1);
}

#[test]
fn an_address_longer_than_a_common_name_leaves_the_subject_empty_and_is_critical() {
    let long = format!("{}@example.com", "a".repeat(60));
    let leaf = issue(&subject(&[&long]), TestKey::P256A).unwrap();
    assert!(leaf.subject().is_empty());
    let mut list = leaf.extension_list();
    assert!(list.any(|it| it.oid == SUBJECT_ALT_NAME && it.critical));
    assert_eq!(leaf.emails(), addresses(&[&long]));
}

#[test]
fn what_no_authority_may_issue_is_refused() {
    let root = root();
    let issuer = Issuer::new(&root, TestKey::P384A.private()).unwrap();
    let (key, alice) = (TestKey::P256A.public(), subject(&["alice@example.com"]));
    let mail = |validity| {
        issuer
            .issue_mail(&alice, &key, validity, &random())
            .unwrap_err()
    };
    for days in [0, 826, u32::MAX] {
        assert_eq!(
            mail(Validity { from: NOW, days }),
            IssueError::Days { most: 825 }
        );
    }
    for from in [i64::MIN, -1, 253_402_300_799, i64::MAX] {
        let error = mail(Validity {
            from: UnixTime(from),
            days: 2,
        });
        assert_eq!(error, IssueError::Days { most: 825 }, "{from}");
    }
    for from in [NOW.0 - 1, NOW.0 + 3649 * DAY] {
        assert_eq!(
            mail(Validity {
                from: UnixTime(from),
                days: 2
            }),
            IssueError::Outlives
        );
    }
    let ca = TestKey::P384A.private();
    for name in ["", " ", " x", "x ", "a\nb", "a\u{202e}b", &"x".repeat(65)] {
        let error = make_root(name, ca, days(1), &random()).unwrap_err();
        assert_eq!(error, IssueError::Name, "{name:?}");
        assert_eq!(alice.clone().named(name).unwrap_err(), IssueError::Name);
    }
    assert!(make_root("x", ca, days(9133), &random()).is_err());
    assert_eq!(MailSubject::new(&[]).unwrap_err(), IssueError::NoAddress);
    let literal = addresses(&["alice@[192.0.2.1]"]);
    assert_eq!(MailSubject::new(&literal).unwrap_err(), IssueError::Address);
    for (modulus, odd) in [(128, 0), (255, 1), (256, 1)] {
        let key = rsa_key(modulus, odd);
        let refused = issuer.issue_mail(&alice, &key, days(1), &random());
        assert_eq!(refused.unwrap_err(), IssueError::KeyRefused, "{key:?}");
    }
}

/// A key of a modulus of so many octets, less some bits, that nobody has the other half of.
fn rsa_key(octets: usize, less: u8) -> PublicKey {
    let mut modulus = vec![0xff; octets];
    modulus[0] >>= less;
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
    PublicKey::from_spki(&spki).unwrap()
}

#[test]
fn only_an_authority_with_its_own_key_issues() {
    let root = root();
    let other = Issuer::new(&root, TestKey::P256A.private());
    assert_eq!(other.unwrap_err(), IssueError::OtherKey);
    let person = issue(&subject(&["alice@example.com"]), TestKey::P256A).unwrap();
    let error = Issuer::new(&person, TestKey::P256A.private()).unwrap_err();
    assert_eq!(error, IssueError::NotAnAuthority);
}

fn request() -> CertificationRequest {
    let subject = subject(&["alice@example.com", "j\u{f6}rg@example.com"]);
    CertificationRequest::sign(&subject, TestKey::P256A.private(), &random()).unwrap()
}

#[test]
fn a_request_reads_back_and_proves_its_key() {
    for key in [TestKey::P256A, TestKey::P384A, TestKey::Rsa2048A] {
        let subject = subject(&["alice@example.com"]).used_for(MailUse::Sign);
        let made = CertificationRequest::sign(&subject, key.private(), &random()).unwrap();
        let request = CertificationRequest::from_der(made.der()).unwrap();
        assert_eq!(request.prove(&RustCrypto), Ok(&key.public()));
        assert_eq!(request.emails(), addresses(&["alice@example.com"]));
        assert_eq!(request.subject().to_string(), "CN=alice@example.com");
        let usage: Vec<_> = request.key_usage().unwrap().bits().collect();
        assert_eq!(usage, [KeyUsageBit::DigitalSignature]);
    }
}

#[test]
fn an_altered_request_proves_nothing() {
    let request = request();
    for (at, altered) in flips(request.der()) {
        if let Ok(altered) = CertificationRequest::from_der(&altered) {
            assert!(altered.prove(&RustCrypto).is_err(), "bit {at}");
        }
    }
    for cut in truncations(request.der()) {
        assert!(CertificationRequest::from_der(cut).is_err());
    }
    let longer = [request.der(), &[0]].concat();
    assert_eq!(
        CertificationRequest::from_der(&longer).unwrap_err(),
        ParseError::Malformed {
            what: "CertificationRequest",
            offset: request.der().len(),
        }
    );
}

#[test]
fn requests_of_the_wrong_shape_are_refused() {
    let key = TestKey::P256A.public();
    let extension = |oid: &str, value: &[u8]| {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.oid(Oid::from_bytes(oid.as_bytes()).unwrap());
                w.octet_string(value);
            });
        })
    };
    let attribute = |extensions: &[u8]| {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.oid(Oid::new("1.2.840.113549.1.9.14"));
                w.constructed(Tag::SET, |w| w.element(Tag::SEQUENCE, extensions));
            });
        })
    };
    let read = |version: u32, attributes: Option<&[u8]>| {
        CertificationRequest::from_der(&Writer::encode(|w| {
            w.sequence(|w| {
                w.sequence(|w| {
                    w.small(version);
                    w.sequence(|_| ());
                    w.raw(key.spki());
                    if let Some(attributes) = attributes {
                        w.element(Tag::context_constructed(0), attributes);
                    }
                });
                w.raw(&TestKey::P256A.scheme().identifier());
                w.bit_string(&[0; 8]);
            });
        }))
    };
    // 2.5.29.15 and 2.5.29.17
    let usage = extension("\x55\x1d\x0f", &[3, 2, 7, 0x80]);
    let name = |value: &[u8]| attribute(&extension("\x55\x1d\x11", value));
    let good = attribute(&usage);
    assert_eq!(
        read(0, Some(&[])).unwrap().prove(&RustCrypto),
        Err(Error::BadSignature)
    );
    assert!(read(0, Some(&good)).unwrap().key_usage().is_some());
    assert_eq!(read(1, Some(&[])).unwrap_err(), ParseError::Version);
    assert!(read(0, None).is_err(), "the attributes are not optional");
    assert!(read(0, Some(&[good.clone(), good.clone()].concat())).is_err());
    assert_eq!(
        read(0, Some(&attribute(&[usage.clone(), usage].concat()))).unwrap_err(),
        ParseError::DuplicateExtension(Oid::new("2.5.29.15"))
    );
    for broken in [
        &attribute(&extension("\x55\x1d\x0f", &[3, 2, 7, 0x81]))[..],
        &name(&[]),
        &name(&[0x30, 0, 0]),
        &name(&[0x30, 3, 0x81, 9, b'a']),
        &name(&[0x30, 4, 0xa0, 2, 5, 0]),
        &good[..good.len() - 1],
    ] {
        let error = read(0, Some(broken)).unwrap_err();
        assert!(
            matches!(error, ParseError::Malformed { offset, .. } if offset > 90),
            "{error}"
        );
    }
    // Names nobody; a wish that says nothing grants nothing.
    assert!(
        read(0, Some(&name(&[0x30, 4, 0x81, 2, b'a', 0])))
            .unwrap()
            .emails()
            .is_empty()
    );
}

#[test]
fn openssl_reads_verifies_and_agrees() {
    let Some(openssl) = peer("openssl") else {
        return;
    };
    let folder = std::env::temp_dir().join(format!("smime-authority-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let pem = |name: &str, label: &str, der: &[u8]| {
        let text = pem_rfc7468::encode_string(label, pem_rfc7468::LineEnding::LF, der).unwrap();
        fs::write(folder.join(name), text).unwrap();
    };
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&openssl);
        let output = command
            .current_dir(&folder)
            .args(arguments)
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(output.status.success(), "{arguments:?}: {text}");
        text
    };
    let root = root();
    let issuer = Issuer::new(&root, TestKey::P384A.private())
        .unwrap()
        .crl_at("http://ca.example/a.crl")
        .unwrap();
    let alice = subject(&["alice@example.com"]);
    pem("root.pem", "CERTIFICATE", root.der());
    for key in [TestKey::P256A, TestKey::Rsa2048A] {
        let leaf = issuer
            .issue_mail(&alice, &key.public(), days(365), &random())
            .unwrap();
        pem("leaf.pem", "CERTIFICATE", leaf.der());
        let at = NOW.0.to_string();
        for purpose in ["smimesign", "smimeencrypt"] {
            // The program takes key agreement for no encryption.
            if purpose == "smimeencrypt" && key == TestKey::P256A {
                continue;
            }
            run(&[
                "verify",
                "-x509_strict",
                "-attime",
                &at,
                "-purpose",
                purpose,
                "-CAfile",
                "root.pem",
                "leaf.pem",
            ]);
        }
        let text = run(&["x509", "-in", "leaf.pem", "-noout", "-text"]);
        for words in [
            "email:alice@example.com",
            "E-mail Protection",
            "2.23.140.1.5.1.2",
            "URI:http://ca.example/a.crl",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let request = CertificationRequest::sign(&alice, key.private(), &random()).unwrap();
        pem("request.pem", "CERTIFICATE REQUEST", request.der());
        let text = run(&["req", "-in", "request.pem", "-noout", "-verify", "-text"]);
        assert!(
            text.contains("verify OK") && text.contains("email:alice@example.com"),
            "{text}"
        );
    }
    run(&[
        "req",
        "-new",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        "k.pem",
        "-subj",
        "/CN=Bob",
        "-addext",
        "subjectAltName=email:bob@example.org",
        "-addext",
        "keyUsage=critical,digitalSignature",
        "-outform",
        "DER",
        "-out",
        "theirs.der",
    ]);
    let theirs = CertificationRequest::from_der(&fs::read(folder.join("theirs.der")).unwrap());
    let theirs = theirs.unwrap();
    assert!(theirs.prove(&RustCrypto).is_ok());
    assert_eq!(theirs.emails(), addresses(&["bob@example.org"]));
    fs::remove_dir_all(&folder).unwrap();
}
