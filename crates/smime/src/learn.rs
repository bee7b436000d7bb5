//! Certificates and capabilities out of mail that is good to its last byte.

use smime_cms::{Capabilities, SignerReport};
use smime_crypto::{Algorithm, UnixTime, Use};
use smime_store::{
    Activity, Announcement, Direction, Operation, Outcome, Quarantined, Quarantining,
    StoredCertificate, Trust,
};
use smime_x509::{Certificate, CertificateBundle, EmailAddress, Purpose};

use crate::{
    Cause, Coverage, Engine, Error, Layer, Message, Verdict, message::message_id,
    open::from_addresses,
};

/// Whether certificates that come with good mail are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Learning {
    /// No.
    #[default]
    Off,
    /// They wait until somebody decides about them.
    Quarantine,
    /// They are added to the store, but wait where an address of theirs is pinned.
    Accept,
}

/// A certificate that came with mail and that the store did not hold.
#[derive(Clone, Debug)]
pub struct Learned {
    /// The certificate.
    pub certificate: Certificate,
    /// Those between it and an anchor, which it is proven by.
    pub issuers: Vec<Certificate>,
    /// What became of it.
    pub fate: Fate,
    /// The SHA-256 of those stored certificates of its addresses that have another key.
    pub differs_from: Vec<[u8; 32]>,
}

/// What becomes of a certificate that came with mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in the store.
    Accepted,
    /// It waits, since this mail.
    Quarantined,
    /// It waits since an earlier mail.
    Waiting,
    /// It is not kept: somebody rejected it when it waited.
    Rejected,
    /// There is no room for it.
    Full,
}

impl Engine<'_> {
    /// Learns from a mail that was opened: the certificates of those who signed its content, those
    /// that they want to be encrypted to (RFC 8551 §2.5.3), and what they can read (RFC 8551 §2.5.2).
    ///
    /// Only a mail that is good teaches anything. A certificate must be proven for its use now, by the
    /// anchors of the store and the certificates of the mail, and name every address in From. What
    /// is learned, and that an address has another key than before, is recorded in the activity
    /// log. Returns the certificates that the store did not hold.
    ///
    /// # Errors
    /// When the store fails.
    pub fn learn(&self, message: &Message, learning: Learning) -> Result<Vec<Learned>, Error> {
        if learning == Learning::Off || message.signature() != Verdict::Good {
            return Ok(Vec::new());
        }
        Ok(self.lesson(message, learning)?)
    }

    /// Adds a quarantined certificate to the store, with those between it and its anchor and with
    /// what was announced with it.
    ///
    /// # Errors
    /// [`smime_store::Error::NotQuarantined`], or when the store fails.
    pub fn accept_quarantined(&self, fingerprint: &[u8; 32]) -> Result<(), Error> {
        Ok(self.accept_waiting(fingerprint)?)
    }

    /// Lets a quarantined certificate wait no longer; no mail brings it again.
    ///
    /// # Errors
    /// [`smime_store::Error::NotQuarantined`], or when the store fails.
    pub fn reject_quarantined(&self, fingerprint: &[u8; 32]) -> Result<(), Error> {
        Ok(self.reject_waiting(fingerprint)?)
    }

    fn lesson(&self, message: &Message, learning: Learning) -> Result<Vec<Learned>, Cause> {
        let mut lesson = Lesson {
            engine: self,
            message,
            learning,
            at: self.clock.now(),
            from: from_addresses(message.mail()),
            added: Vec::new(),
        };
        let mut learned = Vec::new();
        for signer in signers_of_content(message.layers()) {
            let Some(certificate) = &signer.certificate else {
                continue;
            };
            let announcement = lesson.announcement(signer, certificate);
            learned.extend(lesson.learn(certificate, Purpose::SignMail, announcement)?);
            for preferred in &signer.encryption_certificates {
                if preferred != certificate {
                    learned.extend(lesson.learn(preferred, Purpose::EncryptMail, None)?);
                }
            }
        }
        Ok(learned)
    }

    fn accept_waiting(&self, fingerprint: &[u8; 32]) -> Result<(), Cause> {
        let mut waiting = self.store.quarantined()?.into_iter();
        let waiting = waiting.find(|it| it.certificate.fingerprint() == *fingerprint);
        let waiting = waiting.ok_or(smime_store::Error::NotQuarantined(*fingerprint))?;
        let certificates = [&[waiting.certificate], &*waiting.issuers].concat();
        self.store
            .add_certificates(&certificates, self.clock.now())?;
        if let Some(announcement) = &waiting.announcement {
            self.store
                .note_announcement(&waiting.address, announcement)?;
        }
        // Last, so that what is broken off can be done again.
        self.store.end_quarantine(fingerprint)?;
        self.record_decision("learn.accepted", *fingerprint)
    }

    fn reject_waiting(&self, fingerprint: &[u8; 32]) -> Result<(), Cause> {
        self.store.reject(fingerprint)?;
        self.record_decision("learn.rejected", *fingerprint)
    }

    fn record_decision(&self, code: &str, fingerprint: [u8; 32]) -> Result<(), Cause> {
        self.store.record(&Activity {
            certificates: vec![fingerprint],
            ..Activity::new(self.clock.now(), Direction::Store, Operation::Learn, code)
        })?;
        Ok(())
    }

    /// Returns what an address announced that it can read, if the store holds the certificate it was
    /// signed with and does not distrust it.
    pub(crate) fn announced(&self, address: &EmailAddress) -> Result<Option<Capabilities>, Cause> {
        let Some(announcement) = self.store.announcement(address)? else {
            return Ok(None);
        };
        let signer = self.store.certificate(&announcement.certificate)?;
        let is_believed = signer.is_some_and(|signer| signer.trust != Trust::Distrusted);
        Ok(is_believed
            .then(|| Capabilities::from_der(&announcement.capabilities).ok())
            .flatten())
    }
}

/// What one mail teaches.
struct Lesson<'a> {
    engine: &'a Engine<'a>,
    message: &'a Message,
    learning: Learning,
    at: UnixTime,
    from: Vec<EmailAddress>,
    /// The SHA-256 of what this mail added: the two certificates of a person with one key for each
    /// use are no change of keys.
    added: Vec<[u8; 32]>,
}

impl Lesson<'_> {
    /// Learns one certificate, and what its owner announced; returns what became of it, if the store
    /// does not hold it and it is proven.
    fn learn(
        &mut self,
        certificate: &Certificate,
        purpose: Purpose,
        announcement: Option<Announcement>,
    ) -> Result<Option<Learned>, Cause> {
        let engine = self.engine;
        let fingerprint = certificate.fingerprint();
        let rules = &engine.policy.certificates;
        let is_of_sender = |address: &EmailAddress| rules.names(certificate, address);
        if self.from.is_empty() || !self.from.iter().all(is_of_sender) {
            return Ok(None);
        }
        if engine.store.certificate(&fingerprint)?.is_some() {
            self.note(announcement.as_ref())?;
            return Ok(None);
        }
        let Some(issuers) = self.prove(certificate, purpose)? else {
            return Ok(None);
        };
        let differs_from = self.other_keys(certificate)?;
        let fate = if engine.store.is_rejected(certificate)? {
            Fate::Rejected
        } else if self.learning == Learning::Accept && !self.is_pinned(certificate)? {
            let all = [std::slice::from_ref(certificate), &*issuers].concat();
            engine.store.add_certificates(&all, self.at)?;
            match engine.store.end_quarantine(&fingerprint) {
                Ok(()) | Err(smime_store::Error::NotQuarantined(_)) => {}
                Err(error) => return Err(error.into()),
            }
            self.added.push(fingerprint);
            self.note(announcement.as_ref())?;
            Fate::Accepted
        } else {
            let outcome = engine.store.quarantine(&Quarantined {
                certificate: certificate.clone(),
                issuers: issuers.clone(),
                address: self.from.first().cloned().ok_or(Cause::NoSender)?,
                received: self.at,
                message_id: message_id(self.message.mail()),
                differs_from: differs_from.clone(),
                announcement,
            })?;
            match outcome {
                Quarantining::Added => Fate::Quarantined,
                Quarantining::AlreadyThere => Fate::Waiting,
                Quarantining::Full => Fate::Full,
            }
        };
        self.record(fate, fingerprint, &differs_from)?;
        Ok(Some(Learned {
            certificate: certificate.clone(),
            issuers,
            fate,
            differs_from,
        }))
    }

    /// Proves a certificate; returns those between it and its anchor.
    fn prove(
        &self,
        certificate: &Certificate,
        purpose: Purpose,
    ) -> Result<Option<Vec<Certificate>>, Cause> {
        let engine = self.engine;
        let mut grounds = engine.grounds()?;
        let mut pool = CertificateBundle::new();
        for one in &self.message.certificates {
            pool.add(one.clone());
        }
        let known = self.message.certificates.iter().chain([certificate]);
        engine.add_issuers(known, &mut pool, &mut grounds)?;
        let chains = engine.chains(&grounds);
        let Ok(chain) = chains.verify(certificate, purpose, &pool, self.at) else {
            return Ok(None);
        };
        let key = Algorithm::Key(certificate.public_key().kind());
        if purpose == Purpose::EncryptMail && engine.permit(key, Use::Encrypt, self.at).is_err() {
            return Ok(None);
        }
        let above = chain.path().iter().skip(1);
        let issuers = above.filter(|it| !grounds.trusts(it));
        Ok(Some(issuers.cloned().collect()))
    }

    /// Returns the stored certificates of its addresses that have another key, but for those that
    /// this mail added.
    fn other_keys(&self, certificate: &Certificate) -> Result<Vec<[u8; 32]>, Cause> {
        let mut others = Vec::new();
        for address in certificate.emails() {
            let known = self.engine.store.by_address(address)?;
            let is_other = |stored: &StoredCertificate| {
                stored.certificate.public_key() != certificate.public_key()
            };
            let found = known.into_iter().filter(is_other);
            for fingerprint in found.map(|stored| stored.certificate.fingerprint()) {
                if others.len() < MAX_OTHERS
                    && !others.contains(&fingerprint)
                    && !self.added.contains(&fingerprint)
                {
                    others.push(fingerprint);
                }
            }
        }
        Ok(others)
    }

    fn is_pinned(&self, certificate: &Certificate) -> Result<bool, Cause> {
        for address in certificate.emails() {
            if self.engine.store.pins(address)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns what a signer announced that they can read.
    ///
    /// A clock that is fast must not make it the last word: nothing is signed later than it comes.
    fn announcement(
        &self,
        signer: &SignerReport,
        certificate: &Certificate,
    ) -> Option<Announcement> {
        Some(Announcement {
            capabilities: signer.capabilities.as_ref()?.to_der(),
            signed: signer.signing_time.map(|signed| signed.min(self.at)),
            received: self.at,
            certificate: certificate.fingerprint(),
        })
    }

    /// Notes what the sender announced.
    fn note(&self, announcement: Option<&Announcement>) -> Result<(), Cause> {
        let Some(announcement) = announcement else {
            return Ok(());
        };
        for address in &self.from {
            let before = self.engine.store.announcement(address)?;
            let is_noted = self.engine.store.note_announcement(address, announcement)?;
            let is_same = before.is_some_and(|it| it.capabilities == announcement.capabilities);
            if is_noted && !is_same {
                let detail = format!("capabilities of {address}");
                self.log("learn.capabilities", announcement.certificate, detail)?;
            }
        }
        Ok(())
    }

    fn record(
        &self,
        fate: Fate,
        fingerprint: [u8; 32],
        differs_from: &[[u8; 32]],
    ) -> Result<(), Cause> {
        let code = match fate {
            Fate::Waiting | Fate::Rejected => return Ok(()),
            Fate::Accepted | Fate::Quarantined if !differs_from.is_empty() => "learn.key_change",
            fate => fate.code(),
        };
        self.log(code, fingerprint, fate.as_str().to_owned())
    }

    fn log(&self, code: &str, fingerprint: [u8; 32], detail: String) -> Result<(), Cause> {
        let mail = self.message.mail();
        self.engine.store.record(&Activity {
            outcome: if code == Fate::Full.code() {
                Outcome::Failed
            } else {
                Outcome::Ok
            },
            message_id: message_id(mail),
            from: mail.headers().text("From"),
            certificates: vec![fingerprint],
            detail,
            ..Activity::new(self.at, Direction::In, Operation::Learn, code)
        })?;
        Ok(())
    }
}

impl Fate {
    /// Returns the word for it: `accepted`, `quarantined`, `waiting`, `rejected` or `full`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Quarantined => "quarantined",
            Self::Waiting => "waiting",
            Self::Rejected => "rejected",
            Self::Full => "full",
        }
    }

    /// Returns the stable code of it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Accepted => "learn.accepted",
            Self::Quarantined => "learn.quarantined",
            Self::Waiting => "learn.waiting",
            Self::Rejected => "learn.rejected",
            Self::Full => "learn.full",
        }
    }
}

/// Returns those who signed the content, and not only what it was encrypted to: whoever signs a
/// ciphertext need not know what is inside. That is nobody where a part is encrypted, which comes
/// last among the layers and stays closed.
fn signers_of_content(layers: &[Layer]) -> impl Iterator<Item = &SignerReport> {
    let is_encrypted = |layer: &Layer| matches!(layer, Layer::Encrypted { .. });
    let inside = layers.iter().rposition(is_encrypted);
    let inside = layers
        .iter()
        .skip(inside.map_or(0, |position| position + 1));
    inside
        .filter_map(|layer| match layer {
            Layer::Signed {
                coverage: Coverage::Whole,
                signers,
                good: true,
            } => Some(signers),
            _ => None,
        })
        .flatten()
        // A time that is claimed proves nothing to others.
        .filter(|signer| !signer.by_claimed_time)
}

/// Certificates of other keys that are named: more than anybody has in use.
const MAX_OTHERS: usize = 16;
