//! Any bytes are an OCSP response or a typed error; a response answers every question, and judges
//! a path within the budget.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smime::x509::{OcspResponse, Revocation, RevocationPolicy};
use smime_fuzz::judge;

fuzz_target!(|der: &[u8]| {
    let Ok(response) = OcspResponse::from_der(der) else {
        return;
    };
    assert_eq!(response.der(), der, "a response keeps its bytes");
    if let Some(basic) = response.basic() {
        let _ = format!("{:?} {:?}", basic.responder(), basic.nonce());
        let _ = basic.certificates().count();
        let _ = basic.extension_list().count();
        let _ = basic.signature_scheme();
        for single in basic.responses() {
            let current = single.is_current(single.this_update);
            assert!(!current || single.next_update.is_some());
        }
    }
    let mut revocation = Revocation::new(RevocationPolicy::Require);
    revocation.add_response(response);
    judge(&revocation);
});
