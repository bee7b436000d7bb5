use std::{error, fmt, io};

/// What one message may cost. Every bound is an error when crossed, never a silent truncation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message as received.
    ///
    /// 4 GiB: sixteen times the largest mail a public provider takes, and a spool file that a
    /// 32-bit offset could still name.
    pub message: u64,
    /// Bytes of one header block.
    ///
    /// 256 KiB: a hundred times the header of a mailing-list mail with authentication results.
    pub headers: usize,
    /// Bytes of everything in one CMS object but its content: certificates, recipients, attributes.
    ///
    /// 8 MiB: ten thousand recipients, or two thousand certificates.
    pub structure: usize,
    /// Layers of protection, and levels of ASN.1 and MIME nesting within one layer.
    ///
    /// 16: a triple wrap is three layers; 16 levels of MIME nesting are not seen in honest mail.
    pub depth: usize,
    /// Parts of one multipart entity.
    pub parts: usize,
    /// Bytes of a message kept in memory before the spool moves to a file.
    pub in_memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 4 << 30,
            headers: 256 << 10,
            structure: 8 << 20,
            depth: 16,
            parts: 1000,
            in_memory: 1 << 20,
        }
    }
}

/// A bound of [`Limits`] was crossed.
///
/// Readers and writers carry it inside an [`io::Error`]; [`TooLarge::find`] takes it out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// What was too large, in words of the field of [`Limits`].
    pub what: &'static str,
    /// The bound, in the unit of that field.
    pub limit: u64,
}

impl TooLarge {
    /// Returns the crossed bound that `error` carries, if it carries one.
    pub fn find(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

impl From<TooLarge> for io::Error {
    fn from(error: TooLarge) -> Self {
        Self::new(io::ErrorKind::FileTooLarge, error)
    }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} larger than the limit of {}", self.what, self.limit)
    }
}

impl error::Error for TooLarge {}
