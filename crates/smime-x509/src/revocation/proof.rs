use std::{error, fmt};

use smime_crypto::{Algorithm, Signed, UnixTime, Use};

use crate::{
    Certificate, CertificateBundle, ChainError, ChainErrorKind, ChainVerifier, Crl, CrlDefect,
    KeyUsageBit, Purpose, Revocation, VerifiedChain, chain::budget::Budget,
};

/// Why a revocation list is not proven to be what its issuer said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrlError {
    /// The list is of a kind that nobody may rely on.
    Defect(CrlDefect),
    /// Nobody is known who has the issuer's name and signed it.
    NoSigner,
    /// Who signed it has no path that holds.
    Signer(ChainError),
}

impl ChainVerifier<'_> {
    /// Proves who signed a revocation list: one of the anchors or of `pool` with the name of the
    /// list's issuer, whose key made the signature, which may sign lists (RFC 5280 §6.3.3 (f)), and
    /// which has a path to an anchor at `at`. Returns that path.
    ///
    /// Of the path nothing is asked about revocation, and of the list not whether it is current.
    ///
    /// # Errors
    /// [`CrlError`]; of several possible signers the reason of the first.
    pub fn verify_crl(
        &self,
        crl: &Crl,
        pool: &CertificateBundle,
        at: UnixTime,
    ) -> Result<VerifiedChain, CrlError> {
        if let Some(defect) = crl.defect() {
            return Err(CrlError::Defect(defect));
        }
        let mut budget = Budget::new();
        let mut failure = None;
        let anchors = self
            .anchors
            .iter()
            .filter(|it| it.subject().matches(crl.issuer()));
        let others = pool.with_subject(crl.issuer());
        let others = others.filter(|it| !self.anchors.contains(it));
        for certificate in anchors.chain(others) {
            let proven = match self.has_signed(crl, certificate, at, &mut budget) {
                Ok(false) => continue,
                Ok(true) => self.verify_crl_signer(certificate, pool, at),
                Err(kind) => Err(ChainError {
                    kind,
                    certificate: Some(certificate.fingerprint()),
                    nearest: None,
                }),
            };
            match proven {
                Ok(chain) => return Ok(chain),
                Err(error) => failure = failure.or(Some(CrlError::Signer(error))),
            }
        }
        Err(failure.unwrap_or(CrlError::NoSigner))
    }

    fn has_signed(
        &self,
        crl: &Crl,
        certificate: &Certificate,
        at: UnixTime,
        budget: &mut Budget,
    ) -> Result<bool, ChainErrorKind> {
        budget.spend_candidate()?;
        let usage = certificate.key_usage();
        if usage.is_some_and(|usage| !usage.contains(KeyUsageBit::CrlSign)) {
            return Ok(false);
        }
        let key = certificate.public_key();
        let Ok(scheme) = crl.signature_scheme() else {
            return Err(ChainErrorKind::UnusableAlgorithm);
        };
        for algorithm in [Algorithm::Signature(scheme), Algorithm::Key(key.kind())] {
            let permitted = self.algorithms.permits(algorithm, Use::AcceptSignature, at);
            permitted.map_err(ChainErrorKind::AlgorithmRefused)?;
        }
        budget.spend_search()?;
        budget.spend_evidence(key.kind(), crl.der().len())?;
        let signed = Signed::Message(crl.tbs());
        let verified = self.provider.verify(key, scheme, signed, crl.signature());
        Ok(verified.is_ok())
    }

    /// Whatever the anchors are trusted for, they tell what is revoked below them.
    fn verify_crl_signer(
        &self,
        certificate: &Certificate,
        pool: &CertificateBundle,
        at: UnixTime,
    ) -> Result<VerifiedChain, ChainError> {
        let (anchors, off) = (self.anchors.for_any_purpose(), Revocation::off());
        let verifier = ChainVerifier {
            anchors: &anchors,
            revocation: &off,
            ..*self
        };
        verifier.verify(certificate, Purpose::SignCrl, pool, at)
    }
}

impl CrlError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Defect(defect) => defect.code(),
            Self::NoSigner => "crl.no_signer",
            Self::Signer(error) => error.code(),
        }
    }
}

impl fmt::Display for CrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Defect(CrlDefect::UnknownCriticalExtension(oid)) => {
                write!(f, "unknown critical extension {oid}")
            }
            Self::Defect(CrlDefect::NoNumber) => f.write_str("list without a number"),
            Self::Defect(CrlDefect::CriticalNumber) => f.write_str("number marked critical"),
            Self::Defect(CrlDefect::UnannouncedIssuer) => {
                f.write_str("entries of another issuer in a list that is not indirect")
            }
            Self::NoSigner => f.write_str("no authority at hand that signed this list"),
            Self::Signer(error) => write!(f, "who signed this list: {error}"),
        }
    }
}

impl error::Error for CrlError {}
