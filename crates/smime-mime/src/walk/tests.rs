use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use smime_io::Replay;

use super::*;

fn entity(text: &str) -> Entity {
    Entity::read(Source::from_bytes(text.as_bytes()), &Limits::default()).unwrap()
}

fn multipart(boundary: &str, parts: &[&str]) -> String {
    let mut text = format!("Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n");
    for part in parts {
        text.push_str(&format!("--{boundary}\r\n{part}\r\n"));
    }
    text + &format!("--{boundary}--\r\n")
}

fn nested(depth: usize) -> String {
    (0..depth).fold("A: b\r\n\r\ntext".to_owned(), |inner, level| {
        multipart(&format!("b{level}"), &[&inner])
    })
}

/// Returns the whole bytes of every find.
fn finds(text: &str, limits: &Limits) -> Result<Vec<String>, Error> {
    let found = entity(text).nested_protections(limits)?;
    let bytes = |find: &Entity| find.source().read_to_vec("test", 1 << 20).unwrap();
    Ok(found
        .iter()
        .map(|find| String::from_utf8(bytes(find)).unwrap())
        .collect())
}

const PKCS7: &str = "Content-Type: application/pkcs7-mime\r\n\r\nabc";
const SIGNED: &str = "Content-Type: multipart/signed; boundary=s; protocol=\"application/pkcs7-signature\"\r\n\r\n\
    --s\r\n\r\ntext\r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nabc\r\n--s--";

#[test]
fn complete_entities_pass() {
    let message = format!(
        "Content-Type: message/rfc822\r\n\r\n{}",
        multipart("m", &["\r\ntext"])
    );
    for text in [
        "\r\n",
        "\r\ntext",
        "A: b\r\n\r\n",
        "A: b\n\ntext",
        "A: b\r\n\tc\r\n\r\n\u{e4}",
        PKCS7,
        SIGNED,
        &multipart("b", &[""]),
        &multipart("b", &["A: b", "\r\ntext", SIGNED, PKCS7]),
        &multipart("b", &[&message, "\r\n"]),
        &message,
        &nested(16),
        "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n!!",
    ] {
        entity(text).check_complete(&Limits::default()).unwrap();
    }
}

#[test]
fn incomplete_entities_are_malformed() {
    let two = multipart("b", &["\r\none", "\r\ntwo"]);
    let inner_open = multipart("i", &["\r\none"]).replace("--i--", "--i");
    for text in [
        "",
        "A: b\r\n",
        "A: b",
        "A: \u{e4}\r\n\r\n",
        "A: b\u{7f}\r\n\r\n",
        "A: b\u{1}\r\n\r\n",
        "Content-Type: broken\r\n\r\n",
        "Content-Type: a/b\r\nContent-Type: a/b\r\n\r\n",
        "Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\n--b--",
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n",
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--",
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
        &two.replace("--b--", "--b"),
        &two.replace("--b--", "--c--"),
        &multipart("b", &[&inner_open]),
        &multipart("b", &["no header\r\n\r\n"]),
        &multipart("b", &["A: \u{e4}\r\n\r\n"]),
        &multipart("b", &["Content-Type: broken\r\n\r\n"]),
        &multipart("b", &["Content-Type: message/rfc822\r\n\r\nno header\r\n"]),
        &SIGNED.replace("--s--", ""),
    ] {
        let error = entity(text).check_complete(&Limits::default()).unwrap_err();
        assert_eq!(error.code(), "mime.malformed", "{text:?}");
    }
}

#[test]
fn every_truncation_of_a_multipart_is_incomplete() {
    let whole = multipart(
        "b",
        &[
            "A: b\r\n\r\none",
            &multipart("c", &["\r\ntwo", "\r\nthree"]),
            "\r\nfour",
        ],
    );
    let end = whole.trim_end().len();
    for cut in 0..end {
        let part = Entity::read(
            Source::from_bytes(&whole.as_bytes()[..cut]),
            &Limits::default(),
        );
        let complete = part.and_then(|part| part.check_complete(&Limits::default()));
        assert!(complete.is_err(), "cut at {cut}");
    }
}

#[test]
fn depth_and_parts_are_bounded_over_the_whole_tree() {
    let too_large = |text: &str, limits: &Limits| {
        let complete = entity(text).check_complete(limits).unwrap_err();
        let found = finds(text, limits).unwrap_err();
        assert_eq!(
            (complete.code(), found.code()),
            ("mime.too_large", "mime.too_large")
        );
    };
    let limits = Limits::default();
    too_large(&nested(17), &limits);
    let attached = |depth| "Content-Type: message/rfc822\r\n\r\n".repeat(depth) + "\r\n";
    entity(&attached(16)).check_complete(&limits).unwrap();
    too_large(&attached(17), &limits);
    too_large(&attached(5000), &limits);
    let four = multipart("o", &[&multipart("b", &["", ""]), ""]);
    entity(&four)
        .check_complete(&Limits {
            parts: 4,
            ..limits.clone()
        })
        .unwrap();
    too_large(
        &four,
        &Limits {
            parts: 3,
            ..limits.clone()
        },
    );
    let headers = "A: bcdefghi\r\n\r\n";
    too_large(
        &multipart("b", &[headers; 30]),
        &Limits {
            structure: 300,
            ..limits.clone()
        },
    );
}

#[test]
fn protected_parts_are_found_with_their_exact_bytes() {
    let limits = Limits::default();
    let message = format!("Content-Type: message/rfc822\r\n\r\n{SIGNED}");
    for (text, expected) in [
        (multipart("b", &["\r\ntext", PKCS7]), vec![PKCS7]),
        (multipart("b", &[SIGNED, "\r\nfooter"]), vec![SIGNED]),
        (
            multipart("b", &[&multipart("c", &[PKCS7, SIGNED]), PKCS7]),
            vec![PKCS7, SIGNED, PKCS7],
        ),
        (multipart("b", &[&message]), vec![SIGNED]),
        (message.clone(), vec![SIGNED]),
        (
            multipart("b", &["Content-Type: multipart/mixed\r\n\r\n", PKCS7]),
            vec![PKCS7],
        ),
        (
            multipart("b", &["Content-Type: broken\r\n\r\n", PKCS7]),
            vec![PKCS7],
        ),
        (multipart("b", &["no header\r\n\r\n", PKCS7]), vec![PKCS7]),
    ] {
        assert_eq!(finds(&text, &limits).unwrap(), expected, "{text}");
    }
}

#[test]
fn a_find_without_an_end_goes_to_the_end() {
    let text = multipart("b", &[PKCS7]).replace("\r\n--b--\r\n", "");
    assert_eq!(finds(&text, &Limits::default()).unwrap(), [PKCS7]);
}

#[test]
fn a_find_can_be_opened_as_any_entity() {
    let found = entity(&multipart("b", &[SIGNED]))
        .nested_protections(&Limits::default())
        .unwrap();
    assert!(matches!(
        found[0].protection().unwrap(),
        crate::Protection::MultipartSigned { .. }
    ));
    assert_eq!(
        found[0].body().read_to_vec("test", 1000).unwrap()[..3],
        *b"--s"
    );
}

#[test]
fn what_is_protected_or_plain_itself_holds_no_finds() {
    let limits = Limits::default();
    let pgp = "Content-Type: multipart/signed; boundary=b; protocol=\"application/pgp-signature\"\r\n\r\n--b\r\n\r\n--b--";
    for text in [
        PKCS7,
        SIGNED,
        "\r\n",
        "A: b\r\n\r\ntext",
        pgp,
        &nested(3),
        &multipart("b", &["\r\nContent-Type: application/pkcs7-mime\r\n\r\n"]),
    ] {
        assert!(finds(text, &limits).unwrap().is_empty(), "{text}");
    }
}

#[test]
fn a_signature_of_another_protocol_is_looked_into() {
    let text = multipart("b", &[PKCS7]).replace(
        "multipart/mixed",
        "multipart/signed; protocol=\"application/pgp-signature\"",
    );
    assert_eq!(finds(&text, &Limits::default()).unwrap(), [PKCS7]);
}

#[test]
fn a_signature_of_no_named_protocol_is_a_find_only_if_it_is_of_this_one() {
    let unnamed = |parts: [&str; 2]| {
        let text = multipart("s", &parts);
        text.replace("multipart/mixed", "multipart/signed")
    };
    let ours = unnamed([
        "\r\ntext",
        "Content-Type: application/pkcs7-signature\r\n\r\nabc",
    ]);
    let other = unnamed([PKCS7, "Content-Type: application/pgp-signature\r\n\r\nabc"]);
    let limits = Limits::default();
    let inside = |text: &str| finds(&multipart("b", &[text]), &limits).unwrap();
    assert_eq!(inside(&ours), [ours.as_str()]);
    assert_eq!(inside(&other), [PKCS7]);
    assert_eq!(finds(&ours, &limits).unwrap(), [""; 0]);
    assert_eq!(finds(&other, &limits).unwrap(), [PKCS7]);
    assert_eq!(inside(&multipart("c", &[&other, PKCS7])).len(), 2);
}

#[test]
fn messages_in_a_transfer_encoding_are_looked_into_a_bounded_number_of_times() {
    // "Content-Type: application/pkcs7-mime", a blank line, "abc".
    let encoded = "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n\
        Q29udGVudC1UeXBlOiBhcHBsaWNhdGlvbi9wa2NzNy1taW1lDQoNCmFiYw==\r\n";
    let limits = Limits::default();
    assert_eq!(finds(encoded, &limits).unwrap(), [PKCS7]);
    assert_eq!(
        finds(&multipart("b", &[encoded; 16]), &limits)
            .unwrap()
            .len(),
        16
    );
    let error = finds(&multipart("b", &[encoded; 17]), &limits).unwrap_err();
    assert_eq!(error.code(), "mime.too_large");
    let broken = encoded.replace("Q29u", "!!!!");
    assert!(
        finds(&multipart("b", &[&broken]), &limits)
            .unwrap()
            .is_empty()
    );
}

/// Bytes that count how often a pass over them begins.
struct Counting(Source, Arc<AtomicUsize>);

impl Replay for Counting {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.open()
    }
}

#[test]
fn signatures_of_no_named_protocol_are_looked_into_a_bounded_number_of_times() {
    let unclear = "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\nx\r\n--s--";
    let limits = Limits::default();
    for count in [limits.depth, 900] {
        let text = multipart("b", &vec![unclear; count]);
        let passes = Arc::new(AtomicUsize::new(0));
        let source = Counting(Source::from_bytes(text.into_bytes()), Arc::clone(&passes));
        let entity = Entity::read(Source::new(source), &limits).unwrap();
        let found = entity.nested_protections(&limits).unwrap();
        // Those that nobody looked into count as protected.
        assert_eq!(found.len(), count - limits.depth);
        let passes = passes.load(Ordering::Relaxed);
        assert!(passes < 4 * limits.depth, "{passes}");
    }
}
