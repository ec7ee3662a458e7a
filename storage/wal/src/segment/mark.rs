//! Milestones behind the batches of a segment: where reading goes on after damage. FORMAT.md, "Mark".

use super::take;

/// Stands where a record has its length; no record is that long.
const TAG: [u8; 4] = [0xff; 4];
/// `tag [u8; 4] | salt u64 | next index u64 | crc32c u32`, little-endian.
pub(crate) const MARK_LEN: usize = 24;
const MARK_CHECKED_LEN: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The session's own, by which a mark differs from one that a sender wrote into a payload.
    pub(crate) salt: u64,
    /// Index of the record behind the mark; as the place of a record, its own.
    pub(crate) index: u64,
}

impl Mark {
    pub(crate) fn encode(self) -> [u8; MARK_LEN] {
        let mut bytes = [0; MARK_LEN];
        bytes[..4].copy_from_slice(&TAG);
        bytes[4..12].copy_from_slice(&self.salt.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.index.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..MARK_CHECKED_LEN]);
        bytes[MARK_CHECKED_LEN..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The mark at the front of `bytes`, if one stands there undamaged.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Mark> {
        let (mark, _) = bytes.split_first_chunk::<MARK_LEN>()?;
        let mut reader = mark.as_slice();
        let tag: [u8; 4] = take(&mut reader);
        let salt = u64::from_le_bytes(take(&mut reader));
        let index = u64::from_le_bytes(take(&mut reader));
        let checksum = u32::from_le_bytes(take(&mut reader));
        let is_sound = tag == TAG && crc32c::crc32c(&mark[..MARK_CHECKED_LEN]) == checksum;
        is_sound.then_some(Mark { salt, index })
    }

    /// Whether it may follow on `place`. One that leads back is a copy of what stands before.
    pub(crate) fn is_behind(self, place: Mark) -> bool {
        self.salt == place.salt && self.index >= place.index
    }

    /// The next mark that may follow on `place`, and how many bytes stand before it.
    pub(crate) fn find(bytes: &[u8], place: Mark) -> Option<(usize, Mark)> {
        let mark = |window: &[u8]| Mark::decode(window).filter(|mark| mark.is_behind(place));
        let mut tagged = bytes.windows(MARK_LEN).enumerate().filter(|(_, window)| window.starts_with(&TAG));
        tagged.find_map(|(len, window)| Some((len, mark(window)?)))
    }
}
