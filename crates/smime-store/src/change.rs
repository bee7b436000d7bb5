use smime_crypto::UnixTime;
use smime_x509::EmailAddress;

use crate::{Defaults, KeysOfDeleted, Scope, Settings, Trust};

/// A decision of the owner of a store, which is made together with what the activity log says of it;
/// see [`Store::change`](crate::Store::change).
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// Certificates are deleted.
    DeleteCertificates {
        /// Their SHA-256.
        fingerprints: &'a [[u8; 32]],
        /// What becomes of their keys.
        keys: KeysOfDeleted,
    },
    /// The private key of a public key is deleted, given by its
    /// [`public_key_id`](crate::public_key_id).
    DeleteKey(&'a [u8; 32]),
    /// What is thought of certificates.
    Trust {
        /// Their SHA-256.
        fingerprints: &'a [[u8; 32]],
        /// What is thought of them.
        trust: Trust,
    },
    /// Certificates of an address are pinned in the place of those before, or it is unpinned.
    Pins {
        /// The address.
        address: &'a EmailAddress,
        /// The SHA-256 of the certificates.
        fingerprints: Option<&'a [[u8; 32]]>,
    },
    /// The defaults of a scope are set, or deleted.
    Defaults {
        /// Whose.
        scope: &'a Scope,
        /// The defaults.
        defaults: Option<&'a Defaults>,
    },
    /// The settings are set.
    Settings(&'a Settings),
    /// The oldest entries of the activity log are deleted, up to the first of this time or later.
    Forget(UnixTime),
}

/// What a [`Change`] took along.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// The [`public_key_id`](crate::public_key_id) of every private key that was deleted with its
    /// certificates.
    pub keys: Vec<[u8; 32]>,
    /// How many entries of the activity log were deleted.
    pub forgotten: u64,
}
