//! Paths of suites by other authors, judged as their authors do.
//!
//! Each suite has `exceptions/<suite>.json`, which lists the paths that must be accepted and are
//! not, and the families that are not judged; [`Differences`] tells its form. A path that is
//! accepted where it must not be cannot be excepted.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "conformance/limbo.rs"]
mod limbo;
#[path = "conformance/mbedtls.rs"]
mod mbedtls;
#[path = "conformance/openssl.rs"]
mod openssl;
#[path = "conformance/pkits.rs"]
mod pkits;

use std::{fs, path::Path};

use serde_json::Value;
use smime_crypto::{AlgorithmPolicy, Oid, UnixTime, fastest};
use smime_testkit::Differences;
use smime_x509::{
    Certificate, CertificateBundle, CertificatePolicy, ChainError, ChainRequest, ChainVerifier,
    PolicyInputs, Purpose, Revocation, TrustStore, VerifiedChain,
};

/// One path to judge, with what a suite says beside the certificates.
struct Case {
    anchors: TrustStore,
    pool: CertificateBundle,
    purpose: Purpose,
    at: UnixTime,
    policies: PolicyInputs,
    policy: CertificatePolicy,
    algorithms: AlgorithmPolicy,
}

impl Case {
    fn new(purpose: Purpose, at: UnixTime) -> Self {
        Self {
            anchors: TrustStore::new(),
            pool: CertificateBundle::new(),
            purpose,
            at,
            policies: PolicyInputs::default(),
            policy: CertificatePolicy::standard(),
            algorithms: AlgorithmPolicy::standard(),
        }
    }

    fn verify(&self, leaf: &Certificate) -> Result<VerifiedChain, ChainError> {
        let verifier = ChainVerifier {
            provider: fastest(),
            algorithms: &self.algorithms,
            policy: &self.policy,
            anchors: &self.anchors,
            revocation: &Revocation::off(),
        };
        let request = ChainRequest {
            purpose: self.purpose,
            pool: &self.pool,
            at: self.at,
            valid_at: self.at,
            policies: &self.policies,
        };
        verifier.verify_request(leaf, &request)
    }
}

/// Counts one path; `Err` says why it was not accepted.
fn judge(
    differences: &mut Differences,
    id: &str,
    accepted_by_suite: bool,
    result: Result<(), String>,
) {
    match (accepted_by_suite, result) {
        (false, Ok(())) => differences.wrongly_accepted(id),
        (true, Err(why)) => differences.case(id, Some(why)),
        (true, Ok(())) | (false, Err(_)) => differences.case(id, None),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// The strings of a list; none where there is no list.
fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn json(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

/// `2011-04-15T00:00:00Z`, also with `+00:00` or a fraction of a second, which is dropped.
fn time(rfc3339: &str) -> UnixTime {
    let number = |at: usize, length: usize| rfc3339[at..at + length].parse().unwrap();
    let small = |at| u8::try_from(number(at, 2)).unwrap();
    UnixTime::from_civil(
        number(0, 4),
        small(5),
        small(8),
        [small(11), small(14), small(17)],
    )
    .unwrap()
}

fn oid(dotted: &str) -> Oid {
    Oid::new(dotted)
}

/// The DER inside the PEM blocks of a text, with their labels.
fn blocks(text: &str) -> Vec<(String, Vec<u8>)> {
    let text = text.replace('\r', "");
    let mut blocks = Vec::new();
    for part in text.split("-----BEGIN ").skip(1) {
        let (label, rest) = part.split_once("-----").unwrap();
        let (base64, _) = rest.split_once("-----END").unwrap();
        let lines: String = base64.split_whitespace().collect();
        let folded: Vec<_> = lines
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        let pem = format!(
            "-----BEGIN X-----\n{}\n-----END X-----\n",
            folded.join("\n")
        );
        let (_, der) = pem_rfc7468::decode_vec(pem.as_bytes()).unwrap();
        blocks.push((label.to_owned(), der));
    }
    blocks
}
