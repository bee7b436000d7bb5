use std::{collections::HashSet, sync::mpsc::sync_channel, thread};

use smime_crypto::UnixTime;
use smime_x509::{Certificate, check_import};

use crate::{
    Activity, Addition, Direction, Error, Operation, Outcome, Store, Trust, index::sha256,
};
use split::{Piece, split};

pub use item::{ImportError, Item, ItemKind, items};
pub use key::{KeyOutcome, import_key};

mod der_kind;
mod item;
mod key;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the import of containers is the next change")
)]
mod pkcs7;
mod split;
#[cfg(test)]
mod tests;

/// What came of one item of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportOutcome {
    /// Where the item begins, in bytes from the start of the file.
    pub position: u64,
    /// What it is.
    pub kind: ItemKind,
    /// What was done with it.
    pub outcome: ItemOutcome,
    /// The stable code: `import.added`, `import.fingerprint_taken`, or that of the refusal.
    pub code: &'static str,
    /// One sentence for people.
    pub detail: String,
    /// The certificate's SHA-256, if it is one that could be read.
    pub fingerprint: Option<[u8; 32]>,
    /// The certificate's mail addresses.
    pub emails: Vec<String>,
}

/// What was done with an item of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemOutcome {
    /// Stored.
    Added,
    /// It was there; the store keeps a certificate once.
    AlreadyThere {
        /// When it was added.
        since: UnixTime,
    },
    /// Not stored; the code says why.
    Refused,
}

impl ItemOutcome {
    /// Returns the word for it: `added`, `already_there` or `refused`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::AlreadyThere { .. } => "already_there",
            Self::Refused => "refused",
        }
    }
}

/// Imports the certificates of a file, with exactly one outcome per item, in the file's order.
///
/// A certificate must pass [`check_import`]; what is refused never keeps the others out. Where
/// `trust` is not [`Trust::None`], authorities among the certificates get it, also those that were
/// there; one that is [`Trust::Distrusted`] stays so, because a list of authorities must not undo
/// what was decided about one of them. One entry of the activity log tells of the file.
///
/// # Errors
/// [`Error`] when the store fails; whole batches before the failure stay, nothing of the failing
/// one does, and importing the file again completes the work.
pub fn import(
    store: &dyn Store,
    file: &[u8],
    trust: Trust,
    at: UnixTime,
) -> Result<Vec<ImportOutcome>, Error> {
    import_by(BATCH, store, file, trust, at)
}

fn import_by(
    batch: usize,
    store: &dyn Store,
    file: &[u8],
    trust: Trust,
    at: UnixTime,
) -> Result<Vec<ImportOutcome>, Error> {
    let pieces = split(file);
    let outcomes = Vec::with_capacity(pieces.len());
    let mut import = Import {
        store,
        trust,
        at,
        outcomes,
        added: Vec::new(),
    };
    thread::scope(|scope| {
        // One batch is read while the one before it is written.
        let (sender, batches) = sync_channel(1);
        let pieces = &pieces;
        scope.spawn(move || {
            for batch in pieces.chunks(batch) {
                let checked: Vec<Checked> = batch.iter().map(Checked::read).collect();
                if sender.send(checked).is_err() {
                    return;
                }
            }
        });
        batches
            .into_iter()
            .try_for_each(|batch| import.batch(batch))
    })?;
    import.record(file)?;
    Ok(import.outcomes)
}

/// An item, judged as far as it can be without the store.
struct Checked {
    position: u64,
    kind: ItemKind,
    content: Result<Certificate, Refusal>,
}

/// Why an item is refused, and the certificate if it could be read.
struct Refusal {
    reason: ImportError,
    certificate: Option<Certificate>,
}

impl Checked {
    fn read(piece: &Piece<'_>) -> Self {
        let item = Item::read(piece);
        let content = match item.content {
            Ok(certificate) => match check_import(&certificate.view()) {
                Ok(()) => Ok(certificate),
                Err(reason) => {
                    let reason = ImportError::Unfit(reason);
                    Err(Refusal {
                        reason,
                        certificate: Some(certificate),
                    })
                }
            },
            Err(reason) => Err(Refusal {
                reason,
                certificate: None,
            }),
        };
        Self {
            position: item.position,
            kind: item.kind,
            content,
        }
    }
}

struct Import<'a> {
    store: &'a dyn Store,
    trust: Trust,
    at: UnixTime,
    outcomes: Vec<ImportOutcome>,
    added: Vec<[u8; 32]>,
}

impl Import<'_> {
    fn batch(&mut self, batch: Vec<Checked>) -> Result<(), Error> {
        let fit = batch
            .iter()
            .filter_map(|checked| checked.content.as_ref().ok());
        let certificates: Vec<Certificate> = fit.cloned().collect();
        let additions = self.store.add_certificates(&certificates, self.at)?;
        let trusted = self.trust_authorities(&certificates, &additions)?;
        let mut additions = additions.into_iter();
        for checked in batch {
            let (certificate, outcome, code, detail) = match checked.content {
                Ok(certificate) => {
                    let addition = additions.next().ok_or(Error::Damaged("additions"))?;
                    let now_trusted = trusted.contains(&certificate.fingerprint());
                    let (outcome, code, detail) = self.stored(&certificate, addition, now_trusted);
                    (Some(certificate), outcome, code, detail)
                }
                Err(Refusal {
                    reason,
                    certificate,
                }) => (
                    certificate,
                    ItemOutcome::Refused,
                    reason.code(),
                    reason.to_string(),
                ),
            };
            let emails = certificate
                .iter()
                .flat_map(|certificate| certificate.emails());
            self.outcomes.push(ImportOutcome {
                position: checked.position,
                kind: checked.kind,
                outcome,
                code,
                detail,
                emails: emails.map(ToString::to_string).collect(),
                fingerprint: certificate.as_ref().map(Certificate::fingerprint),
            });
        }
        Ok(())
    }

    /// Gives the wanted trust to the authorities of a batch; returns who got it.
    fn trust_authorities(
        &self,
        certificates: &[Certificate],
        additions: &[Addition],
    ) -> Result<HashSet<[u8; 32]>, Error> {
        if self.trust == Trust::None {
            return Ok(HashSet::new());
        }
        let mut fingerprints = HashSet::new();
        for (certificate, addition) in certificates.iter().zip(additions) {
            let fingerprint = certificate.fingerprint();
            let was = match addition {
                Addition::Added => Trust::None,
                Addition::AlreadyThere { .. } => {
                    let stored = self.store.certificate(&fingerprint)?;
                    stored.map_or(Trust::Distrusted, |stored| stored.trust)
                }
            };
            if certificate.is_ca() && was != self.trust && was != Trust::Distrusted {
                fingerprints.insert(fingerprint);
            }
        }
        if !fingerprints.is_empty() {
            let list: Vec<[u8; 32]> = fingerprints.iter().copied().collect();
            self.store.set_trust_of(&list, self.trust)?;
        }
        Ok(fingerprints)
    }

    fn stored(
        &mut self,
        certificate: &Certificate,
        addition: Addition,
        now_trusted: bool,
    ) -> (ItemOutcome, &'static str, String) {
        let subject = certificate.subject();
        let suffix = match self.trust {
            Trust::Anchor if now_trusted => ", now an anchor",
            Trust::Distrusted if now_trusted => ", now distrusted",
            _ => "",
        };
        match addition {
            Addition::Added => {
                self.added.push(certificate.fingerprint());
                (
                    ItemOutcome::Added,
                    "import.added",
                    format!("added: {subject}{suffix}"),
                )
            }
            Addition::AlreadyThere { since } => {
                let detail = format!("fingerprint already taken: {subject} since {since}{suffix}");
                (
                    ItemOutcome::AlreadyThere { since },
                    "import.fingerprint_taken",
                    detail,
                )
            }
        }
    }

    fn record(&self, file: &[u8]) -> Result<(), Error> {
        let count = |wanted: fn(&ItemOutcome) -> bool| {
            self.outcomes
                .iter()
                .filter(|item| wanted(&item.outcome))
                .count()
        };
        let there = count(|outcome| matches!(outcome, ItemOutcome::AlreadyThere { .. }));
        let refused = count(|outcome| matches!(outcome, ItemOutcome::Refused));
        let (outcome, code) = match (refused, refused == self.outcomes.len()) {
            (0, _) => (Outcome::Ok, "import.done"),
            (_, false) => (Outcome::Ok, "import.partial"),
            (_, true) => (Outcome::Failed, "import.refused"),
        };
        let added = self.added.len();
        self.store.record(&Activity {
            time: self.at,
            direction: Direction::Store,
            operation: Operation::Import,
            outcome,
            code: code.to_owned(),
            message_id: None,
            from: None,
            to: Vec::new(),
            certificates: self.added.clone(),
            input_digest: Some(sha256(&[file])),
            detail: format!("{added} added, {there} already there, {refused} refused"),
        })?;
        Ok(())
    }
}

/// Items per transaction. Index entries are in random order, so that every transaction touches most
/// pages of the index again: on a busy machine 50 000 certificates took 130 µs each by 1000, 55 by
/// 10 000, 41 by 20 000 and 35 at once. Parsed, so many take about 50 megabytes.
const BATCH: usize = 20_000;
