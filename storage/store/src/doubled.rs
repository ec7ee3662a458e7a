//! An object that holds its payload twice, so that one bad bit or sector costs nothing.
//!
//! A frame around two frames: the first behind the header, the second at the next multiple of 4,096 bytes. The outer
//! checksum says at once whether all is well; if not, each copy is checked on its own. FORMAT.md, "Doubled".

use crate::{StorageError, frame};
use std::ops::Range;

/// The second copy begins at a multiple of this many bytes: no sector holds a part of both.
const COPY_ALIGNMENT: usize = 4096;

/// One of the payload's copies that checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copy {
    pub(crate) version: u32,
    /// Where the payload stands in the object.
    pub(crate) payload: Range<usize>,
    /// Something else of the object does not check.
    pub(crate) is_damaged: bool,
}

/// Frames a payload twice. `version` says that it is doubled: earlier ones are plain frames.
pub(crate) fn encode(magic: [u8; 4], version: u32, payload: &[u8]) -> Vec<u8> {
    let copy = frame::encode(magic, version, payload);
    let mut body = copy.clone();
    body.resize((frame::HEADER_LEN + copy.len()).next_multiple_of(COPY_ALIGNMENT) - frame::HEADER_LEN, 0);
    body.extend_from_slice(&copy);
    frame::encode(magic, version, &body)
}

/// Finds the payload. Objects of a version before `doubled_from` hold it once.
///
/// # Errors
/// As [`frame::decode`]: damaged only when no copy checks.
pub(crate) fn decode(
    key: &str,
    magic: [u8; 4],
    doubled_from: u32,
    version_max: u32,
    object: &[u8],
) -> Result<Copy, StorageError> {
    let damage = match frame::decode(key, magic, version_max, object) {
        Ok((version, _)) if version < doubled_from => {
            return Ok(Copy { version, payload: frame::HEADER_LEN..object.len(), is_damaged: false });
        }
        Ok(_) => None,
        Err(error @ StorageError::Damaged { .. }) => Some(error),
        Err(error) => return Err(error),
    };
    let copy = |start: usize, end: usize| {
        let (version, payload) = frame::decode(key, magic, version_max, object.get(start..end)?).ok()?;
        let payload = start + frame::HEADER_LEN..start + frame::HEADER_LEN + payload.len();
        (version >= doubled_from).then_some(Copy { version, payload, is_damaged: damage.is_some() })
    };
    let first = || {
        let len = frame::payload_len(object.get(frame::HEADER_LEN..)?)?;
        copy(frame::HEADER_LEN, len.checked_add(2 * frame::HEADER_LEN)?)
    };
    let second = || (COPY_ALIGNMENT..object.len()).step_by(COPY_ALIGNMENT).find_map(|start| copy(start, object.len()));
    first().or_else(second).ok_or_else(|| {
        let what = "neither of its copies checks".to_owned();
        damage.unwrap_or(StorageError::Damaged { key: key.to_owned(), what })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAGIC: [u8; 4] = *b"TEST";

    /// The payload that is found, and whether the object is whole.
    fn found(object: &[u8]) -> Result<(Vec<u8>, bool), StorageError> {
        let copy = decode("k", MAGIC, 2, 3, object)?;
        Ok((object[copy.payload].to_vec(), !copy.is_damaged))
    }

    #[track_caller]
    fn check(object: &[u8], want: Option<(&[u8], bool)>) {
        assert_eq!(found(object).ok(), want.map(|(payload, is_whole)| (payload.to_vec(), is_whole)));
    }

    #[test]
    fn payloads_stand_in_sectors_of_their_own() {
        for len in [0, 1, 4000, 4096 - 40, 4096 - 39, 10_000] {
            let payload = vec![7; len];
            let object = encode(MAGIC, 2, &payload);
            check(&object, Some((&payload, true)));
            let second = object.len() - len - frame::HEADER_LEN;
            assert!(second.is_multiple_of(COPY_ALIGNMENT) && second >= 2 * frame::HEADER_LEN + len);
            for sector in (0..object.len()).step_by(512) {
                let mut damaged = object.clone();
                damaged[sector..].iter_mut().take(512).for_each(|byte| *byte = !*byte);
                check(&damaged, Some((&payload, false)));
            }
            for cut in (second..object.len()).chain(len + 40..second.min(len + 50)) {
                check(&object[..cut], Some((&payload, false)));
            }
            check(&object[..len + 39], None);
        }
    }

    #[test]
    fn every_flipped_bit_is_seen_and_costs_nothing() {
        let object = encode(MAGIC, 2, b"some payload");
        for bit in 0..object.len() * 8 {
            let mut damaged = object.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            check(&damaged, Some((b"some payload", false)));
        }
    }

    #[test]
    fn plain_frames_of_earlier_versions_are_read() {
        let plain = frame::encode(MAGIC, 1, b"payload");
        check(&plain, Some((b"payload", true)));
        let mut damaged = plain;
        damaged[25] ^= 1;
        check(&damaged, None);
        assert!(matches!(found(&encode(MAGIC, 4, b"payload")), Err(StorageError::Newer { found: 4, known: 3, .. })));
        check(&frame::encode(MAGIC, 2, b"not doubled"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Any damage at all: what is found is what was written, or nothing.
        #[test]
        fn nothing_else_is_ever_found(
            payload in proptest::collection::vec(any::<u8>(), 0..9000),
            noise in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
            cut: Option<proptest::sample::Index>,
        ) {
            let mut object = encode(MAGIC, 2, &payload);
            for (index, byte) in noise {
                let index = index.index(object.len());
                object[index] = byte;
            }
            if let Some(cut) = cut {
                object.truncate(cut.index(object.len()));
            }
            if let Ok((found, _)) = found(&object) {
                prop_assert_eq!(found, payload);
            }
        }

        #[test]
        fn any_bytes_are_refused(object: Vec<u8>) {
            prop_assert!(found(&object).is_err());
        }
    }
}
