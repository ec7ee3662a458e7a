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
    }
}
