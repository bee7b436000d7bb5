//! Any bytes are a certificate or a typed error; a certificate answers every question.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smime::x509::{Certificate, Purpose, check_fitness, check_import};
use smime_testkit::NOW;

fuzz_target!(|der: &[u8]| {
    let Ok(certificate) = Certificate::from_der(der) else {
        return;
    };
    assert_eq!(certificate.der(), der, "a certificate keeps its bytes");
    let again = Certificate::from_der(certificate.der()).expect("what was read once reads again");
    assert_eq!(again.fingerprint(), certificate.fingerprint());

    let _ = format!(
        "{certificate:?} {} {}",
        certificate.subject(),
        certificate.issuer()
    );
    assert!(
        certificate.subject().matches(certificate.subject()),
        "a name is itself"
    );
    for address in certificate.emails() {
        let text = address.to_string();
        assert!(!text.contains(['\0', '\r', '\n']), "an address is one line");
        assert!(address.matches(address), "an address is itself");
    }
    let _ = certificate.has_san_email();
    let _ = certificate.basic_constraints();
    let _ = certificate.is_ca();
    let _ = certificate.key_usage();
    let _ = certificate.extended_key_usage();
    let _ = certificate.subject_key_id();
    let _ = certificate.authority_key_id();
    let _ = certificate.signature_scheme();
    let _ = certificate.smime_capabilities();
    let _ = certificate.is_self_issued();
    let _ = certificate.public_key().bits();

    let _ = check_import(&certificate);
    for purpose in [
        Purpose::SignMail,
        Purpose::EncryptMail,
        Purpose::SignCertificates,
    ] {
        let fit = check_fitness(&certificate, purpose, NOW).is_ok();
        let valid = (certificate.not_before()..=certificate.not_after()).contains(&NOW);
        assert!(valid || !fit, "an expired certificate is fit for nothing");
    }
});
