//! Signing and encrypting with P-521, Ed25519 and X25519 keys (RFC 8410, RFC 8418, RFC 8419).

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test that cannot go on should stop

#[path = "support/forge.rs"]
#[allow(dead_code)]
mod forge;

use std::{fs, io::Read, io::Write, process::Command};

use forge::{DATA, Forger, signed_data};
use smime_cms::{
    ClaimedTime, Encryptor, Error, Object, Opened, Outcome, Recipient, Refusal, Sender,
    SignatureCheck, Signer, Verdict, read, sign_der,
};
use smime_crypto::{
    AlgorithmPolicy, ContentCipher, DigestAlgorithm, Error as CryptoError, OsRandom, RustCrypto,
    SignatureScheme, asn1::Writer,
};
use smime_io::{Limits, Source};
use smime_testkit::{Authority, Identity, NOW, Profile, TestKey, peer};
use smime_x509::{
    Certificate, CertificateBundle, CertificatePolicy, ChainErrorKind, ChainVerifier,
    ImportRefusal, KeyUsageBit, PolicyInputs, Purpose, Revocation, check_fitness, check_import,
};

const CONTENT: &[u8] = b"Content-Type: text/plain\r\n\r\nnewer keys\r\n";
const KEY_USAGE: smime_crypto::Oid = smime_crypto::Oid::new("2.5.29.15");

fn root() -> Authority {
    Authority::root("Root", TestKey::Ed25519B)
}

fn person(key: TestKey) -> Identity {
    root().person("alice@example.com", Profile::of(key))
}

fn signer(person: &Identity) -> Result<Signer, Error> {
    Signer::without_chain(person.certificate.clone(), person.private_key())
}

fn signed(signer: &Signer) -> Vec<u8> {
    let mut out = Vec::new();
    let content = Source::from_bytes(CONTENT);
    sign_der(signer, &content, &RustCrypto, &OsRandom, NOW, &mut out).unwrap();
    out
}

/// The one verdict, by a chain up to the root.
fn verdict(der: &[u8]) -> Verdict {
    let Object::Signed(message) = read(Source::from_bytes(der), &Limits::default()).unwrap() else {
        panic!("not signed");
    };
    let (algorithms, anchors) = (AlgorithmPolicy::standard(), root().trust());
    let policy = CertificatePolicy::standard();
    let chains = ChainVerifier {
        provider: &RustCrypto,
        algorithms: &algorithms,
        policy: &policy,
        anchors: &anchors,
        revocation: &Revocation::off(),
    };
    let outcome = message.verify(&SignatureCheck {
        chains: Some(&chains),
        purpose: Purpose::SignMail,
        policies: &PolicyInputs::default(),
        provider: &RustCrypto,
        algorithms: &algorithms,
        pool: &CertificateBundle::new(),
        sender: Sender::Any,
        at: NOW,
        claimed_time: ClaimedTime::Ignored,
    });
    match outcome.unwrap() {
        Outcome::Verified(it) => it.signers()[0].verdict.clone(),
        Outcome::Unverified(it) => it.signers()[0].verdict.clone(),
    }
}

fn sealed(to: &[&Identity], cipher: ContentCipher) -> Result<Vec<u8>, Error> {
    let to = to
        .iter()
        .map(|it| Recipient::without_chain(it.certificate.clone()));
    let encryptor = Encryptor::to(to, cipher, &RustCrypto, &OsRandom)?;
    let mut writer = encryptor.wrap(Vec::new())?;
    writer.write_all(CONTENT).unwrap();
    writer.finish()
}

fn opened(der: &[u8], own: &Identity) -> Result<Vec<u8>, Error> {
    let Object::Enveloped(envelope) = read(Source::from_bytes(der), &Limits::default())? else {
        panic!("not an envelope");
    };
    let policy = AlgorithmPolicy::standard();
    let key = own.private_key();
    let source = match envelope.open(&own.certificate, &key, &policy, NOW, &OsRandom)? {
        Opened::Authenticated(decrypted) => decrypted.content(),
        Opened::Unauthenticated(quarantined) => quarantined.dangerous_content(),
    };
    let mut content = Vec::new();
    source.open()?.read_to_end(&mut content)?;
    Ok(content)
}

#[test]
fn what_newer_keys_sign_verifies_and_damage_does_not() {
    for (key, scheme) in [
        (TestKey::Ed25519A, SignatureScheme::Ed25519),
        (
            TestKey::P521A,
            SignatureScheme::Ecdsa(DigestAlgorithm::Sha512),
        ),
    ] {
        let signer = signer(&person(key)).unwrap();
        assert_eq!(signer.signature_scheme(), scheme);
        assert_eq!(signer.digest(), DigestAlgorithm::Sha512);
        let der = signed(&signer);
        assert_eq!(verdict(&der), Verdict::Good, "{key:?}");
        let mut altered = der.clone();
        let at = der.windows(5).position(|it| it == b"newer").unwrap();
        altered[at] ^= 1;
        assert_eq!(verdict(&altered), Verdict::BadSignature);
        let mut altered = der.clone();
        // Inside of the signature, which stands last.
        let end = der.len() - 20;
        altered[end] ^= 1;
        assert_eq!(verdict(&altered), Verdict::BadSignature);
        for other in [
            SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha512),
            if key == TestKey::P521A {
                SignatureScheme::Ed25519
            } else {
                SignatureScheme::Ecdsa(DigestAlgorithm::Sha512)
            },
        ] {
            assert!(signer.clone().scheme(other).is_err());
        }
    }
    let x25519 = signer(&person(TestKey::X25519A));
    assert!(matches!(
        x25519,
        Err(Error::Crypto(CryptoError::WrongKey(_)))
    ));
}

#[test]
fn ed25519_wants_sha512_signed_attributes_and_no_parameters() {
    let alice = person(TestKey::Ed25519A);
    let sent = |forger: &Forger| {
        let info = forger.sign(CONTENT);
        signed_data(DATA, Some(CONTENT), &[&alice.certificate], &[info])
    };
    let honest = Forger::honest(&alice, CONTENT);
    assert_eq!(verdict(&sent(&honest)), Verdict::Good);
    let bare = Forger {
        attributes: None,
        ..honest.clone()
    };
    let with_null = Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(smime_crypto::Oid::new("1.3.101.112"));
            w.null();
        });
    });
    let parameters = Forger {
        signature_algorithm: with_null,
        ..honest.clone()
    };
    // RFC 8419 §3.1: SHA-512 and no other.
    let sha256 = Forger {
        digest_algorithm: DigestAlgorithm::Sha256.identifier(),
        attributes: Some(forge::attributes(DATA, DigestAlgorithm::Sha256, CONTENT)),
        ..honest
    };
    for forger in [bare, parameters, sha256] {
        let verdict = verdict(&sent(&forger));
        assert!(
            matches!(verdict, Verdict::Refused(Refusal::Algorithm(_))),
            "{verdict:?}"
        );
    }
}

#[test]
fn what_is_encrypted_to_newer_keys_opens_for_each_and_nobody_else() {
    let (p521, x25519) = (person(TestKey::P521A), person(TestKey::X25519A));
    let rsa = person(TestKey::Rsa2048A);
    let strangers = [person(TestKey::P521B), person(TestKey::X25519B)];
    for cipher in ContentCipher::ALL {
        for to in [
            &[&p521][..],
            &[&x25519],
            &[&x25519, &p521],
            &[&rsa, &p521, &x25519],
        ] {
            let der = sealed(to, cipher).unwrap();
            for own in to {
                assert_eq!(opened(&der, own).unwrap(), CONTENT, "{cipher:?}");
            }
            for stranger in &strangers {
                let refused = opened(&der, stranger);
                assert!(matches!(refused, Err(Error::NoMatchingRecipient)));
            }
        }
    }
    for key in [TestKey::Ed25519A, TestKey::Ed25519B] {
        let refused = sealed(&[&x25519, &person(key)], ContentCipher::Aes256Gcm);
        assert!(matches!(
            refused,
            Err(Error::Crypto(CryptoError::WrongKey(_)))
        ));
    }
}

#[test]
fn an_envelope_to_x25519_is_as_the_standard_says_and_damage_does_not_open() {
    let bob = person(TestKey::X25519A);
    let der = sealed(&[&bob], ContentCipher::Aes256Gcm).unwrap();
    // dhSinglePass-stdDH-hkdf-sha256-scheme with id-aes256-wrap, and id-X25519 without parameters.
    let scheme = smime_crypto::KeyAgreement::HkdfSha256.identifier(smime_crypto::KeyWrap::Aes256);
    assert!(der.windows(scheme.len()).any(|it| it == scheme));
    let originator = [0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 3, 0x21, 0];
    let at = der.windows(10).position(|it| it == originator).unwrap();
    let point = at + 10;
    let change = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut altered = der.clone();
        change(&mut altered);
        opened(&altered, &bob)
    };
    for refused in [
        // A point of small order, another point, and the name of Ed25519.
        change(&|der| der[point..point + 32].fill(0)),
        change(&|der| der[point] ^= 1),
        change(&|der| der[at + 6] = 0x70),
    ] {
        assert!(matches!(refused, Err(Error::DecryptFailed)), "{refused:?}");
    }
}

#[test]
fn certificates_are_fit_for_what_their_key_can_do() {
    use KeyUsageBit::{DigitalSignature, KeyAgreement, KeyCertSign, KeyEncipherment};
    let (sign, agree) = (&[DigitalSignature][..], &[KeyAgreement][..]);
    let encipher = &[KeyEncipherment][..];
    let all = &[DigitalSignature, KeyAgreement, KeyEncipherment][..];
    for (key, usage, signs, encrypts, imports) in [
        (TestKey::Ed25519A, sign, true, false, true),
        (TestKey::Ed25519A, agree, false, false, false),
        (TestKey::Ed25519A, encipher, false, false, false),
        (TestKey::Ed25519A, all, true, false, true),
        (TestKey::X25519A, agree, false, true, true),
        (TestKey::X25519A, sign, false, false, false),
        (TestKey::X25519A, encipher, false, false, false),
        (TestKey::X25519A, all, false, true, true),
        (TestKey::P521A, all, true, true, true),
        (TestKey::P521A, agree, false, true, true),
        (TestKey::P521A, encipher, false, false, true),
    ] {
        let certificate = root()
            .person_with("a@example.com", Profile::of(key), |b| b.key_usage(usage))
            .certificate;
        check(&certificate, [signs, encrypts]);
        let expected = if imports {
            Ok(())
        } else {
            Err(ImportRefusal::KeyUsage)
        };
        assert_eq!(
            check_import(&certificate.view()),
            expected,
            "{key:?} {usage:?}"
        );
    }
    for (key, signs, encrypts) in [
        (TestKey::Ed25519A, true, false),
        (TestKey::X25519A, false, true),
    ] {
        let certificate = root()
            .person_with("a@example.com", Profile::of(key), |b| {
                b.without_extension(KEY_USAGE)
            })
            .certificate;
        check(&certificate, [signs, encrypts]);
        assert_eq!(check_import(&certificate.view()), Ok(()));
    }
    // An authority cannot sign with a key for agreement, whatever it says.
    let authority =
        root().intermediate_with("Middle", TestKey::X25519A, |b| b.key_usage(&[KeyCertSign]));
    assert_eq!(
        check_fitness(authority.certificate(), Purpose::SignCertificates, NOW),
        Err(ChainErrorKind::UnusableAlgorithm)
    );
}

fn check(certificate: &Certificate, fit: [bool; 2]) {
    let kind = certificate.public_key().kind();
    for (purpose, fit) in [Purpose::SignMail, Purpose::EncryptMail]
        .into_iter()
        .zip(fit)
    {
        let found = check_fitness(certificate, purpose, NOW);
        assert_eq!(found.is_ok(), fit, "{kind:?} {purpose:?} {found:?}");
        let (algorithms, anchors) = (AlgorithmPolicy::standard(), root().trust());
        let chains = ChainVerifier {
            provider: &RustCrypto,
            algorithms: &algorithms,
            policy: &CertificatePolicy::standard(),
            anchors: &anchors,
            revocation: &Revocation::off(),
        };
        let proven = chains.verify(certificate, purpose, &CertificateBundle::new(), NOW);
        assert_eq!(proven.is_ok(), fit, "{kind:?} {purpose:?}");
        let any = chains.verify(certificate, Purpose::Any, &CertificateBundle::new(), NOW);
        assert!(any.is_ok(), "{kind:?}");
    }
}

/// OpenSSL 3.0 knows neither Ed25519 nor X25519 in CMS: it judges their certificates, and all of
/// P-521.
#[test]
fn openssl_takes_the_certificates_and_opens_and_verifies_p521() {
    let Some(openssl) = peer("openssl") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let run = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    let root_der = file("root.der", root().certificate().der());
    let root_pem = run(Command::new(&openssl)
        .args(["x509", "-inform", "DER", "-in"])
        .arg(&root_der));
    let root_file = file("root.pem", &root_pem);
    let at = NOW.0.to_string();
    let pem = |person: &Identity| file("person.pem", person.certificate_pem().as_bytes());
    for key in TestKey::NEWER {
        let path = pem(&person(key));
        run(Command::new(&openssl)
            .args(["verify", "-attime", &at, "-CAfile"])
            .args([&root_file, &path]));
    }
    let alice = person(TestKey::P521A);
    let (certificate, key) = (pem(&alice), file("key.pem", TestKey::P521A.pem()));
    for cipher in ContentCipher::ALL {
        let object = file("sealed.der", &sealed(&[&alice], cipher).unwrap());
        let plain = run(Command::new(&openssl)
            .args(["cms", "-decrypt", "-binary", "-inform", "DER", "-in"])
            .arg(&object)
            .arg("-recip")
            .arg(&certificate)
            .arg("-inkey")
            .arg(&key));
        assert_eq!(plain, CONTENT, "{cipher:?}");
    }
    let object = file("signed.der", &signed(&signer(&alice).unwrap()));
    let content = run(Command::new(&openssl)
        .args([
            "cms", "-verify", "-binary", "-inform", "DER", "-attime", &at,
        ])
        .arg("-CAfile")
        .arg(&root_file)
        .arg("-in")
        .arg(&object));
    assert_eq!(content, CONTENT);
    let plain = file("plain", CONTENT);
    let theirs = run(Command::new(&openssl)
        .args(["cms", "-sign", "-nodetach", "-binary", "-outform", "DER"])
        .args(["-md", "sha512", "-signer"])
        .arg(&certificate)
        .arg("-inkey")
        .arg(&key)
        .arg("-in")
        .arg(&plain));
    assert_eq!(verdict(&theirs), Verdict::Good);
    let theirs = run(Command::new(&openssl)
        .args(["cms", "-encrypt", "-binary", "-aes256", "-outform", "DER"])
        .arg("-in")
        .arg(&plain)
        .arg("-recip")
        .arg(&certificate));
    assert_eq!(opened(&theirs, &alice).unwrap(), CONTENT);
}
