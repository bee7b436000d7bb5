//! SignedData (RFC 5652 §5): what was read, and what it turned out to be worth.

pub(crate) mod attributes;
mod evidence;
mod verify;
mod writer;

use smime_crypto::{
    AlgorithmPolicy, CryptoProvider, DigestAlgorithm, Error as CryptoError, Oid, Refused,
    SignatureScheme, UnixTime,
};
use smime_io::{Limits, Source};
use smime_x509::{
    Certificate, CertificateBundle, ChainError, ChainVerifier, Crl, EmailAddress, NameRef,
    OcspResponse, PolicyInputs, Purpose,
};

pub(crate) use evidence::Evidence;
pub use writer::{DetachedSigner, SignedWriter, Signer, sign_der};

use crate::{Error, asn1, capabilities::Capabilities, object};

/// A SignedData whose signatures nobody has judged yet.
#[derive(Debug)]
pub struct SignedMessage {
    pub(crate) content_type: Oid,
    pub(crate) content: Option<Source>,
    pub(crate) certificates: CertificateBundle,
    pub(crate) skipped_certificates: usize,
    pub(crate) evidence: Evidence,
    pub(crate) signers: Vec<SignerInfo>,
}

/// What a signature is judged by.
#[derive(Clone, Copy, Debug)]
pub struct SignatureCheck<'a> {
    /// Proves the signers' certificates; `None` judges signatures alone, never whose they are.
    ///
    /// What the message brings about revoked certificates is added to what the verifier knows,
    /// unless its policy asks nothing.
    pub chains: Option<&'a ChainVerifier<'a>>,
    /// What the signers' certificates must be good for: [`Purpose::SignMail`] for mail.
    pub purpose: Purpose,
    /// Which certificate policies are asked for.
    pub policies: &'a PolicyInputs,
    /// Computes digests and signatures.
    pub provider: &'a dyn CryptoProvider,
    /// Which algorithms and keys are believed.
    pub algorithms: &'a AlgorithmPolicy,
    /// Certificates beside those in the message.
    pub pool: &'a CertificateBundle,
    /// Whose signature it must be.
    pub sender: Sender<'a>,
    /// The time of judgement; never the time the signer claims.
    pub at: UnixTime,
    /// What the time that the signer claims decides.
    pub claimed_time: ClaimedTime,
}

/// What the time decides that a signer claims to have signed at (RFC 5652 §11.3).
///
/// It is nobody's word but that of whoever has the key: also of a thief, who can claim any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClaimedTime {
    /// Nothing.
    #[default]
    Ignored,
    /// Certificates that are not valid at the time of judgement need to have been valid then; a
    /// time after that of judgement is nobody's. Algorithms, keys and revocation are judged at the
    /// time of judgement all the same, because what was broken or stolen since can claim any time.
    Validity,
}

/// Whose signature it must be.
#[derive(Clone, Copy, Debug)]
pub enum Sender<'a> {
    /// Anybody's.
    Any,
    /// That of somebody who has every one of these addresses; if there are none, nobody's.
    Addresses(&'a [EmailAddress]),
}

/// What verifying a [`SignedMessage`] gave.
#[derive(Debug)]
pub enum Outcome {
    /// There is a signer, and every signer is [`Verdict::Good`].
    Verified(Verified),
    /// Anything else.
    Unverified(Unverified),
}

/// Content with at least one signer, all of them good; made by [`SignedMessage::verify`] alone.
#[derive(Debug)]
pub struct Verified(Judged);

/// Content with no signer, or with one that is not good.
#[derive(Debug)]
pub struct Unverified(Judged);

/// What one signer's signature is worth, and what the signer said.
#[derive(Clone, Debug)]
pub struct SignerReport {
    /// What the signature is worth.
    pub verdict: Verdict,
    /// The certificate that was judged, if one was found.
    pub certificate: Option<Certificate>,
    /// The digest of the content, if this engine knows it.
    pub digest: Option<DigestAlgorithm>,
    /// The scheme of the signature, if this engine knows it.
    pub scheme: Option<SignatureScheme>,
    /// When the signer claims to have signed.
    pub signing_time: Option<UnixTime>,
    /// Whether the verdict holds certificates valid that were so at the time that the signer claims
    /// and are not at the time of judgement.
    pub by_claimed_time: bool,
    /// What the signer can read; told only of a signer who is good.
    pub capabilities: Option<Capabilities>,
    /// The certificates at hand that may be the one which the signer wants to be encrypted to
    /// (RFC 8551 §2.5.3); told only of a signer who is good, and proven by nobody.
    pub encryption_certificates: Vec<Certificate>,
}

/// What one signature is worth.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The signature matches, by a proven certificate of the sender.
    Good,
    /// The content or the attributes are not what was signed with that key.
    BadSignature,
    /// The signer's certificate is neither in the message nor in the pool.
    NoCertificate,
    /// The signature matches; the certificate proves nothing.
    Untrusted(ChainError),
    /// The signature matches; the certificate is somebody else's.
    WrongSender,
    /// The signature is of a kind that is not believed.
    Refused(Refusal),
}

/// Why a signature is not believed although it may match.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Policy does not permit the scheme or the key.
    Policy(Refused),
    /// The digest or the scheme is unknown, or has parameters that cannot be used.
    Algorithm(CryptoError),
    /// A signed attribute is missing, repeated or malformed (RFC 5652 §11).
    Attributes(&'static str),
    /// The signed content type is another than the one of the content (RFC 5652 §11.1).
    ContentTypeMismatch,
    /// Content that is not id-data needs signed attributes (RFC 5652 §5.3).
    NoSignedAttributes,
    /// Without signed attributes, over content that reads as signed attributes: the signature may
    /// have been made over something else.
    AmbiguousContent,
    /// The signer named another certificate as theirs (RFC 5035 §5).
    SigningCertificateMismatch,
    /// The signer named other algorithms (RFC 6211 §2).
    AlgorithmProtection,
}

impl SignedMessage {
    /// Reads the signature of a multipart/signed, whose signed part is `content`.
    ///
    /// # Errors
    /// [`Error::UnexpectedContent`] when the signature carries content of its own: what is shown
    /// must be what was signed. Otherwise as [`read`](crate::read).
    pub fn detached(signature: &Source, content: Source, limits: &Limits) -> Result<Self, Error> {
        match object::read(signature.clone(), limits)? {
            object::Object::Signed(message) => message.with_content(content),
            object::Object::Enveloped(envelope) => {
                Err(Error::UnknownContentType(envelope.object_type()))
            }
            object::Object::Compressed(_) => {
                Err(Error::UnknownContentType(asn1::ID_COMPRESSED_DATA))
            }
        }
    }

    /// Supplies the content of a detached signature.
    ///
    /// # Errors
    /// [`Error::UnexpectedContent`] when there is content already.
    pub fn with_content(self, content: Source) -> Result<Self, Error> {
        match self.content {
            Some(_) => Err(Error::UnexpectedContent),
            None => Ok(Self {
                content: Some(content),
                ..self
            }),
        }
    }

    /// Returns the certificates that came along, in their order; none of them is proven.
    pub fn certificates(&self) -> &CertificateBundle {
        &self.certificates
    }

    /// Returns how many elements of the certificate set could not be read and were left out.
    pub fn skipped_certificates(&self) -> usize {
        self.skipped_certificates
    }

    /// Returns the CRLs that came with the message and could be read; nothing vouches for them.
    pub fn crls(&self) -> &[Crl] {
        &self.evidence.crls
    }

    /// Returns the OCSP responses that came with the message and could be read (RFC 5940); nothing
    /// vouches for them.
    pub fn ocsp_responses(&self) -> &[OcspResponse] {
        &self.evidence.responses
    }

    /// Returns the number of signers.
    pub fn signer_count(&self) -> usize {
        self.signers.len()
    }

    /// Returns how the signers name their certificates, in their order.
    pub fn signer_ids(&self) -> impl Iterator<Item = &SignerId> {
        self.signers.iter().map(|signer| &signer.id)
    }

    /// Returns the type of the content, id-data for mail.
    pub fn content_type(&self) -> Oid {
        self.content_type
    }

    /// Returns the content; none for a detached signature that was read alone.
    pub fn content(&self) -> Option<&Source> {
        self.content.as_ref()
    }

    /// Judges every signer.
    ///
    /// One pass over the content makes all digests. A signature that is not good is an
    /// [`Outcome::Unverified`], not an error.
    ///
    /// # Errors
    /// [`Error::MissingContent`]; otherwise what reading the content returned.
    pub fn verify(self, check: &SignatureCheck<'_>) -> Result<Outcome, Error> {
        let judged = verify::judge(self, check)?;
        let good = |signer: &SignerReport| matches!(signer.verdict, Verdict::Good);
        // `all` holds of an empty list; nobody's signature is nobody's word.
        if !judged.signers.is_empty() && judged.signers.iter().all(good) {
            Ok(Outcome::Verified(Verified(judged)))
        } else {
            Ok(Outcome::Unverified(Unverified(judged)))
        }
    }
}

impl Verified {
    /// Returns the content, every byte of which was signed.
    pub fn content(&self) -> &Source {
        &self.0.content
    }

    /// Returns one report per signer, in their order.
    pub fn signers(&self) -> &[SignerReport] {
        &self.0.signers
    }
}

impl Unverified {
    /// Returns the content, which may be anybody's.
    pub fn content(&self) -> &Source {
        &self.0.content
    }

    /// Returns one report per signer, in their order.
    pub fn signers(&self) -> &[SignerReport] {
        &self.0.signers
    }
}

impl Verdict {
    /// Returns the word scripts know the verdict by.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::BadSignature => "bad_signature",
            Self::NoCertificate => "no_certificate",
            Self::Untrusted(_) => "untrusted",
            Self::WrongSender => "wrong_sender",
            Self::Refused(_) => "refused",
        }
    }

    /// Returns the stable code of the verdict, with its cause.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Good => "cms.good",
            Self::BadSignature => "cms.bad_signature",
            Self::NoCertificate => "cms.no_certificate",
            Self::Untrusted(error) => error.code(),
            Self::WrongSender => "cms.wrong_sender",
            Self::Refused(refusal) => refusal.code(),
        }
    }
}

impl Refusal {
    /// Returns the stable code of this refusal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Policy(refused) => refused.code(),
            Self::Algorithm(_) => "cms.unknown_algorithm",
            Self::Attributes(_) => "cms.signed_attributes",
            Self::ContentTypeMismatch => "cms.content_type_mismatch",
            Self::NoSignedAttributes => "cms.no_signed_attributes",
            Self::AmbiguousContent => "cms.ambiguous_content",
            Self::SigningCertificateMismatch => "cms.signing_certificate_mismatch",
            Self::AlgorithmProtection => "cms.algorithm_protection_mismatch",
        }
    }
}

/// A SignerInfo (RFC 5652 §5.3), its algorithms not judged.
#[derive(Debug)]
pub(crate) struct SignerInfo {
    pub(crate) id: SignerId,
    /// DER AlgorithmIdentifier.
    pub(crate) digest: Vec<u8>,
    /// A SET OF Attribute in definite minimal lengths, in the order of the message.
    pub(crate) attributes: Option<Vec<u8>>,
    /// DER AlgorithmIdentifier.
    pub(crate) scheme: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    /// As `attributes`; covered by nothing.
    pub(crate) unsigned: Option<Vec<u8>>,
}

/// How a signer names their certificate (RFC 5652 §5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerId {
    /// By its issuer and serial number.
    IssuerSerial {
        /// The DER Name of the issuer.
        issuer: Vec<u8>,
        /// The content octets of the serial number.
        serial: Vec<u8>,
    },
    /// By its subject key identifier.
    SubjectKeyId(Vec<u8>),
}

impl SignerId {
    /// Says whether `certificate` may be the signer's; several may.
    pub fn matches(&self, certificate: &Certificate) -> bool {
        match self {
            Self::IssuerSerial { issuer, serial } => {
                asn1::has_issuer_serial(certificate, issuer, serial)
            }
            Self::SubjectKeyId(key_id) => asn1::has_key_id(certificate, key_id),
        }
    }

    /// Returns [`matches`](Self::matches) for many certificates: the issuer's name, which may be as
    /// long as all of them, is made comparable once.
    fn matcher(&self) -> impl Fn(&Certificate) -> bool {
        let folded = match self {
            Self::IssuerSerial { issuer, .. } => {
                NameRef::from_der(issuer).ok().map(NameRef::canonical)
            }
            Self::SubjectKeyId(_) => None,
        };
        move |certificate| match self {
            Self::IssuerSerial { serial, .. } => {
                let is_issuer = |folded: &Vec<u8>| certificate.issuer().canonical() == *folded;
                certificate.serial() == serial && folded.as_ref().is_some_and(is_issuer)
            }
            Self::SubjectKeyId(key_id) => asn1::has_key_id(certificate, key_id),
        }
    }
}

#[derive(Debug)]
struct Judged {
    content: Source,
    signers: Vec<SignerReport>,
}
