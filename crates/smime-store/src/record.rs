use smime_crypto::UnixTime;
use smime_x509::{Certificate, Purpose};

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

/// The certificates that are pinned for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The address, [folded](smime_x509::EmailAddress::folded).
    pub address: String,
    /// The SHA-256 of each; none if all of them were deleted.
    pub certificates: Vec<[u8; 32]>,
}

/// What the owner of the store thinks of a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Nothing: it must prove itself by a chain.
    #[default]
    None,
    /// Chains may end here, whatever for.
    Anchor,
    /// Chains may end here for one use of mail, and for no other.
    AnchorFor(MailUse),
    /// Never to be used, whatever its chain says.
    Distrusted,
}

/// What a certificate of mail is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailUse {
    /// Signatures: those of others are believed, and one's own are made.
    Sign,
    /// Encryption to somebody.
    Encrypt,
}

impl Trust {
    /// Returns the word for it: `none`, `anchor` or `distrusted`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Anchor | Self::AnchorFor(_) => "anchor",
            Self::Distrusted => "distrusted",
        }
    }

    /// Says whether chains may end here, for one use at least.
    pub fn is_anchor(self) -> bool {
        !self.anchor_uses().is_empty()
    }

    /// Returns the uses of mail for which chains may end here.
    pub fn anchor_uses(self) -> &'static [MailUse] {
        match self {
            Self::None | Self::Distrusted => &[],
            Self::Anchor => &[MailUse::Sign, MailUse::Encrypt],
            Self::AnchorFor(MailUse::Sign) => &[MailUse::Sign],
            Self::AnchorFor(MailUse::Encrypt) => &[MailUse::Encrypt],
        }
    }

    pub(crate) fn to_byte(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Anchor => 1,
            Self::Distrusted => 2,
            Self::AnchorFor(MailUse::Sign) => 3,
            Self::AnchorFor(MailUse::Encrypt) => 4,
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::None,
            Self::Anchor,
            Self::Distrusted,
            Self::AnchorFor(MailUse::Sign),
            Self::AnchorFor(MailUse::Encrypt),
        ]
        .into_iter()
        .find(|trust| trust.to_byte() == byte)
    }
}

impl MailUse {
    /// Returns the word for it: `sign` or `encrypt`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Encrypt => "encrypt",
        }
    }

    /// Returns the purpose that chains are judged for.
    pub fn purpose(self) -> Purpose {
        match self {
            Self::Sign => Purpose::SignMail,
            Self::Encrypt => Purpose::EncryptMail,
        }
    }
}

/// Brings what a look-up found into the order that [`Store`](crate::Store) promises; `found` comes
/// in the order of addition.
pub(crate) fn newest_first(mut found: Vec<StoredCertificate>) -> Vec<StoredCertificate> {
    found.reverse();
    found.sort_by_key(|stored| std::cmp::Reverse(stored.certificate.not_before()));
    found
}
