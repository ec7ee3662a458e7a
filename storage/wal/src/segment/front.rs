//! The front of a segment: its header, and behind it the sessions that failed before. FORMAT.md, "Segment" and "Sealed
//! sessions".

use super::{MARK_LEN, Mark, take};
use crate::Position;

const MAGIC: [u8; 4] = *b"WFWL";
/// Since version 2, sealed sessions may be named behind the header, and the checksum of a record covers its place.
pub(crate) const VERSION: u32 = 2;
/// `magic [u8; 4] | version u32 | session u64 | first index u64 | salt u64 | crc32c u32`, all little-endian.
pub(crate) const HEADER_LEN: usize = 36;
const HEADER_CHECKED_LEN: usize = 32;
/// Stands where the first record has its length; no record is that long.
const SEALED_TAG: u32 = 0xffff_fffe;
/// `tag u32 | count u32`, before the entries.
const SEALED_HEADER_LEN: usize = 8;
/// `first session u64 | last session u64 | durable index u64`.
const SEALED_ENTRY_LEN: usize = 24;
const CHECKSUM_LEN: usize = 4;
/// The most sealed sessions (or runs of them) that one segment names.
pub(crate) const SEALED_MAX: usize = 64;
/// The longest front, in bytes.
pub(crate) const FRONT_LEN_MAX: usize =
    HEADER_LEN + SEALED_HEADER_LEN + SEALED_MAX * SEALED_ENTRY_LEN + CHECKSUM_LEN + MARK_LEN;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) version: u32,
    /// The first record's position.
    pub(crate) first: Position,
    /// A random number of the session that no sender knows; its marks repeat it.
    pub(crate) salt: u64,
}

/// Sessions that failed one after the other, and how many records each had made durable before. The others were reported
/// as not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) first_session: u64,
    /// Inclusive. Greater than the first only where nothing was durable.
    pub(crate) last_session: u64,
    /// Records before this index were durable.
    pub(crate) durable_index: u64,
}

impl Sealed {
    pub(crate) fn contains(self, session: u64) -> bool {
        (self.first_session..=self.last_session).contains(&session)
    }
}

/// What stands before the first record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Front {
    /// None when its bytes are not those that were written.
    pub(crate) header: Option<Header>,
    pub(crate) sealed: Vec<Sealed>,
    /// Bytes up to the first record, or to the mark before it.
    pub(crate) len: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrontError {
    /// The file ends inside the header.
    Torn,
    /// Undamaged, but of a later version.
    Newer(u32),
}

impl Front {
    /// The bytes of a new segment's front, `first` being the position of its first record. `sealed` holds at most
    /// [`SEALED_MAX`].
    pub(crate) fn encode(first: Position, salt: u64, sealed: &[Sealed]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FRONT_LEN_MAX);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&first.session.to_le_bytes());
        bytes.extend_from_slice(&first.index.to_le_bytes());
        bytes.extend_from_slice(&salt.to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        if !sealed.is_empty() {
            encode_sealed(sealed, &mut bytes);
            // Where the list itself is damaged, reading goes on at this mark.
            bytes.extend_from_slice(&Mark { salt, index: first.index }.encode());
        }
        bytes
    }

    /// Reads the front of a segment of which at least [`FRONT_LEN_MAX`] bytes, or all there are, are given.
    pub(crate) fn decode(segment: &[u8]) -> Result<Front, FrontError> {
        let Some((header, behind)) = segment.split_first_chunk::<HEADER_LEN>() else { return Err(FrontError::Torn) };
        let mut reader = header.as_slice();
        let magic: [u8; 4] = take(&mut reader);
        let version = u32::from_le_bytes(take(&mut reader));
        let session = u64::from_le_bytes(take(&mut reader));
        let index = u64::from_le_bytes(take(&mut reader));
        let salt = u64::from_le_bytes(take(&mut reader));
        let checksum = u32::from_le_bytes(take(&mut reader));
        let is_sound = magic == MAGIC && crc32c::crc32c(&header[..HEADER_CHECKED_LEN]) == checksum;
        if is_sound && !(1..=VERSION).contains(&version) {
            return Err(FrontError::Newer(version));
        }
        let header = is_sound.then_some(Header { version, first: Position { session, index }, salt });
        let (sealed, sealed_len) = decode_sealed(behind).unwrap_or_default();
        Ok(Front { header, sealed, len: HEADER_LEN + sealed_len })
    }
}

fn encode_sealed(sealed: &[Sealed], bytes: &mut Vec<u8>) {
    let start = bytes.len();
    bytes.extend_from_slice(&SEALED_TAG.to_le_bytes());
    bytes.extend_from_slice(&(sealed.len() as u32).to_le_bytes());
    for sessions in sealed {
        bytes.extend_from_slice(&sessions.first_session.to_le_bytes());
        bytes.extend_from_slice(&sessions.last_session.to_le_bytes());
        bytes.extend_from_slice(&sessions.durable_index.to_le_bytes());
    }
    bytes.extend_from_slice(&crc32c::crc32c(&bytes[start..]).to_le_bytes());
}

/// The list at the front of `bytes` and its length, if one stands there undamaged.
fn decode_sealed(bytes: &[u8]) -> Option<(Vec<Sealed>, usize)> {
    let (&header, _) = bytes.split_first_chunk::<SEALED_HEADER_LEN>()?;
    let mut reader = header.as_slice();
    let tag = u32::from_le_bytes(take(&mut reader));
    let count = usize::try_from(u32::from_le_bytes(take(&mut reader))).ok()?;
    if tag != SEALED_TAG || count > SEALED_MAX {
        return None;
    }
    let (checked, behind) = bytes.split_at_checked(SEALED_HEADER_LEN + count * SEALED_ENTRY_LEN)?;
    let (checksum, _) = behind.split_first_chunk::<CHECKSUM_LEN>()?;
    if crc32c::crc32c(checked) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let (entries, _) = checked[SEALED_HEADER_LEN..].as_chunks::<SEALED_ENTRY_LEN>();
    let sealed = entries.iter().map(|entry| {
        let mut reader = entry.as_slice();
        let mut number = || u64::from_le_bytes(take(&mut reader));
        Sealed { first_session: number(), last_session: number(), durable_index: number() }
    });
    Some((sealed.collect(), checked.len() + CHECKSUM_LEN))
}
