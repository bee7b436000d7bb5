//! What a signature is worth: one good case of each kind, and every way to be not good.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test that cannot go on should stop

#[path = "verdicts/attributes.rs"]
mod attributes;
#[path = "verdicts/reading.rs"]
mod reading;
#[path = "verdicts/sender.rs"]
mod sender;
#[path = "verdicts/times.rs"]
mod times;

#[path = "support/forge.rs"]
mod forge;

use std::sync::OnceLock;

use forge::{DATA, Forger, content_info, signed_data};
use smime_cms::{
    ClaimedTime, Error, Object, Outcome, Refusal, Sender, SignatureCheck, SignedMessage,
    SignerReport, Verdict, read,
};
use smime_crypto::{
    AlgorithmPolicy, DigestAlgorithm, Oid, RustCrypto, SignatureScheme, UnixTime,
    asn1::{Tag, Writer},
};
use smime_io::{Limits, Source};
use smime_testkit::{Authority, CrlBuilder, Identity, NOW, OcspBuilder, Profile, TestKey};
use smime_x509::{
    CertificateBundle, CertificatePolicy, CertificateStatus, ChainVerifier, EmailAddress,
    PolicyInputs, Purpose, Revocation, RevocationPolicy,
};

const CONTENT: &[u8] = b"Content-Type: text/plain\r\n\r\nPay 10 to Bob.\r\n";

fn root() -> &'static Authority {
    static ROOT: OnceLock<Authority> = OnceLock::new();
    ROOT.get_or_init(|| Authority::root("Root", TestKey::P256B))
}

fn alice() -> &'static Identity {
    static ALICE: OnceLock<Identity> = OnceLock::new();
    ALICE.get_or_init(|| root().person("alice@example.com", Profile::of(TestKey::P256A)))
}

/// The circumstances of a judgement.
struct Court {
    algorithms: AlgorithmPolicy,
    pool: CertificateBundle,
    sender: Option<Vec<EmailAddress>>,
    chains: bool,
    revocation: Revocation,
    certificates: CertificatePolicy,
    at: UnixTime,
    claimed_time: ClaimedTime,
}

impl Court {
    fn new() -> Self {
        Self {
            algorithms: AlgorithmPolicy::standard(),
            pool: CertificateBundle::new(),
            sender: Some(addresses(&["alice@example.com"])),
            chains: true,
            revocation: Revocation::off(),
            certificates: CertificatePolicy::standard(),
            at: NOW,
            claimed_time: ClaimedTime::Ignored,
        }
    }

    fn judge(&self, message: SignedMessage) -> Result<Outcome, Error> {
        let anchors = root().trust();
        let chains = ChainVerifier {
            provider: &RustCrypto,
            algorithms: &self.algorithms,
            policy: &self.certificates,
            anchors: &anchors,
            revocation: &self.revocation,
        };
        message.verify(&SignatureCheck {
            chains: self.chains.then_some(&chains),
            purpose: Purpose::SignMail,
            policies: &PolicyInputs::default(),
            provider: &RustCrypto,
            algorithms: &self.algorithms,
            pool: &self.pool,
            sender: self
                .sender
                .as_deref()
                .map_or(Sender::Any, Sender::Addresses),
            at: self.at,
            claimed_time: self.claimed_time,
        })
    }

    fn verdicts(&self, der: &[u8]) -> Vec<Verdict> {
        reports(&self.judge(message(der)).unwrap())
            .iter()
            .map(|it| it.verdict.clone())
            .collect()
    }

    fn verdict(&self, der: &[u8]) -> Verdict {
        let verdicts = self.verdicts(der);
        assert_eq!(verdicts.len(), 1);
        verdicts[0].clone()
    }
}

fn addresses(all: &[&str]) -> Vec<EmailAddress> {
    all.iter()
        .map(|it| EmailAddress::new(it).unwrap())
        .collect()
}

/// Reports of an outcome that must be of the kind its reports say.
fn reports(outcome: &Outcome) -> &[SignerReport] {
    match outcome {
        Outcome::Verified(verified) => {
            assert!(!verified.signers().is_empty());
            assert!(
                verified
                    .signers()
                    .iter()
                    .all(|it| it.verdict == Verdict::Good)
            );
            verified.signers()
        }
        Outcome::Unverified(unverified) => {
            let good = unverified
                .signers()
                .iter()
                .filter(|it| it.verdict == Verdict::Good)
                .count();
            assert!(good == 0 || good < unverified.signers().len());
            unverified.signers()
        }
    }
}

fn try_message(bytes: &[u8]) -> Result<SignedMessage, Error> {
    match read(Source::from_bytes(bytes), &Limits::default())? {
        Object::Signed(message) => Ok(message),
        other => panic!("{other:?}"),
    }
}

fn message(der: &[u8]) -> SignedMessage {
    try_message(der).unwrap()
}

/// One signer's message with Alice's certificate.
fn sent(info: Vec<u8>) -> Vec<u8> {
    signed_data(DATA, Some(CONTENT), &[&alice().certificate], &[info])
}

fn honest() -> Vec<u8> {
    sent(Forger::honest(alice(), CONTENT).sign(CONTENT))
}

#[test]
fn an_honest_signature_of_every_scheme_is_good() {
    for (key, scheme) in [
        (
            TestKey::P256A,
            SignatureScheme::Ecdsa(DigestAlgorithm::Sha256),
        ),
        (
            TestKey::P256A,
            SignatureScheme::Ecdsa(DigestAlgorithm::Sha512),
        ),
        (
            TestKey::P384A,
            SignatureScheme::Ecdsa(DigestAlgorithm::Sha384),
        ),
        (
            TestKey::Rsa2048A,
            SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256),
        ),
        (
            TestKey::Rsa2048A,
            SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha512),
        ),
        (
            TestKey::Rsa2048A,
            SignatureScheme::RsaPss {
                digest: DigestAlgorithm::Sha256,
                salt: 32,
            },
        ),
    ] {
        let identity = root().person("alice@example.com", Profile::of(key));
        for attributes in [true, false] {
            let mut forger = Forger::with_scheme(&identity, scheme, CONTENT);
            if !attributes {
                forger.attributes = None;
            }
            let info = forger.sign(CONTENT);
            let der = signed_data(DATA, Some(CONTENT), &[&identity.certificate], &[info]);
            let outcome = Court::new().judge(message(&der)).unwrap();
            let report = &reports(&outcome)[0];
            assert_eq!(report.verdict, Verdict::Good, "{scheme:?}");
            assert_eq!(report.scheme, Some(scheme));
            assert_eq!(report.digest, Some(scheme.digest()));
            assert_eq!(report.certificate.as_ref(), Some(&identity.certificate));
            assert_eq!(report.signing_time, attributes.then_some(NOW));
        }
    }
}

#[test]
fn nobody_s_signature_is_not_good() {
    for content in [Some(CONTENT), None] {
        let der = signed_data(DATA, content, &[&alice().certificate], &[]);
        match Court::new().judge(message(&der)).unwrap() {
            Outcome::Unverified(unverified) => {
                assert!(unverified.signers().is_empty());
                let bytes = unverified.content().read_to_vec("test", 1000).unwrap();
                assert_eq!(bytes, content.unwrap_or_default());
            }
            Outcome::Verified(_) => panic!("verified without a signer"),
        }
    }
}

#[test]
fn every_signer_must_be_good_whatever_their_order() {
    let good = Forger::honest(alice(), CONTENT).sign(CONTENT);
    let bad = Forger::honest(alice(), b"something else").sign(b"something else");
    for (infos, good_ones) in [
        (vec![good.clone(), bad.clone()], 1),
        (vec![bad.clone(), good.clone()], 1),
        (vec![good.clone(), good.clone()], 2),
        (vec![bad.clone(), bad], 0),
    ] {
        let der = signed_data(DATA, Some(CONTENT), &[&alice().certificate], &infos);
        let outcome = Court::new().judge(message(&der)).unwrap();
        let count = reports(&outcome)
            .iter()
            .filter(|it| it.verdict == Verdict::Good)
            .count();
        assert_eq!(count, good_ones);
        assert_eq!(matches!(outcome, Outcome::Verified(_)), good_ones == 2);
    }
    let many = vec![good; 33];
    let der = signed_data(DATA, Some(CONTENT), &[&alice().certificate], &many);
    assert!(matches!(try_message(&der), Err(Error::TooLarge(_))));
}

#[test]
fn the_certificate_comes_from_the_message_or_from_the_pool_or_not_at_all() {
    let info = Forger::honest(alice(), CONTENT).sign(CONTENT);
    let der = signed_data(DATA, Some(CONTENT), &[], &[info]);
    let mut court = Court::new();
    assert_eq!(court.verdict(&der), Verdict::NoCertificate);
    court.pool.add(alice().certificate.clone());
    assert_eq!(court.verdict(&der), Verdict::Good);
}

#[test]
fn a_certificate_is_found_by_its_key_identifier() {
    let mut forger = Forger::honest(alice(), CONTENT);
    let key_id = alice().certificate.subject_key_id().unwrap();
    for (id, expected) in [
        (
            Writer::encode(|w| w.element(Tag::context(0), key_id)),
            Verdict::Good,
        ),
        (
            Writer::encode(|w| {
                w.constructed(Tag::context_constructed(0), |w| w.octet_string(key_id));
            }),
            Verdict::Good,
        ),
        (
            Writer::encode(|w| w.element(Tag::context(0), &key_id[1..])),
            Verdict::NoCertificate,
        ),
        (
            Writer::encode(|w| w.element(Tag::context(0), &[])),
            Verdict::NoCertificate,
        ),
    ] {
        forger.id = id;
        assert_eq!(Court::new().verdict(&sent(forger.sign(CONTENT))), expected);
    }
}

#[test]
fn of_several_certificates_with_one_name_the_one_whose_key_signed_counts() {
    let serial = alice().certificate.serial();
    let other = root().person_with(
        "mallory@example.com",
        Profile::of(TestKey::P384A),
        |builder| builder.serial(serial),
    );
    let impostor = root().person_with(
        "alice@example.com",
        Profile::of(TestKey::P384B),
        |builder| builder.serial(serial),
    );
    let info = Forger::honest(alice(), CONTENT).sign(CONTENT);
    let good = &alice().certificate;
    for certificates in [
        [&other.certificate, &impostor.certificate, good],
        [good, &other.certificate, &impostor.certificate],
    ] {
        let der = signed_data(
            DATA,
            Some(CONTENT),
            &certificates,
            std::slice::from_ref(&info),
        );
        let outcome = Court::new().judge(message(&der)).unwrap();
        let report = &reports(&outcome)[0];
        assert_eq!(report.verdict, Verdict::Good);
        assert_eq!(report.certificate.as_ref(), Some(good));
    }
    // A certificate that has the sender's address and another key lends it to nobody.
    let info = Forger::honest(&other, CONTENT).sign(CONTENT);
    let certificates = [good, &impostor.certificate, &other.certificate];
    let der = signed_data(DATA, Some(CONTENT), &certificates, &[info]);
    assert_eq!(Court::new().verdict(&der), Verdict::WrongSender);
}

/// Judges an honest signature of Alice's, after her certificate expired, by the time she claims.
#[track_caller]
#[test]
fn what_was_not_signed_is_not_good() {
    let info = Forger::honest(alice(), CONTENT).sign(CONTENT);
    for altered in [
        &b""[..],
        b"Pay 99 to Bob.",
        &CONTENT[1..],
        &[CONTENT, b"\n"].concat(),
    ] {
        for attributes in [true, false] {
            let mut forger = Forger::honest(alice(), CONTENT);
            let info = if attributes {
                info.clone()
            } else {
                forger.attributes = None;
                forger.sign(CONTENT)
            };
            let der = signed_data(DATA, Some(altered), &[&alice().certificate], &[info]);
            assert_eq!(Court::new().verdict(&der), Verdict::BadSignature);
        }
    }
}

#[test]
fn a_detached_signature_brings_no_content_of_its_own() {
    let info = Forger::honest(alice(), CONTENT).sign(CONTENT);
    let alone = signed_data(
        DATA,
        None,
        &[&alice().certificate],
        std::slice::from_ref(&info),
    );
    let detached = |signature: &[u8], content: &[u8]| {
        let signature = Source::from_bytes(signature);
        SignedMessage::detached(&signature, Source::from_bytes(content), &Limits::default())
    };
    let good = Court::new()
        .judge(detached(&alone, CONTENT).unwrap())
        .unwrap();
    assert!(matches!(good, Outcome::Verified(_)));
    let bad = Court::new()
        .judge(detached(&alone, b"other").unwrap())
        .unwrap();
    assert_eq!(reports(&bad)[0].verdict, Verdict::BadSignature);
    for content in [CONTENT, b""] {
        let own = signed_data(
            DATA,
            Some(content),
            &[&alice().certificate],
            std::slice::from_ref(&info),
        );
        assert!(matches!(
            detached(&own, CONTENT),
            Err(Error::UnexpectedContent)
        ));
        assert!(matches!(
            detached(&own, b"other"),
            Err(Error::UnexpectedContent)
        ));
    }
    assert!(matches!(
        Court::new().judge(message(&alone)),
        Err(Error::MissingContent)
    ));
}

#[test]
fn algorithms_that_policy_or_nobody_knows_are_refused() {
    let sha1 = SignatureScheme::Ecdsa(DigestAlgorithm::Sha1);
    let old = sent(Forger::with_scheme(alice(), sha1, CONTENT).sign(CONTENT));
    let verdict = Court::new().verdict(&old);
    assert!(
        matches!(verdict, Verdict::Refused(Refusal::Policy(_))),
        "{verdict:?}"
    );
    let archive = Court {
        algorithms: AlgorithmPolicy::archive(),
        ..Court::new()
    };
    assert_eq!(archive.verdict(&old), Verdict::Good);

    let identifier = |oid: &str| {
        let oid = Oid::new(oid);
        Writer::encode(|w| w.sequence(|w| w.oid(oid)))
    };
    let honest = Forger::honest(alice(), CONTENT);
    let (md5, ed25519) = (identifier("1.2.840.113549.2.5"), identifier("1.3.101.112"));
    let sha512 = DigestAlgorithm::Sha512.identifier();
    for (digest_algorithm, signature_algorithm) in [
        (md5.clone(), honest.signature_algorithm.clone()),
        (honest.digest_algorithm.clone(), ed25519),
        // The digest named is not the one signed over.
        (sha512, honest.signature_algorithm.clone()),
        (honest.digest_algorithm.clone(), md5),
    ] {
        let forger = Forger {
            digest_algorithm,
            signature_algorithm,
            ..honest.clone()
        };
        let verdict = Court::new().verdict(&sent(forger.sign(CONTENT)));
        assert!(
            matches!(verdict, Verdict::Refused(Refusal::Algorithm(_))),
            "{verdict:?}"
        );
    }
    // A scheme of another kind of key.
    let rsa = SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256).signer_info_identifier();
    let forger = Forger {
        signature_algorithm: rsa,
        ..honest
    };
    assert_eq!(
        Court::new().verdict(&sent(forger.sign(CONTENT))),
        Verdict::BadSignature
    );
}

#[test]
fn lists_and_responses_in_a_message_count_when_policy_asks() {
    let list = CrlBuilder::of(root());
    let listed = list.clone().revoke(&alice().certificate).sign_der();
    let clean = list.sign_der();
    let answer = OcspBuilder::by(root())
        .tell(
            &alice().certificate,
            root().certificate(),
            CertificateStatus::Good,
        )
        .sign_der();
    let answer = Writer::encode(|w| {
        w.constructed(Tag::context_constructed(1), |w| {
            w.oid(Oid::new("1.3.6.1.5.5.7.16.2"));
            w.raw(&answer);
        });
    });
    let (junk, none): (&[u8], &[u8]) = (&[0xa1, 2, 5, 0, 0x30, 0, 4, 0], &[]);
    let both = [junk, &clean, &answer].concat();
    let revoked = Err("chain.revoked");
    for (crls, lists, responses, if_available, require) in [
        (none, 0, 0, Ok(()), Err("chain.revocation_unknown")),
        (junk, 0, 0, Ok(()), Err("chain.revocation_unknown")),
        (&clean, 1, 0, Ok(()), Ok(())),
        (&answer, 0, 1, Ok(()), Ok(())),
        (&both, 1, 1, Ok(()), Ok(())),
        (&listed, 1, 0, revoked, revoked),
    ] {
        let der = content_info(forge::SIGNED_DATA, |w| {
            w.small(1);
            w.set_of(Tag::SET, Vec::new());
            w.sequence(|w| {
                w.oid(DATA);
                w.constructed(Tag::context_constructed(0), |w| w.octet_string(CONTENT));
            });
            w.element(Tag::context_constructed(0), alice().certificate.der());
            w.element(Tag::context_constructed(1), crls);
            w.element(Tag::SET, &Forger::honest(alice(), CONTENT).sign(CONTENT));
        });
        let read = message(&der);
        assert_eq!(
            (read.crls().len(), read.ocsp_responses().len()),
            (lists, responses)
        );
        for (policy, expected) in [
            (RevocationPolicy::Off, Ok(())),
            (RevocationPolicy::IfAvailable, if_available),
            (RevocationPolicy::Require, require),
        ] {
            let mut court = Court::new();
            court.revocation = Revocation::new(policy);
            let verdict = match court.verdict(&der) {
                Verdict::Good => Ok(()),
                Verdict::Untrusted(error) => Err(error.code()),
                other => panic!("{other:?}"),
            };
            assert_eq!(verdict, expected, "{policy:?}");
        }
    }
}
