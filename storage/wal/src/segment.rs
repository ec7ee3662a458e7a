//! One file of the log: a header, then batches of records, each followed by a mark. Everything here works on bytes;
//! FORMAT.md draws them.

mod front;
mod mark;

#[cfg(test)]
pub(crate) use front::HEADER_LEN;
pub(crate) use front::{FRONT_LEN_MAX, Front, FrontError, Header, SEALED_MAX, Sealed, VERSION};
pub(crate) use mark::{MARK_LEN, Mark};

/// `len u32 | crc32c u32`, before the payload.
pub(crate) const RECORD_HEADER_LEN: usize = 8;
/// The longest payload, in bytes: the lengths beyond it begin a mark or the list of sealed sessions.
pub(crate) const PAYLOAD_LEN_MAX: usize = u32::MAX as usize - 2;

/// Adds one record, the one at `place`, and makes room for the mark behind it. `payload` is at most [`PAYLOAD_LEN_MAX`]
/// bytes.
pub(crate) fn encode_record(place: Mark, payload: &[u8], buffer: &mut Vec<u8>) {
    buffer.reserve(RECORD_HEADER_LEN + payload.len() + MARK_LEN);
    buffer.extend_from_slice(&record_header(place, payload));
    buffer.extend_from_slice(payload);
}

/// What stands before the payload of the record at `place`.
pub(crate) fn record_header(place: Mark, payload: &[u8]) -> [u8; RECORD_HEADER_LEN] {
    let len = u32::try_from(payload.len()).expect("the log refuses records beyond PAYLOAD_LEN_MAX").to_le_bytes();
    let checksum = checksum(place, len, payload).to_le_bytes();
    let mut header = [0; RECORD_HEADER_LEN];
    header[..4].copy_from_slice(&len);
    header[4..].copy_from_slice(&checksum);
    header
}

/// One step through the records of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// Where a walk over the records of a segment stands, between one piece of it and the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk {
    /// Index of the next record, and the salt; none where the header does not tell and no mark was reached yet.
    known: Option<Mark>,
    /// Of the segment; none where the header does not tell.
    version: Option<u32>,
    /// For so many bytes, lengths lead from record to record even where checksums fail.
    believed: usize,
}

impl Walk {
    /// Begins behind the header, which is as good as a mark if it is sound.
    pub(crate) fn new(header: Option<Header>) -> Walk {
        let known = header.map(|header| Mark { salt: header.salt, index: header.first.index });
        Walk { known, version: header.map(|header| header.version), believed: 0 }
    }
}

/// Walks over the records in one piece of a segment. Ends where more bytes are needed to say what comes next, which is
/// never the case in the last piece.
#[derive(Debug)]
pub(crate) struct Records<'a> {
    rest: &'a [u8],
    /// Bytes of the segment behind this piece.
    behind: u64,
    walk: Walk,
}

impl<'a> Records<'a> {
    /// `piece` begins where the walk stands.
    pub(crate) fn new(piece: &'a [u8], behind: u64, walk: Walk) -> Records<'a> {
        Records { rest: piece, behind, walk }
    }

    /// Bytes of the piece that belong to the next one, and the walk to go on with there.
    pub(crate) fn stop(self) -> (usize, Walk) {
        (self.rest.len(), self.walk)
    }

    fn mark(&self, known: Mark) -> Option<Mark> {
        Mark::decode(self.rest).filter(|mark| mark.is_behind(known))
    }

    fn is_sound(&self, record: &RawRecord<'_>, place: Mark) -> bool {
        match self.walk.version {
            Some(1) => record.is_sound_in_version_1(),
            Some(_) => record.is_sound(place),
            None => record.is_sound(place) || record.is_sound_in_version_1(),
        }
    }

    /// Without a header, salt and first index follow from the first mark that the lengths of records lead to. A mark
    /// inside a payload is not where a record ends.
    fn begin(&mut self) -> Option<Step<'a>> {
        let mut rest = self.rest;
        let mut count = 0;
        loop {
            if let Some(mark) = Mark::decode(rest) {
                let Some(index) = mark.index.checked_sub(count) else { return Some(self.lose()) };
                self.walk.known = Some(Mark { index, ..mark });
                return Some(Step::Mark { index });
            }
            let Some(record) = RawRecord::split(rest) else {
                return if self.is_cut(rest) { None } else { Some(self.lose()) };
            };
            rest = record.behind;
            count += 1;
        }
    }

    fn lose(&mut self) -> Step<'a> {
        let bytes = self.rest.len() as u64 + self.behind;
        self.rest = &[];
        Step::Lost { bytes }
    }

    /// Whether what comes next may only be cut off by the end of the piece.
    fn is_cut(&self, rest: &[u8]) -> bool {
        let left = rest.len() as u64 + self.behind;
        self.behind > 0
            && match RawRecord::len(rest) {
                _ if rest.len() < MARK_LEN => true,
                Some(len) => len > rest.len() as u64 && len <= left,
                None => true,
            }
    }

    /// Finds the way out of damage. A length may itself be what is damaged: lengths are believed when they lead to the
    /// next mark in as many records as that says. Looking for a record at every byte instead would find those that a
    /// sender wrote into a payload. None when the mark may be in the next piece.
    fn step_over_damage(&mut self, known: Mark) -> Option<Step<'a>> {
        let Some((len, mark)) = Mark::find(self.rest, known) else {
            return if self.behind > 0 { None } else { Some(self.lose()) };
        };
        let batch = &self.rest[..len];
        let is_whole = |records: &[u8]| {
            count_records(records).is_some_and(|count| known.index.checked_add(count) == Some(mark.index))
        };
        self.walk.believed = len;
        if is_whole(batch) {
            return Some(self.step_over_record());
        }
        if batch.get(MARK_LEN..).is_some_and(is_whole) {
            self.go_on_at(&self.rest[MARK_LEN..]);
            return Some(Step::DamagedMark);
        }
        self.go_on_at(&self.rest[len..]);
        Some(Step::Skipped)
    }

    fn step_over_record(&mut self) -> Step<'a> {
        let record = RawRecord::split(self.rest).expect("lengths up to the next mark were followed before");
        self.go_on_at(record.behind);
        self.count_record();
        Step::Damaged
    }

    fn go_on_at(&mut self, rest: &'a [u8]) {
        self.walk.believed = self.walk.believed.saturating_sub(self.rest.len() - rest.len());
        self.rest = rest;
    }

    fn count_record(&mut self) {
        if let Some(known) = &mut self.walk.known {
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
        let Some(known) = self.walk.known else { return self.begin() };
        if let Some(mark) = self.mark(known) {
            self.walk.known = Some(mark);
            self.go_on_at(&self.rest[MARK_LEN..]);
            return Some(Step::Mark { index: mark.index });
        }
        if let Some(record) = RawRecord::split(self.rest).filter(|record| self.is_sound(record, known)) {
            self.go_on_at(record.behind);
            self.count_record();
            return Some(Step::Record(record.payload));
        }
        if self.walk.believed > 0 {
            return Some(self.step_over_record());
        }
        if self.is_cut(self.rest) {
            return None;
        }
        self.step_over_damage(known)
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
    /// Bytes of the record at the front, header and payload; none when even the length is cut off.
    fn len(bytes: &[u8]) -> Option<u64> {
        let (&len, _) = bytes.split_first_chunk::<4>()?;
        Some(RECORD_HEADER_LEN as u64 + u64::from(u32::from_le_bytes(len)))
    }

    fn split(bytes: &'a [u8]) -> Option<RawRecord<'a>> {
        let (&len, rest) = bytes.split_first_chunk::<4>()?;
        let (&checksum, rest) = rest.split_first_chunk::<4>()?;
        let (payload, behind) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(len)).ok()?)?;
        Some(RawRecord { len, checksum: u32::from_le_bytes(checksum), payload, behind })
    }

    fn is_sound(&self, place: Mark) -> bool {
        checksum(place, self.len, self.payload) == self.checksum
    }

    fn is_sound_in_version_1(&self) -> bool {
        crc32c::crc32c_append(crc32c::crc32c(&self.len), self.payload) == self.checksum
    }
}

/// Covers the length too, so that a run of zeros is no record, and the place: a copy elsewhere in the log is none either.
fn checksum(place: Mark, len: [u8; 4], payload: &[u8]) -> u32 {
    let mut front = [0; 20];
    front[..8].copy_from_slice(&place.salt.to_le_bytes());
    front[8..16].copy_from_slice(&place.index.to_le_bytes());
    front[16..].copy_from_slice(&len);
    crc32c::crc32c_append(crc32c::crc32c(&front), payload)
}

/// Takes `N` bytes off the front; the callers stay within an array of known length.
fn take<const N: usize>(reader: &mut &[u8]) -> [u8; N] {
    let (taken, rest) = reader.split_first_chunk::<N>().expect("the fields add up to the array's length");
    *reader = rest;
    *taken
}

#[cfg(test)]
mod tests;
