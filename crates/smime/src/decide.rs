//! Whether an outgoing mail can be signed and encrypted, with what, and whether it will be: decided
//! once, told to whoever asks beforehand, followed when the mail is sealed.

use std::{collections::HashMap, sync::Arc};

use smime_cms::Capabilities;
use smime_crypto::{DigestAlgorithm, PrivateKey, SignatureScheme, UnixTime};
use smime_store::{
    Activity, Binding, Defaults, Direction, Impossible, Level, Mode, Operation, Recorded, Scope,
};
use smime_x509::{EmailAddress, VerifiedRecipient, VerifiedSigner};

use crate::{
    Cause, Cipher, EncryptionChoice, Engine, Error, Reason, RecipientProblem, SignatureChoice,
    Unusable,
};

/// An outgoing mail as far as it decides about its protection.
#[derive(Clone, Debug, Default)]
pub struct Intent {
    /// Who sends it, if it is one address.
    pub from: Option<EmailAddress>,
    /// Who gets it and may be seen by the others.
    pub visible: Vec<EmailAddress>,
    /// Who gets it and may not be seen.
    pub hidden: Vec<EmailAddress>,
    /// Recipients whose address cannot be read: nothing can be encrypted to them.
    pub unreadable: Vec<String>,
    /// What it answers, as Message-IDs.
    pub answers: Vec<String>,
    /// The group whose defaults hold; those of nobody when absent.
    pub group: Option<String>,
    /// Whether to sign; as the defaults say when absent.
    pub sign: Option<Mode>,
    /// Whether to encrypt; as the defaults say when absent.
    pub encrypt: Option<Mode>,
    /// Which certificates.
    pub choice: Choice,
    /// Whether an answer to encrypted mail may go in plain.
    pub plain_answer: PlainAnswer,
    /// How the signature is to be made.
    pub signature: SignatureChoice,
    /// Which content cipher.
    pub cipher: Cipher,
    /// The digest of OAEP for all RSA recipients; as each is known to read it when absent.
    pub oaep: Option<DigestAlgorithm>,
}

/// Which certificates a mail uses.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The SHA-256 of the certificate that signs; to name it is to ask for a signature.
    pub signer: Option<[u8; 32]>,
    /// The SHA-256 of certificates to use for their addresses and no others; to name one is to ask
    /// for encryption.
    pub recipients: Vec<[u8; 32]>,
    /// How many certificates of a recipient are encrypted to.
    pub several: Several,
    /// Whether the sender can decrypt too.
    pub to_self: ToSelf,
}

/// How many certificates of a recipient are encrypted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Several {
    /// The best.
    #[default]
    Best,
    /// Every one that can be, for people with several devices.
    All,
}

/// Whether the sender can decrypt too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ToSelf {
    /// No.
    #[default]
    No,
    /// If there is a certificate to encrypt to.
    IfPossible,
}

/// Whether an answer to encrypted mail may go in plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PlainAnswer {
    /// No: it would give away what was confided.
    #[default]
    Refused,
    /// Yes.
    Allowed,
}

/// What can be done with an outgoing mail, and what will be.
#[derive(Debug)]
pub struct Decision {
    /// The time of judgement.
    pub at: UnixTime,
    /// How strongly a signature is wanted where the mail says nothing.
    pub sign: Level,
    /// How strongly encryption is wanted where the mail says nothing.
    pub encrypt: Level,
    /// What becomes of the mail if what the defaults want is not possible.
    pub impossible: Impossible,
    /// Whether the mail answers one that came encrypted, and must be encrypted for that.
    pub answers_encrypted: bool,
    /// Who sends, if it is one address.
    pub from: Option<EmailAddress>,
    /// The certificate that can sign; or why none can, as a stable code.
    pub signer: Result<SigningChoice, &'static str>,
    /// Every recipient, the visible ones first.
    pub recipients: Vec<RecipientChoice>,
    /// Recipients whose address cannot be read.
    pub unreadable: Vec<String>,
    /// The sender's own certificates to encrypt to, if that was asked for and there are any.
    pub own: Vec<VerifiedRecipient>,
    /// How the content is encrypted, or why it cannot be; absent if some recipient has no
    /// certificate.
    pub encryption: Option<Result<EncryptionChoice, Unusable>>,
    /// What those who have a certificate announced that they can read, by its SHA-256.
    pub(crate) announced: HashMap<[u8; 32], Capabilities>,
    asked: (Option<Mode>, Option<Mode>),
}

/// A certificate that can sign.
#[derive(Clone, Debug)]
pub struct SigningChoice {
    /// The certificate, proven.
    pub certificate: VerifiedSigner,
    /// Its private key, or the stable code of what does not open it: `select.key_locked` if no
    /// passphrase at hand does, `store.sealed` if the store key was not given.
    pub key: Result<Arc<PrivateKey>, &'static str>,
    /// How it signs, or why it cannot sign as it was asked to.
    pub scheme: Result<SignatureScheme, Unusable>,
}

/// A recipient, and what can be encrypted to.
#[derive(Clone, Debug)]
pub struct RecipientChoice {
    /// The address.
    pub address: EmailAddress,
    /// Whether the other recipients may see it.
    pub visibility: Visibility,
    /// Its certificates, the best first, proven; or why there is none, as a stable code.
    pub certificates: Result<Vec<VerifiedRecipient>, &'static str>,
}

/// Whether the other recipients may see one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// To and Cc.
    Visible,
    /// Bcc.
    Hidden,
}

impl Engine<'_> {
    /// Decides about an outgoing mail; changes nothing and writes nothing.
    ///
    /// # Errors
    /// When the store fails, [`Cause::NoSuchGroup`], [`Cause::ChosenForNobody`]. What is not
    /// possible is part of the decision.
    pub fn decide(&self, intent: &Intent) -> Result<Decision, Error> {
        Ok(self.decision(intent)?)
    }

    pub(crate) fn decision(&self, intent: &Intent) -> Result<Decision, Cause> {
        let at = self.clock.now();
        self.check_chosen(intent)?;
        let (defaults, answers_encrypted) = self.defaults(intent)?;
        let mut grounds = self.grounds()?;
        let signer = match &intent.from {
            Some(from) => self.signing_choice(from, intent, &mut grounds, at)?,
            None => Err(Cause::NoSender.code()),
        };
        let mut recipients = Vec::new();
        for (visibility, addresses) in [
            (Visibility::Visible, &intent.visible),
            (Visibility::Hidden, &intent.hidden),
        ] {
            for address in addresses {
                let choice = &intent.choice;
                recipients.push(RecipientChoice {
                    address: address.clone(),
                    visibility,
                    certificates: self.recipient_choice(address, choice, &mut grounds, at)?,
                });
            }
        }
        let own = match (intent.choice.to_self, &intent.from) {
            (ToSelf::IfPossible, Some(from)) => {
                let own = self.recipient_choice(from, &intent.choice, &mut grounds, at)?;
                own.unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let announced = self.announced_by(&recipients, intent, &own)?;
        let encryption = self.encryption(intent, &recipients, &own, &announced, at);
        Ok(Decision {
            at,
            sign: defaults.sign,
            encrypt: defaults.encrypt,
            impossible: defaults.impossible,
            answers_encrypted,
            from: intent.from.clone(),
            signer,
            recipients,
            unreadable: intent.unreadable.clone(),
            own,
            encryption,
            announced,
            asked: asked(intent),
        })
    }

    /// Returns how content is encrypted to everybody, if everybody can be encrypted to.
    fn encryption(
        &self,
        intent: &Intent,
        recipients: &[RecipientChoice],
        own: &[VerifiedRecipient],
        announced: &HashMap<[u8; 32], Capabilities>,
        at: UnixTime,
    ) -> Option<Result<EncryptionChoice, Unusable>> {
        if recipients.is_empty() || !intent.unreadable.is_empty() {
            return None;
        }
        let each = recipients.iter().map(|it| it.certificates.as_deref().ok());
        let all: Vec<_> = each.collect::<Option<_>>()?;
        let certificates = all.into_iter().flatten().chain(own);
        Some(self.encryption_choice(certificates, announced, intent.cipher, intent.oaep, at))
    }

    /// Returns what recipients, and the sender who is one, announced that they can read.
    fn announced_by(
        &self,
        recipients: &[RecipientChoice],
        intent: &Intent,
        own: &[VerifiedRecipient],
    ) -> Result<HashMap<[u8; 32], Capabilities>, Cause> {
        let recipients = recipients.iter().map(|recipient| {
            let certificates = recipient.certificates.as_deref();
            (&recipient.address, certificates.unwrap_or_default())
        });
        let own = intent.from.iter().map(|from| (from, own));
        let mut all = HashMap::new();
        for (address, certificates) in recipients.chain(own).filter(|(_, it)| !it.is_empty()) {
            let Some(announced) = self.announced(address)? else {
                continue;
            };
            for certificate in certificates {
                let fingerprint = certificate.certificate().fingerprint();
                all.insert(fingerprint, announced.clone());
            }
        }
        Ok(all)
    }

    /// Returns the defaults for a mail, and whether it answers one that came encrypted.
    ///
    /// Rules for an address go before those for its domain, and both before the group's where that
    /// does not bind; what is strongest for any recipient holds for the mail.
    fn defaults(&self, intent: &Intent) -> Result<(Defaults, bool), Cause> {
        let group = match &intent.group {
            Some(name) => self.group(name)?,
            None => Defaults::STANDARD,
        };
        let mut strongest: Option<Defaults> = None;
        for address in intent.visible.iter().chain(&intent.hidden) {
            let rule = match self.store.defaults(&Scope::address(address))? {
                Some(rule) => Some(rule),
                None => self.store.defaults(&Scope::domain_of(address))?,
            };
            let holds = rule.map_or(group, |rule| group.refined(rule));
            strongest = Some(strongest.map_or(holds, |all| all.stronger(holds)));
        }
        if !intent.unreadable.is_empty() {
            // They may be anybody.
            for (scope, rule) in self.store.all_defaults()? {
                let holds = match scope {
                    Scope::Group(_) => group,
                    Scope::Domain(_) | Scope::Address(_) => group.refined(rule),
                };
                strongest = Some(strongest.unwrap_or(group).stronger(holds));
            }
        }
        let mut defaults = strongest.unwrap_or(group);
        let answers_encrypted = intent.plain_answer == PlainAnswer::Refused
            && self.answers_encrypted(&intent.answers)?;
        if answers_encrypted {
            defaults.encrypt = Level {
                mode: Mode::Always,
                binding: Binding::Mandatory,
            };
            defaults.impossible = Impossible::Refuse;
        }
        Ok((defaults, answers_encrypted))
    }

    fn group(&self, name: &str) -> Result<Defaults, Cause> {
        let defaults = self.store.defaults(&Scope::Group(name.to_owned()))?;
        // A misspelt name must not lift what is mandatory.
        defaults.ok_or_else(|| Cause::NoSuchGroup(name.to_owned()))
    }

    fn answers_encrypted(&self, answers: &[String]) -> Result<bool, Cause> {
        for message_id in answers {
            let came_encrypted = |recorded: &Recorded| {
                let Activity {
                    direction,
                    operation,
                    ..
                } = recorded.activity;
                direction == Direction::In && operation == Operation::Decrypt
            };
            if self
                .store
                .activities_of(message_id)?
                .iter()
                .any(came_encrypted)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Checks that every certificate chosen is of somebody whom it is chosen for.
    fn check_chosen(&self, intent: &Intent) -> Result<(), Cause> {
        let from: Vec<_> = intent.from.iter().collect();
        let recipients = intent.visible.iter().chain(&intent.hidden);
        let own = match intent.choice.to_self {
            ToSelf::IfPossible => intent.from.as_ref(),
            ToSelf::No => None,
        };
        let recipients: Vec<_> = recipients.chain(own).collect();
        if let Some(fingerprint) = &intent.choice.signer {
            self.check_names(fingerprint, &from)?;
        }
        for fingerprint in &intent.choice.recipients {
            self.check_names(fingerprint, &recipients)?;
        }
        Ok(())
    }

    fn check_names(&self, fingerprint: &[u8; 32], people: &[&EmailAddress]) -> Result<(), Cause> {
        let stored = self.store.certificate(fingerprint)?;
        let stored = stored.ok_or(smime_store::Error::NoSuchCertificate(*fingerprint))?;
        let names = |address: &&&EmailAddress| {
            let rules = &self.policy.certificates;
            rules.names(&stored.certificate, address)
        };
        if people.iter().any(|address| names(&address)) {
            Ok(())
        } else {
            Err(Cause::ChosenForNobody(*fingerprint))
        }
    }
}

/// Returns what a mail asks for: also by the certificates that it names.
fn asked(intent: &Intent) -> (Option<Mode>, Option<Mode>) {
    let signer = intent.choice.signer.map(|_| Mode::Always);
    let recipients = (!intent.choice.recipients.is_empty()).then_some(Mode::Always);
    (intent.sign.or(signer), intent.encrypt.or(recipients))
}

/// What becomes of a mail in one respect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// It is done.
    Done,
    /// It is not done, and the mail goes without.
    Without,
    /// The mail is refused.
    Refused,
    /// The mail goes nowhere.
    Discarded,
}

impl Plan {
    fn of<T>(outcome: &Result<Option<T>, Cause>) -> Self {
        match outcome {
            Ok(Some(_)) => Self::Done,
            Ok(None) => Self::Without,
            Err(Cause::Discarded(_)) => Self::Discarded,
            Err(_) => Self::Refused,
        }
    }

    /// Returns the word for it: `done`, `without`, `refused` or `discarded`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Without => "without",
            Self::Refused => "refused",
            Self::Discarded => "discarded",
        }
    }
}

impl Decision {
    /// Says whether the mail will be signed, provided that the key is opened.
    pub fn signs(&self) -> Plan {
        let found = self.signer.as_ref().map_err(|_| Cause::NoSender);
        let (asked, _) = self.asked;
        let chosen = self.outcome(self.sign, asked, found, &mut Vec::new());
        Plan::of(&chosen.and_then(with_scheme))
    }

    /// Says whether the mail will be encrypted.
    pub fn encrypts(&self) -> Plan {
        Plan::of(&self.encrypting(&mut Vec::new()))
    }

    /// Says whether the mail is to be signed, and goes anywhere, once a passphrase opens the key.
    pub fn needs_passphrase(&self) -> bool {
        let is_locked = self.signer.as_ref().is_ok_and(|it| it.key.is_err());
        is_locked
            && self.signs() == Plan::Done
            && matches!(self.encrypts(), Plan::Done | Plan::Without)
    }

    /// Returns the certificate to sign with and how, or nothing if the mail is not to be signed;
    /// what was wanted and is not done is a reason.
    ///
    /// # Errors
    /// [`Cause::NoSender`], [`Cause::CannotSign`], and [`Cause::Discarded`] with one of them; that of
    /// an algorithm, which nothing is done without if it was asked for.
    pub(crate) fn signing(
        &self,
        reasons: &mut Vec<Reason>,
    ) -> Result<Option<(&SigningChoice, SignatureScheme)>, Cause> {
        let found = self.signer.as_ref().map_err(|code| *code);
        let found = found.and_then(|choice| match choice.key {
            Ok(_) => Ok(choice),
            Err(code) => Err(code),
        });
        let found = match (found, &self.from) {
            (Ok(choice), _) => Ok(choice),
            (Err(code), Some(address)) => Err(Cause::CannotSign {
                address: address.clone(),
                code,
            }),
            (Err(_), None) => Err(Cause::NoSender),
        };
        let (asked, _) = self.asked;
        with_scheme(self.outcome(self.sign, asked, found, reasons)?)
    }

    /// Returns the recipients to encrypt to and how, or nothing if the mail is not to be encrypted;
    /// what was wanted and is not done is a reason.
    ///
    /// # Errors
    /// [`Cause::NoRecipient`], [`Cause::UnreadableRecipient`]; [`Cause::CannotEncrypt`] with every
    /// recipient that has no certificate, so that all can be mended at once; [`Cause::Discarded`]
    /// with one of them; that of an algorithm.
    pub(crate) fn encrypting(
        &self,
        reasons: &mut Vec<Reason>,
    ) -> Result<Option<(Vec<ProvenRecipient<'_>>, EncryptionChoice)>, Cause> {
        if self.answers_encrypted {
            reasons.push(Reason {
                code: "defaults.answers_encrypted",
                detail: "the mail that this one answers came encrypted".to_owned(),
            });
        }
        let (mut proven, mut problems) = (Vec::new(), Vec::new());
        for recipient in &self.recipients {
            match &recipient.certificates {
                Ok(certificates) => proven.push(ProvenRecipient {
                    recipient,
                    certificates,
                }),
                Err(code) => problems.push(RecipientProblem {
                    address: recipient.address.clone(),
                    code,
                }),
            }
        }
        let found = if let Some(text) = self.unreadable.first() {
            Err(Cause::UnreadableRecipient(text.clone()))
        } else if self.recipients.is_empty() {
            Err(Cause::NoRecipient)
        } else if problems.is_empty() {
            Ok(proven)
        } else {
            Err(Cause::CannotEncrypt(problems))
        };
        let (_, asked) = self.asked;
        match (
            self.outcome(self.encrypt, asked, found, reasons)?,
            self.encryption,
        ) {
            (Some(proven), Some(choice)) => Ok(Some((proven, choice?))),
            (Some(_), None) => Err(Cause::NoRecipient),
            (None, _) => Ok(None),
        }
    }

    /// Returns what is done of what is possible, or the error where it is not.
    fn outcome<T>(
        &self,
        level: Level,
        asked: Option<Mode>,
        found: Result<T, Cause>,
        reasons: &mut Vec<Reason>,
    ) -> Result<Option<T>, Cause> {
        let mode = level.applied(asked);
        if let Some(asked) = asked.filter(|asked| *asked < mode) {
            reasons.push(Reason {
                code: "defaults.mandatory",
                detail: format!("{} instead of {}", mode.as_str(), asked.as_str()),
            });
        }
        let cause = match (mode, found) {
            (Mode::Never, _) => return Ok(None),
            (_, Ok(found)) => return Ok(Some(found)),
            (_, Err(cause)) => cause,
        };
        // What the message itself insists on is never done without.
        let impossible = match (mode, asked) {
            (Mode::IfPossible, _) => Impossible::SendPlain,
            (_, Some(Mode::Always)) => Impossible::Refuse,
            _ => self.impossible,
        };
        match impossible {
            Impossible::SendPlain => {
                reasons.push(Reason {
                    code: cause.code(),
                    detail: cause.to_string(),
                });
                Ok(None)
            }
            Impossible::Refuse => Err(cause),
            Impossible::Discard => Err(Cause::Discarded(Box::new(cause))),
        }
    }
}

/// A signature that is to be made, and cannot be made as was asked, is not left out.
fn with_scheme(
    choice: Option<&SigningChoice>,
) -> Result<Option<(&SigningChoice, SignatureScheme)>, Cause> {
    let Some(choice) = choice else {
        return Ok(None);
    };
    Ok(Some((choice, choice.scheme?)))
}

/// A recipient that can be encrypted to.
pub(crate) struct ProvenRecipient<'a> {
    pub(crate) recipient: &'a RecipientChoice,
    pub(crate) certificates: &'a [VerifiedRecipient],
}
