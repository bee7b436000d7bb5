use std::collections::HashMap;

use serde_json::json;
use smime::crypto::{ProtectedKey, Secret, sha256};
use smime_testkit::{Profile, TestKey, pem};

use crate::world::{
    ALICE, BOB, CAROL, PASSPHRASE, World, authority, check_no_secret, fields, fingerprint, finish,
    person,
};

fn alice() -> String {
    fingerprint(&person(ALICE, TestKey::Rsa2048A))
}

fn bob() -> String {
    fingerprint(&person(BOB, TestKey::P256A))
}

#[test]
fn certificates_are_exported_as_pem_in_the_order_in_which_they_are_named() {
    let world = World::with_store();
    let expected = [world.read("bob.pem"), world.read("alice.pem")].concat();
    // By all digits or the first eight, once if named twice, in either case, with colons.
    let export = [
        "cert",
        "export",
        &bob(),
        &alice()[..8],
        &bob().to_uppercase(),
    ];
    let ran = world.ok(&export);
    assert_eq!(ran.out, expected);
    assert_eq!(ran.err, "");
    assert_eq!(
        world.ok(&[&export[..], &["-o", "-"]].concat()).out,
        expected
    );
    let ran = world.ok(&[&export[..], &["-o", "out.pem", "--json"]].concat());
    assert_eq!(world.read("out.pem"), expected);
    let lines = ran.lines();
    let line = |sha256| json!({"sha256": sha256, "outcome": "exported", "file": "out.pem"});
    assert_eq!(lines, [line(bob()), line(alice())]);
    let again = world.ok(&["cert", "show", "out.pem", "--json"]).lines();
    assert_eq!(again[0]["sha256"], bob());
}

#[test]
fn one_certificate_is_exported_as_der_and_more_are_not() {
    let world = World::with_store();
    let der = person(BOB, TestKey::P256A).certificate.der().to_vec();
    assert_eq!(world.ok(&["cert", "export", &bob(), "--der"]).out, der);
    world.ok(&[
        "cert",
        "export",
        &bob(),
        &bob()[..9],
        "--der",
        "-o",
        "x.der",
    ]);
    assert_eq!(world.read("x.der"), der);
    let before = world.files();
    let both = ["cert", "export", &bob(), &alice(), "--der", "-o", "y.der"];
    let ran = world.run(&both).expect(2);
    assert!(ran.err.contains("output.several"), "{}", ran.err);
    assert!(ran.out.is_empty());
    assert_eq!(world.files(), before);
}

#[test]
fn what_is_unknown_is_named_and_nothing_is_written() {
    let world = World::with_store();
    let before = world.files();
    let whole = "0".repeat(64);
    let almost = bob()[..40].to_owned() + &"0".repeat(8);
    for unknown in ["00000000", &whole, &almost] {
        for command in [
            &["cert", "export", "-o", "out.pem"][..],
            &["cert", "delete"],
            &["cert", "delete", "--with-key"],
        ] {
            let ran = world.run(&[command, &[&bob(), unknown, "--json"]].concat());
            let ran = ran.expect(3);
            assert_eq!(ran.error_code(), "input.unknown_fingerprint");
            assert!(ran.err.contains(unknown), "{}", ran.err);
        }
        for command in [
            &["key", "export", "--private-key", "-o", "out.pem"][..],
            &["key", "delete"],
        ] {
            let ran = world.run(&[command, &[unknown, "--json"]].concat());
            let code = ran.expect(3).error_code();
            assert_eq!(code, "input.unknown_fingerprint");
        }
    }
    assert_eq!(world.files(), before);
    assert_eq!(world.ok(&["cert", "list", "--json"]).lines().len(), 4);
}

/// Returns the same certificate under two signatures, which give SHA-256 that begin with the same
/// eight digits; a store does not ask whether a signature is good.
fn alike() -> [Vec<u8>; 2] {
    let certificate = person("dave@example.com", TestKey::P384B).certificate;
    let (before, _) = certificate.der().split_at(certificate.der().len() - 8);
    let mut seen = HashMap::new();
    // One pair of 2³² is to be expected among some 2¹⁶ certificates.
    (0_u64..)
        .find_map(|number| {
            let der = [before, &number.to_be_bytes()].concat();
            let start: [u8; 4] = sha256(&[&der])[..4].try_into().unwrap();
            seen.insert(start, number).map(|other| {
                let other = [before, &other.to_be_bytes()].concat();
                [der, other]
            })
        })
        .unwrap()
}

#[test]
fn what_names_two_certificates_is_ambiguous_and_nothing_is_done() {
    let world = World::with_store();
    let pair = alike();
    world.write(
        "alike.pem",
        pair.each_ref().map(|it| pem("CERTIFICATE", it)).concat(),
    );
    world.ok(&["cert", "import", "alike.pem"]);
    let (before, log) = (world.files(), world.log());
    let names = pair.each_ref().map(|der| hex(&sha256(&[der])));
    let start = &names[0][..8];
    for command in [
        &["cert", "export", "-o", "out.pem"][..],
        &["cert", "delete", &bob()],
        &["key", "delete"],
        &["key", "export", "--private-key", "-o", "out.key"],
    ] {
        let ran = world.run(&[command, &[start, "--json"]].concat());
        // Both are of one key.
        let code = if command[0] == "key" {
            "store.no_key"
        } else {
            "input.ambiguous_fingerprint"
        };
        assert_eq!(ran.expect(3).error_code(), code, "{command:?}");
    }
    assert_eq!(world.files(), before);
    assert_eq!(world.log(), log);
    for (name, der) in names.iter().zip(pair) {
        assert_eq!(world.ok(&["cert", "export", name, "--der"]).out, der);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_is_no_fingerprint_is_wrong_usage() {
    let world = World::with_store();
    let long = format!("{}0", bob());
    for wrong in [ALICE, "alice", "", &bob()[..7], &long, "0x12345678", "-1"] {
        for command in [
            &["cert", "export"][..],
            &["cert", "delete"],
            &["key", "delete"],
            &["key", "export", "--private-key", "-o", "out.pem"],
        ] {
            let ran = world.run(&[command, &[wrong, "--json"]].concat());
            assert_eq!(ran.expect(2).out, b"", "{command:?} {wrong}");
        }
    }
    world.run(&["cert", "export"]).expect(2);
    world.run(&["cert", "delete"]).expect(2);
}

#[test]
fn json_needs_a_file_for_the_certificates() {
    let world = World::with_store();
    for output in [&[][..], &["-o", "-"]] {
        let ran = world.run(&[&["cert", "export", &bob(), "--json"], output].concat());
        let ran = ran.expect(2);
        assert!(ran.err.contains("output.missing"));
        assert!(ran.out.is_empty());
    }
}

#[test]
fn nothing_is_exported_over_the_store() {
    let world = World::with_store();
    let mut command = world.command();
    command
        .env_remove("SMIME_STORE")
        .args(["cert", "import", "bob.pem"]);
    finish(command, b"").expect(0);
    let default = ".local/share/smime/store.redb";
    let run = |store: Option<&str>, arguments: &[&str]| {
        let mut command = world.command();
        command.env_remove("SMIME_STORE").args(arguments);
        if let Some(store) = store {
            command.env("SMIME_STORE", store);
        }
        finish(command, b"")
    };
    for (store, output) in [(None, default), (Some("store.redb"), "./store.redb")] {
        let ran = run(store, &["cert", "export", &bob(), "-o", output]);
        assert!(ran.expect(2).err.contains("output.is_input"));
        let listed = run(store, &["cert", "list", BOB, "--json"]).expect(0);
        assert_eq!(listed.json()["sha256"], bob(), "{output} is a store");
    }
}

#[test]
fn a_key_is_exported_as_it_rests_in_the_store() {
    let world = World::with_store();
    let ran = world.ok(&[
        "key",
        "export",
        &bob(),
        "--private-key",
        "-o",
        "out.key",
        "--json",
    ]);
    let value = ran.json();
    assert_eq!(
        fields(&value),
        [
            "certificates",
            "code",
            "file",
            "kind",
            "outcome",
            "public_key"
        ]
    );
    assert_eq!(value["outcome"], "exported");
    assert_eq!(value["certificates"], json!([bob()]));
    let text = world.read("out.key");
    assert!(text.starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    check_no_secret(&text);
    let block = pem_der(&text);
    let key = ProtectedKey::from_der(&block).unwrap();
    let plain = key.open(&Secret::from(PASSPHRASE.as_bytes())).unwrap();
    assert_eq!(plain.expose(), TestKey::P256A.pkcs8().expose());
    assert!(key.open(&Secret::from(&b"another"[..])).is_err());
    // A store that has only the certificate takes it back.
    let other = ["--store", "other.redb"];
    world.ok(&[&["cert", "import", "bob.pem"], &other[..]].concat());
    world.ok_unlocked(&[&["key", "import", "out.key"], &other[..]].concat());
}

/// Returns what is inside the one block of a file.
fn pem_der(text: &[u8]) -> Vec<u8> {
    let (_, der) = pem_rfc7468::decode_vec(text).unwrap();
    der
}

#[test]
fn the_export_of_a_key_is_in_the_log() {
    let world = World::with_store();
    world.ok(&["key", "export", &bob(), "--private-key", "-o", "out.key"]);
    let log = world.log();
    let last = log.last().unwrap();
    assert_eq!(last["direction"], "store");
    assert_eq!(last["operation"], "export");
    assert_eq!(last["outcome"], "ok");
    assert_eq!(last["code"], "export.key");
    assert_eq!(last["certificates"], json!([bob()]));
}

#[test]
fn without_its_flag_no_key_is_exported_and_the_program_says_why() {
    let world = World::with_store();
    let (before, log) = (world.files(), world.log());
    let ran = world.run(&["key", "export", &bob(), "-o", "out.key", "--json"]);
    let ran = ran.expect(2);
    assert!(ran.out.is_empty());
    assert!(ran.err.contains("--private-key"), "{}", ran.err);
    let ran = world.run(&["key", "export", &bob(), "--private-key", "--json"]);
    assert!(ran.expect(2).err.contains("--output"));
    assert_eq!(world.files(), before);
    assert_eq!(world.log(), log);
}

#[test]
fn a_key_is_exported_over_no_file_and_to_no_terminal() {
    let world = World::with_store();
    let log = world.log();
    world.write("there", "something");
    for output in ["there", "store.redb", "/dev/stdout", "/dev/tty", ".", "-"] {
        let ran = world.run(&[
            "key",
            "export",
            &bob(),
            "--private-key",
            "-o",
            output,
            "--json",
        ]);
        assert!(ran.expect(2).out.is_empty(), "{output}");
    }
    assert_eq!(world.read("there"), b"something");
    assert_eq!(world.log(), log);
    let missing = "missing/out.key";
    let ran = world.run(&[
        "key",
        "export",
        &bob(),
        "--private-key",
        "-o",
        missing,
        "--json",
    ]);
    assert_eq!(ran.expect(5).error_code(), "output.unwritable");
}

#[test]
fn a_key_that_does_not_get_out_after_all_is_in_the_log_as_failed() {
    let world = World::with_store();
    let (before, log) = (world.files(), world.log());
    // Found out when the file that is written takes its name.
    let too_long = "x".repeat(300);
    let ran = world.run(&[
        "key",
        "export",
        &bob(),
        "--private-key",
        "-o",
        &too_long,
        "--json",
    ]);
    assert_eq!(ran.expect(5).error_code(), "output.unwritable");
    assert_eq!(world.files(), before);
    let now = world.log();
    let outcomes: Vec<_> = now[log.len()..].iter().map(|it| &it["outcome"]).collect();
    assert_eq!(outcomes, ["ok", "failed"]);
    assert_eq!(now.last().unwrap()["code"], "output.unwritable");
}

#[cfg(unix)]
#[test]
fn an_exported_key_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::with_store();
    world.ok(&["key", "export", &bob(), "--private-key", "-o", "out.key"]);
    let metadata = std::fs::metadata(world.path("out.key")).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o600);
}

#[test]
fn a_certificate_without_a_key_has_none_to_export_or_delete() {
    let world = World::with_store();
    let dave = authority().person("dave@example.com", Profile::of(TestKey::P384B));
    world.write("dave.pem", pem("CERTIFICATE", dave.certificate.der()));
    world.ok(&["cert", "import", "dave.pem"]);
    let (before, log) = (world.files(), world.log());
    for command in [
        &["key", "export", "--private-key", "-o", "out.key"][..],
        &["key", "delete"],
    ] {
        let ran = world.run(&[command, &[&fingerprint(&dave), "--json"]].concat());
        assert_eq!(ran.expect(3).error_code(), "store.no_key");
    }
    assert_eq!(world.files(), before);
    assert_eq!(world.log(), log);
    let carol = world.ok(&["cert", "list", CAROL, "--json"]).json();
    assert_eq!(carol["has_key"], true);
}
