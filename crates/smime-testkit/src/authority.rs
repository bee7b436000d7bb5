use smime_crypto::{
    CryptoProvider as _, DigestAlgorithm, PrivateKey, RustCrypto, Secret, UnixTime,
};
use smime_x509::{
    BasicConstraints, Certificate, CertificateBuilder, CertificateBundle, EMAIL_PROTECTION,
    KeyUsageBit, Name, NameAttribute, TrustStore,
};

use crate::{DAY, NOW, SeededRandom, TestKey};

/// An authority of the tests; issues whatever a closure asks for.
#[derive(Clone, Debug)]
pub struct Authority {
    key: TestKey,
    /// Own certificate first, root last.
    chain: Vec<Certificate>,
}

/// A person with a certificate and its key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The person's certificate.
    pub certificate: Certificate,
    /// Its key, as unprotected PKCS#8.
    pub key: Secret,
    /// Which of the fixed keys that is.
    pub test_key: TestKey,
    /// The certificates above: issuer first, root last.
    pub chain: Vec<Certificate>,
}

/// What a person's certificate is like.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Its key.
    pub key: TestKey,
    /// What it may be used for.
    pub uses: Uses,
    /// The first second of validity.
    pub not_before: UnixTime,
    /// The last second of validity.
    pub not_after: UnixTime,
}

/// What the key usage of a person's certificate allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uses {
    /// Signing and being encrypted to.
    Both,
    /// Signing.
    Sign,
    /// Being encrypted to.
    Encrypt,
}

impl Authority {
    /// Makes a self-signed root, valid for years around [`NOW`].
    pub fn root(name: &str, key: TestKey) -> Self {
        Self::root_with(name, key, |builder| builder)
    }

    /// Makes a root that `change` alters before it is signed.
    pub fn root_with(
        name: &str,
        key: TestKey,
        change: impl FnOnce(CertificateBuilder) -> CertificateBuilder,
    ) -> Self {
        let subject = common_name(name);
        let builder = authority_builder(&subject, key, 3650).serial(&serial(&[name.as_bytes()]));
        Self {
            key,
            chain: vec![sign(change(builder), key)],
        }
    }

    /// Makes an authority below this one.
    #[must_use]
    pub fn intermediate(&self, name: &str, key: TestKey) -> Self {
        self.intermediate_with(name, key, |builder| builder)
    }

    /// Makes an authority below this one that `change` alters before it is signed.
    #[must_use]
    pub fn intermediate_with(
        &self,
        name: &str,
        key: TestKey,
        change: impl FnOnce(CertificateBuilder) -> CertificateBuilder,
    ) -> Self {
        let builder = authority_builder(&common_name(name), key, 1825)
            .serial(&serial(&[name.as_bytes(), self.certificate().der()]))
            .issued_by(self.certificate());
        let mut chain = vec![sign(change(builder), self.key)];
        chain.extend_from_slice(&self.chain);
        Self { key, chain }
    }

    /// Issues a certificate to the owner of a mail address.
    pub fn person(&self, email: &str, profile: Profile) -> Identity {
        self.person_with(email, profile, |builder| builder)
    }

    /// Issues a certificate that `change` alters before it is signed.
    pub fn person_with(
        &self,
        email: &str,
        profile: Profile,
        change: impl FnOnce(CertificateBuilder) -> CertificateBuilder,
    ) -> Identity {
        let public = profile.key.public();
        let local = email.split('@').next().unwrap_or(email);
        let builder = CertificateBuilder::new(
            common_name(local),
            &public,
            profile.not_before,
            profile.not_after,
        )
        .serial(&serial(&[
            email.as_bytes(),
            public.spki(),
            self.certificate().der(),
        ]))
        .issued_by(self.certificate())
        .basic_constraints(BasicConstraints {
            ca: false,
            path_length: None,
        })
        .key_usage(profile.uses.key_usage(profile.key))
        .extended_key_usage(&[EMAIL_PROTECTION])
        .emails(&[email])
        .identify_key(&public);
        Identity {
            certificate: sign(change(builder), self.key),
            key: profile.key.pkcs8(),
            test_key: profile.key,
            chain: self.chain.clone(),
        }
    }

    /// Signs whatever was built.
    pub fn sign(&self, builder: CertificateBuilder) -> Certificate {
        sign(builder, self.key)
    }

    /// Returns the authority's certificate.
    pub fn certificate(&self) -> &Certificate {
        self.chain.first().expect("an authority has a certificate")
    }

    /// Returns the root above this authority, or itself.
    pub fn root_certificate(&self) -> &Certificate {
        self.chain.last().expect("an authority has a certificate")
    }

    /// Returns the path: own certificate first, root last.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// Returns the authority's key.
    pub fn key(&self) -> TestKey {
        self.key
    }

    /// Returns a store that trusts the root.
    pub fn trust(&self) -> TrustStore {
        [self.root_certificate().clone()].into_iter().collect()
    }
}

impl Identity {
    /// Loads the private key.
    pub fn private_key(&self) -> PrivateKey {
        RustCrypto
            .load_private_key(&self.key)
            .expect("an identity's key is loadable")
    }

    /// Returns the certificates above the person's own.
    pub fn bundle(&self) -> CertificateBundle {
        self.chain.iter().cloned().collect()
    }

    /// Returns the certificate as PEM.
    pub fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", self.certificate.der())
    }
}

impl Profile {
    /// A certificate for both uses, valid a year before and after [`NOW`].
    pub fn of(key: TestKey) -> Self {
        Self {
            key,
            uses: Uses::Both,
            not_before: UnixTime(NOW.0 - 365 * DAY),
            not_after: UnixTime(NOW.0 + 365 * DAY),
        }
    }

    /// The same for these uses alone.
    #[must_use]
    pub fn uses(self, uses: Uses) -> Self {
        Self { uses, ..self }
    }

    /// The same with a time that ended the day before [`NOW`].
    #[must_use]
    pub fn expired(self) -> Self {
        Self {
            not_after: UnixTime(NOW.0 - DAY),
            ..self
        }
    }

    /// The same with a time that begins the day after [`NOW`].
    #[must_use]
    pub fn not_yet_valid(self) -> Self {
        Self {
            not_before: UnixTime(NOW.0 + DAY),
            ..self
        }
    }
}

impl Uses {
    fn key_usage(self, key: TestKey) -> &'static [KeyUsageBit] {
        use KeyUsageBit::{DigitalSignature, KeyAgreement, KeyEncipherment};
        let is_rsa = matches!(
            key,
            TestKey::Rsa2048A | TestKey::Rsa2048B | TestKey::Rsa3072 | TestKey::Rsa4096
        );
        match (self, is_rsa) {
            // What the key can do, whatever was asked for (RFC 8410 §5).
            _ if matches!(key, TestKey::Ed25519A | TestKey::Ed25519B) => &[DigitalSignature],
            _ if matches!(key, TestKey::X25519A | TestKey::X25519B) => &[KeyAgreement],
            (Self::Both, true) => &[DigitalSignature, KeyEncipherment],
            (Self::Both, false) => &[DigitalSignature, KeyAgreement],
            (Self::Sign, _) => &[DigitalSignature],
            (Self::Encrypt, true) => &[KeyEncipherment],
            (Self::Encrypt, false) => &[KeyAgreement],
        }
    }
}

fn common_name(name: &str) -> Name {
    Name::from_attributes(&[
        (NameAttribute::Organization, "Test"),
        (NameAttribute::CommonName, name),
    ])
}

fn authority_builder(subject: &Name, key: TestKey, days: i64) -> CertificateBuilder {
    let public = key.public();
    let (from, to) = (UnixTime(NOW.0 - days * DAY), UnixTime(NOW.0 + days * DAY));
    CertificateBuilder::new(subject.clone(), &public, from, to)
        .basic_constraints(BasicConstraints {
            ca: true,
            path_length: None,
        })
        .key_usage(&[KeyUsageBit::KeyCertSign, KeyUsageBit::CrlSign])
        .identify_key(&public)
}

/// Eight octets that differ for different certificates and are the same in every run.
fn serial(parts: &[&[u8]]) -> Vec<u8> {
    let mut hasher = RustCrypto.hasher(DigestAlgorithm::Sha256);
    parts.iter().for_each(|part| hasher.update(part));
    let mut serial: Vec<u8> = hasher.finish().into_iter().take(8).collect();
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x3f | 0x40;
    }
    serial
}

fn sign(builder: CertificateBuilder, key: TestKey) -> Certificate {
    let signed = builder.sign(key.private(), key.scheme(), &SeededRandom::new(1));
    signed.expect("the builder was given a certificate to make")
}

/// Returns a DER value as PEM (RFC 7468) under this label.
pub fn pem(label: &str, der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in der.chunks(48) {
        for group in line.chunks(3) {
            let bits = group
                .iter()
                .chain([&0; 3])
                .take(3)
                .fold(0, |bits, b| bits << 8 | u32::from(*b));
            for place in 0..4 {
                let index = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or_default();
                let symbol = ALPHABET.get(index).filter(|_| place <= group.len());
                text.push(symbol.map_or('=', |symbol| char::from(*symbol)));
            }
        }
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}
