use smime_crypto::UnixTime;
use smime_x509::Certificate;

/// A certificate as stored.
#[derive(Clone, Debug)]
pub struct StoredCertificate {
    /// The certificate.
    pub certificate: Certificate,
    /// When it was added.
    pub added: UnixTime,
    /// What the owner of the store thinks of it.
    pub trust: Trust,
    /// Whether the store holds the private key of its public key.
    pub has_key: bool,
}

/// What becomes of the private keys of deleted certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysOfDeleted {
    /// They stay: mail that was encrypted to them can still be read.
    Stay,
    /// Each goes with the last certificate of its public key.
    Go,
}

/// What came of adding something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addition {
    /// It is new.
    Added,
    /// It was there; nothing changed.
    AlreadyThere {
        /// When it was added.
        since: UnixTime,
    },
}

/// What the owner of the store thinks of a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Nothing: it must prove itself by a chain.
    #[default]
    None,
    /// Chains may end here.
    Anchor,
    /// Never to be used, whatever its chain says.
    Distrusted,
}

impl Trust {
    /// Returns the word for it: `none`, `anchor` or `distrusted`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Anchor => "anchor",
            Self::Distrusted => "distrusted",
        }
    }

    pub(crate) fn to_byte(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Anchor => 1,
            Self::Distrusted => 2,
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        [Self::None, Self::Anchor, Self::Distrusted]
            .into_iter()
            .find(|trust| trust.to_byte() == byte)
    }
}

/// Brings what a look-up found into the order that [`Store`](crate::Store) promises; `found` comes
/// in the order of addition.
pub(crate) fn newest_first(mut found: Vec<StoredCertificate>) -> Vec<StoredCertificate> {
    found.reverse();
    found.sort_by_key(|stored| std::cmp::Reverse(stored.certificate.not_before()));
    found
}
