//! No lock is held over cryptography: while a mail is opened, sealed or a file imported, others read
//! and write the same store, and use the same keys.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod common;

use std::{
    collections::BTreeSet,
    io::{self, Write},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use common::{ALICE, BOB, address, authority, draft, engine, root, small_mail};
use smime::{
    Keyring, Mode, Verdict,
    crypto::{
        CryptoProvider, DigestAlgorithm, Error, Hasher, KeyKind, KeyOps, KeyTransport, PrivateKey,
        PublicKey, Random, Secret, SignatureScheme, Signed, fastest,
    },
    store::{
        Activity, Direction, Embedded, ImportEvent, ImportOptions, KeyAtRest, Operation, Outcome,
        Store as _, Trust, public_key_id,
    },
};
use smime_testkit::{NOW, Population, Profile, SeededRandom, TestKey};

/// Whose key somebody else uses.
const CAROL: &str = "carol@example.net";

/// A store on the disk, and somebody else who wants it.
struct Shared {
    store: Embedded,
    keys: Keyring,
    /// What somebody else came in between of, by name.
    between: Mutex<BTreeSet<&'static str>>,
}

impl Shared {
    fn new(folder: &tempfile::TempDir) -> Arc<Self> {
        let store = Embedded::open(&folder.path().join("store")).unwrap();
        let alice = authority().person(ALICE, Profile::of(TestKey::P256A));
        let bob = authority().person(BOB, Profile::of(TestKey::Rsa2048A));
        let carol = authority().person(CAROL, Profile::of(TestKey::P384A));
        let people = [alice, bob, carol];
        let known: Vec<_> = people.iter().map(|it| it.certificate.clone()).collect();
        store
            .add_certificates(&[&known[..], authority().chain()].concat(), NOW)
            .unwrap();
        let anchor = root().root_certificate().fingerprint();
        store.set_trust(&anchor, Trust::Anchor).unwrap();
        // Under a store key, so that the keys need no passphrase and are opened by the store.
        let key_file = smime::store::KeyFile::new(&SeededRandom::new(1)).unwrap();
        let source = smime::store::StoreKeySource::KeyFile(&key_file);
        store.protect(source, &SeededRandom::new(2), NOW).unwrap();
        for person in &people {
            let key = KeyAtRest::Plain(person.key.clone());
            let public_key = person.certificate.public_key();
            store
                .add_key(public_key, &key, &SeededRandom::new(3), NOW)
                .unwrap();
        }
        Arc::new(Self {
            store,
            keys: Keyring::default(),
            between: Mutex::default(),
        })
    }

    /// Lets somebody else write into the store, read from it and use a key, and waits until it is done.
    fn come_between(self: &Arc<Self>, what: &'static str) {
        // Once each is enough, and a signature takes many digests.
        if !self.between.lock().unwrap().insert(what) {
            return;
        }
        let (done, is_done) = mpsc::channel();
        let other = Arc::clone(self);
        thread::spawn(move || {
            other.store.record(&activity()).unwrap();
            let der: Vec<u8> = Population::new(3).flatten().collect();
            let options = ImportOptions::new(NOW);
            smime::store::import(&other.store, der.as_slice(), &options, &mut |_| ()).unwrap();
            let carol = other.store.by_address(&address(CAROL)).unwrap();
            let public_key = carol[0].certificate.public_key();
            assert!(
                other
                    .store
                    .key(&public_key_id(public_key))
                    .unwrap()
                    .is_some()
            );
            other
                .keys
                .find(public_key, &other.store, fastest())
                .unwrap();
            done.send(()).unwrap();
        });
        // It comes at once, or not at all.
        let waited = is_done.recv_timeout(Duration::from_secs(120));
        waited.unwrap_or_else(|_| panic!("a lock is held over {what}"));
    }

    fn between(&self) -> Vec<&'static str> {
        self.between.lock().unwrap().iter().copied().collect()
    }
}

fn activity() -> Activity {
    Activity {
        time: NOW,
        direction: Direction::Store,
        operation: Operation::Import,
        outcome: Outcome::Ok,
        code: String::new(),
        message_id: None,
        from: None,
        to: Vec::new(),
        certificates: Vec::new(),
        algorithms: Vec::new(),
        input_digest: None,
        detail: String::new(),
    }
}

/// Does what the fastest provider does, and lets somebody else come between.
#[derive(Clone)]
struct Interrupted(Arc<Shared>);

impl std::fmt::Debug for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Interrupted")
    }
}

impl CryptoProvider for Interrupted {
    fn hasher(&self, algorithm: DigestAlgorithm) -> Box<dyn Hasher> {
        self.0.come_between("a digest");
        fastest().hasher(algorithm)
    }

    fn verify(
        &self,
        key: &PublicKey,
        scheme: SignatureScheme,
        signed: Signed<'_>,
        signature: &[u8],
    ) -> Result<(), Error> {
        self.0.come_between("a verification");
        fastest().verify(key, scheme, signed, signature)
    }

    fn ephemeral_key(&self, kind: KeyKind, random: &dyn Random) -> Result<PrivateKey, Error> {
        self.0.come_between("an ephemeral key");
        fastest().ephemeral_key(kind, random)
    }

    fn generate_key(&self, kind: KeyKind, random: &dyn Random) -> Result<Secret, Error> {
        fastest().generate_key(kind, random)
    }

    fn load_private_key(&self, pkcs8: &Secret) -> Result<PrivateKey, Error> {
        self.0.come_between("the loading of a key");
        let key = fastest().load_private_key(pkcs8)?;
        Ok(PrivateKey::new(InterruptedKey(key, Arc::clone(&self.0))))
    }
}

struct InterruptedKey(PrivateKey, Arc<Shared>);

impl std::fmt::Debug for InterruptedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InterruptedKey")
    }
}

impl KeyOps for InterruptedKey {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn sign(
        &self,
        scheme: SignatureScheme,
        signed: Signed<'_>,
        random: &dyn Random,
    ) -> Result<Vec<u8>, Error> {
        self.1.come_between("a signature");
        self.0.sign(scheme, signed, random)
    }

    fn unwrap_key(
        &self,
        transport: KeyTransport,
        wrapped: &[u8],
        length: usize,
        random: &dyn Random,
    ) -> Result<Secret, Error> {
        self.1.come_between("a decryption");
        self.0.unwrap_key(transport, wrapped, length, random)
    }

    fn agree(&self, peer: &PublicKey) -> Result<Secret, Error> {
        self.1.come_between("an agreement");
        self.0.agree(peer)
    }
}

/// An output between whose bytes somebody else comes.
struct Out(Vec<u8>, Arc<Shared>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1.come_between("the output");
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn seal(shared: &Arc<Shared>, provider: &dyn CryptoProvider) -> Vec<u8> {
    let mut draft = draft(&small_mail());
    (draft.sign, draft.encrypt) = (Some(Mode::Always), Some(Mode::Always));
    let mut out = Out(Vec::new(), Arc::clone(shared));
    let random = SeededRandom::new(5);
    engine(provider, &shared.store, &shared.keys, &random)
        .seal(&draft, &mut out)
        .unwrap();
    out.0
}

#[test]
fn no_lock_is_held_over_cryptography_while_a_mail_is_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let shared = Shared::new(&folder);
    seal(&shared, &Interrupted(Arc::clone(&shared)));
    let between = shared.between();
    for what in [
        "a signature",
        "a verification",
        "the loading of a key",
        "the output",
    ] {
        assert!(between.contains(&what), "{what}: {between:?}");
    }
    shared.store.check_log().unwrap();
}

#[test]
fn no_lock_is_held_over_cryptography_while_a_mail_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let shared = Shared::new(&folder);
    let mail = seal(&shared, fastest());
    shared.between.lock().unwrap().clear();
    let (random, provider) = (SeededRandom::new(6), Interrupted(Arc::clone(&shared)));
    let message = engine(&provider, &shared.store, &shared.keys, &random)
        .open(mail.as_slice())
        .unwrap();
    assert_eq!(message.signature(), Verdict::Good);
    let between = shared.between();
    for what in [
        "a digest",
        "a verification",
        "the loading of a key",
        "a decryption",
    ] {
        assert!(between.contains(&what), "{what}: {between:?}");
    }
    shared.store.check_log().unwrap();
}

#[test]
fn no_lock_is_held_while_an_import_tells_what_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let shared = Shared::new(&folder);
    let file: Vec<u8> = Population::new(50).flatten().collect();
    let (random, options) = (SeededRandom::new(8), ImportOptions::new(NOW));
    let imported = engine(fastest(), &shared.store, &shared.keys, &random)
        .import(file.as_slice(), &options, &mut |event| {
            if matches!(event, ImportEvent::Outcome(_)) {
                shared.come_between("an outcome");
            }
        })
        .unwrap();
    assert_eq!(imported.summary.added, 50);
    assert_eq!(shared.between(), ["an outcome"]);
    shared.store.check_log().unwrap();
}
