//! What the manifest says: which blocks exist, how far they cover the write-ahead log, and what is lost for good.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use watchfire_logblock::BlockMeta;
use watchfire_model::TimeNs;
use watchfire_store::ManifestState;
use watchfire_wal::Position;

/// Where the blocks' objects lie.
pub(crate) const BLOCK_PREFIX: &str = "logs/";
/// Entries about lost records; beyond this those of one stream are told in one.
const LOST_MAX: usize = 256;

/// The store after some transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogState {
    /// By key.
    pub(crate) blocks: BTreeMap<String, BlockMeta>,
    /// Records of the write-ahead log before this lie in blocks, or their retention is over.
    pub(crate) covered: Position,
    /// All records of the write-ahead log from `covered` on have at least this number.
    pub(crate) next_sequence: u64,
    /// No record has this number or a greater one. 0 in stores of the first format, which did not keep it.
    #[serde(default)]
    pub(crate) reserved: u64,
    /// Records that damage has cost.
    #[serde(default)]
    pub(crate) lost: Vec<LostRows>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reserved: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) lost: Vec<LostRows>,
    /// Keys of blocks whose loss is no longer told: their retention is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) forget: Vec<String>,
}

/// A flush has brought everything up to here into blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Covered {
    pub(crate) position: Position,
    pub(crate) next_sequence: u64,
}

/// Records that damage has cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostRows {
    /// The block that they were in.
    pub key: String,
    pub stream: SmolStr,
    /// How many.
    pub rows: u64,
    /// Earliest and latest event time that they may have had.
    pub times: (TimeNs, TimeNs),
    /// What was damaged.
    pub what: String,
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
        self.reserved = self.reserved.max(delta.reserved.unwrap_or(0));
        self.lost.retain(|lost| !delta.forget.contains(&lost.key));
        for lost in &delta.lost {
            self.tell(lost);
        }
    }
}

impl LogState {
    /// Adds an entry; a long list tells the losses of one stream together.
    fn tell(&mut self, lost: &LostRows) {
        let is_long = self.lost.len() >= LOST_MAX;
        match self.lost.iter_mut().find(|other| is_long && other.stream == lost.stream) {
            Some(other) => {
                other.rows += lost.rows;
                other.times = (other.times.0.min(lost.times.0), other.times.1.max(lost.times.1));
            }
            None => self.lost.push(lost.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(key: usize, stream: &str, time: i64) -> LostRows {
        let times = (TimeNs(time), TimeNs(time + 1));
        LostRows { key: format!("k{key}"), stream: stream.into(), rows: 1, times, what: "w".to_owned() }
    }

    #[test]
    fn a_long_list_of_losses_is_told_in_short() {
        let mut state = LogState::default();
        let all = (0..LOST_MAX + 10).map(|key| lost(key, "a", key as i64)).collect();
        state.apply(&LogDelta { lost: all, ..LogDelta::default() });
        assert_eq!(state.lost.len(), LOST_MAX);
        assert_eq!(state.lost.iter().map(|lost| lost.rows).sum::<u64>(), LOST_MAX as u64 + 10);
        assert_eq!(state.lost[0].times, (TimeNs(0), TimeNs(LOST_MAX as i64 + 10)));
        state.apply(&LogDelta { lost: vec![lost(9999, "b", 7)], forget: vec!["k0".to_owned()], ..LogDelta::default() });
        assert_eq!((state.lost.len(), state.lost.last().map(|lost| lost.stream.as_str())), (LOST_MAX, Some("b")));
    }

    #[test]
    fn what_the_first_format_left_out_is_read_as_nothing() {
        let block = r#"{"key":"k","stream":"s","rows":3,"time_min":1,"time_max":9,"received_max":7,"parquet_bytes":50,
            "idx_bytes":5}"#;
        let delta = format!(r#"{{"add":[{block}],"remove":[],"covered":null}}"#);
        let delta: LogDelta = serde_json::from_str(&delta).expect("a delta of the first format");
        let mut state: LogState =
            serde_json::from_str(r#"{"blocks":{},"covered":{"session":1,"index":2},"next_sequence":5}"#)
                .expect("a snapshot of the first format");
        state.apply(&delta);
        let block = &state.blocks["k"];
        assert_eq!((block.full, block.logged, block.text_bytes()), (false, None, 500));
        assert_eq!((state.reserved, state.lost.len(), block.arrivals().is_empty()), (0, 0, false));
    }
}
