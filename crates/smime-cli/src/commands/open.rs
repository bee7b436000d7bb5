use std::io::{self, Write};

use serde_json::Value;
use smime::{Coverage, Layer, Message, Verdict};

use crate::{
    args::{Global, Open},
    context::Context,
    failure::{Failure, Judgement},
    input, json,
    output::Output,
    report::Report,
};

pub(crate) fn run(global: &Global, open: &Open, report: &Report) -> Result<Judgement, Failure> {
    let context = if open.no_store {
        without_store(global, open)?
    } else {
        Context::with_store(global)?
    };
    let message = match context.engine().open(input::reader(&open.mail)?) {
        Ok(message) => message,
        Err(error) => return Err(failed(error, report)),
    };
    let encryption = message.encryption().map_or("none", json::coverage);
    let mut value = json::opened(message.layers(), message.signature(), encryption);
    add_headers(&mut value, &message);
    report.result(&value, || {
        words(message.layers(), message.signature(), encryption)
    });
    if open.output.is_some() || !report.is_json() {
        let mut output = Output::open(open.output.as_deref(), &[&open.mail])?;
        let mut entity = message.entity().source().open()?;
        io::copy(&mut entity, &mut output)?;
        output.flush()?;
        output.keep()?;
    }
    let good = matches!(message.signature(), Verdict::None | Verdict::Good)
        && message.encryption() != Some(Coverage::Part);
    Ok(Judgement::of(good))
}

/// Builds a store in memory of what the command line gives.
fn without_store(global: &Global, open: &Open) -> Result<Context, Failure> {
    let context = Context::without_store(global);
    context.add_trust(&open.anchor, &open.pool)?;
    for file in &open.cert {
        context
            .store
            .add_certificates(&input::certificates(file)?, context.now())?;
    }
    for file in &open.key {
        context.keys.add(context.load_key(file, global)?);
    }
    Ok(context)
}

/// Prints, in JSON, the layers that were opened before the failure.
fn failed(error: smime::Error, report: &Report) -> Failure {
    let failure = Failure::from(&error.cause);
    if error.cause.is_undecryptable() && report.is_json() {
        let mut value = json::opened(&error.layers, Verdict::None, "failed");
        if let Some(fields) = value.as_object_mut() {
            let error = serde_json::json!({"code": failure.code, "detail": failure.detail});
            fields.insert("error".to_owned(), error);
        }
        report.result(&value, String::new);
        return Failure {
            reported: true,
            ..failure
        };
    }
    failure
}

fn add_headers(value: &mut Value, message: &Message) {
    let headers = message.mail().headers();
    if let Some(fields) = value.as_object_mut() {
        for (key, field) in [("subject", "Subject"), ("from", "From")] {
            fields.insert(key.to_owned(), headers.text(field).into());
        }
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
    lines.push(String::new());
    lines.join("\n")
}
