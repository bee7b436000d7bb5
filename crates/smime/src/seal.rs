//! The outgoing writer stack: out ← base64 ← envelope ← signature ← entity.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use smime_cms::{Capabilities, Encryptor, Recipient, Signer};
use smime_crypto::{ContentCipher, SignatureScheme, UnixTime};
use smime_mime::{Entity, MediaTypes, MultipartSigned, Outgoing, Pkcs7Mime, SmimeType};
use smime_store::{Activity, Direction, Operation, Outcome};
use smime_x509::{EmailAddress, VerifiedRecipient};

use crate::{
    Cause, Decision, Draft, EncryptionChoice, Engine, Error, Intent, Root, SignedForm,
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
    media_types: MediaTypes,
    signer: Option<Signer>,
    encryption: Option<EncryptionChoice>,
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
#[derive(Debug, Default)]
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

    /// Returns what a draft and its mail say to the decision about them, for whoever
    /// [asks](Self::decide) before they [prepare](Self::prepare) it.
    ///
    /// # Errors
    /// When the mail cannot be read.
    pub fn intent(&self, draft: &Draft) -> Result<Intent, Error> {
        let mail = Entity::read(draft.mail.clone(), &self.limits).map_err(Cause::from)?;
        Ok(intent(draft, &mail))
    }

    /// Seals a draft that needs one copy: no Bcc recipients, or no encryption.
    ///
    /// # Errors
    /// As [`Engine::prepare`] and [`Sealing::write`]; [`Cause::CopiesNeeded`] when Bcc recipients
    /// need copies of their own.
    pub fn seal(&self, draft: &Draft, out: impl Write) -> Result<Receipt, Error> {
        let sealing = self.prepare(draft)?;
        let written = match sealing.copies() {
            [copy] => sealing.write(copy, out),
            _ => Err(Cause::CopiesNeeded.into()),
        };
        match written {
            Ok(()) => sealing.finish(),
            Err(error) => {
                sealing.abandon(error.code(), &error.cause.to_string())?;
                Err(error)
            }
        }
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
            Some((choice, scheme)) => Some(signer(choice, scheme, draft.root, &mut receipt)?),
            None => None,
        };
        let (copies, encryption) = match decision.encrypting(&mut receipt.reasons)? {
            Some((proven, choice)) => {
                receipt.cipher = Some(choice.cipher);
                receipt.reasons.push(Reason {
                    code: choice.code,
                    detail: choice.cipher.name().to_owned(),
                });
                (copies(proven, decision, &mut receipt), Some(choice))
            }
            None => (vec![SealedCopy::default()], None),
        };
        let (message_id, from) = mail_identity(mail);
        Ok(Sealing {
            engine: self,
            at,
            outgoing: mail.outgoing()?,
            form: draft.form,
            media_types: draft.media_types,
            signer,
            encryption,
            copies,
            announced: decision.announced.clone(),
            receipt,
            message_id,
            from,
            to: recipients(decision),
        })
    }

    fn record_failure(&self, cause: &Cause, intent: &Intent, mail: &Entity) -> Result<(), Cause> {
        let (message_id, from) = mail_identity(mail);
        let (outcome, cause) = match cause {
            Cause::Discarded(cause) => (Outcome::Discarded, &**cause),
            cause => (Outcome::Failed, cause),
        };
        let recipients = intent.visible.iter().chain(&intent.hidden);
        self.store.record(&Activity {
            outcome,
            message_id,
            from,
            to: recipients.map(ToString::to_string).collect(),
            detail: cause.to_string(),
            ..Activity::new(
                self.clock.now(),
                Direction::Out,
                Operation::Seal,
                cause.code(),
            )
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
        match self.encryption {
            None => self.write_inner(&mut out)?,
            Some(choice) => self.write_envelope(copy, choice, &mut out)?,
        }
        Ok(out.flush().map_err(Cause::from)?)
    }

    /// Records that the mail was not sealed after all, and why: a stable code, and a sentence.
    ///
    /// # Errors
    /// When the store cannot take the record.
    pub fn abandon(self, code: &str, detail: &str) -> Result<(), Error> {
        let entry = Activity {
            outcome: Outcome::Failed,
            detail: detail.to_owned(),
            ..self.activity(Operation::Seal, code)
        };
        Ok(self.engine.store.record(&entry).map_err(Cause::Store)?)
    }

    /// Records what was done, after all copies are where they should be, and returns the receipt.
    ///
    /// # Errors
    /// When the store cannot take the record.
    pub fn finish(self) -> Result<Receipt, Error> {
        let signer = self.receipt.signer;
        let mut entries = Vec::new();
        if signer.is_some() {
            let certificates = signer.into_iter().collect();
            let algorithms = self.receipt.scheme.map(|scheme| names_of(scheme).to_vec());
            entries.push(Activity {
                certificates,
                algorithms: algorithms.unwrap_or_default(),
                ..self.activity(Operation::Sign, "engine.signed")
            });
        }
        if let Some(cipher) = self.receipt.cipher {
            let recipients = self.receipt.recipients.iter();
            let certificates = recipients
                .flat_map(|recipient| recipient.certificates.clone())
                .collect();
            entries.push(Activity {
                certificates,
                algorithms: vec![cipher.name().to_owned()],
                ..self.activity(Operation::Encrypt, "engine.encrypted")
            });
        }
        if entries.is_empty() {
            entries.push(self.activity(Operation::Seal, "engine.plain"));
        }
        let recorded = self.engine.store.record_all(&entries);
        recorded.map_err(Cause::from)?;
        Ok(self.receipt)
    }

    fn activity(&self, operation: Operation, code: &str) -> Activity {
        let reasons = self.receipt.reasons.iter();
        let reasons: Vec<_> = reasons
            .map(|reason| format!("{} ({})", reason.code, reason.detail))
            .collect();
        Activity {
            message_id: self.message_id.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            detail: reasons.join("; "),
            ..Activity::new(self.at, Direction::Out, operation, code)
        }
    }

    fn write_envelope(
        &self,
        copy: &SealedCopy,
        choice: EncryptionChoice,
        out: impl Write,
    ) -> Result<(), Cause> {
        let (provider, random) = (self.engine.provider, self.engine.random);
        let recipients = copy.recipients.iter().map(|recipient| {
            let transport = self
                .engine
                .transport(choice, recipient, &self.announced, self.at);
            Recipient::from(recipient.clone()).transport(transport)
        });
        let kind = if choice.cipher.is_authenticated() {
            SmimeType::AuthEnvelopedData
        } else {
            SmimeType::EnvelopedData
        };
        let base64 = Pkcs7Mime::begin_named(out, kind, self.media_types)?;
        let mut envelope =
            Encryptor::to(recipients, choice.cipher, provider, random)?.wrap(base64)?;
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
                let base64 = Pkcs7Mime::begin_named(out, SmimeType::SignedData, self.media_types)?;
                let mut signed = signer.opaque(base64, provider, random, self.at)?;
                io::copy(&mut entity, &mut signed)?;
                signed.finish()?.finish()?;
            }
            SignedForm::Detached => {
                let boundary = self.boundary()?;
                let micalg = signer.digest().micalg();
                let mut digest = signer.detached(provider, random, self.at);
                let mut multipart =
                    MultipartSigned::begin_named(out, micalg, &boundary, self.media_types)?;
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

/// Returns the names that the log has of a scheme and its digest.
fn names_of(scheme: SignatureScheme) -> [String; 2] {
    [scheme.digest().name(), scheme.name()].map(ToOwned::to_owned)
}

fn signer(
    choice: &SigningChoice,
    scheme: SignatureScheme,
    root: Root,
    receipt: &mut Receipt,
) -> Result<Signer, Cause> {
    let key = choice.key.clone().map_err(|_| Cause::KeyLocked)?;
    receipt.signer = Some(choice.certificate.certificate().fingerprint());
    receipt.scheme = Some(scheme);
    let signer = Signer::new(choice.certificate.clone(), key)?.scheme(scheme)?;
    Ok(match root {
        Root::LeftOut => signer,
        Root::Included => signer.also_include(choice.certificate.path().last().cloned()),
    })
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
        signature: draft.signature,
        cipher: draft.cipher,
        oaep: draft.oaep,
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

fn mail_identity(mail: &Entity) -> (Option<String>, Option<String>) {
    (message_id(mail), mail.headers().text("From"))
}

/// Message-IDs that are looked up to find out whether a mail answers an encrypted one.
const MAX_ANSWERS: usize = 64;
