use std::{
    io::{self, Read},
    path::Path,
};

use serde_json::{Value, json};
use smime::{Cause, Coverage, Layer, Message, Verdict, io::Source, mime::Entity};

use crate::{
    args::{Global, Open},
    context::{Asked, Context},
    failure::{Failure, Judgement},
    input, json,
    output::Output,
    progress::Progress,
    report::Report,
};

pub(crate) fn run(global: &Global, open: &Open, report: &Report) -> Result<Judgement, Failure> {
    let inputs: Vec<&Path> = global
        .files()
        .chain([open.mail.as_path()])
        .chain(open.key.iter().chain(&open.cert).map(AsRef::as_ref))
        .chain(open.p12.iter().map(AsRef::as_ref))
        .chain(open.evidence.files())
        .collect();
    let mut context = if open.no_store {
        without_store(global, open)?
    } else {
        Context::with_store(global)?
    };
    context.add_evidence(&open.evidence)?;
    let output = Output::open(open.output.as_deref(), &inputs, report)?;
    let message = match attempt(&context, &open.mail, report)? {
        Ok(message) => message,
        Err(closed) if closed.is_locked() && context.ask_passphrase()? == Asked::Yes => {
            attempt(&context, &open.mail, report)?.map_err(|it| it.failure(&context, report))?
        }
        Err(closed) => return Err(closed.failure(&context, report)),
    };
    let encryption = message.encryption().map_or("none", json::coverage);
    let beside_entity = output.as_ref().is_some_and(Output::is_standard);
    if let Some(output) = output {
        // On the terminal, the entity itself is the sign of life.
        let _progress = (!beside_entity).then(|| Progress::of("writing", report));
        output.take(message.entity().source())?;
    }
    let words = || words(message.layers(), message.signature(), encryption);
    if beside_entity {
        report.remark(&words());
    } else {
        let mut value = json::opened(message.layers(), message.signature(), encryption);
        add_headers(&mut value, Some(message.mail()));
        report.result(&value, words);
    }
    let good = matches!(message.signature(), Verdict::None | Verdict::Good)
        && message.encryption() != Some(Coverage::Part);
    Ok(Judgement::of(good))
}

/// Builds a store in memory of what the command line gives.
fn without_store(global: &Global, open: &Open) -> Result<Context, Failure> {
    let context = Context::without_store(global)?;
    context.add_trust(&open.anchor, &open.pool)?;
    for file in &open.cert {
        context
            .store
            .add_certificates(&input::certificates(file)?, context.now())?;
    }
    for file in &open.key {
        context.keys.add(context.load_key(file)?);
    }
    for file in &open.p12 {
        let (certificates, keys) = context.pkcs12(file)?;
        context
            .store
            .add_certificates(&certificates, context.now())?;
        keys.into_iter().for_each(|key| context.keys.add(key));
    }
    Ok(context)
}

/// Opens the mail once; what makes that impossible is [`Closed`], with how the mail begins.
fn attempt(
    context: &Context,
    mail: &Path,
    report: &Report,
) -> Result<Result<Message, Closed>, Failure> {
    let mut input = Beginning::of(input::reader(mail)?, context.limits.headers);
    let _progress = Progress::of("opening", report);
    let opened = context.engine().open(&mut input);
    Ok(opened.map_err(|error| Closed {
        error,
        beginning: input.seen,
    }))
}

/// A mail that could not be opened.
struct Closed {
    error: smime::Error,
    beginning: Vec<u8>,
}

impl Closed {
    fn is_locked(&self) -> bool {
        matches!(self.error.cause, Cause::KeyLocked)
    }

    /// Prints, in JSON, the layers that were opened before the failure.
    fn failure(self, context: &Context, report: &Report) -> Failure {
        let cause = &self.error.cause;
        let failure = Failure::from(cause);
        if !cause.is_undecryptable() || !report.is_json() {
            return failure;
        }
        let beginning = Source::from_bytes(self.beginning);
        let mail = Entity::read(beginning, &context.limits).ok();
        let mut value = json::opened(&self.error.layers, Verdict::None, "failed");
        add_headers(&mut value, mail.as_ref());
        if let Some(fields) = value.as_object_mut() {
            let error = json!({"code": failure.code, "detail": failure.detail});
            fields.insert("error".to_owned(), error);
        }
        report.result(&value, String::new);
        Failure {
            reported: true,
            ..failure
        }
    }
}

fn add_headers(value: &mut Value, mail: Option<&Entity>) {
    if let Some(fields) = value.as_object_mut() {
        for (key, field) in [("subject", "Subject"), ("from", "From")] {
            let text = mail.and_then(|mail| mail.headers().text(field));
            fields.insert(key.to_owned(), text.into());
        }
    }
}

/// A reader that remembers how its input begins: the header fields of a mail that stays closed.
struct Beginning<R> {
    input: R,
    seen: Vec<u8>,
    limit: usize,
}

impl<R: Read> Beginning<R> {
    fn of(input: R, limit: usize) -> Self {
        Self {
            input,
            seen: Vec::new(),
            limit,
        }
    }
}

impl<R: Read> Read for Beginning<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(out)?;
        let wanted = self.limit.saturating_sub(self.seen.len()).min(length);
        self.seen
            .extend_from_slice(out.get(..wanted).unwrap_or_default());
        Ok(length)
    }
}

fn words(layers: &[Layer], signature: Verdict, encryption: &str) -> String {
    let mut lines = Vec::new();
    for layer in layers {
        match layer {
            Layer::Encrypted {
                coverage,
                cipher,
                authenticated,
                ..
            } => lines.push(format!(
                "encrypted ({}, {}): {}",
                cipher.map_or("unknown cipher", |it| it.name()),
                json::coverage(*coverage),
                if *authenticated {
                    "authenticated"
                } else {
                    "not authenticated"
                },
            )),
            Layer::Signed {
                coverage, signers, ..
            } => {
                if signers.is_empty() {
                    lines.push(format!("signed ({}): by nobody", json::coverage(*coverage)));
                }
                for signer in signers {
                    let who = signer
                        .certificate
                        .as_ref()
                        .map(|it| it.subject().to_string());
                    lines.push(format!(
                        "signed ({}): {} ({}) {}",
                        json::coverage(*coverage),
                        signer.verdict.name(),
                        signer.verdict.code(),
                        who.unwrap_or_default(),
                    ));
                }
            }
        }
    }
    lines.push(format!(
        "signature: {}; encryption: {encryption}",
        signature.name()
    ));
    lines.join("\n")
}
