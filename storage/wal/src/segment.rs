//! One file of the log: a header and records. Everything here works on bytes; FORMAT.md draws them.

use crate::Position;

const MAGIC: [u8; 4] = *b"WFWL";
pub(crate) const VERSION: u32 = 1;
/// `magic [u8; 4] | version u32 | session u64 | first index u64 | crc32c u32`, all little-endian.
pub(crate) const HEADER_LEN: usize = 28;
const HEADER_CHECKED_LEN: usize = 24;
/// `len u32 | crc32c u32`, before the payload.
pub(crate) const RECORD_HEADER_LEN: usize = 8;

/// What stands at the front of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The first record's position.
    pub(crate) first: Position,
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
        let checksum = u32::from_le_bytes(take(&mut reader));
        if magic != MAGIC || crc32c::crc32c(&header[..HEADER_CHECKED_LEN]) != checksum {
            return Err(HeaderError::Damaged);
        }
        if version != VERSION {
            return Err(HeaderError::Newer(version));
        }
        Ok(Header { first: Position { session, index } })
    }
}

/// Adds one record. `payload` is at most `u32::MAX` bytes: [`crate::WalOptions::record_bytes_max`] sees to it.
pub(crate) fn encode_record(payload: &[u8], buffer: &mut Vec<u8>) {
    let len = u32::try_from(payload.len()).expect("the log refuses records beyond u32::MAX bytes").to_le_bytes();
    buffer.reserve(RECORD_HEADER_LEN + payload.len());
    buffer.extend_from_slice(&len);
    buffer.extend_from_slice(&checksum(len, payload).to_le_bytes());
    buffer.extend_from_slice(payload);
}

/// One step through the records of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    Record(&'a [u8]),
    /// So many records whose checksums fail, but whose lengths lead to a sound one.
    Damaged {
        records: u64,
    },
    /// From here on nothing can be told apart: so many bytes are left.
    Lost {
        bytes: u64,
    },
}

/// Walks over the records of a segment.
#[derive(Debug)]
pub(crate) struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// `bytes` begin behind the header.
    pub(crate) fn new(bytes: &'a [u8]) -> Records<'a> {
        Records { rest: bytes }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Step<'a>;

    fn next(&mut self) -> Option<Step<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        // The length may itself be what is damaged. It is believed only when it leads to a sound record: looking for
        // one at every byte instead would find those that a sender wrote into a payload.
        let mut at = self.rest;
        let mut damaged = 0;
        while let Some(record) = RawRecord::split(at) {
            match (record.is_sound(), damaged) {
                (true, 0) => {
                    self.rest = record.behind;
                    return Some(Step::Record(record.payload));
                }
                (true, records) => {
                    self.rest = at;
                    return Some(Step::Damaged { records });
                }
                (false, _) => damaged += 1,
            }
            at = record.behind;
        }
        let bytes = self.rest.len() as u64;
        self.rest = &[];
        Some(Step::Lost { bytes })
    }
}

/// A record whose header and length fit, unchecked.
struct RawRecord<'a> {
    len: [u8; 4],
    checksum: u32,
    payload: &'a [u8],
    behind: &'a [u8],
}

impl<'a> RawRecord<'a> {
    fn split(bytes: &'a [u8]) -> Option<RawRecord<'a>> {
        let (&len, rest) = bytes.split_first_chunk::<4>()?;
        let (&checksum, rest) = rest.split_first_chunk::<4>()?;
        let (payload, behind) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(len)).ok()?)?;
        Some(RawRecord { len, checksum: u32::from_le_bytes(checksum), payload, behind })
    }

    fn is_sound(&self) -> bool {
        checksum(self.len, self.payload) == self.checksum
    }
}

/// Covers the length too: thus a run of zeros is not a record.
fn checksum(len: [u8; 4], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&len), payload)
}

/// Takes `N` bytes off the front; the callers stay within an array of known length.
fn take<const N: usize>(reader: &mut &[u8]) -> [u8; N] {
    let (taken, rest) = reader.split_first_chunk::<N>().expect("the header's fields add up to its length");
    *reader = rest;
    *taken
}

#[cfg(test)]
mod tests;
