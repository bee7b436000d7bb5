use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use smime::{
    store::{ImportEvent, ImportOptions, ImportOutcome, ImportSummary, ItemOutcome, Trust, import},
    x509::{ChainRequest, EmailAddress, Purpose, VerifiedChain},
};

use crate::{
    args::{Cert, Global, Judging},
    context::Context,
    failure::{Failure, Judgement, Kind},
    input, json, messages,
    paths::Paths,
    progress::Bar,
    report::Report,
};

mod delete;
mod export;
mod judge;
mod list;
mod show;

pub(crate) fn run(global: &Global, command: &Cert, report: &Report) -> Result<Judgement, Failure> {
    match command {
        Cert::Import { files, trust } => {
            let trust = if *trust { Trust::Anchor } else { Trust::None };
            import_files(global, files, trust, report)
        }
        Cert::List { query, expiring } => list::run(global, query.as_deref(), *expiring, report),
        Cert::Export(command) => export::run(global, command, report),
        Cert::Delete(command) => delete::run(global, command, report),
        Cert::Show { target } => show::run(global, target, report),
        Cert::Explain { file } => judge::explain(&Context::without_store(global)?, file, report),
        Cert::Lint { file, under } => judge::lint_file(file, *under, report),
        Cert::Verify { judging, leaf } => {
            verify(Context::without_store(global)?, judging, leaf, report)
        }
    }
}

fn import_files(
    global: &Global,
    files: &[PathBuf],
    trust: Trust,
    report: &Report,
) -> Result<Judgement, Failure> {
    // A misspelt name is found before anything is changed. Of a pipe nothing is read, for it would
    // be missing later.
    for file in files.iter().filter(|file| *file != Path::new("-")) {
        if fs::metadata(file).is_ok_and(|it| !it.is_file() && !it.is_dir()) {
            continue;
        }
        let mut byte = [0];
        let _ = input::reader(file)?.read(&mut byte)?;
    }
    let context = Context::with_new_store(global)?;
    let options = ImportOptions {
        trust,
        at: context.now(),
        keys: context.key_import(),
        any_extended_key_usage: context.policy.certificates.any_extended_key_usage,
    };
    let mut total = ImportSummary::default();
    let mut items = Items::new(report);
    for file in files {
        let size = fs::metadata(file).ok().map(|file| file.len());
        let bar = Bar::of("importing", size.filter(|size| *size > 0), report);
        let summary = import(
            &*context.store,
            input::reader(file)?,
            &options,
            &mut |event| match event {
                ImportEvent::Outcome(outcome) => bar.aside(|| items.print(file, &outcome)),
                ImportEvent::Progress(progress) => bar.reach(progress.bytes),
            },
        )?;
        total.added += summary.added;
        total.already_there += summary.already_there;
        total.refused += summary.refused;
    }
    let ImportSummary {
        added,
        already_there,
        refused,
    } = total;
    let summary =
        json!({"summary": {"added": added, "already_there": already_there, "refused": refused}});
    report.result(&summary, || {
        format!("{added} added, {already_there} already there, {refused} refused")
    });
    Ok(Judgement::of(refused == 0))
}

/// Prints the items of an import as they come.
struct Items<'r> {
    report: &'r Report,
    /// How many there were.
    number: u64,
}

impl Items<'_> {
    fn new(report: &Report) -> Items<'_> {
        Items { report, number: 0 }
    }

    /// For people, what went well is shown of the first items only: nobody reads a million lines.
    fn print(&mut self, file: &Path, outcome: &ImportOutcome) {
        let good = outcome.outcome != ItemOutcome::Refused;
        if !good || self.report.is_json() || self.number < MANY {
            let value = || item(self.number, file, outcome);
            self.report.result_with(value, || item_words(file, outcome));
        } else if self.number == MANY {
            self.report
                .remark("more follow; only what is refused is shown");
        }
        self.number += 1;
    }
}

fn item_words(file: &Path, outcome: &ImportOutcome) -> String {
    let place = format!("{}, byte {}", file.display(), outcome.position);
    let detail = &outcome.detail;
    let mut words = match outcome.outcome {
        ItemOutcome::Refused => format!("{place}: refused: {detail} ({})", outcome.code),
        _ => format!("{place}: {detail}"),
    };
    if !outcome.emails.is_empty() {
        words.push_str(&format!("  <{}>", outcome.emails.join(">, <")));
    }
    if let Some(remedy) = messages::remedy(outcome.code) {
        words.push_str(&format!("\n  {remedy}"));
    }
    words
}

fn item(number: u64, file: &Path, outcome: &ImportOutcome) -> Value {
    json!({
        "item": number,
        "source": file.display().to_string(),
        "position": outcome.position,
        "kind": outcome.kind.as_str(),
        "outcome": outcome.outcome.as_str(),
        "code": outcome.code,
        "detail": outcome.detail,
        "sha256": outcome.fingerprint.map(json::hex),
        "emails": outcome.emails,
    })
}

fn verify(
    mut context: Context,
    judging: &Judging,
    leaf: &Path,
    report: &Report,
) -> Result<Judgement, Failure> {
    let mut paths = Paths::read(&mut context, judging)?;
    let mut given = input::certificates(leaf)?.into_iter();
    let leaf = given.next().ok_or_else(|| {
        Failure::new(
            Kind::Input,
            "input.no_certificate",
            "no certificate to judge",
        )
    })?;
    paths.pool.extend(given);
    let request = ChainRequest {
        purpose: paths.purpose.unwrap_or(Purpose::Any),
        pool: &paths.pool,
        at: context.now(),
        policies: &paths.policies,
    };
    let named = |email: &EmailAddress| leaf.emails().iter().any(|known| known.matches(email));
    let (code, detail, chain) = match paths.verifier(&context).verify_request(&leaf, &request) {
        Err(error) => (error.code(), error.to_string(), None),
        Ok(_) if !judging.path.email.as_ref().is_none_or(named) => (
            "chain.wrong_address",
            "the certificate names another address".to_owned(),
            None,
        ),
        Ok(chain) => ("chain.good", String::new(), Some(chain)),
    };
    let chain = chain.as_ref();
    let path: Vec<_> = chain
        .map(VerifiedChain::path)
        .unwrap_or_default()
        .iter()
        .map(|it| json::hex(it.fingerprint()))
        .collect();
    let policies = chain.map(VerifiedChain::policies).unwrap_or_default();
    let irregularities = chain.map(VerifiedChain::warnings).unwrap_or_default();
    let mut warnings: Vec<_> = irregularities
        .iter()
        .map(|it| (it.code(), it.to_string()))
        .collect();
    let is_unknown = chain.is_some_and(VerifiedChain::is_revocation_unknown);
    if is_unknown && judging.evidence.is_asked() {
        let words = "nothing is known of the revocation of a certificate".to_owned();
        warnings.push(("chain.revocation_unknown", words));
    }
    let value = json!({
        "valid": chain.is_some(),
        "code": code,
        "detail": detail,
        "path": path,
        "policies": policies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "warnings": warnings.iter().map(|(code, _)| code).collect::<Vec<_>>(),
    });
    report.result(&value, || {
        if chain.is_none() {
            return format!("not valid: {detail} ({code})");
        }
        let mut words = format!("valid, {} certificates", path.len());
        for (code, warning) in &warnings {
            words.push_str(&format!("\n  but {warning} ({code})"));
        }
        words
    });
    Ok(Judgement::of(chain.is_some()))
}

/// Items that went well and are shown to people one by one.
const MANY: u64 = 50;
