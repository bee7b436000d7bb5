use std::path::Path;

use serde_json::{Value, json};
use smime::store::{Embedded, Error, StoreKeyKind, StoreSummary};

use crate::{
    args::{Global, NewStoreKey, Store},
    context::{Context, store_path},
    failure::{Failure, Judgement, Kind},
    progress::Progress,
    report::Report,
    store_key::{Opener, Place},
};

pub(crate) fn run(global: &Global, command: &Store, report: &Report) -> Result<Judgement, Failure> {
    match command {
        Store::Show => show(global, report),
        Store::Protect { key_file } => protect(global, key_file.as_deref(), report),
        Store::Rotate(new) => rotate(global, new, report),
    }
}

fn show(global: &Global, report: &Report) -> Result<Judgement, Failure> {
    let mut context = Context::with_store(global)?;
    let path = store_path(global)?;
    let summary = embedded(&mut context)?.summary()?;
    report.result(&value(&path, &summary), || words(&path, &summary));
    Ok(Judgement::Good)
}

fn protect(
    global: &Global,
    key_file: Option<&Path>,
    report: &Report,
) -> Result<Judgement, Failure> {
    // Before a key file is made, or anybody asked, for nothing.
    let existing = match store_path(global)?.exists() {
        true => Some(Context::with_store(global)?),
        false => None,
    };
    if let Some(context) = &existing
        && context.store.store_key_kind()?.is_some()
    {
        return Err(Error::HasStoreKey.into());
    }
    let options = &global.store_key;
    let passphrase =
        options.store_passphrase_file.is_some() || options.store_passphrase_env.is_some();
    // The parser does not see it where one of them stands before the command.
    if key_file.is_some() && passphrase {
        let detail = "a key file or a passphrase opens the store key, not both";
        return Err(Failure::new(Kind::Usage, "usage", detail));
    }
    let opener = match key_file.or(options.store_key_file.as_deref()) {
        Some(path) => Opener::of_new_file(path)?,
        None => Opener::new_passphrase(
            options.store_passphrase_file.as_deref(),
            options.store_passphrase_env.as_deref(),
        )?,
    };
    let mut context = match existing {
        Some(context) => context,
        None => Context::with_new_store(global)?,
    };
    let (random, now) = (context.random, context.now());
    let store = embedded(&mut context)?;
    let keys = store.protect(opener.source(), &random, now)?;
    compact(store, report);
    done("protected", opener.source().kind(), keys, report);
    Ok(Judgement::Good)
}

fn rotate(global: &Global, new: &NewStoreKey, report: &Report) -> Result<Judgement, Failure> {
    let mut context = Context::with_store(global)?;
    let (random, now) = (context.random, context.now());
    let store = embedded(&mut context)?;
    if store.store_key_kind()?.is_none() {
        return Err(Error::NoStoreKey.into());
    }
    let old = Opener::given_or_asked(global)?;
    // Before a new key file is made for nothing.
    store.unlock(old.source())?;
    let opener = match &new.new_key_file {
        Some(path) => Opener::of_new_file(path)?,
        None => Opener::new_passphrase(
            new.new_passphrase_file.as_deref(),
            new.new_passphrase_env.as_deref(),
        )?,
    };
    let keys = store.rotate(old.source(), opener.source(), &random, now)?;
    compact(store, report);
    done("rotated", opener.source().kind(), keys, report);
    Ok(Judgement::Good)
}

/// Takes what was there before out of the file. The store is protected all the same if that fails.
fn compact(store: &mut Embedded, report: &Report) {
    let _progress = Progress::of("compacting", report);
    if let Err(error) = store.compact() {
        report.remark("the file still holds what was there before");
        report.remark_on(&error.into());
    }
}

fn embedded(context: &mut Context) -> Result<&mut Embedded, Failure> {
    match &mut context.store {
        Place::Embedded(store) => Ok(store),
        // Nobody opens these commands without a file.
        Place::Memory(_) => Err(Error::NoStoreKey.into()),
    }
}

fn done(outcome: &str, kind: StoreKeyKind, keys: u64, report: &Report) {
    let value = json!({"outcome": outcome, "store_key": kind.as_str(), "keys": keys});
    report.result(&value, || {
        let by = opened_by(kind);
        format!("private keys sealed under a new store key, which {by} opens: {keys}")
    });
}

fn value(path: &Path, summary: &StoreSummary) -> Value {
    json!({
        "path": path.display().to_string(),
        "layout": summary.layout,
        "certificates": summary.certificates,
        "anchors": summary.anchors,
        "keys": summary.keys,
        "crls": summary.crls,
        "kept": summary.kept,
        "log": summary.activities,
        "store_key": summary.store_key.map(StoreKeyKind::as_str),
    })
}

fn words(path: &Path, summary: &StoreSummary) -> String {
    let keys = match summary.store_key {
        Some(kind) => format!("sealed under a store key, which {} opens", opened_by(kind)),
        None => "each under its own passphrase, without a store key".to_owned(),
    };
    [
        format!("store         {}", path.display()),
        format!("layout        {}", summary.layout),
        format!(
            "certificates  {}, trusted {}",
            summary.certificates, summary.anchors
        ),
        format!("private keys  {}, {keys}", summary.keys),
        format!("CRLs          {}", summary.crls),
        format!("kept mail     {}", summary.kept),
        format!("log           {} entries", summary.activities),
    ]
    .join("\n")
}

fn opened_by(kind: StoreKeyKind) -> &'static str {
    match kind {
        StoreKeyKind::Passphrase => "a passphrase",
        StoreKeyKind::KeyFile => "a key file",
    }
}
