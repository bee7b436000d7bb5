use crate::{
    Error, Oid,
    asn1::{Element, Reader, Tag, Writer},
    oid,
};

/// A digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DigestAlgorithm {
    /// SHA-1: inside OAEP and key derivation, where it is not broken, and for old mail by policy.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// How a signature is made, with the digest it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureScheme {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2).
    RsaPkcs1(DigestAlgorithm),
    /// RSASSA-PSS with MGF1 over the same digest (RFC 8017 §8.1, RFC 4056).
    RsaPss {
        /// The digest of the message and of MGF1.
        digest: DigestAlgorithm,
        /// Bytes of salt.
        salt: u16,
    },
    /// ECDSA, as a DER ECDSA-Sig-Value (RFC 5753 §2.1).
    Ecdsa(DigestAlgorithm),
    /// Ed25519 over the message itself (RFC 8032 §5.1, RFC 8410, RFC 8419).
    Ed25519,
}

/// How a content key travels to an RSA key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyTransport {
    /// RSAES-PKCS1-v1_5 (RFC 8017 §7.2).
    RsaPkcs1,
    /// RSAES-OAEP with an empty label (RFC 8017 §7.1, RFC 3560).
    RsaOaep {
        /// The digest of the label.
        digest: DigestAlgorithm,
        /// The digest of MGF1; some peers choose another than `digest`.
        mgf: DigestAlgorithm,
    },
}

/// Ephemeral-static ECDH without cofactor, with how the key that wraps is derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyAgreement {
    /// By ANSI-X9.63-KDF over this digest (RFC 5753 §7.1.4).
    X963(DigestAlgorithm),
    /// By HKDF over SHA-256 (RFC 8418 §2.2).
    HkdfSha256,
    /// By HKDF over SHA-384 (RFC 8418 §2.2).
    HkdfSha384,
    /// By HKDF over SHA-512 (RFC 8418 §2.2).
    HkdfSha512,
}

/// AES key wrap (RFC 3394, RFC 3565 §2.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyWrap {
    /// With a 16-byte key.
    Aes128,
    /// With a 32-byte key.
    Aes256,
}

/// How content is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentCipher {
    /// AES-128 in CBC mode: not authenticated (RFC 3565).
    Aes128Cbc,
    /// AES-256 in CBC mode: not authenticated (RFC 3565).
    Aes256Cbc,
    /// AES-128 in Galois/Counter mode (RFC 5084).
    Aes128Gcm,
    /// AES-256 in Galois/Counter mode (RFC 5084).
    Aes256Gcm,
}

impl DigestAlgorithm {
    /// Every digest of this crate, weakest first.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// Returns the identifier.
    pub fn oid(self) -> Oid {
        match self {
            Self::Sha1 => oid::SHA1,
            Self::Sha256 => oid::SHA256,
            Self::Sha384 => oid::SHA384,
            Self::Sha512 => oid::SHA512,
        }
    }

    /// Returns the bytes of one digest.
    pub fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Returns the name people and scripts know it by, such as `sha256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Returns the word of the `micalg` parameter (RFC 8551 §3.5.3.2).
    pub fn micalg(self) -> &'static str {
        match self {
            Self::Sha1 => "sha-1",
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    /// Reads a DER AlgorithmIdentifier; parameters absent or NULL (RFC 5754 §2).
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::UnknownAlgorithm`], [`Error::Unsupported`].
    pub fn from_identifier(der: &[u8]) -> Result<Self, Error> {
        let (algorithm, parameters) = split_identifier(der)?;
        let digest = Self::ALL
            .into_iter()
            .find(|digest| digest.oid() == algorithm);
        let digest = digest.ok_or(Error::UnknownAlgorithm(algorithm))?;
        check_empty_or_null(parameters)?;
        Ok(digest)
    }

    /// Returns the DER AlgorithmIdentifier, parameters absent (RFC 5754 §2).
    pub fn identifier(self) -> Vec<u8> {
        identifier(self.oid(), |_| ())
    }
}

impl SignatureScheme {
    /// Returns the digest that is signed; of Ed25519, which signs no digest, the one that its
    /// signers in CMS make of the content (RFC 8419 §3.1).
    pub fn digest(self) -> DigestAlgorithm {
        match self {
            Self::RsaPkcs1(digest) | Self::Ecdsa(digest) | Self::RsaPss { digest, .. } => digest,
            Self::Ed25519 => DigestAlgorithm::Sha512,
        }
    }

    /// Returns the name scripts know it by: `rsa_pkcs1_v15`, `rsa_pss`, `ecdsa`, `ed25519`.
    pub fn name(self) -> &'static str {
        match self {
            Self::RsaPkcs1(_) => "rsa_pkcs1_v15",
            Self::RsaPss { .. } => "rsa_pss",
            Self::Ecdsa(_) => "ecdsa",
            Self::Ed25519 => "ed25519",
        }
    }

    /// Reads a DER AlgorithmIdentifier.
    ///
    /// `digest` is what stands beside it where the structure names the digest apart (SignerInfo,
    /// RFC 5652 §5.3): rsaEncryption takes it (RFC 3370 §3.2), every other scheme must agree
    /// with it, Ed25519 by SHA-512 (RFC 8419 §3.1).
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::UnknownAlgorithm`]; [`Error::Unsupported`] for parameters
    /// that are not RFC 4055 §3.1 or RFC 8410 §3, and for two digests that differ.
    pub fn from_identifier(der: &[u8], digest: Option<DigestAlgorithm>) -> Result<Self, Error> {
        let (algorithm, parameters) = split_identifier(der)?;
        let scheme = match algorithm {
            oid::RSA_ENCRYPTION => {
                Self::RsaPkcs1(digest.ok_or(Error::UnknownAlgorithm(algorithm))?)
            }
            oid::SHA1_WITH_RSA => Self::RsaPkcs1(DigestAlgorithm::Sha1),
            oid::SHA256_WITH_RSA => Self::RsaPkcs1(DigestAlgorithm::Sha256),
            oid::SHA384_WITH_RSA => Self::RsaPkcs1(DigestAlgorithm::Sha384),
            oid::SHA512_WITH_RSA => Self::RsaPkcs1(DigestAlgorithm::Sha512),
            oid::ECDSA_WITH_SHA1 => Self::Ecdsa(DigestAlgorithm::Sha1),
            oid::ECDSA_WITH_SHA256 => Self::Ecdsa(DigestAlgorithm::Sha256),
            oid::ECDSA_WITH_SHA384 => Self::Ecdsa(DigestAlgorithm::Sha384),
            oid::ECDSA_WITH_SHA512 => Self::Ecdsa(DigestAlgorithm::Sha512),
            oid::RSASSA_PSS => pss_parameters(parameters)?,
            oid::ED25519 => Self::Ed25519,
            other => return Err(Error::UnknownAlgorithm(other)),
        };
        match scheme {
            Self::RsaPss { .. } => {}
            // RFC 8410 §3: absent, and no tradition of NULL to be read.
            Self::Ed25519 if !parameters.is_empty() => {
                return Err(Error::Unsupported("algorithm parameters"));
            }
            _ => check_empty_or_null(parameters)?,
        }
        match digest {
            Some(beside) if beside != scheme.digest() => Err(Error::Unsupported(
                "signature over another digest than the one named",
            )),
            _ => Ok(scheme),
        }
    }

    /// Returns the DER AlgorithmIdentifier as it stands in certificates and, for all but
    /// PKCS#1 v1.5, in SignerInfo.
    pub fn identifier(self) -> Vec<u8> {
        match self {
            Self::RsaPkcs1(digest) => {
                let oid = match digest {
                    DigestAlgorithm::Sha1 => oid::SHA1_WITH_RSA,
                    DigestAlgorithm::Sha256 => oid::SHA256_WITH_RSA,
                    DigestAlgorithm::Sha384 => oid::SHA384_WITH_RSA,
                    DigestAlgorithm::Sha512 => oid::SHA512_WITH_RSA,
                };
                identifier(oid, Writer::null)
            }
            Self::Ecdsa(digest) => {
                let oid = match digest {
                    DigestAlgorithm::Sha1 => oid::ECDSA_WITH_SHA1,
                    DigestAlgorithm::Sha256 => oid::ECDSA_WITH_SHA256,
                    DigestAlgorithm::Sha384 => oid::ECDSA_WITH_SHA384,
                    DigestAlgorithm::Sha512 => oid::ECDSA_WITH_SHA512,
                };
                identifier(oid, |_| ())
            }
            Self::Ed25519 => identifier(oid::ED25519, |_| ()),
            // DER leaves out what equals a default (X.690 §11.5): SHA-1 and 20 bytes.
            Self::RsaPss { digest, salt } => identifier(oid::RSASSA_PSS, |w| {
                w.sequence(|w| {
                    write_hash_and_mgf(w, digest, digest);
                    if salt != 20 {
                        w.constructed(Tag::context_constructed(2), |w| w.small(salt.into()));
                    }
                });
            }),
        }
    }

    /// Returns the DER AlgorithmIdentifier for SignerInfo.signatureAlgorithm: as
    /// [`identifier`](Self::identifier), but rsaEncryption for PKCS#1 v1.5, which every peer reads
    /// (RFC 3370 §3.2).
    pub fn signer_info_identifier(self) -> Vec<u8> {
        match self {
            Self::RsaPkcs1(_) => identifier(oid::RSA_ENCRYPTION, Writer::null),
            other => other.identifier(),
        }
    }
}

impl KeyTransport {
    /// Reads a DER AlgorithmIdentifier.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::UnknownAlgorithm`]; [`Error::Unsupported`] for parameters
    /// that are not RFC 4055 §4.1 with an empty label.
    pub fn from_identifier(der: &[u8]) -> Result<Self, Error> {
        let (algorithm, parameters) = split_identifier(der)?;
        match algorithm {
            oid::RSA_ENCRYPTION => {
                check_empty_or_null(parameters)?;
                Ok(Self::RsaPkcs1)
            }
            oid::RSAES_OAEP => oaep_parameters(parameters),
            other => Err(Error::UnknownAlgorithm(other)),
        }
    }

    /// Returns the DER AlgorithmIdentifier.
    pub fn identifier(self) -> Vec<u8> {
        match self {
            Self::RsaPkcs1 => identifier(oid::RSA_ENCRYPTION, Writer::null),
            Self::RsaOaep { digest, mgf } => identifier(oid::RSAES_OAEP, |w| {
                w.sequence(|w| write_hash_and_mgf(w, digest, mgf));
            }),
        }
    }
}

impl KeyAgreement {
    /// Every key agreement of this crate.
    pub const ALL: [Self; 7] = [
        Self::X963(DigestAlgorithm::Sha1),
        Self::X963(DigestAlgorithm::Sha256),
        Self::X963(DigestAlgorithm::Sha384),
        Self::X963(DigestAlgorithm::Sha512),
        Self::HkdfSha256,
        Self::HkdfSha384,
        Self::HkdfSha512,
    ];

    /// Returns the digest of the key derivation.
    pub fn digest(self) -> DigestAlgorithm {
        match self {
            Self::X963(digest) => digest,
            Self::HkdfSha256 => DigestAlgorithm::Sha256,
            Self::HkdfSha384 => DigestAlgorithm::Sha384,
            Self::HkdfSha512 => DigestAlgorithm::Sha512,
        }
    }

    /// Reads a DER KeyEncryptionAlgorithmIdentifier, whose parameters name the key wrap
    /// (RFC 5753 §7.1.5).
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::UnknownAlgorithm`], [`Error::Unsupported`].
    pub fn from_identifier(der: &[u8]) -> Result<(Self, KeyWrap), Error> {
        let (algorithm, parameters) = split_identifier(der)?;
        let agreement = Self::ALL.into_iter().find(|it| it.oid() == algorithm);
        let agreement = agreement.ok_or(Error::UnknownAlgorithm(algorithm))?;
        Ok((agreement, KeyWrap::from_identifier(parameters)?))
    }

    /// Returns the DER KeyEncryptionAlgorithmIdentifier.
    pub fn identifier(self, wrap: KeyWrap) -> Vec<u8> {
        identifier(self.oid(), |w| w.raw(&wrap.identifier()))
    }

    fn oid(self) -> Oid {
        match self {
            Self::X963(DigestAlgorithm::Sha1) => oid::ECDH_SHA1,
            Self::X963(DigestAlgorithm::Sha256) => oid::ECDH_SHA256,
            Self::X963(DigestAlgorithm::Sha384) => oid::ECDH_SHA384,
            Self::X963(DigestAlgorithm::Sha512) => oid::ECDH_SHA512,
            Self::HkdfSha256 => oid::ECDH_HKDF_SHA256,
            Self::HkdfSha384 => oid::ECDH_HKDF_SHA384,
            Self::HkdfSha512 => oid::ECDH_HKDF_SHA512,
        }
    }
}

impl KeyWrap {
    /// Returns the bytes of the key that wraps.
    pub fn key_length(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes256 => 32,
        }
    }

    /// Reads a DER AlgorithmIdentifier; parameters absent, or NULL as some peers write.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::UnknownAlgorithm`], [`Error::Unsupported`].
    pub fn from_identifier(der: &[u8]) -> Result<Self, Error> {
        let (algorithm, parameters) = split_identifier(der)?;
        check_empty_or_null(parameters)?;
        match algorithm {
            oid::AES128_WRAP => Ok(Self::Aes128),
            oid::AES256_WRAP => Ok(Self::Aes256),
            other => Err(Error::UnknownAlgorithm(other)),
        }
    }

    /// Returns the DER AlgorithmIdentifier, parameters absent (RFC 3565 §2.3.2).
    pub fn identifier(self) -> Vec<u8> {
        match self {
            Self::Aes128 => identifier(oid::AES128_WRAP, |_| ()),
            Self::Aes256 => identifier(oid::AES256_WRAP, |_| ()),
        }
    }
}

impl ContentCipher {
    /// Every cipher of this crate.
    pub const ALL: [Self; 4] = [
        Self::Aes128Cbc,
        Self::Aes256Cbc,
        Self::Aes128Gcm,
        Self::Aes256Gcm,
    ];

    /// Says whether altered ciphertext is found out.
    pub fn is_authenticated(self) -> bool {
        matches!(self, Self::Aes128Gcm | Self::Aes256Gcm)
    }

    /// Returns the bytes of the content key.
    pub fn key_length(self) -> usize {
        match self {
            Self::Aes128Cbc | Self::Aes128Gcm => 16,
            Self::Aes256Cbc | Self::Aes256Gcm => 32,
        }
    }

    /// Returns the bytes of the initialisation vector or nonce that we write.
    pub fn iv_length(self) -> usize {
        if self.is_authenticated() { 12 } else { 16 }
    }

    /// Returns the name scripts know it by, such as `aes256-gcm`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aes128Cbc => "aes128-cbc",
            Self::Aes256Cbc => "aes256-cbc",
            Self::Aes128Gcm => "aes128-gcm",
            Self::Aes256Gcm => "aes256-gcm",
        }
    }

    /// Returns the identifier.
    pub fn oid(self) -> Oid {
        match self {
            Self::Aes128Cbc => oid::AES128_CBC,
            Self::Aes256Cbc => oid::AES256_CBC,
            Self::Aes128Gcm => oid::AES128_GCM,
            Self::Aes256Gcm => oid::AES256_GCM,
        }
    }

    /// Reads a DER ContentEncryptionAlgorithmIdentifier and returns the cipher, the initialisation
    /// vector or nonce, and the bytes of the tag (0 where there is none).
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::UnknownAlgorithm`]; [`Error::Unsupported`] for a nonce that
    /// is not 12 bytes or a tag shorter than 12 (RFC 5084 §3.2).
    pub fn from_identifier(der: &[u8]) -> Result<(Self, Vec<u8>, usize), Error> {
        let (algorithm, parameters) = split_identifier(der)?;
        let cipher = Self::ALL
            .into_iter()
            .find(|cipher| cipher.oid() == algorithm);
        let cipher = cipher.ok_or(Error::UnknownAlgorithm(algorithm))?;
        let mut reader = Reader::new(parameters);
        if !cipher.is_authenticated() {
            let iv = reader.octet_string("AES-IV")?;
            reader.finish("AES-IV")?;
            if iv.len() != cipher.iv_length() {
                return Err(Error::Unsupported(
                    "initialisation vector of other than 16 bytes",
                ));
            }
            return Ok((cipher, iv.to_vec(), 0));
        }
        let mut fields = reader.sequence("GCMParameters")?;
        reader.finish("GCMParameters")?;
        let nonce = fields.octet_string("aes-nonce")?;
        let tag = if fields.is_empty() {
            12
        } else {
            fields.small("aes-ICVlen")?
        };
        fields.finish("GCMParameters")?;
        if nonce.len() != cipher.iv_length() {
            return Err(Error::Unsupported("nonce of other than 12 bytes"));
        }
        if !(12..=16).contains(&tag) {
            return Err(Error::Unsupported("tag of other than 12 to 16 bytes"));
        }
        Ok((
            cipher,
            nonce.to_vec(),
            usize::try_from(tag).unwrap_or_default(),
        ))
    }

    /// Returns the DER ContentEncryptionAlgorithmIdentifier for an initialisation vector or nonce;
    /// the tag of an authenticated cipher is 16 bytes.
    pub fn identifier(self, iv: &[u8]) -> Vec<u8> {
        identifier(self.oid(), |w| {
            if self.is_authenticated() {
                w.sequence(|w| {
                    w.octet_string(iv);
                    w.small(16);
                });
            } else {
                w.octet_string(iv);
            }
        })
    }
}

fn split_identifier(der: &[u8]) -> Result<(Oid, &[u8]), Error> {
    let mut outer = Reader::new(der);
    let mut fields = outer.sequence("AlgorithmIdentifier")?;
    outer.finish("AlgorithmIdentifier")?;
    Ok((fields.oid()?, fields.rest()))
}

fn check_empty_or_null(parameters: &[u8]) -> Result<(), Error> {
    match parameters {
        [] | [5, 0] => Ok(()),
        _ => Err(Error::Unsupported("algorithm parameters")),
    }
}

/// RFC 4055 §3.1; the digest must be MGF1's too and the trailer field the default.
pub(crate) fn pss_parameters(parameters: &[u8]) -> Result<SignatureScheme, Error> {
    let what = "RSASSA-PSS-params";
    let mut outer = Reader::new(parameters);
    let mut fields = outer.sequence(what)?;
    outer.finish(what)?;
    let (digest, mgf) = hash_and_mgf(&mut fields)?;
    let salt = match fields.optional(Tag::context_constructed(2), what)? {
        Some(field) => only_small(&field, "saltLength")?,
        None => 20,
    };
    let trailer = match fields.optional(Tag::context_constructed(3), what)? {
        Some(field) => only_small(&field, "trailerField")?,
        None => 1,
    };
    fields.finish(what)?;
    if mgf != digest || trailer != 1 {
        return Err(Error::Unsupported("RSASSA-PSS parameters"));
    }
    let salt = u16::try_from(salt).map_err(|_| Error::Unsupported("RSASSA-PSS salt length"))?;
    Ok(SignatureScheme::RsaPss { digest, salt })
}

/// RFC 4055 §4.1; a label other than the empty one is not used in mail.
fn oaep_parameters(parameters: &[u8]) -> Result<KeyTransport, Error> {
    let what = "RSAES-OAEP-params";
    if parameters.is_empty() {
        return Ok(KeyTransport::RsaOaep {
            digest: DigestAlgorithm::Sha1,
            mgf: DigestAlgorithm::Sha1,
        });
    }
    let mut outer = Reader::new(parameters);
    let mut fields = outer.sequence(what)?;
    outer.finish(what)?;
    let (digest, mgf) = hash_and_mgf(&mut fields)?;
    if let Some(source) = fields.optional(Tag::context_constructed(2), what)? {
        let (algorithm, label) = split_identifier(source.content)?;
        if algorithm != oid::P_SPECIFIED || label != [4, 0] {
            return Err(Error::Unsupported("RSAES-OAEP label"));
        }
    }
    fields.finish(what)?;
    Ok(KeyTransport::RsaOaep { digest, mgf })
}

/// The two fields that PSS and OAEP share; both default to SHA-1.
fn hash_and_mgf(fields: &mut Reader<'_>) -> Result<(DigestAlgorithm, DigestAlgorithm), Error> {
    let digest = match fields.optional(Tag::context_constructed(0), "hashAlgorithm")? {
        Some(field) => DigestAlgorithm::from_identifier(field.content)?,
        None => DigestAlgorithm::Sha1,
    };
    let mgf = match fields.optional(Tag::context_constructed(1), "maskGenAlgorithm")? {
        Some(field) => match split_identifier(field.content)? {
            (oid::MGF1, hash) => DigestAlgorithm::from_identifier(hash)?,
            (other, _) => return Err(Error::UnknownAlgorithm(other)),
        },
        None => DigestAlgorithm::Sha1,
    };
    Ok((digest, mgf))
}

fn only_small(field: &Element<'_>, what: &'static str) -> Result<u32, Error> {
    let mut reader = field.reader();
    let number = reader.small(what)?;
    reader.finish(what)?;
    Ok(number)
}

fn write_hash_and_mgf(w: &mut Writer, digest: DigestAlgorithm, mgf: DigestAlgorithm) {
    if digest != DigestAlgorithm::Sha1 {
        w.constructed(Tag::context_constructed(0), |w| w.raw(&with_null(digest)));
    }
    if mgf != DigestAlgorithm::Sha1 {
        w.constructed(Tag::context_constructed(1), |w| w.raw(&mgf1(mgf)));
    }
}

fn identifier(oid: Oid, parameters: impl FnOnce(&mut Writer)) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(oid);
            parameters(w);
        });
    })
}

/// RFC 4055 §2.1 wants NULL here, unlike RFC 5754 §2.
fn with_null(digest: DigestAlgorithm) -> Vec<u8> {
    identifier(digest.oid(), Writer::null)
}

fn mgf1(digest: DigestAlgorithm) -> Vec<u8> {
    identifier(oid::MGF1, |w| w.raw(&with_null(digest)))
}

#[cfg(test)]
mod tests;
