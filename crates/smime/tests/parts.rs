//! Signatures around parts of a mail: named, never more than that.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is wrong about its own input must fail"
)]

mod common;

use common::{World, draft, small_mail};
use smime::{Coverage, Draft, Layer, Mode, Verdict, crypto::fastest};
use smime_testkit::TestKey;

/// A mail from Alice with other mails attached.
fn forwarding(mails: &[&[u8]]) -> Vec<u8> {
    let mut forward = b"From: alice@example.com\r\nTo: bob@example.org\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        .to_vec();
    for mail in mails {
        forward.extend_from_slice(b"--b\r\nContent-Type: message/rfc822\r\n\r\n");
        forward.extend_from_slice(mail);
        forward.extend_from_slice(b"\r\n");
    }
    forward.extend_from_slice(b"--b--\r\n");
    forward
}

fn parts(layers: &[Layer]) -> Vec<bool> {
    let part = |layer: &Layer| match layer {
        Layer::Signed {
            coverage: Coverage::Part,
            good,
            ..
        } => Some(*good),
        _ => None,
    };
    layers.iter().filter_map(part).collect()
}

#[test]
fn a_signed_mail_that_is_forwarded_makes_nothing_good_and_nothing_bad() {
    let world = World::new(TestKey::P256A, TestKey::P256B, fastest());
    let signed = |mail: &[u8]| {
        world.seal(&Draft {
            sign: Some(Mode::Always),
            ..draft(mail)
        })
    };
    let good = signed(&small_mail());
    let mut altered = good.clone();
    let at = altered.windows(8).position(|it| it == b"Schatz l").unwrap();
    altered[at] = b's';

    for (inside, expected) in [(&good, true), (&altered, false)] {
        let mail = forwarding(&[inside]);
        let opened = world.open(&mail).unwrap();
        assert_eq!(opened.signature(), Verdict::Part);
        assert_eq!(parts(opened.layers()), [expected]);

        let opened = world.open(&signed(&mail)).unwrap();
        assert_eq!(opened.signature(), Verdict::Good);
        assert_eq!(parts(opened.layers()), [expected]);
    }
}

#[test]
fn parts_beyond_a_number_are_named_and_not_judged() {
    let world = World::new(TestKey::P256A, TestKey::P256B, fastest());
    let good = world.seal(&Draft {
        sign: Some(Mode::Always),
        ..draft(&small_mail())
    });
    let opened = world.open(&forwarding(&[&*good; 40])).unwrap();
    assert_eq!(opened.signature(), Verdict::Part);
    assert_eq!(
        parts(opened.layers()),
        [[true; 32].as_slice(), &[false; 8]].concat()
    );
}
