//! Replayable byte sources, the spool, and the limits one message may cost.
//!
//! This crate knows nothing of mail, of ASN.1 or of cryptography, starts no threads and reads no
//! clock. It carries the one idea the readers above it rest on: a message is copied once into a
//! [`Spool`], frozen into a [`Source`], and every layer is a view that can be read from its start
//! as often as needed, in constant memory.

mod limits;
mod source;
mod spool;

pub use limits::{Limits, TooLarge};
pub use source::{Replay, Source};
pub use spool::Spool;
