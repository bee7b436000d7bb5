//! SignedData made by hand, so that each field can be wrong.

use smime_crypto::{
    CryptoProvider as _, DigestAlgorithm, Oid, RustCrypto, SignatureScheme, Signed,
    asn1::{Tag, Writer},
};
use smime_testkit::{Identity, NOW, SeededRandom, TestKey};
use smime_x509::Certificate;

pub(crate) const DATA: Oid = Oid::new("1.2.840.113549.1.7.1");
pub(crate) const SIGNED_DATA: Oid = Oid::new("1.2.840.113549.1.7.2");
pub(crate) const TIMESTAMP: Oid = Oid::new("1.2.840.113549.1.9.16.1.4");
pub(crate) const CONTENT_TYPE: Oid = Oid::new("1.2.840.113549.1.9.3");
pub(crate) const MESSAGE_DIGEST: Oid = Oid::new("1.2.840.113549.1.9.4");
pub(crate) const SIGNING_TIME: Oid = Oid::new("1.2.840.113549.1.9.5");

/// One signer; what the fields say is signed and written, whether it makes sense or not.
#[derive(Clone)]
pub(crate) struct Forger {
    pub(crate) key: TestKey,
    pub(crate) scheme: SignatureScheme,
    /// DER of the SignerIdentifier.
    pub(crate) id: Vec<u8>,
    /// DER AlgorithmIdentifiers.
    pub(crate) digest_algorithm: Vec<u8>,
    pub(crate) signature_algorithm: Vec<u8>,
    /// DER Attributes in the order they are written and signed.
    pub(crate) attributes: Option<Vec<Vec<u8>>>,
    pub(crate) unsigned: Vec<u8>,
}

impl Forger {
    /// A signer of `content` who makes no mistake.
    pub(crate) fn honest(identity: &Identity, content: &[u8]) -> Self {
        Self::with_scheme(identity, identity.test_key.scheme(), content)
    }

    pub(crate) fn with_scheme(
        identity: &Identity,
        scheme: SignatureScheme,
        content: &[u8],
    ) -> Self {
        Self {
            key: identity.test_key,
            scheme,
            id: issuer_serial(&identity.certificate),
            digest_algorithm: scheme.digest().identifier(),
            signature_algorithm: scheme.signer_info_identifier(),
            attributes: Some(attributes(DATA, scheme.digest(), content)),
            unsigned: Vec::new(),
        }
    }

    /// Adds a signed attribute of one value.
    pub(crate) fn also(mut self, kind: Oid, value: impl FnOnce(&mut Writer)) -> Self {
        let added = attribute(kind, &[Writer::encode(value)]);
        self.attributes.as_mut().unwrap().push(added);
        self.attributes.as_mut().unwrap().sort();
        self
    }

    /// Signs what RFC 5652 §5.4 says, and returns the DER SignerInfo.
    pub(crate) fn sign(&self, content: &[u8]) -> Vec<u8> {
        let set = self
            .attributes
            .as_ref()
            .map(|attributes| Writer::encode(|w| w.element(Tag::SET, &attributes.concat())));
        self.sign_over(set.as_deref().unwrap_or(content))
    }

    /// Signs `signed` and returns the DER SignerInfo.
    pub(crate) fn sign_over(&self, signed: &[u8]) -> Vec<u8> {
        let signature = self
            .key
            .private()
            .sign(self.scheme, Signed::Message(signed), &SeededRandom::new(1))
            .unwrap();
        self.info(&signature)
    }

    pub(crate) fn info(&self, signature: &[u8]) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.small(1);
                w.raw(&self.id);
                w.raw(&self.digest_algorithm);
                if let Some(attributes) = &self.attributes {
                    w.element(Tag::context_constructed(0), &attributes.concat());
                }
                w.raw(&self.signature_algorithm);
                w.octet_string(signature);
                w.raw(&self.unsigned);
            });
        })
    }
}

/// The two attributes there must be, and a signing time.
pub(crate) fn attributes(kind: Oid, digest: DigestAlgorithm, content: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![
        attribute(CONTENT_TYPE, &[Writer::encode(|w| w.oid(kind))]),
        attribute(
            MESSAGE_DIGEST,
            &[Writer::encode(|w| w.octet_string(&hash(digest, content)))],
        ),
        attribute(SIGNING_TIME, &[Writer::encode(|w| w.time(NOW))]),
    ];
    all.sort();
    all
}

pub(crate) fn attribute(kind: Oid, values: &[Vec<u8>]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(kind);
            w.set_of(Tag::SET, values.to_vec());
        });
    })
}

pub(crate) fn hash(digest: DigestAlgorithm, bytes: &[u8]) -> Vec<u8> {
    let mut hasher = RustCrypto.hasher(digest);
    hasher.update(bytes);
    hasher.finish()
}

pub(crate) fn issuer_serial(certificate: &Certificate) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.raw(certificate.issuer().der());
            w.element(Tag::INTEGER, certificate.serial());
        });
    })
}

/// Puts signers around content.
pub(crate) fn signed_data(
    kind: Oid,
    content: Option<&[u8]>,
    certificates: &[&Certificate],
    infos: &[Vec<u8>],
) -> Vec<u8> {
    let certificates: Vec<u8> = certificates
        .iter()
        .flat_map(|it| it.der())
        .copied()
        .collect();
    content_info(SIGNED_DATA, |w| {
        w.small(1);
        w.set_of(Tag::SET, Vec::new());
        w.sequence(|w| {
            w.oid(kind);
            if let Some(content) = content {
                w.constructed(Tag::context_constructed(0), |w| w.octet_string(content));
            }
        });
        if !certificates.is_empty() {
            w.element(Tag::context_constructed(0), &certificates);
        }
        w.element(Tag::SET, &infos.concat());
    })
}

pub(crate) fn content_info(kind: Oid, content: impl FnOnce(&mut Writer)) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(kind);
            w.constructed(Tag::context_constructed(0), |w| w.sequence(content));
        });
    })
}
