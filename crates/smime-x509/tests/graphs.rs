//! In small tangles of certificates the search finds a path exactly where trying all of them finds
//! one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;
use smime_crypto::{AlgorithmPolicy, CryptoProvider as _, RustCrypto, Signed};
use smime_testkit::{GRAPH_POLICY, Graph, NOW};
use smime_x509::{
    Certificate, CertificatePolicy, ChainErrorKind, ChainRequest, ChainVerifier, GeneralName,
    PolicyInputs, Purpose, Revocation, SequenceOf, TrustStore,
};

/// How deep the paths of these tests go; a tangle has more certificates than that.
const DEPTH: usize = 4;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_path_is_found_where_there_is_one_and_only_there(
        leaf in any::<[u8; 4]>(),
        others in prop::collection::vec(description(), 1..11),
        explicit_policy in any::<bool>(),
    ) {
        let bytes: Vec<u8> = std::iter::once(leaf).chain(others).flatten().collect();
        let graph = Graph::from_bytes(&bytes).unwrap();
        let anchors: TrustStore = graph.anchors.iter().cloned().collect();
        let pool = graph.pool.iter().cloned().collect();
        let policy = CertificatePolicy {
            max_intermediates: u8::try_from(DEPTH).unwrap(),
            ..CertificatePolicy::standard()
        };
        let verifier = ChainVerifier {
            provider: &RustCrypto,
            algorithms: &AlgorithmPolicy::standard(),
            policy: &policy,
            anchors: &anchors,
            revocation: &Revocation::off(),
        };
        let policies = PolicyInputs { explicit_policy, ..PolicyInputs::default() };
        let request = ChainRequest { purpose: Purpose::Any, pool: &pool, at: NOW, valid_at: NOW, policies: &policies };
        let found = verifier.verify_request(&graph.leaf, &request);
        let mut path = vec![graph.leaf.clone()];
        let exists = anchors.contains(&graph.leaf) || any_path(&graph, &mut path, explicit_policy);
        match found {
            Ok(chain) => {
                prop_assert!(exists);
                let path = chain.path();
                prop_assert!(is_good(path, explicit_policy), "{path:?}");
            }
            Err(error) => {
                prop_assert_ne!(&error.kind, &ChainErrorKind::BudgetExhausted);
                prop_assert!(!exists, "{:?}", error.kind);
            }
        }
    }
}

/// Mostly signed by whom it names, mostly authorities, every third one an anchor.
fn description() -> impl Strategy<Value = [u8; 4]> {
    let odd = prop::sample::select(vec![0, 0, 0, 2, 2, 2, 4, 8, 0x40]);
    let anchor = prop::sample::select(vec![0, 0, 0x80]);
    let limits = prop_oneof![Just(0), any::<u8>()];
    (any::<u8>(), limits, any::<u8>(), odd, anchor)
        .prop_map(|(names, limits, mails, odd, anchor)| [names, limits, mails, odd | anchor])
}

/// Tries every path upwards from the last certificate.
fn any_path(graph: &Graph, path: &mut Vec<Certificate>, explicit: bool) -> bool {
    let lower = path.last().unwrap().clone();
    let may_have_issued =
        |it: &&Certificate| it.subject().matches(lower.issuer()) && !path.contains(it);
    let anchors: Vec<_> = graph.anchors.iter().filter(may_have_issued).collect();
    let pool = graph.pool.iter().filter(|it| !graph.anchors.contains(it));
    let pool: Vec<_> = pool.filter(may_have_issued).collect();
    for anchor in anchors {
        path.push(anchor.clone());
        let good = is_good(path, explicit);
        path.pop();
        if good {
            return true;
        }
    }
    for issuer in pool {
        if path.len() <= DEPTH {
            path.push(issuer.clone());
            let good = any_path(graph, path, explicit);
            path.pop();
            if good {
                return true;
            }
        }
    }
    false
}

/// The rules that graphs can break, as plainly as they can be written.
fn is_good(path: &[Certificate], explicit: bool) -> bool {
    let leaf = &path[0];
    let pairs = path.iter().zip(&path[1..]);
    let signed = pairs.clone().all(|(lower, issuer)| {
        lower.issuer().matches(issuer.subject())
            && lower.signature_scheme().is_ok_and(|scheme| {
                let signed = Signed::Message(lower.tbs());
                RustCrypto
                    .verify(issuer.public_key(), scheme, signed, lower.signature())
                    .is_ok()
            })
    });
    let issuers = path.iter().enumerate().skip(1);
    let bounded = issuers.clone().all(|(place, issuer)| {
        let below = &path[1..place];
        let counted = below.iter().filter(|it| !it.is_self_issued()).count();
        let length = issuer.basic_constraints().unwrap().path_length;
        let names = path[..place]
            .iter()
            .filter(|it| *it == leaf || !it.is_self_issued());
        issuer.is_ca()
            && length.is_none_or(|length| usize::try_from(length).unwrap() >= counted)
            && names.clone().all(|lower| permits(issuer, lower))
    });
    let below_anchor = match path {
        [_] => path,
        _ => &path[..path.len() - 1],
    };
    let has_policy = below_anchor.iter().all(|it| {
        let policies = it.view().certificate_policies();
        policies.is_some_and(|list| list.iter().any(|it| it.policy == GRAPH_POLICY))
    });
    signed && bounded && (!explicit || has_policy)
}

fn permits(issuer: &Certificate, lower: &Certificate) -> bool {
    let Some(constraints) = issuer.view().name_constraints() else {
        return true;
    };
    let view = lower.view();
    let hosts: Vec<_> = view
        .san_emails()
        .map(|email| email.split_once('@').unwrap().1.as_bytes())
        .collect();
    let is_base = |base: &GeneralName<'_>, host: &[u8]| matches!(base, GeneralName::Rfc822Name(base) if *base == host);
    let covers = |list: &Option<SequenceOf<'_, _>>, host: &[u8]| {
        list.iter()
            .flat_map(SequenceOf::iter)
            .any(|subtree: smime_x509::GeneralSubtree<'_>| is_base(&subtree.base, host))
    };
    hosts.iter().all(|host| {
        !covers(&constraints.excluded, host)
            && (constraints.permitted.is_none() || covers(&constraints.permitted, host))
    })
}
