//! The program, run as its users run it: arguments in, exit code, JSON and files out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions
)] // tests fail by panicking

mod ca;
mod certificates;
mod cms;
mod delete;
mod export;
mod general;
mod import;
mod import_forms;
mod import_peers;
mod judge;
mod keys;
mod list;
mod open;
mod outgoing;
mod peers;
mod pins;
mod retry;
mod revocation;
mod seal;
mod settings;
mod store;
mod store_files;
mod trust;
mod world;
