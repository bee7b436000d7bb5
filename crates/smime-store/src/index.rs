//! The keys under which certificates are found; the same for every implementation of the store.

use std::fmt;

use smime_crypto::{PublicKey, UnixTime, sha256};
use smime_x509::{Certificate, CertificateRef, EmailAddress, NameRef};

use crate::error::Hex;

/// Returns what a public key is known by in a store: the SHA-256 of its SubjectPublicKeyInfo.
pub fn public_key_id(key: &PublicKey) -> [u8; 32] {
    sha256(&[key.spki()])
}

/// The upper 88 bits of an index entry, whose lower 40 bits are for what is found: eight for what
/// is indexed, and the first 80 of the SHA-256 of its value.
///
/// That keeps the entries small. Two values on one prefix take 2⁴⁰ work to make and cost a surplus
/// look-up: whoever reads the index compares with [`Query::matches`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Prefix(u128);

impl Prefix {
    fn new(kind: u8, digest: &[u8; 32]) -> Self {
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip([kind].iter().chain(digest).take(11)) {
            *to = *from;
        }
        Self(u128::from_be_bytes(bytes))
    }

    /// Returns the prefix of the certificates that expire at `time`; prefixes of later times are
    /// greater.
    pub(crate) fn expiry(time: UnixTime) -> Self {
        // The sign bit turned, so that times before 1970 come first.
        let ascending = u128::from(time.0.cast_unsigned() ^ (1 << 63));
        Self(u128::from(EXPIRY) << 120 | ascending << 56)
    }

    /// Returns the prefix of the log entries of a Message-ID, compared as it is written.
    pub(crate) fn message_id(id: &str) -> Self {
        prefix(7, &[id.as_bytes()])
    }

    /// Returns the entry that leads to `number`, or to [`MAX_NUMBER`] if that is less.
    pub(crate) fn entry(self, number: u64) -> u128 {
        self.0 | u128::from(number.min(MAX_NUMBER))
    }
}

/// Returns the number in an index entry.
pub(crate) fn number(entry: u128) -> u64 {
    // Bounded by the mask.
    u64::try_from(entry & u128::from(MAX_NUMBER)).unwrap_or(MAX_NUMBER)
}

/// The kind of the only prefixes that have an order of their own.
const EXPIRY: u8 = 6;

/// What an index entry has room for: a store of a billion certificates has a terabyte.
pub(crate) const MAX_NUMBER: u64 = (1 << 40) - 1;

/// What certificates are looked for by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Query<'a> {
    Fingerprint(&'a [u8; 32]),
    Address(&'a EmailAddress),
    IssuerAndSerial { issuer: &'a [u8], serial: &'a [u8] },
    SubjectKeyId(&'a [u8]),
    PublicKey(&'a [u8; 32]),
    Authority(&'a [u8]),
}

impl Query<'_> {
    pub(crate) fn prefix(&self) -> Prefix {
        match self {
            Self::Fingerprint(fingerprint) => Prefix::new(0, fingerprint),
            Self::Address(address) => prefix(1, &[address.folded().as_bytes()]),
            Self::IssuerAndSerial { issuer, serial } => {
                prefix(2, &[&sha256(&[&folded_name(issuer)]), serial])
            }
            Self::SubjectKeyId(id) => prefix(3, &[id]),
            Self::PublicKey(id) => prefix(4, &[*id]),
            Self::Authority(subject) => prefix(5, &[&folded_name(subject)]),
        }
    }

    pub(crate) fn matches(&self, certificate: &Certificate) -> bool {
        match self {
            Self::Fingerprint(fingerprint) => certificate.fingerprint() == **fingerprint,
            Self::Address(address) => names_address(certificate.emails(), address),
            Self::IssuerAndSerial { issuer, serial } => {
                certificate.serial() == *serial && same_name(certificate.issuer().der(), issuer)
            }
            Self::SubjectKeyId(id) => certificate.subject_key_id() == Some(id),
            Self::PublicKey(id) => public_key_id(certificate.public_key()) == **id,
            Self::Authority(subject) => same_name(certificate.subject().der(), subject),
        }
    }
}

/// A certificate made ready for a store: all that adding it takes is computed.
#[derive(Clone)]
pub struct Entry {
    der: Box<[u8]>,
    fingerprint: [u8; 32],
    prefixes: Vec<Prefix>,
}

impl Entry {
    /// Computes what adding a certificate takes.
    pub fn new(certificate: &CertificateRef<'_>) -> Self {
        Self::with_emails(certificate, &certificate.emails())
    }

    /// The same with the certificate's mail addresses, which are known already.
    pub(crate) fn with_emails(certificate: &CertificateRef<'_>, emails: &[EmailAddress]) -> Self {
        let fingerprint = certificate.fingerprint();
        Self {
            der: certificate.der().into(),
            fingerprint,
            prefixes: prefixes(certificate, &fingerprint, emails),
        }
    }

    /// Returns the certificate, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the SHA-256 of the certificate.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// Returns every prefix under which the certificate is to be found, each once.
    pub(crate) fn prefixes(&self) -> &[Prefix] {
        &self.prefixes
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entry")
            .field(&Hex(&self.fingerprint).to_string())
            .finish()
    }
}

fn prefixes(
    certificate: &CertificateRef<'_>,
    fingerprint: &[u8; 32],
    emails: &[EmailAddress],
) -> Vec<Prefix> {
    let issuer = certificate.issuer().der();
    let id = sha256(&[certificate.spki()]);
    let serial = certificate.serial();
    let mut prefixes = Vec::with_capacity(6 + emails.len());
    prefixes.extend([
        Prefix::expiry(certificate.not_after()),
        Query::Fingerprint(fingerprint).prefix(),
        Query::IssuerAndSerial { issuer, serial }.prefix(),
        Query::PublicKey(&id).prefix(),
    ]);
    let subject = certificate.subject().der();
    // A root of version 1 cannot say that it is an authority.
    if certificate.is_ca() || subject == issuer {
        prefixes.push(Query::Authority(subject).prefix());
    }
    let key_id = certificate.subject_key_id();
    prefixes.extend(key_id.map(|id| Query::SubjectKeyId(id).prefix()));
    prefixes.extend(emails.iter().map(|email| Query::Address(email).prefix()));
    prefixes.sort_unstable();
    prefixes.dedup();
    prefixes
}

fn prefix(kind: u8, parts: &[&[u8]]) -> Prefix {
    Prefix::new(kind, &sha256(parts))
}

/// Says whether `emails` hold an address.
pub(crate) fn names_address(emails: &[EmailAddress], address: &EmailAddress) -> bool {
    emails.iter().any(|email| email.matches(address))
}

pub(crate) fn same_name(left: &[u8], right: &[u8]) -> bool {
    left == right || folded_name(left) == folded_name(right)
}

/// Returns the form of a DER Name that is equal for all names that RFC 5280 §7.1 calls equal.
///
/// It is part of the file's layout: if it changes, so does the schema version. What is not a Name
/// stands for itself, so that a look-up by nonsense finds nothing.
pub(crate) fn folded_name(der: &[u8]) -> Vec<u8> {
    NameRef::from_der(der).map_or_else(|_| der.to_vec(), NameRef::canonical)
}
