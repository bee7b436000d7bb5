use std::io::{self, Write};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use smime_crypto::{
    CryptoProvider as _, DigestAlgorithm, Oid, RustCrypto, SignatureScheme, UnixTime,
    asn1::{Tag, Writer},
};
use smime_x509::EMAIL_PROTECTION;

use crate::{DAY, NOW, TestKey};

/// Certificates of any number of people, as a company's directory has them: half with RSA-2048
/// keys and half with P-256 keys, of six authorities, each with its own key and address.
///
/// A hundred thousand take about a second: keys are those of `testdata/keys` with other octets in
/// them, and signatures are octets of the right length. Number `n` is the same in every run.
#[derive(Clone, Debug)]
pub struct Population {
    next: u64,
    end: u64,
    moulds: Vec<Mould>,
}

/// What all certificates of an authority and a kind of key have in common.
#[derive(Clone, Debug)]
struct Mould {
    issuer: Vec<u8>,
    issuer_number: u64,
    spki: Vec<u8>,
    /// Where in the SubjectPublicKeyInfo the octets are that differ.
    key_octets: usize,
    key_usage: u8,
    signature_algorithm: Vec<u8>,
    signature_length: usize,
}

impl Population {
    /// Makes the first `count` people.
    pub fn new(count: u64) -> Self {
        let keys = [TestKey::Rsa2048A, TestKey::P256A];
        let moulds = (0..AUTHORITIES).flat_map(|issuer| keys.map(|key| Mould::new(issuer, key)));
        Self {
            next: 0,
            end: count,
            moulds: moulds.collect(),
        }
    }

    /// Returns the mail address of person `number`.
    pub fn address(number: u64) -> String {
        format!("person.{number}@{}.example.com", domain(number))
    }

    /// Writes all as PEM.
    ///
    /// # Errors
    /// [`io::Error`].
    pub fn write_pem(self, out: &mut impl Write) -> io::Result<()> {
        let (mut text, mut block) = (String::new(), Vec::new());
        for der in self {
            text.clear();
            STANDARD.encode_string(&der, &mut text);
            block.clear();
            block.extend_from_slice(b"-----BEGIN CERTIFICATE-----\n");
            for line in text.as_bytes().chunks(64) {
                block.extend_from_slice(line);
                block.push(b'\n');
            }
            block.extend_from_slice(b"-----END CERTIFICATE-----\n");
            out.write_all(&block)?;
        }
        Ok(())
    }
}

impl Iterator for Population {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let number = self.next;
        if number >= self.end {
            return None;
        }
        self.next += 1;
        let mould = usize::try_from(number).ok()? % self.moulds.len().max(1);
        Some(self.moulds.get(mould)?.certificate(number))
    }
}

impl Mould {
    fn new(issuer_number: u64, key: TestKey) -> Self {
        let spki = key.public().spki().to_vec();
        let is_rsa = key == TestKey::Rsa2048A;
        // In the middle of the modulus; in the coordinate x, which is no point of the curve then.
        let key_octets = if is_rsa { 100 } else { 40 };
        // The authorities' own keys are of both kinds as well.
        let signed_by_rsa = issuer_number.is_multiple_of(2);
        let scheme = if signed_by_rsa {
            SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256)
        } else {
            SignatureScheme::Ecdsa(DigestAlgorithm::Sha256)
        };
        Self {
            issuer: name(&format!("Population CA {issuer_number}"), None),
            issuer_number,
            spki,
            key_octets,
            // RFC 5280 §4.2.1.3: digitalSignature with keyEncipherment, or with keyAgreement
            key_usage: if is_rsa { 0b1010_0000 } else { 0b1000_1000 },
            signature_algorithm: scheme.identifier(),
            signature_length: if signed_by_rsa { 256 } else { 71 },
        }
    }

    fn certificate(&self, number: u64) -> Vec<u8> {
        let mut spki = self.spki.clone();
        let noise = noise(number);
        for (to, from) in spki.iter_mut().skip(self.key_octets).zip(noise) {
            *to = from;
        }
        let tbs = Writer::encode(|w| {
            w.sequence(|w| {
                w.constructed(Tag::context_constructed(0), |w| w.small(2));
                w.element(Tag::INTEGER, &serial(&noise));
                w.raw(&self.signature_algorithm);
                w.raw(&self.issuer);
                w.sequence(|w| {
                    let start = NOW.0 - i64::try_from(number % 700).unwrap_or_default() * DAY;
                    w.time(UnixTime(start));
                    w.time(UnixTime(start + 730 * DAY));
                });
                w.raw(&name(
                    &format!("Person {number}"),
                    Some(&Population::address(number)),
                ));
                w.raw(&spki);
                w.constructed(Tag::context_constructed(3), |w| {
                    w.sequence(|w| self.extensions(w, number, &noise));
                });
            });
        });
        Writer::encode(|w| {
            w.sequence(|w| {
                w.raw(&tbs);
                w.raw(&self.signature_algorithm);
                let octets: Vec<u8> = noise
                    .iter()
                    .copied()
                    .cycle()
                    .take(self.signature_length)
                    .collect();
                w.bit_string(&octets);
            });
        })
    }
}

impl Mould {
    fn extensions(&self, w: &mut Writer, number: u64, noise: &[u8; 32]) {
        extension(w, SUBJECT_ALT_NAME, Critical::No, |w| {
            w.sequence(|w| w.element(RFC822_NAME, Population::address(number).as_bytes()));
        });
        extension(w, KEY_USAGE, Critical::Yes, |w| {
            w.element(Tag::BIT_STRING, &[3, self.key_usage]);
        });
        extension(w, EXTENDED_KEY_USAGE, Critical::No, |w| {
            w.sequence(|w| {
                w.oid(EMAIL_PROTECTION);
                w.oid(CLIENT_AUTHENTICATION);
            });
        });
        let (key_id, _) = noise.split_at(20);
        extension(w, SUBJECT_KEY_ID, Critical::No, |w| w.octet_string(key_id));
        let issuer_key: Vec<u8> = self.issuer.iter().rev().copied().take(20).collect();
        extension(w, AUTHORITY_KEY_ID, Critical::No, |w| {
            w.sequence(|w| w.element(Tag::context(0), &issuer_key));
        });
        let place = format!(
            "http://pki.example.com/population-ca-{}",
            self.issuer_number
        );
        extension(w, CRL_DISTRIBUTION_POINTS, Critical::No, |w| {
            w.sequence(|w| {
                w.sequence(|w| {
                    w.constructed(Tag::context_constructed(0), |w| {
                        w.constructed(Tag::context_constructed(0), |w| {
                            w.element(URI, format!("{place}/complete.crl").as_bytes());
                        });
                    });
                });
            });
        });
        extension(w, AUTHORITY_INFO_ACCESS, Critical::No, |w| {
            w.sequence(|w| {
                for (method, file) in [(OCSP, "ocsp"), (CA_ISSUERS, "ca.cer")] {
                    w.sequence(|w| {
                        w.oid(method);
                        w.element(URI, format!("{place}/{file}").as_bytes());
                    });
                }
            });
        });
        extension(w, CERTIFICATE_POLICIES, Critical::No, |w| {
            w.sequence(|w| {
                w.sequence(|w| {
                    w.oid(MAILBOX_VALIDATED);
                    w.sequence(|w| {
                        w.sequence(|w| {
                            w.oid(CPS);
                            w.element(IA5_STRING, b"https://pki.example.com/practice-statement");
                        });
                    });
                });
            });
        });
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Critical {
    Yes,
    No,
}

fn extension(w: &mut Writer, oid: Oid, critical: Critical, value: impl FnOnce(&mut Writer)) {
    w.sequence(|w| {
        w.oid(oid);
        if critical == Critical::Yes {
            w.boolean(true);
        }
        w.octet_string(&Writer::encode(value));
    });
}

fn name(common_name: &str, email: Option<&str>) -> Vec<u8> {
    let attributes = [
        (COUNTRY, PRINTABLE_STRING, "DE"),
        (ORGANIZATION, Tag::UTF8_STRING, "Population Example GmbH"),
        (
            ORGANIZATIONAL_UNIT,
            Tag::UTF8_STRING,
            "Department of Certificates",
        ),
        (COMMON_NAME, Tag::UTF8_STRING, common_name),
    ];
    let email = email.map(|email| (EMAIL_ADDRESS, IA5_STRING, email));
    Writer::encode(|w| {
        w.sequence(|w| {
            for (oid, tag, value) in attributes.into_iter().chain(email) {
                w.constructed(Tag::SET, |w| {
                    w.sequence(|w| {
                        w.oid(oid);
                        w.element(tag, value.as_bytes());
                    });
                });
            }
        });
    })
}

/// Octets that differ from person to person.
fn noise(number: u64) -> [u8; 32] {
    let mut hasher = RustCrypto.hasher(DigestAlgorithm::Sha256);
    hasher.update(&number.to_be_bytes());
    let digest = hasher.finish();
    digest.try_into().expect("SHA-256 has 32 bytes")
}

/// Sixteen octets, the first of which makes it positive and of full length.
fn serial(noise: &[u8; 32]) -> Vec<u8> {
    let rest = noise.iter().rev().copied().take(15);
    [0x5a].into_iter().chain(rest).collect()
}

/// Several people share a domain, as in a directory of companies.
fn domain(number: u64) -> String {
    format!("company-{}", number % 97)
}

const AUTHORITIES: u64 = 6;

const RFC822_NAME: Tag = Tag::context(1);
const URI: Tag = Tag::context(6);
const PRINTABLE_STRING: Tag = Tag(0x13);
const IA5_STRING: Tag = Tag(0x16);

// RFC 5280 §4.2.1, §4.2.2, appendix A
const SUBJECT_KEY_ID: Oid = Oid::new("2.5.29.14");
const KEY_USAGE: Oid = Oid::new("2.5.29.15");
const SUBJECT_ALT_NAME: Oid = Oid::new("2.5.29.17");
const CRL_DISTRIBUTION_POINTS: Oid = Oid::new("2.5.29.31");
const CERTIFICATE_POLICIES: Oid = Oid::new("2.5.29.32");
const AUTHORITY_KEY_ID: Oid = Oid::new("2.5.29.35");
const EXTENDED_KEY_USAGE: Oid = Oid::new("2.5.29.37");
const AUTHORITY_INFO_ACCESS: Oid = Oid::new("1.3.6.1.5.5.7.1.1");
const OCSP: Oid = Oid::new("1.3.6.1.5.5.7.48.1");
const CA_ISSUERS: Oid = Oid::new("1.3.6.1.5.5.7.48.2");
const CPS: Oid = Oid::new("1.3.6.1.5.5.7.2.1");
const CLIENT_AUTHENTICATION: Oid = Oid::new("1.3.6.1.5.5.7.3.2");
/// CA/Browser Forum, S/MIME Baseline Requirements §7.1.6.1: mailbox-validated, multipurpose.
const MAILBOX_VALIDATED: Oid = Oid::new("2.23.140.1.5.1.2");
const COUNTRY: Oid = Oid::new("2.5.4.6");
const ORGANIZATION: Oid = Oid::new("2.5.4.10");
const ORGANIZATIONAL_UNIT: Oid = Oid::new("2.5.4.11");
const COMMON_NAME: Oid = Oid::new("2.5.4.3");
const EMAIL_ADDRESS: Oid = Oid::new("1.2.840.113549.1.9.1");

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use smime_x509::{Certificate, CertificateRef, check_import};

    use super::*;

    #[test]
    fn everyone_has_a_certificate_for_mail_with_a_key_of_their_own() {
        let (mut keys, mut sizes) = (HashSet::new(), 0);
        for (number, der) in (0..).zip(Population::new(500)) {
            let certificate = CertificateRef::from_der(&der).unwrap();
            check_import(&certificate).unwrap();
            Certificate::from_der(&der).unwrap();
            let emails = certificate.emails();
            assert_eq!(emails.len(), 1);
            assert_eq!(emails[0].as_str(), Population::address(number));
            assert!(keys.insert(certificate.spki().to_vec()));
            sizes += der.len();
        }
        assert_eq!(keys.len(), 500);
        assert!((1000..1250).contains(&(sizes / 500)), "{}", sizes / 500);
    }

    #[test]
    fn the_same_people_have_the_same_certificates() {
        assert!(Population::new(30).eq(Population::new(40).take(30)));
    }
}
