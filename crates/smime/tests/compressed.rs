//! Compressed content among the layers.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is wrong about its own input must fail"
)]

mod common;

use std::io::Write as _;

use common::{
    ALICE, BOB, SECRET, World, contains, draft, entity, expected_entity, mail_around, small_mail,
};
use miniz_oxide::deflate::compress_to_vec_zlib;
use smime::{
    Cause, Coverage, Draft, Error, Layer, Message, Mode, Policy, Verdict,
    cms::{self, Encryptor, ID_DATA, Recipient},
    crypto::{
        ContentCipher, Oid,
        asn1::{Tag, Writer},
        fastest,
    },
    mime::{Base64Writer, SmimeType},
};
use smime_testkit::{SeededRandom, TestKey};

const COMPRESSED_DATA: Oid = Oid::new("1.2.840.113549.1.9.16.1.9");
const ZLIB: Oid = Oid::new("1.2.840.113549.1.9.16.3.8");

fn world() -> World {
    World::new(TestKey::P256A, TestKey::P256B, fastest())
}

/// The entity of a mail inside compression, as an entity (RFC 8551 §3.6).
fn compressed(entity: &[u8]) -> Vec<u8> {
    let octets = compress_to_vec_zlib(entity, 6);
    let cms = Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(COMPRESSED_DATA);
            w.constructed(Tag::context_constructed(0), |w| {
                w.sequence(|w| {
                    w.small(0);
                    w.sequence(|w| w.oid(ZLIB));
                    w.sequence(|w| {
                        w.oid(ID_DATA);
                        w.constructed(Tag::context_constructed(0), |w| w.octet_string(&octets));
                    });
                });
            });
        });
    });
    let fields = b"Content-Type: application/pkcs7-mime; smime-type=compressed-data;\r\n \
                   name=smime.p7z\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    let mut base64 = Base64Writer::new(fields.to_vec());
    base64.write_all(&cms).unwrap();
    base64.finish().unwrap()
}

/// An entity as a mail from Alice to Bob.
fn mail(entity: &[u8]) -> Vec<u8> {
    let fields = format!("From: {ALICE}\r\nTo: {BOB}\r\nMIME-Version: 1.0\r\n");
    [fields.as_bytes(), entity].concat()
}

fn signed(world: &World, entity: &[u8]) -> Vec<u8> {
    let sealed = world.seal(&Draft {
        sign: Some(Mode::Always),
        ..draft(&mail(entity))
    });
    expected_entity(&sealed)
}

fn encrypted(world: &World, entity: &[u8], cipher: ContentCipher) -> Vec<u8> {
    let random = SeededRandom::new(4);
    let bob = Recipient::without_chain(world.bob.certificate.clone());
    let encryptor = Encryptor::to([bob], cipher, fastest(), &random).unwrap();
    let mut envelope = encryptor.wrap(Vec::new()).unwrap();
    envelope.write_all(entity).unwrap();
    let kind = match cipher.is_authenticated() {
        true => SmimeType::AuthEnvelopedData,
        false => SmimeType::EnvelopedData,
    };
    expected_entity(&mail_around(&envelope.finish().unwrap(), kind))
}

fn open(world: &World, policy: Policy, entity: &[u8]) -> Result<Message, Error> {
    world.receiver(policy).open(&mail(entity)[..])
}

fn kinds(message: &Message) -> String {
    let kind = |layer: &Layer| match layer {
        Layer::Signed { .. } => 's',
        Layer::Encrypted {
            authenticated: true,
            ..
        } => 'E',
        Layer::Encrypted { .. } => 'e',
        Layer::Compressed {
            coverage: Coverage::Whole,
        } => 'c',
        Layer::Compressed { .. } => 'p',
    };
    message.layers().iter().map(kind).collect()
}

#[test]
fn compressed_content_opens_wherever_it_stands() {
    let world = world();
    let content = expected_entity(&small_mail());
    let (gcm, cbc) = (ContentCipher::Aes256Gcm, ContentCipher::Aes256Cbc);
    let sign = |entity: &[u8]| signed(&world, entity);
    let encrypt = |entity: &[u8], cipher| encrypted(&world, entity, cipher);
    for (sent, layers, verdict) in [
        (compressed(&content), "c", Verdict::None),
        (compressed(&sign(&content)), "cs", Verdict::Good),
        (sign(&compressed(&content)), "sc", Verdict::Good),
        (encrypt(&compressed(&content), gcm), "Ec", Verdict::None),
        (encrypt(&compressed(&content), cbc), "ec", Verdict::None),
        (
            encrypt(&compressed(&sign(&content)), gcm),
            "Ecs",
            Verdict::Good,
        ),
        (
            encrypt(&compressed(&sign(&content)), cbc),
            "Ecs",
            Verdict::Good,
        ),
        (
            encrypt(&sign(&compressed(&content)), cbc),
            "Esc",
            Verdict::Good,
        ),
        (
            compressed(&encrypt(&sign(&content), gcm)),
            "cEs",
            Verdict::Good,
        ),
    ] {
        let message = open(&world, Policy::standard(), &sent).unwrap();
        assert_eq!(entity(&message), content, "{layers}");
        assert_eq!(kinds(&message), layers);
        assert_eq!(message.signature(), verdict, "{layers}");
    }
}

#[test]
fn out_of_unauthenticated_encryption_it_leaves_as_the_plaintext_would() {
    let world = world();
    let content = expected_entity(&small_mail());
    let cbc = |entity: &[u8]| encrypted(&world, entity, ContentCipher::Aes256Cbc);
    let plain = open(&world, Policy::strict(), &cbc(&compressed(&content)));
    let error = plain.unwrap_err();
    assert!(matches!(error.cause, Cause::Withheld) && error.layers.is_empty());
    let vouched = cbc(&compressed(&signed(&world, &content)));
    let vouched = open(&world, Policy::strict(), &vouched).unwrap();
    assert_eq!(entity(&vouched), content);
    // What is wrong with what comes out is told no more than what is wrong with what went in.
    let broken = [
        compressed(b"From"),
        compressed(&compressed(&content)),
        compressed(&expected_entity(&small_mail())[..0]),
    ];
    let mut cut = compressed(&content);
    cut.truncate(cut.len() - 12);
    for inside in broken.iter().chain([&cut]) {
        match open(&world, Policy::standard(), &cbc(inside)) {
            Ok(message) => assert_eq!(kinds(&message), "ec"),
            Err(error) => {
                assert!(matches!(error.cause, Cause::DecryptFailed), "{error}");
                assert!(error.layers.is_empty());
            }
        }
        let error = open(&world, Policy::strict(), &cbc(inside)).unwrap_err();
        assert!(matches!(error.cause, Cause::Withheld), "{error}");
    }
}

#[test]
fn an_altered_ciphertext_around_compression_gives_whole_content_or_nothing() {
    let world = world();
    let content = expected_entity(&small_mail());
    let sent = encrypted(&world, &compressed(&content), ContentCipher::Aes256Cbc);
    for at in sent.len() - 400..sent.len() - 4 {
        let mut altered = sent.clone();
        if !altered[at].is_ascii_alphanumeric() {
            continue;
        }
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        match open(&world, Policy::standard(), &altered) {
            Ok(message) => {
                // The header fields before the compressed object are no part of the content.
                let inside = entity(&message);
                assert!(
                    inside == content || !contains(&inside, SECRET.as_bytes()),
                    "{at}"
                );
            }
            Err(error) => assert!(error.layers.is_empty(), "{at}: {error}"),
        }
    }
}

#[test]
fn compression_inside_compression_is_refused() {
    let world = world();
    let content = expected_entity(&small_mail());
    for sent in [
        compressed(&compressed(&content)),
        compressed(&signed(&world, &compressed(&content))),
    ] {
        let error = open(&world, Policy::standard(), &sent).unwrap_err();
        assert!(
            matches!(error.cause, Cause::Cms(cms::Error::Unsupported(_))),
            "{error}"
        );
    }
}

#[test]
fn a_compressed_part_beside_others_is_named_and_stays_closed() {
    let part = String::from_utf8(compressed(&expected_entity(&small_mail()))).unwrap();
    let mixed = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHallo\r\n--b\r\n{part}\r\n--b--\r\n"
    );
    let message = open(&world(), Policy::standard(), mixed.as_bytes()).unwrap();
    assert_eq!(kinds(&message), "p");
    assert_eq!(message.signature(), Verdict::None);
}
