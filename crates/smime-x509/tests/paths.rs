//! Anchors and what they are bound to, purposes, and paths that hide others.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use smime_crypto::{
    AlgorithmPolicy, Oid, RustCrypto, UnixTime,
    asn1::{Tag, Writer},
};
use smime_testkit::{AcceptAll, Authority, DAY, NOW, Profile, TestKey};
use smime_x509::{
    ANY_EXTENDED_KEY_USAGE, AnchorConstraints, AnchorValidity, AnyExtendedKeyUsage, Certificate,
    CertificateBuilder, CertificateBundle, CertificatePolicy, ChainError, ChainErrorKind,
    ChainRequest, ChainVerifier, EMAIL_PROTECTION, Irregularity, KeyUsageBit, PolicyInputs,
    ProfileRules, Purpose, Revocation, TrustStore, VerifiedChain,
};

const SERVER_AUTH: Oid = Oid::new("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTH: Oid = Oid::new("1.3.6.1.5.5.7.3.2");
const CODE_SIGNING: Oid = Oid::new("1.3.6.1.5.5.7.3.3");
const TIME_STAMPING: Oid = Oid::new("1.3.6.1.5.5.7.3.8");
const OCSP_SIGNING: Oid = Oid::new("1.3.6.1.5.5.7.3.9");
const KEY_USAGE: Oid = Oid::new("2.5.29.15");
const EXTENDED_KEY_USAGE: Oid = Oid::new("2.5.29.37");
const BASIC_CONSTRAINTS: Oid = Oid::new("2.5.29.19");
const NAME_CONSTRAINTS: Oid = Oid::new("2.5.29.30");
const CERTIFICATE_POLICIES: Oid = Oid::new("2.5.29.32");
const AUTHORITY_KEY_ID: Oid = Oid::new("2.5.29.35");
const SUBJECT_KEY_ID: Oid = Oid::new("2.5.29.14");
const POLICY: Oid = Oid::new("1.3.6.1.4.1.99999.7");

type Change = fn(CertificateBuilder) -> CertificateBuilder;

/// What is asked, with the usual answers.
struct Asked {
    policy: CertificatePolicy,
    purpose: Purpose,
    policies: PolicyInputs,
    anchors: TrustStore,
}

impl Asked {
    fn of(anchors: TrustStore) -> Self {
        Self {
            policy: CertificatePolicy::standard(),
            purpose: Purpose::SignMail,
            policies: PolicyInputs::default(),
            anchors,
        }
    }

    fn verify(
        &self,
        leaf: &Certificate,
        pool: &[Certificate],
    ) -> Result<VerifiedChain, ChainError> {
        let pool: CertificateBundle = pool.iter().cloned().collect();
        let verifier = ChainVerifier {
            provider: &RustCrypto,
            algorithms: &AlgorithmPolicy::standard(),
            policy: &self.policy,
            anchors: &self.anchors,
            revocation: &Revocation::off(),
        };
        let request = ChainRequest {
            purpose: self.purpose,
            pool: &pool,
            at: NOW,
            valid_at: NOW,
            policies: &self.policies,
        };
        verifier.verify_request(leaf, &request)
    }

    fn length(&self, leaf: &Certificate, pool: &[Certificate]) -> Result<usize, ChainErrorKind> {
        let result = self.verify(leaf, pool);
        result.map(|it| it.path().len()).map_err(|it| it.kind)
    }
}

fn bound(anchor: &Authority, bounds: AnchorConstraints) -> TrustStore {
    let mut anchors = TrustStore::new();
    anchors.add_constrained(anchor.certificate().clone(), bounds);
    anchors
}

fn policies(list: &[Oid]) -> Vec<u8> {
    Writer::encode(|w| w.sequence(|w| list.iter().for_each(|it| w.sequence(|w| w.oid(*it)))))
}

fn mail_host(tag: u8, host: &str) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.constructed(Tag::context_constructed(tag), |w| {
                w.sequence(|w| w.element(Tag::context(1), host.as_bytes()));
            });
        });
    })
}

#[test]
fn an_anchor_serves_the_purposes_it_is_trusted_for() {
    let root = Authority::root("Root", TestKey::P384A);
    let person = root.person("a@example.com", Profile::of(TestKey::P256A));
    for (purposes, expected) in [
        (None, Ok(2)),
        (Some(vec![Purpose::SignMail]), Ok(2)),
        (
            Some(vec![Purpose::EncryptMail]),
            Err(ChainErrorKind::PurposeNotTrusted),
        ),
        (
            Some(vec![Purpose::Any]),
            Err(ChainErrorKind::PurposeNotTrusted),
        ),
        (Some(vec![]), Err(ChainErrorKind::PurposeNotTrusted)),
    ] {
        let bounds = AnchorConstraints {
            purposes,
            ..AnchorConstraints::default()
        };
        let asked = Asked::of(bound(&root, bounds.clone()));
        assert_eq!(asked.length(&person.certificate, &[]), expected);
        // A leaf that is an anchor is bound too.
        let mut own = Asked::of(TrustStore::new());
        own.anchors
            .add_constrained(person.certificate.clone(), bounds);
        assert_eq!(own.length(&person.certificate, &[]), expected.map(|_| 1));
    }
    // Trusted for something else, an authority may still stand below one that is trusted.
    let middle = root.intermediate("Middle", TestKey::P384B);
    let person = middle.person("a@example.com", Profile::of(TestKey::P256A));
    let bounds = AnchorConstraints {
        purposes: Some(vec![Purpose::TlsServer]),
        ..AnchorConstraints::default()
    };
    let mut asked = Asked::of(bound(&middle, bounds));
    let alone = asked.length(&person.certificate, &person.chain);
    assert_eq!(alone, Err(ChainErrorKind::PurposeNotTrusted));
    asked.anchors.add(root.certificate().clone());
    assert_eq!(asked.length(&person.certificate, &[]), Ok(3));
}

#[test]
fn an_anchor_can_be_bound_to_a_length_and_to_policies() {
    let root = Authority::root("Root", TestKey::P384A);
    let value = policies(&[POLICY]);
    let with_policy = |b: CertificateBuilder| b.extension(CERTIFICATE_POLICIES, false, &value);
    let middle = root.intermediate_with("Middle", TestKey::P384B, with_policy);
    let profile = Profile::of(TestKey::P256A);
    let person = middle.person_with("a@example.com", profile, with_policy);
    let without = middle.person("b@example.com", profile);
    for (length, expected) in [(1, Ok(3)), (0, Err(ChainErrorKind::PathTooLong))] {
        let bounds = AnchorConstraints {
            path_length: Some(length),
            ..AnchorConstraints::default()
        };
        let asked = Asked::of(bound(&root, bounds));
        assert_eq!(asked.length(&person.certificate, &person.chain), expected);
    }
    let none = Err(ChainErrorKind::NoAcceptablePolicy);
    let other = Oid::new("1.2.3");
    for (bounds, asked_for, expected) in [
        (vec![POLICY], vec![], Ok(3)),
        (vec![POLICY, other], vec![POLICY], Ok(3)),
        (vec![POLICY], vec![other], none.clone()),
        (vec![other], vec![], none.clone()),
        (vec![other], vec![POLICY], none.clone()),
        (vec![], vec![], none.clone()),
        (vec![], vec![POLICY], none.clone()),
    ] {
        let bounds = AnchorConstraints {
            policies: Some(bounds),
            ..AnchorConstraints::default()
        };
        let mut asked = Asked::of(bound(&root, bounds));
        asked.policies.acceptable = asked_for;
        assert_eq!(asked.length(&person.certificate, &person.chain), expected);
        assert_eq!(asked.length(&without.certificate, &without.chain), none);
    }
}

#[test]
fn distrust_wins_over_every_trust() {
    let root = Authority::root("Root", TestKey::P384A);
    let middle = root.intermediate("Middle", TestKey::P384B);
    let person = middle.person("a@example.com", Profile::of(TestKey::P256A));
    let all = [
        &person.certificate,
        middle.certificate(),
        root.certificate(),
    ];
    for certificate in all {
        let mut asked = Asked::of(TrustStore::new());
        asked.anchors.distrust(certificate.fingerprint());
        let bounds = AnchorConstraints::default();
        asked.anchors.add_constrained(certificate.clone(), bounds);
        let result = asked.length(&person.certificate, &person.chain);
        assert_eq!(result, Err(ChainErrorKind::Distrusted));
    }
}

#[test]
fn an_anchor_may_outlive_its_validity_where_the_policy_says_so() {
    let root = Authority::root_with("Root", TestKey::P384A, |b| {
        b.valid(UnixTime(0), UnixTime(NOW.0 - DAY))
    });
    let person = root.person("a@example.com", Profile::of(TestKey::P256A));
    let mut asked = Asked::of(root.trust());
    let expired = Err(ChainErrorKind::Expired);
    assert_eq!(asked.length(&person.certificate, &[]), expired);
    asked.policy.anchor_validity = AnchorValidity::Ignored;
    let chain = asked.verify(&person.certificate, &[]).unwrap();
    assert_eq!(chain.warnings(), [Irregularity::AnchorValidity]);
    // An intermediate may not.
    let root = Authority::root("Root", TestKey::P384A);
    let middle = root.intermediate_with("Middle", TestKey::P384B, |b| {
        b.valid(UnixTime(0), UnixTime(NOW.0 - DAY))
    });
    let person = middle.person("a@example.com", Profile::of(TestKey::P256A));
    asked.anchors = root.trust();
    assert_eq!(asked.length(&person.certificate, &person.chain), expired);
}

#[test]
fn what_breaks_the_profile_is_a_warning_or_a_refusal() {
    let soft_constraints = mail_host(0, "example.com");
    let unchanged: Change = |b| b;
    let soft = |b: CertificateBuilder| b.extension(NAME_CONSTRAINTS, false, &soft_constraints);
    type Case<'a> = (
        &'a dyn Fn(CertificateBuilder) -> CertificateBuilder,
        Change,
        Irregularity,
    );
    let cases: [Case<'_>; 8] = [
        (&unchanged, |b| b.serial(&[]), Irregularity::SerialNumber),
        (
            &unchanged,
            |b| b.serial(&[1; 21]),
            Irregularity::SerialNumber,
        ),
        (
            &unchanged,
            |b| b.extension(AUTHORITY_KEY_ID, true, &[0x30, 0]),
            Irregularity::Critical,
        ),
        (&soft, unchanged, Irregularity::NotCritical),
        (
            &|b| b.extension(BASIC_CONSTRAINTS, false, &[0x30, 3, 1, 1, 0xff]),
            unchanged,
            Irregularity::NotCritical,
        ),
        (
            &unchanged,
            |b| b.without_extension(AUTHORITY_KEY_ID),
            Irregularity::NoAuthorityKeyId,
        ),
        (
            &|b| b.without_extension(SUBJECT_KEY_ID),
            |b| b.authority_key_id(&[1]),
            Irregularity::NoSubjectKeyId,
        ),
        (
            &unchanged,
            |b| b.key_usage(&[KeyUsageBit::DigitalSignature, KeyUsageBit::KeyCertSign]),
            Irregularity::NotAnAuthority,
        ),
    ];
    for (root, leaf, expected) in cases {
        let root = Authority::root_with("Root", TestKey::P384A, root);
        let person = root.person_with("a@example.com", Profile::of(TestKey::P256A), leaf);
        let mut asked = Asked::of(root.trust());
        let chain = asked.verify(&person.certificate, &[]).unwrap();
        assert!(chain.warnings().contains(&expected), "{expected}");
        asked.policy.profile = ProfileRules::Refuse;
        let refused = asked.length(&person.certificate, &[]).unwrap_err();
        assert!(
            matches!(refused, ChainErrorKind::Nonconforming(_)),
            "{expected}"
        );
    }
    let root = Authority::root("Root", TestKey::P384A);
    let person = root.person("a@example.com", Profile::of(TestKey::P256A));
    let mut asked = Asked::of(root.trust());
    asked.policy.profile = ProfileRules::Refuse;
    let chain = asked.verify(&person.certificate, &[]).unwrap();
    assert_eq!(chain.warnings(), []);
}

#[test]
fn each_purpose_needs_its_uses() {
    use KeyUsageBit::{CrlSign, DigitalSignature, KeyAgreement, KeyCertSign, NonRepudiation};
    let root = Authority::root("Root", TestKey::P384A);
    let (no_usage, no_extended) = (ChainErrorKind::KeyUsage, ChainErrorKind::ExtendedKeyUsage);
    type Uses<'a> = (
        Purpose,
        &'a [KeyUsageBit],
        &'a [Oid],
        Option<ChainErrorKind>,
    );
    let cases: Vec<Uses<'_>> = vec![
        (Purpose::SignCrl, &[CrlSign], &[], None),
        (
            Purpose::SignCrl,
            &[DigitalSignature],
            &[],
            Some(no_usage.clone()),
        ),
        (
            Purpose::SignOcsp,
            &[DigitalSignature],
            &[OCSP_SIGNING],
            None,
        ),
        (
            Purpose::SignOcsp,
            &[CrlSign],
            &[OCSP_SIGNING],
            Some(no_usage.clone()),
        ),
        (
            Purpose::SignOcsp,
            &[DigitalSignature],
            &[],
            Some(no_extended.clone()),
        ),
        (
            Purpose::SignOcsp,
            &[DigitalSignature],
            &[ANY_EXTENDED_KEY_USAGE],
            Some(no_extended.clone()),
        ),
        (Purpose::TlsServer, &[KeyAgreement], &[SERVER_AUTH], None),
        (Purpose::TlsServer, &[DigitalSignature], &[], None),
        (
            Purpose::TlsServer,
            &[NonRepudiation],
            &[SERVER_AUTH],
            Some(no_usage.clone()),
        ),
        (
            Purpose::TlsServer,
            &[DigitalSignature],
            &[CLIENT_AUTH],
            Some(no_extended.clone()),
        ),
        (
            Purpose::TlsClient,
            &[DigitalSignature],
            &[CLIENT_AUTH],
            None,
        ),
        (
            Purpose::TlsClient,
            &[KeyCertSign],
            &[CLIENT_AUTH],
            Some(no_usage.clone()),
        ),
        (
            Purpose::TlsClient,
            &[DigitalSignature],
            &[SERVER_AUTH],
            Some(no_extended.clone()),
        ),
        (
            Purpose::SignCode,
            &[DigitalSignature],
            &[CODE_SIGNING],
            None,
        ),
        (
            Purpose::SignCode,
            &[DigitalSignature],
            &[],
            Some(no_extended.clone()),
        ),
        (
            Purpose::SignCode,
            &[DigitalSignature],
            &[CODE_SIGNING, SERVER_AUTH],
            Some(no_extended.clone()),
        ),
        (
            Purpose::SignCode,
            &[DigitalSignature],
            &[ANY_EXTENDED_KEY_USAGE],
            Some(no_extended.clone()),
        ),
        (
            Purpose::SignCode,
            &[DigitalSignature, CrlSign],
            &[CODE_SIGNING],
            Some(no_usage.clone()),
        ),
        (
            Purpose::SignCode,
            &[],
            &[CODE_SIGNING],
            Some(no_usage.clone()),
        ),
        (
            Purpose::TimeStamp,
            &[DigitalSignature],
            &[TIME_STAMPING],
            None,
        ),
        (
            Purpose::TimeStamp,
            &[NonRepudiation],
            &[TIME_STAMPING],
            None,
        ),
        (
            Purpose::TimeStamp,
            &[],
            &[TIME_STAMPING],
            Some(no_usage.clone()),
        ),
        (
            Purpose::TimeStamp,
            &[DigitalSignature, KeyAgreement],
            &[TIME_STAMPING],
            Some(no_usage.clone()),
        ),
        (
            Purpose::TimeStamp,
            &[DigitalSignature],
            &[TIME_STAMPING, EMAIL_PROTECTION],
            Some(no_extended.clone()),
        ),
        (
            Purpose::TimeStamp,
            &[DigitalSignature],
            &[ANY_EXTENDED_KEY_USAGE],
            Some(no_extended.clone()),
        ),
        (
            Purpose::TimeStamp,
            &[DigitalSignature],
            &[],
            Some(no_extended.clone()),
        ),
        (Purpose::Any, &[], &[SERVER_AUTH], None),
    ];
    for (purpose, usage, extended, expected) in cases {
        let list = Writer::encode(|w| w.sequence(|w| extended.iter().for_each(|it| w.oid(*it))));
        let person = root.person_with("a@example.com", Profile::of(TestKey::P256A), |b| {
            let b = b.key_usage(usage).without_extension(EXTENDED_KEY_USAGE);
            match extended {
                [] => b,
                _ => b.extension(EXTENDED_KEY_USAGE, true, &list),
            }
        });
        let mut asked = Asked::of(root.trust());
        asked.purpose = purpose;
        let result = asked.length(&person.certificate, &[]).err();
        assert_eq!(result, expected, "{purpose:?} {usage:?} {extended:?}");
    }
}

#[test]
fn the_uses_of_time_stamps_and_programs_must_be_critical() {
    let root = Authority::root("Root", TestKey::P384A);
    let stamp = root.person_with("a@example.com", Profile::of(TestKey::P256A), |b| {
        b.key_usage(&[KeyUsageBit::DigitalSignature])
            .extended_key_usage(&[TIME_STAMPING])
    });
    let mut asked = Asked::of(root.trust());
    asked.purpose = Purpose::TimeStamp;
    let result = asked.length(&stamp.certificate, &[]);
    assert_eq!(result, Err(ChainErrorKind::ExtendedKeyUsage));
    let code = root.person_with("a@example.com", Profile::of(TestKey::P256A), |b| {
        b.extension(KEY_USAGE, false, &[3, 2, 7, 0x80])
            .extended_key_usage(&[CODE_SIGNING])
    });
    asked.purpose = Purpose::SignCode;
    let result = asked.length(&code.certificate, &[]);
    assert_eq!(result, Err(ChainErrorKind::KeyUsage));
}

#[test]
fn an_issuers_extended_key_usage_limits_what_is_below_but_for_its_responders() {
    let any: Change = |b| b.extended_key_usage(&[ANY_EXTENDED_KEY_USAGE]);
    let mail: Change = |b| b.extended_key_usage(&[EMAIL_PROTECTION]);
    let server: Change = |b| b.extended_key_usage(&[SERVER_AUTH]);
    let root = Authority::root("Root", TestKey::P384A);
    let refused = Err(ChainErrorKind::ExtendedKeyUsage);
    for (change, uses, purpose, counts, ignored) in [
        (mail, EMAIL_PROTECTION, Purpose::SignMail, Ok(3), Ok(3)),
        (
            any,
            EMAIL_PROTECTION,
            Purpose::SignMail,
            Ok(3),
            refused.clone(),
        ),
        (
            server,
            EMAIL_PROTECTION,
            Purpose::SignMail,
            refused.clone(),
            refused.clone(),
        ),
        (
            mail,
            ANY_EXTENDED_KEY_USAGE,
            Purpose::SignMail,
            Ok(3),
            refused.clone(),
        ),
        (
            mail,
            SERVER_AUTH,
            Purpose::TlsServer,
            refused.clone(),
            refused.clone(),
        ),
        (mail, OCSP_SIGNING, Purpose::SignOcsp, Ok(3), Ok(3)),
        (mail, SERVER_AUTH, Purpose::Any, Ok(3), Ok(3)),
    ] {
        let middle = root.intermediate_with("Middle", TestKey::P384B, change);
        let person = middle.person_with("a@example.com", Profile::of(TestKey::P256A), |b| {
            b.extended_key_usage(&[uses])
        });
        let mut asked = Asked::of(root.trust());
        asked.purpose = purpose;
        assert_eq!(asked.length(&person.certificate, &person.chain), counts);
        asked.policy.any_extended_key_usage = AnyExtendedKeyUsage::Ignored;
        assert_eq!(asked.length(&person.certificate, &person.chain), ignored);
    }
}

/// Two certificates of the authority "Issuer" below "Top", of which only the second keeps a rule
/// that depends on the whole path.
fn hidden(top: &Authority, bad: Change, good: Change) -> (Certificate, [Certificate; 3]) {
    let middle = top.intermediate("Middle", TestKey::P384B);
    let bad = middle.intermediate_with("Issuer", TestKey::P256B, bad);
    let good = middle.intermediate_with("Issuer", TestKey::P256B, good);
    let person = good.person_with("a@example.com", Profile::of(TestKey::P256A), |b| {
        b.extension(CERTIFICATE_POLICIES, false, &policies(&[POLICY]))
    });
    let pool = [&middle, &bad, &good].map(|it| it.certificate().clone());
    (person.certificate, pool)
}

#[test]
fn a_path_that_names_forbid_does_not_hide_another_through_the_same_authority() {
    let value = mail_host(1, "example.org");
    let top = Authority::root_with("Top", TestKey::P384A, |b| {
        b.extension(NAME_CONSTRAINTS, true, &value)
    });
    // The later end of validity makes the bad one the first to be tried.
    let bad: Change = |b| {
        b.emails(&["ca@example.org"])
            .valid(UnixTime(0), UnixTime(NOW.0 + 9000 * DAY))
    };
    let (leaf, pool) = hidden(&top, bad, |b| b);
    let asked = Asked::of(top.trust());
    let [middle, bad, good] = pool;
    for order in [[&middle, &bad, &good], [&good, &bad, &middle]] {
        let pool = order.map(Clone::clone);
        let path = asked.verify(&leaf, &pool).unwrap();
        assert_eq!(path.path()[1], good);
    }
    let error = asked.verify(&leaf, &[middle, bad.clone()]).unwrap_err();
    assert_eq!(error.kind, ChainErrorKind::NameExcluded);
    assert_eq!(error.certificate, Some(bad.fingerprint()));
    assert_eq!(error.nearest, Some(top.certificate().fingerprint()));
}

#[test]
fn a_path_without_policies_does_not_hide_another_through_the_same_authority() {
    let any = policies(&[Oid::new("2.5.29.32.0")]);
    let top = Authority::root("Top", TestKey::P384A);
    let middle = top.intermediate_with("Middle", TestKey::P384B, |b| {
        b.extension(CERTIFICATE_POLICIES, false, &any)
    });
    let bad = middle.intermediate_with("Issuer", TestKey::P256B, |b| {
        b.valid(UnixTime(0), UnixTime(NOW.0 + 9000 * DAY))
    });
    let good = middle.intermediate_with("Issuer", TestKey::P256B, |b| {
        b.extension(CERTIFICATE_POLICIES, false, &any)
    });
    let person = good.person_with("a@example.com", Profile::of(TestKey::P256A), |b| {
        b.extension(CERTIFICATE_POLICIES, false, &policies(&[POLICY]))
    });
    let mut asked = Asked::of(top.trust());
    asked.policies.explicit_policy = true;
    let pool = [&middle, &bad, &good].map(|it| it.certificate().clone());
    let chain = asked.verify(&person.certificate, &pool).unwrap();
    assert_eq!(chain.path()[1], *good.certificate());
    assert_eq!(chain.policies(), [POLICY]);
    let error = asked.verify(&person.certificate, &pool[..2]).unwrap_err();
    assert_eq!(error.kind, ChainErrorKind::NoAcceptablePolicy);
}

#[test]
fn a_mesh_below_an_authority_that_forbids_every_path_ends() {
    let value = mail_host(1, "example.com");
    let top = Authority::root_with("Top", TestKey::Rsa2048A, |b| {
        b.extension(NAME_CONSTRAINTS, true, &value)
    });
    let keys = TestKey::ALL;
    let mut pool = Vec::new();
    for (number, key) in keys.iter().enumerate() {
        let below_top = top.intermediate(&format!("CA {number}"), *key);
        for (other, other_key) in keys.iter().enumerate() {
            let crossed = below_top.intermediate(&format!("CA {other}"), *other_key);
            pool.push(crossed.certificate().clone());
        }
        pool.push(below_top.certificate().clone());
    }
    let issuer = top.intermediate("CA 0", keys[0]);
    let person = issuer.person("a@example.com", Profile::of(TestKey::P256A));
    let pool: CertificateBundle = pool.into_iter().collect();
    let verifier = ChainVerifier {
        provider: &AcceptAll,
        algorithms: &AlgorithmPolicy::standard(),
        policy: &CertificatePolicy::standard(),
        anchors: &top.trust(),
        revocation: &Revocation::off(),
    };
    let error = verifier
        .verify(&person.certificate, Purpose::SignMail, &pool, NOW)
        .unwrap_err();
    assert_eq!(error.kind, ChainErrorKind::BudgetExhausted);
}
