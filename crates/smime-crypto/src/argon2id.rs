use std::collections::TryReserveError;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroizing;

use crate::{Error, Random, Secret};

/// How a passphrase becomes a key of 32 bytes: Argon2id, version 1.3 (RFC 9106 §3.1), with its cost
/// and its salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2id {
    /// In KiB.
    memory: u32,
    passes: u32,
    lanes: u32,
    salt: [u8; 16],
}

impl Argon2id {
    /// How many bytes [`to_bytes`](Self::to_bytes) returns.
    pub const LENGTH: usize = 28;

    /// Draws a salt; the cost is 64 MiB, 3 passes, 4 lanes (RFC 9106 §4, the second recommended
    /// option).
    ///
    /// # Errors
    /// [`Error::NoRandomness`].
    pub fn new(random: &dyn Random) -> Result<Self, Error> {
        let mut salt = [0; 16];
        random.fill(&mut salt)?;
        Ok(Self {
            memory: 64 * 1024,
            passes: 3,
            lanes: 4,
            salt,
        })
    }

    /// Reads what [`to_bytes`](Self::to_bytes) returned; anybody can have altered it, so the cost is
    /// bounded: 1 GiB, 16 passes, 16 lanes.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for what costs more, and for less memory than Argon2 works with.
    pub fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Result<Self, Error> {
        let [a, b, c, d, e, f, g, h, i, j, k, l, salt @ ..] = *bytes;
        let (memory, passes, lanes) = (
            u32::from_be_bytes([a, b, c, d]),
            u32::from_be_bytes([e, f, g, h]),
            u32::from_be_bytes([i, j, k, l]),
        );
        let bounded = memory <= MAX_MEMORY
            && (1..=MAX_PASSES).contains(&passes)
            && (1..=MAX_LANES).contains(&lanes)
            && memory >= 8 * lanes;
        if !bounded {
            return Err(COST);
        }
        Ok(Self {
            memory,
            passes,
            lanes,
            salt,
        })
    }

    /// Returns memory in KiB, passes and lanes, four bytes each and big-endian, and the salt of 16.
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        let fields = [self.memory, self.passes, self.lanes].map(u32::to_be_bytes);
        let fields = fields.iter().flatten().chain(&self.salt);
        bytes
            .iter_mut()
            .zip(fields)
            .for_each(|(to, from)| *to = *from);
        bytes
    }

    /// Derives the key of 32 bytes; takes as long as the cost says.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when there is not so much memory, or for a passphrase of 4 GiB.
    pub fn derive(&self, passphrase: &Secret) -> Result<Secret, Error> {
        derive(
            passphrase,
            &self.salt,
            [self.memory, self.passes, self.lanes],
        )
    }
}

fn derive(
    passphrase: &Secret,
    salt: &[u8],
    [memory, passes, lanes]: [u32; 3],
) -> Result<Secret, Error> {
    let params = Params::new(memory, passes, lanes, Some(KEY_LENGTH)).map_err(|_| COST)?;
    let mut blocks = blocks(params.block_count()).map_err(|_| MEMORY)?;
    let mut key = Secret::new(vec![0; KEY_LENGTH]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(
            passphrase.expose(),
            salt,
            key.expose_mut(),
            blocks.as_mut_slice(),
        )
        .map_err(|_| COST)?;
    Ok(key)
}

/// Memory that is wiped after use; that there is none is an error, not the end of the process.
fn blocks(count: usize) -> Result<Zeroizing<Vec<Block>>, TryReserveError> {
    let mut blocks = Vec::new();
    blocks.try_reserve_exact(count)?;
    blocks.resize(count, Block::default());
    Ok(Zeroizing::new(blocks))
}

const KEY_LENGTH: usize = 32;

/// In KiB: half of what RFC 9106 §4 recommends first, which is more than a small machine has.
const MAX_MEMORY: u32 = 1024 * 1024;
/// With the most memory, about a minute.
const MAX_PASSES: u32 = 16;
const MAX_LANES: u32 = 16;

const COST: Error = Error::Unsupported("cost of Argon2id");
const MEMORY: Error = Error::Unsupported("memory that Argon2id needs and is not there");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OsRandom, random::NoRandom};

    fn of_cost(memory: u32, passes: u32, lanes: u32) -> [u8; Argon2id::LENGTH] {
        let salt = std::array::from_fn(|at| u8::try_from(at).unwrap());
        Argon2id {
            memory,
            passes,
            lanes,
            salt,
        }
        .to_bytes()
    }

    fn hex(secret: &Secret) -> String {
        let bytes = secret.expose().iter();
        bytes.map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_vector_of_the_reference_implementation_holds() {
        let key = derive(&Secret::from(&b"password"[..]), b"somesalt", [65536, 2, 1]).unwrap();
        let vector = "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7";
        assert_eq!(hex(&key), vector);
    }

    #[test]
    fn keys_are_those_that_openssl_derives() {
        for (memory, passes, lanes, vector) in [
            (
                65536,
                3,
                4,
                "bd4ace85c295fb38d844e16771a9e43925282ac982c8656be55a2ef6cf20fd58",
            ),
            (
                64,
                1,
                4,
                "0a1b2bd35b567bf91d07072118cf57619f2dd4a300015404bdc6492802b70139",
            ),
            (
                128,
                16,
                16,
                "95af83f0fe47a7f1266395b66faf780a94bbf1993499d05133f01e709b4a0fbd",
            ),
        ] {
            let argon2id = Argon2id::from_bytes(&of_cost(memory, passes, lanes)).unwrap();
            let key = argon2id.derive(&Secret::from(&b"password"[..])).unwrap();
            assert_eq!(hex(&key), vector, "{memory} {passes} {lanes}");
        }
    }

    #[test]
    fn every_cost_beyond_its_bound_is_refused_before_any_work() {
        for (memory, passes, lanes) in [
            (0, 0, 0),
            (MAX_MEMORY + 1, 1, 1),
            (u32::MAX, 1, 1),
            (64, 0, 1),
            (64, MAX_PASSES + 1, 1),
            (64, u32::MAX, 1),
            (64, 1, 0),
            (1024, 1, MAX_LANES + 1),
            (1024, 1, u32::MAX),
            (7, 1, 1),
            (127, 1, 16),
        ] {
            let read = Argon2id::from_bytes(&of_cost(memory, passes, lanes));
            assert_eq!(read, Err(COST), "{memory} {passes} {lanes}");
        }
        let dearest = of_cost(MAX_MEMORY, MAX_PASSES, MAX_LANES);
        assert_eq!(Argon2id::from_bytes(&dearest).unwrap().to_bytes(), dearest);
    }

    #[test]
    fn a_new_one_has_the_recommended_cost_and_a_salt_of_its_own() {
        let random = OsRandom;
        let (one, other) = (Argon2id::new(&random), Argon2id::new(&random));
        let (one, other) = (one.unwrap().to_bytes(), other.unwrap().to_bytes());
        assert_eq!(one[..12], of_cost(64 * 1024, 3, 4)[..12]);
        assert_ne!(one[12..], other[12..]);
        assert_eq!(Argon2id::new(&NoRandom), Err(Error::NoRandomness));
    }
}
