use smime_crypto::{
    ContentCipher, Curve, DigestAlgorithm, Error, KeyKind, PublicKey, SignatureScheme,
};
use smime_io::Source;
use smime_mime::MediaTypes;
use smime_store::Mode;
use smime_x509::EmailAddress;

use crate::{Choice, PlainAnswer};

/// What to send, from whom, to whom, and how protected.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The mail as written: header fields and body.
    pub mail: Source,
    /// Who signs; the mail's From when absent.
    pub from: Option<EmailAddress>,
    /// Who can decrypt; the mail's To, Cc and Bcc when empty.
    pub to: Vec<EmailAddress>,
    /// The group whose defaults hold; those of nobody when absent.
    pub group: Option<String>,
    /// Whether to sign; as the defaults say when absent.
    pub sign: Option<Mode>,
    /// Whether to encrypt; as the defaults say when absent.
    pub encrypt: Option<Mode>,
    /// Which certificates.
    pub choice: Choice,
    /// Whether an answer to encrypted mail may go in plain.
    pub plain_answer: PlainAnswer,
    /// How the signature travels.
    pub form: SignedForm,
    /// Whether the signer's root travels with the signature.
    pub root: Root,
    /// Which names the media types have.
    pub media_types: MediaTypes,
    /// How the signature is made.
    pub signature: SignatureChoice,
    /// Which content cipher.
    pub cipher: Cipher,
    /// The digest of OAEP for all RSA recipients; when absent, OAEP where a recipient is known to
    /// read it, and PKCS#1 v1.5, which every peer reads, elsewhere.
    pub oaep: Option<DigestAlgorithm>,
}

/// How a signature travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedForm {
    /// Beside the content, which every client can show (multipart/signed).
    Detached,
    /// Around the content, which gateways cannot break (application/pkcs7-mime).
    Opaque,
}

/// Whether the root of the signer's chain travels with a signature, as the rest of it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Root {
    /// No: whoever believes it has it, and a root that comes along proves nothing.
    #[default]
    LeftOut,
    /// Yes, for peers who want to look at the whole chain (RFC 5652 §10.2.3).
    Included,
}

/// How a signature is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SignatureChoice {
    /// The digest; what suits the key when absent.
    pub digest: Option<DigestAlgorithm>,
    /// RSASSA-PSS instead of PKCS#1 v1.5 for RSA keys.
    pub padding: RsaPadding,
}

/// The padding of RSA signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RsaPadding {
    /// PKCS#1 v1.5, which every peer reads.
    #[default]
    Pkcs1,
    /// PSS, with a salt as long as the digest.
    Pss,
}

/// Which content cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Cipher {
    /// The best that every recipient is known to read (RFC 8551 §2.7.1).
    #[default]
    Best,
    /// This one.
    Only(ContentCipher),
}

impl SignatureChoice {
    /// Returns the scheme for a key: SHA-256, or what suits the curve, where no digest is chosen;
    /// what an RSASSA-PSS key restricts itself to (RFC 4055 §3.3).
    ///
    /// # Errors
    /// [`Error::WrongKey`] when the key is not one that signs so; [`Error::Unsupported`] for a digest
    /// other than SHA-512 with Ed25519 (RFC 8419 §3.1).
    pub fn scheme(self, key: &PublicKey) -> Result<SignatureScheme, Error> {
        let scheme = match (self.digest, key.pss_restriction()) {
            (None, Some(only)) => only,
            _ => self.scheme_of(key.kind())?,
        };
        if key.admits(scheme) {
            Ok(scheme)
        } else {
            Err(Error::WrongKey("restricted to another digest or salt"))
        }
    }

    fn scheme_of(self, kind: KeyKind) -> Result<SignatureScheme, Error> {
        let digest = |suits| self.digest.unwrap_or(suits);
        match (kind, self.padding) {
            (KeyKind::Rsa { .. }, RsaPadding::Pkcs1) => {
                Ok(SignatureScheme::RsaPkcs1(digest(DigestAlgorithm::Sha256)))
            }
            (KeyKind::RsaPss { .. }, _) | (KeyKind::Rsa { .. }, RsaPadding::Pss) => {
                let digest = digest(DigestAlgorithm::Sha256);
                let salt = u16::try_from(digest.length()).unwrap_or_default();
                Ok(SignatureScheme::RsaPss { digest, salt })
            }
            (KeyKind::Ec(Curve::P256), _) => {
                Ok(SignatureScheme::Ecdsa(digest(DigestAlgorithm::Sha256)))
            }
            (KeyKind::Ec(Curve::P384), _) => {
                Ok(SignatureScheme::Ecdsa(digest(DigestAlgorithm::Sha384)))
            }
            (KeyKind::Ec(Curve::P521), _) => {
                Ok(SignatureScheme::Ecdsa(digest(DigestAlgorithm::Sha512)))
            }
            (KeyKind::Ed25519, _) => match self.digest {
                None | Some(DigestAlgorithm::Sha512) => Ok(SignatureScheme::Ed25519),
                Some(_) => Err(Error::Unsupported("Ed25519 with this digest")),
            },
            (KeyKind::X25519 | KeyKind::Unknown, _) => Err(Error::WrongKey("not a key that signs")),
        }
    }
}

impl Draft {
    /// Makes a draft that is protected by the defaults, with the engine's own choices.
    pub fn new(mail: Source) -> Self {
        Self {
            mail,
            from: None,
            to: Vec::new(),
            group: None,
            sign: None,
            encrypt: None,
            choice: Choice::default(),
            plain_answer: PlainAnswer::default(),
            form: SignedForm::Detached,
            root: Root::default(),
            media_types: MediaTypes::default(),
            signature: SignatureChoice::default(),
            cipher: Cipher::Best,
            oaep: None,
        }
    }
}
