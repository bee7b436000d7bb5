use smime_crypto::{
    DigestAlgorithm, Oid, UnixTime,
    asn1::{Reader, Tag},
};

use crate::{ParseError, RevocationReason, ocsp::extensions};

/// What an OCSP responder says of one certificate (RFC 6960 §4.2.1).
#[derive(Clone, Copy, Debug)]
pub struct SingleResponse<'a> {
    /// Which certificate.
    pub certificate: CertificateId<'a>,
    /// What is known of it.
    pub status: CertificateStatus,
    /// Since when that is known.
    pub this_update: UnixTime,
    /// Until when more will be known; without it, at any moment.
    pub next_update: Option<UnixTime>,
    pub(super) unknown_critical: Option<Oid>,
}

/// How OCSP names a certificate (RFC 6960 §4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateId<'a> {
    /// The digest of the two hashes; `None` where it is not one of ours, and nothing compares.
    pub digest: Option<DigestAlgorithm>,
    /// The digest of the DER of the issuer's name, as it stands in the certificate.
    pub issuer_name_hash: &'a [u8],
    /// The digest of the octets of the issuer's subjectPublicKey.
    pub issuer_key_hash: &'a [u8],
    /// The content octets of the serial number, as encoded.
    pub serial: &'a [u8],
}

/// What a responder knows of a certificate (RFC 6960 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateStatus {
    /// It is not revoked.
    Good,
    /// It is.
    Revoked {
        /// Since when.
        at: UnixTime,
        /// Why, when that is told.
        reason: Option<RevocationReason>,
    },
    /// The responder does not know it.
    Unknown,
}

impl SingleResponse<'_> {
    /// Says whether this was the answer at `at`; one without an end never is.
    pub fn is_current(&self, at: UnixTime) -> bool {
        self.this_update <= at && self.next_update.is_some_and(|next| at <= next)
    }
}

impl<'a> SingleResponse<'a> {
    pub(super) fn read(responses: &mut Reader<'a>) -> Result<Self, ParseError> {
        let what = "SingleResponse";
        let mut fields = responses.sequence(what)?;
        let certificate = CertificateId::read(&mut fields)?;
        let status = status(&mut fields)?;
        let this_update = generalized_time(&mut fields, "thisUpdate")?;
        let next_update = fields
            .optional(Tag::context_constructed(0), "nextUpdate")?
            .map(|field| {
                let mut inner = field.reader();
                let time = generalized_time(&mut inner, "nextUpdate")?;
                inner.finish("nextUpdate")?;
                Ok::<_, ParseError>(time)
            })
            .transpose()?;
        let (_, unknown_critical) = extensions(&mut fields, &[])?;
        fields.finish(what)?;
        Ok(Self {
            certificate,
            status,
            this_update,
            next_update,
            unknown_critical,
        })
    }
}

impl<'a> CertificateId<'a> {
    fn read(fields: &mut Reader<'a>) -> Result<Self, ParseError> {
        let mut fields = fields.sequence("CertID")?;
        let algorithm = fields.read(Tag::SEQUENCE, "hashAlgorithm")?;
        let issuer_name_hash = fields.octet_string("issuerNameHash")?;
        let issuer_key_hash = fields.octet_string("issuerKeyHash")?;
        let serial = fields.integer("serialNumber")?;
        fields.finish("CertID")?;
        Ok(Self {
            digest: DigestAlgorithm::from_identifier(algorithm.raw).ok(),
            issuer_name_hash,
            issuer_key_hash,
            serial,
        })
    }
}

fn status(fields: &mut Reader<'_>) -> Result<CertificateStatus, ParseError> {
    let what = "certStatus";
    let choice = fields.any(what)?;
    match (choice.tag.0, choice.content) {
        (0x80, []) => Ok(CertificateStatus::Good),
        (0x82, []) => Ok(CertificateStatus::Unknown),
        (0xa1, _) => {
            let mut info = choice.reader();
            let at = generalized_time(&mut info, "revocationTime")?;
            let reason = info.optional(Tag::context_constructed(0), "revocationReason")?;
            info.finish("RevokedInfo")?;
            let reason = reason
                .map(|value| RevocationReason::from_value(&value))
                .transpose()?;
            Ok(CertificateStatus::Revoked { at, reason })
        }
        _ => Err(ParseError::Malformed {
            what,
            offset: choice.offset,
        }),
    }
}

/// Reads a time of OCSP, which is always a GeneralizedTime (RFC 6960 §4.2.1).
pub(super) fn generalized_time(
    fields: &mut Reader<'_>,
    what: &'static str,
) -> Result<UnixTime, ParseError> {
    if fields.peek() != Some(Tag::GENERALIZED_TIME) {
        return Err(ParseError::Malformed {
            what,
            offset: fields.offset(),
        });
    }
    Ok(fields.time(what)?)
}
