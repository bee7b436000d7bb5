//! A verifier with a memory answers as one without, or from what it proved before.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::{prelude::*, sample::select};
use smime_crypto::{AlgorithmPolicy, DigestAlgorithm, Oid, RustCrypto, SignatureScheme, UnixTime};
use smime_testkit::{Authority, CrlBuilder, DAY, NOW, Profile, SeededRandom, TestKey};
use smime_x509::{
    AnchorValidity, Certificate, CertificateBuilder, CertificateBundle, CertificatePolicy,
    ChainCache, ChainErrorKind, ChainRequest, ChainVerifier, Irregularity, Name, NameAttribute,
    PolicyInputs, Purpose, Revocation, RevocationPolicy, TrustStore,
};

const YEAR: i64 = 365 * DAY;
const OLD: UnixTime = UnixTime(1_370_000_000); // in 2013, when SHA-1 was still believed
const SOME_POLICY: Oid = Oid::new("1.3.6.1.4.1.99999.2");

/// Root, intermediate and people whose certificates differ in what the time decides.
struct World {
    root: Authority,
    issuer: Authority,
    pool: CertificateBundle,
    people: Vec<Certificate>,
    anchors: TrustStore,
    policy: CertificatePolicy,
}

impl World {
    fn new() -> Self {
        let long = |builder: CertificateBuilder| {
            builder.valid(UnixTime(OLD.0 - YEAR), UnixTime(NOW.0 + YEAR))
        };
        let root = Authority::root_with("Root", TestKey::P384A, long);
        let issuer = root.intermediate_with("Authority", TestKey::Rsa2048A, |builder| {
            builder.valid(UnixTime(OLD.0 - YEAR), UnixTime(NOW.0 + YEAR / 2))
        });
        let person = |profile| issuer.person_with("alice@example.com", profile, long);
        let now = person(Profile::of(TestKey::P256B));
        let bob = issuer.person("bob@example.com", Profile::of(TestKey::P256B).expired());
        let name = Name::from_attributes(&[(NameAttribute::CommonName, "by SHA-1")]);
        let old = CertificateBuilder::new(name, &TestKey::P256B.public(), OLD, NOW)
            .issued_by(issuer.certificate());
        let sha1 = SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha1);
        let random = SeededRandom::new(1);
        let old = old.sign(issuer.key().private(), sha1, &random).unwrap();
        Self {
            anchors: root.trust(),
            policy: CertificatePolicy::standard(),
            pool: now.bundle(),
            people: vec![now.certificate, old, bob.certificate],
            root,
            issuer,
        }
    }

    fn verifier<'a>(&'a self, revocation: &'a Revocation) -> ChainVerifier<'a> {
        static STANDARD: AlgorithmPolicy = AlgorithmPolicy::standard();
        ChainVerifier {
            provider: &RustCrypto,
            algorithms: &STANDARD,
            policy: &self.policy,
            anchors: &self.anchors,
            revocation,
        }
    }

    fn leaf(&self) -> &Certificate {
        &self.people[0]
    }
}

fn request<'a>(
    purpose: Purpose,
    pool: &'a CertificateBundle,
    at: UnixTime,
    policies: &'a PolicyInputs,
) -> ChainRequest<'a> {
    ChainRequest {
        purpose,
        pool,
        at,
        valid_at: at,
        policies,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_series_of_questions_has_the_answers_of_one_who_forgets(
        questions in prop::collection::vec(
            (
                0..3_usize,
                select(vec![Purpose::SignMail, Purpose::EncryptMail, Purpose::TlsServer]),
                select(vec![OLD.0, OLD.0 - 2 * YEAR, NOW.0, NOW.0 + 200 * DAY, NOW.0 + 2 * YEAR, NOW.0 - 3 * YEAR]),
                any::<bool>(),
            ),
            1..12,
        ),
    ) {
        let world = World::new();
        let off = Revocation::off();
        let cache = ChainCache::new(world.verifier(&off));
        let pool = &world.pool;
        for (person, purpose, at, explicit_policy) in questions {
            let leaf = &world.people[person];
            let policies = PolicyInputs { explicit_policy, ..PolicyInputs::default() };
            let request = request(purpose, pool, UnixTime(at), &policies);
            let plain = world.verifier(&off).verify_request(leaf, &request);
            prop_assert_eq!(cache.verify_request(leaf, &request), plain);
        }
    }
}

#[test]
fn another_time_of_validity_changes_no_other_judgement_and_is_not_remembered() {
    let world = World::new();
    let off = Revocation::off();
    let cache = ChainCache::new(world.verifier(&off));
    let none = PolicyInputs::default();
    let ask = |leaf: &Certificate, valid_at| {
        let request = ChainRequest {
            valid_at,
            ..request(Purpose::SignMail, &world.pool, NOW, &none)
        };
        let plain = world.verifier(&off).verify_request(leaf, &request);
        assert_eq!(cache.verify_request(leaf, &request), plain);
        plain.map(|_| ()).map_err(|error| error.kind)
    };
    let [now, by_sha1, expired] = &world.people[..] else {
        panic!("three people");
    };
    let before = UnixTime(expired.not_after().0);
    assert_eq!(ask(expired, NOW), Err(ChainErrorKind::Expired));
    assert_eq!(ask(expired, before), Ok(()));
    assert_eq!(ask(expired, NOW), Err(ChainErrorKind::Expired));
    assert_eq!(
        ask(now, UnixTime(OLD.0 - 2 * YEAR)),
        Err(ChainErrorKind::NotYetValid)
    );
    // SHA-1 was believed then; a signature by it can be forged now.
    assert!(matches!(
        ask(by_sha1, OLD),
        Err(ChainErrorKind::AlgorithmRefused(_))
    ));
}

#[test]
fn what_was_proven_is_remembered_and_what_was_not_is_not() {
    let world = World::new();
    let off = Revocation::off();
    let cache = ChainCache::new(world.verifier(&off));
    let (empty, none) = (CertificateBundle::new(), PolicyInputs::default());
    let ask = |pool, purpose, policies| {
        let request = request(purpose, pool, NOW, policies);
        cache.verify_request(world.leaf(), &request)
    };
    let sign = Purpose::SignMail;
    assert_eq!(
        ask(&empty, sign, &none).unwrap_err().kind,
        ChainErrorKind::NoPath
    );
    let chain = ask(&world.pool, sign, &none).unwrap();
    assert_eq!(chain.path().len(), 3);
    // Only memory knows the intermediate now.
    assert_eq!(ask(&empty, sign, &none).unwrap(), chain);
    // Another purpose and other policies are other questions.
    assert!(ask(&empty, Purpose::EncryptMail, &none).is_err());
    let some = PolicyInputs {
        acceptable: vec![SOME_POLICY],
        ..none
    };
    assert!(ask(&empty, sign, &some).is_err());
}

#[test]
fn what_the_time_decides_is_judged_for_every_question() {
    let world = World::new();
    let off = Revocation::off();
    let cache = ChainCache::new(world.verifier(&off));
    let (pool, none) = (&world.pool, PolicyInputs::default());
    let at = |person: usize, time: i64| {
        let request = request(Purpose::SignMail, pool, UnixTime(time), &none);
        let found = cache.verify_request(&world.people[person], &request);
        found
            .map(|chain| chain.path().len())
            .map_err(|error| error.kind.code())
    };
    assert_eq!(at(0, NOW.0), Ok(3));
    assert_eq!(at(0, NOW.0 + YEAR / 2), Ok(3));
    assert_eq!(at(0, NOW.0 + YEAR / 2 + 1), Err("chain.expired"));
    assert_eq!(at(0, OLD.0 - YEAR), Ok(3));
    assert_eq!(at(0, OLD.0 - YEAR - 1), Err("chain.not_yet_valid"));
    assert_eq!(at(1, OLD.0), Ok(3));
    assert_eq!(at(1, NOW.0), Err("chain.algorithm_refused"));
}

#[test]
fn a_path_below_an_anchor_out_of_its_time_is_not_remembered() {
    let mut world = World::new();
    world.policy.anchor_validity = AnchorValidity::Ignored;
    let root = Authority::root_with("Past Root", TestKey::P384A, |builder| {
        builder.valid(UnixTime(NOW.0 - YEAR), UnixTime(NOW.0 - DAY))
    });
    world.issuer = root.intermediate("Authority", TestKey::P256A);
    let person = world
        .issuer
        .person("a@example.com", Profile::of(TestKey::P256B));
    world.anchors = root.trust();
    let off = Revocation::off();
    let cache = ChainCache::new(world.verifier(&off));
    let (pool, empty, none) = (
        person.bundle(),
        CertificateBundle::new(),
        PolicyInputs::default(),
    );
    let ask = |pool| {
        cache.verify_request(
            &person.certificate,
            &request(Purpose::SignMail, pool, NOW, &none),
        )
    };
    let found = ask(&pool).unwrap();
    assert_eq!(found.warnings(), [Irregularity::AnchorValidity]);
    assert_eq!(ask(&empty).unwrap_err().kind, ChainErrorKind::NoPath);
}

#[test]
fn without_evidence_nothing_is_known_of_revocation_from_memory_either() {
    let world = World::new();
    let unknown = Revocation::new(RevocationPolicy::IfAvailable);
    let cache = ChainCache::new(world.verifier(&unknown));
    let (empty, none) = (CertificateBundle::new(), PolicyInputs::default());
    let ask = |pool| {
        let request = request(Purpose::SignMail, pool, NOW, &none);
        cache.verify_request(world.leaf(), &request)
    };
    let first = ask(&world.pool).unwrap();
    assert!(first.is_revocation_unknown());
    assert_eq!(ask(&empty).unwrap(), first);
}

#[test]
fn revocation_is_asked_about_every_time() {
    let world = World::new();
    let mut revocation = Revocation::new(RevocationPolicy::Require);
    revocation.add_crl(CrlBuilder::of(&world.root).sign());
    revocation.add_crl(CrlBuilder::of(&world.issuer).sign());
    let cache = ChainCache::new(world.verifier(&revocation));
    let (pool, empty, none) = (
        world.pool.clone(),
        CertificateBundle::new(),
        PolicyInputs::default(),
    );
    let ask =
        |pool| cache.verify_request(world.leaf(), &request(Purpose::SignMail, pool, NOW, &none));
    assert!(ask(&pool).is_ok());
    assert_eq!(ask(&empty).unwrap_err().kind, ChainErrorKind::NoPath);
}
