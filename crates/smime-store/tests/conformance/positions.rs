//! Where items begin, for those that do not begin a line of armour.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use smime_crypto::asn1::{Tag, Writer};
use smime_store::{ItemKind, visit_items};

use crate::{
    items::pem,
    making::{people, person, sign},
};

/// Returns position, kind and code of every item; the certificates among them are `ok`.
pub(crate) fn found(file: &[u8]) -> Vec<(usize, ItemKind, &'static str)> {
    let mut found = Vec::new();
    visit_items(file, &mut |item| {
        let code = item.content.map_or_else(|error| error.code(), |_| "ok");
        found.push((usize::try_from(item.position).unwrap(), item.kind, code));
    });
    found
}

/// Makes a SignedData of the certificates of two people, with something else between them and a
/// revocation list behind; returns it with the parts in their order.
pub(crate) fn pkcs7() -> (Vec<u8>, Vec<Vec<u8>>) {
    let [one, other] = [0, 1].map(|number| people(2)[number].der().to_vec());
    let broken = Writer::encode(|w| w.sequence(|w| w.small(7)));
    let attributes = Writer::encode(|w| w.element(Tag::context_constructed(1), &[]));
    let list = Writer::encode(|w| w.sequence(|w| w.small(8)));
    let container = Writer::encode(|w| {
        w.sequence(|w| {
            w.raw(&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2]);
            w.constructed(Tag::context_constructed(0), |w| {
                w.sequence(|w| {
                    w.small(1);
                    w.set_of(Tag::SET, Vec::new());
                    w.sequence(|w| w.raw(&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]));
                    let certificates = [&one[..], &broken, &attributes, &other].concat();
                    w.element(Tag::context_constructed(0), &certificates);
                    w.element(Tag::context_constructed(1), &list);
                    w.set_of(Tag::SET, Vec::new());
                });
            });
        });
    });
    (container, vec![one, broken, attributes, other, list])
}

/// What is in the container of [`pkcs7`], each part at the place that `place` gives it.
fn contents(place: impl Fn(&[u8]) -> usize) -> Vec<(usize, ItemKind, &'static str)> {
    let kinds = [
        (ItemKind::Certificate, "ok"),
        (ItemKind::Certificate, "import.malformed"),
        (ItemKind::Other, "import.unsupported_kind"),
        (ItemKind::Certificate, "ok"),
        (ItemKind::Crl, "import.crl"),
    ];
    let parts = pkcs7().1;
    let placed = parts.iter().zip(kinds);
    placed
        .map(|(part, (kind, code))| (place(part), kind, code))
        .collect()
}

/// Returns where a part begins in other bytes.
fn place(whole: &[u8], part: &[u8]) -> usize {
    let mut windows = whole.windows(part.len());
    windows.position(|window| window == part).unwrap()
}

#[test]
fn what_is_in_a_der_pkcs_7_file_is_where_it_stands() {
    let (container, _) = pkcs7();
    assert_eq!(found(&container), contents(|part| place(&container, part)));
    let first = sign(person(9, "first@example.com"));
    let file = [first.der(), b"\n", &container, b"\n"].concat();
    let mut wanted = vec![(0, ItemKind::Certificate, "ok")];
    wanted.extend(contents(|part| place(&file, part)));
    assert_eq!(found(&file), wanted);
}

#[test]
fn what_is_in_a_ber_pkcs_7_file_is_where_the_file_begins() {
    let (container, _) = pkcs7();
    let content = &container[4..];
    let ber = [&[0x30, 0x80][..], content, &[0, 0]].concat();
    assert_eq!(found(&ber), contents(|_| 0));
}

#[test]
fn what_is_in_a_pkcs_7_block_is_where_the_block_begins() {
    let (container, _) = pkcs7();
    let file = format!("a line\n{}", pem("PKCS7", &container));
    assert_eq!(found(file.as_bytes()), contents(|_| 7));
}

#[test]
fn items_of_bare_base64_are_where_their_first_character_is() {
    let ders: Vec<Vec<u8>> = people(4).iter().map(|one| one.der().to_vec()).collect();
    let text = STANDARD.encode(ders.concat());
    for (width, end) in [(64, "\n"), (76, "\r\n"), (7, "\n\n"), (1 << 20, "")] {
        for before in ["", " \n\t", "\u{feff}"] {
            let chunks = text.as_bytes().chunks(width);
            let lines = chunks.map(|line| std::str::from_utf8(line).unwrap().to_owned() + end);
            let file = before.to_owned() + &lines.collect::<String>();
            let mut start = 0;
            let mut wanted = Vec::new();
            for der in &ders {
                // Of each byte, six bits are in one character and two in the next.
                let characters = start * 8 / 6;
                let at = before.len() + characters + characters / width * end.len();
                wanted.push((at, ItemKind::Certificate, "ok"));
                start += der.len();
            }
            assert_eq!(found(file.as_bytes()), wanted, "{width} {end:?} {before:?}");
            let units: Vec<u8> = file.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let mark = if before == "\u{feff}" { 2 } else { 0 };
            let wanted: Vec<_> = wanted
                .into_iter()
                .map(|(at, kind, code)| (mark + 2 * (at - before.len() * mark / 2), kind, code))
                .collect();
            assert_eq!(found(&units), wanted, "UTF-16: {width} {end:?} {before:?}");
        }
    }
}

#[test]
fn what_is_in_a_pkcs_7_file_in_bare_base64_is_where_its_first_character_is() {
    let (container, _) = pkcs7();
    let text = STANDARD.encode(&container);
    let wanted = contents(|part| place(&container, part) * 8 / 6);
    assert_eq!(found(text.as_bytes()), wanted);
}
