//! The runs of `openssl verify` in OpenSSL's own tests, and its mail addresses beyond ASCII.

use std::{fs, path::Path};

use serde_json::Value;
use smime_crypto::{
    AlgorithmPolicy, Oid,
    asn1::{Reader, Tag},
};
use smime_testkit::{Differences, NOW, suite};
use smime_x509::{Certificate, ProfileRules, Purpose, TrustStore};

use super::{Case, blocks, json, judge, oid, text, texts, time};

const ANY_EXTENDED_KEY_USAGE: Oid = Oid::new("2.5.29.37.0");

#[test]
fn openssl_paths_are_judged_as_openssl_does() {
    let Some(folder) = suite("openssl-test") else {
        return;
    };
    let expected = json(&folder.join("expected-verify.json"));
    let certs = folder.join("certs");
    let mut differences = Differences::default();
    for test in expected["tests"].as_array().unwrap() {
        let run = Run::of(&certs, test);
        if run.is_left_out() {
            continue;
        }
        let expected = test["expected_valid"].as_bool().unwrap();
        let id = format!(
            "{}: {} {}",
            text(&test["description"]),
            text(&test["cert"]),
            texts(&test["trusted"]).join(" ")
        );
        judge(&mut differences, &id, expected, run.verify());
    }
    let right = differences.check(
        "openssl-test",
        include_str!("../exceptions/openssl-test.json"),
    );
    assert_eq!(right, 142, "paths of the suite");
}

#[test]
fn mailboxes_beyond_ascii_are_judged_by_constraints_on_their_hosts() {
    let Some(folder) = suite("openssl-test") else {
        return;
    };
    let folder = folder.join("eai_data");
    let at = time("2019-12-01T00:00:00Z");
    for (chain, leaf, expected) in [
        ("ascii_chain.pem", "ascii_leaf.pem", true),
        ("utf8_chain.pem", "utf8_leaf.pem", true),
        ("ascii_chain.pem", "utf8_leaf.pem", false),
        ("utf8_chain.pem", "ascii_leaf.pem", false),
    ] {
        let mut case = Case::new(Purpose::Any, at);
        for entry in entries(&folder.join(chain)) {
            if entry.certificate.is_self_issued() {
                case.anchors.add(entry.certificate);
            } else {
                case.pool.add(entry.certificate);
            }
        }
        // The chain ends below a root that is not there.
        if case.anchors.is_empty() {
            case.anchors = case.pool.iter().cloned().collect();
        }
        let leaf = entries(&folder.join(leaf)).remove(0).certificate;
        assert_eq!(case.verify(&leaf).is_ok(), expected, "{chain} {leaf:?}");
    }
}

#[test]
fn the_policy_trees_that_grew_exponentially_cost_little() {
    let Some(folder) = suite("openssl-test") else {
        return;
    };
    let folder = folder.join("policy_tree_data");
    for (chain, leaf) in [
        ("small_policy_tree.pem", "small_leaf.pem"),
        ("large_policy_tree.pem", "large_leaf.pem"),
    ] {
        let leaf = entries(&folder.join(leaf)).remove(0).certificate;
        let mut case = Case::new(Purpose::Any, leaf.not_before());
        case.policy.max_intermediates = u8::MAX;
        case.policies.explicit_policy = true;
        for entry in entries(&folder.join(chain)) {
            if entry.certificate.is_self_issued() {
                case.anchors.add(entry.certificate);
            } else {
                case.pool.add(entry.certificate);
            }
        }
        let chain = case.verify(&leaf).unwrap();
        assert!(!chain.policies().is_empty(), "{leaf:?}");
    }
}

/// One run of `openssl verify`.
struct Run<'a> {
    folder: &'a Path,
    leaf: &'a str,
    purpose: &'a str,
    trusted: Vec<&'a str>,
    untrusted: Vec<&'a str>,
    options: Vec<&'a str>,
}

impl<'a> Run<'a> {
    fn of(folder: &'a Path, test: &'a Value) -> Self {
        Self {
            folder,
            leaf: text(&test["cert"]),
            purpose: text(&test["purpose"]),
            trusted: texts(&test["trusted"]),
            untrusted: texts(&test["untrusted"]),
            options: texts(&test["opts"]),
        }
    }

    /// Two families of runs are about what OpenSSL does and no standard asks for, and one names a
    /// certificate that the suite does not hold.
    fn is_left_out(&self) -> bool {
        if !self.folder.join(self.leaf).exists() {
            return true;
        }
        // Security level 3 refuses RSA under 3072 bits; no policy of ours does.
        if self.value_of("-auth_level") == Some("3") {
            return true;
        }
        // OpenSSL takes the first issuer that the trusted files hold and tries no other; where an
        // intermediate is among them and the pool has another certificate of its key, a path
        // through that one is good.
        let untrusted: Vec<_> = self.files(&self.untrusted);
        let mut trusted = self.files(&self.trusted).into_iter();
        !self.has("-partial_chain")
            && trusted.any(|it| {
                let trusted = &it.certificate;
                !trusted.is_self_issued()
                    && untrusted.iter().any(|other| {
                        other.certificate.public_key() == trusted.public_key()
                            && other.certificate != *trusted
                    })
            })
    }

    fn verify(&self) -> Result<(), String> {
        let at = self.value_of("-attime").map_or(NOW, |seconds| {
            smime_crypto::UnixTime(seconds.parse().unwrap())
        });
        let (purpose, usage) = match self.purpose {
            "sslserver" => (Purpose::TlsServer, oid("1.3.6.1.5.5.7.3.1")),
            "sslclient" => (Purpose::TlsClient, oid("1.3.6.1.5.5.7.3.2")),
            "codesign" => (Purpose::SignCode, oid("1.3.6.1.5.5.7.3.3")),
            "timestampsign" => (Purpose::TimeStamp, oid("1.3.6.1.5.5.7.3.8")),
            _ => (Purpose::Any, ANY_EXTENDED_KEY_USAGE),
        };
        let mut case = Case::new(purpose, at);
        if self.has("-x509_strict") {
            case.policy.profile = ProfileRules::Refuse;
        }
        if self.value_of("-auth_level") == Some("0") {
            case.algorithms = AlgorithmPolicy::archive();
        }
        if let Some(depth) = self.value_of("-verify_depth") {
            case.policy.max_intermediates = depth.parse().unwrap();
        }
        case.policies.explicit_policy = self.has("-explicit_policy");
        case.policies
            .acceptable
            .extend(self.value_of("-policy").map(oid));
        for entry in self.files(&self.untrusted) {
            case.pool.add(entry.certificate);
        }
        for entry in self.files(&self.trusted) {
            let ends_a_path = entry.settle(&mut case.anchors, usage);
            if ends_a_path || self.has("-partial_chain") {
                case.anchors.add(entry.certificate);
            } else {
                case.pool.add(entry.certificate);
            }
        }
        let der = &blocks(&fs::read_to_string(self.folder.join(self.leaf)).unwrap())[0].1;
        let leaf = Certificate::from_der(der).map_err(|error| error.code().to_owned())?;
        case.verify(&leaf)
            .map(|_| ())
            .map_err(|error| error.code().to_owned())
    }

    fn files(&self, names: &[&str]) -> Vec<Entry> {
        names
            .iter()
            .flat_map(|name| entries(&self.folder.join(name)))
            .collect()
    }

    fn has(&self, option: &str) -> bool {
        self.options.contains(&option)
    }

    fn value_of(&self, option: &str) -> Option<&'a str> {
        let at = self.options.iter().position(|it| *it == option)?;
        self.options.get(at + 1).copied()
    }
}

/// A certificate and what OpenSSL writes behind it into a "trusted certificate": uses it is
/// trusted for, and uses it is not.
struct Entry {
    certificate: Certificate,
    trusted_for: Option<Vec<Oid>>,
    rejected_for: Vec<Oid>,
}

impl Entry {
    /// Says the same by what a trust store knows: a certificate that is not trusted for the use is
    /// distrusted for this run. Returns whether it ends a path.
    fn settle(&self, anchors: &mut TrustStore, usage: Oid) -> bool {
        let names =
            |list: &Vec<Oid>| list.contains(&ANY_EXTENDED_KEY_USAGE) || list.contains(&usage);
        let trusted = self.trusted_for.as_ref().map(names);
        let is_for_any_use = usage == ANY_EXTENDED_KEY_USAGE;
        if !is_for_any_use && (names(&self.rejected_for) || trusted == Some(false)) {
            anchors.distrust(self.certificate.fingerprint());
        }
        self.certificate.view().may_be_self_signed() || trusted == Some(true)
    }
}

/// The certificates of a file; those that cannot be read are left out.
fn entries(file: &Path) -> Vec<Entry> {
    let blocks = blocks(&fs::read_to_string(file).unwrap());
    blocks
        .into_iter()
        .filter(|(label, _)| label.ends_with("CERTIFICATE"))
        .filter_map(|(_, der)| entry(&der))
        .collect()
}

fn entry(der: &[u8]) -> Option<Entry> {
    let mut reader = Reader::new(der);
    let certificate = reader.read(Tag::SEQUENCE, "certificate").ok()?.raw;
    let mut entry = Entry {
        certificate: Certificate::from_der(certificate).ok()?,
        trusted_for: None,
        rejected_for: Vec::new(),
    };
    if let Ok(mut auxiliary) = reader.sequence("auxiliary") {
        let list = |field: smime_crypto::asn1::Element<'_>| {
            let mut reader = field.reader();
            std::iter::from_fn(|| reader.oid().ok()).collect::<Vec<_>>()
        };
        let trusted = auxiliary.optional(Tag::SEQUENCE, "trust").unwrap();
        entry.trusted_for = trusted.map(list);
        let rejected = auxiliary.optional(Tag::context_constructed(0), "reject");
        entry.rejected_for = rejected.unwrap().map(list).unwrap_or_default();
    }
    Some(entry)
}
