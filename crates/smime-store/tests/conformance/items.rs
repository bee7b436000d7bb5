mod refused;

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use smime_crypto::asn1::{Tag, Writer};
use smime_store::{Item, ItemKind, items};
use smime_x509::Certificate;

use crate::making::{people, person, sign};

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    armoured(label, &lines(der, "\n"), "\n")
}

fn armoured(label: &str, content: &str, end: &str) -> String {
    format!("-----BEGIN {label}-----{end}{content}-----END {label}-----{end}")
}

fn lines(der: &[u8], end: &str) -> String {
    let text = STANDARD.encode(der);
    let mut lines = String::new();
    for line in text.as_bytes().chunks(64) {
        write!(lines, "{}{end}", std::str::from_utf8(line).unwrap()).unwrap();
    }
    lines
}

/// Returns the code of every item; the certificates among them are `ok`.
fn codes(file: &[u8]) -> Vec<(u64, ItemKind, &'static str)> {
    let code = |item: &Item| {
        item.content
            .as_ref()
            .map_or_else(|error| error.code(), |_| "ok")
    };
    items(file)
        .iter()
        .map(|item| (item.position, item.kind, code(item)))
        .collect()
}

fn only(file: &[u8]) -> (ItemKind, &'static str) {
    let codes = codes(file);
    assert_eq!(codes.len(), 1, "{codes:?}");
    (codes[0].1, codes[0].2)
}

fn alice() -> Certificate {
    sign(person(1, "alice@example.com"))
}

const GOOD: (ItemKind, &str) = (ItemKind::Certificate, "ok");

#[test]
fn a_certificate_is_found_however_it_is_written() {
    let certificate = alice();
    let der = certificate.der();
    let text = lines(der, "\n");
    let no_lines = text.replace('\n', "");
    let unpadded = text.trim_end().trim_end_matches('=').to_owned() + "\n";
    let spaced = text.replace('\n', " \t\r\n\r\n ");
    let trusted = [der, &[0x30, 2, 5, 0][..]].concat();
    for (form, file) in [
        ("LF", pem("CERTIFICATE", der)),
        ("CRLF", armoured("CERTIFICATE", &lines(der, "\r\n"), "\r\n")),
        ("CR", armoured("CERTIFICATE", &lines(der, "\r"), "\r")),
        ("X509", pem("X509 CERTIFICATE", der)),
        ("trusted", pem("TRUSTED CERTIFICATE", &trusted)),
        ("trusted without notes", pem("TRUSTED CERTIFICATE", der)),
        ("no line ends", armoured("CERTIFICATE", &no_lines, "")),
        ("blanks", armoured("CERTIFICATE", &spaced, "\n")),
        ("no padding", armoured("CERTIFICATE", &unpadded, "\n")),
        (
            "byte order mark",
            format!("\u{feff}{}", pem("CERTIFICATE", der)),
        ),
        (
            "text around",
            format!("Bag Attributes\n 0=1\n{}\nend", pem("CERTIFICATE", der)),
        ),
        (
            "digit first",
            format!("0 certificates and 1:\n{}", pem("CERTIFICATE", der)),
        ),
        (
            "no last line end",
            pem("CERTIFICATE", der).trim_end().to_owned(),
        ),
        ("bare base64", text.clone()),
        ("bare base64, one line", no_lines.clone()),
        ("bare base64, byte order mark", format!("\u{feff}{text}")),
        ("bare base64, blanks", format!("\r\n\r\n  {spaced}\n")),
    ] {
        assert_eq!(only(file.as_bytes()), GOOD, "{form}");
        let found = items(file.as_bytes()).remove(0).content.unwrap();
        assert_eq!(found.der(), der, "{form}");
    }
    assert_eq!(only(der), GOOD);
    assert_eq!(only(&[der, b"\n"].concat()), GOOD);
    assert_eq!(only(&[der, &[0; 5]].concat()), GOOD);
}

#[test]
fn a_certificate_is_found_in_utf_16() {
    let certificate = alice();
    let armoured = pem("CERTIFICATE", certificate.der());
    for text in [armoured, lines(certificate.der(), "\r\n")] {
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        for (form, mark, file) in [
            ("LE", &b"\xff\xfe"[..], &little),
            ("BE", b"\xfe\xff", &big),
            ("LE without mark", b"", &little),
            ("BE without mark", b"", &big),
        ] {
            let file = [mark, file].concat();
            assert_eq!(only(&file), GOOD, "{form}");
        }
    }
    let text = format!(
        "\u{feff}Ünïcödé 中\n{}",
        pem("CERTIFICATE", certificate.der())
    );
    let file: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let position = u64::try_from(2 * "\u{feff}Ünïcödé 中\n".chars().count()).unwrap();
    assert_eq!(codes(&file), [(position, ItemKind::Certificate, "ok")]);
}

#[test]
fn the_certificates_of_a_pkcs_7_container_are_items() {
    let all = people(3);
    let container = Writer::encode(|w| {
        w.sequence(|w| {
            w.raw(&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2]);
            w.constructed(Tag::context_constructed(0), |w| {
                w.sequence(|w| {
                    w.small(1);
                    w.set_of(Tag::SET, Vec::new());
                    w.sequence(|w| w.raw(&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]));
                    w.constructed(Tag::context_constructed(0), |w| {
                        w.raw(all[0].der());
                        w.sequence(|w| w.small(7));
                        w.raw(all[1].der());
                    });
                    w.set_of(Tag::SET, Vec::new());
                });
            });
        })
    });
    let good = pem("CERTIFICATE", all[2].der());
    for file in [
        [&container[..], good.as_bytes()].concat(),
        [pem("PKCS7", &container), good.clone()]
            .concat()
            .into_bytes(),
        [pem("CMS", &container), good].concat().into_bytes(),
    ] {
        let found: Vec<_> = codes(&file).iter().map(|item| item.2).collect();
        assert_eq!(found, ["ok", "import.malformed", "ok", "ok"]);
    }
    assert_eq!(codes(lines(&container, "\n").as_bytes()).len(), 3);
}

#[test]
fn a_certificate_is_found_under_the_label_of_a_container() {
    let certificate = alice();
    for label in ["PKCS7", "CMS", "PKCS #7 SIGNED DATA", "PKCS12", "X509 CRL"] {
        let file = pem(label, certificate.der());
        assert_eq!(only(file.as_bytes()), GOOD, "{label}");
    }
    for label in ["CERTIFICATE REQUEST", "PKCS13", "PUBLIC KEY"] {
        let file = pem(label, certificate.der());
        assert_ne!(only(file.as_bytes()).1, "ok", "{label}");
    }
}

#[test]
fn positions_are_where_items_begin() {
    let all = people(3);
    let mut file = String::from("\u{feff}first\n");
    let mut wanted = Vec::new();
    for certificate in &all {
        wanted.push((
            u64::try_from(file.len()).unwrap(),
            ItemKind::Certificate,
            "ok",
        ));
        file.push_str(&pem("CERTIFICATE", certificate.der()));
        file.push_str("subject=…\n\n");
    }
    assert_eq!(codes(file.as_bytes()), wanted);
}

#[test]
fn blocks_without_a_line_end_between_them_are_all_found() {
    let file: String = people(3)
        .iter()
        .map(|one| pem("CERTIFICATE", one.der()))
        .collect();
    let joined = file.replace("-----\n-----BEGIN", "----------BEGIN");
    assert_eq!(codes(joined.as_bytes()).len(), 3);
    assert!(codes(joined.as_bytes()).iter().all(|item| item.2 == "ok"));
}

#[test]
fn der_values_stand_one_after_the_other_and_before_pem() {
    let all = people(3);
    let ders: Vec<u8> = all.iter().flat_map(|one| one.der().to_vec()).collect();
    let lengths = all
        .iter()
        .map(|one| u64::try_from(one.der().len()).unwrap());
    let starts: Vec<u64> = lengths
        .scan(0, |at, length| Some(std::mem::replace(at, *at + length)))
        .collect();
    let found = codes(&ders);
    assert_eq!(found.iter().map(|item| item.0).collect::<Vec<_>>(), starts);
    assert!(found.iter().all(|item| item.2 == "ok"));
    let mixed = [
        &ders[..],
        b"\n",
        pem("CERTIFICATE", all[0].der()).as_bytes(),
    ]
    .concat();
    assert_eq!(
        codes(&mixed).iter().map(|item| item.2).collect::<Vec<_>>(),
        ["ok"; 4]
    );
}

#[test]
fn bytes_between_der_values_are_an_item_and_cost_no_certificate() {
    let all = people(3);
    let (first, second) = (all[0].der(), all[1].der());
    let text = pem("CERTIFICATE", all[2].der());
    // A certificate in base64 after one in DER is the like of what would be missed.
    let base64 = lines(second, "\n");
    for astray in [&b"\x01\x02"[..], b"\xff", b"subject=CN", base64.as_bytes()] {
        let file = [first, b"\n\0", astray, second, b"\0\0\n", text.as_bytes()].concat();
        let lost = first.len() + 2;
        let wanted = [
            (0, ItemKind::Certificate, "ok"),
            (lost, ItemKind::Other, "import.astray"),
            (lost + astray.len(), ItemKind::Certificate, "ok"),
            (
                lost + astray.len() + second.len() + 3,
                ItemKind::Certificate,
                "ok",
            ),
        ];
        let wanted = wanted.map(|(at, kind, code)| (u64::try_from(at).unwrap(), kind, code));
        assert_eq!(codes(&file), wanted);
        let found = codes(&[first, astray].concat());
        assert_eq!(found.last().unwrap().2, "import.astray");
    }
    for silent in [&b"\0\0\0\0"[..], b"\r\n \t", b""] {
        assert_eq!(codes(&[first, silent, second].concat()).len(), 2);
    }
    assert_eq!(
        codes(format!("{text}between\n{text}after").as_bytes()).len(),
        2
    );
}

#[test]
fn bare_base64_can_hold_several_certificates() {
    let all = people(3);
    let ders: Vec<u8> = all.iter().flat_map(|one| one.der().to_vec()).collect();
    assert_eq!(codes(lines(&ders, "\n").as_bytes()).len(), 3);
}

#[test]
fn paragraphs_of_base64_with_padding_are_items_of_their_own() {
    let padded = |number: u32| {
        let email = format!(
            "{}@example.com",
            "x".repeat(usize::try_from(number).unwrap())
        );
        Some(sign(person(number, &email))).filter(|one| one.der().len() % 3 != 0)
    };
    let paragraphs: Vec<String> = (1..10)
        .filter_map(padded)
        .map(|one| lines(one.der(), "\n"))
        .collect();
    assert!(paragraphs.len() > 2);
    let found = codes(format!("\n \n{}", paragraphs.join("\r\n")).as_bytes());
    let mut wanted = Vec::new();
    let mut at = 3;
    for text in &paragraphs {
        wanted.push((u64::try_from(at).unwrap(), ItemKind::Certificate, "ok"));
        at += text.len() + 2;
    }
    assert_eq!(found, wanted);
}

#[test]
fn a_certificate_with_something_after_it_is_malformed() {
    let der = [alice().der(), &[0][..]].concat();
    let found = only(pem("CERTIFICATE", &der).as_bytes());
    assert_eq!(found, (ItemKind::Certificate, "import.malformed"));
}

#[test]
fn a_damaged_certificate_is_named_as_one() {
    let certificate = alice();
    let mut der = certificate.der().to_vec();
    // The version's INTEGER becomes a BOOLEAN.
    let version = der
        .windows(5)
        .position(|window| window == [0xa0, 3, 2, 1, 2])
        .unwrap();
    der[version + 2] = 1;
    let wanted = (ItemKind::Certificate, "import.malformed");
    assert_eq!(only(pem("CERTIFICATE", &der).as_bytes()), wanted);
    assert_eq!(only(&der), wanted);
    let neighbours = [certificate.der(), &der, certificate.der()].concat();
    let found: Vec<_> = codes(&neighbours).iter().map(|item| item.2).collect();
    assert_eq!(found, ["ok", "import.malformed", "ok"]);
}

#[test]
fn a_file_cut_anywhere_gives_the_items_before_the_cut() {
    let all = people(2);
    let file: String = all
        .iter()
        .map(|one| pem("CERTIFICATE", one.der()))
        .collect();
    let first = pem("CERTIFICATE", all[0].der()).len() - 1;
    let second = file.len() - 1;
    for cut in 0..file.len() {
        let found = codes(&file.as_bytes()[..cut]);
        let good = found.iter().filter(|item| item.2 == "ok").count();
        assert_eq!(
            good,
            usize::from(cut >= first) + usize::from(cut >= second),
            "cut at {cut}: {found:?}"
        );
    }
    let ders = [all[0].der(), all[1].der()].concat();
    for cut in 0..ders.len() {
        let good = codes(&ders[..cut])
            .iter()
            .filter(|item| item.2 == "ok")
            .count();
        assert_eq!(good, usize::from(cut >= all[0].der().len()), "cut at {cut}");
    }
}

proptest! {
    #[test]
    fn any_bytes_give_at_least_one_item_in_ascending_order(file: Vec<u8>) {
        let found = codes(&file);
        prop_assert!(!found.is_empty());
        prop_assert!(found.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    }

    #[test]
    fn any_text_of_armour_parts_gives_items(parts in proptest::collection::vec(
        prop_oneof![
            Just("-----BEGIN CERTIFICATE-----"), Just("-----END CERTIFICATE-----"), Just("-----BEGIN "),
            Just("-----END "), Just("-----"), Just("\n"), Just("MIIB"), Just("="), Just("PRIVATE KEY"),
            Just("0\u{82}"), Just("\u{feff}"), Just("0"), Just(" "),
        ],
        0..40,
    )) {
        let file = parts.concat();
        let found = codes(file.as_bytes());
        prop_assert!(!found.is_empty());
        let begins = file.matches("-----BEGIN ").count();
        prop_assert!(found.len() <= begins + 2 + parts.len());
    }
}
