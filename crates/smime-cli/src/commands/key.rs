use serde_json::json;
use smime::store::{Addition, import_key};

use crate::{
    args::{Global, Key},
    context::{Context, required_passphrase},
    failure::{Failure, Judgement, Kind},
    input, json,
    report::Report,
};

pub(crate) fn run(global: &Global, command: &Key, report: &Report) -> Result<Judgement, Failure> {
    let Key::Import { file } = command;
    let bytes = input::bytes(file)?;
    let context = Context::with_store(global)?;
    let passphrase = required_passphrase(global, "passphrase of the key: ")?;
    if passphrase.expose().is_empty() {
        let detail = "an empty passphrase protects nothing";
        return Err(Failure::new(Kind::Usage, "passphrase.empty", detail));
    }
    let outcome = import_key(
        &*context.store,
        context.provider,
        &bytes,
        Some(&passphrase),
        &passphrase,
        context.random(),
        context.now(),
    )?;
    let (word, code) = match outcome.addition {
        Addition::Added => ("added", "import.added"),
        Addition::AlreadyThere { .. } => ("already_there", "import.key_taken"),
    };
    let certificates: Vec<_> = outcome.certificates.iter().map(json::hex).collect();
    let value = json!({
        "kind": "key",
        "outcome": word,
        "code": code,
        "public_key": json::hex(outcome.public_key_id),
        "certificates": certificates,
    });
    report.result(&value, || {
        format!("key {word}, for {} certificates", certificates.len())
    });
    Ok(Judgement::Good)
}
