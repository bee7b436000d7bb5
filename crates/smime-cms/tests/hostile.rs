//! Input made to break the reader: nothing panics, nothing costs more than it is worth.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test that cannot go on should stop

use std::{
    io::{self, Read, Write as _},
    sync::OnceLock,
};

use proptest::prelude::*;
use smime_cms::{
    ClaimedTime, Encryptor, Error, Object, Opened, Outcome, Recipient, Sender, SignatureCheck,
    Signer, read, show, sign_der,
};
use smime_crypto::{
    AlgorithmPolicy, ContentCipher, Oid, RustCrypto,
    asn1::{Tag, Writer},
};
use smime_io::{Limits, Replay, Source, TooLarge};
use smime_testkit::{Authority, Identity, NOW, Profile, SeededRandom, TestKey};
use smime_x509::{CertificateBundle, PolicyInputs, Purpose};

const CONTENT: &[u8] = b"Content-Type: text/plain\r\n\r\nHello.\r\n";
const ENVELOPED: Oid = Oid::new("1.2.840.113549.1.7.3");

fn alice() -> &'static Identity {
    static ALICE: OnceLock<Identity> = OnceLock::new();
    ALICE.get_or_init(|| {
        let root = Authority::root("Root", TestKey::P256B);
        root.person("alice@example.com", Profile::of(TestKey::P256A))
    })
}

/// One object of each kind and form.
fn objects() -> &'static [Vec<u8>] {
    static OBJECTS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    OBJECTS.get_or_init(|| {
        let random = SeededRandom::new(1);
        let signer =
            Signer::without_chain(alice().certificate.clone(), alice().private_key()).unwrap();
        let mut der = Vec::new();
        let content = Source::from_bytes(CONTENT);
        sign_der(&signer, &content, &RustCrypto, &random, NOW, &mut der).unwrap();
        let mut opaque = signer
            .opaque(Vec::new(), &RustCrypto, &random, NOW)
            .unwrap();
        opaque.write_all(CONTENT).unwrap();
        let mut all = vec![der, opaque.finish().unwrap()];
        for cipher in [ContentCipher::Aes128Gcm, ContentCipher::Aes128Cbc] {
            for definite in [true, false] {
                let to = Recipient::without_chain(alice().certificate.clone());
                let encryptor = Encryptor::to([to], cipher, &RustCrypto, &random).unwrap();
                let length = u64::try_from(CONTENT.len()).unwrap();
                let mut writer = match definite {
                    true => encryptor.wrap_definite(length, Vec::new()).unwrap(),
                    false => encryptor.wrap(Vec::new()).unwrap(),
                };
                writer.write_all(CONTENT).unwrap();
                all.push(writer.finish().unwrap());
            }
        }
        all
    })
}

/// Does with `source` all that can be done; what comes out as proven must be what went in.
fn try_everything(source: &Source) -> Result<(), Error> {
    let limits = Limits::default();
    show(source, &limits)?;
    let proven = match read(source.clone(), &limits)? {
        Object::Signed(message) => {
            let check = SignatureCheck {
                chains: None,
                purpose: Purpose::SignMail,
                policies: &PolicyInputs::default(),
                provider: &RustCrypto,
                algorithms: &AlgorithmPolicy::standard(),
                pool: &CertificateBundle::new(),
                sender: Sender::Any,
                at: NOW,
                claimed_time: ClaimedTime::Ignored,
            };
            match message.verify(&check)? {
                Outcome::Verified(verified) => verified.content().clone(),
                Outcome::Unverified(_) => return Ok(()),
            }
        }
        Object::Enveloped(envelope) => {
            let (policy, random) = (AlgorithmPolicy::standard(), SeededRandom::new(2));
            let key = alice().test_key.private();
            match envelope.open(&alice().certificate, key, &policy, NOW, &random)? {
                Opened::Authenticated(decrypted) => decrypted.content(),
                Opened::Unauthenticated(quarantined) => {
                    quarantined
                        .dangerous_content()
                        .read_to_vec("test", 1 << 20)?;
                    return Ok(());
                }
            }
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(proven.read_to_vec("test", 1 << 20)?, CONTENT);
    Ok(())
}

#[test]
fn what_was_not_damaged_is_read() {
    for object in objects() {
        try_everything(&Source::from_bytes(&object[..])).unwrap();
    }
}

proptest! {
    #[test]
    fn no_bytes_make_anything_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = try_everything(&Source::from_bytes(bytes));
    }

    #[test]
    fn edits_never_give_other_proven_content(
        object in 0..6_usize,
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 1..4),
    ) {
        let mut bytes = objects()[object].clone();
        for (at, edit, byte) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match edit {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => {
                    bytes.remove(at);
                }
                _ => {
                    let piece = bytes[at..].to_vec();
                    bytes.splice(at..at, piece.into_iter().take(usize::from(byte)));
                }
            }
        }
        let _ = try_everything(&Source::from_bytes(bytes));
    }

    #[test]
    fn splices_of_two_objects_never_give_other_proven_content(
        (first, second) in (0..6_usize, 0..6_usize),
        (from, to) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let (first, second) = (&objects()[first], &objects()[second]);
        let spliced = [&first[..from.index(first.len())], &second[to.index(second.len())..]].concat();
        let _ = try_everything(&Source::from_bytes(spliced));
    }
}

#[test]
fn nesting_ends_at_the_limit() {
    let oid = Writer::encode(|w| w.oid(Oid::new("1.2.840.113549.1.7.2")));
    let start = [
        &[0x30, 0x80][..],
        &oid,
        &[0xa0, 0x80, 0x30, 0x80, 0x02, 1, 1],
    ]
    .concat();
    let data = Writer::encode(|w| w.oid(Oid::new("1.2.840.113549.1.7.1")));
    for nested in [
        // As digestAlgorithms, as content, as certificates, as signers.
        [&start[..], &[0x31, 0x80].repeat(100_000)].concat(),
        [
            &start[..],
            &[0x31, 0, 0x30, 0x80],
            &data,
            &[0xa0, 0x80],
            &[0x24, 0x80].repeat(100_000),
        ]
        .concat(),
        [
            &start[..],
            &[0x31, 0, 0x30, 0x80],
            &data,
            &[0, 0],
            &[0xa0, 0x80].repeat(100_000),
        ]
        .concat(),
        [
            &start[..],
            &[0x31, 0, 0x30, 0x80],
            &data,
            &[0, 0],
            &[0x31, 0x80].repeat(100_000),
        ]
        .concat(),
    ] {
        let error = read(Source::from_bytes(nested), &Limits::default()).unwrap_err();
        assert_eq!(error.code(), "cms.too_large", "{error}");
    }
}

#[test]
fn what_many_recipients_share_is_kept_once() {
    // A mebibyte of user keying material times twenty thousand recipients.
    let key_id = Writer::encode(|w| {
        w.sequence(|w| {
            w.constructed(Tag::context_constructed(0), |w| w.octet_string(b"id"));
            w.octet_string(&[]);
        });
    });
    let algorithm = Writer::encode(|w| w.sequence(|w| w.oid(Oid::new("1.3.132.1.11.1"))));
    let agreement = Writer::encode(|w| {
        w.constructed(Tag::context_constructed(1), |w| {
            w.small(3);
            w.constructed(Tag::context_constructed(0), |w| {
                w.constructed(Tag::context_constructed(1), |w| {
                    w.raw(&algorithm);
                    w.bit_string(&[4; 65]);
                });
            });
            w.constructed(Tag::context_constructed(1), |w| {
                w.octet_string(&vec![0; 1 << 20])
            });
            w.raw(&algorithm);
            w.element(Tag::SEQUENCE, &key_id.repeat(20_000));
        });
    });
    let der = Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(ENVELOPED);
            w.constructed(Tag::context_constructed(0), |w| {
                w.sequence(|w| {
                    w.small(2);
                    w.element(Tag::SET, &agreement);
                    w.sequence(|w| {
                        w.oid(Oid::new("1.2.840.113549.1.7.1"));
                        w.raw(&ContentCipher::Aes128Cbc.identifier(&[0; 16]));
                        w.element(Tag::context(0), &[0; 16]);
                    });
                });
            });
        });
    });
    match read(Source::from_bytes(der), &Limits::default()).unwrap() {
        Object::Enveloped(envelope) => assert_eq!(envelope.recipients().len(), 20_000),
        other => panic!("{other:?}"),
    }
}

/// SignedData of these certificates and SignerInfos.
fn signed_data(certificates: &[u8], signers: &[u8]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(Oid::new("1.2.840.113549.1.7.2"));
            w.constructed(Tag::context_constructed(0), |w| {
                w.sequence(|w| {
                    w.small(1);
                    w.element(Tag::SET, &[]);
                    w.sequence(|w| {
                        w.oid(Oid::new("1.2.840.113549.1.7.1"));
                        w.constructed(Tag::context_constructed(0), |w| w.octet_string(CONTENT));
                    });
                    w.element(Tag::context_constructed(0), certificates);
                    w.element(Tag::SET, signers);
                });
            });
        })
    })
}

#[test]
fn more_of_the_smallest_elements_than_any_mail_has_are_too_large() {
    let too_large =
        |der: Vec<u8>, expected: &str| match read(Source::from_bytes(der), &Limits::default())
            .unwrap_err()
        {
            Error::TooLarge(TooLarge { what, .. }) => assert_eq!(what, expected),
            other => panic!("{other}"),
        };
    let millions = 3 << 20;
    too_large(signed_data(&[5, 0].repeat(millions), &[]), "certificates");
    let enveloped = |recipients: &[u8]| {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.oid(ENVELOPED);
                w.constructed(Tag::context_constructed(0), |w| {
                    w.sequence(|w| {
                        w.small(2);
                        w.element(Tag::SET, recipients);
                    });
                });
            })
        })
    };
    too_large(enveloped(&[0xa2, 0].repeat(millions)), "recipients");
    let key = Writer::encode(|w| {
        w.sequence(|w| {
            w.constructed(Tag::context_constructed(0), |w| w.octet_string(&[]));
            w.octet_string(&[]);
        });
    });
    let agreement = Writer::encode(|w| {
        w.constructed(Tag::context_constructed(1), |w| {
            w.small(3);
            w.constructed(Tag::context_constructed(0), |w| w.null());
            w.sequence(|w| w.oid(Oid::new("1.3.132.1.11.1")));
            w.element(Tag::SEQUENCE, &key.repeat(millions / 4));
        });
    });
    too_large(enveloped(&agreement), "recipients");
}

#[test]
fn a_long_name_is_compared_with_many_certificates_in_little_time() {
    // Four thousand certificates of the signer's serial number, and an issuer of two mebibytes.
    let root = Authority::root("Root", TestKey::P256B);
    let person = root.person("alice@example.com", Profile::of(TestKey::P256A));
    let certificate = person.certificate.der();
    let certificates: Vec<u8> = (0..4000_u16)
        .flat_map(|number| {
            // What was signed and by what is of no matter here.
            let mut one = certificate.to_vec();
            let end = one.len() - 2;
            one[end..].copy_from_slice(&number.to_be_bytes());
            one
        })
        .collect();
    let value = Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(Oid::new("2.5.4.3"));
            w.element(Tag::UTF8_STRING, b"a");
        });
    });
    let pairs = Writer::encode(|w| w.element(Tag::SET, &value)).repeat(1 << 17);
    let signer = Writer::encode(|w| {
        w.sequence(|w| {
            w.small(1);
            w.sequence(|w| {
                w.element(Tag::SEQUENCE, &pairs);
                w.element(Tag::INTEGER, person.certificate.serial());
            });
            w.sequence(|w| w.oid(Oid::new("2.16.840.1.101.3.4.2.1")));
            w.sequence(|w| w.oid(Oid::new("1.2.840.10045.4.3.2")));
            w.octet_string(&[]);
        });
    });
    // Folding the name anew for each of them took minutes.
    try_everything(&Source::from_bytes(signed_data(&certificates, &signer))).unwrap();
}

#[test]
fn structures_over_the_limit_are_too_large_and_content_is_not() {
    let limits = Limits {
        structure: 4096,
        ..Limits::default()
    };
    let to = Recipient::without_chain(alice().certificate.clone());
    let cipher = ContentCipher::Aes128Gcm;
    let encryptor = Encryptor::to([to], cipher, &RustCrypto, &SeededRandom::new(1)).unwrap();
    let mut writer = encryptor.wrap(Vec::new()).unwrap();
    writer.write_all(&vec![7; 1 << 20]).unwrap();
    let summary = show(&Source::from_bytes(writer.finish().unwrap()), &limits).unwrap();
    assert_eq!(summary.content_length, Some(1 << 20));

    let tight = Limits {
        structure: 200,
        ..limits
    };
    for object in objects() {
        let error = read(Source::from_bytes(&object[..]), &tight).unwrap_err();
        assert_eq!(error.code(), "cms.too_large");
    }
}

/// Gives the same beginning each time and then zeros, as many as asked for.
struct Endless(Vec<u8>, u64);

impl Replay for Endless {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new((&*self.0).chain(io::repeat(0).take(self.1))))
    }
}

#[test]
fn a_length_without_its_bytes_is_malformed_and_costs_nothing() {
    let data = Writer::encode(|w| w.oid(Oid::new("1.2.840.113549.1.7.1")));
    let oid = Writer::encode(|w| w.oid(Oid::new("1.2.840.113549.1.7.2")));
    let start = [
        &[0x30, 0x80][..],
        &oid,
        &[0xa0, 0x80, 0x30, 0x80, 0x02, 1, 1, 0x31, 0, 0x30, 0x80],
        &data,
        &[0xa0, 0x80],
    ]
    .concat();
    for declared in [
        &[0x04, 0x84, 0xff, 0xff, 0xff, 0xff][..],
        &[0x04, 0x88, 0x7f, 0, 0, 0, 0, 0, 0, 0],
    ] {
        for there in [0, 10, 1 << 20] {
            let source = Source::new(Endless([&start[..], declared].concat(), there));
            let error = read(source, &Limits::default()).unwrap_err();
            assert_eq!(error.code(), "cms.malformed");
        }
    }
}
