use smime_crypto::{Algorithm, SignatureScheme, Signed, Use};

use crate::{
    Certificate, ChainErrorKind, ChainVerifier, Crl, KeyUsageBit, Purpose, Revocation,
    revocation::{Judge, Level},
};

impl Judge<'_> {
    /// Returns the certificate of the one who signed a CRL, if that is someone who may
    /// (RFC 5280 §6.3.3 (f), (g)): an authority of the path `above`, or one of the same name as the
    /// CRL's issuer with a path to the same anchor.
    pub(super) fn crl_signer(
        &mut self,
        place: usize,
        crl: &Crl,
        above: &[Certificate],
        level: Level,
    ) -> Result<Option<Certificate>, ChainErrorKind> {
        let Some(scheme) = self.permitted(crl.signature_scheme()) else {
            return Ok(None);
        };
        if crl.defect().is_some() {
            return Ok(None);
        }
        for certificate in above {
            if certificate.subject().matches(crl.issuer())
                && self.has_signed(place, crl, scheme, certificate)?
            {
                return Ok(Some(certificate.clone()));
            }
        }
        let Some(anchor) = above.last() else {
            return Ok(None);
        };
        let pool = self.pool;
        for certificate in pool.with_subject(crl.issuer()) {
            if !above.contains(certificate)
                && self.has_signed(place, crl, scheme, certificate)?
                && self.is_proven_signer(certificate, anchor, level)?
            {
                return Ok(Some(certificate.clone()));
            }
        }
        Ok(None)
    }

    /// Returns a scheme that may be believed at the time of judgement.
    pub(super) fn permitted(
        &self,
        scheme: Result<SignatureScheme, smime_crypto::Error>,
    ) -> Option<SignatureScheme> {
        let scheme = scheme.ok()?;
        self.permits(Algorithm::Signature(scheme)).then_some(scheme)
    }

    pub(super) fn permits(&self, algorithm: Algorithm) -> bool {
        let algorithms = self.verifier.algorithms;
        algorithms
            .permits(algorithm, Use::AcceptSignature, self.at)
            .is_ok()
    }

    /// Says whether the key of `certificate` signed the CRL and may do so.
    fn has_signed(
        &mut self,
        place: usize,
        crl: &Crl,
        scheme: SignatureScheme,
        certificate: &Certificate,
    ) -> Result<bool, ChainErrorKind> {
        self.budget.spend_candidate()?;
        // RFC 5280 §6.3.3 (f): cRLSign, if there is a key usage.
        let usage = certificate.key_usage();
        if usage.is_some_and(|usage| !usage.contains(KeyUsageBit::CrlSign)) {
            return Ok(false);
        }
        let question = (place, certificate.fingerprint());
        if let Some(known) = self.signatures.get(&question) {
            return Ok(*known);
        }
        let key = certificate.public_key();
        let result = self.permits(Algorithm::Key(key.kind())) && {
            self.budget.spend_evidence(key.kind(), crl.der().len())?;
            let signed = Signed::Message(crl.tbs());
            let provider = self.verifier.provider;
            provider
                .verify(key, scheme, signed, crl.signature())
                .is_ok()
        };
        self.signatures.insert(question, result);
        Ok(result)
    }

    /// Says whether a certificate that is not part of the path has one of its own to the same
    /// anchor, on which nothing is revoked.
    fn is_proven_signer(
        &mut self,
        certificate: &Certificate,
        anchor: &Certificate,
        level: Level,
    ) -> Result<bool, ChainErrorKind> {
        let question = (certificate.fingerprint(), level);
        if let Some(known) = self.signers.get(&question) {
            return Ok(*known);
        }
        self.budget.spend_search()?;
        let (anchors, off) = (self.verifier.anchors.only(anchor), Revocation::off());
        let verifier = ChainVerifier {
            anchors: &anchors,
            revocation: &off,
            ..*self.verifier
        };
        let found = verifier.verify(certificate, Purpose::Any, self.pool, self.at);
        let proven = match (found, level) {
            (Err(error), _) if error.kind == ChainErrorKind::BudgetExhausted => {
                return Err(error.kind);
            }
            (Err(_), _) => false,
            (Ok(_), Level::Signer) => true,
            (Ok(chain), Level::Path) => self.is_unrevoked(chain.path())?,
        };
        self.signers.insert(question, proven);
        Ok(proven)
    }

    fn is_unrevoked(&mut self, path: &[Certificate]) -> Result<bool, ChainErrorKind> {
        for (index, certificate) in path.iter().enumerate() {
            let above = path.get(index + 1..).unwrap_or_default();
            if above.is_empty() {
                break;
            }
            let finding = self.judge(certificate, above, Level::Signer)?;
            if !self.accepts(finding) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
