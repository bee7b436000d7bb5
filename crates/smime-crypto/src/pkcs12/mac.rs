use crate::{
    Error, Oid, Secret,
    asn1::Reader,
    oid,
    pbe::{Budget, Kdf, Passphrase, Prf, count, hmac, pkcs12},
};

/// Checks the MacData (RFC 7292 §4) over the content of the authSafe, and settles how the
/// passphrase is encoded.
///
/// # Errors
/// [`Error::WrongPassphrase`] when the MAC does not match.
pub(super) fn check(
    fields: &mut Reader<'_>,
    safe: &[u8],
    passphrase: &mut Passphrase,
    budget: &mut Budget,
) -> Result<(), Error> {
    let mut data = fields.sequence("MacData")?;
    let mut info = data.sequence("DigestInfo")?;
    let mut algorithm = info.sequence("AlgorithmIdentifier")?;
    let identifier = algorithm.oid()?;
    let expected = Secret::from(info.octet_string("digest")?);
    info.finish("DigestInfo")?;
    let salt = data.octet_string("macSalt")?;
    let iterations = if data.is_empty() {
        1
    } else {
        count(&mut data, "iterations")?
    };
    data.finish("MacData")?;
    if identifier == PBMAC1 {
        // RFC 9579 §4: macSalt and iterations say nothing then.
        let mac = pbmac1(&mut algorithm, safe, passphrase, budget)?;
        return if mac == expected {
            Ok(())
        } else {
            Err(Error::WrongPassphrase)
        };
    }
    let digest = match identifier {
        oid::SHA1 => Prf::Sha1,
        SHA224 => Prf::Sha224,
        oid::SHA256 => Prf::Sha256,
        oid::SHA384 => Prf::Sha384,
        oid::SHA512 => Prf::Sha512,
        other => return Err(Error::UnknownAlgorithm(other)),
    };
    for encoding in passphrase.bmp() {
        let rounds = budget.iterations(iterations, 1, salt)?;
        let key = mac_key(digest, encoding, salt, rounds);
        if hmac(digest, key.expose(), safe) == expected {
            let right = encoding.clone();
            passphrase.settle(right);
            return Ok(());
        }
    }
    Err(Error::WrongPassphrase)
}

/// Derives the key of a MAC, as long as its digest (RFC 7292 appendix B.4).
pub(super) fn mac_key(digest: Prf, passphrase: &Secret, salt: &[u8], rounds: u32) -> Secret {
    let length = digest.length();
    pkcs12(digest, ID_MAC, passphrase.expose(), salt, rounds, length)
}

/// Computes PBMAC1 (RFC 8018 §7.1, RFC 9579); the length of its key must be given, and is bounded:
/// a short one lets anybody forge the MAC, and a long one costs memory.
fn pbmac1(
    algorithm: &mut Reader<'_>,
    safe: &[u8],
    passphrase: &Passphrase,
    budget: &mut Budget,
) -> Result<Secret, Error> {
    let mut parameters = algorithm.sequence("PBMAC1-params")?;
    let kdf = Kdf::read(&mut parameters)?;
    let digest = Prf::read(&mut parameters)?;
    parameters.finish("PBMAC1-params")?;
    let length = kdf
        .key_length()
        .and_then(|length| usize::try_from(length).ok());
    let length = length
        .filter(|length| PBMAC1_KEY_LENGTHS.contains(length))
        .ok_or(Error::Unsupported("key length of the MAC"))?;
    if !matches!(kdf, Kdf::Pbkdf2(_)) {
        return Err(Error::Unsupported("key derivation of the MAC"));
    }
    let key = kdf.derive(passphrase.utf8(), length, budget)?;
    Ok(hmac(digest, key.expose(), safe))
}

/// RFC 9579 §9 asks for 20 bytes and more; no HMAC here has a digest over 64.
const PBMAC1_KEY_LENGTHS: std::ops::RangeInclusive<usize> = 20..=64;

/// RFC 7292 appendix B.3.
const ID_MAC: u8 = 3;
const PBMAC1: Oid = Oid::new("1.2.840.113549.1.5.14");
const SHA224: Oid = Oid::new("2.16.840.1.101.3.4.2.4");
