//! Certificates in vCards, LDIF and exported tables: read where they are, refused one by one, and
//! never at the cost of a PEM block.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use smime_store::ItemKind;
use smime_testkit::{CrlBuilder, TestKey};
use smime_x509::Certificate;

use crate::{
    items::pem,
    making::{name, people, person, sign},
    positions::{found, pkcs7},
};

fn alice() -> Certificate {
    sign(person(1, "alice@example.com"))
}

/// Returns base64 in lines of `width` characters, with `fold` between them.
fn folded(der: &[u8], width: usize, fold: &str) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(width).collect();
    String::from_utf8(lines.join(fold.as_bytes())).unwrap()
}

fn card(key: &str) -> String {
    format!(
        "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Alice\r\n{key}\r\nREV:20260101T000000Z\r\nEND:VCARD\r\n"
    )
}

fn entry(attribute: &str) -> String {
    format!("version: 1\n\ndn: cn=Alice,\n dc=example\ncn: Alice\n{attribute}\nsn: Liddell\n\n")
}

const CERTIFICATE: ItemKind = ItemKind::Certificate;
const OTHER: ItemKind = ItemKind::Other;

#[test]
fn the_key_of_a_vcard_is_read_in_every_version() {
    let der = alice().der().to_vec();
    for (form, key) in [
        (
            "2.1",
            format!(
                "KEY;X509;ENCODING=BASE64:\r\n    {}\r\n",
                folded(&der, 72, "\r\n    ")
            ),
        ),
        (
            "2.1, not folded",
            format!("KEY;X509;BASE64:{}\r\n", folded(&der, 76, "\r\n")),
        ),
        (
            "2.1, no empty line",
            format!("KEY;X509;BASE64:\r\n{}", folded(&der, 76, "\r\n")),
        ),
        (
            "3.0",
            format!("KEY;TYPE=X509;ENCODING=b:{}", folded(&der, 60, "\r\n ")),
        ),
        (
            "3.0, tabs",
            format!("key;encoding=B:{}", folded(&der, 60, "\r\n\t")),
        ),
        (
            "3.0, LF",
            format!("KEY;ENCODING=BASE64:{}", folded(&der, 60, "\n ")),
        ),
        (
            "3.0, one line",
            format!("KEY;ENCODING=b:{}", STANDARD.encode(&der)),
        ),
        (
            "3.0, nothing declared",
            format!("KEY:{}", folded(&der, 60, "\r\n ")),
        ),
        (
            "4.0",
            format!(
                "KEY:data:application/pkix-cert;base64,{}",
                folded(&der, 75, "\r\n ")
            ),
        ),
        (
            "4.0, group, folded head",
            format!(
                "item1.KEY;MEDIATYPE=application/pkix-c\r\n ert:da\r\n ta:application/pkix-cert;base64,{}",
                folded(&der, 75, "\r\n ")
            ),
        ),
    ] {
        let file = card(&key);
        let line = file.find(&key).unwrap();
        assert_eq!(
            found(file.as_bytes()),
            [(line, CERTIFICATE, "ok")],
            "{form}"
        );
        let marked = format!("\u{feff}{file}{file}");
        let all = found(marked.as_bytes());
        let second = file.len() + line + 3;
        let wanted = [(line + 3, CERTIFICATE, "ok"), (second, CERTIFICATE, "ok")];
        assert_eq!(all, wanted, "{form}, two cards");
    }
}

#[test]
fn a_card_whose_key_is_a_block_has_the_block_as_its_item() {
    let escaped = pem("CERTIFICATE", alice().der()).replace('\n', "\\n");
    let file = card(&format!("KEY;TYPE=X509:{escaped}"));
    let block = file.find("-----BEGIN").unwrap();
    assert_eq!(found(file.as_bytes()), [(block, CERTIFICATE, "ok")]);
}

#[test]
fn attributes_of_ldif_are_read_by_their_names() {
    let der = alice().der().to_vec();
    let text = folded(&der, 60, "\n ");
    for attribute in [
        format!("userCertificate;binary:: {text}"),
        format!("userCertificate::{text}"),
        format!(
            "usercertificate;binary;lang-de:: {}",
            text.replace('\n', "\r\n")
        ),
        format!("cACertificate;binary:: {text}\n# a comment"),
        format!("userSMIMECertificate;binary:: {}", STANDARD.encode(&der)),
        format!("userPKCS12:: {text}"),
    ] {
        let file = entry(&attribute);
        let line = file.find(&attribute).unwrap();
        assert_eq!(
            found(file.as_bytes()),
            [(line, CERTIFICATE, "ok")],
            "{attribute}"
        );
        let start = found(attribute.as_bytes());
        assert_eq!(start, [(0, CERTIFICATE, "ok")], "{attribute}");
    }
    let crl = CrlBuilder::new(name("Root"), TestKey::P256A).sign();
    let list = STANDARD.encode(crl.der());
    let list = entry(&format!("certificateRevocationList;binary:: {list}"));
    let line = list.find("certificateRev").unwrap();
    assert_eq!(
        found(list.as_bytes()),
        [(line, ItemKind::Crl, "import.crl")]
    );
}

#[test]
fn what_is_in_a_container_of_an_entry_or_a_card_has_the_place_of_its_line() {
    let (container, parts) = pkcs7();
    let text = folded(&container, 60, "\n ");
    for file in [
        entry(&format!("userSMIMECertificate;binary:: {text}")),
        card(&format!("KEY:data:application/pkcs7-mime;base64,{text}")),
    ] {
        let line = file.find("userSMIME").or_else(|| file.find("KEY")).unwrap();
        let all = found(file.as_bytes());
        assert_eq!(all.len(), parts.len());
        assert!(all.iter().all(|item| item.0 == line), "{all:?}");
        let good = all.iter().filter(|item| item.2 == "ok").count();
        assert_eq!(good, 2);
    }
}

#[test]
fn broken_and_foreign_keys_are_one_refused_item_each() {
    let certificate = alice();
    let good = pem("CERTIFICATE", certificate.der());
    let text = STANDARD.encode(certificate.der());
    let half = text.get(..text.len() / 2 / 4 * 4).unwrap();
    let binary = "\u{1}\u{2}\u{fffd}\u{7f}";
    for (kind, code, value) in [
        (
            OTHER,
            "import.truncated",
            card(&format!("KEY;ENCODING=b:{half}")),
        ),
        (OTHER, "import.truncated", card("KEY;ENCODING=b:")),
        (
            OTHER,
            "import.bad_base64",
            card(&format!("KEY;ENCODING=b:{half}=")),
        ),
        (
            OTHER,
            "import.bad_base64",
            card(&format!("KEY;ENCODING=b:{binary}")),
        ),
        (
            OTHER,
            "import.bad_property",
            card(&format!("KEY;ENCODING=b{text}")),
        ),
        (
            OTHER,
            "import.bad_property",
            card(&format!("KEY;ENC\r\nODING=b:{text}")),
        ),
        (
            OTHER,
            "import.unsupported_kind",
            card("KEY;TYPE=PGP;ENCODING=b:mQENBFVn"),
        ),
        (
            OTHER,
            "import.unsupported_kind",
            card("KEY;ENCODING=b:mQENBFVn"),
        ),
        (
            OTHER,
            "import.unsupported_kind",
            card("KEY:data:application/pgp-keys;base64,mQENBFVn"),
        ),
        (OTHER, "import.unsupported_kind", card("KEY:in the drawer")),
        (
            OTHER,
            "import.link",
            card("KEY:https://a.example/alice.crt"),
        ),
        (
            CERTIFICATE,
            "import.truncated",
            entry(&format!("userCertificate:: {half}")),
        ),
        (
            CERTIFICATE,
            "import.truncated",
            entry("userCertificate;binary::"),
        ),
        // Without its space, a line is none of the value's.
        (
            CERTIFICATE,
            "import.truncated",
            entry(&format!("userCertificate:: {half}\n{text}")),
        ),
        (
            CERTIFICATE,
            "import.bad_base64",
            entry(&format!("userCertificate:: {half}\n *")),
        ),
        (
            CERTIFICATE,
            "import.bad_base64",
            entry(&format!("userCertificate:: {binary}")),
        ),
        (
            CERTIFICATE,
            "import.malformed",
            entry(&format!("userCertificate:: {text}AAAA")),
        ),
        (
            CERTIFICATE,
            "import.bad_property",
            entry(&format!("userCertificate: {text}")),
        ),
        (
            CERTIFICATE,
            "import.bad_property",
            entry(&format!("userCertificate;binary {text}")),
        ),
        (
            CERTIFICATE,
            "import.link",
            entry("userCertificate;binary:< file:///etc/passwd"),
        ),
        (
            CERTIFICATE,
            "import.unsupported_kind",
            entry("userCertificate;binary:: BQA="),
        ),
        (
            OTHER,
            "import.unsupported_kind",
            entry("userSMIMECertificate;binary:: MAA="),
        ),
        (
            OTHER,
            "import.malformed",
            entry("userPKCS12;binary:: MAcCAQMwADAA"),
        ),
    ] {
        let line = ["KEY", "user"]
            .iter()
            .find_map(|name| value.find(name))
            .unwrap();
        let before = good.len();
        let wanted = [
            (0, CERTIFICATE, "ok"),
            (before + line, kind, code),
            (before + value.len(), CERTIFICATE, "ok"),
        ];
        let file = [&good[..], &value, &good].concat();
        assert_eq!(found(file.as_bytes()), wanted, "{value}");
        assert_eq!(found(value.as_bytes()), [(line, kind, code)], "{value}");
    }
}

#[test]
fn words_between_blocks_are_no_properties() {
    let good = pem("CERTIFICATE", alice().der());
    for words in [
        "KEY;ENCODING=b:MIIB\n",
        "Key: value\nkey.KEY:https://a.example\n",
        "BEGIN:VCARD\nEND:VCARD\nKEY:MIIB\n",
        "begin:vcard\nkeys:MIIB\nKEY MIIB\n X-KEY:MIIB\n KEY:MIIB\nend:vcard\nKEY:MIIB\n",
        "userCertificate of Alice:\nuserCertificates:: MIIB\nx.userCertificate:: MIIB\n",
        "#userCertificate:: MIIB\n userCertificate:: MIIB\nthe userCertificate:: MIIB\n",
        "BEGIN:VCARD\nuserCertificate:: MIIB\nEND:VCARD\n",
    ] {
        let file = [&good[..], words, &good].concat();
        let second = good.len() + words.len();
        let wanted = [(0, CERTIFICATE, "ok"), (second, CERTIFICATE, "ok")];
        assert_eq!(found(file.as_bytes()), wanted, "{words}");
        assert_eq!(
            found(words.as_bytes()),
            [(0, OTHER, "import.nothing_found")]
        );
    }
    // Inside a block, they are a part of it.
    let inside = good.replacen("-----\n", "-----\nuserCertificate:: MIIB\n", 1);
    assert_eq!(
        found(inside.as_bytes()),
        [(0, CERTIFICATE, "import.bad_base64")]
    );
}

#[test]
fn a_block_in_a_json_string_is_read() {
    let all = people(2);
    let blocks: Vec<_> = all
        .iter()
        .map(|one| pem("CERTIFICATE", one.der()))
        .collect();
    for (feed, slash) in [
        ("\\n", "/"),
        ("\\r\\n", "\\/"),
        ("\\u000a", "\\u002f"),
        ("\\u000D\\u000A", "\\u002F"),
    ] {
        let escape = |block: &String| block.replace('/', slash).replace('\n', feed);
        let (one, other) = (escape(&blocks[0]), escape(&blocks[1]));
        let file = format!(
            "[{{\"id\":1,\"raw\":\"{one}\",\"private_key\":null}},{{\"raw\":\"{other}\"}}]"
        );
        let places: Vec<_> = file.match_indices("-----BEGIN").collect();
        let wanted: Vec<_> = places
            .iter()
            .map(|(at, _)| (*at, CERTIFICATE, "ok"))
            .collect();
        assert_eq!(found(file.as_bytes()), wanted, "{feed}");
        let broken = file.replacen(feed, "\\x", 1);
        let codes: Vec<_> = found(broken.as_bytes()).iter().map(|item| item.2).collect();
        assert_eq!(codes, ["import.bad_base64", "ok"], "{feed}");
    }
}

/// Parts of files, good and broken, that stand between blocks.
fn part() -> impl Strategy<Value = Vec<u8>> {
    let text = folded(alice().der(), 60, "\r\n ");
    let parts = [
        card(&format!("KEY;ENCODING=b:{text}")),
        card(&format!("KEY:data:application/pkix-cert;base64,{text}")),
        card("KEY:https://a.example"),
        entry(&format!("userCertificate;binary:: {text}")),
        entry("userSMIMECertificate:< file:///a"),
        "BEGIN:VCARD\n".to_owned(),
        "KEY;ENCODING=b:".to_owned(),
        "userCertificate::".to_owned(),
        "\r\n".to_owned(),
        "\n ".to_owned(),
    ]
    .map(String::into_bytes);
    let known = (
        proptest::sample::select(parts.to_vec()),
        any::<proptest::sample::Index>(),
    );
    prop_oneof![
        known.clone().prop_map(|(part, _)| part),
        known.prop_map(|(mut part, cut)| {
            part.truncate(cut.index(part.len()));
            part
        }),
        proptest::collection::vec(any::<u8>(), 0..20),
    ]
}

proptest! {
    #[test]
    fn whatever_stands_between_blocks_costs_none_of_them(
        between in proptest::collection::vec(proptest::collection::vec(part(), 0..4), 1..5),
    ) {
        let good = pem("CERTIFICATE", alice().der());
        let (mut file, mut blocks) = (b"\n".to_vec(), Vec::new());
        for parts in &between {
            blocks.push((file.len(), CERTIFICATE, "ok"));
            file.extend_from_slice(good.as_bytes());
            file.extend(parts.concat());
        }
        let all = found(&file);
        for block in blocks {
            prop_assert!(all.contains(&block), "{:?} of {:?}", block, all);
        }
        prop_assert!(all.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    }
}
