//! CRLs and OCSP responses of other authors get the verdict of their authors.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{fs, path::Path};

use serde_json::Value;
use smime_crypto::{AlgorithmPolicy, RustCrypto, UnixTime};
use smime_testkit::{Differences, suite};
use smime_x509::{
    Certificate, CertificateBundle, CertificatePolicy, ChainErrorKind, ChainVerifier, Crl,
    OcspResponse, Purpose, Revocation, RevocationPolicy, TrustStore,
};

#[test]
fn openssl_ocsp_responses_are_believed_as_openssl_believes_them() {
    let Some(folder) = suite("openssl-test") else {
        return;
    };
    let expected = fs::read(folder.join("expected-ocsp.json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    let folder = folder.join("ocsp-tests");
    let tests = expected["tests"].as_array().unwrap();
    assert_eq!(tests.len(), 59);
    let mut differences = Differences::default();
    for test in tests {
        let text = |field: &str| test[field].as_str().unwrap();
        let response = fs::read(folder.join(text("response"))).unwrap();
        let response = OcspResponse::from_der(&base64(&response)).unwrap();
        // The suite judges years after: what counts is who signed. We judge when it was said.
        let basic = response.basic().unwrap();
        let at = basic.responses().next().unwrap().this_update;
        let leaf = text("response").trim_end_matches(".ors");
        let leaf = leaf.rsplit('_').next().unwrap();
        let leaf = certificates(&folder.join(match leaf {
            "D2" | "ND2" => format!("{leaf}_Cert_ICA.pem"),
            _ => format!("{leaf}_Cert_EE.pem"),
        }))
        .remove(0);
        let anchors = certificates(&folder.join(text("ca"))).into_iter().collect();
        let pool = certificates(&folder.join(text("untrusted")))
            .into_iter()
            .collect();
        // Where the anchor is not the issuer nothing is known of what stands between.
        let policy = if text("ca") == "ND1_Cross_Root.pem" {
            RevocationPolicy::IfAvailable
        } else {
            RevocationPolicy::Require
        };
        let mut revocation = Revocation::new(policy);
        revocation.add_response(response.clone());
        let verdict = verdict(&leaf, &anchors, &pool, &revocation, at);
        let good = test["expected_valid"].as_bool().unwrap();
        let case = format!("{}: {}", text("group"), text("title"));
        match (good, verdict) {
            (false, Ok(())) => differences.wrongly_accepted(&case),
            (true, Err(why)) => differences.case(&case, Some(why.code().to_owned())),
            (true, Ok(())) | (false, Err(_)) => differences.case(&case, None),
        }
    }
    let exceptions = include_str!("exceptions/openssl-test-ocsp.json");
    differences.check("openssl-test, OCSP", exceptions);
}

#[test]
fn limbo_crls_have_the_verdict_of_limbo_under_either_policy() {
    let Some(folder) = suite("x509-limbo") else {
        return;
    };
    let limbo = fs::read(folder.join("limbo.json")).unwrap();
    let limbo: Value = serde_json::from_slice(&limbo).unwrap();
    let mut judged = 0;
    for test in limbo["testcases"].as_array().unwrap() {
        let id = test["id"].as_str().unwrap();
        if !id.starts_with("crl::") {
            continue;
        }
        let list = |field: &str| -> Vec<Vec<u8>> {
            let blocks = test[field].as_array().unwrap().iter();
            blocks
                .flat_map(|block| pem(block.as_str().unwrap().as_bytes()))
                .collect()
        };
        let read = |der: &Vec<u8>| Certificate::from_der(der).unwrap();
        let anchors = list("trusted_certs").iter().map(read).collect();
        let pool = list("untrusted_intermediates").iter().map(read).collect();
        let leaf = pem(test["peer_certificate"].as_str().unwrap().as_bytes());
        let leaf = read(&leaf[0]);
        let at = match test["validation_time"].as_str().unwrap() {
            "1970-01-01T00:00:03+00:00" => UnixTime(3),
            "2024-01-01T00:00:00+00:00" => UnixTime(1_704_067_200),
            other => panic!("{other}"),
        };
        for policy in [RevocationPolicy::IfAvailable, RevocationPolicy::Require] {
            let mut revocation = Revocation::new(policy);
            for der in list("crls") {
                revocation.add_crl(Crl::from_der(&der).unwrap());
            }
            let verdict = verdict(&leaf, &anchors, &pool, &revocation, at);
            let good = test["expected_result"] == "SUCCESS";
            assert_eq!(verdict.is_ok(), good, "{id} {policy:?}: {verdict:?}");
        }
        judged += 1;
    }
    assert_eq!(judged, 8);
}

#[test]
fn what_mbedtls_refuses_is_refused_and_what_it_reads_is_read() {
    let Some(folder) = suite("mbedtls-x509") else {
        return;
    };
    let table = fs::read_to_string(folder.join("suites/test_suite_x509parse.data")).unwrap();
    let (mut name, mut differences) = ("", Differences::default());
    for line in table.lines() {
        let (function, rest) = line.split_once(':').unwrap_or((line, ""));
        let argument = rest.split('"').nth(1).unwrap_or_default();
        let inputs = match function {
            "x509parse_crl" => vec![hex(argument)],
            "mbedtls_x509_crl_info" | "mbedtls_x509_crl_parse" => {
                let file = argument.trim_start_matches("../framework/");
                pem(&fs::read(folder.join(file)).unwrap())
            }
            "" | "depends_on" => continue,
            _ => {
                name = line;
                continue;
            }
        };
        let accepted = function == "mbedtls_x509_crl_info" || line.ends_with(":0");
        let ours = !inputs.is_empty() && inputs.iter().all(|der| Crl::from_der(der).is_ok());
        let difference = if ours { "read" } else { "refused" };
        differences.case(name, (ours != accepted).then(|| difference.to_owned()));
    }
    let exceptions = include_str!("exceptions/mbedtls-x509-crl.json");
    let right = differences.check("mbedtls-x509, x509parse_crl", exceptions);
    assert!(right >= 50, "{right}");
}

#[test]
fn fuzzed_crls_do_not_stop_the_reader() {
    let Some(folder) = suite("openssl-fuzz") else {
        return;
    };
    let (mut files, mut read) = (0, 0);
    for entry in fs::read_dir(folder.join("crl")).unwrap() {
        let input = fs::read(entry.unwrap().path()).unwrap();
        if let Ok(crl) = Crl::from_der(&input) {
            read += 1;
            for entry in crl.entries() {
                assert!(crl.with_serial(entry.serial).count() > 0);
            }
            let _ = format!("{crl:?} {:?}", crl.issuing_distribution_point());
        }
        let _ = OcspResponse::from_der(&input).is_ok();
        files += 1;
    }
    println!("{read} of {files} read");
    assert!(files > 2000 && read > 0);
}

fn verdict(
    leaf: &Certificate,
    anchors: &TrustStore,
    pool: &CertificateBundle,
    revocation: &Revocation,
    at: UnixTime,
) -> Result<(), ChainErrorKind> {
    let verifier = ChainVerifier {
        provider: &RustCrypto,
        algorithms: &AlgorithmPolicy::standard(),
        policy: &CertificatePolicy::standard(),
        anchors,
        revocation,
    };
    let found = verifier.verify(leaf, Purpose::Any, pool, at);
    found.map(|_| ()).map_err(|error| error.kind)
}

fn certificates(file: &Path) -> Vec<Certificate> {
    let ders = pem(&fs::read(file).unwrap());
    ders.iter()
        .map(|der| Certificate::from_der(der).unwrap())
        .collect()
}

fn pem(text: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(text);
    text.split("-----BEGIN ")
        .skip(1)
        .filter_map(|block| {
            let body = block.split_once("-----\n")?.1;
            Some(base64(body.split_once("\n-----END ")?.0.as_bytes()))
        })
        .collect()
}

fn base64(text: &[u8]) -> Vec<u8> {
    let values = text.iter().filter_map(|byte| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    });
    let (mut out, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for value in values {
        (bits, count) = (bits << 6 | u32::from(value), count + 6);
        if count >= 8 {
            count -= 8;
            out.push((bits >> count).to_be_bytes()[3]);
        }
    }
    out
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
