//! Which lint of zlint for the S/MIME BR is which rule of ours.

pub(crate) const SMIME_BR: &[(&str, &str)] = &[
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
