use serde_json::json;
use smime_testkit::{Authority, Profile, TestKey, Uses};

use crate::world::{ALICE, BOB, Ran, World, contains, fields, fingerprint, person};

/// A MIME entity in CRLF lines, which every form carries unchanged.
const CONTENT: &str = "Content-Type: text/plain\r\n\r\nbytes of \x01 all kinds\r\n";

fn world() -> World {
    let world = World::with_people();
    world.write("content", CONTENT);
    world
}

fn sign(world: &World, name: &str, options: &[&str]) -> Ran {
    let (cert, key) = (format!("{name}.pem"), format!("{name}.key"));
    let own = ["cms", "sign", "content", "--cert", &cert, "--key", &key];
    world.ok(&[&own[..], &["-o", "signed"], options].concat())
}

fn decrypt(world: &World, name: &str, options: &[&str]) -> Ran {
    let (cert, key) = (format!("{name}.pem"), format!("{name}.key"));
    let own = [
        "cms",
        "decrypt",
        "encrypted",
        "--cert",
        &cert,
        "--key",
        &key,
    ];
    world.run(&[&own[..], options].concat())
}

#[test]
fn what_was_signed_in_any_form_verifies_and_is_the_same_bytes() {
    let world = world();
    for name in ["alice", "bob"] {
        for form in [&[][..], &["--opaque"], &["--der"], &["--opaque", "--der"]] {
            sign(&world, name, form);
            let mut verify = vec![
                "cms", "verify", "signed", "--anchor", "ca.crt", "-o", "back",
            ];
            if form == ["--der"] {
                verify.extend(["--content", "content"]);
            }
            verify.push("--json");
            let value = world.ok(&verify).json();
            assert_eq!(fields(&value), ["good", "signers"]);
            assert_eq!(value["good"], true, "{name} {form:?}");
            assert_eq!(world.read("back"), CONTENT.as_bytes(), "{name} {form:?}");
        }
    }
}

#[test]
fn the_choices_of_the_signer_are_in_the_result() {
    let world = world();
    sign(&world, "alice", &["--pss", "--digest", "sha384"]);
    let ran = world.ok(&["cms", "verify", "signed", "--anchor", "ca.crt", "--json"]);
    let signer = ran.json()["signers"][0].clone();
    let alice = fingerprint(&person(ALICE, TestKey::Rsa2048A));
    assert_eq!(
        signer,
        json!({
            "verdict": "good", "code": "cms.good", "certificate": alice, "emails": [ALICE],
            "digest": "sha384", "scheme": "rsa_pss", "signing_time": "2026-06-01T00:00:00Z",
            "time": "given",
        })
    );
}

#[test]
fn without_trust_a_signature_is_not_good_unless_the_chain_is_left_out() {
    let world = world();
    sign(&world, "bob", &["--opaque"]);
    let ran = world.run(&["cms", "verify", "signed", "--json"]).expect(1);
    let value = ran.json();
    assert_eq!(value["good"], false);
    assert_eq!(value["signers"][0]["verdict"], "untrusted");
    world.ok(&["cms", "verify", "signed", "--no-chain"]);
    let late = ["--anchor", "ca.crt", "--at", "2035-01-01T00:00:00Z"];
    world
        .run(&[&["cms", "verify", "signed"], &late[..]].concat())
        .expect(1);
}

#[test]
fn a_signers_certificate_is_asked_what_any_certificate_is_asked() {
    let world = world();
    let root = Authority::root("Root of roots", TestKey::P256B);
    let issuer = root.intermediate("Issuer", TestKey::P384A);
    let profile = Profile::of(TestKey::P256A).uses(Uses::Sign);
    let signer = issuer.person(BOB, profile);
    world.write("root.crt", root.certificate().der());
    world.write("issuer.crt", issuer.certificate().der());
    world.write("bob.pem", signer.certificate_pem());
    sign(&world, "bob", &["--opaque"]);
    let root = ["--anchor", "root.crt", "--pool", "issuer.crt"];
    for (options, code) in [
        (&[][..], "cms.good"),
        (&["--purpose", "sign"], "cms.good"),
        (&["--purpose", "any"], "cms.good"),
        (&["--purpose", "encrypt"], "chain.key_usage"),
        (&["--purpose", "ca"], "chain.key_usage"),
        (&["--purpose", "timestamp"], "chain.extended_key_usage"),
        (&["--email", BOB], "cms.good"),
        (&["--email", ALICE], "cms.wrong_sender"),
        (&["--max-depth", "1"], "cms.good"),
        (&["--max-depth", "0"], "chain.path_too_long"),
        (&["--explicit-policy"], "chain.no_acceptable_policy"),
        (
            &["--explicit-policy", "--initial-policy", "1.2.3.5"],
            "chain.no_acceptable_policy",
        ),
        (&["--revocation", "require"], "chain.revocation_unknown"),
    ] {
        let ran = world.run(&[&["cms", "verify", "signed", "--json"], &root[..], options].concat());
        let good = code == "cms.good";
        let value = ran.expect(if good { 0 } else { 1 }).json();
        assert_eq!(value["signers"][0]["code"], code, "{options:?}");
        assert_eq!(value["good"], good, "{options:?}");
    }
    // A trusted certificate that another has issued ends a path only where it may.
    let issuer = ["cms", "verify", "signed", "--anchor", "issuer.crt"];
    world.run(&issuer).expect(1);
    world.ok(&[&issuer[..], &["--partial-chain"]].concat());
}

#[test]
fn what_is_asked_of_a_chain_is_wrong_usage_where_there_is_none() {
    let world = world();
    sign(&world, "bob", &["--opaque"]);
    let verify = ["cms", "verify", "signed", "--no-chain"];
    for options in [
        &["--anchor", "ca.crt"][..],
        &["--crl", "ca.crl"],
        &["--ocsp", "ca.ocsp"],
        &["--revocation", "require"],
        &["--purpose", "sign"],
        &["--email", BOB],
        &["--initial-policy", "1.2.3.4"],
        &["--explicit-policy"],
        &["--inhibit-mapping"],
        &["--inhibit-any"],
        &["--partial-chain"],
        &["--max-depth", "1"],
    ] {
        world.run(&[&verify[..], options].concat()).expect(2);
    }
    world.ok(&[&verify[..], &["--pool", "bob.pem"]].concat());
}

#[test]
fn altered_content_is_a_bad_signature() {
    let world = world();
    sign(&world, "alice", &["--der"]);
    world.write("content", CONTENT.replace("all", "one"));
    let verify = [
        "cms",
        "verify",
        "signed",
        "--anchor",
        "ca.crt",
        "--content",
        "content",
    ];
    let ran = world.run(&[&verify[..], &["--json"]].concat()).expect(1);
    assert_eq!(ran.json()["signers"][0]["verdict"], "bad_signature");
}

#[test]
fn what_was_encrypted_by_any_cipher_in_any_form_decrypts_to_the_same_bytes() {
    let world = world();
    for cipher in ["aes128-cbc", "aes256-cbc", "aes128-gcm", "aes256-gcm"] {
        for (name, options) in [("alice", &[][..]), ("alice", &["--oaep"]), ("bob", &[])] {
            for form in [&[][..], &["--der"]] {
                let to = format!("{name}.pem");
                let encrypt = ["cms", "encrypt", "content", "-o", "encrypted", "--to", &to];
                let choices = ["--cipher", cipher];
                world.ok(&[&encrypt[..], &choices, options, form].concat());
                assert!(!contains(&world.read("encrypted"), b"all kinds"));
                let value = decrypt(&world, name, &["-o", "back", "--json"])
                    .expect(0)
                    .json();
                assert_eq!(fields(&value), ["authenticated", "cipher", "recipient"]);
                assert_eq!(value["cipher"], cipher);
                assert_eq!(value["authenticated"], cipher.ends_with("gcm"));
                assert_eq!(world.read("back"), CONTENT.as_bytes(), "{cipher} {name}");
            }
        }
    }
}

#[test]
fn standard_input_and_output_serve_where_no_file_is_named() {
    let world = world();
    let encrypt = ["cms", "encrypt", "-", "--to", "bob.pem"];
    let encrypted = world.run_with(&encrypt, CONTENT.as_bytes()).expect(0).out;
    let decrypt = [
        "cms", "decrypt", "-", "--cert", "bob.pem", "--key", "bob.key",
    ];
    let ran = world.run_with(&decrypt, &encrypted).expect(0);
    assert_eq!(ran.out, CONTENT.as_bytes());
}

#[test]
fn json_needs_a_file_for_what_would_be_lost() {
    let world = world();
    let sign = [
        "cms", "sign", "content", "--cert", "bob.pem", "--key", "bob.key",
    ];
    let encrypt = ["cms", "encrypt", "content", "--to", "bob.pem"];
    for command in [&sign[..], &encrypt] {
        let ran = world.run(&[command, &["--json"]].concat());
        assert_eq!(ran.expect(2).out, b"");
        let ran = world.ok(&[command, &["--json", "-o", "out"]].concat());
        assert!(ran.json().is_object());
    }
}

#[test]
fn every_recipient_can_decrypt_and_nobody_else() {
    let world = world();
    let to = [
        "cms",
        "encrypt",
        "content",
        "-o",
        "encrypted",
        "--to",
        "alice.pem",
        "bob.pem",
    ];
    world.ok(&to);
    for name in ["alice", "bob"] {
        assert_eq!(decrypt(&world, name, &[]).expect(0).out, CONTENT.as_bytes());
    }
    let before = world.files();
    let ran = decrypt(&world, "carol", &["-o", "back", "--json"]).expect(4);
    assert_eq!(ran.error_code(), "engine.no_key");
    assert_eq!(world.files(), before);
}

#[test]
fn altered_ciphertext_leaves_no_output() {
    let world = world();
    for cipher in ["aes256-gcm", "aes128-gcm"] {
        let to = [
            "cms",
            "encrypt",
            "content",
            "-o",
            "encrypted",
            "--der",
            "--to",
            "bob.pem",
        ];
        world.ok(&[&to[..], &["--cipher", cipher]].concat());
        let mut bytes = world.read("encrypted");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        world.write("encrypted", bytes);
        let ran = decrypt(&world, "bob", &["-o", "back"]).expect(4);
        assert!(ran.err.contains("engine.decrypt_failed"));
        assert!(!world.path("back").exists());
    }
}

#[test]
fn a_key_of_another_certificate_is_wrong_usage() {
    let world = world();
    let own = ["--cert", "bob.pem", "--key", "carol.key", "-o", "out"];
    world
        .run(&[&["cms", "sign", "content"], &own[..]].concat())
        .expect(2);
    world.ok(&[
        "cms",
        "encrypt",
        "content",
        "-o",
        "encrypted",
        "--to",
        "bob.pem",
    ]);
    world
        .run(&[&["cms", "decrypt", "encrypted"], &own[..]].concat())
        .expect(2);
    assert!(!world.path("out").exists());
}

#[test]
fn a_protected_key_file_needs_its_passphrase() {
    let world = world();
    let form = crate::world::testdata("keys/forms/p256-pbes2-scrypt.pem");
    let form = form.to_str().unwrap();
    world.ok(&[
        "cms",
        "encrypt",
        "content",
        "-o",
        "encrypted",
        "--to",
        "bob.pem",
    ]);
    let decrypt = [
        "cms",
        "decrypt",
        "encrypted",
        "--cert",
        "bob.pem",
        "--key",
        form,
    ];
    let ran = world.run(&[&decrypt[..], &["--json"]].concat()).expect(4);
    assert_eq!(ran.error_code(), "crypto.passphrase_needed");
    assert_eq!(world.ok_unlocked(&decrypt).out, CONTENT.as_bytes());
    world.write("wrong", "wrong");
    let wrong = ["--passphrase-file", "wrong"];
    world.run(&[&decrypt[..], &wrong].concat()).expect(4);
}

#[test]
fn show_tells_the_structure_and_judges_nothing() {
    let world = world();
    sign(&world, "alice", &[]);
    let value = world.ok(&["cms", "show", "signed", "--json"]).json();
    assert_eq!(
        fields(&value),
        [
            "certificates",
            "certificates_unreadable",
            "cipher",
            "content_length",
            "content_type",
            "encoding",
            "length",
            "recipients",
            "signers",
            "type",
            "version"
        ]
    );
    assert_eq!(
        fields(&value["signers"][0]),
        ["digest", "id", "signature", "signed_attributes"]
    );
    world.ok(&[
        "cms",
        "encrypt",
        "content",
        "-o",
        "encrypted",
        "--der",
        "--to",
        "bob.pem",
    ]);
    let value = world.ok(&["cms", "show", "encrypted", "--json"]).json();
    assert_eq!(value["recipients"].as_array().unwrap().len(), 1);
    let words = world.ok(&["cms", "show", "encrypted"]);
    assert!(words.text().contains("recipients: "));
}

#[test]
fn what_is_not_the_object_asked_for_is_malformed_input() {
    let world = world();
    sign(&world, "alice", &["--opaque", "--der"]);
    world.ok(&[
        "cms",
        "encrypt",
        "content",
        "-o",
        "encrypted",
        "--to",
        "bob.pem",
    ]);
    for (file, code) in [
        ("content", "input.not_cms"),
        ("encrypted", "input.not_signed"),
        ("alice.key", "cms."),
        ("ca.crt", "cms."),
    ] {
        let ran = world.run(&["cms", "verify", file, "-o", "back", "--json"]);
        assert!(ran.expect(3).error_code().starts_with(code), "{file}");
    }
    let decrypt = [
        "cms", "decrypt", "signed", "--cert", "bob.pem", "--key", "bob.key",
    ];
    let ran = world.run(&[&decrypt[..], &["-o", "back", "--json"]].concat());
    assert_eq!(ran.expect(3).error_code(), "input.not_enveloped");
    let signed = world.read("signed");
    for length in [1, 30, signed.len() / 2, signed.len() - 1] {
        world.write("cut", &signed[..length]);
        world.run(&["cms", "verify", "cut", "--no-chain"]).expect(3);
        world.run(&["cms", "show", "cut"]).expect(3);
    }
    assert!(!world.path("back").exists());
}

#[test]
fn pem_is_read_as_well() {
    let world = world();
    sign(&world, "bob", &["--opaque"]);
    let entity = String::from_utf8(world.read("signed")).unwrap();
    let base64 = entity.split("\r\n\r\n").nth(1).unwrap();
    let pem = format!("-----BEGIN CMS-----\r\n{base64}-----END CMS-----\r\n");
    world.write("signed", pem);
    world.ok(&["cms", "verify", "signed", "--anchor", "ca.crt"]);
}

#[test]
fn the_output_is_never_an_input() {
    let world = world();
    for input in ["content", "bob.pem", "bob.key"] {
        let sign = [
            "cms", "sign", "content", "--cert", "bob.pem", "--key", "bob.key",
        ];
        let before = world.read(input);
        world.run(&[&sign[..], &["-o", input]].concat()).expect(2);
        assert_eq!(world.read(input), before);
    }
    let to = [
        "cms", "encrypt", "content", "--to", "bob.pem", "-o", "bob.pem",
    ];
    world.run(&to).expect(2);
}
