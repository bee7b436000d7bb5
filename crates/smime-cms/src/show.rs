use smime_crypto::Oid;
use smime_io::{Limits, Source};

use crate::{
    Error, Object, RecipientId, asn1,
    object::{Structure, read_structure},
    signed::SignerId,
};

/// The structure of a CMS object, without any judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The type of the object: SignedData, EnvelopedData or AuthEnvelopedData.
    pub object_type: Oid,
    /// The version of that structure.
    pub version: u32,
    /// The type of the content.
    pub content_type: Oid,
    /// Octets of the content, encrypted or not; none where it stands elsewhere.
    pub content_length: Option<u64>,
    /// Octets of the whole object; what follows them in the input is no part of it.
    pub length: u64,
    /// How the object is encoded.
    pub encoding: Encoding,
    /// Certificates that could be read.
    pub certificates: usize,
    /// Elements of the certificate set that could not be read.
    pub skipped_certificates: usize,
    /// The signers.
    pub signers: Vec<SignerSummary>,
    /// The recipients.
    pub recipients: Vec<RecipientId>,
    /// The content cipher.
    pub cipher: Option<Oid>,
}

/// One signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerSummary {
    /// How the signer names their certificate.
    pub id: SignerId,
    /// The digest algorithm.
    pub digest: Oid,
    /// The signature algorithm.
    pub signature: Oid,
    /// Whether there are signed attributes.
    pub has_signed_attributes: bool,
}

/// How an object is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Indefinite or longer lengths than needed, or strings in segments.
    Ber,
    /// None of these.
    Der,
}

impl Encoding {
    /// Returns the name scripts know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ber => "ber",
            Self::Der => "der",
        }
    }
}

/// Reads the structure of the CMS object at the start of `source`.
///
/// # Errors
/// As [`read`](crate::read).
pub fn show(source: &Source, limits: &Limits) -> Result<Summary, Error> {
    let structure = read_structure(source, limits)?;
    let Structure {
        object,
        object_type,
        version,
        is_der,
        content_length,
        length,
    } = structure;
    let mut summary = Summary {
        object_type,
        version,
        content_type: object_type,
        content_length,
        length,
        encoding: if is_der { Encoding::Der } else { Encoding::Ber },
        certificates: 0,
        skipped_certificates: 0,
        signers: Vec::new(),
        recipients: Vec::new(),
        cipher: None,
    };
    match object {
        Object::Signed(message) => {
            summary.content_type = message.content_type;
            summary.certificates = message.certificates.iter().count();
            summary.skipped_certificates = message.skipped_certificates;
            for signer in message.signers {
                summary.signers.push(SignerSummary {
                    digest: asn1::algorithm_of(&signer.digest)?,
                    signature: asn1::algorithm_of(&signer.scheme)?,
                    has_signed_attributes: signer.attributes.is_some(),
                    id: signer.id,
                });
            }
        }
        Object::Compressed(compressed) => summary.content_type = compressed.content_type(),
        Object::Enveloped(envelope) => {
            summary.content_type = envelope.content_type();
            summary.recipients = envelope.recipients().to_vec();
            summary.cipher = Some(
                envelope
                    .cipher()
                    .map_or_else(|oid| oid, |cipher| cipher.oid()),
            );
        }
    }
    Ok(summary)
}
