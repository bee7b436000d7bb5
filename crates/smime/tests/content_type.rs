//! What is inside an object must be mail, not something else that was signed or encrypted.
#![allow(
    clippy::unwrap_used,
    reason = "a test that is wrong about its own input must fail"
)]

mod common;

use common::{World, cms_of, draft, mail_around, small_mail};
use smime::{
    Cause, Cipher, Draft, Mode, cms,
    crypto::{ContentCipher, Oid, fastest},
    mime::SmimeType,
};
use smime_testkit::TestKey;

#[test]
fn content_of_another_type_is_not_opened_as_mail() {
    let world = World::new(TestKey::P256A, TestKey::P256A, fastest());
    let sealed = world.seal(&Draft {
        encrypt: Some(Mode::Always),
        cipher: Cipher::Only(ContentCipher::Aes128Cbc),
        ..draft(&small_mail())
    });
    assert!(world.open(&sealed).is_ok());
    let data = cms::ID_DATA;
    let mut object = cms_of(&sealed);
    let at = object
        .windows(data.as_bytes().len())
        .position(|it| it == data.as_bytes())
        .unwrap();
    let last = at + data.as_bytes().len() - 1;
    *object.get_mut(last).unwrap() = 2;
    let error = world
        .open(&mail_around(&object, SmimeType::EnvelopedData))
        .unwrap_err();
    let signed_data = Oid::new("1.2.840.113549.1.7.2");
    let found = matches!(
        error.cause,
        Cause::Cms(cms::Error::UnknownContentType(found)) if found == signed_data
    );
    assert!(found, "{error:?}");
}
