//! What opening an envelope gives, and every way it must give nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test that cannot go on should stop

use std::{io::Write as _, sync::OnceLock};

use smime_cms::{Encryptor, Envelope, Error, Object, Opened, Recipient, RecipientId, read, show};
use smime_crypto::{
    AlgorithmPolicy, ContentCipher, CryptoProvider as _, DigestAlgorithm, KeyAgreement,
    KeyTransport, KeyWrap, Oid, PublicKey, RustCrypto, Secret,
    asn1::{Reader, Tag, Writer},
    cipher::Sealer,
    kdf, key_wrap, transport_key,
};
use smime_io::{Limits, Source};
use smime_testkit::{
    Authority, FailingRandom, Identity, NOW, Profile, SeededRandom, TestKey, flips, truncations,
};

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
fn every_wrong_agreement_fails_with_one_error() {
    let cipher = ContentCipher::Aes256Gcm;
    let honest = || Agreement::honest(bob(), cipher);
    let good = honest().encrypted;
    let mut wrong = Vec::new();
    for encrypted in [
        vec![],
        vec![0; 8],
        vec![0; 16],
        good[..32].to_vec(),
        good[..39].to_vec(),
        [&good[..], &[0; 8]].concat(),
        vec![0; 40],
        vec![0; 4096],
        good.iter().map(|byte| byte ^ 1).collect(),
    ] {
        wrong.push(Agreement {
            encrypted,
            ..honest()
        });
    }
    // Content keys of another length than the cipher's.
    wrong.push(Agreement::honest(bob(), ContentCipher::Aes128Gcm));
    // A key on another curve, and no point at all.
    for key in [TestKey::P384A, TestKey::Rsa2048A] {
        wrong.push(Agreement {
            originator: key.public(),
            ..honest()
        });
    }
    let spki = honest().originator.spki().to_vec();
    let point = spki.len() - 64;
    for (at, mask) in [(point, 1), (point + 63, 1), (point - 1, 7)] {
        let mut off = spki.clone();
        off[at] ^= mask;
        wrong.push(Agreement {
            originator: PublicKey::from_spki(&off).unwrap(),
            ..honest()
        });
    }
    // Parameters of another curve, and of none.
    for parameters in [
        Writer::encode(|w| w.oid(Oid::new("1.3.132.0.34"))),
        Writer::encode(|w| w.sequence(|_| ())),
    ] {
        wrong.push(Agreement {
            parameters,
            ..honest()
        });
    }
    // What went into the derivation of the key.
    wrong.push(Agreement {
        ukm: Some(vec![1, 2, 3]),
        ..honest()
    });
    let wrap_identifier = Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(Oid::new("2.16.840.1.101.3.4.1.45"));
            w.null();
        })
    });
    wrong.push(Agreement {
        wrap_identifier,
        ..honest()
    });
    for (index, agreement) in wrong.iter().enumerate() {
        let der = Forge::honest(cipher, vec![agreement.der(bob())]).der();
        let code = code(open(&der));
        assert_eq!(code, "cms.decrypt_failed", "number {index}");
    }
}

#[test]
fn what_both_sides_derive_the_key_from_may_be_written_in_several_ways() {
    let cipher = ContentCipher::Aes256Gcm;
    let null = Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(Oid::new("2.16.840.1.101.3.4.1.45"));
            w.null();
        })
    });
    let absent = KeyWrap::Aes256.identifier();
    let curve = Writer::encode(|w| w.oid(Oid::new("1.2.840.10045.3.1.7")));
    for wrap in [&null, &absent] {
        for ukm in [None, Some(&b"ukm"[..])] {
            for parameters in [&[][..], &[5, 0], &curve] {
                let agreement = Agreement {
                    parameters: parameters.to_vec(),
                    ..Agreement::with(bob(), cipher, ukm, wrap)
                };
                let der = Forge::honest(cipher, vec![agreement.der(bob())]).der();
                assert_eq!(bytes(open(&der).unwrap()).0, CONTENT);
            }
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
fn an_authenticated_message_does_not_open_as_another() {
    // CVE-2026-34182: the same key and ciphertext under a cipher that checks nothing.
    for cipher in [ContentCipher::Aes128Gcm, ContentCipher::Aes256Gcm] {
        let honest = Forge::honest(cipher, to_bob(cipher));
        let cbc = match cipher {
            ContentCipher::Aes128Gcm => ContentCipher::Aes128Cbc,
            _ => ContentCipher::Aes256Cbc,
        };
        for (container, algorithm) in [
            (AUTH_ENVELOPED, cbc.identifier(&IV)),
            (ENVELOPED, cipher.identifier(&IV[..12])),
        ] {
            let der = Forge {
                container,
                algorithm,
                ..honest.clone()
            }
            .der();
            assert_eq!(code(open(&der)), "cms.cipher_mismatch");
        }
        for mode in ["3", "4"] {
            let oid = format!("2.16.840.1.101.3.4.1.{mode}");
            let algorithm = Writer::encode(|w| {
                w.sequence(|w| {
                    w.oid(Oid::new(&oid));
                    w.octet_string(&IV);
                })
            });
            for container in [ENVELOPED, AUTH_ENVELOPED] {
                let der = Forge {
                    container,
                    algorithm: algorithm.clone(),
                    ..honest.clone()
                }
                .der();
                assert_eq!(code(open(&der)), "cms.unknown_algorithm");
            }
        }
        // Rebuilt as CBC it is at best quarantined, never authenticated.
        let rebuilt = Forge {
            container: ENVELOPED,
            algorithm: cbc.identifier(&IV),
            ..honest
        };
        assert!(!matches!(
            open(&rebuilt.der()),
            Ok(Opened::Authenticated(_))
        ));
    }
}

#[test]
fn the_tag_is_whole_or_wrong() {
    let cipher = ContentCipher::Aes256Gcm;
    let honest = Forge::honest(cipher, to_bob(cipher));
    for length in 0..16 {
        let der = Forge {
            mac: honest.mac[..length].to_vec(),
            ..honest.clone()
        }
        .der();
        assert_eq!(code(open(&der)), "cms.decrypt_failed", "{length} bytes");
        let longer = Forge {
            mac: [&honest.mac[..], &[0]].concat(),
            ..honest.clone()
        }
        .der();
        assert_eq!(code(open(&longer)), "cms.decrypt_failed");
        // The same with a parameter that says so.
        let said = Forge {
            mac: honest.mac[..length].to_vec(),
            algorithm: gcm(&IV[..12], Some(u32::try_from(length).unwrap())),
            ..honest.clone()
        };
        match length {
            0..12 => assert_eq!(code(open(&said.der())), "cms.unsupported"),
            _ => assert_eq!(bytes(open(&said.der()).unwrap()).0, CONTENT),
        }
    }
    // Twelve bytes where nothing is said (RFC 5084 §3.2).
    let twelve = Forge {
        algorithm: gcm(&IV[..12], None),
        ..honest.clone()
    };
    assert_eq!(code(open(&twelve.der())), "cms.decrypt_failed");
    let twelve = Forge {
        mac: honest.mac[..12].to_vec(),
        ..twelve
    };
    assert_eq!(bytes(open(&twelve.der()).unwrap()).0, CONTENT);
}

fn gcm(nonce: &[u8], tag: Option<u32>) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(ContentCipher::Aes256Gcm.oid());
            w.sequence(|w| {
                w.octet_string(nonce);
                if let Some(tag) = tag {
                    w.small(tag);
                }
            });
        })
    })
}

#[test]
fn parameters_of_another_size_are_refused_before_anything_is_done() {
    let honest = Forge::honest(ContentCipher::Aes256Gcm, to_bob(ContentCipher::Aes256Gcm));
    for nonce in [0, 1, 11, 13, 16, 65_536] {
        let der = Forge {
            algorithm: gcm(&vec![0; nonce], Some(16)),
            ..honest.clone()
        }
        .der();
        assert_eq!(code(open(&der)), "cms.unsupported", "{nonce} bytes");
    }
    let der = Forge {
        algorithm: gcm(&IV[..12], Some(u32::MAX)),
        ..honest.clone()
    }
    .der();
    assert_eq!(code(open(&der)), "cms.unsupported");
    let negative = Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(ContentCipher::Aes256Gcm.oid());
            w.sequence(|w| {
                w.octet_string(&IV[..12]);
                w.element(Tag::INTEGER, &[0xf0]);
            });
        })
    });
    let der = Forge {
        algorithm: negative,
        ..honest
    }
    .der();
    assert_eq!(code(open(&der)), "cms.malformed");
}

#[test]
fn nothing_encrypted_is_not_nothing_to_check() {
    for cipher in ContentCipher::ALL {
        let honest = Forge::honest(cipher, to_bob(cipher));
        let empty = Forge {
            ciphertext: Some(vec![]),
            ..honest.clone()
        }
        .der();
        assert_eq!(code(open(&empty)), "cms.decrypt_failed");
        let absent = Forge {
            ciphertext: None,
            ..honest
        }
        .der();
        assert_eq!(envelope(&absent).unwrap_err().code(), "cms.malformed");
    }
}

fn attribute(kind: Oid, value: &[u8]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(kind);
            w.constructed(Tag::SET, |w| w.raw(value));
        })
    })
}

#[test]
fn authenticated_attributes_are_authenticated() {
    let cipher = ContentCipher::Aes128Gcm;
    let attributes = vec![
        attribute(
            Oid::new("1.2.840.113549.1.9.3"),
            &Writer::encode(|w| w.oid(DATA)),
        ),
        attribute(Oid::new("1.2.3"), &[5, 0]),
    ];
    let honest = Forge::with_attributes(cipher, to_bob(cipher), attributes.clone());
    assert_eq!(bytes(open(&honest.der()).unwrap()).0, CONTENT);
    // In whatever order they stand, what is authenticated is DER (RFC 5083 §2.2).
    let reversed = Forge {
        attributes: attributes.into_iter().rev().collect(),
        ..honest.clone()
    };
    assert_eq!(bytes(open(&reversed.der()).unwrap()).0, CONTENT);
    for altered in [
        vec![],
        honest.attributes[1..].to_vec(),
        [&honest.attributes[..], &honest.attributes[..1]].concat(),
        vec![
            honest.attributes[0].clone(),
            attribute(Oid::new("1.2.4"), &[5, 0]),
        ],
    ] {
        let der = Forge {
            attributes: altered,
            ..honest.clone()
        }
        .der();
        assert_eq!(code(open(&der)), "cms.decrypt_failed");
    }
    // They say what the content is: what stands beside the ciphertext is covered by nothing.
    for (named, kind) in [(SIGNED_DATA, DATA), (DATA, SIGNED_DATA)] {
        let attribute = attribute(
            Oid::new("1.2.840.113549.1.9.3"),
            &Writer::encode(|w| w.oid(named)),
        );
        let forged = Forge {
            content_type: kind,
            ..Forge::with_attributes(cipher, to_bob(cipher), vec![attribute.clone()])
        };
        assert_eq!(envelope(&forged.der()).unwrap_err().code(), "cms.malformed");
        let honest = Forge {
            content_type: named,
            ..Forge::with_attributes(cipher, to_bob(cipher), vec![attribute])
        };
        assert_eq!(bytes(open(&honest.der()).unwrap()).0, CONTENT);
    }
    // Without attributes nothing says that the content is anything but data.
    let bare = Forge::honest(cipher, to_bob(cipher));
    let signed = Forge {
        content_type: SIGNED_DATA,
        ..bare
    };
    assert_eq!(envelope(&signed.der()).unwrap_err().code(), "cms.malformed");
}

#[test]
fn damage_never_gives_other_authenticated_content() {
    let cipher = ContentCipher::Aes128Gcm;
    let der = Forge::honest(cipher, to_bob(cipher)).der();
    let mut opened = 0;
    for (at, damaged) in flips(&der) {
        match open(&damaged) {
            Ok(Opened::Authenticated(decrypted)) => {
                opened += 1;
                let content = decrypted.content().read_to_vec("test", 1 << 20).unwrap();
                assert_eq!(content, CONTENT, "byte {at}");
            }
            Ok(Opened::Unauthenticated(_)) => panic!("byte {at} took authentication away"),
            Err(_) => {}
        }
    }
    // The two versions are covered by nothing.
    assert!(opened < 10, "{opened}");
}

#[test]
fn damage_to_what_nothing_authenticates_stays_quarantined() {
    let cipher = ContentCipher::Aes128Cbc;
    let honest = Forge::honest(cipher, to_bob(cipher));
    let der = honest.der();
    for (_, damaged) in flips(&der) {
        assert!(!matches!(open(&damaged), Ok(Opened::Authenticated(_))));
    }
    // A gadget: blocks repeated, swapped and cut; the padding stays right.
    let whole = honest.ciphertext.clone().unwrap();
    for gadget in [
        [&whole[..32], &whole[..]].concat(),
        [&whole[16..32], &whole[..]].concat(),
        whole[16..].to_vec(),
    ] {
        let der = Forge {
            ciphertext: Some(gadget),
            ..honest.clone()
        }
        .der();
        assert!(matches!(open(&der), Ok(Opened::Unauthenticated(_))));
    }
    // Ragged, and with the padding of another block.
    for gadget in [
        &whole[..whole.len() - 1],
        &whole[..whole.len() - 16],
        &whole[..1],
    ] {
        let der = Forge {
            ciphertext: Some(gadget.to_vec()),
            ..honest.clone()
        }
        .der();
        assert_eq!(code(open(&der)), "cms.decrypt_failed");
    }
}

#[test]
fn an_envelope_cut_short_is_malformed() {
    for cipher in [ContentCipher::Aes128Gcm, ContentCipher::Aes128Cbc] {
        let der = Forge::honest(cipher, to_bob(cipher)).der();
        let mut ber = Vec::new();
        let recipient = Recipient::without_chain(bob().certificate.clone());
        let encryptor =
            Encryptor::to([recipient], cipher, &RustCrypto, &SeededRandom::new(5)).unwrap();
        let mut writer = encryptor.wrap(&mut ber).unwrap();
        writer.write_all(CONTENT).unwrap();
        writer.finish().unwrap();
        for object in [der, ber] {
            for cut in truncations(&object) {
                let error = envelope(cut).unwrap_err();
                assert_eq!(error.code(), "cms.malformed", "{} bytes", cut.len());
            }
        }
    }
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
fn fields_that_are_missing_or_of_another_type_are_malformed() {
    let cipher = ContentCipher::Aes128Gcm;
    let honest = Forge::honest(cipher, to_bob(cipher));
    let recipient = &honest.recipients[0];
    for bad in [
        &[0x30, 0][..],
        &[0xa1, 0],
        &[0x05, 0],
        &[0x04, 0],
        &[0xa5, 2, 0x05, 0],
        &[0x30, 3, 0x02, 1, 0],
        &[0xa1, 3, 0x02, 1, 3],
        &[0xa1, 5, 0x02, 1, 3, 0xa0, 0],
        &[&[0xa1, 3][..], &recipient[2..5]].concat(),
    ] {
        let der = Forge {
            recipients: vec![bad.to_vec()],
            ..honest.clone()
        }
        .der();
        assert_eq!(
            envelope(&der).unwrap_err().code(),
            "cms.malformed",
            "{bad:x?}"
        );
    }
    for algorithm in [&[0x30, 0][..], &[0x05, 0], &[0x30, 2, 0x05, 0]] {
        let der = Forge {
            algorithm: algorithm.to_vec(),
            ..honest.clone()
        }
        .der();
        assert_eq!(envelope(&der).unwrap_err().code(), "cms.malformed");
    }
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
