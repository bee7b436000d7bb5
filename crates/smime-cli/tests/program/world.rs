use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use smime_testkit::{Authority, Identity, Profile, TestKey};
use tempfile::TempDir;

/// The passphrase of the keys in every store, and of the protected files of `testdata/keys/forms`.
pub(crate) const PASSPHRASE: &str = "correct horse";

pub(crate) const ALICE: &str = "alice@example.com";
pub(crate) const BOB: &str = "bob@example.org";
pub(crate) const CAROL: &str = "carol@example.net";

/// A folder to run the program in, at a fixed time, with nobody's store but its own.
pub(crate) struct World {
    folder: TempDir,
}

/// What one run printed, and its exit code.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl World {
    /// An empty folder, but for a file with the passphrase.
    pub(crate) fn empty() -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        world.write("passphrase", format!("{PASSPHRASE}\n"));
        world
    }

    /// The certificates and keys of an authority, Alice (RSA), Bob and Carol (P-256), as files.
    pub(crate) fn with_people() -> Self {
        let world = Self::empty();
        world.write("ca.crt", authority().certificate().der());
        for (name, address, key) in PEOPLE {
            world.write(
                &format!("{name}.pem"),
                person(address, key).certificate_pem(),
            );
            world.write(&format!("{name}.key"), key.pem());
        }
        world
    }

    /// The same, imported into the store `store.redb`.
    pub(crate) fn with_store() -> Self {
        let world = Self::with_people();
        world.ok(&["cert", "import", "--trust", "ca.crt"]);
        for (name, _, _) in PEOPLE {
            world.ok(&["cert", "import", &format!("{name}.pem")]);
            world.ok_unlocked(&["key", "import", &format!("{name}.key")]);
        }
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Returns the names of all files, to see that none came or went.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, b"")
    }

    /// Runs with the passphrase of the keys.
    pub(crate) fn unlocked(&self, arguments: &[&str]) -> Ran {
        self.run(&[arguments, &["--passphrase-file", "passphrase"]].concat())
    }

    /// Runs with `input` on standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command();
        command.args(arguments);
        if !arguments.contains(&"--at") {
            command.args(["--at", NOW]);
        }
        finish(command, input)
    }

    /// Returns the program, to be run in the folder.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smime"));
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("SMIME_STORE", "store.redb");
        command
    }

    /// Runs what must succeed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Ran {
        self.run(arguments).expect(0)
    }

    pub(crate) fn ok_unlocked(&self, arguments: &[&str]) -> Ran {
        self.unlocked(arguments).expect(0)
    }

    /// Returns the log as JSON.
    pub(crate) fn log(&self) -> Vec<Value> {
        self.ok(&["log", "--json"]).lines()
    }
}

/// Runs a command to its end; whatever it prints, it is no secret.
pub(crate) fn finish(mut command: Command, input: &[u8]) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who reads no input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    for printed in [&output.stdout, &output.stderr] {
        check_no_secret(printed);
    }
    Ran {
        code: output.status.code().expect("the program ends by itself"),
        out: output.stdout,
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Fails if `bytes` hold the passphrase, or a key as PEM, hexadecimal or DER.
pub(crate) fn check_no_secret(bytes: &[u8]) {
    assert!(!contains(bytes, PASSPHRASE.as_bytes()), "the passphrase");
    for (name, _, key) in PEOPLE {
        let pkcs8 = key.pkcs8();
        // The last value of an RSA key; the middle of the private value on P-256.
        let start = match name {
            "alice" => pkcs8.expose().len() - 24,
            _ => 40,
        };
        let private = &pkcs8.expose()[start..start + 24];
        let hex: String = private.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!contains(bytes, private), "the key of {name}");
        assert!(!contains(bytes, hex.as_bytes()), "the key of {name}");
        for line in key.pem().split(|byte| *byte == b'\n') {
            let is_content = line.len() == 64 && !line.starts_with(b"-----");
            assert!(!is_content || !contains(bytes, line), "the key of {name}");
        }
    }
}

pub(crate) fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

impl Ran {
    pub(crate) fn expect(self, code: i32) -> Self {
        let out = String::from_utf8_lossy(&self.out);
        assert_eq!(self.code, code, "stdout: {out}\nstderr: {}", self.err);
        self
    }

    /// Returns standard output as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }

    /// Returns standard output, which must be one JSON document on one line.
    pub(crate) fn json(&self) -> Value {
        let lines = self.lines();
        assert_eq!(lines.len(), 1, "{}", self.text());
        lines[0].clone()
    }

    /// Returns standard output, which must be one JSON object on each line.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let lines = self.text().lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
            .collect()
    }

    /// Returns the code of the failure that the one JSON document tells of.
    pub(crate) fn error_code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }
}

/// Returns the names of an object's fields, sorted.
pub(crate) fn fields(value: &Value) -> Vec<&str> {
    let mut names: Vec<_> = value.as_object().unwrap().keys().map(|it| &**it).collect();
    names.sort_unstable();
    names
}

pub(crate) fn authority() -> Authority {
    Authority::root("Root", TestKey::P384A)
}

pub(crate) fn person(address: &str, key: TestKey) -> Identity {
    authority().person(address, Profile::of(key))
}

/// Returns the SHA-256 of a person's certificate, as the program prints it.
pub(crate) fn fingerprint(identity: &Identity) -> String {
    hex(identity.certificate.fingerprint())
}

/// Returns the SHA-256 of the certificate of the authority.
pub(crate) fn root() -> String {
    hex(authority().certificate().fingerprint())
}

fn hex(digest: [u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns a file of `testdata`.
pub(crate) fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata")
        .join(path)
}

pub(crate) const NOW: &str = "2026-06-01T00:00:00Z";

pub(crate) const PEOPLE: [(&str, &str, TestKey); 3] = [
    ("alice", ALICE, TestKey::Rsa2048A),
    ("bob", BOB, TestKey::P256A),
    ("carol", CAROL, TestKey::P256B),
];

/// A mail from Alice to Bob.
pub(crate) const MAIL: &str = "From: Alice <alice@example.com>\r\nTo: bob@example.org\r\n\
    Subject: the plan\r\nMessage-ID: <1@example.com>\r\nMIME-Version: 1.0\r\n\
    Content-Type: text/plain; charset=us-ascii\r\n\r\nMeet me at noon.\r\n";

/// What of [`MAIL`] is protected.
pub(crate) const ENTITY: &str =
    "Content-Type: text/plain; charset=us-ascii\r\n\r\nMeet me at noon.\r\n";
