use std::fmt;

use graviola::{
    hashing::{self, Hash, HashContext},
    key_agreement,
    signing::{ecdsa, rsa},
};

use crate::{
    CryptoProvider, Curve, DigestAlgorithm, Error, Hasher, KeyKind, KeyOps, KeyTransport,
    PrivateKey, PublicKey, Random, RustCrypto, Secret, SignatureScheme, Signed,
    private_key_info::{PrivateKeyInfo, ec_public_key},
    rustcrypto::{
        ec::{self, EcKey, POINT},
        rsa::RsaKey,
    },
};

/// The provider with graviola's arithmetic where that is faster, and [`RustCrypto`] elsewhere; it
/// contains no algorithm of its own.
///
/// Graviola serves SHA-256, verification with RSA and ECDSA, ECDH, and RSA PKCS#1 v1.5 signatures,
/// which are deterministic. It has no P-521, and its Ed25519 takes keys of small order, so both
/// curves of RFC 8410 and P-521 are the portable provider's. It is not asked for PSS and ECDSA signatures nor for keys: it would
/// draw their randomness itself, and none may come from below the caller's [`Random`]. Both
/// providers accept and refuse the same inputs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Graviola;

impl Graviola {
    /// Says whether the processor has what graviola needs; without it, its functions panic.
    pub fn is_supported() -> bool {
        features_present() && graviola::util::is_cpu_supported()
    }
}

impl CryptoProvider for Graviola {
    fn hasher(&self, algorithm: DigestAlgorithm) -> Box<dyn Hasher> {
        match algorithm {
            DigestAlgorithm::Sha256 => Box::new(Fast(hashing::Sha256::new())),
            // Not faster, or not there.
            DigestAlgorithm::Sha1 | DigestAlgorithm::Sha384 | DigestAlgorithm::Sha512 => {
                RustCrypto.hasher(algorithm)
            }
        }
    }

    fn verify(
        &self,
        key: &PublicKey,
        scheme: SignatureScheme,
        signed: Signed<'_>,
        signature: &[u8],
    ) -> Result<(), Error> {
        // Graviola hashes what it verifies, so digests made elsewhere are not for it; nor is SHA-1.
        let message = match signed {
            Signed::Message(message) if scheme.digest() != DigestAlgorithm::Sha1 => message,
            _ => return RustCrypto.verify(key, scheme, signed, signature),
        };
        match (key.kind(), scheme) {
            (KeyKind::Ec(Curve::P256), SignatureScheme::Ecdsa(algorithm)) => {
                let fixed = ec::fixed_signature(Curve::P256, signature)?;
                verify_ecdsa::<ecdsa::P256>(key.key_bytes(), algorithm, message, &fixed)
            }
            (KeyKind::Ec(Curve::P384), SignatureScheme::Ecdsa(algorithm)) => {
                let fixed = ec::fixed_signature(Curve::P384, signature)?;
                verify_ecdsa::<ecdsa::P384>(key.key_bytes(), algorithm, message, &fixed)
            }
            // What graviola does not take (sizes, exponents, the other form of DigestInfo, other
            // salts) the portable provider decides.
            (KeyKind::Rsa { bits }, _) if verify_rsa(key, bits, scheme, message, signature) => {
                Ok(())
            }
            _ => RustCrypto.verify(key, scheme, signed, signature),
        }
    }

    fn ephemeral_key(&self, kind: KeyKind, random: &dyn Random) -> Result<PrivateKey, Error> {
        let KeyKind::Ec(curve @ (Curve::P256 | Curve::P384)) = kind else {
            return RustCrypto.ephemeral_key(kind, random);
        };
        let scalar = ec::generate_scalar(curve, random)?;
        let public = ec_public_key(curve, &public_point(curve, &scalar)?)?;
        Ok(PrivateKey::new(FastEc(EcKey::from_parts(
            public, curve, scalar,
        ))))
    }

    fn generate_key(&self, kind: KeyKind, random: &dyn Random) -> Result<Secret, Error> {
        RustCrypto.generate_key(kind, random)
    }

    fn load_private_key(&self, pkcs8: &Secret) -> Result<PrivateKey, Error> {
        match PrivateKeyInfo::from_der(pkcs8.expose())? {
            PrivateKeyInfo::Rsa(key) => Ok(PrivateKey::new(FastRsa::new(RsaKey::from_der(key)?)?)),
            PrivateKeyInfo::Ec(key) => Ok(PrivateKey::new(FastEc(EcKey::from_info(&key)?))),
            PrivateKeyInfo::Ed25519(_) | PrivateKeyInfo::X25519(_) => {
                RustCrypto.load_private_key(pkcs8)
            }
        }
    }
}

struct Fast<C>(C);

impl<C: HashContext + Send> Hasher for Fast<C> {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.0.finish().as_ref().to_vec()
    }
}

/// An RSA key that signs fast where it can.
struct FastRsa {
    portable: RsaKey,
    /// Absent when the key has a size that graviola does not take.
    signer: Option<Box<rsa::SigningKey>>,
}

impl FastRsa {
    fn new(portable: RsaKey) -> Result<Self, Error> {
        let signer = rsa::SigningKey::from_pkcs1_der(portable.to_der()?.expose()).ok();
        Ok(Self {
            portable,
            signer: signer.map(Box::new),
        })
    }

    /// Signs, unless this key, scheme or input needs the portable provider.
    ///
    /// Graviola does not blind; its exponentiation reads no memory by secret addresses, and it
    /// checks the result against the public key before it leaves.
    fn sign_pkcs1(&self, algorithm: DigestAlgorithm, message: &[u8]) -> Option<Vec<u8>> {
        let signer = self.signer.as_ref()?;
        let mut space = vec![0; signer.modulus_len_bytes()];
        let signature = match algorithm {
            DigestAlgorithm::Sha1 => return None,
            DigestAlgorithm::Sha256 => signer.sign_pkcs1_sha256(&mut space, message),
            DigestAlgorithm::Sha384 => signer.sign_pkcs1_sha384(&mut space, message),
            DigestAlgorithm::Sha512 => signer.sign_pkcs1_sha512(&mut space, message),
        };
        signature.ok().map(<[u8]>::to_vec)
    }
}

impl KeyOps for FastRsa {
    fn public_key(&self) -> &PublicKey {
        self.portable.public_key()
    }

    fn sign(
        &self,
        scheme: SignatureScheme,
        signed: Signed<'_>,
        random: &dyn Random,
    ) -> Result<Vec<u8>, Error> {
        if let (SignatureScheme::RsaPkcs1(algorithm), Signed::Message(message)) = (scheme, signed)
            && let Some(signature) = self.sign_pkcs1(algorithm, message)
        {
            return Ok(signature);
        }
        self.portable.sign(scheme, signed, random)
    }

    fn unwrap_key(
        &self,
        transport: KeyTransport,
        wrapped: &[u8],
        length: usize,
        random: &dyn Random,
    ) -> Result<Secret, Error> {
        self.portable.unwrap_key(transport, wrapped, length, random)
    }

    fn agree(&self, peer: &PublicKey) -> Result<Secret, Error> {
        self.portable.agree(peer)
    }
}

impl fmt::Debug for FastRsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.portable.fmt(f)
    }
}

/// An EC key that agrees fast.
#[derive(Debug)]
struct FastEc(EcKey);

impl KeyOps for FastEc {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn sign(
        &self,
        scheme: SignatureScheme,
        signed: Signed<'_>,
        random: &dyn Random,
    ) -> Result<Vec<u8>, Error> {
        self.0.sign(scheme, signed, random)
    }

    fn unwrap_key(
        &self,
        transport: KeyTransport,
        wrapped: &[u8],
        length: usize,
        random: &dyn Random,
    ) -> Result<Secret, Error> {
        self.0.unwrap_key(transport, wrapped, length, random)
    }

    fn agree(&self, peer_key: &PublicKey) -> Result<Secret, Error> {
        let KeyKind::Ec(curve) = self.public_key().kind() else {
            return self.0.agree(peer_key);
        };
        ec::check_curve(peer_key, curve)?;
        let (scalar, peer) = (self.0.scalar().expose(), peer_key.key_bytes());
        match curve {
            Curve::P256 => {
                let own = key_agreement::p256::StaticPrivateKey::from_bytes(scalar);
                let peer = key_agreement::p256::PublicKey::from_x962_uncompressed(peer);
                let shared = own
                    .map_err(|_| FAULT)?
                    .diffie_hellman(&peer.map_err(|_| POINT)?);
                Ok(Secret::from(shared.map_err(|_| FAULT)?.0.as_slice()))
            }
            Curve::P384 => {
                let own = key_agreement::p384::StaticPrivateKey::from_bytes(scalar);
                let peer = key_agreement::p384::PublicKey::from_x962_uncompressed(peer);
                let shared = own
                    .map_err(|_| FAULT)?
                    .diffie_hellman(&peer.map_err(|_| POINT)?);
                Ok(Secret::from(shared.map_err(|_| FAULT)?.0.as_slice()))
            }
            Curve::P521 => self.0.agree(peer_key),
        }
    }
}

fn public_point(curve: Curve, scalar: &Secret) -> Result<Vec<u8>, Error> {
    match curve {
        Curve::P256 => key_agreement::p256::StaticPrivateKey::from_bytes(scalar.expose())
            .map(|key| key.public_key_uncompressed().to_vec()),
        Curve::P384 => key_agreement::p384::StaticPrivateKey::from_bytes(scalar.expose())
            .map(|key| key.public_key_uncompressed().to_vec()),
        Curve::P521 => return ec::public_point(curve, scalar),
    }
    .map_err(|_| FAULT)
}

fn verify_ecdsa<C: ecdsa::Curve>(
    point: &[u8],
    algorithm: DigestAlgorithm,
    message: &[u8],
    fixed: &[u8],
) -> Result<(), Error> {
    let key = ecdsa::VerifyingKey::<C>::from_x962_uncompressed(point).map_err(|_| POINT)?;
    match algorithm {
        DigestAlgorithm::Sha1 => return Err(Error::BadSignature),
        DigestAlgorithm::Sha256 => key.verify::<hashing::Sha256>(&[message], fixed),
        DigestAlgorithm::Sha384 => key.verify::<hashing::Sha384>(&[message], fixed),
        DigestAlgorithm::Sha512 => key.verify::<hashing::Sha512>(&[message], fixed),
    }
    .map_err(|_| Error::BadSignature)
}

/// Says whether graviola takes the input and finds the signature good.
fn verify_rsa(
    key: &PublicKey,
    bits: u32,
    scheme: SignatureScheme,
    message: &[u8],
    signature: &[u8],
) -> bool {
    if !(2048..=8192).contains(&bits) {
        return false;
    }
    let Ok(key) = rsa::VerifyingKey::from_pkcs1_der(key.key_bytes()) else {
        return false;
    };
    let verified = match scheme {
        SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256) => {
            key.verify_pkcs1_sha256(signature, message)
        }
        SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha384) => {
            key.verify_pkcs1_sha384(signature, message)
        }
        SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha512) => {
            key.verify_pkcs1_sha512(signature, message)
        }
        // Graviola fixes the salt to the digest's length and takes the encoded message for whole
        // bytes less one bit.
        SignatureScheme::RsaPss { digest, salt }
            if usize::from(salt) == digest.length() && bits.is_multiple_of(8) =>
        {
            match digest {
                DigestAlgorithm::Sha1 => return false,
                DigestAlgorithm::Sha256 => key.verify_pss_sha256(signature, message),
                DigestAlgorithm::Sha384 => key.verify_pss_sha384(signature, message),
                DigestAlgorithm::Sha512 => key.verify_pss_sha512(signature, message),
            }
        }
        _ => return false,
    };
    verified.is_ok()
}

#[cfg(target_arch = "x86_64")]
fn features_present() -> bool {
    use std::arch::is_x86_feature_detected as has;
    has!("aes") && has!("pclmulqdq") && has!("bmi1") && has!("adx") && has!("avx") && has!("avx2")
}

#[cfg(target_arch = "aarch64")]
fn features_present() -> bool {
    use std::arch::is_aarch64_feature_detected as has;
    has!("neon") && has!("aes") && has!("pmull") && has!("sha2")
}

/// Graviola found its own result wrong, or refuses a scalar that was checked.
const FAULT: Error = Error::WrongKey("fault in the arithmetic");
