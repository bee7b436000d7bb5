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
    let mut verdicts = BTreeMap::<&str, usize>::new();
    let mut differences = Differences::default();
    for name in suites {
        let Some(folder) = suite(name) else { return };
        for file in files(&folder) {
            let place = file.strip_prefix(&folder).unwrap().display();
            for (number, der) in certificates(&fs::read(&file).unwrap()).iter().enumerate() {
                let verdict = compare(der);
                *verdicts.entry(verdict.kind()).or_default() += 1;
                let case = format!("{name}: {place}, certificate {}", number + 1);
                differences.case(&case, verdict.difference());
            }
        }
    }
    println!("{verdicts:?}");
    differences.check("x509-cert", include_str!("exceptions/x509-cert.json"));
}

/// How two readers find one certificate.
enum Verdict {
    Same,
    /// With the same values; the oracle would write it in another form.
    SameValues,
    RefusedByBoth,
    RefusedByUs(String),
    RefusedByOracle(String),
}

impl Verdict {
    fn kind(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::SameValues => "same values",
            Self::RefusedByBoth => "refused by both",
            Self::RefusedByUs(_) => "refused by us",
            Self::RefusedByOracle(_) => "refused by the oracle",
        }
    }

    fn difference(&self) -> Option<String> {
        match self {
            Self::Same | Self::SameValues | Self::RefusedByBoth => None,
            Self::RefusedByUs(why) | Self::RefusedByOracle(why) => {
                Some(format!("{}: {why}", self.kind()))
            }
        }
    }
}

fn compare(der: &[u8]) -> Verdict {
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
                Verdict::Same
            } else {
                Verdict::SameValues
            }
        }
        (Err(_), Err(_)) => Verdict::RefusedByBoth,
        (Err(ParseError::Malformed { what, .. }), Ok(_)) => Verdict::RefusedByUs(what.to_owned()),
        (Err(error), Ok(_)) => Verdict::RefusedByUs(error.code().to_owned()),
        (Ok(_), Err(error)) => Verdict::RefusedByOracle(error.kind().to_string()),
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
