//! What good mail teaches of certificates and capabilities, and what nothing else does.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is wrong about its own input must fail"
)]

mod common;
#[allow(dead_code, reason = "shared with the tests of the crate below")]
#[path = "../../smime-cms/tests/support/forge.rs"]
mod forge;

use common::{
    ALICE, BOB, address, authority, draft, engine, mail_around, mail_of_both, root, small_mail,
};
use forge::{DATA, Forger, attribute, signed_data};
use smime::{
    Clock, Draft, Engine, Fate, Keyring, Learned, Learning, Mode, Policy, Verdict,
    cms::{Capabilities, ClaimedTime},
    crypto::{
        ContentCipher, Oid, UnixTime,
        asn1::{Tag, Writer},
        fastest,
    },
    mime::SmimeType,
    store::{Embedded, KeysOfDeleted, Memory, Operation, Outcome, Recorded, Store, Trust},
    x509::{Certificate, Name, NameAttribute, SubjectAddress},
};
use smime_testkit::{Authority, DAY, Identity, NOW, Profile, SeededRandom, TestKey, Uses};

const CONTENT: &[u8] = b"Content-Type: text/plain\r\n\r\nMeet me at noon.\r\n";
const CAPABILITIES: Oid = Oid::new("1.2.840.113549.1.9.15");
const PREFERENCE: Oid = Oid::new("1.2.840.113549.1.9.16.2.11");

/// Somebody who receives: their store, which trusts the root and holds no person.
struct Desk<'a> {
    store: &'a dyn Store,
    keys: Keyring,
    random: SeededRandom,
}

fn on_every_store(test: impl Fn(&Desk<'_>)) {
    let folder = tempfile::tempdir().unwrap();
    let file = Embedded::open(&folder.path().join("store")).unwrap();
    let stores: [Box<dyn Store>; 2] = [Box::new(Memory::new()), Box::new(file)];
    for store in &stores {
        let root = root().certificate();
        store
            .add_certificates(std::slice::from_ref(root), NOW)
            .unwrap();
        store.set_trust(&root.fingerprint(), Trust::Anchor).unwrap();
        test(&Desk {
            store: &**store,
            keys: Keyring::default(),
            random: SeededRandom::new(5),
        });
    }
}

impl Desk<'_> {
    fn engine(&self) -> Engine<'_> {
        engine(fastest(), self.store, &self.keys, &self.random)
    }

    fn learn(&self, mail: &[u8], learning: Learning) -> Vec<Learned> {
        self.learn_at(mail, learning, NOW)
    }

    fn learn_at(&self, mail: &[u8], learning: Learning, at: UnixTime) -> Vec<Learned> {
        let engine = Engine {
            clock: Clock::Fixed(at),
            ..self.engine()
        };
        let message = engine.open(mail).unwrap();
        engine.learn(&message, learning).unwrap()
    }

    fn holds(&self, certificate: &Certificate) -> bool {
        let found = self.store.certificate(&certificate.fingerprint());
        found.unwrap().is_some()
    }

    /// What the log tells of learning.
    fn log(&self) -> Vec<Recorded> {
        let mut log = self.store.activities().unwrap();
        log.retain(|it| it.activity.operation == Operation::Learn);
        log
    }

    fn codes(&self) -> Vec<String> {
        self.log().into_iter().map(|it| it.activity.code).collect()
    }

    #[track_caller]
    fn assert_nothing_learned(&self) {
        assert_eq!(self.store.certificates().unwrap().len(), 1);
        assert!(self.store.quarantined().unwrap().is_empty());
        assert!(self.store.peers().unwrap().is_empty());
        assert!(self.log().is_empty());
    }

    /// The cipher of a mail to Alice.
    fn cipher(&self, policy: Policy) -> Option<ContentCipher> {
        let draft = Draft {
            to: vec![address(ALICE)],
            encrypt: Some(Mode::Always),
            ..draft(&small_mail())
        };
        let engine = Engine {
            policy: common::with_clean_lists(policy),
            ..self.engine()
        };
        engine.seal(&draft, Vec::new()).unwrap().cipher
    }
}

fn alice() -> Identity {
    authority().person(ALICE, Profile::of(TestKey::P256A))
}

/// Alice's certificate for encryption alone.
fn alice_encrypts() -> Identity {
    authority().person(ALICE, Profile::of(TestKey::P256B).uses(Uses::Encrypt))
}

fn honest(signer: &Identity) -> Forger {
    Forger::honest(signer, CONTENT)
}

/// A mail from Alice around what `forger` signs, with these certificates and the authority's.
fn mail(forger: &Forger, certificates: &[&Certificate]) -> Vec<u8> {
    let certificates = [certificates, &[authority().certificate()]].concat();
    let info = forger.sign(CONTENT);
    let der = signed_data(DATA, Some(CONTENT), &certificates, &[info]);
    mail_around(&der, SmimeType::SignedData)
}

fn mail_by(signer: &Identity) -> Vec<u8> {
    mail(&honest(signer), &[&signer.certificate])
}

/// A mail from Alice around an entity that somebody signs.
fn signed_around(signer: &Identity, entity: &[u8]) -> Vec<u8> {
    let info = Forger::honest(signer, entity).sign(entity);
    let certificates = [&signer.certificate, authority().certificate()];
    let der = signed_data(DATA, Some(entity), &certificates, &[info]);
    mail_around(&der, SmimeType::SignedData)
}

/// What of a mail can stand inside a signature.
fn entity_of(mail: &[u8]) -> Vec<u8> {
    let text = str::from_utf8(mail).unwrap();
    let (_, entity) = text.split_once("MIME-Version: 1.0\r\n").unwrap();
    entity.as_bytes().to_vec()
}

/// A mail by Alice that names the certificate she wants to be encrypted to, and brings it.
fn preferring(preferred: &Certificate) -> Vec<u8> {
    let named = named(preferred);
    let forger = honest(&alice()).also(PREFERENCE, |w| w.raw(&named));
    mail(&forger, &[&alice().certificate, preferred])
}

fn named(preferred: &Certificate) -> Vec<u8> {
    let named = Writer::encode(|w| {
        w.raw(preferred.issuer().der());
        w.element(Tag::INTEGER, preferred.serial());
    });
    Writer::encode(|w| w.element(Tag::context_constructed(0), &named))
}

/// A mail by Alice that says what she can read, signed when she says.
fn announcing(ciphers: &[ContentCipher], signed: Option<UnixTime>) -> Vec<u8> {
    let capabilities = Capabilities::new(ciphers.iter().copied(), []).to_der();
    let mut forger = honest(&alice());
    let time = Writer::encode(|w| w.oid(forge::SIGNING_TIME));
    let attributes = forger.attributes.as_mut().unwrap();
    attributes.retain(|it| !it.windows(time.len()).any(|window| window == time));
    if let Some(signed) = signed {
        let value = Writer::encode(|w| w.time(signed));
        attributes.push(attribute(forge::SIGNING_TIME, &[value]));
    }
    let forger = forger.also(CAPABILITIES, |w| w.raw(&capabilities));
    mail(&forger, &[&alice().certificate])
}

const GCM: ContentCipher = ContentCipher::Aes256Gcm;
const CBC: ContentCipher = ContentCipher::Aes256Cbc;

#[test]
fn mail_teaches_nothing_unless_that_is_asked_for() {
    on_every_store(|desk| {
        assert_eq!(Learning::default(), Learning::Off);
        assert!(desk.learn(&mail_by(&alice()), Learning::Off).is_empty());
        desk.assert_nothing_learned();
    });
}

#[test]
fn mail_that_is_not_good_teaches_nothing() {
    let stranger = Authority::root("Stranger", TestKey::P384A);
    let altered = {
        let info = honest(&alice()).sign(CONTENT);
        let (other, certificates) = ([CONTENT, b"!"].concat(), [&alice().certificate]);
        let der = signed_data(DATA, Some(&other), &certificates, &[info]);
        mail_around(&der, SmimeType::SignedData)
    };
    let two_signers = {
        let bob = authority().person(BOB, Profile::of(TestKey::P256B));
        let infos = [&alice(), &bob].map(|it| honest(it).sign(CONTENT));
        let certificates = [&alice().certificate, &bob.certificate];
        let der = signed_data(DATA, Some(CONTENT), &certificates, &infos);
        mail_around(&der, SmimeType::SignedData)
    };
    let bob = authority().person(BOB, Profile::of(TestKey::P256B));
    let around = signed_around(&bob, &entity_of(&mail_by(&alice())));
    let beside_encryption = {
        let world = common::World::new(TestKey::P256A, TestKey::P256B, fastest());
        let encrypted = Draft {
            encrypt: Some(Mode::Always),
            ..draft(&small_mail())
        };
        let part = String::from_utf8(entity_of(&world.seal(&encrypted))).unwrap();
        let content = format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{part}\r\n--b\r\n\
             Content-Type: text/plain\r\n\r\nx\r\n--b--\r\n"
        );
        signed_around(&alice(), content.as_bytes())
    };
    let as_part = {
        let part = String::from_utf8(entity_of(&mail_by(&alice()))).unwrap();
        format!(
            "From: {ALICE}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; \
             boundary=b\r\n\r\n--b\r\n{part}\r\n--b\r\nContent-Type: text/plain\r\n\r\n\
             x\r\n--b--\r\n"
        )
    };
    let twice_from = [b"From: b@example.com\r\n", &*mail_by(&alice())].concat();
    for (mail, name) in [
        (small_mail(), "not signed"),
        (altered, "altered"),
        (
            mail_by(&authority().person(ALICE, Profile::of(TestKey::P256A).expired())),
            "expired",
        ),
        (
            mail_by(&authority().person(ALICE, Profile::of(TestKey::P256A).not_yet_valid())),
            "not yet valid",
        ),
        (
            mail_by(&authority().person(BOB, Profile::of(TestKey::P256A))),
            "signed by another than the sender",
        ),
        (
            mail_by(&stranger.person(ALICE, Profile::of(TestKey::P256A))),
            "by a stranger's authority",
        ),
        (
            mail_by(&alice_encrypts()),
            "by a certificate that may not sign",
        ),
        (two_signers, "one signer of two is the sender"),
        (as_part.into_bytes(), "a part is signed"),
        (around, "another has signed around it"),
        (beside_encryption, "a part of it is encrypted"),
        (twice_from, "two From fields"),
    ] {
        on_every_store(|desk| {
            let engine = desk.engine();
            let message = engine.open(&*mail).unwrap();
            for learning in [Learning::Quarantine, Learning::Accept] {
                let learned = engine.learn(&message, learning).unwrap();
                assert!(learned.is_empty(), "{name}");
            }
            desk.assert_nothing_learned();
        });
    }
}

#[test]
fn who_signs_around_ciphertext_teaches_nothing() {
    let world = common::World::new(TestKey::P256A, TestKey::P256B, fastest());
    let encrypted = Draft {
        encrypt: Some(Mode::Always),
        ..draft(&small_mail())
    };
    let signed = |mail: &[u8]| {
        world.seal(&Draft {
            sign: Some(Mode::Always),
            ..draft(mail)
        })
    };
    let both = Draft {
        sign: Some(Mode::Always),
        ..encrypted.clone()
    };
    let other = authority().person(ALICE, Profile::of(TestKey::P384B));
    let receiver = world.receiver(Policy::standard());
    for (mail, count) in [
        (signed(&world.seal(&encrypted)), 0),
        (signed(&signed(&world.seal(&encrypted))), 0),
        (signed_around(&other, &entity_of(&world.seal(&both))), 1),
    ] {
        let message = receiver.open(&*mail).unwrap();
        let learned = receiver.learn(&message, Learning::Quarantine).unwrap();
        assert_eq!(learned.len(), count);
        let alice = &world.alice.certificate;
        assert!(learned.iter().all(|it| it.certificate == *alice));
        let waiting = receiver.store.quarantined().unwrap();
        assert_eq!(waiting.len(), count);
    }
}

#[test]
fn who_signed_good_mail_waits_until_they_are_accepted() {
    on_every_store(|desk| {
        let alice = alice().certificate;
        let learned = desk.learn(&announcing(&[GCM], Some(NOW)), Learning::Quarantine);
        assert_eq!(learned.len(), 1);
        assert_eq!(learned[0].fate, Fate::Quarantined);
        assert_eq!(learned[0].certificate, alice);
        let waiting = desk.store.quarantined().unwrap();
        assert_eq!(waiting[0].certificate, alice);
        assert_eq!(waiting[0].issuers, [authority().certificate().clone()]);
        assert_eq!(waiting[0].address, address(ALICE));
        assert_eq!(waiting[0].received, NOW);
        assert!(waiting[0].differs_from.is_empty());
        assert_eq!(desk.store.certificates().unwrap().len(), 1);
        assert!(desk.store.peers().unwrap().is_empty());
        assert_eq!(desk.codes(), ["learn.quarantined"]);

        let fingerprint = alice.fingerprint();
        desk.engine().accept_quarantined(&fingerprint).unwrap();
        assert!(desk.holds(&alice) && desk.holds(authority().certificate()));
        assert!(desk.store.quarantined().unwrap().is_empty());
        assert_eq!(desk.codes(), ["learn.quarantined", "learn.accepted"]);
        // What was announced counts now, and the certificate can be encrypted to.
        assert_eq!(desk.cipher(Policy::standard()), Some(GCM));
        let again = desk.engine().accept_quarantined(&fingerprint).unwrap_err();
        assert_eq!(again.code(), "store.not_quarantined");
    });
}

#[test]
fn who_is_to_be_accepted_is_there_at_once_and_learned_once() {
    on_every_store(|desk| {
        let mail = mail_by(&alice());
        let learned = desk.learn(&mail, Learning::Accept);
        assert_eq!(learned[0].fate, Fate::Accepted);
        assert!(desk.holds(&alice().certificate));
        assert!(desk.store.quarantined().unwrap().is_empty());
        for learning in [Learning::Accept, Learning::Quarantine] {
            assert!(desk.learn(&mail, learning).is_empty());
        }
        assert!(desk.store.quarantined().unwrap().is_empty());
        assert_eq!(desk.codes(), ["learn.accepted"]);
        assert_eq!(desk.cipher(Policy::standard()), Some(CBC));
    });
}

#[test]
fn who_waits_already_is_told_and_not_logged_again() {
    on_every_store(|desk| {
        let mail = mail_by(&alice());
        desk.learn(&mail, Learning::Quarantine);
        let again = desk.learn(&mail, Learning::Quarantine);
        assert_eq!(again[0].fate, Fate::Waiting);
        assert_eq!(desk.codes(), ["learn.quarantined"]);
        let accepted = desk.learn(&mail, Learning::Accept);
        assert_eq!(accepted[0].fate, Fate::Accepted);
        assert!(desk.store.quarantined().unwrap().is_empty());
    });
}

#[test]
fn who_is_rejected_is_nowhere_and_stays_rejected() {
    on_every_store(|desk| {
        desk.learn(&announcing(&[GCM], Some(NOW)), Learning::Quarantine);
        let fingerprint = alice().certificate.fingerprint();
        desk.engine().reject_quarantined(&fingerprint).unwrap();
        assert!(desk.store.quarantined().unwrap().is_empty());
        assert!(!desk.holds(&alice().certificate));
        assert!(desk.store.peers().unwrap().is_empty());
        assert_eq!(desk.codes(), ["learn.quarantined", "learn.rejected"]);
        let again = desk.engine().reject_quarantined(&fingerprint).unwrap_err();
        assert_eq!(again.code(), "store.not_quarantined");
        for learning in [Learning::Quarantine, Learning::Accept] {
            let learned = desk.learn(&announcing(&[GCM], Some(NOW)), learning);
            assert_eq!(learned[0].fate, Fate::Rejected);
        }
        assert!(desk.store.quarantined().unwrap().is_empty());
        assert!(!desk.holds(&alice().certificate));
        assert!(desk.store.peers().unwrap().is_empty());
        assert_eq!(desk.codes(), ["learn.quarantined", "learn.rejected"]);
        // Another certificate of hers is another decision.
        let other = authority().person(ALICE, Profile::of(TestKey::P384A));
        let learned = desk.learn(&mail_by(&other), Learning::Accept);
        assert_eq!(learned[0].fate, Fate::Accepted);
    });
}

#[test]
fn the_certificate_that_a_signer_wants_to_be_encrypted_to_is_learned_with_theirs() {
    on_every_store(|desk| {
        let preferred = alice_encrypts().certificate;
        let learned = desk.learn(&preferring(&preferred), Learning::Accept);
        let fates: Vec<_> = learned.iter().map(|it| it.fate).collect();
        assert_eq!(fates, [Fate::Accepted, Fate::Accepted]);
        assert_eq!(learned[1].certificate, preferred);
        // One key for each use, in one mail, is no change of keys.
        assert!(learned.iter().all(|it| it.differs_from.is_empty()));
        assert!(desk.holds(&preferred));
    });
}

#[test]
fn a_certificate_is_the_senders_by_its_subject_only_where_the_policy_lets_it() {
    let profile = Profile::of(TestKey::P256B).uses(Uses::Encrypt);
    let preferred = authority().person_with(BOB, profile, |it| {
        it.subject(Name::from_attributes(&[(
            NameAttribute::EmailAddress,
            ALICE,
        )]))
    });
    let preferred = preferred.certificate;
    let mail = preferring(&preferred);
    for (subject_address, fates) in [
        (SubjectAddress::Counts, &[Fate::Accepted; 2][..]),
        (SubjectAddress::Ignored, &[Fate::Accepted]),
    ] {
        on_every_store(|desk| {
            let mut engine = desk.engine();
            engine.policy.certificates.subject_address = subject_address;
            let message = engine.open(&mail[..]).unwrap();
            let learned = engine.learn(&message, Learning::Accept).unwrap();
            let found: Vec<_> = learned.iter().map(|it| it.fate).collect();
            assert_eq!(found, fates, "{subject_address:?}");
            let counts = subject_address == SubjectAddress::Counts;
            assert_eq!(desk.holds(&preferred), counts);
        });
    }
}

#[test]
fn a_preference_for_what_is_not_the_senders_or_not_good_is_not_followed() {
    let stranger = Authority::root("Stranger", TestKey::P384A);
    let of = |email, profile| authority().person(email, profile).certificate;
    let encrypting = Profile::of(TestKey::P256B).uses(Uses::Encrypt);
    for (preferred, name) in [
        (of(BOB, encrypting), "somebody else's"),
        (of(ALICE, encrypting.expired()), "expired"),
        (of(ALICE, encrypting.not_yet_valid()), "not yet valid"),
        (
            of(ALICE, Profile::of(TestKey::P256B).uses(Uses::Sign)),
            "not for encryption",
        ),
        (
            stranger.person(ALICE, encrypting).certificate,
            "of a stranger's authority",
        ),
        (authority().certificate().clone(), "an authority's"),
    ] {
        on_every_store(|desk| {
            let learned = desk.learn(&preferring(&preferred), Learning::Accept);
            assert_eq!(learned.len(), 1, "{name}");
            assert_eq!(learned[0].certificate, alice().certificate, "{name}");
            let with_email = desk.store.certificates().unwrap().into_iter();
            let with_email = with_email.filter(|it| !it.certificate.emails().is_empty());
            assert_eq!(with_email.count(), 1, "{name}");
        });
    }
}

#[test]
fn what_is_not_signed_teaches_nothing() {
    let preferred = alice_encrypts().certificate;
    let capabilities = Capabilities::own().to_der();
    for unsigned in [
        attribute(PREFERENCE, &[named(&preferred)]),
        attribute(CAPABILITIES, &[capabilities]),
    ] {
        let mut forger = honest(&alice());
        forger.unsigned = Writer::encode(|w| w.element(Tag::context_constructed(1), &unsigned));
        let mail = mail(&forger, &[&alice().certificate, &preferred]);
        on_every_store(|desk| {
            let learned = desk.learn(&mail, Learning::Accept);
            assert_eq!(learned.len(), 1);
            assert!(!desk.holds(&preferred));
            assert!(desk.store.peers().unwrap().is_empty());
        });
    }
}

#[test]
fn who_is_good_by_the_time_they_claim_teaches_nothing() {
    let expired = authority().person(ALICE, Profile::of(TestKey::P256A).expired());
    let capabilities = Capabilities::own().to_der();
    let mut forger = honest(&expired);
    let (kind, digest) = (DATA, forger.scheme.digest());
    let mut attributes = forge::attributes(kind, digest, CONTENT);
    let time = Writer::encode(|w| w.oid(forge::SIGNING_TIME));
    attributes.retain(|it| !it.windows(time.len()).any(|window| window == time));
    let then = Writer::encode(|w| w.time(expired.certificate.not_after()));
    attributes.push(attribute(forge::SIGNING_TIME, &[then]));
    forger.attributes = Some(attributes);
    let forger = forger.also(CAPABILITIES, |w| w.raw(&capabilities));
    let mail = mail(&forger, &[&expired.certificate]);
    on_every_store(|desk| {
        let mut engine = desk.engine();
        engine.policy.messages.claimed_time = ClaimedTime::Validity;
        let learn = || {
            let message = engine.open(&*mail).unwrap();
            assert_eq!(message.signature(), Verdict::Good);
            engine.learn(&message, Learning::Accept).unwrap()
        };
        assert!(learn().is_empty());
        desk.assert_nothing_learned();
        // Nor if they are known.
        let known = std::slice::from_ref(&expired.certificate);
        desk.store.add_certificates(known, NOW).unwrap();
        assert!(learn().is_empty());
        assert!(desk.store.peers().unwrap().is_empty());
    });
}

#[test]
fn a_certificate_that_the_mail_only_brings_is_not_learned() {
    on_every_store(|desk| {
        let other = alice_encrypts().certificate;
        let mail = mail(&honest(&alice()), &[&alice().certificate, &other]);
        assert_eq!(desk.learn(&mail, Learning::Accept).len(), 1);
        assert!(!desk.holds(&other));
    });
}

#[test]
fn capabilities_give_way_to_those_signed_later_alone() {
    on_every_store(|desk| {
        let later = |days: i64| UnixTime(NOW.0 + days * DAY);
        desk.learn(&announcing(&[GCM], Some(NOW)), Learning::Accept);
        assert_eq!(desk.cipher(Policy::standard()), Some(GCM));
        // An old mail that is sent again, and one without a time.
        for signed in [None, Some(later(-9)), Some(NOW)] {
            let mail = announcing(&[CBC], signed);
            desk.learn_at(&mail, Learning::Accept, later(1));
            assert_eq!(desk.cipher(Policy::standard()), Some(GCM), "{signed:?}");
        }
        // A clock that is fast is not the last word.
        let fast = announcing(&[CBC], Some(later(4_000)));
        desk.learn_at(&fast, Learning::Quarantine, later(1));
        assert_eq!(desk.cipher(Policy::standard()), Some(CBC));
        desk.learn_at(
            &announcing(&[GCM], Some(later(2))),
            Learning::Quarantine,
            later(2),
        );
        assert_eq!(desk.cipher(Policy::standard()), Some(GCM));
        let codes = desk.codes();
        let changes = codes.iter().filter(|it| *it == "learn.capabilities");
        assert_eq!(changes.count(), 3);
    });
}

#[test]
fn no_announcement_weakens_a_mail_below_what_policy_permits() {
    on_every_store(|desk| {
        let weak = [ContentCipher::Aes128Cbc];
        desk.learn(&announcing(&weak, Some(NOW)), Learning::Accept);
        assert_eq!(desk.cipher(Policy::standard()), Some(CBC));
        assert_eq!(desk.cipher(Policy::strict()), Some(GCM));
    });
}

#[test]
fn what_a_distrusted_or_deleted_certificate_announced_counts_no_longer() {
    on_every_store(|desk| {
        desk.learn(&announcing(&[GCM], Some(NOW)), Learning::Accept);
        let other = alice_encrypts().certificate;
        desk.store.add_certificates(&[other], NOW).unwrap();
        assert_eq!(desk.cipher(Policy::standard()), Some(GCM));
        let alice = alice().certificate.fingerprint();
        desk.store.set_trust(&alice, Trust::Distrusted).unwrap();
        assert_eq!(desk.cipher(Policy::standard()), Some(CBC));
        desk.store.set_trust(&alice, Trust::None).unwrap();
        assert_eq!(desk.cipher(Policy::standard()), Some(GCM));
        let stay = KeysOfDeleted::Stay;
        desk.store.delete_certificates(&[alice], stay).unwrap();
        assert_eq!(desk.cipher(Policy::standard()), Some(CBC));
    });
}

#[test]
fn another_key_for_a_known_address_is_noted() {
    for (learning, fate) in [
        (Learning::Quarantine, Fate::Quarantined),
        (Learning::Accept, Fate::Accepted),
    ] {
        on_every_store(|desk| {
            let before = alice().certificate;
            desk.learn(&mail_by(&alice()), Learning::Accept);
            let after = authority().person(ALICE, Profile::of(TestKey::P384B));
            let learned = desk.learn(&mail_by(&after), learning);
            assert_eq!(learned[0].fate, fate);
            assert_eq!(learned[0].differs_from, [before.fingerprint()]);
            for waiting in desk.store.quarantined().unwrap() {
                assert_eq!(waiting.differs_from, [before.fingerprint()]);
            }
            let entry = desk.log().pop().unwrap().activity;
            assert_eq!(entry.code, "learn.key_change");
            assert_eq!(entry.detail, fate.as_str());
            assert_eq!(entry.certificates, [after.certificate.fingerprint()]);
            // The same key in another certificate is none.
            let renewed = Profile {
                not_after: UnixTime(NOW.0 + 500 * DAY),
                ..Profile::of(TestKey::P256A)
            };
            let renewed = mail_by(&authority().person(ALICE, renewed));
            let learned = desk.learn(&renewed, Learning::Quarantine);
            assert!(!learned[0].differs_from.contains(&before.fingerprint()));
        });
    }
}

#[test]
fn where_an_address_is_pinned_whatever_comes_waits() {
    on_every_store(|desk| {
        desk.learn(&mail_by(&alice()), Learning::Accept);
        let pinned = [alice().certificate.fingerprint()];
        let pin = Some(&pinned[..]);
        desk.store.set_pins(&address(ALICE), pin).unwrap();
        let after = authority().person(ALICE, Profile::of(TestKey::P384B));
        let learned = desk.learn(&mail_by(&after), Learning::Accept);
        assert_eq!(learned[0].fate, Fate::Quarantined);
        assert!(!desk.holds(&after.certificate));
        assert_eq!(
            desk.store.pins(&address(ALICE)).unwrap(),
            Some(pinned.to_vec())
        );
        // Also of any other address that the certificate names.
        let both = authority().person_with("b@example.com", Profile::of(TestKey::P384A), |it| {
            it.emails(&["b@example.com", ALICE])
        });
        assert_eq!(both.certificate.emails().len(), 2);
        let mail = String::from_utf8(mail_by(&both)).unwrap();
        let mail = mail.replace(ALICE, "b@example.com").into_bytes();
        assert_eq!(
            desk.learn(&mail, Learning::Accept)[0].fate,
            Fate::Quarantined
        );
        // Accepting does not pin.
        let fingerprint = after.certificate.fingerprint();
        desk.engine().accept_quarantined(&fingerprint).unwrap();
        assert_eq!(
            desk.store.pins(&address(ALICE)).unwrap(),
            Some(pinned.to_vec())
        );
    });
}

#[test]
fn what_there_is_no_room_for_is_logged_as_failed() {
    on_every_store(|desk| {
        for number in 1..=9 {
            let profile = Profile {
                not_after: UnixTime(NOW.0 + number * DAY),
                ..Profile::of(TestKey::P256A)
            };
            let person = authority().person(ALICE, profile);
            let learned = desk.learn(&mail_by(&person), Learning::Quarantine);
            let is_full = learned[0].fate == Fate::Full;
            assert_eq!(is_full, number == 9, "{number}");
        }
        let entry = desk.log().pop().unwrap().activity;
        assert_eq!(entry.code, "learn.full");
        assert_eq!(entry.outcome, Outcome::Failed);
    });
}

#[test]
fn a_detached_signature_teaches_the_same() {
    on_every_store(|desk| {
        let alice = alice();
        let certificates = [&alice.certificate, authority().certificate()];
        let info = honest(&alice).sign(CONTENT);
        let der = signed_data(DATA, None, &certificates, &[info]);
        let learned = desk.learn(&mail_of_both(CONTENT, &der), Learning::Quarantine);
        assert_eq!(learned[0].certificate, alice.certificate);
    });
}
