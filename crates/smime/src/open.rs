//! The incoming loop: one layer a turn, from the mail as received to the entity inside.

use std::{collections::HashSet, io::Read};

use smime_cms::{
    Envelope, Object, Opened, Outcome, RecipientId, Refusal, Sender, SignatureCheck, SignedMessage,
    SignerId, SignerReport, Verdict,
};
use smime_crypto::{Algorithm, Oid, PrivateKey, UnixTime};
use smime_io::{Source, Spool, TooLarge};
use smime_mime::{Entity, Protection};
use smime_store::{Activity, Direction, Operation, StoredCertificate, Want};
use smime_x509::{Certificate, CertificateBundle, EmailAddress, PolicyInputs, Purpose};

use crate::{
    Cause, Coverage, Engine, Error, KeyUnavailable, Layer, Message, Unauthenticated,
    message::{message_id, signature},
};

impl Engine<'_> {
    /// Opens a mail: takes off layer after layer, judging each at one time.
    ///
    /// A signature that is not good is a verdict in the [`Message`], not an error. What a layer
    /// of encryption protects is released only as the policy says; see [`Unauthenticated`].
    /// Every mail with a layer is recorded in the store's activity log, also on failure.
    ///
    /// # Errors
    /// [`Error`], with the layers that were taken off before.
    pub fn open(&self, input: impl Read) -> Result<Message, Error> {
        let source = Spool::copy(input, &self.limits).map_err(Cause::from)?;
        self.open_source(source)
    }

    pub(crate) fn open_source(&self, source: Source) -> Result<Message, Error> {
        let mail = Entity::read(source, &self.limits).map_err(Cause::from)?;
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

    fn record_opening(&self, mail: &Entity, opened: &Result<Message, Error>) -> Result<(), Cause> {
        let (layers, failure) = match opened {
            Ok(message) => (&message.layers, None),
            Err(error) => (&error.layers, Some(&error.cause)),
        };
        let mut kinds = layers.iter();
        let signed = kinds.any(|layer| matches!(layer, Layer::Signed { .. }));
        let mut kinds = layers.iter();
        let encrypted = kinds.any(|layer| matches!(layer, Layer::Encrypted { .. }));
        let at = self.clock.now();
        let headers = mail.headers();
        let entry = |operation, ok: bool, code: &str| Activity {
            time: at,
            direction: Direction::In,
            operation,
            outcome: if ok {
                smime_store::Outcome::Ok
            } else {
                smime_store::Outcome::Failed
            },
            code: code.to_owned(),
            message_id: message_id(mail),
            from: headers.text("From"),
            to: addresses(mail, "To"),
            certificates: certificates(layers),
            algorithms: algorithms(layers, operation),
            input_digest: None,
            detail: String::new(),
        };
        let mut entries = Vec::new();
        match failure {
            Some(cause) if cause.is_undecryptable() => {
                entries.push(entry(Operation::Decrypt, false, cause.code()));
            }
            Some(cause) => entries.push(entry(Operation::Verify, false, cause.code())),
            None if encrypted => entries.push(entry(Operation::Decrypt, true, "engine.decrypted")),
            None => {}
        }
        if signed && failure.is_none() {
            let verdict = signature(layers);
            let good = verdict == crate::Verdict::Good;
            entries.push(entry(Operation::Verify, good, verdict.name()));
        }
        Ok(self.store.record_all(&entries)?)
    }
}

/// One message on its way in.
struct Walk<'a> {
    engine: &'a Engine<'a>,
    at: UnixTime,
    from: Vec<EmailAddress>,
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
        wants.extend(
            known
                .iter()
                .map(|one| Want::Issuer(one.issuer().der().to_vec())),
        );
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
        let opened = self.open_envelope(envelope);
        let (recipient, opened) = opened.map_err(|cause| match is_authenticated {
            true => cause,
            false => self.as_withheld(cause),
        })?;
        let layer = |authenticated| Layer::Encrypted {
            coverage: Coverage::Whole,
            cipher,
            authenticated,
            recipient: Some(recipient),
        };
        match opened {
            Opened::Authenticated(decrypted) => {
                self.layers.push(layer(true));
                Ok(Entity::read(decrypted.content(), &engine.limits)?)
            }
            Opened::Unauthenticated(quarantined) => {
                let position = self.layers.len();
                self.layers.push(layer(false));
                let released = self.release(quarantined.dangerous_content());
                let (authenticated, entity) = released.map_err(|cause| {
                    // Nor that there was a way in, or what a mangled inside said of itself.
                    self.layers.truncate(position);
                    self.as_withheld(cause)
                })?;
                if let Some(found) = self.layers.get_mut(position) {
                    *found = layer(authenticated);
                }
                Ok(entity)
            }
        }
    }

    /// The release rule for plaintext that no tag vouches for: the content of one signature that
    /// is directly inside and verifies; otherwise, where policy lets it, one complete entity.
    ///
    /// Whatever is wrong inside has one error, that of a wrong key: telling them apart would tell
    /// an attacker how their altered ciphertext decrypted (RFC 3218, RFC 8551 §6).
    fn release(&mut self, plaintext: Source) -> Result<(bool, Entity), Cause> {
        let engine = self.engine;
        let hide = |cause: Cause| match cause {
            Cause::Io(_) | Cause::Store(_) => cause,
            _ => Cause::DecryptFailed,
        };
        let entity = Entity::read(plaintext, &engine.limits).map_err(|it| hide(it.into()))?;
        entity
            .check_complete(&engine.limits)
            .map_err(|it| hide(it.into()))?;
        let inner = match entity.protection().map_err(|it| hide(it.into()))? {
            Protection::None => None,
            Protection::MultipartSigned {
                content, signature, ..
            } => {
                let signed = SignedMessage::detached(&signature, content, &engine.limits);
                Some(signed.map_err(|it| hide(it.into()))?)
            }
            Protection::Pkcs7(source) => {
                match smime_cms::read(source, &engine.limits).map_err(|it| hide(it.into()))? {
                    Object::Signed(signed) => Some(signed),
                    _ => None,
                }
            }
        };
        if let Some(signed) = inner {
            let (vouched, content) = self.verified(signed).map_err(hide)?;
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
    fn open_envelope(&mut self, envelope: Envelope) -> Result<([u8; 32], Opened), Cause> {
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

    /// Reports protected parts beside unprotected ones: signatures are judged, encryption is
    /// named and stays closed, because its plaintext would stand among bytes of other origin.
    /// Parts beyond a number are named as not judged: nobody's, and not good.
    fn report_parts(&mut self, entity: &Entity) -> Result<(), Cause> {
        let limits = &self.engine.limits;
        for (number, part) in entity.nested_protections(limits)?.into_iter().enumerate() {
            let signed = match part.protection() {
                _ if number >= JUDGED_PARTS => None,
                Ok(Protection::MultipartSigned {
                    content, signature, ..
                }) => SignedMessage::detached(&signature, content, limits).ok(),
                Ok(Protection::Pkcs7(source)) => match smime_cms::read(source, limits) {
                    Ok(Object::Signed(signed)) => Some(signed),
                    Ok(Object::Enveloped(envelope)) => {
                        self.layers.push(Layer::Encrypted {
                            coverage: Coverage::Part,
                            cipher: envelope.cipher().ok(),
                            authenticated: false,
                            recipient: None,
                        });
                        continue;
                    }
                    _ => None,
                },
                _ => None,
            };
            let (signers, good) = match signed.map(|signed| self.judge(signed)) {
                Some(Ok((_, signers, good))) => (signers, good),
                Some(Err(cause @ (Cause::Io(_) | Cause::Store(_)))) => return Err(cause),
                Some(Err(_)) | None => (Vec::new(), false),
            };
            self.layers.push(Layer::Signed {
                coverage: Coverage::Part,
                signers,
                good,
            });
        }
        Ok(())
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

/// Returns the SHA-256 of the certificates that took part.
pub(crate) fn certificates(layers: &[Layer]) -> Vec<[u8; 32]> {
    layers
        .iter()
        .flat_map(|layer| match layer {
            Layer::Encrypted { recipient, .. } => recipient.iter().copied().collect(),
            Layer::Signed { signers, .. } => signers
                .iter()
                .filter_map(|signer| Some(signer.certificate.as_ref()?.fingerprint()))
                .collect::<Vec<_>>(),
        })
        .collect()
}

/// Returns the algorithms of the layers that an operation is about, each once.
fn algorithms(layers: &[Layer], operation: Operation) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    for layer in layers {
        match layer {
            Layer::Encrypted { cipher, .. } if operation == Operation::Decrypt => {
                names.extend(cipher.map(|cipher| cipher.name()));
            }
            Layer::Signed { signers, .. } if operation == Operation::Verify => {
                for signer in signers {
                    names.extend(signer.digest.map(|digest| digest.name()));
                    names.extend(signer.scheme.map(|scheme| scheme.name()));
                }
            }
            Layer::Encrypted { .. } | Layer::Signed { .. } => {}
        }
    }
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(*name));
    names.into_iter().map(ToOwned::to_owned).collect()
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

fn addresses(mail: &Entity, field: &str) -> Vec<String> {
    let mailboxes = mail.headers().addresses(field).unwrap_or_default();
    mailboxes
        .into_iter()
        .map(|mailbox| mailbox.address)
        .collect()
}

/// Protected parts judged in one mail: more than a digest of a mailing list forwards, and few enough
/// that a mail of nothing else costs seconds.
const JUDGED_PARTS: usize = 32;

/// What is remembered of what would help to judge a mail: for some hundred recipients.
const MAX_WANTS: usize = 512;
