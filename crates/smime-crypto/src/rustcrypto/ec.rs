use std::fmt;

use crate::{
    Curve, DigestAlgorithm, Error, KeyOps, KeyTransport, PublicKey, Random, Secret,
    SignatureScheme, Signed,
    asn1::{Reader, Writer},
    digest::{digest_of, with_digest},
    private_key_info::{EcPrivateKey, ec_public_key, wrap_ec},
    rustcrypto::{HALVES, NOT_FOR_TRANSPORT, OTHER_DIGEST, OTHER_KIND},
};

/// Evaluates an expression with the crate of a curve chosen at run time in scope as `$ec`.
macro_rules! with_curve {
    ($curve:expr, $ec:ident => $body:expr) => {
        match $curve {
            Curve::P256 => {
                use p256 as $ec;
                $body
            }
            Curve::P384 => {
                use p384 as $ec;
                $body
            }
            Curve::P521 => {
                use p521 as $ec;
                $body
            }
        }
    };
}

/// An EC private key on one of our curves.
pub(crate) struct EcKey {
    public: PublicKey,
    curve: Curve,
    /// From 1 to the order of the curve minus 1, as long as the field.
    scalar: Secret,
}

impl EcKey {
    /// Makes a key of a scalar, which is checked.
    pub(crate) fn new(curve: Curve, scalar: Secret) -> Result<Self, Error> {
        let public = ec_public_key(curve, &public_point(curve, &scalar)?)?;
        Ok(Self {
            public,
            curve,
            scalar,
        })
    }

    /// Makes a key of its parsed encoding; the points in it must be those of the scalar.
    pub(crate) fn from_info(info: &EcPrivateKey<'_>) -> Result<Self, Error> {
        let key = Self::new(info.curve, Secret::from(info.scalar))?;
        let same = |point: &&[u8]| *point == key.public.key_bytes();
        if info.points.iter().flatten().all(same) {
            Ok(key)
        } else {
            Err(HALVES)
        }
    }

    #[cfg(all(
        feature = "graviola",
        any(target_arch = "x86_64", target_arch = "aarch64")
    ))]
    pub(crate) fn scalar(&self) -> &Secret {
        &self.scalar
    }

    /// Makes a key of halves that belong together.
    #[cfg(all(
        feature = "graviola",
        any(target_arch = "x86_64", target_arch = "aarch64")
    ))]
    pub(crate) fn from_parts(public: PublicKey, curve: Curve, scalar: Secret) -> Self {
        Self {
            public,
            curve,
            scalar,
        }
    }
}

impl KeyOps for EcKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(
        &self,
        scheme: SignatureScheme,
        signed: Signed<'_>,
        _random: &dyn Random,
    ) -> Result<Vec<u8>, Error> {
        let SignatureScheme::Ecdsa(algorithm) = scheme else {
            return Err(OTHER_KIND);
        };
        let digest = digest_of(algorithm, signed).ok_or(OTHER_DIGEST)?;
        let fixed = with_curve!(self.curve, ec => {
            let key = ec::SecretKey::from_slice(self.scalar.expose()).map_err(|_| SCALAR)?;
            let scalar = key.to_nonzero_scalar();
            let (signature, _) = with_digest!(algorithm, D => {
                ecdsa::hazmat::sign_prehashed_rfc6979::<_, D>(&scalar, &digest, &[])
            });
            signature.to_bytes().to_vec()
        });
        let (r, s) = fixed.split_at(self.curve.field_length());
        Ok(Writer::encode(|w| {
            w.sequence(|w| {
                w.unsigned(r);
                w.unsigned(s);
            });
        }))
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
        check_curve(peer, self.curve)?;
        with_curve!(self.curve, ec => {
            let key = ec::SecretKey::from_slice(self.scalar.expose()).map_err(|_| SCALAR)?;
            let peer = ec::PublicKey::from_sec1_bytes(peer.key_bytes()).map_err(|_| POINT)?;
            let shared = key.diffie_hellman(&peer);
            Ok(Secret::from(shared.raw_secret_bytes().as_slice()))
        })
    }
}

impl fmt::Debug for EcKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EcKey").field(&self.curve).finish()
    }
}

/// Checks an ECDSA signature (SEC 1 §4.1.4).
pub(crate) fn verify(
    key: &PublicKey,
    curve: Curve,
    algorithm: DigestAlgorithm,
    signed: Signed<'_>,
    signature: &[u8],
) -> Result<(), Error> {
    let fixed = fixed_signature(curve, signature)?;
    let digest = digest_of(algorithm, signed).ok_or(Error::BadSignature)?;
    with_curve!(curve, ec => {
        let key = ec::PublicKey::from_sec1_bytes(key.key_bytes()).map_err(|_| POINT)?;
        // Refuses r and s outside 1 to the order minus 1.
        let signature =
            ec::ecdsa::Signature::from_slice(&fixed).map_err(|_| Error::BadSignature)?;
        ecdsa::hazmat::verify_prehashed(&key.to_projective(), &digest, &signature)
            .map_err(|_| Error::BadSignature)
    })
}

/// Returns r and s of a DER ECDSA-Sig-Value (RFC 3279 §2.2.3), each as long as the field.
pub(crate) fn fixed_signature(curve: Curve, der: &[u8]) -> Result<Vec<u8>, Error> {
    let read = || {
        let mut outer = Reader::new(der);
        let mut fields = outer.sequence("ECDSA-Sig-Value")?;
        outer.finish("ECDSA-Sig-Value")?;
        let (r, s) = (fields.unsigned("r")?, fields.unsigned("s")?);
        fields.finish("ECDSA-Sig-Value")?;
        Ok::<_, Error>([r, s])
    };
    let length = curve.field_length();
    let mut fixed = Vec::with_capacity(2 * length);
    for number in read().map_err(|_| Error::BadSignature)? {
        let missing = length
            .checked_sub(number.len())
            .ok_or(Error::BadSignature)?;
        fixed.extend(std::iter::repeat_n(0, missing));
        fixed.extend_from_slice(number);
    }
    Ok(fixed)
}

/// Makes an EC key as PKCS#8.
pub(crate) fn generate(curve: Curve, random: &dyn Random) -> Result<Secret, Error> {
    let scalar = generate_scalar(curve, random)?;
    let point = public_point(curve, &scalar)?;
    Ok(wrap_ec(curve, scalar.expose(), &point))
}

/// Draws a scalar of as many bits as the order has, by rejection (FIPS 186-5 §A.2.2); a source
/// that never gives one in range is broken.
pub(crate) fn generate_scalar(curve: Curve, random: &dyn Random) -> Result<Secret, Error> {
    for _ in 0..64 {
        let scalar = Secret::filled(curve.field_length(), random)?.with_first_masked(match curve {
            Curve::P256 | Curve::P384 => 0xff,
            Curve::P521 => 0x01,
        });
        if with_curve!(curve, ec => ec::SecretKey::from_slice(scalar.expose()).is_ok()) {
            return Ok(scalar);
        }
    }
    Err(Error::NoRandomness)
}

pub(crate) fn check_curve(peer: &PublicKey, curve: Curve) -> Result<(), Error> {
    if peer.kind() == crate::KeyKind::Ec(curve) {
        Ok(())
    } else {
        Err(Error::WrongKey("not on the same curve"))
    }
}

pub(crate) fn public_point(curve: Curve, scalar: &Secret) -> Result<Vec<u8>, Error> {
    with_curve!(curve, ec => {
        use ec::elliptic_curve::sec1::ToSec1Point;
        let key = ec::SecretKey::from_slice(scalar.expose()).map_err(|_| SCALAR)?;
        Ok(key.public_key().to_sec1_point(false).as_bytes().to_vec())
    })
}

/// A point that is not on its curve (SEC 1 §3.2.2.1).
pub(crate) const POINT: Error = Error::WrongKey("point not on its curve");
const SCALAR: Error = Error::WrongKey("private scalar out of range");
