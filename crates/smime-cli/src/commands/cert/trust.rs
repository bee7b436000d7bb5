use serde_json::json;
use smime::store::{Activity, Arrivals, Change, Operation};

use super::list::whose;
use crate::commands::arrived;
use crate::{
    args::{CertTrust, Global},
    context::Context,
    failure::{Failure, Judgement},
    fingerprint, json,
    report::{Report, printable},
};

/// Sets what is thought of certificates of the store: of all that are named or of none.
pub(super) fn run(
    global: &Global,
    command: &CertTrust,
    report: &Report,
) -> Result<Judgement, Failure> {
    let trust = command.trust()?;
    let mut context = Context::with_store(global)?;
    context.offer_keys(global)?;
    let found = fingerprint::find(&*context.store, &command.fingerprints)?;
    let fingerprints: Vec<_> = found
        .iter()
        .map(|it| it.certificate.fingerprint())
        .collect();
    let words = json::trust_words(trust);
    let change = Change::Trust {
        fingerprints: &fingerprints,
        trust,
    };
    let entry = Activity {
        certificates: fingerprints.clone(),
        ..context.activity(Operation::Trust, CODE, words.clone())
    };
    context.change(&change, &entry)?;
    for stored in &found {
        let certificate = &stored.certificate;
        let mut value = json!({
            "sha256": json::hex(certificate.fingerprint()),
            "trust": trust.as_str(),
            "trusted_for": json::trusted_for(trust),
            "before": stored.trust.as_str(),
        });
        let mut arrivals = Arrivals::default();
        arrivals.add_certificate(certificate.fingerprint());
        arrived::retry_kept(&context, &arrivals, &mut value, report)?;
        report.result(&value, || {
            let start = fingerprint::short(&certificate.fingerprint());
            format!("{words}: {start}  {}", printable(&whose(certificate)))
        });
    }
    Ok(Judgement::Good)
}

const CODE: &str = "trust.set";
