use std::{collections::BTreeSet, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use smime_crypto::{UnixTime, sha256};
use smime_x509::{Certificate, EmailAddress};

use crate::{
    Error,
    index::{Prefix, Query, same_name},
};

/// Mail that could not be opened or judged good, kept as received until it can be judged again.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptMail {
    /// When it was received.
    pub received: UnixTime,
    /// From when on [`expire_kept`](crate::Store::expire_kept) deletes it.
    pub expires: UnixTime,
    /// The mail, byte for byte.
    pub message: Vec<u8>,
    /// The stable code of why it is kept.
    pub code: String,
    /// The word for the verdict over its signatures.
    pub signature: String,
    /// The word for what of it was encrypted, or that it could not be decrypted.
    pub encryption: String,
    /// What would help to judge it, one of which is enough to try again.
    pub wants: Vec<Want>,
}

/// Something whose arrival may change how a mail is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// The certificate of an issuer and a serial number, or its key.
    Certificate {
        /// A DER Name.
        issuer: Vec<u8>,
        /// The content octets.
        serial: Vec<u8>,
    },
    /// A certificate of this subjectKeyIdentifier, or its key.
    SubjectKeyId(Vec<u8>),
    /// A certificate, a revocation list or another trust of who has this name, a DER Name.
    Issuer(Vec<u8>),
    /// A certificate of this address.
    Address(EmailAddress),
}

/// What a store keeps of a mail beside its bytes.
#[derive(Clone)]
pub(crate) struct KeptRecord {
    received: UnixTime,
    expires: UnixTime,
    code: String,
    signature: String,
    encryption: String,
    wants: Vec<Want>,
    /// The SHA-256 of the message.
    digest: [u8; 32],
}

impl Want {
    /// Returns what certificates that fulfil it are looked for by.
    fn query(&self) -> Query<'_> {
        match self {
            Self::Certificate { issuer, serial } => Query::IssuerAndSerial { issuer, serial },
            Self::SubjectKeyId(id) => Query::SubjectKeyId(id),
            Self::Issuer(name) => Query::Authority(name),
            Self::Address(address) => Query::Address(address),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Certificate { issuer, serial } => issuer.len().saturating_add(serial.len()),
            Self::SubjectKeyId(bytes) | Self::Issuer(bytes) => bytes.len(),
            Self::Address(address) => address.as_str().len(),
        }
    }
}

impl KeptRecord {
    /// Returns what is kept of a mail beside its bytes, unless it is too large.
    pub(crate) fn of(mail: &KeptMail) -> Result<Self, Error> {
        let wants = mail.wants.iter().map(Want::size);
        let size = wants.fold(mail.message.len(), usize::saturating_add);
        let words = [&mail.code, &mail.signature, &mail.encryption];
        let words = words.into_iter().map(String::len);
        if words.fold(size, usize::saturating_add) > MAX_MAIL {
            return Err(Error::MailTooLarge);
        }
        Ok(Self {
            received: mail.received,
            expires: mail.expires,
            code: mail.code.clone(),
            signature: mail.signature.clone(),
            encryption: mail.encryption.clone(),
            wants: mail.wants.clone(),
            digest: sha256(&[&mail.message]),
        })
    }

    /// Returns the mail.
    pub(crate) fn with_message(self, message: Vec<u8>) -> KeptMail {
        KeptMail {
            received: self.received,
            expires: self.expires,
            message,
            code: self.code,
            signature: self.signature,
            encryption: self.encryption,
            wants: self.wants,
        }
    }

    /// Returns the prefix under which the same message is found.
    pub(crate) fn same_message(&self) -> Prefix {
        Query::Fingerprint(&self.digest).prefix()
    }

    pub(crate) fn is_of_same_message(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// Returns the index entries that lead to the mail of number `id`.
    pub(crate) fn entries(&self, id: u64) -> BTreeSet<u128> {
        let wants = self.wants.iter().map(|want| want.query().prefix());
        let others = [self.same_message(), Prefix::expiry(self.expires)];
        let prefixes = wants.chain(others);
        prefixes.map(|prefix| prefix.entry(id)).collect()
    }

    /// Says whether a certificate fulfils one of the wants.
    pub(crate) fn wants_certificate(&self, certificate: &Certificate) -> bool {
        let mut wants = self.wants.iter();
        wants.any(|want| want.query().matches(certificate))
    }

    /// Says whether something of who has `name`, a DER Name, fulfils one of the wants.
    pub(crate) fn wants_issuer(&self, name: &[u8]) -> bool {
        let mut wants = self.wants.iter();
        wants.any(|want| matches!(want, Want::Issuer(wanted) if same_name(wanted, name)))
    }

    pub(crate) fn to_json(&self) -> Result<Vec<u8>, Error> {
        let stored = StoredRecord {
            received: self.received.0,
            expires: self.expires.0,
            code: self.code.clone(),
            signature: self.signature.clone(),
            encryption: self.encryption.clone(),
            wants: self.wants.iter().map(StoredWant::of).collect(),
            digest: STANDARD.encode(self.digest),
        };
        serde_json::to_vec(&stored).map_err(|error| Error::Database(error.to_string()))
    }

    pub(crate) fn from_json(json: &[u8]) -> Result<Self, Error> {
        let read = || {
            let stored: StoredRecord = serde_json::from_slice(json).ok()?;
            let wants = stored.wants.into_iter().map(StoredWant::want);
            Some(Self {
                received: UnixTime(stored.received),
                expires: UnixTime(stored.expires),
                code: stored.code,
                signature: stored.signature,
                encryption: stored.encryption,
                wants: wants.collect::<Option<_>>()?,
                digest: STANDARD.decode(stored.digest).ok()?.try_into().ok()?,
            })
        };
        read().ok_or(Error::Damaged("kept mail"))
    }
}

/// Returns the prefixes under which the wants stand that a certificate fulfils.
pub(crate) fn fulfilled_by(certificate: &Certificate) -> Vec<Prefix> {
    let (issuer, serial) = (certificate.issuer().der(), certificate.serial());
    let mut prefixes = vec![
        Query::IssuerAndSerial { issuer, serial }.prefix(),
        of_issuer(certificate.subject().der()),
    ];
    let key_id = certificate.subject_key_id();
    prefixes.extend(key_id.map(|id| Query::SubjectKeyId(id).prefix()));
    let emails = certificate.emails().iter();
    prefixes.extend(emails.map(|email| Query::Address(email).prefix()));
    prefixes
}

/// Returns the prefix under which [`Want::Issuer`] stands.
pub(crate) fn of_issuer(name: &[u8]) -> Prefix {
    Query::Authority(name).prefix()
}

/// The stored form, in which octets are base64. Names are part of the file's layout.
#[derive(Serialize, Deserialize)]
struct StoredRecord {
    received: i64,
    expires: i64,
    code: String,
    signature: String,
    encryption: String,
    wants: Vec<StoredWant>,
    digest: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredWant {
    Certificate { issuer: String, serial: String },
    SubjectKeyId(String),
    Issuer(String),
    Address(String),
}

impl StoredWant {
    fn of(want: &Want) -> Self {
        match want {
            Want::Certificate { issuer, serial } => Self::Certificate {
                issuer: STANDARD.encode(issuer),
                serial: STANDARD.encode(serial),
            },
            Want::SubjectKeyId(id) => Self::SubjectKeyId(STANDARD.encode(id)),
            Want::Issuer(name) => Self::Issuer(STANDARD.encode(name)),
            Want::Address(address) => Self::Address(address.as_str().to_owned()),
        }
    }

    fn want(self) -> Option<Want> {
        Some(match self {
            Self::Certificate { issuer, serial } => Want::Certificate {
                issuer: STANDARD.decode(issuer).ok()?,
                serial: STANDARD.decode(serial).ok()?,
            },
            Self::SubjectKeyId(id) => Want::SubjectKeyId(STANDARD.decode(id).ok()?),
            Self::Issuer(name) => Want::Issuer(STANDARD.decode(name).ok()?),
            Self::Address(address) => Want::Address(EmailAddress::new(&address)?),
        })
    }
}

/// Says nothing of what is in the mail.
impl fmt::Debug for KeptMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptMail")
            .field("received", &self.received)
            .field("expires", &self.expires)
            .field("bytes", &self.message.len())
            .field("code", &self.code)
            .field("wants", &self.wants)
            .finish()
    }
}

/// As much as one record may take of a store, whose bound is with who keeps mail.
const MAX_MAIL: usize = 64 << 20;
