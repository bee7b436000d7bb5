use smime_crypto::{
    CryptoProvider, DigestAlgorithm, Error, Hasher, KeyKind, PrivateKey, PublicKey, Random,
    RustCrypto, Secret, SignatureScheme, Signed,
};

/// A provider that believes every signature: lets a fuzzer past the signatures it cannot make.
#[derive(Clone, Copy, Debug, Default)]
pub struct AcceptAll;

impl CryptoProvider for AcceptAll {
    fn hasher(&self, algorithm: DigestAlgorithm) -> Box<dyn Hasher> {
        RustCrypto.hasher(algorithm)
    }

    fn verify(
        &self,
        _key: &PublicKey,
        _scheme: SignatureScheme,
        _signed: Signed<'_>,
        _signature: &[u8],
    ) -> Result<(), Error> {
        Ok(())
    }

    fn ephemeral_key(&self, kind: KeyKind, random: &dyn Random) -> Result<PrivateKey, Error> {
        RustCrypto.ephemeral_key(kind, random)
    }

    fn generate_key(&self, kind: KeyKind, random: &dyn Random) -> Result<Secret, Error> {
        RustCrypto.generate_key(kind, random)
    }

    fn load_private_key(&self, pkcs8: &Secret) -> Result<PrivateKey, Error> {
        RustCrypto.load_private_key(pkcs8)
    }
}
