//! Encodings that a reader accepts and DER does not.

use smime_crypto::asn1::{Tag, Writer};
use smime_x509::{Certificate, Validation};

use crate::{BASIC, KU, builder, codes, sign, subject};

#[test]
fn defaults_are_not_written_out() {
    let made = || builder(subject(Validation::Mailbox), 1, 3);
    let written = ["pkix.basic_constraints.encoding"];
    let basic = |value: &[u8]| codes(&sign(made().extension(BASIC, true, value)));
    assert_eq!(basic(&[0x30, 0]), [""; 0]);
    assert_eq!(basic(&[0x30, 3, 1, 1, 0]), written);

    let certificate = sign(made().extension(BASIC, true, &[0x30, 0]));
    let not_critical = with_critical_false(&certificate);
    assert_eq!(codes(&not_critical), ["pkix.extension.critical_encoding"]);
}

#[test]
fn bits_of_key_usage_have_names() {
    for (bits, expected) in [
        (&[7, 0x80][..], &[][..]),
        (&[6, 0x80, 0x40], &["pkix.key_usage.unknown_bit"]),
        (&[0, 0x80, 0, 1], &["pkix.key_usage.unknown_bit"]),
        (&[7, 0x88, 0x80], &[]),
    ] {
        let usage = Writer::encode(|w| w.element(Tag::BIT_STRING, bits));
        let made = builder(subject(Validation::Mailbox), 1, 3).extension(KU, true, &usage);
        let mut found = codes(&sign(made));
        found.retain(|code| code.starts_with("pkix."));
        assert_eq!(found, expected, "{bits:?}");
    }
}

/// The same certificate with `critical` FALSE where it was TRUE in basicConstraints.
fn with_critical_false(certificate: &Certificate) -> Certificate {
    let mut der = certificate.der().to_vec();
    let extension = [6, 3, 0x55, 0x1d, 0x13, 1, 1, 0xff];
    let at = der.windows(8).position(|it| it == extension).unwrap();
    der[at + 7] = 0;
    Certificate::from_der(&der).unwrap()
}
