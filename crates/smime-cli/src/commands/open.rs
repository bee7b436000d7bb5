use std::{
    io::{self, Read},
    path::Path,
};

use serde_json::{Value, json};
use smime::{
    Coverage, Error, Layer, Message, NotKept, Received, Remark, Verdict, io::Source, mime::Entity,
};

use super::peer::{learned_value, remark_learned, retry_learned};
use crate::{
    args::{Global, LearningWord, Open},
    context::{Asked, Context},
    failure::{Failure, Judgement},
    input, json,
    output::Output,
    progress::Progress,
    report::{Report, printable},
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
        let mut context = Context::with_store(global)?;
        context.tidy()?;
        context.offer_keys(global)?;
        context
    };
    context.add_evidence(&open.evidence)?;
    context.choose_subject_address(open.subject_address);
    context.policy.messages.claimed_time = open.time.into();
    let output = Output::open(open.output.as_deref(), &inputs, report)?;
    let mut tried = attempt(&context, open, report)?;
    let mut waits = None;
    // The passphrase of the store may come first, and then that of a key.
    while is_locked(&tried) && context.ask_passphrase()? == Asked::Yes {
        waits = tried.kept.ok().or(waits);
        tried = attempt(&context, open, report)?;
    }
    let kept = tried.kept;
    let message = match tried.opened {
        Ok(message) => message,
        Err(error) => return Err(closed(&error, kept, tried.beginning, &context, report)),
    };
    let encryption = message.encryption().map_or("none", json::coverage);
    let beside_entity = output.as_ref().is_some_and(Output::is_standard);
    if let Some(output) = output {
        // On the terminal, the entity itself is the sign of life.
        let _progress = (!beside_entity).then(|| Progress::of("writing", report));
        output.take(message.entity().source())?;
    }
    if let (Some(id), Err(NotKept::NoNeed)) = (waits, kept) {
        context.store.release(id)?;
    }
    let learned = context.engine().learn(&message, open.learn.into())?;
    let words = || {
        let verdict = words(message.layers(), message.signature(), encryption);
        let lines = remark_lines(&message.remarks());
        [vec![verdict], lines].concat().join("\n")
    };
    let mut value = json::opened(
        message.layers(),
        message.signature(),
        encryption,
        context.clock,
    );
    add_headers(&mut value, Some(message.mail()));
    add_kept(&mut value, kept);
    if let Some(fields) = value
        .as_object_mut()
        .filter(|_| open.learn != LearningWord::Off)
    {
        fields.insert("learned".to_owned(), learned_value(&learned));
    }
    retry_learned(&context, &learned, &mut value, report)?;
    if beside_entity {
        report.remark(&words());
    } else {
        report.result(&value, words);
    }
    remark_kept(kept, report);
    remark_learned(&learned, report);
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

/// Opens the mail once.
fn attempt(context: &Context, open: &Open, report: &Report) -> Result<Tried, Failure> {
    let mut input = Beginning::of(input::reader(&open.mail)?, context.limits.headers);
    let _progress = Progress::of("opening", report);
    let keeping = match open.no_store || open.no_keep {
        true => None,
        false => context.keeping()?,
    };
    let received = match keeping {
        Some(keeping) => context.engine().receive(&mut input, &keeping)?,
        None => Received {
            opened: context.engine().open(&mut input),
            kept: Err(NotKept::NoNeed),
        },
    };
    Ok(Tried {
        opened: received.opened,
        kept: received.kept,
        beginning: input.seen,
    })
}

/// What came of opening a mail, with how it begins.
struct Tried {
    opened: Result<Message, Error>,
    kept: Result<u64, NotKept>,
    beginning: Vec<u8>,
}

fn is_locked(tried: &Tried) -> bool {
    let opened = tried.opened.as_ref();
    opened.is_err_and(|error| error.cause.is_locked())
}

fn remark_kept(kept: Result<u64, NotKept>, report: &Report) {
    match kept {
        Ok(id) => report.remark(&format!("kept as {id}: smime retry {id}")),
        Err(NotKept::NoNeed) => {}
        Err(NotKept::TooLarge) => report.remark("not kept for a retry: the mail is too large"),
        Err(NotKept::Full) => report.remark(
            "not kept for a retry: as much mail is kept as may be; smime retry --all shows which",
        ),
    }
}

fn add_kept(value: &mut Value, kept: Result<u64, NotKept>) {
    let Some(fields) = value.as_object_mut() else {
        return;
    };
    match kept {
        Ok(id) => fields.insert("kept".to_owned(), id.into()),
        Err(NotKept::NoNeed) => None,
        Err(reason) => fields.insert("not_kept".to_owned(), reason.code().into()),
    };
}

/// Returns why a mail could not be opened; prints, in JSON, the layers that were before the failure.
fn closed(
    error: &Error,
    kept: Result<u64, NotKept>,
    beginning: Vec<u8>,
    context: &Context,
    report: &Report,
) -> Failure {
    let failure = Failure::from(&error.cause);
    remark_kept(kept, report);
    if !error.cause.is_undecryptable() || !report.is_json() {
        return failure;
    }
    let mail = Entity::read(Source::from_bytes(beginning), &context.limits).ok();
    let mut value = json::opened(&error.layers, Verdict::None, "failed", context.clock);
    add_headers(&mut value, mail.as_ref());
    add_kept(&mut value, kept);
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

fn add_headers(value: &mut Value, mail: Option<&Entity>) {
    if let Some(fields) = value.as_object_mut() {
        for (key, field) in [("subject", "Subject"), ("from", "From")] {
            let text = mail.and_then(|mail| mail.headers().text(field));
            fields.insert(key.to_owned(), text.into());
        }
        let remarks = mail.map(smime::remarks).unwrap_or_default();
        fields.insert("remarks".to_owned(), json::remarks(&remarks));
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

fn remark_lines(remarks: &[Remark]) -> Vec<String> {
    let line = |it: &Remark| format!("remark: {}: {}", it.code, printable(&it.detail));
    remarks.iter().map(line).collect()
}

fn words(layers: &[Layer], signature: Verdict, encryption: &str) -> String {
    let mut lines = Vec::new();
    for layer in layers {
        match layer {
            Layer::Compressed { coverage } => {
                lines.push(format!("compressed ({})", json::coverage(*coverage)));
            }
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
                        "signed ({}): {} ({}{}) {}",
                        json::coverage(*coverage),
                        signer.verdict.name(),
                        signer.verdict.code(),
                        if signer.by_claimed_time {
                            ", at the time the signer claims"
                        } else {
                            ""
                        },
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
