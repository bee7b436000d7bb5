use super::*;

fn entity(text: &str) -> Entity {
    Entity::read(Source::from_bytes(text.as_bytes()), &Limits::default()).unwrap()
}

fn text(source: &Source) -> String {
    String::from_utf8(source.read_to_vec("test", 1 << 20).unwrap()).unwrap()
}

#[test]
fn header_and_body_are_split_at_the_first_blank_line() {
    for (mail, header, body) in [
        (
            "A: b\r\n\r\nbody\r\n\r\nmore",
            "A: b\r\n",
            "body\r\n\r\nmore",
        ),
        ("A: b\n\nbody\n", "A: b\n", "body\n"),
        ("A: b\nC: d\r\n\nbody", "A: b\nC: d\r\n", "body"),
        ("\r\nbody", "", "body"),
        ("A: b\r\n\r\n", "A: b\r\n", ""),
        ("A: b\r\n", "A: b\r\n", ""),
        ("A: b", "A: b", ""),
        ("", "", ""),
    ] {
        let entity = entity(mail);
        assert_eq!(entity.headers().raw(), header.as_bytes(), "{mail:?}");
        assert_eq!(text(&entity.body()), body, "{mail:?}");
        assert_eq!(text(entity.source()), mail);
    }
}

#[test]
fn a_header_block_over_the_limit_is_too_large() {
    let limits = Limits {
        headers: 10,
        ..Limits::default()
    };
    let error = Entity::read(Source::from_bytes(*b"A: b\r\nC: d\r\n\r\n"), &limits).unwrap_err();
    assert_eq!(error.code(), "mime.too_large");
}

#[test]
fn the_body_is_decoded_as_the_header_says() {
    for (mail, body) in [
        ("A: b\n\nYWJj\n", "YWJj\n"),
        ("Content-Transfer-Encoding: BASE64\n\nYWJj\n", "abc"),
        (
            "Content-Transfer-Encoding: quoted-printable\n\na=62c\n",
            "abc\n",
        ),
        ("Content-Transfer-Encoding: 8bit\n\na=62c\n", "a=62c\n"),
    ] {
        assert_eq!(text(&entity(mail).decoded_body().unwrap()), body);
    }
    let unknown = entity("Content-Transfer-Encoding: x-other\n\n").decoded_body();
    assert_eq!(unknown.unwrap_err().code(), "mime.unsupported");
}

#[test]
fn without_a_content_type_it_is_plain_text() {
    assert_eq!(
        entity("A: b\n\n").content_type().unwrap().media_type,
        "text/plain"
    );
}

#[test]
fn parts_of_a_digest_are_messages_unless_they_say_otherwise() {
    let mail = "Content-Type: multipart/digest; boundary=b\n\n--b\n\nA: b\n\nx\n--b\nContent-Type: a/b\n\n--b--\n";
    let parts = entity(mail).parts(&Limits::default()).unwrap();
    let types: Vec<_> = parts
        .iter()
        .map(|part| part.content_type().unwrap().media_type)
        .collect();
    assert_eq!(types, ["message/rfc822", "a/b"]);
}

#[test]
fn parts_nest() {
    let mail = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/alternative; boundary=bb\r\n\r\n\
        --bb\r\n\r\none\r\n--bb\r\n\r\ntwo\r\n--bb--\r\n--b\r\n\r\nthree\r\n--b--\r\n";
    let limits = Limits::default();
    let parts = entity(mail).parts(&limits).unwrap();
    let inner = parts[0].parts(&limits).unwrap();
    let bodies: Vec<_> = inner
        .iter()
        .chain(&parts[1..])
        .map(|part| text(&part.body()))
        .collect();
    assert_eq!(bodies, ["one", "two", "three"]);
}

#[test]
fn what_is_not_multipart_has_no_parts() {
    assert!(
        entity("A: b\n\n--b\n\n")
            .parts(&Limits::default())
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_transfer_encoding_of_a_multipart_is_ignored() {
    let encoded = entity(
        "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n\
         --b\n\none\n--b--\n",
    );
    let parts = encoded.parts(&Limits::default()).unwrap();
    assert_eq!(parts.len(), 1);
    assert_eq!(text(&parts[0].body()), "one");
}

#[test]
fn multiparts_that_cannot_be_taken_apart_are_errors() {
    for mail in [
        "Content-Type: multipart/mixed\n\n",
        "Content-Type: multipart/mixed; boundary=\"\"\n\n",
        "Content-Type: multipart\n\n",
        "Content-Type: multipart/mixed; boundary=b\nContent-Type: multipart/mixed; boundary=c\n\n",
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nno header\n\n--b--",
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nA: b\0\n\n--b--",
    ] {
        let error = entity(mail).parts(&Limits::default()).unwrap_err();
        assert_eq!(error.code(), "mime.malformed", "{mail}");
    }
}

#[test]
fn offsets_in_a_part_count_from_the_start_of_the_whole() {
    let mail = "Content-Type: multipart/mixed; boundary=b\n\n--b\nA: b\0\n\n--b--";
    let error = entity(mail).parts(&Limits::default()).unwrap_err();
    assert!(
        matches!(error, Error::Malformed { offset: 51, .. }),
        "{error}"
    );
}
