use std::sync::OnceLock;

use smime_crypto::{
    CryptoProvider as _, Curve, DigestAlgorithm, KeyKind, PrivateKey, PublicKey, RustCrypto,
    Secret, SignatureScheme, read_private_key,
};

/// The fixed keys of `testdata/keys`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TestKey {
    /// RSA, 2048 bits.
    Rsa2048A,
    /// Another of the same kind.
    Rsa2048B,
    /// RSA, 3072 bits.
    Rsa3072,
    /// RSA, 4096 bits.
    Rsa4096,
    /// On P-256.
    P256A,
    /// Another of the same kind.
    P256B,
    /// On P-384.
    P384A,
    /// Another of the same kind.
    P384B,
    /// On P-521.
    P521A,
    /// Another of the same kind.
    P521B,
    /// Ed25519.
    Ed25519A,
    /// Another of the same kind.
    Ed25519B,
    /// X25519.
    X25519A,
    /// Another of the same kind.
    X25519B,
}

impl TestKey {
    /// Every key of the kinds that all mail programs have; each signs and is encrypted to.
    pub const ALL: [Self; 8] = [
        Self::Rsa2048A,
        Self::Rsa2048B,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::P256A,
        Self::P256B,
        Self::P384A,
        Self::P384B,
    ];

    /// The keys of the kinds that some mail programs have.
    pub const NEWER: [Self; 6] = [
        Self::P521A,
        Self::P521B,
        Self::Ed25519A,
        Self::Ed25519B,
        Self::X25519A,
        Self::X25519B,
    ];

    /// Returns the PEM file.
    pub fn pem(self) -> &'static [u8] {
        match self {
            Self::Rsa2048A => include_bytes!("../../../testdata/keys/rsa2048-a.pem"),
            Self::Rsa2048B => include_bytes!("../../../testdata/keys/rsa2048-b.pem"),
            Self::Rsa3072 => include_bytes!("../../../testdata/keys/rsa3072.pem"),
            Self::Rsa4096 => include_bytes!("../../../testdata/keys/rsa4096.pem"),
            Self::P256A => include_bytes!("../../../testdata/keys/p256-a.pem"),
            Self::P256B => include_bytes!("../../../testdata/keys/p256-b.pem"),
            Self::P384A => include_bytes!("../../../testdata/keys/p384-a.pem"),
            Self::P384B => include_bytes!("../../../testdata/keys/p384-b.pem"),
            Self::P521A => include_bytes!("../../../testdata/keys/p521-a.pem"),
            Self::P521B => include_bytes!("../../../testdata/keys/p521-b.pem"),
            Self::Ed25519A => include_bytes!("../../../testdata/keys/ed25519-a.pem"),
            Self::Ed25519B => include_bytes!("../../../testdata/keys/ed25519-b.pem"),
            Self::X25519A => include_bytes!("../../../testdata/keys/x25519-a.pem"),
            Self::X25519B => include_bytes!("../../../testdata/keys/x25519-b.pem"),
        }
    }

    /// Returns the unprotected PKCS#8.
    pub fn pkcs8(self) -> Secret {
        read_private_key(self.pem(), None).expect("the checked-in keys are readable")
    }

    /// Loads the key anew.
    pub fn load(self) -> PrivateKey {
        RustCrypto
            .load_private_key(&self.pkcs8())
            .expect("the checked-in keys are loadable")
    }

    /// Returns the key, loaded once in each process.
    pub fn private(self) -> &'static PrivateKey {
        static KEYS: [OnceLock<PrivateKey>; 14] = [const { OnceLock::new() }; 14];
        let mut all = Self::ALL.iter().chain(&Self::NEWER);
        let place = all.position(|key| *key == self);
        let slot = place
            .and_then(|place| KEYS.get(place))
            .expect("there is a place for each key");
        slot.get_or_init(|| self.load())
    }

    /// Returns the public half.
    pub fn public(self) -> PublicKey {
        self.private().public_key().clone()
    }

    /// Returns the scheme the key signs with unless told otherwise.
    ///
    /// # Panics
    /// When the key is one that does not sign.
    pub fn scheme(self) -> SignatureScheme {
        match self.private().public_key().kind() {
            KeyKind::Ed25519 => SignatureScheme::Ed25519,
            KeyKind::Ec(Curve::P521) => SignatureScheme::Ecdsa(DigestAlgorithm::Sha512),
            KeyKind::Ec(Curve::P384) => SignatureScheme::Ecdsa(DigestAlgorithm::Sha384),
            KeyKind::Ec(Curve::P256) => SignatureScheme::Ecdsa(DigestAlgorithm::Sha256),
            KeyKind::Rsa { .. } => SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256),
            other => panic!("{other:?} does not sign"),
        }
    }
}
