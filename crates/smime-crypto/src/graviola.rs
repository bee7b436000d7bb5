use crate::{
    CryptoProvider, Curve, DigestAlgorithm, Error, Hasher, KeyKind, PrivateKey, PublicKey, Random,
    Secret, SignatureScheme, Signed,
};

/// The fast provider.
#[derive(Clone, Copy, Debug, Default)]
pub struct Graviola;

impl CryptoProvider for Graviola {
    fn hasher(&self, _algorithm: DigestAlgorithm) -> Box<dyn Hasher> {
        struct Nothing;
        impl Hasher for Nothing {
            fn update(&mut self, _bytes: &[u8]) {}
            fn finish(self: Box<Self>) -> Vec<u8> {
                Vec::new()
            }
        }
        Box::new(Nothing)
    }

    fn verify(
        &self,
        _key: &PublicKey,
        _scheme: SignatureScheme,
        _signed: Signed<'_>,
        _signature: &[u8],
    ) -> Result<(), Error> {
        Err(Error::BadSignature)
    }

    fn ephemeral_key(&self, _curve: Curve, _random: &dyn Random) -> Result<PrivateKey, Error> {
        Err(Error::NoRandomness)
    }

    fn generate_key(&self, _kind: KeyKind, _random: &dyn Random) -> Result<Secret, Error> {
        Err(Error::NoRandomness)
    }

    fn load_private_key(&self, _pkcs8: &Secret) -> Result<PrivateKey, Error> {
        Err(Error::Unsupported("key"))
    }
}

impl Graviola {
    /// Says whether the processor has what this provider needs.
    pub fn is_supported() -> bool {
        false
    }
}
