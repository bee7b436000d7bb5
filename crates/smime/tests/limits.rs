//! What one message may cost, and what happens when something around the engine fails: an error,
//! and nothing half done.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is wrong about its own input must fail"
)]

#[path = "limits/failing.rs"]
mod failing;

mod common;

use std::io::{self, Read};

use smime::{
    Cause, Cipher, Draft, Engine, Mode, Policy, SignedForm,
    crypto::{
        ContentCipher,
        asn1::{Tag, Writer},
        fastest,
    },
    io::{Limits, Source, TooLarge},
    mime::SmimeType,
};
use smime_testkit::TestKey;

use common::{ALICE, BOB, World, draft, entity, expected_entity, mail_around, small_mail};

#[test]
fn a_message_of_just_the_limit_opens_and_one_byte_more_does_not() {
    let world = world();
    for (what, draft) in forms() {
        let sealed = world.seal(&draft);
        let length = u64::try_from(sealed.len()).unwrap();
        let with = |message| Limits {
            message,
            ..Limits::default()
        };
        assert!(open(&world, with(length), &sealed).is_ok(), "{what}");
        assert_eq!(
            too_large(&world, with(length - 1), &sealed),
            ("message", length - 1)
        );
    }
}

#[test]
fn an_endless_message_ends_at_the_limit() {
    let world = world();
    for in_memory in [0, 1 << 10, 1 << 30] {
        let limits = Limits {
            message: 1 << 20,
            in_memory,
            ..Limits::default()
        };
        let engine = Engine {
            limits,
            ..world.receiver(Policy::standard())
        };
        for input in [&b"Subject: "[..], b"A: b\r\n\r\n", b"\r\n", b""] {
            let error = engine.open(input.chain(io::repeat(b'x'))).unwrap_err();
            assert!(matches!(
                error.cause,
                Cause::TooLarge(TooLarge {
                    what: "message",
                    ..
                })
            ));
        }
    }
}

#[test]
fn where_the_spool_ends_makes_no_difference() {
    let world = world();
    for (what, draft) in forms() {
        let sealed = world.seal(&draft);
        for in_memory in [0, 1, 100, sealed.len() - 1, sealed.len()] {
            let opened = open(
                &world,
                Limits {
                    in_memory,
                    ..Limits::default()
                },
                &sealed,
            )
            .unwrap();
            assert_eq!(entity(&opened), expected_entity(&small_mail()), "{what}");
        }
    }
}

#[test]
fn a_header_over_the_limit_is_refused_wherever_it_stands() {
    let world = world();
    let limits = || Limits {
        headers: 2000,
        ..Limits::default()
    };
    let long = format!("X-Long: {}\r\n", "x".repeat(2000));
    let many = "X-Many: y\r\n".repeat(2000 / 11 + 1);
    let folded = format!("X-Folded: z\r\n{}", " z\r\n".repeat(500));
    for header in [long, many, folded] {
        let content = format!("Content-{header}\r\nx\r\n").replace("\r\nX-", "\r\nContent-X-");
        let outside = format!("From: {ALICE}\r\nTo: {BOB}\r\n{header}\r\nx\r\n").into_bytes();
        let endless = format!("From: {ALICE}\r\nTo: {BOB}\r\n{header}").into_bytes();
        let inside = [
            b"From: alice@example.com\r\nTo: bob@example.org\r\n",
            content.as_bytes(),
        ]
        .concat();
        for mail in [outside, endless] {
            assert_eq!(too_large(&world, limits(), &mail), ("headers", 2000));
            assert!(open(&world, Limits::default(), &mail).is_ok());
        }
        for (_, mut draft) in forms() {
            draft.mail = Source::from_bytes(&*inside);
            let mail = world.seal(&draft);
            check_too_large_inside(&world, limits(), &mail, &draft, "headers");
            assert!(open(&world, Limits::default(), &mail).is_ok());
        }
        let refused = draft(&inside);
        let engine = Engine {
            limits: limits(),
            ..world.sender()
        };
        assert_eq!(
            engine.prepare(&refused).unwrap_err().code(),
            "engine.too_large"
        );
    }
}

#[test]
fn structure_over_the_limit_is_refused() {
    let world = world();
    for (what, draft) in forms() {
        let sealed = world.seal(&draft);
        for structure in [0, 1, 50, 100] {
            let limits = Limits {
                structure,
                ..Limits::default()
            };
            let (crossed, limit) = too_large(&world, limits, &sealed);
            assert_eq!(
                (crossed, limit),
                ("structure", structure.try_into().unwrap()),
                "{what}"
            );
        }
        assert!(
            open(
                &world,
                Limits {
                    structure: 10_000,
                    ..Limits::default()
                },
                &sealed
            )
            .is_ok()
        );
    }
}

#[test]
fn more_certificates_or_recipients_than_fit_are_refused() {
    let world = world();
    let many = |element: &[u8]| element.repeat((9 << 20) / element.len());
    let certificate = world.alice.certificate.der();
    let certificates = signed_data(
        b"x",
        &Writer::encode(|w| {
            w.element(Tag::context_constructed(0), &many(certificate));
        }),
    );
    let mail = mail_around(&certificates, SmimeType::SignedData);
    assert_eq!(too_large(&world, Limits::default(), &mail).0, "structure");

    let recipient = Writer::encode(|w| {
        w.constructed(Tag::context_constructed(4), |w| w.null());
    });
    let recipients = content_info(ENVELOPED_DATA, |w| {
        w.small(2);
        w.element(Tag::SET, &many(&recipient));
    });
    let mail = mail_around(&recipients, SmimeType::EnvelopedData);
    assert_eq!(too_large(&world, Limits::default(), &mail).0, "structure");
}

#[test]
fn a_length_that_is_not_there_costs_nothing() {
    let world = world();
    for length in [
        "84ffffffff",
        "887fffffffffffffff",
        "88ffffffffffffffff",
        "8f00ffffffffffffffffffffffffffff",
    ] {
        let length: Vec<u8> = (0..length.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&length[at..at + 2], 16).unwrap())
            .collect();
        // As the length of the object, of the content inside and of a certificate.
        let object = [&[0x30][..], &length, &[6, 9]].concat();
        let content = [&signed_data_opened()[..], &[0x24, 0x80, 4], &length, b"x"].concat();
        let primitive = [&signed_data_opened()[..], &[4], &length, b"x"].concat();
        for cms in [object, content, primitive] {
            for smime_type in [SmimeType::SignedData, SmimeType::EnvelopedData] {
                let mail = mail_around(&cms, smime_type);
                assert!(open(&world, Limits::default(), &mail).is_err());
            }
        }
    }
}

#[test]
fn sixteen_layers_open_and_seventeen_do_not() {
    let world = world();
    let mut mail = small_mail();
    for count in 1..=Limits::default().depth + 1 {
        let mut next = [
            form(Some(SignedForm::Detached), None),
            form(None, Some(CBC)),
            form(Some(SignedForm::Opaque), None),
            form(None, Some(GCM)),
        ][count % 4]
            .clone();
        next.mail = Source::from_bytes(&*mail);
        mail = world.seal(&next);
        if count <= Limits::default().depth {
            let opened = world.open(&mail).unwrap();
            assert_eq!(opened.layers().len(), count);
            assert_eq!(
                entity(&opened),
                expected_entity(&small_mail()),
                "{count} layers"
            );
            let less = Limits {
                depth: count - 1,
                ..Limits::default()
            };
            // Fewer levels of MIME and BER are another error where they are met first.
            assert!(open(&world, less, &mail).is_err());
        } else {
            assert_eq!(too_large(&world, Limits::default(), &mail), ("depth", 16));
        }
    }
}

#[test]
fn a_signature_inside_an_unauthenticated_envelope_counts_as_a_layer() {
    let world = world();
    let mut mail = small_mail();
    for count in (2..=18).step_by(2) {
        let mut next = form(Some(SignedForm::Opaque), Some(CBC));
        next.mail = Source::from_bytes(&*mail);
        mail = world.seal(&next);
        match open(&world, Limits::default(), &mail) {
            Ok(opened) => assert_eq!(opened.layers().len(), count),
            Err(_) => assert!(count > 16, "{count} layers"),
        }
    }
    assert!(open(&world, Limits::default(), &mail).is_err());
}

#[test]
fn a_hundred_thousand_layers_are_too_many() {
    let world = world();
    let (mut starts, mut length, mut ends) = (Vec::new(), 1, Vec::new());
    for _ in 0..MANY {
        let start = signed_data_start(length);
        length += start.len() + NO_SIGNERS.len();
        starts.push(start);
        ends.extend_from_slice(NO_SIGNERS);
    }
    starts.reverse();
    let mut mail = format!("From: {ALICE}\r\n").into_bytes();
    mail.extend(starts.concat());
    mail.push(b'x');
    mail.extend(ends);
    assert_eq!(too_large(&world, Limits::default(), &mail), ("depth", 16));
}

#[test]
fn a_hundred_thousand_levels_of_mime_are_too_many() {
    let world = world();
    let mut nested = String::new();
    let mut same = String::new();
    for number in 0..MANY {
        nested +=
            &format!("Content-Type: multipart/mixed; boundary=b{number}\r\n\r\n--b{number}\r\n");
        same += "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n";
    }
    let attached = "Content-Type: message/rfc822\r\n\r\n".repeat(MANY);
    let encoded =
        "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
            .repeat(MANY);
    for mail in [nested, attached, encoded] {
        assert_eq!(
            too_large(&world, Limits::default(), mail.as_bytes()),
            ("depth", 16)
        );
        // What no tag vouches for must be complete before it is released; that walk ends as well.
        for mut draft in [
            form(None, Some(CBC)),
            form(None, Some(GCM)),
            form(Some(SignedForm::Opaque), None),
        ] {
            draft.mail = Source::from_bytes(mail.as_bytes());
            draft.from = Some(common::address(ALICE));
            let mut sealed = format!("From: {ALICE}\r\n").into_bytes();
            world.sender().seal(&draft, &mut sealed).unwrap();
            check_too_large_inside(&world, Limits::default(), &sealed, &draft, "depth");
        }
    }
    // The outermost of equal boundaries takes them all: parts beside each other, and too many.
    assert_eq!(
        too_large(&world, Limits::default(), same.as_bytes()).0,
        "parts"
    );
}

#[test]
fn a_hundred_thousand_levels_of_ber_are_too_many() {
    let world = world();
    let segments = [&signed_data_opened()[..], &[0x24, 0x80].repeat(MANY)].concat();
    let sequences = [0x30, 0x80].repeat(MANY);
    let mut in_certificates = signed_data_opened();
    in_certificates.extend([4, 1, b'x', 0, 0, 0, 0, 0xa0, 0x80]);
    in_certificates.extend([0x30, 0x80].repeat(MANY));
    for cms in [segments, in_certificates] {
        let mail = mail_around(&cms, SmimeType::SignedData);
        assert_eq!(too_large(&world, Limits::default(), &mail).0, "depth");
    }
    let mail = mail_around(&sequences, SmimeType::SignedData);
    assert_eq!(too_large(&world, Limits::default(), &mail).0, "depth");
}

#[test]
fn deep_addresses_and_comments_end() {
    let world = world();
    for start in [
        "(",
        "<",
        "\"",
        "a:",
        "@",
        ",",
        "((a)",
        "<<a@b>",
        "\\(",
        "=?utf-8?q?",
    ] {
        let value = start.repeat(MANY);
        for end in ["", " <alice@example.com>"] {
            let mail = format!("From: {value}{end}\r\nTo: {value}\r\n\r\nx\r\n");
            let limits = || Limits {
                headers: 8 << 20,
                ..Limits::default()
            };
            assert!(open(&world, limits(), mail.as_bytes()).is_ok(), "{start}");
            let mut draft = draft(mail.as_bytes());
            (draft.sign, draft.encrypt, draft.to) =
                (Some(Mode::Always), Some(Mode::Always), Vec::new());
            let engine = Engine {
                limits: limits(),
                ..world.sender()
            };
            assert!(engine.prepare(&draft).is_err(), "{start}");
        }
    }
}

#[test]
fn parts_over_the_limit_are_refused() {
    let world = world();
    let with = |parts: usize| {
        let mut mail = String::from("Content-Type: multipart/mixed; boundary=b\r\n\r\n");
        mail += &"--b\r\n\r\nx\r\n".repeat(parts);
        mail + "--b--\r\n"
    };
    assert!(world.open(with(1000).as_bytes()).is_ok());
    assert_eq!(
        too_large(&world, Limits::default(), with(1001).as_bytes()),
        ("parts", 1000)
    );
    assert_eq!(
        too_large(&world, Limits::default(), with(MANY).as_bytes()),
        ("parts", 1000)
    );
    // Not by nesting either.
    let inner = with(40);
    let inner = inner.replace("b\r\n", "c\r\n").replace("--b--", "--c--");
    let mut mail = String::from("Content-Type: multipart/mixed; boundary=b\r\n\r\n");
    for _ in 0..40 {
        mail += &format!("--b\r\n{inner}");
    }
    assert_eq!(
        too_large(&world, Limits::default(), mail.as_bytes()),
        ("parts", 1000)
    );
}

fn open(world: &World, limits: Limits, mail: &[u8]) -> Result<smime::Message, smime::Error> {
    Engine {
        limits,
        ..world.receiver(Policy::standard())
    }
    .open(mail)
}

/// Opens a mail that must cross a limit, and returns which.
fn too_large(world: &World, limits: Limits, mail: &[u8]) -> (&'static str, u64) {
    let error = open(world, limits, mail).unwrap_err();
    assert_eq!(error.code(), "engine.too_large", "{error}");
    match error.cause {
        Cause::TooLarge(TooLarge { what, limit }) => (what, limit),
        other => panic!("{other}"),
    }
}

/// Checks that a limit is crossed inside; what nothing vouches for tells not even that.
fn check_too_large_inside(
    world: &World,
    limits: Limits,
    mail: &[u8],
    draft: &Draft,
    crossed: &str,
) {
    if draft.encrypt == Some(Mode::Always) && draft.cipher == Cipher::Only(CBC) {
        let error = open(world, limits, mail).unwrap_err();
        let after_release = error.code() == "engine.too_large" && crossed == "depth";
        assert!(after_release || error.code() == "engine.decrypt_failed");
    } else {
        assert_eq!(too_large(world, limits, mail).0, crossed);
    }
}

/// The forms of protection, by name.
fn forms() -> Vec<(String, Draft)> {
    let mut forms = Vec::new();
    for cipher in [None, Some(CBC), Some(GCM)] {
        for signed in [None, Some(SignedForm::Detached), Some(SignedForm::Opaque)] {
            if cipher.is_some() || signed.is_some() {
                let what =
                    cipher.map_or(String::new(), |cipher| format!("encrypted by {cipher:?} "));
                forms.push((format!("{what}{signed:?}"), form(signed, cipher)));
            }
        }
    }
    forms
}

fn form(signed: Option<SignedForm>, cipher: Option<ContentCipher>) -> Draft {
    let mut draft = draft(&small_mail());
    if let Some(form) = signed {
        (draft.sign, draft.form) = (Some(Mode::Always), form);
    }
    if let Some(cipher) = cipher {
        (draft.encrypt, draft.cipher) = (Some(Mode::Always), Cipher::Only(cipher));
    }
    draft
}

fn world() -> World {
    World::new(TestKey::P256A, TestKey::P256A, fastest())
}

/// A SignedData without signers (RFC 5652 §5.1), and what stands between its content and its end.
fn signed_data(content: &[u8], between: &[u8]) -> Vec<u8> {
    content_info(SIGNED_DATA, |w| {
        w.small(1);
        w.element(Tag::SET, &[]);
        w.sequence(|w| {
            w.raw(DATA);
            w.constructed(Tag::context_constructed(0), |w| w.octet_string(content));
        });
        w.raw(between);
        w.element(Tag::SET, &[]);
    })
}

fn content_info(object_type: &[u8], write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.raw(object_type);
            w.constructed(Tag::context_constructed(0), |w| w.sequence(write));
        });
    })
}

/// An entity up to the content of the SignedData in it, which an empty SET follows.
fn signed_data_start(content: usize) -> Vec<u8> {
    let mut start = Writer::encode(|w| w.header(Tag::OCTET_STRING, content));
    // From the inside: what is opened, what stands in it first, and what stands in it last.
    for (tag, first, last) in [
        (Tag::context_constructed(0), &[][..], 0),
        (Tag::SEQUENCE, DATA, 0),
        (Tag::SEQUENCE, &[2, 1, 1, 0x31, 0], NO_SIGNERS.len()),
        (Tag::context_constructed(0), &[], NO_SIGNERS.len()),
        (Tag::SEQUENCE, SIGNED_DATA, NO_SIGNERS.len()),
    ] {
        start = [first, &start].concat();
        let length = start.len() + content + last;
        start = [Writer::encode(|w| w.header(tag, length)), start].concat();
    }
    let header = "Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n\
                  Content-Transfer-Encoding: binary\r\n\r\n";
    [header.as_bytes(), &start].concat()
}

/// A SignedData in indefinite lengths up to its content.
fn signed_data_opened() -> Vec<u8> {
    let mut start = vec![0x30, 0x80];
    start.extend(SIGNED_DATA);
    start.extend([0xa0, 0x80, 0x30, 0x80, 2, 1, 1, 0x31, 0, 0x30, 0x80]);
    start.extend(DATA);
    start.extend([0xa0, 0x80]);
    start
}

/// Fails whenever it is read.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("broken"))
    }
}

/// The DER of an empty SET.
const NO_SIGNERS: &[u8] = &[0x31, 0];

const MANY: usize = 100_000;

const CBC: ContentCipher = ContentCipher::Aes256Cbc;
const GCM: ContentCipher = ContentCipher::Aes256Gcm;

/// The DER of the object identifiers id-data, id-signedData and id-envelopedData.
const DATA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
const SIGNED_DATA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
const ENVELOPED_DATA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3];
