use smime_crypto::asn1::Reader;

use crate::{CrlEntry, GeneralName, SequenceOf};

/// The entries of a list by serial number.
pub(super) struct SerialIndex(Vec<Place>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    key: u64,
    /// Where the entry stands in the list of entries.
    entry: u32,
    /// Where the entry stands whose certificateIssuer counts for this one.
    issuer: u32,
}

impl SerialIndex {
    /// Walks the content of revokedCertificates once.
    ///
    /// DER read here is at most 4 GiB, so every position fits.
    pub(super) fn of(entries: &[u8]) -> Self {
        let mut places = Vec::new();
        let mut reader = Reader::new(entries);
        let mut issuer = NO_ISSUER;
        loop {
            let entry = u32::try_from(reader.offset()).unwrap_or(NO_ISSUER);
            let Ok(Some(found)) = CrlEntry::next(&mut reader) else {
                break;
            };
            if found.certificate_issuer.is_some() {
                issuer = entry;
            }
            places.push(Place {
                key: key(found.serial),
                entry,
                issuer,
            });
        }
        places.sort_unstable();
        Self(places)
    }

    /// Returns the entries of one serial number with the names of the certificate's issuer.
    ///
    /// Serial numbers that were chosen to have one key cost one comparison each.
    pub(super) fn find<'a>(
        &'a self,
        entries: &'a [u8],
        serial: &'a [u8],
    ) -> impl Iterator<Item = (CrlEntry<'a>, Option<SequenceOf<'a, GeneralName<'a>>>)> {
        let wanted = key(serial);
        let start = self.0.partition_point(|place| place.key < wanted);
        let places = self.0.get(start..).unwrap_or_default();
        // The entry that names the issuer can be megabytes long, and thousands can follow it.
        let mut last = (NO_ISSUER, None);
        places
            .iter()
            .take_while(move |place| place.key == wanted)
            .filter_map(move |place| {
                let entry = entry_at(entries, place.entry)?;
                if entry.serial != serial {
                    return None;
                }
                if last.0 != place.issuer {
                    let issuer = entry_at(entries, place.issuer);
                    last = (place.issuer, issuer.and_then(|it| it.certificate_issuer));
                }
                Some((entry, last.1))
            })
    }
}

fn entry_at(entries: &[u8], place: u32) -> Option<CrlEntry<'_>> {
    let place = usize::try_from(place).ok()?;
    CrlEntry::next(&mut Reader::new(entries.get(place..)?)).ok()?
}

/// The last eight octets, which differ where issuers count and where they draw.
fn key(serial: &[u8]) -> u64 {
    let tail = serial.len().saturating_sub(8);
    let tail = serial.get(tail..).unwrap_or_default();
    tail.iter()
        .fold(0, |key, octet| key << 8 | u64::from(*octet))
}

const NO_ISSUER: u32 = u32::MAX;
