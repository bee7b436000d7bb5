//! What OCSP responses prove.

use smime_crypto::{DigestAlgorithm, Oid, UnixTime};
use smime_testkit::{Authority, DAY, NOW, OcspBuilder, Profile, TestKey};
use smime_x509::{ANY_EXTENDED_KEY_USAGE, CertificateStatus, KeyUsageBit, RevocationReason};

use crate::{Good, Revoked, Unknown, World};

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
