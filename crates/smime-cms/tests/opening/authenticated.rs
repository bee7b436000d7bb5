//! What a tag vouches for, and its parameters.

use smime_cms::Opened;
use smime_crypto::{
    ContentCipher, Oid,
    asn1::{Tag, Writer},
};

use crate::{
    AUTH_ENVELOPED, CONTENT, DATA, ENVELOPED, Forge, IV, SIGNED_DATA, bytes, code, envelope, open,
    to_bob,
};

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
