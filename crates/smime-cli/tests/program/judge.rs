//! `cert show`, `cert explain` and `cert lint`: what certificates say, and what is wrong with them.

use serde_json::{Value, json};
use smime::{
    crypto::{
        Oid,
        asn1::{Tag, Writer},
    },
    x509::{CertificateBuilder, KeyUsageBit},
};
use smime_testkit::{Profile, TestKey};

use crate::world::{ALICE, World, authority, fields, fingerprint, person};

const SUBJECT_ALT_NAME: Oid = Oid::new("2.5.29.17");
const POLICIES: Oid = Oid::new("2.5.29.32");

/// Writes the certificate of Alice, changed.
fn write(world: &World, name: &str, change: impl Fn(CertificateBuilder) -> CertificateBuilder) {
    let profile = Profile::of(TestKey::P256A);
    let identity = authority().person_with(ALICE, profile, &change);
    world.write(name, identity.certificate_pem());
}

/// An extension with every form of name that has text.
fn names() -> Vec<u8> {
    let mailbox = Writer::encode(|w| {
        w.oid(Oid::new("1.3.6.1.5.5.7.8.9"));
        w.constructed(Tag::context_constructed(0), |w| {
            w.element(Tag::UTF8_STRING, "zoë@example.com".as_bytes());
        });
    });
    let principal = Writer::encode(|w| {
        w.oid(Oid::new("1.3.6.1.4.1.311.20.2.3"));
        w.constructed(Tag::context_constructed(0), |w| {
            w.element(Tag::UTF8_STRING, b"alice@corp");
        });
    });
    Writer::encode(|w| {
        w.sequence(|w| {
            w.element(Tag(0x81), ALICE.as_bytes());
            w.element(Tag(0xa0), &mailbox);
            w.element(Tag(0xa0), &principal);
            w.element(Tag(0x82), b"example.com");
            w.element(Tag(0x86), b"https://example.com/\x1b[2J");
            w.element(Tag(0x87), &[192, 0, 2, 1]);
            w.element(Tag(0x88), &[0x2a, 3]);
        });
    })
}

fn policies(policies: &[&str]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            for policy in policies {
                w.sequence(|w| w.oid(Oid::new(policy)));
            }
        });
    })
}

#[test]
fn show_names_what_stands_in_the_extensions() {
    let world = World::empty();
    write(&world, "a.pem", |builder| {
        builder
            .extension(SUBJECT_ALT_NAME, false, &names())
            .extension(POLICIES, false, &policies(&["2.23.140.1.5.1.3", "1.2.3"]))
            .extension(Oid::new("1.2.3.4"), true, &[5, 0])
    });
    let value = world.ok(&["cert", "show", "a.pem", "--json"]).json();
    let name = |form: &str, value: &str| json!({"type": form, "value": value});
    assert_eq!(
        value["subject_alt_names"],
        json!([
            name("rfc822Name", ALICE),
            name("SmtpUTF8Mailbox", "zoë@example.com"),
            name("userPrincipalName", "alice@corp"),
            name("dNSName", "example.com"),
            name("uniformResourceIdentifier", "https://example.com/\u{1b}[2J"),
            name("iPAddress", "192.0.2.1"),
            name("registeredID", "1.2.3"),
        ])
    );
    assert_eq!(value["emails"], json!([ALICE, "zoë@example.com"]));
    assert_eq!(
        value["policies"],
        json!([
            {"oid": "2.23.140.1.5.1.3", "name": "S/MIME BR mailbox-strict"},
            {"oid": "1.2.3", "name": null},
        ])
    );
    let extensions = value["extensions"].as_array().unwrap();
    let unknown = json!({"oid": "1.2.3.4", "name": null, "critical": true});
    assert!(extensions.contains(&unknown));
    let usage = json!({"oid": "2.5.29.15", "name": "keyUsage", "critical": true});
    assert!(extensions.contains(&usage));
    for empty in [
        "qc_statements",
        "certificate_timestamps",
        "issuer_alt_names",
    ] {
        assert_eq!(value[empty], json!([]), "{empty}");
    }
    for absent in ["name_constraints", "path_length"] {
        assert_eq!(value[absent], Value::Null, "{absent}");
    }
}

#[test]
fn show_writes_lines_for_people_and_nothing_that_moves_a_cursor() {
    let world = World::empty();
    write(&world, "a.pem", |builder| {
        builder.extension(SUBJECT_ALT_NAME, false, &names())
    });
    let shown = world.ok(&["cert", "show", "a.pem"]);
    let text = shown.text();
    assert!(!text.chars().any(|it| it.is_control() && it != '\n'));
    for line in [
        "Addresses            alice@example.com",
        "                     zoë@example.com",
        "Key                  ec-p256, 256 bits",
        "Extended key usage   emailProtection",
        "                     uniformResourceIdentifier https://example.com/\\u{1b}[2J",
    ] {
        assert!(text.lines().any(|it| it == line), "{line}\n{text}");
    }
    for absent in ["null", "[]", "{", "Authority", "Path length", "Private key"] {
        assert!(
            !text.replace("\\u{", "").contains(absent),
            "{absent}\n{text}"
        );
    }
}

#[test]
fn explain_judges_every_certificate_of_a_file() {
    let world = World::with_people();
    write(&world, "bad.pem", |builder| {
        builder
            .key_usage(&[KeyUsageBit::CrlSign])
            .without_extension(SUBJECT_ALT_NAME)
    });
    let all = [world.read("alice.pem"), world.read("bad.pem")].concat();
    world.write("all.pem", &all);
    let lines = world
        .run(&["cert", "explain", "all.pem", "--json"])
        .expect(1)
        .lines();
    assert_eq!(lines.len(), 2, "also after one that is of no use");
    for value in &lines {
        assert_eq!(fields(value), ["emails", "sha256", "subject", "uses"]);
        let uses = &value["uses"];
        assert_eq!(fields(uses), ["anchor", "encrypt", "import", "sign"]);
        for usage in fields(uses) {
            assert_eq!(fields(&uses[usage]), ["findings", "met"]);
            let finding = &uses[usage]["findings"][0];
            assert_eq!(fields(finding), ["clause", "found", "rule", "verdict"]);
        }
    }
    let met = |value: &Value, usage: &str| value["uses"][usage]["met"].as_bool().unwrap();
    let alice = fingerprint(&person(ALICE, TestKey::Rsa2048A));
    assert_eq!(lines[0]["sha256"], alice);
    for (usage, expected) in [
        ("import", true),
        ("sign", true),
        ("encrypt", true),
        ("anchor", false),
    ] {
        assert_eq!(met(&lines[0], usage), expected, "{usage}");
        assert!(!met(&lines[1], usage), "{usage}");
    }
    let import = &lines[1]["uses"]["import"]["findings"];
    let rule = |at: usize| {
        (
            &import[at]["rule"],
            &import[at]["verdict"],
            &import[at]["found"],
        )
    };
    let nobody = json!("no mail address in the subject alternative name");
    assert_eq!(
        rule(0),
        (&json!("mail.address"), &json!("not_met"), &nobody)
    );
    assert_eq!(
        rule(1),
        (
            &json!("mail.key_usage"),
            &json!("not_met"),
            &json!("cRLSign")
        )
    );
    assert_eq!(
        rule(2),
        (&json!("mail.key_algorithm"), &json!("met"), &Value::Null)
    );
    world.ok(&["cert", "explain", "alice.pem"]);
    world.ok(&["cert", "explain", "ca.crt"]);
    let text = world.run(&["cert", "explain", "bad.pem"]).expect(1);
    assert!(text.text().contains("mail.key_usage           cRLSign"));
}

#[test]
fn explain_judges_at_the_time_and_by_the_policy_asked_for() {
    let world = World::with_people();
    let met = |arguments: &[&str], usage: &str| {
        let explain = ["cert", "explain", "alice.pem", "--json"];
        let value = world.ok(&[&explain[..], arguments].concat()).json();
        value["uses"][usage]["met"].as_bool().unwrap()
    };
    assert!(met(&[], "sign"));
    for at in ["2000-01-01T00:00:00Z", "2050-01-01T00:00:00Z"] {
        assert!(!met(&["--at", at], "sign"), "{at}");
        assert!(!met(&["--at", at], "encrypt"), "{at}");
        assert!(
            met(&["--at", at], "import"),
            "old mail needs old certificates"
        );
    }
    write(&world, "alice.pem", |builder| {
        builder.without_extension(Oid::new("2.5.29.37"))
    });
    assert!(met(&[], "sign"));
    assert!(!met(&["--profile", "strict"], "sign"));
}

#[test]
fn the_profile_decides_whether_any_usage_is_that_of_mail() {
    let world = World::with_people();
    write(&world, "alice.pem", |builder| {
        builder.extended_key_usage(&[Oid::new("2.5.29.37.0")])
    });
    for (profile, met, added) in [
        ("standard", "met", true),
        ("archive", "met", true),
        ("strict", "not_met", false),
    ] {
        let explain = ["cert", "explain", "alice.pem", "--json", "--profile"];
        let value = world.run(&[&explain[..], &[profile]].concat()).json();
        for usage in ["import", "sign", "encrypt"] {
            let rules = value["uses"][usage]["findings"].as_array().unwrap();
            let any = |it: &&Value| it["rule"] == "mail.any_extended_key_usage";
            let rule = rules.iter().find(any).unwrap();
            assert_eq!(rule["verdict"], met, "{profile} {usage}");
            assert_eq!(value["uses"][usage]["met"], added, "{profile} {usage}");
        }
        let import = [
            "cert",
            "import",
            "alice.pem",
            "--json",
            "--profile",
            profile,
        ];
        let store = format!("{profile}.redb");
        let ran = world.run(&[&import[..], &["--store", &store]].concat());
        let item = ran.expect(if added { 0 } else { 1 }).lines()[0].clone();
        let outcome = if added { "added" } else { "refused" };
        assert_eq!(item["outcome"], outcome, "{profile}");
    }
}

#[test]
fn lint_finds_what_breaks_the_rules_of_the_profile() {
    let world = World::with_people();
    write(&world, "strict.pem", |builder| {
        builder
            .extension(POLICIES, false, &policies(&["2.23.140.1.5.1.3"]))
            .without_extension(Oid::new("2.5.29.15"))
    });
    let value = world
        .run(&["cert", "lint", "strict.pem", "--json"])
        .expect(1)
        .json();
    assert_eq!(fields(&value), ["findings", "profile", "sha256"]);
    assert_eq!(value["profile"], "mailbox-strict");
    let codes = |value: &Value| -> Vec<String> {
        let findings = value["findings"].as_array().unwrap();
        findings
            .iter()
            .map(|finding| {
                assert_eq!(fields(finding), ["code", "detail", "rule", "severity"]);
                finding["code"].as_str().unwrap().to_owned()
            })
            .collect()
    };
    let found = codes(&value);
    assert!(found.contains(&"smime_br.key_usage.presence".to_owned()));
    assert!(found.contains(&"smime_br.crl.presence".to_owned()));
    let other = ["cert", "lint", "strict.pem", "--under", "other", "--json"];
    let value = world.run(&other).json();
    assert_eq!(value["profile"], "other");
    assert!(
        !codes(&value)
            .iter()
            .any(|code| code.starts_with("smime_br."))
    );
    world
        .run(&["cert", "lint", "strict.pem", "--under", "none"])
        .expect(2);
}

#[test]
fn lint_judges_every_certificate_and_only_errors_are_not_good() {
    let world = World::with_people();
    let both = [world.read("alice.pem"), world.read("bob.pem")].concat();
    world.write("both.pem", both);
    let under = ["--under", "other", "--json"];
    let run = |file| world.run(&[&["cert", "lint", file][..], &under].concat());
    assert_eq!(run("both.pem").lines().len(), 2);
    for file in ["both.pem", "ca.crt", "alice.pem"] {
        let ran = run(file);
        let errors = ran.lines().iter().any(|value| {
            let findings = value["findings"].as_array().unwrap().clone();
            findings.iter().any(|it| it["severity"] == "error")
        });
        assert_eq!(ran.code, i32::from(errors), "{file}");
    }
    world.write(
        "broken.pem",
        "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n",
    );
    // An extension that stands there twice, once its identifier is altered.
    let identity = authority().person_with(ALICE, Profile::of(TestKey::P256A), |builder| {
        let builder = builder.extension(Oid::new("1.2.3.4.5"), false, &[5, 0]);
        builder.extension(Oid::new("1.2.3.4.6"), false, &[5, 0])
    });
    let mut der = identity.certificate.der().to_vec();
    let at = der.windows(6).position(|it| it == [6, 4, 0x2a, 3, 4, 6]);
    der[at.unwrap() + 5] = 5;
    world.write("odd.pem", smime_testkit::pem("CERTIFICATE", &der));
    let between = [
        world.read("alice.pem"),
        world.read("odd.pem"),
        world.read("bob.pem"),
    ];
    world.write("between.pem", between.concat());
    for command in ["show", "lint", "explain"] {
        let ran = world
            .run(&["cert", command, "between.pem", "--json"])
            .expect(3);
        let lines = ran.lines();
        let told: Vec<_> = lines.iter().map(|it| it.get("error").is_none()).collect();
        assert_eq!(told, [true, false, true], "{command}");
    }
    for command in ["lint", "explain"] {
        let ran = world
            .run(&["cert", command, "broken.pem", "--json"])
            .expect(3);
        assert_eq!(fields(&ran.json()), ["error"], "{command}");
        world.run(&["cert", command, "missing.pem"]).expect(3);
        world.run(&["cert", command]).expect(2);
        let people = world
            .run(&["cert", command, "alice.key", "--json"])
            .expect(3);
        assert_eq!(people.error_code(), "input.no_certificate");
    }
}

#[test]
fn one_certificate_that_cannot_be_read_is_named_and_the_others_are_judged() {
    let world = World::with_people();
    let (alice, bob) = (world.read("alice.pem"), world.read("bob.pem"));
    let block = |content: &str| {
        format!("-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n").into_bytes()
    };
    let cut = String::from_utf8(alice.clone()).unwrap();
    let cut = cut.lines().nth(1).unwrap();
    for (code, broken) in [
        ("import.malformed", block("MAgwADAAAwIAAA==")),
        ("import.bad_base64", block("!!!!")),
        ("import.truncated", block(cut)),
        (
            "import.bad_armour",
            b"-----BEGIN CERTIFICATE-----\nMIIB\n".to_vec(),
        ),
    ] {
        world.write("all.pem", [&alice[..], &broken, &bob].concat());
        for command in ["show", "explain", "lint"] {
            let ran = world.run(&["cert", command, "all.pem", "--json"]).expect(3);
            let lines = ran.lines();
            assert_eq!(lines.len(), 3, "{command} {code}");
            assert_eq!(
                lines[0]["sha256"],
                fingerprint(&person(ALICE, TestKey::Rsa2048A))
            );
            assert!(lines[2]["sha256"].is_string(), "{command} {code}");
            assert_eq!(fields(&lines[1]), ["error"]);
            let error = &lines[1]["error"];
            assert_eq!(fields(error), ["code", "detail", "position", "source"]);
            assert_eq!(error["code"], code, "{command}");
            assert_eq!(error["position"], alice.len(), "{command} {code}");
            assert_eq!(error["source"], "all.pem");
            let people = world.run(&["cert", command, "all.pem"]).expect(3);
            let place = format!("all.pem, byte {}: ", alice.len());
            assert!(people.err.contains(&place), "{}", people.err);
            assert!(people.err.contains(code), "{}", people.err);
            assert!(
                people.err.contains("1 of 3 certificates unreadable"),
                "{}",
                people.err
            );
            assert!(!people.text().contains(code), "{}", people.text());
        }
    }
}
