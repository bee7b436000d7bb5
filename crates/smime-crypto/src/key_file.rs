mod pem;

use std::fmt;

use crate::{
    Curve, Error, Random, Secret,
    asn1::{Reader, Tag, Writer},
    pbe::{self, Budget, Passphrase, Scheme},
    private_key_info::{EcPrivateKey, PrivateKeyInfo, wrap_ec_der, wrap_rsa},
};

/// Reads a private key as people keep it, and returns it as plain PKCS#8.
///
/// The file is PEM or DER, and the key PKCS#8, protected PKCS#8 (by PBES2, PBES1 or a scheme of
/// PKCS#12), a PKCS#1 RSAPrivateKey or a SEC 1 ECPrivateKey, in PEM also encrypted as OpenSSL did
/// (RFC 1421 §4.6.1). Of a PEM file, which may hold certificates and text around, the first block
/// with a private key counts; [`read_private_keys`] reads them all. A passphrase that is not
/// needed is ignored.
///
/// # Errors
/// [`Error::PassphraseNeeded`], [`Error::WrongPassphrase`]; [`Error::Unsupported`] and
/// [`Error::UnknownAlgorithm`] for a kind of key or protection that this crate does not have, and
/// for a protection that costs more than 10 000 000 iterations or 256 MiB; [`Error::Malformed`].
pub fn read_private_key(file: &[u8], passphrase: Option<&Secret>) -> Result<Secret, Error> {
    read_private_key_within(file, passphrase, &mut Budget::new())
}

/// Reads a private key as [`read_private_key`] does, for what is left of `budget`: for keys of one
/// file that are read one by one.
///
/// # Errors
/// Those of [`read_private_key`].
pub fn read_private_key_within(
    file: &[u8],
    passphrase: Option<&Secret>,
    budget: &mut Budget,
) -> Result<Secret, Error> {
    match pem::Blocks::new(file).next() {
        Some((_, block)) => read_block(&block?, passphrase, budget),
        None if pem::has_blocks(file) => Err(Error::Unsupported("file without a private key")),
        None => read_der(file, passphrase, budget),
    }
}

/// Reads every private key of a file, each with where it begins, in bytes from the start of the
/// file, and as plain PKCS#8 or why it is not.
///
/// What [`read_private_key`] takes is taken, and one key that cannot be read does not cost the
/// others. All of them together may cost as much as one. The list is empty for a PEM file without
/// private keys.
pub fn read_private_keys(
    file: &[u8],
    passphrase: Option<&Secret>,
) -> Vec<(usize, Result<Secret, Error>)> {
    let mut budget = Budget::new();
    if !pem::has_blocks(file) {
        return vec![(0, read_der(file, passphrase, &mut budget))];
    }
    pem::Blocks::new(file)
        .map(|(position, block)| {
            let key = block.and_then(|block| read_block(&block, passphrase, &mut budget));
            (position, key)
        })
        .collect()
}

/// A private key as it rests: EncryptedPrivateKeyInfo (RFC 5958 §3) by PBES2 (RFC 8018 §6.2), or by
/// the older schemes if it came so.
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
        let (scheme, encrypted) = pbe::seal(pkcs8, passphrase, ITERATIONS_WRITTEN, random)?;
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
        open(&self.der, Some(passphrase), &mut Budget::new())
    }
}

impl fmt::Debug for ProtectedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProtectedKey")
    }
}

fn read_block(
    block: &pem::Block,
    passphrase: Option<&Secret>,
    budget: &mut Budget,
) -> Result<Secret, Error> {
    let Some(encryption) = &block.encryption else {
        let der = block.content.expose();
        return match block.form {
            pem::Form::Pkcs8 => PrivateKeyInfo::from_der(der).map(|_| Secret::from(der)),
            pem::Form::Protected => open(der, passphrase, budget),
            pem::Form::Rsa => Ok(wrap_rsa(der)),
            pem::Form::Ec => read_sec1(der, block.curve),
        };
    };
    let passphrase = passphrase.ok_or(Error::PassphraseNeeded)?;
    let plain = encryption.open(passphrase, block.content.expose())?;
    let der = plain.expose();
    // One wrong passphrase in 256 leaves padding that looks right, but no key.
    let key = match block.form {
        pem::Form::Rsa => is_sequence(der).map(|()| wrap_rsa(der)),
        pem::Form::Ec => read_sec1(der, block.curve),
        pem::Form::Pkcs8 | pem::Form::Protected => {
            return Err(Error::Unsupported("PKCS#8 encrypted by PEM headers"));
        }
    };
    let key = key.and_then(|key| PrivateKeyInfo::from_der(key.expose()).map(|_| key.clone()));
    key.map_err(no_key)
}

/// Tells the forms apart by their first elements.
fn read_der(der: &[u8], passphrase: Option<&Secret>, budget: &mut Budget) -> Result<Secret, Error> {
    let mut outer = Reader::new(der);
    let mut fields = outer.sequence("private key")?;
    outer.finish("private key")?;
    if fields.peek() == Some(Tag::SEQUENCE) {
        return open(der, passphrase, budget);
    }
    fields.small("version")?;
    match fields.peek() {
        Some(Tag::SEQUENCE) => PrivateKeyInfo::from_der(der).map(|_| Secret::from(der)),
        Some(Tag::INTEGER) => Ok(wrap_rsa(der)),
        Some(Tag::OCTET_STRING) => read_sec1(der, None),
        _ => Err(Error::Malformed {
            what: "private key",
            offset: fields.offset(),
        }),
    }
}

fn read_sec1(der: &[u8], around: Option<Curve>) -> Result<Secret, Error> {
    Ok(wrap_ec_der(EcPrivateKey::from_der(der, around)?.curve, der))
}

/// Decrypts an EncryptedPrivateKeyInfo.
fn open(der: &[u8], passphrase: Option<&Secret>, budget: &mut Budget) -> Result<Secret, Error> {
    let mut outer = Reader::new(der);
    let mut fields = outer.sequence(PROTECTED)?;
    outer.finish(PROTECTED)?;
    let scheme = Scheme::read(&mut fields)?;
    let encrypted = fields.octet_string("encryptedData")?;
    fields.finish(PROTECTED)?;
    let passphrase = Passphrase::new(Some(passphrase.ok_or(Error::PassphraseNeeded)?));
    let plain = scheme.open(&passphrase, encrypted, budget)?;
    // One wrong passphrase in 256 leaves padding that looks right, but no key.
    PrivateKeyInfo::from_der(plain.expose()).map_err(no_key)?;
    Ok(plain)
}

fn is_sequence(der: &[u8]) -> Result<(), Error> {
    let mut outer = Reader::new(der);
    let mut fields = outer.sequence("private key")?;
    outer.finish("private key")?;
    while !fields.is_empty() {
        fields.any("private key")?;
    }
    Ok(())
}

/// What was decrypted and is no key was decrypted wrongly.
fn no_key(error: Error) -> Error {
    match error {
        Error::Malformed { .. } => Error::WrongPassphrase,
        other => other,
    }
}

/// What OWASP recommends for PBKDF2 with HMAC-SHA-256.
const ITERATIONS_WRITTEN: u32 = 600_000;

const PROTECTED: &str = "EncryptedPrivateKeyInfo";

#[cfg(test)]
mod tests;
