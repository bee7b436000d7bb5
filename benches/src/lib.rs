//! What the benchmarks share: people with keys, a store that knows them, and mails of any size.

use smime::{
    Cipher, Clock, Draft, Engine, Keyring, Mode, Policy,
    crypto::{ContentCipher, OsRandom, fastest},
    io::{Limits, Source},
    store::{Memory, Store, Trust},
};
use smime_testkit::{Authority, NOW, Profile, TestKey, large_mail};

/// The sizes of mail, in bytes.
pub const SIZES: [(&str, usize); 3] = [
    ("4 KiB", 4 << 10),
    ("1 MiB", 1 << 20),
    ("100 MiB", 100 << 20),
];

/// The keys of people.
pub const KEYS: [(&str, TestKey); 2] = [("RSA-2048", TestKey::Rsa2048A), ("P-256", TestKey::P256A)];

/// The ways a mail is protected.
pub const PROTECTIONS: [Protection; 5] = [
    Protection {
        name: "signed",
        sign: Mode::Always,
        cipher: None,
    },
    Protection {
        name: "AES-256-GCM",
        sign: Mode::Never,
        cipher: Some(ContentCipher::Aes256Gcm),
    },
    Protection {
        name: "AES-256-CBC",
        sign: Mode::Never,
        cipher: Some(ContentCipher::Aes256Cbc),
    },
    Protection {
        name: "signed, AES-256-GCM",
        sign: Mode::Always,
        cipher: Some(ContentCipher::Aes256Gcm),
    },
    Protection {
        name: "signed, AES-256-CBC",
        sign: Mode::Always,
        cipher: Some(ContentCipher::Aes256Cbc),
    },
];

/// A way a mail is protected.
#[derive(Clone, Copy, Debug)]
pub struct Protection {
    /// What the benchmark is called.
    pub name: &'static str,
    sign: Mode,
    cipher: Option<ContentCipher>,
}

/// Alice, who writes to Bob, and a store that holds both and trusts their authority.
#[derive(Debug)]
pub struct People {
    store: Memory,
    keys: Keyring,
}

impl People {
    /// Makes the two, with keys of the kind of `key`.
    pub fn new(key: TestKey) -> Self {
        let authority = Authority::root("Bench CA", TestKey::P384A);
        let store = Memory::new();
        let keys = Keyring::new(Vec::new());
        let mut certificates = vec![authority.certificate().clone()];
        for address in [SENDER, RECIPIENT] {
            let person = authority.person(address, Profile::of(key));
            keys.add(person.private_key());
            certificates.push(person.certificate);
        }
        store
            .add_certificates(&certificates, NOW)
            .expect("memory takes certificates");
        store
            .set_trust(&authority.certificate().fingerprint(), Trust::Anchor)
            .expect("the authority was added");
        Self { store, keys }
    }

    /// Returns an engine as the program has it, at a fixed time.
    pub fn engine(&self) -> Engine<'_> {
        Engine {
            provider: fastest(),
            random: &OsRandom,
            store: &self.store,
            keys: &self.keys,
            policy: Policy::standard(),
            clock: Clock::Fixed(NOW),
            limits: Limits::default(),
        }
    }

    /// Seals a mail.
    pub fn seal(&self, mail: &Source, protection: Protection) -> Vec<u8> {
        let mut sealed = Vec::new();
        let receipt = self.engine().seal(&draft(mail, protection), &mut sealed);
        receipt.expect("Alice can write to Bob");
        sealed
    }
}

/// A mail of `size` bytes, give or take a line: a text with an attachment.
pub fn mail(size: usize) -> Source {
    // Four symbols of base64 carry three bytes, and every 76 symbols end a line of 78 bytes.
    let symbols = size.saturating_sub(large_mail(0).len()) / 78 * 76;
    Source::from_bytes(large_mail(symbols / 4 * 3))
}

/// What is asked for a mail.
pub fn draft(mail: &Source, protection: Protection) -> Draft {
    let mut draft = Draft::new(mail.clone());
    draft.sign = Some(protection.sign);
    if let Some(cipher) = protection.cipher {
        draft.encrypt = Some(Mode::Always);
        draft.cipher = Cipher::Only(cipher);
    } else {
        draft.encrypt = Some(Mode::Never);
    }
    draft
}

/// How often a benchmark on a mail of `size` bytes is repeated.
pub fn samples(size: usize) -> usize {
    if size > 10 << 20 { 10 } else { 50 }
}

// The addresses of the mails that the testkit makes.
const SENDER: &str = "alice@example.com";
const RECIPIENT: &str = "bob@example.com";
