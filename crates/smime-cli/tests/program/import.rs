use smime::store::Store as _;
use smime_testkit::{Profile, TestKey};

use crate::world::{ALICE, BOB, MAIL, World, authority, fields, fingerprint, person};

const FIELDS: [&str; 9] = [
    "code", "detail", "emails", "item", "kind", "outcome", "position", "sha256", "source",
];

#[test]
fn broken_blocks_between_good_ones_are_refused_one_by_one() {
    let world = World::empty();
    let alice = person(ALICE, TestKey::P256A);
    let bob = person(BOB, TestKey::P256B);
    let bad_base64 = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
    let no_certificate = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n";
    let key = String::from_utf8(TestKey::P384B.pem().to_vec()).unwrap();
    let pieces = [
        ("subject: alice\n", alice.certificate_pem(), "added"),
        ("", bad_base64.to_owned(), "refused"),
        ("\nwords between\n", key, "refused"),
        ("", no_certificate.to_owned(), "refused"),
        ("\u{fc}ml\u{e4}ute\n", bob.certificate_pem(), "added"),
    ];
    let (mut file, mut expected) = (String::new(), Vec::new());
    for (between, block, outcome) in pieces {
        file.push_str(between);
        expected.push((file.len(), outcome));
        file.push_str(&block);
    }
    world.write("many.pem", file);
    let ran = world
        .run(&["cert", "import", "many.pem", "--json"])
        .expect(1);
    let lines = ran.lines();
    let (summary, items) = lines.split_last().unwrap();
    assert_eq!(items.len(), expected.len());
    for (number, (item, (position, outcome))) in items.iter().zip(expected).enumerate() {
        assert_eq!(fields(item), FIELDS);
        assert_eq!(item["item"], number);
        assert_eq!(item["source"], "many.pem");
        assert_eq!(item["position"], position, "{item}");
        assert_eq!(item["outcome"], outcome, "{item}");
        assert_eq!(item["sha256"].is_string(), outcome == "added", "{item}");
    }
    assert_eq!(items[0]["sha256"], fingerprint(&alice));
    assert_eq!(items[0]["emails"][0], ALICE);
    assert_eq!(items[1]["code"], "import.bad_base64");
    assert_eq!(items[2]["kind"], "key");
    assert_eq!(items[2]["code"], "import.private_key");
    assert_eq!(items[4]["sha256"], fingerprint(&bob));
    assert_eq!(fields(summary), ["summary"]);
    let counts = &summary["summary"];
    assert_eq!(fields(counts), ["added", "already_there", "refused"]);
    assert_eq!(
        (&counts["added"], &counts["refused"]),
        (&2.into(), &3.into())
    );
}

#[test]
fn a_certificate_that_is_there_is_named_with_the_time_it_came() {
    let world = World::with_people();
    world.ok(&["cert", "import", "alice.pem"]);
    let again = [
        "cert",
        "import",
        "alice.pem",
        "--at",
        "2026-07-01T00:00:00Z",
    ];
    let ran = world.run(&[&again[..], &["--json"]].concat()).expect(0);
    let lines = ran.lines();
    assert_eq!(lines[0]["outcome"], "already_there");
    assert_eq!(lines[0]["code"], "import.fingerprint_taken");
    let detail = lines[0]["detail"].as_str().unwrap();
    for part in [
        "fingerprint already taken",
        "CN=alice",
        "2026-06-01T00:00:00Z",
    ] {
        assert!(detail.contains(part), "{detail}");
    }
    assert_eq!(lines[1]["summary"]["already_there"], 1);
    let words = world.run(&again).expect(0);
    assert!(words.text().contains("fingerprint already taken"));
}

#[test]
fn a_certificate_twice_in_one_file_is_added_once() {
    let world = World::empty();
    let pem = person(ALICE, TestKey::P256A).certificate_pem();
    world.write("twice.pem", [pem.clone(), pem].concat());
    let lines = world.ok(&["cert", "import", "twice.pem", "--json"]).lines();
    assert_eq!(lines[0]["outcome"], "added");
    assert_eq!(lines[1]["outcome"], "already_there");
}

#[test]
fn several_files_and_standard_input_are_numbered_through() {
    let world = World::with_people();
    let bob = world.read("bob.pem");
    let files = ["cert", "import", "alice.pem", "-", "ca.crt", "--json"];
    let lines = world.run_with(&files, &bob).expect(0).lines();
    let sources: Vec<_> = lines[..3].iter().map(|it| &it["source"]).collect();
    assert_eq!(sources, ["alice.pem", "-", "ca.crt"]);
    assert_eq!(lines[2]["item"], 2);
    assert_eq!(lines[3]["summary"]["added"], 3);
}

#[test]
fn a_missing_file_stops_the_import_before_anything_is_changed() {
    let world = World::with_people();
    let before = world.files();
    let ran = world.run(&["cert", "import", "alice.pem", "missing.pem", "--json"]);
    assert_eq!(ran.expect(3).error_code(), "input.unreadable");
    assert_eq!(world.files(), before);
}

#[test]
fn a_file_with_nothing_to_import_is_refused() {
    let world = World::empty();
    for (name, bytes) in [("empty", &b""[..]), ("words", b"nothing here\n")] {
        world.write(name, bytes);
        let lines = world
            .run(&["cert", "import", name, "--json"])
            .expect(1)
            .lines();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["outcome"], "refused");
    }
}

#[test]
fn an_expired_certificate_is_imported_and_good_for_nothing_outgoing() {
    let world = World::with_people();
    let expired = authority().person(BOB, Profile::of(TestKey::P256A).expired());
    world.write("expired.pem", expired.certificate_pem());
    world.ok(&["cert", "import", "--trust", "ca.crt"]);
    let lines = world
        .ok(&["cert", "import", "expired.pem", "--json"])
        .lines();
    assert_eq!(lines[0]["outcome"], "added");
    let listed = world.ok(&["cert", "list", BOB, "--json"]).json();
    assert_eq!(listed["usable_for"], serde_json::json!([]));
}

#[test]
fn trust_is_given_to_authorities_only() {
    let world = World::with_people();
    world.ok(&["cert", "import", "--trust", "ca.crt", "alice.pem"]);
    let listed = world.ok(&["cert", "list", "--json"]).lines();
    let trust: Vec<_> = listed.iter().map(|it| &it["trust"]).collect();
    assert_eq!(trust, ["anchor", "none"]);
}

#[test]
fn words_for_people_say_why_an_item_was_refused_and_what_to_do() {
    let world = World::with_people();
    let ran = world.run(&["cert", "import", "alice.key"]).expect(1);
    assert!(ran.text().contains("refused: private key"));
    assert!(ran.text().contains("smime key import"));
    assert!(
        ran.text()
            .ends_with("0 added, 0 already there, 1 refused\n")
    );
}

#[cfg(unix)]
#[test]
fn nothing_of_a_pipe_is_lost() {
    let world = World::with_people();
    let arguments = ["cert", "import", "/dev/stdin", "--json"];
    let ran = world.run_with(&arguments, &world.read("alice.pem"));
    let lines = ran.expect(0).lines();
    assert_eq!(lines.last().unwrap()["summary"]["added"], 1);
    assert_eq!(lines[0]["position"], 0);
}

#[test]
fn a_container_brings_certificates_and_keys_that_sign() {
    let world = World::with_people();
    let alice = person(ALICE, TestKey::P256A);
    let key = TestKey::P256A.pkcs8();
    let written = smime::crypto::Pkcs12Builder::new(&key, alice.certificate.der())
        .authority(authority().certificate().der())
        .finish(
            &smime::crypto::Secret::from(crate::world::PASSPHRASE.as_bytes()),
            &smime::crypto::OsRandom,
        )
        .unwrap();
    world.write("alice.p12", &written);
    let mut file = world.read("ca.crt");
    file.extend_from_slice(&written);
    world.write("both.der", file);
    let locked = world
        .run(&["cert", "import", "both.der", "--json"])
        .expect(1)
        .lines();
    assert_eq!(locked[1]["code"], "crypto.passphrase_needed");
    let lines = world
        .ok_unlocked(&["cert", "import", "both.der", "--json"])
        .lines();
    let kinds: Vec<_> = lines.iter().map(|line| &line["kind"]).collect();
    assert_eq!(
        kinds[..4],
        ["certificate", "certificate", "certificate", "key"]
    );
    assert_eq!(lines[4]["summary"]["added"], 2, "the authority was there");
    let listed = world.ok(&["cert", "list", ALICE, "--json"]).json();
    assert_eq!(listed["has_key"], true);
}

#[test]
fn a_key_and_its_certificate_in_one_text_file_need_one_step() {
    for key_first in [true, false] {
        let world = World::with_people();
        world.ok(&["cert", "import", "--trust", "ca.crt"]);
        let mut parts = [world.read("bob.key"), world.read("bob.pem")];
        if !key_first {
            parts.reverse();
        }
        world.write("both.pem", parts.concat());
        let lines = world
            .ok_unlocked(&["cert", "import", "both.pem", "--json"])
            .lines();
        let outcomes: Vec<_> = lines[..2].iter().map(|it| &it["outcome"]).collect();
        assert_eq!(outcomes, ["added", "added"]);
        let from_bob = MAIL.replace(&format!("Alice <{ALICE}>"), BOB);
        world.write("mail.eml", from_bob);
        let seal = ["seal", "mail.eml", "-o", "sealed.eml", "--json"];
        let both = ["--sign", "always", "--encrypt", "always"];
        world.ok_unlocked(&[&seal[..], &both].concat());
        world.ok_unlocked(&["open", "sealed.eml", "--json"]);
    }
}

#[test]
fn a_file_that_is_no_text_is_imported_or_refused_with_what_to_do() {
    let world = World::empty();
    let bob = person(BOB, TestKey::P256A);
    let utf_16: Vec<u8> = bob
        .certificate_pem()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (name, bytes) in [("bob.der", bob.certificate.der()), ("bob.txt", &utf_16)] {
        world.write(name, bytes);
        world.ok(&["cert", "import", name]);
    }
    // A picture, and words in Latin-1.
    for bytes in [
        &b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xd8"[..],
        b"f\xfcr B\xf6b\n",
    ] {
        world.write("other", bytes);
        let ran = world.run(&["cert", "import", "other"]).expect(1);
        assert!(ran.text().contains("no certificate found"));
        assert!(ran.text().contains("PEM, DER, base64, PKCS#7 or PKCS#12"));
        let json = world.run(&["cert", "import", "other", "--json"]);
        let item = json.expect(1).lines()[0].clone();
        assert_eq!(item["code"], "import.nothing_found");
        let key = world.unlocked(&["key", "import", "other", "--json"]);
        assert_eq!(key.expect(3).error_code(), "crypto.malformed");
    }
}

#[cfg(unix)]
#[test]
fn an_import_that_is_killed_leaves_a_store_that_the_next_completes() {
    use std::io::Write as _;
    let world = World::with_people();
    let all: Vec<Vec<u8>> = (0..400)
        .map(|number| {
            let address = format!("p{number}@example.com");
            person(&address, TestKey::P256A)
                .certificate_pem()
                .into_bytes()
        })
        .collect();
    let file = all.concat();
    world.ok(&["cert", "import", "ca.crt"]);
    // Cut off in the middle of a certificate, after a part, and when all is read.
    for percent in [0, 10, 50, 99, 100] {
        let mut command = world.command();
        command.args(["cert", "import", "-", "--json"]);
        let mut child = command
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let part = &file[..file.len() * percent / 100];
        let mut input = child.stdin.take().unwrap();
        input.write_all(part).unwrap();
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
        drop(input);
        let stored = world.ok(&["cert", "list", "--json"]).lines().len();
        assert_eq!(stored, 1, "nothing of a file whose end never came");
        assert_eq!(world.log().len(), 1);
    }
    let whole = world
        .run_with(&["cert", "import", "-", "--json"], &file)
        .expect(0);
    let summary = &whole.lines()[400]["summary"];
    assert_eq!(
        (&summary["added"], &summary["refused"]),
        (&400.into(), &0.into())
    );
    assert_eq!(world.ok(&["cert", "list", "--json"]).lines().len(), 401);
    assert_eq!(world.log().len(), 2);
}

#[cfg(unix)]
#[test]
fn an_import_that_is_killed_between_batches_keeps_what_it_told_of() {
    use std::io::{BufRead as _, BufReader};
    const PEOPLE: u64 = 55_000;
    let world = World::empty();
    let mut file = Vec::new();
    smime_testkit::Population::new(PEOPLE)
        .write_pem(&mut file)
        .unwrap();
    world.write("people.pem", &file);
    let mut command = world.command();
    let mut child = command
        .args(["cert", "import", "people.pem", "--json"])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // It waits for us to read on, when a batch is stored and told of.
    let mut told = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut told).unwrap();
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    assert!(told.contains("import.added"), "{told}");
    let open = || smime::store::Embedded::open(&world.path("store.redb")).unwrap();
    let count = || u64::try_from(open().certificates().unwrap().len()).unwrap();
    let stored = count();
    assert!((1..=PEOPLE).contains(&stored), "{stored}");
    assert!(open().activities().unwrap().is_empty(), "it was not done");
    // In words, which are few.
    let whole = world.ok(&["cert", "import", "people.pem"]);
    let rest = PEOPLE - stored;
    let wanted = format!("{rest} added, {stored} already there, 0 refused\n");
    assert!(whole.text().ends_with(&wanted), "{}", whole.text());
    assert_eq!(count(), PEOPLE);
    open().check_log().unwrap();
}
