//! What there is to read whatever a signature is worth, and the mail as it came beside it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is wrong about its own input must fail"
)]

mod common;

use std::io::Write as _;

use common::{
    ALICE, BOB, SECRET, World, cms_of, draft, entity, expected_entity, mail_around, mail_of_both,
    node, nodes, root, small_mail,
};
use smime::{
    Cause, Clock, Draft, Engine, Keeping, Keyring, Mode, Policy, Unauthenticated, Verdict,
    cms::{Encryptor, Recipient},
    crypto::{ContentCipher, UnixTime, fastest},
    mime::SmimeType,
    store::{Memory, Store as _, Trust},
};
use smime_testkit::{DAY, NOW, SeededRandom, TestKey};

/// A signed mail, and what becomes of it before or when it is judged.
struct Case {
    verdict: &'static str,
    mail: Vec<u8>,
    trusts: bool,
    at: UnixTime,
    /// Whether it can be told that the content is what was signed, by whomever.
    is_vouched: bool,
}

fn cases(world: &World) -> Vec<Case> {
    let signed = world.seal(&Draft {
        sign: Some(Mode::Always),
        ..draft(&small_mail())
    });
    let (content, cms) = (expected_entity(&small_mail()), cms_of(&signed));
    let change = |at: usize, to: &[u8]| {
        let mut cms = cms.clone();
        cms[at..at + to.len()].copy_from_slice(to);
        mail_of_both(&content, &cms)
    };
    let nodes = nodes(&cms);
    let serial = node(&nodes, &[1, 0, 4, 0, 1, 1]).content;
    let digest = node(&nodes, &[1, 0, 4, 0, 2, 0]).content;
    let altered = String::from_utf8(signed.clone()).unwrap();
    let altered = altered.replace("Linde", "Eiche").into_bytes();
    let other = String::from_utf8(signed.clone()).unwrap();
    let other = other.replace(&format!("From: {ALICE}"), &format!("From: {BOB}"));
    let late = UnixTime(world.alice.certificate.not_after().0 + DAY);
    let case = |verdict, mail: &[u8], trusts, at, is_vouched| Case {
        verdict,
        mail: mail.to_vec(),
        trusts,
        at,
        is_vouched,
    };
    vec![
        case("good", &signed, true, NOW, true),
        case("untrusted", &signed, false, NOW, true),
        case("untrusted", &signed, true, late, true),
        case("wrong_sender", other.as_bytes(), true, NOW, true),
        case("bad_signature", &altered, true, NOW, false),
        case(
            "no_certificate",
            &change(serial.end - 1, &[0]),
            true,
            NOW,
            false,
        ),
        case(
            "refused",
            &change(digest.end - 1, &[0x7f]),
            true,
            NOW,
            false,
        ),
    ]
}

/// What a case holds: the altered one is altered.
fn content(case: &Case) -> Vec<u8> {
    let content = String::from_utf8(expected_entity(&small_mail())).unwrap();
    match case.verdict {
        "bad_signature" => content.replace("Linde", "Eiche").into_bytes(),
        _ => content.into_bytes(),
    }
}

/// The mail inside encryption to Bob.
fn inside(world: &World, mail: &[u8], cipher: ContentCipher) -> Vec<u8> {
    let random = SeededRandom::new(4);
    let bob = Recipient::without_chain(world.bob.certificate.clone());
    let encryptor = Encryptor::to([bob], cipher, fastest(), &random).unwrap();
    let mut envelope = encryptor.wrap(Vec::new()).unwrap();
    envelope.write_all(&expected_entity(mail)).unwrap();
    let cms = envelope.finish().unwrap();
    let kind = match cipher.is_authenticated() {
        true => SmimeType::AuthEnvelopedData,
        false => SmimeType::EnvelopedData,
    };
    let from = mail
        .split(|byte| *byte == b'\n')
        .find(|line| line.starts_with(b"From: "));
    let around = String::from_utf8(mail_around(&cms, kind)).unwrap();
    let from = String::from_utf8(from.unwrap().to_vec()).unwrap();
    around
        .replacen(&format!("From: {ALICE}"), from.trim_end(), 1)
        .into_bytes()
}

/// Judges as Bob, or as somebody like him who trusts nobody.
fn judged<T>(world: &World, case: &Case, judge: impl FnOnce(&Engine<'_>, &Memory) -> T) -> T {
    let (store, keys, random) = (Memory::new(), Keyring::default(), SeededRandom::new(5));
    let known = [world.bob.certificate.clone(), root().certificate().clone()];
    store.add_certificates(&known, NOW).unwrap();
    if case.trusts {
        store
            .set_trust(&known[1].fingerprint(), Trust::Anchor)
            .unwrap();
    }
    keys.add(fastest().load_private_key(&world.bob.key).unwrap());
    let mut engine = common::engine(fastest(), &store, &keys, &random);
    engine.clock = Clock::Fixed(case.at);
    judge(&engine, &store)
}

fn name(verdict: Verdict) -> &'static str {
    verdict.name()
}

#[test]
fn signed_content_is_there_whatever_the_verdict_in_the_clear_and_in_authenticated_encryption() {
    let world = World::new(TestKey::P256A, TestKey::P256B, fastest());
    for case in cases(&world) {
        let gcm = inside(&world, &case.mail, ContentCipher::Aes256Gcm);
        for mail in [&case.mail, &gcm] {
            judged(&world, &case, |engine, _| {
                let message = engine.open(&mail[..]).unwrap();
                assert_eq!(name(message.signature()), case.verdict);
                assert_eq!(entity(&message), content(&case), "{}", case.verdict);
            });
        }
    }
}

#[test]
fn in_encryption_that_authenticates_nothing_it_is_there_unless_the_signature_may_show_alteration() {
    let world = World::new(TestKey::P256A, TestKey::P256B, fastest());
    for case in cases(&world) {
        let cbc = inside(&world, &case.mail, ContentCipher::Aes256Cbc);
        judged(&world, &case, |engine, _| match engine.open(&cbc[..]) {
            Ok(message) => {
                assert!(case.is_vouched, "{}", case.verdict);
                assert_eq!(name(message.signature()), case.verdict);
                assert_eq!(entity(&message), content(&case));
            }
            Err(error) => {
                assert!(!case.is_vouched, "{}", case.verdict);
                assert!(matches!(error.cause, Cause::DecryptFailed));
                assert!(!format!("{error:?}").contains(SECRET));
            }
        });
    }
    let withholds = Policy::strict().messages.unauthenticated;
    assert_eq!(withholds, Unauthenticated::Withhold, "strict asks for more");
}

#[test]
fn the_mail_as_it_came_is_whole_with_its_signature_and_is_kept_until_it_is_good() {
    let world = World::new(TestKey::P256A, TestKey::P256B, fastest());
    for case in cases(&world) {
        judged(&world, &case, |engine, store| {
            let received = engine.receive(&case.mail[..], &Keeping::STANDARD).unwrap();
            let message = received.opened.unwrap();
            let whole = message
                .mail()
                .source()
                .read_to_vec("mail", 1 << 20)
                .unwrap();
            assert_eq!(whole, case.mail, "{}", case.verdict);
            // Nothing is cut out of what was signed, and the part beside it is no part of it.
            assert_eq!(entity(&message), content(&case));
            let kept = received
                .kept
                .ok()
                .map(|id| store.kept(id).unwrap().unwrap().message);
            let expected = (case.verdict != "good").then(|| case.mail.clone());
            // What no certificate and no trust can mend is not kept.
            if !matches!(case.verdict, "bad_signature" | "refused" | "wrong_sender") {
                assert_eq!(kept.map(|it| it.to_vec()), expected, "{}", case.verdict);
            }
        });
    }
}
