use std::sync::atomic::{AtomicU64, Ordering};

use smime_crypto::{CryptoProvider as _, DigestAlgorithm, Error, Random, RustCrypto};

/// Bytes that look random and are the same in every run that asks for the same ones in one order.
#[derive(Debug)]
pub struct SeededRandom {
    seed: u64,
    blocks: AtomicU64,
}

/// A source of randomness that fails.
#[derive(Clone, Copy, Debug, Default)]
pub struct FailingRandom;

impl SeededRandom {
    /// Starts the sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            blocks: AtomicU64::new(0),
        }
    }
}

impl Random for SeededRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        for piece in out.chunks_mut(32) {
            let block = self.blocks.fetch_add(1, Ordering::Relaxed);
            let mut hasher = RustCrypto.hasher(DigestAlgorithm::Sha256);
            hasher.update(&self.seed.to_be_bytes());
            hasher.update(&block.to_be_bytes());
            for (to, from) in piece.iter_mut().zip(hasher.finish()) {
                *to = from;
            }
        }
        Ok(())
    }
}

impl Random for FailingRandom {
    fn fill(&self, _out: &mut [u8]) -> Result<(), Error> {
        Err(Error::NoRandomness)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence_and_another_seed_another() {
        let take = |seed| {
            let random = SeededRandom::new(seed);
            let mut out = [0; 100];
            random.fill(&mut out).unwrap();
            out
        };
        assert_eq!(take(1), take(1));
        assert_ne!(take(1), take(2));
        assert_ne!(take(1)[..32], take(1)[32..64]);
    }
}
