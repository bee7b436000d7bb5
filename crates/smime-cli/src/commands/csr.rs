use std::path::Path;

use serde_json::json;
use smime::{
    store::{Activity, Operation, public_key_id},
    x509::{CertificationRequest, MailSubject},
};

use crate::{
    args::{Csr, Global},
    commands::ca::NewKey,
    context::{Context, new_passphrase},
    failure::{Failure, Judgement, Kind},
    json,
    output::Output,
    pem::{self, Label},
    report::Report,
};

pub(crate) fn run(global: &Global, command: &Csr, report: &Report) -> Result<Judgement, Failure> {
    let mut subject =
        MailSubject::new(&command.person.addresses)?.used_for(command.person.uses.into());
    if let Some(name) = &command.person.name {
        subject = subject.named(name)?;
    }
    let inputs: Vec<&Path> = global.files().collect();
    let mut outputs = vec![Output::file(&command.out, &inputs)?];
    let mut files = vec![command.out.display().to_string()];
    let (context, passphrase) = match &command.key_out {
        Some(path) if *path == command.out => {
            let detail = "request and key need a file each";
            return Err(Failure::new(Kind::Usage, "output.same", detail));
        }
        Some(path) => {
            outputs.push(Output::new_file(path, &inputs)?);
            files.push(path.display().to_string());
            let passphrase = new_passphrase(global)?;
            (Context::in_memory(global), passphrase)
        }
        None => Context::with_new_key(global)?,
    };
    let key = NewKey::make(&context, command.person.key_kind.into(), &passphrase)?;
    let request = CertificationRequest::sign(&subject, &key.key, context.random())?;
    for (output, (label, der)) in outputs.iter_mut().zip([
        (Label::Request, request.der()),
        (Label::ProtectedKey, key.protected.der()),
    ]) {
        pem::write(output, label, der)?;
    }
    if command.key_out.is_none() {
        key.store(&context)?;
    }
    Output::keep_all(outputs)?;
    let addresses: Vec<String> = request.emails().iter().map(ToString::to_string).collect();
    context.store.record(&Activity {
        to: addresses.clone(),
        ..context.activity(
            Operation::Request,
            "request.made",
            format!("request of {}", request.subject()),
        )
    })?;
    let value = json!({
        "subject": request.subject().to_string(),
        "emails": addresses,
        "public_key": json::hex(public_key_id(key.key.public_key())),
        "outputs": files,
    });
    report.result(&value, || {
        let place = command.key_out.as_deref().map_or_else(
            || "in the store; cert import takes the certificate".to_owned(),
            |path| format!("in {}", path.display()),
        );
        format!(
            "request for {} in {}\n  its key is {place}",
            addresses.join(", "),
            command.out.display(),
        )
    });
    Ok(Judgement::Good)
}
