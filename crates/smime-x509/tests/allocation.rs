//! Reading a certificate where it stands takes no memory.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::hint::black_box;

use allocation_counter::measure;
use smime_testkit::{Authority, Profile, TestKey};
use smime_x509::{CertificateRef, check_import};

#[test]
fn reading_and_judging_a_certificate_where_it_stands_allocates_nothing() {
    let root = Authority::root("Root", TestKey::P384A);
    for key in [TestKey::Rsa2048A, TestKey::P256A] {
        let person = root.person("alice@example.com", Profile::of(key));
        let der = person.certificate.der();
        let info = measure(|| {
            let view = CertificateRef::from_der(black_box(der)).unwrap();
            check_import(&view).unwrap();
            assert_eq!(view.san_emails().next(), Some("alice@example.com"));
            assert!(view.key_usage().is_some() && !view.is_ca());
            black_box((view.issuer(), view.subject_key_id(), view.key_kind()));
        });
        assert_eq!(info.count_total, 0, "{key:?}");
        let owned = measure(|| {
            black_box(
                CertificateRef::from_der(der)
                    .unwrap()
                    .to_certificate()
                    .unwrap(),
            );
        });
        assert!(owned.count_total > 0, "the counter counts");
    }
}
