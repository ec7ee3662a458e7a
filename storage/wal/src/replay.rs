//! Reads what earlier sessions left behind.

use crate::Position;
use crate::segment::{HEADER_LEN, Header, HeaderError, Mark, Records, Step, VERSION};
use std::collections::BTreeMap;
use watchfire_store::{Storage, StorageError};

/// What reading the log at its opening found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replay {
    /// Records handed out.
    pub records: u64,
    /// Payload bytes handed out.
    pub bytes: u64,
    /// Bytes at the ends of sessions that were being written when the process or the machine died. Nobody was told
    /// that they are stored.
    pub torn_bytes: u64,
    /// Records (and headers and marks of segments) that are not what was written, or that are missing between others.
    pub damaged_records: u64,
}

/// A file of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) key: String,
    /// Position of the first record.
    pub(crate) first: Position,
    /// After every record of this file.
    pub(crate) end: Position,
    pub(crate) bytes: u64,
}

/// The key of a segment.
pub(crate) fn segment_key(directory: &str, session: u64, seq: u64) -> String {
    format!("{directory}/{session:010}/{seq:010}")
}

/// What is on disk: its segments in order, and the greatest session among them.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) segments: Vec<Segment>,
    pub(crate) session_max: u64,
    pub(crate) replay: Replay,
}

/// Hands every record at or after `from` to `visit`, in order.
pub(crate) fn replay(
    storage: &dyn Storage,
    directory: &str,
    from: Position,
    visit: &mut dyn FnMut(Position, &[u8]),
) -> Result<Found, StorageError> {
    let mut found = Found::default();
    for (session, files) in sessions(storage, directory)? {
        found.session_max = found.session_max.max(session);
        if session < from.session {
            found.segments.extend(files.into_values().map(|file| Segment {
                key: file.key,
                first: Position { session, index: 0 },
                end: Position { session, index: u64::MAX },
                bytes: file.size,
            }));
            continue;
        }
        let mut reader = SessionReader::new(session, from, visit, &mut found.replay);
        let last = files.keys().next_back().copied();
        for (seq, file) in files {
            let bytes = storage.read(&file.key)?;
            let first = reader.read(&file.key, &bytes, seq, last == Some(seq))?;
            let end = reader.next;
            found.segments.push(Segment { key: file.key, first, end, bytes: file.size });
        }
    }
    Ok(found)
}

type Files = BTreeMap<u64, watchfire_store::Object>;

/// The log's files by session and sequence number. Keys of another shape are not ours.
fn sessions(storage: &dyn Storage, directory: &str) -> Result<BTreeMap<u64, Files>, StorageError> {
    let prefix = format!("{directory}/");
    let mut sessions: BTreeMap<u64, Files> = BTreeMap::new();
    for object in storage.list(&prefix)? {
        let numbers = object.key.strip_prefix(&prefix).and_then(|rest| rest.split_once('/'));
        let Some((session, seq)) = numbers else { continue };
        let (Ok(session), Ok(seq)) = (session.parse(), seq.parse()) else { continue };
        if object.key == segment_key(directory, session, seq) {
            sessions.entry(session).or_default().insert(seq, object);
        }
    }
    Ok(sessions)
}

/// Reads the segments of one session in order.
struct SessionReader<'a> {
    from: Position,
    /// Position of the next record, as far as what was read tells.
    next: Position,
    /// Something before could not be read: `next` may be too small.
    uncertain: bool,
    visit: &'a mut dyn FnMut(Position, &[u8]),
    replay: &'a mut Replay,
}

impl<'a> SessionReader<'a> {
    fn new(
        session: u64,
        from: Position,
        visit: &'a mut dyn FnMut(Position, &[u8]),
        replay: &'a mut Replay,
    ) -> SessionReader<'a> {
        SessionReader { from, next: Position { session, index: 0 }, uncertain: false, visit, replay }
    }

    /// Reads one segment and returns the position of its first record.
    fn read(&mut self, key: &str, bytes: &[u8], seq: u64, is_last: bool) -> Result<Position, StorageError> {
        let header = match Header::decode(bytes) {
            Ok(header) if header.first.session == self.next.session && header.first >= self.next => {
                self.go_to(header.first);
                Some(Mark { salt: header.salt, index: header.first.index })
            }
            Err(HeaderError::Newer(found)) => {
                return Err(StorageError::Newer { key: key.to_owned(), found, known: VERSION });
            }
            Err(HeaderError::Torn) => {
                self.lose(bytes.len() as u64, is_last);
                return Ok(self.next);
            }
            Ok(_) | Err(HeaderError::Damaged) => {
                self.guess_position(seq);
                None
            }
        };
        let first = self.next;
        self.uncertain = false;
        for step in Records::new(&bytes[HEADER_LEN..], header) {
            match step {
                Step::Record(payload) => self.hand_out(payload),
                Step::Damaged => {
                    self.replay.damaged_records += 1;
                    self.next.index = self.next.index.saturating_add(1);
                }
                Step::DamagedMark => self.replay.damaged_records += 1,
                Step::Mark { index } => self.go_to(Position { index, ..self.next }),
                Step::Skipped => self.uncertain = true,
                Step::Lost { bytes } => self.lose(bytes, is_last),
            }
        }
        if header.is_none() && self.next > first {
            self.replay.damaged_records += 1;
        }
        Ok(first)
    }

    fn hand_out(&mut self, payload: &[u8]) {
        if self.next >= self.from {
            (self.visit)(self.next, payload);
            self.replay.records += 1;
            self.replay.bytes += payload.len() as u64;
        }
        self.next.index = self.next.index.saturating_add(1);
    }

    /// Nothing can be told apart up to the segment's end: torn at the end of a session, else damage that the next header
    /// puts a number to.
    fn lose(&mut self, bytes: u64, is_last: bool) {
        if is_last {
            self.replay.torn_bytes += bytes;
        } else {
            self.uncertain = true;
        }
    }

    /// A header or mark says which record comes next, and thereby how many before it could not be read. Those before
    /// `from` are not counted: nobody needs them any more.
    fn go_to(&mut self, next: Position) {
        let expected = self.next.max(self.from);
        if next > expected {
            self.replay.damaged_records += next.index - expected.index;
        } else if self.uncertain {
            // Only a mark was hit.
            self.replay.damaged_records += 1;
        }
        self.next = self.next.max(next);
        self.uncertain = false;
    }

    /// Where the segment begins when its own header cannot tell. Rather too late than too early: a record is then
    /// handed out twice rather than never.
    fn guess_position(&mut self, seq: u64) {
        if self.uncertain {
            self.replay.damaged_records += 1;
        }
        let is_exact = seq == 0 || (self.next.index > 0 && !self.uncertain);
        if !is_exact && self.next.session == self.from.session {
            self.next = self.next.max(self.from);
        }
    }
}
