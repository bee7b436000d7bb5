//! Names under constraints, form by form.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "names/forms.rs"]
mod forms;

use smime_crypto::{
    AlgorithmPolicy, Oid,
    asn1::{Tag, Writer},
};
use smime_testkit::{AcceptAll, Authority, NOW, Profile, TestKey};
use smime_x509::{
    AnchorConstraints, Certificate, CertificateBuilder, CertificatePolicy, ChainErrorKind,
    ChainVerifier, Name, NameAttribute, NameBounds, Purpose, Revocation, TrustStore,
};

const NAME_CONSTRAINTS: Oid = Oid::new("2.5.29.30");
const SUBJECT_ALT_NAME: Oid = Oid::new("2.5.29.17");
const SMTP_UTF8_MAILBOX: Oid = Oid::new("1.3.6.1.5.5.7.8.9");
const UPN: Oid = Oid::new("1.3.6.1.4.1.311.20.2.3");

const NOT_PERMITTED: Result<(), ChainErrorKind> = Err(ChainErrorKind::NameNotPermitted);
const EXCLUDED: Result<(), ChainErrorKind> = Err(ChainErrorKind::NameExcluded);
const UNSUPPORTED: Result<(), ChainErrorKind> = Err(ChainErrorKind::NameConstraintsUnsupported);

/// A GeneralName of a test.
#[derive(Clone, Debug)]
enum General {
    Mail(&'static str),
    Utf8(&'static str),
    Dns(&'static str),
    Uri(&'static str),
    Ip(Vec<u8>),
    Directory(&'static [(NameAttribute, &'static str)]),
    Other,
    X400,
    Edi,
    Registered,
}

use General::{Directory, Dns, Edi, Ip, Mail, Other, Registered, Uri, Utf8, X400};

impl General {
    fn write(&self, w: &mut Writer) {
        match self {
            Mail(text) => w.element(Tag::context(1), text.as_bytes()),
            Dns(text) => w.element(Tag::context(2), text.as_bytes()),
            Uri(text) => w.element(Tag::context(6), text.as_bytes()),
            Ip(octets) => w.element(Tag::context(7), octets),
            Directory(attributes) => {
                let name = Name::from_attributes(attributes);
                w.constructed(Tag::context_constructed(4), |w| w.raw(name.der()));
            }
            Utf8(text) => other(w, SMTP_UTF8_MAILBOX, text),
            Other => other(w, UPN, "alice"),
            X400 => w.element(Tag::context_constructed(3), &[0x30, 0]),
            Edi => w.element(Tag::context_constructed(5), &[0x81, 1, b'x']),
            Registered => w.element(Tag::context(8), &[0x2a, 3]),
        }
    }
}

fn other(w: &mut Writer, kind: Oid, text: &str) {
    w.constructed(Tag::context_constructed(0), |w| {
        w.oid(kind);
        w.constructed(Tag::context_constructed(0), |w| {
            w.element(Tag::UTF8_STRING, text.as_bytes());
        });
    });
}

fn constraints(permitted: &[General], excluded: &[General]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            for (tag, list) in [(0, permitted), (1, excluded)] {
                if !list.is_empty() {
                    w.constructed(Tag::context_constructed(tag), |w| {
                        list.iter().for_each(|base| w.sequence(|w| base.write(w)));
                    });
                }
            }
        });
    })
}

fn named(names: &[General]) -> Vec<u8> {
    Writer::encode(|w| w.sequence(|w| names.iter().for_each(|name| name.write(w))))
}

fn verify(anchors: &TrustStore, leaf: &Certificate, pool: &[Certificate]) -> Verdict {
    verify_for(Purpose::SignMail, anchors, leaf, pool)
}

type Verdict = Result<(), ChainErrorKind>;

fn verify_for(
    purpose: Purpose,
    anchors: &TrustStore,
    leaf: &Certificate,
    pool: &[Certificate],
) -> Verdict {
    let (policy, algorithms) = (CertificatePolicy::standard(), AlgorithmPolicy::standard());
    let verifier = ChainVerifier {
        provider: &AcceptAll,
        algorithms: &algorithms,
        policy: &policy,
        anchors,
        revocation: &Revocation::off(),
    };
    let pool = pool.iter().cloned().collect();
    let result = verifier.verify(leaf, purpose, &pool, NOW);
    result.map(|_| ()).map_err(|error| error.kind)
}

/// A leaf with these names below a root, an authority with these constraints and one without.
fn judge(permitted: &[General], excluded: &[General], names: &[General]) -> Verdict {
    let value = constraints(permitted, excluded);
    let root = Authority::root("Root", TestKey::P384A);
    let bound = root.intermediate_with("Bound", TestKey::P384B, |b| {
        b.extension(NAME_CONSTRAINTS, true, &value)
    });
    let person = bound.person_with("a@example.com", Profile::of(TestKey::P256A), |b| {
        let names = named(names);
        b.extension(SUBJECT_ALT_NAME, false, &names)
    });
    verify(&root.trust(), &person.certificate, &person.chain)
}

#[test]
fn every_name_is_judged_and_what_is_excluded_stays_so() {
    let (good, bad) = (Mail("a@example.com"), Mail("a@example.org"));
    let host = Mail("example.com");
    assert_eq!(
        judge(std::slice::from_ref(&host), &[], &[good.clone(), bad]),
        NOT_PERMITTED
    );
    let both = std::slice::from_ref(&host);
    assert_eq!(judge(both, both, std::slice::from_ref(&good)), EXCLUDED);
    let two = [Mail("example.org"), host];
    assert_eq!(judge(&two, &[], std::slice::from_ref(&good)), Ok(()));
    // One form that cannot be judged does not make up for another that is not permitted.
    let mixed = [Mail("example.org"), X400];
    assert_eq!(judge(&mixed, &[], &[good, X400]), NOT_PERMITTED);
}

#[test]
fn what_is_excluded_does_not_come_back_in_another_spelling() {
    let root = |excluded: &'static str| {
        let base = Directory(Box::leak(Box::new([(
            NameAttribute::Organization,
            excluded,
        )])));
        let value = constraints(&[], &[base]);
        Authority::root_with("Root", TestKey::P384A, |b| {
            b.extension(NAME_CONSTRAINTS, true, &value)
        })
    };
    let subject = |tag: Tag, text: &[u8]| {
        let der = Writer::encode(|w| {
            w.sequence(|w| {
                w.constructed(Tag::SET, |w| {
                    w.sequence(|w| {
                        w.oid(Oid::new("2.5.4.10"));
                        w.element(tag, text);
                    });
                });
            });
        });
        Name::from_der(&der).unwrap()
    };
    let root = root("Evil");
    for (tag, text, expected) in [
        (Tag::UTF8_STRING, &b"Evil"[..], EXCLUDED),
        (Tag::PRINTABLE_STRING, b" EVIL", EXCLUDED),
        (Tag::BMP_STRING, b"\0E\0v\0i\0l", EXCLUDED),
        (Tag::TELETEX_STRING, b"Evil", UNSUPPORTED),
        (Tag::UTF8_STRING, "\u{ff25}vil".as_bytes(), UNSUPPORTED),
        (Tag::UTF8_STRING, "Ev\u{ad}il".as_bytes(), UNSUPPORTED),
        (Tag::UTF8_STRING, "E\u{200b}vil".as_bytes(), UNSUPPORTED),
        (Tag::UTF8_STRING, b"Evil\xff", UNSUPPORTED),
        (Tag::BMP_STRING, b"\0E\0v\0i\0", UNSUPPORTED),
        (Tag(0x12), b"Evil", UNSUPPORTED),
        (Tag(0x1a), b"Evil", UNSUPPORTED),
        (Tag(0x1b), b"Evil", UNSUPPORTED),
        (Tag::UTF8_STRING, "M\u{fc}ller".as_bytes(), Ok(())),
        (Tag::UTF8_STRING, b"Devil", Ok(())),
    ] {
        let key = TestKey::P256A.public();
        let builder = CertificateBuilder::new(subject(tag, text), &key, NOW, NOW);
        let leaf = root.sign(builder.issued_by(root.certificate()));
        assert_eq!(verify(&root.trust(), &leaf, &[]), expected, "{text:?}");
    }
    // Nor where the exclusion itself is spelt so that it is not known what it excludes.
    for (tag, text) in [
        (Tag::TELETEX_STRING, &b"Evil"[..]),
        (Tag(0x1a), b"Evil"),
        (Tag::UTF8_STRING, "\u{ff25}vil".as_bytes()),
    ] {
        let base = subject(tag, text);
        let value = Writer::encode(|w| {
            w.sequence(|w| {
                w.constructed(Tag::context_constructed(1), |w| {
                    w.sequence(|w| {
                        w.constructed(Tag::context_constructed(4), |w| w.raw(base.der()));
                    });
                });
            });
        });
        let root = Authority::root_with("Root", TestKey::P384A, |b| {
            b.extension(NAME_CONSTRAINTS, true, &value)
        });
        let key = TestKey::P256A.public();
        let evil = subject(Tag::UTF8_STRING, b"Evil");
        let builder = CertificateBuilder::new(evil, &key, NOW, NOW);
        let leaf = root.sign(builder.issued_by(root.certificate()));
        assert_eq!(verify(&root.trust(), &leaf, &[]), UNSUPPORTED, "{text:?}");
    }
}

#[test]
fn minimum_and_maximum_other_than_the_default_are_refused() {
    let with = |field: &[u8]| {
        let value = Writer::encode(|w| {
            w.sequence(|w| {
                w.constructed(Tag::context_constructed(0), |w| {
                    w.sequence(|w| {
                        Mail("example.com").write(w);
                        w.raw(field);
                    });
                });
            });
        });
        let root = Authority::root_with("Root", TestKey::P384A, |b| {
            b.extension(NAME_CONSTRAINTS, true, &value)
        });
        let person = root.person("a@example.com", Profile::of(TestKey::P256A));
        verify(&root.trust(), &person.certificate, &[])
    };
    assert_eq!(with(&[]), Ok(()));
    assert_eq!(with(&[0x80, 1, 0]), Ok(()));
    assert_eq!(with(&[0x80, 1, 1]), UNSUPPORTED);
    assert_eq!(with(&[0x81, 1, 0]), UNSUPPORTED);
    assert_eq!(with(&[0x81, 1, 9]), UNSUPPORTED);
}

#[test]
fn addresses_in_the_subject_count_as_those_of_the_alternative_name() {
    let value = constraints(&[Mail("example.com")], &[]);
    let root = Authority::root_with("Root", TestKey::P384A, |b| {
        b.extension(NAME_CONSTRAINTS, true, &value)
    });
    let subject = |address| {
        Name::from_attributes(&[
            (NameAttribute::CommonName, "x"),
            (NameAttribute::EmailAddress, address),
        ])
    };
    let key = TestKey::P256A.public();
    for (address, expected) in [
        ("a@example.com", Ok(())),
        ("a@example.org", NOT_PERMITTED),
        ("nobody", UNSUPPORTED),
        ("\u{e4}@example.com", Ok(())),
    ] {
        let bare = CertificateBuilder::new(subject(address), &key, NOW, NOW);
        let bare = bare.issued_by(root.certificate());
        for builder in [bare.clone(), bare.emails(&["b@example.com"])] {
            let leaf = root.sign(builder);
            assert_eq!(verify(&root.trust(), &leaf, &[]), expected, "{address}");
        }
    }
}

#[test]
fn constraints_bind_all_below_but_intermediates_that_are_self_issued() {
    let root_value = constraints(&[Mail("example.com")], &[]);
    let root = Authority::root("Root", TestKey::P384A);
    let bound = root.intermediate_with("Bound", TestKey::P384B, |b| {
        b.extension(NAME_CONSTRAINTS, false, &root_value)
    });
    let bad_name = named(&[Mail("ca@example.org")]);
    let with_bad_name = |b: CertificateBuilder| b.extension(SUBJECT_ALT_NAME, false, &bad_name);
    for (name, expected) in [("Bound", Ok(())), ("Another", NOT_PERMITTED)] {
        let middle = bound.intermediate_with(name, TestKey::P256B, with_bad_name);
        let person = middle.person("a@example.com", Profile::of(TestKey::P256A));
        let verdict = verify(&root.trust(), &person.certificate, &person.chain);
        assert_eq!(verdict, expected, "{name}");
    }
    // A leaf is judged whoever issued it, and constraints that are not critical bind too.
    let leaf = bound.intermediate_with("Bound", TestKey::P256B, with_bad_name);
    assert!(leaf.certificate().is_self_issued());
    let purpose = Purpose::SignCertificates;
    let verdict = verify_for(purpose, &root.trust(), leaf.certificate(), bound.chain());
    assert_eq!(verdict, NOT_PERMITTED);
    // What one permits another above can take away.
    let narrow = constraints(&[Mail("mail.example.com")], &[]);
    let lower = bound.intermediate_with("Narrow", TestKey::P256B, |b| {
        b.extension(NAME_CONSTRAINTS, true, &narrow)
    });
    for address in ["a@example.com", "a@mail.example.com"] {
        let person = lower.person(address, Profile::of(TestKey::P256A));
        let verdict = verify(&root.trust(), &person.certificate, &person.chain);
        assert_eq!(verdict, NOT_PERMITTED, "{address}");
    }
}

#[test]
fn an_anchor_can_be_bound_to_names() {
    let root = Authority::root("Root", TestKey::P384A);
    let mut anchors = root.trust();
    let der = constraints(&[], &[Mail("example.org")]);
    let bounds = AnchorConstraints {
        name_constraints: Some(NameBounds::from_der(&der).unwrap()),
        ..AnchorConstraints::default()
    };
    anchors.add_constrained(root.certificate().clone(), bounds);
    for (address, expected) in [("a@example.com", Ok(())), ("a@example.org", EXCLUDED)] {
        let person = root.person(address, Profile::of(TestKey::P256A));
        assert_eq!(verify(&anchors, &person.certificate, &[]), expected);
    }
    for bad in [&[][..], &[0x30], &[0x30, 2, 0xa0, 0], &[0x04, 0]] {
        assert!(NameBounds::from_der(bad).is_err());
    }
}

#[test]
fn common_names_that_look_like_hosts_count_where_hosts_are_looked_for() {
    let value = constraints(&[Dns("example.com")], &[]);
    let root = Authority::root_with("Root", TestKey::P384A, |b| {
        b.extension(NAME_CONSTRAINTS, true, &value)
    });
    for (name, expected) in [
        ("www.example.com", Ok(())),
        ("www.example.org", NOT_PERMITTED),
        ("Alice", Ok(())),
        ("A. Smith", Ok(())),
    ] {
        let subject = Name::from_attributes(&[(NameAttribute::CommonName, name)]);
        let builder = CertificateBuilder::new(subject, &TestKey::P256A.public(), NOW, NOW);
        let leaf = root.sign(builder.issued_by(root.certificate()));
        for purpose in [Purpose::TlsServer, Purpose::Any] {
            assert_eq!(
                verify_for(purpose, &root.trust(), &leaf, &[]),
                expected,
                "{name}"
            );
        }
        assert_eq!(
            verify(&root.trust(), &leaf, &[]),
            Ok(()),
            "{name} is no host in mail"
        );
    }
}

/// Attack class 22.
#[test]
fn huge_labels_are_judged_and_not_encoded() {
    let label: &'static str = Box::leak("\u{fc}".repeat(4096).into_boxed_str());
    let address: &'static str = Box::leak(format!("\u{e4}@{label}.example").into_boxed_str());
    for name in [Utf8(address), Mail(address)] {
        let (base, name) = ([Mail("example")], [name]);
        assert_eq!(judge(&base, &[], &name), UNSUPPORTED);
        assert_eq!(judge(&[], &base, &name), UNSUPPORTED);
    }
}
