//! The store itself: takes records in, answers, and is opened again after any end.

use crate::append::{Appender, BATCH_BYTES_MAX};
use crate::fresh::Fresh;
use crate::metrics::Metrics;
use crate::query::{self, QueryPool};
use crate::scrub::ScrubPlace;
use crate::state::LogState;
use crate::tail::Tails;
use crate::worker::Worker;
use crate::{
    Fields, FieldsRequest, Histogram, HistogramRequest, LogStoreError, LogStoreOptions, LogStoreStatus, Pinned,
    RepairReport, Retention, Retiring, ScrubReport, SearchRequest, SearchResult, Tail,
};
use crate::{compact, flush, replay};
use parking_lot::{Condvar, Mutex};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use watchfire_logblock::block::layout::GRANULE_ROWS;
use watchfire_logblock::block::{Block, BlockCache};
use watchfire_model::{LogRecord, QueryBudget};
use watchfire_store::{Clock, Manifest, Storage};
use watchfire_wal::{Backlog, Position, Wal, WalOptions};

const WAL_DIRECTORY: &str = "wal/logs";
pub(crate) const MANIFEST_PREFIX: &str = "manifest/logs";
/// Between the numbers of a store of the first format, as far as its manifest and log tell, and those given out next:
/// more records than may have been given numbers and then lost.
const FIRST_FORMAT_GAP: u64 = 1 << 32;

/// Keeps log records and finds them again.
///
/// Threads of its own replay the write-ahead log, write full memtables out and merge blocks; they end when the store is
/// dropped. Records in memory are not written out then: the next opening replays them from the write-ahead log.
#[derive(Debug)]
pub struct LogStore {
    pub(crate) inner: Arc<Inner>,
    /// Joined on drop.
    _workers: Vec<Worker>,
}

/// What the store shares with its threads. Locks are taken in the order in which they stand here.
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
    pub(crate) tails: Tails,
    pub(crate) queries: QueryPool,
    /// Counts the blocks written, for their keys.
    pub(crate) next_serial: AtomicU64,
    /// Memory that flushes, merges and repairs hold.
    pub(crate) working_bytes: AtomicU64,
    /// Where the scrub goes on; held while it is at work.
    pub(crate) scrubbed: Mutex<ScrubPlace>,
    /// Held during a merge or a repair: both take blocks away.
    pub(crate) compaction: Mutex<()>,
    /// Held by whoever changes which blocks there are.
    pub(crate) maintenance: Mutex<()>,
    /// Keys of objects that a failed transaction has named.
    pub(crate) undecided: Mutex<Vec<String>>,
    /// As the options say, until somebody sets another one.
    pub(crate) retention: Mutex<Retention>,
    pub(crate) appender: Mutex<Appender>,
    pub(crate) fresh: Mutex<Fresh>,
    /// Signals a change of `fresh` that somebody may wait for.
    pub(crate) changed: Condvar,
}

impl LogStore {
    /// Opens the store and deletes orphaned objects. It answers from its blocks and takes records in at once; what its
    /// write-ahead log holds beyond the blocks follows in the background, and answers say so until it is there.
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
        let compacts = options.compact_in_background;
        let (inner, backlog) = Inner::open(storage, clock, options, granule_rows)?;
        inner.sweep();
        inner.measure();
        let mut workers = vec![flush::start(&inner)?, replay::start(&inner, backlog)?];
        if compacts {
            workers.push(compact::start(&inner)?);
        }
        Ok(LogStore { inner, _workers: workers })
    }

    /// Waits until the records of earlier openings are all there.
    ///
    /// # Errors
    /// The write-ahead log cannot be read further.
    pub fn wait_ready(&self) -> Result<(), LogStoreError> {
        self.inner.wait_ready()
    }

    /// Adds records to the WAL buffer and the memtable, all of them or none: searchable at once, durable after
    /// [`LogStore::commit`]. Waits while both the memtable and the one being written out are full.
    ///
    /// # Errors
    /// [`LogStoreError::DiskFull`] and [`LogStoreError::Backlog`] are over once there is room.
    #[expect(clippy::needless_pass_by_value, reason = "most callers have no more use for the records")]
    pub fn append(&self, records: Vec<LogRecord>) -> Result<Position, LogStoreError> {
        self.inner.append(&records)
    }

    /// The same for records that the caller keeps, to try again should they be refused. They are encoded, not copied.
    pub fn append_slice(&self, records: &[LogRecord]) -> Result<Position, LogStoreError> {
        self.inner.append(records)
    }

    /// Blocks until the records of the append that returned `position`, and all before them, are durable.
    ///
    /// # Errors
    /// The records are gone, from answers too, and will not come back: they may be appended again. (Only when the process
    /// dies before the next commit may the next opening find them.)
    pub fn commit(&self, position: Position) -> Result<(), LogStoreError> {
        self.inner.commit(position)
    }

    /// The first records that pass, a page at a time.
    pub fn search(&self, request: &SearchRequest, budget: &QueryBudget) -> Result<SearchResult, LogStoreError> {
        query::search(&self.inner, request, budget)
    }

    /// How many records pass, over time.
    pub fn histogram(&self, request: &HistogramRequest, budget: &QueryBudget) -> Result<Histogram, LogStoreError> {
        query::histogram(&self.inner, request, budget)
    }

    /// The fields of the records that pass.
    pub fn fields(&self, request: &FieldsRequest, budget: &QueryBudget) -> Result<Fields, LogStoreError> {
        query::fields(&self.inner, request, budget)
    }

    /// Every batch accepted from now on; a slow reader loses whole batches and is told how many records.
    pub fn tail(&self) -> Tail {
        self.inner.tails.subscribe()
    }

    /// Writes the records in memory out as blocks, now; first waits for those of earlier openings.
    pub fn flush(&self) -> Result<(), LogStoreError> {
        self.inner.wait_ready()?;
        self.inner.flush()
    }

    /// Flushes what is due and deletes what is past its retention. Call it every second or so.
    pub fn maintain(&self) -> Result<(), LogStoreError> {
        self.inner.maintain()
    }

    /// Merges small blocks until none are left that are worth it. A thread of the store does so by itself, unless the
    /// options say no.
    pub fn compact(&self) -> Result<(), LogStoreError> {
        self.inner.compact()
    }

    /// What [`LogStore::maintain`] would delete now, and why.
    pub fn retention_preview(&self) -> Vec<Retiring> {
        self.inner.retiring()
    }

    /// Keeps records for other times than the options said, from the next [`LogStore::maintain`] on.
    pub fn set_retention(&self, retention: Retention) {
        *self.inner.retention.lock() = retention;
    }

    /// Reads about `bytes_max` bytes (one block or segment at least) of blocks, write-ahead log and manifest, where the call
    /// before stopped, and sets damaged blocks aside. Called often enough, everything is read once in a while even if
    /// nobody asks for it.
    pub fn scrub(&self, bytes_max: u64) -> ScrubReport {
        self.inner.scrub(bytes_max)
    }

    /// Makes new blocks of the damaged ones: from the write-ahead log where it still holds their records, otherwise of
    /// what is left of them. Their objects are kept under `damaged/`; what is lost for good is counted and named in every
    /// answer that misses it.
    pub fn repair(&self) -> Result<RepairReport, LogStoreError> {
        self.inner.repair()
    }

    /// Writes out what is in memory, and holds everything that makes up the store now until the pin is dropped.
    pub fn pin(&self) -> Result<Pinned, LogStoreError> {
        self.flush()?;
        self.inner.pin()
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
    fn open(
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        options: LogStoreOptions,
        granule_rows: usize,
    ) -> Result<(Arc<Inner>, Backlog), LogStoreError> {
        let manifest: Manifest<LogState> = Manifest::open(Arc::clone(&storage), MANIFEST_PREFIX)?;
        let state = manifest.state();
        let wal_options = WalOptions {
            record_bytes_max: BATCH_BYTES_MAX,
            keep_bytes: options.wal_keep_bytes.0,
            ..WalOptions::default()
        };
        let (wal, backlog) = Wal::open_behind(Arc::clone(&storage), WAL_DIRECTORY, wal_options, state.covered)?;
        let cache = Arc::new(BlockCache::new(options.cache_bytes_max.0));
        let open_block = |meta| Arc::new(Block::new(meta, Arc::clone(&storage), Arc::clone(&cache)));
        let blocks = Arc::new(state.blocks.values().cloned().map(open_block).collect());
        let inner = Inner {
            appender: Mutex::new(Appender::new(first_number(&state, &backlog))),
            retention: Mutex::new(Retention::of(&options)),
            storage,
            clock,
            options,
            granule_rows,
            manifest,
            wal,
            cache,
            metrics: Metrics::default(),
            tails: Tails::default(),
            queries: QueryPool::new()?,
            next_serial: AtomicU64::new(0),
            working_bytes: AtomicU64::new(0),
            scrubbed: Mutex::default(),
            compaction: Mutex::new(()),
            maintenance: Mutex::new(()),
            undecided: Mutex::new(Vec::new()),
            fresh: Mutex::new(Fresh { blocks, ..Fresh::default() }),
            changed: Condvar::new(),
        };
        Ok((Arc::new(inner), backlog))
    }
}

/// A number above those of all records, the ones in the backlog included.
fn first_number(state: &LogState, backlog: &Backlog) -> u64 {
    if state.reserved > 0 {
        return state.reserved;
    }
    // Stores of the first format: a record takes more than a byte of the log, so its bytes bound their count.
    let unread = backlog.bytes();
    let gap = if unread > 0 { FIRST_FORMAT_GAP } else { 0 };
    state.next_sequence + unread + gap
}
