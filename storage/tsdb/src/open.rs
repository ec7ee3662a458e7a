//! Opening: blocks as the manifest names them, then the log.

use crate::appender::Appender;
use crate::block::{Block, Caches};
use crate::head::{Head, Pushed, Series};
use crate::merge::ReadError;
use crate::metadata::MetadataTable;
use crate::metrics::Metrics;
use crate::record::Record;
use crate::state::{Flush, TsdbState};
use crate::tsdb::{SeriesId, Shared};
use crate::{SERIES_MAX, TsdbError, TsdbOptions};
use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use watchfire_model::{Sample, Samples, Timestamp};
use watchfire_store::{Clock, Manifest, Storage, StorageError, sweep};
use watchfire_wal::{Position, Wal, WalOptions};

const WAL_DIRECTORY: &str = "wal/metrics";
const MANIFEST_PREFIX: &str = "manifest/metrics";
pub(crate) const BLOCK_PREFIX: &str = "metrics/";

pub(crate) fn open(
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    options: TsdbOptions,
) -> Result<Shared, TsdbError> {
    let manifest: Manifest<TsdbState> = Manifest::open(Arc::clone(&storage), MANIFEST_PREFIX)?;
    let state = manifest.state();
    let metrics = Metrics::default();
    let blocks = open_blocks(&storage, &state, &metrics)?;
    let mut replay = Replay::new(state.flush, options.block_span.0.max(1) as i64, &metrics);
    let covered = state.flush.map_or(Position::START, |flush| flush.covered);
    let visit = &mut |position: Position, payload: &[u8]| replay.apply(position, payload);
    let (wal, _) = Wal::open(Arc::clone(&storage), WAL_DIRECTORY, WalOptions::default(), covered, visit)?;
    let Replay { head, appender, metadata, .. } = replay;
    metrics.head_series.set(head.index.read().len() as i64);
    let shared = Shared {
        caches: Caches::new(&options),
        storage,
        clock,
        options,
        wal,
        manifest,
        head,
        appender: Mutex::new(appender),
        blocks: RwLock::new(Arc::new(blocks)),
        metadata: Mutex::new(metadata),
        metrics,
        confirmed_time: AtomicI64::new(i64::MIN),
        maintenance: Mutex::new(()),
        flush_failed: AtomicI64::new(i64::MIN),
    };
    shared.confirm_time();
    shared.measure();
    Ok(shared)
}

/// The manifest's blocks; objects that it does not name are deleted: nobody else writes while a store is opened.
fn open_blocks(storage: &Arc<dyn Storage>, state: &TsdbState, metrics: &Metrics) -> Result<Vec<Arc<Block>>, TsdbError> {
    let live: HashSet<String> = state.blocks.iter().map(|block| block.key.clone()).collect();
    sweep(&**storage, BLOCK_PREFIX, &live)?;
    let mut blocks = Vec::with_capacity(state.blocks.len());
    for meta in &state.blocks {
        let block = Block::new(meta.clone(), Arc::clone(storage));
        match block.check() {
            Err(ReadError::Storage(error @ StorageError::Newer { .. })) => return Err(error.into()),
            Err(_) => {
                block.set_damaged();
                metrics.damaged_reads.inc();
            }
            Ok(()) => {}
        }
        blocks.push(Arc::new(block));
    }
    Ok(blocks)
}

/// Builds the head anew from the records of the log, in their order.
struct Replay<'a> {
    flush: Option<Flush>,
    span: i64,
    metrics: &'a Metrics,
    head: Head,
    appender: Appender,
    metadata: MetadataTable,
    /// The session that `series` holds for.
    session: u64,
    epoch_start: Option<Position>,
    /// By the ids of the epoch that is being read.
    series: HashMap<SeriesId, Arc<Series>, foldhash::fast::FixedState>,
    scratch: Samples,
}

impl<'a> Replay<'a> {
    fn new(flush: Option<Flush>, span: i64, metrics: &'a Metrics) -> Replay<'a> {
        Replay {
            flush,
            span,
            metrics,
            head: Head::default(),
            appender: Appender::default(),
            metadata: MetadataTable::default(),
            session: 0,
            epoch_start: None,
            series: HashMap::default(),
            scratch: Samples::default(),
        }
    }

    fn apply(&mut self, position: Position, payload: &[u8]) {
        if position.session != self.session || self.epoch_start.is_none() {
            self.session = position.session;
            self.epoch_start = Some(position);
            self.series.clear();
        }
        self.metrics.replayed_records.inc();
        match Record::decode(payload) {
            Ok(Record::Epoch) => {
                self.epoch_start = Some(position);
                self.series.clear();
            }
            Ok(Record::Series(definitions)) => {
                let mut index = self.head.index.write();
                for (id, labels) in definitions {
                    // Not the configured limit: these series had passed it when they were written.
                    match index.register(&labels, SERIES_MAX, 0) {
                        Ok((series, _)) => drop(self.series.insert(id, series)),
                        Err(_) => drop(self.metrics.refused_series.inc()),
                    }
                }
            }
            Ok(Record::Samples(samples)) => self.apply_samples(position, &samples),
            Ok(Record::Metadata(entries)) => {
                for (metric, metadata) in entries {
                    self.metadata.set(&metric, metadata);
                }
            }
            Err(_) => drop(self.metrics.replay_damaged_records.inc()),
        }
    }

    fn apply_samples(&mut self, position: Position, samples: &[(SeriesId, Sample)]) {
        let until = self.flush.map_or(i64::MIN, |flush| flush.until);
        let (mut times, mut held, mut strays) = ((i64::MAX, i64::MIN), 0, 0);
        let mut last_window = None;
        for &(id, Sample { time: Timestamp(time), value }) in samples {
            if self.flush.is_some_and(|flush| flush.holds(position, time)) {
                continue;
            }
            let Some(series) = self.series.get(&id) else {
                self.metrics.replay_orphan_samples.inc();
                continue;
            };
            let pushed = series.samples().push(time, value, &mut self.scratch);
            held += usize::from(pushed != Pushed::Replaced);
            strays += usize::from(time < until);
            times = (times.0.min(time), times.1.max(time));
            let window = time - time.rem_euclid(self.span);
            if time >= until && last_window.replace(window) != Some(window) {
                self.appender.note_replayed(window, self.epoch_start.unwrap_or(position));
            }
        }
        self.head.note(times, held, strays);
    }
}
