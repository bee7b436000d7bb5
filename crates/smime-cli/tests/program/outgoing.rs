use serde_json::{Value, json};
use smime_testkit::{CrlBuilder, Profile, TestKey, Uses};

use crate::world::{ALICE, BOB, MAIL, World, authority, fields, fingerprint, person};

const NOBODY: &str = "nobody@example.net";

fn options(world: &World, more: &[&str]) -> Value {
    let arguments = [&["options", "--json", "--from", ALICE], more].concat();
    world.ok_unlocked(&arguments).json()
}

#[test]
fn options_say_what_can_be_done_and_with_which_certificates() {
    let world = World::with_store();
    let said = options(&world, &["--to", BOB, NOBODY]);
    let (alice, bob) = (
        fingerprint(&person(ALICE, TestKey::Rsa2048A)),
        fingerprint(&person(BOB, TestKey::P256A)),
    );
    let sign = json!({
        "possible": true,
        "default": true,
        "mandatory": false,
        "plan": "done",
        "certificate": alice,
        "digest": "sha256",
        "scheme": "rsa_pkcs1_v15",
        "code": "options.possible",
    });
    assert_eq!(said["sign"], sign);
    let encrypt = json!({
        "possible": false,
        "default": true,
        "mandatory": false,
        "plan": "without",
        "cipher": null,
        "code": "select.no_certificate",
        "recipients": [
            {"address": BOB, "certificates": [bob], "code": "options.possible"},
            {"address": NOBODY, "certificates": [], "code": "select.no_certificate"},
        ],
    });
    assert_eq!(said["encrypt"], encrypt);
}

#[test]
fn options_need_no_passphrase_and_say_when_sealing_will() {
    let world = World::with_store();
    let ran = world.ok(&["options", "--json", "--from", ALICE, "--to", BOB]);
    let sign = &ran.json()["sign"];
    assert_eq!(sign["possible"], true);
    assert_eq!(sign["code"], "options.passphrase_needed");
}

#[test]
fn options_of_somebody_without_a_key_say_so() {
    let world = World::with_people();
    world.ok(&["cert", "import", "--trust", "ca.crt"]);
    world.ok(&["cert", "import", "alice.pem"]);
    let sign = &options(&world, &["--to", BOB])["sign"];
    assert_eq!(sign["possible"], false);
    assert_eq!(sign["certificate"], Value::Null);
    assert_eq!(sign["code"], "select.no_private_key");
}

#[test]
fn options_for_people_name_every_recipient_and_what_to_do() {
    let world = World::with_store();
    let arguments = ["options", "--from", ALICE, "--to", BOB, NOBODY];
    let ran = world.ok(&arguments);
    let lines: Vec<_> = ran.text().lines().collect();
    assert_eq!(lines.len(), 6, "{}", ran.text());
    assert!(lines[0].starts_with("sign     if-possible"));
    assert!(lines[0].ends_with("options.passphrase_needed"));
    assert!(lines[1].contains("passphrase"));
    assert!(lines[2].ends_with("select.no_certificate"));
    assert!(lines[3].contains(BOB) && lines[3].contains("options.possible"));
    assert!(lines[4].contains(NOBODY));
    assert!(lines[5].contains("smime cert import"));
}

#[test]
fn options_say_why_a_mail_cannot_be_signed_or_encrypted_and_what_to_do() {
    let world = World::with_people();
    world.ok(&["cert", "import", "--trust", "ca.crt", "bob.pem"]);
    let profile = Profile::of(TestKey::P256B);
    let people = [
        ("expired@example.org", profile.expired()),
        ("early@example.org", profile.not_yet_valid()),
        ("signs@example.org", profile.uses(Uses::Sign)),
    ];
    for (address, profile) in people {
        let person = authority().person(address, profile);
        world.write("person.pem", person.certificate_pem());
        world.ok(&["cert", "import", "person.pem"]);
    }
    let revoked = person(BOB, TestKey::P256A).certificate;
    let list = CrlBuilder::of(&authority()).revoke(&revoked);
    world.write("bob.crl", list.sign().der());
    let no_certificate = (
        "select.no_certificate",
        "import a certificate of this address",
    );
    for (from, to, (code, remedy)) in [
        (BOB, NOBODY, no_certificate),
        (BOB, people[0].0, ("chain.expired", "that renews it")),
        (BOB, people[1].0, ("chain.not_yet_valid", "first day")),
        (BOB, people[2].0, ("chain.key_usage", "smime cert explain")),
        (BOB, BOB, ("chain.revoked", "ask for a new certificate")),
        (BOB, BOB, ("select.no_private_key", "smime key import FILE")),
        // The certificates that are there are of other addresses.
        (NOBODY, BOB, no_certificate),
    ] {
        let options = ["options", "--from", from, "--to", to];
        let evidence: &[&str] = match code {
            "chain.revoked" => &["--crl", "bob.crl"],
            _ => &[],
        };
        let ran = world.ok(&[&options[..], evidence].concat());
        let mut lines = ran.text().lines();
        assert!(lines.any(|line| line.contains(code)), "{}", ran.text());
        let advice = lines.find(|line| line.starts_with("    ")).unwrap();
        assert!(advice.contains(remedy), "{code}: {}", ran.text());
    }
}

#[test]
fn a_group_is_set_listed_and_deleted() {
    let world = World::with_store();
    let set = [
        "group",
        "set",
        "sales",
        "--sign",
        "always",
        "--encrypt",
        "if-possible",
        "--mandatory",
        "sign",
        "--impossible",
        "discard",
        "--json",
    ];
    let sales = json!({
        "name": "sales",
        "kind": "group",
        "sign": {"mode": "always", "mandatory": true},
        "encrypt": {"mode": "if-possible", "mandatory": false},
        "impossible": "discard",
    });
    assert_eq!(world.ok(&set).json(), sales);
    world.ok(&["group", "set", "@Example.ORG", "--encrypt", "always"]);
    world.ok(&["group", "set", BOB, "--encrypt", "never"]);
    let listed = world.ok(&["group", "list", "--json"]).lines();
    assert_eq!(listed[0], sales);
    let names: Vec<_> = listed.iter().map(|it| (&it["name"], &it["kind"])).collect();
    assert_eq!(names[1], (&json!("@example.org"), &json!("domain")));
    assert_eq!(names[2], (&json!(BOB), &json!("address")));
    world.ok(&["group", "delete", "sales"]);
    assert_eq!(world.ok(&["group", "list", "--json"]).lines().len(), 2);
    let log = world.log();
    let last = log.last().unwrap();
    assert_eq!(last["operation"], "defaults");
    assert_eq!(last["code"], "defaults.deleted");
}

#[test]
fn what_is_not_given_stays_as_it_was_set() {
    let world = World::with_store();
    let set = |more: &[&str]| world.ok(&[&["group", "set", "sales", "--json"], more].concat());
    set(&["--encrypt", "always", "--mandatory", "encrypt"]);
    let after = set(&["--sign", "always"]).json();
    let encrypt = json!({"mode": "always", "mandatory": true});
    assert_eq!(after["encrypt"], encrypt);
    assert_eq!(after["sign"], json!({"mode": "always", "mandatory": false}));
    let after = set(&["--optional", "encrypt", "--impossible", "discard"]).json();
    assert_eq!(
        after["encrypt"],
        json!({"mode": "always", "mandatory": false})
    );
    assert_eq!(after["impossible"], "discard");
}

#[test]
fn what_is_no_group_domain_or_address_is_wrong_usage() {
    let world = World::with_store();
    for name in ["", "@", "a@b@c", " sales", "bob@"] {
        world.run(&["group", "set", name]).expect(2);
    }
    world
        .run(&["group", "set", "sales", "--sign", "maybe"])
        .expect(2);
    world.run(&["group", "delete", "nobody"]).expect(3);
    assert!(world.ok(&["group", "list"]).out.is_empty());
}

#[test]
fn the_options_and_what_is_sealed_are_one_decision() {
    let world = World::with_store();
    world.write("mail.eml", MAIL);
    world.ok(&[
        "group",
        "set",
        "open",
        "--sign",
        "never",
        "--encrypt",
        "never",
    ]);
    world.ok(&[
        "group",
        "set",
        "closed",
        "--encrypt",
        "always",
        "--mandatory",
        "encrypt",
    ]);
    for (group, sign, encrypt, mandatory) in
        [("open", false, false, false), ("closed", true, true, true)]
    {
        let said = options(&world, &["--to", BOB, "--group", group]);
        assert_eq!(said["sign"]["default"], sign);
        assert_eq!(said["encrypt"]["default"], encrypt);
        assert_eq!(said["encrypt"]["mandatory"], mandatory);
        let seal = [
            "seal", "mail.eml", "-o", "out.eml", "--json", "--group", group,
        ];
        let receipt = world.ok_unlocked(&seal).json();
        assert_eq!(receipt["signed"], sign, "{group}");
        assert_eq!(receipt["encrypted"], encrypt, "{group}");
        let planned = |done| if done { "done" } else { "without" };
        assert_eq!(said["sign"]["plan"], planned(sign));
        assert_eq!(said["encrypt"]["plan"], planned(encrypt));
    }
    let lowered = [
        "seal",
        "mail.eml",
        "-o",
        "out.eml",
        "--json",
        "--group",
        "closed",
        "--encrypt",
        "never",
    ];
    let receipt = world.ok_unlocked(&lowered).json();
    assert_eq!(receipt["encrypted"], true);
    assert_eq!(receipt["reasons"][0]["code"], "defaults.mandatory");
}

#[test]
fn the_options_name_the_algorithms_that_seal_uses_or_refuse_them_as_it_does() {
    let world = World::with_store();
    world.write("mail.eml", MAIL);
    let seal = |asked: &[&str]| {
        let seal = ["seal", "mail.eml", "-o", "out.eml", "--json"];
        world.unlocked(&[&seal[..], asked].concat())
    };
    let to_bob = |asked: &[&str]| options(&world, &[&["--to", BOB], asked].concat());
    for (asked, digest, scheme, cipher) in [
        (&[][..], "sha256", "rsa_pkcs1_v15", "aes256-cbc"),
        (
            &["--pss", "--digest", "sha512", "--cipher", "aes128-gcm"],
            "sha512",
            "rsa_pss",
            "aes128-gcm",
        ),
        (
            &["--profile", "strict", "--revocation", "off"],
            "sha256",
            "rsa_pkcs1_v15",
            "aes256-gcm",
        ),
    ] {
        let said = to_bob(asked);
        assert_eq!(said["sign"]["digest"], digest);
        assert_eq!(said["sign"]["scheme"], scheme);
        assert_eq!(said["encrypt"]["cipher"], cipher);
        let receipt = seal(asked).expect(0).json();
        assert_eq!(receipt["digest"], digest);
        assert_eq!(receipt["cipher"], cipher);
    }
    let refused = ["--profile", "strict", "--revocation", "off"];
    let refused = [&refused[..], &["--cipher", "aes256-cbc"]].concat();
    let said = to_bob(&refused);
    assert_eq!(said["encrypt"]["possible"], false);
    assert_eq!(said["encrypt"]["plan"], "refused");
    assert_eq!(said["encrypt"]["code"], "policy.cipher");
    assert_eq!(seal(&refused).expect(1).error_code(), "policy.cipher");
}

#[test]
fn a_group_that_was_never_set_is_wrong_usage_and_nothing_is_written() {
    let world = World::with_store();
    world.write("mail.eml", MAIL);
    let seal = ["seal", "mail.eml", "-o", "out.eml", "--group", "sale"];
    world.unlocked(&seal).expect(2);
    world
        .run(&["options", "--from", ALICE, "--to", BOB, "--group", "sale"])
        .expect(2);
    assert!(!world.files().contains(&"out.eml".to_owned()));
}

#[test]
fn mail_that_is_to_be_discarded_is_written_nowhere_and_logged_as_discarded() {
    let world = World::with_store();
    world.write("mail.eml", MAIL.replace(BOB, NOBODY));
    let set = [
        "group",
        "set",
        "sales",
        "--encrypt",
        "always",
        "--impossible",
        "discard",
    ];
    world.ok(&set);
    let seal = [
        "seal", "mail.eml", "-o", "out.eml", "--json", "--group", "sales",
    ];
    let ran = world.unlocked(&seal).expect(1);
    assert_eq!(ran.error_code(), "engine.discarded");
    assert!(!world.files().contains(&"out.eml".to_owned()));
    let log = world.log();
    let last = log.last().unwrap();
    assert_eq!(last["outcome"], "discarded");
    assert_eq!(last["code"], "engine.cannot_encrypt");
    assert_eq!(last["to"], json!([NOBODY]));
}

#[test]
fn the_options_say_what_becomes_of_mail_that_cannot_be_protected() {
    let world = World::with_store();
    for (impossible, plan) in [
        ("refuse", "refused"),
        ("discard", "discarded"),
        ("send-plain", "without"),
    ] {
        let set = [
            "group",
            "set",
            "sales",
            "--encrypt",
            "always",
            "--impossible",
            impossible,
        ];
        world.ok(&set);
        let said = options(&world, &["--to", NOBODY, "--group", "sales"]);
        assert_eq!(said["encrypt"]["plan"], plan);
    }
    let said = options(&world, &["--to", BOB, "--sign", "never"]);
    assert_eq!(said["sign"]["plan"], "without");
}

#[test]
fn certificates_are_chosen_by_the_start_of_their_fingerprint() {
    let world = World::with_store();
    let alice = fingerprint(&person(ALICE, TestKey::Rsa2048A));
    let bob = fingerprint(&person(BOB, TestKey::P256A));
    world.write("mail.eml", MAIL);
    let choose = |signer: &str, recipient: &str| {
        let seal = ["seal", "mail.eml", "-o", "out.eml", "--json"];
        let chosen = ["--signer", signer, "--recipient", recipient];
        world.unlocked(&[&seal[..], &chosen].concat())
    };
    let receipt = choose(&alice[..16], &bob[..8]).expect(0).json();
    assert_eq!(receipt["signer"], alice);
    assert_eq!(receipt["recipients"][0]["certificates"], json!([bob]));
    choose(&bob, &bob).expect(2);
    choose(&alice, "00000000").expect(3);
    choose("xyz", &bob).expect(2);
}

#[test]
fn the_log_is_filtered_paged_and_checked() {
    let world = World::with_store();
    world.write("mail.eml", MAIL);
    world.ok_unlocked(&["seal", "mail.eml", "-o", "out.eml"]);
    let all = world.log();
    let log = |more: &[&str]| world.ok(&[&["log", "--json"], more].concat()).lines();
    assert_eq!(log(&["--limit", "2"]), all[..2]);
    assert_eq!(log(&["--after", "2", "--limit", "1"]), all[2..3]);
    let out = log(&["--direction", "out"]);
    assert!(out.len() == 2 && out.iter().all(|entry| entry["direction"] == "out"));
    assert_eq!(log(&["--operation", "encrypt"]).len(), 1);
    assert!(log(&["--outcome", "discarded"]).is_empty());
    assert_eq!(log(&["--text", "BOB@example.org"]).len(), 2);
    assert!(log(&["--until", "2001-01-01T00:00:00Z"]).is_empty());
    assert_eq!(log(&["--since", "2001-01-01T00:00:00Z"]).len(), all.len());
    let whole = world.ok(&["log", "--verify", "--json"]).json();
    assert_eq!(whole, json!({"whole": true}));
    world.run(&["log", "--verify", "--limit", "1"]).expect(2);
}

#[test]
fn forgetting_old_entries_is_itself_in_the_log() {
    let world = World::with_store();
    let count = world.log().len();
    let forget = ["log", "--forget-before", "2100-01-01T00:00:00Z", "--json"];
    assert_eq!(world.ok(&forget).json(), json!({"deleted": count}));
    let log = world.log();
    assert_eq!(log.len(), 1);
    assert_eq!(log[0]["operation"], "forget");
    assert_eq!(log[0]["id"], count + 1);
    world.ok(&["log", "--verify"]);
    assert_eq!(fields(&log[0]).len(), 13);
}
