//! The whole job on a fresh store, for people who want to see it.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::json;
use smime::{
    Cipher, Clock, Draft, Engine, Keyring, Mode, Policy, RsaPadding, SignatureChoice, SignedForm,
    Verdict,
    crypto::{
        ContentCipher, Curve, DigestAlgorithm, KeyKind, OsRandom, PrivateKey, Random, Secret,
        SignatureScheme, UnixTime, fastest,
    },
    io::{Limits, Source},
    mime::Entity,
    store::{Embedded, Store, Trust, import, import_key},
    x509::{
        BasicConstraints, Certificate, CertificateBuilder, EMAIL_PROTECTION, EmailAddress,
        KeyUsageBit, Name, NameAttribute,
    },
};

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
    let (rsa, ec) = ("alice@example.com", "bob@example.org");
    report.remark("making an authority and two people: RSA-2048 and P-256");
    populate(&store, &dir, &passphrase, [rsa, ec], at.now())?;
    let keys = Keyring::new(vec![passphrase]);
    let engine = Engine {
        provider: fastest(),
        random: &OsRandom,
        store: &store,
        keys: &keys,
        policy: Policy::from(global.profile),
        clock: at,
        limits: Limits::default(),
    };
    let mut good = true;
    report.line(&format!(
        "{:44} {:>5} {:>10} {:>10} {:>9}  result",
        "combination", "mails", "bytes", "seal", "open"
    ));
    for combination in Combination::all([rsa, ec]) {
        let row = combination.run(&engine, &dir)?;
        good &= row.failed.is_empty();
        report.result(&row.json(&combination), || row.words(&combination));
    }
    report.line(&format!("\nstore, keys and mails are in {}", dir.display()));
    Ok(Judgement::of(good))
}

/// One way to protect a mail.
struct Combination {
    name: String,
    from: &'static str,
    to: &'static str,
    sign: Mode,
    form: SignedForm,
    signature: SignatureChoice,
    cipher: Option<ContentCipher>,
    oaep: Option<DigestAlgorithm>,
}

impl Combination {
    /// Every signature of the path with and without encryption, and every encryption of the path
    /// with and without a signature.
    fn all([rsa, ec]: [&'static str; 2]) -> Vec<Self> {
        let digests = [
            DigestAlgorithm::Sha256,
            DigestAlgorithm::Sha384,
            DigestAlgorithm::Sha512,
        ];
        let mut signatures = Vec::new();
        for digest in digests.map(Some) {
            for (from, padding, name) in [
                (rsa, RsaPadding::Pkcs1, "rsa"),
                (rsa, RsaPadding::Pss, "rsa-pss"),
                (ec, RsaPadding::Pkcs1, "ecdsa"),
            ] {
                let digest_name = digest.map(DigestAlgorithm::name).unwrap_or_default();
                let name = format!("{name}-{digest_name}");
                signatures.push((name, from, SignatureChoice { digest, padding }));
            }
        }
        let mut encryptions = Vec::new();
        for cipher in ContentCipher::ALL {
            for (to, oaep, name) in [
                (rsa, None, "rsa"),
                (rsa, Some(DigestAlgorithm::Sha256), "rsa-oaep"),
                (ec, None, "ecdh"),
            ] {
                encryptions.push((format!("{name} {}", cipher.name()), to, cipher, oaep));
            }
        }
        let mut all = Vec::new();
        for (name, from, signature) in &signatures {
            for (form, form_name) in [
                (SignedForm::Detached, "detached"),
                (SignedForm::Opaque, "opaque"),
            ] {
                all.push(Self {
                    name: format!("{name} {form_name}"),
                    from,
                    to: ec,
                    sign: Mode::Always,
                    form,
                    signature: *signature,
                    cipher: None,
                    oaep: None,
                });
            }
        }
        for (number, (name, to, cipher, oaep)) in encryptions.into_iter().enumerate() {
            let encrypted = |sign, signature, from, name| Self {
                name,
                from,
                to,
                sign,
                form: if number % 2 == 0 {
                    SignedForm::Detached
                } else {
                    SignedForm::Opaque
                },
                signature,
                cipher: Some(cipher),
                oaep,
            };
            all.push(encrypted(
                Mode::Never,
                SignatureChoice::default(),
                rsa,
                name.clone(),
            ));
            if let Some((signed, from, choice)) = signatures.iter().cycle().nth(number) {
                all.push(encrypted(
                    Mode::Always,
                    *choice,
                    from,
                    format!("{signed} in {name}"),
                ));
            }
        }
        all
    }

    /// Seals and opens every sample mail.
    fn run(&self, engine: &Engine<'_>, dir: &Path) -> Result<Row, Failure> {
        let folder = dir.join("mails").join(self.name.replace(' ', "_"));
        fs::create_dir_all(&folder).map_err(|error| Failure::unreadable(&folder, &error))?;
        let mut row = Row::default();
        for (name, mail) in MAILS {
            let mail = mail_from(self.from, mail, &engine.limits)?;
            let path = folder.join(name);
            let sealing = stopwatch(&mut row.seal, || self.seal(engine, &mail, &path));
            let opening =
                sealing.and_then(|()| stopwatch(&mut row.open, || self.open(engine, &mail, &path)));
            match opening {
                Ok(()) => {}
                Err(failure) => row.failed.push(format!("{name}: {}", failure.detail)),
            }
            row.mails += 1;
            row.bytes += fs::metadata(&path).map_or(0, |metadata| metadata.len());
        }
        Ok(row)
    }

    fn seal(&self, engine: &Engine<'_>, mail: &Source, path: &Path) -> Result<(), Failure> {
        let draft = Draft {
            from: EmailAddress::new(self.from),
            to: EmailAddress::new(self.to).into_iter().collect(),
            sign: self.sign,
            encrypt: if self.cipher.is_some() {
                Mode::Always
            } else {
                Mode::Never
            },
            form: self.form,
            signature: self.signature,
            cipher: self.cipher.map_or(Cipher::Best, Cipher::Only),
            oaep: self.oaep,
            ..Draft::new(mail.clone())
        };
        let file = File::create(path).map_err(|error| Failure::unreadable(path, &error))?;
        engine.seal(&draft, std::io::BufWriter::new(file))?;
        Ok(())
    }

    fn open(&self, engine: &Engine<'_>, mail: &Source, path: &Path) -> Result<(), Failure> {
        let file = File::open(path).map_err(|error| Failure::unreadable(path, &error))?;
        let message = engine.open(file)?;
        let sent = Entity::read(mail.clone(), &engine.limits)?
            .outgoing()?
            .entity;
        let same = read(&sent, &engine.limits)? == read(message.entity().source(), &engine.limits)?;
        let expected = if self.sign == Mode::Never {
            Verdict::None
        } else {
            Verdict::Good
        };
        if same && message.signature() == expected {
            return Ok(());
        }
        let detail = format!(
            "verdict {}, same content: {same}",
            message.signature().name()
        );
        Err(Failure::new(Kind::NotGood, "demo.mismatch", detail))
    }
}

/// What one combination took.
#[derive(Default)]
struct Row {
    mails: usize,
    bytes: u64,
    seal: Duration,
    open: Duration,
    failed: Vec<String>,
}

impl Row {
    fn json(&self, combination: &Combination) -> serde_json::Value {
        json!({
            "combination": combination.name,
            "mails": self.mails,
            "bytes": self.bytes,
            "seal_milliseconds": self.seal.as_secs_f64() * 1000.0,
            "open_milliseconds": self.open.as_secs_f64() * 1000.0,
            "failed": self.failed,
        })
    }

    fn words(&self, combination: &Combination) -> String {
        let result = match self.failed.first() {
            None => "identical, verdict as expected".to_owned(),
            Some(first) => format!("{} FAILED, first {first}", self.failed.len()),
        };
        format!(
            "{:44} {:>5} {:>10} {:>7.1} ms {:>6.1} ms  {result}",
            combination.name,
            self.mails,
            self.bytes,
            self.seal.as_secs_f64() * 1000.0,
            self.open.as_secs_f64() * 1000.0,
        )
    }
}

/// Makes the authority and the people, and brings them into the store as an administrator would:
/// by files.
fn populate(
    store: &dyn Store,
    dir: &Path,
    passphrase: &Secret,
    people: [&str; 2],
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
    import(store, ca.der(), Trust::Anchor, at)?;
    for (address, kind) in people
        .into_iter()
        .zip([KeyKind::Rsa { bits: 2048 }, KeyKind::Ec(Curve::P256)])
    {
        let pkcs8 = provider.generate_key(kind, random)?;
        let key = provider.load_private_key(&pkcs8)?;
        let certificate = person(address, &key, (&ca, &ca_key), random, at)?;
        write(format!("{address}.crt"), certificate.der())?;
        import(store, certificate.der(), Trust::None, at)?;
        import_key(
            store,
            provider,
            pkcs8.expose(),
            None,
            passphrase,
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

fn read(source: &Source, limits: &Limits) -> Result<Vec<u8>, Failure> {
    Ok(source.read_to_vec("mail", limits.structure)?)
}

/// Returns a sample mail with another sender: a signature is good only by the one in From.
fn mail_from(from: &str, mail: &[u8], limits: &Limits) -> Result<Source, Failure> {
    let entity = Entity::read(Source::from_bytes(mail), limits)?;
    let mut changed = format!("From: {from}\r\n").into_bytes();
    for field in entity.headers().fields().filter(|field| !field.is("From")) {
        changed.extend_from_slice(field.raw());
    }
    let body = mail.get(entity.headers().raw().len()..).unwrap_or_default();
    changed.extend_from_slice(body);
    Ok(Source::from_bytes(changed))
}

/// Adds to `total` what `work` takes.
#[allow(clippy::disallowed_methods)] // a demonstration shows timings; nothing is judged by them
fn stopwatch<T>(total: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    *total += start.elapsed();
    result
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
