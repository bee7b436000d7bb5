//! PKCS#12 containers in an import: certificates and keys together.

use smime_crypto::{
    CryptoProvider as _, Oid, Pkcs12Builder, PublicKey, RustCrypto, Secret,
    asn1::{Tag, Writer},
    read_private_key, sha256,
};
use smime_store::{
    ImportEvent, ImportOptions, ImportOutcome, ItemKind, KeyImport, Memory, Store, items,
    public_key_id,
};
use smime_testkit::SeededRandom;
use smime_x509::Certificate;

use crate::{
    items::pem,
    making::{NOW, authority, person, person_with_key, sign},
    on_every_store,
};

const ALICE: &[u8] = include_bytes!("../../../../testdata/keys/p256-a.pem");
const BOB: &[u8] = include_bytes!("../../../../testdata/keys/p256-b.pem");

fn passphrase() -> Secret {
    Secret::from(&b"correct horse"[..])
}

fn key(file: &[u8]) -> (Secret, PublicKey) {
    let pkcs8 = read_private_key(file, None).unwrap();
    let key = RustCrypto.load_private_key(&pkcs8).unwrap();
    (pkcs8, key.public_key().clone())
}

/// A container of a person's key and certificate, and of these authorities.
fn container(
    number: u32,
    email: &str,
    file: &[u8],
    authorities: &[Certificate],
) -> (Vec<u8>, Certificate) {
    let (pkcs8, public_key) = key(file);
    let certificate = sign(person_with_key(number, email, &public_key));
    let mut builder = Pkcs12Builder::new(&pkcs8, certificate.der()).friendly_name(email);
    for authority in authorities {
        builder = builder.authority(authority.der());
    }
    let random = SeededRandom::new(number.into());
    (builder.finish(&passphrase(), &random).unwrap(), certificate)
}

/// Imports with this passphrase, or without any.
fn import(store: &dyn Store, file: &[u8], passphrase: Option<&Secret>) -> Vec<ImportOutcome> {
    let random = SeededRandom::new(7);
    let options = ImportOptions {
        keys: passphrase.map(|passphrase| KeyImport {
            passphrase: Some(passphrase),
            provider: &RustCrypto,
            random: &random,
        }),
        ..ImportOptions::new(NOW)
    };
    let mut outcomes = Vec::new();
    smime_store::import(store, file, &options, &mut |event| {
        if let ImportEvent::Outcome(outcome) = event {
            outcomes.push(outcome);
        }
    })
    .unwrap();
    outcomes
}

/// Returns position, kind and code of every outcome.
fn seen(outcomes: &[ImportOutcome]) -> Vec<(usize, ItemKind, &'static str)> {
    let one = |one: &ImportOutcome| (usize::try_from(one.position).unwrap(), one.kind, one.code);
    outcomes.iter().map(one).collect()
}

const CERTIFICATE: ItemKind = ItemKind::Certificate;
const ADDED: &str = "import.added";

#[test]
fn a_container_brings_a_key_its_certificate_and_the_chain() {
    on_every_store(|place| {
        let chain = [1, 2, 3].map(|number| sign(authority(number, &format!("CA {number}"))));
        let (file, alice) = container(9, "alice@example.com", ALICE, &chain);
        let outcomes = import(place.store(), &file, Some(&passphrase()));
        let mut wanted = vec![(0, CERTIFICATE, ADDED); 4];
        wanted.push((0, ItemKind::Key, ADDED));
        assert_eq!(seen(&outcomes), wanted);
        place.reopen();
        assert_eq!(place.store().certificates().unwrap().len(), 4);
        let stored = place.store().certificate(&alice.fingerprint()).unwrap();
        assert!(stored.unwrap().has_key);
        for authority in &chain {
            let stored = place.store().certificate(&authority.fingerprint()).unwrap();
            assert!(!stored.unwrap().has_key);
        }
        let (pkcs8, public_key) = key(ALICE);
        let at_rest = place.store().key(&public_key_id(&public_key)).unwrap();
        assert_eq!(at_rest.unwrap().open(Some(&passphrase())).unwrap(), pkcs8);
        let entry = place.store().activities().unwrap().remove(0).activity;
        assert_eq!(entry.code, "import.done");
        assert!(entry.input_digest.is_none(), "there is a key in the file");
    });
}

#[test]
fn a_container_of_another_passphrase_or_none_brings_nothing() {
    on_every_store(|place| {
        let root = sign(authority(1, "CA"));
        let (file, _) = container(9, "alice@example.com", ALICE, &[root]);
        let good = sign(person(3, "carol@example.com"));
        let file = [file, good.der().to_vec()].concat();
        let wrong = Secret::from(&b"battery staple"[..]);
        for (passphrase, code) in [
            (Some(&wrong), "crypto.wrong_passphrase"),
            (None, "crypto.passphrase_needed"),
        ] {
            let outcomes = import(place.store(), &file, passphrase);
            assert_eq!(outcomes[0].code, code);
            assert_eq!(outcomes[1].kind, CERTIFICATE);
            assert_eq!(
                outcomes.len(),
                2,
                "one for the container, and its neighbour"
            );
            assert_eq!(place.store().certificates().unwrap().len(), 1);
            let id = public_key_id(&key(ALICE).1);
            assert!(!place.store().has_key(&id).unwrap());
        }
    });
}

#[test]
fn containers_are_opened_wherever_they_stand_in_a_file() {
    on_every_store(|place| {
        let carol = sign(person(3, "carol@example.com"));
        let (first, alice) = container(1, "alice@example.com", ALICE, &[]);
        let (second, bob) = container(2, "bob@example.com", BOB, &[]);
        let armoured = pem("PKCS12", &second);
        let file = [carol.der(), &first, b"\n", armoured.as_bytes()].concat();
        let (at, then) = (carol.der().len(), carol.der().len() + first.len() + 1);
        let outcomes = import(place.store(), &file, Some(&passphrase()));
        let wanted = [
            (0, CERTIFICATE, ADDED),
            (at, CERTIFICATE, ADDED),
            (then, CERTIFICATE, ADDED),
            (at, ItemKind::Key, ADDED),
            (then, ItemKind::Key, ADDED),
        ];
        assert_eq!(seen(&outcomes), wanted);
        for certificate in [alice, bob] {
            let stored = place
                .store()
                .certificate(&certificate.fingerprint())
                .unwrap();
            assert!(stored.unwrap().has_key);
        }
        // The same as a certificate, which some tools call everything.
        let again = pem("CERTIFICATE", &first);
        let outcomes = import(place.store(), again.as_bytes(), Some(&passphrase()));
        let wanted = [
            (0, CERTIFICATE, "import.fingerprint_taken"),
            (0, ItemKind::Key, "import.key_taken"),
        ];
        assert_eq!(seen(&outcomes), wanted);
    });
}

fn explicit(content: &[u8]) -> Vec<u8> {
    Writer::encode(|w| w.constructed(Tag::context_constructed(0), |w| w.raw(content)))
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    Writer::encode(|w| w.element(Tag::SEQUENCE, &parts.concat()))
}

fn octets(content: &[u8]) -> Vec<u8> {
    Writer::encode(|w| w.octet_string(content))
}

fn oid(dotted: &'static str) -> Vec<u8> {
    Writer::encode(|w| w.oid(Oid::new(dotted)))
}

fn number(number: u64) -> Vec<u8> {
    Writer::encode(|w| w.unsigned(&number.to_be_bytes()))
}

/// A container of bags, with a MAC of SHA-256 that is said to take so many iterations.
fn container_of(bags: &[&[u8]], mac: impl Fn(&[u8]) -> [u8; 32], iterations: u64) -> Vec<u8> {
    let data = |content: &[u8]| {
        let content = octets(content);
        sequence(&[&oid("1.2.840.113549.1.7.1"), &explicit(&content)])
    };
    let safe = sequence(&[&data(&sequence(bags))]);
    let algorithm = sequence(&[&oid("2.16.840.1.101.3.4.2.1")]);
    let digest = sequence(&[&algorithm, &octets(&mac(&safe))]);
    let mac = sequence(&[&digest, &octets(&[1; 8]), &number(iterations)]);
    sequence(&[&number(3), &data(&safe), &mac])
}

/// HMAC-SHA-256 (RFC 2104) under the key that one iteration gives (RFC 7292 appendix B.2) of
/// [`passphrase`] and a salt of ones.
fn right_mac(message: &[u8]) -> [u8; 32] {
    let text = String::from_utf8(passphrase().expose().to_vec()).unwrap();
    let units = text.encode_utf16().chain([0]).flat_map(u16::to_be_bytes);
    let encoded: Vec<u8> = units.collect();
    let filled: Vec<u8> = encoded.iter().copied().cycle().take(64).collect();
    let derived = sha256(&[&[3; 64][..], &[1; 64], &filled]);
    let padded = |with: u8| -> Vec<u8> {
        let bytes = derived.iter().chain(&[0; 32]);
        bytes.map(|byte| byte ^ with).collect()
    };
    let inner = sha256(&[&padded(0x36), message]);
    sha256(&[&padded(0x5c)[..], &inner])
}

#[test]
fn one_bag_that_cannot_be_read_is_one_refused_item() {
    let carol = sign(person(3, "carol@example.com"));
    let bag = |kind, value: &[u8]| sequence(&[&oid(kind), &explicit(value)]);
    let certificate = explicit(&octets(carol.der()));
    let certificate = sequence(&[&oid("1.2.840.113549.1.9.22.1"), &certificate]);
    let certificate = bag("1.2.840.113549.1.12.10.1.3", &certificate);
    let salt = sequence(&[&octets(&[1; 8]), &number(1)]);
    let scheme = sequence(&[&oid("1.2.840.113549.1.12.1.3"), &salt]);
    let key = sequence(&[&scheme, &octets(&[0; 16])]);
    let key = bag("1.2.840.113549.1.12.10.1.2", &key);
    let bags = [&key[..], &certificate, &number(1)];
    let outcomes = import(
        &Memory::new(),
        &container_of(&bags, right_mac, 1),
        Some(&passphrase()),
    );
    let wanted = [
        (0, CERTIFICATE, ADDED),
        (0, ItemKind::Other, "crypto.wrong_passphrase"),
        (0, ItemKind::Other, "import.malformed"),
    ];
    assert_eq!(seen(&outcomes), wanted);
    let wrong_mac = container_of(&bags, |_| [0; 32], 1);
    let outcomes = import(&Memory::new(), &wrong_mac, Some(&passphrase()));
    assert_eq!(
        seen(&outcomes),
        [(0, ItemKind::Other, "crypto.wrong_passphrase")]
    );
}

#[test]
fn attack_class_28_all_containers_of_a_file_cost_as_much_as_one_may() {
    // Two encodings of no passphrase are tried: each file alone takes half of what is permitted.
    let dear = container_of(&[], |_| [0; 32], 2_500_000);
    let file = dear.repeat(4);
    let wanted = [
        "crypto.passphrase_needed",
        "crypto.passphrase_needed",
        "crypto.unsupported",
        "crypto.unsupported",
    ];
    let outcomes = import(&Memory::new(), &file, None);
    let codes: Vec<_> = outcomes.iter().map(|outcome| outcome.code).collect();
    assert_eq!(codes, wanted);
    let items = items(&file);
    let codes: Vec<_> = items
        .iter()
        .map(|item| item.content.as_ref().unwrap_err().code())
        .collect();
    assert_eq!(codes, wanted);
}

#[test]
fn attack_class_28_all_keys_of_a_file_cost_as_much_as_one_may() {
    let dear = |iterations| {
        let salt = sequence(&[&octets(&[1; 8]), &number(iterations)]);
        let scheme = sequence(&[&oid("1.2.840.113549.1.5.10"), &salt]);
        pem(
            "ENCRYPTED PRIVATE KEY",
            &sequence(&[&scheme, &octets(&[0; 16])]),
        )
    };
    let file = [dear(6_000_000), dear(6_000_000), dear(1)].concat();
    let outcomes = import(&Memory::new(), file.as_bytes(), Some(&passphrase()));
    let codes: Vec<_> = outcomes.iter().map(|outcome| outcome.code).collect();
    let wrong = "crypto.wrong_passphrase";
    assert_eq!(codes, [wrong, "crypto.unsupported", wrong]);
}
