mod pem;

use std::fmt;

use pkcs8::{
    EncryptedPrivateKeyInfoRef,
    pkcs5::{self, EncryptionScheme, pbes2},
};

use crate::{
    Error, Random, Secret,
    asn1::{Reader, Tag, Writer},
    private_key_info::{EcPrivateKey, PrivateKeyInfo, wrap_ec_der, wrap_rsa},
};

/// Reads a private key as people keep it, and returns it as plain PKCS#8.
///
/// The file is PEM or DER, and the key PKCS#8, PBES2-protected PKCS#8, a PKCS#1 RSAPrivateKey or a
/// SEC 1 ECPrivateKey. Of a PEM file, which may hold certificates and text around, the first block
/// with a private key counts. A passphrase that is not needed is ignored.
///
/// # Errors
/// [`Error::PassphraseNeeded`], [`Error::WrongPassphrase`]; [`Error::Unsupported`] and
/// [`Error::UnknownAlgorithm`] for a kind of key or protection that this crate does not have, and
/// for a protection that costs more than 10 000 000 iterations or 256 MiB; [`Error::Malformed`].
pub fn read_private_key(file: &[u8], passphrase: Option<&Secret>) -> Result<Secret, Error> {
    let Some((form, der)) = pem::private_key(file)? else {
        return read_der(file, passphrase);
    };
    let der = der.expose();
    match form {
        pem::Form::Pkcs8 => PrivateKeyInfo::from_der(der).map(|_| Secret::from(der)),
        pem::Form::Protected => open(der, passphrase),
        pem::Form::Rsa => Ok(wrap_rsa(der)),
        pem::Form::Ec => read_sec1(der),
    }
}

/// A private key as it rests: EncryptedPrivateKeyInfo (RFC 5958 §3) by PBES2 (RFC 8018 §6.2).
#[derive(Clone, PartialEq, Eq)]
pub struct ProtectedKey {
    der: Vec<u8>,
}

impl ProtectedKey {
    /// Encrypts a plain PKCS#8 key: AES-256-CBC under PBKDF2 with HMAC-SHA-256 and 600 000
    /// iterations, which every peer reads.
    ///
    /// # Errors
    /// [`Error::NoRandomness`]; what [`CryptoProvider`](crate::CryptoProvider) says of a key that
    /// is none.
    pub fn protect(
        pkcs8: &Secret,
        passphrase: &Secret,
        random: &dyn Random,
    ) -> Result<Self, Error> {
        PrivateKeyInfo::from_der(pkcs8.expose())?;
        let (mut salt, mut iv) = ([0; 16], [0; 16]);
        random.fill(&mut salt)?;
        random.fill(&mut iv)?;
        let scheme =
            pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(ITERATIONS_WRITTEN, &salt, iv)
                .map(EncryptionScheme::from)
                .map_err(|_| PROTECTION)?;
        let encrypted = scheme
            .encrypt(passphrase.expose(), pkcs8.expose())
            .map_err(|_| PROTECTION)?;
        let scheme = pkcs8::der::Encode::to_der(&scheme).map_err(|_| PROTECTION)?;
        let der = Writer::encode(|w| {
            w.sequence(|w| {
                w.raw(&scheme);
                w.octet_string(&encrypted);
            });
        });
        Ok(Self { der })
    }

    /// Reads a DER EncryptedPrivateKeyInfo; its algorithms are looked at when it is opened.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let mut outer = Reader::new(der);
        let mut fields = outer.sequence(PROTECTED)?;
        outer.finish(PROTECTED)?;
        fields.sequence("AlgorithmIdentifier")?.oid()?;
        fields.octet_string("encryptedData")?;
        fields.finish(PROTECTED)?;
        Ok(Self { der: der.to_vec() })
    }

    /// Returns the DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Decrypts to plain PKCS#8.
    ///
    /// # Errors
    /// [`Error::WrongPassphrase`], also when the protected bytes were altered; the others of
    /// [`read_private_key`].
    pub fn open(&self, passphrase: &Secret) -> Result<Secret, Error> {
        let what = PROTECTED;
        let info =
            EncryptedPrivateKeyInfoRef::try_from(self.der.as_slice()).map_err(
                |error| match error {
                    pkcs8::Error::Asn1(error)
                        if matches!(error.kind(), pkcs8::der::ErrorKind::OidUnknown { .. }) =>
                    {
                        PROTECTION
                    }
                    _ => Error::Malformed { what, offset: 0 },
                },
            )?;
        let Some(parameters) = info.encryption_algorithm.pbes2() else {
            return Err(Error::Unsupported("protection by PBES1"));
        };
        check_cost(&parameters.kdf)?;
        let decrypted = parameters.decrypt(passphrase.expose(), info.encrypted_data.as_ref());
        let plain = Secret::new(decrypted.map_err(|error| match error {
            pkcs5::Error::DecryptFailed => Error::WrongPassphrase,
            _ => PROTECTION,
        })?);
        // One wrong passphrase in 256 leaves padding that looks right, but no key.
        match PrivateKeyInfo::from_der(plain.expose()) {
            Err(Error::Malformed { .. }) => Err(Error::WrongPassphrase),
            Err(other) => Err(other),
            Ok(_) => Ok(plain),
        }
    }
}

impl fmt::Debug for ProtectedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProtectedKey")
    }
}

/// Tells the forms apart by their first elements.
fn read_der(der: &[u8], passphrase: Option<&Secret>) -> Result<Secret, Error> {
    let mut outer = Reader::new(der);
    let mut fields = outer.sequence("private key")?;
    outer.finish("private key")?;
    if fields.peek() == Some(Tag::SEQUENCE) {
        return open(der, passphrase);
    }
    fields.small("version")?;
    match fields.peek() {
        Some(Tag::SEQUENCE) => PrivateKeyInfo::from_der(der).map(|_| Secret::from(der)),
        Some(Tag::INTEGER) => Ok(wrap_rsa(der)),
        Some(Tag::OCTET_STRING) => read_sec1(der),
        _ => Err(Error::Malformed {
            what: "private key",
            offset: fields.offset(),
        }),
    }
}

fn read_sec1(der: &[u8]) -> Result<Secret, Error> {
    Ok(wrap_ec_der(EcPrivateKey::from_der(der, None)?.curve, der))
}

fn open(der: &[u8], passphrase: Option<&Secret>) -> Result<Secret, Error> {
    let key = ProtectedKey::from_der(der)?;
    key.open(passphrase.ok_or(Error::PassphraseNeeded)?)
}

/// Refuses before any work what would cost more than a key may: the file can be anybody's.
fn check_cost(kdf: &pbes2::Kdf) -> Result<(), Error> {
    let affordable = match kdf {
        pbes2::Kdf::Pbkdf2(parameters) => {
            (1..=ITERATIONS_READ).contains(&parameters.iteration_count)
        }
        pbes2::Kdf::Scrypt(parameters) => {
            let (n, r) = (parameters.cost_parameter, u64::from(parameters.block_size));
            let p = u64::from(parameters.parallelization);
            // RFC 7914 §2 and §6: 128·r·N bytes of memory, filled p times.
            let memory = n.checked_mul(r).and_then(|blocks| blocks.checked_mul(128));
            n.is_power_of_two()
                && (1..=64).contains(&r)
                && (1..=16).contains(&p)
                && n >= 2
                && memory.is_some_and(|memory| memory <= SCRYPT_MEMORY)
        }
        _ => false,
    };
    if affordable {
        Ok(())
    } else {
        Err(Error::Unsupported("cost of the key's protection"))
    }
}

/// What OWASP recommends for PBKDF2 with HMAC-SHA-256.
const ITERATIONS_WRITTEN: u32 = 600_000;
/// Some seconds of work.
const ITERATIONS_READ: u32 = 10_000_000;
const SCRYPT_MEMORY: u64 = 256 * 1024 * 1024;

const PROTECTED: &str = "EncryptedPrivateKeyInfo";
const PROTECTION: Error = Error::Unsupported("protection of the key");

#[cfg(test)]
mod tests;
