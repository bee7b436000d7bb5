//! The NIST path validation suite, but for what only a CRL can tell.

use std::fs;

use serde_json::Value;
use smime_testkit::{Differences, suite};
use smime_x509::{Certificate, Purpose};

use super::{Case, json, judge, oid, text, texts, time};

/// Sections whose paths are all good without CRLs: the tests there are about those.
const CRL_SECTIONS: &[&str] = &["4.4", "4.14", "4.15"];

/// Tests of other sections that are invalid by a CRL alone.
const CRL_TESTS: &[&str] = &["4.5.2", "4.5.5", "4.5.7", "4.7.4", "4.7.5"];

/// Sections about certificate policies, whose resulting set is compared.
const POLICY_SECTIONS: &[&str] = &["4.8", "4.9", "4.10", "4.11", "4.12"];

#[test]
fn pkits_paths_and_policy_sets_are_judged_as_nist_does() {
    let Some(folder) = suite("pkits") else { return };
    let expected = json(&folder.join("expected.json"));
    let at = time(text(&expected["validation_time"]));
    let names = &expected["policy_oids"];
    let mut differences = Differences::default();
    let (mut judged, mut sets) = (0, 0);
    for test in expected["tests"].as_array().unwrap() {
        let (id, section) = (text(&test["id"]), text(&test["section"]));
        let section = section
            .rsplit_once('.')
            .filter(|_| section.matches('.').count() > 1)
            .map_or(section, |(section, _)| section);
        let by_crl =
            CRL_SECTIONS.contains(&section) || CRL_TESTS.iter().any(|other| is_part_of(id, other));
        let valid = test["expected_valid"].as_bool().unwrap();
        if by_crl && !valid {
            continue;
        }
        judged += 1;
        let read = |name: &&str| {
            let der = fs::read(folder.join("certs").join(name)).unwrap();
            Certificate::from_der(&der).map_err(|error| error.code().to_owned())
        };
        let path: Result<Vec<_>, _> = texts(&test["certs"]).iter().map(read).collect();
        let result = path.and_then(|path| {
            let mut case = Case::new(Purpose::Any, at);
            let (anchor, rest) = path.split_first().unwrap();
            let (leaf, pool) = rest.split_last().unwrap();
            case.anchors.add(anchor.clone());
            case.pool.extend(pool.iter().cloned());
            set_inputs(&mut case, test, names);
            case.verify(leaf).map_err(|error| error.code().to_owned())
        });
        if let Ok(chain) = &result
            && POLICY_SECTIONS.contains(&section)
        {
            sets += 1;
            let mut expected: Vec<_> = texts(&test["expected_user_constrained_policy_set"])
                .iter()
                .map(|name| oid(text(&names[*name])))
                .collect();
            expected.sort();
            assert_eq!(chain.policies(), expected, "{id}");
        }
        judge(&mut differences, id, valid, result.map(|_| ()));
    }
    let right = differences.check("pkits", include_str!("../exceptions/pkits.json"));
    assert_eq!((judged, right, sets), (203, 201, 45));
}

/// Says whether a test is another, or a variant of it such as `4.8.1.2` of `4.8.1`.
fn is_part_of(id: &str, other: &str) -> bool {
    id.strip_prefix(other)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn set_inputs(case: &mut Case, test: &Value, names: &Value) {
    let says = |name: &str| test[name].as_bool().unwrap();
    case.policies.explicit_policy = says("initial_explicit_policy");
    case.policies.inhibit_mapping = says("initial_policy_mapping_inhibit");
    case.policies.inhibit_any = says("initial_any_policy_inhibit");
    let policies = texts(&test["initial_policy_set"]);
    case.policies.acceptable = policies
        .iter()
        .map(|name| oid(text(&names[*name])))
        .collect();
}
