//! Any bytes are a PKCS#12 file or a typed error, whatever the passphrase.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smime::crypto::{Pkcs12, Pkcs12Integrity, Secret, read_private_keys};

fuzz_target!(|file: &[u8]| {
    if is_dear(file) {
        return;
    }
    let passphrase = Secret::from(&b"1234"[..]);
    let with = Pkcs12::open(file, Some(&passphrase));
    let without = Pkcs12::open(file, None);
    if let (Ok(with), Ok(without)) = (&with, &without) {
        assert_eq!(
            with.integrity,
            Pkcs12Integrity::Absent,
            "one MAC, one passphrase"
        );
        assert_eq!(with.keys.len(), without.keys.len());
        assert_eq!(with.certificates.len(), without.certificates.len());
    }
    let _ = read_private_keys(file, Some(&passphrase));
});

/// Says whether something in the file may be a count of iterations over 65 535 that is permitted:
/// an INTEGER of 3 or 4 bytes, other than the public exponent that most RSA keys have.
fn is_dear(file: &[u8]) -> bool {
    file.windows(5)
        .any(|window| matches!(window, [2, 3 | 4, ..]) && window != [2, 3, 1, 0, 1])
}
