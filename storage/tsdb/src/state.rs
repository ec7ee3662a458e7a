//! The part of the store that the manifest keeps: which blocks exist, and what of the log they cover.

use serde::{Deserialize, Serialize};
use watchfire_model::{TimeRange, Timestamp};
use watchfire_store::ManifestState;
use watchfire_wal::Position;

/// Blocks in the order in which they were written, and the last flush.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TsdbState {
    pub(crate) blocks: Vec<BlockMeta>,
    pub(crate) flush: Option<Flush>,
}

/// One transaction.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct TsdbDelta {
    pub(crate) add: Vec<BlockMeta>,
    /// Keys of blocks that are no longer part of the store.
    pub(crate) remove: Vec<String>,
    pub(crate) flush: Option<Flush>,
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
    /// Whether the block holds what came too late (or too early) for the block of its window.
    pub(crate) stray: bool,
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

impl BlockMeta {
    pub(crate) fn range(&self) -> TimeRange {
        TimeRange { start: Timestamp(self.min_time), end: Timestamp(self.max_time) }
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
        self.blocks.retain(|block| !delta.remove.contains(&block.key));
        self.blocks.extend(delta.add.iter().cloned());
        self.flush = delta.flush.or(self.flush);
    }
}
