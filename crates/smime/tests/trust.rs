//! Whom the anchors of a store make good, whatever the mail brings along and the store holds beside.
#![allow(
    clippy::unwrap_used,
    reason = "a test that is wrong about its own input must fail"
)]

mod common;

use common::{ALICE, BOB, World, authority, cms_of, draft, engine, small_mail};
use smime::{
    Cause, Draft, Keyring, Mode, Root, SignedForm, Verdict,
    cms::{self, Object},
    crypto::{UnixTime, fastest},
    io::{Limits, Source},
    store::{MailUse, Memory, Store as _, Trust},
    x509::Certificate,
};
use smime_testkit::{DAY, Identity, NOW, Profile, SeededRandom, TestKey};

/// A store with these certificates, the first ones as anchors.
fn store(anchors: &[&Certificate], others: &[&Certificate]) -> Memory {
    let store = Memory::new();
    for certificate in [anchors, others].concat() {
        let one = std::slice::from_ref(certificate);
        store.add_certificates(one, NOW).unwrap();
    }
    for anchor in anchors {
        store
            .set_trust(&anchor.fingerprint(), Trust::Anchor)
            .unwrap();
    }
    store
}

/// A mail signed by somebody who sends no certificate but their own, for their issuer is what
/// they trust.
fn signed_by(alice: &Identity) -> Vec<u8> {
    let keys = Keyring::default();
    keys.add(fastest().load_private_key(&alice.key).unwrap());
    let (random, store) = (
        SeededRandom::new(1),
        store(&[authority().certificate()], &[&alice.certificate]),
    );
    let signed = Draft {
        sign: Some(Mode::Always),
        ..draft(&small_mail())
    };
    let mut mail = Vec::new();
    let sender = engine(fastest(), &store, &keys, &random);
    sender.seal(&signed, &mut mail).unwrap();
    mail
}

fn verdict(store: &Memory, mail: &[u8]) -> Verdict {
    let (random, keys) = (SeededRandom::new(2), Keyring::default());
    let receiver = engine(fastest(), store, &keys, &random);
    receiver.open(mail).unwrap().signature()
}

/// The certificates that travel with a mail of Alice's.
fn travelling(root: Root, form: SignedForm) -> Vec<Certificate> {
    let world = World::new(TestKey::P256A, TestKey::P256B, fastest());
    let mail = world.seal(&Draft {
        sign: Some(Mode::Always),
        root,
        form,
        ..draft(&small_mail())
    });
    assert_eq!(world.open(&mail).unwrap().signature(), Verdict::Good);
    let read = cms::read(Source::from_bytes(cms_of(&mail)), &Limits::default());
    let Object::Signed(signed) = read.unwrap() else {
        panic!("not signed");
    };
    signed.certificates().iter().cloned().collect()
}

#[test]
fn the_chain_goes_along_and_its_root_by_choice() {
    let (issuer, root) = (authority().certificate(), authority().root_certificate());
    for form in [SignedForm::Detached, SignedForm::Opaque] {
        let usual = travelling(Root::LeftOut, form);
        assert_eq!(usual.len(), 2);
        assert!(usual.contains(issuer) && !usual.contains(root));
        let whole = travelling(Root::Included, form);
        assert_eq!(whole.len(), 3);
        assert!(whole.contains(issuer) && whole.contains(root));
    }
}

#[test]
fn a_root_that_comes_along_makes_nothing_good() {
    let world = World::new(TestKey::P256A, TestKey::P256B, fastest());
    let mail = world.seal(&Draft {
        sign: Some(Mode::Always),
        root: Root::Included,
        ..draft(&small_mail())
    });
    assert_eq!(verdict(&store(&[], &[]), &mail), UNTRUSTED);
}

const UNTRUSTED: Verdict = Verdict::NotGood("untrusted");

#[test]
fn the_store_supplies_the_authorities_that_a_mail_does_not_bring() {
    let (issuer, root) = (authority().certificate(), authority().root_certificate());
    let mail = signed_by(&authority().person(ALICE, Profile::of(TestKey::P256A)));
    for (anchors, others, expected) in [
        (&[][..], &[][..], UNTRUSTED),
        (&[root], &[], UNTRUSTED),
        (&[], &[root, issuer], UNTRUSTED),
        (&[root], &[issuer], Verdict::Good),
        // A path may end at an authority that another has issued.
        (&[issuer], &[], Verdict::Good),
    ] {
        assert_eq!(verdict(&store(anchors, others), &mail), expected);
    }
}

#[test]
fn a_person_who_is_an_anchor_is_good_for_themselves_alone() {
    let alice = authority().person(ALICE, Profile::of(TestKey::P256A));
    let again = authority().person(ALICE, Profile::of(TestKey::P256B));
    let trusting = store(&[&alice.certificate], &[]);
    assert_eq!(verdict(&trusting, &signed_by(&alice)), Verdict::Good);
    assert_eq!(verdict(&trusting, &signed_by(&again)), UNTRUSTED);
    let knowing = store(&[], &[&alice.certificate]);
    assert_eq!(verdict(&knowing, &signed_by(&alice)), UNTRUSTED);
}

#[test]
fn what_a_renewed_certificate_replaces_does_not_stand_in_its_way() {
    let (issuer, root) = (authority().certificate(), authority().root_certificate());
    let until = |days: i64| Profile {
        not_after: UnixTime(NOW.0 + days * DAY),
        ..Profile::of(TestKey::P256A)
    };
    let old = authority().person(ALICE, until(-1)).certificate;
    let renewed = authority().person(ALICE, until(300));
    assert_eq!(old.subject().der(), renewed.certificate.subject().der());
    let mail = signed_by(&renewed);
    for (anchors, others) in [
        (&[root][..], &[issuer, &old][..]),
        (&[&old, root], &[issuer]),
        (&[issuer, &old], &[]),
    ] {
        assert_eq!(verdict(&store(anchors, others), &mail), Verdict::Good);
    }
}

#[test]
fn an_anchor_serves_mail_in_the_use_it_is_trusted_for_alone() {
    let (issuer, root) = (authority().certificate(), authority().root_certificate());
    let alice = authority().person(ALICE, Profile::of(TestKey::P256A));
    let bob = authority()
        .person(BOB, Profile::of(TestKey::P256B))
        .certificate;
    let mail = signed_by(&alice);
    let keys = Keyring::default();
    keys.add(fastest().load_private_key(&alice.key).unwrap());
    let random = SeededRandom::new(3);
    // An authority above, and the people themselves.
    for anchors in [vec![root], vec![&alice.certificate, &bob]] {
        let people = [issuer, &alice.certificate, &bob];
        let store = store(&anchors, &people);
        for (trust, signs, encrypts) in [
            (Trust::Anchor, true, true),
            (Trust::AnchorFor(MailUse::Sign), true, false),
            (Trust::AnchorFor(MailUse::Encrypt), false, true),
            (Trust::None, false, false),
        ] {
            let all: Vec<_> = anchors.iter().map(|it| it.fingerprint()).collect();
            store.set_trust_of(&all, trust).unwrap();
            let expected = if signs { Verdict::Good } else { UNTRUSTED };
            assert_eq!(verdict(&store, &mail), expected, "{trust:?}");
            let engine = engine(fastest(), &store, &keys, &random);
            let sealed = |sign, encrypt| {
                let draft = Draft {
                    sign: Some(sign),
                    encrypt: Some(encrypt),
                    ..draft(&small_mail())
                };
                engine.seal(&draft, Vec::new()).map_err(|it| it.cause)
            };
            match sealed(Mode::Always, Mode::Never) {
                Ok(_) => assert!(signs, "{trust:?}"),
                Err(Cause::CannotSign { code, .. }) => {
                    assert!(!signs, "{trust:?} {code}");
                }
                Err(other) => panic!("{other:?}"),
            }
            match sealed(Mode::Never, Mode::Always) {
                Ok(_) => assert!(encrypts, "{trust:?}"),
                Err(Cause::CannotEncrypt(_)) => assert!(!encrypts, "{trust:?}"),
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}
