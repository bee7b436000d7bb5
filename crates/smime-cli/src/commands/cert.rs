use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use smime::{
    crypto::{Secret, UnixTime},
    store::{ImportOutcome, ItemOutcome, StoredCertificate, Trust, import},
    x509::{Certificate, ChainVerifier, EmailAddress, Purpose},
};

use crate::{
    args::{self, Cert, Global},
    context::Context,
    failure::{Failure, Judgement, Kind},
    input, json, messages,
    progress::Progress,
    report::Report,
};

pub(crate) fn run(global: &Global, command: &Cert, report: &Report) -> Result<Judgement, Failure> {
    match command {
        Cert::Import { files, trust } => {
            let trust = if *trust { Trust::Anchor } else { Trust::None };
            import_files(global, files, trust, report)
        }
        Cert::List { query, expiring } => {
            let context = Context::with_store(global)?;
            list(&context, query.as_deref(), *expiring, report)
        }
        Cert::Show { target } => show(global, target, report),
        Cert::Verify {
            trust,
            evidence,
            purpose,
            email,
            leaf,
        } => {
            let context = Context::without_store(global)?;
            verify(
                &context,
                (trust, evidence),
                (*purpose).into(),
                email.as_ref(),
                leaf,
                report,
            )
        }
    }
}

fn import_files(
    global: &Global,
    files: &[PathBuf],
    trust: Trust,
    report: &Report,
) -> Result<Judgement, Failure> {
    // A misspelt name is found before anything is changed.
    for file in files.iter().filter(|file| *file != Path::new("-")) {
        let mut byte = [0];
        let _ = input::reader(file)?.read(&mut byte)?;
    }
    let context = Context::with_new_store(global)?;
    let (mut added, mut already_there, mut refused, mut number) = (0_u64, 0_u64, 0_u64, 0_u64);
    for file in files {
        let bytes = Secret::new(input::bytes(file)?);
        let progress = Progress::of("importing", report);
        let outcomes = import(&*context.store, bytes.expose(), trust, context.now())?;
        drop(progress);
        for outcome in outcomes {
            match outcome.outcome {
                ItemOutcome::Added => added += 1,
                ItemOutcome::AlreadyThere { .. } => already_there += 1,
                ItemOutcome::Refused => refused += 1,
            }
            report.result(&item(number, file, &outcome), || item_words(file, &outcome));
            number += 1;
        }
    }
    let summary =
        json!({"summary": {"added": added, "already_there": already_there, "refused": refused}});
    report.result(&summary, || {
        format!("{added} added, {already_there} already there, {refused} refused")
    });
    Ok(Judgement::of(refused == 0))
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

fn list(
    context: &Context,
    query: Option<&str>,
    expiring: Option<u32>,
    report: &Report,
) -> Result<Judgement, Failure> {
    let now = context.now();
    let horizon = expiring.map(|days| UnixTime(now.0.saturating_add(i64::from(days) * 86_400)));
    for stored in context.store.certificates()? {
        let expires = stored.certificate.not_after();
        let wanted = query.is_none_or(|query| matches(&stored.certificate, query))
            && horizon.is_none_or(|horizon| (now..=horizon).contains(&expires));
        if wanted {
            report.result(&json::stored(&stored, now), || words(&stored, now));
        }
    }
    Ok(Judgement::Good)
}

fn matches(certificate: &Certificate, query: &str) -> bool {
    let query = query.to_lowercase();
    let subject = certificate.subject().to_string().to_lowercase();
    subject.contains(&query)
        || json::hex(certificate.fingerprint()).starts_with(&query)
        || json::emails(certificate)
            .iter()
            .any(|email| email.to_lowercase().contains(&query))
}

fn words(stored: &StoredCertificate, now: UnixTime) -> String {
    let certificate = &stored.certificate;
    let emails = json::emails(certificate);
    format!(
        "{}  until {}  {:12}  {:3} {:6}  {}",
        json::hex(certificate.fingerprint())
            .get(..16)
            .unwrap_or_default(),
        certificate
            .not_after()
            .to_string()
            .get(..10)
            .unwrap_or_default(),
        json::usable_for(certificate, now).join(","),
        if stored.has_key { "key" } else { "" },
        if stored.trust == Trust::Anchor {
            "anchor"
        } else {
            ""
        },
        if emails.is_empty() {
            certificate.subject().to_string()
        } else {
            emails.join(", ")
        },
    )
}

/// Shows a file's certificates; of the store, when there is no such file.
fn show(global: &Global, target: &str, report: &Report) -> Result<Judgement, Failure> {
    let path = Path::new(target);
    let print = |value: &Value| {
        report.result(value, || {
            let fields = value.as_object().into_iter().flatten();
            let lines: Vec<_> = fields
                .map(|(name, value)| format!("{name:20} {value}"))
                .collect();
            lines.join("\n") + "\n"
        });
    };
    if target == "-" || path.exists() {
        for certificate in input::certificates(path)? {
            print(&json::certificate(&certificate));
        }
        return Ok(Judgement::Good);
    }
    let context = Context::with_store(global)?;
    let mut found = false;
    for stored in context.store.certificates()? {
        if matches(&stored.certificate, target) {
            found = true;
            print(&json::stored(&stored, context.now()));
        }
    }
    if found {
        return Ok(Judgement::Good);
    }
    let detail = format!("{target} is neither a file nor in the store");
    Err(Failure::new(Kind::Input, "input.not_found", detail))
}

fn verify(
    context: &Context,
    (trust, evidence): (&args::Trust, &args::Evidence),
    purpose: Purpose,
    email: Option<&EmailAddress>,
    leaf: &Path,
    report: &Report,
) -> Result<Judgement, Failure> {
    let (anchors, mut pool) = input::trust(trust)?;
    let revocation = input::revocation(evidence)?;
    let mut given = input::certificates(leaf)?.into_iter();
    let leaf = given.next().ok_or_else(|| {
        Failure::new(
            Kind::Input,
            "input.no_certificate",
            "no certificate to judge",
        )
    })?;
    for certificate in given {
        pool.add(certificate);
    }
    let chains = ChainVerifier {
        provider: context.provider,
        algorithms: &context.policy.algorithms,
        policy: &context.policy.certificates,
        anchors: &anchors,
        revocation: &revocation,
    };
    let named = |email: &EmailAddress| leaf.emails().iter().any(|known| known.matches(email));
    let (code, detail, path) = match chains.verify(&leaf, purpose, &pool, context.now()) {
        Err(error) => (error.code(), error.to_string(), Vec::new()),
        Ok(_) if !email.is_none_or(named) => (
            "chain.wrong_address",
            "the certificate names another address".to_owned(),
            Vec::new(),
        ),
        Ok(chain) => {
            let path = chain
                .path()
                .iter()
                .map(|it| json::hex(it.fingerprint()))
                .collect();
            ("chain.good", String::new(), path)
        }
    };
    let valid = code == "chain.good";
    let value = json!({
        "valid": valid,
        "code": code,
        "detail": detail,
        "path": path,
        "policies": [],
        "warnings": [],
    });
    report.result(&value, || {
        if valid {
            format!("valid, {} certificates", path.len())
        } else {
            format!("not valid: {detail} ({code})")
        }
    });
    Ok(Judgement::of(valid))
}
