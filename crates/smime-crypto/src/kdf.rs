//! Key derivation for ephemeral-static ECDH (RFC 5753).

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::{
    DigestAlgorithm, KeyWrap, Secret,
    asn1::{Tag, Writer},
};

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
