//! What is known of revoked certificates decides for every mail, in and out, as the policy says.
#![allow(
    clippy::unwrap_used,
    reason = "a test that is wrong about its own input must fail"
)]

mod common;

use common::{
    ALICE, BOB, World, authority, clean_lists, cms_of, draft, engine, mail_of_both, root,
    small_mail, store,
};
use smime::{
    Cause, Clock, Draft, Engine, Keyring, Layer, Message, Mode, Policy,
    crypto::{
        UnixTime,
        asn1::{Reader, Tag, Writer},
        fastest,
    },
    io::{Limits, Source},
    mime::{Entity, Protection},
    store::Memory,
    x509::{Certificate, CertificateStatus, Crl, OcspResponse, Revocation},
};
use smime_testkit::{CrlBuilder, DAY, NOW, OcspBuilder, Profile, SeededRandom, TestKey};

#[test]
fn the_policy_and_the_lists_decide_what_a_signature_is_worth() {
    let world = World::new(TestKey::P256A, TestKey::P384A, fastest());
    let mail = world.seal(&signed());
    let alice = &world.alice.certificate;
    let none: &[Crl] = &[];
    let clean: Vec<_> = clean_lists().collect();
    let listed = CrlBuilder::of(authority()).revoke(alice).sign();
    let revoked_issuer = CrlBuilder::of(root())
        .revoke(authority().certificate())
        .sign();
    let before = UnixTime(NOW.0 - 1);
    let stale = CrlBuilder::of(authority())
        .valid(UnixTime(NOW.0 - DAY), Some(before))
        .sign();
    let forged = CrlBuilder::of(authority()).key(TestKey::P256A).sign();
    for (lists, standard, strict) in [
        (none, "good", "chain.revocation_unknown"),
        (&clean[..], "good", "good"),
        // The leaf is proven not to be revoked, its issuer is not.
        (&clean[..1], "good", "chain.revocation_unknown"),
        (&clean[1..], "good", "chain.revocation_unknown"),
        (
            std::slice::from_ref(&listed),
            "chain.revoked",
            "chain.revoked",
        ),
        (
            &[clean[0].clone(), listed.clone(), clean[1].clone()],
            "chain.revoked",
            "chain.revoked",
        ),
        (
            &[clean[0].clone(), revoked_issuer],
            "chain.revoked",
            "chain.revoked",
        ),
        (
            &[stale, clean[1].clone()],
            "chain.revocation_unknown",
            "chain.revocation_unknown",
        ),
        (
            &[forged, clean[1].clone()],
            "chain.revocation_unknown",
            "chain.revocation_unknown",
        ),
    ] {
        for (policy, expected) in [
            (Policy::standard(), standard),
            (Policy::archive(), standard),
            (Policy::strict(), strict),
        ] {
            let opened = bob(policy, lists, &[]).open(NOW, &mail);
            assert_eq!(worth(&opened), expected, "{lists:?}");
        }
    }
}

#[test]
fn a_signature_is_judged_by_what_was_so_at_the_time_asked() {
    let world = World::new(TestKey::P256A, TestKey::P384A, fastest());
    let mail = world.seal(&signed());
    let day = |days: i64| UnixTime(NOW.0 + days * DAY);
    let list = CrlBuilder::of(authority());
    let lists = [
        list.clone().valid(day(-9), Some(day(-2))).sign(),
        // Revoked half a day before.
        list.revoke(&world.alice.certificate).sign(),
        CrlBuilder::of(root()).valid(day(-30), Some(day(30))).sign(),
    ];
    for (at, standard, strict) in [
        (
            day(-10),
            "chain.revocation_unknown",
            "chain.revocation_unknown",
        ),
        (day(-5), "good", "good"),
        (NOW, "chain.revoked", "chain.revoked"),
        (day(40), "chain.revoked", "chain.revoked"),
    ] {
        for (policy, expected) in [(Policy::standard(), standard), (Policy::strict(), strict)] {
            let opened = bob(policy, &lists, &[]).open(at, &mail);
            assert_eq!(worth(&opened), expected, "{at}");
        }
    }
}

#[test]
fn what_a_mail_brings_of_revoked_certificates_counts() {
    let world = World::new(TestKey::P256A, TestKey::P384A, fastest());
    let mail = world.seal(&signed());
    let alice = &world.alice.certificate;
    let [issuer_list, root_list] = [authority(), root()].map(|it| CrlBuilder::of(it).sign_der());
    let listed = CrlBuilder::of(authority()).revoke(alice).sign_der();
    let answer = |status| ocsp_choice(response(alice, status).der());
    let good = answer(CertificateStatus::Good);
    let both = [&issuer_list[..], &root_list].concat();
    let (from, to) = (UnixTime(NOW.0 - 2 * DAY), UnixTime(NOW.0 - DAY));
    let over = |list: CrlBuilder| list.valid(from, Some(to));
    let stale = over(CrlBuilder::of(authority())).sign_der();
    let forged = CrlBuilder::of(authority()).key(TestKey::P256A).sign_der();
    let stale_and_listed = over(CrlBuilder::of(authority()));
    let stale_and_listed = stale_and_listed.revoke(alice).sign_der();
    let issuer = authority().certificate();
    let old_answer = OcspBuilder::by(authority())
        .valid(from, Some(to))
        .tell(alice, issuer, CertificateStatus::Good)
        .sign();
    let old_answer = ocsp_choice(old_answer.der());
    for (choices, standard, strict) in [
        (Vec::new(), "good", "chain.revocation_unknown"),
        (both, "good", "good"),
        ([&good[..], &root_list].concat(), "good", "good"),
        (issuer_list, "good", "chain.revocation_unknown"),
        (listed.clone(), "chain.revoked", "chain.revoked"),
        ([listed, good].concat(), "chain.revoked", "chain.revoked"),
        // What cannot be used is as if it had not come: anybody on the way can add it.
        (stale, "good", "chain.revocation_unknown"),
        (forged.clone(), "good", "chain.revocation_unknown"),
        // Nor does judging many use up what judging may cost.
        (forged.repeat(128), "good", "chain.revocation_unknown"),
        (old_answer, "good", "chain.revocation_unknown"),
        // But a list that is over still revokes.
        (stale_and_listed, "chain.revoked", "chain.revoked"),
    ] {
        let mail = with_evidence(&mail, &choices);
        for (policy, expected) in [(Policy::standard(), standard), (Policy::strict(), strict)] {
            let opened = bob(policy, &[], &[]).open(NOW, &mail);
            assert_eq!(worth(&opened), expected);
        }
        // Who asks nothing is told nothing.
        let off = Policy {
            revocation: Revocation::off(),
            ..Policy::standard()
        };
        assert_eq!(worth(&bob(off, &[], &[]).open(NOW, &mail)), "good");
    }
}

#[test]
fn what_a_mail_brings_is_added_to_what_is_given() {
    let world = World::new(TestKey::P256A, TestKey::P384A, fastest());
    let mail = world.seal(&signed());
    let alice = &world.alice.certificate;
    let lists: Vec<_> = clean_lists().collect();
    let brought = with_evidence(&mail, lists.first().unwrap().der());
    let opened = bob(Policy::strict(), &lists[1..], &[]).open(NOW, &brought);
    assert_eq!(worth(&opened), "good");
    let listed = [CrlBuilder::of(authority()).revoke(alice).sign()];
    let opened = bob(Policy::standard(), &listed, &[]).open(NOW, &brought);
    assert_eq!(worth(&opened), "chain.revoked");
    let answers = [response(alice, CertificateStatus::Good)];
    let opened = bob(Policy::strict(), &lists[1..], &answers).open(NOW, &mail);
    assert_eq!(worth(&opened), "good");
}

#[test]
fn nobody_signs_with_or_encrypts_to_what_revocation_refuses() {
    let alice = authority().person(ALICE, Profile::of(TestKey::P256A));
    let bob = authority().person(BOB, Profile::of(TestKey::P384A));
    let clean: Vec<_> = clean_lists().collect();
    let listed =
        [&alice, &bob].map(|it| CrlBuilder::of(authority()).revoke(&it.certificate).sign());
    for (policy, lists, code) in [
        (Policy::standard(), &[][..], None),
        (Policy::strict(), &[], Some("chain.revocation_unknown")),
        (Policy::strict(), &clean[..], None),
        (Policy::standard(), &listed[..], Some("chain.revoked")),
        (Policy::archive(), &listed[..], Some("chain.revoked")),
    ] {
        let setting = Setting::new(policy, &alice.key, lists, &[]);
        let engine = setting.engine(NOW);
        let mut out = Vec::new();
        let refused = engine.seal(&signed(), &mut out).err();
        let found = refused.map(|error| match error.cause {
            Cause::CannotSign { code, .. } => code,
            other => panic!("{other:?}"),
        });
        assert_eq!(found, code);
        assert_eq!(out.is_empty(), code.is_some());

        let mut out = Vec::new();
        let encrypted = Draft {
            encrypt: Some(Mode::Always),
            ..draft(&small_mail())
        };
        let refused = engine.seal(&encrypted, &mut out).err();
        let found = refused.map(|error| match error.cause {
            Cause::CannotEncrypt(problems) => problems.first().unwrap().code,
            other => panic!("{other:?}"),
        });
        assert_eq!(found, code);
        assert_eq!(out.is_empty(), code.is_some());
    }
}

#[test]
fn a_signature_of_a_revoked_certificate_vouches_for_no_plaintext_under_strict() {
    let world = World::new(TestKey::P256A, TestKey::P384A, fastest());
    let both = Draft {
        encrypt: Some(Mode::Always),
        cipher: smime::Cipher::Only(smime::crypto::ContentCipher::Aes256Cbc),
        ..signed()
    };
    let mail = world.seal(&both);
    let opened = world.receiver(Policy::strict()).open(&*mail).unwrap();
    assert_eq!(worth(&opened), "good");
    let mut policy = Policy::strict();
    let listed = CrlBuilder::of(authority()).revoke(&world.alice.certificate);
    policy.revocation.add_crl(listed.sign());
    let error = world.receiver(policy).open(&*mail).unwrap_err();
    assert!(matches!(error.cause, Cause::Withheld), "{error}");
}

/// Bob with what is known of revocation.
fn bob(policy: Policy, lists: &[Crl], responses: &[OcspResponse]) -> Setting {
    let bob = authority().person(BOB, Profile::of(TestKey::P384A));
    Setting::new(policy, &bob.key, lists, responses)
}

/// One engine that knows everybody, and everything it borrows.
struct Setting {
    store: Memory,
    keys: Keyring,
    random: SeededRandom,
    policy: Policy,
}

impl Setting {
    fn new(
        mut policy: Policy,
        key: &smime::crypto::Secret,
        lists: &[Crl],
        responses: &[OcspResponse],
    ) -> Self {
        let alice = authority().person(ALICE, Profile::of(TestKey::P256A));
        let bob = authority().person(BOB, Profile::of(TestKey::P384A));
        let people = [alice.certificate, bob.certificate];
        let known = [&people[..], authority().chain()].concat();
        for list in lists {
            policy.revocation.add_crl(list.clone());
        }
        for response in responses {
            policy.revocation.add_response(response.clone());
        }
        let keys = Keyring::default();
        keys.add(fastest().load_private_key(key).unwrap());
        Self {
            store: store(&known, root().certificate()),
            keys,
            random: SeededRandom::new(11),
            policy,
        }
    }

    fn engine(&self, at: UnixTime) -> Engine<'_> {
        Engine {
            policy: self.policy.clone(),
            clock: Clock::Fixed(at),
            ..engine(fastest(), &self.store, &self.keys, &self.random)
        }
    }

    fn open(&self, at: UnixTime, mail: &[u8]) -> Message {
        self.engine(at).open(mail).unwrap()
    }
}

fn signed() -> Draft {
    Draft {
        sign: Some(Mode::Always),
        ..draft(&small_mail())
    }
}

/// What the one signature of a mail is worth: `good`, or why not.
fn worth(message: &Message) -> &'static str {
    let signers = message.layers().iter().find_map(|layer| match layer {
        Layer::Signed { signers, good, .. } => Some((signers, *good)),
        Layer::Encrypted { .. } | Layer::Compressed { .. } => None,
    });
    let (signers, good) = signers.unwrap();
    assert_eq!(signers.len(), 1);
    assert_eq!(good, message.signature() == smime::Verdict::Good);
    let verdict = &signers.first().unwrap().verdict;
    if good { "good" } else { verdict.code() }
}

fn response(certificate: &Certificate, status: CertificateStatus) -> OcspResponse {
    OcspBuilder::by(authority())
        .tell(certificate, authority().certificate(), status)
        .sign()
}

/// A response as a message carries it (RFC 5940 §2.1).
fn ocsp_choice(response: &[u8]) -> Vec<u8> {
    Writer::encode(|w| {
        w.constructed(Tag::context_constructed(1), |w| {
            w.oid(smime::crypto::Oid::new("1.3.6.1.5.5.7.16.2"));
            w.raw(response);
        });
    })
}

/// Puts choices into the field `crls` (RFC 5652 §5.1) of a signature that stands beside its content.
fn with_evidence(mail: &[u8], choices: &[u8]) -> Vec<u8> {
    let cms = cms_of(mail);
    let mut info = Reader::new(&cms).sequence("ContentInfo").unwrap();
    let kind = info.any("contentType").unwrap().raw;
    let mut outer = info.any("content").unwrap().reader();
    let mut fields = outer.sequence("SignedData").unwrap();
    let mut before = Vec::new();
    for name in [
        "version",
        "digestAlgorithms",
        "encapContentInfo",
        "certificates",
    ] {
        before.extend_from_slice(fields.any(name).unwrap().raw);
    }
    let signers = fields.any("signerInfos").unwrap().raw;
    let cms = Writer::encode(|w| {
        w.sequence(|w| {
            w.raw(kind);
            w.constructed(Tag::context_constructed(0), |w| {
                w.sequence(|w| {
                    w.raw(&before);
                    w.element(Tag::context_constructed(1), choices);
                    w.raw(signers);
                });
            });
        });
    });
    let entity = Entity::read(Source::from_bytes(mail), &Limits::default()).unwrap();
    let Protection::MultipartSigned { content, .. } = entity.protection().unwrap() else {
        panic!("a signature beside the content");
    };
    mail_of_both(&content.read_to_vec("content", 1 << 16).unwrap(), &cms)
}
