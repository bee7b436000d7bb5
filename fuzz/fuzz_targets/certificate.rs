//! Any bytes are a certificate or a typed error; a certificate answers every question.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smime::x509::{Certificate, EmailAddress, Purpose, SequenceOf, check_fitness, check_import};
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
    let view = certificate.view();
    let lists = [view.subject_alt_name(), view.issuer_alt_name()];
    for name in lists.iter().flatten().flat_map(SequenceOf::iter) {
        if let Some(email) = name.email() {
            assert!(EmailAddress::new(email).is_some(), "a usable address reads");
        }
    }
    if let Some(constraints) = view.name_constraints() {
        let both = [constraints.permitted, constraints.excluded];
        assert!(both.iter().flatten().all(|it| it.iter().count() > 0));
    }
    let _ = view.basic_constraints();
    let _ = view.is_ca();
    let _ = view.key_usage();
    let _ = format!(
        "{:?} {:?} {:?} {:?} {:?}",
        view.extended_key_usage(),
        view.certificate_policies(),
        view.policy_mappings(),
        view.crl_distribution_points(),
        view.authority_info_access()
    );
    let _ = view.subject_key_id();
    let _ = view.authority_key();
    let _ = view.signature_scheme();
    let _ = view.smime_capabilities();
    let _ = view.is_self_issued();
    assert_eq!(view.key_kind(), certificate.public_key().kind());

    let _ = check_import(&view);
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
