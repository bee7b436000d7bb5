//! Which time decides, and what the one that a signer claims does not.

use smime_cms::{ClaimedTime, Verdict};
use smime_crypto::{Oid, UnixTime, asn1::Writer};
use smime_testkit::{CrlBuilder, DAY, NOW, OcspBuilder};
use smime_x509::{CertificateStatus, ChainErrorKind, Revocation, RevocationPolicy};

use crate::{
    CONTENT, Court, addresses, alice,
    forge::{DATA, Forger, SIGNING_TIME, signed_data},
    honest, message, reports, root, sent,
};

#[test]
fn the_time_a_signer_claims_decides_nothing() {
    let late = UnixTime(alice().certificate.not_after().0 + DAY);
    let court = Court {
        at: late,
        ..Court::new()
    };
    match court.verdict(&honest()) {
        Verdict::Untrusted(error) => assert_eq!(error.kind, ChainErrorKind::Expired),
        other => panic!("{other:?}"),
    }
    let mut forger = Forger::honest(alice(), CONTENT);
    forger.attributes.as_mut().unwrap().remove(1);
    for time in [UnixTime(0), UnixTime(late.0), UnixTime(253_402_300_799)] {
        let forger = forger.clone().also(SIGNING_TIME, |w| w.time(time));
        let der = sent(forger.sign(CONTENT));
        let found = court.verdict(&der);
        assert!(matches!(found, Verdict::Untrusted(_)), "{found:?}");
    }
}

#[test]
fn by_choice_the_time_a_signer_claims_decides_about_validity_and_about_nothing_else() {
    let alice = alice();
    let late = UnixTime(alice.certificate.not_after().0 + DAY);
    let court = |claimed_time, at| Court {
        claimed_time,
        at,
        ..Court::new()
    };
    let judged = |court: &Court, der: &[u8]| {
        let outcome = court.judge(message(der)).unwrap();
        let report = &reports(&outcome)[0];
        (report.verdict.clone(), report.by_claimed_time)
    };
    let counts = court(ClaimedTime::Validity, late);
    assert_eq!(judged(&counts, &honest()), (Verdict::Good, true));
    // What is good without the claim does not rest on it.
    let today = court(ClaimedTime::Validity, NOW);
    assert_eq!(judged(&today, &honest()), (Verdict::Good, false));
    let ignored = court(ClaimedTime::Ignored, late);
    assert!(matches!(
        judged(&ignored, &honest()),
        (Verdict::Untrusted(_), false)
    ));
    // No claim, or one of a time when the certificate was not valid or that is yet to come.
    let mut forger = Forger::honest(alice, CONTENT);
    forger.attributes.as_mut().unwrap().remove(1);
    let silent = sent(forger.clone().sign(CONTENT));
    let claiming = |time: i64| {
        let forger = forger
            .clone()
            .also(SIGNING_TIME, |w| w.time(UnixTime(time)));
        sent(forger.sign(CONTENT))
    };
    let (first, last) = (
        alice.certificate.not_before().0,
        alice.certificate.not_after().0,
    );
    for (der, kind) in [
        (silent, ChainErrorKind::Expired),
        (claiming(first - 1), ChainErrorKind::NotYetValid),
        (claiming(last + 1), ChainErrorKind::Expired),
        (claiming(late.0), ChainErrorKind::Expired),
        (claiming(late.0 + 1), ChainErrorKind::Expired),
        (claiming(253_402_300_799), ChainErrorKind::Expired),
    ] {
        match judged(&counts, &der) {
            (Verdict::Untrusted(error), false) => assert_eq!(error.kind, kind),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(judged(&counts, &claiming(last)), (Verdict::Good, true));
    // A claim makes nobody another person, and mends no signature.
    let other = Court {
        sender: Some(addresses(&["bob@example.com"])),
        ..court(ClaimedTime::Validity, late)
    };
    assert_eq!(judged(&other, &honest()).0, Verdict::WrongSender);
    let info = Forger::honest(alice, CONTENT).sign(CONTENT);
    let altered = signed_data(DATA, Some(b"Pay 99"), &[&alice.certificate], &[info]);
    assert_eq!(judged(&counts, &altered), (Verdict::BadSignature, false));
}

#[test]
fn whoever_was_revoked_cannot_claim_a_time_before_it() {
    let alice = alice();
    let expired = alice.certificate.not_after().0;
    let late = UnixTime(expired + DAY);
    // Revoked after the signature was made, or after the certificate had expired: a thief claims
    // any time.
    for since in [NOW.0 - DAY, NOW.0 + DAY, expired + DAY / 2] {
        let list = CrlBuilder::of(root())
            .number(1)
            .valid(late, Some(UnixTime(late.0 + DAY)))
            .entry(&alice.certificate, UnixTime(since), &[]);
        let mut revocation = Revocation::new(RevocationPolicy::IfAvailable);
        revocation.add_crl(list.sign());
        let court = Court {
            claimed_time: ClaimedTime::Validity,
            at: late,
            revocation,
            ..Court::new()
        };
        match court.verdict(&honest()) {
            Verdict::Untrusted(error) => {
                let is_it = matches!(error.kind, ChainErrorKind::Revoked { .. });
                assert!(is_it, "{:?}", error.kind);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn nobody_who_forgets_the_expired_tells_that_they_were_not_revoked() {
    let alice = alice();
    let expired = alice.certificate.not_after().0;
    let late = UnixTime(expired + DAY);
    let list = |issued| {
        let next = Some(UnixTime(late.0 + DAY));
        CrlBuilder::of(root())
            .number(1)
            .valid(UnixTime(issued), next)
    };
    let keeping = |list: CrlBuilder, since| {
        let since = Writer::encode(|w| w.time(UnixTime(since)));
        list.extension(Oid::new("2.5.29.60"), false, &since)
    };
    let after = || list(expired + 1);
    for (list, is_good) in [
        (list(expired), true),
        (after(), false),
        (keeping(after(), expired), true),
        (keeping(after(), expired + 1), false),
        (
            after().extension(Oid::new("2.5.29.60"), false, b"\x05\x00"),
            false,
        ),
    ] {
        let mut revocation = Revocation::new(RevocationPolicy::Require);
        revocation.add_crl(list.sign());
        check_of_expired(late, revocation, is_good);
    }
    for (issued, is_good) in [(expired, true), (expired + 1, false)] {
        let next = Some(UnixTime(late.0 + DAY));
        let response = OcspBuilder::by(root()).valid(UnixTime(issued), next).tell(
            &alice.certificate,
            root().certificate(),
            CertificateStatus::Good,
        );
        let mut revocation = Revocation::new(RevocationPolicy::Require);
        revocation.add_response(response.sign());
        check_of_expired(late, revocation, is_good);
    }
}

fn check_of_expired(at: UnixTime, revocation: Revocation, is_good: bool) {
    let court = Court {
        claimed_time: ClaimedTime::Validity,
        at,
        revocation,
        ..Court::new()
    };
    match court.verdict(&honest()) {
        Verdict::Good => assert!(is_good),
        Verdict::Untrusted(error) => {
            assert_eq!(error.kind, ChainErrorKind::RevocationUnknown);
            assert!(!is_good);
        }
        other => panic!("{other:?}"),
    }
}
