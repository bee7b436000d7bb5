//! What each profile allows a subject, its names and its extensions to say.

use smime_crypto::{
    Oid, UnixTime,
    asn1::{Tag, Writer},
};
use smime_testkit::TestKey;
use smime_x509::{CertificateBuilder, Name, Validation};

use crate::{
    ADDRESS, Attributes, COMMON_NAME, COUNTRY, DAY, EMAIL, Individual, LEGACY, LEI, LOCALITY,
    Mailbox, ORGANIZATION, ORGANIZATION_ID, Organization, POLICIES, POSTAL_CODE, PSEUDONYM, SAN,
    SERIAL, START, STATE, STREET, SURNAME, Sponsor, TITLE, UNIT, builder, codes, name, names_with,
    other_name, policies, sign, subject,
};

#[test]
fn what_a_subject_may_say_depends_on_the_profile() {
    /// The numbers of validation and generation, the subject, and what is found.
    type Case<'a> = (u8, u8, Vec<(&'a str, &'a str)>, &'a [&'a str]);
    let organization = |more: Attributes<'static>| [subject(Organization), more].concat();
    let cases: &[Case<'_>] = &[
        (
            1,
            3,
            vec![(COMMON_NAME, "Alice")],
            &["smime_br.subject.mailbox_common_name"],
        ),
        (
            1,
            3,
            vec![(COMMON_NAME, "b@example.com")],
            &["smime_br.subject.address_not_in_san"],
        ),
        (1, 3, vec![(COMMON_NAME, "A@example.com")], &[]),
        (
            1,
            2,
            vec![(COUNTRY, "DE")],
            &["smime_br.subject.mailbox_only"],
        ),
        (
            2,
            2,
            organization(&[(SURNAME, "B")]),
            &["smime_br.subject.organization_only"],
        ),
        (
            2,
            2,
            organization(&[(TITLE, "Dr")]),
            &["smime_br.subject.organization_only"],
        ),
        (
            2,
            3,
            organization(&[(LOCALITY, "B"), (STREET, "1")]),
            &["smime_br.subject.strict_address"],
        ),
        (
            2,
            2,
            organization(&[("1.2.3", "x")]),
            &["smime_br.subject.other_attribute"],
        ),
        (
            2,
            3,
            organization(&[(COMMON_NAME, "B")]),
            &["smime_br.subject.organization_common_name"],
        ),
        (2, 3, organization(&[(COMMON_NAME, ADDRESS)]), &[]),
        (
            2,
            3,
            vec![(ORGANIZATION, "A")],
            &["smime_br.subject.organization"],
        ),
        (
            3,
            3,
            vec![(ORGANIZATION_ID, "NTRDE-1"), (SURNAME, "B")],
            &["smime_br.subject.organization"],
        ),
        (
            2,
            3,
            organization(&[(ORGANIZATION_ID, "NTRFR-1")]),
            &["smime_br.subject.organization_id_country"],
        ),
        (
            2,
            3,
            organization(&[(ORGANIZATION_ID, "XYZDE-1")]),
            &["smime_br.subject.organization_id_scheme"],
        ),
        (
            2,
            3,
            organization(&[(ORGANIZATION_ID, "LEIXG-529900T8BM49AURSDO55")]),
            &[],
        ),
        (
            2,
            3,
            organization(&[(ORGANIZATION_ID, "LEIXG-529900T8BM49AURSDO54")]),
            &["smime_br.subject.organization_id_form"],
        ),
        (
            3,
            2,
            vec![
                (ORGANIZATION, "A"),
                (ORGANIZATION_ID, "NTR-1"),
                (SURNAME, "B"),
            ],
            &["smime_br.subject.organization_id_form"],
        ),
        (
            2,
            3,
            organization(&[(ORGANIZATION_ID, "GOVFR")]),
            &["smime_br.subject.organization_id_country"],
        ),
        (
            2,
            2,
            organization(&[(STATE, "B"), (LOCALITY, "C"), (STREET, "1")]),
            &[],
        ),
        (
            4,
            2,
            vec![(SURNAME, "B"), (COUNTRY, "DE"), (STREET, "1")],
            &["smime_br.subject.address_parts"],
        ),
        (
            4,
            3,
            vec![(SURNAME, "B"), (STATE, "C")],
            &["smime_br.subject.address_parts"],
        ),
        (
            4,
            2,
            vec![(SURNAME, "B"), (COUNTRY, "DE"), (POSTAL_CODE, "1")],
            &["smime_br.subject.address_parts"],
        ),
        (
            2,
            2,
            organization(&[(UNIT, "- .")]),
            &["smime_br.subject.metadata"],
        ),
        (
            4,
            2,
            vec![(SURNAME, "B"), (SERIAL, "b@example.com")],
            &["smime_br.subject.address_not_in_san"],
        ),
        (
            4,
            2,
            vec![(SURNAME, "B"), (EMAIL, "nobody")],
            &[
                "pkix.subject.email_not_in_san",
                "smime_br.subject.email_address",
            ],
        ),
        (
            4,
            3,
            vec![(PSEUDONYM, "C"), (COMMON_NAME, "D")],
            &["smime_br.subject.pseudonym_common_name"],
        ),
        (4, 3, vec![(PSEUDONYM, "C"), (COMMON_NAME, "C (P)")], &[]),
        (4, 3, vec![(PSEUDONYM, "C"), (COMMON_NAME, ADDRESS)], &[]),
        (
            4,
            3,
            vec![(COUNTRY, "DE"), (COMMON_NAME, "B")],
            &["smime_br.subject.person"],
        ),
        (
            4,
            3,
            vec![(SURNAME, "B"), (PSEUDONYM, "C")],
            &["smime_br.subject.name_and_pseudonym"],
        ),
        (4, 3, vec![(PSEUDONYM, "C")], &[]),
        (
            4,
            2,
            vec![(SURNAME, "B"), (UNIT, "x")],
            &["smime_br.subject.individual_only"],
        ),
        (
            4,
            2,
            vec![(SURNAME, "B"), (COUNTRY, "de")],
            &["smime_br.subject.country"],
        ),
        (
            4,
            2,
            vec![(SURNAME, "B"), (EMAIL, "a@example.com b@example.com")],
            &[
                "pkix.subject.email_not_in_san",
                "smime_br.subject.single_address",
            ],
        ),
        (4, 2, vec![(SURNAME, " B")], &["pkix.subject.blanks"]),
        (
            4,
            2,
            vec![(SURNAME, "B\u{7}")],
            &["pkix.subject.control_characters"],
        ),
    ];
    for (validation, generation, subject, expected) in cases {
        let certificate = sign(builder(subject, *validation, *generation));
        assert_eq!(codes(&certificate), *expected, "{subject:?}");
    }
}

#[test]
fn each_profile_allows_its_own_kinds_of_names_and_extensions() {
    type Change = fn(CertificateBuilder) -> CertificateBuilder;
    let other: Change = |b| b.extension(SAN, false, &other_name());
    let host: Change = |b| {
        let names = names_with(|w| w.element(Tag(0x82), b"example.com"));
        b.extension(SAN, false, &names)
    };
    let lei: Change = |b| b.extension(LEI, false, b"\x13\x14529900T8BM49AURSDO55");
    let odd: Change = |b| b.extension(LEI, false, b"\x13\x14529900T8BM49AURSDO54");
    let long: Change = |b| b.valid(LEGACY, UnixTime(LEGACY.0 + 1185 * DAY - 1));
    let longer: Change = |b| b.valid(LEGACY, UnixTime(LEGACY.0 + 1185 * DAY));
    let legacy: Change = |b| b.valid(LEGACY, UnixTime(LEGACY.0 + DAY));
    type Case<'a> = (Validation, u8, Change, &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (Mailbox, 2, other, &[]),
        (Mailbox, 2, host, &["smime_br.san.other_name"]),
        (Mailbox, 3, other, &["smime_br.san.other_name"]),
        (Organization, 3, lei, &[]),
        (Sponsor, 2, odd, &["smime_br.legal_entity.form"]),
        (Individual, 2, lei, &["smime_br.lei.presence"]),
        (Mailbox, 1, long, &[]),
        (Mailbox, 1, longer, &["smime_br.validity.length"]),
        (Mailbox, 2, long, &["smime_br.validity.length"]),
        (Individual, 1, legacy, &[]),
    ];
    for (case, (validation, generation, change, expected)) in cases.iter().enumerate() {
        let number = match validation {
            Mailbox => 1,
            Organization => 2,
            Sponsor => 3,
            Individual => 4,
        };
        let made = builder(subject(*validation), number, *generation);
        assert_eq!(codes(&sign(change(made))), *expected, "case {case}");
    }
    let unnamed = [(COUNTRY, "DE")];
    let made = sign(legacy(builder(&unnamed, 4, 1)));
    assert_eq!(codes(&made), ["smime_br.subject.person_legacy"]);
}

#[test]
fn registrations_are_of_two_kinds_of_string_and_mailboxes_in_utf8_need_it() {
    let odd = Writer::encode(|w| {
        w.sequence(|w| {
            for (attribute, tag, value) in [
                (ORGANIZATION, Tag::UTF8_STRING, "A"),
                (ORGANIZATION_ID, Tag::IA5_STRING, "NTRDE-1"),
            ] {
                w.constructed(Tag::SET, |w| {
                    w.sequence(|w| {
                        w.oid(Oid::new(attribute));
                        w.element(tag, value.as_bytes());
                    });
                });
            }
        });
    });
    let (key, end) = (TestKey::P256A.public(), UnixTime(START.0 + DAY));
    let odd = Name::from_der(&odd).unwrap();
    let made = CertificateBuilder::new(odd, &key, START, end)
        .issuer(name(&[(COMMON_NAME, "CA")]))
        .extension(POLICIES, false, &policies(&["2.23.140.1.5.2.3"]));
    assert!(codes(&sign(made)).contains(&"smime_br.subject.organization_id_string"));

    let twice = Writer::encode(|w| {
        w.sequence(|w| {
            w.constructed(Tag::SET, |w| {
                for value in ["a@example.com", "b@example.com"] {
                    w.sequence(|w| {
                        w.oid(Oid::new(COMMON_NAME));
                        w.element(Tag::UTF8_STRING, value.as_bytes());
                    });
                }
            });
        });
    });
    let made = CertificateBuilder::new(Name::from_der(&twice).unwrap(), &key, START, end);
    assert!(codes(&sign(made)).contains(&"pkix.subject.rdn_types"));

    for (mailbox, expected) in [
        ("ä@example.com", &[][..]),
        (
            "a@example.com",
            &["pkix.subject_alt_name.ascii_utf8_mailbox"],
        ),
    ] {
        let names = names_with(|w| {
            w.constructed(Tag::context_constructed(0), |w| {
                w.oid(Oid::new("1.3.6.1.5.5.7.8.9"));
                w.constructed(Tag::context_constructed(0), |w| {
                    w.element(Tag::UTF8_STRING, mailbox.as_bytes());
                });
            });
        });
        let made = builder(subject(Mailbox), 1, 3).extension(SAN, false, &names);
        assert_eq!(codes(&sign(made)), expected, "{mailbox}");
    }
}
