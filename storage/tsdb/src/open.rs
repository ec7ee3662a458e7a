//! Opening: blocks as the manifest names them; what the log holds beyond them is read behind.

use crate::appender::Appender;
use crate::block::{BLOCK_PREFIX, Block, Caches};
use crate::deletion::Deletion;
use crate::exemplars::ExemplarStore;
use crate::failures::Failures;
use crate::head::Head;
use crate::merge::ReadError;
use crate::metadata::MetadataTable;
use crate::metrics::Metrics;
use crate::replay::ReplayGate;
use crate::scrub::ScrubPlace;
use crate::state::{Flush, TsdbDelta, TsdbState};
use crate::tsdb::Shared;
use crate::{TsdbError, TsdbOptions};
use parking_lot::{Mutex, RwLock};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};
use watchfire_model::MatcherError;
use watchfire_store::{Clock, Manifest, Storage, StorageError, crash_point, sweep};
use watchfire_wal::{Backlog, Position, Wal};

const WAL_DIRECTORY: &str = "wal/metrics";
const MANIFEST_PREFIX: &str = "manifest/metrics";

pub(crate) fn open(
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    options: TsdbOptions,
) -> Result<(Shared, Backlog), TsdbError> {
    let manifest: Manifest<TsdbState> = Manifest::open(Arc::clone(&storage), MANIFEST_PREFIX)?;
    let state = manifest.state();
    let metrics = Metrics::default();
    let blocks = open_blocks(&storage, &state, &metrics)?;
    let damaged =
        |error: MatcherError| StorageError::Damaged { key: MANIFEST_PREFIX.to_owned(), what: error.to_string() };
    let deletions = Deletion::all(&state).map_err(damaged)?;
    crash_point("tsdb.open.swept");
    let covered = state.flush.map_or(Position::START, |flush| flush.covered);
    let (wal, backlog) = Wal::open_behind(Arc::clone(&storage), WAL_DIRECTORY, options.wal, covered)?;
    if let Some(flush) = state.flush.filter(|flush| backlog.end() < flush.position) {
        // Files of the log are gone, as after restoring a backup: what comes now is not what was flushed.
        let flush = Flush { position: backlog.end(), ..flush };
        let log_end = Some(backlog.end());
        manifest.commit(TsdbDelta { flush: Some(flush), log_end, ..TsdbDelta::default() })?;
    }
    let shared = Shared {
        caches: Caches::new(&options),
        exemplars: Mutex::new(ExemplarStore::new(options.exemplars_max)),
        saved_exemplars: Mutex::default(),
        deletions: RwLock::new(Arc::new(deletions)),
        storage,
        clock,
        options,
        wal,
        manifest,
        head: Head::default(),
        appender: Mutex::new(Appender::default()),
        blocks: RwLock::new(Arc::new(blocks)),
        metadata: Mutex::new(MetadataTable::default()),
        metrics,
        confirmed_time: AtomicI64::new(i64::MIN),
        maintenance: Mutex::new(()),
        flush_failed: AtomicI64::new(i64::MIN),
        compaction_failed: AtomicI64::new(i64::MIN),
        replay: ReplayGate::new(),
        scrub_place: Mutex::new(ScrubPlace::default()),
        failures: Failures::default(),
        unlisted: Mutex::default(),
        is_closing: AtomicBool::new(false),
    };
    shared.load_exemplars(state.exemplars.as_ref())?;
    shared.confirm_time();
    shared.measure();
    Ok((shared, backlog))
}

/// The manifest's blocks; objects that it does not name are deleted: nobody else writes while a store is opened.
fn open_blocks(storage: &Arc<dyn Storage>, state: &TsdbState, metrics: &Metrics) -> Result<Vec<Arc<Block>>, TsdbError> {
    let exemplars = state.exemplars.iter().map(|exemplars| exemplars.key.clone());
    let live: HashSet<String> = state.blocks.iter().map(|block| block.key.clone()).chain(exemplars).collect();
    sweep(&**storage, BLOCK_PREFIX, &live)?;
    let mut blocks = Vec::with_capacity(state.blocks.len());
    for meta in &state.blocks {
        let block = Block::new(meta.clone(), Arc::clone(storage));
        match block.check() {
            Err(ReadError::Storage(error @ StorageError::Newer { .. })) => return Err(error.into()),
            Err(error) if error.is_damage() => {
                block.set_damaged(&error);
                metrics.damaged_reads.inc();
            }
            // What cannot be read at the moment is tried again by whoever asks for it.
            Err(_) | Ok(()) => {}
        }
        blocks.push(Arc::new(block));
    }
    Ok(blocks)
}
