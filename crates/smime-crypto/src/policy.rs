use std::{error, fmt};

use crate::{
    ContentCipher, DigestAlgorithm, KeyAgreement, KeyKind, KeyTransport, SignatureScheme, UnixTime,
};

/// Which algorithm may be used for what, and until when; what is not in the table is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlgorithmPolicy {
    sha1_signatures: Cutoff,
    cbc_encryption: Cutoff,
    rsa_bits_accepted: u32,
}

/// What an algorithm is used for; producing and accepting are judged apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Use {
    /// Making a signature.
    Sign,
    /// Believing one.
    AcceptSignature,
    /// Encrypting.
    Encrypt,
    /// Decrypting.
    Decrypt,
}

/// What is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// A signature scheme.
    Signature(SignatureScheme),
    /// A key, by its kind and size.
    Key(KeyKind),
    /// A content cipher.
    Cipher(ContentCipher),
    /// Key transport.
    Transport(KeyTransport),
    /// Key agreement.
    Agreement(KeyAgreement),
}

/// An algorithm that policy does not permit for a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// What it was to be used for.
    pub usage: Use,
}

impl AlgorithmPolicy {
    /// What today's mail needs: SHA-2, RSA from 2048 bits, AES.
    pub const fn standard() -> Self {
        Self {
            sha1_signatures: Cutoff::Never,
            cbc_encryption: Cutoff::Always,
            rsa_bits_accepted: 2048,
        }
    }

    /// As standard, and never produces what is not authenticated.
    pub const fn strict() -> Self {
        Self {
            cbc_encryption: Cutoff::Never,
            ..Self::standard()
        }
    }

    /// As standard, and accepts what old mail needs: SHA-1, RSA from 512 bits.
    pub const fn archive() -> Self {
        Self {
            sha1_signatures: Cutoff::Always,
            rsa_bits_accepted: 512,
            ..Self::standard()
        }
    }

    /// Says whether `algorithm` may be used so at `at`.
    ///
    /// # Errors
    /// [`Refused`] when it may not.
    pub fn permits(&self, algorithm: Algorithm, usage: Use, at: UnixTime) -> Result<(), Refused> {
        let cutoff = match (algorithm, usage) {
            (Algorithm::Signature(scheme), Use::Sign) => Cutoff::never_if(is_sha1(scheme.digest())),
            (Algorithm::Signature(scheme), Use::AcceptSignature) if is_sha1(scheme.digest()) => {
                self.sha1_signatures
            }
            (Algorithm::Signature(_), Use::AcceptSignature) => Cutoff::Always,
            (Algorithm::Signature(_), _) => Cutoff::Never,
            (Algorithm::Key(kind), usage) => self.key(kind, usage),
            (Algorithm::Cipher(cipher), Use::Encrypt) if !cipher.is_authenticated() => {
                self.cbc_encryption
            }
            (Algorithm::Cipher(_), Use::Encrypt | Use::Decrypt) => Cutoff::Always,
            // SHA-1 is sound inside OAEP and X9.63, where collisions do not matter; peers default
            // to it, we never write it.
            (Algorithm::Transport(KeyTransport::RsaOaep { digest, .. }), Use::Encrypt)
            | (Algorithm::Agreement(KeyAgreement(digest)), Use::Encrypt) => {
                Cutoff::never_if(is_sha1(digest))
            }
            (Algorithm::Transport(_) | Algorithm::Agreement(_), Use::Encrypt | Use::Decrypt) => {
                Cutoff::Always
            }
            (Algorithm::Cipher(_) | Algorithm::Transport(_) | Algorithm::Agreement(_), _) => {
                Cutoff::Never
            }
        };
        if cutoff.permits(at) {
            Ok(())
        } else {
            Err(Refused { algorithm, usage })
        }
    }

    /// RSA up to 16 384 bits: above, one verification costs more than a mail may (CVE-2021-43527
    /// shows what size assumptions cost); below 2048 nothing is produced (RFC 8551 §4).
    fn key(&self, kind: KeyKind, usage: Use) -> Cutoff {
        let least = match usage {
            Use::Sign | Use::Encrypt => 2048,
            Use::AcceptSignature => self.rsa_bits_accepted,
            Use::Decrypt => 512,
        };
        match kind {
            KeyKind::Rsa { bits } => Cutoff::never_if(!(least..=16_384).contains(&bits)),
            KeyKind::Ec(_) => Cutoff::Always,
            KeyKind::Unknown => Cutoff::Never,
        }
    }
}

impl Refused {
    /// Returns the stable code of this refusal.
    pub fn code(&self) -> &'static str {
        match self.algorithm {
            Algorithm::Signature(_) => "policy.signature_algorithm",
            Algorithm::Key(_) => "policy.key",
            Algorithm::Cipher(_) => "policy.cipher",
            Algorithm::Transport(_) => "policy.key_transport",
            Algorithm::Agreement(_) => "policy.key_agreement",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} not permitted for {:?}", self.algorithm, self.usage)
    }
}

impl error::Error for Refused {}

/// Until when something is permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cutoff {
    Always,
    Never,
}

impl Cutoff {
    fn never_if(condition: bool) -> Self {
        if condition { Self::Never } else { Self::Always }
    }

    fn permits(self, _at: UnixTime) -> bool {
        self == Self::Always
    }
}

fn is_sha1(digest: DigestAlgorithm) -> bool {
    digest == DigestAlgorithm::Sha1
}
