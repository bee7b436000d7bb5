use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

use smime::{
    Clock, Coverage, Draft, Engine, Keyring, Layer, Message, Mode, Policy, Verdict,
    crypto::RustCrypto,
    io::{Limits, Source},
    store::{Memory, Store as _, Trust},
    x509::{Certificate, EmailAddress},
};
use smime_testkit::{Authority, Identity, NOW, Profile, SeededRandom, TestKey};
use tempfile::TempDir;

/// A folder for the files of a peer, people with certificates, and what each side knows of them.
///
/// The people's certificates come from an authority below the root, so that every chain needs a
/// certificate that is neither trusted nor the signer's.
pub(crate) struct Setting {
    folder: TempDir,
    files: AtomicUsize,
    people: Vec<Person>,
    issuer: Authority,
    root: Certificate,
    /// Every certificate, the root trusted.
    ours: Memory,
    /// The trusted root alone.
    strangers: Memory,
    keys: Keyring,
    no_keys: Keyring,
    random: SeededRandom,
}

/// One of the people, named after their key.
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) identity: Identity,
}

impl Setting {
    pub(crate) fn new() -> Self {
        let root = Authority::root("Interop Root", TestKey::P384B);
        let issuer = root.intermediate("Interop Issuer", TestKey::Rsa2048B);
        let people: Vec<Person> = PEOPLE
            .into_iter()
            .map(|(name, key)| Person {
                name,
                identity: issuer.person(&address(name), Profile::of(key)),
            })
            .collect();
        let mut known: Vec<Certificate> = issuer.chain().to_vec();
        known.extend(people.iter().map(|it| it.identity.certificate.clone()));
        let keys = Keyring::default();
        for person in &people {
            keys.add(person.identity.private_key());
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("openssl.cnf"), "").unwrap();
        Self {
            folder,
            files: AtomicUsize::new(0),
            people,
            issuer,
            root: root.certificate().clone(),
            ours: store(&known, root.certificate()),
            strangers: store(&[root.certificate().clone()], root.certificate()),
            keys,
            no_keys: Keyring::default(),
            random: SeededRandom::new(7),
        }
    }

    pub(crate) fn person(&self, name: &str) -> &Person {
        self.people
            .iter()
            .find(|person| person.name == name)
            .unwrap()
    }

    pub(crate) fn people(&self) -> &[Person] {
        &self.people
    }

    /// The authority between the root and the people.
    pub(crate) fn issuer(&self) -> &Certificate {
        self.issuer.certificate()
    }

    /// The same person with a certificate of another key, which only its owner knows.
    pub(crate) fn second_key(&self, person: &Person) -> Person {
        let profile = Profile::of(TestKey::P256B);
        Person {
            name: person.name,
            identity: self.issuer.person(&person.address(), profile),
        }
    }

    pub(crate) fn root(&self) -> &Certificate {
        &self.root
    }

    pub(crate) fn random(&self) -> &SeededRandom {
        &self.random
    }

    /// The engine of somebody who has every certificate and every key.
    pub(crate) fn engine(&self) -> Engine<'_> {
        engine(&self.ours, &self.keys, &self.random)
    }

    /// The engine of somebody who trusts the root and knows nobody: a signature must bring what
    /// proves it.
    pub(crate) fn stranger(&self) -> Engine<'_> {
        engine(&self.strangers, &self.no_keys, &self.random)
    }

    /// Seals a draft that needs one copy.
    pub(crate) fn seal(&self, draft: &Draft) -> Result<Vec<u8>, String> {
        let mut sealed = Vec::new();
        self.engine().seal(draft, &mut sealed).map_err(text)?;
        Ok(sealed)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file that no other call wrote.
    pub(crate) fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.free_path();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A path where nothing is yet.
    pub(crate) fn free_path(&self) -> PathBuf {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        self.folder.path().join(format!("file-{number}"))
    }
}

impl Person {
    pub(crate) fn address(&self) -> String {
        address(self.name)
    }

    pub(crate) fn email(&self) -> EmailAddress {
        EmailAddress::new(&self.address()).unwrap()
    }
}

/// Starts a draft that is neither signed nor encrypted unless the test says so.
pub(crate) fn draft(from: &Person, to: &[&Person], content: &[u8]) -> Draft {
    let mut draft = Draft::new(Source::from_bytes(mail(from, to, content)));
    draft.sign = Some(Mode::Never);
    draft.encrypt = Some(Mode::Never);
    draft
}

/// A mail around an entity, such as a mail program writes it.
pub(crate) fn mail(from: &Person, to: &[&Person], entity: &[u8]) -> Vec<u8> {
    let to: Vec<String> = to.iter().map(|person| person.address()).collect();
    let mut mail = format!(
        "From: Some Body <{}>\r\nTo: {}\r\nSubject: interoperation\r\n",
        from.address(),
        to.join(", "),
    )
    .into_bytes();
    mail.extend_from_slice(entity);
    mail
}

/// Entities whose bytes are easily lost on the way, with what is awkward about them.
pub(crate) fn contents() -> Vec<(&'static str, Vec<u8>)> {
    let head = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
    let text = |body: &str| [head, body].concat().into_bytes();
    let line = "Zeile mit Umlauten: äöüß, und noch etwas mehr davon bis fast ans Ende\r\n";
    vec![
        (
            "text",
            text("Guten Tag,\r\n-- \r\n.\r\nFrom here on  \r\n--x\r\n"),
        ),
        ("text without a last line end", text("kein Ende")),
        ("text with blank lines last", text("viel Ende\r\n\r\n\r\n")),
        ("an empty body", text("")),
        (
            "100 KiB of text",
            text(&line.repeat(100 * 1024 / line.len())),
        ),
    ]
}

/// One entity for tests that are not about the content.
pub(crate) fn content() -> Vec<u8> {
    contents().swap_remove(0).1
}

/// Runs a peer to its end; what it wrote to its error output says why it failed.
pub(crate) fn run(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Opens a mail whose one signature, around everything, must be good, and returns what it covers.
pub(crate) fn open_signed(engine: &Engine<'_>, mail: &[u8]) -> Result<Vec<u8>, String> {
    let message = engine.open(mail).map_err(text)?;
    check_good(&message)?;
    entity(&message)
}

/// Opens an encrypted mail and returns what was inside, if a tag vouches for all of it just when
/// `authenticated` says so.
pub(crate) fn open_encrypted(
    engine: &Engine<'_>,
    mail: &[u8],
    expected: Authenticated,
) -> Result<Vec<u8>, String> {
    let message = engine.open(mail).map_err(text)?;
    match message.layers().first() {
        Some(Layer::Encrypted {
            coverage: Coverage::Whole,
            authenticated,
            ..
        }) if *authenticated == (expected == Authenticated::Yes) => entity(&message),
        other => Err(format!("outermost layer {other:?}")),
    }
}

/// Whether something vouches for decrypted bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authenticated {
    Yes,
    No,
}

pub(crate) fn check_good(message: &Message) -> Result<(), String> {
    match message.signature() {
        Verdict::Good => Ok(()),
        _ => Err(format!("{:?}", message.layers())),
    }
}

pub(crate) fn entity(message: &Message) -> Result<Vec<u8>, String> {
    bytes(message.entity().source())
}

pub(crate) fn bytes(source: &Source) -> Result<Vec<u8>, String> {
    source
        .read_to_vec("content of a test", 1 << 22)
        .map_err(text)
}

/// Says where two contents part.
pub(crate) fn check_same(got: &[u8], expected: &[u8]) -> Result<(), String> {
    if got == expected {
        return Ok(());
    }
    let at = got.iter().zip(expected).take_while(|(a, b)| a == b).count();
    let tail =
        |bytes: &[u8]| String::from_utf8_lossy(&bytes[at..bytes.len().min(at + 40)]).into_owned();
    Err(format!(
        "{} bytes instead of {}, other from byte {at}: {:?} instead of {:?}",
        got.len(),
        expected.len(),
        tail(got),
        tail(expected),
    ))
}

/// Runs all cases of one fact and tells of every one that fails.
pub(crate) fn check_all<C>(
    cases: impl IntoIterator<Item = (String, C)>,
    mut check: impl FnMut(C) -> Result<(), String>,
) {
    let (mut failures, mut count) = (Vec::new(), 0);
    for (name, case) in cases {
        count += 1;
        if let Err(why) = check(case) {
            failures.push(format!("{name}: {}", why.trim()));
        }
    }
    assert!(count > 0, "a table without cases");
    assert!(
        failures.is_empty(),
        "{} of {count} cases:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// Turns a success that must not be into a failure.
pub(crate) fn check_refused<T>(result: Result<T, String>) -> Result<(), String> {
    match result {
        Ok(_) => Err("was accepted".to_owned()),
        Err(_) => Ok(()),
    }
}

/// Replaces the first occurrence of `from` by `to`, of the same length.
pub(crate) fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes
        .windows(from.len())
        .position(|window| window == from)
        .unwrap();
    let mut bytes = bytes.to_vec();
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

pub(crate) fn text(error: impl Display) -> String {
    error.to_string()
}

fn engine<'a>(store: &'a Memory, keys: &'a Keyring, random: &'a SeededRandom) -> Engine<'a> {
    Engine {
        provider: &RustCrypto,
        random,
        store,
        keys,
        policy: Policy::standard(),
        clock: Clock::Fixed(NOW),
        limits: Limits::default(),
    }
}

fn store(certificates: &[Certificate], anchor: &Certificate) -> Memory {
    let store = Memory::new();
    store.add_certificates(certificates, NOW).unwrap();
    store
        .set_trust(&anchor.fingerprint(), Trust::Anchor)
        .unwrap();
    store
}

fn address(name: &str) -> String {
    format!("{name}@example.com")
}

const PEOPLE: [(&str, TestKey); 5] = [
    ("rsa2048", TestKey::Rsa2048A),
    ("rsa3072", TestKey::Rsa3072),
    ("rsa4096", TestKey::Rsa4096),
    ("p256", TestKey::P256A),
    ("p384", TestKey::P384A),
];
