//! What the writers write, the readers read, whatever the algorithm, the form and the cut; and
//! what is damaged or unfinished, they refuse.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::as_conversions)] // test helpers

#[path = "roundtrip/signing.rs"]
mod signing;

#[path = "support/people.rs"]
mod people;

use std::io::{self, Read, Write};

use people::{Person, namesake, person};
use proptest::prelude::*;
use smime_cms::{
    ClaimedTime, Encryptor, EnvelopeWriter, Error, Object, Opened, Outcome, Recipient, Sender,
    SignatureCheck, SignedMessage, Signer, read, sign_der,
};
use smime_crypto::{
    AlgorithmPolicy, ContentCipher, DigestAlgorithm, Error as CryptoError, KeyTransport, OsRandom,
    RustCrypto, SignatureScheme,
};
use smime_io::{Limits, Source};
use smime_testkit::{FailingRandom, NOW, TestKey, flips};
use smime_x509::{CertificateBundle, PolicyInputs, Purpose};

const CUTS: [usize; 3] = [1, 7, 4096];
const LENGTHS: [usize; 8] = [0, 1, 15, 16, 17, 127, 16_384, 40_000];

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

/// The two forms of every object.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Indefinite,
    Definite,
}

const FORMS: [Form; 2] = [Form::Indefinite, Form::Definite];

fn encryptor(to: Vec<Recipient>, cipher: ContentCipher) -> Encryptor {
    Encryptor::to(to, cipher, &RustCrypto, &OsRandom).unwrap()
}

fn begin(encryptor: Encryptor, form: Form, length: usize) -> EnvelopeWriter<Vec<u8>> {
    match form {
        Form::Indefinite => encryptor.wrap(Vec::new()).unwrap(),
        Form::Definite => encryptor.wrap_definite(length as u64, Vec::new()).unwrap(),
    }
}

fn sealed(
    to: Vec<Recipient>,
    cipher: ContentCipher,
    form: Form,
    content: &[u8],
    cut: usize,
) -> Vec<u8> {
    let mut writer = begin(encryptor(to, cipher), form, content.len());
    for piece in content.chunks(cut) {
        writer.write_all(piece).unwrap();
    }
    writer.finish().unwrap()
}

fn to(person: &Person) -> Recipient {
    Recipient::without_chain(person.certificate.clone())
}

fn envelope(object: &[u8]) -> Result<smime_cms::Envelope, Error> {
    match read(Source::from_bytes(object), &Limits::default())? {
        Object::Enveloped(envelope) => Ok(envelope),
        _ => panic!("not an envelope"),
    }
}

/// What an envelope held, and whether it was authenticated.
fn opened(object: &[u8], own: &Person) -> Result<(bool, Vec<u8>), Error> {
    let policy = AlgorithmPolicy::standard();
    let envelope = envelope(object)?;
    let opened = envelope.open(&own.certificate, &own.key, &policy, NOW, &OsRandom)?;
    let (authenticated, source) = match opened {
        Opened::Authenticated(decrypted) => (true, decrypted.content()),
        Opened::Unauthenticated(quarantined) => (false, quarantined.dangerous_content()),
    };
    let mut content = Vec::new();
    source.open()?.read_to_end(&mut content)?;
    Ok((authenticated, content))
}

fn opaque(signer: &Signer, form: Form, content: &[u8], cut: usize) -> Vec<u8> {
    let mut out = Vec::new();
    match form {
        Form::Indefinite => {
            let mut writer = signer
                .opaque(&mut out, &RustCrypto, &OsRandom, NOW)
                .unwrap();
            for piece in content.chunks(cut) {
                writer.write_all(piece).unwrap();
            }
            writer.finish().unwrap();
        }
        Form::Definite => {
            let source = Source::from_bytes(content);
            sign_der(signer, &source, &RustCrypto, &OsRandom, NOW, &mut out).unwrap();
        }
    }
    out
}

fn detached(signer: &Signer, content: &[u8], cut: usize) -> Vec<u8> {
    let mut writer = signer.detached(&RustCrypto, &OsRandom, NOW);
    for piece in content.chunks(cut) {
        writer.write_all(piece).unwrap();
    }
    writer.finish().unwrap()
}

fn signer(person: &Person) -> Signer {
    Signer::without_chain(person.certificate.clone(), person.key.clone()).unwrap()
}

fn signed(object: &[u8]) -> Result<SignedMessage, Error> {
    match read(Source::from_bytes(object), &Limits::default())? {
        Object::Signed(message) => Ok(message),
        _ => panic!("not signed"),
    }
}

/// Judges by the signature alone, no chain.
fn judged(message: SignedMessage) -> Result<Outcome, Error> {
    message.verify(&SignatureCheck {
        chains: None,
        purpose: Purpose::SignMail,
        policies: &PolicyInputs::default(),
        provider: &RustCrypto,
        algorithms: &AlgorithmPolicy::standard(),
        pool: &CertificateBundle::new(),
        sender: Sender::Any,
        at: NOW,
        claimed_time: ClaimedTime::Ignored,
    })
}

fn content(source: &Source) -> Vec<u8> {
    source.read_to_vec("test", 1 << 24).unwrap()
}

fn verified(outcome: Outcome) -> (Vec<u8>, smime_cms::SignerReport) {
    match outcome {
        Outcome::Verified(it) => (content(it.content()), it.signers()[0].clone()),
        Outcome::Unverified(it) => panic!("{:?}", it.signers()),
    }
}

fn schemes(person: &Person) -> Vec<SignatureScheme> {
    let sha2 = [
        DigestAlgorithm::Sha256,
        DigestAlgorithm::Sha384,
        DigestAlgorithm::Sha512,
    ];
    if person.is_rsa() {
        let pss = |digest: DigestAlgorithm| SignatureScheme::RsaPss {
            digest,
            salt: digest.length() as u16,
        };
        sha2.map(SignatureScheme::RsaPkcs1)
            .into_iter()
            .chain(sha2.map(pss))
            .collect()
    } else {
        sha2.map(SignatureScheme::Ecdsa).to_vec()
    }
}

#[test]
fn every_cipher_opens_for_every_kind_of_recipient_in_both_forms_however_cut() {
    let content = text(1000);
    for cipher in ContentCipher::ALL {
        for key in [TestKey::Rsa2048A, TestKey::P256A, TestKey::P384A] {
            for form in FORMS {
                for cut in CUTS {
                    let own = person(key);
                    let object = sealed(vec![to(own)], cipher, form, &content, cut);
                    let expected = (cipher.is_authenticated(), content.clone());
                    let context = format!("{cipher:?} {key:?} {form:?} {cut}");
                    assert_eq!(opened(&object, own).unwrap(), expected, "{context}");
                    assert_eq!(envelope(&object).unwrap().cipher(), Ok(cipher), "{context}");
                }
            }
        }
    }
}

#[test]
fn content_of_every_length_comes_back() {
    let own = person(TestKey::P256A);
    for cipher in ContentCipher::ALL {
        for form in FORMS {
            for length in LENGTHS {
                let object = sealed(vec![to(own)], cipher, form, &text(length), 5000);
                let (_, content) = opened(&object, own).unwrap();
                assert_eq!(content, text(length), "{cipher:?} {form:?} {length}");
            }
        }
    }
}

#[test]
fn every_key_transport_opens() {
    let own = person(TestKey::Rsa2048A);
    let sha2 = [
        DigestAlgorithm::Sha256,
        DigestAlgorithm::Sha384,
        DigestAlgorithm::Sha512,
    ];
    let mut transports = vec![KeyTransport::RsaPkcs1];
    transports.extend(sha2.map(|digest| KeyTransport::RsaOaep {
        digest,
        mgf: digest,
    }));
    let (digest, mgf) = (DigestAlgorithm::Sha256, DigestAlgorithm::Sha1);
    transports.push(KeyTransport::RsaOaep { digest, mgf });
    for transport in transports {
        let recipient = to(own).transport(transport);
        let object = sealed(
            vec![recipient],
            ContentCipher::Aes256Gcm,
            Form::Indefinite,
            b"x",
            1,
        );
        assert_eq!(
            opened(&object, own).unwrap(),
            (true, b"x".to_vec()),
            "{transport:?}"
        );
    }
}

#[test]
fn all_recipients_of_all_kinds_open_one_envelope() {
    let people = [
        TestKey::Rsa2048A,
        TestKey::Rsa2048B,
        TestKey::P256A,
        TestKey::P256B,
        TestKey::P384A,
        TestKey::P384B,
    ]
    .map(person);
    for cipher in ContentCipher::ALL {
        for form in FORMS {
            let object = sealed(people.map(to).to_vec(), cipher, form, b"to all", 3);
            for own in people {
                assert_eq!(opened(&object, own).unwrap().1, b"to all");
            }
            assert_eq!(envelope(&object).unwrap().recipients().len(), people.len());
        }
    }
}

#[test]
fn a_certificate_given_twice_is_one_recipient() {
    let own = person(TestKey::P256A);
    let object = sealed(
        vec![to(own), to(own)],
        ContentCipher::Aes128Gcm,
        Form::Definite,
        b"x",
        1,
    );
    assert_eq!(envelope(&object).unwrap().recipients().len(), 1);
}

#[test]
fn two_envelopes_of_one_content_share_no_bytes_of_ciphertext() {
    let own = person(TestKey::P256A);
    let seal = || {
        sealed(
            vec![to(own)],
            ContentCipher::Aes256Gcm,
            Form::Definite,
            &[0; 64],
            64,
        )
    };
    let (one, other) = (seal(), seal());
    let ciphertext = |object: &[u8]| object[object.len() - 64 - 18..object.len() - 18].to_vec();
    assert_ne!(ciphertext(&one), ciphertext(&other));
}

#[test]
fn nobody_else_opens_an_envelope() {
    for (own, other) in [
        (TestKey::Rsa2048A, TestKey::Rsa2048B),
        (TestKey::P256A, TestKey::P256B),
        (TestKey::P256A, TestKey::P384A),
    ] {
        for cipher in ContentCipher::ALL {
            let object = sealed(vec![to(person(own))], cipher, Form::Indefinite, b"x", 1);
            let refused = opened(&object, person(other)).unwrap_err();
            assert!(matches!(refused, Error::NoMatchingRecipient), "{refused:?}");
        }
    }
}

#[test]
fn a_namesake_with_another_key_does_not_open() {
    for (own, other) in [
        (TestKey::Rsa2048A, TestKey::Rsa2048B),
        (TestKey::P256A, TestKey::P256B),
        (TestKey::P384A, TestKey::P384B),
    ] {
        let namesake = namesake(own, other);
        let sha256 = DigestAlgorithm::Sha256;
        for recipient in [to(person(own)), to(person(own)).oaep(sha256)] {
            let object = sealed(
                vec![recipient],
                ContentCipher::Aes256Gcm,
                Form::Definite,
                b"x",
                1,
            );
            let refused = opened(&object, &namesake).unwrap_err();
            assert!(matches!(refused, Error::DecryptFailed), "{refused:?}");
        }
    }
}

#[test]
fn a_key_of_another_certificate_does_not_open() {
    let (own, other) = (person(TestKey::P256A), person(TestKey::P256B));
    let object = sealed(
        vec![to(own)],
        ContentCipher::Aes256Gcm,
        Form::Definite,
        b"x",
        1,
    );
    let policy = AlgorithmPolicy::standard();
    let opened =
        envelope(&object)
            .unwrap()
            .open(&own.certificate, &other.key, &policy, NOW, &OsRandom);
    assert!(matches!(opened, Err(Error::KeyMismatch)));
}

#[test]
fn a_cipher_relabelled_is_refused() {
    let own = person(TestKey::P256A);
    for (cipher, label) in [
        (ContentCipher::Aes256Gcm, ContentCipher::Aes256Cbc),
        (ContentCipher::Aes128Gcm, ContentCipher::Aes128Cbc),
        (ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm),
        (ContentCipher::Aes128Cbc, ContentCipher::Aes128Gcm),
        (ContentCipher::Aes256Gcm, ContentCipher::Aes128Gcm),
    ] {
        let object = sealed(vec![to(own)], cipher, Form::Definite, &text(64), 64);
        let (old, new) = (cipher.identifier(&[7; 12]), label.identifier(&[7; 12]));
        let (old, new) = (&old[2..13], &new[2..13]);
        let at = object
            .windows(old.len())
            .position(|window| window == old)
            .unwrap();
        let relabelled = [&object[..at], new, &object[at + old.len()..]].concat();
        assert!(opened(&relabelled, own).is_err(), "{cipher:?} as {label:?}");
    }
}

#[test]
fn a_shortened_tag_is_refused() {
    let own = person(TestKey::P256A);
    let object = sealed(
        vec![to(own)],
        ContentCipher::Aes256Gcm,
        Form::Indefinite,
        b"x",
        1,
    );
    let (before, end) = object.split_at(object.len() - 6);
    assert_eq!(end, [0; 6]);
    let (before, tag) = before.split_at(before.len() - 18);
    assert_eq!(tag[..2], [4, 16]);
    for length in 0..16 {
        let header = [4, length as u8];
        let shortened = [before, &header, &tag[2..2 + length], end].concat();
        assert!(opened(&shortened, own).is_err(), "{length}");
    }
}

#[test]
fn an_envelope_for_nobody_is_not_made() {
    let nobody = Encryptor::to([], ContentCipher::Aes256Gcm, &RustCrypto, &OsRandom);
    assert!(matches!(nobody, Err(Error::NoRecipients)));
}

#[test]
fn without_randomness_no_envelope_begins() {
    for key in [TestKey::Rsa2048A, TestKey::P256A] {
        let refused = Encryptor::to(
            [to(person(key))],
            ContentCipher::Aes256Gcm,
            &RustCrypto,
            &FailingRandom,
        );
        assert!(matches!(
            refused,
            Err(Error::Crypto(CryptoError::NoRandomness))
        ));
    }
}

#[test]
fn another_length_than_declared_never_ends_well() {
    for cipher in ContentCipher::ALL {
        for (declared, written) in [(0, 1), (10, 9), (10, 11), (16, 0), (u64::MAX, 3)] {
            let own = person(TestKey::P256A);
            let begun = encryptor(vec![to(own)], cipher).wrap_definite(declared, Vec::new());
            let mut writer = match begun {
                Ok(writer) => writer,
                Err(Error::TooLarge(_)) if cipher.is_authenticated() => continue,
                Err(other) => panic!("{other:?}"),
            };
            let pushed = writer.write_all(&text(written));
            assert_eq!(pushed.is_err(), written as u64 > declared);
            let refused = writer.finish().unwrap_err();
            assert!(matches!(refused, Error::WrongLength { .. }), "{refused:?}");
        }
    }
}

#[test]
fn more_than_gcm_may_encrypt_is_refused_before_a_byte() {
    let own = person(TestKey::P256A);
    let mut out = Vec::new();
    let begun =
        encryptor(vec![to(own)], ContentCipher::Aes128Gcm).wrap_definite((1 << 36) - 31, &mut out);
    assert!(matches!(begun, Err(Error::TooLarge(_))));
    assert!(out.is_empty());
}

#[test]
fn an_unfinished_envelope_is_refused() {
    let own = person(TestKey::P256A);
    for cipher in ContentCipher::ALL {
        for form in FORMS {
            let mut out = Vec::new();
            let encryptor = encryptor(vec![to(own)], cipher);
            let mut writer = match form {
                Form::Indefinite => encryptor.wrap(&mut out).unwrap(),
                Form::Definite => encryptor.wrap_definite(100_000, &mut out).unwrap(),
            };
            writer.write_all(&text(99_999)).unwrap();
            writer.flush().unwrap();
            drop(writer);
            assert!(opened(&out, own).is_err(), "{cipher:?} {form:?}");
        }
    }
}

#[test]
fn an_envelope_cut_anywhere_is_refused() {
    let own = person(TestKey::P256A);
    for cipher in [ContentCipher::Aes128Cbc, ContentCipher::Aes256Gcm] {
        for form in FORMS {
            let object = sealed(vec![to(own)], cipher, form, b"some content", 7);
            for end in 0..object.len() {
                assert!(
                    opened(&object[..end], own).is_err(),
                    "{cipher:?} {form:?} {end}"
                );
            }
        }
    }
}

#[test]
fn an_altered_authenticated_envelope_opens_to_the_same_content_or_not_at_all() {
    let own = person(TestKey::P256A);
    for form in FORMS {
        let object = sealed(
            vec![to(own)],
            ContentCipher::Aes256Gcm,
            form,
            b"some content",
            7,
        );
        let mut refused = 0;
        for (at, damaged) in flips(&object) {
            match opened(&damaged, own) {
                Ok(opened) => assert_eq!(opened, (true, b"some content".to_vec()), "{form:?} {at}"),
                Err(_) => refused += 1,
            }
        }
        assert!(refused > object.len(), "{refused} of {}", 2 * object.len());
    }
}

#[test]
fn an_altered_cbc_envelope_never_counts_as_authenticated() {
    let own = person(TestKey::P256A);
    let object = sealed(
        vec![to(own)],
        ContentCipher::Aes256Cbc,
        Form::Definite,
        &text(40),
        7,
    );
    for (at, damaged) in flips(&object) {
        if let Ok((authenticated, _)) = opened(&damaged, own) {
            assert!(!authenticated, "{at}");
        }
    }
}

#[test]
fn no_single_write_is_larger_than_a_segment() {
    struct Largest(usize);
    impl Write for Largest {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.max(bytes.len());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let own = person(TestKey::P256A);
    let content = text(1 << 20);
    let mut writer = encryptor(vec![to(own)], ContentCipher::Aes256Gcm)
        .wrap(Largest(0))
        .unwrap();
    writer.write_all(&content).unwrap();
    assert!(writer.finish().unwrap().0 <= 16 << 10);
    let signer = signer(own);
    let mut writer = signer
        .opaque(Largest(0), &RustCrypto, &OsRandom, NOW)
        .unwrap();
    writer.write_all(&content).unwrap();
    assert!(writer.finish().unwrap().0 <= 16 << 10);
}

#[test]
fn a_signed_object_inside_of_an_envelope_verifies() {
    let (own, other) = (person(TestKey::P256A), person(TestKey::Rsa2048A));
    for form in FORMS {
        let inner = opaque(&signer(own), form, &text(20_000), 4096);
        let outer = sealed(
            vec![to(other)],
            ContentCipher::Aes256Gcm,
            form,
            &inner,
            4096,
        );
        let (_, read) = opened(&outer, other).unwrap();
        assert_eq!(
            verified(judged(signed(&read).unwrap()).unwrap()).0,
            text(20_000)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_sealed_opens(
        content in proptest::collection::vec(any::<u8>(), 0..40_000),
        cut in 1_usize..20_000,
        cipher in proptest::sample::select(ContentCipher::ALL.to_vec()),
        definite in any::<bool>(),
    ) {
        let form = if definite { Form::Definite } else { Form::Indefinite };
        let own = person(TestKey::P256A);
        let object = sealed(vec![to(own)], cipher, form, &content, cut);
        prop_assert_eq!(opened(&object, own).unwrap(), (cipher.is_authenticated(), content));
    }

    #[test]
    fn what_is_signed_verifies(
        content in proptest::collection::vec(any::<u8>(), 0..40_000),
        cut in 1_usize..20_000,
        definite in any::<bool>(),
    ) {
        let form = if definite { Form::Definite } else { Form::Indefinite };
        let object = opaque(&signer(person(TestKey::P256A)), form, &content, cut);
        prop_assert_eq!(verified(judged(signed(&object).unwrap()).unwrap()).0, content);
    }
}
