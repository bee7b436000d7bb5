use smime_crypto::{
    Oid,
    asn1::{Reader, Tag},
};
use smime_x509::{Crl, OcspResponse, Revocation};

/// What a message brings about revoked certificates: its field `crls` (RFC 5652 §10.2.1).
///
/// Nothing signs the field; what is in it proves itself or nothing.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) crls: Vec<Crl>,
    pub(crate) responses: Vec<OcspResponse>,
}

impl Evidence {
    /// Takes one RevocationInfoChoice; what cannot be read or is of another kind is left out.
    pub(crate) fn add(&mut self, choice: &[u8]) {
        if choice.first() == Some(&Tag::SEQUENCE.0) {
            self.crls.extend(Crl::from_der(choice));
        } else {
            self.responses.extend(ocsp_response(choice));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.crls.is_empty() && self.responses.is_empty()
    }

    /// Returns what is known beside this.
    pub(crate) fn added_to(&self, known: &Revocation) -> Revocation {
        let mut all = known.clone();
        let crls = self.crls.iter().take(MAX_OFFERED);
        crls.for_each(|crl| all.offer_crl(crl.clone()));
        for response in self.responses.iter().take(MAX_OFFERED) {
            all.offer_response(response.clone());
        }
        all
    }
}

/// OtherRevocationInfoFormat with an OCSP response (RFC 5940 §2.1).
fn ocsp_response(choice: &[u8]) -> Option<OcspResponse> {
    let mut outer = Reader::new(choice);
    let other = outer.read(Tag::context_constructed(1), "other").ok()?;
    let mut fields = other.reader();
    if fields.oid().ok()? != RI_OCSP_RESPONSE {
        return None;
    }
    let response = fields.any("otherRevInfo").ok()?;
    fields.finish("otherRevInfo").ok()?;
    OcspResponse::from_der(response.raw).ok()
}

/// How many lists and how many answers of a message are looked at: more than the paths of its
/// signers need, and too few to use up what judging them may cost.
const MAX_OFFERED: usize = 16;

// RFC 5940 §2.1
const RI_OCSP_RESPONSE: Oid = Oid::new("1.3.6.1.5.5.7.16.2");
