use serde_json::json;
use smime::{
    store::{Activity, Change, Operation, Pin, Store, StoredCertificate},
    x509::EmailAddress,
};

use crate::{
    args::Global,
    context::Context,
    failure::{Failure, Judgement, Kind},
    fingerprint::{self, FingerprintStart},
    json,
    report::{Report, printable},
};

/// Pins certificates of an address: all that are named or none.
pub(super) fn pin(
    global: &Global,
    address: &EmailAddress,
    names: &[FingerprintStart],
    report: &Report,
) -> Result<Judgement, Failure> {
    let context = Context::with_store(global)?;
    let found = fingerprint::find(&*context.store, names)?;
    let fingerprints: Vec<_> = found
        .iter()
        .map(|it| it.certificate.fingerprint())
        .collect();
    let change = Change::Pins {
        address,
        fingerprints: Some(&fingerprints),
    };
    let entry = Activity {
        certificates: fingerprints.clone(),
        ..context.activity(Operation::Pin, "pin.set", address.to_string())
    };
    context.change(&change, &entry)?;
    let pinned: Vec<_> = fingerprints.iter().map(json::hex).collect();
    let value = json!({"address": address.as_str(), "outcome": "pinned", "pinned": pinned});
    report.result(&value, || {
        let starts: Vec<_> = fingerprints.iter().map(fingerprint::short).collect();
        format!(
            "pinned: {}  {}",
            printable(address.as_str()),
            starts.join(", ")
        )
    });
    Ok(Judgement::Good)
}

/// Unpins an address.
pub(super) fn unpin(
    global: &Global,
    address: &EmailAddress,
    report: &Report,
) -> Result<Judgement, Failure> {
    let context = Context::with_store(global)?;
    let Some(fingerprints) = context.store.pins(address)? else {
        let detail = format!("nothing pinned for {address}");
        return Err(Failure::new(Kind::Input, "pin.none", detail));
    };
    let change = Change::Pins {
        address,
        fingerprints: None,
    };
    let entry = Activity {
        certificates: fingerprints,
        ..context.activity(Operation::Pin, "pin.deleted", address.to_string())
    };
    context.change(&change, &entry)?;
    let value = json!({"address": address.as_str(), "outcome": "unpinned"});
    report.result(&value, || {
        format!("unpinned: {}", printable(address.as_str()))
    });
    Ok(Judgement::Good)
}

/// Which certificates of a store are pinned, and for whom.
#[derive(Debug)]
pub(super) struct Pins(Vec<Pin>);

impl Pins {
    pub(super) fn of(store: &dyn Store) -> Result<Self, Failure> {
        Ok(Self(store.all_pins()?))
    }

    /// Returns the addresses that a certificate is pinned for.
    pub(super) fn addresses(&self, stored: &StoredCertificate) -> Vec<&str> {
        let fingerprint = stored.certificate.fingerprint();
        let pins = self.0.iter();
        let pins = pins.filter(|pin| pin.certificates.contains(&fingerprint));
        pins.map(|pin| pin.address.as_str()).collect()
    }
}

/// Says to whom nothing can be encrypted any longer because all that was pinned is deleted.
pub(super) fn remark_on_empty(
    context: &Context,
    deleted: &[StoredCertificate],
    report: &Report,
) -> Result<(), Failure> {
    let emails = deleted.iter().flat_map(|it| it.certificate.emails());
    let mut told: Vec<&EmailAddress> = Vec::new();
    for address in emails {
        let is_empty = context.store.pins(address)?.is_some_and(|it| it.is_empty());
        if is_empty && !told.contains(&address) {
            told.push(address);
            report.remark(&format!(
                "nothing pinned for {0} is left, so nothing can be encrypted to it: \
                 smime cert unpin {0}",
                printable(address.as_str())
            ));
        }
    }
    Ok(())
}
