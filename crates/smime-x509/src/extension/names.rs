use smime_crypto::Oid;

use crate::{Extension, oid};

impl Extension<'_> {
    /// Returns the name that its standard gives it, such as `keyUsage`.
    pub fn name(&self) -> Option<&'static str> {
        NAMES
            .iter()
            .find(|(oid, _)| *oid == self.oid)
            .map(|(_, name)| *name)
    }
}

/// Returns the name that its standard gives an extended key usage, such as `emailProtection`.
pub fn extended_key_usage_name(usage: Oid) -> Option<&'static str> {
    USAGES
        .iter()
        .find(|(oid, _)| *oid == usage)
        .map(|(_, name)| *name)
}

/// RFC 5280 §4.2.1.12; RFC 9336; what Microsoft and Adobe write.
const USAGES: &[(Oid, &str)] = &[
    (oid::ANY_EXTENDED_KEY_USAGE, "anyExtendedKeyUsage"),
    (Oid::new("1.3.6.1.5.5.7.3.1"), "serverAuth"),
    (Oid::new("1.3.6.1.5.5.7.3.2"), "clientAuth"),
    (Oid::new("1.3.6.1.5.5.7.3.3"), "codeSigning"),
    (oid::EMAIL_PROTECTION, "emailProtection"),
    (Oid::new("1.3.6.1.5.5.7.3.8"), "timeStamping"),
    (Oid::new("1.3.6.1.5.5.7.3.9"), "OCSPSigning"),
    (Oid::new("1.3.6.1.5.5.7.3.36"), "documentSigning"),
    (
        Oid::new("1.3.6.1.4.1.311.10.3.4"),
        "microsoftEncryptedFileSystem",
    ),
    (
        Oid::new("1.3.6.1.4.1.311.10.3.12"),
        "microsoftDocumentSigning",
    ),
    (
        Oid::new("1.3.6.1.4.1.311.20.2.2"),
        "microsoftSmartcardLogon",
    ),
    (
        Oid::new("1.2.840.113583.1.1.5"),
        "adobeAuthenticDocumentsTrust",
    ),
];

/// RFC 5280 §4.2.1 and §4.2.2; RFC 4262, RFC 3739 §3.2.6, RFC 6962 §3.3 and §3.1, RFC 6960 §4.2.2.2.1,
/// RFC 7633 §4; the legal entity identifier (ISO 17442-2); what Adobe, Microsoft and Netscape write.
const NAMES: &[(Oid, &str)] = &[
    (
        oid::SUBJECT_DIRECTORY_ATTRIBUTES,
        "subjectDirectoryAttributes",
    ),
    (oid::SUBJECT_KEY_ID, "subjectKeyIdentifier"),
    (oid::KEY_USAGE, "keyUsage"),
    (Oid::new("2.5.29.16"), "privateKeyUsagePeriod"),
    (oid::SUBJECT_ALT_NAME, "subjectAltName"),
    (oid::ISSUER_ALT_NAME, "issuerAltName"),
    (oid::BASIC_CONSTRAINTS, "basicConstraints"),
    (oid::NAME_CONSTRAINTS, "nameConstraints"),
    (oid::CRL_DISTRIBUTION_POINTS, "cRLDistributionPoints"),
    (oid::CERTIFICATE_POLICIES, "certificatePolicies"),
    (oid::POLICY_MAPPINGS, "policyMappings"),
    (oid::AUTHORITY_KEY_ID, "authorityKeyIdentifier"),
    (oid::POLICY_CONSTRAINTS, "policyConstraints"),
    (oid::EXTENDED_KEY_USAGE, "extKeyUsage"),
    (oid::FRESHEST_CRL, "freshestCRL"),
    (oid::INHIBIT_ANY_POLICY, "inhibitAnyPolicy"),
    (oid::AUTHORITY_INFO_ACCESS, "authorityInfoAccess"),
    (oid::SUBJECT_INFO_ACCESS, "subjectInfoAccess"),
    (oid::QC_STATEMENTS, "qcStatements"),
    (Oid::new("1.3.6.1.5.5.7.1.24"), "tlsFeature"),
    (Oid::new("1.3.6.1.5.5.7.48.1.5"), "ocspNoCheck"),
    (oid::SMIME_CAPABILITIES, "smimeCapabilities"),
    (oid::SCT_LIST, "signedCertificateTimestampList"),
    (Oid::new("1.3.6.1.4.1.11129.2.4.3"), "ctPoison"),
    (Oid::new("2.23.140.3.1"), "cabfOrganizationIdentifier"),
    (Oid::new("1.3.6.1.4.1.52266.1"), "legalEntityIdentifier"),
    (Oid::new("1.3.6.1.4.1.52266.2"), "legalEntityIdentifierRole"),
    (Oid::new("1.2.840.113583.1.1.9.1"), "adobeTimeStamp"),
    (Oid::new("1.2.840.113583.1.1.9.2"), "adobeArchiveRevInfo"),
    (Oid::new("1.3.6.1.4.1.311.20.2"), "microsoftCertificateType"),
    (Oid::new("1.3.6.1.4.1.311.21.1"), "microsoftCAVersion"),
    (
        Oid::new("1.3.6.1.4.1.311.21.7"),
        "microsoftCertificateTemplate",
    ),
    (
        Oid::new("1.3.6.1.4.1.311.21.10"),
        "microsoftApplicationPolicies",
    ),
    (
        Oid::new("1.3.6.1.4.1.311.25.2"),
        "microsoftSecurityIdentifier",
    ),
    (Oid::new("2.16.840.1.113730.1.1"), "netscapeCertType"),
    (Oid::new("2.16.840.1.113730.1.13"), "netscapeComment"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn extensions_have_one_name_each_and_unknown_ones_none() {
        let mut seen = HashSet::new();
        for (oid, name) in NAMES {
            assert!(seen.insert(*name), "{name}");
            let extension = Extension {
                oid: *oid,
                critical: false,
                value: &[],
            };
            assert_eq!(extension.name(), Some(*name));
        }
        for unknown in ["2.5.29", "2.5.29.1", "1.2.3"] {
            let extension = Extension {
                oid: Oid::new(unknown),
                critical: true,
                value: &[],
            };
            assert_eq!(extension.name(), None);
        }
    }
}
