//! The incoming loop: one layer a turn, from the mail as received to the entity inside.

mod keys;
mod parts;
mod record;

use std::{collections::HashSet, io::Read};

use smime_cms::{
    Compressed, Envelope, Object, Opened, Outcome, RecipientId, Refusal, Sender, SignatureCheck,
    SignedMessage, SignerId, SignerReport, Verdict,
};
use smime_crypto::{Algorithm, ContentCipher, Oid, PrivateKey, UnixTime};
use smime_io::{Source, Spool, TooLarge};
use smime_mime::{Entity, Protection};
use smime_store::{StoredCertificate, Want};
use smime_x509::{Certificate, CertificateBundle, EmailAddress, PolicyInputs, Purpose};

use record::addresses;
pub(crate) use record::certificates;

use crate::{Cause, Coverage, Engine, Error, KeyUnavailable, Layer, Message, Unauthenticated};

impl Engine<'_> {
    /// Opens a mail: takes off layer after layer, judging each at one time.
    ///
    /// A signature that is not good is a verdict in the [`Message`], not an error. What a layer
    /// of encryption protects is released only as the policy says; see [`Unauthenticated`].
    /// Every mail with a layer, and every one that cannot be read, is recorded in the store's activity
    /// log.
    ///
    /// # Errors
    /// [`Error`], with the layers that were taken off before.
    pub fn open(&self, input: impl Read) -> Result<Message, Error> {
        let source = Spool::copy(input, &self.limits).map_err(Cause::from)?;
        self.open_source(source)
    }

    pub(crate) fn open_source(&self, source: Source) -> Result<Message, Error> {
        let mail = match Entity::read(source, &self.limits).map_err(Cause::from) {
            Ok(mail) => mail,
            Err(cause) => {
                self.record_unreadable(&cause)?;
                return Err(cause.into());
            }
        };
        let opened = self.examine(&mail);
        match (self.record_opening(&mail, &opened), opened) {
            (Ok(()), opened) => opened,
            (Err(cause), opened) => {
                let (layers, wants) = match opened {
                    Ok(message) => (message.layers, message.wants.into()),
                    Err(error) => (error.layers, error.wants),
                };
                Err(Error {
                    layers,
                    wants,
                    cause,
                })
            }
        }
    }

    /// Opens a mail without recording it.
    pub(crate) fn examine(&self, mail: &Entity) -> Result<Message, Error> {
        let mut walk = Walk {
            engine: self,
            at: self.clock.now(),
            from: from_addresses(mail),
            to: recipients(mail),
            layers: Vec::new(),
            wants: Vec::new(),
            certificates: Vec::new(),
        };
        let result = walk.run(mail.clone());
        let Walk {
            layers,
            wants,
            certificates,
            ..
        } = walk;
        match result {
            Ok(entity) => Ok(Message {
                mail: mail.clone(),
                layers,
                wants,
                certificates,
                entity,
            }),
            Err(cause) => Err(Error {
                layers,
                wants: wants.into(),
                cause,
            }),
        }
    }

    /// Opens a bare envelope with one key; says whether a tag vouches for the content.
    ///
    /// Content that none vouches for is released only where the policy lets it, after its padding
    /// was checked to the end.
    ///
    /// # Errors
    /// [`Error`].
    pub fn decrypt(
        &self,
        envelope: &Envelope,
        own: &Certificate,
        key: &PrivateKey,
    ) -> Result<(bool, Source), Error> {
        let algorithms = &self.policy.algorithms;
        let opened = envelope.open(own, key, algorithms, self.clock.now(), self.random);
        let withhold = self.policy.messages.unauthenticated == Unauthenticated::Withhold;
        let opened = opened.map_err(|error| match Cause::from(error) {
            Cause::DecryptFailed if withhold && !envelope.is_authenticated() => Cause::Withheld,
            cause => cause,
        });
        match opened? {
            Opened::Authenticated(decrypted) => Ok((true, decrypted.content())),
            Opened::Unauthenticated(quarantined) => match self.policy.messages.unauthenticated {
                Unauthenticated::ReleaseWhole => Ok((false, quarantined.dangerous_content())),
                Unauthenticated::Withhold => Err(Cause::Withheld.into()),
            },
        }
    }
}

/// A layer of encryption around the whole, but for what vouches for its content.
#[derive(Clone, Copy)]
struct Encrypted {
    cipher: Option<ContentCipher>,
    recipient: [u8; 32],
}

impl Encrypted {
    fn into_layer(self, authenticated: bool) -> Layer {
        Layer::Encrypted {
            coverage: Coverage::Whole,
            cipher: self.cipher,
            authenticated,
            recipient: Some(self.recipient),
        }
    }
}

/// What of a failure inside unauthenticated content may be told.
fn hidden(cause: Cause) -> Cause {
    match cause {
        Cause::Io(_) | Cause::Store(_) | Cause::Withheld => cause,
        _ => Cause::DecryptFailed,
    }
}

/// One message on its way in.
struct Walk<'a> {
    engine: &'a Engine<'a>,
    at: UnixTime,
    from: Vec<EmailAddress>,
    /// Whom it is addressed to: anybody's word, and good enough to choose keys by.
    to: Vec<EmailAddress>,
    layers: Vec<Layer>,
    /// What would help, as far as the layers tell.
    wants: Vec<Want>,
    /// What came with signatures of the whole that are good.
    certificates: Vec<Certificate>,
}

impl Walk<'_> {
    /// Takes off every layer around the whole, then reports those around parts.
    fn run(&mut self, mail: Entity) -> Result<Entity, Cause> {
        let limits = &self.engine.limits;
        let mut entity = mail;
        // Every turn adds a layer, or two where a signature inside vouches for an envelope.
        while self.layers.len() <= limits.depth {
            entity = match entity.protection()? {
                Protection::None => {
                    self.report_parts(&entity)?;
                    return Ok(entity);
                }
                Protection::MultipartSigned {
                    content, signature, ..
                } => {
                    let signed = SignedMessage::detached(&signature, content, limits)?;
                    self.verified(signed)?.1
                }
                Protection::Pkcs7(source) => match smime_cms::read(source, limits)? {
                    Object::Signed(signed) => self.verified(signed)?.1,
                    Object::Enveloped(envelope) => self.decrypted(envelope)?,
                    Object::Compressed(compressed) => self.expanded(compressed)?,
                    _ => return Err(Cause::Cms(smime_cms::Error::Unsupported("content type"))),
                },
            };
        }
        let limit = u64::try_from(limits.depth).unwrap_or(u64::MAX);
        Err(Cause::TooLarge(TooLarge {
            what: "depth",
            limit,
        }))
    }

    /// Expands compressed content to its end, and adds its layer.
    ///
    /// Once: nobody compresses twice but to make a little become a lot.
    fn expanded(&mut self, compressed: Compressed) -> Result<Entity, Cause> {
        let is_compressed = |layer: &Layer| matches!(layer, Layer::Compressed { .. });
        if self.layers.iter().any(is_compressed) {
            let unsupported = smime_cms::Error::Unsupported("compression inside compression");
            return Err(Cause::Cms(unsupported));
        }
        check_is_mail(compressed.content_type())?;
        let limits = &self.engine.limits;
        let content = compressed.expanded(limits)?;
        self.layers.push(Layer::Compressed {
            coverage: Coverage::Whole,
        });
        Ok(Entity::read(content, limits)?)
    }

    /// Judges a signature around the whole, adds its layer, and returns its content.
    fn verified(&mut self, signed: SignedMessage) -> Result<(bool, Entity), Cause> {
        check_is_mail(signed.content_type())?;
        let brought: Vec<_> = signed.certificates().iter().cloned().collect();
        let (content, signers, good) = self.judge(signed)?;
        if good {
            self.certificates.extend(brought);
        }
        let safe = signers.iter().all(|signer| vouches(&signer.verdict)) && !signers.is_empty();
        self.layers.push(Layer::Signed {
            coverage: Coverage::Whole,
            signers,
            good,
        });
        Ok((safe, Entity::read(content, &self.engine.limits)?))
    }

    fn judge(&mut self, signed: SignedMessage) -> Result<(Source, Vec<SignerReport>, bool), Cause> {
        let engine = self.engine;
        let mut grounds = engine.grounds()?;
        let mut pool = CertificateBundle::new();
        for signer in signed.signer_ids() {
            for stored in self.find_signer(signer)? {
                pool.add(stored.certificate);
            }
        }
        let known: Vec<_> = signed
            .certificates()
            .iter()
            .chain(pool.iter())
            .cloned()
            .collect();
        engine.add_issuers(&known, &mut pool, &mut grounds)?;
        let chains = engine.chains(&grounds);
        let check = SignatureCheck {
            chains: Some(&chains),
            purpose: Purpose::SignMail,
            policies: &PolicyInputs::default(),
            provider: engine.provider,
            algorithms: &engine.policy.algorithms,
            pool: &pool,
            sender: Sender::Addresses(&self.from),
            at: self.at,
            claimed_time: engine.policy.messages.claimed_time,
        };
        let mut wants: Vec<_> = signed.signer_ids().map(want_of_signer).collect();
        // Also of authorities of the store: what is missing may be above them.
        let found = known.iter().chain(pool.iter());
        wants.extend(found.map(|one| Want::Issuer(one.issuer().der().to_vec())));
        Ok(match signed.verify(&check)? {
            Outcome::Verified(it) => (it.content().clone(), it.signers().to_vec(), true),
            Outcome::Unverified(it) => {
                self.want(wants);
                (it.content().clone(), it.signers().to_vec(), false)
            }
        })
    }

    /// Opens an envelope, adds its layer, and returns what may leave it.
    fn decrypted(&mut self, envelope: Envelope) -> Result<Entity, Cause> {
        let engine = self.engine;
        check_is_mail(envelope.content_type())?;
        let cipher = envelope.cipher().ok();
        let is_authenticated = envelope.is_authenticated();
        let layer = Encrypted {
            cipher,
            recipient: [0; 32],
        };
        let (recipient, opened) = match self.open_envelope(&envelope) {
            Ok(opened) => opened,
            Err(Cause::NoKey) => return self.decrypted_by_trial(&envelope, layer),
            Err(cause) if is_authenticated => return Err(cause),
            Err(cause) => return Err(self.as_withheld(cause)),
        };
        let layer = Encrypted { recipient, ..layer };
        match opened {
            Opened::Authenticated(decrypted) => {
                self.layers.push(layer.into_layer(true));
                Ok(Entity::read(decrypted.content(), &engine.limits)?)
            }
            Opened::Unauthenticated(quarantined) => self
                .released(layer, quarantined.dangerous_content())
                .map_err(|cause| self.as_withheld(cause)),
        }
    }

    /// Opens an envelope that names none of our certificates with keys that it may be for: those of
    /// a certificate that was renewed since, for one.
    ///
    /// However it fails, no key was found: what a wrong key makes of altered content must not be
    /// told from what it makes of any other (RFC 3218). For the same reason there is no next try
    /// after content that looks like a mail.
    fn decrypted_by_trial(
        &mut self,
        envelope: &Envelope,
        layer: Encrypted,
    ) -> Result<Entity, Cause> {
        let engine = self.engine;
        // A certificate that is renewed comes by another name than the envelope has.
        let addressed = self.to.iter().cloned().map(Want::Address);
        self.want(addressed.collect());
        let mut places = Vec::new();
        for (place, id) in envelope.recipients().iter().enumerate() {
            if self.find(id)?.is_empty() {
                places.push(place);
            }
        }
        let keys::Tries { tries, closed } = engine.tries(envelope, &places, &self.to)?;
        let failed = closed.map_or(Cause::NoKey, Cause::from);
        let algorithms = &engine.policy.algorithms;
        for keys::Try {
            place,
            certificate,
            key,
        } in tries
        {
            let layer = Encrypted {
                recipient: certificate.fingerprint(),
                ..layer
            };
            let random = engine.random;
            match envelope.open_at(place, &certificate, &key, algorithms, self.at, random) {
                Ok(Opened::Authenticated(decrypted)) => {
                    self.layers.push(layer.into_layer(true));
                    return Ok(Entity::read(decrypted.content(), &engine.limits)?);
                }
                Ok(Opened::Unauthenticated(quarantined)) => {
                    let content = quarantined.dangerous_content();
                    if !self.begins_as_mail(&content)? {
                        continue;
                    }
                    return self
                        .released(layer, content)
                        .map_err(|cause| match hidden(cause) {
                            Cause::DecryptFailed | Cause::Withheld => failed,
                            cause => cause,
                        });
                }
                Err(error) => {
                    if let cause @ Cause::Io(_) = Cause::from(error) {
                        return Err(cause);
                    }
                }
            }
        }
        Err(failed)
    }

    /// Says whether plaintext has the one field that every protected entity has (RFC 8551 §3.1):
    /// what a wrong key gives has none, also where its padding happens to be one.
    fn begins_as_mail(&self, plaintext: &Source) -> Result<bool, Cause> {
        match Entity::read(plaintext.clone(), &self.engine.limits).map_err(Cause::from) {
            Ok(entity) => Ok(entity.headers().count("Content-Type") > 0),
            Err(cause @ Cause::Io(_)) => Err(cause),
            Err(_) => Ok(false),
        }
    }

    /// Adds the layer of unauthenticated encryption, and returns what may leave it.
    fn released(&mut self, layer: Encrypted, plaintext: Source) -> Result<Entity, Cause> {
        let position = self.layers.len();
        self.layers.push(layer.into_layer(false));
        let (authenticated, entity) = self.release(plaintext).inspect_err(|_| {
            // Nor that there was a way in, or what a mangled inside said of itself.
            self.layers.truncate(position);
        })?;
        if let Some(found) = self.layers.get_mut(position) {
            *found = layer.into_layer(authenticated);
        }
        Ok(entity)
    }

    /// The release rule for plaintext that no tag vouches for: the content of one signature that
    /// is directly inside and verifies; otherwise, where policy lets it, one complete entity.
    ///
    /// Whatever is wrong inside has one error, that of a wrong key: telling them apart would tell
    /// an attacker how their altered ciphertext decrypted (RFC 3218, RFC 8551 §6).
    fn release(&mut self, plaintext: Source) -> Result<(bool, Entity), Cause> {
        let engine = self.engine;
        let entity = Entity::read(plaintext, &engine.limits).map_err(|it| hidden(it.into()))?;
        entity
            .check_complete(&engine.limits)
            .map_err(|it| hidden(it.into()))?;
        let inner = match entity.protection().map_err(|it| hidden(it.into()))? {
            Protection::None => None,
            Protection::MultipartSigned {
                content, signature, ..
            } => {
                let signed = SignedMessage::detached(&signature, content, &engine.limits);
                Some(signed.map_err(|it| hidden(it.into()))?)
            }
            Protection::Pkcs7(source) => {
                match smime_cms::read(source, &engine.limits).map_err(|it| hidden(it.into()))? {
                    Object::Signed(signed) => Some(signed),
                    // What comes out of it is no better than what went in.
                    Object::Compressed(compressed) => {
                        let content = self.expanded(compressed).map_err(hidden)?;
                        return self.release(content.source().clone());
                    }
                    _ => None,
                }
            }
        };
        if let Some(signed) = inner {
            let (vouched, content) = self.verified(signed).map_err(hidden)?;
            let good = matches!(self.layers.last(), Some(Layer::Signed { good: true, .. }));
            if good {
                return Ok((true, content));
            }
            if !vouched {
                return Err(Cause::DecryptFailed);
            }
            self.check_release_whole()?;
            return Ok((false, content));
        }
        self.check_release_whole()?;
        Ok((false, entity))
    }

    fn check_release_whole(&self) -> Result<(), Cause> {
        match self.engine.policy.messages.unauthenticated {
            Unauthenticated::ReleaseWhole => Ok(()),
            Unauthenticated::Withhold => Err(Cause::Withheld),
        }
    }

    /// Where unauthenticated plaintext stays inside anyway, nobody learns whether there was any.
    fn as_withheld(&self, cause: Cause) -> Cause {
        match (cause, self.engine.policy.messages.unauthenticated) {
            (Cause::DecryptFailed, Unauthenticated::Withhold) => Cause::Withheld,
            (cause, _) => cause,
        }
    }

    /// Tries each recipient that is a certificate of ours with its key; each certificate once,
    /// however often the envelope names it, because a try takes a key and a pass over the content.
    fn open_envelope(&mut self, envelope: &Envelope) -> Result<([u8; 32], Opened), Cause> {
        let engine = self.engine;
        let mut failure = Cause::NoKey;
        let mut tried = HashSet::new();
        for id in envelope.recipients() {
            for stored in self.find(id)? {
                let certificate = stored.certificate;
                if !tried.insert(certificate.fingerprint()) {
                    continue;
                }
                let found =
                    engine
                        .keys
                        .find(certificate.public_key(), engine.store, engine.provider);
                let key = match found {
                    Ok(key) => key,
                    Err(KeyUnavailable::Missing) => continue,
                    Err(unavailable) => {
                        failure = unavailable.into();
                        continue;
                    }
                };
                let algorithms = &engine.policy.algorithms;
                let opened = envelope.open(&certificate, &key, algorithms, self.at, engine.random);
                match opened {
                    Ok(opened) => return Ok((certificate.fingerprint(), opened)),
                    Err(error) => failure = error.into(),
                }
            }
        }
        let wants = envelope.recipients().iter().filter_map(want_of_recipient);
        self.want(wants.collect());
        Err(failure)
    }

    fn want(&mut self, wants: Vec<Want>) {
        for want in wants {
            if self.wants.len() < MAX_WANTS && !self.wants.contains(&want) {
                self.wants.push(want);
            }
        }
    }

    fn find_signer(&self, id: &SignerId) -> Result<Vec<StoredCertificate>, Cause> {
        let store = self.engine.store;
        Ok(match id {
            SignerId::IssuerSerial { issuer, serial } => {
                store.by_issuer_and_serial(issuer, serial)?
            }
            SignerId::SubjectKeyId(id) => store.by_subject_key_id(id)?,
        })
    }

    fn find(&self, id: &RecipientId) -> Result<Vec<StoredCertificate>, Cause> {
        let store = self.engine.store;
        Ok(match id {
            RecipientId::IssuerSerial { issuer, serial } => {
                store.by_issuer_and_serial(issuer, serial)?
            }
            RecipientId::SubjectKeyId(id) => store.by_subject_key_id(id)?,
            _ => Vec::new(),
        })
    }
}

fn want_of_signer(id: &SignerId) -> Want {
    match id {
        SignerId::IssuerSerial { issuer, serial } => Want::Certificate {
            issuer: issuer.clone(),
            serial: serial.clone(),
        },
        SignerId::SubjectKeyId(id) => Want::SubjectKeyId(id.clone()),
    }
}

fn want_of_recipient(id: &RecipientId) -> Option<Want> {
    match id {
        RecipientId::IssuerSerial { issuer, serial } => Some(Want::Certificate {
            issuer: issuer.clone(),
            serial: serial.clone(),
        }),
        RecipientId::SubjectKeyId(id) => Some(Want::SubjectKeyId(id.clone())),
        _ => None,
    }
}

/// A MIME entity travels as id-data (RFC 8551 §2.4); other content is not read as one, whoever
/// signed it.
fn check_is_mail(content_type: Oid) -> Result<(), Cause> {
    if content_type == smime_cms::ID_DATA {
        Ok(())
    } else {
        Err(Cause::Cms(smime_cms::Error::UnknownContentType(
            content_type,
        )))
    }
}

/// Says whether a signature was made over these very bytes, whoever made it and however.
fn vouches(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Good | Verdict::Untrusted(_) | Verdict::WrongSender => true,
        // Judged after the signature was found to match.
        Verdict::Refused(Refusal::Policy(refused)) => {
            matches!(refused.algorithm, Algorithm::Signature(_))
        }
        _ => false,
    }
}

/// The addresses a signature must be bound to; none when From is absent, twice there or unclear,
/// so that nobody matches (RFC 8550 §3).
pub(crate) fn from_addresses(mail: &Entity) -> Vec<EmailAddress> {
    if mail.headers().count("From") != 1 {
        return Vec::new();
    }
    let mailboxes = mail.headers().addresses("From").unwrap_or_default();
    let addresses: Option<Vec<_>> = mailboxes
        .iter()
        .map(|mailbox| EmailAddress::new(&mailbox.address))
        .collect();
    addresses.unwrap_or_default()
}

/// Whom a mail is addressed to, as far as keys are chosen by it.
fn recipients(mail: &Entity) -> Vec<EmailAddress> {
    let fields = ["To", "Cc"].into_iter();
    let addresses = fields.flat_map(|field| addresses(mail, field));
    let addresses = addresses.filter_map(|address| EmailAddress::new(&address));
    addresses.take(MAX_ADDRESSED).collect()
}

/// Addressees whose keys are looked for.
const MAX_ADDRESSED: usize = 64;

/// What is remembered of what would help to judge a mail: for some hundred recipients.
const MAX_WANTS: usize = 512;
