use std::fs;

use smime_testkit::TestKey;

use crate::world::{
    BOB, PASSPHRASE, World, check_no_secret, fields, fingerprint, finish, person, testdata,
};

/// A store with Bob's certificate, whose key the files of `testdata/keys/forms` hold.
fn world() -> World {
    let world = World::with_people();
    world.ok(&["cert", "import", "--trust", "ca.crt", "bob.pem"]);
    world
}

fn import(world: &World, form: &str) -> crate::world::Ran {
    let path = testdata("keys/forms").join(form);
    world.unlocked(&["key", "import", path.to_str().unwrap(), "--json"])
}

#[test]
fn a_key_is_imported_in_each_of_its_forms() {
    for form in [
        "p256-pkcs8.der",
        "p256-sec1.der",
        "p256-sec1.pem",
        "p256-pbes2-pbkdf2.pem",
        "p256-pbes2-pbkdf2-sha1.pem",
        "p256-pbes2-scrypt.pem",
        "p256-with-certificate-crlf.pem",
    ] {
        let ran = import(&world(), form);
        assert_eq!(ran.code, 0, "{form}: {}", ran.err);
        let value = ran.json();
        assert_eq!(
            fields(&value),
            ["certificates", "code", "kind", "outcome", "public_key"]
        );
        assert_eq!(value["outcome"], "added", "{form}");
        let bob = fingerprint(&person(BOB, TestKey::P256A));
        assert_eq!(value["certificates"], serde_json::json!([bob]), "{form}");
    }
}

#[test]
fn a_key_that_cannot_be_taken_is_a_typed_failure_and_leaves_no_key() {
    for (form, exit, code) in [
        // Encrypted by lines of the armour, with a digest of the passphrase by MD5.
        ("p256-legacy-encrypted.pem", 3, "crypto.unsupported"),
        ("ed448.pem", 3, "crypto.unknown_algorithm"),
        // Nobody's certificate is of this key.
        ("rsa1024.pem", 1, "key.no_certificate"),
        ("rsa1024-pkcs1.pem", 1, "key.no_certificate"),
    ] {
        let world = world();
        let ran = import(&world, form);
        assert_eq!(ran.code, exit, "{form}: {}", ran.err);
        assert_eq!(ran.error_code(), code, "{form}");
        let listed = world.ok(&["cert", "list", BOB, "--json"]).json();
        assert_eq!(listed["has_key"], false, "{form}");
        let log = world.log();
        let last = log.last().unwrap();
        assert_eq!(
            (&last["outcome"], &last["code"]),
            (&"failed".into(), &code.into())
        );
    }
}

#[test]
fn the_wrong_passphrase_opens_no_key() {
    let world = world();
    world.write("wrong", "incorrect horse\n");
    let path = testdata("keys/forms/p256-pbes2-pbkdf2.pem");
    let path = path.to_str().unwrap();
    let ran = world.run(&[
        "key",
        "import",
        path,
        "--passphrase-file",
        "wrong",
        "--json",
    ]);
    assert_eq!(ran.expect(4).error_code(), "crypto.wrong_passphrase");
}

#[test]
fn without_a_passphrase_or_with_an_empty_one_no_key_is_imported() {
    let world = world();
    world.write("empty", "\n");
    for (arguments, words) in [
        (&["--json"][..], "passphrase.missing"),
        (
            &["--json", "--passphrase-file", "empty"],
            "passphrase.empty",
        ),
        (
            &["--json", "--passphrase-env", "UNSET"],
            "passphrase.missing",
        ),
    ] {
        let ran = world.run(&[&["key", "import", "bob.key"], arguments].concat());
        let ran = ran.expect(2);
        assert!(ran.out.is_empty(), "nothing for wrong usage");
        assert!(ran.err.contains(words), "{}", ran.err);
    }
    let missing = ["key", "import", "bob.key", "--passphrase-file", "missing"];
    world.run(&missing).expect(3);
}

#[test]
fn the_passphrase_comes_from_the_environment_or_standard_input() {
    let world = world();
    let mut command = world.command();
    command
        .args(["key", "import", "bob.key", "--passphrase-env", "SECRET"])
        .env("SECRET", PASSPHRASE);
    finish(command, b"").expect(0);
    let again = ["key", "import", "bob.key", "--passphrase-file", "-"];
    let ran = world
        .run_with(&again, format!("{PASSPHRASE}\n").as_bytes())
        .expect(0);
    assert!(ran.text().contains("key there since"));
}

#[test]
fn the_passphrase_is_no_argument() {
    let ran = world().run(&["key", "import", "bob.key", "--passphrase", "x"]);
    assert_eq!(ran.expect(2).out, b"");
}

#[test]
fn the_store_holds_neither_key_nor_passphrase_in_the_clear() {
    let world = World::with_store();
    check_no_secret(&world.read("store.redb"));
}

#[cfg(unix)]
#[test]
fn the_store_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(World::with_store().path("store.redb"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0);
}

#[test]
fn the_search_for_secrets_finds_them() {
    let world = World::with_people();
    for secret in ["passphrase", "alice.key", "bob.key"] {
        let bytes = world.read(secret);
        let found = std::panic::catch_unwind(|| check_no_secret(&bytes));
        assert!(found.is_err(), "{secret}");
    }
    for key in [TestKey::Rsa2048A, TestKey::P256A] {
        let der = key.pkcs8().expose().to_vec();
        assert!(std::panic::catch_unwind(|| check_no_secret(&der)).is_err());
    }
}
