use crate::{Oid, UnixTime, asn1::Tag};

/// Writes DER; inner elements are written by a closure, so none stays open.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Makes an empty writer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes one value with a closure and returns its bytes.
    pub fn encode(write: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut writer = Self::new();
        write(&mut writer);
        writer.finish()
    }

    /// Returns what was written.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    /// Writes an element whose content a closure writes.
    pub fn constructed(&mut self, tag: Tag, write: impl FnOnce(&mut Self)) {
        self.element(tag, &Self::encode(write));
    }

    /// Writes a SEQUENCE.
    pub fn sequence(&mut self, write: impl FnOnce(&mut Self)) {
        self.constructed(Tag::SEQUENCE, write);
    }

    /// Writes a SET OF: `elements`, each encoded, in the order DER wants (X.690 §11.6).
    pub fn set_of(&mut self, tag: Tag, mut elements: Vec<Vec<u8>>) {
        elements.sort();
        self.element(tag, &elements.concat());
    }

    /// Writes an element of given content octets.
    pub fn element(&mut self, tag: Tag, content: &[u8]) {
        self.header(tag, content.len());
        self.raw(content);
    }

    /// Writes identifier and length octets of an element whose content follows.
    pub fn header(&mut self, tag: Tag, length: usize) {
        self.0.push(tag.0);
        if let Ok(short @ 0..=0x7f) = u8::try_from(length) {
            self.0.push(short);
            return;
        }
        let octets = length.to_be_bytes();
        let skip = octets.iter().take_while(|octet| **octet == 0).count();
        let octets = octets.get(skip..).unwrap_or_default();
        self.0
            .push(0x80 | u8::try_from(octets.len()).unwrap_or_default());
        self.raw(octets);
    }

    /// Writes bytes that are encoded already.
    pub fn raw(&mut self, der: &[u8]) {
        self.0.extend_from_slice(der);
    }

    /// Writes an OBJECT IDENTIFIER.
    pub fn oid(&mut self, oid: Oid) {
        self.element(Tag::OID, oid.as_bytes());
    }

    /// Writes an OCTET STRING.
    pub fn octet_string(&mut self, octets: &[u8]) {
        self.element(Tag::OCTET_STRING, octets);
    }

    /// Writes a BIT STRING of whole octets.
    pub fn bit_string(&mut self, octets: &[u8]) {
        self.header(Tag::BIT_STRING, octets.len() + 1);
        self.0.push(0);
        self.raw(octets);
    }

    /// Writes an INTEGER that is not negative, by its magnitude.
    pub fn unsigned(&mut self, magnitude: &[u8]) {
        let skip = magnitude.iter().take_while(|octet| **octet == 0).count();
        let magnitude = magnitude.get(skip..).unwrap_or_default();
        let pad = magnitude.first().is_none_or(|first| first & 0x80 != 0);
        self.header(Tag::INTEGER, magnitude.len() + usize::from(pad));
        if pad {
            self.0.push(0);
        }
        self.raw(magnitude);
    }

    /// Writes a small INTEGER.
    pub fn small(&mut self, number: u32) {
        self.unsigned(&number.to_be_bytes());
    }

    /// Writes a BOOLEAN.
    pub fn boolean(&mut self, value: bool) {
        self.element(Tag::BOOLEAN, &[if value { 0xff } else { 0 }]);
    }

    /// Writes NULL.
    pub fn null(&mut self) {
        self.element(Tag::NULL, &[]);
    }

    /// Writes a UTCTime from 1950 to 2049, a GeneralizedTime otherwise (RFC 5280 §4.1.2.5).
    pub fn time(&mut self, time: UnixTime) {
        let (year, month, day, [hour, minute, second]) = time.civil();
        let rest = format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
        if (1950..2050).contains(&year) {
            let text = format!("{:02}{rest}", year % 100);
            self.element(Tag::UTC_TIME, text.as_bytes());
        } else {
            self.element(Tag::GENERALIZED_TIME, format!("{year:04}{rest}").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::Reader;

    #[test]
    fn what_is_written_reads_back() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let octets = vec![7; length];
            let der = Writer::encode(|w| w.sequence(|w| w.octet_string(&octets)));
            let mut outer = Reader::new(&der);
            let mut inner = outer.sequence("x").unwrap();
            assert_eq!(inner.octet_string("x").unwrap(), octets);
            inner.finish("x").unwrap();
            outer.finish("x").unwrap();
        }
        for number in [0, 1, 127, 128, 255, 256, u32::MAX] {
            let der = Writer::encode(|w| w.small(number));
            assert_eq!(Reader::new(&der).small("x"), Ok(number));
        }
        for seconds in [
            -700_000_000,
            -1,
            0,
            2_524_607_999,
            2_524_608_000,
            253_402_300_799,
        ] {
            let der = Writer::encode(|w| w.time(UnixTime(seconds)));
            assert_eq!(Reader::new(&der).time("x"), Ok(UnixTime(seconds)));
        }
    }

    #[test]
    fn a_set_of_is_sorted() {
        let der =
            Writer::encode(|w| w.set_of(Tag::SET, vec![vec![4, 1, 2], vec![4, 0], vec![2, 1, 9]]));
        assert_eq!(der, [0x31, 8, 2, 1, 9, 4, 0, 4, 1, 2]);
    }
}
