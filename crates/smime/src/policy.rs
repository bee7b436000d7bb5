use smime_crypto::AlgorithmPolicy;
use smime_x509::CertificatePolicy;

/// What is permitted, as data; three presets and nothing else to learn first.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Which algorithms and key sizes.
    pub algorithms: AlgorithmPolicy,
    /// Which certificates.
    pub certificates: CertificatePolicy,
    /// What may leave the engine.
    pub messages: MessagePolicy,
}

/// What may leave the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagePolicy {
    /// What happens to plaintext that neither a tag nor an inner signature vouches for.
    pub unauthenticated: Unauthenticated,
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
    /// What today's mail needs.
    pub fn standard() -> Self {
        Self {
            algorithms: AlgorithmPolicy::standard(),
            certificates: CertificatePolicy::standard(),
            messages: MessagePolicy {
                unauthenticated: Unauthenticated::ReleaseWhole,
            },
        }
    }

    /// Authenticated encryption only, in both directions.
    pub fn strict() -> Self {
        Self {
            algorithms: AlgorithmPolicy::strict(),
            certificates: CertificatePolicy::strict(),
            messages: MessagePolicy {
                unauthenticated: Unauthenticated::Withhold,
            },
        }
    }

    /// Reads what old mail needs; produces as standard does.
    pub fn archive() -> Self {
        Self {
            algorithms: AlgorithmPolicy::archive(),
            certificates: CertificatePolicy::archive(),
            messages: MessagePolicy {
                unauthenticated: Unauthenticated::ReleaseWhole,
            },
        }
    }
}
