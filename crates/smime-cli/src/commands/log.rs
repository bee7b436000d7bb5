use std::ops::ControlFlow;

use serde_json::json;
use smime::store::{Activity, Change, Operation, Recorded};

use crate::{
    args::{Global, Log},
    context::Context,
    failure::{Failure, Judgement},
    json,
    report::{Report, printable},
};

pub(crate) fn run(global: &Global, log: &Log, report: &Report) -> Result<Judgement, Failure> {
    let context = Context::with_store(global)?;
    if log.verify {
        context.store.check_log()?;
        report.result(&json!({"whole": true}), || "the log is whole".to_owned());
        return Ok(Judgement::Good);
    }
    if let Some(before) = log.forget_before {
        return forget(&context, before, report);
    }
    let mut left = log.limit.unwrap_or(usize::MAX);
    let mut show = |recorded: Recorded| {
        if left > 0 && log.wants(&recorded) {
            left -= 1;
            report.result(&json::logged(&recorded), || line(&recorded.activity));
        }
        if left == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    match &log.message_id {
        Some(id) => {
            let found = context.store.activities_of(id)?;
            let _ = found.into_iter().try_for_each(show);
        }
        None => context.store.visit_activities(log.after, &mut show)?,
    }
    Ok(Judgement::Good)
}

fn forget(
    context: &Context,
    before: smime::crypto::UnixTime,
    report: &Report,
) -> Result<Judgement, Failure> {
    let detail = |deleted: u64| format!("{deleted} entries of before {before}");
    let changed = context.store.change(&Change::Forget(before), &|changed| {
        let detail = detail(changed.forgotten);
        Some(context.activity(Operation::Forget, "log.forgotten", detail))
    })?;
    let deleted = changed.forgotten;
    report.result(&json!({"deleted": deleted}), || {
        format!("deleted {}", detail(deleted))
    });
    Ok(Judgement::Good)
}

fn line(activity: &Activity) -> String {
    format!(
        "{}  {:5} {:8} {:9} {}  {}",
        activity.time,
        activity.direction.as_str(),
        activity.operation.as_str(),
        activity.outcome.as_str(),
        activity.code,
        printable(activity.from.as_deref().unwrap_or(&activity.detail)),
    )
}
