use std::io::Write;

use pem_rfc7468::{LineEnding, encode_string};

use crate::failure::{Failure, Kind};

/// The labels of what this program writes (RFC 7468 §5, §7, §11).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Label {
    Certificate,
    Request,
    ProtectedKey,
}

/// Writes one block.
pub(crate) fn write(out: &mut impl Write, label: Label, der: &[u8]) -> Result<(), Failure> {
    let label = match label {
        Label::Certificate => "CERTIFICATE",
        Label::Request => "CERTIFICATE REQUEST",
        Label::ProtectedKey => "ENCRYPTED PRIVATE KEY",
    };
    let text = encode_string(label, LineEnding::LF, der)
        .map_err(|error| Failure::new(Kind::Other, "output.pem", error))?;
    Ok(out.write_all(text.as_bytes())?)
}

/// Returns what is inside the first block of a request, or the bytes as they are where they are
/// DER.
pub(crate) fn request(bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
    if bytes.first() == Some(&0x30) {
        return Ok(bytes);
    }
    let malformed = || {
        let detail = "neither DER nor one PEM block of a certificate request";
        Failure::new(Kind::Input, "input.not_a_request", detail)
    };
    let start = bytes
        .windows(BEGIN.len())
        .position(|window| window == BEGIN)
        .ok_or_else(malformed)?;
    let text = bytes.get(start..).unwrap_or_default();
    match pem_rfc7468::decode_vec(text) {
        // The second is what old programs write (RFC 7468 §7).
        Ok(("CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST", der)) => Ok(der),
        _ => Err(malformed()),
    }
}

const BEGIN: &[u8] = b"-----BEGIN ";
