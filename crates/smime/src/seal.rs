//! The outgoing writer stack: out ← base64 ← envelope ← signature ← entity.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use smime_cms::{Capabilities, Encryptor, Recipient, Signer};
use smime_crypto::{Algorithm, ContentCipher, KeyTransport, SignatureScheme, UnixTime, Use};
use smime_mime::{Entity, MultipartSigned, Outgoing, Pkcs7Mime, SmimeType};
use smime_store::{Activity, Direction, Operation, Outcome};
use smime_x509::{EmailAddress, VerifiedRecipient};

use crate::{
    Cause, Cipher, Decision, Draft, Engine, Error, Intent, SignatureChoice, SignedForm,
    SigningChoice, Visibility,
    decide::ProvenRecipient,
    message::{message_id, message_ids},
};

/// An outgoing mail with everything decided and proven; writing it cannot fail for a reason that
/// was known before.
#[derive(Debug)]
#[must_use = "nothing is written before `write`"]
pub struct Sealing<'a> {
    engine: &'a Engine<'a>,
    at: UnixTime,
    outgoing: Outgoing,
    form: SignedForm,
    signer: Option<Signer>,
    cipher: Option<ContentCipher>,
    /// The key transport asked for, in place of what is known of each recipient.
    oaep: Option<KeyTransport>,
    copies: Vec<SealedCopy>,
    announced: HashMap<[u8; 32], Capabilities>,
    receipt: Receipt,
    message_id: Option<String>,
    from: Option<String>,
    to: Vec<String>,
}

/// One output: the mail as its recipients get it.
///
/// A Bcc recipient has an envelope of their own, so that nobody sees them among the recipients.
#[derive(Debug)]
pub struct SealedCopy {
    recipients: Vec<VerifiedRecipient>,
    /// Who gets this copy.
    pub addresses: Vec<EmailAddress>,
}

impl SealedCopy {
    /// Adds the certificates that are not in it: one can be that of several addresses.
    fn add(&mut self, certificates: &[VerifiedRecipient]) {
        for certificate in certificates {
            if !self.recipients.contains(certificate) {
                self.recipients.push(certificate.clone());
            }
        }
    }
}

/// What was done to a mail, and why.
#[derive(Clone, Debug, Default)]
pub struct Receipt {
    /// The SHA-256 of the certificate that signs, if the mail is signed.
    pub signer: Option<[u8; 32]>,
    /// The scheme of the signature.
    pub scheme: Option<SignatureScheme>,
    /// The content cipher, if the mail is encrypted.
    pub cipher: Option<ContentCipher>,
    /// Who can decrypt.
    pub recipients: Vec<SealedRecipient>,
    /// Why it was done so.
    pub reasons: Vec<Reason>,
}

/// A recipient, and the certificates that were encrypted to.
#[derive(Clone, Debug)]
pub struct SealedRecipient {
    /// The address.
    pub address: EmailAddress,
    /// The SHA-256 of each.
    pub certificates: Vec<[u8; 32]>,
}

/// Why something was done, or was not.
#[derive(Clone, Debug)]
pub struct Reason {
    /// The stable code.
    pub code: &'static str,
    /// More about it, for people.
    pub detail: String,
}

impl Engine<'_> {
    /// Decides how a draft can be protected: finds and proves every certificate, chooses the
    /// algorithms, and fails before a byte is written if something asked for cannot be done.
    ///
    /// # Errors
    /// [`Error`]; all recipients that cannot be encrypted to are named at once.
    pub fn prepare(&self, draft: &Draft) -> Result<Sealing<'_>, Error> {
        let mail = Entity::read(draft.mail.clone(), &self.limits).map_err(Cause::from)?;
        let intent = intent(draft, &mail);
        let decision = self.decision(&intent);
        let sealing = decision.and_then(|decision| self.sealing(draft, &mail, &decision));
        if let Err(cause) = &sealing {
            self.record_failure(cause, &intent, &mail)?;
        }
        Ok(sealing?)
    }

    /// Seals a draft that needs one copy: no Bcc recipients, or no encryption.
    ///
    /// # Errors
    /// As [`Engine::prepare`] and [`Sealing::write`]; [`Cause::CopiesNeeded`] when Bcc recipients
    /// need copies of their own.
    pub fn seal(&self, draft: &Draft, out: impl Write) -> Result<Receipt, Error> {
        let sealing = self.prepare(draft)?;
        let [copy] = sealing.copies() else {
            return Err(Cause::CopiesNeeded.into());
        };
        sealing.write(copy, out)?;
        sealing.finish()
    }

    fn sealing(
        &self,
        draft: &Draft,
        mail: &Entity,
        decision: &Decision,
    ) -> Result<Sealing<'_>, Cause> {
        let at = decision.at;
        let mut receipt = Receipt::default();
        let signer = match decision.signing(&mut receipt.reasons)? {
            Some(choice) => Some(self.signer(choice, draft.signature, at, &mut receipt)?),
            None => None,
        };
        let copies = match decision.encrypting(&mut receipt.reasons)? {
            Some(proven) => copies(proven, decision, &mut receipt),
            None => Vec::new(),
        };
        let cipher = match &*copies {
            [] => None,
            copies => {
                let announced = &decision.announced;
                Some(self.decide_cipher(draft, copies, announced, at, &mut receipt)?)
            }
        };
        let copies = if copies.is_empty() {
            vec![SealedCopy {
                recipients: Vec::new(),
                addresses: Vec::new(),
            }]
        } else {
            copies
        };
        let (message_id, from) = mail_identity(mail);
        let oaep = draft.oaep.map(|digest| KeyTransport::RsaOaep {
            digest,
            mgf: digest,
        });
        if let Some(oaep) = oaep {
            self.check_permitted(Algorithm::Transport(oaep), Use::Encrypt, at)?;
        }
        Ok(Sealing {
            engine: self,
            at,
            outgoing: mail.outgoing()?,
            form: draft.form,
            signer,
            cipher,
            oaep,
            copies,
            announced: decision.announced.clone(),
            receipt,
            message_id,
            from,
            to: recipients(decision),
        })
    }

    fn signer(
        &self,
        choice: &SigningChoice,
        signature: SignatureChoice,
        at: UnixTime,
        receipt: &mut Receipt,
    ) -> Result<Signer, Cause> {
        let certificate = choice.certificate.certificate();
        let scheme = signature.scheme(certificate.public_key().kind())?;
        self.check_permitted(Algorithm::Signature(scheme), Use::Sign, at)?;
        let key = choice.key.clone().ok_or(Cause::KeyLocked)?;
        receipt.signer = Some(certificate.fingerprint());
        receipt.scheme = Some(scheme);
        Ok(Signer::new(choice.certificate.clone(), key)?.scheme(scheme)?)
    }

    /// The best cipher every recipient is known to read; one that every client reads where nothing
    /// is known (RFC 8551 §2.7.1). All copies have one cipher: a weaker copy for some would
    /// weaken the mail for all (RFC 8551 §2.7.3).
    fn decide_cipher(
        &self,
        draft: &Draft,
        copies: &[SealedCopy],
        announced: &HashMap<[u8; 32], Capabilities>,
        at: UnixTime,
        receipt: &mut Receipt,
    ) -> Result<ContentCipher, Cause> {
        let known = |cipher| {
            copies
                .iter()
                .flat_map(|copy| &copy.recipients)
                .all(|recipient| {
                    let known = capabilities(recipient, announced);
                    known.is_some_and(|it| it.supports(cipher))
                })
        };
        let permitted = |cipher| self.check_permitted(Algorithm::Cipher(cipher), Use::Encrypt, at);
        let (cipher, code) = match draft.cipher {
            Cipher::Only(cipher) => (cipher, "cipher.asked_for"),
            Cipher::Best if known(ContentCipher::Aes256Gcm) => {
                (ContentCipher::Aes256Gcm, "cipher.known_to_all")
            }
            Cipher::Best if permitted(ContentCipher::Aes256Cbc).is_err() => {
                (ContentCipher::Aes256Gcm, "cipher.policy")
            }
            Cipher::Best => (ContentCipher::Aes256Cbc, "cipher.capabilities_unknown"),
        };
        permitted(cipher)?;
        receipt.cipher = Some(cipher);
        receipt.reasons.push(Reason {
            code,
            detail: cipher.name().to_owned(),
        });
        Ok(cipher)
    }

    pub(crate) fn check_permitted(
        &self,
        algorithm: Algorithm,
        usage: Use,
        at: UnixTime,
    ) -> Result<(), Cause> {
        self.policy
            .algorithms
            .permits(algorithm, usage, at)
            .map_err(Cause::Refused)
    }

    fn record_failure(&self, cause: &Cause, intent: &Intent, mail: &Entity) -> Result<(), Cause> {
        let (message_id, from) = mail_identity(mail);
        let (outcome, cause) = match cause {
            Cause::Discarded(cause) => (Outcome::Discarded, &**cause),
            cause => (Outcome::Failed, cause),
        };
        let recipients = intent.visible.iter().chain(&intent.hidden);
        self.store.record(&Activity {
            time: self.clock.now(),
            direction: Direction::Out,
            operation: Operation::Seal,
            outcome,
            code: cause.code().to_owned(),
            message_id,
            from,
            to: recipients.map(ToString::to_string).collect(),
            certificates: Vec::new(),
            input_digest: None,
            detail: cause.to_string(),
        })?;
        Ok(())
    }
}

impl Sealing<'_> {
    /// Returns the copies to write: that of the visible recipients first, then one for each Bcc
    /// recipient.
    pub fn copies(&self) -> &[SealedCopy] {
        &self.copies
    }

    /// Returns what is going to be done.
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// Writes one copy to its end.
    ///
    /// # Errors
    /// What `out` returned, or the source of randomness; the output is then not a message.
    pub fn write(&self, copy: &SealedCopy, mut out: impl Write) -> Result<(), Error> {
        out.write_all(&self.outgoing.outer).map_err(Cause::from)?;
        out.write_all(b"MIME-Version: 1.0\r\n")
            .map_err(Cause::from)?;
        match self.cipher {
            None => self.write_inner(&mut out)?,
            Some(cipher) => self.write_envelope(copy, cipher, &mut out)?,
        }
        Ok(out.flush().map_err(Cause::from)?)
    }

    /// Records what was done, after all copies are where they should be, and returns the receipt.
    ///
    /// # Errors
    /// When the store cannot take the record.
    pub fn finish(self) -> Result<Receipt, Error> {
        let signer = self.receipt.signer;
        if signer.is_some() {
            let certificates = signer.into_iter().collect();
            self.record(Operation::Sign, "engine.signed", certificates)?;
        }
        if self.receipt.cipher.is_some() {
            let recipients = self.receipt.recipients.iter();
            let certificates = recipients
                .flat_map(|recipient| recipient.certificates.clone())
                .collect();
            self.record(Operation::Encrypt, "engine.encrypted", certificates)?;
        }
        if signer.is_none() && self.receipt.cipher.is_none() {
            self.record(Operation::Seal, "engine.plain", Vec::new())?;
        }
        Ok(self.receipt)
    }

    fn record(
        &self,
        operation: Operation,
        code: &str,
        certificates: Vec<[u8; 32]>,
    ) -> Result<(), Cause> {
        let reasons = self.receipt.reasons.iter();
        let reasons: Vec<_> = reasons
            .map(|reason| format!("{} ({})", reason.code, reason.detail))
            .collect();
        self.engine.store.record(&Activity {
            time: self.at,
            direction: Direction::Out,
            operation,
            outcome: Outcome::Ok,
            code: code.to_owned(),
            message_id: self.message_id.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            certificates,
            input_digest: None,
            detail: reasons.join("; "),
        })?;
        Ok(())
    }

    fn write_envelope(
        &self,
        copy: &SealedCopy,
        cipher: ContentCipher,
        out: impl Write,
    ) -> Result<(), Cause> {
        let (provider, random) = (self.engine.provider, self.engine.random);
        let recipients = copy.recipients.iter().map(|recipient| {
            let known = capabilities(recipient, &self.announced)
                .and_then(|it| it.oaep())
                .filter(|known| {
                    let known = Algorithm::Transport(*known);
                    self.engine
                        .check_permitted(known, Use::Encrypt, self.at)
                        .is_ok()
                });
            let transport = self.oaep.or(known).unwrap_or(KeyTransport::RsaPkcs1);
            Recipient::from(recipient.clone()).transport(transport)
        });
        let kind = if cipher.is_authenticated() {
            SmimeType::AuthEnvelopedData
        } else {
            SmimeType::EnvelopedData
        };
        let base64 = Pkcs7Mime::begin(out, kind)?;
        let mut envelope = Encryptor::to(recipients, cipher, provider, random)?.wrap(base64)?;
        self.write_inner(&mut envelope)?;
        envelope.finish()?.finish()?;
        Ok(())
    }

    /// Writes the signed entity, or the entity itself.
    fn write_inner(&self, mut out: impl Write) -> Result<(), Cause> {
        let (provider, random) = (self.engine.provider, self.engine.random);
        let mut entity = self.outgoing.entity.open()?;
        let Some(signer) = &self.signer else {
            io::copy(&mut entity, &mut out)?;
            return Ok(());
        };
        match self.form {
            SignedForm::Opaque => {
                let base64 = Pkcs7Mime::begin(out, SmimeType::SignedData)?;
                let mut signed = signer.opaque(base64, provider, random, self.at)?;
                io::copy(&mut entity, &mut signed)?;
                signed.finish()?.finish()?;
            }
            SignedForm::Detached => {
                let boundary = self.boundary()?;
                let micalg = signer.digest().micalg();
                let mut digest = signer.detached(provider, random, self.at);
                let mut multipart = MultipartSigned::begin(out, micalg, &boundary)?;
                let mut both = Tee {
                    first: &mut digest,
                    second: multipart.content(),
                };
                io::copy(&mut entity, &mut both)?;
                multipart.finish(&digest.finish()?)?;
            }
        }
        Ok(())
    }

    /// 128 random bits: no content can hold the boundary but by knowing it beforehand.
    fn boundary(&self) -> Result<String, Cause> {
        let mut bytes = [0; 16];
        self.engine.random.fill(&mut bytes)?;
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

struct Tee<A, B> {
    first: A,
    second: B,
}

impl<A: Write, B: Write> Write for Tee<A, B> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.first.write_all(bytes)?;
        self.second.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.first.flush()?;
        self.second.flush()
    }
}

/// Makes the copies to encrypt: one for all who may see each other, one for each who may not be
/// seen; the sender can decrypt every one if that was asked for.
fn copies(
    proven: Vec<ProvenRecipient<'_>>,
    decision: &Decision,
    receipt: &mut Receipt,
) -> Vec<SealedCopy> {
    let mut copies: Vec<SealedCopy> = Vec::new();
    for ProvenRecipient {
        recipient,
        certificates,
    } in proven
    {
        let address = recipient.address.clone();
        receipt
            .recipients
            .push(sealed_recipient(&address, certificates));
        match copies.first_mut() {
            Some(first) if recipient.visibility == Visibility::Visible => {
                first.addresses.push(address);
                first.add(certificates);
            }
            _ => copies.push(SealedCopy {
                recipients: certificates.to_vec(),
                addresses: vec![address],
            }),
        }
    }
    copies.iter_mut().for_each(|copy| copy.add(&decision.own));
    if let (Some(from), [_, ..]) = (&decision.from, &*decision.own) {
        receipt
            .recipients
            .push(sealed_recipient(from, &decision.own));
    }
    copies
}

fn sealed_recipient(address: &EmailAddress, certificates: &[VerifiedRecipient]) -> SealedRecipient {
    let fingerprints = certificates
        .iter()
        .map(|one| one.certificate().fingerprint());
    SealedRecipient {
        address: address.clone(),
        certificates: fingerprints.collect(),
    }
}

/// What a draft and its mail say to the decision about them.
fn intent(draft: &Draft, mail: &Entity) -> Intent {
    let mut recipients = Recipients::of(mail);
    if !draft.to.is_empty() {
        let is_hidden = |address: &EmailAddress| {
            recipients.hidden.contains(address) && !recipients.visible.contains(address)
        };
        let (hidden, visible) = draft.to.iter().cloned().partition(is_hidden);
        recipients = Recipients {
            visible,
            hidden,
            unreadable: Vec::new(),
        };
    }
    Intent {
        from: draft.from.clone().or_else(|| sender(mail)),
        visible: without_repetition(recipients.visible),
        hidden: without_repetition(recipients.hidden),
        unreadable: recipients.unreadable,
        answers: answers(mail),
        group: draft.group.clone(),
        sign: draft.sign,
        encrypt: draft.encrypt,
        choice: draft.choice.clone(),
        plain_answer: draft.plain_answer,
    }
}

/// The one mailbox of From.
fn sender(mail: &Entity) -> Option<EmailAddress> {
    match &*mail.headers().addresses("From").ok()? {
        [only] => EmailAddress::new(&only.address),
        _ => None,
    }
}

/// Whom a mail is for.
#[derive(Default)]
struct Recipients {
    visible: Vec<EmailAddress>,
    hidden: Vec<EmailAddress>,
    unreadable: Vec<String>,
}

impl Recipients {
    fn of(mail: &Entity) -> Self {
        let mut recipients = Self::default();
        for field in ["To", "Cc", "Bcc"] {
            let Ok(mailboxes) = mail.headers().addresses(field) else {
                recipients.unreadable.push(field.to_owned());
                continue;
            };
            for mailbox in mailboxes {
                match EmailAddress::new(&mailbox.address) {
                    Some(address) if field == "Bcc" => recipients.hidden.push(address),
                    Some(address) => recipients.visible.push(address),
                    None => recipients.unreadable.push(mailbox.address),
                }
            }
        }
        recipients
    }
}

/// The Message-IDs of the mails that this one answers (RFC 5322 §3.6.4), as far as they are looked
/// up: the last ones, which are the nearest.
fn answers(mail: &Entity) -> Vec<String> {
    let fields = ["References", "In-Reply-To"];
    let texts = fields.iter().filter_map(|field| mail.headers().text(field));
    let ids: Vec<_> = texts.flat_map(|text| message_ids(&text)).collect();
    ids.into_iter().rev().take(MAX_ANSWERS).collect()
}

fn recipients(decision: &Decision) -> Vec<String> {
    let recipients = decision.recipients.iter();
    recipients
        .map(|recipient| recipient.address.to_string())
        .collect()
}

fn without_repetition(addresses: Vec<EmailAddress>) -> Vec<EmailAddress> {
    let mut kept: Vec<EmailAddress> = Vec::new();
    for address in addresses {
        if !kept.iter().any(|known| known.matches(&address)) {
            kept.push(address);
        }
    }
    kept
}

/// What a recipient can read: as they announced in mail (RFC 8551 §2.7.1), or else as their
/// certificate says (RFC 4262).
fn capabilities(
    recipient: &VerifiedRecipient,
    announced: &HashMap<[u8; 32], Capabilities>,
) -> Option<Capabilities> {
    if let Some(announced) = announced.get(&recipient.certificate().fingerprint()) {
        return Some(announced.clone());
    }
    Capabilities::from_der(recipient.certificate().smime_capabilities()?).ok()
}

fn mail_identity(mail: &Entity) -> (Option<String>, Option<String>) {
    (message_id(mail), mail.headers().text("From"))
}

/// Message-IDs that are looked up to find out whether a mail answers an encrypted one.
const MAX_ANSWERS: usize = 64;
