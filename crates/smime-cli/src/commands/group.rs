use serde_json::{Value, json};
use smime::store::{Binding, Change, Defaults, Level, Operation, Scope};

use crate::{
    args::{Global, Group},
    context::Context,
    failure::{Failure, Judgement, Kind},
    report::Report,
};

pub(crate) fn run(global: &Global, group: &Group, report: &Report) -> Result<Judgement, Failure> {
    let context = Context::with_store(global)?;
    match group {
        Group::Set(command) => {
            let before = context.store.defaults(&command.name)?;
            let defaults = command.after(before.unwrap_or(Defaults::STANDARD));
            let words = words(&command.name, &defaults);
            set(
                &context,
                &command.name,
                Some(&defaults),
                "defaults.set",
                &words,
            )?;
            report.result(&value(&command.name, &defaults), || words);
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
            set(&context, name, None, "defaults.deleted", &name.to_string())?;
            let value = json!({"name": name.to_string(), "outcome": "deleted"});
            report.result(&value, || format!("deleted: {name}"));
        }
    }
    Ok(Judgement::Good)
}

fn set(
    context: &Context,
    scope: &Scope,
    defaults: Option<&Defaults>,
    code: &str,
    detail: &str,
) -> Result<(), Failure> {
    let entry = context.activity(Operation::Defaults, code, detail.to_owned());
    context.change(&Change::Defaults { scope, defaults }, &entry)?;
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
