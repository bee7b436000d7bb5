//! An envelope that names its reader over and over costs no more than one that does so once.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is wrong about its own input must fail"
)]

mod common;

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use common::{ALICE, authority, counting, engine, mail_around, node, nodes, small_mail, store};
use smime::{
    Keyring,
    cms::{Encryptor, Recipient},
    crypto::{
        ContentCipher,
        asn1::{Tag, Writer},
        fastest,
    },
    mime::SmimeType,
};
use smime_testkit::{Profile, SeededRandom, TestKey};

#[test]
fn a_certificate_named_often_is_tried_no_more_often_than_one_named_a_few_times() {
    let alice = authority().person(ALICE, Profile::of(TestKey::P256A));
    let (random, keys) = (SeededRandom::new(1), Keyring::default());
    let uses = Arc::new(AtomicUsize::new(0));
    let key = fastest().load_private_key(&alice.key).unwrap();
    keys.add(counting(key, &uses));
    let known = store(std::slice::from_ref(&alice.certificate), &alice.certificate);
    let engine = engine(fastest(), &known, &keys, &random);

    let to = Recipient::without_chain(alice.certificate.clone());
    let encryptor = Encryptor::to([to], ContentCipher::Aes128Gcm, fastest(), &random).unwrap();
    let content = small_mail();
    let length = u64::try_from(content.len()).unwrap();
    let mut writer = encryptor.wrap_definite(length, Vec::new()).unwrap();
    writer.write_all(&content).unwrap();
    let mut object = repeated(&writer.finish().unwrap(), 500);
    let mail = mail_around(&object, SmimeType::AuthEnvelopedData);
    engine.open(&*mail).unwrap();
    assert_eq!(uses.swap(0, Ordering::Relaxed), 1);

    // The last byte of the tag.
    *object.last_mut().unwrap() ^= 1;
    let mail = mail_around(&object, SmimeType::AuthEnvelopedData);
    let error = engine.open(&*mail).unwrap_err();
    assert_eq!(error.code(), "engine.decrypt_failed");
    let uses = uses.load(Ordering::Relaxed);
    assert!(uses <= 4, "{uses} uses of the key");
}

/// The same envelope, with its one recipient so many times.
fn repeated(object: &[u8], times: usize) -> Vec<u8> {
    let all = nodes(object);
    let whole = |path: &[usize]| &object[node(&all, path).whole];
    Writer::encode(|w| {
        w.sequence(|w| {
            w.raw(whole(&[0]));
            w.constructed(Tag::context_constructed(0), |w| {
                w.sequence(|w| {
                    w.raw(whole(&[1, 0, 0]));
                    w.constructed(Tag::SET, |w| {
                        (0..times).for_each(|_| w.raw(whole(&[1, 0, 1, 0])));
                    });
                    w.raw(whole(&[1, 0, 2]));
                    w.raw(whole(&[1, 0, 3]));
                });
            });
        });
    })
}
