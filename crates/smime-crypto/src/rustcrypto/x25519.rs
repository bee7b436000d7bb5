use std::fmt;

use x25519_dalek::{PublicKey as Peer, StaticSecret};

use crate::{
    Error, KeyKind, KeyOps, KeyTransport, PublicKey, Random, Secret, SignatureScheme, Signed, oid,
    private_key_info::{OctetKey, octet_public_key},
    rustcrypto::{HALVES, NOT_FOR_TRANSPORT, OTHER_KIND},
};

/// An X25519 private key (RFC 7748 §5).
pub(crate) struct X25519Key {
    public: PublicKey,
    /// Wiped when dropped.
    key: StaticSecret,
}

impl X25519Key {
    /// Makes a key for one message.
    pub(crate) fn ephemeral(random: &dyn Random) -> Result<Self, Error> {
        let octets = Secret::filled(32, random)?;
        let private = octets
            .expose()
            .try_into()
            .map_err(|_| Error::NoRandomness)?;
        Self::from_info(&OctetKey {
            private,
            public: None,
        })
    }

    /// Makes a key of its parsed encoding; a public key in it must be that of the private one.
    pub(crate) fn from_info(info: &OctetKey<'_>) -> Result<Self, Error> {
        let key = StaticSecret::from(*info.private);
        let public = Peer::from(&key).to_bytes();
        if info.public.is_some_and(|beside| beside != public) {
            return Err(HALVES);
        }
        Ok(Self {
            public: octet_public_key(oid::X25519, &public)?,
            key,
        })
    }
}

impl KeyOps for X25519Key {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(
        &self,
        _scheme: SignatureScheme,
        _signed: Signed<'_>,
        _random: &dyn Random,
    ) -> Result<Vec<u8>, Error> {
        Err(OTHER_KIND)
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

    fn agree(&self, peer: &PublicKey) -> Result<Secret, Error> {
        if peer.kind() != KeyKind::X25519 {
            return Err(Error::WrongKey("not on the same curve"));
        }
        let octets: [u8; 32] = peer.key_bytes().try_into().map_err(|_| POINT)?;
        let shared = self.key.diffie_hellman(&Peer::from(octets));
        // All zeros: the peer's point has a small order, and the secret is known to everybody
        // (RFC 7748 §6.1).
        if shared.was_contributory() {
            Ok(Secret::from(shared.as_bytes().as_slice()))
        } else {
            Err(POINT)
        }
    }
}

impl fmt::Debug for X25519Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("X25519Key")
    }
}

const POINT: Error = Error::WrongKey("point of small order");
