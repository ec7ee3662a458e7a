//! Records of senders that do not wait, in order of arrival, within bounds.

use crate::PipelineOptions;
use crate::metrics::DropReason;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::time::Instant;
use watchfire_model::{FieldValue, LogRecord};

/// The most records handed to the store at once.
const BATCH_RECORDS_MAX: usize = 8192;

/// Records that are stored together.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) records: Vec<LogRecord>,
    pub(crate) size: BatchSize,
    /// When the first of them came.
    pub(crate) arrived: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BatchSize {
    pub(crate) records: u64,
    /// Memory that they take, estimated.
    pub(crate) bytes: u64,
}

/// What the thread that drains the queue does next.
#[derive(Debug)]
pub(crate) enum Next {
    Store(Batch),
    /// Nothing came until the time given.
    Due,
    /// The queue is closed and empty, or given up.
    End,
}

/// Some of the records offered were not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotTaken {
    pub(crate) records: usize,
    pub(crate) reason: DropReason,
}

#[derive(Debug)]
pub(crate) struct Queue {
    max: BatchSize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    batches: VecDeque<Batch>,
    /// What waits, and what the store has in hand.
    held: BatchSize,
    is_closed: bool,
    is_given_up: bool,
    /// The thread that drains the queue has ended.
    is_drained: bool,
}

impl Queue {
    pub(crate) fn new(options: &PipelineOptions) -> Queue {
        let max = BatchSize { records: options.queue_records_max, bytes: options.queue_bytes_max.0 };
        Queue { max, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Takes as many records from the front as fit.
    pub(crate) fn push(&self, mut records: Vec<LogRecord>, now: Instant) -> Result<(), NotTaken> {
        let sizes: Vec<u64> = records.iter().map(record_bytes).collect();
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(NotTaken { records: records.len(), reason: DropReason::Stopping });
        }
        let taken = state.held.fitting(&sizes, self.max);
        let not_taken = records.len() - taken;
        records.truncate(taken);
        let mut sizes = &sizes[..taken];
        while !records.is_empty() {
            let room = state.room_in_last();
            let rest = if records.len() > room { records.split_off(room) } else { Vec::new() };
            let (of_these, of_rest) = sizes.split_at(records.len());
            let size = BatchSize { records: records.len() as u64, bytes: of_these.iter().sum() };
            state.add(records, size, now);
            (records, sizes) = (rest, of_rest);
        }
        drop(state);
        self.changed.notify_all();
        if not_taken > 0 { Err(NotTaken { records: not_taken, reason: DropReason::QueueFull }) } else { Ok(()) }
    }

    /// Waits for the next batch, at most until `due`.
    pub(crate) fn next(&self, due: Option<Instant>) -> Next {
        let mut state = self.state.lock();
        loop {
            if state.is_given_up {
                return Next::End;
            }
            if let Some(batch) = state.batches.pop_front() {
                return Next::Store(batch);
            }
            if state.is_closed {
                return Next::End;
            }
            match due {
                Some(due) if self.changed.wait_until(&mut state, due).timed_out() => return Next::Due,
                Some(_) => {}
                None => self.changed.wait(&mut state),
            }
        }
    }

    /// A batch taken is in the store: its room is free again.
    pub(crate) fn free(&self, size: BatchSize) {
        let mut state = self.state.lock();
        state.held.records -= size.records;
        state.held.bytes -= size.bytes;
    }

    /// What waits, and what the store has in hand.
    pub(crate) fn held(&self) -> BatchSize {
        self.state.lock().held
    }

    /// Takes nothing more; what waits is still handed out.
    pub(crate) fn close(&self) {
        self.state.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// The thread that drains the queue says that it has ended.
    pub(crate) fn set_drained(&self) {
        self.state.lock().is_drained = true;
        self.changed.notify_all();
    }

    /// Waits until the queue is drained.
    ///
    /// # Errors
    /// At the deadline the queue is given up: the number of records that nobody will store any more.
    pub(crate) fn wait_drained(&self, deadline: Instant) -> Result<(), usize> {
        let mut state = self.state.lock();
        while !state.is_drained {
            if self.changed.wait_until(&mut state, deadline).timed_out() && !state.is_drained {
                state.is_given_up = true;
                let left = state.drop_waiting();
                self.changed.notify_all();
                return Err(left);
            }
        }
        Ok(())
    }
}

impl State {
    /// How many records the next batch to be added to still takes.
    fn room_in_last(&self) -> usize {
        let room = self.batches.back().map_or(0, |batch| BATCH_RECORDS_MAX - batch.records.len());
        if room == 0 { BATCH_RECORDS_MAX } else { room }
    }

    /// Drops what waits; returns how many records that was.
    fn drop_waiting(&mut self) -> usize {
        let mut dropped = 0;
        for batch in std::mem::take(&mut self.batches) {
            self.held.records -= batch.size.records;
            self.held.bytes -= batch.size.bytes;
            dropped += batch.records.len();
        }
        dropped
    }

    /// Adds records that fit into the last batch, or begins one.
    fn add(&mut self, mut records: Vec<LogRecord>, size: BatchSize, now: Instant) {
        self.held.records += size.records;
        self.held.bytes += size.bytes;
        match self.batches.back_mut().filter(|batch| batch.records.len() < BATCH_RECORDS_MAX) {
            Some(batch) => {
                batch.records.append(&mut records);
                batch.size.records += size.records;
                batch.size.bytes += size.bytes;
            }
            None => self.batches.push_back(Batch { records, size, arrived: now }),
        }
    }
}

impl BatchSize {
    /// How many records of the given sizes fit beside what is held.
    fn fitting(self, sizes: &[u64], max: BatchSize) -> usize {
        let mut held = self;
        for (index, bytes) in sizes.iter().enumerate() {
            held.records += 1;
            held.bytes += bytes;
            if held.records > max.records || held.bytes > max.bytes {
                return index;
            }
        }
        sizes.len()
    }
}

/// Memory that a record takes, as if it shared its texts with nobody.
fn record_bytes(record: &LogRecord) -> u64 {
    let fields: usize = record.fields.iter().map(|(name, value)| name.len() + text_bytes(value)).sum();
    let texts = record.stream.len() + record.host.len() + record.message.len() + fields;
    (size_of::<LogRecord>() + size_of_val(record.fields.as_slice()) + texts) as u64
}

fn text_bytes(value: &FieldValue) -> usize {
    match value {
        FieldValue::Text(text) => text.len(),
        FieldValue::Bool(_) | FieldValue::I64(_) | FieldValue::F64(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::record;
    use watchfire_model::ByteSize;

    fn queue(records: u64, bytes: u64) -> Queue {
        Queue::new(&PipelineOptions {
            queue_records_max: records,
            queue_bytes_max: ByteSize(bytes),
            ..PipelineOptions::default()
        })
    }

    fn records(count: usize) -> Vec<LogRecord> {
        (0..count).map(|n| record(&n.to_string())).collect()
    }

    /// Takes everything out; the number of records of each batch, and their messages in order.
    fn drain(queue: &Queue) -> (Vec<usize>, Vec<LogRecord>) {
        let (mut lens, mut all) = (Vec::new(), Vec::new());
        while let Next::Store(batch) = queue.next(Some(Instant::now())) {
            lens.push(batch.records.len());
            all.extend(batch.records);
            queue.free(batch.size);
        }
        (lens, all)
    }

    #[track_caller]
    fn check(queue: &Queue, offered: &[usize], not_taken: usize, lens: &[usize]) {
        let now = Instant::now();
        let lost = |count: usize| queue.push(records(count), now).map_or_else(|refused| refused.records, |()| 0);
        assert_eq!(offered.iter().map(|count| lost(*count)).sum::<usize>(), not_taken);
        assert_eq!(drain(queue).0, lens);
        assert_eq!(queue.held(), BatchSize::default());
    }

    #[test]
    fn offers_are_joined_into_batches() {
        check(&queue(100_000, 1 << 30), &[1, 2, 0, 3], 0, &[6]);
        check(&queue(100_000, 1 << 30), &[8000, 8000, 8192 * 2], 0, &[8192, 8192, 8192, 7808]);
        check(&queue(100_000, 1 << 30), &[], 0, &[]);
    }

    #[test]
    fn what_does_not_fit_is_not_taken() {
        check(&queue(5, 1 << 30), &[3, 3, 3], 4, &[5]);
        let each = record_bytes(&record("0"));
        check(&queue(100, each * 3), &[2, 2], 1, &[3]);
        check(&queue(100, each - 1), &[1], 1, &[]);
    }

    #[test]
    fn room_is_free_only_after_the_store_has_the_batch() {
        let queue = queue(2, 1 << 30);
        queue.push(records(2), Instant::now()).unwrap();
        let Next::Store(batch) = queue.next(None) else { panic!("a batch waits") };
        let full = NotTaken { records: 1, reason: DropReason::QueueFull };
        assert_eq!(queue.push(records(1), Instant::now()), Err(full));
        queue.free(batch.size);
        assert_eq!(queue.push(records(1), Instant::now()), Ok(()));
    }

    #[test]
    fn order_is_kept() {
        let queue = queue(100_000, 1 << 30);
        let all = records(20_000);
        for part in all.chunks(777) {
            queue.push(part.to_vec(), Instant::now()).unwrap();
        }
        assert_eq!(drain(&queue).1, all);
    }

    #[test]
    fn a_closed_queue_hands_out_what_waits_and_takes_nothing() {
        let queue = queue(100, 1 << 30);
        queue.push(records(3), Instant::now()).unwrap();
        queue.close();
        let stopping = NotTaken { records: 2, reason: DropReason::Stopping };
        assert_eq!(queue.push(records(2), Instant::now()), Err(stopping));
        assert!(matches!(queue.next(None), Next::Store(_)));
        assert!(matches!(queue.next(None), Next::End));
    }

    #[test]
    fn at_the_deadline_the_rest_is_given_up() {
        let queue = queue(100, 1 << 30);
        queue.push(records(3), Instant::now()).unwrap();
        queue.close();
        assert_eq!(queue.wait_drained(Instant::now()), Err(3));
        assert!(matches!(queue.next(None), Next::End));
    }
}
