use super::Inner;
use crate::{
    Addition,
    crl::{CrlKey, CrlRecord, Placement},
};

impl Inner {
    /// Adds a revocation list in the place of those that it makes superfluous.
    pub(super) fn add_crl(&mut self, key: CrlKey, record: CrlRecord, der: &[u8]) -> Addition {
        let (first, last) = key.of_scope();
        let there = self.crls.range(first..=last);
        let there: Vec<_> = there
            .map(|(key, (record, _))| (*key, record.clone()))
            .collect();
        match record.placement(&there) {
            Placement::Superfluous { since } => Addition::AlreadyThere { since },
            Placement::Kept { without } => {
                for key in without {
                    self.crls.remove(&key);
                }
                self.crls.insert(key, (record, der.to_vec()));
                Addition::Added
            }
        }
    }
}
