//! Mail that could not be opened or judged good: kept as received, and judged again.

use std::io::Read;

use smime_crypto::UnixTime;
use smime_io::{Source, Spool};
use smime_mime::Entity;
use smime_store::{Activity, Arrivals, Direction, KeptMail, Operation, Outcome, Want};

use crate::{
    Cause, Coverage, Engine, Error, Message, Verdict, message::message_id, open::certificates,
};

/// Which mail is kept, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Seconds until it is deleted.
    pub seconds: i64,
    /// Bytes of the largest mail that is kept.
    pub size: usize,
    /// Bytes of all mail that is kept together.
    pub total: u64,
    /// How many mails are kept together.
    pub mails: usize,
}

/// What came of a mail that was received.
#[derive(Debug)]
pub struct Received {
    /// The mail, or why it could not be opened.
    pub opened: Result<Message, Error>,
    /// The number under which it is kept; or why it is not.
    pub kept: Result<u64, NotKept>,
}

/// Why a mail is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotKept {
    /// It is good, or nothing that arrives later can make it so.
    NoNeed,
    /// It is larger than a mail that is kept may be.
    TooLarge,
    /// As much mail is kept as may be.
    Full,
}

/// What a mail was judged to be, in the words of the JSON result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The stable code of what is not good; `engine.good` if nothing is.
    pub code: String,
    /// The verdict over the signatures.
    pub signature: String,
    /// What was encrypted, or `failed`.
    pub encryption: String,
}

/// What came of judging kept mail again.
#[derive(Debug)]
pub struct Retried {
    /// What it was judged to be before.
    pub before: Judged,
    /// What it is judged to be now.
    pub after: Judged,
    /// The mail, or why it cannot be opened.
    pub opened: Result<Message, Error>,
}

impl Keeping {
    /// Ninety days, as the settings of a store say that has none; see
    /// [`Settings::STANDARD`](smime_store::Settings::STANDARD).
    pub const STANDARD: Self = Self {
        seconds: 90 * 86_400,
        size: 48 << 20,
        total: 4 << 30,
        mails: 10_000,
    };
}

impl Engine<'_> {
    /// Opens a mail as [`open`](Self::open) does, and keeps it as received if it could not be
    /// decrypted or judged good, until it is judged again. What has expired stays until
    /// [`tidy`](Self::tidy), and takes room.
    ///
    /// # Errors
    /// When the mail cannot be read at all, or the store fails; what [`open`](Self::open) returns is
    /// in the value.
    pub fn receive(&self, input: impl Read, keeping: &Keeping) -> Result<Received, Error> {
        let source = Spool::copy(input, &self.limits).map_err(Cause::from)?;
        let opened = self.open_source(source.clone());
        let kept = self.keep(&opened, &source, keeping)?;
        Ok(Received { opened, kept })
    }

    /// Keeps a mail that is not good, if there is room for it.
    fn keep(
        &self,
        opened: &Result<Message, Error>,
        source: &Source,
        keeping: &Keeping,
    ) -> Result<Result<u64, NotKept>, Cause> {
        let judged = Judged::of(opened);
        let now = self.clock.now();
        if judged.is_good() || !may_change(opened) {
            return Ok(Err(NotKept::NoNeed));
        }
        let Some(message) = read_within(source, keeping.size)? else {
            return Ok(Err(NotKept::TooLarge));
        };
        let sizes = self.store.kept_sizes()?;
        let bytes: u64 = sizes.iter().map(|(_, size)| size).sum();
        let size = u64::try_from(message.len()).unwrap_or(u64::MAX);
        if sizes.len() >= keeping.mails || bytes.saturating_add(size) > keeping.total {
            return Ok(Err(NotKept::Full));
        }
        let received = KeptMail {
            received: now,
            expires: UnixTime(now.0.saturating_add(keeping.seconds)),
            message,
            code: judged.code,
            signature: judged.signature,
            encryption: judged.encryption,
            wants: wants(opened),
        };
        Ok(Ok(self.store.keep(&received)?))
    }

    /// Judges kept mail again with what the store holds now.
    ///
    /// It stays kept, also if it is good, until whoever takes its content has
    /// [released](smime_store::Store::release) it.
    ///
    /// The activity log has an entry if the judgement is another than before. Mail that was opened
    /// before, and whose key is locked now, stays as it was judged; the value says that it is locked.
    ///
    /// # Errors
    /// When there is no kept mail of that number, or the store fails.
    pub fn retry(&self, id: u64) -> Result<Retried, Error> {
        Ok(self.judge_again(id)?)
    }

    /// Judges again the kept mail that what arrived may help to judge, one after the other, and gives
    /// each to `tell`.
    ///
    /// One that is gone meanwhile, because somebody released it, is passed over.
    ///
    /// # Errors
    /// When the store fails.
    pub fn retry_after(
        &self,
        arrivals: &Arrivals,
        tell: &mut dyn FnMut(u64, Retried),
    ) -> Result<(), Error> {
        let wanting = self.store.kept_wanting_any(arrivals).map_err(Cause::from)?;
        for id in wanting {
            match self.judge_again(id) {
                Ok(retried) => tell(id, retried),
                Err(Cause::Store(smime_store::Error::NoSuchMail(_))) => {}
                Err(cause) => return Err(cause.into()),
            }
        }
        Ok(())
    }

    fn judge_again(&self, id: u64) -> Result<Retried, Cause> {
        let kept = self
            .store
            .kept(id)?
            .ok_or(smime_store::Error::NoSuchMail(id))?;
        let before = Judged {
            code: kept.code.clone(),
            signature: kept.signature.clone(),
            encryption: kept.encryption.clone(),
        };
        let mail = Entity::read(Source::from_bytes(&*kept.message), &self.limits)?;
        let opened = self.examine(&mail);
        let after = Judged::of(&opened);
        let wants = wants(&opened);
        // A key that is locked now says nothing of what was inside when it was open.
        let is_locked = opened.as_ref().is_err_and(|it| it.cause.is_locked());
        if is_locked && before.encryption != FAILED {
            return Ok(Retried {
                before,
                after,
                opened,
            });
        }
        if after != before {
            self.record_retry(&mail, &opened, &before, &after)?;
        }
        // What arrived can leave the judgement as it was, and still lead to something else to want.
        if after != before || wants != kept.wants {
            self.store.keep(&KeptMail {
                code: after.code.clone(),
                signature: after.signature.clone(),
                encryption: after.encryption.clone(),
                wants,
                ..kept
            })?;
        }
        Ok(Retried {
            before,
            after,
            opened,
        })
    }

    fn record_retry(
        &self,
        mail: &Entity,
        opened: &Result<Message, Error>,
        before: &Judged,
        after: &Judged,
    ) -> Result<(), Cause> {
        let layers = match opened {
            Ok(message) => message.layers(),
            Err(error) => &error.layers,
        };
        self.store.record(&Activity {
            outcome: if after.is_good() {
                Outcome::Ok
            } else {
                Outcome::Failed
            },
            message_id: message_id(mail),
            from: mail.headers().text("From"),
            certificates: certificates(layers),
            detail: format!("{} before", before.code),
            ..Activity::new(
                self.clock.now(),
                Direction::In,
                Operation::Retry,
                &after.code,
            )
        })?;
        Ok(())
    }
}

impl NotKept {
    /// Returns the stable code of this reason.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoNeed => "keep.no_need",
            Self::TooLarge => "keep.too_large",
            Self::Full => "keep.full",
        }
    }
}

impl Judged {
    fn of(opened: &Result<Message, Error>) -> Self {
        let (code, signature, encryption) = match opened {
            Ok(message) => {
                let signature = message.signature();
                let encryption = message.encryption();
                let code = match (signature, encryption) {
                    (_, Some(Coverage::Part)) => "engine.part_not_opened",
                    (Verdict::None | Verdict::Good, _) => GOOD,
                    (signature, _) => signature.name(),
                };
                (code, signature, encryption.map_or("none", Coverage::name))
            }
            Err(error) => (error.code(), Verdict::None, FAILED),
        };
        Self {
            code: code.to_owned(),
            signature: signature.name().to_owned(),
            encryption: encryption.to_owned(),
        }
    }

    /// Says whether nothing is left to wish for.
    pub fn is_good(&self) -> bool {
        self.code == GOOD
    }
}

/// Says whether anything that arrives later can change how a mail is judged.
fn may_change(opened: &Result<Message, Error>) -> bool {
    match opened {
        Ok(_) => true,
        Err(error) => error.cause.is_undecryptable(),
    }
}

/// Returns the bytes of a mail, unless they are more than `size`.
fn read_within(source: &Source, size: usize) -> Result<Option<Vec<u8>>, Cause> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(size).unwrap_or(u64::MAX).saturating_add(1);
    source.open()?.take(limit).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= size).then_some(bytes))
}

fn wants(opened: &Result<Message, Error>) -> Vec<Want> {
    match opened {
        Ok(message) => message.wants().to_vec(),
        Err(error) => error.wants.to_vec(),
    }
}

const GOOD: &str = "engine.good";
const FAILED: &str = "failed";
