//! What CRLs and OCSP responses say of a path, and what they cannot be made to say.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "revocation/lists.rs"]
mod lists;
#[path = "revocation/responses.rs"]
mod responses;
#[path = "revocation/signed_lists.rs"]
mod signed_lists;

use smime_crypto::{AlgorithmPolicy, DigestAlgorithm, Oid, RustCrypto, UnixTime, asn1::Writer};
use smime_testkit::{
    Authority, CRL_DISTRIBUTION_POINTS, CrlBuilder, CrlScope, DAY, Identity, NOW, OcspBuilder,
    Profile, TestKey, entry_issuer,
};
use smime_x509::{
    Certificate, CertificateBundle, CertificatePolicy, CertificateStatus, ChainErrorKind,
    ChainVerifier, Crl, Name, NameAttribute, OcspResponse, Purpose, Revocation, RevocationPolicy,
    RevocationReason,
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
