//! How long things stay in the store, as its settings say.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is wrong about its own input must fail"
)]

mod common;

use common::engine;
use smime::{
    Clock, Engine, Keeping, Keyring,
    crypto::{UnixTime, fastest},
    store::{Activity, Direction, Embedded, KeptMail, Memory, Operation, Outcome, Settings, Store},
};
use smime_testkit::{DAY, NOW, SeededRandom};

/// A store with an entry of the log for each of the last ten days, the oldest first.
fn store() -> Memory {
    let store = Memory::new();
    for days in (0..10).rev() {
        store.record(&entry(UnixTime(NOW.0 - days * DAY))).unwrap();
    }
    store
}

fn entry(time: UnixTime) -> Activity {
    Activity {
        time,
        direction: Direction::In,
        operation: Operation::Verify,
        outcome: Outcome::Ok,
        code: "good".to_owned(),
        message_id: None,
        from: None,
        to: Vec::new(),
        certificates: Vec::new(),
        algorithms: Vec::new(),
        input_digest: None,
        detail: String::new(),
    }
}

fn set(store: &dyn Store, log_days: Option<u32>) {
    let settings = Settings {
        log_days,
        ..Settings::STANDARD
    };
    store.set_settings(&settings).unwrap();
}

fn tidied(store: &Memory, at: UnixTime) -> Vec<(u64, Operation)> {
    let (keys, random) = (Keyring::default(), SeededRandom::new(1));
    let engine = Engine {
        clock: Clock::Fixed(at),
        ..engine(fastest(), store, &keys, &random)
    };
    engine.tidy().unwrap();
    store.check_log().unwrap();
    let entries = store.activities().unwrap();
    entries
        .iter()
        .map(|it| (it.id, it.activity.operation))
        .collect()
}

#[test]
fn all_of_the_log_stays_until_somebody_sets_otherwise() {
    let store = store();
    let far = UnixTime(NOW.0 + 10_000 * DAY);
    assert_eq!(tidied(&store, far).len(), 10);
    set(&store, Some(3));
    assert_eq!(tidied(&store, far), [(11, Operation::Forget)]);
}

#[test]
fn entries_go_when_they_are_older_than_the_days_set_and_the_log_says_so() {
    for (days, first) in [(9, 1), (8, 2), (1, 9)] {
        let store = store();
        set(&store, Some(days));
        let left = tidied(&store, NOW);
        let last = (11, Operation::Forget);
        let entries = (first..=10).map(|id| (id, Operation::Verify));
        if first == 1 {
            assert_eq!(left, entries.collect::<Vec<_>>(), "nothing to say");
        } else {
            assert_eq!(left, entries.chain([last]).collect::<Vec<_>>());
        }
        assert_eq!(tidied(&store, NOW), left, "once");
    }
}

#[test]
fn of_a_log_that_is_broken_everything_stays_and_nothing_else_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let store = Embedded::open(&path).unwrap();
    let detail = "as it was written".to_owned();
    let old = entry(UnixTime(NOW.0 - 9 * DAY));
    store.record(&Activity { detail, ..old }).unwrap();
    set(&store, Some(3));
    drop(store);
    let mut file = std::fs::read(&path).unwrap();
    let written = b"as it was written";
    let places = 0..file.len() - written.len();
    for at in places
        .filter(|at| file[*at..].starts_with(written))
        .collect::<Vec<_>>()
    {
        file[at..at + written.len()].copy_from_slice(b"as it was altered");
    }
    std::fs::write(&path, file).unwrap();

    let store = Embedded::open(&path).unwrap();
    let (keys, random) = (Keyring::default(), SeededRandom::new(1));
    engine(fastest(), &store, &keys, &random).tidy().unwrap();
    assert_eq!(store.check_log().unwrap_err().code(), "store.log_broken");
    assert_eq!(store.activities().unwrap().len(), 1);
}

#[test]
fn kept_mail_goes_when_it_expires() {
    let store = Memory::new();
    let mail = |message: &str, expires| KeptMail {
        received: NOW,
        expires,
        message: message.into(),
        code: String::new(),
        signature: String::new(),
        encryption: String::new(),
        wants: Vec::new(),
    };
    store.keep(&mail("now", NOW)).unwrap();
    store.keep(&mail("later", UnixTime(NOW.0 + 1))).unwrap();
    tidied(&store, NOW);
    assert_eq!(store.kept_sizes().unwrap(), [(2, 5)]);
}

#[test]
fn the_settings_say_which_mail_is_kept_and_whether_any_is() {
    let standard = Keeping::by(&Settings::STANDARD).unwrap();
    assert_eq!(standard, Keeping::STANDARD);
    let none = Settings {
        keep_days: 0,
        ..Settings::STANDARD
    };
    assert_eq!(Keeping::by(&none), None);
}
