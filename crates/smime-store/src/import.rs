use std::{collections::HashSet, io::Read, mem};

use smime_crypto::{Budget, UnixTime};
use smime_x509::ImportRules;

use crate::{
    Activity, Addition, Arrivals, Direction, Entry, Error, Operation, Outcome, Store, Trust,
};
use found_crls::FoundCrls;
use found_keys::FoundKeys;
use pipeline::{Judged, Judgement, Judgements};

pub use found_crls::CrlImport;
pub use found_keys::KeyImport;
pub use item::{ImportError, Item, ItemKind, ItemRef, items, visit_items};
pub use key::{KeyOutcome, import_key};

mod armour;

mod chunks;
mod decoder;
mod der_kind;
mod escapes;
mod found_crls;
mod found_keys;
mod item;
mod key;
mod lines;
mod pipeline;
mod pkcs7;
mod place;
mod property;
mod read;
mod scan;
#[cfg(test)]
mod tests;
mod text;

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

/// How a file is imported.
#[derive(Clone, Copy, Debug)]
pub struct ImportOptions<'a> {
    /// What the authorities among the certificates get.
    pub trust: Trust,
    /// The time of the import.
    pub at: UnixTime,
    /// What taking private keys needs; without it they are refused.
    pub keys: Option<KeyImport<'a>>,
    /// What taking revocation lists needs; without it they are refused.
    pub crls: Option<CrlImport<'a>>,
    /// Which certificates are taken.
    pub rules: ImportRules,
}

/// What is told while a file is imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportEvent {
    /// What came of an item; told when it is durable.
    Outcome(ImportOutcome),
    /// How far the work is; told some times a second at most sizes of file.
    Progress(Progress),
}

/// How far an import is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the file whose items were judged.
    pub bytes: u64,
    /// Items that were judged.
    pub items: u64,
}

/// What came of the import of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// How many items came to what.
    pub summary: ImportSummary,
    /// What came into the store, or has another trust than before.
    pub arrivals: Arrivals,
}

/// How many items came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportSummary {
    /// Stored.
    pub added: u64,
    /// Stored before.
    pub already_there: u64,
    /// Not stored.
    pub refused: u64,
}

impl ImportOptions<'_> {
    /// Certificates alone, and no trust for any.
    pub fn new(at: UnixTime) -> Self {
        Self {
            trust: Trust::None,
            at,
            keys: None,
            crls: None,
            rules: ImportRules::STANDARD,
        }
    }
}

impl ImportOutcome {
    fn refused(position: u64, kind: ItemKind, reason: &ImportError) -> Self {
        Self {
            position,
            kind,
            outcome: ItemOutcome::Refused,
            code: reason.code(),
            detail: reason.to_string(),
            fingerprint: None,
            emails: Vec::new(),
        }
    }

    /// Returns how many bytes its texts take.
    fn words(&self) -> usize {
        let emails: usize = self.emails.iter().map(String::len).sum();
        emails + self.detail.len()
    }
}

/// Imports the certificates of a file, of any size, with exactly one outcome per item: in the
/// file's order, but private keys and revocation lists last, for their certificates must be there.
///
/// A certificate must pass [`check_import_under`](smime_x509::check_import_under); what is refused never keeps
/// the others out. Where `options.trust` is not [`Trust::None`], authorities among the certificates
/// get it, also those that were there; one that is [`Trust::Distrusted`], or an anchor for one use
/// only, stays so, because a list of authorities must not undo what was decided about one of them. One entry of the activity log
/// tells of the file, and names the first 10 000 certificates that
/// were added. Opening what is protected in the file, containers and keys, costs no more than one
/// [`Budget`]; what is over it is refused.
///
/// The file is read and judged by threads of its own while the certificates before are written;
/// `tell` is called by the caller's.
///
/// # Errors
/// [`Error`] when the store fails or the file cannot be read; whole batches before the failure
/// stay, nothing of the failing one does, and importing the file again completes the work.
pub fn import(
    store: &dyn Store,
    file: impl Read + Send,
    options: &ImportOptions<'_>,
    tell: &mut dyn FnMut(ImportEvent),
) -> Result<Imported, Error> {
    import_by(BATCH, store, file, options, tell)
}

pub(crate) fn import_by(
    batch: usize,
    store: &dyn Store,
    file: impl Read + Send,
    options: &ImportOptions<'_>,
    tell: &mut dyn FnMut(ImportEvent),
) -> Result<Imported, Error> {
    let mut import = Import {
        store,
        options,
        tell,
        summary: ImportSummary::default(),
        arrivals: Arrivals::default(),
        keys: FoundKeys::default(),
        crls: FoundCrls::default(),
        has_key: false,
    };
    let rules = pipeline::Rules {
        passphrase: options.keys.and_then(|keys| keys.passphrase),
        certificates: options.rules,
    };
    let mut budget = Budget::new();
    let digest = pipeline::run(file, rules, &mut budget, |judgements| {
        while import.batch(judgements, batch)? {}
        Ok(())
    })?;
    import.store_keys(&mut budget)?;
    import.store_crls()?;
    import.record(digest)?;
    Ok(Imported {
        summary: import.summary,
        arrivals: import.arrivals,
    })
}

struct Import<'a> {
    store: &'a dyn Store,
    options: &'a ImportOptions<'a>,
    tell: &'a mut dyn FnMut(ImportEvent),
    summary: ImportSummary,
    arrivals: Arrivals,
    keys: FoundKeys,
    crls: FoundCrls,
    has_key: bool,
}

/// An item of a batch.
struct Pending {
    outcome: ImportOutcome,
    /// Whose outcome is for the store to say.
    stored: Option<Stored>,
}

/// A certificate that was given to the store.
#[derive(Clone, Copy)]
struct Stored {
    fingerprint: [u8; 32],
    authority: bool,
}

/// Certificates for one transaction; what is between them is set aside.
struct Batch<'b, 'a, 'j> {
    import: &'b mut Import<'a>,
    judgements: &'b mut Judgements<'j>,
    pending: Vec<Pending>,
    /// How many items there may be.
    limit: usize,
    /// How many more bytes of text the outcomes may take.
    room: usize,
}

impl Iterator for Batch<'_, '_, '_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        while self.pending.len() < self.limit && self.room > 0 {
            let before = self.judgements.progress.bytes;
            let judged = self.judgements.next()?;
            let progress = self.judgements.progress;
            if progress.bytes != before {
                (self.import.tell)(ImportEvent::Progress(progress));
            }
            let (entry, pending) = self.import.judged(judged);
            if let Some(pending) = pending {
                self.room = self.room.saturating_sub(pending.outcome.words());
                self.pending.push(pending);
            }
            if entry.is_some() {
                return entry;
            }
        }
        None
    }
}

impl Import<'_> {
    /// Brings a batch of items into the store; returns whether there was one.
    fn batch(&mut self, judgements: &mut Judgements<'_>, limit: usize) -> Result<bool, Error> {
        let (store, at) = (self.store, self.options.at);
        let mut batch = Batch {
            import: self,
            judgements,
            pending: Vec::new(),
            limit,
            room: MAX_WORDS,
        };
        let additions = match batch.next() {
            Some(first) => store.add_entries(&mut [first].into_iter().chain(&mut batch), at)?,
            None => Vec::new(),
        };
        let pending = batch.pending;
        let is_some = !pending.is_empty();
        let stored: Vec<Stored> = pending.iter().filter_map(|one| one.stored).collect();
        let trusted = self.trust_authorities(&stored, &additions)?;
        let mut additions = additions.into_iter();
        for Pending {
            mut outcome,
            stored,
        } in pending
        {
            if let Some(stored) = stored {
                let addition = additions.next().ok_or(Error::Damaged("additions"))?;
                let now_trusted = trusted.contains(&stored.fingerprint);
                self.stored(&mut outcome, stored, addition, now_trusted);
            }
            self.tell(outcome);
        }
        Ok(is_some)
    }

    /// Takes a judged item: for the store, for later, or to be refused.
    fn judged(&mut self, judged: Judged) -> (Option<Entry>, Option<Pending>) {
        let Judged {
            position,
            kind,
            judgement,
        } = judged;
        let refused = |reason: &ImportError| Pending {
            outcome: ImportOutcome::refused(position, kind, reason),
            stored: None,
        };
        match judgement {
            Judgement::Fit {
                entry,
                subject,
                emails,
                authority,
            } => {
                let fingerprint = entry.fingerprint();
                let outcome = ImportOutcome {
                    position,
                    kind,
                    outcome: ItemOutcome::Added,
                    code: "import.added",
                    detail: subject,
                    fingerprint: Some(fingerprint),
                    emails,
                };
                let stored = Some(Stored {
                    fingerprint,
                    authority,
                });
                (Some(entry), Some(Pending { outcome, stored }))
            }
            Judgement::Unfit {
                reason,
                fingerprint,
                emails,
            } => {
                let mut pending = refused(&reason);
                pending.outcome.fingerprint = Some(fingerprint);
                pending.outcome.emails = emails;
                (None, Some(pending))
            }
            Judgement::Key(key) => {
                self.has_key = true;
                let waits = match self.options.keys {
                    Some(_) => self.keys.push(position, key),
                    None => Err(ImportError::PrivateKey),
                };
                (None, waits.err().map(|reason| refused(&reason)))
            }
            Judgement::Crl(crl) => {
                let waits = match self.options.crls {
                    Some(_) => self.crls.push(position, crl),
                    None => Err(ImportError::Crl),
                };
                (None, waits.err().map(|reason| refused(&reason)))
            }
            Judgement::Refused(reason) => (None, Some(refused(&reason))),
        }
    }

    /// Gives the wanted trust to the authorities of a batch; returns who got it.
    fn trust_authorities(
        &self,
        certificates: &[Stored],
        additions: &[Addition],
    ) -> Result<HashSet<[u8; 32]>, Error> {
        let trust = self.options.trust;
        let mut fingerprints = HashSet::new();
        if trust == Trust::None {
            return Ok(fingerprints);
        }
        let authorities = certificates.iter().zip(additions);
        for (Stored { fingerprint, .. }, addition) in authorities.filter(|(it, _)| it.authority) {
            let was = match addition {
                Addition::Added => Trust::None,
                Addition::AlreadyThere { .. } => {
                    let stored = self.store.certificate(fingerprint)?;
                    stored.map_or(Trust::Distrusted, |stored| stored.trust)
                }
            };
            // A list of anchors does not widen what was decided about one of them.
            let is_decided = was == Trust::Distrusted || (was.is_anchor() && trust.is_anchor());
            if !is_decided {
                fingerprints.insert(*fingerprint);
            }
        }
        if !fingerprints.is_empty() {
            let list: Vec<[u8; 32]> = fingerprints.iter().copied().collect();
            self.store.set_trust_of(&list, trust)?;
        }
        Ok(fingerprints)
    }

    /// Completes the outcome of a certificate, whose detail is its subject so far.
    fn stored(
        &mut self,
        outcome: &mut ImportOutcome,
        stored: Stored,
        addition: Addition,
        now_trusted: bool,
    ) {
        let suffix = match self.options.trust {
            Trust::Anchor | Trust::AnchorFor(_) if now_trusted => ", now an anchor",
            Trust::Distrusted if now_trusted => ", now distrusted",
            _ => "",
        };
        if now_trusted {
            self.arrivals.add_certificate(stored.fingerprint);
        }
        let subject = &outcome.detail;
        match addition {
            Addition::Added => {
                self.arrivals.add_certificate(stored.fingerprint);
                outcome.detail = format!("added: {subject}{suffix}");
            }
            Addition::AlreadyThere { since } => {
                outcome.outcome = ItemOutcome::AlreadyThere { since };
                outcome.code = "import.fingerprint_taken";
                outcome.detail =
                    format!("fingerprint already taken: {subject} since {since}{suffix}");
            }
        }
    }

    /// Stores the private keys that waited for their certificates.
    fn store_keys(&mut self, budget: &mut Budget) -> Result<(), Error> {
        let keys = mem::take(&mut self.keys);
        let Some(import) = self.options.keys else {
            return Ok(());
        };
        let (store, at) = (self.store, self.options.at);
        keys.store(store, import, budget, at, &mut |outcome, certificates| {
            for one in certificates {
                self.arrivals.add_certificate(one);
            }
            self.tell(outcome);
        })
    }

    /// Stores the revocation lists that waited for who signed them.
    fn store_crls(&mut self) -> Result<(), Error> {
        let crls = mem::take(&mut self.crls);
        let Some(import) = self.options.crls else {
            return Ok(());
        };
        let (store, at) = (self.store, self.options.at);
        crls.store(store, import, at, &mut |outcome, added| {
            if let Some(crl) = added {
                self.arrivals.add_issuer(crl.issuer().der());
            }
            self.tell(outcome);
        })
    }

    fn tell(&mut self, outcome: ImportOutcome) {
        match outcome.outcome {
            ItemOutcome::Added => self.summary.added += 1,
            ItemOutcome::AlreadyThere { .. } => self.summary.already_there += 1,
            ItemOutcome::Refused => self.summary.refused += 1,
        }
        (self.tell)(ImportEvent::Outcome(outcome));
    }

    fn record(&self, digest: [u8; 32]) -> Result<(), Error> {
        let ImportSummary {
            added,
            already_there,
            refused,
        } = self.summary;
        let (outcome, code) = match (refused, added + already_there) {
            (0, _) => (Outcome::Ok, "import.done"),
            (_, 1..) => (Outcome::Ok, "import.partial"),
            (_, 0) => (Outcome::Failed, "import.refused"),
        };
        self.store.record(&Activity {
            outcome,
            certificates: self.arrivals.certificates().copied().collect(),
            input_digest: (!self.has_key).then_some(digest),
            detail: format!("{added} added, {already_there} already there, {refused} refused"),
            ..Activity::new(self.options.at, Direction::Store, Operation::Import, code)
        })?;
        Ok(())
    }
}

/// Items per transaction: what certificates of usual size fill the database's write buffer with, so
/// that each page is written once.
const BATCH: usize = 10_000;

/// Bytes of text that the outcomes of a transaction may take: for items with thousands of
/// addresses each.
const MAX_WORDS: usize = 16 << 20;
