use std::fmt;

use smime_crypto::{
    Oid, UnixTime,
    asn1::{Element, Reader, Tag},
};

use crate::{
    GeneralName, ParseError, SequenceOf,
    extension::{RawExtension, Seen},
};

/// One revoked certificate of a CRL (RFC 5280 §5.1.2.6).
#[derive(Clone, Copy, Debug)]
pub struct CrlEntry<'a> {
    /// The content octets of its serial number, as encoded.
    pub serial: &'a [u8],
    /// When the issuer revoked it.
    pub revoked_at: UnixTime,
    /// Why, when that is told (RFC 5280 §5.3.1).
    pub reason: Option<RevocationReason>,
    /// Since when it is believed to have been invalid (RFC 5280 §5.3.2).
    pub invalid_since: Option<UnixTime>,
    /// The extension certificateIssuer: who issued this certificate and those of the entries that
    /// follow (RFC 5280 §5.3.3).
    pub certificate_issuer: Option<SequenceOf<'a, GeneralName<'a>>>,
}

/// Why a certificate was revoked (RFC 5280 §5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevocationReason {
    /// No reason that has a name.
    Unspecified,
    /// The key of an end entity fell into other hands.
    KeyCompromise,
    /// The key of an authority did.
    CaCompromise,
    /// The subject's name or another field has changed.
    AffiliationChanged,
    /// Another certificate takes its place.
    Superseded,
    /// It is no longer needed.
    CessationOfOperation,
    /// For the time being; the one reason that can be taken back.
    CertificateHold,
    /// On a delta CRL: not revoked any more.
    RemoveFromCrl,
    /// The subject may no longer do what an attribute of it allows.
    PrivilegeWithdrawn,
    /// The key of an attribute authority fell into other hands.
    AaCompromise,
}

/// What was met while the entries of a list were checked.
#[derive(Clone, Copy, Default)]
pub(super) struct Found {
    pub(super) unknown_critical: Option<Oid>,
    pub(super) names_issuers: bool,
}

impl RevocationReason {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::RemoveFromCrl,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// Returns the name RFC 5280 gives it, such as `keyCompromise`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }

    /// Returns the number RFC 5280 gives it; 7 is not used.
    pub fn number(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::RemoveFromCrl => 8,
            Self::PrivilegeWithdrawn => 9,
            Self::AaCompromise => 10,
        }
    }

    /// Reads the one ENUMERATED that `value` must hold.
    pub(crate) fn from_value(value: &Element<'_>) -> Result<Self, ParseError> {
        let what = "CRLReason";
        let mut reader = value.reader();
        let element = reader.read(Tag::ENUMERATED, what)?;
        reader.finish(what)?;
        let reason = Self::ALL
            .into_iter()
            .find(|reason| element.content == [reason.number()]);
        reason.ok_or(ParseError::Malformed {
            what,
            offset: element.offset,
        })
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl<'a> CrlEntry<'a> {
    /// Reads the next entry; `None` at the end.
    pub(super) fn next(entries: &mut Reader<'a>) -> Result<Option<Self>, ParseError> {
        if entries.is_empty() {
            return Ok(None);
        }
        let (entry, _) = Self::read(entries)?;
        Ok(Some(entry))
    }

    /// Reads an entry, and says whether it has extensions and which critical one is unknown.
    fn read(entries: &mut Reader<'a>) -> Result<(Self, (bool, Option<Oid>)), ParseError> {
        let mut fields = entries.sequence("revokedCertificate")?;
        let number = fields.read(Tag::INTEGER, "userCertificate")?;
        let serial = number.integer()?;
        if serial.len() > MAX_SERIAL {
            return Err(ParseError::Malformed {
                what: "userCertificate",
                offset: number.offset,
            });
        }
        let mut entry = Self {
            serial,
            revoked_at: fields.time("revocationDate")?,
            reason: None,
            invalid_since: None,
            certificate_issuer: None,
        };
        if fields.is_empty() {
            return Ok((entry, (false, None)));
        }
        let mut unknown = None;
        let mut extensions = fields.sequence("crlEntryExtensions")?;
        fields.finish("revokedCertificate")?;
        if extensions.is_empty() {
            return Err(ParseError::Malformed {
                what: "crlEntryExtensions",
                offset: extensions.offset(),
            });
        }
        let mut seen = Seen::in_list(&extensions);
        while !extensions.is_empty() {
            let offset = extensions.offset();
            let extension = RawExtension::read(&mut extensions)?;
            seen.add(&extension, offset)?;
            if !entry.take(&extension)? && extension.critical {
                unknown = unknown.or(Oid::from_bytes(extension.oid.content));
            }
        }
        Ok((entry, (true, unknown)))
    }

    /// Takes what an extension says; tells whether it is known.
    fn take(&mut self, extension: &RawExtension<'a>) -> Result<bool, ParseError> {
        let value = &extension.value;
        match extension.oid.content {
            [0x55, 0x1d, 21] => self.reason = Some(RevocationReason::from_value(value)?),
            [0x55, 0x1d, 24] => self.invalid_since = Some(generalized_time(value)?),
            [0x55, 0x1d, 29] => {
                let names = SequenceOf::from_value(value, "certificateIssuer")?;
                self.certificate_issuer = Some(names);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Checks every entry of a list.
pub(super) fn check(entries: &mut Reader<'_>, version: u8) -> Result<Found, ParseError> {
    let mut found = Found::default();
    while !entries.is_empty() {
        let (entry, (extended, unknown)) = CrlEntry::read(entries)?;
        if extended && version < 2 {
            return Err(ParseError::Version);
        }
        found.unknown_critical = found.unknown_critical.or(unknown);
        found.names_issuers |= entry.certificate_issuer.is_some();
    }
    Ok(found)
}

fn generalized_time(value: &Element<'_>) -> Result<UnixTime, ParseError> {
    let what = "invalidityDate";
    let mut reader = value.reader();
    if reader.peek() != Some(Tag::GENERALIZED_TIME) {
        return Err(ParseError::Malformed {
            what,
            offset: value.offset,
        });
    }
    let time = reader.time(what)?;
    reader.finish(what)?;
    Ok(time)
}

/// As for certificates: RFC 5280 §4.1.2.2 allows 20 octets, and 64 leave room for all that exist.
const MAX_SERIAL: usize = 64;
