//! What opening an envelope gives, and every way it must give nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test that cannot go on should stop

#[path = "opening/agreement.rs"]
mod agreement;
#[path = "opening/authenticated.rs"]
mod authenticated;
#[path = "opening/damage.rs"]
mod damage;

use std::sync::OnceLock;

use smime_cms::{Envelope, Error, Object, Opened, RecipientId, read, show};
use smime_crypto::{
    AlgorithmPolicy, ContentCipher, CryptoProvider as _, DigestAlgorithm, KeyAgreement,
    KeyTransport, KeyWrap, Oid, PublicKey, RustCrypto, Secret,
    asn1::{Reader, Tag, Writer},
    cipher::Sealer,
    kdf, key_wrap, transport_key,
};
use smime_io::{Limits, Source};
use smime_testkit::{Authority, FailingRandom, Identity, NOW, Profile, SeededRandom, TestKey};

const CONTENT: &[u8] = b"Content-Type: text/plain\r\n\r\nThe secret is 42.\r\n";
const DATA: Oid = Oid::new("1.2.840.113549.1.7.1");
const SIGNED_DATA: Oid = Oid::new("1.2.840.113549.1.7.2");
const ENVELOPED: Oid = Oid::new("1.2.840.113549.1.7.3");
const AUTH_ENVELOPED: Oid = Oid::new("1.2.840.113549.1.9.16.1.23");
const IV: [u8; 16] = [7; 16];

fn person(key: TestKey) -> &'static Identity {
    static PEOPLE: [OnceLock<Identity>; 8] = [const { OnceLock::new() }; 8];
    let place = TestKey::ALL.iter().position(|it| *it == key).unwrap();
    PEOPLE[place].get_or_init(|| {
        Authority::root("Root", TestKey::P256B).person("bob@example.com", Profile::of(key))
    })
}

fn bob() -> &'static Identity {
    person(TestKey::P256A)
}

fn content_key(cipher: ContentCipher) -> Secret {
    Secret::new(vec![9; cipher.key_length()])
}

/// The parts of an envelope, each of which can be wrong.
#[derive(Clone)]
struct Forge {
    container: Oid,
    recipients: Vec<Vec<u8>>,
    content_type: Oid,
    algorithm: Vec<u8>,
    /// Octets of `[0]`; none leaves the field out.
    ciphertext: Option<Vec<u8>>,
    /// DER Attributes as they are written.
    attributes: Vec<Vec<u8>>,
    mac: Vec<u8>,
}

impl Forge {
    /// An envelope in which nothing is wrong.
    fn honest(cipher: ContentCipher, recipients: Vec<Vec<u8>>) -> Self {
        Self::with_attributes(cipher, recipients, Vec::new())
    }

    fn with_attributes(
        cipher: ContentCipher,
        recipients: Vec<Vec<u8>>,
        attributes: Vec<Vec<u8>>,
    ) -> Self {
        let iv = &IV[..cipher.iv_length()];
        let additional = match attributes.is_empty() {
            true => Vec::new(),
            false => Writer::encode(|w| w.set_of(Tag::SET, attributes.clone())),
        };
        let mut sealer = Sealer::new(cipher, &content_key(cipher), iv, &additional).unwrap();
        let mut ciphertext = Vec::new();
        sealer.update(CONTENT, &mut ciphertext);
        let mac = sealer.finish(&mut ciphertext);
        Self {
            container: if cipher.is_authenticated() {
                AUTH_ENVELOPED
            } else {
                ENVELOPED
            },
            recipients,
            content_type: DATA,
            algorithm: cipher.identifier(iv),
            ciphertext: Some(ciphertext),
            attributes,
            mac,
        }
    }

    fn der(&self) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.oid(self.container);
                w.constructed(Tag::context_constructed(0), |w| {
                    w.sequence(|w| {
                        w.small(0);
                        w.element(Tag::SET, &self.recipients.concat());
                        w.sequence(|w| {
                            w.oid(self.content_type);
                            w.raw(&self.algorithm);
                            if let Some(ciphertext) = &self.ciphertext {
                                w.element(Tag::context(0), ciphertext);
                            }
                        });
                        if self.container == AUTH_ENVELOPED {
                            if !self.attributes.is_empty() {
                                let attributes = self.attributes.concat();
                                w.element(Tag::context_constructed(1), &attributes);
                            }
                            w.octet_string(&self.mac);
                        }
                    });
                });
            });
        })
    }
}

/// A KeyAgreeRecipientInfo, with an originator's key and fields that can be wrong.
struct Agreement {
    originator: PublicKey,
    /// Content of the originator's AlgorithmIdentifier after the algorithm.
    parameters: Vec<u8>,
    ukm: Option<Vec<u8>>,
    wrap_identifier: Vec<u8>,
    encrypted: Vec<u8>,
}

impl Agreement {
    fn honest(to: &Identity, cipher: ContentCipher) -> Self {
        Self::with(to, cipher, None, &KeyWrap::Aes256.identifier())
    }

    fn with(to: &Identity, cipher: ContentCipher, ukm: Option<&[u8]>, wrap: &[u8]) -> Self {
        let kind = to.certificate.public_key().kind();
        let ephemeral = RustCrypto
            .ephemeral_key(kind, &SeededRandom::new(2))
            .unwrap();
        let shared = ephemeral.agree(to.certificate.public_key()).unwrap();
        let info = kdf::ecc_cms_shared_info_with(wrap, KeyWrap::Aes256, ukm);
        let key = kdf::x963(DigestAlgorithm::Sha256, &shared, &info, 32);
        Self {
            originator: ephemeral.public_key().clone(),
            parameters: Vec::new(),
            ukm: ukm.map(<[u8]>::to_vec),
            wrap_identifier: wrap.to_vec(),
            encrypted: key_wrap::wrap(&key, &content_key(cipher)).unwrap(),
        }
    }

    fn der(&self, to: &Identity) -> Vec<u8> {
        self.der_for(&id_of(to))
    }

    fn der_for(&self, rid: &[u8]) -> Vec<u8> {
        let agreement = KeyAgreement::X963(DigestAlgorithm::Sha256).identifier(KeyWrap::Aes256);
        let oid = Reader::new(&agreement)
            .sequence("x")
            .unwrap()
            .oid()
            .unwrap();
        Writer::encode(|w| {
            w.constructed(Tag::context_constructed(1), |w| {
                w.small(3);
                w.constructed(Tag::context_constructed(0), |w| {
                    w.constructed(Tag::context_constructed(1), |w| {
                        w.sequence(|w| {
                            w.oid(Oid::new("1.2.840.10045.2.1"));
                            w.raw(&self.parameters);
                        });
                        w.bit_string(self.originator.key_bytes());
                    });
                });
                if let Some(ukm) = &self.ukm {
                    w.constructed(Tag::context_constructed(1), |w| w.octet_string(ukm));
                }
                w.sequence(|w| {
                    w.oid(oid);
                    w.raw(&self.wrap_identifier);
                });
                w.sequence(|w| {
                    w.sequence(|w| {
                        w.raw(rid);
                        w.octet_string(&self.encrypted);
                    });
                });
            });
        })
    }
}

fn transport(to: &Identity, how: KeyTransport, key: &Secret) -> Vec<u8> {
    let public = to.certificate.public_key();
    let encrypted = transport_key(public, how, key, &SeededRandom::new(3)).unwrap();
    transported(to, &how.identifier(), &encrypted)
}

fn transported(to: &Identity, algorithm: &[u8], encrypted: &[u8]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.small(0);
            w.raw(&id_of(to));
            w.raw(algorithm);
            w.octet_string(encrypted);
        });
    })
}

fn id_of(to: &Identity) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.raw(to.certificate.issuer().der());
            w.element(Tag::INTEGER, to.certificate.serial());
        });
    })
}

fn to_bob(cipher: ContentCipher) -> Vec<Vec<u8>> {
    vec![Agreement::honest(bob(), cipher).der(bob())]
}

fn envelope(bytes: &[u8]) -> Result<Envelope, Error> {
    match read(Source::from_bytes(bytes), &Limits::default())? {
        Object::Enveloped(envelope) => Ok(envelope),
        _ => Err(Error::Unsupported("of another type")),
    }
}

fn open_as(bytes: &[u8], who: &Identity) -> Result<Opened, Error> {
    let key = who.test_key.private();
    let random = SeededRandom::new(4);
    envelope(bytes)?.open(
        &who.certificate,
        key,
        &AlgorithmPolicy::standard(),
        NOW,
        &random,
    )
}

fn open(bytes: &[u8]) -> Result<Opened, Error> {
    open_as(bytes, bob())
}

fn code(result: Result<Opened, Error>) -> &'static str {
    match result {
        Ok(opened) => panic!("{opened:?}"),
        Err(error) => error.code(),
    }
}

fn bytes(opened: Opened) -> (Vec<u8>, bool) {
    let (source, authenticated) = match opened {
        Opened::Authenticated(decrypted) => (decrypted.content(), true),
        Opened::Unauthenticated(quarantined) => (quarantined.dangerous_content(), false),
    };
    let first = source.read_to_vec("test", 1 << 20).unwrap();
    assert_eq!(
        source.read_to_vec("test", 1 << 20).unwrap(),
        first,
        "passes differ"
    );
    (first, authenticated)
}

#[test]
fn an_honest_envelope_opens_by_every_cipher_and_every_way() {
    for cipher in ContentCipher::ALL {
        let key = content_key(cipher);
        let rsa = person(TestKey::Rsa2048A);
        let oaep = |digest, mgf| KeyTransport::RsaOaep { digest, mgf };
        let (sha1, sha256) = (DigestAlgorithm::Sha1, DigestAlgorithm::Sha256);
        for (who, recipient) in [
            (rsa, transport(rsa, KeyTransport::RsaPkcs1, &key)),
            (rsa, transport(rsa, oaep(sha1, sha1), &key)),
            (rsa, transport(rsa, oaep(sha256, sha256), &key)),
            (rsa, transport(rsa, oaep(sha256, sha1), &key)),
            (bob(), Agreement::honest(bob(), cipher).der(bob())),
            (
                person(TestKey::P384A),
                Agreement::honest(person(TestKey::P384A), cipher).der(person(TestKey::P384A)),
            ),
        ] {
            let der = Forge::honest(cipher, vec![recipient]).der();
            assert_eq!(envelope(&der).unwrap().cipher(), Ok(cipher));
            let (content, authenticated) = bytes(open_as(&der, who).unwrap());
            assert_eq!(content, CONTENT);
            assert_eq!(authenticated, cipher.is_authenticated());
        }
    }
}

#[test]
fn whoever_is_not_named_cannot_open() {
    let cipher = ContentCipher::Aes128Gcm;
    let der = Forge::honest(cipher, to_bob(cipher)).der();
    for key in [TestKey::P256B, TestKey::P384A, TestKey::Rsa2048A] {
        assert_eq!(
            code(open_as(&der, person(key))),
            "cms.no_matching_recipient"
        );
    }
    let none = Forge::honest(cipher, vec![]).der();
    assert_eq!(code(open(&none)), "cms.no_matching_recipient");
}

#[test]
fn the_key_must_be_that_of_the_certificate() {
    let cipher = ContentCipher::Aes128Gcm;
    let der = Forge::honest(cipher, to_bob(cipher)).der();
    let result = envelope(&der).unwrap().open(
        &bob().certificate,
        TestKey::P256B.private(),
        &AlgorithmPolicy::standard(),
        NOW,
        &SeededRandom::new(1),
    );
    assert_eq!(code(result), "cms.key_mismatch");
}

#[test]
fn every_wrong_key_fails_with_one_error() {
    for cipher in ContentCipher::ALL {
        let rsa = person(TestKey::Rsa2048A);
        let key = content_key(cipher);
        let other = Secret::new(vec![8; cipher.key_length()]);
        let long = Secret::new(vec![9; cipher.key_length() ^ 0x30]);
        let (v15, oaep) = (
            KeyTransport::RsaPkcs1,
            KeyTransport::RsaOaep {
                digest: DigestAlgorithm::Sha256,
                mgf: DigestAlgorithm::Sha256,
            },
        );
        let mut infos = Vec::new();
        for how in [v15, oaep] {
            infos.push(transport(rsa, how, &other));
            infos.push(transport(rsa, how, &long));
            let good = transport_key(
                rsa.certificate.public_key(),
                how,
                &key,
                &SeededRandom::new(3),
            )
            .unwrap();
            let altered = [&good[..255], &[good[255] ^ 1]].concat();
            for encrypted in [
                &[][..],
                &[1],
                &[0; 255],
                &[0; 256],
                &[0xff; 256],
                &[1; 257],
                &[1; 4096],
                &good[..255],
                &[&good[..], &[0]].concat(),
                &altered,
            ] {
                infos.push(transported(rsa, &how.identifier(), encrypted));
            }
        }
        for info in infos {
            let der = Forge::honest(cipher, vec![info]).der();
            assert_eq!(code(open_as(&der, rsa)), "cms.decrypt_failed");
        }
    }
}

#[test]
fn a_recipient_is_found_by_key_identifier() {
    let cipher = ContentCipher::Aes128Gcm;
    let key_id = bob().certificate.subject_key_id().unwrap();
    let rid = Writer::encode(|w| {
        w.constructed(Tag::context_constructed(0), |w| {
            w.octet_string(key_id);
            w.time(NOW);
        });
    });
    let der = Forge::honest(cipher, vec![Agreement::honest(bob(), cipher).der_for(&rid)]).der();
    let ids = envelope(&der).unwrap().recipients().to_vec();
    assert_eq!(ids, [RecipientId::SubjectKeyId(key_id.to_vec())]);
    assert_eq!(bytes(open(&der).unwrap()).0, CONTENT);
}

#[test]
fn the_order_of_recipients_does_not_matter() {
    for cipher in ContentCipher::ALL {
        let rsa = person(TestKey::Rsa2048A);
        let v15 = KeyTransport::RsaPkcs1;
        let good = transport(rsa, v15, &content_key(cipher));
        let wrong = transport(rsa, v15, &Secret::new(vec![1; cipher.key_length()]));
        let noise = transported(rsa, &v15.identifier(), &[7; 256]);
        let password = Writer::encode(|w| {
            w.constructed(Tag::context_constructed(3), |w| w.small(0));
        });
        let other = Agreement::honest(bob(), cipher).der(bob());
        let all = [good, wrong, noise, password, other];
        for first in 0..all.len() {
            let rotated = [&all[first..], &all[..first]].concat();
            let der = Forge::honest(cipher, rotated).der();
            assert_eq!(envelope(&der).unwrap().recipients().len(), 5);
            assert_eq!(
                bytes(open_as(&der, rsa).unwrap()).0,
                CONTENT,
                "{first} {cipher:?}"
            );
        }
    }
}

#[test]
fn what_only_others_can_read_is_told_apart_from_what_nobody_here_supports() {
    let cipher = ContentCipher::Aes128Gcm;
    let rsa = person(TestKey::Rsa2048A);
    let unknown = Writer::encode(|w| w.sequence(|w| w.oid(Oid::new("1.2.3.4"))));
    let der = Forge::honest(cipher, vec![transported(rsa, &unknown, &[0; 256])]).der();
    assert_eq!(code(open_as(&der, rsa)), "cms.unknown_algorithm");
    let cbc3des = Forge {
        algorithm: Writer::encode(|w| {
            w.sequence(|w| {
                w.oid(Oid::new("1.2.840.113549.3.7"));
                w.octet_string(&[0; 8]);
            })
        }),
        ..Forge::honest(ContentCipher::Aes128Cbc, to_bob(cipher))
    };
    assert_eq!(code(open(&cbc3des.der())), "cms.unknown_algorithm");
    let cipher = envelope(&cbc3des.der()).unwrap().cipher();
    assert_eq!(cipher, Err(Oid::new("1.2.840.113549.3.7")));
}

#[test]
fn without_randomness_nothing_is_opened() {
    let cipher = ContentCipher::Aes128Gcm;
    let der = Forge::honest(cipher, to_bob(cipher)).der();
    let key = bob().test_key.private();
    let envelope = envelope(&der).unwrap();
    let policy = AlgorithmPolicy::standard();
    let result = envelope.open(&bob().certificate, key, &policy, NOW, &FailingRandom);
    assert_eq!(code(result), "crypto.no_randomness");
}

#[test]
fn what_an_envelope_is_can_be_shown_without_a_key() {
    let cipher = ContentCipher::Aes256Gcm;
    let der = Forge::honest(cipher, to_bob(cipher)).der();
    let summary = show(
        &Source::from_bytes([&der[..], b"footer"].concat()),
        &Limits::default(),
    );
    let summary = summary.unwrap();
    assert_eq!(summary.object_type, AUTH_ENVELOPED);
    assert_eq!(summary.cipher, Some(cipher.oid()));
    assert_eq!(summary.recipients.len(), 1);
    assert_eq!(
        summary.content_length,
        Some(u64::try_from(CONTENT.len()).unwrap())
    );
    assert_eq!(summary.length, u64::try_from(der.len()).unwrap());
    assert_eq!(summary.encoding.name(), "der");
}
