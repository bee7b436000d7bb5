use std::collections::{HashMap, HashSet};

use crate::{Certificate, NameRef};

/// An unordered, untrusted pool of certificates: what came with a message, or what a store knows.
///
/// It holds what it is given; whoever fills it bounds it.
#[derive(Clone, Debug, Default)]
pub struct CertificateBundle(Index);

impl CertificateBundle {
    /// Makes an empty pool.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a certificate; says whether it was not there before.
    pub fn add(&mut self, certificate: Certificate) -> bool {
        self.0.add(certificate)
    }

    /// Returns the certificates in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Certificate> {
        self.0.certificates.iter()
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.certificates.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.certificates.is_empty()
    }

    /// Says whether exactly this certificate is there.
    pub fn contains(&self, certificate: &Certificate) -> bool {
        self.0.contains(certificate)
    }

    /// Returns those whose subject is `name` (RFC 5280 §7.1).
    pub fn with_subject<'a>(
        &'a self,
        name: NameRef<'_>,
    ) -> impl Iterator<Item = &'a Certificate> + use<'a> {
        self.0.with_subject(name)
    }

    /// Returns those whose subject key identifier is `id`.
    pub fn with_key_id(&self, id: &[u8]) -> impl Iterator<Item = &Certificate> {
        self.iter()
            .filter(move |certificate| certificate.subject_key_id() == Some(id))
    }

    /// Returns those that `issuer` gave the serial number with the content octets `serial`.
    pub fn with_issuer_and_serial<'a>(
        &'a self,
        issuer: NameRef<'a>,
        serial: &'a [u8],
    ) -> impl Iterator<Item = &'a Certificate> {
        self.iter().filter(move |certificate| {
            certificate.serial() == serial && certificate.issuer().matches(issuer)
        })
    }
}

impl Extend<Certificate> for CertificateBundle {
    fn extend<T: IntoIterator<Item = Certificate>>(&mut self, certificates: T) {
        for certificate in certificates {
            self.add(certificate);
        }
    }
}

impl FromIterator<Certificate> for CertificateBundle {
    fn from_iter<T: IntoIterator<Item = Certificate>>(certificates: T) -> Self {
        let mut bundle = Self::new();
        bundle.extend(certificates);
        bundle
    }
}

/// Certificates in the order they came, found by exact bytes and by the subject's name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    pub(crate) certificates: Vec<Certificate>,
    known: HashSet<[u8; 32]>,
    by_subject: HashMap<Vec<u8>, Vec<usize>>,
}

impl Index {
    pub(crate) fn add(&mut self, certificate: Certificate) -> bool {
        let new = self.known.insert(certificate.fingerprint());
        if new {
            let places = self
                .by_subject
                .entry(certificate.subject().canonical())
                .or_default();
            places.push(self.certificates.len());
            self.certificates.push(certificate);
        }
        new
    }

    pub(crate) fn contains(&self, certificate: &Certificate) -> bool {
        self.known.contains(&certificate.fingerprint())
    }

    pub(crate) fn with_subject<'a>(
        &'a self,
        name: NameRef<'_>,
    ) -> impl Iterator<Item = &'a Certificate> + use<'a> {
        let places = self
            .by_subject
            .get(&name.canonical())
            .map(Vec::as_slice)
            .unwrap_or_default();
        places
            .iter()
            .filter_map(|place| self.certificates.get(*place))
    }
}
