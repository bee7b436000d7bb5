use crate::{
    args::Global,
    context::Context,
    failure::{Failure, Judgement},
    json,
    report::Report,
};

pub(crate) fn run(global: &Global, report: &Report) -> Result<Judgement, Failure> {
    let context = Context::with_store(global)?;
    for recorded in context.store.activities()? {
        let activity = &recorded.activity;
        report.result(&json::logged(&recorded), || {
            format!(
                "{}  {:5} {:8} {:9} {}  {}",
                activity.time,
                activity.direction.as_str(),
                activity.operation.as_str(),
                activity.outcome.as_str(),
                activity.code,
                activity.from.as_deref().unwrap_or(&activity.detail),
            )
        });
    }
    Ok(Judgement::Good)
}
