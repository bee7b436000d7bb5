use zeroize::Zeroizing;

use crate::{
    Curve, Error, Oid, PublicKey, Secret,
    asn1::{Reader, Tag, Writer},
    oid,
};

/// A private key out of its PKCS#8 (RFC 5958 §2), its numbers still encoded.
pub(crate) enum PrivateKeyInfo<'a> {
    /// The DER RSAPrivateKey (RFC 8017 §A.1.2).
    Rsa(&'a [u8]),
    /// An ECPrivateKey (RFC 5915 §3).
    Ec(EcPrivateKey<'a>),
    /// The octets of an Ed25519 key (RFC 8410 §7).
    Ed25519(OctetKey<'a>),
    /// The octets of an X25519 key (RFC 8410 §7).
    X25519(OctetKey<'a>),
}

/// The fields of a key that is 32 octets.
pub(crate) struct OctetKey<'a> {
    pub(crate) private: &'a [u8; 32],
    /// The public key that stands beside it, in version 2.
    pub(crate) public: Option<&'a [u8]>,
}

/// The fields of an ECPrivateKey.
pub(crate) struct EcPrivateKey<'a> {
    pub(crate) curve: Curve,
    /// The private scalar, as long as the field.
    pub(crate) scalar: &'a [u8],
    /// The public points that stand beside it, in the ECPrivateKey and in the PKCS#8.
    pub(crate) points: [Option<&'a [u8]>; 2],
}

impl<'a> PrivateKeyInfo<'a> {
    pub(crate) fn from_der(der: &'a [u8]) -> Result<Self, Error> {
        let mut outer = Reader::new(der);
        let mut fields = outer.sequence(PKCS8)?;
        outer.finish(PKCS8)?;
        if fields.small("version")? > 1 {
            return Err(Error::Unsupported("version of the PKCS#8 key"));
        }
        let mut algorithm = fields.sequence("AlgorithmIdentifier")?;
        let identifier = algorithm.oid()?;
        let offset = fields.offset();
        let key = fields.octet_string("privateKey")?;
        fields.optional(Tag::context_constructed(0), "attributes")?;
        let point = match fields.optional(Tag::context(1), "publicKey")? {
            Some(element) => Some(element.bit_string_octets()?),
            None => None,
        };
        fields.finish(PKCS8)?;
        match identifier {
            oid::RSA_ENCRYPTION => match algorithm.rest() {
                [] | [5, 0] => Ok(Self::Rsa(key)),
                _ => Err(Error::Unsupported("parameters of the RSA key")),
            },
            oid::EC_PUBLIC_KEY => {
                let curve = named_curve(&mut algorithm)?;
                let mut fields = EcPrivateKey::from_der(key, Some(curve))?;
                fields.points[1] = point;
                Ok(Self::Ec(fields))
            }
            oid::ED25519 | oid::X25519 if !algorithm.is_empty() => {
                Err(Error::Unsupported("parameters of the private key"))
            }
            oid::ED25519 => Ok(Self::Ed25519(OctetKey::from_der(key, point, offset)?)),
            oid::X25519 => Ok(Self::X25519(OctetKey::from_der(key, point, offset)?)),
            other => Err(Error::UnknownAlgorithm(other)),
        }
    }
}

impl<'a> OctetKey<'a> {
    /// Reads a CurvePrivateKey (RFC 8410 §7), which stands at `offset` of the PKCS#8.
    fn from_der(der: &'a [u8], public: Option<&'a [u8]>, offset: usize) -> Result<Self, Error> {
        let mut outer = Reader::new(der);
        let octets = outer.octet_string(CURVE_KEY)?;
        outer.finish(CURVE_KEY)?;
        let private = octets.try_into().map_err(|_| Error::Malformed {
            what: CURVE_KEY,
            offset,
        })?;
        Ok(Self { private, public })
    }
}

impl<'a> EcPrivateKey<'a> {
    /// Reads an ECPrivateKey whose curve is known from around it, or must stand in it.
    pub(crate) fn from_der(der: &'a [u8], around: Option<Curve>) -> Result<Self, Error> {
        let mut outer = Reader::new(der);
        let mut fields = outer.sequence(SEC1)?;
        outer.finish(SEC1)?;
        if fields.small("version")? != 1 {
            return Err(Error::Unsupported("version of the EC key"));
        }
        let offset = fields.offset();
        let scalar = fields.octet_string("privateKey")?;
        let within = match fields.optional(Tag::context_constructed(0), "parameters")? {
            Some(element) => Some(named_curve(&mut element.reader())?),
            None => None,
        };
        let point = match fields.optional(Tag::context_constructed(1), "publicKey")? {
            Some(element) => Some(element.reader().bit_string_octets("publicKey")?),
            None => None,
        };
        fields.finish(SEC1)?;
        let curve = match (around, within) {
            (Some(around), Some(within)) if around != within => {
                return Err(Error::Unsupported("EC key that names two curves"));
            }
            (Some(curve), _) | (None, Some(curve)) => curve,
            (None, None) => return Err(Error::Unsupported("EC key that names no curve")),
        };
        if scalar.len() != curve.field_length() {
            return Err(Error::Malformed {
                what: "privateKey",
                offset,
            });
        }
        Ok(Self {
            curve,
            scalar,
            points: [point, None],
        })
    }
}

/// Returns the PKCS#8 around an RSAPrivateKey.
pub(crate) fn wrap_rsa(rsa_private_key: &[u8]) -> Secret {
    let algorithm = Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(oid::RSA_ENCRYPTION);
            w.null();
        });
    });
    let key = element(Tag::OCTET_STRING, &[rsa_private_key]);
    element(Tag::SEQUENCE, &[VERSION_0, &algorithm, key.expose()])
}

/// Returns the PKCS#8 of an EC key; the curve stands around the ECPrivateKey, the point in it
/// (RFC 5915 §3).
pub(crate) fn wrap_ec(curve: Curve, scalar: &[u8], point: &[u8]) -> Secret {
    let point = Writer::encode(|w| {
        w.constructed(Tag::context_constructed(1), |w| w.bit_string(point));
    });
    let scalar = element(Tag::OCTET_STRING, &[scalar]);
    let key = element(Tag::SEQUENCE, &[VERSION_1, scalar.expose(), &point]);
    wrap_ec_der(curve, key.expose())
}

/// Returns the PKCS#8 around an ECPrivateKey.
pub(crate) fn wrap_ec_der(curve: Curve, ec_private_key: &[u8]) -> Secret {
    let algorithm = Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(oid::EC_PUBLIC_KEY);
            w.oid(curve.oid());
        });
    });
    let key = element(Tag::OCTET_STRING, &[ec_private_key]);
    element(Tag::SEQUENCE, &[VERSION_0, &algorithm, key.expose()])
}

/// Returns the PKCS#8 of a key of 32 octets, in version 1, which every peer reads (RFC 8410 §7).
pub(crate) fn wrap_octets(algorithm: Oid, octets: &[u8]) -> Secret {
    let algorithm = Writer::encode(|w| w.sequence(|w| w.oid(algorithm)));
    let inner = element(Tag::OCTET_STRING, &[octets]);
    let key = element(Tag::OCTET_STRING, &[inner.expose()]);
    element(Tag::SEQUENCE, &[VERSION_0, &algorithm, key.expose()])
}

/// Returns the public key of an RSA modulus and exponent.
pub(crate) fn rsa_public_key(modulus: &[u8], exponent: &[u8]) -> Result<PublicKey, Error> {
    let key = Writer::encode(|w| {
        w.sequence(|w| {
            w.unsigned(modulus);
            w.unsigned(exponent);
        });
    });
    PublicKey::from_spki(&Writer::encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                w.oid(oid::RSA_ENCRYPTION);
                w.null();
            });
            w.bit_string(&key);
        });
    }))
}

/// Returns the public key of 32 octets (RFC 8410 §4).
pub(crate) fn octet_public_key(algorithm: Oid, octets: &[u8]) -> Result<PublicKey, Error> {
    PublicKey::from_spki(&Writer::encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| w.oid(algorithm));
            w.bit_string(octets);
        });
    }))
}

/// Returns the public key of an uncompressed point.
pub(crate) fn ec_public_key(curve: Curve, point: &[u8]) -> Result<PublicKey, Error> {
    PublicKey::from_spki(&Writer::encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                w.oid(oid::EC_PUBLIC_KEY);
                w.oid(curve.oid());
            });
            w.bit_string(point);
        });
    }))
}

/// Only the named form of ECParameters exists in PKIX (RFC 5480 §2.1.1).
fn named_curve(parameters: &mut Reader<'_>) -> Result<Curve, Error> {
    if parameters.peek() == Some(Tag::SEQUENCE) {
        return Err(Error::Unsupported("explicit curve parameters"));
    }
    let curve = parameters.oid()?;
    parameters.finish("ECParameters")?;
    Curve::from_oid(curve).ok_or(Error::UnknownAlgorithm(curve))
}

/// Encodes an element in one allocation, so that no copy of a secret stays behind.
fn element(tag: Tag, parts: &[&[u8]]) -> Secret {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut header = Writer::new();
    header.header(tag, length);
    let header = header.finish();
    let mut der = Zeroizing::new(Vec::with_capacity(header.len() + length));
    der.extend_from_slice(&header);
    parts.iter().for_each(|part| der.extend_from_slice(part));
    Secret::new(std::mem::take(&mut *der))
}

const VERSION_0: &[u8] = &[2, 1, 0];
const VERSION_1: &[u8] = &[2, 1, 1];
const PKCS8: &str = "PrivateKeyInfo";
const CURVE_KEY: &str = "CurvePrivateKey";
const SEC1: &str = "ECPrivateKey";
