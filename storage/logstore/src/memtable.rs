//! Fresh records, searchable as they come in.

use std::sync::Arc;
use watchfire_model::{LogRecord, TimeNs};

/// Small batches are gathered into chunks of about this many records.
const CHUNK_RECORDS: usize = 1024;

/// Records in order of arrival. Readers share the chunks, so that they never hold up an append for longer than it takes
/// to copy the list of them.
#[derive(Debug, Default)]
pub(crate) struct Memtable {
    chunks: Vec<Arc<Chunk>>,
    bytes: u64,
    records: u64,
    /// When the first record was inserted.
    since: Option<TimeNs>,
    received_max: Option<TimeNs>,
}

/// Records with consecutive numbers.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) first_sequence: u64,
    pub(crate) records: Vec<LogRecord>,
    /// Earliest and latest event time.
    pub(crate) times: (TimeNs, TimeNs),
}

impl Memtable {
    /// Adds records, at least one, which take `memory` bytes.
    pub(crate) fn insert(&mut self, first_sequence: u64, records: Vec<LogRecord>, memory: u64, now: TimeNs) {
        self.bytes += memory;
        self.records += records.len() as u64;
        self.since.get_or_insert(now);
        self.received_max = self.received_max.max(records.iter().map(|record| record.received).max());
        if let Some(last) = self.chunks.last_mut().and_then(Arc::get_mut)
            && last.end_sequence() == first_sequence
            && last.records.len() + records.len() <= CHUNK_RECORDS
        {
            last.extend(records);
        } else {
            self.chunks.push(Arc::new(Chunk::new(first_sequence, records)));
        }
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

    pub(crate) fn received_max(&self) -> Option<TimeNs> {
        self.received_max
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

    #[test]
    fn small_batches_share_a_chunk_unless_somebody_reads_it() {
        let mut memtable = Memtable::default();
        memtable.insert(0, vec![record(5, "a")], 10, TimeNs(1));
        memtable.insert(1, vec![record(3, "b"), record(9, "c")], 10, TimeNs(2));
        assert_eq!(memtable.chunks().len(), 1);
        assert_eq!(memtable.chunks()[0].times, (TimeNs(3), TimeNs(9)));
        let snapshot = memtable.chunks().to_vec();
        memtable.insert(3, vec![record(1, "d")], 10, TimeNs(3));
        assert_eq!(snapshot[0].records.len(), 3);
        assert_eq!(memtable.chunks().len(), 2);
        assert_eq!((memtable.records(), memtable.bytes(), memtable.since()), (4, 30, Some(TimeNs(1))));
        memtable.insert(4, vec![record(1, "e"); CHUNK_RECORDS], 10, TimeNs(3));
        assert_eq!(memtable.chunks().len(), 3);
    }
}
