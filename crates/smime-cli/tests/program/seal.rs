use serde_json::json;
use smime_testkit::{CrlBuilder, Profile, TestKey};

use crate::world::{
    ALICE, BOB, CAROL, ENTITY, MAIL, World, authority, contains, fields, fingerprint, person,
};

const FIELDS: [&str; 8] = [
    "cipher",
    "digest",
    "encrypted",
    "outputs",
    "reasons",
    "recipients",
    "signed",
    "signer",
];

#[test]
fn the_receipt_says_what_was_done_with_which_certificates() {
    let world = World::with_store();
    world.write("mail.eml", MAIL);
    let ran = world.ok_unlocked(&["seal", "mail.eml", "-o", "sealed.eml", "--json"]);
    let receipt = ran.json();
    assert_eq!(fields(&receipt), FIELDS);
    let bob = fingerprint(&person(BOB, TestKey::P256A));
    let alice = fingerprint(&person(ALICE, TestKey::Rsa2048A));
    assert_eq!(receipt["signed"], true);
    assert_eq!(receipt["encrypted"], true);
    assert_eq!(receipt["signer"], alice);
    assert_eq!(receipt["cipher"], "aes256-cbc");
    assert_eq!(receipt["digest"], "sha256");
    assert_eq!(
        receipt["recipients"],
        json!([{"address": BOB, "certificates": [bob]}])
    );
    assert_eq!(
        receipt["outputs"],
        json!([{"file": "sealed.eml", "for": [BOB]}])
    );
    assert_eq!(fields(&receipt["reasons"][0]), ["code", "detail"]);
    assert_eq!(receipt["reasons"][0]["code"], "cipher.capabilities_unknown");
    let sealed = world.read("sealed.eml");
    assert!(contains(&sealed, b"Subject: the plan"));
    assert!(!contains(&sealed, b"noon"));
}

#[test]
fn a_bcc_recipient_has_a_copy_that_nobody_else_sees() {
    let world = World::with_store();
    world.write("mail.eml", format!("Bcc: {CAROL}\r\n{MAIL}"));
    let ran = world.ok_unlocked(&["seal", "mail.eml", "-o", "sealed.eml", "--json"]);
    assert_eq!(
        ran.json()["outputs"],
        json!([
            {"file": "sealed.eml", "for": [BOB]},
            {"file": "sealed.bcc-1.eml", "for": [CAROL]},
        ])
    );
    for (file, own, other) in [
        ("sealed.eml", "bob", "carol"),
        ("sealed.bcc-1.eml", "carol", "bob"),
    ] {
        assert!(!contains(&world.read(file), CAROL.as_bytes()), "{file}");
        let open = |name: &str| {
            let (cert, key) = (format!("{name}.pem"), format!("{name}.key"));
            let own = ["--cert", &cert, "--key", &key, "--anchor", "ca.crt"];
            world.run(&[&["open", "--no-store", file, "--json"], &own[..]].concat())
        };
        open(own).expect(0);
        open(other).expect(4);
    }
}

#[test]
fn what_is_not_possible_is_left_out_and_the_receipt_says_why() {
    let world = World::with_people();
    world.ok(&["cert", "import", "--trust", "ca.crt"]);
    world.write("mail.eml", MAIL);
    let receipt = world
        .ok(&["seal", "mail.eml", "-o", "plain.eml", "--json"])
        .json();
    assert_eq!(receipt["signed"], false);
    assert_eq!(receipt["encrypted"], false);
    for absent in ["signer", "cipher", "digest"] {
        assert!(receipt[absent].is_null(), "{absent}");
    }
    let codes: Vec<_> = receipt["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["code"])
        .collect();
    assert_eq!(codes, ["engine.cannot_sign", "engine.cannot_encrypt"]);
    assert_eq!(
        receipt["outputs"],
        json!([{"file": "plain.eml", "for": [BOB]}])
    );
    assert!(contains(&world.read("plain.eml"), b"noon"));
    let words = world.ok(&["seal", "mail.eml", "-o", "plain.eml"]);
    assert!(words.text().contains("not signed"));
    assert!(words.text().contains("select.no_certificate"));
}

#[test]
fn what_is_demanded_and_impossible_leaves_no_output() {
    let world = World::with_store();
    world.write("mail.eml", MAIL.replace(BOB, "dave@example.org"));
    world.write("old.eml", "old");
    let before = world.files();
    for output in ["new.eml", "old.eml"] {
        let seal = [
            "seal",
            "mail.eml",
            "-o",
            output,
            "--encrypt",
            "always",
            "--json",
        ];
        let ran = world.unlocked(&seal).expect(1);
        assert_eq!(ran.error_code(), "engine.cannot_encrypt");
    }
    assert_eq!(world.files(), before);
    assert_eq!(world.read("old.eml"), b"old");
    let log = world.log();
    let last = log.last().unwrap();
    assert_eq!(last["code"], "engine.cannot_encrypt");
    assert_eq!(last["outcome"], "failed");
}

#[test]
fn the_key_of_the_sender_stays_closed_without_its_passphrase() {
    let world = World::with_store();
    world.write("mail.eml", MAIL);
    let ran = world.run(&["seal", "mail.eml", "-o", "x.eml", "--sign", "always"]);
    let ran = ran.expect(1);
    assert!(ran.err.contains("select.key_locked"), "{}", ran.err);
    assert!(ran.err.contains("--passphrase-file"), "{}", ran.err);
    assert!(!world.path("x.eml").exists());
}

#[test]
fn an_expired_certificate_is_never_used_for_outgoing_mail() {
    let world = World::with_people();
    let expired = authority().person(BOB, Profile::of(TestKey::P256A).expired());
    world.write("expired.pem", expired.certificate_pem());
    world.ok(&["cert", "import", "--trust", "ca.crt", "expired.pem"]);
    world.ok_unlocked(&["key", "import", "bob.key"]);
    let from_and_to_bob = MAIL.replace(&format!("Alice <{ALICE}>"), BOB);
    world.write("mail.eml", from_and_to_bob);
    let ran = world.unlocked(&["seal", "mail.eml", "-o", "out.eml", "--json"]);
    let receipt = ran.expect(0).json();
    assert_eq!(
        (&receipt["signed"], &receipt["encrypted"]),
        (&false.into(), &false.into())
    );
    for reason in receipt["reasons"].as_array().unwrap() {
        assert!(reason["detail"].as_str().unwrap().contains("chain.expired"));
    }
    for mode in ["--sign", "--encrypt"] {
        let always = ["seal", "mail.eml", "-o", "x.eml", mode, "always"];
        world.unlocked(&always).expect(1);
    }
}

#[test]
fn the_mail_can_come_from_standard_input_and_the_choices_from_options() {
    let world = World::with_store();
    let seal = [
        "seal",
        "-",
        "-o",
        "s.eml",
        "--to",
        CAROL,
        BOB,
        "--cipher",
        "aes128-gcm",
        "--digest",
        "sha512",
        "--pss",
        "--oaep",
        "--opaque",
        "--json",
        "--passphrase-file",
        "passphrase",
    ];
    let receipt = world.run_with(&seal, MAIL.as_bytes()).expect(0).json();
    assert_eq!(receipt["cipher"], "aes128-gcm");
    assert_eq!(receipt["digest"], "sha512");
    assert_eq!(receipt["outputs"][0]["for"], json!([CAROL, BOB]));
    let opened = world.unlocked(&["open", "s.eml", "-o", "entity", "--json"]);
    let layers = opened.expect(0).json()["layers"].clone();
    assert_eq!(layers[0]["authenticated"], true);
    assert_eq!(layers[1]["signers"][0]["scheme"], "rsa_pss");
    assert_eq!(world.read("entity"), ENTITY.as_bytes());
}

#[test]
fn strict_sends_authenticated_encryption_only() {
    let world = World::with_store();
    world.write("mail.eml", MAIL);
    world.write("ca.crl", CrlBuilder::of(&authority()).sign().der());
    let profile = ["--profile", "strict", "--crl", "ca.crl"];
    let strict = [&["seal", "mail.eml", "-o", "s.eml"], &profile[..]].concat();
    let ran = world.ok_unlocked(&[&strict[..], &["--json"]].concat());
    assert_eq!(ran.json()["cipher"], "aes256-gcm");
    let ran = world.unlocked(&[&strict[..], &["--cipher", "aes256-cbc"]].concat());
    assert!(ran.expect(1).err.contains("policy.cipher"));
}

#[test]
fn the_output_is_never_the_input_nor_the_store() {
    let world = World::with_store();
    world.write("mail.eml", MAIL);
    for output in [
        "mail.eml",
        "./mail.eml",
        "store.redb",
        "passphrase",
        ".",
        "-",
    ] {
        let ran = world.unlocked(&["seal", "mail.eml", "-o", output, "--json"]);
        assert_eq!(ran.expect(2).out, b"", "{output}");
    }
    assert_eq!(world.read("mail.eml"), MAIL.as_bytes());
}

#[test]
fn the_root_goes_along_and_old_names_are_used_by_choice() {
    let world = World::with_store();
    world.write("mail.eml", MAIL);
    let seal = |more: &[&str]| {
        let seal = ["seal", "mail.eml", "-o", "s.eml", "--opaque"];
        let seal = [&seal[..], &["--encrypt", "never"], more].concat();
        world.ok_unlocked(&seal);
        world.ok(&["open", "s.eml", "-o", "entity"]);
        let shown = world.ok(&["cms", "show", "s.eml", "--json"]).json();
        (world.read("s.eml"), shown["certificates"].clone())
    };
    let (usual, alone) = seal(&[]);
    assert!(contains(&usual, b"application/pkcs7-mime"));
    assert_eq!(alone, 1);
    let (old, with_root) = seal(&["--include-root", "--old-names"]);
    assert!(contains(&old, b"application/x-pkcs7-mime"));
    assert_eq!(with_root, 2);
}

#[test]
fn one_operation_is_one_entry_of_the_log() {
    let world = World::with_store();
    world.write("mail.eml", MAIL);
    let before = world.log().len();
    world.ok_unlocked(&["seal", "mail.eml", "-o", "s.eml"]);
    world.ok_unlocked(&["open", "s.eml", "-o", "entity"]);
    let log = world.log();
    let new: Vec<_> = log[before..]
        .iter()
        .map(|it| format!("{} {} {}", it["direction"], it["operation"], it["outcome"]))
        .collect();
    assert_eq!(
        new,
        [
            r#""out" "sign" "ok""#,
            r#""out" "encrypt" "ok""#,
            r#""in" "decrypt" "ok""#,
            r#""in" "verify" "ok""#,
        ]
    );
    let algorithms: Vec<_> = log[before..].iter().map(|it| &it["algorithms"]).collect();
    let signature = json!(["sha256", "rsa_pkcs1_v15"]);
    let encryption = json!(["aes256-cbc"]);
    assert_eq!(
        algorithms,
        [&signature, &encryption, &encryption, &signature]
    );
    for (number, entry) in log.iter().enumerate() {
        assert_eq!(
            fields(entry),
            [
                "actor",
                "algorithms",
                "certificates",
                "code",
                "detail",
                "direction",
                "from",
                "id",
                "message_id",
                "operation",
                "outcome",
                "time",
                "to"
            ]
        );
        assert_eq!(entry["id"], number + 1);
    }
    let last = log.last().unwrap();
    assert_eq!(last["message_id"], "<1@example.com>");
    assert_eq!(last["to"], json!([BOB]));
    assert_eq!(last["time"], "2026-06-01T00:00:00Z");
    assert!(!log.iter().any(|it| it.to_string().contains("noon")));
}

#[test]
fn an_unencrypted_mail_is_one_output_for_all() {
    let world = World::with_store();
    world.write("mail.eml", format!("Cc: {ALICE}\r\nBcc: {CAROL}\r\n{MAIL}"));
    let seal = [
        "seal",
        "mail.eml",
        "-o",
        "s.eml",
        "--encrypt",
        "never",
        "--json",
    ];
    let receipt = world.ok_unlocked(&seal).json();
    assert_eq!(
        receipt["outputs"],
        json!([{"file": "s.eml", "for": [BOB, ALICE, CAROL]}])
    );
    assert!(!contains(&world.read("s.eml"), b"Bcc"));
}

#[test]
fn several_outputs_come_all_or_none() {
    let world = World::with_store();
    world.write("mail.eml", format!("Bcc: {CAROL}\r\n{MAIL}"));
    std::fs::create_dir(world.path("s.bcc-1.eml")).unwrap();
    let before = (world.files(), world.log().len());
    let ran = world.unlocked(&["seal", "mail.eml", "-o", "s.eml", "--json"]);
    assert_eq!(ran.expect(2).out, b"");
    assert_eq!((world.files(), world.log().len()), before);
}
