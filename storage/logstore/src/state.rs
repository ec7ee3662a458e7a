//! What the manifest says: which blocks exist, how far they cover the write-ahead log, and what is lost for good.

use crate::RecordId;
use crate::arrivals::Arrivals;
use crate::block::GRANULE_TEXT_BYTES;
use crate::block::layout::GRANULE_ROWS;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use watchfire_model::{LogRecord, TimeNs};
use watchfire_store::ManifestState;
use watchfire_wal::Position;

/// Where the blocks' objects lie.
pub(crate) const BLOCK_PREFIX: &str = "logs/";
/// Entries about lost records; beyond this those of one stream are told in one.
const LOST_MAX: usize = 256;
/// Where it was not counted: text over columns, about.
const RAW_RATIO_GUESS: u64 = 10;

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
    /// Bytes of the texts of all records, about; 0 where it was not counted.
    #[serde(default)]
    pub(crate) raw_bytes: u64,
    /// As large as memory allows a block to become: not merged any more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) full: bool,
    /// Where the records lie in the write-ahead log, in blocks that were made from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) logged: Option<Logged>,
    /// Number of the first and of the last record, in order of time.
    #[serde(default)]
    pub(crate) sequences: (u64, u64),
    /// Hours of arrival; empty where they were not noted.
    #[serde(default, skip_serializing_if = "Arrivals::is_empty")]
    pub(crate) arrivals: Arrivals,
}

/// A stretch of the write-ahead log: records at `from` and after, before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Logged {
    pub(crate) from: Position,
    pub(crate) until: Position,
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl BlockMeta {
    /// A block without records.
    pub(crate) fn new(key: String, stream: SmolStr) -> BlockMeta {
        BlockMeta {
            key,
            stream,
            rows: 0,
            time_min: TimeNs::MAX,
            time_max: TimeNs::MIN,
            received_max: TimeNs::MIN,
            parquet_bytes: 0,
            idx_bytes: 0,
            raw_bytes: 0,
            full: false,
            logged: None,
            sequences: (0, 0),
            arrivals: Arrivals::default(),
        }
    }

    /// Takes account of a record, the newest so far.
    pub(crate) fn add(&mut self, id: RecordId, record: &LogRecord) {
        if self.rows == 0 {
            self.sequences.0 = id.sequence;
        }
        self.sequences.1 = id.sequence;
        self.rows += 1;
        self.time_min = self.time_min.min(id.time);
        self.time_max = self.time_max.max(id.time);
        self.received_max = self.received_max.max(record.received);
        self.arrivals.add(record.received);
        self.raw_bytes += raw_bytes(record);
    }

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

    /// Bytes of the texts of all records, about.
    pub(crate) fn text_bytes(&self) -> u64 {
        if self.raw_bytes > 0 { self.raw_bytes } else { self.parquet_bytes.saturating_mul(RAW_RATIO_GUESS) }
    }

    /// What one granule takes in memory, about.
    pub(crate) fn granule_bytes(&self) -> u64 {
        let granules = self.rows.div_ceil(GRANULE_ROWS as u64).max(1);
        (self.text_bytes() / granules).min(GRANULE_TEXT_BYTES as u64)
    }

    /// Hours of arrival; of the last record only where they were not noted.
    pub(crate) fn arrivals(&self) -> Arrivals {
        let mut arrivals = self.arrivals.clone();
        arrivals.add(self.received_max);
        arrivals
    }

    pub(crate) fn times(&self) -> (TimeNs, TimeNs) {
        (self.time_min, self.time_max)
    }

    /// The ids of the first and the last record.
    pub(crate) fn ids(&self) -> (RecordId, RecordId) {
        let (first, last) = self.sequences;
        (RecordId { time: self.time_min, sequence: first }, RecordId { time: self.time_max, sequence: last })
    }
}

/// Bytes of a record's texts and numbers, about.
fn raw_bytes(record: &LogRecord) -> u64 {
    use watchfire_model::FieldValue::Text;
    const NUMBER: usize = 8;
    let field = |(name, value): &(SmolStr, watchfire_model::FieldValue)| {
        name.len() + if let Text(text) = value { text.len() } else { NUMBER }
    };
    let fields: usize = record.fields.iter().map(field).sum();
    (3 * NUMBER + record.host.len() + record.message.len() + fields) as u64
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
