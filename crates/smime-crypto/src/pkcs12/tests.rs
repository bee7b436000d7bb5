use super::*;
use crate::{
    asn1::Writer,
    oid,
    pbe::{Prf, hmac},
};

const P: &[u8] = b"1234";

fn open_with(file: &[u8], passphrase: Option<&[u8]>) -> Result<Pkcs12, Error> {
    Pkcs12::open(file, passphrase.map(Secret::from).as_ref())
}

fn cheap() -> &'static [u8] {
    include_bytes!("../../../../testdata/keys/forms/p256-cheap.p12")
}

fn info(kind: Oid, content: &[u8]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(kind);
            w.constructed(Tag::context_constructed(0), |w| w.raw(content));
        });
    })
}

fn octets(content: &[u8]) -> Vec<u8> {
    Writer::encode(|w| w.octet_string(content))
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    Writer::encode(|w| w.element(Tag::SEQUENCE, &parts.concat()))
}

fn number(number: u64) -> Vec<u8> {
    Writer::encode(|w| w.unsigned(&number.to_be_bytes()))
}

fn oid(dotted: &str) -> Vec<u8> {
    Writer::encode(|w| w.oid(Oid::new(dotted)))
}

/// A file of the given ContentInfos, with a MacData or none.
fn pfx(infos: &[&[u8]], mac: &[u8]) -> Vec<u8> {
    let safe = info(DATA, &octets(&sequence(infos)));
    sequence(&[&number(3), &safe, mac])
}

fn mac(iterations: u64, salt: &[u8]) -> Vec<u8> {
    let algorithm = sequence(&[&Writer::encode(|w| w.oid(oid::SHA256))]);
    let digest = sequence(&[&algorithm, &octets(&[0; 32])]);
    sequence(&[&digest, &octets(salt), &number(iterations)])
}

fn pbkdf2(salt: &[u8], iterations: &[u8], length: &[u8]) -> Vec<u8> {
    let prf = sequence(&[&oid("1.2.840.113549.2.9")]);
    let parameters = sequence(&[&octets(salt), iterations, length, &prf]);
    sequence(&[&oid("1.2.840.113549.1.5.12"), &parameters])
}

fn pbmac1(kdf: &[u8]) -> Vec<u8> {
    let hmac = sequence(&[&oid("1.2.840.113549.2.9")]);
    let algorithm = sequence(&[&oid("1.2.840.113549.1.5.14"), &sequence(&[kdf, &hmac])]);
    let digest = sequence(&[&algorithm, &octets(&[0; 32])]);
    sequence(&[&digest, &octets(&[1])])
}

fn pbes2(kdf: &[u8], iv: &[u8]) -> Vec<u8> {
    let cipher = sequence(&[&Writer::encode(|w| w.oid(oid::AES256_CBC)), &octets(iv)]);
    sequence(&[&oid("1.2.840.113549.1.5.13"), &sequence(&[kdf, &cipher])])
}

fn encrypted(scheme: &[u8]) -> Vec<u8> {
    let content = Writer::encode(|w| w.element(Tag::context(0), &[0; 16]));
    let inner = sequence(&[&oid("1.2.840.113549.1.7.1"), scheme, &content]);
    info(ENCRYPTED_DATA, &sequence(&[&number(0), &inner]))
}

const COST: Error = Error::Unsupported("cost of the key's protection");

#[test]
fn attack_class_28_costs_of_any_size_are_refused_before_any_work() {
    // Any of them would take minutes or memory that is not there, if it were begun.
    let dear = |file: &[u8], what: &str| {
        assert_eq!(open_with(file, Some(P)).unwrap_err(), COST, "{what}");
    };
    for iterations in [0, 10_000_001, 1 << 31, u64::from(u32::MAX), u64::MAX] {
        let count = number(iterations);
        dear(&pfx(&[], &mac(iterations, &[1; 8])), "mac");
        dear(
            &pfx(&[], &pbmac1(&pbkdf2(&[1], &count, &number(32)))),
            "pbmac1",
        );
        dear(
            &pfx(
                &[&encrypted(&pbes2(&pbkdf2(&[1], &count, &[]), &[0; 16]))],
                &[],
            ),
            "pbes2",
        );
        let old = sequence(&[
            &oid("1.2.840.113549.1.12.1.3"),
            &sequence(&[&octets(&[1]), &count]),
        ]);
        dear(&pfx(&[&encrypted(&old)], &[]), "pkcs12");
    }
    for [n, r, p] in [
        [1 << 19, 8, 1],
        [1 << 63, 8, 1],
        [u64::MAX, 8, 1],
        [1 << 14, 1 << 30, 1],
        [1 << 14, 8, 1 << 30],
        [3, 8, 1],
        [0, 0, 0],
    ] {
        let parameters = sequence(&[&octets(&[1]), &number(n), &number(r), &number(p)]);
        let kdf = sequence(&[&oid("1.3.6.1.4.1.11591.4.11"), &parameters]);
        dear(&pfx(&[&encrypted(&pbes2(&kdf, &[0; 16]))], &[]), "scrypt");
    }
    dear(&pfx(&[], &mac(1, &[1; 1025])), "salt");
}

#[test]
fn attack_class_28_costs_count_for_the_whole_file() {
    // Each bag alone is permitted, and is empty, so that it opens whatever the passphrase.
    let mut budget = Budget::new();
    budget.iterations(9_999_999, 1, &[]).unwrap();
    let passphrase = Passphrase::new(Some(&Secret::from(P)));
    let scheme = pbes2(&pbkdf2(&[1], &number(2), &[]), &[0; 16]);
    let mut contents = Contents::new(passphrase, &mut budget, Pkcs12Integrity::Absent);
    let refused = contents.authenticated_safe(&sequence(&[&encrypted(&scheme)]));
    assert_eq!(refused, Err(COST));
}

#[test]
fn attack_class_28_every_block_that_is_derived_costs() {
    // Triple DES takes two blocks of SHA-1 for its key and one for what it begins with.
    let old = |iterations| {
        let parameters = sequence(&[&octets(&[1]), &number(iterations)]);
        encrypted(&sequence(&[&oid("1.2.840.113549.1.12.1.3"), &parameters]))
    };
    let open = |iterations, left: u64| {
        let mut budget = Budget::new();
        budget.iterations(10_000_000 - left, 1, &[]).unwrap();
        Pkcs12::open_within(
            &pfx(&[&old(iterations)], &[]),
            Some(&Secret::from(P)),
            &mut budget,
        )
    };
    assert_eq!(open(100, 299).unwrap_err(), COST);
    assert_eq!(open(100, 300).unwrap_err(), Error::WrongPassphrase);
    // The encodings of a passphrase beyond ASCII are two tries.
    let mut budget = Budget::new();
    budget.iterations(10_000_000 - 599, 1, &[]).unwrap();
    let both = Secret::from("\u{e9}".as_bytes());
    let opened = Pkcs12::open_within(&pfx(&[&old(100)], &[]), Some(&both), &mut budget);
    assert_eq!(opened.unwrap_err(), COST);
}

#[test]
fn attack_class_28_files_that_share_a_budget_are_not_opened_when_it_is_spent() {
    let mut budget = Budget::new();
    budget.iterations(9_900_000, 1, &[]).unwrap();
    let passphrase = Secret::from(P);
    let mut open = || Pkcs12::open_within(cheap(), Some(&passphrase), &mut budget).map(|_| ());
    let opened = std::iter::repeat_with(&mut open)
        .take(100_000)
        .take_while(Result::is_ok)
        .count();
    assert!(opened > 0, "a file alone is permitted");
    assert_eq!(open(), Err(COST));
}

#[test]
fn attack_class_6_parameters_of_absurd_lengths_are_refused() {
    let one = number(1);
    for length in [0, 1, 19, 65, 1 << 31, u64::MAX] {
        let file = pfx(&[], &pbmac1(&pbkdf2(&[1], &one, &number(length))));
        let refused = Error::Unsupported("key length of the MAC");
        assert_eq!(open_with(&file, Some(P)).unwrap_err(), refused, "{length}");
        let scheme = pbes2(&pbkdf2(&[1], &one, &number(length)), &[0; 16]);
        let refused = Error::Unsupported("key length of the protection");
        let file = pfx(&[&encrypted(&scheme)], &[]);
        assert_eq!(open_with(&file, Some(P)).unwrap_err(), refused, "{length}");
    }
    for iv in [0, 1, 15, 17, 32, 4096] {
        let scheme = pbes2(&pbkdf2(&[1], &one, &[]), &vec![0; iv]);
        let refused = Error::Unsupported("initialisation vector of this length");
        let file = pfx(&[&encrypted(&scheme)], &[]);
        assert_eq!(open_with(&file, Some(P)).unwrap_err(), refused, "{iv}");
    }
    for negative in [&[2, 1, 0xff][..], &[2, 2, 0x80, 0]] {
        for file in [
            pfx(&[], &pbmac1(&pbkdf2(&[1], negative, &number(32)))),
            pfx(&[], &pbmac1(&pbkdf2(&[1], &one, negative))),
            pfx(
                &[&encrypted(&pbes2(&pbkdf2(&[1], negative, &[]), &[0; 16]))],
                &[],
            ),
        ] {
            let opened = open_with(&file, Some(P));
            assert!(matches!(opened, Err(Error::Malformed { .. })), "{opened:?}");
        }
    }
}

#[test]
fn a_mac_is_checked_before_anything_is_decrypted() {
    // The scheme is one that nobody has: only who decrypts before the MAC says so.
    let unknown = encrypted(&sequence(&[&oid("1.2.3.4")]));
    let with_mac = pfx(&[&unknown], &mac(1, &[1; 8]));
    assert_eq!(
        open_with(&with_mac, Some(P)).unwrap_err(),
        Error::WrongPassphrase
    );
    assert_eq!(
        open_with(&with_mac, None).unwrap_err(),
        Error::PassphraseNeeded
    );
    let without = pfx(&[&unknown], &[]);
    let refused = Error::UnknownAlgorithm(Oid::new("1.2.3.4"));
    assert_eq!(open_with(&without, Some(P)).unwrap_err(), refused);
}

#[test]
fn the_file_of_another_tool_opens_with_its_passphrase_alone() {
    let opened = open_with(cheap(), Some(P)).unwrap();
    assert_eq!(opened.integrity, Pkcs12Integrity::Mac);
    assert_eq!((opened.keys.len(), opened.certificates.len()), (1, 1));
    assert_eq!(opened.keys[0].friendly_name.as_deref(), Some("p"));
    assert!(!format!("{opened:?}").contains("value"));
    for wrong in [&b""[..], b"123", b"1234\0", b"12345", &[0xff]] {
        let refused = open_with(cheap(), Some(wrong)).unwrap_err();
        assert_eq!(refused, Error::WrongPassphrase);
    }
    assert_eq!(
        open_with(cheap(), None).unwrap_err(),
        Error::PassphraseNeeded
    );
}

#[test]
fn old_and_open_files_hold_the_same_key() {
    let key = open_with(cheap(), Some(P)).unwrap().keys.remove(0).value;
    let legacy = include_bytes!("../../../../testdata/keys/forms/p256-cheap-legacy.p12");
    let opened = open_with(legacy, Some(P)).unwrap();
    assert_eq!(
        (&opened.keys[0].value, opened.certificates.len()),
        (&key, 1)
    );
    let open = include_bytes!("../../../../testdata/keys/forms/p256-open.p12");
    for passphrase in [None, Some(P)] {
        let opened = open_with(open, passphrase).unwrap();
        assert_eq!(opened.integrity, Pkcs12Integrity::Absent);
        assert_eq!(
            (&opened.keys[0].value, opened.certificates.len()),
            (&key, 1)
        );
    }
}

#[test]
fn a_file_without_mac_opens_and_says_so() {
    let file = der_without_mac(cheap());
    let opened = open_with(&file, Some(P)).unwrap();
    assert_eq!(opened.integrity, Pkcs12Integrity::Absent);
    assert_eq!(opened.keys.len(), 1);
    assert_eq!(
        open_with(&file, Some(b"q")).unwrap_err(),
        Error::WrongPassphrase
    );
    assert_eq!(open_with(&file, None).unwrap_err(), Error::PassphraseNeeded);
}

fn der_without_mac(file: &[u8]) -> Vec<u8> {
    let mut fields = Reader::new(file).sequence("x").unwrap();
    fields.any("x").unwrap();
    let safe = fields.any("x").unwrap().raw;
    sequence(&[&number(3), safe])
}

#[test]
fn the_same_file_in_ber_holds_the_same() {
    let mut fields = Reader::new(cheap()).sequence("x").unwrap();
    fields.any("x").unwrap();
    let mut safe = ContentInfo::read(&mut fields).unwrap();
    let content = safe.content.octet_string("x").unwrap();
    let mut ber = [&[0x30, 0x80][..], &number(3), &[0x30, 0x80]].concat();
    ber.extend(Writer::encode(|w| w.oid(DATA)));
    ber.extend([0xa0, 0x80, 0x24, 0x80]);
    content
        .chunks(100)
        .for_each(|segment| ber.extend(octets(segment)));
    ber.extend([0; 6]);
    ber.extend(fields.rest());
    ber.extend([0; 2]);
    let (ber, der) = (
        open_with(&ber, Some(P)).unwrap(),
        open_with(cheap(), Some(P)).unwrap(),
    );
    assert_eq!(ber.integrity, Pkcs12Integrity::Mac);
    assert_eq!(ber.keys[0].value, der.keys[0].value);
    assert_eq!(ber.certificates[0].value, der.certificates[0].value);
}

#[test]
fn what_only_public_keys_open_is_refused_by_name() {
    let signed = sequence(&[&number(3), &info(SIGNED_DATA, &sequence(&[]))]);
    let refused = Error::Unsupported("PKCS#12 integrity by a signature");
    assert_eq!(open_with(&signed, Some(P)).unwrap_err(), refused);
    let enveloped = pfx(&[&info(ENVELOPED_DATA, &sequence(&[]))], &[]);
    let refused = Error::Unsupported("PKCS#12 privacy by a public key");
    assert_eq!(open_with(&enveloped, Some(P)).unwrap_err(), refused);
}

#[test]
fn bags_in_each_other_are_read_to_a_bounded_depth() {
    let nested = |depth: usize| {
        let mut contents = sequence(&[]);
        for _ in 1..depth {
            let value = Writer::encode(|w| {
                w.constructed(Tag::context_constructed(0), |w| w.raw(&contents));
            });
            contents = sequence(&[&sequence(&[&oid("1.2.840.113549.1.12.10.1.6"), &value])]);
        }
        open_with(&pfx(&[&info(DATA, &octets(&contents))], &[]), None)
    };
    assert!(nested(8).is_ok());
    let refused = Error::Unsupported("PKCS#12 bags nested so deep");
    assert_eq!(nested(9).unwrap_err(), refused);
    assert!(matches!(nested(200).unwrap_err(), Error::Malformed { .. }));
}

#[test]
fn a_bag_that_is_malformed_costs_no_other() {
    let bag = |kind: &str, value: &[u8]| {
        let value = Writer::encode(|w| {
            w.constructed(Tag::context_constructed(0), |w| w.raw(value));
        });
        sequence(&[&oid(kind), &value])
    };
    let crl = Writer::encode(|w| {
        w.constructed(Tag::context_constructed(0), |w| w.octet_string(&[7]));
    });
    let crl = sequence(&[&oid("1.2.840.113549.1.9.23.1"), &crl]);
    let contents = sequence(&[
        &bag("1.2.840.113549.1.12.10.1.3", &sequence(&[])),
        &bag("1.2.840.113549.1.12.10.1.5", &[]),
        &bag("1.2.840.113549.1.12.10.1.4", &crl),
    ]);
    let opened = open_with(&pfx(&[&info(DATA, &octets(&contents))], &[]), None).unwrap();
    assert_eq!(opened.passed_over, 2);
    assert_eq!(opened.crls[0].value, [7]);
}

/// A file with these ContentInfos and the MAC that is right for them and [`P`].
fn authentic(infos: &[&[u8]]) -> Vec<u8> {
    let safe = sequence(infos);
    let encoded = Passphrase::new(Some(&Secret::from(P)));
    let key = mac::mac_key(Prf::Sha256, &encoded.bmp()[0], &[1; 8], 1);
    let algorithm = sequence(&[&Writer::encode(|w| w.oid(oid::SHA256))]);
    let digest = hmac(Prf::Sha256, key.expose(), &safe);
    let digest = sequence(&[&algorithm, &octets(digest.expose())]);
    let mac = sequence(&[&digest, &octets(&[1; 8]), &number(1)]);
    pfx(infos, &mac)
}

/// A certificate bag whose certificate is one byte.
fn certificate(byte: u8) -> Vec<u8> {
    let explicit = |content: &[u8]| {
        Writer::encode(|w| w.constructed(Tag::context_constructed(0), |w| w.raw(content)))
    };
    let value = sequence(&[&oid("1.2.840.113549.1.9.22.1"), &explicit(&octets(&[byte]))]);
    sequence(&[&oid("1.2.840.113549.1.12.10.1.3"), &explicit(&value)])
}

/// Every way in which a part of a file can be bad, with its error.
fn bad_parts() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let data = |bags: &[&[u8]]| info(DATA, &octets(&sequence(bags)));
    let explicit = |content: &[u8]| {
        Writer::encode(|w| w.constructed(Tag::context_constructed(0), |w| w.raw(content)))
    };
    let shrouded = |scheme: &[u8], encrypted: &[u8]| {
        let key = sequence(&[scheme, &octets(encrypted)]);
        data(&[&sequence(&[
            &oid("1.2.840.113549.1.12.10.1.2"),
            &explicit(&key),
        ])])
    };
    let one = pbes2(&pbkdf2(&[1], &number(1), &[]), &[0; 16]);
    let dear = pbes2(&pbkdf2(&[1], &number(10_000_001), &[]), &[0; 16]);
    let rc4 = sequence(&[&oid("1.2.840.113549.1.12.1.1")]);
    vec![
        (
            "key altered",
            shrouded(&one, &[0; 16]),
            "crypto.wrong_passphrase",
        ),
        (
            "key cut",
            shrouded(&one, &[0; 15]),
            "crypto.wrong_passphrase",
        ),
        (
            "key of unknown cipher",
            shrouded(&rc4, &[0; 16]),
            "crypto.unknown_algorithm",
        ),
        (
            "key too dear",
            shrouded(&dear, &[0; 16]),
            "crypto.unsupported",
        ),
        (
            "bag without value",
            data(&[&sequence(&[&oid("1.2.3")])]),
            "crypto.malformed",
        ),
        ("no bag", data(&[&number(1)]), "crypto.malformed"),
        ("no contents", info(DATA, &number(1)), "crypto.malformed"),
        ("bags altered", encrypted(&one), "crypto.wrong_passphrase"),
        (
            "bags of unknown cipher",
            encrypted(&rc4),
            "crypto.unknown_algorithm",
        ),
        ("bags too dear", encrypted(&dear), "crypto.unsupported"),
        ("no ContentInfo", number(1), "crypto.malformed"),
        (
            "enveloped",
            info(ENVELOPED_DATA, &sequence(&[])),
            "crypto.unsupported",
        ),
    ]
}

#[test]
fn a_part_that_cannot_be_read_costs_no_other_where_the_mac_is_right() {
    let good = |byte| info(DATA, &octets(&sequence(&[&certificate(byte)])));
    for (name, bad, code) in bad_parts() {
        let file = authentic(&[&good(1), &bad, &good(2), &bad]);
        let opened = open_with(&file, Some(P)).unwrap();
        let codes: Vec<_> = opened.refused.iter().map(Error::code).collect();
        assert_eq!(codes, [code; 2], "{name}");
        let found: Vec<_> = opened.certificates.iter().map(|it| &it.value[..]).collect();
        assert_eq!(found, [[1], [2]], "{name}");
        assert!(opened.keys.is_empty(), "{name}");
        let alone = open_with(&authentic(&[&bad]), Some(P)).unwrap_err();
        assert_eq!(alone.code(), code, "{name}: nothing to deliver");
    }
    // In one list of bags too.
    let bags = sequence(&[&certificate(1), &number(1), &certificate(2)]);
    let opened = open_with(&authentic(&[&info(DATA, &octets(&bags))]), Some(P)).unwrap();
    assert_eq!((opened.certificates.len(), opened.refused.len()), (2, 1));
}

#[test]
fn without_a_right_mac_one_part_that_cannot_be_read_is_the_end() {
    let good = info(DATA, &octets(&sequence(&[&certificate(1)])));
    for (name, bad, code) in bad_parts() {
        for infos in [[&good[..], &bad], [&bad[..], &good]] {
            let refused = open_with(&pfx(&infos, &[]), Some(P)).unwrap_err();
            assert_eq!(refused.code(), code, "{name}, no MAC");
            let wrong = pfx(&infos, &mac(1, &[1; 8]));
            let refused = open_with(&wrong, Some(P)).unwrap_err();
            assert_eq!(refused, Error::WrongPassphrase, "{name}, wrong MAC");
            let right = authentic(&infos);
            for other in [Some(&b"123"[..]), Some(b"")] {
                let refused = open_with(&right, other).unwrap_err();
                assert_eq!(refused, Error::WrongPassphrase, "{name}, wrong passphrase");
            }
            let refused = open_with(&right, None).unwrap_err();
            assert_eq!(refused, Error::PassphraseNeeded, "{name}, no passphrase");
        }
    }
}
