//! What the manifest says: which blocks exist, and how far they cover the write-ahead log.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use watchfire_model::TimeNs;
use watchfire_store::ManifestState;
use watchfire_wal::Position;

/// Where the blocks' objects lie.
pub(crate) const BLOCK_PREFIX: &str = "logs/";

/// The store after some transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogState {
    /// By key.
    pub(crate) blocks: BTreeMap<String, BlockMeta>,
    /// Records of the write-ahead log before this lie in blocks, or their retention is over.
    pub(crate) covered: Position,
    /// All records in blocks have smaller numbers.
    pub(crate) next_sequence: u64,
}

/// One transaction.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct LogDelta {
    #[serde(default)]
    pub(crate) add: Vec<BlockMeta>,
    /// Keys.
    #[serde(default)]
    pub(crate) remove: Vec<String>,
    #[serde(default)]
    pub(crate) covered: Option<Covered>,
}

/// A flush has brought everything up to here into blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Covered {
    pub(crate) position: Position,
    pub(crate) next_sequence: u64,
}

/// What is known of a block without opening it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BlockMeta {
    /// Without the ending: `<key>.parquet` are the columns, `<key>.idx` is the index.
    pub(crate) key: String,
    pub(crate) stream: SmolStr,
    pub(crate) rows: u64,
    /// Earliest and latest event time.
    pub(crate) time_min: TimeNs,
    pub(crate) time_max: TimeNs,
    /// Latest arrival.
    pub(crate) received_max: TimeNs,
    pub(crate) parquet_bytes: u64,
    pub(crate) idx_bytes: u64,
}

impl BlockMeta {
    pub(crate) fn parquet_key(&self) -> String {
        format!("{}.parquet", self.key)
    }

    pub(crate) fn idx_key(&self) -> String {
        format!("{}.idx", self.key)
    }

    /// Bytes of both files.
    pub(crate) fn bytes(&self) -> u64 {
        self.parquet_bytes + self.idx_bytes
    }
}

impl ManifestState for LogState {
    type Delta = LogDelta;

    fn apply(&mut self, delta: &LogDelta) {
        for key in &delta.remove {
            self.blocks.remove(key);
        }
        for block in &delta.add {
            self.blocks.insert(block.key.clone(), block.clone());
        }
        if let Some(covered) = delta.covered {
            self.covered = covered.position;
            self.next_sequence = covered.next_sequence;
        }
    }
}
