use serde::{Deserialize, Serialize};

/// What the owner of a store has set for it: how long things stay, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Days for which entries of the activity log stay; for ever when absent.
    pub log_days: Option<u32>,
    /// Days for which mail stays that could not be opened or judged good; none is kept when zero.
    pub keep_days: u32,
    /// Bytes of the largest mail that is kept.
    pub keep_mail_bytes: u64,
    /// Bytes of all mail that is kept together.
    pub keep_total_bytes: u64,
    /// How many mails are kept together.
    pub keep_mails: u32,
}

impl Settings {
    /// The whole log; mail for ninety days, of the size that mail systems carry, and so much that it
    /// fits a small disk.
    pub const STANDARD: Self = Self {
        log_days: None,
        keep_days: 90,
        keep_mail_bytes: 48 << 20,
        keep_total_bytes: 4 << 30,
        keep_mails: 10_000,
    };
}

impl Default for Settings {
    fn default() -> Self {
        Self::STANDARD
    }
}
