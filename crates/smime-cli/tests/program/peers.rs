use serde_json::{Value, json};
use smime_testkit::{Profile, TestKey};

use crate::world::{ALICE, MAIL, Ran, World, authority, fields, fingerprint, person};

/// A mail that Alice has signed, and a store of somebody who trusts her authority alone.
fn signed() -> World {
    let world = World::with_store();
    world.write("mail.eml", MAIL);
    seal(&world, "s.eml", &[]);
    world.ok(&[
        "cert",
        "import",
        "--trust",
        "ca.crt",
        "--store",
        "other.redb",
    ]);
    world
}

fn seal(world: &World, output: &str, more: &[&str]) {
    let seal = [
        "seal",
        "mail.eml",
        "-o",
        output,
        "--sign",
        "always",
        "--encrypt",
        "never",
    ];
    world.ok_unlocked(&[&seal[..], more].concat());
}

/// Runs the program on the other store.
fn other(world: &World, arguments: &[&str]) -> Ran {
    world.run(&[arguments, &["--store", "other.redb", "--json"]].concat())
}

fn learn(world: &World, mail: &str, how: &str) -> Value {
    other(world, &["open", mail, "--learn", how]).json()["learned"].clone()
}

fn listed(world: &World) -> Vec<Value> {
    other(world, &["peer", "list"]).expect(0).lines()
}

fn alice() -> String {
    fingerprint(&person(ALICE, TestKey::Rsa2048A))
}

fn last_of_log(world: &World) -> Value {
    other(world, &["log"]).lines().pop().unwrap()
}

#[test]
fn nothing_is_learned_unless_that_is_asked_for() {
    let world = signed();
    for words in [&["open", "s.eml"][..], &["open", "s.eml", "--learn", "off"]] {
        let value = other(&world, words).expect(0).json();
        assert!(!fields(&value).contains(&"learned"));
    }
    assert!(listed(&world).is_empty());
    assert_eq!(other(&world, &["cert", "list"]).lines().len(), 1);
    let without = ["open", "s.eml", "--no-store", "--learn", "accept"];
    world.run(&without).expect(2);
}

#[test]
fn who_signed_waits_until_they_are_accepted_and_can_be_encrypted_to_then() {
    let world = signed();
    let learned = learn(&world, "s.eml", "quarantine");
    assert_eq!(
        learned,
        json!([{
            "sha256": alice(),
            "outcome": "quarantined",
            "code": "learn.quarantined",
            "emails": [ALICE],
            "differs_from": [],
        }])
    );
    let waiting = listed(&world);
    assert_eq!(waiting.len(), 1);
    assert_eq!(
        fields(&waiting[0]),
        [
            "address",
            "differs_from",
            "emails",
            "issuer",
            "kind",
            "message_id",
            "not_after",
            "not_before",
            "received",
            "sha256",
            "subject"
        ]
    );
    assert_eq!(waiting[0]["kind"], "quarantined");
    assert_eq!(waiting[0]["message_id"], "<1@example.com>");
    let options = ["options", "--from", "x@example.com", "--to", ALICE];
    let recipient = || {
        let value = other(&world, &options).json();
        value["encrypt"]["recipients"][0]["code"].clone()
    };
    assert_eq!(recipient(), "select.no_certificate");
    let accepted = other(&world, &["peer", "accept", &alice()[..8]]).expect(0);
    assert_eq!(
        accepted.json(),
        json!({"sha256": alice(), "address": ALICE, "outcome": "accepted"})
    );
    assert_eq!(recipient(), "options.possible");
    let entry = last_of_log(&world);
    assert_eq!(
        (&entry["operation"], &entry["code"]),
        (&"learn".into(), &"learn.accepted".into())
    );
    let peers = listed(&world);
    assert_eq!(peers.len(), 1);
    assert_eq!(peers[0]["kind"], "capabilities");
    assert_eq!(peers[0]["address"], ALICE);
    assert_eq!(peers[0]["ciphers"][0], "aes256-gcm");
    assert_eq!(peers[0]["certificate"], alice());
}

#[test]
fn who_is_rejected_stays_rejected() {
    let world = signed();
    learn(&world, "s.eml", "quarantine");
    let rejected = other(&world, &["peer", "reject", &alice()]).expect(0);
    assert_eq!(rejected.json()["outcome"], "rejected");
    assert!(listed(&world).is_empty());
    assert_eq!(last_of_log(&world)["code"], "learn.rejected");
    let again = learn(&world, "s.eml", "accept");
    assert_eq!(again[0]["outcome"], "rejected");
    assert!(listed(&world).is_empty());
    assert_eq!(other(&world, &["cert", "list"]).lines().len(), 1);
}

#[test]
fn what_does_not_wait_is_neither_accepted_nor_rejected() {
    let world = signed();
    learn(&world, "s.eml", "quarantine");
    let before = other(&world, &["log"]).lines();
    for command in ["accept", "reject"] {
        for names in [["00000000", &alice()], [&alice(), "00000000"]] {
            let ran = other(&world, &["peer", command, names[0], names[1]]).expect(3);
            assert_eq!(ran.error_code(), "peer.not_quarantined");
        }
        other(&world, &["peer", command]).expect(2);
        other(&world, &["peer", command, &alice()[..7]]).expect(2);
    }
    assert_eq!(other(&world, &["log"]).lines(), before);
    assert_eq!(listed(&world).len(), 1);
}

#[test]
fn another_key_is_told_to_people_and_waits_where_the_address_is_pinned() {
    let world = signed();
    assert_eq!(learn(&world, "s.eml", "accept")[0]["outcome"], "accepted");
    let new = authority().person(ALICE, Profile::of(TestKey::P384B));
    world.write("new.pem", new.certificate_pem());
    world.write("new.key", TestKey::P384B.pem());
    world.ok(&["cert", "import", "new.pem"]);
    world.ok_unlocked(&["key", "import", "new.key"]);
    seal(&world, "new.eml", &["--signer", &fingerprint(&new)]);
    let pin = ["cert", "pin", ALICE, &alice()];
    other(&world, &pin).expect(0);
    let open = [
        "open",
        "new.eml",
        "--learn",
        "accept",
        "--store",
        "other.redb",
    ];
    let ran = world.ok(&open);
    let (start, old) = (fingerprint(&new), alice());
    let (start, old) = (&start[..16], &old[..16]);
    let told =
        format!("quarantined {start}  {ALICE}, another key than {old}: smime peer accept {start}");
    assert!(ran.err.contains(&told), "{}", ran.err);
    let entry = last_of_log(&world);
    assert_eq!(entry["code"], "learn.key_change");
    assert_eq!(entry["detail"], "quarantined");
    let kinds: Vec<_> = listed(&world).iter().map(|it| it["kind"].clone()).collect();
    assert_eq!(kinds, ["quarantined", "capabilities", "pin"]);
    let people = world.ok(&["peer", "list", "--store", "other.redb"]);
    let starts: Vec<_> = people.text().lines().map(|it| &it[..44]).collect();
    let line = |word: &str| format!("{word:6}  {ALICE:36}");
    assert_eq!(starts, ["waits", "reads", "pinned"].map(line));
}

#[test]
fn a_mail_that_is_not_good_teaches_nothing() {
    let world = signed();
    let mail = String::from_utf8(world.read("s.eml")).unwrap();
    world.write("s.eml", mail.replace("at noon", "at one"));
    let ran = other(&world, &["open", "s.eml", "--no-keep", "--learn", "accept"]).expect(1);
    assert_eq!(ran.json()["learned"], json!([]));
    assert!(listed(&world).is_empty());
}
