//! EnvelopedData and AuthEnvelopedData (RFC 5652 §6, RFC 5083): to whom, by what, and what opening
//! one gives.

mod open;
pub(crate) mod recipient;
mod writer;

use std::{
    fmt,
    io::{self, Read},
    sync::Arc,
};

use smime_crypto::{AlgorithmPolicy, ContentCipher, Oid, PrivateKey, PublicKey, Random, UnixTime};
use smime_io::{Replay, Source};
use smime_x509::Certificate;

pub use recipient::RecipientId;
pub use writer::{Encryptor, EnvelopeWriter, Recipient};

use crate::{Error, asn1, envelope::recipient::RecipientInfo};

/// An envelope that nobody has opened yet.
#[derive(Debug)]
pub struct Envelope {
    content_type: Oid,
    /// DER AlgorithmIdentifier of the content cipher.
    algorithm: Vec<u8>,
    ciphertext: Source,
    ids: Vec<RecipientId>,
    infos: Vec<RecipientInfo>,
    container: Container,
}

/// The structure around the ciphertext, which decides what the cipher must be.
#[derive(Debug)]
pub(crate) enum Container {
    /// EnvelopedData.
    Enveloped,
    /// AuthEnvelopedData.
    Authenticated {
        /// What is authenticated beside the ciphertext: the DER SET OF authAttrs, or nothing.
        additional: Vec<u8>,
        mac: Vec<u8>,
    },
}

/// What an envelope held.
#[derive(Debug)]
pub enum Opened {
    /// Authenticated to the last byte: as whoever knew the content key wrote it.
    Authenticated(Decrypted),
    /// Decrypted by a cipher that authenticates nothing: anybody may have altered it.
    Unauthenticated(Quarantined),
}

/// Content whose authentication was checked; every pass over it decrypts anew.
#[derive(Clone, Debug)]
pub struct Decrypted(Arc<open::Plaintext>);

/// Content that nothing authenticates (EFAIL, CVE-2017-17689); it cannot be read by mistake.
#[derive(Debug)]
pub struct Quarantined(Arc<open::Plaintext>);

impl Envelope {
    pub(crate) fn new(
        content_type: Oid,
        algorithm: Vec<u8>,
        ciphertext: Source,
        infos: Vec<RecipientInfo>,
        container: Container,
    ) -> Self {
        let ids = infos.iter().map(|info| info.id.clone()).collect();
        Self {
            content_type,
            algorithm,
            ciphertext,
            ids,
            infos,
            container,
        }
    }

    /// Returns one identifier per encrypted content key, in their order.
    pub fn recipients(&self) -> &[RecipientId] {
        &self.ids
    }

    /// Returns the type the content claims; only that of AuthEnvelopedData is authenticated.
    pub fn content_type(&self) -> Oid {
        self.content_type
    }

    /// Returns the content cipher.
    ///
    /// # Errors
    /// The identifier, when this engine does not know it.
    pub fn cipher(&self) -> Result<ContentCipher, Oid> {
        let algorithm = asn1::algorithm_of(&self.algorithm).unwrap_or(self.content_type);
        ContentCipher::ALL
            .into_iter()
            .find(|cipher| cipher.oid() == algorithm)
            .ok_or(algorithm)
    }

    /// Says whether the container is one whose content is authenticated.
    pub fn is_authenticated(&self) -> bool {
        matches!(self.container, Container::Authenticated { .. })
    }

    /// Opens the envelope as the owner of the certificate `own`, whose private key is `key`.
    ///
    /// One pass over the ciphertext checks its authentication, or its length and padding where it
    /// has none; only then anything can be read. `random` blinds the key operation, and stands in
    /// for content keys that do not come out (RFC 3218 §2.3.2).
    ///
    /// # Errors
    /// [`Error::NoMatchingRecipient`] when `own` is not named. [`Error::DecryptFailed`] for every
    /// failure that depends on a key. [`Error::CipherMismatch`], [`Error::Refused`],
    /// [`Error::UnknownAlgorithm`] and [`Error::Unsupported`] by what anybody can see of the
    /// message, [`Error::KeyMismatch`] when `key` is not that of `own`.
    pub fn open(
        &self,
        own: &Certificate,
        key: &PrivateKey,
        algorithms: &AlgorithmPolicy,
        at: UnixTime,
        random: &dyn Random,
    ) -> Result<Opened, Error> {
        let with = open::Opening {
            key,
            algorithms,
            at,
            random,
        };
        let named = self.infos.iter().filter(|info| info.id.matches(own));
        open::open(self, own, &with, &named.collect::<Vec<_>>())
    }

    /// Says whether the encrypted content key at a place of [`recipients`](Self::recipients) can be
    /// for `key`, whomever it names: by the kind and the length of both, which anybody can see.
    pub fn may_be_for(&self, place: usize, key: &PublicKey) -> bool {
        let info = self.infos.get(place);
        info.is_some_and(|info| info.key.may_be_for(key))
    }

    /// Opens the envelope by the encrypted content key at a place of
    /// [`recipients`](Self::recipients), whomever it names, as the owner of `own`: for a key whose
    /// certificate was renewed, so that the sender named one that is not here.
    ///
    /// By a wrong key, about one in 256 envelopes that are not authenticated opens to rubbish: its
    /// padding happens to be one. Whoever tries keys must tell that from content, and must not say
    /// what made a try fail.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_at(
        &self,
        place: usize,
        own: &Certificate,
        key: &PrivateKey,
        algorithms: &AlgorithmPolicy,
        at: UnixTime,
        random: &dyn Random,
    ) -> Result<Opened, Error> {
        let info = self.infos.get(place).ok_or(Error::NoMatchingRecipient)?;
        let with = open::Opening {
            key,
            algorithms,
            at,
            random,
        };
        open::open(self, own, &with, &[info])
    }

    /// Returns the content type of the ContentInfo that this was.
    pub(crate) fn object_type(&self) -> Oid {
        match self.container {
            Container::Enveloped => asn1::ID_ENVELOPED_DATA,
            Container::Authenticated { .. } => asn1::ID_AUTH_ENVELOPED_DATA,
        }
    }
}

impl Decrypted {
    /// Returns the content as a source like any other.
    pub fn content(&self) -> Source {
        Source::new(self.clone())
    }
}

impl Replay for Decrypted {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        self.0.open()
    }
}

impl Quarantined {
    /// Returns the content, whose length and padding were checked and nothing else.
    ///
    /// Whoever calls this answers for what becomes of bytes an attacker may have chosen: never a
    /// part of them, never beside anything else, never without saying so.
    pub fn dangerous_content(self) -> Source {
        Source::new(Unchecked(self.0))
    }
}

struct Unchecked(Arc<open::Plaintext>);

impl Replay for Unchecked {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        self.0.open()
    }
}

impl fmt::Debug for open::Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plaintext")
    }
}
