//! What an altered CBC ciphertext around a signature is answered with: one error, wherever the
//! alteration is. Two would be an oracle (RFC 3218, RFC 8551 §6).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on stops where it is"
)]

use std::io::Write as _;

use smime::{
    Clock, Draft, Engine, Keyring, Layer, Message, Mode, Policy, SignedForm, Verdict,
    cms::{Encryptor, Recipient},
    crypto::{ContentCipher, RustCrypto},
    io::{Limits, Source},
    mime::{Pkcs7Mime, SmimeType},
    store::{Memory, Store as _, Trust},
};
use smime_testkit::{Authority, NOW, Profile, SeededRandom, TestKey};

#[test]
fn altered_cbc_around_a_signature_has_one_error_wherever_it_is_altered() {
    let root = Authority::root("Root", TestKey::P256B);
    let alice = root.person("alice@example.com", Profile::of(TestKey::P256A));
    let (store, keys) = (Memory::new(), Keyring::default());
    let known = [alice.certificate.clone(), root.certificate().clone()];
    store.add_certificates(&known, NOW).unwrap();
    store
        .set_trust(&root.certificate().fingerprint(), Trust::Anchor)
        .unwrap();
    keys.add(alice.private_key());
    let random = SeededRandom::new(7);
    let engine = Engine {
        provider: &RustCrypto,
        random: &random,
        store: &store,
        keys: &keys,
        policy: Policy::standard(),
        clock: Clock::Fixed(NOW),
        limits: Limits::default(),
    };
    for form in [SignedForm::Detached, SignedForm::Opaque] {
        let mut draft = Draft::new(Source::from_bytes(MAIL.as_bytes()));
        (draft.sign, draft.encrypt, draft.form) = (Some(Mode::Always), Some(Mode::Never), form);
        let mut inner = Vec::new();
        engine.seal(&draft, &mut inner).unwrap();

        let recipient = Recipient::without_chain(alice.certificate.clone());
        let cipher = ContentCipher::Aes128Cbc;
        let encryptor = Encryptor::to([recipient], cipher, &RustCrypto, &random).unwrap();
        let length = u64::try_from(inner.len()).unwrap();
        let mut writer = encryptor.wrap_definite(length, Vec::new()).unwrap();
        writer.write_all(&inner).unwrap();
        let object = writer.finish().unwrap();
        let message = engine.open(&*mail_around(&object)).unwrap();
        assert_eq!(message.signature(), Verdict::Good, "{form:?}");
        let content = entity(&message);

        // The ciphertext is last in DER, and longer than the plaintext.
        for place in (object.len() - inner.len()..object.len()).step_by(STEP) {
            let mut altered = object.clone();
            altered[place] ^= 1;
            match engine.open(&*mail_around(&altered)) {
                // What was altered is not of the signed content, or nothing looks signed any more.
                Ok(message) => assert!(
                    entity(&message) == content || is_unauthenticated(&message),
                    "{form:?}, byte {place}: {:?}",
                    message.layers()
                ),
                Err(error) => {
                    assert_eq!(
                        error.code(),
                        "engine.decrypt_failed",
                        "{form:?}, byte {place}"
                    );
                }
            }
        }
    }
}

fn is_unauthenticated(message: &Message) -> bool {
    matches!(
        message.layers(),
        [Layer::Encrypted {
            authenticated: false,
            ..
        }]
    )
}

fn entity(message: &Message) -> Vec<u8> {
    let source = message.entity().source();
    source.read_to_vec("content of a test", 1 << 16).unwrap()
}

fn mail_around(object: &[u8]) -> Vec<u8> {
    let start = b"From: alice@example.com\r\nMIME-Version: 1.0\r\n".to_vec();
    let mut base64 = Pkcs7Mime::begin(start, SmimeType::EnvelopedData).unwrap();
    base64.write_all(object).unwrap();
    base64.finish().unwrap()
}

const MAIL: &str = "From: alice@example.com\r\nTo: alice@example.com\r\n\
    Content-Type: text/plain\r\n\r\nDer Inhalt ist kurz.\r\n";

/// Less than a cipher block and prime to it, so that every kind of place is met.
const STEP: usize = 7;
