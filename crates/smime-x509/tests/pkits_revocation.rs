//! The NIST path validation suite, the sections that only revocation can tell: each test with its
//! own certificates and CRLs, at its own time, every certificate proven not to be revoked.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{fs, path::Path};

use serde_json::Value;
use smime_crypto::{AlgorithmPolicy, RustCrypto, UnixTime};
use smime_testkit::suite;
use smime_x509::{
    Certificate, CertificateBundle, CertificatePolicy, ChainErrorKind, ChainVerifier, Crl, Purpose,
    Revocation, RevocationPolicy, TrustStore,
};

/// 2011-04-15T00:00:00Z, as the suite's expected.json says.
const AT: UnixTime = UnixTime(1_302_825_600);

#[test]
fn every_verdict_of_the_sections_on_revocation_is_that_of_the_suite() {
    let Some(folder) = suite("pkits") else { return };
    let expected = fs::read(folder.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    let mut judged = 0;
    let mut wrong = Vec::new();
    for test in expected["tests"].as_array().unwrap() {
        let id = test["id"].as_str().unwrap();
        if !SECTIONS.iter().any(|section| id.starts_with(section)) {
            continue;
        }
        judged += 1;
        let verdict = verdict(&folder, test, RevocationPolicy::Require);
        if verdict.is_ok() != test["expected_valid"].as_bool().unwrap() {
            wrong.push(format!("{id} {}: {verdict:?}", test["name"]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(judged, 79);
}

#[test]
fn what_is_listed_fails_as_revoked_and_what_is_not_known_as_unknown() {
    let Some(folder) = suite("pkits") else { return };
    let expected = fs::read(folder.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    for (id, revoked) in [
        ("4.4.1", false),
        ("4.4.2", true),
        ("4.4.3", true),
        ("4.4.4", false),
        ("4.4.5", false),
        ("4.4.11", false),
        ("4.5.2", true),
        ("4.14.2", true),
        ("4.14.3", false),
        ("4.14.16", true),
        ("4.14.26", false),
        ("4.14.31", true),
        ("4.15.1", false),
        ("4.15.3", true),
        ("4.15.9", true),
        ("4.15.10", false),
    ] {
        let tests = expected["tests"].as_array().unwrap();
        let test = tests.iter().find(|test| test["id"] == id).unwrap();
        let kind = verdict(&folder, test, RevocationPolicy::Require).unwrap_err();
        let as_told = match kind {
            ChainErrorKind::Revoked { at, .. } => revoked && at <= AT,
            ChainErrorKind::RevocationUnknown => !revoked,
            _ => false,
        };
        assert!(as_told, "{id}: {kind:?}");
    }
}

#[test]
fn without_revocation_the_same_paths_are_good() {
    let Some(folder) = suite("pkits") else { return };
    let expected = fs::read(folder.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    for id in ["4.4.1", "4.4.3", "4.14.2", "4.15.3", "4.14.31"] {
        let tests = expected["tests"].as_array().unwrap();
        let test = tests.iter().find(|test| test["id"] == id).unwrap();
        assert_eq!(
            verdict(&folder, test, RevocationPolicy::Off),
            Ok(()),
            "{id}"
        );
    }
}

fn verdict(folder: &Path, test: &Value, policy: RevocationPolicy) -> Result<(), ChainErrorKind> {
    let files = |kind: &str| -> Vec<Vec<u8>> {
        let names = test[kind].as_array().unwrap().iter();
        names
            .map(|name| fs::read(folder.join(kind).join(name.as_str().unwrap())).unwrap())
            .collect()
    };
    let mut certificates: Vec<_> = files("certs")
        .iter()
        .map(|der| Certificate::from_der(der).unwrap())
        .collect();
    let leaf = certificates.pop().unwrap();
    let anchors: TrustStore = [certificates.remove(0)].into_iter().collect();
    let pool: CertificateBundle = certificates.into_iter().collect();
    let mut revocation = Revocation::new(policy);
    for der in files("crls") {
        match Crl::from_der(&der) {
            Ok(crl) => revocation.add_crl(crl),
            // The signature of 4.4.4 was altered into a BIT STRING that is no signature's.
            Err(error) => assert_eq!((&test["id"], error.code()), (&"4.4.4".into(), MALFORMED)),
        }
    }
    let verifier = ChainVerifier {
        provider: &RustCrypto,
        algorithms: &AlgorithmPolicy::standard(),
        policy: &CertificatePolicy::standard(),
        anchors: &anchors,
        revocation: &revocation,
    };
    let found = verifier.verify(&leaf, Purpose::Any, &pool, AT);
    found.map(|_| ()).map_err(|error| error.kind)
}

const MALFORMED: &str = "x509.malformed";

/// Basic CRLs, self-issued certificates and their CRLs, cRLSign, distribution points, deltas.
const SECTIONS: [&str; 5] = ["4.4.", "4.5.", "4.7.", "4.14.", "4.15."];
