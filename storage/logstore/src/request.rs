//! What can be asked of the log store and what it answers.

use crate::{LostRows, RecordId, RecordIdError};
use smol_str::SmolStr;
use std::fmt;
use std::str::FromStr;
use watchfire_model::{FieldSelection, LogCost, LogFilter, LogRecord, ScanOrder, TimeNs, TimeRangeNs};

/// Asks for the first records, in some order, that pass a filter.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    pub filter: LogFilter,
    /// By event time, start inclusive, end exclusive.
    pub range: TimeRangeNs,
    /// `1..=SearchRequest::LIMIT_MAX`.
    pub limit: usize,
    /// Goes on behind the page that handed it out, in the same order.
    pub cursor: Option<Cursor>,
    /// [`ScanOrder::Any`] is the newest first.
    pub order: ScanOrder,
    /// What is left out of the records is empty.
    pub fields: FieldSelection,
}

impl SearchRequest {
    /// Records in one page of an answer.
    pub const LIMIT_MAX: usize = 10_000;
}

/// Where a page of an answer ended: the next one holds only what comes behind it, whatever arrived in between (a late
/// record whose place is behind the cursor is found, one whose place is before it is not).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor(pub RecordId);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Cursor {
    type Err = RecordIdError;

    fn from_str(text: &str) -> Result<Cursor, RecordIdError> {
        text.parse().map(Cursor)
    }
}

/// A page of records, in order of event time, then of arrival.
#[derive(Debug, Clone, Default)]
pub struct SearchResult {
    pub records: Vec<StoredRecord>,
    /// Present when further records may follow.
    pub next_cursor: Option<Cursor>,
    /// What is missing from the answer, each in words: keys of damaged blocks, records lost for good, records of the
    /// write-ahead log that are not there yet.
    pub partial: Vec<String>,
    pub stats: SearchStats,
}

/// A record with its name in the store. Its fields are sorted by name, wherever it lies.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRecord {
    pub id: RecordId,
    pub record: LogRecord,
}

/// Asks how many records pass a filter, over time.
#[derive(Debug, Clone)]
pub struct HistogramRequest {
    pub filter: LogFilter,
    /// By event time, start inclusive, end exclusive; records outside do not count, even in a bucket that is cut.
    pub range: TimeRangeNs,
    /// Nanoseconds per bucket, at least 1; buckets begin at multiples of it.
    pub step_ns: i64,
    /// The field whose values split the counts.
    pub by: Option<SmolStr>,
}

impl HistogramRequest {
    /// Buckets in one answer.
    pub const BUCKETS_MAX: usize = 11_000;
    /// Values that get counts of their own; the most frequent ones. The others count under [`HistogramRequest::OTHER`].
    pub const VALUES_MAX: usize = 64;
    /// Name of the series that sums the values beyond [`HistogramRequest::VALUES_MAX`]; always the last one.
    pub const OTHER: &'static str = "(other)";
}

/// Counts per bucket.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// Beginning of the first bucket: the start of the range, rounded down to a multiple of the step.
    pub start: TimeNs,
    pub step_ns: i64,
    /// Most frequent first; each list is as long as there are buckets. Without `by` exactly one, named `None`; with it
    /// `None` stands for records without the field.
    pub series: Vec<(Option<SmolStr>, Vec<u64>)>,
    pub total: u64,
    /// What is missing from the answer, each in words: keys of damaged blocks, records lost for good, records of the
    /// write-ahead log that are not there yet.
    pub partial: Vec<String>,
    pub stats: SearchStats,
}

/// Asks which fields the matching records have.
#[derive(Debug, Clone)]
pub struct FieldsRequest {
    pub filter: LogFilter,
    /// By event time, start inclusive, end exclusive.
    pub range: TimeRangeNs,
    /// Values listed per field; 0 lists names only.
    pub values_max: usize,
    /// Only these fields; all where there is no list.
    pub names: Option<Vec<SmolStr>>,
}

/// The fields of the matching records, `host`, `stream` and `level` among them, sorted by name. The message is left out.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    pub fields: Vec<FieldSummary>,
    /// What is missing from the answer, each in words: keys of damaged blocks, records lost for good, records of the
    /// write-ahead log that are not there yet.
    pub partial: Vec<String>,
    pub stats: SearchStats,
}

/// One field over all matching records.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldSummary {
    pub name: SmolStr,
    /// Of `bool`, `f64`, `i64`, `string`, those that occur, in this order.
    pub types: Vec<&'static str>,
    /// Matching records that have the field.
    pub records: u64,
    /// Most frequent first, then by text; counts are exact. Values are in their text form.
    pub values: Vec<(SmolStr, u64)>,
}

/// What an answer cost.
pub type SearchStats = LogCost;

/// What the store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogStoreStatus {
    /// Records in memory and in blocks.
    pub records: u64,
    /// Of these, in memory.
    pub memtable_records: u64,
    /// Memory that they take, estimated.
    pub memtable_bytes: u64,
    pub blocks: u64,
    /// Bytes of the blocks' files.
    pub block_bytes: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// Oldest and newest event time, where there are records.
    pub times: Option<(TimeNs, TimeNs)>,
    pub memory: LogStoreMemory,
    /// While records of earlier openings are still being brought back, or when that has failed.
    pub replay: Option<ReplayStatus>,
    /// Why nothing is taken in, when that will not change before a restart.
    pub failure: Option<String>,
    /// Blocks set aside.
    pub damaged: Vec<DamagedBlock>,
    /// What damage has cost.
    pub lost: Vec<LostRows>,
}

/// Memory that the store takes, in bytes, estimated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogStoreMemory {
    pub memtables: u64,
    /// Columns and index sections held for further queries.
    pub cache: u64,
    /// Batches that wait for readers of the live tail.
    pub tails: u64,
    /// Flushes, merges and repairs under way.
    pub work: u64,
}

impl LogStoreMemory {
    pub fn total(&self) -> u64 {
        self.memtables + self.cache + self.tails + self.work
    }
}

/// How far the write-ahead log has been replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayStatus {
    pub bytes_done: u64,
    pub bytes_total: u64,
}

/// A block that cannot be read as it was written: no query looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedBlock {
    pub key: String,
    pub stream: SmolStr,
    pub rows: u64,
    /// Earliest and latest event time.
    pub times: (TimeNs, TimeNs),
    pub what: String,
}
