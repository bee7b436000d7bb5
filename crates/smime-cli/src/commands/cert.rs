use std::path::Path;

use serde_json::json;
use smime::{
    store::Trust,
    x509::{ChainRequest, EmailAddress, Purpose, VerifiedChain},
};

use crate::{
    args::{Cert, Global, Judging},
    context::Context,
    failure::{Failure, Judgement, Kind},
    input, json,
    paths::Paths,
    report::Report,
};

mod delete;
mod export;
mod folder;
mod import;
mod judge;
mod list;
mod pin;
mod show;
mod trust;

pub(crate) fn run(global: &Global, command: &Cert, report: &Report) -> Result<Judgement, Failure> {
    match command {
        Cert::Import {
            files,
            trust,
            subject_address,
        } => {
            let trust = if *trust { Trust::Anchor } else { Trust::None };
            import::run(global, files, trust, *subject_address, report)
        }
        Cert::List { query, expiring } => list::run(global, query.as_deref(), *expiring, report),
        Cert::Export(command) => export::run(global, command, report),
        Cert::Delete(command) => delete::run(global, command, report),
        Cert::Pin {
            address,
            fingerprints,
        } => pin::pin(global, address, fingerprints, report),
        Cert::Unpin { address } => pin::unpin(global, address, report),
        Cert::Trust(command) => trust::run(global, command, report),
        Cert::Show { target } => show::run(global, target, report),
        Cert::Explain { file } => judge::explain(&Context::without_store(global)?, file, report),
        Cert::Lint { file, under } => judge::lint_file(file, *under, report),
        Cert::Verify { judging, leaf } => {
            verify(Context::without_store(global)?, judging, leaf, report)
        }
    }
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
        valid_at: context.now(),
        policies: &paths.policies,
    };
    let rules = &context.policy.certificates;
    let named = |email: &EmailAddress| rules.names(&leaf, email);
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
