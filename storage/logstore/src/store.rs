//! The store itself: takes records in, answers, and is opened again after any end.

use crate::batch::{BATCH_VERSION, BatchEncoder, BatchError, decode};
use crate::block::layout::GRANULE_ROWS;
use crate::block::{Block, BlockCache};
use crate::flush::{Flusher, Frozen};
use crate::memtable::{Chunk, Memtable};
use crate::metrics::Metrics;
use crate::query::{self, Snapshot, Source};
use crate::state::{BlockMeta, LogState};
use crate::tail::Tails;
use crate::{
    Fields, FieldsRequest, Histogram, HistogramRequest, LogStoreError, LogStoreOptions, LogStoreStatus, RecordId,
    SearchRequest, SearchResult, StoredRecord, Tail,
};
use parking_lot::{Condvar, Mutex};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use watchfire_model::{LogRecord, QueryBudget, TimeNs};
use watchfire_store::{Clock, Manifest, Storage};
use watchfire_wal::{Position, Wal, WalOptions};

/// A batch larger than this becomes several records of the write-ahead log.
const WAL_BATCH_BYTES: usize = 8 << 20;
/// The longest single record.
const RECORD_BYTES_MAX: usize = 256 << 20;
const WAL_DIRECTORY: &str = "wal/logs";
const MANIFEST_PREFIX: &str = "manifest/logs";

/// Keeps log records and finds them again.
///
/// A thread of its own writes full memtables out; it ends when the store is dropped. Records in memory are not written
/// out then: the next opening replays them from the write-ahead log.
#[derive(Debug)]
pub struct LogStore {
    inner: Arc<Inner>,
    /// Joined on drop.
    _flusher: Flusher,
}

/// What the store shares with its flushing thread.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: LogStoreOptions,
    /// Rows of a granule in new blocks.
    pub(crate) granule_rows: usize,
    pub(crate) manifest: Manifest<LogState>,
    pub(crate) wal: Wal,
    pub(crate) cache: Arc<BlockCache>,
    pub(crate) metrics: Metrics,
    /// Held while a batch gets its numbers and its place in the write-ahead log. Taken before `fresh`.
    appender: Mutex<Appender>,
    pub(crate) fresh: Mutex<Fresh>,
    /// Signals that `fresh.frozen` or `fresh.flush_failed` has changed.
    pub(crate) flush_changed: Condvar,
    /// Held by whoever changes the manifest or looks for orphans. Taken before `appender`.
    pub(crate) maintenance: Mutex<()>,
    tails: Tails,
}

#[derive(Debug)]
struct Appender {
    next_sequence: u64,
    buffer: Vec<u8>,
}

/// What readers see; locked for moments only.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    pub(crate) active: Memtable,
    /// Being written out. Readers see it until they see its blocks.
    pub(crate) frozen: Option<Arc<Frozen>>,
    pub(crate) blocks: Arc<Vec<Arc<Block>>>,
    /// The last flush failed and is tried again by `maintain`.
    pub(crate) flush_failed: bool,
}

impl LogStore {
    /// Opens the store, replays what its write-ahead log holds beyond the blocks, and deletes orphaned objects.
    pub fn open(
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        options: LogStoreOptions,
    ) -> Result<LogStore, LogStoreError> {
        LogStore::open_with(storage, clock, options, GRANULE_ROWS)
    }

    /// Tests open stores whose blocks have many small granules.
    pub(crate) fn open_with(
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        options: LogStoreOptions,
        granule_rows: usize,
    ) -> Result<LogStore, LogStoreError> {
        let manifest: Manifest<LogState> = Manifest::open(Arc::clone(&storage), MANIFEST_PREFIX)?;
        let state = manifest.state();
        let metrics = Metrics::default();
        let mut replay = Replay { next_sequence: state.next_sequence, now: clock.now(), ..Replay::default() };
        let wal_options = WalOptions { record_bytes_max: RECORD_BYTES_MAX, ..WalOptions::default() };
        let (wal, _) =
            Wal::open(Arc::clone(&storage), WAL_DIRECTORY, wal_options, state.covered, &mut |_, payload| {
                replay.visit(payload, &metrics);
            })?;
        if let Some(found) = replay.newer {
            return Err(LogStoreError::Newer { found, known: BATCH_VERSION });
        }
        let cache = Arc::new(BlockCache::new(options.cache_bytes_max.0));
        let open_block =
            |meta: &BlockMeta| Arc::new(Block::new(meta.clone(), Arc::clone(&storage), Arc::clone(&cache)));
        let blocks = Arc::new(state.blocks.values().map(open_block).collect());
        let inner = Arc::new(Inner {
            storage,
            clock,
            options,
            granule_rows,
            manifest,
            wal,
            cache,
            metrics,
            appender: Mutex::new(Appender { next_sequence: replay.next_sequence, buffer: Vec::new() }),
            fresh: Mutex::new(Fresh { active: replay.memtable, frozen: None, blocks, flush_failed: false }),
            flush_changed: Condvar::new(),
            maintenance: Mutex::new(()),
            tails: Tails::default(),
        });
        inner.sweep()?;
        inner.measure();
        let flusher = Flusher::start(&inner)?;
        Ok(LogStore { inner, _flusher: flusher })
    }

    /// Adds records to the WAL buffer and the memtable: searchable at once, durable after [`LogStore::commit`]. Waits
    /// while both the memtable and the one being written out are full.
    ///
    /// # Errors
    /// [`LogStoreError::Backlog`] when writing out fails; of a batch beyond 8 MiB a part may be stored.
    pub fn append(&self, records: Vec<LogRecord>) -> Result<Position, LogStoreError> {
        self.inner.append(records)
    }

    /// Blocks until the records of the append that returned `position`, and all before them, are durable.
    ///
    /// # Errors
    /// The records stay searchable, but may be gone after a restart.
    pub fn commit(&self, position: Position) -> Result<(), LogStoreError> {
        Ok(self.inner.wal.commit(position)?)
    }

    /// The newest records that pass, a page at a time.
    pub fn search(&self, request: &SearchRequest, budget: &QueryBudget) -> Result<SearchResult, LogStoreError> {
        query::search(&*self.inner, request, budget)
    }

    /// How many records pass, over time.
    pub fn histogram(&self, request: &HistogramRequest, budget: &QueryBudget) -> Result<Histogram, LogStoreError> {
        query::histogram(&*self.inner, request, budget)
    }

    /// The fields of the records that pass.
    pub fn fields(&self, request: &FieldsRequest, budget: &QueryBudget) -> Result<Fields, LogStoreError> {
        query::fields(&*self.inner, request, budget)
    }

    /// Every batch accepted from now on; a slow reader loses whole batches and is told how many records.
    pub fn tail(&self) -> Tail {
        self.inner.tails.subscribe()
    }

    /// Writes the records in memory out as blocks, now.
    pub fn flush(&self) -> Result<(), LogStoreError> {
        self.inner.flush()
    }

    /// Flushes what is due, deletes what is past its retention, sweeps orphans now and then. Call it every second or
    /// so.
    pub fn maintain(&self) -> Result<(), LogStoreError> {
        self.inner.maintain()
    }

    pub fn status(&self) -> LogStoreStatus {
        self.inner.status()
    }

    pub fn register_metrics(&self, registry: &mut Registry) {
        self.inner.metrics.register(registry);
        self.inner.wal.metrics().register(registry.sub_registry_with_prefix("logstore"));
    }
}

impl Inner {
    fn append(&self, records: Vec<LogRecord>) -> Result<Position, LogStoreError> {
        if records.is_empty() {
            return Ok(Position::START);
        }
        self.wait_for_room(records.len())?;
        let buffer = std::mem::take(&mut self.appender.lock().buffer);
        let mut encoder = BatchEncoder::new(buffer);
        let mut pending = Vec::with_capacity(records.len());
        let mut position = Position::START;
        for record in records {
            encoder.push(&record);
            pending.push(record);
            if encoder.len() >= WAL_BATCH_BYTES {
                position = self.insert(&mut encoder, std::mem::take(&mut pending))?;
                encoder = BatchEncoder::new(encoder.into_buffer());
            }
        }
        if !pending.is_empty() {
            position = self.insert(&mut encoder, pending)?;
        }
        self.appender.lock().buffer = encoder.into_buffer();
        Ok(position)
    }

    /// Waits until the memtable has room, or a failed flush says that it will not have any soon.
    fn wait_for_room(&self, records: usize) -> Result<(), LogStoreError> {
        let bytes_max = self.options.memtable_bytes_max.0;
        let mut fresh = self.fresh.lock();
        while fresh.frozen.is_some() && fresh.active.bytes() >= bytes_max {
            if fresh.flush_failed {
                self.metrics.refused_records.inc_by(records as u64);
                let bytes = fresh.memory();
                return Err(LogStoreError::Backlog { bytes, bytes_max: 2 * bytes_max });
            }
            self.flush_changed.wait(&mut fresh);
        }
        Ok(())
    }

    /// Numbers a batch, logs it, and shows it to readers.
    fn insert(&self, encoder: &mut BatchEncoder, records: Vec<LogRecord>) -> Result<Position, LogStoreError> {
        if encoder.len() > RECORD_BYTES_MAX {
            self.metrics.refused_records.inc_by(records.len() as u64);
            return Err(LogStoreError::RecordTooLarge { bytes: encoder.len(), bytes_max: RECORD_BYTES_MAX });
        }
        let count = encoder.records() as u64;
        let memory = encoder.memory();
        let now = self.clock.now();
        let mut appender = self.appender.lock();
        let first_sequence = appender.next_sequence;
        let position = match self.wal.append(encoder.finish(first_sequence)) {
            Ok(position) => position,
            Err(error) => {
                self.metrics.refused_records.inc_by(count);
                return Err(error.into());
            }
        };
        appender.next_sequence += count;
        self.metrics.appended_records.inc_by(count);
        if !self.tails.is_empty() {
            self.send_to_tails(first_sequence, &records);
        }
        let mut fresh = self.fresh.lock();
        fresh.active.insert(first_sequence, records, memory, now);
        if fresh.active.bytes() >= self.options.memtable_bytes_max.0 && fresh.frozen.is_none() {
            fresh.freeze(self.wal.next_position(), appender.next_sequence);
            self.flush_changed.notify_all();
        }
        self.metrics.memtable_bytes.set(fresh.memory() as i64);
        Ok(position)
    }

    fn send_to_tails(&self, first_sequence: u64, records: &[LogRecord]) {
        let stored = (first_sequence..).zip(records).map(|(sequence, record)| {
            let mut record = record.clone();
            query::sort_fields(&mut record);
            StoredRecord { id: RecordId { time: record.time, sequence }, record }
        });
        let lost = self.tails.send(&stored.collect());
        self.metrics.tail_lost_records.inc_by(lost);
    }

    /// Takes the memtable out of use, if there is anything in it and nothing else is being written out.
    pub(crate) fn freeze(&self) {
        let appender = self.appender.lock();
        let mut fresh = self.fresh.lock();
        if fresh.frozen.is_none() && !fresh.active.is_empty() {
            fresh.freeze(self.wal.next_position(), appender.next_sequence);
        }
    }

    /// The newest arrival in the store.
    pub(crate) fn received_max(&self) -> Option<TimeNs> {
        let fresh = self.fresh.lock();
        let in_blocks = fresh.blocks.iter().map(|block| block.meta.received_max).max();
        let in_frozen = fresh.frozen.as_ref().and_then(|frozen| frozen.memtable.received_max());
        in_blocks.max(in_frozen).max(fresh.active.received_max())
    }

    fn status(&self) -> LogStoreStatus {
        let wal_bytes = self.wal.size();
        let fresh = self.fresh.lock();
        let mut status = LogStoreStatus { wal_bytes, ..LogStoreStatus::default() };
        for memtable in fresh.memtables() {
            status.memtable_records += memtable.records();
            status.memtable_bytes += memtable.bytes();
        }
        status.records = status.memtable_records;
        let mut spans: Vec<(TimeNs, TimeNs)> = fresh.chunks().map(|chunk| chunk.times).collect();
        for block in fresh.blocks.iter() {
            status.blocks += 1;
            status.records += block.meta.rows;
            status.block_bytes += block.meta.bytes();
            spans.push((block.meta.time_min, block.meta.time_max));
        }
        status.times = spans.into_iter().reduce(|all, span| (all.0.min(span.0), all.1.max(span.1)));
        status
    }

    /// Brings the gauges up to date.
    pub(crate) fn measure(&self) {
        let fresh = self.fresh.lock();
        self.metrics.memtable_bytes.set(fresh.memory() as i64);
        self.metrics.blocks.set(fresh.blocks.len() as i64);
        self.metrics.block_bytes.set(fresh.blocks.iter().map(|block| block.meta.bytes()).sum::<u64>() as i64);
        self.metrics.cache_bytes.set(self.cache.bytes() as i64);
    }
}

impl Fresh {
    fn freeze(&mut self, covered: Position, next_sequence: u64) {
        let memtable = std::mem::take(&mut self.active);
        self.frozen = Some(Arc::new(Frozen { memtable, covered, next_sequence }));
    }

    fn memtables(&self) -> impl Iterator<Item = &Memtable> {
        self.frozen.iter().map(|frozen| &frozen.memtable).chain([&self.active])
    }

    fn chunks(&self) -> impl Iterator<Item = &Arc<Chunk>> {
        self.memtables().flat_map(Memtable::chunks)
    }

    /// Memory that all fresh records take.
    fn memory(&self) -> u64 {
        self.memtables().map(Memtable::bytes).sum()
    }
}

impl Source for Inner {
    fn snapshot(&self) -> Snapshot {
        let fresh = self.fresh.lock();
        Snapshot { chunks: fresh.chunks().cloned().collect(), blocks: fresh.blocks.to_vec() }
    }

    fn note_damaged(&self) {
        self.metrics.damaged_blocks.inc();
    }
}

/// Rebuilds the memtable from the write-ahead log.
#[derive(Debug, Default)]
struct Replay {
    memtable: Memtable,
    next_sequence: u64,
    now: TimeNs,
    /// Version of a batch that this program is too old for.
    newer: Option<u8>,
}

impl Replay {
    fn visit(&mut self, payload: &[u8], metrics: &Metrics) {
        match decode(payload) {
            Ok(batch) if !batch.records.is_empty() => {
                let count = batch.records.len() as u64;
                self.next_sequence = self.next_sequence.max(batch.first_sequence.saturating_add(count));
                self.memtable.insert(batch.first_sequence, batch.records, batch.memory, self.now);
                metrics.replayed_records.inc_by(count);
            }
            Ok(_) => {}
            Err(BatchError::Newer { found }) => self.newer = Some(found),
            Err(BatchError::Malformed) => {
                metrics.malformed_batches.inc();
            }
        }
    }
}
