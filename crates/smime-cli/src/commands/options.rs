use serde_json::{Value, json};
use smime::{
    Decision, Intent, RecipientChoice,
    store::{Binding, Level, Mode},
    x509::VerifiedRecipient,
};

use crate::{
    args::{Global, Options},
    context::Context,
    failure::{Failure, Judgement},
    json, messages,
    report::Report,
};

pub(crate) fn run(
    global: &Global,
    options: &Options,
    report: &Report,
) -> Result<Judgement, Failure> {
    let mut context = Context::with_store(global)?;
    context.add_evidence(&options.evidence)?;
    let choosing = &options.choosing;
    let decision = context.engine().decide(&Intent {
        from: Some(options.from.clone()),
        visible: options.to.clone(),
        answers: options.in_reply_to.clone(),
        group: choosing.group.clone(),
        sign: choosing.sign.map(Into::into),
        encrypt: choosing.encrypt.map(Into::into),
        choice: choosing.choice(&*context.store)?,
        plain_answer: choosing.plain_answer(),
        ..Intent::default()
    })?;
    report.result(&value(&decision), || words(&decision));
    Ok(Judgement::Good)
}

fn value(decision: &Decision) -> Value {
    let recipients: Vec<_> = decision.recipients.iter().map(recipient).collect();
    json!({
        "sign": {
            "possible": decision.signer.is_ok(),
            "default": is_default(decision.sign),
            "mandatory": is_mandatory(decision.sign),
            "plan": decision.signs().as_str(),
            "certificate": decision.signer.as_ref().ok().map(|it| json::hex(it.certificate.certificate().fingerprint())),
            "code": sign_code(decision),
        },
        "encrypt": {
            "possible": encrypt_code(decision) == POSSIBLE,
            "default": is_default(decision.encrypt),
            "mandatory": is_mandatory(decision.encrypt),
            "plan": decision.encrypts().as_str(),
            "code": encrypt_code(decision),
            "recipients": recipients,
        },
    })
}

fn recipient(recipient: &RecipientChoice) -> Value {
    let certificates: Vec<_> = certificates(recipient).iter().map(fingerprint).collect();
    json!({
        "address": recipient.address.to_string(),
        "certificates": certificates,
        "code": recipient_code(recipient),
    })
}

fn certificates(recipient: &RecipientChoice) -> &[VerifiedRecipient] {
    recipient.certificates.as_deref().unwrap_or_default()
}

fn fingerprint(certificate: &VerifiedRecipient) -> String {
    json::hex(certificate.certificate().fingerprint())
}

fn is_default(level: Level) -> bool {
    level.mode != Mode::Never
}

fn is_mandatory(level: Level) -> bool {
    is_default(level) && level.binding == Binding::Mandatory
}

fn sign_code(decision: &Decision) -> &'static str {
    match &decision.signer {
        Ok(choice) if choice.key.is_none() => "options.passphrase_needed",
        Ok(_) => POSSIBLE,
        Err(code) => code,
    }
}

fn encrypt_code(decision: &Decision) -> &'static str {
    let codes = decision.recipients.iter().map(recipient_code);
    codes
        .into_iter()
        .find(|code| *code != POSSIBLE)
        .unwrap_or(POSSIBLE)
}

fn recipient_code(recipient: &RecipientChoice) -> &'static str {
    match &recipient.certificates {
        Ok(_) => POSSIBLE,
        Err(code) => code,
    }
}

fn words(decision: &Decision) -> String {
    let level = |level: Level| {
        let mandatory = if is_mandatory(level) {
            ", mandatory"
        } else {
            ""
        };
        format!("{}{mandatory}", level.mode.as_str())
    };
    let mut lines = vec![format!(
        "sign     {:22} {:9} {}",
        level(decision.sign),
        decision.signs().as_str(),
        sign_code(decision)
    )];
    lines.extend(remedy(sign_code(decision)));
    let (encrypt, code) = (level(decision.encrypt), encrypt_code(decision));
    let plan = decision.encrypts().as_str();
    lines.push(format!("encrypt  {encrypt:22} {plan:9} {code}"));
    for recipient in &decision.recipients {
        let (address, code) = (recipient.address.to_string(), recipient_code(recipient));
        let prints: Vec<_> = certificates(recipient).iter().map(short).collect();
        let line = format!("  {address:29} {code:22} {}", prints.join(" "));
        lines.push(line.trim_end().to_owned());
        lines.extend(remedy(code));
    }
    if decision.answers_encrypted {
        lines.push("answers a mail that came encrypted, and must be encrypted for that".to_owned());
    }
    lines.join("\n")
}

fn remedy(code: &str) -> Option<String> {
    messages::remedy(code).map(|remedy| format!("    {remedy}"))
}

/// Returns the start of a fingerprint, which is enough to tell it from others.
fn short(certificate: &VerifiedRecipient) -> String {
    fingerprint(certificate).chars().take(16).collect()
}

const POSSIBLE: &str = "options.possible";
