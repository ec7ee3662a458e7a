//! The part of the store that the manifest keeps: which blocks exist, and what of the log they cover.

use crate::status::LostSamples;
use serde::{Deserialize, Serialize};
use watchfire_model::{TimeRange, Timestamp};
use watchfire_store::ManifestState;
use watchfire_wal::Position;

/// Losses that are remembered; of more the oldest are forgotten.
const LOST_MAX: usize = 1000;

/// Blocks in the order in which they were written, and the last flush.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TsdbState {
    pub(crate) blocks: Vec<BlockMeta>,
    pub(crate) flush: Option<Flush>,
    /// What damage has cost, oldest first.
    #[serde(default)]
    pub(crate) lost: Vec<LostSamples>,
    /// What was deleted and may still be in blocks, or in the part of the log that may be read again; oldest first.
    #[serde(default)]
    pub(crate) tombstones: Vec<Tombstone>,
    /// The exemplars of the last flush.
    #[serde(default)]
    pub(crate) exemplars: Option<ExemplarsMeta>,
}

/// One transaction.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct TsdbDelta {
    pub(crate) add: Vec<BlockMeta>,
    /// Keys of blocks that are no longer part of the store.
    pub(crate) remove: Vec<String>,
    pub(crate) flush: Option<Flush>,
    /// The block in whose place, right behind it, the added ones stand; the end where there is none.
    #[serde(default)]
    pub(crate) after: Option<String>,
    /// What the transaction finds to be lost.
    #[serde(default)]
    pub(crate) lost: Vec<LostSamples>,
    /// Concerns every block that overlaps its range now.
    #[serde(default)]
    pub(crate) deletion: Option<Tombstone>,
    #[serde(default)]
    pub(crate) exemplars: Option<ExemplarsMeta>,
    /// The log ends here, before positions that the state names: files of it are gone.
    #[serde(default)]
    pub(crate) log_end: Option<Position>,
}

/// A deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tombstone {
    pub(crate) id: u64,
    /// Series that pass all of any list.
    pub(crate) selectors: Vec<Vec<MatcherText>>,
    /// Times, both inclusive.
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// Samples of earlier records are deleted.
    pub(crate) position: Position,
}

/// A matcher as it is written in a selector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MatcherText {
    pub(crate) name: String,
    pub(crate) op: String,
    pub(crate) value: String,
}

/// The object that holds the exemplars of all records before `position`, as far as they are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExemplarsMeta {
    pub(crate) key: String,
    pub(crate) bytes: u64,
    pub(crate) position: Position,
}

/// What is known of a block without opening it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BlockMeta {
    pub(crate) key: String,
    /// Time of the oldest sample.
    pub(crate) min_time: i64,
    /// Time of the newest sample, inclusive.
    pub(crate) max_time: i64,
    pub(crate) series: u64,
    pub(crate) samples: u64,
    pub(crate) bytes: u64,
    /// Whether the block holds only what came too late (or too early) for the block of its window.
    pub(crate) stray: bool,
    /// Windows whose own blocks it holds; of a stray block it has no meaning.
    #[serde(default = "one_window")]
    pub(crate) windows: u64,
    /// Where in the log its samples stood.
    #[serde(default)]
    pub(crate) log: Option<LogRange>,
    /// Retention rules whose series were taken out of it.
    #[serde(default)]
    pub(crate) purged: Vec<String>,
    /// Tombstones that concern it.
    #[serde(default)]
    pub(crate) tombstones: Vec<u64>,
}

/// Records of the log, read from the start of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogRange {
    pub(crate) from: Position,
    /// Exclusive.
    pub(crate) until: Position,
}

/// A flush of the head: blocks hold the samples of all records before `position`, but for those with times from `until`
/// to `ahead` (exclusive).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flush {
    pub(crate) until: i64,
    pub(crate) ahead: i64,
    pub(crate) position: Position,
    /// Records before this one are not needed.
    pub(crate) covered: Position,
}

fn one_window() -> u64 {
    1
}

impl BlockMeta {
    pub(crate) fn range(&self) -> TimeRange {
        TimeRange { start: Timestamp(self.min_time), end: Timestamp(self.max_time) }
    }
}

impl LogRange {
    /// The range that holds both.
    pub(crate) fn with(self, other: LogRange) -> LogRange {
        LogRange { from: self.from.min(other.from), until: self.until.max(other.until) }
    }
}

impl Flush {
    /// Whether a sample of the record at `position` is in a block.
    pub(crate) fn holds(&self, position: Position, time: i64) -> bool {
        position < self.position && (time < self.until || self.ahead <= time)
    }
}

impl ManifestState for TsdbState {
    type Delta = TsdbDelta;

    fn apply(&mut self, delta: &TsdbDelta) {
        let place = |block: &BlockMeta| delta.after.as_ref() == Some(&block.key);
        let at = self.blocks.iter().position(place).map_or(self.blocks.len(), |place| place + 1);
        self.blocks.splice(at..at, delta.add.iter().cloned());
        self.blocks.retain(|block| !delta.remove.contains(&block.key));
        self.flush = delta.flush.or(self.flush);
        self.lost.extend(delta.lost.iter().cloned());
        self.lost.drain(..self.lost.len().saturating_sub(LOST_MAX));
        self.exemplars = delta.exemplars.clone().or_else(|| self.exemplars.take());
        if let Some(deletion) = &delta.deletion {
            let range = deletion.start..=deletion.end;
            for block in &mut self.blocks {
                if block.min_time <= *range.end() && *range.start() <= block.max_time {
                    block.tombstones.push(deletion.id);
                }
            }
            self.tombstones.push(deletion.clone());
        }
        if let Some(end) = delta.log_end {
            self.tombstones.iter_mut().for_each(|tombstone| tombstone.position = tombstone.position.min(end));
            self.exemplars.iter_mut().for_each(|exemplars| exemplars.position = exemplars.position.min(end));
        }
        self.forget_tombstones();
    }
}

impl TsdbState {
    /// Lets go of tombstones that no block names and that no record of the log needs any more.
    fn forget_tombstones(&mut self) {
        let TsdbState { blocks, flush, tombstones, exemplars, .. } = self;
        let covered = flush.map_or(Position::START, |flush| flush.covered);
        tombstones.retain(|tombstone| {
            let may_be_replayed = covered < tombstone.position;
            let may_be_loaded = exemplars.as_ref().is_some_and(|exemplars| exemplars.position <= tombstone.position);
            // A block that is built anew from such records must not bring back what the tombstone has deleted.
            let is_behind = |block: &BlockMeta| block.log.is_some_and(|log| log.from < tombstone.position);
            let is_named = |block: &BlockMeta| block.tombstones.contains(&tombstone.id) || is_behind(block);
            may_be_replayed || may_be_loaded || blocks.iter().any(is_named)
        });
    }
}
