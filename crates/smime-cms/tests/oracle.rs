//! What the writers write, an independent implementation reads, and writes again byte for byte.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::as_conversions)] // test helpers

#[path = "support/people.rs"]
mod people;

use std::io::Write;

use cms::{
    authenveloped_data::AuthEnvelopedData,
    cert::{CertificateChoices, IssuerAndSerialNumber},
    content_info::{CmsVersion, ContentInfo},
    enveloped_data::{
        EncryptedContentInfo, EnvelopedData, KeyAgreeRecipientIdentifier, KeyAgreeRecipientInfo,
        OriginatorIdentifierOrKey, RecipientIdentifier, RecipientInfo,
    },
    signed_data::{SignedData, SignerIdentifier},
};
use der::{Decode, Encode, asn1::OctetString};
use people::{Person, person};
use smime_cms::{Encryptor, Recipient, Signer, sign_der};
use smime_crypto::{
    ContentCipher, CryptoProvider, KeyTransport, OsRandom, RustCrypto, Secret, Signed,
    cipher::Opener,
};
use smime_io::Source;
use smime_testkit::{NOW, TestKey};

const CONTENT: &[u8] = b"Content-Type: text/plain\r\n\r\nseen by another implementation\r\n";

const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const ENVELOPED_DATA: &str = "1.2.840.113549.1.7.3";
const AUTH_ENVELOPED_DATA: &str = "1.2.840.113549.1.9.16.1.23";

fn signer(person: &Person) -> Signer {
    Signer::without_chain(person.certificate.clone(), person.key.clone()).unwrap()
}

fn detached(signer: &Signer) -> Vec<u8> {
    let mut writer = signer.detached(&RustCrypto, &OsRandom, NOW);
    writer.write_all(CONTENT).unwrap();
    writer.finish().unwrap()
}

fn opaque_der(signer: &Signer) -> Vec<u8> {
    let mut out = Vec::new();
    let content = Source::from_bytes(CONTENT);
    sign_der(signer, &content, &RustCrypto, &OsRandom, NOW, &mut out).unwrap();
    out
}

fn envelope_der(to: &[TestKey], cipher: ContentCipher) -> Vec<u8> {
    let to = to
        .iter()
        .map(|key| Recipient::without_chain(person(*key).certificate.clone()));
    let encryptor = Encryptor::to(to, cipher, &RustCrypto, &OsRandom).unwrap();
    let mut writer = encryptor
        .wrap_definite(CONTENT.len() as u64, Vec::new())
        .unwrap();
    writer.write_all(CONTENT).unwrap();
    writer.finish().unwrap()
}

/// Reads an object.
fn parse<T: for<'a> Decode<'a, Error = der::Error>>(object: &[u8], kind: &str) -> T {
    let info = ContentInfo::from_der(object).unwrap();
    assert_eq!(info.content_type.to_string(), kind);
    T::from_der(&info.content.to_der().unwrap()).unwrap()
}

/// Reads an object, and checks that writing it again gives the same bytes: it is DER.
fn read<T: for<'a> Decode<'a, Error = der::Error> + Encode>(object: &[u8], kind: &str) -> T {
    let data: T = parse(object, kind);
    let info = ContentInfo::from_der(object).unwrap();
    assert_eq!(data.to_der().unwrap(), info.content.to_der().unwrap());
    assert_eq!(info.to_der().unwrap(), object);
    data
}

fn names(id: &IssuerAndSerialNumber, person: &Person) -> bool {
    let serial = id.serial_number.as_bytes();
    id.issuer.to_der().unwrap() == person.certificate.issuer().der()
        && serial == person.certificate.serial()
}

fn key_agreements(infos: &[RecipientInfo]) -> Vec<&KeyAgreeRecipientInfo> {
    infos
        .iter()
        .filter_map(|info| match info {
            RecipientInfo::Kari(kari) => Some(kari),
            _ => None,
        })
        .collect()
}

fn ciphertext(content: &EncryptedContentInfo) -> &[u8] {
    content.encrypted_content.as_ref().unwrap().as_bytes()
}

#[test]
fn signed_data_is_der_and_names_its_signer() {
    for key in [TestKey::Rsa2048A, TestKey::P256A, TestKey::P384A] {
        let own = person(key);
        for (object, has_content) in [
            (detached(&signer(own)), false),
            (opaque_der(&signer(own)), true),
        ] {
            let data: SignedData = read(&object, SIGNED_DATA);
            assert_eq!(data.version, CmsVersion::V1);
            let content = data.encap_content_info.econtent;
            let content = content.map(|any| any.decode_as::<OctetString>().unwrap());
            let expected = has_content.then_some(CONTENT);
            assert_eq!(content.as_ref().map(OctetString::as_bytes), expected);
            let infos = data.signer_infos.0.as_slice();
            assert_eq!(infos.len(), 1);
            assert_eq!(infos[0].version, CmsVersion::V1);
            let SignerIdentifier::IssuerAndSerialNumber(id) = &infos[0].sid else {
                panic!("named otherwise")
            };
            assert!(names(id, own));
            let certificates = data.certificates.unwrap();
            let CertificateChoices::Certificate(certificate) = certificates.0.get(0).unwrap()
            else {
                panic!("no X.509 certificate")
            };
            assert_eq!(certificate.to_der().unwrap(), own.certificate.der());
        }
    }
}

#[test]
fn the_signature_is_over_the_set_of_five_attributes() {
    for key in [TestKey::Rsa2048A, TestKey::P256A, TestKey::P384A] {
        let own = signer(person(key));
        let data: SignedData = read(&detached(&own), SIGNED_DATA);
        let info = data.signer_infos.0.get(0).unwrap();
        let attributes = info.signed_attrs.as_ref().unwrap();
        let kinds: Vec<_> = attributes.iter().map(|it| it.oid.to_string()).collect();
        assert_eq!(kinds.len(), 5);
        for kind in ["3", "4", "5", "15", "16.2.47"] {
            assert!(
                kinds.contains(&format!("1.2.840.113549.1.9.{kind}")),
                "{kind}"
            );
        }
        let signed = attributes.to_der().unwrap();
        assert_eq!(signed[0], 0x31);
        let verified = RustCrypto.verify(
            own.certificate().public_key(),
            own.signature_scheme(),
            Signed::Message(&signed),
            info.signature.as_bytes(),
        );
        assert_eq!(verified, Ok(()));
    }
}

#[test]
fn the_version_follows_the_recipients_and_the_container_follows_the_cipher() {
    let rsa = &[TestKey::Rsa2048A][..];
    let mixed = &[TestKey::Rsa2048A, TestKey::P256A][..];
    for (to, version) in [(rsa, CmsVersion::V0), (mixed, CmsVersion::V2)] {
        for cipher in [ContentCipher::Aes128Cbc, ContentCipher::Aes256Cbc] {
            let data: EnvelopedData = read(&envelope_der(to, cipher), ENVELOPED_DATA);
            assert_eq!(data.version, version);
            assert_eq!(ciphertext(&data.encrypted_content).len() % 16, 0);
        }
        for cipher in [ContentCipher::Aes128Gcm, ContentCipher::Aes256Gcm] {
            let data: AuthEnvelopedData = read(&envelope_der(to, cipher), AUTH_ENVELOPED_DATA);
            assert_eq!(data.version, CmsVersion::V0);
            assert_eq!(data.mac.as_bytes().len(), 16);
            assert!(data.auth_attrs.is_none() && data.unauth_attrs.is_none());
            assert_eq!(
                ciphertext(&data.auth_encrypted_content_info).len(),
                CONTENT.len()
            );
        }
    }
}

#[test]
fn recipients_on_one_curve_share_one_ephemeral_key() {
    let to = [
        TestKey::P256A,
        TestKey::Rsa2048A,
        TestKey::P384A,
        TestKey::P256B,
        TestKey::P384B,
        TestKey::Rsa2048B,
    ];
    let object = envelope_der(&to, ContentCipher::Aes256Gcm);
    let data: AuthEnvelopedData = parse(&object, AUTH_ENVELOPED_DATA);
    let infos = data.recip_infos.0.as_slice();
    assert_eq!(infos.len(), 4);
    // The other implementation keeps a SET OF in an order of its own; DER has that of the
    // encodings (X.690 §11.6).
    let mut encoded: Vec<_> = infos.iter().map(|info| info.to_der().unwrap()).collect();
    encoded.sort();
    let encoded = encoded.concat();
    assert!(
        object
            .windows(encoded.len())
            .any(|window| window == encoded)
    );
    let agreements = key_agreements(infos);
    assert_eq!(agreements.len(), 2);
    for kari in agreements {
        assert_eq!(kari.version, CmsVersion::V3);
        assert!(kari.ukm.is_none());
        let OriginatorIdentifierOrKey::OriginatorKey(originator) = &kari.originator else {
            panic!("no originator key")
        };
        let (expected, length) = match originator.public_key.raw_bytes().len() {
            65 => ([TestKey::P256A, TestKey::P256B], 40),
            _ => ([TestKey::P384A, TestKey::P384B], 40),
        };
        assert_eq!(kari.recipient_enc_keys.len(), 2);
        for (key, expected) in kari.recipient_enc_keys.iter().zip(expected) {
            let KeyAgreeRecipientIdentifier::IssuerAndSerialNumber(id) = &key.rid else {
                panic!("named otherwise")
            };
            assert!(names(id, person(expected)));
            assert_eq!(key.enc_key.as_bytes().len(), length);
        }
    }
}

#[test]
fn the_parts_that_another_reader_finds_decrypt() {
    let own = person(TestKey::Rsa2048A);
    let cipher = ContentCipher::Aes256Cbc;
    let data: EnvelopedData = read(&envelope_der(&[TestKey::Rsa2048A], cipher), ENVELOPED_DATA);
    let RecipientInfo::Ktri(ktri) = data.recip_infos.0.get(0).unwrap() else {
        panic!("no key transport")
    };
    let RecipientIdentifier::IssuerAndSerialNumber(id) = &ktri.rid else {
        panic!("named otherwise")
    };
    assert!(names(id, own));
    let (transport, wrapped) = (KeyTransport::RsaPkcs1, ktri.enc_key.as_bytes());
    let key: Secret = own
        .key
        .unwrap_key(transport, wrapped, 32, &OsRandom)
        .unwrap();
    let identifier = data.encrypted_content.content_enc_alg.to_der().unwrap();
    let (found, iv, _) = ContentCipher::from_identifier(&identifier).unwrap();
    assert_eq!(found, cipher);
    let (mut opener, mut plaintext) = (Opener::new(cipher, &key, &iv).unwrap(), Vec::new());
    opener.update(ciphertext(&data.encrypted_content), &mut plaintext);
    opener.finish(&mut plaintext).unwrap();
    assert_eq!(plaintext, CONTENT);
}
