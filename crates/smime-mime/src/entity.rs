use std::fmt;

use smime_io::{Limits, Source};

use crate::{
    ContentType, Error, Headers, Outgoing, Protection,
    multipart::{Boundary, Part, Scanner, index},
    outgoing, protection,
    transfer::Encoding,
    walk,
};

/// A MIME entity: a header block in memory, and a body that stays in its source.
#[derive(Clone)]
pub struct Entity {
    source: Source,
    headers: Headers,
    body: u64,
    /// The media type without a `Content-Type` field (RFC 2046 §5.1.5).
    default_type: &'static str,
    limits: Limits,
}

impl Entity {
    /// Reads the header block; the body stays in `source`. Lines may end in CRLF, in bare LF, or
    /// in both.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when the block is longer than `limits.headers`, [`Error::Malformed`]
    /// when it is no header, [`Error::Io`] when `source` cannot be read.
    pub fn read(source: Source, limits: &Limits) -> Result<Self, Error> {
        let block = Scanner::new(source.open()?, 0).headers(&[], limits.headers)?;
        let headers = Headers::parse(block.raw)?;
        let (body, limits) = (block.body, limits.clone());
        Ok(Self {
            source,
            headers,
            body,
            default_type: TEXT,
            limits,
        })
    }

    /// Makes the entity of a part that was found in `source`.
    pub(crate) fn of_part(
        source: &Source,
        part: Part,
        default_type: &'static str,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let Part { block, end } = part;
        let headers = Headers::parse(block.raw).map_err(|error| error.within(block.start))?;
        Ok(Self {
            source: source.section(block.start, end - block.start),
            headers,
            body: block.body - block.start,
            default_type,
            limits: limits.clone(),
        })
    }

    /// Returns the header fields.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Returns the whole entity, header and body, in its exact bytes.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Returns the body in its exact bytes, with the transfer encoding in place.
    pub fn body(&self) -> Source {
        self.source.section(self.body, u64::MAX)
    }

    /// Returns the body with base64 or quoted-printable undone, as a view that decodes anew in
    /// every pass. A broken encoding is an [`std::io::ErrorKind::InvalidData`] of that pass.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the transfer encoding is none of RFC 2045 §6.1;
    /// [`Error::Malformed`] when there are two of them.
    pub fn decoded_body(&self) -> Result<Source, Error> {
        Ok(Encoding::of(&self.headers)?.decoded(self.body()))
    }

    /// Returns the content type; `text/plain` if the entity has none (RFC 2045 §5.2).
    ///
    /// # Errors
    /// [`Error::Malformed`] when the field cannot be read, or when there are two of them.
    pub fn content_type(&self) -> Result<ContentType, Error> {
        ContentType::of(&self.headers, self.default_type)
    }

    /// Says how the entity is protected, by what its header claims; nothing is verified here.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the header claims an S/MIME signature and the structure is not
    /// that of one; otherwise as [`Entity::content_type`] and [`Entity::decoded_body`].
    pub fn protection(&self) -> Result<Protection, Error> {
        protection::of(self)
    }

    /// Returns the immediate parts of a multipart entity; none if it is not multipart.
    ///
    /// A missing closing boundary is not an error here: the last part then ends with the entity.
    /// Preamble and epilogue are not among the parts (RFC 2046 §5.1.1), and a transfer encoding of
    /// the multipart itself, which there must not be (RFC 2045 §6.4), is ignored.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when there are more than `limits.parts` or their headers are longer
    /// than `limits.headers` each or `limits.structure` together; [`Error::Malformed`] when there
    /// is no boundary or a part's header is no header.
    pub fn parts(&self, limits: &Limits) -> Result<Vec<Self>, Error> {
        let content_type = self.content_type()?;
        if !content_type.media_type.starts_with("multipart/") {
            return Ok(Vec::new());
        }
        let default_type = default_type_of_parts(&content_type);
        let boundary = Boundary::of(&content_type)
            .ok_or(Error::malformed("multipart without a usable boundary", 0))?;
        let parts = index(&self.source, self.body, boundary, limits)?
            .parts
            .into_iter();
        parts
            .map(|part| Self::of_part(&self.source, part, default_type, limits))
            .collect()
    }

    /// Checks that the entity is complete, down to its innermost parts: header blocks are 7-bit
    /// printable and end, content types can be read, every multipart has its closing boundary.
    ///
    /// This is what must hold before a plaintext that nothing authenticates may be released: a
    /// ciphertext that was cut or spliced loses its header or a boundary first.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is not complete; [`Error::TooLarge`] when it is nested deeper
    /// than `limits.depth` or has more than `limits.parts` parts in all.
    pub fn check_complete(&self, limits: &Limits) -> Result<(), Error> {
        walk::check_complete(self, limits)
    }

    /// Returns the protected entities inside a plain multipart or an attached message, wherever
    /// they stand; none if this entity is protected itself.
    ///
    /// What is found is protected by its header's claim; [`Entity::protection`] tells. Parts whose
    /// headers cannot be read are passed over.
    ///
    /// # Errors
    /// [`Error::TooLarge`] as for [`Entity::check_complete`].
    pub fn nested_protections(&self, limits: &Limits) -> Result<Vec<Self>, Error> {
        walk::nested_protections(self, limits)
    }

    /// Splits a mail that is to be sent into the fields that stay outside and the entity to
    /// protect.
    ///
    /// # Errors
    /// As [`Entity::content_type`].
    pub fn outgoing(&self) -> Result<Outgoing, Error> {
        outgoing::split(self)
    }

    pub(crate) fn body_offset(&self) -> u64 {
        self.body
    }

    pub(crate) fn default_type(&self) -> &'static str {
        self.default_type
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }
}

impl fmt::Debug for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entity({:?})", self.headers)
    }
}

/// Returns what the parts of a multipart are when they do not say (RFC 2046 §5.1.5).
pub(crate) fn default_type_of_parts(content_type: &ContentType) -> &'static str {
    if content_type.media_type == "multipart/digest" {
        "message/rfc822"
    } else {
        TEXT
    }
}

/// What an entity is that does not say (RFC 2045 §5.2).
pub(crate) const TEXT: &str = "text/plain";

#[cfg(test)]
mod tests;
