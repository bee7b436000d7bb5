//! x509-limbo with the BetterTLS paths: everything but what is the web's alone.

use std::net::IpAddr;

use serde_json::Value;
use smime_testkit::{Differences, NOW, suite};
use smime_x509::{
    AnchorConstraints, Certificate, EmailAddress, GeneralName, ProfileRules, Purpose, SequenceOf,
};

use super::{Case, blocks, json, judge, text, texts, time};

/// Families that are not judged here; the exceptions say why.
const LEFT_OUT: [&str; 2] = ["webpki::", "crl::"];

#[test]
fn limbo_paths_are_judged_as_its_authors_do() {
    let Some(folder) = suite("x509-limbo") else {
        return;
    };
    let limbo = json(&folder.join("limbo.json"));
    let mut differences = Differences::default();
    for test in limbo["testcases"].as_array().unwrap() {
        let id = text(&test["id"]);
        if LEFT_OUT.iter().any(|family| id.starts_with(family)) {
            differences.case(id, Some("not judged".to_owned()));
            continue;
        }
        let expected = text(&test["expected_result"]) == "SUCCESS";
        judge(&mut differences, id, expected, verify(test));
    }
    let right = differences.check("x509-limbo", include_str!("../exceptions/x509-limbo.json"));
    assert_eq!(right, 223, "paths of the suite");
}

fn verify(test: &Value) -> Result<(), String> {
    let purpose = match texts(&test["extended_key_usage"])[..] {
        ["serverAuth"] => Purpose::TlsServer,
        ["clientAuth"] => Purpose::TlsClient,
        // The suite puts intermediates with another use beside the right ones.
        _ if text(&test["id"]).starts_with("bettertls::") => Purpose::TlsServer,
        _ => Purpose::Any,
    };
    let at = test["validation_time"].as_str().map_or(NOW, time);
    let mut case = Case::new(purpose, at);
    // The suite holds issuers to all of RFC 5280.
    case.policy.profile = ProfileRules::Refuse;
    // The suite does not count what is self-issued.
    let depth = test["max_chain_depth"].as_u64();
    let bounds = AnchorConstraints {
        path_length: depth.map(|depth| u32::try_from(depth).unwrap()),
        ..AnchorConstraints::default()
    };
    for pem in texts(&test["trusted_certs"]) {
        if let Ok(anchor) = certificate(pem) {
            case.anchors.add_constrained(anchor, bounds.clone());
        }
    }
    for pem in texts(&test["untrusted_intermediates"]) {
        case.pool.extend(certificate(pem));
    }
    let leaf = certificate(text(&test["peer_certificate"]))?;
    case.verify(&leaf)
        .map_err(|error| error.code().to_owned())?;
    let peers = test["expected_peer_names"].as_array();
    let peers = peers
        .into_iter()
        .flatten()
        .chain(Some(&test["expected_peer_name"]));
    for peer in peers.filter(|peer| !peer.is_null()) {
        if !is_named(&leaf, text(&peer["kind"]), text(&peer["value"])) {
            return Err(format!("not named {peer}"));
        }
    }
    Ok(())
}

fn certificate(pem: &str) -> Result<Certificate, String> {
    let blocks = blocks(pem);
    let (_, der) = &blocks[0];
    Certificate::from_der(der).map_err(|error| error.code().to_owned())
}

/// Matches hosts as RFC 6125 does, which the suite asks of whoever asks it.
fn is_named(leaf: &Certificate, kind: &str, name: &str) -> bool {
    let wanted_mail = EmailAddress::new(name).filter(|_| kind == "RFC822");
    if let Some(wanted) = wanted_mail {
        return leaf.emails().contains(&wanted);
    }
    let view = leaf.view();
    let names = view.subject_alt_name();
    let mut names = names.iter().flat_map(SequenceOf::iter);
    match kind {
        "DNS" => names.any(|it| matches!(it, GeneralName::DnsName(it) if is_host(it, name))),
        _ => {
            let octets = match name.parse::<IpAddr>().unwrap() {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            names.any(|it| matches!(it, GeneralName::IpAddress(it) if it == octets))
        }
    }
}

fn is_host(pattern: &[u8], host: &str) -> bool {
    let pattern = std::str::from_utf8(pattern).unwrap_or_default();
    let is_ldh = |it: &str| {
        it.chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
    };
    match pattern.strip_prefix("*.") {
        Some(parent) => {
            let rest = host.split_once('.').map(|(_, rest)| rest);
            is_ldh(parent) && rest.is_some_and(|rest| rest.eq_ignore_ascii_case(parent))
        }
        None => is_ldh(pattern) && pattern.eq_ignore_ascii_case(host),
    }
}
