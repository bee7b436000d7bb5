//! The lints of zlint, as an oracle: where it finds an error or warns, the rule of ours for the
//! same clause finds something; where it finds nothing, or the rule does not apply or was not in
//! force, ours finds nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;
use smime_testkit::{Differences, suite};
use smime_x509::{CertificateRef, LintProfile, lint};

#[test]
fn the_smime_lints_agree_but_for_the_listed_reasons() {
    let Some(folder) = suite("zlint-smime") else {
        return;
    };
    let triples = triples(&folder);
    for triple in &triples {
        let known = SMIME_BR.iter().any(|(lint, _)| *lint == triple.lint);
        assert!(known, "no rule for {}", triple.lint);
    }
    assert_eq!(triples.len(), 239);
    judge(&folder, &triples, SMIME_BR).check("zlint-smime", "[]");
}

#[test]
fn the_lints_of_rfc_5280_that_are_ours_agree_but_for_the_listed_reasons() {
    let Some(folder) = suite("zlint-all") else {
        return;
    };
    let mut triples = triples(&folder);
    triples.retain(|triple| RFC_5280.iter().any(|(lint, _)| *lint == triple.lint));
    let lints: BTreeMap<_, _> = triples.iter().map(|it| (&it.lint, ())).collect();
    assert_eq!(lints.len(), RFC_5280.len(), "a lint that has no triple");
    let differences = judge(&folder, &triples, RFC_5280);
    differences.check("zlint-all", include_str!("exceptions/zlint-all.json"));
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

/// Compares, and prints the score of each lint.
fn judge(folder: &Path, triples: &[Triple], codes: &[(&str, &str)]) -> Differences {
    let (mut scores, mut differences) = (BTreeMap::new(), Differences::default());
    for triple in triples {
        let code = codes
            .iter()
            .find(|(lint, _)| *lint == triple.lint)
            .unwrap()
            .1;
        let found = findings(&folder.join("testdata").join(&triple.file));
        let expected = match &*triple.expected {
            "Error" | "Warn" | "Notice" => true,
            "Pass" | "NA" | "NE" => false,
            other => panic!("{other}"),
        };
        let agree = match &found {
            Ok(found) => found.iter().any(|it| is_of(it, code)) == expected,
            Err(refusal) => is_of(refusal, code) && expected,
        };
        let score: &mut (u32, u32) = scores.entry(&*triple.lint).or_default();
        score.1 += 1;
        score.0 += u32::from(agree);
        let difference = match found {
            _ if agree => None,
            Ok(found) => Some(found.join(", ")),
            Err(refusal) => Some(refusal.to_owned()),
        };
        differences.case(&format!("{} {}", triple.lint, triple.file), difference);
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

/// Returns the codes of the rules that a certificate breaks, or that of its refusal.
fn findings(path: &Path) -> Result<Vec<&'static str>, &'static str> {
    let der = der_of(path).unwrap();
    let certificate = CertificateRef::from_der(&der).map_err(|error| error.code())?;
    let findings = lint(&certificate, LintProfile::of(&certificate));
    Ok(findings.iter().map(|finding| finding.code).collect())
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

const SMIME_BR: &[(&str, &str)] = &[
    (
        "e_adobe_extensions_legacy_multipurpose_criticality",
        "smime_br.adobe.criticality",
    ),
    (
        "e_adobe_extensions_strict_presence",
        "smime_br.adobe.presence",
    ),
    (
        "e_authority_key_identifier_correct",
        "smime_br.authority_key_id.form",
    ),
    (
        "e_commonname_mailbox_validated",
        "smime_br.subject.mailbox_common_name",
    ),
    ("e_ec_other_key_usages", "smime_br.key_usage.ec_purpose"),
    ("e_ecpublickey_key_usages", "smime_br.key_usage.ec"),
    (
        "e_edwardspublickey_key_usages",
        "smime_br.key_usage.edwards",
    ),
    ("e_exactly_one_smime_policy", "smime_br.policy.exactly_one"),
    ("e_invalid_individual_identity", "smime_br.subject.person"),
    (
        "e_invalid_legacy_spki_algoid",
        "smime_br.key.algorithm_2023",
    ),
    ("e_invalid_spki_algoid", "smime_br.key.algorithm"),
    ("e_key_usage_presence", "smime_br.key_usage.presence"),
    (
        "e_legacy_generation_deprecated",
        "smime_br.policy.legacy_retired",
    ),
    ("e_legal_entity_identifier", "smime_br.lei."),
    (
        "e_mailbox_address_shall_contain_an_rfc822_name",
        "smime_br.subject.address_not_in_san",
    ),
    (
        "e_mailbox_validated_allowed_subjectdn_attributes",
        "smime_br.subject.mailbox_only",
    ),
    (
        "e_mailbox_validated_enforce_subject_field_restrictions",
        "smime_br.subject.mailbox_only",
    ),
    (
        "e_org_validated_invalid_cn",
        "smime_br.subject.organization_common_name",
    ),
    (
        "e_registration_scheme_id_matches_subject_country",
        "smime_br.subject.organization_id_country",
    ),
    (
        "e_rsa_key_usage_legacy_multipurpose",
        "smime_br.key_usage.rsa",
    ),
    ("e_rsa_key_usage_strict", "smime_br.key_usage.rsa_strict"),
    ("e_rsa_other_key_usages", "smime_br.key_usage.rsa_purpose"),
    ("e_san_shall_be_present", "smime_br.san.presence"),
    ("e_single_email_if_present", "smime_br.san.single_address"),
    (
        "e_single_email_subject_if_present",
        "smime_br.subject.single_address",
    ),
    (
        "e_smime_legacy_aia_shall_have_one_http",
        "smime_br.aia.http.some",
    ),
    (
        "e_smime_legacy_multipurpose_eku_check",
        "smime_br.extended_key_usage",
    ),
    (
        "e_smime_qc_statements_must_not_be_critical",
        "smime_br.qc_statements.criticality",
    ),
    (
        "e_smime_strict_aia_shall_have_http_only",
        "smime_br.aia.http.only",
    ),
    (
        "e_smime_strict_eku_check",
        "smime_br.extended_key_usage.strict",
    ),
    (
        "e_strict_multipurpose_smime_ext_subject_directory_attr",
        "smime_br.subject_directory_attributes",
    ),
    ("e_subject_country_name", "smime_br.subject.country"),
    (
        "e_subscribers_crl_distribution_points_are_http",
        "smime_br.crl.http.",
    ),
    (
        "e_subscribers_shall_have_crl_distribution_points",
        "smime_br.crl.presence",
    ),
    ("w_key_usage_criticality", "smime_br.key_usage.criticality"),
    ("w_san_should_not_be_critical", "smime_br.san.criticality"),
    (
        "w_smime_aia_contains_internal_names",
        "smime_br.aia.internal_name",
    ),
];

const RFC_5280: &[(&str, &str)] = &[
    (
        "e_basic_constraints_not_critical",
        "pkix.basic_constraints.criticality",
    ),
    ("e_ca_key_cert_sign_not_set", "pkix.key_usage.ca_cert_sign"),
    ("e_ca_key_usage_missing", "pkix.key_usage.ca_missing"),
    ("e_ca_subject_field_empty", "pkix.subject.ca_empty"),
    (
        "e_cert_contains_unique_identifier",
        "pkix.unique_identifier",
    ),
    ("e_cert_extensions_version_not_3", "x509.version"),
    (
        "e_cert_sig_alg_not_match_tbs_sig_alg",
        "x509.algorithm_mismatch",
    ),
    (
        "e_cert_unique_identifier_version_not_2_or_3",
        "x509.version",
    ),
    (
        "e_distribution_point_incomplete",
        "pkix.crl_distribution_points.incomplete",
    ),
    (
        "e_ext_aia_marked_critical",
        "pkix.authority_info_access.criticality",
    ),
    (
        "e_ext_authority_key_identifier_critical",
        "pkix.authority_key_id.criticality",
    ),
    (
        "e_ext_authority_key_identifier_no_key_identifier",
        "pkix.authority_key_id.missing",
    ),
    (
        "e_ext_cannot_be_empty_sequence",
        "pkix.extension.empty|x509.malformed",
    ),
    ("e_ext_cert_policy_duplicate", "pkix.policies.duplicate"),
    ("e_ext_duplicate_extension", "x509.duplicate_extension"),
    (
        "e_ext_freshest_crl_marked_critical",
        "pkix.freshest_crl.criticality",
    ),
    (
        "e_ext_ian_dns_not_ia5_string",
        "pkix.issuer_alt_name.dns_string",
    ),
    ("e_ext_ian_empty_name", "pkix.issuer_alt_name.empty_name"),
    ("e_ext_ian_no_entries", "x509.malformed"),
    (
        "e_ext_ian_rfc822_format_invalid",
        "pkix.issuer_alt_name.address",
    ),
    ("e_ext_ian_uri_not_ia5", "pkix.issuer_alt_name.uri_string"),
    (
        "e_ext_ian_uri_relative",
        "pkix.issuer_alt_name.uri_relative",
    ),
    (
        "e_ext_key_usage_cert_sign_without_ca",
        "pkix.key_usage.cert_sign_without_ca",
    ),
    ("e_ext_key_usage_without_bits", "pkix.key_usage.empty"),
    (
        "e_ext_name_constraints_not_critical",
        "pkix.name_constraints.criticality",
    ),
    (
        "e_ext_name_constraints_not_in_ca",
        "pkix.name_constraints.not_in_ca",
    ),
    (
        "e_ext_policy_constraints_empty",
        "pkix.policy_constraints.empty",
    ),
    (
        "e_ext_policy_constraints_not_critical",
        "pkix.policy_constraints.criticality",
    ),
    (
        "e_ext_policy_map_any_policy",
        "pkix.policy_mappings.any_policy",
    ),
    (
        "e_ext_san_dns_not_ia5_string",
        "pkix.subject_alt_name.dns_string",
    ),
    ("e_ext_san_empty_name", "pkix.subject_alt_name.empty_name"),
    ("e_ext_san_no_entries", "x509.malformed"),
    (
        "e_ext_san_not_critical_without_subject",
        "pkix.subject_alt_name.not_critical",
    ),
    (
        "e_ext_san_rfc822_format_invalid",
        "pkix.subject_alt_name.address",
    ),
    ("e_ext_san_uri_not_ia5", "pkix.subject_alt_name.uri_string"),
    (
        "e_ext_san_uri_relative",
        "pkix.subject_alt_name.uri_relative",
    ),
    (
        "e_ext_subject_directory_attr_critical",
        "pkix.subject_directory_attributes.criticality",
    ),
    (
        "e_ext_subject_key_identifier_critical",
        "pkix.subject_key_id.criticality",
    ),
    (
        "e_ext_subject_key_identifier_missing_ca",
        "pkix.subject_key_id.ca_missing",
    ),
    ("e_generalized_time_not_in_zulu", "x509.malformed"),
    ("e_incorrect_ku_encoding", "pkix.key_usage.encoding"),
    (
        "e_inhibit_any_policy_not_critical",
        "pkix.inhibit_any_policy.criticality",
    ),
    (
        "e_issuer_dn_country_not_printable_string",
        "pkix.issuer.country_string",
    ),
    ("e_issuer_field_empty", "pkix.issuer.empty"),
    ("e_name_constraint_empty", "pkix.name_constraints.empty"),
    (
        "e_name_constraint_maximum_not_absent",
        "pkix.name_constraints.subtree",
    ),
    (
        "e_name_constraint_minimum_non_zero",
        "pkix.name_constraints.subtree",
    ),
    (
        "e_path_len_constraint_improperly_included",
        "pkix.basic_constraints.path_length",
    ),
    (
        "e_serial_number_longer_than_20_octets",
        "pkix.serial.length",
    ),
    ("e_serial_number_not_positive", "pkix.serial.not_positive"),
    (
        "e_spki_rsa_encryption_parameter_not_null",
        "pkix.key.parameters",
    ),
    ("e_subject_common_name_max_length", "pkix.subject.length"),
    (
        "e_subject_dn_country_not_printable_string",
        "pkix.subject.country_string",
    ),
    (
        "e_subject_dn_not_printable_characters",
        "pkix.subject.control_characters",
    ),
    (
        "e_subject_dn_serial_number_max_length",
        "pkix.subject.length",
    ),
    ("e_subject_email_max_length", "pkix.subject.length"),
    ("e_subject_empty_without_san", "pkix.subject.empty"),
    ("e_subject_given_name_max_length", "pkix.subject.length"),
    (
        "e_subject_info_access_marked_critical",
        "pkix.subject_info_access.criticality",
    ),
    ("e_subject_locality_name_max_length", "pkix.subject.length"),
    (
        "e_subject_organization_name_max_length",
        "pkix.subject.length",
    ),
    (
        "e_subject_organizational_unit_name_max_length",
        "pkix.subject.length",
    ),
    ("e_subject_postal_code_max_length", "pkix.subject.length"),
    ("e_subject_state_name_max_length", "pkix.subject.length"),
    ("e_subject_street_address_max_length", "pkix.subject.length"),
    ("e_subject_surname_max_length", "pkix.subject.length"),
    ("e_superfluous_ku_encoding", "pkix.key_usage.encoding"),
    (
        "e_tbs_signature_rsa_encryption_parameter_not_null",
        "pkix.signature.parameters",
    ),
    ("e_utc_time_does_not_include_seconds", "x509.malformed"),
    ("e_utc_time_not_in_zulu", "x509.malformed"),
    ("e_validity_time_not_positive", "pkix.validity.order"),
    ("e_wrong_time_format_pre2050", "pkix.validity.time_type"),
    (
        "w_eku_critical_improperly",
        "pkix.extended_key_usage.criticality",
    ),
    (
        "w_ext_crl_distribution_marked_critical",
        "pkix.crl_distribution_points.criticality",
    ),
    ("w_ext_ian_critical", "pkix.issuer_alt_name.criticality"),
    ("w_ext_key_usage_not_critical", "pkix.key_usage.criticality"),
    (
        "w_ext_policy_map_not_critical",
        "pkix.policy_mappings.criticality",
    ),
    (
        "w_ext_policy_map_not_in_cert_policy",
        "pkix.policy_mappings.not_asserted",
    ),
    (
        "w_ext_san_critical_with_subject_dn",
        "pkix.subject_alt_name.criticality",
    ),
    (
        "w_ext_subject_key_identifier_missing_sub_cert",
        "pkix.subject_key_id.missing",
    ),
    ("w_issuer_dn_leading_whitespace", "pkix.issuer.blanks"),
    ("w_issuer_dn_trailing_whitespace", "pkix.issuer.blanks"),
    ("w_subject_dn_leading_whitespace", "pkix.subject.blanks"),
    ("w_subject_dn_trailing_whitespace", "pkix.subject.blanks"),
];
