use smime_crypto::{
    Oid, SignatureScheme, Signed, UnixTime,
    asn1::{Tag, Writer},
};
use smime_x509::{Certificate, Crl, Name};

use crate::{Authority, DAY, NOW, SeededRandom, TestKey};

/// Makes CRLs for tests; writes what it is told, also what no authority may issue.
#[derive(Clone, Debug)]
#[must_use]
pub struct CrlBuilder {
    issuer: Name,
    key: TestKey,
    scheme: SignatureScheme,
    version: u8,
    this_update: UnixTime,
    next_update: Option<UnixTime>,
    /// The DER of each entry; a list without any may still be written.
    entries: Option<Vec<u8>>,
    extensions: Vec<(Oid, bool, Vec<u8>)>,
}

/// What an issuing distribution point says.
#[derive(Clone, Debug, Default)]
pub struct CrlScope {
    /// The names of the distribution point, each a DER GeneralName; none when empty.
    pub names: Vec<u8>,
    /// The content of the SET of an RDN below the issuer's name, instead of names.
    pub relative_name: Vec<u8>,
    /// onlyContainsUserCerts.
    pub only_user: bool,
    /// onlyContainsCACerts.
    pub only_ca: bool,
    /// onlyContainsAttributeCerts.
    pub only_attribute: bool,
    /// The content of the BIT STRING onlySomeReasons; all reasons when empty.
    pub reasons: Vec<u8>,
    /// indirectCRL.
    pub indirect: bool,
}

impl CrlBuilder {
    /// Starts the list number 1 of an authority, without entries, from a day before [`NOW`] to a
    /// week after.
    pub fn of(authority: &Authority) -> Self {
        let certificate = authority.certificate();
        let list = Self::new(certificate.subject().to_name(), authority.key());
        let id = certificate.subject_key_id().unwrap_or_default();
        let value = Writer::encode(|w| w.sequence(|w| w.element(Tag::context(0), id)));
        list.extension(AUTHORITY_KEY_ID, false, &value)
    }

    /// The same by the key of another certificate's owner, without authority key identifier.
    pub fn new(issuer: Name, key: TestKey) -> Self {
        let list = Self {
            issuer,
            key,
            scheme: key.scheme(),
            version: 2,
            this_update: UnixTime(NOW.0 - DAY),
            next_update: Some(UnixTime(NOW.0 + 7 * DAY)),
            entries: None,
            extensions: Vec::new(),
        };
        list.number(1)
    }

    /// Sets the version: 1 or 2.
    pub fn version(mut self, version: u8) -> Self {
        self.version = version;
        self
    }

    /// Signs with another key of the issuer.
    pub fn key(mut self, key: TestKey) -> Self {
        (self.key, self.scheme) = (key, key.scheme());
        self
    }

    /// Signs with another scheme.
    pub fn scheme(mut self, scheme: SignatureScheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// Sets when the list was issued and when the next one will be.
    pub fn valid(mut self, this_update: UnixTime, next_update: Option<UnixTime>) -> Self {
        (self.this_update, self.next_update) = (this_update, next_update);
        self
    }

    /// Sets cRLNumber.
    pub fn number(self, number: u32) -> Self {
        self.extension(CRL_NUMBER, false, &Writer::encode(|w| w.small(number)))
    }

    /// Makes it a delta to the list of this number.
    pub fn delta(self, base: u32) -> Self {
        self.extension(DELTA_INDICATOR, true, &Writer::encode(|w| w.small(base)))
    }

    /// Sets issuingDistributionPoint.
    pub fn scope(self, scope: &CrlScope) -> Self {
        self.extension(ISSUING_DISTRIBUTION_POINT, true, &scope.encode())
    }

    /// Adds a certificate, revoked half a day before [`NOW`].
    pub fn revoke(self, certificate: &Certificate) -> Self {
        self.entry(certificate, UnixTime(NOW.0 - DAY / 2), &[])
    }

    /// Adds a certificate with a reason by its number (RFC 5280 §5.3.1).
    pub fn revoke_because(self, certificate: &Certificate, reason: u8) -> Self {
        self.entry(
            certificate,
            UnixTime(NOW.0 - DAY / 2),
            &[entry_reason(reason)],
        )
    }

    /// Adds a certificate with extensions: kind, criticality and DER.
    pub fn entry(
        self,
        certificate: &Certificate,
        at: UnixTime,
        extensions: &[(Oid, bool, Vec<u8>)],
    ) -> Self {
        self.serial(certificate.serial(), at, extensions)
    }

    /// Adds the serial number with these content octets.
    pub fn serial(
        mut self,
        serial: &[u8],
        at: UnixTime,
        extensions: &[(Oid, bool, Vec<u8>)],
    ) -> Self {
        let entry = Writer::encode(|w| {
            w.sequence(|w| {
                w.element(Tag::INTEGER, serial);
                w.time(at);
                if !extensions.is_empty() {
                    w.sequence(|w| extensions.iter().for_each(|it| write_extension(w, it)));
                }
            });
        });
        self.entries.get_or_insert_default().extend(entry);
        self
    }

    /// Writes an empty list of entries where there is none, as many issuers do.
    pub fn empty_entries(mut self) -> Self {
        self.entries.get_or_insert_default();
        self
    }

    /// Sets an extension to the DER `value`, in place of one of the same kind.
    pub fn extension(self, oid: Oid, critical: bool, value: &[u8]) -> Self {
        self.without(oid).repeat_extension(oid, critical, value)
    }

    /// Adds an extension beside those of the same kind, which readers refuse.
    pub fn repeat_extension(mut self, oid: Oid, critical: bool, value: &[u8]) -> Self {
        self.extensions.push((oid, critical, value.to_vec()));
        self
    }

    /// Takes an extension away.
    pub fn without(mut self, oid: Oid) -> Self {
        self.extensions.retain(|(present, _, _)| *present != oid);
        self
    }

    /// Takes every extension away.
    pub fn without_extensions(mut self) -> Self {
        self.extensions.clear();
        self
    }

    /// Signs.
    pub fn sign(self) -> Crl {
        Crl::from_der(&self.sign_der()).expect("the builder was given a CRL to make")
    }

    /// Signs, and returns the DER unread.
    pub fn sign_der(self) -> Vec<u8> {
        let algorithm = self.scheme.identifier();
        let tbs = self.tbs(&algorithm);
        let random = SeededRandom::new(1);
        let signature = self
            .key
            .private()
            .sign(self.scheme, Signed::Message(&tbs), &random);
        let signature = signature.expect("the key and the scheme are of one kind");
        Writer::encode(|w| {
            w.sequence(|w| {
                w.raw(&tbs);
                w.raw(&algorithm);
                w.bit_string(&signature);
            });
        })
    }

    fn tbs(&self, algorithm: &[u8]) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                if self.version != 1 {
                    w.small(u32::from(self.version).wrapping_sub(1));
                }
                w.raw(algorithm);
                w.raw(self.issuer.der());
                w.time(self.this_update);
                if let Some(next) = self.next_update {
                    w.time(next);
                }
                if let Some(entries) = &self.entries {
                    w.element(Tag::SEQUENCE, entries);
                }
                if !self.extensions.is_empty() {
                    w.constructed(Tag::context_constructed(0), |w| {
                        w.sequence(|w| {
                            self.extensions.iter().for_each(|it| write_extension(w, it))
                        });
                    });
                }
            });
        })
    }
}

impl CrlScope {
    /// Returns the DER.
    pub fn encode(&self) -> Vec<u8> {
        let flag = |w: &mut Writer, number, set| {
            if set {
                w.element(Tag::context(number), &[0xff]);
            }
        };
        Writer::encode(|w| {
            w.sequence(|w| {
                for (number, content) in [(0, &self.names), (1, &self.relative_name)] {
                    if !content.is_empty() {
                        w.constructed(Tag::context_constructed(0), |w| {
                            w.element(Tag::context_constructed(number), content);
                        });
                    }
                }
                flag(w, 1, self.only_user);
                flag(w, 2, self.only_ca);
                if !self.reasons.is_empty() {
                    w.element(Tag::context(3), &self.reasons);
                }
                flag(w, 4, self.indirect);
                flag(w, 5, self.only_attribute);
            });
        })
    }
}

/// Returns the DER of the GeneralName that is a URI.
pub fn uri(uri: &str) -> Vec<u8> {
    Writer::encode(|w| w.element(Tag::context(6), uri.as_bytes()))
}

/// Returns the DER of the GeneralName that is a distinguished name.
pub fn directory_name(name: &Name) -> Vec<u8> {
    Writer::encode(|w| w.constructed(Tag::context_constructed(4), |w| w.raw(name.der())))
}

/// Returns the entry extension reasonCode.
pub fn entry_reason(number: u8) -> (Oid, bool, Vec<u8>) {
    let value = Writer::encode(|w| w.element(Tag::ENUMERATED, &[number]));
    (Oid::new("2.5.29.21"), false, value)
}

/// Returns the entry extension certificateIssuer.
pub fn entry_issuer(issuer: &Name) -> (Oid, bool, Vec<u8>) {
    let value = Writer::encode(|w| w.sequence(|w| w.raw(&directory_name(issuer))));
    (Oid::new("2.5.29.29"), true, value)
}

/// Returns the DER of cRLDistributionPoints with one point of these names, each a GeneralName.
pub fn distribution_points(names: &[u8], reasons: &[u8], crl_issuer: &[u8]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                if !names.is_empty() {
                    w.constructed(Tag::context_constructed(0), |w| {
                        w.element(Tag::context_constructed(0), names);
                    });
                }
                if !reasons.is_empty() {
                    w.element(Tag::context(1), reasons);
                }
                if !crl_issuer.is_empty() {
                    w.element(Tag::context_constructed(2), crl_issuer);
                }
            });
        });
    })
}

pub(crate) fn write_extension(w: &mut Writer, (oid, critical, value): &(Oid, bool, Vec<u8>)) {
    w.sequence(|w| {
        w.oid(*oid);
        if *critical {
            w.boolean(true);
        }
        w.octet_string(value);
    });
}

/// cRLDistributionPoints of certificates (RFC 5280 §4.2.1.13).
pub const CRL_DISTRIBUTION_POINTS: Oid = Oid::new("2.5.29.31");
/// cRLNumber (RFC 5280 §5.2.3).
pub const CRL_NUMBER: Oid = Oid::new("2.5.29.20");
const DELTA_INDICATOR: Oid = Oid::new("2.5.29.27");
const ISSUING_DISTRIBUTION_POINT: Oid = Oid::new("2.5.29.28");
const AUTHORITY_KEY_ID: Oid = Oid::new("2.5.29.35");
