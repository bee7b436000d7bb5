//! Thunderbird's own messages, made by NSS: every order of signing and encrypting.

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use smime::{
    Error, Keyring, Layer, Message, Policy, Verdict, cms,
    crypto::{UnixTime, fastest, read_private_key},
    store::Memory,
};
use smime_testkit::{Differences, NOW, peer, suite};

use super::{certificates, expected, open, store};

#[test]
fn standard_policy_judges_as_thunderbird_does_today() {
    run(
        "thunderbird-smime",
        "expected.json",
        Policy::standard(),
        include_str!("../exceptions/thunderbird-smime.json"),
    );
}

#[test]
fn archive_policy_judges_as_thunderbird_did_with_sha1() {
    run(
        "thunderbird-smime-allow-sha1",
        "expected-allow-sha1.json",
        Policy::archive(),
        include_str!("../exceptions/thunderbird-smime-allow-sha1.json"),
    );
}

fn run(name: &str, table: &str, policy: Policy, exceptions: &str) {
    let (Some(folder), Some(openssl)) = (suite("thunderbird-smime"), peer("openssl")) else {
        return;
    };
    let (store, keys) = bob(&folder, &openssl, NOW);
    let table = expected(&folder, table);
    let mut differences = Differences::default();
    let tests = table["tests"].as_array().unwrap();
    assert!(tests.len() > 50);
    for test in tests {
        let file = test["file"].as_str().unwrap();
        let result = open(&store, &keys, policy.clone(), NOW, &folder.join(file));
        compare(&mut differences, test, result, &table["texts"]);
    }
    differences.check(name, exceptions);
}

/// Where the suite says that its verdict is Thunderbird's policy and not cryptography, the layers
/// are compared with what OpenSSL sees, and the signer need not be the sender.
fn compare(
    differences: &mut Differences,
    test: &Value,
    result: Result<Message, Error>,
    texts: &Value,
) {
    let file = test["file"].as_str().unwrap();
    let flag = |name: &str| test[name].as_bool().unwrap_or_default();
    let text = |it: &Value| it.as_str().map(str::to_owned);
    let (layers, good, content) = match &result {
        Ok(message) => {
            let limit = 1 << 20;
            let content = message
                .entity()
                .source()
                .read_to_vec("test", limit)
                .unwrap();
            (
                layers(message.layers()),
                message.signature() == Verdict::Good,
                content,
            )
        }
        Err(error) => (layers(&error.layers), false, Vec::new()),
    };
    let openssl: Vec<String> = test["openssl_layers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(text)
        .collect();
    let cryptography_is_bad = openssl.iter().any(|layer| layer == "verify:bad");
    if good && (cryptography_is_bad || !flag("sig_good") && !flag("policy_dependent")) {
        differences.wrongly_accepted(file);
        return;
    }

    let mut differs = Vec::new();
    if flag("policy_dependent") {
        let refused_by_policy = file.contains("SHA1") && layers.iter().any(|it| it == "refused");
        if layers != openssl && !refused_by_policy {
            differs.push(format!("layers {layers:?} instead of {openssl:?}"));
        }
    } else if good != flag("sig_good") {
        differs.push(format!("good: {good} ({layers:?})"));
    }
    let encrypted = layers.iter().any(|layer| layer == "decrypt:ok");
    if flag("enc") && !encrypted {
        differs.push(format!("not decrypted: {:?}", result.as_ref().err()));
    }
    if let Some(wanted) = text(&test["plaintext_contains"]) {
        let wanted = text(&texts[&wanted]).unwrap_or(wanted);
        if !content
            .windows(wanted.len())
            .any(|window| window == wanted.as_bytes())
        {
            differs.push("text not found".to_owned());
        }
    }
    differences.case(file, (!differs.is_empty()).then(|| differs.join("; ")));
}

fn layers(layers: &[Layer]) -> Vec<String> {
    let word = |layer: &Layer| match layer {
        Layer::Encrypted { .. } => "decrypt:ok",
        Layer::Compressed { .. } => "decompress:ok",
        Layer::Signed { signers, .. } => {
            let is = |wanted: fn(&cms::Verdict) -> bool| {
                !signers.is_empty() && signers.iter().all(|signer| wanted(&signer.verdict))
            };
            if is(|it| matches!(it, cms::Verdict::Good | cms::Verdict::WrongSender)) {
                "verify:good"
            } else if is(|it| matches!(it, cms::Verdict::Refused(_))) {
                "refused"
            } else {
                "verify:bad"
            }
        }
    };
    layers.iter().map(|layer| word(layer).to_owned()).collect()
}

/// The recipient of the suite; PKCS#12 is read by the peer.
fn bob(folder: &Path, openssl: &Path, at: UnixTime) -> (Memory, Keyring) {
    let anchors = certificates(&folder.join("smime/TestCA.pem"));
    let scratch = tempfile::tempdir().unwrap();
    let pem = scratch.path().join("bob.pem");
    let output = Command::new(openssl)
        .args(["pkcs12", "-nodes", "-passin", "pass:nss", "-in"])
        .arg(folder.join("smime/Bob.p12"))
        .arg("-out")
        .arg(&pem)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let pkcs8 = read_private_key(&fs::read(&pem).unwrap(), None).unwrap();
    let keys = Keyring::default();
    keys.add(fastest().load_private_key(&pkcs8).unwrap());
    (store(&anchors, &certificates(&pem), at), keys)
}
