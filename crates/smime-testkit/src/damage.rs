/// Returns every copy of `bytes` with one byte changed, in all bits and in the lowest, and where.
pub fn flips(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..bytes.len()).flat_map(move |at| {
        [0xff, 0x01].into_iter().map(move |mask| {
            let mut damaged = bytes.to_vec();
            if let Some(byte) = damaged.get_mut(at) {
                *byte ^= mask;
            }
            (at, damaged)
        })
    })
}

/// Returns every beginning of `bytes` that is shorter than all of it, the empty one first.
pub fn truncations(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    (0..bytes.len()).map(move |length| bytes.get(..length).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flip_changes_one_byte() {
        let all: Vec<_> = flips(b"ab").collect();
        assert_eq!(all.len(), 4);
        for (at, damaged) in all {
            assert_ne!(damaged[at], b"ab"[at]);
            assert_eq!(damaged[1 - at], b"ab"[1 - at]);
        }
    }

    #[test]
    fn truncations_never_hold_the_whole() {
        assert_eq!(
            truncations(b"abc").collect::<Vec<_>>(),
            [&b""[..], b"a", b"ab"]
        );
    }
}
