use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use smime::{
    store::{
        Arrivals, ImportEvent, ImportOptions, ImportOutcome, ImportSummary, ItemOutcome, Trust,
    },
    x509::{ImportRules, SubjectAddress},
};

use super::folder;
use crate::commands::arrived;
use crate::{
    args::{Global, SubjectAddressWord},
    context::Context,
    failure::{Failure, Judgement},
    input, json, messages,
    progress::Bar,
    report::Report,
};

/// Imports files, and the files of folders, into the store, which is made when it is not there.
pub(super) fn run(
    global: &Global,
    paths: &[PathBuf],
    trust: Trust,
    subject: Option<SubjectAddressWord>,
    report: &Report,
) -> Result<Judgement, Failure> {
    let files = folder::files(paths, report)?;
    // A misspelt name is found before anything is changed. Of a pipe nothing is read, for it would
    // be missing later.
    for file in files.iter().filter(|file| *file != Path::new("-")) {
        if fs::metadata(file).is_ok_and(|it| !it.is_file()) {
            continue;
        }
        let mut byte = [0];
        let _ = input::reader(file)?.read(&mut byte)?;
    }
    let mut context = Context::with_new_store(global)?;
    context.tidy()?;
    if context.key_import().is_some() {
        context.require_keys(global)?;
    } else if context.is_locked()? {
        context.offer_keys(global)?;
    }
    let options = ImportOptions {
        trust,
        at: context.now(),
        keys: context.key_import(),
        crls: None,
        rules: ImportRules {
            any_extended_key_usage: context.policy.certificates.any_extended_key_usage,
            subject_address: subject.map_or(SubjectAddress::Ignored, Into::into),
        },
    };
    let mut total = ImportSummary::default();
    let mut arrivals = Arrivals::default();
    let mut items = Items::new(report);
    for file in &files {
        let size = fs::metadata(file).ok().map(|file| file.len());
        let bar = Bar::of("importing", size.filter(|size| *size > 0), report);
        let imported = context
            .engine()
            .import(input::reader(file)?, &options, &mut |event| match event {
                ImportEvent::Outcome(outcome) => bar.aside(|| items.print(file, &outcome)),
                ImportEvent::Progress(progress) => bar.reach(progress.bytes),
            })?;
        let summary = imported.summary;
        arrivals.add_all(&imported.arrivals);
        total.added += summary.added;
        total.already_there += summary.already_there;
        total.refused += summary.refused;
    }
    let ImportSummary {
        added,
        already_there,
        refused,
    } = total;
    let mut summary =
        json!({"summary": {"added": added, "already_there": already_there, "refused": refused}});
    arrived::retry_kept(&context, &arrivals, &mut summary, report)?;
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

/// Items that went well and are shown to people one by one.
const MANY: u64 = 50;
