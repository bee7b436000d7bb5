use std::{
    fs::File,
    io::{self, Read, Write},
};

use crate::{Limits, Replay, Source, TooLarge};

/// Takes the mail as received, once: memory up to a threshold, then a file that has no name.
///
/// Only received bytes go in here, never decrypted ones. The file is unlinked from the start
/// (on Windows: deleted when closed) and readable by its owner alone, so no other process can
/// change it between two passes.
#[derive(Debug)]
#[must_use = "a spool is of use once frozen"]
pub struct Spool {
    store: Store,
    length: u64,
    limit: u64,
    in_memory: usize,
}

impl Spool {
    /// Makes an empty spool with the bounds `message` and `in_memory` of `limits`.
    pub fn new(limits: &Limits) -> Self {
        Self {
            store: Store::Memory(Vec::new()),
            length: 0,
            limit: limits.message,
            in_memory: limits.in_memory,
        }
    }

    /// Copies `input` to its end into a new spool and freezes it.
    ///
    /// # Errors
    /// [`TooLarge`] when the input is longer than `limits.message`; otherwise what reading `input`
    /// or writing the file returned.
    pub fn copy(mut input: impl Read, limits: &Limits) -> io::Result<Source> {
        let mut spool = Self::new(limits);
        io::copy(&mut input, &mut spool)?;
        spool.freeze()
    }

    /// Ends writing; the bytes can now be read as often as needed.
    ///
    /// # Errors
    /// What flushing the file returned.
    pub fn freeze(self) -> io::Result<Source> {
        Ok(match self.store {
            Store::Memory(bytes) => Source::from_bytes(bytes),
            Store::File(mut file) => {
                file.flush()?;
                Source::new(Frozen {
                    file,
                    length: self.length,
                })
            }
        })
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let added = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let length = self.length.saturating_add(added);
        if length > self.limit {
            return Err(TooLarge {
                what: "message",
                limit: self.limit,
            }
            .into());
        }
        if let Store::Memory(held) = &mut self.store {
            if held.len().saturating_add(bytes.len()) <= self.in_memory {
                held.extend_from_slice(bytes);
                self.length = length;
                return Ok(bytes.len());
            }
            let mut file = tempfile::tempfile()?;
            file.write_all(held)?;
            self.store = Store::File(file);
        }
        if let Store::File(file) = &mut self.store {
            file.write_all(bytes)?;
            self.length = length;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
enum Store {
    Memory(Vec<u8>),
    File(File),
}

struct Frozen {
    file: File,
    length: u64,
}

impl Replay for Frozen {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        self.open_at(0)
    }

    fn open_at(&self, offset: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let pass = Pass {
            frozen: self,
            offset,
        };
        Ok(Box::new(io::BufReader::with_capacity(PASS_BUFFER, pass)))
    }
}

/// One pass; positional reads leave the file's own position alone, so passes never disturb
/// each other.
struct Pass<'a> {
    frozen: &'a Frozen,
    offset: u64,
}

impl Read for Pass<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.frozen.length.saturating_sub(self.offset);
        let wanted = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let Some(out) = out.get_mut(..wanted).filter(|out| !out.is_empty()) else {
            return Ok(0);
        };
        let count = read_at(&self.frozen.file, out, self.offset)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.offset += u64::try_from(count).map_err(io::Error::other)?;
        Ok(count)
    }
}

#[cfg(unix)]
fn read_at(file: &File, out: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, out, offset)
}

#[cfg(windows)]
fn read_at(file: &File, out: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, out, offset)
}

/// Bytes a pass reads from the file at a time.
const PASS_BUFFER: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            message: 1000,
            in_memory: 10,
            ..Limits::default()
        }
    }

    #[test]
    fn bytes_come_back_equal_on_both_sides_of_the_threshold() {
        for length in [0, 1, 9, 10, 11, 500, 1000] {
            let bytes: Vec<u8> = (0..=255).cycle().take(length).collect();
            let source = Spool::copy(&*bytes, &limits()).unwrap();
            for _ in 0..2 {
                assert_eq!(
                    source.read_to_vec("test", 1000).unwrap(),
                    bytes,
                    "{length} bytes"
                );
            }
        }
    }

    #[test]
    fn passes_over_a_file_do_not_disturb_each_other() {
        let bytes: Vec<u8> = (0..=255).collect();
        let source = Spool::copy(&*bytes, &limits()).unwrap();
        let (mut first, mut second) = (source.open().unwrap(), source.open_at(100).unwrap());
        let mut byte = [0; 1];
        for expected in 0..50 {
            first.read_exact(&mut byte).unwrap();
            assert_eq!(byte, [expected]);
            second.read_exact(&mut byte).unwrap();
            assert_eq!(byte, [expected + 100]);
        }
    }

    #[test]
    fn one_byte_over_the_limit_is_an_error() {
        let error = Spool::copy(&[0; 1001][..], &limits()).unwrap_err();
        assert_eq!(
            TooLarge::find(&error),
            Some(TooLarge {
                what: "message",
                limit: 1000
            })
        );
    }
}
