//! What comes into the store: files of certificates, keys and revocation lists.

use std::io::Read;

use smime_store::{CrlImport, ImportEvent, ImportOptions, Imported, import};
use smime_x509::{CertificateBundle, Crl, CrlError, Revocation, VerifiedChain};

use crate::{Cause, Engine, Error};

impl Engine<'_> {
    /// Imports a file as [`smime_store::import`] does, and takes also the revocation lists in it that
    /// are proven to be their issuers'; see [`prove_crl`](Self::prove_crl).
    ///
    /// Mail that is kept may be judged otherwise by what arrived: see
    /// [`retry_after`](Self::retry_after).
    ///
    /// # Errors
    /// Those of [`smime_store::import`].
    pub fn import(
        &self,
        file: impl Read + Send,
        options: &ImportOptions<'_>,
        tell: &mut dyn FnMut(ImportEvent),
    ) -> Result<Imported, Error> {
        let doubt = |crl: &Crl| match self.proof(crl) {
            Ok(proof) => Ok(proof.err()),
            Err(Cause::Store(error)) => Err(error),
            // A bound was crossed on the way to the signer.
            Err(_) => Ok(Some(CrlError::NoSigner)),
        };
        let options = ImportOptions {
            crls: Some(CrlImport { doubt: &doubt }),
            ..*options
        };
        Ok(import(self.store, file, &options, tell).map_err(Cause::Store)?)
    }

    /// Proves that a revocation list is its issuer's, with the authorities of the store: its signer
    /// must have a path to an anchor now (RFC 5280 §6.3.3 (f)).
    ///
    /// # Errors
    /// When the store fails; that the list is not proven is the value.
    pub fn prove_crl(&self, crl: &Crl) -> Result<Result<VerifiedChain, CrlError>, Error> {
        Ok(self.proof(crl)?)
    }

    fn proof(&self, crl: &Crl) -> Result<Result<VerifiedChain, CrlError>, Cause> {
        let mut grounds = self.grounds_for(Revocation::off())?;
        let mut pool = CertificateBundle::new();
        let mut signers = Vec::new();
        for stored in self.store.authorities_by_subject(crl.issuer().der())? {
            signers.push(stored.certificate.clone());
            pool.add(stored.certificate);
        }
        self.add_issuers(&signers, &mut pool, &mut grounds)?;
        Ok(self
            .chains(&grounds)
            .verify_crl(crl, &pool, self.clock.now()))
    }
}
