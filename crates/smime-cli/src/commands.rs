//! One file for each group of commands.

mod arrived;
mod ca;
mod cert;
mod cms;
mod csr;
mod demo;
mod group;
mod key;
mod log;
mod manual;
mod open;
mod options;
mod peer;
mod retry;
mod seal;
mod settings;
mod store;

use crate::{
    args::{Args, Command},
    failure::{Failure, Judgement},
    report::Report,
};

/// Runs the command asked for.
pub(crate) fn run(args: &Args, report: &Report) -> Result<Judgement, Failure> {
    let global = &args.global;
    match &args.command {
        Command::Demo { dir } => demo::run(global, dir.as_deref(), report),
        Command::Cert(command) => cert::run(global, command, report),
        Command::Ca(command) => ca::run(global, command, report),
        Command::Csr(command) => csr::run(global, command, report),
        Command::Key(command) => key::run(global, command, report),
        Command::Store(command) => store::run(global, command, report),
        Command::Group(command) => group::run(global, command, report),
        Command::Options(options) => options::run(global, options, report),
        Command::Seal(seal) => seal::run(global, seal, report),
        Command::Open(open) => open::run(global, open, report),
        Command::Retry(retry) => retry::run(global, retry, report),
        Command::Peer(command) => peer::run(global, command, report),
        Command::Cms(command) => cms::run(global, command, report),
        Command::Log(log) => log::run(global, log, report),
        Command::Settings(settings) => settings::run(global, settings, report),
        Command::Completions { shell } => manual::completions(*shell, report),
        Command::Man { dir } => manual::pages(dir, report),
    }
}
