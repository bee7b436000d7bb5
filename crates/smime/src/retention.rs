//! How long what is in the store stays there, as its settings say.

use std::ops::ControlFlow;

use smime_crypto::UnixTime;
use smime_store::{Activity, Change, Direction, Operation, Settings};

use crate::{Cause, Engine, Error, Keeping};

impl Keeping {
    /// Returns which mail is kept by the settings of a store; none, if they say so.
    pub fn by(settings: &Settings) -> Option<Self> {
        (settings.keep_days > 0).then(|| Self {
            seconds: i64::from(settings.keep_days) * DAY,
            size: usize::try_from(settings.keep_mail_bytes).unwrap_or(usize::MAX),
            total: settings.keep_total_bytes,
            mails: usize::try_from(settings.keep_mails).unwrap_or(usize::MAX),
        })
    }
}

impl Engine<'_> {
    /// Deletes what stays no longer: mail that was kept and has expired, and entries of the activity
    /// log that are older than the settings of the store say. The log has an entry if any went.
    ///
    /// Of a log that is broken everything stays, for it is what [checking](smime_store::Store::check_log)
    /// it shows, and keeps nobody from their mail.
    ///
    /// # Errors
    /// When the store fails.
    pub fn tidy(&self) -> Result<(), Error> {
        self.store
            .expire_kept(self.clock.now())
            .map_err(Cause::from)?;
        match self.tidy_log() {
            Err(Cause::Store(smime_store::Error::LogBroken { .. })) => Ok(()),
            result => Ok(result?),
        }
    }

    fn tidy_log(&self) -> Result<(), Cause> {
        let now = self.clock.now();
        let Some(days) = self.store.settings()?.log_days else {
            return Ok(());
        };
        let before = UnixTime(now.0.saturating_sub(i64::from(days) * DAY));
        if !self.log_begins_before(before)? {
            return Ok(());
        }
        let entry = |deleted: u64| Activity {
            detail: format!("{deleted} entries of before {before}, older than {days} days"),
            ..Activity::new(now, Direction::Store, Operation::Forget, "log.forgotten")
        };
        self.store.change(&Change::Forget(before), &|changed| {
            (changed.forgotten > 0).then(|| entry(changed.forgotten))
        })?;
        Ok(())
    }

    fn log_begins_before(&self, time: UnixTime) -> Result<bool, Cause> {
        let mut is_before = false;
        self.store.visit_activities(0, &mut |first| {
            is_before = first.activity.time < time;
            ControlFlow::Break(())
        })?;
        Ok(is_before)
    }
}

const DAY: i64 = 86_400;
