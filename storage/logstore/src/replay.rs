//! Brings the records of earlier openings back, behind everybody's back: blocks answer and records are taken in from the
//! first moment, what the write-ahead log holds follows.
//!
//! It is read into a memtable of its own, which is written out as soon as it is half full: together with the active one
//! and what is being written out that makes two memtables, however long the log is. What comes in meanwhile is not
//! written out before the replay is over, because what a flush covers of the log is a prefix of it.
//!
//! What cannot be read is tried again a few times; then the store answers from what it has and takes nothing in.

use crate::LogStoreError;
use crate::batch::{BatchError, Checked, check};
use crate::fresh::{ReplayFailure, ReplayState};
use crate::memtable::Batch;
use crate::store::Inner;
use crate::worker::Worker;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use watchfire_store::crash_point;
use watchfire_wal::{Backlog, Position, WalError};

/// Starts the thread that replays the backlog.
pub(crate) fn start(inner: &Arc<Inner>, backlog: Backlog) -> Result<Worker, LogStoreError> {
    Worker::start("logstore-replay", inner, move |inner, stop| {
        Replay { inner, stop, next_sequence: 0, next: Position::START, newer: None }.run(&backlog);
    })
}

/// How long to wait before the log is read once more after an error.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_millis(20), Duration::from_millis(200)];

/// What is known while it goes on.
#[derive(Debug)]
struct Replay<'a> {
    inner: &'a Inner,
    stop: &'a AtomicBool,
    /// Greater than the numbers read so far.
    next_sequence: u64,
    /// Behind the batches read so far.
    next: Position,
    /// Version of a batch that this program is too old for.
    newer: Option<u8>,
}

impl Replay<'_> {
    fn run(mut self, backlog: &Backlog) {
        let end = backlog.end();
        let mut result = self.read(backlog.clone());
        for pause in PAUSES {
            if result.is_ok() || self.stop.load(Ordering::SeqCst) {
                break;
            }
            self.inner.changed.wait_for(&mut self.inner.fresh.lock(), pause);
            result = self.read(backlog.clone().behind(self.next));
        }
        let failure = result.err().map(|error| ReplayFailure::Unreadable(error.to_string()));
        if !self.stop.load(Ordering::SeqCst) {
            self.finish(end, self.newer.map(ReplayFailure::Newer).or(failure));
        }
    }

    fn read(&mut self, backlog: Backlog) -> Result<(), WalError> {
        let inner = self.inner;
        let visit = &mut |position: Position, payload: &[u8]| {
            let flow = match check(payload) {
                Ok(batch) if batch.encoded().records() == 0 => ControlFlow::Continue(()),
                Ok(batch) => self.take(position, &batch),
                Err(BatchError::Newer { found }) => {
                    self.newer = Some(found);
                    ControlFlow::Break(())
                }
                Err(BatchError::Malformed) => {
                    inner.metrics.malformed_batches.inc();
                    ControlFlow::Continue(())
                }
            };
            self.next = Position { index: position.index + 1, ..position };
            flow
        };
        inner.wal.replay(backlog, visit).map(drop)
    }

    /// Shows a batch to readers; waits while what was read before has to be written out.
    fn take(&mut self, position: Position, batch: &Checked<'_>) -> ControlFlow<()> {
        let inner = self.inner;
        let encoded = batch.encoded();
        let (records, memory) = (encoded.records(), encoded.memory());
        let bytes_max = inner.options.memtable_bytes_max.0 / 2;
        let mut fresh = inner.fresh.lock();
        if fresh.replayed.bytes() + memory > bytes_max && !fresh.replayed.is_empty() {
            while fresh.frozen.is_some() && !self.stop.load(Ordering::SeqCst) {
                inner.changed.wait(&mut fresh);
            }
            if self.stop.load(Ordering::SeqCst) {
                return ControlFlow::Break(());
            }
            fresh.freeze_replayed(position, self.next_sequence);
            inner.changed.notify_all();
            crash_point("logstore.replay.memtable_full");
        }
        let logged = Batch { position, first_sequence: batch.first_sequence, records, memory };
        fresh.replayed.insert(logged, encoded, inner.clock.now());
        inner.metrics.replayed_records.inc_by(records);
        self.next_sequence = self.next_sequence.max(batch.first_sequence.saturating_add(records));
        if self.stop.load(Ordering::SeqCst) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Lets go of what was read: it joins what has come in meanwhile, or is written out first where both are too much for
    /// one memtable.
    fn finish(&self, end: Position, failure: Option<ReplayFailure>) {
        crash_point("logstore.replay.log_read");
        let inner = self.inner;
        let mut fresh = inner.fresh.lock();
        if let Some(failure) = failure {
            fresh.replay = ReplayState::Failed(failure);
        } else {
            while fresh.replayed.bytes() + fresh.active.bytes() > inner.options.memtable_bytes_max.0
                && !fresh.replayed.is_empty()
            {
                if self.stop.load(Ordering::SeqCst) {
                    return;
                }
                if fresh.frozen.is_none() {
                    fresh.freeze_replayed(end, self.next_sequence);
                    inner.changed.notify_all();
                } else {
                    inner.changed.wait(&mut fresh);
                }
            }
            let replayed = std::mem::take(&mut fresh.replayed);
            if !replayed.is_empty() {
                fresh.active.prepend(replayed);
            }
            fresh.replay = ReplayState::Done;
        }
        inner.changed.notify_all();
    }
}
