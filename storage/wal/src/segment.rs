//! One file of the log: a header, then batches of records, each followed by a mark. Everything here works on bytes;
//! FORMAT.md draws them.

mod header;
mod mark;

pub(crate) use header::{HEADER_LEN, Header, HeaderError, VERSION};
pub(crate) use mark::{MARK_LEN, Mark};

/// `len u32 | crc32c u32`, before the payload.
pub(crate) const RECORD_HEADER_LEN: usize = 8;
/// The longest payload, in bytes: the length beyond it begins a mark.
pub(crate) const PAYLOAD_LEN_MAX: usize = u32::MAX as usize - 1;

/// Adds one record. `payload` is at most [`PAYLOAD_LEN_MAX`] bytes.
pub(crate) fn encode_record(payload: &[u8], buffer: &mut Vec<u8>) {
    let len = u32::try_from(payload.len()).expect("the log refuses records beyond PAYLOAD_LEN_MAX").to_le_bytes();
    buffer.reserve(RECORD_HEADER_LEN + payload.len());
    buffer.extend_from_slice(&len);
    buffer.extend_from_slice(&checksum(len, payload).to_le_bytes());
    buffer.extend_from_slice(payload);
}

/// One step through the records of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    Record(&'a [u8]),
    /// The next record has this index.
    Mark {
        index: u64,
    },
    /// A record whose checksum fails; the next step goes on behind it.
    Damaged,
    DamagedMark,
    /// Nothing can be told apart up to the next mark, which is the next step.
    Skipped,
    /// Nothing can be told apart up to the end: so many bytes are left.
    Lost {
        bytes: u64,
    },
}

/// Walks over the records of a segment.
#[derive(Debug)]
pub(crate) struct Records<'a> {
    rest: &'a [u8],
    /// What the header says; where that is damaged, what the first mark says.
    known: Option<Mark>,
    /// While more than this is left, lengths lead from record to record even where checksums fail.
    believed_until: usize,
}

impl<'a> Records<'a> {
    /// `bytes` begin behind the header, which is as good as a mark if it is sound.
    pub(crate) fn new(bytes: &'a [u8], header: Option<Mark>) -> Records<'a> {
        Records { rest: bytes, known: header, believed_until: bytes.len() }
    }

    fn mark(&self) -> Option<Mark> {
        Mark::decode(self.rest).filter(|mark| self.known.is_none_or(|known| known.salt == mark.salt))
    }

    /// Finds the way out of damage. A length may itself be what is damaged: lengths are believed when they lead to the
    /// next mark in as many records as that says. Looking for a record at every byte instead would find those that a
    /// sender wrote into a payload.
    fn step_over_damage(&mut self) -> Step<'a> {
        let next = self.known.and_then(|known| Some((known.index, Mark::find(self.rest, known.salt)?)));
        let Some((index, (len, mark))) = next else {
            let bytes = self.rest.len() as u64;
            self.rest = &[];
            return Step::Lost { bytes };
        };
        let batch = &self.rest[..len];
        let is_whole =
            |records: &[u8]| count_records(records).is_some_and(|count| index.checked_add(count) == Some(mark.index));
        self.believed_until = self.rest.len() - len;
        if is_whole(batch) {
            return self.step_over_record();
        }
        if batch.get(MARK_LEN..).is_some_and(is_whole) {
            self.rest = &self.rest[MARK_LEN..];
            return Step::DamagedMark;
        }
        self.rest = &self.rest[len..];
        Step::Skipped
    }

    fn step_over_record(&mut self) -> Step<'a> {
        let record = RawRecord::split(self.rest).expect("lengths up to the next mark were followed before");
        self.rest = record.behind;
        self.count_record();
        Step::Damaged
    }

    fn count_record(&mut self) {
        if let Some(known) = &mut self.known {
            known.index = known.index.saturating_add(1);
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Step<'a>;

    fn next(&mut self) -> Option<Step<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        if let Some(mark) = self.mark() {
            self.known = Some(mark);
            self.rest = &self.rest[MARK_LEN..];
            return Some(Step::Mark { index: mark.index });
        }
        if let Some(record) = RawRecord::split(self.rest).filter(RawRecord::is_sound) {
            self.rest = record.behind;
            self.count_record();
            return Some(Step::Record(record.payload));
        }
        if self.rest.len() > self.believed_until {
            return Some(self.step_over_record());
        }
        Some(self.step_over_damage())
    }
}

/// How many records the bytes hold by their lengths; none when these do not lead to the end.
fn count_records(mut bytes: &[u8]) -> Option<u64> {
    let mut count = 0;
    while !bytes.is_empty() {
        bytes = RawRecord::split(bytes)?.behind;
        count += 1;
    }
    Some(count)
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
    let (taken, rest) = reader.split_first_chunk::<N>().expect("the fields add up to the array's length");
    *reader = rest;
    *taken
}

#[cfg(test)]
mod tests;
