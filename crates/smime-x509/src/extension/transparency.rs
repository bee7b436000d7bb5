use smime_crypto::{UnixTime, asn1::Reader};

/// A log's promise to publish the certificate (RFC 6962 §3.2): to be shown; its signature is not
/// checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedCertificateTimestamp<'a> {
    /// The SHA-256 of the log's key.
    pub log: &'a [u8],
    /// When the log took it, in whole seconds.
    pub time: UnixTime,
}

impl<'a> SignedCertificateTimestamp<'a> {
    /// Reads the value of the extension: an OCTET STRING with a list in the encoding of TLS
    /// (RFC 6962 §3.3). Timestamps of a version other than 1 are left out; `None` when anything
    /// has another shape.
    pub(crate) fn list(value: &'a [u8]) -> Option<Vec<Self>> {
        let mut outer = Reader::new(value);
        let list = outer.octet_string("signedCertificateTimestampList").ok()?;
        outer.finish("signedCertificateTimestampList").ok()?;
        let (mut list, after) = with_length(list)?;
        let mut timestamps = Vec::new();
        while !list.is_empty() {
            let (timestamp, rest) = with_length(list)?;
            list = rest;
            if timestamp.first() == Some(&VERSION_1) {
                timestamps.push(Self::read(timestamp)?);
            }
        }
        (after.is_empty() && !timestamps.is_empty()).then_some(timestamps)
    }

    fn read(timestamp: &'a [u8]) -> Option<Self> {
        let (_, rest) = timestamp.split_at_checked(1)?;
        let (log, rest) = rest.split_at_checked(32)?;
        let (milliseconds, rest) = rest.split_first_chunk()?;
        let (_, rest) = with_length(rest)?;
        let (_, rest) = rest.split_at_checked(2)?;
        let (_, rest) = with_length(rest)?;
        let seconds = u64::from_be_bytes(*milliseconds) / 1000;
        rest.is_empty().then_some(Self {
            log,
            time: UnixTime(i64::try_from(seconds).ok()?),
        })
    }
}

/// Splits off what is preceded by its length in two octets.
fn with_length(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

const VERSION_1: u8 = 0;

#[cfg(test)]
mod tests {
    use smime_crypto::asn1::Writer;

    use super::*;

    fn prefixed(bytes: &[u8]) -> Vec<u8> {
        let length = u16::try_from(bytes.len()).unwrap();
        [&length.to_be_bytes(), bytes].concat()
    }

    fn timestamp(version: u8) -> Vec<u8> {
        let time = 1_700_000_000_999_u64.to_be_bytes();
        let signature = prefixed(&[0x30, 0]);
        [
            &[version][..],
            &[7; 32],
            &time,
            &[0, 0],
            &[4, 3],
            &signature,
        ]
        .concat()
    }

    fn extension(timestamps: &[Vec<u8>]) -> Vec<u8> {
        let list: Vec<u8> = timestamps.iter().flat_map(|it| prefixed(it)).collect();
        Writer::encode(|w| w.octet_string(&prefixed(&list)))
    }

    #[test]
    fn timestamps_are_read_and_those_of_later_versions_left_out() {
        let value = extension(&[timestamp(0), timestamp(1), timestamp(0)]);
        let read = SignedCertificateTimestamp::list(&value).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].log, [7; 32]);
        assert_eq!(read[0].time, UnixTime(1_700_000_000));
    }

    #[test]
    fn what_is_cut_or_longer_is_not_read() {
        let whole = timestamp(0);
        for length in 0..whole.len() {
            let value = extension(&[whole[..length].to_vec()]);
            assert_eq!(SignedCertificateTimestamp::list(&value), None, "{length}");
        }
        let longer = [&whole[..], &[0]].concat();
        for value in [
            extension(&[longer]),
            extension(&[]),
            extension(&[timestamp(9)]),
            Writer::encode(|w| w.octet_string(&[0, 1])),
            Writer::encode(|w| w.octet_string(&[0, 0, 0])),
            Writer::encode(|w| w.null()),
            Vec::new(),
        ] {
            assert_eq!(SignedCertificateTimestamp::list(&value), None, "{value:x?}");
        }
    }
}
