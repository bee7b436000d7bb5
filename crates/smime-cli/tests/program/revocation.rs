use smime::x509::CertificateStatus;
use smime_testkit::{CrlBuilder, OcspBuilder, TestKey};

use crate::world::{ALICE, BOB, ENTITY, MAIL, World, authority, person};

const VERIFY: [&str; 6] = [
    "cert",
    "verify",
    "--anchor",
    "ca.crt",
    "alice.pem",
    "--json",
];

/// A world with lists and responses of the authority about Alice.
fn world() -> World {
    with_evidence(World::with_people())
}

fn with_evidence(world: World) -> World {
    let (authority, alice) = (authority(), person(ALICE, TestKey::Rsa2048A));
    let list = CrlBuilder::of(&authority);
    let listed = list.clone().revoke_because(&alice.certificate, 1).sign();
    world.write("clean.crl", list.sign().der());
    world.write("listed.crl", listed.der());
    let armoured = [armour(b"comment\n", listed.der()), b"\n".to_vec()].concat();
    world.write("listed.pem", armoured);
    let responder = OcspBuilder::by(&authority);
    let good = CertificateStatus::Good;
    let answer = responder.tell(&alice.certificate, authority.certificate(), good);
    world.write("good.ocsp", answer.sign().der());
    world.write("broken.crl", [0x30, 3, 2, 1, 1]);
    world
}

/// A text, and a CRL in PEM after it.
fn armour(before: &[u8], der: &[u8]) -> Vec<u8> {
    let text = smime_testkit::pem("X509 CRL", der);
    [before, text.as_bytes()].concat()
}

#[test]
fn lists_and_responses_decide_as_the_policy_says() {
    let world = world();
    let require = ["--revocation", "require"];
    for (options, code) in [
        (&[][..], "chain.good"),
        (&["--revocation", "if-available"], "chain.good"),
        (&require, "chain.revocation_unknown"),
        (&["--crl", "clean.crl"], "chain.good"),
        (
            &["--crl", "clean.crl", "--revocation", "require"],
            "chain.good",
        ),
        (&["--crl", "listed.crl"], "chain.revoked"),
        (&["--crl", "listed.pem"], "chain.revoked"),
        (
            &["--crl", "clean.crl", "--crl", "listed.pem"],
            "chain.revoked",
        ),
        (
            &["--crl", "listed.crl", "--revocation", "off"],
            "chain.good",
        ),
        (
            &["--ocsp", "good.ocsp", "--revocation", "require"],
            "chain.good",
        ),
        (
            &["--ocsp", "good.ocsp", "--crl", "listed.crl"],
            "chain.revoked",
        ),
        (
            &["--crl", "clean.crl", "--at", "2027-05-01T00:00:00Z"],
            "chain.revocation_unknown",
        ),
    ] {
        let ran = world.run(&[&VERIFY[..], options].concat());
        let good = code == "chain.good";
        let value = ran.expect(if good { 0 } else { 1 }).json();
        assert_eq!(
            (&value["code"], &value["valid"]),
            (&code.into(), &good.into()),
            "{options:?}"
        );
    }
    let ran = world.run(&[&VERIFY[..], &["--crl", "listed.crl"]].concat());
    let detail = ran.expect(1).json()["detail"].to_string();
    assert!(
        detail.contains("2026-05-31T12:00:00Z (keyCompromise)"),
        "{detail}"
    );
}

#[test]
fn evidence_that_cannot_be_read_is_malformed_input() {
    let world = world();
    // A file whose second list, which is the one that counts, was cut off.
    let listed = world.read("listed.pem");
    let cut = [&listed[..], &listed[..listed.len() - 20]].concat();
    world.write("cut.pem", cut);
    for (option, file, code) in [
        ("--crl", "broken.crl", "x509.malformed"),
        ("--crl", "cut.pem", "input.bad_armour"),
        ("--crl", "alice.pem", "input.no_evidence"),
        ("--crl", "good.ocsp", "x509.malformed"),
        ("--ocsp", "clean.crl", "x509.malformed"),
        ("--ocsp", "listed.pem", "input.no_evidence"),
    ] {
        let ran = world.run(&[&VERIFY[..], &[option, file]].concat());
        assert_eq!(ran.expect(3).error_code(), code, "{option} {file}");
    }
    world
        .run(&[&VERIFY[..], &["--crl", "missing.crl"]].concat())
        .expect(3);
    world
        .run(&[&VERIFY[..], &["--revocation", "perhaps"]].concat())
        .expect(2);
}

#[test]
fn the_strict_profile_requires_evidence_and_an_option_overrules_it() {
    let world = world();
    for (options, code) in [
        (&[][..], "chain.revocation_unknown"),
        (&["--crl", "clean.crl"], "chain.good"),
        (&["--ocsp", "good.ocsp"], "chain.good"),
        (&["--crl", "listed.crl"], "chain.revoked"),
        (&["--revocation", "if-available"], "chain.good"),
        (&["--revocation", "off"], "chain.good"),
    ] {
        let ran = world.run(&[&VERIFY[..], &["--profile", "strict"], options].concat());
        assert_eq!(ran.json()["code"], code, "{options:?}");
    }
    let warnings = |options: &[&str]| world.ok(&[&VERIFY[..], options].concat()).json();
    assert_eq!(warnings(&[])["warnings"], serde_json::json!([]));
    assert_eq!(
        warnings(&["--revocation", "if-available"])["warnings"],
        serde_json::json!(["chain.revocation_unknown"])
    );
}

/// How a mail is judged, with and without evidence, under each profile.
const JUDGED: [(&str, &[&str], &str); 8] = [
    ("standard", &[], "cms.good"),
    ("standard", &["--crl", "clean.crl"], "cms.good"),
    ("standard", &["--crl", "listed.crl"], "chain.revoked"),
    ("archive", &["--crl", "listed.pem"], "chain.revoked"),
    ("strict", &[], "chain.revocation_unknown"),
    ("strict", &["--crl", "clean.crl"], "cms.good"),
    ("strict", &["--ocsp", "good.ocsp"], "cms.good"),
    (
        "strict",
        &["--ocsp", "good.ocsp", "--crl", "listed.crl"],
        "chain.revoked",
    ),
];

#[test]
fn a_mail_is_judged_by_the_evidence_given_with_a_store_and_without() {
    let world = with_evidence(World::with_store());
    world.write("mail.eml", MAIL);
    world.ok_unlocked(&["seal", "mail.eml", "-o", "s.eml", "--encrypt", "never"]);
    let with_store = ["open", "s.eml"];
    let without = ["open", "s.eml", "--no-store", "--anchor", "ca.crt"];
    for (profile, evidence, code) in JUDGED {
        for open in [&with_store[..], &without[..]] {
            let options = ["-o", "entity", "--json", "--profile", profile];
            let ran = world.run(&[open, &options[..], evidence].concat());
            let is_good = code == "cms.good";
            let value = ran.expect(if is_good { 0 } else { 1 }).json();
            let signer = &value["layers"][0]["signers"][0];
            assert_eq!(signer["code"], code, "{profile} {evidence:?}");
            // What can be read can be read, whatever it is worth.
            assert_eq!(world.read("entity"), ENTITY.as_bytes());
        }
    }
    let late = [
        "--crl",
        "clean.crl",
        "--at",
        "2027-05-01T00:00:00Z",
        "--json",
    ];
    let ran = world.run(&[&without[..], &late[..]].concat()).expect(1);
    let signer = ran.json()["layers"][0]["signers"][0].clone();
    assert_eq!(signer["code"], "chain.revocation_unknown");
    for missing in ["missing.crl", "alice.pem"] {
        let ran = world.run(&[&without[..], &["--crl", missing]].concat());
        assert_eq!(ran.expect(3).out, b"", "{missing}");
    }
}

#[test]
fn a_signature_is_judged_by_the_evidence_given() {
    let world = world();
    world.write("content", ENTITY);
    let own = ["--cert", "alice.pem", "--key", "alice.key"];
    world.ok(&[&["cms", "sign", "content", "-o", "signed"], &own[..]].concat());
    for (profile, evidence, code) in JUDGED {
        let verify = ["cms", "verify", "signed", "--anchor", "ca.crt", "--json"];
        let ran = world.run(&[&verify[..], &["--profile", profile], evidence].concat());
        let value = ran.json();
        assert_eq!(value["signers"][0]["code"], code, "{profile} {evidence:?}");
        assert_eq!((ran.code == 0, value["good"] == true), {
            let good = code == "cms.good";
            (good, good)
        });
    }
    // Lists are files that nothing is written over.
    let over = [
        "cms",
        "verify",
        "signed",
        "--crl",
        "clean.crl",
        "-o",
        "clean.crl",
    ];
    let before = world.read("clean.crl");
    world.run(&over).expect(2);
    assert_eq!(world.read("clean.crl"), before);
}

#[test]
fn nobody_is_encrypted_to_whom_the_evidence_given_refuses() {
    let world = with_evidence(World::with_store());
    let bob = person(BOB, TestKey::P256A).certificate;
    let listed = CrlBuilder::of(&authority()).revoke_because(&bob, 1);
    world.write("bob.crl", listed.sign().der());
    world.write("mail.eml", MAIL);
    for (profile, evidence, code) in [
        ("standard", &["--crl", "bob.crl"][..], Some("chain.revoked")),
        ("strict", &[], Some("chain.revocation_unknown")),
        ("strict", &["--crl", "clean.crl"], None),
        ("standard", &[], None),
    ] {
        let seal = ["seal", "mail.eml", "-o", "s.eml", "--encrypt", "always"];
        let options = ["--sign", "never", "--profile", profile, "--json"];
        let ran = world.unlocked(&[&seal[..], &options[..], evidence].concat());
        let printed = String::from_utf8_lossy(&ran.out).into_owned() + &ran.err;
        let ran = ran.expect(if code.is_some() { 1 } else { 0 });
        assert_eq!(ran.code == 0, world.path("s.eml").exists());
        assert!(code.is_none_or(|code| printed.contains(code)), "{printed}");
        let _ = std::fs::remove_file(world.path("s.eml"));
    }
}

#[test]
fn an_imported_list_counts_for_every_mail_and_one_without_a_signer_is_refused() {
    let world = with_evidence(World::with_store());
    world.write("mail.eml", MAIL);
    world.ok_unlocked(&["seal", "mail.eml", "-o", "sealed.eml"]);
    let ran = world
        .run(&["cert", "import", "listed.pem", "--json"])
        .expect(0);
    let [item, summary] = &ran.lines()[..] else {
        panic!("{}", ran.text());
    };
    assert_eq!(item["kind"], "crl");
    assert_eq!(item["outcome"], "added");
    assert_eq!(summary["summary"]["added"], 1);
    let opened = world.unlocked(&["open", "sealed.eml", "--json"]).expect(1);
    let signer = &opened.json()["layers"][1]["signers"][0];
    assert_eq!(signer["code"], "chain.revoked");
    let options = world.unlocked(&["options", "--from", ALICE, "--to", BOB, "--json"]);
    assert_eq!(options.json()["sign"]["possible"], false);
    assert_eq!(options.json()["sign"]["code"], "chain.revoked");

    let stranger = World::with_people();
    stranger.write("listed.crl", world.read("listed.crl"));
    stranger.run(&["cert", "import", "bob.pem"]).expect(0);
    let ran = stranger
        .run(&["cert", "import", "listed.crl", "--json"])
        .expect(1);
    assert_eq!(ran.lines()[0]["code"], "crl.no_signer");
}
