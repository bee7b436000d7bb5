use smime_crypto::{AlgorithmPolicy, CryptoProvider, Oid, UnixTime};

use crate::{
    Certificate, CertificateBundle, CertificatePolicy, ChainError, ChainErrorKind, Irregularity,
    PolicyInputs, Purpose, Revocation, TrustStore,
};

pub(crate) mod budget;
mod cache;
mod checks;
mod name_constraints;
mod name_key;
mod policies;
mod search;
mod validation;

pub use cache::ChainCache;

/// Decides whether a certificate serves a purpose: searches a path from it to an anchor and checks
/// every certificate of it (RFC 5280 §6.1).
///
/// Names are constrained in every form of RFC 5280 §4.2.1.10 and RFC 9598; policies are processed
/// with the graph of RFC 9618. Of two paths the one through issuers with matching key
/// identifiers is tried first, but identifiers never decide.
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

/// What is asked about a certificate.
#[derive(Clone, Copy, Debug)]
pub struct ChainRequest<'a> {
    /// What it is to be used for.
    pub purpose: Purpose,
    /// The untrusted certificates that may stand in the path.
    pub pool: &'a CertificateBundle,
    /// The time of judgement: algorithms, keys and revocation are judged at it.
    pub at: UnixTime,
    /// When every certificate must be valid: `at`, unless an earlier time is to count.
    pub valid_at: UnixTime,
    /// Which certificate policies are asked for.
    pub policies: &'a PolicyInputs,
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
        let request = ChainRequest {
            purpose,
            pool,
            at,
            valid_at: at,
            policies: &PolicyInputs::default(),
        };
        self.verify_request(leaf, &request)
    }

    /// Does what [`verify`](Self::verify) does, with everything that can be asked.
    ///
    /// If there is a path that keeps every rule and does not hold one name and key twice, it is
    /// found, or [`ChainErrorKind::BudgetExhausted`] is returned: 100 signatures (large keys count
    /// for several), 100 000 issuers considered, a million names and policies looked at.
    ///
    /// # Errors
    /// [`ChainError`]: the most useful of the reasons met.
    pub fn verify_request(
        &self,
        leaf: &Certificate,
        request: &ChainRequest<'_>,
    ) -> Result<VerifiedChain, ChainError> {
        let refused = |kind| ChainError {
            kind,
            certificate: Some(leaf.fingerprint()),
            nearest: None,
        };
        checks::check_leaf(self, leaf, request).map_err(refused)?;
        if !self.anchors.contains(leaf) {
            return search::search(self, leaf, request);
        }
        if !self.anchors.bounds(leaf).permits(request.purpose) {
            return Err(refused(ChainErrorKind::PurposeNotTrusted));
        }
        // Its policies are processed as if it stood below itself: it must have those asked for.
        let path = vec![leaf.clone()];
        let mut budget = budget::Budget::new();
        let findings = validation::validate(self, request, &path, leaf, &mut budget)?;
        Ok(VerifiedChain { path, findings })
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
pub struct VerifiedChain {
    path: Vec<Certificate>,
    findings: validation::Findings,
}

/// A certificate proven fit to sign mail; only [`ChainVerifier`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSigner(VerifiedChain);

/// A certificate proven fit to be encrypted to; only [`ChainVerifier`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRecipient(VerifiedChain);

impl VerifiedChain {
    fn new(
        mut path: Vec<Certificate>,
        anchor: Certificate,
        findings: validation::Findings,
    ) -> Self {
        path.push(anchor);
        Self { path, findings }
    }

    /// Returns the certificate that was asked about.
    pub fn certificate(&self) -> &Certificate {
        self.path.first().expect("a path holds its leaf")
    }

    /// Returns the path: leaf first, anchor last; one certificate where the leaf is the anchor.
    pub fn path(&self) -> &[Certificate] {
        &self.path
    }

    /// Returns the user-constrained policy set (RFC 5280 §6.1.6), sorted: the policies, as the
    /// anchor calls them, under which the path is good; [`ANY_POLICY`](crate::ANY_POLICY) says
    /// that it is under every one.
    pub fn policies(&self) -> &[Oid] {
        &self.findings.policies
    }

    /// Says whether nothing is known of the revocation of a certificate of the path, which
    /// [`RevocationPolicy::IfAvailable`](crate::RevocationPolicy::IfAvailable) lets pass.
    pub fn is_revocation_unknown(&self) -> bool {
        self.findings.revocation_unknown
    }

    /// Returns what certificates of the path break that the policy lets pass, each once.
    pub fn warnings(&self) -> &[Irregularity] {
        &self.findings.warnings
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
