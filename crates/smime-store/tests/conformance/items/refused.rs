//! What a file holds that is no certificate, and why.

use smime_crypto::asn1::{Tag, Writer};
use smime_store::{ItemKind, items};

use super::{GOOD, alice, armoured, codes, lines, only, pem};

#[test]
fn broken_blocks_are_one_refused_item_each() {
    let certificate = alice();
    let good = pem("CERTIFICATE", certificate.der());
    let body = lines(certificate.der(), "\n");
    for (code, broken) in [
        (
            "import.bad_base64",
            armoured("CERTIFICATE", &body.replace('M', "*"), "\n"),
        ),
        (
            "import.bad_base64",
            armoured("CERTIFICATE", &format!("{body}="), "\n"),
        ),
        (
            "import.bad_base64",
            armoured("CERTIFICATE", &format!("=\n{body}"), "\n"),
        ),
        (
            "import.bad_base64",
            armoured("CERTIFICATE", &format!("Key: value\n\n{body}"), "\n"),
        ),
        (
            "import.truncated",
            armoured("CERTIFICATE", "MIIQAAIB\n", "\n"),
        ),
        (
            "import.truncated",
            armoured("CERTIFICATE", &body[..64], "\n"),
        ),
        ("import.truncated", armoured("CERTIFICATE", "", "\n")),
        (
            "import.truncated",
            armoured("TRUSTED CERTIFICATE", &body[..64], "\n"),
        ),
        (
            "import.unsupported_kind",
            armoured("CERTIFICATE", "BQA=\n", "\n"),
        ),
        (
            "import.unsupported_kind",
            armoured("CERTIFICATE", "MAA=\n", "\n"),
        ),
        (
            "import.bad_armour",
            format!("-----BEGIN CERTIFICATE-----\n{body}"),
        ),
        (
            "import.bad_armour",
            format!("-----BEGIN CERTIFICATE-----\n{body}-----END CERT-----\n"),
        ),
        (
            "import.bad_armour",
            format!("-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE\n"),
        ),
        (
            "import.bad_armour",
            format!("-----BEGIN CERTIFICATE\n{body}"),
        ),
        ("import.bad_armour", "-----BEGIN ".to_owned()),
        (
            "import.bad_armour",
            format!("-----BEGIN CERTIFI\nCATE-----\n{body}-----END CERTIFICATE-----\n"),
        ),
    ] {
        let file = format!("{good}text\n{broken}{good}");
        let found = codes(file.as_bytes());
        let found: Vec<_> = found.iter().map(|item| item.2).collect();
        assert_eq!(found, ["ok", code, "ok"], "{broken}");
        assert_eq!(codes(broken.as_bytes()).len(), 1, "{broken}");
    }
}

#[test]
fn what_is_not_a_certificate_is_refused_by_its_kind() {
    let null = |w: &mut Writer| w.null();
    let sequence = |inner: fn(&mut Writer)| Writer::encode(|w| w.sequence(inner));
    let signed = |inner: fn(&mut Writer)| {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.sequence(inner);
                w.sequence(null);
                w.bit_string(&[1]);
            });
        })
    };
    let key = (ItemKind::Key, "import.private_key");
    // What is called a container here is no more than its beginning.
    let container = (ItemKind::Other, "import.malformed");
    let other = (ItemKind::Other, "import.unsupported_kind");
    let oid: &[u8] = &[6, 1, 0x2a];
    for (name, wanted, der) in [
        (
            "PKCS#8",
            key,
            sequence(|w| {
                w.small(0);
                w.sequence(|w| w.null());
                w.octet_string(&[1]);
            }),
        ),
        (
            "PKCS#8 with attributes",
            key,
            sequence(|w| {
                w.small(0);
                w.sequence(|w| w.null());
                w.octet_string(&[1]);
                w.element(Tag::context_constructed(0), &[]);
            }),
        ),
        (
            "encrypted PKCS#8",
            key,
            sequence(|w| {
                w.sequence(|w| w.null());
                w.octet_string(&[1]);
            }),
        ),
        (
            "PKCS#1",
            key,
            sequence(|w| {
                for _ in 0..9 {
                    w.small(0);
                }
            }),
        ),
        (
            "SEC 1",
            key,
            sequence(|w| {
                w.small(1);
                w.octet_string(&[1]);
                w.element(Tag::context_constructed(0), &[]);
            }),
        ),
        (
            "PKCS#7",
            container,
            sequence(|w| {
                w.raw(&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2]);
                w.element(Tag::context_constructed(0), &[]);
            }),
        ),
        (
            "BER PKCS#7",
            container,
            [
                &[0x30, 0x80][..],
                &[
                    6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2, 0xa0, 0x80, 0, 0, 0, 0,
                ],
            ]
            .concat(),
        ),
        (
            "PKCS#12",
            container,
            sequence(|w| {
                w.small(3);
                w.sequence(|w| w.null());
                w.sequence(|w| w.null());
            }),
        ),
        (
            "BER PKCS#12",
            container,
            vec![0x30, 0x80, 2, 1, 3, 0x30, 0x80, 0, 0, 0, 0],
        ),
        (
            "CRL",
            (ItemKind::Crl, "import.crl"),
            signed(|w| {
                w.small(1);
                w.sequence(|w| w.null());
                w.sequence(|w| w.null());
                w.element(Tag::UTC_TIME, b"260101000000Z");
            }),
        ),
        (
            "CRL version 1",
            (ItemKind::Crl, "import.crl"),
            signed(|w| {
                w.sequence(|w| w.null());
                w.sequence(|w| w.null());
                w.element(Tag::GENERALIZED_TIME, b"20260101000000Z");
            }),
        ),
        (
            "request",
            (ItemKind::Request, "import.request"),
            signed(|w| {
                w.small(0);
                w.sequence(|w| w.null());
                w.sequence(|w| w.null());
                w.element(Tag::context_constructed(0), &[]);
            }),
        ),
        (
            "request without attributes",
            (ItemKind::Request, "import.request"),
            signed(|w| {
                w.small(0);
                w.sequence(|w| w.null());
                w.sequence(|w| w.null());
            }),
        ),
        ("empty sequence", other, sequence(|_| ())),
        (
            "two sequences",
            other,
            sequence(|w| {
                w.sequence(|w| w.null());
                w.sequence(|w| w.null());
            }),
        ),
    ] {
        // What is called a certificate and is nothing else is a broken one.
        let called = match wanted {
            (ItemKind::Other, code @ "import.unsupported_kind") => (ItemKind::Certificate, code),
            wanted => wanted,
        };
        assert_eq!(
            only(pem("CERTIFICATE", &der).as_bytes()),
            called,
            "{name} as a certificate"
        );
        assert_eq!(only(&der), wanted, "{name}, DER");
        if der.len() > 2 {
            assert_eq!(
                only(lines(&der, "\n").as_bytes()),
                wanted,
                "{name}, bare base64"
            );
        }
    }
    assert_eq!(
        only(pem("CERTIFICATE", oid).as_bytes()),
        (ItemKind::Certificate, other.1)
    );
    for (label, wanted) in [
        ("PRIVATE KEY", key),
        ("ENCRYPTED PRIVATE KEY", key),
        ("RSA PRIVATE KEY", key),
        ("EC PRIVATE KEY", key),
        ("OPENSSH PRIVATE KEY", key),
        ("X509 CRL", GOOD),
        ("CERTIFICATE REQUEST", (ItemKind::Request, "import.request")),
        (
            "NEW CERTIFICATE REQUEST",
            (ItemKind::Request, "import.request"),
        ),
        ("PKCS7", GOOD),
        ("CMS", GOOD),
        ("EC PARAMETERS", other),
        ("PUBLIC KEY", other),
        ("CERTIFICATES", other),
        ("certificate", other),
    ] {
        assert_eq!(
            only(pem(label, alice().der()).as_bytes()),
            wanted,
            "{label}"
        );
    }
}

#[test]
fn a_private_key_is_never_echoed() {
    let secret = "c2VjcmV0c2VjcmV0c2VjcmV0";
    let file = armoured("PRIVATE KEY", secret, "\n");
    let shown = format!(
        "{:?} {}",
        items(file.as_bytes()),
        items(file.as_bytes())[0].content.as_ref().unwrap_err()
    );
    assert!(
        !shown.contains(secret) && !shown.contains("secret"),
        "{shown}"
    );
}

#[test]
fn a_file_with_nothing_in_it_is_one_refused_item() {
    for file in [
        &b""[..],
        b"\n",
        b"\xef\xbb\xbf",
        b"no certificate here",
        b"certificate",
        b"AAAA",
        b"0",
        b"0\x80",
        b"-----END CERTIFICATE-----",
        b"-----BEGIN",
        &[0xff; 100],
        &[0; 100],
    ] {
        let found = codes(file);
        assert_eq!(found.len(), 1, "{file:?}");
        assert!(
            ["import.nothing_found", "import.truncated"].contains(&found[0].2),
            "{found:?}"
        );
        assert_eq!((found[0].0, found[0].1), (0, ItemKind::Other));
    }
}

#[test]
fn lengths_that_promise_too_much_cost_nothing() {
    let certificate = alice();
    let good = pem("CERTIFICATE", certificate.der());
    for start in [
        &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff][..],
        &[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x30, 0x82],
    ] {
        assert_eq!(only(start).1, "import.truncated");
        let found: Vec<_> = codes(&[start, good.as_bytes()].concat())
            .iter()
            .map(|item| item.2)
            .collect();
        assert_eq!(found, ["import.truncated", "ok"]);
        let found: Vec<_> = codes(&[certificate.der(), start].concat())
            .iter()
            .map(|item| item.2)
            .collect();
        assert_eq!(found, ["ok", "import.truncated"]);
    }
}

#[test]
fn what_is_larger_than_any_certificate_is_not_parsed() {
    let large = Writer::encode(|w| w.sequence(|w| w.octet_string(&vec![0; 2 << 20])));
    assert_eq!(only(&large).1, "import.too_large");
    assert_eq!(
        only(pem("CERTIFICATE", &large).as_bytes()).1,
        "import.too_large"
    );
}
