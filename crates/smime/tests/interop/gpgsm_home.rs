//! The program `gpgsm` as a peer, with a home of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use smime::{
    crypto::{asn1::Reader, sha1_fingerprint},
    x509::Certificate,
};
use smime_testkit::{NOW, TestKey, peer};

use crate::setting::{Person, Setting, run};

/// A GnuPG home that trusts the root of the setting and holds the certificates and keys of its
/// people.
pub(crate) struct Gpgsm<'a> {
    program: PathBuf,
    home: PathBuf,
    setting: &'a Setting,
}

impl<'a> Gpgsm<'a> {
    /// Finds the program and furnishes its home; without it there is nothing to test.
    pub(crate) fn find(setting: &'a Setting) -> Option<Self> {
        let home = setting.folder().join("gnupg");
        let gpgsm = Self {
            program: peer("gpgsm")?,
            home,
            setting,
        };
        gpgsm.furnish();
        Some(gpgsm)
    }

    /// Verifies an object up to the trusted root, and returns the content where it is inside.
    pub(crate) fn verify(&self, signed: &[u8]) -> Result<Vec<u8>, String> {
        let output = self.setting.free_path();
        let mut command = self.command();
        command.arg("--output").arg(&output);
        self.check_good(command.arg("--verify").arg(self.setting.file(signed)))?;
        read(&output)
    }

    /// Verifies an object that has its content beside it.
    pub(crate) fn verify_detached(&self, signature: &[u8], content: &[u8]) -> Result<(), String> {
        let mut command = self.command();
        command.arg("--verify").arg(self.setting.file(signature));
        self.check_good(command.arg(self.setting.file(content)))
    }

    /// Decrypts with whatever key fits.
    pub(crate) fn decrypt(&self, encrypted: &[u8]) -> Result<Vec<u8>, String> {
        let output = self.setting.free_path();
        let mut command = self.command();
        command.arg("--output").arg(&output);
        run(command.arg("--decrypt").arg(self.setting.file(encrypted)))?;
        read(&output)
    }

    /// Signs as `signer`; `operation` is `--sign` or `--detach-sign`.
    pub(crate) fn sign(
        &self,
        content: &[u8],
        signer: &Person,
        digest: &str,
        operation: &str,
    ) -> Result<Vec<u8>, String> {
        let output = self.setting.free_path();
        let mut command = self.command();
        command.args(["--digest-algo", digest, "--local-user", &signer.address()]);
        command.arg("--output").arg(&output);
        run(command.arg(operation).arg(self.setting.file(content)))?;
        read(&output)
    }

    /// Encrypts to `recipients`.
    pub(crate) fn encrypt(
        &self,
        content: &[u8],
        recipients: &[&Person],
        cipher: &str,
    ) -> Result<Vec<u8>, String> {
        let output = self.setting.free_path();
        let mut command = self.command();
        command.args(["--cipher-algo", cipher]);
        for recipient in recipients {
            command.arg("--recipient").arg(recipient.address());
        }
        command.arg("--output").arg(&output);
        run(command.arg("--encrypt").arg(self.setting.file(content)))?;
        read(&output)
    }

    /// The exit code says that there is no bad signature; that there is a good one, made with a
    /// certificate under the root, only the status lines say.
    fn check_good(&self, command: &mut Command) -> Result<(), String> {
        let status = run(command)?;
        let status = String::from_utf8_lossy(&status);
        let good = ["GOODSIG", "VALIDSIG", "TRUST_FULLY"]
            .into_iter()
            .all(|word| status.contains(&format!("[GNUPG:] {word} ")));
        if good {
            Ok(())
        } else {
            Err(status.into_owned())
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--homedir").arg(&self.home);
        command.args(["--batch", "--no-tty", "--yes", "--status-fd", "1"]);
        command.args(["--disable-crl-checks", "--disable-dirmngr"]);
        command.arg("--faked-system-time").arg(NOW.0.to_string());
        command
    }

    fn furnish(&self) {
        let keys = self.home.join("private-keys-v1.d");
        fs::create_dir_all(&keys).unwrap();
        #[cfg(unix)]
        for folder in [&self.home, &keys] {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
        }
        let root = hexadecimal(&sha1_fingerprint(self.setting.root().der()));
        fs::write(self.home.join("trustlist.txt"), format!("{root} S relax\n")).unwrap();
        let above = [self.setting.root(), self.setting.issuer()];
        let own = self
            .setting
            .people()
            .iter()
            .map(|person| &person.identity.certificate);
        for certificate in above.into_iter().chain(own) {
            let file = self.setting.file(certificate.der());
            run(self.command().arg("--import").arg(file)).unwrap();
        }
        let list = run(self
            .command()
            .args(["--with-colons", "--with-keygrip", "--list-keys"]));
        let list = String::from_utf8(list.unwrap()).unwrap();
        for person in self.setting.people() {
            let grip = key_grip(&list, &person.identity.certificate);
            let file = keys.join(format!("{grip}.key"));
            fs::write(file, key_expression(person.identity.test_key)).unwrap();
        }
    }
}

impl Drop for Gpgsm<'_> {
    /// Ends the agent that `gpgsm` started; the folder goes with the setting.
    fn drop(&mut self) {
        let mut command = Command::new("gpgconf");
        command
            .arg("--homedir")
            .arg(&self.home)
            .args(["--kill", "all"]);
        // An agent whose folder is gone ends by itself.
        let _ = command.output();
    }
}

/// Finds how the agent names the key of a certificate.
fn key_grip(list: &str, certificate: &Certificate) -> String {
    let fingerprint = hexadecimal(&sha1_fingerprint(certificate.der()));
    let field = |line: &str| line.split(':').nth(9).unwrap_or_default().to_owned();
    list.lines()
        .skip_while(|line| !(line.starts_with("fpr:") && field(line) == fingerprint))
        .find(|line| line.starts_with("grp:"))
        .map(field)
        .unwrap()
}

/// Writes a private key as the agent keeps it, without a passphrase: gpgsm 2.2 reads RSA from the
/// PKCS #12 of openssl in its oldest form alone, and dies of any with an EC key.
fn key_expression(key: TestKey) -> Vec<u8> {
    let pkcs8 = key.pkcs8();
    let mut info = Reader::new(pkcs8.expose()).sequence("key").unwrap();
    info.any("version").unwrap();
    info.any("algorithm").unwrap();
    let inner = info.octet_string("key").unwrap();
    let mut inner = Reader::new(inner).sequence("key").unwrap();
    inner.any("version").unwrap();
    let curve = match key {
        TestKey::P256A | TestKey::P256B => "NIST P-256",
        TestKey::P384A | TestKey::P384B => "NIST P-384",
        _ => {
            // RFC 8017 §A.1.2: n, e, d, p, q, d mod (p-1), d mod (q-1), q^-1 mod p. The agent's
            // `u` is p^-1 mod q, so the primes change places.
            let mut next = || inner.unsigned("number").unwrap();
            let [n, e, d, p, q, _, _, u] = std::array::from_fn(|_| next());
            return private_key(
                "rsa",
                [("n", n), ("e", e), ("d", d), ("p", q), ("q", p), ("u", u)],
            );
        }
    };
    let scalar = inner.octet_string("scalar").unwrap();
    let public = key.public();
    let point = public.key_bytes();
    private_key(
        "ecc",
        [("curve", curve.as_bytes()), ("q", point), ("d", scalar)],
    )
}

fn private_key<const N: usize>(algorithm: &str, numbers: [(&str, &[u8]); N]) -> Vec<u8> {
    let atom = |bytes: &[u8]| [format!("{}:", bytes.len()).as_bytes(), bytes].concat();
    let mut list = atom(algorithm.as_bytes());
    for (name, value) in numbers {
        // A number with its high bit set is negative to the agent unless a zero stands before it.
        let high = value.first().is_some_and(|first| *first >= 0x80);
        let value = if high {
            [&[0], value].concat()
        } else {
            value.to_vec()
        };
        list.extend([&b"("[..], &atom(name.as_bytes()), &atom(&value), b")"].concat());
    }
    [&b"("[..], &atom(b"private-key"), b"(", &list, b"))"].concat()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| error.to_string())
}
