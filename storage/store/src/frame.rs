//! The frame around everything that is one object: says what it is, which version wrote it, and whether it is whole.
//!
//! `magic [u8; 4] | version u32 LE | len u64 LE | crc32c u32 LE | payload [u8; len]` (FORMAT.md, "Frame"). The checksum
//! covers everything but itself. The frame's own layout never changes; what changes is the payload, and its version.

use crate::StorageError;

/// Bytes before the payload.
pub const HEADER_LEN: usize = 20;
const CHECKSUM_AT: usize = 16;

/// Frames a payload.
pub fn encode(magic: [u8; 4], version: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_LEN + payload.len());
    bytes.extend_from_slice(&magic);
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&bytes), payload);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// The version and the payload of a framed object; `key` names it in errors.
///
/// # Errors
/// [`StorageError::Damaged`] when the bytes are not what [`encode`] gave, [`StorageError::Newer`] when they are, but of
/// a version above `version_max`.
pub fn decode<'a>(
    key: &str,
    magic: [u8; 4],
    version_max: u32,
    bytes: &'a [u8],
) -> Result<(u32, &'a [u8]), StorageError> {
    let damaged = |what: String| StorageError::Damaged { key: key.to_owned(), what };
    let Some((header, payload)) = bytes.split_first_chunk::<HEADER_LEN>() else {
        return Err(damaged(format!("{} bytes are too few for a header of {HEADER_LEN}", bytes.len())));
    };
    let (checked, _) = header.split_at(CHECKSUM_AT);
    let [m0, m1, m2, m3, v0, v1, v2, v3, l0, l1, l2, l3, l4, l5, l6, l7, c0, c1, c2, c3] = *header;
    if [m0, m1, m2, m3] != magic {
        return Err(damaged(format!("it does not begin with `{}`", magic.escape_ascii())));
    }
    let len = u64::from_le_bytes([l0, l1, l2, l3, l4, l5, l6, l7]);
    if len != payload.len() as u64 {
        return Err(damaged(format!("{} bytes follow the header instead of {len}", payload.len())));
    }
    if crc32c::crc32c_append(crc32c::crc32c(checked), payload) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Err(damaged("its checksum does not match".to_owned()));
    }
    let version = u32::from_le_bytes([v0, v1, v2, v3]);
    if version > version_max {
        return Err(StorageError::Newer { key: key.to_owned(), found: version, known: version_max });
    }
    Ok((version, payload))
}

/// Bytes of payload, as the header at the front of `bytes` says, unchecked.
pub(crate) fn payload_len(bytes: &[u8]) -> Option<usize> {
    let (header, _) = bytes.split_first_chunk::<HEADER_LEN>()?;
    let [.., l0, l1, l2, l3, l4, l5, l6, l7, _, _, _, _] = *header;
    usize::try_from(u64::from_le_bytes([l0, l1, l2, l3, l4, l5, l6, l7])).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAGIC: [u8; 4] = *b"TEST";

    #[track_caller]
    fn check(bytes: &[u8], want: &str) {
        let got = match decode("a/b", MAGIC, 3, bytes) {
            Ok((version, payload)) => format!("{version} {}", payload.escape_ascii()),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, want, "bytes {bytes:02x?}");
    }

    #[test]
    fn frames() {
        check(&encode(MAGIC, 3, b"payload"), "3 payload");
        check(&encode(MAGIC, 0, b""), "0 ");
        check(b"TEST", "`a/b` is damaged: 4 bytes are too few for a header of 20");
        check(&encode(*b"ELSE", 1, b"payload"), "`a/b` is damaged: it does not begin with `TEST`");
        check(
            &encode(MAGIC, 4, b"payload"),
            "`a/b` has format version 4, this version reads up to 3: start the newer Watchfire that wrote it",
        );
        let mut longer = encode(MAGIC, 1, b"payload");
        longer.push(0);
        check(&longer, "`a/b` is damaged: 8 bytes follow the header instead of 7");
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let good = encode(MAGIC, 2, b"some payload");
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let got = decode("k", MAGIC, 9, &bytes);
            assert!(matches!(got, Err(StorageError::Damaged { .. })), "bit {bit}: {got:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_bytes_are_refused(bytes: Vec<u8>) {
            prop_assert!(decode("k", MAGIC, 9, &bytes).is_err());
        }

        #[test]
        fn what_goes_in_comes_out(version in 0..9_u32, payload: Vec<u8>) {
            let bytes = encode(MAGIC, version, &payload);
            prop_assert_eq!(decode("k", MAGIC, 9, &bytes).unwrap(), (version, &payload[..]));
        }
    }
}
