//! Every message of `testdata/mail` goes through the readers and writers unchanged.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // A panic is how a test fails.

use std::{fs, io::Write, path::PathBuf};

use smime_io::{Limits, Source};
use smime_mime::{Entity, MultipartSigned, Pkcs7Mime, Protection, SmimeType, canonical};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/mail")
}

fn mails() -> Vec<(String, Vec<u8>)> {
    let mut mails: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .map(|path| {
            (
                path.file_name().unwrap().to_str().unwrap().to_owned(),
                fs::read(&path).unwrap(),
            )
        })
        .collect();
    mails.sort();
    mails
}

fn read(bytes: impl Into<Vec<u8>>) -> Entity {
    Entity::read(Source::from_bytes(bytes.into()), &Limits::default()).unwrap()
}

fn mail(name: &str) -> Entity {
    read(fs::read(folder().join(name)).unwrap())
}

fn bytes(source: &Source) -> Vec<u8> {
    source.read_to_vec("test", 1 << 24).unwrap()
}

#[test]
fn the_folder_is_as_its_readme_says() {
    let mails = mails();
    assert!(mails.len() >= 14);
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    for (name, mail) in &mails {
        assert!(readme.contains(&format!("| `{name}` |")), "{name}");
        let text = canonical(Source::from_bytes(&**mail));
        assert_eq!(bytes(&text) == *mail, name != "bare-lf.eml", "{name}");
    }
}

#[test]
fn every_mail_is_plain_complete_and_from_alice_to_bob() {
    let limits = Limits::default();
    for (name, mail) in mails() {
        let entity = read(&*mail);
        assert_eq!(bytes(entity.source()), mail, "{name}");
        assert!(
            matches!(entity.protection().unwrap(), Protection::None),
            "{name}"
        );
        assert!(
            entity.nested_protections(&limits).unwrap().is_empty(),
            "{name}"
        );
        entity.check_complete(&limits).unwrap();
        let from = entity.headers().addresses("From").unwrap();
        assert_eq!(from.len(), 1, "{name}");
        assert_eq!(from[0].address, "alice@example.com", "{name}");
        let to = entity.headers().addresses("To").unwrap();
        assert!(
            to.iter()
                .any(|mailbox| mailbox.address == "bob@example.org"),
            "{name}"
        );
    }
}

#[test]
fn every_entity_comes_back_from_a_signed_mail_byte_for_byte() {
    for (name, mail) in mails() {
        let outgoing = read(mail).outgoing().unwrap();
        let entity = bytes(&outgoing.entity);
        let mut out = outgoing.outer.clone();
        out.write_all(b"MIME-Version: 1.0\r\n").unwrap();
        let mut writer = MultipartSigned::begin(out, "sha-256", "=_0123456789").unwrap();
        writer.content().write_all(&entity).unwrap();
        let sealed = writer.finish(b"a signature").unwrap();
        for sealed in [sealed.clone(), without_cr(&sealed)] {
            let Protection::MultipartSigned {
                content,
                signature,
                micalg,
            } = read(sealed).protection().unwrap()
            else {
                panic!("{name}")
            };
            assert_eq!(bytes(&content), entity, "{name}");
            assert_eq!(bytes(&signature), b"a signature", "{name}");
            assert_eq!(micalg.as_deref(), Some("sha-256"), "{name}");
        }
    }
}

#[test]
fn every_entity_comes_back_from_a_cms_mail_byte_for_byte() {
    for (name, mail) in mails() {
        let outgoing = read(mail).outgoing().unwrap();
        let entity = bytes(&outgoing.entity);
        let mut writer = Pkcs7Mime::begin(outgoing.outer, SmimeType::EnvelopedData).unwrap();
        writer.write_all(&entity).unwrap();
        let sealed = writer.finish().unwrap();
        for sealed in [sealed.clone(), without_cr(&sealed)] {
            let Protection::Pkcs7(object) = read(sealed).protection().unwrap() else {
                panic!("{name}")
            };
            assert_eq!(bytes(&object), entity, "{name}");
        }
    }
}

#[test]
fn fields_and_entity_of_a_mail_put_together_have_its_body() {
    for (name, mail) in mails() {
        let outgoing = read(&*mail).outgoing().unwrap();
        let body = canonical(read(&*mail).body());
        let inner = Entity::read(outgoing.entity, &Limits::default()).unwrap();
        assert_eq!(bytes(&inner.body()), bytes(&body), "{name}");
        assert!(
            !String::from_utf8_lossy(&outgoing.outer)
                .to_lowercase()
                .contains("bcc:"),
            "{name}"
        );
        let outer = read(outgoing.outer);
        assert_eq!(outer.headers().count("subject"), 1, "{name}");
        assert_eq!(inner.headers().count("subject"), 0, "{name}");
    }
}

#[test]
fn subjects_are_shown_as_they_were_typed() {
    for (name, subject) in [
        ("utf8-8bit.eml", "Angebot für die Küche"),
        (
            "encoded-subject-b.eml",
            "Rückfrage zur Rechnung Nr. 2026-0017: Menge und Einzelpreis stimmen nicht überein",
        ),
        (
            "encoded-subject-q.eml",
            "Confirmation de réservation, salle de réunion n° 4 (Lyon)",
        ),
    ] {
        assert_eq!(mail(name).headers().text("subject").unwrap(), subject);
    }
}

#[test]
fn recipients_are_read_from_groups_quotes_and_comments() {
    let mail = mail("several-recipients.eml");
    let addresses = |name| -> Vec<_> {
        let found = mail.headers().addresses(name).unwrap();
        found.into_iter().map(|mailbox| mailbox.address).collect()
    };
    assert_eq!(
        addresses("To"),
        [
            "bob@example.org",
            "carol@example.net",
            "desk@example.org",
            "north@example.org",
            "south@example.org",
            "erin@example.net"
        ]
    );
    assert_eq!(
        addresses("Cc"),
        ["juergen@example.com", "frank.o'neil+reports@example.org"]
    );
    assert_eq!(addresses("Bcc"), ["audit@example.com", "grace@example.net"]);
}

#[test]
fn attachments_are_decoded_and_named() {
    let limits = Limits::default();
    let parts = mail("binary-attachment.eml").parts(&limits).unwrap();
    let drawing: Vec<u8> = (0..2311_u32)
        .map(|i| u8::try_from((i * 37 + 11 * (i >> 3)) & 255).unwrap())
        .collect();
    assert_eq!(bytes(&parts[1].decoded_body().unwrap()), drawing);
    let parts = mail("mixed-alternative-related.eml")
        .parts(&limits)
        .unwrap();
    let name = parts[1].content_type().unwrap();
    assert_eq!(
        name.parameter("name"),
        Some("Minutes of 22 January – signed copy.pdf")
    );
    let related = parts[0].parts(&limits).unwrap();
    assert_eq!(related[0].parts(&limits).unwrap().len(), 2);
    assert!(bytes(&related[1].decoded_body().unwrap()).starts_with(b"\x89PNG\r\n"));
}

fn without_cr(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .copied()
        .filter(|&byte| byte != b'\r')
        .collect()
}
