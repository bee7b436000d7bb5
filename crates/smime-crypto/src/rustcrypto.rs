pub(crate) mod ec;
pub(crate) mod rsa;

use crate::{
    CryptoProvider, Curve, DigestAlgorithm, Error, Hasher, KeyKind, PrivateKey, PublicKey, Random,
    Secret, SignatureScheme, Signed, digest, private_key_info::PrivateKeyInfo,
};

/// The portable provider: everything, on every processor.
///
/// ECDSA nonces are RFC 6979: a signature needs no randomness, and the same key and message give
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
        match (key.kind(), scheme) {
            (
                KeyKind::Rsa { .. },
                SignatureScheme::RsaPkcs1(_) | SignatureScheme::RsaPss { .. },
            ) => rsa::verify(key, scheme, signed, signature),
            (KeyKind::Ec(curve), SignatureScheme::Ecdsa(digest)) => {
                ec::verify(key, curve, digest, signed, signature)
            }
            _ => Err(OTHER_KIND),
        }
    }

    fn ephemeral_key(&self, curve: Curve, random: &dyn Random) -> Result<PrivateKey, Error> {
        let scalar = ec::generate_scalar(curve, random)?;
        Ok(PrivateKey::new(ec::EcKey::new(curve, scalar)?))
    }

    fn generate_key(&self, kind: KeyKind, random: &dyn Random) -> Result<Secret, Error> {
        match kind {
            KeyKind::Rsa { bits } => rsa::generate(bits, random),
            KeyKind::Ec(curve) => ec::generate(curve, random),
            KeyKind::Unknown => Err(Error::Unsupported("making a key of this kind")),
        }
    }

    fn load_private_key(&self, pkcs8: &Secret) -> Result<PrivateKey, Error> {
        match PrivateKeyInfo::from_der(pkcs8.expose())? {
            PrivateKeyInfo::Rsa(key) => Ok(PrivateKey::new(rsa::RsaKey::from_der(key)?)),
            PrivateKeyInfo::Ec(key) => Ok(PrivateKey::new(ec::EcKey::from_info(&key)?)),
        }
    }
}

/// A scheme asked of a key of another kind.
pub(crate) const OTHER_KIND: Error = Error::WrongKey("not of the kind this scheme needs");

/// A digest to be signed that has not the length of its algorithm.
pub(crate) const OTHER_DIGEST: Error = Error::Unsupported("digest of another length");
