use std::{
    io::{self, Read},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread, vec,
};

use smime_crypto::{Budget, CryptoProvider as _, DigestAlgorithm, Hasher, RustCrypto, Secret};
use smime_x509::{CertificateRef, Crl, EmailAddress, ImportRules, check_import_under};

use super::{
    Progress,
    chunks::{Chunk, Chunks},
    item::{ImportError, ItemKind},
    read::{Content, Reading, read_pkcs12},
};
use crate::{Entry, Error};

/// An item, judged as far as it can be without the store.
pub(super) struct Judged {
    pub(super) position: u64,
    pub(super) kind: ItemKind,
    pub(super) judgement: Judgement,
}

/// What an item is good for.
pub(super) enum Judgement {
    /// A certificate for the store.
    Fit {
        entry: Entry,
        subject: String,
        emails: Vec<String>,
        authority: bool,
    },
    /// A certificate that is not for mail.
    Unfit {
        reason: ImportError,
        fingerprint: [u8; 32],
        emails: Vec<String>,
    },
    /// A private key, as it stands in the file.
    Key(Secret),
    /// A revocation list.
    Crl(Crl),
    /// Anything else.
    Refused(ImportError),
}

/// The items of a file in its order, as they become judged.
pub(super) struct Judgements<'a> {
    /// One for each worker; the parts of the file come from one after the other.
    parts: &'a [Receiver<Part>],
    turn: usize,
    part: vec::IntoIter<Found>,
    /// What was in the last container.
    opened: vec::IntoIter<Judged>,
    rules: Rules<'a>,
    budget: &'a mut Budget,
    pub(super) progress: Progress,
}

/// What a worker found.
enum Found {
    Judged(Judged),
    /// A PKCS#12 container at this position. They are opened one after the other, in the order of
    /// the file, so that one budget for all gives the same outcomes each time.
    Pkcs12(u64, Secret),
}

/// What the items are read with and judged by.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    /// Opens the PKCS#12 containers.
    pub(super) passphrase: Option<&'a Secret>,
    pub(super) certificates: ImportRules,
}

/// What a worker made of a chunk.
struct Part {
    found: Vec<Found>,
    end: u64,
}

/// Reads and judges a file on threads of its own while `consume` takes what comes out; returns the
/// file's SHA-256.
///
/// PKCS#12 containers are opened as far as `budget` goes.
///
/// Every channel is bounded: who is ahead waits, so that memory does not grow with the file.
pub(super) fn run(
    file: impl Read + Send,
    rules: Rules<'_>,
    budget: &mut Budget,
    consume: impl FnOnce(&mut Judgements<'_>) -> Result<(), Error>,
) -> Result<[u8; 32], Error> {
    thread::scope(|scope| {
        let mut senders = Vec::new();
        let mut parts = Vec::new();
        for _ in 0..WORKERS {
            let (chunk_sender, chunks) = sync_channel::<Chunk>(1);
            let (part_sender, part) = sync_channel(1);
            senders.push(chunk_sender);
            parts.push(part);
            let rules = rules.certificates;
            scope.spawn(move || work(&chunks, &part_sender, rules));
        }
        let reader = scope.spawn(move || read(file, senders));
        let consumed = consume(&mut Judgements {
            parts: &parts,
            turn: 0,
            part: Vec::new().into_iter(),
            opened: Vec::new().into_iter(),
            rules,
            budget,
            progress: Progress::default(),
        });
        // Who still sends finds nobody there, and ends.
        drop(parts);
        consumed?;
        let digest = reader
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        digest.try_into().map_err(|_| Error::Damaged("digest"))
    })
}

/// Deals the chunks of a file out to the workers, in turn.
fn read(file: impl Read, workers: Vec<SyncSender<Chunk>>) -> Result<Vec<u8>, io::Error> {
    let mut file = Digested::new(file);
    let mut chunks = Chunks::new(&mut file);
    for worker in workers.iter().cycle() {
        let Some(chunk) = chunks.next()? else { break };
        if worker.send(chunk).is_err() {
            break;
        }
    }
    Ok(file.hasher.finish())
}

/// An input, digested as it is read.
struct Digested<R> {
    input: R,
    hasher: Box<dyn Hasher>,
}

impl<R> Digested<R> {
    fn new(input: R) -> Self {
        Self {
            input,
            hasher: RustCrypto.hasher(DigestAlgorithm::Sha256),
        }
    }
}

impl<R: Read> Read for Digested<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(out)?;
        self.hasher.update(out.get(..count).unwrap_or_default());
        Ok(count)
    }
}

fn work(chunks: &Receiver<Chunk>, parts: &SyncSender<Part>, rules: ImportRules) {
    let mut reading = Reading::default();
    for chunk in chunks {
        let mut found = Vec::with_capacity(chunk.pieces.len());
        for piece in &chunk.pieces {
            let bytes = chunk.content(piece);
            reading.read(piece, bytes, &mut |position, kind, content| {
                found.push(match content {
                    Content::Pkcs12(der) => Found::Pkcs12(position, Secret::from(der)),
                    content => Found::Judged(judged(position, kind, content, rules)),
                });
            });
        }
        let end = chunk.end;
        if parts.send(Part { found, end }).is_err() {
            return;
        }
    }
}

fn judged(position: u64, kind: ItemKind, content: Content<'_>, rules: ImportRules) -> Judged {
    Judged {
        position,
        kind,
        judgement: judge(content, rules),
    }
}

fn judge(content: Content<'_>, rules: ImportRules) -> Judgement {
    let certificate = match content {
        Content::Certificate(certificate) => certificate,
        Content::Key(key) => return Judgement::Key(Secret::from(key)),
        Content::Crl(der) => {
            let crl = Crl::from_der(der).map_err(ImportError::UnreadableCrl);
            return crl.map_or_else(Judgement::Refused, Judgement::Crl);
        }
        // In another one, which holds no containers.
        Content::Pkcs12(_) => return Judgement::Refused(ImportError::UnsupportedKind),
        Content::Refused(reason) => return Judgement::Refused(reason),
    };
    let emails = certificate.emails();
    match check_import_under(certificate, rules) {
        Ok(()) => fit(certificate, &emails),
        Err(reason) => Judgement::Unfit {
            reason: ImportError::Unfit(reason),
            fingerprint: certificate.fingerprint(),
            emails: words(&emails),
        },
    }
}

fn fit(certificate: &CertificateRef<'_>, emails: &[EmailAddress]) -> Judgement {
    Judgement::Fit {
        entry: Entry::with_emails(certificate, emails),
        subject: certificate.subject().to_string(),
        emails: words(emails),
        authority: certificate.is_ca(),
    }
}

fn words(emails: &[EmailAddress]) -> Vec<String> {
    emails.iter().map(ToString::to_string).collect()
}

impl Judgements<'_> {
    fn open(&mut self, position: u64, der: &Secret) {
        let mut opened = Vec::new();
        let Rules {
            passphrase,
            certificates,
        } = self.rules;
        let found = &mut |at, kind, content: Content<'_>| {
            opened.push(judged(at, kind, content, certificates));
        };
        read_pkcs12(der.expose(), position, passphrase, self.budget, found);
        self.opened = opened.into_iter();
    }
}

impl Iterator for Judgements<'_> {
    type Item = Judged;

    fn next(&mut self) -> Option<Judged> {
        loop {
            let next = self.opened.next().map(Found::Judged);
            match next.or_else(|| self.part.next()) {
                Some(Found::Judged(judged)) => {
                    self.progress.items += 1;
                    return Some(judged);
                }
                Some(Found::Pkcs12(position, der)) => {
                    self.open(position, &der);
                    continue;
                }
                None => {}
            }
            // A worker that has ended had the last part before, or found no receiver.
            let part = self.parts.get(self.turn)?.recv().ok()?;
            self.turn = (self.turn + 1) % self.parts.len();
            self.part = part.found.into_iter();
            self.progress.bytes = part.end;
        }
    }
}

/// To judge a certificate takes a fourth of the time that it takes to write it, which one thread
/// does; so more would only wait.
const WORKERS: usize = 2;
