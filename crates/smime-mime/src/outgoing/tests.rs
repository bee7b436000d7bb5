use smime_io::Limits;

use super::*;

fn split(mail: &str) -> (String, String) {
    let entity = Entity::read(Source::from_bytes(mail.as_bytes()), &Limits::default()).unwrap();
    let Outgoing { outer, entity } = entity.outgoing().unwrap();
    let entity = entity.read_to_vec("test", 1 << 20).unwrap();
    (
        String::from_utf8(outer).unwrap(),
        String::from_utf8(entity).unwrap(),
    )
}

#[test]
fn content_fields_go_inside_and_the_others_stay_outside() {
    let mail = "From: a@example.com\r\nMIME-Version: 1.0\r\nContent-Type: text/plain;\r\n charset=utf-8\r\n\
        Subject: folded\r\n\tsubject\r\ncontent-transfer-encoding: 8bit\r\nContent-Language: de\r\n\r\nbody\r\n";
    let (outer, entity) = split(mail);
    assert_eq!(
        outer,
        "From: a@example.com\r\nSubject: folded\r\n\tsubject\r\n"
    );
    assert_eq!(
        entity,
        "Content-Type: text/plain;\r\n charset=utf-8\r\ncontent-transfer-encoding: 8bit\r\n\
         Content-Language: de\r\n\r\nbody\r\n"
    );
}

#[test]
fn blind_copies_are_in_neither() {
    let mail = "Bcc: x@example.com,\r\n y@example.com\r\nTo: b@example.com\r\nBCC : z@example.com\r\n\
        Resent-Bcc: v@example.com\r\nX-Bcc-Count: 3\r\n\r\nbody\r\n";
    let (outer, entity) = split(mail);
    assert_eq!(outer, "To: b@example.com\r\nX-Bcc-Count: 3\r\n");
    assert_eq!(entity, "\r\nbody\r\n");
}

#[test]
fn line_ends_become_crlf_everywhere() {
    let (outer, entity) = split(
        "To: b@example.com,\n c@example.com\nContent-Type: a/b;\n c=d\n\none\ntwo\r\n\nthree",
    );
    assert_eq!(outer, "To: b@example.com,\r\n c@example.com\r\n");
    assert_eq!(
        entity,
        "Content-Type: a/b;\r\n c=d\r\n\r\none\r\ntwo\r\n\r\nthree"
    );
}

#[test]
fn body_bytes_other_than_line_ends_never_change() {
    for body in [
        "trailing \t \r\n",
        ".\r\n..\r\n",
        "From here\r\n",
        "=20=\r\n",
        "\u{1}\u{7f}ü",
        "",
        "no end",
    ] {
        assert_eq!(
            split(&format!("A: b\r\n\r\n{body}")).1,
            format!("\r\n{body}")
        );
    }
}

#[test]
fn a_mail_of_fields_alone_has_an_empty_body() {
    assert_eq!(split("A: b"), ("A: b\r\n".to_owned(), "\r\n".to_owned()));
    assert_eq!(split("").1, "\r\n");
}

#[test]
fn the_entity_can_be_read_again_and_from_anywhere() {
    let mail = "Content-Type: a/b\n\none\ntwo\n";
    let entity = Entity::read(Source::from_bytes(mail.as_bytes()), &Limits::default()).unwrap();
    let source = entity.outgoing().unwrap().entity;
    let mut whole = Vec::new();
    source.open().unwrap().read_to_end(&mut whole).unwrap();
    for at in 0..=whole.len() + 1 {
        let mut read = Vec::new();
        source
            .open_at(u64::try_from(at).unwrap())
            .unwrap()
            .read_to_end(&mut read)
            .unwrap();
        assert_eq!(read, whole.get(at..).unwrap_or_default());
    }
}

#[test]
fn a_mail_with_two_content_types_is_not_taken_apart() {
    let mail = *b"Content-Type: a/b\nContent-Type: c/d\n\n";
    let entity = Entity::read(Source::from_bytes(mail), &Limits::default()).unwrap();
    assert!(matches!(entity.outgoing(), Err(Error::Malformed { .. })));
}
