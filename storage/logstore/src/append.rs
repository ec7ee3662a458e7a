//! How records come in.

use crate::LogStoreError;
use crate::RecordId;
use crate::StoredRecord;
use crate::batch::{BATCH_VERSION, BatchEncoder};
use crate::fresh::{Fresh, ReplayFailure, ReplayState};
use crate::memtable::Batch;
use crate::state::LogDelta;
use crate::store::Inner;
use parking_lot::MutexGuard;
use watchfire_model::LogRecord;
use watchfire_store::crash_point;
use watchfire_wal::{Position, WalError};

/// The longest batch, encoded: what is taken in at once is one record of the write-ahead log, all of it or nothing.
pub(crate) const BATCH_BYTES_MAX: usize = 256 << 20;
/// The longest buffer that is kept for the next batch.
const SPARE_BYTES_MAX: usize = 8 << 20;
/// Numbers reserved at a time, so that records of the next opening get greater ones than any that were given out.
const RESERVED_NUMBERS: u64 = 1 << 32;

/// Held while a batch gets its number and its place in the write-ahead log.
#[derive(Debug)]
pub(crate) struct Appender {
    pub(crate) next_sequence: u64,
    /// The manifest knows that numbers below this may be in use.
    pub(crate) reserved: u64,
    /// Not in use.
    spare: Option<BatchEncoder>,
}

impl Appender {
    /// Begins at a number that no record has.
    pub(crate) fn new(next_sequence: u64) -> Appender {
        Appender { next_sequence, reserved: 0, spare: None }
    }
}

impl Inner {
    pub(crate) fn append(&self, records: &[LogRecord]) -> Result<Position, LogStoreError> {
        if records.is_empty() {
            return Ok(Position::START);
        }
        let count = records.len() as u64;
        let result = self.take_in(records);
        if let Err(error) = &result {
            self.metrics.refused_records.inc_by(count);
            if let LogStoreError::DiskFull = error {
                self.metrics.disk_full_records.inc_by(count);
            }
        }
        result
    }

    fn take_in(&self, records: &[LogRecord]) -> Result<Position, LogStoreError> {
        if !self.storage.has_room() {
            return Err(LogStoreError::DiskFull);
        }
        self.wait_for_room()?;
        let mut encoder = self.appender.lock().spare.take().unwrap_or_default();
        encoder.begin();
        for record in records {
            encoder.push(record);
            if encoder.len() > BATCH_BYTES_MAX {
                return Err(LogStoreError::RecordTooLarge { bytes: encoder.len(), bytes_max: BATCH_BYTES_MAX });
            }
        }
        let position = self.insert(&mut encoder, records);
        if encoder.len() <= SPARE_BYTES_MAX {
            self.appender.lock().spare = Some(encoder);
        }
        position
    }

    /// Waits until the memtable has room, or something says that it will not have any soon.
    fn wait_for_room(&self) -> Result<(), LogStoreError> {
        let bytes_max = self.options.memtable_bytes_max.0;
        let mut fresh = self.fresh.lock();
        fresh.check_replay()?;
        while fresh.is_blocked() && fresh.active.bytes() >= bytes_max {
            if fresh.flush_failed {
                let bytes = fresh.memory();
                return Err(LogStoreError::Backlog { bytes, bytes_max: 2 * bytes_max });
            }
            self.changed.wait(&mut fresh);
            fresh.check_replay()?;
        }
        Ok(())
    }

    /// Numbers a batch, logs it, and shows it to readers.
    fn insert(&self, encoder: &mut BatchEncoder, records: &[LogRecord]) -> Result<Position, LogStoreError> {
        let count = encoder.records() as u64;
        let memory = encoder.encoded().memory();
        let now = self.clock.now();
        let mut appender = self.appender.lock();
        self.reserve(&mut appender, count)?;
        let first_sequence = appender.next_sequence;
        let position = match self.wal.append(encoder.finish(first_sequence)) {
            Ok(position) => position,
            Err(error) => {
                if let WalError::Sealed { .. } = error {
                    self.drop_lost();
                }
                return Err(error.into());
            }
        };
        crash_point("logstore.append.logged");
        appender.next_sequence += count;
        self.metrics.appended_records.inc_by(count);
        if !self.tails.is_empty() {
            self.send_to_tails(first_sequence, records);
        }
        let mut fresh = self.fresh.lock();
        fresh.active.insert(Batch { position, first_sequence, records: count, memory }, encoder.encoded(), now);
        if fresh.active.bytes() >= self.options.memtable_bytes_max.0
            && fresh.freeze_active(self.wal.next_position(), appender.next_sequence)
        {
            self.changed.notify_all();
        }
        self.metrics.memtable_bytes.set(fresh.memory() as i64);
        Ok(position)
    }

    /// Sees to it that the next `count` numbers are known to be in use.
    fn reserve(&self, appender: &mut Appender, count: u64) -> Result<(), LogStoreError> {
        let wanted = appender.next_sequence + count;
        if wanted > appender.reserved {
            let reserved = wanted + RESERVED_NUMBERS;
            self.manifest.commit(LogDelta { reserved: Some(reserved), ..LogDelta::default() })?;
            crash_point("logstore.append.numbers_reserved");
            appender.reserved = reserved;
        }
        Ok(())
    }

    fn send_to_tails(&self, first_sequence: u64, records: &[LogRecord]) {
        let stored = (first_sequence..).zip(records).map(|(sequence, record)| {
            let mut record = record.clone();
            watchfire_logblock::query::sort_fields(&mut record);
            StoredRecord { id: RecordId { time: record.time, sequence }, record }
        });
        let lost = self.tails.send(&stored.collect());
        self.metrics.tail_lost_records.inc_by(lost);
    }

    /// Makes everything up to the batch at `position` durable.
    pub(crate) fn commit(&self, position: Position) -> Result<(), LogStoreError> {
        let result = self.wal.commit(position);
        if result.is_err() {
            self.drop_lost();
        }
        Ok(result?)
    }

    /// Takes the records out of memory whose part of the write-ahead log failed: they were refused, or will be, and must
    /// not get into a block.
    pub(crate) fn drop_lost(&self) {
        let mut fresh = self.fresh.lock();
        let dropped = fresh.drop_lost(&|position| self.wal.is_lost(position));
        if dropped > 0 {
            self.metrics.dropped_records.inc_by(dropped);
            self.changed.notify_all();
        }
    }

    /// Takes the memtable out of use, if there is anything in it and nothing else is being written out.
    pub(crate) fn freeze(&self) {
        let appender = self.appender.lock();
        self.fresh.lock().freeze_active(self.wal.next_position(), appender.next_sequence);
    }

    /// Waits until the records of earlier openings are all there.
    pub(crate) fn wait_ready(&self) -> Result<(), LogStoreError> {
        let mut fresh = self.fresh.lock();
        self.wait_replayed(&mut fresh)
    }

    fn wait_replayed(&self, fresh: &mut MutexGuard<'_, Fresh>) -> Result<(), LogStoreError> {
        while fresh.replay == ReplayState::Running {
            self.changed.wait(fresh);
        }
        fresh.check_replay()
    }
}

impl Fresh {
    /// Fails when the replay has.
    pub(crate) fn check_replay(&self) -> Result<(), LogStoreError> {
        match &self.replay {
            ReplayState::Running | ReplayState::Done => Ok(()),
            ReplayState::Failed(ReplayFailure::Newer(found)) => {
                Err(LogStoreError::Newer { found: *found, known: BATCH_VERSION })
            }
            ReplayState::Failed(ReplayFailure::Unreadable(what)) => Err(LogStoreError::Replay { what: what.clone() }),
        }
    }
}
