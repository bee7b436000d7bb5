//! Whom a signature makes the sender.

use smime_cms::Verdict;
use smime_testkit::{Authority, Profile, TestKey};
use smime_x509::{CertificatePolicy, Name, NameAttribute, SubjectAddress};

use crate::{
    CONTENT, Court, addresses,
    forge::{DATA, Forger, signed_data},
    root,
};

#[test]
fn the_sender_must_have_every_address() {
    let identity = root().person_with(
        "alice@example.com",
        Profile::of(TestKey::P256A),
        |builder| builder.emails(&["alice@example.com", "sales@example.com"]),
    );
    let info = Forger::honest(&identity, CONTENT).sign(CONTENT);
    let der = signed_data(DATA, Some(CONTENT), &[&identity.certificate], &[info]);
    for (sender, expected) in [
        (Some(&["alice@example.com"][..]), Verdict::Good),
        (Some(&["alice@EXAMPLE.com"]), Verdict::Good),
        (
            Some(&["sales@example.com", "alice@example.com"]),
            Verdict::Good,
        ),
        (None, Verdict::Good),
        (Some(&["bob@example.com"]), Verdict::WrongSender),
        (
            Some(&["alice@example.com", "bob@example.com"]),
            Verdict::WrongSender,
        ),
        (Some(&["alice@example.com.invalid"]), Verdict::WrongSender),
        (Some(&[]), Verdict::WrongSender),
    ] {
        let court = Court {
            sender: sender.map(addresses),
            ..Court::new()
        };
        assert_eq!(court.verdict(&der), expected, "{sender:?}");
    }
}

#[test]
fn a_certificate_that_proves_nothing_makes_nobody_a_sender() {
    let stranger = Authority::root("Stranger", TestKey::P384A);
    let mallory = stranger.person("alice@example.com", Profile::of(TestKey::P256A));
    let info = Forger::honest(&mallory, CONTENT).sign(CONTENT);
    let certificates = [&mallory.certificate, stranger.certificate()];
    let der = signed_data(DATA, Some(CONTENT), &certificates, &[info]);
    assert!(matches!(Court::new().verdict(&der), Verdict::Untrusted(_)));
    // Asked for the signature alone, it matches; whose it is was not asked.
    let court = Court {
        chains: false,
        ..Court::new()
    };
    assert_eq!(court.verdict(&der), Verdict::Good);
}

#[test]
fn an_address_in_the_subject_makes_somebody_the_sender_if_the_policy_lets_it() {
    let profile = Profile::of(TestKey::P256A);
    let named = |subject: &'static str| {
        let name = Name::from_attributes(&[(NameAttribute::EmailAddress, subject)]);
        root().person_with("other@example.com", profile, |it| it.subject(name))
    };
    for (policy, subject, sender, verdict) in [
        (
            SubjectAddress::Counts,
            "alice@example.com",
            "alice@example.com",
            Verdict::Good,
        ),
        (
            SubjectAddress::Ignored,
            "alice@example.com",
            "alice@example.com",
            Verdict::WrongSender,
        ),
        (
            SubjectAddress::Ignored,
            "alice@example.com",
            "other@example.com",
            Verdict::Good,
        ),
        (
            SubjectAddress::Counts,
            "mallory@example.com",
            "alice@example.com",
            Verdict::WrongSender,
        ),
    ] {
        let person = named(subject);
        let court = Court {
            sender: Some(addresses(&[sender])),
            certificates: CertificatePolicy {
                subject_address: policy,
                ..CertificatePolicy::standard()
            },
            ..Court::new()
        };
        let info = Forger::honest(&person, CONTENT).sign(CONTENT);
        let der = signed_data(DATA, Some(CONTENT), &[&person.certificate], &[info]);
        assert_eq!(
            court.verdict(&der),
            verdict,
            "{policy:?} {subject} {sender}"
        );
    }
}
