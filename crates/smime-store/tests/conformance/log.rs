use std::ops::ControlFlow;

use smime_crypto::UnixTime;
use smime_store::{
    Activity, Change, Changed, Defaults, Direction, Embedded, Error, KeysOfDeleted, Operation,
    Outcome, Scope, Settings, Store as _, Trust,
};

use crate::{
    Place,
    making::{NOW, person, sign},
    on_every_store,
};

fn activity(detail: &str) -> Activity {
    Activity {
        time: NOW,
        direction: Direction::Out,
        operation: Operation::Seal,
        outcome: Outcome::Failed,
        code: "seal.no_recipient".into(),
        message_id: Some("<1@example.com>".into()),
        from: Some("älice@example.com".into()),
        to: vec!["bob@example.com".into(), "\"c\\\" d\"@example.com".into()],
        certificates: vec![[1; 32], [0xfe; 32]],
        algorithms: vec!["sha256".into(), "ecdsa".into()],
        input_digest: Some([7; 32]),
        detail: detail.into(),
    }
}

#[test]
fn an_empty_log_is_whole() {
    on_every_store(|place| {
        assert!(place.store().activities().unwrap().is_empty());
        place.store().check_log().unwrap();
    });
}

#[test]
fn entries_of_what_was_done_at_once_follow_each_other() {
    on_every_store(|place| {
        place.store().record_all(&[]).unwrap();
        let both = [activity("first"), activity("second")];
        place.store().record_all(&both).unwrap();
        place.store().record(&activity("third")).unwrap();
        place.reopen();
        let entries = place.store().activities().unwrap();
        let details: Vec<_> = entries
            .iter()
            .map(|it| it.activity.detail.as_str())
            .collect();
        assert_eq!(details, ["first", "second", "third"]);
        assert_eq!(
            place
                .store()
                .activities_of("<1@example.com>")
                .unwrap()
                .len(),
            3
        );
        place.store().check_log().unwrap();
    });
}

#[test]
fn entries_come_back_as_they_were_numbered_from_one() {
    on_every_store(|place| {
        let bare = Activity {
            time: UnixTime(-1),
            direction: Direction::In,
            operation: Operation::Verify,
            outcome: Outcome::Failed,
            message_id: None,
            from: None,
            to: vec![],
            certificates: vec![],
            algorithms: Vec::new(),
            input_digest: None,
            ..activity("line\nbreak \u{0} and \u{202e}")
        };
        place.store().record(&activity("first")).unwrap();
        place.reopen();
        place.store().record(&bare).unwrap();
        place.reopen();
        let entries = place.store().activities().unwrap();
        assert_eq!(
            entries.iter().map(|entry| entry.id).collect::<Vec<_>>(),
            [1, 2]
        );
        assert_eq!(entries[0].activity, activity("first"));
        assert_eq!(entries[1].activity, bare);
        place.store().check_log().unwrap();
    });
}

#[test]
fn equal_entries_have_different_hashes_because_each_is_chained_to_all_before() {
    on_every_store(|place| {
        for _ in 0..3 {
            place.store().record(&activity("same")).unwrap();
        }
        let entries = place.store().activities().unwrap();
        assert_ne!(entries[0].hash, entries[1].hash);
        assert_ne!(entries[1].hash, entries[2].hash);
    });
}

#[test]
fn every_store_makes_one_chain_of_one_history() {
    let hashes = std::sync::Mutex::new(Vec::new());
    on_every_store(|place| {
        place.store().record(&activity("a")).unwrap();
        place.store().record(&activity("b")).unwrap();
        let entries = place.store().activities().unwrap();
        hashes.lock().unwrap().push(entries[1].hash);
    });
    let hashes = hashes.into_inner().unwrap();
    assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn words_of_the_log_are_those_of_its_json() {
    for (word, operation) in [
        ("seal", Operation::Seal),
        ("sign", Operation::Sign),
        ("encrypt", Operation::Encrypt),
        ("verify", Operation::Verify),
        ("decrypt", Operation::Decrypt),
        ("issue", Operation::Issue),
        ("request", Operation::Request),
        ("import", Operation::Import),
        ("defaults", Operation::Defaults),
        ("forget", Operation::Forget),
        ("retry", Operation::Retry),
    ] {
        assert_eq!(operation.as_str(), word);
        assert_eq!(serde_json::to_value(operation).unwrap(), word);
    }
    for direction in [Direction::In, Direction::Out, Direction::Store] {
        assert_eq!(serde_json::to_value(direction).unwrap(), direction.as_str());
    }
    for outcome in [Outcome::Ok, Outcome::Failed, Outcome::Discarded] {
        assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.as_str());
    }
}

/// Records entries of these days after `NOW`.
fn record_days(place: &Place, days: &[i64]) {
    for day in days {
        let entry = Activity {
            time: UnixTime(NOW.0 + day * 86_400),
            message_id: Some(format!("<{day}@example.com>")),
            ..activity("of a day")
        };
        place.store().record(&entry).unwrap();
    }
}

fn ids(place: &Place) -> Vec<u64> {
    let entries = place.store().activities().unwrap();
    entries.iter().map(|entry| entry.id).collect()
}

#[test]
fn the_log_is_read_in_pages() {
    on_every_store(|place| {
        record_days(place, &[0, 1, 2, 3, 4]);
        let page = |after: u64, limit: usize| {
            let mut ids = Vec::new();
            place
                .store()
                .visit_activities(after, &mut |recorded| {
                    ids.push(recorded.id);
                    if ids.len() == limit {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                })
                .unwrap();
            ids
        };
        assert_eq!(page(0, 2), [1, 2]);
        assert_eq!(page(2, 2), [3, 4]);
        assert_eq!(page(4, 2), [5]);
        assert!(page(5, 2).is_empty());
        assert!(page(u64::MAX, 2).is_empty());
    });
}

#[test]
fn entries_are_found_by_the_message_id_of_their_mail() {
    on_every_store(|place| {
        record_days(place, &[0, 1, 0, 2]);
        let none = Activity {
            message_id: None,
            ..activity("of no mail")
        };
        place.store().record(&none).unwrap();
        place.reopen();
        let of = |id: &str| {
            let found = place.store().activities_of(id).unwrap();
            found.iter().map(|entry| entry.id).collect::<Vec<_>>()
        };
        assert_eq!(of("<0@example.com>"), [1, 3]);
        assert_eq!(of("<2@example.com>"), [4]);
        assert!(of("<2@EXAMPLE.com>").is_empty(), "as it is written");
        assert!(of("").is_empty());
    });
}

#[test]
fn old_entries_are_forgotten_and_the_log_stays_whole() {
    on_every_store(|place| {
        let forget = |place: &Place, day: i64| {
            let before = UnixTime(NOW.0 + day * 86_400);
            place.store().forget_activities(before).unwrap()
        };
        assert_eq!(forget(place, 9), 0, "an empty log");
        record_days(place, &[0, 1, 2, 1, 3]);
        assert_eq!(forget(place, 0), 0, "none is of before that day");
        // What is older but stands after a newer one stays: only a beginning can go.
        assert_eq!(forget(place, 2), 2);
        for _ in 0..2 {
            assert_eq!(ids(place), [3, 4, 5]);
            place.store().check_log().unwrap();
            let gone = place.store().activities_of("<0@example.com>").unwrap();
            assert!(gone.is_empty());
            place.reopen();
        }
        assert_eq!(forget(place, 9), 3);
        place.store().check_log().unwrap();
        record_days(place, &[5]);
        place.reopen();
        assert_eq!(ids(place), [6], "numbers go on");
        place.store().check_log().unwrap();
    });
}

#[test]
fn a_change_and_its_entry_are_made_together_or_not_at_all() {
    on_every_store(|place| {
        let certificate = sign(person(1, "alice@example.com"));
        let fingerprint = certificate.fingerprint();
        place.store().add_certificates(&[certificate], NOW).unwrap();
        let trust = |fingerprints: &[[u8; 32]]| {
            let change = Change::Trust {
                fingerprints,
                trust: Trust::Distrusted,
            };
            place.store().change(&change, &|_| Some(activity("trust")))
        };
        trust(&[fingerprint, [7; 32]]).unwrap_err();
        assert!(
            place.store().activities().unwrap().is_empty(),
            "nothing happened"
        );
        let stored = place.store().certificate(&fingerprint).unwrap().unwrap();
        assert_eq!(stored.trust, Trust::None);
        assert_eq!(trust(&[fingerprint]).unwrap(), Changed::default());
        let stored = place.store().certificate(&fingerprint).unwrap().unwrap();
        assert_eq!(stored.trust, Trust::Distrusted);
        let entries = place.store().activities().unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].activity, activity("trust"));
        place.store().check_log().unwrap();
    });
}

#[test]
fn every_change_can_be_recorded_and_says_what_it_took_along() {
    on_every_store(|place| {
        let certificate = sign(person(1, "alice@example.com"));
        let (fingerprint, address) = (certificate.fingerprint(), certificate.emails()[0].clone());
        place.store().add_certificates(&[certificate], NOW).unwrap();
        let scope = Scope::Group("desk".to_owned());
        let old = Activity {
            time: UnixTime(0),
            ..activity("old")
        };
        place.store().record_all(&[old.clone(), old]).unwrap();
        let fingerprints = &[fingerprint];
        for (change, forgotten) in [
            (
                Change::Pins {
                    address: &address,
                    fingerprints: Some(fingerprints),
                },
                0,
            ),
            (
                Change::Defaults {
                    scope: &scope,
                    defaults: Some(&Defaults::STANDARD),
                },
                0,
            ),
            (Change::Settings(&Settings::STANDARD), 0),
            (Change::Forget(NOW), 2),
            (
                Change::DeleteCertificates {
                    fingerprints,
                    keys: KeysOfDeleted::Stay,
                },
                0,
            ),
        ] {
            let before = place.store().activities().unwrap().len();
            let entry = |changed: &Changed| Some(activity(&changed.forgotten.to_string()));
            let changed = place.store().change(&change, &entry).unwrap();
            assert_eq!(changed.forgotten, forgotten, "{change:?}");
            let entries = place.store().activities().unwrap();
            assert_eq!(
                entries.len(),
                before + 1 - usize::try_from(forgotten).unwrap()
            );
            let last = entries.last().unwrap();
            assert_eq!(last.activity, activity(&forgotten.to_string()));
        }
        let key = Change::DeleteKey(&[7; 32]);
        let error = place.store().change(&key, &|_| Some(activity("key")));
        assert!(matches!(error, Err(Error::NoSuchKey(_))));
        place.store().check_log().unwrap();
    });
}

#[test]
fn entries_name_who_acts_through_the_handle_and_stay_chained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    for who in [None, Some("desk-7"), Some("älice\n"), None] {
        let store = Embedded::open(&path).unwrap();
        let store = match who {
            Some(who) => store.acting_for(who),
            None => store,
        };
        store.record(&activity("entry")).unwrap();
        let settings = Change::Settings(&Settings::STANDARD);
        store
            .change(&settings, &|_| Some(activity("change")))
            .unwrap();
        let entries = store.activities().unwrap();
        let last: Vec<_> = entries
            .iter()
            .rev()
            .take(2)
            .map(|it| it.actor.as_deref())
            .collect();
        assert_eq!(last, [who, who]);
        store.check_log().unwrap();
    }
}
