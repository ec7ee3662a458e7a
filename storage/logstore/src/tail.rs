//! Live tail: every accepted batch, to every reader who asked, without ever waiting for one.

use crate::StoredRecord;
use crate::batch::record_memory;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

/// Batches that wait for one reader; what comes after them is lost to it, and counted.
const TAIL_BATCHES_MAX: usize = 256;
/// Memory that the batches that wait for one reader may take; one batch is taken in any case.
const TAIL_BYTES_MAX: u64 = 16 << 20;

/// What a live tail reads next.
#[derive(Debug, Clone, PartialEq)]
pub enum TailEvent {
    /// A batch in order of arrival.
    Records(Arc<[StoredRecord]>),
    /// So many records were accepted since the last event and are lost to this reader, who was too slow.
    Lost(u64),
    /// The store is gone.
    Closed,
}

/// One reader of the live tail. Dropping it unsubscribes.
#[derive(Debug)]
pub struct Tail {
    batches: mpsc::Receiver<Arc<[StoredRecord]>>,
    shared: Arc<Shared>,
}

/// What a reader and the store's side of it share.
#[derive(Debug, Default)]
struct Shared {
    /// Records that had no room.
    lost: AtomicU64,
    /// Memory that the waiting batches take.
    bytes: AtomicU64,
}

impl Tail {
    /// Waits for the next event. Cancel-safe: a dropped future loses nothing.
    pub async fn next(&mut self) -> TailEvent {
        if let Some(lost) = self.take_lost() {
            return lost;
        }
        self.batches.recv().await.map_or(TailEvent::Closed, |batch| self.hand_out(batch))
    }

    /// The next event, if there is one already.
    pub fn try_next(&mut self) -> Option<TailEvent> {
        if let Some(lost) = self.take_lost() {
            return Some(lost);
        }
        match self.batches.try_recv() {
            Ok(batch) => Some(self.hand_out(batch)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(TailEvent::Closed),
        }
    }

    fn hand_out(&self, batch: Arc<[StoredRecord]>) -> TailEvent {
        self.shared.bytes.fetch_sub(memory(&batch), Ordering::Relaxed);
        TailEvent::Records(batch)
    }

    /// The loss is told once the batches before it are read.
    fn take_lost(&mut self) -> Option<TailEvent> {
        if !self.batches.is_empty() {
            return None;
        }
        let lost = self.shared.lost.swap(0, Ordering::Relaxed);
        (lost > 0).then_some(TailEvent::Lost(lost))
    }
}

/// The store's side: all readers.
#[derive(Debug, Default)]
pub(crate) struct Tails {
    readers: Mutex<Vec<Reader>>,
    /// Read on the hot path without the lock.
    count: AtomicU64,
}

#[derive(Debug)]
struct Reader {
    batches: mpsc::Sender<Arc<[StoredRecord]>>,
    shared: Arc<Shared>,
}

impl Tails {
    pub(crate) fn subscribe(&self) -> Tail {
        let (sender, batches) = mpsc::channel(TAIL_BATCHES_MAX);
        let shared = Arc::new(Shared::default());
        let mut readers = self.readers.lock();
        readers.push(Reader { batches: sender, shared: Arc::clone(&shared) });
        self.count.store(readers.len() as u64, Ordering::Release);
        Tail { batches, shared }
    }

    /// Memory that waiting batches take; one that waits for several readers counts for each.
    pub(crate) fn bytes(&self) -> u64 {
        self.readers.lock().iter().map(|reader| reader.shared.bytes.load(Ordering::Relaxed)).sum()
    }

    /// Whether anybody reads.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Hands a batch to every reader with room for it; returns how many records were lost to readers without.
    pub(crate) fn send(&self, batch: &Arc<[StoredRecord]>) -> u64 {
        let mut lost_in_all = 0;
        let bytes = memory(batch);
        let mut readers = self.readers.lock();
        readers.retain(|reader| {
            if reader.batches.is_closed() {
                return false;
            }
            let waiting = reader.shared.bytes.fetch_add(bytes, Ordering::Relaxed);
            let has_room = waiting == 0 || waiting + bytes <= TAIL_BYTES_MAX;
            let is_sent = has_room && reader.batches.try_send(Arc::clone(batch)).is_ok();
            if !is_sent {
                reader.shared.bytes.fetch_sub(bytes, Ordering::Relaxed);
                reader.shared.lost.fetch_add(batch.len() as u64, Ordering::Relaxed);
                lost_in_all += batch.len() as u64;
            }
            true
        });
        self.count.store(readers.len() as u64, Ordering::Release);
        lost_in_all
    }
}

/// Memory that a batch takes, about.
fn memory(batch: &[StoredRecord]) -> u64 {
    batch.iter().map(|stored| record_memory(&stored.record)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RecordId;
    use watchfire_model::{LogRecord, TimeNs};

    fn batch(sequence: u64) -> Arc<[StoredRecord]> {
        let record = LogRecord {
            time: TimeNs(0),
            received: TimeNs(0),
            stream: "default".into(),
            host: "".into(),
            message: "m".into(),
            level: None,
            fields: Vec::new(),
        };
        Arc::new([StoredRecord { id: RecordId { time: TimeNs(0), sequence }, record }])
    }

    #[test]
    fn a_slow_reader_loses_whole_batches_and_is_told() {
        let tails = Tails::default();
        assert!(tails.is_empty());
        let mut tail = tails.subscribe();
        assert_eq!(tail.try_next(), None);
        for sequence in 0..TAIL_BATCHES_MAX as u64 + 3 {
            tails.send(&batch(sequence));
        }
        for sequence in 0..TAIL_BATCHES_MAX as u64 {
            assert_eq!(tail.try_next(), Some(TailEvent::Records(batch(sequence))));
        }
        assert_eq!(tail.try_next(), Some(TailEvent::Lost(3)));
        assert_eq!(tail.try_next(), None);
        drop(tail);
        tails.send(&batch(0));
        assert!(tails.is_empty());
    }

    #[test]
    fn what_waits_for_a_reader_is_bounded_in_bytes() {
        let tails = Tails::default();
        let mut tail = tails.subscribe();
        let mut large = batch(0).to_vec();
        large[0].record.message = "x".repeat(TAIL_BYTES_MAX as usize).into();
        let large: Arc<[StoredRecord]> = large.into();
        assert_eq!(tails.send(&large), 0, "one batch is taken in any case");
        assert_eq!(tails.send(&batch(1)), 1);
        assert!(tails.bytes() > TAIL_BYTES_MAX);
        assert_eq!(tail.try_next(), Some(TailEvent::Records(large)));
        assert_eq!(tails.bytes(), 0);
        assert_eq!(tail.try_next(), Some(TailEvent::Lost(1)));
        assert_eq!(tails.send(&batch(2)), 0);
        assert_eq!(tail.try_next(), Some(TailEvent::Records(batch(2))));
    }

    #[test]
    fn a_reader_learns_that_the_store_is_gone() {
        let tails = Tails::default();
        let mut tail = tails.subscribe();
        drop(tails);
        assert_eq!(tail.try_next(), Some(TailEvent::Closed));
    }
}
