use std::mem;

use smime_crypto::{
    Oid,
    asn1::{Element, Reader, Tag},
};

use crate::{GeneralName, ParseError, SequenceOf, oid, span::Span};

mod distribution;
mod name_constraints;
mod names;
mod policies;
mod qualified;
mod transparency;

pub use distribution::{AccessDescription, DistributionPoint, DistributionPointName, ReasonFlags};
pub use name_constraints::{GeneralSubtree, NameConstraints};
pub use names::extended_key_usage_name;
pub use policies::{PolicyConstraints, PolicyInformation, PolicyMapping};
pub use qualified::QcStatement;
pub use transparency::SignedCertificateTimestamp;

/// One extension as it stands in a certificate or CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// What it is.
    pub oid: Oid,
    /// Whether a reader that does not know it must refuse the certificate.
    pub critical: bool,
    /// The content of extnValue: the DER of the extension.
    pub value: &'a [u8],
}

/// What kind of certificate it is (RFC 5280 §4.2.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    /// Whether the key may sign certificates.
    pub ca: bool,
    /// How many intermediates may follow below, self-issued ones not counted.
    pub path_length: Option<u32>,
}

/// What the key may be used for (RFC 5280 §4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsage(u16);

/// The single uses of [`KeyUsage`]; the number is the bit's (RFC 5280 §4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUsageBit {
    /// Signatures other than on certificates and CRLs.
    DigitalSignature,
    /// Signatures meant to bind; also called contentCommitment.
    NonRepudiation,
    /// Encrypting keys.
    KeyEncipherment,
    /// Encrypting data without a content key.
    DataEncipherment,
    /// Key agreement.
    KeyAgreement,
    /// Signing certificates.
    KeyCertSign,
    /// Signing CRLs.
    CrlSign,
    /// With key agreement: encrypting only.
    EncipherOnly,
    /// With key agreement: decrypting only.
    DecipherOnly,
}

impl KeyUsage {
    /// Makes a set of uses.
    pub fn of(bits: &[KeyUsageBit]) -> Self {
        Self(bits.iter().fold(0, |set, bit| set | bit.mask()))
    }

    /// Says whether the set contains `bit`.
    pub fn contains(self, bit: KeyUsageBit) -> bool {
        self.0 & bit.mask() != 0
    }

    /// Returns the uses in the set, in the order of their numbers.
    pub fn bits(self) -> impl Iterator<Item = KeyUsageBit> {
        KeyUsageBit::ALL
            .into_iter()
            .filter(move |bit| self.contains(*bit))
    }

    /// Returns the two octets in which bit 0 is the highest one of the first.
    pub(crate) fn octets(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }
}

impl KeyUsageBit {
    /// Every use, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::DigitalSignature,
        Self::NonRepudiation,
        Self::KeyEncipherment,
        Self::DataEncipherment,
        Self::KeyAgreement,
        Self::KeyCertSign,
        Self::CrlSign,
        Self::EncipherOnly,
        Self::DecipherOnly,
    ];

    /// Returns the name RFC 5280 gives it, such as `digitalSignature`.
    pub fn name(self) -> &'static str {
        match self {
            Self::DigitalSignature => "digitalSignature",
            Self::NonRepudiation => "nonRepudiation",
            Self::KeyEncipherment => "keyEncipherment",
            Self::DataEncipherment => "dataEncipherment",
            Self::KeyAgreement => "keyAgreement",
            Self::KeyCertSign => "keyCertSign",
            Self::CrlSign => "cRLSign",
            Self::EncipherOnly => "encipherOnly",
            Self::DecipherOnly => "decipherOnly",
        }
    }

    fn mask(self) -> u16 {
        0x8000
            >> match self {
                Self::DigitalSignature => 0,
                Self::NonRepudiation => 1,
                Self::KeyEncipherment => 2,
                Self::DataEncipherment => 3,
                Self::KeyAgreement => 4,
                Self::KeyCertSign => 5,
                Self::CrlSign => 6,
                Self::EncipherOnly => 7,
                Self::DecipherOnly => 8,
            }
    }
}

/// The keys of authorityKeyIdentifier (RFC 5280 §4.2.1.1).
#[derive(Clone, Copy, Debug)]
pub struct AuthorityKeyId<'a> {
    /// The identifier of the issuer's key.
    pub key_id: Option<&'a [u8]>,
    /// The names of the issuer's issuer.
    pub issuer: Option<SequenceOf<'a, GeneralName<'a>>>,
    /// The content octets of the serial number of the issuer's certificate.
    pub serial: Option<&'a [u8]>,
}

/// What the extensions of one certificate say, and where those stand that say more than a number.
///
/// Each span is that of an extnValue whose shape was checked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extensions {
    pub(crate) basic_constraints: Option<BasicConstraints>,
    pub(crate) key_usage: Option<KeyUsage>,
    pub(crate) policy_constraints: Option<PolicyConstraints>,
    pub(crate) inhibit_any_policy: Option<u32>,
    pub(crate) extended_key_usage: Option<Span>,
    pub(crate) subject_alt_name: Option<Span>,
    pub(crate) issuer_alt_name: Option<Span>,
    pub(crate) subject_key_id: Option<Span>,
    pub(crate) authority_key_id: Option<Span>,
    pub(crate) name_constraints: Option<Span>,
    pub(crate) certificate_policies: Option<Span>,
    pub(crate) policy_mappings: Option<Span>,
    pub(crate) crl_distribution_points: Option<Span>,
    pub(crate) freshest_crl: Option<Span>,
    pub(crate) smime_capabilities: Option<Span>,
    /// The OID of the first critical extension that nobody here processes.
    pub(crate) unknown_critical: Option<Span>,
}

impl Extensions {
    /// Reads the content of the field `extensions` (RFC 5280 §4.1.2.9).
    pub(crate) fn read(field: &Element<'_>) -> Result<Self, ParseError> {
        let mut extensions = Self::default();
        let mut list = sequence_in(field, "extensions")?;
        if list.is_empty() {
            return Err(malformed("extensions", &list));
        }
        let mut seen = Seen::in_list(&list);
        while !list.is_empty() {
            let offset = list.offset();
            let extension = RawExtension::read(&mut list)?;
            seen.add(&extension, offset)?;
            extensions.take(&extension)?;
        }
        Ok(extensions)
    }

    fn take(&mut self, extension: &RawExtension<'_>) -> Result<(), ParseError> {
        let value = &extension.value;
        let span = Some(Span::of_content(value));
        // 2.5.29.x; comparing one octet is most of what makes reading fast.
        let [0x55, 0x1d, last] = *extension.oid.content else {
            self.take_other(extension);
            return Ok(());
        };
        match last {
            arc::SUBJECT_KEY_ID => {
                let mut reader = value.reader();
                reader.octet_string("subjectKeyIdentifier")?;
                reader.finish("subjectKeyIdentifier")?;
                self.subject_key_id = span;
            }
            arc::KEY_USAGE => self.key_usage = Some(key_usage(value)?),
            arc::SUBJECT_ALT_NAME => {
                SequenceOf::<GeneralName<'_>>::from_value(value, "subjectAltName")?;
                self.subject_alt_name = span;
            }
            arc::ISSUER_ALT_NAME => {
                SequenceOf::<GeneralName<'_>>::from_value(value, "issuerAltName")?;
                self.issuer_alt_name = span;
            }
            arc::BASIC_CONSTRAINTS => self.basic_constraints = Some(basic_constraints(value)?),
            arc::NAME_CONSTRAINTS => {
                NameConstraints::from_value(value)?;
                self.name_constraints = span;
            }
            arc::CRL_DISTRIBUTION_POINTS => {
                SequenceOf::<DistributionPoint<'_>>::from_value(value, "cRLDistributionPoints")?;
                self.crl_distribution_points = span;
            }
            arc::CERTIFICATE_POLICIES => {
                SequenceOf::<PolicyInformation<'_>>::from_value(value, "certificatePolicies")?;
                self.certificate_policies = span;
            }
            arc::POLICY_MAPPINGS => {
                SequenceOf::<PolicyMapping>::from_value(value, "policyMappings")?;
                self.policy_mappings = span;
            }
            arc::AUTHORITY_KEY_ID => {
                AuthorityKeyId::from_value(value)?;
                self.authority_key_id = span;
            }
            arc::POLICY_CONSTRAINTS => {
                self.policy_constraints = Some(PolicyConstraints::from_value(value)?)
            }
            arc::EXTENDED_KEY_USAGE => {
                SequenceOf::<Oid>::from_value(value, "extKeyUsage")?;
                self.extended_key_usage = span;
            }
            arc::FRESHEST_CRL => {
                SequenceOf::<DistributionPoint<'_>>::from_value(value, "freshestCRL")?;
                self.freshest_crl = span;
            }
            arc::INHIBIT_ANY_POLICY => {
                self.inhibit_any_policy = Some(policies::inhibit_any_policy(value)?)
            }
            _ => self.take_other(extension),
        }
        Ok(())
    }

    fn take_other(&mut self, extension: &RawExtension<'_>) {
        if extension.oid.content == oid::SMIME_CAPABILITIES.as_bytes() {
            self.smime_capabilities = Some(Span::of_content(&extension.value));
        } else if extension.critical && extension.oid.content != oid::OCSP_NO_CHECK.as_bytes() {
            // What asks for no check of revocation (RFC 6960 §4.2.2.2.1) limits nothing.
            let span = Span::of_content(&extension.oid);
            self.unknown_critical = self.unknown_critical.or(Some(span));
        }
    }
}

/// The last arcs of the extensions under 2.5.29 (RFC 5280 §4.2.1).
mod arc {
    pub(super) const SUBJECT_KEY_ID: u8 = 14;
    pub(super) const KEY_USAGE: u8 = 15;
    pub(super) const SUBJECT_ALT_NAME: u8 = 17;
    pub(super) const ISSUER_ALT_NAME: u8 = 18;
    pub(super) const BASIC_CONSTRAINTS: u8 = 19;
    pub(super) const NAME_CONSTRAINTS: u8 = 30;
    pub(super) const CRL_DISTRIBUTION_POINTS: u8 = 31;
    pub(super) const CERTIFICATE_POLICIES: u8 = 32;
    pub(super) const POLICY_MAPPINGS: u8 = 33;
    pub(super) const AUTHORITY_KEY_ID: u8 = 35;
    pub(super) const POLICY_CONSTRAINTS: u8 = 36;
    pub(super) const EXTENDED_KEY_USAGE: u8 = 37;
    pub(super) const FRESHEST_CRL: u8 = 46;
    pub(super) const INHIBIT_ANY_POLICY: u8 = 54;
}

/// One extension, its parts where they stand.
pub(crate) struct RawExtension<'a> {
    pub(crate) oid: Element<'a>,
    pub(crate) critical: bool,
    pub(crate) value: Element<'a>,
}

impl<'a> RawExtension<'a> {
    #[inline]
    pub(crate) fn read(list: &mut Reader<'a>) -> Result<Self, ParseError> {
        let mut fields = list.sequence("Extension")?;
        let oid = fields.read(Tag::OID, "extnID")?;
        if !Oid::is_valid(oid.content) {
            return Err(ParseError::Malformed {
                what: "extnID",
                offset: oid.offset,
            });
        }
        // DEVIATION X.690 §11.5: an explicit FALSE is accepted here and in basicConstraints;
        // because it has one meaning and issuers in use write it.
        let critical = fields.peek() == Some(Tag::BOOLEAN) && fields.boolean("critical")?;
        let value = fields.read(Tag::OCTET_STRING, "extnValue")?;
        fields.finish("Extension")?;
        Ok(Self {
            oid,
            critical,
            value,
        })
    }

    fn id(&self) -> Result<Oid, ParseError> {
        Oid::from_bytes(self.oid.content).ok_or(ParseError::Malformed {
            what: "extnID",
            offset: self.oid.offset,
        })
    }
}

impl<'a> Extension<'a> {
    /// Reads the next Extension of a list and returns it with its extnValue.
    pub(crate) fn read(list: &mut Reader<'a>) -> Result<(Self, Element<'a>), ParseError> {
        let raw = RawExtension::read(list)?;
        let extension = Self {
            oid: raw.id()?,
            critical: raw.critical,
            value: raw.value.content,
        };
        Ok((extension, raw.value))
    }
}

/// The extensions met so far, to refuse one that stands there twice (RFC 5280 §4.2).
pub(crate) struct Seen<'a> {
    list: Reader<'a>,
    /// A bit for each last arc under 2.5.29, where nearly all extensions are.
    arcs: u128,
    /// Whether there were others.
    others: bool,
    count: usize,
}

impl<'a> Seen<'a> {
    /// Begins with `list`, of which nothing was read yet.
    pub(crate) fn in_list(list: &Reader<'a>) -> Self {
        Self {
            list: list.clone(),
            arcs: 0,
            others: false,
            count: 0,
        }
    }

    /// Takes the next extension of the list, which begins at `offset`.
    pub(crate) fn add(
        &mut self,
        extension: &RawExtension<'a>,
        offset: usize,
    ) -> Result<(), ParseError> {
        let known = match extension.oid.content {
            [0x55, 0x1d, last @ 0..0x80] => {
                let bit = 1 << last;
                let known = self.arcs & bit != 0;
                self.arcs |= bit;
                known
            }
            // The first of these can be no second; most certificates have one.
            oid => mem::replace(&mut self.others, true) && self.stands_before(offset, oid)?,
        };
        if known {
            return Err(ParseError::DuplicateExtension(extension.id()?));
        }
        self.count += 1;
        if self.count > MAX_EXTENSIONS {
            return Err(ParseError::Malformed {
                what: "extensions",
                offset,
            });
        }
        Ok(())
    }

    fn stands_before(&self, offset: usize, oid: &[u8]) -> Result<bool, ParseError> {
        let mut earlier = self.list.clone();
        while earlier.offset() < offset {
            if RawExtension::read(&mut earlier)?.oid.content == oid {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Three times as many as the richest certificates have; it bounds the search for duplicates.
const MAX_EXTENSIONS: usize = 64;

impl<'a> AuthorityKeyId<'a> {
    pub(crate) fn from_value(value: &Element<'a>) -> Result<Self, ParseError> {
        let what = "authorityKeyIdentifier";
        let mut fields = sequence_in(value, what)?;
        let key_id = fields.optional(Tag::context(0), what)?;
        let issuer = fields.optional(Tag::context_constructed(1), what)?;
        let serial = fields.optional(Tag::context(2), what)?;
        fields.finish(what)?;
        Ok(Self {
            key_id: key_id.map(|it| it.content),
            issuer: issuer
                .map(|it| SequenceOf::from_element(&it, what))
                .transpose()?,
            serial: serial.map(|it| it.content),
        })
    }
}

fn basic_constraints(value: &Element<'_>) -> Result<BasicConstraints, ParseError> {
    let mut fields = sequence_in(value, "basicConstraints")?;
    let ca = fields.peek() == Some(Tag::BOOLEAN) && fields.boolean("cA")?;
    let path_length = if fields.is_empty() {
        None
    } else {
        Some(fields.small("pathLength")?)
    };
    fields.finish("basicConstraints")?;
    Ok(BasicConstraints { ca, path_length })
}

fn key_usage(value: &Element<'_>) -> Result<KeyUsage, ParseError> {
    let mut reader = value.reader();
    let bits = reader.read(Tag::BIT_STRING, "keyUsage")?.named_bits()?;
    reader.finish("keyUsage")?;
    // Bits above 8 have no meaning; dropping them widens nothing.
    let octet = |at: usize| bits.get(at).copied().unwrap_or_default();
    Ok(KeyUsage(u16::from_be_bytes([octet(0), octet(1)]) & 0xff80))
}

/// Opens the one SEQUENCE that an element's content must be.
pub(crate) fn sequence_in<'a>(
    element: &Element<'a>,
    what: &'static str,
) -> Result<Reader<'a>, ParseError> {
    let mut outer = element.reader();
    let inner = outer.sequence(what)?;
    outer.finish(what)?;
    Ok(inner)
}

fn malformed(what: &'static str, at: &Reader<'_>) -> ParseError {
    ParseError::Malformed {
        what,
        offset: at.offset(),
    }
}
