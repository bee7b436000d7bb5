//! Import of what other programs export: certificate and key in one step.
//!
//! A missing program skips its tests with a printed line, and fails them where
//! `SMIME_REQUIRE_ALL=1`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use smime_testkit::peer;

use crate::world::{ALICE, World, finish};

/// Runs a peer, which must succeed; it may read the passphrase on standard input.
fn run(command: Command, world: &World) {
    let ran = finish(command, &world.read("passphrase"));
    assert_eq!(ran.code, 0, "{}", ran.err);
}

/// Imports a file with a certificate of Alice and its key into a store of its own, which without a
/// passphrase takes neither.
fn check_import(world: &World, file: &str) {
    let store = format!("{file}.redb");
    let import = ["cert", "import", file, "--store", &store, "--json"];
    let locked = world.run(&import).expect(1).lines();
    assert_eq!(locked[0]["code"], "crypto.passphrase_needed", "{file}");
    let lines = world.ok_unlocked(&import).lines();
    let items: Vec<_> = lines
        .iter()
        .map(|line| (&line["kind"], &line["code"]))
        .collect();
    let added = "import.added".into();
    let wanted = [(&"certificate".into(), &added), (&"key".into(), &added)];
    assert_eq!(items[..2], wanted, "{file}");
    assert_eq!(lines[2]["summary"]["refused"], 0, "{file}");
    let list = ["cert", "list", ALICE, "--store", &store, "--json"];
    assert_eq!(world.ok(&list).json()["has_key"], true, "{file}");
}

/// A GnuPG home, with an agent that ends when it is dropped.
struct Gpgsm {
    program: PathBuf,
    home: PathBuf,
}

impl Gpgsm {
    fn new(program: PathBuf, world: &World) -> Self {
        let home = world.path("gnupg");
        fs::create_dir(&home).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
        }
        Self { program, home }
    }

    fn command(&self, arguments: &[&str], file: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--homedir").arg(&self.home);
        command.args([
            "--batch",
            "--no-tty",
            "--yes",
            "--disable-crl-checks",
            "--disable-dirmngr",
        ]);
        command.args(["--pinentry-mode", "loopback", "--passphrase-fd", "0"]);
        command.args(arguments).arg(file);
        command
    }
}

impl Drop for Gpgsm {
    fn drop(&mut self) {
        let mut command = Command::new("gpgconf");
        command.arg("--homedir").arg(&self.home);
        // An agent whose folder is gone ends by itself.
        let _ = command.args(["--kill", "all"]).output();
    }
}

#[test]
fn the_key_and_certificate_that_gpgsm_exports_are_imported_in_one_step() {
    let Some(program) = peer("gpgsm") else { return };
    let world = World::empty();
    let gpgsm = Gpgsm::new(program, &world);
    let parameters = format!(
        "Key-Type: RSA\nKey-Length: 2048\nKey-Usage: sign, encrypt\nSerial: random\n\
         Name-DN: CN=Alice\nName-Email: {ALICE}\n"
    );
    world.write("parameters", parameters);
    let path = |name: &str| world.path(name);
    let made = path("made.der").display().to_string();
    run(
        gpgsm.command(&["--output", &made, "--gen-key"], &path("parameters")),
        &world,
    );
    run(gpgsm.command(&["--import"], &path("made.der")), &world);
    for (file, form) in [("alice.p12", "--no-armor"), ("alice.pem", "--armor")] {
        let mut export = gpgsm.command(&[form, "--output"], &path(file));
        export.args(["--export-secret-key-p12", ALICE]);
        run(export, &world);
        check_import(&world, file);
    }
}

#[test]
fn the_key_and_certificate_that_nss_exports_are_imported_in_one_step() {
    let (Some(certutil), Some(pk12util)) = (peer("certutil"), peer("pk12util")) else {
        return;
    };
    let world = World::empty();
    fs::create_dir(world.path("nss")).unwrap();
    let database = format!("sql:{}", world.path("nss").display());
    // To seed the generator from a file asks for nothing on a terminal; the system seeds it too.
    world.write("noise", [7; 64]);
    let certutil = |arguments: &[&str]| {
        let mut command = Command::new(&certutil);
        command.args(arguments).args(["-d", &database]);
        run(command, &world);
    };
    certutil(&["-N", "--empty-password"]);
    let noise = world.path("noise").display().to_string();
    certutil(&[
        "-S", "-x", "-n", "alice", "-s", "CN=Alice", "-7", ALICE, "-t", "u,u,u", "-k", "rsa", "-g",
        "2048", "-m", "77", "-v", "12", "-z", &noise,
    ]);
    let mut export = Command::new(pk12util);
    export
        .args(["-d", &database, "-n", "alice", "-w"])
        .arg(world.path("passphrase"));
    export.arg("-o").arg(world.path("alice.p12"));
    run(export, &world);
    check_import(&world, "alice.p12");
}
