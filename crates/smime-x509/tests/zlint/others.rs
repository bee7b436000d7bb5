//! Which lint of zlint for RFC 5280, and for other rule books that say the same, is which rule of
//! ours.

/// Rules that bind every certificate.
pub(crate) const EVERY: &[(&str, &str)] = &[
    (
        "e_basic_constr_invalid_der",
        "pkix.basic_constraints.encoding",
    ),
    (
        "e_basic_constraints_not_critical",
        "pkix.basic_constraints.criticality",
    ),
    ("e_ca_invalid_eku", "smime_br.ca.extended_key_usage"),
    ("e_ca_is_ca", "pkix.key_usage.cert_sign_without_ca"),
    ("e_ca_key_cert_sign_not_set", "pkix.key_usage.ca_cert_sign"),
    ("e_ca_key_usage_missing", "pkix.key_usage.ca_missing"),
    ("e_ca_key_usage_not_critical", "pkix.key_usage.criticality"),
    ("e_ca_subject_field_empty", "pkix.subject.ca_empty"),
    (
        "e_cert_contains_unique_identifier",
        "pkix.unique_identifier",
    ),
    ("e_cert_ext_invalid_der", "pkix.extension.critical_encoding"),
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
        "e_dnsname_bad_character_in_label",
        "pkix.subject_alt_name.dns_syntax",
    ),
    ("e_dnsname_empty_label", "pkix.subject_alt_name.dns_syntax"),
    (
        "e_dnsname_hyphen_in_sld",
        "pkix.subject_alt_name.dns_syntax",
    ),
    (
        "e_dnsname_label_too_long",
        "pkix.subject_alt_name.dns_syntax",
    ),
    (
        "e_dnsname_left_label_wildcard_correct",
        "pkix.subject_alt_name.dns_syntax",
    ),
    (
        "e_dnsname_underscore_in_sld",
        "pkix.subject_alt_name.dns_syntax",
    ),
    (
        "e_dnsname_wildcard_only_in_left_label",
        "pkix.subject_alt_name.dns_syntax",
    ),
    ("e_ecdsa_allowed_ku", "pkix.key_usage.ec"),
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
    (
        "e_ext_cert_policy_disallowed_any_policy_qualifier",
        "pkix.policies.any_policy_qualifier",
    ),
    ("e_ext_cert_policy_duplicate", "pkix.policies.duplicate"),
    (
        "e_ext_cert_policy_explicit_text_ia5_string",
        "pkix.policies.text_string",
    ),
    (
        "e_ext_cert_policy_explicit_text_too_long",
        "pkix.policies.text_length",
    ),
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
    (
        "e_ext_ian_space_dns_name",
        "pkix.issuer_alt_name.dns_syntax",
    ),
    ("e_ext_ian_uri_format_invalid", IAN_URI),
    ("e_ext_ian_uri_host_not_fqdn_or_ip", IAN_URI),
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
        "e_ext_san_dns_name_too_long",
        "pkix.subject_alt_name.dns_syntax",
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
    (
        "e_ext_san_space_dns_name",
        "pkix.subject_alt_name.dns_syntax",
    ),
    ("e_ext_san_uri_format_invalid", SAN_URI),
    ("e_ext_san_uri_host_not_fqdn_or_ip", SAN_URI),
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
    ("e_ian_bare_wildcard", "pkix.issuer_alt_name.dns_syntax"),
    (
        "e_ian_dns_name_includes_null_char",
        "pkix.issuer_alt_name.dns_syntax",
    ),
    (
        "e_ian_dns_name_starts_with_period",
        "pkix.issuer_alt_name.dns_syntax",
    ),
    (
        "e_ian_wildcard_not_first",
        "pkix.issuer_alt_name.dns_syntax",
    ),
    ("e_incorrect_ku_encoding", "pkix.key_usage.encoding"),
    (
        "e_inhibit_any_policy_not_critical",
        "pkix.inhibit_any_policy.criticality",
    ),
    ("e_invalid_certificate_version", "x509.version"),
    (
        "e_issuer_dn_country_not_printable_string",
        "pkix.issuer.country_string",
    ),
    ("e_issuer_field_empty", "pkix.issuer.empty"),
    (
        "e_key_usage_and_extended_key_usage_inconsistent",
        "pkix.extended_key_usage.inconsistent",
    ),
    ("e_key_usage_incorrect_length", "pkix.key_usage.unknown_bit"),
    ("e_mp_exponent_cannot_be_one", "pkix.key.rsa_exponent"),
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
        "e_name_constraint_not_fqdn",
        "pkix.name_constraints.uri_host",
    ),
    (
        "e_no_underscores_before_1_6_2",
        "pkix.subject_alt_name.dns_syntax",
    ),
    (
        "e_path_len_constraint_improperly_included",
        "pkix.basic_constraints.path_length",
    ),
    ("e_path_len_constraint_zero_or_less", "x509.malformed"),
    (
        "e_rfc_dnsname_empty_label",
        "pkix.subject_alt_name.dns_syntax",
    ),
    (
        "e_rfc_dnsname_hyphen_in_sld",
        "pkix.subject_alt_name.dns_syntax",
    ),
    (
        "e_rfc_dnsname_label_too_long",
        "pkix.subject_alt_name.dns_syntax",
    ),
    (
        "e_rfc_dnsname_underscore_in_sld",
        "pkix.subject_alt_name.dns_syntax",
    ),
    (
        "e_root_ca_key_usage_must_be_critical",
        "pkix.key_usage.criticality",
    ),
    ("e_root_ca_key_usage_present", "pkix.key_usage.ca_missing"),
    ("e_rsa_allowed_ku_ca", "pkix.key_usage.rsa"),
    ("e_rsa_allowed_ku_ee", "pkix.key_usage.rsa"),
    (
        "e_rsa_allowed_ku_no_encipherment_ca",
        "pkix.key_usage.rsa_authority",
    ),
    ("e_rsa_exp_negative", "x509.malformed"),
    ("e_rsa_public_exponent_not_odd", "pkix.key.rsa_exponent"),
    ("e_rsa_public_exponent_too_small", "pkix.key.rsa_exponent"),
    ("e_san_bare_wildcard", "pkix.subject_alt_name.dns_syntax"),
    (
        "e_san_dns_name_includes_null_char",
        "pkix.subject_alt_name.dns_syntax",
    ),
    (
        "e_san_dns_name_starts_with_period",
        "pkix.subject_alt_name.dns_syntax",
    ),
    (
        "e_san_wildcard_not_first",
        "pkix.subject_alt_name.dns_syntax",
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
    (
        "e_sub_ca_aia_marked_critical",
        "pkix.authority_info_access.criticality",
    ),
    (
        "e_sub_ca_crl_distribution_points_does_not_contain_url",
        "pkix.crl_distribution_points.location",
    ),
    (
        "e_sub_ca_crl_distribution_points_marked_critical",
        "pkix.crl_distribution_points.criticality",
    ),
    (
        "e_sub_cert_aia_marked_critical",
        "pkix.authority_info_access.criticality",
    ),
    (
        "e_sub_cert_crl_distribution_points_does_not_contain_url",
        "pkix.crl_distribution_points.location",
    ),
    (
        "e_sub_cert_crl_distribution_points_marked_critical",
        "pkix.crl_distribution_points.criticality",
    ),
    (
        "e_sub_cert_key_usage_cert_sign_bit_set",
        "pkix.key_usage.cert_sign_without_ca",
    ),
    ("e_subj_email_not_in_san", "pkix.subject.email_not_in_san"),
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
    (
        "e_underscore_not_permissible_in_dnsname",
        "pkix.subject_alt_name.dns_syntax",
    ),
    ("e_utc_time_does_not_include_seconds", "x509.malformed"),
    ("e_utc_time_not_in_zulu", "x509.malformed"),
    ("e_validity_time_not_positive", "pkix.validity.order"),
    ("e_wrong_time_format_pre2050", "pkix.validity.time_type"),
    (
        "w_distribution_point_missing_ldap_or_uri",
        "pkix.crl_distribution_points.location",
    ),
    (
        "w_dnsname_underscore_in_trd",
        "pkix.subject_alt_name.dns_syntax",
    ),
    (
        "w_eku_critical_improperly",
        "pkix.extended_key_usage.criticality",
    ),
    (
        "w_ext_aia_access_location_missing",
        "pkix.authority_info_access.location",
    ),
    (
        "w_ext_cert_policy_contains_noticeref",
        "pkix.policies.notice_reference",
    ),
    (
        "w_ext_cert_policy_explicit_text_includes_control",
        "pkix.policies.text_control_characters",
    ),
    (
        "w_ext_cert_policy_explicit_text_not_utf8",
        "pkix.policies.text_utf8",
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
    (
        "w_name_constraint_on_edi_party_name",
        "pkix.name_constraints.name_form",
    ),
    (
        "w_name_constraint_on_registered_id",
        "pkix.name_constraints.name_form",
    ),
    (
        "w_name_constraint_on_x400",
        "pkix.name_constraints.name_form",
    ),
    (
        "w_rfc_dnsname_underscore_in_trd",
        "pkix.subject_alt_name.dns_syntax",
    ),
    ("w_rsa_mod_not_odd", "pkix.key.rsa_modulus"),
    (
        "w_sub_ca_name_constraints_not_critical",
        "pkix.name_constraints.criticality",
    ),
    ("w_subject_dn_leading_whitespace", "pkix.subject.blanks"),
    ("w_subject_dn_trailing_whitespace", "pkix.subject.blanks"),
];

/// Rules of the S/MIME BR for keys, which bind a certificate for mail with the same key.
pub(crate) const MAIL_KEYS: &[(&str, &str)] = &[
    ("e_br_prohibit_dsa_usage", "smime_br.key.algorithm"),
    ("e_ec_improper_curves", "smime_br.key.algorithm"),
    (
        "e_mp_modulus_must_be_2048_bits_or_more",
        "smime_br.key.rsa_size",
    ),
    (
        "e_mp_modulus_must_be_divisible_by_8",
        "smime_br.key.rsa_size",
    ),
    ("e_prohibit_dsa_usage", "smime_br.key.algorithm"),
    ("e_public_key_type_not_allowed", "smime_br.key.algorithm"),
    ("e_rsa_mod_less_than_2048_bits", "smime_br.key.rsa_size"),
    (
        "w_rsa_mod_factors_smaller_than_752",
        "smime_br.key.rsa_modulus",
    ),
    (
        "w_rsa_public_exponent_not_in_range",
        "smime_br.key.rsa_exponent|smime_br.key.rsa_exponent_range",
    ),
];

/// What is no URI with a host breaks one of three rules.
const SAN_URI: &str = "pkix.subject_alt_name.uri_syntax|pkix.subject_alt_name.uri_relative|\
     pkix.subject_alt_name.uri_host";
const IAN_URI: &str = "pkix.issuer_alt_name.uri_syntax|pkix.issuer_alt_name.uri_relative|\
     pkix.issuer_alt_name.uri_host";
