use serde_json::{Value, json};

use crate::world::{ALICE, BOB, ENTITY, MAIL, Ran, World, contains, fields};

/// Seals [`MAIL`] into `sealed.eml` with the options given.
fn sealed(options: &[&str]) -> World {
    let world = World::with_store();
    world.write("mail.eml", MAIL);
    world.ok_unlocked(&[&["seal", "mail.eml", "-o", "sealed.eml"], options].concat());
    world
}

/// Opens as Bob, without a store.
fn open_as(world: &World, name: &str, options: &[&str]) -> Ran {
    let (cert, key) = (format!("{name}.pem"), format!("{name}.key"));
    let given = [
        "open",
        "sealed.eml",
        "--no-store",
        "--cert",
        &cert,
        "--key",
        &key,
    ];
    world.run(&[&given[..], options].concat())
}

#[test]
fn every_layer_is_told_and_the_entity_is_what_was_sealed() {
    let world = sealed(&["--cipher", "aes256-gcm"]);
    let ran = world.ok_unlocked(&["open", "sealed.eml", "-o", "entity", "--json"]);
    let value = ran.json();
    assert_eq!(
        fields(&value),
        ["from", "layers", "remarks", "subject", "verdict"]
    );
    assert_eq!(value["remarks"], json!([]));
    assert_eq!(value["subject"], "the plan");
    assert!(value["from"].as_str().unwrap().contains(ALICE));
    assert_eq!(
        value["verdict"],
        json!({"signature": "good", "encryption": "whole"})
    );
    let (encrypted, signed) = (&value["layers"][0], &value["layers"][1]);
    assert_eq!(
        fields(encrypted),
        ["authenticated", "cipher", "coverage", "kind", "recipient"]
    );
    assert_eq!(encrypted["kind"], "encrypted");
    assert_eq!(encrypted["cipher"], "aes256-gcm");
    assert_eq!(fields(signed), ["coverage", "good", "kind", "signers"]);
    assert_eq!(
        fields(&signed["signers"][0]),
        [
            "certificate",
            "code",
            "digest",
            "emails",
            "scheme",
            "signing_time",
            "time",
            "verdict"
        ]
    );
    assert_eq!(signed["signers"][0]["emails"], json!([ALICE]));
    assert_eq!(signed["signers"][0]["signing_time"], "2026-06-01T00:00:00Z");
    assert_eq!(world.read("entity"), ENTITY.as_bytes());
}

#[test]
fn without_a_file_to_write_the_entity_alone_is_on_standard_output() {
    let world = sealed(&[]);
    let ran = world.ok_unlocked(&["open", "sealed.eml"]);
    assert_eq!(ran.out, ENTITY.as_bytes());
    assert!(ran.err.contains("signature: good; encryption: whole"));
    let quiet = world.ok_unlocked(&["open", "sealed.eml", "--quiet"]);
    assert_eq!((quiet.out, quiet.err), (ENTITY.into(), String::new()));
}

#[test]
fn no_store_needs_none_and_leaves_none() {
    let world = sealed(&[]);
    let before = world.log().len();
    let ran = open_as(
        &world,
        "bob",
        &["--anchor", "ca.crt", "-o", "entity", "--json"],
    );
    assert_eq!(ran.expect(0).json()["verdict"]["signature"], "good");
    assert_eq!(world.read("entity"), ENTITY.as_bytes());
    assert_eq!(world.log().len(), before);
}

#[test]
fn a_mail_comes_from_standard_input() {
    let world = sealed(&[]);
    let mail = world.read("sealed.eml");
    for mail_argument in [&["-"][..], &[]] {
        let open = [
            "open",
            "--no-store",
            "--cert",
            "bob.pem",
            "--key",
            "bob.key",
        ];
        let open = [&open[..], &["--anchor", "ca.crt", "--json"], mail_argument].concat();
        world.run_with(&open, &mail).expect(0);
    }
}

#[test]
fn a_mail_without_our_key_is_failed_encryption_and_no_output() {
    let world = sealed(&[]);
    world.write("old", "old");
    let before = world.files();
    for output in ["new", "old"] {
        let ran = open_as(&world, "carol", &["-o", output, "--json"]).expect(4);
        let value = ran.json();
        assert_eq!(
            fields(&value),
            ["error", "from", "layers", "remarks", "subject", "verdict"]
        );
        assert_eq!(
            value["verdict"],
            json!({"signature": "none", "encryption": "failed"})
        );
        assert_eq!(value["error"]["code"], "engine.no_key");
        assert_eq!(value["subject"], "the plan");
    }
    assert_eq!(world.files(), before);
    assert_eq!(world.read("old"), b"old");
}

#[test]
fn a_locked_key_is_failed_encryption_and_logged() {
    let world = sealed(&[]);
    let ran = world.run(&["open", "sealed.eml", "--json"]).expect(4);
    assert_eq!(ran.json()["error"]["code"], "engine.key_locked");
    assert!(ran.err.contains("--passphrase-file"), "a remedy");
    let log = world.log();
    let last = log.last().unwrap();
    assert_eq!(last["outcome"], "failed");
    assert_eq!(last["operation"], "decrypt");
    let quiet = world.run(&["open", "sealed.eml", "--quiet"]).expect(4);
    assert_eq!(quiet.err.lines().count(), 1, "no remedy: {}", quiet.err);
}

#[test]
fn a_mail_that_came_before_key_and_trust_opens_when_they_are_there() {
    let world = sealed(&[]);
    let later = ["--store", "later.redb", "--json"];
    let run = |arguments: &[&str]| world.unlocked(&[arguments, &later[..]].concat());
    run(&["cert", "import", "carol.pem"]).expect(0);
    let open = ["open", "sealed.eml", "-o", "entity"];
    let before = run(&open).expect(4);
    assert_eq!(before.json()["error"]["code"], "engine.no_key");
    assert!(before.err.contains("smime key import"), "{}", before.err);
    run(&["cert", "import", "bob.pem"]).expect(0);
    run(&["key", "import", "bob.key"]).expect(0);
    let verdict = run(&open).expect(1).json()["verdict"].clone();
    assert_eq!(verdict["signature"], "untrusted");
    assert_eq!(world.read("entity"), ENTITY.as_bytes());
    run(&["cert", "import", "--trust", "ca.crt"]).expect(0);
    let verdict = run(&open).expect(0).json()["verdict"].clone();
    assert_eq!(verdict, json!({"signature": "good", "encryption": "whole"}));
}

#[test]
fn altered_ciphertext_is_failed_encryption_and_no_output() {
    for cipher in ["aes256-gcm", "aes256-cbc"] {
        let world = sealed(&["--cipher", cipher]);
        let mut mail = world.read("sealed.eml");
        let place = mail.len() - 200;
        mail[place] = if mail[place] == b'A' { b'B' } else { b'A' };
        world.write("sealed.eml", mail);
        let ran = world.unlocked(&["open", "sealed.eml", "-o", "entity", "--json"]);
        let code = ran.expect(4).json()["error"]["code"].clone();
        assert_eq!(code, "engine.decrypt_failed", "{cipher}");
        assert!(!world.path("entity").exists(), "{cipher}");
    }
}

#[test]
fn a_bad_signature_is_judged_not_good_and_logged() {
    let world = sealed(&["--encrypt", "never"]);
    let mail = String::from_utf8(world.read("sealed.eml")).unwrap();
    world.write("sealed.eml", mail.replace("noon", "nine"));
    let ran = world.run(&["open", "sealed.eml", "-o", "entity", "--json"]);
    let value = ran.expect(1).json();
    assert_eq!(
        value["verdict"],
        json!({"signature": "bad_signature", "encryption": "none"})
    );
    assert_eq!(value["layers"][0]["good"], false);
    let log = world.log();
    let last = log.last().unwrap();
    assert_eq!(
        (&last["operation"], &last["outcome"]),
        (&"verify".into(), &"failed".into())
    );
}

#[test]
fn a_signature_is_not_good_without_trust_at_another_time_or_under_another_name() {
    let world = sealed(&["--encrypt", "never"]);
    let no_trust = ["open", "sealed.eml", "--no-store", "--json"];
    let verdict = |ran: Ran| ran.expect(1).json()["verdict"]["signature"].clone();
    assert_eq!(verdict(world.run(&no_trust)), "untrusted");
    let late = [
        "open",
        "sealed.eml",
        "--json",
        "--at",
        "2036-01-01T00:00:00Z",
    ];
    assert_eq!(verdict(world.run(&late)), "untrusted");
    let mail = String::from_utf8(world.read("sealed.eml")).unwrap();
    world.write("sealed.eml", mail.replace(ALICE, BOB));
    let other = ["open", "sealed.eml", "--json"];
    assert_eq!(verdict(world.run(&other)), "wrong_sender");
}

#[test]
fn a_signature_by_a_certificate_that_expired_is_good_by_the_time_claimed_if_that_is_asked_for() {
    let world = sealed(&["--encrypt", "never"]);
    let open =
        |at: &str, more: &[&str]| world.run(&[&["open", "sealed.eml", "--at", at], more].concat());
    let (then, late, early) = (
        "2026-06-02T00:00:00Z",
        "2036-01-01T00:00:00Z",
        "2019-01-01T00:00:00Z",
    );
    let time = |value: &Value| value["layers"][0]["signers"][0]["time"].clone();
    let usual = open(then, &["--json", "--time", "signing"])
        .expect(0)
        .json();
    assert_eq!(time(&usual), "given");
    assert_eq!(usual["verdict"].get("time"), None);
    let expired = open(late, &["--json", "--time", "now"]).expect(1).json();
    assert_eq!(time(&expired), "given");
    let claimed = open(late, &["--json", "--time", "signing"])
        .expect(0)
        .json();
    assert_eq!(time(&claimed), "claimed");
    let verdict = json!({"signature": "good", "encryption": "none", "time": "claimed"});
    assert_eq!(claimed["verdict"], verdict);
    let words = open(late, &["--time", "signing", "-o", "entity"]).expect(0);
    assert!(words.text().contains("at the time the signer claims"));
    // A time that is yet to come is nobody's.
    open(early, &["--time", "signing"]).expect(1);
}

#[test]
fn a_display_name_that_is_another_address_is_remarked_and_changes_no_verdict() {
    let world = sealed(&["--encrypt", "never"]);
    let mail = String::from_utf8(world.read("sealed.eml")).unwrap();
    let (start, rest) = mail.split_once("From: ").unwrap();
    let (_, rest) = rest.split_once("\r\n").unwrap();
    for (from, code, signature) in [
        (format!("\"{BOB}\" <{ALICE}>"), 0, "good"),
        (format!("\"{ALICE}\" <{BOB}>"), 1, "wrong_sender"),
    ] {
        world.write("spoof.eml", format!("{start}From: {from}\r\n{rest}"));
        let value = world
            .run(&["open", "spoof.eml", "--json"])
            .expect(code)
            .json();
        assert_eq!(value["verdict"]["signature"], signature);
        let remark = &value["remarks"][0];
        assert_eq!(remark["code"], "sender.display_name_is_another_address");
        let words = world
            .run(&["open", "spoof.eml", "-o", "entity"])
            .expect(code);
        assert!(
            words
                .text()
                .contains("remark: sender.display_name_is_another_address")
        );
    }
}

#[test]
fn malformed_mail_is_one_json_document_and_no_output() {
    let world = World::with_store();
    let rubbish = "From: a@example.com\r\nContent-Type: application/pkcs7-mime; \
                   smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    for (name, body) in [
        ("no CMS", "AAAA\r\n"),
        ("cut", "MIAGCSqGSIb3DQEHA6CAMIACAQA=\r\n"),
        ("no base64", "====\r\n"),
        ("empty", ""),
    ] {
        world.write("bad.eml", [rubbish, body].concat());
        let ran = world.run(&["open", "bad.eml", "-o", "entity", "--json"]);
        assert_eq!(ran.code, 3, "{name}: {}", ran.err);
        assert_eq!(fields(&ran.json()), ["error"], "{name}");
        assert_eq!(fields(&ran.json()["error"]), ["code", "detail"], "{name}");
        assert!(!world.path("entity").exists(), "{name}");
    }
}

#[test]
fn strict_withholds_what_nothing_vouches_for() {
    let world = sealed(&["--sign", "never", "--cipher", "aes128-cbc"]);
    let strict = [
        "open",
        "sealed.eml",
        "-o",
        "entity",
        "--profile",
        "strict",
        "--json",
    ];
    let value = world.unlocked(&strict).expect(1).json();
    assert_eq!(value["error"]["code"], "engine.withheld");
    assert_eq!(value["verdict"]["encryption"], "failed");
    assert!(!world.path("entity").exists());
    let standard = ["open", "sealed.eml", "-o", "entity", "--json"];
    let value = world.ok_unlocked(&standard).json();
    assert_eq!(value["layers"][0]["authenticated"], false);
    assert_eq!(world.read("entity"), ENTITY.as_bytes());
}

#[test]
fn an_unprotected_mail_is_nothing_to_complain_about() {
    let world = World::empty();
    world.write("mail.eml", MAIL);
    let ran = world.ok(&["open", "--no-store", "mail.eml", "--json"]);
    assert_eq!(
        ran.json()["verdict"],
        json!({"signature": "none", "encryption": "none"})
    );
}

#[test]
fn the_output_is_never_an_input() {
    let world = sealed(&[]);
    for input in ["sealed.eml", "bob.key", "bob.pem"] {
        let before = world.read(input);
        let ran = open_as(&world, "bob", &["-o", input, "--json"]);
        assert_eq!(ran.expect(2).out, b"", "{input}");
        assert_eq!(world.read(input), before, "{input}");
    }
    assert!(contains(&world.read("sealed.eml"), b"pkcs7-mime"));
}

#[test]
fn a_folder_or_a_missing_file_is_unreadable_input() {
    let world = World::with_store();
    for input in [".", "missing.eml"] {
        let ran = world.run(&["open", input, "--json"]);
        assert_eq!(ran.expect(3).error_code(), "input.unreadable", "{input}");
    }
}

#[test]
fn an_output_that_cannot_be_written_is_found_before_anything_is_done() {
    let world = sealed(&[]);
    let before = world.log().len();
    let ran = world.unlocked(&["open", "sealed.eml", "-o", "missing/entity", "--json"]);
    assert_eq!(ran.expect(5).error_code(), "output.unwritable");
    assert_eq!(world.log().len(), before);
}

#[test]
fn an_output_that_was_there_is_replaced_whole() {
    let world = sealed(&[]);
    world.write("entity", [b'x'; 10_000]);
    world.ok_unlocked(&["open", "sealed.eml", "-o", "entity"]);
    assert_eq!(world.read("entity"), ENTITY.as_bytes());
}

#[test]
fn a_part_among_others_is_told_as_a_part() {
    let world = sealed(&["--encrypt", "never"]);
    let signed = String::from_utf8(world.read("sealed.eml")).unwrap();
    let part = &signed[signed.find("Content-Type: multipart/signed").unwrap()..];
    let mail = format!(
        "From: {ALICE}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
         --x\r\n\r\nnot signed\r\n--x\r\n{part}\r\n--x--\r\n"
    );
    world.write("mixed.eml", mail);
    let value = world.run(&["open", "mixed.eml", "--json"]).expect(1).json();
    assert_eq!(value["verdict"]["signature"], "part");
    assert_eq!(value["layers"][0]["coverage"], "part");
}
