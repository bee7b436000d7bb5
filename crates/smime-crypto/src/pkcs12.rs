mod bags;
mod mac;
mod write;

use std::fmt;

use crate::{
    Error, Oid, Secret,
    asn1::{Element, Reader, Tag, der_from_ber},
    pbe::{Budget, Passphrase},
};
use bags::Contents;

pub use write::Pkcs12Builder;

/// What a PKCS#12 file (RFC 7292) holds, decrypted.
///
/// Certificates and revocation lists are DER as they stand in the file, and are not looked into.
#[derive(Debug)]
#[non_exhaustive]
pub struct Pkcs12 {
    /// The private keys, each plain PKCS#8, of any algorithm.
    pub keys: Vec<Pkcs12Item<Secret>>,
    /// The certificates.
    pub certificates: Vec<Pkcs12Item<Vec<u8>>>,
    /// The certificate revocation lists.
    pub crls: Vec<Pkcs12Item<Vec<u8>>>,
    /// How the whole was checked.
    pub integrity: Pkcs12Integrity,
    /// Why other parts of the file could not be read: one bag each, or the bags that are encrypted
    /// together. Only where the MAC is right; without one, none may be wrong.
    pub refused: Vec<Error>,
    /// How many bags were passed over: those of other kinds, such as secrets, and certificates and
    /// revocation lists in bags that are malformed.
    pub passed_over: usize,
}

/// One thing out of a PKCS#12 file, and what its attributes say of it.
#[derive(Clone)]
pub struct Pkcs12Item<T> {
    /// The thing.
    pub value: T,
    /// The name that people gave it (RFC 2985 §5.5.1).
    pub friendly_name: Option<String>,
    /// What a key and its certificate have in common (RFC 2985 §5.5.2).
    pub local_key_id: Option<Vec<u8>>,
}

/// How a PKCS#12 file was checked before anything in it was decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pkcs12Integrity {
    /// A MAC under the passphrase is right.
    Mac,
    /// There is none, which RFC 7292 §4 leaves open: whoever had the file can have changed it.
    Absent,
}

impl Pkcs12 {
    /// Opens a file, DER or BER.
    ///
    /// The MAC, by the derivation of PKCS#12 or by PBMAC1 (RFC 9579), is checked before anything
    /// is decrypted. A file without one is opened too, and [`integrity`](Self::integrity) says so.
    /// `passphrase` is UTF-8; with `None` and with the empty one, both forms of an empty passphrase
    /// are tried. It is ignored where nothing needs it.
    ///
    /// Where the MAC is right, a bag that cannot be decrypted or parsed costs no other, and stands
    /// among the [`refused`](Self::refused); if nothing could be read at all, its error is that of
    /// the file. Where there is no MAC, the error of any bag is that of the file.
    ///
    /// # Errors
    /// [`Error::WrongPassphrase`], also when the file was altered; [`Error::PassphraseNeeded`];
    /// [`Error::Unsupported`] for integrity or privacy by public keys, for a file over 64 MiB, and
    /// before any work when it costs more than a [`Budget`]; [`Error::UnknownAlgorithm`];
    /// [`Error::Malformed`], where the offset counts in the innermost value after decoding.
    pub fn open(file: &[u8], passphrase: Option<&Secret>) -> Result<Self, Error> {
        Self::open_within(file, passphrase, &mut Budget::new())
    }

    /// Opens a file as [`open`](Self::open) does, for what is left of `budget`: for a file that
    /// is a part of another.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn open_within(
        file: &[u8],
        passphrase: Option<&Secret>,
        budget: &mut Budget,
    ) -> Result<Self, Error> {
        let needed = |error| match error {
            Error::WrongPassphrase if passphrase.is_none() => Error::PassphraseNeeded,
            other => other,
        };
        let mut opened = open(file, Passphrase::new(passphrase), budget).map_err(needed)?;
        for error in &mut opened.refused {
            *error = needed(*error);
        }
        Ok(opened)
    }
}

impl<T> fmt::Debug for Pkcs12Item<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkcs12Item")
            .field("friendly_name", &self.friendly_name)
            .field("local_key_id", &self.local_key_id)
            .finish_non_exhaustive()
    }
}

/// Reads PFX (RFC 7292 §4).
fn open(file: &[u8], mut passphrase: Passphrase, budget: &mut Budget) -> Result<Pkcs12, Error> {
    let file = der_from_ber(file, MAX_FILE)?;
    let mut outer = Reader::new(file.expose());
    let mut fields = outer.sequence("PFX")?;
    outer.finish("PFX")?;
    if fields.small("version")? != 3 {
        return Err(Error::Unsupported("version of the PKCS#12 file"));
    }
    let mut safe = ContentInfo::read(&mut fields)?;
    match safe.kind {
        DATA => {}
        SIGNED_DATA => return Err(Error::Unsupported("PKCS#12 integrity by a signature")),
        other => return Err(Error::UnknownAlgorithm(other)),
    }
    let safe = safe.content.octet_string("authSafe")?;
    let integrity = if fields.is_empty() {
        Pkcs12Integrity::Absent
    } else {
        mac::check(&mut fields, safe, &mut passphrase, budget)?;
        Pkcs12Integrity::Mac
    };
    fields.finish("PFX")?;
    let mut contents = Contents::new(passphrase, budget, integrity);
    contents.authenticated_safe(safe)?;
    contents.into_pkcs12()
}

/// ContentInfo (RFC 5652 §3).
struct ContentInfo<'a> {
    kind: Oid,
    content: Reader<'a>,
}

impl<'a> ContentInfo<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let mut fields = reader.sequence("ContentInfo")?;
        let kind = fields.oid()?;
        let content: Element<'a> = fields.read(Tag::context_constructed(0), "content")?;
        fields.finish("ContentInfo")?;
        let content = content.reader();
        Ok(Self { kind, content })
    }
}

/// The list of all authorities of a platform takes less than one.
const MAX_FILE: usize = 64 * 1024 * 1024;

// RFC 5652 §4, §5.1, §6.1, §8
const DATA: Oid = Oid::new("1.2.840.113549.1.7.1");
const SIGNED_DATA: Oid = Oid::new("1.2.840.113549.1.7.2");
const ENVELOPED_DATA: Oid = Oid::new("1.2.840.113549.1.7.3");
const ENCRYPTED_DATA: Oid = Oid::new("1.2.840.113549.1.7.6");

#[cfg(test)]
mod tests;
