//! Reads and writes the small DER structures that this crate and those above it share.
//!
//! The reader borrows, allocates nothing, does not recurse, and takes DER only: definite minimal
//! lengths, low tag numbers, minimal integers, one encoding of each boolean (X.690 §10, §11).

mod reader;
mod tag;
mod writer;

pub use reader::{Element, Reader};
pub use tag::Tag;
pub use writer::Writer;
