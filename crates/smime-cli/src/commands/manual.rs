//! What is made of the definitions of the arguments: completions and manual pages.

use std::{fs, path::Path};

use clap::CommandFactory as _;
use clap_complete::Shell;
use serde_json::json;

use crate::{
    args::Args,
    failure::{Failure, Judgement, Kind},
    report::Report,
};

pub(crate) fn completions(shell: Shell, report: &Report) -> Result<Judgement, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "smime", &mut script);
    let script = String::from_utf8_lossy(&script);
    let value = json!({"shell": shell.to_string(), "script": script});
    report.result(&value, || script.trim_end().to_owned());
    Ok(Judgement::Good)
}

pub(crate) fn pages(dir: &Path, report: &Report) -> Result<Judgement, Failure> {
    let unwritable = |error: std::io::Error| {
        let detail = format!("{}: {error}", dir.display());
        Failure::new(Kind::Other, "output.unwritable", detail)
    };
    fs::create_dir_all(dir).map_err(unwritable)?;
    clap_mangen::generate_to(Args::command(), dir).map_err(unwritable)?;
    let value = json!({"directory": dir.display().to_string()});
    report.result(&value, || format!("manual pages are in {}", dir.display()));
    Ok(Judgement::Good)
}
