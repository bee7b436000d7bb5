use smime_crypto::{Pkcs12, Secret, asn1::Reader};
use smime_x509::CertificateRef;

use super::{
    armour::Label,
    decoder::Decoder,
    der_kind::{DerKind, der_kind},
    item::{ImportError, ItemKind},
    pkcs7::pkcs7,
    scan::{Form, MAX_TEXT, Piece},
};

/// Reads the pieces of an input: decodes, opens containers, parses certificates.
pub(super) struct Reading<'p> {
    decoder: Decoder,
    passphrase: Option<&'p Secret>,
}

/// Whether PKCS#12 containers are opened: the first thing of a file may cost what a derivation
/// costs, and a file of a million of them may not.
#[derive(Clone, Copy)]
enum Opening<'p> {
    With(Option<&'p Secret>),
    Not,
}

/// What an item holds.
pub(super) enum Content<'a> {
    Certificate(&'a CertificateRef<'a>),
    /// A private key as it stands in the input: a PEM block, or DER.
    Key(&'a [u8]),
    Refused(ImportError),
}

impl<'p> Reading<'p> {
    /// `passphrase` opens the containers.
    pub(super) fn new(passphrase: Option<&'p Secret>) -> Self {
        Self {
            decoder: Decoder::default(),
            passphrase,
        }
    }

    /// Gives every item of a piece to `found`, at least one, each with its position.
    pub(super) fn read(
        &mut self,
        piece: &Piece,
        bytes: &[u8],
        found: &mut dyn FnMut(u64, ItemKind, Content<'_>),
    ) {
        let at = piece.position;
        match &piece.form {
            Form::Refused(kind, error) => found(at, *kind, Content::Refused(error.clone())),
            Form::Der => read_der(bytes, at, self.opening(at == 0), found),
            Form::Armoured(Label::Key) => found(at, ItemKind::Key, Content::Key(bytes)),
            Form::Armoured(label) => self.read_armoured(*label, bytes, at, found),
            Form::Bare => self.read_bare(bytes, found),
        }
    }

    fn opening(&self, first: bool) -> Opening<'p> {
        if first {
            Opening::With(self.passphrase)
        } else {
            Opening::Not
        }
    }

    fn read_armoured(
        &mut self,
        label: Label,
        text: &[u8],
        at: u64,
        found: &mut dyn FnMut(u64, ItemKind, Content<'_>),
    ) {
        let is_certificate = label != Label::Pkcs7;
        let kind = if is_certificate {
            ItemKind::Certificate
        } else {
            ItemKind::Other
        };
        // 4 characters for 3 bytes, and a line end for every 64.
        if is_certificate && text.len() / 3 > MAX_CERTIFICATE {
            return found(at, kind, Content::Refused(ImportError::TooLarge));
        }
        let Some(der) = self.decoder.decode(text) else {
            return found(at, kind, Content::Refused(ImportError::BadBase64));
        };
        let der = match label {
            // In a "trusted certificate" of OpenSSL, its own notes follow the certificate.
            Label::TrustedCertificate => first_element(der).unwrap_or(der),
            _ => der,
        };
        if der.len() <= MAX_CERTIFICATE
            && let Ok(certificate) = CertificateRef::from_der(der)
        {
            return found(
                at,
                ItemKind::Certificate,
                Content::Certificate(&certificate),
            );
        }
        read_der(der, at, Opening::Not, found);
        // It can be anything, whatever it is called.
        self.decoder.wipe();
    }

    /// Reads an input that is base64 and nothing else: as a whole, or by paragraphs.
    fn read_bare(&mut self, file: &[u8], found: &mut dyn FnMut(u64, ItemKind, Content<'_>)) {
        let text = file.strip_prefix(BOM).unwrap_or(file);
        let start = file.len() - text.len();
        let mut count = self.read_values(text, start, found);
        if count == 0 {
            let mut at = start;
            let mut paragraph = start;
            let lines = text.split_inclusive(|byte| *byte == b'\n');
            // An empty line after the last ends the last paragraph.
            for line in lines.chain([&b""[..]]) {
                if line.trim_ascii().is_empty() {
                    let part = file.get(paragraph..at).unwrap_or_default();
                    count += self.read_values(part, paragraph, found);
                    paragraph = at + line.len();
                }
                at += line.len();
            }
        }
        if count == 0 {
            let nothing = Content::Refused(ImportError::NothingFound);
            found(0, ItemKind::Other, nothing);
        }
        self.decoder.wipe();
    }

    /// Reads the DER values that `text` decodes to, all at the position of the text; returns how
    /// many there are.
    fn read_values(
        &mut self,
        text: &[u8],
        at: usize,
        found: &mut dyn FnMut(u64, ItemKind, Content<'_>),
    ) -> usize {
        let blank = text.len() - text.trim_ascii_start().len();
        let at = u64::try_from(at + blank).unwrap_or(u64::MAX);
        if text.len() > MAX_TEXT {
            return 0;
        }
        let opening = self.opening(at == 0);
        let Some(mut rest) = self.decoder.decode(text) else {
            return 0;
        };
        if rest.first() != Some(&SEQUENCE) || rest.len() < 2 {
            return 0;
        }
        let mut count = 0;
        while !rest.is_empty() {
            let value = Reader::new(rest)
                .any("value")
                .map_or(rest, |value| value.raw);
            let opening = if count == 0 { opening } else { Opening::Not };
            read_der(value, at, opening, found);
            count += 1;
            rest = rest.get(value.len()..).unwrap_or_default();
        }
        count
    }
}

/// Gives what a DER value is, or what is in it.
fn read_der(
    der: &[u8],
    at: u64,
    opening: Opening<'_>,
    found: &mut dyn FnMut(u64, ItemKind, Content<'_>),
) {
    let large = der.len() > MAX_CERTIFICATE;
    let certificate = CertificateRef::from_der(der);
    if let (Ok(certificate), false) = (certificate, large) {
        return found(
            at,
            ItemKind::Certificate,
            Content::Certificate(&certificate),
        );
    }
    let refused = |error| Content::Refused(error);
    let (kind, content) = match der_kind(der) {
        DerKind::Pkcs7 => return read_pkcs7(der, at, found),
        DerKind::Pkcs12 => return read_pkcs12(der, at, opening, found),
        DerKind::Crl => (ItemKind::Crl, refused(ImportError::Crl)),
        DerKind::Request => (ItemKind::Request, refused(ImportError::Request)),
        _ if large => (ItemKind::Certificate, refused(ImportError::TooLarge)),
        DerKind::Certificate => {
            let error = certificate.map_or_else(ImportError::Malformed, |_| ImportError::TooLarge);
            (ItemKind::Certificate, refused(error))
        }
        DerKind::Key => (ItemKind::Key, Content::Key(der)),
        DerKind::Other => (ItemKind::Other, refused(ImportError::UnsupportedKind)),
        DerKind::Truncated => (ItemKind::Other, refused(ImportError::Truncated)),
    };
    found(at, kind, content);
}

/// Gives what is in a PKCS#7 container, all at its position.
fn read_pkcs7(der: &[u8], at: u64, found: &mut dyn FnMut(u64, ItemKind, Content<'_>)) {
    // What has no length ends in zero octets, and a line end may follow.
    match pkcs7(der.trim_ascii_end()).or_else(|_| pkcs7(der)) {
        Ok(opened) => {
            let certificates = opened.certificates.iter().map(|(_, der)| der.as_slice());
            read_contents(certificates, opened.crls.len(), at, found);
            refuse_passed_over(opened.passed_over, at, found);
        }
        Err(error) => {
            let refused = Content::Refused(ImportError::Container(error));
            found(at, ItemKind::Other, refused);
        }
    }
}

/// Gives what is in a PKCS#12 container, all at its position; the certificates before the keys.
fn read_pkcs12(
    der: &[u8],
    at: u64,
    opening: Opening<'_>,
    found: &mut dyn FnMut(u64, ItemKind, Content<'_>),
) {
    let opened = match opening {
        Opening::With(passphrase) => Pkcs12::open(der, passphrase).map_err(ImportError::Container),
        Opening::Not => Err(ImportError::UnsupportedContainer),
    };
    match opened {
        Ok(opened) => {
            let certificates = opened.certificates.iter().map(|one| one.value.as_slice());
            if opened.keys.is_empty() || certificates.len() + opened.crls.len() > 0 {
                read_contents(certificates, opened.crls.len(), at, found);
            }
            for key in &opened.keys {
                found(at, ItemKind::Key, Content::Key(key.value.expose()));
            }
            refuse_passed_over(opened.passed_over, at, found);
        }
        Err(error) => found(at, ItemKind::Other, Content::Refused(error)),
    }
}

/// Refuses what a container holds and nobody could take out, each thing once.
fn refuse_passed_over(count: usize, at: u64, found: &mut dyn FnMut(u64, ItemKind, Content<'_>)) {
    for _ in 0..count {
        let refused = Content::Refused(ImportError::UnsupportedKind);
        found(at, ItemKind::Other, refused);
    }
}

/// Gives the certificates and revocation lists of a container, or that there is nothing.
fn read_contents<'a>(
    certificates: impl Iterator<Item = &'a [u8]>,
    crls: usize,
    at: u64,
    found: &mut dyn FnMut(u64, ItemKind, Content<'_>),
) {
    let mut empty = crls == 0;
    for der in certificates {
        empty = false;
        let certificate = CertificateRef::from_der(der);
        let content = match &certificate {
            _ if der.len() > MAX_CERTIFICATE => Content::Refused(ImportError::TooLarge),
            Ok(certificate) => Content::Certificate(certificate),
            Err(error) => Content::Refused(ImportError::Malformed(*error)),
        };
        found(at, ItemKind::Certificate, content);
    }
    for _ in 0..crls {
        found(at, ItemKind::Crl, Content::Refused(ImportError::Crl));
    }
    if empty {
        found(
            at,
            ItemKind::Other,
            Content::Refused(ImportError::NothingFound),
        );
    }
}

fn first_element(der: &[u8]) -> Option<&[u8]> {
    Reader::new(der)
        .any("TrustedCertificate")
        .ok()
        .map(|element| element.raw)
}

const BOM: &[u8] = b"\xef\xbb\xbf";
const SEQUENCE: u8 = 0x30;

/// Bytes of a certificate that is read: several times the largest in use, those with hash-based
/// signatures of 50 kB each.
pub(super) const MAX_CERTIFICATE: usize = 1 << 20;
