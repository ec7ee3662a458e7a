//! The front of a segment. FORMAT.md, "Segment".

use super::take;
use crate::Position;

const MAGIC: [u8; 4] = *b"WFWL";
pub(crate) const VERSION: u32 = 1;
/// `magic [u8; 4] | version u32 | session u64 | first index u64 | salt u64 | crc32c u32`, all little-endian.
pub(crate) const HEADER_LEN: usize = 36;
const HEADER_CHECKED_LEN: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The first record's position.
    pub(crate) first: Position,
    /// A random number that no sender knows; the segment's marks repeat it.
    pub(crate) salt: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderError {
    /// The file ends inside the header.
    Torn,
    /// These are not the bytes that were written.
    Damaged,
    /// Undamaged, but of a later version.
    Newer(u32),
}

impl Header {
    pub(crate) fn encode(self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..8].copy_from_slice(&VERSION.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.first.session.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.index.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.salt.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..HEADER_CHECKED_LEN]);
        bytes[HEADER_CHECKED_LEN..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(segment: &[u8]) -> Result<Header, HeaderError> {
        let Some((header, _)) = segment.split_first_chunk::<HEADER_LEN>() else { return Err(HeaderError::Torn) };
        let mut reader = header.as_slice();
        let magic: [u8; 4] = take(&mut reader);
        let version = u32::from_le_bytes(take(&mut reader));
        let session = u64::from_le_bytes(take(&mut reader));
        let index = u64::from_le_bytes(take(&mut reader));
        let salt = u64::from_le_bytes(take(&mut reader));
        let checksum = u32::from_le_bytes(take(&mut reader));
        if magic != MAGIC || crc32c::crc32c(&header[..HEADER_CHECKED_LEN]) != checksum {
            return Err(HeaderError::Damaged);
        }
        if version != VERSION {
            return Err(HeaderError::Newer(version));
        }
        Ok(Header { first: Position { session, index }, salt })
    }
}
