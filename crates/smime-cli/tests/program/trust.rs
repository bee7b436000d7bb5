use serde_json::{Value, json};
use smime_testkit::{Profile, TestKey};

use crate::world::{ALICE, BOB, MAIL, World, authority, fields, fingerprint, person, root};

/// A store with everybody, and a mail in it that Alice has signed.
fn signed() -> World {
    let world = World::with_store();
    world.write("mail.eml", MAIL);
    let seal = [
        "seal",
        "mail.eml",
        "-o",
        "s.eml",
        "--sign",
        "always",
        "--encrypt",
        "never",
    ];
    world.ok_unlocked(&seal);
    world
}

fn set(world: &World, name: &str, words: &[&str]) -> Value {
    let command = [&["cert", "trust", name, "--json"], words].concat();
    world.ok(&command).json()
}

fn signature(world: &World) -> Value {
    let ran = world.run(&["open", "s.eml", "--no-keep", "--json"]);
    ran.json()["verdict"]["signature"].clone()
}

/// Says whether mail from Alice to Bob can be signed and encrypted.
fn possible(world: &World) -> [Value; 2] {
    let options = world.ok(&["options", "--from", ALICE, "--to", BOB, "--json"]);
    ["sign", "encrypt"].map(|what| options.json()[what]["possible"].clone())
}

#[test]
fn trust_is_given_limited_and_taken_by_one_command() {
    let (world, root) = (signed(), root());
    for (words, trust, uses, before, good) in [
        (&["--set", "none"][..], "none", json!([]), "anchor", false),
        (&[], "anchor", json!(["sign", "encrypt"]), "none", true),
        (
            &["--for", "sign"],
            "anchor",
            json!(["sign"]),
            "anchor",
            true,
        ),
        (
            &["--for", "encrypt"],
            "anchor",
            json!(["encrypt"]),
            "anchor",
            false,
        ),
        (
            &["--set", "anchor", "--for", "sign", "--for", "encrypt"],
            "anchor",
            json!(["sign", "encrypt"]),
            "anchor",
            true,
        ),
        (
            &["--set", "distrusted"],
            "distrusted",
            json!([]),
            "anchor",
            false,
        ),
    ] {
        let value = set(&world, &root[..8], words);
        let expected =
            json!({"sha256": root, "trust": trust, "trusted_for": uses, "before": before});
        assert_eq!(value, expected);
        let listed = world.ok(&["cert", "list", &root, "--json"]).json();
        assert_eq!(listed["trust"], trust);
        assert_eq!(listed["trusted_for"], uses);
        assert_eq!(signature(&world) == "good", good, "{words:?}");
        let entry = world
            .log()
            .into_iter()
            .rev()
            .find(|it| it["operation"] == "trust");
        assert_eq!(entry.unwrap()["certificates"], json!([root]));
    }
}

#[test]
fn an_anchor_for_one_use_lets_mail_be_protected_in_that_way_alone() {
    let (world, root) = (signed(), root());
    assert_eq!(possible(&world), [true, true]);
    set(&world, &root, &["--for", "sign"]);
    assert_eq!(possible(&world), [true, false]);
    let seal = [
        "seal",
        "mail.eml",
        "-o",
        "e.eml",
        "--sign",
        "never",
        "--encrypt",
        "always",
        "--json",
    ];
    let refused = world.unlocked(&seal).expect(1);
    assert_eq!(refused.error_code(), "engine.cannot_encrypt");
    set(&world, &root, &["--for", "encrypt"]);
    assert_eq!(possible(&world), [false, true]);
}

#[test]
fn a_distrusted_person_stops_a_good_mail() {
    let world = signed();
    assert_eq!(signature(&world), "good");
    let alice = fingerprint(&person(ALICE, TestKey::Rsa2048A));
    set(&world, &alice, &["--set", "distrusted"]);
    assert_eq!(signature(&world), "untrusted");
    assert_eq!(possible(&world), [false, true]);
    set(&world, &alice, &["--set", "none"]);
    assert_eq!(signature(&world), "good");
}

#[test]
fn a_person_who_is_trusted_is_good_for_themselves_alone() {
    let world = signed();
    let other = authority().person(ALICE, Profile::of(TestKey::P256B));
    world.write("other.pem", other.certificate_pem());
    world.ok(&["cert", "import", "other.pem"]);
    set(&world, &root(), &["--set", "none"]);
    set(&world, &fingerprint(&other), &[]);
    assert_eq!(signature(&world), "untrusted");
    set(&world, &fingerprint(&person(ALICE, TestKey::Rsa2048A)), &[]);
    assert_eq!(signature(&world), "good");
    assert_eq!(possible(&world), [true, false]);
}

#[test]
fn one_unknown_fingerprint_leaves_every_trust_and_the_log_as_they_are() {
    let (world, root) = (signed(), root());
    let (log, list) = (world.log(), world.ok(&["cert", "list", "--json"]).lines());
    for names in [[root.as_str(), "00000000"], ["00000000", root.as_str()]] {
        let command = [
            "cert",
            "trust",
            names[0],
            names[1],
            "--set",
            "distrusted",
            "--json",
        ];
        let ran = world.run(&command).expect(3);
        assert_eq!(ran.error_code(), "input.unknown_fingerprint");
    }
    for words in [
        &["cert", "trust"][..],
        &["cert", "trust", &root[..7]],
        &["cert", "trust", &root, "--set", "trusted"],
        &["cert", "trust", &root, "--for", "tls"],
        &["cert", "trust", &root, "--set", "none", "--for", "sign"],
        &[
            "cert",
            "trust",
            &root,
            "--set",
            "distrusted",
            "--for",
            "sign",
        ],
    ] {
        world.run(words).expect(2);
    }
    assert_eq!(world.log(), log);
    assert_eq!(world.ok(&["cert", "list", "--json"]).lines(), list);
}

#[test]
fn people_read_what_is_trusted_and_for_what() {
    let (world, root) = (signed(), root());
    let ran = world.ok(&["cert", "trust", &root, "--for", "sign"]);
    let expected = format!("anchor/sign: {}  CN=Root,O=Test\n", &root[..16]);
    assert_eq!(ran.text(), expected);
    let listed = world.ok(&["cert", "list", &root]);
    assert!(
        listed.text().contains("  anchor/sign  "),
        "{}",
        listed.text()
    );
    let entry = world.log().pop().unwrap();
    assert!(fields(&entry).contains(&"operation"));
    assert_eq!(
        (&entry["operation"], &entry["code"], &entry["detail"]),
        (&"trust".into(), &"trust.set".into(), &"anchor/sign".into())
    );
}
