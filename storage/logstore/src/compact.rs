//! Merges small blocks into large ones, which take less opening and share what is known of a whole block. Full granules are
//! copied as they are. What a merge holds in memory: of each input its statistics, of what is written anew (the rows of
//! small granules) one granule each of those that overlap, and of the output one granule and what is known of all.

mod plan;

use crate::LogStoreError;
use crate::fresh::Fresh;
use crate::state::LogDelta;
use crate::store::Inner;
use crate::worker::Worker;
use crate::write::{BlocksWriter, Held, Job, TOKENS_BYTES_MAX, Uncommitted, Work};
use parking_lot::MutexGuard;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use watchfire_logblock::BlockMeta;
use watchfire_logblock::block::{Block, BlockMerge, MergeError, ReadError};
use watchfire_store::crash_point;

/// After a failure the thread waits this long, or until something changes.
const PAUSE: Duration = Duration::from_secs(30);
/// Room beyond the size of the inputs that there has to be for a merge to begin.
const ROOM_BYTES: u64 = 32 << 20;

/// How a merge ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Merged {
    Done,
    /// The store is about to close, or an input has gone.
    GivenUp,
}

/// Starts the thread that merges blocks.
pub(crate) fn start(inner: &Arc<Inner>) -> Result<Worker, LogStoreError> {
    Worker::start("logstore-compact", inner, Inner::compact_when_due)
}

impl Inner {
    fn compact_when_due(&self, stop: &AtomicBool) {
        while !stop.load(Ordering::SeqCst) {
            self.repair_without_loss(stop);
            if matches!(self.compact_next(stop), Ok(true)) {
                continue;
            }
            let mut fresh = self.fresh.lock();
            if !stop.load(Ordering::SeqCst) {
                self.changed.wait_for(&mut fresh, PAUSE);
            }
        }
    }

    /// Merges until there is nothing left to merge.
    pub(crate) fn compact(&self) -> Result<(), LogStoreError> {
        while self.compact_next(&AtomicBool::new(false))? {}
        Ok(())
    }

    /// One merge; false when there is none to do, or no room for it.
    fn compact_next(&self, stop: &AtomicBool) -> Result<bool, LogStoreError> {
        let _compaction = self.compaction.lock();
        let Some(inputs) = self.next_inputs() else { return Ok(false) };
        let bytes: u64 = inputs.iter().map(|block| block.meta.bytes()).sum();
        if !self.storage.has_room() || self.storage.space()?.available < bytes + ROOM_BYTES {
            return Ok(false);
        }
        match self.with_reserve(|| self.merge(&inputs, stop)) {
            Ok(Merged::Done) => {
                self.metrics.compactions.inc();
                self.metrics.compacted_bytes.inc_by(bytes);
                self.measure();
                Ok(true)
            }
            Ok(Merged::GivenUp) => Ok(false),
            Err(error) => {
                self.metrics.compaction_failures.inc();
                // The next plan does without a damaged input.
                if inputs.iter().any(|block| block.is_damaged()) { Ok(true) } else { Err(error) }
            }
        }
    }

    /// Merges all blocks of each stream and day, however few or large they are.
    #[cfg(test)]
    pub(crate) fn merge_all(&self) -> Result<(), LogStoreError> {
        let mut groups: std::collections::BTreeMap<_, Vec<Arc<Block>>> = std::collections::BTreeMap::new();
        for block in self.fresh.lock().blocks.iter() {
            let day = block.meta.time_min.0.div_euclid(crate::key::DAY_NS);
            groups.entry((block.meta.stream.clone(), day)).or_default().push(Arc::clone(block));
        }
        for inputs in groups.into_values() {
            assert_eq!(self.merge(&inputs, &AtomicBool::new(false))?, Merged::Done);
        }
        Ok(())
    }

    fn next_inputs(&self) -> Option<Vec<Arc<Block>>> {
        let blocks = Arc::clone(&self.fresh.lock().blocks);
        let metas: Vec<&BlockMeta> =
            blocks.iter().filter(|block| !block.is_damaged()).map(|block| &block.meta).collect();
        let chosen = plan::next(&metas, self.options.compact_rows_max)?;
        Some(blocks.iter().filter(|block| chosen.contains(&&block.meta)).cloned().collect())
    }

    fn merge(&self, inputs: &[Arc<Block>], stop: &AtomicBool) -> Result<Merged, LogStoreError> {
        let Some(blocks) = self.write_merged(inputs, stop)? else { return Ok(Merged::GivenUp) };
        crash_point("logstore.compact.blocks_written");
        let _maintenance = self.maintenance.lock();
        let state = self.manifest.state();
        if inputs.iter().any(|block| !state.blocks.contains_key(&block.meta.key)) {
            return Ok(Merged::GivenUp);
        }
        let written: u64 = blocks.metas().iter().map(BlockMeta::bytes).sum();
        let remove = inputs.iter().map(|block| block.meta.key.clone()).collect();
        self.commit_blocks(blocks, LogDelta { remove, ..LogDelta::default() }, |_| {})?;
        self.metrics.compaction_written_bytes.inc_by(written);
        crash_point("logstore.compact.committed");
        Ok(Merged::Done)
    }

    /// The merged blocks; none when the store is about to close.
    fn write_merged(&self, inputs: &[Arc<Block>], stop: &AtomicBool) -> Result<Option<Uncommitted>, LogStoreError> {
        let failed = |error| self.merge_failed(inputs, error);
        let mut merge = BlockMerge::open(inputs, self.granule_rows).map_err(failed)?;
        let Some(first) = inputs.first() else { return Ok(None) };
        let job = Job {
            work: Work::Compact,
            stream: first.meta.stream.clone(),
            time_max: inputs.iter().map(|block| block.meta.time_max).max().unwrap_or_default(),
            fields: merge.fields().to_vec(),
            shape: self.shape(),
            tokens_bytes_max: TOKENS_BYTES_MAX,
            logged: None,
        };
        let mut writer = BlocksWriter::new(self, job);
        let mut held = Held::new(&self.working_bytes);
        while writer.merge_step(inputs, |block| merge.step(block).map_err(failed))? {
            held.set(merge.memory());
            crash_point("logstore.compact.granule_written");
            if !self.wait_for_flush(stop) {
                return Ok(None);
            }
        }
        self.metrics.copied_granules.inc_by(merge.copied());
        self.metrics.rewritten_records.inc_by(merge.rewritten());
        writer.finish().map(Some)
    }

    /// A damaged input is set aside; then the next plan does without it.
    fn merge_failed(&self, inputs: &[Arc<Block>], error: MergeError) -> LogStoreError {
        let (block, error) = match error {
            MergeError::Read { input, source } => (&inputs[input], source),
            MergeError::Write(error) => return error.into(),
        };
        match error {
            ReadError::Damaged(_) | ReadError::Missing => self.set_damaged(block, &error.to_string()),
            ReadError::Storage(_) | ReadError::Exhausted(_) => {}
        }
        LogStoreError::Read { key: block.meta.key.clone(), what: error.to_string() }
    }

    /// Lets a flush go first; false when the store is about to close.
    fn wait_for_flush(&self, stop: &AtomicBool) -> bool {
        let is_flushing = |fresh: &MutexGuard<'_, Fresh>| fresh.frozen.is_some() && !fresh.flush_failed;
        let mut fresh = self.fresh.lock();
        while !stop.load(Ordering::SeqCst) && is_flushing(&fresh) {
            self.changed.wait(&mut fresh);
        }
        !stop.load(Ordering::SeqCst)
    }
}
