//! Certificates for tests of what does not look at signatures: made fast, signed by nobody.

use smime_crypto::{
    Curve, DigestAlgorithm, Error, KeyOps, KeyTransport, PrivateKey, PublicKey, Random, Secret,
    SignatureScheme, Signed, UnixTime, asn1::Writer,
};
use smime_x509::{
    BasicConstraints, Certificate, CertificateBuilder, EmailAddress, KeyUsageBit, Name,
    NameAttribute,
};

/// 2026-06-01T00:00:00Z.
pub(crate) const NOW: UnixTime = UnixTime(1_780_272_000);

pub(crate) const DAY: i64 = 86_400;

/// Returns a public key that nobody has the private half of, another for every `number`.
pub(crate) fn public_key(number: u32) -> PublicKey {
    let spki = Writer::encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                w.raw(&[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]);
                w.oid(Curve::P256.oid());
            });
            w.bit_string(&[&[4][..], &[7; 60], &number.to_be_bytes()].concat());
        });
    });
    PublicKey::from_spki(&spki).unwrap()
}

pub(crate) fn name(common_name: &str) -> Name {
    Name::from_attributes(&[
        (NameAttribute::Organization, "Example"),
        (NameAttribute::CommonName, common_name),
    ])
}

pub(crate) fn address(text: &str) -> EmailAddress {
    EmailAddress::new(text).unwrap()
}

/// Starts a certificate for mail, issued by `CN=Test CA`, with a key of its own.
pub(crate) fn person(number: u32, email: &str) -> CertificateBuilder {
    person_with_key(number, email, &public_key(number))
}

pub(crate) fn person_with_key(number: u32, email: &str, key: &PublicKey) -> CertificateBuilder {
    person_until(number, email, key, UnixTime(NOW.0 + 300 * DAY))
}

pub(crate) fn person_until(
    number: u32,
    email: &str,
    key: &PublicKey,
    not_after: UnixTime,
) -> CertificateBuilder {
    let not_before = UnixTime(NOW.0 - 30 * DAY);
    CertificateBuilder::new(name(email), key, not_before, not_after)
        .issuer(name("Test CA"))
        .serial(&[&[1][..], &number.to_be_bytes()].concat())
        .emails(&[email])
        .key_usage(&[KeyUsageBit::DigitalSignature, KeyUsageBit::KeyAgreement])
        .identify_key(key)
}

/// Starts a certificate of an authority, issued by itself.
pub(crate) fn authority(number: u32, common_name: &str) -> CertificateBuilder {
    let key = public_key(number);
    let (from, to) = (UnixTime(NOW.0 - 900 * DAY), UnixTime(NOW.0 + 900 * DAY));
    CertificateBuilder::new(name(common_name), &key, from, to)
        .serial(&number.to_be_bytes())
        .basic_constraints(BasicConstraints {
            ca: true,
            path_length: None,
        })
        .identify_key(&key)
}

pub(crate) fn sign(certificate: CertificateBuilder) -> Certificate {
    let key = PrivateKey::new(Nobody(public_key(0)));
    certificate
        .sign(
            &key,
            SignatureScheme::Ecdsa(DigestAlgorithm::Sha256),
            &Counting,
        )
        .unwrap()
}

/// Returns so many certificates for mail, of one key.
pub(crate) fn people(count: u32) -> Vec<Certificate> {
    let key = public_key(1);
    (0..count)
        .map(|number| {
            sign(person_with_key(
                number,
                &format!("p{number}@example.com"),
                &key,
            ))
        })
        .collect()
}

/// Bytes that are anything but random.
#[derive(Debug)]
pub(crate) struct Counting;

impl Random for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        for (byte, count) in out.iter_mut().zip((1..=u8::MAX).cycle()) {
            *byte = count;
        }
        Ok(())
    }
}

/// A key whose signatures are nothing.
#[derive(Debug)]
struct Nobody(PublicKey);

impl KeyOps for Nobody {
    fn public_key(&self) -> &PublicKey {
        &self.0
    }

    fn sign(
        &self,
        _scheme: SignatureScheme,
        _signed: Signed<'_>,
        _random: &dyn Random,
    ) -> Result<Vec<u8>, Error> {
        Ok(vec![0x30, 6, 2, 1, 1, 2, 1, 1])
    }

    fn unwrap_key(
        &self,
        _transport: KeyTransport,
        _wrapped: &[u8],
        _length: usize,
        _random: &dyn Random,
    ) -> Result<Secret, Error> {
        Err(Error::DecryptFailed)
    }

    fn agree(&self, _peer: &PublicKey) -> Result<Secret, Error> {
        Err(Error::WrongKey("nobody's"))
    }
}
