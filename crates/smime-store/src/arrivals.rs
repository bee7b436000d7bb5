use std::collections::BTreeSet;

/// What came into a store, or is thought of otherwise than before, and by which kept mail may now be
/// judged otherwise; see [`Store::kept_wanting_any`](crate::Store::kept_wanting_any).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    certificates: BTreeSet<[u8; 32]>,
    issuers: BTreeSet<Vec<u8>>,
    more: bool,
}

impl Arrivals {
    /// Adds the SHA-256 of a stored certificate: it came, or its key, or another trust.
    pub fn add_certificate(&mut self, fingerprint: [u8; 32]) {
        if self.certificates.len() < MAX_ARRIVALS {
            self.certificates.insert(fingerprint);
        } else {
            self.more |= !self.certificates.contains(&fingerprint);
        }
    }

    /// Adds an issuer, a DER Name, of whom a revocation list came.
    pub fn add_issuer(&mut self, name: &[u8]) {
        if self.issuers.len() < MAX_ARRIVALS {
            self.issuers.insert(name.to_vec());
        } else {
            self.more |= !self.issuers.contains(name);
        }
    }

    /// Adds all of `other`.
    pub fn add_all(&mut self, other: &Self) {
        other
            .certificates
            .iter()
            .for_each(|one| self.add_certificate(*one));
        other.issuers.iter().for_each(|one| self.add_issuer(one));
        self.more |= other.more;
    }

    /// Returns the certificates; all of them unless [`is_more`](Self::is_more).
    pub fn certificates(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.certificates.iter()
    }

    /// Returns the issuers of revocation lists; all of them unless [`is_more`](Self::is_more).
    pub fn issuers(&self) -> impl Iterator<Item = &[u8]> {
        self.issuers.iter().map(Vec::as_slice)
    }

    /// Says whether more came than was remembered, so that it may help to judge any mail.
    pub fn is_more(&self) -> bool {
        self.more
    }
}

/// What is remembered of each kind: half a megabyte, and so much that to look through all kept mail
/// is no more work than to find what each of them may help.
const MAX_ARRIVALS: usize = 10_000;
