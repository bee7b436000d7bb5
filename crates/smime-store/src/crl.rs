//! Which revocation lists stand beside each other, and which takes another's place; the same for
//! every implementation of the store.

use serde::{Deserialize, Serialize};
use smime_crypto::{
    Oid, UnixTime,
    asn1::{Reader, Tag},
    sha256,
};
use smime_x509::{Crl, ParseError};

use crate::{Error, error::Hex, index::folded_name};

/// Under what a revocation list is kept: the SHA-256 of its issuer's folded name, of its scope and
/// signer, and of its kind; so that those of one issuer stand together, and in them those of one
/// scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CrlKey(pub(crate) [u8; 96]);

/// What is known of a kept revocation list without reading it. Names are part of the file's layout.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CrlRecord {
    added: i64,
    this_update: i64,
    /// The magnitude of cRLNumber without leading zeros, hexadecimal.
    number: Option<String>,
    /// The same of deltaCRLIndicator, which makes it a delta.
    base: Option<String>,
    /// The SHA-256 of the list, hexadecimal.
    digest: String,
}

/// What is to be done with a revocation list.
pub(crate) enum Placement {
    /// Nothing: it is there, or one that makes it superfluous.
    Superfluous {
        /// When that one was added.
        since: UnixTime,
    },
    /// It is to be kept, and these are not any more.
    Kept {
        /// The keys of those that it makes superfluous or has no room beside.
        without: Vec<CrlKey>,
    },
}

impl CrlKey {
    /// Returns the least and the greatest key of the lists of an issuer, a DER Name.
    pub(crate) fn of_issuer(issuer: &[u8]) -> (Self, Self) {
        around(&[sha256(&[&folded_name(issuer)])])
    }

    /// Returns the least and the greatest key of the lists of this one's issuer and scope.
    pub(crate) fn of_scope(&self) -> (Self, Self) {
        let (parts, _) = self.0.as_chunks();
        around(parts.get(..2).unwrap_or_default())
    }
}

impl CrlRecord {
    /// Reads a DER CertificateList, and returns what is kept of it beside its bytes.
    pub(crate) fn of(der: &[u8], added: UnixTime) -> Result<(CrlKey, Self), Error> {
        if der.len() > MAX_CRL {
            return Err(Error::CrlTooLarge);
        }
        let crl = Crl::from_der(der).map_err(Error::UnreadableCrl)?;
        let hex = |magnitude| Hex(magnitude).to_string();
        let record = Self {
            added: added.0,
            this_update: crl.this_update().0,
            number: crl.number().map(hex),
            base: crl.delta_base().map(hex),
            digest: hex(&sha256(&[der])),
        };
        let kind = record.base.as_deref().unwrap_or(COMPLETE);
        let scope = scope_and_signer(&crl).map_err(Error::UnreadableCrl)?;
        let issuer = sha256(&[&folded_name(crl.issuer().der())]);
        let (key, _) = around(&[issuer, scope, sha256(&[kind.as_bytes()])]);
        Ok((key, record))
    }

    /// Says what is to be done with this list where `there` are the lists of its issuer and scope.
    pub(crate) fn placement(&self, there: &[(CrlKey, Self)]) -> Placement {
        let superfluous = there.iter().find(|(_, other)| {
            other.digest == self.digest || other.replaces(self) && !self.replaces(other)
        });
        if let Some((_, other)) = superfluous {
            return Placement::Superfluous {
                since: UnixTime(other.added),
            };
        }
        let (replaced, mut beside): (Vec<_>, Vec<_>) =
            there.iter().partition(|(_, other)| self.replaces(other));
        let surplus = beside.len().saturating_sub(MAX_BESIDE);
        beside.retain(|(_, other)| other.base.is_some());
        beside.sort_by_key(|(_, other)| other.rank());
        let gone = replaced.into_iter().chain(beside.into_iter().take(surplus));
        Placement::Kept {
            without: gone.map(|(key, _)| *key).collect(),
        }
    }

    /// Says whether this list, of the same issuer and scope and not an older one, tells all that
    /// the other tells.
    ///
    /// A delta tells of what changed since its base (RFC 5280 §5.2.4): one of a later base does not
    /// tell what a complete list before that base lacks.
    fn replaces(&self, other: &Self) -> bool {
        let is_of_its_kind = match (&self.base, &other.base) {
            (None, None) => true,
            (Some(base), Some(others)) => comparable(base) <= comparable(others),
            _ => false,
        };
        is_of_its_kind && self.rank() >= other.rank()
    }

    /// Returns what is greater for a newer list.
    fn rank(&self) -> (i64, Option<(usize, &str)>) {
        (self.this_update, self.number.as_deref().map(comparable))
    }
}

/// Brings lists into the order that [`Store::crls`](crate::Store::crls) promises.
pub(crate) fn newest_first(mut lists: Vec<(CrlRecord, Vec<u8>)>) -> Vec<Vec<u8>> {
    lists.sort_by(|(left, _), (right, _)| right.rank().cmp(&left.rank()));
    lists.into_iter().map(|(_, der)| der).collect()
}

/// Returns the least and the greatest key that begins with `parts`.
fn around(parts: &[[u8; 32]]) -> (CrlKey, CrlKey) {
    let filled = |with: u8| {
        let mut key = [with; 96];
        for (to, from) in key.iter_mut().zip(parts.as_flattened()) {
            *to = *from;
        }
        CrlKey(key)
    };
    (filled(0), filled(u8::MAX))
}

/// Returns the SHA-256 of what lists must have in common beside their issuer for one to take the
/// place of the other: the bytes of issuingDistributionPoint and authorityKeyIdentifier, or that
/// there are none (RFC 5280 §5.2.4 (b), (c)).
fn scope_and_signer(crl: &Crl) -> Result<[u8; 32], ParseError> {
    let (mut scope, mut signer) = (sha256(&[]), sha256(&[]));
    let mut fields = Reader::new(crl.tbs()).sequence("TBSCertList")?;
    while !fields.is_empty() {
        let field = fields.any("TBSCertList")?;
        if field.tag != Tag::context_constructed(0) {
            continue;
        }
        let mut extensions = field.reader().sequence("crlExtensions")?;
        while !extensions.is_empty() {
            let mut extension = extensions.sequence("Extension")?;
            let oid = extension.oid()?;
            extension.optional(Tag::BOOLEAN, "critical")?;
            let value = extension.octet_string("extnValue")?;
            if oid == ISSUING_DISTRIBUTION_POINT {
                scope = sha256(&[value]);
            } else if oid == AUTHORITY_KEY_ID {
                signer = sha256(&[value]);
            }
        }
    }
    Ok(sha256(&[&scope, &signer]))
}

/// The longer magnitude without leading zeros is the greater.
fn comparable(magnitude: &str) -> (usize, &str) {
    (magnitude.len(), magnitude)
}

/// Room for more than a million entries, which take some 40 bytes each.
const MAX_CRL: usize = 64 << 20;

/// How many lists of one issuer and scope may stand beside another: the complete one and deltas of
/// other bases, which are of use until the next complete list.
const MAX_BESIDE: usize = 7;

/// In place of a delta's base.
const COMPLETE: &str = "complete";

/// RFC 5280 §5.2.5.
const ISSUING_DISTRIBUTION_POINT: Oid = Oid::new("2.5.29.28");

/// RFC 5280 §5.2.1.
const AUTHORITY_KEY_ID: Oid = Oid::new("2.5.29.35");
