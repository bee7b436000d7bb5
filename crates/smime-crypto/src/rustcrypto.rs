pub(crate) mod ec;
pub(crate) mod ed25519;
pub(crate) mod rsa;
pub(crate) mod x25519;

use crate::{
    CryptoProvider, DigestAlgorithm, Error, Hasher, KeyKind, Oid, PrivateKey, PublicKey, Random,
    Secret, SignatureScheme, Signed, digest, oid,
    private_key_info::{PrivateKeyInfo, wrap_octets},
};

/// The portable provider: everything, on every processor.
///
/// ECDSA nonces are RFC 6979, those of Ed25519 are RFC 8032: a signature needs no randomness, and the same key and message give
/// the same signature.
#[derive(Clone, Copy, Debug, Default)]
pub struct RustCrypto;

impl CryptoProvider for RustCrypto {
    fn hasher(&self, algorithm: DigestAlgorithm) -> Box<dyn Hasher> {
        digest::hasher(algorithm)
    }

    fn verify(
        &self,
        key: &PublicKey,
        scheme: SignatureScheme,
        signed: Signed<'_>,
        signature: &[u8],
    ) -> Result<(), Error> {
        if !key.admits(scheme) {
            return Err(OTHER_KIND);
        }
        match (key.kind(), scheme) {
            (KeyKind::Rsa { .. } | KeyKind::RsaPss { .. }, _) => {
                rsa::verify(key, scheme, signed, signature)
            }
            (KeyKind::Ec(curve), SignatureScheme::Ecdsa(digest)) => {
                ec::verify(key, curve, digest, signed, signature)
            }
            (KeyKind::Ed25519, _) => ed25519::verify(key, signed, signature),
            _ => Err(OTHER_KIND),
        }
    }

    fn ephemeral_key(&self, kind: KeyKind, random: &dyn Random) -> Result<PrivateKey, Error> {
        match kind {
            KeyKind::Ec(curve) => {
                let scalar = ec::generate_scalar(curve, random)?;
                Ok(PrivateKey::new(ec::EcKey::new(curve, scalar)?))
            }
            KeyKind::X25519 => Ok(PrivateKey::new(x25519::X25519Key::ephemeral(random)?)),
            _ => Err(NOT_FOR_AGREEMENT),
        }
    }

    fn generate_key(&self, kind: KeyKind, random: &dyn Random) -> Result<Secret, Error> {
        match kind {
            KeyKind::Rsa { bits } => rsa::generate(bits, random),
            KeyKind::Ec(curve) => ec::generate(curve, random),
            KeyKind::Ed25519 => generate_octets(oid::ED25519, random),
            KeyKind::X25519 => generate_octets(oid::X25519, random),
            KeyKind::RsaPss { .. } | KeyKind::Unknown => {
                Err(Error::Unsupported("making a key of this kind"))
            }
        }
    }

    fn load_private_key(&self, pkcs8: &Secret) -> Result<PrivateKey, Error> {
        match PrivateKeyInfo::from_der(pkcs8.expose())? {
            PrivateKeyInfo::Rsa(key) => Ok(PrivateKey::new(rsa::RsaKey::from_der(key)?)),
            PrivateKeyInfo::Ec(key) => Ok(PrivateKey::new(ec::EcKey::from_info(&key)?)),
            PrivateKeyInfo::Ed25519(key) => {
                Ok(PrivateKey::new(ed25519::Ed25519Key::from_info(&key)?))
            }
            PrivateKeyInfo::X25519(key) => Ok(PrivateKey::new(x25519::X25519Key::from_info(&key)?)),
        }
    }
}

/// Makes a key of 32 octets, any of which will do (RFC 8032 §5.1.5, RFC 7748 §5).
fn generate_octets(algorithm: Oid, random: &dyn Random) -> Result<Secret, Error> {
    let octets = Secret::filled(32, random)?;
    Ok(wrap_octets(algorithm, octets.expose()))
}

/// A scheme asked of a key of another kind.
pub(crate) const OTHER_KIND: Error = Error::WrongKey("not of the kind this scheme needs");

/// A key that signs or is transported to, asked to agree.
pub(crate) const NOT_FOR_AGREEMENT: Error = Error::WrongKey("not a key for agreement");

/// A key that is not RSA, asked for what was transported to it.
pub(crate) const NOT_FOR_TRANSPORT: Error = Error::WrongKey("not an RSA key");

/// A private and a public half that were kept together by mistake.
pub(crate) const HALVES: Error = Error::WrongKey("private and public half do not belong together");

/// A digest to be signed that has not the length of its algorithm.
pub(crate) const OTHER_DIGEST: Error = Error::Unsupported("digest of another length");
