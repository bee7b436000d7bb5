//! The NIST path validation suite: no certificate it calls invalid is found good, but for what is
//! not checked yet, and valid ones are found good, but for what is refused yet.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;

use smime_crypto::{AlgorithmPolicy, RustCrypto};
use smime_testkit::{NOW, suite};
use smime_x509::{
    Certificate, CertificateBundle, CertificatePolicy, ChainErrorKind, ChainVerifier, Purpose,
    Revocation, TrustStore,
};

#[test]
fn pkits_verdicts_are_ours_but_for_the_listed_reasons() {
    let Some(folder) = suite("pkits") else { return };
    let mut anchors = TrustStore::new();
    let mut pool = CertificateBundle::new();
    let mut leaves = Vec::new();
    for entry in fs::read_dir(folder.join("certs")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let Ok(certificate) = Certificate::from_der(&fs::read(&path).unwrap()) else {
            continue;
        };
        if name.starts_with("TrustAnchorRoot") {
            anchors.add(certificate);
        } else if name.contains("EE") {
            leaves.push((name, certificate));
        } else {
            pool.add(certificate);
        }
    }
    leaves.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(anchors.len() == 1 && pool.len() > 100 && leaves.len() > 150);
    let (policy, algorithms) = (CertificatePolicy::standard(), AlgorithmPolicy::standard());
    let verifier = ChainVerifier {
        provider: &RustCrypto,
        algorithms: &algorithms,
        policy: &policy,
        anchors: &anchors,
        revocation: &Revocation::off(),
    };
    let mut wrongly_good = Vec::new();
    for (name, leaf) in leaves {
        let result = verifier.verify(&leaf, Purpose::Any, &pool, NOW);
        match (name.starts_with("Invalid"), result) {
            (true, Err(_)) | (false, Ok(_)) => {}
            (true, Ok(_)) => wrongly_good.push(name),
            (false, Err(error)) => {
                let unsupported = matches!(
                    error.kind,
                    ChainErrorKind::NameConstraintsUnsupported
                        | ChainErrorKind::PolicyConstraintsUnsupported
                );
                assert!(
                    unsupported || name.contains("DSA"),
                    "{} {name}",
                    error.code()
                );
            }
        }
    }
    assert_eq!(
        wrongly_good, REVOCATION,
        "a stale exception is a failure too"
    );
}

/// What only a CRL can tell, and CRLs are not read.
const REVOCATION: &[&str] = &[
    "InvalidBadCRLIssuerNameTest5EE",
    "InvalidBadCRLSignatureTest4EE",
    "InvalidBasicSelfIssuedCRLSigningKeyTest7EE",
    "InvalidBasicSelfIssuedNewWithOldTest5EE",
    "InvalidBasicSelfIssuedOldWithNewTest2EE",
    "InvalidIDPwithindirectCRLTest23EE",
    "InvalidIDPwithindirectCRLTest26EE",
    "InvalidLongSerialNumberTest18EE",
    "InvalidMissingCRLTest1EE",
    "InvalidNegativeSerialNumberTest15EE",
    "InvalidOldCRLnextUpdateTest11EE",
    "InvalidRevokedCATest2EE",
    "InvalidRevokedEETest3EE",
    "InvalidSeparateCertificateandCRLKeysTest20EE",
    "InvalidSeparateCertificateandCRLKeysTest21EE",
    "InvalidUnknownCRLEntryExtensionTest8EE",
    "InvalidUnknownCRLExtensionTest10EE",
    "InvalidUnknownCRLExtensionTest9EE",
    "InvalidWrongCRLTest6EE",
    "InvalidcRLIssuerTest27EE",
    "InvalidcRLIssuerTest31EE",
    "InvalidcRLIssuerTest32EE",
    "InvalidcRLIssuerTest34EE",
    "InvalidcRLIssuerTest35EE",
    "InvaliddeltaCRLIndicatorNoBaseTest1EE",
    "InvaliddeltaCRLTest10EE",
    "InvaliddeltaCRLTest3EE",
    "InvaliddeltaCRLTest4EE",
    "InvaliddeltaCRLTest6EE",
    "InvaliddeltaCRLTest9EE",
    "InvaliddistributionPointTest2EE",
    "InvaliddistributionPointTest3EE",
    "InvaliddistributionPointTest6EE",
    "InvaliddistributionPointTest8EE",
    "InvaliddistributionPointTest9EE",
    "InvalidkeyUsageCriticalcRLSignFalseTest4EE",
    "InvalidkeyUsageNotCriticalcRLSignFalseTest5EE",
    "InvalidonlyContainsAttributeCertsTest14EE",
    "InvalidonlyContainsCACertsTest12EE",
    "InvalidonlyContainsUserCertsTest11EE",
    "InvalidonlySomeReasonsTest15EE",
    "InvalidonlySomeReasonsTest16EE",
    "InvalidonlySomeReasonsTest17EE",
    "InvalidonlySomeReasonsTest20EE",
    "InvalidonlySomeReasonsTest21EE",
    "Invalidpre2000CRLnextUpdateTest12EE",
];
