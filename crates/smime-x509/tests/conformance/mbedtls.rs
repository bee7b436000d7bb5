//! The lines `x509_verify` of Mbed TLS that are about a path alone: without a CRL's word, a host
//! name or a callback that overrules.

use std::{collections::BTreeMap, fs, path::Path};

use smime_crypto::AlgorithmPolicy;
use smime_testkit::{Differences, NOW, suite};
use smime_x509::{Certificate, Purpose};

use super::{Case, blocks, judge};

/// What may stand in the expected flags; anything else is about CRLs, names or profiles.
const PATH_FLAGS: &[&str] = &[
    "0",
    "MBEDTLS_X509_BADCERT_EXPIRED",
    "MBEDTLS_X509_BADCERT_FUTURE",
    "MBEDTLS_X509_BADCERT_NOT_TRUSTED",
];

#[test]
fn mbedtls_paths_are_judged_as_its_tests_do() {
    let Some(folder) = suite("mbedtls-x509") else {
        return;
    };
    let tests = folder.join("suites/test_suite_x509parse.data");
    let mut lines = BTreeMap::new();
    for line in fs::read_to_string(tests).unwrap().lines() {
        let Some(arguments) = line.strip_prefix("x509_verify:") else {
            continue;
        };
        let arguments: Vec<_> = arguments
            .split(':')
            .map(|it| it.trim_matches('"'))
            .collect();
        let [leaf, anchor, _, name, _, flags, profile, callback] = arguments[..] else {
            continue;
        };
        let is_simple = name == "NULL" && callback == "NULL" && PATH_FLAGS.contains(&flags);
        if is_simple && matches!(profile, "" | "compat") {
            lines.insert(format!("{leaf} {anchor} {profile}"), flags == "0");
        }
    }
    let mut differences = Differences::default();
    for (line, expected) in lines {
        let line = line.replace("../framework/data_files/", "");
        let mut parts = line.split(' ');
        let [leaf, anchor, profile] = [(); 3].map(|()| parts.next().unwrap());
        let data = folder.join("data_files");
        let mut case = Case::new(Purpose::Any, NOW);
        if profile == "compat" {
            // The profile takes SHA-1.
            case.algorithms = AlgorithmPolicy::archive();
        }
        // No partial chains: what another has issued ends none.
        let anchors = certificates(&data.join(anchor)).into_iter();
        case.anchors = anchors.filter(Certificate::is_self_issued).collect();
        let result = match certificates(&data.join(leaf)).split_first() {
            None => Err("unreadable".to_owned()),
            Some((leaf, pool)) => {
                case.pool.extend(pool.iter().cloned());
                let result = case.verify(leaf).map(|_| ());
                result.map_err(|error| error.code().to_owned())
            }
        };
        judge(&mut differences, &line, expected, result);
    }
    let right = differences.check(
        "mbedtls-x509",
        include_str!("../exceptions/mbedtls-x509.json"),
    );
    assert_eq!(right, 57, "paths of the suite");
}

/// The certificates of a file that can be read.
fn certificates(file: &Path) -> Vec<Certificate> {
    let bytes = fs::read(file).unwrap();
    let ders = match std::str::from_utf8(&bytes) {
        Ok(text) => blocks(text).into_iter().map(|(_, der)| der).collect(),
        Err(_) => vec![bytes],
    };
    let read = |der: Vec<u8>| Certificate::from_der(&der).ok();
    ders.into_iter().filter_map(read).collect()
}
