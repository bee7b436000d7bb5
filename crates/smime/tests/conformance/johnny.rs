//! Johnny, you are fired (USENIX Security 2019): signatures that look like somebody else's.

use smime::{Keyring, Layer, Policy, Verdict, cms, crypto::UnixTime};
use smime_testkit::{Differences, suite};

use super::{certificates, expected, open, store};

#[test]
fn no_spoofed_signature_is_good_and_the_honest_ones_are() {
    let Some(folder) = suite("johnny-you-are-fired") else {
        return;
    };
    let table = expected(&folder, "expected.json");
    assert_eq!(table["verify_time"], "2019-05-01T12:00:00Z");
    let at = UnixTime(1_556_712_000);
    let anchors = certificates(&folder.join(table["trust_anchor"].as_str().unwrap()));
    let mut pool = Vec::new();
    for path in table["intermediates"].as_array().unwrap() {
        pool.extend(certificates(&folder.join(path.as_str().unwrap())));
    }
    let store = store(&anchors, &pool, at);
    let keys = Keyring::default();
    let tests = table["tests"].as_array().unwrap();
    assert_eq!(tests.len(), 30);

    let mut differences = Differences::default();
    for test in tests {
        let file = test["file"].as_str().unwrap();
        let result = open(&store, &keys, Policy::standard(), at, &folder.join(file));
        let good = result
            .as_ref()
            .is_ok_and(|message| message.signature() == Verdict::Good);
        let required = test["required_verdict"].as_str().unwrap();
        let binding = test["identity_binding"].as_str();
        // Signed by the address in From: the baselines, and the messages whose binding matches.
        let should_be_good = required.starts_with("VALID")
            || binding.is_some_and(|binding| binding.starts_with("match"));
        let signed = result
            .as_ref()
            .is_ok_and(|it| it.signature() != Verdict::None);
        if good && !should_be_good {
            differences.wrongly_accepted(file);
            continue;
        }
        let difference = if !good && should_be_good {
            Some("not good")
        } else if binding.is_some() && !matches(&result, sound_signature) {
            // Whose it is may be wrong; that it is a signature of that signer is true.
            Some("the signature itself not found sound")
        } else if required.starts_with("NOT SIGNED")
            && matches(
                &result,
                |layer| matches!(layer, Layer::Signed { signers, .. } if !signers.is_empty()),
            )
        {
            Some("a signer found where there is none")
        } else if required.starts_with("NOT whole-message VALID") && !signed {
            Some("the signed part not reported")
        } else if required.starts_with("ERROR") && result.is_ok() {
            Some("no error")
        } else {
            None
        };
        differences.case(file, difference.map(str::to_owned));
    }
    differences.check(
        "johnny-you-are-fired",
        include_str!("../exceptions/johnny-you-are-fired.json"),
    );
}

fn matches(result: &Result<smime::Message, smime::Error>, wanted: impl Fn(&Layer) -> bool) -> bool {
    result
        .as_ref()
        .is_ok_and(|message| message.layers().iter().any(wanted))
}

fn sound_signature(layer: &Layer) -> bool {
    let Layer::Signed { signers, .. } = layer else {
        return false;
    };
    let sound =
        |verdict: &cms::Verdict| matches!(verdict, cms::Verdict::Good | cms::Verdict::WrongSender);
    !signers.is_empty() && signers.iter().all(|signer| sound(&signer.verdict))
}
