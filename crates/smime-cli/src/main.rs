//! The program `smime`: seal, open and judge S/MIME mail.
//!
//! It does not send or fetch mail and asks no network. Everything it does is reachable from the
//! library `smime`; here are arguments, files, words for people, and exit codes.

mod args;
mod commands;
mod context;
mod failure;
mod fingerprint;
mod input;
mod json;
mod messages;
mod output;
mod paths;
mod pem;
mod progress;
mod report;
mod store_key;
mod table;

use std::process::ExitCode;

use clap::Parser;

use crate::{args::Args, report::Report};

fn main() -> ExitCode {
    let args = Args::parse();
    let report = Report::new(&args.global);
    match commands::run(&args, &report) {
        Ok(verdict) => verdict.exit_code(),
        Err(failure) => {
            report.failure(&failure);
            failure.exit_code()
        }
    }
}
