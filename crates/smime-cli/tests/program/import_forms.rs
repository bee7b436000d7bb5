//! Import from address books, exported tables and folders.

use std::fs;

use serde_json::{Value, json};
use smime_testkit::TestKey;

use crate::world::{ALICE, BOB, PASSPHRASE, World, person, testdata};

/// Returns source and code of every item, and the counts of the summary.
fn outcomes(lines: &[Value]) -> (Vec<(String, String)>, [u64; 3]) {
    let (summary, items) = lines.split_last().unwrap();
    let word = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let items = items
        .iter()
        .map(|item| (word(item, "source"), word(item, "code")))
        .collect();
    let count = |name: &str| summary["summary"][name].as_u64().unwrap();
    (items, ["added", "already_there", "refused"].map(count))
}

fn item(source: &str, code: &str) -> (String, String) {
    (source.to_owned(), code.to_owned())
}

/// Returns the base64 of a person's certificate on one line.
fn base64(address: &str, key: TestKey) -> String {
    let pem = person(address, key).certificate_pem();
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

#[test]
fn address_books_bring_their_certificates_and_refuse_what_is_none() {
    let world = World::empty();
    let (alice, bob) = (
        base64(ALICE, TestKey::Rsa2048A),
        base64(BOB, TestKey::P256A),
    );
    world.write(
        "people.vcf",
        format!(
            "BEGIN:VCARD\r\nVERSION:4.0\r\nKEY:data:application/pkix-cert;base64,{alice}\r\n\
             KEY:data:application/pgp-keys;base64,mQENBF\r\nKEY:https://a.example/bob.crt\r\nEND:VCARD\r\n"
        ),
    );
    world.write(
        "people.ldif",
        format!("dn: cn=bob\nuserCertificate;binary:: {bob}\nuserSMIMECertificate;binary: {bob}\n"),
    );
    let ran = world.run(&["cert", "import", "people.vcf", "people.ldif", "--json"]);
    let (items, counts) = outcomes(&ran.expect(1).lines());
    let wanted = [
        item("people.vcf", "import.added"),
        item("people.vcf", "import.unsupported_kind"),
        item("people.vcf", "import.link"),
        item("people.ldif", "import.added"),
        item("people.ldif", "import.bad_property"),
    ];
    assert_eq!(items, wanted);
    assert_eq!(counts, [2, 0, 3]);
}

#[test]
fn a_key_of_a_vcard_that_cannot_be_read_makes_no_other_certificate_the_one_that_is_judged() {
    let world = World::with_people();
    let alice = String::from_utf8(world.read("alice.pem")).unwrap();
    for (code, key) in [
        ("import.bad_base64", "KEY;ENCODING=b:*"),
        ("import.bad_property", "KEY;ENCODING=b"),
        ("import.truncated", "KEY;ENCODING=b:MIIB"),
    ] {
        world.write("both", format!("BEGIN:VCARD\n{key}\nEND:VCARD\n{alice}"));
        let ran = world.run(&["cert", "verify", "--anchor", "ca.crt", "both", "--json"]);
        assert_eq!(ran.expect(3).error_code(), code);
    }
}

/// A table of certificates as a helpdesk exports it: PEM, and the passphrase of a key beside it.
fn rows() -> [[String; 4]; 2] {
    let key = fs::read_to_string(testdata("keys/forms/p256-legacy-encrypted.pem")).unwrap();
    let alice = person(ALICE, TestKey::Rsa2048A).certificate_pem();
    let bob = person(BOB, TestKey::P256A).certificate_pem();
    let [none, secret] = ["", PASSPHRASE].map(str::to_owned);
    [
        ["1".to_owned(), alice, none.clone(), none],
        ["2".to_owned(), bob, key, secret],
    ]
}

fn csv(line_end: &str) -> String {
    let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
    let mut table = String::from("id,pem,private_key,private_key_secret\n");
    for row in rows() {
        let fields: Vec<_> = row.iter().map(quoted).collect();
        table.push_str(&fields.join(","));
        table.push('\n');
    }
    table.replace('\n', line_end)
}

fn json_table() -> String {
    let rows = rows().map(|[id, pem, key, secret]| {
        json!({"id": id, "pem": pem, "private_key": key, "private_key_secret": secret})
    });
    json!(rows).to_string()
}

#[test]
fn an_exported_table_brings_certificates_and_the_keys_that_the_passphrase_opens() {
    for (name, table) in [
        ("table.csv", csv("\n")),
        ("table.csv", csv("\r\n")),
        ("table.json", json_table()),
        (
            "table.json",
            json_table().replace("\\n", "\\r\\n").replace('/', "\\/"),
        ),
        (
            "table.json",
            json_table()
                .replace("\\n", "\\u000a")
                .replace('/', "\\u002f"),
        ),
    ] {
        let world = World::empty();
        world.write(name, &table);
        let lines = world
            .ok_unlocked(&["cert", "import", name, "--json"])
            .lines();
        let (_, counts) = outcomes(&lines);
        assert_eq!(counts, [3, 0, 0], "{name}");
        assert_eq!(lines[2]["kind"], "key");
        let listed = world.ok(&["cert", "list", BOB, "--json"]).json();
        assert_eq!(listed["has_key"], true, "{name}");
    }
}

#[test]
fn a_passphrase_in_a_table_is_not_taken_for_that_of_its_user() {
    for table in [csv("\n"), json_table()] {
        let world = World::empty();
        world.write("table", table);
        let ran = world.run(&["cert", "import", "table", "--json"]);
        let (items, counts) = outcomes(&ran.expect(1).lines());
        assert!(items.contains(&item("table", "import.private_key")));
        assert_eq!(counts, [2, 0, 1]);
        world.write("other", "another passphrase\n");
        let ran = world.run(&[
            "cert",
            "import",
            "table",
            "--passphrase-file",
            "other",
            "--json",
        ]);
        let (items, counts) = outcomes(&ran.expect(1).lines());
        assert!(items.contains(&item("table", "crypto.wrong_passphrase")));
        assert_eq!(counts, [0, 2, 1]);
    }
}

#[test]
fn a_folder_is_every_file_below_it_in_the_order_of_names() {
    let world = World::with_people();
    fs::create_dir_all(world.path("certs/b/deep")).unwrap();
    for (from, to) in [
        ("carol.pem", "certs/z.pem"),
        ("ca.crt", "certs/a.der"),
        ("bob.pem", "certs/b/deep/bob.pem"),
    ] {
        world.write(to, world.read(from));
    }
    world.write("certs/b/notes", "nothing here\n");
    let ran = world.run(&["cert", "import", "alice.pem", "certs", "--json"]);
    let (items, counts) = outcomes(&ran.expect(1).lines());
    let wanted = [
        item("alice.pem", "import.added"),
        item("certs/a.der", "import.added"),
        item("certs/b/deep/bob.pem", "import.added"),
        item("certs/b/notes", "import.nothing_found"),
        item("certs/z.pem", "import.added"),
    ];
    assert_eq!(items, wanted);
    assert_eq!(counts, [4, 0, 1]);
}

#[test]
fn a_folder_without_a_file_stops_the_import_before_anything_is_changed() {
    let world = World::with_people();
    fs::create_dir_all(world.path("certs/empty")).unwrap();
    world.write("certs/.hidden", world.read("alice.pem"));
    let before = world.files();
    let ran = world.run(&["cert", "import", "alice.pem", "certs", "--json"]);
    let ran = ran.expect(3);
    assert!(ran.err.contains("certs: passed over: 1 hidden\n"));
    assert_eq!(ran.error_code(), "input.empty_folder");
    assert_eq!(world.files(), before);
}

#[cfg(unix)]
#[test]
fn hidden_files_and_links_out_of_a_folder_are_passed_over_and_counted() {
    use std::os::unix::{fs::symlink, net::UnixListener};
    let world = World::with_people();
    fs::create_dir_all(world.path("certs/.new")).unwrap();
    fs::create_dir_all(world.path("certs/sub")).unwrap();
    world.write("certs/.bob.pem", world.read("bob.pem"));
    world.write("certs/.new/alice.pem", world.read("alice.pem"));
    world.write("certs/sub/carol.pem", world.read("carol.pem"));
    // A folder that a secret is mounted in has links to its hidden files.
    for (target, link) in [
        (".new/alice.pem", "certs/alice.pem"),
        ("../bob.pem", "certs/out.pem"),
        ("..", "certs/up"),
        ("sub", "certs/round"),
        ("..", "certs/sub/again"),
        ("nothing", "certs/dangling"),
    ] {
        symlink(target, world.path(link)).unwrap();
    }
    let _socket = UnixListener::bind(world.path("certs/socket")).unwrap();
    let ran = world.ok(&["cert", "import", "certs", "--json"]);
    let (items, counts) = outcomes(&ran.lines());
    let wanted = [
        item("certs/alice.pem", "import.added"),
        item("certs/sub/carol.pem", "import.added"),
    ];
    assert_eq!(items, wanted);
    assert_eq!(counts, [2, 0, 0]);
    let remark =
        "certs: passed over: 2 hidden, 2 links out of the folder, 2 links to folders, 2 no files\n";
    assert_eq!(ran.err, remark);
}
