//! Key derivation.

use crate::{DigestAlgorithm, KeyWrap, Secret};

/// Derives `length` bytes (SEC 1 §3.6.1).
pub fn x963(_digest: DigestAlgorithm, _secret: &Secret, _shared_info: &[u8], length: usize) -> Secret {
    Secret::new(vec![0; length])
}

/// Returns the DER ECC-CMS-SharedInfo (RFC 5753 §7.2) with the identifier that we write.
pub fn ecc_cms_shared_info(wrap: KeyWrap, ukm: Option<&[u8]>) -> Vec<u8> {
    ecc_cms_shared_info_with(&wrap.identifier(), wrap, ukm)
}

/// Returns the DER ECC-CMS-SharedInfo (RFC 5753 §7.2) with the sender's DER of the key wrap's
/// AlgorithmIdentifier.
pub fn ecc_cms_shared_info_with(_wrap_identifier: &[u8], _wrap: KeyWrap, _ukm: Option<&[u8]>) -> Vec<u8> {
    Vec::new()
}
