use serde_json::json;
use smime::{
    crypto::{DigestAlgorithm, Oid, fastest},
    x509::{Name, NameAttribute},
};
use smime_testkit::{Profile, TestKey, Uses};

use crate::world::{ALICE, BOB, MAIL, World, authority, fields, fingerprint, person};

const SUBJECT_ALT_NAME: Oid = Oid::new("2.5.29.17");

const FIELDS: [&str; 27] = [
    "authority_info_access",
    "authority_key_id",
    "ca",
    "certificate_timestamps",
    "crl_distribution_points",
    "emails",
    "extended_key_usage",
    "extensions",
    "issuer",
    "issuer_alt_names",
    "key_usage",
    "name_constraints",
    "not_after",
    "not_before",
    "path_length",
    "policies",
    "public_key",
    "qc_statements",
    "serial",
    "sha1",
    "sha256",
    "signature",
    "smime_capabilities",
    "subject",
    "subject_alt_names",
    "subject_key_id",
    "version",
];

#[test]
fn show_prints_every_certificate_of_a_file() {
    let world = World::with_people();
    let both = [world.read("alice.pem"), world.read("bob.pem")].concat();
    world.write("both.pem", &both);
    let from_file = world.ok(&["cert", "show", "both.pem", "--json"]);
    let from_input = world.run_with(&["cert", "show", "-", "--json"], &both);
    assert_eq!(from_file.out, from_input.expect(0).out);
    let lines = from_file.lines();
    assert_eq!(lines.len(), 2);
    for value in &lines {
        assert_eq!(fields(value), FIELDS);
        assert_eq!(fields(&value["public_key"]), ["algorithm", "bits"]);
    }
    let alice = &lines[0];
    assert_eq!(
        alice["sha256"],
        fingerprint(&person(ALICE, TestKey::Rsa2048A))
    );
    assert_eq!(alice["emails"], json!([ALICE]));
    assert_eq!(alice["ca"], false);
    assert_eq!(
        alice["public_key"],
        json!({"algorithm": "rsa", "bits": 2048})
    );
    assert_eq!(alice["signature"], "ecdsa-sha384");
    assert_eq!(alice["extended_key_usage"], json!(["emailProtection"]));
    assert_eq!(alice["not_after"], "2027-06-01T00:00:00Z");
    assert!(!world.path("store.redb").exists());
}

#[test]
fn a_certificate_goes_by_its_sha_256_and_its_sha_1_is_shown() {
    let world = World::with_store();
    let alice = person(ALICE, TestKey::Rsa2048A);
    let mut hasher = fastest().hasher(DigestAlgorithm::Sha1);
    hasher.update(alice.certificate.der());
    let sha1: String = hasher
        .finish()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    for command in ["list", "show"] {
        let named = world.ok(&["cert", command, &fingerprint(&alice), "--json"]);
        assert_eq!(named.json()["sha256"], fingerprint(&alice), "{command}");
        assert_eq!(named.json()["sha1"], sha1, "{command}");
    }
    let by_sha1 = world.ok(&["cert", "list", &sha1, "--json"]);
    assert!(by_sha1.out.is_empty(), "it is no name");
}

#[test]
fn show_finds_nothing_where_nothing_is() {
    let world = World::with_store();
    let ran = world.run(&["cert", "show", "nobody@example.com", "--json"]);
    assert_eq!(ran.expect(3).error_code(), "input.not_found");
    let ran = world.run(&["cert", "show", "alice.key", "--json"]);
    assert_eq!(ran.expect(3).error_code(), "input.no_certificate");
    let found = world.ok(&["cert", "show", ALICE, "--json"]).json();
    assert_eq!(found["has_key"], true);
}

#[test]
fn list_says_what_the_store_holds_and_what_it_is_good_for() {
    let world = World::with_store();
    let lines = world.ok(&["cert", "list", "--json"]).lines();
    assert_eq!(lines.len(), 4);
    let mut expected = [
        &FIELDS[..],
        &[
            "has_key",
            "pinned_for",
            "trust",
            "trusted_for",
            "usable_for",
        ],
    ]
    .concat();
    expected.sort_unstable();
    for value in &lines {
        assert_eq!(fields(value), expected);
    }
    assert_eq!(lines[0]["trust"], "anchor");
    assert_eq!(lines[0]["trusted_for"], json!(["sign", "encrypt"]));
    assert_eq!(lines[0]["usable_for"], json!([]));
    assert_eq!(lines[1]["has_key"], true);
    assert_eq!(lines[1]["usable_for"], json!(["sign", "encrypt"]));
}

#[test]
fn a_good_path_is_named_from_leaf_to_anchor() {
    let world = World::with_people();
    let verify = [
        "cert",
        "verify",
        "--anchor",
        "ca.crt",
        "alice.pem",
        "--json",
    ];
    for purpose in ["any", "sign", "encrypt"] {
        let given = ["--purpose", purpose, "--email", ALICE];
        let value = world.ok(&[&verify[..], &given].concat()).json();
        assert_eq!(
            fields(&value),
            ["code", "detail", "path", "policies", "valid", "warnings"]
        );
        assert_eq!(value["valid"], true);
        assert_eq!(value["code"], "chain.good");
        let leaf = fingerprint(&person(ALICE, TestKey::Rsa2048A));
        assert_eq!(value["path"][0], leaf);
        assert_eq!(value["path"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn what_does_not_hold_is_not_valid_and_the_code_says_why() {
    let world = World::with_people();
    let sign_only = authority().person(BOB, Profile::of(TestKey::P256A).uses(Uses::Sign));
    world.write("sign-only.pem", sign_only.certificate_pem());
    let other = smime_testkit::Authority::root("Other", TestKey::P384B);
    world.write("other.crt", other.certificate().der());
    let anchor = ["--anchor", "ca.crt"];
    for (options, leaf, code) in [
        (&[][..], "alice.pem", "chain.no_path"),
        (&["--anchor", "other.crt"], "alice.pem", "chain.no_path"),
        (
            &["--at", "2028-01-01T00:00:00Z", "--anchor", "ca.crt"],
            "alice.pem",
            "chain.expired",
        ),
        (
            &["--at", "2020-01-01T00:00:00Z", "--anchor", "ca.crt"],
            "alice.pem",
            "chain.not_yet_valid",
        ),
        (
            &["--purpose", "encrypt", anchor[0], anchor[1]],
            "sign-only.pem",
            "chain.key_usage",
        ),
        (
            &["--purpose", "ca", anchor[0], anchor[1]],
            "alice.pem",
            "chain.key_usage",
        ),
        (
            &["--email", BOB, anchor[0], anchor[1]],
            "alice.pem",
            "chain.wrong_address",
        ),
    ] {
        let ran = world.run(&[&["cert", "verify", leaf, "--json"], options].concat());
        let value = ran.expect(1).json();
        assert_eq!(value["valid"], false, "{options:?}");
        assert_eq!(value["code"], code, "{options:?}");
        assert_eq!(value["path"], json!([]), "{options:?}");
    }
}

#[test]
fn an_intermediate_may_stand_in_the_pool_or_in_the_file() {
    let world = World::with_people();
    let intermediate = authority().intermediate("Middle", TestKey::P384B);
    let dave = intermediate.person("dave@example.com", Profile::of(TestKey::P256A));
    world.write("dave.pem", dave.certificate_pem());
    world.write("middle.crt", intermediate.certificate().der());
    let verify = ["cert", "verify", "--anchor", "ca.crt", "--json", "dave.pem"];
    let ran = world.run(&verify).expect(1);
    assert_eq!(ran.json()["code"], "chain.no_path");
    let ran = world.ok(&[&verify[..], &["--pool", "middle.crt"]].concat());
    assert_eq!(ran.json()["path"].as_array().unwrap().len(), 3);
}

#[test]
fn a_trusted_intermediate_ends_the_path_when_it_may_be_partial() {
    let world = World::with_people();
    let intermediate = authority().intermediate("Middle", TestKey::P384B);
    let dave = intermediate.person("dave@example.com", Profile::of(TestKey::P256A));
    world.write("dave.pem", dave.certificate_pem());
    world.write("middle.crt", intermediate.certificate().der());
    let verify = [
        "cert",
        "verify",
        "--json",
        "dave.pem",
        "--anchor",
        "middle.crt",
    ];
    let ran = world.run(&verify).expect(1);
    assert_eq!(ran.json()["code"], "chain.no_path");
    let ran = world.ok(&[&verify[..], &["--partial-chain"]].concat());
    assert_eq!(ran.json()["path"].as_array().unwrap().len(), 2);
    let ran = world.ok(&[&verify[..], &["--anchor", "ca.crt"]].concat());
    assert_eq!(ran.json()["path"].as_array().unwrap().len(), 3);
    let leaf = [
        "cert", "verify", "--json", "dave.pem", "--anchor", "dave.pem",
    ];
    world.run(&leaf).expect(1);
    world.ok(&[&leaf[..], &["--partial-chain"]].concat());
}

#[test]
fn a_path_is_no_deeper_than_asked() {
    let world = World::with_people();
    let intermediate = authority().intermediate("Middle", TestKey::P384B);
    let dave = intermediate.person("dave@example.com", Profile::of(TestKey::P256A));
    world.write("dave.pem", dave.certificate_pem());
    world.write("middle.crt", intermediate.certificate().der());
    let files = ["--anchor", "ca.crt", "--pool", "middle.crt"];
    let verify = |depth| {
        let asked = ["cert", "verify", "dave.pem", "--json", "--max-depth", depth];
        world.run(&[&asked[..], &files].concat())
    };
    assert_eq!(verify("0").expect(1).json()["code"], "chain.path_too_long");
    assert_eq!(verify("1").expect(0).json()["valid"], true);
    assert_eq!(verify("200").expect(0).json()["valid"], true);
    verify("x").expect(2);
}

#[test]
fn policies_are_asked_for_and_told() {
    let world = World::with_people();
    let asked = "1.3.6.1.4.1.99999.7";
    let value = [
        0x30, 13, 0x30, 11, 6, 9, 0x2b, 6, 1, 4, 1, 0x86, 0x8d, 0x1f, 7,
    ];
    let erin = authority().person_with("erin@example.com", Profile::of(TestKey::P256A), |b| {
        b.extension(Oid::new("2.5.29.32"), false, &value)
    });
    world.write("erin.pem", erin.certificate_pem());
    let verify = |leaf, options: &[&str]| {
        let command = ["cert", "verify", "--json", "--anchor", "ca.crt", leaf];
        world.run(&[&command[..], options].concat())
    };
    let explicit = ["--explicit-policy", "--initial-policy"];
    let told = verify("erin.pem", &[explicit[0], explicit[1], asked]);
    assert_eq!(told.expect(0).json()["policies"], json!([asked]));
    for (leaf, options) in [
        ("erin.pem", &[explicit[0], explicit[1], "1.2.3"][..]),
        ("alice.pem", &[explicit[0]]),
    ] {
        let told = verify(leaf, options).expect(1);
        assert_eq!(told.json()["code"], "chain.no_acceptable_policy");
    }
    let options = [
        "--initial-policy",
        "1.2.3",
        "--inhibit-mapping",
        "--inhibit-any",
    ];
    let told = verify("erin.pem", &options).expect(0);
    assert_eq!(told.json()["policies"], json!([]));
    verify("erin.pem", &["--initial-policy", "policy"]).expect(2);
}

#[test]
fn every_purpose_has_its_word() {
    let world = World::with_people();
    for (purpose, code) in [
        ("any", "chain.good"),
        ("sign", "chain.good"),
        ("encrypt", "chain.good"),
        ("ca", "chain.key_usage"),
        ("crl", "chain.key_usage"),
        ("ocsp", "chain.extended_key_usage"),
        ("tls-server", "chain.extended_key_usage"),
        ("tls-client", "chain.extended_key_usage"),
        ("code", "chain.extended_key_usage"),
        ("timestamp", "chain.key_usage"),
    ] {
        let verify = [
            "cert",
            "verify",
            "--json",
            "--anchor",
            "ca.crt",
            "alice.pem",
        ];
        let ran = world.run(&[&verify[..], &["--purpose", purpose]].concat());
        assert_eq!(ran.json()["code"], code, "{purpose}");
    }
}

#[test]
fn a_file_without_a_readable_certificate_is_malformed_input() {
    let world = World::with_people();
    world.write(
        "broken.pem",
        "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n",
    );
    for leaf in ["broken.pem", "alice.key", "missing.pem"] {
        for command in [&["cert", "verify"][..], &["cert", "show", "./"]] {
            let mut arguments = command.to_vec();
            if command.len() == 2 {
                arguments.push(leaf);
            }
            arguments.push("--json");
            let ran = world.run(&arguments).expect(3);
            assert_eq!(fields(&ran.json()), ["error"], "{arguments:?}");
        }
    }
    let anchor = ["cert", "verify", "alice.pem", "--anchor", "broken.pem"];
    world.run(&anchor).expect(3);
}

#[test]
fn a_leaf_that_cannot_be_read_is_not_replaced_by_what_follows() {
    let world = World::with_people();
    let alice = String::from_utf8(world.read("alice.pem")).unwrap();
    let body = alice.lines().nth(1).unwrap();
    let block = |content: &str| {
        format!("-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n")
    };
    // Cut off, no certificate, no base64, nothing.
    for broken in [body, "AgEB", "MAA=", "!!!!", ""] {
        let file = [block(broken).into_bytes(), world.read("bob.pem")].concat();
        world.write("chain.pem", file);
        let verify = ["cert", "verify", "--anchor", "ca.crt", "chain.pem"];
        world.run(&verify).expect(3);
    }
    let file = [world.read("alice.pem"), world.read("bob.pem")].concat();
    world.write("chain.pem", file);
    world.ok(&["cert", "verify", "--anchor", "ca.crt", "chain.pem"]);
}

#[test]
fn a_certificate_with_an_address_in_its_subject_alone_is_taken_and_used_by_choice() {
    let world = World::with_store();
    let (old, name) = ("old@example.net", NameAttribute::EmailAddress);
    let subject = Name::from_attributes(&[(name, old)]);
    let person = authority().person_with(old, Profile::of(TestKey::P256B), |it| {
        it.subject(subject).without_extension(SUBJECT_ALT_NAME)
    });
    world.write("old.pem", person.certificate_pem());
    let import = ["cert", "import", "old.pem", "--json"];
    let refused = world.run(&import).expect(1).lines();
    assert_eq!(refused[0]["code"], "import.no_email");
    world.ok(&[&import[..], &["--subject-address", "counts"]].concat());
    let options = ["options", "--json", "--from", ALICE, "--to", old];
    let verify = [
        "cert", "verify", "old.pem", "--anchor", "ca.crt", "--email", old, "--json",
    ];
    world.write("mail.eml", MAIL.replace(BOB, old));
    let seal = ["seal", "mail.eml", "-o", "out.eml", "--json"];
    let (counts, ignored) = (
        ["--subject-address", "counts"],
        ["--subject-address", "ignored"],
    );
    let strict = ["--profile", "strict", "--revocation", "off"];
    for (choice, counts) in [
        (&[][..], true),
        (&counts, true),
        (&ignored, false),
        (&strict, false),
        (&[&strict[..], &counts].concat(), true),
    ] {
        let said = world.ok(&[&options[..], choice].concat()).json();
        assert_eq!(said["encrypt"]["possible"], counts, "{choice:?}");
        let verified = world.run(&[&verify[..], choice].concat()).json();
        assert_eq!(verified["valid"], counts, "{choice:?}");
        let receipt = world.ok_unlocked(&[&seal[..], choice].concat()).json();
        assert_eq!(receipt["encrypted"], counts, "{choice:?}");
    }
}
