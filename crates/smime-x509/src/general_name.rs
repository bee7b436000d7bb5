use smime_crypto::{
    Oid,
    asn1::{Reader, Tag},
};

use crate::{NameRef, ParseError, email::is_address, oid, sequence_of::FromReader};

/// One of the names that a certificate or CRL can give something (RFC 5280 §4.2.1.6).
///
/// The text of the string forms is as found, and need not be what its form asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeneralName<'a> {
    /// A name of some other kind, by the DER of its value.
    OtherName {
        /// The kind.
        kind: Oid,
        /// The value.
        value: &'a [u8],
    },
    /// A mailbox with a local part that is not ASCII (RFC 9598 §3), the content of its UTF8String.
    SmtpUtf8Mailbox(&'a [u8]),
    /// A mail address.
    Rfc822Name(&'a [u8]),
    /// A host or domain.
    DnsName(&'a [u8]),
    /// An X.400 address, by its content octets.
    X400Address(&'a [u8]),
    /// A distinguished name.
    DirectoryName(NameRef<'a>),
    /// A name agreed with another party, by its content octets.
    EdiPartyName(&'a [u8]),
    /// A URI.
    Uri(&'a [u8]),
    /// 4 or 16 octets; in name constraints 8 or 32, with the mask behind.
    IpAddress(&'a [u8]),
    /// A registered object identifier.
    RegisteredId(Oid),
}

impl<'a> GeneralName<'a> {
    /// Returns the mail address of an rfc822Name or SmtpUTF8Mailbox, if it is a usable one.
    ///
    /// One that is not an address, such as one with a NUL in it, names nobody.
    pub fn email(self) -> Option<&'a str> {
        let text = match self {
            Self::Rfc822Name(text) if text.is_ascii() => text,
            Self::SmtpUtf8Mailbox(text) => text,
            _ => return None,
        };
        std::str::from_utf8(text)
            .ok()
            .filter(|text| is_address(text))
    }
}

impl<'a> FromReader<'a> for GeneralName<'a> {
    fn from_reader(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let what = "GeneralName";
        let name = reader.any(what)?;
        Ok(match name.tag.0 {
            0xa0 => other_name(&mut name.reader())?,
            0x81 => Self::Rfc822Name(name.content),
            0x82 => Self::DnsName(name.content),
            0xa3 => Self::X400Address(name.content),
            0xa4 => {
                let mut inner = name.reader();
                let directory = inner.read(Tag::SEQUENCE, "directoryName")?;
                inner.finish("directoryName")?;
                Self::DirectoryName(NameRef::from_element(&directory)?)
            }
            0xa5 => Self::EdiPartyName(name.content),
            0x86 => Self::Uri(name.content),
            0x87 => Self::IpAddress(name.content),
            0x88 => {
                let id = Oid::from_bytes(name.content);
                Self::RegisteredId(id.ok_or(ParseError::Malformed {
                    what: "registeredID",
                    offset: name.offset,
                })?)
            }
            _ => {
                return Err(ParseError::Malformed {
                    what,
                    offset: name.offset,
                });
            }
        })
    }

    fn check(reader: &mut Reader<'a>) -> Result<(), ParseError> {
        match reader.peek() {
            // Taken as they stand, whatever is in them.
            Some(Tag(0x81 | 0x82 | 0x86 | 0x87)) => Ok(reader.any("GeneralName").map(drop)?),
            _ => Self::from_reader(reader).map(drop),
        }
    }
}

fn other_name<'a>(fields: &mut Reader<'a>) -> Result<GeneralName<'a>, ParseError> {
    let what = "otherName";
    let kind = fields.oid()?;
    let value = fields.read(Tag::context_constructed(0), what)?;
    fields.finish(what)?;
    if kind != oid::SMTP_UTF8_MAILBOX {
        return Ok(GeneralName::OtherName {
            kind,
            value: value.content,
        });
    }
    let mut inner = value.reader();
    let mailbox = inner.read(Tag::UTF8_STRING, "SmtpUTF8Mailbox")?;
    inner.finish("SmtpUTF8Mailbox")?;
    Ok(GeneralName::SmtpUtf8Mailbox(mailbox.content))
}
