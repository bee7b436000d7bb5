use std::{collections::BTreeSet, path::Path};

use serde_json::{Value, json};
use smime::{
    crypto::{ProtectedKey, Secret, read_private_key},
    store::{
        Activity, Addition, Arrivals, Change, KeyAtRest, Operation, Outcome, import_key,
        public_key_id,
    },
};

use super::arrived;
use crate::{
    args::{Global, Key, KeyExport},
    context::{self, Context, new_passphrase},
    failure::{Failure, Judgement, Kind},
    fingerprint::{self, FingerprintStart},
    input, json,
    output::Output,
    pem::{self, Label},
    report::Report,
};

pub(crate) fn run(global: &Global, command: &Key, report: &Report) -> Result<Judgement, Failure> {
    match command {
        Key::Import { file } => import(global, file, report),
        Key::Export(command) => export(global, command, report),
        Key::Delete { fingerprint } => delete(global, fingerprint, report),
    }
}

fn import(global: &Global, file: &Path, report: &Report) -> Result<Judgement, Failure> {
    let bytes = Secret::new(input::bytes(file)?);
    let mut context = Context::with_store(global)?;
    context.require_keys(global)?;
    // Without a passphrase, a key that has none rests under the store key alone.
    let is_plain = || read_private_key(bytes.expose(), None).is_ok();
    let passphrase = match context.may_lack_passphrase() && is_plain() {
        true => None,
        false => Some(context.take_passphrase()?),
    };
    let outcome = import_key(
        &*context.store,
        context.provider,
        bytes.expose(),
        passphrase.as_ref(),
        passphrase.as_ref(),
        context.random(),
        context.now(),
    )?;
    let (word, code) = match outcome.addition {
        Addition::Added => ("added", "import.added"),
        Addition::AlreadyThere { .. } => ("already_there", "import.key_taken"),
    };
    let certificates = &outcome.certificates;
    let mut arrivals = Arrivals::default();
    certificates
        .iter()
        .for_each(|one| arrivals.add_certificate(*one));
    let mut value = value(word, code, &outcome.public_key_id, certificates);
    arrived::retry_kept(&context, &arrivals, &mut value, report)?;
    report.result(&value, || match outcome.addition {
        Addition::Added => format!("key added, for certificates: {}", certificates.len()),
        Addition::AlreadyThere { since } => {
            format!("key there since {since}, as it came then")
        }
    });
    Ok(Judgement::Good)
}

/// Writes a key under the passphrase that it has in the store, or a new one if it has none there.
fn export(global: &Global, command: &KeyExport, report: &Report) -> Result<Judgement, Failure> {
    if !command.private_key {
        let detail = "this lets a private key out of the store: --private-key says it is meant to";
        return Err(Failure::new(Kind::Usage, "key.not_meant", detail));
    }
    let mut context = Context::with_store(global)?;
    let key = StoredKey::find(&context, &command.fingerprint)?;
    context.require_keys(global)?;
    let (protected, whose) = match context.store.key(&key.id)?.ok_or_else(no_key)? {
        KeyAtRest::Protected(key) => (key, "that it has in the store"),
        KeyAtRest::Plain(pkcs8) => {
            let passphrase = new_passphrase(global)?;
            let protected = ProtectedKey::protect(&pkcs8, &passphrase, context.random())?;
            (protected, "given, for it has none in the store")
        }
    };
    let inputs = context::inputs(global)?;
    let inputs: Vec<&Path> = inputs.iter().map(AsRef::as_ref).collect();
    // Never over a file, nor over a terminal, which is one; for its owner alone where files have
    // modes.
    let mut output = Output::new_file(&command.output, &inputs)?;
    pem::write(&mut output, Label::ProtectedKey, protected.der())?;
    let activity = key.activity(&context, Operation::Export, EXPORTED);
    // First: no key is out of which the log says nothing, wherever the program ends.
    context.store.record(&activity)?;
    if let Err(failure) = output.keep() {
        context.store.record(&Activity {
            outcome: Outcome::Failed,
            code: failure.code.clone(),
            detail: "private key not exported after all".to_owned(),
            ..activity
        })?;
        return Err(failure);
    }
    let mut value = key.value("exported", EXPORTED);
    if let Some(fields) = value.as_object_mut() {
        let file = command.output.display().to_string();
        fields.insert("file".to_owned(), file.into());
    }
    report.result(&value, || {
        let file = command.output.display();
        format!("private key in {file}, under the passphrase {whose}")
    });
    Ok(Judgement::Good)
}

fn delete(
    global: &Global,
    fingerprint: &FingerprintStart,
    report: &Report,
) -> Result<Judgement, Failure> {
    let context = Context::with_store(global)?;
    let key = StoredKey::find(&context, fingerprint)?;
    let entry = key.activity(&context, Operation::Delete, DELETED);
    context.change(&Change::DeleteKey(&key.id), &entry)?;
    report.result(&key.value("deleted", DELETED), || {
        let certificates = key.certificates.len();
        format!("private key deleted, certificates that had it: {certificates}")
    });
    Ok(Judgement::Good)
}

/// A private key of the store.
struct StoredKey {
    /// The SHA-256 of its public key.
    id: [u8; 32],
    /// The SHA-256 of every certificate of it.
    certificates: Vec<[u8; 32]>,
}

impl StoredKey {
    /// Finds the key of a certificate; also by the SHA-256 of its public key, for a certificate can
    /// be deleted before its key.
    fn find(context: &Context, name: &FingerprintStart) -> Result<Self, Failure> {
        let store = &*context.store;
        let mut ids = BTreeSet::new();
        for stored in fingerprint::matching(store, std::slice::from_ref(name))?.concat() {
            ids.insert(public_key_id(stored.certificate.public_key()));
        }
        ids.extend(
            store
                .key_ids()?
                .into_iter()
                .filter(|id| name.is_start_of(id)),
        );
        let id = ids.pop_first().ok_or_else(|| name.unknown())?;
        if !ids.is_empty() {
            return Err(name.ambiguous());
        }
        if !store.has_key(&id)? {
            return Err(no_key());
        }
        let certificates = store.by_public_key(&id)?;
        let certificates = certificates.iter().map(|it| it.certificate.fingerprint());
        Ok(Self {
            id,
            certificates: certificates.collect(),
        })
    }

    fn value(&self, outcome: &str, code: &str) -> Value {
        value(outcome, code, &self.id, &self.certificates)
    }

    fn activity(&self, context: &Context, operation: Operation, code: &str) -> Activity {
        let detail = format!("private key of public key {}", json::hex(self.id));
        Activity {
            certificates: self.certificates.clone(),
            ..context.activity(operation, code, detail)
        }
    }
}

/// What happened to a key, for scripts.
fn value(outcome: &str, code: &str, public_key_id: &[u8; 32], certificates: &[[u8; 32]]) -> Value {
    json!({
        "kind": "key",
        "outcome": outcome,
        "code": code,
        "public_key": json::hex(public_key_id),
        "certificates": certificates.iter().map(json::hex).collect::<Vec<_>>(),
    })
}

fn no_key() -> Failure {
    let detail = "the store has no private key of that certificate";
    Failure::new(Kind::Input, "store.no_key", detail)
}

const EXPORTED: &str = "export.key";

const DELETED: &str = "delete.key";
