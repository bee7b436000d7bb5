//! What is decided about an outgoing mail: the same whether it is asked or sealed.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

#[path = "decision/algorithms.rs"]
mod algorithms;
mod common;

use common::{ALICE, BOB, SECRET, address, authority, contains, engine, store};
use smime::{
    Cause, Choice, Decision, Draft, Engine, Intent, Keyring, Mode, PlainAnswer, Receipt, Several,
    ToSelf,
    cms::Capabilities,
    crypto::{ContentCipher, Secret, UnixTime, fastest},
    io::Source,
    store::{
        Activity, Binding, Defaults, Direction, Impossible, Level, Memory, Operation, Outcome,
        Scope, Store as _,
    },
    x509::{CertificateBuilder, SMIME_CAPABILITIES},
};
use smime_testkit::{Identity, NOW, Profile, SeededRandom, TestKey};

const CAROL: &str = "carol@example.org";
const NOBODY: &str = "nobody@example.net";

/// Alice's office: everybody's certificates but those of nobody@example.net, and her key.
struct Office {
    store: Memory,
    keys: Keyring,
    random: SeededRandom,
    alice: Identity,
}

impl Office {
    fn new() -> Self {
        Self::of(TestKey::P256A)
    }

    /// With another key of hers.
    fn of(key: TestKey) -> Self {
        let alice = person(ALICE, key);
        let mut known = vec![alice.certificate.clone()];
        known.extend([BOB, CAROL].map(|one| person(one, TestKey::P256B).certificate));
        known.extend_from_slice(authority().chain());
        let keys = Keyring::default();
        keys.add(fastest().load_private_key(&alice.key).unwrap());
        Self {
            store: store(&known, authority().root_certificate()),
            keys,
            random: SeededRandom::new(5),
            alice,
        }
    }

    /// With her key at rest, and nobody who knows the passphrase.
    fn locked() -> Self {
        let office = Self::new();
        let alice = &office.alice;
        let at_rest = Secret::from(&b"at rest"[..]);
        let file =
            smime::crypto::ProtectedKey::protect(&alice.key, &at_rest, &office.random).unwrap();
        let public = alice.certificate.public_key();
        let file = smime::store::KeyAtRest::Protected(file);
        office
            .store
            .add_key(public, &file, &office.random, NOW)
            .unwrap();
        Self {
            keys: Keyring::default(),
            ..office
        }
    }

    fn engine(&self) -> Engine<'_> {
        engine(fastest(), &self.store, &self.keys, &self.random)
    }

    fn set(&self, scope: &str, defaults: Defaults) {
        let scope = Scope::new(scope).unwrap();
        self.store.set_defaults(&scope, Some(&defaults)).unwrap();
    }

    fn decide(&self, intent: &Intent) -> Decision {
        self.engine().decide(intent).unwrap()
    }

    /// Seals a mail and returns what it became, with the receipt, or why it was not sealed.
    fn seal(&self, draft: &Draft) -> Result<(Vec<u8>, Receipt), Cause> {
        let mut out = Vec::new();
        match self.engine().seal(draft, &mut out) {
            Ok(receipt) => Ok((out, receipt)),
            Err(error) => {
                assert!(out.is_empty(), "written in spite of {error}");
                Err(error.cause)
            }
        }
    }

    fn last(&self) -> Activity {
        self.store.activities().unwrap().pop().unwrap().activity
    }
}

fn person(email: &str, key: TestKey) -> Identity {
    authority().person(email, Profile::of(key))
}

fn mail_to(to: &str) -> Draft {
    let mail = format!(
        "From: {ALICE}\r\nTo: {to}\r\nMessage-ID: <1@example.com>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain\r\n\r\n{SECRET}\r\n"
    );
    Draft::new(Source::from_bytes(mail.as_bytes()))
}

fn intent(to: &[&str]) -> Intent {
    Intent {
        from: Some(address(ALICE)),
        visible: to.iter().map(|to| address(to)).collect(),
        ..Intent::default()
    }
}

fn level(mode: Mode, binding: Binding) -> Level {
    Level { mode, binding }
}

fn encrypting(mode: Mode, binding: Binding) -> Defaults {
    Defaults {
        encrypt: level(mode, binding),
        ..Defaults::STANDARD
    }
}

fn codes(receipt: &Receipt) -> Vec<&str> {
    receipt.reasons.iter().map(|reason| reason.code).collect()
}

/// Says whether a mail went signed and encrypted.
fn went(sealed: &(Vec<u8>, Receipt)) -> (bool, bool) {
    let (mail, receipt) = sealed;
    assert_eq!(contains(mail, SECRET.as_bytes()), receipt.cipher.is_none());
    (receipt.signer.is_some(), receipt.cipher.is_some())
}

#[test]
fn mail_is_signed_and_encrypted_if_possible_where_nothing_was_set() {
    let office = Office::new();
    assert_eq!(went(&office.seal(&mail_to(BOB)).unwrap()), (true, true));
    let plain = office.seal(&mail_to(NOBODY)).unwrap();
    assert_eq!(went(&plain), (true, false));
    assert_eq!(codes(&plain.1), ["engine.cannot_encrypt"]);
    assert_eq!(office.last().operation, Operation::Sign);
    assert!(office.last().detail.contains("engine.cannot_encrypt"));
    let decision = office.decide(&intent(&[BOB, NOBODY]));
    assert!(decision.signer.is_ok());
    assert!(decision.recipients[0].certificates.is_ok());
    let none = decision.recipients[1].certificates.as_ref().unwrap_err();
    assert_eq!(*none, "select.no_certificate");
}

#[test]
fn the_defaults_of_a_group_hold_until_the_message_says_otherwise() {
    use Binding::{Default as Open, Mandatory};
    for (mode, binding, asked, encrypted) in [
        (Mode::Never, Open, None, false),
        (Mode::Never, Open, Some(Mode::IfPossible), true),
        (Mode::Always, Open, None, true),
        (Mode::Always, Open, Some(Mode::Never), false),
        (Mode::Always, Mandatory, Some(Mode::Never), true),
        (Mode::IfPossible, Mandatory, Some(Mode::Never), true),
        (Mode::Never, Mandatory, Some(Mode::Always), true),
    ] {
        let office = Office::new();
        office.set("sales", encrypting(mode, binding));
        let mut draft = mail_to(BOB);
        (draft.group, draft.encrypt) = (Some("sales".into()), asked);
        let sealed = office.seal(&draft).unwrap();
        assert_eq!(
            went(&sealed),
            (true, encrypted),
            "{mode:?} {binding:?} {asked:?}"
        );
        let raised = asked == Some(Mode::Never) && encrypted;
        assert_eq!(codes(&sealed.1).contains(&"defaults.mandatory"), raised);
    }
}

#[test]
fn a_group_that_nothing_was_set_for_is_an_error_and_lifts_nothing() {
    let office = Office::new();
    office.set("sales", encrypting(Mode::Always, Binding::Mandatory));
    let mut draft = mail_to(NOBODY);
    draft.group = Some("sale".into());
    let cause = office.seal(&draft).unwrap_err();
    assert_eq!(cause.code(), "engine.no_such_group");
    assert_eq!(office.last().outcome, Outcome::Failed);
    let intent = Intent {
        group: draft.group,
        ..intent(&[BOB])
    };
    let error = office.engine().decide(&intent).unwrap_err();
    assert_eq!(error.code(), "engine.no_such_group");
}

#[test]
fn the_rule_for_an_address_goes_before_that_for_its_domain_and_both_before_the_group() {
    use Binding::{Default as Open, Mandatory};
    let never = encrypting(Mode::Never, Open);
    let always = encrypting(Mode::Always, Open);
    let bound = encrypting(Mode::Always, Mandatory);
    for (group, domain, own, mode) in [
        (never, None, None, Mode::Never),
        (never, Some(always), None, Mode::Always),
        (never, Some(always), Some(never), Mode::Never),
        (always, Some(never), None, Mode::Never),
        (bound, Some(never), Some(never), Mode::Always),
    ] {
        let office = Office::new();
        office.set("sales", group);
        if let Some(domain) = domain {
            office.set("@EXAMPLE.org", domain);
        }
        if let Some(own) = own {
            office.set("Bob@example.org", own);
        }
        let intent = Intent {
            group: Some("sales".into()),
            ..intent(&[BOB])
        };
        let decision = office.decide(&intent);
        assert_eq!(decision.encrypt.mode, mode, "{group:?} {domain:?} {own:?}");
    }
}

#[test]
fn what_is_strongest_for_any_recipient_holds_for_the_mail() {
    let office = Office::new();
    office.set(BOB, encrypting(Mode::Always, Binding::Default));
    office.set(CAROL, encrypting(Mode::Never, Binding::Default));
    let decision = office.decide(&intent(&[CAROL, BOB]));
    assert_eq!(decision.encrypt.mode, Mode::Always);
    let cause = office
        .seal(&mail_to(&format!("{BOB}, {NOBODY}")))
        .unwrap_err();
    let Cause::CannotEncrypt(problems) = cause else {
        panic!("{cause}");
    };
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].address, address(NOBODY));
}

#[test]
fn mail_that_cannot_be_protected_as_it_must_be_is_refused_sent_or_discarded() {
    for (impossible, asked, code) in [
        (Impossible::Refuse, None, Some("engine.cannot_encrypt")),
        (Impossible::SendPlain, None, None),
        (Impossible::Discard, None, Some("engine.discarded")),
        // What the message itself insists on is never done without.
        (
            Impossible::SendPlain,
            Some(Mode::Always),
            Some("engine.cannot_encrypt"),
        ),
        (
            Impossible::Discard,
            Some(Mode::Always),
            Some("engine.cannot_encrypt"),
        ),
        (Impossible::Discard, Some(Mode::IfPossible), None),
    ] {
        let office = Office::new();
        let defaults = Defaults {
            impossible,
            ..encrypting(Mode::Always, Binding::Default)
        };
        office.set("sales", defaults);
        let mut draft = mail_to(NOBODY);
        (draft.group, draft.encrypt) = (Some("sales".into()), asked);
        match (office.seal(&draft), code) {
            (Ok(sealed), None) => {
                assert_eq!(went(&sealed), (true, false));
                assert_eq!(codes(&sealed.1), ["engine.cannot_encrypt"]);
            }
            (Err(cause), Some(code)) => {
                assert_eq!(cause.code(), code, "{impossible:?} {asked:?}");
                let last = office.last();
                assert_eq!(last.code, "engine.cannot_encrypt");
                assert_eq!(last.to, [NOBODY]);
                let discarded = last.outcome == Outcome::Discarded;
                assert_eq!(discarded, code == "engine.discarded");
            }
            (other, _) => panic!("{impossible:?} {asked:?}: {:?}", other.map(|it| it.1)),
        }
    }
}

#[test]
fn an_answer_to_encrypted_mail_never_goes_in_plain_unless_that_is_allowed() {
    let office = Office::new();
    let came = |id: &str, operation| Activity {
        time: NOW,
        direction: Direction::In,
        operation,
        outcome: Outcome::Ok,
        code: String::new(),
        message_id: Some(id.into()),
        from: None,
        to: vec![],
        certificates: vec![],
        algorithms: Vec::new(),
        input_digest: None,
        detail: String::new(),
    };
    office
        .store
        .record(&came("<secret@x>", Operation::Decrypt))
        .unwrap();
    office
        .store
        .record(&came("<open@x>", Operation::Verify))
        .unwrap();
    let answer = |field: &str, to: &str| {
        let mail = format!("From: {ALICE}\r\nTo: {to}\r\n{field}\r\n\r\n{SECRET}\r\n");
        Draft::new(Source::from_bytes(mail.as_bytes()))
    };
    for field in [
        "In-Reply-To: <secret@x>",
        "References: <open@x>\r\n <other@x> <secret@x>",
        "References: <other@x><secret@x>,<open@x>",
        "In-Reply-To: your mail of today <secret@x>",
    ] {
        let cause = office.seal(&answer(field, NOBODY)).unwrap_err();
        assert_eq!(cause.code(), "engine.cannot_encrypt", "{field}");
        let mut asked = answer(field, BOB);
        asked.encrypt = Some(Mode::Never);
        let sealed = office.seal(&asked).unwrap();
        assert_eq!(went(&sealed), (true, true));
        assert!(codes(&sealed.1).contains(&"defaults.answers_encrypted"));
        let mut allowed = answer(field, NOBODY);
        allowed.plain_answer = PlainAnswer::Allowed;
        assert_eq!(went(&office.seal(&allowed).unwrap()), (true, false));
    }
    let open = office
        .seal(&answer("In-Reply-To: <open@x>", NOBODY))
        .unwrap();
    assert_eq!(went(&open), (true, false));
    // Sending an encrypted mail does not bind who answers it.
    let sent = Activity {
        direction: Direction::Out,
        ..came("<sent@x>", Operation::Encrypt)
    };
    office.store.record(&sent).unwrap();
    let sealed = office
        .seal(&answer("In-Reply-To: <sent@x>", NOBODY))
        .unwrap();
    assert_eq!(went(&sealed), (true, false));
}

#[test]
fn a_certificate_that_is_chosen_goes_before_the_best() {
    let office = Office::new();
    let best = person(BOB, TestKey::P256B).certificate;
    let other = person(BOB, TestKey::Rsa2048A).certificate;
    office
        .store
        .add_certificates(std::slice::from_ref(&other), NOW)
        .unwrap();
    for chosen in [&best, &other] {
        let mut draft = mail_to(BOB);
        draft.choice.recipients = vec![chosen.fingerprint()];
        let (_, receipt) = office.seal(&draft).unwrap();
        assert_eq!(receipt.recipients[0].certificates, [chosen.fingerprint()]);
    }
}

#[test]
fn the_newest_certificate_of_the_sender_signs_until_another_is_chosen() {
    let office = Office::new();
    let newer = Profile {
        not_before: UnixTime(NOW.0 - 1),
        ..Profile::of(TestKey::P256A)
    };
    let newer = authority().person(ALICE, newer).certificate;
    let older = office.alice.certificate.fingerprint();
    office
        .store
        .add_certificates(std::slice::from_ref(&newer), NOW)
        .unwrap();
    for (chosen, signer) in [
        (None, newer.fingerprint()),
        (Some(newer.fingerprint()), newer.fingerprint()),
        (Some(older), older),
    ] {
        let mut draft = mail_to(BOB);
        draft.choice.signer = chosen;
        assert_eq!(office.seal(&draft).unwrap().1.signer, Some(signer));
    }
}

#[test]
fn a_cipher_is_as_strong_as_all_recipients_say_they_can_read() {
    let office = Office::new();
    let all = Capabilities::own();
    let old = Capabilities::new([ContentCipher::Aes128Cbc], []);
    let people = [("dave@example.org", all), ("erin@example.org", old)].map(|(address, known)| {
        let profile = Profile::of(TestKey::P256B);
        let said =
            |it: CertificateBuilder| it.extension(SMIME_CAPABILITIES, false, &known.to_der());
        authority().person_with(address, profile, said).certificate
    });
    office.store.add_certificates(&people, NOW).unwrap();
    for (to, cipher, code) in [
        ("dave@example.org", ContentCipher::Aes256Gcm, "known_to_all"),
        (
            "erin@example.org",
            ContentCipher::Aes256Cbc,
            "capabilities_unknown",
        ),
        (BOB, ContentCipher::Aes256Cbc, "capabilities_unknown"),
    ] {
        for to in [to.to_owned(), format!("dave@example.org, {to}")] {
            let (_, receipt) = office.seal(&mail_to(&to)).unwrap();
            assert_eq!(receipt.cipher, Some(cipher), "{to}");
            assert_eq!(codes(&receipt), [format!("cipher.{code}")], "{to}");
        }
    }
}

#[test]
fn a_chosen_certificate_that_cannot_serve_is_not_replaced_by_another() {
    let office = Office::new();
    let expired = authority()
        .person(BOB, Profile::of(TestKey::P256A).expired())
        .certificate;
    office
        .store
        .add_certificates(std::slice::from_ref(&expired), NOW)
        .unwrap();
    let mut draft = mail_to(BOB);
    assert!(
        office.seal(&draft).is_ok(),
        "an expired one does not stand in the way"
    );
    draft.choice.recipients = vec![expired.fingerprint()];
    let cause = office.seal(&draft).unwrap_err();
    assert_eq!(cause.code(), "engine.cannot_encrypt");
    draft.encrypt = Some(Mode::Never);
    assert_eq!(went(&office.seal(&draft).unwrap()), (true, false));
}

#[test]
fn a_certificate_chosen_for_nobody_in_the_mail_is_an_error() {
    let office = Office::new();
    let carol = person(CAROL, TestKey::P256B).certificate.fingerprint();
    for (chosen, code) in [
        (carol, "engine.chosen_for_nobody"),
        ([7; 32], "store.no_certificate"),
    ] {
        let mut draft = mail_to(BOB);
        draft.choice.recipients = vec![chosen];
        assert_eq!(office.seal(&draft).unwrap_err().code(), code);
        let mut draft = mail_to(BOB);
        draft.choice.signer = Some(chosen);
        assert_eq!(office.seal(&draft).unwrap_err().code(), code);
    }
}

#[test]
fn a_signer_that_is_chosen_must_sign() {
    let office = Office::new();
    let alice = office.alice.certificate.fingerprint();
    let mut draft = mail_to(BOB);
    draft.choice.signer = Some(alice);
    let (_, receipt) = office.seal(&draft).unwrap();
    assert_eq!(receipt.signer, Some(alice));
    let other = person(ALICE, TestKey::Rsa2048A).certificate;
    office
        .store
        .add_certificates(std::slice::from_ref(&other), NOW)
        .unwrap();
    draft.choice.signer = Some(other.fingerprint());
    let Cause::CannotSign { code, .. } = office.seal(&draft).unwrap_err() else {
        panic!("signed by a key that is not there");
    };
    assert_eq!(code, "select.no_private_key");
}

#[test]
fn all_certificates_of_a_recipient_are_encrypted_to_when_that_is_asked_for() {
    let office = Office::new();
    let second = person(BOB, TestKey::Rsa2048A).certificate;
    let expired = authority()
        .person(BOB, Profile::of(TestKey::P256A).expired())
        .certificate;
    office
        .store
        .add_certificates(&[second, expired.clone()], NOW)
        .unwrap();
    for (several, count) in [(Several::Best, 1), (Several::All, 2)] {
        let mut draft = mail_to(BOB);
        draft.choice.several = several;
        let (_, receipt) = office.seal(&draft).unwrap();
        let certificates = &receipt.recipients[0].certificates;
        assert_eq!(certificates.len(), count);
        assert!(!certificates.contains(&expired.fingerprint()));
    }
}

#[test]
fn the_sender_can_read_what_was_sent_when_that_is_asked_for() {
    let office = Office::new();
    for (to_self, opens) in [(ToSelf::No, false), (ToSelf::IfPossible, true)] {
        let mut draft = mail_to(BOB);
        draft.choice = Choice {
            to_self,
            ..Choice::default()
        };
        let (sealed, receipt) = office.seal(&draft).unwrap();
        assert_eq!(receipt.recipients.len(), 1 + usize::from(opens));
        assert_eq!(office.engine().open(&sealed[..]).is_ok(), opens);
    }
}

#[test]
fn a_locked_key_is_told_beforehand_and_stops_what_must_be_signed() {
    let locked = Office::locked();
    let decision = locked.decide(&intent(&[BOB]));
    let key = decision.signer.as_ref().unwrap().key.as_ref();
    assert_eq!(key.unwrap_err(), &"select.key_locked");
    let mut draft = mail_to(BOB);
    draft.sign = Some(Mode::Always);
    let cause = locked.seal(&draft).unwrap_err();
    let Cause::CannotSign { code, .. } = cause else {
        panic!("{cause}");
    };
    assert_eq!(code, "select.key_locked");
    draft.sign = None;
    assert_eq!(went(&locked.seal(&draft).unwrap()), (false, true));
}

#[test]
fn a_recipient_that_cannot_be_read_stops_encryption_and_nothing_else() {
    let office = Office::new();
    let mut draft = mail_to(&format!("{BOB}, no address at all <@>"));
    let sealed = office.seal(&draft).unwrap();
    assert_eq!(went(&sealed), (true, false));
    assert_eq!(codes(&sealed.1), ["engine.unreadable_recipient"]);
    draft.encrypt = Some(Mode::Always);
    let cause = office.seal(&draft).unwrap_err();
    assert_eq!(cause.code(), "engine.unreadable_recipient");
}

#[test]
fn a_recipient_that_cannot_be_read_may_be_anybody_that_a_rule_is_for() {
    let office = Office::new();
    office.set("sales", encrypting(Mode::Always, Binding::Default));
    let unreadable = mail_to(&format!("{BOB}, eve@secret.example."));
    assert_eq!(
        went(&office.seal(&unreadable).unwrap()),
        (true, false),
        "no rule"
    );
    office.set(
        "@secret.example",
        encrypting(Mode::Always, Binding::Mandatory),
    );
    for asked in [None, Some(Mode::Never)] {
        let draft = Draft {
            encrypt: asked,
            ..unreadable.clone()
        };
        let cause = office.seal(&draft).unwrap_err();
        assert_eq!(cause.code(), "engine.unreadable_recipient");
    }
}

#[test]
fn a_rule_for_a_domain_says_what_becomes_of_mail_that_cannot_be_protected() {
    let office = Office::new();
    let rule = Defaults {
        impossible: Impossible::Discard,
        ..encrypting(Mode::Always, Binding::Default)
    };
    office.set("@example.net", rule);
    let cause = office.seal(&mail_to(NOBODY)).unwrap_err();
    assert_eq!(cause.code(), "engine.discarded");
}

#[test]
fn whoever_stands_in_bcc_alone_stays_hidden_when_named_as_a_recipient() {
    let office = Office::new();
    let mail = format!("From: {ALICE}\r\nTo: {BOB}\r\nBcc: {CAROL}\r\n\r\n{SECRET}\r\n");
    let mut draft = Draft::new(Source::from_bytes(mail.as_bytes()));
    draft.to = [BOB, CAROL].map(address).to_vec();
    let engine = office.engine();
    let sealing = engine.prepare(&draft).unwrap();
    let copies: Vec<_> = sealing
        .copies()
        .iter()
        .map(|it| it.addresses.clone())
        .collect();
    assert_eq!(copies, [vec![address(BOB)], vec![address(CAROL)]]);
}

#[test]
fn one_certificate_of_two_recipients_is_encrypted_to_once() {
    let office = Office::new();
    let both = authority().person_with(BOB, Profile::of(TestKey::P256B), |builder| {
        builder.emails(&["info@shop.example", "sales@shop.example"])
    });
    office
        .store
        .add_certificates(&[both.certificate], NOW)
        .unwrap();
    let draft = mail_to("info@shop.example, sales@shop.example");
    let (mail, receipt) = office.seal(&draft).unwrap();
    assert_eq!(receipt.recipients.len(), 2);
    let cms = common::cms_of(&mail);
    let one = common::cms_of(&office.seal(&mail_to("info@shop.example")).unwrap().0);
    assert!(
        cms.len().abs_diff(one.len()) < 100,
        "one more recipient is more"
    );
}

#[test]
fn the_newest_certificate_says_why_nothing_can_be_encrypted() {
    let office = Office::new();
    let address = "dora@example.org";
    let stranger = smime_testkit::Authority::root("Nobody's", TestKey::P256B);
    let newest = stranger.person(address, Profile::of(TestKey::P256A));
    let older = Profile {
        not_before: smime::crypto::UnixTime(NOW.0 - 800 * 86_400),
        ..Profile::of(TestKey::P256B).expired()
    };
    let older = authority().person(address, older);
    let known = [older.certificate, newest.certificate];
    office.store.add_certificates(&known, NOW).unwrap();
    let decision = office.decide(&intent(&[address]));
    let code = decision.recipients[0].certificates.as_ref().unwrap_err();
    assert_eq!(*code, "chain.no_path");
}

#[test]
fn mail_that_goes_in_plain_is_logged_with_the_reason() {
    let office = Office::new();
    let mail = format!("From: {NOBODY}\r\nTo: {NOBODY}\r\n\r\n{SECRET}\r\n");
    let draft = Draft::new(Source::from_bytes(mail.as_bytes()));
    assert_eq!(went(&office.seal(&draft).unwrap()), (false, false));
    let last = office.last();
    assert_eq!(
        (last.code.as_str(), last.outcome),
        ("engine.plain", Outcome::Ok)
    );
    assert_eq!(last.to, [NOBODY]);
    for code in ["engine.cannot_sign", "engine.cannot_encrypt"] {
        assert!(last.detail.contains(code), "{}", last.detail);
    }
}
