use serde::{Deserialize, Serialize};
use smime_crypto::{UnixTime, sha256};
use smime_x509::{Certificate, EmailAddress};

use crate::{Error, error::Hex};

/// What a peer announced in signed mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// What the peer can read, a DER SMIMECapabilities (RFC 8551 §2.5.2).
    pub capabilities: Vec<u8>,
    /// When it was signed, as the signer says; absent if they did not.
    pub signed: Option<UnixTime>,
    /// When it was learned.
    pub received: UnixTime,
    /// The SHA-256 of the certificate that it was signed with.
    pub certificate: [u8; 32],
}

/// A mail address, and what was announced by it last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address, [folded](EmailAddress::folded).
    pub address: String,
    /// What was announced.
    pub announcement: Announcement,
}

/// A certificate that came with mail and waits for whoever decides about it; no look-up finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The certificate.
    pub certificate: Certificate,
    /// Those between it and an anchor, which it is proven by.
    pub issuers: Vec<Certificate>,
    /// Whom the mail was from.
    pub address: EmailAddress,
    /// When it came.
    pub received: UnixTime,
    /// The Message-ID of the mail.
    pub message_id: Option<String>,
    /// The SHA-256 of those stored certificates of its addresses that have another key.
    pub differs_from: Vec<[u8; 32]>,
    /// What was announced with it, and counts if it is accepted.
    pub announcement: Option<Announcement>,
}

/// What came of quarantining a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quarantining {
    /// It waits.
    Added,
    /// It waited already; nothing changed.
    AlreadyThere,
    /// There is no room for it: so many wait altogether or of its address, or it is too large.
    Full,
}

impl Announcement {
    /// Says whether this takes the place of an earlier one: it was signed later.
    ///
    /// One without a time is taken for the oldest there is, so that whoever sends a mail again
    /// brings nothing back.
    pub(crate) fn replaces(&self, other: &Self) -> bool {
        self.signed > other.signed
    }
}

/// Where a quarantined certificate stands: by the address of the mail, and by its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QuarantineKey(pub(crate) [u8; 64]);

impl QuarantineKey {
    pub(crate) fn of(quarantined: &Quarantined) -> Self {
        let address = sha256(&[quarantined.address.folded().as_bytes()]);
        Self::new(address, quarantined.certificate.fingerprint())
    }

    /// Returns the least and the greatest key of the same address.
    pub(crate) fn of_address(self) -> (Self, Self) {
        let (address, _) = self.parts();
        (Self::new(address, [0; 32]), Self::new(address, [0xff; 32]))
    }

    pub(crate) fn fingerprint(self) -> [u8; 32] {
        self.parts().1
    }

    fn new(address: [u8; 32], fingerprint: [u8; 32]) -> Self {
        let mut key = [0; 64];
        let parts = address.into_iter().chain(fingerprint);
        key.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        Self(key)
    }

    fn parts(self) -> ([u8; 32], [u8; 32]) {
        let (address, fingerprint) = self.0.split_at(32);
        let part = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).expect("half of 64");
        (part(address), part(fingerprint))
    }
}

/// Says whether there is room for one more beside so many altogether and of its address.
pub(crate) fn has_room(quarantined: &Quarantined, all: u64, of_address: u64) -> bool {
    let certificates = [&quarantined.certificate].into_iter();
    let certificates = certificates.chain(&quarantined.issuers);
    let certificates = certificates.map(|it| it.der().len());
    let words = quarantined.message_id.as_ref().map(String::len);
    let announced = quarantined.announcement.as_ref();
    let announced = announced.map(|it| it.capabilities.len());
    let size: usize = certificates.chain(words).chain(announced).sum();
    all < MOST && of_address < MOST_OF_ADDRESS && size <= LARGEST
}

/// Returns what is remembered of a certificate that was rejected: the SHA-256 of what is signed of it.
///
/// Not of the signature, which whoever holds an ECDSA certificate can make another valid one of (s
/// and n - s, SEC 1 §4.1.4).
pub(crate) fn rejection_of(certificate: &Certificate) -> [u8; 32] {
    sha256(&[certificate.tbs()])
}

/// Brings what is quarantined into the order in which it came.
pub(crate) fn in_order(mut all: Vec<Quarantined>) -> Vec<Quarantined> {
    all.sort_by_key(|one| (one.received, one.certificate.fingerprint()));
    all
}

/// The stored form of an [`Announcement`].
#[derive(Serialize, Deserialize)]
pub(crate) struct AnnouncementRecord {
    capabilities: String,
    signed: Option<i64>,
    received: i64,
    certificate: String,
}

impl AnnouncementRecord {
    pub(crate) fn of(announcement: &Announcement) -> Self {
        Self {
            capabilities: hex(&announcement.capabilities),
            signed: announcement.signed.map(|time| time.0),
            received: announcement.received.0,
            certificate: hex(&announcement.certificate),
        }
    }

    pub(crate) fn read(self) -> Result<Announcement, Error> {
        Ok(Announcement {
            capabilities: unhex(&self.capabilities)?,
            signed: self.signed.map(UnixTime),
            received: UnixTime(self.received),
            certificate: fingerprint(&self.certificate)?,
        })
    }
}

/// The stored form of what is [`Quarantined`].
#[derive(Serialize, Deserialize)]
pub(crate) struct QuarantineRecord {
    certificate: String,
    issuers: Vec<String>,
    address: String,
    received: i64,
    message_id: Option<String>,
    differs_from: Vec<String>,
    announcement: Option<AnnouncementRecord>,
}

impl QuarantineRecord {
    pub(crate) fn of(one: &Quarantined) -> Self {
        Self {
            certificate: hex(one.certificate.der()),
            issuers: one.issuers.iter().map(|it| hex(it.der())).collect(),
            address: one.address.to_string(),
            received: one.received.0,
            message_id: one.message_id.clone(),
            differs_from: one.differs_from.iter().map(|it| hex(it)).collect(),
            announcement: one.announcement.as_ref().map(AnnouncementRecord::of),
        }
    }

    pub(crate) fn read(self) -> Result<Quarantined, Error> {
        let differs_from = self.differs_from.iter().map(|it| fingerprint(it));
        let issuers = self.issuers.iter().map(|it| certificate(it));
        let announcement = self.announcement.map(AnnouncementRecord::read);
        Ok(Quarantined {
            certificate: certificate(&self.certificate)?,
            issuers: issuers.collect::<Result<_, _>>()?,
            address: EmailAddress::new(&self.address).ok_or(DAMAGED)?,
            received: UnixTime(self.received),
            message_id: self.message_id,
            differs_from: differs_from.collect::<Result<_, _>>()?,
            announcement: announcement.transpose()?,
        })
    }
}

fn certificate(digits: &str) -> Result<Certificate, Error> {
    Certificate::from_der(&unhex(digits)?).map_err(|_| DAMAGED)
}

fn fingerprint(digits: &str) -> Result<[u8; 32], Error> {
    unhex(digits)?.try_into().map_err(|_| DAMAGED)
}

fn hex(bytes: &[u8]) -> String {
    Hex(bytes).to_string()
}

fn unhex(digits: &str) -> Result<Vec<u8>, Error> {
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else {
        return Err(DAMAGED);
    };
    let byte = |pair: &[u8; 2]| {
        let digits = str::from_utf8(pair).ok()?;
        u8::from_str_radix(digits, 16).ok()
    };
    let bytes = pairs.iter().map(|pair| byte(pair).ok_or(DAMAGED));
    bytes.collect()
}

const DAMAGED: Error = Error::Damaged("what was learned of a peer");

/// Certificates that wait altogether: as many as somebody looks through.
const MOST: u64 = 1_000;

/// Those of one address: more than anybody has in use.
const MOST_OF_ADDRESS: u64 = 8;

/// Bytes of a certificate, its issuers and what else is kept with it: some dozen of usual ones.
const LARGEST: usize = 64 << 10;
