//! What the manifest keeps of a block.

use crate::arrivals::Arrivals;
use crate::block::GRANULE_TEXT_BYTES;
use crate::block::layout::GRANULE_ROWS;
use crate::{RecordId, RecordRef, ValueRef};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use watchfire_model::{LogRecord, TimeNs};
use watchfire_wal::Position;

/// Where it was not counted: text over columns, about.
const RAW_RATIO_GUESS: u64 = 10;

/// What is known of a block without opening it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockMeta {
    /// Without the ending: `<key>.parquet` are the columns, `<key>.idx` is the index.
    pub key: String,
    pub stream: SmolStr,
    pub rows: u64,
    /// Earliest and latest event time.
    pub time_min: TimeNs,
    pub time_max: TimeNs,
    /// Latest arrival.
    pub received_max: TimeNs,
    pub parquet_bytes: u64,
    pub idx_bytes: u64,
    /// Bytes of the texts of all records, about; 0 where it was not counted.
    #[serde(default)]
    pub raw_bytes: u64,
    /// As large as memory allows a block to become: not merged any more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub full: bool,
    /// Where the records lie in the write-ahead log, in blocks that were made from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logged: Option<Logged>,
    /// Number of the first and of the last record, in order of time.
    #[serde(default)]
    pub sequences: (u64, u64),
    /// Hours of arrival; empty where they were not noted.
    #[serde(default, skip_serializing_if = "Arrivals::is_empty")]
    pub arrivals: Arrivals,
}

/// A stretch of the write-ahead log: records at `from` and after, before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logged {
    pub from: Position,
    pub until: Position,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl BlockMeta {
    /// A block without records.
    pub fn new(key: String, stream: SmolStr) -> BlockMeta {
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
    pub fn add(&mut self, id: RecordId, record: &LogRecord) {
        let fields = RecordRef::fields_of(record);
        self.add_ref(id, RecordRef::new(record, &fields));
    }

    /// Takes account of a record, the newest so far.
    pub fn add_ref(&mut self, id: RecordId, record: RecordRef<'_>) {
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

    /// Takes account of all records of another block.
    pub fn add_block(&mut self, other: &BlockMeta) {
        if other.rows == 0 {
            return;
        }
        let (first, last) = other.ids();
        if self.rows == 0 || first < self.ids().0 {
            self.sequences.0 = first.sequence;
        }
        if self.rows == 0 || last > self.ids().1 {
            self.sequences.1 = last.sequence;
        }
        self.rows += other.rows;
        self.time_min = self.time_min.min(other.time_min);
        self.time_max = self.time_max.max(other.time_max);
        self.received_max = self.received_max.max(other.received_max);
        self.arrivals.unite(&other.arrivals());
        self.raw_bytes += other.text_bytes();
    }

    pub fn parquet_key(&self) -> String {
        format!("{}.parquet", self.key)
    }

    pub fn idx_key(&self) -> String {
        format!("{}.idx", self.key)
    }

    /// Bytes of both files.
    pub fn bytes(&self) -> u64 {
        self.parquet_bytes + self.idx_bytes
    }

    /// Bytes of the texts of all records, about.
    pub fn text_bytes(&self) -> u64 {
        if self.raw_bytes > 0 { self.raw_bytes } else { self.parquet_bytes.saturating_mul(RAW_RATIO_GUESS) }
    }

    /// What one granule takes in memory, about.
    pub fn granule_bytes(&self) -> u64 {
        let granules = self.rows.div_ceil(GRANULE_ROWS as u64).max(1);
        (self.text_bytes() / granules).min(GRANULE_TEXT_BYTES as u64)
    }

    /// Hours of arrival; of the last record only where they were not noted.
    pub fn arrivals(&self) -> Arrivals {
        let mut arrivals = self.arrivals.clone();
        arrivals.add(self.received_max);
        arrivals
    }

    pub fn times(&self) -> (TimeNs, TimeNs) {
        (self.time_min, self.time_max)
    }

    /// The ids of the first and the last record.
    pub fn ids(&self) -> (RecordId, RecordId) {
        let (first, last) = self.sequences;
        (RecordId { time: self.time_min, sequence: first }, RecordId { time: self.time_max, sequence: last })
    }
}

/// Bytes of a record's texts and numbers, about.
fn raw_bytes(record: RecordRef<'_>) -> u64 {
    const NUMBER: usize = 8;
    let field = |(name, value): &(&str, ValueRef<'_>)| {
        name.len() + if let ValueRef::Text(text) = value { text.len() } else { NUMBER }
    };
    let fields: usize = record.fields.iter().map(field).sum();
    (3 * NUMBER + record.host.len() + record.message.len() + fields) as u64
}
