//! From the private key to the content: unwrap, check, and only then release.

use std::{
    io::{self, Read},
    mem,
    sync::Arc,
};

use smime_crypto::{
    Algorithm, AlgorithmPolicy, ContentCipher, Error as CryptoError, KeyAgreement, KeyKind,
    KeyTransport, KeyWrap, PrivateKey, PublicKey, Random, Secret, UnixTime, Use,
    asn1::{Reader, Writer},
    cipher::{Checker, Opener},
    kdf, key_wrap,
};
use smime_io::Source;
use smime_x509::Certificate;

use crate::{
    Error, asn1,
    envelope::{
        Container, Decrypted, Envelope, Opened, Quarantined,
        recipient::{EncryptedKey, Originator, RecipientInfo},
    },
};

/// What an envelope is opened with.
pub(super) struct Opening<'a> {
    pub(super) key: &'a PrivateKey,
    pub(super) algorithms: &'a AlgorithmPolicy,
    pub(super) at: UnixTime,
    pub(super) random: &'a dyn Random,
}

pub(super) fn open(
    envelope: &Envelope,
    own: &Certificate,
    with: &Opening<'_>,
    infos: &[&RecipientInfo],
) -> Result<Opened, Error> {
    let (cipher, iv, tag_length) = ContentCipher::from_identifier(&envelope.algorithm)?;
    let authenticated = matches!(envelope.container, Container::Authenticated { .. });
    // A cipher in the wrong container is how an authenticated message is made to decrypt without
    // its authentication (CVE-2026-34182).
    if cipher.is_authenticated() != authenticated {
        return Err(Error::CipherMismatch);
    }
    if own.public_key().spki() != with.key.public_key().spki()
        && own.public_key().key_bytes() != with.key.public_key().key_bytes()
    {
        return Err(Error::KeyMismatch);
    }
    with.permit(Algorithm::Cipher(cipher))?;
    with.permit(Algorithm::Key(own.public_key().kind()))?;
    let ways = ways(infos, with)?;

    // Every way is walked in the same steps and ends in the same error, so that nothing but
    // success tells one from another; the first whose content checks is taken.
    let mut plaintext = Plaintext {
        ciphertext: envelope.ciphertext.clone(),
        cipher,
        key: Secret::new(Vec::new()),
        iv,
    };
    for way in ways.iter().take(MAX_WAYS) {
        plaintext.key = with.content_key(way, cipher)?;
        let checked = match &envelope.container {
            Container::Enveloped => plaintext.check_padding(),
            // The length of the tag is the sender's word, its value is not (RFC 5084 §3.2).
            Container::Authenticated { mac, .. } if mac.len() != tag_length => {
                Err(Error::DecryptFailed)
            }
            Container::Authenticated { additional, mac } => plaintext.check(additional, mac),
        };
        match checked {
            Ok(()) => {
                let plaintext = Arc::new(plaintext);
                return Ok(match envelope.container {
                    Container::Enveloped => Opened::Unauthenticated(Quarantined(plaintext)),
                    Container::Authenticated { .. } => Opened::Authenticated(Decrypted(plaintext)),
                });
            }
            Err(Error::DecryptFailed) => {}
            Err(other) => return Err(other),
        }
    }
    Err(Error::DecryptFailed)
}

/// A way to the content key, with its algorithms known and permitted.
enum Way<'a> {
    Transport {
        transport: KeyTransport,
        encrypted: &'a [u8],
    },
    Agreement {
        agreement: KeyAgreement,
        wrap: KeyWrap,
        /// DER AlgorithmIdentifier of the key wrap, as it stands in the message.
        wrap_identifier: &'a [u8],
        originator: &'a Originator,
        ukm: Option<&'a [u8]>,
        encrypted: &'a [u8],
    },
}

/// Returns the ways by `infos`: at least one, or why there is none. Nothing here depends on a
/// private key.
fn ways<'a>(infos: &[&'a RecipientInfo], with: &Opening<'_>) -> Result<Vec<Way<'a>>, Error> {
    let (mut ways, mut obstacle) = (Vec::new(), Error::NoMatchingRecipient);
    for info in infos {
        match way(&info.key, with) {
            Ok(way) => ways.push(way),
            Err(error) => obstacle = error,
        }
    }
    if ways.is_empty() {
        Err(obstacle)
    } else {
        Ok(ways)
    }
}

fn way<'a>(key: &'a EncryptedKey, with: &Opening<'_>) -> Result<Way<'a>, Error> {
    match key {
        EncryptedKey::Transport {
            algorithm,
            encrypted,
        } => {
            let transport = KeyTransport::from_identifier(algorithm)?;
            with.permit(Algorithm::Transport(transport))?;
            Ok(Way::Transport {
                transport,
                encrypted,
            })
        }
        EncryptedKey::Agreement {
            agreement: info,
            encrypted,
        } => {
            let (agreement, wrap) = KeyAgreement::from_identifier(&info.algorithm)?;
            with.permit(Algorithm::Agreement(agreement))?;
            let mut fields = Reader::new(&info.algorithm).sequence("keyEncryptionAlgorithm")?;
            fields.oid()?;
            Ok(Way::Agreement {
                agreement,
                wrap,
                wrap_identifier: fields.rest(),
                originator: &info.originator,
                ukm: info.ukm.as_deref(),
                encrypted,
            })
        }
        EncryptedKey::Unsupported(what) => Err(Error::Unsupported(what)),
    }
}

impl Opening<'_> {
    fn permit(&self, algorithm: Algorithm) -> Result<(), Error> {
        Ok(self.algorithms.permits(algorithm, Use::Decrypt, self.at)?)
    }

    /// Returns the content key, or a random one of the same length where it does not come out; the
    /// check of the content then fails as it does for a wrong key (RFC 3218 §2.3.2).
    fn content_key(&self, way: &Way<'_>, cipher: ContentCipher) -> Result<Secret, Error> {
        let length = cipher.key_length();
        let mut stand_in = vec![0; length];
        self.random.fill(&mut stand_in)?;
        let stand_in = Secret::new(stand_in);
        let key = match way {
            Way::Transport {
                transport,
                encrypted,
            } => self
                .key
                .unwrap_key(*transport, encrypted, length, self.random),
            Way::Agreement {
                agreement,
                wrap,
                wrap_identifier,
                originator,
                ukm,
                encrypted,
            } => self
                .agreed_key(originator)
                .map(|shared| kdf::wrapping_key(*agreement, &shared, wrap_identifier, *wrap, *ukm))
                .and_then(|key| key_wrap::unwrap(&key, encrypted)),
        };
        match key {
            Ok(key) if key.expose().len() == length => Ok(key),
            Err(CryptoError::NoRandomness) => Err(CryptoError::NoRandomness.into()),
            _ => Ok(stand_in),
        }
    }

    /// RFC 5753 §3.1.2: the originator's point must lie on the curve of our key, whose parameters
    /// are ours; the message may repeat them (RFC 5753 §7.1.2 wants NULL or nothing). X25519 has
    /// none (RFC 8418 §3.1).
    fn agreed_key(&self, originator: &Originator) -> Result<Secret, CryptoError> {
        let wrong = CryptoError::WrongKey("originator key");
        let mut fields = Reader::new(&originator.algorithm);
        let (algorithm, parameters) = (fields.oid()?, fields.rest());
        let own = match self.key.public_key().kind() {
            KeyKind::Ec(curve) if algorithm == asn1::EC_PUBLIC_KEY => {
                let named = Writer::encode(|w| w.oid(curve.oid()));
                if !(parameters.is_empty() || parameters == [5, 0] || parameters == named) {
                    return Err(wrong);
                }
                named
            }
            KeyKind::X25519 if algorithm == asn1::X25519 && parameters.is_empty() => Vec::new(),
            _ => return Err(wrong),
        };
        let spki = Writer::encode(|w| {
            w.sequence(|w| {
                w.sequence(|w| {
                    w.oid(algorithm);
                    w.raw(&own);
                });
                w.bit_string(&originator.point);
            });
        });
        self.key.agree(&PublicKey::from_spki(&spki)?)
    }
}

/// Ciphertext and what decrypts it; made before the check, handed out after it.
pub(crate) struct Plaintext {
    ciphertext: Source,
    cipher: ContentCipher,
    key: Secret,
    iv: Vec<u8>,
}

impl Plaintext {
    /// Starts a pass that decrypts while it is read.
    pub(super) fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let opener = Opener::new(self.cipher, &self.key, &self.iv).map_err(failed)?;
        Ok(Box::new(Pass {
            ciphertext: self.ciphertext.open()?,
            opener: Some(opener),
            buffer: vec![0; BUFFER],
            plain: Vec::with_capacity(BUFFER + BLOCK),
            taken: 0,
        }))
    }

    /// Checks the tag over all of the ciphertext; decrypts nothing.
    fn check(&self, additional: &[u8], mac: &[u8]) -> Result<(), Error> {
        let mut checker = Checker::new(self.cipher, &self.key, &self.iv, additional)?;
        let mut ciphertext = self.ciphertext.open()?;
        let mut buffer = vec![0; BUFFER];
        while let Some(bytes) = fill(&mut ciphertext, &mut buffer)? {
            checker.update(bytes);
        }
        Ok(checker.finish(mac)?)
    }

    /// Decrypts to the end, for the padding alone.
    fn check_padding(&self) -> Result<(), Error> {
        let mut pass = self.open()?;
        let mut buffer = vec![0; BUFFER];
        while fill(&mut pass, &mut buffer)?.is_some() {}
        drop(Secret::new(buffer));
        Ok(())
    }
}

struct Pass<'a> {
    ciphertext: Box<dyn Read + Send + 'a>,
    /// `None` once the end was reached.
    opener: Option<Opener>,
    buffer: Vec<u8>,
    plain: Vec<u8>,
    /// Bytes of `plain` that the reader has.
    taken: usize,
}

impl Read for Pass<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        while self.taken >= self.plain.len() {
            self.plain.clear();
            self.taken = 0;
            let Some(opener) = &mut self.opener else {
                return Ok(0);
            };
            match fill(&mut self.ciphertext, &mut self.buffer)? {
                Some(bytes) => opener.update(bytes, &mut self.plain),
                None => {
                    if let Some(opener) = self.opener.take() {
                        opener.finish(&mut self.plain).map_err(failed)?;
                    }
                }
            }
        }
        let left = self.plain.get(self.taken..).unwrap_or_default();
        let count = left.len().min(out.len());
        if let (Some(out), Some(left)) = (out.get_mut(..count), left.get(..count)) {
            out.copy_from_slice(left);
        }
        self.taken = self.taken.saturating_add(count);
        Ok(count)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        drop(Secret::new(mem::take(&mut self.plain)));
    }
}

/// Reads what there is, at most one buffer; `None` at the end.
fn fill<'a>(input: &mut dyn Read, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
    loop {
        match input.read(buffer) {
            Ok(0) => return Ok(None),
            Ok(count) => return Ok(buffer.get(..count)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn failed(error: CryptoError) -> io::Error {
    Error::from(error).into()
}

/// Encrypted keys tried: a message names one certificate once, or twice where it stands in To and
/// Cc; each costs a private-key operation and a pass.
const MAX_WAYS: usize = 4;

/// Bytes of ciphertext taken at a time, and what a cipher may hold back.
const BUFFER: usize = 64 << 10;
const BLOCK: usize = 16;
