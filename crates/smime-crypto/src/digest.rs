use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::{DigestAlgorithm, Hasher, Signed};

/// Evaluates an expression with `$D` as the type of a digest chosen at run time.
macro_rules! with_digest {
    ($algorithm:expr, $D:ident => $body:expr) => {
        match $algorithm {
            $crate::DigestAlgorithm::Sha1 => {
                type $D = sha1::Sha1;
                $body
            }
            $crate::DigestAlgorithm::Sha256 => {
                type $D = sha2::Sha256;
                $body
            }
            $crate::DigestAlgorithm::Sha384 => {
                type $D = sha2::Sha384;
                $body
            }
            $crate::DigestAlgorithm::Sha512 => {
                type $D = sha2::Sha512;
                $body
            }
        }
    };
}
pub(crate) use with_digest;

/// Starts a portable digest.
pub(crate) fn hasher(algorithm: DigestAlgorithm) -> Box<dyn Hasher> {
    match algorithm {
        DigestAlgorithm::Sha1 => Box::new(Portable(Sha1::new())),
        DigestAlgorithm::Sha256 => Box::new(Portable(Sha256::new())),
        DigestAlgorithm::Sha384 => Box::new(Portable(Sha384::new())),
        DigestAlgorithm::Sha512 => Box::new(Portable(Sha512::new())),
    }
}

/// Returns the digest of what is signed; `None` when a digest given has not the algorithm's
/// length.
pub(crate) fn digest_of(algorithm: DigestAlgorithm, signed: Signed<'_>) -> Option<Vec<u8>> {
    match signed {
        Signed::Message(message) => Some(with_digest!(algorithm, D => D::digest(message).to_vec())),
        Signed::Digest(digest) => (digest.len() == algorithm.length()).then(|| digest.to_vec()),
    }
}

struct Portable<D>(D);

impl<D: Digest + Send> Hasher for Portable<D> {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}
