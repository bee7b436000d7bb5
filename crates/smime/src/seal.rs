//! The outgoing writer stack: out ← base64 ← envelope ← signature ← entity.

use std::{
    io::{self, Write},
    sync::Arc,
};

use smime_cms::{Capabilities, Encryptor, Recipient, Signer};
use smime_crypto::{
    Algorithm, ContentCipher, KeyTransport, PrivateKey, SignatureScheme, UnixTime, Use,
};
use smime_mime::{Entity, MultipartSigned, Outgoing, Pkcs7Mime, SmimeType};
use smime_store::{Activity, Direction, Operation};
use smime_x509::{EmailAddress, TrustStore, VerifiedRecipient, VerifiedSigner};

use crate::{Cause, Cipher, Draft, Engine, Error, Mode, SignatureChoice, SignedForm};

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
    receipt: Receipt,
    message_id: Option<String>,
    from: Option<String>,
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

/// A recipient, and the certificate that was encrypted to.
#[derive(Clone, Debug)]
pub struct SealedRecipient {
    /// The address.
    pub address: EmailAddress,
    /// The SHA-256 of the certificate.
    pub certificate: [u8; 32],
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
        let at = self.clock.now();
        let mail = Entity::read(draft.mail.clone(), &self.limits).map_err(Cause::from)?;
        let result = self.decide(draft, &mail, at);
        if let Err(cause) = &result {
            self.record_sealing(
                Operation::Seal,
                cause.code(),
                &mail_identity(&mail),
                at,
                None,
            )?;
        }
        Ok(result?)
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

    fn decide(&self, draft: &Draft, mail: &Entity, at: UnixTime) -> Result<Sealing<'_>, Cause> {
        let mut anchors = self.anchors()?;
        let mut receipt = Receipt::default();
        let signer = self.decide_signer(draft, mail, &mut anchors, at, &mut receipt)?;
        let copies = self.decide_copies(draft, mail, &mut anchors, at, &mut receipt)?;
        let cipher = match &copies {
            Some(copies) => Some(self.decide_cipher(draft, copies, at, &mut receipt)?),
            None => None,
        };
        let copies = copies.unwrap_or_else(|| {
            vec![SealedCopy {
                recipients: Vec::new(),
                addresses: Vec::new(),
            }]
        });
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
            receipt,
            message_id,
            from,
        })
    }

    fn decide_signer(
        &self,
        draft: &Draft,
        mail: &Entity,
        anchors: &mut TrustStore,
        at: UnixTime,
        receipt: &mut Receipt,
    ) -> Result<Option<Signer>, Cause> {
        if draft.sign == Mode::Never {
            return Ok(None);
        }
        let found =
            sender(draft, mail).and_then(|sender| self.signing_identity(&sender, anchors, at));
        let (proven, key) = match found {
            Ok(found) => found,
            Err(cause @ (Cause::CannotSign { .. } | Cause::NoSender))
                if draft.sign == Mode::IfPossible =>
            {
                receipt.reasons.push(Reason {
                    code: cause.code(),
                    detail: cause.to_string(),
                });
                return Ok(None);
            }
            Err(cause) => return Err(cause),
        };
        let (signer, scheme, certificate) = self.signer(proven, key, draft.signature, at)?;
        receipt.signer = Some(certificate);
        receipt.scheme = Some(scheme);
        Ok(Some(signer))
    }

    fn signer(
        &self,
        proven: VerifiedSigner,
        key: Arc<PrivateKey>,
        choice: SignatureChoice,
        at: UnixTime,
    ) -> Result<(Signer, SignatureScheme, [u8; 32]), Cause> {
        let kind = proven.certificate().public_key().kind();
        let fingerprint = proven.certificate().fingerprint();
        let scheme = choice.scheme(kind)?;
        self.check_permitted(Algorithm::Key(kind), Use::Sign, at)?;
        self.check_permitted(Algorithm::Signature(scheme), Use::Sign, at)?;
        Ok((
            Signer::new(proven, key)?.scheme(scheme)?,
            scheme,
            fingerprint,
        ))
    }

    /// Returns the copies to encrypt, or `None` when the mail is not to be encrypted.
    fn decide_copies(
        &self,
        draft: &Draft,
        mail: &Entity,
        anchors: &mut TrustStore,
        at: UnixTime,
        receipt: &mut Receipt,
    ) -> Result<Option<Vec<SealedCopy>>, Cause> {
        if draft.encrypt == Mode::Never {
            return Ok(None);
        }
        let decided = recipient_groups(draft, mail).and_then(|groups| {
            let all: Vec<EmailAddress> = groups.iter().flatten().cloned().collect();
            Ok((groups, self.recipients(&all, anchors, at)?))
        });
        let (groups, proven) = match decided {
            Ok(decided) => decided,
            Err(cause @ (Cause::CannotEncrypt(_) | Cause::NoRecipient))
                if draft.encrypt == Mode::IfPossible =>
            {
                receipt.reasons.push(Reason {
                    code: cause.code(),
                    detail: cause.to_string(),
                });
                return Ok(None);
            }
            Err(cause) => return Err(cause),
        };
        let mut proven = proven.into_iter();
        let mut copies = Vec::new();
        for addresses in groups {
            let recipients: Vec<_> = proven.by_ref().take(addresses.len()).collect();
            for (address, recipient) in addresses.iter().zip(&recipients) {
                let kind = recipient.certificate().public_key().kind();
                self.check_permitted(Algorithm::Key(kind), Use::Encrypt, at)?;
                receipt.recipients.push(SealedRecipient {
                    address: address.clone(),
                    certificate: recipient.certificate().fingerprint(),
                });
            }
            copies.push(SealedCopy {
                recipients,
                addresses,
            });
        }
        Ok(Some(copies))
    }

    /// The best cipher every recipient is known to read; one that every client reads where nothing
    /// is known (RFC 8551 §2.7.1). All copies have one cipher: a weaker copy for some would
    /// weaken the mail for all (RFC 8551 §2.7.3).
    fn decide_cipher(
        &self,
        draft: &Draft,
        copies: &[SealedCopy],
        at: UnixTime,
        receipt: &mut Receipt,
    ) -> Result<ContentCipher, Cause> {
        let known = |cipher| {
            copies
                .iter()
                .flat_map(|copy| &copy.recipients)
                .all(|recipient| capabilities(recipient).is_some_and(|it| it.supports(cipher)))
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

    fn check_permitted(&self, algorithm: Algorithm, usage: Use, at: UnixTime) -> Result<(), Cause> {
        self.policy
            .algorithms
            .permits(algorithm, usage, at)
            .map_err(Cause::Refused)
    }

    fn record_sealing(
        &self,
        operation: Operation,
        code: &str,
        (message_id, from): &(Option<String>, Option<String>),
        at: UnixTime,
        done: Option<&Receipt>,
    ) -> Result<(), Cause> {
        let recipients = done.map(|receipt| &*receipt.recipients).unwrap_or_default();
        let signer = done.and_then(|receipt| receipt.signer);
        let certificates = match operation {
            Operation::Sign => signer.into_iter().collect(),
            _ => recipients
                .iter()
                .map(|recipient| recipient.certificate)
                .collect(),
        };
        self.store.record(&Activity {
            time: at,
            direction: Direction::Out,
            operation,
            outcome: match done {
                Some(_) => smime_store::Outcome::Ok,
                None => smime_store::Outcome::Failed,
            },
            code: code.to_owned(),
            message_id: message_id.clone(),
            from: from.clone(),
            to: recipients
                .iter()
                .map(|recipient| recipient.address.to_string())
                .collect(),
            certificates,
            input_digest: None,
            detail: String::new(),
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
        let identity = (self.message_id, self.from);
        for (done, operation, code) in [
            (
                self.receipt.signer.is_some(),
                Operation::Sign,
                "engine.signed",
            ),
            (
                self.receipt.cipher.is_some(),
                Operation::Encrypt,
                "engine.encrypted",
            ),
        ] {
            if done {
                let receipt = Some(&self.receipt);
                self.engine
                    .record_sealing(operation, code, &identity, self.at, receipt)?;
            }
        }
        Ok(self.receipt)
    }

    fn write_envelope(
        &self,
        copy: &SealedCopy,
        cipher: ContentCipher,
        out: impl Write,
    ) -> Result<(), Cause> {
        let (provider, random) = (self.engine.provider, self.engine.random);
        let recipients = copy.recipients.iter().map(|recipient| {
            let known = capabilities(recipient)
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

/// The draft's sender, or the one mailbox of From.
fn sender(draft: &Draft, mail: &Entity) -> Result<EmailAddress, Cause> {
    if let Some(from) = &draft.from {
        return Ok(from.clone());
    }
    let mailboxes = mail.headers().addresses("From")?;
    match &*mailboxes {
        [only] => EmailAddress::new(&only.address).ok_or(Cause::NoSender),
        _ => Err(Cause::NoSender),
    }
}

/// The recipients that may see each other, then each Bcc recipient alone.
fn recipient_groups(draft: &Draft, mail: &Entity) -> Result<Vec<Vec<EmailAddress>>, Cause> {
    let mut groups = Vec::new();
    if draft.to.is_empty() {
        let mut visible = field_addresses(mail, "To")?;
        visible.extend(field_addresses(mail, "Cc")?);
        groups.push(without_repetition(visible));
        let hidden = without_repetition(field_addresses(mail, "Bcc")?);
        groups.extend(hidden.into_iter().map(|address| vec![address]));
    } else {
        groups.push(without_repetition(draft.to.clone()));
    }
    groups.retain(|group| !group.is_empty());
    if groups.is_empty() {
        Err(Cause::NoRecipient)
    } else {
        Ok(groups)
    }
}

fn field_addresses(mail: &Entity, field: &str) -> Result<Vec<EmailAddress>, Cause> {
    let mailboxes = mail.headers().addresses(field)?;
    mailboxes
        .iter()
        .map(|mailbox| EmailAddress::new(&mailbox.address).ok_or(Cause::NoRecipient))
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

/// What a recipient's certificate says that they can read (RFC 4262).
fn capabilities(recipient: &VerifiedRecipient) -> Option<Capabilities> {
    Capabilities::from_der(recipient.certificate().smime_capabilities()?).ok()
}

fn mail_identity(mail: &Entity) -> (Option<String>, Option<String>) {
    (
        mail.headers().text("Message-ID"),
        mail.headers().text("From"),
    )
}
