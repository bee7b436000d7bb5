//! BER as it arrives and as it leaves: a pull reader over a stream, and a writer of segments.

mod reader;
mod writer;

pub(crate) use reader::{BerReader, Cursor, End, Octets, Segments};
pub(crate) use writer::{Frame, SEGMENT, StringWriter};
