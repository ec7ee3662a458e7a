//! Fresh records, searchable as they come in.

use std::sync::Arc;
use watchfire_logblock::Arrivals;
use watchfire_model::{LogRecord, TimeNs};
use watchfire_wal::Position;

/// Small batches are gathered into chunks of about this many records.
const CHUNK_RECORDS: usize = 1024;

/// Records in order of arrival. Readers share the chunks, so that they never hold up an append for longer than it takes
/// to copy the list of them.
#[derive(Debug, Default, Clone)]
pub(crate) struct Memtable {
    chunks: Vec<Arc<Chunk>>,
    /// Where in the write-ahead log the records lie, in their order.
    batches: Vec<Batch>,
    bytes: u64,
    records: u64,
    /// When the first record was inserted.
    since: Option<TimeNs>,
    arrivals: Arrivals,
}

/// Records with consecutive numbers.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) first_sequence: u64,
    pub(crate) records: Vec<LogRecord>,
    /// Earliest and latest event time.
    pub(crate) times: (TimeNs, TimeNs),
}

/// Records that are one record of the write-ahead log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch {
    pub(crate) position: Position,
    pub(crate) first_sequence: u64,
    pub(crate) records: u64,
    /// Memory that they take.
    pub(crate) memory: u64,
}

impl Memtable {
    /// Adds the records, at least one, of a batch.
    pub(crate) fn insert(&mut self, batch: Batch, records: Vec<LogRecord>, now: TimeNs) {
        let first_sequence = batch.first_sequence;
        self.batches.push(batch);
        self.bytes += batch.memory + size_of::<Batch>() as u64;
        self.records += batch.records;
        self.since.get_or_insert(now);
        for record in &records {
            self.arrivals.add(record.received);
        }
        if let Some(last) = self.chunks.last_mut().and_then(Arc::get_mut)
            && last.end_sequence() == first_sequence
            && last.records.len() + records.len() <= CHUNK_RECORDS
        {
            last.extend(records);
        } else {
            self.chunks.push(Arc::new(Chunk::new(first_sequence, records)));
        }
    }

    /// Puts the records of `older` before its own.
    pub(crate) fn prepend(&mut self, mut older: Memtable) {
        older.chunks.append(&mut self.chunks);
        older.batches.append(&mut self.batches);
        self.chunks = older.chunks;
        self.batches = older.batches;
        self.bytes += older.bytes;
        self.records += older.records;
        self.since = older.since.or(self.since);
        self.arrivals.unite(&older.arrivals);
    }

    pub(crate) fn holds_lost(&self, is_lost: &dyn Fn(Position) -> bool) -> bool {
        self.batches.iter().any(|batch| is_lost(batch.position))
    }

    /// Takes the records of lost batches out and says how many there were.
    pub(crate) fn drop_lost(&mut self, is_lost: &dyn Fn(Position) -> bool) -> u64 {
        let (lost, kept): (Vec<Batch>, Vec<Batch>) =
            self.batches.iter().copied().partition(|batch| is_lost(batch.position));
        if lost.is_empty() {
            return 0;
        }
        // Batches are in order of their numbers.
        let is_kept = |sequence: u64| {
            let behind = lost.partition_point(|batch| batch.first_sequence <= sequence);
            behind.checked_sub(1).is_none_or(|at| sequence >= lost[at].first_sequence + lost[at].records)
        };
        for chunk in std::mem::take(&mut self.chunks) {
            let numbered = (chunk.first_sequence..).zip(&chunk.records);
            if numbered.clone().all(|(sequence, _)| is_kept(sequence)) {
                self.chunks.push(chunk);
                continue;
            }
            let kept: Vec<(u64, &LogRecord)> = numbered.filter(|(sequence, _)| is_kept(*sequence)).collect();
            for run in kept.chunk_by(|(a, _), (b, _)| a + 1 == *b) {
                let records = run.iter().map(|(_, record)| (*record).clone()).collect();
                self.chunks.push(Arc::new(Chunk::new(run[0].0, records)));
            }
        }
        self.batches = kept;
        self.bytes = self.batches.iter().map(|batch| batch.memory + size_of::<Batch>() as u64).sum();
        let dropped = lost.iter().map(|batch| batch.records).sum();
        self.records -= dropped;
        self.arrivals = Arrivals::default();
        for record in self.chunks.iter().flat_map(|chunk| &chunk.records) {
            self.arrivals.add(record.received);
        }
        if self.chunks.is_empty() {
            self.since = None;
        }
        dropped
    }

    /// Where the first of the records lies in the write-ahead log.
    pub(crate) fn first_position(&self) -> Option<Position> {
        self.batches.first().map(|batch| batch.position)
    }

    pub(crate) fn chunks(&self) -> &[Arc<Chunk>] {
        &self.chunks
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Memory that the records take, estimated.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    pub(crate) fn since(&self) -> Option<TimeNs> {
        self.since
    }

    /// In which hours the records arrived.
    pub(crate) fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }
}

impl Chunk {
    fn new(first_sequence: u64, records: Vec<LogRecord>) -> Chunk {
        let mut chunk = Chunk { first_sequence, records: Vec::new(), times: (TimeNs::MAX, TimeNs::MIN) };
        chunk.cover(&records);
        chunk.records = records;
        chunk
    }

    fn extend(&mut self, records: Vec<LogRecord>) {
        self.cover(&records);
        if self.records.capacity() < CHUNK_RECORDS {
            self.records.reserve_exact(CHUNK_RECORDS - self.records.len());
        }
        self.records.extend(records);
    }

    fn cover(&mut self, records: &[LogRecord]) {
        for record in records {
            self.times = (self.times.0.min(record.time), self.times.1.max(record.time));
        }
    }

    fn end_sequence(&self) -> u64 {
        self.first_sequence + self.records.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::record;

    fn insert(memtable: &mut Memtable, index: u64, first_sequence: u64, records: Vec<LogRecord>) {
        let position = Position { session: 1, index };
        let batch = Batch { position, first_sequence, records: records.len() as u64, memory: 10 };
        memtable.insert(batch, records, TimeNs(index as i64));
    }

    fn messages(memtable: &Memtable) -> Vec<(u64, String)> {
        let of_chunk = |chunk: &Arc<Chunk>| -> Vec<(u64, String)> {
            (chunk.first_sequence..).zip(chunk.records.iter().map(|record| record.message.to_string())).collect()
        };
        memtable.chunks().iter().flat_map(of_chunk).collect()
    }

    #[test]
    fn small_batches_share_a_chunk_unless_somebody_reads_it() {
        let mut memtable = Memtable::default();
        insert(&mut memtable, 1, 0, vec![record(5, "a")]);
        insert(&mut memtable, 2, 1, vec![record(3, "b"), record(9, "c")]);
        assert_eq!(memtable.chunks().len(), 1);
        assert_eq!(memtable.chunks()[0].times, (TimeNs(3), TimeNs(9)));
        let snapshot = memtable.chunks().to_vec();
        insert(&mut memtable, 3, 3, vec![record(1, "d")]);
        assert_eq!(snapshot[0].records.len(), 3);
        assert_eq!(memtable.chunks().len(), 2);
        let bytes = 3 * (10 + size_of::<Batch>() as u64);
        assert_eq!((memtable.records(), memtable.bytes(), memtable.since()), (4, bytes, Some(TimeNs(1))));
        insert(&mut memtable, 4, 4, vec![record(1, "e"); CHUNK_RECORDS]);
        assert_eq!(memtable.chunks().len(), 3);
    }

    #[test]
    fn what_is_lost_leaves_without_a_trace() {
        let mut memtable = Memtable::default();
        insert(&mut memtable, 0, 0, vec![record(5, "a")]);
        insert(&mut memtable, 1, 1, vec![record(90, "b"), record(9, "c")]);
        insert(&mut memtable, 2, 3, vec![record(1, "d")]);
        insert(&mut memtable, 3, 10, vec![record(1, "e")]);
        let lost = |position: Position| position.index == 1 || position.index == 3;
        assert!(memtable.holds_lost(&lost));
        assert_eq!(memtable.drop_lost(&lost), 3);
        assert_eq!(messages(&memtable), [(0, "a".to_owned()), (3, "d".to_owned())]);
        let bytes = 2 * (10 + size_of::<Batch>() as u64);
        assert_eq!((memtable.records(), memtable.bytes()), (2, bytes));
        assert_eq!(memtable.drop_lost(&|_| true), 2);
        assert!(memtable.is_empty());
        assert!(memtable.since().is_none() && memtable.arrivals().is_empty());
    }

    #[test]
    fn older_records_go_before() {
        let mut older = Memtable::default();
        insert(&mut older, 0, 0, vec![record(5, "a")]);
        let mut memtable = Memtable::default();
        insert(&mut memtable, 7, 100, vec![record(3, "b")]);
        memtable.prepend(older);
        assert_eq!(messages(&memtable), [(0, "a".to_owned()), (100, "b".to_owned())]);
        assert_eq!((memtable.since(), memtable.records()), (Some(TimeNs(0)), 2));
        assert_eq!(memtable.first_position(), Some(Position { session: 1, index: 0 }));
    }
}
