use smime_crypto::{Budget, Pkcs12, Secret, asn1::Reader};
use smime_x509::CertificateRef;

use super::{
    armour::Label,
    decoder::Decoder,
    der_kind::{DerKind, der_kind},
    escapes::unescaped,
    item::{ImportError, ItemKind},
    pkcs7::pkcs7,
    place::{Characters, Place},
    property::Property,
    scan::{Form, MAX_TEXT, Piece},
    text::Scale,
};

/// Reads the pieces of an input: decodes, opens containers of PKCS#7, parses certificates.
#[derive(Default)]
pub(super) struct Reading {
    decoder: Decoder,
}

/// What an item holds.
pub(super) enum Content<'a> {
    Certificate(&'a CertificateRef<'a>),
    /// A private key as it stands in the input: a PEM block, or DER.
    Key(&'a [u8]),
    /// A revocation list, DER, which may be malformed.
    Crl(&'a [u8]),
    /// A PKCS#12 container, for [`read_pkcs12`]: what opening it costs is counted for the whole
    /// input, in its order.
    Pkcs12(&'a [u8]),
    Refused(ImportError),
}

impl Reading {
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
            Form::Der => read_der(bytes, &mut Place::From(at), found),
            Form::Armoured(Label::Key) => {
                let key = unescaped(bytes);
                let key = key.as_ref().map_or(bytes, Secret::expose);
                found(at, ItemKind::Key, Content::Key(key));
            }
            Form::Armoured(label) => self.read_armoured(*label, bytes, at, found),
            Form::Property(property) => self.read_property(*property, bytes, at, found),
            Form::Bare => self.read_bare(bytes, piece.scale, found),
        }
    }

    fn read_armoured(
        &mut self,
        label: Label,
        text: &[u8],
        at: u64,
        found: &mut dyn FnMut(u64, ItemKind, Content<'_>),
    ) {
        let is_certificate = !matches!(label, Label::Pkcs7 | Label::Pkcs12 | Label::Crl);
        let kind = match label {
            Label::Crl => ItemKind::Crl,
            _ if is_certificate => ItemKind::Certificate,
            _ => ItemKind::Other,
        };
        // 4 characters for 3 bytes, and a line end for every 64.
        if is_certificate && text.len() / 3 > MAX_CERTIFICATE {
            return found(at, kind, Content::Refused(ImportError::TooLarge));
        }
        // DEVIATION RFC 7468 §2: the line ends may be escapes of a JSON string; because tables of
        // certificates are exported so; test a_block_in_a_json_string_is_read.
        let plain = unescaped(text);
        let text = plain.as_ref().map_or(text, Secret::expose);
        let Some(der) = self.decoder.decode(text) else {
            return found(at, kind, Content::Refused(ImportError::BadBase64));
        };
        let der = match label {
            // In a "trusted certificate" of OpenSSL, its own notes follow the certificate.
            Label::TrustedCertificate => first_element(der).unwrap_or(der),
            _ => der,
        };
        // DEVIATION RFC 7468 §5, §8, §9: whatever the label, a certificate, key or container is
        // read as what it is; because tools and people write one label for the other; test
        // a_certificate_is_found_under_the_label_of_a_container.
        if der.len() <= MAX_CERTIFICATE
            && let Ok(certificate) = CertificateRef::from_der(der)
        {
            return found(
                at,
                ItemKind::Certificate,
                Content::Certificate(&certificate),
            );
        }
        read_called(kind, der, at, found);
        // It can be anything, whatever it is called.
        self.decoder.wipe();
    }

    fn read_property(
        &mut self,
        property: Property,
        lines: &[u8],
        at: u64,
        found: &mut dyn FnMut(u64, ItemKind, Content<'_>),
    ) {
        let kind = property.item_kind();
        let value = match property.base64(lines) {
            Ok(value) => value,
            Err(error) => return found(at, kind, Content::Refused(error)),
        };
        match self.decoder.decode(value.text) {
            Some([]) => found(at, kind, Content::Refused(ImportError::Truncated)),
            Some(der @ [SEQUENCE, ..]) => read_called(kind, der, at, found),
            None if value.is_declared => {
                found(at, kind, Content::Refused(ImportError::BadBase64));
            }
            _ => found(at, kind, Content::Refused(ImportError::UnsupportedKind)),
        }
        self.decoder.wipe();
    }

    /// Reads an input that is base64 and nothing else: as a whole, or by paragraphs.
    fn read_bare(
        &mut self,
        file: &[u8],
        scale: Scale,
        found: &mut dyn FnMut(u64, ItemKind, Content<'_>),
    ) {
        let text = file.strip_prefix(BOM).unwrap_or(file);
        let start = file.len() - text.len();
        let mut count = self.read_values(Characters::new(text, start, scale), found);
        if count == 0 {
            let mut at = start;
            let mut paragraph = start;
            let lines = text.split_inclusive(|byte| *byte == b'\n');
            // An empty line after the last ends the last paragraph.
            for line in lines.chain([&b""[..]]) {
                if line.trim_ascii().is_empty() {
                    let part = file.get(paragraph..at).unwrap_or_default();
                    let part = Characters::new(part, paragraph, scale);
                    count += self.read_values(part, found);
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

    /// Reads the DER values that a text decodes to; returns how many there are.
    fn read_values(
        &mut self,
        mut characters: Characters<'_>,
        found: &mut dyn FnMut(u64, ItemKind, Content<'_>),
    ) -> usize {
        let text = characters.text();
        if text.len() > MAX_TEXT {
            return 0;
        }
        let Some(decoded) = self.decoder.decode(text) else {
            return 0;
        };
        if decoded.first() != Some(&SEQUENCE) || decoded.len() < 2 {
            return 0;
        }
        let mut count = 0;
        let mut rest = decoded;
        while !rest.is_empty() {
            let value = Reader::new(rest)
                .any("value")
                .map_or(rest, |value| value.raw);
            characters.begin_value(decoded.len() - rest.len());
            read_der(value, &mut Place::Base64(&mut characters), found);
            count += 1;
            rest = rest.get(value.len()..).unwrap_or_default();
        }
        count
    }
}

/// Gives what a DER value is that is called a certificate, or something else.
fn read_called(
    called: ItemKind,
    der: &[u8],
    at: u64,
    found: &mut dyn FnMut(u64, ItemKind, Content<'_>),
) {
    read_der(der, &mut Place::At(at), &mut |at, kind, content| {
        // What is called a certificate or a list and is nothing else is a broken one.
        let is_nothing = matches!(
            content,
            Content::Refused(ImportError::UnsupportedKind | ImportError::Truncated)
        );
        let kind = match called {
            ItemKind::Certificate | ItemKind::Crl if is_nothing => called,
            _ => kind,
        };
        found(at, kind, content);
    });
}

/// Gives what a DER value is, or what is in it.
fn read_der(
    der: &[u8],
    place: &mut Place<'_, '_>,
    found: &mut dyn FnMut(u64, ItemKind, Content<'_>),
) {
    let large = der.len() > MAX_CERTIFICATE;
    let certificate = CertificateRef::from_der(der);
    if let (Ok(certificate), false) = (certificate, large) {
        return found(
            place.of(0),
            ItemKind::Certificate,
            Content::Certificate(&certificate),
        );
    }
    let refused = |error| Content::Refused(error);
    let (kind, content) = match der_kind(der) {
        DerKind::Pkcs7 => return read_pkcs7(der, place, found),
        DerKind::Pkcs12 => (ItemKind::Other, Content::Pkcs12(der)),
        DerKind::Crl => (ItemKind::Crl, Content::Crl(der)),
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
    found(place.of(0), kind, content);
}

/// Gives what is in a PKCS#7 container, in its order: where it stands if the container is DER, and
/// otherwise, because it had to be rewritten, where the container stands.
fn read_pkcs7(
    der: &[u8],
    place: &mut Place<'_, '_>,
    found: &mut dyn FnMut(u64, ItemKind, Content<'_>),
) {
    // What has no length ends in zero octets, and a line end may follow.
    let opened = match pkcs7(der.trim_ascii_end()).or_else(|_| pkcs7(der)) {
        Ok(opened) => opened,
        Err(error) => {
            let refused = Content::Refused(ImportError::Container(error));
            return found(place.of(0), ItemKind::Other, refused);
        }
    };
    let listed = |kind, list| {
        let list: &[(usize, Vec<u8>)] = list;
        list.iter()
            .map(move |(at, der)| (*at, kind, der.as_slice()))
    };
    let mut contents: Vec<_> = listed(ItemKind::Certificate, &opened.certificates)
        .chain(listed(ItemKind::Crl, &opened.crls))
        .chain(listed(ItemKind::Other, &opened.passed_over))
        .collect();
    // What was passed over stands among the others.
    contents.sort_unstable_by_key(|(at, ..)| *at);
    let in_place = contents.iter().all(|(at, _, content)| {
        let rest = der.get(*at..).unwrap_or_default();
        rest.starts_with(content)
    });
    let mut container = Place::At(place.of(0));
    if opened.certificates.is_empty() && opened.crls.is_empty() {
        let nothing = Content::Refused(ImportError::NothingFound);
        found(container.of(0), ItemKind::Other, nothing);
    }
    let place = if in_place { place } else { &mut container };
    for (at, kind, content) in contents {
        let at = place.of(at);
        match kind {
            ItemKind::Certificate => read_certificate(content, at, found),
            ItemKind::Crl => found(at, kind, Content::Crl(content)),
            _ => found(at, kind, Content::Refused(ImportError::UnsupportedKind)),
        }
    }
}

/// Gives what is in a PKCS#12 container, all at its position, because what is in it was decrypted
/// and stands nowhere in the file: the certificates, the keys, what could not be read. `budget` is that of the file which the container is in.
pub(super) fn read_pkcs12(
    der: &[u8],
    at: u64,
    passphrase: Option<&Secret>,
    budget: &mut Budget,
    found: &mut dyn FnMut(u64, ItemKind, Content<'_>),
) {
    let refused = |error| Content::Refused(ImportError::Container(error));
    match Pkcs12::open_within(der, passphrase, budget) {
        Ok(opened) => {
            let certificates = opened.certificates.iter().map(|one| one.value.as_slice());
            if opened.keys.is_empty() && certificates.len() + opened.crls.len() == 0 {
                let nothing = Content::Refused(ImportError::NothingFound);
                found(at, ItemKind::Other, nothing);
            }
            certificates.for_each(|der| read_certificate(der, at, found));
            for crl in &opened.crls {
                found(at, ItemKind::Crl, Content::Crl(&crl.value));
            }
            for key in &opened.keys {
                found(at, ItemKind::Key, Content::Key(key.value.expose()));
            }
            for error in &opened.refused {
                found(at, ItemKind::Other, refused(*error));
            }
            for _ in 0..opened.passed_over {
                let refused = Content::Refused(ImportError::UnsupportedKind);
                found(at, ItemKind::Other, refused);
            }
        }
        Err(error) => found(at, ItemKind::Other, refused(error)),
    }
}

/// Gives a certificate of a container.
fn read_certificate(der: &[u8], at: u64, found: &mut dyn FnMut(u64, ItemKind, Content<'_>)) {
    let certificate = CertificateRef::from_der(der);
    let content = match &certificate {
        _ if der.len() > MAX_CERTIFICATE => Content::Refused(ImportError::TooLarge),
        Ok(certificate) => Content::Certificate(certificate),
        Err(error) => Content::Refused(ImportError::Malformed(*error)),
    };
    found(at, ItemKind::Certificate, content);
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
