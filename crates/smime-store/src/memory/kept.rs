use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::ControlFlow,
    sync::Arc,
};

use smime_crypto::UnixTime;

use crate::{
    KeptMail,
    index::{MAX_NUMBER, Prefix, number},
    kept::KeptRecord,
};

/// Mail that is to be judged again. A clone shares the messages.
#[derive(Clone, Default)]
pub(super) struct KeptMails {
    mails: BTreeMap<u64, (KeptRecord, Arc<[u8]>)>,
    /// What is wanted, the message and the expiry, and the number; see [`Prefix`].
    index: BTreeSet<u128>,
    /// The number that was given last.
    last: u64,
}

impl KeptMails {
    /// Keeps a mail, or what is said anew of one that is kept; returns its number.
    pub(super) fn keep(&mut self, record: KeptRecord, message: &[u8]) -> u64 {
        let same = self.wanting(&[record.same_message()], |it| {
            it.is_of_same_message(&record)
        });
        let there = same.first().and_then(|id| Some((*id, self.take(*id)?)));
        let (id, message) = there.unwrap_or_else(|| {
            self.last += 1;
            (self.last, message.into())
        });
        self.index.extend(record.entries(id));
        self.mails.insert(id, (record, message));
        id
    }

    pub(super) fn mail(&self, id: u64) -> Option<KeptMail> {
        let (record, message) = self.mails.get(&id)?;
        Some(record.clone().with_message(message.to_vec()))
    }

    /// Returns the number of every mail, in ascending order, and how many bytes it has.
    pub(super) fn sizes(&self) -> Vec<(u64, u64)> {
        let mails = self.mails.iter();
        let size = |message: &[u8]| u64::try_from(message.len()).unwrap_or(u64::MAX);
        mails
            .map(|(id, (_, message))| (*id, size(message)))
            .collect()
    }

    /// Calls `visit` with every mail, in the order of their numbers, until it breaks off.
    pub(super) fn visit(&self, visit: &mut dyn FnMut(u64, KeptMail) -> ControlFlow<()>) {
        let mut mails = self.mails.iter();
        let _ = mails.try_for_each(|(id, (record, message))| {
            visit(*id, record.clone().with_message(message.to_vec()))
        });
    }

    /// Returns the numbers of the mails that stand under `prefixes` and that `is_wanted` confirms,
    /// in ascending order.
    pub(super) fn wanting(
        &self,
        prefixes: &[Prefix],
        is_wanted: impl Fn(&KeptRecord) -> bool,
    ) -> Vec<u64> {
        let found = prefixes.iter().flat_map(|it| self.between(*it, *it));
        let found: BTreeSet<u64> = found.collect();
        let is_wanted = |id: &u64| self.mails.get(id).is_some_and(|(it, _)| is_wanted(it));
        found.into_iter().filter(is_wanted).collect()
    }

    /// Deletes a mail if it is there.
    pub(super) fn release(&mut self, id: u64) -> Option<()> {
        self.take(id).map(|_| ())
    }

    /// Deletes the mail that has expired; returns how many.
    pub(super) fn expire(&mut self, now: UnixTime) -> u64 {
        let first = Prefix::expiry(UnixTime(i64::MIN));
        let expired: Vec<u64> = self.between(first, Prefix::expiry(now)).collect();
        let released = expired.into_iter().filter_map(|id| self.release(id));
        released.fold(0, |count, ()| count + 1)
    }

    fn between(&self, first: Prefix, last: Prefix) -> impl Iterator<Item = u64> {
        let entries = self.index.range(first.entry(0)..=last.entry(MAX_NUMBER));
        entries.map(|entry| number(*entry))
    }

    fn take(&mut self, id: u64) -> Option<Arc<[u8]>> {
        let (record, message) = self.mails.remove(&id)?;
        for entry in record.entries(id) {
            self.index.remove(&entry);
        }
        Some(message)
    }
}

/// A count alone, as of all that is in the store.
impl fmt::Debug for KeptMails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.mails.len())
    }
}
