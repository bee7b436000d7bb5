use super::{
    ContentInfo, DATA, ENCRYPTED_DATA, ENVELOPED_DATA, Pkcs12, Pkcs12Integrity, Pkcs12Item,
};
use crate::{
    Error, Oid, Secret,
    asn1::{Reader, Tag, der_from_ber},
    pbe::{Budget, Passphrase, Scheme},
};

/// What was found so far, and what finding more takes.
pub(super) struct Contents<'b> {
    passphrase: Passphrase,
    budget: &'b mut Budget,
    integrity: Pkcs12Integrity,
    keys: Vec<Pkcs12Item<Secret>>,
    certificates: Vec<Pkcs12Item<Vec<u8>>>,
    crls: Vec<Pkcs12Item<Vec<u8>>>,
    refused: Vec<Error>,
    passed_over: usize,
}

impl<'b> Contents<'b> {
    pub(super) fn new(
        passphrase: Passphrase,
        budget: &'b mut Budget,
        integrity: Pkcs12Integrity,
    ) -> Self {
        Self {
            passphrase,
            budget,
            integrity,
            keys: Vec::new(),
            certificates: Vec::new(),
            crls: Vec::new(),
            refused: Vec::new(),
            passed_over: 0,
        }
    }

    /// Returns what was found; the first error if that is nothing.
    pub(super) fn into_pkcs12(self) -> Result<Pkcs12, Error> {
        let found = self.keys.len() + self.certificates.len() + self.crls.len();
        match self.refused.first() {
            Some(error) if found == 0 => Err(*error),
            _ => Ok(Pkcs12 {
                keys: self.keys,
                certificates: self.certificates,
                crls: self.crls,
                integrity: self.integrity,
                refused: self.refused,
                passed_over: self.passed_over,
            }),
        }
    }

    /// Goes on after a part that could not be read, but not without a MAC: then the part may be
    /// what somebody altered.
    fn settle(&mut self, read: Result<(), Error>) -> Result<(), Error> {
        match (read, self.integrity) {
            (Err(error), Pkcs12Integrity::Mac) => {
                self.refused.push(error);
                Ok(())
            }
            (read, _) => read,
        }
    }

    /// Reads AuthenticatedSafe (RFC 7292 §4.1).
    pub(super) fn authenticated_safe(&mut self, ber: &[u8]) -> Result<(), Error> {
        let der = der_from_ber(ber, ber.len())?;
        let mut infos = Reader::new(der.expose()).sequence("AuthenticatedSafe")?;
        while !infos.is_empty() {
            let mut info = infos.clone();
            infos.any("ContentInfo")?;
            let read = self.content_info(&mut info);
            self.settle(read)?;
        }
        Ok(())
    }

    /// Reads the first ContentInfo of `infos`: bags, plain or encrypted together.
    fn content_info(&mut self, infos: &mut Reader<'_>) -> Result<(), Error> {
        let mut info = ContentInfo::read(infos)?;
        match info.kind {
            DATA => {
                let octets = info.content.octet_string("SafeContents")?;
                let contents = der_from_ber(octets, octets.len())?;
                self.safe_contents(&mut Reader::new(contents.expose()), MAX_DEPTH)
            }
            ENCRYPTED_DATA => {
                let plain = self.encrypted_data(&mut info.content)?;
                // A wrong passphrase can leave padding that looks right, but no contents.
                let contents = der_from_ber(plain.expose(), plain.expose().len())
                    .map_err(|_| Error::WrongPassphrase)?;
                self.safe_contents(&mut Reader::new(contents.expose()), MAX_DEPTH)
            }
            ENVELOPED_DATA => Err(Error::Unsupported("PKCS#12 privacy by a public key")),
            other => Err(Error::UnknownAlgorithm(other)),
        }
    }

    /// Decrypts EncryptedData (RFC 5652 §8).
    fn encrypted_data(&mut self, content: &mut Reader<'_>) -> Result<Secret, Error> {
        let mut fields = content.sequence("EncryptedData")?;
        fields.small("version")?;
        let mut info = fields.sequence("EncryptedContentInfo")?;
        info.oid()?;
        let scheme = Scheme::read(&mut info)?;
        let encrypted = info.any("encryptedContent")?;
        if encrypted.tag == Tag::context(0) {
            return scheme.open(&self.passphrase, encrypted.content, self.budget);
        }
        if encrypted.tag != Tag::context_constructed(0) {
            return Err(Error::Malformed {
                what: "encryptedContent",
                offset: encrypted.offset,
            });
        }
        // BER in segments, which the implicit tag hid from the conversion to DER.
        let (mut segments, mut joined) = (encrypted.reader(), Vec::new());
        while !segments.is_empty() {
            joined.extend_from_slice(segments.octet_string("encryptedContent")?);
        }
        scheme.open(&self.passphrase, &joined, self.budget)
    }

    /// Reads SafeContents (RFC 7292 §4.2), in which `depth` more may lie one in the other.
    fn safe_contents(&mut self, outer: &mut Reader<'_>, depth: usize) -> Result<(), Error> {
        let depth = depth
            .checked_sub(1)
            .ok_or(Error::Unsupported("PKCS#12 bags nested so deep"))?;
        let mut bags = outer.sequence("SafeContents")?;
        outer.finish("SafeContents")?;
        while !bags.is_empty() {
            let mut bag = bags.clone();
            bags.any("SafeBag")?;
            let read = self.safe_bag(&mut bag, depth);
            self.settle(read)?;
        }
        Ok(())
    }

    /// Reads the first SafeBag of `bags`.
    fn safe_bag(&mut self, bags: &mut Reader<'_>, depth: usize) -> Result<(), Error> {
        let mut bag = bags.sequence("SafeBag")?;
        let kind = bag.oid()?;
        let value = bag.read(Tag::context_constructed(0), "bagValue")?;
        let mut value = value.reader();
        let attributes = Attributes::read(&mut bag)?;
        bag.finish("SafeBag")?;
        match kind {
            KEY_BAG => {
                let key = value.any("PrivateKeyInfo")?;
                self.keys.push(attributes.item(Secret::from(key.raw)));
            }
            SHROUDED_KEY_BAG => {
                let key = self.shrouded_key(&mut value)?;
                self.keys.push(attributes.item(key));
            }
            CERT_BAG => match typed(&mut value, X509_CERTIFICATE) {
                Some(der) => self.certificates.push(attributes.item(der.to_vec())),
                None => self.passed_over += 1,
            },
            CRL_BAG => match typed(&mut value, X509_CRL) {
                Some(der) => self.crls.push(attributes.item(der.to_vec())),
                None => self.passed_over += 1,
            },
            SAFE_CONTENTS_BAG => self.safe_contents(&mut value, depth)?,
            _ => self.passed_over += 1,
        }
        Ok(())
    }

    /// Decrypts EncryptedPrivateKeyInfo (RFC 5958 §3).
    fn shrouded_key(&mut self, value: &mut Reader<'_>) -> Result<Secret, Error> {
        let mut fields = value.sequence("EncryptedPrivateKeyInfo")?;
        let scheme = Scheme::read(&mut fields)?;
        let encrypted = fields.octet_string("encryptedData")?;
        let plain = scheme.open(&self.passphrase, encrypted, self.budget)?;
        let mut outer = Reader::new(plain.expose());
        let whole = outer.sequence("key").and_then(|_| outer.finish("key"));
        whole.map_err(|_| Error::WrongPassphrase)?;
        Ok(plain)
    }
}

/// Returns the value of a CertBag or CRLBag (RFC 7292 §4.2.3, §4.2.4) of the wanted type.
// DEVIATION RFC 7292 §4.2.3: one that is malformed does not cost the others; because a file has
// the only copy of a key; test a_bag_that_is_malformed_costs_no_other.
fn typed<'a>(value: &mut Reader<'a>, wanted: Oid) -> Option<&'a [u8]> {
    let mut fields = value.sequence("CertBag").ok()?;
    let found = fields.oid().ok()?;
    let value = fields.read(Tag::context_constructed(0), "certValue").ok()?;
    let der = value.reader().octet_string("certValue").ok()?;
    (found == wanted).then_some(der)
}

/// The attributes of a bag that people use.
#[derive(Default)]
struct Attributes {
    friendly_name: Option<String>,
    local_key_id: Option<Vec<u8>>,
}

impl Attributes {
    /// Reads what is there; an attribute of another form than its own is passed over, for none
    /// of them decides anything.
    fn read(bag: &mut Reader<'_>) -> Result<Self, Error> {
        let mut found = Self::default();
        let Some(set) = bag.optional(Tag::SET, "bagAttributes")? else {
            return Ok(found);
        };
        let mut attributes = set.reader();
        while !attributes.is_empty() {
            let mut attribute = attributes.sequence("PKCS12Attribute")?;
            let kind = attribute.oid()?;
            let Ok(value) = attribute
                .set("attrValues")
                .and_then(|mut set| set.any("value"))
            else {
                continue;
            };
            match (kind, value.tag) {
                (FRIENDLY_NAME, Tag::BMP_STRING) => {
                    let units = value.content.chunks_exact(2);
                    let units: Vec<u16> = units
                        .map(|pair| {
                            pair.iter()
                                .fold(0, |unit, byte| unit << 8 | u16::from(*byte))
                        })
                        .collect();
                    found.friendly_name = Some(String::from_utf16_lossy(&units));
                }
                (LOCAL_KEY_ID, Tag::OCTET_STRING) => {
                    found.local_key_id = Some(value.content.to_vec());
                }
                _ => {}
            }
        }
        Ok(found)
    }

    fn item<T>(self, value: T) -> Pkcs12Item<T> {
        Pkcs12Item {
            value,
            friendly_name: self.friendly_name,
            local_key_id: self.local_key_id,
        }
    }
}

/// Nobody nests them; a test suite has seven in each other and calls eleven too many.
const MAX_DEPTH: usize = 8;

// RFC 7292 §4.2
const KEY_BAG: Oid = Oid::new("1.2.840.113549.1.12.10.1.1");
pub(super) const SHROUDED_KEY_BAG: Oid = Oid::new("1.2.840.113549.1.12.10.1.2");
pub(super) const CERT_BAG: Oid = Oid::new("1.2.840.113549.1.12.10.1.3");
const CRL_BAG: Oid = Oid::new("1.2.840.113549.1.12.10.1.4");
const SAFE_CONTENTS_BAG: Oid = Oid::new("1.2.840.113549.1.12.10.1.6");
// RFC 2985 §5.5
pub(super) const FRIENDLY_NAME: Oid = Oid::new("1.2.840.113549.1.9.20");
pub(super) const LOCAL_KEY_ID: Oid = Oid::new("1.2.840.113549.1.9.21");
// RFC 7292 §4.2.3, §4.2.4
pub(super) const X509_CERTIFICATE: Oid = Oid::new("1.2.840.113549.1.9.22.1");
const X509_CRL: Oid = Oid::new("1.2.840.113549.1.9.23.1");
