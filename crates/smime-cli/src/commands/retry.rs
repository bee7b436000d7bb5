use std::path::Path;

use serde_json::{Value, json};
use smime::{Judged, Retried};

use crate::{
    args::{Global, Retry},
    context::{Asked, Context},
    failure::{Failure, Judgement, Kind},
    output::Output,
    report::Report,
};

pub(crate) fn run(global: &Global, retry: &Retry, report: &Report) -> Result<Judgement, Failure> {
    let mut context = Context::with_store(global)?;
    context.offer_keys(global)?;
    context.add_evidence(&retry.evidence)?;
    context.choose_subject_address(retry.subject_address);
    context.policy.messages.claimed_time = retry.time.into();
    context.tidy()?;
    let output = match (&retry.output, &*retry.id) {
        (None, _) => None,
        (Some(path), [_]) => {
            let inputs: Vec<&Path> = global.files().chain(retry.evidence.files()).collect();
            Some(Output::file(path, &inputs)?)
        }
        (Some(_), _) => {
            let detail = "-o takes the entity of one mail";
            return Err(Failure::new(Kind::Usage, "usage", detail));
        }
    };
    let ids = if retry.all {
        all(&context)?
    } else {
        retry.id.clone()
    };
    let mut good = true;
    let mut last = None;
    for id in ids {
        let mut retried = context.engine().retry(id)?;
        while is_locked(&retried) && context.ask_passphrase()? == Asked::Yes {
            retried = context.engine().retry(id)?;
        }
        good &= retried.after.is_good();
        report.result(&value(id, &retried), || words(id, &retried));
        last = Some((id, retried));
    }
    if let (Some(output), Some((id, retried))) = (output, last) {
        let message = retried.opened?;
        output.take(message.entity().source())?;
        context.store.release(id)?;
    }
    Ok(Judgement::of(good))
}

/// Returns the numbers of all mail that is kept.
fn all(context: &Context) -> Result<Vec<u64>, Failure> {
    let sizes = context.store.kept_sizes()?;
    Ok(sizes.into_iter().map(|(id, _)| id).collect())
}

pub(super) fn is_locked(retried: &Retried) -> bool {
    let opened = retried.opened.as_ref();
    opened.is_err_and(|error| error.cause.is_locked())
}

pub(super) fn value(id: u64, retried: &Retried) -> Value {
    let verdict =
        |judged: &Judged| json!({"signature": judged.signature, "encryption": judged.encryption});
    json!({
        "id": id,
        "before": verdict(&retried.before),
        "after": verdict(&retried.after),
        "code": retried.after.code,
    })
}

fn words(id: u64, retried: &Retried) -> String {
    format!("{id:6}  {} -> {}", retried.before.code, retried.after.code)
}
