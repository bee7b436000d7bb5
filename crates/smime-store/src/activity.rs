use serde::{Deserialize, Serialize};
use smime_crypto::{UnixTime, sha256};

use crate::{Error, error::Hex};

/// One operation, as the activity log keeps it: codes, fingerprints, addresses and times; never
/// content, never key material.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// When it happened.
    pub time: UnixTime,
    /// Incoming mail, outgoing mail, or the store itself.
    pub direction: Direction,
    /// What was done.
    pub operation: Operation,
    /// How it ended.
    pub outcome: Outcome,
    /// The stable code of the reason, as of the errors' `code()`.
    pub code: String,
    /// The Message-ID of the mail.
    pub message_id: Option<String>,
    /// Who sent it.
    pub from: Option<String>,
    /// Who is to have it.
    pub to: Vec<String>,
    /// SHA-256 fingerprints of the certificates that took part.
    pub certificates: Vec<[u8; 32]>,
    /// The digests, signature schemes and ciphers that took part, by their names.
    pub algorithms: Vec<String>,
    /// SHA-256 of the input as it came.
    pub input_digest: Option<[u8; 32]>,
    /// One sentence for people.
    pub detail: String,
}

impl Activity {
    /// Begins an entry of what went well, which says nothing more yet.
    pub fn new(time: UnixTime, direction: Direction, operation: Operation, code: &str) -> Self {
        Self {
            time,
            direction,
            operation,
            outcome: Outcome::Ok,
            code: code.to_owned(),
            message_id: None,
            from: None,
            to: Vec::new(),
            certificates: Vec::new(),
            algorithms: Vec::new(),
            input_digest: None,
            detail: String::new(),
        }
    }
}

/// Which way a mail went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Incoming mail.
    In,
    /// Outgoing mail.
    Out,
    /// No mail: the store was changed.
    Store,
}

/// What was done.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A mail was sealed as its options asked.
    Seal,
    /// A mail was signed.
    Sign,
    /// A mail was encrypted.
    Encrypt,
    /// A signature was judged.
    Verify,
    /// A mail was decrypted.
    Decrypt,
    /// Certificates or a key were imported.
    Import,
    /// A certificate was made, of an authority or by one.
    Issue,
    /// A key was made, and a request for its certificate.
    Request,
    /// The defaults of a group, a domain or an address were set or deleted.
    Defaults,
    /// The settings of the store were changed.
    Settings,
    /// Old entries of this log were deleted.
    Forget,
    /// Kept mail was judged again, and otherwise than before.
    Retry,
    /// Certificates or a key were deleted.
    Delete,
    /// A private key was let out of the store.
    Export,
    /// Something was learned from mail, or decided about what was.
    Learn,
    /// Certificates were pinned for an address, or an address unpinned.
    Pin,
    /// Certificates became anchors, distrusted, or neither.
    Trust,
    /// The private keys were sealed under a store key.
    Protect,
    /// The private keys were sealed under another store key.
    Rotate,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done, and good.
    Ok,
    /// Not done, or judged not good.
    Failed,
    /// Mail that was to go nowhere, because it could not be protected.
    Discarded,
}

/// An entry of the activity log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its number; the first is 1.
    pub id: u64,
    /// Who acted, as whoever opened the store said.
    pub actor: Option<String>,
    /// What happened.
    pub activity: Activity,
    /// SHA-256 over the hash of the entry before it and this one's bytes.
    pub hash: [u8; 32],
}

impl Direction {
    /// Returns the word for it: `in`, `out` or `store`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
            Self::Store => "store",
        }
    }
}

impl Operation {
    /// Returns the word for it, such as `import`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Sign => "sign",
            Self::Encrypt => "encrypt",
            Self::Verify => "verify",
            Self::Decrypt => "decrypt",
            Self::Import => "import",
            Self::Issue => "issue",
            Self::Request => "request",
            Self::Defaults => "defaults",
            Self::Settings => "settings",
            Self::Forget => "forget",
            Self::Retry => "retry",
            Self::Delete => "delete",
            Self::Export => "export",
            Self::Learn => "learn",
            Self::Pin => "pin",
            Self::Trust => "trust",
            Self::Protect => "protect",
            Self::Rotate => "rotate",
        }
    }
}

impl Outcome {
    /// Returns the word for it: `ok`, `failed` or `discarded`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Discarded => "discarded",
        }
    }
}

/// An entry's number and hash: of the last one written, which the next is chained to and where the
/// log must end; of the last one deleted, where it must begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) id: u64,
    pub(crate) hash: [u8; 32],
}

impl Head {
    /// Returns the next entry's bytes as stored, and the head after it.
    pub(crate) fn append(
        self,
        activity: &Activity,
        actor: Option<&str>,
    ) -> Result<(Vec<u8>, Self), Error> {
        let entry = encode(activity, actor)?;
        let hash = sha256(&[&self.hash, &entry]);
        let id = self
            .id
            .checked_add(1)
            .ok_or(Error::Damaged("activity number"))?;
        Ok(([&hash[..], &entry].concat(), Self { id, hash }))
    }

    /// Returns the head after a stored entry that follows this one.
    pub(crate) fn follow(self, id: u64, stored: &[u8]) -> Result<Self, Error> {
        let broken = Error::LogBroken {
            id: self.id.saturating_add(1),
        };
        let Some((hash, entry)) = stored.split_first_chunk() else {
            return Err(broken);
        };
        let chained = sha256(&[&self.hash, entry]) == *hash && self.id.checked_add(1) == Some(id);
        if chained && decode(entry).is_some() {
            Ok(Self { id, hash: *hash })
        } else {
            Err(broken)
        }
    }

    /// Checks that a walk over all entries that ended here ended where the log was written last.
    pub(crate) fn check_last(self, written: Self) -> Result<(), Error> {
        let id = self.id.saturating_add(u64::from(self.id < written.id));
        if self == written {
            Ok(())
        } else {
            Err(Error::LogBroken { id })
        }
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        [&self.id.to_be_bytes()[..], &self.hash].concat()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (id, hash) = bytes.split_first_chunk()?;
        Some(Self {
            id: u64::from_be_bytes(*id),
            hash: hash.try_into().ok()?,
        })
    }
}

/// Reads an entry as [`Head::append`] made it.
pub(crate) fn read_entry(id: u64, stored: &[u8]) -> Result<Recorded, Error> {
    let (hash, entry) = stored.split_first_chunk().ok_or(Error::LogBroken { id })?;
    let (activity, actor) = decode(entry).ok_or(Error::LogBroken { id })?;
    Ok(Recorded {
        id,
        actor,
        activity,
        hash: *hash,
    })
}

/// The stored form. Names are part of the file's layout.
#[derive(Serialize, Deserialize)]
struct Entry {
    time: i64,
    /// Not written where nobody said who it is, and in entries of before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    direction: Direction,
    operation: Operation,
    outcome: Outcome,
    code: String,
    message_id: Option<String>,
    from: Option<String>,
    to: Vec<String>,
    certificates: Vec<String>,
    /// Absent in entries of before it was recorded, and where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    algorithms: Vec<String>,
    input_digest: Option<String>,
    detail: String,
}

fn encode(activity: &Activity, actor: Option<&str>) -> Result<Vec<u8>, Error> {
    let entry = Entry {
        time: activity.time.0,
        actor: actor.map(str::to_owned),
        direction: activity.direction,
        operation: activity.operation,
        outcome: activity.outcome,
        code: activity.code.clone(),
        message_id: activity.message_id.clone(),
        from: activity.from.clone(),
        to: activity.to.clone(),
        certificates: activity
            .certificates
            .iter()
            .map(|digest| Hex(digest).to_string())
            .collect(),
        algorithms: activity.algorithms.clone(),
        input_digest: activity.input_digest.map(|digest| Hex(&digest).to_string()),
        detail: activity.detail.clone(),
    };
    serde_json::to_vec(&entry).map_err(|error| Error::Database(error.to_string()))
}

fn decode(bytes: &[u8]) -> Option<(Activity, Option<String>)> {
    let entry: Entry = serde_json::from_slice(bytes).ok()?;
    let activity = Activity {
        time: UnixTime(entry.time),
        direction: entry.direction,
        operation: entry.operation,
        outcome: entry.outcome,
        code: entry.code,
        message_id: entry.message_id,
        from: entry.from,
        to: entry.to,
        certificates: entry
            .certificates
            .iter()
            .map(|hex| unhex(hex))
            .collect::<Option<_>>()?,
        algorithms: entry.algorithms,
        input_digest: match &entry.input_digest {
            Some(hex) => Some(unhex(hex)?),
            None => None,
        },
        detail: entry.detail,
    };
    Some((activity, entry.actor))
}

fn unhex(hex: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if hex.len() != 64 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_before_algorithms_were_recorded_are_read_and_stay_chained() {
        let old = format!(
            r#"{{"time":1,"direction":"in","operation":"verify","outcome":"ok","code":"good","message_id":"<1@a>","from":null,"to":["b@c"],"certificates":["{0}"],"input_digest":"{0}","detail":""}}"#,
            "07".repeat(32),
        );
        let hash = sha256(&[&[0; 32], old.as_bytes()]);
        let stored = [&hash[..], old.as_bytes()].concat();
        let head = Head::default().follow(1, &stored).unwrap();
        let read = read_entry(1, &stored).unwrap();
        assert!(read.activity.algorithms.is_empty());
        assert_eq!(read.activity.certificates, [[7; 32]]);
        // Written again it is the same, and what follows is chained to it.
        assert_eq!(
            Head::default().append(&read.activity, None).unwrap(),
            (stored, head)
        );
        let next = Activity {
            algorithms: vec!["sha256".to_owned()],
            ..read.activity
        };
        let (stored, _) = head.append(&next, None).unwrap();
        head.follow(2, &stored).unwrap();
        assert_eq!(read_entry(2, &stored).unwrap().activity, next);
        let altered = String::from_utf8_lossy(&stored[32..]).replace("sha256", "sha384");
        let altered = [&stored[..32], altered.as_bytes()].concat();
        assert!(head.follow(2, &altered).is_err());
    }
}
