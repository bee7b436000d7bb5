//! Whom a mail is encrypted to.

use smime::{
    Cause, Draft, Keyring, Message, Mode, Policy, SignatureChoice, SignedForm, Verdict,
    cms::{Object, RecipientId},
    crypto::{ContentCipher, CryptoProvider, DigestAlgorithm, UnixTime, fastest},
    io::Limits,
    mime::{Entity, Protection},
    store::Store as _,
};
use smime_testkit::{DAY, Identity, NOW, Profile, SeededRandom, TestKey, Uses};

use crate::common::{
    ALICE, BOB, World, address, authority, contains, engine, entity, expected_entity, providers,
    small_mail, store, with_clean_lists,
};
use crate::{PKCS1, person, protect, replaced, small_with, source};

#[test]
fn each_recipient_of_mixed_keys_opens_the_one_mail() {
    let names = [
        "rsa@example.org",
        "rsa4096@example.org",
        "p256@example.org",
        "p384@example.org",
    ];
    let keys = [
        TestKey::Rsa2048B,
        TestKey::Rsa4096,
        TestKey::P256A,
        TestKey::P384A,
    ];
    let people: Vec<_> = names
        .iter()
        .zip(keys)
        .map(|(name, key)| person(name, key))
        .collect();
    for provider in providers() {
        for cipher in ContentCipher::ALL {
            let alice = person(ALICE, TestKey::Rsa2048A);
            let group = Group::new(&alice, &people, provider);
            let mut draft = protect(&small_mail(), None, Some((cipher, None)));
            draft.to = names.map(address).to_vec();
            let mut sealed = Vec::new();
            let receipt = group.engine().seal(&draft, &mut sealed).unwrap();
            assert_eq!(receipt.recipients.len(), people.len());
            for person in &people {
                let opened = group.open_as(person, &sealed).unwrap();
                assert_eq!(entity(&opened), expected_entity(&small_mail()));
            }
            let stranger = person("stranger@example.org", TestKey::P256B);
            let error = group.open_as(&stranger, &sealed).unwrap_err();
            assert!(matches!(error.cause, Cause::NoKey), "{error}");
        }
    }
}

#[test]
fn a_blind_recipient_has_a_copy_of_their_own_and_is_seen_in_no_other() {
    let alice = person(ALICE, TestKey::P256A);
    let people = [
        person(BOB, TestKey::P256B),
        person("carol@example.net", TestKey::Rsa2048A),
        person("audit@example.com", TestKey::P384A),
        person("grace@example.net", TestKey::Rsa2048B),
    ];
    let group = Group::new(&alice, &people, fastest());
    let mail = small_with(
        "To: bob@example.org\r\nCc: carol@example.net\r\n\
         Bcc: audit@example.com,\r\n Grace <grace@example.net>\r\nbcc: audit@example.com\r\n",
    );
    for sign in [Mode::Never, Mode::Always] {
        for cipher in [ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm] {
            let mut draft = protect(&mail, None, Some((cipher, None)));
            draft.to = Vec::new();
            draft.sign = Some(sign);
            let engine = group.engine();
            let sealing = engine.prepare(&draft).unwrap();
            let copies: Vec<_> = sealing
                .copies()
                .iter()
                .map(|copy| {
                    let mut out = Vec::new();
                    sealing.write(copy, &mut out).unwrap();
                    out
                })
                .collect();
            sealing.finish().unwrap();
            let readers = [&[0, 1][..], &[2], &[3]];
            assert_eq!(copies.len(), readers.len());
            for (copy, readers) in copies.iter().zip(readers) {
                assert!(!contains(&copy.to_ascii_lowercase(), b"bcc:"));
                assert!(!contains(copy, b"audit@example.com"));
                assert!(!contains(copy, b"grace@example.net"));
                assert_eq!(recipients(copy), readers.len());
                for (number, person) in people.iter().enumerate() {
                    let opened = group.open_as(person, copy);
                    assert_eq!(opened.is_ok(), readers.contains(&number), "person {number}");
                    let Ok(opened) = opened else { continue };
                    let inside = entity(&opened);
                    assert_eq!(inside, expected_entity(&mail));
                }
            }
        }
    }
}

#[test]
fn a_mail_with_blind_recipients_is_not_written_to_one_output() {
    let alice = person(ALICE, TestKey::P256A);
    let group = Group::new(&alice, &[person(BOB, TestKey::P256B)], fastest());
    let mail = small_with("To: alice@example.com\r\nBcc: bob@example.org\r\n");
    let mut draft = protect(&mail, None, Some((ContentCipher::Aes256Gcm, None)));
    draft.to = Vec::new();
    let error = refusal(&group, &draft);
    assert!(matches!(error, Cause::CopiesNeeded), "{error}");
}

#[test]
fn a_signed_mail_shows_no_blind_recipient() {
    let world = World::new(TestKey::P256A, TestKey::P256A, fastest());
    let mail = small_with("To: bob@example.org\r\nBcc: grace@example.net\r\n");
    let sealed = world.seal(&protect(&mail, Some((SignedForm::Detached, PKCS1)), None));
    assert!(!contains(&sealed, b"grace@example.net"));
    assert_eq!(world.open(&sealed).unwrap().signature(), Verdict::Good);
}

#[test]
fn every_recipient_that_cannot_be_encrypted_to_is_named_and_nothing_is_written() {
    let alice = person(ALICE, TestKey::P256A);
    let profile = Profile::of(TestKey::P256B);
    let expired = authority().person("old@example.org", profile.expired());
    let early = authority().person("early@example.org", profile.not_yet_valid());
    let signer = authority().person("signer@example.org", profile.uses(Uses::Sign));
    let people = [person(BOB, TestKey::P256B), expired, early, signer];
    let group = Group::new(&alice, &people, fastest());
    let to = |addresses: &[&str]| {
        let mut draft = protect(&small_mail(), None, Some((ContentCipher::Aes256Gcm, None)));
        draft.to = addresses.iter().map(|it| address(it)).collect();
        draft.sign = Some(Mode::Always);
        draft
    };
    let draft = to(&[
        "nobody@example.org",
        BOB,
        "old@example.org",
        "early@example.org",
        "signer@example.org",
    ]);
    let Cause::CannotEncrypt(problems) = refusal(&group, &draft) else {
        panic!("not an error about recipients");
    };
    let named: Vec<_> = problems
        .iter()
        .map(|it| (it.address.to_string(), it.code))
        .collect();
    let expected = [
        ("nobody@example.org", "select.no_certificate"),
        ("old@example.org", "chain.expired"),
        ("early@example.org", "chain.not_yet_valid"),
        ("signer@example.org", "chain.key_usage"),
    ];
    assert_eq!(
        named,
        expected.map(|(address, code)| (address.to_owned(), code))
    );

    let mut if_possible = draft;
    if_possible.encrypt = Some(Mode::IfPossible);
    let mut sealed = Vec::new();
    let receipt = group.engine().seal(&if_possible, &mut sealed).unwrap();
    assert_eq!(
        (receipt.cipher, receipt.recipients.len()),
        (None, 0),
        "never for some alone"
    );
    assert_eq!(receipt.reasons[0].code, "engine.cannot_encrypt");
}

#[test]
fn of_several_certificates_the_newest_valid_one_is_chosen() {
    let at = |from: i64, to: i64| Profile {
        not_before: UnixTime(NOW.0 + from * DAY),
        not_after: UnixTime(NOW.0 + to * DAY),
        ..Profile::of(TestKey::P256A)
    };
    let certificates = [
        authority().person(BOB, at(-300, 300)).certificate,
        authority().person(BOB, at(-100, 200)).certificate,
        authority().person(BOB, at(-90, -1)).certificate,
        authority().person(BOB, at(1, 400)).certificate,
        authority()
            .person(BOB, at(-50, 100).uses(Uses::Sign))
            .certificate,
        authority().person(BOB, at(-200, 500)).certificate,
    ];
    // Whatever the order in which they came.
    for rotation in 0..certificates.len() {
        let mut known = certificates.to_vec();
        known.rotate_left(rotation);
        let alice = person(ALICE, TestKey::P256B);
        let group = Group::new(&alice, &[], fastest());
        group.store.add_certificates(&known, NOW).unwrap();
        let encryption = Some((ContentCipher::Aes256Gcm, None));
        let engine = group.engine();
        let sealing = engine
            .prepare(&protect(&small_mail(), None, encryption))
            .unwrap();
        let receipt = sealing.receipt();
        assert_eq!(
            receipt.recipients[0].certificates,
            [certificates[1].fingerprint()]
        );
    }
}

#[test]
fn an_expired_or_early_certificate_never_signs() {
    let at = |from: i64, to: i64| Profile {
        not_before: UnixTime(NOW.0 + from * DAY),
        not_after: UnixTime(NOW.0 + to * DAY),
        ..Profile::of(TestKey::P256A)
    };
    let good = authority().person(ALICE, at(-300, 300));
    let newer = authority().person(ALICE, at(-100, -1));
    let early = authority().person(ALICE, at(1, 400));
    let encrypts = authority().person(ALICE, at(-50, 50).uses(Uses::Encrypt));
    let signed = protect(&small_mail(), Some((SignedForm::Detached, PKCS1)), None);

    let unfit = [newer.certificate, early.certificate, encrypts.certificate];
    let group = Group::new(&good, &[], fastest());
    group.store.add_certificates(&unfit, NOW).unwrap();
    let engine = group.engine();
    let receipt = engine.prepare(&signed).unwrap().receipt().clone();
    assert_eq!(receipt.signer, Some(good.certificate.fingerprint()));

    for unfit in unfit {
        let identity = Identity {
            certificate: unfit,
            ..good.clone()
        };
        let group = Group::new(&identity, &[], fastest());
        let error = refusal(&group, &signed);
        assert!(matches!(error, Cause::CannotSign { .. }), "{error}");
    }
}

#[test]
fn nothing_is_written_when_policy_or_keys_refuse() {
    let alice = person(ALICE, TestKey::Rsa2048A);
    let group = Group::new(&alice, &[person(BOB, TestKey::P256B)], fastest());
    let sha1 = SignatureChoice {
        digest: Some(DigestAlgorithm::Sha1),
        ..PKCS1
    };
    let signed = |choice| protect(&small_mail(), Some((SignedForm::Detached, choice)), None);
    let oaep = Some((ContentCipher::Aes256Gcm, Some(DigestAlgorithm::Sha1)));
    let other = replaced(&small_mail(), ALICE, "carol@example.com");
    let unclear = replaced(&small_mail(), ALICE, "alice@example.com, carol@example.com");
    for (draft, code) in [
        (signed(sha1), "policy.signature_algorithm"),
        (protect(&small_mail(), None, oaep), "policy.key_transport"),
        (
            protect(&other, Some((SignedForm::Detached, PKCS1)), None),
            "engine.cannot_sign",
        ),
        (
            protect(&unclear, Some((SignedForm::Opaque, PKCS1)), None),
            "engine.no_sender",
        ),
    ] {
        assert_eq!(refusal(&group, &draft).code(), code);
    }
    let strict = smime::Engine {
        policy: with_clean_lists(Policy::strict()),
        ..group.engine()
    };
    for cipher in [ContentCipher::Aes128Cbc, ContentCipher::Aes256Cbc] {
        let mut out = Vec::new();
        let error = strict.seal(
            &protect(&small_mail(), None, Some((cipher, None))),
            &mut out,
        );
        assert_eq!(error.unwrap_err().code(), "policy.cipher");
        assert!(out.is_empty());
    }
}

/// Alice and several others; the one store knows all certificates, and whoever opens has but their
/// own key.
struct Group {
    store: smime::store::Memory,
    keys: Keyring,
    random: SeededRandom,
    provider: &'static dyn CryptoProvider,
}

impl Group {
    fn new(alice: &Identity, people: &[Identity], provider: &'static dyn CryptoProvider) -> Self {
        let mut known = vec![alice.certificate.clone()];
        known.extend(people.iter().map(|it| it.certificate.clone()));
        known.extend_from_slice(authority().chain());
        let keys = Keyring::default();
        keys.add(provider.load_private_key(&alice.key).unwrap());
        let store = store(&known, authority().root_certificate());
        Self {
            store,
            keys,
            random: SeededRandom::new(3),
            provider,
        }
    }

    fn engine(&self) -> smime::Engine<'_> {
        engine(self.provider, &self.store, &self.keys, &self.random)
    }

    fn open_as(&self, person: &Identity, mail: &[u8]) -> Result<Message, smime::Error> {
        let keys = Keyring::default();
        keys.add(self.provider.load_private_key(&person.key).unwrap());
        engine(self.provider, &self.store, &keys, &self.random).open(mail)
    }
}

/// Why a draft is refused; nothing must have been written.
fn refusal(group: &Group, draft: &Draft) -> Cause {
    let mut out = Vec::new();
    let error = group.engine().seal(draft, &mut out).unwrap_err();
    assert!(out.is_empty(), "written in spite of {error}");
    error.cause
}

/// How many can open a mail, by its envelope.
fn recipients(mail: &[u8]) -> usize {
    let limits = Limits::default();
    let entity = Entity::read(source(mail), &limits).unwrap();
    let Protection::Pkcs7(cms) = entity.protection().unwrap() else {
        panic!("not encrypted");
    };
    match smime::cms::read(cms, &limits).unwrap() {
        Object::Enveloped(envelope) => {
            let by_serial =
                |id: &&RecipientId| !matches!(id, RecipientId::SubjectKeyId(id) if id.is_empty());
            envelope.recipients().iter().filter(by_serial).count()
        }
        other => panic!("not encrypted: {other:?}"),
    }
}
