use smime::x509::CertificateStatus;
use smime_testkit::{CrlBuilder, OcspBuilder, TestKey};

use crate::world::{ALICE, World, authority, person};

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
    let world = World::with_people();
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
