//! Which certificate signs, and which ones are encrypted to, now.

use smime_crypto::{Algorithm, UnixTime, Use};
use smime_store::StoredCertificate;
use smime_x509::{Certificate, CertificateBundle, EmailAddress, VerifiedRecipient};

use crate::{
    Cause, Choice, Engine, Intent, KeyUnavailable, Several, SigningChoice, engine::Grounds,
};

impl Engine<'_> {
    /// Returns the best certificate of `address` that can sign at `at`, proven, with its key; or
    /// why there is none.
    ///
    /// The newest that serves wins; expired ones and ones without a key never block it, and one
    /// whose key no passphrase opens, or is sealed, is only better than none.
    pub(crate) fn signing_choice(
        &self,
        address: &EmailAddress,
        intent: &Intent,
        grounds: &mut Grounds,
        at: UnixTime,
    ) -> Result<Result<SigningChoice, &'static str>, Cause> {
        let (mut codes, mut locked) = (Vec::new(), None);
        for stored in self.candidates(address, intent.choice.signer.as_slice())? {
            let certificate = stored.certificate;
            if !stored.has_key && !self.keys.holds(certificate.public_key()) {
                codes.push(NO_PRIVATE_KEY);
                continue;
            }
            let pool = self.pool(&certificate, grounds)?;
            let proven = match self.chains(grounds).verify_signer(&certificate, &pool, at) {
                Ok(proven) => proven,
                Err(error) => {
                    codes.push(error.code());
                    continue;
                }
            };
            if let Err(refused) = self.check_key(&certificate, Use::Sign, at) {
                codes.push(refused.code());
                continue;
            }
            let public_key = certificate.public_key();
            let choice = |key| SigningChoice {
                certificate: proven,
                key,
                scheme: self.scheme_choice(public_key, intent.signature, at),
            };
            match self.keys.find(public_key, self.store, self.provider) {
                Ok(key) => return Ok(Ok(choice(Ok(key)))),
                Err(KeyUnavailable::Missing) => codes.push(NO_PRIVATE_KEY),
                Err(KeyUnavailable::Locked) => locked = locked.or(Some(choice(Err(KEY_LOCKED)))),
                Err(KeyUnavailable::Sealed) => {
                    let code = smime_store::Error::Sealed.code();
                    locked = locked.or(Some(choice(Err(code))));
                }
                Err(KeyUnavailable::Unreadable(cause)) => codes.push(cause.code()),
            }
        }
        Ok(locked.ok_or(code_of_the_best(&codes)))
    }

    /// Returns the certificates of `address` that can be encrypted to at `at`, proven, the best
    /// first; or why there is none.
    ///
    /// Those that the message chose go before those that the owner of the store pinned, and where
    /// some are pinned no other is used, whatever becomes of them.
    pub(crate) fn recipient_choice(
        &self,
        address: &EmailAddress,
        choice: &Choice,
        grounds: &mut Grounds,
        at: UnixTime,
    ) -> Result<Result<Vec<VerifiedRecipient>, &'static str>, Cause> {
        let (mut codes, mut found) = (Vec::new(), Vec::new());
        let mut candidates = self.candidates(address, &choice.recipients)?;
        let is_in = |list: &[[u8; 32]], stored: &StoredCertificate| {
            list.contains(&stored.certificate.fingerprint())
        };
        let is_chosen = candidates.iter().any(|it| is_in(&choice.recipients, it));
        let pins = match is_chosen {
            true => None,
            false => self.store.pins(address)?,
        };
        if let Some(pins) = &pins {
            candidates.retain(|it| is_in(pins, it));
        }
        for StoredCertificate { certificate, .. } in candidates {
            let pool = self.pool(&certificate, grounds)?;
            let chains = self.chains(grounds);
            match chains.verify_recipient(&certificate, &pool, at) {
                Ok(proven) => match self.check_key(&certificate, Use::Encrypt, at) {
                    Ok(()) => found.push(proven),
                    Err(refused) => codes.push(refused.code()),
                },
                Err(error) => codes.push(error.code()),
            }
            if choice.several == Several::Best && !found.is_empty() {
                break;
            }
        }
        Ok(match pins {
            _ if !found.is_empty() => Ok(found),
            Some(_) => Err(PINNED_UNUSABLE),
            None => Err(code_of_the_best(&codes)),
        })
    }

    /// Returns the certificates of an address, the newest first; only those that were chosen, if
    /// any of them was.
    fn candidates(
        &self,
        address: &EmailAddress,
        chosen: &[[u8; 32]],
    ) -> Result<Vec<StoredCertificate>, Cause> {
        let mut all = self.store.by_address(address)?;
        all.retain(|it| self.policy.certificates.names(&it.certificate, address));
        let is_chosen = |stored: &StoredCertificate| {
            let fingerprint = stored.certificate.fingerprint();
            chosen.contains(&fingerprint)
        };
        if all.iter().any(is_chosen) {
            all.retain(is_chosen);
        }
        Ok(all)
    }

    fn check_key(&self, certificate: &Certificate, usage: Use, at: UnixTime) -> Result<(), Cause> {
        let kind = certificate.public_key().kind();
        Ok(self.permit(Algorithm::Key(kind), usage, at)?)
    }

    fn pool(
        &self,
        certificate: &Certificate,
        grounds: &mut Grounds,
    ) -> Result<CertificateBundle, Cause> {
        let mut pool = CertificateBundle::new();
        self.add_issuers([certificate], &mut pool, grounds)?;
        Ok(pool)
    }
}

/// Returns why the newest certificate does not serve, which is the one to mend.
fn code_of_the_best(codes: &[&'static str]) -> &'static str {
    codes.first().copied().unwrap_or(NO_CERTIFICATE)
}

const NO_CERTIFICATE: &str = "select.no_certificate";
const PINNED_UNUSABLE: &str = "select.pinned_unusable";
/// The private key is there, and no passphrase at hand opens it.
const KEY_LOCKED: &str = "select.key_locked";
const NO_PRIVATE_KEY: &str = "select.no_private_key";
