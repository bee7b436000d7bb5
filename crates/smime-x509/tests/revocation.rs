//! What CRLs and OCSP responses say of a path, and what they cannot be made to say.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use smime_crypto::{AlgorithmPolicy, DigestAlgorithm, Oid, RustCrypto, UnixTime, asn1::Writer};
use smime_testkit::{
    Authority, CRL_DISTRIBUTION_POINTS, CRL_NUMBER, CrlBuilder, CrlScope, DAY, Identity, NOW,
    OcspBuilder, Profile, TestKey, directory_name, distribution_points, entry_issuer, entry_reason,
    uri,
};
use smime_x509::{
    ANY_EXTENDED_KEY_USAGE, Certificate, CertificateBundle, CertificatePolicy, CertificateStatus,
    ChainErrorKind, ChainVerifier, Crl, KeyUsageBit, Name, NameAttribute, OcspResponse, Purpose,
    Revocation, RevocationPolicy, RevocationReason,
};

/// A root, an authority below it, and a person whose certificate is judged.
struct World {
    root: Authority,
    authority: Authority,
    person: Identity,
    pool: CertificateBundle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Revoked,
    Unknown,
}
use Verdict::{Good, Revoked, Unknown};

impl World {
    fn new() -> Self {
        Self::with_point(&[])
    }

    /// The person's certificate names this distribution point, when it is not empty.
    fn with_point(points: &[u8]) -> Self {
        let root = Authority::root("Root", TestKey::P384A);
        let authority = root.intermediate("Authority", TestKey::P256A);
        let profile = Profile::of(TestKey::P256B);
        let person = authority.person_with("alice@example.com", profile, |builder| {
            if points.is_empty() {
                builder
            } else {
                builder.extension(CRL_DISTRIBUTION_POINTS, false, points)
            }
        });
        let pool = person.bundle();
        Self {
            root,
            authority,
            person,
            pool,
        }
    }

    fn leaf(&self) -> &Certificate {
        &self.person.certificate
    }

    fn crl(&self) -> CrlBuilder {
        CrlBuilder::of(&self.authority)
    }

    fn ocsp(&self) -> OcspBuilder {
        OcspBuilder::by(&self.authority)
    }

    /// A response by `by` that says `status` of the person.
    fn tells(&self, by: OcspBuilder, status: CertificateStatus) -> OcspResponse {
        by.tell(self.leaf(), self.authority.certificate(), status)
            .sign()
    }

    /// Judges the person by this evidence; the root's list, which is empty, is always there.
    fn judge(
        &self,
        policy: RevocationPolicy,
        crls: &[Crl],
        responses: &[OcspResponse],
    ) -> Result<(), ChainErrorKind> {
        let mut revocation = Revocation::new(policy);
        revocation.add_crl(CrlBuilder::of(&self.root).sign());
        crls.iter().for_each(|crl| revocation.add_crl(crl.clone()));
        for response in responses {
            revocation.add_response(response.clone());
        }
        self.judge_by(&revocation)
    }

    fn judge_by(&self, revocation: &Revocation) -> Result<(), ChainErrorKind> {
        let anchors = self.root.trust();
        let verifier = ChainVerifier {
            provider: &RustCrypto,
            algorithms: &AlgorithmPolicy::standard(),
            policy: &CertificatePolicy::standard(),
            anchors: &anchors,
            revocation,
        };
        let found = verifier.verify(self.leaf(), Purpose::SignMail, &self.pool, NOW);
        found.map(|_| ()).map_err(|error| error.kind)
    }

    /// Checks the verdicts under IfAvailable and Require; Off finds everything good.
    fn check(&self, name: &str, crls: &[Crl], responses: &[OcspResponse], expected: [Verdict; 2]) {
        let policies = [RevocationPolicy::IfAvailable, RevocationPolicy::Require];
        for (policy, expected) in policies.into_iter().zip(expected) {
            let result = self.judge(policy, crls, responses);
            let verdict = match result {
                Ok(()) => Good,
                Err(ChainErrorKind::Revoked { .. }) => Revoked,
                Err(ChainErrorKind::RevocationUnknown) => Unknown,
                Err(other) => panic!("{name}: {other:?}"),
            };
            assert_eq!(verdict, expected, "{name}, {policy:?}");
        }
        let off = self.judge(RevocationPolicy::Off, crls, responses);
        assert_eq!(off, Ok(()), "{name}, off");
    }
}

#[test]
fn a_list_proves_what_it_says_while_it_is_the_one_to_ask() {
    let world = World::new();
    let leaf = world.leaf();
    let days = |count: i64| UnixTime(NOW.0 + count * DAY);
    let hold = [entry_reason(6)];
    let past = |list: CrlBuilder| list.valid(days(-9), Some(days(-1)));
    let later = |list: CrlBuilder| list.valid(days(3), Some(days(9)));
    for (name, crl, expected) in [
        ("empty", world.crl(), [Good; 2]),
        ("listed", world.crl().revoke(leaf), [Revoked; 2]),
        ("on hold", world.crl().revoke_because(leaf, 6), [Revoked; 2]),
        (
            "listed for a day to come",
            world.crl().entry(leaf, days(1), &[]),
            [Revoked; 2],
        ),
        (
            "on a complete list as removed",
            world.crl().revoke_because(leaf, 8),
            [Revoked; 2],
        ),
        (
            "another listed",
            world.crl().revoke(world.authority.certificate()),
            [Good; 2],
        ),
        (
            "first second",
            world.crl().valid(NOW, Some(days(1))),
            [Good; 2],
        ),
        (
            "last second",
            world.crl().valid(days(-1), Some(NOW)),
            [Good; 2],
        ),
        ("past", past(world.crl()), [Unknown; 2]),
        ("to come", later(world.crl()), [Unknown; 2]),
        (
            "past, listed",
            past(world.crl()).entry(leaf, days(-10), &[]),
            [Revoked; 2],
        ),
        (
            "past, on hold",
            past(world.crl()).entry(leaf, days(-10), &hold),
            [Unknown; 2],
        ),
        (
            "to come, listed",
            later(world.crl()).entry(leaf, days(-1), &[]),
            [Revoked; 2],
        ),
        (
            "to come, on hold",
            later(world.crl()).entry(leaf, days(-1), &hold),
            [Revoked; 2],
        ),
        (
            "to come, listed for a day to come",
            later(world.crl()).entry(leaf, days(2), &[]),
            [Unknown; 2],
        ),
        (
            "version 1",
            world.crl().version(1).without_extensions(),
            [Good; 2],
        ),
        (
            "version 1, listed",
            world.crl().version(1).without_extensions().revoke(leaf),
            [Revoked; 2],
        ),
    ] {
        world.check(name, &[crl.sign()], &[], expected);
    }
    world.check("nothing", &[], &[], [Good, Unknown]);
}

#[test]
fn what_was_invalid_before_the_day_asked_about_was_revoked_then() {
    let world = World::new();
    let since = Writer::encode(|w| w.element(smime_crypto::asn1::Tag(0x18), b"20260501000000Z"));
    let invalid = [(Oid::new("2.5.29.24"), false, since)];
    let (from, to) = (UnixTime(NOW.0 + DAY), UnixTime(NOW.0 + 9 * DAY));
    let list = world
        .crl()
        .valid(from, Some(to))
        .entry(world.leaf(), from, &invalid);
    world.check("invalidityDate", &[list.sign()], &[], [Revoked; 2]);
}

#[test]
fn date_and_reason_are_told() {
    let world = World::new();
    for reason in RevocationReason::ALL {
        if reason == RevocationReason::RemoveFromCrl {
            continue;
        }
        let list = world.crl().revoke_because(world.leaf(), reason.number());
        let expected = ChainErrorKind::Revoked {
            at: UnixTime(NOW.0 - DAY / 2),
            reason: Some(reason),
        };
        assert_eq!(expected.code(), "chain.revoked");
        let result = world.judge(RevocationPolicy::IfAvailable, &[list.sign()], &[]);
        assert_eq!(result, Err(expected));
    }
}

#[test]
fn an_authority_of_the_path_is_judged_like_the_leaf() {
    let world = World::new();
    for policy in [RevocationPolicy::IfAvailable, RevocationPolicy::Require] {
        let mut revocation = Revocation::new(policy);
        revocation.add_crl(world.crl().sign());
        let list = CrlBuilder::of(&world.root).revoke(world.authority.certificate());
        revocation.add_crl(list.sign());
        let kind = world.judge_by(&revocation).unwrap_err();
        assert_eq!(kind.code(), "chain.revoked");
    }
    let mut revocation = Revocation::new(RevocationPolicy::Require);
    revocation.add_crl(world.crl().sign());
    let kind = world.judge_by(&revocation).unwrap_err();
    assert_eq!(kind, ChainErrorKind::RevocationUnknown);
}

#[test]
fn a_revoked_authority_does_not_hide_a_path_around_it() {
    let mut world = World::new();
    // The same authority, certified twice; one of the certificates is revoked.
    let again = world
        .root
        .intermediate_with("Authority", TestKey::P256A, |builder| {
            builder.serial(&[7, 7])
        });
    world.pool.add(again.certificate().clone());
    for revoked in [again.certificate(), world.authority.certificate()] {
        let mut revocation = Revocation::new(RevocationPolicy::Require);
        revocation.add_crl(world.crl().sign());
        revocation.add_crl(CrlBuilder::of(&world.root).revoke(revoked).sign());
        assert_eq!(world.judge_by(&revocation), Ok(()));
    }
}

/// Attack class 29 of revocation mix-ups: evidence that is another's.
#[test]
fn revocation_mix_ups_a_list_of_the_wrong_issuer_key_place_or_scope_proves_nothing() {
    let here = distribution_points(&uri("http://crl.example/a"), &[], &[]);
    let world = World::with_point(&here);
    let leaf = world.leaf();
    let other = world.root.intermediate("Other", TestKey::P256A);
    let scope = |change: fn(&mut CrlScope)| {
        let mut scope = CrlScope::default();
        change(&mut scope);
        scope
    };
    let there = scope(|it| it.names = uri("http://crl.example/b"));
    let right = scope(|it| it.names = uri("http://crl.example/a"));
    let some = scope(|it| it.reasons = vec![5, 0x60]);
    let indirect = scope(|it| it.indirect = true);
    let stranger = Name::from_attributes(&[(NameAttribute::CommonName, "Stranger")]);
    let of_stranger =
        |list: CrlBuilder| list.entry(leaf, UnixTime(NOW.0 - DAY), &[entry_issuer(&stranger)]);
    for (name, crl, expected) in [
        (
            "other issuer",
            CrlBuilder::of(&other).revoke(leaf),
            [Good, Unknown],
        ),
        (
            "the root's",
            CrlBuilder::of(&world.root).revoke(leaf),
            [Good, Unknown],
        ),
        ("other key", world.crl().key(TestKey::P384B), [Unknown; 2]),
        (
            "other key, listed",
            world.crl().key(TestKey::P384B).revoke(leaf),
            [Unknown; 2],
        ),
        ("right place", world.crl().scope(&right), [Good; 2]),
        (
            "right place, listed",
            world.crl().scope(&right).revoke(leaf),
            [Revoked; 2],
        ),
        ("other place", world.crl().scope(&there), [Good, Unknown]),
        (
            "authorities only",
            world.crl().scope(&scope(|it| it.only_ca = true)),
            [Good, Unknown],
        ),
        (
            "users only",
            world.crl().scope(&scope(|it| it.only_user = true)),
            [Good; 2],
        ),
        (
            "attribute certificates only",
            world.crl().scope(&scope(|it| it.only_attribute = true)),
            [Good, Unknown],
        ),
        ("some reasons", world.crl().scope(&some), [Unknown; 2]),
        (
            "some reasons, listed",
            world.crl().scope(&some).revoke(leaf),
            [Revoked; 2],
        ),
        (
            "another's serial",
            of_stranger(world.crl().scope(&indirect)),
            [Good; 2],
        ),
        (
            "another's serial in a list that is not indirect",
            of_stranger(world.crl()),
            [Unknown; 2],
        ),
        ("no number", world.crl().without(CRL_NUMBER), [Unknown; 2]),
        (
            "a critical number",
            world.crl().extension(CRL_NUMBER, true, &[2, 1, 1]),
            [Unknown; 2],
        ),
        (
            "unknown critical extension",
            world
                .crl()
                .extension(Oid::new("1.2.3"), true, &[5, 0])
                .revoke(leaf),
            [Unknown; 2],
        ),
        (
            "unknown extension",
            world.crl().extension(Oid::new("1.2.3"), false, &[5, 0]),
            [Good; 2],
        ),
        (
            "unknown critical extension of an entry",
            world.crl().entry(
                world.authority.certificate(),
                NOW,
                &[(Oid::new("1.2.3"), true, vec![5, 0])],
            ),
            [Unknown; 2],
        ),
        (
            "no end",
            world.crl().valid(UnixTime(NOW.0 - DAY), None),
            [Unknown; 2],
        ),
        (
            "no end, listed",
            world.crl().valid(UnixTime(NOW.0 - DAY), None).revoke(leaf),
            [Revoked; 2],
        ),
    ] {
        world.check(name, &[crl.sign()], &[], expected);
    }
}

#[test]
fn lists_of_some_reasons_count_together_when_they_cover_all() {
    let world = World::new();
    let of = |reasons: &[u8]| {
        let reasons = reasons.to_vec();
        world.crl().scope(&CrlScope {
            reasons,
            ..CrlScope::default()
        })
    };
    // Bits 1 to 8 are all there are.
    let (first, rest, not_all) = (&[5, 0x60][..], &[7, 0x1f, 0x80][..], &[0, 0x1f][..]);
    world.check("both", &[of(first).sign(), of(rest).sign()], &[], [Good; 2]);
    world.check(
        "one missing",
        &[of(first).sign(), of(not_all).sign()],
        &[],
        [Unknown; 2],
    );
    let listed = of(rest).revoke(world.leaf()).sign();
    world.check("listed", &[of(first).sign(), listed], &[], [Revoked; 2]);
}

#[test]
fn the_issuer_of_an_entry_stays_until_another_is_named() {
    let world = World::new();
    let stranger = Name::from_attributes(&[(NameAttribute::CommonName, "Stranger")]);
    let ours = world.leaf().issuer().to_name();
    let indirect = CrlScope {
        indirect: true,
        ..CrlScope::default()
    };
    let list = || {
        world
            .crl()
            .scope(&indirect)
            .serial(&[1], NOW, &[entry_issuer(&stranger)])
    };
    let sticky = list().revoke(world.leaf()).sign();
    world.check("the stranger's", &[sticky], &[], [Good; 2]);
    let back = list()
        .serial(&[2], NOW, &[entry_issuer(&ours)])
        .revoke(world.leaf());
    world.check("ours again", &[back.sign()], &[], [Revoked; 2]);
}

#[test]
fn a_delta_changes_the_list_it_is_for_and_no_other() {
    let world = World::new();
    let leaf = world.leaf();
    let fresh = |list: CrlBuilder| list.valid(UnixTime(NOW.0 - 60), Some(UnixTime(NOW.0 + DAY)));
    let delta = |number, base| fresh(world.crl().number(number).delta(base));
    let hold = || world.crl().number(5).revoke_because(leaf, 6);
    let clean = || world.crl().number(5);
    let stale =
        |list: CrlBuilder| list.valid(UnixTime(NOW.0 - 9 * DAY), Some(UnixTime(NOW.0 - DAY)));
    for (name, complete, delta, expected) in [
        ("nothing new", clean(), delta(6, 5), Good),
        ("revoked since", clean(), delta(6, 5).revoke(leaf), Revoked),
        (
            "on hold since",
            clean(),
            delta(6, 5).revoke_because(leaf, 6),
            Revoked,
        ),
        (
            "released",
            hold(),
            delta(6, 5).revoke_because(leaf, 8),
            Good,
        ),
        (
            "released from an older list",
            hold(),
            delta(6, 4).revoke_because(leaf, 8),
            Good,
        ),
        (
            "released from a newer list",
            hold(),
            delta(7, 6).revoke_because(leaf, 8),
            Revoked,
        ),
        (
            "an older release",
            hold(),
            delta(5, 4).revoke_because(leaf, 8),
            Revoked,
        ),
        (
            "released without a number",
            hold(),
            delta(6, 5).without(CRL_NUMBER).revoke_because(leaf, 8),
            Revoked,
        ),
        (
            "released in another scope",
            hold(),
            delta(6, 5)
                .scope(&CrlScope {
                    only_user: true,
                    ..CrlScope::default()
                })
                .revoke_because(leaf, 8),
            Revoked,
        ),
        (
            "released by another key",
            hold(),
            delta(6, 5).key(TestKey::P384B).revoke_because(leaf, 8),
            Revoked,
        ),
        (
            "released for good",
            clean().revoke_because(leaf, 1),
            delta(6, 5).revoke_because(leaf, 8),
            Revoked,
        ),
        (
            "on hold by other numbers",
            clean(),
            delta(9, 8).revoke_because(leaf, 6),
            Revoked,
        ),
        ("a list made current", stale(clean()), delta(6, 5), Good),
        (
            "a list not made current",
            stale(clean()),
            delta(7, 6),
            Unknown,
        ),
        (
            "a release past",
            hold(),
            stale(delta(6, 5).revoke_because(leaf, 8)),
            Revoked,
        ),
    ] {
        world.check(name, &[complete.sign(), delta.sign()], &[], [expected; 2]);
    }
    world.check("no list", &[delta(6, 5).sign()], &[], [Unknown; 2]);
}

#[test]
fn of_two_lists_the_newer_says_whether_a_hold_ended_and_nothing_ends_a_revocation() {
    let world = World::new();
    let leaf = world.leaf();
    let old = || {
        world
            .crl()
            .valid(UnixTime(NOW.0 - 3 * DAY), Some(UnixTime(NOW.0 + DAY)))
    };
    let new = || world.crl().number(2);
    for (name, crls, expected) in [
        ("hold ended", [old().revoke_because(leaf, 6), new()], Good),
        (
            "hold began",
            [old(), new().revoke_because(leaf, 6)],
            Revoked,
        ),
        (
            "revoked, then forgotten",
            [old().revoke(leaf), new()],
            Revoked,
        ),
        (
            "hold ended by a forgery",
            [old().revoke_because(leaf, 6), new().key(TestKey::P384B)],
            Revoked,
        ),
    ] {
        world.check(name, &crls.map(CrlBuilder::sign), &[], [expected; 2]);
    }
}

#[test]
fn a_list_may_be_signed_by_someone_with_a_path_to_the_same_anchor() {
    let lists = Name::from_attributes(&[(NameAttribute::CommonName, "Lists")]);
    let names = directory_name(&lists);
    let mut world = World::with_point(&distribution_points(&[], &[], &names));
    let indirect = CrlScope {
        indirect: true,
        ..CrlScope::default()
    };
    let ours = entry_issuer(&world.leaf().issuer().to_name());
    let clean = CrlBuilder::new(lists.clone(), TestKey::P384B).scope(&indirect);
    let listed = clean.clone().entry(world.leaf(), NOW, &[ours]);
    world.check(
        "signer not at hand",
        &[clean.clone().sign()],
        &[],
        [Unknown; 2],
    );

    let signer = |under: &Authority, uses: &[KeyUsageBit]| {
        let profile = Profile::of(TestKey::P384B);
        let person = under.person_with("lists@example.com", profile, |builder| {
            builder.subject(lists.clone()).key_usage(uses)
        });
        person.certificate
    };
    let elsewhere = Authority::root("Elsewhere", TestKey::Rsa2048A);
    for stranger in [
        signer(&elsewhere, &[KeyUsageBit::CrlSign]),
        signer(&world.root, &[KeyUsageBit::DigitalSignature]),
    ] {
        world.pool.add(stranger);
        world.check(
            "signer not authorised",
            &[clean.clone().sign()],
            &[],
            [Unknown; 2],
        );
    }
    let signer = signer(&world.root, &[KeyUsageBit::CrlSign]);
    world.pool.add(signer.clone());
    world.check("good", &[clean.clone().sign()], &[], [Good; 2]);
    world.check("listed", &[listed.sign()], &[], [Revoked; 2]);
    let not_indirect = CrlBuilder::new(lists, TestKey::P384B).sign();
    world.check(
        "a list that is not indirect",
        &[not_indirect],
        &[],
        [Good, Unknown],
    );
    let gone = CrlBuilder::of(&world.root).number(2).revoke(&signer).sign();
    world.check("signer revoked", &[clean.sign(), gone], &[], [Unknown; 2]);
}

#[test]
fn a_response_proves_what_it_says_of_the_certificate_it_names() {
    let world = World::new();
    let good = CertificateStatus::Good;
    let days = |count: i64| UnixTime(NOW.0 + count * DAY);
    let revoked = |at, reason| CertificateStatus::Revoked { at, reason };
    let hold = Some(RevocationReason::CertificateHold);
    let later = |builder: OcspBuilder| builder.valid(days(1), Some(days(9)));
    let past = |builder: OcspBuilder| builder.valid(days(-9), Some(days(-1)));
    for (name, builder, status, expected) in [
        ("good", world.ocsp(), good, [Good; 2]),
        ("good, by key", world.ocsp().by_key(), good, [Good; 2]),
        (
            "good, SHA-256",
            world.ocsp().digest(DigestAlgorithm::Sha256),
            good,
            [Good; 2],
        ),
        (
            "good, with a nonce",
            world.ocsp().nonce(b"12345678"),
            good,
            [Good; 2],
        ),
        (
            "revoked",
            world.ocsp(),
            revoked(days(-1), None),
            [Revoked; 2],
        ),
        (
            "on hold",
            world.ocsp(),
            revoked(days(-1), hold),
            [Revoked; 2],
        ),
        (
            "unknown",
            world.ocsp(),
            CertificateStatus::Unknown,
            [Unknown; 2],
        ),
        ("past", past(world.ocsp()), good, [Unknown; 2]),
        (
            "past, revoked",
            past(world.ocsp()),
            revoked(days(-10), None),
            [Revoked; 2],
        ),
        (
            "past, on hold",
            past(world.ocsp()),
            revoked(days(-10), hold),
            [Unknown; 2],
        ),
        ("to come", later(world.ocsp()), good, [Unknown; 2]),
        (
            "to come, revoked",
            later(world.ocsp()),
            revoked(days(-1), None),
            [Revoked; 2],
        ),
        (
            "to come, revoked then",
            later(world.ocsp()),
            revoked(days(1), None),
            [Unknown; 2],
        ),
        (
            "no end",
            world.ocsp().valid(days(-1), None),
            good,
            [Unknown; 2],
        ),
        (
            "unknown critical extension",
            world.ocsp().extension(Oid::new("1.2.3"), true, &[5, 0]),
            good,
            [Unknown; 2],
        ),
        (
            "unknown critical extension of the answer",
            world
                .ocsp()
                .single_extension(Oid::new("1.2.3"), true, &[5, 0]),
            good,
            [Unknown; 2],
        ),
        (
            "unknown extension",
            world.ocsp().extension(Oid::new("1.2.3"), false, &[5, 0]),
            good,
            [Good; 2],
        ),
    ] {
        world.check(name, &[], &[world.tells(builder, status)], expected);
    }
}

/// Attack class 29: a response that is not bound to the very certificate (CVE-2026-58062).
#[test]
fn revocation_mix_ups_a_response_about_another_certificate_proves_nothing() {
    let world = World::new();
    let good = CertificateStatus::Good;
    let issuer = world.authority.certificate();
    let (name, key) = (issuer.subject().der(), issuer.public_key().key_bytes());
    let serial = world.leaf().serial();
    let other_key = TestKey::P384B.public();
    let other_name = world.root.certificate().subject().der();
    for (what, builder) in [
        ("serial", world.ocsp().tell_of(name, key, &[1], good)),
        (
            "issuer's key",
            world
                .ocsp()
                .tell_of(name, other_key.key_bytes(), serial, good),
        ),
        (
            "issuer's name",
            world.ocsp().tell_of(other_name, key, serial, good),
        ),
        (
            "certificate",
            world.ocsp().tell(issuer, world.root.certificate(), good),
        ),
    ] {
        world.check(what, &[], &[builder.sign()], [Good, Unknown]);
    }
    // Whatever is said of others beside it changes nothing.
    let beside = world.ocsp().tell_of(name, key, &[1], good);
    let told = CertificateStatus::Revoked {
        at: NOW,
        reason: None,
    };
    world.check("beside", &[], &[world.tells(beside, told)], [Revoked; 2]);
}

#[test]
fn only_the_issuer_or_its_delegate_may_answer() {
    let world = World::new();
    let good = CertificateStatus::Good;
    let no_check = (Oid::new("1.3.6.1.5.5.7.48.1.5"), [5, 0]);
    let signing = Oid::new("1.3.6.1.5.5.7.3.9");
    let delegate = |under: &Authority, profile: Profile, usages: &[Oid]| {
        let person = under.person_with("ocsp@example.com", profile, |builder| {
            builder
                .key_usage(&[KeyUsageBit::DigitalSignature])
                .extended_key_usage(usages)
                .extension(no_check.0, false, &no_check.1)
        });
        person.certificate
    };
    let profile = Profile::of(TestKey::P384B);
    let other = world.root.intermediate("Authority", TestKey::Rsa2048A);
    for (name, certificate, expected) in [
        (
            "delegate",
            delegate(&world.authority, profile, &[signing]),
            [Good; 2],
        ),
        (
            "any use",
            delegate(&world.authority, profile, &[ANY_EXTENDED_KEY_USAGE]),
            [Unknown; 2],
        ),
        (
            "past",
            delegate(&world.authority, profile.expired(), &[signing]),
            [Unknown; 2],
        ),
        (
            "to come",
            delegate(&world.authority, profile.not_yet_valid(), &[signing]),
            [Unknown; 2],
        ),
        (
            "the root's delegate",
            delegate(&world.root, profile, &[signing]),
            [Unknown; 2],
        ),
        (
            "a namesake's delegate",
            delegate(&other, profile, &[signing]),
            [Unknown; 2],
        ),
    ] {
        let by = OcspBuilder::by_owner(&certificate, TestKey::P384B);
        let without = world.tells(by.clone(), good);
        world.check("not at hand", &[], &[without], [Unknown; 2]);
        for by in [by.clone(), by.by_key()] {
            let response = world.tells(by.with_certificate(&certificate), good);
            world.check(name, &[], &[response], expected);
        }
        let by = OcspBuilder::by_owner(&certificate, TestKey::P384A).with_certificate(&certificate);
        world.check("other key", &[], &[world.tells(by, good)], [Unknown; 2]);
    }
    let by = OcspBuilder::by(&world.root);
    world.check(
        "the root itself",
        &[],
        &[world.tells(by, good)],
        [Unknown; 2],
    );
    let by = OcspBuilder::by_owner(world.leaf(), TestKey::P256B).with_certificate(world.leaf());
    world.check("the person", &[], &[world.tells(by, good)], [Unknown; 2]);
}

#[test]
fn a_delegate_without_nocheck_is_judged_itself() {
    let world = World::new();
    let profile = Profile::of(TestKey::P384B);
    let delegate = world
        .authority
        .person_with("ocsp@example.com", profile, |builder| {
            builder.extended_key_usage(&[Oid::new("1.3.6.1.5.5.7.3.9")])
        });
    let delegate = delegate.certificate;
    let by = OcspBuilder::by_owner(&delegate, TestKey::P384B).with_certificate(&delegate);
    let response = [world.tells(by, CertificateStatus::Good)];
    world.check("nothing known", &[], &response, [Good, Unknown]);
    // A list that does not cover the person, so that the response alone decides.
    let issuer = world.authority.certificate();
    let told = |status| world.ocsp().tell(&delegate, issuer, status).sign();
    let with = |status| [response[0].clone(), told(status)];
    world.check("good", &[], &with(CertificateStatus::Good), [Good; 2]);
    let revoked = CertificateStatus::Revoked {
        at: NOW,
        reason: None,
    };
    world.check("revoked", &[], &with(revoked), [Unknown; 2]);
}

#[test]
fn a_revocation_wins_over_any_word_that_there_is_none() {
    let world = World::new();
    let good = world.tells(world.ocsp(), CertificateStatus::Good);
    let revoked = CertificateStatus::Revoked {
        at: UnixTime(NOW.0 - DAY),
        reason: None,
    };
    let revoked = world.tells(world.ocsp(), revoked);
    let clean = world.crl().sign();
    let listed = world.crl().revoke(world.leaf()).sign();
    world.check("list", &[listed], std::slice::from_ref(&good), [Revoked; 2]);
    world.check(
        "response",
        &[clean],
        std::slice::from_ref(&revoked),
        [Revoked; 2],
    );
    for both in [[good.clone(), revoked.clone()], [revoked, good]] {
        world.check("two responses", &[], &both, [Revoked; 2]);
    }
}

#[test]
fn a_retired_algorithm_does_not_sign_evidence() {
    let root = Authority::root("Root", TestKey::Rsa2048A);
    let person = root.person("alice@example.com", Profile::of(TestKey::P256B));
    let scheme = smime_crypto::SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha1);
    let mut revocation = Revocation::new(RevocationPolicy::Require);
    revocation.add_crl(CrlBuilder::of(&root).scheme(scheme).sign());
    for (algorithms, expected) in [
        (
            AlgorithmPolicy::standard(),
            Err(ChainErrorKind::RevocationUnknown),
        ),
        (AlgorithmPolicy::archive(), Ok(())),
    ] {
        let verifier = ChainVerifier {
            provider: &RustCrypto,
            algorithms: &algorithms,
            policy: &CertificatePolicy::standard(),
            anchors: &root.trust(),
            revocation: &revocation,
        };
        let found = verifier.verify(&person.certificate, Purpose::Any, &person.bundle(), NOW);
        assert_eq!(found.map(|_| ()).map_err(|error| error.kind), expected);
    }
}

/// Attack class 29: a huge list; class 24: nothing quadratic.
#[test]
fn revocation_mix_ups_a_list_of_a_million_entries_is_read_and_asked() {
    let world = World::new();
    let mut list = world.crl();
    for number in 0..1_000_000_u32 {
        let [a, b, c, d] = number.to_be_bytes();
        list = list.serial(&[0x20, a, b, c, d], UnixTime(NOW.0 - DAY), &[]);
    }
    let clean = list.clone().sign();
    assert_eq!(clean.entries().count(), 1_000_000);
    assert_eq!(clean.with_serial(&[0x20, 0, 1, 2, 3]).count(), 1);
    assert_eq!(clean.with_serial(&[0x21, 0, 1, 2, 3]).count(), 0);
    world.check("clean", &[clean], &[], [Good; 2]);
    world.check(
        "listed",
        &[list.revoke(world.leaf()).sign()],
        &[],
        [Revoked; 2],
    );
}

/// Attack class 24: entries and lists made to be compared cost a budget, not time.
#[test]
fn evidence_made_to_cost_time_ends_with_the_budget() {
    let world = World::new();
    let stranger = Name::from_attributes(&[(NameAttribute::CommonName, "Stranger")]);
    let indirect = CrlScope {
        indirect: true,
        ..CrlScope::default()
    };
    let mut list = world.crl().scope(&indirect);
    for _ in 0..100_000 {
        list = list.entry(world.leaf(), NOW, &[entry_issuer(&stranger)]);
    }
    let result = world.judge(RevocationPolicy::IfAvailable, &[list.sign()], &[]);
    assert_eq!(result, Err(ChainErrorKind::BudgetExhausted));

    let forged = world.crl().key(TestKey::P384B).revoke(world.leaf()).sign();
    let result = world.judge(RevocationPolicy::IfAvailable, &vec![forged; 200], &[]);
    assert_eq!(result, Err(ChainErrorKind::BudgetExhausted));

    let forged = OcspBuilder::by_owner(world.authority.certificate(), TestKey::P384B);
    let forged = world.tells(forged, CertificateStatus::Good);
    let result = world.judge(RevocationPolicy::IfAvailable, &[], &vec![forged; 200]);
    assert_eq!(result, Err(ChainErrorKind::BudgetExhausted));
}
