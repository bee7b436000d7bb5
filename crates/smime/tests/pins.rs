//! To an address that is pinned, only the pinned certificates are encrypted.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is wrong about its own input must fail"
)]

mod common;

use common::{ALICE, BOB, address, authority, engine};
use smime::{
    Choice, Intent, Keyring, Several, ToSelf,
    crypto::{UnixTime, fastest},
    store::{Embedded, KeysOfDeleted, Memory, Store, Trust},
    x509::Certificate,
};
use smime_testkit::{DAY, NOW, Profile, SeededRandom, TestKey};

/// Bob's certificates: an expired one, one that is good, and one that came last.
struct Bob {
    expired: Certificate,
    good: Certificate,
    newest: Certificate,
}

fn bob() -> Bob {
    let of = |key, from: i64, until: i64| {
        let profile = Profile {
            not_before: UnixTime(NOW.0 + from * DAY),
            not_after: UnixTime(NOW.0 + until * DAY),
            ..Profile::of(key)
        };
        authority().person(BOB, profile).certificate
    };
    Bob {
        expired: of(TestKey::P256A, -90, -1),
        good: of(TestKey::P256A, -60, 100),
        newest: of(TestKey::P256B, -1, 100),
    }
}

fn on_every_store(test: impl Fn(&dyn Store)) {
    let folder = tempfile::tempdir().unwrap();
    let file = Embedded::open(&folder.path().join("store")).unwrap();
    let stores: [Box<dyn Store>; 2] = [Box::new(Memory::new()), Box::new(file)];
    for store in &stores {
        let store = &**store;
        let Bob {
            expired,
            good,
            newest,
        } = bob();
        let all = [expired, good, newest, authority().certificate().clone()];
        store.add_certificates(&all, NOW).unwrap();
        let anchor = authority().certificate().fingerprint();
        store.set_trust(&anchor, Trust::Anchor).unwrap();
        test(store);
    }
}

/// Returns what would be encrypted to for Bob.
fn chosen(store: &dyn Store, choice: Choice) -> Result<Vec<[u8; 32]>, &'static str> {
    let (keys, random) = (Keyring::default(), SeededRandom::new(1));
    let engine = engine(fastest(), store, &keys, &random);
    let intent = Intent {
        from: Some(address(ALICE)),
        visible: vec![address(BOB)],
        choice,
        ..Intent::default()
    };
    let mut decision = engine.decide(&intent).unwrap();
    let found = decision.recipients.remove(0).certificates?;
    Ok(found
        .iter()
        .map(|it| it.certificate().fingerprint())
        .collect())
}

fn all() -> Choice {
    Choice {
        several: Several::All,
        ..Choice::default()
    }
}

fn pin(store: &dyn Store, pinned: &[&Certificate]) {
    let pinned: Vec<_> = pinned.iter().map(|it| it.fingerprint()).collect();
    store
        .set_pins(&address("BOB@example.org"), Some(&pinned))
        .unwrap();
}

#[test]
fn what_came_later_than_a_pinned_certificate_is_never_chosen_by_itself() {
    on_every_store(|store| {
        let Bob { good, newest, .. } = bob();
        let (good, newest) = (good.fingerprint(), newest.fingerprint());
        assert_eq!(chosen(store, Choice::default()), Ok(vec![newest]));
        pin(store, &[&bob().good]);
        assert_eq!(chosen(store, Choice::default()), Ok(vec![good]));
        assert_eq!(chosen(store, all()), Ok(vec![good]));
        store.set_pins(&address(BOB), None).unwrap();
        assert_eq!(chosen(store, all()), Ok(vec![newest, good]));
    });
}

#[test]
fn the_best_of_several_pinned_certificates_is_used_or_all_where_that_is_asked_for() {
    on_every_store(|store| {
        let Bob {
            good,
            newest,
            expired,
        } = bob();
        pin(store, &[&expired, &good, &newest]);
        assert_eq!(
            chosen(store, Choice::default()),
            Ok(vec![newest.fingerprint()])
        );
        let both = vec![newest.fingerprint(), good.fingerprint()];
        assert_eq!(chosen(store, all()), Ok(both));
    });
}

#[test]
fn a_certificate_that_the_message_chooses_goes_before_those_pinned() {
    on_every_store(|store| {
        pin(store, &[&bob().good]);
        let newest = bob().newest.fingerprint();
        let choice = Choice {
            recipients: vec![newest],
            ..Choice::default()
        };
        assert_eq!(chosen(store, choice), Ok(vec![newest]));
    });
}

#[test]
fn where_no_pinned_certificate_can_be_used_no_other_is() {
    on_every_store(|store| {
        let unusable = Err("select.pinned_unusable");
        pin(store, &[&bob().expired]);
        assert_eq!(chosen(store, all()), unusable);
        pin(store, &[&bob().good]);
        let good = bob().good.fingerprint();
        store.set_trust(&good, Trust::Distrusted).unwrap();
        assert_eq!(chosen(store, all()), unusable);
        store.set_trust(&good, Trust::None).unwrap();
        assert_eq!(chosen(store, all()), Ok(vec![good]));
    });
}

#[test]
fn deleting_all_that_is_pinned_lets_no_other_be_used() {
    on_every_store(|store| {
        pin(store, &[&bob().good]);
        let good = bob().good;
        store
            .delete_certificates(&[good.fingerprint()], KeysOfDeleted::Stay)
            .unwrap();
        assert_eq!(chosen(store, all()), Err("select.pinned_unusable"));
        store.add_certificates(&[good], NOW).unwrap();
        assert_eq!(chosen(store, all()), Err("select.pinned_unusable"));
    });
}

#[test]
fn what_the_sender_encrypts_to_for_themselves_can_be_pinned_too() {
    on_every_store(|store| {
        let (keys, random) = (Keyring::default(), SeededRandom::new(1));
        let engine = engine(fastest(), store, &keys, &random);
        let intent = Intent {
            from: Some(address(BOB)),
            visible: vec![address(ALICE)],
            choice: Choice {
                to_self: ToSelf::IfPossible,
                ..Choice::default()
            },
            ..Intent::default()
        };
        for pinned in [bob().good, bob().newest] {
            pin(store, &[&pinned]);
            let own = engine.decide(&intent).unwrap().own;
            assert_eq!(own[0].certificate(), &pinned);
        }
    });
}
