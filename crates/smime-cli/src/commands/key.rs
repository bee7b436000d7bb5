use serde_json::json;
use smime::{
    crypto::Secret,
    store::{Addition, import_key},
};

use crate::{
    args::{Global, Key},
    context::Context,
    failure::{Failure, Judgement},
    input, json,
    report::Report,
};

pub(crate) fn run(global: &Global, command: &Key, report: &Report) -> Result<Judgement, Failure> {
    let Key::Import { file } = command;
    let bytes = Secret::new(input::bytes(file)?);
    let mut context = Context::with_store(global)?;
    let passphrase = context.take_passphrase()?;
    let outcome = import_key(
        &*context.store,
        context.provider,
        bytes.expose(),
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
    report.result(&value, || match outcome.addition {
        Addition::Added => format!("key added, for certificates: {}", certificates.len()),
        Addition::AlreadyThere { since } => {
            format!("key there since {since}, under the passphrase it had")
        }
    });
    Ok(Judgement::Good)
}
