//! Suites of whole messages by other authors, judged by the engine.
//!
//! Each suite has `exceptions/<suite>.json`: a list of `{"file", "reason"}`, one for each message
//! whose result differs from the suite's. An exception that is not needed any more fails the test,
//! and a message that is good where it must not be cannot be excepted.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a suite that cannot be read must fail

#[path = "conformance/johnny.rs"]
mod johnny;
#[path = "conformance/thunderbird.rs"]
mod thunderbird;

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;
use smime::{
    Clock, Engine, Error, Keyring, Message, Policy,
    crypto::{UnixTime, fastest},
    io::Limits,
    store::{Memory, Store, Trust, items},
    x509::Certificate,
};
use smime_testkit::SeededRandom;

/// What one message of a suite was judged to be, beside what it should be.
struct Scored {
    file: String,
    /// Judged good though it must not be: never to be excepted.
    wrongly_good: bool,
    /// What differs from the suite's expectation, in words; empty when nothing does.
    differs: String,
}

/// Compares the differences with the exceptions, both ways.
fn settle(suite: &str, scores: &[Scored]) {
    let wrong: Vec<_> = scores
        .iter()
        .filter(|it| it.wrongly_good)
        .map(|it| &it.file)
        .collect();
    assert!(
        wrong.is_empty(),
        "{suite}: good though they must not be: {wrong:?}"
    );

    let path = format!(
        "{}/tests/exceptions/{suite}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let list: Vec<BTreeMap<String, String>> =
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let excepted: BTreeMap<_, _> = list
        .iter()
        .map(|it| (it["file"].clone(), it["reason"].clone()))
        .collect();
    assert_eq!(
        excepted.len(),
        list.len(),
        "{suite}: one file excepted twice"
    );
    assert!(
        excepted.values().all(|reason| !reason.is_empty()),
        "{suite}: no reason"
    );

    let unexplained: Vec<_> = scores
        .iter()
        .filter(|it| !it.differs.is_empty() && !excepted.contains_key(&it.file))
        .map(|it| format!("{}: {}", it.file, it.differs))
        .collect();
    assert!(
        unexplained.is_empty(),
        "{suite}:\n{}",
        unexplained.join("\n")
    );
    let missed = |file: &String| {
        scores
            .iter()
            .any(|it| it.file == *file && !it.differs.is_empty())
    };
    let stale: Vec<_> = excepted.keys().filter(|file| !missed(file)).collect();
    assert!(
        stale.is_empty(),
        "{suite}: no exceptions needed for {stale:?}"
    );
    println!(
        "{suite}: {} of {} as expected",
        scores.len() - excepted.len(),
        scores.len()
    );
}

fn expected(suite: &Path, file: &str) -> Value {
    serde_json::from_slice(&fs::read(suite.join(file)).unwrap()).unwrap()
}

fn certificates(path: &Path) -> Vec<Certificate> {
    let items = items(&fs::read(path).unwrap());
    let certificates: Vec<_> = items
        .into_iter()
        .filter_map(|item| item.content.ok())
        .collect();
    assert!(!certificates.is_empty(), "{}", path.display());
    certificates
}

fn store(anchors: &[Certificate], others: &[Certificate], at: UnixTime) -> Memory {
    let store = Memory::new();
    store.add_certificates(anchors, at).unwrap();
    store.add_certificates(others, at).unwrap();
    for anchor in anchors {
        store
            .set_trust(&anchor.fingerprint(), Trust::Anchor)
            .unwrap();
    }
    store
}

fn open(
    store: &Memory,
    keys: &Keyring,
    policy: Policy,
    at: UnixTime,
    mail: &Path,
) -> Result<Message, Error> {
    let engine = Engine {
        provider: fastest(),
        random: &SeededRandom::new(1),
        store,
        keys,
        policy,
        clock: Clock::Fixed(at),
        limits: Limits::default(),
    };
    engine.open(&*fs::read(mail).unwrap())
}
