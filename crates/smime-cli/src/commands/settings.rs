use serde_json::{Value, json};
use smime::store::{self, Change, Operation};

use crate::{
    args::{Global, Settings},
    context::Context,
    failure::{Failure, Judgement},
    report::Report,
};

pub(crate) fn run(
    global: &Global,
    settings: &Settings,
    report: &Report,
) -> Result<Judgement, Failure> {
    let context = Context::with_store(global)?;
    let was = context.store.settings()?;
    let now = settings.applied_to(was);
    if now != was {
        let detail = words(&now).replace('\n', "; ");
        let entry = context.activity(Operation::Settings, "settings.set", detail);
        context.change(&Change::Settings(&now), &entry)?;
        context.tidy()?;
    }
    report.result(&value(&now), || words(&now));
    Ok(Judgement::Good)
}

fn value(settings: &store::Settings) -> Value {
    json!({
        "log_days": settings.log_days,
        "keep_days": settings.keep_days,
        "keep_mail_mib": settings.keep_mail_bytes >> 20,
        "keep_total_mib": settings.keep_total_bytes >> 20,
        "keep_mails": settings.keep_mails,
    })
}

fn words(settings: &store::Settings) -> String {
    let log = match settings.log_days {
        Some(days) => format!("{days} days"),
        None => "all".to_owned(),
    };
    let kept = match settings.keep_days {
        0 => "none".to_owned(),
        days => format!(
            "{days} days, of at most {} MiB each, {} MiB and {} mails together",
            settings.keep_mail_bytes >> 20,
            settings.keep_total_bytes >> 20,
            settings.keep_mails
        ),
    };
    format!("log entries stay     {log}\nunopened mail stays  {kept}")
}
