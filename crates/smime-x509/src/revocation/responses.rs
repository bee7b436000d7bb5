use smime_crypto::{Algorithm, DigestAlgorithm, Signed, UnixTime};

use crate::{
    BasicResponse, Certificate, CertificateId, CertificateStatus, ChainErrorKind, KeyUsageBit,
    OcspResponse, ResponderId, RevocationReason, SingleResponse, oid,
    purpose::check_validity,
    revocation::{Finding, Judge, Level},
};

/// What an answer means.
#[derive(Clone, Copy)]
struct Told {
    finding: Finding,
    told_at: UnixTime,
}

/// What the responses looked at so far say together.
#[derive(Default)]
struct Answer {
    /// Whether one of them that was given is about the certificate.
    met: bool,
    /// What an authorised one says.
    told: Option<Told>,
}

impl Judge<'_> {
    /// Processes the OCSP responses about one certificate (RFC 6960 §3.2).
    ///
    /// Of several that were the answer at the time of judgement the newest counts, but a revocation
    /// that cannot be taken back overrules all.
    pub(super) fn ask_responses(
        &mut self,
        certificate: &Certificate,
        above: &[Certificate],
        level: Level,
    ) -> Result<Finding, ChainErrorKind> {
        let evidence = self.evidence;
        let Some(issuer) = above.first() else {
            return Ok(Finding::Nothing);
        };
        let mut answer = Answer::default();
        let places = evidence.by_serial.get(certificate.serial());
        for place in places.into_iter().flatten() {
            let response = evidence.responses.get(*place);
            if let Some(basic) = response.and_then(OcspResponse::basic) {
                let (met, told) = self.told_by(&basic, certificate, issuer)?;
                answer.met |= met && !evidence.offered_responses.contains(place);
                let usable = basic.unknown_critical_extension().is_none();
                if told.is_some() && usable && self.is_authorised(&basic, issuer, above, level)? {
                    answer.take(told);
                }
                if answer.is_final() {
                    break;
                }
            }
        }
        Ok(answer.finding())
    }

    /// Says whether a response is about one certificate, and returns the newest of what it means
    /// at the time of judgement, but a revocation for good before all.
    fn told_by(
        &mut self,
        basic: &BasicResponse<'_>,
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> Result<(bool, Option<Told>), ChainErrorKind> {
        let mut met = false;
        let mut best: Option<Told> = None;
        let serial = certificate.serial();
        for single in basic.responses() {
            if single.certificate.serial != serial {
                continue;
            }
            self.budget.spend_candidate()?;
            // A CertID can name another digest each time, and the issuer's name can be long.
            self.budget
                .spend_items(certificate.issuer().der().len() / 64)?;
            if !self.is_about(&single.certificate, certificate, issuer) {
                continue;
            }
            met = true;
            let told = self.told(&single, certificate);
            if told.is_some_and(|told| best.is_none_or(|best| told.overrules(&best))) {
                best = told;
            }
        }
        Ok((met, best))
    }

    /// Says whether a CertID is that of `certificate` as `issuer` issued it: by name, key and
    /// serial number.
    fn is_about(
        &self,
        id: &CertificateId<'_>,
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> bool {
        let Some(digest) = id.digest else {
            return false;
        };
        id.serial == certificate.serial()
            && id.issuer_name_hash == self.digest(digest, certificate.issuer().der())
            && id.issuer_key_hash == self.digest(digest, issuer.public_key().key_bytes())
    }

    fn digest(&self, algorithm: DigestAlgorithm, bytes: &[u8]) -> Vec<u8> {
        let mut hasher = self.verifier.provider.hasher(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// Returns what an answer means at the time of judgement, if it means anything then.
    ///
    /// A responder may forget whoever has expired (RFC 6960 §4.4.4), and then calls them good.
    fn told(&self, single: &SingleResponse<'_>, certificate: &Certificate) -> Option<Told> {
        let is_current = single.is_current(self.at);
        let finding = match single.status {
            CertificateStatus::Good => {
                let remembers = single.this_update <= certificate.not_after();
                (is_current && remembers).then_some(Finding::NotRevoked)
            }
            CertificateStatus::Revoked { at, reason } => {
                let revoked = is_current || self.was_revoked(at, reason, single.this_update);
                revoked.then_some(Finding::Revoked { at, reason })
            }
            CertificateStatus::Unknown => None,
        };
        Some(Told {
            finding: finding?,
            told_at: single.this_update,
        })
    }

    /// Says whether the one who signed may answer for `issuer` (RFC 6960 §4.2.2.2): the issuer
    /// itself, or one to whom its key gave a certificate for that.
    fn is_authorised(
        &mut self,
        basic: &BasicResponse<'_>,
        issuer: &Certificate,
        above: &[Certificate],
        level: Level,
    ) -> Result<bool, ChainErrorKind> {
        if self.is_responder(basic, issuer) && self.has_answered(basic, issuer)? {
            return Ok(true);
        }
        let mut delegates: Vec<Certificate> = Vec::new();
        for came_with in basic.certificates().take(DELEGATES) {
            delegates.extend(came_with.to_certificate());
        }
        if let ResponderId::Name(name) = basic.responder() {
            let pooled = self.pool.with_subject(name).take(DELEGATES);
            delegates.extend(pooled.cloned());
        }
        for delegate in delegates {
            self.budget.spend_candidate()?;
            if self.is_responder(basic, &delegate)
                && self.is_delegate(&delegate, issuer)?
                && self.has_answered(basic, &delegate)?
                && self.is_unrevoked_delegate(&delegate, above, level)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_responder(&self, basic: &BasicResponse<'_>, certificate: &Certificate) -> bool {
        match basic.responder() {
            ResponderId::Name(name) => name.matches(certificate.subject()),
            ResponderId::KeyHash(hash) => {
                let key = certificate.public_key().key_bytes();
                hash == self.digest(DigestAlgorithm::Sha1, key)
            }
        }
    }

    fn has_answered(
        &mut self,
        basic: &BasicResponse<'_>,
        certificate: &Certificate,
    ) -> Result<bool, ChainErrorKind> {
        let key = certificate.public_key();
        let Some(scheme) = self.permitted(basic.signature_scheme()) else {
            return Ok(false);
        };
        if !self.permits(Algorithm::Key(key.kind())) {
            return Ok(false);
        }
        self.budget.spend_evidence(key.kind(), basic.tbs().len())?;
        let signed = Signed::Message(basic.tbs());
        let provider = self.verifier.provider;
        Ok(provider
            .verify(key, scheme, signed, basic.signature())
            .is_ok())
    }

    /// RFC 6960 §4.2.2.2: issued directly, with the very key that issued the certificate in
    /// question, and for this use by its name; anyExtendedKeyUsage does not delegate.
    fn is_delegate(
        &mut self,
        delegate: &Certificate,
        issuer: &Certificate,
    ) -> Result<bool, ChainErrorKind> {
        let usages = delegate.extended_key_usage();
        let named = usages.is_some_and(|usages| usages.iter().any(|it| it == oid::OCSP_SIGNING));
        let usage = delegate.key_usage();
        let may_sign = usage.is_none_or(|usage| {
            usage.contains(KeyUsageBit::DigitalSignature)
                || usage.contains(KeyUsageBit::NonRepudiation)
        });
        let fit = named
            && may_sign
            && check_validity(delegate, self.at).is_ok()
            && delegate.view().unknown_critical_extension().is_none()
            && !self.verifier.anchors.distrusts(delegate)
            && delegate.issuer().matches(issuer.subject());
        let Some(scheme) = self.permitted(delegate.signature_scheme()) else {
            return Ok(false);
        };
        let key = issuer.public_key();
        if !fit || !self.permits(Algorithm::Key(key.kind())) {
            return Ok(false);
        }
        self.budget.spend_signature(key.kind())?;
        let signed = Signed::Message(delegate.tbs());
        let provider = self.verifier.provider;
        Ok(provider
            .verify(key, scheme, signed, delegate.signature())
            .is_ok())
    }

    /// RFC 6960 §4.2.2.2.1: nocheck says that nobody need ask; otherwise it is judged like any
    /// certificate, once.
    fn is_unrevoked_delegate(
        &mut self,
        delegate: &Certificate,
        above: &[Certificate],
        level: Level,
    ) -> Result<bool, ChainErrorKind> {
        let mut extensions = delegate.extension_list();
        if level == Level::Signer || extensions.any(|it| it.oid == oid::OCSP_NO_CHECK) {
            return Ok(true);
        }
        let finding = self.judge(delegate, above, Level::Signer)?;
        Ok(self.accepts(finding))
    }
}

impl Told {
    fn is_final(&self) -> bool {
        matches!(self.finding, Finding::Revoked { reason, .. }
            if reason != Some(RevocationReason::CertificateHold))
    }

    fn overrules(&self, other: &Self) -> bool {
        (self.is_final(), self.told_at) > (other.is_final(), other.told_at)
    }
}

impl Answer {
    fn take(&mut self, told: Option<Told>) {
        let new = told.filter(|told| self.told.is_none_or(|known| told.overrules(&known)));
        self.told = new.or(self.told);
    }

    fn is_final(&self) -> bool {
        self.told.is_some_and(|told| told.is_final())
    }

    fn finding(&self) -> Finding {
        match (self.told, self.met) {
            (Some(told), _) => told.finding,
            (None, true) => Finding::Unusable,
            (None, false) => Finding::Nothing,
        }
    }
}

/// How many certificates may come with a response; those in use have one or two.
const DELEGATES: usize = 8;
