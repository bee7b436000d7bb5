use serde_json::json;
use smime_testkit::{Identity, Profile, TestKey};

use crate::world::{ALICE, BOB, MAIL, World, authority, fingerprint, person};

fn old() -> Identity {
    person(BOB, TestKey::P256A)
}

fn new() -> Identity {
    authority().person(BOB, Profile::of(TestKey::P384B))
}

/// A store in which Bob's certificate is pinned, and another of his came later.
fn pinned() -> World {
    let world = World::with_store();
    world.write("mail.eml", MAIL);
    world.ok(&["cert", "pin", BOB, &fingerprint(&old())[..8]]);
    world.write("new.pem", new().certificate_pem());
    world.ok(&["cert", "import", "new.pem"]);
    world
}

fn encrypted_to(world: &World) -> serde_json::Value {
    let options = world.ok(&["options", "--from", ALICE, "--to", BOB, "--json"]);
    options.json()["encrypt"]["recipients"][0].clone()
}

#[test]
fn mail_goes_to_the_pinned_certificate_until_the_address_is_unpinned() {
    let world = pinned();
    assert_eq!(
        encrypted_to(&world)["certificates"],
        json!([fingerprint(&old())])
    );
    let listed = world.ok(&["cert", "list", BOB, "--json"]).lines();
    assert_eq!(listed[0]["pinned_for"], json!([BOB]));
    assert_eq!(listed[1]["pinned_for"], json!([]));
    let ran = world.ok(&["cert", "unpin", BOB, "--json"]);
    assert_eq!(ran.json(), json!({"address": BOB, "outcome": "unpinned"}));
    assert_eq!(
        encrypted_to(&world)["certificates"],
        json!([fingerprint(&new())])
    );
}

#[test]
fn pinning_is_told_and_logged() {
    let world = pinned();
    let name = fingerprint(&new());
    let ran = world.ok(&["cert", "pin", "Bob@Example.org", &name, "--json"]);
    assert_eq!(
        ran.json(),
        json!({"address": "Bob@Example.org", "outcome": "pinned", "pinned": [name]})
    );
    world.ok(&["cert", "unpin", BOB]);
    let log = world.log();
    let [.., set, deleted] = &log[..] else {
        panic!("two entries");
    };
    for (entry, code) in [(set, "pin.set"), (deleted, "pin.deleted")] {
        assert_eq!(entry["operation"], "pin");
        assert_eq!(entry["code"], code);
        assert_eq!(entry["certificates"], json!([name]));
    }
}

#[test]
fn when_the_pinned_certificate_is_gone_nothing_is_encrypted_and_people_are_told_what_to_do() {
    let world = pinned();
    let ran = world.ok(&["cert", "delete", &fingerprint(&old())]);
    assert!(
        ran.err.contains("smime cert unpin bob@example.org"),
        "{}",
        ran.err
    );
    let recipient = encrypted_to(&world);
    assert_eq!(recipient["code"], "select.pinned_unusable");
    assert_eq!(recipient["certificates"], json!([]));
    let seal = ["seal", "mail.eml", "-o", "s.eml", "--encrypt", "always"];
    let refused = world.unlocked(&seal).expect(1);
    assert!(
        refused.err.contains("engine.cannot_encrypt"),
        "{}",
        refused.err
    );
    let options = world.ok(&["options", "--from", ALICE, "--to", BOB]);
    assert!(
        options.text().contains("smime cert unpin"),
        "{}",
        options.text()
    );
}

#[test]
fn what_cannot_be_pinned_changes_nothing() {
    let world = pinned();
    let log = world.log();
    let (old, alice) = (
        fingerprint(&old()),
        fingerprint(&person(ALICE, TestKey::Rsa2048A)),
    );
    for (words, code) in [
        (&["cert", "pin", BOB, &old, "00000000"][..], 3),
        (&["cert", "pin", BOB, &alice], 2),
        (&["cert", "pin", BOB, &old, &alice], 2),
        (&["cert", "pin", BOB], 2),
        (&["cert", "pin", "bob", &old], 2),
        (&["cert", "unpin", ALICE], 3),
        (&["cert", "unpin", "nobody"], 2),
    ] {
        world.run(words).expect(code);
    }
    assert_eq!(world.log(), log);
    assert_eq!(encrypted_to(&world)["certificates"], json!([old]));
}
