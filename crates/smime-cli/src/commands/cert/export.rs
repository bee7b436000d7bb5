use std::{io::Write as _, path::Path};

use serde_json::json;

use super::list::whose;
use crate::{
    args::{CertExport, Global},
    context::{self, Context},
    failure::{Failure, Judgement, Kind},
    fingerprint, json,
    output::Output,
    pem::{self, Label},
    report::{Report, printable},
};

/// Writes certificates of the store: as PEM, or one as DER.
pub(super) fn run(
    global: &Global,
    command: &CertExport,
    report: &Report,
) -> Result<Judgement, Failure> {
    let context = Context::with_store(global)?;
    let found = fingerprint::find(&*context.store, &command.fingerprints)?;
    if command.der && found.len() > 1 {
        let detail = "a DER file has room for one certificate; without --der they are PEM";
        return Err(Failure::new(Kind::Usage, "output.several", detail));
    }
    let inputs = context::inputs(global)?;
    let inputs: Vec<&Path> = inputs.iter().map(AsRef::as_ref).collect();
    let mut output = Output::required(command.output.as_deref(), &inputs, report)?;
    let is_standard = output.is_standard();
    for stored in &found {
        let der = stored.certificate.der();
        if command.der {
            output.write_all(der)?;
        } else {
            pem::write(&mut output, Label::Certificate, der)?;
        }
    }
    output.keep()?;
    // Where the certificates themselves went there is no room for words about them.
    let file = command.output.as_deref().filter(|_| !is_standard);
    for (stored, file) in found.iter().zip(file.into_iter().cycle()) {
        let fingerprint = stored.certificate.fingerprint();
        let value = json!({
            "sha256": json::hex(fingerprint),
            "outcome": "exported",
            "file": file.display().to_string(),
        });
        report.result(&value, || {
            let (start, whose) = (fingerprint::short(&fingerprint), whose(&stored.certificate));
            format!("exported {start}  {}", printable(&whose))
        });
    }
    Ok(Judgement::Good)
}
