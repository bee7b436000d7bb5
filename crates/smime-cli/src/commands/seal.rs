use std::path::{Path, PathBuf};

use smime::{
    Draft, Root, SealedCopy, Sealing, SignedForm,
    io::Source,
    mime::{Entity, MediaTypes},
};

use crate::{
    args::{Global, How, Seal},
    context::{Asked, Context},
    failure::{Failure, Judgement},
    input, json,
    output::{self, Output},
    progress::Progress,
    report::Report,
};

pub(crate) fn run(global: &Global, seal: &Seal, report: &Report) -> Result<Judgement, Failure> {
    let mail = [seal.mail.as_path()];
    let inputs: Vec<&Path> = global
        .files()
        .chain(mail)
        .chain(seal.evidence.files())
        .collect();
    let mut context = Context::with_store(global)?;
    context.tidy()?;
    context.add_evidence(&seal.evidence)?;
    context.choose_subject_address(seal.subject_address);
    // Before anything is decided or recorded: a wrong -o is a wrong command line.
    let mut first = Some(Output::file(&seal.output, &inputs)?);
    let mail = input::source(&seal.mail, &context.limits)?;
    let draft = Draft {
        from: seal.from.clone(),
        to: seal.to.clone(),
        group: seal.choosing.group.clone(),
        sign: seal.choosing.sign.map(Into::into),
        encrypt: seal.choosing.encrypt.map(Into::into),
        choice: seal.choosing.choice(&*context.store)?,
        plain_answer: seal.choosing.plain_answer(),
        ..draft(mail, &seal.how)
    };
    if needs_passphrase(&context, &draft) {
        context.offer_keys(global)?;
    }
    while needs_passphrase(&context, &draft) && context.ask_passphrase()? == Asked::Yes {}
    let progress = Progress::of("sealing", report);
    let engine = context.engine();
    let sealing = engine.prepare(&draft)?;
    let (mut outputs, mut paths, mut named) = (Vec::new(), Vec::new(), Vec::new());
    for (number, copy) in sealing.copies().iter().enumerate() {
        let path = copy_path(&seal.output, number);
        outputs.push(match first.take() {
            Some(output) => output,
            None => Output::file(&path, &inputs)?,
        });
        let whom = whom(&context, seal, &draft.mail, copy)?;
        named.push((path.display().to_string(), whom));
        paths.push(path);
    }
    if let Err(failure) = write(&sealing, outputs) {
        sealing.abandon(&failure.code, &failure.detail)?;
        return Err(failure);
    }
    let receipt = sealing.finish().inspect_err(|_| output::discard(&paths))?;
    drop(progress);
    report.result(&json::receipt(&receipt, &named), || words(&receipt, &named));
    Ok(Judgement::Good)
}

/// Writes every copy to its output, and puts all in their places or none.
fn write(sealing: &Sealing<'_>, mut outputs: Vec<Output>) -> Result<(), Failure> {
    for (copy, output) in sealing.copies().iter().zip(&mut outputs) {
        sealing.write(copy, output)?;
    }
    Output::keep_all(outputs)
}

/// Says whether the mail would be signed if the private key could be used.
fn needs_passphrase(context: &Context, draft: &Draft) -> bool {
    // What fails here fails again, and is recorded, when the mail is sealed.
    let decision = context.engine().intent(draft);
    let decision = decision.and_then(|intent| context.engine().decide(&intent));
    decision.is_ok_and(|decision| decision.needs_passphrase())
}

/// Returns who gets a copy; everybody, where one copy is for all because it is not encrypted.
fn whom(
    context: &Context,
    seal: &Seal,
    mail: &Source,
    copy: &SealedCopy,
) -> Result<Vec<String>, Failure> {
    let named = if copy.addresses.is_empty() {
        &seal.to
    } else {
        &copy.addresses
    };
    if named.is_empty() {
        return addresses(context, mail, &["To", "Cc", "Bcc"]);
    }
    Ok(named.iter().map(ToString::to_string).collect())
}

/// Returns the addresses in some header fields; none of a field that cannot be read.
fn addresses(context: &Context, mail: &Source, fields: &[&str]) -> Result<Vec<String>, Failure> {
    let mail = Entity::read(mail.clone(), &context.limits)?;
    let mailboxes = fields
        .iter()
        .flat_map(|field| mail.headers().addresses(field).unwrap_or_default());
    Ok(mailboxes.map(|mailbox| mailbox.address).collect())
}

/// Makes a draft with the choices of the command line.
fn draft(mail: Source, how: &How) -> Draft {
    Draft {
        form: if how.opaque {
            SignedForm::Opaque
        } else {
            SignedForm::Detached
        },
        root: if how.include_root {
            Root::Included
        } else {
            Root::LeftOut
        },
        media_types: if how.old_names {
            MediaTypes::Old
        } else {
            MediaTypes::Registered
        },
        signature: how.algorithms.signature(),
        cipher: how.algorithms.cipher(),
        oaep: how.algorithms.oaep(),
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
