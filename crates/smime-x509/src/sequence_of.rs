use std::{fmt, marker::PhantomData};

use smime_crypto::{
    Oid,
    asn1::{Element, Reader, Tag},
};

use crate::ParseError;

/// A SEQUENCE OF inside a certificate or CRL; every element was checked when it was read, and is
/// read again when asked for.
pub struct SequenceOf<'a, T> {
    elements: &'a [u8],
    kind: PhantomData<fn() -> T>,
}

/// What can be an element of a [`SequenceOf`].
pub trait FromReader<'a>: Sized {
    /// Reads one element from where the reader stands.
    ///
    /// # Errors
    /// [`ParseError`].
    fn from_reader(reader: &mut Reader<'a>) -> Result<Self, ParseError>;

    /// Steps over one element that [`from_reader`](Self::from_reader) reads.
    ///
    /// # Errors
    /// As [`from_reader`](Self::from_reader).
    fn check(reader: &mut Reader<'a>) -> Result<(), ParseError> {
        Self::from_reader(reader).map(drop)
    }
}

impl<'a, T: FromReader<'a>> SequenceOf<'a, T> {
    /// Checks the elements of a SEQUENCE; there must be one element at least, as
    /// RFC 5280 wants of every list that it defines.
    pub(crate) fn from_element(
        sequence: &Element<'a>,
        what: &'static str,
    ) -> Result<Self, ParseError> {
        if sequence.content.is_empty() {
            return Err(ParseError::Malformed {
                what,
                offset: sequence.offset,
            });
        }
        let mut reader = sequence.reader();
        while !reader.is_empty() {
            T::check(&mut reader)?;
        }
        Ok(Self::of_checked(sequence.content))
    }

    /// Checks a value that is one SEQUENCE OF and nothing else, such as an extnValue.
    pub(crate) fn from_value(value: &Element<'a>, what: &'static str) -> Result<Self, ParseError> {
        let mut outer = value.reader();
        let sequence = outer.read(Tag::SEQUENCE, what)?;
        outer.finish(what)?;
        Self::from_element(&sequence, what)
    }

    /// Takes content octets that [`from_element`](Self::from_element) has checked.
    pub(crate) fn of_checked(elements: &'a [u8]) -> Self {
        Self {
            elements,
            kind: PhantomData,
        }
    }

    /// Returns the elements in their order.
    pub fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        let mut reader = Reader::new(self.elements);
        std::iter::from_fn(move || {
            if reader.is_empty() {
                return None;
            }
            T::from_reader(&mut reader).ok()
        })
    }
}

impl SequenceOf<'_, Oid> {
    /// Says whether `oid` is one of the elements.
    pub fn contains(&self, oid: Oid) -> bool {
        let mut reader = Reader::new(self.elements);
        while let Ok(element) = reader.oid_octets() {
            if element == oid.as_bytes() {
                return true;
            }
        }
        false
    }
}

impl<T> Clone for SequenceOf<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SequenceOf<'_, T> {}

impl<'a, T: FromReader<'a> + fmt::Debug> fmt::Debug for SequenceOf<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> FromReader<'a> for Oid {
    fn from_reader(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        Ok(reader.oid()?)
    }

    fn check(reader: &mut Reader<'a>) -> Result<(), ParseError> {
        Ok(reader.oid_octets().map(drop)?)
    }
}
