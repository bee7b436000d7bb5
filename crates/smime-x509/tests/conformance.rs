//! Paths of suites by other authors, judged as their authors do.
//!
//! Each suite has `exceptions/<suite>.json`: a list of `{"id", "reason"}`, one for each path that
//! must be accepted and is not. An exception that is not needed any more fails the test, and a
//! path that is accepted where it must not be cannot be excepted.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "conformance/limbo.rs"]
mod limbo;
#[path = "conformance/mbedtls.rs"]
mod mbedtls;
#[path = "conformance/openssl.rs"]
mod openssl;
#[path = "conformance/pkits.rs"]
mod pkits;

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;
use smime_crypto::{AlgorithmPolicy, Oid, UnixTime, fastest};
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
            policies: &self.policies,
        };
        verifier.verify_request(leaf, &request)
    }
}

/// The results of one suite.
struct Score {
    suite: &'static str,
    exceptions: BTreeMap<String, String>,
    right: usize,
    excepted: usize,
    wrong: Vec<String>,
}

impl Score {
    fn of(suite: &'static str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/exceptions")
            .join(format!("{suite}.json"));
        let list: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let mut exceptions = BTreeMap::new();
        for entry in list.as_array().unwrap() {
            let [id, reason] = ["id", "reason"].map(|name| text(&entry[name]).to_owned());
            assert!(reason.len() > 10, "{id} is excepted without a reason");
            let before = exceptions.insert(id, reason);
            assert!(before.is_none(), "an exception that stands there twice");
        }
        Self {
            suite,
            exceptions,
            right: 0,
            excepted: 0,
            wrong: Vec::new(),
        }
    }

    /// Takes the result of one path; `Err` says why it was not accepted.
    fn take(&mut self, id: &str, expected: bool, result: Result<(), String>) {
        match (expected, result) {
            (false, Ok(())) => self.wrong.push(format!("{id}: wrongly accepted")),
            (true, Err(why)) if self.exceptions.remove(id).is_none() => {
                self.wrong.push(format!("{id}: wrongly refused, {why}"));
            }
            (true, Err(_)) => self.excepted += 1,
            _ => self.right += 1,
        }
    }

    /// Fails unless everything is as expected, and returns how many paths were judged right.
    fn settle(mut self) -> usize {
        let stale = self.exceptions.keys();
        self.wrong
            .extend(stale.map(|id| format!("{id}: an exception that is not needed")));
        println!(
            "{}: {} right, {} excepted",
            self.suite, self.right, self.excepted
        );
        assert!(
            self.wrong.is_empty(),
            "{}:\n{}",
            self.suite,
            self.wrong.join("\n")
        );
        self.right
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
