use smime_cms::ClaimedTime;
use smime_crypto::AlgorithmPolicy;
use smime_x509::{CertificatePolicy, Revocation, RevocationPolicy};

/// What is permitted, as data; three presets and nothing else to learn first.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Which algorithms and key sizes.
    pub algorithms: AlgorithmPolicy,
    /// Which certificates.
    pub certificates: CertificatePolicy,
    /// How sure one must be that a certificate is not revoked, and the lists and responses that say
    /// so. What a message brings beside its signatures is added for that message.
    pub revocation: Revocation,
    /// What may leave the engine, and what is believed of a message.
    pub messages: MessagePolicy,
}

/// What may leave the engine, and what is believed of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagePolicy {
    /// What happens to plaintext that neither a tag nor an inner signature vouches for.
    pub unauthenticated: Unauthenticated,
    /// What the time decides that a signer claims; nothing, in every preset.
    pub claimed_time: ClaimedTime,
}

/// What happens to plaintext that neither a tag nor an inner signature vouches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unauthenticated {
    /// It stays inside.
    Withhold,
    /// It leaves as one complete entity, reported as not authenticated.
    ReleaseWhole,
}

impl Policy {
    /// What today's mail needs; revocation counts where something is known of it.
    pub fn standard() -> Self {
        Self {
            algorithms: AlgorithmPolicy::standard(),
            certificates: CertificatePolicy::standard(),
            revocation: Revocation::new(RevocationPolicy::IfAvailable),
            messages: MessagePolicy {
                unauthenticated: Unauthenticated::ReleaseWhole,
                claimed_time: ClaimedTime::Ignored,
            },
        }
    }

    /// Authenticated encryption only, in both directions; every certificate must be proven not to
    /// be revoked.
    pub fn strict() -> Self {
        Self {
            algorithms: AlgorithmPolicy::strict(),
            certificates: CertificatePolicy::strict(),
            revocation: Revocation::new(RevocationPolicy::Require),
            messages: MessagePolicy {
                unauthenticated: Unauthenticated::Withhold,
                claimed_time: ClaimedTime::Ignored,
            },
        }
    }

    /// Reads what old mail needs; produces as standard does.
    pub fn archive() -> Self {
        Self {
            algorithms: AlgorithmPolicy::archive(),
            certificates: CertificatePolicy::archive(),
            revocation: Revocation::new(RevocationPolicy::IfAvailable),
            messages: MessagePolicy {
                unauthenticated: Unauthenticated::ReleaseWhole,
                claimed_time: ClaimedTime::Ignored,
            },
        }
    }
}
