//! The file being written. One thread at a time owns it.

use super::Wal;
use crate::Position;
use crate::files::segment_key;
use crate::segment::{Front, Mark, Sealed};
use std::time::Instant;
use watchfire_store::{AppendFile, StorageError, crash_point};

/// A buffer that has grown beyond this many bytes is not kept for the next batch. Room for two bodies of HTTP requests as
/// common senders fill them: taking the memory anew for each batch costs more than copying it.
const SPARE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Encoded records on their way to the file; the payload of the last one may be elsewhere.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) records: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// Written only: a later commit syncs.
    Later,
    Now,
}

#[derive(Debug)]
pub(super) struct Writer {
    file: Option<OpenFile>,
    /// Sequence number of the next segment.
    next_seq: u64,
    /// The session's.
    salt: u64,
    /// Sessions before this one that failed: what every segment of it says.
    sealed: Vec<Sealed>,
    spare: Batch,
}

#[derive(Debug)]
struct OpenFile {
    file: Box<dyn AppendFile>,
    bytes: u64,
    /// Holds bytes that no sync has covered.
    is_dirty: bool,
}

/// What a write has achieved, be it all or a part.
#[derive(Debug)]
pub(super) struct Written {
    /// Key of the segment begun with this batch.
    pub(super) opened: Option<String>,
    /// Its place in the session.
    pub(super) seq: u64,
    /// Bytes added to the segment, be they durable or not.
    pub(super) bytes: u64,
    /// Records before this index of the session are durable.
    pub(super) durable_index: Option<u64>,
    pub(super) result: Result<(), StorageError>,
}

impl Writer {
    /// Writes a new session; those in `sealed` failed before it.
    pub(super) fn new(salt: u64, sealed: Vec<Sealed>) -> Writer {
        Writer { file: None, next_seq: 0, salt, sealed, spare: Batch::default() }
    }

    /// An empty buffer for the batch after the one to be written.
    pub(super) fn take_spare(&mut self) -> Batch {
        std::mem::take(&mut self.spare)
    }

    pub(super) fn keep_spare(&mut self, mut batch: Batch) {
        if batch.bytes.capacity() <= SPARE_BYTES_MAX {
            batch.bytes.clear();
            batch.records = 0;
            self.spare = batch;
        }
    }

    /// Writes the batch, whose first record stands at `first`, and the rest of its last record; begins a new segment where
    /// the old one is full.
    pub(super) fn write(
        &mut self,
        wal: &Wal,
        first: Position,
        batch: &mut Batch,
        last_payload: &[u8],
        durability: Durability,
    ) -> Written {
        let mut written = Written { opened: None, seq: 0, bytes: 0, durable_index: None, result: Ok(()) };
        written.result = self.try_write(wal, first, batch, last_payload, durability, &mut written);
        written
    }

    fn try_write(
        &mut self,
        wal: &Wal,
        first: Position,
        batch: &mut Batch,
        last_payload: &[u8],
        durability: Durability,
        written: &mut Written,
    ) -> Result<(), StorageError> {
        if batch.records > 0 {
            if self.file.as_ref().is_some_and(|open| open.bytes >= wal.options.segment_bytes_max) {
                self.sync(wal)?;
                written.durable_index = Some(first.index);
                self.file = None;
            }
            self.append(wal, first, batch, last_payload, written)?;
        }
        if durability == Durability::Now {
            self.sync(wal)?;
            written.durable_index = Some(first.index + batch.records);
        }
        Ok(())
    }

    /// Writes the batch, the rest of its last record and its mark, at the front of a new segment where none is open.
    fn append(
        &mut self,
        wal: &Wal,
        first: Position,
        batch: &mut Batch,
        last_payload: &[u8],
        written: &mut Written,
    ) -> Result<(), StorageError> {
        let open = if let Some(open) = &mut self.file {
            open
        } else {
            let key = segment_key(&wal.directory, first.session, self.next_seq);
            let file = wal.storage.append(&key)?;
            written.opened = Some(key);
            written.seq = self.next_seq;
            self.next_seq += 1;
            crash_point("wal.write.segment_created");
            let open = self.file.insert(OpenFile { file, bytes: 0, is_dirty: true });
            open.append(&Front::encode(first, self.salt, &self.sealed), written)?;
            open
        };
        let mark = Mark { salt: self.salt, index: first.index + batch.records }.encode();
        if last_payload.is_empty() {
            batch.bytes.extend_from_slice(&mark);
            open.append(&batch.bytes, written)?;
        } else {
            open.append(&batch.bytes, written)?;
            open.append(last_payload, written)?;
            open.append(&mark, written)?;
        }
        crash_point("wal.write.written");
        Ok(())
    }

    fn sync(&mut self, wal: &Wal) -> Result<(), StorageError> {
        let Some(open) = self.file.as_mut().filter(|open| open.is_dirty) else { return Ok(()) };
        let start = Instant::now();
        let synced = open.file.sync();
        wal.metrics.fsyncs.inc();
        wal.metrics.fsync_seconds.inc_by(start.elapsed().as_secs_f64());
        synced?;
        open.is_dirty = false;
        crash_point("wal.write.synced");
        Ok(())
    }
}

impl OpenFile {
    fn append(&mut self, bytes: &[u8], written: &mut Written) -> Result<(), StorageError> {
        self.is_dirty = true;
        self.bytes += bytes.len() as u64;
        written.bytes += bytes.len() as u64;
        self.file.append(bytes)
    }
}
