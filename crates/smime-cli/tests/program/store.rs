use serde_json::json;
use smime::crypto::{ProtectedKey, Secret};
use smime_testkit::TestKey;

use crate::world::{
    ALICE, BOB, ENTITY, MAIL, PASSPHRASE, Ran, World, check_no_secret, contains, fields,
    fingerprint, finish, person,
};

/// What the key files and passphrases of a store hold here; no run prints them.
const STORE_PASSPHRASE: &str = "battery staple";

/// A store key that the key file `store.key` opens, before the people's keys are there.
fn gateway() -> World {
    let world = World::with_people();
    world.write("mail.eml", MAIL);
    world.ok(&[
        "cert",
        "import",
        "--trust",
        "ca.crt",
        "alice.pem",
        "bob.pem",
        "carol.pem",
    ]);
    world.ok(&["store", "protect", "--key-file", "store.key"]);
    world
}

/// Runs with `SMIME_STORE_KEY_FILE`.
fn with_key_file(world: &World, file: &str, arguments: &[&str]) -> Ran {
    let mut command = world.command();
    command
        .args(arguments)
        .args(["--at", crate::world::NOW])
        .env("SMIME_STORE_KEY_FILE", file);
    let ran = finish(command, b"");
    assert_silent(world, &ran);
    ran
}

/// Fails if a run printed what opens the store key.
fn assert_silent(world: &World, ran: &Ran) {
    for printed in [&ran.out[..], ran.err.as_bytes()] {
        assert!(!contains(printed, STORE_PASSPHRASE.as_bytes()));
        if world.path("store.key").exists() {
            let digits = &world.read("store.key")[..64];
            assert!(!contains(printed, digits));
        }
    }
}

fn show(world: &World) -> serde_json::Value {
    world.ok(&["store", "show", "--json"]).json()
}

fn bob() -> String {
    fingerprint(&person(BOB, TestKey::P256A))
}

#[test]
fn the_store_is_shown_with_what_it_holds_and_how_its_keys_rest() {
    let world = World::with_store();
    let value = show(&world);
    assert_eq!(
        fields(&value),
        [
            "anchors",
            "certificates",
            "crls",
            "kept",
            "keys",
            "layout",
            "log",
            "path",
            "store_key"
        ]
    );
    let wanted = json!({"anchors": 1, "certificates": 4, "crls": 0, "kept": 0, "keys": 3,
        "layout": 3, "log": 7, "path": "store.redb", "store_key": null});
    assert_eq!(value, wanted);
    world.ok(&["store", "protect", "--key-file", "store.key"]);
    let value = show(&world);
    assert_eq!((&value["layout"], &value["keys"]), (&4.into(), &3.into()));
    assert_eq!(value["store_key"], "key_file");
    let words = world.ok(&["store", "show"]);
    assert!(
        words.text().contains("a key file opens"),
        "{}",
        words.text()
    );
}

#[cfg(unix)]
#[test]
fn a_key_file_is_made_for_its_owner_alone_and_never_written_over() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = gateway();
    let made = world.read("store.key");
    assert_eq!(made.len(), 65);
    assert!(made[..64].iter().all(u8::is_ascii_hexdigit));
    let metadata = std::fs::metadata(world.path("store.key")).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    let ran = world.run(&["store", "protect", "--key-file", "store.key", "--json"]);
    assert_eq!(ran.expect(5).error_code(), "store.has_store_key");
    let ran = world.run(&["store", "protect", "--key-file", "new.key", "--json"]);
    assert_eq!(ran.expect(5).error_code(), "store.has_store_key");
    assert!(!world.files().contains(&"new.key".to_owned()));
    assert_eq!(world.read("store.key"), made);
    // One that is there is used, in other stores too.
    let other = ["--store", "other.redb"];
    world.ok(&[&["store", "protect", "--key-file", "store.key"], &other[..]].concat());
    assert_eq!(world.read("store.key"), made);
}

#[test]
fn what_is_no_key_file_opens_and_protects_nothing() {
    let world = World::with_store();
    for content in [&b""[..], b"secret\n", &[b'0'; 63], &[b'0'; 66], &[0xff; 32]] {
        world.write("bad.key", content);
        let ran = world.run(&["store", "protect", "--key-file", "bad.key", "--json"]);
        assert_eq!(ran.expect(3).error_code(), "store.bad_key_file");
        assert_eq!(world.read("bad.key"), content);
    }
    assert_eq!(show(&world)["store_key"], json!(null));
    let folder = ["store", "protect", "--key-file", ".", "--json"];
    assert_eq!(
        world.run(&folder).expect(3).error_code(),
        "input.unreadable"
    );
    let nowhere = ["store", "protect", "--key-file", "no/such/file", "--json"];
    let ran = world.run(&nowhere).expect(5);
    assert_eq!(ran.error_code(), "output.unwritable");
    assert_eq!(show(&world)["store_key"], json!(null));
}

#[test]
fn without_a_passphrase_for_it_no_store_is_protected_and_none_is_made() {
    let world = World::empty();
    world.write("empty", "\n");
    for (options, code) in [
        (&[][..], "passphrase.missing"),
        (&["--store-passphrase-file", "empty"], "passphrase.empty"),
        (&["--store-passphrase-env", "UNSET"], "passphrase.missing"),
    ] {
        let ran = world.run(&[&["store", "protect"], options].concat());
        let ran = ran.expect(2);
        assert!(ran.err.contains(code), "{}", ran.err);
    }
    assert!(!world.path("store.redb").exists());
    world.run(&["store", "rotate", "--json"]).expect(5);
    assert!(!world.path("store.redb").exists());
}

#[test]
fn a_gateway_with_a_key_file_needs_no_passphrase_at_all() {
    let world = gateway();
    for name in ["alice.key", "bob.key"] {
        let ran = with_key_file(&world, "store.key", &["key", "import", name]);
        ran.expect(0);
    }
    check_no_secret(&world.read("store.redb"));
    let digits = world.read("store.key");
    assert!(!contains(&world.read("store.redb"), &digits[..64]));
    let options = ["options", "--json", "--from", ALICE, "--to", BOB];
    let locked = world.ok(&options).json();
    assert_eq!(locked["sign"]["code"], "options.passphrase_needed");
    let open = with_key_file(&world, "store.key", &options)
        .expect(0)
        .json();
    assert_eq!(open["sign"]["code"], "options.possible");
    let seal = ["seal", "mail.eml", "-o", "sealed.eml", "--sign", "always"];
    let ran = world.run(&seal).expect(1);
    assert!(ran.err.contains("(store.sealed)"), "{}", ran.err);
    assert!(ran.err.contains("--store-key-file"), "{}", ran.err);
    assert!(!world.path("sealed.eml").exists());
    let seal = ["seal", "mail.eml", "-o", "sealed.eml", "--json"];
    let receipt = with_key_file(&world, "store.key", &seal).expect(0).json();
    assert_eq!(
        (&receipt["signed"], &receipt["encrypted"]),
        (&true.into(), &true.into())
    );
    let open = ["open", "sealed.eml", "-o", "entity.eml"];
    with_key_file(&world, "store.key", &open).expect(0);
    assert_eq!(world.read("entity.eml"), ENTITY.as_bytes());
}

#[test]
fn a_file_with_a_plain_key_and_its_certificate_needs_one_step_and_no_passphrase() {
    let world = World::with_people();
    world.ok(&["store", "protect", "--key-file", "store.key"]);
    let both = [world.read("bob.pem"), world.read("bob.key")].concat();
    world.write("both.pem", both);
    // Without the store key, the certificate alone is taken.
    let ran = world.run(&["cert", "import", "both.pem", "--json"]);
    assert_eq!(ran.expect(1).lines()[1]["code"], "import.private_key");
    let import = ["cert", "import", "both.pem", "--json"];
    let outcomes = with_key_file(&world, "store.key", &import)
        .expect(0)
        .lines();
    assert_eq!(outcomes[1]["code"], "import.added");
    let listed = world.ok(&["cert", "list", BOB, "--json"]).json();
    assert_eq!(listed["has_key"], true);
}

#[test]
fn mail_that_comes_while_the_store_is_locked_is_kept_and_read_when_it_is_open() {
    let world = gateway();
    for name in ["alice.key", "bob.key"] {
        with_key_file(&world, "store.key", &["key", "import", name]).expect(0);
    }
    let seal = ["seal", "mail.eml", "-o", "sealed.eml"];
    with_key_file(&world, "store.key", &seal).expect(0);
    let ran = world.run(&["open", "sealed.eml", "--json"]).expect(4);
    assert_eq!(ran.error_code(), "store.sealed");
    assert!(ran.err.contains("--store-key-file"), "{}", ran.err);
    assert!(ran.err.contains("smime retry 1"), "{}", ran.err);
    let ran = world.run(&["retry", "1", "--json"]).expect(1).json();
    assert_eq!(ran["code"], "store.sealed");
    let retry = ["retry", "1", "-o", "entity.eml"];
    with_key_file(&world, "store.key", &retry).expect(0);
    assert_eq!(world.read("entity.eml"), ENTITY.as_bytes());
}

#[test]
fn a_locked_store_lists_logs_encrypts_and_deletes_but_gives_out_no_key() {
    let world = gateway();
    with_key_file(&world, "store.key", &["key", "import", "bob.key"]).expect(0);
    assert_eq!(world.ok(&["cert", "list", "--json"]).lines().len(), 4);
    world.ok(&["log", "--verify"]);
    world.ok(&["seal", "mail.eml", "--sign", "never", "-o", "sealed.eml"]);
    let bob = bob();
    let export = [
        "key",
        "export",
        &bob,
        "--private-key",
        "-o",
        "out.key",
        "--json",
    ];
    assert_eq!(
        world.unlocked(&export).expect(4).error_code(),
        "store.sealed"
    );
    assert!(!world.path("out.key").exists());
    for name in ["alice.key", "bob.key"] {
        let ran = world.unlocked(&["key", "import", name, "--json"]).expect(4);
        assert_eq!(ran.error_code(), "store.sealed");
    }
    let must_sign = [
        "seal", "mail.eml", "--from", BOB, "--to", ALICE, "--sign", "always",
    ];
    let ran = world.run(&[&must_sign[..], &["-o", "signed.eml", "--json"]].concat());
    assert_eq!(ran.expect(1).error_code(), "engine.cannot_sign");
    let ran = world.unlocked(&["ca", "init", "--name", "New CA", "--json"]);
    assert_eq!(ran.expect(4).error_code(), "store.sealed");
    assert_eq!(show(&world)["certificates"], 4);
    world.ok(&["key", "delete", &bob]);
    assert_eq!(show(&world)["keys"], 0);
}

#[test]
fn only_what_opens_the_store_key_opens_it() {
    let world = gateway();
    with_key_file(&world, "store.key", &["key", "import", "bob.key"]).expect(0);
    world.ok(&["seal", "mail.eml", "--sign", "never", "-o", "sealed.eml"]);
    world.write("other.key", "0".repeat(64));
    world.write("words", STORE_PASSPHRASE);
    for options in [
        ["--store-key-file", "other.key"],
        ["--store-passphrase-file", "words"],
        ["--store-passphrase-file", "store.key"],
    ] {
        let ran = world.run(&[&["open", "sealed.eml", "--json"], &options[..]].concat());
        assert_silent(&world, &ran);
        assert_eq!(ran.expect(4).error_code(), "store.wrong_key");
    }
    let bad = ["open", "sealed.eml", "--store-key-file", "words", "--json"];
    assert_eq!(world.run(&bad).expect(3).error_code(), "store.bad_key_file");
    let missing = ["open", "sealed.eml", "--store-key-file", "none", "--json"];
    assert_eq!(
        world.run(&missing).expect(3).error_code(),
        "input.unreadable"
    );
    let ran = world.run(&["open", "sealed.eml", "--store-passphrase", "x"]);
    assert_eq!(ran.expect(2).out, b"", "it is no argument");
}

#[test]
fn a_store_without_a_store_key_is_not_taken_for_one_that_has_it() {
    let world = World::with_store();
    world.write("store.key", "1".repeat(64));
    world.write("mail.eml", MAIL);
    for arguments in [
        &["key", "import", "bob.key", "--json"][..],
        &["open", "mail.eml", "--json"],
        &["seal", "mail.eml", "-o", "out.eml", "--json"],
    ] {
        let ran = with_key_file(&world, "store.key", arguments).expect(5);
        assert_eq!(ran.error_code(), "store.no_store_key", "{arguments:?}");
        assert!(ran.err.contains("smime store protect"), "{}", ran.err);
    }
    let rotate = ["store", "rotate", "--new-key-file", "new.key", "--json"];
    let ran = world.run(&rotate).expect(5);
    assert_eq!(ran.error_code(), "store.no_store_key");
    assert!(!world.path("new.key").exists());
    with_key_file(&world, "store.key", &["cert", "list"]).expect(0);
}

#[test]
fn a_store_is_not_protected_by_one_of_two_things_that_were_given() {
    let world = World::with_store();
    world.write("words", format!("{STORE_PASSPHRASE}\n"));
    let (protect, words) = (
        ["store", "protect", "--key-file", "store.key"],
        ["--store-passphrase-file", "words"],
    );
    for arguments in [[&protect[..], &words], [&words, &protect]] {
        world.run(&arguments.concat()).expect(2);
        assert!(!world.path("store.key").exists());
    }
    let shown = world.ok(&["store", "show", "--json"]).json();
    assert_eq!(shown["store_key"], json!(null));
}

#[test]
fn a_passphrase_of_a_key_stays_under_that_of_the_store() {
    let world = World::with_store();
    world.write("mail.eml", MAIL);
    world.write("words", format!("{STORE_PASSPHRASE}\n"));
    let store = ["--store-passphrase-file", "words"];
    let ran = world.run(&[&["store", "protect", "--json"], &store[..]].concat());
    let ran = ran.expect(0);
    assert_silent(&world, &ran);
    let wanted = json!({"outcome": "protected", "store_key": "passphrase", "keys": 3});
    assert_eq!(ran.json(), wanted);
    assert!(!contains(
        &world.read("store.redb"),
        STORE_PASSPHRASE.as_bytes()
    ));
    world.ok(&["seal", "mail.eml", "--sign", "never", "-o", "sealed.eml"]);
    let open = ["open", "sealed.eml", "-o", "entity.eml", "--json"];
    let ran = world.unlocked(&open).expect(4);
    assert_eq!(ran.error_code(), "store.sealed");
    let ran = world.run(&[&open, &store[..]].concat()).expect(4);
    assert_silent(&world, &ran);
    assert_eq!(ran.error_code(), "engine.key_locked");
    world.ok_unlocked(&[&open, &store[..]].concat());
    assert_eq!(world.read("entity.eml"), ENTITY.as_bytes());
    // An exported key is protected as it was imported.
    let bob = bob();
    let export = ["key", "export", &bob, "--private-key", "-o", "out.key"];
    world.ok(&[&export, &store[..]].concat());
    let (_, der) = pem_rfc7468::decode_vec(&world.read("out.key")).unwrap();
    let key = ProtectedKey::from_der(&der).unwrap();
    let plain = key.open(&Secret::from(PASSPHRASE.as_bytes())).unwrap();
    assert_eq!(plain.expose(), TestKey::P256A.pkcs8().expose());
    assert!(
        key.open(&Secret::from(STORE_PASSPHRASE.as_bytes()))
            .is_err()
    );
}

#[test]
fn a_key_without_a_passphrase_leaves_the_store_under_one_only() {
    let world = gateway();
    with_key_file(&world, "store.key", &["key", "import", "bob.key"]).expect(0);
    let log = world.log();
    let bob = bob();
    let export = ["key", "export", &bob, "--private-key", "-o", "out.key"];
    let ran = with_key_file(&world, "store.key", &export).expect(2);
    assert!(ran.err.contains("passphrase.missing"), "{}", ran.err);
    world.write("empty", "\n");
    let empty = [&export[..], &["--passphrase-file", "empty"]].concat();
    let ran = with_key_file(&world, "store.key", &empty).expect(2);
    assert!(ran.err.contains("passphrase.empty"), "{}", ran.err);
    assert!(!world.path("out.key").exists());
    assert_eq!(world.log(), log);
    let given = [&export[..], &["--passphrase-file", "passphrase"]].concat();
    with_key_file(&world, "store.key", &given).expect(0);
    let (_, der) = pem_rfc7468::decode_vec(&world.read("out.key")).unwrap();
    let key = ProtectedKey::from_der(&der).unwrap();
    let plain = key.open(&Secret::from(PASSPHRASE.as_bytes())).unwrap();
    assert_eq!(plain.expose(), TestKey::P256A.pkcs8().expose());
    assert_eq!(world.log().last().unwrap()["operation"], "export");
}

#[test]
fn a_protected_key_file_needs_its_passphrase_under_a_store_key_too() {
    let world = gateway();
    let file = crate::world::testdata("keys/forms/p256-pbes2-pbkdf2.pem");
    let import = ["key", "import", file.to_str().unwrap()];
    let ran = with_key_file(&world, "store.key", &import).expect(2);
    assert!(ran.err.contains("passphrase.missing"), "{}", ran.err);
    assert_eq!(show(&world)["keys"], 0);
}

#[test]
fn rotation_changes_what_opens_the_store_key_and_is_in_the_log() {
    let world = gateway();
    with_key_file(&world, "store.key", &["key", "import", "bob.key"]).expect(0);
    world.ok(&["seal", "mail.eml", "--sign", "never", "-o", "sealed.eml"]);
    world.write("words", STORE_PASSPHRASE);
    let rotate = [
        "store",
        "rotate",
        "--new-passphrase-file",
        "words",
        "--json",
    ];
    let ran = world.run(&rotate).expect(4);
    assert_eq!(ran.error_code(), "store.sealed", "without the old one");
    let ran = with_key_file(&world, "store.key", &rotate).expect(0);
    let wanted = json!({"outcome": "rotated", "store_key": "passphrase", "keys": 1});
    assert_eq!(ran.json(), wanted);
    let open = ["open", "sealed.eml", "-o", "entity.eml", "--json"];
    let ran = with_key_file(&world, "store.key", &open).expect(4);
    assert_eq!(ran.error_code(), "store.wrong_key");
    let store = ["--store-passphrase-file", "words"];
    let back = ["store", "rotate", "--new-key-file", "new.key", "--json"];
    world.ok(&[&open, &store[..]].concat());
    world.ok(&[&back, &store[..]].concat());
    with_key_file(&world, "new.key", &open).expect(0);
    let ran = world.run(&[&back, &store[..]].concat()).expect(4);
    assert_eq!(ran.error_code(), "store.wrong_key");
    let log = world.log();
    let log = log
        .iter()
        .map(|it| (&it["operation"], &it["code"], &it["outcome"]));
    let log: Vec<_> = log
        .filter(|it| it.0 == "protect" || it.0 == "rotate")
        .collect();
    let ok = &json!("ok");
    assert_eq!(
        log,
        [
            (&json!("protect"), &json!("protect.key_file"), ok),
            (&json!("rotate"), &json!("rotate.passphrase"), ok),
            (&json!("rotate"), &json!("rotate.key_file"), ok),
        ]
    );
}

#[test]
fn no_output_goes_over_what_opens_the_store_key() {
    let world = gateway();
    with_key_file(&world, "store.key", &["key", "import", "alice.key"]).expect(0);
    let before = world.read("store.key");
    let seal = ["seal", "mail.eml", "-o", "store.key", "--json"];
    let ran = with_key_file(&world, "store.key", &seal).expect(2);
    assert!(ran.err.contains("output.is_input"), "{}", ran.err);
    assert_eq!(world.read("store.key"), before);
}
