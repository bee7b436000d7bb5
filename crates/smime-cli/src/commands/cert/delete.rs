use std::collections::BTreeSet;

use serde_json::json;
use smime::store::{Activity, Change, KeysOfDeleted, Operation, StoredCertificate, public_key_id};

use super::{list::whose, pin};
use crate::{
    args::{CertDelete, Global},
    context::Context,
    failure::{Failure, Judgement},
    fingerprint, json,
    report::{Report, printable},
};

/// Deletes certificates of the store: all that are named or none.
pub(super) fn run(
    global: &Global,
    command: &CertDelete,
    report: &Report,
) -> Result<Judgement, Failure> {
    let context = Context::with_store(global)?;
    let found = fingerprint::find(&*context.store, &command.fingerprints)?;
    let fingerprints: Vec<_> = found
        .iter()
        .map(|it| it.certificate.fingerprint())
        .collect();
    let keys = if command.with_key {
        KeysOfDeleted::Go
    } else {
        KeysOfDeleted::Stay
    };
    let change = Change::DeleteCertificates {
        fingerprints: &fingerprints,
        keys,
    };
    let changed = context.store.change(&change, &|changed| {
        let detail = format!(
            "certificates deleted: {}, private keys deleted: {}",
            fingerprints.len(),
            changed.keys.len()
        );
        Some(Activity {
            certificates: fingerprints.clone(),
            ..context.activity(Operation::Delete, "delete.certificate", detail)
        })
    })?;
    let gone = changed.keys;
    for stored in &found {
        let certificate = &stored.certificate;
        let key_deleted = gone.contains(&public_key_id(certificate.public_key()));
        let value = json!({
            "sha256": json::hex(certificate.fingerprint()),
            "outcome": "deleted",
            "key_deleted": key_deleted,
        });
        report.result(&value, || {
            let start = fingerprint::short(&certificate.fingerprint());
            let key = if key_deleted { " and its key" } else { "" };
            format!("deleted {start}{key}  {}", printable(&whose(certificate)))
        });
    }
    remark_on_keys(&context, &found, &gone, report)?;
    pin::remark_on_empty(&context, &found, report)?;
    Ok(Judgement::Good)
}

/// Says which keys of deleted certificates are still there though they may not be meant to be.
fn remark_on_keys(
    context: &Context,
    deleted: &[StoredCertificate],
    gone: &[[u8; 32]],
    report: &Report,
) -> Result<(), Failure> {
    let with_key = deleted.iter().filter(|it| it.has_key);
    let keys: BTreeSet<_> = with_key
        .map(|it| public_key_id(it.certificate.public_key()))
        .filter(|id| !gone.contains(id))
        .collect();
    for id in &keys {
        let key = fingerprint::short(id);
        let others = context.store.by_public_key(id)?;
        report.remark(&match others.first() {
            None => format!(
                "private key {key} has no certificate now; smime key delete {key} deletes it"
            ),
            Some(other) => format!(
                "private key {key} stays, also for {}",
                fingerprint::short(&other.certificate.fingerprint())
            ),
        });
    }
    Ok(())
}
