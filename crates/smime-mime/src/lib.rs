//! Finds and writes S/MIME structures in MIME, without knowing any cryptography.
//!
//! This crate verifies, decrypts and trusts nothing: it says where a signed content, a signature or
//! a CMS object stands and hands out its bytes ([`Protection`]). It renders no text beyond header
//! fields, converts no character sets beyond three, follows no `message/external-body`, joins no
//! `message/partial`, and repairs no broken mail.
//!
//! Reading never copies a body. [`Entity`] keeps its header block in memory and everything else as
//! a view of the [`smime_io::Source`] it was read from; parts are sections, transfer decoding and
//! line-end canonicalisation are views that can be read as often as needed, in constant memory.
//!
//! Writing is a stack: [`MultipartSigned`] and [`Pkcs7Mime`] write the header fields, the caller
//! writes the content, `finish` writes the rest.

mod address;
mod canonical;
mod content_type;
mod entity;
mod error;
mod header;
mod multipart;
mod outgoing;
mod protection;
mod transfer;
mod walk;
mod writer;

pub use address::Mailbox;
pub use canonical::{CrlfWriter, canonical};
pub use content_type::ContentType;
pub use entity::Entity;
pub use error::Error;
pub use header::{Field, Headers};
pub use outgoing::Outgoing;
pub use protection::Protection;
pub use transfer::{Base64Writer, LineLength};
pub use writer::{MediaTypes, MultipartSigned, Pkcs7Mime, SmimeType};
