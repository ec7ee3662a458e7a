//! Records of senders that do not wait, in order of arrival, within bounds.

use crate::PipelineOptions;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;
use watchfire_model::{Fate, FieldValue, LogRecord, Receipt};

/// The most records handed to the store at once.
const BATCH_RECORDS_MAX: usize = 8192;

/// The most bytes handed to the store at once, but for a single record beyond it: a batch becomes one record of its log.
const BATCH_BYTES_MAX: u64 = 4 << 20;

/// Records that are stored together.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) records: Vec<LogRecord>,
    pub(crate) size: BatchSize,
    /// When the first of them came.
    pub(crate) arrived: Instant,
    /// Where they come from, in order.
    parts: Vec<Part>,
}

/// Records of one offer.
#[derive(Debug)]
struct Part {
    receipt: Arc<dyn Receipt>,
    /// Of the offer, counted from zero.
    records: Range<usize>,
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

/// Some of the records offered were not taken: those from `first` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotTaken {
    pub(crate) first: usize,
    pub(crate) fate: Fate,
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
    /// What waits, and what the store has in hand until its fate is known.
    held: BatchSize,
    is_closed: bool,
    is_given_up: bool,
    /// The thread that drains the queue has ended.
    is_drained: bool,
}

impl Batch {
    fn new(now: Instant) -> Batch {
        Batch { records: Vec::new(), size: BatchSize::default(), arrived: now, parts: Vec::new() }
    }

    /// Tells everybody whose records these are what became of them.
    pub(crate) fn settle(&self, fate: Fate) {
        for part in &self.parts {
            part.receipt.settle(part.records.clone(), fate);
        }
    }

    fn has_room_for(&self, bytes: u64) -> bool {
        self.records.is_empty() || self.records.len() < BATCH_RECORDS_MAX && self.size.bytes + bytes <= BATCH_BYTES_MAX
    }

    /// Adds the record at `index` of an offer.
    fn push(&mut self, record: LogRecord, bytes: u64, index: usize, receipt: &Arc<dyn Receipt>) {
        self.records.push(record);
        self.size.records += 1;
        self.size.bytes += bytes;
        match self.parts.last_mut().filter(|part| part.records.end == index && Arc::ptr_eq(&part.receipt, receipt)) {
            Some(part) => part.records.end += 1,
            None => self.parts.push(Part { receipt: Arc::clone(receipt), records: index..index + 1 }),
        }
    }
}

impl Queue {
    pub(crate) fn new(options: &PipelineOptions) -> Queue {
        let max = BatchSize { records: options.queue_records_max, bytes: options.queue_bytes_max.0 };
        Queue { max, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Takes as many records from the front as fit.
    pub(crate) fn push(
        &self,
        records: Vec<LogRecord>,
        receipt: &Arc<dyn Receipt>,
        now: Instant,
    ) -> Result<(), NotTaken> {
        let sizes: Vec<u64> = records.iter().map(record_bytes).collect();
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(NotTaken { first: 0, fate: Fate::Stopping });
        }
        let n_records = records.len();
        let n_taken = state.held.fitting(&sizes, self.max);
        for (index, (record, bytes)) in records.into_iter().zip(sizes).take(n_taken).enumerate() {
            state.add(record, bytes, index, receipt, now);
        }
        drop(state);
        self.changed.notify_all();
        if n_taken < n_records { Err(NotTaken { first: n_taken, fate: Fate::PipelineFull }) } else { Ok(()) }
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

    /// Waits until the time given, or until the queue is closed.
    pub(crate) fn pause(&self, until: Instant) {
        let mut state = self.state.lock();
        while !state.is_closed && !self.changed.wait_until(&mut state, until).timed_out() {}
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().is_closed
    }

    /// The fate of a batch taken is known: its room is free again.
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
    /// At the deadline the queue is given up: the batches that nobody will store any more.
    pub(crate) fn wait_drained(&self, deadline: Instant) -> Result<(), Vec<Batch>> {
        let mut state = self.state.lock();
        while !state.is_drained {
            if self.changed.wait_until(&mut state, deadline).timed_out() && !state.is_drained {
                state.is_given_up = true;
                let left: Vec<Batch> = std::mem::take(&mut state.batches).into();
                for batch in &left {
                    state.held.records -= batch.size.records;
                    state.held.bytes -= batch.size.bytes;
                }
                self.changed.notify_all();
                return Err(left);
            }
        }
        Ok(())
    }
}

impl State {
    /// Adds a record to the last batch, or begins one.
    fn add(&mut self, record: LogRecord, bytes: u64, index: usize, receipt: &Arc<dyn Receipt>, now: Instant) {
        self.held.records += 1;
        self.held.bytes += bytes;
        if self.batches.back().is_none_or(|batch| !batch.has_room_for(bytes)) {
            self.batches.push_back(Batch::new(now));
        }
        let batch = self.batches.back_mut().expect("there is one with room now");
        batch.push(record, bytes, index, receipt);
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
pub(crate) fn record_bytes(record: &LogRecord) -> u64 {
    let fields: usize = record.fields.iter().map(|(name, value)| name.len() + text_bytes(value)).sum();
    let texts = record.stream.len() + record.host.len() + record.message.len() + fields;
    (size_of::<LogRecord>() + room_bytes(&record.fields) + texts) as u64
}

/// Bytes of a vector's elements, of those that it has room for as well.
fn room_bytes<T>(elements: &Vec<T>) -> usize {
    elements.capacity() * size_of::<T>()
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
    use crate::testing::{Fates, record};
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
            batch.settle(Fate::Stored);
            lens.push(batch.records.len());
            queue.free(batch.size);
            all.extend(batch.records);
        }
        (lens, all)
    }

    #[track_caller]
    fn check(queue: &Queue, offered: &[usize], not_taken: usize, lens: &[usize]) {
        let now = Instant::now();
        let receipts = Fates::default();
        let lost = |count: usize| {
            let receipt = receipts.receipt(count);
            let refused = queue.push(records(count), &receipt, now).err();
            refused.map_or(0, |NotTaken { first, fate }| {
                receipt.settle(first..count, fate);
                count - first
            })
        };
        assert_eq!(offered.iter().map(|count| lost(*count)).sum::<usize>(), not_taken);
        assert_eq!(drain(queue).0, lens);
        assert_eq!(queue.held(), BatchSize::default());
        let settled = receipts.count();
        assert_eq!(settled.get(&Fate::PipelineFull).copied().unwrap_or(0), not_taken);
        assert_eq!(settled.values().sum::<usize>(), offered.iter().sum::<usize>());
    }

    #[test]
    fn offers_are_joined_into_batches() {
        check(&queue(100_000, 1 << 30), &[1, 2, 0, 3], 0, &[6]);
        check(&queue(100_000, 1 << 30), &[8000, 8000, 8192 * 2], 0, &[8192, 8192, 8192, 7808]);
        check(&queue(100_000, 1 << 30), &[], 0, &[]);
    }

    #[test]
    fn batches_are_bounded_in_bytes_too() {
        let queue = queue(100, 1 << 30);
        let receipts = Fates::default();
        for len in [3 << 20, 3 << 20, 9 << 20, 100, 100] {
            queue.push(vec![record(&"x".repeat(len))], &receipts.receipt(1), Instant::now()).unwrap();
        }
        assert_eq!(drain(&queue).0, [1, 1, 1, 2]);
    }

    #[test]
    fn what_does_not_fit_is_not_taken() {
        check(&queue(5, 1 << 30), &[3, 3, 3], 4, &[5]);
        let each = record_bytes(&record("0"));
        check(&queue(100, each * 3), &[2, 2], 1, &[3]);
        check(&queue(100, each - 1), &[1], 1, &[]);
    }

    #[test]
    fn room_is_free_only_after_the_fate_is_known() {
        let queue = queue(2, 1 << 30);
        let receipt = Fates::default().receipt(9);
        queue.push(records(2), &receipt, Instant::now()).unwrap();
        let Next::Store(batch) = queue.next(None) else { panic!("a batch waits") };
        let full = NotTaken { first: 0, fate: Fate::PipelineFull };
        assert_eq!(queue.push(records(1), &receipt, Instant::now()), Err(full));
        queue.free(batch.size);
        assert_eq!(queue.push(records(1), &receipt, Instant::now()), Ok(()));
    }

    #[test]
    fn order_is_kept() {
        let queue = queue(100_000, 1 << 30);
        let all = records(20_000);
        for part in all.chunks(777) {
            queue.push(part.to_vec(), &Fates::default().receipt(777), Instant::now()).unwrap();
        }
        assert_eq!(drain(&queue).1, all);
    }

    #[test]
    fn a_closed_queue_hands_out_what_waits_and_takes_nothing() {
        let queue = queue(100, 1 << 30);
        let receipt = Fates::default().receipt(3);
        queue.push(records(3), &receipt, Instant::now()).unwrap();
        queue.close();
        let stopping = NotTaken { first: 0, fate: Fate::Stopping };
        assert_eq!(queue.push(records(2), &receipt, Instant::now()), Err(stopping));
        assert!(matches!(queue.next(None), Next::Store(_)));
        assert!(matches!(queue.next(None), Next::End));
    }

    #[test]
    fn at_the_deadline_the_rest_is_given_up() {
        let queue = queue(100, 1 << 30);
        queue.push(records(3), &Fates::default().receipt(3), Instant::now()).unwrap();
        queue.close();
        let left = queue.wait_drained(Instant::now()).unwrap_err();
        assert_eq!(left.iter().map(|batch| batch.records.len()).collect::<Vec<_>>(), [3]);
        assert!(matches!(queue.next(None), Next::End));
    }
}
