//! RecipientInfo (RFC 5652 §6.2): to whom an envelope is, and how the content key travels.

use std::sync::Arc;

use smime_crypto::{
    Error as CryptoError, KeyKind, PublicKey,
    asn1::{Element, Reader, Tag},
};
use smime_x509::Certificate;

use crate::asn1;

/// How an envelope names one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecipientId {
    /// By the issuer and serial number of the certificate.
    IssuerSerial {
        /// The DER Name of the issuer.
        issuer: Vec<u8>,
        /// The content octets of the serial number.
        serial: Vec<u8>,
    },
    /// By the subject key identifier of the certificate.
    SubjectKeyId(Vec<u8>),
    /// By something that is no certificate: a password, or a key known in advance.
    Other,
}

impl RecipientId {
    /// Says whether `certificate` is named.
    pub fn matches(&self, certificate: &Certificate) -> bool {
        match self {
            Self::IssuerSerial { issuer, serial } => {
                asn1::has_issuer_serial(certificate, issuer, serial)
            }
            Self::SubjectKeyId(key_id) => asn1::has_key_id(certificate, key_id),
            Self::Other => false,
        }
    }
}

/// One recipient, and the content key for them.
#[derive(Debug)]
pub(crate) struct RecipientInfo {
    pub(crate) id: RecipientId,
    pub(crate) key: EncryptedKey,
}

/// How the content key travels.
#[derive(Debug)]
pub(crate) enum EncryptedKey {
    /// KeyTransRecipientInfo (RFC 5652 §6.2.1).
    Transport {
        /// DER AlgorithmIdentifier.
        algorithm: Vec<u8>,
        encrypted: Vec<u8>,
    },
    /// KeyAgreeRecipientInfo (RFC 5652 §6.2.2) with the originator's key inside (RFC 5753 §3.1.1).
    Agreement {
        agreement: Arc<AgreementInfo>,
        encrypted: Vec<u8>,
    },
    /// Any other kind.
    Unsupported(&'static str),
}

impl EncryptedKey {
    /// Says whether it can be for `key`, by the kind and the length of both.
    pub(crate) fn may_be_for(&self, key: &PublicKey) -> bool {
        match self {
            Self::Transport { encrypted, .. } => match key.kind() {
                // As long as the modulus (RFC 8017 §7.1.1, §7.2.1).
                KeyKind::Rsa { bits } => {
                    usize::try_from(bits.div_ceil(8)).is_ok_and(|it| it == encrypted.len())
                }
                _ => false,
            },
            Self::Agreement { agreement, .. } => {
                let point = &agreement.originator.point;
                let algorithm = Reader::new(&agreement.originator.algorithm).oid();
                match key.kind() {
                    // A point is as long as those of our curve (SEC 1 §2.3.3).
                    KeyKind::Ec(_) => {
                        algorithm == Ok(asn1::EC_PUBLIC_KEY) && point.len() == key.key_bytes().len()
                    }
                    KeyKind::X25519 => algorithm == Ok(asn1::X25519),
                    _ => false,
                }
            }
            Self::Unsupported(_) => false,
        }
    }
}

/// What the recipients of one KeyAgreeRecipientInfo share; each of them pointing to it keeps memory
/// from growing with the product of both.
#[derive(Debug)]
pub(crate) struct AgreementInfo {
    /// DER AlgorithmIdentifier of the agreement, the one of the key wrap inside.
    pub(crate) algorithm: Vec<u8>,
    pub(crate) originator: Originator,
    pub(crate) ukm: Option<Vec<u8>>,
}

/// OriginatorPublicKey (RFC 5652 §6.2.2).
#[derive(Debug)]
pub(crate) struct Originator {
    /// The octets inside the AlgorithmIdentifier.
    pub(crate) algorithm: Vec<u8>,
    /// The octets of the BIT STRING: a point.
    pub(crate) point: Vec<u8>,
}

/// Reads one DER RecipientInfo; a KeyAgreeRecipientInfo gives one entry per encrypted key.
pub(crate) fn read(der: &[u8]) -> Result<Vec<RecipientInfo>, CryptoError> {
    let info = Reader::new(der).any("RecipientInfo")?;
    let other = |what| {
        Ok(vec![RecipientInfo {
            id: RecipientId::Other,
            key: EncryptedKey::Unsupported(what),
        }])
    };
    match info.tag {
        Tag::SEQUENCE => Ok(vec![key_transport(&info)?]),
        KEY_AGREE => key_agreement(&info),
        KEK => other("KEKRecipientInfo"),
        PASSWORD => other("PasswordRecipientInfo"),
        OTHER => other("OtherRecipientInfo"),
        _ => Err(CryptoError::Malformed {
            what: "RecipientInfo",
            offset: info.offset,
        }),
    }
}

fn key_transport(info: &Element<'_>) -> Result<RecipientInfo, CryptoError> {
    let mut fields = info.reader();
    fields.small("version")?;
    let id = fields.any("rid")?;
    let id = if id.tag == Tag::SEQUENCE {
        issuer_serial(&id)?
    } else if id.tag.primitive() == Tag::context(0) {
        RecipientId::SubjectKeyId(asn1::implicit_octets(&id, "subjectKeyIdentifier")?)
    } else {
        return Err(CryptoError::Malformed {
            what: "rid",
            offset: id.offset,
        });
    };
    let algorithm = fields
        .read(Tag::SEQUENCE, "keyEncryptionAlgorithm")?
        .raw
        .to_vec();
    let encrypted = fields.octet_string("encryptedKey")?.to_vec();
    fields.finish("KeyTransRecipientInfo")?;
    Ok(RecipientInfo {
        id,
        key: EncryptedKey::Transport {
            algorithm,
            encrypted,
        },
    })
}

fn key_agreement(info: &Element<'_>) -> Result<Vec<RecipientInfo>, CryptoError> {
    let mut fields = info.reader();
    fields.small("version")?;
    let originator = originator(&fields.read(Tag::context_constructed(0), "originator")?)?;
    let ukm = match fields.optional(Tag::context_constructed(1), "ukm")? {
        Some(field) => {
            let mut inner = field.reader();
            let ukm = inner.octet_string("ukm")?.to_vec();
            inner.finish("ukm")?;
            Some(ukm)
        }
        None => None,
    };
    let algorithm = fields
        .read(Tag::SEQUENCE, "keyEncryptionAlgorithm")?
        .raw
        .to_vec();
    let mut keys = fields.sequence("recipientEncryptedKeys")?;
    fields.finish("KeyAgreeRecipientInfo")?;
    let agreement = originator.map(|originator| {
        Arc::new(AgreementInfo {
            algorithm,
            originator,
            ukm,
        })
    });
    let mut infos = Vec::new();
    // One more than there may be is enough for the caller to see that there are too many.
    while !keys.is_empty() && infos.len() <= MAX_RECIPIENTS {
        let mut entry = keys.sequence("RecipientEncryptedKey")?;
        let id = agreement_id(&entry.any("rid")?)?;
        let encrypted = entry.octet_string("encryptedKey")?.to_vec();
        entry.finish("RecipientEncryptedKey")?;
        let key = match &agreement {
            Some(agreement) => EncryptedKey::Agreement {
                agreement: Arc::clone(agreement),
                encrypted,
            },
            None => EncryptedKey::Unsupported("originator without a key of the message"),
        };
        infos.push(RecipientInfo { id, key });
    }
    Ok(infos)
}

/// OriginatorIdentifierOrKey; `None` where it names a certificate: static-static agreement, which
/// mail does not use.
fn originator(field: &Element<'_>) -> Result<Option<Originator>, CryptoError> {
    let mut choice = field.reader();
    let key = choice.any("originator")?;
    choice.finish("originator")?;
    if key.tag != Tag::context_constructed(1) {
        return Ok(None);
    }
    let mut key = key.reader();
    let algorithm = key.read(Tag::SEQUENCE, "algorithm")?.content.to_vec();
    let point = key.bit_string_octets("publicKey")?.to_vec();
    key.finish("OriginatorPublicKey")?;
    Ok(Some(Originator { algorithm, point }))
}

/// KeyAgreeRecipientIdentifier; date and other attributes of RecipientKeyIdentifier are passed
/// over.
fn agreement_id(id: &Element<'_>) -> Result<RecipientId, CryptoError> {
    match id.tag {
        Tag::SEQUENCE => issuer_serial(id),
        KEY_ID => Ok(RecipientId::SubjectKeyId(
            id.reader().octet_string("subjectKeyIdentifier")?.to_vec(),
        )),
        _ => Err(CryptoError::Malformed {
            what: "rid",
            offset: id.offset,
        }),
    }
}

fn issuer_serial(id: &Element<'_>) -> Result<RecipientId, CryptoError> {
    let (issuer, serial) = asn1::read_issuer_serial(id)?;
    Ok(RecipientId::IssuerSerial { issuer, serial })
}

/// Encrypted keys of one envelope: three times what fits `Limits::structure` when they are of honest
/// size. One of two bytes costs a hundred once it is read.
pub(crate) const MAX_RECIPIENTS: usize = 32_768;

const KEY_ID: Tag = Tag::context_constructed(0);
const KEY_AGREE: Tag = Tag::context_constructed(1);
const KEK: Tag = Tag::context_constructed(2);
const PASSWORD: Tag = Tag::context_constructed(3);
const OTHER: Tag = Tag::context_constructed(4);
