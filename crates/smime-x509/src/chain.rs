use smime_crypto::{AlgorithmPolicy, CryptoProvider, UnixTime};

use crate::{
    Certificate, CertificateBundle, CertificatePolicy, ChainError, Purpose, Revocation, TrustStore,
};

pub(crate) mod budget;
mod checks;
mod search;

/// Decides whether a certificate serves a purpose: searches a path from it to an anchor and checks
/// every certificate of it (RFC 5280 §6.1).
///
/// Of two paths the one through issuers with matching key identifiers
/// is tried first, but identifiers never decide.
#[derive(Clone, Copy, Debug)]
pub struct ChainVerifier<'a> {
    /// Who checks signatures.
    pub provider: &'a dyn CryptoProvider,
    /// Which algorithms and keys are permitted.
    pub algorithms: &'a AlgorithmPolicy,
    /// Which rules hold beyond those of RFC 5280.
    pub policy: &'a CertificatePolicy,
    /// Whom to trust.
    pub anchors: &'a TrustStore,
    /// What is known of revoked certificates, and how sure one must be.
    pub revocation: &'a Revocation,
}

impl ChainVerifier<'_> {
    /// Searches a path from `leaf` to an anchor through the untrusted certificates of `pool`.
    ///
    /// A leaf that is itself an anchor is its own path. Every certificate must be valid at `at`.
    ///
    /// # Errors
    /// [`ChainError`]: the most useful of the reasons met.
    pub fn verify(
        &self,
        leaf: &Certificate,
        purpose: Purpose,
        pool: &CertificateBundle,
        at: UnixTime,
    ) -> Result<VerifiedChain, ChainError> {
        checks::check_leaf(self, leaf, purpose, at).map_err(|kind| ChainError {
            kind,
            certificate: Some(leaf.fingerprint()),
            nearest: None,
        })?;
        if self.anchors.contains(leaf) {
            return Ok(VerifiedChain(vec![leaf.clone()]));
        }
        search::search(self, leaf, purpose, pool, at).map(VerifiedChain)
    }

    /// Proves that `leaf` may sign mail.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_signer(
        &self,
        leaf: &Certificate,
        pool: &CertificateBundle,
        at: UnixTime,
    ) -> Result<VerifiedSigner, ChainError> {
        self.verify(leaf, Purpose::SignMail, pool, at)
            .map(VerifiedSigner)
    }

    /// Proves that mail may be encrypted to `leaf`.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_recipient(
        &self,
        leaf: &Certificate,
        pool: &CertificateBundle,
        at: UnixTime,
    ) -> Result<VerifiedRecipient, ChainError> {
        self.verify(leaf, Purpose::EncryptMail, pool, at)
            .map(VerifiedRecipient)
    }
}

/// A path that was checked; only [`ChainVerifier`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedChain(Vec<Certificate>);

/// A certificate proven fit to sign mail; only [`ChainVerifier`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSigner(VerifiedChain);

/// A certificate proven fit to be encrypted to; only [`ChainVerifier`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRecipient(VerifiedChain);

impl VerifiedChain {
    /// Returns the certificate that was asked about.
    pub fn certificate(&self) -> &Certificate {
        self.0.first().expect("a path holds its leaf")
    }

    /// Returns the path: leaf first, anchor last; one certificate where the leaf is the anchor.
    pub fn path(&self) -> &[Certificate] {
        &self.0
    }
}

impl VerifiedSigner {
    /// Returns the signer's certificate.
    pub fn certificate(&self) -> &Certificate {
        self.0.certificate()
    }

    /// Returns the path: leaf first, anchor last.
    pub fn path(&self) -> &[Certificate] {
        self.0.path()
    }
}

impl VerifiedRecipient {
    /// Returns the recipient's certificate.
    pub fn certificate(&self) -> &Certificate {
        self.0.certificate()
    }

    /// Returns the path: leaf first, anchor last.
    pub fn path(&self) -> &[Certificate] {
        self.0.path()
    }
}
