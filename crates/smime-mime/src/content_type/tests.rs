use super::*;

fn read(value: &str) -> Option<ContentType> {
    ContentType::parse(value)
}

#[test]
fn the_media_type_comes_in_lower_case_without_comments() {
    for (value, expected) in [
        ("text/plain", "text/plain"),
        ("Multipart/SIGNED ; boundary=x", "multipart/signed"),
        (
            " (a) application / (b (c)) x-pkcs7-mime (d)",
            "application/x-pkcs7-mime",
        ),
        ("text/plain;", "text/plain"),
        ("text/plain; ; ;", "text/plain"),
    ] {
        assert_eq!(read(value).unwrap().media_type, expected);
    }
}

#[test]
fn parameters_are_read_with_and_without_quotes() {
    for (value, name, expected) in [
        ("a/b; name=x", "NAME", "x"),
        ("a/b;NAME=\"x; y=z\"", "name", "x; y=z"),
        ("a/b; name=\"a\\\"b\\\\\"; c=d", "name", "a\"b\\"),
        ("a/b; name = (c) x (d)", "name", "x"),
        ("a/b; boundary=----=_Part/1:2", "boundary", "----=_Part/1:2"),
        (
            "a/b; protocol=application/pkcs7-signature; x=y",
            "protocol",
            "application/pkcs7-signature",
        ),
        ("a/b; name=\"\"", "name", ""),
        ("a/b; x=1; x=1", "x", "1"),
    ] {
        assert_eq!(
            read(value).unwrap().parameter(name),
            Some(expected),
            "{value}"
        );
    }
    assert_eq!(read("a/b; name=x").unwrap().parameter("nam"), None);
}

#[test]
fn continuations_and_character_sets_are_joined() {
    for (value, expected) in [
        ("a/b; name*0=one; name*1=\" two\"", "one two"),
        ("a/b; name*1=two; name*0=one", "onetwo"),
        ("a/b; name*=UTF-8''f%C3%BCr.p7m", "für.p7m"),
        ("a/b; name*=utf-8'de'f%c3%bcr", "für"),
        (
            "a/b; name*0*=UTF-8''f%C3; name*1*=%BCr; name*2=%41",
            "für%41",
        ),
        ("a/b; name*=iso-8859-1''caf%E9", "café"),
        ("a/b; name=old; name*=UTF-8''new", "new"),
    ] {
        assert_eq!(
            read(value).unwrap().parameter("name"),
            Some(expected),
            "{value}"
        );
    }
}

#[test]
fn what_is_no_content_type_is_refused() {
    for value in [
        "",
        "text",
        "text/",
        "/plain",
        "text plain",
        "text/pl ain",
        "text/plain charset=x",
        "text/plain, text/html",
        "text/plain; charset",
        "text/plain; =x",
        "text/plain; a=",
        "text/plain; a=\"x",
        "text/plain; a=\"x\\",
        "text/plain; a=x y",
        "text/plain; a=\"x\"y",
        "text/plain (comment",
        "te(x)xt/plain/x",
        "text/plain; a b=c",
        "tëxt/plain",
    ] {
        assert_eq!(read(value), None, "{value}");
    }
}

#[test]
fn a_parameter_with_two_values_is_refused() {
    for value in [
        "a/b; boundary=x; boundary=y",
        "a/b; boundary=x; BOUNDARY=y",
        "a/b; boundary=x; boundary*=UTF-8''y",
        "a/b; boundary=x; boundary*0=y",
        "a/b; x*0=a; x*0=b",
        "a/b; x*=UTF-8''a; x*0=b",
        "a/b; protocol=a; protocol=b",
    ] {
        assert_eq!(read(value), None, "{value}");
    }
}

#[test]
fn broken_continuations_are_refused() {
    for value in [
        "a/b; x*1=a",
        "a/b; x*0=a; x*2=b",
        "a/b; x*=a",
        "a/b; x*=UTF-8'a",
        "a/b; x*=UTF-8''%4",
        "a/b; x*=UTF-8''%GG",
    ] {
        assert_eq!(read(value), None, "{value}");
    }
}

#[test]
fn two_content_types_are_refused_even_if_equal() {
    let headers = Headers::parse(b"Content-Type: a/b\r\ncontent-type: a/b\r\n".to_vec()).unwrap();
    assert!(matches!(
        ContentType::of(&headers, "text/plain"),
        Err(Error::Malformed { .. })
    ));
}

#[test]
fn the_disposition_names_the_file_before_the_type_does() {
    for (raw, expected) in [
        (
            "Content-Type: a/b; name=x\r\nContent-Disposition: attachment; filename=y\r\n",
            Some("y"),
        ),
        (
            "Content-Type: a/b; name=x\r\nContent-Disposition: attachment\r\n",
            Some("x"),
        ),
        (
            "Content-Type: a/b\r\nContent-Disposition: attachment; filename*=UTF-8''%79\r\n",
            Some("y"),
        ),
        (
            "Content-Type: a/b; name=x\r\nContent-Disposition: broken; filename\r\n",
            Some("x"),
        ),
        ("Content-Type: a/b\r\n", None),
    ] {
        let headers = Headers::parse(raw.as_bytes().to_vec()).unwrap();
        let content_type = ContentType::of(&headers, "text/plain").unwrap();
        assert_eq!(
            file_name(&headers, &content_type).as_deref(),
            expected,
            "{raw}"
        );
    }
}
