use pem_rfc7468::Base64Decoder;
use zeroize::Zeroizing;

use crate::{Error, Secret};

/// What a block's label says is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// PRIVATE KEY (RFC 7468 §10).
    Pkcs8,
    /// ENCRYPTED PRIVATE KEY (RFC 7468 §11).
    Protected,
    /// RSA PRIVATE KEY.
    Rsa,
    /// EC PRIVATE KEY (RFC 5915 §4).
    Ec,
}

/// Returns the first private key of a PEM file; `None` when the file has no PEM blocks at all.
pub(super) fn private_key(file: &[u8]) -> Result<Option<(Form, Secret)>, Error> {
    let mut lines = Lines {
        rest: file,
        offset: 0,
    };
    let mut blocks = false;
    while let Some((offset, line)) = lines.next() {
        let Some(label) = boundary(line, b"-----BEGIN ") else {
            continue;
        };
        blocks = true;
        let form = match label {
            b"PRIVATE KEY" => Form::Pkcs8,
            b"ENCRYPTED PRIVATE KEY" => Form::Protected,
            b"RSA PRIVATE KEY" => Form::Rsa,
            b"EC PRIVATE KEY" => Form::Ec,
            other if other.ends_with(b"PRIVATE KEY") => {
                return Err(Error::Unsupported("form of the private key"));
            }
            _ => continue,
        };
        return block(&mut lines, label, offset).map(|der| Some((form, der)));
    }
    if blocks {
        Err(Error::Unsupported("file without a private key"))
    } else {
        Ok(None)
    }
}

/// Decodes a block up to its END line, however its lines are broken.
fn block(lines: &mut Lines<'_>, label: &[u8], start: usize) -> Result<Secret, Error> {
    let malformed = |offset| Error::Malformed {
        what: "PEM",
        offset,
    };
    let mut text = Zeroizing::new(Vec::with_capacity(lines.rest.len()));
    loop {
        let (offset, line) = lines.next().ok_or(malformed(start))?;
        if let Some(end) = boundary(line, b"-----END ") {
            if end != label {
                return Err(malformed(offset));
            }
            break;
        }
        if line.starts_with(b"Proc-Type:") {
            // RFC 1421 §4.6.1.1, with a key derivation of one MD5.
            return Err(Error::Unsupported("private key encrypted by PEM headers"));
        }
        if line.contains(&b'-') || line.contains(&b':') {
            return Err(malformed(offset));
        }
        text.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
    }
    // Decodes in constant time, unlike the decoders for mail.
    let mut der = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut decoder = Base64Decoder::new(&text).map_err(|_| malformed(start))?;
    decoder
        .decode_to_end(&mut der)
        .map_err(|_| malformed(start))?;
    Ok(Secret::new(std::mem::take(&mut *der)))
}

fn boundary<'a>(line: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    line.trim_ascii_end()
        .strip_prefix(start)?
        .strip_suffix(b"-----")
}

/// Lines with the position they start at.
struct Lines<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let length = self.rest.iter().position(|byte| *byte == b'\n');
        let length = length.map_or(self.rest.len(), |position| position + 1);
        let (line, rest) = self.rest.split_at(length);
        let offset = self.offset;
        self.rest = rest;
        self.offset += length;
        Some((offset, line))
    }
}
