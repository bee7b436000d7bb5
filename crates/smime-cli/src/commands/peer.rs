use serde_json::{Value, json};
use smime::{
    Fate, Learned,
    cms::Capabilities,
    store::{self, Arrivals, Pin, Quarantined, Store},
    x509::Certificate,
};

use super::arrived;
use crate::{
    args::{Global, Peer},
    context::Context,
    failure::{Failure, Judgement, Kind},
    fingerprint::{self, FingerprintStart},
    json,
    report::{Report, printable},
    table::cell,
};

pub(crate) fn run(global: &Global, command: &Peer, report: &Report) -> Result<Judgement, Failure> {
    let mut context = Context::with_store(global)?;
    match command {
        Peer::List => list(&*context.store, report)?,
        Peer::Accept { fingerprints } => {
            context.offer_keys(global)?;
            for one in waiting(&*context.store, fingerprints)? {
                let fingerprint = one.certificate.fingerprint();
                context.engine().accept_quarantined(&fingerprint)?;
                let mut value = decision(&one, "accepted");
                let arrivals = arrivals_of(&one.certificate, &one.issuers);
                arrived::retry_kept(&context, &arrivals, &mut value, report)?;
                report.result(&value, || decision_words(&one, "accepted"));
            }
        }
        Peer::Reject { fingerprints } => {
            for one in waiting(&*context.store, fingerprints)? {
                let fingerprint = one.certificate.fingerprint();
                context.engine().reject_quarantined(&fingerprint)?;
                let value = decision(&one, "rejected");
                report.result(&value, || decision_words(&one, "rejected"));
            }
        }
    }
    Ok(Judgement::Good)
}

fn list(store: &dyn Store, report: &Report) -> Result<(), Failure> {
    for one in store.quarantined()? {
        report.result_with(|| waiting_value(&one), || waiting_words(&one));
    }
    for peer in store.peers()? {
        report.result_with(|| peer_value(&peer), || peer_words(&peer));
    }
    for pin in store.all_pins()? {
        report.result_with(|| pin_value(&pin), || pin_words(&pin));
    }
    Ok(())
}

/// Returns the certificates named that wait, each once, in the order of the names.
fn waiting(store: &dyn Store, names: &[FingerprintStart]) -> Result<Vec<Quarantined>, Failure> {
    let all = store.quarantined()?;
    let mut named: Vec<Quarantined> = Vec::new();
    for name in names {
        let is_named = |one: &&Quarantined| name.is_start_of(&one.certificate.fingerprint());
        let mut found = all.iter().filter(is_named);
        match (found.next(), found.next()) {
            (None, _) => {
                let detail = format!("no certificate that waits begins with {}", name.text());
                return Err(Failure::new(Kind::Input, "peer.not_quarantined", detail));
            }
            (Some(_), Some(_)) => return Err(name.ambiguous()),
            (Some(one), None) if named.contains(one) => {}
            (Some(one), None) => named.push(one.clone()),
        }
    }
    Ok(named)
}

/// Judges again the kept mail that certificates which a mail taught may help to judge.
pub(crate) fn retry_learned(
    context: &Context,
    learned: &[Learned],
    result: &mut Value,
    report: &Report,
) -> Result<(), Failure> {
    let mut arrivals = Arrivals::default();
    for one in learned.iter().filter(|it| it.fate == Fate::Accepted) {
        arrivals.add_all(&arrivals_of(&one.certificate, &one.issuers));
    }
    arrived::retry_kept(context, &arrivals, result, report)
}

fn arrivals_of(certificate: &Certificate, issuers: &[Certificate]) -> Arrivals {
    let mut arrivals = Arrivals::default();
    for one in [certificate].into_iter().chain(issuers) {
        arrivals.add_certificate(one.fingerprint());
    }
    arrivals
}

fn decision(one: &Quarantined, outcome: &str) -> Value {
    json!({
        "sha256": json::hex(one.certificate.fingerprint()),
        "address": one.address.as_str(),
        "outcome": outcome,
    })
}

fn decision_words(one: &Quarantined, outcome: &str) -> String {
    let start = fingerprint::short(&one.certificate.fingerprint());
    format!("{outcome} {start}  {}", printable(one.address.as_str()))
}

/// Says what a mail taught, for people; nothing of what they know already.
pub(crate) fn remark_learned(learned: &[Learned], report: &Report) {
    for one in learned {
        let start = fingerprint::short(&one.certificate.fingerprint());
        let whose = json::emails(&one.certificate).join(", ");
        let mut words = format!("{} {start}  {}", one.fate.as_str(), printable(&whose));
        if let Some(other) = one.differs_from.first() {
            words.push_str(&format!(", another key than {}", fingerprint::short(other)));
        }
        if matches!(one.fate, Fate::Quarantined | Fate::Waiting) {
            words.push_str(&format!(": smime peer accept {start}"));
        }
        report.remark(&words);
    }
}

/// Returns what a mail taught.
pub(crate) fn learned_value(learned: &[Learned]) -> Value {
    let one = |learned: &Learned| {
        json!({
            "sha256": json::hex(learned.certificate.fingerprint()),
            "outcome": learned.fate.as_str(),
            "code": learned.fate.code(),
            "emails": json::emails(&learned.certificate),
            "differs_from": hexes(&learned.differs_from),
        })
    };
    learned.iter().map(one).collect()
}

fn waiting_value(one: &Quarantined) -> Value {
    let certificate = &one.certificate;
    json!({
        "kind": "quarantined",
        "address": one.address.as_str(),
        "sha256": json::hex(certificate.fingerprint()),
        "subject": certificate.subject().to_string(),
        "issuer": certificate.issuer().to_string(),
        "not_before": certificate.not_before().to_string(),
        "not_after": certificate.not_after().to_string(),
        "emails": json::emails(certificate),
        "received": one.received.to_string(),
        "message_id": one.message_id,
        "differs_from": hexes(&one.differs_from),
    })
}

fn waiting_words(one: &Quarantined) -> String {
    let start = fingerprint::short(&one.certificate.fingerprint());
    let address = cell(one.address.as_str(), 36);
    let received = one.received.to_string();
    let mut words = format!("waits   {address}  {start}  {}", day(&received));
    if let Some(other) = one.differs_from.first() {
        words.push_str(&format!("  another key than {}", fingerprint::short(other)));
    }
    words
}

fn peer_value(peer: &store::Peer) -> Value {
    let announcement = &peer.announcement;
    json!({
        "kind": "capabilities",
        "address": peer.address,
        "ciphers": ciphers(peer),
        "signed": announcement.signed.map(|it| it.to_string()),
        "received": announcement.received.to_string(),
        "certificate": json::hex(announcement.certificate),
    })
}

fn peer_words(peer: &store::Peer) -> String {
    let (received, ciphers) = (peer.announcement.received.to_string(), ciphers(peer));
    let ciphers = match &*ciphers {
        [] => "none of our ciphers".to_owned(),
        ciphers => ciphers.join(", "),
    };
    let address = cell(&peer.address, 36);
    format!("reads   {address}  {ciphers}  {}", day(&received))
}

fn ciphers(peer: &store::Peer) -> Vec<&'static str> {
    let capabilities = Capabilities::from_der(&peer.announcement.capabilities).unwrap_or_default();
    capabilities.ciphers().iter().map(|it| it.name()).collect()
}

fn pin_value(pin: &Pin) -> Value {
    json!({
        "kind": "pin",
        "address": pin.address,
        "certificates": hexes(&pin.certificates),
    })
}

fn pin_words(pin: &Pin) -> String {
    let starts: Vec<_> = pin.certificates.iter().map(fingerprint::short).collect();
    let starts = match &*starts {
        [] => "nothing that is left".to_owned(),
        starts => starts.join(", "),
    };
    format!("pinned  {}  {starts}", cell(&pin.address, 36))
}

fn hexes(fingerprints: &[[u8; 32]]) -> Vec<String> {
    fingerprints.iter().map(json::hex).collect()
}

/// Returns the day of a time.
fn day(time: &str) -> &str {
    time.get(..10).unwrap_or(time)
}
