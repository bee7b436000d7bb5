use smime_crypto::{
    Error, Oid,
    asn1::{Reader, Tag, der_from_ber},
};

/// What a PKCS#7 file is kept for: the certificates and revocation lists in it, each DER with the
/// place where it stands.
///
/// Places count bytes from the start of the file if that is DER, and otherwise from the start of
/// what it becomes in DER.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pkcs7 {
    pub(super) certificates: Vec<(usize, Vec<u8>)>,
    pub(super) crls: Vec<(usize, Vec<u8>)>,
    /// Things of other kinds, such as attribute certificates.
    pub(super) passed_over: Vec<(usize, Vec<u8>)>,
}

/// Takes the certificates and revocation lists out of a SignedData (RFC 5652 §5.1, PKCS#7 v1.5
/// §9.1), with signers or without, or out of a Netscape certificate sequence; DER or BER.
///
/// Nothing is verified: what comes out is as untrusted as any certificate that lies about.
///
/// # Errors
/// [`Error::Malformed`]; [`Error::UnknownAlgorithm`] for a ContentInfo of another type;
/// [`Error::Unsupported`] for more than 64 MiB or 100 000 things.
pub(super) fn pkcs7(der_or_ber: &[u8]) -> Result<Pkcs7, Error> {
    let der = der_from_ber(der_or_ber, MAX_FILE)?;
    let mut found = Pkcs7 {
        certificates: Vec::new(),
        crls: Vec::new(),
        passed_over: Vec::new(),
    };
    let mut info = Reader::new(der.expose()).sequence("ContentInfo")?;
    let kind = info.oid()?;
    let content = info.read(Tag::context_constructed(0), "content")?;
    info.finish("ContentInfo")?;
    let mut content = content.reader();
    match kind {
        SIGNED_DATA => {
            let mut fields = content.sequence("SignedData")?;
            fields.small("version")?;
            fields.set("digestAlgorithms")?;
            fields.sequence("encapContentInfo")?;
            if let Some(set) = fields.optional(Tag::context_constructed(0), "certificates")? {
                found.collect(set.reader(), Kind::Certificate)?;
            }
            if let Some(set) = fields.optional(Tag::context_constructed(1), "crls")? {
                found.collect(set.reader(), Kind::Crl)?;
            }
            fields.set("signerInfos")?;
            fields.finish("SignedData")?;
        }
        NETSCAPE_SEQUENCE => {
            let certificates = content.sequence("certificates")?;
            found.collect(certificates, Kind::Certificate)?;
        }
        other => return Err(Error::UnknownAlgorithm(other)),
    }
    content.finish("content")?;
    Ok(found)
}

#[derive(Clone, Copy)]
enum Kind {
    Certificate,
    Crl,
}

impl Pkcs7 {
    /// Both sets are of a CHOICE in which the one alternative without a tag of its own is ours
    /// (RFC 5652 §10.2.1, §10.2.2).
    fn collect(&mut self, mut set: Reader<'_>, kind: Kind) -> Result<(), Error> {
        while !set.is_empty() {
            let element = set.any("element")?;
            let ours = match kind {
                Kind::Certificate => &mut self.certificates,
                Kind::Crl => &mut self.crls,
            };
            let list = if element.tag == Tag::SEQUENCE {
                ours
            } else {
                &mut self.passed_over
            };
            list.push((element.offset, element.raw.to_vec()));
            let count = self.certificates.len() + self.crls.len() + self.passed_over.len();
            if count > MAX_ITEMS {
                return Err(Error::Unsupported("PKCS#7 of so many certificates"));
            }
        }
        Ok(())
    }
}

/// All authorities of all platforms take less than one.
const MAX_FILE: usize = 64 * 1024 * 1024;
/// More than a directory of people exports at once.
const MAX_ITEMS: usize = 100_000;

// RFC 5652 §5.1
const SIGNED_DATA: Oid = Oid::new("1.2.840.113549.1.7.2");
const NETSCAPE_SEQUENCE: Oid = Oid::new("2.16.840.1.113730.2.5");

#[cfg(test)]
mod tests {
    use std::fs;

    use smime_crypto::asn1::Writer;
    use smime_testkit::{flips, suite, truncations};
    use smime_x509::Certificate;

    use super::*;

    fn certificate(number: u8) -> Vec<u8> {
        vec![0x30, 3, 2, 1, number]
    }

    fn signed_data(certificates: &[Vec<u8>], crls: &[Vec<u8>]) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.oid(SIGNED_DATA);
                w.constructed(Tag::context_constructed(0), |w| {
                    w.sequence(|w| {
                        w.small(1);
                        w.element(Tag::SET, &[]);
                        w.sequence(|w| w.oid(Oid::new("1.2.840.113549.1.7.1")));
                        w.element(Tag::context_constructed(0), &certificates.concat());
                        if !crls.is_empty() {
                            w.element(Tag::context_constructed(1), &crls.concat());
                        }
                        w.element(Tag::SET, &[]);
                    });
                });
            });
        })
    }

    #[test]
    fn certificates_and_lists_come_with_their_places() {
        let attribute_certificate = vec![0xa1, 0];
        let file = signed_data(
            &[certificate(1), attribute_certificate, certificate(2)],
            &[certificate(3)],
        );
        let found = pkcs7(&file).unwrap();
        assert_eq!((found.certificates.len(), found.crls.len()), (2, 1));
        assert_eq!(found.passed_over.len(), 1);
        for (place, der) in found
            .certificates
            .iter()
            .chain(&found.crls)
            .chain(&found.passed_over)
        {
            assert_eq!(file[*place..*place + der.len()], *der);
        }
        assert_eq!(found.certificates[1].1, certificate(2));
        assert_eq!(found.crls[0].1, certificate(3));
    }

    #[test]
    fn ber_holds_what_der_holds() {
        let der = signed_data(&[certificate(1), certificate(2)], &[]);
        let inner = Reader::new(&der).sequence("x").unwrap();
        let mut ber = [&[0x30, 0x80][..], inner.rest()].concat();
        ber.extend([0, 0]);
        assert_eq!(pkcs7(&ber), pkcs7(&der));
    }

    #[test]
    fn what_is_no_signed_data_is_refused() {
        let enveloped = Writer::encode(|w| {
            w.sequence(|w| {
                w.oid(Oid::new("1.2.840.113549.1.7.3"));
                w.constructed(Tag::context_constructed(0), |w| w.null());
            });
        });
        assert!(matches!(pkcs7(&enveloped), Err(Error::UnknownAlgorithm(_))));
        let whole = signed_data(&[certificate(1)], &[]);
        let doubled = [whole.clone(), whole.clone()].concat();
        assert!(matches!(pkcs7(&doubled), Err(Error::Malformed { .. })));
        for short in truncations(&whole) {
            assert!(matches!(pkcs7(short), Err(Error::Malformed { .. })));
        }
        for (_, damaged) in flips(&whole) {
            let _ = pkcs7(&damaged);
        }
        for thing in [certificate(1), vec![0xa1, 0]] {
            let many = signed_data(&vec![thing; MAX_ITEMS + 1], &[]);
            assert!(matches!(pkcs7(&many), Err(Error::Unsupported(_))));
        }
    }

    #[test]
    fn the_files_of_others_hold_certificates() {
        // The counts are those of openssl pkcs7 -print_certs.
        for (name, file, count) in [
            ("pyca-vectors", "pkcs7/amazon-roots.p7b", 2),
            ("asn1crypto-fixtures", "pkcs7-signed.der", 1),
            ("asn1crypto-fixtures", "cms-signed-indefinite-length.der", 1),
            (
                "asn1crypto-fixtures",
                "mozilla-generated-by-openssl.pkcs7.der",
                2,
            ),
        ] {
            let Some(folder) = suite(name) else { continue };
            let bytes = fs::read(folder.join(file)).unwrap();
            // One of them ends in a line end, as if it were text.
            let found = pkcs7(bytes.trim_ascii_end()).unwrap();
            assert_eq!(found.certificates.len(), count, "{file}");
            for (_, der) in &found.certificates {
                assert!(Certificate::from_der(der).is_ok(), "{file}");
            }
        }
    }
}
