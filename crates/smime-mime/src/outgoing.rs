use std::{
    io::{self, Read},
    sync::Arc,
};

use smime_io::{Replay, Source};

use crate::{Entity, Error, canonical};

/// A mail that is to be sent, taken apart.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The fields that stay outside, each ended by CRLF: all but `Content-*`, `MIME-Version`,
    /// `Bcc` and `Resent-Bcc`.
    pub outer: Vec<u8>,
    /// The entity to protect, in canonical form (RFC 8551 §3.1.1): the `Content-*` fields, a blank
    /// line and the body. Nothing but line ends differs from the mail.
    pub entity: Source,
}

pub(crate) fn split(entity: &Entity) -> Result<Outgoing, Error> {
    // A mail that can be read in two ways must not be signed.
    entity.content_type()?;
    let (mut outer, mut inner) = (Vec::new(), Vec::new());
    for field in entity.headers().fields() {
        let name = field.name().to_ascii_lowercase();
        let fields = match name.as_str() {
            "bcc" | "resent-bcc" | "mime-version" => continue,
            name if name.starts_with("content-") => &mut inner,
            _ => &mut outer,
        };
        for line in field.raw().split_inclusive(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            fields.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
            fields.extend_from_slice(b"\r\n");
        }
    }
    inner.extend_from_slice(b"\r\n");
    let joined = Joined {
        head: inner.into(),
        tail: canonical(entity.body()),
    };
    Ok(Outgoing {
        outer,
        entity: Source::new(joined),
    })
}

/// Bytes in memory, then a source.
struct Joined {
    head: Arc<[u8]>,
    tail: Source,
}

impl Replay for Joined {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new((&*self.head).chain(self.tail.open()?)))
    }
}

#[cfg(test)]
mod tests;
