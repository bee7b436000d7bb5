use clap::ValueEnum;
use smime::{
    crypto::UnixTime,
    store::{Direction, Outcome, Recorded},
};

use super::time;

#[derive(Debug, clap::Args)]
pub(crate) struct Log {
    /// Only entries after this number
    #[arg(long, value_name = "ID", default_value_t = 0)]
    pub(crate) after: u64,
    /// No more than so many entries, the oldest that fit
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Only entries of this time (RFC 3339) or later
    #[arg(long, value_name = "RFC3339", value_parser = time)]
    since: Option<UnixTime>,
    /// Only entries of before this time
    #[arg(long, value_name = "RFC3339", value_parser = time)]
    until: Option<UnixTime>,
    /// Only incoming mail, outgoing mail, or changes of the store
    #[arg(long, value_enum, value_name = "WHICH")]
    direction: Option<DirectionWord>,
    /// Only this operation, such as encrypt
    #[arg(long, value_name = "OPERATION")]
    operation: Option<String>,
    /// Only what ended so
    #[arg(long, value_enum, value_name = "HOW")]
    outcome: Option<OutcomeWord>,
    /// Only the mail of this Message-ID
    #[arg(long, value_name = "MESSAGE-ID")]
    pub(crate) message_id: Option<String>,
    /// Only what has this in From, To, its code or its detail
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Check instead that the log is whole: nothing altered, nothing missing
    #[arg(long, conflicts_with_all = ["after", "limit", "since", "until", "direction", "operation", "outcome", "message_id", "text"])]
    pub(crate) verify: bool,
    /// Delete instead the entries of before this time (RFC 3339); the log stays verifiable, and
    /// answers to encrypted mail of before then are no longer known as such
    #[arg(long, value_name = "RFC3339", value_parser = time, conflicts_with_all = ["after", "limit", "since", "until", "direction", "operation", "outcome", "message_id", "text", "verify"])]
    pub(crate) forget_before: Option<UnixTime>,
}

impl Log {
    /// Says whether an entry is asked for.
    pub(crate) fn wants(&self, recorded: &Recorded) -> bool {
        let activity = &recorded.activity;
        let texts = [&activity.code, &activity.detail];
        let texts = texts.into_iter().chain(&activity.from).chain(&activity.to);
        let text = self.text.as_deref().map(str::to_lowercase);
        recorded.id > self.after
            && self.since.is_none_or(|since| activity.time >= since)
            && self.until.is_none_or(|until| activity.time < until)
            && self
                .direction
                .is_none_or(|it| Direction::from(it) == activity.direction)
            && self
                .operation
                .as_deref()
                .is_none_or(|it| it == activity.operation.as_str())
            && self
                .outcome
                .is_none_or(|it| Outcome::from(it) == activity.outcome)
            && text.is_none_or(|text| {
                texts
                    .into_iter()
                    .any(|it| it.to_lowercase().contains(&text))
            })
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DirectionWord {
    /// Incoming mail
    In,
    /// Outgoing mail
    Out,
    /// Changes of the store
    Store,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OutcomeWord {
    /// Done, and good
    Ok,
    /// Not done, or not good
    Failed,
    /// Mail that went nowhere
    Discarded,
}

impl From<DirectionWord> for Direction {
    fn from(word: DirectionWord) -> Self {
        match word {
            DirectionWord::In => Self::In,
            DirectionWord::Out => Self::Out,
            DirectionWord::Store => Self::Store,
        }
    }
}

impl From<OutcomeWord> for Outcome {
    fn from(word: OutcomeWord) -> Self {
        match word {
            OutcomeWord::Ok => Self::Ok,
            OutcomeWord::Failed => Self::Failed,
            OutcomeWord::Discarded => Self::Discarded,
        }
    }
}
