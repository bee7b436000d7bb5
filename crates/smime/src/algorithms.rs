//! Which algorithms sign and encrypt an outgoing mail.

use std::collections::HashMap;

use smime_cms::Capabilities;
use smime_crypto::{
    Algorithm, ContentCipher, DigestAlgorithm, KeyTransport, PublicKey, Refused, SignatureScheme,
    UnixTime, Use,
};
use smime_x509::VerifiedRecipient;

use crate::{Cause, Cipher, Engine, SignatureChoice};

/// How the content of a mail is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncryptionChoice {
    /// The content cipher.
    pub cipher: ContentCipher,
    /// Why this one, as a stable code.
    pub code: &'static str,
    /// How every RSA key gets the content key; as each is known to read it when absent.
    pub transport: Option<KeyTransport>,
}

/// Why a certificate serves and the mail can still not be made with it: an algorithm that was asked
/// for, or that a key needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Policy refuses it.
    Refused(Refused),
    /// The key does not sign so.
    Key(smime_crypto::Error),
}

impl Unusable {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refused) => refused.code(),
            Self::Key(error) => error.code(),
        }
    }
}

impl From<Unusable> for Cause {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Refused(refused) => Self::Refused(refused),
            Unusable::Key(error) => Self::Crypto(error),
        }
    }
}

impl Engine<'_> {
    /// Returns how a key signs.
    pub(crate) fn scheme_choice(
        &self,
        key: &PublicKey,
        asked: SignatureChoice,
        at: UnixTime,
    ) -> Result<SignatureScheme, Unusable> {
        let scheme = asked.scheme(key).map_err(Unusable::Key)?;
        self.permit(Algorithm::Signature(scheme), Use::Sign, at)?;
        Ok(scheme)
    }

    /// Returns the best cipher every recipient is known to read; one that every client reads where
    /// nothing is known (RFC 8551 §2.7.1). All copies have one cipher: a weaker copy for some would
    /// weaken the mail for all (RFC 8551 §2.7.3).
    pub(crate) fn encryption_choice<'r>(
        &self,
        recipients: impl IntoIterator<Item = &'r VerifiedRecipient>,
        announced: &HashMap<[u8; 32], Capabilities>,
        asked: Cipher,
        oaep: Option<DigestAlgorithm>,
        at: UnixTime,
    ) -> Result<EncryptionChoice, Unusable> {
        let all_read = |cipher| {
            let recipients = recipients.into_iter();
            let mut known = recipients.map(|recipient| capabilities(recipient, announced));
            known.all(|it| it.is_some_and(|it| it.supports(cipher)))
        };
        let permitted = |cipher| self.permit(Algorithm::Cipher(cipher), Use::Encrypt, at);
        let (cipher, code) = match asked {
            Cipher::Only(cipher) => (cipher, "cipher.asked_for"),
            Cipher::Best if all_read(ContentCipher::Aes256Gcm) => {
                (ContentCipher::Aes256Gcm, "cipher.known_to_all")
            }
            Cipher::Best if permitted(ContentCipher::Aes256Cbc).is_err() => {
                (ContentCipher::Aes256Gcm, "cipher.policy")
            }
            Cipher::Best => (ContentCipher::Aes256Cbc, "cipher.capabilities_unknown"),
        };
        permitted(cipher)?;
        let transport = oaep.map(|digest| KeyTransport::RsaOaep {
            digest,
            mgf: digest,
        });
        if let Some(transport) = transport {
            self.permit(Algorithm::Transport(transport), Use::Encrypt, at)?;
        }
        Ok(EncryptionChoice {
            cipher,
            code,
            transport,
        })
    }

    /// Returns how an RSA key gets the content key: by OAEP where that was asked for, or where the
    /// recipient says that they read it; elsewhere by PKCS#1 v1.5, which every peer reads.
    pub(crate) fn transport(
        &self,
        choice: EncryptionChoice,
        recipient: &VerifiedRecipient,
        announced: &HashMap<[u8; 32], Capabilities>,
        at: UnixTime,
    ) -> KeyTransport {
        let known = || {
            let known = capabilities(recipient, announced)?.oaep()?;
            let permitted = self.permit(Algorithm::Transport(known), Use::Encrypt, at);
            permitted.is_ok().then_some(known)
        };
        let chosen = choice.transport.or_else(known);
        chosen.unwrap_or(KeyTransport::RsaPkcs1)
    }

    pub(crate) fn permit(
        &self,
        algorithm: Algorithm,
        usage: Use,
        at: UnixTime,
    ) -> Result<(), Unusable> {
        let permitted = self.policy.algorithms.permits(algorithm, usage, at);
        permitted.map_err(Unusable::Refused)
    }
}

/// Returns what a recipient can read: as they announced in mail (RFC 8551 §2.7.1), or else as their
/// certificate says (RFC 4262).
fn capabilities(
    recipient: &VerifiedRecipient,
    announced: &HashMap<[u8; 32], Capabilities>,
) -> Option<Capabilities> {
    if let Some(announced) = announced.get(&recipient.certificate().fingerprint()) {
        return Some(announced.clone());
    }
    Capabilities::from_der(recipient.certificate().smime_capabilities()?).ok()
}
