use std::fs;

use crate::world::{World, finish};

#[test]
fn wrong_usage_prints_nothing_on_standard_output() {
    let world = World::empty();
    for arguments in [
        &["--json", "nonsense"][..],
        &["--json"],
        &["cert", "import", "--json"],
        &["cert", "show", "--json"],
        &["cms", "decrypt", "x", "--json"],
        &["seal", "x", "--json"],
        &["open", "--anchor", "x", "--json"],
        &["open", "--at", "yesterday", "--json"],
        &["open", "--profile", "lax", "--json"],
        &["seal", "x", "-o", "y", "--from", "nobody", "--json"],
        &["seal", "x", "-o", "y", "--sign", "maybe", "--json"],
        &[
            "cms",
            "verify",
            "x",
            "--no-chain",
            "--anchor",
            "y",
            "--json",
        ],
        &[
            "log",
            "--passphrase-file",
            "x",
            "--passphrase-env",
            "y",
            "--json",
        ],
        &["completions", "nonsense", "--json"],
        &["man", "--json"],
        &["demo", "x", "--json"],
        &["key", "import", "--json"],
    ] {
        let mut command = world.command();
        command.args(arguments);
        let ran = finish(command, b"").expect(2);
        assert!(ran.out.is_empty(), "{arguments:?}");
        assert!(!ran.err.is_empty(), "{arguments:?}");
    }
}

#[test]
fn without_a_store_the_program_says_so_and_makes_none() {
    let world = World::with_people();
    world.write("mail.eml", crate::world::MAIL);
    let before = world.files();
    for arguments in [
        &["log", "--json"][..],
        &[
            "cert",
            "export",
            "0123456789abcdef",
            "-o",
            "x.pem",
            "--json",
        ],
        &["cert", "delete", "0123456789abcdef", "--json"],
        &["cert", "show", "alice@example.com", "--json"],
        &["cert", "show", "0123456789abcdef", "--json"],
        &["open", "mail.eml", "--json"],
        &["seal", "mail.eml", "-o", "out.eml", "--json"],
        &["key", "import", "alice.key", "--json"],
        &["key", "delete", "0123456789abcdef", "--json"],
        &[
            "key",
            "export",
            "0123456789abcdef",
            "--private-key",
            "-o",
            "x.key",
            "--json",
        ],
    ] {
        let ran = world.unlocked(arguments).expect(5);
        assert_eq!(ran.error_code(), "store.absent", "{arguments:?}");
        explains_stores(&ran.err);
        assert_eq!(world.files(), before, "{arguments:?}");
    }
}

/// Fails unless a text says in three lines what a store is, where it would be and how to begin.
fn explains_stores(text: &str) {
    assert!(text.lines().count() <= 3, "{text}");
    for words in [
        "no store at",
        "store.redb",
        "a store is",
        "smime cert import",
        "smime ca init",
        "smime demo",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn where_there_is_no_store_a_list_is_empty_and_says_why() {
    let world = World::with_people();
    let before = world.files();
    for arguments in [
        &["cert", "list"][..],
        &["cert", "list", "--json"],
        &["cert", "list", "alice", "--expiring", "30", "--json"],
    ] {
        let ran = world.ok(arguments);
        assert_eq!(ran.out, b"", "{arguments:?}");
        explains_stores(&ran.err);
        let quiet = world.ok(&[arguments, &["--quiet"]].concat());
        assert_eq!((quiet.out, quiet.err.as_str()), (Vec::new(), ""));
        assert_eq!(world.files(), before, "{arguments:?}");
    }
    let mut command = world.command();
    command.env_remove("SMIME_STORE").args(["cert", "list"]);
    explains_stores(&finish(command, b"").expect(0).err);
    assert_eq!(world.files(), before, "nor where the platform keeps data");
}

#[test]
fn a_file_that_is_not_there_is_unreadable_input_with_a_store_and_without() {
    for world in [World::with_people(), World::with_store()] {
        let before = world.files();
        for missing in [
            "missing.pem",
            "./missing",
            "folder/x.der",
            "beef",
            "missing",
        ] {
            let ran = world.run(&["cert", "show", missing, "--json"]).expect(3);
            assert_eq!(ran.error_code(), "input.not_found", "{missing}");
            world.run(&["cert", "show", missing]).expect(3);
        }
        assert_eq!(world.files(), before);
    }
    let world = World::with_store();
    for query in ["alice@example.com", "alice"] {
        let shown = world.ok(&["cert", "show", query, "--json"]).json();
        assert_eq!(shown["emails"][0], crate::world::ALICE);
    }
    let nobody = ["cert", "show", "nobody@example.com", "--json"];
    assert_eq!(world.run(&nobody).expect(3).error_code(), "input.not_found");
}

#[test]
fn the_first_import_makes_the_store_where_the_platform_keeps_data() {
    let world = World::with_people();
    let mut command = world.command();
    command
        .env_remove("SMIME_STORE")
        .args(["cert", "import", "alice.pem"]);
    finish(command, b"").expect(0);
    let mut command = world.command();
    command
        .env_remove("SMIME_STORE")
        .args(["cert", "list", "--json"]);
    assert_eq!(finish(command, b"").expect(0).lines().len(), 1);
    assert!(!world.path("store.redb").exists());
}

#[test]
fn a_file_that_is_no_store_stays_as_it_is() {
    let world = World::with_people();
    for bytes in [&b"not a store"[..], &[0; 8192]] {
        world.write("other.redb", bytes);
        for command in [&["log"][..], &["cert", "import", "alice.pem"]] {
            let ran = world.run(&[command, &["--store", "other.redb", "--json"]].concat());
            assert_eq!(ran.expect(5).error_code(), "store.foreign_file");
            assert_eq!(world.read("other.redb"), bytes);
        }
    }
}

#[test]
fn completions_name_the_commands_in_every_shell() {
    let world = World::empty();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = world.ok(&["completions", shell]);
        for word in ["seal", "passphrase-file", "no-store"] {
            assert!(ran.text().contains(word), "{shell}: {word}");
        }
        let value = world.ok(&["completions", shell, "--json"]).json();
        assert_eq!(value["shell"], shell);
    }
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let world = World::empty();
    world.ok(&["man", "pages/here"]);
    let folder = world.path("pages/here");
    for page in [
        "smime.1",
        "smime-seal.1",
        "smime-cert-import.1",
        "smime-cert-export.1",
        "smime-cert-delete.1",
        "smime-key-export.1",
        "smime-key-delete.1",
        "smime-cms-verify.1",
    ] {
        let text = fs::read_to_string(folder.join(page)).unwrap();
        assert!(text.contains(".SH NAME"), "{page}");
    }
    world.write("file", "");
    let ran = world.run(&["man", "file/below", "--json"]).expect(5);
    assert_eq!(ran.error_code(), "output.unwritable");
}

#[test]
fn every_option_and_argument_is_explained() {
    let world = World::empty();
    world.ok(&["man", "pages"]);
    for entry in fs::read_dir(world.path("pages")).unwrap() {
        let path = entry.unwrap().path();
        let page = fs::read_to_string(&path).unwrap();
        let mut lines = page.lines();
        while let Some(line) = lines.next() {
            if line == ".TP" {
                let name = lines.next().unwrap();
                let words = lines.next().unwrap_or_default();
                let explained = !words.is_empty() && !words.starts_with('.');
                assert!(explained, "{}: {name}", path.display());
            }
        }
    }
}

#[test]
fn help_tells_the_exit_codes() {
    let world = World::empty();
    let mut command = world.command();
    command.arg("--help");
    let help = finish(command, b"").expect(0);
    assert!(help.text().contains("4 cannot be decrypted"));
    assert!(help.err.is_empty());
}

#[test]
fn the_demonstration_is_good_in_every_row() {
    let world = World::empty();
    let ran = world.ok(&["demo", "--dir", "demo", "--json"]);
    let rows = ran.lines();
    assert_eq!(rows.len(), 24 + 16 + 16, "signatures, encryptions, both");
    for row in &rows {
        assert_eq!(
            crate::world::fields(row),
            [
                "bytes",
                "combination",
                "failed",
                "mails",
                "open_milliseconds",
                "seal_milliseconds"
            ]
        );
        assert_eq!(row["failed"], serde_json::json!([]));
    }
    for file in ["store.redb", "passphrase.txt", "ca.crt", "mails"] {
        assert!(world.path("demo").join(file).exists(), "{file}");
    }
    // What it left behind is a store like any other, and it never takes a store for a fresh one.
    let list = ["cert", "list", "--store", "demo/store.redb", "--json"];
    assert_eq!(world.ok(&list).lines().len(), 4);
    let again = world.run(&["demo", "--dir", "demo", "--json"]).expect(2);
    assert!(again.err.contains("demo.not_fresh"));
}

#[test]
fn a_store_that_is_open_elsewhere_is_left_alone() {
    let world = World::with_store();
    let held = smime::store::Embedded::open(&world.path("store.redb")).unwrap();
    for command in [
        &["log"][..],
        &["cert", "list"],
        &["cert", "import", "bob.pem"],
    ] {
        let ran = world.run(&[command, &["--json"]].concat());
        assert_eq!(ran.expect(5).error_code(), "store.locked", "{command:?}");
    }
    drop(held);
    world.ok(&["log"]);
}

#[cfg(unix)]
#[test]
fn who_closes_the_outputs_causes_no_panic() {
    let world = World::with_store();
    for redirection in [">&-", "2>&-", ">&- 2>&-", "| true"] {
        let program = env!("CARGO_BIN_EXE_smime");
        let mut command = std::process::Command::new("sh");
        command.current_dir(world.path("")).args([
            "-c",
            &format!("{program} log --store missing {redirection}"),
        ]);
        let ran = finish(command, b"");
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
        assert!([0, 5].contains(&ran.code), "{}", ran.code);
    }
}
