use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

use smime_crypto::{
    Oid,
    asn1::{Element, Reader, Tag, Writer},
};

use crate::{ParseError, oid};

/// A distinguished name inside other bytes, by its DER; `==` compares the bytes,
/// [`matches`](Self::matches) the names.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NameRef<'a>(&'a [u8]);

/// A distinguished name that owns its DER; [`view`](Self::view) tells what it says.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(Box<[u8]>);

/// The attributes that names are made of here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameAttribute {
    /// Two letters.
    Country,
    /// The organisation.
    Organization,
    /// A unit of it.
    OrganizationalUnit,
    /// What the subject is called.
    CommonName,
    /// A mail address; readers look for it in the subject alternative name first.
    EmailAddress,
}

impl Name {
    /// Makes a name of attributes, from the widest to the narrowest; one per RDN.
    pub fn from_attributes(attributes: &[(NameAttribute, &str)]) -> Self {
        let der = Writer::encode(|w| {
            w.sequence(|w| {
                for (attribute, value) in attributes {
                    w.constructed(Tag::SET, |w| {
                        w.sequence(|w| {
                            w.oid(attribute.oid());
                            w.element(attribute.string_tag(value), value.as_bytes());
                        });
                    });
                }
            });
        });
        Self(der.into())
    }

    /// Reads a DER Name (RFC 5280 §4.1.2.4); an empty one is a name.
    ///
    /// # Errors
    /// [`ParseError::Malformed`].
    pub fn from_der(der: &[u8]) -> Result<Self, ParseError> {
        NameRef::from_der(der).map(NameRef::to_name)
    }

    /// Returns the name as a view.
    pub fn view(&self) -> NameRef<'_> {
        NameRef(&self.0)
    }

    /// Returns the bytes as read.
    pub fn der(&self) -> &[u8] {
        &self.0
    }
}

impl<'a> NameRef<'a> {
    /// Reads a DER Name (RFC 5280 §4.1.2.4); an empty one is a name.
    ///
    /// # Errors
    /// [`ParseError::Malformed`].
    pub fn from_der(der: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(der);
        let element = reader.read(Tag::SEQUENCE, "Name")?;
        reader.finish("Name")?;
        Self::from_element(&element)
    }

    pub(crate) fn from_element(element: &Element<'a>) -> Result<Self, ParseError> {
        let mut names = element.reader();
        while !names.is_empty() {
            check_rdn(&mut names)?;
        }
        Ok(Self(element.raw))
    }

    /// Takes bytes that [`from_element`](Self::from_element) has checked.
    pub(crate) fn of_checked(der: &'a [u8]) -> Self {
        Self(der)
    }

    /// Returns the bytes as read.
    pub fn der(self) -> &'a [u8] {
        self.0
    }

    /// Returns the name with bytes of its own.
    pub fn to_name(self) -> Name {
        Name(self.0.into())
    }

    /// Says whether the name has no attributes.
    pub fn is_empty(self) -> bool {
        self.0.len() <= 2
    }

    /// Says whether both name one entity (RFC 5280 §7.1).
    ///
    /// Text is compared without regard to case, to blanks around it and to their number inside,
    /// and to which string type carries it; other values by their bytes.
    pub fn matches(self, other: NameRef<'_>) -> bool {
        self.0 == other.0 || self.canonical() == other.canonical()
    }

    /// Says whether this name lies in the subtree of `base`: whether it begins with all of its
    /// RDNs (RFC 5280 §4.2.1.10, §7.1).
    pub fn is_within(self, base: NameRef<'_>) -> bool {
        // Each RDN is a whole TLV, so a prefix of the bytes is a prefix of the list.
        self.canonical().starts_with(&base.canonical())
    }

    /// Returns the last common name, the part people recognise, if it is text.
    pub fn common_name(self) -> Option<String> {
        self.values_of(oid::COMMON_NAME).last()
    }

    /// Returns every value of an attribute that is text, in the order of the name.
    pub fn values_of(self, attribute: Oid) -> impl Iterator<Item = String> + use<'a> {
        self.attributes()
            .filter(move |(oid, _)| *oid == attribute)
            .filter_map(|(_, value)| text(&value).map(Cow::into_owned))
    }

    /// Returns every attribute with its value, in the order of the name.
    pub fn attributes(self) -> impl Iterator<Item = (Oid, Element<'a>)> + use<'a> {
        self.sets().flatten()
    }

    /// Returns bytes that are equal for names that match and only for those: the RDNs, each a SET.
    ///
    /// DEVIATION RFC 5280 §7.1: of the preparation of RFC 4518 only case and blanks are done;
    /// because names that need more differ in practice from their issuer's by nothing at all, and
    /// a name not recognised as equal only makes a chain fail.
    pub fn canonical(self) -> Vec<u8> {
        let mut canonical = Writer::new();
        let mut names = Reader::new(self.0).sequence("Name").ok();
        while let Some(mut set) = names
            .as_mut()
            .and_then(|names| names.set("RelativeDistinguishedName").ok())
        {
            let mut pairs: Vec<_> = canonical_pair(&mut set).into_iter().collect();
            while let Some(pair) = canonical_pair(&mut set) {
                pairs.push(pair);
            }
            canonical.set_of(Tag::SET, pairs);
        }
        canonical.finish()
    }

    /// Says whether no other spelling than those that [`canonical`](Self::canonical) makes one of
    /// is the same name to anybody: no Teletex or other string that is not read here, no broken
    /// text, and no character that RFC 4518 §2 maps to others.
    pub(crate) fn has_one_spelling(self) -> bool {
        self.attributes().all(|(_, value)| {
            let is_text = TEXT.contains(&value.tag) || OTHER_TEXT.contains(&value.tag.0);
            let text = text(&value).filter(|_| value.tag != Tag::TELETEX_STRING);
            text.map_or(!is_text, |text| !text.chars().any(is_mapped))
        })
    }

    /// Returns the RDNs; the structure was checked when the name was read.
    fn sets(self) -> impl Iterator<Item = Vec<(Oid, Element<'a>)>> + use<'a> {
        let mut names = Reader::new(self.0).sequence("Name").ok();
        std::iter::from_fn(move || {
            let mut set = names.as_mut()?.set("RelativeDistinguishedName").ok()?;
            Some(std::iter::from_fn(move || pair(&mut set)).collect())
        })
    }
}

impl From<NameRef<'_>> for Name {
    fn from(name: NameRef<'_>) -> Self {
        name.to_name()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

/// The text of RFC 4514, with everything escaped that could deceive a reader of it.
impl fmt::Display for NameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sets: Vec<_> = self.sets().collect();
        for (index, set) in sets.iter().rev().enumerate() {
            for (within, (oid, value)) in set.iter().enumerate() {
                match (index, within) {
                    (0, 0) => {}
                    (_, 0) => f.write_str(",")?,
                    _ => f.write_str("+")?,
                }
                match (short_name(*oid), text(value)) {
                    (Some(name), Some(text)) => write_escaped(f, name, &text)?,
                    (name, _) => {
                        match name {
                            Some(name) => f.write_str(name)?,
                            None => fmt::Display::fmt(oid, f)?,
                        }
                        f.write_str("=#")?;
                        value
                            .raw
                            .iter()
                            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for NameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NameRef({self})")
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

impl NameAttribute {
    fn oid(self) -> Oid {
        match self {
            Self::Country => oid::COUNTRY,
            Self::Organization => oid::ORGANIZATION,
            Self::OrganizationalUnit => oid::ORGANIZATIONAL_UNIT,
            Self::CommonName => oid::COMMON_NAME,
            Self::EmailAddress => oid::EMAIL_ADDRESS,
        }
    }

    fn string_tag(self, value: &str) -> Tag {
        match self {
            Self::Country => Tag::PRINTABLE_STRING,
            Self::EmailAddress if value.is_ascii() => Tag::IA5_STRING,
            _ => Tag::UTF8_STRING,
        }
    }
}

/// Checks one RDN and steps over it, without reading its values.
fn check_rdn(names: &mut Reader<'_>) -> Result<(), ParseError> {
    let mut set = names.set("RelativeDistinguishedName")?;
    loop {
        let mut pair = set.sequence("AttributeTypeAndValue")?;
        pair.oid_octets()?;
        pair.any("AttributeValue")?;
        pair.finish("AttributeTypeAndValue")?;
        if set.is_empty() {
            return Ok(());
        }
    }
}

fn canonical_pair(set: &mut Reader<'_>) -> Option<Vec<u8>> {
    let mut pair = set.sequence("AttributeTypeAndValue").ok()?;
    let oid = pair.oid_octets().ok()?;
    let value = pair.any("AttributeValue").ok()?;
    Some(Writer::encode(|w| {
        w.element(Tag::OID, oid);
        match comparable_text(&value) {
            Some(text) => w.element(Tag::UTF8_STRING, text.as_bytes()),
            None => w.raw(value.raw),
        }
    }))
}

fn pair<'a>(set: &mut Reader<'a>) -> Option<(Oid, Element<'a>)> {
    let mut pair = set.sequence("AttributeTypeAndValue").ok()?;
    Some((pair.oid().ok()?, pair.any("AttributeValue").ok()?))
}

/// Returns a string value as text; `None` for values that are not strings or not valid ones.
pub(crate) fn text<'a>(value: &Element<'a>) -> Option<Cow<'a, str>> {
    match value.tag {
        Tag::UTF8_STRING => std::str::from_utf8(value.content).ok().map(Cow::Borrowed),
        Tag::PRINTABLE_STRING | Tag::IA5_STRING if value.content.is_ascii() => {
            std::str::from_utf8(value.content).ok().map(Cow::Borrowed)
        }
        // T.61 was never implemented; what is found in these strings is Latin-1.
        Tag::TELETEX_STRING => Some(value.content.iter().map(|byte| char::from(*byte)).collect()),
        Tag::BMP_STRING => {
            let units = value.content.chunks(2).map(|unit| match unit {
                [high, low] => char::from_u32(u32::from(*high) << 8 | u32::from(*low)),
                _ => None,
            });
            units.collect::<Option<String>>().map(Cow::Owned)
        }
        Tag::UNIVERSAL_STRING => {
            let units = value.content.chunks(4).map(|unit| match unit {
                [a, b, c, d] => char::from_u32(u32::from_be_bytes([*a, *b, *c, *d])),
                _ => None,
            });
            units.collect::<Option<String>>().map(Cow::Owned)
        }
        _ => None,
    }
}

/// Text as it is compared: lower case, single blanks. Teletex is compared by its bytes, since its
/// characters are a guess.
fn comparable_text(value: &Element<'_>) -> Option<String> {
    if value.tag == Tag::TELETEX_STRING {
        return None;
    }
    let mut folded = String::with_capacity(value.content.len());
    for word in text(value)?.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        if word.is_ascii() {
            let start = folded.len();
            folded.push_str(word);
            if let Some(word) = folded.get_mut(start..) {
                word.make_ascii_lowercase();
            }
        } else {
            folded.extend(word.chars().flat_map(char::to_lowercase));
        }
    }
    Some(folded)
}

/// The string types of DirectoryString, and IA5String (RFC 5280 appendix A.1).
const TEXT: [Tag; 6] = [
    Tag::UTF8_STRING,
    Tag::PRINTABLE_STRING,
    Tag::IA5_STRING,
    Tag::TELETEX_STRING,
    Tag::BMP_STRING,
    Tag::UNIVERSAL_STRING,
];

/// Strings that no name of RFC 5280 has and that others read as text: NumericString, VideotexString,
/// GraphicString, VisibleString, GeneralString.
const OTHER_TEXT: [u8; 5] = [0x12, 0x15, 0x19, 0x1a, 0x1b];

/// Characters that string preparation takes away or makes others of (RFC 4518 §2.2, §2.3), by the
/// blocks they stand in: soft hyphens, combining and invisible marks, symbols made of letters,
/// compatibility forms. Blocks hold others too, which only makes a name doubtful.
fn is_mapped(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{a8}'..='\u{bf}' | '\u{130}'..='\u{131}' | '\u{17f}' | '\u{1c4}'..='\u{1cc}'
            | '\u{1f1}'..='\u{1f3}' | '\u{2b0}'..='\u{36f}' | '\u{1d00}'..='\u{1dff}'
            | '\u{1e9a}'..='\u{1e9e}' | '\u{2000}'..='\u{2bff}' | '\u{3000}'..='\u{303f}'
            | '\u{3099}'..='\u{309f}' | '\u{3130}'..='\u{33ff}' | '\u{a69c}'..='\u{a69f}'
            | '\u{f900}'..='\u{faff}' | '\u{fb00}'..='\u{ffff}' | '\u{1d400}'..='\u{1d7ff}'
            | '\u{1f100}'..='\u{1f2ff}' | '\u{2f800}'..='\u{2fa1f}' | '\u{e0000}'..='\u{e0fff}')
}

/// RFC 4514 §3, and the descriptors in common use beside them.
fn short_name(oid: Oid) -> Option<&'static str> {
    Some(match oid {
        oid::COMMON_NAME => "CN",
        oid::LOCALITY => "L",
        oid::STATE => "ST",
        oid::ORGANIZATION => "O",
        oid::ORGANIZATIONAL_UNIT => "OU",
        oid::COUNTRY => "C",
        oid::STREET => "STREET",
        oid::POSTAL_CODE => "postalCode",
        oid::PSEUDONYM => "pseudonym",
        oid::BUSINESS_CATEGORY => "businessCategory",
        oid::INITIALS => "initials",
        oid::GENERATION_QUALIFIER => "generationQualifier",
        oid::DOMAIN_COMPONENT => "DC",
        oid::USER_ID => "UID",
        oid::SURNAME => "SN",
        oid::GIVEN_NAME => "GN",
        oid::TITLE => "title",
        oid::SERIAL_NUMBER => "serialNumber",
        oid::ORGANIZATION_IDENTIFIER => "organizationIdentifier",
        oid::EMAIL_ADDRESS => "emailAddress",
        _ => return None,
    })
}

/// RFC 4514 §2.4; controls and direction marks are written as hex pairs, which it allows for any
/// character, so that a name cannot move a terminal's cursor or reorder what stands beside it.
fn write_escaped(f: &mut fmt::Formatter<'_>, name: &str, text: &str) -> fmt::Result {
    f.write_str(name)?;
    f.write_str("=")?;
    // Nearly every value is letters, digits and dots.
    if text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".@-_".contains(&byte))
    {
        return f.write_str(text);
    }
    let last = text.char_indices().last().map(|(at, _)| at);
    for (at, character) in text.char_indices() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{character}")?,
            ' ' if at == 0 || Some(at) == last => f.write_str("\\ ")?,
            '#' if at == 0 => f.write_str("\\#")?,
            _ if deceives(character) => {
                let mut buffer = [0; 4];
                let bytes = character.encode_utf8(&mut buffer).as_bytes();
                bytes
                    .iter()
                    .try_for_each(|byte| write!(f, "\\{byte:02x}"))?;
            }
            _ => f.write_char(character)?,
        }
    }
    Ok(())
}

fn deceives(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name of RDNs with one attribute each.
    fn name(attributes: &[(Oid, Tag, &[u8])]) -> Name {
        let der = Writer::encode(|w| {
            w.sequence(|w| {
                for (oid, tag, value) in attributes {
                    w.constructed(Tag::SET, |w| {
                        w.sequence(|w| {
                            w.oid(*oid);
                            w.element(*tag, value);
                        });
                    });
                }
            });
        });
        Name::from_der(&der).unwrap()
    }

    fn common(tag: Tag, value: &[u8]) -> Name {
        name(&[(oid::COMMON_NAME, tag, value)])
    }

    #[test]
    fn attributes_are_written_by_their_descriptors_where_they_have_one() {
        for (oid, shown) in [
            (oid::POSTAL_CODE, "postalCode=x"),
            (oid::PSEUDONYM, "pseudonym=x"),
            (oid::BUSINESS_CATEGORY, "businessCategory=x"),
            (oid::INITIALS, "initials=x"),
            (oid::GENERATION_QUALIFIER, "generationQualifier=x"),
            (Oid::new("1.2.3"), "1.2.3=#0c0178"),
        ] {
            assert_eq!(name(&[(oid, Tag::UTF8_STRING, b"x")]).to_string(), shown);
        }
    }

    #[test]
    fn case_blanks_and_string_type_do_not_make_another_name() {
        let plain = common(Tag::UTF8_STRING, b"Test CA");
        for other in [
            common(Tag::PRINTABLE_STRING, b"Test CA"),
            common(Tag::UTF8_STRING, b"test ca"),
            common(Tag::PRINTABLE_STRING, b"  TEST   CA "),
            common(Tag::BMP_STRING, b"\0T\0e\0s\0t\0 \0C\0A"),
            common(
                Tag::UNIVERSAL_STRING,
                b"\0\0\0T\0\0\0e\0\0\0s\0\0\0t\0\0\0 \0\0\0C\0\0\0A",
            ),
        ] {
            assert!(
                plain.view().matches(other.view()) && other.view().matches(plain.view()),
                "{other}"
            );
            assert_ne!(plain, other, "the bytes differ");
        }
    }

    #[test]
    fn other_names_do_not_match() {
        let plain = common(Tag::UTF8_STRING, b"Test CA");
        for other in [
            common(Tag::UTF8_STRING, b"TestCA"),
            common(Tag::UTF8_STRING, b"Test CB"),
            common(Tag::TELETEX_STRING, b"Test CA"),
            common(Tag::OCTET_STRING, b"Test CA"),
            common(Tag::UTF8_STRING, b"Test CA\0"),
            common(Tag::UTF8_STRING, b"Test CA\xff"),
            name(&[(oid::ORGANIZATION, Tag::UTF8_STRING, b"Test CA")]),
            name(&[]),
            name(&[
                (oid::COMMON_NAME, Tag::UTF8_STRING, b"Test CA"),
                (oid::COMMON_NAME, Tag::UTF8_STRING, b"x"),
            ]),
        ] {
            assert!(
                !plain.view().matches(other.view()) && !other.view().matches(plain.view()),
                "{other}"
            );
        }
    }

    #[test]
    fn the_order_of_rdns_counts_and_that_within_one_does_not() {
        let set = |values: [&[u8]; 2]| {
            Name::from_der(&Writer::encode(|w| {
                w.sequence(|w| {
                    w.constructed(Tag::SET, |w| {
                        for value in values {
                            w.sequence(|w| {
                                w.oid(oid::COMMON_NAME);
                                w.element(Tag::UTF8_STRING, value);
                            });
                        }
                    });
                });
            }))
            .unwrap()
        };
        assert!(set([b"a", b"b"]).view().matches(set([b"b", b"a"]).view()));
        let list = |a: &[u8], b: &[u8]| {
            name(&[
                (oid::COMMON_NAME, Tag::UTF8_STRING, a),
                (oid::COMMON_NAME, Tag::UTF8_STRING, b),
            ])
        };
        assert!(!list(b"a", b"b").view().matches(list(b"b", b"a").view()));
        assert!(!list(b"a", b"b").view().matches(set([b"a", b"b"]).view()));
    }

    #[test]
    fn the_text_is_rfc_4514() {
        let shown = name(&[
            (oid::COUNTRY, Tag::PRINTABLE_STRING, b"DE"),
            (oid::ORGANIZATION, Tag::UTF8_STRING, b" a+b, \"c\" "),
            (
                oid::COMMON_NAME,
                Tag::UTF8_STRING,
                "#\u{e4}\n\u{202e}".as_bytes(),
            ),
        ]);
        assert_eq!(
            shown.to_string(),
            "CN=\\#\u{e4}\\0a\\e2\\80\\ae,O=\\ a\\+b\\, \\\"c\\\"\\ ,C=DE"
        );
        let unknown = name(&[(Oid::new("1.2.3.4"), Tag::UTF8_STRING, b"x")]);
        assert_eq!(unknown.to_string(), "1.2.3.4=#0c0178");
        assert_eq!(common(Tag::OCTET_STRING, b"x").to_string(), "CN=#040178");
    }

    #[test]
    fn names_of_the_wrong_shape_are_refused() {
        for der in [
            &[][..],
            &[0x31, 0],
            &[0x30, 2, 0x31, 0],
            &[0x30, 4, 0x31, 2, 0x30, 0],
            &[0x30, 2, 0x30, 0],
            &[0x30, 0, 0],
            &[0x30, 9, 0x31, 7, 0x30, 5, 6, 3, 0x55, 4, 3],
            &[0x30, 13, 0x31, 11, 0x30, 9, 6, 3, 0x55, 4, 3, 5, 0, 5, 0],
        ] {
            assert!(Name::from_der(der).is_err(), "{der:x?}");
        }
    }
}
