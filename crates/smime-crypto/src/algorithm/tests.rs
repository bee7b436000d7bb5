use proptest::prelude::*;

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn schemes() -> Vec<SignatureScheme> {
    DigestAlgorithm::ALL
        .into_iter()
        .flat_map(|digest| {
            [
                SignatureScheme::RsaPkcs1(digest),
                SignatureScheme::Ecdsa(digest),
                SignatureScheme::RsaPss { digest, salt: 0 },
                SignatureScheme::RsaPss { digest, salt: 20 },
                SignatureScheme::RsaPss {
                    digest,
                    salt: u16::MAX,
                },
            ]
        })
        .chain([SignatureScheme::Ed25519])
        .collect()
}

#[test]
fn what_is_written_reads_back() {
    for digest in DigestAlgorithm::ALL {
        assert_eq!(
            DigestAlgorithm::from_identifier(&digest.identifier()),
            Ok(digest)
        );
        for mgf in DigestAlgorithm::ALL {
            let transport = KeyTransport::RsaOaep { digest, mgf };
            assert_eq!(
                KeyTransport::from_identifier(&transport.identifier()),
                Ok(transport)
            );
        }
    }
    for wrap in [KeyWrap::Aes128, KeyWrap::Aes256] {
        assert_eq!(KeyWrap::from_identifier(&wrap.identifier()), Ok(wrap));
        for agreement in KeyAgreement::ALL {
            let read = KeyAgreement::from_identifier(&agreement.identifier(wrap));
            assert_eq!(read, Ok((agreement, wrap)));
        }
    }
    let transport = KeyTransport::RsaPkcs1;
    assert_eq!(
        KeyTransport::from_identifier(&transport.identifier()),
        Ok(transport)
    );
    for scheme in schemes() {
        assert_eq!(
            SignatureScheme::from_identifier(&scheme.identifier(), None),
            Ok(scheme)
        );
        let digest = Some(scheme.digest());
        let signer_info = scheme.signer_info_identifier();
        assert_eq!(
            SignatureScheme::from_identifier(&signer_info, digest),
            Ok(scheme)
        );
    }
    for cipher in ContentCipher::ALL {
        let iv = vec![7; cipher.iv_length()];
        let tag = if cipher.is_authenticated() { 16 } else { 0 };
        assert_eq!(
            ContentCipher::from_identifier(&cipher.identifier(&iv)),
            Ok((cipher, iv, tag))
        );
    }
}

#[test]
fn defaults_are_left_out() {
    let sha1 = DigestAlgorithm::Sha1;
    let empty = "300d06092a864886f70d01010a3000";
    assert_eq!(
        hex(&SignatureScheme::RsaPss {
            digest: sha1,
            salt: 20
        }
        .identifier()),
        empty
    );
    let empty = "300d06092a864886f70d0101073000";
    assert_eq!(
        hex(&KeyTransport::RsaOaep {
            digest: sha1,
            mgf: sha1
        }
        .identifier()),
        empty
    );
}

#[test]
fn pss_with_sha256_is_written_as_every_peer_writes_it() {
    // The bytes in the specification of RSASSA-PSS certificates, RFC 4055 §3.1.
    let scheme = SignatureScheme::RsaPss {
        digest: DigestAlgorithm::Sha256,
        salt: 32,
    };
    assert_eq!(
        hex(&scheme.identifier()),
        "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120"
    );
}

#[test]
fn the_digest_beside_a_signature_must_agree() {
    let other = DigestAlgorithm::Sha512;
    for scheme in schemes() {
        let read = SignatureScheme::from_identifier(&scheme.identifier(), Some(other));
        assert_eq!(read.is_ok(), scheme.digest() == other, "{scheme:?}");
    }
    let plain = identifier(oid::RSA_ENCRYPTION, Writer::null);
    let alone = SignatureScheme::from_identifier(&plain, None);
    assert_eq!(alone, Err(Error::UnknownAlgorithm(oid::RSA_ENCRYPTION)));
}

#[test]
fn parameters_that_are_not_the_standard_ones_are_refused() {
    let sha256 = || with_null(DigestAlgorithm::Sha256);
    let field = |number: u8, content: &[u8]| {
        Writer::encode(|w| w.element(Tag::context_constructed(number), content))
    };
    let pss = |fields: &[Vec<u8>]| {
        identifier(oid::RSASSA_PSS, |w| {
            w.element(Tag::SEQUENCE, &fields.concat())
        })
    };
    let digest = field(0, &sha256());
    let mgf = field(1, &mgf1(DigestAlgorithm::Sha256));
    for bad in [
        identifier(oid::RSASSA_PSS, |_| ()),
        identifier(oid::RSASSA_PSS, Writer::null),
        pss(std::slice::from_ref(&digest)),
        pss(&[mgf.clone(), digest.clone()]),
        pss(&[digest.clone(), field(1, &sha256())]),
        pss(&[digest.clone(), mgf.clone(), field(2, &[2, 1, 0x80])]),
        pss(&[digest.clone(), mgf.clone(), field(2, &[2, 3, 1, 0, 0])]),
        pss(&[digest.clone(), mgf.clone(), field(2, &[2, 1, 32, 5, 0])]),
        pss(&[digest.clone(), mgf.clone(), field(3, &[2, 1, 2])]),
        pss(&[digest, mgf, field(4, &[])]),
        identifier(oid::SHA256_WITH_RSA, |w| w.octet_string(&[])),
        identifier(oid::ECDSA_WITH_SHA256, |w| w.oid(oid::SECP256R1)),
        identifier(oid::ED25519, Writer::null),
        identifier(oid::ED25519, |w| w.octet_string(&[])),
        identifier(oid::X25519, |_| ()),
        identifier(Oid::new("1.3.101.113"), |_| ()),
    ] {
        assert!(
            SignatureScheme::from_identifier(&bad, None).is_err(),
            "{}",
            hex(&bad)
        );
    }
    let label = identifier(oid::P_SPECIFIED, |w| w.octet_string(b"label"));
    let source = identifier(oid::MGF1, |w| w.octet_string(&[]));
    for bad in [label, source] {
        let bad = identifier(oid::RSAES_OAEP, |w| {
            w.element(Tag::SEQUENCE, &field(2, &bad))
        });
        assert!(KeyTransport::from_identifier(&bad).is_err());
    }
    for oid in [oid::SHA256, oid::AES128_WRAP] {
        let bad = identifier(oid, |w| w.small(1));
        assert!(DigestAlgorithm::from_identifier(&bad).is_err());
        assert!(KeyWrap::from_identifier(&bad).is_err());
    }
    let no_wrap = identifier(oid::ECDH_SHA256, |_| ());
    assert!(KeyAgreement::from_identifier(&no_wrap).is_err());
}

#[test]
fn oaep_without_parameters_is_sha1() {
    let sha1 = DigestAlgorithm::Sha1;
    let read = KeyTransport::from_identifier(&identifier(oid::RSAES_OAEP, |_| ()));
    assert_eq!(
        read,
        Ok(KeyTransport::RsaOaep {
            digest: sha1,
            mgf: sha1
        })
    );
}

#[test]
fn nonces_tags_and_vectors_have_their_lengths() {
    let gcm = |nonce: usize, tag: Option<u32>| {
        ContentCipher::from_identifier(&identifier(oid::AES256_GCM, |w| {
            w.sequence(|w| {
                w.octet_string(&vec![1; nonce]);
                if let Some(tag) = tag {
                    w.small(tag);
                }
            });
        }))
    };
    // The default of aes-ICVlen is 12 (RFC 5084 §3.2).
    assert_eq!(gcm(12, None).map(|(_, _, tag)| tag), Ok(12));
    for tag in 12..=16 {
        assert!(gcm(12, Some(tag)).is_ok());
    }
    for (nonce, tag) in [
        (12, 0),
        (12, 4),
        (12, 11),
        (12, 17),
        (12, u32::MAX),
        (0, 16),
        (16, 16),
    ] {
        assert!(matches!(gcm(nonce, Some(tag)), Err(Error::Unsupported(_))));
    }
    for length in [0, 8, 12, 15, 17] {
        let cbc = identifier(oid::AES128_CBC, |w| w.octet_string(&vec![1; length]));
        assert!(matches!(
            ContentCipher::from_identifier(&cbc),
            Err(Error::Unsupported(_))
        ));
    }
    let unknown = identifier(oid::SHA256, Writer::null);
    let read = ContentCipher::from_identifier(&unknown);
    assert_eq!(read, Err(Error::UnknownAlgorithm(oid::SHA256)));
}

proptest! {
    #[test]
    fn altered_identifiers_never_panic(
        which in 0_usize..21,
        position in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let mut der = schemes()[which].identifier();
        let position = position.index(der.len());
        der[position] = value;
        let _ = SignatureScheme::from_identifier(&der, None);
        let _ = KeyTransport::from_identifier(&der);
        let _ = KeyAgreement::from_identifier(&der);
        let _ = ContentCipher::from_identifier(&der);
    }
}
