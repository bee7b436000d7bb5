use smime_crypto::{
    Oid,
    asn1::{Element, Reader, Tag},
};

use crate::{EmailAddress, ParseError, oid};

/// One extension as it stands in a certificate.
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

/// What the extensions of one certificate say, as far as this crate processes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    pub(crate) basic_constraints: Option<BasicConstraints>,
    pub(crate) key_usage: Option<KeyUsage>,
    pub(crate) extended_key_usage: Option<Vec<Oid>>,
    /// Usable addresses of the subject alternative name, in its order.
    pub(crate) san_emails: Vec<EmailAddress>,
    pub(crate) subject_key_id: Option<Vec<u8>>,
    pub(crate) authority_key_id: Option<Vec<u8>>,
    pub(crate) smime_capabilities: Option<Vec<u8>>,
    pub(crate) name_constraints: bool,
    pub(crate) requires_explicit_policy: bool,
    /// The first critical extension that nobody here processes.
    pub(crate) unknown_critical: Option<Oid>,
}

impl Extensions {
    /// Reads the content of the field `extensions` (RFC 5280 §4.1.2.9).
    pub(crate) fn read(field: &Element<'_>) -> Result<Self, ParseError> {
        let mut extensions = Self::default();
        let mut seen = Vec::new();
        let mut list = sequence_in(field, "extensions")?;
        if list.is_empty() {
            return Err(malformed("extensions", &list));
        }
        while !list.is_empty() {
            let (extension, value) = read_extension(&mut list)?;
            seen.push(extension.oid);
            extensions.take(&extension, &value)?;
        }
        seen.sort_unstable();
        match seen.windows(2).find_map(|pair| match pair {
            [one, other] if one == other => Some(*one),
            _ => None,
        }) {
            Some(oid) => Err(ParseError::DuplicateExtension(oid)),
            None => Ok(extensions),
        }
    }

    fn take(&mut self, extension: &Extension<'_>, value: &Element<'_>) -> Result<(), ParseError> {
        match extension.oid {
            oid::BASIC_CONSTRAINTS => self.basic_constraints = Some(basic_constraints(value)?),
            oid::KEY_USAGE => self.key_usage = Some(key_usage(value)?),
            oid::EXTENDED_KEY_USAGE => self.extended_key_usage = Some(extended_key_usage(value)?),
            oid::SUBJECT_ALT_NAME => self.san_emails = general_names(value)?,
            oid::SUBJECT_KEY_ID => {
                let mut reader = value.reader();
                self.subject_key_id = Some(reader.octet_string("subjectKeyIdentifier")?.to_vec());
                reader.finish("subjectKeyIdentifier")?;
            }
            oid::AUTHORITY_KEY_ID => self.authority_key_id = authority_key_id(value)?,
            oid::NAME_CONSTRAINTS => self.name_constraints = true,
            oid::POLICY_CONSTRAINTS => {
                self.requires_explicit_policy = requires_explicit_policy(value)?;
            }
            oid::SMIME_CAPABILITIES => self.smime_capabilities = Some(extension.value.to_vec()),
            // Without an explicit policy asked for, by the user or by policyConstraints, the
            // policies of a path decide nothing (RFC 5280 §6.1.5 (g)).
            oid::CERTIFICATE_POLICIES | oid::POLICY_MAPPINGS | oid::INHIBIT_ANY_POLICY => {}
            unknown if extension.critical => {
                self.unknown_critical = self.unknown_critical.or(Some(unknown));
            }
            _ => {}
        }
        Ok(())
    }
}

/// Reads the next Extension of a list and returns it with its extnValue.
pub(crate) fn read_extension<'a>(
    list: &mut Reader<'a>,
) -> Result<(Extension<'a>, Element<'a>), ParseError> {
    let mut fields = list.sequence("Extension")?;
    let oid = fields.oid()?;
    // DEVIATION X.690 §11.5: an explicit FALSE is accepted here and in basicConstraints; because
    // it has one meaning and issuers in use write it.
    let critical = fields.peek() == Some(Tag::BOOLEAN) && fields.boolean("critical")?;
    let value = fields.read(Tag::OCTET_STRING, "extnValue")?;
    fields.finish("Extension")?;
    Ok((
        Extension {
            oid,
            critical,
            value: value.content,
        },
        value,
    ))
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

fn extended_key_usage(value: &Element<'_>) -> Result<Vec<Oid>, ParseError> {
    let mut list = sequence_in(value, "extKeyUsage")?;
    if list.is_empty() {
        return Err(malformed("extKeyUsage", &list));
    }
    let mut usages = Vec::new();
    while !list.is_empty() {
        usages.push(list.oid()?);
    }
    Ok(usages)
}

fn authority_key_id(value: &Element<'_>) -> Result<Option<Vec<u8>>, ParseError> {
    let what = "authorityKeyIdentifier";
    let mut fields = sequence_in(value, what)?;
    let id = fields.optional(Tag::context(0), what)?;
    fields.optional(Tag::context_constructed(1), what)?;
    fields.optional(Tag::context(2), what)?;
    fields.finish(what)?;
    Ok(id.map(|id| id.content.to_vec()))
}

/// RFC 5280 §4.2.1.11: says whether requireExplicitPolicy is there, with whatever number.
fn requires_explicit_policy(value: &Element<'_>) -> Result<bool, ParseError> {
    let what = "policyConstraints";
    let mut fields = sequence_in(value, what)?;
    let explicit = fields.optional(Tag::context(0), what)?;
    fields.optional(Tag::context(1), what)?;
    fields.finish(what)?;
    Ok(explicit.is_some())
}

/// Reads GeneralNames (RFC 5280 §4.2.1.6) and returns the mail addresses that are usable.
///
/// An rfc822Name or SmtpUTF8Mailbox that is not an address, such as one with a NUL in it, names
/// nobody and is passed over; a name of the wrong shape is refused.
fn general_names(value: &Element<'_>) -> Result<Vec<EmailAddress>, ParseError> {
    let what = "subjectAltName";
    let mut list = sequence_in(value, what)?;
    if list.is_empty() {
        return Err(malformed(what, &list));
    }
    let mut emails = Vec::new();
    while !list.is_empty() {
        let name = list.any(what)?;
        let email = match name.tag.0 {
            0xa0 => smtp_utf8_mailbox(&name)?,
            0x81 if name.content.is_ascii() => email(name.content),
            // dNSName, uniformResourceIdentifier, iPAddress, registeredID; x400Address,
            // directoryName, ediPartyName.
            0x81 | 0x82 | 0x86 | 0x87 | 0x88 | 0xa3 | 0xa4 | 0xa5 => None,
            _ => {
                return Err(ParseError::Malformed {
                    what,
                    offset: name.offset,
                });
            }
        };
        emails.extend(email);
    }
    Ok(emails)
}

/// RFC 9598 §3; other forms of otherName, such as a user principal name, are not mail addresses.
fn smtp_utf8_mailbox(name: &Element<'_>) -> Result<Option<EmailAddress>, ParseError> {
    let what = "otherName";
    let mut fields = name.reader();
    let kind = fields.oid()?;
    let value = fields.read(Tag::context_constructed(0), what)?;
    fields.finish(what)?;
    if kind != oid::SMTP_UTF8_MAILBOX {
        return Ok(None);
    }
    let mut inner = value.reader();
    let mailbox = inner.read(Tag::UTF8_STRING, "SmtpUTF8Mailbox")?;
    inner.finish("SmtpUTF8Mailbox")?;
    Ok(email(mailbox.content))
}

fn email(text: &[u8]) -> Option<EmailAddress> {
    EmailAddress::new(std::str::from_utf8(text).ok()?)
}

/// Opens the one SEQUENCE that an element's content must be.
fn sequence_in<'a>(element: &Element<'a>, what: &'static str) -> Result<Reader<'a>, ParseError> {
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
