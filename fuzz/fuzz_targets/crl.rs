//! Any bytes are a CRL or a typed error; every entry of a CRL is found, and it judges a path within
//! the budget.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smime::x509::{Crl, Revocation, RevocationPolicy};
use smime_fuzz::judge;

fuzz_target!(|der: &[u8]| {
    let Ok(crl) = Crl::from_der(der) else {
        return;
    };
    assert_eq!(crl.der(), der, "a CRL keeps its bytes");
    let _ = format!(
        "{crl:?} {:?} {:?} {:?} {:?}",
        crl.issuing_distribution_point(),
        crl.authority_key(),
        crl.freshest_crl(),
        crl.defect(),
    );
    for entry in crl.entries().take(100) {
        let found = crl.with_serial(entry.serial).count();
        assert!(found > 0, "an entry is found by its serial number");
    }
    let (current, ended) = (crl.is_current(crl.this_update()), crl.next_update());
    assert!(
        !current || ended.is_some(),
        "a list without an end is never current"
    );
    let mut revocation = Revocation::new(RevocationPolicy::Require);
    revocation.add_crl(crl);
    judge(&revocation);
});
