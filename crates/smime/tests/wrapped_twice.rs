//! A signature around ciphertext is no word on what the ciphertext says.
#![allow(
    clippy::unwrap_used,
    reason = "a test that is wrong about its own input must fail"
)]

mod common;

use common::{World, draft, entity, expected_entity, small_mail};
use smime::{Draft, Mode, SignedForm, Verdict, crypto::fastest};
use smime_testkit::TestKey;

#[test]
fn signatures_around_ciphertext_say_nothing_of_its_content_however_many_there_are() {
    let world = World::new(TestKey::P256A, TestKey::P256A, fastest());
    let encrypted = world.seal(&Draft {
        encrypt: Some(Mode::Always),
        ..draft(&small_mail())
    });
    for form in [SignedForm::Opaque, SignedForm::Detached] {
        let mut mail = encrypted.clone();
        for signatures in 1..=3 {
            mail = world.seal(&Draft {
                sign: Some(Mode::Always),
                form,
                ..draft(&mail)
            });
            let opened = world.open(&mail).unwrap();
            assert_eq!(opened.layers().len(), signatures + 1);
            assert_eq!(entity(&opened), expected_entity(&small_mail()));
            assert_eq!(opened.signature(), Verdict::None, "{signatures}, {form:?}");
        }
    }
}

#[test]
fn a_signature_inside_is_good_whatever_is_signed_around_the_ciphertext() {
    let world = World::new(TestKey::P256A, TestKey::P256A, fastest());
    let mut mail = world.seal(&Draft {
        sign: Some(Mode::Always),
        encrypt: Some(Mode::Always),
        ..draft(&small_mail())
    });
    for _ in 0..3 {
        assert_eq!(world.open(&mail).unwrap().signature(), Verdict::Good);
        mail = world.seal(&Draft {
            sign: Some(Mode::Always),
            ..draft(&mail)
        });
    }
}
