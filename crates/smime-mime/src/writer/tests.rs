use smime_io::{Limits, Source};

use super::*;
use crate::{Entity, Protection};

fn text(source: &Source) -> String {
    String::from_utf8(source.read_to_vec("test", 1 << 20).unwrap()).unwrap()
}

#[test]
fn a_signed_entity_is_written_byte_for_byte() {
    let mut writer = MultipartSigned::begin(Vec::new(), "sha-256", "=_x").unwrap();
    writer.content().write_all(b"A: b\r\n\r\ntext\r\n").unwrap();
    let written = String::from_utf8(writer.finish(b"abc").unwrap()).unwrap();
    let expected = "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n \
        micalg=sha-256; boundary=\"=_x\"\r\n\r\nThis is a signed message in S/MIME format.\r\n\r\n\
        --=_x\r\nA: b\r\n\r\ntext\r\n\r\n--=_x\r\n\
        Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n\
        Content-Transfer-Encoding: base64\r\n\
        Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\
        Content-Description: S/MIME Cryptographic Signature\r\n\r\n\
        YWJj\r\n\r\n--=_x--\r\n";
    assert_eq!(written.replace(";\r\n boundary", "; boundary"), expected);
}

#[test]
fn a_cms_object_is_written_and_read_back() {
    for (smime_type, word) in [
        (SmimeType::SignedData, "signed-data"),
        (SmimeType::EnvelopedData, "enveloped-data"),
        (SmimeType::AuthEnvelopedData, "authEnveloped-data"),
    ] {
        let mut writer = Pkcs7Mime::begin(Vec::new(), smime_type).unwrap();
        writer.write_all(b"abc").unwrap();
        let entity = Source::from_bytes(writer.finish().unwrap());
        let entity = Entity::read(entity, &Limits::default()).unwrap();
        assert_eq!(
            entity.content_type().unwrap().parameter("smime-type"),
            Some(word)
        );
        assert!(
            matches!(entity.protection().unwrap(), Protection::Pkcs7(source) if text(&source) == "abc")
        );
    }
}

#[test]
fn old_names_are_written_by_choice_in_every_place_and_read_back() {
    let mut writer = Pkcs7Mime::begin_named(Vec::new(), SmimeType::SignedData, MediaTypes::Old);
    writer.as_mut().unwrap().write_all(b"abc").unwrap();
    let opaque = writer.unwrap().finish().unwrap();
    let mut writer =
        MultipartSigned::begin_named(Vec::new(), "sha-256", "b", MediaTypes::Old).unwrap();
    writer.content().write_all(b"\r\ntext").unwrap();
    let detached = writer.finish(b"abc").unwrap();
    for (written, name, count) in [
        (opaque, "application/x-pkcs7-mime", 1),
        (detached, "application/x-pkcs7-signature", 2),
    ] {
        let as_text = String::from_utf8(written.clone()).unwrap();
        assert_eq!(as_text.matches(name).count(), count);
        assert!(!as_text.contains("application/pkcs7"));
        let entity = Entity::read(Source::from_bytes(written), &Limits::default()).unwrap();
        let cms = match entity.protection().unwrap() {
            Protection::Pkcs7(cms) => cms,
            Protection::MultipartSigned { signature, .. } => signature,
            Protection::None => panic!("not recognised"),
        };
        assert_eq!(text(&cms), "abc");
    }
}

#[test]
fn an_unfinished_signed_entity_is_refused_by_the_reader() {
    let mut bytes = Vec::new();
    let mut writer = MultipartSigned::begin(&mut bytes, "sha-256", "b").unwrap();
    writer.content().write_all(b"\r\ntext").unwrap();
    drop(writer);
    let entity = Entity::read(Source::from_bytes(bytes), &Limits::default()).unwrap();
    assert_eq!(entity.protection().unwrap_err().code(), "mime.malformed");
}

#[test]
fn several_digests_are_quoted() {
    let bytes = MultipartSigned::begin(Vec::new(), "sha-256,sha-512", "b")
        .unwrap()
        .finish(b"")
        .unwrap();
    let entity = Entity::read(Source::from_bytes(bytes), &Limits::default()).unwrap();
    assert_eq!(
        entity.content_type().unwrap().parameter("micalg"),
        Some("sha-256,sha-512")
    );
}

#[test]
fn nothing_that_could_break_the_header_is_written() {
    let long = "x".repeat(71);
    for (micalg, boundary) in [
        ("", "b"),
        ("sha 256", "b"),
        ("sha-256\r\nX: y", "b"),
        ("sha-256;x=y", "b"),
        ("sha-256,", "b"),
        ("\"sha-256\"", "b"),
        ("shä", "b"),
        ("sha-256", ""),
        ("sha-256", "b "),
        ("sha-256", "b\r\nX: y"),
        ("sha-256", "b\"c"),
        ("sha-256", "b\\c"),
        ("sha-256", "b\0"),
        ("sha-256", "bü"),
        ("sha-256", &long),
    ] {
        let mut written = Vec::new();
        let error = MultipartSigned::begin(&mut written, micalg, boundary).unwrap_err();
        assert_eq!(
            error.kind(),
            io::ErrorKind::InvalidInput,
            "{micalg:?} {boundary:?}"
        );
        assert!(written.is_empty());
    }
}
