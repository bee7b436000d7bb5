use std::{
    fs::{self, File},
    path::Path,
    time::{Duration, Instant},
};

use serde_json::json;
use smime::{
    Cipher, Draft, Engine, Mode, RsaPadding, SignatureChoice, SignedForm, Verdict,
    crypto::{ContentCipher, DigestAlgorithm},
    io::{Limits, Source},
    mime::Entity,
    x509::EmailAddress,
};

use super::People;
use crate::failure::{Failure, Kind};

/// One row of the demonstration: ways to protect mails, taken in turn.
pub(super) struct Series {
    name: String,
    combinations: Vec<Combination>,
}

/// One way to protect a mail.
#[derive(Clone)]
struct Combination {
    name: String,
    signature: Option<Signature>,
    encryption: Option<Encryption>,
}

#[derive(Clone, Copy)]
struct Signature {
    from: &'static str,
    form: SignedForm,
    choice: SignatureChoice,
}

#[derive(Clone, Copy)]
struct Encryption {
    to: &'static str,
    cipher: ContentCipher,
    oaep: Option<DigestAlgorithm>,
}

impl Series {
    /// Every sample mail by every signature, every sample mail by every encryption, and every
    /// signature in every encryption.
    pub(super) fn all(people: &People) -> Vec<Self> {
        let (signatures, encryptions) = (signatures(people), encryptions(people));
        let alone = |(name, signature, encryption): (&String, _, _)| Self {
            name: name.clone(),
            combinations: vec![Combination {
                name: name.clone(),
                signature,
                encryption,
            }],
        };
        let signed = signatures
            .iter()
            .map(|(name, it)| alone((name, Some(*it), None)));
        let encrypted = encryptions
            .iter()
            .map(|(name, it)| alone((name, None, Some(*it))));
        let both = encryptions
            .iter()
            .map(|(encryption_name, encryption)| Self {
                name: format!("each signature in {encryption_name}"),
                combinations: signatures
                    .iter()
                    .map(|(name, signature)| Combination {
                        name: format!("{name} in {encryption_name}"),
                        signature: Some(*signature),
                        encryption: Some(*encryption),
                    })
                    .collect(),
            });
        signed.chain(encrypted).chain(both).collect()
    }

    /// Seals and opens every sample mail, and every combination at least once.
    pub(super) fn run(
        &self,
        engine: &Engine<'_>,
        dir: &Path,
        mails: &[(&str, &[u8])],
    ) -> Result<Row, Failure> {
        let folder = dir.join("mails").join(self.name.replace(' ', "_"));
        fs::create_dir_all(&folder).map_err(|error| Failure::unreadable(&folder, &error))?;
        let mut row = Row::default();
        let turns = self.combinations.iter().cycle().zip(mails.iter().cycle());
        for (combination, (name, mail)) in turns.take(mails.len().max(self.combinations.len())) {
            row.mails += 1;
            let mail = mail_from(combination.from(), mail, &engine.limits)?;
            let path = folder.join(format!("{:02}-{name}", row.mails));
            let sealing = stopwatch(&mut row.seal, || combination.seal(engine, &mail, &path));
            let opening = sealing
                .and_then(|()| stopwatch(&mut row.open, || combination.open(engine, &mail, &path)));
            if let Err(failure) = opening {
                let detail = format!("{name}, {}: {}", combination.name, failure.detail);
                row.failed.push(detail);
            }
            row.bytes += fs::metadata(&path).map_or(0, |metadata| metadata.len());
        }
        Ok(row)
    }
}

fn signatures(people: &People) -> Vec<(String, Signature)> {
    let mut signatures = Vec::new();
    for digest in [
        DigestAlgorithm::Sha256,
        DigestAlgorithm::Sha384,
        DigestAlgorithm::Sha512,
    ] {
        for (from, padding, name) in [
            (people.rsa, RsaPadding::Pkcs1, "rsa"),
            (people.rsa, RsaPadding::Pss, "rsa-pss"),
            (people.p256, RsaPadding::Pkcs1, "ecdsa-p256"),
            (people.p384, RsaPadding::Pkcs1, "ecdsa-p384"),
        ] {
            let choice = SignatureChoice {
                digest: Some(digest),
                padding,
            };
            for (form, form_name) in [
                (SignedForm::Detached, "detached"),
                (SignedForm::Opaque, "opaque"),
            ] {
                let name = format!("{name}-{} {form_name}", digest.name());
                signatures.push((name, Signature { from, form, choice }));
            }
        }
    }
    signatures
}

fn encryptions(people: &People) -> Vec<(String, Encryption)> {
    let mut encryptions = Vec::new();
    for cipher in ContentCipher::ALL {
        for (to, oaep, name) in [
            (people.rsa, None, "rsa"),
            (people.rsa, Some(DigestAlgorithm::Sha256), "rsa-oaep"),
            (people.p256, None, "ecdh-p256"),
            (people.p384, None, "ecdh-p384"),
        ] {
            let name = format!("{name} {}", cipher.name());
            encryptions.push((name, Encryption { to, cipher, oaep }));
        }
    }
    encryptions
}

impl Combination {
    /// Who writes: the one who signs, or the one it is for.
    fn from(&self) -> &'static str {
        let signer = self.signature.map(|it| it.from);
        signer
            .or(self.encryption.map(|it| it.to))
            .unwrap_or_default()
    }

    fn seal(&self, engine: &Engine<'_>, mail: &Source, path: &Path) -> Result<(), Failure> {
        let mode = |is_wanted| if is_wanted { Mode::Always } else { Mode::Never };
        let mut draft = Draft {
            sign: Some(mode(self.signature.is_some())),
            encrypt: Some(mode(self.encryption.is_some())),
            ..Draft::new(mail.clone())
        };
        if let Some(Signature { from, form, choice }) = self.signature {
            draft.from = EmailAddress::new(from);
            (draft.form, draft.signature) = (form, choice);
        }
        if let Some(Encryption { to, cipher, oaep }) = self.encryption {
            draft.to = EmailAddress::new(to).into_iter().collect();
            (draft.cipher, draft.oaep) = (Cipher::Only(cipher), oaep);
        }
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
        let expected = self.signature.map_or(Verdict::None, |_| Verdict::Good);
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

/// What one series took.
#[derive(Default)]
pub(super) struct Row {
    mails: usize,
    bytes: u64,
    seal: Duration,
    open: Duration,
    pub(super) failed: Vec<String>,
}

impl Row {
    pub(super) fn json(&self, series: &Series) -> serde_json::Value {
        json!({
            "combination": series.name,
            "mails": self.mails,
            "bytes": self.bytes,
            "seal_milliseconds": self.seal.as_secs_f64() * 1000.0,
            "open_milliseconds": self.open.as_secs_f64() * 1000.0,
            "failed": self.failed,
        })
    }

    pub(super) fn words(&self, series: &Series) -> String {
        let result = match self.failed.first() {
            None => "identical, verdict as expected".to_owned(),
            Some(first) => format!("{} FAILED, first {first}", self.failed.len()),
        };
        format!(
            "{:44} {:>5} {:>10} {:>7.1} ms {:>6.1} ms  {result}",
            series.name,
            self.mails,
            self.bytes,
            self.seal.as_secs_f64() * 1000.0,
            self.open.as_secs_f64() * 1000.0,
        )
    }
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
