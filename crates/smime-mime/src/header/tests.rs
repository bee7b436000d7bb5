use super::*;

fn headers(text: &str) -> Headers {
    Headers::parse(text.as_bytes().to_vec()).unwrap()
}

#[test]
fn fields_keep_their_exact_bytes() {
    let raw = "From: a@b.example\r\nSubject : one\r\n two\n\tthree\nX-Empty:\r\n";
    let headers = headers(raw);
    assert_eq!(headers.raw(), raw.as_bytes());
    let joined: Vec<u8> = headers
        .fields()
        .flat_map(|field| field.raw())
        .copied()
        .collect();
    assert_eq!(joined, raw.as_bytes());
    let names: Vec<_> = headers.fields().map(|field| field.name()).collect();
    assert_eq!(names, ["From", "Subject", "X-Empty"]);
    assert_eq!(headers.first("SUBJECT").unwrap().value(), "one two\tthree");
    assert_eq!(headers.first("x-empty").unwrap().value(), "");
}

#[test]
fn a_last_field_needs_no_line_end() {
    assert_eq!(headers("A: b\r\nC: d").first("c").unwrap().value(), "d");
}

#[test]
fn a_line_of_blanks_continues_the_field() {
    let headers = headers("A: b\r\n \r\n c\r\nD: e\r\n");
    assert_eq!(headers.fields().count(), 2);
    assert_eq!(headers.first("a").unwrap().value(), "b  c");
}

#[test]
fn fields_are_counted_in_whatever_case() {
    let headers = headers("From: a\r\nFROM: b\r\nfrom : c\r\nFrom-X: d\r\n");
    assert_eq!(headers.count("from"), 3);
    assert_eq!(headers.first("From").unwrap().value(), "a");
    assert!(headers.first("Fro").is_none());
}

#[test]
fn what_is_no_header_is_refused_with_its_offset() {
    for (raw, at) in [
        (&b"A: b\0\r\n"[..], 4),
        (b"A: b\rC: d\r\n", 4),
        (b"A: b\r\r\n", 4),
        (b"A: b\r", 4),
        (b"A: b\r\nno colon\r\n", 6),
        (b"A: b\r\n: no name\r\n", 6),
        (b" continues nothing: x\r\n", 0),
        (
            b"From alice@example.com Mon Jan  5 10:00:00 2026\nA: b\n",
            0,
        ),
        (b"A b: c\r\n", 0),
        (b"\xc3\xa4: c\r\n", 0),
        (b"A\x7f: c\r\n", 0),
    ] {
        let error = Headers::parse(raw.to_vec()).unwrap_err();
        assert!(
            matches!(error, Error::Malformed { offset, .. } if offset == at),
            "{raw:?}"
        );
        assert_eq!(error.code(), "mime.malformed");
    }
}

#[test]
fn text_is_unfolded_before_encoded_words_are_decoded() {
    let headers = headers("Subject: =?UTF-8?Q?Gr=C3=BC?=\r\n =?UTF-8?Q?=C3=9Fe?= aus\r\n Ulm\r\n");
    assert_eq!(headers.text("subject").unwrap(), "Grüße aus Ulm");
    assert_eq!(headers.text("to"), None);
}

#[test]
fn addresses_of_all_occurrences_are_read() {
    let headers = headers(
        "To: a@example.com\r\nCc: x@example.com\r\nTo: b@example.com,\r\n c@example.com\r\n",
    );
    let found = headers.addresses("to").unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|mailbox| mailbox.address.as_str())
        .collect();
    assert_eq!(found, ["a@example.com", "b@example.com", "c@example.com"]);
    assert_eq!(headers.addresses("bcc").unwrap(), []);
}

#[test]
fn an_address_field_that_is_not_utf_8_is_refused() {
    let headers = Headers::parse(b"A: b\r\nFrom: \xe4@example.com\r\n".to_vec()).unwrap();
    assert!(matches!(
        headers.addresses("from"),
        Err(Error::Malformed { offset: 6, .. })
    ));
    assert_eq!(
        headers.first("from").unwrap().value(),
        "\u{fffd}@example.com"
    );
}

#[test]
fn one_bad_occurrence_spoils_the_list() {
    let headers = headers("From: a@example.com\r\nFrom: b@example.com c@example.com\r\n");
    assert!(matches!(
        headers.addresses("from"),
        Err(Error::Malformed { offset: 21, .. })
    ));
}

#[test]
fn debugging_shows_no_content() {
    let headers = headers("Subject: secret\r\n");
    assert_eq!(
        format!("{headers:?} {:?}", headers.first("subject")),
        "Headers(1 fields) Some(Field(Subject))"
    );
}
