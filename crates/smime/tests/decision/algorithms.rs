//! The scheme and the cipher are part of the decision.

use smime::{
    Cause, Cipher, Mode, Plan, Policy, RsaPadding, SignatureChoice,
    crypto::{ContentCipher, DigestAlgorithm},
};

use super::*;

#[test]
fn the_algorithms_decided_are_those_that_are_used_and_logged() {
    let signature = |digest, padding| SignatureChoice { digest, padding };
    let (sha384, sha512) = (DigestAlgorithm::Sha384, DigestAlgorithm::Sha512);
    for (key, choice, cipher, signed) in [
        (
            TestKey::P256A,
            signature(None, RsaPadding::Pkcs1),
            Cipher::Best,
            ["sha256", "ecdsa"],
        ),
        (
            TestKey::P256A,
            signature(Some(sha384), RsaPadding::Pss),
            Cipher::Only(ContentCipher::Aes128Gcm),
            ["sha384", "ecdsa"],
        ),
        (
            TestKey::Rsa2048A,
            signature(None, RsaPadding::Pkcs1),
            Cipher::Only(ContentCipher::Aes256Gcm),
            ["sha256", "rsa_pkcs1_v15"],
        ),
        (
            TestKey::Rsa2048A,
            signature(Some(sha512), RsaPadding::Pss),
            Cipher::Best,
            ["sha512", "rsa_pss"],
        ),
    ] {
        let office = Office::of(key);
        let mut draft = mail_to(BOB);
        (draft.signature, draft.cipher) = (choice, cipher);
        let decision = office.decide(&office.engine().intent(&draft).unwrap());
        let scheme = decision.signer.unwrap().scheme.unwrap();
        let encryption = decision.encryption.unwrap().unwrap();
        let (_, receipt) = office.seal(&draft).unwrap();
        assert_eq!(receipt.scheme, Some(scheme));
        assert_eq!(receipt.cipher, Some(encryption.cipher));
        assert_eq!(codes(&receipt), [encryption.code]);
        let log = office.store.activities().unwrap();
        let logged: Vec<_> = log.iter().map(|it| &it.activity.algorithms).collect();
        assert_eq!(*logged[0], signed);
        assert_eq!(*logged[1], [encryption.cipher.name()]);
    }
}

#[test]
fn the_log_of_incoming_mail_names_the_algorithms_of_each_operation() {
    let office = Office::new();
    let mut draft = mail_to(BOB);
    draft.choice.to_self = ToSelf::IfPossible;
    let (sealed, _) = office.seal(&draft).unwrap();
    office.engine().open(&sealed[..]).unwrap();
    let log = office.store.activities().unwrap();
    let logged = |operation| {
        let mut of = log.iter().map(|it| &it.activity);
        let entry = of.find(|it| it.direction == Direction::In && it.operation == operation);
        entry.unwrap().algorithms.clone()
    };
    assert_eq!(logged(Operation::Decrypt), ["aes256-cbc"]);
    assert_eq!(logged(Operation::Verify), ["sha256", "ecdsa"]);
}

#[test]
fn an_algorithm_that_cannot_be_used_is_refused_when_asked_and_when_sealed() {
    let strict = Policy::strict().algorithms;
    let standard = Policy::standard().algorithms;
    let cbc = Cipher::Only(ContentCipher::Aes256Cbc);
    for (key, digest, cipher, algorithms, sign, encrypt, code) in [
        (
            TestKey::P256A,
            None,
            cbc,
            strict.clone(),
            Plan::Done,
            Plan::Refused,
            "policy.cipher",
        ),
        (
            TestKey::P256A,
            Some(DigestAlgorithm::Sha1),
            cbc,
            standard.clone(),
            Plan::Refused,
            Plan::Done,
            "policy.signature_algorithm",
        ),
        (
            TestKey::Ed25519A,
            Some(DigestAlgorithm::Sha256),
            cbc,
            standard.clone(),
            Plan::Refused,
            Plan::Done,
            "crypto.unsupported",
        ),
    ] {
        let office = Office::of(key);
        let mut engine = office.engine();
        engine.policy.algorithms = algorithms;
        // Also where the mail might go without: what was asked for is not.
        for mode in [Mode::IfPossible, Mode::Always] {
            let mut draft = mail_to(BOB);
            (draft.sign, draft.encrypt) = (Some(mode), Some(mode));
            (draft.signature.digest, draft.cipher) = (digest, cipher);
            let decision = engine.decide(&engine.intent(&draft).unwrap()).unwrap();
            assert_eq!((decision.signs(), decision.encrypts()), (sign, encrypt));
            let mut out = Vec::new();
            let error = engine.seal(&draft, &mut out).unwrap_err();
            assert_eq!(error.code(), code);
            assert!(matches!(error.cause, Cause::Refused(_) | Cause::Crypto(_)));
            assert!(out.is_empty());
            assert_eq!(office.last().code, code);
        }
    }
}

#[test]
fn a_passphrase_is_needed_only_for_mail_that_is_signed_and_goes_anywhere() {
    let office = Office::locked();
    let needs = |draft: &Draft| {
        let intent = office.engine().intent(draft).unwrap();
        office.decide(&intent).needs_passphrase()
    };
    let with = |sign, encrypt, to| {
        let mut draft = mail_to(to);
        (draft.sign, draft.encrypt) = (Some(sign), Some(encrypt));
        draft
    };
    let (never, possible, always) = (Mode::Never, Mode::IfPossible, Mode::Always);
    assert!(needs(&with(possible, never, BOB)));
    assert!(needs(&with(always, possible, NOBODY)));
    assert!(!needs(&with(never, always, BOB)));
    assert!(!needs(&with(always, always, NOBODY)), "it goes nowhere");
    let mut refused = with(always, never, BOB);
    refused.signature.digest = Some(DigestAlgorithm::Sha1);
    assert!(!needs(&refused), "it cannot be signed so");
    let open = Office::new();
    let intent = open.engine().intent(&with(always, never, BOB)).unwrap();
    assert!(!open.decide(&intent).needs_passphrase());
}
