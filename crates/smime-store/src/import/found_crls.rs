use std::fmt;

use smime_crypto::UnixTime;
use smime_x509::{Crl, CrlError};

use super::{ImportError, ImportOutcome, ItemKind, ItemOutcome};
use crate::{Addition, Error, Store};

/// What taking revocation lists out of a file needs.
#[derive(Clone, Copy)]
pub struct CrlImport<'a> {
    /// Says why a list is not proven to be its issuer's, or nothing if it is; it is called when the
    /// certificates of the file are stored.
    pub doubt: &'a dyn Fn(&Crl) -> Result<Option<CrlError>, Error>,
}

/// Revocation lists that wait for the certificates of their file to be stored.
#[derive(Default)]
pub(super) struct FoundCrls {
    lists: Vec<(u64, Crl)>,
    bytes: usize,
}

impl FoundCrls {
    /// Takes a list; gives the reason if there are too many.
    pub(super) fn push(&mut self, position: u64, crl: Crl) -> Result<(), ImportError> {
        let bytes = self.bytes.saturating_add(crl.der().len());
        if self.lists.len() >= MAX_CRLS || bytes > MAX_BYTES {
            return Err(ImportError::TooManyCrls);
        }
        self.bytes = bytes;
        self.lists.push((position, crl));
        Ok(())
    }

    /// Puts the lists into the store, with one outcome each and the list if it was added.
    pub(super) fn store(
        self,
        store: &dyn Store,
        import: CrlImport<'_>,
        at: UnixTime,
        outcome: &mut dyn FnMut(ImportOutcome, Option<&Crl>),
    ) -> Result<(), Error> {
        for (position, crl) in self.lists {
            match (import.doubt)(&crl)? {
                None => {
                    let addition = store.add_crl(crl.der(), at)?;
                    let added = (addition == Addition::Added).then_some(&crl);
                    outcome(stored(position, &crl, addition), added);
                }
                Some(error) => {
                    let reason = ImportError::UnprovenCrl(error);
                    outcome(
                        ImportOutcome::refused(position, ItemKind::Crl, &reason),
                        None,
                    );
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for CrlImport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CrlImport")
    }
}

fn stored(position: u64, crl: &Crl, addition: Addition) -> ImportOutcome {
    let (issuer, since) = (crl.issuer(), crl.this_update());
    let (outcome, code, detail) = match addition {
        Addition::Added => (
            ItemOutcome::Added,
            "import.added",
            format!("revocation list added: {issuer}, of {since}"),
        ),
        Addition::AlreadyThere { since } => (
            ItemOutcome::AlreadyThere { since },
            "import.crl_taken",
            format!("revocation list of {issuer} there since {since}, or a newer one"),
        ),
    };
    ImportOutcome {
        position,
        kind: ItemKind::Crl,
        outcome,
        code,
        detail,
        fingerprint: None,
        emails: Vec::new(),
    }
}

/// The lists of all authorities that a mail system knows; each costs a search for who signed it.
pub(super) const MAX_CRLS: usize = 1000;

/// Bytes of all lists of a file, which are in memory together.
const MAX_BYTES: usize = 64 << 20;
