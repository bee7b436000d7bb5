//! What CRLs prove.

use smime_crypto::{Oid, UnixTime};
use smime_testkit::{
    Authority, CRL_NUMBER, CrlBuilder, CrlScope, DAY, NOW, Profile, TestKey, directory_name,
    distribution_points, entry_issuer, entry_reason, uri,
};
use smime_x509::{KeyUsageBit, Name, NameAttribute};

use crate::{Good, Revoked, Unknown, World};

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
