use serde_json::{Value, json};
use smime::{
    store::{Embedded, Store as _, public_key_id},
    x509::Certificate,
};
use smime_testkit::{Identity, Profile, TestKey};

use crate::world::{ALICE, BOB, MAIL, World, authority, fingerprint, person};

fn alice() -> Identity {
    person(ALICE, TestKey::Rsa2048A)
}

fn bob() -> Identity {
    person(BOB, TestKey::P256A)
}

/// Bob's other certificate of the same key.
fn other_bob() -> Identity {
    authority().person("b@example.org", Profile::of(TestKey::P256A))
}

/// A store with both certificates of Bob's key.
fn world_with_both() -> World {
    let world = World::with_store();
    world.write("other.pem", other_bob().certificate_pem());
    world.ok(&["cert", "import", "other.pem"]);
    world
}

fn is_there(world: &World, certificate: &Certificate) -> bool {
    let store = Embedded::open(&world.path("store.redb")).unwrap();
    store.check_log().unwrap();
    let fingerprint = certificate.fingerprint();
    store.certificate(&fingerprint).unwrap().is_some()
}

fn has_key(world: &World, of: &Identity) -> bool {
    let store = Embedded::open(&world.path("store.redb")).unwrap();
    let id = public_key_id(of.certificate.public_key());
    store.has_key(&id).unwrap()
}

fn deleted(of: &Identity, key_deleted: bool) -> Value {
    json!({"sha256": fingerprint(of), "outcome": "deleted", "key_deleted": key_deleted})
}

#[test]
fn a_certificate_is_deleted_and_its_key_stays() {
    let world = World::with_store();
    let bob = bob();
    let ran = world.ok(&["cert", "delete", &fingerprint(&bob)[..8], "--json"]);
    assert_eq!(ran.json(), deleted(&bob, false));
    assert!(!is_there(&world, &bob.certificate));
    assert!(has_key(&world, &bob));
    // Said, because nobody sees a key without a certificate in a list.
    let id = key_id(&bob);
    assert!(ran.err.contains(&id[..16]), "{}", ran.err);
    assert!(ran.err.contains("smime key delete"), "{}", ran.err);
    world.ok(&["cert", "import", "bob.pem"]);
    let listed = world.ok(&["cert", "list", BOB, "--json"]).json();
    assert_eq!(listed["has_key"], true, "it came back to its key");
}

fn key_id(of: &Identity) -> String {
    let id = public_key_id(of.certificate.public_key());
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn nothing_is_said_of_keys_that_are_not_there_or_have_another_certificate() {
    let world = world_with_both();
    let ran = world.ok(&["cert", "delete", &fingerprint(&other_bob())]);
    assert!(!ran.err.contains("smime key delete"), "{}", ran.err);
    let root = authority();
    let digest = root.certificate().fingerprint();
    let root: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(world.ok(&["cert", "delete", &root]).err, "");
    let quiet = ["cert", "delete", &fingerprint(&bob()), "--quiet"];
    assert_eq!(world.ok(&quiet).err, "");
}

#[test]
fn a_key_goes_with_the_last_of_its_certificates() {
    let (world, bob, other) = (world_with_both(), bob(), other_bob());
    let delete = |of: &Identity| {
        let name = fingerprint(of);
        world.ok(&["cert", "delete", &name, "--with-key", "--json"])
    };
    let ran = delete(&bob);
    assert_eq!(ran.json(), deleted(&bob, false));
    assert!(ran.err.contains(&fingerprint(&other)[..16]), "{}", ran.err);
    assert!(has_key(&world, &other));
    let ran = delete(&other);
    assert_eq!(ran.json(), deleted(&other, true));
    assert_eq!(ran.err, "");
    assert!(!has_key(&world, &other));
    assert!(has_key(&world, &alice()));
}

#[test]
fn both_certificates_of_a_key_say_that_it_went_with_them() {
    let (world, bob, other) = (world_with_both(), bob(), other_bob());
    let names = [fingerprint(&other), fingerprint(&bob)];
    let ran = world.ok(&[
        "cert",
        "delete",
        &names[0],
        &names[1],
        &names[0],
        "--with-key",
        "--json",
    ]);
    assert_eq!(ran.lines(), [deleted(&other, true), deleted(&bob, true)]);
}

#[test]
fn one_unknown_certificate_keeps_all_of_them() {
    let (world, bob) = (World::with_store(), bob());
    let log = world.log();
    for names in [
        [fingerprint(&bob), "0".repeat(64)],
        ["0".repeat(8), fingerprint(&bob)],
    ] {
        let delete = ["cert", "delete", "--with-key", &names[0], &names[1]];
        let ran = world.run(&delete).expect(3);
        assert!(ran.out.is_empty());
        assert!(is_there(&world, &bob.certificate));
        assert!(has_key(&world, &bob));
    }
    assert_eq!(world.log(), log);
}

#[test]
fn deletions_are_in_the_log() {
    let (world, alice, bob) = (World::with_store(), alice(), bob());
    let names = [fingerprint(&bob), fingerprint(&alice)];
    world.ok(&["key", "delete", &names[1]]);
    world.ok(&["cert", "delete", "--with-key", &names[0], &names[1]]);
    let log = world.log();
    let [.., key, certificates] = &log[..] else {
        panic!("two entries");
    };
    for entry in [key, certificates] {
        assert_eq!(entry["direction"], "store");
        assert_eq!(entry["operation"], "delete");
        assert_eq!(entry["outcome"], "ok");
    }
    assert_eq!(key["code"], "delete.key");
    assert_eq!(key["certificates"], json!([names[1]]));
    assert_eq!(certificates["code"], "delete.certificate");
    assert_eq!(certificates["certificates"], json!(names));
    let told = &certificates["detail"];
    assert_eq!(told, "certificates deleted: 2, private keys deleted: 1");
}

#[test]
fn a_key_is_deleted_and_its_certificates_stay() {
    let (world, bob, other) = (world_with_both(), bob(), other_bob());
    let ran = world.ok(&["key", "delete", &fingerprint(&other)[..8], "--json"]);
    let mut certificates = [fingerprint(&bob), fingerprint(&other)];
    certificates.sort();
    let mut value = ran.json();
    let listed = value["certificates"].as_array_mut().unwrap();
    listed.sort_by_key(ToString::to_string);
    assert_eq!(
        value,
        json!({
            "kind": "key",
            "outcome": "deleted",
            "code": "delete.key",
            "public_key": key_id(&bob),
            "certificates": certificates,
        })
    );
    assert!(!has_key(&world, &bob));
    assert!(is_there(&world, &bob.certificate));
    let again = world.run(&["key", "delete", &fingerprint(&bob), "--json"]);
    assert_eq!(again.expect(3).error_code(), "store.no_key");
}

#[test]
fn a_key_without_a_certificate_is_named_by_its_public_key() {
    let (world, bob) = (World::with_store(), bob());
    world.ok(&["cert", "delete", &fingerprint(&bob)]);
    let id = key_id(&bob);
    let gone = world.run(&["key", "delete", &fingerprint(&bob), "--json"]);
    assert_eq!(gone.expect(3).error_code(), "input.unknown_fingerprint");
    let out = ["key", "export", &id[..16], "--private-key", "-o", "out.key"];
    world.ok(&out);
    let ran = world.ok(&["key", "delete", &id[..8], "--json"]);
    assert_eq!(ran.json()["certificates"], json!([]));
    assert!(!has_key(&world, &bob));
}

#[test]
fn what_was_deleted_is_used_no_more() {
    let world = World::with_store();
    world.write("mail.eml", MAIL);
    let seal = |output| {
        let seal = ["seal", "mail.eml", "-o", output, "--encrypt", "always"];
        world.unlocked(&seal)
    };
    seal("sealed.eml").expect(0);
    world.ok(&["cert", "delete", &fingerprint(&bob())]);
    seal("again.eml").expect(1);
    world.ok(&["key", "delete", &key_id(&bob())]);
    world.ok(&["key", "delete", &fingerprint(&alice())]);
    world.unlocked(&["open", "sealed.eml"]).expect(4);
}
