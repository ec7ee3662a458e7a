//! Fresh records, searchable as they come in.

use crate::batch::Encoded;
use crate::encoded::EncodedRecord;
use crate::remembered::Remembered;
use std::ops::Range;
use std::sync::Arc;
use watchfire_logblock::Arrivals;
use watchfire_logblock::codec::Reader;
use watchfire_model::TimeNs;
use watchfire_wal::Position;

/// Small batches are gathered into chunks of about this many bytes: what one thread of a query looks at in one go.
const CHUNK_BYTES: usize = 512 << 10;

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

/// Records with consecutive numbers, as they were encoded for the write-ahead log.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) first_sequence: u64,
    bytes: Vec<u8>,
    /// Where each record begins.
    starts: Vec<u32>,
    /// Earliest and latest event time.
    pub(crate) times: (TimeNs, TimeNs),
    /// What queries have counted in it.
    pub(crate) remembered: Remembered,
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
    pub(crate) fn insert(&mut self, batch: Batch, records: Encoded<'_>, now: TimeNs) {
        let first_sequence = batch.first_sequence;
        self.batches.push(batch);
        self.bytes += batch.memory + size_of::<Batch>() as u64;
        self.records += batch.records;
        self.since.get_or_insert(now);
        self.arrivals.unite(&records.summary.arrivals);
        if let Some(last) = self.chunks.last_mut().and_then(Arc::get_mut)
            && last.end_sequence() == first_sequence
            && last.bytes.len() + records.bytes.len() <= CHUNK_BYTES
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
            let kept: Vec<usize> = (0..chunk.len()).filter(|at| is_kept(chunk.first_sequence + *at as u64)).collect();
            if kept.len() == chunk.len() {
                self.chunks.push(chunk);
                continue;
            }
            let runs = kept.chunk_by(|a, b| a + 1 == *b);
            self.chunks.extend(runs.map(|run| Arc::new(chunk.part(run[0]..run[0] + run.len()))));
        }
        self.batches = kept;
        self.bytes = self.batches.iter().map(|batch| batch.memory + size_of::<Batch>() as u64).sum();
        let dropped = lost.iter().map(|batch| batch.records).sum();
        self.records -= dropped;
        self.arrivals = Arrivals::default();
        for record in self.chunks.iter().flat_map(|chunk| chunk.records()) {
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
    fn new(first_sequence: u64, records: Encoded<'_>) -> Chunk {
        let (bytes, starts) = (records.bytes.to_vec(), records.summary.starts.clone());
        Chunk { first_sequence, bytes, starts, times: records.summary.times, remembered: Remembered::default() }
    }

    fn extend(&mut self, records: Encoded<'_>) {
        let base = self.bytes.len() as u32;
        self.bytes.extend_from_slice(records.bytes);
        self.starts.extend(records.summary.starts.iter().map(|start| base + start));
        let (first, last) = records.summary.times;
        self.times = (self.times.0.min(first), self.times.1.max(last));
        self.remembered = Remembered::default();
    }

    /// Some of the records, at least one.
    fn part(&self, range: Range<usize>) -> Chunk {
        let from = self.starts[range.start];
        let to = self.starts.get(range.end).map_or(self.bytes.len(), |end| *end as usize);
        let first_sequence = self.first_sequence + range.start as u64;
        let times = self.records().skip(range.start).take(range.len()).map(|record| record.time);
        let times = times.fold((TimeNs::MAX, TimeNs::MIN), |all, time| (all.0.min(time), all.1.max(time)));
        Chunk {
            first_sequence,
            bytes: self.bytes[from as usize..to].to_vec(),
            starts: self.starts[range].iter().map(|start| start - from).collect(),
            times,
            remembered: Remembered::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The record at this place, below [`Chunk::len`].
    pub(crate) fn record(&self, at: usize) -> EncodedRecord<'_> {
        let bytes = &self.bytes[self.starts[at] as usize..];
        EncodedRecord::read(Reader::new(bytes)).expect("what was encoded here or checked in a replay is read")
    }

    /// All records in order of arrival.
    pub(crate) fn records(&self) -> impl Iterator<Item = EncodedRecord<'_>> {
        (0..self.len()).map(|at| self.record(at))
    }

    fn end_sequence(&self) -> u64 {
        self.first_sequence + self.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::BatchEncoder;
    use crate::testing::record;
    use watchfire_model::LogRecord;

    fn insert(memtable: &mut Memtable, index: u64, first_sequence: u64, records: &[LogRecord]) {
        let position = Position { session: 1, index };
        let batch = Batch { position, first_sequence, records: records.len() as u64, memory: 10 };
        let mut encoder = BatchEncoder::default();
        encoder.begin();
        for record in records {
            encoder.push(record);
        }
        memtable.insert(batch, encoder.encoded(), TimeNs(index as i64));
    }

    fn messages(memtable: &Memtable) -> Vec<(u64, String)> {
        let of_chunk = |chunk: &Arc<Chunk>| -> Vec<(u64, String)> {
            (chunk.first_sequence..).zip(chunk.records().map(|record| record.message.to_owned())).collect()
        };
        memtable.chunks().iter().flat_map(of_chunk).collect()
    }

    #[test]
    fn small_batches_share_a_chunk_unless_somebody_reads_it() {
        let mut memtable = Memtable::default();
        insert(&mut memtable, 1, 0, &[record(5, "a")]);
        insert(&mut memtable, 2, 1, &[record(3, "b"), record(9, "c")]);
        assert_eq!(memtable.chunks().len(), 1);
        assert_eq!(memtable.chunks()[0].times, (TimeNs(3), TimeNs(9)));
        let snapshot = memtable.chunks().to_vec();
        insert(&mut memtable, 3, 3, &[record(1, "d")]);
        assert_eq!(snapshot[0].len(), 3);
        assert_eq!(memtable.chunks().len(), 2);
        let bytes = 3 * (10 + size_of::<Batch>() as u64);
        assert_eq!((memtable.records(), memtable.bytes(), memtable.since()), (4, bytes, Some(TimeNs(1))));
        insert(&mut memtable, 4, 4, &vec![record(1, "e"); CHUNK_BYTES / 10]);
        assert_eq!(memtable.chunks().len(), 3);
    }

    #[test]
    fn what_is_lost_leaves_without_a_trace() {
        let mut memtable = Memtable::default();
        insert(&mut memtable, 0, 0, &[record(5, "a")]);
        insert(&mut memtable, 1, 1, &[record(90, "b"), record(9, "c")]);
        insert(&mut memtable, 2, 3, &[record(1, "d")]);
        insert(&mut memtable, 3, 10, &[record(1, "e")]);
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
        insert(&mut older, 0, 0, &[record(5, "a")]);
        let mut memtable = Memtable::default();
        insert(&mut memtable, 7, 100, &[record(3, "b")]);
        memtable.prepend(older);
        assert_eq!(messages(&memtable), [(0, "a".to_owned()), (100, "b".to_owned())]);
        assert_eq!((memtable.since(), memtable.records()), (Some(TimeNs(0)), 2));
        assert_eq!(memtable.first_position(), Some(Position { session: 1, index: 0 }));
    }
}
