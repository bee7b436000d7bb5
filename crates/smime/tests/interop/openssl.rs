//! The program `openssl cms` as a peer.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use smime::{mime::Base64Writer, x509::Certificate};
use smime_testkit::{NOW, peer};

use crate::setting::{Person, Setting, run};

pub(crate) struct OpenSsl<'a> {
    program: PathBuf,
    setting: &'a Setting,
    root: PathBuf,
    issuer: PathBuf,
}

/// How a CMS object is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A mail.
    Smime,
    /// The bare object, in BER or DER.
    Object,
}

impl<'a> OpenSsl<'a> {
    /// Finds the program; without it there is nothing to test.
    pub(crate) fn find(setting: &'a Setting) -> Option<Self> {
        Some(Self {
            program: peer("openssl")?,
            setting,
            root: setting.file(&pem(setting.root())),
            issuer: setting.file(&pem(setting.issuer())),
        })
    }

    /// Verifies a signature at the time of the tests up to the root, and returns what it covers;
    /// `content` is what a bare detached signature is over.
    pub(crate) fn verify(
        &self,
        form: Form,
        signed: &[u8],
        content: Option<&[u8]>,
    ) -> Result<Vec<u8>, String> {
        let output = self.setting.free_path();
        let mut command = self.cms("-verify", form, signed);
        command.arg("-CAfile").arg(&self.root);
        command.arg("-attime").arg(NOW.0.to_string());
        if let Some(content) = content {
            command.arg("-content").arg(self.setting.file(content));
        }
        if form == Form::Object {
            command.arg("-binary");
        }
        run(command.arg("-out").arg(&output))?;
        read(&output)
    }

    /// Decrypts with the key of `person`.
    pub(crate) fn decrypt(
        &self,
        form: Form,
        encrypted: &[u8],
        person: &Person,
    ) -> Result<Vec<u8>, String> {
        let output = self.setting.free_path();
        let mut command = self.cms("-decrypt", form, encrypted);
        command.arg("-recip").arg(self.certificate(person));
        command.arg("-inkey").arg(self.key(person));
        run(command.arg("-binary").arg("-out").arg(&output))?;
        read(&output)
    }

    /// Signs with the keys of `signers`; `options` are those of `openssl cms -sign`, and of them
    /// `-keyopt` goes with the last signer.
    pub(crate) fn sign(
        &self,
        content: &[u8],
        signers: &[&Person],
        options: &[&str],
    ) -> Result<Vec<u8>, String> {
        let mut command = Command::new(&self.program);
        command
            .args(["cms", "-sign"])
            .arg("-certfile")
            .arg(&self.issuer);
        for signer in signers {
            command.arg("-signer").arg(self.certificate(signer));
            command.arg("-inkey").arg(self.key(signer));
        }
        self.make(command, content, signers[0], signers[0], options)
    }

    /// Encrypts to `recipients`; `options` are those of `openssl cms -encrypt`, and of them
    /// `-keyopt` goes with the last recipient.
    pub(crate) fn encrypt(
        &self,
        content: &[u8],
        from: &Person,
        recipients: &[&Person],
        options: &[&str],
    ) -> Result<Vec<u8>, String> {
        let mut command = Command::new(&self.program);
        command.args(["cms", "-encrypt"]);
        for recipient in recipients {
            command.arg("-recip").arg(self.certificate(recipient));
        }
        self.make(command, content, from, recipients[0], options)
    }

    fn make(
        &self,
        mut command: Command,
        content: &[u8],
        from: &Person,
        to: &Person,
        options: &[&str],
    ) -> Result<Vec<u8>, String> {
        let output = self.setting.free_path();
        command.args(options);
        command.args(["-subject", "interoperation"]);
        command
            .arg("-from")
            .arg(from.address())
            .arg("-to")
            .arg(to.address());
        command.arg("-in").arg(self.setting.file(content));
        run(self.quiet(command.arg("-out").arg(&output)))?;
        read(&output)
    }

    fn cms(&self, operation: &str, form: Form, input: &[u8]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["cms", operation, "-inform"]);
        command.arg(match form {
            Form::Smime => "SMIME",
            Form::Object => "DER",
        });
        command.arg("-in").arg(self.setting.file(input));
        self.quiet(&mut command);
        command
    }

    /// Without the configuration of the machine, which may change what is the default.
    fn quiet<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env("OPENSSL_CONF", self.setting.folder().join("openssl.cnf"))
    }

    fn certificate(&self, person: &Person) -> PathBuf {
        self.setting.file(&pem(&person.identity.certificate))
    }

    fn key(&self, person: &Person) -> PathBuf {
        self.setting.file(person.identity.test_key.pem())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| error.to_string())
}

fn pem(certificate: &Certificate) -> Vec<u8> {
    let mut lines = Base64Writer::new(b"-----BEGIN CERTIFICATE-----\n".to_vec());
    lines.write_all(certificate.der()).unwrap();
    let mut pem = lines.finish().unwrap();
    pem.extend_from_slice(b"-----END CERTIFICATE-----\n");
    pem
}
