//! Any file is items, one at least, each a certificate or a typed refusal at a place in the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smime::store::items;

fuzz_target!(|file: &[u8]| {
    let items = items(file);
    assert!(!items.is_empty(), "a file is at least one item");
    let mut last = 0;
    for item in items {
        assert!(item.position >= last, "items come in the order of the file");
        last = item.position;
        let place = usize::try_from(item.position).expect("a place in memory");
        assert!(place <= file.len(), "an item is in the file");
        match item.content {
            Ok(certificate) => assert!(!certificate.der().is_empty()),
            Err(error) => assert!(error.code().contains('.'), "a stable code"),
        }
    }
});
