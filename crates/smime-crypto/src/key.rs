use std::{fmt, ops::Deref};

use crate::{
    Error, KeyOps, Oid, SignatureScheme,
    algorithm::pss_parameters,
    asn1::{Reader, Tag},
    oid,
};

/// A public key: its SubjectPublicKeyInfo as found, and what it is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    spki: Vec<u8>,
    kind: KeyKind,
    algorithm: Oid,
    /// What an RSASSA-PSS key restricts its signatures to, if it does.
    pss: Option<SignatureScheme>,
    /// The bytes inside the BIT STRING, as a range of `spki`.
    key: (usize, usize),
}

/// The kinds of key that can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// rsaEncryption with a modulus of so many bits (RFC 3279 §2.3.1).
    Rsa {
        /// Bits of the modulus.
        bits: u32,
    },
    /// id-RSASSA-PSS with a modulus of so many bits: it makes such signatures and nothing else
    /// (RFC 4055 §1.2).
    RsaPss {
        /// Bits of the modulus.
        bits: u32,
    },
    /// id-ecPublicKey on a named curve (RFC 5480 §2.1.1).
    Ec(Curve),
    /// id-Ed25519: it signs (RFC 8410 §3).
    Ed25519,
    /// id-X25519: it agrees on keys (RFC 8410 §3).
    X25519,
    /// Anything else.
    Unknown,
}

/// The named curves of this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Curve {
    /// secp256r1.
    P256,
    /// secp384r1.
    P384,
    /// secp521r1.
    P521,
}

impl PublicKey {
    /// Reads a DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
    ///
    /// A key of an unknown algorithm, an unknown or explicit curve, or of a form its algorithm
    /// does not allow, is [`KeyKind::Unknown`]: it can be shown, and nothing accepts it.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the outer structure is not DER.
    pub fn from_spki(der: &[u8]) -> Result<Self, Error> {
        let described = Described::read(der)?;
        let pss = match described.kind {
            KeyKind::RsaPss { .. } => pss_parameters(described.parameters).ok(),
            _ => None,
        };
        Ok(Self {
            spki: der.to_vec(),
            kind: described.kind,
            algorithm: Oid::of_valid(described.algorithm),
            pss,
            key: described.key,
        })
    }

    /// Returns the SubjectPublicKeyInfo, byte for byte as read.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Returns what kind of key this is.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Returns the key's algorithm.
    pub fn algorithm(&self) -> Oid {
        self.algorithm
    }

    /// Says whether signatures by `scheme` are ones this key may have made: those of its kind and,
    /// of an RSASSA-PSS key with parameters, those with its digest and at least its salt
    /// (RFC 4055 §3.3).
    pub fn admits(&self, scheme: SignatureScheme) -> bool {
        match (self.kind, scheme, self.pss) {
            (
                KeyKind::RsaPss { .. },
                SignatureScheme::RsaPss { digest, salt },
                Some(SignatureScheme::RsaPss {
                    digest: only,
                    salt: least,
                }),
            ) => digest == only && salt >= least,
            (kind, scheme, _) => kind.signs_by(scheme),
        }
    }

    /// Returns what an RSASSA-PSS key restricts its signatures to, if it does: this digest, and at
    /// least this salt (RFC 4055 §3.3).
    pub fn pss_restriction(&self) -> Option<SignatureScheme> {
        self.pss
    }

    /// Returns the octets of subjectPublicKey: an RSAPublicKey, an uncompressed point, or the 32
    /// octets of an Ed25519 or X25519 key.
    pub fn key_bytes(&self) -> &[u8] {
        self.spki.get(self.key.0..self.key.1).unwrap_or_default()
    }

    /// Returns the size people name the key by: bits of the modulus or of the field; 0 if unknown.
    pub fn bits(&self) -> u32 {
        match self.kind {
            KeyKind::Rsa { bits } | KeyKind::RsaPss { bits } => bits,
            KeyKind::Ec(Curve::P256) => 256,
            KeyKind::Ec(Curve::P384) => 384,
            KeyKind::Ec(Curve::P521) => 521,
            KeyKind::Ed25519 | KeyKind::X25519 => 255,
            KeyKind::Unknown => 0,
        }
    }
}

impl KeyKind {
    /// Returns the kind of key in a DER SubjectPublicKeyInfo; allocates nothing.
    ///
    /// # Errors
    /// Those of [`PublicKey::from_spki`].
    pub fn of_spki(der: &[u8]) -> Result<Self, Error> {
        Ok(Described::read(der)?.kind)
    }
}

/// What a SubjectPublicKeyInfo says.
struct Described<'a> {
    kind: KeyKind,
    /// The content octets of its identifier.
    algorithm: &'a [u8],
    parameters: &'a [u8],
    /// Where the octets inside the BIT STRING stand.
    key: (usize, usize),
}

impl<'a> Described<'a> {
    fn read(der: &'a [u8]) -> Result<Self, Error> {
        let mut outer = Reader::new(der);
        let mut spki = outer.sequence("SubjectPublicKeyInfo")?;
        outer.finish("SubjectPublicKeyInfo")?;
        let mut identifier = spki.sequence("AlgorithmIdentifier")?;
        let algorithm = identifier.oid_octets()?;
        let parameters = identifier.rest();
        let start = spki.offset();
        let bits = spki.read(Tag::BIT_STRING, "subjectPublicKey")?;
        spki.finish("SubjectPublicKeyInfo")?;
        let key = bits.bit_string_octets()?;
        let end = start + bits.raw.len();
        let is = |oid: Oid| oid.as_bytes() == algorithm;
        let kind = if is(oid::RSA_ENCRYPTION) {
            rsa_kind(parameters, key)
        } else if is(oid::EC_PUBLIC_KEY) {
            ec_kind(parameters, key)
        } else if is(oid::RSASSA_PSS) {
            rsa_pss_kind(parameters, key)
        } else if is(oid::ED25519) {
            octets_kind(KeyKind::Ed25519, parameters, key)
        } else if is(oid::X25519) {
            octets_kind(KeyKind::X25519, parameters, key)
        } else {
            None
        };
        Ok(Self {
            kind: kind.unwrap_or(KeyKind::Unknown),
            algorithm,
            parameters,
            key: (end - key.len(), end),
        })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicKey").field(&self.kind).finish()
    }
}

/// A private key; printed by its kind alone, wiped when dropped.
#[derive(Debug)]
pub struct PrivateKey(Box<dyn KeyOps>);

impl PrivateKey {
    /// Makes a key of what holds it.
    pub fn new(operations: impl KeyOps + 'static) -> Self {
        Self(Box::new(operations))
    }
}

impl Deref for PrivateKey {
    type Target = dyn KeyOps;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl KeyKind {
    /// Says whether a key of this kind can make signatures.
    pub fn can_sign(self) -> bool {
        match self {
            Self::Rsa { .. } | Self::RsaPss { .. } | Self::Ec(_) | Self::Ed25519 => true,
            Self::X25519 | Self::Unknown => false,
        }
    }

    /// Says whether a content key can be sent to a key of this kind, by transport or agreement.
    pub fn can_be_encrypted_to(self) -> bool {
        match self {
            Self::Rsa { .. } => true,
            other => other.can_agree(),
        }
    }

    /// Says whether a key of this kind agrees with another on a secret.
    pub fn can_agree(self) -> bool {
        matches!(self, Self::Ec(_) | Self::X25519)
    }

    /// Says whether a key of this kind signs by `scheme`.
    pub fn signs_by(self, scheme: SignatureScheme) -> bool {
        match scheme {
            SignatureScheme::RsaPkcs1(_) => matches!(self, Self::Rsa { .. }),
            SignatureScheme::RsaPss { .. } => {
                matches!(self, Self::Rsa { .. } | Self::RsaPss { .. })
            }
            SignatureScheme::Ecdsa(_) => matches!(self, Self::Ec(_)),
            SignatureScheme::Ed25519 => self == Self::Ed25519,
        }
    }
}

impl Curve {
    /// Every curve of this crate.
    pub const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// Returns the identifier of the named curve (RFC 5480 §2.1.1.1).
    pub fn oid(self) -> Oid {
        match self {
            Self::P256 => oid::SECP256R1,
            Self::P384 => oid::SECP384R1,
            Self::P521 => oid::SECP521R1,
        }
    }

    /// Returns the curve of an identifier, if this crate has it.
    pub fn from_oid(oid: Oid) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.oid() == oid)
    }

    /// Returns the bytes of one field element.
    pub fn field_length(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// RFC 3279 §2.3.1 wants NULL parameters; absent ones are read too, as every peer does.
fn rsa_kind(parameters: &[u8], key: &[u8]) -> Option<KeyKind> {
    if !(parameters.is_empty() || parameters == [5, 0]) {
        return None;
    }
    Some(KeyKind::Rsa {
        bits: rsa_bits(key)?,
    })
}

/// RFC 4055 §1.2: parameters are absent, or ones that a signature could have.
fn rsa_pss_kind(parameters: &[u8], key: &[u8]) -> Option<KeyKind> {
    if !parameters.is_empty() {
        pss_parameters(parameters).ok()?;
    }
    Some(KeyKind::RsaPss {
        bits: rsa_bits(key)?,
    })
}

/// Returns the bits of the modulus of a DER RSAPublicKey.
fn rsa_bits(key: &[u8]) -> Option<u32> {
    let mut outer = Reader::new(key);
    let mut fields = outer.sequence("RSAPublicKey").ok()?;
    outer.finish("RSAPublicKey").ok()?;
    let modulus = fields.unsigned("modulus").ok()?;
    let exponent = fields.unsigned("publicExponent").ok()?;
    fields.finish("RSAPublicKey").ok()?;
    let odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
    if !odd(modulus) || !odd(exponent) || exponent == [1] {
        return None;
    }
    let bits = modulus
        .len()
        .checked_mul(8)?
        .checked_sub(usize::try_from(modulus.first()?.leading_zeros()).ok()?)?;
    u32::try_from(bits).ok()
}

/// RFC 8410 §3, §4: no parameters, not even NULL, and 32 octets.
fn octets_kind(kind: KeyKind, parameters: &[u8], key: &[u8]) -> Option<KeyKind> {
    (parameters.is_empty() && key.len() == 32).then_some(kind)
}

/// Named curves and uncompressed points alone (RFC 5480 §2.1.1, §2.2).
fn ec_kind(parameters: &[u8], key: &[u8]) -> Option<KeyKind> {
    let mut parameters = Reader::new(parameters);
    let curve = Curve::from_oid(parameters.oid().ok()?)?;
    parameters.finish("ECParameters").ok()?;
    (key.len() == 1 + 2 * curve.field_length() && key.first() == Some(&4))
        .then_some(KeyKind::Ec(curve))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DigestAlgorithm, asn1::Writer};

    fn spki(parameters: &[u8], algorithm: Oid, key: &[u8]) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.sequence(|w| {
                    w.oid(algorithm);
                    w.raw(parameters);
                });
                w.bit_string(key);
            });
        })
    }

    fn rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.unsigned(modulus);
                w.unsigned(exponent);
            });
        })
    }

    #[test]
    fn the_bits_of_a_modulus_are_counted_from_its_first_one() {
        for (modulus, bits) in [(&[0x80, 1][..], 16), (&[1, 1], 9), (&[0xff; 256], 2048)] {
            let key = rsa(modulus, &[1, 0, 1]);
            for parameters in [&[5, 0][..], &[]] {
                let der = spki(parameters, oid::RSA_ENCRYPTION, &key);
                let public = PublicKey::from_spki(&der).unwrap();
                assert_eq!(
                    (public.kind(), public.bits()),
                    (KeyKind::Rsa { bits }, bits)
                );
                assert_eq!((public.key_bytes(), public.spki()), (&key[..], &der[..]));
            }
        }
    }

    #[test]
    fn keys_that_nothing_may_accept_are_unknown() {
        let p256 = Writer::encode(|w| w.oid(oid::SECP256R1));
        let p521 = Writer::encode(|w| w.oid(oid::SECP521R1));
        let unknown_curve = Writer::encode(|w| w.oid(Oid::new("1.3.132.0.10")));
        let point = [&[4][..], &[1; 64]].concat();
        let good = rsa(&[0xff; 256], &[1, 0, 1]);
        for der in [
            spki(&[5, 0], oid::RSA_ENCRYPTION, &rsa(&[0xfe; 256], &[1, 0, 1])),
            spki(&[5, 0], oid::RSA_ENCRYPTION, &rsa(&[0xff; 256], &[1])),
            spki(&[5, 0], oid::RSA_ENCRYPTION, &rsa(&[0xff; 256], &[2])),
            spki(&[5, 0], oid::RSA_ENCRYPTION, &rsa(&[], &[3])),
            spki(&[5, 0], oid::RSA_ENCRYPTION, &[&good[..], &[0]].concat()),
            spki(&[4, 0], oid::RSA_ENCRYPTION, &good),
            spki(&[5, 0], oid::RSASSA_PSS, &good),
            spki(&[0x30, 2, 5, 0], oid::RSASSA_PSS, &good),
            spki(&[], oid::RSASSA_PSS, &rsa(&[0xff; 256], &[2])),
            spki(&[5, 0], oid::ED25519, &[1; 32]),
            spki(&[5, 0], oid::X25519, &[1; 32]),
            spki(&p256, oid::X25519, &[1; 32]),
            spki(&[], oid::ED25519, &[1; 31]),
            spki(&[], oid::ED25519, &[1; 33]),
            spki(&[], oid::X25519, &[]),
            spki(&[], oid::X25519, &[1; 56]),
            spki(&[], Oid::new("1.3.101.113"), &[1; 57]),
            spki(&p521, oid::EC_PUBLIC_KEY, &[&[4][..], &[0; 131]].concat()),
            spki(&p521, oid::EC_PUBLIC_KEY, &[&[4][..], &[0; 128]].concat()),
            spki(&unknown_curve, oid::EC_PUBLIC_KEY, &point),
            spki(&[], oid::EC_PUBLIC_KEY, &point),
            spki(&[0x30, 0], oid::EC_PUBLIC_KEY, &point),
            spki(&[&p256[..], &[5, 0]].concat(), oid::EC_PUBLIC_KEY, &point),
            spki(&p256, oid::EC_PUBLIC_KEY, &point[..64]),
            spki(&p256, oid::EC_PUBLIC_KEY, &[&[2], &point[1..33]].concat()),
            spki(&p256, oid::EC_PUBLIC_KEY, &[&[6], &point[1..]].concat()),
        ] {
            let public = PublicKey::from_spki(&der).unwrap();
            assert_eq!((public.kind(), public.bits()), (KeyKind::Unknown, 0));
        }
    }

    #[test]
    fn keys_of_fixed_length_are_their_octets() {
        for (algorithm, kind, signs) in [
            (oid::ED25519, KeyKind::Ed25519, true),
            (oid::X25519, KeyKind::X25519, false),
        ] {
            let public = PublicKey::from_spki(&spki(&[], algorithm, &[7; 32])).unwrap();
            assert_eq!((public.kind(), public.bits()), (kind, 255));
            assert_eq!(public.key_bytes(), [7; 32]);
            assert_eq!((kind.can_sign(), kind.can_agree()), (signs, !signs));
            assert_eq!(kind.can_be_encrypted_to(), !signs);
        }
        let p521 = Writer::encode(|w| w.oid(oid::SECP521R1));
        let point = [&[4][..], &[1; 132]].concat();
        let public = PublicKey::from_spki(&spki(&p521, oid::EC_PUBLIC_KEY, &point)).unwrap();
        assert_eq!(
            (public.kind(), public.bits()),
            (KeyKind::Ec(Curve::P521), 521)
        );
    }

    #[test]
    fn a_pss_key_admits_pss_within_its_parameters_alone() {
        let key = rsa(&[0xff; 256], &[1, 0, 1]);
        let (sha256, sha512) = (DigestAlgorithm::Sha256, DigestAlgorithm::Sha512);
        let pss = |digest, salt| SignatureScheme::RsaPss { digest, salt };
        let whole = pss(sha256, 32).identifier();
        let mut fields = Reader::new(&whole).sequence("").unwrap();
        fields.oid().unwrap();
        for (parameters, scheme, admitted) in [
            (&[][..], pss(sha256, 32), true),
            (&[], pss(sha512, 0), true),
            (&[], SignatureScheme::RsaPkcs1(sha256), false),
            (fields.rest(), pss(sha256, 32), true),
            (fields.rest(), pss(sha256, 40), true),
            (fields.rest(), pss(sha256, 31), false),
            (fields.rest(), pss(sha512, 32), false),
            (fields.rest(), SignatureScheme::RsaPkcs1(sha256), false),
            (fields.rest(), SignatureScheme::Ecdsa(sha256), false),
        ] {
            let public = PublicKey::from_spki(&spki(parameters, oid::RSASSA_PSS, &key)).unwrap();
            assert_eq!(public.kind(), KeyKind::RsaPss { bits: 2048 });
            assert_eq!(public.admits(scheme), admitted, "{scheme:?}");
            let restriction = (!parameters.is_empty()).then(|| pss(sha256, 32));
            assert_eq!(public.pss_restriction(), restriction);
            assert!(!public.kind().can_be_encrypted_to());
        }
        let plain = PublicKey::from_spki(&spki(&[5, 0], oid::RSA_ENCRYPTION, &key)).unwrap();
        assert!(plain.admits(pss(sha256, 0)) && plain.admits(SignatureScheme::RsaPkcs1(sha512)));
        assert!(!plain.admits(SignatureScheme::Ed25519));
    }

    #[test]
    fn structures_that_are_not_der_are_malformed() {
        let der = spki(&[5, 0], oid::RSA_ENCRYPTION, &rsa(&[0xff; 256], &[1, 0, 1]));
        for cut in 0..der.len() {
            assert!(PublicKey::from_spki(&der[..cut]).is_err());
        }
        assert!(PublicKey::from_spki(&[&der[..], &[0]].concat()).is_err());
        let mut unused_bits = der.clone();
        let bits = der.len() - PublicKey::from_spki(&der).unwrap().key_bytes().len() - 1;
        assert_eq!(unused_bits[bits], 0);
        unused_bits[bits] = 1;
        assert!(PublicKey::from_spki(&unused_bits).is_err());
    }
}
