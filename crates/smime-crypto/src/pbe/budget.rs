use crate::{Error, pbe::MAX_SALT};

/// What opening a file under a passphrase may cost in all, however many things in it are protected;
/// the file can be anybody's.
///
/// It begins at 10 000 000 iterations of a digest or HMAC, and 4 GiB that scrypts fill, each at most
/// 256 MiB at a time. What is tried is paid for before any work, and whether it succeeds or not.
#[derive(Debug)]
pub struct Budget {
    iterations: u64,
    scrypt_bytes: u64,
}

impl Budget {
    /// Begins a budget, for one file.
    pub fn new() -> Self {
        Self {
            iterations: ITERATIONS,
            scrypt_bytes: SCRYPT_BYTES,
        }
    }

    /// Pays for one derivation over `salt`, whose iterations are done for each of `blocks` outputs
    /// of the digest; returns its iterations.
    pub(crate) fn iterations(
        &mut self,
        iterations: u64,
        blocks: u64,
        salt: &[u8],
    ) -> Result<u32, Error> {
        let cost = iterations.checked_mul(blocks);
        let left = cost.and_then(|cost| self.iterations.checked_sub(cost));
        let left = left.ok_or(TOO_COSTLY)?;
        if iterations == 0 || salt.len() > MAX_SALT {
            return Err(TOO_COSTLY);
        }
        self.iterations = left;
        u32::try_from(iterations).map_err(|_| TOO_COSTLY)
    }

    /// Pays for one scrypt: 128·r·N bytes of memory, filled p times (RFC 7914 §2, §6); returns
    /// the binary logarithm of N, and r and p.
    pub(crate) fn scrypt(
        &mut self,
        [n, r, p]: [u64; 3],
        salt: &[u8],
    ) -> Result<(u8, u32, u32), Error> {
        let memory = n.checked_mul(r).and_then(|blocks| blocks.checked_mul(128));
        let memory = memory.filter(|memory| *memory <= SCRYPT_MEMORY);
        let sound = n.is_power_of_two()
            && n >= 2
            && (1..=64).contains(&r)
            && (1..=16).contains(&p)
            && salt.len() <= MAX_SALT;
        if !sound {
            return Err(TOO_COSTLY);
        }
        let work = memory.and_then(|memory| memory.checked_mul(p));
        let left = work.and_then(|work| self.scrypt_bytes.checked_sub(work));
        self.scrypt_bytes = left.ok_or(TOO_COSTLY)?;
        let log_n = u8::try_from(n.ilog2()).map_err(|_| TOO_COSTLY)?;
        let r = u32::try_from(r).map_err(|_| TOO_COSTLY)?;
        let p = u32::try_from(p).map_err(|_| TOO_COSTLY)?;
        Ok((log_n, r, p))
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

/// Some seconds of work, and what RFC 8018 §4.2 names for critical keys.
const ITERATIONS: u64 = 10_000_000;
const SCRYPT_MEMORY: u64 = 256 * 1024 * 1024;
/// Filled 16 times, the largest memory permitted.
const SCRYPT_BYTES: u64 = 16 * SCRYPT_MEMORY;
const TOO_COSTLY: Error = Error::Unsupported("cost of the key's protection");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_once_for_the_whole_file() {
        let mut budget = Budget::new();
        assert_eq!(budget.iterations(9_999_999, 1, &[]), Ok(9_999_999));
        assert_eq!(budget.iterations(2, 1, &[]), Err(TOO_COSTLY));
        assert_eq!(budget.iterations(1, 1, &[]), Ok(1));
        assert_eq!(budget.iterations(1, 1, &[]), Err(TOO_COSTLY));
        assert_eq!(budget.scrypt([1 << 18, 8, 15], &[]), Ok((18, 8, 15)));
        assert_eq!(budget.scrypt([1 << 18, 8, 2], &[]), Err(TOO_COSTLY));
        assert_eq!(budget.scrypt([1 << 18, 8, 1], &[]), Ok((18, 8, 1)));
        assert_eq!(budget.scrypt([2, 1, 1], &[]), Err(TOO_COSTLY));
    }

    #[test]
    fn every_block_of_a_derivation_is_paid_for() {
        let mut budget = Budget::new();
        assert_eq!(budget.iterations(5_000_001, 2, &[]), Err(TOO_COSTLY));
        assert_eq!(budget.iterations(u64::MAX, 2, &[]), Err(TOO_COSTLY));
        assert_eq!(budget.iterations(3_333_333, 3, &[]), Ok(3_333_333));
        assert_eq!(budget.iterations(1, 2, &[]), Err(TOO_COSTLY));
        assert_eq!(budget.iterations(1, 1, &[]), Ok(1));
    }

    #[test]
    fn a_salt_longer_than_any_is_refused() {
        let salt = [0; MAX_SALT + 1];
        assert_eq!(Budget::new().iterations(1, 1, &salt), Err(TOO_COSTLY));
        assert_eq!(Budget::new().scrypt([2, 1, 1], &salt), Err(TOO_COSTLY));
    }
}
