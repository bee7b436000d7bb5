//! The JSON objects of the contract: their fields are stable.

use serde_json::{Value, json};
use smime::{
    Clock, Coverage, Layer, Receipt, Remark, Verdict,
    cms::{RecipientId, SignerId, SignerReport, Summary},
    crypto::UnixTime,
    store::{Recorded, StoredCertificate, Trust},
    x509::{Certificate, Explanation, LintFinding, LintProfile, Met, Name, Purpose, check_fitness},
};

mod certificate;

pub(crate) use certificate::{certificate, expiring, stored};

pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or_default();
    let digits = bytes
        .as_ref()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

/// What a certificate is good for by its own fields and by what is thought of it.
pub(crate) fn usable_for(stored: &StoredCertificate, at: UnixTime) -> Vec<&'static str> {
    if stored.trust == Trust::Distrusted {
        return Vec::new();
    }
    [
        ("sign", Purpose::SignMail),
        ("encrypt", Purpose::EncryptMail),
    ]
    .into_iter()
    .filter(|(_, purpose)| check_fitness(&stored.certificate, *purpose, at).is_ok())
    .map(|(name, _)| name)
    .collect()
}

/// What a certificate is an anchor for.
pub(crate) fn trusted_for(trust: Trust) -> Vec<&'static str> {
    trust.anchor_uses().iter().map(|it| it.as_str()).collect()
}

/// What is thought of a certificate, for people.
pub(crate) fn trust_words(trust: Trust) -> String {
    match trust {
        Trust::AnchorFor(usage) => format!("{}/{}", trust.as_str(), usage.as_str()),
        _ => trust.as_str().to_owned(),
    }
}

pub(crate) fn emails(certificate: &Certificate) -> Vec<String> {
    certificate
        .emails()
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// `cert explain`: every use of one certificate, and how each of its rules came out.
pub(crate) fn explained(certificate: &Certificate, explanations: &[Explanation]) -> Value {
    let uses = explanations.iter().map(|explanation| {
        let findings: Vec<_> = explanation
            .findings
            .iter()
            .map(|finding| {
                let found = match &finding.met {
                    Met::NotMet { found } => Some(found),
                    Met::Met | Met::NotApplicable => None,
                };
                json!({
                    "rule": finding.rule,
                    "clause": finding.clause,
                    "verdict": finding.met.name(),
                    "found": found,
                })
            })
            .collect();
        let value = json!({"met": explanation.is_met(), "findings": findings});
        (explanation.usage.name().to_owned(), value)
    });
    json!({
        "sha256": hex(certificate.fingerprint()),
        "subject": certificate.subject().to_string(),
        "emails": emails(certificate),
        "uses": Value::Object(uses.collect()),
    })
}

/// `cert lint`: what one certificate does against the rules of its profile.
pub(crate) fn linted(
    certificate: &Certificate,
    profile: LintProfile,
    findings: &[LintFinding],
) -> Value {
    let findings: Vec<_> = findings
        .iter()
        .map(|finding| {
            json!({
                "severity": finding.severity.name(),
                "code": finding.code,
                "rule": finding.rule,
                "detail": finding.detail,
            })
        })
        .collect();
    json!({
        "sha256": hex(certificate.fingerprint()),
        "profile": profile.name(),
        "findings": findings,
    })
}

/// `cms verify` and a signed layer of `open`.
///
/// `time` is that at which certificates were held valid: `now`, `given`, or that which is `claimed`.
pub(crate) fn signers(signers: &[SignerReport], good: bool, clock: Clock) -> Value {
    let signers: Vec<Value> = signers
        .iter()
        .map(|signer| {
            let certificate = signer.certificate.as_ref();
            json!({
                "verdict": signer.verdict.name(),
                "code": signer.verdict.code(),
                "certificate": certificate.map(|it| hex(it.fingerprint())),
                "emails": certificate.map(emails).unwrap_or_default(),
                "digest": signer.digest.map(|it| it.name()),
                "scheme": signer.scheme.map(|it| it.name()),
                "signing_time": signer.signing_time.map(|it| it.to_string()),
                "time": match clock {
                    _ if signer.by_claimed_time => CLAIMED,
                    Clock::System => "now",
                    Clock::Fixed(_) => "given",
                },
            })
        })
        .collect();
    json!({"signers": signers, "good": good})
}

fn layer(layer: &Layer, clock: Clock) -> Value {
    match layer {
        Layer::Signed {
            coverage,
            signers: reports,
            good,
        } => {
            let mut value = signers(reports, *good, clock);
            if let Some(fields) = value.as_object_mut() {
                fields.insert("kind".to_owned(), "signed".into());
                fields.insert("coverage".to_owned(), self::coverage(*coverage).into());
            }
            value
        }
        Layer::Compressed { coverage } => json!({
            "kind": "compressed",
            "coverage": self::coverage(*coverage),
        }),
        Layer::Encrypted {
            coverage,
            cipher,
            authenticated,
            recipient,
        } => json!({
            "kind": "encrypted",
            "coverage": self::coverage(*coverage),
            "authenticated": authenticated,
            "cipher": cipher.map(|it| it.name()),
            "recipient": recipient.map(hex),
        }),
    }
}

pub(crate) fn coverage(coverage: Coverage) -> &'static str {
    match coverage {
        Coverage::Whole => "whole",
        Coverage::Part => "part",
    }
}

/// `open`: the layers and the verdict over them, with the time if it is one that a signer claims.
pub(crate) fn opened(
    layers: &[Layer],
    signature: Verdict,
    encryption: &str,
    clock: Clock,
) -> Value {
    let mut verdict = json!({"signature": signature.name(), "encryption": encryption});
    let mut signers = layers.iter().flat_map(|layer| match layer {
        Layer::Signed { signers, .. } => &**signers,
        Layer::Encrypted { .. } | Layer::Compressed { .. } => &[],
    });
    if let (true, Some(fields)) = (
        signers.any(|signer| signer.by_claimed_time),
        verdict.as_object_mut(),
    ) {
        fields.insert("time".to_owned(), CLAIMED.into());
    }
    let layers: Vec<_> = layers.iter().map(|it| layer(it, clock)).collect();
    json!({"layers": layers, "verdict": verdict})
}

/// What `open` remarks about the sender.
pub(crate) fn remarks(remarks: &[Remark]) -> Value {
    let remarks = remarks.iter();
    remarks
        .map(|it| json!({"code": it.code, "detail": it.detail}))
        .collect()
}

/// `seal`: the receipt; `outputs` are files and who gets them.
pub(crate) fn receipt(receipt: &Receipt, outputs: &[(String, Vec<String>)]) -> Value {
    let recipients: Vec<Value> = receipt
        .recipients
        .iter()
        .map(|it| {
            let certificates: Vec<_> = it.certificates.iter().map(hex).collect();
            json!({"address": it.address.to_string(), "certificates": certificates})
        })
        .collect();
    let reasons: Vec<Value> = receipt
        .reasons
        .iter()
        .map(|it| json!({"code": it.code, "detail": it.detail}))
        .collect();
    let outputs: Vec<Value> = outputs
        .iter()
        .map(|(file, whom)| json!({"file": file, "for": whom}))
        .collect();
    json!({
        "signed": receipt.signer.is_some(),
        "encrypted": receipt.cipher.is_some(),
        "signer": receipt.signer.map(hex),
        "recipients": recipients,
        "cipher": receipt.cipher.map(|it| it.name()),
        "digest": receipt.scheme.map(|it| it.digest().name()),
        "reasons": reasons,
        "outputs": outputs,
    })
}

/// `log`: one entry.
pub(crate) fn logged(recorded: &Recorded) -> Value {
    let activity = &recorded.activity;
    json!({
        "id": recorded.id,
        "actor": recorded.actor,
        "time": activity.time.to_string(),
        "direction": activity.direction.as_str(),
        "operation": activity.operation.as_str(),
        "outcome": activity.outcome.as_str(),
        "code": activity.code,
        "message_id": activity.message_id,
        "from": activity.from,
        "to": activity.to,
        "certificates": activity.certificates.iter().map(hex).collect::<Vec<_>>(),
        "algorithms": activity.algorithms,
        "detail": activity.detail,
    })
}

/// `cms show`: the structure of an object.
pub(crate) fn summary(summary: &Summary) -> Value {
    let signers: Vec<Value> = summary
        .signers
        .iter()
        .map(|signer| {
            json!({
                "id": signer_id(&signer.id),
                "digest": signer.digest.to_string(),
                "signature": signer.signature.to_string(),
                "signed_attributes": signer.has_signed_attributes,
            })
        })
        .collect();
    json!({
        "type": summary.object_type.to_string(),
        "version": summary.version,
        "encoding": summary.encoding.name(),
        "length": summary.length,
        "content_type": summary.content_type.to_string(),
        "content_length": summary.content_length,
        "certificates": summary.certificates,
        "certificates_unreadable": summary.skipped_certificates,
        "signers": signers,
        "recipients": summary.recipients.iter().map(recipient_id).collect::<Vec<_>>(),
        "cipher": summary.cipher.map(|it| it.to_string()),
    })
}

fn signer_id(id: &SignerId) -> Value {
    match id {
        SignerId::IssuerSerial { issuer, serial } => issuer_serial(issuer, serial),
        SignerId::SubjectKeyId(id) => json!({"subject_key_id": hex(id)}),
    }
}

fn recipient_id(id: &RecipientId) -> Value {
    match id {
        RecipientId::IssuerSerial { issuer, serial } => issuer_serial(issuer, serial),
        RecipientId::SubjectKeyId(id) => json!({"subject_key_id": hex(id)}),
        _ => json!({"other": true}),
    }
}

fn issuer_serial(issuer: &[u8], serial: &[u8]) -> Value {
    let issuer = Name::from_der(issuer).map_or_else(|_| hex(issuer), |name| name.to_string());
    json!({"issuer": issuer, "serial": hex(serial)})
}

/// The certificates were held valid at the time that the signer claims.
const CLAIMED: &str = "claimed";
