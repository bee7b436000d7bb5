//! What the fuzz targets share.

use std::{
    io::{self, Read},
    sync::LazyLock,
};

use smime::{
    Clock, Engine, Keyring, Policy,
    crypto::AlgorithmPolicy,
    io::{Limits, Source},
    store::{Memory, Store, Trust},
    x509::{CertificatePolicy, ChainVerifier, Crl, Purpose, Revocation},
};
use smime_testkit::{
    AcceptAll, Authority, CrlBuilder, Identity, NOW, Profile, SeededRandom, TestKey,
};

/// The authority of the seeds.
pub static AUTHORITY: LazyLock<Authority> =
    LazyLock::new(|| Authority::root("Fuzz CA", TestKey::P384A));

/// The people of the seeds: one has an RSA key, one an elliptic-curve key.
pub static PEOPLE: LazyLock<[Identity; 2]> = LazyLock::new(|| {
    let rsa = AUTHORITY.person("alice@example.com", Profile::of(TestKey::Rsa2048A));
    let ec = AUTHORITY.person("bob@example.org", Profile::of(TestKey::P256A));
    [rsa, ec]
});

/// Their keys; loading an RSA key takes longer than most inputs.
static KEYS: LazyLock<Keyring> = LazyLock::new(|| {
    let keys = Keyring::new(Vec::new());
    PEOPLE
        .iter()
        .for_each(|person| keys.add(person.private_key()));
    keys
});

/// The content that the detached signatures among the seeds are over.
pub const CONTENT: &[u8] = b"Content-Type: text/plain\r\n\r\nThe content of the seeds.\r\n";

/// The authority's list, on which nobody stands.
static LIST: LazyLock<Crl> = LazyLock::new(|| CrlBuilder::of(&AUTHORITY).sign());

/// Calls `work` with an engine that holds everybody's keys, believes every signature, and knows
/// that nobody was revoked, for policies that require it.
pub fn with_engine<T>(mut policy: Policy, work: impl FnOnce(&Engine<'_>) -> T) -> T {
    policy.revocation.add_crl(LIST.clone());
    let store = Memory::new();
    let mut certificates = vec![AUTHORITY.certificate().clone()];
    certificates.extend(PEOPLE.iter().map(|person| person.certificate.clone()));
    store
        .add_certificates(&certificates, NOW)
        .expect("memory takes certificates");
    store
        .set_trust(&AUTHORITY.certificate().fingerprint(), Trust::Anchor)
        .expect("the authority was added");
    work(&Engine {
        provider: &AcceptAll,
        random: &SeededRandom::new(0),
        store: &store,
        keys: &KEYS,
        policy,
        clock: Clock::Fixed(NOW),
        limits: small_limits(),
    })
}

/// Judges the first of the people by what is known of revoked certificates, believing every
/// signature; whatever is found, it is found.
pub fn judge(revocation: &Revocation) {
    let Some(person) = PEOPLE.first() else { return };
    let anchors = AUTHORITY.trust();
    let verifier = ChainVerifier {
        provider: &AcceptAll,
        algorithms: &AlgorithmPolicy::standard(),
        policy: &CertificatePolicy::standard(),
        anchors: &anchors,
        revocation,
    };
    let pool = person.bundle();
    let _ = verifier.verify(&person.certificate, Purpose::SignMail, &pool, NOW);
}

/// Limits small enough to be crossed by small inputs.
pub fn small_limits() -> Limits {
    Limits {
        message: 1 << 20,
        headers: 8 << 10,
        structure: 32 << 10,
        depth: 8,
        parts: 20,
        in_memory: 1 << 20,
    }
}

/// Reads a source to its end.
///
/// # Errors
/// What the source returned.
pub fn drain(source: &Source) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.open()?.read_to_end(&mut bytes)?;
    Ok(bytes)
}
