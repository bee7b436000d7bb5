//! Any tangle of certificates is searched to an end, and what is found is a path. Signatures are
//! believed, so that the search goes everywhere.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smime::{
    crypto::AlgorithmPolicy,
    x509::{
        CertificatePolicy, ChainRequest, ChainVerifier, PolicyInputs, Purpose, Revocation,
        TrustStore,
    },
};
use smime_testkit::{AcceptAll, Graph, NOW};

fuzz_target!(|bytes: &[u8]| {
    let Some((choices, bytes)) = bytes.split_first() else {
        return;
    };
    let Some(graph) = Graph::from_bytes(bytes) else {
        return;
    };
    let anchors: TrustStore = graph.anchors.iter().cloned().collect();
    let pool = graph.pool.iter().cloned().collect();
    let policies = PolicyInputs {
        explicit_policy: choices & 1 != 0,
        inhibit_mapping: choices & 2 != 0,
        inhibit_any: choices & 4 != 0,
        ..PolicyInputs::default()
    };
    let policy = CertificatePolicy::standard();
    let verifier = ChainVerifier {
        provider: &AcceptAll,
        algorithms: &AlgorithmPolicy::standard(),
        policy: &policy,
        anchors: &anchors,
        revocation: &Revocation::off(),
    };
    let request = ChainRequest {
        purpose: Purpose::Any,
        pool: &pool,
        at: NOW,
        valid_at: NOW,
        policies: &policies,
    };
    let result = verifier.verify_request(&graph.leaf, &request);
    let again = verifier.verify_request(&graph.leaf, &request);
    assert_eq!(result, again, "one question has one answer");
    let Ok(chain) = result else {
        return;
    };
    let path = chain.path();
    assert_eq!(
        path.first(),
        Some(&graph.leaf),
        "a path begins with its leaf"
    );
    assert!(path.len() <= 2 + usize::from(policy.max_intermediates));
    let anchor = path.last().expect("a path holds its leaf");
    assert!(anchors.contains(anchor), "a path ends at an anchor");
    for (place, pair) in path.windows(2).enumerate() {
        let [lower, issuer] = pair else { continue };
        assert!(lower.issuer().matches(issuer.subject()), "names chain");
        assert!(issuer.is_ca(), "authorities alone issue");
        let above = path.get(place + 1..).unwrap_or_default();
        assert!(!above.contains(lower), "no certificate stands there twice");
    }
});
