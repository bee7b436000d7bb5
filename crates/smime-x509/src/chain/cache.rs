use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use smime_crypto::{UnixTime, Use};

use crate::{
    Certificate, ChainError, ChainErrorKind, ChainRequest, ChainVerifier, PolicyInputs, Purpose,
    RevocationPolicy, VerifiedChain,
    chain::checks::{check_key, leaf_usage, permitted_scheme},
    purpose::check_validity,
};

/// A [`ChainVerifier`] that remembers the paths it found, for whoever judges the certificates of
/// the same people again and again.
///
/// Anchors, distrust and policies are borrowed, so that they cannot change under a remembered
/// path. What depends on the time, validity and algorithms, is judged for every question anew.
/// Remembered is only that a path is good, never that none was found; an answer from memory may
/// go through an intermediate that was in the pool of an earlier question. Where there is evidence
/// of revocation, or must be, every question is answered from it.
#[derive(Debug)]
pub struct ChainCache<'a> {
    verifier: ChainVerifier<'a>,
    found: Mutex<HashMap<Question, VerifiedChain>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Question {
    leaf: [u8; 32],
    purpose: Purpose,
    policies: PolicyInputs,
}

impl<'a> ChainCache<'a> {
    /// Remembers nothing yet.
    pub fn new(verifier: ChainVerifier<'a>) -> Self {
        Self {
            verifier,
            found: Mutex::default(),
        }
    }

    /// Does what [`ChainVerifier::verify_request`] does.
    ///
    /// # Errors
    /// [`ChainError`]: the most useful of the reasons met.
    pub fn verify_request(
        &self,
        leaf: &Certificate,
        request: &ChainRequest<'_>,
    ) -> Result<VerifiedChain, ChainError> {
        if self.needs_evidence() || request.valid_at != request.at {
            return self.verifier.verify_request(leaf, request);
        }
        let question = Question {
            leaf: leaf.fingerprint(),
            purpose: request.purpose,
            policies: request.policies.clone(),
        };
        if let Some(chain) = self.recall(&question, request.at) {
            return Ok(chain);
        }
        let chain = self.verifier.verify_request(leaf, request)?;
        self.remember(question, &chain, request.at);
        Ok(chain)
    }

    /// Without evidence nothing is known of revocation, at whatever time.
    fn needs_evidence(&self) -> bool {
        let revocation = self.verifier.revocation;
        match revocation.policy() {
            RevocationPolicy::Off => false,
            RevocationPolicy::IfAvailable => {
                !(revocation.crls().is_empty() && revocation.responses().is_empty())
            }
            RevocationPolicy::Require => true,
        }
    }

    /// Returns a path that was found, if it is good at `at` too.
    fn recall(&self, question: &Question, at: UnixTime) -> Option<VerifiedChain> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let chain = found.get(question)?;
        self.check_time(chain, question.purpose, at).ok()?;
        Some(chain.clone())
    }

    /// A path whose anchor is out of its time carries a warning that another time would not have:
    /// it is not remembered.
    fn remember(&self, question: Question, chain: &VerifiedChain, at: UnixTime) {
        let size: usize = chain.path().iter().map(|it| it.der().len()).sum();
        if size > MAX_PATH || self.check_time(chain, question.purpose, at).is_err() {
            return;
        }
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.len() >= MAX_PATHS {
            found.clear();
        }
        found.insert(question, chain.clone());
    }

    /// Checks all that the time decides in a path: every validity, the anchor's too, and which
    /// algorithms are believed.
    fn check_time(
        &self,
        chain: &VerifiedChain,
        purpose: Purpose,
        at: UnixTime,
    ) -> Result<(), ChainErrorKind> {
        let (leaf, issuers) = chain.path().split_first().expect("a path holds its leaf");
        check_validity(leaf, at)?;
        check_key(&self.verifier, leaf, leaf_usage(leaf, purpose), at)?;
        let mut lower = leaf;
        for issuer in issuers {
            permitted_scheme(&self.verifier, lower, at)?;
            check_validity(issuer, at)?;
            check_key(&self.verifier, issuer, Use::AcceptSignature, at)?;
            lower = issuer;
        }
        Ok(())
    }
}

/// Paths of three certificates have 3 to 5 KiB; a longer one costs its signatures again.
const MAX_PATH: usize = 8 << 10;

/// With the longest paths 32 MiB. When so many are known, all are forgotten.
const MAX_PATHS: usize = 4096;
