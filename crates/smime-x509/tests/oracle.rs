//! Certificates of other producers are read as the crate x509-cert reads them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use smime_testkit::{Differences, suite};
use smime_x509::{Certificate, ParseError};
use x509_cert::der::{Decode, Encode};

#[test]
fn every_certificate_at_hand_reads_as_the_oracle_reads_it() {
    let suites = [
        "asn1crypto-fixtures",
        "ca-bundles",
        "lamps-rfc-examples",
        "mbedtls-x509",
        "mimekit",
        "openssl-test",
        "pkits",
        "pyca-vectors",
        "rustcrypto-formats",
        "thunderbird-smime",
        "zlint-all",
        "zlint-smime",
    ];
    let mut verdicts = BTreeMap::<String, (usize, String)>::new();
    for name in suites {
        let Some(folder) = suite(name) else { return };
        for file in files(&folder) {
            for der in certificates(&fs::read(&file).unwrap()) {
                let entry = verdicts.entry(compare(&der)).or_default();
                entry.0 += 1;
                let file = file.strip_prefix(&folder).unwrap().display();
                entry.1 = format!("{name}: {file}");
            }
        }
    }
    // We are stricter inside extensions, which the oracle does not open.
    let mut differences = Differences::default();
    for (verdict, (count, example)) in &verdicts {
        println!("{count:6} {verdict} ({example})");
        let difference =
            verdict.starts_with("refused by us") || verdict.starts_with("refused by the");
        differences.case(verdict, difference.then(|| example.clone()));
    }
    differences.check(
        "x509-cert, kinds of verdict",
        include_str!("exceptions/x509-cert.json"),
    );
}

fn compare(der: &[u8]) -> String {
    match (
        Certificate::from_der(der),
        x509_cert::Certificate::from_der(der),
    ) {
        (Ok(ours), Ok(theirs)) => {
            assert_same_values(&ours, &theirs);
            // The oracle keeps values, not bytes; where it would write them in another form there
            // are no bytes to compare.
            if theirs.to_der().is_ok_and(|theirs| theirs == der) {
                assert_same_bytes(&ours, &theirs);
                "same".to_owned()
            } else {
                "same values".to_owned()
            }
        }
        (Err(_), Err(_)) => "refused by both".to_owned(),
        (Err(ParseError::Malformed { what, .. }), Ok(_)) => format!("refused by us: {what}"),
        (Err(error), Ok(_)) => format!("refused by us: {}", error.code()),
        (Ok(_), Err(error)) => format!("refused by the oracle: {}", error.kind()),
    }
}

fn assert_same_bytes(ours: &Certificate, theirs: &x509_cert::Certificate) {
    let tbs = theirs.tbs_certificate();
    assert_eq!(ours.tbs(), tbs.to_der().unwrap());
    assert_eq!(ours.issuer().der(), tbs.issuer().to_der().unwrap());
    assert_eq!(ours.subject().der(), tbs.subject().to_der().unwrap());
    assert_eq!(
        ours.public_key().spki(),
        tbs.subject_public_key_info().to_der().unwrap()
    );
    assert_eq!(
        ours.signature_algorithm(),
        theirs.signature_algorithm().to_der().unwrap()
    );
}

fn assert_same_values(ours: &Certificate, theirs: &x509_cert::Certificate) {
    let tbs = theirs.tbs_certificate();
    assert_eq!(ours.serial(), tbs.serial_number().as_bytes());
    assert_eq!(ours.signature(), theirs.signature().as_bytes().unwrap());
    let seconds =
        |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_secs()).unwrap();
    assert_eq!(ours.not_before().0, seconds(tbs.validity().not_before));
    assert_eq!(ours.not_after().0, seconds(tbs.validity().not_after));
    let theirs = tbs.extensions().into_iter().flatten();
    let theirs: Vec<_> = theirs
        .map(|e| (e.extn_id.to_string(), e.critical, e.extn_value.as_bytes()))
        .collect();
    let ours: Vec<_> = ours
        .extension_list()
        .map(|e| (e.oid.to_string(), e.critical, e.value))
        .collect();
    assert_eq!(ours, theirs);
}

/// The certificates of a file: PEM blocks, or the file itself if it looks like DER.
fn certificates(content: &[u8]) -> Vec<Vec<u8>> {
    if content.starts_with(&[0x30, 0x82]) || content.starts_with(&[0x30, 0x81]) {
        return vec![content.to_vec()];
    }
    let text = String::from_utf8_lossy(content).replace('\r', "");
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    text.split(begin)
        .skip(1)
        .filter_map(|rest| {
            let block = format!("{begin}\n{}\n{end}\n", rest.split(end).next()?.trim());
            pem_rfc7468::decode_vec(block.as_bytes())
                .ok()
                .map(|(_, der)| der)
        })
        .collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}
