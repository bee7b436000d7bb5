//! CRLs and OCSP responses are read strictly, and what is read is what OpenSSL reads.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{fs, path::Path, process::Command};

use proptest::prelude::*;
use smime_crypto::{
    Oid, UnixTime,
    asn1::{Tag, Writer},
};
use smime_testkit::{
    Authority, CRL_NUMBER, CrlBuilder, CrlScope, DAY, NOW, OcspBuilder, Profile, TestKey,
    entry_reason, flips, peer, truncations, uri,
};
use smime_x509::{
    CertificateStatus, Crl, CrlDefect, DistributionPointName, GeneralName, OcspResponse,
    OcspStatus, ParseError, ReasonFlags, ResponderId, RevocationReason,
};

fn root() -> Authority {
    Authority::root("Root", TestKey::P256A)
}

fn list() -> CrlBuilder {
    CrlBuilder::of(&root())
}

fn response() -> OcspBuilder {
    let root = root();
    let person = root.person("alice@example.com", Profile::of(TestKey::P256B));
    let status = CertificateStatus::Revoked {
        at: NOW,
        reason: Some(RevocationReason::KeyCompromise),
    };
    OcspBuilder::by(&root)
        .nonce(b"nonce")
        .with_certificate(root.certificate())
        .tell(&person.certificate, root.certificate(), status)
}

#[test]
fn a_list_says_what_it_was_made_of() {
    let scope = CrlScope {
        names: uri("http://crl.example/a"),
        only_user: true,
        reasons: vec![5, 0x60],
        ..CrlScope::default()
    };
    let crl = list()
        .number(300)
        .delta(299)
        .scope(&scope)
        .serial(&[5], NOW, &[entry_reason(4)])
        .serial(&[0, 0x80], NOW, &[])
        .sign();
    let root = root();
    assert!(crl.issuer().matches(root.certificate().subject()));
    assert_eq!((crl.version(), crl.number()), (2, Some(&[1, 44][..])));
    assert_eq!(crl.delta_base(), Some(&[1, 43][..]));
    assert_eq!(crl.this_update(), UnixTime(NOW.0 - DAY));
    assert_eq!(crl.next_update(), Some(UnixTime(NOW.0 + 7 * DAY)));
    let key_id = crl.authority_key().unwrap().key_id;
    assert_eq!(key_id, root.certificate().subject_key_id());
    assert_eq!((crl.defect(), crl.freshest_crl().is_some()), (None, false));
    let scope = crl.issuing_distribution_point().unwrap();
    assert!(scope.only_user_certificates && !scope.indirect && !scope.only_ca_certificates);
    assert!(!scope.reasons.unwrap().contains(ReasonFlags::ALL));
    let Some(DistributionPointName::FullName(names)) = scope.name else {
        panic!("{scope:?}");
    };
    let names: Vec<_> = names.iter().collect();
    assert_eq!(names, [GeneralName::Uri(b"http://crl.example/a")]);
    let entries: Vec<_> = crl
        .entries()
        .map(|it| (it.serial.to_vec(), it.reason))
        .collect();
    let expected = [
        (vec![5], Some(RevocationReason::Superseded)),
        (vec![0, 0x80], None),
    ];
    assert_eq!(entries, expected);
    for serial in [&[5][..], &[0, 0x80]] {
        assert_eq!(crl.with_serial(serial).count(), 1);
    }
    for serial in [&[0x80][..], &[0, 5], &[]] {
        assert_eq!(crl.with_serial(serial).count(), 0);
    }
}

#[test]
fn lists_that_break_the_profile_are_refused() {
    let number = Writer::encode(|w| w.small(1));
    let time = |tag, text: &'static [u8]| Writer::encode(|w| w.element(tag, text));
    let invalid = |tag, text| [(Oid::new("2.5.29.24"), false, time(tag, text))];
    let reason = |value: &[u8]| [(Oid::new("2.5.29.21"), false, value.to_vec())];
    let twice = [entry_reason(1), entry_reason(1)];
    let scope = |change: fn(&mut CrlScope)| {
        let mut scope = CrlScope::default();
        change(&mut scope);
        list().scope(&scope)
    };
    let point = Oid::new("2.5.29.28");
    for (what, list, code) in [
        (
            "extension twice",
            list().repeat_extension(CRL_NUMBER, false, &number),
            TWICE,
        ),
        (
            "entry extension twice",
            list().serial(&[1], NOW, &twice),
            TWICE,
        ),
        ("version 1 with extensions", list().version(1), VERSION),
        (
            "version 1 with entry extensions",
            list()
                .version(1)
                .without_extensions()
                .serial(&[1], NOW, &[entry_reason(1)]),
            VERSION,
        ),
        ("version 3", list().version(3), VERSION),
        (
            "reason 7",
            list().serial(&[1], NOW, &[entry_reason(7)]),
            MALFORMED,
        ),
        (
            "reason 11",
            list().serial(&[1], NOW, &[entry_reason(11)]),
            MALFORMED,
        ),
        (
            "reason of two octets",
            list().serial(&[1], NOW, &reason(&[10, 2, 0, 1])),
            MALFORMED,
        ),
        (
            "reason as a number",
            list().serial(&[1], NOW, &reason(&[2, 1, 1])),
            MALFORMED,
        ),
        (
            "reason and more",
            list().serial(&[1], NOW, &reason(&[10, 1, 1, 5, 0])),
            MALFORMED,
        ),
        ("no serial number", list().serial(&[], NOW, &[]), MALFORMED),
        (
            "a padded serial number",
            list().serial(&[0, 1], NOW, &[]),
            MALFORMED,
        ),
        (
            "a serial number of 65 octets",
            list().serial(&[1; 65], NOW, &[]),
            MALFORMED,
        ),
        (
            "invalidityDate as UTCTime",
            list().serial(&[1], NOW, &invalid(Tag::UTC_TIME, b"260101000000Z")),
            MALFORMED,
        ),
        (
            "invalidityDate of another zone",
            list().serial(
                &[1],
                NOW,
                &invalid(Tag::GENERALIZED_TIME, b"20260101000000+0100"),
            ),
            MALFORMED,
        ),
        (
            "invalidityDate with fractions",
            list().serial(
                &[1],
                NOW,
                &invalid(Tag::GENERALIZED_TIME, b"20260101000000.5Z"),
            ),
            MALFORMED,
        ),
        (
            "a negative number",
            list().extension(CRL_NUMBER, false, &[2, 1, 0xff]),
            MALFORMED,
        ),
        (
            "a padded number",
            list().extension(CRL_NUMBER, false, &[2, 2, 0, 1]),
            MALFORMED,
        ),
        (
            "a number of 21 octets",
            list().extension(CRL_NUMBER, false, &[&[2, 21][..], &[1; 21]].concat()),
            MALFORMED,
        ),
        (
            "two kinds of certificate only",
            scope(|it| (it.only_ca, it.only_user) = (true, true)),
            MALFORMED,
        ),
        (
            "reasons with bits unused and set",
            scope(|it| it.reasons = vec![7, 1]),
            MALFORMED,
        ),
        (
            "a scope of no shape",
            list().extension(point, true, &[5, 0]),
            MALFORMED,
        ),
        (
            "a flag of no value",
            list().extension(point, true, &[0x30, 3, 0x84, 1, 1]),
            MALFORMED,
        ),
    ] {
        let error = Crl::from_der(&list.sign_der()).unwrap_err();
        assert_eq!(error.code(), code, "{what}: {error}");
    }
}

#[test]
fn times_have_one_form_and_errors_a_place() {
    let der = list().sign_der();
    let at = der.windows(2).position(|pair| pair == [0x17, 13]).unwrap();
    for (place, byte) in [(at + 14, b'X'), (at + 2, b'x'), (at + 4, b'9'), (at, 0x18)] {
        let mut bad = der.clone();
        bad[place] = byte;
        match Crl::from_der(&bad) {
            Err(ParseError::Malformed { what, offset }) => {
                assert_eq!((what, offset), ("thisUpdate", at));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_empty_list_of_entries_is_one_without_entries() {
    let read = list().empty_entries().sign();
    let sizes = (read.entries().count(), read.with_serial(&[1]).count());
    assert_eq!((sizes, read.defect()), ((0, 0), None));
    let false_flag = list().extension(Oid::new("2.5.29.28"), true, &[0x30, 3, 0x84, 1, 0]);
    let read = false_flag.sign();
    assert!(
        read.issuing_distribution_point()
            .is_some_and(|scope| !scope.indirect)
    );
}

#[test]
fn defects_are_told() {
    let unknown = Oid::new("1.2.3");
    for (list, defect) in [
        (list(), None),
        (list().without(CRL_NUMBER), Some(CrlDefect::NoNumber)),
        (
            list().extension(CRL_NUMBER, true, &[2, 1, 1]),
            Some(CrlDefect::CriticalNumber),
        ),
        (
            list().extension(unknown, true, &[5, 0]),
            Some(CrlDefect::UnknownCriticalExtension(unknown)),
        ),
        (
            list().serial(&[1], NOW, &[(unknown, true, vec![5, 0])]),
            Some(CrlDefect::UnknownCriticalExtension(unknown)),
        ),
        (
            list().serial(&[1], NOW, &[(unknown, false, vec![5, 0])]),
            None,
        ),
    ] {
        assert_eq!(list.sign().defect(), defect);
    }
}

#[test]
fn a_response_says_what_it_was_made_of() {
    let response = response().sign();
    assert_eq!(response.status(), OcspStatus::Successful);
    let basic = response.basic().unwrap();
    let root = root();
    let subject = root.certificate().subject();
    assert!(matches!(basic.responder(), ResponderId::Name(name) if name.matches(subject)));
    assert_eq!(basic.nonce(), Some(&b"nonce"[..]));
    assert_eq!(basic.unknown_critical_extension(), None);
    let came_with: Vec<_> = basic.certificates().map(|it| it.fingerprint()).collect();
    assert_eq!(came_with, [root.certificate().fingerprint()]);
    let told: Vec<_> = basic.responses().collect();
    assert_eq!(told.len(), 1);
    let status = CertificateStatus::Revoked {
        at: NOW,
        reason: Some(RevocationReason::KeyCompromise),
    };
    assert_eq!(
        (told[0].status, told[0].this_update),
        (status, UnixTime(NOW.0 - DAY))
    );
}

#[test]
fn responses_without_an_answer_say_why() {
    for (number, status) in [
        (1, OcspStatus::MalformedRequest),
        (2, OcspStatus::InternalError),
        (3, OcspStatus::TryLater),
        (5, OcspStatus::SignatureRequired),
        (6, OcspStatus::Unauthorized),
    ] {
        let response = OcspResponse::from_der(&[0x30, 3, 10, 1, number]).unwrap();
        assert_eq!(
            (response.status(), response.basic().is_none()),
            (status, true)
        );
    }
    for der in [
        &[0x30, 3, 10, 1, 0][..],
        &[0x30, 3, 10, 1, 4],
        &[0x30, 3, 10, 1, 7],
        &[0x30, 0],
    ] {
        assert!(OcspResponse::from_der(der).is_err(), "{der:x?}");
    }
    // An answer with a status of failure is none.
    let mut der = response().sign_der();
    let at = der.windows(3).position(|it| it == [10, 1, 0]).unwrap();
    der[at + 2] = 3;
    assert!(OcspResponse::from_der(&der).is_err());
}

#[test]
fn nothing_cut_is_read_and_nothing_altered_panics() {
    for (name, der) in [
        (
            "crl",
            list().serial(&[9], NOW, &[entry_reason(1)]).sign_der(),
        ),
        ("ocsp", response().sign_der()),
    ] {
        for cut in truncations(&der) {
            assert!(Crl::from_der(cut).is_err(), "{name}");
            assert!(OcspResponse::from_der(cut).is_err(), "{name}");
        }
        for (_, altered) in flips(&der) {
            if let Ok(crl) = Crl::from_der(&altered) {
                let _ = crl.with_serial(&[9]).count();
                let _ = format!("{crl:?} {:?}", crl.issuing_distribution_point());
            }
            if let Ok(response) = OcspResponse::from_der(&altered) {
                let basic = response.basic();
                let _ = basic.map(|it| (it.nonce(), it.certificates().count()));
                let _ = format!(
                    "{response:?} {:?}",
                    response.basic().map(|it| it.responder())
                );
            }
        }
    }
}

/// Attack class 26: a length of gigabytes over a few bytes of data.
#[test]
fn a_length_that_nothing_follows_allocates_nothing() {
    for der in [
        &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30, 0][..],
        &[0x30, 6, 0x30, 0x84, 0x7f, 0xff, 0xff, 0xff],
        &[0x30, 0x80, 0, 0],
    ] {
        assert!(Crl::from_der(der).is_err() && OcspResponse::from_der(der).is_err());
    }
}

proptest! {
    #[test]
    fn every_entry_is_found_by_its_serial_number(
        serials in proptest::collection::vec(proptest::collection::vec(1_u8..=0x7f, 1..12), 0..60),
    ) {
        let list = serials.iter().fold(list(), |list, it| list.serial(it, NOW, &[]));
        let crl = list.sign();
        prop_assert_eq!(crl.entries().count(), serials.len());
        for serial in &serials {
            let same = serials.iter().filter(|it| *it == serial).count();
            prop_assert_eq!(crl.with_serial(serial).count(), same);
            let other = [&serial[..], &[1; 9]].concat();
            prop_assert_eq!(crl.with_serial(&other).count(), 0);
        }
    }
}

#[test]
fn openssl_reads_and_believes_what_the_builders_make() {
    let Some(openssl) = peer("openssl") else {
        return;
    };
    let root = root();
    let person = root.person("alice@example.com", Profile::of(TestKey::P256B));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let anchor = file("evidence-root.der", root.certificate().der());
    let leaf = file("evidence-leaf.der", person.certificate.der());
    let clean = file("evidence-clean.crl", &list().sign_der());
    let listed = list().revoke_because(&person.certificate, 1).sign_der();
    let listed = file("evidence-listed.crl", &listed);
    let scope = CrlScope {
        only_user: true,
        ..CrlScope::default()
    };
    let scoped = file("evidence-scoped.crl", &list().scope(&scope).sign_der());
    for (crl, good) in [(&clean, true), (&listed, false), (&scoped, true)] {
        let mut command = Command::new(&openssl);
        command.args(["verify", "-crl_check", "-attime", &NOW.0.to_string()]);
        command
            .arg("-trusted")
            .arg(&anchor)
            .arg("-CRLfile")
            .arg(crl)
            .arg(&leaf);
        let output = command.output().unwrap();
        assert_eq!(output.status.success(), good, "{output:?}");
    }
    let pem = folder.join("evidence-root.pem");
    let mut command = Command::new(&openssl);
    command.args(["x509", "-inform", "DER", "-in"]).arg(&anchor);
    assert!(command.arg("-out").arg(&pem).status().unwrap().success());
    let answer = file("evidence.ocsp", &response().sign_der());
    let mut command = Command::new(&openssl);
    command.args(["ocsp", "-text", "-attime", &NOW.0.to_string()]);
    command.arg("-respin").arg(&answer).arg("-CAfile").arg(&pem);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("Response verify OK"), "{errors}");
    assert!(
        text.contains("Cert Status: revoked") && text.contains("keyCompromise"),
        "{text}"
    );
}

const TWICE: &str = "x509.duplicate_extension";
const VERSION: &str = "x509.version";
const MALFORMED: &str = "x509.malformed";
