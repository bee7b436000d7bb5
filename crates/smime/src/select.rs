//! Which certificate signs, and which ones are encrypted to, now.

use std::sync::Arc;

use smime_crypto::{PrivateKey, UnixTime};
use smime_store::StoredCertificate;
use smime_x509::{
    Certificate, CertificateBundle, ChainError, EmailAddress, TrustStore, VerifiedRecipient,
    VerifiedSigner,
};

use crate::{Cause, Engine, KeyUnavailable, RecipientProblem};

impl Engine<'_> {
    /// Returns the best certificate of `address` that can sign at `at`, proven, with its key.
    ///
    /// The newest that serves wins; expired ones and ones without a key never block it.
    pub(crate) fn signing_identity(
        &self,
        address: &EmailAddress,
        anchors: &mut TrustStore,
        at: UnixTime,
    ) -> Result<(VerifiedSigner, Arc<PrivateKey>), Cause> {
        let mut code = "select.no_certificate";
        for stored in self.store.by_address(address)? {
            let certificate = stored.certificate;
            if !stored.has_key && !self.keys.holds(certificate.public_key()) {
                code = "select.no_private_key";
                continue;
            }
            let pool = self.pool(&certificate, anchors)?;
            let proven = match self.chains(anchors).verify_signer(&certificate, &pool, at) {
                Ok(proven) => proven,
                Err(error) => {
                    code = error.code();
                    continue;
                }
            };
            match self
                .keys
                .find(certificate.public_key(), self.store, self.provider)
            {
                Ok(key) => return Ok((proven, key)),
                Err(KeyUnavailable::Missing) => code = "select.no_private_key",
                Err(KeyUnavailable::Locked) => code = "select.key_locked",
                Err(KeyUnavailable::Unreadable(cause)) => return Err(cause),
            }
        }
        Err(Cause::CannotSign {
            address: address.clone(),
            code,
        })
    }

    /// Returns the best certificate of each address that can be encrypted to at `at`, proven; or
    /// every address that has none, so that all can be mended at once.
    pub(crate) fn recipients(
        &self,
        addresses: &[EmailAddress],
        anchors: &mut TrustStore,
        at: UnixTime,
    ) -> Result<Vec<VerifiedRecipient>, Cause> {
        let (mut recipients, mut problems) = (Vec::new(), Vec::new());
        for address in addresses {
            match self.recipient(self.store.by_address(address)?, anchors, at)? {
                Ok(proven) => recipients.push(proven),
                Err(code) => problems.push(RecipientProblem {
                    address: address.clone(),
                    code,
                }),
            }
        }
        if problems.is_empty() {
            Ok(recipients)
        } else {
            Err(Cause::CannotEncrypt(problems))
        }
    }

    fn recipient(
        &self,
        candidates: Vec<StoredCertificate>,
        anchors: &mut TrustStore,
        at: UnixTime,
    ) -> Result<Result<VerifiedRecipient, &'static str>, Cause> {
        let mut code = "select.no_certificate";
        for StoredCertificate { certificate, .. } in candidates {
            let pool = self.pool(&certificate, anchors)?;
            match self
                .chains(anchors)
                .verify_recipient(&certificate, &pool, at)
            {
                Ok(proven) => return Ok(Ok(proven)),
                Err(ChainError { kind, .. }) => code = kind.code(),
            }
        }
        Ok(Err(code))
    }

    fn pool(
        &self,
        certificate: &Certificate,
        anchors: &mut TrustStore,
    ) -> Result<CertificateBundle, Cause> {
        let mut pool = CertificateBundle::new();
        self.add_issuers([certificate], &mut pool, anchors)?;
        Ok(pool)
    }
}
