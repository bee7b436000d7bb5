use std::{error, fmt};

use crate::{
    ContentCipher, DigestAlgorithm, KeyAgreement, KeyKind, KeyTransport, SignatureScheme, UnixTime,
};

/// Which algorithm may be used for what, and until when; what is not in the table is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlgorithmPolicy {
    sha1_signatures: Cutoff,
    /// Until when signatures by keys of so many bits and more are believed, largest first.
    rsa_signatures: [(u32, Cutoff); 3],
    cbc_encryption: Cutoff,
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
    /// What today's mail needs: SHA-2, RSA from 2048 bits, AES; and weaker signatures that were
    /// seen while they still meant something.
    pub const fn standard() -> Self {
        Self {
            // Public authorities stopped issuing with SHA-1 then (CA/Browser Forum, ballot 118).
            sha1_signatures: Cutoff::Until(START_OF_2016),
            rsa_signatures: [
                (2048, Cutoff::Always),
                // Below 112 bits of strength, disallowed after 2013 (NIST SP 800-131A §3).
                (1024, Cutoff::Until(START_OF_2014)),
                (512, Cutoff::Never),
            ],
            cbc_encryption: Cutoff::Always,
        }
    }

    /// As standard, and never produces what is not authenticated.
    pub const fn strict() -> Self {
        Self {
            cbc_encryption: Cutoff::Never,
            ..Self::standard()
        }
    }

    /// As standard, and accepts at any time what old mail needs: SHA-1, RSA from 512 bits.
    pub const fn archive() -> Self {
        Self {
            sha1_signatures: Cutoff::Always,
            rsa_signatures: [
                (2048, Cutoff::Always),
                (1024, Cutoff::Always),
                (512, Cutoff::Always),
            ],
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
            (Algorithm::Transport(KeyTransport::RsaOaep { digest, .. }), Use::Encrypt) => {
                Cutoff::never_if(is_sha1(digest))
            }
            (Algorithm::Agreement(agreement), Use::Encrypt) => {
                Cutoff::never_if(is_sha1(agreement.digest()))
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
    /// shows what size assumptions cost); below 2048 nothing is produced (RFC 8551 §4), while
    /// everything that a key can still open may be read.
    fn key(&self, kind: KeyKind, usage: Use) -> Cutoff {
        let has_use = match usage {
            Use::Sign | Use::AcceptSignature => kind.can_sign(),
            Use::Encrypt | Use::Decrypt => kind.can_be_encrypted_to(),
        };
        let bits = match kind {
            _ if !has_use => return Cutoff::Never,
            KeyKind::Rsa {
                bits: bits @ ..=16_384,
            }
            | KeyKind::RsaPss {
                bits: bits @ ..=16_384,
            } => bits,
            KeyKind::Ec(_) | KeyKind::Ed25519 | KeyKind::X25519 => return Cutoff::Always,
            KeyKind::Rsa { .. } | KeyKind::RsaPss { .. } | KeyKind::Unknown => {
                return Cutoff::Never;
            }
        };
        match usage {
            Use::Sign | Use::Encrypt => Cutoff::never_if(bits < 2048),
            Use::Decrypt => Cutoff::never_if(bits < 512),
            Use::AcceptSignature => self
                .rsa_signatures
                .iter()
                .find(|(least, _)| bits >= *least)
                .map_or(Cutoff::Never, |(_, cutoff)| *cutoff),
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
    /// Before this time.
    Until(UnixTime),
    Never,
}

impl Cutoff {
    fn never_if(condition: bool) -> Self {
        if condition { Self::Never } else { Self::Always }
    }

    fn permits(self, at: UnixTime) -> bool {
        match self {
            Self::Always => true,
            Self::Until(end) => at < end,
            Self::Never => false,
        }
    }
}

fn is_sha1(digest: DigestAlgorithm) -> bool {
    digest == DigestAlgorithm::Sha1
}

const START_OF_2014: UnixTime = UnixTime(1_388_534_400);
const START_OF_2016: UnixTime = UnixTime(1_451_606_400);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Curve;

    const SHA1_RSA: Algorithm =
        Algorithm::Signature(SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha1));
    const SHA1_ECDSA: Algorithm =
        Algorithm::Signature(SignatureScheme::Ecdsa(DigestAlgorithm::Sha1));
    const SHA256_RSA: Algorithm =
        Algorithm::Signature(SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256));
    const NOW: UnixTime = UnixTime(1_800_000_000);

    const fn rsa(bits: u32) -> Algorithm {
        Algorithm::Key(KeyKind::Rsa { bits })
    }

    const fn pss(bits: u32) -> Algorithm {
        Algorithm::Key(KeyKind::RsaPss { bits })
    }

    const fn oaep(digest: DigestAlgorithm) -> Algorithm {
        Algorithm::Transport(KeyTransport::RsaOaep {
            digest,
            mgf: DigestAlgorithm::Sha1,
        })
    }

    #[test]
    fn the_cutoffs_are_the_starts_of_their_years() {
        assert_eq!(
            UnixTime::from_civil(2014, 1, 1, [0; 3]),
            Some(START_OF_2014)
        );
        assert_eq!(
            UnixTime::from_civil(2016, 1, 1, [0; 3]),
            Some(START_OF_2016)
        );
    }

    #[test]
    fn what_is_accepted_ends_when_the_table_says() {
        let before = |end: UnixTime| UnixTime(end.0 - 1);
        for (algorithm, at, standard, archive) in [
            (SHA1_RSA, NOW, false, true),
            (SHA1_ECDSA, NOW, false, true),
            (SHA1_RSA, START_OF_2016, false, true),
            (SHA1_RSA, before(START_OF_2016), true, true),
            (SHA256_RSA, NOW, true, true),
            (rsa(0), UnixTime(0), false, false),
            (rsa(511), UnixTime(0), false, false),
            (rsa(512), UnixTime(0), false, true),
            (rsa(1023), UnixTime(0), false, true),
            (rsa(1024), before(START_OF_2014), true, true),
            (rsa(1024), START_OF_2014, false, true),
            (rsa(2047), START_OF_2014, false, true),
            (rsa(2047), NOW, false, true),
            (rsa(2048), NOW, true, true),
            (rsa(16_384), NOW, true, true),
            (rsa(16_385), NOW, false, false),
            (rsa(u32::MAX), NOW, false, false),
            (Algorithm::Key(KeyKind::Ec(Curve::P256)), NOW, true, true),
            (Algorithm::Key(KeyKind::Ec(Curve::P521)), NOW, true, true),
            (Algorithm::Key(KeyKind::Ed25519), NOW, true, true),
            (
                Algorithm::Signature(SignatureScheme::Ed25519),
                NOW,
                true,
                true,
            ),
            (Algorithm::Key(KeyKind::X25519), NOW, false, false),
            (pss(2048), NOW, true, true),
            (pss(2047), NOW, false, true),
            (pss(511), UnixTime(0), false, false),
            (pss(16_385), NOW, false, false),
            (Algorithm::Key(KeyKind::Unknown), NOW, false, false),
        ] {
            for (policy, expected) in [
                (AlgorithmPolicy::standard(), standard),
                (AlgorithmPolicy::strict(), standard),
                (AlgorithmPolicy::archive(), archive),
            ] {
                let permitted = policy.permits(algorithm, Use::AcceptSignature, at);
                let refused = Refused {
                    algorithm,
                    usage: Use::AcceptSignature,
                };
                assert_eq!(
                    permitted,
                    if expected { Ok(()) } else { Err(refused) },
                    "{at}"
                );
            }
        }
    }

    #[test]
    fn nothing_weak_is_produced_under_any_policy_at_any_time() {
        for policy in [
            AlgorithmPolicy::standard(),
            AlgorithmPolicy::strict(),
            AlgorithmPolicy::archive(),
        ] {
            for at in [UnixTime(0), NOW] {
                for (algorithm, usage) in [
                    (SHA1_RSA, Use::Sign),
                    (SHA1_ECDSA, Use::Sign),
                    (rsa(2047), Use::Sign),
                    (rsa(2047), Use::Encrypt),
                    (rsa(16_385), Use::Encrypt),
                    (Algorithm::Key(KeyKind::Unknown), Use::Sign),
                    (oaep(DigestAlgorithm::Sha1), Use::Encrypt),
                    (
                        Algorithm::Agreement(KeyAgreement::X963(DigestAlgorithm::Sha1)),
                        Use::Encrypt,
                    ),
                    (pss(2047), Use::Sign),
                ] {
                    assert!(
                        policy.permits(algorithm, usage, at).is_err(),
                        "{algorithm:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_algorithm_is_not_permitted_for_a_use_it_does_not_have() {
        let policy = AlgorithmPolicy::archive();
        for (algorithm, usage) in [
            (SHA256_RSA, Use::Encrypt),
            (SHA256_RSA, Use::Decrypt),
            (Algorithm::Cipher(ContentCipher::Aes256Gcm), Use::Sign),
            (
                Algorithm::Cipher(ContentCipher::Aes256Gcm),
                Use::AcceptSignature,
            ),
            (Algorithm::Transport(KeyTransport::RsaPkcs1), Use::Sign),
            (
                Algorithm::Agreement(KeyAgreement::X963(DigestAlgorithm::Sha256)),
                Use::AcceptSignature,
            ),
            (Algorithm::Key(KeyKind::X25519), Use::Sign),
            (Algorithm::Key(KeyKind::X25519), Use::AcceptSignature),
            (Algorithm::Key(KeyKind::Ed25519), Use::Encrypt),
            (Algorithm::Key(KeyKind::Ed25519), Use::Decrypt),
            (pss(4096), Use::Encrypt),
            (pss(4096), Use::Decrypt),
        ] {
            assert!(
                policy.permits(algorithm, usage, NOW).is_err(),
                "{algorithm:?} {usage:?}"
            );
        }
    }

    #[test]
    fn strict_alone_refuses_to_write_what_is_not_authenticated() {
        let cbc = Algorithm::Cipher(ContentCipher::Aes256Cbc);
        for (policy, writes) in [
            (AlgorithmPolicy::standard(), true),
            (AlgorithmPolicy::strict(), false),
            (AlgorithmPolicy::archive(), true),
        ] {
            assert_eq!(policy.permits(cbc, Use::Encrypt, NOW).is_ok(), writes);
            assert!(policy.permits(cbc, Use::Decrypt, NOW).is_ok());
        }
    }

    #[test]
    fn what_a_key_can_open_may_be_read() {
        let policy = AlgorithmPolicy::standard();
        for algorithm in [
            rsa(512),
            rsa(1024),
            oaep(DigestAlgorithm::Sha1),
            Algorithm::Transport(KeyTransport::RsaPkcs1),
            Algorithm::Agreement(KeyAgreement::X963(DigestAlgorithm::Sha1)),
            Algorithm::Agreement(KeyAgreement::HkdfSha256),
            Algorithm::Key(KeyKind::X25519),
            Algorithm::Key(KeyKind::Ec(Curve::P521)),
        ] {
            assert_eq!(policy.permits(algorithm, Use::Decrypt, NOW), Ok(()));
        }
        assert!(policy.permits(rsa(511), Use::Decrypt, NOW).is_err());
    }
}
