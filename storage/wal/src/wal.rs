//! The log while it is open: buffer, group commit, sealing after errors.

mod failed;
mod release;
mod writer;

use crate::files::{Files, Segment};
use crate::segment::{Mark, PAYLOAD_LEN_MAX, Sealed, encode_record, record_header};
use crate::{Metrics, Position};
use failed::FailedSessions;
use parking_lot::{Condvar, Mutex, MutexGuard};
use release::Kept;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use watchfire_store::{Storage, StorageError, crash_point};
use writer::{Batch, Durability, Writer};

/// An append that leaves this many bytes waiting hands them to the file without waiting for a commit; a payload of as many is
/// not copied for that.
const WRITE_THROUGH_BYTES: usize = 256 * 1024;
/// While a commit is under way, appends pile up to this many bytes (and one record); then they wait for it.
const BUFFER_BYTES_MAX: usize = 32 * 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalOptions {
    /// A segment that has reached this many bytes is closed. It may exceed them by what was appended during one fsync.
    pub segment_bytes_max: u64,
    /// The largest payload, in bytes; at most `u32::MAX - 2`.
    pub record_bytes_max: usize,
    /// Released segments stay on disk for [`Wal::reread`] up to this many bytes; 0 for none. The oldest go first, and all
    /// of them when the disk is nearly full.
    pub keep_bytes: u64,
}

impl Default for WalOptions {
    fn default() -> WalOptions {
        WalOptions { segment_bytes_max: 64 * 1024 * 1024, record_bytes_max: 64 * 1024 * 1024, keep_bytes: 0 }
    }
}

/// Why the log could not be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WalError {
    #[error("a record of {len} bytes exceeds the limit of {max}")]
    TooLarge { len: usize, max: usize },
    /// A write or fsync failed before the record was durable. It never will be: it has to be appended again.
    #[error("the log could not make record {} of session {} durable", position.index, position.session)]
    Sealed { position: Position, source: Arc<StorageError> },
    #[error(transparent)]
    Storage(Arc<StorageError>),
}

impl From<StorageError> for WalError {
    fn from(error: StorageError) -> WalError {
        WalError::Storage(Arc::new(error))
    }
}

/// A log of records that is written in batches and read when it is opened.
///
/// Appended records are buffered: until [`Wal::commit`] returns they may be lost. After a failed write or fsync the
/// session is sealed: of its records, those not durable by then are refused for ever, and the next append begins a new
/// session on a new file, which says so: as soon as anything of it is durable, no replay hands the refused records out.
/// Only when the process dies before that may some of them come back. Dropping the log writes nothing.
#[derive(Debug)]
pub struct Wal {
    pub(crate) storage: Arc<dyn Storage>,
    directory: String,
    options: WalOptions,
    /// The first session of this opening: everything before it was on disk already.
    session_opened: u64,
    /// Sessions of earlier openings that failed, as far as files on disk name them.
    pub(crate) sealed_before: Vec<Sealed>,
    pub(crate) state: Mutex<State>,
    /// Signals that a writer has returned.
    written: Condvar,
    /// Bytes of the backlog: read so far, and all.
    pub(crate) replay_done: AtomicU64,
    pub(crate) replay_total: AtomicU64,
    metrics: Metrics,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) session: u64,
    /// Random, for this session: no sender knows it.
    salt: u64,
    /// Index of the next record.
    next_index: u64,
    /// Records before this index are durable.
    durable_index: u64,
    /// Records appended but not yet given to the file.
    batch: Batch,
    /// Absent while a thread writes or syncs: who takes it out owns the file.
    writer: Option<Writer>,
    /// Not yet released.
    pub(crate) segments: Vec<Segment>,
    pub(crate) kept: Kept,
    failed: FailedSessions,
    /// Key of the segment that was scrubbed last, until the round is complete.
    pub(crate) scrubbed: Option<String>,
}

impl Wal {
    /// A log whose next session is `session`, with what is on disk; what stands before `from` is released.
    pub(crate) fn new(
        storage: Arc<dyn Storage>,
        directory: &str,
        options: WalOptions,
        from: Position,
        session: u64,
        files: Files,
    ) -> Wal {
        let wal = Wal {
            storage,
            directory: directory.to_owned(),
            options,
            session_opened: session,
            state: Mutex::new(State::new(session, files.segments, from, &files.sealed)),
            sealed_before: files.sealed,
            written: Condvar::new(),
            replay_done: AtomicU64::new(0),
            replay_total: AtomicU64::new(0),
            metrics: Metrics::default(),
        };
        wal.measure(&wal.state.lock());
        wal
    }

    /// Adds a record after all earlier ones; buffered, not durable until committed. Does not wait for an fsync under
    /// way, unless a buffer of 32 MiB is full.
    ///
    /// # Errors
    /// [`WalError::Sealed`] when the buffer had to be written and that failed: the record is not in the log.
    pub fn append(&self, payload: &[u8]) -> Result<Position, WalError> {
        let max = self.options.record_bytes_max.min(PAYLOAD_LEN_MAX);
        if payload.len() > max {
            return Err(WalError::TooLarge { len: payload.len(), max });
        }
        let mut state = self.state.lock();
        while state.writer.is_none() && state.batch.bytes.len() >= BUFFER_BYTES_MAX {
            self.written.wait(&mut state);
        }
        let position = state.next_position();
        let place = Mark { salt: state.salt, index: position.index };
        state.batch.records += 1;
        state.next_index += 1;
        self.metrics.appended_records.inc();
        self.metrics.appended_bytes.inc_by(payload.len() as u64);
        if payload.len() >= WRITE_THROUGH_BYTES && state.writer.is_some() {
            state.batch.bytes.extend_from_slice(&record_header(place, payload));
            self.write(&mut state, payload, Durability::Later);
        } else {
            encode_record(place, payload, &mut state.batch.bytes);
            if state.batch.bytes.len() < WRITE_THROUGH_BYTES || state.writer.is_none() {
                return Ok(position);
            }
            self.write(&mut state, &[], Durability::Later);
        }
        state.failure(position).map_or(Ok(position), Err)
    }

    /// Blocks until the record at `position` and all before it in its session are durable. One fsync serves all who
    /// wait: the first does it for the others, and there is no timer. A position not yet handed out means everything
    /// appended so far; positions of earlier openings are durable.
    ///
    /// # Errors
    /// [`WalError::Sealed`] when the record will never be durable. It says nothing about records of other sessions:
    /// whoever appended them learns of their failure by committing their own positions.
    pub fn commit(&self, position: Position) -> Result<(), WalError> {
        let mut state = self.state.lock();
        loop {
            if position.session < self.session_opened {
                return Ok(());
            }
            if let Some(error) = state.failure(position) {
                return Err(error);
            }
            if state.is_durable(position) {
                return Ok(());
            }
            if state.writer.is_some() {
                self.write(&mut state, &[], Durability::Now);
            } else {
                self.written.wait(&mut state);
            }
        }
    }

    /// Position that the next record gets: everything appended so far is before it.
    pub fn next_position(&self) -> Position {
        self.state.lock().next_position()
    }

    /// Whether the record will never be durable: its session failed before it was. False for records that may still
    /// become durable, and for those of earlier openings.
    pub fn is_lost(&self, position: Position) -> bool {
        self.state.lock().failed.is_lost(position)
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Gives the waiting batch to the file, and behind it `last_payload`, whose header the batch ends with unless it is
    /// empty. Does not hold the lock meanwhile. A failure seals the session.
    fn write(&self, state: &mut MutexGuard<'_, State>, last_payload: &[u8], durability: Durability) {
        let mut writer = state.writer.take().expect("the caller has seen the writer");
        let spare = writer.take_spare();
        let mut batch = std::mem::replace(&mut state.batch, spare);
        let end = state.next_position();
        let first = Position { session: end.session, index: end.index - batch.records };
        let written = MutexGuard::unlocked(state, || writer.write(self, first, &mut batch, last_payload, durability));

        if let Some(key) = written.opened {
            state.segments.push(Segment { key, seq: written.seq, first, end, bytes: 0 });
        }
        if let Some(segment) = state.segments.last_mut().filter(|_| batch.records > 0) {
            segment.end = end;
            segment.bytes += written.bytes;
        }
        if let Some(index) = written.durable_index {
            state.durable_index = index;
        }
        match written.result {
            Ok(()) => {
                writer.keep_spare(batch);
                state.writer = Some(writer);
            }
            Err(error) => {
                drop(writer);
                self.seal(state, Arc::new(error));
            }
        }
        self.measure(state);
        self.written.notify_all();
    }

    /// Ends the session: what is not durable now fails, what comes next goes to new files.
    fn seal(&self, state: &mut MutexGuard<'_, State>, cause: Arc<StorageError>) {
        self.metrics.failures.inc();
        self.metrics.failed_records.inc_by(state.next_index - state.durable_index);
        // A full disk shall not also fill up with files in which nobody was promised anything.
        let durable = Position { session: state.session, index: state.durable_index };
        let useless = state.segments.last().filter(|last| last.first.session == state.session && last.first >= durable);
        if let Some(key) = useless.map(|segment| segment.key.clone()) {
            let deleted = MutexGuard::unlocked(state, || self.storage.delete(&key));
            if deleted.is_ok() {
                state.segments.retain(|segment| segment.key != key);
            }
        }
        let is_full = matches!(*cause, StorageError::Full { .. });
        state.seal(cause);
        if is_full {
            // What is only kept for repairs is in the way now. What cannot be deleted is tried again at a release.
            let _ = MutexGuard::unlocked(state, || self.give_up_kept());
        }
        crash_point("wal.seal.sealed");
    }
}

impl State {
    fn new(session: u64, segments: Vec<Segment>, from: Position, sealed: &[Sealed]) -> State {
        let mut kept = Kept::new(&segments, session);
        let (released, segments): (Vec<Segment>, _) = segments.into_iter().partition(|segment| segment.end <= from);
        kept.segments = released.into();
        let salt = random_salt(session);
        let failed = FailedSessions::new(still_named(sealed, from));
        State {
            session,
            salt,
            next_index: 0,
            durable_index: 0,
            batch: Batch::default(),
            writer: Some(Writer::new(salt, failed.names())),
            segments,
            kept,
            failed,
            scrubbed: None,
        }
    }

    pub(crate) fn next_position(&self) -> Position {
        Position { session: self.session, index: self.next_index }
    }

    /// How far the failed sessions of this opening are durable, and the one that goes on.
    pub(crate) fn sealed(&self) -> impl Iterator<Item = Sealed> {
        let current =
            Sealed { first_session: self.session, last_session: self.session, durable_index: self.durable_index };
        self.failed.iter().chain([current])
    }

    fn is_durable(&self, position: Position) -> bool {
        let wanted = if position.session > self.session { u64::MAX } else { position.index };
        wanted.saturating_add(1).min(self.next_index) <= self.durable_index
    }

    /// The error for a record that will never be durable.
    fn failure(&self, position: Position) -> Option<WalError> {
        let session = if position >= self.next_position() && self.next_index == 0 {
            // Nothing is appended yet after a failure: "everything so far" includes what failed.
            self.session - 1
        } else {
            position.session
        };
        if session >= self.session {
            return None;
        }
        let failed = self.failed.at_or_after(session)?;
        let is_durable = position.session == session
            && failed.sealed.contains(session)
            && position.index < failed.sealed.durable_index;
        (!is_durable).then(|| WalError::Sealed { position, source: Arc::clone(&failed.cause) })
    }

    fn seal(&mut self, cause: Arc<StorageError>) {
        self.failed.push(self.session, self.durable_index, cause);
        self.session += 1;
        self.salt = random_salt(self.session);
        self.next_index = 0;
        self.durable_index = 0;
        self.batch = Batch::default();
        self.writer = Some(Writer::new(self.salt, self.failed.names()));
    }
}

/// What is on disk about sessions that are still read when the log is opened at `from`, each once.
fn still_named(sealed: &[Sealed], from: Position) -> Vec<Sealed> {
    let mut named: Vec<Sealed> = sealed.iter().copied().filter(|run| run.last_session >= from.session).collect();
    named.sort_by_key(|run| (run.first_session, run.last_session));
    named.dedup();
    named
}

fn random_salt(session: u64) -> u64 {
    RandomState::new().hash_one(session)
}

#[cfg(test)]
mod tests;
