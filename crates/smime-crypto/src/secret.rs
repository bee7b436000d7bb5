use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::{Error, Random};

/// Bytes that are wiped when dropped, never printed, and compared in constant time.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes ownership of secret bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Draws `length` bytes.
    ///
    /// # Errors
    /// [`Error::NoRandomness`].
    pub fn filled(length: usize, random: &dyn Random) -> Result<Self, Error> {
        let mut bytes = Zeroizing::new(vec![0; length]);
        random.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Returns the bytes; whoever copies them must wipe the copy.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Returns the bytes, to be written over.
    pub(crate) fn expose_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// Clears the bits of the first byte that `mask` lacks.
    pub(crate) fn with_first_masked(mut self, mask: u8) -> Self {
        if let Some(first) = self.0.first_mut() {
            *first &= mask;
        }
        self
    }

    /// Overwrites this secret with `other` where `choice` is set, in constant time.
    ///
    /// Both must have one length; otherwise nothing changes.
    pub(crate) fn assign_if(&mut self, other: &Self, choice: subtle::Choice) {
        if self.0.len() == other.0.len() {
            for (own, new) in self.0.iter_mut().zip(other.0.iter()) {
                subtle::ConditionallySelectable::conditional_assign(own, new, choice);
            }
        }
    }
}

/// Overwrites bytes that were secret with zeros, which no optimiser leaves out.
pub fn wipe(bytes: &mut [u8]) {
    bytes.zeroize();
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes.to_vec())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl Zeroize for Secret {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
