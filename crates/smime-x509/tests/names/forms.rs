//! Names of each form, against constraints of each.

use smime_x509::NameAttribute;

use crate::{
    Directory, Dns, EXCLUDED, Edi, General, Ip, Mail, NOT_PERMITTED, Other, Registered,
    UNSUPPORTED, Uri, Utf8, Verdict, X400, judge,
};

#[test]
fn names_are_judged_by_constraints() {
    let mask = |octets: &[&[u8]]| Ip(octets.concat());
    let subnet = mask(&[&[192, 0, 2, 0], &[255, 255, 255, 0]]);
    let v6_net = mask(&[&[0x20, 1, 0xd, 0xb8], &[0; 12], &[255; 4], &[0; 12]]);
    let odd_mask = mask(&[&[192, 0, 2, 0], &[255, 0, 255, 0]]);
    let address = |last| Ip(vec![192, 0, 2, last]);
    let v6 = mask(&[&[0x20, 1, 0xd, 0xb8], &[1; 12]]);
    let org = Directory(&[(NameAttribute::Organization, "Test")]);
    let in_org = Directory(&[
        (NameAttribute::Organization, "TEST"),
        (NameAttribute::CommonName, "x"),
    ]);
    let elsewhere = Directory(&[
        (NameAttribute::CommonName, "x"),
        (NameAttribute::Organization, "Test"),
    ]);
    let nothing = Directory(&[]);
    // A constraint and a name; what follows when it permits, and when it excludes.
    let cases: Vec<(General, General, Verdict, Verdict)> = vec![
        // rfc822Name: a host.
        (Mail("example.com"), Mail("a@example.com"), Ok(()), EXCLUDED),
        (Mail("EXAMPLE.com"), Mail("a@Example.COM"), Ok(()), EXCLUDED),
        (
            Mail("example.com"),
            Mail("a@mail.example.com"),
            NOT_PERMITTED,
            Ok(()),
        ),
        (
            Mail("example.com"),
            Mail("a@badexample.com"),
            NOT_PERMITTED,
            Ok(()),
        ),
        (
            Mail("example.com"),
            Mail("a@example.com.evil.org"),
            NOT_PERMITTED,
            Ok(()),
        ),
        (
            Mail("example.com"),
            Mail("\"a@example.com\"@evil.org"),
            NOT_PERMITTED,
            Ok(()),
        ),
        // A domain.
        (
            Mail(".example.com"),
            Mail("a@mail.example.com"),
            Ok(()),
            EXCLUDED,
        ),
        (
            Mail(".example.com"),
            Mail("a@b.mail.example.com"),
            Ok(()),
            EXCLUDED,
        ),
        (
            Mail(".example.com"),
            Mail("a@example.com"),
            NOT_PERMITTED,
            Ok(()),
        ),
        (
            Mail(".example.com"),
            Mail("a@mailexample.com"),
            NOT_PERMITTED,
            Ok(()),
        ),
        // A mailbox: letter by letter to permit, folded to exclude.
        (
            Mail("a@example.com"),
            Mail("a@example.com"),
            Ok(()),
            EXCLUDED,
        ),
        (
            Mail("a@example.com"),
            Mail("a@EXAMPLE.com"),
            Ok(()),
            EXCLUDED,
        ),
        (
            Mail("a@example.com"),
            Mail("\"a\"@example.com"),
            Ok(()),
            EXCLUDED,
        ),
        (
            Mail("\"a\"@example.com"),
            Mail("a@example.com"),
            Ok(()),
            EXCLUDED,
        ),
        (
            Mail("a@example.com"),
            Mail("A@example.com"),
            NOT_PERMITTED,
            EXCLUDED,
        ),
        (
            Mail("a@example.com"),
            Mail("b@example.com"),
            NOT_PERMITTED,
            Ok(()),
        ),
        (
            Mail("a@example.com"),
            Mail("a@mail.example.com"),
            NOT_PERMITTED,
            Ok(()),
        ),
        (
            Mail("a@example.com"),
            Mail("ab@example.com"),
            NOT_PERMITTED,
            Ok(()),
        ),
        (
            Mail("*@example.com"),
            Mail("a@example.com"),
            NOT_PERMITTED,
            Ok(()),
        ),
        // What is no address cannot be judged: a trailing dot, a NUL, a host that is none.
        (
            Mail("example.com"),
            Mail("a@example.com."),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (
            Mail("example.com"),
            Mail("a@example.com\0"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (
            Mail("example.com"),
            Mail("example.com"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (
            Mail("example.com"),
            Mail("a@[192.0.2.1]"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (
            Mail("example.com"),
            Mail("a@b\u{fc}cher.example"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (
            Mail("example.com."),
            Mail("a@example.com"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (Mail(""), Mail("a@example.com"), UNSUPPORTED, UNSUPPORTED),
        (Mail("."), Mail("a@example.com"), UNSUPPORTED, UNSUPPORTED),
        (Mail("a@"), Mail("a@example.com"), UNSUPPORTED, UNSUPPORTED),
        (
            Mail("b\u{fc}cher.example"),
            Mail("a@example.com"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        // SmtpUTF8Mailbox under constraints on rfc822Name (RFC 9598 §6).
        (
            Mail("example.com"),
            Utf8("\u{e4}@example.com"),
            Ok(()),
            EXCLUDED,
        ),
        (
            Mail("example.com"),
            Utf8("\u{e4}@example.org"),
            NOT_PERMITTED,
            Ok(()),
        ),
        (
            Mail(".example.com"),
            Utf8("\u{e4}@mail.example.com"),
            Ok(()),
            EXCLUDED,
        ),
        (
            Mail("a@example.com"),
            Utf8("\u{e4}@example.com"),
            NOT_PERMITTED,
            Ok(()),
        ),
        (
            Mail("a@example.com"),
            Utf8("A@example.com"),
            NOT_PERMITTED,
            EXCLUDED,
        ),
        (
            Mail("xn--bcher-kva.example"),
            Utf8("\u{e4}@b\u{fc}cher.example"),
            Ok(()),
            UNSUPPORTED,
        ),
        (
            Mail("xn--bcher-kva.example"),
            Utf8("\u{e4}@bu\u{308}cher.example"),
            NOT_PERMITTED,
            UNSUPPORTED,
        ),
        (
            Mail("example.com"),
            Utf8("\u{e4}@example.com."),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (
            Mail("example.com"),
            Utf8("nobody"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (
            Utf8("\u{e4}@example.com"),
            Utf8("\u{e4}@example.com"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (
            Utf8("\u{e4}@example.com"),
            Mail("a@example.com"),
            Ok(()),
            Ok(()),
        ),
        // dNSName
        (Dns("example.com"), Dns("example.com"), Ok(()), EXCLUDED),
        (Dns("example.com"), Dns("WWW.example.COM"), Ok(()), EXCLUDED),
        (
            Dns("example.com"),
            Dns("badexample.com"),
            NOT_PERMITTED,
            Ok(()),
        ),
        (
            Dns("www.example.com"),
            Dns("example.com"),
            NOT_PERMITTED,
            Ok(()),
        ),
        (Dns(""), Dns("example.com"), Ok(()), EXCLUDED),
        (Dns("example.com"), Dns("*.example.com"), Ok(()), EXCLUDED),
        (
            Dns("www.example.com"),
            Dns("*.example.com"),
            NOT_PERMITTED,
            EXCLUDED,
        ),
        (
            Dns("example.com"),
            Dns("example.com."),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (
            Dns("example.com"),
            Dns("www..example.com"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (
            Dns("example.com"),
            Dns("w*.example.com"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (
            Dns("example.com"),
            Dns("example.com\0"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (Dns("example.com"), Dns(""), UNSUPPORTED, UNSUPPORTED),
        (
            Dns("*.example.com"),
            Dns("www.example.com"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (
            Dns(".example.com"),
            Dns("www.example.com"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        // URI
        (
            Uri("example.com"),
            Uri("http://example.com/x"),
            Ok(()),
            EXCLUDED,
        ),
        (
            Uri("example.com"),
            Uri("ldap://u:p@EXAMPLE.com:389/?q"),
            Ok(()),
            EXCLUDED,
        ),
        (
            Uri("example.com"),
            Uri("http://example.com@evil.org/"),
            NOT_PERMITTED,
            Ok(()),
        ),
        (
            Uri("example.com"),
            Uri("http://evil.org/#@example.com"),
            NOT_PERMITTED,
            Ok(()),
        ),
        (
            Uri("example.com"),
            Uri("http://evil.org\\@example.com"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (
            Uri("example.com"),
            Uri("http://www.example.com"),
            NOT_PERMITTED,
            Ok(()),
        ),
        (
            Uri(".example.com"),
            Uri("http://www.example.com"),
            Ok(()),
            EXCLUDED,
        ),
        (
            Uri(".example.com"),
            Uri("http://example.com"),
            NOT_PERMITTED,
            Ok(()),
        ),
        (
            Uri("example.com"),
            Uri("mailto:a@example.com"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (Uri("example.com"), Uri("urn:x:y"), UNSUPPORTED, UNSUPPORTED),
        (
            Uri("example.com"),
            Uri("http:///example.com"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (
            Uri("example.com"),
            Uri("http://192.0.2.1/"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (
            Uri("example.com"),
            Uri("http://[2001:db8::1]/"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (
            Uri("example.com"),
            Uri("example.com"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (
            Uri("example.com"),
            Uri("http://example.com.:80/"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (
            Uri("http://example.com"),
            Uri("http://example.com"),
            UNSUPPORTED,
            UNSUPPORTED,
        ),
        (Uri(""), Uri("http://example.com"), UNSUPPORTED, UNSUPPORTED),
        // iPAddress
        (subnet.clone(), address(7), Ok(()), EXCLUDED),
        (
            subnet.clone(),
            Ip(vec![192, 0, 3, 7]),
            NOT_PERMITTED,
            Ok(()),
        ),
        (subnet.clone(), v6.clone(), NOT_PERMITTED, Ok(())),
        (v6_net.clone(), v6, Ok(()), EXCLUDED),
        (v6_net, address(7), NOT_PERMITTED, Ok(())),
        (Ip(vec![0; 8]), address(7), Ok(()), EXCLUDED),
        (subnet, Ip(vec![192, 0, 2]), UNSUPPORTED, UNSUPPORTED),
        (odd_mask, address(7), UNSUPPORTED, UNSUPPORTED),
        (Ip(vec![192, 0, 2, 0]), address(7), UNSUPPORTED, UNSUPPORTED),
        (Ip(vec![]), address(7), UNSUPPORTED, UNSUPPORTED),
        // directoryName; the subject is O=Test, CN=a.
        (org.clone(), in_org.clone(), Ok(()), EXCLUDED),
        (org.clone(), elsewhere.clone(), NOT_PERMITTED, EXCLUDED),
        (elsewhere, in_org.clone(), NOT_PERMITTED, Ok(())),
        (in_org, Mail("a@example.com"), NOT_PERMITTED, Ok(())),
        (nothing, org, Ok(()), EXCLUDED),
        // Forms that are not judged (attack class 23).
        (Other, Other, UNSUPPORTED, UNSUPPORTED),
        (X400, X400, UNSUPPORTED, UNSUPPORTED),
        (Edi, Edi, UNSUPPORTED, UNSUPPORTED),
        (Registered, Registered, UNSUPPORTED, UNSUPPORTED),
        (Other, Utf8("\u{e4}@example.com"), Ok(()), Ok(())),
        (X400, Other, Ok(()), Ok(())),
        (Other, X400, Ok(()), Ok(())),
        (X400, Mail("a@example.com"), Ok(()), Ok(())),
        (Mail("example.com"), X400, Ok(()), Ok(())),
        (Mail("example.com"), Dns("example.org"), Ok(()), Ok(())),
        (Ip(vec![9; 3]), Mail("a@example.com"), Ok(()), Ok(())),
    ];
    for (base, name, permitted, excluded) in cases {
        let (bases, names) = (&[base.clone()][..], &[name.clone()][..]);
        assert_eq!(
            judge(bases, &[], names),
            permitted,
            "{base:?} permits {name:?}"
        );
        assert_eq!(
            judge(&[], bases, names),
            excluded,
            "{base:?} excludes {name:?}"
        );
    }
}
