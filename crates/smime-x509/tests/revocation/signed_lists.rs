//! Who is proven to have signed a list.

use smime_crypto::{AlgorithmPolicy, RustCrypto, UnixTime};
use smime_testkit::{Authority, CrlBuilder, DAY, NOW, TestKey};
use smime_x509::{
    AnchorConstraints, CertificateBundle, CertificatePolicy, ChainErrorKind, ChainVerifier, Crl,
    CrlDefect, CrlError, Name, Purpose, Revocation, RevocationPolicy, TrustStore,
};

use crate::World;

#[test]
fn the_list_of_an_authority_is_proven_by_the_path_to_its_anchor() {
    let world = World::new();
    let list = world.crl().sign();
    let chain = prove(&list, &world.root.trust(), &world.pool, NOW).unwrap();
    assert_eq!(
        chain,
        [
            world.authority.certificate().clone(),
            world.root.certificate().clone()
        ]
    );
    let of_root = CrlBuilder::of(&world.root).sign();
    let chain = prove(
        &of_root,
        &world.root.trust(),
        &CertificateBundle::new(),
        NOW,
    )
    .unwrap();
    assert_eq!(chain, [world.root.certificate().clone()]);
}

#[test]
fn a_list_that_another_key_signed_is_nobodys() {
    let world = World::new();
    let impostor = world.root.intermediate("Authority", TestKey::P384B);
    let list = CrlBuilder::of(&impostor).sign();
    let found = prove(&list, &world.root.trust(), &world.pool, NOW);
    assert_eq!(found, Err(CrlError::NoSigner));
}

#[test]
fn a_namesake_without_a_path_proves_nothing() {
    let world = World::new();
    let foreign = Authority::root("Foreign", TestKey::P384B);
    let namesake = foreign.intermediate("Authority", TestKey::Rsa2048A);
    let mut pool = world.pool.clone();
    pool.add(namesake.certificate().clone());
    pool.add(foreign.certificate().clone());
    let list = CrlBuilder::of(&namesake).sign();
    let found = prove(&list, &world.root.trust(), &pool, NOW);
    assert_eq!(kind(found), ChainErrorKind::UntrustedRoot);
}

#[test]
fn a_list_without_its_signer_at_hand_is_not_proven() {
    let world = World::new();
    let list = world.crl().sign();
    let found = prove(&list, &world.root.trust(), &CertificateBundle::new(), NOW);
    assert_eq!(found, Err(CrlError::NoSigner));
}

#[test]
fn an_altered_list_is_not_proven() {
    let world = World::new();
    let list = world.crl().revoke(world.leaf()).sign();
    let mut der = list.der().to_vec();
    let last = der.len() - 1;
    der[last] ^= 1;
    let altered = Crl::from_der(&der).unwrap();
    let found = prove(&altered, &world.root.trust(), &world.pool, NOW);
    assert_eq!(found, Err(CrlError::NoSigner));
}

#[test]
fn who_may_not_sign_lists_or_is_expired_or_distrusted_proves_none() {
    let world = World::new();
    let list = world.crl().sign();
    let late = UnixTime(NOW.0 + 100 * 365 * DAY);
    let found = prove(&list, &world.root.trust(), &world.pool, late);
    assert_eq!(kind(found), ChainErrorKind::Expired);

    let mut trust = world.root.trust();
    trust.distrust(world.authority.certificate().fingerprint());
    let found = prove(&list, &trust, &world.pool, NOW);
    assert_eq!(kind(found), ChainErrorKind::Distrusted);

    // A person of the same name, whose key usage is that of mail.
    let subject = Name::from_der(world.leaf().subject().der()).unwrap();
    let person = CrlBuilder::new(subject, TestKey::P256B).sign();
    let found = prove(&person, &world.root.trust(), &world.pool, NOW);
    assert_eq!(found, Err(CrlError::NoSigner));
}

#[test]
fn a_list_with_a_defect_is_not_proven() {
    let world = World::new();
    let list = world.crl().without_extensions().sign();
    let found = prove(&list, &world.root.trust(), &world.pool, NOW);
    assert_eq!(found, Err(CrlError::Defect(CrlDefect::NoNumber)));
}

#[test]
fn an_anchor_for_signed_mail_alone_proves_the_lists_below_it() {
    let world = World::new();
    let mut trust = TrustStore::new();
    let constraints = AnchorConstraints {
        purposes: Some(vec![Purpose::SignMail]),
        ..AnchorConstraints::default()
    };
    trust.add_constrained(world.root.certificate().clone(), constraints);
    let found = prove(&world.crl().sign(), &trust, &world.pool, NOW);
    assert!(found.is_ok(), "{found:?}");
}

fn prove(
    list: &Crl,
    anchors: &TrustStore,
    pool: &CertificateBundle,
    at: UnixTime,
) -> Result<Vec<smime_x509::Certificate>, CrlError> {
    let verifier = ChainVerifier {
        provider: &RustCrypto,
        algorithms: &AlgorithmPolicy::standard(),
        policy: &CertificatePolicy::standard(),
        anchors,
        // What is not known of the path does not matter.
        revocation: &Revocation::new(RevocationPolicy::Require),
    };
    let proven = verifier.verify_crl(list, pool, at);
    proven.map(|chain| chain.path().to_vec())
}

fn kind(found: Result<Vec<smime_x509::Certificate>, CrlError>) -> ChainErrorKind {
    match found {
        Err(CrlError::Signer(error)) => error.kind,
        other => panic!("{other:?}"),
    }
}
