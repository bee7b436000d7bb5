//! Stores that cannot be opened or written, and several processes at one store.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use smime::store::{Embedded, Store as _};

use crate::world::{Ran, World, finish};

#[test]
fn a_file_that_is_no_store_is_an_error_and_stays_as_it_is() {
    let world = World::with_people();
    for content in [&b"x"[..], b"redb", &[0; 5000], &world.read("alice.pem")] {
        world.write("store.redb", content);
        for arguments in [
            &["cert", "list", "--json"][..],
            &["cert", "import", "bob.pem", "--json"],
            &["store", "show", "--json"],
            &["store", "protect", "--key-file", "store.key", "--json"],
        ] {
            let ran = world.run(arguments).expect(5);
            assert_eq!(ran.error_code(), "store.foreign_file", "{arguments:?}");
            assert!(ran.err.contains("store.redb"), "{}", ran.err);
            assert!(ran.err.contains("--store PATH"), "{}", ran.err);
            assert_eq!(world.read("store.redb"), content);
        }
    }
    assert!(!world.path("store.key").exists());
}

#[test]
fn a_store_that_is_cut_off_is_an_error_and_stays_as_it_is() {
    let world = World::with_store();
    let whole = world.read("store.redb");
    for length in [
        10,
        64,
        320,
        512,
        4096,
        8192,
        whole.len() / 2,
        whole.len() - 4096,
        whole.len() - 1,
    ] {
        world.write("store.redb", &whole[..length]);
        for arguments in [
            &["cert", "list", "--json"][..],
            &["cert", "import", "bob.pem", "--json"],
        ] {
            let ran = world.run(arguments).expect(5);
            assert_eq!(ran.error_code(), "store.damaged", "{length} {arguments:?}");
            assert!(world.read("store.redb") == whole[..length], "{length}");
        }
    }
    world.write("store.redb", &whole);
    assert_eq!(world.ok(&["cert", "list", "--json"]).lines().len(), 4);
}

#[test]
fn what_is_no_file_or_no_folder_is_an_error_with_its_path() {
    let world = World::with_people();
    for path in [".", "alice.pem/store.redb"] {
        let ran = world.run(&["cert", "import", "bob.pem", "--json", "--store", path]);
        let ran = ran.expect(5);
        assert_eq!(ran.error_code(), "store.io");
        assert!(ran.err.contains(path), "{}", ran.err);
    }
}

/// Runs the program as somebody whom modes of files bind, which the superuser is not.
#[cfg(unix)]
fn as_somebody(world: &World, arguments: &[&str]) -> Ran {
    use std::os::unix::{fs::MetadataExt as _, process::CommandExt as _};
    const NOBODY: u32 = 65534;
    let mut command = world.command();
    if fs::metadata(world.path(".")).unwrap().uid() == 0 {
        let program = world.path("smime");
        if !program.exists() {
            fs::copy(env!("CARGO_BIN_EXE_smime"), &program).unwrap();
        }
        command = Command::new(program);
        command.current_dir(world.path("."));
        command.env_clear().env("SMIME_STORE", "store.redb");
        command.uid(NOBODY).gid(NOBODY);
    }
    command.args(arguments);
    finish(command, b"")
}

#[cfg(unix)]
#[test]
fn a_store_or_folder_that_may_not_be_written_is_an_error_and_stays_as_it_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::with_store();
    let before = world.read("store.redb");
    let set = |name: &str, mode| {
        fs::set_permissions(world.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    set("store.redb", 0o444);
    set(".", 0o555);
    for (arguments, path) in [
        (&["cert", "list", "--json"][..], "store.redb"),
        (&["cert", "import", "bob.pem", "--json"], "store.redb"),
        (
            &["cert", "import", "bob.pem", "--json", "--store", "new.redb"],
            "new.redb",
        ),
        (
            &[
                "cert",
                "import",
                "bob.pem",
                "--json",
                "--store",
                "new/new.redb",
            ],
            "new/new.redb",
        ),
    ] {
        let ran = as_somebody(&world, arguments).expect(5);
        assert_eq!(ran.error_code(), "store.io", "{arguments:?}");
        assert!(ran.err.contains(path), "{}", ran.err);
        assert!(ran.err.contains("can be read and written"), "{}", ran.err);
    }
    set(".", 0o755);
    assert!(!world.path("new.redb").exists() && !world.path("new").exists());
    assert!(world.read("store.redb") == before);
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_is_an_error_and_what_was_committed_stays() {
    let world = World::with_store();
    let mut people = Vec::new();
    smime_testkit::Population::new(4000)
        .write_pem(&mut people)
        .unwrap();
    world.write("people.pem", &people);
    world.write("room.redb", world.read("store.redb"));
    world.ok(&["cert", "import", "people.pem", "--store", "room.redb"]);
    let size = |name: &str| fs::metadata(world.path(name)).unwrap().len() / 1024;
    let (least, most) = (size("store.redb"), size("room.redb"));
    assert!(most > least + 1000, "the import needs room: {least} {most}");
    for room in [
        least,
        least + (most - least) / 4,
        least + (most - least) / 2,
    ] {
        let before = world.read("store.redb");
        let mut command = Command::new("bash");
        // A file that grows beyond the limit is an error, as where the disk is full.
        let script = format!("trap '' XFSZ; ulimit -f {room}; exec \"$0\" \"$@\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_smime")]);
        command.args(["cert", "import", "people.pem", "--json"]);
        command.current_dir(world.path(".")).env_clear();
        command.env("SMIME_STORE", "store.redb");
        let ran = finish(command, b"").expect(5);
        let lines = ran.lines();
        let error = lines.last().unwrap();
        assert_eq!(error["error"]["code"], "store.io", "{room}: {}", ran.err);
        assert!(ran.err.contains("room"), "{}", ran.err);
        let told = lines.iter().filter(|it| it["outcome"] == "added").count();
        let open = Embedded::open(&world.path("store.redb")).unwrap();
        assert_eq!(open.certificates().unwrap().len(), 4 + told, "{room}");
        assert_eq!(open.key_ids().unwrap().len(), 3);
        open.check_log().unwrap();
        drop(open);
        world.write("store.redb", before);
    }
    world.ok(&["cert", "import", "people.pem"]);
    assert_eq!(
        world.ok(&["store", "show", "--json"]).json()["certificates"],
        4004
    );
}

#[test]
fn who_finds_the_store_open_waits_and_goes_on_when_it_is_closed() {
    let world = World::with_store();
    let open = Embedded::open(&world.path("store.redb")).unwrap();
    let mut command = world.command();
    command.args(["cert", "list", "--json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    err.read_line(&mut said).unwrap();
    assert!(said.contains("waiting for another process"), "{said}");
    drop(open);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(
        output.stdout.iter().filter(|byte| **byte == b'\n').count(),
        4
    );
}

#[test]
fn who_finds_the_store_open_all_the_time_gets_an_error() {
    let world = World::with_store();
    let open = Embedded::open(&world.path("store.redb")).unwrap();
    let before = world.read("store.redb");
    let ran = world
        .run(&["cert", "import", "bob.pem", "--json"])
        .expect(5);
    assert_eq!(ran.error_code(), "store.locked");
    assert!(ran.err.contains("another process"), "{}", ran.err);
    assert!(world.read("store.redb") == before);
    drop(open);
    world
        .run(&["cert", "import", "bob.pem", "--json"])
        .expect(0);
}
