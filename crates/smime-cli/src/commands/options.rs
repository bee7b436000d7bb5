use serde_json::{Value, json};
use smime::{
    Decision, Intent, RecipientChoice, Unusable,
    crypto::{ContentCipher, SignatureScheme},
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
    context.choose_subject_address(options.subject_address);
    if context.is_locked()? {
        context.offer_keys(global)?;
    }
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
        signature: options.algorithms.signature(),
        cipher: options.algorithms.cipher(),
        oaep: options.algorithms.oaep(),
        ..Intent::default()
    })?;
    report.result(&value(&decision), || words(&decision));
    Ok(Judgement::Good)
}

fn value(decision: &Decision) -> Value {
    let recipients: Vec<_> = decision.recipients.iter().map(recipient).collect();
    json!({
        "sign": {
            "possible": scheme(decision).is_some(),
            "default": is_default(decision.sign),
            "mandatory": is_mandatory(decision.sign),
            "plan": decision.signs().as_str(),
            "certificate": decision.signer.as_ref().ok().map(|it| json::hex(it.certificate.certificate().fingerprint())),
            "digest": scheme(decision).map(|it| it.digest().name()),
            "scheme": scheme(decision).map(|it| it.name()),
            "code": sign_code(decision),
        },
        "encrypt": {
            "possible": encrypt_code(decision) == POSSIBLE,
            "default": is_default(decision.encrypt),
            "mandatory": is_mandatory(decision.encrypt),
            "plan": decision.encrypts().as_str(),
            "cipher": cipher(decision).map(|it| it.name()),
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

fn scheme(decision: &Decision) -> Option<SignatureScheme> {
    decision.signer.as_ref().ok()?.scheme.ok()
}

fn cipher(decision: &Decision) -> Option<ContentCipher> {
    Some(decision.encryption?.ok()?.cipher)
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
        Ok(choice) if choice.scheme.is_err() => choice
            .scheme
            .as_ref()
            .map_or_else(Unusable::code, |_| POSSIBLE),
        Ok(choice) if choice.key.is_err() => "options.passphrase_needed",
        Ok(_) => POSSIBLE,
        Err(code) => code,
    }
}

fn encrypt_code(decision: &Decision) -> &'static str {
    let refused = match &decision.encryption {
        Some(Err(unusable)) => Some(unusable.code()),
        Some(Ok(_)) | None => None,
    };
    let codes = decision.recipients.iter().map(recipient_code);
    codes
        .chain(refused)
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
