//! The octets of a string inside a BER object, as a source of their own.

use std::io::{self, Read};

use smime_io::{Replay, Source};

use crate::ber::{Cursor, End, Octets, Segments};

/// Makes the view of the octets that lie at `octets` of `source`.
pub(crate) fn content(source: &Source, octets: Octets, depth: usize) -> Source {
    match octets.segments {
        None => source.section(octets.start, octets.length),
        Some(end) => Source::new(Segmented {
            source: source.clone(),
            start: octets.start,
            end,
            depth,
        }),
    }
}

struct Segmented {
    source: Source,
    start: u64,
    end: End,
    depth: usize,
}

impl Replay for Segmented {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let input = self.source.open_at(self.start)?;
        Ok(Box::new(Pass {
            cursor: Cursor::new(input, self.start),
            segments: Segments::new(self.end, u64::MAX, self.depth),
            left: 0,
        }))
    }
}

struct Pass<'a> {
    cursor: Cursor<'a>,
    segments: Segments,
    /// Octets of the current segment not read yet.
    left: u64,
}

impl Read for Pass<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            let next = self
                .segments
                .next(&mut self.cursor, WHAT)
                .map_err(io::Error::from)?;
            let Some(octets) = next else { return Ok(0) };
            self.left = octets;
        }
        let wanted = out
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let out = out.get_mut(..wanted).unwrap_or_default();
        match self.cursor.read(out)? {
            // The walk of the structure saw these octets, so the source has changed.
            0 => Err(self.cursor.malformed(WHAT).into()),
            count => {
                self.left = self
                    .left
                    .saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
                Ok(count)
            }
        }
    }
}

const WHAT: &str = "content";
