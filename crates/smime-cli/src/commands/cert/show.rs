use std::{ops::ControlFlow, path::Path};

use serde_json::Value;
use smime::x509::Certificate;

use super::{list::Query, pin::Pins};
use crate::{
    args::Global,
    context::Context,
    failure::{Failure, Judgement, Kind},
    input, json,
    report::{Report, printable},
};

/// Shows a file's certificates; of the store, when there is no such file.
pub(super) fn run(global: &Global, target: &str, report: &Report) -> Result<Judgement, Failure> {
    let path = Path::new(target);
    let print = |value: &Value| report.result(value, || words(value));
    if target == "-" || path.exists() {
        let show = |certificate: &Certificate| print(&json::certificate(certificate));
        input::each_certificate(path, report, show)?;
        return Ok(Judgement::Good);
    }
    let context = match Context::with_store(global) {
        // What is not there is more likely a file than a store.
        Err(failure) if failure.code == "store.absent" && !is_query(target) => {
            let detail = format!("{target}: no such file, and no store to look in");
            return Err(Failure::new(Kind::Input, "input.not_found", detail));
        }
        context => context?,
    };
    let pins = Pins::of(&*context.store)?;
    let (query, mut found) = (Query::new(target), false);
    context.store.visit_certificates(&mut |stored| {
        if query.matches(&stored.certificate) {
            found = true;
            print(&json::stored(
                &stored,
                context.now(),
                &pins.addresses(&stored),
            ));
        }
        ControlFlow::Continue(())
    })?;
    if found {
        return Ok(Judgement::Good);
    }
    let detail = format!("{target} is neither a file nor in the store");
    Err(Failure::new(Kind::Input, "input.not_found", detail))
}

/// Says whether a text asks for certificates of the store and hardly names a file: an address, or
/// the start of a fingerprint.
fn is_query(target: &str) -> bool {
    let is_hex = target.bytes().all(|byte| byte.is_ascii_hexdigit());
    target.contains('@') || (is_hex && target.len() >= FINGERPRINT_START)
}

/// Hexadecimal digits that nobody types who means something else.
const FINGERPRINT_START: usize = 8;

/// One line for each thing that is there; several of a kind below each other.
fn words(value: &Value) -> String {
    let mut lines = Vec::new();
    for (label, field, tell) in LINES {
        let field = value.get(*field).unwrap_or(&Value::Null);
        let told: Vec<_> = match field {
            Value::Array(elements) => elements.iter().map(tell).collect(),
            field => vec![tell(field)],
        };
        let mut label = *label;
        for told in told.iter().filter(|told| !told.is_empty()) {
            lines.push(format!("{label:20} {}", printable(told)));
            label = "";
        }
    }
    lines.join("\n") + "\n"
}

/// What is told of a field, or of each of its elements; nothing when it is empty.
type Tell = fn(&Value) -> String;

const LINES: &[(&str, &str, Tell)] = &[
    ("Subject", "subject", text),
    ("Addresses", "emails", text),
    ("Issuer", "issuer", text),
    ("Serial number", "serial", text),
    ("Valid from", "not_before", text),
    ("Valid until", "not_after", text),
    ("Key", "public_key", key),
    ("Signature", "signature", text),
    ("Authority", "ca", yes),
    ("Path length", "path_length", text),
    ("Key usage", "key_usage", text),
    ("Extended key usage", "extended_key_usage", text),
    ("Alternative names", "subject_alt_names", name),
    ("Policies", "policies", named),
    ("Name constraints", "name_constraints", constraints),
    ("Issuer information", "authority_info_access", access),
    ("CRLs", "crl_distribution_points", point),
    ("Capabilities", "smime_capabilities", text),
    ("Statements", "qc_statements", statement),
    ("Logged", "certificate_timestamps", timestamp),
    ("Extensions", "extensions", extension),
    ("Key identifier", "subject_key_id", text),
    ("Issuer's key", "authority_key_id", text),
    ("SHA-256", "sha256", text),
    ("SHA-1", "sha1", text),
    ("Private key", "has_key", yes),
    ("Trust", "trust", text),
    ("Usable for", "usable_for", text),
];

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn field(value: &Value, name: &str) -> String {
    text(value.get(name).unwrap_or(&Value::Null))
}

/// Tells every element of a field in one line.
fn joined(value: &Value, field: &str, tell: Tell) -> String {
    let elements = value.get(field).and_then(Value::as_array);
    let told: Vec<_> = elements.into_iter().flatten().map(tell).collect();
    told.join(", ")
}

fn key(value: &Value) -> String {
    match field(value, "bits").as_str() {
        "0" => field(value, "algorithm"),
        bits => format!("{}, {bits} bits", field(value, "algorithm")),
    }
}

fn yes(value: &Value) -> String {
    match value.as_bool() {
        Some(true) => "yes".to_owned(),
        _ => String::new(),
    }
}

fn name(value: &Value) -> String {
    format!("{} {}", field(value, "type"), field(value, "value"))
}

fn named(value: &Value) -> String {
    match value.get("name") {
        Some(Value::String(name)) => format!("{name} ({})", field(value, "oid")),
        _ => field(value, "oid"),
    }
}

fn constraints(value: &Value) -> String {
    let (permitted, excluded) = (
        joined(value, "permitted", name),
        joined(value, "excluded", name),
    );
    match (permitted.as_str(), excluded.as_str()) {
        ("", "") => String::new(),
        (permitted, "") => format!("only {permitted}"),
        ("", excluded) => format!("not {excluded}"),
        (permitted, excluded) => format!("only {permitted}; not {excluded}"),
    }
}

fn access(value: &Value) -> String {
    let place = value.get("name").map(name).unwrap_or_default();
    format!("{} {place}", field(value, "method"))
}

fn point(value: &Value) -> String {
    let issuer = joined(value, "crl_issuer", name);
    match issuer.as_str() {
        "" => joined(value, "names", name),
        issuer => format!("{} by {issuer}", joined(value, "names", name)),
    }
}

fn statement(value: &Value) -> String {
    let details = joined(value, "details", text);
    format!("{} {details}", named(value)).trim_end().to_owned()
}

fn timestamp(value: &Value) -> String {
    format!("{} by {}", field(value, "time"), field(value, "log"))
}

fn extension(value: &Value) -> String {
    let critical = value.get("critical").and_then(Value::as_bool) == Some(true);
    let mark = if critical { ", critical" } else { "" };
    match value.get("name") {
        Some(Value::String(name)) => format!("{name}{mark}"),
        _ => format!("{}{mark}", field(value, "oid")),
    }
}
