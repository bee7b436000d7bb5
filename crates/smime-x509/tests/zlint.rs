//! The lints of zlint, as an oracle: where it finds an error or warns, the rule of ours for the
//! same clause finds something; where it finds nothing, or the rule does not apply or was not in
//! force, ours finds nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "zlint/others.rs"]
mod others;
#[path = "zlint/smime_br.rs"]
mod smime_br;

use std::{collections::BTreeMap, fs, path::Path};

use others::{EVERY, MAIL_KEYS};
use serde_json::Value;
use smime_br::SMIME_BR;
use smime_crypto::{DigestAlgorithm, Oid, PublicKey, SignatureScheme, UnixTime, asn1::Writer};
use smime_testkit::{Differences, SeededRandom, TestKey, suite};
use smime_x509::{
    CertificateBuilder, CertificateRef, EMAIL_PROTECTION, LintProfile, Name, ParseError, lint,
};

#[test]
fn the_smime_lints_agree_but_for_the_listed_reasons() {
    let Some(folder) = suite("zlint-smime") else {
        return;
    };
    let triples = triples(&folder);
    assert_eq!(triples.len(), 239);
    let right = judge(&folder, &triples, SMIME_BR, &[]).check("zlint-smime", "[]");
    assert_eq!(right, 239);
}

#[test]
fn the_other_lints_agree_but_for_the_listed_reasons() {
    let Some(folder) = suite("zlint-all") else {
        return;
    };
    let triples = triples(&folder);
    assert_eq!(triples.len(), 1258);
    for (lint, _) in EVERY.iter().chain(MAIL_KEYS) {
        let known = triples.iter().any(|triple| triple.lint == *lint);
        assert!(known, "{lint} has no triple");
    }
    let differences = judge(&folder, &triples, EVERY, MAIL_KEYS);
    let right = differences.check("zlint-all", include_str!("exceptions/zlint-all.json"));
    assert_eq!(right, 269);
}

#[test]
fn no_certificate_of_the_suites_makes_a_rule_panic() {
    for suite_name in ["zlint-smime", "zlint-all"] {
        let Some(folder) = suite(suite_name) else {
            continue;
        };
        let mut read = 0;
        for entry in fs::read_dir(folder.join("testdata")).unwrap() {
            let path = entry.unwrap().path();
            let Some(der) = path.is_file().then(|| der_of(&path)).flatten() else {
                continue;
            };
            if let Ok(certificate) = CertificateRef::from_der(&der) {
                read += 1;
                for profile in LintProfile::all() {
                    for finding in lint(&certificate, profile) {
                        assert!(!finding.detail.chars().any(char::is_control));
                    }
                }
            }
        }
        assert!(read > 0);
    }
}

struct Triple {
    lint: String,
    file: String,
    expected: String,
}

impl Triple {
    fn rule<'a>(&self, table: &[(&str, &'a str)]) -> Option<&'a str> {
        let mut rules = table.iter();
        rules.find(|(lint, _)| *lint == self.lint).map(|it| it.1)
    }
}

fn triples(folder: &Path) -> Vec<Triple> {
    let text = fs::read_to_string(folder.join("expected.json")).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let field = |test: &Value, name: &str| test[name].as_str().unwrap().to_owned();
    let tests = value["tests"].as_array().unwrap();
    tests
        .iter()
        .map(|test| Triple {
            lint: field(test, "lint"),
            file: field(test, "file"),
            expected: field(test, "expected"),
        })
        .collect()
}

/// Compares, and prints the score of each lint that has a rule; of the others no triple is as
/// expected.
fn judge(
    folder: &Path,
    triples: &[Triple],
    every: &[(&str, &str)],
    mail_keys: &[(&str, &str)],
) -> Differences {
    let (mut scores, mut differences) = (BTreeMap::new(), Differences::default());
    for triple in triples {
        let case = format!("{} {}", triple.lint, triple.file);
        let der = der_of(&folder.join("testdata").join(&triple.file)).unwrap();
        let (code, found) = match (triple.rule(every), triple.rule(mail_keys)) {
            (Some(code), _) => (code, findings(&der)),
            (None, Some(code)) => (code, findings_about_key(&der)),
            (None, None) => {
                differences.case(&case, Some("no rule".to_owned()));
                continue;
            }
        };
        let expected = match &*triple.expected {
            "Error" | "Warn" | "Notice" => true,
            "Pass" | "NA" | "NE" => false,
            other => panic!("{other}"),
        };
        let agree = match &found {
            Ok(found) => found.iter().any(|it| is_of(it, code)) == expected,
            Err(refusal) => is_of(refusal.code(), code) && expected,
        };
        let score: &mut (u32, u32) = scores.entry(&*triple.lint).or_default();
        score.1 += 1;
        score.0 += u32::from(agree);
        let difference = match found {
            _ if agree => None,
            Ok(found) if expected => Some(format!("not found, but {}", found.join(", "))),
            Ok(mut found) => {
                found.retain(|it| is_of(it, code));
                Some(format!("found {}", found.join(", ")))
            }
            Err(ParseError::Malformed { what, .. }) => Some(format!("refused for {what}")),
            Err(refusal) => Some(format!("refused for {}", refusal.code())),
        };
        differences.case(&case, difference);
    }
    for (lint, (agreed, of)) in &scores {
        println!("{agreed:3}/{of:3} {lint}");
    }
    differences
}

/// Says whether a code is one of those wanted, which `|` parts, or of a family, whose name ends
/// with a dot.
fn is_of(code: &str, wanted: &str) -> bool {
    wanted
        .split('|')
        .any(|it| code == it || (it.ends_with('.') && code.starts_with(it)))
}

/// Returns the codes of the rules that a certificate breaks, or why it is refused.
fn findings(der: &[u8]) -> Result<Vec<&'static str>, ParseError> {
    let certificate = CertificateRef::from_der(der)?;
    let findings = lint(&certificate, LintProfile::of(&certificate));
    Ok(findings.iter().map(|finding| finding.code).collect())
}

/// The same of a strict mailbox certificate of 2026 with the key of this certificate.
fn findings_about_key(der: &[u8]) -> Result<Vec<&'static str>, ParseError> {
    let key = PublicKey::from_spki(CertificateRef::from_der(der)?.spki()).unwrap();
    let policies = Writer::encode(|w| {
        w.sequence(|w| w.sequence(|w| w.oid(Oid::new("2.23.140.1.5.1.3"))));
    });
    let (start, end) = (UnixTime(1_767_225_600), UnixTime(1_798_761_600));
    let builder = CertificateBuilder::new(Name::from_attributes(&[]), &key, start, end)
        .emails(&["a@example.com"])
        .extended_key_usage(&[EMAIL_PROTECTION])
        .extension(Oid::new("2.5.29.32"), false, &policies);
    let scheme = SignatureScheme::Ecdsa(DigestAlgorithm::Sha256);
    let (signer, random) = (TestKey::P256B.private(), SeededRandom::new(1));
    findings(builder.sign(signer, scheme, &random).unwrap().der())
}

fn der_of(path: &Path) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    let (_, text) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (text, _) = text.split_once("-----END CERTIFICATE-----")?;
    let (mut bits, mut count, mut der) = (0_u32, 0, Vec::new());
    for byte in text.bytes().filter(|byte| !b"=\r\n \t".contains(byte)) {
        let value = ALPHABET.iter().position(|known| *known == byte)?;
        bits = (bits << 6) | u32::try_from(value).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            der.push(u8::try_from((bits >> count) & 0xff).unwrap());
        }
    }
    Some(der)
}

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
