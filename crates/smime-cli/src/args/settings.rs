use smime::store;

/// Without an option the settings are shown; with some, these are set.
#[derive(Debug, clap::Args)]
pub(crate) struct Settings {
    /// Days for which entries of the log stay, or `all`
    #[arg(long, value_name = "DAYS", value_parser = log_days)]
    log_days: Option<LogDays>,
    /// Days for which mail is kept that could not be decrypted or judged good; 0 keeps none
    #[arg(long, value_name = "DAYS")]
    keep_days: Option<u32>,
    /// The largest mail that is kept, in MiB; at most 64
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(0..=64))]
    keep_mail: Option<u32>,
    /// How much mail is kept together, in MiB
    #[arg(long, value_name = "MIB")]
    keep_total: Option<u32>,
    /// How many mails are kept together
    #[arg(long, value_name = "N")]
    keep_mails: Option<u32>,
}

/// For how many days the log stays.
#[derive(Clone, Copy, Debug)]
struct LogDays(Option<u32>);

impl Settings {
    /// Returns settings with what is asked for in the place of what was.
    pub(crate) fn applied_to(&self, was: store::Settings) -> store::Settings {
        store::Settings {
            log_days: self.log_days.map_or(was.log_days, |days| days.0),
            keep_days: self.keep_days.unwrap_or(was.keep_days),
            keep_mail_bytes: self.keep_mail.map_or(was.keep_mail_bytes, bytes),
            keep_total_bytes: self.keep_total.map_or(was.keep_total_bytes, bytes),
            keep_mails: self.keep_mails.unwrap_or(was.keep_mails),
        }
    }
}

fn bytes(mib: u32) -> u64 {
    u64::from(mib) << 20
}

fn log_days(text: &str) -> Result<LogDays, String> {
    match text {
        "all" => Ok(LogDays(None)),
        days => match days.parse() {
            // Otherwise an entry would go while its mail is still under way.
            Ok(0) | Err(_) => Err("a number of days from 1 on, or all".to_owned()),
            Ok(days) => Ok(LogDays(Some(days))),
        },
    }
}
