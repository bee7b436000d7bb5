use pem_rfc7468::Base64Decoder;
use zeroize::Zeroizing;

use crate::{
    Curve, Error, Secret,
    asn1::Reader,
    pbe::{Cipher, bytes_to_key},
};

/// A private key out of a PEM file.
pub(super) struct Block {
    pub(super) form: Form,
    pub(super) content: Secret,
    /// How the content is encrypted, where headers say so.
    pub(super) encryption: Option<Encryption>,
    /// The curve of the EC PARAMETERS before it, which OpenSSL writes; a key may leave it out.
    pub(super) curve: Option<Curve>,
}

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

/// The DEK-Info of a block (RFC 1421 §4.6.1.3); its initialisation vector is the salt too.
pub(super) struct Encryption {
    cipher: Cipher,
    iv: Vec<u8>,
}

impl Encryption {
    /// Decrypts; the key comes of one MD5 over passphrase and salt, so this costs nothing.
    pub(super) fn open(&self, passphrase: &Secret, content: &[u8]) -> Result<Secret, Error> {
        let salt = self.iv.get(..8).unwrap_or_default();
        let key = bytes_to_key(passphrase.expose(), salt, self.cipher.key_length());
        self.cipher.open(key.expose(), &self.iv, content)
    }

    fn read(value: &[u8]) -> Result<Self, Error> {
        let malformed = Error::Unsupported("DEK-Info of the private key");
        let value = std::str::from_utf8(value).map_err(|_| malformed)?;
        let (name, iv) = value.split_once(',').ok_or(malformed)?;
        let cipher = match name.trim() {
            "AES-128-CBC" => Cipher::Aes128,
            "AES-192-CBC" => Cipher::Aes192,
            "AES-256-CBC" => Cipher::Aes256,
            "DES-EDE3-CBC" => Cipher::TripleDes,
            "DES-CBC" => Cipher::Des,
            _ => return Err(malformed),
        };
        let digits: Option<Vec<u8>> = iv
            .trim()
            .chars()
            .map(|digit| u8::try_from(digit.to_digit(16)?).ok())
            .collect();
        let digits = digits.filter(|digits| digits.len() == 2 * cipher.block_length());
        let pairs = digits.ok_or(malformed)?;
        let iv = pairs
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit));
        let iv = iv.collect();
        Ok(Self { cipher, iv })
    }
}

/// Says whether a file has any line that begins a PEM block.
pub(super) fn has_blocks(file: &[u8]) -> bool {
    Lines::new(file).any(|(_, line)| boundary(line, BEGIN).is_some())
}

/// The private keys of a PEM file, each with where it begins.
pub(super) struct Blocks<'a> {
    lines: Lines<'a>,
    curve: Option<Curve>,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(file: &'a [u8]) -> Self {
        Self {
            lines: Lines::new(file),
            curve: None,
        }
    }
}

impl Iterator for Blocks<'_> {
    type Item = (usize, Result<Block, Error>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (offset, line) = self.lines.next()?;
            let Some(label) = boundary(line, BEGIN) else {
                continue;
            };
            let form = match label {
                b"PRIVATE KEY" => Form::Pkcs8,
                b"ENCRYPTED PRIVATE KEY" => Form::Protected,
                b"RSA PRIVATE KEY" => Form::Rsa,
                b"EC PRIVATE KEY" => Form::Ec,
                b"EC PARAMETERS" => {
                    let parameters = block(&mut self.lines, label, offset);
                    self.curve = parameters.ok().and_then(|(der, _)| {
                        Curve::from_oid(Reader::new(der.expose()).oid().ok()?)
                    });
                    continue;
                }
                other if other.ends_with(b"PRIVATE KEY") => {
                    let unsupported = Error::Unsupported("form of the private key");
                    return Some((offset, Err(unsupported)));
                }
                _ => continue,
            };
            let curve = self.curve.take();
            let read = block(&mut self.lines, label, offset);
            let read = read.map(|(content, encryption)| Block {
                form,
                content,
                encryption,
                curve,
            });
            return Some((offset, read));
        }
    }
}

/// Decodes a block up to its END line, however its lines are broken.
fn block(
    lines: &mut Lines<'_>,
    label: &[u8],
    start: usize,
) -> Result<(Secret, Option<Encryption>), Error> {
    let malformed = |offset| Error::Malformed {
        what: "PEM",
        offset,
    };
    let (text, headers) = armoured(lines, label, start)?;
    let encryption = match headers {
        Headers::None => None,
        Headers::Encrypted(Some(encryption)) => Some(encryption?),
        Headers::Encrypted(None) => return Err(malformed(start)),
    };
    // Decodes in constant time, unlike the decoders for mail.
    let mut der = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut decoder = Base64Decoder::new(&text).map_err(|_| malformed(start))?;
    decoder
        .decode_to_end(&mut der)
        .map_err(|_| malformed(start))?;
    Ok((Secret::new(std::mem::take(&mut *der)), encryption))
}

enum Headers {
    None,
    Encrypted(Option<Result<Encryption, Error>>),
}

/// Returns the base64 of a block, without space, and its headers.
///
/// A line that begins another block is left for the next one.
fn armoured(
    lines: &mut Lines<'_>,
    label: &[u8],
    start: usize,
) -> Result<(Zeroizing<Vec<u8>>, Headers), Error> {
    let malformed = |offset| Error::Malformed {
        what: "PEM",
        offset,
    };
    let length = lines.length_to_boundary();
    let mut text = Zeroizing::new(Vec::with_capacity(length));
    let mut headers = Headers::None;
    loop {
        let before = lines.clone();
        let (offset, line) = lines.next().ok_or(malformed(start))?;
        if let Some(end) = boundary(line, b"-----END ") {
            if end != label {
                return Err(malformed(offset));
            }
            return Ok((text, headers));
        }
        if line.contains(&b'-') && !line.contains(&b':') {
            if boundary(line, BEGIN).is_some() {
                *lines = before;
            }
            return Err(malformed(offset));
        }
        let header = line.trim_ascii();
        if header.contains(&b':') {
            let in_head = text.is_empty();
            match (&mut headers, header) {
                (Headers::None, b"Proc-Type: 4,ENCRYPTED") if in_head => {
                    headers = Headers::Encrypted(None);
                }
                (Headers::Encrypted(dek @ None), header) if in_head => {
                    let value = header.strip_prefix(b"DEK-Info:");
                    *dek = Some(Encryption::read(value.ok_or(malformed(offset))?));
                }
                _ => return Err(malformed(offset)),
            }
            continue;
        }
        text.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
    }
}

fn boundary<'a>(line: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    line.trim_ascii_end()
        .strip_prefix(start)?
        .strip_suffix(b"-----")
}

/// Lines with the position they start at.
#[derive(Clone)]
struct Lines<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Lines<'a> {
    fn new(file: &'a [u8]) -> Self {
        Self {
            rest: file,
            offset: 0,
        }
    }

    /// Returns how many bytes there are up to the next line with a boundary.
    fn length_to_boundary(&self) -> usize {
        let mut ahead = self.clone();
        while ahead.rest.first().is_some_and(|first| *first != b'-') {
            ahead.next();
        }
        self.rest.len() - ahead.rest.len()
    }
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

const BEGIN: &[u8] = b"-----BEGIN ";
