use std::fmt::Debug;

use crate::Error;

/// Where unpredictable bytes come from; an argument everywhere, so that tests can repeat a run.
pub trait Random: Debug + Send + Sync {
    /// Fills `out` with unpredictable bytes.
    ///
    /// # Errors
    /// [`Error::NoRandomness`] when the source fails; `out` must then not be used.
    fn fill(&self, out: &mut [u8]) -> Result<(), Error>;
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        getrandom::fill(out).map_err(|_| Error::NoRandomness)
    }
}
