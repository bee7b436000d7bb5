use std::collections::HashSet;

use crate::{Certificate, NameRef, bundle::Index};

/// The anchors of trust: certificates whose name and key are believed because someone put them
/// here.
///
/// What an anchor says of itself counts as on any other certificate of a path: its validity, its
/// basic constraints, key usage and critical extensions. Its own signature does not count.
///
/// A certificate that is distrusted here ends every path it stands in, as an anchor too.
#[derive(Clone, Debug, Default)]
pub struct TrustStore {
    anchors: Index,
    distrusted: HashSet<[u8; 32]>,
}

impl TrustStore {
    /// Makes a store without anchors, in which nothing is trusted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an anchor; says whether it was not there before.
    pub fn add(&mut self, anchor: Certificate) -> bool {
        self.anchors.add(anchor)
    }

    /// Distrusts the certificate of this SHA-256, wherever it comes from.
    pub fn distrust(&mut self, fingerprint: [u8; 32]) {
        self.distrusted.insert(fingerprint);
    }

    /// Says whether exactly this certificate is distrusted.
    pub fn distrusts(&self, certificate: &Certificate) -> bool {
        self.distrusted.contains(&certificate.fingerprint())
    }

    /// Returns the anchors in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Certificate> {
        self.anchors.certificates.iter()
    }

    /// Returns how many anchors there are.
    pub fn len(&self) -> usize {
        self.anchors.certificates.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.anchors.certificates.is_empty()
    }

    /// Says whether exactly this certificate is an anchor.
    pub fn contains(&self, certificate: &Certificate) -> bool {
        self.anchors.contains(certificate)
    }

    /// Returns a store that trusts this anchor alone and distrusts what this one distrusts.
    pub(crate) fn only(&self, anchor: &Certificate) -> Self {
        let mut one = Self {
            distrusted: self.distrusted.clone(),
            ..Self::default()
        };
        one.add(anchor.clone());
        one
    }

    pub(crate) fn with_subject<'a>(
        &'a self,
        name: NameRef<'_>,
    ) -> impl Iterator<Item = &'a Certificate> + use<'a> {
        self.anchors.with_subject(name)
    }
}

impl FromIterator<Certificate> for TrustStore {
    fn from_iter<T: IntoIterator<Item = Certificate>>(anchors: T) -> Self {
        let mut store = Self::new();
        for anchor in anchors {
            store.add(anchor);
        }
        store
    }
}
