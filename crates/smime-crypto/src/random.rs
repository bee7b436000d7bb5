use std::fmt::Debug;

use rsa::rand_core::{TryCryptoRng, TryRng};

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

/// The face of [`Random`] that the primitive crates know; a failure stays a failure.
pub(crate) struct CoreRandom<'a>(pub(crate) &'a dyn Random);

impl TryRng for CoreRandom<'_> {
    type Error = Error;

    fn try_next_u32(&mut self) -> Result<u32, Error> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Error> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.0.fill(out)
    }
}

impl TryCryptoRng for CoreRandom<'_> {}

/// A source that fails.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct NoRandom;

#[cfg(test)]
impl Random for NoRandom {
    fn fill(&self, _: &mut [u8]) -> Result<(), Error> {
        Err(Error::NoRandomness)
    }
}
