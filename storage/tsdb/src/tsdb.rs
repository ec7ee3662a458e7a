//! The store's door: registering, appending, what is known of it.

use crate::appender::{Appender, Log};
use crate::block::{Block, Caches};
use crate::head::{Head, Pushed};
use crate::index::Texts;
use crate::metadata::MetadataTable;
use crate::metrics::Metrics;
use crate::state::TsdbState;
use crate::{Appended, BlockStatus, Cardinality, TsdbError, TsdbOptions, TsdbStatus};
use parking_lot::{Mutex, RwLock};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use watchfire_model::{Labels, METRIC_NAME, MetricMetadata, Sample, Samples, Timestamp};
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
}

/// What the store and the readers it gave out hold together.
///
/// Locks are taken in this order: `maintenance`, `appender`, `head.index`, then the samples of a series or `metadata`.
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
    pub(crate) metrics: Metrics,
    /// The time up to which blocks of enough windows agree that it is past; `i64::MIN` where there are too few.
    pub(crate) confirmed_time: AtomicI64,
    /// Held by whoever flushes or deletes.
    pub(crate) maintenance: Mutex<()>,
    /// When the last flush failed, `i64::MIN` when it did not.
    pub(crate) flush_failed: AtomicI64,
}

impl Tsdb {
    /// Opens the store: the manifest's blocks, then the write-ahead log from where they end.
    ///
    /// # Errors
    /// A manifest that is damaged, anything written by a newer version, storage that cannot be read. Damaged blocks and
    /// damaged records of the log are no error: they are left out and counted.
    pub fn open(storage: Arc<dyn Storage>, clock: Arc<dyn Clock>, options: TsdbOptions) -> Result<Tsdb, TsdbError> {
        Ok(Tsdb { shared: Arc::new(crate::open::open(storage, clock, options)?) })
    }

    /// Registers a series, or finds it: the id that `append` takes.
    ///
    /// # Errors
    /// [`TsdbError::SeriesLimit`], [`TsdbError::LabelsTooLong`]; both are counted.
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
        // The epoch may be over when the series is in: it is dropped a flush earlier then, if nothing is appended.
        let epoch = shared.appender.lock().epoch();
        let registered = shared.head.index.write().register(labels, shared.options.series_max, epoch);
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
    /// are too old, too far ahead, or of unknown series are left out, counted and reported; the others are stored.
    ///
    /// # Errors
    /// The log cannot be written; nothing is stored then.
    pub fn append(&self, samples: &[(SeriesId, Sample)]) -> Result<Appended, TsdbError> {
        let shared = &*self.shared;
        let (oldest, newest) = shared.time_limits();
        let mut appended = Appended::default();
        let mut taken = Vec::with_capacity(samples.len());
        let mut appender = shared.appender.lock();
        let index = shared.head.index.read();
        for (position, &(id, sample)) in samples.iter().enumerate() {
            if index.get(id).is_none() {
                appended.unknown.push(position);
            } else if sample.time.0 < oldest {
                appended.too_old += 1;
            } else if sample.time.0 > newest {
                appended.too_far_ahead += 1;
            } else {
                taken.push((id, sample));
            }
        }
        appended.stored = taken.len();
        if !taken.is_empty() {
            let log = Log { wal: &shared.wal, index: &index, metadata: &shared.metadata };
            let until = shared.flushed_until().unwrap_or(i64::MIN);
            appender.enter_windows(shared.windows(&taken, until), log)?;
            appender.write(&taken, log)?;
            let mut scratch = Samples::default();
            let (mut times, mut held, mut strays) = ((i64::MAX, i64::MIN), taken.len(), 0);
            for &(id, Sample { time: Timestamp(time), value }) in &taken {
                let Some(series) = index.get(id) else { continue };
                match series.samples().push(time, value, &mut scratch) {
                    Pushed::Next => {}
                    Pushed::Replaced => {
                        appended.duplicates += 1;
                        held -= 1;
                    }
                    Pushed::Duplicate => appended.duplicates += 1,
                    Pushed::Late => appended.out_of_order += 1,
                }
                times = (times.0.min(time), times.1.max(time));
                strays += usize::from(time < until);
            }
            shared.head.note(times, held, strays);
        }
        drop((index, appender));
        shared.count(&appended);
        Ok(appended)
    }

    /// Blocks until everything appended before is durable.
    ///
    /// # Errors
    /// Something appended before may be lost in a power cut; it stays in the head.
    pub fn commit(&self) -> Result<(), TsdbError> {
        let Some(last) = self.shared.appender.lock().last() else { return Ok(()) };
        self.shared.wal.commit(last)?;
        self.shared.appender.lock().note_durable(last);
        Ok(())
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

    /// Flushes the head when due and applies the retention. Returns quickly when nothing is due.
    ///
    /// # Errors
    /// A flush or deletion failed; nothing is lost, and it is tried again by a later call.
    pub fn maintain(&self) -> Result<(), TsdbError> {
        self.shared.maintain()
    }

    pub fn status(&self) -> TsdbStatus {
        let shared = &*self.shared;
        let blocks = shared.blocks();
        let head = shared.head.times();
        let oldest = blocks.iter().map(|block| block.meta.min_time).chain(head.map(|(min, _)| min)).min();
        let newest = blocks.iter().map(|block| block.meta.max_time).chain(head.map(|(_, max)| max)).max();
        let mut block_status: Vec<BlockStatus> = blocks.iter().map(|block| block_status(block)).collect();
        block_status.sort_by_key(|block| block.min_time);
        TsdbStatus {
            series: shared.head.index.read().len() as u64,
            head_samples: shared.head.samples.load(Ordering::Relaxed),
            head_min_time: head.map(|(min, _)| Timestamp(min)),
            head_max_time: head.map(|(_, max)| Timestamp(max)),
            min_time: oldest.map(Timestamp),
            max_time: newest.map(Timestamp),
            wal_bytes: shared.wal.size(),
            blocks: block_status,
            damaged_blocks: blocks
                .iter()
                .filter(|block| block.is_damaged())
                .map(|block| block.meta.key.clone())
                .collect(),
        }
    }

    /// The `limit` largest contributors to the head's series, per question.
    pub fn cardinality(&self, limit: usize) -> Cardinality {
        let index = self.shared.head.index.read();
        let text = |symbol| index.symbols.text(symbol).to_string();
        let mut found = Cardinality::default();
        for (name, values) in index.postings.names() {
            found.label_pairs += values.len() as u64;
            found.values_by_label.push((text(name), values.len() as u64));
            let is_metric = index.symbols.text(name) == METRIC_NAME;
            let mut by_value: Vec<_> = values.iter().map(|(value, posting)| (value, posting.len())).collect();
            by_value.sort_unstable_by_key(|(_, series)| std::cmp::Reverse(*series));
            for (value, series) in by_value.into_iter().take(limit) {
                found.series_by_pair.push((format!("{}={}", text(name), text(value)), series));
                if is_metric {
                    found.series_by_metric.push((text(value), series));
                }
            }
        }
        for list in [&mut found.series_by_metric, &mut found.values_by_label, &mut found.series_by_pair] {
            list.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            list.truncate(limit);
        }
        found
    }

    /// Memory that the head's series and postings take, approximately; the texts of labels are not counted.
    pub fn head_bytes(&self) -> usize {
        self.shared.head.index.read().size()
    }

    /// Registers the store's metrics, and those of its log, under `tsdb_`.
    pub fn register_metrics(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("tsdb");
        self.shared.metrics.register(registry);
        self.shared.wal.metrics().register(registry);
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

    /// Up to where windows are in blocks.
    pub(crate) fn flushed_until(&self) -> Option<i64> {
        self.manifest.state().flush.map(|flush| flush.until)
    }

    /// Times of the oldest and the newest sample that are taken.
    fn time_limits(&self) -> (i64, i64) {
        let now = self.now();
        let ahead = i64::try_from(self.options.ahead_max.0).unwrap_or(i64::MAX);
        let confirmed = self.confirmed_time.load(Ordering::Relaxed);
        (self.oldest_kept().unwrap_or_else(|| self.before_retention(now)), now.max(confirmed).saturating_add(ahead))
    }

    /// Samples before this time are past the retention; none while too few blocks say what time it is.
    pub(crate) fn oldest_kept(&self) -> Option<i64> {
        match self.confirmed_time.load(Ordering::Relaxed) {
            i64::MIN => None,
            confirmed => Some(self.before_retention(confirmed.min(self.now()))),
        }
    }

    fn before_retention(&self, time: i64) -> i64 {
        time.saturating_sub(i64::try_from(self.options.retention.0).unwrap_or(i64::MAX))
    }

    /// Windows of samples, neighbours once; those before `until` are left out.
    fn windows(&self, samples: &[(SeriesId, Sample)], until: i64) -> impl Iterator<Item = i64> {
        let mut last = None;
        let windows =
            samples.iter().map(|(_, sample)| self.window(sample.time.0)).filter(move |window| *window >= until);
        windows.filter(move |window| last.replace(*window) != Some(*window))
    }

    fn count(&self, appended: &Appended) {
        self.metrics.appended_samples.inc_by(appended.stored as u64);
        self.metrics.duplicate_samples.inc_by(appended.duplicates as u64);
        self.metrics.out_of_order_samples.inc_by(appended.out_of_order as u64);
        self.metrics.too_old_samples.inc_by(appended.too_old as u64);
        self.metrics.too_far_ahead_samples.inc_by(appended.too_far_ahead as u64);
        self.metrics.unknown_series_samples.inc_by(appended.unknown.len() as u64);
        self.metrics.head_samples.inc_by(appended.stored as i64);
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

fn block_status(block: &Block) -> BlockStatus {
    BlockStatus {
        key: block.meta.key.clone(),
        min_time: Timestamp(block.meta.min_time),
        max_time: Timestamp(block.meta.max_time),
        series: block.meta.series,
        samples: block.meta.samples,
        bytes: block.meta.bytes,
    }
}
