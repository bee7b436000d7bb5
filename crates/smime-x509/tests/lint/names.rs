//! Hosts and URIs in names, and what certificates say about their policies.

use smime_crypto::{
    Oid,
    asn1::{Tag, Writer},
};
use smime_x509::{CertificateBuilder, Severity, Validation};

use crate::{
    ADDRESS, AIA, CPS, CRL, EMAIL, POLICIES, SAN, SURNAME, USER_NOTICE, access, builder, codes,
    found, names_with, points, qualified, sign, subject,
};

const IAN: Oid = Oid::new("2.5.29.18");
const NAME_CONSTRAINTS: Oid = Oid::new("2.5.29.30");
const DNS: Tag = Tag(0x82);
const URI: Tag = Tag(0x86);

fn mailbox() -> CertificateBuilder {
    builder(subject(Validation::Mailbox), 1, 3)
}

/// The codes but for those of the S/MIME BR and of where an extension may stand.
fn name_codes(builder: CertificateBuilder) -> Vec<&'static str> {
    let mut codes = codes(&sign(builder));
    codes.retain(|code| code.starts_with("pkix.") && !code.ends_with(".not_in_ca"));
    codes
}

#[test]
fn hosts_and_uris_in_alternative_names_follow_their_syntax() {
    for (tag, name, fault) in [
        (DNS, "example.com", ""),
        (DNS, "*.example.com", ""),
        (DNS, " ", "dns_syntax"),
        (DNS, "a_b.example.com", "dns_syntax"),
        (DNS, "a..example.com", "dns_syntax"),
        (URI, "http://example.com/a", ""),
        (URI, "urn:a:b", ""),
        (URI, "http://example.com/a b", "uri_syntax"),
        (URI, "urn:", "uri_syntax"),
        (URI, "http://localhost/", "uri_host"),
        (URI, "http:///a", "uri_host"),
    ] {
        let names = names_with(|w| w.element(tag, name.as_bytes()));
        for (extension, of) in [(SAN, "subject_alt_name"), (IAN, "issuer_alt_name")] {
            let wanted = Some(format!("pkix.{of}.{fault}")).filter(|_| !fault.is_empty());
            let found = name_codes(mailbox().extension(extension, false, &names));
            assert_eq!(found, Vec::from_iter(wanted), "{name}");
        }
    }
}

#[test]
fn constraints_are_on_full_hosts_and_on_names_that_verifiers_know() {
    for (base, expected) in [
        (&b"\x86\x09a.example"[..], &[][..]),
        (b"\x86\x08.example", &["pkix.name_constraints.uri_host"]),
        (b"\x86\x0a.a.example", &[]),
        (b"\x86\x07example", &["pkix.name_constraints.uri_host"]),
        (
            b"\x86\x10http://a.example",
            &["pkix.name_constraints.uri_host"],
        ),
        (b"\x82\x07example", &[]),
        (b"\x88\x01\x2a", &["pkix.name_constraints.name_form"]),
        (
            b"\xa5\x04\xa1\x02\x0c\x00",
            &["pkix.name_constraints.name_form"],
        ),
        (b"\xa3\x02\x30\x00", &["pkix.name_constraints.name_form"]),
    ] {
        for list in [0, 1] {
            let constraints = Writer::encode(|w| {
                w.sequence(|w| {
                    w.constructed(Tag::context_constructed(list), |w| {
                        w.sequence(|w| w.raw(base));
                    });
                });
            });
            let made = mailbox().extension(NAME_CONSTRAINTS, true, &constraints);
            assert_eq!(name_codes(made), expected, "{base:?}");
        }
    }
}

#[test]
fn evidence_that_most_cannot_fetch_is_a_warning() {
    let crl = "pkix.crl_distribution_points.location";
    let aia = "pkix.authority_info_access.location";
    for (uris, lost) in [
        (&["http://a.org"][..], false),
        (&["LDAP://a.org"], false),
        (&["ftp://a.org"], true),
        (&["https://a.org"], true),
    ] {
        for (made, code) in [
            (mailbox().extension(CRL, false, &points(uris)), crl),
            (mailbox().extension(AIA, false, &access(uris)), aia),
        ] {
            let findings = found(&sign(made));
            let severity = findings.iter().find(|it| it.code == code);
            let severity = severity.map(|it| it.severity);
            assert_eq!(severity, lost.then_some(Severity::Warning), "{uris:?}");
        }
    }
    // Each distribution point is one that somebody needs; of access places one is enough.
    let uris = ["http://a.org", "ftp://a.org"];
    assert_eq!(
        name_codes(mailbox().extension(CRL, false, &points(&uris))),
        [crl]
    );
    assert_eq!(
        name_codes(mailbox().extension(AIA, false, &access(&uris))),
        [""; 0]
    );
}

#[test]
fn notices_are_short_texts_in_utf_8() {
    let (text_string, text_utf8) = ("pkix.policies.text_string", "pkix.policies.text_utf8");
    let (length, control) = (
        "pkix.policies.text_length",
        "pkix.policies.text_control_characters",
    );
    let longest = "ä".repeat(200);
    let visible = Tag(0x1a);
    for (tag, text, expected) in [
        (Tag::UTF8_STRING, "read this".as_bytes(), &[][..]),
        (Tag::UTF8_STRING, longest.as_bytes(), &[]),
        (Tag::UTF8_STRING, &[b'a'; 201], &[length]),
        (visible, &[b'a'; 201], &[text_utf8, length]),
        (Tag::IA5_STRING, b"read this", &[text_string]),
        (visible, b"read this", &[text_utf8]),
        (Tag::BMP_STRING, &[0, b'a'], &[text_utf8]),
        (Tag::UTF8_STRING, b"read\nthis", &[control]),
        (Tag::BMP_STRING, &[0, 0x9f], &[text_utf8, control]),
    ] {
        let notice = |w: &mut Writer| w.sequence(|w| w.element(tag, text));
        let made = mailbox().extension(POLICIES, false, &qualified(USER_NOTICE, notice));
        assert_eq!(name_codes(made), expected, "{text:?}");
    }
    let reference = |w: &mut Writer| {
        w.sequence(|w| {
            w.sequence(|_| ());
            w.element(Tag::IA5_STRING, b"read this");
        });
    };
    let made = mailbox().extension(POLICIES, false, &qualified(USER_NOTICE, reference));
    let expected = ["pkix.policies.notice_reference", text_string];
    assert_eq!(name_codes(made), expected);
}

#[test]
fn any_policy_has_the_qualifiers_of_the_rule_book_alone() {
    for (policy, kind, expected) in [
        ("2.5.29.32.0", CPS, &[][..]),
        ("2.5.29.32.0", USER_NOTICE, &[]),
        ("1.2.3", "1.2.3", &[]),
        (
            "2.5.29.32.0",
            "1.2.3",
            &["pkix.policies.any_policy_qualifier"],
        ),
    ] {
        let policies = Writer::encode(|w| {
            w.sequence(|w| {
                w.sequence(|w| {
                    w.oid(Oid::new(policy));
                    w.sequence(|w| {
                        w.sequence(|w| {
                            w.oid(Oid::new(kind));
                            w.null();
                        });
                    });
                });
            });
        });
        let made = mailbox().extension(POLICIES, false, &policies);
        assert_eq!(name_codes(made), expected, "{policy} {kind}");
    }
}

#[test]
fn mail_addresses_of_the_subject_are_names_of_subject_alt_name() {
    for (address, expected) in [
        (ADDRESS, &[][..]),
        ("A@EXAMPLE.COM", &[]),
        ("b@example.com", &["pkix.subject.email_not_in_san"]),
        ("nobody", &["pkix.subject.email_not_in_san"]),
    ] {
        let made = builder(&[(SURNAME, "B"), (EMAIL, address)], 4, 2);
        assert_eq!(name_codes(made), expected, "{address}");
    }
    let made = builder(&[(SURNAME, "B"), (EMAIL, ADDRESS)], 4, 2).without_extension(SAN);
    assert_eq!(name_codes(made), ["pkix.subject.email_not_in_san"]);
}
