//! Algorithms as closed enums, keys, algorithm policy and the provider seam.
//!
//! This crate does **not** know certificates, CMS or mail; it holds no global state, reads no
//! clock and takes randomness as an argument ([`Random`]). It is the only crate of the workspace
//! that names a primitive crate; [`RustCrypto`] implements everything portably, and with the
//! feature `graviola` [`fastest`] returns a provider with faster signatures where the processor
//! allows it.
//!
//! Reading order: [`algorithm`](crate::DigestAlgorithm) names what exists, [`AlgorithmPolicy`]
//! says what is permitted, [`CryptoProvider`] and [`KeyOps`] are the seam, [`cipher`] and [`kdf`]
//! have one implementation each and stand outside of it. [`asn1`] reads and writes the small DER
//! structures that this crate and the ones above share.

pub mod asn1;
pub mod cipher;
pub mod kdf;
pub mod key_wrap;

mod algorithm;
mod argon2id;
mod digest;
mod error;
#[cfg(all(
    feature = "graviola",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod graviola;
mod key;
mod key_file;
mod key_transport;
mod oid;
mod pbe;
mod pkcs12;
mod policy;
mod private_key_info;
mod provider;
mod random;
mod record;
mod rustcrypto;
mod secret;
mod time;

#[cfg(all(
    feature = "graviola",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
pub use crate::graviola::Graviola;
pub use algorithm::{
    ContentCipher, DigestAlgorithm, KeyAgreement, KeyTransport, KeyWrap, SignatureScheme,
};
pub use argon2id::Argon2id;
pub use error::Error;
pub use key::{Curve, KeyKind, PrivateKey, PublicKey};
pub use key_file::{ProtectedKey, read_private_key, read_private_key_within, read_private_keys};
pub use key_transport::transport_key;
pub use oid::Oid;
pub use pbe::Budget;
pub use pkcs12::{Pkcs12, Pkcs12Builder, Pkcs12Integrity, Pkcs12Item};
pub use policy::{Algorithm, AlgorithmPolicy, Refused, Use};
pub use provider::{CryptoProvider, Hasher, KeyOps, Signed, fastest, sha1_fingerprint, sha256};
pub use random::{OsRandom, Random};
pub use record::{open_record, seal_record};
pub use rustcrypto::RustCrypto;
pub use secret::{Secret, wipe};
pub use time::UnixTime;
