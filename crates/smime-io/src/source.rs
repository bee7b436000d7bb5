use std::{
    fmt,
    io::{self, Cursor, Read},
    sync::Arc,
};

use crate::TooLarge;

/// Bytes that can be read from their start as often as needed and are the same each time.
pub trait Replay: Send + Sync {
    /// Starts a new pass over the bytes.
    ///
    /// # Errors
    /// When the bytes behind this view cannot be reached.
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>>;

    /// Starts a new pass `offset` bytes in; at or past the end, the pass is empty.
    ///
    /// # Errors
    /// When the bytes behind this view cannot be reached.
    fn open_at(&self, offset: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let mut reader = self.open()?;
        io::copy(&mut reader.by_ref().take(offset), &mut io::sink())?;
        Ok(reader)
    }
}

/// A cheap handle to replayable bytes: the input and output of every layer.
#[derive(Clone)]
pub struct Source(Arc<dyn Replay>);

impl Source {
    /// Makes a handle to a view.
    pub fn new(replay: impl Replay + 'static) -> Self {
        Self(Arc::new(replay))
    }

    /// Makes a source of bytes held in memory.
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self::new(Memory(bytes.into()))
    }

    /// Returns the view of `length` bytes from `start`; shorter where this source ends earlier.
    pub fn section(&self, start: u64, length: u64) -> Self {
        Self::new(Section {
            source: self.clone(),
            start,
            length,
        })
    }

    /// Starts a new pass over the bytes.
    ///
    /// # Errors
    /// When the bytes behind this source cannot be reached.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        self.0.open()
    }

    /// Starts a new pass `offset` bytes in; at or past the end, the pass is empty.
    ///
    /// # Errors
    /// When the bytes behind this source cannot be reached.
    pub fn open_at(&self, offset: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        self.0.open_at(offset)
    }

    /// Reads everything into memory, if it is at most `limit` bytes.
    ///
    /// # Errors
    /// [`TooLarge`], named `what`, when there are more bytes; otherwise what reading returned.
    pub fn read_to_vec(&self, what: &'static str, limit: usize) -> io::Result<Vec<u8>> {
        let bound = u64::try_from(limit).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        self.open()?
            .take(bound.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if bytes.len() > limit {
            return Err(TooLarge { what, limit: bound }.into());
        }
        Ok(bytes)
    }
}

impl Replay for Source {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        self.0.open()
    }

    fn open_at(&self, offset: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        self.0.open_at(offset)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

struct Memory(Arc<[u8]>);

impl Replay for Memory {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(&*self.0))
    }

    fn open_at(&self, offset: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let mut cursor = Cursor::new(&*self.0);
        cursor.set_position(offset);
        Ok(Box::new(cursor))
    }
}

struct Section {
    source: Source,
    start: u64,
    length: u64,
}

impl Replay for Section {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        self.open_at(0)
    }

    fn open_at(&self, offset: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let offset = offset.min(self.length);
        let inner = self.source.open_at(self.start.saturating_add(offset))?;
        Ok(Box::new(inner.take(self.length - offset)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(source: &Source) -> Vec<u8> {
        source.read_to_vec("test", 1 << 20).unwrap()
    }

    #[test]
    fn a_pass_can_be_repeated() {
        let source = Source::from_bytes(*b"abc");
        assert_eq!(bytes(&source), b"abc");
        assert_eq!(bytes(&source), b"abc");
    }

    #[test]
    fn a_section_of_a_section_counts_from_its_own_start() {
        let outer = Source::from_bytes(*b"0123456789").section(2, 6);
        assert_eq!(bytes(&outer), b"234567");
        assert_eq!(bytes(&outer.section(1, 3)), b"345");
    }

    #[test]
    fn a_section_never_reaches_past_its_end() {
        let section = Source::from_bytes(*b"0123456789").section(2, 3);
        for (offset, expected) in [(0, "234"), (2, "4"), (3, ""), (4, ""), (u64::MAX, "")] {
            let mut read = String::new();
            section
                .open_at(offset)
                .unwrap()
                .read_to_string(&mut read)
                .unwrap();
            assert_eq!(read, expected, "from {offset}");
        }
        assert_eq!(
            bytes(&Source::from_bytes(*b"01").section(1, u64::MAX)),
            b"1"
        );
    }

    #[test]
    fn reading_more_than_the_limit_is_an_error_and_not_a_truncation() {
        let source = Source::from_bytes(*b"0123456789");
        let error = source.read_to_vec("headers", 9).unwrap_err();
        assert_eq!(
            TooLarge::find(&error),
            Some(TooLarge {
                what: "headers",
                limit: 9
            })
        );
        assert_eq!(source.read_to_vec("headers", 10).unwrap().len(), 10);
    }
}
