use smime_crypto::asn1::Element;

/// A range of the bytes of one certificate or CRL; unlike a slice it can stand beside them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: usize,
    end: usize,
}

impl Span {
    /// Returns where an element stands, header and content.
    pub(crate) fn of(element: &Element<'_>) -> Self {
        Self {
            start: element.offset,
            end: element.offset + element.raw.len(),
        }
    }

    /// Returns where the content of an element stands.
    pub(crate) fn of_content(element: &Element<'_>) -> Self {
        Self::of_end(element, element.content.len())
    }

    /// Returns where the last `length` bytes of an element stand.
    pub(crate) fn of_end(element: &Element<'_>, length: usize) -> Self {
        let end = element.offset + element.raw.len();
        Self {
            start: end.saturating_sub(length),
            end,
        }
    }

    /// Returns the bytes of `whole` that are meant: none where it is other bytes than those the
    /// span was found in.
    pub(crate) fn slice(self, whole: &[u8]) -> &[u8] {
        whole.get(self.start..self.end).unwrap_or_default()
    }
}
