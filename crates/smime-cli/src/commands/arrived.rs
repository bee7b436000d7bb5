//! What changes in the judgement of kept mail when something comes into the store.

use serde_json::Value;
use smime::store::Arrivals;

use super::retry;
use crate::{context::Context, failure::Failure, report::Report};

/// Judges again the kept mail that what arrived may help to judge; tells people of what changed, and
/// adds it to the command's JSON result, if anything did.
pub(super) fn retry_kept(
    context: &Context,
    arrivals: &Arrivals,
    result: &mut Value,
    report: &Report,
) -> Result<(), Failure> {
    let mut changed = Vec::new();
    context.engine().retry_after(arrivals, &mut |id, retried| {
        if retried.before == retried.after {
            return;
        }
        let code = &retried.after.code;
        report.remark(&match retried.opened {
            Ok(_) => format!("kept mail {id} opens now ({code}): smime retry {id} -o FILE"),
            Err(_) if retry::is_locked(&retried) => {
                format!("kept mail {id} may open once its key is open: smime retry {id}")
            }
            Err(_) => format!("kept mail {id} is judged anew: {code}"),
        });
        changed.push(retry::value(id, &retried));
    })?;
    if let (Some(fields), false) = (result.as_object_mut(), changed.is_empty()) {
        fields.insert("retried".to_owned(), changed.into());
    }
    Ok(())
}
