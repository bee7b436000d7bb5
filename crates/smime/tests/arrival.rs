//! Revocation lists that come into the store, and what they change.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod common;

use common::{Desk, World, authority, clean_lists, draft, root, small_mail};
use smime::{
    Engine, Keeping, Layer, Message, Mode, Policy,
    crypto::{UnixTime, fastest},
    store::{Arrivals, ImportEvent, ImportOptions, Imported, ItemKind, Store as _, Trust},
    x509::CrlError,
};
use smime_testkit::{Authority, CrlBuilder, DAY, NOW, TestKey};

impl Desk {
    /// Imports a file; returns kind and code of every item too.
    fn import(&self, file: &[u8]) -> (Imported, Vec<(ItemKind, &'static str)>) {
        let mut items = Vec::new();
        let imported = self
            .engine()
            .import(file, &ImportOptions::new(NOW), &mut |event| {
                if let ImportEvent::Outcome(outcome) = event {
                    items.push((outcome.kind, outcome.code));
                }
            })
            .unwrap();
        (imported, items)
    }

    /// Returns the code of the verdict over the one signature of a mail.
    fn signature(&self, mail: &[u8]) -> &'static str {
        code(&self.engine().open(mail).unwrap())
    }
}

fn code(message: &Message) -> &'static str {
    match message.layers() {
        [Layer::Signed { signers, .. }] => signers[0].verdict.code(),
        other => panic!("{other:?}"),
    }
}

fn signed(world: &World) -> Vec<u8> {
    let mut draft = draft(&small_mail());
    draft.sign = Some(Mode::Always);
    world.seal(&draft)
}

fn world() -> World {
    World::new(TestKey::P256A, TestKey::P256B, fastest())
}

const GOOD: &str = "cms.good";

const ADDED: (ItemKind, &str) = (ItemKind::Crl, "import.added");

#[test]
fn a_signature_is_not_good_once_the_list_that_revokes_its_certificate_is_imported() {
    let (world, desk) = (world(), Desk::new());
    let mail = signed(&world);
    assert_eq!(desk.signature(&mail), GOOD);
    let list = CrlBuilder::of(authority())
        .revoke(&world.alice.certificate)
        .sign();
    let file = [authority().certificate().der(), list.der()].concat();
    let (imported, items) = desk.import(&file);
    assert_eq!(items, [(ItemKind::Certificate, "import.added"), ADDED]);
    assert_eq!(imported.summary.added, 2);
    assert_eq!(desk.signature(&mail), "chain.revoked");
}

#[test]
fn nobody_signs_with_or_encrypts_to_what_a_list_of_the_store_revokes() {
    let (world, desk) = (world(), Desk::new());
    let people = [&world.alice, &world.bob].map(|it| it.certificate.clone());
    desk.store.add_certificates(&people, NOW).unwrap();
    desk.store
        .add_certificates(authority().chain(), NOW)
        .unwrap();
    desk.keys
        .add(fastest().load_private_key(&world.alice.key).unwrap());
    let list = CrlBuilder::of(authority())
        .revoke(&people[0])
        .revoke(&people[1])
        .sign();
    assert_eq!(desk.import(list.der()).1, [ADDED]);
    for sign in [Mode::Always, Mode::Never] {
        let mut draft = draft(&small_mail());
        draft.sign = Some(sign);
        if sign == Mode::Never {
            draft.encrypt = Some(Mode::Always);
        }
        let mut out = Vec::new();
        let error = desk.engine().seal(&draft, &mut out).unwrap_err();
        assert!(
            format!("{:?}", error.cause).contains("chain.revoked"),
            "{error:?}"
        );
        assert!(out.is_empty());
    }
}

#[test]
fn a_list_is_taken_in_every_form_and_once() {
    let list = &clean_lists().nth(1).unwrap();
    let pem = smime_testkit::pem("X509 CRL", list.der());
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let ldif = format!("dn: cn=Root\ncertificateRevocationList;binary:: {base64}\n");
    for file in [
        list.der(),
        pem.as_bytes(),
        ldif.as_bytes(),
        base64.as_bytes(),
    ] {
        let desk = Desk::new();
        let (imported, items) = desk.import(file);
        assert_eq!(items, [ADDED]);
        let issuers: Vec<_> = imported.arrivals.issuers().collect();
        assert_eq!(issuers, [list.issuer().der()]);
        let (imported, items) = desk.import(file);
        assert_eq!(items, [(ItemKind::Crl, "import.crl_taken")]);
        assert_eq!(imported.arrivals, Arrivals::default());
        assert_eq!(desk.store.crls(list.issuer().der()).unwrap(), [list.der()]);
    }
}

#[test]
fn a_list_that_is_not_proven_is_refused_and_displaces_none() {
    let (world, desk) = (world(), Desk::new());
    let revoking = CrlBuilder::of(authority())
        .revoke(&world.alice.certificate)
        .sign();
    assert_eq!(
        desk.import(revoking.der()).1,
        [(ItemKind::Crl, "crl.no_signer")]
    );
    desk.store
        .add_certificates(authority().chain(), NOW)
        .unwrap();
    assert_eq!(desk.import(revoking.der()).1, [ADDED]);
    // Another's, of the same name and with a newer number; by one whom nobody trusts.
    let stranger = Authority::root("Stranger", TestKey::P384A);
    let namesake = stranger.intermediate("End to End Issuer", TestKey::P384B);
    desk.store.add_certificates(namesake.chain(), NOW).unwrap();
    let newer = |builder: CrlBuilder| {
        let next = UnixTime(NOW.0 + 9 * DAY);
        builder.number(900).valid(NOW, Some(next)).sign()
    };
    for (list, code) in [
        (newer(CrlBuilder::of(&namesake)), "chain.untrusted_root"),
        (
            newer(CrlBuilder::of(authority()).key(TestKey::P256A)),
            "crl.no_signer",
        ),
        (
            CrlBuilder::of(authority()).without_extensions().sign(),
            "crl.no_number",
        ),
    ] {
        assert_eq!(desk.import(list.der()).1, [(ItemKind::Crl, code)]);
    }
    assert_eq!(desk.signature(&signed(&world)), "chain.revoked");
    let proof = desk.engine().prove_crl(&newer(CrlBuilder::of(&namesake)));
    assert!(matches!(proof, Ok(Err(CrlError::Signer(_)))));
}

#[test]
fn a_malformed_list_and_more_lists_than_anybody_has_are_refused() {
    let desk = Desk::new();
    let list = clean_lists().nth(1).unwrap();
    let mut broken = list.der().to_vec();
    let last = broken.len() - 1;
    // The signature's BIT STRING, of which more bits are said to be unused than there are.
    let place = broken.len() - list.signature().len() - 1;
    broken[place] = 9;
    broken[last] = 0;
    let (imported, items) = desk.import(&broken);
    assert_eq!(items, [(ItemKind::Crl, "import.unreadable_crl")]);
    assert_eq!(imported.summary.refused, 1);
    let many = list.der().repeat(1001);
    let (imported, items) = desk.import(&many);
    assert_eq!(
        (imported.summary.added, imported.summary.already_there),
        (1, 999)
    );
    assert_eq!(items[0], (ItemKind::Crl, "import.too_many_crls"));
}

#[test]
fn a_list_of_the_store_that_is_due_revokes_and_otherwise_says_nothing() {
    let (world, desk) = (world(), Desk::new());
    desk.store
        .add_certificates(authority().chain(), NOW)
        .unwrap();
    let past = |builder: CrlBuilder| {
        let days = |count: i64| UnixTime(NOW.0 + count * DAY);
        builder.valid(days(-9), Some(days(-1)))
    };
    assert_eq!(
        desk.import(past(CrlBuilder::of(authority())).sign().der())
            .1,
        [ADDED]
    );
    let mail = signed(&world);
    assert_eq!(desk.signature(&mail), GOOD);
    let listed = past(CrlBuilder::of(authority())).number(77).entry(
        &world.alice.certificate,
        UnixTime(NOW.0 - 10 * DAY),
        &[],
    );
    assert_eq!(desk.import(listed.sign().der()).1, [ADDED]);
    assert_eq!(desk.signature(&mail), "chain.revoked");
}

#[test]
fn mail_that_waited_for_lists_is_judged_again_when_they_arrive() {
    let (world, desk) = (world(), Desk::new());
    let engine = || Engine {
        policy: Policy::strict(),
        ..desk.engine()
    };
    let mail = signed(&world);
    let received = engine().receive(&mail[..], &Keeping::STANDARD).unwrap();
    let id = received.kept.unwrap();
    let unknown = "chain.revocation_unknown";
    assert_eq!(code(&received.opened.unwrap()), unknown);
    let mut codes = Vec::new();
    for (place, list) in clean_lists().enumerate() {
        let file = [authority().certificate().der(), list.der()].concat();
        let (imported, _) = desk.import(&file);
        engine()
            .retry_after(&imported.arrivals, &mut |kept, retried| {
                assert_eq!(kept, id);
                codes.push((place, retried.after.signature));
            })
            .unwrap();
    }
    assert_eq!(codes, [(0, "untrusted".to_owned()), (1, "good".to_owned())]);
}

#[test]
fn trust_that_is_given_by_an_import_judges_again() {
    let (world, desk) = (world(), Desk::new());
    let anchor = root().certificate();
    desk.store
        .set_trust(&anchor.fingerprint(), Trust::None)
        .unwrap();
    let mail = signed(&world);
    let engine = desk.engine();
    let id = engine
        .receive(&mail[..], &Keeping::STANDARD)
        .unwrap()
        .kept
        .unwrap();
    let options = ImportOptions {
        trust: Trust::Anchor,
        ..ImportOptions::new(NOW)
    };
    let imported = engine.import(anchor.der(), &options, &mut |_| ()).unwrap();
    let mut found = Vec::new();
    engine
        .retry_after(&imported.arrivals, &mut |id, retried| {
            found.push((id, retried.after.is_good()))
        })
        .unwrap();
    assert_eq!(found, [(id, true)]);
}
