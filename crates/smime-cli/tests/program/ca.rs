use std::{fs, process::Command};

use smime_testkit::{Authority, TestKey, peer};

use crate::world::{ALICE, BOB, MAIL, World, contains, fields};

/// A store with an authority of its own.
fn world() -> World {
    let world = World::empty();
    world.ok_unlocked(&["ca", "init", "--name", "Our CA"]);
    world
}

#[test]
fn one_command_makes_an_authority_and_one_each_a_person() {
    let world = World::empty();
    let made = world.ok_unlocked(&[
        "ca", "init", "--name", "Our CA", "--out", "ca.pem", "--json",
    ]);
    let ca = made.json();
    assert_eq!(
        (&ca["subject"], &ca["trust"], &ca["ca"], &ca["has_key"]),
        (
            &"CN=Our CA".into(),
            &"anchor".into(),
            &true.into(),
            &true.into()
        )
    );
    let issued = world.ok_unlocked(&["ca", "issue", ALICE, "--json"]).json();
    assert!(fields(&issued).contains(&"outputs"));
    assert_eq!(issued["emails"], serde_json::json!([ALICE]));
    assert_eq!(issued["not_after"], "2027-05-31T23:59:59Z");
    let listed = world.ok(&["cert", "list", ALICE, "--json"]).json();
    assert_eq!(listed["usable_for"], serde_json::json!(["sign", "encrypt"]));
    assert_eq!(listed["has_key"], true);
    let log = world.log();
    let told: Vec<_> = log
        .iter()
        .map(|it| (&it["operation"], &it["code"]))
        .collect();
    assert_eq!(
        told,
        [
            (&"issue".into(), &"issue.authority".into()),
            (&"issue".into(), &"issue.certificate".into())
        ]
    );
    assert_eq!(log[1]["to"], serde_json::json!([ALICE]));
    assert_eq!(
        log[1]["certificates"],
        serde_json::json!([issued["sha256"]])
    );
}

#[test]
fn two_people_issued_to_can_seal_and_open() {
    let world = world();
    world.ok_unlocked(&["ca", "issue", ALICE]);
    world.ok_unlocked(&[
        "ca",
        "issue",
        BOB,
        "--key-kind",
        "p384",
        "--generation",
        "strict",
    ]);
    world.write("mail", MAIL);
    let seal = [
        "seal",
        "mail",
        "-o",
        "sealed",
        "--sign",
        "always",
        "--encrypt",
        "always",
    ];
    world.ok_unlocked(&seal);
    let opened = world.ok_unlocked(&["open", "sealed", "-o", "entity", "--json"]);
    assert_eq!(opened.json()["verdict"]["signature"], "good");
    assert!(contains(&world.read("entity"), b"Meet me at noon."));
}

#[test]
fn certificate_chain_and_protected_key_go_to_files_too() {
    let world = world();
    let issue = [
        "ca",
        "issue",
        ALICE,
        "--out",
        "a.pem",
        "--key-out",
        "a.key",
        "--json",
    ];
    let issued = world.ok_unlocked(&issue).json();
    assert_eq!(issued["outputs"], serde_json::json!(["a.pem", "a.key"]));
    let shown = world.ok(&["cert", "show", "a.pem", "--json"]).lines();
    assert_eq!(shown.len(), 2);
    assert_eq!(
        (&shown[0]["sha256"], &shown[1]["ca"]),
        (&issued["sha256"], &true.into())
    );
    assert!(
        world
            .read("a.key")
            .starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    );
    let verify = [
        "cert",
        "verify",
        "--anchor",
        "a.pem",
        "--purpose",
        "sign",
        "a.pem",
    ];
    world.ok(&verify);
    world.ok_unlocked(&["key", "import", "a.key"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(world.path("a.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0);
    }
    // A certificate is written again, a key is not written over.
    world.ok_unlocked(&["ca", "issue", BOB, "--out", "a.pem"]);
    let before = world.read("a.key");
    let ran = world
        .unlocked(&["ca", "issue", BOB, "--key-out", "a.key"])
        .expect(2);
    assert!(ran.err.contains("output.exists"), "{}", ran.err);
    assert_eq!(world.read("a.key"), before);
    let ran = world
        .unlocked(&["ca", "issue", BOB, "--out", "x", "--key-out", "x"])
        .expect(2);
    assert!(ran.err.contains("output.same"), "{}", ran.err);
    let ran = world
        .unlocked(&["ca", "issue", BOB, "--out", "store.redb"])
        .expect(2);
    assert!(ran.err.contains("output.is_input"), "{}", ran.err);
}

#[test]
fn everything_in_one_file_opens_signs_and_decrypts() {
    let world = world();
    let issue = ["ca", "issue", ALICE, "--out", "a.pem", "--p12-out", "a.p12"];
    world.ok_unlocked(&issue);
    world.write("content", "Content-Type: text/plain\r\n\r\nto myself\r\n");
    let sign = ["cms", "sign", "content", "--p12", "a.p12", "-o", "signed"];
    world.ok_unlocked(&sign);
    world.ok(&["cms", "verify", "signed", "--anchor", "a.pem"]);
    world.ok(&[
        "cms",
        "encrypt",
        "content",
        "--to",
        "a.pem",
        "-o",
        "encrypted",
    ]);
    for decrypt in [
        &[
            "cms",
            "decrypt",
            "encrypted",
            "--p12",
            "a.p12",
            "-o",
            "back",
        ][..],
        &[
            "open",
            "--no-store",
            "--p12",
            "a.p12",
            "encrypted",
            "-o",
            "back",
        ],
    ] {
        world.ok_unlocked(decrypt);
        assert_eq!(world.read("back"), world.read("content"));
    }
    world.write("wrong", "battery staple\n");
    let wrong = [
        "cms",
        "decrypt",
        "encrypted",
        "--p12",
        "a.p12",
        "-o",
        "x",
        "--json",
    ];
    let ran = world.run(&[&wrong[..], &["--passphrase-file", "wrong"]].concat());
    assert_eq!(ran.error_code(), "crypto.wrong_passphrase");
    assert_eq!(world.run(&wrong).error_code(), "crypto.passphrase_needed");
    assert!(!world.path("x").exists());
    let before = world.read("a.p12");
    let again = world.unlocked(&["ca", "issue", BOB, "--p12-out", "a.p12"]);
    assert!(again.expect(2).err.contains("output.exists"));
    assert_eq!(world.read("a.p12"), before);
    world.write("cut", &before[..before.len() - 1]);
    let cut = ["cms", "decrypt", "encrypted", "--p12", "cut"];
    world.unlocked(&cut).expect(3);
    for usage in [
        &["cms", "decrypt", "encrypted"][..],
        &["cms", "decrypt", "encrypted", "--cert", "a.pem"],
        &[
            "cms",
            "decrypt",
            "encrypted",
            "--p12",
            "a.p12",
            "--cert",
            "a.pem",
        ],
        &["open", "--p12", "a.p12", "encrypted"],
    ] {
        world.unlocked(usage).expect(2);
    }
}

#[test]
fn a_request_is_made_certified_and_imported_where_its_key_is() {
    let (ours, theirs) = (world(), World::empty());
    let made = theirs
        .ok_unlocked(&["csr", BOB, "--out", "bob.csr", "--json"])
        .json();
    assert_eq!(
        fields(&made),
        ["emails", "outputs", "public_key", "subject"]
    );
    assert_eq!(theirs.log()[0]["operation"], "request");
    ours.write("bob.csr", theirs.read("bob.csr"));
    let issue = [
        "ca", "issue", BOB, "--csr", "bob.csr", "--out", "bob.pem", "--json",
    ];
    assert_eq!(ours.ok_unlocked(&issue).json()["has_key"], false);
    theirs.write("bob.pem", ours.read("bob.pem"));
    theirs.ok(&["cert", "import", "--trust", "bob.pem"]);
    let listed = theirs.ok(&["cert", "list", BOB, "--json"]).json();
    assert_eq!(listed["has_key"], true);
}

#[test]
fn a_request_with_its_key_in_a_file_needs_no_store() {
    let world = World::empty();
    world.ok_unlocked(&["csr", BOB, "--out", "b.csr", "--key-out", "b.key"]);
    assert_eq!(world.files(), ["b.csr", "b.key", "passphrase"]);
    let again = ["csr", BOB, "--out", "b.csr", "--key-out", "b.key"];
    assert!(
        world
            .unlocked(&again)
            .expect(2)
            .err
            .contains("output.exists")
    );
}

#[test]
fn a_request_that_proves_or_asks_for_something_else_is_refused() {
    let world = world();
    world.ok_unlocked(&["csr", BOB, "--out", "bob.csr", "--key-out", "bob.key"]);
    let pem = String::from_utf8(world.read("bob.csr")).unwrap();
    // The last base64 characters are the end of the signature.
    let end = pem.find("\n-----END").unwrap();
    let at = pem[..end].trim_end_matches('=').len() - 6;
    let other = if &pem[at..=at] == "A" { "B" } else { "A" };
    let altered = format!("{}{other}{}", &pem[..at], &pem[at + 1..]);
    world.write("altered.csr", altered);
    world.write("cut.csr", &pem[..end - 20]);
    world.write("none.csr", "no request");
    let before = world.ok(&["cert", "list", "--json"]).lines().len();
    for (file, address, exit, code) in [
        ("altered.csr", BOB, 1, "crypto.bad_signature"),
        ("bob.csr", ALICE, 1, "request.other_address"),
        ("cut.csr", BOB, 3, "input.not_a_request"),
        ("none.csr", BOB, 3, "input.not_a_request"),
        ("missing.csr", BOB, 3, "input.unreadable"),
    ] {
        let ran = world.unlocked(&["ca", "issue", address, "--csr", file, "--json"]);
        assert_eq!(ran.code, exit, "{file}: {}", ran.err);
        assert_eq!(ran.error_code(), code, "{file}");
        let log = world.log();
        let last = log.last().unwrap();
        assert_eq!(
            (&last["outcome"], &last["code"]),
            (&"failed".into(), &code.into())
        );
    }
    assert_eq!(world.ok(&["cert", "list", "--json"]).lines().len(), before);
}

#[test]
fn only_the_addresses_of_the_command_line_are_certified() {
    let world = world();
    world.ok_unlocked(&[
        "csr",
        BOB,
        ALICE,
        "--out",
        "two.csr",
        "--key-out",
        "two.key",
    ]);
    let issued = world
        .ok_unlocked(&["ca", "issue", ALICE, "--csr", "two.csr", "--json"])
        .json();
    assert_eq!(issued["emails"], serde_json::json!([ALICE]));
    assert_eq!(issued["subject"], "CN=alice@example.com");
}

#[test]
fn without_an_authority_nothing_is_issued() {
    let world = World::with_store();
    let ran = world.unlocked(&["ca", "issue", ALICE, "--json"]).expect(5);
    assert_eq!(
        ran.error_code(),
        "ca.absent",
        "the anchor of the store has no key there"
    );
    let empty = World::empty();
    let ran = empty.unlocked(&["ca", "issue", ALICE, "--json"]).expect(5);
    assert_eq!(ran.error_code(), "store.absent");
    assert_eq!(empty.files(), ["passphrase"]);
}

#[test]
fn of_several_authorities_one_is_named() {
    let world = world();
    let second = world
        .ok_unlocked(&["ca", "init", "--name", "Second", "--json"])
        .json();
    let ran = world.unlocked(&["ca", "issue", ALICE, "--json"]).expect(2);
    assert!(ran.err.contains("ca.several"), "{}", ran.err);
    let prefix = &second["sha256"].as_str().unwrap()[..12];
    let issued = world.ok_unlocked(&["ca", "issue", ALICE, "--ca", prefix, "--json"]);
    assert_eq!(issued.json()["issuer"], "CN=Second");
    let ran = world.unlocked(&["ca", "issue", ALICE, "--ca", "ffffffffffff", "--json"]);
    assert_eq!(ran.expect(5).error_code(), "ca.absent");
}

#[test]
fn the_wrong_passphrase_issues_nothing_and_none_makes_no_store() {
    let world = world();
    world.write("wrong", "incorrect horse\n");
    let wrong = ["ca", "issue", ALICE, "--passphrase-file", "wrong", "--json"];
    assert_eq!(
        world.run(&wrong).expect(4).error_code(),
        "crypto.wrong_passphrase"
    );
    assert!(
        world
            .ok(&["cert", "list", ALICE, "--json"])
            .lines()
            .is_empty()
    );
    let empty = World::empty();
    assert!(
        empty
            .run(&["ca", "init"])
            .expect(2)
            .err
            .contains("passphrase.missing")
    );
    empty.write("empty", "\n");
    let ran = empty
        .run(&["ca", "init", "--passphrase-file", "empty"])
        .expect(2);
    assert!(ran.err.contains("passphrase.empty"), "{}", ran.err);
    assert_eq!(empty.files(), ["empty", "passphrase"]);
}

#[test]
fn wrong_usage_is_told_and_changes_nothing() {
    let world = world();
    for (arguments, words) in [
        (&["ca", "issue", "nobody"][..], "not a mail address"),
        (&["ca", "issue"], "ADDRESS"),
        (&["ca", "issue", "a@[192.0.2.1]"], "issue.address"),
        (&["ca", "issue", ALICE, "--days", "0"], "issue.days"),
        (&["ca", "issue", ALICE, "--days", "826"], "issue.days"),
        (
            &["ca", "issue", ALICE, "--days", "-1"],
            "unexpected argument",
        ),
        (&["ca", "issue", ALICE, "--name", ""], "issue.name"),
        (
            &["ca", "issue", ALICE, "--crl-url", "https://x/"],
            "issue.url",
        ),
        (
            &["ca", "issue", ALICE, "--key-kind", "rsa-1024"],
            "rsa-1024",
        ),
        (
            &["ca", "issue", ALICE, "--csr", "x", "--key-out", "y"],
            "--key-out",
        ),
        (&["ca", "init", "--days", "0"], "issue.days"),
        (&["ca", "init", "--days", "20000"], "issue.days"),
        (&["ca", "init", "--name", "x\ny"], "issue.name"),
        (&["csr", "nobody", "--out", "x"], "not a mail address"),
        (&["csr", ALICE], "--out"),
    ] {
        let ran = world.unlocked(arguments).expect(2);
        assert!(ran.err.contains(words), "{arguments:?}: {}", ran.err);
    }
    assert_eq!(world.ok(&["cert", "list", "--json"]).lines().len(), 1);
    assert_eq!(world.files(), ["passphrase", "store.redb"]);
}

#[test]
fn what_would_outlive_the_authority_is_refused() {
    let world = World::empty();
    world.ok_unlocked(&["ca", "init", "--days", "30"]);
    let ran = world.unlocked(&["ca", "issue", ALICE, "--json"]).expect(1);
    assert_eq!(ran.error_code(), "issue.outlives");
    world.ok_unlocked(&["ca", "issue", ALICE, "--days", "30"]);
}

/// The start of a SHA-256 that a command printed.
fn prefix(made: &serde_json::Value) -> String {
    made["sha256"].as_str().unwrap()[..16].to_owned()
}

/// A store with a root, `root.pem`, and an issuing authority below it, `issuing.pem`.
fn two_levels() -> (World, serde_json::Value, serde_json::Value) {
    let world = World::empty();
    let init = ["ca", "init", "--json", "--out"];
    let root = world
        .ok_unlocked(&[&init[..], &["root.pem"]].concat())
        .json();
    let parent = prefix(&root);
    let below = ["issuing.pem", "--parent", &parent];
    let issuing = world.ok_unlocked(&[&init[..], &below[..]].concat()).json();
    (world, root, issuing)
}

#[test]
fn an_issuing_authority_stands_below_the_root_and_issues_to_people() {
    let (world, root, issuing) = two_levels();
    assert_eq!(
        (&issuing["subject"], &issuing["issuer"], &issuing["trust"]),
        (
            &"CN=S/MIME Issuing CA".into(),
            &root["subject"],
            &"none".into()
        )
    );
    let issue = ["ca", "issue", ALICE, "--json", "--out", "a.pem"];
    let options = ["--p12-out", "a.p12"];
    let issued = world.ok_unlocked(&[&issue[..], &options].concat()).json();
    // The root has one below it that issues.
    assert_eq!(issued["issuer"], issuing["subject"]);
    let path = serde_json::json!([issued["sha256"], issuing["sha256"], root["sha256"]]);
    let shown = world.ok(&["cert", "show", "a.pem", "--json"]).lines();
    let found: Vec<_> = shown.iter().map(|it| it["sha256"].clone()).collect();
    assert_eq!(serde_json::Value::from(found), path);
    for purpose in ["sign", "encrypt"] {
        let verify = ["cert", "verify", "--anchor", "root.pem", "--json", "a.pem"];
        let ran = world.ok(&[&verify[..], &["--purpose", purpose]].concat());
        assert_eq!(ran.json()["path"], path);
    }
    world.write("content", "Content-Type: text/plain\r\n\r\nto all\r\n");
    let sign = ["cms", "sign", "content", "--p12", "a.p12", "-o", "signed"];
    world.ok_unlocked(&sign);
    world.ok(&["cms", "verify", "signed", "--anchor", "root.pem"]);
}

#[test]
fn openssl_verifies_whom_an_issuing_authority_issues_to() {
    let Some(openssl) = peer("openssl") else {
        return;
    };
    let (world, _, _) = two_levels();
    let urls = ["--crl-url", "http://x.example/a.crl", "--out", "a.pem"];
    let issue = ["ca", "issue", ALICE, "--p12-out", "a.p12"];
    // OpenSSL wants keyEncipherment of who is encrypted to, which is for RSA.
    let kind = ["--key-kind", "rsa-2048"];
    world.ok_unlocked(&[&issue[..], &urls, &kind].concat());
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&openssl);
        command.current_dir(world.path(".")).args(arguments);
        let output = command.output().unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        )
    };
    let at = "1780272000";
    for purpose in ["smimesign", "smimeencrypt"] {
        let verify = ["verify", "-x509_strict", "-attime", at, "-purpose", purpose];
        let chain = ["-CAfile", "root.pem", "-untrusted", "issuing.pem", "a.pem"];
        let (good, told) = run(&[&verify[..], &chain].concat());
        assert!(good, "{told}");
        let (good, _) = run(&[&verify[..], &["-CAfile", "root.pem", "a.pem"]].concat());
        assert!(!good, "without the issuing authority");
    }
    // Nothing may stand below an issuing authority.
    let (_, text) = run(&["x509", "-in", "issuing.pem", "-noout", "-text"]);
    assert!(text.contains("CA:TRUE, pathlen:0"), "{text}");
    let pass = ["-passin", "file:passphrase"];
    let (good, told) = run(&[&["pkcs12", "-in", "a.p12", "-nokeys"], &pass[..]].concat());
    assert!(good, "{told}");
    assert_eq!(told.matches("BEGIN CERTIFICATE").count(), 3, "{told}");
}

#[test]
fn an_authority_is_not_made_below_one_that_may_not_have_it() {
    let (world, root, issuing) = two_levels();
    let (parent, below) = (prefix(&root), prefix(&issuing));
    let before = world.ok(&["cert", "list", "--json"]).lines().len();
    for (options, exit, code) in [
        (&["--parent", &below][..], 1, "issue.path_length"),
        (&["--parent", "ffffffffffff"], 5, "ca.absent"),
        (&["--parent", ""], 2, "ca.several"),
        (
            &["--parent", &parent, "--name", "s/mime ca"],
            2,
            "issue.same_name",
        ),
        (
            &["--parent", &parent, "--days", "3651"],
            1,
            "issue.outlives",
        ),
        (
            &["--parent", &parent, "--crl-url", "https://x/"],
            2,
            "issue.url",
        ),
        (
            &["--parent", &parent, "--passphrase-file", "wrong"],
            4,
            "crypto.wrong_passphrase",
        ),
    ] {
        world.write("wrong", "incorrect horse\n");
        let init = [&["ca", "init", "--json"], options].concat();
        let ran = match options.contains(&"wrong") {
            true => world.run(&init),
            false => world.unlocked(&init),
        };
        let ran = ran.expect(exit);
        assert!(ran.err.contains(code), "{options:?}: {}", ran.err);
    }
    world
        .unlocked(&["ca", "init", "--crl-url", "http://x/"])
        .expect(2);
    assert_eq!(world.ok(&["cert", "list", "--json"]).lines().len(), before);
    let nothing = World::empty();
    let init = ["ca", "init", "--parent", "00", "--json"];
    let ran = nothing.unlocked(&init).expect(5);
    assert_eq!(ran.error_code(), "store.absent");
    assert_eq!(nothing.files(), ["passphrase"]);
}

#[test]
fn bounds_further_up_hold_for_what_is_made_below() {
    // The root lets one authority stand below it; that one says nothing of it.
    let root = Authority::root_with("Bounded", TestKey::P384A, |builder| {
        builder.basic_constraints(smime::x509::BasicConstraints {
            ca: true,
            path_length: Some(1),
        })
    });
    let middle = root.intermediate("Middle", TestKey::P256A);
    let world = World::empty();
    world.write("root.crt", root.certificate().der());
    world.write("middle.crt", middle.certificate().der());
    world.write("middle.key", TestKey::P256A.pem());
    world.ok(&["cert", "import", "--trust", "root.crt"]);
    world.ok(&["cert", "import", "middle.crt"]);
    world.ok_unlocked(&["key", "import", "middle.key"]);
    world.ok_unlocked(&["ca", "issue", ALICE]);
    let init = ["ca", "init", "--parent", "", "--name", "Lowest", "--json"];
    let ran = world.unlocked(&init).expect(1);
    assert_eq!(ran.error_code(), "issue.path_length");
}

#[test]
fn an_authority_without_a_path_to_an_anchor_issues_nothing() {
    let (world, root, issuing) = two_levels();
    let parent = prefix(&root);
    let expired = ["--at", "2032-01-01T00:00:00Z", "--json"];
    let issue = ["ca", "issue", ALICE, "--ca", &prefix(&issuing)];
    let ran = world.unlocked(&[&issue[..], &expired].concat()).expect(5);
    assert_eq!(ran.error_code(), "ca.absent");
    // By name, the root issues as well.
    let issued = world.ok_unlocked(&["ca", "issue", BOB, "--ca", &parent, "--json"]);
    assert_eq!(issued.json()["issuer"], root["subject"]);
}
