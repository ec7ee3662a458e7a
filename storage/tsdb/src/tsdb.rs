//! The store's door.

use crate::appender::{Appender, Log};
use crate::block::{Block, Caches};
use crate::deletion::Deletion;
use crate::exemplars::{ExemplarStore, SavedExemplars};
use crate::failures::{Failures, Work};
use crate::head::Head;
use crate::metadata::MetadataTable;
use crate::metrics::Metrics;
use crate::pin::Pinned;
use crate::replay::ReplayGate;
use crate::scrub::ScrubPlace;
use crate::state::TsdbState;
use crate::status::{ExemplarsAppended, RepairReport, RetentionStep, ScrubReport};
use crate::{Appended, Cardinality, TsdbError, TsdbOptions, TsdbStatus};
use parking_lot::{Mutex, RwLock};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;
use watchfire_model::{Exemplar, Labels, Matcher, MetricMetadata, Point, Sample, TimeRange};
use watchfire_store::{Clock, Manifest, Storage};
use watchfire_wal::Wal;

/// Bytes of all names and values of one label set.
const LABELS_LEN_MAX: usize = 1 << 20;

/// Names a series of the head until the head drops it; `append` then reports it and the caller registers again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(pub u32);

/// The metric store. All methods may be called from any thread.
#[derive(Debug)]
pub struct Tsdb {
    pub(crate) shared: Arc<Shared>,
    /// Reads the log of earlier runs.
    replay: Option<JoinHandle<()>>,
}

/// What the store and the readers it gave out hold together.
///
/// Locks are taken in this order: `maintenance`, `appender`, `head.index`, then the samples of a series,
/// `metadata` or `exemplars`.
pub(crate) struct Shared {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: TsdbOptions,
    pub(crate) wal: Wal,
    pub(crate) manifest: Manifest<TsdbState>,
    pub(crate) head: Head,
    pub(crate) appender: Mutex<Appender>,
    /// In the order in which they were written: of two samples with one time the later block's counts.
    pub(crate) blocks: RwLock<Arc<Vec<Arc<Block>>>>,
    pub(crate) caches: Caches,
    pub(crate) metadata: Mutex<MetadataTable>,
    pub(crate) exemplars: Mutex<ExemplarStore>,
    /// The object that the manifest names.
    pub(crate) saved_exemplars: Mutex<Option<Arc<SavedExemplars>>>,
    pub(crate) deletions: RwLock<Arc<Vec<Deletion>>>,
    pub(crate) metrics: Metrics,
    /// The time up to which blocks of enough windows agree that it is past; `i64::MIN` where there are too few.
    pub(crate) confirmed_time: AtomicI64,
    /// Held by whoever writes or deletes blocks.
    pub(crate) maintenance: Mutex<()>,
    /// When the last flush failed, `i64::MIN` when it did not.
    pub(crate) flush_failed: AtomicI64,
    /// When the last compaction failed, `i64::MIN` when it did not.
    pub(crate) compaction_failed: AtomicI64,
    pub(crate) replay: ReplayGate,
    pub(crate) scrub_place: Mutex<ScrubPlace>,
    pub(crate) failures: Failures,
    /// Blocks that were written for transactions that failed.
    pub(crate) unlisted: Mutex<Vec<String>>,
    /// Long work ends at its next look.
    pub(crate) is_closing: AtomicBool,
}

impl Tsdb {
    /// Opens the store and returns at once: blocks answer, samples are taken. What the write-ahead log holds beyond the
    /// blocks is read behind, by a thread: see [`TsdbStatus::replay`](crate::TsdbStatus).
    ///
    /// # Errors
    /// A manifest that is damaged, anything written by a newer version, storage that cannot be read. Damaged blocks and
    /// damaged records of the log are no error: they are left out and counted.
    pub fn open(storage: Arc<dyn Storage>, clock: Arc<dyn Clock>, options: TsdbOptions) -> Result<Tsdb, TsdbError> {
        let (shared, backlog) = crate::open::open(storage, clock, options)?;
        let shared = Arc::new(shared);
        let replay = crate::replay::start(&shared, backlog);
        Ok(Tsdb { shared, replay })
    }

    /// Blocks until the log of earlier runs is read: every sample is in answers from then on.
    ///
    /// # Errors
    /// The log cannot be read at the moment, or the store is being closed.
    pub fn wait_ready(&self) -> Result<(), TsdbError> {
        self.shared.replay.wait()
    }

    /// Registers a series, or finds it: the id that `append` takes.
    ///
    /// # Errors
    /// [`TsdbError::SeriesLimit`], [`TsdbError::HeadFull`], [`TsdbError::LabelsTooLong`]; all are counted.
    pub fn register(&self, labels: &Labels) -> Result<SeriesId, TsdbError> {
        let shared = &*self.shared;
        if let Some(series) = shared.head.index.read().find(labels) {
            return Ok(series.id);
        }
        let len = labels.iter().map(|label| label.name.len() + label.value.len()).sum();
        if len > LABELS_LEN_MAX {
            shared.metrics.refused_series.inc();
            return Err(TsdbError::LabelsTooLong { len, max: LABELS_LEN_MAX });
        }
        let max = shared.options.head_bytes_max;
        if shared.head.bytes() >= max.0 {
            shared.metrics.refused_series.inc();
            return Err(TsdbError::HeadFull { max });
        }
        // The epoch may be over when the series is in: it is dropped a flush earlier then, if nothing is appended.
        let epoch = shared.appender.lock().epoch();
        let registered = shared.head.register(labels, shared.options.series_max, epoch);
        let (series, is_new) = registered.inspect_err(|_| {
            shared.metrics.refused_series.inc();
        })?;
        if is_new {
            shared.metrics.created_series.inc();
            shared.metrics.head_series.inc();
        }
        Ok(series.id)
    }

    /// Adds samples to the log's buffer and the head: visible to queries at once, durable after `commit`. Samples that
    /// are too old, too far ahead, or of unknown series are left out, counted and reported; the others are stored. While
    /// the log of earlier runs is read, samples are not compared with what is there: none counts as duplicate or late.
    ///
    /// # Errors
    /// [`TsdbError::DiskFull`], [`TsdbError::HeadFull`], [`TsdbError::Replaying`], or the log cannot be written: nothing
    /// is stored then.
    pub fn append(&self, samples: &[(SeriesId, Sample)]) -> Result<Appended, TsdbError> {
        self.shared.append(samples)
    }

    /// As [`Tsdb::append`], for samples that may be histograms or say when counting began. Buckets without observations are
    /// not kept; a hint that there was no reset is not kept either: the histogram before tells.
    ///
    /// # Errors
    /// Those of [`Tsdb::append`].
    pub fn append_points(&self, points: &[(SeriesId, Point)]) -> Result<Appended, TsdbError> {
        self.shared.append_points(points)
    }

    /// Adds exemplars of registered series to the log's buffer and the store, durable after `commit`. Of all series the
    /// newest [`TsdbOptions::exemplars_max`] are kept.
    ///
    /// # Errors
    /// Those of [`Tsdb::append`].
    pub fn append_exemplars(&self, exemplars: &[(SeriesId, Exemplar)]) -> Result<ExemplarsAppended, TsdbError> {
        self.shared.append_exemplars(exemplars)
    }

    /// Blocks until everything appended before is durable.
    ///
    /// # Errors
    /// Something appended before may be lost in a power cut; it stays in the head, and the next commit writes it again.
    pub fn commit(&self) -> Result<(), TsdbError> {
        let committed = self.shared.commit();
        self.shared.failures.note(Work::Commit, &committed);
        committed
    }

    /// Notes what an exposition says of a metric. Up to four different descriptions are kept, the last ones.
    pub fn set_metadata(&self, metric: &str, metadata: MetricMetadata) {
        let shared = &*self.shared;
        let Some(metadata) = shared.metadata.lock().set(metric, metadata) else { return };
        let mut appender = shared.appender.lock();
        let index = shared.head.index.read();
        let log = Log { wal: &shared.wal, index: &index, metadata: &shared.metadata };
        if appender.write_metadata(metric, &metadata, log).is_err() {
            shared.metrics.failed_metadata_writes.inc();
        }
    }

    /// What is known of every metric, sorted by metric; of each the last description noted comes last.
    pub fn metadata(&self) -> Vec<(String, Vec<MetricMetadata>)> {
        let metadata = self.shared.metadata.lock();
        metadata.iter().map(|(metric, variants)| (metric.to_owned(), variants.to_vec())).collect()
    }

    /// Flushes the head when due, applies the retention, and carries out one step of compaction. Returns quickly when
    /// nothing is due. Compaction of much data takes long; flushes that come due meanwhile are made meanwhile.
    ///
    /// # Errors
    /// One of them failed; nothing is lost, and it is tried again by a later call.
    pub fn maintain(&self) -> Result<(), TsdbError> {
        self.shared.maintain()
    }

    /// Merges and splits blocks until all are in order. Returns how many steps that took.
    ///
    /// # Errors
    /// A step failed; its blocks are as before.
    pub fn compact(&self) -> Result<u64, TsdbError> {
        self.shared.compact_all()
    }

    /// What the retention would delete or rewrite now.
    pub fn retention_preview(&self) -> Vec<RetentionStep> {
        self.shared.retention_steps()
    }

    /// Reads blocks from where the last call ended and compares every checksum, until about `bytes_max` bytes are read or
    /// the last block is reached.
    ///
    /// # Errors
    /// Storage that cannot be read; the next call goes on behind that block.
    pub fn scrub(&self, bytes_max: u64) -> Result<ScrubReport, TsdbError> {
        self.shared.scrub(bytes_max)
    }

    /// Writes damaged blocks anew: from the log where that still holds their samples, else what can be read of them. What
    /// is lost is told by the status and by answers; the damaged objects are kept for a while under `damaged/`.
    ///
    /// # Errors
    /// A block could not be written anew; it is as before.
    pub fn repair(&self) -> Result<RepairReport, TsdbError> {
        self.shared.repair()
    }

    /// Deletes the samples and exemplars within `range` (both ends inclusive) of the series that pass any of the selectors,
    /// durable when it returns. Blocks keep them, unseen, until they are merged or cleaned. What comes later stays. Returns
    /// how many series were touched: those that had samples in the head, and those of blocks that overlap the range.
    ///
    /// # Errors
    /// [`TsdbError::TombstoneLimit`]; the log or the manifest cannot be written: nothing is deleted then, or, where that is
    /// in doubt, all of it after the next start.
    pub fn delete_series(&self, selectors: &[Vec<Matcher>], range: TimeRange) -> Result<u64, TsdbError> {
        self.shared.delete_series(selectors, range)
    }

    /// Writes anew every block with deleted samples, and drops series that hold nothing.
    ///
    /// # Errors
    /// A block could not be written anew; it and those after it are as before.
    pub fn clean_tombstones(&self) -> Result<(), TsdbError> {
        self.shared.clean_tombstones()
    }

    /// Holds the whole store as it is now, for a backup: writes the head to blocks, and keeps every object that the
    /// manifest names until the answer is dropped.
    ///
    /// # Errors
    /// The head cannot be written, or the log of earlier runs is not read yet.
    pub fn pin(&self) -> Result<Pinned, TsdbError> {
        self.shared.pin()
    }

    /// Lets long work in other threads end soon: replay, compaction, scrub. What has been appended stays to be committed.
    pub fn close(&self) {
        self.shared.is_closing.store(true, Ordering::Relaxed);
        self.shared.replay.wake();
    }

    pub fn status(&self) -> TsdbStatus {
        self.shared.status()
    }

    /// The `limit` largest contributors to the head's series, per question.
    pub fn cardinality(&self, limit: usize) -> Cardinality {
        self.shared.cardinality(limit)
    }

    /// Memory of the head: samples, labels, postings, and the part of the log that is not durable yet.
    pub fn head_bytes(&self) -> usize {
        usize::try_from(self.shared.head.bytes()).unwrap_or(usize::MAX)
    }

    /// Registers the store's metrics, and those of its log, under `tsdb_`.
    pub fn register_metrics(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("tsdb");
        self.shared.metrics.register(registry);
        self.shared.wal.metrics().register(registry);
    }
}

impl Drop for Tsdb {
    fn drop(&mut self) {
        self.close();
        if let Some(replay) = self.replay.take() {
            // A panic has been told on standard error; there is nobody left to hear of it.
            drop(replay.join());
        }
    }
}

impl Shared {
    pub(crate) fn blocks(&self) -> Arc<Vec<Arc<Block>>> {
        Arc::clone(&self.blocks.read())
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now().to_ms().0
    }

    pub(crate) fn span(&self) -> i64 {
        self.options.block_span.0.clamp(1, i64::MAX as u64 / 4) as i64
    }

    /// The start of the block window that a time lies in.
    pub(crate) fn window(&self, time: i64) -> i64 {
        time - time.rem_euclid(self.span())
    }

    /// Fails when long work is to end.
    pub(crate) fn check_closing(&self) -> Result<(), TsdbError> {
        if self.is_closing.load(Ordering::Relaxed) { Err(TsdbError::Closing) } else { Ok(()) }
    }

    /// Up to where windows are in blocks.
    pub(crate) fn flushed_until(&self) -> Option<i64> {
        self.manifest.state().flush.map(|flush| flush.until)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("options", &self.options)
            .field("blocks", &self.blocks().len())
            .finish_non_exhaustive()
    }
}
