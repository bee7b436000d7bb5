//! Reads and writes the small DER structures that this crate and those above it share.
//!
//! The reader borrows, allocates nothing, does not recurse, and takes DER only: definite minimal
//! lengths, low tag numbers, minimal integers, one encoding of each boolean (X.690 §10, §11).
//! [`der_from_ber`] makes that of the BER of old files.

mod ber;
mod reader;
mod tag;
mod writer;

pub use ber::der_from_ber;
pub use reader::{Element, Reader};
pub use tag::Tag;
pub use writer::Writer;
