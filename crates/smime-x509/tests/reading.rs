//! Certificates of other producers, sound and damaged, are read or refused as their suites say.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use smime_crypto::{CryptoProvider as _, RustCrypto, Signed, UnixTime};
use smime_testkit::{Differences, suite};
use smime_x509::{Certificate, CertificateRef, Purpose, check_fitness, check_import};

#[test]
fn the_parse_table_of_mbedtls_is_ours_but_for_the_listed_lines() {
    let Some(folder) = suite("mbedtls-x509") else {
        return;
    };
    let table = fs::read_to_string(folder.join("suites/test_suite_x509parse.data")).unwrap();
    let (mut name, mut differences) = ("", Differences::default());
    for line in table.lines() {
        let Some(arguments) = line.strip_prefix("x509parse_crt:\"") else {
            if !line.is_empty() && !line.starts_with("depends_on:") {
                name = line;
            }
            continue;
        };
        let hex = arguments.split('"').next().unwrap();
        let accepted = arguments.rsplit(':').next() == Some("0");
        let difference = match (accepted, Certificate::from_der(&bytes(hex))) {
            (true, Err(error)) => Some(error.to_string()),
            (false, Ok(_)) => Some("read, though the suite refuses it".to_owned()),
            (true, Ok(_)) | (false, Err(_)) => None,
        };
        differences.case(name, difference);
    }
    differences.check(
        "mbedtls-x509, x509parse_crt",
        include_str!("exceptions/mbedtls-x509-parse.json"),
    );
}

#[test]
fn certificates_damaged_on_purpose_are_refused() {
    let Some(folder) = suite("pyca-vectors") else {
        return;
    };
    for (file, code) in [
        ("badasn1time.pem", "x509.malformed"),
        ("custom/empty-eku.pem", "x509.malformed"),
        ("custom/inhibit_any_policy_negative.pem", "x509.malformed"),
        ("custom/invalid_version.pem", "x509.version"),
        ("custom/malformed-ian.pem", "x509.malformed"),
        ("custom/malformed-san.pem", "x509.malformed"),
        (
            "custom/mismatch_inner_outer_sig_algorithm.der",
            "x509.algorithm_mismatch",
        ),
        (
            "custom/two_basic_constraints.pem",
            "x509.duplicate_extension",
        ),
    ] {
        let content = fs::read(folder.join("x509").join(file)).unwrap();
        let der = der(&content);
        let error = Certificate::from_der(&der).map(|_| file).unwrap_err();
        assert_eq!(error.code(), code, "{file}");
    }
}

#[test]
fn every_root_of_the_bundles_is_read_and_has_signed_itself() {
    let Some(folder) = suite("ca-bundles") else {
        return;
    };
    let files = files(&folder.join("debian-ca-certificates"));
    let mut roots = 0;
    for file in files
        .iter()
        .filter(|it| it.extension().is_some_and(|it| it == "crt"))
    {
        let root = Certificate::from_der(&der(&fs::read(file).unwrap())).unwrap();
        assert!(root.is_self_issued() && root.is_ca(), "{}", file.display());
        let scheme = root.signature_scheme().unwrap();
        let signed = Signed::Message(root.tbs());
        let verified = RustCrypto.verify(root.public_key(), scheme, signed, root.signature());
        assert_eq!(verified, Ok(()), "{}", file.display());
        roots += 1;
    }
    assert!(roots > 100, "{roots}");
    println!("ca-bundles: {roots} of {roots} as expected");
}

#[test]
fn inputs_that_a_fuzzer_found_are_read_or_refused_at_once() {
    let Some(folder) = suite("openssl-fuzz") else {
        return;
    };
    let (mut all, mut read) = (0, 0);
    for name in ["x509", "asn1", "asn1parse", "crl", "cms"] {
        for file in files(&folder.join(name)) {
            all += 1;
            let Ok(certificate) = Certificate::from_der(&fs::read(&file).unwrap()) else {
                continue;
            };
            read += 1;
            assert!(!format!("{certificate:?}").contains(['\n', '\u{1b}']));
            ask_everything(&certificate.view());
            let _ = check_import(&certificate.view());
            for purpose in [Purpose::SignMail, Purpose::EncryptMail, Purpose::Any] {
                let _ = check_fitness(&certificate, purpose, UnixTime(0));
            }
        }
    }
    assert!(all > 5000 && read > 0, "{read} of {all}");
    println!("openssl-fuzz: {all} inputs, {read} of them certificates, no panic");
}

fn ask_everything(view: &CertificateRef<'_>) {
    let _ = format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        view.subject_alt_name(),
        view.issuer_alt_name(),
        view.name_constraints(),
        view.certificate_policies(),
        view.policy_mappings(),
        view.crl_distribution_points(),
        view.freshest_crl(),
        view.authority_info_access(),
    );
    let _ = (view.emails(), view.authority_key(), view.signature_scheme());
    assert!(view.subject().matches(view.subject()));
    assert!(view.issuer().is_within(view.issuer()));
    for extension in view.extension_list() {
        assert!(!extension.oid.to_string().is_empty());
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// Decodes PEM; other bytes are DER already.
fn der(file: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(file);
    let Some(start) = text.find("-----BEGIN CERTIFICATE-----") else {
        return file.to_vec();
    };
    pem_rfc7468::decode_vec(text[start..].trim().as_bytes())
        .unwrap()
        .1
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2)
        .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}
