//! What the store says of itself.

use serde::{Deserialize, Serialize};
use watchfire_model::{DurationMs, Timestamp};

/// What one call of `append` did with its samples: `stored` + `too_old` + `too_far_ahead` + `invalid` + `unknown.len()`
/// is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Appended {
    /// Samples taken, those of the next two fields among them.
    pub stored: usize,
    /// Samples at the time of their series' newest sample, which they replaced.
    pub duplicates: usize,
    /// Samples older than their series' newest.
    pub out_of_order: usize,
    /// Refused: older than the retention.
    pub too_old: usize,
    /// Refused: too far ahead of the clock.
    pub too_far_ahead: usize,
    /// Refused: histograms of an unknown schema, or with too many or unordered buckets.
    pub invalid: usize,
    /// Indexes of samples whose series the head has dropped: register the series again.
    pub unknown: Vec<usize>,
}

/// What one call of `append_exemplars` did; the fields together are all that were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExemplarsAppended {
    pub stored: usize,
    /// Refused: older than the retention, or than all of as many as are kept.
    pub too_old: usize,
    /// Not taken: the series has an exemplar with this time, value and labels.
    pub duplicates: usize,
    /// Refused: too far ahead of the clock.
    pub too_far_ahead: usize,
    /// Refused: their labels have more than [`Exemplar::LABELS_CHARS_MAX`](watchfire_model::Exemplar) characters.
    pub too_long: usize,
    /// Indexes of exemplars whose series the head has dropped: register the series again.
    pub unknown: Vec<usize>,
}

/// The store at one moment.
#[derive(Debug, Clone, Default)]
pub struct TsdbStatus {
    /// Series in the head.
    pub series: u64,
    /// Samples in the head that are in no block yet.
    pub head_samples: u64,
    /// Memory of the head: samples, labels, postings, and the part of the log that is not durable yet.
    pub head_bytes: u64,
    pub head_min_time: Option<Timestamp>,
    pub head_max_time: Option<Timestamp>,
    /// Oldest and newest sample of head and blocks.
    pub min_time: Option<Timestamp>,
    pub max_time: Option<Timestamp>,
    /// Bytes of the write-ahead log not yet covered by blocks.
    pub wal_bytes: u64,
    /// Oldest first.
    pub blocks: Vec<BlockStatus>,
    /// Keys of blocks of which a part could not be read and is missing from answers.
    pub damaged_blocks: Vec<String>,
    /// The same blocks, and what is wrong with them.
    pub damage: Vec<DamagedBlock>,
    /// What damage has cost for good, oldest first; what is past the retention is not told any more.
    pub lost: Vec<LostSamples>,
    /// How far the log is read; none once everything is in the head.
    pub replay: Option<ReplayStatus>,
    pub scrub: ScrubStatus,
    /// The work that failed last and has not succeeded since, in words.
    pub last_failure: Option<String>,
}

/// How far the round of [`Tsdb::scrub`](crate::Tsdb::scrub) over all blocks is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScrubStatus {
    pub checked_bytes: u64,
    pub total_bytes: u64,
    /// When a round was last completed since the store was opened.
    pub last_completed: Option<Timestamp>,
}

/// A block of which a part cannot be read. [`Tsdb::repair`](crate::Tsdb::repair) takes care of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedBlock {
    pub key: String,
    /// What was found first.
    pub reason: String,
    pub min_time: Timestamp,
    /// Inclusive.
    pub max_time: Timestamp,
    /// Series and samples of the whole block: how much of it cannot be read is found by repairing it.
    pub series: u64,
    pub samples: u64,
}

/// Samples that damage took out of a block for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostSamples {
    /// The block that was damaged.
    pub block: String,
    pub reason: String,
    /// Series that miss samples.
    pub series: u64,
    pub samples: u64,
    /// Times that the missing samples lie within.
    pub min_time: Timestamp,
    /// Inclusive.
    pub max_time: Timestamp,
}

/// How far the log of earlier runs is read into the head. Until then answers lack what is in the rest of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayStatus {
    pub bytes_done: u64,
    pub bytes_total: u64,
    /// Why it does not go on at the moment; it is tried again.
    pub error: Option<String>,
}

/// What a scrub has read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScrubReport {
    /// Bytes whose checksums were compared.
    pub bytes: u64,
    /// Blocks that were read to their end.
    pub blocks: u64,
    /// Found by this scrub or known before, among the blocks that it read.
    pub damaged: Vec<DamagedBlock>,
    /// Whether the round over all blocks is complete; the next call begins another.
    pub round_complete: bool,
}

/// What repairing has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepairReport {
    /// Blocks written anew out of the log, whole.
    pub rebuilt: Vec<String>,
    /// Blocks of which the readable part was written anew.
    pub salvaged: Vec<String>,
    /// What is gone.
    pub lost: Vec<LostSamples>,
    /// Where the damaged objects are kept.
    pub set_aside: Vec<String>,
}

/// What the retention would do to a block now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionStep {
    pub block: String,
    pub min_time: Timestamp,
    /// Inclusive.
    pub max_time: Timestamp,
    pub samples: u64,
    pub bytes: u64,
    pub reason: RetentionReason,
}

/// Why the retention concerns a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetentionReason {
    /// All of it is older than the retention: it is deleted.
    Age { retention: DurationMs },
    /// The store is larger than it may be: it is deleted.
    Bytes { max: u64 },
    /// All of it is older than the retention of a rule: the rule's series are taken out of it.
    Rule { rule: String },
}

/// One block.
#[derive(Debug, Clone)]
pub struct BlockStatus {
    pub key: String,
    pub min_time: Timestamp,
    /// Inclusive.
    pub max_time: Timestamp,
    pub series: u64,
    pub samples: u64,
    pub bytes: u64,
}

/// Where the head's series come from, largest counts first.
#[derive(Debug, Clone, Default)]
pub struct Cardinality {
    pub label_pairs: u64,
    pub series_by_metric: Vec<(String, u64)>,
    pub values_by_label: Vec<(String, u64)>,
    /// `name=value` and its series.
    pub series_by_pair: Vec<(String, u64)>,
}
