use std::path::{Path, PathBuf};

use smime::{Cipher, Draft, RsaPadding, SignatureChoice, SignedForm, crypto::DigestAlgorithm};

use crate::{
    args::{Global, How, Seal},
    context::Context,
    failure::{Failure, Judgement},
    input, json,
    output::{self, Output},
    progress::Progress,
    report::Report,
};

pub(crate) fn run(global: &Global, seal: &Seal, report: &Report) -> Result<Judgement, Failure> {
    let inputs: Vec<&Path> = global.files().chain([seal.mail.as_path()]).collect();
    let context = Context::with_store(global)?;
    // Before anything is decided or recorded: a wrong -o is a wrong command line.
    let mut first = Some(Output::file(&seal.output, &inputs)?);
    let progress = Progress::of("sealing", report);
    let draft = Draft {
        from: seal.from.clone(),
        to: seal.to.clone(),
        sign: seal.sign.into(),
        encrypt: seal.encrypt.into(),
        ..draft(input::source(&seal.mail, &context.limits)?, &seal.how)
    };
    let engine = context.engine();
    let sealing = engine.prepare(&draft)?;
    let (mut outputs, mut paths, mut named) = (Vec::new(), Vec::new(), Vec::new());
    for (number, copy) in sealing.copies().iter().enumerate() {
        let path = copy_path(&seal.output, number);
        let mut output = match first.take() {
            Some(output) => output,
            None => Output::file(&path, &inputs)?,
        };
        sealing.write(copy, &mut output)?;
        outputs.push(output);
        let whom = copy.addresses.iter().map(ToString::to_string).collect();
        named.push((path.display().to_string(), whom));
        paths.push(path);
    }
    Output::keep_all(outputs)?;
    let receipt = sealing.finish().inspect_err(|_| output::discard(&paths))?;
    drop(progress);
    report.result(&json::receipt(&receipt, &named), || words(&receipt, &named));
    Ok(Judgement::Good)
}

/// Makes a draft with the choices of the command line.
fn draft(mail: smime::io::Source, how: &How) -> Draft {
    Draft {
        form: if how.opaque {
            SignedForm::Opaque
        } else {
            SignedForm::Detached
        },
        signature: SignatureChoice {
            digest: how.digest.map(Into::into),
            padding: if how.pss {
                RsaPadding::Pss
            } else {
                RsaPadding::Pkcs1
            },
        },
        cipher: how
            .cipher
            .map_or(Cipher::Best, |cipher| Cipher::Only(cipher.into())),
        oaep: how.oaep.then_some(DigestAlgorithm::Sha256),
        ..Draft::new(mail)
    }
}

/// The first copy goes where asked; the others beside it, numbered.
fn copy_path(output: &Path, number: usize) -> PathBuf {
    if number == 0 {
        return output.to_owned();
    }
    let mut name = output.file_stem().unwrap_or_default().to_os_string();
    name.push(format!(".bcc-{number}"));
    if let Some(extension) = output.extension() {
        name.push(".");
        name.push(extension);
    }
    output.with_file_name(name)
}

fn words(receipt: &smime::Receipt, outputs: &[(String, Vec<String>)]) -> String {
    let mut lines = vec![
        match receipt.scheme {
            Some(scheme) => format!("signed ({}, {})", scheme.name(), scheme.digest().name()),
            None => "not signed".to_owned(),
        },
        match receipt.cipher {
            Some(cipher) => format!("encrypted ({})", cipher.name()),
            None => "not encrypted".to_owned(),
        },
    ];
    lines.extend(
        receipt
            .reasons
            .iter()
            .map(|it| format!("  {}: {}", it.code, it.detail)),
    );
    lines.extend(
        outputs
            .iter()
            .map(|(file, whom)| format!("{file}  {}", whom.join(", "))),
    );
    lines.join("\n")
}
