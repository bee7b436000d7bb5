//! The whole job on a fresh store, for people who want to see it.

mod series;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use smime::{
    Clock, Engine, Keyring, Policy,
    crypto::{
        Curve, DigestAlgorithm, KeyKind, OsRandom, PrivateKey, Random, Secret, SignatureScheme,
        UnixTime, fastest,
    },
    io::Limits,
    store::{Embedded, Store, Trust, import_key},
    x509::{
        BasicConstraints, Certificate, CertificateBuilder, EMAIL_PROTECTION, KeyUsageBit, Name,
        NameAttribute, Revocation, RevocationPolicy,
    },
};

use self::series::Series;
use crate::{
    args::Global,
    failure::{Failure, Judgement, Kind},
    json,
    output::Output,
    report::Report,
};

pub(crate) fn run(
    global: &Global,
    dir: Option<&Path>,
    report: &Report,
) -> Result<Judgement, Failure> {
    let dir = directory(dir)?;
    let at = global.at.map_or(Clock::System, Clock::Fixed);
    let passphrase = passphrase(&dir)?;
    let store = Embedded::open(&dir.join("store.redb"))?;
    let people = People {
        rsa: "alice@example.com",
        p256: "bob@example.org",
        p384: "carol@example.net",
    };
    report.remark("making an authority and three people: RSA-2048, P-256 and P-384");
    populate(&store, &dir, &passphrase, &people, at.now())?;
    let keys = Keyring::new(vec![passphrase]);
    let engine = Engine {
        provider: fastest(),
        random: &OsRandom,
        store: &store,
        keys: &keys,
        policy: Policy {
            // The authority made here has revoked nobody and issues no lists.
            revocation: Revocation::new(RevocationPolicy::IfAvailable),
            ..Policy::from(global.profile)
        },
        clock: at,
        limits: Limits::default(),
    };
    let mut good = true;
    report.line(&format!(
        "{:44} {:>5} {:>10} {:>10} {:>9}  result",
        "combination", "mails", "bytes", "seal", "open"
    ));
    for series in Series::all(&people) {
        let row = series.run(&engine, &dir, MAILS)?;
        good &= row.failed.is_empty();
        report.result(&row.json(&series), || row.words(&series));
    }
    report.line(&format!("\nstore, keys and mails are in {}", dir.display()));
    Ok(Judgement::of(good))
}

/// The people of the demonstration, by the kind of their keys.
struct People {
    rsa: &'static str,
    p256: &'static str,
    p384: &'static str,
}

/// Makes the authority and the people, and brings them into the store as an administrator would:
/// by files.
fn populate(
    store: &dyn Store,
    dir: &Path,
    passphrase: &Secret,
    people: &People,
    at: UnixTime,
) -> Result<(), Failure> {
    let provider = fastest();
    let random: &dyn Random = &OsRandom;
    let write = |name: String, bytes: &[u8]| {
        let path = dir.join(name);
        fs::write(&path, bytes).map_err(|error| Failure::unreadable(&path, &error))
    };
    let ca_key =
        provider.load_private_key(&provider.generate_key(KeyKind::Ec(Curve::P384), random)?)?;
    let ca = authority(&ca_key, random, at)?;
    write("ca.crt".to_owned(), ca.der())?;
    store.add_certificates(std::slice::from_ref(&ca), at)?;
    store.set_trust(&ca.fingerprint(), Trust::Anchor)?;
    for (address, kind) in [
        (people.rsa, KeyKind::Rsa { bits: 2048 }),
        (people.p256, KeyKind::Ec(Curve::P256)),
        (people.p384, KeyKind::Ec(Curve::P384)),
    ] {
        let pkcs8 = provider.generate_key(kind, random)?;
        let key = provider.load_private_key(&pkcs8)?;
        let certificate = person(address, &key, (&ca, &ca_key), random, at)?;
        write(format!("{address}.crt"), certificate.der())?;
        store.add_certificates(std::slice::from_ref(&certificate), at)?;
        import_key(
            store,
            provider,
            pkcs8.expose(),
            None,
            Some(passphrase),
            random,
            at,
        )?;
    }
    Ok(())
}

fn authority(key: &PrivateKey, random: &dyn Random, at: UnixTime) -> Result<Certificate, Failure> {
    let name = Name::from_attributes(&[(NameAttribute::CommonName, "Demonstration CA")]);
    let certificate = CertificateBuilder::new(name, key.public_key(), at, after(at, 3650))
        .basic_constraints(BasicConstraints {
            ca: true,
            path_length: Some(0),
        })
        .key_usage(&[KeyUsageBit::KeyCertSign, KeyUsageBit::CrlSign])
        .identify_key(key.public_key())
        .serial(&serial(random)?)
        .sign(key, SignatureScheme::Ecdsa(DigestAlgorithm::Sha384), random)?;
    Ok(certificate)
}

fn person(
    address: &str,
    key: &PrivateKey,
    (ca, ca_key): (&Certificate, &PrivateKey),
    random: &dyn Random,
    at: UnixTime,
) -> Result<Certificate, Failure> {
    let name = Name::from_attributes(&[(NameAttribute::CommonName, address)]);
    let encipherment = match key.public_key().kind() {
        KeyKind::Rsa { .. } => KeyUsageBit::KeyEncipherment,
        _ => KeyUsageBit::KeyAgreement,
    };
    let certificate = CertificateBuilder::new(name, key.public_key(), at, after(at, 365))
        .issued_by(ca)
        .basic_constraints(BasicConstraints {
            ca: false,
            path_length: None,
        })
        .key_usage(&[KeyUsageBit::DigitalSignature, encipherment])
        .extended_key_usage(&[EMAIL_PROTECTION])
        .emails(&[address])
        .identify_key(key.public_key())
        .serial(&serial(random)?)
        .sign(
            ca_key,
            SignatureScheme::Ecdsa(DigestAlgorithm::Sha384),
            random,
        )?;
    Ok(certificate)
}

/// 63 random bits: unique, and positive (RFC 5280 §4.1.2.2).
fn serial(random: &dyn Random) -> Result<[u8; 8], Failure> {
    let mut serial = [0; 8];
    random.fill(&mut serial)?;
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    Ok(serial)
}

fn after(at: UnixTime, days: i64) -> UnixTime {
    UnixTime(at.0.saturating_add(days * 86_400))
}

/// Returns a directory that holds no store yet.
fn directory(asked: Option<&Path>) -> Result<PathBuf, Failure> {
    let unwritable = |error| Failure::new(Kind::Other, "demo.directory", error);
    let Some(dir) = asked else {
        return Ok(tempfile::Builder::new()
            .prefix("smime-demo-")
            .tempdir()
            .map_err(unwritable)?
            .keep());
    };
    fs::create_dir_all(dir).map_err(unwritable)?;
    if dir.join("store.redb").exists() {
        let detail = format!("{} holds a store already", dir.display());
        return Err(Failure::new(Kind::Usage, "demo.not_fresh", detail));
    }
    Ok(dir.to_owned())
}

/// Makes the passphrase of the demonstration's keys and leaves it beside them, to try things with.
fn passphrase(dir: &Path) -> Result<Secret, Failure> {
    let mut bytes = [0; 16];
    OsRandom.fill(&mut bytes)?;
    let text = json::hex(bytes);
    let path = dir.join("passphrase.txt");
    // A file for its owner alone, as every output is.
    let mut file = Output::file(&path, &[])?;
    file.write_all(text.as_bytes())?;
    file.keep()?;
    Ok(Secret::new(text.into_bytes()))
}

/// Mails in the shapes that real clients produce; `testdata/mail/README.md` says which is which.
const MAILS: &[(&str, &[u8])] = &[
    (
        "bare-lf.eml",
        include_bytes!("../../../../testdata/mail/bare-lf.eml"),
    ),
    (
        "binary-attachment.eml",
        include_bytes!("../../../../testdata/mail/binary-attachment.eml"),
    ),
    (
        "dots-and-from.eml",
        include_bytes!("../../../../testdata/mail/dots-and-from.eml"),
    ),
    (
        "empty-body.eml",
        include_bytes!("../../../../testdata/mail/empty-body.eml"),
    ),
    (
        "encoded-subject-b.eml",
        include_bytes!("../../../../testdata/mail/encoded-subject-b.eml"),
    ),
    (
        "encoded-subject-q.eml",
        include_bytes!("../../../../testdata/mail/encoded-subject-q.eml"),
    ),
    (
        "format-flowed.eml",
        include_bytes!("../../../../testdata/mail/format-flowed.eml"),
    ),
    (
        "forwarded-message.eml",
        include_bytes!("../../../../testdata/mail/forwarded-message.eml"),
    ),
    (
        "html-alternative.eml",
        include_bytes!("../../../../testdata/mail/html-alternative.eml"),
    ),
    (
        "long-headers.eml",
        include_bytes!("../../../../testdata/mail/long-headers.eml"),
    ),
    (
        "mixed-alternative-related.eml",
        include_bytes!("../../../../testdata/mail/mixed-alternative-related.eml"),
    ),
    (
        "no-content-type.eml",
        include_bytes!("../../../../testdata/mail/no-content-type.eml"),
    ),
    (
        "plain-ascii.eml",
        include_bytes!("../../../../testdata/mail/plain-ascii.eml"),
    ),
    (
        "preamble-and-no-last-line-end.eml",
        include_bytes!("../../../../testdata/mail/preamble-and-no-last-line-end.eml"),
    ),
    (
        "quoted-printable.eml",
        include_bytes!("../../../../testdata/mail/quoted-printable.eml"),
    ),
    (
        "several-recipients.eml",
        include_bytes!("../../../../testdata/mail/several-recipients.eml"),
    ),
    (
        "trailing-blanks.eml",
        include_bytes!("../../../../testdata/mail/trailing-blanks.eml"),
    ),
    (
        "utf8-8bit.eml",
        include_bytes!("../../../../testdata/mail/utf8-8bit.eml"),
    ),
];
