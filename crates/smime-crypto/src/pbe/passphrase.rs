use crate::Secret;

/// A passphrase in the encodings that the schemes want.
pub(crate) struct Passphrase {
    utf8: Secret,
    bmp: Vec<Secret>,
}

impl Passphrase {
    /// Prepares a passphrase of UTF-8 text; `None` is that there is none.
    ///
    /// PKCS#12 takes a BMPString with a terminator of two zero bytes (RFC 7292 appendix B.1);
    /// characters beyond the Basic Multilingual Plane become surrogates, as every peer has it.
    ///
    /// No passphrase and the empty one are tried both ways, as nothing and as the terminator alone,
    /// for tools differ. Text beyond ASCII is tried again byte by byte, as tools wrote it that
    /// took its bytes for Latin-1.
    pub(crate) fn new(passphrase: Option<&Secret>) -> Self {
        // DEVIATION RFC 7292 appendix B.1: more than one encoding is tried; because tools differ;
        // test a_passphrase_is_encoded_as_the_tools_do.
        let utf8 = passphrase.cloned().unwrap_or(Secret::new(Vec::new()));
        let bytes = utf8.expose();
        let mut bmp = Vec::new();
        if let Ok(text) = std::str::from_utf8(bytes) {
            bmp.push(terminated(text.encode_utf16(), bytes.len()));
        }
        if bytes.is_empty() {
            bmp.push(Secret::new(Vec::new()));
        } else if !bytes.is_ascii() {
            let units = bytes.iter().map(|byte| u16::from(*byte));
            bmp.push(terminated(units, bytes.len()));
        }
        if passphrase.is_none() {
            bmp.reverse();
        }
        Self { utf8, bmp }
    }

    /// The bytes as given, for PBES1 and PBES2 (RFC 8018 §3).
    pub(crate) fn utf8(&self) -> &[u8] {
        self.utf8.expose()
    }

    /// The encodings of PKCS#12, the likeliest first.
    pub(crate) fn bmp(&self) -> &[Secret] {
        &self.bmp
    }

    /// Keeps the encoding of PKCS#12 that was found right.
    pub(crate) fn settle(&mut self, right: Secret) {
        self.bmp = vec![right];
    }
}

/// Encodes units of 16 bits in one allocation; no text has more units than bytes of UTF-8.
fn terminated(units: impl Iterator<Item = u16>, most: usize) -> Secret {
    let mut encoded = Vec::with_capacity(2 * most + 2);
    units.for_each(|unit| encoded.extend_from_slice(&unit.to_be_bytes()));
    encoded.extend_from_slice(&[0, 0]);
    Secret::new(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encodings(passphrase: Option<&[u8]>) -> Vec<Vec<u8>> {
        let passphrase = Passphrase::new(passphrase.map(Secret::from).as_ref());
        let encodings = passphrase.bmp().iter();
        encodings.map(|it| it.expose().to_vec()).collect()
    }

    #[test]
    fn a_passphrase_is_encoded_as_the_tools_do() {
        assert_eq!(encodings(Some(b"ab")), [[0, 97, 0, 98, 0, 0]]);
        assert_eq!(encodings(Some(b"")), [vec![0, 0], vec![]]);
        assert_eq!(encodings(None), [vec![], vec![0, 0]]);
        assert_eq!(
            encodings(Some("é".as_bytes())),
            [vec![0, 0xe9, 0, 0], vec![0, 0xc3, 0, 0xa9, 0, 0]]
        );
        assert_eq!(
            encodings(Some("𝄞".as_bytes()))[0],
            [0xd8, 0x34, 0xdd, 0x1e, 0, 0]
        );
        assert_eq!(encodings(Some(&[0xe9])), [[0, 0xe9, 0, 0]]);
    }
}
