//! The log's files as a listing and their fronts tell of them.

use crate::Position;
use crate::segment::{FRONT_LEN_MAX, Front, FrontError, Sealed, VERSION};
use watchfire_store::{Storage, StorageError};

/// A file of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) key: String,
    /// Place in its session, from 0.
    pub(crate) seq: u64,
    /// Position of the first record, as far as that can be told without reading what is before it.
    pub(crate) first: Position,
    /// After every record of this file; index `u64::MAX` until something tells more.
    pub(crate) end: Position,
    pub(crate) bytes: u64,
}

/// The key of a segment.
pub(crate) fn segment_key(directory: &str, session: u64, seq: u64) -> String {
    format!("{directory}/{session:010}/{seq:010}")
}

/// Everything on disk, and the sessions that their successors say were sealed.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// By session and place in it.
    pub(crate) segments: Vec<Segment>,
    pub(crate) sealed: Vec<Sealed>,
}

impl Files {
    /// Lists the log and reads the front of each file.
    ///
    /// # Errors
    /// [`StorageError::Newer`] for a segment of a later version.
    pub(crate) fn survey(storage: &dyn Storage, directory: &str) -> Result<Files, StorageError> {
        let mut files = Files { segments: list(storage, directory)?, sealed: Vec::new() };
        for index in 0..files.segments.len() {
            let segment = &mut files.segments[index];
            let Some(front) = read_front(storage, &segment.key)? else { continue };
            files.sealed.extend(front.sealed);
            let Some(header) = front.header.filter(|header| header.first.session == segment.first.session) else {
                continue;
            };
            segment.first = header.first;
            let before = index.checked_sub(1).map(|before| &mut files.segments[before]);
            if let Some(before) = before.filter(|before| before.first.session == header.first.session) {
                before.end = header.first;
            }
        }
        Ok(files)
    }

    pub(crate) fn session_max(&self) -> u64 {
        self.segments.last().map_or(0, |segment| segment.first.session)
    }
}

/// The front of a segment; none where the file ends inside it.
pub(crate) fn read_front(storage: &dyn Storage, key: &str) -> Result<Option<Front>, StorageError> {
    decode_front(key, &storage.read_range(key, 0, FRONT_LEN_MAX)?)
}

pub(crate) fn decode_front(key: &str, bytes: &[u8]) -> Result<Option<Front>, StorageError> {
    match Front::decode(bytes) {
        Ok(front) => Ok(Some(front)),
        Err(FrontError::Torn) => Ok(None),
        Err(FrontError::Newer(found)) => Err(StorageError::Newer { key: key.to_owned(), found, known: VERSION }),
    }
}

/// The log's files, each as if it began its session. Keys of another shape are not ours.
fn list(storage: &dyn Storage, directory: &str) -> Result<Vec<Segment>, StorageError> {
    let prefix = format!("{directory}/");
    let mut segments = Vec::new();
    for object in storage.list(&prefix)? {
        let numbers = object.key.strip_prefix(&prefix).and_then(|rest| rest.split_once('/'));
        let Some((session, seq)) = numbers else { continue };
        let (Ok(session), Ok(seq)) = (session.parse(), seq.parse()) else { continue };
        if object.key == segment_key(directory, session, seq) {
            segments.push(Segment {
                key: object.key,
                seq,
                first: Position { session, index: 0 },
                end: Position { session, index: u64::MAX },
                bytes: object.size,
            });
        }
    }
    segments.sort_by_key(|segment| (segment.first.session, segment.seq));
    Ok(segments)
}
