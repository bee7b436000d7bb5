use smime_crypto::{
    ContentCipher, DigestAlgorithm, KeyTransport,
    asn1::{Reader, Writer},
};

use crate::Error;

/// What a correspondent can read, best first (RFC 8551 §2.5.2).
///
/// What this crate does not write is left out: a list of nothing but old ciphers is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    ciphers: Vec<ContentCipher>,
    transports: Vec<KeyTransport>,
}

impl Capabilities {
    /// Makes a list; what stands first is preferred, repetitions are left out.
    pub fn new(
        ciphers: impl IntoIterator<Item = ContentCipher>,
        transports: impl IntoIterator<Item = KeyTransport>,
    ) -> Self {
        let mut list = Self::default();
        for cipher in ciphers {
            push_once(&mut list.ciphers, cipher);
        }
        for transport in transports {
            push_once(&mut list.transports, transport);
        }
        list
    }

    /// Returns what this crate reads, as it announces it to others.
    ///
    /// PKCS#1 v1.5 is read too and not announced: it is what one falls back to.
    pub fn own() -> Self {
        let digest = DigestAlgorithm::Sha256;
        Self::new(
            [
                ContentCipher::Aes256Gcm,
                ContentCipher::Aes128Gcm,
                ContentCipher::Aes256Cbc,
                ContentCipher::Aes128Cbc,
            ],
            [KeyTransport::RsaOaep {
                digest,
                mgf: digest,
            }],
        )
    }

    /// Reads a DER SMIMECapabilities; entries of unknown algorithms, and of known ones with
    /// parameters this crate does not take, are left out.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the list or one of its entries is not one.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let mut outer = Reader::new(der);
        let mut entries = outer.sequence("SMIMECapabilities")?;
        outer.finish("SMIMECapabilities")?;
        let mut list = Self::default();
        while !entries.is_empty() {
            let entry = entries.any("SMIMECapability")?;
            let mut fields = Reader::new(entry.raw).sequence("SMIMECapability")?;
            let algorithm = fields.oid()?;
            // A cipher's parameters in a capability are absent (RFC 3565 §4.2); some peers put a
            // NULL or a key length there, and mean the same.
            if let Some(cipher) = ContentCipher::ALL
                .into_iter()
                .find(|it| it.oid() == algorithm)
            {
                push_once(&mut list.ciphers, cipher);
            } else if let Ok(transport) = KeyTransport::from_identifier(entry.raw) {
                push_once(&mut list.transports, transport);
            }
        }
        Ok(list)
    }

    /// Returns the DER SMIMECapabilities.
    pub fn to_der(&self) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                for cipher in &self.ciphers {
                    w.sequence(|w| w.oid(cipher.oid()));
                }
                for transport in &self.transports {
                    w.raw(&transport.identifier());
                }
            });
        })
    }

    /// Says whether `cipher` is in the list.
    pub fn supports(&self, cipher: ContentCipher) -> bool {
        self.ciphers.contains(&cipher)
    }

    /// Returns the ciphers, best first.
    pub fn ciphers(&self) -> &[ContentCipher] {
        &self.ciphers
    }

    /// Returns the first OAEP of the list; `None` when OAEP is not known to be read.
    pub fn oaep(&self) -> Option<KeyTransport> {
        let is_oaep = |it: &KeyTransport| matches!(it, KeyTransport::RsaOaep { .. });
        self.transports.iter().copied().find(is_oaep)
    }
}

fn push_once<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

#[cfg(test)]
mod tests {
    use smime_crypto::Oid;

    use super::*;

    fn list(entries: &[&[u8]]) -> Vec<u8> {
        Writer::encode(|w| w.element(smime_crypto::asn1::Tag::SEQUENCE, &entries.concat()))
    }

    fn entry(oid: Oid, parameters: &[u8]) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.oid(oid);
                w.raw(parameters);
            });
        })
    }

    const RC2: Oid = Oid::new("1.2.840.113549.3.2");
    const OAEP: Oid = Oid::new("1.2.840.113549.1.1.7");

    #[test]
    fn what_is_written_reads_back_in_order() {
        let own = Capabilities::own();
        assert_eq!(Capabilities::from_der(&own.to_der()).unwrap(), own);
        assert_eq!(own.ciphers().first(), Some(&ContentCipher::Aes256Gcm));
        assert!(
            ContentCipher::ALL
                .into_iter()
                .all(|cipher| own.supports(cipher))
        );
        assert!(own.oaep().is_some());
        assert_eq!(Capabilities::default().to_der(), [0x30, 0]);
    }

    #[test]
    fn unknown_and_repeated_entries_are_left_out() {
        let cbc = entry(ContentCipher::Aes128Cbc.oid(), &[]);
        let der = list(&[&entry(RC2, &[2, 1, 40]), &cbc, &cbc]);
        let read = Capabilities::from_der(&der).unwrap();
        assert_eq!(read, Capabilities::new([ContentCipher::Aes128Cbc], []));
        assert!(!read.supports(ContentCipher::Aes256Gcm));
        assert_eq!(read.oaep(), None);
    }

    #[test]
    fn a_cipher_counts_whatever_its_parameters() {
        for parameters in [&[][..], &[5, 0], &[2, 1, 16]] {
            let der = list(&[&entry(ContentCipher::Aes256Gcm.oid(), parameters)]);
            assert!(
                Capabilities::from_der(&der)
                    .unwrap()
                    .supports(ContentCipher::Aes256Gcm)
            );
        }
    }

    #[test]
    fn an_oaep_that_cannot_be_written_does_not_count() {
        let label = [0x30, 3, 0xa2, 1, 0];
        let read = Capabilities::from_der(&list(&[&entry(OAEP, &label)])).unwrap();
        assert_eq!(read.oaep(), None);
        let sha1 = DigestAlgorithm::Sha1;
        let read = Capabilities::from_der(&list(&[&entry(OAEP, &[0x30, 0])])).unwrap();
        assert_eq!(
            read.oaep(),
            Some(KeyTransport::RsaOaep {
                digest: sha1,
                mgf: sha1
            })
        );
    }

    #[test]
    fn what_is_not_a_list_of_capabilities_is_refused() {
        let whole = Capabilities::own().to_der();
        for end in 0..whole.len() {
            assert!(
                Capabilities::from_der(&whole[..end]).is_err(),
                "cut at {end}"
            );
        }
        let trailing = [&whole[..], &[0]].concat();
        for der in [
            &trailing[..],
            &[0x31, 0],
            &[0x30, 2, 5, 0],
            &[0x30, 2, 0x30, 0],
            &[0x30, 0x80],
        ] {
            let refused = Capabilities::from_der(der);
            assert!(matches!(refused, Err(Error::Malformed { .. })), "{der:x?}");
        }
    }
}
