use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use crate::{
    Error, KeyOps, KeyTransport, PublicKey, Random, Secret, SignatureScheme, Signed, oid,
    private_key_info::{OctetKey, octet_public_key},
    rustcrypto::{HALVES, NOT_FOR_AGREEMENT, NOT_FOR_TRANSPORT, OTHER_KIND},
};

/// An Ed25519 private key (RFC 8032 §5.1.5).
pub(crate) struct Ed25519Key {
    public: PublicKey,
    /// Wiped when dropped.
    key: SigningKey,
}

impl Ed25519Key {
    /// Makes a key of its parsed encoding; a public key in it must be that of the private one.
    pub(crate) fn from_info(info: &OctetKey<'_>) -> Result<Self, Error> {
        let key = SigningKey::from_bytes(info.private);
        let public = key.verifying_key().to_bytes();
        if info.public.is_some_and(|beside| beside != public) {
            return Err(HALVES);
        }
        Ok(Self {
            public: octet_public_key(oid::ED25519, &public)?,
            key,
        })
    }
}

impl KeyOps for Ed25519Key {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(
        &self,
        scheme: SignatureScheme,
        signed: Signed<'_>,
        _random: &dyn Random,
    ) -> Result<Vec<u8>, Error> {
        match (scheme, signed) {
            (SignatureScheme::Ed25519, Signed::Message(message)) => {
                Ok(self.key.sign(message).to_bytes().to_vec())
            }
            (SignatureScheme::Ed25519, Signed::Digest(_)) => Err(OVER_A_DIGEST),
            _ => Err(OTHER_KIND),
        }
    }

    fn unwrap_key(
        &self,
        _transport: KeyTransport,
        _wrapped: &[u8],
        _length: usize,
        _random: &dyn Random,
    ) -> Result<Secret, Error> {
        Err(NOT_FOR_TRANSPORT)
    }

    fn agree(&self, _peer: &PublicKey) -> Result<Secret, Error> {
        Err(NOT_FOR_AGREEMENT)
    }
}

impl fmt::Debug for Ed25519Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed25519Key")
    }
}

/// Checks an Ed25519 signature (RFC 8032 §5.1.7) so that one signature has one meaning.
///
/// S must be below the order, and A and R the canonical encodings of points that are not of small
/// order: under a key of small order, one signature matches many messages.
pub(crate) fn verify(key: &PublicKey, signed: Signed<'_>, signature: &[u8]) -> Result<(), Error> {
    let Signed::Message(message) = signed else {
        return Err(OVER_A_DIGEST);
    };
    let signature = Signature::from_slice(signature).map_err(|_| Error::BadSignature)?;
    let point = key.key_bytes().try_into().map_err(|_| POINT)?;
    let key = VerifyingKey::from_bytes(point).map_err(|_| POINT)?;
    // Decoding takes y and the order of the field plus y for one (RFC 8032 §5.1.3 does not).
    if key.to_edwards().compress().as_bytes() != point || key.is_weak() {
        return Err(POINT);
    }
    key.verify_strict(message, &signature)
        .map_err(|_| Error::BadSignature)
}

const OVER_A_DIGEST: Error = Error::Unsupported("Ed25519 over a digest");
const POINT: Error = Error::WrongKey("not a canonical point of large order");
