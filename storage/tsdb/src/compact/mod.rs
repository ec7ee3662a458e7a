//! Blocks merged into longer ones, and strays into the blocks that they belong to.
//!
//! Invariants
//! - A merge reads every block that shares a time with its output, so its place among the others does not matter to any
//!   sample; it stands where the last of them stood.
//! - What a query finds before and after is the same, but for what is past the retention.
//! - Memory: labels of the blocks at hand, one page of each, the samples of one series.

mod inputs;
mod plan;

use crate::TsdbError;
use crate::block::{Block, BlockWriter, WrittenBlock};
use crate::codec::{Columns, Unit, encode_units};
use crate::failures::Work;
use crate::merge::ReadError;
use crate::retention::Cutoffs;
use crate::state::{BlockMeta, LogRange, TsdbDelta};
use crate::status::LostSamples;
use crate::tsdb::Shared;
use inputs::{Inputs, Unreadable};
use plan::{Candidate, Job, Ranges, plan};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use watchfire_model::{Samples, TimeRange, Timestamp};
use watchfire_store::{StorageError, crash_point};

/// Series that are written between two looks at what else is due.
const SERIES_PER_LOOK: usize = 1024;

/// Space that has to be left after a merge, as a part of what it writes: the manifest and the log go on meanwhile.
const SPACE_MARGIN: u64 = 4;

/// Blocks that become one.
#[derive(Debug)]
pub(crate) struct Rewrite<'a> {
    blocks: &'a [Arc<Block>],
    cutoffs: &'a Cutoffs,
    range: TimeRange,
}

impl<'a> Rewrite<'a> {
    /// All that is kept of these blocks, in the order in which they were written.
    pub(crate) fn of(blocks: &'a [Arc<Block>], cutoffs: &'a Cutoffs) -> Rewrite<'a> {
        Rewrite { blocks, cutoffs, range: TimeRange::ALL }
    }

    fn within(self, start: i64, end: i64) -> Rewrite<'a> {
        Rewrite { range: TimeRange { start: Timestamp(start), end: Timestamp(end) }, ..self }
    }
}

impl Shared {
    /// One step of compaction, if there is one to take and the last failure is long enough ago.
    pub(crate) fn compact_if_due(&self) -> Result<(), TsdbError> {
        if self.replay.is_running() || !self.storage.has_room() || self.is_too_soon(&self.compaction_failed) {
            return Ok(());
        }
        let compacted = self.compact_once();
        if !matches!(compacted, Err(TsdbError::Closing)) {
            self.failures.note(Work::Compaction, &compacted);
        }
        match compacted {
            Ok(_) => {
                self.compaction_failed.store(i64::MIN, Ordering::Relaxed);
                Ok(())
            }
            Err(TsdbError::Closing) => Ok(()),
            Err(error) => {
                self.compaction_failed.store(self.now(), Ordering::Relaxed);
                self.metrics.failed_compactions.inc();
                Err(error)
            }
        }
    }

    pub(crate) fn compact_all(&self) -> Result<u64, TsdbError> {
        let _guard = self.maintenance.lock();
        let mut steps = 0;
        while self.compact_once()? {
            steps += 1;
        }
        self.measure();
        Ok(steps)
    }

    /// Carries out the next job; says whether there was one.
    fn compact_once(&self) -> Result<bool, TsdbError> {
        let blocks = self.blocks();
        let candidates: Vec<Candidate> =
            blocks.iter().map(|block| Candidate::new(&block.meta, block.is_damaged())).collect();
        let ranges = Ranges::new(self.span(), self.options.retention);
        let until = self.flushed_until().unwrap_or(i64::MIN);
        match plan(&candidates, &ranges, until) {
            None => return Ok(false),
            Some(Job::Merge(places)) => {
                let members: Vec<Arc<Block>> = places.iter().map(|place| Arc::clone(&blocks[*place])).collect();
                self.merge_blocks(&members)?;
                self.metrics.merged_blocks.inc_by(members.len() as u64);
            }
            Some(Job::Split { block, end }) => self.split_block(&blocks[block], end)?,
        }
        self.metrics.compactions.inc();
        Ok(true)
    }

    fn merge_blocks(&self, members: &[Arc<Block>]) -> Result<(), TsdbError> {
        self.check_space(members)?;
        let cutoffs = self.cutoffs();
        let merged = self.rewrite(&Rewrite::of(members, &cutoffs))?;
        let regular = || members.iter().filter(|block| !block.meta.stray);
        let log = members.iter().map(|block| block.meta.log).reduce(|a, b| Some(LogRange::with(a?, b?))).flatten();
        let merged = merged.map(|written| BlockMeta {
            stray: regular().count() == 0,
            windows: regular().map(|block| block.meta.windows).sum::<u64>().max(1),
            log,
            purged: common_purges(members),
            ..BlockMeta::of(written)
        });
        self.replace(members, merged.into_iter().collect(), Vec::new())
    }

    fn split_block(&self, block: &Arc<Block>, end: i64) -> Result<(), TsdbError> {
        let members = std::slice::from_ref(block);
        self.check_space(members)?;
        // Nothing is left out: that could uncover what the block replaces in one that stays.
        let cutoffs = Cutoffs::none();
        let mut pieces = Vec::new();
        for (start, last) in [(i64::MIN, end - 1), (end, i64::MAX)] {
            let piece = self.rewrite(&Rewrite::of(members, &cutoffs).within(start, last))?;
            let BlockMeta { stray, windows, log, .. } = block.meta;
            let purged = block.meta.purged.clone();
            pieces.extend(piece.map(|piece| BlockMeta { stray, windows, log, purged, ..BlockMeta::of(piece) }));
        }
        self.replace(members, pieces, Vec::new())
    }

    /// One transaction: `blocks` go, `replacements` take the place of the last of them.
    pub(crate) fn replace(
        &self,
        blocks: &[Arc<Block>],
        replacements: Vec<BlockMeta>,
        lost: Vec<LostSamples>,
    ) -> Result<(), TsdbError> {
        crash_point("tsdb.compact.written");
        let remove: Vec<String> = blocks.iter().map(|block| block.meta.key.clone()).collect();
        let after = remove.last().cloned();
        self.transact(TsdbDelta { add: replacements, after, remove, lost, ..TsdbDelta::default() })?;
        crash_point("tsdb.compact.listed");
        self.confirm_time();
        Ok(())
    }

    /// Writes what is kept of blocks to one; none where that is nothing. Flushes the head whenever that comes due.
    pub(crate) fn rewrite(&self, rewrite: &Rewrite<'_>) -> Result<Option<WrittenBlock>, TsdbError> {
        let mut inputs = Inputs::open(rewrite.blocks).map_err(|unreadable| self.unreadable(unreadable))?;
        let mut writer = BlockWriter::create(Arc::clone(&self.storage), self.now(), self.manifest.number())?;
        let deletions = self.deletions();
        let mut samples = Samples::default();
        let mut units: Vec<Unit> = Vec::new();
        let mut written = 0;
        while let Some(labels) = inputs.peek() {
            let oldest = rewrite.cutoffs.common().unwrap_or_else(|| rewrite.cutoffs.of(&inputs.to_labels(&labels)));
            let range = TimeRange { start: rewrite.range.start.max(Timestamp(oldest)), ..rewrite.range };
            samples.clear();
            inputs.take(&labels, range, &deletions, &mut samples).map_err(|unreadable| self.unreadable(unreadable))?;
            units.clear();
            units.extend(encode_units(Columns::of(&samples)));
            writer.add(&labels, units.iter())?;
            written += 1;
            if written % SERIES_PER_LOOK == 0 {
                self.check_closing()?;
                // What fails here is tried again, and told, by the next maintenance.
                drop(self.flush_if_due());
            }
        }
        Ok(writer.finish(inputs.texts())?)
    }

    /// A merge needs the space of what it writes until what it read is deleted.
    pub(crate) fn check_space(&self, members: &[Arc<Block>]) -> Result<(), TsdbError> {
        let bytes = members.iter().map(|block| block.meta.bytes).sum::<u64>();
        if self.storage.space()?.available < bytes.saturating_add(bytes / SPACE_MARGIN) {
            return Err(StorageError::Full { key: members[0].meta.key.clone() }.into());
        }
        Ok(())
    }

    /// Notes damage, so that the next plan leaves the block out.
    fn unreadable(&self, Unreadable { block, error }: Unreadable) -> TsdbError {
        self.note_damage(&block, &error);
        match error {
            ReadError::Storage(error) => error.into(),
            error => TsdbError::DamagedBlock { key: block.meta.key.clone(), reason: error.to_string() },
        }
    }

    /// Takes a failed read for damage unless it is the storage's own failure, which may pass.
    pub(crate) fn note_damage(&self, block: &Block, error: &ReadError) {
        if error.is_damage() {
            block.set_damaged(error);
            self.metrics.damaged_reads.inc();
        }
    }
}

/// Rules that were applied to all of these blocks.
fn common_purges(blocks: &[Arc<Block>]) -> Vec<String> {
    let Some((first, others)) = blocks.split_first() else { return Vec::new() };
    let in_all = |rule: &&String| others.iter().all(|block| block.meta.purged.contains(rule));
    first.meta.purged.iter().filter(in_all).cloned().collect()
}
