//! Key derivation for ephemeral-static ECDH (RFC 5753, RFC 8418).

use hkdf::Hkdf;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::{
    DigestAlgorithm, Error, KeyAgreement, KeyWrap, Secret,
    asn1::{Tag, Writer},
    digest::with_digest,
};

/// Derives the key that wraps from an agreed `secret`.
///
/// `wrap_identifier` is the sender's DER AlgorithmIdentifier of the key wrap, see
/// [`ecc_cms_shared_info_with`]. Under HKDF, `ukm` is the salt besides (RFC 8418 §2.2).
pub fn wrapping_key(
    agreement: KeyAgreement,
    secret: &Secret,
    wrap_identifier: &[u8],
    wrap: KeyWrap,
    ukm: Option<&[u8]>,
) -> Secret {
    let info = ecc_cms_shared_info_with(wrap_identifier, wrap, ukm);
    let length = wrap.key_length();
    match agreement {
        KeyAgreement::X963(digest) => x963(digest, secret, &info, length),
        KeyAgreement::HkdfSha256 | KeyAgreement::HkdfSha384 | KeyAgreement::HkdfSha512 => {
            hkdf(agreement.digest(), ukm, secret, &info, length)
                .expect("a wrapping key is shorter than what HKDF can give")
        }
    }
}

/// Derives `length` bytes by HKDF (RFC 5869 §2).
///
/// # Errors
/// [`Error::Unsupported`] for more than 255 times the length of the digest.
pub fn hkdf(
    digest: DigestAlgorithm,
    salt: Option<&[u8]>,
    secret: &Secret,
    info: &[u8],
    length: usize,
) -> Result<Secret, Error> {
    if length > 255 * digest.length() {
        return Err(TOO_LONG);
    }
    let mut derived = Secret::new(vec![0; length]);
    with_digest!(digest, D => {
        Hkdf::<D>::new(salt, secret.expose()).expand(info, derived.expose_mut())
    })
    .map_err(|_| TOO_LONG)?;
    Ok(derived)
}

/// Derives `length` bytes by the ANSI-X9.63 function (SEC 1 §3.6.1).
pub fn x963(digest: DigestAlgorithm, secret: &Secret, shared_info: &[u8], length: usize) -> Secret {
    match digest {
        DigestAlgorithm::Sha1 => expand::<Sha1>(secret, shared_info, length),
        DigestAlgorithm::Sha256 => expand::<Sha256>(secret, shared_info, length),
        DigestAlgorithm::Sha384 => expand::<Sha384>(secret, shared_info, length),
        DigestAlgorithm::Sha512 => expand::<Sha512>(secret, shared_info, length),
    }
}

/// Returns the DER ECC-CMS-SharedInfo (RFC 5753 §7.2) with the identifier that we write,
/// parameters absent.
pub fn ecc_cms_shared_info(wrap: KeyWrap, ukm: Option<&[u8]>) -> Vec<u8> {
    ecc_cms_shared_info_with(&wrap.identifier(), wrap, ukm)
}

/// Returns the DER ECC-CMS-SharedInfo (RFC 5753 §7.2) around `wrap_identifier`, the sender's DER
/// AlgorithmIdentifier of the key wrap.
///
/// A reader passes the bytes it found: senders differ in whether the parameters are absent or
/// NULL, and both sides must derive the same key.
pub fn ecc_cms_shared_info_with(
    wrap_identifier: &[u8],
    wrap: KeyWrap,
    ukm: Option<&[u8]>,
) -> Vec<u8> {
    let bits: u32 = match wrap {
        KeyWrap::Aes128 => 128,
        KeyWrap::Aes256 => 256,
    };
    Writer::encode(|w| {
        w.sequence(|w| {
            w.raw(wrap_identifier);
            if let Some(ukm) = ukm {
                w.constructed(Tag::context_constructed(0), |w| w.octet_string(ukm));
            }
            w.constructed(Tag::context_constructed(2), |w| {
                w.octet_string(&bits.to_be_bytes())
            });
        });
    })
}

fn expand<D: Digest>(secret: &Secret, shared_info: &[u8], length: usize) -> Secret {
    let mut derived = Vec::with_capacity(length);
    for counter in 1_u32.. {
        let missing = length - derived.len();
        if missing == 0 {
            break;
        }
        let block = D::new()
            .chain_update(secret.expose())
            .chain_update(counter.to_be_bytes())
            .chain_update(shared_info)
            .finalize();
        derived.extend(block.iter().take(missing));
    }
    Secret::new(derived)
}

const TOO_LONG: Error = Error::Unsupported("so many bytes of one HKDF");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shared_info_is_the_bytes_of_the_standard() {
        // SEQUENCE { SEQUENCE { id-aes128-wrap }, [0] { ukm }, [2] { 00000080 } }
        let identifier = [0x30, 0x0b, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 5];
        let tail = [0xa2, 6, 4, 4, 0, 0, 0, 0x80];
        let plain = [&[0x30, 21][..], &identifier, &tail].concat();
        assert_eq!(ecc_cms_shared_info(KeyWrap::Aes128, None), plain);
        let with_ukm = [&[0x30, 26][..], &identifier, &[0xa0, 3, 4, 1, 9], &tail].concat();
        assert_eq!(ecc_cms_shared_info(KeyWrap::Aes128, Some(&[9])), with_ukm);
        let long = ecc_cms_shared_info(KeyWrap::Aes256, None);
        assert!(long.ends_with(&[0xa2, 6, 4, 4, 0, 0, 1, 0]));
    }

    #[test]
    fn parameters_of_null_change_the_shared_info() {
        let with_null = [
            0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2d, 5, 0,
        ];
        let info = ecc_cms_shared_info_with(&with_null, KeyWrap::Aes256, None);
        assert_eq!(info[2..17], with_null);
        assert_ne!(info, ecc_cms_shared_info(KeyWrap::Aes256, None));
    }

    #[test]
    fn the_function_derives_what_openssl_derives() {
        // openssl kdf -keylen 70 -kdfopt digest:… -kdfopt hexkey:0101… -kdfopt hexinfo:696e666f X963KDF
        for (digest, expected) in [
            (
                DigestAlgorithm::Sha1,
                "9f6babef93e5e870f4811552d1499d1d9f360820d3b077132890959fe0c7ff636d4541c4b7affe675baa74c57e95bb0fc942b9de93e1d56103ef446b6cd7e969113b3a22cdf5",
            ),
            (
                DigestAlgorithm::Sha256,
                "db2cbec72e076ecc82d96803737d285524f59fda481e584a7128e76de606f1f4105b03cd006038bd4d8e2035675c1923c4eec7c1bc5c7c3bfb8d9a9e03a1099c495701df865d",
            ),
            (
                DigestAlgorithm::Sha384,
                "f5d1aa2f5dc5f6a68fafe597b185db05026351b3beecf48c436651c68fefab3b2ab7ba4d93a48f4b94f08cb9d144c753948cdeb0bd957f8a586af7b15133c92b1a54bcbf4589",
            ),
            (
                DigestAlgorithm::Sha512,
                "0753787d4db8c9b62a90ef9c166acce40985054b2b3c28615648ee18f54b947823236b1c6d6de51b2f896ac1d7a50c2d37d89febebd75ee3c32a29d4930105f09b535d95ca25",
            ),
        ] {
            let derived = x963(digest, &Secret::new(vec![1; 32]), b"info", 70);
            let hex: String = derived
                .expose()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(hex, expected, "{digest:?}");
        }
    }

    #[test]
    fn hkdf_gives_the_vectors_of_the_standard() {
        // RFC 5869 §A.1 to §A.3, §A.4 for SHA-1.
        let salt: Vec<u8> = (0..=12).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let (long_secret, long_salt) = ((0..0x50).collect(), (0x60..0xb0).collect::<Vec<u8>>());
        let long_info: Vec<u8> = (0xb0..=0xff).collect();
        for (digest, salt, secret, info, expected) in [
            (
                DigestAlgorithm::Sha256,
                Some(&salt[..]),
                vec![0x0b; 22],
                &info[..],
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
            ),
            (
                DigestAlgorithm::Sha256,
                Some(&long_salt),
                long_secret,
                &long_info,
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
            ),
            (
                DigestAlgorithm::Sha256,
                Some(&[]),
                vec![0x0b; 22],
                &[],
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
            ),
            (
                DigestAlgorithm::Sha256,
                None,
                vec![0x0b; 22],
                &[],
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
            ),
            (
                DigestAlgorithm::Sha1,
                Some(&salt[..]),
                vec![0x0b; 11],
                &info[..],
                "085a01ea1b10f36933068b56efa5ad81a4f14b822f5b091568a9cdd4f155fda2c22e422478d305f3f896",
            ),
        ] {
            let length = expected.len() / 2;
            let derived = hkdf(digest, salt, &Secret::new(secret), info, length).unwrap();
            let hex: String = derived
                .expose()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(hex, expected);
        }
        let secret = Secret::new(vec![1; 32]);
        let most = 255 * 32;
        assert!(hkdf(DigestAlgorithm::Sha256, None, &secret, &[], most).is_ok());
        let more = hkdf(DigestAlgorithm::Sha256, None, &secret, &[], most + 1);
        assert!(matches!(more, Err(Error::Unsupported(_))));
    }

    #[test]
    fn every_part_of_a_wrapping_key_counts() {
        let secret = Secret::new(vec![1; 32]);
        let mut seen = Vec::new();
        for agreement in KeyAgreement::ALL {
            for wrap in [KeyWrap::Aes128, KeyWrap::Aes256] {
                for ukm in [None, Some(&[1][..]), Some(&[2])] {
                    let key = wrapping_key(agreement, &secret, &wrap.identifier(), wrap, ukm);
                    assert_eq!(key.expose().len(), wrap.key_length());
                    assert!(!seen.contains(&key), "{agreement:?} {wrap:?}");
                    seen.push(key);
                }
            }
        }
    }

    #[test]
    fn shorter_keys_are_prefixes_and_every_input_counts() {
        let (secret, info) = (Secret::new(vec![1; 32]), b"info");
        for digest in DigestAlgorithm::ALL {
            let long = x963(digest, &secret, info, 200);
            for length in [0, 1, 16, 20, 32, 33, 199] {
                let short = x963(digest, &secret, info, length);
                assert_eq!(short.expose(), &long.expose()[..length]);
            }
            assert_ne!(x963(digest, &Secret::new(vec![2; 32]), info, 200), long);
            assert_ne!(x963(digest, &secret, b"other", 200), long);
        }
    }
}
