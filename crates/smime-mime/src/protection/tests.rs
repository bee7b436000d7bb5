use smime_io::Limits;

use super::*;

fn entity(text: &str) -> Entity {
    Entity::read(Source::from_bytes(text.as_bytes()), &Limits::default()).unwrap()
}

fn text(source: &Source) -> String {
    String::from_utf8(source.read_to_vec("test", 1 << 20).unwrap()).unwrap()
}

fn signed(parameters: &str, body: &str) -> Result<Protection, Error> {
    let mail = format!("Content-Type: multipart/signed; boundary=b; {parameters}\r\n\r\n{body}");
    entity(&mail).protection()
}

const PROTOCOL: &str = "protocol=\"application/pkcs7-signature\"; micalg=sha-256";

const SIGNATURE: &str = "--b\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\n\
    Content-Transfer-Encoding: base64\r\n\r\nYWJj\r\n--b--\r\n";

#[test]
fn cms_objects_are_recognised_by_type_or_by_name() {
    for header in [
        "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m",
        "Content-Type: application/pkcs7-mime; smime-type=signed-data",
        "Content-Type: application/pkcs7-mime; smime-type=authEnveloped-data",
        "Content-Type: application/pkcs7-mime; smime-type=compressed-data",
        "Content-Type: application/pkcs7-mime; smime-type=unheard-of",
        "Content-Type: application/pkcs7-mime",
        "Content-Type: Application/X-PKCS7-Mime; smime-type=\"Enveloped-Data\"",
        "Content-Type: application/octet-stream; name=smime.p7m",
        "Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"MAIL.P7M\"",
        "Content-Type: application/octet-stream; name*=UTF-8''smime%2Ep7m",
        "Content-Type: application/octet-stream; name=smime.p7z",
    ] {
        let mail = format!("{header}\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJj\r\n");
        match entity(&mail).protection().unwrap() {
            Protection::Pkcs7(source) => assert_eq!(text(&source), "abc"),
            other => panic!("{header}: {other:?}"),
        }
    }
}

#[test]
fn what_protects_nothing_is_none() {
    for header in [
        "X: application/pkcs7-mime",
        "Content-Type: text/plain; name=smime.p7m",
        "Content-Type: multipart/mixed; boundary=b; protocol=\"application/pkcs7-signature\"",
        "Content-Type: application/pkcs7-mime; smime-type=certs-only; name=smime.p7c",
        "Content-Type: application/pkcs7-mime; smime-type=Certs-Only",
        "Content-Type: application/pkcs7-signature; name=smime.p7s",
        "Content-Type: application/octet-stream; name=smime.p7s",
        "Content-Type: application/octet-stream; name=smime.p7m.exe",
        "Content-Type: application/octet-stream",
        "Content-Type: multipart/signed; boundary=b; protocol=\"application/pgp-signature\"",
        "Content-Type: multipart/encrypted; boundary=b; protocol=\"application/pgp-encrypted\"",
    ] {
        let found = entity(&format!("{header}\r\n\r\nYWJj\r\n"))
            .protection()
            .unwrap();
        assert!(matches!(found, Protection::None), "{header}: {found:?}");
    }
}

#[test]
fn the_content_is_the_exact_first_part() {
    for content in [
        "",
        "\r\ntext",
        "A: b\r\n\r\ntext\r\n",
        "A: b\r\n\r\n--bb\r\n--b-\r\n",
        "A: b",
        "\r\n \t\r\n\r\n\r\n",
    ] {
        let body = format!("preamble\r\n--b\r\n{content}\r\n{SIGNATURE}epilogue");
        match signed(PROTOCOL, &body).unwrap() {
            Protection::MultipartSigned {
                content: found,
                signature,
                micalg,
            } => {
                assert_eq!(text(&found), content);
                assert_eq!(text(&signature), "abc");
                assert_eq!(micalg.as_deref(), Some("sha-256"));
            }
            other => panic!("{content:?}: {other:?}"),
        }
    }
}

#[test]
fn a_mail_stored_with_bare_lf_has_the_content_that_was_signed() {
    let body = format!("--b\r\nA: b\r\n\r\none\r\n\r\ntwo\r\n\r\n{SIGNATURE}");
    for body in [
        body.replace("\r\n", "\n"),
        body.replace("one\r\n", "one\n"),
        body.clone(),
    ] {
        let Protection::MultipartSigned { content, .. } = signed(PROTOCOL, &body).unwrap() else {
            panic!("{body:?}")
        };
        assert_eq!(text(&content), "A: b\r\n\r\none\r\n\r\ntwo\r\n", "{body:?}");
    }
}

#[test]
fn old_names_and_a_missing_protocol_are_read() {
    let body = format!("--b\r\n\r\ntext\r\n{SIGNATURE}");
    for (parameters, body) in [
        ("protocol=\"application/x-pkcs7-signature\"", body.clone()),
        ("protocol=Application/PKCS7-Signature", body.clone()),
        (
            PROTOCOL,
            body.replace("pkcs7-signature", "X-PKCS7-Signature"),
        ),
        ("micalg=sha1", body.clone()),
    ] {
        let found = signed(parameters, &body).unwrap();
        assert!(
            matches!(found, Protection::MultipartSigned { .. }),
            "{parameters}: {found:?}"
        );
    }
}

#[test]
fn a_claimed_signature_with_the_wrong_structure_is_an_error_and_never_none() {
    let part = "--b\r\n\r\ntext\r\n";
    for body in [
        String::new(),
        "text\r\n".to_owned(),
        "--b--\r\n".to_owned(),
        format!("{part}--b--\r\n"),
        SIGNATURE.to_owned(),
        format!("{part}{part}{SIGNATURE}"),
        format!("{part}{part}--b--\r\n"),
        format!("{SIGNATURE}{part}--b--"),
        format!("{part}{}", SIGNATURE.replace("--b--", "--b")),
        format!("{part}{}", SIGNATURE.replace("--b--\r\n", "")),
        format!("{part}{}", SIGNATURE.replace("--b--", "--b-")),
        format!(
            "{part}{}",
            SIGNATURE.replace("pkcs7-signature", "pgp-signature")
        ),
        format!(
            "{part}{}",
            SIGNATURE.replace("Content-Type:", "Content-Type :\0")
        ),
        format!(
            "{part}{}",
            SIGNATURE.replace("--b\r\n", "--b\r\nContent-Type: text/plain\r\n")
        ),
    ] {
        let error = signed(PROTOCOL, &body).unwrap_err();
        assert_eq!(error.code(), "mime.malformed", "{body:?}");
    }
    let body = format!("{part}{}", SIGNATURE.replace("base64", "x-other"));
    assert_eq!(
        signed(PROTOCOL, &body).unwrap_err().code(),
        "mime.unsupported"
    );
}

#[test]
fn a_claim_that_can_be_read_in_two_ways_is_an_error() {
    for header in [
        "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"",
        "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=\"\"",
        "Content-Type: multipart/signed; protocol=a; protocol=\"application/pkcs7-signature\"; boundary=b",
        "Content-Type: text/plain\r\nContent-Type: application/pkcs7-mime",
        "Content-Type: application/pkcs7-mime; smime-type=certs-only; smime-type=signed-data",
        "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64",
    ] {
        let error = entity(&format!("{header}\r\n\r\n"))
            .protection()
            .unwrap_err();
        assert_eq!(error.code(), "mime.malformed", "{header}");
    }
}

#[test]
fn without_a_protocol_a_wrong_structure_is_none() {
    for body in [
        "",
        "--b\r\n\r\ntext\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\n--b--",
    ] {
        assert!(
            matches!(signed("x=y", body).unwrap(), Protection::None),
            "{body:?}"
        );
    }
}
