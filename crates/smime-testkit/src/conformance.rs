#![expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment what must be there"
)]

use std::{
    env,
    path::{Path, PathBuf},
};

/// Returns the folder of one conformance suite.
///
/// Suites are looked for in the folder that `SMIME_CONFORMANCE` names, or else beside the
/// workspace. Where one is missing, a line is printed and the test passes without it.
///
/// # Panics
/// When it is missing and `SMIME_REQUIRE_ALL=1`.
pub fn suite(name: &str) -> Option<PathBuf> {
    let path = conformance_root().join(name);
    if path.is_dir() {
        Some(path)
    } else {
        missing(&format!("conformance suite {}", path.display()))
    }
}

/// Returns the folder that holds the conformance suites, whether it is there or not.
pub fn conformance_root() -> PathBuf {
    match env::var("SMIME_CONFORMANCE") {
        Ok(path) if !path.is_empty() => path.into(),
        _ => workspace_root().join("../shared/conformance"),
    }
}

/// Returns where a program is on the search path.
///
/// # Panics
/// When it is missing and `SMIME_REQUIRE_ALL=1`.
pub fn peer(program: &str) -> Option<PathBuf> {
    let places = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&places)
        .map(|place| place.join(program))
        .find(|path| path.is_file());
    found.or_else(|| missing(&format!("program {program}")))
}

/// Returns the folder of the workspace.
pub(crate) fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn missing(what: &str) -> Option<PathBuf> {
    let required = env::var("SMIME_REQUIRE_ALL").is_ok_and(|value| value == "1");
    assert!(!required, "{what} missing");
    println!("skipped: {what} missing");
    None
}
