use smime_crypto::{
    Oid,
    asn1::{Element, Reader, Tag},
};

use crate::{ParseError, SequenceOf, sequence_of::FromReader};

/// What an issuer states about a qualified certificate (RFC 3739 §3.2.6): to be shown, not to be
/// decided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QcStatement<'a> {
    /// What is stated.
    pub id: Oid,
    /// The DER of its details; empty when there are none.
    pub info: &'a [u8],
}

impl<'a> FromReader<'a> for QcStatement<'a> {
    fn from_reader(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let what = "QCStatement";
        let mut fields = reader.sequence(what)?;
        let id = fields.oid()?;
        let info = fields.rest();
        if !fields.is_empty() {
            fields.any(what)?;
        }
        fields.finish(what)?;
        Ok(Self { id, info })
    }
}

impl<'a> QcStatement<'a> {
    /// Reads the value of the extension qcStatements; `None` when it has another shape.
    pub(crate) fn list(value: &'a [u8]) -> Option<SequenceOf<'a, Self>> {
        let mut outer = Reader::new(value);
        let list = outer.read(Tag::SEQUENCE, "qcStatements").ok()?;
        outer.finish("qcStatements").ok()?;
        SequenceOf::from_element(&list, "qcStatements").ok()
    }

    /// Returns the name of the statement, such as `QcCompliance` (ETSI EN 319 412-5 §4,
    /// RFC 3739 §3.2.6, ETSI TS 119 495 §5.1).
    pub fn name(&self) -> Option<&'static str> {
        name_in(STATEMENTS, self.id)
    }

    /// Returns the details that can be told in a few words: types, addresses of disclosure
    /// statements, countries, numbers. Nothing that is of another shape than expected.
    ///
    /// Text is as found.
    pub fn details(&self) -> Vec<String> {
        let mut reader = Reader::new(self.info);
        let Ok(info) = reader.any("statementInfo") else {
            return Vec::new();
        };
        if info.tag == Tag::INTEGER {
            return small(&info).into_iter().collect();
        }
        let mut details = Vec::new();
        collect(&info, 0, &mut details);
        details
    }
}

/// Walks what statements are made of: lists, at most of lists, of identifiers, text and numbers.
fn collect(element: &Element<'_>, depth: u8, details: &mut Vec<String>) {
    let mut fields = element.reader();
    while let Ok(field) = fields.any("statementInfo") {
        match field.tag {
            Tag::OID => {
                let id = Oid::from_bytes(field.content);
                details.extend(id.map(|id| {
                    name_in(TYPES, id).map_or_else(|| id.to_string(), ToOwned::to_owned)
                }));
            }
            Tag::PRINTABLE_STRING | Tag::IA5_STRING | Tag::UTF8_STRING => {
                let text = std::str::from_utf8(field.content);
                details.extend(text.ok().map(ToOwned::to_owned));
            }
            Tag::INTEGER => details.extend(small(&field)),
            tag if tag.is_constructed() && depth < MAX_DEPTH => collect(&field, depth + 1, details),
            _ => {}
        }
    }
}

fn small(element: &Element<'_>) -> Option<String> {
    let number = Reader::new(element.raw).small("statementInfo").ok()?;
    Some(number.to_string())
}

fn name_in(names: &[(Oid, &'static str)], id: Oid) -> Option<&'static str> {
    names
        .iter()
        .find(|(known, _)| *known == id)
        .map(|(_, name)| *name)
}

/// The deepest statement, that of the payment services directive, has lists in lists.
const MAX_DEPTH: u8 = 3;

const STATEMENTS: &[(Oid, &str)] = &[
    (Oid::new("1.3.6.1.5.5.7.11.1"), "qcSyntaxV1"),
    (Oid::new("1.3.6.1.5.5.7.11.2"), "qcSyntaxV2"),
    (Oid::new("0.4.0.1862.1.1"), "QcCompliance"),
    (Oid::new("0.4.0.1862.1.2"), "QcLimitValue"),
    (Oid::new("0.4.0.1862.1.3"), "QcRetentionPeriod"),
    (Oid::new("0.4.0.1862.1.4"), "QcSSCD"),
    (Oid::new("0.4.0.1862.1.5"), "QcPDS"),
    (Oid::new("0.4.0.1862.1.6"), "QcType"),
    (Oid::new("0.4.0.1862.1.7"), "QcCClegislation"),
    (Oid::new("0.4.0.19495.2"), "PSD2"),
];

const TYPES: &[(Oid, &str)] = &[
    (Oid::new("0.4.0.1862.1.6.1"), "eSign"),
    (Oid::new("0.4.0.1862.1.6.2"), "eSeal"),
    (Oid::new("0.4.0.1862.1.6.3"), "web"),
    (Oid::new("0.4.0.194121.1.1"), "naturalPerson"),
    (Oid::new("0.4.0.194121.1.2"), "legalPerson"),
];

#[cfg(test)]
mod tests {
    use smime_crypto::asn1::Writer;

    use super::*;

    #[test]
    fn statements_are_named_and_their_details_told() {
        let value = Writer::encode(|w| {
            w.sequence(|w| {
                w.sequence(|w| w.oid(Oid::new("0.4.0.1862.1.1")));
                w.sequence(|w| {
                    w.oid(Oid::new("0.4.0.1862.1.6"));
                    w.sequence(|w| w.oid(Oid::new("0.4.0.1862.1.6.1")));
                });
                w.sequence(|w| {
                    w.oid(Oid::new("0.4.0.1862.1.5"));
                    w.sequence(|w| {
                        w.sequence(|w| {
                            w.element(Tag::IA5_STRING, b"https://example.com/pds");
                            w.element(Tag::PRINTABLE_STRING, b"en");
                        });
                    });
                });
                w.sequence(|w| {
                    w.oid(Oid::new("0.4.0.1862.1.3"));
                    w.small(15);
                });
                w.sequence(|w| w.oid(Oid::new("1.2.3")));
            });
        });
        let statements: Vec<_> = QcStatement::list(&value)
            .unwrap()
            .iter()
            .map(|it| (it.name(), it.details()))
            .collect();
        let details = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            statements,
            [
                (Some("QcCompliance"), details(&[])),
                (Some("QcType"), details(&["eSign"])),
                (Some("QcPDS"), details(&["https://example.com/pds", "en"])),
                (Some("QcRetentionPeriod"), details(&["15"])),
                (None, details(&[])),
            ]
        );
    }

    #[test]
    fn what_is_no_list_of_statements_is_not_read() {
        for value in [
            &[][..],
            &[0x30, 0],
            &[0x30, 2, 0x30, 0],
            &[0x30, 4, 0x30, 2, 5, 0],
            &[0x30, 5, 0x30, 3, 6, 1, 0x2a, 0],
            &[0x30, 9, 0x30, 7, 6, 1, 0x2a, 5, 0, 5, 0],
            &[0x31, 5, 0x30, 3, 6, 1, 0x2a],
        ] {
            assert!(QcStatement::list(value).is_none(), "{value:x?}");
        }
    }

    #[test]
    fn lists_in_lists_end_before_the_stack_does() {
        let mut info = Writer::encode(|w| w.small(1));
        for _ in 0..10_000 {
            info = Writer::encode(|w| w.sequence(|w| w.raw(&info)));
        }
        let statement = QcStatement {
            id: Oid::new("1.2.3"),
            info: &info,
        };
        assert!(statement.details().is_empty());
    }
}
