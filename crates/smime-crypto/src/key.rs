use std::{fmt, ops::Deref};

use crate::{
    Error, KeyOps, Oid,
    asn1::{Reader, Tag},
    oid,
};

/// A public key: its SubjectPublicKeyInfo as found, and what it is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    spki: Vec<u8>,
    kind: KeyKind,
    algorithm: Oid,
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
    /// id-ecPublicKey on a named curve (RFC 5480 §2.1.1).
    Ec(Curve),
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
        let mut outer = Reader::new(der);
        let mut spki = outer.sequence("SubjectPublicKeyInfo")?;
        outer.finish("SubjectPublicKeyInfo")?;
        let mut identifier = spki.sequence("AlgorithmIdentifier")?;
        let algorithm = identifier.oid()?;
        let parameters = identifier.rest();
        let start = spki.offset();
        let bits = spki.read(Tag::BIT_STRING, "subjectPublicKey")?;
        spki.finish("SubjectPublicKeyInfo")?;
        let key = bits.bit_string_octets()?;
        let end = start + bits.raw.len();
        let kind = match algorithm {
            oid::RSA_ENCRYPTION => rsa_kind(parameters, key),
            oid::EC_PUBLIC_KEY => ec_kind(parameters, key),
            _ => None,
        };
        Ok(Self {
            spki: der.to_vec(),
            kind: kind.unwrap_or(KeyKind::Unknown),
            algorithm,
            key: (end - key.len(), end),
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

    /// Returns the octets of subjectPublicKey: an RSAPublicKey, or an uncompressed point.
    pub fn key_bytes(&self) -> &[u8] {
        self.spki.get(self.key.0..self.key.1).unwrap_or_default()
    }

    /// Returns the size people name the key by: bits of the modulus or of the field; 0 if unknown.
    pub fn bits(&self) -> u32 {
        match self.kind {
            KeyKind::Rsa { bits } => bits,
            KeyKind::Ec(Curve::P256) => 256,
            KeyKind::Ec(Curve::P384) => 384,
            KeyKind::Unknown => 0,
        }
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

impl Curve {
    /// Returns the identifier of the named curve (RFC 5480 §2.1.1.1).
    pub fn oid(self) -> Oid {
        match self {
            Self::P256 => oid::SECP256R1,
            Self::P384 => oid::SECP384R1,
        }
    }

    /// Returns the curve of an identifier, if this crate has it.
    pub fn from_oid(oid: Oid) -> Option<Self> {
        [Self::P256, Self::P384]
            .into_iter()
            .find(|curve| curve.oid() == oid)
    }

    /// Returns the bytes of one field element.
    pub fn field_length(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }
}

/// RFC 3279 §2.3.1 wants NULL parameters; absent ones are read too, as every peer does.
fn rsa_kind(parameters: &[u8], key: &[u8]) -> Option<KeyKind> {
    if !(parameters.is_empty() || parameters == [5, 0]) {
        return None;
    }
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
    Some(KeyKind::Rsa {
        bits: u32::try_from(bits).ok()?,
    })
}

/// Named curves and uncompressed points alone (RFC 5480 §2.1.1, §2.2).
fn ec_kind(parameters: &[u8], key: &[u8]) -> Option<KeyKind> {
    let mut parameters = Reader::new(parameters);
    let curve = Curve::from_oid(parameters.oid().ok()?)?;
    parameters.finish("ECParameters").ok()?;
    (key.len() == 1 + 2 * curve.field_length() && key.first() == Some(&4))
        .then_some(KeyKind::Ec(curve))
}
