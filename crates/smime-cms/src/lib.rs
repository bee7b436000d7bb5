//! Reads and writes SignedData, EnvelopedData and AuthEnvelopedData as streams (RFC 5652,
//! RFC 5083).
//!
//! This crate does **not** know mail: MIME, header fields and canonical line ends are its
//! sibling's and its caller's. It fetches nothing, keeps nothing, reads no clock, and holds memory
//! that does not grow with the content.
//!
//! Reading starts at [`read`] or [`SignedMessage::detached`]. What a signature is worth is a
//! [`Verdict`] per signer and never an error; what was decrypted is readable only once its
//! authentication was checked to the last byte, and [`Quarantined`] otherwise. Writing starts at
//! [`Signer`] and [`Encryptor`].

mod asn1;
mod ber;
mod capabilities;
mod compressed;
mod content;
mod envelope;
mod error;
mod object;
mod show;
mod signed;

pub use asn1::ID_DATA;
pub use capabilities::Capabilities;
pub use compressed::Compressed;
pub use envelope::{
    Decrypted, Encryptor, Envelope, EnvelopeWriter, Opened, Quarantined, Recipient, RecipientId,
};
pub use error::Error;
pub use object::{Object, read};
pub use show::{Encoding, SignerSummary, Summary, show};
pub use signed::{
    ClaimedTime, DetachedSigner, Outcome, Refusal, Sender, SignatureCheck, SignedMessage,
    SignedWriter, Signer, SignerId, SignerReport, Unverified, Verdict, Verified, sign_der,
};
