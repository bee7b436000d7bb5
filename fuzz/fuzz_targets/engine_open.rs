//! Any mail is opened or refused; under `strict`, nothing unauthenticated comes out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smime::{Coverage, Layer, Message, Policy, Verdict, cms};
use smime_fuzz::{drain, with_engine};

fuzz_target!(|mail: &[u8]| {
    with_engine(Policy::strict(), |engine| {
        let Ok(message) = engine.open(mail) else {
            return;
        };
        for layer in message.layers() {
            if let Layer::Encrypted {
                coverage: Coverage::Whole,
                authenticated,
                ..
            } = layer
            {
                assert!(authenticated, "strict withholds what nothing vouches for");
            }
        }
        check(&message);
    });
    with_engine(Policy::standard(), |engine| {
        if let Ok(message) = engine.open(mail) {
            check(&message);
        }
    });
});

fn check(message: &Message) {
    let signed = message
        .layers()
        .iter()
        .any(|layer| matches!(layer, Layer::Signed { .. }));
    match message.signature() {
        Verdict::Good => assert!(signed, "good needs a signature"),
        Verdict::None => assert!(!signed, "a signature has a verdict"),
        _ => {}
    }
    for layer in message.layers() {
        if let Layer::Signed { signers, good, .. } = layer {
            let all =
                !signers.is_empty() && signers.iter().all(|it| it.verdict == cms::Verdict::Good);
            assert_eq!(
                *good, all,
                "a layer is good if all of at least one signer are"
            );
        }
    }
    let release = drain(message.entity().source()).expect("what was released reads to its end");
    let again = drain(message.entity().source()).expect("and reads again");
    assert_eq!(release, again);
}
