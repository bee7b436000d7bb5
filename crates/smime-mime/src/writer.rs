use std::{
    fmt,
    io::{self, Write},
};

use crate::{Base64Writer, content_type::is_token_character};

/// Writes a `multipart/signed` entity (RFC 8551 §3.5.3): the content in the clear, then the
/// signature.
#[must_use = "without `finish` there is no signature and no closing boundary"]
pub struct MultipartSigned<W> {
    out: W,
    boundary: String,
    names: MediaTypes,
}

impl<W: Write> MultipartSigned<W> {
    /// Writes the `Content-Type` field and everything up to the first part.
    ///
    /// `micalg` names the digest algorithms in words of RFC 8551 §3.5.3.2, with commas between
    /// them. `boundary` must not occur in the content: the caller makes it of random characters.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] when `micalg` is no list of tokens or `boundary` is none of
    /// 1 to 70 characters (RFC 2046 §5.1.1); otherwise what writing returned.
    pub fn begin(out: W, micalg: &str, boundary: &str) -> io::Result<Self> {
        Self::begin_named(out, micalg, boundary, MediaTypes::Registered)
    }

    /// The same, with other names of media types.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn begin_named(
        mut out: W,
        micalg: &str,
        boundary: &str,
        names: MediaTypes,
    ) -> io::Result<Self> {
        let is_token = |word: &str| !word.is_empty() && word.chars().all(is_token_character);
        if !micalg.split(',').all(is_token) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "micalg that is no token",
            ));
        }
        let is_proper = (1..=70).contains(&boundary.len())
            && boundary.chars().all(is_boundary_character)
            && !boundary.ends_with(' ');
        if !is_proper {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "boundary that is no boundary",
            ));
        }
        let quote = if micalg.contains(',') { "\"" } else { "" };
        let prefix = names.prefix();
        write!(
            out,
            "Content-Type: multipart/signed; protocol=\"application/{prefix}pkcs7-signature\";\r\n \
             micalg={quote}{micalg}{quote};\r\n boundary=\"{boundary}\"\r\n\r\n\
             This is a signed message in S/MIME format.\r\n\r\n--{boundary}\r\n"
        )?;
        Ok(Self {
            out,
            boundary: boundary.to_owned(),
            names,
        })
    }

    /// Takes the content: an entity with CRLF line ends, exactly as it was digested.
    pub fn content(&mut self) -> &mut impl Write {
        &mut self.out
    }

    /// Writes the signature, a CMS object, and the closing boundary; returns the inner writer.
    ///
    /// # Errors
    /// What writing returned.
    pub fn finish(self, signature: &[u8]) -> io::Result<W> {
        let Self {
            mut out,
            boundary,
            names,
        } = self;
        let prefix = names.prefix();
        write!(
            out,
            "\r\n--{boundary}\r\n\
             Content-Type: application/{prefix}pkcs7-signature; name=\"smime.p7s\"\r\n\
             Content-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\
             Content-Description: S/MIME Cryptographic Signature\r\n\r\n"
        )?;
        let mut base64 = Base64Writer::new(out);
        base64.write_all(signature)?;
        let mut out = base64.finish()?;
        write!(out, "\r\n--{boundary}--\r\n")?;
        Ok(out)
    }
}

impl<W> fmt::Debug for MultipartSigned<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MultipartSigned")
    }
}

/// Which names the media types of S/MIME have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MediaTypes {
    /// `application/pkcs7-mime` and `application/pkcs7-signature` (RFC 8551 §3.2.1).
    #[default]
    Registered,
    /// `application/x-pkcs7-mime` and `application/x-pkcs7-signature`, of before they were registered.
    Old,
}

impl MediaTypes {
    fn prefix(self) -> &'static str {
        match self {
            Self::Registered => "",
            Self::Old => "x-",
        }
    }
}

/// What an `application/pkcs7-mime` body holds (RFC 8551 §3.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmimeType {
    /// SignedData with its content inside.
    SignedData,
    /// EnvelopedData.
    EnvelopedData,
    /// AuthEnvelopedData.
    AuthEnvelopedData,
}

impl SmimeType {
    fn word(self) -> &'static str {
        match self {
            Self::SignedData => "signed-data",
            Self::EnvelopedData => "enveloped-data",
            Self::AuthEnvelopedData => "authEnveloped-data",
        }
    }
}

/// Writes an `application/pkcs7-mime` entity; what is written into it is the CMS object.
#[must_use = "the last line is written by `finish`"]
pub struct Pkcs7Mime<W> {
    base64: Base64Writer<W>,
}

impl<W: Write> Pkcs7Mime<W> {
    /// Writes the header fields.
    ///
    /// # Errors
    /// What writing returned.
    pub fn begin(out: W, smime_type: SmimeType) -> io::Result<Self> {
        Self::begin_named(out, smime_type, MediaTypes::Registered)
    }

    /// The same, with another name of the media type.
    ///
    /// # Errors
    /// What writing returned.
    pub fn begin_named(mut out: W, smime_type: SmimeType, names: MediaTypes) -> io::Result<Self> {
        let (prefix, word) = (names.prefix(), smime_type.word());
        write!(
            out,
            "Content-Type: application/{prefix}pkcs7-mime; smime-type={word};\r\n name=\"smime.p7m\"\r\n\
             Content-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=\"smime.p7m\"\r\n\
             Content-Description: S/MIME Protected Message\r\n\r\n"
        )?;
        Ok(Self {
            base64: Base64Writer::new(out),
        })
    }

    /// Writes the last line and returns the inner writer.
    ///
    /// # Errors
    /// What writing returned.
    pub fn finish(self) -> io::Result<W> {
        self.base64.finish()
    }
}

impl<W: Write> Write for Pkcs7Mime<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.base64.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.base64.flush()
    }
}

impl<W> fmt::Debug for Pkcs7Mime<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pkcs7Mime")
    }
}

/// Characters of a boundary (RFC 2046 §5.1.1).
fn is_boundary_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "'()+_,-./:=? ".contains(character)
}

#[cfg(test)]
mod tests;
