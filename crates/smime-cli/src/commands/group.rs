use serde_json::{Value, json};
use smime::store::{Binding, Defaults, Level, Operation, Scope};

use crate::{
    args::{Global, Group},
    context::Context,
    failure::{Failure, Judgement, Kind},
    report::Report,
};

pub(crate) fn run(global: &Global, group: &Group, report: &Report) -> Result<Judgement, Failure> {
    let context = Context::with_store(global)?;
    match group {
        Group::Set(set) => {
            let before = context.store.defaults(&set.name)?;
            let defaults = set.after(before.unwrap_or(Defaults::STANDARD));
            context.store.set_defaults(&set.name, Some(&defaults))?;
            record(&context, "defaults.set", &words(&set.name, &defaults))?;
            report.result(&value(&set.name, &defaults), || words(&set.name, &defaults));
        }
        Group::List => {
            for (scope, defaults) in context.store.all_defaults()? {
                report.result(&value(&scope, &defaults), || words(&scope, &defaults));
            }
        }
        Group::Delete { name } => {
            if context.store.defaults(name)?.is_none() {
                let detail = format!("nothing set for {name}");
                return Err(Failure::new(Kind::Input, "defaults.none", detail));
            }
            context.store.set_defaults(name, None)?;
            record(&context, "defaults.deleted", &name.to_string())?;
            let value = json!({"name": name.to_string(), "outcome": "deleted"});
            report.result(&value, || format!("deleted: {name}"));
        }
    }
    Ok(Judgement::Good)
}

fn record(context: &Context, code: &str, detail: &str) -> Result<(), Failure> {
    let detail = detail.to_owned();
    context
        .store
        .record(&context.activity(Operation::Defaults, code, detail))?;
    Ok(())
}

fn value(scope: &Scope, defaults: &Defaults) -> Value {
    let kind = match scope {
        Scope::Group(_) => "group",
        Scope::Domain(_) => "domain",
        Scope::Address(_) => "address",
    };
    let level = |level: Level| {
        let mandatory = level.binding == Binding::Mandatory;
        json!({"mode": level.mode.as_str(), "mandatory": mandatory})
    };
    json!({
        "name": scope.to_string(),
        "kind": kind,
        "sign": level(defaults.sign),
        "encrypt": level(defaults.encrypt),
        "impossible": defaults.impossible.as_str(),
    })
}

fn words(scope: &Scope, defaults: &Defaults) -> String {
    let level = |level: Level| match level.binding {
        Binding::Default => level.mode.as_str().to_owned(),
        Binding::Mandatory => format!("{} (mandatory)", level.mode.as_str()),
    };
    format!(
        "{:24}  sign {:23}  encrypt {:23}  {}",
        scope.to_string(),
        level(defaults.sign),
        level(defaults.encrypt),
        defaults.impossible.as_str(),
    )
}
