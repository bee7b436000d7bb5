//! Suites of whole messages by other authors, judged by the engine.
//!
//! Each suite has `exceptions/<suite>.json`, which lists the messages whose result differs from the
//! suite's; [`Differences`](smime_testkit::Differences) tells its form. A message that is good where
//! it must not be cannot be excepted.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a suite that cannot be read must fail

#[path = "conformance/johnny.rs"]
mod johnny;
#[path = "conformance/thunderbird.rs"]
mod thunderbird;

use std::{fs, path::Path};

use serde_json::Value;
use smime::{
    Clock, Engine, Error, Keyring, Message, Policy,
    crypto::{UnixTime, fastest},
    io::Limits,
    store::{Memory, Store, Trust, items},
    x509::Certificate,
};
use smime_testkit::SeededRandom;

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
